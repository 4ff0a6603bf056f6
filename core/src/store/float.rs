//! Doubles as text: scores, and every reply that carries a double.
//!
//! Redis prints with `printf("%.17g")` and reads with `strtod`. Both are exactly defined (correct rounding), and so are Rust's own way to
//! print and the crate that reads, so what is left is the grammar and the layout. No locale, no libc.

use super::num::I64Text;
use lexical_parse_float::FromLexical;

/// `printf("%.17g")`: up to 17 significant digits without trailing zeros, with an exponent if it is below -4 or above 16.
pub fn format_g17(value: f64) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan" } else { "nan" }.into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.into();
    }
    let text = format!("{value:.16e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let mut out = String::with_capacity(26);
    out.push_str(sign);
    if digits.is_empty() {
        out.push('0');
    } else if !(-4..17).contains(&exponent) {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        let mark = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("e{mark}{:02}", exponent.unsigned_abs()));
    } else if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
        out.push_str(digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', whole - digits.len()));
        } else {
            out.push_str(&digits[..whole]);
            out.push('.');
            out.push_str(&digits[whole..]);
        }
    }
    out
}

/// The integer that a double is, if it is one and below 2^62 (`double2ll`, util.c 7.0.15). -0 counts as 0.
#[inline]
pub fn as_i64(value: f64) -> Option<i64> {
    // Both bounds as C computes them: LLONG_MAX/2 rounded to a double is 2^62.
    if !(-4611686018427387904.0..=4611686018427387904.0).contains(&value) {
        return None;
    }
    let whole = value as i64;
    (whole as f64 == value).then_some(whole)
}

/// A double as the body of a reply: bulk string in RESP2, after the comma in RESP3 (`addReplyDouble`, networking.c 7.0.15).
/// The same text as [`format_g17`], by a short cut for whole numbers.
pub fn reply_text(value: f64) -> String {
    match as_i64(value) {
        Some(whole)
            if whole.unsigned_abs() < 100_000_000_000_000_000
                && !(whole == 0 && value.is_sign_negative()) =>
        {
            String::from_utf8_lossy(I64Text::new(whole).as_slice()).into_owned()
        }
        _ => format_g17(value),
    }
}

/// A double as it is stored in a listpack and printed in several places (`d2string`, util.c 7.0.15): whole numbers below
/// 2^62 in full, others like [`format_g17`].
pub fn d2string(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.into();
    }
    match as_i64(value) {
        Some(whole) => whole.to_string(),
        None => format_g17(value),
    }
}

/// A double in the form for people (`ld2string` with `LD_STR_HUMAN`, util.c 7.0.15): 17 decimals, trailing zeros dropped, no
/// exponent.
pub fn human_text(value: f64) -> String {
    if value.is_infinite() {
        return if value < 0.0 { "-inf".into() } else { "inf".into() };
    }
    let text = format!("{value:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// The double nearest to a text that is a decimal number from end to end, `inf` or `nan` (in any case); none for anything else.
pub fn of_decimal(text: &str) -> Option<f64> {
    f64::from_lexical(text.as_bytes()).ok()
}

/// What the beginning of a text reads as, by C's rules (`strtod`, C locale), and how many bytes were read; 0 bytes and the value 0
/// if it does not begin with a number. Leading white space is skipped and counted.
pub fn strtod(text: &[u8]) -> (f64, usize) {
    let (number, len) = scan_number(text);
    let value = match number {
        Number::None => 0.0,
        Number::Decimal { text, .. } => of_decimal(text).unwrap_or(0.0),
        Number::Hex { mantissa, sticky, exponent, negative } => {
            let value = hex_to_f64(mantissa, sticky, exponent);
            if negative { -value } else { value }
        }
        Number::Infinity { negative } => {
            if negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        Number::Nan => f64::NAN,
    };
    (value, len)
}

/// Parses a whole text as a double the way commands do for scores and increments (`string2d`, util.c 7.0.15): `inf` and hexadecimal
/// are fine; space, NaN, overflow and underflow to zero are not.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if text.is_empty() || is_space(text[0]) {
        return None;
    }
    let (number, len) = scan_number(text);
    if len != text.len() {
        return None;
    }
    let (value, zero) = match &number {
        Number::None | Number::Nan => return None,
        Number::Infinity { negative } => {
            return Some(if *negative { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        Number::Decimal { zero, .. } => (strtod(text).0, *zero),
        Number::Hex { mantissa, .. } => (strtod(text).0, *mantissa == 0),
    };
    // strtod says ERANGE for both.
    if value.is_infinite() || (value == 0.0 && !zero) { None } else { Some(value) }
}

/// White space of C's `isspace`.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A number as it stands in a text, before it is rounded to any format.
pub(crate) enum Number<'a> {
    /// Not a number at all.
    None,
    /// Sign, digits, point and exponent.
    Decimal { text: &'a str, zero: bool },
    /// `0x` notation: mantissa × 2^exponent, with `sticky` if non-zero digits did not fit the mantissa.
    Hex { mantissa: u64, sticky: bool, exponent: i32, negative: bool },
    /// `inf` or `infinity`.
    Infinity { negative: bool },
    /// `nan`, `nan(...)`.
    Nan,
}

/// Finds the longest number at the beginning of a text by the grammar of `strtod` and `strtold`.
pub(crate) fn scan_number(text: &[u8]) -> (Number<'_>, usize) {
    let start = text.iter().take_while(|&&b| is_space(b)).count();
    let signed = matches!(text.get(start), Some(b'+' | b'-'));
    let negative = signed && text[start] == b'-';
    let body = start + usize::from(signed);
    let rest = &text[body..];
    let word = |word: &[u8]| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word);
    if word(b"infinity") {
        return (Number::Infinity { negative }, body + 8);
    }
    if word(b"inf") {
        return (Number::Infinity { negative }, body + 3);
    }
    if word(b"nan") {
        let mut len = 3;
        if rest.get(3) == Some(&b'(') {
            let inner = rest[4..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            if rest.get(4 + inner) == Some(&b')') {
                len = 5 + inner;
            }
        }
        return (Number::Nan, body + len);
    }
    if word(b"0x")
        && let Some((number, len)) = scan_hex(&rest[2..], negative)
    {
        return (number, body + 2 + len);
    }
    let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    if rest.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if end == 0 {
        return (Number::None, 0);
    }
    let zero = rest[..end].iter().all(|&b| b == b'0' || b == b'.');
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(rest.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let text = std::str::from_utf8(&text[start..body + end]).unwrap_or("");
    (Number::Decimal { text, zero }, body + end)
}

fn scan_hex(rest: &[u8], negative: bool) -> Option<(Number<'_>, usize)> {
    let (mut mantissa, mut exponent, mut sticky) = (0u64, 0i64, false);
    let (mut at, mut digits, mut point) = (0, 0, false);
    while let Some(&byte) = rest.get(at) {
        match (byte as char).to_digit(16) {
            Some(digit) => {
                digits += 1;
                if mantissa >> 60 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                    exponent -= if point { 4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    exponent += if point { 0 } else { 4 };
                }
            }
            None if byte == b'.' && !point => point = true,
            None => break,
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    if matches!(rest.get(at), Some(b'p' | b'P')) {
        let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        let tail = rest.get(at + 1 + sign..).unwrap_or(&[]);
        let len = tail.iter().take_while(|b| b.is_ascii_digit()).count();
        if len > 0 {
            let size = tail[..len]
                .iter()
                .fold(0i64, |sum, b| (sum * 10 + i64::from(b - b'0')).min(1_000_000_000_000));
            exponent += if sign == 1 && rest[at + 1] == b'-' { -size } else { size };
            at += 1 + sign + len;
        }
    }
    let exponent = exponent.clamp(-100_000, 100_000) as i32;
    Some((Number::Hex { mantissa, sticky, exponent, negative }, at))
}

/// Rounds mantissa × 2^exponent to the nearest double, ties to even.
fn hex_to_f64(mantissa: u64, sticky: bool, exponent: i32) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = mantissa.leading_zeros() as i32;
    let mantissa = mantissa << shift;
    // The value is 1.xxx × 2^top.
    let top = exponent - shift + 63;
    if top > 1023 {
        return f64::INFINITY;
    }
    let keep = if top >= -1022 { 53 } else { 53 - (-1022 - top) };
    if keep < 0 {
        return 0.0;
    }
    let drop = 64 - keep as u32;
    let kept = mantissa.checked_shr(drop).unwrap_or(0);
    let lost = if drop == 64 { mantissa } else { mantissa & ((1 << drop) - 1) };
    let half = 1u64 << (drop - 1);
    let up = lost > half || (lost == half && (sticky || kept & 1 == 1));
    let kept = kept + u64::from(up);
    // kept is an integer of at most 53 bits (or 2^53), so both steps are exact, save for overflow to infinity.
    let mut scale = top - (keep - 1);
    let mut value = kept as f64;
    while scale > 0 {
        let step = scale.min(1000);
        value *= f64::from_bits(((step + 1023) as u64) << 52);
        scale -= step;
    }
    while scale < 0 {
        let step = (-scale).min(1000);
        value *= f64::from_bits(((1023 - step) as u64) << 52);
        scale += step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Replies of redis-server 7.0.15 to ZADD and ZSCORE.
    #[test]
    fn prints_as_printf_does() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (-0.0, "-0"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (123456789012345678.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e-320, "9.9998886718268301e-321"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.3, "0.29999999999999999"),
            (-1234.5, "-1234.5"),
            (1.0 / 33554432.0, "2.9802322387695312e-08"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_g17(value), text);
            assert_eq!(reply_text(value), text);
        }
        assert_eq!(d2string(1e17), "100000000000000000");
        assert_eq!(d2string(1e19), "1e+19");
        assert_eq!(d2string(0.5), "0.5");
    }

    #[test]
    fn reads_as_strtod_does() {
        for (text, value) in [
            ("1", 1.0),
            ("+1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("-1E-2", -0.01),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
            ("0X.8", 0.5),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("4.9e-324", 5e-324),
            ("0e999999", 0.0),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x20000000000001", 9007199254740993.0),
            ("0x1.000000000000080", 1.0),
            ("0x1.00000000000008000000001", 1.0000000000000002),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "NaN(1)",
            "1e",
            "e1",
            ".",
            "-",
            "+",
            "--1",
            "1e400",
            "-1e400",
            "1e-400",
            "0x",
            "0xg",
            "1\0",
            "infin",
            "0x1p",
            "0x1p2000",
            "0x1p-2000",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(strtod(b"  12abc"), (12.0, 4));
        assert_eq!(strtod(b"0xz"), (0.0, 1));
        assert_eq!(strtod(b"1e+"), (1.0, 1));
        assert_eq!(strtod(b"1e400").0, f64::INFINITY);
        assert_eq!(strtod(b""), (0.0, 0));
    }

    proptest! {
        #[test]
        fn every_double_survives(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(parse_f64(format_g17(value).as_bytes()), Some(value));
            prop_assert_eq!(strtod(d2string(value).as_bytes()).0, value);
            prop_assert_eq!(reply_text(value), format_g17(value));
        }

        #[test]
        fn no_text_panics(text in "[ +-]?[0-9a-fxpeEinf.+-]{0,12}") {
            let (_, len) = strtod(text.as_bytes());
            prop_assert!(len <= text.len());
            parse_f64(text.as_bytes());
        }
    }
}
