//! What a workload measures, in virtual time: since its start, and over the last seconds.

use crate::sim::histogram::{Histogram, Latency};
use litemap::LiteMap;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// How many seconds the sliding window has.
pub const WINDOW_S: u64 = 10;
/// How many seconds the record of throughput goes back.
pub const SECONDS_MAX: usize = 600;
/// How many kinds of errors are told apart.
const ERROR_KINDS_MAX: usize = 64;

/// A second of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    /// Which one, in virtual seconds.
    pub at_s: u64,
    /// Operations acknowledged.
    pub ok: u32,
    /// Operations that ended otherwise.
    pub failed: u32,
    /// The longest latency of those acknowledged, in microseconds.
    pub max_us: u64,
}

/// What was measured over some time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measured {
    /// Over how long, in microseconds.
    pub over_us: u64,
    /// Operations acknowledged.
    pub ok: u64,
    /// Operations refused or given up that were not executed.
    pub errors: u64,
    /// Operations of which nobody can say whether they were executed.
    pub unknown: u64,
    /// Acknowledged operations a second.
    pub per_second: f64,
    /// Of acknowledged operations.
    pub latency: Latency,
}

/// The figures of a workload, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkloadStats {
    /// Its name; empty for all together.
    pub name: String,
    /// Whether it goes on.
    pub running: bool,
    /// When it was started, in virtual microseconds.
    pub started_us: u64,
    /// Operations begun.
    pub begun: u64,
    /// Operations under way.
    pub pending: u64,
    /// Since it was started.
    pub run: Measured,
    /// Over the last [`WINDOW_S`] seconds.
    pub window: Measured,
    /// Reads alone, since it was started.
    pub reads: Latency,
    /// Writes alone, since it was started.
    pub writes: Latency,
    /// Operations that were not acknowledged, by kind.
    pub errors: BTreeMap<String, u64>,
    /// Errors that were answered by another try, by kind: MOVED, ASK, TRYAGAIN, LOADING, closed …
    pub retried: BTreeMap<String, u64>,
    /// Maps of slots that were fetched.
    pub map_refreshes: u64,
    /// Connections that were made, or begun.
    pub connections: u64,
    /// Messages that subscribers heard.
    pub messages: u64,
    /// The last seconds, oldest first.
    pub seconds: Vec<Second>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    at_s: u64,
    ok: u64,
    errors: u64,
    unknown: u64,
    latency: Histogram,
}

/// How an operation ended, to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok { write: bool },
    Error,
    Unknown,
}

/// Counters as they grow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    pub started_us: u64,
    /// When it ended; until then its time goes on.
    pub ended_us: Option<u64>,
    pub begun: u64,
    pub map_refreshes: u64,
    pub connections: u64,
    pub messages: u64,
    ok: u64,
    failed: u64,
    unknown: u64,
    reads: Histogram,
    writes: Histogram,
    errors: LiteMap<Rc<str>, u64>,
    retried: LiteMap<Rc<str>, u64>,
    window: Vec<Slot>,
    seconds: VecDeque<Second>,
}

fn count(kinds: &mut LiteMap<Rc<str>, u64>, kind: &str) {
    if let Some(count) = kinds.get_mut(kind) {
        *count += 1;
    } else if kinds.len() < ERROR_KINDS_MAX {
        kinds.insert(kind.into(), 1);
    }
}

impl Meter {
    pub fn new(now_us: u64) -> Meter {
        Meter { started_us: now_us, window: vec![Slot::default(); WINDOW_S as usize], ..Meter::default() }
    }

    pub fn retried(&mut self, kind: &str) {
        count(&mut self.retried, kind);
    }

    pub fn ended(&mut self, now_us: u64, latency_us: u64, end: End, kind: &str) {
        let at_s = now_us / 1_000_000;
        if self.seconds.back().is_none_or(|last| last.at_s != at_s) {
            if self.seconds.len() == SECONDS_MAX {
                self.seconds.pop_front();
            }
            self.seconds.push_back(Second { at_s, ..Second::default() });
        }
        let slot = &mut self.window[(at_s % WINDOW_S) as usize];
        if slot.at_s != at_s {
            *slot = Slot { at_s, latency: std::mem::take(&mut slot.latency), ..Slot::default() };
            slot.latency.clear();
        }
        let Some(second) = self.seconds.back_mut() else { return };
        match end {
            End::Ok { write } => {
                self.ok += 1;
                slot.ok += 1;
                second.ok = second.ok.saturating_add(1);
                second.max_us = second.max_us.max(latency_us);
                slot.latency.record(latency_us);
                if write { self.writes.record(latency_us) } else { self.reads.record(latency_us) }
            }
            End::Error => {
                self.failed += 1;
                slot.errors += 1;
                second.failed = second.failed.saturating_add(1);
                count(&mut self.errors, kind);
            }
            End::Unknown => {
                self.unknown += 1;
                slot.unknown += 1;
                second.failed = second.failed.saturating_add(1);
                count(&mut self.errors, kind);
            }
        }
    }

    /// Adds what was measured in one of the last seconds to a total: its histogram, and the counts there.
    pub fn add_second(&self, at_s: u64, latency: &mut Histogram, total: &mut Measured) {
        if let Some(slot) = self.window.get((at_s % WINDOW_S) as usize).filter(|slot| slot.at_s == at_s) {
            latency.add(&slot.latency);
            total.ok += slot.ok;
            total.errors += slot.errors;
            total.unknown += slot.unknown;
        }
    }

    /// Adds the figures of another workload, for the total of all.
    pub fn add(&mut self, other: &Meter) {
        self.started_us = self.started_us.min(other.started_us);
        self.begun += other.begun;
        self.map_refreshes += other.map_refreshes;
        self.connections += other.connections;
        self.messages += other.messages;
        self.ok += other.ok;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.reads.add(&other.reads);
        self.writes.add(&other.writes);
        for (mine, theirs) in [(&mut self.errors, &other.errors), (&mut self.retried, &other.retried)] {
            for (kind, count) in theirs {
                *mine.entry(Rc::clone(kind)).or_default() += count;
            }
        }
        for (mine, theirs) in self.window.iter_mut().zip(&other.window) {
            if theirs.at_s > mine.at_s {
                *mine = theirs.clone();
            } else if theirs.at_s == mine.at_s {
                mine.ok += theirs.ok;
                mine.errors += theirs.errors;
                mine.unknown += theirs.unknown;
                mine.latency.add(&theirs.latency);
            }
        }
        let mut by_second: LiteMap<u64, Second> = self.seconds.iter().map(|s| (s.at_s, *s)).collect();
        for second in &other.seconds {
            let mine =
                by_second.entry(second.at_s).or_insert(Second { at_s: second.at_s, ..Second::default() });
            mine.ok = mine.ok.saturating_add(second.ok);
            mine.failed = mine.failed.saturating_add(second.failed);
            mine.max_us = mine.max_us.max(second.max_us);
        }
        let skip = by_second.len().saturating_sub(SECONDS_MAX);
        self.seconds = by_second.into_iter().map(|(_, second)| second).skip(skip).collect();
    }

    pub fn stats(&self, now_us: u64, name: &str, running: bool, pending: u64) -> WorkloadStats {
        // The run is over when it ended; the window goes on, and is empty once its length has passed since.
        let over_us = self.ended_us.unwrap_or(now_us).saturating_sub(self.started_us);
        let mut all = self.reads.clone();
        all.add(&self.writes);
        let rate = |ok: u64, over_us: u64| if over_us == 0 { 0.0 } else { ok as f64 * 1e6 / over_us as f64 };
        let mut window = Measured::default();
        let mut latency = Histogram::default();
        // The second that is not over yet is in it with what it has.
        let first_s = (now_us / 1_000_000).saturating_sub(WINDOW_S - 1);
        for slot in self.window.iter().filter(|slot| slot.at_s >= first_s) {
            window.ok += slot.ok;
            window.errors += slot.errors;
            window.unknown += slot.unknown;
            latency.add(&slot.latency);
        }
        window.over_us = now_us.saturating_sub(self.started_us.max(first_s * 1_000_000));
        window.per_second = rate(window.ok, window.over_us);
        window.latency = latency.latency();
        let words = |kinds: &LiteMap<Rc<str>, u64>| kinds.iter().map(|(k, n)| (k.to_string(), *n)).collect();
        WorkloadStats {
            name: name.to_string(),
            running,
            started_us: self.started_us,
            begun: self.begun,
            pending,
            run: Measured {
                over_us,
                ok: self.ok,
                errors: self.failed,
                unknown: self.unknown,
                per_second: rate(self.ok, over_us),
                latency: all.latency(),
            },
            window,
            reads: self.reads.latency(),
            writes: self.writes.latency(),
            errors: words(&self.errors),
            retried: words(&self.retried),
            map_refreshes: self.map_refreshes,
            connections: self.connections,
            messages: self.messages,
            seconds: self.seconds.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_the_run_does_not() {
        let mut meter = Meter::new(0);
        for second in 0..30u64 {
            for i in 0..100 {
                let end = if i == 0 { End::Error } else { End::Ok { write: i % 2 == 0 } };
                meter.ended(second * 1_000_000 + i, second * 1000, end, "LOADING");
            }
        }
        let stats = meter.stats(30_000_000, "w", true, 0);
        assert_eq!((stats.run.ok, stats.run.errors, stats.run.per_second), (2970, 30, 99.0));
        assert_eq!(stats.errors["LOADING"], 30);
        assert_eq!(stats.window.ok, 9 * 99, "the tenth second has just begun");
        assert!(stats.window.latency.p50_us > 20_000 && stats.run.latency.p50_us < 16_000);
        assert_eq!((stats.seconds.len(), stats.seconds[29].ok), (30, 99));
        let mut total = Meter::new(0);
        total.add(&meter);
        total.add(&meter);
        assert_eq!(total.stats(30_000_000, "", true, 0).window.ok, 2 * 9 * 99);
    }

    #[test]
    fn ten_seconds_after_its_end_a_workload_has_a_run_and_nothing_in_its_window() {
        let mut meter = Meter::new(0);
        for i in 0..1000 {
            meter.ended(i * 2000, 500, End::Ok { write: true }, "");
        }
        meter.ended_us = Some(2_000_000);
        let soon = meter.stats(4_000_000, "w", false, 0);
        assert_eq!(
            (soon.window.per_second, soon.run.per_second),
            (250.0, 500.0),
            "half of the time it stood"
        );
        let late = meter.stats(32_000_000, "w", false, 0);
        assert_eq!((late.window.ok, late.window.per_second, late.window.latency.count), (0, 0.0, 0));
        assert_eq!((late.run.over_us, late.run.per_second), (2_000_000, 500.0));
    }
}
