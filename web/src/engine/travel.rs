//! Time on the page: going on as fast as it can up to something, going back, and what that means for everything that follows a run.

use super::{CLUSTER_TAB, EVENTS_PER_LOOK, Engine};
use crate::lanes::Lanes;
use crate::model::{self, Time};
use crate::protocol::Answer;
use crate::scripts::Answered;
use crate::words;
use vitrine_core::sim::scenario::{Command, Console, NEWS, Whom};
use vitrine_core::sim::timeline::Again;
use vitrine_core::sim::trace::{TraceClass, TraceFilter};

/// An event of a kind is looked for no further than this ahead, in virtual microseconds.
const AHEAD_US_MAX: u64 = 600_000_000;
/// What a command that waits is told when the world is taken elsewhere.
pub(super) const TAKEN_AWAY: &str = "Time was taken to another instant before the answer came.";

/// Where time goes.
enum Goal {
    /// To an instant.
    Instant(u64),
    /// Until so many steps have happened since the beginning.
    Step(u64),
    /// To an event that this lets through, no further than an instant.
    Event(TraceFilter, u64),
    /// Until everything that was done in a run is done again in this one, and for as long.
    Again(Box<Again>),
}

/// Time that goes on as fast as it can, up to something; it stands still there.
pub struct Trek {
    goal: Goal,
    /// Who asked for it.
    id: Option<u32>,
    /// The tab in which it is said how it ended.
    tab: Option<u16>,
}

impl Trek {
    /// To an instant.
    pub fn to(at_us: u64) -> Trek {
        Trek { goal: Goal::Instant(at_us), id: None, tab: None }
    }

    /// The same for a question with this id.
    pub fn answering(self, id: u32) -> Trek {
        Trek { id: Some(id), ..self }
    }
}

impl Engine {
    /// How often the world was put into another place of a run than the one that followed.
    pub fn travels(&self) -> u64 {
        self.time.travels()
    }

    /// Whether what is shown is the past of a run.
    pub fn in_the_past(&self) -> bool {
        self.time.in_the_past()
    }

    pub(super) fn time_view(&self) -> Time {
        let run = self.time.branch();
        let past = self.time.in_the_past();
        let view = |r: vitrine_core::sim::timeline::RunView| model::Run {
            number: r.id,
            from: r.parent.map(|(parent, place)| (parent, place.at_us)),
            end_us: if r.id == run && !past { 0 } else { r.end.at_us },
        };
        Time {
            run,
            end_us: past.then(|| self.time.end().at_us),
            runs: self.time.runs().into_iter().map(view).collect(),
            travels: self.time.travels(),
        }
    }

    /// Sets out; who was on the way is told that another took the place.
    pub(super) fn set_out(&mut self, trek: Trek) {
        self.end_trek(Err("Another run took its place.".into()));
        self.playing = false;
        self.queues.set_out();
        self.begin.waiting = false;
        self.trek = Some(trek);
    }

    /// On to a step.
    pub(super) fn set_out_to_step(&mut self, step: u64) {
        self.set_out(Trek { goal: Goal::Step(step), id: None, tab: None });
    }

    /// On to the next event of a kind; what it is is said in a tab.
    pub(super) fn set_out_to_event(&mut self, tab: u16, what: Option<TraceClass>) {
        let until_us = self.now_us().saturating_add(AHEAD_US_MAX);
        self.set_out(Trek { goal: Goal::Event(filter(what), until_us), id: None, tab: Some(tab) });
    }

    /// The way ends here.
    pub(super) fn end_trek(&mut self, result: Result<String, String>) {
        let Some(trek) = self.trek.take() else { return };
        self.target_us = self.now_us() as f64;
        if let Some(id) = trek.id {
            self.answer(id, result.clone().map(Answer::Said));
            self.ended_way = true;
        }
        if let Some(tab) = trek.tab {
            self.note(tab, result.unwrap_or_else(|why| why));
        }
    }

    /// Whether somebody is about to be told that a way ended, since this was asked last: what they then look at is to be of its end, and
    /// not of the frame before.
    pub fn take_ended_way(&mut self) -> bool {
        std::mem::take(&mut self.ended_way)
    }

    /// A slice of the way. Gives whether it ended.
    pub(super) fn go_on(&mut self) -> bool {
        let (plays, events) = (self.plays(), self.events_per_look());
        let Some(trek) = &mut self.trek else { return true };
        let said = match &mut trek.goal {
            Goal::Again(again) => again.go_on(&mut self.time, events).then(|| {
                let run = self.time.branch();
                let so_far = format!("Run {run} is where the one before it ended, after the same actions.");
                match again.left_out() {
                    0 => so_far,
                    n => {
                        let left_out = words::count(n, "action", "actions");
                        format!("{so_far} {left_out} had nothing to act on in it.")
                    }
                }
            }),
            Goal::Instant(at_us) => {
                let at_us = *at_us;
                self.pass(at_us, events).reached.then(String::new)
            }
            Goal::Step(step) => {
                let step = *step;
                let left = step.saturating_sub(self.time.here().step).min(events);
                let over = self.pass(u64::MAX, left).reached;
                (over || self.time.here().step >= step).then(String::new)
            }
            Goal::Event(filter, until_us) if plays => {
                let (filter, until_us) = (filter.clone(), *until_us);
                self.seek_in_script(&filter, until_us)
            }
            Goal::Event(filter, until_us) => {
                let sought = self.time.run_to(filter, *until_us, events);
                match sought.found {
                    Some(record) => Some(self.time.world().sentence(&record)),
                    None => sought
                        .whole
                        .then(|| format!("Nothing of that kind within {}.", words::duration(AHEAD_US_MAX))),
                }
            }
        };
        match said {
            Some(said) => self.end_trek(Ok(said)),
            None => return false,
        }
        true
    }

    /// One event or line further towards an event of a kind, while the lines of a scenario happen.
    fn seek_in_script(&mut self, filter: &TraceFilter, until_us: u64) -> Option<String> {
        for _ in 0..EVENTS_PER_LOOK {
            let before = self.time.world().trace().last_id();
            let reached = self.pass(until_us, 1).reached;
            let mut records = self.time.world().trace().records_after(before);
            if let Some(record) = records.find(|record| filter.lets_through(&record.what)) {
                return Some(self.time.world().sentence(record));
            }
            if reached {
                return Some(format!("Nothing of that kind within {}.", words::duration(AHEAD_US_MAX)));
            }
        }
        None
    }

    /// Goes somewhere else in the runs of this world, and stands still there.
    pub(super) fn travel<T>(
        &mut self,
        go: impl FnOnce(&mut vitrine_core::sim::timeline::Timeline) -> T,
    ) -> T {
        self.end_trek(Err("Time was taken elsewhere.".into()));
        self.play(false);
        let before = self.time.travels();
        let gone = go(&mut self.time);
        if self.time.travels() != before {
            self.arrived();
        }
        self.target_us = self.now_us() as f64;
        self.after_events();
        gone
    }

    /// Everything that follows the run begins anew: what was known is of another instant.
    fn arrived(&mut self) {
        // What was promised there was promised; it waits for no storage, for the past is not stored.
        self.release(u64::MAX);
        let mut answers: Vec<Answered> = Vec::new();
        self.scripts.forget(TAKEN_AWAY, &mut answers);
        for (id, result) in answers {
            self.answer(id, result.map(Answer::Reply));
        }
        self.forget_reshard();
        self.forget_edits();
        let had_terminals = self.console.terminals().next().is_some();
        self.console = Console::new();
        self.queues = Default::default();
        self.acks.clear();
        self.wrote.clear();
        self.each = None;
        self.drop_script();
        self.charts.travelled(&self.time);
        self.gatherer.forget();
        self.lanes = Lanes::anew(&self.lanes);
        (self.tape_reset, self.sent_cluster, self.sent_detail) = (true, None, None);
        self.last_record = self.time.world().trace().last_id();
        self.changes.clear();
        if had_terminals {
            let now = words::clock_short(self.now_us());
            self.note(CLUSTER_TAB, format!("It is {now} again: every tab connects anew."));
        }
    }

    /// Another future: back to a moment before the last fault, a line for every node, and then everything that was done since. Whoever
    /// asked for it is answered at its end.
    pub(super) fn again(&mut self, tab: u16, line: &str) -> Result<(), String> {
        let again = self.travel(|time| time.again())?;
        let say = Command::Say { whom: Whom::Each, line: line.to_owned() };
        self.console.carry_out(&mut self.time, &say)?;
        let id = self.asking.take();
        self.set_out(Trek { goal: Goal::Again(Box::new(again)), id, tab: Some(tab) });
        Ok(())
    }

    /// Back to the last event of a kind; what it is.
    pub(super) fn back_to_event(&mut self, what: Option<TraceClass>) -> Result<String, String> {
        let found = self.travel(|time| {
            let record = time.run_back_to(&filter(what))?;
            Some(time.world().sentence(&record))
        });
        found.ok_or_else(|| "There is nothing of that kind before this instant.".into())
    }
}

fn filter(what: Option<TraceClass>) -> TraceFilter {
    match what {
        Some(class) => TraceFilter::of(&[class]),
        None => TraceFilter::of(&NEWS),
    }
}
