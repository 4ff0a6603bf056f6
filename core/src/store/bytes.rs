//! [`Str`], the byte string that keys, fields, members and string values are made of.
//!
//! Most of Redis's strings are short, live in big numbers and are copied between structures (a key into `expires`, a member
//! into the dict and the order of a sorted set, everything into a snapshot). So up to [`Str::INLINE_MAX`] bytes sit in the
//! value itself, longer ones behind a reference count, and a clone never copies more than 24 bytes. A string that is being
//! changed in place (APPEND, SETRANGE, SETBIT) sits in a growable buffer, as Redis's sds with spare room does; one that
//! is shared with a snapshot is copied first.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

/// An immutable-by-default byte string with a clone that costs O(1). 24 bytes in size.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    /// The bytes themselves.
    Inline { len: u8, buf: [u8; Str::INLINE_MAX] },
    /// One allocation: counts and bytes.
    Shared(Rc<[u8]>),
    /// A buffer with room to grow.
    Buffer(Rc<Vec<u8>>),
}

impl Str {
    /// The longest string that needs no allocation, in bytes.
    pub const INLINE_MAX: usize = 22;

    /// The empty string.
    pub const fn new() -> Str {
        Str(Repr::Inline { len: 0, buf: [0; Str::INLINE_MAX] })
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, buf } => &buf[..usize::from(*len).min(Str::INLINE_MAX)],
            Repr::Shared(bytes) => bytes,
            Repr::Buffer(bytes) => bytes,
        }
    }

    /// The decimal text of an integer.
    pub fn from_i64(value: i64) -> Str {
        Str::from(super::num::I64Text::new(value).as_slice())
    }

    /// The bytes for changing in place, in a buffer that can grow. Copies them if they are shared; afterwards this string
    /// keeps its own buffer, so a series of changes copies once.
    pub fn make_mut(&mut self) -> &mut Vec<u8> {
        if !matches!(self.0, Repr::Buffer(_)) {
            self.0 = Repr::Buffer(Rc::new(self.as_slice().to_vec()));
        }
        match &mut self.0 {
            Repr::Buffer(buffer) => Rc::make_mut(buffer),
            _ => unreachable!("the string was made a buffer above"),
        }
    }

    /// Adds bytes at the end, in place where this string has its bytes to itself.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Repr::Inline { len, buf } = &mut self.0 {
            let at = usize::from(*len);
            if let Some(room) = buf.get_mut(at..at + bytes.len()) {
                room.copy_from_slice(bytes);
                *len += bytes.len() as u8;
                return;
            }
        }
        self.make_mut().extend_from_slice(bytes);
    }

    /// Whether another string is this one: the same memory, or the same few bytes.
    pub(super) fn is_same(&self, other: &Str) -> bool {
        match (&self.0, &other.0) {
            (Repr::Inline { .. }, Repr::Inline { .. }) => self.as_slice() == other.as_slice(),
            (Repr::Shared(mine), Repr::Shared(theirs)) => Rc::ptr_eq(mine, theirs),
            (Repr::Buffer(mine), Repr::Buffer(theirs)) => Rc::ptr_eq(mine, theirs),
            _ => false,
        }
    }

    /// This string for the place of another that has the same bytes in memory of its own; `None` if it would not save any, or not
    /// be the same in every way.
    pub(super) fn lend(&self, other: &Str) -> Option<Str> {
        match (&self.0, &other.0) {
            (Repr::Shared(mine), Repr::Shared(theirs)) if mine == theirs => Some(self.clone()),
            _ => None,
        }
    }

    /// The bytes of a string that lies in shared memory with no room to grow; `None` of any other.
    pub(super) fn shared(&self) -> Option<&Rc<[u8]>> {
        match &self.0 {
            Repr::Shared(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The string that gave [`Str::shared`] such bytes.
    pub(super) fn from_shared(bytes: Rc<[u8]>) -> Str {
        Str(Repr::Shared(bytes))
    }

    /// Bytes on the heap that this string alone or with others keeps alive: 0 when it is inline.
    pub fn heap_len(&self) -> usize {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Shared(bytes) => 16 + bytes.len(),
            Repr::Buffer(bytes) => 40 + bytes.capacity(),
        }
    }
}

impl Default for Str {
    fn default() -> Str {
        Str::new()
    }
}

impl From<&[u8]> for Str {
    #[inline]
    fn from(bytes: &[u8]) -> Str {
        if bytes.len() <= Str::INLINE_MAX {
            let mut buf = [0; Str::INLINE_MAX];
            buf[..bytes.len()].copy_from_slice(bytes);
            Str(Repr::Inline { len: bytes.len() as u8, buf })
        } else {
            Str(Repr::Shared(Rc::from(bytes)))
        }
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Str {
        Str::from(text.as_bytes())
    }
}

impl<const N: usize> From<&[u8; N]> for Str {
    fn from(bytes: &[u8; N]) -> Str {
        Str::from(bytes.as_slice())
    }
}

impl From<Vec<u8>> for Str {
    /// Takes a big buffer over as it is when little of its room is unused; copies otherwise.
    fn from(bytes: Vec<u8>) -> Str {
        if bytes.len() >= 1024 && bytes.capacity() - bytes.len() <= bytes.len() / 8 {
            Str(Repr::Buffer(Rc::new(bytes)))
        } else {
            Str::from(bytes.as_slice())
        }
    }
}

impl Deref for Str {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Str) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Str {}

impl PartialEq<[u8]> for Str {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Str) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    /// Byte by byte, as `memcmp` then by length (`sdscmp`).
    fn cmp(&self, other: &Str) -> std::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_24_bytes() {
        assert_eq!(size_of::<Str>(), 24);
    }

    #[test]
    fn keeps_bytes_at_every_length() {
        for len in 0..2000 {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            assert_eq!(Str::from(bytes.as_slice()).as_slice(), bytes);
            assert_eq!(Str::from(bytes.clone()).as_slice(), bytes);
        }
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        for start in [0, 5, 21, 22, 23, 44, 5000] {
            let mut a = Str::from(vec![b'x'; start]);
            let b = a.clone();
            a.append(b"tail");
            let c = a.clone();
            a.append(b"!");
            a.make_mut()[0] = b'y';
            assert_eq!(b.as_slice(), vec![b'x'; start]);
            assert_eq!(c.len(), start + 4);
            assert!(c.ends_with(b"tail"));
            assert_eq!((a.len(), a[0], a[start + 4]), (start + 5, b'y', b'!'));
        }
    }

    #[test]
    fn orders_like_memcmp() {
        assert!(Str::from("a") < Str::from("ab"));
        assert!(Str::from(&[0x7f]) < Str::from(&[0x80]));
        assert_eq!(Str::from("k"), Str::from(b"k".to_vec()));
    }
}
