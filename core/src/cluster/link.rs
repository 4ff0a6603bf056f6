//! Bus connections: two for each pair of nodes, one made by either side. A node sends its heartbeats over the one it made
//! and answers over the one it was asked on.
//!
//! What is written during a turn gathers in the link and leaves at its end ([`Cluster::before_sleep`]): that makes one
//! write of many messages, and keeps every message behind the nodes.conf that it depends on.

use super::bus::{self, Body, Header, Message, kind, mflag};
use super::node::{IpText, NodeIdx, flag};
use super::slots::BITMAP_LEN;
use super::{
    Action, Cluster, Cx, TODO_FSYNC_CONFIG, TODO_HANDLE_FAILOVER, TODO_HANDLE_MANUAL_FAILOVER,
    TODO_SAVE_CONFIG, TODO_UPDATE_STATE,
};
use crate::host::{ConnId, LogLevel, NetError};

/// One connection (`clusterLink`, cluster.h 7.0.15).
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) ctime_ms: i64,
    /// The node at the other end; not known at first of one that was accepted.
    pub(super) node: Option<NodeIdx>,
    pub(super) inbound: bool,
    pub(super) connected: bool,
    pub(super) peer_ip: IpText,
    pub(super) local_ip: IpText,
    /// The beginning of a message whose end has not come yet.
    received: Vec<u8>,
    /// Messages of this turn.
    pub(super) out: Vec<u8>,
    /// Bytes that the host has not handed to the network yet.
    pub(super) in_flight: usize,
    queued: bool,
}

/// How many buffers of messages a node keeps to write the next ones into.
const SPARE_COUNT_MAX: usize = 4;
/// A longer buffer is not kept, in bytes.
const SPARE_LEN_MAX: usize = 256 << 10;
/// New buffers are as long as a multiple of this, in bytes, so that one that was kept fits a message that is a little longer.
const SPARE_LEN_STEP: usize = 1 << 10;

/// Buffers of messages that have come: what is sent goes out in them. The messages of a large cluster are long and their lengths
/// vary, so that asking for memory each time cost as much as writing them.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

/// A copy of a node starts with none.
impl Clone for Spare {
    fn clone(&self) -> Spare {
        Spare::default()
    }
}

impl Spare {
    /// An empty buffer with room for `len` bytes.
    fn take(&mut self, len: usize) -> Vec<u8> {
        match self.0.iter().position(|spare| spare.capacity() >= len) {
            Some(at) => self.0.swap_remove(at),
            None => Vec::with_capacity(len.next_multiple_of(SPARE_LEN_STEP)),
        }
    }

    fn keep(&mut self, mut bytes: Vec<u8>) {
        bytes.clear();
        if bytes.capacity() > SPARE_LEN_MAX {
            return;
        }
        if self.0.len() < SPARE_COUNT_MAX {
            self.0.push(bytes);
        } else if let Some(least) = self.0.iter_mut().min_by_key(|spare| spare.capacity())
            && least.capacity() < bytes.capacity()
        {
            *least = bytes;
        }
    }
}

impl Link {
    pub(super) fn new(node: Option<NodeIdx>, now_ms: i64) -> Link {
        Link {
            ctime_ms: now_ms,
            node,
            inbound: node.is_none(),
            connected: node.is_none(),
            peer_ip: IpText::NONE,
            local_ip: IpText::NONE,
            received: Vec::new(),
            out: Vec::new(),
            in_flight: 0,
            queued: false,
        }
    }

    /// How many bytes wait to be sent.
    pub(super) fn send_buffer_len(&self) -> usize {
        self.out.len() + self.in_flight
    }
}

/// The address part of `ip:port`, as the host gives both ends of a connection.
fn ip_of(address: &str) -> IpText {
    IpText::new(address.rsplit_once(':').map_or(address, |(ip, _)| ip))
}

impl Cluster {
    /// Somebody connected to the bus port. `peer` and `local` are the two ends as `ip:port`. While the data set of a
    /// master is loading, the node does not accept at all.
    pub fn accepted(&mut self, cx: &mut Cx<'_>, conn: ConnId, peer: &str, local: &str) {
        let mut link = Link::new(None, cx.now_ms());
        link.peer_ip = ip_of(peer);
        link.local_ip = ip_of(local);
        self.links.insert(conn, Box::new(link));
        cx.log(LogLevel::Verbose, format_args!("Accepting cluster node connection from {peer}"));
    }

    /// A connection that an [`Action::Connect`] asked for stands. `local` is this end as `ip:port`.
    pub fn connected(&mut self, cx: &mut Cx<'_>, conn: ConnId, local: &str) {
        let Some(link) = self.links.get_mut(conn) else { return };
        link.connected = true;
        link.local_ip = ip_of(local);
        let Some(node) = link.node else { return };
        // Something must go out at once, or the other side could time out before the next heartbeat is due. A ping that
        // was already waiting for its answer when the old link broke keeps its time.
        let waiting_since = self.nodes[node].ping_sent_ms;
        let meet = self.nodes[node].has(flag::MEET);
        self.send_ping(cx, conn, if meet { kind::MEET } else { kind::PING });
        if waiting_since != 0 {
            self.ping_sent(node, waiting_since);
        }
        if meet {
            self.nodes[node].flags &= !flag::MEET;
        }
        self.queue(conn);
        cx.log(
            LogLevel::Debug,
            format_args!(
                "Connecting with Node {} at {}:{}",
                self.nodes[node].name, self.nodes[node].ip, self.nodes[node].cport
            ),
        );
    }

    /// A connection ended, or could not be made.
    pub fn closed(&mut self, cx: &mut Cx<'_>, conn: ConnId, error: NetError) {
        let Some(link) = self.links.get(conn) else { return };
        if let (false, Some(idx)) = (link.connected, link.node) {
            // Where there is no route, connect() fails at once: no ping goes out over such a link, and failure detection
            // counts from a ping, so the attempt is taken for one. A connection that is refused stood as a link until
            // then, and the ping that was due over it has been counted (`clusterNodeCronHandleReconnect`, and
            // `clusterLinkConnectHandler` for the other case, cluster.c 7.0.15).
            if error == NetError::Unreachable {
                let node = &mut self.nodes[idx];
                if node.ping_sent_ms == 0 {
                    node.ping_sent_ms = cx.now_ms();
                }
                cx.log(
                    LogLevel::Debug,
                    format_args!(
                        "Unable to connect to Cluster Node [{}]:{} -> {}",
                        node.ip,
                        node.cport,
                        error.strerror()
                    ),
                );
            } else {
                cx.log(
                    LogLevel::Verbose,
                    format_args!(
                        "Connection with Node {} at {}:{} failed: {}",
                        self.nodes[idx].name,
                        self.nodes[idx].ip,
                        self.nodes[idx].cport,
                        error.strerror()
                    ),
                );
            }
        } else {
            let why = if error == NetError::Eof { "connection closed" } else { error.strerror() };
            cx.log(LogLevel::Debug, format_args!("I/O error reading from node link: {why}"));
        }
        self.forget_link(conn);
    }

    /// The host handed `bytes` bytes of a connection to the network.
    pub fn sent(&mut self, conn: ConnId, bytes: usize) {
        if let Some(link) = self.links.get_mut(conn) {
            link.in_flight = link.in_flight.saturating_sub(bytes);
        }
    }

    /// Takes the buffer of bytes that were received, for what is sent next.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        self.spare.keep(bytes);
    }

    /// Bytes arrived.
    pub fn received(&mut self, cx: &mut Cx<'_>, conn: ConnId, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(conn) else { return };
        let mut gathered = std::mem::take(&mut link.received);
        let whole: &[u8] = if gathered.is_empty() {
            bytes
        } else {
            gathered.extend_from_slice(bytes);
            &gathered
        };
        let mut done = 0;
        // Processing a message may free the link, or the node together with its link.
        while self.links.contains(conn) {
            match bus::frame_len(&whole[done..]) {
                Ok(Some(len)) if whole.len() - done >= len => {
                    self.process_packet(cx, conn, &whole[done..done + len]);
                    done += len;
                }
                Ok(_) => break,
                Err(bus::NotTheBus) => {
                    cx.log(
                        LogLevel::Warning,
                        format_args!("Bad message length or signature received from Cluster bus."),
                    );
                    self.free_link(cx, conn);
                }
            }
        }
        if let Some(link) = self.links.get_mut(conn) {
            // A long message comes in many pieces: what has gathered is moved back, not copied, while nothing is done.
            link.received = if done == 0 && !gathered.is_empty() { gathered } else { whole[done..].to_vec() };
        }
        self.drop_lost_channels(cx);
    }

    /// Starts a connection to a node.
    pub(super) fn connect(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        let conn = ConnId(ConnId::OUTGOING | *cx.next_conn);
        *cx.next_conn += 1;
        let mut link = Link::new(Some(idx), cx.now_ms());
        let node = &mut self.nodes[idx];
        link.peer_ip = node.ip;
        node.set_link(Some(conn));
        let (host, port) = (node.ip.as_str().to_string(), node.cport);
        self.links.insert(conn, Box::new(link));
        cx.actions.push(Action::Connect { conn, host, port });
    }

    /// Closes a connection and forgets it (`freeClusterLink`).
    pub(super) fn free_link(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        if self.forget_link(conn) {
            cx.actions.push(Action::Close { conn });
        }
    }

    fn forget_link(&mut self, conn: ConnId) -> bool {
        let Some(link) = self.links.remove(conn) else { return false };
        if let Some(idx) = link.node {
            let node = &mut self.nodes[idx];
            if node.link == Some(conn) {
                node.set_link(None);
            }
            if node.inbound_link == Some(conn) {
                node.inbound_link = None;
            }
        }
        true
    }

    /// Ties an accepted connection to the node that turned out to be at its other end. A node that reconnects may do so
    /// before its old connection is seen to be closed: the new one replaces it.
    pub(super) fn set_inbound_link(&mut self, cx: &mut Cx<'_>, idx: NodeIdx, conn: ConnId) {
        if let Some(old) = self.nodes[idx].inbound_link {
            cx.log(
                LogLevel::Debug,
                format_args!("Replacing inbound link from node {}", self.nodes[idx].name),
            );
            self.free_link(cx, old);
        }
        if let Some(link) = self.links.get_mut(conn) {
            link.node = Some(idx);
            self.nodes[idx].inbound_link = Some(conn);
        }
    }

    fn queue(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(conn)
            && !link.queued
            && !link.out.is_empty()
        {
            link.queued = true;
            self.unsent.push(conn);
        }
    }

    /// Lets `write` append one message of type `kind`, of up to about `len_max` bytes, to a connection's output.
    pub(super) fn write_to(
        &mut self,
        conn: ConnId,
        kind: u16,
        len_max: usize,
        write: impl FnOnce(&mut Cluster, &mut Vec<u8>),
    ) {
        let Some(link) = self.links.get_mut(conn) else { return };
        let mut out = std::mem::take(&mut link.out);
        if out.capacity() == 0 {
            out = self.spare.take(len_max);
        }
        write(self, &mut out);
        if let Some(link) = self.links.get_mut(conn) {
            link.out = out;
        }
        self.count_sent(kind);
        self.queue(conn);
    }

    fn count_sent(&mut self, kind: u16) {
        if let Some(count) = self.stats.sent.get_mut(usize::from(kind)) {
            *count += 1;
        }
    }

    /// Appends the header of a message from this node (`clusterBuildMessageHdr`).
    pub(super) fn write_header(
        &self,
        cx: &Cx<'_>,
        kind: u16,
        total_len: usize,
        mflags: u8,
        out: &mut Vec<u8>,
    ) {
        let me = self.myself();
        // A replica tells its master's slots and epoch; its flags say that it does not serve them itself.
        let master = me.slaveof.filter(|_| me.is_slave()).map_or(me, |master| &self.nodes[master]);
        let mut slots = [0; BITMAP_LEN];
        master.slots.write_bitmap(&mut slots);
        let (port, cport) = cx.config.announced_ports();
        let paused = if me.is_master() && self.manual.end_ms != 0 { mflag::PAUSED } else { 0 };
        let header = Header {
            port,
            kind,
            count: 0,
            current_epoch: self.current_epoch,
            config_epoch: master.config_epoch,
            offset: self.my_offset(cx.facts) as u64,
            sender: *me.name.as_bytes(),
            slots: &slots,
            slaveof: me.slaveof.map_or([0; 40], |master| *self.nodes[master].name.as_bytes()),
            my_ip: cx.config.announce_ip.as_deref().map_or(IpText::NONE, IpText::new),
            extensions: u16::from(mflags & mflag::EXT_DATA != 0),
            pport: 0,
            cport,
            flags: me.flags,
            state: u8::from(!self.ok),
            mflags: [mflags | paused, 0, 0],
        };
        header.write(total_len as u32, out);
    }

    /// One message, other than a heartbeat, as bytes.
    fn message(&self, cx: &Cx<'_>, kind: u16, mflags: u8, body: Body<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_header(cx, kind, bus::HEADER_LEN + body.len(), mflags, &mut bytes);
        body.write(&mut bytes);
        bytes
    }

    /// Sends a message to one node, if there is a connection to it.
    pub(super) fn send_to(&mut self, cx: &Cx<'_>, idx: NodeIdx, kind: u16, mflags: u8, body: Body<'_>) {
        let Some(conn) = self.nodes[idx].link else { return };
        let bytes = self.message(cx, kind, mflags, body);
        self.write_to(conn, kind, bytes.len(), |_, out| out.extend_from_slice(&bytes));
    }

    /// Sends a message to all nodes that have shaken hands (`clusterBroadcastMessage`).
    pub(super) fn broadcast(&mut self, cx: &Cx<'_>, kind: u16, mflags: u8, body: Body<'_>) {
        let bytes = self.message(cx, kind, mflags, body);
        for at in 0..self.nodes.len() {
            let Some(idx) = self.nodes.at(at) else { break };
            let node = &self.nodes[idx];
            if let (false, Some(conn)) = (node.any(flag::MYSELF | flag::HANDSHAKE), node.link) {
                self.write_to(conn, kind, bytes.len(), |_, out| out.extend_from_slice(&bytes));
            }
        }
    }

    /// Sends a PUBLISH to all nodes, or an SPUBLISH to those of this node's shard (`clusterPropagatePublish`).
    pub fn publish(&mut self, cx: &mut Cx<'_>, channel: &[u8], message: &[u8], sharded: bool) {
        let body = Body::Publish { channel, message };
        if !sharded {
            self.broadcast(cx, kind::PUBLISH, 0, body);
            return;
        }
        for idx in self.shard_of(self.myself) {
            if !self.nodes[idx].any(flag::MYSELF | flag::HANDSHAKE) {
                self.send_to(cx, idx, kind::PUBLISHSHARD, 0, body);
            }
        }
    }

    /// A master and its replicas, given any of them (`clusterGetNodesServingMySlots`).
    pub(super) fn shard_of(&self, idx: NodeIdx) -> Vec<NodeIdx> {
        let node = &self.nodes[idx];
        let master = if node.is_master() { Some(idx) } else { node.slaveof };
        master.map_or_else(
            || vec![idx],
            |master| [master].into_iter().chain(self.nodes[master].slaves.iter().copied()).collect(),
        )
    }

    /// Whether [`Cluster::before_sleep`] has anything to do.
    pub fn has_work(&self) -> bool {
        self.todo != 0 || !self.unsent.is_empty() || !self.lost_channel_slots.is_empty()
    }

    /// Ends a turn of the node's event loop: what may no longer wait is done, nodes.conf is saved if it changed, and the
    /// messages of the turn leave (`clusterBeforeSleep`, then the write handlers).
    pub fn before_sleep(&mut self, cx: &mut Cx<'_>) {
        let todo = std::mem::take(&mut self.todo);
        if todo & TODO_HANDLE_MANUAL_FAILOVER != 0 {
            if self.is_replica() {
                self.handle_manual_failover(cx);
                self.handle_slave_failover(cx);
            }
        } else if todo & TODO_HANDLE_FAILOVER != 0 {
            self.handle_slave_failover(cx);
        }
        if (todo | self.todo) & TODO_UPDATE_STATE != 0 {
            self.update_state(cx);
        }
        // What the lines above left to be saved goes into the same file.
        let save = (todo | self.todo) & (TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG);
        if save & TODO_SAVE_CONFIG != 0 {
            self.todo &= !(TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG);
            let text = self.nodes_conf();
            cx.actions.push(Action::SaveConfig { text, fsync: save & TODO_FSYNC_CONFIG != 0 });
        }
        self.drop_lost_channels(cx);
        self.flush(cx);
    }

    fn flush(&mut self, cx: &mut Cx<'_>) {
        for conn in std::mem::take(&mut self.unsent) {
            let Some(link) = self.links.get_mut(conn) else { continue };
            link.queued = false;
            // What is written to a link before it stands goes out once it does.
            if !link.connected || link.out.is_empty() {
                continue;
            }
            let bytes = std::mem::take(&mut link.out);
            link.in_flight += bytes.len();
            cx.actions.push(Action::Send { conn, bytes });
        }
    }

    pub(super) fn drop_lost_channels(&mut self, cx: &mut Cx<'_>) {
        if !self.lost_channel_slots.is_empty() {
            cx.actions.push(Action::DropShardChannels(std::mem::take(&mut self.lost_channel_slots)));
        }
    }

    /// Writes nodes.conf at once and durably (CLUSTER SAVECONFIG).
    pub fn save_config_now(&self, cx: &mut Cx<'_>) {
        cx.actions.push(Action::SaveConfig { text: self.nodes_conf(), fsync: true });
    }

    pub(super) fn process_packet(&mut self, cx: &mut Cx<'_>, conn: ConnId, frame: &[u8]) {
        let kind = frame.get(12..14).map_or(u16::MAX, |b| u16::from_be_bytes([b[0], b[1]]));
        if let Some(count) = self.stats.received.get_mut(usize::from(kind)) {
            *count += 1;
        }
        let message = match Message::parse(frame) {
            // Redis looks at the filter before it looks at the lengths.
            _ if self.drop_filter == Some(kind) => {
                cx.log(LogLevel::Warning, format_args!("Dropping packet that matches debug drop filter"));
                return;
            }
            Ok(message) => message,
            Err(invalid) => {
                let kind = bus::kind_text(kind);
                match invalid {
                    bus::Invalid::Version => {}
                    bus::Invalid::Length { total, expected } => cx.log(
                        LogLevel::Warning,
                        format_args!(
                            "Received invalid {kind} packet of length {total} but expected length {expected}"
                        ),
                    ),
                    bus::Invalid::Padding { len } => cx.log(
                        LogLevel::Warning,
                        format_args!("Received a {kind} packet without proper padding ({len} bytes)"),
                    ),
                    bus::Invalid::Extension { total } => cx.log(
                        LogLevel::Warning,
                        format_args!(
                            "Received invalid {kind} packet with extension data that exceeds total packet \
                             length ({total})"
                        ),
                    ),
                }
                return;
            }
        };
        self.process_message(cx, conn, &message);
    }
}
