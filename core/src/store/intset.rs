//! [`Intset`], a small set of integers in Redis's real format (intset.c 7.0.15): width (2, 4 or 8) and length as u32 LE, then the
//! sorted members in that width. It goes into RDB files as it is.

use super::listpack::Malformed;

const HEADER: usize = 8;

/// A sorted set of integers, all in the width that the widest needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intset {
    bytes: Vec<u8>,
}

impl Default for Intset {
    fn default() -> Intset {
        Intset::new()
    }
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

impl Intset {
    /// An empty one.
    pub fn new() -> Intset {
        Intset { bytes: vec![2, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Takes bytes from outside after a full check (`intsetValidateIntegrity`, deep).
    ///
    /// # Errors
    /// [`Malformed`] if the size is wrong, there is no member, or the members do not ascend strictly.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Intset, Malformed> {
        if bytes.len() < HEADER || !matches!(bytes[0], 2 | 4 | 8) || bytes[1..4] != [0; 3] {
            return Err(Malformed);
        }
        let set = Intset { bytes };
        if set.is_empty() || (set.bytes.len() - HEADER) as u64 != set.len() as u64 * set.width() as u64 {
            return Err(Malformed);
        }
        if (1..set.len()).any(|i| set.at(i - 1) >= set.at(i)) {
            return Err(Malformed);
        }
        Ok(set)
    }

    /// The bytes as they go into a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn width(&self) -> usize {
        usize::from(self.bytes[0])
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        u32::from_le_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]]) as usize
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    fn at(&self, index: usize) -> i64 {
        let width = self.width();
        let b = &self.bytes[HEADER + index * width..];
        match width {
            2 => i64::from(i16::from_le_bytes([b[0], b[1]])),
            4 => i64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            _ => i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
        }
    }

    /// The member at a place of the ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// Where a value is, or where it would go.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Whether a value is a member.
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds a value; whether it was not there. Widens all members if it needs more bytes than they have.
    pub fn insert(&mut self, value: i64) -> bool {
        let Err(at) = self.search(value) else { return false };
        if width_of(value) > self.width() {
            let members: Vec<i64> = self.iter().collect();
            let width = width_of(value);
            self.bytes[0] = width as u8;
            self.bytes.truncate(HEADER);
            self.bytes.reserve_exact((members.len() + 1) * width);
            for member in members {
                self.bytes.extend_from_slice(&member.to_le_bytes()[..width]);
            }
        }
        let width = self.width();
        if self.bytes.len() + width > self.bytes.capacity() {
            self.bytes.reserve_exact(width + self.bytes.len() / 8);
        }
        let (from, end) = (HEADER + at * width, self.bytes.len());
        self.bytes.resize(end + width, 0);
        self.bytes.copy_within(from..end, from + width);
        self.bytes[from..from + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len();
        true
    }

    /// Removes a value; whether it was there. Never narrows, as Redis does not.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(at) = self.search(value) else { return false };
        let width = self.width();
        let from = HEADER + at * width;
        self.bytes.drain(from..from + width);
        if self.bytes.capacity() > 64 && self.bytes.len() * 4 < self.bytes.capacity() {
            self.bytes.shrink_to(self.bytes.len() * 2);
        }
        self.set_len();
        true
    }

    fn set_len(&mut self) {
        let len = ((self.bytes.len() - HEADER) / self.width()) as u32;
        self.bytes[4..8].copy_from_slice(&len.to_le_bytes());
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + '_ {
        (0..self.len()).map(|i| self.at(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_like_a_sorted_set(operations in prop::collection::vec((any::<bool>(), any::<i64>(), 0..63u32), 0..200)) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (add, value, shift) in operations {
                let value = value >> shift;
                if add {
                    prop_assert_eq!(set.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.contains(value), model.contains(&value));
                prop_assert!(set.iter().eq(model.iter().copied()));
                prop_assert!(set.is_empty() || Intset::from_bytes(set.as_bytes().to_vec()) == Ok(set.clone()));
            }
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..40), width in 0..9u8, len in 0..6u8) {
            if bytes.len() > 8 {
                bytes[..8].copy_from_slice(&[width, 0, 0, 0, len, 0, 0, 0]);
            }
            if let Ok(set) = Intset::from_bytes(bytes) {
                prop_assert_eq!(set.iter().count(), set.len());
            }
        }
    }

    /// What redis-server 7.0.15 DUMPs for SADD of these members.
    #[test]
    fn bytes_of_redis() {
        let mut set = Intset::new();
        for value in [5, -1, 70000] {
            set.insert(value);
        }
        assert_eq!(set.as_bytes(), b"\x04\0\0\0\x03\0\0\0\xff\xff\xff\xff\x05\0\0\0\x70\x11\x01\0");
    }
}
