//! The append-only file as a machine: appending, rewriting, switching on and off (aof.c 7.0.15).
//!
//! A rewrite goes through these phases, each begun only when the one before has succeeded:
//!
//! 1. *Drain*: what was appended so far goes to the old incremental file, which is made durable.
//! 2. *Open*: a new incremental file is created and named in the manifest. Redis does 1 and 2 inside one blocking call;
//!    the node stalls through them for the same reason: what is appended after the snapshot must not land before it.
//! 3. *Write*: the snapshot goes to a temporary file, in slices, while the node serves.
//! 4. *Install*: the temporary file becomes the new base and the manifest says so.
//! 5. *Clean*: files that are history are removed, and the manifest forgets them.
//!
//! A crash in any phase leaves a manifest whose files hold every change.

use super::super::disk::{DiskResult, Outbox, Sequence, join};
use super::super::file::{FileJob, FileStep, Made, Source};
use super::encode::Feeder;
use super::manifest::{Manifest, ManifestStep};
use super::tail::Tail;
use crate::config::{AppendFsync, Config};
use crate::event::{Event, SaveKind};
use crate::host::{DiskError, DiskRequest, Now, OpId};
use std::rc::Rc;

/// After this many rewrites have failed in a row, automatic ones are held back (`AOF_REWRITE_LIMITE_THRESHOLD`).
const FAILURES_BEFORE_DELAY: u64 = 3;
/// The longest that they are held back, in minutes.
const DELAY_MAX_MINUTES: i64 = 60;

/// Whether the append-only file is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AofState {
    /// No.
    Off,
    /// Yes.
    On,
    /// It was switched on and becomes valid when the rewrite that this needs has ended.
    WaitRewrite,
}

/// What is known about the files after loading, for [`Aof::open`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AofFiles {
    /// The manifest; empty if there are no files.
    pub manifest: Manifest,
    /// Bytes of all files together.
    pub total_size: u64,
    /// Bytes of the base file.
    pub base_size: u64,
    /// Bytes of the last incremental file.
    pub last_incr_size: u64,
}

/// The steps whose failure has a log line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Mkdir,
    CreateIncr,
    RenameBase,
    RenameIncr,
    SyncDir,
    Manifest(ManifestStep),
}

#[derive(Clone, Debug)]
enum Phase<S> {
    Drain(S),
    Sync(S, OpId),
    Open(S, Sequence<Step>, Manifest, Rc<str>),
    Write(FileJob<S>),
    Install {
        sequence: Sequence<Step>,
        manifest: Manifest,
        base_size: u64,
        base: Rc<str>,
        incr: Option<Rc<str>>,
    },
    Clean(Sequence<Step>),
}

/// What a disk operation has done to a rewrite.
enum Turn<S> {
    /// Nothing, or there is more to come in this phase.
    Same,
    /// The next phase begins.
    Next(Phase<S>),
    /// It has ended, well or badly.
    Over,
}

#[derive(Clone, Debug)]
struct Rewrite<S> {
    pid: u32,
    phase: Phase<S>,
}

/// What happens outside of rewrites.
#[derive(Clone, Debug)]
enum Errand<S> {
    /// The base file of a node that starts without any.
    FirstBase { file: FileJob<S>, manifest: Manifest, base: Rc<str> },
    /// Opening the incremental file when the node starts; its name, size and whether it is new.
    Opening {
        sequence: Sequence<Step>,
        manifest: Manifest,
        base: Option<Rc<str>>,
        incr: Rc<str>,
        size: u64,
        new: bool,
    },
    /// Switching off: writing what is left.
    Draining,
    /// Switching off: making it durable.
    Syncing(OpId),
    /// Storing a manifest that has forgotten its history.
    Cleaning(Sequence<Step>),
}

/// What INFO shows in its section on persistence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AofInfo {
    /// `aof_enabled`
    pub enabled: bool,
    /// `aof_rewrite_in_progress`
    pub rewrite_in_progress: bool,
    /// `aof_rewrite_scheduled`
    pub rewrite_scheduled: bool,
    /// `aof_last_rewrite_time_sec`
    pub last_rewrite_s: i64,
    /// `aof_current_rewrite_time_sec`
    pub current_rewrite_s: i64,
    /// `aof_last_bgrewrite_status`
    pub last_rewrite_ok: bool,
    /// `aof_last_write_status`
    pub last_write_ok: bool,
    /// `aof_rewrites`
    pub rewrites: u64,
    /// `aof_rewrites_consecutive_failures`
    pub consecutive_failures: u64,
    /// `aof_current_size`
    pub current_size: u64,
    /// `aof_base_size`
    pub base_size: u64,
    /// `aof_buffer_length`
    pub buffer_len: usize,
    /// `aof_pending_bio_fsync`
    pub pending_fsyncs: usize,
    /// `aof_delayed_fsync`
    pub delayed_fsyncs: u64,
}

/// See the module. `S` is where the bytes of a new base come from.
#[derive(Clone, Debug)]
pub struct Aof<S> {
    state: AofState,
    manifest: Manifest,
    feeder: Feeder,
    tail: Tail,
    rewrite: Option<Rewrite<S>>,
    errand: Option<Errand<S>>,
    /// A rewrite waits for other background work to end.
    pub scheduled: bool,
    /// Bytes of the files that are not the tail.
    closed_size: u64,
    /// Bytes of all files when the last rewrite ended (or of the base at start-up).
    rewrite_base_size: u64,
    rewrite_started_s: i64,
    last_rewrite_s: i64,
    last_rewrite_ok: bool,
    rewrites: u64,
    consecutive_failures: u64,
    delay_minutes: i64,
    delayed_until_s: i64,
}

impl<S: Source> Default for Aof<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Source> Aof<S> {
    /// An append-only file that is off.
    pub fn new() -> Aof<S> {
        Aof {
            state: AofState::Off,
            manifest: Manifest::default(),
            feeder: Feeder::default(),
            tail: Tail::default(),
            rewrite: None,
            errand: None,
            scheduled: false,
            closed_size: 0,
            rewrite_base_size: 0,
            rewrite_started_s: -1,
            last_rewrite_s: -1,
            last_rewrite_ok: true,
            rewrites: 0,
            consecutive_failures: 0,
            delay_minutes: 0,
            delayed_until_s: 0,
        }
    }

    /// Whether it is in use.
    pub fn state(&self) -> AofState {
        self.state
    }

    /// Whether a rewrite is in progress: Redis would have a child process for it.
    pub fn rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    /// Whether the node must wait for the disk before it does anything more: because the policy `always` promises that
    /// what was appended is durable before a reply leaves, or because the files are being switched. `background` says
    /// whether any background save or rewrite is in progress.
    pub fn stalls(&self, config: &Config, background: bool) -> bool {
        let promised = config.appendfsync == AppendFsync::Always
            && self.tail.is_open()
            && !(config.no_appendfsync_on_rewrite && background)
            && self.tail.durable() < self.tail.position();
        promised || self.switching() || self.errand.is_some()
    }

    /// Whether a rewrite has its snapshot and not yet the file for what comes after it: nothing may be appended.
    pub fn switching(&self) -> bool {
        self.state != AofState::Off
            && matches!(
                self.rewrite.as_ref().map(|rewrite| &rewrite.phase),
                Some(Phase::Drain(_) | Phase::Sync(..) | Phase::Open(..))
            )
    }

    /// How many bytes have been appended since the node started.
    pub fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Whether it is on and the files hold everything that was appended: nothing is buffered, written or switched.
    pub fn is_settled(&self) -> bool {
        self.state == AofState::On
            && self.rewrite.is_none()
            && self.errand.is_none()
            && self.tail.is_drained()
    }

    /// The file that is being written, if there is one.
    pub fn tail_path(&self) -> Option<&Rc<str>> {
        self.tail.path()
    }

    /// How long that file is once everything that was appended so far has been written, in bytes.
    pub fn tail_end(&self) -> u64 {
        self.tail.end()
    }

    /// How many of them are durable.
    pub fn durable(&self) -> u64 {
        self.tail.durable()
    }

    /// The error that write commands get while the disk fails, without the leading `-`
    /// (`writeCommandsGetDiskErrorMessage`, server.c 7.0.15).
    pub fn write_error(&self) -> Option<String> {
        if self.state == AofState::Off {
            return None;
        }
        let error = self.tail.write_error.or(self.tail.fsync_error)?;
        Some(format!("MISCONF Errors writing to the AOF file: {}", error.strerror()))
    }

    /// What INFO shows.
    pub fn info(&self, now: Now) -> AofInfo {
        AofInfo {
            enabled: self.state != AofState::Off,
            rewrite_in_progress: self.rewriting(),
            rewrite_scheduled: self.scheduled,
            last_rewrite_s: self.last_rewrite_s,
            current_rewrite_s: if self.rewriting() { now.wall_s() - self.rewrite_started_s } else { -1 },
            last_rewrite_ok: self.last_rewrite_ok,
            last_write_ok: self.tail.write_error.is_none() && self.tail.fsync_error.is_none(),
            rewrites: self.rewrites,
            consecutive_failures: self.consecutive_failures,
            current_size: self.closed_size + self.tail.size(),
            base_size: self.rewrite_base_size,
            buffer_len: self.tail.buf.len(),
            pending_fsyncs: self.tail.fsyncs_pending(),
            delayed_fsyncs: self.tail.delayed_fsyncs,
        }
    }

    // ----------------------------------------------------------------------------------------------------------- appending

    /// Appends a command that changed database `db`. It goes to the disk with the next [`Aof::flush`].
    pub fn feed(&mut self, now: Now, config: &Config, db: usize, args: &[&[u8]]) {
        let taken = match self.state {
            AofState::Off => false,
            AofState::On => true,
            AofState::WaitRewrite => self.rewriting(),
        };
        if taken {
            let timestamp = config.aof_timestamp_enabled.then(|| now.wall_s());
            let feeder = &mut self.feeder;
            self.tail.append(|buf| feeder.feed(buf, db, args, timestamp));
        }
    }

    /// Hands what was appended to the disk, as `appendfsync` says. To be called at the end of each turn, before replies
    /// leave, and from the cron. With `force` it does not wait for an fsync under way (SHUTDOWN).
    pub fn flush(&mut self, now: Now, config: &Config, force: bool, background: bool, out: &mut Outbox) {
        let force = force || matches!(self.errand, Some(Errand::Draining)) || self.draining();
        self.tail.flush(now, config, force, background, out);
    }

    fn draining(&self) -> bool {
        matches!(self.rewrite, Some(Rewrite { phase: Phase::Drain(_), .. }))
    }

    /// Asks for an fsync now, whatever the policy (SHUTDOWN). [`Aof::durable`] tells when it has come about.
    pub fn fsync(&mut self, now: Now, out: &mut Outbox) {
        self.tail.fsync(now, out);
    }

    /// Takes the result of a disk operation. Returns whether it was one of this machine's.
    pub fn on_disk(
        &mut self,
        now: Now,
        config: &Config,
        background: bool,
        op: OpId,
        result: &DiskResult,
        out: &mut Outbox,
    ) -> bool {
        let mine = self.owns(op);
        let tails = self.tail.on_disk(now, config, background, op, result, out);
        if tails && self.tail.write_error.is_some() {
            self.drain_failed(now, out);
        }
        self.errand_on_disk(now, config, op, result, out);
        self.rewrite_on_disk(now, config, op, result, out);
        self.go_on(now, config, out);
        mine || tails
    }

    /// Whether an operation is part of a rewrite or an errand.
    fn owns(&self, op: OpId) -> bool {
        let errand = match &self.errand {
            Some(Errand::FirstBase { file, .. }) => file.owns(op),
            Some(Errand::Opening { sequence, .. } | Errand::Cleaning(sequence)) => sequence.owns(op),
            _ => false,
        };
        let rewrite = match self.rewrite.as_ref().map(|rewrite| &rewrite.phase) {
            Some(Phase::Write(file)) => file.owns(op),
            Some(Phase::Open(_, sequence, ..) | Phase::Install { sequence, .. } | Phase::Clean(sequence)) => {
                sequence.owns(op)
            }
            _ => false,
        };
        errand || rewrite
    }

    /// Begins the phase after draining once the tail is drained.
    fn go_on(&mut self, now: Now, config: &Config, out: &mut Outbox) {
        if matches!(self.errand, Some(Errand::Draining)) {
            self.tail.flush(now, config, true, false, out);
            if self.tail.is_drained() {
                match self.tail.fsync(now, out) {
                    Some(op) => self.errand = Some(Errand::Syncing(op)),
                    None => self.closed(),
                }
            }
        }
        if self.draining() {
            self.tail.flush(now, config, true, false, out);
            if self.tail.is_drained()
                && let Some(Rewrite { pid, phase: Phase::Drain(source) }) = self.rewrite.take()
            {
                let phase = match self.tail.fsync(now, out) {
                    Some(op) => Phase::Sync(source, op),
                    None => self.open_phase(config, source, out),
                };
                self.rewrite = Some(Rewrite { pid, phase });
            }
        }
    }

    /// The disk refuses what must be written before the file can be switched or closed.
    fn drain_failed(&mut self, now: Now, out: &mut Outbox) {
        if self.draining() {
            self.rewrite = None;
            self.last_rewrite_ok = false;
        }
        if matches!(self.errand, Some(Errand::Draining)) {
            match self.tail.fsync(now, out) {
                Some(op) => self.errand = Some(Errand::Syncing(op)),
                None => self.closed(),
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------------ start-up

    /// Tells what manifest there is on disk while the append-only file is off, for when it is switched on.
    pub fn remember(&mut self, manifest: Manifest) {
        self.manifest = manifest;
    }

    /// Opens the files for writing once they have been loaded (`aofOpenIfNeededOnServerStart`); [`Aof::stalls`] until that
    /// is done. Without any files the first base is made of what `empty_base` gives. A failure ends the process.
    pub fn open(
        &mut self,
        config: &Config,
        files: AofFiles,
        pid: u32,
        empty_base: impl FnOnce() -> S,
        out: &mut Outbox,
    ) {
        self.state = AofState::On;
        self.closed_size = files.total_size - files.last_incr_size.min(files.total_size);
        self.rewrite_base_size = files.base_size;
        let mut manifest = files.manifest;
        if manifest.is_empty() {
            let base = manifest.new_base(&config.appendfilename, config.aof_use_rdb_preamble);
            let temp = format!("temp-rewriteaof-{pid}.aof").into();
            let file = FileJob::start(temp, empty_base(), out);
            self.errand = Some(Errand::FirstBase { file, manifest, base });
        } else {
            self.open_incr(config, manifest, None, files.last_incr_size, out);
        }
    }

    fn open_incr(
        &mut self,
        config: &Config,
        mut manifest: Manifest,
        base: Option<(Rc<str>, Rc<str>)>,
        size: u64,
        out: &mut Outbox,
    ) {
        let folder = config.appenddirname.as_str();
        let mut steps = vec![(Step::Mkdir, DiskRequest::Mkdir { path: folder.into() })];
        let base_name = base.map(|(temp, name)| {
            steps.push((Step::RenameBase, DiskRequest::Rename { from: temp, to: join(folder, &name) }));
            name
        });
        let (incr, new) = match manifest.incr.last() {
            Some(last) => (last.name.clone(), false),
            None => (manifest.new_incr(&config.appendfilename), true),
        };
        if new {
            steps.push((Step::CreateIncr, DiskRequest::Create { path: join(folder, &incr) }));
            steps.push((Step::SyncDir, DiskRequest::FsyncDir { path: folder.into() }));
            let store = manifest.store(folder, &config.appendfilename);
            steps.extend(store.map(|(step, request)| (Step::Manifest(step), request)));
        }
        let size = if new { 0 } else { size };
        let sequence = Sequence::start(steps, out);
        self.errand = Some(Errand::Opening { sequence, manifest, base: base_name, incr, size, new });
    }

    fn errand_on_disk(&mut self, now: Now, config: &Config, op: OpId, result: &DiskResult, out: &mut Outbox) {
        match &mut self.errand {
            Some(Errand::FirstBase { file, manifest, base }) => match file.on_disk(op, result, out) {
                None => {}
                Some(Ok(size)) => {
                    let (temp, manifest, base) =
                        (file.path().clone(), std::mem::take(manifest), base.clone());
                    self.closed_size = size;
                    self.rewrite_base_size = size;
                    self.open_incr(config, manifest, Some((temp, base)), 0, out);
                }
                Some(Err((step, error))) => {
                    out.warning(base_failure(step, error));
                    out.exit(1);
                }
            },
            Some(Errand::Opening { sequence, manifest, base, incr, size, new }) => {
                match sequence.on_disk(op, result, out) {
                    None => {}
                    Some(Ok(())) => {
                        if let Some(base) = base {
                            out.notice(format!("Creating AOF base file {base} on server start"));
                        }
                        let verb = if *new { "Creating" } else { "Opening" };
                        out.notice(format!("{verb} AOF incr file {incr} on server start"));
                        self.manifest = std::mem::take(manifest);
                        self.tail.open(now, join(&config.appenddirname, incr), *size);
                        self.errand = None;
                    }
                    Some(Err((step, error))) => {
                        let incr = incr.clone();
                        log_failure(step, error, config, &incr, out);
                        out.exit(1);
                    }
                }
            }
            // The fsync itself belongs to the tail, which has seen the result already.
            Some(Errand::Syncing(fsync)) if *fsync == op => self.closed(),
            Some(Errand::Cleaning(sequence)) => {
                if let Some(ended) = sequence.on_disk(op, result, out) {
                    if let Err((step, error)) = ended {
                        log_failure(step, error, config, "", out);
                    }
                    self.errand = None;
                }
            }
            _ => {}
        }
    }

    fn closed(&mut self) {
        self.tail.close();
        self.errand = None;
        self.closed_size = 0;
    }

    // -------------------------------------------------------------------------------------------------- switching on and off

    /// CONFIG SET appendonly yes (`startAppendOnly`). True: the caller is to start a rewrite now; until it has ended the
    /// file is not valid. False: other work is in the way, and a rewrite is scheduled.
    pub fn enable(&mut self, other_child: bool, in_exec: bool, out: &mut Outbox) -> bool {
        if self.state != AofState::Off {
            return false;
        }
        self.state = AofState::WaitRewrite;
        let now = if other_child {
            out.warning(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to \
                 start when possible.",
            );
            false
        } else if in_exec {
            out.warning(
                "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.",
            );
            false
        } else {
            if self.rewriting() {
                out.warning(
                    "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and \
                     starting a rewrite now.",
                );
                self.kill_rewrite(out);
            }
            true
        };
        self.scheduled = !now;
        if self.tail.fsync_error.take().is_some() {
            out.warning("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        if self.tail.write_error.take().is_some() {
            out.warning("AOF reopen, just ignore the last error.");
        }
        now
    }

    /// CONFIG SET appendonly no (`stopAppendOnly`): what is left is written and made durable, while the node stalls.
    pub fn disable(&mut self, now: Now, config: &Config, out: &mut Outbox) {
        if self.state == AofState::Off {
            return;
        }
        self.kill_rewrite(out);
        self.state = AofState::Off;
        self.scheduled = false;
        self.feeder.forget_db();
        self.tail.held = false;
        if self.tail.is_open() {
            self.errand = Some(Errand::Draining);
            self.go_on(now, config, out);
        }
    }

    /// Gives up a rewrite in progress (`killAppendOnlyChild`: SHUTDOWN, switching off).
    pub fn kill_rewrite(&mut self, out: &mut Outbox) {
        let Some(rewrite) = self.rewrite.take() else { return };
        out.notice(format!("Killing running AOF rewrite child: {}", rewrite.pid));
        if let Phase::Write(file) = &rewrite.phase {
            out.disk(DiskRequest::Remove { path: file.path().clone() });
        }
        self.rewrite_started_s = -1;
    }

    // ----------------------------------------------------------------------------------------------------------- rewriting

    /// Whether the file has grown enough for an automatic rewrite, by how many per cent. Call from the cron when no background
    /// work is in progress; log [`growth_log`] and start a rewrite.
    pub fn auto_rewrite_due(&mut self, now: Now, config: &Config, out: &mut Outbox) -> Option<i64> {
        let current = self.closed_size + self.tail.size();
        let min = u64::try_from(config.auto_aof_rewrite_min_size).unwrap_or(0);
        if self.state != AofState::On || config.auto_aof_rewrite_percentage == 0 || current <= min {
            return None;
        }
        let base = self.rewrite_base_size.max(1) as i128;
        let growth = (current as i128 * 100 / base - 100) as i64;
        (growth >= i64::from(config.auto_aof_rewrite_percentage) && !self.limited(now, out)).then_some(growth)
    }

    /// Whether a scheduled rewrite may start now, no other background work being in progress.
    pub fn scheduled_due(&mut self, now: Now, out: &mut Outbox) -> bool {
        self.scheduled && !self.limited(now, out)
    }

    /// BGREWRITEAOF while other work is in the way: it runs later, and failures of the past hold it back no longer.
    pub fn schedule(&mut self) {
        self.scheduled = true;
        self.consecutive_failures = 0;
    }

    /// Whether rewrites are held back because too many have failed (`aofRewriteLimited`).
    fn limited(&mut self, now: Now, out: &mut Outbox) -> bool {
        if self.consecutive_failures < FAILURES_BEFORE_DELAY {
            self.delay_minutes = 0;
            self.delayed_until_s = 0;
            return false;
        }
        if self.delayed_until_s != 0 {
            if now.wall_s() < self.delayed_until_s {
                return true;
            }
            self.delayed_until_s = 0;
            return false;
        }
        self.delay_minutes =
            if self.delay_minutes == 0 { 1 } else { (self.delay_minutes * 2).min(DELAY_MAX_MINUTES) };
        self.delayed_until_s = now.wall_s() + self.delay_minutes * 60;
        out.warning(format!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {} minutes",
            self.delay_minutes
        ));
        true
    }

    /// Starts a rewrite; the caller has made sure that no other background work is in progress. `source` is the snapshot as it
    /// is now, `pid` the one that the log shows for the child that Redis would have forked.
    pub fn start_rewrite(&mut self, now: Now, config: &Config, source: S, pid: u32, out: &mut Outbox) {
        self.feeder.forget_db();
        self.rewrite_started_s = now.wall_s();
        self.rewrite = Some(Rewrite { pid, phase: Phase::Drain(source) });
        self.go_on(now, config, out);
    }

    fn open_phase(&mut self, config: &Config, source: S, out: &mut Outbox) -> Phase<S> {
        let folder = config.appenddirname.as_str();
        let mut manifest = self.manifest.clone();
        let mut steps = vec![(Step::Mkdir, DiskRequest::Mkdir { path: folder.into() })];
        let mut incr: Rc<str> = "".into();
        if self.state != AofState::Off {
            incr = if self.state == AofState::On {
                manifest.new_incr(&config.appendfilename)
            } else {
                temp_incr_name(config).into()
            };
            steps.push((Step::CreateIncr, DiskRequest::Create { path: join(folder, &incr) }));
        }
        if self.state == AofState::On {
            steps.push((Step::SyncDir, DiskRequest::FsyncDir { path: folder.into() }));
            let store = manifest.store(folder, &config.appendfilename);
            steps.extend(store.map(|(step, request)| (Step::Manifest(step), request)));
        }
        Phase::Open(source, Sequence::start(steps, out), manifest, incr)
    }

    /// Whether [`Aof::step`] has something to do now.
    pub fn wants_step(&self) -> bool {
        let first = matches!(&self.errand, Some(Errand::FirstBase { file, .. }) if file.wants_step());
        first || matches!(&self.rewrite, Some(Rewrite { phase: Phase::Write(file), .. }) if file.wants_step())
    }

    /// Makes one slice of a new base.
    pub fn step(&mut self, out: &mut Outbox) -> Made {
        let mut made = Made::default();
        if let Some(Errand::FirstBase { file, .. }) = &mut self.errand {
            made += file.step(out);
        }
        if let Some(Rewrite { phase: Phase::Write(file), .. }) = &mut self.rewrite {
            made += file.step(out);
        }
        made
    }

    fn rewrite_on_disk(
        &mut self,
        now: Now,
        config: &Config,
        op: OpId,
        result: &DiskResult,
        out: &mut Outbox,
    ) {
        let Some(Rewrite { pid, mut phase }) = self.rewrite.take() else { return };
        let turn = match &mut phase {
            // Belongs to the tail; if it failed, that has been logged, and the rewrite goes on as in Redis.
            Phase::Sync(source, fsync) if *fsync == op => {
                Turn::Next(self.open_phase(config, source.clone(), out))
            }
            Phase::Open(source, sequence, manifest, incr) => match sequence.on_disk(op, result, out) {
                None => Turn::Same,
                Some(Ok(())) => {
                    let manifest = std::mem::take(manifest);
                    Turn::Next(self.opened(now, config, source.clone(), manifest, incr, pid, out))
                }
                Some(Err((step, error))) => {
                    log_failure(step, error, config, incr, out);
                    self.last_rewrite_ok = false;
                    self.scheduled |= self.state == AofState::WaitRewrite;
                    Turn::Over
                }
            },
            Phase::Write(file) => match file.on_disk(op, result, out) {
                None => Turn::Same,
                Some(Ok(size)) => {
                    let temp = file.path().clone();
                    out.notice(format!("Successfully created the temporary AOF base file {temp}"));
                    out.notice("Background AOF rewrite terminated with success");
                    Turn::Next(self.install_phase(config, temp, size, out))
                }
                Some(Err((step, error))) => {
                    out.warning(base_failure(step, error));
                    out.warning("Background AOF rewrite terminated with error");
                    self.rewrite_failed(now, config, file.path().clone(), out);
                    Turn::Over
                }
            },
            Phase::Install { sequence, manifest, base_size, base, incr } => {
                match sequence.on_disk(op, result, out) {
                    None => Turn::Same,
                    Some(Ok(())) => {
                        let manifest = std::mem::take(manifest);
                        self.installed(now, config, manifest, *base_size, pid, base, incr.clone(), out)
                    }
                    Some(Err((step, error))) => {
                        let folder = config.appenddirname.as_str();
                        match step {
                            Step::RenameBase => out.warning(format!(
                                "Error trying to rename the temporary AOF base file {} into {}: {}",
                                temp_base_name(pid),
                                join(folder, base),
                                error.strerror()
                            )),
                            step => log_failure(step, error, config, incr.as_deref().unwrap_or(""), out),
                        }
                        // Redis removes the new base even when the manifest that names it has its name already and only the
                        // folder could not be made durable; the next start would then find a file missing.
                        if step != Step::Manifest(ManifestStep::FsyncDir) {
                            out.disk(DiskRequest::Remove { path: join(folder, base) });
                        }
                        self.rewrite_failed(now, config, temp_base_name(pid).into(), out);
                        Turn::Over
                    }
                }
            }
            Phase::Clean(sequence) => match sequence.on_disk(op, result, out) {
                None => Turn::Same,
                Some(ended) => {
                    if let Err((step, error)) = ended {
                        log_failure(step, error, config, "", out);
                    }
                    self.finished(out);
                    Turn::Over
                }
            },
            _ => Turn::Same,
        };
        let phase = match turn {
            Turn::Same => Some(phase),
            Turn::Next(next) => Some(next),
            Turn::Over => None,
        };
        self.rewrite = phase.map(|phase| Rewrite { pid, phase });
    }

    #[allow(clippy::too_many_arguments)]
    fn opened(
        &mut self,
        now: Now,
        config: &Config,
        source: S,
        manifest: Manifest,
        incr: &Rc<str>,
        pid: u32,
        out: &mut Outbox,
    ) -> Phase<S> {
        if self.state != AofState::Off {
            out.notice(format!("Creating AOF incr file {incr} on background rewrite"));
            self.closed_size += self.tail.size();
            self.tail.open(now, join(&config.appenddirname, incr), 0);
        }
        self.manifest = manifest;
        self.rewrites += 1;
        self.scheduled = false;
        self.rewrite_started_s = now.wall_s();
        out.notice(format!("Background append only file rewriting started by pid {pid}"));
        Phase::Write(FileJob::start(temp_base_name(pid).into(), source, out))
    }

    fn install_phase(
        &mut self,
        config: &Config,
        temp: Rc<str>,
        base_size: u64,
        out: &mut Outbox,
    ) -> Phase<S> {
        let folder = config.appenddirname.as_str();
        let mut manifest = self.manifest.clone();
        let base = manifest.new_base(&config.appendfilename, config.aof_use_rdb_preamble);
        let mut steps = vec![(Step::RenameBase, DiskRequest::Rename { from: temp, to: join(folder, &base) })];
        let mut incr = None;
        if self.state == AofState::WaitRewrite {
            let name = manifest.new_incr(&config.appendfilename);
            let from = join(folder, &temp_incr_name(config));
            steps.push((Step::RenameIncr, DiskRequest::Rename { from, to: join(folder, &name) }));
            self.tail.held = true;
            incr = Some(name);
        }
        manifest.retire_incr(self.state != AofState::Off);
        steps.push((Step::SyncDir, DiskRequest::FsyncDir { path: folder.into() }));
        let store = manifest.store(folder, &config.appendfilename);
        steps.extend(store.map(|(step, request)| (Step::Manifest(step), request)));
        Phase::Install { sequence: Sequence::start(steps, out), manifest, base_size, base, incr }
    }

    /// The new base is in place.
    #[allow(clippy::too_many_arguments)]
    fn installed(
        &mut self,
        now: Now,
        config: &Config,
        manifest: Manifest,
        base_size: u64,
        pid: u32,
        base: &str,
        incr: Option<Rc<str>>,
        out: &mut Outbox,
    ) -> Turn<S> {
        let folder = config.appenddirname.as_str();
        out.notice(format!(
            "Successfully renamed the temporary AOF base file {} into {base}",
            temp_base_name(pid)
        ));
        if let Some(incr) = incr {
            out.notice(format!(
                "Successfully renamed the temporary AOF incr file {} into {incr}",
                temp_incr_name(config)
            ));
            self.tail.renamed(join(folder, &incr));
        }
        self.manifest = manifest;
        if self.state != AofState::Off {
            self.closed_size = base_size;
            self.rewrite_base_size = base_size + self.tail.size();
            self.state = AofState::On;
        }
        self.last_rewrite_ok = true;
        self.consecutive_failures = 0;
        self.last_rewrite_s = now.wall_s() - self.rewrite_started_s;
        match self.forget_history(config, out) {
            Some(sequence) => Turn::Next(Phase::Clean(sequence)),
            None => {
                self.finished(out);
                Turn::Over
            }
        }
    }

    /// Removes the files that are history and stores a manifest without them (`aofDelHistoryFiles`).
    fn forget_history(&mut self, config: &Config, out: &mut Outbox) -> Option<Sequence<Step>> {
        if config.aof_disable_auto_gc || self.manifest.history.is_empty() {
            return None;
        }
        let folder = config.appenddirname.as_str();
        for file in std::mem::take(&mut self.manifest.history) {
            out.notice(format!("Removing the history file {} in the background", file.name));
            // Whether it succeeds does not matter: the manifest forgets the file either way.
            out.disk(DiskRequest::Remove { path: join(folder, &file.name) });
        }
        let store = self.manifest.store(folder, &config.appendfilename);
        Some(Sequence::start(store.map(|(step, request)| (Step::Manifest(step), request)), out))
    }

    fn finished(&mut self, out: &mut Outbox) {
        out.notice("Background AOF rewrite finished successfully");
        out.event(Event::Saved { kind: SaveKind::Aof, ok: true });
        self.rewrite_started_s = -1;
    }

    fn rewrite_failed(&mut self, now: Now, config: &Config, temp: Rc<str>, out: &mut Outbox) {
        self.last_rewrite_ok = false;
        self.consecutive_failures += 1;
        out.disk(DiskRequest::Remove { path: temp });
        if self.state == AofState::WaitRewrite {
            let name = temp_incr_name(config);
            out.notice(format!("Removing the temp incr aof file {name} in the background"));
            out.disk(DiskRequest::Remove { path: join(&config.appenddirname, &name) });
            self.tail.close();
            self.scheduled = true;
        }
        self.last_rewrite_s = now.wall_s() - self.rewrite_started_s;
        self.rewrite_started_s = -1;
        out.event(Event::Saved { kind: SaveKind::Aof, ok: false });
    }

    /// CONFIG SET aof-disable-auto-gc no: removes files that were kept as history.
    pub fn remove_history(&mut self, config: &Config, out: &mut Outbox) {
        if !self.rewriting() && self.errand.is_none() {
            self.errand = self.forget_history(config, out).map(Errand::Cleaning);
        }
    }
}

/// The log line with which the cron starts an automatic rewrite.
pub fn growth_log(growth: i64) -> String {
    format!("Starting automatic rewriting of AOF on {growth}% growth")
}

fn temp_base_name(pid: u32) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

fn temp_incr_name(config: &Config) -> String {
    format!("temp-{}.incr", config.appendfilename)
}

fn base_failure(step: FileStep, error: DiskError) -> String {
    match step {
        FileStep::Open => {
            format!("Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {}", error.strerror())
        }
        FileStep::Write | FileStep::Fsync => {
            format!("Write error writing append only file on disk: {}", error.strerror())
        }
    }
}

fn log_failure(step: Step, error: DiskError, config: &Config, incr: &str, out: &mut Outbox) {
    let (folder, text) = (config.appenddirname.as_str(), error.strerror());
    out.warning(match step {
        Step::Mkdir => format!("Can't open or create append-only dir {folder}: {text}"),
        Step::CreateIncr => format!("Can't open the append-only file {incr}: {text}"),
        Step::RenameBase => format!("Error moving temp append only file on the final destination: {text}"),
        Step::RenameIncr => format!(
            "Error trying to rename the temporary AOF incr file {} into {}: {text}",
            join(folder, &temp_incr_name(config)),
            join(folder, incr)
        ),
        Step::SyncDir => format!("Fail to fsync AOF directory {folder}: {text}."),
        Step::Manifest(step) => step.failure(folder, &config.appendfilename, text),
    });
}
