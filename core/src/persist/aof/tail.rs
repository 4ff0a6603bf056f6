//! The end of the append-only file: the incremental file that is being written to, what waits to be written, and what is
//! durable (`flushAppendOnlyFile`, aof.c 7.0.15).
//!
//! Redis writes with one blocking `write` and knows at once how much went in. Here a write is under way until the disk has
//! answered, and only one is, so that a write that the disk had no room for can be undone before another follows it. What is
//! appended meanwhile goes out with the next write: group commit comes by itself.

use super::super::disk::{DiskResult, Outbox};
use crate::config::{AppendFsync, Config};
use crate::host::{DiskError, DiskReply, DiskRequest, Now, OpId};
use std::rc::Rc;

/// Seconds between log lines about failing writes (`AOF_WRITE_LOG_ERROR_RATE`).
const ERROR_LOG_PERIOD_S: i64 = 30;
/// How long a flush is put off while an fsync is under way, in seconds.
const POSTPONE_S: i64 = 2;
/// How long a failed write waits before it is tried again, in microseconds of monotonic time. Redis tries again each time its
/// event loop turns, ten times a second when nothing else happens.
const RETRY_US: u64 = 100_000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    path: Option<Rc<str>>,
    /// What waits to be written.
    pub(super) buf: Vec<u8>,
    /// A file is about to be renamed: nothing may be written until it has its new name.
    pub(super) held: bool,
    write: Option<(OpId, Rc<[u8]>)>,
    /// A short write is being cut off again: how many of its bytes are in the file, and the bytes.
    repair: Option<(OpId, u64, Rc<[u8]>)>,
    /// Fsyncs under way, each with the position that is durable once it has succeeded.
    fsyncs: Vec<(OpId, u64, u64)>,
    /// Bytes of the file that are written.
    size: u64,
    /// Bytes of the file for which an fsync was asked.
    synced_size: u64,
    last_fsync_s: i64,
    /// How many bytes have been appended since the node started, and how many of them are durable.
    position: u64,
    durable: u64,
    postponed_since_s: Option<i64>,
    last_error_log_s: i64,
    retry_at_us: u64,
    /// Why the last write failed, until one succeeds.
    pub(super) write_error: Option<DiskError>,
    /// Why the last background fsync failed, until one succeeds.
    pub(super) fsync_error: Option<DiskError>,
    /// How often a flush could not wait any longer for an fsync (INFO `aof_delayed_fsync`).
    pub(super) delayed_fsyncs: u64,
}

impl Tail {
    /// Goes on at the end of a file of `size` bytes, which are taken as durable.
    pub fn open(&mut self, now: Now, path: Rc<str>, size: u64) {
        self.path = Some(path);
        self.held = false;
        self.size = size;
        self.synced_size = size;
        self.last_fsync_s = now.wall_s();
    }

    /// The file has another name now.
    pub fn renamed(&mut self, path: Rc<str>) {
        self.path = Some(path);
        self.held = false;
    }

    /// Writes to no file any more. What had not been written is dropped; nobody waits for it.
    pub fn close(&mut self) {
        self.path = None;
        self.held = false;
        self.buf.clear();
        self.write = None;
        self.repair = None;
        self.fsyncs.clear();
        self.size = 0;
        self.synced_size = 0;
        self.durable = self.position;
        self.postponed_since_s = None;
    }

    /// Whether there is a file.
    pub fn is_open(&self) -> bool {
        self.path.is_some()
    }

    /// Takes bytes to be written.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.buf.len();
        write(&mut self.buf);
        self.position += (self.buf.len() - before) as u64;
    }

    /// The file.
    pub fn path(&self) -> Option<&Rc<str>> {
        self.path.as_ref()
    }

    /// How long the file is once all that waits has been written, in bytes.
    pub fn end(&self) -> u64 {
        let writing = self.write.as_ref().map_or(0, |(_, bytes)| bytes.len());
        let again = self.repair.as_ref().map_or(0, |(_, _, bytes)| bytes.len());
        self.size + (writing + again + self.buf.len()) as u64
    }

    /// Bytes of the file that are written.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes appended since the node started.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes appended since the node started that are durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether everything has been written, if not made durable.
    pub fn is_drained(&self) -> bool {
        self.buf.is_empty() && self.write.is_none() && self.repair.is_none()
    }

    /// How many fsyncs are under way.
    pub fn fsyncs_pending(&self) -> usize {
        self.fsyncs.len()
    }

    /// Asks for an fsync of all that has been handed to the disk.
    pub fn fsync(&mut self, now: Now, out: &mut Outbox) -> Option<OpId> {
        let path = self.path.clone()?;
        let op = out.disk(DiskRequest::Fsync { path });
        let writing = self.write.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
        self.fsyncs.push((op, self.position - self.buf.len() as u64, self.size + writing));
        self.last_fsync_s = now.wall_s();
        Some(op)
    }

    /// Writes what waits, if the policy lets it; called at the end of each turn and from the cron. With `force` it does
    /// not wait for an fsync. `background` says whether a save or rewrite is in progress.
    pub fn flush(&mut self, now: Now, config: &Config, force: bool, background: bool, out: &mut Outbox) {
        let Some(path) = self.path.clone() else { return };
        if self.held || self.write.is_some() || self.repair.is_some() {
            return;
        }
        if self.buf.is_empty() {
            if self.synced_size != self.size {
                self.try_fsync(now, config, background, out);
            }
            return;
        }
        if self.write_error.is_some() && !force && now.mono_us < self.retry_at_us {
            return;
        }
        let now_s = now.wall_s();
        if config.appendfsync == AppendFsync::Everysec && !force && !self.fsyncs.is_empty() {
            let since = *self.postponed_since_s.get_or_insert(now_s);
            if now_s - since < POSTPONE_S {
                return;
            }
            self.delayed_fsyncs += 1;
            out.notice(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for \
                 fsync to complete, this may slow down Redis.",
            );
        }
        self.postponed_since_s = None;
        let bytes: Rc<[u8]> = std::mem::take(&mut self.buf).into();
        let op = out.disk(DiskRequest::Append { path, bytes: bytes.clone() });
        self.write = Some((op, bytes));
        if config.appendfsync == AppendFsync::Always && !(config.no_appendfsync_on_rewrite && background) {
            // A failed write ends the process, so the fsync can be on its way at once.
            self.fsync(now, out);
        }
    }

    fn try_fsync(&mut self, now: Now, config: &Config, background: bool, out: &mut Outbox) {
        if config.no_appendfsync_on_rewrite && background {
            return;
        }
        match config.appendfsync {
            AppendFsync::Always if self.fsyncs.is_empty() => {
                self.fsync(now, out);
            }
            AppendFsync::Everysec if now.wall_s() > self.last_fsync_s => {
                if self.fsyncs.is_empty() {
                    self.fsync(now, out);
                    self.synced_size = self.size;
                }
                self.last_fsync_s = now.wall_s();
            }
            _ => {}
        }
    }

    /// Takes the result of a disk operation. Returns whether it was one of the tail's.
    pub fn on_disk(
        &mut self,
        now: Now,
        config: &Config,
        background: bool,
        op: OpId,
        result: &DiskResult,
        out: &mut Outbox,
    ) -> bool {
        if let Some((_, bytes)) = self.write.take_if(|(write, _)| *write == op) {
            self.written(now, config, background, bytes, result, out);
            return true;
        }
        if let Some((_, partial, bytes)) = self.repair.take_if(|(repair, ..)| *repair == op) {
            match result {
                Ok(_) => self.put_back(&bytes),
                Err(error) => {
                    if self.may_log_error(now) {
                        out.warning(format!(
                            "Could not remove short write from the append-only file.  Redis may refuse to load the AOF \
                             the next time it starts.  ftruncate: {}",
                            error.strerror()
                        ));
                    }
                    self.size += partial;
                    self.put_back(&bytes[partial as usize..]);
                }
            }
            return true;
        }
        if let Some(at) = self.fsyncs.iter().position(|(fsync, ..)| *fsync == op) {
            let (_, position, size) = self.fsyncs.remove(at);
            match result {
                Ok(_) => {
                    self.durable = self.durable.max(position);
                    self.synced_size = self.synced_size.max(size.min(self.size));
                    self.fsync_error = None;
                }
                Err(error) if config.appendfsync == AppendFsync::Always => {
                    out.warning(format!(
                        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
                        error.strerror()
                    ));
                    out.exit(1);
                }
                Err(error) => {
                    if self.fsync_error.replace(*error).is_none() {
                        out.warning(format!("Fail to fsync the AOF file: {}", error.strerror()));
                    }
                }
            }
            return true;
        }
        false
    }

    fn written(
        &mut self,
        now: Now,
        config: &Config,
        background: bool,
        bytes: Rc<[u8]>,
        result: &DiskResult,
        out: &mut Outbox,
    ) {
        let expected = bytes.len() as u64;
        let written = match result {
            Ok(DiskReply::Written(written)) => Ok(*written),
            Ok(_) => Ok(expected),
            Err(error) => Err(*error),
        };
        if written == Ok(expected) {
            self.size += expected;
            if self.write_error.take().is_some() {
                out.warning("AOF write error looks solved, Redis can write again.");
            }
            // With the policy `always` the fsync follows on the heels of the write already.
            if config.appendfsync == AppendFsync::Everysec {
                self.try_fsync(now, config, background, out);
            }
            return;
        }
        let may_log = self.may_log_error(now);
        match written {
            Err(error) => {
                if may_log {
                    out.warning(format!("Error writing to the AOF file: {}", error.strerror()));
                }
                self.write_error = Some(error);
                self.put_back(&bytes);
            }
            Ok(partial) => {
                if may_log {
                    out.warning(format!(
                        "Short write while writing to the AOF file: (nwritten={partial}, expected={expected})"
                    ));
                }
                self.write_error = Some(DiskError::NoSpace);
                if let Some(path) = self.path.clone() {
                    let op = out.disk(DiskRequest::Truncate { path, len: self.size });
                    self.repair = Some((op, partial, bytes));
                }
            }
        }
        self.retry_at_us = now.mono_us + RETRY_US;
        if config.appendfsync == AppendFsync::Always {
            out.warning(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
            );
            out.exit(1);
        }
    }

    fn put_back(&mut self, bytes: &[u8]) {
        self.buf.splice(0..0, bytes.iter().copied());
    }

    fn may_log_error(&mut self, now: Now) -> bool {
        let now_s = now.wall_s();
        let may = now_s - self.last_error_log_s > ERROR_LOG_PERIOD_S;
        if may {
            self.last_error_log_s = now_s;
        }
        may
    }
}
