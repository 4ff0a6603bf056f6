//! A process on a host: a node, its life, its clock, its disk and its log.

use crate::cluster::node::Name;
use crate::host::{ConnId, Input, LogLevel, Output};
use crate::node::Node;
use crate::sim::chunks::Chunks;
use crate::sim::clock::Clock;
use crate::sim::disk::Disk;
use crate::sim::fault::active::Restart;
use crate::sim::trace::Life;
use litemap::LiteMap;
use serde::Serialize;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many bytes of input are kept for a process that is at work before its kernel keeps what comes further.
pub const PENDING_LEN_MAX: usize = 16 << 20;
/// How many lines of its log a node's host keeps.
pub const LOG_LINES_MAX: usize = 1000;

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Its number in this run, over all nodes.
    pub number: u64,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// What the node's wall clock showed, in microseconds since the Unix epoch.
    pub wall_us: u64,
    /// The process id.
    pub pid: u32,
    /// How serious.
    pub level: LogLevel,
    /// The text.
    pub text: String,
}

#[derive(Clone)]
pub(crate) struct Process {
    pub name: String,
    pub ip: String,
    /// The port of the last redis.conf that it was started with.
    pub port: u16,
    pub bus_port: u16,
    pub life: Life,
    pub since_us: u64,
    /// How often it was started.
    pub starts: u32,
    pub pid: u32,
    /// Shared with the checkpoints of the world until its next turn.
    pub node: Option<Rc<Node>>,
    /// The node id that it last had in its cluster.
    pub last_id: Option<Name>,
    /// While somebody listens: how many outputs there were after each input of the turn that begins, and what caused the input.
    pub turn_causes: Vec<(usize, u64)>,
    pub clock: Clock,
    pub disk: Disk,
    /// When the timer in the queue goes off.
    pub wake_at_us: Option<u64>,
    /// What the kernel keeps for it while it is stopped, at work or waiting for its disk: inputs and what caused them.
    pub pending: VecDeque<(Input, u64)>,
    /// How many bytes of `pending` came from connections.
    pub pending_len: usize,
    /// Connections that are not read from until `pending` is empty, because that holds enough.
    pub unread: Vec<ConnId>,
    /// Connections that the process itself does not want to read from.
    pub unwanted: LiteMap<ConnId, ()>,
    /// How many times slower its processor is than [`Setup::cpu`](crate::sim::setup::Setup::cpu) says; 0 and 1 change nothing.
    pub cpu_slow_factor: u32,
    /// Its processor is at work on a turn until then.
    pub busy_until_us: u64,
    /// What that turn asks for; it is carried out at the end of it.
    pub held: Vec<Output>,
    /// The record that caused it.
    pub held_cause: u64,
    /// When the event at the end of the turn comes, if there is one.
    pub free_at_us: Option<u64>,
    /// What a supervisor does when it has ended.
    pub restart: Option<Restart>,
    pub log: Chunks<LogLine>,
}

impl Process {
    /// Its node id in its cluster, or the one that it had when it ran last.
    pub fn cluster_id(&self) -> Option<Name> {
        let cluster = self.node.as_ref().and_then(|node| node.cluster());
        cluster.map(|cluster| cluster.myself().name).or(self.last_id)
    }

    /// Whether its processor is at work at an instant.
    pub fn busy(&self, now_us: u64) -> bool {
        now_us < self.busy_until_us || !self.held.is_empty()
    }

    /// Whether an input is one that it takes in even while it is stalled.
    pub fn waits_for(&self, input: &Input) -> bool {
        self.node.as_ref().is_some_and(|node| node.waits_for(input))
    }

    /// Whether it waits for its disk, or for another server, and does nothing else.
    pub fn stalled(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_stalled())
    }

    /// Forgets everything that a process has in hand.
    pub fn clear_work(&mut self) {
        self.pending.clear();
        self.pending_len = 0;
        self.unread.clear();
        self.turn_causes.clear();
        self.unwanted.clear();
        self.held.clear();
        self.busy_until_us = 0;
        self.free_at_us = None;
        self.wake_at_us = None;
    }

    pub fn keep_log_line(&mut self, line: LogLine) {
        if self.log.len() == LOG_LINES_MAX {
            self.log.drop_first();
        }
        self.log.push(line);
    }
}
