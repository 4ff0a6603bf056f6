//! Workloads in a world: starting and stopping them, and what they tell.

use super::history::{OpRecord, PendingOp};
use super::stats::{Measured, Meter, WorkloadStats};
use super::{Load, LoadConn, Workload};
use crate::rng::Rng;
use crate::sim::LAB;
use crate::sim::act::CLIENTS_MAX;
use crate::sim::client::{Client, Io, Kind};
use crate::sim::fault::Action;
use crate::sim::histogram::Histogram;
use crate::sim::net::Notice;
use crate::sim::setup::NAME_LEN_MAX;
use crate::sim::world::World;
use std::rc::Rc;

/// Operations that ended, taken from a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// By the instant at which they ended.
    pub operations: Vec<OpRecord>,
    /// How many more there were that were not kept.
    pub lost: u64,
}

impl World {
    fn loads(&self) -> impl Iterator<Item = &Load> {
        self.clients.iter().filter_map(|client| match &client.kind {
            Kind::Load(load) => Some(&**load),
            _ => None,
        })
    }

    pub(crate) fn workload_number(&self, name: &str) -> Option<u32> {
        let is = |client: &Client| matches!(&client.kind, Kind::Load(load) if load.name() == name);
        self.clients.iter().position(is).map(|at| at as u32)
    }

    pub(crate) fn check_workload(&self, name: &str, workload: &Workload) -> Result<(), String> {
        workload.check()?;
        for seed in &workload.seeds {
            self.node_named(seed)?;
        }
        if let Some(load) = self.loads().find(|load| load.name() == name) {
            return match load.begins_more() {
                true => Err(format!("the workload `{name}` is running; stop it before you start it again")),
                false => Ok(()),
            };
        }
        if self.clients.len() >= CLIENTS_MAX {
            return Err(format!("a world has no more than {CLIENTS_MAX} clients"));
        }
        if !(1..=NAME_LEN_MAX).contains(&name.len()) {
            return Err(format!("the name of a workload has 1 to {NAME_LEN_MAX} bytes"));
        }
        if self.net.resolve(name).is_some() {
            return Err(format!("another host is called `{name}` already; give the workload another name"));
        }
        Ok(())
    }

    pub(crate) fn running_workload(&self, name: &str) -> Result<u32, String> {
        let running = self.loads().any(|load| load.name() == name && load.running());
        self.workload_number(name)
            .filter(|_| running)
            .ok_or_else(|| format!("there is no workload `{name}` that runs"))
    }

    pub(crate) fn begin_workload(&mut self, name: String, workload: Workload) -> u32 {
        let known =
            |p: &&crate::sim::process::Process| workload.seeds.is_empty() || workload.seeds.contains(&p.name);
        let mut seeds: Vec<(usize, String, u16)> = self
            .procs
            .iter()
            .filter(known)
            .map(|p| (workload.seeds.iter().position(|s| *s == p.name).unwrap_or(0), p.ip.clone(), p.port))
            .collect();
        seeds.sort_by_key(|(place, ..)| *place);
        let seeds: Vec<(String, u16)> = seeds.into_iter().map(|(_, ip, port)| (ip, port)).collect();
        let rng = Rng::new(self.s.rng.next_u64());
        let mut load = Load::new(workload, &name, &seeds, rng, self.s.now_us, self.recording_history);
        let number = match self.workload_number(&name) {
            Some(number) => {
                self.with_load(number, |before, io| load.succeed(before, io));
                self.clients[number as usize].kind = Kind::Load(Rc::new(load));
                number
            }
            None => self.add_client(name, Kind::Load(Rc::new(load))),
        };
        self.with_load(number, Load::start);
        number
    }

    pub(crate) fn end_workload(&mut self, name: &str) {
        if let Some(number) = self.workload_number(name) {
            self.with_load(number, Load::stop);
        }
    }

    fn with_load(&mut self, number: u32, then: impl FnOnce(&mut Load, &mut Io<'_>)) {
        if !LAB {
            return;
        }
        let Some(Client { link, kind: Kind::Load(load), .. }) = self.clients.get_mut(number as usize) else {
            return;
        };
        let mut io = Io { s: &mut self.s, net: &mut self.net, link };
        then(Rc::make_mut(load), &mut io);
    }

    pub(crate) fn load_event(&mut self, client: u32, conn: LoadConn, notice: Notice) {
        if let (true, Notice::Data(bytes)) = (self.watch.on(), &notice)
            && let Some(Client { kind: Kind::Load(load), .. }) = self.clients.get(client as usize)
        {
            let reference = load.connection(conn);
            self.watch_reply(reference, bytes.len());
        }
        self.with_load(client, |load, io| load.on_net(io, conn, notice));
    }

    /// Starts a workload on a host with its name; gives its number among the clients. One that was stopped begins again under its
    /// number, at once: its clients are started anew, and nobody waits any more for what was under way.
    ///
    /// # Errors
    /// What is wrong with it, or that the name is taken.
    pub fn start_workload(&mut self, name: &str, workload: Workload) -> Result<u32, String> {
        let action = Action::StartWorkload { name: name.to_string(), workload: Box::new(workload) };
        self.act(action)?.ok_or_else(|| "no workload was made".to_string())
    }

    /// Lets a workload come to its end.
    ///
    /// # Errors
    /// If there is no such workload, or it has ended.
    pub fn stop_workload(&mut self, name: &str) -> Result<(), String> {
        self.act(Action::StopWorkload { name: name.to_string() }).map(|_| ())
    }

    /// The figures of a workload, of one that has ended as well.
    pub fn workload_stats(&self, name: &str) -> Option<WorkloadStats> {
        self.loads().find(|load| load.name() == name).map(|load| load.stats(self.s.now_us))
    }

    /// The figures of all workloads together.
    pub fn workload_totals(&self) -> WorkloadStats {
        let (mut total, mut pending, mut running) = (Meter::new(self.s.now_us), 0, false);
        for load in self.loads() {
            total.add(load.meter());
            pending += load.pending();
            running |= load.running();
        }
        total.stats(self.s.now_us, "", running, pending)
    }

    /// What all workloads together measured in one of the last [`WINDOW_S`](super::stats::WINDOW_S) seconds of virtual time.
    pub fn workload_second(&self, at_s: u64) -> Measured {
        let mut total = Measured { over_us: 1_000_000, ..Measured::default() };
        let mut latency = Histogram::default();
        for load in self.loads() {
            load.meter().add_second(at_s, &mut latency, &mut total);
        }
        total.per_second = total.ok as f64;
        total.latency = latency.latency();
        total
    }

    /// The names of all workloads, in the order in which they were first started.
    pub fn workloads(&self) -> Vec<String> {
        self.loads().map(|load| load.name().to_string()).collect()
    }

    /// Begins or ceases to keep the operations of all workloads with their outcomes. Never changes the run.
    pub fn record_history(&mut self, on: bool) {
        self.recording_history = on;
        for client in &mut self.clients {
            if let Kind::Load(load) = &mut client.kind {
                Rc::make_mut(load).record_history(on);
            }
        }
    }

    /// The operations that have ended since the last call, if [`World::record_history`] asked for them.
    pub fn take_history(&mut self) -> History {
        let mut history = History::default();
        for client in &mut self.clients {
            if let Kind::Load(load) = &mut client.kind {
                let (operations, lost) = Rc::make_mut(load).take_history();
                history.operations.extend(operations);
                history.lost += lost;
            }
        }
        history.operations.sort_by_key(|op| op.completed_us);
        history
    }

    /// The operations that are under way.
    pub fn pending_operations(&self) -> Vec<PendingOp> {
        self.loads().flat_map(Load::pending_ops).collect()
    }
}
