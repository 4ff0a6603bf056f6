//! The packed encodings that appear in RDB files as one string each: listpacks (7.0), ziplists (2.2 to 6.2), zipmaps
//! (2.0 to 2.4) and intsets. They are Redis's in-memory layouts written out as they are.
//!
//! A file may come from anywhere, so every reader here checks all that Redis's deep validation checks
//! (`lpValidateIntegrity`, `ziplistValidateIntegrity`, `zipmapValidateIntegrity`, `intsetValidateIntegrity`, 7.0.15):
//! lengths stay inside the blob, the links back agree with the links forth, the count in the header is right. The engine
//! keeps its own structures; these bytes exist only on their way to and from a file.

use std::collections::BTreeSet;

/// One element of a packed list: stored as an integer or as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A number, which stands for its decimal text.
    Int(i64),
    /// Plain bytes.
    Str(&'a [u8]),
}

impl Entry<'_> {
    /// The element as bytes.
    pub fn to_vec(self) -> Vec<u8> {
        match self {
            Entry::Int(n) => n.to_string().into_bytes(),
            Entry::Str(s) => s.to_vec(),
        }
    }
}

/// A blob that does not keep its format's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The number in `text` if it is written as Redis writes numbers: no sign but `-`, no leading zero, in range
/// (`string2ll`, util.c 7.0.15).
pub fn canonical_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    if negative {
        (value <= 1 << 63).then(|| (value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

fn le(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| (n << 8) | u64::from(b))
}

/// The signed number in `bytes`, little-endian, of 1 to 8 bytes.
fn le_signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * bytes.len() as u32;
    ((le(bytes) << unused) as i64) >> unused
}

// ---------------------------------------------------------------------------------------------------------------- listpack

/// Bytes of a listpack's header: total length (4) and number of elements (2), little-endian.
const LISTPACK_HEADER_LEN: usize = 6;
/// The number of elements that means "count them".
const LISTPACK_COUNT_UNKNOWN: usize = 65535;
/// The last byte of listpacks, ziplists and zipmaps.
const END: u8 = 0xff;

/// How many bytes the length of an entry of `len` bytes takes at its end (`lpEncodeBacklen`: the limits are one below the
/// powers of two there, and so they are here).
fn backlen_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    }
}

fn push_backlen(out: &mut Vec<u8>, len: usize) {
    let count = backlen_len(len);
    for i in (0..count).rev() {
        let seven = (len >> (7 * i)) as u8 & 127;
        out.push(if i == count - 1 { seven } else { seven | 128 });
    }
}

/// Builds a listpack, element by element, as `lpAppend` does.
pub struct ListpackWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for ListpackWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ListpackWriter {
    /// An empty listpack.
    pub fn new() -> ListpackWriter {
        ListpackWriter { bytes: vec![0; LISTPACK_HEADER_LEN], count: 0 }
    }

    /// Appends an element; text that is a canonical number is stored as one.
    pub fn push(&mut self, text: &[u8]) {
        match canonical_int(text) {
            Some(n) => self.push_int(n),
            None => {
                let start = self.bytes.len();
                let len = text.len();
                match len {
                    0..64 => self.bytes.push(0x80 | len as u8),
                    64..4096 => self.bytes.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
                    _ => {
                        self.bytes.push(0xf0);
                        self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
                    }
                }
                self.bytes.extend_from_slice(text);
                self.end_entry(start);
            }
        }
    }

    /// Appends a number.
    pub fn push_int(&mut self, n: i64) {
        let start = self.bytes.len();
        let le = n.to_le_bytes();
        match n {
            0..=127 => self.bytes.push(n as u8),
            -4096..=4095 => self.bytes.extend_from_slice(&[0xc0 | (le[1] & 0x1f), le[0]]),
            -32768..=32767 => {
                self.bytes.push(0xf1);
                self.bytes.extend_from_slice(&le[..2]);
            }
            -8388608..=8388607 => {
                self.bytes.push(0xf2);
                self.bytes.extend_from_slice(&le[..3]);
            }
            -2147483648..=2147483647 => {
                self.bytes.push(0xf3);
                self.bytes.extend_from_slice(&le[..4]);
            }
            _ => {
                self.bytes.push(0xf4);
                self.bytes.extend_from_slice(&le);
            }
        }
        self.end_entry(start);
    }

    fn end_entry(&mut self, start: usize) {
        let len = self.bytes.len() - start;
        push_backlen(&mut self.bytes, len);
        self.count += 1;
    }

    /// How many bytes the listpack has now, as [`ListpackWriter::finish`] would give them.
    pub fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let total = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        let count = self.count.min(LISTPACK_COUNT_UNKNOWN) as u16;
        self.bytes[4..6].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}

/// Hands each element of a listpack to `each`, checking as it goes. `each` may give up with an error of its own.
///
/// # Errors
/// [`Malformed`] as soon as something is wrong, by when `each` may have seen elements.
pub fn read_listpack<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(Entry<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let end = bytes.len().checked_sub(1).ok_or(Malformed)?;
    if end < LISTPACK_HEADER_LEN || le(&bytes[..4]) != bytes.len() as u64 || bytes[end] != END {
        return Err(Malformed);
    }
    let announced = le(&bytes[4..6]) as usize;
    let mut at = LISTPACK_HEADER_LEN;
    let mut count = 0;
    while at < end {
        // Everything that an entry takes must end before the end mark.
        let take = |from: usize, len: usize| bytes[..end].get(from..from.checked_add(len)?);
        let first = bytes[at];
        let int = |len: usize| Some((Entry::Int(le_signed(take(at + 1, len)?)), 1 + len));
        let text = |head: usize, len: usize| Some((Entry::Str(take(at + head, len)?), head + len));
        let entry = match first {
            0..=0x7f => Some((Entry::Int(i64::from(first)), 1)),
            0x80..=0xbf => text(1, usize::from(first & 0x3f)),
            0xc0..=0xdf => take(at + 1, 1).map(|low| {
                let n = (i64::from(first & 0x1f) << 8) | i64::from(low[0]);
                (Entry::Int(if n >= 1 << 12 { n - (1 << 13) } else { n }), 2)
            }),
            0xe0..=0xef => take(at + 1, 1)
                .and_then(|low| text(2, (usize::from(first & 0x0f) << 8) | usize::from(low[0]))),
            0xf0 => take(at + 1, 4).and_then(|len| text(5, le(len) as usize)),
            0xf1 => int(2),
            0xf2 => int(3),
            0xf3 => int(4),
            0xf4 => int(8),
            _ => None,
        };
        let (entry, len) = entry.ok_or(Malformed)?;
        let back = take(at + len, backlen_len(len)).ok_or(Malformed)?;
        let mut told = 0usize;
        for (i, &byte) in back.iter().enumerate() {
            // The high bit says that the number goes on to the left.
            if (byte & 128 == 0) != (i == 0) {
                return Err(Malformed);
            }
            told = (told << 7) | usize::from(byte & 127);
        }
        if told != len {
            return Err(Malformed);
        }
        each(entry)?;
        at += len + back.len();
        count += 1;
    }
    if announced != LISTPACK_COUNT_UNKNOWN && announced != count {
        return Err(Malformed);
    }
    Ok(())
}

// ----------------------------------------------------------------------------------------------------------------- ziplist

/// Bytes of a ziplist's header: total length (4), offset of the last entry (4) and number of entries (2).
const ZIPLIST_HEADER_LEN: usize = 10;

/// Hands each element of a ziplist to `each`, checking as it goes.
///
/// # Errors
/// [`Malformed`] as soon as something is wrong, by when `each` may have seen elements.
pub fn read_ziplist<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(Entry<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let end = bytes.len().checked_sub(1).ok_or(Malformed)?;
    if end < ZIPLIST_HEADER_LEN || le(&bytes[..4]) != bytes.len() as u64 || bytes[end] != END {
        return Err(Malformed);
    }
    let tail = le(&bytes[4..8]) as usize;
    let announced = le(&bytes[8..10]) as usize;
    let take = |from: usize, len: usize| bytes[..end].get(from..from.checked_add(len)?);
    let mut at = ZIPLIST_HEADER_LEN;
    let (mut previous_at, mut previous_len) = (None, 0);
    let mut count = 0;
    while at < end {
        let (told, prefix) = match bytes[at] {
            254 => (le(take(at + 1, 4).ok_or(Malformed)?) as usize, 5),
            255 => return Err(Malformed),
            small => (usize::from(small), 1),
        };
        if told != previous_len {
            return Err(Malformed);
        }
        let head = at + prefix;
        let first = take(head, 1).ok_or(Malformed)?[0];
        let int = |len: usize| Some((Entry::Int(le_signed(take(head + 1, len)?)), 1 + len));
        let text =
            |head_len: usize, len: usize| Some((Entry::Str(take(head + head_len, len)?), head_len + len));
        let entry = match first {
            0..=0x3f => text(1, usize::from(first)),
            0x40..=0x7f => take(head + 1, 1)
                .and_then(|low| text(2, (usize::from(first & 0x3f) << 8) | usize::from(low[0]))),
            0x80 => {
                take(head + 1, 4).and_then(|b| text(5, u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize))
            }
            0xc0 => int(2),
            0xd0 => int(4),
            0xe0 => int(8),
            0xf0 => int(3),
            0xfe => int(1),
            0xf1..=0xfd => Some((Entry::Int(i64::from(first & 0x0f) - 1), 1)),
            _ => None,
        };
        let (entry, len) = entry.ok_or(Malformed)?;
        each(entry)?;
        previous_at = Some(at);
        previous_len = prefix + len;
        at += previous_len;
        count += 1;
    }
    if previous_at.is_some_and(|last| last != tail)
        || tail > end
        || (announced != 65535 && announced != count)
    {
        return Err(Malformed);
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------------------------ zipmap

/// Hands each field and value of a zipmap to `each`, checking as it goes. An empty one is malformed, as in Redis.
///
/// # Errors
/// [`Malformed`] as soon as something is wrong, by when `each` may have seen pairs.
pub fn read_zipmap<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let end = bytes.len().checked_sub(1).ok_or(Malformed)?;
    if end < 1 || bytes[end] != END {
        return Err(Malformed);
    }
    let take = |from: usize, len: usize| {
        let until = from.checked_add(len).ok_or(Malformed)?;
        bytes[..end].get(from..until).ok_or(Malformed)
    };
    // A length is one byte below 254, or 254 and four bytes.
    let length = |at: usize| match take(at, 1)?[0] {
        254 => Ok((le(take(at + 1, 4)?) as usize, 5)),
        255 => Err(Malformed),
        small => Ok((usize::from(small), 1)),
    };
    let mut at = 1;
    let mut count = 0;
    while at < end {
        let (len, head) = length(at)?;
        let field = take(at + head, len)?;
        at += head + len;
        let (len, head) = length(at)?;
        let free = usize::from(take(at + head, 1)?[0]);
        let value = take(at + head + 1, len)?;
        take(at + head + 1 + len, free)?;
        each(field, value)?;
        at += head + 1 + len + free;
        count += 1;
    }
    if count == 0 || (bytes[0] != 254 && usize::from(bytes[0]) != count) {
        return Err(Malformed);
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------------------------ intset

/// The members of an intset, in ascending order. An empty one is malformed, as in Redis.
///
/// # Errors
/// [`Malformed`].
pub fn read_intset(bytes: &[u8]) -> Result<Vec<i64>, Malformed> {
    if bytes.len() < 8 {
        return Err(Malformed);
    }
    let width = match le(&bytes[..4]) {
        width @ (2 | 4 | 8) => width as usize,
        _ => return Err(Malformed),
    };
    let (members, rest) = (&bytes[8..], le(&bytes[4..8]));
    if members.is_empty() || rest.checked_mul(width as u64) != Some(members.len() as u64) {
        return Err(Malformed);
    }
    let members: Vec<i64> = members.chunks_exact(width).map(le_signed).collect();
    if members.windows(2).any(|pair| pair[0] >= pair[1]) { Err(Malformed) } else { Ok(members) }
}

/// The bytes of an intset with these members, which are in ascending order; the width is that of the member that needs
/// most, but at least `width_min` bytes (2, 4 or 8): an intset that has grown wide stays wide.
pub fn write_intset(members: impl ExactSizeIterator<Item = i64> + Clone, width_min: usize) -> Vec<u8> {
    let width = members.clone().map(intset_width).max().unwrap_or(2).max(width_min);
    let mut out = Vec::with_capacity(8 + members.len() * width);
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(members.len() as u32).to_le_bytes());
    for n in members {
        out.extend_from_slice(&n.to_le_bytes()[..width]);
    }
    out
}

/// How many bytes an intset needs for a member (`_intsetValueEncoding`).
pub fn intset_width(n: i64) -> usize {
    if i16::try_from(n).is_ok() {
        2
    } else if i32::try_from(n).is_ok() {
        4
    } else {
        8
    }
}

/// Notices a field that comes twice.
#[derive(Default)]
pub struct Duplicates(BTreeSet<Vec<u8>>);

impl Duplicates {
    /// Takes note of a field.
    ///
    /// # Errors
    /// [`Malformed`] if it was there already.
    pub fn note(&mut self, field: Vec<u8>) -> Result<(), Malformed> {
        if self.0.insert(field) { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listpack(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut all = Vec::new();
        read_listpack(bytes, |entry| {
            all.push(entry.to_vec());
            Ok(())
        })?;
        Ok(all)
    }

    fn ziplist(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut all = Vec::new();
        read_ziplist(bytes, |entry| {
            all.push(entry.to_vec());
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn numbers_are_recognised_only_as_redis_writes_them() {
        assert_eq!(canonical_int(b"0"), Some(0));
        assert_eq!(canonical_int(b"-1"), Some(-1));
        assert_eq!(canonical_int(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(canonical_int(b"-9223372036854775808"), Some(i64::MIN));
        for text in
            ["", "-", "-0", "00", "01", "+1", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1a"]
        {
            assert_eq!(canonical_int(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_listpack_has_the_bytes_that_redis_writes() {
        let mut w = ListpackWriter::new();
        w.push(b"1");
        w.push(b"-1");
        w.push(b"ab");
        w.push(b"1000000");
        let expected =
            [21, 0, 0, 0, 4, 0, 1, 1, 0xdf, 0xff, 2, 0x82, b'a', b'b', 3, 0xf2, 0x40, 0x42, 0x0f, 4, 0xff];
        assert_eq!(w.finish(), expected);
    }

    #[test]
    fn a_ziplist_of_every_kind_of_entry() {
        let mut z = vec![0; 10];
        let entries: [&[u8]; 9] = [
            &[0x02, b'a', b'b'],
            &[0x40, 0x03, b'x', b'y', b'z'],
            &[0x80, 0, 0, 0, 1, b'q'],
            &[0xc0, 0xff, 0xff],
            &[0xd0, 1, 0, 0, 0],
            &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
            &[0xf0, 0, 0, 0x80],
            &[0xfe, 0x80],
            &[0xfd],
        ];
        let mut previous = 0;
        for entry in entries {
            let at = z.len() as u32;
            z[4..8].copy_from_slice(&at.to_le_bytes());
            z.push(previous as u8);
            z.extend_from_slice(entry);
            previous = entry.len() + 1;
        }
        z.push(0xff);
        let len = z.len() as u32;
        z[..4].copy_from_slice(&len.to_le_bytes());
        z[8] = 9;
        let expected = ["ab", "xyz", "q", "-1", "1", "-9223372036854775808", "-8388608", "-128", "12"];
        assert_eq!(ziplist(&z).unwrap(), expected.map(|s| s.as_bytes().to_vec()));
        for wrong in [0, 4, 8, 10, 14] {
            let mut bad = z.clone();
            bad[wrong] ^= 1;
            assert_eq!(ziplist(&bad), Err(Malformed), "byte {wrong}");
        }
    }

    #[test]
    fn zipmaps() {
        let map = [2, 3, b'f', b'o', b'o', 3, 0, b'b', b'a', b'r', 1, b'a', 1, 2, b'b', 0, 0, 0xff];
        let mut pairs = Vec::new();
        read_zipmap(&map, |f, v| {
            pairs.push((f.to_vec(), v.to_vec()));
            Ok(())
        })
        .unwrap();
        assert_eq!(pairs, [(b"foo".to_vec(), b"bar".to_vec()), (b"a".to_vec(), b"b".to_vec())]);
        assert_eq!(read_zipmap(&[0, 0xff], |_, _| Ok(())), Err(Malformed), "empty");
        assert_eq!(read_zipmap(&map[..10], |_, _| Ok(())), Err(Malformed), "cut");
    }

    #[test]
    fn intsets() {
        let bytes = write_intset([-1i64, 5, 70000].into_iter(), 2);
        assert_eq!(bytes[0], 4);
        assert_eq!(read_intset(&bytes), Ok(vec![-1, 5, 70000]));
        assert_eq!(read_intset(&write_intset([1i64].into_iter(), 8)), Ok(vec![1]));
        assert_eq!(read_intset(&[2, 0, 0, 0, 0, 0, 0, 0]), Err(Malformed), "empty");
        assert_eq!(read_intset(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]), Err(Malformed), "twice the same");
        assert_eq!(read_intset(&[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0]), Err(Malformed), "too few");
    }

    proptest! {
        #[test]
        fn listpacks_come_back(items in prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            (-9000i64..9000).prop_map(|n| n.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(any::<u8>(), 4000..4200),
        ], 0..40)) {
            let mut w = ListpackWriter::new();
            for item in &items { w.push(item); }
            let len = w.len();
            let bytes = w.finish();
            prop_assert_eq!(bytes.len(), len);
            prop_assert_eq!(listpack(&bytes), Ok(items));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            if let Some(last) = bytes.last_mut() { *last = 0xff; }
            if bytes.len() >= 4 {
                let len = bytes.len() as u32;
                bytes[..4].copy_from_slice(&len.to_le_bytes());
            }
            let _ = listpack(&bytes);
            let _ = ziplist(&bytes);
            let _ = read_zipmap(&bytes, |_, _| Ok(()));
            let _ = read_intset(&bytes);
        }
    }
}
