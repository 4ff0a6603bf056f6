//! Replies: what a server sends.
//!
//! A [`Reply`] appends RESP to one buffer and knows which version of the protocol its reader speaks, so a command says
//! *what* it answers (a map, a double, a null) and the version decides how that looks. The rules are those of the
//! `addReply…` family (networking.c 7.0.15).
//!
//! A length that is known only at the end ([`Reply::begin`]) is put in later, where its place is, by moving what
//! follows: that costs one copy of the elements and keeps the buffer a plain run of bytes, where Redis starts a new
//! node in a list of buffers.

use crate::store::float::{format_g17, human_text};
use crate::store::num::I64Text;
use std::fmt::{self, Write as _};

/// Appends `mark`, a number and CR LF: an integer reply or the header of anything that has a length.
pub(crate) fn push_header(out: &mut Vec<u8>, mark: u8, n: i64) {
    if (0..10).contains(&n) {
        out.extend_from_slice(&[mark, b'0' + n as u8, b'\r', b'\n']);
        return;
    }
    let digits = I64Text::new(n);
    let digits = digits.as_slice();
    out.reserve(digits.len() + 3);
    out.push(mark);
    out.extend_from_slice(digits);
    out.extend_from_slice(b"\r\n");
}

/// Appends a bulk string.
pub(crate) fn push_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 16);
    push_header(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// What C's `%.*s` prints of bytes: up to a zero byte, and no more than `len_max`. Error texts quote arguments so.
pub fn printed(bytes: &[u8], len_max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(len_max)];
    &bytes[..bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len())]
}

/// The place of a length that is not known yet; see [`Reply::begin`].
#[derive(Debug)]
#[must_use = "the reply lacks its header until the matching end_… is called"]
pub struct Deferred {
    at: usize,
}

/// A reply under construction.
#[derive(Clone, Debug)]
pub struct Reply {
    out: Vec<u8>,
    proto: u8,
    errors: u64,
    last_error_at: usize,
}

impl Reply {
    /// An empty reply to a client that speaks RESP version `proto`, 2 or 3.
    pub fn new(proto: u8) -> Reply {
        Reply::over(Vec::new(), proto)
    }

    /// Goes on at the end of `out`, to a client that speaks RESP version `proto`, 2 or 3.
    pub fn over(out: Vec<u8>, proto: u8) -> Reply {
        Reply { out, proto, errors: 0, last_error_at: 0 }
    }

    /// The version of RESP that is written, 2 or 3.
    pub fn proto(&self) -> u8 {
        self.proto
    }

    /// Changes the version for what is written from now on (HELLO).
    pub fn set_proto(&mut self, proto: u8) {
        self.proto = proto;
    }

    /// Whether RESP3's own types are written.
    pub fn is_resp3(&self) -> bool {
        self.proto >= 3
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes what has been written away.
    pub fn take(&mut self) -> Vec<u8> {
        self.last_error_at = 0;
        std::mem::take(&mut self.out)
    }

    /// Forgets what has been written and keeps the buffer's memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Takes back what was written after the first `len` bytes; the count of errors stays.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// How many error replies have been written; a command that raises it has failed, for INFO's statistics.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The last error reply that was written, without `-` and line end, if it has not been taken away.
    pub fn last_error(&self) -> Option<&[u8]> {
        if self.errors == 0 {
            return None;
        }
        let rest = self.out.get(self.last_error_at..)?.strip_prefix(b"-")?;
        let end = rest.iter().position(|&byte| byte == b'\r')?;
        Some(&rest[..end])
    }

    /// Appends bytes that are RESP already.
    pub fn raw(&mut self, resp: &[u8]) {
        self.out.extend_from_slice(resp);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A simple string, which must not have line ends in it.
    pub fn status(&mut self, text: &str) {
        self.status_bytes(text.as_bytes());
    }

    /// A simple string, which must not have line ends in it.
    pub fn status_bytes(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(b'+');
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An error. A text that begins with `-` brings its own code (`-WRONGTYPE …`), any other gets `ERR `.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As [`Reply::error`], for texts that quote a client's bytes. Line ends at either end are dropped and those inside
    /// become blanks, as in `addReplyErrorFormat` (networking.c 7.0.15).
    pub fn error_bytes(&mut self, text: &[u8]) {
        let at = self.begin_error();
        self.out.extend_from_slice(text);
        self.end_error(at);
    }

    /// As [`Reply::error`], from `format_args!`.
    pub fn error_fmt(&mut self, text: fmt::Arguments<'_>) {
        let at = self.begin_error();
        // Writing into memory cannot fail.
        let _ = ErrorText(&mut self.out).write_fmt(text);
        self.end_error(at);
    }

    fn begin_error(&mut self) -> usize {
        self.errors += 1;
        self.last_error_at = self.out.len();
        self.out.len()
    }

    /// Turns the text from `at` on into an error reply.
    fn end_error(&mut self, at: usize) {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let tail = self.out[at..].iter().rev().take_while(|byte| is_line_end(byte)).count();
        self.out.truncate(self.out.len() - tail);
        let head = self.out[at..].iter().take_while(|byte| is_line_end(byte)).count();
        self.out.drain(at..at + head);
        for byte in self.out[at..].iter_mut().filter(|byte| is_line_end(byte)) {
            *byte = b' ';
        }
        if self.out.get(at) != Some(&b'-') {
            self.insert(at, b"-ERR ");
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A signed integer.
    pub fn integer(&mut self, n: i64) {
        push_header(&mut self.out, b':', n);
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        push_bulk(&mut self.out, bytes);
    }

    /// A bulk string.
    pub fn bulk_str(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// An integer's decimal digits as a bulk string.
    pub fn bulk_integer(&mut self, n: i64) {
        push_bulk(&mut self.out, I64Text::new(n).as_slice());
    }

    /// Null: `$-1` in RESP2.
    pub fn null(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Null where an array could stand: `*-1` in RESP2.
    pub fn null_array(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The header of an array; `n` replies are to follow.
    pub fn array(&mut self, n: usize) {
        push_header(&mut self.out, b'*', n as i64);
    }

    /// `*0`.
    pub fn empty_array(&mut self) {
        self.raw(b"*0\r\n");
    }

    /// The header of a map; `pairs` keys and values are to follow, alternating. RESP2: an array of twice as many.
    pub fn map(&mut self, pairs: usize) {
        if self.is_resp3() {
            push_header(&mut self.out, b'%', pairs as i64);
        } else {
            push_header(&mut self.out, b'*', pairs as i64 * 2);
        }
    }

    /// The header of a set; `n` replies are to follow. RESP2: an array.
    pub fn set(&mut self, n: usize) {
        let mark = if self.is_resp3() { b'~' } else { b'*' };
        push_header(&mut self.out, mark, n as i64);
    }

    /// The header of a push message; `n` replies are to follow. RESP2: an array, as Pub/Sub messages are there.
    pub fn push(&mut self, n: usize) {
        let mark = if self.is_resp3() { b'>' } else { b'*' };
        push_header(&mut self.out, mark, n as i64);
    }

    /// The header of an attribute, which describes the reply after it; `pairs` keys and values are to follow. RESP2 has
    /// none: gives false and writes nothing, and the caller leaves the pairs out.
    pub fn attribute(&mut self, pairs: usize) -> bool {
        if self.is_resp3() {
            push_header(&mut self.out, b'|', pairs as i64);
        }
        self.is_resp3()
    }

    /// A double with 17 significant digits (`%.17g`). RESP2: a bulk string.
    pub fn double(&mut self, value: f64) {
        // Scores are mostly whole numbers, and those of fewer than 17 digits print as such.
        if value == (value as i64) as f64 && value.abs() < 1e15 && !(value == 0.0 && value.is_sign_negative())
        {
            self.double_text(I64Text::new(value as i64).as_slice());
        } else {
            self.double_text(format_g17(value).as_bytes());
        }
    }

    /// A double in the form for people: up to 17 decimals, no exponent (`LD_STR_HUMAN`). RESP2: a bulk string.
    pub fn human_double(&mut self, value: f64) {
        self.double_text(human_text(value).as_bytes());
    }

    /// A double whose digits the caller has. RESP2: a bulk string.
    pub fn double_text(&mut self, text: &[u8]) {
        if self.is_resp3() {
            self.out.push(b',');
            self.out.extend_from_slice(text);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// A boolean. RESP2: `:1` or `:0`.
    pub fn boolean(&mut self, value: bool) {
        self.raw(match (self.is_resp3(), value) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        });
    }

    /// Text that a client should show as it is; `ext` is its format (`txt`, `mkd`). RESP2: a bulk string.
    pub fn verbatim(&mut self, ext: &[u8; 3], text: &[u8]) {
        if self.is_resp3() {
            self.out.reserve(text.len() + 24);
            push_header(&mut self.out, b'=', text.len() as i64 + 4);
            self.out.extend_from_slice(ext);
            self.out.push(b':');
            self.out.extend_from_slice(text);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text);
        }
    }

    /// An integer of any size, as its decimal digits. RESP2: a bulk string.
    pub fn big_number(&mut self, digits: &[u8]) {
        if self.is_resp3() {
            self.out.push(b'(');
            self.out.extend_from_slice(digits);
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(digits);
        }
    }

    /// Marks the place of an aggregate whose length is not known yet. The elements follow, then exactly one of
    /// [`Reply::end_array`], [`Reply::end_map`], [`Reply::end_set`], [`Reply::end_push`] with what this gave. They nest.
    pub fn begin(&mut self) -> Deferred {
        Deferred { at: self.out.len() }
    }

    /// Puts in the header of the array of `n` elements that began at `begin`.
    pub fn end_array(&mut self, begin: Deferred, n: usize) {
        self.end(begin, b'*', n);
    }

    /// Puts in the header of the map of `pairs` that began at `begin`.
    pub fn end_map(&mut self, begin: Deferred, pairs: usize) {
        if self.is_resp3() { self.end(begin, b'%', pairs) } else { self.end(begin, b'*', pairs * 2) }
    }

    /// Puts in the header of the set of `n` elements that began at `begin`.
    pub fn end_set(&mut self, begin: Deferred, n: usize) {
        self.end(begin, if self.is_resp3() { b'~' } else { b'*' }, n);
    }

    /// Puts in the header of the push message of `n` elements that began at `begin`.
    pub fn end_push(&mut self, begin: Deferred, n: usize) {
        self.end(begin, if self.is_resp3() { b'>' } else { b'*' }, n);
    }

    /// Takes back everything written since `begin`.
    pub fn abandon(&mut self, begin: Deferred) {
        self.truncate(begin.at);
    }

    fn end(&mut self, begin: Deferred, mark: u8, n: usize) {
        let mut header = Vec::with_capacity(24);
        push_header(&mut header, mark, n as i64);
        self.insert(begin.at, &header);
        if self.last_error_at >= begin.at {
            self.last_error_at += header.len();
        }
    }

    fn insert(&mut self, at: usize, bytes: &[u8]) {
        let (at, len) = (at.min(self.out.len()), self.out.len());
        self.out.extend_from_slice(bytes);
        self.out.copy_within(at..len, at + bytes.len());
        self.out[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

struct ErrorText<'a>(&'a mut Vec<u8>);

impl fmt::Write for ErrorText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(proto: u8, write: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::new(proto);
        write(&mut reply);
        String::from_utf8(reply.take()).unwrap()
    }

    #[test]
    fn each_type_in_both_versions() {
        type Write = fn(&mut Reply);
        let cases: [(Write, &str, &str); 22] = [
            (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
            (|r| r.status("PONG"), "+PONG\r\n", "+PONG\r\n"),
            (|r| r.integer(7), ":7\r\n", ":7\r\n"),
            (|r| r.integer(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
            (|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
            (|r| r.bulk(b"hello world"), "$11\r\nhello world\r\n", "$11\r\nhello world\r\n"),
            (|r| r.bulk_integer(-120), "$4\r\n-120\r\n", "$4\r\n-120\r\n"),
            (|r| r.null(), "$-1\r\n", "_\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.array(12), "*12\r\n", "*12\r\n"),
            (|r| r.map(5), "*10\r\n", "%5\r\n"),
            (|r| r.set(3), "*3\r\n", "~3\r\n"),
            (|r| r.push(3), "*3\r\n", ">3\r\n"),
            (|r| r.boolean(true), ":1\r\n", "#t\r\n"),
            (|r| r.double(3.0), "$1\r\n3\r\n", ",3\r\n"),
            (|r| r.double(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"),
            (|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
            (|r| r.human_double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|r| r.verbatim(b"txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n"),
            (|r| r.big_number(b"123"), "$3\r\n123\r\n", "(123\r\n"),
            (|r| _ = r.attribute(1), "", "|1\r\n"),
            (|r| r.bulk_or_null(None), "$-1\r\n", "_\r\n"),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(2, write), resp2);
            assert_eq!(written(3, write), resp3);
        }
    }

    #[test]
    fn errors_get_a_code_and_stay_on_one_line() {
        assert_eq!(written(2, |r| r.error("syntax error")), "-ERR syntax error\r\n");
        assert_eq!(written(2, |r| r.error("-WRONGTYPE no")), "-WRONGTYPE no\r\n");
        assert_eq!(written(2, |r| r.error("\r\na\r\nb\n")), "-ERR a  b\r\n");
        let mut reply = Reply::new(2);
        assert_eq!(reply.last_error(), None);
        let outer = reply.begin();
        reply.error_fmt(format_args!("unknown command '{}'", "x"));
        reply.end_array(outer, 1);
        assert_eq!(reply.errors(), 1);
        assert_eq!(reply.last_error(), Some(&b"ERR unknown command 'x'"[..]));
        assert_eq!(reply.as_bytes(), b"*1\r\n-ERR unknown command 'x'\r\n");
    }

    #[test]
    fn lengths_known_late_are_put_where_they_belong() {
        let write = |r: &mut Reply| {
            let outer = r.begin();
            r.integer(1);
            let inner = r.begin();
            for n in 0..12 {
                r.integer(n % 2);
            }
            r.end_map(inner, 6);
            let gone = r.begin();
            r.bulk(b"gone");
            r.abandon(gone);
            r.end_set(outer, 2);
        };
        let items = ":0\r\n:1\r\n".repeat(6);
        assert_eq!(written(2, write), format!("*2\r\n:1\r\n*12\r\n{items}"));
        assert_eq!(written(3, write), format!("~2\r\n:1\r\n%6\r\n{items}"));
    }

    #[test]
    fn doubles_are_written_as_printf_does() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e15, "1000000000000000"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (12345678901234568.0, "12345678901234568"),
            (1e-5, "1.0000000000000001e-05"),
            (1e-4, "0.0001"),
            (1e300, "1.0000000000000001e+300"),
            (-2.5, "-2.5"),
            (std::f64::consts::PI, "3.1415926535897931"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(written(3, |r| r.double(value)), format!(",{text}\r\n"));
        }
        for (value, text) in
            [(-0.0, "0"), (5e-324, "0"), (1e22, "10000000000000000000000"), (0.1, "0.10000000000000001")]
        {
            assert_eq!(written(3, |r| r.human_double(value)), format!(",{text}\r\n"));
        }
    }
}
