//! Which checkpoints are kept.
//!
//! Two neighbours may be apart by a quarter of their distance from the present state, but never by more than
//! [`Limits::replay_steps`](super::Limits): so there are a few dozen near by, and one each `replay_steps` far away. When they take too much memory, those go first
//! whose going lengthens the shortest way the least.
//!
//! What a travel leaves just behind itself is for the next steps back and soon goes, so it is no more than a copy of the world: to pack it and
//! to unpack it again would take longer than to play the way. All others are packed ([`pack`](super::pack)), and none goes because such
//! a copy lies beside it.

use super::pack::Packed;
use super::{BranchId, Place, Stop, Timeline};
use crate::sim::chunks::Chunks;
use crate::sim::fault::ActionRecord;
use crate::sim::world::World;
use litemap::LiteMap;
use std::collections::BTreeMap;

/// While time runs, so many checkpoints are made in the distance that may lie between two.
const NEW_PER_REPLAY: u64 = 8;
/// What two nodes that know each other take in a copy of a world, in bytes, about: their records of each other, links and connections.
/// All of it changes within a tenth of a virtual second, so that no two checkpoints have it in common.
const PAIR_LEN: usize = 4 << 10;
/// Neighbours may be apart by this part of their distance from the present state.
const SPREAD: u64 = 4;

pub(super) struct Checkpoint {
    pub state: Packed,
    /// A copy that a travel has left, not packed.
    copy: bool,
    /// What it keeps in memory that its neighbour does not.
    own_len: usize,
}

/// A run of the world.
pub(super) struct Branch {
    pub name: String,
    /// The branch that it left, and where.
    pub parent: Option<(BranchId, Place)>,
    /// All actions of the run from its beginning.
    pub actions: Chunks<ActionRecord>,
    /// How far it was played.
    pub end: Place,
    /// By step. What lies before the fork is the parent's.
    pub checkpoints: BTreeMap<u64, Checkpoint>,
}

impl Branch {
    pub fn new(name: String, parent: Option<(BranchId, Place)>, world: &World) -> Branch {
        let (actions, end) = (world.actions.clone(), super::place(world));
        Branch { name, parent, actions, end, checkpoints: BTreeMap::new() }
    }

    /// The memory that its checkpoints take, in bytes.
    pub fn checkpoints_len(&self) -> usize {
        self.checkpoints.values().map(|c| c.own_len).sum()
    }

    /// The steps of its checkpoints; `packed` leaves out mere copies.
    fn steps(&self, packed: bool) -> Vec<u64> {
        let all = self.checkpoints.iter().filter(|(_, c)| !(packed && c.copy));
        all.map(|(&step, _)| step).collect()
    }

    /// The last checkpoint before a step that is of the same kind.
    fn before(&self, step: u64, copy: bool) -> Option<u64> {
        self.checkpoints.range(..step).rfind(|(_, c)| c.copy == copy).map(|(&step, _)| step)
    }

    /// Reckons anew what one checkpoint has for itself. Along a run a thing appears, stays for a while and goes, so what the
    /// next one does not share is counted here; the last has nobody after it and is laid beside the one before. Only what was kept in
    /// the same way can be compared.
    fn weigh(&mut self, step: u64) {
        let Some(checkpoint) = self.checkpoints.get(&step) else { return };
        let copy = checkpoint.copy;
        let after = self.checkpoints.range(step + 1..).find(|(_, c)| c.copy == copy).map(|(&step, _)| step);
        let any_before = || copy.then(|| self.before(step, false)).flatten();
        let beside = after.or_else(|| self.before(step, copy)).or_else(any_before);
        let beside = beside.and_then(|beside| self.checkpoints.get(&beside));
        let own_len = beside.map_or(0, |beside| checkpoint.state.unshared(&beside.state));
        if let Some(checkpoint) = self.checkpoints.get_mut(&step) {
            checkpoint.own_len = own_len;
        }
    }

    fn put(&mut self, step: u64, world: World, copy: bool) {
        let before = self.before(step, false).filter(|_| !copy);
        let before = before.and_then(|before| self.checkpoints.get(&before)).map(|before| &before.state);
        let state = Packed::new(world, before);
        self.checkpoints.insert(step, Checkpoint { state, copy, own_len: 0 });
        self.weigh(step);
        if let Some(before) = self.before(step, copy) {
            self.weigh(before);
        }
    }

    fn drop_checkpoint(&mut self, step: u64) {
        if let Some(gone) = self.checkpoints.remove(&step)
            && let Some(before) = self.before(step, gone.copy)
        {
            self.weigh(before);
        }
    }
}

impl Timeline {
    /// The step at which the running world is to be kept again.
    pub(super) fn next_checkpoint_due(&self) -> u64 {
        if self.too_many() {
            return u64::MAX;
        }
        let here = self.world.steps();
        let last = self.nearest(self.current, Stop::Step(here)).map_or(0, |(_, step)| step);
        // One that was made and had to go at once for lack of memory counts as well.
        let tried = if self.tried <= here { self.tried } else { 0 };
        last.max(tried) + (self.limits.replay_steps / NEW_PER_REPLAY).max(1)
    }

    /// Whether a single checkpoint of so many nodes would be more than all checkpoints may take: it would be made, which doubles what
    /// the world takes, and go at once. Then there is the beginning alone, and going back plays all from there.
    fn too_many(&self) -> bool {
        let nodes = self.world.setup().nodes.len();
        nodes * nodes * PAIR_LEN > self.limits.checkpoints_len_max
    }

    /// Keeps a copy of the present state for a while, without looking at the limits.
    pub(super) fn leave_copy(&mut self) {
        self.put(true);
    }

    fn put(&mut self, copy: bool) {
        let step = self.world.steps();
        let Some(branch) = self.branches.get_mut(&self.current) else { return };
        // What the parent has, or the branch itself, need not be kept twice.
        let known = branch.checkpoints.get(&step).is_some_and(|c| copy || !c.copy)
            || branch.parent.is_some_and(|(_, fork)| step < fork.step);
        if known {
            return;
        }
        if !copy {
            self.world.share_streams();
        }
        let mut world = self.world.clone();
        world.forget_output();
        branch.put(step, world, copy);
    }

    /// Keeps the present state, and lets others go for it.
    pub(super) fn keep_checkpoint(&mut self, step: u64) {
        if self.too_many() && !self.branches[&0].checkpoints.is_empty() {
            return;
        }
        self.put(false);
        self.tried = step;
        self.thin();
    }

    /// The last checkpoint of a branch, or of those it came from, before a place: whose it is, and its step.
    pub(super) fn nearest(&self, branch: BranchId, stop: Stop) -> Option<(BranchId, u64)> {
        let mut stop = stop;
        let mut id = branch;
        loop {
            let branch = self.branches.get(&id)?;
            let found = match stop {
                Stop::Step(step) => branch.checkpoints.range(..=step).next_back(),
                Stop::Instant(at_us) => branch.checkpoints.iter().rfind(|(_, c)| c.state.at_us() <= at_us),
            };
            if let Some((&step, _)) = found {
                return Some((id, step));
            }
            let (parent, fork) = branch.parent?;
            // The parent's way beyond the fork is another one.
            stop = match stop {
                Stop::Step(step) => Stop::Step(step.min(fork.step)),
                Stop::Instant(at_us) if at_us < fork.at_us => Stop::Instant(at_us),
                Stop::Instant(_) => Stop::Step(fork.step),
            };
            id = parent;
        }
    }

    pub(super) fn nearest_world(&self, branch: BranchId, stop: Stop) -> Option<World> {
        let (id, step) = self.nearest(branch, stop)?;
        Some(self.branches.get(&id)?.checkpoints.get(&step)?.state.unpack())
    }

    /// The branches between the present one and the first, with the step up to which they belong to the present run.
    fn lineage(&self) -> LiteMap<BranchId, u64> {
        let mut line = LiteMap::new();
        let (mut id, mut until) = (self.current, u64::MAX);
        while let Some(branch) = self.branches.get(&id) {
            line.insert(id, until);
            let Some((parent, fork)) = branch.parent else { break };
            (id, until) = (parent, until.min(fork.step));
        }
        line
    }

    /// How far two neighbours around a step may be apart.
    fn gap_max(&self, from_here: u64) -> u64 {
        (from_here / SPREAD).clamp(1, self.limits.replay_steps)
    }

    /// Those of some steps, in order, that lie closer together than they need to. The first and the last stay.
    fn crowded(&self, steps: &[u64], distance: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut crowded = Vec::new();
        let mut kept = steps.first().copied().unwrap_or(0);
        for pair in steps.windows(2).skip(1) {
            let (step, next) = (pair[0], pair[1]);
            if next - kept <= self.gap_max(distance(step)) {
                crowded.push(step);
            } else {
                kept = step;
            }
        }
        crowded
    }

    /// Lets go of checkpoints that lie closer together than they need to, and of more if they take too much memory.
    pub(super) fn thin(&mut self) {
        let here = self.world.steps();
        let lineage = self.lineage();
        let mut surplus = Vec::new();
        for (&id, branch) in &self.branches {
            let own_until = lineage.get(&id).copied().unwrap_or(0);
            let distance = |step: u64| if step <= own_until { step.abs_diff(here) } else { u64::MAX };
            let crowded = self.crowded(&branch.steps(true), distance);
            let mut rest = branch.steps(false);
            rest.retain(|step| crowded.binary_search(step).is_err());
            surplus.extend(crowded.into_iter().map(|step| (id, step)));
            let copies = rest.iter().filter(|step| branch.checkpoints.get(step).is_some_and(|c| c.copy));
            let among = self.crowded(&rest, distance);
            let gone = copies.filter(|&&step| {
                distance(step) > self.limits.replay_steps || among.binary_search(&step).is_ok()
            });
            surplus.extend(gone.map(|&step| (id, step)));
        }
        for (id, step) in surplus {
            self.drop_checkpoint(id, step);
        }
        while self.branches.values().map(Branch::checkpoints_len).sum::<usize>()
            > self.limits.checkpoints_len_max
        {
            let Some((id, step)) = self.least_useful(here, &lineage) else { return };
            self.drop_checkpoint(id, step);
        }
    }

    fn drop_checkpoint(&mut self, id: BranchId, step: u64) {
        if let Some(branch) = self.branches.get_mut(&id) {
            branch.drop_checkpoint(step);
        }
    }

    /// The checkpoint whose going leaves the smallest gap, in proportion to what it may be. The first of all
    /// stays, and the last of the present branch.
    fn least_useful(&self, here: u64, lineage: &LiteMap<BranchId, u64>) -> Option<(BranchId, u64)> {
        let mut best: Option<(u64, BranchId, u64)> = None;
        for (&id, branch) in &self.branches {
            let own_until = lineage.get(&id).copied();
            let (all, packed) = (branch.steps(false), branch.steps(true));
            for (&step, checkpoint) in &branch.checkpoints {
                let steps = if checkpoint.copy { &all } else { &packed };
                let Ok(at) = steps.binary_search(&step) else { continue };
                // The way to the end is gone often.
                if (id == 0 && at == 0) || (id == self.current && at + 1 == steps.len()) {
                    continue;
                }
                let before =
                    if at > 0 { steps[at - 1] } else { branch.parent.map_or(0, |(_, fork)| fork.step) };
                let after = steps.get(at + 1).copied().unwrap_or(branch.end.step.max(step));
                let distance = match own_until {
                    Some(until) if step <= until => step.abs_diff(here),
                    _ => u64::MAX,
                };
                let cost = after.saturating_sub(before).saturating_mul(1 << 16) / self.gap_max(distance);
                if best.is_none_or(|(least, ..)| cost < least) {
                    best = Some((cost, id, step));
                }
            }
        }
        best.map(|(_, id, step)| (id, step))
    }

    /// The most steps that going to any place of any branch plays.
    pub(super) fn longest_replay(&self) -> u64 {
        let mut longest = 0;
        for branch in self.branches.values() {
            let mut last = None;
            let ends = branch.checkpoints.keys().copied().chain([branch.end.step]);
            for step in ends {
                let from = last.unwrap_or_else(|| {
                    let fork = branch.parent.map(|(parent, fork)| (parent, fork.step));
                    fork.and_then(|(id, step)| self.nearest(id, Stop::Step(step))).map_or(step, |(_, s)| s)
                });
                longest = longest.max(step.saturating_sub(from));
                last = Some(step);
            }
        }
        longest
    }
}
