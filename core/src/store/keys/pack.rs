//! The keys of a checkpoint, packed.
//!
//! A clone of a database shares everything, and the first write to a key afterwards copies the key's segment, its slot's place
//! and its group: some 300 bytes for a value of 64, twice because reads set clocks too. A checkpoint that is kept for long can do
//! better. Its groups are given back for those that the checkpoint before it holds, and what differs is noted
//! beside them: for a key that is where it was, its place and its entry; for a slot that has gained or lost keys, the slot.
//! So a checkpoint costs 23 bytes a key that changed since some earlier one, 39 if its value is a number or a few letters; and
//! the running world, which nobody shares groups with any more, copies nothing when it goes on. A slot that has been noted once
//! stands in for the group's in the checkpoints after, so that it is kept once too.
//!
//! A replica has the very values of its master in memory of its own. A packed one borrows them: see [`Keys::pack`].

use super::{GROUP, Group, KeyEntry, Keys};
use crate::store::bytes::Str;
use crate::store::dict::Dict;
use crate::store::object::{Object, StrValue};
use std::rc::{Rc, Weak};

/// With more slots than this in another shape, a group is kept as it is.
const SLOTS_MAX: usize = GROUP / 2;

/// What an allocator takes for the lists of a patch and the patch itself, beside their bytes.
const LISTS_OVERHEAD: usize = 96;

/// Where an entry is in its group, and what is known of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    slot: u8,
    at: u8,
    /// [`BORROWED`], [`EXPIRES`], and [`EMBSTR`] or [`RAW`] where the value lies among the texts.
    flags: u8,
}

/// The value is in memory that another node's entry keeps alive in any case.
const BORROWED: u8 = 1;
/// The key has a time to live.
const EXPIRES: u8 = 2;
/// The value is a text in shared memory, of encoding `embstr`.
const EMBSTR: u8 = 4;
/// The same of encoding `raw`.
const RAW: u8 = 8;

/// What a group holds, said as what is other than in the group that stands in its place.
///
/// An entry would take 40 bytes, but most values are texts in shared memory, which are known by their 16 bytes of address and
/// length. So entries are kept in parts, each in a list of its own.
struct GroupPatch {
    group: u8,
    len: usize,
    places: Box<[Place]>,
    /// The access clock of each place.
    clocks: Box<[u32]>,
    /// The values of those places that say so.
    texts: Box<[Rc<[u8]>]>,
    /// The values of all others.
    objects: Box<[Object]>,
    /// Slots that hold other keys than in the base, by number.
    slots: Rc<[(u8, Dict<KeyEntry>)]>,
}

/// A value in a patch.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a Rc<[u8]>),
    Object(&'a Object),
}

impl Value<'_> {
    fn is_same(self, other: Value) -> bool {
        match (self, other) {
            (Value::Text(mine), Value::Text(theirs)) => Rc::ptr_eq(mine, theirs),
            (Value::Object(mine), Value::Object(theirs)) => mine.is_same(theirs),
            _ => false,
        }
    }

    /// Bytes that it keeps alive beside what its place holds, and `other` does not.
    fn unshared(self, other: Option<Value>) -> usize {
        match (self, other) {
            (Value::Text(mine), Some(Value::Text(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            (Value::Text(mine), _) => Str::from_shared(mine.clone()).heap_len(),
            (Value::Object(mine), Some(Value::Object(theirs))) => mine.unshared(Some(theirs)),
            (Value::Object(mine), _) => mine.unshared(None),
        }
    }
}

/// What changed in a group, place by place, while a patch is made.
#[derive(Default)]
struct Changes {
    places: Vec<Place>,
    clocks: Vec<u32>,
    texts: Vec<Rc<[u8]>>,
    objects: Vec<Object>,
}

impl Changes {
    fn push(&mut self, slot: u8, at: u8, entry: &KeyEntry, lent: Option<Object>) {
        let mut flags = if lent.is_some() { BORROWED } else { 0 } | if entry.expires { EXPIRES } else { 0 };
        let object = lent.as_ref().unwrap_or(&entry.object);
        let text = match object {
            Object::Str(StrValue::Embstr(text)) => text.shared().map(|text| (text, EMBSTR)),
            Object::Str(StrValue::Raw(text)) => text.shared().map(|text| (text, RAW)),
            _ => None,
        };
        match text {
            Some((text, encoding)) => {
                flags |= encoding;
                self.texts.push(text.clone());
            }
            None => self.objects.push(object.clone()),
        }
        self.places.push(Place { slot, at, flags });
        self.clocks.push(entry.lru);
    }

    /// How far it has come, to go back there.
    fn len(&self) -> [usize; 3] {
        [self.places.len(), self.texts.len(), self.objects.len()]
    }

    fn truncate(&mut self, len: [usize; 3]) {
        self.places.truncate(len[0]);
        self.clocks.truncate(len[0]);
        self.texts.truncate(len[1]);
        self.objects.truncate(len[2]);
    }
}

impl GroupPatch {
    /// What makes `base` the same as `group`; `None` if that is not worth it. `known` makes of `base` what it was in the checkpoint before.
    fn new(
        at: usize,
        group: &Group,
        base: &Group,
        known: Option<&GroupPatch>,
        lender: Option<&Group>,
    ) -> Option<GroupPatch> {
        let mut changes = Changes::default();
        let mut noted = known.map_or(&[][..], |known| &known.slots).iter().peekable();
        let mut slots = Vec::new();
        let mut same_slots = true;
        for (slot, (mine, theirs)) in group.dicts.iter().zip(&base.dicts).enumerate() {
            let from = changes.len();
            let stands_in = noted.next_if(|(number, _)| usize::from(*number) == slot);
            let theirs = stands_in.map_or(theirs, |(_, dict)| dict);
            let same_shape = mine.changes(theirs, KeyEntry::is_same, |at, key, entry| {
                let lent = lender.and_then(|lender| lender.dicts[slot].at(at));
                let lent = lent.filter(|(theirs, _)| *theirs == key);
                let lent = lent.and_then(|(_, theirs)| theirs.object.lend(&entry.object));
                changes.push(slot as u8, at, entry, lent);
            });
            if !same_shape {
                same_slots = false;
                changes.truncate(from);
                slots.push((slot as u8, mine.clone()));
            } else if let Some(stands_in) = stands_in {
                slots.push(stands_in.clone());
            }
        }
        if slots.len() > SLOTS_MAX && !same_slots {
            return None;
        }
        let slots = match known {
            Some(known) if same_slots => known.slots.clone(),
            _ => slots.into(),
        };
        let Changes { places, clocks, texts, objects } = changes;
        Some(GroupPatch {
            group: at as u8,
            len: group.len,
            places: places.into(),
            clocks: clocks.into(),
            texts: texts.into(),
            objects: objects.into(),
            slots,
        })
    }

    /// What is other than in the base: where, its access clock, and its value.
    fn entries(&self) -> impl Iterator<Item = (Place, u32, Value<'_>)> {
        let (mut texts, mut objects) = (self.texts.iter(), self.objects.iter());
        self.places.iter().zip(&self.clocks).map_while(move |(place, clock)| {
            let value = match place.flags & (EMBSTR | RAW) {
                0 => Value::Object(objects.next()?),
                _ => Value::Text(texts.next()?),
            };
            Some((*place, *clock, value))
        })
    }

    /// Whether another patch makes the same of the same base.
    fn is_same(&self, other: &GroupPatch) -> bool {
        self.places == other.places
            && self.clocks == other.clocks
            && self.entries().zip(other.entries()).all(|((.., a), (.., b))| a.is_same(b))
            && Rc::ptr_eq(&self.slots, &other.slots)
    }

    fn apply(&self, group: &mut Group) {
        group.len = self.len;
        for (slot, dict) in self.slots.iter() {
            group.dicts[usize::from(*slot)] = dict.clone();
        }
        for (place, lru, value) in self.entries() {
            let object = match value {
                Value::Object(object) => object.clone(),
                Value::Text(text) => {
                    let text = Str::from_shared(text.clone());
                    let raw = place.flags & RAW != 0;
                    Object::Str(if raw { StrValue::Raw(text) } else { StrValue::Embstr(text) })
                }
            };
            let entry = KeyEntry { object, lru, expires: place.flags & EXPIRES != 0 };
            group.dicts[usize::from(place.slot)].set_at(place.at, entry);
        }
    }

    fn unshared(&self, other: Option<&GroupPatch>) -> usize {
        let mut theirs = other
            .into_iter()
            .flat_map(GroupPatch::entries)
            .map(|(place, _, value)| ((place.slot, place.at), value))
            .peekable();
        let mut bytes = size_of::<GroupPatch>() + LISTS_OVERHEAD;
        bytes += size_of_val(&self.places[..]) + size_of_val(&self.clocks[..]);
        bytes += size_of_val(&self.texts[..]) + size_of_val(&self.objects[..]);
        for (place, _, value) in self.entries().filter(|(place, ..)| place.flags & BORROWED == 0) {
            let here = (place.slot, place.at);
            while theirs.next_if(|(there, _)| *there < here).is_some() {}
            bytes += value.unshared(theirs.next_if(|(there, _)| *there == here).map(|(_, value)| value));
        }
        if other.is_some_and(|other| Rc::ptr_eq(&self.slots, &other.slots)) {
            return bytes;
        }
        bytes += size_of_val(&self.slots[..]);
        for (slot, dict) in self.slots.iter() {
            let known = other.and_then(|other| other.slots.iter().find(|(theirs, _)| theirs == slot));
            let value = |entry: &KeyEntry, other: Option<&KeyEntry>| {
                entry.object.unshared(other.map(|other| &other.object))
            };
            bytes += match known {
                Some((_, known)) => dict.unshared(known, value),
                None => dict.unshared(&Dict::new(dict.seed()), value),
            };
        }
        bytes
    }
}

/// What a packed database lacks.
#[derive(Default)]
pub(in crate::store) struct KeysPatch {
    /// By group.
    groups: Vec<Rc<GroupPatch>>,
    /// For each of them the group that it was made of, as long as the running keys have it unchanged: packing soon again need
    /// not look at it. Kept weakly, so that a write to it goes on copying nothing.
    made_of: Vec<Weak<Group>>,
}

impl KeysPatch {
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn place(&self, group: usize) -> Option<usize> {
        self.groups.binary_search_by_key(&group, |patch| usize::from(patch.group)).ok()
    }

    fn group(&self, group: usize) -> Option<&Rc<GroupPatch>> {
        self.groups.get(self.place(group)?)
    }

    /// The patch of a group, if it was made of the very one.
    fn made_of(&self, number: usize, group: &Rc<Group>) -> Option<&Rc<GroupPatch>> {
        let at = self.place(number)?;
        self.groups
            .get(at)
            .filter(|_| self.made_of.get(at).is_some_and(|of| of.as_ptr() == Rc::as_ptr(group)))
    }

    /// Bytes of memory that this keeps alive and `other`, what lacks in an earlier or later state, does not.
    pub fn unshared(&self, other: Option<&KeysPatch>) -> usize {
        let one = |patch: &Rc<GroupPatch>| {
            let theirs = other.and_then(|other| other.group(usize::from(patch.group)));
            if theirs.is_some_and(|theirs| Rc::ptr_eq(theirs, patch)) {
                return 0;
            }
            patch.unshared(theirs.map(|theirs| &**theirs))
        };
        2 * size_of_val(&self.groups[..]) + self.groups.iter().map(one).sum::<usize>()
    }
}

impl Keys {
    /// Gives groups back for those of `before`, a packed state of the same keys with what it lacks, and says what
    /// lacks then. Values that the lender has as well are kept there.
    pub fn pack(&mut self, before: (&Keys, Option<&KeysPatch>), lender: Option<&Keys>) -> KeysPatch {
        let (Keys::BySlot(mine), Keys::BySlot(theirs)) = (self, before.0) else {
            return KeysPatch::default();
        };
        let mut patch = KeysPatch::default();
        // An empty slot has a seed too.
        if mine.seed != theirs.seed {
            return patch;
        }
        for (at, (group, base)) in mine.groups.iter_mut().zip(&theirs.groups).enumerate() {
            let (Some(group), Some(base)) = (group, base) else { continue };
            if Rc::ptr_eq(group, base) {
                continue;
            }
            let known = before.1.and_then(|patch| patch.group(at));
            let made = match before.1.and_then(|patch| patch.made_of(at, group)) {
                Some(unchanged) => unchanged.clone(),
                None => {
                    let lender = match lender {
                        Some(Keys::BySlot(slots)) => slots.groups.get(at).and_then(Option::as_deref),
                        _ => None,
                    };
                    let made = GroupPatch::new(at, group, base, known.map(|known| &**known), lender);
                    let Some(made) = made else { continue };
                    known.filter(|known| known.is_same(&made)).cloned().unwrap_or_else(|| Rc::new(made))
                }
            };
            patch.groups.push(made);
            patch.made_of.push(Rc::downgrade(group));
            *group = base.clone();
        }
        patch
    }

    /// Makes packed keys what they were.
    pub fn unpack(&mut self, patch: &KeysPatch) {
        let Keys::BySlot(slots) = self else { return };
        for patch in &patch.groups {
            if let Some(group) = &mut slots.groups[usize::from(patch.group)] {
                patch.apply(Rc::make_mut(group));
            }
        }
    }
}

impl KeyEntry {
    /// Whether another entry is the same to the last bit, as far as can be seen without looking into big values.
    fn is_same(&self, other: &KeyEntry) -> bool {
        self.lru == other.lru && self.expires == other.expires && self.object.is_same(&other.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::limits::HashSeed;
    use proptest::prelude::*;

    /// All that keys are: their order, values, clocks, and what a cursor visits.
    fn all(keys: &Keys) -> Vec<String> {
        let mut position = Default::default();
        let mut said = vec![keys.len().to_string()];
        while let Some((key, entry)) = keys.next_at(&mut position) {
            let Object::Str(value) = &entry.object else { panic!("these tests store strings") };
            said.push(format!("{key:?} {value:?} {} {}", entry.lru, entry.expires));
        }
        keys.scan(0, usize::MAX, |key, _| said.push(format!("{key:?}")));
        for slot in 0..1 << 14 {
            said.extend(keys.slot(slot).filter(|dict| !dict.is_empty()).map(|dict| dict.len().to_string()));
        }
        said
    }

    fn change(keys: &mut Keys, kind: u8, key: u32, value: u8) {
        let key = format!("{{{}}}:{key}", key % 90).into_bytes();
        match kind {
            0..6 => {
                let object = || match value % 4 {
                    0 => Object::string(value.to_string().as_bytes()),
                    _ => Object::string(&vec![b'v'; usize::from(value)]),
                };
                let entry =
                    keys.get_or_insert_with(&key, || KeyEntry { object: object(), lru: 0, expires: false }).0;
                *entry =
                    KeyEntry { object: object(), lru: u32::from(value), expires: value.is_multiple_of(7) };
            }
            6..8 => {
                if let Some(entry) = keys.get_mut(&key) {
                    entry.lru = u32::from(value) << 8;
                }
            }
            8 => drop(keys.remove(&key)),
            _ => drop(keys.take_slot(crate::store::slot::key_slot(&key))),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn packed_states_are_unpacked_as_they_were(
            rounds in prop::collection::vec(prop::collection::vec((0..10u8, 0..700u32, any::<u8>()), 0..400), 1..7),
        ) {
            let mut keys = Keys::new(HashSeed::new(1, 2), true);
            let mut replica = Keys::new(HashSeed::new(3, 4), true);
            let mut kept: Vec<(Keys, KeysPatch, Vec<String>)> = Vec::new();
            let mut kept_too: Vec<(Keys, KeysPatch, Vec<String>)> = Vec::new();
            for round in rounds {
                for (kind, key, value) in round {
                    change(&mut keys, kind, key, value);
                    change(&mut replica, kind, key, value);
                }
                for (keys, lender, kept) in [(&keys, None, &mut kept), (&replica, Some(&keys), &mut kept_too)] {
                    let mut packed = keys.clone();
                    let before = kept.last().map(|(before, patch, _)| (before, Some(patch)));
                    let patch = before.map_or_else(KeysPatch::default, |before| packed.pack(before, lender));
                    kept.push((packed, patch, all(keys)));
                }
            }
            // Whichever go: each stands for itself.
            for (at, (mut packed, patch, want)) in kept.into_iter().chain(kept_too).rev().enumerate() {
                if at % 3 != 1 {
                    packed.unpack(&patch);
                    prop_assert_eq!(all(&packed), want);
                    change(&mut packed, 0, 5_000, 1);
                    let big = packed.get(b"{50}:5000");
                    prop_assert!(big.is_some());
                }
            }
        }
    }

    #[test]
    fn a_packed_state_costs_little_and_borrows_values() {
        let mut keys = Keys::new(HashSeed::new(1, 2), true);
        let mut replica = Keys::new(HashSeed::new(3, 4), true);
        let write = |keys: &mut Keys, at: u32, byte: u8| {
            let object = Object::string(&[byte; 64]);
            let (entry, _) = keys.get_or_insert_with(format!("key:{at}").as_bytes(), || KeyEntry {
                object: object.clone(),
                lru: 0,
                expires: false,
            });
            entry.object = object;
        };
        for at in 0..10_000 {
            write(&mut keys, at, b'a');
            write(&mut replica, at, b'a');
        }
        let before = (keys.clone(), replica.clone());
        for at in (0..10_000).step_by(3) {
            write(&mut keys, at, b'b');
            write(&mut replica, at, b'b');
        }
        let (plain, plain_too) = (keys.unshared(&before.0), replica.unshared(&before.1));
        let (mut packed, mut packed_too) = (keys.clone(), replica.clone());
        let patch = packed.pack((&before.0, None), None);
        let patch_too = packed_too.pack((&before.1, None), Some(&keys));
        assert_eq!(
            (packed.unshared(&before.0), packed_too.unshared(&before.1)),
            (128 * size_of::<usize>(), 128 * size_of::<usize>()),
            "the groups are those before"
        );
        let (own, own_too) = (patch.unshared(None), patch_too.unshared(None));
        let key = size_of::<Place>() + size_of::<u32>() + size_of::<Rc<[u8]>>();
        let group = size_of::<GroupPatch>() + LISTS_OVERHEAD + 2 * size_of::<Rc<GroupPatch>>();
        let value = Object::string(&[b'b'; 64]).unshared(None);
        assert!(own <= 3_334 * (key + value) + 128 * group && own < plain / 3, "{own} of {plain}");
        assert!(own_too <= 3_334 * key + 128 * group && own_too < plain_too / 9, "{own_too} of {plain_too}");
        // What has not changed since costs a pointer.
        let mut again = keys.clone();
        let patch_again = again.pack((&packed, Some(&patch)), None);
        assert!(patch_again.unshared(Some(&patch)) <= 128 * 16);
        // The running keys have their groups to themselves again.
        drop(before);
        let Keys::BySlot(slots) = &keys else { panic!("keys by slot") };
        assert!(slots.groups.iter().flatten().all(|group| Rc::strong_count(group) == 1));
        packed_too.unpack(&patch_too);
        let (_, entry) = packed_too.get(b"key:3").unwrap();
        assert!(
            entry.object.is_same(
                &slots
                    .groups
                    .iter()
                    .flatten()
                    .flat_map(|g| &g.dicts)
                    .find_map(|d| d.get(b"key:3"))
                    .unwrap()
                    .object
            )
        );
        assert_eq!(packed_too.get(b"key:3").unwrap().0, &Str::from(b"key:3"));
    }

    #[test]
    fn another_seed_is_no_base() {
        let mut before = Keys::new(HashSeed::new(1, 2), true);
        change(&mut before, 0, 1, 1);
        let mut keys = Keys::new(HashSeed::new(5, 6), true);
        change(&mut keys, 0, 1, 1);
        assert!(keys.pack((&before, None), None).is_empty());
    }
}
