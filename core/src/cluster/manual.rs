//! The manual failover (cluster.c 7.0.15): the replica asks its master to pause writes, waits until it has everything the
//! master had at that moment, and then holds an election as usual, with the voters told that the master is alive.

use super::{Action, Cluster, Cx, NO_MANUAL_FAILOVER, TODO_HANDLE_FAILOVER, TODO_HANDLE_MANUAL_FAILOVER};
use crate::host::LogLevel;

impl Cluster {
    /// Ends a manual failover, if one is going on, on either side (`resetManualFailover`).
    pub(super) fn reset_manual_failover(&mut self, cx: &mut Cx<'_>) {
        if self.manual.slave.is_some() {
            cx.actions.push(Action::Unpause);
        }
        self.manual = NO_MANUAL_FAILOVER;
    }

    /// Gives up a manual failover that takes too long (`manualFailoverCheckTimeout`).
    pub(super) fn check_manual_failover_timeout(&mut self, cx: &mut Cx<'_>) {
        if self.manual.end_ms != 0 && self.manual.end_ms < cx.now_ms() {
            cx.log(LogLevel::Warning, format_args!("Manual failover timed out."));
            self.reset_manual_failover(cx);
        }
    }

    /// On the replica: lets the election begin once all of the master's stream has been applied
    /// (`clusterHandleManualFailover`).
    pub(super) fn handle_manual_failover(&mut self, cx: &mut Cx<'_>) {
        let manual = &mut self.manual;
        if manual.end_ms == 0 || manual.can_start || manual.master_offset == -1 {
            return;
        }
        if manual.master_offset == cx.facts.slave_offset {
            manual.can_start = true;
            cx.log(
                LogLevel::Warning,
                format_args!("All master replication stream processed, manual failover can start."),
            );
            self.todo |= TODO_HANDLE_FAILOVER;
        } else {
            self.todo |= TODO_HANDLE_MANUAL_FAILOVER;
        }
    }
}
