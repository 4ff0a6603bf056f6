//! The faults of a world that are active, and what they say together.
//!
//! The list is the truth; what a path, a disk, a clock or a process suffers is made of it anew whenever it changes. So the order in
//! which faults begin and end does not matter, and the end of one takes back nothing that another says as well.

use crate::host::Input;
use crate::sim::clock::RATE_ONE;
use crate::sim::disk::{DiskTrouble, EioRule};
use crate::sim::fault::{ANY_HOST, Direction, Fault, Link, Scope, Shape};
use crate::sim::net::rules::{Effect, Rule};
use crate::sim::queue::Ev;
use crate::sim::setup::CONF_PATH;
use crate::sim::trace::{Life, Tag, TraceKind};
use crate::sim::view::TapeKind;
use crate::sim::world::World;
use litemap::LiteMap;
use serde::Serialize;
use std::rc::Rc;

/// A supervisor kills a process that has not ended so long after SIGTERM (systemd's `DefaultTimeoutStopSec`), in microseconds.
const STOP_TIMEOUT_US: u64 = 90_000_000;
/// A supervisor starts a process so long after the one before it has ended (systemd's `RestartSec`), in microseconds.
const RESTART_US: u64 = 100_000;

/// An active fault, as an observer sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultEntry {
    /// Its number, for [`EndFault`](crate::sim::fault::Action::EndFault).
    pub number: u32,
    /// What it is.
    pub fault: Fault,
    /// Where it is.
    pub scope: Scope,
    /// Since when, in virtual microseconds.
    pub since_us: u64,
    /// When it ends by itself, in virtual microseconds; `None` if it lasts until it is ended.
    pub until_us: Option<u64>,
    /// What it is, in words.
    pub text: String,
    /// How it is undone, in words.
    pub undo: String,
    /// The sides of a partition as they were settled, hosts by name; empty for one that lets one way through, and for other faults.
    pub sides: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub number: u32,
    pub fault: Fault,
    pub since_us: u64,
    pub until_us: Option<u64>,
    /// The sides of a partition as they were settled: hosts by number.
    pub groups: Vec<Vec<u32>>,
    /// What a full disk holds, in bytes.
    capacity_bytes: u64,
}

/// The list of active faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Active>,
    last: u32,
}

impl Faults {
    pub fn iter(&self) -> impl Iterator<Item = &Active> {
        self.active.iter()
    }

    /// The number that was given last.
    pub fn last_number(&self) -> u32 {
        self.last
    }

    pub fn get(&self, number: u32) -> Option<&Active> {
        self.active.iter().find(|f| f.number == number)
    }

    pub fn len(&self) -> usize {
        self.active.len()
    }

    fn of_node<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Active> {
        self.active.iter().filter(move |f| f.fault.node().is_some_and(|n| n == node))
    }

    /// Takes faults off the list and gives them.
    fn take(&mut self, wanted: impl Fn(&Active) -> bool) -> Vec<Active> {
        let (taken, left) = std::mem::take(&mut self.active).into_iter().partition(|f| wanted(f));
        self.active = left;
        taken
    }
}

/// What a supervisor has been asked to do once the process has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restart {
    pub conf: Option<String>,
    pub empty_disk: bool,
    /// When a process that is still there is killed, in virtual microseconds.
    pub kill_at_us: Option<u64>,
}

fn takes_down(fault: &Fault) -> bool {
    use Fault as F;
    matches!(fault, F::Kill { .. } | F::PowerLoss { .. } | F::PowerLossAt { .. } | F::Shutdown { .. })
}

impl World {
    /// A fault that was checked begins; gives its number.
    pub(crate) fn begin_fault(&mut self, mut fault: Fault, for_us: Option<u64>) -> u32 {
        if let Some(link) = fault.link_mut() {
            (link.a, link.b) = (self.host_name(&link.a), self.host_name(&link.b));
        }
        self.faults.last += 1;
        let (number, since_us) = (self.faults.last, self.s.now_us);
        let until_us = for_us.map(|us| since_us.saturating_add(us));
        let mut active = Active {
            number,
            fault: fault.clone(),
            since_us,
            until_us,
            groups: Vec::new(),
            capacity_bytes: 0,
        };
        match &fault {
            Fault::Partition { shape } => {
                active.groups = self.sides(shape).unwrap_or_default();
            }
            Fault::DiskFull { node, free_bytes } => {
                let used = self.node_index(node).map_or(0, |i| self.procs[i as usize].disk.used());
                active.capacity_bytes = used.saturating_add(*free_bytes);
            }
            _ => {}
        }
        self.faults.active.push(active);
        if let Some(at) = until_us {
            self.s.at(at, Ev::FaultOver { fault: number });
        }
        let now = self.s.now_us;
        if takes_down(&fault)
            && let Some(node) = fault.node()
        {
            // Who takes it down now has the last word.
            self.with_node(&node, |w, i| w.procs[i as usize].restart = None);
        }
        match &fault {
            Fault::Kill { node } => self.with_node(node, |w, i| w.end_process(i, Life::Killed)),
            Fault::PowerLoss { node, unsynced } => {
                self.with_node(node, |w, i| w.lose_power(i, *unsynced, None));
            }
            Fault::PowerLossAt { node, path, end } => {
                self.with_node(node, |w, i| w.lose_power(i, crate::sim::Unsynced::Lost, Some((path, *end))));
            }
            Fault::Shutdown { node } => self.with_node(node, |w, i| {
                w.feed(i, Input::Terminate { signal: "SIGTERM" });
                w.run_turn(i);
            }),
            Fault::ClockJump { node, delta_us } => self.with_node(node, |w, i| {
                w.procs[i as usize].clock.jump(now, *delta_us);
            }),
            _ => {}
        }
        self.settle(&fault.scope());
        number
    }

    /// The name of a host that was given by address or in another case.
    fn host_name(&self, host: &str) -> String {
        self.net.resolve(host).map_or_else(|| host.to_string(), |h| self.net.hosts[h as usize].name.clone())
    }

    /// A part of the world with its hosts by name.
    pub(crate) fn canonical(&self, scope: Scope) -> Scope {
        match scope {
            Scope::Link { a, b } => Scope::Link { a: self.host_name(&a), b: self.host_name(&b) },
            other => other,
        }
    }

    /// Ends one fault, if it is active.
    pub(crate) fn end_fault(&mut self, number: u32) {
        let over = self.faults.take(|f| f.number == number);
        self.undo(over);
    }

    /// Ends all faults in a part of the world.
    pub(crate) fn heal(&mut self, scope: &Scope) {
        let over = self.faults.take(|f| scope.covers(&f.fault));
        self.undo(over);
    }

    /// The time of a fault has come. False if it is over already.
    pub(crate) fn fault_over(&mut self, number: u32) -> bool {
        let Some(active) = self.faults.get(number) else { return false };
        let fault = active.fault.clone();
        let about = fault.node().and_then(|node| self.node_index(&node));
        let now = self.s.now_us;
        self.s.trace.fold(Tag::Action, now, u64::from(number), 1);
        let over = || TraceKind::FaultOver { number, fault: Box::new(fault.clone()) };
        self.s.trace.cause = self.s.trace.note(now, over);
        self.tape.push(now, about, TapeKind::FaultOver { number, fault });
        self.end_fault(number);
        true
    }

    /// Takes back what ended faults did, as far as no other fault does it too.
    fn undo(&mut self, over: Vec<Active>) {
        let now = self.s.now_us;
        for active in &over {
            match &active.fault {
                Fault::ClockJump { node, delta_us } => self.with_node(node, |w, i| {
                    w.procs[i as usize].clock.jump(now, delta_us.saturating_neg());
                }),
                fault if takes_down(fault) => {
                    let Some(node) = fault.node() else { continue };
                    if !self.faults.of_node(&node).any(|f| takes_down(&f.fault)) {
                        self.with_node(&node, World::bring_up);
                    }
                }
                _ => {}
            }
        }
        let mut network = false;
        for active in &over {
            let scope = active.fault.scope();
            if matches!(scope, Scope::Network | Scope::Link { .. }) {
                network = true;
            } else {
                self.settle(&scope);
                // What a device held back from its medium gets there once it is well.
                if matches!(active.fault, Fault::FsyncLies { .. } | Fault::LostRename { .. })
                    && let Scope::Disk { node } = &scope
                {
                    self.with_node(node, World::sync_disk);
                }
            }
        }
        if network {
            self.settle(&Scope::Network);
        }
    }

    /// Starts a process that is not there; one that is on its way down is started when it has ended.
    fn bring_up(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        if process.life.has_process() {
            process.restart = Some(Restart::default());
        } else {
            process.restart = None;
            self.start(index);
        }
    }

    /// Starts a process by hand: what took it down is over.
    pub(crate) fn start_by_hand(&mut self, index: u32) {
        let name = self.procs[index as usize].name.clone();
        self.faults.take(|f| takes_down(&f.fault) && f.fault.node().as_ref() == Some(&name));
        self.procs[index as usize].restart = None;
        self.start(index);
    }

    /// The pauses of a node are over.
    pub(crate) fn resume_by_hand(&mut self, index: u32) {
        let name = self.procs[index as usize].name.clone();
        let over = self.faults.take(|f| matches!(&f.fault, Fault::Pause { node } if *node == name));
        self.undo(over);
    }

    /// A supervisor restarts a node.
    pub(crate) fn begin_restart(&mut self, index: u32, conf: Option<String>, empty_disk: bool) {
        let name = self.procs[index as usize].name.clone();
        self.faults.take(|f| takes_down(&f.fault) && f.fault.node().as_ref() == Some(&name));
        let running = self.procs[index as usize].life.has_process();
        let kill_at_us = running.then(|| self.s.now_us + STOP_TIMEOUT_US);
        self.procs[index as usize].restart = Some(Restart { conf, empty_disk, kill_at_us });
        if let Some(at) = kill_at_us {
            self.s.at(at, Ev::Restart { node: index });
            self.feed(index, Input::Terminate { signal: "SIGTERM" });
            self.run_turn(index);
        } else {
            self.restart_now(index);
        }
    }

    /// The supervisor looks at a node that is to be restarted. False if there is nothing to do.
    pub(crate) fn supervise(&mut self, index: u32) -> bool {
        let now = self.s.now_us;
        let process = &self.procs[index as usize];
        let Some(restart) = &process.restart else { return false };
        if process.life.has_process() {
            let late = restart.kill_at_us.is_some_and(|at| at <= now);
            if late {
                self.end_process(index, Life::Killed);
            }
            return late;
        }
        self.restart_now(index);
        true
    }

    fn restart_now(&mut self, index: u32) {
        let Some(restart) = self.procs[index as usize].restart.take() else { return };
        if restart.empty_disk {
            self.wipe_disk(index);
        }
        if let Some(conf) = restart.conf {
            self.procs[index as usize].disk.preload(CONF_PATH, conf.as_bytes());
            self.collect_changes(index);
        }
        self.start_by_hand(index);
    }

    /// A process has ended, in whatever way: what was about the process itself is over.
    pub(crate) fn process_gone(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        let name = process.name.clone();
        if process.life == Life::PowerLost {
            process.restart = None;
        } else if process.restart.is_some() {
            self.s.after(RESTART_US, Ev::Restart { node: index });
        }
        self.faults.take(|f| matches!(&f.fault, Fault::Pause { node } if *node == name));
    }

    /// Faults that were to happen so often and have are over.
    pub(crate) fn end_spent_faults(&mut self, index: u32) {
        let cause = self.s.trace.cause;
        for fault in self.procs[index as usize].disk.spent_faults() {
            self.fault_over(fault);
        }
        self.s.trace.cause = cause;
    }

    /// Makes what a part of the world suffers of the list of faults.
    fn settle(&mut self, scope: &Scope) {
        match scope {
            Scope::Process { node } => self.with_node(node, World::settle_process),
            Scope::Clock { node } => self.with_node(node, World::settle_clock),
            Scope::Disk { node } => self.with_node(node, World::settle_disk),
            _ => self.settle_network(),
        }
    }

    fn settle_process(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        let (mut slow, mut paused) = (1u32, false);
        for active in self.faults.of_node(&process.name) {
            match &active.fault {
                Fault::SlowCpu { factor, .. } => slow = slow.saturating_mul(*factor),
                Fault::Pause { .. } => paused = true,
                _ => {}
            }
        }
        process.cpu_slow_factor = slow;
        match (&process.life, paused) {
            (Life::Running, true) => {
                self.net.hosts[index as usize].stopped = true;
                self.set_life(index, Life::Paused);
            }
            (Life::Paused, false) => self.resume(index),
            _ => {}
        }
    }

    fn settle_clock(&mut self, index: u32) {
        let now = self.s.now_us;
        let process = &mut self.procs[index as usize];
        let (mut rate, mut wall, mut mono) = (RATE_ONE, true, true);
        for active in self.faults.of_node(&process.name) {
            match &active.fault {
                Fault::ClockDrift { rate_ppm, .. } => rate = times_ppm(rate, *rate_ppm),
                Fault::ClockFreeze { wall_only, .. } => (wall, mono) = (false, mono && *wall_only),
                _ => {}
            }
        }
        process.clock.set_rates(now, if mono { rate } else { 0 }, if wall { rate } else { 0 });
        // The timer in the queue is for the old rate; a later one is found by looking again.
        process.wake_at_us = None;
        self.set_timer(index);
    }

    fn settle_disk(&mut self, index: u32) {
        let now = self.s.now_us;
        let process = &mut self.procs[index as usize];
        let mut trouble = DiskTrouble::default();
        let old = std::mem::take(&mut process.disk.trouble);
        for active in self.faults.of_node(&process.name) {
            match &active.fault {
                Fault::DiskFull { .. } => {
                    let least = trouble
                        .capacity_bytes
                        .map_or(active.capacity_bytes, |c| c.min(active.capacity_bytes));
                    trouble.capacity_bytes = Some(least);
                }
                Fault::DiskReadOnly { .. } => trouble.read_only = true,
                Fault::DiskEio { on, .. } => {
                    let known = old.eio.iter().find(|rule| rule.fault == active.number);
                    let new = || EioRule { fault: active.number, left: on.count, on: on.clone() };
                    trouble.eio.push(known.cloned().unwrap_or_else(new));
                }
                Fault::DiskSlow { factor, .. } => {
                    trouble.slow_factor = trouble.slow_factor.max(1).saturating_mul((*factor).max(1));
                }
                Fault::DiskStall { .. } => trouble.stalled = true,
                Fault::FsyncLies { .. } => trouble.fsync_lies = true,
                Fault::LostRename { .. } => trouble.renames_lost = true,
                _ => {}
            }
        }
        let goes_on = old.stalled && !trouble.stalled;
        process.disk.trouble = trouble;
        if goes_on {
            for op in process.disk.release() {
                self.s.at(now, Ev::Disk { node: index, op });
            }
        }
    }

    fn settle_network(&mut self) {
        let mut rules = Vec::new();
        for active in self.faults.iter() {
            if let Fault::Partition { shape } = &active.fault {
                let mut group = vec![0u16; self.net.hosts.len()];
                for (number, members) in active.groups.iter().enumerate() {
                    for &member in members {
                        group[member as usize] = number as u16 + 1;
                    }
                }
                let one_way = matches!(shape, Shape::OneWay { .. });
                rules.push(Rule {
                    from: None,
                    to: None,
                    effect: Effect::Parted { group: Rc::new(group), one_way },
                });
                continue;
            }
            let effect = match &active.fault {
                Fault::Cut { .. } => Effect::Cut,
                Fault::Hold { .. } => Effect::Hold,
                Fault::Loss { ppm, .. } => Effect::Loss(*ppm),
                Fault::Latency { delay, .. } => Effect::Delay(*delay),
                Fault::Bandwidth { bytes_per_s, .. } => Effect::Bandwidth(*bytes_per_s),
                Fault::Duplicate { ppm, .. } => Effect::Duplicate(*ppm),
                Fault::Reorder { ppm, by_us, .. } => Effect::Late { ppm: *ppm, by_us: *by_us },
                _ => continue,
            };
            let Some(Link { a, b, dir }) = active.fault.link() else { continue };
            let host = |name: &str| if name == ANY_HOST { None } else { self.net.resolve(name) };
            let (a, b) = (host(a), host(b));
            if *dir != Direction::Backward {
                rules.push(Rule { from: a, to: b, effect: effect.clone() });
            }
            if *dir != Direction::Forward {
                rules.push(Rule { from: b, to: a, effect });
            }
        }
        self.net.set_rules(&mut self.s, rules);
        self.deliver_mail();
    }

    /// The active faults, in the order in which they began.
    pub fn active_faults(&self) -> Vec<FaultEntry> {
        let name = |host: u32| self.net.hosts[host as usize].name.clone();
        let entry = |active: &Active| FaultEntry {
            number: active.number,
            fault: active.fault.clone(),
            scope: active.fault.scope(),
            since_us: active.since_us,
            until_us: active.until_us,
            text: self.fault_text(active),
            undo: self.fault_undo(active),
            sides: match &active.fault {
                Fault::Partition { shape: Shape::OneWay { .. } } => Vec::new(),
                _ => {
                    active.groups.iter().map(|group| group.iter().map(|&host| name(host)).collect()).collect()
                }
            },
        };
        self.faults.iter().map(entry).collect()
    }

    /// The groups that all partitions together make, by host name; empty without one. Those that no wall stands between are together. Hosts that no partition names are left
    /// out, and so are partitions that let one way through.
    pub fn groups(&self) -> Vec<Vec<String>> {
        let mut sides: LiteMap<Vec<usize>, Vec<String>> = Default::default();
        let walls: Vec<&Active> = (self.faults.iter())
            .filter(
                |f| matches!(&f.fault, Fault::Partition { shape } if !matches!(shape, Shape::OneWay { .. })),
            )
            .collect();
        for (index, host) in self.net.hosts.iter().enumerate() {
            let side = |wall: &&Active| {
                wall.groups.iter().position(|g| g.contains(&(index as u32))).map_or(0, |at| at + 1)
            };
            let key: Vec<usize> = walls.iter().map(side).collect();
            if key.iter().any(|&side| side > 0) {
                sides.entry(key).or_default().push(host.name.clone());
            }
        }
        sides.into_iter().map(|(_, hosts)| hosts).collect()
    }
}

/// A product of two factors in millionths.
fn times_ppm(a: u64, b: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) / 1_000_000).unwrap_or(u64::MAX)
}
