//! SAVE and BGSAVE: a snapshot is written under a temporary name, made durable and renamed over the old one, so that a
//! crash at any moment leaves one whole file (`rdbSave`, `rdbSaveBackground`, `backgroundSaveDoneHandlerDisk` in rdb.c and the
//! save points of `serverCron` in server.c, 7.0.15).
//!
//! Both are the same machine. While a SAVE runs ([`Saves::blocks`]) the node does nothing else, as Redis does not.

use super::disk::{DiskResult, Outbox, Sequence, folder_of};
use super::file::{FileJob, FileStep, Made, Source};
use crate::config::Config;
use crate::config::SavePoint;
use crate::event::{Event, SaveKind};
use crate::host::{DiskError, DiskRequest, Now, OpId};

/// After a failed background save, how many seconds pass before a save point starts another (`CONFIG_BGSAVE_RETRY_DELAY`).
const RETRY_DELAY_S: i64 = 5;

/// The error that write commands get while snapshots fail, without the leading `-` (`shared.bgsaveerr`).
pub const BGSAVE_ERROR: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastSteps {
    Rename,
    FsyncDir,
}

#[derive(Clone, Debug)]
struct Job<S> {
    file: FileJob<S>,
    /// Rename and directory sync, once the file is complete.
    last_steps: Option<Sequence<LastSteps>>,
    final_path: String,
    background: bool,
    dirty_before: u64,
    started_s: i64,
}

/// How a save ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveOutcome {
    /// Whether the file is there.
    pub ok: bool,
    /// Whether it was a BGSAVE. A SAVE's client is waiting for its reply: `+OK`, or `-ERR`.
    pub background: bool,
    /// How many changes it covers: to be taken off the node's count if it succeeded.
    pub dirty_saved: u64,
}

/// All there is to know about snapshots on disk. `S` is where the bytes come from.
#[derive(Clone, Debug)]
pub struct Saves<S> {
    job: Option<Job<S>>,
    /// Wall clock in seconds of the last success (LASTSAVE); at first, when the node started.
    pub last_save_s: i64,
    /// Wall clock in seconds at which the last background save was started; 0 if never.
    pub last_try_s: i64,
    /// Whether the last background save succeeded.
    pub last_ok: bool,
    /// How long the last background save took in seconds; -1 if there was none.
    pub last_duration_s: i64,
    /// A BGSAVE waits for other background work to end.
    pub scheduled: bool,
    /// How many saves were started (INFO `rdb_saves`).
    pub count: u64,
}

impl<S: Source> Saves<S> {
    /// No save so far.
    pub fn new(now: Now) -> Saves<S> {
        Saves {
            job: None,
            last_save_s: now.wall_s(),
            last_try_s: 0,
            last_ok: true,
            last_duration_s: -1,
            scheduled: false,
            count: 0,
        }
    }

    /// Whether a background save is running (INFO `rdb_bgsave_in_progress`).
    pub fn in_background(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.background)
    }

    /// Whether a SAVE is running: the node must do nothing but wait for the disk.
    pub fn blocks(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !job.background)
    }

    /// How long the background save in progress has been running, in seconds; -1 if there is none.
    pub fn current_duration_s(&self, now: Now) -> i64 {
        self.job.as_ref().filter(|job| job.background).map_or(-1, |job| now.wall_s() - job.started_s)
    }

    /// Whether write commands are to be refused with [`BGSAVE_ERROR`].
    pub fn stops_writes(&self, config: &Config) -> bool {
        config.stop_writes_on_bgsave_error && !config.save.is_empty() && !self.last_ok
    }

    /// Whether enough time has passed since a failure.
    fn may_retry(&self, now: Now) -> bool {
        self.last_ok || now.wall_s() - self.last_try_s > RETRY_DELAY_S
    }

    /// The save point that asks for a save now, given how many changes there are. Call from the cron when no background
    /// work is running; log [`save_point_log`] and start a BGSAVE.
    pub fn due(&self, now: Now, config: &Config, dirty: u64) -> Option<SavePoint> {
        config.save.iter().copied().find(|point| {
            dirty >= point.changes.max(0) as u64
                && now.wall_s() - self.last_save_s > point.seconds
                && self.may_retry(now)
        })
    }

    /// Whether a BGSAVE that was scheduled may start now, no other background work being in progress.
    pub fn scheduled_due(&self, now: Now) -> bool {
        self.scheduled && self.may_retry(now)
    }

    /// Starts a BGSAVE. The caller has made sure that no other background work is in progress. `pid` is the one that the log
    /// and the temporary file's name show for the child that Redis would have forked.
    pub fn start_background(
        &mut self,
        now: Now,
        config: &Config,
        source: S,
        dirty: u64,
        pid: u32,
        out: &mut Outbox,
    ) {
        self.last_try_s = now.wall_s();
        self.scheduled = false;
        self.start(now, config, source, dirty, pid, true, out);
        out.notice(format!("Background saving started by pid {pid}"));
    }

    /// Starts a SAVE. The caller has made sure that no BGSAVE is in progress.
    pub fn start_foreground(
        &mut self,
        now: Now,
        config: &Config,
        source: S,
        dirty: u64,
        pid: u32,
        out: &mut Outbox,
    ) {
        self.start(now, config, source, dirty, pid, false, out);
    }

    #[allow(clippy::too_many_arguments)]
    fn start(
        &mut self,
        now: Now,
        config: &Config,
        source: S,
        dirty: u64,
        pid: u32,
        background: bool,
        out: &mut Outbox,
    ) {
        self.count += 1;
        self.job = Some(Job {
            file: FileJob::start(format!("temp-{pid}.rdb").into(), source, out),
            last_steps: None,
            final_path: config.dbfilename.clone(),
            background,
            dirty_before: dirty,
            started_s: now.wall_s(),
        });
    }

    /// Whether [`Saves::step`] has something to do now.
    pub fn wants_step(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.file.wants_step())
    }

    /// Makes one slice of the file.
    pub fn step(&mut self, out: &mut Outbox) -> Made {
        self.job.as_mut().map_or_else(Made::default, |job| job.file.step(out))
    }

    /// Gives up the save in progress (`killRDBChild`: FLUSHALL, SHUTDOWN NOSAVE, a replica that must load another data set). It
    /// does not count as a failure.
    pub fn abort(&mut self, now: Now, out: &mut Outbox) -> Option<SaveOutcome> {
        let job = self.job.take()?;
        out.warning("Background saving terminated by signal 10");
        out.disk(DiskRequest::Remove { path: job.file.path().clone() });
        self.last_duration_s = now.wall_s() - job.started_s;
        Some(SaveOutcome { ok: false, background: job.background, dirty_saved: 0 })
    }

    /// Gives up whatever save is in progress since the process ends at once (`rdbRemoveTempFile`).
    pub fn abandon(&mut self, out: &mut Outbox) {
        if let Some(job) = self.job.take() {
            out.disk(DiskRequest::Remove { path: job.file.path().clone() });
        }
    }

    /// Takes the result of a disk operation; Some when a save has ended. `dir` is the working directory as error messages
    /// show it.
    pub fn on_disk(
        &mut self,
        now: Now,
        op: OpId,
        result: &DiskResult,
        dir: &str,
        out: &mut Outbox,
    ) -> Option<SaveOutcome> {
        let job = self.job.as_mut()?;
        let temp = job.file.path().clone();
        let failure = if let Some(last_steps) = &mut job.last_steps {
            match last_steps.on_disk(op, result, out)? {
                Ok(()) => return self.succeed(now, out),
                Err((LastSteps::Rename, error)) => {
                    let to = &job.final_path;
                    format!(
                        "Error moving temp DB file {temp} on the final destination {to} (in server root dir {dir}): {}",
                        error.strerror()
                    )
                }
                Err((LastSteps::FsyncDir, error)) => write_error("fsyncFileDir", error),
            }
        } else {
            match job.file.on_disk(op, result, out)? {
                Ok(_) => {
                    let to = job.final_path.as_str();
                    let steps = [
                        (LastSteps::Rename, DiskRequest::Rename { from: temp, to: to.into() }),
                        (LastSteps::FsyncDir, DiskRequest::FsyncDir { path: folder_of(to) }),
                    ];
                    job.last_steps = Some(Sequence::start(steps, out));
                    return None;
                }
                Err((FileStep::Open, error)) => format!(
                    "Failed opening the temp RDB file {temp} (in server root dir {dir}) for saving: {}",
                    error.strerror()
                ),
                Err((FileStep::Write, error)) => write_error("rdbSaveRio", error),
                Err((FileStep::Fsync, error)) => write_error("fsync", error),
            }
        };
        out.warning(failure);
        out.disk(DiskRequest::Remove { path: temp });
        self.end(now, false, out)
    }

    fn succeed(&mut self, now: Now, out: &mut Outbox) -> Option<SaveOutcome> {
        out.notice("DB saved on disk");
        self.last_save_s = now.wall_s();
        self.end(now, true, out)
    }

    fn end(&mut self, now: Now, ok: bool, out: &mut Outbox) -> Option<SaveOutcome> {
        let job = self.job.take()?;
        if job.background {
            self.last_duration_s = now.wall_s() - job.started_s;
            if ok {
                out.notice("Background saving terminated with success");
            } else {
                out.warning("Background saving error");
            }
            self.last_ok = ok;
        } else if ok {
            self.last_ok = true;
        }
        out.event(Event::Saved { kind: SaveKind::Rdb, ok });
        Some(SaveOutcome {
            ok,
            background: job.background,
            dirty_saved: if ok { job.dirty_before } else { 0 },
        })
    }
}

fn write_error(step: &str, error: DiskError) -> String {
    format!("Write error saving DB on disk({step}): {}", error.strerror())
}

/// The log line with which a save point starts a BGSAVE.
pub fn save_point_log(point: SavePoint) -> String {
    format!("{} changes in {} seconds. Saving...", point.changes, point.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::testing::TestDisk;
    use std::rc::Rc;

    type TestSaves = Saves<Rc<[u8]>>;

    fn at(seconds: u64) -> Now {
        Now { mono_us: seconds * 1_000_000, wall_us: seconds * 1_000_000 }
    }

    fn run(saves: &mut TestSaves, disk: &mut TestDisk, out: &mut Outbox, now: Now) -> Option<SaveOutcome> {
        let mut outcome = None;
        loop {
            while saves.wants_step() {
                saves.step(out);
            }
            disk.take(out);
            let Some((op, result)) = disk.one() else { return outcome };
            outcome = outcome.or(saves.on_disk(now, op, &result, "/data", out));
        }
    }

    #[test]
    fn bgsave_writes_renames_and_makes_durable() {
        let (mut out, mut disk, config) = (Outbox::new(), TestDisk::default(), Config::default());
        let mut saves = TestSaves::new(at(100));
        saves.start_background(at(101), &config, (*b"REDIS").into(), 7, 42, &mut out);
        assert!(saves.in_background() && !saves.blocks());
        let outcome = run(&mut saves, &mut disk, &mut out, at(103));
        assert_eq!(outcome, Some(SaveOutcome { ok: true, background: true, dirty_saved: 7 }));
        assert_eq!(
            disk.done,
            [
                "create temp-42.rdb",
                "append temp-42.rdb 5",
                "fsync temp-42.rdb",
                "rename temp-42.rdb dump.rdb",
                "fsyncdir ."
            ]
        );
        assert_eq!(
            disk.logs,
            [
                "Background saving started by pid 42",
                "DB saved on disk",
                "Background saving terminated with success"
            ]
        );
        assert_eq!(
            (saves.last_save_s, saves.last_try_s, saves.last_duration_s, saves.last_ok),
            (103, 101, 2, true)
        );
    }

    #[test]
    fn a_failure_stops_writes_and_is_retried_after_five_seconds() {
        let (mut out, config) = (Outbox::new(), Config::default());
        let mut disk =
            TestDisk { failing: vec![("append".into(), DiskError::NoSpace)], ..TestDisk::default() };
        let mut saves = TestSaves::new(at(0));
        saves.start_background(at(100), &config, (*b"REDIS").into(), 7, 42, &mut out);
        let outcome = run(&mut saves, &mut disk, &mut out, at(101));
        assert_eq!(outcome, Some(SaveOutcome { ok: false, background: true, dirty_saved: 0 }));
        assert_eq!(disk.logs[1], "Write error saving DB on disk(rdbSaveRio): No space left on device");
        assert_eq!(disk.logs[2], "Background saving error");
        assert_eq!(disk.done.last().unwrap(), "remove temp-42.rdb");
        assert!(saves.stops_writes(&config));
        let point = SavePoint { seconds: 60, changes: 10000 };
        assert_eq!(saves.due(at(105), &config, 10000), None);
        assert_eq!(saves.due(at(106), &config, 9999), None);
        assert_eq!(saves.due(at(106), &config, 10000), Some(point));
        assert_eq!(save_point_log(point), "10000 changes in 60 seconds. Saving...");
    }

    #[test]
    fn save_blocks_and_leaves_the_background_status_alone_when_it_fails() {
        let (mut out, config) = (Outbox::new(), Config::default());
        let mut disk = TestDisk { failing: vec![("rename".into(), DiskError::Io)], ..TestDisk::default() };
        let mut saves = TestSaves::new(at(0));
        saves.start_foreground(at(1), &config, (*b"REDIS").into(), 3, 42, &mut out);
        assert!(saves.blocks());
        let outcome = run(&mut saves, &mut disk, &mut out, at(1));
        assert_eq!(outcome, Some(SaveOutcome { ok: false, background: false, dirty_saved: 0 }));
        assert_eq!(
            disk.logs,
            [
                "Error moving temp DB file temp-42.rdb on the final destination dump.rdb (in server root dir /data): \
              Input/output error"
            ]
        );
        assert!(saves.last_ok && !saves.blocks());
    }

    #[test]
    fn an_aborted_save_is_no_failure() {
        let (mut out, config) = (Outbox::new(), Config::default());
        let mut saves = TestSaves::new(at(0));
        saves.start_background(at(1), &config, (*b"REDIS").into(), 3, 42, &mut out);
        assert!(saves.abort(at(2), &mut out).is_some());
        assert!(saves.last_ok && !saves.in_background());
        let mut disk = TestDisk::default();
        assert_eq!(run(&mut saves, &mut disk, &mut out, at(3)), None, "late results are ignored");
        assert!(!disk.files.contains_key("temp-42.rdb"));
    }
}
