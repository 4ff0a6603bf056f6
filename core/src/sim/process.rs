//! A process on a host: a node, its life, its clock, its disk and its log.

use crate::host::{Input, LogLevel};
use crate::node::Node;
use crate::sim::chunks::Chunks;
use crate::sim::clock::Clock;
use crate::sim::disk::Disk;
use crate::sim::trace::Life;
use serde::Serialize;
use std::rc::Rc;

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
    pub clock: Clock,
    pub disk: Disk,
    /// When the timer in the queue goes off.
    pub wake_at_us: Option<u64>,
    /// What happened while it was stopped.
    pub pending: Vec<Input>,
    pub log: Chunks<LogLine>,
}

impl Process {
    pub fn keep_log_line(&mut self, line: LogLine) {
        if self.log.len() == LOG_LINES_MAX {
            self.log.drop_first();
        }
        self.log.push(line);
    }
}
