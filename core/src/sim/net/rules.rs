//! What the active faults do to the paths of the network.
//!
//! A fault of one direction of one link, of all paths of a host, or of all paths at all is one rule; a path suffers what every rule that
//! concerns it says. Rules are asked for each segment: there are as many as there are faults, which is few, where paths are the square
//! of the hosts.

use crate::rng::Rng;
use crate::sim::fault::Delay;
use crate::sim::net::Net;
use crate::sim::queue::{Ev, Sched};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// How many paths a view shows.
pub const PATHS_MAX: usize = 10_000;

const MILLION: u64 = 1_000_000;

/// What a rule does to a segment.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Cut,
    Hold,
    Loss(u32),
    Delay(Delay),
    Bandwidth(u64),
    Duplicate(u32),
    Late {
        ppm: u32,
        by_us: u64,
    },
    /// The group of each host, 0 for none. With `one_way` earlier groups reach later ones.
    Parted {
        group: Rc<Vec<u16>>,
        one_way: bool,
    },
}

/// A rule for one path, or for many: `None` is any host.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub from: Option<u32>,
    pub to: Option<u32>,
    pub effect: Effect,
}

impl Rule {
    fn concerns(&self, from: u32, to: u32) -> bool {
        self.from.is_none_or(|f| f == from) && self.to.is_none_or(|t| t == to)
    }

    /// Whether it stops everything on a path that it concerns.
    fn stops(&self, from: u32, to: u32) -> bool {
        match &self.effect {
            Effect::Cut | Effect::Hold => true,
            Effect::Loss(ppm) => u64::from(*ppm) >= MILLION,
            Effect::Parted { group, one_way } => {
                let of = |host: u32| group.get(host as usize).copied().unwrap_or(0);
                let (a, b) = (of(from), of(to));
                a != 0 && b != 0 && if *one_way { a > b } else { a != b }
            }
            _ => false,
        }
    }
}

/// What is wrong with one path (one direction of a link), partitions aside. The default is a path with nothing wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathState {
    /// Nothing gets through.
    pub cut: bool,
    /// What is on its way is held back.
    pub held: bool,
    /// How many of a million segments are lost (and come later, by retransmission).
    pub loss_ppm: u32,
    /// How much longer segments take, all of these together.
    pub delays: Vec<Delay>,
    /// What the path carries in a second, in bytes.
    pub bandwidth_bytes_per_s: Option<u64>,
    /// How many of a million segments arrive twice.
    pub duplicate_ppm: u32,
    /// How many of a million segments are overtaken.
    pub late_ppm: u32,
}

/// What is left of both when each takes its part.
fn together(a: u32, b: u32) -> u32 {
    let (a, b) = (u64::from(a).min(MILLION), u64::from(b).min(MILLION));
    (a + b - a * b / MILLION) as u32
}

fn happens(rng: &mut Rng, ppm: u32) -> bool {
    ppm > 0 && rng.below(MILLION) < u64::from(ppm)
}

/// What became of a segment on a path with rules.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    pub lost: bool,
    pub later_us: u64,
    pub twice: bool,
}

impl Net {
    /// Puts other rules in force.
    pub fn set_rules(&mut self, s: &mut Sched, rules: Vec<Rule>) {
        let held = self.held_back();
        self.rules = rules;
        if !self.rules.iter().any(|r| matches!(r.effect, Effect::Bandwidth(_))) {
            self.wire_free_us.clear();
        }
        self.paths_changed(s);
        for (conn, dir, from, to) in held {
            if self.open(from, to) {
                self.let_go(s, conn, dir);
            }
        }
    }

    pub(super) fn rules_open(&self, from: u32, to: u32) -> bool {
        !self.rules.iter().any(|r| r.concerns(from, to) && r.stops(from, to))
    }

    /// Whether what goes from host to host is held back, and by nothing but that.
    pub(crate) fn only_held(&self, from: u32, to: u32) -> bool {
        let mut stopping = self.rules.iter().filter(|r| r.concerns(from, to) && r.stops(from, to)).peekable();
        stopping.peek().is_some() && stopping.all(|r| matches!(r.effect, Effect::Hold))
    }

    /// What the rules make of one segment that leaves now.
    pub(crate) fn fate(&self, rng: &mut Rng, from: u32, to: u32) -> Fate {
        let mut fate = Fate::default();
        if self.plain || from == to {
            return fate;
        }
        for rule in self.rules.iter().filter(|r| r.concerns(from, to)) {
            match rule.effect {
                Effect::Loss(ppm) if u64::from(ppm) < MILLION => fate.lost |= happens(rng, ppm),
                Effect::Duplicate(ppm) => fate.twice |= happens(rng, ppm),
                Effect::Late { ppm, by_us } if happens(rng, ppm) => fate.later_us += by_us,
                _ => {}
            }
        }
        fate
    }

    /// Whether one segment is lost on its way.
    pub(crate) fn loses(&self, rng: &mut Rng, from: u32, to: u32) -> bool {
        let losses = |rule: &Rule| match rule.effect {
            Effect::Loss(ppm) if rule.concerns(from, to) && u64::from(ppm) < MILLION => Some(ppm),
            _ => None,
        };
        !self.plain && from != to && self.rules.iter().filter_map(losses).any(|ppm| happens(rng, ppm))
    }

    /// How much longer than usual one segment takes.
    pub(super) fn rules_delay(&self, rng: &mut Rng, from: u32, to: u32) -> u64 {
        let mut longer = 0u64;
        for rule in self.rules.iter().filter(|r| r.concerns(from, to)) {
            if let Effect::Delay(delay) = rule.effect {
                longer += delay.draw(rng);
            }
        }
        longer
    }

    /// When a path has carried `len` bytes that get to it at `at_us`.
    pub(crate) fn carried(&mut self, at_us: u64, from: u32, to: u32, len: usize) -> u64 {
        if self.plain || from == to {
            return at_us;
        }
        let rates = self.rules.iter().filter(|r| r.concerns(from, to)).filter_map(|r| match r.effect {
            Effect::Bandwidth(rate) => Some(rate),
            _ => None,
        });
        let Some(rate) = rates.min() else { return at_us };
        let free = self.wire_free_us.entry((from, to)).or_default();
        *free = (*free).max(at_us) + (len as u64).saturating_mul(MILLION) / rate.max(1);
        *free
    }

    /// Paths with something wrong but partitions, up to [`PATHS_MAX`].
    pub fn paths(&self) -> Vec<(u32, u32, PathState)> {
        let mut paths = std::collections::BTreeMap::new();
        let count = self.hosts.len() as u32;
        let all = |host: Option<u32>| host.map_or(0..count, |h| h..h + 1);
        for rule in &self.rules {
            if matches!(rule.effect, Effect::Parted { .. }) {
                continue;
            }
            for from in all(rule.from) {
                for to in all(rule.to).filter(|&to| to != from) {
                    if paths.len() < PATHS_MAX || paths.contains_key(&(from, to)) {
                        rule.tell(paths.entry((from, to)).or_default());
                    }
                }
                if paths.len() >= PATHS_MAX && rule.from.is_none() && rule.to.is_none() {
                    break;
                }
            }
        }
        paths.into_iter().map(|((from, to), state)| (from, to, state)).collect()
    }

    /// A segment that was held back, or the SYN of a connection, goes on its way.
    fn let_go(&mut self, s: &mut Sched, conn: crate::sim::queue::ConnRef, dir: Option<u8>) {
        match dir {
            Some(dir) => self.retry_now(s, conn, dir),
            None => s.after(0, Ev::Syn { conn }),
        }
    }
}

impl Rule {
    fn tell(&self, path: &mut PathState) {
        match self.effect {
            Effect::Cut => path.cut = true,
            Effect::Hold => path.held = true,
            Effect::Loss(ppm) => path.loss_ppm = together(path.loss_ppm, ppm),
            Effect::Delay(delay) => path.delays.push(delay),
            Effect::Bandwidth(rate) => {
                let least = path.bandwidth_bytes_per_s.map_or(rate, |r| r.min(rate));
                path.bandwidth_bytes_per_s = Some(least);
            }
            Effect::Duplicate(ppm) => path.duplicate_ppm = together(path.duplicate_ppm, ppm),
            Effect::Late { ppm, .. } => path.late_ppm = together(path.late_ppm, ppm),
            Effect::Parted { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::net::NetSetup;

    fn net() -> (Sched, Net) {
        let mut net = Net::new(NetSetup::default());
        for host in 0..4 {
            net.add_host(format!("h{host}"), format!("10.0.0.{host}"));
        }
        (Sched::new(1), net)
    }

    fn rule(from: Option<u32>, to: Option<u32>, effect: Effect) -> Rule {
        Rule { from, to, effect }
    }

    #[test]
    fn one_direction_many_and_all() {
        let (mut s, mut net) = net();
        net.set_rules(&mut s, vec![rule(Some(0), Some(1), Effect::Cut)]);
        assert!(!net.open(0, 1) && net.open(1, 0) && net.open(0, 2));
        net.set_rules(&mut s, vec![rule(None, Some(2), Effect::Hold)]);
        assert!(!net.open(0, 2) && !net.open(3, 2) && net.open(2, 0) && net.open(2, 2));
        net.set_rules(&mut s, vec![rule(None, None, Effect::Loss(1_000_000))]);
        assert!(!net.open(3, 0) && net.open(3, 3), "all is lost but what stays on the host");
        assert_eq!(net.paths().len(), 12);
    }

    #[test]
    fn sides_cannot_reach_each_other_and_bridges_reach_both() {
        let (mut s, mut net) = net();
        let group = Rc::new(vec![1, 2, 0, 2]);
        let parted = |one_way| rule(None, None, Effect::Parted { group: group.clone(), one_way });
        net.set_rules(&mut s, vec![parted(false)]);
        assert!(!net.open(0, 1) && !net.open(1, 0) && net.open(1, 3));
        assert!(net.open(0, 2) && net.open(2, 3));
        net.set_rules(&mut s, vec![parted(true)]);
        assert!(net.open(0, 1) && !net.open(1, 0));
        net.add_host("late".into(), "10.0.0.9".into());
        assert!(net.open(4, 0) && net.open(1, 4), "who comes later is on no side");
    }

    #[test]
    fn rules_add_up() {
        let (mut s, mut net) = net();
        let mut rules = vec![rule(Some(0), Some(1), Effect::Loss(500_000)); 2];
        rules.extend([1000, 300].map(|rate| rule(Some(0), None, Effect::Bandwidth(rate))));
        rules.extend([5, 7].map(|us| rule(None, Some(1), Effect::Delay(Delay::Fixed { us }))));
        net.set_rules(&mut s, rules);
        let lost = (0..10_000).filter(|_| net.fate(&mut s.rng, 0, 1).lost).count();
        assert!((7_350..7_650).contains(&lost), "{lost}");
        assert_eq!(net.rules_delay(&mut s.rng, 0, 1), 12);
        assert_eq!(net.carried(10, 0, 1, 600), 2_000_010);
        assert_eq!(net.carried(20, 0, 1, 300), 3_000_010, "it waits for what is before it");
        assert_eq!(net.carried(20, 0, 2, 300), 1_000_020, "another path does not");
        let paths = net.paths();
        let (_, _, path) = paths.iter().find(|p| (p.0, p.1) == (0, 1)).unwrap();
        assert_eq!((path.loss_ppm, path.bandwidth_bytes_per_s), (750_000, Some(300)));
    }
}
