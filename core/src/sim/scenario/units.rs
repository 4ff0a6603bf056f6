//! Amounts with their units: read exactly, in whole numbers, and written in the largest unit that says them exactly.

/// Reads a decimal number with up to twelve places as a whole number of `1 / scale` parts; `None` if it is no number, does not
/// come out even, or is too large.
fn scaled(digits: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 20
        || fraction.len() > 12
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    if digits.contains('.') && fraction.is_empty() {
        return None;
    }
    let mut parts = whole.parse::<u128>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let places = 10u128.checked_pow(fraction.len() as u32)?;
        let numerator = fraction.parse::<u128>().ok()?.checked_mul(scale)?;
        if !numerator.is_multiple_of(places) {
            return None;
        }
        parts = parts.checked_add(numerator / places)?;
    }
    Some(parts)
}

/// Writes a whole number of `1 / 10^places` parts as a decimal number.
fn decimal(parts: u128, places: usize) -> String {
    let one = 10u128.pow(places as u32);
    let (whole, fraction) = (parts / one, parts % one);
    if fraction == 0 {
        return whole.to_string();
    }
    let text = format!("{fraction:0places$}");
    format!("{whole}.{}", text.trim_end_matches('0'))
}

fn split_unit(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(at)
}

fn in_u64(value: Option<u128>) -> Option<u64> {
    u64::try_from(value?).ok()
}

/// Reads a span of time as microseconds: `200us`, `1.5ms`, `12.5s`, `2m`, `1h`, `1d`.
pub(crate) fn time(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text);
    let scale: u128 = match unit.to_ascii_lowercase().as_str() {
        "us" | "µs" | "μs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "" if text == "0" => 1,
        _ => return None,
    };
    in_u64(scaled(digits, scale))
}

/// Writes a span of time.
pub(crate) fn show_time(us: u64) -> String {
    match us {
        1..1_000 => format!("{us}us"),
        1_000..1_000_000 => format!("{}ms", decimal(u128::from(us), 3)),
        _ => format!("{}s", decimal(u128::from(us), 6)),
    }
}

/// Reads a cost in nanoseconds: `500ns`, `2.7us`, `1ms`.
pub(crate) fn nanos(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text);
    let scale: u128 = match unit.to_ascii_lowercase().as_str() {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    in_u64(scaled(digits, scale))
}

/// Writes a cost in nanoseconds.
pub(crate) fn show_nanos(ns: u64) -> String {
    if ns < 1_000 { format!("{ns}ns") } else { format!("{}us", decimal(u128::from(ns), 3)) }
}

/// Reads a span of time with a sign: `+2s`, `-500ms`.
pub(crate) fn signed_time(text: &str) -> Option<i64> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let us = i128::from(time(rest)?);
    i64::try_from(if negative { -us } else { us }).ok()
}

/// Writes a span of time with its sign.
pub(crate) fn show_signed_time(us: i64) -> String {
    format!("{}{}", if us < 0 { '-' } else { '+' }, show_time(us.unsigned_abs()))
}

/// Reads a number of bytes: `512B`, `64KiB`, `1.5MB`, `2GiB`, or without a unit.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text);
    let scale: u128 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    in_u64(scaled(digits, scale))
}

/// Writes a number of bytes.
pub(crate) fn show_size(bytes: u64) -> String {
    let units = [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
        (1_000, "kB"),
    ];
    let even = units.into_iter().find(|(unit, _)| bytes != 0 && bytes.is_multiple_of(*unit));
    even.map_or_else(|| format!("{bytes}B"), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// Reads a share in millionths: `2%`, `0.01%`, `500ppm`.
pub(crate) fn share(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text);
    match unit.to_ascii_lowercase().as_str() {
        "%" => in_u64(scaled(digits, 10_000)),
        "ppm" => in_u64(scaled(digits, 1)),
        _ => None,
    }
}

/// Writes a share in millionths.
pub(crate) fn show_share(ppm: u64) -> String {
    format!("{}%", decimal(u128::from(ppm), 4))
}

/// Reads a factor in millionths: `1.5x`, `0.3`, `10x`.
pub(crate) fn factor(text: &str) -> Option<u64> {
    let digits = text.strip_suffix(['x', 'X', '×']).unwrap_or(text);
    in_u64(scaled(digits, 1_000_000))
}

/// Writes a factor in millionths.
pub(crate) fn show_factor(ppm: u64) -> String {
    format!("{}x", decimal(u128::from(ppm), 6))
}

/// Reads a number in thousandths: `1.5`.
pub(crate) fn thousandths(text: &str) -> Option<u64> {
    in_u64(scaled(text, 1_000))
}

/// Writes a number in thousandths.
pub(crate) fn show_thousandths(milli: u64) -> String {
    decimal(u128::from(milli), 3)
}

/// Reads a whole number, decimal or `0x` hexadecimal.
pub(crate) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(time("12.5s"), Some(12_500_000));
        assert_eq!(
            (time("2m"), time("1h"), time("200us"), time("0")),
            (Some(120_000_000), Some(3_600_000_000), Some(200), Some(0))
        );
        assert_eq!(
            (time("5"), time("s"), time("1.5us"), time("-1s"), time("1.s")),
            (None, None, None, None, None)
        );
        assert_eq!((time("99999999999999999999h"), time("18446744073709551615us")), (None, Some(u64::MAX)));
        assert_eq!((size("64KiB"), size("1.5MB"), size("7")), (Some(65_536), Some(1_500_000), Some(7)));
        assert_eq!(
            (share("2%"), share("0.0001%"), share("3ppm"), share("2")),
            (Some(20_000), Some(1), Some(3), None)
        );
        assert_eq!((factor("1.5x"), factor("0.000001"), factor("x")), (Some(1_500_000), Some(1), None));
        assert_eq!(
            (number("0xff"), number("12"), number("+3"), number("")),
            (Some(255), Some(12), None, None)
        );
        assert_eq!((signed_time("-1.5s"), signed_time("+2ms")), (Some(-1_500_000), Some(2_000)));
    }

    #[test]
    fn amounts_are_written_shortly() {
        assert_eq!(
            (show_time(0), show_time(12_500_000), show_time(1_500)),
            ("0s".into(), "12.5s".into(), "1.5ms".into())
        );
        assert_eq!(
            (show_size(0), show_size(65_536), show_size(125_000_000)),
            ("0B".into(), "64KiB".into(), "125MB".into())
        );
        assert_eq!((show_share(20_000), show_factor(1_500_000)), ("2%".into(), "1.5x".into()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(n: u64, i: i64) {
            for n in [n, n % 1_000_000_007, n % 1_009] {
                prop_assert_eq!(time(&show_time(n)), Some(n));
                prop_assert_eq!(nanos(&show_nanos(n)), Some(n));
                prop_assert_eq!(size(&show_size(n)), Some(n));
                prop_assert_eq!(share(&show_share(n)), Some(n));
                prop_assert_eq!(factor(&show_factor(n)), Some(n));
                prop_assert_eq!(thousandths(&show_thousandths(n)), Some(n));
            }
            prop_assert_eq!(signed_time(&show_signed_time(i)), Some(i));
        }

        #[test]
        fn nothing_that_is_typed_panics(text in ".*") {
            let _ = (time(&text), size(&text), share(&text), factor(&text), number(&text), signed_time(&text));
        }
    }
}
