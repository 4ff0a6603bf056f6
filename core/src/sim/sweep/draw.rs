//! From a seed to a case: which world, which clients, which faults.
//!
//! Everything is drawn from one generator in a fixed order, so a seed means the same case on every platform for as long as
//! this file stays as it is. What was thought of later is drawn from another one (`more.rs`).

use super::{Case, Deed};
use crate::rng::Rng;
use crate::sim::check::Checks;
use crate::sim::workload::{Distribution, Keys, Mix, Pace, Sizes, Wait, Workload};
use crate::sim::{Action, Delay, Direction, EioOn, Fault, Link, Scope, Setup, Shape, Unsynced};
use crate::store::slot::SLOTS;

pub(super) const SECOND_US: u64 = 1_000_000;
/// A cluster is formed by then, in virtual microseconds.
const FORMED_US: u64 = 15 * SECOND_US;
/// A fault begins this often on average, in virtual microseconds.
const FAULT_EVERY_US: u64 = 3 * SECOND_US;

/// A generator, and the nodes that it may pick.
pub(super) struct Dice {
    pub(super) rng: Rng,
    pub(super) names: Vec<String>,
}

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.rng.below(n.max(1))
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn node(&mut self) -> String {
        let at = self.below(self.names.len() as u64) as usize;
        self.names[at].clone()
    }

    fn link(&mut self) -> Link {
        let (a, b) = (self.node(), self.node());
        let dir = self.one_of(&[Direction::Both, Direction::Forward, Direction::Backward]);
        Link { a, b, dir }
    }

    /// How long a fault lasts: mostly seconds, now and then longer than any time-out.
    pub(super) fn duration_us(&mut self) -> u64 {
        match self.below(10) {
            0..3 => self.below(SECOND_US),
            3..9 => self.below(12 * SECOND_US),
            _ => self.below(60 * SECOND_US),
        }
    }

    fn shape(&mut self) -> Shape {
        match self.below(7) {
            0 => Shape::Halves,
            1 => Shape::Minority,
            2 => Shape::Majority,
            3 => Shape::Bridge { node: None },
            kind => {
                let mut groups = vec![Vec::new(), Vec::new()];
                for name in self.names.clone() {
                    groups[self.below(2) as usize].push(name);
                }
                if kind == 4 { Shape::OneWay { groups } } else { Shape::Groups { groups } }
            }
        }
    }

    fn process_fault(&mut self) -> Fault {
        let node = self.node();
        match self.below(8) {
            0 => Fault::Kill { node },
            1 => Fault::Shutdown { node },
            2 => Fault::Pause { node },
            3 => Fault::SlowCpu { node, factor: 2 + self.below(200) as u32 },
            _ => {
                let unsynced = self.one_of(&[Unsynced::Lost, Unsynced::Kept, Unsynced::Prefix]);
                Fault::PowerLoss { node, unsynced }
            }
        }
    }

    fn network_fault(&mut self) -> Fault {
        let link = self.link();
        match self.below(9) {
            0 | 1 => Fault::Partition { shape: self.shape() },
            2 => Fault::Cut { link },
            3 => Fault::Hold { link },
            4 => Fault::Loss { link, ppm: self.below(300_000) as u32 },
            5 => {
                let least_us = 1 + self.below(200_000);
                let delay = match self.below(3) {
                    0 => Delay::Uniform { min_us: least_us, max_us: least_us + self.below(100_000) },
                    1 => Delay::Normal { mean_us: least_us, sd_us: least_us / 3 },
                    _ => Delay::Pareto { least_us, alpha_milli: 1100 + self.below(2000) as u32 },
                };
                Fault::Latency { link, delay }
            }
            6 => Fault::Bandwidth { link, bytes_per_s: 1_000 + self.below(1_000_000) },
            7 => Fault::Duplicate { link, ppm: self.below(300_000) as u32 },
            _ => Fault::Reorder { link, ppm: self.below(300_000) as u32, by_us: 1 + self.below(50_000) },
        }
    }

    /// `always` says that every write is synced before it is answered. Under `everysec` Redis 7.0.15 denies writes after a failed
    /// fsync until one succeeds, and without writes there is none: it stands still there, and so do we
    /// ([`Help::WriteErrorStays`](super::Help)), so `more.rs` draws that, and seldom.
    /// Fsyncs, and with them the kernel's write-back, fail for the append-only file alone: a nodes.conf of which the device took a part is
    /// corrupt after a loss of power, and Redis ends at the start until somebody has mended it (`clusterLoadConfig`, cluster.c 7.0.15).
    fn disk_fault(&mut self, always: bool) -> Fault {
        let node = self.node();
        match self.below(5) {
            0 => Fault::DiskFull { node, free_bytes: self.below(40_000) },
            1 => Fault::DiskReadOnly { node },
            2 => {
                let (write, fsync) = (self.chance(50), always && self.chance(50));
                let path = fsync.then(|| "appendonlydir".to_string());
                Fault::DiskEio { node, on: EioOn { write, fsync, path, ..EioOn::default() } }
            }
            3 => Fault::DiskSlow { node, factor: 2 + self.below(300) as u32 },
            _ => Fault::DiskStall { node },
        }
    }

    fn clock_fault(&mut self) -> Fault {
        let node = self.node();
        match self.below(4) {
            0 => Fault::ClockFreeze { node, wall_only: self.chance(50) },
            1 => Fault::ClockDrift { node, rate_ppm: 300_000 + self.below(2_000_000) },
            _ => {
                let most = 4 * SECOND_US as i64;
                Fault::ClockJump { node, delta_us: self.below(2 * most as u64) as i64 - most }
            }
        }
    }

    fn lie(&mut self) -> Action {
        let node = self.node();
        match self.below(7) {
            5 | 6 => {
                let unsynced = self.one_of(&[Unsynced::Subset, Unsynced::Torn]);
                Fault::PowerLoss { node, unsynced }.lasting(self.duration_us())
            }
            0 => {
                let count = 1 + self.below(4) as u32;
                Action::FlipBits { node, path: None, offset: None, bit: self.below(8) as u8, count }
            }
            1 => Action::Restart { node, conf: None, empty_disk: true },
            2 => Fault::LostRename { node }.lasting(self.duration_us()),
            _ => Fault::FsyncLies { node }.lasting(self.duration_us()),
        }
    }

    fn deed(&mut self, always: bool, honest: bool) -> Action {
        let lasting = |fault: Fault, us: u64| fault.lasting(us);
        match self.below(100) {
            0..28 => {
                let fault = self.process_fault();
                lasting(fault, self.duration_us())
            }
            28..58 => {
                let fault = self.network_fault();
                lasting(fault, self.duration_us())
            }
            58..72 => {
                let fault = self.disk_fault(always);
                lasting(fault, self.duration_us())
            }
            72..80 => {
                let fault = self.clock_fault();
                lasting(fault, self.duration_us())
            }
            80..85 => Action::ResetConnections { link: self.link(), channel: None },
            85..88 => Action::Restart { node: self.node(), conf: None, empty_disk: false },
            88..91 => Action::SyncDisk { node: self.node() },
            91..94 => Action::Heal { scope: Scope::Everything },
            94..97 => Action::Heal { scope: Scope::Network },
            _ if honest => Action::Heal { scope: Scope::Node { node: self.node() } },
            _ => self.lie(),
        }
    }

    fn workload(&mut self, alone: bool) -> Workload {
        let mix = match self.below(3) {
            0 => Mix::default(),
            1 => Mix { strings: 3, counters: 1, lists: 1, hashes: 1, sets: 1, ..Mix::default() },
            _ => Mix { strings: 2, multi_keys: 1, transactions: 1, publish: 1, ..Mix::default() },
        };
        let distribution = match self.below(3) {
            0 => Distribution::Uniform,
            1 => Distribution::Zipf { exponent_milli: 1000 },
            _ if alone => Distribution::Sequential,
            _ => Distribution::HotSlot { slot: self.below(u64::from(SLOTS)) as u16, percent: 50 },
        };
        let pace = if self.chance(50) {
            Pace::Open { per_second: 5 + self.below(150) as u32 }
        } else {
            Pace::Closed { think_us: 10_000 + self.below(100_000) as u32 }
        };
        let wait = self.chance(20).then_some(Wait { replicas: 1, timeout_ms: 100 });
        Workload {
            clients: 1 + self.below(6) as u32,
            pace,
            pipeline: self.one_of(&[1, 1, 4]),
            keys: Keys { count: 1 + self.below(60), prefix: String::new(), distribution },
            values: Sizes::Uniform { min: 24, max: 24 + self.below(500) as u32 },
            read_percent: self.below(80) as u8,
            mix,
            wait: wait.filter(|_| !alone),
            read_from_replicas: !alone && self.chance(20),
            ..Workload::default()
        }
    }
}

/// Draws the case of a seed, with so many virtual minutes from the first client to the end of the last fault.
pub fn draw(seed: u64, minutes: u64) -> Case {
    let mut dice = Dice { rng: Rng::new(seed ^ 0x0073_7765_6570), names: Vec::new() };
    // A cluster of one: clients ask it for its slots, as they do everywhere.
    let alone = dice.chance(15);
    let node_timeout_ms = dice.one_of(&[1000, 2000, 5000, 5000, 15_000]);
    let (shards, replicas) = dice.one_of(&[(3, 1), (3, 1), (3, 1), (3, 2), (5, 1), (4, 0)]);
    let mut setup = Setup::cluster(seed, shards, replicas, node_timeout_ms);
    if alone {
        setup = Setup::cluster(seed, 1, 0, node_timeout_ms);
    }
    let always = alone || dice.chance(40);
    let mut lines = String::new();
    if always {
        lines.push_str("appendfsync always\n");
    } else if dice.chance(10) {
        lines.push_str("appendfsync no\n");
    }
    if dice.chance(30) {
        lines.push_str("auto-aof-rewrite-min-size 4kb\n");
    }
    if dice.chance(30) {
        lines.push_str("save 5 10\n");
    }
    if dice.chance(20) {
        lines.push_str("repl-backlog-size 16kb\n");
    }
    if dice.chance(20) && replicas > 0 {
        lines.push_str("min-replicas-to-write 1\n");
    }
    if dice.chance(20) {
        lines.push_str("repl-diskless-sync no\n");
    }
    if dice.chance(20) {
        lines.push_str("cluster-allow-replica-migration no\n");
    }
    for node in &mut setup.nodes {
        node.conf.push_str(&lines);
    }
    dice.names = setup.nodes.iter().map(|node| node.name.clone()).collect();

    let honest = dice.chance(88);
    let begin_us = FORMED_US;
    let until_us = begin_us + minutes * 60 * SECOND_US;
    let mut deeds = Vec::new();
    for number in 0..1 + dice.below(2) {
        let mut workload = dice.workload(alone);
        workload.keys.prefix = format!("w{number}:");
        let action = Action::StartWorkload { name: format!("load-{number}"), workload: Box::new(workload) };
        deeds.push(Deed { at_us: begin_us, action });
    }
    let mut at_us = begin_us + dice.below(FAULT_EVERY_US);
    while at_us < until_us {
        // Faults come in bursts and leave each other time: some are only seen in company, some only alone.
        for _ in 0..1 + dice.below(3) {
            let action = dice.deed(always, honest);
            deeds.push(Deed { at_us, action });
        }
        at_us += dice.below(4 * FAULT_EVERY_US);
    }
    let checks = Checks {
        digest_period_us: 2 * SECOND_US,
        reload_period_us: 10 * SECOND_US,
        // The end of the run waits for that by itself, with the processes started.
        whole_within_us: 0,
        ..Checks::default()
    };
    let ordered = alone && always && honest;
    let node_timeout_ms = u64::from(node_timeout_ms);
    let mut case = Case { setup, deeds, until_us, checks, honest, ordered, node_timeout_ms };
    super::more::add(&mut case, seed, always);
    case
}
