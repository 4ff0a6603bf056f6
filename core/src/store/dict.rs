//! [`Dict`], the hash table of the keyspace, of `expires`, and of big sets, hashes and sorted sets.
//!
//! Redis's dict is a table of chains that is rehashed little by little into a bigger one; SCAN walks both with a cursor that
//! counts in reversed binary. That table is one big array: it can be shared with a snapshot by copying all of it, or by the
//! operating system's fork, which a browser does not have. This dict is *extendible hashing* instead:
//!
//! - The high bits of an entry's hash choose a *segment* through a directory. A segment is a dense vector of at most
//!   192 entries with a small index over it. A full one splits in two by the next bit of the hash: that is all the
//!   rehashing there is, so there is never a pause or a background task. Two halves that have become nearly empty merge again.
//! - Segments sit behind `Rc`. A clone of a dict shares them all, a write copies the one segment it touches if it is shared
//!   (`Rc::make_mut`). That is BGSAVE without fork, and a checkpoint in a few microseconds.
//! - SCAN visits entries in the order of their hash. A cursor is a place in hash space, so neither splits nor merges between two
//!   calls can make it miss or repeat anything: an element present throughout is returned exactly once, which is more than
//!   Redis promises. Cursors have 39 bits, so that with 14 bits of slot they still fit a JavaScript number (53 bits), as the
//!   cursors of a real Redis in practice do.
//!
//! The order of iteration follows from the seed and the history of operations alone.

use super::bytes::Str;
use super::limits::HashSeed;
use crate::rng::Rng;
use std::rc::Rc;

/// Entries of a segment before it splits: three quarters of the biggest index.
const SEGMENT_MAX: usize = 192;
/// Two neighbours merge when together they have no more than this: half full, so that the next insertions do not split again.
const MERGE_MAX: usize = SEGMENT_MAX / 2;
/// Up to this many entries a segment is searched without an index.
const LINEAR_MAX: usize = 8;
/// Directory slots for each segment at which it stops growing. Hashes of a good function with a secret seed stay below 8;
/// if they collided by the hundreds, segments would grow instead and be searched one by one.
const SLOTS_PER_SEGMENT_MAX: usize = 64;
/// Bits of a scan cursor: the high bits of the hash.
pub const SCAN_BITS: u32 = 39;
/// Marks a free place in an index.
const FREE: u16 = 0xFFFF;

#[derive(Clone)]
struct Entry<V> {
    hash: u64,
    key: Str,
    value: V,
}

#[derive(Clone)]
struct Segment<V> {
    entries: Vec<Entry<V>>,
    /// Open addressing by the low bits of the hash: eight more bits of hash, then the place in `entries`. Empty for a small
    /// segment, and for one of more than 255 entries (see [`SLOTS_PER_SEGMENT_MAX`]).
    index: Box<[u16]>,
    /// The high bits of the hash that all entries share.
    prefix: u64,
    /// How many bits `prefix` has.
    depth: u32,
}

#[derive(Clone)]
struct Table<V> {
    /// For each value of the `depth` high bits the number of a segment.
    slots: Vec<u32>,
    segments: Vec<Rc<Segment<V>>>,
    depth: u32,
    /// How many segments use all `depth` bits. At 0 the directory can be halved.
    deepest: usize,
}

#[derive(Clone)]
enum Directory<V> {
    Empty,
    One(Rc<Segment<V>>),
    Many(Rc<Table<V>>),
}

/// A map from byte strings to `V` with copy-on-write clones. See the module's text.
#[derive(Clone)]
pub struct Dict<V> {
    directory: Directory<V>,
    len: usize,
    seed: HashSeed,
}

/// A place in the iteration over a dict that is not being changed. Starts at the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct DictPosition {
    segment: usize,
    entry: usize,
}

impl<V> Segment<V> {
    fn new(prefix: u64, depth: u32, capacity: usize) -> Segment<V> {
        Segment { entries: Vec::with_capacity(capacity), index: Box::default(), prefix, depth }
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.index.len() - 1)
    }

    fn mark(hash: u64, at: usize) -> u16 {
        ((hash >> 8) as u16 & 0xFF00) | at as u16
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|e| e.hash == hash && *e.key == *key);
        }
        let tag = Self::mark(hash, 0);
        let mask = self.index.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.index[place];
            if slot == FREE {
                return None;
            }
            if slot & 0xFF00 == tag {
                let at = usize::from(slot & 0xFF);
                let entry = &self.entries[at];
                if entry.hash == hash && *entry.key == *key {
                    return Some(at);
                }
            }
            place = (place + 1) & mask;
        }
    }

    /// The place in the index that names entry `at`.
    fn place_of(&self, hash: u64, at: usize) -> usize {
        let mark = Self::mark(hash, at);
        let mask = self.index.len() - 1;
        let mut place = self.home(hash);
        while self.index[place] != mark {
            place = (place + 1) & mask;
        }
        place
    }

    fn enter(&mut self, hash: u64, at: usize) {
        let mask = self.index.len() - 1;
        let mut place = self.home(hash);
        while self.index[place] != FREE {
            place = (place + 1) & mask;
        }
        self.index[place] = Self::mark(hash, at);
    }

    /// Builds the index anew for `len` entries to come.
    fn reindex(&mut self, len: usize) {
        if len <= LINEAR_MAX || len > SEGMENT_MAX {
            self.index = Box::default();
            return;
        }
        let size = (len * 4 / 3 + 1).next_power_of_two().min(256);
        self.index = vec![FREE; size].into_boxed_slice();
        for at in 0..self.entries.len() {
            self.enter(self.entries[at].hash, at);
        }
    }

    fn push(&mut self, entry: Entry<V>) {
        let at = self.entries.len();
        if at == self.entries.capacity() {
            // Small steps: the room that a dict of a million keys has to spare is memory that Redis would not use.
            self.entries.reserve_exact(if at < 4 { 4 - at } else { at / 4 + 1 });
        }
        let hash = entry.hash;
        self.entries.push(entry);
        let len = at + 1;
        if len > LINEAR_MAX && (len * 4 > self.index.len() * 3 || len > SEGMENT_MAX) {
            self.reindex(len);
        } else if !self.index.is_empty() {
            self.enter(hash, at);
        }
    }

    fn remove(&mut self, at: usize) -> Entry<V> {
        let last = self.entries.len() - 1;
        if !self.index.is_empty() {
            let mut hole = self.place_of(self.entries[at].hash, at);
            if at != last {
                let hash = self.entries[last].hash;
                let place = self.place_of(hash, last);
                self.index[place] = Self::mark(hash, at);
            }
            // Close the gap: move back what was pushed past it, so that no search ends early and no tombstone remains.
            let mask = self.index.len() - 1;
            let mut place = hole;
            loop {
                place = (place + 1) & mask;
                let slot = self.index[place];
                if slot == FREE {
                    break;
                }
                let named = usize::from(slot & 0xFF);
                // The vector still has its old order: `at` names what `last` holds until swap_remove below.
                let hash = self.entries[if named == at { last } else { named }].hash;
                let distance = place.wrapping_sub(self.home(hash)) & mask;
                if distance >= place.wrapping_sub(hole) & mask {
                    self.index[hole] = slot;
                    hole = place;
                }
            }
            self.index[hole] = FREE;
        }
        let entry = self.entries.swap_remove(at);
        let len = self.entries.len();
        if self.entries.capacity() >= 16 && len * 4 <= self.entries.capacity() {
            self.entries.shrink_to(len * 2);
            self.reindex(len);
        } else if len == SEGMENT_MAX {
            self.reindex(len);
        }
        entry
    }
}

impl<V> Table<V> {
    #[inline]
    fn slot(&self, hash: u64) -> usize {
        (hash >> (64 - self.depth)) as usize
    }

    /// The directory slots of a segment.
    fn slots_of(&self, prefix: u64, depth: u32) -> std::ops::Range<usize> {
        let from = self.slot(prefix);
        from..from + (1 << (self.depth - depth))
    }

    fn count_deepest(&mut self) {
        self.deepest = self.segments.iter().filter(|s| s.depth == self.depth).count();
    }
}

impl<V> Dict<V> {
    /// An empty dict; allocates nothing.
    pub fn new(seed: HashSeed) -> Dict<V> {
        Dict { directory: Directory::Empty, len: 0, seed }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The seed of its hash function.
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// Removes everything at once. What is not shared with a clone is freed here, which takes as long as there are entries;
    /// to free later, `std::mem::replace` the dict instead.
    pub fn clear(&mut self) {
        self.directory = Directory::Empty;
        self.len = 0;
    }

    fn segments(&self) -> &[Rc<Segment<V>>] {
        match &self.directory {
            Directory::Empty => &[],
            Directory::One(segment) => std::slice::from_ref(segment),
            Directory::Many(table) => &table.segments,
        }
    }

    #[inline]
    fn segment(&self, hash: u64) -> Option<&Segment<V>> {
        match &self.directory {
            Directory::Empty => None,
            Directory::One(segment) => Some(segment),
            Directory::Many(table) => Some(&table.segments[table.slots[table.slot(hash)] as usize]),
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key as it is stored, and its value: a clone of the stored key costs no copy.
    #[inline]
    pub fn get_key_value(&self, key: &[u8]) -> Option<(&Str, &V)> {
        if self.len == 0 {
            return None;
        }
        let hash = self.seed.hash(key);
        let segment = self.segment(hash)?;
        let entry = &segment.entries[segment.find(hash, key)?];
        Some((&entry.key, &entry.value))
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// All entries, in an order that depends on the seed and the history alone.
    pub fn iter(&self) -> impl Iterator<Item = (&Str, &V)> {
        self.segments().iter().flat_map(|s| s.entries.iter().map(|e| (&e.key, &e.value)))
    }

    /// The entry at a position of the order of [`Dict::iter`], moving the position on. The dict must not change in between;
    /// iterate over a clone if it may.
    pub fn next_at(&self, position: &mut DictPosition) -> Option<(&Str, &V)> {
        loop {
            let segment = self.segments().get(position.segment)?;
            if let Some(entry) = segment.entries.get(position.entry) {
                position.entry += 1;
                return Some((&entry.key, &entry.value));
            }
            *position = DictPosition { segment: position.segment + 1, entry: 0 };
        }
    }

    /// Visits about `count` entries from a cursor on (at least one if there is any) and gives the cursor to go on from; 0 both
    /// begins and ends. Every entry that is there from begin to end is visited exactly once, whatever is added or removed in between.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&Str, &V)) -> u64 {
        if cursor >> SCAN_BITS != 0 {
            return 0;
        }
        let place = |hash: u64| hash >> (64 - SCAN_BITS);
        let mut visited = 0;
        let mut from = cursor;
        loop {
            let Some(segment) = self.segment(from << (64 - SCAN_BITS)) else { return 0 };
            let mut order: Vec<(u64, usize)> = segment
                .entries
                .iter()
                .enumerate()
                .filter_map(|(at, e)| Some((place(e.hash), at)).filter(|(place, _)| *place >= from))
                .collect();
            order.sort_unstable();
            for (i, &(here, at)) in order.iter().enumerate() {
                let entry = &segment.entries[at];
                visit(&entry.key, &entry.value);
                visited += 1;
                // Entries that share a place stay together, or a cursor could not tell them apart.
                if visited >= count && order.get(i + 1).is_none_or(|next| next.0 != here) {
                    let next = here + 1;
                    // Nothing further in the last segment: say so now and spare the client a call.
                    let last = i + 1 == order.len() && self.next_segment(segment).is_none();
                    return if last || next >> SCAN_BITS != 0 { 0 } else { next };
                }
            }
            match self.next_segment(segment) {
                Some(start) => from = start >> (64 - SCAN_BITS),
                None => return 0,
            }
        }
    }

    /// Where hash space goes on after a segment; `None` after the last one.
    fn next_segment(&self, segment: &Segment<V>) -> Option<u64> {
        if segment.depth == 0 { None } else { segment.prefix.checked_add(1 << (64 - segment.depth)) }
    }

    /// An entry chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<(&Str, &V)> {
        let segments = self.segments();
        if self.len == 0 {
            return None;
        }
        let pick = |s: usize, e: usize| segments.get(s)?.entries.get(e).map(|e| (&e.key, &e.value));
        if segments.len() == 1 {
            return pick(0, rng.below(self.len as u64) as usize);
        }
        // All segments have the same chance and so have all places in one; a place with nothing there is drawn again.
        // Merging keeps segments full enough for this to end soon.
        for _ in 0..256 {
            let (segment, entry) =
                (rng.below(segments.len() as u64) as usize, rng.below(SEGMENT_MAX as u64) as usize);
            if let Some(found) = pick(segment, entry) {
                return Some(found);
            }
        }
        let at = rng.below(self.len as u64) as usize;
        self.iter().nth(at)
    }

    /// Bytes of the structure itself: entries with their room to grow, indexes, directory. What keys and values hold on the
    /// heap is not counted.
    pub fn structure_len(&self) -> usize {
        let segments: usize = self
            .segments()
            .iter()
            .map(|s| {
                16 + size_of::<Segment<V>>()
                    + s.entries.capacity() * size_of::<Entry<V>>()
                    + s.index.len() * 2
            })
            .sum();
        let directory = match &self.directory {
            Directory::Many(table) => table.slots.capacity() * 4 + table.segments.capacity() * 8 + 72,
            _ => 0,
        };
        size_of::<Dict<V>>() + segments + directory
    }

    /// Bytes of memory that this dict does not share with `other`, a clone of it that went its own way. `value` says the same of a
    /// value, given the one that `other` has under the key.
    pub fn unshared(&self, other: &Dict<V>, value: impl Fn(&V, Option<&V>) -> usize) -> usize {
        if let (Directory::Many(a), Directory::Many(b)) = (&self.directory, &other.directory)
            && Rc::ptr_eq(a, b)
        {
            return 0;
        }
        let mut bytes = match &self.directory {
            Directory::Many(table) => table.slots.len() * 4 + table.segments.len() * 8 + 72,
            _ => 0,
        };
        for segment in self.segments() {
            let theirs = other.segment(segment.prefix);
            if theirs.is_some_and(|theirs| std::ptr::eq(theirs, &raw const **segment)) {
                continue;
            }
            bytes += 16 + size_of::<Segment<V>>() + segment.index.len() * 2;
            bytes += segment.entries.capacity() * size_of::<Entry<V>>();
            for entry in &segment.entries {
                let known =
                    theirs.and_then(|s| s.find(entry.hash, &entry.key).map(|at| &s.entries[at].value));
                bytes += value(&entry.value, known);
            }
        }
        bytes
    }
}

impl<V> Dict<V> {
    /// Whether another dict is this one: the same entries in the same memory, or none.
    pub(super) fn is_same(&self, other: &Dict<V>) -> bool {
        self.seed == other.seed
            && match (&self.directory, &other.directory) {
                (Directory::Empty, Directory::Empty) => true,
                (Directory::One(a), Directory::One(b)) => Rc::ptr_eq(a, b),
                (Directory::Many(a), Directory::Many(b)) => Rc::ptr_eq(a, b),
                _ => false,
            }
    }

    /// The entry at a place of a dict that has a single segment.
    pub(super) fn at(&self, place: u8) -> Option<(&Str, &V)> {
        let Directory::One(segment) = &self.directory else { return None };
        segment.entries.get(usize::from(place)).map(|entry| (&entry.key, &entry.value))
    }

    /// Tells of each value that is not the `same` as in `base` its place, for [`Dict::set_at`]. False, and what was told does not
    /// count, if the keys are others, or in another order, or so many that they have several segments.
    pub(super) fn changes(
        &self,
        base: &Dict<V>,
        same: impl Fn(&V, &V) -> bool,
        mut change: impl FnMut(u8, &Str, &V),
    ) -> bool {
        if self.is_same(base) {
            return true;
        }
        let (Directory::One(mine), Directory::One(theirs)) = (&self.directory, &base.directory) else {
            return false;
        };
        if mine.entries.len() != theirs.entries.len()
            || mine.entries.len() > SEGMENT_MAX
            || self.seed != base.seed
        {
            return false;
        }
        for (at, (mine, theirs)) in mine.entries.iter().zip(&theirs.entries).enumerate() {
            if mine.hash != theirs.hash || mine.key != theirs.key {
                return false;
            }
            if !same(&mine.value, &theirs.value) {
                change(at as u8, &mine.key, &mine.value);
            }
        }
        true
    }
}

impl<V: Clone> Dict<V> {
    /// Puts a value at a place that [`Dict::changes`] told.
    pub(super) fn set_at(&mut self, place: u8, value: V) {
        if let Directory::One(segment) = &mut self.directory
            && let Some(entry) = Rc::make_mut(segment).entries.get_mut(usize::from(place))
        {
            entry.value = value;
        }
    }

    #[inline]
    fn segment_mut(&mut self, hash: u64) -> Option<&mut Segment<V>> {
        match &mut self.directory {
            Directory::Empty => None,
            Directory::One(segment) => Some(Rc::make_mut(segment)),
            Directory::Many(table) => {
                let table = Rc::make_mut(table);
                let number = table.slots[(hash >> (64 - table.depth)) as usize] as usize;
                Some(Rc::make_mut(&mut table.segments[number]))
            }
        }
    }

    /// The value of a key, to be changed. Copies the key's segment if a clone of the dict shares it.
    #[inline]
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        if self.len == 0 {
            return None;
        }
        let hash = self.seed.hash(key);
        // Look first, so that a miss copies nothing.
        let at = self.segment(hash)?.find(hash, key)?;
        Some(&mut self.segment_mut(hash)?.entries[at].value)
    }

    /// Sets the value of a key and gives the one it had. A key that is there already stays the very string it was.
    pub fn insert(&mut self, key: Str, value: V) -> Option<V> {
        let hash = self.seed.hash(&key);
        if let Some(at) = self.segment(hash).and_then(|s| s.find(hash, &key)) {
            let old = &mut self.segment_mut(hash)?.entries[at].value;
            return Some(std::mem::replace(old, value));
        }
        self.push(Entry { hash, key, value });
        None
    }

    /// The value of a key, made if it is not there; the second part says whether it was made.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: &[u8], make: impl FnOnce() -> V) -> (&mut V, bool) {
        let (_, value, made) = self.get_or_insert_full(key, make);
        (value, made)
    }

    /// Like [`Dict::get_or_insert_with`], and gives the key as it is stored too, for structures that share it.
    pub fn get_or_insert_full(&mut self, key: &[u8], make: impl FnOnce() -> V) -> (&Str, &mut V, bool) {
        let hash = self.seed.hash(key);
        let found = self.segment(hash).and_then(|s| s.find(hash, key));
        if found.is_none() {
            self.push(Entry { hash, key: Str::from(key), value: make() });
        }
        let segment = self.segment_mut(hash).expect("a segment was found or made above");
        let at = found.unwrap_or(segment.entries.len() - 1);
        let entry = &mut segment.entries[at];
        (&entry.key, &mut entry.value, found.is_none())
    }

    /// Removes a key and gives it back with its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<(Str, V)> {
        if self.len == 0 {
            return None;
        }
        let hash = self.seed.hash(key);
        let at = self.segment(hash)?.find(hash, key)?;
        let segment = self.segment_mut(hash)?;
        let entry = segment.remove(at);
        let left = segment.entries.len();
        self.len -= 1;
        if self.len == 0 {
            self.directory = Directory::Empty;
        } else if left <= MERGE_MAX {
            self.merge(hash);
        }
        Some((entry.key, entry.value))
    }

    /// Adds an entry whose key is known not to be there.
    fn push(&mut self, entry: Entry<V>) {
        let hash = entry.hash;
        if matches!(self.directory, Directory::Empty) {
            self.directory = Directory::One(Rc::new(Segment::new(0, 0, 1)));
        }
        while self.segment(hash).is_some_and(|s| s.entries.len() >= SEGMENT_MAX) && self.split(hash) {}
        if let Some(segment) = self.segment_mut(hash) {
            segment.push(entry);
            self.len += 1;
        }
    }

    /// The directory as a table, made one of a single segment if it is not yet.
    fn table_mut(&mut self) -> Option<&mut Table<V>> {
        if let Directory::One(segment) = &self.directory {
            let segments = vec![segment.clone()];
            self.directory =
                Directory::Many(Rc::new(Table { slots: vec![0], segments, depth: 0, deepest: 1 }));
        }
        match &mut self.directory {
            Directory::Many(table) => Some(Rc::make_mut(table)),
            _ => None,
        }
    }

    /// Splits the segment of a hash by its next bit; false if the directory would get out of proportion.
    fn split(&mut self, hash: u64) -> bool {
        let Some(table) = self.table_mut() else { return false };
        if table.depth == 0 {
            // The slot of a hash is found by a shift of 64 - depth, which needs a depth of 1 at least.
            table.slots = vec![0, 0];
            table.depth = 1;
            table.deepest = 0;
        }
        let number = table.slots[table.slot(hash)];
        if table.segments[number as usize].depth == table.depth {
            if table.slots.len() >= SLOTS_PER_SEGMENT_MAX * table.segments.len() {
                return false;
            }
            table.slots = table.slots.iter().flat_map(|&slot| [slot, slot]).collect();
            table.depth += 1;
            table.deepest = 0;
        }
        let old = Rc::make_mut(&mut table.segments[number as usize]);
        let entries = std::mem::take(&mut old.entries);
        let depth = old.depth + 1;
        let bit = 1u64 << (64 - depth);
        let ones = entries.iter().filter(|e| e.hash & bit != 0).count();
        let room = |len: usize| len + len / 8 + 1;
        let mut zero = Segment::new(old.prefix, depth, room(entries.len() - ones));
        let mut one = Segment::new(old.prefix | bit, depth, room(ones));
        for entry in entries {
            if entry.hash & bit == 0 { &mut zero } else { &mut one }.entries.push(entry);
        }
        for half in [&mut zero, &mut one] {
            half.reindex(half.entries.len());
        }
        let fresh = table.segments.len() as u32;
        let upper = table.slots_of(one.prefix, depth);
        table.slots[upper].fill(fresh);
        table.segments[number as usize] = Rc::new(zero);
        table.segments.push(Rc::new(one));
        table.deepest += if depth == table.depth { 2 } else { 0 };
        true
    }

    /// Joins the segment of a hash with its other half if both are nearly empty.
    fn merge(&mut self, hash: u64) {
        let Directory::Many(table) = &mut self.directory else { return };
        let here = table.slots[table.slot(hash)] as usize;
        let depth = table.segments[here].depth;
        let bit = 1u64 << (64 - depth);
        let there = table.slots[table.slot(table.segments[here].prefix ^ bit)] as usize;
        if table.segments[there].depth != depth
            || table.segments[here].entries.len() + table.segments[there].entries.len() > MERGE_MAX
        {
            return;
        }
        let table = Rc::make_mut(table);
        let other = std::mem::take(&mut Rc::make_mut(&mut table.segments[there]).entries);
        let joined = Rc::make_mut(&mut table.segments[here]);
        joined.entries.reserve_exact(other.len());
        joined.entries.extend(other);
        joined.prefix &= !bit;
        let prefix = joined.prefix;
        joined.depth = depth - 1;
        joined.reindex(joined.entries.len());
        let all = table.slots_of(prefix, depth - 1);
        table.slots[all].fill(here as u32);
        table.segments.swap_remove(there);
        if let Some(moved) = table.segments.get(there) {
            let slots = table.slots_of(moved.prefix, moved.depth);
            table.slots[slots].fill(there as u32);
        }
        if depth == table.depth {
            table.deepest -= 2;
        }
        while table.deepest == 0 && table.depth > 1 {
            table.slots = table.slots.iter().step_by(2).copied().collect();
            table.depth -= 1;
            table.count_deepest();
        }
        if let [only] = &table.segments[..] {
            self.directory = Directory::One(only.clone());
        }
    }
}

#[cfg(test)]
mod tests;
