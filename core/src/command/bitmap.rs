//! The commands that see a string as bits (bitops.c 7.0.15). Bit 0 is the highest bit of the first byte.

use super::Handlers;
use super::string::{integer_or, read_string, string_len_max, write_string};
use crate::exec::{Done, Error, Exec, notify};
use crate::store::num::parse_i64;
use crate::store::{Object, Str, StrValue};
use smallvec::SmallVec;

pub(crate) const HANDLERS: Handlers = &[
    ("bitcount", bitcount),
    ("bitfield", |exec| bitfield_generic(exec, false)),
    ("bitfield_ro", |exec| bitfield_generic(exec, true)),
    ("bitop", bitop),
    ("bitpos", bitpos),
    ("getbit", getbit),
    ("setbit", setbit),
];

/// The bit that argument `index` names; with `width`, `#n` names the n-th field of so many bits
/// (`getBitOffsetFromArgument`).
fn bit_offset(exec: &Exec<'_>, index: usize, width: Option<u32>) -> Result<u64, Error> {
    let arg = exec.args[index];
    let offset = match (arg.strip_prefix(b"#"), width) {
        (Some(rest), Some(width)) => parse_i64(rest).and_then(|n| n.checked_mul(i64::from(width))),
        _ => parse_i64(arg),
    };
    offset
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset >> 3 < string_len_max(exec))
        .ok_or(Error::fixed("bit offset is not an integer or out of range"))
}

/// The string at `key`, made long enough for `bit`, and whether that changed it (`lookupStringForBitCommand`).
fn grow_for_bit<'e>(exec: &'e mut Exec<'_>, key: &[u8], bit: u64) -> Result<(&'e mut Vec<u8>, bool), Error> {
    let len = (bit >> 3) as usize + 1;
    let mut grown = false;
    if write_string(exec, key)?.is_none() {
        let object = Object::Str(StrValue::Raw(Str::from(vec![0; len])));
        exec.node.insert(exec.db, key, object);
        grown = true;
    }
    let Some(value) = write_string(exec, key)? else { return Err(Error::NO_SUCH_KEY) };
    let bytes = value.make_raw().make_mut();
    if bytes.len() < len {
        bytes.resize(len, 0);
        grown = true;
    }
    Ok((bytes, grown))
}

/// `SETBIT key offset value`
fn setbit(exec: &mut Exec<'_>) -> Done {
    const NOT_A_BIT: &str = "bit is not an integer or out of range";
    let key = exec.args[1];
    let offset = bit_offset(exec, 2, None)?;
    let on = match integer_or(exec, 3, NOT_A_BIT)? {
        0 => false,
        1 => true,
        _ => return Err(Error::fixed(NOT_A_BIT)),
    };
    let (bytes, grown) = grow_for_bit(exec, key, offset)?;
    let byte = &mut bytes[(offset >> 3) as usize];
    let mask = 0x80 >> (offset & 7);
    let was = *byte & mask != 0;
    if grown || was != on {
        *byte = if on { *byte | mask } else { *byte & !mask };
        exec.modified(key);
        exec.notify(notify::STRING, "setbit", key);
        exec.dirty(1);
    }
    exec.reply.integer(i64::from(was));
    Ok(())
}

/// `GETBIT key offset`
fn getbit(exec: &mut Exec<'_>) -> Done {
    let offset = bit_offset(exec, 2, None)?;
    let value = read_string(exec, exec.args[1])?;
    let byte = value.and_then(|value| value.with(|bytes| bytes.get((offset >> 3) as usize).copied()));
    exec.reply.integer(i64::from(byte.unwrap_or(0) & 0x80 >> (offset & 7) != 0));
    Ok(())
}

/// `BITOP AND|OR|XOR|NOT destination key [key …]`
fn bitop(exec: &mut Exec<'_>) -> Done {
    let is = |word| exec.arg_is(1, word);
    let combine: fn(u8, u8) -> u8 = if is("AND") {
        |a, b| a & b
    } else if is("OR") {
        |a, b| a | b
    } else if is("XOR") {
        |a, b| a ^ b
    } else if is("NOT") {
        if exec.args.len() != 4 {
            return Err(Error::fixed("BITOP NOT must be called with a single source key."));
        }
        |a, _| a
    } else {
        return Err(Error::SYNTAX);
    };
    let invert = is("NOT");
    let destination = exec.args[2];
    let mut sources: SmallVec<[Str; 4]> = SmallVec::new();
    for key in &exec.args[3..] {
        sources.push(read_string(exec, key)?.map_or(Str::new(), |value| value.to_str()));
    }
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = sources[0].to_vec();
    result.resize(len, 0);
    for source in &sources[1..] {
        let (head, tail) = result.split_at_mut(source.len());
        for (byte, other) in head.iter_mut().zip(source.iter()) {
            *byte = combine(*byte, *other);
        }
        tail.iter_mut().for_each(|byte| *byte = combine(*byte, 0));
    }
    if invert {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    if len > 0 {
        exec.set(destination, Object::Str(StrValue::Raw(Str::from(result))));
        exec.notify(notify::STRING, "set", destination);
        exec.dirty(1);
    } else if exec.remove(destination).is_some() {
        exec.modified(destination);
        exec.notify(notify::GENERIC, "del", destination);
        exec.dirty(1);
    }
    exec.reply.integer(len as i64);
    Ok(())
}

/// How many bits of `bytes` are set from bit `from` up to `to`, both included; `to` is within the bytes.
fn count_bits(bytes: &[u8], from: u64, to: u64) -> i64 {
    let part = &bytes[(from >> 3) as usize..=(to >> 3) as usize];
    let (words, rest) = part.as_chunks::<8>();
    let mut count: i64 = words.iter().map(|word| i64::from(u64::from_le_bytes(*word).count_ones())).sum();
    count += rest.iter().map(|byte| i64::from(byte.count_ones())).sum::<i64>();
    // What the first and the last byte have outside of the range.
    let before = part[0] & !(0xff >> (from & 7));
    let after = part[part.len() - 1] & (0x7f >> (to & 7));
    count - i64::from(before.count_ones()) - i64::from(after.count_ones())
}

/// Whether argument `index` says BIT rather than BYTE.
fn unit_is_bit(exec: &Exec<'_>, index: usize) -> Result<bool, Error> {
    if exec.arg_is(index, "BIT") {
        Ok(true)
    } else if exec.arg_is(index, "BYTE") {
        Ok(false)
    } else {
        Err(Error::SYNTAX)
    }
}

/// The bits from `start` to `end`, which count bytes or bits, from the end if negative; none if the range is empty.
fn bit_range(len: usize, start: i64, end: i64, by_bit: bool) -> Option<(u64, u64)> {
    let total = if by_bit { len as i64 * 8 } else { len as i64 };
    let from_end = |index: i64| if index < 0 { index.saturating_add(total).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    Some(if by_bit { (start as u64, end as u64) } else { (start as u64 * 8, end as u64 * 8 + 7) })
}

/// `BITCOUNT key [start end [BYTE | BIT]]`
fn bitcount(exec: &mut Exec<'_>) -> Done {
    let Some(value) = read_string(exec, exec.args[1])? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let (start, end, by_bit) = match exec.args.len() {
        2 => (0, -1, false),
        argc @ (4 | 5) => {
            let (start, end) = (exec.integer(2)?, exec.integer(3)?);
            if start < 0 && end < 0 && start > end {
                exec.reply.integer(0);
                return Ok(());
            }
            (start, end, argc == 5 && unit_is_bit(exec, 4)?)
        }
        _ => return Err(Error::SYNTAX),
    };
    let count = value.with(|bytes| {
        bit_range(bytes.len(), start, end, by_bit).map_or(0, |(from, to)| count_bits(bytes, from, to))
    });
    exec.reply.integer(count);
    Ok(())
}

/// The first bit that is `wanted` from bit `from` up to `to`, both included.
fn find_bit(bytes: &[u8], from: u64, to: u64, wanted: bool) -> Option<u64> {
    let (first, last) = ((from >> 3) as usize, (to >> 3) as usize);
    let boring = if wanted { 0 } else { 0xff };
    for (index, &byte) in bytes.iter().enumerate().take(last + 1).skip(first) {
        if byte == boring {
            continue;
        }
        let mut byte = if wanted { byte } else { !byte };
        if index == first {
            byte &= 0xff >> (from & 7);
        }
        if index == last {
            byte &= !(0x7f >> (to & 7));
        }
        if byte != 0 {
            return Some(index as u64 * 8 + u64::from(byte.leading_zeros()));
        }
    }
    None
}

/// `BITPOS key bit [start [end [BYTE | BIT]]]`
fn bitpos(exec: &mut Exec<'_>) -> Done {
    let wanted = match exec.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Error::fixed("The bit argument must be 1 or 0.")),
    };
    let Some(value) = read_string(exec, exec.args[1])? else {
        // A key that is not there is an endless row of zeros.
        exec.reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let argc = exec.args.len();
    if argc > 6 {
        return Err(Error::SYNTAX);
    }
    let start = if argc > 3 { exec.integer(3)? } else { 0 };
    let by_bit = argc == 6 && unit_is_bit(exec, 5)?;
    let end = if argc > 4 { Some(exec.integer(4)?) } else { None };
    let position = value.with(|bytes| {
        let (from, to) = bit_range(bytes.len(), start, end.unwrap_or(-1), by_bit)?;
        find_bit(bytes, from, to, wanted).or_else(|| {
            // Without an end the string goes on with zeros behind its last byte.
            (!wanted && end.is_none()).then_some(to + 1)
        })
    });
    exec.reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// What BITFIELD does when a value does not fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// One operation of BITFIELD.
#[derive(Clone, Copy)]
struct Field {
    offset: u64,
    bits: u32,
    signed: bool,
    action: Action,
    overflow: Overflow,
}

impl Field {
    /// The field's value; bits behind the end of the string are zeros.
    fn read(&self, bytes: &[u8]) -> i128 {
        let first = (self.offset >> 3) as usize;
        // Up to 64 bits that begin anywhere in a byte lie within nine bytes.
        let mut window: u128 = 0;
        for index in first..first + 9 {
            window = window << 8 | u128::from(bytes.get(index).copied().unwrap_or(0));
        }
        let raw = window >> (72 - (self.offset & 7) as u32 - self.bits) & self.mask();
        if self.signed && raw >> (self.bits - 1) & 1 == 1 {
            raw as i128 - (1 << self.bits)
        } else {
            raw as i128
        }
    }

    fn mask(&self) -> u128 {
        (1 << self.bits) - 1
    }

    /// Writes the lowest bits of `value`; the string is long enough.
    fn write(&self, bytes: &mut [u8], value: i128) {
        for bit in 0..self.bits {
            let at = self.offset + u64::from(bit);
            let mask = 0x80 >> (at & 7);
            let on = value >> (self.bits - 1 - bit) & 1 == 1;
            if let Some(byte) = bytes.get_mut((at >> 3) as usize) {
                *byte = if on { *byte | mask } else { *byte & !mask };
            }
        }
    }

    /// A value as the field can hold it; none if it cannot and OVERFLOW FAIL is in force.
    fn fit(&self, value: i128) -> Option<i128> {
        let (min, max) = if self.signed {
            (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1)
        } else {
            (0, (1i128 << self.bits) - 1)
        };
        if (min..=max).contains(&value) {
            return Some(value);
        }
        match self.overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(if value > max { max } else { min }),
            Overflow::Wrap => {
                let wrapped = value & self.mask() as i128;
                Some(if wrapped > max { wrapped - (1 << self.bits) } else { wrapped })
            }
        }
    }

    /// A value that SET is given, as the field can hold it. An unsigned field takes a negative number as the large one with
    /// the same bits. A signed one saturates upwards where `max - value` passes the end of 64 bits: Redis takes the
    /// difference for a negative one (`checkSignedBitfieldOverflow`, bitops.c 7.0.15).
    fn fit_given(&self, value: i64) -> Option<i128> {
        if !self.signed {
            return self.fit(i128::from(value as u64));
        }
        let max = (1i128 << (self.bits - 1)) - 1;
        if self.bits < 64 && self.overflow == Overflow::Saturate && max - i128::from(value) > i64::MAX.into()
        {
            return Some(max);
        }
        self.fit(i128::from(value))
    }
}

/// A field's type, such as `i16` or `u8` (`getBitfieldTypeFromArgument`).
fn field_type(arg: &[u8]) -> Result<(bool, u32), Error> {
    let (signed, digits) = match arg {
        [b'i', digits @ ..] => (true, digits),
        [b'u', digits @ ..] => (false, digits),
        _ => (false, &[][..]),
    };
    match parse_i64(digits) {
        Some(bits @ 1..=63) => Ok((signed, bits as u32)),
        Some(64) if signed => Ok((true, 64)),
        _ => Err(Error::fixed(
            "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        )),
    }
}

fn parse_fields(exec: &Exec<'_>) -> Result<Vec<Field>, Error> {
    let argc = exec.args.len();
    let mut fields = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut index = 2;
    while index < argc {
        let rest = argc - index - 1;
        let is = |word| exec.arg_is(index, word);
        if is("OVERFLOW") && rest >= 1 {
            overflow = if exec.arg_is(index + 1, "WRAP") {
                Overflow::Wrap
            } else if exec.arg_is(index + 1, "SAT") {
                Overflow::Saturate
            } else if exec.arg_is(index + 1, "FAIL") {
                Overflow::Fail
            } else {
                return Err(Error::fixed("Invalid OVERFLOW type specified"));
            };
            index += 2;
            continue;
        }
        let action = if is("GET") && rest >= 2 {
            Action::Get
        } else if is("SET") && rest >= 3 {
            Action::Set(0)
        } else if is("INCRBY") && rest >= 3 {
            Action::Add(0)
        } else {
            return Err(Error::SYNTAX);
        };
        let (signed, bits) = field_type(exec.args[index + 1])?;
        let offset = bit_offset(exec, index + 2, Some(bits))?;
        let action = match action {
            Action::Get => Action::Get,
            Action::Set(_) => Action::Set(exec.integer(index + 3)?),
            Action::Add(_) => Action::Add(exec.integer(index + 3)?),
        };
        fields.push(Field { offset, bits, signed, action, overflow });
        index += if action == Action::Get { 3 } else { 4 };
    }
    Ok(fields)
}

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment …]`,
/// `BITFIELD_RO key [GET type offset …]`
fn bitfield_generic(exec: &mut Exec<'_>, read_only: bool) -> Done {
    let key = exec.args[1];
    let fields = parse_fields(exec)?;
    let writes = fields.iter().filter(|field| field.action != Action::Get);
    let Some(last_bit) = writes.map(|field| field.offset + u64::from(field.bits) - 1).max() else {
        let value = read_string(exec, key)?.map_or(Str::new(), |value| value.to_str());
        exec.reply.array(fields.len());
        for field in &fields {
            exec.reply.integer(field.read(&value) as i64);
        }
        return Ok(());
    };
    if read_only {
        return Err(Error::fixed("BITFIELD_RO only supports the GET subcommand"));
    }
    let (bytes, grown) = grow_for_bit(exec, key, last_bit)?;
    let mut changes = 0;
    let mut results: SmallVec<[Option<i128>; 4]> = SmallVec::new();
    for field in &fields {
        let old = field.read(bytes);
        let new = match field.action {
            Action::Get => {
                results.push(Some(old));
                continue;
            }
            Action::Set(value) => field.fit_given(value),
            Action::Add(increment) => field.fit(old + i128::from(increment)),
        };
        if let Some(new) = new {
            field.write(bytes, new);
            changes += u64::from(grown || old != new);
        }
        results.push(if matches!(field.action, Action::Set(_)) { new.map(|_| old) } else { new });
    }
    if changes > 0 {
        exec.modified(key);
        exec.notify(notify::STRING, "setbit", key);
        exec.dirty(changes);
    }
    exec.reply.array(results.len());
    for result in results {
        match result {
            Some(value) => exec.reply.integer(value as i64),
            None => exec.reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_and_found_within_ranges() {
        let bytes: Vec<u8> = (0..40u8).map(|n| n.wrapping_mul(37)).collect();
        let bit = |at: u64| bytes[(at >> 3) as usize] & 0x80 >> (at & 7) != 0;
        for from in (0..320).step_by(7) {
            for to in (from..320).step_by(5) {
                let slow = (from..=to).filter(|&at| bit(at)).count() as i64;
                assert_eq!(count_bits(&bytes, from, to), slow, "{from}..={to}");
                for wanted in [false, true] {
                    let slow = (from..=to).find(|&at| bit(at) == wanted);
                    assert_eq!(find_bit(&bytes, from, to, wanted), slow, "{from}..={to} {wanted}");
                }
            }
        }
        assert_eq!(bit_range(3, -1, -1, false), Some((16, 23)));
        assert_eq!(bit_range(3, -8, i64::MAX, true), Some((16, 23)));
        assert_eq!(bit_range(3, 5, 9, false), None);
        assert_eq!(bit_range(0, 0, -1, false), None);
        assert_eq!(bit_range(3, i64::MIN, i64::MIN, false), Some((0, 7)));
    }

    #[test]
    fn fields_wrap_saturate_and_fail() {
        let field = |signed, bits, overflow| Field { offset: 3, bits, signed, action: Action::Get, overflow };
        assert_eq!(field(true, 8, Overflow::Wrap).fit(128), Some(-128));
        assert_eq!(field(true, 8, Overflow::Wrap).fit(-129), Some(127));
        assert_eq!(field(false, 8, Overflow::Wrap).fit(-1), Some(255));
        assert_eq!(field(true, 8, Overflow::Saturate).fit(300), Some(127));
        assert_eq!(field(false, 8, Overflow::Saturate).fit(-5), Some(0));
        assert_eq!(field(true, 16, Overflow::Saturate).fit_given(i64::MIN), Some(32767));
        assert_eq!(field(true, 16, Overflow::Saturate).fit_given(i64::MIN + 32768), Some(-32768));
        assert_eq!(field(true, 64, Overflow::Saturate).fit_given(i64::MIN), Some(i128::from(i64::MIN)));
        assert_eq!(field(true, 64, Overflow::Fail).fit(1 << 64), None);
        assert_eq!(field(true, 64, Overflow::Wrap).fit(1 << 63), Some(i128::from(i64::MIN)));
        for (signed, bits) in [(true, 64), (false, 63), (true, 1), (false, 13)] {
            let field = field(signed, bits, Overflow::Wrap);
            let mut bytes = vec![0xa5; 12];
            for value in [0, 1, -1, 12345, i128::from(i64::MIN)] {
                let value = field.fit(value).unwrap();
                field.write(&mut bytes, value);
                assert_eq!(field.read(&bytes), value);
            }
            assert_eq!((bytes[0] & 0xe0, bytes[11]), (0xa0, 0xa5), "neighbours are left alone");
        }
        assert_eq!(field(false, 16, Overflow::Wrap).read(&[0xff]), 0xf800);
    }
}
