//! A world: nodes, a network, disks and clients in one virtual time.
//!
//! A world moves from event to event: [`World::step`] takes the first one out of the queue, hands it to whom it concerns, and
//! carries out what that one asks for. Between two events nothing happens, so virtual time costs nothing. Everything that
//! is random comes from one generator and everything from outside is an [`Action`]; hence a run is its [`Setup`] and its list of
//! actions, and [`World::hash`] tells whether two runs are the same to the last byte.
//!
//! What a node does in between is its turn: see `turn.rs`.

use crate::cluster::standing::Standing;
use crate::config::Config;
use crate::event::Event;
use crate::host::Listener;
use crate::node::{Node, NodeOptions};
use crate::sim::chunks::Chunks;
use crate::sim::client::{Client, ClientEvent, Io};
use crate::sim::clock::Clock;
use crate::sim::disk::{ChangeKind, Disk, DurableChange, Unsynced};
use crate::sim::fault::active::Faults;
use crate::sim::fault::{Action, ActionRecord};
use crate::sim::formed::Formed;
use crate::sim::net::Net;
use crate::sim::process::{LogLine, Process};
use crate::sim::queue::{Ev, Sched};
use crate::sim::setup::{CONF_PATH, Setup};
use crate::sim::trace::{self, Life, Tag, Trace, TraceFilter, TraceKind};
use crate::sim::view::{Tape, TapeKind};
use crate::sim::watch::Watch;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many bytes of a file's own image [`World::restore`] takes for one node.
pub const IMAGE_LEN_MAX: usize = 1 << 30;

/// The first process id of a world; each start of a process takes the next.
const PID_FIRST: u32 = 1000;

/// What [`World::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// What.
    pub what: StepKind,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A node's timer.
    Wake {
        /// The node's number.
        node: u32,
    },
    /// A node's processor is done with a turn: replies and writes leave.
    Turn {
        /// The node's number.
        node: u32,
    },
    /// Something in the network: an arrival, a time-out, an answer to a SYN.
    Network,
    /// A disk operation of a node is done, or its kernel wrote back.
    Disk {
        /// The node's number.
        node: u32,
    },
    /// A client's timer.
    Client {
        /// The client's number.
        client: u32,
    },
    /// A fault ended by itself.
    FaultOver {
        /// Its number.
        fault: u32,
    },
    /// A supervisor restarts a process.
    Restart {
        /// The node's number.
        node: u32,
    },
    /// An action from outside, while a run is played again.
    Action,
}

/// How far a bounded run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many events happened.
    pub events: u64,
    /// Whether the instant that was asked for is reached.
    pub reached: bool,
}

/// The world. A clone is a checkpoint: it shares file pages and values with the original until one of them changes.
#[derive(Clone)]
pub struct World {
    pub(crate) setup: Rc<Setup>,
    pub(crate) s: Sched,
    pub(crate) net: Net,
    pub(crate) procs: Vec<Process>,
    pub(crate) clients: Vec<Client>,
    pub(crate) actions: Chunks<ActionRecord>,
    /// The memory that they take, in bytes.
    pub(crate) actions_len: usize,
    pub(crate) tape: Tape,
    pub(crate) events: u64,
    pub(crate) next_pid: u32,
    pub(crate) log_lines: u64,
    pub(crate) faults: Faults,
    pub(crate) former: Option<u32>,
    pub(crate) watch: Watch,
    restored: bool,
    pub(crate) recording_history: bool,
    recording: bool,
    changes: Vec<DurableChange>,
}

impl World {
    /// Makes a world and starts its nodes; if the setup says so, a simulated operator begins to form a cluster of them.
    ///
    /// # Errors
    /// What is wrong with the setup. A node whose redis.conf is wrong is no error: its process refuses to start.
    pub fn new(setup: Setup) -> Result<World, String> {
        World::with_images(setup, &BTreeMap::new())
    }

    /// Makes a world whose nodes find the given files on their disks: by node, by path. Everything else is as after a loss of power of
    /// the whole cluster; `wall_us` is what the clocks show now, in microseconds since the Unix epoch.
    ///
    /// # Errors
    /// What is wrong with the setup or the images.
    pub fn restore(
        setup: Setup,
        images: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
        wall_us: u64,
    ) -> Result<World, String> {
        // The setup says what the clocks show at the virtual instant 0.
        let mut world =
            World::with_images(Setup { wall_us: wall_us.saturating_sub(setup.start_us), ..setup }, images)?;
        world.restored = true;
        Ok(world)
    }

    fn with_images(
        setup: Setup,
        images: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    ) -> Result<World, String> {
        setup.check()?;
        for (name, files) in images {
            if !setup.nodes.iter().any(|n| &n.name == name) {
                return Err(format!("there are files for `{name}`, which is no node"));
            }
            if files.values().map(Vec::len).sum::<usize>() > IMAGE_LEN_MAX {
                return Err(format!("the files of `{name}` are larger than {IMAGE_LEN_MAX} bytes"));
            }
        }
        let setup = Rc::new(setup);
        let mut world = World {
            s: Sched::new(setup.seed),
            net: Net::new(setup.net.clone()),
            procs: Vec::with_capacity(setup.nodes.len()),
            clients: Vec::new(),
            actions: Chunks::default(),
            actions_len: 0,
            tape: Tape::default(),
            events: 0,
            next_pid: PID_FIRST,
            log_lines: 0,
            faults: Faults::default(),
            former: None,
            watch: Watch::default(),
            restored: false,
            recording_history: false,
            recording: false,
            changes: Vec::new(),
            setup,
        };
        let setup = world.setup.clone();
        world.s.now_us = setup.start_us;
        let formed = setup.formation.as_ref().filter(|f| f.formed);
        let formed = formed.map(|formation| Formed::new(&setup, formation));
        for (index, node) in setup.nodes.iter().enumerate() {
            world.net.add_host(node.name.clone(), node.ip.clone());
            let mut disk = Disk::new(setup.disk.clone());
            let files = images.get(&node.name);
            if let Some((path, text)) =
                formed.as_ref().filter(|_| files.is_none()).and_then(|f| f.nodes_conf(index))
            {
                disk.preload(path, text.as_bytes());
            }
            for (path, bytes) in files.into_iter().flatten() {
                disk.preload(path, bytes);
            }
            if files.is_none_or(|files| !files.contains_key(CONF_PATH)) {
                disk.preload(CONF_PATH, node.conf.as_bytes());
            }
            world.procs.push(Process {
                name: node.name.clone(),
                ip: node.ip.clone(),
                port: 0,
                bus_port: 0,
                life: Life::Exited { code: 0 },
                since_us: 0,
                starts: 0,
                pid: 0,
                node: None,
                last_id: None,
                turn_causes: Vec::new(),
                clock: Clock::new(0, setup.wall_us),
                disk,
                wake_at_us: None,
                pending: Default::default(),
                pending_len: 0,
                unread: Vec::new(),
                unwanted: Default::default(),
                cpu_slow_factor: 1,
                busy_until_us: 0,
                held: Vec::new(),
                held_cause: 0,
                free_at_us: None,
                restart: None,
                log: Default::default(),
            });
        }
        // Who begins with files begins after a loss of power.
        let running = formed.filter(|_| images.is_empty());
        if let Some(formed) = &running {
            world.net.stand(&formed.hosts());
        }
        for node in 0..world.procs.len() {
            world.start_with(node as u32, running.as_ref().and_then(|formed| formed.standing(node)));
        }
        if let Some(formation) = &setup.formation {
            world.begin_formation(formation.clone());
        }
        Ok(world)
    }

    /// The setup that the world was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether it began from files, so that its setup alone does not give it again.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// The present virtual instant in microseconds.
    pub fn now_us(&self) -> u64 {
        self.s.now_us
    }

    /// How many events have happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many things have happened: events, and actions from outside. It numbers the states of a run.
    pub fn steps(&self) -> u64 {
        self.events + self.actions.len() as u64
    }

    /// The hash of the run so far: its instants, and every byte sent or written.
    pub fn hash(&self) -> u64 {
        self.s.trace.hash()
    }

    /// The record of what happened.
    pub fn trace(&self) -> &Trace {
        &self.s.trace
    }

    /// Keeps the last `records` records of the trace from now on; 0 keeps none. Never changes the run.
    pub fn listen(&mut self, records: usize) {
        self.listen_to(records, TraceFilter::default());
    }

    /// The same with only those records that a filter lets through. What is left out is still known as a cause by its number.
    pub fn listen_to(&mut self, records: usize, filter: TraceFilter) {
        self.s.trace.listen(records, filter);
        self.name_hosts();
        for (index, process) in self.procs.iter().enumerate() {
            if let Some(id) = process.cluster_id() {
                self.s.trace.know(index as u32, id.as_str());
            }
        }
    }

    /// Tells the trace who is who.
    pub(crate) fn name_hosts(&mut self) {
        self.s.trace.name_hosts(self.net.hosts.iter().map(|host| host.name.as_str()));
    }

    /// Everything that was done to the world from outside.
    pub fn actions(&self) -> &Chunks<ActionRecord> {
        &self.actions
    }

    /// The instant of the next event, if there is one.
    pub fn next_event_at(&self) -> Option<u64> {
        self.s.next_at()
    }

    /// Lets exactly one event happen. `None` if nothing will ever happen.
    pub fn step(&mut self) -> Option<Step> {
        self.step_until(u64::MAX)
    }

    /// Lets everything happen up to an instant, and moves on to it.
    pub fn run_until(&mut self, until_us: u64) -> u64 {
        self.run_until_or_events(until_us, u64::MAX).events
    }

    /// Lets `for_us` virtual microseconds pass; gives how many events happened.
    pub fn run_for(&mut self, for_us: u64) -> u64 {
        self.run_until(self.s.now_us.saturating_add(for_us))
    }

    /// The same for a caller that has to come back: stops after `events_max` events.
    pub fn run_until_or_events(&mut self, until_us: u64, events_max: u64) -> Progress {
        let mut events = 0;
        while events < events_max {
            if self.step_until(until_us).is_none() {
                if until_us != u64::MAX {
                    self.s.now_us = self.s.now_us.max(until_us);
                }
                return Progress { events, reached: true };
            }
            events += 1;
        }
        Progress {
            events,
            reached: self.s.next_at().is_none_or(|at| at > until_us) && self.s.now_us >= until_us,
        }
    }

    /// Plays a list of actions, each at its place, up to the last one's.
    ///
    /// # Errors
    /// The first action that this world refuses, with why.
    pub fn replay<'a>(&mut self, actions: impl IntoIterator<Item = &'a ActionRecord>) -> Result<(), String> {
        for record in actions {
            while self.events < record.after_events && self.step_until(record.at_us).is_some() {}
            self.s.now_us = self.s.now_us.max(record.at_us);
            self.act(record.action.clone())?;
        }
        Ok(())
    }

    pub(crate) fn step_until(&mut self, until_us: u64) -> Option<Step> {
        loop {
            let ev = self.s.pop_until(until_us)?;
            self.s.trace.cause = 0;
            let what = match ev {
                Ev::Wake { node } => {
                    if !self.wake(node) {
                        continue;
                    }
                    StepKind::Wake { node }
                }
                Ev::Free { node } => {
                    if !self.free(node) {
                        continue;
                    }
                    StepKind::Turn { node }
                }
                Ev::Disk { node, op } => {
                    self.disk_done(node, op);
                    StepKind::Disk { node }
                }
                Ev::Writeback { node } => {
                    if !self.write_back(node) {
                        continue;
                    }
                    StepKind::Disk { node }
                }
                Ev::Client { client, generation } => {
                    if !self.clients[client as usize].link.timer_is(generation) {
                        continue;
                    }
                    self.client_event(client, ClientEvent::Timer);
                    StepKind::Client { client }
                }
                Ev::FaultOver { fault } => {
                    if !self.fault_over(fault) {
                        continue;
                    }
                    StepKind::FaultOver { fault }
                }
                Ev::Restart { node } => {
                    if !self.supervise(node) {
                        continue;
                    }
                    StepKind::Restart { node }
                }
                net => {
                    self.net.handle(&mut self.s, net);
                    StepKind::Network
                }
            };
            self.deliver_mail();
            self.events += 1;
            return Some(Step { at_us: self.s.now_us, what });
        }
    }

    pub(super) fn log(&mut self, index: u32, level: crate::host::LogLevel, text: String) {
        let now = self.s.now_us;
        self.s.trace.fold(Tag::Log, now, u64::from(index), level as u64);
        self.s.trace.fold_bytes(text.as_bytes());
        self.s.trace.note(now, || TraceKind::Log { node: index, level, text: trace::cut(text.clone()) });
        self.log_lines += 1;
        let process = &mut self.procs[index as usize];
        let wall_us = process.clock.now(now).wall_us;
        process.keep_log_line(LogLine {
            number: self.log_lines,
            at_us: now,
            wall_us,
            pid: process.pid,
            level,
            text,
        });
    }

    pub(super) fn node_event(&mut self, index: u32, event: Event) {
        let now = self.s.now_us;
        self.s.trace.note(now, || TraceKind::Node { node: index, event: event.clone() });
        // A report is no change of state, and a failure in a large cluster brings very many.
        if !matches!(event, Event::Report { .. }) {
            self.s.trace.fold(Tag::NodeEvent, now, u64::from(index), 0);
            self.tape.push(now, Some(index), TapeKind::Node { event });
        }
    }

    /// Keeps in mind which node id a process has.
    pub(super) fn know_id(&mut self, index: u32, node: &Node) {
        let Some(name) = node.cluster().map(|cluster| cluster.myself().name) else { return };
        self.procs[index as usize].last_id = Some(name);
        self.s.trace.know(index, name.as_str());
    }

    /// Starts the process of a node from the redis.conf on its disk. The host gets power if it has none.
    pub(crate) fn start(&mut self, index: u32) {
        self.start_with(index, None);
    }

    /// The same, of a node whose bus connections stand already.
    fn start_with(&mut self, index: u32, standing: Option<Standing>) {
        let now = self.s.now_us;
        let seed = self.s.rng.next_u64();
        self.net.set_power(&mut self.s, index, true);
        self.next_pid += 1;
        let process = &mut self.procs[index as usize];
        let conf = process.disk.read_file(CONF_PATH).unwrap_or_default();
        let conf_text = String::from_utf8_lossy(&conf).into_owned();
        process.starts += 1;
        process.pid = self.next_pid;
        process.clear_work();
        process.since_us = now;
        let ports = Config::parse(&conf_text).map(|c| (c.port, c.cluster_enabled.then(|| c.bus_port())));
        let options = NodeOptions {
            conf_text,
            conf_path: Some(CONF_PATH.to_string()),
            seed,
            pid: process.pid,
            executable: "/usr/bin/redis-server".to_string(),
            os: "Linux 6.1.0 x86_64".to_string(),
        };
        let life = match Node::new(process.clock.now(now), options) {
            Ok(mut node) => {
                node.set_cpu_costs(&self.setup.cpu);
                if let Some(standing) = standing {
                    node.take_over_bus(standing);
                }
                process.node = Some(Rc::new(node));
                Life::Running
            }
            Err(reason) => {
                if standing.is_some() {
                    self.net.process_ended(&mut self.s, index, false);
                }
                Life::Refused { reason }
            }
        };
        let mut listening = Vec::new();
        if let (Life::Running, Ok((port, bus))) = (&life, ports) {
            let bus = bus.and_then(|b| u16::try_from(b).ok()).unwrap_or(0);
            (process.port, process.bus_port) = (port, bus);
            listening
                .extend([(port, Listener::Client), (bus, Listener::Bus)].into_iter().filter(|l| l.0 != 0));
        }
        self.net.hosts[index as usize].ports = listening;
        // What a process says that never ran has no node to say it, and is all that tells why.
        let last_words = if let Life::Refused { reason } = &life { reason.clone() } else { String::new() };
        self.set_life(index, life);
        for line in last_words.lines().filter(|line| !line.is_empty()) {
            self.log(index, crate::host::LogLevel::Warning, line.to_owned());
        }
        if self.watch.on() {
            self.watch_start(index);
        }
        self.run_turn(index);
    }

    pub(crate) fn set_life(&mut self, index: u32, life: Life) {
        let now = self.s.now_us;
        let process = &mut self.procs[index as usize];
        process.life = life.clone();
        process.since_us = now;
        let words = serde_words(&life);
        self.s.trace.fold(Tag::Life, now, u64::from(index), 0);
        self.s.trace.fold_bytes(words.as_bytes());
        self.s.trace.note(now, || TraceKind::Process { node: index, life: life.clone() });
        self.tape.push(now, Some(index), TapeKind::Process { life });
    }

    /// A process is over: the kernel, if there is one left, closes its connections.
    pub(crate) fn end_process(&mut self, index: u32, life: Life) {
        let power_lost = life == Life::PowerLost;
        let process = &mut self.procs[index as usize];
        process.node = None;
        process.clear_work();
        if !power_lost {
            process.disk.process_ended(self.s.now_us);
        }
        self.net.process_ended(&mut self.s, index, power_lost);
        self.set_life(index, life);
        if self.watch.on() {
            self.watch_end(index);
        }
        self.process_gone(index);
    }

    /// The host of a node loses power; `front` is a file whose bytes up to a place the device still got.
    pub(crate) fn lose_power(&mut self, index: u32, unsynced: Unsynced, front: Option<(&str, u64)>) {
        self.end_process(index, Life::PowerLost);
        self.net.set_power(&mut self.s, index, false);
        if let Some((path, end)) = front {
            self.procs[index as usize].disk.keep_front(path, end);
        }
        self.procs[index as usize].disk.power_lost(&mut self.s.rng, unsynced);
        if self.watch.on() {
            // A part that the device still got tears the file for the ledger as well.
            let unsynced = if front.is_some() { Unsynced::Prefix } else { unsynced };
            self.watch_power_loss(index, unsynced);
        }
        self.collect_changes(index);
    }

    /// A stopped process goes on and finds everything that has happened.
    pub(crate) fn resume(&mut self, index: u32) {
        self.set_life(index, Life::Running);
        self.net.resume_host(&mut self.s, index);
        self.deliver_mail();
        self.plan_free(index);
        self.set_timer(index);
    }

    /// Something happens to a client.
    pub(crate) fn client_event(&mut self, client: u32, event: ClientEvent) {
        let Some(Client { link, kind, .. }) = self.clients.get_mut(client as usize) else { return };
        let mut io = Io { s: &mut self.s, net: &mut self.net, link };
        kind.on(&mut io, event);
    }

    /// The number of a node.
    pub fn node_index(&self, name: &str) -> Option<u32> {
        self.procs.iter().position(|p| p.name == name).map(|i| i as u32)
    }

    /// The node itself, to look at. `None` while its process is not there.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.procs[self.node_index(name)? as usize].node.as_deref()
    }

    /// As [`World::node`], of all nodes in the order of the setup.
    pub fn nodes(&self) -> impl Iterator<Item = Option<&Node>> {
        self.procs.iter().map(|p| p.node.as_deref())
    }

    /// The number of the node that has a 40-character node id, or had it when it ran last.
    pub fn node_of_id(&self, id: &str) -> Option<u32> {
        let has = |p: &Process| p.cluster_id().is_some_and(|name| name.as_str() == id);
        self.procs.iter().position(has).map(|i| i as u32)
    }

    /// The lines that a node's host keeps of its log with a number greater than `after`, oldest first.
    pub fn log_after(&self, name: &str, after: u64) -> impl Iterator<Item = &LogLine> {
        let process = self.node_index(name).map(|i| &self.procs[i as usize]);
        process.into_iter().flat_map(|p| p.log.iter()).filter(move |line| line.number > after)
    }

    /// Begins or ceases to note every change of what is durable. Files that are there already are in [`World::durable_image`].
    pub fn record_durable_changes(&mut self, on: bool) {
        self.recording = on;
        self.changes.clear();
        for process in &mut self.procs {
            process.disk.record_changes(on);
        }
    }

    /// Whether it does.
    pub fn records_durable_changes(&self) -> bool {
        self.recording
    }

    /// What became durable since the last call, on all disks, in order: applied to what was there before, it gives what a loss
    /// of power of the whole cluster at the present virtual instant would leave.
    pub fn take_durable_changes(&mut self) -> Vec<DurableChange> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) fn collect_changes(&mut self, index: u32) {
        if !self.recording {
            return;
        }
        let process = &mut self.procs[index as usize];
        for (path, kind) in process.disk.take_changes() {
            self.changes.push(DurableChange { node: process.name.clone(), path, kind });
        }
    }

    /// The files of a node as a loss of power at this instant would leave them, by path.
    pub fn durable_image(&self, name: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        Some(self.procs[self.node_index(name)? as usize].disk.durable_image())
    }

    /// All nodes' durable files, by node and path: what [`World::restore`] takes.
    pub fn durable_images(&self) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
        self.procs.iter().map(|p| (p.name.clone(), p.disk.durable_image())).collect()
    }

    /// The length of a file as a loss of power at this instant would leave it; `None` if it would not be there.
    pub fn durable_len(&self, name: &str, path: &str) -> Option<u64> {
        self.procs[self.node_index(name)? as usize].disk.durable_len(path)
    }

    /// Up to `len_max` bytes of it from `offset` on: for a mirror that keeps files in blocks.
    pub fn read_durable(&self, name: &str, path: &str, offset: u64, len_max: usize) -> Vec<u8> {
        let at = self.node_index(name).map(|i| &self.procs[i as usize]);
        at.map(|p| p.disk.read_durable(path, offset, len_max)).unwrap_or_default()
    }

    /// Up to `len_max` bytes of a file as the node's processes see it, from `offset` on.
    pub fn read_part(&self, name: &str, path: &str, offset: u64, len_max: usize) -> Vec<u8> {
        let at = self.node_index(name).map(|i| &self.procs[i as usize]);
        at.map(|p| p.disk.read_part(path, offset, len_max)).unwrap_or_default()
    }

    /// A file of a node as its processes see it, through the page cache.
    pub fn read_file(&self, name: &str, path: &str) -> Option<Vec<u8>> {
        self.procs[self.node_index(name)? as usize].disk.read_file(path)
    }
}

/// Applies a list of changes to images, as a mirror of the disks does.
pub fn apply_changes(images: &mut BTreeMap<String, BTreeMap<String, Vec<u8>>>, changes: &[DurableChange]) {
    for change in changes {
        let files = images.entry(change.node.clone()).or_default();
        match &change.kind {
            ChangeKind::Create => {
                files.insert(change.path.clone(), Vec::new());
            }
            ChangeKind::Write { offset, bytes } => {
                let file = files.entry(change.path.clone()).or_default();
                let Ok(offset) = usize::try_from(*offset) else { continue };
                let end = offset.saturating_add(bytes.len());
                if end > IMAGE_LEN_MAX {
                    continue;
                }
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[offset..end].copy_from_slice(bytes);
            }
            ChangeKind::Truncate { len } => {
                let file = files.entry(change.path.clone()).or_default();
                file.truncate(usize::try_from(*len).unwrap_or(usize::MAX));
            }
            ChangeKind::Rename { to } => {
                if let Some(file) = files.remove(&change.path) {
                    files.insert(to.clone(), file);
                }
            }
            ChangeKind::Remove => {
                files.remove(&change.path);
            }
        }
    }
}

/// A stable text of a life for the hash.
fn serde_words(life: &Life) -> String {
    format!("{life:?}")
}

/// Records an action and carries it out. The list of actions grows by one only if the action makes sense.
impl World {
    /// Does something to the world. Gives the number of the fault or the client that it made, if it made one.
    ///
    /// # Errors
    /// Why it cannot be done, and what to do: a name that is nobody's, a process that is not there.
    pub fn act(&mut self, action: Action) -> Result<Option<u32>, String> {
        let (at_us, after_events) = (self.s.now_us, self.events);
        // What a client sends goes into the hash as it is: as a list of numbers it would be five times as long.
        let text = match &action {
            Action::Send { client, .. } => format!("Send {client}"),
            other => format!("{other:?}"),
        };
        let checked = self.check_action(&action)?;
        self.skip_stale();
        self.s.trace.cause = 0;
        self.s.trace.fold(Tag::Action, at_us, after_events, 0);
        self.s.trace.fold_bytes(text.as_bytes());
        if let Action::Send { bytes, .. } = &action {
            self.s.trace.fold_bytes(bytes);
        }
        let record = || TraceKind::Action { action: Box::new(action.clone()) };
        self.s.trace.cause = self.s.trace.note(at_us, record);
        if let Action::EndFault { fault } = &action
            && let Some(active) = self.faults.get(*fault)
        {
            self.s.trace.fault_ended(&active.fault);
        }
        self.actions_len += size_of::<ActionRecord>() + action.heap_len();
        self.actions.push(ActionRecord { at_us, after_events, action: action.clone() });
        self.tape.push(at_us, checked, TapeKind::Action { action: action.clone() });
        let made = self.carry_out(action);
        self.deliver_mail();
        Ok(made)
    }
}
