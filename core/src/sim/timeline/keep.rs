//! Which checkpoints are kept.
//!
//! Two neighbours may be apart by a quarter of their distance from the present state, but never by more than
//! [`Limits::replay_steps`](super::Limits): so there are a few dozen near by, and one each `replay_steps` far away. When they take too much memory, those go first
//! whose going lengthens the shortest way the least.

use super::pack::Packed;
use super::{BranchId, Place, Stop, Timeline};
use crate::sim::chunks::Chunks;
use crate::sim::fault::ActionRecord;
use crate::sim::world::World;
use std::collections::BTreeMap;

/// While time runs, so many checkpoints are made in the distance that may lie between two.
const NEW_PER_REPLAY: u64 = 8;
/// Neighbours may be apart by this part of their distance from the present state.
const SPREAD: u64 = 4;

pub(super) struct Checkpoint {
    pub state: Packed,
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

    /// Reckons anew what one checkpoint has for itself. Along a run a thing appears, stays for a while and goes, so what the
    /// next one does not share is counted here; the last has nobody after it and is laid beside the one before.
    fn weigh(&mut self, step: u64) {
        let beside =
            self.checkpoints.range(step + 1..).next().or_else(|| self.checkpoints.range(..step).next_back());
        let Some(checkpoint) = self.checkpoints.get(&step) else { return };
        let own_len = beside.map_or(0, |(_, beside)| checkpoint.state.unshared(&beside.state));
        if let Some(checkpoint) = self.checkpoints.get_mut(&step) {
            checkpoint.own_len = own_len;
        }
    }

    fn before(&self, step: u64) -> Option<u64> {
        self.checkpoints.range(..step).next_back().map(|(&step, _)| step)
    }

    fn put(&mut self, step: u64, world: World) {
        let before = self.checkpoints.range(..step).next_back().map(|(_, before)| &before.state);
        let state = Packed::new(world, before);
        self.checkpoints.insert(step, Checkpoint { state, own_len: 0 });
        self.weigh(step);
        if let Some(before) = self.before(step) {
            self.weigh(before);
        }
    }

    fn drop_checkpoint(&mut self, step: u64) {
        self.checkpoints.remove(&step);
        if let Some(before) = self.before(step) {
            self.weigh(before);
        }
    }
}

impl Timeline {
    /// The step at which the running world is to be kept again.
    pub(super) fn next_checkpoint_due(&self) -> u64 {
        let here = self.world.steps();
        let last = self.nearest(self.current, Stop::Step(here)).map_or(0, |(_, step)| step);
        // One that was made and had to go at once for lack of memory counts as well.
        let tried = if self.tried <= here { self.tried } else { 0 };
        last.max(tried) + (self.limits.replay_steps / NEW_PER_REPLAY).max(1)
    }

    /// Keeps the present state, without looking at the limits.
    pub(super) fn put_checkpoint(&mut self, step: u64) {
        if self.branches.get(&self.current).is_some_and(|branch| !branch.checkpoints.contains_key(&step)) {
            self.world.share_streams();
            self.put_world(self.world.clone());
        }
    }

    /// Keeps a state of the present branch.
    pub(super) fn put_world(&mut self, mut world: World) {
        let step = world.steps();
        let Some(branch) = self.branches.get_mut(&self.current) else { return };
        // What the parent has, or the branch itself, need not be kept twice.
        let known =
            branch.checkpoints.contains_key(&step) || branch.parent.is_some_and(|(_, fork)| step < fork.step);
        if !known {
            world.forget_output();
            branch.put(step, world);
        }
    }

    /// Keeps the present state, and lets others go for it.
    pub(super) fn keep_checkpoint(&mut self, step: u64) {
        self.put_checkpoint(step);
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
    fn lineage(&self) -> BTreeMap<BranchId, u64> {
        let mut line = BTreeMap::new();
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

    /// Lets go of checkpoints that lie closer together than they need to, and of more if they take too much memory.
    pub(super) fn thin(&mut self) {
        let here = self.world.steps();
        let lineage = self.lineage();
        let mut surplus = Vec::new();
        for (&id, branch) in &self.branches {
            let own_until = lineage.get(&id).copied().unwrap_or(0);
            let steps: Vec<u64> = branch.checkpoints.keys().copied().collect();
            let mut kept = steps.first().copied().unwrap_or(0);
            for pair in steps.windows(2).skip(1).map(|w| (w[0], w[1])).collect::<Vec<_>>() {
                let (step, next) = pair;
                let distance = if step <= own_until { step.abs_diff(here) } else { u64::MAX };
                if next - kept <= self.gap_max(distance) {
                    surplus.push((id, step));
                } else {
                    kept = step;
                }
            }
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
    fn least_useful(&self, here: u64, lineage: &BTreeMap<BranchId, u64>) -> Option<(BranchId, u64)> {
        let mut best: Option<(u64, BranchId, u64)> = None;
        for (&id, branch) in &self.branches {
            let own_until = lineage.get(&id).copied();
            let steps: Vec<u64> = branch.checkpoints.keys().copied().collect();
            for (at, &step) in steps.iter().enumerate() {
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
