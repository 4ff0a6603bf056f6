//! What happens ten times a second (`clusterCron`, cluster.c 7.0.15): links are made anew, somebody is pinged, whoever
//! has not answered in time is suspected, and a replica looks at whether it is to do something about its master.
//!
//! Redis visits every node each time. A thousand nodes that each visit a thousand, ten times a second, would do little else; so
//! [`Watched`] remembers when each node may have to be visited next, and as long as nothing but clocks has moved, the others are
//! passed over. Nothing is done to a node that is passed over, so the outcome is the same.

use super::bus::kind;
use super::node::{ClusterNode, NodeIdx, NodeTable, flag};
use super::{Cluster, Cx};
use crate::event::Opinion;
use crate::host::LogLevel;

/// A handshake lasts for a node timeout, but not for less than this, in milliseconds.
const HANDSHAKE_TIMEOUT_MIN_MS: i64 = 1_000;
/// Once in so many runs, that is once a second, some node is pinged.
const PING_EACH_RUNS: u64 = 10;
/// Among so many nodes, picked at random, the one that was silent for longest.
const PING_SAMPLES: usize = 5;
/// Nothing is done about a node with one of these flags.
const NOT_VISITED: u16 = flag::MYSELF | flag::NOADDR | flag::HANDSHAKE;

/// When nodes have to be visited again, as of the last visit to all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// [`NodeTable::changes`] when that visit began; none before the first.
    changes: Option<u64>,
    /// The node timeout that it went by, in milliseconds.
    timeout_ms: i64,
    /// Whether nothing that it found needs a visit each time.
    settled: bool,
    /// What it counted.
    orphans: Orphans,
    /// The earliest wall-clock millisecond at which anything may have to be done about a node, by its index.
    due_ms: Vec<i64>,
}

impl Watched {
    /// Has a node visited the next time: its clocks were set.
    #[inline]
    pub(super) fn look_soon(&mut self, idx: NodeIdx) {
        if let Some(due) = self.due_ms.get_mut(usize::from(idx.0)) {
            *due = i64::MIN;
        }
    }

    /// Notes when a node is to be visited again.
    fn visited(&mut self, nodes: &NodeTable, idx: NodeIdx) {
        let due_ms = self.due_of(&nodes[idx]);
        if let Some(due) = self.due_ms.get_mut(usize::from(idx.0)) {
            *due = due_ms;
        }
    }

    /// When [`Cluster::cron_node`] could next do anything about a node, manual failovers aside. Nothing is due before half a timeout
    /// after its last sign of life, or after the PING that it has not answered; gossip only ever makes it later.
    fn due_of(&self, node: &ClusterNode) -> i64 {
        if node.any(NOT_VISITED) {
            return i64::MAX;
        }
        let since_ms = if node.ping_sent_ms == 0 { node.pong_received_ms } else { node.ping_sent_ms };
        since_ms.saturating_add(self.timeout_ms / 2).saturating_add(1)
    }
}

/// What a replica needs to know before it considers migrating.
#[derive(Clone, Copy, Debug, Default)]
struct Orphans {
    masters: usize,
    slaves_max: usize,
    my_siblings: usize,
}

impl Cluster {
    /// To be called every 100 ms.
    pub fn cron(&mut self, cx: &mut Cx<'_>) {
        self.cron_runs += 1;
        self.update_my_hostname(cx);
        let all = !self.only_clocks_moved(cx);
        if all {
            self.watched.changes = Some(self.nodes.changes());
            self.watched.timeout_ms = cx.config.node_timeout_ms;
            self.watched.settled = self.cron_links(cx);
            self.watched.due_ms.clear();
            self.watched.due_ms.resize(self.nodes.places(), i64::MIN);
        }
        if self.cron_runs.is_multiple_of(PING_EACH_RUNS) {
            self.ping_some_node(cx);
        }
        let update_state = if all { self.visit_all(cx) } else { self.visit_due(cx) };
        let orphans = self.watched.orphans;

        let master = self.myself().slaveof.filter(|_| self.is_replica());
        if let Some(master) = master.filter(|&master| !self.nodes[master].has(flag::NOADDR))
            && !cx.facts.has_master
        {
            // A replica that has just started, or whose master's address was not known so far.
            self.replicate_from(cx, master);
        }
        self.check_manual_failover_timeout(cx);
        if self.is_replica() {
            self.handle_manual_failover(cx);
            self.handle_slave_failover(cx);
            if orphans.masters > 0
                && orphans.slaves_max >= 2
                && orphans.my_siblings == orphans.slaves_max
                && cx.config.allow_replica_migration
            {
                self.handle_slave_migration(cx, orphans.slaves_max);
            }
        }
        if update_state || !self.ok {
            self.update_state(cx);
        }
    }

    /// Whether all that the last visit to all nodes has found still holds, but for their clocks.
    fn only_clocks_moved(&self, cx: &Cx<'_>) -> bool {
        self.watched.settled
            && self.watched.changes == Some(self.nodes.changes())
            && self.watched.timeout_ms == cx.config.node_timeout_ms
            && cx.config.link_sendbuf_limit == 0
            && self.manual.end_ms == 0
    }

    /// Visits every node; true if one is newly suspected.
    fn visit_all(&mut self, cx: &mut Cx<'_>) -> bool {
        let mut orphans = Orphans::default();
        let mut update_state = false;
        for at in 0..self.nodes.len() {
            let Some(idx) = self.nodes.at(at) else { break };
            self.count_orphans(idx, &mut orphans);
            update_state |= self.cron_node(cx, idx);
            self.watched.visited(&self.nodes, idx);
        }
        self.watched.orphans = orphans;
        update_state
    }

    /// Visits those nodes whose time has come, in the same order; true if one is newly suspected.
    fn visit_due(&mut self, cx: &mut Cx<'_>) -> bool {
        let now_ms = cx.now_ms();
        let mut update_state = false;
        for at in 0..self.nodes.len() {
            let Some(idx) = self.nodes.at(at) else { break };
            if self.watched.due_ms.get(usize::from(idx.0)).is_some_and(|due| *due > now_ms) {
                debug_assert!(
                    self.watched.due_of(&self.nodes[idx]) > now_ms,
                    "{} was passed over",
                    self.nodes[idx].name
                );
                continue;
            }
            update_state |= self.cron_node(cx, idx);
            self.watched.visited(&self.nodes, idx);
        }
        update_state
    }

    /// Drops links that hold too much and handshakes that came to nothing, makes missing links, counts suspects. True if there
    /// is no handshake, whose time runs out unseen.
    fn cron_links(&mut self, cx: &mut Cx<'_>) -> bool {
        let now_ms = cx.now_ms();
        let mut settled = true;
        let handshake_timeout_ms = cx.config.node_timeout_ms.max(HANDSHAKE_TIMEOUT_MIN_MS);
        self.pfail_nodes = 0;
        let mut at = 0;
        while let Some(idx) = self.nodes.at(at) {
            at += 1;
            if cx.config.link_sendbuf_limit != 0 {
                self.enforce_sendbuf_limit(cx, idx);
            }
            let node = &self.nodes[idx];
            if node.any(flag::MYSELF | flag::NOADDR) {
                continue;
            }
            self.pfail_nodes += u32::from(node.timed_out());
            settled &= !node.in_handshake();
            if node.in_handshake() && now_ms - node.ctime_ms > handshake_timeout_ms {
                self.del_node(cx, idx);
                // The last node has moved to this place.
                at -= 1;
            } else if !node.has_link() {
                self.connect(cx, idx);
            }
        }
        settled
    }

    fn enforce_sendbuf_limit(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        for conn in [self.nodes[idx].link, self.nodes[idx].inbound_link].into_iter().flatten() {
            let Some(link) = self.links.get(conn) else { continue };
            let (used, inbound) = (link.send_buffer_len() as u64, link.inbound);
            if used > cx.config.link_sendbuf_limit {
                cx.log(
                    LogLevel::Warning,
                    format_args!(
                        "Freeing cluster link({} node {}, used memory: {used}) due to exceeding send buffer \
                         memory limit.",
                        if inbound { "from" } else { "to" },
                        self.nodes[idx].name
                    ),
                );
                self.free_link(cx, conn);
                self.links_buffer_limit_exceeded += 1;
            }
        }
    }

    fn ping_some_node(&mut self, cx: &mut Cx<'_>) {
        let mut oldest: Option<NodeIdx> = None;
        for _ in 0..PING_SAMPLES {
            let position = cx.rng.below(self.nodes.len() as u64) as usize;
            let Some(idx) = self.nodes.at(position) else { break };
            let node = &self.nodes[idx];
            if node.link.is_none()
                || node.ping_sent_ms != 0
                || node.any(flag::MYSELF | flag::HANDSHAKE)
                || oldest.is_some_and(|old| self.nodes[old].pong_received_ms <= node.pong_received_ms)
            {
                continue;
            }
            oldest = Some(idx);
        }
        if let Some((idx, conn)) = oldest.and_then(|idx| Some((idx, self.nodes[idx].link?))) {
            cx.log(LogLevel::Debug, format_args!("Pinging node {}", self.nodes[idx].name));
            self.send_ping(cx, conn, kind::PING);
        }
    }

    /// On a replica: takes a master into the count of those that may need one.
    fn count_orphans(&self, idx: NodeIdx, orphans: &mut Orphans) {
        let node = &self.nodes[idx];
        if !self.is_replica() || !node.is_master() || node.any(flag::FAIL | NOT_VISITED) {
            return;
        }
        let working = self.working_slaves(idx);
        if working == 0 && !node.slots.is_empty() && node.has(flag::MIGRATE_TO) {
            orphans.masters += 1;
        }
        orphans.slaves_max = orphans.slaves_max.max(working);
        if self.myself().slaveof == Some(idx) {
            orphans.my_siblings = working;
        }
    }

    /// Looks after one node; true if it is newly suspected.
    fn cron_node(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) -> bool {
        let node = &self.nodes[idx];
        if node.any(NOT_VISITED) {
            return false;
        }
        let now_ms = cx.now_ms();
        let timeout_ms = cx.config.node_timeout_ms;

        // A link over which nothing has come for half the timeout may itself be the trouble: make it anew while there is
        // time to find out.
        let ping_delay_ms = now_ms - node.ping_sent_ms;
        let data_delay_ms = now_ms - node.data_received_ms;
        if let Some(conn) = node.link
            && node.ping_sent_ms != 0
            && ping_delay_ms > timeout_ms / 2
            && data_delay_ms > timeout_ms / 2
            && self.links.get(conn).is_some_and(|link| now_ms - link.ctime_ms > timeout_ms)
        {
            self.free_link(cx, conn);
        }

        let node = &self.nodes[idx];
        if let Some(conn) = node.link {
            let due = node.ping_sent_ms == 0 && now_ms - node.pong_received_ms > timeout_ms / 2;
            // The replica of a manual failover waits for our offset.
            let manual =
                self.manual.end_ms != 0 && self.manual.slave == Some(idx) && self.myself().is_master();
            if due || manual {
                self.send_ping(cx, conn, kind::PING);
                return false;
            }
        }
        if node.ping_sent_ms == 0 {
            return false;
        }
        // Anything that comes counts as a sign of life: a PONG may be late behind a lot of PUBLISH.
        if ping_delay_ms.min(data_delay_ms) <= timeout_ms || node.any(flag::PFAIL | flag::FAIL) {
            return false;
        }
        cx.log(LogLevel::Debug, format_args!("*** NODE {} possibly failing", node.name));
        self.nodes[idx].flags |= flag::PFAIL;
        self.opinion_event(cx, idx, Opinion::Suspected);
        true
    }
}
