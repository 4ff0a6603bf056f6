//! What the node does with its disk: loading at the start, the append-only file, snapshots, and the stalls that Redis has
//! where it waits for the disk.

use super::Node;
use crate::exec::Error;
use crate::host::{DiskError, DiskReply, OpId};
use crate::persist::save::BGSAVE_ERROR;
use std::rc::Rc;

/// Where the bytes of a snapshot of the whole dataset come from.
pub(crate) type DatasetSource = Rc<[u8]>;

impl Node {
    /// Whether the node waits for the disk and does nothing else.
    pub(crate) fn stalled(&self) -> bool {
        self.saves.blocks()
    }

    /// Whether the dataset is being loaded.
    pub(crate) fn loading(&self) -> bool {
        false
    }

    /// Whether a snapshot is being written, for whichever purpose (`hasActiveChildProcess`).
    pub(crate) fn snapshot_running(&self) -> bool {
        self.saves.in_background() || self.repl.sync.is_some()
    }

    /// Whether background work could go on at once.
    pub(crate) fn wants_background_slice(&self) -> bool {
        self.saves.wants_step() || self.sync_job_wants_slice()
    }

    /// Does one slice of background work.
    pub(crate) fn background_slice(&mut self) {
        if self.saves.wants_step() {
            self.saves.step(&mut self.out);
        }
        if self.sync_job_wants_slice() {
            self.sync_job_slice();
        }
    }

    /// A snapshot of the dataset as it is now, to be encoded as RDB.
    pub(crate) fn new_dataset_source(&mut self) -> DatasetSource {
        Rc::from(&b""[..])
    }

    pub(super) fn disk_done(&mut self, op: OpId, result: Result<DiskReply, DiskError>) {
        let config = Rc::clone(&self.config);
        if let Some(outcome) = self.saves.on_disk(self.now, op, &result, &config.dir, &mut self.out) {
            self.dirty -= outcome.dirty_saved.min(self.dirty);
        }
    }

    /// Background saves that are due (`serverCron`).
    pub(super) fn persistence_cron(&mut self) {}

    /// Whether write commands are refused because the disk fails (`writeCommandsDeniedByDiskError`).
    pub(super) fn check_disk_errors(&self) -> Result<(), Error> {
        if !self.is_replica() && self.saves.stops_writes(&self.config) {
            return Err(Error::new(format!("-{BGSAVE_ERROR}")));
        }
        Ok(())
    }

    /// Hands what was gathered for the append-only file to the disk (`flushAppendOnlyFile`).
    pub(super) fn flush_aof(&mut self) {}

    /// Adds a command to the append-only file (`feedAppendOnlyFile`).
    pub(crate) fn feed_aof(&mut self, _db: usize, _args: &[Box<[u8]>]) {}

    /// Begins the append-only file anew, if it is wanted and was stopped for a resynchronisation.
    pub(crate) fn restart_aof_if_stopped(&mut self) {}

    /// A write of the snapshot that comes from the master has been asked for.
    pub(crate) fn transfer_write_started(&mut self, _op: OpId) {}

    /// Loads the snapshot that came from the master.
    pub(crate) fn load_transferred_snapshot(&mut self, _file: Rc<str>) {}

    /// The process is asked to end.
    pub(super) fn terminate(&mut self, _signal: &'static str) {
        self.out.exit(0);
    }

    /// Whether there is room for a command that may need memory.
    pub(super) fn check_memory(
        &mut self,
        _in_multi: bool,
        _flags: u32,
        _command: crate::command::table::CommandId,
    ) -> Result<(), Error> {
        Ok(())
    }
}
