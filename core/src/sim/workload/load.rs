//! The clients of a workload: when they begin an operation, where they send it, and their connections.
//!
//! All of a workload's clients share one host, one generator and one timer in the world's queue, which goes off at the earliest of what they
//! wait for. Time-outs are all equally long, so they lie in a queue in order and cost nothing while operations end in time.
//! What several commands of one event have to say over one connection leaves together.

use super::answers::Answers;
use super::draw::{Dice, Op, interval_us};
use super::history::{HISTORY_LEN_MAX, OpRecord, Outcome, PendingOp, Seen, WriteId};
use super::map::{Directory, SlotMap};
use super::stats::{End, Meter, WorkloadStats};
use super::traffic::{Notes, Way};
use super::{Pace, Workload};
use crate::resp::{Decoder, encode_command};
use crate::rng::Rng;
use crate::sim::chunks::Chunks;
use crate::sim::client::Io;
use crate::sim::net::Owner;
use crate::sim::queue::ConnRef;
use crate::store::slot::key_slot;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

/// How many operations wait for a client that is busy; what comes further is refused.
const BACKLOG_MAX: usize = 1000;
/// A map is not asked for again so soon after it was fetched, in microseconds.
const REFRESH_PAUSE_US: u64 = 100_000;
/// The longest wait before another try, in microseconds.
const BACKOFF_MAX_US: u64 = 1_000_000;
/// Clients begin within this time, in microseconds.
const START_SPREAD_US: u64 = 100_000;
/// The place of a subscriber's own connection among its connections.
const SUBSCRIPTION: u16 = u16::MAX;
/// How many replicas of replicas lead a client to their master before it gives that up: they could follow each other in a circle.
const HOPS_MAX: u8 = 8;

/// A connection of a workload, as its network events name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadConn {
    pub index: u32,
    pub generation: u32,
}

/// What a reply is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Await {
    /// AUTH and READONLY.
    Nothing,
    /// CLUSTER SLOTS, or ROLE.
    Map,
    /// A command of this operation.
    Op(u32),
}

#[derive(Clone, Debug)]
pub(super) struct Conn {
    pub client: u32,
    pub node: u16,
    /// The place in the client's list: the node, or [`SUBSCRIPTION`].
    place: u16,
    pub reference: ConnRef,
    generation: u32,
    pub used: bool,
    pub up: bool,
    /// AUTH was answered by WRONGPASS.
    pub wrong_password: bool,
    pub decoder: Decoder,
    pub out: Vec<u8>,
    pub awaits: VecDeque<Await>,
    dirty: bool,
}

impl Conn {
    pub fn subscribes(&self) -> bool {
        self.place == SUBSCRIPTION
    }
}

/// How a client comes to its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    Idle,
    Asking,
    Waiting,
}

#[derive(Clone, Debug)]
pub(super) struct AppClient {
    pub map: Rc<SlotMap>,
    /// What MOVED said since.
    pub moved: SmallVec<[(u16, u16); 2]>,
    pub conns: SmallVec<[(u16, u32); 4]>,
    /// Operations under way.
    pub pending: u32,
    /// When operations were wanted that wait.
    backlog: VecDeque<u64>,
    number: u64,
    /// Operations that wait for a map.
    pub parked: Vec<u32>,
    pub refresh: Refresh,
    pub refreshed_us: u64,
    pub attempts: u32,
    /// How many replicas have named another node as their master since it asked last.
    hops: u8,
    /// Why a node gave it no map when it asked last, if it was not let in.
    pub refused: Option<Rc<str>>,
    pub stamp: u32,
    /// The channel of a subscriber.
    channel: Option<Rc<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct OpState {
    pub used: bool,
    /// Counts the steps of all operations that had this place: a time-out of an earlier step is known by it.
    pub stamp: u32,
    pub id: WriteId,
    pub op: Op,
    pub key: Rc<str>,
    pub second_key: Option<Rc<str>>,
    pub field: Option<u8>,
    pub slot: u16,
    size: u32,
    pub invoked_us: u64,
    /// When it was last sent to a node.
    pub sent_us: u64,
    pub tries: u32,
    pub target: Option<u16>,
    pub asking: bool,
    /// The connection it was sent over.
    pub conn: Option<u32>,
    pub replies_left: u32,
    pub replies: u32,
    pub error: Option<Vec<u8>>,
    pub seen: Seen,
    pub replicas: Option<i64>,
    pub node: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next operation of an open workload.
    Arrival,
    /// A client begins an operation.
    Issue(u32),
    /// An operation is tried again.
    Retry(u32, u32),
    /// A client asks for a map.
    Refresh(u32),
    /// A subscriber subscribes.
    Subscribe(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Expiry {
    Op(u32, u32),
    Map(u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    Stopping,
    Stopped,
}

/// A workload that runs.
#[derive(Clone)]
pub(crate) struct Load {
    pub(super) workload: Rc<Workload>,
    name: Rc<str>,
    dice: Dice,
    pub(super) rng: Rng,
    pub(super) directory: Directory,
    seeds: Vec<u16>,
    pub(super) clients: Vec<AppClient>,
    pub(super) conns: Vec<Conn>,
    free_conns: Vec<u32>,
    pub(super) ops: Vec<OpState>,
    free_ops: Vec<u32>,
    timers: BinaryHeap<Reverse<(u64, u64, Timer)>>,
    timer_count: u64,
    expiries: VecDeque<(u64, Expiry)>,
    armed_us: Option<u64>,
    /// When the last operation of an open workload was wanted, in microseconds.
    arrival_us: f64,
    dirty: Vec<u32>,
    /// Clients that may begin another operation.
    ready: Vec<u32>,
    pub(super) pending: u64,
    pub(super) stage: Stage,
    pub(super) meter: Meter,
    pub(super) notes: Notes,
    /// How long clients have waited for each node lately; nothing reads it but who looks.
    pub(super) answers: Answers,
    history: Option<Chunks<OpRecord>>,
    history_lost: u64,
}

impl Load {
    /// Clients for nodes at these addresses, of which each knows the seeds at first.
    pub fn new(
        workload: Workload,
        name: &str,
        seeds: &[(String, u16)],
        rng: Rng,
        now_us: u64,
        history: bool,
    ) -> Load {
        let mut directory = Directory::default();
        let seeds = seeds.iter().filter_map(|(ip, port)| directory.number(ip, *port)).collect();
        let dice = Dice::new(&workload);
        let empty = Rc::new(SlotMap::default());
        let client = |number: u32| AppClient {
            map: Rc::clone(&empty),
            moved: SmallVec::new(),
            conns: SmallVec::new(),
            pending: 0,
            backlog: VecDeque::new(),
            number: 0,
            parked: Vec::new(),
            refresh: Refresh::Idle,
            refreshed_us: 0,
            attempts: 0,
            hops: 0,
            refused: None,
            stamp: 0,
            channel: number
                .checked_sub(workload.clients)
                .map(|subscriber| dice.channel(subscriber.into()).into()),
        };
        Load {
            clients: (0..workload.clients + workload.subscribers).map(client).collect(),
            workload: Rc::new(workload),
            name: name.into(),
            dice,
            rng,
            directory,
            seeds,
            conns: Vec::new(),
            free_conns: Vec::new(),
            ops: Vec::new(),
            free_ops: Vec::new(),
            timers: BinaryHeap::new(),
            timer_count: 0,
            expiries: VecDeque::new(),
            armed_us: None,
            arrival_us: now_us as f64,
            dirty: Vec::new(),
            ready: Vec::new(),
            pending: 0,
            stage: Stage::Running,
            meter: Meter::new(now_us),
            notes: Notes::default(),
            answers: Answers::default(),
            history: history.then(Chunks::default),
            history_lost: 0,
        }
    }

    /// Whether it has not come to its end.
    pub fn running(&self) -> bool {
        self.stage != Stage::Stopped
    }

    /// Whether it begins further operations.
    pub fn begins_more(&self) -> bool {
        self.stage == Stage::Running
    }

    /// The name of its host.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The figures so far.
    pub fn stats(&self, now_us: u64) -> WorkloadStats {
        self.meter.stats(now_us, &self.name, self.running(), self.pending)
    }

    /// Counters and histograms, to be added to others.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How much memory it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        let history = self.history.as_ref().map_or(0, Chunks::len);
        size_of::<Load>()
            + self.clients.len() * size_of::<AppClient>()
            + self.conns.len() * (size_of::<Conn>() + 256)
            + self.ops.len() * (size_of::<OpState>() + 64)
            + (self.timers.len() + self.expiries.len()) * 32
            + history * (size_of::<OpRecord>() + 64)
            + (64 << 10)
    }

    /// How many operations are under way.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Begins or ceases to keep what operations came to.
    pub fn record_history(&mut self, on: bool) {
        self.history = on.then(Chunks::default);
    }

    /// The operations that ended since the last call, and how many more there were than are kept.
    pub fn take_history(&mut self) -> (Vec<OpRecord>, u64) {
        let records = self.history.as_mut().map(Chunks::drain).unwrap_or_default();
        (records, std::mem::take(&mut self.history_lost))
    }

    /// The operations under way.
    pub fn pending_ops(&self) -> Vec<PendingOp> {
        let used = self.ops.iter().filter(|op| op.used);
        let pending = |op: &OpState| PendingOp {
            id: op.id,
            op: op.op,
            key: Rc::clone(&op.key),
            second_key: op.second_key.clone(),
            field: op.field,
            invoked_us: op.invoked_us,
            sent: op.conn.is_some_and(|conn| self.conns[conn as usize].up),
        };
        used.map(pending).collect()
    }

    /// Sets everything going.
    pub fn start(&mut self, io: &mut Io<'_>) {
        let now_us = io.now_us();
        match self.workload.pace {
            Pace::Open { .. } => self.next_arrival(now_us),
            Pace::Closed { .. } => {
                for client in 0..self.workload.clients {
                    let at = now_us + self.rng.below(START_SPREAD_US);
                    for _ in 0..self.workload.pipeline {
                        self.at(at, Timer::Issue(client));
                    }
                }
            }
        }
        for subscriber in self.workload.clients..self.clients.len() as u32 {
            let at = now_us + self.rng.below(START_SPREAD_US);
            self.at(at, Timer::Subscribe(subscriber));
        }
        self.settle(io);
    }

    /// No more operations: those under way end first.
    pub fn stop(&mut self, io: &mut Io<'_>) {
        if self.stage == Stage::Running {
            self.stage = Stage::Stopping;
            for op in 0..self.ops.len() as u32 {
                let state = &self.ops[op as usize];
                if state.used && state.conn.is_none() {
                    self.end_op(io, op, Outcome::Error("stopped".into()));
                }
            }
        }
        self.settle(io);
    }

    /// Takes the place of the clients that this host had before: their process ends, with the connections and the operations under
    /// way. What they did is kept, and the numbers of writes go on, so that every write of the run has its own.
    pub fn succeed(&mut self, before: &mut Load, io: &mut Io<'_>) {
        for index in 0..before.ops.len() as u32 {
            let op = &before.ops[index as usize];
            if op.used {
                let sent = op.conn.is_some_and(|conn| before.conns[conn as usize].up);
                let why = "stopped".into();
                let unknown = sent && op.op.writes();
                before.end_op(io, index, if unknown { Outcome::Unknown(why) } else { Outcome::Error(why) });
            }
        }
        if before.running() {
            before.end(io);
        }
        let number = before.clients.iter().map(|client| client.number).max().unwrap_or_default();
        self.clients.iter_mut().for_each(|client| client.number = number);
        if self.history.is_some() {
            self.history = before.history.take();
            self.history_lost = before.history_lost;
        }
    }

    /// The timer has gone off.
    pub fn on_timer(&mut self, io: &mut Io<'_>) {
        self.armed_us = None;
        let now_us = io.now_us();
        while let Some(&(at_us, expiry)) = self.expiries.front()
            && at_us <= now_us
        {
            self.expiries.pop_front();
            self.expired(io, expiry);
        }
        while let Some(&Reverse((at_us, _, timer))) = self.timers.peek()
            && at_us <= now_us
        {
            self.timers.pop();
            self.timer(io, timer);
        }
        self.settle(io);
    }

    fn timer(&mut self, io: &mut Io<'_>, timer: Timer) {
        let running = self.stage == Stage::Running;
        match timer {
            Timer::Arrival if running => {
                let client = self.rng.below(self.workload.clients.into()) as u32;
                let wanted_us = self.arrival_us as u64;
                self.next_arrival(io.now_us());
                let (pipeline, state) = (self.workload.pipeline, &mut self.clients[client as usize]);
                if state.pending < pipeline {
                    self.begin_op(io, client, wanted_us);
                } else if state.backlog.len() < BACKLOG_MAX {
                    state.backlog.push_back(wanted_us);
                } else {
                    self.meter.begun += 1;
                    self.meter.ended(io.now_us(), 0, End::Error, "overload");
                }
            }
            Timer::Issue(client) if running => self.begin_op(io, client, io.now_us()),
            Timer::Retry(op, stamp) => {
                let state = &self.ops[op as usize];
                if state.used && state.stamp == stamp {
                    self.dispatch(io, op);
                }
            }
            Timer::Refresh(client) if self.clients[client as usize].refresh == Refresh::Waiting => {
                self.clients[client as usize].refresh = Refresh::Idle;
                self.ask_map(io, client);
            }
            Timer::Subscribe(client) if running => self.subscribe(io, client),
            _ => {}
        }
    }

    fn next_arrival(&mut self, now_us: u64) {
        if let Pace::Open { per_second } = self.workload.pace {
            self.arrival_us += interval_us(&mut self.rng, per_second);
            self.at((self.arrival_us as u64).max(now_us), Timer::Arrival);
        }
    }

    pub(super) fn at(&mut self, at_us: u64, timer: Timer) {
        self.timer_count += 1;
        self.timers.push(Reverse((at_us, self.timer_count, timer)));
    }

    pub(super) fn expire(&mut self, now_us: u64, expiry: Expiry) {
        let wait_ms = self.workload.wait.map_or(0, |wait| wait.timeout_ms);
        let limit_us = (u64::from(self.workload.timeout_ms) + u64::from(wait_ms)) * 1000;
        self.expiries.push_back((now_us + limit_us, expiry));
    }

    /// How long to wait before a try, in microseconds.
    pub(super) fn backoff_us(&mut self, tries: u32) -> u64 {
        let base = u64::from(self.workload.backoff_ms) * 1000;
        let longest = (base << tries.saturating_sub(1).min(20)).min(BACKOFF_MAX_US);
        longest / 2 + self.rng.below(longest / 2 + 1)
    }

    /// Ends an event: clients that may go on do, what is to be sent leaves, the timer is set.
    pub(super) fn settle(&mut self, io: &mut Io<'_>) {
        while let Some(client) = self.ready.pop() {
            self.go_on(io, client);
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            let conn = &mut self.conns[index as usize];
            conn.dirty = false;
            if conn.used && conn.up && !conn.out.is_empty() {
                let bytes = std::mem::take(&mut conn.out);
                io.net.send(io.s, conn.reference, 0, bytes);
            }
        }
        self.dirty = dirty;
        let over = self.workload.operations_max > 0 && self.meter.begun >= self.workload.operations_max;
        if self.pending == 0 && (self.stage == Stage::Stopping || (over && self.stage == Stage::Running)) {
            return self.end(io);
        }
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        let expiry = self.expiries.front().map(|(at, _)| *at);
        let due = timer.into_iter().chain(expiry).min();
        if due.is_some() && due != self.armed_us && self.stage != Stage::Stopped {
            self.armed_us = due;
            io.timer(due.unwrap_or_default().saturating_sub(io.now_us()));
        }
    }

    fn end(&mut self, io: &mut Io<'_>) {
        self.stage = Stage::Stopped;
        self.meter.ended_us = Some(io.now_us());
        for index in 0..self.conns.len() {
            if self.conns[index].used {
                io.net.close(io.s, self.conns[index].reference, 0, true);
            }
        }
        self.conns.clear();
        self.free_conns.clear();
        self.dirty.clear();
        self.timers.clear();
        self.expiries.clear();
        io.no_timer();
    }

    fn go_on(&mut self, io: &mut Io<'_>, client: u32) {
        if self.stage != Stage::Running {
            return;
        }
        match self.workload.pace {
            Pace::Open { .. } => {
                if let Some(wanted_us) = self.clients[client as usize].backlog.pop_front() {
                    self.begin_op(io, client, wanted_us);
                }
            }
            Pace::Closed { think_us: 0 } => self.begin_op(io, client, io.now_us()),
            Pace::Closed { think_us } => self.at(io.now_us() + u64::from(think_us), Timer::Issue(client)),
        }
    }

    // --- operations ---

    fn begin_op(&mut self, io: &mut Io<'_>, client: u32, invoked_us: u64) {
        if self.workload.operations_max > 0 && self.meter.begun >= self.workload.operations_max {
            return;
        }
        let op = self.dice.op(&mut self.rng);
        let number = self.dice.key(&mut self.rng);
        let mut key = String::new();
        self.dice.write_key(op, number, false, &mut key);
        let slot = key_slot(key.as_bytes());
        let second_key = matches!(op, Op::Mset | Op::Mget | Op::SetBoth | Op::GetBoth).then(|| {
            let mut key = String::new();
            self.dice.write_key(op, number, true, &mut key);
            key.into()
        });
        let field = matches!(op, Op::Hset | Op::Hget).then(|| self.dice.field(&mut self.rng));
        let size = if op.writes() { self.dice.size(&mut self.rng) } else { 0 };
        let state = &mut self.clients[client as usize];
        state.number += 1;
        state.pending += 1;
        self.pending += 1;
        self.meter.begun += 1;
        let id = WriteId { workload: io.link.client, client, number: state.number };
        let mut op = OpState {
            used: true,
            stamp: 0,
            id,
            op,
            key: key.into(),
            second_key,
            field,
            slot,
            size,
            invoked_us,
            sent_us: invoked_us,
            tries: 0,
            target: None,
            asking: false,
            conn: None,
            replies_left: 0,
            replies: 0,
            error: None,
            seen: Seen::Nothing,
            replicas: None,
            node: None,
        };
        let index = match self.free_ops.pop() {
            Some(index) => {
                op.stamp = self.ops[index as usize].stamp;
                self.ops[index as usize] = op;
                index
            }
            None => {
                self.ops.push(op);
                (self.ops.len() - 1) as u32
            }
        };
        self.dispatch(io, index);
    }

    /// The node that an operation goes to, as far as its client knows.
    fn target(&mut self, index: u32) -> Option<u16> {
        let op = &mut self.ops[index as usize];
        if let Some(node) = op.target.take() {
            return Some(node);
        }
        let (op, slot) = (op.op, op.slot);
        let client = &self.clients[self.ops[index as usize].id.client as usize];
        // A cluster carries what is published to all nodes; outside of one only replicas hear it, of their master.
        if op == Op::Publish && !client.map.plain {
            return client.map.any(self.rng.next_u64() >> 1);
        }
        let moved = client.moved.iter().rev().find(|(moved, _)| *moved == slot);
        let nodes = client.map.nodes_of(slot);
        match moved {
            Some((_, node)) => Some(*node),
            None if self.workload.read_from_replicas && !op.writes() && !nodes.is_empty() => {
                nodes.get(self.rng.below(nodes.len() as u64) as usize).copied()
            }
            None => nodes.first().copied(),
        }
    }

    /// Sends an operation to the node that serves it, or lets it wait for a map that says which one that is.
    pub(super) fn dispatch(&mut self, io: &mut Io<'_>, index: u32) {
        let client = self.ops[index as usize].id.client;
        let target = self.target(index);
        let op = &mut self.ops[index as usize];
        op.stamp = op.stamp.wrapping_add(1);
        op.conn = None;
        let stamp = op.stamp;
        self.expire(io.now_us(), Expiry::Op(index, stamp));
        let Some(node) = target else {
            let op = &mut self.ops[index as usize];
            op.tries += 1;
            // To wait for the first map is no second try. (Clients that neither wait nor think would end one operation after the other at
            // the same instant, for ever.)
            if op.tries > self.workload.retries_max.max(1) {
                return self.end_without_map(io, index);
            }
            self.clients[client as usize].parked.push(index);
            return self.refresh(io, client);
        };
        let conn = self.conn_to(io, client, node);
        let op = &mut self.ops[index as usize];
        op.conn = Some(conn);
        op.node = Some(node);
        op.sent_us = io.now_us();
        op.error = None;
        let mut out = std::mem::take(&mut self.conns[conn as usize].out);
        let op = &self.ops[index as usize];
        let replies = write_op(op, self.workload.wait, &mut out);
        self.conns[conn as usize].out = out;
        let op = &mut self.ops[index as usize];
        (op.replies, op.replies_left) = (replies, replies);
        self.conns[conn as usize].awaits.push_back(Await::Op(index));
        self.notes.note(node, Way::Asked, io.now_us());
        self.touch(conn);
    }

    /// An operation ends that has found no node to go to.
    pub(super) fn end_without_map(&mut self, io: &mut Io<'_>, index: u32) {
        let client = &self.clients[self.ops[index as usize].id.client as usize];
        let why = client.refused.clone().unwrap_or_else(|| "unreachable".into());
        self.end_op(io, index, Outcome::Error(why));
    }

    /// An operation is over for its client.
    pub(super) fn end_op(&mut self, io: &mut Io<'_>, index: u32, outcome: Outcome) {
        let now_us = io.now_us();
        let op = &mut self.ops[index as usize];
        op.used = false;
        op.stamp = op.stamp.wrapping_add(1);
        let op = &self.ops[index as usize];
        let (end, kind): (End, &str) = match &outcome {
            Outcome::Ok(_) => (End::Ok { write: op.op.writes() }, ""),
            Outcome::Error(kind) => (End::Error, kind),
            Outcome::Unknown(kind) => (End::Unknown, kind),
        };
        let latency_us = now_us.saturating_sub(op.invoked_us);
        self.meter.ended(now_us, latency_us, end, kind);
        self.notes.ended(op.op, &op.key, latency_us, &outcome);
        if let (End::Ok { .. }, Some(node)) = (end, op.node) {
            self.answers.note(node, now_us.saturating_sub(op.sent_us), now_us);
        }
        if let Some(history) = &mut self.history {
            if history.len() >= HISTORY_LEN_MAX {
                history.drop_first();
                self.history_lost += 1;
            }
            history.push(OpRecord {
                id: op.id,
                op: op.op,
                key: Rc::clone(&op.key),
                second_key: op.second_key.clone(),
                field: op.field,
                invoked_us: op.invoked_us,
                completed_us: now_us,
                outcome,
                replicas: op.replicas,
                node: op.node.and_then(|node| self.directory.get(node)).map(|node| Rc::clone(&node.text)),
            });
        }
        let client = op.id.client;
        self.free_ops.push(index);
        self.pending -= 1;
        let state = &mut self.clients[client as usize];
        state.pending -= 1;
        state.parked.retain(|parked| *parked != index);
        self.ready.push(client);
    }

    // --- connections ---

    /// The client's connection to a node, made if there is none.
    fn conn_to(&mut self, io: &mut Io<'_>, client: u32, node: u16) -> u32 {
        let known = self.clients[client as usize].conns.iter().find(|(place, _)| *place == node);
        match known {
            Some((_, conn)) => *conn,
            None => self.open(io, client, node, node),
        }
    }

    fn open(&mut self, io: &mut Io<'_>, client: u32, node: u16, place: u16) -> u32 {
        let (ip, port) = self.directory.get(node).map_or(("".into(), 0), |n| (Rc::clone(&n.ip), n.port));
        let index = self.free_conns.pop().unwrap_or(self.conns.len() as u32);
        let generation = self.conns.get(index as usize).map_or(0, |old| old.generation.wrapping_add(1));
        let owner = Owner::Load { client: io.link.client, conn: LoadConn { index, generation } };
        let reference = io.net.connect(io.s, io.link.host, owner, &ip, port);
        let mut conn = Conn {
            client,
            node,
            place,
            reference,
            generation,
            used: true,
            up: false,
            wrong_password: false,
            decoder: Decoder::new(),
            out: Vec::new(),
            awaits: VecDeque::new(),
            dirty: false,
        };
        if !self.workload.password.is_empty() {
            encode_command(&mut conn.out, &[b"AUTH", self.workload.password.as_bytes()]);
            conn.awaits.push_back(Await::Nothing);
        }
        let plain = self.clients[client as usize].map.plain;
        if self.workload.read_from_replicas && place != SUBSCRIPTION && !plain {
            encode_command(&mut conn.out, &[b"READONLY"]);
            conn.awaits.push_back(Await::Nothing);
        }
        match self.conns.get_mut(index as usize) {
            Some(old) => *old = conn,
            None => self.conns.push(conn),
        }
        self.clients[client as usize].conns.push((place, index));
        self.meter.connections += 1;
        index
    }

    /// Takes a connection out of the tables; what it still had to give is the caller's affair.
    pub(super) fn forget_conn(&mut self, index: u32) -> VecDeque<Await> {
        let conn = &mut self.conns[index as usize];
        conn.used = false;
        conn.out = Vec::new();
        conn.decoder = Decoder::new();
        let (client, awaits) = (conn.client, std::mem::take(&mut conn.awaits));
        self.clients[client as usize].conns.retain(|(_, other)| *other != index);
        self.free_conns.push(index);
        awaits
    }

    /// The place of a connection, if it still is the one that an event is about.
    pub(super) fn conn(&self, conn: LoadConn) -> Option<u32> {
        let found = self.conns.get(conn.index as usize)?;
        (found.used && found.generation == conn.generation).then_some(conn.index)
    }

    /// The connection that an event is about, if it is still in use.
    pub(crate) fn connection(&self, conn: LoadConn) -> Option<ConnRef> {
        self.conn(conn).map(|index| self.conns[index as usize].reference)
    }

    /// A connection has something to send.
    pub(super) fn touch(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        if conn.up && !conn.dirty {
            conn.dirty = true;
            self.dirty.push(index);
        }
    }

    // --- maps ---

    /// Sees to it that a client gets another map soon.
    pub(super) fn refresh(&mut self, io: &mut Io<'_>, client: u32) {
        let now_us = io.now_us();
        let state = &mut self.clients[client as usize];
        if state.refresh != Refresh::Idle {
            return;
        }
        let again_us = state.refreshed_us + REFRESH_PAUSE_US;
        if state.refreshed_us > 0 && now_us < again_us {
            state.refresh = Refresh::Waiting;
            self.at(again_us, Timer::Refresh(client));
        } else {
            self.ask_map(io, client);
        }
    }

    /// Asks a node for a map: a seed at first and whenever nothing else is known, else any node of the map that there is, so that a
    /// dead one is asked once only. Outside of a cluster nodes do not hear of each other's fate, and the seeds are asked one after the other.
    fn ask_map(&mut self, io: &mut Io<'_>, client: u32) {
        let pick = self.rng.next_u64() >> 1;
        let state = &mut self.clients[client as usize];
        let seed = self.seeds.get((client as usize + state.attempts as usize) % self.seeds.len().max(1));
        let asks_known = state.attempts.is_multiple_of(2) && !state.map.plain;
        let known = if asks_known { state.map.any(pick) } else { None };
        let Some(node) = known.or(seed.copied()) else { return };
        state.refresh = Refresh::Asking;
        state.hops = 0;
        state.stamp = state.stamp.wrapping_add(1);
        let stamp = state.stamp;
        self.expire(io.now_us(), Expiry::Map(client, stamp));
        self.ask(io, client, node, &[b"CLUSTER", b"SLOTS"]);
    }

    /// Sends a node a command whose reply makes a map.
    pub(super) fn ask(&mut self, io: &mut Io<'_>, client: u32, node: u16, command: &[&[u8]]) {
        let conn = self.conn_to(io, client, node);
        encode_command(&mut self.conns[conn as usize].out, command);
        self.conns[conn as usize].awaits.push_back(Await::Map);
        self.touch(conn);
    }

    /// Asks the node that a replica named as its master for its role. Gives whether it did: not if that leads nowhere.
    pub(super) fn ask_master(&mut self, io: &mut Io<'_>, client: u32, master: u16) -> bool {
        let hops = &mut self.clients[client as usize].hops;
        *hops += 1;
        let asks = *hops <= HOPS_MAX;
        if asks {
            self.ask(io, client, master, &[b"ROLE"]);
        }
        asks
    }

    // --- subscribers ---

    /// Subscribes to the client's channel at a node that will hear of its messages.
    fn subscribe(&mut self, io: &mut Io<'_>, client: u32) {
        let state = &self.clients[client as usize];
        let Some(channel) = state.channel.clone() else { return };
        if state.conns.iter().any(|(place, _)| *place == SUBSCRIPTION) {
            return;
        }
        let pick = self.rng.next_u64() >> 1;
        let slot = key_slot(channel.as_bytes());
        let moved = state.moved.iter().rev().find(|(moved, _)| *moved == slot).map(|(_, node)| *node);
        let node = if self.workload.shard_channels {
            moved.or_else(|| state.map.nodes_of(slot).first().copied())
        } else {
            state.map.any(pick)
        };
        let Some(node) = node else {
            let at_us = io.now_us() + self.backoff_us(4);
            self.at(at_us, Timer::Subscribe(client));
            return self.refresh(io, client);
        };
        let conn = self.open(io, client, node, SUBSCRIPTION);
        let verb: &[u8] = if self.workload.shard_channels { b"SSUBSCRIBE" } else { b"SUBSCRIBE" };
        encode_command(&mut self.conns[conn as usize].out, &[verb, channel.as_bytes()]);
        self.touch(conn);
    }
}

/// Writes the commands of an operation; gives how many replies they have.
fn write_op(op: &OpState, wait: Option<super::Wait>, out: &mut Vec<u8>) -> u32 {
    let mut replies = 1;
    if op.asking {
        encode_command(out, &[b"ASKING"]);
        replies += 1;
    }
    let value = || {
        let mut value = op.id.to_string().into_bytes();
        value.resize(value.len().max(op.size as usize), b'x');
        value
    };
    let key = op.key.as_bytes();
    let second = op.second_key.as_deref().unwrap_or_default().as_bytes();
    let field = [b'f', b'a' + op.field.unwrap_or(0)];
    match op.op {
        Op::Set => encode_command(out, &[b"SET", key, &value()]),
        Op::Get | Op::GetCounter => encode_command(out, &[b"GET", key]),
        Op::Incr => encode_command(out, &[b"INCR", key]),
        Op::Push => encode_command(out, &[b"LPUSH", key, &value()]),
        Op::Pop => encode_command(out, &[b"RPOP", key]),
        Op::Len => encode_command(out, &[b"LLEN", key]),
        Op::Hset => encode_command(out, &[b"HSET", key, &field, &value()]),
        Op::Hget => encode_command(out, &[b"HGET", key, &field]),
        Op::Sadd => encode_command(out, &[b"SADD", key, &value()]),
        Op::Spop => encode_command(out, &[b"SPOP", key]),
        Op::Scard => encode_command(out, &[b"SCARD", key]),
        Op::Mset => encode_command(out, &[b"MSET", key, &value(), second, &value()]),
        Op::Mget => encode_command(out, &[b"MGET", key, second]),
        Op::SetBoth | Op::GetBoth => {
            encode_command(out, &[b"MULTI"]);
            for key in [key, second] {
                if op.op == Op::SetBoth {
                    encode_command(out, &[b"SET", key, &value()]);
                } else {
                    encode_command(out, &[b"GET", key]);
                }
            }
            encode_command(out, &[b"EXEC"]);
            replies += 3;
        }
        Op::Publish => encode_command(out, &[b"PUBLISH", key, &value()]),
        Op::ShardPublish => encode_command(out, &[b"SPUBLISH", key, &value()]),
    }
    if let Some(wait) = wait.filter(|_| op.op.writes_keys()) {
        let (replicas, timeout) = (wait.replicas.to_string(), wait.timeout_ms.to_string());
        encode_command(out, &[b"WAIT", replicas.as_bytes(), timeout.as_bytes()]);
        replies += 1;
    }
    replies
}
