//! The orderly end of a node: SHUTDOWN and SIGTERM (`prepareForShutdown`, `finishShutdown`, server.c 7.0.15).
//!
//! First the replicas may catch up, with writes paused and for `shutdown-timeout` seconds at the most; then background
//! work is given up, the append-only file made durable and the snapshot written; then the process ends. What the disk
//! refuses keeps the node alive unless it was told to end all the same.

use super::Node;
use super::client::{Blocked, ClientId};
use super::pause::Purpose;
use crate::config::ShutdownFlags;
use crate::host::LogLevel;
use crate::replication::primary::{LinkState, replica_name};

/// How far a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Replicas catch up until this instant (wall clock, milliseconds).
    Replicas { deadline_ms: i64 },
    /// The append-only file is being made durable.
    Aof,
    /// The snapshot is being written.
    Save,
}

/// A shutdown under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shutdown {
    stage: Stage,
    flags: ShutdownFlags,
}

impl Node {
    /// SIGTERM or SIGINT, at any instant: a signal only leaves word, and the next cron begins to end
    /// (`sigShutdownHandler`, server.c 7.0.15).
    pub(super) fn terminate(&mut self, signal: &'static str) {
        if self.shutdown_asked.is_some() && signal == "SIGINT" {
            self.log(LogLevel::Warning, "You insist... exiting now.");
            self.saves.abandon(&mut self.out);
            self.out.exit(1);
            return;
        }
        let text = if self.loading() {
            "Received shutdown signal during loading, scheduling shutdown.".to_owned()
        } else {
            format!("Received {signal} scheduling shutdown...")
        };
        self.log(LogLevel::Warning, text);
        self.shutdown_asked = Some(signal);
    }

    /// Does while the node loads what a signal asked for (`whileBlockedCron`).
    pub(super) fn shutdown_while_loading(&mut self) {
        if self.shutdown_asked.is_some() {
            self.begin_shutdown(ShutdownFlags(ShutdownFlags::NOSAVE));
        }
    }

    /// Begins to end. The process goes on if it cannot, or until its replicas and its disk are ready.
    pub(crate) fn begin_shutdown(&mut self, flags: ShutdownFlags) {
        if self.shutdown.is_some() {
            return;
        }
        let flags = if self.loading() {
            ShutdownFlags((flags.0 & !ShutdownFlags::SAVE) | ShutdownFlags::NOSAVE)
        } else {
            flags
        };
        self.log(LogLevel::Warning, "User requested shutdown...");
        let timeout_ms = i64::from(self.config.shutdown_timeout) * 1000;
        if !flags.has(ShutdownFlags::NOW) && timeout_ms != 0 && !self.replicas_caught_up() {
            if !self.paused(true) {
                self.ask_replicas_where();
            }
            self.pause_clients(Purpose::Shutdown, i64::MAX, true);
            self.log(LogLevel::Notice, "Waiting for replicas before shutting down.");
            let deadline_ms = self.now.wall_ms() + timeout_ms;
            self.shutdown = Some(Shutdown { stage: Stage::Replicas { deadline_ms }, flags });
            return;
        }
        self.shutdown = Some(Shutdown { stage: Stage::Aof, flags });
        self.finish_shutdown();
    }

    /// Gives a shutdown up that waits for replicas. Returns whether there was one.
    pub(crate) fn abort_shutdown(&mut self) -> bool {
        if self.shutdown.is_none() && self.shutdown_asked.is_none() {
            return false;
        }
        self.cancel_shutdown();
        self.log(LogLevel::Notice, "Shutdown manually aborted.");
        true
    }

    /// Begins a shutdown that a signal asked for; lets one go on whose replicas have caught up, or have had their time.
    pub(super) fn shutdown_cron(&mut self) {
        let Some(shutdown) = self.shutdown else {
            if let Some(signal) = self.shutdown_asked {
                let config = &self.config;
                let sigint = signal == "SIGINT";
                let flags = if sigint { config.shutdown_on_sigint } else { config.shutdown_on_sigterm };
                self.begin_shutdown(flags);
            }
            return;
        };
        let Stage::Replicas { deadline_ms } = shutdown.stage else { return };
        if self.now.wall_ms() < deadline_ms && !self.replicas_caught_up() {
            return;
        }
        self.shutdown = Some(Shutdown { stage: Stage::Aof, ..shutdown });
        self.finish_shutdown();
    }

    fn replicas_caught_up(&self) -> bool {
        self.repl.replicas.iter().all(|id| {
            self.clients.get(id).and_then(|client| client.replica()).is_none_or(|link| {
                link.ack_offset == self.repl.offset || !matches!(link.state, LinkState::Online { .. })
            })
        })
    }

    fn finish_shutdown(&mut self) {
        self.log_lagging_replicas();
        if self.saves.in_background() {
            self.log(LogLevel::Warning, "There is a child saving an .rdb. Killing it!");
            self.saves.abort(self.now, &mut self.out);
        }
        let Some(shutdown) = self.shutdown else { return };
        if self.aof.rewriting() {
            if self.aof.state() == crate::persist::aof::AofState::WaitRewrite {
                if !shutdown.flags.has(ShutdownFlags::FORCE) {
                    self.log(LogLevel::Warning, "Writing initial AOF, can't exit.");
                    return self.fail_shutdown();
                }
                self.log(LogLevel::Warning, "Writing initial AOF. Exit anyway.");
            }
            self.log(LogLevel::Warning, "There is a child rewriting the AOF. Killing it!");
            self.aof.kill_rewrite(&mut self.out);
        }
        if self.aof.state() != crate::persist::aof::AofState::Off {
            self.log(LogLevel::Notice, "Calling fsync() on the AOF file.");
            let config = std::rc::Rc::clone(&self.config);
            self.aof.flush(self.now, &config, true, false, &mut self.out);
            self.aof.fsync(self.now, &mut self.out);
        }
        self.shutdown_step();
    }

    /// How long a shutdown still waits for replicas, in milliseconds, if there is one.
    pub(crate) fn shutdown_in_ms(&self) -> Option<i64> {
        match self.shutdown?.stage {
            Stage::Replicas { deadline_ms } => Some(deadline_ms - self.now.wall_ms()),
            Stage::Aof | Stage::Save => Some(0),
        }
    }

    /// Whether the node does nothing but end.
    pub(super) fn ending(&self) -> bool {
        self.shutdown.is_some_and(|shutdown| !matches!(shutdown.stage, Stage::Replicas { .. }))
    }

    /// The disk has answered: goes on with the shutdown if it was waiting for that.
    pub(super) fn shutdown_step(&mut self) {
        let Some(shutdown) = self.shutdown else { return };
        match shutdown.stage {
            Stage::Aof if self.aof.durable() >= self.aof.position() || self.aof.write_error().is_some() => {
                let flags = shutdown.flags;
                let wanted = flags.has(ShutdownFlags::SAVE)
                    || (!self.config.save.is_empty() && !flags.has(ShutdownFlags::NOSAVE));
                if !wanted {
                    return self.exit_in_order();
                }
                self.log(LogLevel::Notice, "Saving the final RDB snapshot before exiting.");
                self.shutdown = Some(Shutdown { stage: Stage::Save, ..shutdown });
                self.start_save(false);
            }
            Stage::Aof => {
                // The first flush does nothing when it finds a write under way: what is left follows that one.
                let config = std::rc::Rc::clone(&self.config);
                self.aof.flush(self.now, &config, true, false, &mut self.out);
                if self.aof.info(self.now).pending_fsyncs == 0 {
                    self.aof.fsync(self.now, &mut self.out);
                }
            }
            Stage::Save | Stage::Replicas { .. } => {}
        }
    }

    /// The final snapshot has ended.
    pub(super) fn shutdown_saved(&mut self, ok: bool) {
        let Some(shutdown) = self.shutdown else { return };
        if shutdown.stage != Stage::Save {
            return;
        }
        if !ok {
            if !shutdown.flags.has(ShutdownFlags::FORCE) {
                self.log(LogLevel::Warning, "Error trying to save the DB, can't exit.");
                return self.fail_shutdown();
            }
            self.log(LogLevel::Warning, "Error trying to save the DB. Exit anyway.");
        }
        self.exit_in_order();
    }

    fn exit_in_order(&mut self) {
        self.log(LogLevel::Warning, "Redis is now ready to exit, bye bye...");
        self.flush_replies();
        self.out.exit(0);
    }

    fn fail_shutdown(&mut self) {
        self.log(
            LogLevel::Warning,
            "Errors trying to shut down the server. Check the logs for more information.",
        );
        self.cancel_shutdown();
    }

    fn cancel_shutdown(&mut self) {
        self.shutdown_asked = None;
        if self.shutdown.take().is_none() {
            return;
        }
        self.end_pause(Purpose::Shutdown);
        let waiting: Vec<ClientId> = self
            .clients
            .values()
            .filter(|client| matches!(client.blocked, Some(Blocked::Shutdown)))
            .map(|client| client.id)
            .collect();
        for id in waiting {
            self.unblock(id);
            self.reply_to(id, |reply| reply.error("Errors trying to SHUTDOWN. Check logs."));
            self.resumed.push_back(id);
        }
    }

    fn log_lagging_replicas(&mut self) {
        let (mut count, mut lagging) = (0, 0);
        for id in self.repl.replicas.clone() {
            let Some(client) = self.clients.get(&id) else { continue };
            let Some(link) = client.replica() else { continue };
            count += 1;
            if link.ack_offset != self.repl.offset {
                lagging += 1;
                let online = matches!(link.state, LinkState::Online { .. });
                let lag_s = if online { self.now.wall_s() - link.ack_time_s } else { 0 };
                let text = format!(
                    "Lagging replica {} reported offset {} behind master, lag={lag_s}, state={}.",
                    replica_name(client),
                    self.repl.offset - link.ack_offset,
                    link.state_name()
                );
                self.log(LogLevel::Warning, text);
            }
        }
        if count > 0 {
            let text = format!("{} of {count} replicas are in sync when shutting down.", count - lagging);
            self.log(LogLevel::Notice, text);
        }
    }
}
