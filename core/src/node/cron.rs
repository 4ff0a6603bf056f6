//! What the node does by the clock: ten times a second by default (`serverCron`, server.c 7.0.15).

use super::Node;
use super::client::{ClientId, Role};
use crate::cost::Work;

impl Node {
    /// The host says that time has passed.
    pub(super) fn wake(&mut self) {
        if self.wants_background_slice() && self.now.mono_us >= self.cpu.child_free_us {
            self.background_slice();
        }
    }

    /// How far two runs of the periodic work are apart, in microseconds.
    pub(super) fn cron_period_us(&self) -> u64 {
        1_000_000 / self.config.hz.clamp(1, 500) as u64
    }

    /// Runs the periodic work and plans the next time. What is done less often is done the first time as well.
    pub(super) fn run_cron(&mut self) {
        let period_us = self.cron_period_us();
        self.next_cron_us = self.now.mono_us + period_us;
        if self.debug.pause_cron {
            return;
        }
        self.work(Work::Crons, 1);
        self.command_time_ms = self.now.wall_ms();
        if self.loading() {
            self.shutdown_while_loading();
            return;
        }
        let every = |ms: u64| {
            let loops = (ms * 1000).div_ceil(period_us).max(1);
            self.cron_loops.is_multiple_of(loops)
        };
        let (each_100_ms, each_second) = (every(100), every(1000));
        self.cron_loops += 1;
        if each_100_ms {
            let now_us = self.now.mono_us;
            self.stats.rates.commands.sample(now_us, self.stats.commands_processed);
            self.stats
                .rates
                .net_input
                .sample(now_us, self.stats.net_input_bytes + self.stats.net_repl_input_bytes);
            self.stats
                .rates
                .net_output
                .sample(now_us, self.stats.net_output_bytes + self.stats.net_repl_output_bytes);
        }
        if each_second {
            self.close_idle_clients();
            self.migration_cron();
            self.check_soft_output_limits();
        }
        self.active_expire_cycle();
        self.persistence_cron();
        // A failover does not wait for the second to be over.
        if each_second || (each_100_ms && self.repl.failover.is_some()) {
            self.replication_cron();
        } else if std::mem::take(&mut self.repl.snapshot_ended) {
            self.start_due_sync_job();
        }
        if each_100_ms {
            self.cluster_cron();
        }
    }

    /// Closes clients that have been silent for longer than `timeout` seconds.
    fn close_idle_clients(&mut self) {
        let limit_s = i64::from(self.config.timeout);
        if limit_s == 0 {
            return;
        }
        let now_s = self.now.wall_s();
        let idle: Vec<ClientId> = self
            .clients
            .values()
            .filter(|client| {
                matches!(client.role, Role::Normal)
                    && client.blocked.is_none()
                    && !client.subscribed()
                    && now_s - client.last_interaction_s > limit_s
            })
            .map(|client| client.id)
            .collect();
        for id in idle {
            self.log(crate::host::LogLevel::Verbose, "Closing idle client");
            self.close_client(id);
        }
    }
}
