//! The 80-bit `long double` of x86, as far as INCRBYFLOAT and HINCRBYFLOAT need it: read, add, print.
//!
//! Redis computes these two commands in `long double` and prints 17 digits after the point, so 0.1 + 0.2 gives 0.3, which no
//! arithmetic on doubles gives. WebAssembly has no such type, and the results must be those of a real Redis byte for byte. So
//! the format is done in integers: a 64-bit mantissa, rounding to nearest with ties to even at every step where the
//! hardware rounds.

use super::float::{Number, is_space, scan_number};
use std::cmp::Ordering;

/// Longest text that Redis reads as a long double (`MAX_LONG_DOUBLE_CHARS`, util.h 7.0.15), less its final zero byte.
const TEXT_MAX: usize = 5 * 1024 - 1;
/// The exponent of the first bit of the greatest finite value.
const TOP_MAX: i32 = 16383;
/// The exponent of the smallest value above zero (a denormal's last bit).
const BOTTOM: i32 = -16445;

/// A value of x86's extended format. Denormals keep their full precision here: they are below everything that is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongDouble {
    /// (-1)^negative × mantissa × 2^exponent; the mantissa's top bit is set, or it is 0.
    Finite {
        /// The sign.
        negative: bool,
        /// 64 significant bits.
        mantissa: u64,
        /// The weight of the mantissa's last bit.
        exponent: i32,
    },
    /// Plus or minus infinity.
    Infinite {
        /// The sign.
        negative: bool,
    },
    /// Not a number (infinity minus infinity).
    Nan,
}

impl LongDouble {
    /// An integer; every one fits exactly.
    pub fn from_i64(value: i64) -> LongDouble {
        round(value < 0, &Big::from(u128::from(value.unsigned_abs())), 0, false)
    }

    /// Reads a whole text (`string2ld`, util.c 7.0.15): `None` for space, NaN, overflow, underflow to zero, 5 KiB or more.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.is_empty() || text.len() > TEXT_MAX || is_space(text[0]) {
            return None;
        }
        let (number, len) = scan_number(text);
        if len != text.len() {
            return None;
        }
        let value = match number {
            Number::None | Number::Nan => return None,
            Number::Infinity { negative } => return Some(LongDouble::Infinite { negative }),
            Number::Hex { mantissa: 0, negative, .. } => {
                return Some(LongDouble::Finite { negative, mantissa: 0, exponent: 0 });
            }
            Number::Hex { mantissa, sticky, exponent, negative } => {
                round(negative, &Big::from(u128::from(mantissa)), exponent, sticky)
            }
            Number::Decimal { text, .. } => parse_decimal(text),
        };
        match value {
            LongDouble::Infinite { .. } => None,
            LongDouble::Finite { mantissa: 1.., exponent, .. } if is_underflow(value, exponent) => None,
            _ => Some(value),
        }
    }

    /// Whether it is finite: Redis refuses an increment whose result is not.
    pub fn is_finite(self) -> bool {
        matches!(self, LongDouble::Finite { .. })
    }

    /// The text that Redis stores and replies: `%.17Lf` without trailing zeros (`ld2string` with `LD_STR_HUMAN`, util.c 7.0.15).
    pub fn to_human(self) -> String {
        let (negative, mantissa, exponent) = match self {
            LongDouble::Nan => return "nan".into(),
            LongDouble::Infinite { negative } => return if negative { "-inf" } else { "inf" }.into(),
            LongDouble::Finite { negative, mantissa, exponent } => (negative, mantissa, exponent),
        };
        let mut digits = if exponent >= 0 {
            let mut value = Big::from(u128::from(mantissa));
            value.shift_left(exponent as usize);
            value.to_decimal() + &"0".repeat(17)
        } else {
            // mantissa × 10^17 has at most 121 bits.
            let scaled = u128::from(mantissa) * 100_000_000_000_000_000;
            let shift = exponent.unsigned_abs();
            let kept = scaled.checked_shr(shift).unwrap_or(0);
            let lost = scaled - kept.checked_shl(shift).unwrap_or(0);
            let up = match 1u128.checked_shl(shift - 1) {
                Some(half) => match lost.cmp(&half) {
                    Ordering::Less => false,
                    Ordering::Equal => kept & 1 == 1,
                    Ordering::Greater => true,
                },
                None => false,
            };
            (kept + u128::from(up)).to_string()
        };
        if digits.len() < 18 {
            digits = "0".repeat(18 - digits.len()) + &digits;
        }
        let (whole, fraction) = digits.split_at(digits.len() - 17);
        let fraction = fraction.trim_end_matches('0');
        let mut out = String::with_capacity(digits.len() + 2);
        if negative && !(whole == "0" && fraction.is_empty()) {
            out.push('-');
        }
        out.push_str(whole);
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        out
    }
}

impl std::ops::Add for LongDouble {
    type Output = LongDouble;

    /// The sum, rounded to 64 bits.
    fn add(self, other: LongDouble) -> LongDouble {
        use LongDouble::{Finite, Infinite, Nan};
        match (self, other) {
            (Nan, _) | (_, Nan) => Nan,
            (Infinite { negative: a }, Infinite { negative: b }) => {
                if a == b {
                    self
                } else {
                    Nan
                }
            }
            (Infinite { .. }, _) => self,
            (_, Infinite { .. }) => other,
            (Finite { mantissa: 0, negative: a, .. }, Finite { mantissa: 0, negative: b, .. }) => {
                Finite { negative: a && b, mantissa: 0, exponent: 0 }
            }
            (Finite { mantissa: 0, .. }, _) => other,
            (_, Finite { mantissa: 0, .. }) => self,
            (
                Finite { negative: an, mantissa: am, exponent: ae },
                Finite { negative: bn, mantissa: bm, exponent: be },
            ) => {
                let ((hn, hm, he), (ln, lm, le)) = if (ae, am) >= (be, bm) {
                    ((an, am, ae), (bn, bm, be))
                } else {
                    ((bn, bm, be), (an, am, ae))
                };
                // 62 bits below the mantissa keep the sum exact or, with the last bit as a mark of what was shifted out,
                // on the right side of every rounding boundary.
                let high = u128::from(hm) << 62;
                let shift = (he - le) as u32;
                let full = u128::from(lm) << 62;
                let low = full.checked_shr(shift).unwrap_or(0);
                let sticky = low.checked_shl(shift).unwrap_or(0) != full || shift >= 128;
                let low = low | u128::from(sticky);
                let sum = if hn == ln { high + low } else { high - low };
                if sum == 0 {
                    return Finite { negative: false, mantissa: 0, exponent: 0 };
                }
                round(hn, &Big::from(sum), he - 62, false)
            }
        }
    }
}

/// Whether the hardware would have rounded a value to zero: at most half of the smallest denormal.
fn is_underflow(value: LongDouble, exponent: i32) -> bool {
    let LongDouble::Finite { mantissa, .. } = value else { return false };
    let top = exponent + 63;
    top < BOTTOM - 1 || (top == BOTTOM - 1 && mantissa == 1 << 63)
}

/// Reads sign, digits, point and exponent; the grammar has been checked.
fn parse_decimal(text: &str) -> LongDouble {
    let (negative, body) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (number, exponent) = match body.find(['e', 'E']) {
        Some(at) => {
            let digits = body[at + 1..].trim_start_matches(['+', '-']);
            let size = digits.bytes().fold(0i64, |sum, b| (sum * 10 + i64::from(b - b'0')).min(1_000_000));
            (&body[..at], if body[at + 1..].starts_with('-') { -size } else { size })
        }
        None => (body, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|&b| b == b'0').collect();
    let mut exponent = exponent - fraction.len() as i64;
    let used = digits.iter().rposition(|&b| b != b'0').map_or(0, |at| at + 1);
    exponent += (digits.len() - used) as i64;
    let digits = &digits[..used];
    if digits.is_empty() {
        return LongDouble::Finite { negative, mantissa: 0, exponent: 0 };
    }
    // The decimal magnitude says early what no long double can hold; it also bounds the work below.
    let magnitude = digits.len() as i64 + exponent;
    if magnitude > 4934 {
        return LongDouble::Infinite { negative };
    }
    if magnitude < -4960 {
        return LongDouble::Finite { negative, mantissa: 1 << 63, exponent: -30_000 };
    }
    let mut numerator = Big::from(0);
    for chunk in digits.chunks(9) {
        let value = chunk.iter().fold(0, |sum, b| sum * 10 + u32::from(b - b'0'));
        numerator.mul_add(10u32.pow(chunk.len() as u32), value);
    }
    if exponent >= 0 {
        numerator.mul_pow10(exponent as u32);
        return round(negative, &numerator, 0, false);
    }
    let mut denominator = Big::from(1);
    denominator.mul_pow10(exponent.unsigned_abs() as u32);
    // Scale so that the quotient has 66 or 67 bits, then divide bit by bit; the remainder is the sticky bit.
    let shift = denominator.bits() as i64 - numerator.bits() as i64 + 66;
    if shift >= 0 {
        numerator.shift_left(shift as usize);
    } else {
        denominator.shift_left(shift.unsigned_abs() as usize);
    }
    let (quotient, exact) = numerator.divide(denominator);
    round(negative, &Big::from(quotient), -shift as i32, !exact)
}

/// Rounds value × 2^exponent, a little more if `sticky`, to 64 bits.
fn round(negative: bool, value: &Big, exponent: i32, sticky: bool) -> LongDouble {
    let bits = value.bits();
    if bits == 0 {
        return LongDouble::Finite { negative, mantissa: 0, exponent: 0 };
    }
    let (mut mantissa, mut exponent) = if bits <= 64 {
        let low = value.low_u64();
        (low << (64 - bits), exponent - (64 - bits) as i32)
    } else {
        let drop = bits - 64;
        let kept = value.bits_from(drop);
        let half = value.bit(drop - 1);
        let rest = sticky || value.any_below(drop - 1);
        let up = half && (rest || kept & 1 == 1);
        let exponent = exponent + drop as i32;
        match kept.checked_add(u64::from(up)) {
            Some(mantissa) => (mantissa, exponent),
            None => (1 << 63, exponent + 1),
        }
    };
    if exponent + 63 > TOP_MAX {
        return LongDouble::Infinite { negative };
    }
    if mantissa == 0 {
        (mantissa, exponent) = (0, 0);
    }
    LongDouble::Finite { negative, mantissa, exponent }
}

/// A natural number of any size, least significant word first, no zero word at the top.
struct Big(Vec<u32>);

impl From<u128> for Big {
    fn from(value: u128) -> Big {
        let mut big = Big((0..4).map(|i| (value >> (32 * i)) as u32).collect());
        big.trim();
        big
    }
}

impl Big {
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn bit(&self, at: usize) -> bool {
        self.0.get(at / 32).is_some_and(|word| word >> (at % 32) & 1 == 1)
    }

    fn low_u64(&self) -> u64 {
        let word = |i: usize| u64::from(self.0.get(i).copied().unwrap_or(0));
        word(0) | word(1) << 32
    }

    /// The 64 bits from bit `at` on.
    fn bits_from(&self, at: usize) -> u64 {
        let word = |i: usize| u128::from(self.0.get(at / 32 + i).copied().unwrap_or(0));
        ((word(0) | word(1) << 32 | word(2) << 64) >> (at % 32)) as u64
    }

    fn any_below(&self, at: usize) -> bool {
        let whole = (at / 32).min(self.0.len());
        self.0[..whole].iter().any(|&word| word != 0)
            || self.0.get(whole).is_some_and(|word| word & ((1 << (at % 32)) - 1) != 0)
    }

    fn mul_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    fn mul_pow10(&mut self, mut power: u32) {
        while power > 0 {
            let step = power.min(9);
            self.mul_add(10u32.pow(step), 0);
            power -= step;
        }
    }

    fn shift_left(&mut self, by: usize) {
        let mut words = vec![0; by / 32];
        let by = by % 32;
        let mut carry = 0;
        for &word in &self.0 {
            words.push(word << by | carry);
            carry = if by == 0 { 0 } else { word >> (32 - by) };
        }
        words.push(carry);
        self.0 = words;
        self.trim();
    }

    fn cmp(&self, other: &Big) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0i64;
        for (i, word) in self.0.iter_mut().enumerate() {
            let value = i64::from(*word) - i64::from(other.0.get(i).copied().unwrap_or(0)) + borrow;
            *word = value as u32;
            borrow = value >> 32;
        }
        self.trim();
    }

    /// Quotient and whether it is exact; the quotient must fit 127 bits.
    fn divide(mut self, divisor: Big) -> (u128, bool) {
        let steps = self.bits().saturating_sub(divisor.bits());
        let mut quotient = 0u128;
        for step in (0..=steps).rev() {
            let mut part = Big(divisor.0.clone());
            part.shift_left(step);
            quotient <<= 1;
            if self.cmp(&part) != Ordering::Less {
                self.subtract(&part);
                quotient |= 1;
            }
        }
        (quotient, self.0.is_empty())
    }

    fn to_decimal(&self) -> String {
        let mut words = self.0.clone();
        let mut groups = Vec::new();
        while !words.is_empty() {
            let mut rest = 0u64;
            for word in words.iter_mut().rev() {
                rest = rest << 32 | u64::from(*word);
                *word = (rest / 1_000_000_000) as u32;
                rest %= 1_000_000_000;
            }
            groups.push(rest);
            while words.last() == Some(&0) {
                words.pop();
            }
        }
        let Some(top) = groups.pop() else { return "0".into() };
        let mut text = top.to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> Option<String> {
        let sum = LongDouble::parse(a.as_bytes())? + LongDouble::parse(b.as_bytes())?;
        sum.is_finite().then(|| sum.to_human())
    }

    /// Replies of redis-server 7.0.15 to SET k, then INCRBYFLOAT k.
    const FACTS: &[(&str, &str, &str)] = &[
        ("0.1", "0.2", "0.3"),
        ("3.0e3", "1", "3001"),
        ("10.5", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("10.50", "-5", "5.5"),
        ("0", "-0.0", "0"),
        ("-0.1", "0.1", "0"),
        ("1", "1e-17", "1.00000000000000001"),
        ("1", "5e-18", "1"),
        ("1", "4e-18", "1"),
        ("1", "1e-18", "1"),
        ("3", "-0.000000000000000005", "3"),
        ("1e30", "0.1", "1000000000000000000024696061952"),
        (
            "1e300",
            "1e284",
            "1000000000000000099990554109914875476728534684137210245044964070845980984476935343863773219948829714558356674325376714394147863019843066073559770240761723237496980952926872935674496720740039923971327548529439545703696062479291856347277174925306196091002242528469587423398540423720737353014997394915328",
        ),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("9223372036854775807", "0.5", "9223372036854775807.5"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("17179869184", "1", "17179869185"),
        ("0x1p-3", "0x.8", "0.625"),
        ("1e-17", "1e-17", "0.00000000000000002"),
        ("123456789.123456789", "0.000000001", "123456789.12345678999554366"),
        ("1.1", "2.2", "3.3"),
        ("-1e-30", "0", "0"),
        ("0.7", "0.1", "0.8"),
        ("-5e-18", "0", "0"),
        ("1.5e-17", "0", "0.00000000000000002"),
        ("2.5e-17", "0", "0.00000000000000002"),
        ("99999999999999999999.9", "0.1", "100000000000000000000"),
        ("306319.274281998", "796487718e-1", "79955091.07428199800051516"),
        ("667641.741361655", "903565516e11", "90356551600000667640"),
        ("367409.990338920", "569125961e-12", "367409.99090804596099247"),
        ("762337.499958518", "833179165e-5", "770669.29160851800003229"),
        ("360998.55677006", "967334542e-7", "361095.29022426000000223"),
        ("-762590.399210079", "503659048e-5", "-757553.80873007899998584"),
        ("-201493.583858778", "109494177e6", "109494176798506.4161376953125"),
        ("-477116.14081254", "785102536e-6", "-476331.03827654000002667"),
        ("-144046.300091911", "195502252e0", "195358205.69990808899456169"),
        ("-665286.818111197", "855930069e-10", "-665286.73251819009999508"),
        ("-708984.663493191", "662984594e2", "66297750415.33650681003928185"),
        ("-734293.141992542", "1905740e-12", "-734293.14199063626000452"),
        ("-560739.830639914", "231371142e-7", "-560716.69352571400003171"),
        ("829571.178761347", "310639063e-2", "3935961.80876134700019975"),
        ("-582899.578986789", "940725539e9", "940725538999417100.4375"),
        ("312251.219880330", "195065243e10", "1950652430000312251.25"),
        ("-587115.959647820", "411483093e-3", "-175632.86664781999999718"),
        ("-954764.387824738", "445502692e-7", "-954719.83755553800000371"),
        ("962499.156446233", "283265919e-10", "962499.18477282489999425"),
        ("-304051.323581868", "877676897e7", "8776768969695948.67626953125"),
        ("229227.3632595", "639927525e9", "639927525000229227.375"),
        ("484104.362813998", "70891065e-3", "554995.42781399800003328"),
        ("-254775.878877094", "328633993e3", "328633738224.12112289667129517"),
        ("460498.339080271", "198398753e3", "198399213498.33908027410507202"),
    ];

    #[test]
    fn sums_as_redis_gives_them() {
        for (a, b, text) in FACTS {
            assert_eq!(sum(a, b).as_deref(), Some(*text), "{a} + {b}");
        }
    }

    #[test]
    fn refuses_what_redis_refuses() {
        for text in ["", " 1", "1 ", "nan", "1e5000", "1e-5000", "0x", "abc", "1e4933", "1e-4952"] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        assert!(LongDouble::parse(b"1e4932").is_some() && LongDouble::parse(b"4e-4951").is_some());
        assert!(LongDouble::parse(&[b'1'; TEXT_MAX]).is_none());
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("1.1e4932", "1.1e4932"), None);
        assert_eq!(LongDouble::parse(b"inf").unwrap() + LongDouble::parse(b"-inf").unwrap(), LongDouble::Nan);
    }

    #[test]
    fn integers_are_exact() {
        for value in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1] {
            assert_eq!(LongDouble::from_i64(value).to_human(), value.to_string());
        }
    }
}
