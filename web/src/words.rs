//! Numbers and times as the page writes them: thousands parted by a no-break space, no unit without its number.

use vitrine_core::config::text::quote;

/// A no-break space.
const NBSP: char = '\u{a0}';

/// `1284991` as `1 284 991`, with no-break spaces.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(NBSP);
        }
        out.push(c);
    }
    out
}

/// Virtual time as `00:01:42` and `.318`.
pub fn clock(us: u64) -> (String, String) {
    let s = us / 1_000_000;
    (format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60), format!(".{:03}", us / 1000 % 1000))
}

/// Virtual time as `01:42.318` (hours only when there are any), for logs and the phone.
pub fn clock_short(us: u64) -> String {
    let s = us / 1_000_000;
    let ms = us / 1000 % 1000;
    if s >= 3600 {
        format!("{}:{:02}:{:02}.{:03}", s / 3600, s / 60 % 60, s % 60, ms)
    } else {
        format!("{:02}:{:02}.{:03}", s / 60, s % 60, ms)
    }
}

/// A length of time: `7.5 s`, `812 ms`, `3 min 20 s`.
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}{NBSP}µs"),
        1_000..1_000_000 => format!("{}{NBSP}ms", us / 1000),
        1_000_000..120_000_000 => format!("{:.1}{NBSP}s", us as f64 / 1e6),
        120_000_000..7_200_000_000 => {
            format!("{}{NBSP}min {}{NBSP}s", us / 60_000_000, us / 1_000_000 % 60)
        }
        _ => format!("{}{NBSP}h {}{NBSP}min", us / 3_600_000_000, us / 60_000_000 % 60),
    }
}

/// A latency: `84 µs`, `1.2 ms`, `850 ms`, `2.4 s`; a dash for none, for nothing is answered within no time.
pub fn latency(us: u64) -> String {
    match us {
        0 => "–".to_owned(),
        1_000..100_000 => format!("{:.1}{NBSP}ms", us as f64 / 1e3),
        _ => duration(us),
    }
}

/// A number of bytes: `84 B`, `61 kB`, `12.7 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{}{NBSP}B", thousands(n)),
        10_000..1_000_000 => format!("{}{NBSP}kB", n / 1000),
        _ => format!("{:.1}{NBSP}MB", n as f64 / 1e6),
    }
}

/// A speed as the top bar shows it: `0.001×`, `1×`, `1000×`.
pub fn speed(s: f64) -> String {
    if s >= 1.0 { format!("{}×", s.round()) } else { format!("{s}×") }
}

/// The speeds of the seven notches.
pub const SPEEDS: [f64; 7] = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];

/// Slot ranges as `0–5460`, several parted by commas, at most three named.
pub fn ranges(r: &[(u16, u16)]) -> String {
    let mut out: Vec<String> =
        r.iter().take(3).map(|&(a, b)| if a == b { a.to_string() } else { format!("{a}–{b}") }).collect();
    if r.len() > 3 {
        out.push(format!("{} more", r.len() - 3));
    }
    out.join(", ")
}

/// A 40-character id shortened to `5be1…04c7`.
pub fn short_id(id: &str) -> String {
    if id.len() > 9 && id.is_ascii() {
        format!("{}…{}", &id[..4], &id[id.len() - 4..])
    } else {
        id.to_owned()
    }
}

/// A text of so many letters at the most, with an ellipsis if it was longer.
pub fn shortened(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        None => text.to_owned(),
        Some(_) => text.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `1 node`, `2 nodes`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n}{NBSP}{}", if n == 1 { one } else { many })
}

/// Cuts a line into the words of a command by redis-cli's rules (`sdssplitargs`, sds.c 7.0.15): double quotes with
/// escapes, single quotes with `\'`, and a closing quote must be followed by a space.
///
/// # Errors
/// What redis-cli prints when quotes are not balanced.
pub fn split_args(line: &str) -> Result<Vec<Vec<u8>>, &'static str> {
    const BAD: &str = "Invalid argument(s)";
    let b = line.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    loop {
        while i < b.len() && b[i].is_ascii_whitespace() {
            i += 1;
        }
        if i >= b.len() {
            return Ok(out);
        }
        let mut word = Vec::new();
        let mut quote = 0u8;
        loop {
            let c = b.get(i).copied();
            match (quote, c) {
                (0, None) => break,
                (0, Some(c)) if c.is_ascii_whitespace() => break,
                (0, Some(q @ (b'"' | b'\''))) => quote = q,
                (0, Some(c)) => word.push(c),
                (_, None) => return Err(BAD),
                (q, Some(c)) if c == q => {
                    if b.get(i + 1).is_some_and(|n| !n.is_ascii_whitespace()) {
                        return Err(BAD);
                    }
                    i += 1;
                    break;
                }
                (b'\'', Some(b'\\')) if b.get(i + 1) == Some(&b'\'') => {
                    word.push(b'\'');
                    i += 1;
                }
                (b'"', Some(b'\\')) => {
                    let hex = |c: Option<&u8>| c.and_then(|&c| (c as char).to_digit(16));
                    if b.get(i + 1) == Some(&b'x')
                        && let (Some(hi), Some(lo)) = (hex(b.get(i + 2)), hex(b.get(i + 3)))
                    {
                        word.push((hi * 16 + lo) as u8);
                        i += 3;
                    } else {
                        i += 1;
                        word.push(match b.get(i) {
                            Some(b'n') => b'\n',
                            Some(b'r') => b'\r',
                            Some(b't') => b'\t',
                            Some(b'b') => 8,
                            Some(b'a') => 7,
                            Some(&c) => c,
                            None => return Err(BAD),
                        });
                    }
                }
                (_, Some(c)) => word.push(c),
            }
            i += 1;
        }
        out.push(word);
    }
}

/// A word for redis-cli: what is in its double quotes already stays. Anything else gets them, its backslashes read as escapes if it is
/// typed beside values that are shown with escapes, and as themselves otherwise. A dollar sign must not name a node.
pub fn cli_word(text: &str, escapes: bool) -> String {
    let quoted = text.starts_with('"') && split_args(text).is_ok_and(|w| w.len() == 1);
    let word = if quoted {
        text.to_owned()
    } else if escapes {
        let (mut inner, mut open) = (String::from("\""), false);
        for c in text.chars() {
            if c == '"' && !open {
                inner.push('\\');
            }
            open = c == '\\' && !open;
            inner.push(c);
        }
        if open {
            inner.push('\\');
        }
        inner.push('"');
        let read = split_args(&inner).ok().and_then(|mut words| words.pop());
        quote(&read.unwrap_or_default())
    } else {
        quote(text.as_bytes())
    };
    word.replace('$', "\\x24")
}

/// The name of a node's shard: `A1` and `S028-1` without what tells its nodes apart.
pub fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parted_in_threes() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1284991), "1\u{a0}284\u{a0}991");
    }

    #[test]
    fn no_latency_is_a_dash() {
        assert_eq!([0, 84, 1200, 850_000].map(latency), ["–", "84\u{a0}µs", "1.2\u{a0}ms", "850\u{a0}ms"]);
    }

    #[test]
    fn clocks_count_up_to_hours() {
        assert_eq!(clock(102_318_000), ("00:01:42".into(), ".318".into()));
        assert_eq!(clock_short(3_661_005_000), "1:01:01.005");
    }

    #[test]
    fn a_line_is_cut_as_redis_cli_cuts_it() {
        assert_eq!(split_args("  SET  a b ").unwrap(), [b"SET".to_vec(), b"a".to_vec(), b"b".to_vec()]);
        assert!(split_args("").unwrap().is_empty());
        assert!(split_args("SET 'it''s'").is_err());
    }

    #[test]
    fn quotes_have_escapes() {
        assert_eq!(split_args(r#"SET k "a\x41\n""#).unwrap()[2], b"aA\n");
        assert_eq!(split_args(r"SET k 'a\'b'").unwrap()[2], b"a'b");
        assert_eq!(split_args(r#""""#).unwrap(), vec![Vec::<u8>::new()]);
        assert!(split_args("SET 'a").is_err());
        assert!(split_args("SET \"a\"b").is_err());
    }

    #[test]
    fn what_is_typed_is_read_as_values_are_shown() {
        // Beside plain values, a backslash is one.
        assert_eq!(cli_word(r"C:\new\x41", false), r#""C:\\new\\x41""#);
        assert_eq!(cli_word(r#"it's "new""#, false), r#""it's \"new\"""#);
        // Beside values with escapes, it begins one, and two are one.
        assert_eq!(cli_word(r"\x00\xffZ", true), r#""\x00\xffZ""#);
        assert_eq!(cli_word(r"C:\\new", true), r#""C:\\new""#);
        assert_eq!(cli_word("a \"b\" é\\", true), r#""a \"b\" \xc3\xa9\\""#);
        assert_eq!(cli_word(r#"say \"hi\""#, true), r#""say \"hi\"""#);
        // A copied value has its quotes; `""` is the empty one; a node's name stays text.
        for escapes in [false, true] {
            assert_eq!(cli_word(r#""\x00 \\""#, escapes), r#""\x00 \\""#);
            assert_eq!(cli_word(r#""""#, escapes), r#""""#);
            assert_eq!(cli_word("", escapes), r#""""#);
            assert_eq!(cli_word("$A1", escapes), r#""\x24A1""#);
        }
        // Whatever a value is, typing what is shown of it gives it back.
        let bytes: Vec<u8> = (0..=255).collect();
        let shown = quote(&bytes);
        let typed = cli_word(&shown[1..shown.len() - 1], true);
        assert_eq!(split_args(&typed).unwrap(), [bytes]);
    }
}
