//! Whether what is asked of a world can be done to it, before anything of it is done.

use crate::sim::LAB;
use crate::sim::act::{CLIENTS_MAX, LINE_LEN_MAX};
use crate::sim::client::Client;
use crate::sim::fault::{ANY_HOST, Action, EioOn, Fault, LATENCY_US_MAX, Link, Scope, Target};
use crate::sim::scenario::Names;
use crate::sim::trace::Life;
use crate::sim::world::World;

/// How many faults can be active at once.
pub const FAULTS_MAX: usize = 1000;
/// The longest that a fault can be told to last, in microseconds: a year.
pub const LASTING_US_MAX: u64 = 365 * 86_400 * 1_000_000;
/// The slowest disk, as a factor.
pub const SLOW_FACTOR_MAX: u32 = 1_000_000;
/// The slowest processor, as a factor.
pub const CPU_FACTOR_MAX: u32 = 1_000_000;
/// The fastest clock, in millionths of the true rate.
pub const RATE_PPM_MAX: u64 = 1_000_000_000;
/// How far a clock jumps at the most, in microseconds: a hundred years.
pub const JUMP_US_MAX: u64 = 100 * 365 * 86_400 * 1_000_000;
/// How many bits flip at once at the most.
pub const FLIPS_MAX: u32 = 10_000;

const MILLION: u32 = 1_000_000;

impl World {
    pub(crate) fn node_named(&self, name: &str) -> Result<u32, String> {
        self.node_index(name).ok_or_else(|| Names::of(self).no_node(name))
    }

    pub(crate) fn host_named(&self, name: &str) -> Result<u32, String> {
        self.net.resolve(name).ok_or_else(|| {
            format!("there is no host `{name}`; a host is a node or a client, by name or address")
        })
    }

    fn client_numbered(&self, client: u32) -> Result<(), String> {
        if (client as usize) < self.clients.len() {
            Ok(())
        } else {
            Err(format!("there is no client {client}; add one first"))
        }
    }

    fn terminal_numbered(&self, client: u32) -> Result<(), String> {
        let is_terminal = self.clients.get(client as usize).is_some_and(Client::is_terminal);
        if is_terminal { Ok(()) } else { Err(format!("there is no terminal {client}; open one first")) }
    }

    fn room_for_a_client(&self) -> Result<(), String> {
        if self.clients.len() < CLIENTS_MAX {
            return Ok(());
        }
        Err(format!("a world has no more than {CLIENTS_MAX} clients"))
    }

    fn with_process(&self, name: &str) -> Result<u32, String> {
        let index = self.node_named(name)?;
        if self.procs[index as usize].life.has_process() {
            return Ok(index);
        }
        Err(format!("{name} is not there: its process has ended; start it first"))
    }

    fn without_process(&self, name: &str) -> Result<u32, String> {
        let index = self.node_named(name)?;
        if !self.procs[index as usize].life.has_process() {
            return Ok(index);
        }
        Err(format!("{name} is running; kill it, shut it down or take its power first"))
    }

    fn check_link(&self, link: &Link) -> Result<(), String> {
        for name in [&link.a, &link.b] {
            if name != ANY_HOST {
                self.host_named(name)?;
            }
        }
        if link.a != ANY_HOST && self.net.resolve(&link.a) == self.net.resolve(&link.b) {
            return Err(format!("{} has no link to itself; name another host, or * for all", link.a));
        }
        Ok(())
    }

    /// Whether something can be done to the world now, without doing it.
    ///
    /// # Errors
    /// Why not, and what to do, in a sentence: that of [`World::act`].
    pub fn can(&self, action: &Action) -> Result<(), String> {
        self.check_action(action).map(|_| ())
    }

    /// Looks up everything that an action names; gives the node that it is about.
    ///
    /// # Errors
    /// What is wrong and what to do, in a sentence.
    pub(crate) fn check_action(&self, action: &Action) -> Result<Option<u32>, String> {
        use Action as A;
        let about = match action {
            A::Fault { fault, for_us } => {
                match for_us {
                    Some(0) => return Err("a fault that lasts no time is none; give it a duration".into()),
                    Some(us) if *us > LASTING_US_MAX => {
                        return Err(
                            "a fault lasts a year at the most; without an end it lasts for good".into()
                        );
                    }
                    _ => {}
                }
                if self.faults.len() >= FAULTS_MAX {
                    return Err(format!("no more than {FAULTS_MAX} faults at once; heal some first"));
                }
                return self.check_fault(fault);
            }
            A::EndFault { fault } => match self.faults.get(*fault) {
                Some(active) => active.fault.node().and_then(|node| self.node_index(&node)),
                None => {
                    let numbers: Vec<String> = self.faults.iter().map(|f| f.number.to_string()).collect();
                    let known = if numbers.is_empty() { "no fault is".into() } else { numbers.join(", ") };
                    return Err(format!("fault {fault} is not active; active: {known}"));
                }
            },
            A::Heal { scope } => match scope {
                Scope::Everything | Scope::Network => None,
                Scope::Link { a, b } => {
                    for host in [a, b] {
                        if host != ANY_HOST {
                            self.host_named(host)?;
                        }
                    }
                    None
                }
                Scope::Node { node }
                | Scope::Process { node }
                | Scope::Clock { node }
                | Scope::Disk { node } => Some(self.node_named(node)?),
            },
            A::Start { node } | A::WipeDisk { node } => Some(self.without_process(node)?),
            A::Resume { node } => {
                let index = self.node_named(node)?;
                if self.procs[index as usize].life != Life::Paused {
                    return Err(format!("{node} is not paused; there is nothing to resume"));
                }
                Some(index)
            }
            A::Restart { node, .. } | A::WriteConf { node, .. } | A::SyncDisk { node } => {
                Some(self.node_named(node)?)
            }
            A::FlipBits { node, path, offset, bit, count } => {
                let index = self.node_named(node)?;
                if *count > FLIPS_MAX {
                    return Err(format!("no more than {FLIPS_MAX} bits flip at once"));
                }
                let disk = &self.procs[index as usize].disk;
                disk.flippable(path.as_deref(), *offset, *bit).map_err(|why| format!("{node}: {why}"))?;
                Some(index)
            }
            A::ResetConnections { link, .. } => {
                self.check_link(link)?;
                None
            }
            A::DropMessage { message, .. } => {
                if self.net.message(*message)? {
                    return Err(format!("message {message} is lost already and will be sent again"));
                }
                None
            }
            A::DuplicateMessage { message } => {
                self.net.message(*message)?;
                None
            }
            A::DelayMessage { message, by_us } => {
                if *by_us > LATENCY_US_MAX {
                    return Err(format!("no message is later by more than {} s", LATENCY_US_MAX / 1_000_000));
                }
                self.net.message(*message)?;
                None
            }
            A::OpenTerminal { target } => {
                self.room_for_a_client()?;
                match target {
                    Target::Node(name) => Some(self.node_named(name)?),
                    Target::Cluster => None,
                }
            }
            A::AddClient { name } => {
                self.room_for_a_client()?;
                if name.is_empty() || name == ANY_HOST || self.host_named(name).is_ok() {
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
            A::StartWorkload { .. } if !LAB => {
                return Err("this build has no workloads; build it with the feature `lab`".to_string());
            }
            A::StartWorkload { name, workload } => {
                self.check_workload(name, workload)?;
                None
            }
            A::StopWorkload { name } => {
                self.running_workload(name)?;
                None
            }
            A::Send { client, .. } | A::Disconnect { client } => {
                self.client_numbered(*client)?;
                None
            }
        };
        Ok(about)
    }

    fn check_fault(&self, fault: &Fault) -> Result<Option<u32>, String> {
        use Fault as F;
        if let Some(link) = fault.link() {
            self.check_link(link)?;
        }
        let part = |ppm: u32| match ppm {
            0 => Err("none of a million segments is no fault; give a number from 1 to 1000000".to_string()),
            1..=MILLION => Ok(()),
            _ => Err("no more than 1000000 of a million segments can be concerned".to_string()),
        };
        match fault {
            F::Kill { node } | F::Shutdown { node } | F::Pause { node } => {
                return self.with_process(node).map(Some);
            }
            F::PowerLoss { node, .. } | F::PowerLossAt { node, .. } => {
                let index = self.node_named(node)?;
                if self.procs[index as usize].life == Life::PowerLost {
                    return Err(format!("{node} has no power already; start it first"));
                }
                return Ok(Some(index));
            }
            F::SlowCpu { factor, .. } if !(1..=CPU_FACTOR_MAX).contains(factor) => {
                return Err(format!(
                    "a processor takes 1 to {CPU_FACTOR_MAX} times as long; to stop it, pause it"
                ));
            }
            F::ClockDrift { rate_ppm, .. } if !(1..=RATE_PPM_MAX).contains(rate_ppm) => {
                return Err(format!(
                    "a clock runs at a millionth to {} times the true rate; freeze it to stop it",
                    RATE_PPM_MAX / 1_000_000
                ));
            }
            F::ClockJump { node, delta_us } => {
                let index = self.node_named(node)?;
                let shown = self.procs[index as usize].clock.now(self.now_us()).wall_us;
                if *delta_us == 0 || delta_us.unsigned_abs() > JUMP_US_MAX {
                    return Err("a clock jumps by something, and by a hundred years at the most".into());
                }
                if shown.checked_add_signed(*delta_us).is_none() {
                    return Err(format!("{node}'s clock cannot show a time before 1970"));
                }
                return Ok(Some(index));
            }
            F::DiskSlow { factor, .. } if !(1..=SLOW_FACTOR_MAX).contains(factor) => {
                return Err(format!(
                    "a disk takes 1 to {SLOW_FACTOR_MAX} times as long; to stop it altogether, stall it"
                ));
            }
            F::DiskEio { on, .. } => check_eio(on)?,
            F::Loss { ppm, .. } | F::Duplicate { ppm, .. } => part(*ppm)?,
            F::Reorder { ppm, by_us, .. } => {
                part(*ppm)?;
                if !(1..=LATENCY_US_MAX).contains(by_us) {
                    return Err(format!(
                        "a segment is late by 1 µs to {} s when others overtake it",
                        LATENCY_US_MAX / 1_000_000
                    ));
                }
            }
            F::Latency { delay, .. } => delay.check()?,
            F::Bandwidth { bytes_per_s: 0, .. } => {
                return Err("a link that carries 0 bytes a second is cut or held; use one of these".into());
            }
            F::Partition { shape } => {
                self.sides(shape)?;
            }
            _ => {}
        }
        match fault.node() {
            Some(node) => self.node_named(&node).map(Some),
            None => Ok(None),
        }
    }
}

fn check_eio(on: &EioOn) -> Result<(), String> {
    if !on.read && !on.write && !on.fsync {
        return Err("say what fails: reads, writes or fsyncs".into());
    }
    if on.count == Some(0) {
        return Err("a fault that happens 0 times is none; leave the count out for always".into());
    }
    if on.path.as_ref().is_some_and(String::is_empty) {
        return Err("name the file that fails, as in the node's folder; leave it out for all".into());
    }
    Ok(())
}
