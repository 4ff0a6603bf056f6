//! What can be done to a world from outside: faults, and what visitors do.
//!
//! Every action is a value, and a world keeps the list of all it was given with the instant and the number of events that
//! had happened: a run is its setup and that list, and playing the list again gives the same run to the last byte. Faults
//! act on the host boundary alone; a node learns of them by what an operation returns and what a later read gives.

use crate::sim::disk::Unsynced;
use serde::{Deserialize, Serialize};

/// Which direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// From the first host named to the second.
    Forward,
    /// From the second host named to the first.
    Backward,
}

/// Where a terminal leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// One node, by name, as `redis-cli -h` does.
    Node(String),
    /// The cluster, as `redis-cli -c` does: redirections are followed.
    Cluster,
}

/// Something done to a world. Hosts (nodes and clients) are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum Action {
    /// SIGKILL: memory is gone, the page cache stays.
    Kill { node: String },
    /// The host loses power: memory and page cache are gone.
    PowerLoss {
        node: String,
        #[serde(default)]
        unsynced: Unsynced,
    },
    /// SIGTERM: Redis ends by itself.
    Shutdown { node: String },
    /// Gives the host power and starts the process, if it is not there.
    Start { node: String },
    /// Takes everything off the disk of a node that is not running.
    WipeDisk { node: String },
    /// Writes another redis.conf to the node's disk; it counts at the next start.
    WriteConf { node: String, conf: String },
    /// SIGSTOP.
    Pause { node: String },
    /// SIGCONT.
    Resume { node: String },
    /// Nothing gets from host to host.
    CutLink {
        a: String,
        b: String,
        #[serde(default)]
        dir: Direction,
    },
    /// A link is as good as new, in both directions.
    HealLink { a: String, b: String },
    /// Hosts of different groups cannot reach each other; hosts in no group reach all.
    Partition { groups: Vec<Vec<String>> },
    /// All links are as good as new and there is no partition.
    HealAll,
    /// Another latency for a link.
    Latency {
        a: String,
        b: String,
        #[serde(default)]
        dir: Direction,
        latency_us: u64,
        jitter_us: u64,
    },
    /// A part of the segments is lost, in millionths; TCP sends them again.
    Loss {
        a: String,
        b: String,
        #[serde(default)]
        dir: Direction,
        ppm: u32,
    },
    /// Only so many more bytes fit on the disk, in whole pages of 4 KiB.
    DiskFull { node: String, free_bytes: u64 },
    /// Every change of the disk fails with EROFS.
    DiskReadOnly { node: String },
    /// Reads, writes or fsyncs fail with EIO.
    DiskEio { node: String, read: bool, write: bool, fsync: bool },
    /// Everything on the disk takes `factor` times as long.
    DiskSlow { node: String, factor: u32 },
    /// Nothing on the disk completes.
    DiskStall { node: String },
    /// `sync` on the host: the kernel writes back at once what it would write back in a while.
    SyncDisk { node: String },
    /// The disk is as good as new (what was lost stays lost).
    DiskHeal { node: String },
    /// The wall clock is set forward or back.
    ClockJump { node: String, delta_us: i64 },
    /// Both clocks run at this rate, in millionths of the true one; 1,000,000 ends it.
    ClockDrift { node: String, rate_ppm: u64 },
    /// A visitor opens a terminal; terminals are numbered in order from 0 with the other clients.
    OpenTerminal { target: Target },
    /// A visitor types a line into a terminal and presses Enter.
    TypeLine { terminal: u32, line: String },
    /// A visitor presses Ctrl-C in a terminal.
    Interrupt { terminal: u32 },
    /// A plain client appears, with a host of its own.
    AddClient { name: String },
    /// A plain client connects to a node.
    Connect { client: u32, node: String },
    /// A plain client sends bytes.
    Send { client: u32, bytes: Vec<u8> },
    /// A plain client closes its connection.
    Disconnect { client: u32 },
}

/// An action with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// The virtual instant in microseconds.
    pub at_us: u64,
    /// How many events had happened.
    pub after_events: u64,
    /// What was done.
    #[serde(flatten)]
    pub action: Action,
}
