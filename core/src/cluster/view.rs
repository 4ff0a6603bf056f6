//! A node's beliefs as data, for an observer: what it holds of every other, the epochs, and an election going on.
//! Making a view changes nothing.

use super::node::{ClusterNode, NodeIdx, flag};
use super::{CantFailover, Cluster, Facts};
use crate::event::Opinion;
use serde::{Deserialize, Serialize};

/// What a node believes of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// Its name.
    pub name: String,
    /// Whether the cluster serves, as it sees it.
    pub ok: bool,
    /// The current epoch it knows.
    pub current_epoch: u64,
    /// The epoch of its last vote.
    pub last_vote_epoch: u64,
    /// Whom it voted for then, if it was this process that voted.
    pub last_vote_for: Option<String>,
    /// How many masters serve slots.
    pub size: u32,
    /// How many slots have an owner.
    pub slots_assigned: u32,
    /// How many nodes it knows, itself among them.
    pub known: usize,
    /// The nodes it knows: all of them, or in a [glance](Cluster::glance) itself and those it doubts.
    pub nodes: Vec<NodeView>,
    /// The election it stands in, if it does.
    pub election: Option<ElectionView>,
    /// The manual failover it takes part in, if it does.
    pub manual_failover: Option<ManualFailoverView>,
    /// Slots on their way out, and to whom.
    pub migrating: Vec<(u16, String)>,
    /// Slots on their way in, and from whom.
    pub importing: Vec<(u16, String)>,
}

/// What a node believes of another. Times are wall-clock milliseconds, 0 for never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// The name.
    pub name: String,
    /// The address, empty if unknown.
    pub ip: String,
    /// The client port.
    pub port: u16,
    /// The bus port.
    pub cport: u16,
    /// The announced host name, empty if there is none.
    pub hostname: String,
    /// The flags as CLUSTER NODES shows them.
    pub flags: String,
    /// Whether it is this node itself.
    pub myself: bool,
    /// Whether it is a replica.
    pub replica: bool,
    /// The name of its master, if it is a replica of a known one.
    pub master: Option<String>,
    /// Whether it is believed to be alive.
    pub opinion: Opinion,
    /// How many others report it as failing.
    pub failure_reports: u32,
    /// Its config epoch, or its master's.
    pub config_epoch: u64,
    /// Its slots as ranges, both ends inclusive.
    pub slots: Vec<(u16, u16)>,
    /// Whether the link to it stands.
    pub linked: bool,
    /// Whether its link to this node stands.
    pub linked_inbound: bool,
    /// When the PING that it owes an answer to was sent.
    pub ping_sent_ms: i64,
    /// When it last answered.
    pub pong_received_ms: i64,
    /// Its replication offset as last told, in bytes.
    pub repl_offset: i64,
}

/// An election, seen by its candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionView {
    /// Its epoch; of use once `asked`.
    pub epoch: u64,
    /// The candidate's rank among its siblings.
    pub rank: u32,
    /// When votes are asked for, or were, in wall-clock milliseconds.
    pub auth_time_ms: i64,
    /// Whether they have been asked for.
    pub asked: bool,
    /// Votes so far.
    pub votes: u32,
    /// Votes needed.
    pub needed: u32,
    /// Who gave them.
    pub voters: Vec<String>,
    /// Why the replica does not take over yet.
    pub cant: CantFailover,
}

/// A manual failover, seen from either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualFailoverView {
    /// When it is given up, in wall-clock milliseconds.
    pub end_ms: i64,
    /// On the master: the replica that asked for it.
    pub replica: Option<String>,
    /// On the replica: the offset to be reached, if it is known.
    pub master_offset: Option<i64>,
    /// On the replica: whether that is done.
    pub can_start: bool,
}

/// The nodes that [`Cluster::glance`] found last: while nothing has changed but clocks, they are the same, and a look at a thousand nodes
/// is not one at the flags of a million.
#[derive(Clone, Debug, Default)]
pub(super) struct Notable {
    /// [`NodeTable::changes`](super::node::NodeTable) at that time.
    changes: Option<u64>,
    nodes: Vec<NodeIdx>,
}

impl Cluster {
    /// All of it.
    pub fn view(&self, facts: &Facts) -> ClusterView {
        self.view_of(facts, self.nodes.iter().map(|(_, node)| node))
    }

    /// As [`Cluster::view`], but of the others those alone that it holds for failing: in a cluster of a thousand nodes all views
    /// together have a million entries.
    pub fn glance(&self, facts: &Facts) -> ClusterView {
        let found = || {
            let shown =
                self.nodes.iter().filter(|(_, node)| node.any(flag::MYSELF | flag::FAIL | flag::PFAIL));
            shown.map(|(idx, _)| idx)
        };
        let mut notable = self.notable.borrow_mut();
        if notable.changes != Some(self.nodes.changes()) {
            notable.nodes = found().collect();
            notable.changes = Some(self.nodes.changes());
        }
        debug_assert!(found().eq(notable.nodes.iter().copied()), "flags of nodes changed unseen");
        self.view_of(facts, notable.nodes.iter().map(|&idx| &self.nodes[idx]))
    }

    fn view_of<'a>(&self, facts: &Facts, shown: impl Iterator<Item = &'a ClusterNode>) -> ClusterView {
        let name = |idx: NodeIdx| self.nodes[idx].name.to_string();
        let moves = |map: &litemap::LiteMap<u16, NodeIdx>| {
            map.iter().map(|(&slot, &idx)| (slot, name(idx))).collect()
        };
        let manual = &self.manual;
        ClusterView {
            name: name(self.myself),
            ok: self.ok,
            current_epoch: self.current_epoch,
            last_vote_epoch: self.last_vote_epoch,
            last_vote_for: self.last_vote_for.map(|name| name.to_string()),
            size: self.size,
            slots_assigned: self.slots.assigned(),
            known: self.nodes.len(),
            nodes: shown.map(|node| self.node_view(facts, node)).collect(),
            election: self.election_view(),
            manual_failover: (manual.end_ms != 0).then(|| ManualFailoverView {
                end_ms: manual.end_ms,
                replica: manual.slave.map(name),
                master_offset: Some(manual.master_offset).filter(|&offset| offset != -1),
                can_start: manual.can_start,
            }),
            migrating: moves(&self.migrating),
            importing: moves(&self.importing),
        }
    }

    fn election_view(&self) -> Option<ElectionView> {
        let election = &self.election;
        let running = self.is_replica()
            && election.auth_time_ms != 0
            && self.myself().slaveof.is_some_and(|master| self.nodes[master].failed());
        (running || (self.is_replica() && self.manual.can_start)).then(|| ElectionView {
            epoch: election.epoch,
            rank: election.rank,
            auth_time_ms: election.auth_time_ms,
            asked: election.sent,
            votes: election.votes,
            needed: self.quorum(),
            voters: self.election_voters().iter().map(ToString::to_string).collect(),
            cant: election.cant,
        })
    }

    fn node_view(&self, facts: &Facts, node: &ClusterNode) -> NodeView {
        let mut flags = Vec::new();
        flag::write_text(node.flags, &mut flags);
        let stands = |conn: Option<crate::host::ConnId>| {
            conn.and_then(|conn| self.links.get(conn)).is_some_and(|link| link.connected)
        };
        NodeView {
            name: node.name.to_string(),
            ip: node.ip.to_string(),
            port: node.port,
            cport: node.cport,
            hostname: node.hostname().to_string(),
            flags: super::info::into_text(flags),
            myself: node.has(flag::MYSELF),
            replica: node.is_slave(),
            master: node.slaveof.map(|master| self.nodes[master].name.to_string()),
            opinion: match node.flags & (flag::FAIL | flag::PFAIL) {
                0 => Opinion::Ok,
                flag::PFAIL => Opinion::Suspected,
                _ => Opinion::Failed,
            },
            failure_reports: node.fail_reports.len() as u32,
            config_epoch: self.shown_epoch(node),
            slots: node.slots.ranges().to_vec(),
            linked: stands(node.link),
            linked_inbound: stands(node.inbound_link),
            ping_sent_ms: node.ping_sent_ms,
            pong_received_ms: node.pong_received_ms,
            repl_offset: if node.has(flag::MYSELF) { self.my_offset(facts) } else { node.repl_offset },
        }
    }
}
