//! The simulated network: hosts, the paths between them, and what is wrong with the paths.
//!
//! A path leads from one host to another; the two directions of a link are two paths. What is wrong with a path is said by rules, one
//! or two for each active fault ([`rules`]). What runs over the paths is TCP ([`super::tcp`]): a cut or a loss never takes a byte
//! out of a stream, it delays the stream until the sender's next retransmission, or until it gives up.

pub mod rules;

use crate::conns::ConnMap;
use crate::host::{ConnId, Listener, NetError};
use crate::sim::net::rules::Rule;
use crate::sim::queue::{ConnRef, Sched};
use crate::sim::tcp::Conn;
use crate::sim::workload::LoadConn;
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The network of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetSetup {
    /// The least time that a segment takes from host to host, in microseconds.
    pub latency_us: u64,
    /// A segment takes up to this much longer, evenly spread, in microseconds.
    pub jitter_us: u64,
    /// What a host can send in a second, in bytes; 0 for no limit.
    pub bandwidth_bytes_per_s: u64,
    /// After how long without an answer a connection whose other end is out of reach is given up although nothing is
    /// sent over it: `tcp-keepalive 300` makes it 300 s and three probes 100 s apart (anet.c 7.0.15).
    pub keepalive_us: u64,
}

impl Default for NetSetup {
    fn default() -> Self {
        NetSetup {
            latency_us: 200,
            jitter_us: 100,
            bandwidth_bytes_per_s: 125_000_000,
            keepalive_us: 600_000_000,
        }
    }
}

/// Whose one end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A node's, under the number that the node knows.
    Node(ConnId),
    /// A client's.
    Client(u32),
    /// One of the connections of a workload, which is that client.
    Load { client: u32, conn: LoadConn },
    /// Nobody's yet: a SYN is on its way.
    Kernel,
}

/// What the network tells the owner of an end.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    Accepted { listener: Listener, peer: String, local: String },
    Connected { local: String },
    Data(Vec<u8>),
    Sent(usize),
    Closed(NetError),
}

/// One notice and whom it is for.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub host: u32,
    pub owner: Owner,
    pub notice: Notice,
    /// The number of the record that led to it.
    pub cause: u64,
}

/// A host: an address, a kernel and a network card.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub name: String,
    pub ip: String,
    /// Whether it has power.
    pub powered: bool,
    /// Whether its process is stopped: the kernel goes on receiving, up to its buffers.
    pub stopped: bool,
    /// Ports that the process listens on.
    pub ports: Vec<(u16, Listener)>,
    /// The connections of a node's process, by the node's numbers.
    pub conns: ConnMap<ConnRef>,
    /// The number that the next accepted connection gets.
    pub next_accepted: u64,
    pub next_port: u16,
    /// When the card has sent what it was given.
    pub card_free_us: u64,
}

/// The first port that Linux gives to outgoing connections (`ip_local_port_range`).
const EPHEMERAL_FIRST: u16 = 32768;
const EPHEMERAL_LAST: u16 = 60999;

/// The network: hosts, paths, connections.
#[derive(Clone)]
pub(crate) struct Net {
    pub setup: NetSetup,
    pub hosts: Vec<Host>,
    /// Hosts by address and by name in lower case.
    directory: LiteMap<String, u32>,
    /// What is wrong with paths.
    rules: Vec<Rule>,
    /// When paths of limited bandwidth have carried what they were given.
    wire_free_us: BTreeMap<(u32, u32), u64>,
    /// Whether every path is as the setup says and every host has power.
    plain: bool,
    /// Shared with the checkpoints of the world until something happens to one.
    pub conns: Vec<Option<Rc<Conn>>>,
    pub generations: Vec<u32>,
    pub free: Vec<u32>,
    /// What is to be handed to the owners.
    pub mail: VecDeque<Mail>,
}

impl Net {
    pub fn new(setup: NetSetup) -> Net {
        Net {
            setup,
            hosts: Vec::new(),
            directory: LiteMap::new(),
            rules: Vec::new(),
            wire_free_us: BTreeMap::new(),
            plain: true,
            conns: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            mail: VecDeque::new(),
        }
    }

    /// Adds a host and gives its number.
    pub fn add_host(&mut self, name: String, ip: String) -> u32 {
        let number = self.hosts.len() as u32;
        self.directory.insert(ip.clone(), number);
        self.directory.insert(name.to_ascii_lowercase(), number);
        self.hosts.push(Host {
            name,
            ip,
            powered: true,
            stopped: false,
            ports: Vec::new(),
            conns: ConnMap::default(),
            next_accepted: 1,
            next_port: EPHEMERAL_FIRST,
            card_free_us: 0,
        });
        number
    }

    /// The host that has a name or an address.
    pub fn resolve(&self, host: &str) -> Option<u32> {
        let lower = || host.to_ascii_lowercase();
        self.directory.get(host).or_else(|| self.directory.get(&lower())).copied()
    }

    pub(crate) fn ephemeral_port(&mut self, host: u32) -> u16 {
        let host = &mut self.hosts[host as usize];
        let port = host.next_port;
        host.next_port = if port >= EPHEMERAL_LAST { EPHEMERAL_FIRST } else { port + 1 };
        port
    }

    /// Gives a host power or takes it.
    pub fn set_power(&mut self, s: &mut Sched, host: u32, powered: bool) {
        // A thousand nodes that start on hosts that are up need not look at a million connections each.
        if std::mem::replace(&mut self.hosts[host as usize].powered, powered) != powered {
            self.paths_changed(s);
        }
    }

    /// Whether there is nothing wrong anywhere.
    pub fn plain(&self) -> bool {
        self.plain
    }

    fn paths_changed(&mut self, s: &mut Sched) {
        self.plain = self.rules.is_empty() && self.hosts.iter().all(|h| h.powered);
        self.watch_broken_links(s);
    }

    /// Whether what leaves `from` now gets to `to`.
    #[inline]
    pub fn open(&self, from: u32, to: u32) -> bool {
        self.plain || from == to || self.open_slow(from, to)
    }

    fn open_slow(&self, from: u32, to: u32) -> bool {
        let (a, b) = (&self.hosts[from as usize], &self.hosts[to as usize]);
        a.powered && b.powered && self.rules_open(from, to)
    }

    /// How long one segment takes from host to host, without the time to send its bytes.
    pub fn latency(&self, s: &mut Sched, from: u32, to: u32) -> u64 {
        // A host talks to itself over the loopback device: no wire, no jitter.
        if from == to {
            return 20;
        }
        let jitter = self.setup.jitter_us;
        let usual = self.setup.latency_us + if jitter == 0 { 0 } else { s.rng.below(jitter + 1) };
        usual + if self.plain { 0 } else { self.rules_delay(&mut s.rng, from, to) }
    }

    /// When the card of `host` has sent `len` more bytes.
    pub fn departure(&mut self, now_us: u64, host: u32, len: usize) -> u64 {
        let rate = self.setup.bandwidth_bytes_per_s;
        if rate == 0 {
            return now_us;
        }
        let host = &mut self.hosts[host as usize];
        let start = host.card_free_us.max(now_us);
        host.card_free_us = start + (len as u64).saturating_mul(1_000_000) / rate;
        host.card_free_us
    }
}
