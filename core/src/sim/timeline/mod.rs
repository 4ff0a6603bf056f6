//! Time travel: a world that can be taken back to any instant of its run, and acted upon there.
//!
//! A run is its beginning and its list of actions; so any state of it can be had again by playing it from a checkpoint
//! before, and it is the same to the last byte. A [`Timeline`] owns a [`World`], the checkpoints of its runs ([`keep`]) and the
//! runs themselves: who acts in the past begins another run there, a branch, and the old one is kept.
//!
//! What this costs is bounded. Checkpoints lie so close that going anywhere plays no more than [`Limits::replay_steps`] steps (events and
//! actions), close together near the present state and further apart away from it; and what they take in memory
//! beyond what they share stays below [`Limits::checkpoints_len_max`]. If the two collide, memory wins, and
//! [`TimelineView::replay_steps_max`] says what the longest way is.
//!
//! Nothing here reads a clock: the bound is a number of steps, and how long a step takes is the caller's to measure.

mod again;
pub mod compare;
mod keep;
mod pack;
mod play;
pub mod seek;
pub mod summary;

use crate::sim::chunks::Chunks;
use crate::sim::disk::DurableChange;
use crate::sim::fault::{Action, ActionRecord, Target};
use crate::sim::setup::Setup;
use crate::sim::terminal::TermLine;
use crate::sim::trace::TraceFilter;
use crate::sim::world::{Progress, Step, World};
pub use again::Again;
pub use compare::{Comparison, NodeDifference};
use keep::Branch;
use litemap::LiteMap;
pub use seek::Sought;
use serde::Serialize;
pub use summary::{BranchView, Marker, MarkerKind, RunView, TimelineView};

/// Names a branch of a timeline; the run that it began with is 0.
pub type BranchId = u32;

/// How many branches a timeline keeps.
pub const BRANCHES_MAX: usize = 64;
/// The longest name of a branch or a mark, in bytes.
pub const NAME_LEN_MAX: usize = 200;

/// A travel to an instant leaves a checkpoint about so many steps before it.
const BEHIND_STEPS: u64 = 512;

/// What time travel may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Going anywhere plays no more steps than this from a checkpoint, unless memory is short.
    pub replay_steps: u64,
    /// What all checkpoints together may take in memory beyond what they share with others, in bytes.
    pub checkpoints_len_max: usize,
}

impl Default for Limits {
    /// Less than 200 ms of replay, and what leaves room for the world itself if all is to stay below 256 MiB after ten minutes of
    /// six nodes under load (`cargo xtask bench travel`).
    fn default() -> Self {
        Limits { replay_steps: 48_000, checkpoints_len_max: 156 << 20 }
    }
}

/// A place in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// How many steps have happened: events, and actions from outside.
    pub step: u64,
    /// The virtual instant in microseconds.
    pub at_us: u64,
}

/// A run as a value: with the setup it can be played again anywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct BranchRun {
    /// What the world was made of.
    pub setup: Setup,
    /// What was done to it.
    pub actions: Vec<ActionRecord>,
    /// How far it was played.
    pub end: Place,
}

/// Where to stop.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Step(u64),
    Instant(u64),
}

/// A world with its past. See the module.
pub struct Timeline {
    world: World,
    branches: LiteMap<BranchId, Branch>,
    current: BranchId,
    next_branch: BranchId,
    limits: Limits,
    /// The step at which a checkpoint was made last.
    tried: u64,
    records: usize,
    filter: TraceFilter,
    ledger: bool,
    recording: bool,
    travels: u64,
}

impl Timeline {
    /// Begins with a world; nothing before its present state can be gone to.
    pub fn new(world: World) -> Timeline {
        Timeline::with_limits(world, Limits::default())
    }

    /// The same with limits of one's own.
    pub fn with_limits(world: World, limits: Limits) -> Timeline {
        let limits = Limits { replay_steps: limits.replay_steps.max(1), ..limits };
        let here = place(&world);
        let branch = Branch::new("main".to_string(), None, &world);
        let mut timeline = Timeline {
            records: world.trace().capacity(),
            filter: world.trace().filter().clone(),
            ledger: world.ledger().is_some(),
            recording: world.records_durable_changes(),
            world,
            branches: LiteMap::from_iter([(0, branch)]),
            current: 0,
            next_branch: 1,
            limits,
            tried: 0,
            travels: 0,
        };
        timeline.keep_checkpoint(here.step);
        timeline
    }

    /// The world as it is now.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Where that is in its run.
    pub fn here(&self) -> Place {
        place(&self.world)
    }

    /// The branch that it is on.
    pub fn branch(&self) -> BranchId {
        self.current
    }

    /// How far the present branch was played.
    pub fn end(&self) -> Place {
        self.branches[&self.current].end
    }

    /// Whether the present branch has a future already: it plays as it did, and who acts now begins another.
    pub fn in_the_past(&self) -> bool {
        self.here() < self.end()
    }

    /// How often the world was put into another place of a run than the one that followed. Who mirrors the disks has to
    /// take all of [`World::durable_images`] when this number changes.
    pub fn travels(&self) -> u64 {
        self.travels
    }

    /// What has been allowed.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Keeps the last `records` records of the trace from now on, wherever the world goes.
    pub fn listen(&mut self, records: usize) {
        self.listen_to(records, TraceFilter::default());
    }

    /// The same with only those records that a filter lets through.
    pub fn listen_to(&mut self, records: usize, filter: TraceFilter) {
        (self.records, self.filter) = (records, filter);
        self.world.listen_to(records, self.filter.clone());
    }

    /// Begins or ceases to note what becomes durable, as [`World::record_durable_changes`] does.
    pub fn record_durable_changes(&mut self, on: bool) {
        self.recording = on;
        self.world.record_durable_changes(on);
    }

    /// Keeps a ledger of the writes from now on, wherever the world goes, or drops it. In the past that was played without one there is
    /// none before the next change.
    pub fn keep_ledger(&mut self, on: bool) {
        self.ledger = on;
        self.world.keep_ledger(on);
        // The first checkpoint is where everything can be played from.
        let first = self.branches.get_mut(&0).and_then(|branch| branch.checkpoints.values_mut().next());
        if let Some(checkpoint) = first {
            checkpoint.state.keep_ledger(on);
        }
    }

    /// What became durable since the last call, or since the last travel.
    pub fn take_durable_changes(&mut self) -> Vec<DurableChange> {
        self.world.take_durable_changes()
    }

    /// What a terminal has printed since the last call. A travel forgets what was not taken: what a terminal says
    /// afterwards came after the instant that was gone to.
    pub fn take_terminal_output(&mut self, terminal: u32) -> Vec<TermLine> {
        self.world.take_terminal_output(terminal)
    }

    /// The replies that a plain client has received since the last call, or since the last travel.
    pub fn take_replies(&mut self, client: u32) -> Vec<crate::resp::Value> {
        self.world.take_replies(client)
    }

    /// Does something to the world. In the past this begins a branch.
    ///
    /// # Errors
    /// Why it cannot be done, as [`World::act`] says; or there are too many branches.
    pub fn act(&mut self, action: Action) -> Result<Option<u32>, String> {
        self.world.check_action(&action)?;
        if self.in_the_past() {
            self.fork()?;
        }
        let made = self.world.act(action)?;
        self.arrived();
        Ok(made)
    }

    /// Opens a terminal, as [`World::terminal`] does.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn terminal(&mut self, target: Target) -> Result<u32, String> {
        let made = self.act(Action::OpenTerminal { target })?;
        made.ok_or_else(|| "no terminal was made".to_string())
    }

    /// Types a line into a terminal, as [`World::type_line`] does.
    ///
    /// # Errors
    /// If there is no such terminal, or the line is too long.
    pub fn type_line(&mut self, terminal: u32, line: &str) -> Result<(), String> {
        self.act(Action::TypeLine { terminal, line: line.to_string() }).map(|_| ())
    }

    /// Lets exactly one thing happen: the next event, or in the past an action that was done then. `None` if nothing will.
    pub fn step(&mut self) -> Option<Step> {
        let step = self.world.play_one(&self.branches[&self.current].actions, u64::MAX);
        self.arrived();
        step
    }

    /// Undoes the last thing that happened. False at the beginning of the run.
    pub fn step_back(&mut self) -> bool {
        let here = self.here().step;
        here > self.origin() && self.go_to_step(here - 1).is_ok()
    }

    /// Lets everything happen up to an instant, and moves on to it; what is before the present instant is no place to run to.
    pub fn run_until(&mut self, until_us: u64) -> u64 {
        self.run_until_or_events(until_us, u64::MAX).events
    }

    /// Lets `for_us` virtual microseconds pass.
    pub fn run_for(&mut self, for_us: u64) -> u64 {
        self.run_until(self.world.now_us().saturating_add(for_us))
    }

    /// The same for a caller that has to come back: stops after `steps_max` steps.
    pub fn run_until_or_events(&mut self, until_us: u64, steps_max: u64) -> Progress {
        let mut events = 0;
        let mut reached = false;
        while !reached && events < steps_max {
            let due = self.next_checkpoint_due();
            let actions = &self.branches[&self.current].actions;
            while events < steps_max && self.world.steps() < due {
                if self.world.play_one(actions, until_us).is_none() {
                    reached = true;
                    break;
                }
                events += 1;
            }
            if reached && until_us != u64::MAX {
                self.world.pass_to(until_us);
            }
            self.arrived();
        }
        Progress { events, reached }
    }

    /// Goes to an instant of the present branch: everything up to it has happened, and nothing after it. Beyond the end of the
    /// branch it runs on.
    pub fn go_to(&mut self, at_us: u64) {
        if at_us >= self.world.now_us() {
            // Near enough to walk, or there is a checkpoint on the way.
            let ahead = self.nearest(self.current, Stop::Instant(at_us));
            if ahead.is_some_and(|(_, step)| step > self.world.steps()) {
                self.travel(self.current, Stop::Instant(at_us.min(self.end().at_us)));
            }
        } else {
            self.travel(self.current, Stop::Instant(at_us));
        }
        if self.world.now_us() < at_us {
            self.run_until(at_us);
        }
    }

    /// Goes to a step of the present branch.
    ///
    /// # Errors
    /// The branch was not played that far, or begins later.
    pub fn go_to_step(&mut self, step: u64) -> Result<(), String> {
        if step < self.origin() || step > self.end().step {
            return Err(format!("the run has steps {} to {}", self.origin(), self.end().step));
        }
        self.travel(self.current, Stop::Step(step));
        Ok(())
    }

    /// Goes to an instant of another branch, or to its end.
    ///
    /// # Errors
    /// There is no such branch, or it was not played that far.
    pub fn go_to_branch(&mut self, branch: BranchId, at_us: Option<u64>) -> Result<(), String> {
        let end = self.branches.get(&branch).ok_or_else(|| no_branch(branch))?.end;
        if at_us.is_some_and(|at| at > end.at_us) {
            return Err(format!("the branch was played to {} us", end.at_us));
        }
        self.travel(branch, at_us.map_or(Stop::Step(end.step), Stop::Instant));
        if at_us.is_none() {
            self.world.pass_to(end.at_us);
        }
        Ok(())
    }

    /// A world as it was at an instant of a branch, to be looked at; the present one stays where it is.
    ///
    /// # Errors
    /// There is no such branch, or it was not played that far.
    pub fn world_at(&self, branch: BranchId, at_us: u64) -> Result<World, String> {
        let end = self.branches.get(&branch).ok_or_else(|| no_branch(branch))?.end;
        if at_us > end.at_us {
            return Err(format!("the branch was played to {} us", end.at_us));
        }
        let mut world =
            self.nearest_world(branch, Stop::Instant(at_us)).ok_or("nothing is kept of that time")?;
        while world.play_one(&self.branches[&branch].actions, at_us).is_some() {}
        world.pass_to(at_us);
        Ok(world)
    }

    /// A run as a value.
    ///
    /// # Errors
    /// There is no such branch.
    pub fn branch_run(&self, branch: BranchId) -> Result<BranchRun, String> {
        let kept = self.branches.get(&branch).ok_or_else(|| no_branch(branch))?;
        let actions = kept.actions.iter().cloned().collect();
        Ok(BranchRun { setup: self.world.setup().clone(), actions, end: kept.end })
    }

    /// Gives a branch another name.
    ///
    /// # Errors
    /// There is no such branch, or the name is too long.
    pub fn rename_branch(&mut self, branch: BranchId, name: &str) -> Result<(), String> {
        if name.len() > NAME_LEN_MAX {
            return Err(format!("a name has no more than {NAME_LEN_MAX} bytes"));
        }
        self.branches.get_mut(&branch).ok_or_else(|| no_branch(branch))?.name = name.to_string();
        Ok(())
    }

    /// Forgets a branch.
    ///
    /// # Errors
    /// There is no such branch, the world is on it, or another one begins on it.
    pub fn remove_branch(&mut self, branch: BranchId) -> Result<(), String> {
        if !self.branches.contains_key(&branch) {
            return Err(no_branch(branch));
        }
        if branch == self.current || branch == 0 {
            return Err("the world is on this branch, or began on it".to_string());
        }
        if self.branches.values().any(|b| b.parent.is_some_and(|(parent, _)| parent == branch)) {
            return Err("another branch begins on this one".to_string());
        }
        self.branches.remove(&branch);
        Ok(())
    }

    /// The first step that can be gone to.
    fn origin(&self) -> u64 {
        self.branches[&0].checkpoints.keys().next().copied().unwrap_or(0)
    }

    fn fork(&mut self) -> Result<(), String> {
        if self.branches.len() >= BRANCHES_MAX {
            return Err(format!("there are {BRANCHES_MAX} branches: remove one first"));
        }
        let (id, here) = (self.next_branch, self.here());
        self.next_branch += 1;
        let branch = Branch::new(format!("branch {}", id + 1), Some((self.current, here)), &self.world);
        self.branches.insert(id, branch);
        self.current = id;
        self.keep_checkpoint(here.step);
        Ok(())
    }

    /// The world has moved on along its branch.
    fn arrived(&mut self) {
        let here = place(&self.world);
        if let Some(branch) = self.branches.get_mut(&self.current)
            && here >= branch.end
        {
            branch.end = here;
            if branch.actions.len() < self.world.actions.len() {
                branch.actions = self.world.actions.clone();
            }
        }
        if here.step >= self.next_checkpoint_due() {
            self.keep_checkpoint(here.step);
        }
    }

    /// The instant about [`BEHIND_STEPS`] before another one on the way there, as the density of steps around here has it. `None` if
    /// the world is as near already.
    fn behind(&self, at_us: u64) -> Option<u64> {
        let (here, end) = (self.here(), self.end());
        let next = self.branches[&self.current].checkpoints.range(here.step + 1..).next();
        let next = next.map_or(end, |(&step, next)| Place { step, at_us: next.state.at_us() });
        let steps = next.step.saturating_sub(here.step).max(1);
        let before_us = next.at_us.saturating_sub(here.at_us).saturating_mul(BEHIND_STEPS) / steps;
        at_us.checked_sub(before_us).filter(|&leave_at| leave_at > here.at_us)
    }

    /// Puts the world into another place of a run.
    fn travel(&mut self, branch: BranchId, stop: Stop) {
        if !self.in_the_past() {
            // So that the way back to the end is short.
            self.keep_checkpoint(self.world.steps());
        }
        let here = self.here();
        let ahead = match stop {
            Stop::Step(step) => step >= here.step,
            Stop::Instant(at_us) => at_us >= here.at_us,
        };
        let nearest = self.nearest(branch, stop);
        if branch != self.current || !ahead || nearest.is_some_and(|(_, step)| step > here.step) {
            let Some(world) = self.nearest_world(branch, stop) else { return };
            self.world = world;
            self.world.listen_to(self.records, self.filter.clone());
            self.world.record_durable_changes(self.recording);
            if self.world.ledger().is_some() != self.ledger {
                self.world.keep_ledger(self.ledger);
            }
            self.travels += 1;
        }
        self.current = branch;
        let actions: Chunks<ActionRecord> = self.branches[&branch].actions.clone();
        match stop {
            Stop::Instant(at_us) => {
                // Whoever goes back to an instant looks around there: leave one a little behind.
                let mut leave_at = self.behind(at_us).filter(|_| !ahead);
                while self.world.play_one(&actions, at_us).is_some() {
                    if leave_at.is_some_and(|leave_at| self.world.now_us() >= leave_at) {
                        leave_at = None;
                        self.leave_copy();
                    }
                }
                self.world.pass_to(at_us);
            }
            Stop::Step(step) => {
                // Whoever goes back one step will go back another: leave checkpoints at 1, 8, 64 … steps before.
                let mut left = step.saturating_sub(self.world.steps());
                while left > 0 {
                    let pause = [BEHIND_STEPS, 64, 8, 1].into_iter().find(|&pause| pause < left).unwrap_or(0);
                    while self.world.steps() < step - pause {
                        if self.world.play_one(&actions, u64::MAX).is_none() {
                            break;
                        }
                    }
                    if self.world.steps() < step - pause {
                        break;
                    }
                    left = pause;
                    if !ahead && left > 0 {
                        self.leave_copy();
                    }
                }
            }
        }
        self.world.forget_output();
        self.thin();
    }
}

fn place(world: &World) -> Place {
    Place { step: world.steps(), at_us: world.now_us() }
}

fn no_branch(branch: BranchId) -> String {
    format!("there is no branch {branch}")
}
