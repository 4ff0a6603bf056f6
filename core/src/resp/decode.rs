//! An incremental decoder of replies, for whoever plays the client.
//!
//! It keeps a stack of the aggregates that are open, so bytes that have been understood are not looked at again when
//! more arrive, and every count in the input is checked against a limit before anything is reserved for it: a reply
//! comes from somebody else.

use super::value::Value;
use crate::store::float::of_decimal;
use crate::store::num::parse_i64;

/// Limits on what a [`Decoder`] takes in.
#[derive(Clone, Copy, Debug)]
pub struct DecodeLimits {
    /// How deep aggregates may nest.
    pub depth_max: usize,
    /// The longest string in bytes.
    pub bulk_len_max: usize,
    /// The longest line (status, error, number, header) in bytes.
    pub line_len_max: usize,
    /// The most elements that one aggregate may announce.
    pub elements_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits { depth_max: 64, bulk_len_max: 512 << 20, line_len_max: 64 << 10, elements_max: 1 << 24 }
    }
}

/// Why bytes are not a reply. A decoder that gave one gives it again; the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// A reply begins with a byte that no type has.
    UnknownType(u8),
    /// A length or number is not one.
    BadNumber,
    /// A line or string does not end in CR LF where it should.
    BadEnd,
    /// Something of fixed form (null, boolean, verbatim string) has another.
    BadForm,
    /// A limit of [`DecodeLimits`] was crossed.
    TooLarge,
    /// Aggregates nest deeper than [`DecodeLimits::depth_max`].
    TooDeep,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DecodeError::UnknownType(byte) => {
                write!(f, "Protocol error, got \"{}\" as reply type byte", byte.escape_ascii())
            }
            DecodeError::BadNumber => f.write_str("Bad integer value"),
            DecodeError::BadEnd => f.write_str("Bad bulk string format"),
            DecodeError::BadForm => f.write_str("Bad simple value"),
            DecodeError::TooLarge => f.write_str("Bulk string length out of range"),
            DecodeError::TooDeep => f.write_str("Multi-bulk nested too deep"),
        }
    }
}

impl std::error::Error for DecodeError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Array,
    Map,
    Set,
    Push,
    /// The pairs of an attribute; the value that they describe follows.
    Attribute,
    /// The described value; the pairs are in `items` already.
    Described,
}

#[derive(Clone, Debug)]
struct Frame {
    kind: Kind,
    left: usize,
    items: Vec<Value>,
}

/// Turns a stream of bytes into [`Value`]s.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    buf: Vec<u8>,
    /// Bytes of `buf` that have been understood.
    at: usize,
    /// No line end stands in `at..scanned`.
    scanned: usize,
    stack: Vec<Frame>,
    limits: DecodeLimits,
    error: Option<DecodeError>,
}

impl Decoder {
    /// A decoder at the start of a connection, with the default limits.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// A decoder at the start of a connection.
    pub fn with_limits(limits: DecodeLimits) -> Decoder {
        Decoder { limits, ..Decoder::default() }
    }

    /// Takes in bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at == self.buf.len() {
            self.buf.clear();
            self.at = 0;
            self.scanned = 0;
        } else if self.at > 64 << 10 && self.at > self.buf.len() / 2 {
            self.buf.drain(..self.at);
            self.scanned = self.scanned.saturating_sub(self.at);
            self.at = 0;
        }
        self.buf.extend_from_slice(bytes);
    }

    /// The next whole reply, if there is one.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no reply.
    #[allow(clippy::should_implement_trait, reason = "an iterator would end where this waits for more bytes")]
    pub fn next(&mut self) -> Result<Option<Value>, DecodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let next = self.advance();
        if let Err(error) = next {
            self.error = Some(error);
        }
        next
    }

    /// Takes away the bytes that come after the last reply: what follows a replica's handshake is not RESP.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buf.split_off(self.at);
        self.buf.clear();
        self.at = 0;
        self.scanned = 0;
        rest
    }

    /// How many bytes wait to be understood.
    pub fn buffered(&self) -> usize {
        self.buf.len() - self.at
    }

    fn advance(&mut self) -> Result<Option<Value>, DecodeError> {
        loop {
            let Some(value) = self.element()? else { return Ok(None) };
            let Some(value) = value else { continue };
            if let Some(value) = self.deliver(value) {
                return Ok(Some(value));
            }
        }
    }

    /// Puts a finished value into the aggregate it belongs to, and that into its own, as far as they are full. Gives the
    /// outermost value when that is finished.
    fn deliver(&mut self, mut value: Value) -> Option<Value> {
        loop {
            let Some(frame) = self.stack.last_mut() else { return Some(value) };
            if frame.kind == Kind::Described {
                let items = std::mem::take(&mut frame.items);
                self.stack.pop();
                value = Value::Attribute(pairs(items), Box::new(value));
                continue;
            }
            frame.items.push(value);
            frame.left -= 1;
            if frame.left > 0 {
                return None;
            }
            if frame.kind == Kind::Attribute {
                frame.kind = Kind::Described;
                return None;
            }
            let kind = frame.kind;
            let items = std::mem::take(&mut frame.items);
            self.stack.pop();
            value = finish(kind, items);
        }
    }

    /// Reads one element: `None` if its bytes are not all there, `Some(None)` if it opened an aggregate.
    fn element(&mut self) -> Result<Option<Option<Value>>, DecodeError> {
        let Some((mark, from, to)) = self.line()? else { return Ok(None) };
        let line = &self.buf[from..to];
        let after = to + 2;
        let value = match mark {
            b'+' => Value::Status(line.to_vec()),
            b'-' => Value::Error(line.to_vec()),
            b':' => Value::Integer(parse_i64(line).ok_or(DecodeError::BadNumber)?),
            b',' => Value::Double(check_double(line)?),
            b'(' => Value::BigNumber(check_big_number(line)?),
            b'#' => match line {
                b"t" => Value::Boolean(true),
                b"f" => Value::Boolean(false),
                _ => return Err(DecodeError::BadForm),
            },
            b'_' if line.is_empty() => Value::Null,
            b'_' => return Err(DecodeError::BadForm),
            b'$' | b'=' => {
                let len = parse_i64(line).ok_or(DecodeError::BadNumber)?;
                if len == -1 {
                    Value::Null
                } else {
                    let len = usize::try_from(len).map_err(|_| DecodeError::BadNumber)?;
                    if len > self.limits.bulk_len_max {
                        return Err(DecodeError::TooLarge);
                    }
                    let Some(bytes) = self.buf.get(after..after + len + 2) else { return Ok(None) };
                    let bytes = bytes.strip_suffix(b"\r\n").ok_or(DecodeError::BadEnd)?;
                    let value = match (mark, bytes) {
                        (b'$', bytes) => Value::Bulk(bytes.to_vec()),
                        (_, [a, b, c, b':', text @ ..]) => Value::Verbatim([*a, *b, *c], text.to_vec()),
                        _ => return Err(DecodeError::BadForm),
                    };
                    self.consume(after + len + 2);
                    return Ok(Some(Some(value)));
                }
            }
            b'*' | b'%' | b'~' | b'>' | b'|' => {
                let count = parse_i64(line).ok_or(DecodeError::BadNumber)?;
                self.consume(after);
                return Ok(Some(self.open(mark, count)?));
            }
            other => return Err(DecodeError::UnknownType(other)),
        };
        self.consume(after);
        Ok(Some(Some(value)))
    }

    /// Opens an aggregate of `count` elements or pairs, or gives it at once if it has none.
    fn open(&mut self, mark: u8, count: i64) -> Result<Option<Value>, DecodeError> {
        if count == -1 && mark == b'*' {
            return Ok(Some(Value::Null));
        }
        let count = usize::try_from(count).map_err(|_| DecodeError::BadNumber)?;
        if count > self.limits.elements_max {
            return Err(DecodeError::TooLarge);
        }
        let (kind, left) = match mark {
            b'*' => (Kind::Array, count),
            b'~' => (Kind::Set, count),
            b'>' => (Kind::Push, count),
            b'%' => (Kind::Map, count * 2),
            _ if count == 0 => (Kind::Described, 0),
            _ => (Kind::Attribute, count * 2),
        };
        if left == 0 && kind != Kind::Described {
            return Ok(Some(finish(kind, Vec::new())));
        }
        if self.stack.len() >= self.limits.depth_max {
            return Err(DecodeError::TooDeep);
        }
        self.stack.push(Frame { kind, left, items: Vec::with_capacity(left.min(1024)) });
        Ok(None)
    }

    /// The first byte of the line at `at`, and where the rest of it stands, without its end.
    fn line(&mut self) -> Result<Option<(u8, usize, usize)>, DecodeError> {
        let Some(&mark) = self.buf.get(self.at) else { return Ok(None) };
        if !b"+-:,(#_$=*%~>|".contains(&mark) {
            return Err(DecodeError::UnknownType(mark));
        }
        let from = self.scanned.max(self.at);
        let Some(end) = self.buf[from..].iter().position(|&byte| byte == b'\n') else {
            self.scanned = self.buf.len();
            let waiting = self.buf.len() - self.at;
            return if waiting > self.limits.line_len_max { Err(DecodeError::TooLarge) } else { Ok(None) };
        };
        let end = from + end;
        // An incomplete string comes back here with more bytes: its header's end must be found again.
        self.scanned = end;
        if end < self.at + 2 || self.buf[end - 1] != b'\r' {
            return Err(DecodeError::BadEnd);
        }
        Ok(Some((mark, self.at + 1, end - 1)))
    }

    fn consume(&mut self, to: usize) {
        self.at = to;
        self.scanned = to;
    }
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut items = items.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn finish(kind: Kind, items: Vec<Value>) -> Value {
    match kind {
        Kind::Map | Kind::Attribute | Kind::Described => Value::Map(pairs(items)),
        Kind::Set => Value::Set(items),
        Kind::Push => Value::Push(items),
        Kind::Array => Value::Array(items),
    }
}

fn check_double(line: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let text = std::str::from_utf8(line).map_err(|_| DecodeError::BadNumber)?;
    of_decimal(text).ok_or(DecodeError::BadNumber)?;
    Ok(line.to_vec())
}

fn check_big_number(line: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::BadNumber);
    }
    Ok(line.to_vec())
}
