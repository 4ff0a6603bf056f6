//! What work costs: how long a processor takes for what a node does.
//!
//! A node measures nothing, for it has no clock. It counts what it does (commands, bytes, keys, messages), and where a host has
//! given it a table of costs the count is also a time: the node's own clock moves on by it while a turn goes on, so that the slow
//! log, LATENCY and INFO show what they would show on such a machine, and the host learns how long the turn was
//! ([`crate::node::Node::take_cpu_us`]) and gives the node nothing more before that has passed. Without a table (the native host, most unit
//! tests) everything takes no time at all; the native host lends a clock instead ([`crate::host::Stopwatch`]), which changes nothing
//! but what the node tells of its commands.
//!
//! The defaults of [`CpuCosts`] are redis-server 7.0.15 on one core of the machine that this was written on, from its own
//! `used_cpu_user` + `used_cpu_sys` and `usec` of INFO:
//!
//! | what | how | found |
//! | --- | --- | --- |
//! | a command alone | `redis-benchmark -t set,get -n 200000 -r 100000 -c 50 -d 3 -P 1`, CPU time by requests | 5.5 µs |
//! | a command in a pipeline | the same with `-P 128` (and `-P 16`) | 0.8 µs (1.1 µs) |
//! | an element of a reply | `LRANGE l 0 -1` of 100,000 elements of 10 bytes | 38 ns |
//! | an element worked on | `SORT`, `SUNIONSTORE`, `ZUNIONSTORE` of 100,000 | 480 to 790 ns |
//! | an element freed, a key freed | `DEL` of such a set, `FLUSHALL` of 1,000,000 keys | 75 ns, 61 ns |
//! | a key passed by | `KEYS nomatch*` over 1,000,000 keys | 18 ns |
//! | a key saved | `SAVE` of 1,000,000 keys of 32 bytes (32 MB) | 0.78 s |
//! | a key loaded | `DEBUG RELOAD NOSAVE` of the same | 0.39 s |
//! | a fork | `latest_fork_usec` after `BGSAVE` with 120 MB and 240 MB in memory | 3.2 ms, 6.0 ms |
//! | a bus message | 16 nodes with `cluster-node-timeout 600`: CPU time above idle by messages sent and received | 14 µs |

use serde::{Deserialize, Serialize};

/// What each kind of work costs, in nanoseconds of a processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuCosts {
    /// One run of the periodic work (`serverCron`).
    pub cron_ns: u64,
    /// Accepting a connection.
    pub accept_ns: u64,
    /// Reading from a connection: the event loop's round and the system call.
    pub read_ns: u64,
    /// Writing to a connection.
    pub write_ns: u64,
    /// A command, whatever it does.
    pub command_ns: u64,
    /// Each of its arguments, its name included.
    pub argument_ns: u64,
    /// A byte received from a client or from a master.
    pub input_byte_ns: u64,
    /// A byte of a reply.
    pub reply_byte_ns: u64,
    /// An element that a command works on (sorts, merges, frees).
    pub element_ns: u64,
    /// An element of a value that is freed, or a key with a flushed database.
    pub freed_ns: u64,
    /// A key that a command only passes by (KEYS).
    pub scanned_key_ns: u64,
    /// Handing what was gathered for the append-only file to the kernel.
    pub aof_write_ns: u64,
    /// A byte of it.
    pub aof_byte_ns: u64,
    /// A key encoded into an RDB file by SAVE. A child that does so keeps nobody waiting; its time passes in the background.
    pub saved_key_ns: u64,
    /// A byte of that file.
    pub saved_byte_ns: u64,
    /// A key loaded from an RDB file.
    pub loaded_key_ns: u64,
    /// A byte read from a file while loading.
    pub loaded_byte_ns: u64,
    /// The fork of a child for a snapshot or a rewrite.
    pub fork_ns: u64,
    /// Each page of 4 KiB of memory in use at the fork: the kernel copies the table of pages.
    pub fork_page_ns: u64,
    /// A message of the cluster bus received.
    pub bus_received_ns: u64,
    /// A message of the cluster bus sent.
    pub bus_sent_ns: u64,
    /// A gossip entry in either.
    pub gossip_entry_ns: u64,
}

impl Default for CpuCosts {
    fn default() -> Self {
        CpuCosts {
            cron_ns: 60_000,
            accept_ns: 15_000,
            read_ns: 2_000,
            write_ns: 2_700,
            command_ns: 500,
            argument_ns: 60,
            input_byte_ns: 1,
            reply_byte_ns: 2,
            element_ns: 500,
            freed_ns: 65,
            scanned_key_ns: 18,
            aof_write_ns: 3_000,
            aof_byte_ns: 1,
            saved_key_ns: 650,
            saved_byte_ns: 4,
            loaded_key_ns: 320,
            loaded_byte_ns: 2,
            fork_ns: 250_000,
            fork_page_ns: 100,
            bus_received_ns: 7_000,
            bus_sent_ns: 4_000,
            gossip_entry_ns: 100,
        }
    }
}

/// Kinds of work, in the order of the fields of [`CpuCosts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Work {
    /// Runs of the periodic work.
    Crons,
    /// Connections accepted.
    Accepts,
    /// Reads from connections.
    Reads,
    /// Writes to connections.
    Writes,
    /// Commands executed.
    Commands,
    /// Their arguments.
    Arguments,
    /// Bytes received on client connections.
    InputBytes,
    /// Bytes of replies.
    ReplyBytes,
    /// Elements worked on.
    Elements,
    /// Elements and keys freed.
    Freed,
    /// Keys passed by.
    ScannedKeys,
    /// Writes to the append-only file.
    AofWrites,
    /// Bytes of them.
    AofBytes,
    /// Keys saved.
    SavedKeys,
    /// Bytes of RDB files saved.
    SavedBytes,
    /// Keys loaded.
    LoadedKeys,
    /// Bytes read while loading.
    LoadedBytes,
    /// Forks.
    Forks,
    /// Pages of memory at the forks.
    ForkPages,
    /// Bus messages received.
    BusReceived,
    /// Bus messages sent.
    BusSent,
    /// Gossip entries received and sent.
    GossipEntries,
}

/// How many kinds of work there are.
pub const WORK_KINDS: usize = Work::GossipEntries as usize + 1;

impl CpuCosts {
    /// The costs by kind of work.
    pub fn table(&self) -> [u64; WORK_KINDS] {
        [
            self.cron_ns,
            self.accept_ns,
            self.read_ns,
            self.write_ns,
            self.command_ns,
            self.argument_ns,
            self.input_byte_ns,
            self.reply_byte_ns,
            self.element_ns,
            self.freed_ns,
            self.scanned_key_ns,
            self.aof_write_ns,
            self.aof_byte_ns,
            self.saved_key_ns,
            self.saved_byte_ns,
            self.loaded_key_ns,
            self.loaded_byte_ns,
            self.fork_ns,
            self.fork_page_ns,
            self.bus_received_ns,
            self.bus_sent_ns,
            self.gossip_entry_ns,
        ]
    }

    /// A processor that takes no time for anything.
    pub fn free() -> CpuCosts {
        CpuCosts {
            cron_ns: 0,
            accept_ns: 0,
            read_ns: 0,
            write_ns: 0,
            command_ns: 0,
            argument_ns: 0,
            input_byte_ns: 0,
            reply_byte_ns: 0,
            element_ns: 0,
            freed_ns: 0,
            scanned_key_ns: 0,
            aof_write_ns: 0,
            aof_byte_ns: 0,
            saved_key_ns: 0,
            saved_byte_ns: 0,
            loaded_key_ns: 0,
            loaded_byte_ns: 0,
            fork_ns: 0,
            fork_page_ns: 0,
            bus_received_ns: 0,
            bus_sent_ns: 0,
            gossip_entry_ns: 0,
        }
    }
}

/// How fast a node's processor and its clock are at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSpeed {
    /// How many times longer everything takes than the table says; 0 counts as 1.
    pub slow_factor: u32,
    /// How fast the node's clock runs, in millionths of the true rate: it shows so much of the time that a turn takes.
    pub clock_rate_ppm: u64,
}

impl Default for CpuSpeed {
    fn default() -> Self {
        CpuSpeed { slow_factor: 1, clock_rate_ppm: ONE_PPM }
    }
}

const ONE_PPM: u64 = 1_000_000;

/// A node's processor: what it has done and how long that took.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    cost_ns: [u64; WORK_KINDS],
    done: [u64; WORK_KINDS],
    speed: CpuSpeed,
    /// The time of this turn that the host has not taken yet.
    spent_ns: u64,
    /// When the child that writes a snapshot has made its last slice (monotonic clock, microseconds).
    pub child_free_us: u64,
    /// How long the last fork took, in microseconds.
    pub last_fork_us: u64,
}

impl Cpu {
    pub fn new() -> Cpu {
        Cpu {
            cost_ns: [0; WORK_KINDS],
            done: [0; WORK_KINDS],
            speed: CpuSpeed::default(),
            spent_ns: 0,
            child_free_us: 0,
            last_fork_us: 0,
        }
    }

    pub fn set_costs(&mut self, costs: &CpuCosts) {
        self.cost_ns = costs.table();
    }

    pub fn set_speed(&mut self, speed: CpuSpeed) {
        self.speed = speed;
    }

    /// How often each kind of work was done.
    pub fn done(&self) -> &[u64; WORK_KINDS] {
        &self.done
    }

    fn cost(&self, kind: Work, count: u64) -> u64 {
        let ns = self.cost_ns[kind as usize].saturating_mul(count);
        if self.speed.slow_factor > 1 { ns.saturating_mul(u64::from(self.speed.slow_factor)) } else { ns }
    }

    /// Counts work of this turn.
    #[inline]
    pub fn work(&mut self, kind: Work, count: u64) {
        self.done[kind as usize] += count;
        self.spent_ns = self.spent_ns.saturating_add(self.cost(kind, count));
    }

    /// Counts what a child makes of a snapshot beside the node, which goes on meanwhile.
    pub fn child_work(&mut self, now_us: u64, keys: u64, bytes: u64) {
        self.done[Work::SavedKeys as usize] += keys;
        self.done[Work::SavedBytes as usize] += bytes;
        let ns = self.cost(Work::SavedKeys, keys).saturating_add(self.cost(Work::SavedBytes, bytes));
        self.child_free_us = self.child_free_us.max(now_us).saturating_add(self.shown_us(ns));
    }

    /// How much of a time the node's clock shows, in microseconds.
    fn shown_us(&self, ns: u64) -> u64 {
        if self.speed.clock_rate_ppm == ONE_PPM {
            return ns / 1000;
        }
        let shown = u128::from(ns) * u128::from(self.speed.clock_rate_ppm) / u128::from(ONE_PPM * 1000);
        u64::try_from(shown).unwrap_or(u64::MAX)
    }

    /// By how much the node's clock is ahead of the instant at which its turn began, in microseconds.
    #[inline]
    pub fn ahead_us(&self) -> u64 {
        if self.spent_ns < 1000 { 0 } else { self.shown_us(self.spent_ns) }
    }

    /// The time of this turn so far, in nanoseconds.
    pub fn spent_ns(&self) -> u64 {
        self.spent_ns
    }

    /// Hands the time of this turn over, in whole microseconds; the rest counts for the next.
    pub fn take_us(&mut self) -> u64 {
        let us = self.spent_ns / 1000;
        self.spent_ns %= 1000;
        us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        let costs = CpuCosts {
            cron_ns: 1,
            reply_byte_ns: 7,
            saved_key_ns: 12,
            gossip_entry_ns: 20,
            ..CpuCosts::free()
        };
        let table = costs.table();
        assert_eq!(table[Work::Crons as usize], 1);
        assert_eq!(table[Work::ReplyBytes as usize], 7);
        assert_eq!(table[Work::SavedKeys as usize], 12);
        assert_eq!(table[Work::GossipEntries as usize], 20);
        assert_eq!(table.iter().sum::<u64>(), 40);
    }

    #[test]
    fn time_is_handed_over_in_whole_microseconds_and_nothing_is_lost() {
        let mut cpu = Cpu::new();
        cpu.work(Work::Commands, 1000);
        assert_eq!((cpu.take_us(), cpu.ahead_us()), (0, 0), "without a table nothing takes time");
        cpu.set_costs(&CpuCosts { command_ns: 700, ..CpuCosts::free() });
        let mut total = 0;
        for _ in 0..1000 {
            cpu.work(Work::Commands, 1);
            total += cpu.take_us();
        }
        assert_eq!(total, 700);
        cpu.set_speed(CpuSpeed { slow_factor: 10, clock_rate_ppm: 500_000 });
        cpu.work(Work::Commands, 1000);
        assert_eq!(cpu.ahead_us(), 3_500, "a slow clock shows less of it");
        assert_eq!(cpu.take_us(), 7_000);
        assert_eq!(cpu.done()[Work::Commands as usize], 3000);
    }
}
