//! How the machines of this folder speak to the outside: an [`Outbox`] that collects what they want done, and a
//! [`Sequence`] for the chains of disk operations of which each may begin only when the one before has succeeded.

use crate::event::Event;
use crate::host::{DiskError, DiskReply, DiskRequest, LogLevel, OpId, Output};
use std::collections::VecDeque;
use std::rc::Rc;

/// What the result of a disk operation looks like.
pub type DiskResult = Result<DiskReply, DiskError>;

/// Collects outputs, and numbers the disk operations among them. A node has one for everything it does, so that numbers
/// are never used twice and log lines, operations and an exit leave in the order in which they were decided.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// What is to be done, oldest first.
    pub outputs: VecDeque<Output>,
    last_op: u64,
    exiting: bool,
}

impl Outbox {
    /// An empty outbox; the first operation gets number 1.
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// Asks for a disk operation. The number comes back with its result.
    pub fn disk(&mut self, request: DiskRequest) -> OpId {
        self.last_op += 1;
        let op = OpId(self.last_op);
        self.outputs.push_back(Output::Disk { op, request });
        op
    }

    /// Writes a line to the log.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.outputs.push_back(Output::Log { level, text: text.into() });
    }

    /// Writes a line of level notice to the log.
    pub fn notice(&mut self, text: impl Into<String>) {
        self.log(LogLevel::Notice, text);
    }

    /// Writes a line of level warning to the log.
    pub fn warning(&mut self, text: impl Into<String>) {
        self.log(LogLevel::Warning, text);
    }

    /// Tells observers of a fact.
    pub fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Ends the process, once.
    pub fn exit(&mut self, code: i32) {
        if !self.exiting {
            self.exiting = true;
            self.outputs.push_back(Output::Exit { code });
        }
    }

    /// Whether [`Outbox::exit`] was called: the node must do nothing more.
    pub fn exiting(&self) -> bool {
        self.exiting
    }
}

/// Disk operations of which each begins when the one before has succeeded. Each carries a mark `T` that says what it is,
/// for the log line if it fails.
#[derive(Clone, Debug)]
pub struct Sequence<T> {
    steps: VecDeque<(T, DiskRequest)>,
    current: Option<(OpId, T, u64)>,
}

impl<T> Sequence<T> {
    /// Starts with the first of `steps`. An empty sequence is over at once.
    pub fn start(steps: impl IntoIterator<Item = (T, DiskRequest)>, out: &mut Outbox) -> Sequence<T> {
        let mut sequence = Sequence { steps: steps.into_iter().collect(), current: None };
        sequence.go_on(out);
        sequence
    }

    fn go_on(&mut self, out: &mut Outbox) {
        self.current = self.steps.pop_front().map(|(mark, request)| {
            let len = if let DiskRequest::Append { bytes, .. } = &request { bytes.len() as u64 } else { 0 };
            (out.disk(request), mark, len)
        });
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        self.current.is_none()
    }

    /// Whether an operation is the one that this sequence waits for.
    pub fn owns(&self, op: OpId) -> bool {
        self.current.as_ref().is_some_and(|(current, ..)| *current == op)
    }

    /// Takes the result of an operation; None if it is not one of this sequence or there is more to come. The first
    /// failure ends the sequence. A write that the disk had no room for in full fails with [`DiskError::NoSpace`].
    pub fn on_disk(
        &mut self,
        op: OpId,
        result: &DiskResult,
        out: &mut Outbox,
    ) -> Option<Result<(), (T, DiskError)>> {
        let (_, mark, len) = self.current.take_if(|(current, ..)| *current == op)?;
        let error = match result {
            Err(error) => Some(*error),
            Ok(DiskReply::Written(written)) if *written < len => Some(DiskError::NoSpace),
            Ok(_) => None,
        };
        if let Some(error) = error {
            self.steps.clear();
            return Some(Err((mark, error)));
        }
        self.go_on(out);
        self.is_over().then_some(Ok(()))
    }
}

/// The path of a file in a folder, as `makePath` (util.c 7.0.15) gives it.
pub fn join(folder: &str, file: &str) -> Rc<str> {
    format!("{folder}/{file}").into()
}

/// The folder that a path is in: `.` if it names none.
pub fn folder_of(path: &str) -> Rc<str> {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".into(),
        Some((folder, _)) => folder.into(),
        None => ".".into(),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A disk in memory for the tests of this folder: carries operations out at once, or fails them when told to.

    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default)]
    pub struct TestDisk {
        pub files: BTreeMap<String, Vec<u8>>,
        pub folders: Vec<String>,
        /// Operations whose description contains the text fail with the error, as long as the entry is there.
        pub failing: Vec<(String, DiskError)>,
        /// Bytes that still fit.
        pub room: Option<usize>,
        pub done: Vec<String>,
        pub logs: Vec<String>,
        pub exit: Option<i32>,
        /// Operations taken from the outbox and not carried out yet.
        pub waiting: VecDeque<(OpId, DiskRequest)>,
    }

    impl TestDisk {
        pub fn describe(request: &DiskRequest) -> String {
            match request {
                DiskRequest::Read { path, offset, .. } => format!("read {path} {offset}"),
                DiskRequest::Stat { path } => format!("stat {path}"),
                DiskRequest::List { path } => format!("list {path}"),
                DiskRequest::Create { path } => format!("create {path}"),
                DiskRequest::Append { path, bytes } => format!("append {path} {}", bytes.len()),
                DiskRequest::WriteAt { path, .. } => format!("write {path}"),
                DiskRequest::Truncate { path, len } => format!("truncate {path} {len}"),
                DiskRequest::Fsync { path } => format!("fsync {path}"),
                DiskRequest::Rename { from, to } => format!("rename {from} {to}"),
                DiskRequest::FsyncDir { path } => format!("fsyncdir {path}"),
                DiskRequest::Remove { path } => format!("remove {path}"),
                DiskRequest::Mkdir { path } => format!("mkdir {path}"),
                DiskRequest::Lock { path } => format!("lock {path}"),
            }
        }

        /// Moves what the outbox holds into this disk's queue, log and exit code.
        pub fn take(&mut self, out: &mut Outbox) {
            for output in out.outputs.drain(..) {
                match output {
                    Output::Disk { op, request } => self.waiting.push_back((op, request)),
                    Output::Log { text, .. } => self.logs.push(text),
                    Output::Exit { code } => self.exit = Some(code),
                    _ => {}
                }
            }
        }

        /// Carries out the oldest operation.
        pub fn one(&mut self) -> Option<(OpId, DiskResult)> {
            let (op, request) = self.waiting.pop_front()?;
            let what = Self::describe(&request);
            let failure = self.failing.iter().find(|(text, _)| what.contains(text.as_str())).map(|f| f.1);
            let result = match failure {
                Some(error) => Err(error),
                None => self.carry_out(request),
            };
            self.done.push(what);
            Some((op, result))
        }

        fn carry_out(&mut self, request: DiskRequest) -> DiskResult {
            let missing = DiskError::NotFound;
            match request {
                DiskRequest::Read { path, offset, len_max } => {
                    let file = self.files.get(&*path).ok_or(missing)?;
                    let from = (offset as usize).min(file.len());
                    let until = (from + len_max as usize).min(file.len());
                    Ok(DiskReply::Bytes(file[from..until].into()))
                }
                DiskRequest::Stat { path } => {
                    Ok(DiskReply::Size(self.files.get(&*path).ok_or(missing)?.len() as u64))
                }
                DiskRequest::List { path } => {
                    if !self.folders.contains(&path.to_string()) {
                        return Err(missing);
                    }
                    let prefix = format!("{path}/");
                    let names = self.files.keys().filter_map(|f| f.strip_prefix(&prefix).map(String::from));
                    Ok(DiskReply::Names(names.collect()))
                }
                DiskRequest::Create { path } => {
                    self.files.insert(path.to_string(), Vec::new());
                    Ok(DiskReply::Done)
                }
                DiskRequest::Append { path, bytes } => {
                    let fits = self.room.map_or(bytes.len(), |room| room.min(bytes.len()));
                    if fits == 0 && !bytes.is_empty() {
                        return Err(DiskError::NoSpace);
                    }
                    if let Some(room) = &mut self.room {
                        *room -= fits;
                    }
                    self.files.entry(path.to_string()).or_default().extend_from_slice(&bytes[..fits]);
                    Ok(DiskReply::Written(fits as u64))
                }
                DiskRequest::Truncate { path, len } => {
                    self.files.get_mut(&*path).ok_or(missing)?.truncate(len as usize);
                    Ok(DiskReply::Done)
                }
                DiskRequest::Fsync { path } => self.files.get(&*path).map(|_| DiskReply::Done).ok_or(missing),
                DiskRequest::Rename { from, to } => {
                    let file = self.files.remove(&*from).ok_or(missing)?;
                    self.files.insert(to.to_string(), file);
                    Ok(DiskReply::Done)
                }
                DiskRequest::Remove { path } => {
                    self.files.remove(&*path).map(|_| DiskReply::Done).ok_or(missing)
                }
                DiskRequest::Mkdir { path } => {
                    self.folders.push(path.to_string());
                    Ok(DiskReply::Done)
                }
                DiskRequest::WriteAt { .. } | DiskRequest::FsyncDir { .. } | DiskRequest::Lock { .. } => {
                    Ok(DiskReply::Done)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::TestDisk;
    use super::*;

    #[test]
    fn a_sequence_stops_at_the_first_failure() {
        let steps = || {
            [
                ("create", DiskRequest::Create { path: "a".into() }),
                ("write", DiskRequest::Append { path: "a".into(), bytes: (*b"12345").into() }),
                ("rename", DiskRequest::Rename { from: "a".into(), to: "b".into() }),
            ]
        };
        for (room, expected, done) in [
            (None, Ok(()), vec!["create a", "append a 5", "rename a b"]),
            (Some(3), Err(("write", DiskError::NoSpace)), vec!["create a", "append a 5"]),
        ] {
            let mut out = Outbox::new();
            let mut disk = TestDisk { room, ..TestDisk::default() };
            let mut sequence = Sequence::start(steps(), &mut out);
            let mut ended = None;
            disk.take(&mut out);
            while let Some((op, result)) = disk.one() {
                assert_eq!(sequence.on_disk(OpId(op.0 + 100), &result, &mut out), None, "not its own");
                ended = sequence.on_disk(op, &result, &mut out);
                disk.take(&mut out);
            }
            assert_eq!(ended, Some(expected));
            assert_eq!(disk.done, done);
            assert!(sequence.is_over());
        }
    }

    #[test]
    fn folders() {
        assert_eq!(&*folder_of("dump.rdb"), ".");
        assert_eq!(&*folder_of("/dump.rdb"), "/");
        assert_eq!(&*folder_of("appendonlydir/x"), "appendonlydir");
        assert_eq!(&*join("a", "b"), "a/b");
    }
}
