//! How long clients have waited for what each node answered, lately.
//!
//! A workload's figures are those of all its nodes together; a node that is slow, or behind a slow link, does not show in them where it is
//! one of hundreds. What is kept for a node is two histograms that take turns: one is filled while the other still tells.

use crate::sim::client::Kind;
use crate::sim::histogram::Histogram;
use crate::sim::world::World;
use std::rc::Rc;

/// After so long the histogram that is filled becomes the one that tells, in virtual microseconds.
const TURN_US: u64 = 5_000_000;

#[derive(Clone, Debug, Default)]
struct Recent {
    /// Which stretch of [`TURN_US`] `now` is of.
    turn: u64,
    now: Histogram,
    before: Histogram,
}

/// The latencies of one workload, by the number of the node that gave the answer. Shared with checkpoints until a node answers again.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Vec<Option<Rc<Recent>>>);

impl Answers {
    /// A node has answered an operation, so long after it was sent there.
    pub fn note(&mut self, node: u16, latency_us: u64, now_us: u64) {
        let (at, turn) = (usize::from(node), now_us / TURN_US);
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        let recent = Rc::make_mut(self.0[at].get_or_insert_default());
        if recent.turn != turn {
            let last = std::mem::take(&mut recent.now);
            recent.before = if recent.turn + 1 == turn { last } else { Histogram::default() };
            recent.turn = turn;
        }
        recent.now.record(latency_us);
    }

    fn add_to(&self, node: u16, now_us: u64, sum: &mut Histogram) {
        let Some(Some(recent)) = self.0.get(usize::from(node)) else { return };
        match (now_us / TURN_US).saturating_sub(recent.turn) {
            0 => {
                sum.add(&recent.before);
                sum.add(&recent.now);
            }
            1 => sum.add(&recent.now),
            _ => {}
        }
    }
}

impl World {
    /// How long the clients of all workloads have waited, in microseconds, for each operation that a node answered in the last five to ten
    /// virtual seconds: since it was sent to that node, so that one node's delay does not show at another. Never changes the run.
    pub fn answers(&self, node: u32) -> Histogram {
        let mut sum = Histogram::default();
        let Some(process) = self.procs.get(node as usize) else { return sum };
        for client in &self.clients {
            let Kind::Load(load) = &client.kind else { continue };
            if let Some(number) = load.directory.known(&process.ip, process.port) {
                load.answers.add_to(number, self.s.now_us, &mut sum);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::{Delay, Link};
    use crate::sim::workload::{Pace, Workload};
    use crate::sim::{Fault, Setup};

    #[test]
    fn latencies_are_told_for_five_to_ten_seconds() {
        let mut answers = Answers::default();
        let count = |answers: &Answers, now_s: u64| {
            let mut sum = Histogram::default();
            answers.add_to(3, now_s * 1_000_000, &mut sum);
            sum.count()
        };
        answers.note(3, 700, 4_000_000);
        answers.note(3, 900, 6_000_000);
        assert_eq!((count(&answers, 6), count(&answers, 9)), (2, 2));
        assert_eq!((count(&answers, 10), count(&answers, 14), count(&answers, 15)), (1, 1, 0));
        answers.note(3, 800, 21_000_000);
        assert_eq!(count(&answers, 21), 1, "what is older than a turn is gone");
        let mut other = Histogram::default();
        answers.add_to(2, 21_000_000, &mut other);
        assert_eq!(other.count(), 0);
    }

    /// One node's link is slow: its answers are, and the others' are not.
    #[test]
    fn a_slow_link_shows_at_the_node_that_it_leads_to() {
        let setup = Setup::cluster(3, 3, 0, 5_000).formed();
        let mut world = World::new(setup).unwrap();
        let load = Workload { pace: Pace::Open { per_second: 500 }, ..Workload::default() };
        world.start_workload("load", load).unwrap();
        world.run_for(2_000_000);
        let slow = Fault::Latency { link: Link::both("load", "B1"), delay: Delay::Fixed { us: 40_000 } };
        world.act(slow.now()).unwrap();
        world.run_for(12_000_000);
        let p99 = |name: &str| world.answers(world.node_index(name).unwrap()).latency().p99_us;
        assert!(p99("B1") >= 40_000, "{}", p99("B1"));
        assert!(p99("A1") < 5_000 && p99("C1") < 5_000, "{} {}", p99("A1"), p99("C1"));
        assert!(world.answers(0).count() > 500);
    }
}
