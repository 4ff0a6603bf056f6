//! Whether what clients saw of one key could have come from one copy of it that does one thing at a time (linearizability), and
//! how stale the reads were where that is not promised.
//!
//! Keys are independent: a history is linearizable if that of each key is (Herlihy and Wing). For a key that is only set, each
//! time to a value of its own, and read, [`registers`] decides in n log n: a value lives at least from the first end to the last
//! beginning of what wrote or read it, and such lives must not clash (Gibbons and Korach, "Testing shared memories", 1997).
//! For deletions, counters and equal values [`any`] searches for an order, remembers which sets of operations it has tried with which
//! outcome, and gives up after a stated number of steps (Wing and Gong with Lowe's memory).
//!
//! An operation whose reply never came may have happened at any time after it was sent, or not at all. One that was
//! refused is not to be passed in.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Did {
    /// Set the key to a value.
    Set(u64),
    /// Read it: its value, or nothing.
    Get(Option<u64>),
    /// Deleted it.
    Del,
    /// Added one; what came of it, if the reply came. A key that is not there counts as 0.
    Incr(Option<u64>),
}

/// One operation on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// When it was sent, in virtual microseconds.
    pub invoke_us: u64,
    /// When its reply came; `None` if none did.
    pub complete_us: Option<u64>,
    /// What it did.
    pub did: Did,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order.
    Linearizable,
    /// There is none, and why.
    Not(String),
    /// The search was given up.
    Undecided,
}

/// From when to when a value certainly was the key's, or (if `from` is after `to`) could have been at one instant between.
#[derive(Clone, Copy, Debug)]
struct Life {
    value: Option<u64>,
    first_end: u64,
    last_begin: u64,
}

/// Checks one key that is only set to values of their own, and read. Falls back to [`any`] with `steps_max` if it is not so.
pub fn registers(ops: &[Op], steps_max: u64) -> Verdict {
    let mut writes: BTreeMap<Option<u64>, &Op> = BTreeMap::new();
    for op in ops {
        let unique = match op.did {
            Did::Set(value) => writes.insert(Some(value), op).is_none(),
            Did::Get(_) => true,
            Did::Del | Did::Incr(_) => false,
        };
        if !unique {
            return any(ops, steps_max);
        }
    }
    let mut lives: BTreeMap<Option<u64>, Life> = BTreeMap::new();
    // Before everything the key was not there.
    lives.insert(None, Life { value: None, first_end: 0, last_begin: 0 });
    for op in ops {
        let Did::Get(value) = op.did else { continue };
        let Some(end) = op.complete_us else { continue };
        if let Some(value) = value {
            let Some(write) = writes.get(&Some(value)) else {
                return Verdict::Not(format!("{value} was read at {end} µs and never written"));
            };
            if end < write.invoke_us {
                let begun = write.invoke_us;
                return Verdict::Not(format!("{value} was read at {end} µs and written from {begun} µs on"));
            }
        }
        let life = lives.entry(value).or_insert(Life { value, first_end: u64::MAX, last_begin: 0 });
        life.first_end = life.first_end.min(end);
        life.last_begin = life.last_begin.max(op.invoke_us);
    }
    for (&value, write) in &writes {
        if !lives.contains_key(&value) && write.complete_us.is_none() {
            // Nobody saw it: it need not have happened.
            continue;
        }
        let life = lives.entry(value).or_insert(Life { value, first_end: u64::MAX, last_begin: 0 });
        life.first_end = life.first_end.min(write.complete_us.unwrap_or(u64::MAX));
        life.last_begin = life.last_begin.max(write.invoke_us);
    }
    let name = |value: Option<u64>| value.map_or("nothing".to_string(), |value| value.to_string());
    let (mut spans, points): (Vec<Life>, Vec<Life>) =
        lives.into_values().partition(|life| life.first_end < life.last_begin);
    spans.sort_by_key(|life| (life.first_end, life.last_begin));
    for pair in spans.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if b.first_end < a.last_begin {
            return Verdict::Not(format!(
                "{} was the value from {} to {} µs and {} from {} to {} µs",
                name(a.value),
                a.first_end,
                a.last_begin,
                name(b.value),
                b.first_end,
                b.last_begin
            ));
        }
    }
    for point in points {
        // Spans do not overlap: only the last that begins before the point can hold it.
        let index = spans.partition_point(|span| span.first_end < point.last_begin);
        if let Some(span) = index.checked_sub(1).map(|last| spans[last])
            && point.first_end < span.last_begin
        {
            return Verdict::Not(format!(
                "{} was the value some time from {} to {} µs, in which {} was",
                name(point.value),
                point.last_begin,
                point.first_end,
                name(span.value)
            ));
        }
    }
    Verdict::Linearizable
}

/// The value after an operation, if the operation can have been next; `None` if it cannot.
fn step(value: Option<u64>, did: &Did) -> Option<Option<u64>> {
    match did {
        Did::Set(new) => Some(Some(*new)),
        Did::Get(seen) => (*seen == value).then_some(value),
        Did::Del => Some(None),
        Did::Incr(result) => {
            let new = value.unwrap_or(0).wrapping_add(1);
            result.is_none_or(|result| result == new).then_some(Some(new))
        }
    }
}

/// Checks one key, whatever was done to it. Gives up after `steps_max` steps; each needs memory of the order of a bit an operation.
pub fn any(ops: &[Op], steps_max: u64) -> Verdict {
    // A read without a reply tells nothing.
    let ops: Vec<&Op> =
        ops.iter().filter(|op| op.complete_us.is_some() || !matches!(op.did, Did::Get(_))).collect();
    // Calls and returns in order of time; at one instant calls come first. Entry 0 is the head of a linked list.
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        events.push((op.invoke_us, false, index));
        events.push((op.complete_us.unwrap_or(u64::MAX), true, index));
    }
    events.sort_unstable();
    let count = events.len();
    let mut next: Vec<usize> = (1..=count + 1).collect();
    let mut prev: Vec<usize> = (0..=count + 1).map(|at| at.saturating_sub(1)).collect();
    let mut return_of = vec![0; ops.len()];
    for (at, &(_, is_return, op)) in events.iter().enumerate() {
        if is_return {
            return_of[op] = at + 1;
        }
    }
    let mut left = ops.iter().filter(|op| op.complete_us.is_some()).count();
    let mut taken = vec![0u64; ops.len().div_ceil(64)];
    let mut tried: BTreeSet<(Vec<u64>, Option<u64>)> = BTreeSet::new();
    let mut stack: Vec<(usize, Option<u64>)> = Vec::new();
    let (mut value, mut at, mut steps) = (None, next[0], 0);
    let mut furthest = None;
    while left > 0 {
        steps += 1;
        if steps > steps_max {
            return Verdict::Undecided;
        }
        let (when, is_return, op) = events[at - 1];
        if !is_return {
            if let Some(after) = step(value, &ops[op].did) {
                taken[op / 64] |= 1 << (op % 64);
                if tried.insert((taken.clone(), after)) {
                    stack.push((at, value));
                    value = after;
                    left -= usize::from(ops[op].complete_us.is_some());
                    for entry in [at, return_of[op]] {
                        next[prev[entry]] = next[entry];
                        prev[next[entry]] = prev[entry];
                    }
                    at = next[0];
                    continue;
                }
                taken[op / 64] &= !(1 << (op % 64));
            }
            at = next[at];
            continue;
        }
        if furthest.is_none_or(|(before, _)| when > before) {
            furthest = Some((when, op));
        }
        // This operation must have happened by now, and cannot in this order.
        let Some((call, before)) = stack.pop() else {
            let op = furthest.map_or(op, |(_, op)| op);
            return Verdict::Not(format!(
                "no order explains {:?}, sent at {} µs and answered at {} µs",
                ops[op].did,
                ops[op].invoke_us,
                ops[op].complete_us.unwrap_or(u64::MAX)
            ));
        };
        let (_, _, undone) = events[call - 1];
        value = before;
        taken[undone / 64] &= !(1 << (undone % 64));
        left += usize::from(ops[undone].complete_us.is_some());
        for entry in [return_of[undone], call] {
            next[prev[entry]] = entry;
            prev[next[entry]] = entry;
        }
        at = next[call];
    }
    Verdict::Linearizable
}

/// How stale reads were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staleness {
    /// How many reads there were.
    pub reads: u64,
    /// How many gave a value that a write which had ended before the read began had replaced.
    pub stale: u64,
    /// For how long the worst of them had been out of date when it began, in microseconds.
    pub worst_us: u64,
}

impl Staleness {
    /// Adds what was counted of other reads.
    pub fn add(&mut self, other: Staleness) {
        self.reads += other.reads;
        self.stale += other.stale;
        self.worst_us = self.worst_us.max(other.worst_us);
    }
}

/// Counts the stale ones among the reads of one key that is only set to values of their own, and read.
pub fn staleness(ops: &[Op]) -> Staleness {
    let mut writes: Vec<(u64, u64)> = Vec::new();
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for op in ops {
        if let Did::Set(value) = op.did {
            let end = op.complete_us.unwrap_or(u64::MAX);
            writes.push((op.invoke_us, end));
            ends.insert(value, end);
        }
    }
    writes.sort_unstable();
    // The earliest end of this write and all that began later.
    let mut earliest = vec![u64::MAX; writes.len() + 1];
    for at in (0..writes.len()).rev() {
        earliest[at] = earliest[at + 1].min(writes[at].1);
    }
    let mut found = Staleness::default();
    for op in ops {
        let (Did::Get(value), Some(_)) = (&op.did, op.complete_us) else { continue };
        found.reads += 1;
        // What the read gave had certainly been written by then; nothing at all was there before everything.
        let written = value.map_or(Some(0), |value| ends.get(&value).copied());
        let Some(written) = written else { continue };
        let later = match value {
            None => 0,
            Some(_) => writes.partition_point(|write| write.0 <= written),
        };
        let replaced = earliest[later];
        if replaced < op.invoke_us {
            found.stale += 1;
            found.worst_us = found.worst_us.max(op.invoke_us - replaced);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn op(invoke_us: u64, complete_us: u64, did: Did) -> Op {
        Op { invoke_us, complete_us: (complete_us != 0).then_some(complete_us), did }
    }

    fn both(ops: &[Op]) -> bool {
        let (fast, slow) = (registers(ops, u64::MAX), any(ops, u64::MAX));
        assert_eq!(
            fast == Verdict::Linearizable,
            slow == Verdict::Linearizable,
            "{ops:?}: {fast:?}, {slow:?}"
        );
        fast == Verdict::Linearizable
    }

    #[test]
    fn what_one_copy_can_have_done() {
        use Did::*;
        assert!(both(&[]));
        assert!(both(&[op(1, 2, Set(1)), op(3, 4, Get(Some(1)))]));
        assert!(both(&[op(1, 10, Set(1)), op(2, 3, Get(Some(1))), op(4, 5, Get(Some(1)))]));
        assert!(both(&[op(1, 10, Set(1)), op(2, 3, Get(None)), op(4, 5, Get(Some(1)))]));
        assert!(both(&[op(1, 0, Set(1)), op(20, 30, Get(None)), op(40, 50, Get(Some(1)))]), "it came late");
        assert!(!both(&[op(1, 2, Set(1)), op(3, 4, Get(None))]), "a stale read");
        assert!(!both(&[op(1, 10, Set(1)), op(2, 3, Get(Some(1))), op(4, 5, Get(None))]), "back in time");
        assert!(!both(&[op(5, 6, Set(1)), op(1, 2, Get(Some(1)))]), "from the future");
        assert!(!both(&[op(1, 2, Get(Some(7)))]), "from nowhere");
        let lost = [op(1, 2, Set(1)), op(3, 4, Set(2)), op(5, 6, Get(Some(1)))];
        assert!(!both(&lost), "a lost write");
        let torn = [op(1, 10, Set(1)), op(1, 10, Set(2)), op(11, 12, Get(Some(1))), op(13, 14, Get(Some(2)))];
        assert!(!both(&torn), "the value changed without a write");
    }

    #[test]
    fn counters_and_deletions_are_searched() {
        use Did::*;
        let yes =
            [op(1, 5, Incr(Some(1))), op(2, 6, Incr(Some(2))), op(3, 0, Incr(None)), op(7, 8, Get(Some(3)))];
        assert_eq!(registers(&yes, 1000), Verdict::Linearizable);
        let twice = [op(1, 5, Incr(Some(1))), op(6, 7, Incr(Some(1)))];
        assert!(matches!(registers(&twice, 1000), Verdict::Not(_)));
        let deleted =
            [op(1, 2, Set(1)), op(3, 4, Del), op(5, 6, Get(None)), op(7, 8, Set(1)), op(9, 9, Get(Some(1)))];
        assert_eq!(registers(&deleted, 1000), Verdict::Linearizable);
        assert_eq!(any(&deleted, 3), Verdict::Undecided);
    }

    /// Random histories of a register that is now and then read wrongly: the fast way and the search agree.
    #[test]
    fn the_fast_way_agrees_with_the_search() {
        let mut rng = Rng::new(1);
        let (mut yes, mut no) = (0, 0);
        for _ in 0..3000 {
            let mut value = None;
            let mut ops = Vec::new();
            for n in 0..3 + rng.below(6) {
                // The operation takes effect at its instant; its ends lie around it.
                let at = 10 + n * 10;
                let (early, late) = (rng.below(25).min(at - 1), rng.below(25));
                let did = if rng.below(2) == 0 {
                    value = Some(n);
                    Did::Set(n)
                } else if rng.below(4) == 0 {
                    Did::Get(n.checked_sub(1 + rng.below(3)))
                } else {
                    Did::Get(value)
                };
                let answered = rng.below(8) != 0;
                ops.push(Op { invoke_us: at - early, complete_us: answered.then_some(at + late), did });
            }
            if both(&ops) { yes += 1 } else { no += 1 }
        }
        assert!(yes > 500 && no > 500, "{yes} {no}");
    }

    #[test]
    fn stale_reads_are_counted() {
        use Did::*;
        let ops = [
            op(1, 2, Set(1)),
            op(10, 12, Set(2)),
            op(11, 15, Get(Some(1))),
            op(20, 21, Get(Some(1))),
            op(22, 23, Get(Some(2))),
            op(40, 41, Get(None)),
        ];
        assert_eq!(staleness(&ops), Staleness { reads: 4, stale: 2, worst_us: 38 });
    }

    #[test]
    fn a_hundred_thousand_operations_are_no_trouble() {
        let ops: Vec<Op> = (0..100_000)
            .map(|n| {
                op(n * 10 + 1, n * 10 + 15, if n % 2 == 0 { Did::Set(n) } else { Did::Get(Some(n - 1)) })
            })
            .collect();
        assert_eq!(registers(&ops, 0), Verdict::Linearizable);
    }
}
