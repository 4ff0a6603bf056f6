//! How a line is cut into words, and how values are written so that they are read back: the quoting of redis-cli
//! (`sdssplitargs` and `sdscatrepr`, sds.c 7.0.15), with comments from `#` to the end of the line.
//!
//! Words are cut one at a time, as the grammar asks for them: the end of some lines is a Redis command, which is taken as it
//! stands, quotes and all.

use super::error::ScenarioError;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it says, without its quotes.
    pub bytes: Vec<u8>,
    /// Whether it was quoted: then it is never a word of the language.
    pub quoted: bool,
    /// Where it begins in the line, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Token {
    /// Whether it is a given word of the language.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.bytes.eq_ignore_ascii_case(word.as_bytes())
    }

    /// Its text, for messages.
    pub fn shown(&self) -> String {
        super::error::shown(&String::from_utf8_lossy(&self.bytes))
    }
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// Where the next word begins, from byte `at` on; `None` at the end or before a comment.
pub(crate) fn next_start(source: &str, at: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let start = (at..bytes.len()).find(|&i| !is_blank(bytes[i]))?;
    (bytes[start] != b'#').then_some(start)
}

/// The next word from byte `at` on.
///
/// # Errors
/// A quote that is not closed, or is followed by something other than a blank.
pub(crate) fn next_token(source: &str, at: usize) -> Result<Option<Token>, ScenarioError> {
    let Some(start) = next_start(source, at) else { return Ok(None) };
    let bytes = source.as_bytes();
    let quote = bytes[start];
    if quote != b'"' && quote != b'\'' {
        let end = (start..bytes.len()).find(|&i| is_blank(bytes[i])).unwrap_or(bytes.len());
        return Ok(Some(Token { bytes: bytes[start..end].to_vec(), quoted: false, start, end }));
    }
    let mut out = Vec::new();
    let mut i = start + 1;
    let open = || ScenarioError::at(source, start, "this quote is not closed");
    loop {
        let b = *bytes.get(i).ok_or_else(open)?;
        let next = bytes.get(i + 1).copied();
        let hex = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16)).map(|d| d as u8);
        match (b, next) {
            _ if b == quote => break,
            (b'\\', Some(b'x')) if quote == b'"' && hex(i + 2).is_some() && hex(i + 3).is_some() => {
                out.push(hex(i + 2).unwrap_or(0) * 16 + hex(i + 3).unwrap_or(0));
                i += 4;
            }
            (b'\\', Some(escaped)) if quote == b'"' => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                i += 2;
            }
            (b'\\', Some(b'\'')) => {
                out.push(b'\'');
                i += 2;
            }
            _ => {
                out.push(b);
                i += 1;
            }
        }
    }
    let end = i + 1;
    if bytes.get(end).is_some_and(|&b| !is_blank(b)) {
        return Err(ScenarioError::at(source, end, "a blank is needed after the closing quote"));
    }
    Ok(Some(Token { bytes: out, quoted: true, start, end }))
}

/// Whether text can stand without quotes, as far as its characters go.
pub(crate) fn is_plain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.:/*@+,=%".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

/// Writes bytes in quotes so that [`next_token`] gives them back. Text in any script stays readable.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '"' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || c.is_whitespace() && c != ' ' => {
                    let mut utf8 = [0; 4];
                    for b in c.encode_utf8(&mut utf8).bytes() {
                        out.push_str(&format!("\\x{b:02x}"));
                    }
                }
                c => out.push(c),
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<String> {
        let (mut at, mut out) = (0, Vec::new());
        while let Some(token) = next_token(line, at).unwrap() {
            at = token.end;
            out.push(String::from_utf8_lossy(&token.bytes).into_owned());
        }
        out
    }

    #[test]
    fn lines_are_cut_as_redis_cli_cuts_them() {
        assert_eq!(words("crash  A1\tnow # why not"), ["crash", "A1", "now"]);
        assert_eq!(words(r#"a "b c" 'd "e' "\x41\n" 'it\'s' """#), ["a", "b c", "d \"e", "A\n", "it's", ""]);
        assert_eq!(words("a#b \"#c\""), ["a#b", "#c"]);
        assert_eq!(words("  # nothing"), Vec::<String>::new());
        let error = next_token("say \"open", 4).unwrap_err();
        assert_eq!((error.column, error.message.as_str()), (5, "this quote is not closed"));
        assert!(next_token("'a'b", 0).is_err());
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(bytes: Vec<u8>, text in ".*") {
            for bytes in [bytes, text.into_bytes()] {
                let line = quote(&bytes);
                let token = next_token(&line, 0).unwrap().unwrap();
                prop_assert_eq!(&token.bytes, &bytes);
                prop_assert!(token.quoted && token.end == line.len() && !line.contains('\n'));
            }
        }
    }
}
