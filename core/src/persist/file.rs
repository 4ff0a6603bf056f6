//! Writes a snapshot to a file in the background: creates it, appends slices with a bound on how many bytes are on their
//! way, and makes it durable. What Redis does in a forked child, between `fopen` and `fclose`.
//!
//! The slices are made one at a time, when the node has a moment ([`FileJob::step`]), so that serving clients goes on; the
//! snapshot itself was taken when the job began and does not change.

use super::disk::{DiskResult, Outbox};
use crate::host::limits::{SNAPSHOT_IN_FLIGHT_MAX, SNAPSHOT_SLICE_LEN};
use crate::host::{DiskError, DiskReply, DiskRequest, OpId};
use std::collections::VecDeque;
use std::rc::Rc;

/// Where the bytes of a file come from.
pub trait Source: Clone {
    /// Appends about `len` more bytes to `out`, at least one unless there are none left, and says whether there are more.
    fn fill(&mut self, len: usize, out: &mut Vec<u8>) -> bool;

    /// How many keys the bytes so far hold, where that is known.
    fn keys(&self) -> u64 {
        0
    }
}

/// What a step has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Keys encoded.
    pub keys: u64,
    /// Bytes encoded.
    pub bytes: u64,
}

impl std::ops::AddAssign for Made {
    fn add_assign(&mut self, more: Made) {
        self.keys += more.keys;
        self.bytes += more.bytes;
    }
}

/// A file whose content is known from the beginning.
impl Source for Rc<[u8]> {
    fn fill(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(self);
        false
    }
}

/// The step at which a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
    /// Creating the file.
    Open,
    /// Writing it.
    Write,
    /// Making it durable.
    Fsync,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Creating(OpId),
    Writing,
    Syncing(OpId),
    Over,
}

/// A file being written.
#[derive(Clone, Debug)]
pub struct FileJob<S> {
    path: Rc<str>,
    /// None once everything has been handed to the disk.
    source: Option<S>,
    phase: Phase,
    in_flight: VecDeque<(OpId, usize)>,
    in_flight_bytes: usize,
    handed_over: u64,
}

impl<S: Source> FileJob<S> {
    /// Creates the file (or empties the one that is there).
    pub fn start(path: Rc<str>, source: S, out: &mut Outbox) -> FileJob<S> {
        let op = out.disk(DiskRequest::Create { path: path.clone() });
        FileJob {
            path,
            source: Some(source),
            phase: Phase::Creating(op),
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            handed_over: 0,
        }
    }

    /// The file.
    pub fn path(&self) -> &Rc<str> {
        &self.path
    }

    /// Whether [`FileJob::step`] has something to do now: bytes to make and room for them on the way to the disk.
    pub fn wants_step(&self) -> bool {
        self.phase == Phase::Writing
            && self.source.is_some()
            && self.in_flight_bytes + SNAPSHOT_SLICE_LEN <= SNAPSHOT_IN_FLIGHT_MAX
    }

    /// Makes one slice and hands it to the disk.
    pub fn step(&mut self, out: &mut Outbox) -> Made {
        if !self.wants_step() {
            return Made::default();
        }
        let Some(source) = &mut self.source else { return Made::default() };
        let keys_before = source.keys();
        let mut slice = Vec::with_capacity(SNAPSHOT_SLICE_LEN);
        let more = source.fill(SNAPSHOT_SLICE_LEN, &mut slice);
        let made = Made { keys: source.keys() - keys_before, bytes: slice.len() as u64 };
        if !more {
            self.source = None;
        }
        if slice.is_empty() {
            self.sync_if_written(out);
            return made;
        }
        let len = slice.len();
        self.handed_over += len as u64;
        self.in_flight_bytes += len;
        let op = out.disk(DiskRequest::Append { path: self.path.clone(), bytes: slice.into() });
        self.in_flight.push_back((op, len));
        made
    }

    fn sync_if_written(&mut self, out: &mut Outbox) {
        if self.source.is_none() && self.in_flight.is_empty() {
            self.phase = Phase::Syncing(out.disk(DiskRequest::Fsync { path: self.path.clone() }));
        }
    }

    /// Whether an operation is one of this job's that are under way.
    pub fn owns(&self, op: OpId) -> bool {
        match self.phase {
            Phase::Creating(one) | Phase::Syncing(one) => one == op,
            Phase::Writing => self.in_flight.iter().any(|(one, _)| *one == op),
            Phase::Over => false,
        }
    }

    /// Takes the result of a disk operation. Some, once: the file is complete and durable and has that many bytes, or the
    /// job failed (and the file is to be removed). None: not one of its operations, or there is more to come.
    pub fn on_disk(
        &mut self,
        op: OpId,
        result: &DiskResult,
        out: &mut Outbox,
    ) -> Option<Result<u64, (FileStep, DiskError)>> {
        match self.phase {
            Phase::Creating(create) if create == op => match result {
                Ok(_) => {
                    self.phase = Phase::Writing;
                    None
                }
                Err(error) => self.fail(FileStep::Open, *error),
            },
            Phase::Writing => {
                let at = self.in_flight.iter().position(|(one, _)| *one == op)?;
                let (_, len) = self.in_flight.remove(at)?;
                self.in_flight_bytes -= len;
                match result {
                    Ok(DiskReply::Written(written)) if *written < len as u64 => {
                        self.fail(FileStep::Write, DiskError::NoSpace)
                    }
                    Ok(_) => {
                        self.sync_if_written(out);
                        None
                    }
                    Err(error) => self.fail(FileStep::Write, *error),
                }
            }
            Phase::Syncing(fsync) if fsync == op => match result {
                Ok(_) => {
                    self.phase = Phase::Over;
                    Some(Ok(self.handed_over))
                }
                Err(error) => self.fail(FileStep::Fsync, *error),
            },
            _ => None,
        }
    }

    fn fail(&mut self, step: FileStep, error: DiskError) -> Option<Result<u64, (FileStep, DiskError)>> {
        self.phase = Phase::Over;
        self.source = None;
        Some(Err((step, error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::disk::testing::TestDisk;

    /// A source of so many bytes, in slices as asked for.
    #[derive(Clone)]
    struct Zeros(usize);

    impl Source for Zeros {
        fn fill(&mut self, len: usize, out: &mut Vec<u8>) -> bool {
            let len = len.min(self.0);
            out.resize(out.len() + len, 0);
            self.0 -= len;
            self.0 > 0
        }
    }

    #[test]
    fn no_more_than_the_limit_is_on_its_way() {
        let total = SNAPSHOT_IN_FLIGHT_MAX * 2 + 5;
        let (mut out, mut disk) = (Outbox::new(), TestDisk::default());
        let mut job = FileJob::start("f".into(), Zeros(total), &mut out);
        let mut ended = None;
        while ended.is_none() {
            while job.wants_step() {
                job.step(&mut out);
            }
            disk.take(&mut out);
            let on_the_way: usize = disk
                .waiting
                .iter()
                .map(|(_, r)| if let DiskRequest::Append { bytes, .. } = r { bytes.len() } else { 0 })
                .sum();
            assert!(on_the_way <= SNAPSHOT_IN_FLIGHT_MAX);
            let (op, result) = disk.one().unwrap();
            ended = job.on_disk(op, &result, &mut out);
        }
        assert_eq!(ended, Some(Ok(total as u64)));
        assert_eq!(disk.files["f"].len(), total);
        assert_eq!(disk.done.last().unwrap(), "fsync f");
    }

    #[test]
    fn a_full_disk_fails_the_job() {
        let (mut out, mut disk) =
            (Outbox::new(), TestDisk { room: Some(SNAPSHOT_SLICE_LEN + 7), ..TestDisk::default() });
        let mut job = FileJob::start("f".into(), Zeros(SNAPSHOT_SLICE_LEN * 3), &mut out);
        let mut ended = None;
        while ended.is_none() {
            job.step(&mut out);
            disk.take(&mut out);
            let (op, result) = disk.one().unwrap();
            ended = job.on_disk(op, &result, &mut out);
        }
        assert_eq!(ended, Some(Err((FileStep::Write, DiskError::NoSpace))));
        assert!(!job.wants_step());
    }

    #[test]
    fn an_empty_file_is_created_and_synced() {
        let (mut out, mut disk) = (Outbox::new(), TestDisk::default());
        let mut job = FileJob::<Rc<[u8]>>::start("f".into(), [].into(), &mut out);
        disk.take(&mut out);
        let mut ended = None;
        while let Some((op, result)) = disk.one() {
            ended = job.on_disk(op, &result, &mut out);
            job.step(&mut out);
            disk.take(&mut out);
        }
        assert_eq!(ended, Some(Ok(0)));
        assert_eq!(disk.done, ["create f", "fsync f"]);
    }
}
