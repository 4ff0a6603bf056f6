//! A table by connection, for those who have a thousand of them and are asked for one with each message.
//!
//! Numbers of connections grow for as long as a node lives and are looked up far more often than they come and go. A sorted table pays
//! a dozen visits of memory for a look-up, and moves half of itself when a connection that came in is put before those that were
//! made; a node of a large cluster spent more time on that than on what the messages said. The hash is a fixed one, and nothing
//! depends on the order of the table.

use crate::host::ConnId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnMap<T>(HashMap<ConnId, T, BuildHasherDefault<ConnHasher>>);

impl<T> Default for ConnMap<T> {
    fn default() -> ConnMap<T> {
        ConnMap(HashMap::default())
    }
}

impl<T> ConnMap<T> {
    /// The value of a connection.
    #[inline]
    pub fn get(&self, conn: ConnId) -> Option<&T> {
        self.0.get(&conn)
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        self.0.get_mut(&conn)
    }

    /// Whether a connection has a value.
    #[inline]
    pub fn contains(&self, conn: ConnId) -> bool {
        self.0.contains_key(&conn)
    }

    /// Gives a connection a value.
    pub fn insert(&mut self, conn: ConnId, value: T) {
        self.0.insert(conn, value);
    }

    /// Takes a connection out.
    pub fn remove(&mut self, conn: ConnId) -> Option<T> {
        self.0.remove(&conn)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The sum over all values of what `of` gives; a sum has no order.
    pub fn sum(&self, of: impl Fn(&T) -> usize) -> usize {
        self.0.values().map(of).sum()
    }
}

/// Spreads the one word that a [`ConnId`] is. Who opens a connection is its highest bit, which is folded in.
#[derive(Clone, Copy, Default)]
pub(crate) struct ConnHasher(u64);

impl Hasher for ConnHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let spread = (word ^ (word >> 33)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_both_ways_are_told_apart() {
        let mut map = ConnMap::default();
        for n in 1..2_000 {
            map.insert(ConnId(n), n);
            map.insert(ConnId(n | ConnId::OUTGOING), n + 10_000);
        }
        assert_eq!(map.get(ConnId(7)), Some(&7));
        assert_eq!(map.get(ConnId(7 | ConnId::OUTGOING)), Some(&10_007));
        assert_eq!(map.remove(ConnId(7)), Some(7));
        assert!(!map.contains(ConnId(7)) && map.contains(ConnId(7 | ConnId::OUTGOING)));
        assert_eq!(map.sum(|_| 1), 2 * 1_999 - 1);
        map.clear();
        assert_eq!(map.get_mut(ConnId(8)), None);
    }
}
