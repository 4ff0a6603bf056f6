//! [`Keys`], the keys of one database.
//!
//! Outside a cluster that is one [`Dict`]. A cluster node must count, list and delete the keys of one slot without looking at
//! others (COUNTKEYSINSLOT, GETKEYSINSLOT, a slot that is lost); Redis 7.0 threads a linked list through the keys of each
//! slot. Here every slot has a dict of its own, in two levels of 128 so that a clone for a snapshot touches 128 counters and
//! a write after it copies one group, not 16,384 dicts.

use super::bytes::Str;
use super::dict::{Dict, DictPosition, SCAN_BITS};
use super::limits::HashSeed;
use super::object::Object;
use super::slot::{SLOTS, key_slot};
use crate::rng::Rng;
use std::rc::Rc;

mod pack;

pub(super) use pack::KeysPatch;

/// Slots of a group, and groups.
const GROUP: usize = 128;
/// Bits of a scan cursor that hold the slot.
const SLOT_BITS: u32 = 14;

/// What the keyspace holds for a key.
#[derive(Clone)]
pub struct KeyEntry {
    /// The value.
    pub object: Object,
    /// 24 bits of access clock: last use in LRU terms, or minutes and counter in LFU terms (`robj.lru`, server.h 7.0.15).
    pub lru: u32,
    /// Whether `expires` has the key too: spares the second look-up for most keys.
    pub(super) expires: bool,
}

impl KeyEntry {
    /// Whether the key has a time to live.
    #[inline]
    pub fn has_expire(&self) -> bool {
        self.expires
    }
}

#[derive(Clone)]
struct Group {
    len: usize,
    dicts: Vec<Dict<KeyEntry>>,
}

impl Group {
    fn new(seed: HashSeed) -> Group {
        Group { len: 0, dicts: vec![Dict::new(seed); GROUP] }
    }
}

#[derive(Clone)]
pub(super) struct BySlot {
    /// None before the first key: most databases of a node stay empty.
    groups: Vec<Option<Rc<Group>>>,
    len: usize,
    seed: HashSeed,
}

/// The keys of a database. See the module's text.
#[derive(Clone)]
pub(super) enum Keys {
    One(Dict<KeyEntry>),
    BySlot(BySlot),
}

/// A place in the iteration over keys that are not being changed.
#[derive(Clone, Copy, Default)]
pub(super) struct KeysPosition {
    slot: usize,
    within: DictPosition,
}

impl BySlot {
    fn group(&self, slot: usize) -> Option<&Group> {
        self.groups.get(slot / GROUP)?.as_deref()
    }

    fn group_mut(&mut self, slot: usize) -> Option<&mut Group> {
        self.groups.get_mut(slot / GROUP)?.as_mut().map(Rc::make_mut)
    }

    fn dict(&self, slot: usize) -> Option<&Dict<KeyEntry>> {
        self.group(slot).map(|group| &group.dicts[slot % GROUP])
    }

    /// The first slot from `from` on that has keys.
    fn next_slot(&self, from: usize) -> Option<usize> {
        let mut slot = from;
        while slot < usize::from(SLOTS) {
            match self.group(slot) {
                Some(group) if group.len > 0 => {
                    if !group.dicts[slot % GROUP].is_empty() {
                        return Some(slot);
                    }
                    slot += 1;
                }
                _ => slot = (slot / GROUP + 1) * GROUP,
            }
        }
        None
    }
}

impl Keys {
    pub fn new(seed: HashSeed, by_slot: bool) -> Keys {
        if by_slot {
            Keys::BySlot(BySlot { groups: Vec::new(), len: 0, seed })
        } else {
            Keys::One(Dict::new(seed))
        }
    }

    pub fn empty_like(&self) -> Keys {
        match self {
            Keys::One(dict) => Keys::new(dict.seed(), false),
            Keys::BySlot(slots) => Keys::new(slots.seed, true),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Keys::One(dict) => dict.len(),
            Keys::BySlot(slots) => slots.len,
        }
    }

    #[inline]
    fn dict_of(&self, key: &[u8]) -> Option<&Dict<KeyEntry>> {
        match self {
            Keys::One(dict) => Some(dict),
            Keys::BySlot(slots) => slots.dict(usize::from(key_slot(key))),
        }
    }

    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<(&Str, &KeyEntry)> {
        self.dict_of(key)?.get_key_value(key)
    }

    #[inline]
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut KeyEntry> {
        match self {
            Keys::One(dict) => dict.get_mut(key),
            Keys::BySlot(slots) => {
                let slot = usize::from(key_slot(key));
                slots.group_mut(slot)?.dicts[slot % GROUP].get_mut(key)
            }
        }
    }

    /// The entry of a key, made if it is not there; the second part says whether it was made.
    pub fn get_or_insert_with(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> KeyEntry,
    ) -> (&mut KeyEntry, bool) {
        match self {
            Keys::One(dict) => dict.get_or_insert_with(key, make),
            Keys::BySlot(slots) => {
                let slot = usize::from(key_slot(key));
                let seed = slots.seed;
                if slots.groups.is_empty() {
                    slots.groups = vec![None; GROUP];
                }
                let group = slots.groups[slot / GROUP].get_or_insert_with(|| Rc::new(Group::new(seed)));
                let Group { len, dicts } = Rc::make_mut(group);
                let (entry, made) = dicts[slot % GROUP].get_or_insert_with(key, make);
                *len += usize::from(made);
                slots.len += usize::from(made);
                (entry, made)
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<(Str, KeyEntry)> {
        match self {
            Keys::One(dict) => dict.remove(key),
            Keys::BySlot(slots) => {
                let slot = usize::from(key_slot(key));
                let group = slots.group_mut(slot)?;
                let removed = group.dicts[slot % GROUP].remove(key)?;
                group.len -= 1;
                slots.len -= 1;
                Some(removed)
            }
        }
    }

    /// The dict of a slot; `None` outside a cluster or for a slot without keys.
    pub fn slot(&self, slot: u16) -> Option<&Dict<KeyEntry>> {
        match self {
            Keys::One(_) => None,
            Keys::BySlot(slots) if slot < SLOTS => slots.dict(usize::from(slot)),
            Keys::BySlot(_) => None,
        }
    }

    /// Takes all keys of a slot out.
    pub fn take_slot(&mut self, slot: u16) -> Option<Dict<KeyEntry>> {
        let Keys::BySlot(slots) = self else { return None };
        let slot = usize::from(slot);
        let empty = Dict::new(slots.seed);
        let group = slots.group_mut(slot)?;
        let taken = std::mem::replace(&mut group.dicts[slot % GROUP], empty);
        group.len -= taken.len();
        slots.len -= taken.len();
        Some(taken)
    }

    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&Str, &KeyEntry)) -> u64 {
        let slots = match self {
            Keys::One(dict) => return dict.scan(cursor, count, visit),
            Keys::BySlot(slots) => slots,
        };
        if cursor >> (SCAN_BITS + SLOT_BITS) != 0 {
            return 0;
        }
        let mut slot = (cursor & (u64::from(SLOTS) - 1)) as usize;
        let mut within = cursor >> SLOT_BITS;
        let mut visited = 0;
        loop {
            if let Some(dict) = slots.dict(slot) {
                within = dict.scan(within, count - visited.min(count), |key, entry| {
                    visited += 1;
                    visit(key, entry);
                });
                if within != 0 {
                    return within << SLOT_BITS | slot as u64;
                }
            }
            within = 0;
            match slots.next_slot(slot + 1) {
                Some(next) if visited >= count => return next as u64,
                Some(next) => slot = next,
                None => return 0,
            }
        }
    }

    pub fn random(&self, rng: &mut Rng) -> Option<(&Str, &KeyEntry)> {
        match self {
            Keys::One(dict) => dict.random(rng),
            Keys::BySlot(slots) => {
                let mut rest = rng.below(slots.len as u64) as usize;
                for group in slots.groups.iter().flatten() {
                    if rest >= group.len {
                        rest -= group.len;
                        continue;
                    }
                    for dict in &group.dicts {
                        if rest < dict.len() {
                            return dict.random(rng);
                        }
                        rest -= dict.len();
                    }
                }
                None
            }
        }
    }

    pub fn next_at(&self, position: &mut KeysPosition) -> Option<(&Str, &KeyEntry)> {
        match self {
            Keys::One(dict) => dict.next_at(&mut position.within),
            Keys::BySlot(slots) => loop {
                if position.slot >= usize::from(SLOTS) {
                    return None;
                }
                let found = slots.dict(position.slot).and_then(|dict| dict.next_at(&mut position.within));
                if found.is_some() {
                    return found;
                }
                let slot = slots.next_slot(position.slot + 1).unwrap_or(usize::from(SLOTS));
                *position = KeysPosition { slot, within: DictPosition::default() };
            },
        }
    }

    pub fn structure_len(&self) -> usize {
        match self {
            Keys::One(dict) => dict.structure_len(),
            Keys::BySlot(slots) => {
                let groups = slots.groups.iter().flatten();
                size_of_val(&slots.groups[..])
                    + groups.flat_map(|group| &group.dicts).map(Dict::structure_len).sum::<usize>()
            }
        }
    }

    /// Bytes of memory that these keys do not share with `other`, a clone that went its own way.
    pub fn unshared(&self, other: &Keys) -> usize {
        let entry = |entry: &KeyEntry, other: Option<&KeyEntry>| {
            entry.object.unshared(other.map(|other| &other.object))
        };
        match (self, other) {
            (Keys::One(dict), Keys::One(other)) => dict.unshared(other, entry),
            (Keys::BySlot(slots), Keys::BySlot(others)) => {
                let empty = Dict::new(slots.seed);
                let mut bytes = size_of_val(&slots.groups[..]);
                for (number, group) in slots.groups.iter().enumerate() {
                    let Some(group) = group else { continue };
                    let other = others.groups.get(number).and_then(Option::as_ref);
                    if other.is_some_and(|other| Rc::ptr_eq(group, other)) {
                        continue;
                    }
                    bytes += size_of_val(&group.dicts[..]);
                    for (at, dict) in group.dicts.iter().enumerate().filter(|(_, dict)| !dict.is_empty()) {
                        bytes += dict.unshared(other.map_or(&empty, |o| &o.dicts[at]), entry);
                    }
                }
                bytes
            }
            _ => self.structure_len(),
        }
    }
}
