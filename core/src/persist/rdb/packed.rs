//! The packed encodings of older RDB files: ziplists (2.2 to 6.2) and zipmaps (2.0 to 2.4), one string each. They were Redis's
//! in-memory layouts, written out as they were.
//!
//! A file may come from anywhere, so every reader here checks all that Redis's deep validation checks
//! (`ziplistValidateIntegrity`, `zipmapValidateIntegrity`, 7.0.15): lengths stay inside the blob, the links back agree with
//! the links forth, the count in the header is right. What they hold goes straight into listpacks and lists.

use crate::store::listpack::Malformed;
use crate::store::num::I64Text;

/// One element of a packed list: stored as an integer or as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A number, which stands for its decimal text.
    Int(i64),
    /// Plain bytes.
    Str(&'a [u8]),
}

impl Entry<'_> {
    /// Calls `f` with the bytes that the element stands for.
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Entry::Int(n) => f(I64Text::new(n).as_slice()),
            Entry::Str(text) => f(text),
        }
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

/// The last byte of ziplists and zipmaps.
const END: u8 = 0xff;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ziplist(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut all = Vec::new();
        read_ziplist(bytes, |entry| {
            all.push(entry.with(<[u8]>::to_vec));
            Ok(())
        })?;
        Ok(all)
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

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            if let Some(last) = bytes.last_mut() { *last = 0xff; }
            if bytes.len() >= 4 {
                let len = bytes.len() as u32;
                bytes[..4].copy_from_slice(&len.to_le_bytes());
            }
            let _ = ziplist(&bytes);
            let _ = read_zipmap(&bytes, |_, _| Ok(()));
        }
    }
}
