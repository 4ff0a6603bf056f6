//! What can be done to a world from outside: faults, and what visitors do.
//!
//! Every action is a value, and a world keeps the list of all it was given with the instant and the number of events that
//! had happened: a run is its setup and that list, and playing the list again gives the same run to the last byte. Faults
//! act on the host boundary alone; a node learns of them by what an operation returns and what a later read gives.
//!
//! A [`Fault`] lasts. It begins by [`Action::Fault`] and gets a number; it ends when its time has come, by
//! [`Action::EndFault`], by [`Action::Heal`] of the part of the world that it is in, or because what it is about is gone (a stopped
//! process that is killed is not stopped any more). What is wrong with a path, a disk, a clock or a process at an instant is what all
//! active faults say together ([`active`]), so that the end of one is not the end of another.
//!
//! What happens at once and leaves nothing to be undone (a bit that flips, a message that is dropped) is an action of its own.

pub mod active;
mod check;
mod kinds;
mod shapes;
mod words;

pub use active::FaultEntry;
pub use kinds::{ANY_HOST, Delay, Direction, EioOn, Fault, LATENCY_US_MAX, Link, Scope, Shape};

use crate::sim::trace::Channel;
use crate::sim::workload::Workload;
use serde::{Deserialize, Serialize};

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
    /// A fault begins; [`World::act`](crate::sim::world::World::act) gives its number. With `for_us` it ends by itself after so many
    /// virtual microseconds.
    Fault {
        fault: Fault,
        #[serde(default)]
        for_us: Option<u64>,
    },
    /// One active fault ends.
    EndFault { fault: u32 },
    /// All active faults within a part of the world end.
    Heal { scope: Scope },

    /// Gives the host power and starts the process, if it is not there; faults that took it down are over.
    Start { node: String },
    /// SIGCONT: the node's pauses are over.
    Resume { node: String },
    /// SIGTERM, and once the process has ended (after 90 s by SIGKILL, systemd's `TimeoutStopSec`) it is started again, with another
    /// redis.conf or on an empty disk if wanted. A process that is not there is started.
    Restart {
        node: String,
        /// The text of the redis.conf from then on: an upgrade.
        #[serde(default)]
        conf: Option<String>,
        /// Everything but the redis.conf is gone from the disk when it starts.
        #[serde(default)]
        empty_disk: bool,
    },
    /// Takes everything but the redis.conf off the disk of a node that is not running.
    WipeDisk { node: String },
    /// Writes another redis.conf to the node's disk; it counts at the next start.
    WriteConf { node: String, conf: String },
    /// `sync` on the host: the kernel writes back at once what it would write back in a while.
    SyncDisk { node: String },
    /// Bits of a file at rest flip on the device: the bit `bit` (0 to 7) of the byte at `offset`, or `count` bits at random places (of all
    /// files, without a path). Pages that were not changed since are not in the page cache any more, so the next read shows it; a
    /// dirty page is written over it.
    FlipBits {
        node: String,
        #[serde(default)]
        path: Option<String>,
        #[serde(default)]
        offset: Option<u64>,
        #[serde(default)]
        bit: u8,
        /// How many, where no offset is given; 0 counts as 1.
        #[serde(default)]
        count: u32,
    },

    /// Something between the hosts resets their connections: both ends read ECONNRESET.
    ResetConnections {
        link: Link,
        /// Only those that carry this.
        #[serde(default)]
        channel: Option<Channel>,
    },
    /// A message in flight, by its number in the view, is lost. TCP sends it again after some 200 ms, and holds back what comes
    /// behind it. With `reset` its connection dies with it, and it never arrives.
    DropMessage {
        message: u64,
        #[serde(default)]
        reset: bool,
    },
    /// A message in flight, and what comes behind it in its connection, arrives later by this.
    DelayMessage { message: u64, by_us: u64 },
    /// A message in flight arrives twice. TCP discards the copy, so that a process sees nothing but the time that it took on the wire.
    DuplicateMessage { message: u64 },

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
    /// A workload begins, on a host with its name. One that has ended can be started again under the same name.
    #[cfg_attr(not(any(test, feature = "lab")), serde(skip))]
    StartWorkload { name: String, workload: Box<Workload> },
    /// A workload begins no more operations; it ends when those under way have.
    #[cfg_attr(not(any(test, feature = "lab")), serde(skip))]
    StopWorkload { name: String },
}

impl Action {
    /// The bytes that it holds besides itself.
    pub(crate) fn heap_len(&self) -> usize {
        match self {
            Action::Send { bytes, .. } => bytes.len(),
            Action::TypeLine { line, .. } => line.len(),
            Action::WriteConf { conf, .. } => conf.len(),
            Action::StartWorkload { .. } => size_of::<Workload>() + 64,
            _ => 64,
        }
    }
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
