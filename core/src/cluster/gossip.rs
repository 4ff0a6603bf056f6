//! Heartbeats and the gossip in them (`clusterSendPing`, `clusterProcessGossipSection`, cluster.c 7.0.15).
//!
//! Each heartbeat tells of a tenth of the nodes, three at least, picked at random, and of every suspected one. So in the
//! time that a failure report stays valid the majority of masters has been heard about any node with near certainty,
//! while traffic grows with the square of the cluster's size and no faster.

use super::bus::{self, Gossip, Message, mflag};
use super::node::{ClusterNode, FETCH_LEN_MAX, IpText, Name, NodeIdx, flag};
use super::{Cluster, Cx};
use crate::event::Event;
use crate::host::{ConnId, LogLevel};
use core::net::IpAddr;
use smallvec::SmallVec;

/// How long a forgotten node is not learnt again, in seconds (`CLUSTER_BLACKLIST_TTL`).
const BLACKLIST_TTL_S: i64 = 60;
/// How far in the future a gossiped PONG may be, in milliseconds.
const PONG_FUTURE_MAX_MS: i64 = 500;

/// Whom an announcing PONG goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// All nodes.
    All,
    /// The replicas of this node's master, or of this node.
    LocalSlaves,
}

impl Cluster {
    /// Sends a PING, PONG or MEET with its gossip section.
    pub(super) fn send_ping(&mut self, cx: &mut Cx<'_>, conn: ConnId, kind: u16) {
        let Some(link) = self.links.get(conn) else { return };
        if let (bus::kind::PING, false, Some(idx)) = (kind, link.inbound, link.node) {
            self.ping_sent(idx, cx.now_ms());
        }
        self.heartbeats_sent += 1;
        let wanted = (self.nodes.len() / 10).max(3).min(self.nodes.len().saturating_sub(2));
        let extension_len = bus::hostname_extension_len(self.myself().hostname());
        let len_max =
            bus::HEADER_LEN + bus::GOSSIP_LEN * (wanted + self.pfail_nodes as usize) + extension_len;
        self.write_to(conn, kind, len_max, |cluster, out| {
            cluster.write_heartbeat(cx, kind, wanted, len_max, out);
        });
    }

    /// A PING goes out to a node, or has been answered (0).
    pub(super) fn ping_sent(&mut self, idx: NodeIdx, now_ms: i64) {
        self.nodes.clocks_of(idx).ping_sent_ms = now_ms;
        self.watched.look_soon(idx);
    }

    fn write_heartbeat(
        &mut self,
        cx: &mut Cx<'_>,
        kind: u16,
        wanted: usize,
        len_max: usize,
        out: &mut Vec<u8>,
    ) {
        let at = out.len();
        let hostname = self.myself().hostname.clone();
        let mflags = if hostname.is_some() { mflag::EXT_DATA } else { 0 };
        self.write_header(cx, kind, len_max, mflags, out);

        // Nodes that are not fit to be told of lower the hope of finding others: that ends the search early in a cluster
        // of strangers, as in Redis.
        let mut fresh = self.nodes.len() as i64 - 2;
        let mut count: usize = 0;
        let mut tries = wanted * 3;
        while fresh > 0 && count < wanted && tries > 0 {
            // As many are drawn at once as are drawn in any case: that lets their memory come in together.
            let certain =
                if fresh > tries as i64 { (wanted - count).min(tries).min(FETCH_LEN_MAX) } else { 1 };
            tries -= certain;
            let mut drawn: SmallVec<[NodeIdx; FETCH_LEN_MAX]> = SmallVec::new();
            for _ in 0..certain {
                let position = cx.rng.below(self.nodes.len() as u64) as usize;
                drawn.extend(self.nodes.at(position));
            }
            self.nodes.fetch(&drawn);
            for &idx in &drawn {
                let node = self.nodes.clocks_of(idx);
                if idx == self.myself || node.timed_out() {
                    continue;
                }
                if node.any(flag::HANDSHAKE | flag::NOADDR) || (!node.has_link() && node.slots.is_empty()) {
                    fresh -= 1;
                    continue;
                }
                if node.last_in_gossip == self.heartbeats_sent {
                    continue;
                }
                node.last_in_gossip = self.heartbeats_sent;
                write_gossip(node, out);
                fresh -= 1;
                count += 1;
            }
        }

        // Suspicions always travel, so that PFAIL becomes FAIL quickly.
        let mut suspected = self.pfail_nodes;
        if suspected > 0 {
            for (_, node) in self.nodes.iter() {
                if node.timed_out() && !node.any(flag::HANDSHAKE | flag::NOADDR) {
                    write_gossip(node, out);
                    count += 1;
                    suspected -= 1;
                    if suspected == 0 {
                        break;
                    }
                }
            }
        }

        bus::write_hostname_extension(hostname.as_deref().unwrap_or(""), out);
        bus::patch_heartbeat(out, at, count as u16);
    }

    /// Announces a change with a PONG that nobody asked for (`clusterBroadcastPong`).
    pub(super) fn broadcast_pong(&mut self, cx: &mut Cx<'_>, audience: Audience) {
        for at in 0..self.nodes.len() {
            let Some(idx) = self.nodes.at(at) else { break };
            let node = &self.nodes[idx];
            let Some(conn) = node.link.filter(|_| idx != self.myself && !node.in_handshake()) else {
                continue;
            };
            let local = node.is_slave()
                && node.slaveof.is_some()
                && (node.slaveof == Some(self.myself) || node.slaveof == self.myself().slaveof);
            if audience == Audience::All || local {
                self.send_ping(cx, conn, bus::kind::PONG);
            }
        }
    }

    /// Takes in the gossip section of a message. `sender` is none for a MEET of a stranger.
    pub(super) fn process_gossip(&mut self, cx: &mut Cx<'_>, sender: Option<NodeIdx>, message: &Message<'_>) {
        let sender_is_master = sender.is_some_and(|sender| self.nodes[sender].is_master());
        let mut entries = message.body.gossip();
        loop {
            let some: SmallVec<[_; FETCH_LEN_MAX]> = entries.by_ref().take(FETCH_LEN_MAX).collect();
            if some.is_empty() {
                return;
            }
            self.nodes.fetch_names(some.iter().map(|entry| entry.name));
            for entry in some {
                match self.nodes.find_on_wire(entry.name) {
                    Some(idx) => {
                        let reporter = sender.filter(|_| sender_is_master);
                        self.process_gossip_entry(cx, idx, reporter, &entry);
                    }
                    None => self.learn(cx, sender, &entry),
                }
            }
        }
    }

    /// An entry about a node that is not known.
    fn learn(&mut self, cx: &mut Cx<'_>, sender: Option<NodeIdx>, entry: &Gossip<'_>) {
        let Some(name) = Name::parse(entry.name) else { return };
        // Only a node that is known itself may introduce others: addresses get reused, and a node of another
        // cluster may live there by now.
        if sender.is_some() && entry.flags & flag::NOADDR == 0 && !self.is_blacklisted(cx, &name) {
            let mut node = ClusterNode::new(name, entry.flags & flag::GOSSIPED, cx.now_ms());
            node.ip = IpText::from_wire(entry.ip);
            (node.port, node.pport, node.cport) = (entry.port, entry.pport, entry.cport);
            self.nodes.add(node);
        }
    }

    fn process_gossip_entry(
        &mut self,
        cx: &mut Cx<'_>,
        idx: NodeIdx,
        reporter: Option<NodeIdx>,
        entry: &Gossip<'_>,
    ) {
        let failing = entry.flags & (flag::FAIL | flag::PFAIL) != 0;
        if let Some(reporter) = reporter.filter(|_| idx != self.myself) {
            if failing {
                if self.nodes[idx].report_failure(reporter, cx.now_ms()) {
                    self.report_event(cx, reporter, idx, true);
                    cx.log(
                        LogLevel::Verbose,
                        format_args!(
                            "Node {} reported node {} as not reachable.",
                            self.nodes[reporter].name, self.nodes[idx].name
                        ),
                    );
                }
                self.mark_failing_if_needed(cx, idx);
            } else if self.nodes[idx].is_reported() && self.nodes[idx].withdraw_report(reporter) {
                self.report_event(cx, reporter, idx, false);
                cx.log(
                    LogLevel::Verbose,
                    format_args!(
                        "Node {} reported node {} is back online.",
                        self.nodes[reporter].name, self.nodes[idx].name
                    ),
                );
            }
        }

        // A node that nobody complains of, and that we wait for no answer of, is as fresh as others say: that spares us
        // most pings. A clock ahead of ours is not believed.
        if !failing && self.nodes[idx].ping_sent_ms == 0 && self.failure_reports(cx, idx) == 0 {
            let pong_ms = i64::from(entry.pong_received_s) * 1000;
            let node = self.nodes.clocks_of(idx);
            if pong_ms <= cx.now_ms() + PONG_FUTURE_MAX_MS && pong_ms > node.pong_received_ms {
                node.pong_received_ms = pong_ms;
            }
        }

        // Somebody reaches a node that we do not, at another address.
        if failing || entry.flags & flag::NOADDR != 0 || !self.nodes[idx].any(flag::FAIL | flag::PFAIL) {
            return;
        }
        let (node, ip) = (&self.nodes[idx], IpText::from_wire(entry.ip));
        if !node.ip.text().eq_ignore_ascii_case(ip.text())
            || node.port != entry.port
            || node.cport != entry.cport
        {
            let node = &mut self.nodes[idx];
            node.ip = ip;
            (node.port, node.pport, node.cport) = (entry.port, entry.pport, entry.cport);
            node.flags &= !flag::NOADDR;
            if let Some(link) = node.link {
                self.free_link(cx, link);
            }
        }
    }

    fn report_event(&self, cx: &mut Cx<'_>, by: NodeIdx, about: NodeIdx, failing: bool) {
        let (by, about) = (self.nodes[by].name.to_string(), self.nodes[about].name.to_string());
        cx.event(Event::Report { about, by, failing });
    }

    /// Takes over the host name that the sender announces; none means that it announces none.
    pub(super) fn process_extensions(&mut self, cx: &mut Cx<'_>, sender: NodeIdx, message: &Message<'_>) {
        let mut hostname = None;
        for extension in message.body.extensions() {
            if extension.kind == bus::EXT_HOSTNAME {
                hostname = extension.hostname().filter(|name| !name.is_empty());
            } else {
                cx.log(LogLevel::Warning, format_args!("Received unknown extension type {}", extension.kind));
            }
        }
        if self.nodes[sender].hostname.as_deref() != hostname {
            self.nodes[sender].hostname = hostname.map(Into::into);
        }
    }

    /// Takes over the address a message comes from, if it is another than the one we know; true if it was
    /// (`nodeUpdateAddressIfNeeded`).
    pub(super) fn update_address_if_needed(
        &mut self,
        cx: &mut Cx<'_>,
        idx: NodeIdx,
        conn: ConnId,
        message: &Message<'_>,
    ) -> bool {
        let header = &message.header;
        if self.nodes[idx].link == Some(conn) {
            return false;
        }
        let Some(link) = self.links.get(conn) else { return false };
        let ip = if header.my_ip.is_empty() { link.peer_ip } else { header.my_ip };
        let node = &self.nodes[idx];
        let ports = (header.port, header.pport, header.cport);
        if ip.is_empty() || ((node.port, node.pport, node.cport) == ports && node.ip == ip) {
            return false;
        }
        let node = &mut self.nodes[idx];
        node.ip = ip;
        (node.port, node.pport, node.cport) = ports;
        node.flags &= !flag::NOADDR;
        let (name, port) = (node.name, node.port);
        if let Some(link) = node.link {
            self.free_link(cx, link);
        }
        cx.log(LogLevel::Warning, format_args!("Address updated for node {name}, now {ip}:{port}"));
        if self.is_replica() && self.myself().slaveof == Some(idx) {
            self.replicate_from(cx, idx);
        }
        true
    }

    /// Begins a handshake with whoever lives at an address, unless one with it is going on (`clusterStartHandshake`).
    ///
    /// # Errors
    /// The address or a port is not valid.
    pub(super) fn start_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        ip: &str,
        port: i64,
        cport: i64,
    ) -> Result<(), ()> {
        let ip: IpAddr = ip.parse().map_err(|_| ())?;
        let ip = super::node::IpText::new(&ip.to_string());
        let valid = |port: i64| u16::try_from(port).ok().filter(|&port| port > 0).ok_or(());
        let (port, cport) = (valid(port)?, valid(cport)?);
        let going_on = self.nodes.iter().any(|(_, node)| {
            node.in_handshake() && node.ip == ip && node.port == port && node.cport == cport
        });
        if !going_on {
            let flags = flag::HANDSHAKE | flag::MEET;
            let mut node = ClusterNode::new(Name::random(cx.rng), flags, cx.now_ms());
            (node.ip, node.port, node.cport) = (ip, port, cport);
            self.nodes.add(node);
        }
        Ok(())
    }

    /// Keeps a forgotten node from being learnt again from others that still know it.
    pub(super) fn blacklist(&mut self, cx: &Cx<'_>, name: Name) {
        self.blacklist.insert(name, cx.now.wall_s() + BLACKLIST_TTL_S);
    }

    fn is_blacklisted(&mut self, cx: &Cx<'_>, name: &Name) -> bool {
        let now_s = cx.now.wall_s();
        if !self.blacklist.is_empty() {
            self.blacklist.retain(|_, until| *until >= now_s);
        }
        self.blacklist.contains_key(name)
    }
}

fn write_gossip(node: &ClusterNode, out: &mut Vec<u8>) {
    Gossip {
        name: node.name.as_bytes(),
        ping_sent_s: (node.ping_sent_ms / 1000) as u32,
        pong_received_s: (node.pong_received_ms / 1000) as u32,
        ip: node.ip.as_bytes(),
        port: node.port,
        cport: node.cport,
        flags: node.flags,
        pport: node.pport,
    }
    .write(out);
}
