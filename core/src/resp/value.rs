//! Replies as a tree, and as the text that redis-cli shows for them.
//!
//! Clients inside the simulator, the terminal of the page and tests all read replies; none of them is on a server's hot
//! path, so a tree that owns its strings is the plainest shape. [`Value`]'s `Display` is byte for byte what redis-cli
//! 7.0.15 prints on a terminal (`cliFormatReplyTTY`), because that is what people who learn Redis will see elsewhere.

use super::reply::Reply;
use crate::store::float::of_decimal;
use std::fmt;

/// A decoded reply of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `+`: a simple string.
    Status(Vec<u8>),
    /// `-`: an error, its code first, without the `-`.
    Error(Vec<u8>),
    /// `:`
    Integer(i64),
    /// `$`: a string of any bytes.
    Bulk(Vec<u8>),
    /// `_`, `$-1` or `*-1`.
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `%`: keys and values, in the order they came.
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`: something that is not the answer to a request.
    Push(Vec<Value>),
    /// `,`: the digits as they came.
    Double(Vec<u8>),
    /// `#`
    Boolean(bool),
    /// `(`: an integer of any size, as its digits.
    BigNumber(Vec<u8>),
    /// `=`: a format of three letters, and text to be shown as it is.
    Verbatim([u8; 3], Vec<u8>),
    /// `|`: facts about a reply, and the reply.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// The error's text if this is one.
    pub fn as_error(&self) -> Option<&[u8]> {
        match self {
            Value::Error(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a string of any kind.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Status(bytes) | Value::Bulk(bytes) | Value::Verbatim(_, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number of an integer reply.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The number of a double, or of a string that holds one (RESP2).
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Value::Double(text) | Value::Bulk(text) => of_decimal(std::str::from_utf8(text).ok()?),
            Value::Integer(n) => Some(*n as f64),
            _ => None,
        }
    }

    /// The elements of an array, set or push message.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            _ => None,
        }
    }

    /// Writes the reply, in the version of RESP that `reply` speaks.
    pub fn write(&self, reply: &mut Reply) {
        match self {
            Value::Status(text) => reply.status_bytes(text),
            Value::Error(text) => {
                let mut with_mark = Vec::with_capacity(text.len() + 1);
                with_mark.push(b'-');
                with_mark.extend_from_slice(text);
                reply.error_bytes(&with_mark);
            }
            Value::Integer(n) => reply.integer(*n),
            Value::Bulk(bytes) => reply.bulk(bytes),
            Value::Null => reply.null(),
            Value::Array(items) => {
                reply.array(items.len());
                items.iter().for_each(|item| item.write(reply));
            }
            Value::Set(items) => {
                reply.set(items.len());
                items.iter().for_each(|item| item.write(reply));
            }
            Value::Push(items) => {
                reply.push(items.len());
                items.iter().for_each(|item| item.write(reply));
            }
            Value::Map(pairs) => {
                reply.map(pairs.len());
                for (key, value) in pairs {
                    key.write(reply);
                    value.write(reply);
                }
            }
            Value::Double(text) => reply.double_text(text),
            Value::Boolean(value) => reply.boolean(*value),
            Value::BigNumber(digits) => reply.big_number(digits),
            Value::Verbatim(ext, text) => reply.verbatim(ext, text),
            Value::Attribute(pairs, value) => {
                if reply.attribute(pairs.len()) {
                    for (key, value) in pairs {
                        key.write(reply);
                        value.write(reply);
                    }
                }
                value.write(reply);
            }
        }
    }

    /// What redis-cli prints for the reply on a terminal, line end and all. Bytes of a status, an error or a verbatim
    /// string stand there as they came, so this need not be UTF-8.
    pub fn to_cli_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.cli_text(&mut out, 0);
        out
    }

    /// `indent` blanks stand before every line but the first.
    fn cli_text(&self, out: &mut Vec<u8>, indent: usize) {
        match self {
            Value::Error(text) => {
                out.extend_from_slice(b"(error) ");
                out.extend_from_slice(text);
            }
            Value::Status(text) | Value::Verbatim(_, text) | Value::BigNumber(text) => {
                out.extend_from_slice(text)
            }
            Value::Integer(n) => out.extend_from_slice(format!("(integer) {n}").as_bytes()),
            Value::Double(text) => {
                out.extend_from_slice(b"(double) ");
                out.extend_from_slice(text);
            }
            Value::Bulk(bytes) => push_quoted(out, bytes),
            Value::Null => out.extend_from_slice(b"(nil)"),
            Value::Boolean(true) => out.extend_from_slice(b"(true)"),
            Value::Boolean(false) => out.extend_from_slice(b"(false)"),
            Value::Array(items) => return cli_list(out, indent, items, b')', "(empty array)\n"),
            Value::Push(items) => return cli_list(out, indent, items, b')', "(empty push)\n"),
            Value::Set(items) => return cli_list(out, indent, items, b'~', "(empty set)\n"),
            Value::Map(pairs) => return cli_map(out, indent, pairs),
            Value::Attribute(_, value) => return value.cli_text(out, indent),
        }
        out.push(b'\n');
    }

    /// Whether redis-cli needs more than one line for it, and so begins a new one for it behind `=>`.
    fn is_multiline(&self) -> bool {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => match items.as_slice() {
                [] => false,
                [only] => only.is_multiline(),
                _ => true,
            },
            Value::Map(pairs) => match pairs.as_slice() {
                [] => false,
                [(_, value)] => value.is_multiline(),
                _ => true,
            },
            _ => false,
        }
    }
}

/// The digits of `count`: how wide its index numbers are.
fn index_width(count: usize) -> usize {
    count.checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn push_index(out: &mut Vec<u8>, indent: usize, width: usize, index: usize, mark: u8) {
    if index > 0 {
        out.extend(std::iter::repeat_n(b' ', indent));
    }
    out.extend_from_slice(format!("{:>width$}", index + 1).as_bytes());
    out.extend_from_slice(&[mark, b' ']);
}

fn cli_list(out: &mut Vec<u8>, indent: usize, items: &[Value], mark: u8, empty: &str) {
    if items.is_empty() {
        out.extend_from_slice(empty.as_bytes());
    }
    let width = index_width(items.len());
    for (index, item) in items.iter().enumerate() {
        push_index(out, indent, width, index, mark);
        item.cli_text(out, indent + width + 2);
    }
}

fn cli_map(out: &mut Vec<u8>, indent: usize, pairs: &[(Value, Value)]) {
    if pairs.is_empty() {
        out.extend_from_slice(b"(empty hash)\n");
    }
    let width = index_width(pairs.len());
    for (index, (key, value)) in pairs.iter().enumerate() {
        push_index(out, indent, width, index, b'#');
        key.cli_text(out, indent + width + 2);
        out.pop();
        out.extend_from_slice(b" => ");
        if value.is_multiline() {
            out.push(b'\n');
            out.extend(std::iter::repeat_n(b' ', indent + width + 2));
        }
        value.cli_text(out, indent + width + 2);
    }
}

/// Appends `bytes` in double quotes, escaped as `sdscatrepr` does (sds.c 7.0.15).
pub fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_cli_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeError, DecodeLimits, Decoder};
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<Option<Value>, DecodeError> {
        let mut decoder = Decoder::new();
        decoder.feed(bytes);
        decoder.next()
    }

    #[test]
    fn text_is_that_of_redis_cli() {
        for (resp, text) in [
            ("+OK\r\n", "OK\n"),
            ("-ERR no\r\n", "(error) ERR no\n"),
            (":-5\r\n", "(integer) -5\n"),
            ("$-1\r\n", "(nil)\n"),
            ("*-1\r\n", "(nil)\n"),
            ("$6\r\na\"\\\n\x01 \r\n", "\"a\\\"\\\\\\n\\x01 \"\n"),
            ("*0\r\n", "(empty array)\n"),
            ("%0\r\n", "(empty hash)\n"),
            ("~0\r\n", "(empty set)\n"),
            (">0\r\n", "(empty push)\n"),
            (",1.5\r\n", "(double) 1.5\n"),
            ("#t\r\n", "(true)\n"),
            ("#f\r\n", "(false)\n"),
            ("_\r\n", "(nil)\n"),
            ("=8\r\ntxt:a\nbc\r\n", "a\nbc\n"),
            ("*2\r\n*2\r\n:1\r\n:2\r\n$1\r\na\r\n", "1) 1) (integer) 1\n   2) (integer) 2\n2) \"a\"\n"),
            ("~2\r\n+a\r\n+b\r\n", "1~ a\n2~ b\n"),
            ("%1\r\n$1\r\nk\r\n$1\r\nv\r\n", "1# \"k\" => \"v\"\n"),
            (
                "%2\r\n+a\r\n*2\r\n:1\r\n:2\r\n+b\r\n*1\r\n:3\r\n",
                "1# a => \n   1) (integer) 1\n   2) (integer) 2\n2# b => 1) (integer) 3\n",
            ),
            ("|1\r\n+ttl\r\n:3\r\n+a\r\n", "a\n"),
        ] {
            assert_eq!(decode(resp.as_bytes()).unwrap().unwrap().to_string(), text, "{resp:?}");
        }
        let ten = format!("*10\r\n{}", "*1\r\n*2\r\n:1\r\n:2\r\n".repeat(10));
        let text = decode(ten.as_bytes()).unwrap().unwrap().to_string();
        assert!(text.starts_with(" 1) 1) 1) (integer) 1\n       2) (integer) 2\n 2) 1) 1) "), "{text}");
        assert!(text.ends_with("10) 1) 1) (integer) 1\n       2) (integer) 2\n"), "{text}");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let deep = "*1\r\n".repeat(65);
        let mut cases = vec![
            ("x\r\n", DecodeError::UnknownType(b'x')),
            (":1x\r\n", DecodeError::BadNumber),
            ("$-2\r\n", DecodeError::BadNumber),
            ("*-2\r\n", DecodeError::BadNumber),
            ("%-1\r\n", DecodeError::BadNumber),
            ("$1\r\nabc", DecodeError::BadEnd),
            ("+a\n", DecodeError::BadEnd),
            ("+\n", DecodeError::BadEnd),
            ("#x\r\n", DecodeError::BadForm),
            ("_x\r\n", DecodeError::BadForm),
            ("=3\r\ntxt\r\n", DecodeError::BadForm),
            (",x\r\n", DecodeError::BadNumber),
            ("(-\r\n", DecodeError::BadNumber),
            ("$999999999999\r\n", DecodeError::TooLarge),
            ("*999999999\r\n", DecodeError::TooLarge),
        ];
        cases.push((&deep, DecodeError::TooDeep));
        for (resp, error) in cases {
            assert_eq!(decode(resp.as_bytes()), Err(error), "{resp:?}");
        }
        let mut decoder = Decoder::with_limits(DecodeLimits { line_len_max: 8, ..DecodeLimits::default() });
        decoder.feed(b"+too long a line");
        assert_eq!(decoder.next(), Err(DecodeError::TooLarge));
        assert_eq!(decoder.next(), Err(DecodeError::TooLarge), "an error stays");
    }

    #[test]
    fn what_follows_a_reply_can_be_taken_raw() {
        let mut decoder = Decoder::new();
        decoder.feed(b"+CONTINUE\r\n*1\r");
        assert_eq!(decoder.next(), Ok(Some(Value::Status(b"CONTINUE".to_vec()))));
        assert_eq!(decoder.buffered(), 3);
        assert_eq!(decoder.take_rest(), b"*1\r");
        assert_eq!(decoder.next(), Ok(None));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let leaf = prop_oneof![
            "[a-zA-Z ]{0,12}".prop_map(|text| Value::Status(text.into_bytes())),
            "[A-Z]{1,5} [a-z ]{0,12}".prop_map(|text| Value::Error(text.into_bytes())),
            any::<i64>().prop_map(Value::Integer),
            bytes().prop_map(Value::Bulk),
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            "-?[0-9]{1,30}".prop_map(|digits| Value::BigNumber(digits.into_bytes())),
            "-?[0-9]{1,8}\\.[0-9]{1,8}".prop_map(|digits| Value::Double(digits.into_bytes())),
            bytes().prop_map(|text| Value::Verbatim(*b"txt", text)),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let list = || prop::collection::vec(inner.clone(), 0..6);
            let pairs = || prop::collection::vec((inner.clone(), inner.clone()), 0..4);
            prop_oneof![
                list().prop_map(Value::Array),
                list().prop_map(Value::Set),
                list().prop_map(Value::Push),
                pairs().prop_map(Value::Map),
                (pairs(), inner.clone()).prop_map(|(pairs, value)| Value::Attribute(pairs, Box::new(value))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_any_pieces(values in prop::collection::vec(any_value(), 1..4), piece in 1usize..20) {
            let mut reply = Reply::new(3);
            values.iter().for_each(|value| value.write(&mut reply));
            let mut decoder = Decoder::new();
            let mut read = Vec::new();
            for chunk in reply.as_bytes().chunks(piece) {
                decoder.feed(chunk);
                while let Some(value) = decoder.next().unwrap() {
                    read.push(value);
                }
            }
            prop_assert_eq!(read, values);
            prop_assert_eq!(decoder.buffered(), 0);
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(prop_oneof![
            Just(b'*'), Just(b'$'), Just(b'%'), Just(b'|'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'-'), any::<u8>()
        ], 0..200)) {
            let mut decoder = Decoder::new();
            for byte in bytes {
                decoder.feed(&[byte]);
                while let Ok(Some(value)) = decoder.next() {
                    value.to_string();
                }
            }
        }
    }
}
