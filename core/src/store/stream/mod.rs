//! [`Stream`], the value behind XADD: a log of entries, each some fields and values, and the groups that read it.
//!
//! Entries stand in blocks that are Redis's own bytes ([`block`]), because they go into RDB files and DUMP payloads one by one, and
//! because `MAXLEN ~` cuts by whole blocks, which everybody sees. Redis keeps blocks and pending entries in radix trees. Here blocks stand
//! in a list, each behind `Rc`, as the nodes of a [`List`](super::List) do, and pending entries in an [`IdMap`], so that a snapshot shares
//! both. Only XINFO STREAM tells of the trees, by the number of their nodes; that follows from the ids ([`radix_nodes`]).

pub mod block;
mod group;
mod idmap;

use super::bytes::Str;
use super::limits::NodeSize;
use super::listpack::{LEN_MAX, Listpack};
use block::{Entry, Head};
pub use group::{Consumer, Group, Nack};
pub use idmap::IdMap;
use std::rc::Rc;

/// How many ids are looked at where a size is only guessed.
pub(super) const SAMPLE: usize = 64;

/// The id of an entry: a time and a number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Id {
    /// Wall clock in milliseconds, as a rule.
    pub ms: u64,
    /// Tells entries of a millisecond apart.
    pub seq: u64,
}

impl Id {
    /// `0-0`, which no entry has.
    pub const MIN: Id = Id { ms: 0, seq: 0 };
    /// The last id there can be.
    pub const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// The id after this one, if there is one.
    pub fn next(self) -> Option<Id> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => Some(Id { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one, if there is one.
    pub fn prev(self) -> Option<Id> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => Some(Id { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// As clients write it: `<ms>-<seq>`.
    pub fn text(self) -> String {
        format!("{}-{}", self.ms, self.seq)
    }

    /// As files hold it: 128 bits, the greatest byte first. WebAssembly has no instruction for that, so there is one copy.
    #[inline(never)]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The reverse of [`Id::to_bytes`].
    #[inline(never)]
    pub fn from_bytes(bytes: [u8; 16]) -> Id {
        let number = u128::from_be_bytes(bytes);
        Id { ms: (number >> 64) as u64, seq: number as u64 }
    }
}

/// What a stream is cut down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// So many entries (MAXLEN).
    Len(u64),
    /// Entries from this id on (MINID).
    From(Id),
}

/// The entries of a stream and what is known of those that were.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// In the order of the ids of their first entries, which stand beside them.
    pub blocks: Vec<(Id, Rc<Listpack>)>,
    /// Entries that live.
    pub len: u64,
    /// The last id that was given out.
    pub last_id: Id,
    /// The first entry that lives; zero if there is none.
    pub first_id: Id,
    /// The greatest id that XDEL deleted.
    pub max_deleted_id: Id,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// A stream. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Its entries.
    pub log: Log,
    /// By name.
    groups: Vec<(Str, Rc<Group>)>,
}

impl Stream {
    /// A stream as it was loaded, without groups.
    pub fn new(log: Log) -> Stream {
        Stream { log, groups: Vec::new() }
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|group| (*group.0).cmp(name))
    }

    /// Its groups, by name.
    pub fn groups(&self) -> &[(Str, Rc<Group>)] {
        &self.groups
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.find(name).ok().map(|at| &*self.groups[at].1)
    }

    /// A group for changing, with the entries.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        let at = self.find(name).ok()?;
        Some((&self.log, Rc::make_mut(&mut self.groups[at].1)))
    }

    /// Adds a group. Returns false if the name is taken.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let Err(at) = self.find(name) else { return false };
        self.groups.insert(at, (Str::from(name), Rc::new(group)));
        true
    }

    /// Takes a group out. Returns whether it was there.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let found = self.find(name);
        found.is_ok_and(|at| {
            self.groups.remove(at);
            true
        })
    }

    /// About how many allocations Redis would free with it (`lazyfreeGetFreeEffort`, lazyfree.c 7.0.15).
    pub fn free_effort(&self) -> usize {
        let pending = self.groups.first().map_or(0, |(_, group)| group.pending.len());
        self.log.radix_nodes(SAMPLE) + self.groups.len() * (1 + pending)
    }
}

impl Log {
    /// The id that an entry gets which is added now: `given` by the client, or its time alone, or nothing (`streamAppendItem`).
    ///
    /// `None`: no id after the last one answers to that.
    pub fn id_for(&self, given: Option<(Id, bool)>, now_ms: u64) -> Option<Id> {
        let id = match given {
            Some((id, true)) => id,
            Some((id, false)) if id.ms == self.last_id.ms => {
                Id { ms: id.ms, seq: self.last_id.seq.checked_add(1)? }
            }
            Some((id, false)) => id,
            None if now_ms > self.last_id.ms => Id { ms: now_ms, seq: 0 },
            None => self.last_id.next()?,
        };
        (id > self.last_id).then_some(id)
    }

    /// Adds an entry at the end; `pairs` are fields and values in turn, together no longer than [`LEN_MAX`], and `id` is from
    /// [`Log::id_for`].
    pub fn append(&mut self, id: Id, pairs: &[&[u8]], size: NodeSize) {
        let added: usize = pairs.iter().map(|piece| piece.len()).sum();
        let bytes_max = if size.bytes == 0 { LEN_MAX } else { size.bytes.min(LEN_MAX) };
        let has_room = |pack: &Listpack| {
            let head = Head::of(pack);
            pack.byte_len() + added < bytes_max
                && (size.entries == 0 || head.live + head.deleted < size.entries)
        };
        if !self.blocks.last().is_some_and(|(_, pack)| has_room(pack)) {
            self.blocks.push((id, Rc::default()));
        }
        if let Some((master, pack)) = self.blocks.last_mut() {
            block::append(Rc::make_mut(pack), *master, id, pairs);
        }
        self.len += 1;
        self.entries_added += 1;
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
    }

    /// The living entries from `start` to `end`, both included; from the last to the first if `back`.
    pub fn range(&self, start: Id, end: Id, back: bool) -> Entries<'_> {
        let before = |id| self.blocks.partition_point(|(master, _)| *master <= id).checked_sub(1);
        let next = if back { before(end) } else { Some(before(start).unwrap_or(0)) };
        Entries { blocks: &self.blocks, next, block: None, start, end, back, tombstones: false }
    }

    /// The living entries.
    pub fn iter(&self) -> Entries<'_> {
        self.range(Id::MIN, Id::MAX, false)
    }

    /// The living entry with an id.
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.range(id, id, false).next()
    }

    /// The id of the first entry, deleted ones included if `tombstones`; the greatest id if there is none (`streamGetEdgeID`).
    pub fn edge(&self, tombstones: bool) -> Id {
        Entries { tombstones, ..self.iter() }.next().map_or(Id::MAX, |entry| entry.id)
    }

    /// The id of the last living entry; zero if there is none.
    pub fn top(&self) -> Id {
        self.range(Id::MIN, Id::MAX, true).next().map_or(Id::MIN, |entry| entry.id)
    }

    fn find_first(&mut self) {
        self.first_id = if self.len == 0 { Id::MIN } else { self.edge(false) };
    }

    /// Deletes an entry (XDEL). Returns whether it was there.
    pub fn delete(&mut self, id: Id) -> bool {
        let mut entries = self.range(id, id, false);
        let Some(at) = entries.next().map(|entry| entry.at) else { return false };
        let Some(Reading { number, head, .. }) = entries.block else { return false };
        if head.live == 1 {
            self.blocks.remove(number);
        } else {
            block::delete(Rc::make_mut(&mut self.blocks[number].1), &[at]);
        }
        self.len -= 1;
        if id == self.first_id || self.len == 0 {
            self.find_first();
        }
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Cuts entries off at the beginning (`streamTrim`): whole blocks alone if `approx`, and no more than `limit` entries unless that
    /// is 0. Returns how many went.
    pub fn trim(&mut self, to: Trim, approx: bool, limit: u64) -> u64 {
        let (mut gone, mut blocks) = (0, 0);
        while let Some((master, pack)) = self.blocks.get(blocks) {
            let head = Head::of(pack);
            let enough = matches!(to, Trim::Len(len) if self.len <= len);
            if enough || (limit > 0 && gone + head.live > limit) {
                break;
            }
            let whole = match to {
                Trim::Len(len) => self.len.saturating_sub(head.live) >= len,
                Trim::From(id) => pack.last().is_some_and(|at| {
                    Entry::before(pack, *master, &head, at).is_none_or(|entry| entry.id < id)
                }),
            };
            if whole {
                self.len -= head.live;
                gone += head.live;
                blocks += 1;
                continue;
            }
            if !approx {
                let before = self.len;
                self.trim_block(blocks, to);
                gone += before - self.len;
            }
            break;
        }
        self.blocks.drain(..blocks);
        if gone > 0 {
            self.find_first();
        }
        gone
    }

    /// Deletes entries at the beginning of a block of which some stay.
    fn trim_block(&mut self, number: usize, to: Trim) {
        let (master, pack) = &mut self.blocks[number];
        let head = Head::of(pack);
        let mut positions = Vec::new();
        let mut at = head.first_at;
        while let Some(entry) = Entry::at(pack, *master, &head, at) {
            let stop = match to {
                Trim::Len(len) => self.len - positions.len() as u64 <= len,
                Trim::From(id) => entry.id >= id,
            };
            if stop {
                break;
            }
            if !entry.deleted {
                positions.push(at);
            }
            at = entry.next_at();
        }
        self.len -= positions.len() as u64;
        block::delete(Rc::make_mut(pack), &positions);
    }

    /// How many nodes the radix tree of the blocks has in Redis; see [`radix_nodes`].
    pub fn radix_nodes(&self, sample: usize) -> usize {
        let ids: Vec<Id> = self.blocks.iter().take(sample).map(|(id, _)| *id).collect();
        radix_nodes(&ids, self.blocks.len())
    }

    /// Whether an entry from `start` on may have been deleted (`streamRangeHasTombstones`).
    pub fn has_tombstones_from(&self, start: Id) -> bool {
        self.len > 0
            && self.max_deleted_id != Id::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were added up to an id, where that can be known (`streamEstimateDistanceFromFirstEverEntry`).
    pub fn added_up_to(&self, id: Id) -> Option<i64> {
        let added = self.entries_added as i64;
        if self.entries_added == 0 || (self.len == 0 && id <= self.last_id) || id == self.last_id {
            return Some(added);
        }
        let fragmented = self.max_deleted_id != Id::MIN && self.max_deleted_id >= self.first_id;
        if id > self.last_id || id > self.first_id || fragmented {
            return None;
        }
        Some(added.wrapping_sub(self.len as i64) + i64::from(id == self.first_id))
    }
}

/// A block that is being read.
#[derive(Clone, Debug)]
struct Reading<'a> {
    number: usize,
    master: Id,
    pack: &'a Listpack,
    head: Head,
    /// At the next entry, or, going back, at its number of pieces.
    at: Option<usize>,
}

/// Entries of a stream, one way or the other.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    blocks: &'a [(Id, Rc<Listpack>)],
    /// The number of the next block.
    next: Option<usize>,
    block: Option<Reading<'a>>,
    start: Id,
    end: Id,
    back: bool,
    /// Deleted entries too.
    tombstones: bool,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(Reading { master, pack, head, at, .. }) = &mut self.block else {
                let number = self.next?;
                let (master, pack) = self.blocks.get(number)?;
                let head = Head::of(pack);
                self.next = if self.back { number.checked_sub(1) } else { Some(number + 1) };
                let at = if self.back { pack.last() } else { Some(head.first_at) };
                self.block = Some(Reading { number, master: *master, pack, head, at });
                continue;
            };
            let entry = match at {
                Some(at) if self.back => Entry::before(pack, *master, head, *at),
                Some(at) => Entry::at(pack, *master, head, *at),
                None => None,
            };
            let Some(entry) = entry else {
                self.block = None;
                continue;
            };
            *at = if self.back { pack.prev(entry.at) } else { Some(entry.next_at()) };
            let (early, late) = (entry.id < self.start, entry.id > self.end);
            let passed = if self.back { early } else { late };
            if passed {
                return None;
            }
            if !early && !late && (self.tombstones || !entry.deleted) {
                return Some(entry);
            }
        }
    }
}

/// How many nodes Redis's radix tree has with these ids, in order, as keys (XINFO STREAM): a leaf for each, one for each place where
/// they part, and one for each stretch between such places. If there are more, `len` in all, those are taken to be like these.
pub fn radix_nodes(ids: &[Id], len: usize) -> usize {
    if ids.is_empty() { 1 } else { scale(nodes_below(ids, 0), len, ids.len()) }
}

/// `what` of `part`, for `whole` as many.
pub(super) fn scale(what: usize, whole: usize, part: usize) -> usize {
    (what as u64 * whole as u64 / part as u64) as usize
}

/// The nodes of a tree whose keys have `depth` bytes in common.
fn nodes_below(ids: &[Id], depth: u32) -> usize {
    let number = |id: Id| u128::from(id.ms) << 64 | u128::from(id.seq);
    let (first, last) = (number(ids[0]), number(ids[ids.len() - 1]));
    let parted = (first ^ last).leading_zeros() / 8;
    let stretch = usize::from(parted > depth);
    if parted == 16 {
        return stretch + 1;
    }
    let byte = |id: &Id| (number(*id) >> (120 - 8 * parted)) as u8;
    let parts = ids.chunk_by(|a, b| byte(a) == byte(b));
    stretch + 1 + parts.map(|part| nodes_below(part, parted + 1)).sum::<usize>()
}

#[cfg(test)]
mod tests;
