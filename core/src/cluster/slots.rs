//! The 16,384 hash slots: who owns which, and what a claim to slots changes. Which slot a key is in the store knows.
//!
//! Ownership is the one thing a Redis Cluster must in the end agree on. Nobody is asked: a claim with a greater config
//! epoch wins at each node on its own, wherever it comes from, so all nodes end with the same table once gossip has
//! reached them all (`clusterUpdateSlotsConfigWith`, cluster.c 7.0.15).

use super::info::push_number;
use super::node::{NodeIdx, flag};
use super::{Cluster, Cx, TODO_FSYNC_CONFIG, TODO_SAVE_CONFIG, TODO_UPDATE_STATE};
use crate::event::Event;
use crate::host::LogLevel;
use smallvec::SmallVec;
use std::rc::Rc;

pub use crate::store::slot::key_slot;

/// How many hash slots there are.
pub const SLOTS: usize = crate::store::slot::SLOTS as usize;
/// The length of a bitmap of all slots in bytes.
pub const BITMAP_LEN: usize = SLOTS / 8;
/// A bitmap of all slots: slot `n` is bit `n % 8` of byte `n / 8`.
pub type Bitmap = [u8; BITMAP_LEN];

/// Whether a bitmap has a slot.
pub fn bitmap_has(bitmap: &Bitmap, slot: u16) -> bool {
    bitmap[usize::from(slot) / 8] & (1 << (slot % 8)) != 0
}

/// Adds a slot to a bitmap.
pub fn bitmap_set(bitmap: &mut Bitmap, slot: u16) {
    bitmap[usize::from(slot) / 8] |= 1 << (slot % 8);
}

/// The slots that one of two bitmaps has, in order. Most of a bitmap is empty: a master of a large cluster owns a few dozen slots.
pub(super) fn slots_of_either<'a>(a: &'a Bitmap, b: &'a Bitmap) -> impl Iterator<Item = u16> + 'a {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let words = words.map(|(a, b)| u64::from_le_bytes(*a) | u64::from_le_bytes(*b));
    (0u16..).zip(words).flat_map(|(at, word)| {
        let mut rest = word;
        core::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as u16;
            rest &= rest.checked_sub(1)?;
            Some(at * 64 + bit)
        })
    })
}

/// A set of slots as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotSet {
    /// In place while there are few: a node of a large cluster looks at the slots of all others for each line of nodes.conf.
    ranges: SmallVec<[(u16, u16); 4]>,
    count: u32,
}

impl SlotSet {
    /// How many slots there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The ranges, both ends inclusive, in order.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.ranges
    }

    /// Every slot, in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    /// Whether a slot is there.
    pub fn contains(&self, slot: u16) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= slot);
        after > 0 && self.ranges[after - 1].1 >= slot
    }

    /// Adds a slot; false if it was there.
    pub fn insert(&mut self, slot: u16) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= slot);
        if after > 0 && self.ranges[after - 1].1 >= slot {
            return false;
        }
        let joins_left = after > 0 && self.ranges[after - 1].1 + 1 == slot;
        let joins_right = after < self.ranges.len() && self.ranges[after].0 == slot + 1;
        match (joins_left, joins_right) {
            (true, true) => {
                self.ranges[after - 1].1 = self.ranges[after].1;
                self.ranges.remove(after);
            }
            (true, false) => self.ranges[after - 1].1 = slot,
            (false, true) => self.ranges[after].0 = slot,
            (false, false) => self.ranges.insert(after, (slot, slot)),
        }
        self.count += 1;
        true
    }

    /// Takes a slot away; false if it was not there.
    pub fn remove(&mut self, slot: u16) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= slot);
        if after == 0 || self.ranges[after - 1].1 < slot {
            return false;
        }
        let (first, last) = self.ranges[after - 1];
        match (first == slot, last == slot) {
            (true, true) => {
                self.ranges.remove(after - 1);
            }
            (true, false) => self.ranges[after - 1].0 = slot + 1,
            (false, true) => self.ranges[after - 1].1 = slot - 1,
            (false, false) => {
                self.ranges[after - 1].1 = slot - 1;
                self.ranges.insert(after, (slot + 1, last));
            }
        }
        self.count -= 1;
        true
    }

    /// Sets the bits of these slots in a bitmap.
    pub fn write_bitmap(&self, bitmap: &mut Bitmap) {
        for &(first, last) in &self.ranges {
            let (from, to) = (usize::from(first) / 8, usize::from(last) / 8);
            let head = 0xffu8 << (first % 8);
            let tail = 0xffu8 >> (7 - last % 8);
            if from == to {
                bitmap[from] |= head & tail;
            } else {
                bitmap[from] |= head;
                bitmap[from + 1..to].fill(0xff);
                bitmap[to] |= tail;
            }
        }
    }

    /// Whether a bitmap has exactly these slots.
    pub fn equals_bitmap(&self, bitmap: &Bitmap) -> bool {
        let mut own = [0; BITMAP_LEN];
        self.write_bitmap(&mut own);
        own == *bitmap
    }

    /// The slots of a bitmap.
    pub fn from_bitmap(bitmap: &Bitmap) -> SlotSet {
        let mut set = SlotSet::default();
        for slot in 0..SLOTS as u16 {
            if bitmap_has(bitmap, slot) {
                set.insert(slot);
            }
        }
        set
    }

    /// Appends ` first-last` or ` slot` for each range, as CLUSTER NODES shows them.
    pub(super) fn write_text(&self, out: &mut Vec<u8>) {
        for &(first, last) in &self.ranges {
            out.push(b' ');
            push_number(out, u64::from(first));
            if first != last {
                out.push(b'-');
                push_number(out, u64::from(last));
            }
        }
    }
}

/// Who owns each slot.
#[derive(Clone, Debug)]
pub struct SlotTable {
    /// Shared by clones: it changes seldom.
    owners: Rc<[NodeIdx]>,
    assigned: u32,
}

impl Default for SlotTable {
    fn default() -> SlotTable {
        SlotTable { owners: vec![NodeIdx::NONE; SLOTS].into(), assigned: 0 }
    }
}

impl SlotTable {
    /// The owner of a slot.
    pub fn owner(&self, slot: u16) -> Option<NodeIdx> {
        self.owners.get(usize::from(slot)).copied().filter(|&idx| idx != NodeIdx::NONE)
    }

    /// How many slots have an owner.
    pub fn assigned(&self) -> u32 {
        self.assigned
    }

    fn set(&mut self, slot: u16, owner: Option<NodeIdx>) {
        let Some(entry) = Rc::make_mut(&mut self.owners).get_mut(usize::from(slot)) else { return };
        self.assigned -= u32::from(*entry != NodeIdx::NONE);
        self.assigned += u32::from(owner.is_some());
        *entry = owner.unwrap_or(NodeIdx::NONE);
    }
}

impl Cluster {
    /// Gives a free slot to a node; false if it has an owner already (`clusterAddSlot`).
    pub(super) fn add_slot(&mut self, idx: NodeIdx, slot: u16) -> bool {
        if self.slots.owner(slot).is_some() || usize::from(slot) >= SLOTS {
            return false;
        }
        self.slots.set(slot, Some(idx));
        self.nodes[idx].slots.insert(slot);
        // A master that gets its first slot is a place replicas may migrate to, unless the whole cluster has no replica
        // (clusterNodeSetSlotBit).
        if self.nodes[idx].slots.len() == 1 && self.masters_have_slaves() {
            self.nodes[idx].flags |= flag::MIGRATE_TO;
        }
        true
    }

    /// Takes a slot from its owner; false if it has none (`clusterDelSlot`).
    pub(super) fn del_slot(&mut self, slot: u16) -> bool {
        let Some(owner) = self.slots.owner(slot) else { return false };
        // Subscribers of shard channels of this slot are to be told when this node or its master loses it.
        let serving = if self.nodes[owner].is_master() { Some(owner) } else { self.nodes[owner].slaveof };
        if serving == Some(self.myself) || (serving.is_some() && serving == self.nodes[self.myself].slaveof) {
            self.lost_channel_slots.push(slot);
        }
        self.nodes[owner].slots.remove(slot);
        self.slots.set(slot, None);
        true
    }

    /// Takes all slots from a node (`clusterDelNodeSlots`).
    pub(super) fn del_node_slots(&mut self, idx: NodeIdx) -> u32 {
        let ranges = self.nodes[idx].slots.ranges().to_vec();
        let mut deleted = 0;
        for slot in ranges.into_iter().flat_map(|(first, last)| first..=last) {
            deleted += u32::from(self.del_slot(slot));
        }
        deleted
    }

    /// Forgets which slots are being moved (`clusterCloseAllSlots`).
    pub(super) fn close_all_slots(&mut self) {
        self.migrating.clear();
        self.importing.clear();
    }

    fn masters_have_slaves(&self) -> bool {
        self.nodes.iter().any(|(_, node)| !node.is_slave() && !node.slaves.is_empty())
    }

    /// Whether a slot has no owner, or its owner has ceased to claim it (`isSlotUnclaimed`).
    pub(super) fn slot_unclaimed(&self, slot: u16) -> bool {
        self.slots.owner(slot).is_none() || self.not_claimed.contains(slot)
    }

    /// Takes in a claim: `owner` says, or is said, to serve `slots` under `epoch` (`clusterUpdateSlotsConfigWith`).
    pub(super) fn update_slots_config_with(
        &mut self,
        cx: &mut Cx<'_>,
        claimer: NodeIdx,
        epoch: u64,
        slots: &Bitmap,
    ) {
        let me = self.myself;
        if claimer == me {
            cx.log(LogLevel::Warning, format_args!("Discarding UPDATE message about myself."));
            return;
        }
        // Whose slots matter to us: our own, or those of the master we replicate.
        let current_master = if self.nodes[me].is_master() { Some(me) } else { self.nodes[me].slaveof };
        let mut new_master = false;
        let (mut claimed, mut taken_from_us, mut moved) = (0u32, 0u32, 0u32);
        // Slots we lose while we still hold keys of them. A node that becomes a replica resynchronises anyway; one that
        // stays master has to delete those keys itself.
        let mut dirty: Vec<u16> = Vec::new();
        let mut own = [0; BITMAP_LEN];
        self.nodes[claimer].slots.write_bitmap(&mut own);

        for slot in slots_of_either(slots, &own) {
            let owner = self.slots.owner(slot);
            if !bitmap_has(slots, slot) {
                if owner == Some(claimer) {
                    // It no longer claims the slot, but nobody else does yet. Unbinding it would fail the whole cluster;
                    // remember only not to tell others that the slot is still its own.
                    self.not_claimed.insert(slot);
                }
                continue;
            }
            claimed += 1;
            if owner == Some(claimer) {
                self.not_claimed.remove(slot);
                continue;
            }
            // A slot that is being imported changes hands by command alone.
            if self.importing.contains_key(&slot) {
                continue;
            }
            let stale = owner.is_some_and(|owner| self.nodes[owner].config_epoch < epoch);
            if !stale && !self.slot_unclaimed(slot) {
                continue;
            }
            if owner == Some(me) && cx.keys.count_in_slot(slot) > 0 {
                dirty.push(slot);
            }
            if owner.is_some() && owner == current_master {
                new_master = true;
                taken_from_us += 1;
            }
            self.del_slot(slot);
            self.add_slot(claimer, slot);
            self.not_claimed.remove(slot);
            moved += 1;
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
        }
        if moved > 0 {
            let owner = Some(self.nodes[claimer].name.to_string());
            cx.event(Event::Slots { owner, count: moved });
        }

        let left_empty = current_master.is_some_and(|master| self.nodes[master].slots.is_empty());
        let grandmaster = self.nodes[me].slaveof.and_then(|master| self.nodes[master].slaveof);
        if new_master
            && left_empty
            && (cx.config.allow_replica_migration || claimed == taken_from_us)
            && self.nodes[me].slots.is_empty()
        {
            cx.log(
                LogLevel::Warning,
                format_args!(
                    "Configuration change detected. Reconfiguring myself as a replica of {}",
                    self.nodes[claimer].name
                ),
            );
            self.set_master(cx, claimer);
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
        } else if let Some(grandmaster) = grandmaster.filter(|&g| g != me && self.nodes[me].slots.is_empty())
        {
            // Our master became a replica when its last slot went away, and nobody took over its slots: nothing else
            // would ever make us follow.
            cx.log(
                LogLevel::Warning,
                format_args!(
                    "I'm a sub-replica! Reconfiguring myself as a replica of grandmaster {}",
                    self.nodes[grandmaster].name
                ),
            );
            self.set_master(cx, grandmaster);
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
        } else if !dirty.is_empty() {
            cx.actions.push(super::Action::DeleteKeysInSlots(dirty));
        }
    }

    /// Once the data is loaded, makes the slot table agree with the keys that are there (`verifyClusterConfigWithData`).
    ///
    /// # Errors
    /// There are keys outside database 0; the text is what redis-server logs before it exits.
    pub fn verify_config_with_data(&mut self, cx: &mut Cx<'_>) -> Result<(), &'static str> {
        if self.nodes[self.myself].is_slave() {
            return Ok(());
        }
        if cx.facts.keys_outside_db0 {
            return Err("You can't have keys in a DB different than DB 0 when in Cluster mode. Exiting.");
        }
        let mut updated = false;
        for slot in 0..SLOTS as u16 {
            let owner = self.slots.owner(slot);
            if cx.keys.count_in_slot(slot) == 0
                || owner == Some(self.myself)
                || self.importing.contains_key(&slot)
            {
                continue;
            }
            updated = true;
            match owner {
                None => {
                    cx.log(
                        LogLevel::Warning,
                        format_args!("I have keys for unassigned slot {slot}. Taking responsibility for it."),
                    );
                    self.add_slot(self.myself, slot);
                }
                Some(owner) => {
                    cx.log(
                        LogLevel::Warning,
                        format_args!(
                            "I have keys for slot {slot}, but the slot is assigned to another node. \
                             Setting it to importing state."
                        ),
                    );
                    self.importing.insert(slot, owner);
                }
            }
        }
        if updated {
            self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_slot_set_is_a_set(ops in prop::collection::vec((any::<bool>(), 0u16..200), 0..300)) {
            let (mut set, mut model) = (SlotSet::default(), BTreeSet::new());
            for (add, slot) in ops {
                let slot = if slot < 20 { slot } else { slot + 16_184 };
                if add {
                    prop_assert_eq!(set.insert(slot), model.insert(slot));
                } else {
                    prop_assert_eq!(set.remove(slot), model.remove(&slot));
                }
            }
            prop_assert_eq!(set.len() as usize, model.len());
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(model.iter().all(|&s| set.contains(s)));
            let mut bitmap = [0; BITMAP_LEN];
            set.write_bitmap(&mut bitmap);
            prop_assert!(set.equals_bitmap(&bitmap));
            prop_assert_eq!(SlotSet::from_bitmap(&bitmap), set.clone());
            prop_assert!(slots_of_either(&bitmap, &[0; BITMAP_LEN]).eq(model.iter().copied()));
            let mut more = [0; BITMAP_LEN];
            bitmap_set(&mut more, 0);
            bitmap_set(&mut more, SLOTS as u16 - 1);
            model.extend([0, SLOTS as u16 - 1]);
            prop_assert!(slots_of_either(&bitmap, &more).eq(model.iter().copied()));
            for pair in set.ranges().windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0, "ranges neither overlap nor touch");
            }
        }
    }
}
