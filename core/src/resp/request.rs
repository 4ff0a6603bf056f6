//! Requests: what a client sends.
//!
//! Two forms share the connection. A request that begins with `*` is an array of bulk strings; anything else is a line
//! of words, for people with telnet (`networking.c 7.0.15`, `processMultibulkBuffer`, `processInlineBuffer`).
//!
//! The parser does not own the query buffer and copies nothing out of it: it is shown the unconsumed bytes, from the
//! first byte of the current request on, and remembers how far it has come, so that a large request which arrives in
//! many pieces is not read again from its start. Its arguments are ranges relative to that first byte, so the owner
//! may move the unconsumed bytes (compacting its buffer) between calls. Inline arguments with quotes do not stand in
//! the buffer as they are meant; these are unescaped into a scratch buffer of the parser's own, and [`Args`] hides the
//! difference.
//!
//! Redis looks for line ends with `strchr`, which stops at a NUL byte, so a line with a NUL byte in it never ends and
//! runs into the limit instead. Its test suite relies on that ("Protocol desync regression test"), and so do we.

use super::reply::Reply;
use crate::store::num::parse_i64;
use smallvec::SmallVec;

/// The longest inline request and the longest header line, in bytes (`PROTO_INLINE_MAX_SIZE`, server.h 7.0.15).
pub const INLINE_LEN_MAX: usize = 64 * 1024;
/// The most arguments of a request (`INT_MAX` in 7.0; earlier versions stopped at 1024*1024).
pub const MULTIBULK_LEN_MAX: i64 = i32::MAX as i64;
/// The most arguments before a client that must authenticate has done so.
pub const UNAUTHENTICATED_MULTIBULK_LEN_MAX: i64 = 10;
/// The longest argument, in bytes, before a client that must authenticate has done so.
pub const UNAUTHENTICATED_BULK_LEN_MAX: i64 = 16384;
/// The longest request in bytes; arguments are kept as 32-bit positions. Redis has no such limit of its own, but a
/// client's whole query buffer is limited to 1 GB by default (`client-query-buffer-limit`).
pub const REQUEST_LEN_MAX: usize = u32::MAX as usize;

/// What limits apply to the sender of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// `proto-max-bulk-len` in bytes; does not apply to a master's stream.
    pub bulk_len_max: i64,
    /// Whether the client still has to authenticate (`authRequired`): strict limits apply until then.
    pub auth_required: bool,
    /// Whether this is the stream from our master: argument sizes are unlimited and inline commands forbidden.
    pub from_master: bool,
}

impl Default for RequestLimits {
    fn default() -> Self {
        RequestLimits { bulk_len_max: 512 << 20, auth_required: false, from_master: false }
    }
}

/// Why a request cannot be read. The connection is to be closed after the reply, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// No line end within [`INLINE_LEN_MAX`] bytes of an inline request.
    InlineTooBig,
    /// A quote that is not closed, or not followed by a blank.
    UnbalancedQuotes,
    /// A master sent words in inline form; an empty line is its keep-alive.
    InlineFromMaster,
    /// No line end within [`INLINE_LEN_MAX`] bytes of `*`.
    CountTooBig,
    /// `*` is not followed by a number up to [`MULTIBULK_LEN_MAX`].
    InvalidCount,
    /// More arguments than [`UNAUTHENTICATED_MULTIBULK_LEN_MAX`].
    UnauthenticatedCount,
    /// No line end within [`INLINE_LEN_MAX`] bytes where an argument's length should stand.
    BulkCountTooBig,
    /// An argument that does not begin with `$`, but with this byte.
    ExpectedDollar(u8),
    /// `$` is not followed by a number up to the limit.
    InvalidBulkLength,
    /// An argument longer than [`UNAUTHENTICATED_BULK_LEN_MAX`].
    UnauthenticatedBulkLength,
}

impl ProtocolError {
    /// Writes the error reply that Redis sends before it closes the connection; a master gets none for words in inline form.
    pub fn write_reply(self, reply: &mut Reply) {
        match self {
            ProtocolError::InlineTooBig => reply.error("Protocol error: too big inline request"),
            ProtocolError::UnbalancedQuotes => reply.error("Protocol error: unbalanced quotes in request"),
            ProtocolError::InlineFromMaster => {}
            ProtocolError::CountTooBig => reply.error("Protocol error: too big mbulk count string"),
            ProtocolError::InvalidCount => reply.error("Protocol error: invalid multibulk length"),
            ProtocolError::UnauthenticatedCount => {
                reply.error("Protocol error: unauthenticated multibulk length");
            }
            ProtocolError::BulkCountTooBig => reply.error("Protocol error: too big bulk count string"),
            ProtocolError::ExpectedDollar(byte) => {
                let mut text = b"Protocol error: expected '$', got ' '".to_vec();
                let at = text.len() - 2;
                text[at] = byte;
                reply.error_bytes(&text);
            }
            ProtocolError::InvalidBulkLength => reply.error("Protocol error: invalid bulk length"),
            ProtocolError::UnauthenticatedBulkLength => {
                reply.error("Protocol error: unauthenticated bulk length");
            }
        }
    }

    /// What Redis's log says in the brackets of `Protocol error (…) from client` (`setProtocolError`, networking.c 7.0.15).
    pub fn log_text(self) -> &'static str {
        match self {
            ProtocolError::InlineTooBig => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in inline request",
            ProtocolError::InlineFromMaster => "Master using the inline protocol. Desync?",
            ProtocolError::CountTooBig => "too big mbulk count string",
            ProtocolError::InvalidCount => "invalid mbulk count",
            ProtocolError::UnauthenticatedCount => "unauth mbulk count",
            ProtocolError::BulkCountTooBig => "too big bulk count string",
            ProtocolError::ExpectedDollar(_) => "expected $ but got something else",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauth bulk length",
        }
    }
}

/// What a call of [`RequestParser::parse`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The request is not complete; call again with more bytes.
    Incomplete,
    /// A request of `len` bytes; its arguments are in [`RequestParser::args`] until the next call. The owner then
    /// drops `len` bytes. There may be no arguments at all (an empty line, `*0`): nothing is to be done then, except
    /// that an empty line from a replica counts as a sign of life.
    Request {
        /// How many bytes of the buffer the request takes.
        len: usize,
    },
    /// The connection is to be closed.
    Error(ProtocolError),
}

/// The arguments of a request: the command's name first. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    ranges: &'a [(u32, u32)],
}

impl<'a> Args<'a> {
    /// How many arguments there are, the command's name among them (`argc`).
    pub fn len(self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.ranges.is_empty()
    }

    /// One argument; an empty one if there is none at `index`.
    pub fn at(self, index: usize) -> &'a [u8] {
        self.get(index).unwrap_or_default()
    }

    /// One argument, or none if there are fewer.
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        let &(from, to) = self.ranges.get(index)?;
        self.bytes.get(from as usize..to as usize)
    }

    /// All arguments in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.ranges.iter().map(move |&(from, to)| &self.bytes[from as usize..to as usize])
    }

    /// Copies of all arguments.
    pub fn to_vecs(self) -> Vec<Vec<u8>> {
        self.iter().map(<[u8]>::to_vec).collect()
    }

    /// The arguments' lengths added up, in bytes (`argv_len_sum`).
    pub fn bytes_sum(self) -> usize {
        self.ranges.iter().map(|&(from, to)| (to - from) as usize).sum()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unknown,
    Inline,
    Multibulk,
}

/// Reads one connection's requests; see the module's description for how the query buffer is handed over.
#[derive(Clone, Debug)]
pub struct RequestParser {
    form: Form,
    /// Everything before this byte of the request has been understood.
    at: usize,
    /// No line end stands in `at..scanned`.
    scanned: usize,
    /// Arguments still to come, once the count is known (`multibulklen`); 0 before.
    left: i64,
    /// The length of the argument at `at`, once known (`bulklen`); -1 before.
    bulk_len: i64,
    args: SmallVec<[(u32, u32); 8]>,
    /// The inline arguments, unescaped.
    unescaped: Vec<u8>,
    /// Whether the last call gave a request: the next begins a new one.
    done: bool,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestParser {
    /// A parser at the start of a connection.
    pub fn new() -> RequestParser {
        RequestParser {
            form: Form::Unknown,
            at: 0,
            scanned: 0,
            left: 0,
            bulk_len: -1,
            args: SmallVec::new(),
            unescaped: Vec::new(),
            done: false,
        }
    }

    /// Forgets a request that has been read in part.
    pub fn reset(&mut self) {
        self.form = Form::Unknown;
        self.at = 0;
        self.scanned = 0;
        self.left = 0;
        self.bulk_len = -1;
        self.args.clear();
        self.unescaped.clear();
        self.done = false;
    }

    /// Goes on reading. `buf` holds the connection's unconsumed bytes: it begins where the current request begins, and
    /// has at least the bytes it had at the last call.
    pub fn parse(&mut self, buf: &[u8], limits: &RequestLimits) -> Parsed {
        if self.done {
            self.reset();
        }
        if self.form == Form::Unknown {
            self.form = match buf.first() {
                None => return Parsed::Incomplete,
                Some(b'*') => Form::Multibulk,
                Some(_) => Form::Inline,
            };
        }
        let parsed = match self.form {
            Form::Multibulk => self.multibulk(buf, limits),
            _ => self.inline(buf, limits),
        };
        self.done = matches!(parsed, Parsed::Request { .. });
        parsed
    }

    /// The arguments of the request that the last call of [`RequestParser::parse`] gave, in the same buffer.
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> Args<'a> {
        let bytes = if self.form == Form::Inline { &self.unescaped } else { buf };
        Args { bytes, ranges: &self.args }
    }

    /// How many bytes the buffer must hold before the next call can make progress, as far as is known: lets the owner
    /// make room for a large argument at once.
    pub fn len_wanted(&self) -> usize {
        if self.bulk_len >= 0 { self.at + self.bulk_len as usize + 2 } else { self.at + 1 }
    }

    /// The request's arguments so far and their bytes, for CLIENT LIST's `argv-mem` and `multi-mem`.
    pub fn pending(&self) -> (usize, usize) {
        (self.args.len(), self.args.iter().map(|&(from, to)| (to - from) as usize).sum())
    }

    /// The next `end` in the buffer from where the last search stopped.
    fn find(&mut self, buf: &[u8], end: u8) -> Option<usize> {
        let from = self.scanned.max(self.at);
        let rest = buf.get(from..).unwrap_or_default();
        match rest.iter().position(|&byte| byte == end || byte == 0) {
            Some(found) => {
                self.scanned = from + found;
                (rest[found] == end).then_some(from + found)
            }
            None => {
                self.scanned = buf.len();
                None
            }
        }
    }

    /// The number on the header line at `at` and where the line ends; `Ok(None)` if the line is not complete.
    fn header(
        &mut self,
        buf: &[u8],
        too_big: ProtocolError,
    ) -> Result<Option<(usize, Option<i64>)>, ProtocolError> {
        // Nearly every header is `$` and one or two digits.
        if let Some(&[b'*' | b'$', tens, ones, cr, _, ..]) = buf.get(self.at..) {
            if ones == b'\r' && tens.is_ascii_digit() {
                return Ok(Some((self.at + 4, Some(i64::from(tens - b'0')))));
            }
            if cr == b'\r' && ones.is_ascii_digit() && matches!(tens, b'1'..=b'9') {
                return Ok(Some((self.at + 5, Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0')))));
            }
        }
        let Some(end) = self.find(buf, b'\r') else {
            return if buf.len() - self.at > INLINE_LEN_MAX { Err(too_big) } else { Ok(None) };
        };
        // Redis does not look at what follows the carriage return, only that it is there.
        if end + 1 >= buf.len() {
            return Ok(None);
        }
        Ok(Some((end + 2, buf.get(self.at + 1..end).and_then(parse_i64))))
    }

    fn multibulk(&mut self, buf: &[u8], limits: &RequestLimits) -> Parsed {
        if self.left == 0 {
            let (end, count) = match self.header(buf, ProtocolError::CountTooBig) {
                Ok(Some(header)) => header,
                Ok(None) => return Parsed::Incomplete,
                Err(error) => return Parsed::Error(error),
            };
            let Some(count) = count.filter(|&count| count <= MULTIBULK_LEN_MAX) else {
                return Parsed::Error(ProtocolError::InvalidCount);
            };
            if count > UNAUTHENTICATED_MULTIBULK_LEN_MAX && limits.auth_required {
                return Parsed::Error(ProtocolError::UnauthenticatedCount);
            }
            self.at = end;
            if count <= 0 {
                return Parsed::Request { len: end };
            }
            self.left = count;
        }
        while self.left > 0 {
            if self.bulk_len < 0 {
                let (end, len) = match self.header(buf, ProtocolError::BulkCountTooBig) {
                    Ok(Some(header)) => header,
                    Ok(None) => return Parsed::Incomplete,
                    Err(error) => return Parsed::Error(error),
                };
                if buf[self.at] != b'$' {
                    return Parsed::Error(ProtocolError::ExpectedDollar(buf[self.at]));
                }
                let Some(len) = len.filter(|&len| {
                    len >= 0
                        && (limits.from_master || len <= limits.bulk_len_max)
                        && len < (REQUEST_LEN_MAX - 2).saturating_sub(end) as i64
                }) else {
                    return Parsed::Error(ProtocolError::InvalidBulkLength);
                };
                if len > UNAUTHENTICATED_BULK_LEN_MAX && limits.auth_required {
                    return Parsed::Error(ProtocolError::UnauthenticatedBulkLength);
                }
                self.at = end;
                self.bulk_len = len;
            }
            let end = self.at + self.bulk_len as usize;
            if buf.len() < end + 2 {
                return Parsed::Incomplete;
            }
            self.args.push((self.at as u32, end as u32));
            self.at = end + 2;
            self.bulk_len = -1;
            self.left -= 1;
        }
        Parsed::Request { len: self.at }
    }

    fn inline(&mut self, buf: &[u8], limits: &RequestLimits) -> Parsed {
        let Some(newline) = self.find(buf, b'\n') else {
            return if buf.len() > INLINE_LEN_MAX {
                Parsed::Error(ProtocolError::InlineTooBig)
            } else {
                Parsed::Incomplete
            };
        };
        let line = &buf[..newline];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (args, unescaped) = (&mut self.args, &mut self.unescaped);
        let split = split_args(line, unescaped, |from, to| args.push((from as u32, to as u32)));
        if split.is_err() {
            return Parsed::Error(ProtocolError::UnbalancedQuotes);
        }
        if limits.from_master && !line.is_empty() {
            return Parsed::Error(ProtocolError::InlineFromMaster);
        }
        self.at = newline + 1;
        Parsed::Request { len: newline + 1 }
    }
}

/// A quote was not closed, or its end not followed by a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Splits a line into words as `sdssplitargs` does (sds.c 7.0.15): blanks separate; `"…"` knows `\n \r \t \b \a \xHH`
/// and takes any other escaped character as it is; `'…'` knows `\'` alone. redis.conf and redis-cli use the same rules.
///
/// # Errors
/// [`UnbalancedQuotes`].
pub fn split_words(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let mut bytes = Vec::new();
    let mut ranges = Vec::new();
    split_args(line, &mut bytes, |from, to| ranges.push((from, to)))?;
    Ok(ranges.into_iter().map(|(from, to)| bytes[from..to].to_vec()).collect())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex_value(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

fn split_args(
    line: &[u8],
    out: &mut Vec<u8>,
    mut word: impl FnMut(usize, usize),
) -> Result<(), UnbalancedQuotes> {
    // As in C, the end of the line reads as a NUL byte.
    let peek = |at: usize| line.get(at).copied().unwrap_or(0);
    let mut at = 0;
    loop {
        while is_space(peek(at)) {
            at += 1;
        }
        if peek(at) == 0 {
            return Ok(());
        }
        let from = out.len();
        let mut quote = None;
        loop {
            let byte = peek(at);
            match quote {
                None => match byte {
                    b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
                    b'"' | b'\'' => quote = Some(byte),
                    _ => out.push(byte),
                },
                Some(_) if byte == 0 => return Err(UnbalancedQuotes),
                Some(mark) if byte == mark => {
                    let next = peek(at + 1);
                    if next != 0 && !is_space(next) {
                        return Err(UnbalancedQuotes);
                    }
                    at += 1;
                    break;
                }
                Some(b'\'') if byte == b'\\' && peek(at + 1) == b'\'' => {
                    at += 1;
                    out.push(b'\'');
                }
                Some(b'"') if byte == b'\\' && peek(at + 1) != 0 => {
                    let escaped = peek(at + 1);
                    let hex = (escaped == b'x')
                        .then(|| Some(hex_value(peek(at + 2))? * 16 + hex_value(peek(at + 3))?))
                        .flatten();
                    if let Some(hex) = hex {
                        out.push(hex);
                        at += 3;
                    } else {
                        at += 1;
                        out.push(match escaped {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'b' => 8,
                            b'a' => 7,
                            other => other,
                        });
                    }
                }
                Some(_) => out.push(byte),
            }
            at += 1;
        }
        word(from, out.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode_command;
    use super::*;
    use proptest::prelude::*;

    /// Every request in `bytes`, shown to the parser in pieces of `piece` bytes, and the error that ended them.
    fn parse_all(
        bytes: &[u8],
        piece: usize,
        limits: &RequestLimits,
    ) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let mut parser = RequestParser::new();
        let (mut buf, mut requests) = (Vec::new(), Vec::new());
        for chunk in bytes.chunks(piece.max(1)) {
            buf.extend_from_slice(chunk);
            loop {
                match parser.parse(&buf, limits) {
                    Parsed::Incomplete => break,
                    Parsed::Error(error) => return (requests, Some(error)),
                    Parsed::Request { len } => {
                        requests.push(parser.args(&buf).to_vecs());
                        buf.drain(..len);
                    }
                }
            }
        }
        (requests, None)
    }

    fn error_text(bytes: &[u8], limits: &RequestLimits) -> String {
        let mut reply = Reply::new(2);
        let whole = parse_all(bytes, bytes.len(), limits).1;
        assert_eq!(whole, parse_all(bytes, 1, limits).1, "the same error when fed byte by byte");
        whole.expect("an error").write_reply(&mut reply);
        String::from_utf8_lossy(reply.as_bytes()).into_owned()
    }

    #[test]
    fn errors_are_those_of_redis() {
        let limits = RequestLimits::default();
        let strict = RequestLimits { auth_required: true, ..limits };
        let long = vec![b'A'; INLINE_LEN_MAX + 1];
        for (input, limits, expected) in [
            (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n".to_vec(), limits, "expected '$', got 'f'"),
            (b"*3000000000\r\n".to_vec(), limits, "invalid multibulk length"),
            (b"*03\r\n".to_vec(), limits, "invalid multibulk length"),
            (b"*1x\r\n".to_vec(), limits, "invalid multibulk length"),
            (b"*1\r\n$-10\r\n".to_vec(), limits, "invalid bulk length"),
            (b"*1\r\n$2000000000\r\n".to_vec(), limits, "invalid bulk length"),
            (b"*1\r\n$blabla\r\n".to_vec(), limits, "invalid bulk length"),
            (b"*11\r\n".to_vec(), strict, "unauthenticated multibulk length"),
            (b"*1\r\n$16385\r\n".to_vec(), strict, "unauthenticated bulk length"),
            (b"set \"\"\"test\"\"\" x\r\n".to_vec(), limits, "unbalanced quotes in request"),
            (long.clone(), limits, "too big inline request"),
            ([&b"\0"[..], &long].concat(), limits, "too big inline request"),
            ([&b"*"[..], &long].concat(), limits, "too big mbulk count string"),
            ([&b"*1\r\n$"[..], &long].concat(), limits, "too big bulk count string"),
        ] {
            assert_eq!(error_text(&input, &limits), format!("-ERR Protocol error: {expected}\r\n"));
        }
    }

    #[test]
    fn a_master_sends_large_arguments_and_no_words() {
        let master = RequestLimits { bulk_len_max: 4, from_master: true, ..RequestLimits::default() };
        let (requests, error) = parse_all(b"\n*1\r\n$6\r\nabcdef\r\nPING\r\n", 1, &master);
        assert_eq!(requests, [vec![], vec![b"abcdef".to_vec()]]);
        assert_eq!(error, Some(ProtocolError::InlineFromMaster));
    }

    #[test]
    fn empty_requests_have_no_arguments() {
        let (requests, error) = parse_all(b"\r\n   \r\n*0\r\n*-1\r\nPING\r\n", 1, &RequestLimits::default());
        assert_eq!(error, None);
        assert_eq!(requests, [vec![], vec![], vec![], vec![], vec![b"PING".to_vec()]]);
    }

    #[test]
    fn inline_words_are_split_as_sdssplitargs_does() {
        for (line, words) in [
            ("set foo bar", Some(vec!["set", "foo", "bar"])),
            ("  'set' \"foo\"   ", Some(vec!["set", "foo"])),
            (r#""\x61\n\t\r\b\a\q" ''"#, Some(vec!["a\n\t\r\u{8}\u{7}q", ""])),
            (r#"'it\'s' a"b c"#, None),
            (r#"a"b c" d"#, Some(vec!["ab c", "d"])),
            (r#"'\n'"#, Some(vec!["\\n"])),
            (r#""\x6""#, Some(vec!["x6"])),
            (r#""a"b"#, None),
            (r#""a"#, None),
            (r#"'a"#, None),
            ("", Some(vec![])),
        ] {
            let expected =
                words.map(|words| words.into_iter().map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(split_words(line.as_bytes()).ok(), expected, "{line}");
        }
    }

    #[test]
    fn a_large_argument_is_not_read_again_from_its_start() {
        let mut parser = RequestParser::new();
        let mut request = Vec::new();
        encode_command(&mut request, &[&b"ECHO"[..], &vec![b'x'; 100_000]]);
        assert_eq!(parser.parse(&request[..40], &RequestLimits::default()), Parsed::Incomplete);
        assert_eq!(parser.len_wanted(), request.len());
        assert_eq!(parser.pending(), (1, 4));
        let len = request.len();
        assert_eq!(parser.parse(&request, &RequestLimits::default()), Parsed::Request { len });
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            requests in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 1..12), 1..6),
            piece in 1usize..40,
        ) {
            let mut bytes = Vec::new();
            for request in &requests {
                encode_command(&mut bytes, request);
            }
            let (parsed, error) = parse_all(&bytes, piece, &RequestLimits::default());
            prop_assert_eq!(error, None);
            prop_assert_eq!(parsed, requests);
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(prop_oneof![
            Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'2'), Just(b'"'), Just(b'\\'), any::<u8>()
        ], 0..300)) {
            let limits = RequestLimits::default();
            prop_assert_eq!(parse_all(&bytes, 1, &limits), parse_all(&bytes, bytes.len(), &limits));
        }
    }
}
