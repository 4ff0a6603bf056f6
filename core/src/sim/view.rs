//! A world as an observer sees it: values to be shown, taken without changing anything.

use crate::event::Event;
use crate::sim::chunks::Chunks;
use crate::sim::disk::{DiskTrouble, FileShares};
use crate::sim::fault::{Action, Fault, FaultEntry};
use crate::sim::form::FormationStatus;
use crate::sim::net::rules::PathState;
use crate::sim::tcp::InFlight;
use crate::sim::trace::{Channel, Life};
use crate::sim::world::World;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many changes the tape keeps.
pub const TAPE_LEN_MAX: usize = 10_000;
/// How many messages in flight a view shows.
pub const IN_FLIGHT_MAX: usize = 2_000;

/// A change of state, for the tape under the stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TapeChange {
    /// Its number in this run, from 1.
    pub number: u64,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// The node that it is about.
    pub node: Option<u32>,
    /// What changed.
    #[serde(flatten)]
    pub what: TapeKind,
}

/// What can change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TapeKind {
    /// A process began, stopped, went on or ended.
    Process {
        /// Its life now.
        life: Life,
    },
    /// A node said something about itself.
    Node {
        /// What.
        event: Event,
    },
    /// Something was done from outside.
    Action {
        /// What.
        action: Action,
    },
    /// A fault ended by itself.
    FaultOver {
        /// Its number.
        number: u32,
        /// What it was.
        fault: Fault,
    },
}

/// The changes of state of a run, the latest of them.
#[derive(Clone, Default)]
pub(crate) struct Tape {
    changes: Chunks<TapeChange>,
    last: u64,
}

impl Tape {
    /// How many changes this tape keeps that `other` does not share with it.
    pub fn unshared(&self, other: &Tape) -> usize {
        self.changes.unshared(&other.changes).count()
    }

    pub fn push(&mut self, at_us: u64, node: Option<u32>, what: TapeKind) {
        self.last += 1;
        if self.changes.len() == TAPE_LEN_MAX {
            self.changes.drop_first();
        }
        self.changes.push(TapeChange { number: self.last, at_us, node, what });
    }
}

/// A node and its host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// Its RESP port.
    pub port: u16,
    /// Its process.
    pub process: Life,
    /// Since when the process is so, in virtual microseconds.
    pub since_us: u64,
    /// How often the process was started.
    pub starts: u32,
    /// The process id.
    pub pid: u32,
    /// Its wall clock in microseconds since the Unix epoch.
    pub wall_us: u64,
    /// The rate of its wall clock in millionths of the true one.
    pub clock_rate_ppm: u64,
    /// How many times as long what it computes takes.
    pub cpu_slow_factor: u32,
    /// What is wrong with its disk.
    pub disk_trouble: DiskTrouble,
    /// How much of each file is where.
    pub files: Vec<FileShares>,
}

/// A client and its host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientEntry {
    /// Its number.
    pub client: u32,
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// Whether it is connected.
    pub connected: bool,
}

/// The connections between two hosts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkEntry {
    /// The host with the smaller number.
    pub a: u32,
    /// The other host.
    pub b: u32,
    /// Bus connections that are up.
    pub bus: u32,
    /// RESP connections that are up.
    pub resp: u32,
}

/// A path with something wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathEntry {
    /// From which host.
    pub from: u32,
    /// To which host.
    pub to: u32,
    /// What is wrong.
    #[serde(flatten)]
    pub state: PathState,
}

/// Totals of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Events that happened.
    pub events: u64,
    /// Events that wait.
    pub events_waiting: usize,
    /// Records of the trace.
    pub records: u64,
    /// Lines of all nodes' logs.
    pub log_lines: u64,
    /// Actions from outside.
    pub actions: usize,
}

/// A world at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorldView {
    /// The virtual instant in microseconds.
    pub now_us: u64,
    /// The hash of the run so far, in 16 hexadecimal digits (a JavaScript number cannot hold it).
    pub hash: String,
    /// The seed, as a string for the same reason.
    pub seed: String,
    /// The nodes, in the order of the setup; their hosts have the same numbers.
    pub nodes: Vec<NodeEntry>,
    /// The clients; their hosts come after the nodes'.
    pub clients: Vec<ClientEntry>,
    /// Hosts that are connected.
    pub links: Vec<LinkEntry>,
    /// The active faults, in the order in which they began.
    pub faults: Vec<FaultEntry>,
    /// Paths with something wrong but partitions.
    pub paths: Vec<PathEntry>,
    /// The groups that all partitions together make, by name; empty without one.
    pub groups: Vec<Vec<String>>,
    /// Messages on their way.
    pub in_flight: Vec<InFlight>,
    /// How far the forming of the cluster is.
    pub formation: Option<FormationStatus>,
    /// Totals.
    pub counters: Counters,
}

impl World {
    /// The nodes and their hosts, as they are now.
    pub fn node_entries(&self) -> Vec<NodeEntry> {
        let now_us = self.s.now_us;
        let node = |p: &crate::sim::process::Process| NodeEntry {
            name: p.name.clone(),
            ip: p.ip.clone(),
            port: p.port,
            process: p.life.clone(),
            since_us: p.since_us,
            starts: p.starts,
            pid: p.pid,
            wall_us: p.clock.now(now_us).wall_us,
            clock_rate_ppm: p.clock.rate_ppm(),
            cpu_slow_factor: p.cpu_slow_factor,
            disk_trouble: p.disk.trouble.clone(),
            files: p.disk.shares(),
        };
        self.procs.iter().map(node).collect()
    }

    /// Paths with something wrong but partitions, in the order of their ends.
    pub fn faulty_paths(&self) -> Vec<PathEntry> {
        self.net.paths().into_iter().map(|(from, to, state)| PathEntry { from, to, state }).collect()
    }

    /// The messages on their way, no more than [`IN_FLIGHT_MAX`].
    pub fn in_flight(&self) -> Vec<InFlight> {
        self.net.in_flight(IN_FLIGHT_MAX)
    }

    /// The name of a host: a node's or a client's; empty if there is no such host.
    pub fn name_of_host(&self, host: u32) -> &str {
        self.net.hosts.get(host as usize).map_or("", |host| host.name.as_str())
    }

    /// The world as it is now, all of it: with many nodes there are many links. The parts can be had by themselves.
    pub fn view(&self) -> WorldView {
        let client = |c: &crate::sim::client::Client| {
            let host = &self.net.hosts[c.link.host as usize];
            ClientEntry {
                client: c.link.client,
                name: host.name.clone(),
                ip: host.ip.clone(),
                connected: c.link.up,
            }
        };
        let mut links: BTreeMap<(u32, u32), (u32, u32)> = BTreeMap::new();
        for (channel, from, to) in self.net.connections() {
            let counts = links.entry((from.min(to), from.max(to))).or_default();
            match channel {
                Channel::Bus => counts.0 += 1,
                Channel::Resp => counts.1 += 1,
            }
        }
        WorldView {
            now_us: self.s.now_us,
            hash: format!("{:016x}", self.hash()),
            seed: self.setup.seed.to_string(),
            nodes: self.node_entries(),
            clients: self.clients.iter().map(client).collect(),
            links: links.into_iter().map(|((a, b), (bus, resp))| LinkEntry { a, b, bus, resp }).collect(),
            faults: self.active_faults(),
            paths: self.faulty_paths(),
            groups: self.groups(),
            in_flight: self.in_flight(),
            formation: self.formation(),
            counters: Counters {
                events: self.events,
                events_waiting: self.s.len(),
                records: self.s.trace.last_id(),
                log_lines: self.log_lines,
                actions: self.actions.len(),
            },
        }
    }

    /// The changes of state with a number greater than `after`, oldest first, as far as they are kept.
    pub fn tape_after(&self, after: u64) -> impl Iterator<Item = &TapeChange> {
        let skip = self.tape.changes.partition_point(|c| c.number <= after);
        self.tape.changes.iter_from(skip)
    }
}
