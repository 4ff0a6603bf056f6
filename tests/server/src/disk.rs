//! The disk of a node: files of a real directory.
//!
//! Where Redis does disk work in its main thread, so does this: reads while loading, writes of the AOF, renames. Where it leaves
//! the work to a bio thread or a forked child, a helper thread does it here: every fsync, and large writes (a snapshot's). The boundary asks
//! that operations on one file take effect in order; so, once a file has work waiting at the helper, whatever else is asked of
//! that file goes there too, in order, with one exception: an append need not wait for an fsync before it, as a write after an fsync
//! cannot undo it, and AOF writes must go on while an fsync runs.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use vitrine_core::host::{DiskError, DiskReply, DiskRequest, OpId};

/// Appends of at least this many bytes are bulk: the helper thread does them.
const BULK_LEN_MIN: usize = 64 << 10;
/// How many files are kept open for appending.
const OPEN_FILES_MAX: usize = 16;

/// The result of an operation.
pub type DiskResult = Result<DiskReply, DiskError>;

/// A result that may cross threads.
enum Reply {
    Done,
    Bytes(Vec<u8>),
    Size(u64),
    Names(Vec<String>),
    Written(u64),
}

impl From<Reply> for DiskReply {
    fn from(reply: Reply) -> DiskReply {
        match reply {
            Reply::Done => DiskReply::Done,
            Reply::Bytes(bytes) => DiskReply::Bytes(bytes.into()),
            Reply::Size(size) => DiskReply::Size(size),
            Reply::Names(names) => DiskReply::Names(names),
            Reply::Written(len) => DiskReply::Written(len),
        }
    }
}

/// Executes the node's disk operations.
pub struct Disk {
    dir: PathBuf,
    /// Files open for appending.
    open: HashMap<PathBuf, Arc<File>>,
    /// Files whose lock is held.
    locks: HashMap<PathBuf, File>,
    /// Files that have work waiting at the helper.
    waiting: HashMap<PathBuf, Waiting>,
    jobs: Option<Sender<Job>>,
    done: Receiver<Finished>,
    helper: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Waiting {
    jobs: u32,
    /// Jobs other than fsyncs: an append must wait for these.
    ordered: u32,
}

struct Job {
    op: OpId,
    paths: Vec<PathBuf>,
    work: Work,
}

struct Finished {
    op: OpId,
    paths: Vec<PathBuf>,
    fsync: bool,
    result: Result<Reply, DiskError>,
}

/// An operation without anything that belongs to the loop's thread.
enum Work {
    /// Without an open file, the file is opened when its turn comes.
    Append(Option<Arc<File>>, Vec<u8>),
    Fsync(Option<Arc<File>>),
    Other(Plain),
}

/// The operations that need no open file kept.
enum Plain {
    Read { offset: u64, len_max: u32 },
    Stat,
    List,
    Create,
    WriteAt { offset: u64, bytes: Vec<u8> },
    Truncate { len: u64 },
    Rename,
    FsyncDir,
    Remove,
    Mkdir,
}

impl Disk {
    /// A disk in a directory; `wake` is called, from the helper thread, when a result is ready for [`Disk::finished`].
    pub fn new(dir: PathBuf, wake: impl Fn() + Send + 'static) -> io::Result<Disk> {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, done) = channel();
        let helper = std::thread::Builder::new().name("disk".to_string()).spawn(move || {
            for job in inbox {
                let fsync = matches!(job.work, Work::Fsync(_));
                let result = job.work.run(&job.paths);
                if outbox.send(Finished { op: job.op, paths: job.paths, fsync, result }).is_err() {
                    return;
                }
                wake();
            }
        })?;
        Ok(Disk {
            dir,
            open: HashMap::new(),
            locks: HashMap::new(),
            waiting: HashMap::new(),
            jobs: Some(jobs),
            done,
            helper: Some(helper),
        })
    }

    /// Executes an operation at once and gives its result, or hands it to the helper and gives `None`.
    pub fn request(&mut self, op: OpId, request: &DiskRequest) -> Option<DiskResult> {
        let (paths, work) = match self.work(request) {
            Ok(work) => work,
            Err(error) => return Some(Err(disk_error(&error))),
        };
        let Some(work) = work else { return Some(self.lock(&paths[0])) };
        let append = matches!(work, Work::Append(..));
        let must_wait = paths.iter().filter_map(|p| self.waiting.get(p)).any(|w| !append || w.ordered > 0);
        let bulk = match &work {
            Work::Append(_, bytes) => bytes.len() >= BULK_LEN_MIN,
            Work::Fsync(_) | Work::Other(Plain::FsyncDir) => true,
            Work::Other(_) => false,
        };
        if !must_wait && !bulk {
            return Some(work.run(&paths).map(DiskReply::from));
        }
        let fsync = matches!(work, Work::Fsync(_));
        for path in &paths {
            let waiting = self.waiting.entry(path.clone()).or_default();
            waiting.jobs += 1;
            waiting.ordered += u32::from(!fsync);
        }
        match self.jobs.as_ref().map(|jobs| jobs.send(Job { op, paths, work })) {
            Some(Ok(())) => None,
            _ => Some(Err(DiskError::Io)),
        }
    }

    /// The next result of the helper.
    pub fn finished(&mut self) -> Option<(OpId, DiskResult)> {
        let Finished { op, paths, fsync, result } = self.done.try_recv().ok()?;
        for path in &paths {
            if let Some(waiting) = self.waiting.get_mut(path) {
                waiting.jobs -= 1;
                waiting.ordered -= u32::from(!fsync);
                if waiting.jobs == 0 {
                    self.waiting.remove(path);
                }
            }
        }
        Some((op, result.map(DiskReply::from)))
    }

    /// Waits until the helper has done all it was given.
    pub fn shut_down(&mut self) {
        self.jobs = None;
        if let Some(helper) = self.helper.take() {
            let _ = helper.join();
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// What an operation comes to, and which paths it touches; no work means a lock.
    fn work(&mut self, request: &DiskRequest) -> io::Result<(Vec<PathBuf>, Option<Work>)> {
        let one = |this: &Disk, path: &str, plain| (vec![this.path(path)], Some(Work::Other(plain)));
        Ok(match request {
            DiskRequest::Append { path, bytes } => {
                let path = self.path(path);
                let file = self.appender(&path)?;
                (vec![path], Some(Work::Append(file, bytes.to_vec())))
            }
            DiskRequest::Fsync { path } => {
                let path = self.path(path);
                let file = self.open.get(&path).cloned();
                (vec![path], Some(Work::Fsync(file)))
            }
            DiskRequest::Read { path, offset, len_max } => {
                one(self, path, Plain::Read { offset: *offset, len_max: *len_max })
            }
            DiskRequest::Stat { path } => one(self, path, Plain::Stat),
            DiskRequest::List { path } => one(self, path, Plain::List),
            DiskRequest::Create { path } => {
                self.open.remove(&self.path(path));
                one(self, path, Plain::Create)
            }
            DiskRequest::WriteAt { path, offset, bytes } => {
                one(self, path, Plain::WriteAt { offset: *offset, bytes: bytes.to_vec() })
            }
            DiskRequest::Truncate { path, len } => one(self, path, Plain::Truncate { len: *len }),
            DiskRequest::Rename { from, to } => {
                let (from, to) = (self.path(from), self.path(to));
                self.open.remove(&to);
                if let Some(file) = self.open.remove(&from) {
                    self.open.insert(to.clone(), file);
                }
                (vec![from, to], Some(Work::Other(Plain::Rename)))
            }
            DiskRequest::FsyncDir { path } => one(self, path, Plain::FsyncDir),
            DiskRequest::Remove { path } => {
                self.open.remove(&self.path(path));
                one(self, path, Plain::Remove)
            }
            DiskRequest::Mkdir { path } => one(self, path, Plain::Mkdir),
            DiskRequest::Lock { path } => (vec![self.path(path)], None),
        })
    }

    fn appender(&mut self, path: &Path) -> io::Result<Option<Arc<File>>> {
        if let Some(file) = self.open.get(path) {
            return Ok(Some(file.clone()));
        }
        if self.waiting.get(path).is_some_and(|w| w.ordered > 0) {
            // What has this name now may be renamed or removed before the append's turn.
            return Ok(None);
        }
        let file = Arc::new(OpenOptions::new().append(true).create(true).open(path)?);
        if self.open.len() >= OPEN_FILES_MAX {
            self.open.clear();
        }
        self.open.insert(path.to_path_buf(), file.clone());
        Ok(Some(file))
    }

    fn lock(&mut self, path: &Path) -> DiskResult {
        if self.locks.contains_key(path) {
            return Ok(DiskReply::Done);
        }
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|e| disk_error(&e))?;
        file.try_lock().map_err(|_| DiskError::Exists)?;
        self.locks.insert(path.to_path_buf(), file);
        Ok(DiskReply::Done)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Work {
    fn run(self, paths: &[PathBuf]) -> Result<Reply, DiskError> {
        let path = &paths[0];
        match self {
            Work::Append(Some(file), bytes) => append(&file, &bytes),
            Work::Append(None, bytes) => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                append(&file.map_err(|e| disk_error(&e))?, &bytes)
            }
            Work::Fsync(Some(file)) => file.sync_data().map(|()| Reply::Done).map_err(|e| disk_error(&e)),
            Work::Fsync(None) => {
                File::open(path).and_then(|f| f.sync_data()).map(|()| Reply::Done).map_err(|e| disk_error(&e))
            }
            Work::Other(plain) => plain.run(path, paths.get(1)).map_err(|e| disk_error(&e)),
        }
    }
}

/// Writes all or as much as there is room for.
fn append(mut file: &File, bytes: &[u8]) -> Result<Reply, DiskError> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(n) => written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if written == 0 => return Err(disk_error(&e)),
            Err(_) => break,
        }
    }
    Ok(Reply::Written(written as u64))
}

impl Plain {
    fn run(self, path: &Path, to: Option<&PathBuf>) -> io::Result<Reply> {
        match self {
            Plain::Read { offset, len_max } => {
                let file = File::open(path)?;
                let mut bytes = vec![0; len_max as usize];
                let mut len = 0;
                while len < bytes.len() {
                    match file.read_at(&mut bytes[len..], offset + len as u64) {
                        Ok(0) => break,
                        Ok(n) => len += n,
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => return Err(e),
                    }
                }
                bytes.truncate(len);
                return Ok(Reply::Bytes(bytes));
            }
            Plain::Stat => return Ok(Reply::Size(std::fs::metadata(path)?.len())),
            Plain::List => {
                let mut names = Vec::new();
                for entry in std::fs::read_dir(path)? {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
                names.sort();
                return Ok(Reply::Names(names));
            }
            Plain::Create => drop(File::create(path)?),
            Plain::WriteAt { offset, bytes } => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?
                .write_all_at(&bytes, offset)?,
            Plain::Truncate { len } => OpenOptions::new().write(true).open(path)?.set_len(len)?,
            Plain::Rename => std::fs::rename(path, to.map_or(path, PathBuf::as_path))?,
            Plain::FsyncDir => File::open(path)?.sync_all()?,
            Plain::Remove => std::fs::remove_file(path)?,
            Plain::Mkdir => match std::fs::create_dir(path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                other => other?,
            },
        }
        Ok(Reply::Done)
    }
}

fn disk_error(error: &io::Error) -> DiskError {
    match error.kind() {
        io::ErrorKind::NotFound => DiskError::NotFound,
        io::ErrorKind::PermissionDenied => DiskError::Permission,
        io::ErrorKind::AlreadyExists => DiskError::Exists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskError::NoSpace,
        io::ErrorKind::ReadOnlyFilesystem => DiskError::ReadOnly,
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => DiskError::BadPath,
        _ => DiskError::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Temp {
            let dir = std::env::temp_dir().join(format!("vitrine-disk-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            Temp(dir)
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn append_of(path: &str, len: usize, byte: u8) -> DiskRequest {
        DiskRequest::Append { path: path.into(), bytes: Rc::from(vec![byte; len]) }
    }

    /// Asks for all and waits for all; the results in the order of asking.
    fn carry_out(disk: &mut Disk, requests: &[DiskRequest]) -> Vec<DiskResult> {
        let mut results: Vec<Option<DiskResult>> =
            requests.iter().enumerate().map(|(i, request)| disk.request(OpId(i as u64), request)).collect();
        while results.iter().any(Option::is_none) {
            if let Some((op, result)) = disk.finished() {
                results[op.0 as usize] = Some(result);
            }
            std::thread::yield_now();
        }
        results.into_iter().flatten().collect()
    }

    #[test]
    fn operations_on_a_file_take_effect_in_order() {
        let dir = Temp::new("order");
        let mut disk = Disk::new(dir.0.clone(), || ()).unwrap();
        let name = |s: &str| -> Rc<str> { s.into() };
        let results = carry_out(
            &mut disk,
            &[
                append_of("t", 200 << 10, b'a'),
                append_of("t", 3, b'b'),
                DiskRequest::Fsync { path: name("t") },
                DiskRequest::Rename { from: name("t"), to: name("d") },
                DiskRequest::FsyncDir { path: name(".") },
                append_of("t", 1, b'c'),
                append_of("d", 2, b'd'),
                DiskRequest::Stat { path: name("d") },
                DiskRequest::Read { path: name("d"), offset: (200 << 10) + 1, len_max: 100 },
                DiskRequest::Stat { path: name("t") },
                DiskRequest::List { path: name(".") },
            ],
        );
        assert_eq!(results[0], Ok(DiskReply::Written(200 << 10)));
        assert_eq!(results[7], Ok(DiskReply::Size((200 << 10) + 5)));
        assert_eq!(results[8], Ok(DiskReply::Bytes(Rc::from(&b"bbdd"[..]))));
        assert_eq!(results[9], Ok(DiskReply::Size(1)));
        assert_eq!(results[10], Ok(DiskReply::Names(vec!["d".into(), "t".into()])));
    }

    #[test]
    fn errors_are_those_of_the_boundary() {
        let dir = Temp::new("errors");
        let mut disk = Disk::new(dir.0.clone(), || ()).unwrap();
        let results = carry_out(
            &mut disk,
            &[
                DiskRequest::Stat { path: "none".into() },
                DiskRequest::Fsync { path: "none".into() },
                append_of("none/file", 1, 0),
                DiskRequest::Mkdir { path: "folder".into() },
                DiskRequest::Mkdir { path: "folder".into() },
                DiskRequest::Lock { path: "nodes.conf".into() },
            ],
        );
        assert_eq!(results[..3], [const { Err(DiskError::NotFound) }; 3]);
        assert_eq!(results[3..], [const { Ok(DiskReply::Done) }; 3]);
        let mut other = Disk::new(dir.0.clone(), || ()).unwrap();
        assert_eq!(
            carry_out(&mut other, &[DiskRequest::Lock { path: "nodes.conf".into() }]),
            [Err(DiskError::Exists)]
        );
    }
}
