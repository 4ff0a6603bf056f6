//! The tape, from the changes that a world keeps: how each node's lane is drawn from when on, and marks.

use crate::model::{LaneState, NodeIndex, TapeItem, TapeMark};
use vitrine_core::event::{Event, Opinion};
use vitrine_core::sim::fault::{self, Action};
use vitrine_core::sim::scenario::Command;
use vitrine_core::sim::trace::Life;
use vitrine_core::sim::trace::explain::action_words;
use vitrine_core::sim::view::{TapeChange, TapeKind};

#[derive(Clone, Debug, Default)]
struct Facts {
    down: bool,
    paused: bool,
    loading: bool,
    replica: bool,
    syncing: bool,
    candidate: bool,
    cut_off: bool,
    starts: u32,
    /// What each other node thinks of it.
    opinions: Vec<Opinion>,
    shown: Option<LaneState>,
}

impl Facts {
    fn state(&self) -> LaneState {
        let any = |o: Opinion| self.opinions.contains(&o);
        if self.down || self.paused {
            // Once the others have an opinion it says more than the hairline.
            return match () {
                () if any(Opinion::Failed) => LaneState::Fail,
                () if any(Opinion::Suspected) => LaneState::Pfail,
                () if self.paused => LaneState::Paused,
                () => LaneState::Down,
            };
        }
        match () {
            () if self.loading => LaneState::Loading,
            () if self.candidate => LaneState::Election,
            () if !self.replica && self.cut_off => LaneState::CutOff,
            () if any(Opinion::Failed) => LaneState::Fail,
            () if self.replica && self.syncing => LaneState::Syncing,
            () if self.replica => LaneState::Replica,
            () => LaneState::Master,
        }
    }
}

/// Follows the changes of one world.
pub struct Lanes {
    names: Vec<String>,
    facts: Vec<Facts>,
    after: u64,
    /// When the cluster was ready first: role changes before that are its forming.
    formed_us: Option<u64>,
}

impl Lanes {
    /// For nodes of these names.
    pub fn new(names: Vec<String>) -> Lanes {
        let n = names.len();
        let facts = Facts { loading: true, opinions: vec![Opinion::Ok; n], ..Facts::default() };
        Lanes { facts: vec![facts; n], names, after: 0, formed_us: None }
    }

    /// The number of the last change that was followed.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// From this instant on a change of role is news.
    pub fn formed(&mut self, at_us: u64) {
        self.formed_us = Some(at_us);
    }

    /// The same nodes, of whom nothing is known yet: the world is at another place of a run, and its tape is read from its beginning.
    pub fn anew(&self) -> Lanes {
        Lanes { formed_us: self.formed_us, ..Lanes::new(self.names.clone()) }
    }

    /// Who is behind a wall, away from most masters, changed.
    pub fn cut_off(&mut self, at_us: u64, who: &[bool], out: &mut Vec<TapeItem>) {
        for (i, &cut) in who.iter().enumerate().take(self.facts.len()) {
            if self.facts[i].cut_off != cut {
                self.facts[i].cut_off = cut;
                self.show(i, at_us, out);
            }
        }
    }

    /// What each node is by its own word, in a world without a cluster: there it is no news of its own.
    pub fn roles(&mut self, at_us: u64, replicas: impl Iterator<Item = bool>, out: &mut Vec<TapeItem>) {
        for (i, replica) in replicas.enumerate().take(self.facts.len()) {
            if self.facts[i].replica != replica {
                self.facts[i].replica = replica;
                self.show(i, at_us, out);
            }
        }
    }

    fn show(&mut self, i: usize, at_us: u64, out: &mut Vec<TapeItem>) {
        let Some(f) = self.facts.get_mut(i) else { return };
        let state = f.state();
        if f.shown != Some(state) {
            f.shown = Some(state);
            out.push(TapeItem::Lane { node: i as NodeIndex, at_us, state });
        }
    }

    /// Follows one change; `by_id` finds a node by its cluster id.
    pub fn follow(
        &mut self,
        change: &TapeChange,
        by_id: impl Fn(&str) -> Option<NodeIndex>,
        out: &mut Vec<TapeItem>,
    ) {
        self.after = self.after.max(change.number);
        let at_us = change.at_us;
        let node = change.node.map(|n| n as usize).filter(|&n| n < self.facts.len());
        match (&change.what, node) {
            (TapeKind::Process { life }, Some(i)) => self.life(i, life, at_us, out),
            (TapeKind::Node { event }, Some(i)) => self.said(i, event, at_us, by_id, out),
            (TapeKind::Action { action }, _) => {
                if let Some((mark, text)) = action_mark(action) {
                    out.push(TapeItem::Mark { node: None, at_us, mark, text });
                }
            }
            (TapeKind::FaultOver { fault, .. }, _) => {
                let text = format!("it ended that {}", fault.words());
                out.push(TapeItem::Mark { node: None, at_us, mark: TapeMark::Heal, text });
            }
            _ => {}
        }
    }

    fn life(&mut self, i: usize, life: &Life, at_us: u64, out: &mut Vec<TapeItem>) {
        let f = &mut self.facts[i];
        match life {
            Life::Running => {
                let again = f.starts > 0 && f.down;
                if !f.paused {
                    f.loading = true;
                    f.starts += 1;
                    f.candidate = false;
                }
                (f.down, f.paused) = (false, false);
                if again {
                    let text = format!("{} started again", self.names[i]);
                    out.push(TapeItem::Mark {
                        node: Some(i as NodeIndex),
                        at_us,
                        mark: TapeMark::Restart,
                        text,
                    });
                }
            }
            Life::Paused => f.paused = true,
            Life::Killed | Life::PowerLost | Life::Exited { .. } | Life::Refused { .. } => {
                (f.down, f.paused, f.loading, f.candidate) = (true, false, false, false);
                // A process that is gone thinks nothing.
                for other in &mut self.facts {
                    if let Some(o) = other.opinions.get_mut(i) {
                        *o = Opinion::Ok;
                    }
                }
            }
        }
        self.show(i, at_us, out);
    }

    fn said(
        &mut self,
        i: usize,
        event: &Event,
        at_us: u64,
        by_id: impl Fn(&str) -> Option<NodeIndex>,
        out: &mut Vec<TapeItem>,
    ) {
        let name = self.names[i].clone();
        let mark = |out: &mut Vec<TapeItem>, node: usize, mark: TapeMark, text: String| {
            out.push(TapeItem::Mark { node: Some(node as NodeIndex), at_us, mark, text });
        };
        let other = |id: &str| by_id(id).map(usize::from).filter(|&n| n < self.names.len());
        match event {
            Event::Ready { .. } => self.facts[i].loading = false,
            Event::Role { replica, master } => {
                let f = &mut self.facts[i];
                let was_master = !f.replica;
                f.replica = *replica;
                f.candidate = false;
                f.syncing = *replica;
                if *replica && was_master && self.formed_us.is_some_and(|us| at_us >= us) && !f.loading {
                    let of = master.as_deref().and_then(&by_id).and_then(|m| self.names.get(usize::from(m)));
                    let of = of.map_or(String::new(), |m| format!(" of {m}"));
                    mark(out, i, TapeMark::DownRole, format!("{name} became a replica{of}"));
                }
            }
            Event::Opinion { about, opinion } => {
                if let Some(s) = other(about) {
                    let before = self.facts[s].opinions.contains(&Opinion::Failed);
                    self.facts[s].opinions[i] = *opinion;
                    if *opinion == Opinion::Failed && !before {
                        let text = format!("{} is FAIL: a majority of masters agrees", self.names[s]);
                        mark(out, s, TapeMark::Fail, text);
                    }
                    self.show(s, at_us, out);
                }
            }
            Event::Candidate { epoch, rank } => {
                self.facts[i].candidate = true;
                mark(out, i, TapeMark::Ballot, format!("{name} asks for votes, epoch {epoch}, rank {rank}"));
            }
            Event::Voted { epoch, candidate } => {
                let whom = other(candidate).map_or("a candidate".to_owned(), |c| self.names[c].clone());
                mark(out, i, TapeMark::Vote, format!("{name} votes for {whom}, epoch {epoch}"));
            }
            Event::Promoted { epoch } => {
                let f = &mut self.facts[i];
                (f.candidate, f.replica, f.syncing) = (false, false, false);
                mark(out, i, TapeMark::Up, format!("{name} became master, epoch {epoch}"));
            }
            Event::MasterLink { up } => {
                // Outside of a cluster no node says what it is: who has a link to a master follows one.
                self.facts[i].replica |= up;
                self.facts[i].syncing = !up;
            }
            _ => return,
        }
        self.show(i, at_us, out);
    }
}

/// The mark of an action on the row of faults, with the engine's own words for it; what visitors type is none.
fn action_mark(action: &Action) -> Option<(TapeMark, String)> {
    use fault::{Action as A, Fault as F};
    let mark = match action {
        A::Fault { fault, .. } => match fault {
            F::Kill { .. } => TapeMark::Kill,
            F::PowerLoss { .. } | F::PowerLossAt { .. } => TapeMark::Crash,
            F::Shutdown { .. } => TapeMark::Shutdown,
            F::Pause { .. } => TapeMark::Pause,
            F::Partition { .. } => TapeMark::Wall,
            _ => TapeMark::Other(crate::faults::row_of(&Command::Act(action.clone()).to_string())),
        },
        A::Start { .. } | A::Restart { .. } => TapeMark::Restart,
        A::Resume { .. } => TapeMark::Resume,
        A::Heal { .. } | A::EndFault { .. } => TapeMark::Heal,
        A::OpenTerminal { .. }
        | A::TypeLine { .. }
        | A::Interrupt { .. }
        | A::AddClient { .. }
        | A::Connect { .. }
        | A::Send { .. }
        | A::Disconnect { .. }
        | A::SyncDisk { .. } => return None,
        _ => TapeMark::Other(crate::faults::row_of(&Command::Act(action.clone()).to_string())),
    };
    Some((mark, action_words(action)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: u64, node: Option<u32>, what: TapeKind) -> TapeChange {
        TapeChange { number, at_us: number * 10, node, what }
    }

    fn id(name: &str) -> Option<NodeIndex> {
        ["a", "b", "c"].iter().position(|n| *n == name).map(|i| i as NodeIndex)
    }

    #[test]
    fn a_crash_goes_from_hairline_over_pfail_to_fail_and_back() {
        let mut lanes = Lanes::new(["A1", "B1", "C1"].map(String::from).to_vec());
        let mut out = Vec::new();
        let life = |life| TapeKind::Process { life };
        let said = |event| TapeKind::Node { event };
        let opinion = |o| said(Event::Opinion { about: "a".into(), opinion: o });
        let changes = [
            (Some(0), life(Life::Running)),
            (Some(0), said(Event::Ready { keys: 0 })),
            (Some(0), life(Life::PowerLost)),
            (Some(1), opinion(Opinion::Suspected)),
            (Some(2), opinion(Opinion::Failed)),
            (Some(0), life(Life::Running)),
            (Some(0), said(Event::Ready { keys: 0 })),
            (Some(1), opinion(Opinion::Ok)),
            (Some(2), opinion(Opinion::Ok)),
        ];
        for (n, (node, what)) in changes.into_iter().enumerate() {
            lanes.follow(&change(n as u64 + 1, node, what), id, &mut out);
        }
        let states: Vec<LaneState> = (out.iter())
            .filter_map(|item| match item {
                TapeItem::Lane { node: 0, state, .. } => Some(*state),
                _ => None,
            })
            .collect();
        use LaneState as S;
        assert_eq!(
            states,
            [S::Loading, S::Master, S::Down, S::Pfail, S::Fail, S::Loading, S::Fail, S::Master]
        );
        let marks = out.iter().filter(|i| matches!(i, TapeItem::Mark { mark: TapeMark::Fail, .. })).count();
        assert_eq!(marks, 1);
        assert_eq!(lanes.after(), 9);
    }

    #[test]
    fn the_row_of_faults_speaks_in_words() {
        use fault::Fault as F;
        let mut lanes = Lanes::new(vec!["A1".into()]);
        let mut out = Vec::new();
        let slow = F::DiskSlow { node: "A1".into(), factor: 10 };
        let cut = F::Cut { link: fault::Link::both("A1", "B1") };
        let changes = [
            TapeKind::Action { action: cut.lasting(1_000_000) },
            TapeKind::Action { action: slow.clone().lasting(1_000_000) },
            TapeKind::FaultOver { number: 1, fault: slow },
            TapeKind::Action {
                action: Action::FlipBits { node: "A1".into(), path: None, offset: None, bit: 0, count: 1 },
            },
            TapeKind::Action { action: Action::SyncDisk { node: "A1".into() } },
        ];
        for (n, what) in changes.into_iter().enumerate() {
            lanes.follow(&change(n as u64 + 1, None, what), id, &mut out);
        }
        let icon = |mark: &TapeMark| match mark {
            TapeMark::Other(row) => row.map_or("i-dot", |at| crate::faults::ROWS[usize::from(at)].icon),
            TapeMark::Heal => "i-check",
            _ => "another",
        };
        let told: Vec<(&str, &str)> = (out.iter())
            .filter_map(|item| match item {
                TapeItem::Mark { node: None, mark, text, .. } => Some((icon(mark), text.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(
            told,
            [
                ("i-cut", "nothing gets through between A1 and B1, for 1 s"),
                ("i-dslow", "A1's disk takes 10 times as long, for 1 s"),
                ("i-check", "it ended that A1's disk takes 10 times as long"),
                ("i-flip", "bits flip on the disk of A1"),
            ]
        );
    }
}
