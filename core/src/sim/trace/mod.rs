//! What happened in a world, and a running hash over all of it.
//!
//! The hash is always kept: it takes in every event's instant and every byte that a process sent or wrote, so equal
//! hashes mean the same run to the last byte, on any platform ([`TraceHash`]). The records are kept only while somebody listens, in a
//! ring; the numbers of the records are given either way, so a run that is watched and one that is not are the same run.
//!
//! A record names what caused it, and what else did ([`TraceRecord::also`]). Most causes are plain: what a node does in a turn
//! comes from the input of that turn. But some of the most telling facts have no single input: a node is suspected because
//! something did *not* come, and it has failed because a majority says so. [`cause`] knows these.
//!
//! Memory: a record takes about 200 bytes and its text no more than 120 characters, so a ring of [`TRACE_RECORDS_MAX`] records stays
//! below 100 MiB; clones of a world share it.

mod cause;
pub mod explain;
pub mod filter;
mod hash;

use crate::event::Event;
use crate::host::{DiskError, LogLevel, NetError};
use crate::sim::chunks::Chunks;
use crate::sim::fault::{Action, Fault};
use cause::Seen;
pub use explain::{Question, Why};
pub use filter::{TraceClass, TraceFilter};
pub use hash::TraceHash;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The type of a cluster bus message (`CLUSTERMSG_TYPE_*`, cluster.h 7.0.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BusKind {
    /// 0: are you there, and this is what I know
    Ping,
    /// 1: the answer to PING and MEET
    Pong,
    /// 2: take me into your cluster
    Meet,
    /// 3: this node has failed
    Fail,
    /// 4: a published message
    Publish,
    /// 5: may I take my master's place
    AuthRequest,
    /// 6: yes, you have my vote
    AuthAck,
    /// 7: your slots are somebody else's now
    Update,
    /// 8: pause your clients, I take over by hand
    Mfstart,
    /// 9: a module's message
    Module,
    /// 10: a message published to a shard
    PublishShard,
    /// none of Redis 7.0's types
    Unknown,
}

impl BusKind {
    /// Reads the type out of the first bytes of a message; `None` if it is no bus message.
    pub fn of(bytes: &[u8]) -> Option<BusKind> {
        if bytes.len() < 16 || !bytes.starts_with(b"RCmb") {
            return None;
        }
        Some(BusKind::from_number(u16::from_be_bytes([bytes[12], bytes[13]])))
    }

    /// The most telling of the messages in these bytes: several that leave together go in one segment.
    pub fn main_of(bytes: &[u8]) -> Option<BusKind> {
        let mut best = BusKind::of(bytes)?;
        let mut rest = bytes;
        while let Some(kind) = BusKind::of(rest) {
            let len = u32::from_be_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
            // One that is cut off tells of itself in the segment that ends it.
            if len < 16 || len > rest.len() {
                break;
            }
            if kind.weight() > best.weight() {
                best = kind;
            }
            rest = &rest[len..];
        }
        Some(best)
    }

    fn weight(self) -> u8 {
        match self {
            BusKind::Pong | BusKind::Unknown => 0,
            BusKind::Ping => 1,
            BusKind::Publish | BusKind::PublishShard | BusKind::Module => 2,
            BusKind::Meet => 3,
            BusKind::Update => 4,
            BusKind::Mfstart => 5,
            BusKind::Fail => 6,
            BusKind::AuthRequest => 7,
            BusKind::AuthAck => 8,
        }
    }

    fn from_number(number: u16) -> BusKind {
        match number {
            0 => BusKind::Ping,
            1 => BusKind::Pong,
            2 => BusKind::Meet,
            3 => BusKind::Fail,
            4 => BusKind::Publish,
            5 => BusKind::AuthRequest,
            6 => BusKind::AuthAck,
            7 => BusKind::Update,
            8 => BusKind::Mfstart,
            9 => BusKind::Module,
            10 => BusKind::PublishShard,
            _ => BusKind::Unknown,
        }
    }
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// RESP: clients, and a replica's link to its master.
    Resp,
    /// The cluster bus.
    Bus,
}

/// Whether a process lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Life {
    /// It runs.
    Running,
    /// It is stopped (SIGSTOP); its kernel goes on.
    Paused,
    /// It was killed (SIGKILL); the page cache of its host is intact.
    Killed,
    /// Its host has no power.
    PowerLost,
    /// It ended by itself.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// It refused to start.
    Refused {
        /// What redis-server prints before it exits.
        reason: String,
    },
}

impl Life {
    /// Whether there is a process (running or stopped).
    pub fn has_process(&self) -> bool {
        matches!(self, Life::Running | Life::Paused)
    }
}

/// One kind of thing that happened. Hosts are numbered as in [`WorldView`](crate::sim::view::WorldView): nodes first, in
/// the order of the setup, then clients.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // the names say it; each variant has its sentence
pub enum TraceKind {
    /// Bytes left a host.
    Sent { channel: Channel, bus: Option<BusKind>, from: u32, to: u32, len: usize, arrives_us: u64 },
    /// Bytes reached a host; the cause is their sending.
    Delivered { channel: Channel, bus: Option<BusKind>, from: u32, to: u32, len: usize },
    /// Bytes were lost on their way; TCP will try again.
    Dropped { channel: Channel, bus: Option<BusKind>, from: u32, to: u32, len: usize },
    /// A connection was accepted.
    Opened { channel: Channel, from: u32, to: u32, port: u16 },
    /// One end of a connection ended or could not be made.
    Closed { host: u32, peer: u32, why: String },
    /// A process asked for a disk operation.
    Disk { node: u32, op: &'static str, path: String, len: usize },
    /// A disk operation is done; the cause is the asking.
    DiskDone { node: u32, op: &'static str, path: String, error: Option<DiskError> },
    /// A client sent a command.
    Command { client: u32, text: String },
    /// A client has a reply; the cause is its command.
    Reply { client: u32, text: String, error: bool },
    /// A node said something about itself.
    Node { node: u32, event: Event },
    /// A node wrote a line to its log.
    Log { node: u32, level: LogLevel, text: String },
    /// A fault or another action from outside.
    Action { action: Box<Action> },
    /// A fault ended by itself.
    FaultOver { number: u32, fault: Box<Fault> },
    /// A process began or ended.
    Process { node: u32, life: Life },
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceRecord {
    /// Its number; records are numbered from 1 in the order in which they happened.
    pub id: u64,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// The number of the record that caused it; 0 if it came by itself (a timer, an action from outside).
    pub cause: u64,
    /// The numbers of records without which it would not have happened either, up to [`ALSO_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<u64>,
    /// What happened.
    #[serde(flatten)]
    pub what: TraceKind,
}

/// Tags that set the kinds of things in the hash apart.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(crate) enum Tag {
    Send = 1,
    Deliver,
    Connect,
    Accept,
    Connected,
    Closed,
    Disk,
    DiskDone,
    Wake,
    Log,
    NodeEvent,
    Action,
    Life,
    Reading,
    ClientSend,
    Writeback,
}

/// The hash, the counter and the ring of records.
#[derive(Clone)]
pub struct Trace {
    hash: TraceHash,
    last_id: u64,
    ring: Chunks<TraceRecord>,
    capacity: usize,
    /// What goes into the ring.
    filter: Rc<TraceFilter>,
    /// What was seen so far that later records may be caused by; only while somebody listens.
    seen: Option<Rc<Seen>>,
    /// The record that caused what happens now.
    pub(crate) cause: u64,
}

/// How many records a world keeps at the most.
pub const TRACE_RECORDS_MAX: usize = 1 << 18;
/// How many further causes a record names at the most.
pub const ALSO_MAX: usize = 64;

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        Trace {
            hash: TraceHash::new(seed),
            last_id: 0,
            ring: Chunks::default(),
            capacity: 0,
            filter: Rc::default(),
            seen: None,
            cause: 0,
        }
    }

    /// Keeps the last `records` records that a filter lets through from now on; 0 keeps none. The run is the same either way.
    pub(crate) fn listen(&mut self, records: usize, filter: TraceFilter) {
        self.capacity = records.min(TRACE_RECORDS_MAX);
        self.filter = Rc::new(filter);
        while self.ring.len() > self.capacity {
            self.ring.drop_first();
        }
        if self.capacity == 0 {
            self.seen = None;
        } else if self.seen.is_none() {
            self.seen = Some(Rc::default());
        }
    }

    /// How many records are kept at the most; 0 if nobody listens.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What goes into the ring.
    pub fn filter(&self) -> &TraceFilter {
        &self.filter
    }

    /// Which node has a 40-character node id.
    pub(crate) fn know(&mut self, node: u32, id: &str) {
        if let Some(seen) = &mut self.seen
            && seen.node_of(id) != Some(node)
        {
            Rc::make_mut(seen).know(node, id);
        }
    }

    /// The names of all hosts, by number.
    pub(crate) fn name_hosts<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        if let Some(seen) = &mut self.seen {
            Rc::make_mut(seen).name_hosts(names);
        }
    }

    /// The name of the next host.
    pub(crate) fn name_host(&mut self, name: &str) {
        if let Some(seen) = &mut self.seen {
            Rc::make_mut(seen).name_host(name);
        }
    }

    /// A fault is ended by hand.
    pub(crate) fn fault_ended(&mut self, fault: &Fault) {
        if let Some(seen) = &mut self.seen {
            Rc::make_mut(seen).fault_ended(fault);
        }
    }

    pub(crate) fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref()
    }

    /// How many records this trace keeps that `other` does not share with it.
    pub(crate) fn unshared(&self, other: Option<&Trace>) -> usize {
        other.map_or(self.ring.len(), |other| self.ring.unshared(&other.ring).count())
    }

    /// The hash of the run so far.
    pub fn hash(&self) -> u64 {
        self.hash.value()
    }

    /// The number of the last record.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The records that are kept with a number greater than `after`, oldest first.
    pub fn records_after(&self, after: u64) -> impl DoubleEndedIterator<Item = &TraceRecord> {
        let skip = self.ring.partition_point(|r| r.id <= after);
        self.ring.iter_from(skip)
    }

    /// One record, if it is still kept.
    pub fn record(&self, id: u64) -> Option<&TraceRecord> {
        self.ring.get(self.ring.partition_point(|r| r.id < id)).filter(|r| r.id == id)
    }

    /// A record and what led to it, latest first, as far as records are kept: the chain of main causes.
    pub fn causes(&self, id: u64) -> Vec<&TraceRecord> {
        let mut chain = Vec::new();
        let mut at = id;
        while let Some(record) = self.record(at) {
            chain.push(record);
            at = record.cause;
        }
        chain
    }

    /// What a record led to, oldest first, as far as records are kept: those that name it or one of these as a cause, `max` at the
    /// most. For a client's command: where it went, what it wrote, and what was sent because of it.
    pub fn effects(&self, id: u64, max: usize) -> Vec<&TraceRecord> {
        let mut of = std::collections::BTreeSet::from([id]);
        let mut effects = Vec::new();
        for record in self.records_after(id) {
            if effects.len() >= max {
                break;
            }
            if of.contains(&record.cause) || record.also.iter().any(|id| of.contains(id)) {
                of.insert(record.id);
                effects.push(record);
            }
        }
        effects
    }

    /// Takes a fact into the hash: a tag, the instant, and two numbers.
    #[inline]
    pub(crate) fn fold(&mut self, tag: Tag, at_us: u64, a: u64, b: u64) {
        self.hash.word(at_us << 8 | tag as u64);
        self.hash.word(a << 32 ^ b);
    }

    /// Takes bytes into the hash.
    #[inline]
    pub(crate) fn fold_bytes(&mut self, bytes: &[u8]) {
        self.hash.bytes(bytes);
    }

    /// Gives the next number, and keeps the record if somebody listens.
    #[inline]
    pub(crate) fn note(&mut self, at_us: u64, what: impl FnOnce() -> TraceKind) -> u64 {
        self.note_because(at_us, self.cause, what)
    }

    /// The same with a cause of its own.
    #[inline]
    pub(crate) fn note_because(&mut self, at_us: u64, cause: u64, what: impl FnOnce() -> TraceKind) -> u64 {
        self.last_id += 1;
        if self.capacity > 0 {
            self.keep(at_us, cause, what());
        }
        self.last_id
    }

    #[inline(never)]
    fn keep(&mut self, at_us: u64, cause: u64, what: TraceKind) {
        let id = self.last_id;
        let mut because = cause::Because::of(cause);
        because.and(self.cause);
        if let Some(seen) = &mut self.seen {
            let seen = Rc::make_mut(seen);
            seen.add_causes(at_us, &what, &mut because);
            seen.learn(id, at_us, &what);
        }
        if !self.filter.lets_through(&what) {
            return;
        }
        if self.ring.len() == self.capacity {
            self.ring.drop_first();
        }
        let (cause, mut also) = because.into_parts(id);
        if !also.is_empty() {
            // What led to another cause is one already.
            let led: Vec<u64> = std::iter::once(&cause)
                .chain(&also)
                .filter_map(|&id| self.record(id))
                .map(|record| record.cause)
                .collect();
            also.retain(|id| !led.contains(id));
        }
        self.ring.push(TraceRecord { id, at_us, cause, also, what });
    }
}

/// A text for a record: no longer than [`TEXT_LEN_MAX`] bytes.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > TEXT_LEN_MAX {
        let at = (0..=TEXT_LEN_MAX).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(at);
        text.push('…');
    }
    text
}

/// How many bytes of a command, a reply or a line of a log a record shows.
pub(crate) const TEXT_LEN_MAX: usize = 120;

/// The words for the end of a connection.
pub(crate) fn why(error: NetError) -> String {
    match error {
        NetError::Eof => "closed by the peer".to_string(),
        other => other.strerror().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> TraceKind {
        TraceKind::Log { node: 0, level: LogLevel::Notice, text: text.to_string() }
    }

    #[test]
    fn records_are_kept_only_for_a_listener_and_bounded() {
        let mut trace = Trace::new(1);
        let quiet = trace.note(1, || unreachable!("nobody listens"));
        assert_eq!(quiet, 1);
        trace.listen(2, TraceFilter::default());
        for at in 2..6 {
            trace.cause = trace.note(at, || log("x"));
        }
        assert_eq!(trace.records_after(0).map(|r| r.id).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(trace.causes(5).iter().map(|r| r.at_us).collect::<Vec<_>>(), [5, 4]);
        assert_eq!(trace.effects(3, 10).iter().map(|r| r.id).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn a_record_has_several_causes() {
        let mut trace = Trace::new(1);
        trace.listen(100, TraceFilter::default());
        let (a, b) = (trace.note(1, || log("a")), trace.note(1, || log("b")));
        trace.cause = a;
        let both = trace.note_because(2, b, || log("both"));
        let record = trace.record(both).unwrap();
        assert_eq!((record.cause, &record.also[..]), (b, &[a][..]));
        assert_eq!(trace.effects(a, 10)[0].id, both);
    }

    #[test]
    fn bus_messages_are_known_by_their_header() {
        let message = |kind: u8| {
            let mut header = vec![0; 2256];
            header[..4].copy_from_slice(b"RCmb");
            header[4..8].copy_from_slice(&2256u32.to_be_bytes());
            header[13] = kind;
            header
        };
        assert_eq!(BusKind::of(&message(5)), Some(BusKind::AuthRequest));
        assert_eq!(BusKind::of(b"*1\r\n$4\r\nPING\r\n"), None);
        let together = [message(0), message(3), message(1)].concat();
        assert_eq!(BusKind::main_of(&together), Some(BusKind::Fail));
        assert_eq!(BusKind::main_of(&together[..2300]), Some(BusKind::Ping), "the second one is cut off");
    }
}
