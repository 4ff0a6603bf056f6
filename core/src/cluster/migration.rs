//! Replica migration (`clusterHandleSlaveMigration`, cluster.c 7.0.15): a master left without a working replica gets one
//! from a master that can spare it. All replicas come to the same conclusion about who moves: the one with the smallest
//! name among those of the masters with the most replicas.

use super::node::{NodeIdx, flag};
use super::{Cluster, Cx};
use crate::host::LogLevel;

/// How long a master must have been orphaned, in milliseconds: after a failover its own replicas need some time to come
/// over (`CLUSTER_SLAVE_MIGRATION_DELAY`).
const MIGRATION_DELAY_MS: i64 = 5_000;

impl Cluster {
    /// Called on a replica whose master has the most working replicas, `slaves_max`, while some master is orphaned.
    pub(super) fn handle_slave_migration(&mut self, cx: &mut Cx<'_>, slaves_max: usize) {
        let Some(my_master) = self.myself().slaveof.filter(|_| self.ok) else { return };
        let staying = self.nodes[my_master]
            .slaves
            .iter()
            .filter(|&&slave| !self.nodes[slave].any(flag::FAIL | flag::PFAIL));
        if staying.count() <= cx.config.migration_barrier as usize {
            return;
        }
        let mut target: Option<NodeIdx> = None;
        let mut candidate = self.myself;
        for at in 0..self.nodes.len() {
            let Some(idx) = self.nodes.at(at) else { break };
            let node = &self.nodes[idx];
            let working = if node.is_master() { self.working_slaves(idx) } else { 0 };
            let orphaned = !node.is_slave() && !node.failed() && node.has(flag::MIGRATE_TO) && working == 0;
            if orphaned && target.is_none() && !node.slots.is_empty() {
                target = Some(idx);
            }
            if working == slaves_max {
                for &slave in &node.slaves {
                    if self.nodes[slave].name < self.nodes[candidate].name {
                        candidate = slave;
                    }
                }
            }
            let node = &mut self.nodes[idx];
            if !orphaned {
                node.orphaned_time_ms = 0;
            } else if node.orphaned_time_ms == 0 {
                node.orphaned_time_ms = cx.now_ms();
            }
        }
        let Some(target) = target.filter(|_| candidate == self.myself) else { return };
        if cx.now_ms() - self.nodes[target].orphaned_time_ms > MIGRATION_DELAY_MS {
            cx.log(
                LogLevel::Warning,
                format_args!("Migrating to orphaned master {}", self.nodes[target].name),
            );
            self.set_master(cx, target);
        }
    }
}
