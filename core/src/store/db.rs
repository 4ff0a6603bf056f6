//! [`Db`], one numbered database: keys with their values, and the instants at which some of them expire.
//!
//! A clone of a database is a snapshot of it: it costs a few reference counts, and from then on each side copies the chunks that
//! it writes to. [`Snapshot`] walks such a clone step by step while the live database goes on.
//!
//! An expired key is a key like any other here. When it is looked at, deleted and reported is decided where commands are
//! executed, because that depends on the role of the node.

use super::bytes::Str;
use super::dict::Dict;
use super::keys::{KeyEntry, Keys, KeysPatch, KeysPosition};
use super::limits::HashSeed;
use super::object::Object;
use crate::rng::Rng;

/// One database.
#[derive(Clone)]
pub struct Db {
    keys: Keys,
    expires: Dict<i64>,
}

impl Db {
    /// An empty database. With `by_slot` (a cluster node) it keeps keys apart by hash slot, and the slot methods work.
    pub fn new(seed: HashSeed, by_slot: bool) -> Db {
        Db { keys: Keys::new(seed, by_slot), expires: Dict::new(seed) }
    }

    /// The number of keys (DBSIZE).
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of keys with a time to live.
    pub fn expires_len(&self) -> usize {
        self.expires.len()
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&Object> {
        self.keys.get(key).map(|(_, entry)| &entry.object)
    }

    /// The entry of a key.
    #[inline]
    pub fn get_entry(&self, key: &[u8]) -> Option<&KeyEntry> {
        self.keys.get(key).map(|(_, entry)| entry)
    }

    /// The entry of a key for changing value or clock in place. Copies the chunk that it is in if a snapshot shares it.
    #[inline]
    pub fn get_entry_mut(&mut self, key: &[u8]) -> Option<&mut KeyEntry> {
        self.keys.get_mut(key)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.keys.get(key).is_some()
    }

    /// Sets the value of a key, new or not, and gives the value it had. A time to live stays (`dbAdd`, `dbOverwrite`): SET
    /// removes it with [`Db::remove_expire`].
    pub fn insert(&mut self, key: &[u8], object: Object, lru: u32) -> Option<Object> {
        let mut object = Some(object);
        let make = || KeyEntry { object: take(&mut object), lru, expires: false };
        let (entry, made) = self.keys.get_or_insert_with(key, make);
        if made {
            return None;
        }
        entry.lru = lru;
        Some(std::mem::replace(&mut entry.object, take(&mut object)))
    }

    /// The entry of a key, made if it is not there; the second part says whether it was made. One look-up for commands that
    /// create what they then fill.
    pub fn get_or_insert_with(
        &mut self,
        key: &[u8],
        lru: u32,
        make: impl FnOnce() -> Object,
    ) -> (&mut KeyEntry, bool) {
        self.keys.get_or_insert_with(key, || KeyEntry { object: make(), lru, expires: false })
    }

    /// Removes a key and gives its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<Object> {
        self.take(key).map(|(object, _)| object)
    }

    /// Removes a key and gives its value and its time to live (RENAME, MOVE, and frees that are put off).
    pub fn take(&mut self, key: &[u8]) -> Option<(Object, Option<i64>)> {
        let (_, entry) = self.keys.remove(key)?;
        let expire = if entry.expires { self.expires.remove(key).map(|(_, at)| at) } else { None };
        Some((entry.object, expire))
    }

    /// When a key expires, in milliseconds since the Unix epoch.
    #[inline]
    pub fn get_expire(&self, key: &[u8]) -> Option<i64> {
        self.expires.get(key).copied()
    }

    /// Sets when a key expires, in milliseconds since the Unix epoch; false if there is no such key.
    pub fn set_expire(&mut self, key: &[u8], at_ms: i64) -> bool {
        let Some((stored, entry)) = self.keys.get(key) else { return false };
        let (stored, known) = (stored.clone(), entry.expires);
        if !known && let Some(entry) = self.keys.get_mut(key) {
            entry.expires = true;
        }
        self.expires.insert(stored, at_ms);
        true
    }

    /// Makes a key stay for ever; whether it had a time to live.
    pub fn remove_expire(&mut self, key: &[u8]) -> bool {
        if self.expires.remove(key).is_none() {
            return false;
        }
        if let Some(entry) = self.keys.get_mut(key) {
            entry.expires = false;
        }
        true
    }

    /// Empties the database and gives what was in it, to be dropped when there is time.
    pub fn flush(&mut self) -> Db {
        let empty = Db { keys: self.keys.empty_like(), expires: Dict::new(self.expires.seed()) };
        std::mem::replace(self, empty)
    }

    /// One step of SCAN: visits about `count` keys and gives the next cursor. See [`Dict::scan`] for what is promised. With
    /// slots, the low 14 bits of a cursor are the slot.
    pub fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&Str, &KeyEntry)) -> u64 {
        self.keys.scan(cursor, count, visit)
    }

    /// One step through the keys with a time to live, for the active expire cycle.
    pub fn scan_expires(&self, cursor: u64, count: usize, mut visit: impl FnMut(&Str, i64)) -> u64 {
        self.expires.scan(cursor, count, |key, &at| visit(key, at))
    }

    /// A key chosen with equal chances (RANDOMKEY, eviction).
    pub fn random_key(&self, rng: &mut Rng) -> Option<(&Str, &KeyEntry)> {
        self.keys.random(rng)
    }

    /// A key with a time to live, chosen with equal chances, and when it expires (eviction of volatile keys).
    pub fn random_expire(&self, rng: &mut Rng) -> Option<(&Str, i64)> {
        self.expires.random(rng).map(|(key, &at)| (key, at))
    }

    /// All keys with value and time to live, slot by slot in a cluster; the order depends on seed and history alone.
    pub fn iter(&self) -> impl Iterator<Item = (&Str, &KeyEntry, Option<i64>)> {
        let mut position = KeysPosition::default();
        std::iter::from_fn(move || {
            let (key, entry) = self.keys.next_at(&mut position)?;
            Some((key, entry, if entry.expires { self.get_expire(key) } else { None }))
        })
    }

    /// How many keys a slot has (COUNTKEYSINSLOT).
    pub fn slot_len(&self, slot: u16) -> usize {
        self.keys.slot(slot).map_or(0, Dict::len)
    }

    /// Keys of a slot (GETKEYSINSLOT takes some of them).
    pub fn slot_keys(&self, slot: u16) -> impl Iterator<Item = &Str> {
        self.keys.slot(slot).into_iter().flat_map(|dict| dict.iter().map(|(key, _)| key))
    }

    /// Removes all keys of a slot and gives them, to be reported and dropped.
    pub fn take_slot(&mut self, slot: u16) -> Vec<(Str, Object)> {
        let Some(taken) = self.keys.take_slot(slot) else { return Vec::new() };
        for (key, entry) in taken.iter() {
            if entry.expires {
                self.expires.remove(key);
            }
        }
        taken.iter().map(|(key, entry)| (key.clone(), entry.object.clone())).collect()
    }

    /// Bytes of the tables of keys and expires: entries, indexes and directories, with keys of up to [`Str::INLINE_MAX`] bytes
    /// and short strings included, longer keys and other values not.
    pub fn structure_len(&self) -> usize {
        self.keys.structure_len() + self.expires.structure_len()
    }

    /// Bytes of memory, about, that this database does not share with `other`, a clone that went its own way. Structures are
    /// counted; of a big value that changed a sixteenth is, for the rest of it is shared as a rule.
    pub fn unshared(&self, other: &Db) -> usize {
        self.keys.unshared(&other.keys) + self.expires.unshared(&other.expires, |_, _| 0)
    }

    /// Makes this the state before with as little as possible of its own, for a checkpoint that is kept for long, and gives what
    /// it lacks then; until [`Db::unpack`] it is of no other use. `before` is an earlier or later state of the same database, packed.
    /// Values that `lender`, the database of a master or of its other replica, has as well are kept once.
    pub(crate) fn pack(&mut self, before: (&Db, Option<&DbPatch>), lender: Option<&Db>) -> DbPatch {
        let patch = before.1.map(|patch| &patch.0);
        DbPatch(self.keys.pack((&before.0.keys, patch), lender.map(|db| &db.keys)))
    }

    /// Makes a packed database what it was.
    pub(crate) fn unpack(&mut self, patch: &DbPatch) {
        self.keys.unpack(&patch.0);
    }

    /// A snapshot of this moment, to be walked at leisure.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { db: self.clone(), position: KeysPosition::default() }
    }
}

/// What a packed database lacks. See [`Db::pack`].
#[derive(Default)]
pub(crate) struct DbPatch(KeysPatch);

impl DbPatch {
    /// Whether it lacks nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of memory, about, that this keeps alive and `other`, what a state beside it lacks, does not.
    pub fn unshared(&self, other: Option<&DbPatch>) -> usize {
        self.0.unshared(other.map(|other| &other.0))
    }
}

fn take(object: &mut Option<Object>) -> Object {
    object.take().expect("the object is taken once, by the branch that stores it")
}

/// An iterator over a database as it was at one moment. It holds no borrow of the live database and can be resumed at any time:
/// that is how RDB files and AOF rewrites are written in slices.
#[derive(Clone)]
pub struct Snapshot {
    db: Db,
    position: KeysPosition,
}

impl Snapshot {
    /// The number of keys in all.
    pub fn len(&self) -> usize {
        self.db.len()
    }

    /// Whether there is no key in it.
    pub fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    /// The number of keys with a time to live (RESIZEDB in an RDB file).
    pub fn expires_len(&self) -> usize {
        self.db.expires_len()
    }

    /// The database as it was.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The next keys, at most `count`; none when all have been given.
    pub fn next_batch(&mut self, count: usize) -> Vec<(Str, KeyEntry, Option<i64>)> {
        self.by_ref().take(count).collect()
    }
}

impl Iterator for Snapshot {
    type Item = (Str, KeyEntry, Option<i64>);
    fn next(&mut self) -> Option<Self::Item> {
        let (key, entry) = self.db.keys.next_at(&mut self.position)?;
        let expire = if entry.expires { self.db.get_expire(key) } else { None };
        Some((key.clone(), entry.clone(), expire))
    }
}

#[cfg(test)]
mod tests;
