//! What the CLUSTER commands that only look show: INFO, NODES, SLOTS, SHARDS and LINKS (cluster.c 7.0.15).

use super::bus::{self, kind_text};
use super::link::Link;
use super::node::{ClusterNode, Name, NodeIdx, flag};
use super::slots::SLOTS;
use super::{Cluster, ClusterConfig, EndpointType, Facts};
use std::fmt::Write as _;
use std::io::Write as _;

/// A range of slots and the nodes that serve it, the master first (CLUSTER SLOTS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// The first slot.
    pub first: u16,
    /// The last slot.
    pub last: u16,
    /// The master and those of its replicas that can be read from.
    pub nodes: Vec<NodeIdx>,
}

/// A node as CLUSTER SHARDS shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardNode {
    /// Which one.
    pub idx: NodeIdx,
    /// `master` or `replica`.
    pub role: &'static str,
    /// Its replication offset in bytes.
    pub offset: i64,
    /// `online`, `loading` or `fail`.
    pub health: &'static str,
}

/// A master, its slots and its nodes (CLUSTER SHARDS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The ranges of slots, both ends inclusive.
    pub slots: Vec<(u16, u16)>,
    /// The master and its replicas.
    pub nodes: Vec<ShardNode>,
}

/// A bus connection (CLUSTER LINKS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// True if the other node made it (`from`), false if this one did (`to`).
    pub inbound: bool,
    /// The node at the other end.
    pub node: Name,
    /// When it was made, in wall-clock milliseconds.
    pub ctime_ms: i64,
    /// `r` once it stands, `w` while something waits to be sent.
    pub events: &'static str,
    /// How many bytes wait to be sent.
    pub send_buffer_len: usize,
}

/// How long a node's line usually is, at the most.
const LINE_LEN: usize = 192;

/// Appends a number. A node of a large cluster that is forming writes its file many times a second, and the general
/// formatting would be most of the cost.
pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Text that was made of names, addresses, hostnames and numbers: UTF-8, all of it. Were it not, nodes.conf would rather hold one wrong
/// address than nothing.
pub(super) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Cluster {
    /// CLUSTER INFO.
    pub fn info_text(&self) -> String {
        let (mut ok, mut pfail, mut fail) = (0, 0, 0);
        for (_, node) in self.nodes.iter() {
            let slots = match node.flags & (flag::FAIL | flag::PFAIL) {
                0 => &mut ok,
                flag::PFAIL => &mut pfail,
                _ => &mut fail,
            };
            *slots += node.slots.len();
        }
        let mut out = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = write!(out, "{name}:{value}\r\n");
        };
        line("cluster_state", &if self.ok { "ok" } else { "fail" });
        line("cluster_slots_assigned", &self.slots.assigned());
        line("cluster_slots_ok", &ok);
        line("cluster_slots_pfail", &pfail);
        line("cluster_slots_fail", &fail);
        line("cluster_known_nodes", &self.nodes.len());
        line("cluster_size", &self.size);
        line("cluster_current_epoch", &self.current_epoch);
        line("cluster_my_epoch", &self.shown_epoch(self.myself()));
        for (way, counts) in [("sent", &self.stats.sent), ("received", &self.stats.received)] {
            for (kind, count) in counts.iter().enumerate().filter(|(_, count)| **count != 0) {
                line(&format!("cluster_stats_messages_{}_{way}", kind_text(kind as u16)), count);
            }
            line(&format!("cluster_stats_messages_{way}"), &counts.iter().sum::<u64>());
        }
        line("total_cluster_links_buffer_limit_exceeded", &self.links_buffer_limit_exceeded);
        out
    }

    /// The config epoch that is shown of a node: a replica's is its master's.
    pub(super) fn shown_epoch(&self, node: &ClusterNode) -> u64 {
        let master = node.slaveof.filter(|_| node.is_slave());
        master.map_or(node.config_epoch, |master| self.nodes[master].config_epoch)
    }

    /// CLUSTER NODES.
    pub fn nodes_text(&self) -> String {
        let mut out = Vec::new();
        self.write_nodes(0, &mut out);
        into_text(out)
    }

    /// Appends a line for each node that has none of the flags in `without`.
    pub(super) fn write_nodes(&self, without: u16, out: &mut Vec<u8>) {
        out.reserve(self.nodes.len() * LINE_LEN);
        for (_, node) in self.nodes.iter().filter(|(_, node)| !node.any(without)) {
            self.write_node(node, out);
            out.push(b'\n');
        }
    }

    /// The line of one node, as CLUSTER REPLICAS gives it.
    pub fn node_text(&self, idx: NodeIdx) -> String {
        let mut out = Vec::new();
        self.write_node(&self.nodes[idx], &mut out);
        into_text(out)
    }

    fn write_node(&self, node: &ClusterNode, out: &mut Vec<u8>) {
        out.extend_from_slice(node.name.as_bytes());
        out.push(b' ');
        out.extend_from_slice(node.ip.text());
        for (mark, port) in [(b':', node.port), (b'@', node.cport)] {
            out.push(mark);
            push_number(out, u64::from(port));
        }
        if let Some(hostname) = &node.hostname {
            out.push(b',');
            out.extend_from_slice(hostname.as_bytes());
        }
        out.push(b' ');
        flag::write_text(node.flags, out);
        out.push(b' ');
        out.extend_from_slice(node.slaveof.map_or(b"-", |master| self.nodes[master].name.as_bytes()));
        let (ping, pong) = (node.ping_sent_ms.max(0) as u64, node.pong_received_ms.max(0) as u64);
        for number in [ping, pong, self.shown_epoch(node)] {
            out.push(b' ');
            push_number(out, number);
        }
        let linked = node.link.is_some() || node.has(flag::MYSELF);
        out.extend_from_slice(if linked { b" connected" } else { b" disconnected" });
        node.slots.write_text(out);
        if node.has(flag::MYSELF) && !(self.migrating.is_empty() && self.importing.is_empty()) {
            self.write_open_slots(out);
        }
    }

    fn write_open_slots(&self, out: &mut Vec<u8>) {
        for slot in 0..SLOTS as u16 {
            let _ = match (self.migrating.get(&slot), self.importing.get(&slot)) {
                (Some(to), _) => write!(out, " [{slot}->-{}]", self.nodes[*to].name),
                (None, Some(from)) => write!(out, " [{slot}-<-{}]", self.nodes[*from].name),
                (None, None) => Ok(()),
            };
        }
    }

    /// The host name or address that clients are told of a node (`getPreferredEndpoint`).
    pub fn endpoint<'a>(&self, config: &ClusterConfig, node: &'a ClusterNode) -> &'a str {
        match config.preferred_endpoint_type {
            EndpointType::Ip => node.ip.as_str(),
            EndpointType::Hostname => node.hostname.as_deref().unwrap_or("?"),
            EndpointType::UnknownEndpoint => "",
        }
    }

    fn offset_of(&self, facts: &Facts, idx: NodeIdx) -> i64 {
        let node = &self.nodes[idx];
        match (node.has(flag::MYSELF), node.is_slave()) {
            (true, true) => facts.slave_offset,
            (true, false) => facts.master_offset,
            _ => node.repl_offset,
        }
    }

    /// CLUSTER SLOTS. A replica is shown once it has synchronised, and while it is not flagged FAIL.
    pub fn slot_ranges(&self, facts: &Facts) -> Vec<SlotRange> {
        let mut out = Vec::new();
        let mut slot = 0;
        while slot < SLOTS as u16 {
            let owner = self.slots.owner(slot);
            let first = slot;
            while slot < SLOTS as u16 && self.slots.owner(slot) == owner {
                slot += 1;
            }
            let Some(owner) = owner else { continue };
            let available = |&replica: &NodeIdx| {
                let node = &self.nodes[replica];
                // Its own offset as a replica counts, even where it is shown as a master meanwhile.
                let offset = if node.has(flag::MYSELF) { facts.slave_offset } else { node.repl_offset };
                !node.failed() && offset != 0
            };
            let replicas = self.nodes[owner].slaves.iter().copied().filter(available);
            let nodes = [owner].into_iter().chain(replicas).collect();
            out.push(SlotRange { first, last: slot - 1, nodes });
        }
        out
    }

    /// CLUSTER SHARDS.
    pub fn shards(&self, facts: &Facts) -> Vec<Shard> {
        let masters = self.nodes.iter().filter(|(_, node)| node.is_master());
        masters
            .map(|(idx, node)| Shard {
                slots: node.slots.ranges().to_vec(),
                nodes: self.shard_of(idx).into_iter().map(|idx| self.shard_node(facts, idx)).collect(),
            })
            .collect()
    }

    fn shard_node(&self, facts: &Facts, idx: NodeIdx) -> ShardNode {
        let node = &self.nodes[idx];
        let offset = self.offset_of(facts, idx);
        let health = if node.failed() {
            "fail"
        } else if node.is_slave() && offset == 0 {
            "loading"
        } else {
            "online"
        };
        ShardNode { idx, role: if node.is_slave() { "replica" } else { "master" }, offset, health }
    }

    /// CLUSTER LINKS.
    pub fn links(&self) -> Vec<LinkInfo> {
        let conns = self.nodes.iter().flat_map(|(_, node)| [node.link, node.inbound_link]);
        let links = conns.flatten().filter_map(|conn| self.links.get(conn));
        links
            .filter_map(|link| {
                Some(LinkInfo {
                    inbound: link.inbound,
                    node: self.nodes[link.node?].name,
                    ctime_ms: link.ctime_ms,
                    events: match (link.connected, link.send_buffer_len() > 0) {
                        (true, true) => "rw",
                        (true, false) => "r",
                        (false, true) => "w",
                        (false, false) => "",
                    },
                    send_buffer_len: link.send_buffer_len(),
                })
            })
            .collect()
    }

    /// How many bytes the links hold, as INFO memory counts them (`mem_cluster_links`).
    pub fn links_memory(&self) -> usize {
        self.links.sum(|link| size_of::<Link>() + link.send_buffer_len())
    }

    /// How many messages of a type ([`bus::kind`]) were sent and received.
    pub fn messages(&self, kind: u16) -> (u64, u64) {
        let at = usize::from(kind).min(bus::kind::COUNT - 1);
        (self.stats.sent[at], self.stats.received[at])
    }
}
