//! Going to what happened: to the next or the last record of a kind, and to the causes of what is so now.
//!
//! Records are kept only while somebody listens, but a run can be played again with somebody listening: so a timeline can
//! say why something is so although nobody asked for a trace when it happened.

use super::{BranchId, Stop, Timeline};
use crate::event::{Event, Opinion};
use crate::sim::trace::{Question, TraceFilter, TraceRecord, Why};
use crate::sim::view::TapeKind;
use crate::sim::world::World;

/// How many records are kept while a run is searched or played again for its causes.
const RECORDS: usize = 1 << 16;
/// How long before a change its causes are looked for, in virtual microseconds: a failure is found out after a node timeout and
/// voted on after a second or more.
const CAUSES_BEFORE_US: u64 = 60_000_000;

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Sought {
    /// What was found; the world stands right behind it.
    pub found: Option<TraceRecord>,
    /// How many steps were played.
    pub steps: u64,
    /// Whether the whole way was searched: else it was `steps_max` that ended the search.
    pub whole: bool,
}

impl Timeline {
    /// Runs on until something happens that a filter lets through, up to an instant or a number of steps. In the past this plays
    /// what happened then.
    pub fn run_to(&mut self, filter: &TraceFilter, until_us: u64, steps_max: u64) -> Sought {
        let listening = self.world.trace().capacity();
        let kept = self.world.trace().filter().clone();
        // Listening to more changes nothing; the records kept so far stay.
        self.world.listen_to(listening.max(RECORDS), TraceFilter::default());
        let mut sought = Sought { found: None, steps: 0, whole: false };
        while sought.steps < steps_max && sought.found.is_none() {
            let before = self.world.trace().last_id();
            if self.world.play_one(&self.branches[&self.current].actions, until_us).is_none() {
                sought.whole = true;
                break;
            }
            sought.steps += 1;
            sought.found =
                self.world.trace().records_after(before).find(|r| filter.lets_through(&r.what)).cloned();
            self.arrived();
        }
        if sought.whole && until_us != u64::MAX {
            self.world.pass_to(until_us);
            self.arrived();
        }
        self.world.listen_to(listening, kept);
        sought
    }

    /// Goes back to the last thing before the present instant that a filter lets through: the world then stands right behind it.
    /// Without one it stays where it is.
    pub fn run_back_to(&mut self, filter: &TraceFilter) -> Option<TraceRecord> {
        let here = self.here().step;
        // From checkpoint to checkpoint backwards; each stretch is played once.
        let mut end = here;
        while end > self.origin() {
            let (_, start) = self.nearest(self.current, Stop::Step(end - 1))?;
            let mut world = self.nearest_world(self.current, Stop::Step(end - 1))?;
            world.listen(RECORDS);
            let mut last = None;
            let actions = &self.branches[&self.current].actions;
            while world.steps() < end {
                let before = world.trace().last_id();
                if world.play_one(actions, u64::MAX).is_none() {
                    break;
                }
                // What the last step did is where the world stands already.
                let found = world.trace().records_after(before).rfind(|r| filter.lets_through(&r.what));
                if let Some(found) = found.filter(|_| world.steps() < here) {
                    last = Some((world.steps(), found.clone()));
                }
            }
            if let Some((step, record)) = last {
                self.travel(self.current, Stop::Step(step));
                return Some(record);
            }
            end = start;
        }
        None
    }

    /// The answer to a question about the present state, with all that led to it; `None` if there is nothing to say. If nobody
    /// listened when it came about, that part of the run is played again.
    pub fn why(&self, question: &Question) -> Option<Why> {
        let told = |world: &World| world.record_of(question).and_then(|record| world.why(record));
        if let Some(why) = told(&self.world).filter(|why| !why.causes.is_empty()) {
            return Some(why);
        }
        let at_us = self.change_of(question)?;
        told(&self.played_with_trace(self.current, at_us.saturating_sub(CAUSES_BEFORE_US), at_us)?)
    }

    /// A copy of the world as it was at an instant of a branch, with the trace of what happened since another, as far as
    /// [`TRACE_RECORDS_MAX`](crate::sim::trace::TRACE_RECORDS_MAX) records hold it. `None` if there is no such branch or nothing is kept of that time.
    pub fn played_with_trace(&self, branch: BranchId, from_us: u64, to_us: u64) -> Option<World> {
        let start = self.nearest_world(branch, Stop::Instant(from_us));
        let mut world = match start {
            Some(world) => world,
            None => self.nearest_world(0, Stop::Step(self.origin()))?,
        };
        world.listen(crate::sim::trace::TRACE_RECORDS_MAX);
        let actions = &self.branches.get(&branch)?.actions;
        while world.play_one(actions, to_us).is_some() {}
        world.pass_to(to_us);
        Some(world)
    }

    /// When what is asked about came to be so, as the tape tells.
    fn change_of(&self, question: &Question) -> Option<u64> {
        let node = self.world.node_index(question.node())?;
        let by = match question {
            Question::Failing { by: Some(by), .. } => Some(self.world.node_index(by)?),
            _ => None,
        };
        let fits = |who: Option<u32>, what: &TapeKind| match (question, what) {
            (Question::Process { .. }, TapeKind::Process { .. }) => who == Some(node),
            (
                Question::Role { .. },
                TapeKind::Node { event: Event::Role { .. } | Event::Promoted { .. } },
            )
            | (Question::State { .. }, TapeKind::Node { event: Event::ClusterState { .. } })
            | (Question::Link { .. }, TapeKind::Node { event: Event::MasterLink { .. } }) => {
                who == Some(node)
            }
            (Question::Failing { .. }, TapeKind::Node { event: Event::Opinion { about, opinion } }) => {
                *opinion != Opinion::Ok
                    && self.world.node_of_id(about) == Some(node)
                    && by.is_none_or(|by| who == Some(by))
            }
            _ => false,
        };
        let change = self.world.tape_after(0).filter(|c| fits(c.node, &c.what)).last()?;
        Some(change.at_us)
    }
}
