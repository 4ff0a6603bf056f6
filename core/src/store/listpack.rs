//! [`Listpack`], Redis's packed list of strings and integers, in its real bytes (listpack.c 7.0.15).
//!
//! Small hashes and sorted sets, and the nodes of lists and streams, are listpacks. RDB files and DUMP payloads contain them as
//! they are, so keeping the format in memory makes saving and loading a copy, and gives the memory use of Redis.
//!
//! ```text
//! <total bytes u32 LE> <number of entries u16 LE, 65535 = unknown> <entry>... 0xFF
//! entry = <encoding and data> <length of the former, to be read backwards, 1 to 5 bytes>
//! 0xxxxxxx 7-bit uint        110xxxxx +1 13-bit int   1111 0001 +2 16-bit   0010 +3 24-bit   0011 +4 32-bit   0100 +8 64-bit
//! 10xxxxxx string up to 63   1110xxxx +1 string up to 4095   1111 0000 +4 string with a 32-bit length
//! ```
//!
//! A listpack only ever comes into being empty or through [`Listpack::from_bytes`], which checks every entry, so the
//! rest of the code may walk it without checks of its own; slices are still bounds-checked, never trusted.

use super::bytes::Str;
use super::num::{I64Text, parse_i64};
use std::borrow::Cow;

const HEADER: usize = 6;
const END: u8 = 0xFF;
/// The count that means "too many to say".
const UNKNOWN: u16 = u16::MAX;
/// No listpack grows beyond this many bytes (`LISTPACK_MAX_SAFETY_SIZE`).
pub const LEN_MAX: usize = 1 << 30;

/// One entry as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Stored as an integer; stands for its decimal text.
    Int(i64),
    /// Stored as bytes.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The string that the entry stands for.
    pub fn to_str(self) -> Str {
        match self {
            Value::Int(value) => Str::from_i64(value),
            Value::Bytes(bytes) => Str::from(bytes),
        }
    }

    /// The bytes that the entry stands for, without a copy where they are stored as such.
    pub fn to_cow(self) -> Cow<'a, [u8]> {
        match self {
            Value::Int(value) => Cow::Owned(I64Text::new(value).as_slice().to_vec()),
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// Calls `f` with the bytes that the entry stands for; allocates nothing.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Value::Int(value) => f(I64Text::new(value).as_slice()),
            Value::Bytes(bytes) => f(bytes),
        }
    }

    /// How many bytes the string has that the entry stands for.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.with(<[u8]>::len)
    }

    /// Whether the entry stands for this string.
    #[inline]
    pub fn is(self, bytes: &[u8]) -> bool {
        match self {
            Value::Int(value) => parse_i64(bytes) == Some(value),
            Value::Bytes(stored) => stored == bytes,
        }
    }

    /// The integer that the entry stands for, if it is one.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(value),
            Value::Bytes(bytes) => parse_i64(bytes),
        }
    }
}

/// Why untrusted bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A packed list. Positions are byte offsets of entries; a change invalidates those behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
}

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// How an entry begins: the encoding byte and what follows it up to a string's own bytes.
struct Head {
    bytes: [u8; 9],
    len: usize,
}

impl Head {
    fn int(value: i64) -> Head {
        let le = value.to_le_bytes();
        let mut bytes = [0; 9];
        let len = match value {
            0..=127 => {
                bytes[0] = le[0];
                1
            }
            -4096..=4095 => {
                bytes[0] = 0xC0 | (le[1] & 0x1F);
                bytes[1] = le[0];
                2
            }
            _ => {
                let (code, width) = match value {
                    -32768..=32767 => (0xF1, 2),
                    -8388608..=8388607 => (0xF2, 3),
                    -2147483648..=2147483647 => (0xF3, 4),
                    _ => (0xF4, 8),
                };
                bytes[0] = code;
                bytes[1..=width].copy_from_slice(&le[..width]);
                1 + width
            }
        };
        Head { bytes, len }
    }

    fn string(len: usize) -> Head {
        let mut bytes = [0; 9];
        let le = (len as u32).to_le_bytes();
        let head = match len {
            0..64 => {
                bytes[0] = 0x80 | le[0];
                1
            }
            64..4096 => {
                bytes[0] = 0xE0 | le[1];
                bytes[1] = le[0];
                2
            }
            _ => {
                bytes[0] = 0xF0;
                bytes[1..5].copy_from_slice(&le);
                5
            }
        };
        Head { bytes, len: head }
    }
}

/// How many bytes the backward length of an entry of `len` bytes takes (`lpEncodeBacklen`).
fn backlen_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    }
}

fn backlen(len: usize) -> ([u8; 5], usize) {
    let size = backlen_size(len);
    let mut bytes = [0; 5];
    for (i, byte) in bytes[..size].iter_mut().enumerate() {
        let part = (len >> (7 * (size - 1 - i))) as u8 & 127;
        *byte = if i == 0 { part } else { part | 128 };
    }
    (bytes, size)
}

/// Bytes that a new entry takes in all, by the length of its head and of its string.
fn whole_len(encoded: usize) -> usize {
    encoded + backlen_size(encoded)
}

impl Listpack {
    /// An empty one, 7 bytes.
    pub fn new() -> Listpack {
        Listpack { bytes: vec![7, 0, 0, 0, 0, 0, END] }
    }

    /// Takes bytes from outside (a file, RESTORE, a replication stream) after a full check (`lpValidateIntegrity`, deep).
    ///
    /// # Errors
    /// [`Malformed`] if they are not exactly one well-formed listpack.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Listpack, Malformed> {
        if bytes.len() < HEADER + 1 || bytes.len() > u32::MAX as usize || bytes[bytes.len() - 1] != END {
            return Err(Malformed);
        }
        let total = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let count = u16::from_le_bytes([bytes[4], bytes[5]]);
        if total != bytes.len() {
            return Err(Malformed);
        }
        let end = total - 1;
        let (mut at, mut found) = (HEADER, 0usize);
        while at < end {
            let encoded = encoded_len(&bytes[at..end]).ok_or(Malformed)?;
            let next = at + whole_len(encoded);
            if next > end || decode_backlen(&bytes[..next]) != Some(encoded) {
                return Err(Malformed);
            }
            at = next;
            found += 1;
        }
        if at != end || (count != UNKNOWN && usize::from(count) != found) {
            return Err(Malformed);
        }
        Ok(Listpack { bytes })
    }

    /// The bytes as they go into a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Size in bytes, header included.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes allocated.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The number of entries. Counts them if there are more than the header can say (65,534).
    pub fn len(&self) -> usize {
        match self.count() {
            UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// Whether `add` more bytes keep it within the size that Redis allows (`lpSafeToAdd`).
    pub fn is_safe_to_add(&self, add: usize) -> bool {
        self.bytes.len().saturating_add(add) <= LEN_MAX
    }

    fn count(&self) -> u16 {
        u16::from_le_bytes([self.bytes[4], self.bytes[5]])
    }

    /// The position of the end mark.
    #[inline]
    pub fn end(&self) -> usize {
        self.bytes.len() - 1
    }

    /// The first entry.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then_some(HEADER)
    }

    /// The last entry.
    #[inline]
    pub fn last(&self) -> Option<usize> {
        self.prev(self.end())
    }

    /// Bytes of the entry at a position, backward length included.
    #[inline]
    fn entry_len(&self, at: usize) -> usize {
        encoded_len(&self.bytes[at..]).map_or(1, whole_len)
    }

    /// The entry after a position.
    #[inline]
    pub fn next(&self, at: usize) -> Option<usize> {
        let next = at + self.entry_len(at);
        (next < self.end()).then_some(next)
    }

    /// The entry before a position (or before [`Listpack::end`]).
    #[inline]
    pub fn prev(&self, at: usize) -> Option<usize> {
        if at <= HEADER {
            return None;
        }
        let encoded = decode_backlen(&self.bytes[..at])?;
        at.checked_sub(whole_len(encoded)).filter(|&at| at >= HEADER)
    }

    /// The entry at a position that [`Listpack::first`], `next`, `seek`, `find`… gave.
    #[inline]
    pub fn get(&self, at: usize) -> Value<'_> {
        let b = &self.bytes[at..];
        match b[0] {
            small @ 0..=0x7F => Value::Int(i64::from(small)),
            short @ 0x80..=0xBF => Value::Bytes(&b[1..1 + usize::from(short & 0x3F)]),
            high @ 0xC0..=0xDF => {
                let raw = u16::from(high & 0x1F) << 8 | u16::from(b[1]);
                Value::Int(i64::from((raw << 3) as i16 >> 3))
            }
            high @ 0xE0..=0xEF => {
                let len = usize::from(high & 0x0F) << 8 | usize::from(b[1]);
                Value::Bytes(&b[2..2 + len])
            }
            0xF0 => {
                let len = u32::from_le_bytes([b[1], b[2], b[3], b[4]]) as usize;
                Value::Bytes(&b[5..5 + len])
            }
            0xF1 => Value::Int(i64::from(i16::from_le_bytes([b[1], b[2]]))),
            0xF2 => Value::Int(i64::from(i32::from_le_bytes([0, b[1], b[2], b[3]]) >> 8)),
            0xF3 => Value::Int(i64::from(i32::from_le_bytes([b[1], b[2], b[3], b[4]]))),
            0xF4 => Value::Int(i64::from_le_bytes([b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8]])),
            _ => Value::Bytes(&[]),
        }
    }

    /// The position of entry number `index`; negative numbers count from the end, -1 is the last.
    pub fn seek(&self, index: i64) -> Option<usize> {
        let count = self.count();
        if count != UNKNOWN {
            let count = i64::from(count);
            let from_start = if index < 0 { index + count } else { index };
            if !(0..count).contains(&from_start) {
                return None;
            }
            if from_start > count / 2 {
                return (from_start..count).try_fold(self.end(), |at, _| self.prev(at));
            }
            return (0..from_start).try_fold(HEADER, |at, _| self.next(at));
        }
        if index >= 0 {
            (0..index).try_fold(self.first()?, |at, _| self.next(at))
        } else {
            (index..0).try_fold(self.end(), |at, _| self.prev(at))
        }
    }

    /// The first entry from `at` on that stands for these bytes, looking at one entry and passing over the next `skip` ones.
    pub fn find(&self, at: usize, bytes: &[u8], skip: usize) -> Option<usize> {
        let int = parse_i64(bytes);
        let mut at = Some(at).filter(|&at| at < self.end());
        while let Some(here) = at {
            let same = match self.get(here) {
                Value::Int(value) => int == Some(value),
                Value::Bytes(stored) => stored == bytes,
            };
            if same {
                return Some(here);
            }
            let mut next = self.next(here);
            for _ in 0..skip {
                next = next.and_then(|at| self.next(at));
            }
            at = next;
        }
        None
    }

    /// The entries from first to last.
    pub fn iter(&self) -> Iter<'_> {
        Iter { pack: self, front: HEADER, back: self.end() }
    }

    /// Adds a string at the end. It is stored as an integer if it is one.
    pub fn push(&mut self, bytes: &[u8]) {
        self.insert(self.end(), bytes);
    }

    /// Adds an integer at the end.
    pub fn push_int(&mut self, value: i64) {
        self.insert_int(self.end(), value);
    }

    /// Adds a string at the beginning.
    pub fn push_front(&mut self, bytes: &[u8]) {
        self.insert(HEADER, bytes);
    }

    /// Inserts a string before the entry at a position (or [`Listpack::end`]); gives the position after the new entry.
    pub fn insert(&mut self, at: usize, bytes: &[u8]) -> usize {
        self.splice(at, 0, bytes)
    }

    /// Inserts an integer before the entry at a position; gives the position after the new entry.
    pub fn insert_int(&mut self, at: usize, value: i64) -> usize {
        let head = Head::int(value);
        self.write(at, 0, &head.bytes[..head.len], &[], 1)
    }

    /// Puts a string in the place of the entry at a position.
    pub fn replace(&mut self, at: usize, bytes: &[u8]) {
        self.splice(at, self.entry_len(at), bytes);
    }

    /// Puts an integer in the place of the entry at a position.
    pub fn replace_int(&mut self, at: usize, value: i64) {
        let head = Head::int(value);
        self.write(at, self.entry_len(at), &head.bytes[..head.len], &[], 0);
    }

    fn splice(&mut self, at: usize, old_len: usize, bytes: &[u8]) -> usize {
        let added = i32::from(old_len == 0);
        match parse_i64(bytes) {
            Some(value) => {
                let head = Head::int(value);
                self.write(at, old_len, &head.bytes[..head.len], &[], added)
            }
            None => {
                let head = Head::string(bytes.len());
                self.write(at, old_len, &head.bytes[..head.len], bytes, added)
            }
        }
    }

    /// Replaces `old_len` bytes at a position by an entry; gives the position after it.
    fn write(&mut self, at: usize, old_len: usize, head: &[u8], body: &[u8], added: i32) -> usize {
        let encoded = head.len() + body.len();
        let (back, back_len) = backlen(encoded);
        let new_len = encoded + back_len;
        self.resize_gap(at, old_len, new_len);
        let mut to = at;
        for part in [head, body, &back[..back_len]] {
            self.bytes[to..to + part.len()].copy_from_slice(part);
            to += part.len();
        }
        self.update_header(added);
        to
    }

    /// Makes the `old_len` bytes at a position `new_len` bytes, content undefined.
    fn resize_gap(&mut self, at: usize, old_len: usize, new_len: usize) {
        let len = self.bytes.len();
        if new_len > old_len {
            let grow = new_len - old_len;
            if len + grow > self.bytes.capacity() {
                // About the slack that Redis's allocator leaves; doubling would waste half.
                self.bytes.reserve_exact(grow + (len + grow) / 8 + 8);
            }
            self.bytes.resize(len + grow, 0);
            self.bytes.copy_within(at + old_len..len, at + new_len);
        } else {
            self.bytes.copy_within(at + old_len..len, at + new_len);
            self.bytes.truncate(len - (old_len - new_len));
            if self.bytes.capacity() > 64 && self.bytes.len() * 4 < self.bytes.capacity() {
                self.bytes.shrink_to(self.bytes.len() * 2);
            }
        }
    }

    fn update_header(&mut self, added: i32) {
        let total = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        let count = self.count();
        if count != UNKNOWN && added != 0 {
            // One too many becomes 65535, "unknown", as in Redis.
            let count = (i64::from(count) + i64::from(added)).clamp(0, i64::from(UNKNOWN)) as u16;
            self.bytes[4..6].copy_from_slice(&count.to_le_bytes());
        }
    }

    /// Removes up to `count` entries from a position on; gives how many. What stood behind them is at that position then.
    pub fn delete(&mut self, at: usize, count: usize) -> usize {
        let end = self.end();
        let (mut to, mut removed) = (at, 0);
        while removed < count && to < end {
            to += self.entry_len(to);
            removed += 1;
        }
        if removed == 0 {
            return 0;
        }
        self.resize_gap(at, to - at, 0);
        if self.is_empty() {
            self.bytes[4..6].copy_from_slice(&[0, 0]);
            self.update_header(0);
        } else {
            self.update_header(-(removed.min(usize::from(UNKNOWN)) as i32));
        }
        removed
    }

    /// Cuts the list in two: the entries from a position on become a list of their own.
    pub fn split_off(&mut self, at: usize) -> Listpack {
        let mut tail = Listpack::new();
        let end = self.end();
        if at >= end {
            return tail;
        }
        let moved = Iter { pack: self, front: at, back: end }.count();
        tail.bytes.reserve_exact(end - at);
        tail.bytes.splice(HEADER..HEADER, self.bytes[at..end].iter().copied());
        tail.update_header(moved.min(usize::from(UNKNOWN)) as i32);
        self.delete(at, moved);
        tail
    }

    /// Adds all entries of another list at the end.
    pub fn append(&mut self, other: &Listpack) {
        let count = other.len();
        let end = self.end();
        let body = &other.bytes[HEADER..other.end()];
        self.resize_gap(end, 0, body.len());
        self.bytes[end..end + body.len()].copy_from_slice(body);
        self.update_header(count.min(usize::from(UNKNOWN)) as i32);
    }
}

/// Bytes of an entry up to its backward length; `None` if they are not all there or no entry begins so.
#[inline]
fn encoded_len(b: &[u8]) -> Option<usize> {
    let len = match *b.first()? {
        0..=0x7F => 1,
        short @ 0x80..=0xBF => 1 + usize::from(short & 0x3F),
        0xC0..=0xDF => 2,
        high @ 0xE0..=0xEF => 2 + (usize::from(high & 0x0F) << 8 | usize::from(*b.get(1)?)),
        0xF0 => (u32::from_le_bytes(b.get(1..5)?.try_into().ok()?) as usize).checked_add(5)?,
        0xF1 => 3,
        0xF2 => 4,
        0xF3 => 5,
        0xF4 => 9,
        _ => return None,
    };
    (len <= b.len()).then_some(len)
}

/// The length that ends at the end of `b`; `None` if it has more than five bytes.
#[inline]
fn decode_backlen(b: &[u8]) -> Option<usize> {
    let mut len = 0usize;
    for (i, &byte) in b.iter().rev().take(5).enumerate() {
        len |= usize::from(byte & 127).checked_shl(7 * i as u32)?;
        if byte & 128 == 0 {
            return Some(len);
        }
    }
    None
}

/// Entries of a listpack, from either end.
#[derive(Clone)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Value<'a>;
    fn next(&mut self) -> Option<Value<'a>> {
        if self.front >= self.back {
            return None;
        }
        let at = self.front;
        self.front = at + self.pack.entry_len(at);
        Some(self.pack.get(at))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.pack.prev(self.back)?;
        Some(self.pack.get(self.back))
    }
}

#[cfg(test)]
mod tests;
