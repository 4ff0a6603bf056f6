//! Carrying out what is done to a world: first everything that an action names is looked up, then it happens.

use crate::host::Input;
use crate::sim::client::{Client, ClientEvent};
use crate::sim::disk::DiskTrouble;
use crate::sim::fault::{Action, Direction, Target};
use crate::sim::net::PathState;
use crate::sim::queue::Ev;
use crate::sim::setup::CONF_PATH;
use crate::sim::trace::Life;
use crate::sim::world::World;

/// The longest line that a terminal takes, in bytes.
pub const LINE_LEN_MAX: usize = 1 << 20;
/// How many clients a world can have.
pub const CLIENTS_MAX: usize = 10_000;
/// The slowest disk, as a factor.
pub const SLOW_FACTOR_MAX: u32 = 1_000_000;
/// The fastest clock, in millionths of the true rate.
pub const RATE_PPM_MAX: u64 = 1_000_000_000;
/// The longest latency of a path, in microseconds.
pub const LATENCY_US_MAX: u64 = 600_000_000;

/// How one direction of one link is changed.
type PathChange<'a> = &'a dyn Fn(&mut PathState);

impl World {
    fn node_named(&self, name: &str) -> Result<u32, String> {
        self.node_index(name).ok_or_else(|| format!("there is no node `{name}`"))
    }

    fn host_named(&self, name: &str) -> Result<u32, String> {
        self.net.resolve(name).ok_or_else(|| format!("there is no host `{name}`"))
    }

    fn client_numbered(&self, client: u32) -> Result<(), String> {
        if (client as usize) < self.clients.len() {
            Ok(())
        } else {
            Err(format!("there is no client {client}"))
        }
    }

    /// Looks up everything that an action names; gives the node that it is about.
    pub(crate) fn check_action(&self, action: &Action) -> Result<Option<u32>, String> {
        use Action as A;
        let about = match action {
            A::Kill { node } | A::Shutdown { node } | A::Pause { node } | A::Resume { node } => {
                let index = self.node_named(node)?;
                let life = &self.procs[index as usize].life;
                let fits = match action {
                    A::Resume { .. } => *life == Life::Paused,
                    A::Kill { .. } => life.has_process(),
                    _ => *life == Life::Running,
                };
                if !fits {
                    return Err(format!(
                        "{node} is not {}",
                        if *life == Life::Paused { "running" } else { "there" }
                    ));
                }
                Some(index)
            }
            A::PowerLoss { node, .. } => {
                let index = self.node_named(node)?;
                if self.procs[index as usize].life == Life::PowerLost {
                    return Err(format!("{node} has no power already"));
                }
                Some(index)
            }
            A::Start { node } | A::WipeDisk { node } => {
                let index = self.node_named(node)?;
                if self.procs[index as usize].life.has_process() {
                    return Err(format!("{node} is running"));
                }
                Some(index)
            }
            A::ClockDrift { node, rate_ppm } => {
                if *rate_ppm > RATE_PPM_MAX {
                    return Err(format!(
                        "no clock runs more than {} times too fast",
                        RATE_PPM_MAX / 1_000_000
                    ));
                }
                Some(self.node_named(node)?)
            }
            A::DiskSlow { node, factor } => {
                if *factor > SLOW_FACTOR_MAX {
                    return Err(format!("no disk is more than {SLOW_FACTOR_MAX} times slower"));
                }
                Some(self.node_named(node)?)
            }
            A::WriteConf { node, .. }
            | A::DiskFull { node, .. }
            | A::DiskReadOnly { node }
            | A::DiskEio { node, .. }
            | A::DiskStall { node }
            | A::DiskHeal { node }
            | A::SyncDisk { node }
            | A::ClockJump { node, .. } => Some(self.node_named(node)?),
            A::CutLink { a, b, .. } | A::HealLink { a, b } | A::Loss { a, b, .. } => {
                self.host_named(a)?;
                self.host_named(b)?;
                None
            }
            A::Latency { a, b, latency_us, jitter_us, .. } => {
                self.host_named(a)?;
                self.host_named(b)?;
                if *latency_us > LATENCY_US_MAX || *jitter_us > LATENCY_US_MAX {
                    return Err(format!("no path takes longer than {} s", LATENCY_US_MAX / 1_000_000));
                }
                None
            }
            A::Partition { groups } => {
                let mut seen = std::collections::BTreeSet::new();
                for host in groups.iter().flatten() {
                    if !seen.insert(self.host_named(host)?) {
                        return Err(format!("{host} is in two groups"));
                    }
                }
                None
            }
            A::HealAll => None,
            A::OpenTerminal { target } => {
                if self.clients.len() >= CLIENTS_MAX {
                    return Err(format!("a world has no more than {CLIENTS_MAX} clients"));
                }
                match target {
                    Target::Node(name) => Some(self.node_named(name)?),
                    Target::Cluster => None,
                }
            }
            A::AddClient { name } => {
                if self.clients.len() >= CLIENTS_MAX {
                    return Err(format!("a world has no more than {CLIENTS_MAX} clients"));
                }
                if name.is_empty() || self.host_named(name).is_ok() {
                    return Err(format!("`{name}` is taken, or no name"));
                }
                None
            }
            A::TypeLine { terminal, line } => {
                self.terminal_numbered(*terminal)?;
                if line.len() > LINE_LEN_MAX {
                    return Err(format!("a line has no more than {LINE_LEN_MAX} bytes"));
                }
                None
            }
            A::Interrupt { terminal } => {
                self.terminal_numbered(*terminal)?;
                None
            }
            A::Connect { client, node } => {
                self.client_numbered(*client)?;
                Some(self.node_named(node)?)
            }
            A::Send { client, .. } | A::Disconnect { client } => {
                self.client_numbered(*client)?;
                None
            }
        };
        Ok(about)
    }

    fn terminal_numbered(&self, client: u32) -> Result<(), String> {
        let is_terminal = self.clients.get(client as usize).is_some_and(Client::is_terminal);
        if is_terminal { Ok(()) } else { Err(format!("there is no terminal {client}")) }
    }

    /// Carries out an action that was checked.
    pub(crate) fn carry_out(&mut self, action: Action) -> Option<u32> {
        use Action as A;
        let now = self.s.now_us;
        match action {
            A::Kill { node } => self.with_node(&node, |w, i| w.end_process(i, Life::Killed)),
            A::PowerLoss { node, unsynced } => self.with_node(&node, |w, i| w.lose_power(i, unsynced)),
            A::Shutdown { node } => self.with_node(&node, |w, i| {
                w.feed(i, Input::Terminate { signal: "SIGTERM" });
                w.run_turn(i);
            }),
            A::Start { node } => self.with_node(&node, World::start),
            A::WipeDisk { node } => self.with_node(&node, |w, i| {
                let disk = &mut w.procs[i as usize].disk;
                let conf = disk.read_file(CONF_PATH).unwrap_or_default();
                disk.wipe();
                disk.preload(CONF_PATH, &conf);
                w.collect_changes(i);
            }),
            A::WriteConf { node, conf } => self.with_node(&node, |w, i| {
                w.procs[i as usize].disk.preload(CONF_PATH, conf.as_bytes());
                w.collect_changes(i);
            }),
            A::Pause { node } => self.with_node(&node, |w, i| {
                w.net.hosts[i as usize].stopped = true;
                w.set_life(i, Life::Paused);
            }),
            A::Resume { node } => self.with_node(&node, World::resume),
            A::CutLink { a, b, dir } => self.change_link(&a, &b, dir, &|p| p.cut = true),
            A::HealLink { a, b } => self.change_link(&a, &b, Direction::Both, &|p| *p = PathState::default()),
            A::Latency { a, b, dir, latency_us, jitter_us } => self.change_link(&a, &b, dir, &|p| {
                p.latency_us = Some(latency_us);
                p.jitter_us = Some(jitter_us);
            }),
            A::Loss { a, b, dir, ppm } => self.change_link(&a, &b, dir, &|p| p.loss_ppm = ppm.min(1_000_000)),
            A::Partition { groups } => {
                let number = |host: &String| self.host_named(host).ok();
                let members: Vec<Vec<u32>> =
                    groups.iter().map(|g| g.iter().filter_map(number).collect()).collect();
                self.net.partition(&mut self.s, &members);
                self.groups = groups;
            }
            A::HealAll => {
                self.net.heal_all(&mut self.s);
                self.groups.clear();
            }
            A::DiskFull { node, free_bytes } => self.change_disk(&node, |trouble, used| {
                trouble.capacity_bytes = Some(used.saturating_add(free_bytes));
            }),
            A::DiskReadOnly { node } => self.change_disk(&node, |trouble, _| trouble.read_only = true),
            A::DiskEio { node, read, write, fsync } => self.change_disk(&node, |trouble, _| {
                (trouble.eio_read, trouble.eio_write, trouble.eio_fsync) = (read, write, fsync);
            }),
            A::DiskSlow { node, factor } => {
                self.change_disk(&node, |trouble, _| trouble.slow_factor = factor)
            }
            A::DiskStall { node } => self.change_disk(&node, |trouble, _| trouble.stalled = true),
            A::SyncDisk { node } => self.with_node(&node, |w, i| {
                w.procs[i as usize].disk.write_back();
                w.collect_changes(i);
            }),
            A::DiskHeal { node } => self.with_node(&node, |w, i| {
                let disk = &mut w.procs[i as usize].disk;
                disk.trouble = DiskTrouble { stalled: disk.trouble.stalled, ..DiskTrouble::default() };
                for op in disk.release() {
                    w.s.at(now, Ev::Disk { node: i, op });
                }
            }),
            A::ClockJump { node, delta_us } => self.with_node(&node, |w, i| {
                w.procs[i as usize].clock.jump(now, delta_us);
            }),
            A::ClockDrift { node, rate_ppm } => self.with_node(&node, |w, i| {
                w.procs[i as usize].clock.drift(now, rate_ppm);
                // The timer in the queue is for the old rate; a later one is found by looking again.
                w.procs[i as usize].wake_at_us = None;
                w.set_timer(i);
            }),
            A::OpenTerminal { target } => return Some(self.add_terminal(&target)),
            A::AddClient { name } => return Some(self.add_plain_client(name)),
            A::TypeLine { terminal, line } => self.client_event(terminal, ClientEvent::Line(line)),
            A::Interrupt { terminal } => self.client_event(terminal, ClientEvent::Interrupt),
            A::Connect { client, node } => self.with_node(&node, |w, i| {
                let (ip, port) = (w.procs[i as usize].ip.clone(), w.procs[i as usize].port);
                w.client_event(client, ClientEvent::Connect { ip, port });
            }),
            A::Send { client, bytes } => self.client_event(client, ClientEvent::Send(bytes)),
            A::Disconnect { client } => self.client_event(client, ClientEvent::Disconnect),
        }
        None
    }

    fn with_node(&mut self, name: &str, then: impl FnOnce(&mut World, u32)) {
        if let Some(index) = self.node_index(name) {
            then(self, index);
        }
    }

    fn change_disk(&mut self, name: &str, change: impl FnOnce(&mut DiskTrouble, u64)) {
        self.with_node(name, |w, i| {
            let disk = &mut w.procs[i as usize].disk;
            let used = disk.used();
            change(&mut disk.trouble, used);
        });
    }

    fn change_link(&mut self, a: &str, b: &str, dir: Direction, change: PathChange<'_>) {
        let (Ok(a), Ok(b)) = (self.host_named(a), self.host_named(b)) else { return };
        if dir != Direction::Backward {
            self.net.change_path(&mut self.s, a, b, change);
        }
        if dir != Direction::Forward {
            self.net.change_path(&mut self.s, b, a, change);
        }
    }
}
