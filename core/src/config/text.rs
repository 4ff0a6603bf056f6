//! The small text routines that redis.conf and CONFIG share, with exactly the reading that Redis gives them: how a line
//! is cut into arguments, how a memory size is read, how a string is quoted. They take any bytes and never fail loudly.

/// Cuts a line into arguments, honouring `"…"` (with `\n \r \t \b \a \xHH` escapes) and `'…'` (with `\'`); `None` when a quote
/// is not closed or is followed by something other than a space (`sdssplitargs`, sds.c 7.0.15).
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let at = |i: usize| line.get(i).copied().filter(|&b| b != 0);
    let mut args = Vec::new();
    let mut i = 0;
    loop {
        while at(i).is_some_and(is_space) {
            i += 1;
        }
        if at(i).is_none() {
            return Some(args);
        }
        let mut current = Vec::new();
        loop {
            match at(i) {
                None | Some(b' ' | b'\n' | b'\r' | b'\t') => break,
                Some(b'"') => {
                    i = double_quoted(&at, i + 1, &mut current)?;
                    break;
                }
                Some(b'\'') => {
                    i = single_quoted(&at, i + 1, &mut current)?;
                    break;
                }
                Some(b) => {
                    current.push(b);
                    i += 1;
                }
            }
        }
        args.push(current);
    }
}

/// Reads up to the closing double quote; gives the position after it.
fn double_quoted(at: &dyn Fn(usize) -> Option<u8>, mut i: usize, out: &mut Vec<u8>) -> Option<usize> {
    let hex = |i: usize| at(i).and_then(|b| (b as char).to_digit(16)).map(|d| d as u8);
    loop {
        match at(i)? {
            b'\\' if at(i + 1) == Some(b'x') && hex(i + 2).is_some() && hex(i + 3).is_some() => {
                out.push(hex(i + 2)? * 16 + hex(i + 3)?);
                i += 4;
            }
            b'\\' if at(i + 1).is_some() => {
                out.push(match at(i + 1)? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                i += 2;
            }
            b'"' => return at(i + 1).is_none_or(is_space).then_some(i + 1),
            b => {
                out.push(b);
                i += 1;
            }
        }
    }
}

/// Reads up to the closing single quote; gives the position after it.
fn single_quoted(at: &dyn Fn(usize) -> Option<u8>, mut i: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match at(i)? {
            b'\\' if at(i + 1) == Some(b'\'') => {
                out.push(b'\'');
                i += 2;
            }
            b'\'' => return at(i + 1).is_none_or(is_space).then_some(i + 1),
            b => {
                out.push(b);
                i += 1;
            }
        }
    }
}

/// C's `isspace` in the C locale.
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Quotes bytes so that [`split_args`] gives them back (`sdscatrepr`, sds.c 7.0.15).
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &b in bytes {
        match b {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(b as char);
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            0x20..=0x7e => out.push(b as char),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}

/// A size such as `100mb` in bytes; `k m g` are powers of 1000, `kb mb gb` of 1024, wrapping as C does
/// (`memtoull`, util.c 7.0.15).
pub fn memory_size(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit = text[digits..].to_ascii_lowercase();
    let factor: u64 = match unit.as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits >= 128 {
        return None;
    }
    let value =
        text[..digits].iter().fold(0u64, |v, b| v.saturating_mul(10).saturating_add((b - b'0') as u64));
    Some(value.wrapping_mul(factor))
}

/// A number as redis.conf shows a memory size: in `gb`, `mb` or `kb` where it divides evenly
/// (`rewriteConfigFormatMemory`, config.c 7.0.15).
pub fn format_memory(bytes: i64) -> String {
    for (unit, name) in [(1i64 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes % unit == 0 {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// A decimal integer in its one canonical spelling: no sign but `-`, no leading zero, no blank (`string2ll`, util.c 7.0.15).
pub fn strict_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit) && text.len() < 21,
        _ => false,
    };
    if !canonical {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// C's `strtoll` where the whole text must be used up: blanks in front, a sign, saturation, and 0 for no digits at all at
/// the end of the text. `None` when something is left over.
pub fn lenient_integer(text: &[u8], base: u32) -> Option<i64> {
    let start = text.iter().take_while(|&&b| is_space(b)).count();
    let (negative, digits) = match text.get(start) {
        Some(b'-') => (true, &text[start + 1..]),
        Some(b'+') => (false, &text[start + 1..]),
        _ => (false, &text[start..]),
    };
    if digits.is_empty() {
        // Nothing converted: strtoll leaves its end pointer at the very beginning.
        return text.is_empty().then_some(0);
    }
    let mut value: i64 = 0;
    for &b in digits {
        let digit = (b as char).to_digit(base)? as i64;
        let next = value.checked_mul(base as i64);
        value = if negative {
            next.and_then(|v| v.checked_sub(digit)).unwrap_or(i64::MIN)
        } else {
            next.and_then(|v| v.checked_add(digit)).unwrap_or(i64::MAX)
        };
    }
    Some(value)
}

/// A float with C's `%f`, zeros at the end taken off (`trimDoubleString`, util.c 7.0.15).
pub fn trimmed_float(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Redis's `stringmatchlen` for names of directives, without regard to case.
pub fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    glob(pattern, text, &mut 0)
}

/// How many steps one match may take; a pattern of many stars would otherwise be exponential.
const GLOB_STEPS_MAX: u32 = 1_000_000;

fn glob(mut p: &[u8], mut s: &[u8], steps: &mut u32) -> bool {
    let fold = |b: u8| b.to_ascii_lowercase();
    while let Some(&c) = p.first() {
        *steps += 1;
        if *steps > GLOB_STEPS_MAX {
            return false;
        }
        if s.is_empty() && c != b'*' {
            return false;
        }
        match c {
            b'*' => {
                while p.get(1) == Some(&b'*') {
                    p = &p[1..];
                }
                if p.len() == 1 {
                    return true;
                }
                return (0..=s.len()).any(|i| glob(&p[1..], &s[i..], steps));
            }
            b'?' => s = &s[1..],
            b'[' => {
                let negate = p.get(1) == Some(&b'^');
                let mut i = if negate { 2 } else { 1 };
                let mut hit = false;
                loop {
                    match p.get(i) {
                        None => {
                            i = i.saturating_sub(1);
                            break;
                        }
                        Some(b'\\') if i + 1 < p.len() => {
                            i += 1;
                            hit |= fold(p[i]) == fold(s[0]);
                        }
                        Some(b']') => break,
                        Some(&low) if p.len() - i >= 3 && p[i + 1] == b'-' => {
                            let (a, b) = (fold(low).min(fold(p[i + 2])), fold(low).max(fold(p[i + 2])));
                            i += 2;
                            hit |= (a..=b).contains(&fold(s[0]));
                        }
                        Some(&b) => hit |= fold(b) == fold(s[0]),
                    }
                    i += 1;
                }
                if hit == negate {
                    return false;
                }
                p = &p[i..];
                s = &s[1..];
            }
            _ => {
                let literal = if c == b'\\' && p.len() >= 2 {
                    p = &p[1..];
                    p[0]
                } else {
                    c
                };
                if fold(literal) != fold(s[0]) {
                    return false;
                }
                s = &s[1..];
            }
        }
        p = p.get(1..).unwrap_or(&[]);
        if s.is_empty() {
            while p.first() == Some(&b'*') {
                p = &p[1..];
            }
            break;
        }
    }
    p.is_empty() && s.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        split_args(line.as_bytes())
            .map(|v| v.into_iter().map(|a| String::from_utf8_lossy(&a).into_owned()).collect())
    }

    #[test]
    fn arguments_are_cut_as_redis_cuts_them() {
        assert_eq!(split("port 7001  #port").unwrap(), ["port", "7001", "#port"]);
        assert_eq!(split(r#"a "b c" 'd "e' "\x41\n""#).unwrap(), ["a", "b c", "d \"e", "A\n"]);
        assert_eq!(split(r#"save """#).unwrap(), ["save", ""]);
        assert_eq!(split(r#"a "b"#), None);
        assert_eq!(split(r#"a "b"c"#), None);
        assert_eq!(split("a 'b'c"), None);
        assert_eq!(split("  ").unwrap(), Vec::<String>::new());
        assert_eq!(split("x\"y z\"").unwrap(), ["xy z"]);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(memory_size(b"1k"), Some(1000));
        assert_eq!(memory_size(b"1KB"), Some(1024));
        assert_eq!(memory_size(b"2gb"), Some(2 << 30));
        assert_eq!(memory_size(b"-1"), None);
        assert_eq!(memory_size(b"1x"), None);
        assert_eq!(memory_size(b""), Some(0));
        assert_eq!(format_memory(64 << 20), "64mb");
        assert_eq!(format_memory(1000), "1000");
        assert_eq!(format_memory(0), "0");
    }

    #[test]
    fn integers_are_strict_or_lenient() {
        assert_eq!(strict_integer(b"10"), Some(10));
        assert_eq!(strict_integer(b"-9223372036854775808"), Some(i64::MIN));
        for bad in ["", "-", "01", "-0", "+1", " 1", "1 ", "9223372036854775808", "1e3"] {
            assert_eq!(strict_integer(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(lenient_integer(b" +07", 10), Some(7));
        assert_eq!(lenient_integer(b"777", 8), Some(0o777));
        assert_eq!(lenient_integer(b"8", 8), None);
        assert_eq!(lenient_integer(b"99999999999999999999", 10), Some(i64::MAX));
    }

    #[test]
    fn globs_match_without_case() {
        assert!(glob_matches(b"MAX*", b"maxmemory"));
        assert!(glob_matches(b"*", b""));
        assert!(glob_matches(b"s[a-z]ve", b"save"));
        assert!(!glob_matches(b"s[^a]ve", b"save"));
        assert!(glob_matches(b"save*", b"save"));
        assert!(!glob_matches(b"sav", b"save"));
        assert!(!glob_matches(b"[", b"x"));
        assert!(
            !glob_matches(&[b"*a".repeat(200), b"b".to_vec()].concat(), &b"a".repeat(500)),
            "ends in bounded time"
        );
    }

    #[test]
    fn quoting_round_trips() {
        let bytes: Vec<u8> = (1..=255).collect();
        assert_eq!(split_args(quote(&bytes).as_bytes()), Some(vec![bytes]));
    }
}
