//! From suspicion to agreement, and from there to whether the cluster serves (cluster.c 7.0.15).
//!
//! The agreement is weak: reports of a majority of masters within some time, not at one instant. It is enough, because
//! nothing but an election follows from it, and an election needs the majority anew.

use super::bus::{Body, kind};
use super::node::{NodeIdx, flag};
use super::{Cluster, Cx, TODO_SAVE_CONFIG, TODO_UPDATE_STATE};
use crate::event::{Event, Opinion};
use crate::host::LogLevel;
use crate::planted::Bug;

/// A report is valid for that many node timeouts (`CLUSTER_FAIL_REPORT_VALIDITY_MULT`).
const REPORT_VALIDITY_TIMEOUTS: i64 = 2;
/// FAIL of a master with slots is undone after that many node timeouts (`CLUSTER_FAIL_UNDO_TIME_MULT`).
const FAIL_UNDO_TIMEOUTS: i64 = 2;
/// The bounds of the time a master waits before it serves again after it was among a minority.
const REJOIN_DELAY_MS: (i64, i64) = (500, 5_000);
/// How long a master waits after its start before it serves, so that the cluster can tell it that it was replaced.
const WRITABLE_DELAY_MS: i64 = 2_000;

impl Cluster {
    /// How many masters with slots are a majority.
    pub(super) fn quorum(&self) -> u32 {
        self.size / 2 + 1
    }

    /// How many others report a node as failing, not counting reports too old.
    pub(super) fn failure_reports(&mut self, cx: &Cx<'_>, idx: NodeIdx) -> usize {
        let age_max_ms = cx.config.node_timeout_ms.saturating_mul(REPORT_VALIDITY_TIMEOUTS);
        self.nodes.clocks_of(idx).count_reports(cx.now_ms(), age_max_ms)
    }

    /// Flags a suspected node FAIL if the majority of masters reports it, and tells everybody
    /// (`markNodeAsFailingIfNeeded`).
    pub(super) fn mark_failing_if_needed(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        if !self.nodes[idx].timed_out() || self.nodes[idx].failed() {
            return;
        }
        let reports = self.failure_reports(cx, idx) as u32 + u32::from(self.is_master());
        if reports < self.quorum() {
            return;
        }
        let node = &mut self.nodes[idx];
        node.flags = node.flags & !flag::PFAIL | flag::FAIL;
        node.fail_time_ms = cx.now_ms();
        let name = node.name;
        cx.log(LogLevel::Notice, format_args!("Marking node {name} as failing (quorum reached)."));
        self.opinion_event(cx, idx, Opinion::Failed);
        self.broadcast(cx, kind::FAIL, 0, Body::Fail { about: name.as_bytes() });
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
    }

    /// A node flagged FAIL answers again (`clearNodeFailureIfNeeded`).
    pub(super) fn clear_failure_if_needed(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        if cx.config.planted.is(Bug::NeverClearsFail) {
            return;
        }
        let node = &mut self.nodes[idx];
        let name = node.name;
        let undo_ms = cx.config.node_timeout_ms.saturating_mul(FAIL_UNDO_TIMEOUTS);
        if node.is_slave() || node.slots.is_empty() {
            let what = if node.is_slave() { "replica" } else { "master without slots" };
            cx.log(
                LogLevel::Notice,
                format_args!("Clear FAIL state for node {name}: {what} is reachable again."),
            );
        } else if node.is_master() && cx.now_ms() - node.fail_time_ms > undo_ms {
            // Nobody took over its slots in all that time.
            cx.log(
                LogLevel::Notice,
                format_args!(
                    "Clear FAIL state for node {name}: is reachable again and nobody is serving its slots \
                     after some time."
                ),
            );
        } else {
            return;
        }
        node.flags &= !flag::FAIL;
        self.opinion_event(cx, idx, Opinion::Ok);
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
    }

    /// Finds out whether the cluster serves: all slots covered, and this node not among a minority
    /// (`clusterUpdateState`).
    pub(super) fn update_state(&mut self, cx: &mut Cx<'_>) {
        self.todo &= !TODO_UPDATE_STATE;
        let now_ms = cx.now_ms();
        if self.first_update_ms == 0 {
            self.first_update_ms = now_ms;
        }
        let me_master = self.is_master();
        if me_master && !self.ok && now_ms - self.first_update_ms < WRITABLE_DELAY_MS {
            return;
        }

        let (mut size, mut reachable, mut failed_slots) = (0, 0, 0);
        for (_, node) in self.nodes.iter().filter(|(_, node)| !node.slots.is_empty()) {
            if node.failed() {
                failed_slots += node.slots.len();
            }
            if node.is_master() {
                size += 1;
                reachable += u32::from(!node.any(flag::FAIL | flag::PFAIL));
            }
        }
        self.size = size;
        let covered = self.slots.assigned() as usize == super::slots::SLOTS && failed_slots == 0;
        let mut ok = covered || !cx.config.require_full_coverage;
        if reachable < self.quorum() {
            ok = false;
            self.minority_ms = now_ms;
        }
        if ok == self.ok {
            return;
        }
        // A master that was cut off gives the majority time to tell it what it missed, before it takes writes.
        let rejoin_delay_ms = cx.config.node_timeout_ms.clamp(REJOIN_DELAY_MS.0, REJOIN_DELAY_MS.1);
        if ok && me_master && now_ms - self.minority_ms < rejoin_delay_ms {
            return;
        }
        self.ok = ok;
        cx.log(LogLevel::Warning, format_args!("Cluster state changed: {}", if ok { "ok" } else { "fail" }));
        cx.event(Event::ClusterState { ok });
    }
}
