//! Clusters of bare [`Cluster`] machines on a virtual network with virtual time: no node, no data set, no disk. The
//! replication that elections look at is stood in for by offsets that the tests set.

mod corpus;
mod failover;
mod formation;
mod start;

use super::node::Name;
use super::view::ClusterView;
use super::*;
use crate::host::NetError;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// When virtual time begins: some second of 2023, so that seconds and milliseconds look as they should.
const EPOCH_US: u64 = 1_700_000_000_000_000;
const LATENCY_US: u64 = 1_000;
const CRON_US: u64 = 100_000;

enum What {
    Cron { node: usize, life: u32 },
    Accept { node: usize, conn: ConnId, peer: String },
    Connected { node: usize, conn: ConnId },
    Bytes { node: usize, conn: ConnId, bytes: Vec<u8> },
    Closed { node: usize, conn: ConnId, error: NetError },
}

pub(super) struct Machine {
    pub cluster: Cluster,
    pub config: ClusterConfig,
    pub facts: Facts,
    pub keys: BTreeMap<u16, usize>,
    pub conf: String,
    pub log: Vec<String>,
    pub events: Vec<Event>,
    pub actions: Vec<Action>,
    pub master: Option<(String, u16)>,
    pub alive: bool,
    rng: Rng,
    next_conn: u64,
    life: u32,
}

impl SlotKeys for BTreeMap<u16, usize> {
    fn count_in_slot(&self, slot: u16) -> usize {
        self.get(&slot).copied().unwrap_or(0)
    }
}

pub(super) struct World {
    pub now_us: u64,
    pub machines: Vec<Machine>,
    queue: BTreeMap<(u64, u64), What>,
    seq: u64,
    peers: HashMap<(usize, ConnId), (usize, ConnId)>,
    accepted: u64,
    cut: BTreeSet<(usize, usize)>,
}

pub(super) fn config() -> ClusterConfig {
    ClusterConfig { node_timeout_ms: 5_000, log_level: LogLevel::Verbose, ..ClusterConfig::default() }
}

impl World {
    pub fn new(nodes: usize, seed: u64) -> World {
        let mut world = World {
            now_us: EPOCH_US,
            machines: Vec::new(),
            queue: BTreeMap::new(),
            seq: 0,
            peers: HashMap::new(),
            accepted: 0,
            cut: BTreeSet::new(),
        };
        for node in 0..nodes {
            let config = ClusterConfig { port: 7000 + node as u16, ..config() };
            let rng = Rng::new(seed * 1000 + node as u64);
            let placeholder = Cluster::empty(ClusterNode::new(Name::random(&mut Rng::new(9)), 0, 0));
            world.machines.push(Machine {
                cluster: placeholder,
                config,
                facts: Facts::default(),
                keys: BTreeMap::new(),
                conf: String::new(),
                log: Vec::new(),
                events: Vec::new(),
                actions: Vec::new(),
                master: None,
                alive: false,
                rng,
                next_conn: 0,
                life: 0,
            });
            world.start(node);
        }
        world
    }

    fn now(&self) -> Now {
        Now { mono_us: self.now_us, wall_us: self.now_us }
    }

    fn ip(node: usize) -> String {
        format!("10.0.{}.{}", node / 250, node % 250 + 1)
    }

    fn node_at(&self, host: &str, port: u16) -> Option<usize> {
        let found = self.machines.iter().position(|m| m.config.bus_port() == port);
        found.filter(|&n| Self::ip(n) == host)
    }

    fn at(&mut self, delay_us: u64, what: What) {
        self.seq += 1;
        self.queue.insert((self.now_us + delay_us, self.seq), what);
    }

    /// Starts or restarts a node from what it saved.
    pub fn start(&mut self, node: usize) {
        let now = self.now();
        let machine = &mut self.machines[node];
        machine.alive = true;
        machine.life += 1;
        machine.master = None;
        let conf = machine.conf.clone();
        let mut cx = Cx {
            now,
            config: &machine.config,
            rng: &mut machine.rng,
            facts: &machine.facts,
            keys: &machine.keys,
            next_conn: &mut machine.next_conn,
            actions: &mut machine.actions,
        };
        machine.cluster = Cluster::start(&mut cx, Some(conf.as_bytes())).expect("the file is good");
        let life = machine.life;
        self.carry_out(node);
        self.at(CRON_US + 7 * node as u64, What::Cron { node, life });
    }

    /// Kills a node's process: its connections are reset.
    pub fn kill(&mut self, node: usize) {
        self.machines[node].alive = false;
        let mut broken: Vec<_> =
            self.peers.iter().filter(|((n, _), _)| *n == node).map(|(_, p)| *p).collect();
        broken.sort_unstable();
        for (peer, conn) in broken {
            self.at(LATENCY_US, What::Closed { node: peer, conn, error: NetError::Eof });
        }
        self.peers.retain(|(n, _), (p, _)| *n != node && *p != node);
    }

    /// Cuts or heals all paths between two groups: packets wait, as TCP would keep sending them.
    pub fn partition(&mut self, a: &[usize], b: &[usize], cut: bool) {
        for &x in a {
            for &y in b {
                for pair in [(x, y), (y, x)] {
                    if cut {
                        self.cut.insert(pair);
                    } else {
                        self.cut.remove(&pair);
                    }
                }
            }
        }
    }

    /// Calls into a node, ends its turn and carries out what it asks for.
    pub fn with<T>(&mut self, node: usize, call: impl FnOnce(&mut Cluster, &mut Cx<'_>) -> T) -> T {
        self.refresh_facts(node);
        let now = self.now();
        let machine = &mut self.machines[node];
        let mut cx = Cx {
            now,
            config: &machine.config,
            rng: &mut machine.rng,
            facts: &machine.facts,
            keys: &machine.keys,
            next_conn: &mut machine.next_conn,
            actions: &mut machine.actions,
        };
        let result = call(&mut machine.cluster, &mut cx);
        machine.cluster.before_sleep(&mut cx);
        machine.cluster.before_sleep(&mut cx);
        self.carry_out(node);
        result
    }

    fn refresh_facts(&mut self, node: usize) {
        let now_s = self.now().wall_s();
        let master = self.machines[node].master.clone();
        let found =
            master.as_ref().and_then(|(_, port)| self.machines.iter().position(|m| m.config.port == *port));
        let up = found.is_some_and(|n| self.machines[n].alive && !self.cut.contains(&(node, n)));
        let facts = &mut self.machines[node].facts;
        facts.has_master = master.is_some();
        if up {
            facts.master_last_interaction_s = now_s;
        } else if facts.master_link_up {
            facts.repl_down_since_s = now_s;
        }
        facts.master_link_up = up;
    }

    fn carry_out(&mut self, node: usize) {
        let mut durable = true;
        for action in std::mem::take(&mut self.machines[node].actions) {
            match action {
                Action::Connect { conn, host, port } => self.connect(node, conn, &host, port),
                Action::Send { conn, bytes } => {
                    assert!(durable, "nothing leaves before what it depends on is saved");
                    self.machines[node].cluster.sent(conn, bytes.len());
                    if let Some(&(peer, peer_conn)) = self.peers.get(&(node, conn)) {
                        self.at(LATENCY_US, What::Bytes { node: peer, conn: peer_conn, bytes });
                    }
                }
                Action::Close { conn } => {
                    if let Some((peer, peer_conn)) = self.peers.remove(&(node, conn)) {
                        self.peers.remove(&(peer, peer_conn));
                        self.at(
                            LATENCY_US,
                            What::Closed { node: peer, conn: peer_conn, error: NetError::Eof },
                        );
                    }
                }
                Action::SaveConfig { text, fsync } => {
                    self.machines[node].conf = text;
                    durable |= fsync;
                }
                Action::SetMaster { host, port } => self.machines[node].master = Some((host, port)),
                Action::UnsetMaster => self.machines[node].master = None,
                Action::Log { text, .. } => self.machines[node].log.push(text),
                Action::Event(event) => {
                    if matches!(event, Event::Voted { .. }) {
                        durable = false;
                    }
                    self.machines[node].events.push(event);
                }
                other => self.machines[node].log.push(format!("{other:?}")),
            }
        }
    }

    fn connect(&mut self, node: usize, conn: ConnId, host: &str, port: u16) {
        let target = self.node_at(host, port);
        match target {
            Some(peer) if self.cut.contains(&(node, peer)) => {}
            Some(peer) if self.machines[peer].alive => {
                self.accepted += 1;
                let peer_conn = ConnId(self.accepted);
                self.peers.insert((node, conn), (peer, peer_conn));
                self.peers.insert((peer, peer_conn), (node, conn));
                let from = format!("{}:{}", Self::ip(node), 40_000 + self.accepted % 20_000);
                self.at(LATENCY_US, What::Accept { node: peer, conn: peer_conn, peer: from });
                self.at(2 * LATENCY_US, What::Connected { node, conn });
            }
            _ => self.at(LATENCY_US, What::Closed { node, conn, error: NetError::Refused }),
        }
    }

    fn handle(&mut self, what: What) {
        match what {
            What::Cron { node, life } if self.machines[node].alive && self.machines[node].life == life => {
                self.with(node, |cluster, cx| cluster.cron(cx));
                self.at(CRON_US, What::Cron { node, life });
            }
            What::Accept { node, conn, peer } if self.machines[node].alive => {
                let local = format!("{}:{}", Self::ip(node), self.machines[node].config.bus_port());
                self.with(node, |cluster, cx| cluster.accepted(cx, conn, &peer, &local));
            }
            What::Connected { node, conn } if self.peers.contains_key(&(node, conn)) => {
                let local = format!("{}:51000", Self::ip(node));
                self.with(node, |cluster, cx| cluster.connected(cx, conn, &local));
            }
            What::Bytes { node, conn, bytes } => {
                let Some(&(peer, _)) = self.peers.get(&(node, conn)) else { return };
                if self.cut.contains(&(node, peer)) {
                    self.at(50_000, What::Bytes { node, conn, bytes });
                } else {
                    self.with(node, |cluster, cx| cluster.received(cx, conn, &bytes));
                }
            }
            What::Closed { node, conn, error } => {
                self.peers.remove(&(node, conn));
                if self.machines[node].alive {
                    self.with(node, |cluster, cx| cluster.closed(cx, conn, error));
                }
            }
            _ => {}
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now_us + ms * 1000;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now_us = entry.key().0;
            let what = entry.remove();
            self.handle(what);
        }
        self.now_us = end;
    }

    /// Runs until a condition holds; how long it took, in milliseconds.
    pub fn run_until(&mut self, ms_max: u64, mut done: impl FnMut(&World) -> bool) -> u64 {
        let begin = self.now_us;
        while !done(self) {
            assert!(self.now_us - begin < ms_max * 1000, "not within {ms_max} ms:\n{}", self.dump());
            self.run_ms(10);
        }
        (self.now_us - begin) / 1000
    }

    pub fn dump(&self) -> String {
        let alive = self.machines.iter().enumerate().filter(|(_, m)| m.alive);
        let texts = alive.map(|(n, m)| {
            let tail = m.log.iter().rev().take(8).rev().cloned().collect::<Vec<_>>().join("\n    ");
            format!("node {n} {}{}    {tail}\n", m.cluster.info_text(), m.cluster.nodes_text())
        });
        texts.collect()
    }

    pub fn name(&self, node: usize) -> Name {
        self.machines[node].cluster.myself().name
    }

    pub fn view(&mut self, node: usize) -> ClusterView {
        self.with(node, |cluster, cx| cluster.view(cx.facts))
    }

    pub fn logged(&self, node: usize, text: &str) -> bool {
        self.machines[node].log.iter().any(|line| line.contains(text))
    }

    /// The flags that one node holds of another.
    pub fn flags(&self, node: usize, about: usize) -> u16 {
        let cluster = &self.machines[node].cluster;
        cluster.find(self.name(about).as_bytes()).map_or(0, |idx| cluster.nodes()[idx].flags)
    }

    pub fn all(&self, test: impl Fn(&Cluster) -> bool) -> bool {
        self.machines.iter().filter(|m| m.alive).all(|m| test(&m.cluster))
    }

    /// MEETs everybody, gives `masters` equal shares of the slots, makes the rest their replicas in turn, and waits until
    /// all agree.
    pub fn form(&mut self, masters: usize) {
        let nodes = self.machines.len();
        for node in 0..nodes {
            self.with(node, |cluster, cx| cluster.set_config_epoch(cx, node as i64 + 1)).unwrap();
        }
        for node in 1..nodes {
            let port = i64::from(self.machines[node].config.port);
            let ip = Self::ip(node);
            self.with(0, |cluster, cx| cluster.meet(cx, ip.as_bytes(), port, None)).unwrap();
        }
        for node in 0..masters {
            let (first, last) = (node * 16_384 / masters, (node + 1) * 16_384 / masters - 1);
            let range = [(first as u16, last as u16)];
            self.with(node, |cluster, cx| cluster.add_or_del_slots(cx, &range, false)).unwrap();
        }
        self.run_until(30_000, |w| {
            w.all(|c| c.nodes().len() == nodes && c.nodes().iter().all(|(_, n)| !n.in_handshake()))
        });
        for node in masters..nodes {
            let master = self.name(node % masters);
            self.with(node, |cluster, cx| cluster.replicate(cx, master.as_bytes())).unwrap();
            self.machines[node].facts.slave_offset = 1_000;
        }
        for node in 0..masters {
            self.machines[node].facts.master_offset = 1_000;
        }
        self.run_until(60_000, |w| {
            w.all(|c| {
                let replicas = c.nodes().iter().filter(|(_, n)| n.is_slave() && n.slaveof.is_some());
                c.is_ok() && c.slots().assigned() == 16_384 && replicas.count() == nodes - masters
            })
        });
        // All links stand both ways and every node has been heard of.
        self.run_ms(5_000);
    }
}
