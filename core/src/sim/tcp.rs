//! TCP between simulated hosts, as far as a process can tell.
//!
//! A connection is two streams, one in each direction. In a stream bytes arrive complete, in order and once, or the
//! connection dies; nothing else is ever seen by a process. What the model keeps of the real thing, because clusters
//! behave by it:
//!
//! - connecting takes a round trip; it is refused if nobody listens, and a SYN without an answer is tried again after 1, 2, 4 …
//!   seconds until it times out (127 s, `tcp_syn_retries 6`);
//! - a segment that meets a cut path or a host without power is sent again after 200 ms, doubling up to 120 s, so a healed
//!   link is used again only at the next retransmission; after 15 of them (some 15 minutes) the sender gets ETIMEDOUT
//!   (`tcp_retries2`); a path that is cut in one direction delivers bytes in the other, whose sender hears no acknowledgement;
//! - a segment that is lost by chance holds back those behind it until it is sent again: after a round trip if three later ones
//!   show that it is missing, by the time-out otherwise; one that is late or overtaken does the same until it comes, and one that
//!   arrives twice is discarded the second time: what is wrong with single segments costs a process time, never bytes;
//! - the kernel buffers on both sides: a process that does not read (stopped, or held back) fills its peer's send buffer, and
//!   what the kernel has not taken yet stays queued, unsent, with the sending process;
//! - a process that ends closes its connections (the peer reads end of file, or a reset if bytes were unread); a host that loses
//!   power does not: its peers find out by a reset once it is up again and they send, by the time-out, or by keepalive.

mod inject;
mod standing;

use crate::host::{ConnId, Listener, NetError};
use crate::sim::net::{Mail, Net, Notice, Owner};
use crate::sim::queue::{ConnRef, Ev, Sched};
use crate::sim::trace::{self, BusKind, Channel, Tag, TraceKind};
use std::collections::VecDeque;
use std::rc::Rc;

/// The first retransmission comes after this (Linux's `TCP_RTO_MIN`), in microseconds.
pub(crate) const RETRANSMIT_FIRST_US: u64 = 200_000;
/// Retransmissions are never further apart (`TCP_RTO_MAX`), in microseconds.
pub(crate) const RETRANSMIT_LAST_US: u64 = 120_000_000;
/// After so many retransmissions the connection is given up (`tcp_retries2`).
const RETRANSMIT_COUNT_MAX: u32 = 15;
/// After so many retries a SYN is given up (`tcp_syn_retries`).
const SYN_RETRY_COUNT_MAX: u32 = 6;
/// The first SYN is tried again after this, in microseconds; the time doubles.
const SYN_RETRY_FIRST_US: u64 = 1_000_000;
/// The kernel takes so many bytes from a process before the first of them are acknowledged.
pub(crate) const SEND_BUFFER_LEN: usize = 1 << 20;
/// The kernel keeps so many bytes for a process that does not read.
pub(crate) const RECEIVE_BUFFER_LEN: usize = 1 << 20;
/// The headers of Ethernet, IP and TCP around a segment.
const HEADER_LEN: usize = 66;
/// So many later segments that arrive show the sender that one is missing (RFC 5681's fast retransmit).
const DUPLICATE_ACK_COUNT: usize = 3;
/// What is sent at once; the order of the real limit with segmentation offload (64 KiB).
const SEGMENT_LEN_MAX: usize = 64 << 10;

#[derive(Clone, Debug)]
enum Body {
    /// The last step of the handshake: from here on the acceptor knows the connection.
    Open,
    Data(Vec<u8>),
    Fin,
}

impl Body {
    fn len(&self) -> usize {
        if let Body::Data(bytes) = self { bytes.len() } else { 0 }
    }
}

#[derive(Clone, Debug)]
struct Segment {
    sent_us: u64,
    arrives_us: u64,
    /// The record of its sending.
    record: u64,
    /// It is lost on its way.
    dropped: bool,
    /// A copy of it arrives as well.
    twice: bool,
    body: Body,
}

/// What only a stream in trouble or under load needs.
#[derive(Clone, Debug, Default)]
struct Slow {
    /// What the process has sent and the kernel has not taken.
    queued: VecDeque<Vec<u8>>,
    /// What the kernel has received and the process has not read.
    unread: VecDeque<(Vec<u8>, u64)>,
    unread_len: usize,
    /// The end of the stream was received behind the unread bytes.
    unread_end: bool,
    /// The receive buffer was full when a segment came.
    window_closed: bool,
    /// The process does not want to read.
    held: bool,
    /// Retransmission is under way: how often it was tried.
    tries: Option<u32>,
    /// When the next retransmission is due.
    retry_at_us: u64,
    /// Retransmission because nothing gets there (else: because no acknowledgement gets back).
    lost: bool,
    writable_due: bool,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    flight: VecDeque<Segment>,
    last_arrival_us: u64,
    /// Bytes in the kernel's send buffer: sent and not acknowledged.
    unacked: usize,
    /// The sender has closed; FIN goes out behind everything queued.
    ending: bool,
    slow: Option<Box<Slow>>,
}

impl Stream {
    fn slow(&mut self) -> &mut Slow {
        self.slow.get_or_insert_with(Box::default)
    }

    fn has_queued(&self) -> bool {
        self.slow.as_ref().is_some_and(|s| !s.queued.is_empty())
    }

    /// Whether segments wait for a retransmission.
    fn lost(&self) -> bool {
        self.slow.as_ref().is_some_and(|s| s.tries.is_some() && s.lost)
    }
}

/// One end of a connection.
#[derive(Clone, Debug)]
struct End {
    host: u32,
    port: u16,
    owner: Owner,
    /// The process has it open.
    open: bool,
    /// The host lost power: its kernel knows nothing of the connection any more.
    forgotten: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting { tries: u32 },
    Established,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    ends: [End; 2],
    streams: [Stream; 2],
    phase: Phase,
    listener: Listener,
    /// Since when a path between the ends is broken, for keepalive.
    broken_since_us: Option<u64>,
}

impl Conn {
    fn channel(&self) -> Channel {
        if self.listener == Listener::Bus { Channel::Bus } else { Channel::Resp }
    }
}

/// A message on its way, for an observer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct InFlight {
    /// The number of the record of its sending.
    pub id: u64,
    /// What the connection carries.
    pub channel: Channel,
    /// The type of a bus message.
    pub bus: Option<BusKind>,
    /// From which host.
    pub from: u32,
    /// To which host.
    pub to: u32,
    /// When it was sent, in virtual microseconds.
    pub sent_us: u64,
    /// When it arrives, if nothing happens to it.
    pub arrives_us: u64,
    /// It is lost, or held back behind what is lost, and comes by retransmission.
    pub lost: bool,
    /// A copy of it arrives as well.
    pub twice: bool,
    /// How many bytes.
    pub len: usize,
}

impl Net {
    fn get(&mut self, conn: ConnRef) -> Option<&mut Conn> {
        if *self.generations.get(conn.index as usize)? != conn.generation {
            return None;
        }
        self.conns[conn.index as usize].as_mut().map(Rc::make_mut)
    }

    fn insert(&mut self, conn: Conn) -> ConnRef {
        let conn = Some(Rc::new(conn));
        if let Some(index) = self.free.pop() {
            self.conns[index as usize] = conn;
            return ConnRef { index, generation: self.generations[index as usize] };
        }
        self.conns.push(conn);
        self.generations.push(0);
        ConnRef { index: (self.conns.len() - 1) as u32, generation: 0 }
    }

    /// Takes a connection out of the table once neither end has it open.
    fn free_if_over(&mut self, conn: ConnRef) {
        let Some(c) = self.get(conn) else { return };
        if c.ends[0].open || c.ends[1].open {
            return;
        }
        let index = conn.index as usize;
        self.conns[index] = None;
        self.generations[index] = self.generations[index].wrapping_add(1);
        self.free.push(conn.index);
    }

    fn post(&mut self, s: &Sched, conn: ConnRef, side: usize, notice: Notice) {
        let Some(end) = self.get(conn).map(|c| c.ends[side].clone()) else { return };
        self.mail.push_back(Mail { host: end.host, owner: end.owner, notice, cause: s.trace.cause });
    }

    /// Ends one end of a connection from below and tells its owner.
    fn end_with(&mut self, s: &mut Sched, conn: ConnRef, side: usize, error: NetError) {
        let Some(c) = self.get(conn) else { return };
        if !c.ends[side].open {
            return;
        }
        let (host, peer, owner) = (c.ends[side].host, c.ends[1 - side].host, c.ends[side].owner);
        c.ends[side].open = false;
        // Nobody reads or writes here any more.
        c.streams[side].slow().queued.clear();
        let unread = c.streams[1 - side].slow();
        unread.unread.clear();
        unread.unread_end = false;
        s.trace.fold(Tag::Closed, s.now_us, u64::from(host), u64::from(conn.index) << 8 | error as u64);
        let ended = s.trace.note(s.now_us, || TraceKind::Closed { host, peer, why: trace::why(error) });
        if let Owner::Node(id) = owner {
            self.hosts[host as usize].conns.remove(id);
        }
        let before = std::mem::replace(&mut s.trace.cause, ended);
        self.post(s, conn, side, Notice::Closed(error));
        s.trace.cause = before;
        self.free_if_over(conn);
    }

    /// Begins to connect. The answer comes as [`Notice::Connected`] or [`Notice::Closed`].
    pub fn connect(&mut self, s: &mut Sched, from: u32, owner: Owner, host: &str, port: u16) -> ConnRef {
        let to = self.resolve(host);
        let local_port = self.ephemeral_port(from);
        let end = |host, port, owner, open| End { host, port, owner, open, forgotten: false };
        let conn = self.insert(Conn {
            ends: [end(from, local_port, owner, true), end(to.unwrap_or(from), port, Owner::Kernel, false)],
            streams: [Stream::default(), Stream::default()],
            phase: Phase::Connecting { tries: 0 },
            listener: Listener::Client,
            broken_since_us: None,
        });
        if let Owner::Node(id) = owner {
            self.hosts[from as usize].conns.insert(id, conn);
        }
        s.trace.fold(
            Tag::Connect,
            s.now_us,
            u64::from(from),
            u64::from(to.unwrap_or(u32::MAX)) << 16 | u64::from(port),
        );
        match to {
            Some(to) => {
                let latency = self.latency(s, from, to);
                s.after(latency, Ev::Syn { conn });
            }
            None => s.after(0, Ev::Unreachable { conn }),
        }
        conn
    }

    /// Hands bytes to the kernel; gives how many it took at once (the rest is announced by [`Notice::Sent`] later).
    pub fn send(&mut self, s: &mut Sched, conn: ConnRef, side: usize, bytes: Vec<u8>) -> usize {
        let Some(c) = self.get(conn) else { return 0 };
        if !c.ends[side].open || bytes.is_empty() {
            return 0;
        }
        let host = c.ends[side].host;
        s.trace.fold(Tag::Send, s.now_us, u64::from(host), u64::from(conn.index) << 1 | side as u64);
        s.trace.fold_bytes(&bytes);
        if bytes.len() <= SEGMENT_LEN_MAX {
            return self.offer(s, conn, side, bytes);
        }
        // In pieces from the start: to cut the front off what is left, again and again, would copy all of it each time.
        bytes.chunks(SEGMENT_LEN_MAX).map(|piece| self.offer(s, conn, side, piece.to_vec())).sum()
    }

    /// Hands the kernel what has room in a segment, behind what is queued; gives how much it took.
    fn offer(&mut self, s: &mut Sched, conn: ConnRef, side: usize, bytes: Vec<u8>) -> usize {
        let Some(c) = self.get(conn) else { return 0 };
        let stream = &mut c.streams[side];
        if c.phase != Phase::Established || stream.has_queued() {
            stream.slow().queued.push_back(bytes);
            return 0;
        }
        self.admit(s, conn, side, bytes)
    }

    /// Puts a segment on the way if the send buffer has room, or else queues it in front; gives how much went.
    fn admit(&mut self, s: &mut Sched, conn: ConnRef, side: usize, bytes: Vec<u8>) -> usize {
        let Some(c) = self.get(conn) else { return 0 };
        let (stream, len) = (&mut c.streams[side], bytes.len());
        if stream.unacked >= SEND_BUFFER_LEN {
            stream.slow().queued.push_front(bytes);
            return 0;
        }
        stream.unacked += len;
        self.push(s, conn, side, Body::Data(bytes));
        len
    }

    /// Puts one segment on the way.
    fn push(&mut self, s: &mut Sched, conn: ConnRef, side: usize, body: Body) {
        let Some(c) = self.get(conn) else { return };
        let (from, to, channel) = (c.ends[side].host, c.ends[1 - side].host, c.channel());
        let len = body.len();
        let fate = self.fate(&mut s.rng, from, to);
        let mut departs = self.departure(s.now_us, from, len + HEADER_LEN);
        if fate.twice {
            departs = self.departure(s.now_us, from, len + HEADER_LEN);
        }
        let latency = self.carried(departs, from, to, len + HEADER_LEN) - departs
            + self.latency(s, from, to)
            + fate.later_us;
        let Some(c) = self.get(conn) else { return };
        let stream = &mut c.streams[side];
        let arrives_us = (departs + latency).max(stream.last_arrival_us);
        stream.last_arrival_us = arrives_us;
        let mut record = s.trace.cause;
        if let Body::Data(bytes) = &body {
            let now = s.now_us;
            record = s.trace.note(now, || {
                let bus = (channel == Channel::Bus).then(|| BusKind::main_of(bytes)).flatten();
                TraceKind::Sent { channel, bus, from, to, len, arrives_us }
            });
        }
        let lost = stream.lost();
        let (sent_us, dropped, twice) = (s.now_us, fate.lost, fate.twice);
        stream.flight.push_back(Segment { sent_us, arrives_us, record, dropped, twice, body });
        if !lost {
            s.at(arrives_us, Ev::Arrive { conn, dir: side as u8 });
        }
    }

    /// The process closes its end. With `flush` what is queued goes out first.
    pub fn close(&mut self, s: &mut Sched, conn: ConnRef, side: usize, flush: bool) {
        let Some(c) = self.get(conn) else { return };
        if !c.ends[side].open {
            return;
        }
        c.ends[side].open = false;
        let (host, owner) = (c.ends[side].host, c.ends[side].owner);
        let peer = c.ends[1 - side].host;
        let unread = c.streams[1 - side].slow.as_mut().is_some_and(|slow| {
            let any = !slow.unread.is_empty();
            slow.unread.clear();
            slow.unread_end = false;
            any
        });
        let established = c.phase == Phase::Established;
        let stream = &mut c.streams[side];
        if !flush && let Some(slow) = stream.slow.as_mut() {
            slow.queued.clear();
        }
        let queued = stream.has_queued();
        stream.ending = true;
        if let Owner::Node(id) = owner {
            self.hosts[host as usize].conns.remove(id);
        }
        s.trace.fold(Tag::Closed, s.now_us, u64::from(host), u64::from(conn.index) << 8 | 0xff);
        s.trace.note(s.now_us, || TraceKind::Closed { host, peer, why: "closed".to_string() });
        if !established {
            self.free_if_over(conn);
        } else if unread {
            // Linux answers a close with unread bytes by a reset, not by an orderly end.
            self.send_reset(s, conn, 1 - side);
        } else if !queued {
            self.push(s, conn, side, Body::Fin);
        }
        self.free_if_over(conn);
    }

    fn send_reset(&mut self, s: &mut Sched, conn: ConnRef, to_side: usize) {
        let Some(c) = self.get(conn) else { return };
        let (from, to) = (c.ends[1 - to_side].host, c.ends[to_side].host);
        let latency = self.latency(s, from, to);
        s.after(latency, Ev::Reset { conn, side: to_side as u8 });
    }

    /// Stops or goes on reading from a connection.
    pub fn set_reading(&mut self, s: &mut Sched, conn: ConnRef, side: usize, wanted: bool) {
        let Some(c) = self.get(conn) else { return };
        s.trace.fold(Tag::Reading, s.now_us, u64::from(conn.index), u64::from(wanted));
        let stream = &mut c.streams[1 - side];
        if wanted && stream.slow.is_none() {
            return;
        }
        stream.slow().held = !wanted;
        if wanted {
            self.read_on(s, conn, 1 - side);
        }
    }

    /// Hands what the kernel has kept to the process, which reads again.
    fn read_on(&mut self, s: &mut Sched, conn: ConnRef, dir: usize) {
        let Some(c) = self.get(conn) else { return };
        let host = c.ends[1 - dir].host;
        let open = c.ends[1 - dir].open;
        if self.hosts[host as usize].stopped || !open {
            return;
        }
        let Some(c) = self.get(conn) else { return };
        let Some(slow) = c.streams[dir].slow.as_mut().filter(|slow| !slow.held) else { return };
        let unread = std::mem::take(&mut slow.unread);
        slow.unread_len = 0;
        let ended = std::mem::take(&mut slow.unread_end);
        let window_closed = std::mem::take(&mut slow.window_closed);
        if window_closed {
            let arrivals = c.streams[dir].flight.iter().filter(|g| g.arrives_us <= s.now_us).count();
            for _ in 0..arrivals {
                s.after(0, Ev::Arrive { conn, dir: dir as u8 });
            }
        }
        for (bytes, record) in unread {
            s.trace.cause = record;
            self.post(s, conn, 1 - dir, Notice::Data(bytes));
        }
        if ended {
            self.end_with(s, conn, 1 - dir, NetError::Eof);
        }
    }

    /// A stopped process goes on: its connections give what they have.
    pub fn resume_host(&mut self, s: &mut Sched, host: u32) {
        self.hosts[host as usize].stopped = false;
        for (_, conn) in self.conns_of(host) {
            for dir in 0..2 {
                if self.get(conn).is_some_and(|c| c.ends[1 - dir].host == host) {
                    self.read_on(s, conn, dir);
                }
            }
        }
    }

    /// The connections of a host with the side that it has.
    fn conns_of(&self, host: u32) -> Vec<(usize, ConnRef)> {
        let mut found = Vec::new();
        for (index, c) in self.conns.iter().enumerate() {
            let Some(c) = c else { continue };
            let conn = ConnRef { index: index as u32, generation: self.generations[index] };
            for side in 0..2 {
                if c.ends[side].host == host {
                    found.push((side, conn));
                }
            }
        }
        found
    }

    /// The process of a host has ended: the kernel closes its connections. Without power there is no kernel to do it.
    pub fn process_ended(&mut self, s: &mut Sched, host: u32, power_lost: bool) {
        let h = &mut self.hosts[host as usize];
        h.ports.clear();
        h.stopped = false;
        h.next_accepted = 1;
        for (side, conn) in self.conns_of(host) {
            if !power_lost {
                self.close(s, conn, side, false);
                continue;
            }
            let Some(c) = self.get(conn) else { continue };
            // A SYN that has not got there is nothing that its kernel could forget: it is tried again, and may find it up.
            if side == 1 && c.phase != Phase::Established {
                continue;
            }
            c.ends[side].open = false;
            c.ends[side].forgotten = true;
            c.streams[side].slow = None;
            c.streams[side].ending = true;
            c.streams[side].flight.clear();
            if let Some(slow) = c.streams[1 - side].slow.as_mut() {
                slow.unread.clear();
                slow.unread_len = 0;
                slow.unread_end = false;
            }
            self.free_if_over(conn);
        }
        self.hosts[host as usize].conns.clear();
    }

    /// One of the network's events.
    pub fn handle(&mut self, s: &mut Sched, ev: Ev) {
        match ev {
            Ev::Arrive { conn, dir } => self.arrive(s, conn, usize::from(dir)),
            Ev::Retransmit { conn, dir } => self.retransmit(s, conn, usize::from(dir)),
            Ev::Writable { conn, dir } => self.writable(s, conn, usize::from(dir)),
            Ev::Syn { conn } => self.syn(s, conn),
            Ev::SynAnswer { conn, refused } => self.syn_answer(s, conn, refused),
            Ev::Unreachable { conn } => self.end_with(s, conn, 0, NetError::Unreachable),
            Ev::Reset { conn, side } => {
                let side = usize::from(side);
                let Some(c) = self.get(conn) else { return };
                let (from, to) = (c.ends[1 - side].host, c.ends[side].host);
                if self.open(from, to) {
                    self.end_with(s, conn, side, NetError::Reset);
                }
            }
            Ev::Keepalive { conn, side } => {
                let keepalive = self.setup.keepalive_us;
                let Some(c) = self.get(conn) else { return };
                if c.broken_since_us.is_some_and(|since| s.now_us - since >= keepalive) {
                    self.end_with(s, conn, usize::from(side), NetError::TimedOut);
                } else if c.ends[1 - usize::from(side)].forgotten {
                    self.end_with(s, conn, usize::from(side), NetError::Reset);
                }
            }
            Ev::Wake { .. }
            | Ev::Free { .. }
            | Ev::Disk { .. }
            | Ev::Writeback { .. }
            | Ev::FaultOver { .. }
            | Ev::Restart { .. }
            | Ev::Client { .. } => {}
        }
    }

    fn syn(&mut self, s: &mut Sched, conn: ConnRef) {
        let Some(c) = self.get(conn) else { return };
        let (from, to, port) = (c.ends[0].host, c.ends[1].host, c.ends[1].port);
        // A SYN that was held back may come beside the one that was tried again.
        let Phase::Connecting { tries } = c.phase else { return };
        if tries > SYN_RETRY_COUNT_MAX {
            return self.end_with(s, conn, 0, NetError::TimedOut);
        }
        // The answer has to get back as well.
        let gets_there = self.open(from, to) && self.open(to, from);
        if !gets_there || self.loses(&mut s.rng, from, to) || self.loses(&mut s.rng, to, from) {
            return self.syn_lost(s, conn);
        }
        let listening = self.hosts[to as usize].ports.iter().find(|(p, _)| *p == port).map(|&(_, l)| l);
        if let (Some(listener), Some(c)) = (listening, self.get(conn)) {
            c.listener = listener;
        }
        let latency = self.latency(s, to, from);
        s.after(latency, Ev::SynAnswer { conn, refused: listening.is_none() });
    }

    fn syn_lost(&mut self, s: &mut Sched, conn: ConnRef) {
        let Some(c) = self.get(conn) else { return };
        let Phase::Connecting { tries } = c.phase else { return };
        c.phase = Phase::Connecting { tries: tries + 1 };
        s.after(SYN_RETRY_FIRST_US << tries, Ev::Syn { conn });
    }

    fn syn_answer(&mut self, s: &mut Sched, conn: ConnRef, refused: bool) {
        let Some(c) = self.get(conn) else { return };
        if c.phase == Phase::Established {
            return;
        }
        let (from, to) = (c.ends[0].host, c.ends[1].host);
        if !self.open(to, from) {
            return self.syn_lost(s, conn);
        }
        if refused {
            return self.end_with(s, conn, 0, NetError::Refused);
        }
        let Some(c) = self.get(conn) else { return };
        c.phase = Phase::Established;
        // The kernel of the acceptor has it open already; its process hears of it when the opener's ACK arrives.
        c.ends[1].open = true;
        let local_port = c.ends[0].port;
        let (channel, port) = (c.channel(), c.ends[1].port);
        s.trace.fold(Tag::Connected, s.now_us, u64::from(from), u64::from(conn.index));
        s.trace.cause = s.trace.note(s.now_us, || TraceKind::Opened { channel, from, to, port });
        let local = format!("{}:{}", self.hosts[from as usize].ip, local_port);
        self.push(s, conn, 0, Body::Open);
        self.post(s, conn, 0, Notice::Connected { local });
        self.writable(s, conn, 0);
    }

    fn arrive(&mut self, s: &mut Sched, conn: ConnRef, dir: usize) {
        let now = s.now_us;
        let Some(c) = self.get(conn) else { return };
        let stream = &c.streams[dir];
        if stream.lost() || stream.flight.front().is_none_or(|g| g.arrives_us > now) {
            return;
        }
        let (from, to) = (c.ends[dir].host, c.ends[1 - dir].host);
        if !self.open(from, to) {
            return self.begin_retransmission(s, conn, dir, true);
        }
        if let Some(c) = self.get(conn)
            && let Some(segment) = c.streams[dir].flight.front_mut()
            && std::mem::take(&mut segment.dropped)
        {
            return self.begin_retransmission(s, conn, dir, true);
        }
        let reverse_open = self.open(to, from);
        let stopped = self.hosts[to as usize].stopped;
        let Some(c) = self.get(conn) else { return };
        if !c.ends[1 - dir].open {
            return self.arrive_at_closed(s, conn, dir, reverse_open);
        }
        let channel = c.channel();
        let stream = &mut c.streams[dir];
        let waits = stopped || stream.slow.as_ref().is_some_and(|x| x.held || !x.unread.is_empty());
        let is_data = matches!(stream.flight.front(), Some(Segment { body: Body::Data(_), .. }));
        if waits && is_data && stream.slow().unread_len >= RECEIVE_BUFFER_LEN {
            stream.slow().window_closed = true;
            return;
        }
        let Some(segment) = stream.flight.pop_front() else { return };
        if channel == Channel::Bus && stream.flight.is_empty() {
            // A bus connection carries a message every few seconds, and a large cluster has a million of them.
            stream.flight = VecDeque::new();
        }
        match segment.body {
            Body::Open => self.accept(s, conn),
            Body::Data(bytes) => {
                let len = bytes.len();
                s.trace.fold(Tag::Deliver, now, u64::from(to), u64::from(conn.index) << 1 | dir as u64);
                let id = s.trace.note_because(now, segment.record, || {
                    let bus = (channel == Channel::Bus).then(|| BusKind::main_of(&bytes)).flatten();
                    TraceKind::Delivered { channel, bus, from, to, len }
                });
                if segment.twice {
                    s.trace.note_because(now, segment.record, || {
                        let bus = (channel == Channel::Bus).then(|| BusKind::main_of(&bytes)).flatten();
                        TraceKind::Dropped { channel, bus, from, to, len }
                    });
                }
                s.trace.cause = id;
                if waits {
                    let slow = stream.slow();
                    slow.unread_len += len;
                    slow.unread.push_back((bytes, id));
                } else {
                    let owner = c.ends[1 - dir].owner;
                    self.mail.push_back(Mail { host: to, owner, notice: Notice::Data(bytes), cause: id });
                }
                self.acknowledge(s, conn, dir, len, reverse_open);
            }
            Body::Fin if waits => stream.slow().unread_end = true,
            Body::Fin => {
                s.trace.cause = segment.record;
                self.end_with(s, conn, 1 - dir, NetError::Eof);
            }
        }
    }

    fn acknowledge(&mut self, s: &mut Sched, conn: ConnRef, dir: usize, len: usize, reverse_open: bool) {
        if !reverse_open {
            return self.begin_retransmission(s, conn, dir, false);
        }
        let Some(c) = self.get(conn) else { return };
        let (from, to) = (c.ends[dir].host, c.ends[1 - dir].host);
        let stream = &mut c.streams[dir];
        stream.unacked = stream.unacked.saturating_sub(len);
        if stream.has_queued() && !std::mem::replace(&mut stream.slow().writable_due, true) {
            let latency = self.latency(s, to, from);
            s.after(latency, Ev::Writable { conn, dir: dir as u8 });
        }
    }

    /// Something arrives where nobody has the connection open any more.
    fn arrive_at_closed(&mut self, s: &mut Sched, conn: ConnRef, dir: usize, reverse_open: bool) {
        if !reverse_open {
            return self.begin_retransmission(s, conn, dir, true);
        }
        let Some(c) = self.get(conn) else { return };
        let only_end = c.streams[dir].flight.iter().all(|g| matches!(g.body, Body::Fin));
        c.streams[dir].flight.clear();
        if !only_end || c.ends[1 - dir].forgotten {
            self.send_reset(s, conn, dir);
        }
    }

    fn accept(&mut self, s: &mut Sched, conn: ConnRef) {
        let Some(c) = self.get(conn) else { return };
        let (host, port, listener) = (c.ends[1].host, c.ends[1].port, c.listener);
        let (peer_host, peer_port) = (c.ends[0].host, c.ends[0].port);
        if !self.hosts[host as usize].ports.contains(&(port, listener)) {
            if let Some(c) = self.get(conn) {
                c.ends[1].open = false;
            }
            return self.send_reset(s, conn, 0);
        }
        let h = &mut self.hosts[host as usize];
        let id = ConnId(h.next_accepted);
        h.next_accepted += 1;
        h.conns.insert(id, conn);
        let local = format!("{}:{}", h.ip, port);
        let peer = format!("{}:{}", self.hosts[peer_host as usize].ip, peer_port);
        if let Some(c) = self.get(conn) {
            c.ends[1].owner = Owner::Node(id);
        }
        s.trace.fold(Tag::Accept, s.now_us, u64::from(host), id.0);
        self.post(s, conn, 1, Notice::Accepted { listener, peer, local });
    }

    /// The kernel takes what the process has queued, as far as there is room.
    fn writable(&mut self, s: &mut Sched, conn: ConnRef, dir: usize) {
        let mut taken = 0;
        if let Some(slow) = self.get(conn).and_then(|c| c.streams[dir].slow.as_mut()) {
            slow.writable_due = false;
        }
        loop {
            let Some(c) = self.get(conn) else { return };
            let stream = &mut c.streams[dir];
            if stream.unacked >= SEND_BUFFER_LEN {
                break;
            }
            let Some(bytes) = stream.slow.as_mut().and_then(|x| x.queued.pop_front()) else { break };
            taken += self.admit(s, conn, dir, bytes);
        }
        let Some(c) = self.get(conn) else { return };
        if taken > 0 && c.ends[dir].open {
            self.post(s, conn, dir, Notice::Sent(taken));
        } else if taken > 0 && c.streams[dir].ending && !c.streams[dir].has_queued() {
            self.push(s, conn, dir, Body::Fin);
        }
    }

    fn begin_retransmission(&mut self, s: &mut Sched, conn: ConnRef, dir: usize, lost: bool) {
        let Some(c) = self.get(conn) else { return };
        let (from, to, channel) = (c.ends[dir].host, c.ends[1 - dir].host, c.channel());
        let stream = &mut c.streams[dir];
        if lost && let Some(segment) = stream.flight.front() {
            let (now, record) = (s.now_us, segment.record);
            s.trace.note_because(now, record, || {
                let (bus, len) = match &segment.body {
                    Body::Data(bytes) => (BusKind::main_of(bytes), bytes.len()),
                    _ => (None, 0),
                };
                TraceKind::Dropped { channel, bus, from, to, len }
            });
        }
        // Later segments that get there tell the sender at once; on a path that is cut none does.
        let behind = stream.flight.iter().skip(1).filter(|g| matches!(g.body, Body::Data(_))).count();
        let slow = stream.slow();
        slow.lost |= lost;
        if slow.tries.is_none() {
            slow.tries = Some(0);
            let told = behind >= DUPLICATE_ACK_COUNT && self.open(from, to) && self.open(to, from);
            let delay = if told {
                self.latency(s, from, to).saturating_mul(2).min(RETRANSMIT_FIRST_US)
            } else {
                RETRANSMIT_FIRST_US
            };
            self.retry_after(s, conn, dir, delay);
        }
    }

    fn retry_after(&mut self, s: &mut Sched, conn: ConnRef, dir: usize, delay_us: u64) {
        let at = s.now_us + delay_us;
        let Some(c) = self.get(conn) else { return };
        c.streams[dir].slow().retry_at_us = at;
        s.at(at, Ev::Retransmit { conn, dir: dir as u8 });
    }

    fn retransmit(&mut self, s: &mut Sched, conn: ConnRef, dir: usize) {
        let Some(c) = self.get(conn) else { return };
        let (from, to) = (c.ends[dir].host, c.ends[1 - dir].host);
        if c.ends[dir].forgotten {
            c.streams[dir].flight.clear();
            c.streams[dir].slow = None;
            return;
        }
        let now = s.now_us;
        let Some(slow) = c.streams[dir].slow.as_ref().filter(|x| x.retry_at_us == now) else { return };
        let (Some(tries), lost) = (slow.tries, slow.lost) else { return };
        let there = self.open(from, to) && !(lost && self.loses(&mut s.rng, from, to));
        let back = self.open(to, from);
        let Some(c) = self.get(conn) else { return };
        let stream = &mut c.streams[dir];
        if there && stream.slow().lost {
            // Everything that was lost goes out again.
            stream.slow().lost = false;
            let count = stream.flight.len();
            let latency = self.latency(s, from, to);
            let Some(c) = self.get(conn) else { return };
            let stream = &mut c.streams[dir];
            for segment in &mut stream.flight {
                segment.dropped = false;
                segment.arrives_us = segment.arrives_us.max(now + latency);
                stream.last_arrival_us = stream.last_arrival_us.max(segment.arrives_us);
                s.at(segment.arrives_us, Ev::Arrive { conn, dir: dir as u8 });
            }
            debug_assert_eq!(count, stream.flight.len());
        }
        let Some(c) = self.get(conn) else { return };
        let stream = &mut c.streams[dir];
        if there && back {
            stream.unacked = stream.flight.iter().map(|g| g.body.len()).sum();
            let slow = stream.slow();
            slow.tries = None;
            if !slow.queued.is_empty() {
                self.writable(s, conn, dir);
            }
            return;
        }
        if tries >= RETRANSMIT_COUNT_MAX {
            stream.flight.clear();
            stream.slow().tries = None;
            stream.slow().lost = false;
            return self.end_with(s, conn, dir, NetError::TimedOut);
        }
        stream.slow().tries = Some(tries + 1);
        let delay = (RETRANSMIT_FIRST_US << (tries + 1)).min(RETRANSMIT_LAST_US);
        self.retry_after(s, conn, dir, delay);
    }

    /// Starts the keepalive clock of the connections that a change has broken and stops it where they are whole again.
    pub(crate) fn watch_broken_links(&mut self, s: &mut Sched) {
        for index in 0..self.conns.len() {
            let Some(c) = self.conns[index].as_deref() else { continue };
            if c.phase != Phase::Established {
                continue;
            }
            let (a, b) = (c.ends[0].host, c.ends[1].host);
            let whole = self.open(a, b) && self.open(b, a);
            let conn = ConnRef { index: index as u32, generation: self.generations[index] };
            let keepalive = self.setup.keepalive_us;
            if whole != c.broken_since_us.is_some() {
                continue;
            }
            let Some(c) = self.conns[index].as_mut().map(Rc::make_mut) else { continue };
            if whole {
                c.broken_since_us = None;
            } else {
                c.broken_since_us = Some(s.now_us);
                for side in 0..2u8 {
                    s.after(keepalive, Ev::Keepalive { conn, side });
                }
            }
        }
    }

    /// The messages on their way, oldest connection first, up to `count_max`.
    pub fn in_flight(&self, count_max: usize) -> Vec<InFlight> {
        let mut found = Vec::new();
        for c in self.conns.iter().flatten() {
            for (dir, stream) in c.streams.iter().enumerate() {
                for segment in &stream.flight {
                    let Body::Data(bytes) = &segment.body else { continue };
                    if found.len() >= count_max {
                        return found;
                    }
                    found.push(InFlight {
                        id: segment.record,
                        channel: c.channel(),
                        bus: if c.channel() == Channel::Bus { BusKind::main_of(bytes) } else { None },
                        from: c.ends[dir].host,
                        to: c.ends[1 - dir].host,
                        sent_us: segment.sent_us,
                        arrives_us: segment.arrives_us,
                        lost: stream.lost() || segment.dropped,
                        twice: segment.twice,
                        len: bytes.len(),
                    });
                }
            }
        }
        found
    }

    /// Bytes of memory, about, that this network keeps alive and `other`, an earlier or later state of it, does not.
    pub fn unshared(&self, other: Option<&Net>) -> usize {
        let mut bytes = self.hosts.len() * 512 + self.conns.len() * 16;
        for (index, c) in self.conns.iter().enumerate() {
            let Some(c) = c else { continue };
            let theirs = other.and_then(|other| other.conns.get(index)?.as_ref());
            if theirs.is_some_and(|theirs| Rc::ptr_eq(theirs, c)) {
                continue;
            }
            let of = |stream: &Stream| {
                let slow = stream.slow.as_ref().map_or(0, |s| {
                    size_of::<Slow>() + s.queued.iter().map(Vec::len).sum::<usize>() + s.unread_len
                });
                slow + stream.flight.iter().map(|g| size_of::<Segment>() + g.body.len()).sum::<usize>()
            };
            bytes += size_of::<Conn>() + c.streams.iter().map(of).sum::<usize>();
        }
        bytes
    }

    /// The connections that are up, as (channel, opener, acceptor).
    pub fn connections(&self) -> impl Iterator<Item = (Channel, u32, u32)> {
        let up = self
            .conns
            .iter()
            .flatten()
            .filter(|c| c.phase == Phase::Established && c.ends[0].open && c.ends[1].open);
        up.map(|c| (c.channel(), c.ends[0].host, c.ends[1].host))
    }

    /// The connection that a node knows under a number, with the node's side of it.
    pub fn lookup(&self, host: u32, id: ConnId) -> Option<(ConnRef, usize)> {
        let conn = *self.hosts[host as usize].conns.get(id)?;
        Some((conn, usize::from(!id.is_outgoing())))
    }

    /// The host at one end of a connection.
    pub fn host_at(&self, conn: ConnRef, side: usize) -> Option<u32> {
        if *self.generations.get(conn.index as usize)? != conn.generation {
            return None;
        }
        Some(self.conns[conn.index as usize].as_deref()?.ends[side].host)
    }

    /// The connections of a channel that one host has open and the other, which lost power, knows nothing of, as (opener, acceptor).
    pub fn half_open(&self, channel: Channel) -> Vec<(u32, u32)> {
        let conns = self.conns.iter().flatten();
        let half = conns.filter(|c| {
            c.phase == Phase::Established
                && c.channel() == channel
                && (0..2).any(|side| c.ends[side].open && c.ends[1 - side].forgotten)
        });
        half.map(|c| (c.ends[0].host, c.ends[1].host)).collect()
    }

    /// The client at one end of a connection, if it is one's and still open there.
    pub fn client_at(&self, conn: ConnRef, side: usize) -> Option<u32> {
        if *self.generations.get(conn.index as usize)? != conn.generation {
            return None;
        }
        match self.conns[conn.index as usize].as_deref()?.ends[side] {
            End { owner: Owner::Client(client) | Owner::Load { client, .. }, open: true, .. } => Some(client),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
