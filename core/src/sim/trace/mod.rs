//! What happened in a world, and a running hash over all of it.
//!
//! The hash is always kept: it takes in every event's instant and every byte that a process sent or wrote, so equal
//! hashes mean the same run to the last byte, on any platform. The records are kept only while somebody listens, in a
//! ring; the numbers of the records are given either way, so a run that is watched and one that is not are the same run.
//!
//! The hash has the shape of xxHash's 64-bit one (four lanes of multiply and rotate over 32 bytes at a time), because a
//! world that runs thousands of virtual seconds per second hashes hundreds of megabytes in each; it guards against
//! accidents and not against an enemy.

pub mod explain;

use crate::event::Event;
use crate::host::{DiskError, LogLevel, NetError};
use crate::sim::chunks::Chunks;
use serde::{Deserialize, Serialize};

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;

#[inline(always)]
fn lane(state: u64, word: u64) -> u64 {
    state.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[inline(always)]
fn word_at<const AT: usize>(block: &[u8; 32]) -> u64 {
    let b = |i: usize| block[AT + i];
    u64::from_le_bytes([b(0), b(1), b(2), b(3), b(4), b(5), b(6), b(7)])
}

/// A running 64-bit hash over words and strings of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(u64);

impl TraceHash {
    /// A hash that has seen nothing but its seed.
    pub fn new(seed: u64) -> TraceHash {
        TraceHash(seed ^ P3)
    }

    /// Takes in one word.
    #[inline]
    pub fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word.wrapping_mul(P2).rotate_left(31).wrapping_mul(P1))
            .rotate_left(27)
            .wrapping_mul(P1)
            ^ P3;
    }

    /// Takes in a string of bytes with its length, so that `ab`,`c` and `a`,`bc` differ.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut rest = bytes;
        if bytes.len() >= 32 {
            let (mut a, mut b, mut c, mut d) = (self.0 ^ P1, self.0 ^ P2, self.0 ^ P3, !self.0);
            while let Some((block, after)) = rest.split_first_chunk::<32>() {
                a = lane(a, word_at::<0>(block));
                b = lane(b, word_at::<8>(block));
                c = lane(c, word_at::<16>(block));
                d = lane(d, word_at::<24>(block));
                rest = after;
            }
            for lane in [a, b, c, d] {
                self.word(lane);
            }
        }
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            self.word(u64::from_le_bytes(*word));
            rest = after;
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    /// The hash of everything taken in so far.
    pub fn value(self) -> u64 {
        let mut h = self.0;
        h = (h ^ (h >> 33)).wrapping_mul(P2);
        h = (h ^ (h >> 29)).wrapping_mul(P3);
        h ^ (h >> 32)
    }
}

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
        Some(match u16::from_be_bytes([bytes[12], bytes[13]]) {
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
        })
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
    Reply { client: u32, text: String },
    /// A node said something about itself.
    Node { node: u32, event: Event },
    /// A node wrote a line to its log.
    Log { node: u32, level: LogLevel, text: String },
    /// A fault or another action from outside.
    Action { text: String },
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
    /// The record that caused what happens now.
    pub(crate) cause: u64,
}

/// How many records a world keeps at the most.
pub const TRACE_RECORDS_MAX: usize = 1 << 20;

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        Trace { hash: TraceHash::new(seed), last_id: 0, ring: Chunks::default(), capacity: 0, cause: 0 }
    }

    /// Keeps the last `records` records from now on; 0 keeps none. The run is the same either way.
    pub fn listen(&mut self, records: usize) {
        self.capacity = records.min(TRACE_RECORDS_MAX);
        while self.ring.len() > self.capacity {
            self.ring.drop_first();
        }
    }

    /// How many records this trace keeps that `other` does not share with it.
    pub(crate) fn unshared(&self, other: Option<&Trace>) -> usize {
        other.map_or(self.ring.len(), |other| self.ring.unshared(&other.ring).count())
    }

    /// How many records are kept at the most.
    pub fn capacity(&self) -> usize {
        self.capacity
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
    pub fn records_after(&self, after: u64) -> impl Iterator<Item = &TraceRecord> {
        let skip = self.ring.partition_point(|r| r.id <= after);
        self.ring.iter_from(skip)
    }

    /// One record, if it is still kept.
    pub fn record(&self, id: u64) -> Option<&TraceRecord> {
        self.ring.get(self.ring.partition_point(|r| r.id < id)).filter(|r| r.id == id)
    }

    /// A record and what led to it, latest first, as far as records are kept.
    pub fn causes(&self, id: u64) -> Vec<&TraceRecord> {
        let mut chain = Vec::new();
        let mut at = id;
        while let Some(record) = self.record(at) {
            chain.push(record);
            at = record.cause;
        }
        chain
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
            if self.ring.len() == self.capacity {
                self.ring.drop_first();
            }
            self.ring.push(TraceRecord { id: self.last_id, at_us, cause, what: what() });
        }
        self.last_id
    }
}

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

    #[test]
    fn the_hash_sees_every_byte_and_every_border() {
        let hash = |parts: &[&[u8]]| {
            let mut h = TraceHash::new(1);
            parts.iter().for_each(|p| h.bytes(p));
            h.value()
        };
        let long: Vec<u8> = (0..100).collect();
        assert_eq!(hash(&[&long]), hash(&[&long]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab\0"]));
        for i in 0..long.len() {
            let mut other = long.clone();
            other[i] ^= 1;
            assert_ne!(hash(&[&long]), hash(&[&other]), "byte {i}");
        }
    }

    #[test]
    fn records_are_kept_only_for_a_listener_and_bounded() {
        let mut trace = Trace::new(1);
        let quiet = trace.note(1, || unreachable!("nobody listens"));
        assert_eq!(quiet, 1);
        trace.listen(2);
        for at in 2..6 {
            trace.cause = trace.note(at, || TraceKind::Action { text: at.to_string() });
        }
        assert_eq!(trace.records_after(0).map(|r| r.id).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(trace.causes(5).iter().map(|r| r.at_us).collect::<Vec<_>>(), [5, 4]);
    }

    #[test]
    fn bus_messages_are_known_by_their_header() {
        let mut header = vec![0; 2256];
        header[..4].copy_from_slice(b"RCmb");
        header[13] = 5;
        assert_eq!(BusKind::of(&header), Some(BusKind::AuthRequest));
        assert_eq!(BusKind::of(b"*1\r\n$4\r\nPING\r\n"), None);
    }
}
