//! What a node notes about its own speed, and the switches of DEBUG.
//!
//! A node has no clock of its own while a command runs, so a command takes no time unless something says that it did: the
//! table of costs, a clock that the host has lent, or DEBUG SLEEP, which stalls the node as a sleeping process would be. The slow log, the latency monitor and the histograms go
//! by that (slowlog.c, latency.c, `updateCommandLatencyHistogram` in server.c 7.0.15).

use super::Node;
use super::client::ClientId;
use crate::command::table::{self, CommandId};
use crate::event::{Event, Executed};
use litemap::LiteMap;
use std::collections::VecDeque;

/// How many arguments of a command the slow log keeps (`SLOWLOG_ENTRY_MAX_ARGC`).
const SLOWLOG_ARGS_MAX: usize = 32;
/// How many bytes of an argument (`SLOWLOG_ENTRY_MAX_STRING`).
const SLOWLOG_STRING_MAX: usize = 128;
/// How many samples an event of the latency monitor keeps (`LATENCY_TS_LEN`).
const LATENCY_SAMPLES: usize = 160;

/// An entry of the slow log.
#[derive(Clone, Debug)]
pub(crate) struct SlowEntry {
    /// Its number.
    pub id: u64,
    /// When (wall clock, seconds).
    pub time_s: i64,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// The command, shortened.
    pub args: Vec<Vec<u8>>,
    /// The client's address.
    pub peer: String,
    /// The client's name.
    pub name: Box<[u8]>,
}

/// The slow log, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slowlog {
    pub entries: VecDeque<SlowEntry>,
    next_id: u64,
}

/// Spikes of one event of the latency monitor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spikes {
    /// Instants (wall clock, seconds) and milliseconds, oldest first; one a second.
    pub samples: VecDeque<(i64, i64)>,
    /// The worst of all, in milliseconds.
    pub max_ms: i64,
}

/// How long calls of one command took: how many took up to 2^n microseconds, for each n.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// The counts by n.
    pub buckets: LiteMap<u32, u64>,
    /// All of them.
    pub calls: u64,
}

impl Histogram {
    fn record(&mut self, duration_us: i64) {
        let bucket = 64 - (duration_us.max(1) as u64 - 1).leading_zeros();
        *self.buckets.entry(bucket).or_default() += 1;
        self.calls += 1;
    }
}

/// The latency monitor and the histograms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latency {
    /// Spikes by event.
    pub events: LiteMap<&'static str, Spikes>,
    /// By the command's number; calls that took no time are left out, so that they cost nothing.
    histograms: LiteMap<usize, Histogram>,
}

impl Latency {
    /// Forgets the histograms (CONFIG RESETSTAT).
    pub fn reset_histograms(&mut self) {
        self.histograms.clear();
    }

    /// For each power of two of microseconds that matters: how many of the `calls` of a command took no longer. Calls that
    /// took no time are in no histogram; they count as the shortest.
    pub fn cumulative(&self, command: CommandId, calls: u64) -> Vec<(u64, u64)> {
        let histogram = self.histograms.get(&command.index());
        let mut seen = calls - histogram.map_or(0, |histogram| histogram.calls).min(calls);
        let mut points = if seen > 0 { vec![(1, seen)] } else { Vec::new() };
        for (bucket, count) in histogram.into_iter().flat_map(|histogram| &histogram.buckets) {
            seen += count;
            let up_to_us = 1u64 << (*bucket).min(62);
            match points.last_mut() {
                Some(last) if last.0 == up_to_us => last.1 = seen,
                _ => points.push((up_to_us, seen)),
            }
        }
        points
    }

    /// The time within which so many percent of the `calls` of a command ended, in microseconds.
    pub fn percentile_us(&self, command: CommandId, calls: u64, percent: f64) -> f64 {
        let wanted = libm::ceil(calls as f64 * percent / 100.0).max(1.0) as u64;
        let points = self.cumulative(command, calls);
        points.iter().find(|(_, seen)| *seen >= wanted).map_or(0.0, |(up_to_us, _)| *up_to_us as f64)
    }

    fn spike(&mut self, event: &'static str, now_s: i64, ms: i64) {
        let spikes = self.events.entry(event).or_default();
        spikes.max_ms = spikes.max_ms.max(ms);
        if let Some(last) = spikes.samples.back_mut()
            && last.0 == now_s
        {
            last.1 = last.1.max(ms);
            return;
        }
        if spikes.samples.len() == LATENCY_SAMPLES {
            spikes.samples.pop_front();
        }
        spikes.samples.push_back((now_s, ms));
    }
}

/// The switches of DEBUG.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DebugSwitches {
    /// PAUSE-CRON: the periodic work rests.
    pub pause_cron: bool,
    /// SET-SKIP-CHECKSUM-VALIDATION: RESTORE and RDB loading believe every checksum.
    pub skip_checksum: bool,
    /// SET-DISABLE-DENY-SCRIPTS: scripts may call what they may not.
    pub allow_all_in_scripts: bool,
}

/// What the running command or transaction has changed so far, for a host that observes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    commands: u32,
    command: &'static str,
    key: Vec<u8>,
}

impl Node {
    /// Tells the host of every change of data from now on ([`Event::Executed`], [`Event::Applied`]), or no longer. What the
    /// node does is the same either way.
    pub fn observe(&mut self, on: bool) {
        self.observed = on.then(Box::default);
    }

    /// A command of a client has changed data: notes it until all that belongs to it has run.
    pub(crate) fn note_change(&mut self, command: CommandId, args: &[&[u8]]) {
        let Some(observed) = &mut self.observed else { return };
        observed.commands += 1;
        if observed.commands == 1 {
            observed.command = command.name();
            observed.key.clear();
            if let Some(key) = table::keys_of(command, args).first() {
                observed.key.extend_from_slice(args.get(key.index).copied().unwrap_or_default());
            }
        }
    }

    /// Tells the host what a client's command or transaction has changed. What the master's stream changes is told when its
    /// bytes count.
    pub(crate) fn tell_change(&mut self, id: ClientId) {
        let Some(observed) = &mut self.observed else { return };
        let commands = std::mem::take(&mut observed.commands);
        let Some(client) = self.clients.get(&id).filter(|client| commands > 0 && !client.is_master()) else {
            return;
        };
        let executed = Executed {
            conn: client.conn.0,
            commands,
            command: observed.command.to_string(),
            key: std::mem::take(&mut observed.key),
            offset: self.repl.offset,
            aof_end: self.aof.tail_end(),
        };
        self.event(Event::Executed(executed));
    }

    /// Tells the host that a part of the master's stream has been applied.
    pub(crate) fn tell_applied(&mut self) {
        if self.observed.is_some() {
            self.event(Event::Applied { offset: self.repl.offset, aof_end: self.aof.tail_end() });
        }
    }

    /// Sleeps: nothing is done or answered until the time is over (DEBUG SLEEP).
    pub(crate) fn sleep(&mut self, duration_us: u64) {
        self.command_cost_us = self.command_cost_us.saturating_add(duration_us);
        if duration_us > 0 {
            // What this client sent after it runs when the sleep is over.
            self.resumed.extend(self.current);
            let until = self.asleep_until_us.unwrap_or(self.now.mono_us).max(self.now.mono_us);
            self.asleep_until_us = Some(until.saturating_add(duration_us));
        }
    }

    /// Notes a call that has ended, for SLOWLOG and LATENCY.
    pub(crate) fn note_duration(
        &mut self,
        id: ClientId,
        command: CommandId,
        args: &[&[u8]],
        duration_us: i64,
    ) {
        if self.config.latency_tracking && duration_us > 0 {
            self.latency.histograms.entry(command.index()).or_default().record(duration_us);
        }
        let threshold_ms = self.config.latency_monitor_threshold;
        if threshold_ms > 0 && duration_us / 1000 >= threshold_ms {
            let fast = command.has(crate::command::table::flags::FAST);
            let event = if fast { "fast-command" } else { "command" };
            self.latency.spike(event, self.now.wall_s(), duration_us / 1000);
        }
        if self.config.is_slow(duration_us)
            && !command.has(crate::command::table::flags::SKIP_SLOWLOG)
            && let Some(client) = self.clients.get(&id)
        {
            let entry = SlowEntry {
                id: self.slowlog.next_id,
                time_s: self.now.wall_s(),
                duration_us,
                args: shortened(args),
                peer: client.peer.clone(),
                name: client.name.clone(),
            };
            self.slowlog.next_id += 1;
            self.slowlog.entries.push_front(entry);
        }
        let keep = usize::try_from(self.config.slowlog_max_len).unwrap_or(usize::MAX);
        self.slowlog.entries.truncate(keep);
    }
}

/// A command as the slow log keeps it.
fn shortened(args: &[&[u8]]) -> Vec<Vec<u8>> {
    let keep = if args.len() > SLOWLOG_ARGS_MAX { SLOWLOG_ARGS_MAX - 1 } else { args.len() };
    let mut kept: Vec<Vec<u8>> = args[..keep]
        .iter()
        .map(|arg| {
            if arg.len() <= SLOWLOG_STRING_MAX {
                return arg.to_vec();
            }
            let more = arg.len() - SLOWLOG_STRING_MAX;
            [&arg[..SLOWLOG_STRING_MAX], format!("... ({more} more bytes)").as_bytes()].concat()
        })
        .collect();
    if keep < args.len() {
        kept.push(format!("... ({} more arguments)", args.len() - keep).into_bytes());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_shortened() {
        let long = [b'x'; 200];
        let args: Vec<&[u8]> = std::iter::repeat_n(&long[..], 40).collect();
        let kept = shortened(&args);
        assert_eq!(kept.len(), 32);
        assert!(kept[0].ends_with(b"x... (72 more bytes)"));
        assert_eq!(kept[31], b"... (9 more arguments)");
    }

    #[test]
    fn percentiles_come_from_buckets() {
        let get = crate::command::table::lookup(b"get").unwrap();
        let mut latency = Latency::default();
        for us in [2, 3, 1000] {
            latency.histograms.entry(get.index()).or_default().record(us);
        }
        assert_eq!(latency.cumulative(get, 5), [(1, 2), (2, 3), (4, 4), (1024, 5)]);
        assert_eq!(latency.percentile_us(get, 5, 50.0), 2.0);
        assert_eq!(latency.percentile_us(get, 5, 100.0), 1024.0);
    }
}
