//! What the node does with its disk: loading at the start, the append-only file, snapshots, and the stalls that Redis has
//! where it waits for the disk.

use super::Node;
use super::client::{Blocked, ClientId};
use crate::cost::Work;
use crate::exec::Error;
use crate::host::{DiskError, DiskReply, DiskRequest, LogLevel, OpId, Output};
use crate::persist::aof::{AofState, growth_log};
use crate::persist::file::Made;
use crate::persist::rdb::writer::{RdbOptions, ReplInfo};
use crate::persist::save::{BGSAVE_ERROR, save_point_log};
use crate::persist::source::DatasetSource;
use crate::planted::Bug;
use std::rc::Rc;

/// A page of memory, in bytes.
const PAGE_LEN: u64 = 4096;

impl Node {
    /// Whether the node waits for the disk and does nothing else.
    pub(crate) fn stalled(&self) -> bool {
        self.aof_waits
            || self.saves.blocks()
            || !self.waits_for.is_empty()
            || self.ending()
            || self.config_rewrite.is_some()
            || self.migrations.running()
            || self.asleep_until_us.is_some()
            || self.loading_stalls()
    }

    /// Whether a snapshot is being written, for whichever purpose (`hasActiveChildProcess`).
    pub(crate) fn snapshot_running(&self) -> bool {
        self.saves.in_background() || self.aof.rewriting() || self.repl.sync.is_some()
    }

    /// Whether background work could go on at once.
    pub(crate) fn wants_background_slice(&self) -> bool {
        let child = self.saves.wants_step() || self.aof.wants_step() || self.sync_job_wants_slice();
        child && !self.child_sleeps() || self.evict.running
    }

    /// How long `rdb-key-save-delay` makes a snapshot take, in microseconds. Redis sleeps after each key; here all of it
    /// comes before the first.
    fn save_delay_us(&self) -> u64 {
        let keys = self.dbs.iter().map(|db| db.len() as u64).sum::<u64>();
        keys.saturating_mul(u64::try_from(self.config.rdb_key_save_delay).unwrap_or_default())
    }

    fn child_sleeps(&self) -> bool {
        self.now.mono_us < self.child_sleeps_until_us
    }

    /// Makes what the node is stalled for: the file of a SAVE, the first base of an append-only file. No timer drives these;
    /// the disk's answers do.
    pub(super) fn work_while_stalled(&mut self) {
        while self.saves.blocks() && self.saves.wants_step() && self.asleep_until_us.is_none() {
            let made = self.saves.step(&mut self.out);
            self.own_work(made);
        }
        while self.aof_waits && self.aof.wants_step() {
            let made = self.aof.step(&mut self.out);
            self.own_work(made);
        }
    }

    /// Counts what the node has encoded itself, with everybody waiting.
    fn own_work(&mut self, made: Made) {
        self.cpu.work(Work::SavedKeys, made.keys);
        self.cpu.work(Work::SavedBytes, made.bytes);
    }

    /// Counts a fork: the kernel copies the table of pages, and nobody is served meanwhile.
    pub(crate) fn count_fork(&mut self) {
        self.stats.forks += 1;
        self.child_sleeps_until_us = self.now.mono_us.saturating_add(self.save_delay_us());
        let before = self.cpu.spent_ns();
        self.work(Work::Forks, 1);
        let pages = self.used_memory() / PAGE_LEN;
        self.cpu.work(Work::ForkPages, pages);
        self.cpu.last_fork_us = (self.cpu.spent_ns() - before) / 1000;
    }

    /// Does one slice of background work.
    pub(crate) fn background_slice(&mut self) {
        if !self.child_sleeps() {
            if self.saves.wants_step() {
                let made = self.saves.step(&mut self.out);
                self.cpu.child_work(self.now.mono_us, made.keys, made.bytes);
            }
            if self.aof.wants_step() {
                let made = self.aof.step(&mut self.out);
                self.cpu.child_work(self.now.mono_us, made.keys, made.bytes);
            }
            if self.sync_job_wants_slice() {
                self.sync_job_slice();
            }
        }
        if self.evict.running {
            self.go_on_evicting();
        }
    }

    /// A snapshot of the dataset as it is now, to be encoded as RDB.
    pub(crate) fn rdb_source(&self) -> DatasetSource {
        DatasetSource::rdb(&self.dbs, self.rdb_options())
    }

    /// A snapshot of the dataset as it is now, in the format that the base of the append-only file has.
    pub(super) fn aof_base_source(&self) -> DatasetSource {
        DatasetSource::aof_base(&self.dbs, self.now, &self.config, self.rdb_options())
    }

    fn rdb_options(&self) -> RdbOptions {
        let mut options = RdbOptions::new(self.now, &self.config);
        options.repl = self.place_in_stream();
        options
    }

    /// Where the dataset stands in the replication stream, if anywhere (`rdbPopulateSaveInfo`, rdb.c 7.0.15).
    fn place_in_stream(&self) -> Option<ReplInfo> {
        let stream_db = match &self.repl.master {
            None => {
                self.repl.backlog.as_ref()?;
                self.repl.selected_db.unwrap_or(0)
            }
            Some(link) => match link.client() {
                Some(id) => self.clients.get(&id)?.db,
                None if link.can_continue => link.selected_db,
                None => return None,
            },
        };
        Some(ReplInfo {
            stream_db: i32::try_from(stream_db).unwrap_or(0),
            id: self.repl.replid.to_string(),
            offset: self.repl.offset,
        })
    }

    pub(super) fn disk_done(&mut self, op: OpId, result: Result<DiskReply, DiskError>) {
        let config = Rc::clone(&self.config);
        self.waits_for.remove(&op);
        if self.cluster_disk_done(op, &result)
            || self.loading_disk_done(op, &result)
            || self.config_rewrite_done(op, &result)
        {
            return;
        }
        let background = self.snapshot_running();
        if self.aof.on_disk(self.now, &config, background, op, &result, &mut self.out) {
            if self.aof_waits {
                // What came while the file was being switched waits for its first write, and no turn ends before that.
                let background = self.snapshot_running();
                self.aof.flush(self.now, &config, false, background, &mut self.out);
                self.aof_waits =
                    self.aof.stalls(&config, background) && !self.planted.is(Bug::RepliesBeforeFsync);
            }
        } else if let Some(outcome) = self.saves.on_disk(self.now, op, &result, &config.dir, &mut self.out) {
            self.dirty -= outcome.dirty_saved.min(self.dirty);
            if !outcome.background {
                self.save_ended(outcome.ok);
            }
        }
        self.shutdown_step();
    }

    /// Answers the client whose SAVE has ended, or goes on with a shutdown.
    fn save_ended(&mut self, ok: bool) {
        let waiting: Vec<ClientId> = self
            .clients
            .values()
            .filter(|client| matches!(client.blocked, Some(Blocked::Save)))
            .map(|client| client.id)
            .collect();
        for id in waiting {
            self.unblock(id);
            self.reply_to(id, |reply| if ok { reply.ok() } else { reply.error("-ERR") });
            self.resumed.push_back(id);
        }
        self.saved_for_reload(ok);
        self.shutdown_saved(ok);
    }

    /// Begins to write the RDB file, in the background or while everything else waits.
    pub(crate) fn start_save(&mut self, background: bool) {
        let source = self.rdb_source();
        let config = Rc::clone(&self.config);
        if background {
            self.count_fork();
            let pid = self.next_child_pid();
            self.saves.start_background(self.now, &config, source, self.dirty, pid, &mut self.out);
        } else {
            let pid = self.options.pid;
            self.saves.start_foreground(self.now, &config, source, self.dirty, pid, &mut self.out);
            let delay_us = self.save_delay_us();
            if delay_us > 0 {
                self.asleep_until_us = Some(self.now.mono_us.saturating_add(delay_us));
            }
        }
    }

    /// Begins to rewrite the append-only file.
    pub(crate) fn start_aof_rewrite(&mut self) {
        let source = self.aof_base_source();
        let config = Rc::clone(&self.config);
        let pid = self.next_child_pid();
        self.count_fork();
        self.aof.start_rewrite(self.now, &config, source, pid, &mut self.out);
        // From the snapshot to the opening of the new file nothing may change, not even in the rest of this turn: it would go to
        // the old file, which ends with the snapshot.
        self.aof_waits |= self.aof.switching();
    }

    /// A process id for the child that Redis would have forked.
    fn next_child_pid(&mut self) -> u32 {
        self.children += 1;
        self.options.pid.wrapping_add(self.children)
    }

    /// Background saves and rewrites that are due (`serverCron`).
    pub(super) fn persistence_cron(&mut self) {
        self.shutdown_cron();
        if self.ending() || self.snapshot_running() {
            return;
        }
        let config = Rc::clone(&self.config);
        if self.aof.scheduled_due(self.now, &mut self.out) {
            self.start_aof_rewrite();
        } else if let Some(point) = self.saves.due(self.now, &config, self.dirty) {
            self.log(LogLevel::Notice, save_point_log(point));
            self.start_save(true);
        } else if let Some(growth) = self.aof.auto_rewrite_due(self.now, &config, &mut self.out) {
            self.log(LogLevel::Notice, growth_log(growth));
            self.start_aof_rewrite();
        } else if self.saves.scheduled_due(self.now) {
            self.start_save(true);
        }
    }

    /// Whether write commands are refused because the disk fails (`writeCommandsDeniedByDiskError`).
    pub(super) fn check_disk_errors(&self) -> Result<(), Error> {
        if self.is_replica() {
            return Ok(());
        }
        if self.saves.stops_writes(&self.config) {
            return Err(Error::new(format!("-{BGSAVE_ERROR}")));
        }
        if let Some(text) = self.aof.write_error() {
            return Err(Error::new(format!("-{text}")));
        }
        Ok(())
    }

    /// Hands what was gathered for the append-only file to the disk (`flushAppendOnlyFile`).
    pub(super) fn flush_aof(&mut self) {
        let config = Rc::clone(&self.config);
        let background = self.snapshot_running();
        if self.aof.state() != AofState::Off {
            let before = self.out.outputs.len();
            self.aof.flush(self.now, &config, false, background, &mut self.out);
            for output in self.out.outputs.range(before..) {
                if let Output::Disk { request: DiskRequest::Append { bytes, .. }, .. } = output {
                    self.cpu.work(Work::AofWrites, 1);
                    self.cpu.work(Work::AofBytes, bytes.len() as u64);
                }
            }
        }
        self.aof_waits = self.aof.stalls(&config, background) && !self.planted.is(Bug::RepliesBeforeFsync);
    }

    /// Adds a command to the append-only file (`feedAppendOnlyFile`).
    pub(crate) fn feed_aof(&mut self, db: usize, args: &[&[u8]]) {
        let dropped =
            self.planted.is(Bug::AofDropsCommands) && self.stats.commands_processed.is_multiple_of(5);
        if self.aof.state() != AofState::Off && !dropped {
            let config = Rc::clone(&self.config);
            self.aof.feed(self.now, &config, db, args);
        }
    }

    /// Begins the append-only file anew, if it is wanted and was stopped for a resynchronisation
    /// (`restartAOFAfterSYNC`).
    pub(crate) fn restart_aof_if_stopped(&mut self) {
        if self.config.appendonly && self.aof.state() == AofState::Off {
            let other = self.saves.in_background() || self.repl.sync.is_some();
            if self.aof.enable(other, self.in_exec, &mut self.out) {
                self.start_aof_rewrite();
            }
        }
    }
}
