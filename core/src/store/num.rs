//! Integers as text: what Redis accepts as one, and how it writes one.
//!
//! Redis stores a string as an integer only if the integer's text is that very string, so its parser is strict: no `+`, no
//! leading zero, no space, no `-0`. The floating-point side is in [`super::float`] and [`super::longdouble`].

/// Parses text that is exactly what printing an `i64` gives (`string2ll`, util.c 7.0.15).
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let (negative, digits) = match text[0] {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    match digits.first()? {
        b'0' => return (text.len() == 1).then_some(0),
        b'1'..=b'9' => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// The decimal text of an `i64`, on the stack.
#[derive(Clone, Copy)]
pub struct I64Text {
    buf: [u8; 20],
    start: u8,
}

impl I64Text {
    /// Writes the number.
    #[inline]
    pub fn new(value: i64) -> I64Text {
        let mut buf = [0; 20];
        let mut at = buf.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            buf[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            buf[at] = b'-';
        }
        I64Text { buf, start: at as u8 }
    }

    /// The text.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.buf[usize::from(self.start)..]
    }
}

/// How many bytes the decimal text of a number has.
pub fn i64_text_len(value: i64) -> usize {
    I64Text::new(value).as_slice().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strict_as_redis_is() {
        for (text, value) in
            [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(parse_i64(text.as_bytes()), Some(value));
        }
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "00",
            " 1",
            "1 ",
            "1a",
            "a",
            "0x1",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "18446744073709551616",
            "111111111111111111111",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(value in any::<i64>(), shift in 0..64u32) {
            let value = value >> shift;
            let text = I64Text::new(value);
            prop_assert_eq!(String::from_utf8_lossy(text.as_slice()), value.to_string());
            prop_assert_eq!(parse_i64(text.as_slice()), Some(value));
        }
    }
}
