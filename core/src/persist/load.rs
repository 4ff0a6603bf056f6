//! Loading the dataset when a node starts (`loadDataFromDisk`, server.c 7.0.15; `loadAppendOnlyFiles`, aof.c 7.0.15): from the
//! append-only file if it is on, else from the RDB file.
//!
//! The machine reads ahead one chunk and gives keys and commands one by one; the node applies them, at whatever pace lets
//! it answer `-LOADING` meanwhile. What is wrong with a file ends the process, after the log lines that Redis writes.

use super::aof::AofFiles;
use super::aof::manifest::{Manifest, ManifestStep};
use super::aof::reader::{Command, ReadError, Reader};
use super::disk::{DiskResult, Outbox, Sequence, join};
use super::rdb::reader::{RdbError, RdbItem, RdbReadOptions, RdbReader, RdbReplInfo};
use crate::config::Config;
use crate::host::limits::DISK_READ_LEN_MAX;
use crate::host::{DiskError, DiskReply, DiskRequest, LogLevel, Now, OpId};
use crate::store::Limits;
use std::collections::VecDeque;
use std::rc::Rc;

/// One thing to apply.
#[derive(Clone)]
pub enum LoadItem {
    /// A key, an expired key or a function library of an RDB file.
    Rdb(RdbItem),
    /// A file with commands begins: they start in database 0.
    CommandsBegin,
    /// A command to be executed. The commands of a transaction come one after the other, once all of it has been read.
    Command(Command),
}

/// What there is to do.
pub enum LoadStep {
    /// Apply this and ask again.
    Item(LoadItem),
    /// Wait for the disk.
    Wait,
    /// All is loaded.
    Done(Loaded),
    /// It could not be loaded; the log says why. At start-up the process ends.
    Failed,
}

/// What loading has found out beside the data.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The files of the append-only file; with its manifest alone if it was not loaded.
    pub aof: AofFiles,
    /// Whether an RDB file was loaded.
    pub rdb: bool,
    /// Where the RDB file stood in the replication stream.
    pub repl: RdbReplInfo,
}

/// What INFO shows while a node loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadProgress {
    /// `loading_start_time`, in seconds of the wall clock.
    pub start_s: i64,
    /// `loading_total_bytes`
    pub total_bytes: u64,
    /// `loading_rdb_used_mem`
    pub rdb_used_memory: u64,
    /// `loading_loaded_bytes`
    pub loaded_bytes: u64,
    /// `rdb_last_load_keys_loaded`
    pub keys_loaded: u64,
    /// `rdb_last_load_keys_expired`
    pub keys_expired: u64,
}

/// The steps of taking over an append-only file of the old kind, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    Mkdir,
    Manifest(ManifestStep),
    Move,
    SyncDir,
}

#[derive(Clone)]
enum Parser {
    /// The first bytes will tell what kind of file it is.
    Unknown(Vec<u8>),
    Rdb(Box<RdbReader>),
    Commands(Reader),
}

/// A file being read.
#[derive(Clone)]
struct FileRead {
    path: Rc<str>,
    /// The name as the log shows it.
    name: Rc<str>,
    /// Where the next read begins.
    offset: u64,
    op: Option<OpId>,
    ready: Option<Rc<[u8]>>,
    at_end: bool,
    parser: Parser,
    started_us: u64,
    /// The commands of a transaction that has begun and not ended, and where it began.
    transaction: Option<(Vec<Command>, u64)>,
}

#[derive(Clone)]
enum Stage {
    /// Looking into the folder of the append-only files.
    List(OpId),
    /// Reading the manifest.
    Manifest {
        op: OpId,
        text: Vec<u8>,
    },
    /// Looking for an append-only file of the old kind.
    StatOld(OpId),
    /// Taking it over.
    Upgrade(Sequence<Upgrade>),
    /// Asking for the sizes of the files.
    Sizes(OpId),
    /// Reading one of the files of the append-only file.
    Aof(Box<FileRead>),
    /// Cutting off the end of a file; where.
    Truncate {
        op: OpId,
        name: Rc<str>,
        started_us: u64,
        len: u64,
    },
    /// Asking for the size of the RDB file.
    StatRdb(OpId, Rc<str>),
    /// Reading the RDB file.
    Rdb(Box<FileRead>),
    Done,
    Failed,
}

/// See the module.
#[derive(Clone)]
pub struct Loader {
    config: Rc<Config>,
    limits: Limits,
    drop_expired: bool,
    exits: bool,
    stage: Stage,
    /// Names in the folder of the append-only files; None if there is no folder.
    names: Option<Vec<String>>,
    manifest: Manifest,
    /// Names and sizes of the files to load, in order, and how many of them are loaded.
    files: Vec<(Rc<str>, u64)>,
    current: usize,
    items: VecDeque<LoadItem>,
    progress: LoadProgress,
    /// Bytes of the files that are loaded.
    loaded_before: u64,
    started_us: u64,
    result: Loaded,
}

impl Loader {
    /// Starts loading what the configuration says. `limits` decides on encodings; a master leaves expired keys of an RDB
    /// file out.
    pub fn start(now: Now, config: Rc<Config>, limits: Limits, is_master: bool, out: &mut Outbox) -> Loader {
        let op = out.disk(DiskRequest::List { path: config.appenddirname.as_str().into() });
        Loader::new(now, config, limits, is_master, true, Stage::List(op))
    }

    /// Starts loading one RDB file: one that came from a master, or for DEBUG RELOAD. A bad file does not end the process.
    pub fn rdb_file(
        now: Now,
        config: Rc<Config>,
        limits: Limits,
        path: &str,
        drop_expired: bool,
        out: &mut Outbox,
    ) -> Loader {
        let op = out.disk(DiskRequest::Stat { path: path.into() });
        Loader::new(now, config, limits, drop_expired, false, Stage::StatRdb(op, path.into()))
    }

    fn new(
        now: Now,
        config: Rc<Config>,
        limits: Limits,
        drop_expired: bool,
        exits: bool,
        stage: Stage,
    ) -> Loader {
        Loader {
            config,
            limits,
            drop_expired,
            exits,
            stage,
            names: None,
            manifest: Manifest::default(),
            files: Vec::new(),
            current: 0,
            items: VecDeque::new(),
            progress: LoadProgress { start_s: now.wall_s(), ..LoadProgress::default() },
            loaded_before: 0,
            started_us: now.mono_us,
            result: Loaded::default(),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> LoadProgress {
        let mut progress = self.progress;
        if let Stage::Aof(file) | Stage::Rdb(file) = &self.stage {
            let (offset, used, counts) = match &file.parser {
                Parser::Unknown(_) => (0, 0, None),
                Parser::Rdb(reader) => (reader.offset(), reader.used_memory(), Some(reader.counts())),
                Parser::Commands(reader) => (reader.position(), 0, None),
            };
            progress.loaded_bytes = self.loaded_before + offset;
            progress.rdb_used_memory = progress.rdb_used_memory.max(used);
            if let Some((loaded, expired)) = counts {
                progress.keys_loaded = loaded;
                progress.keys_expired = expired;
            }
        }
        progress
    }

    /// The node knows no such command: the file is bad.
    pub fn unknown_command(&mut self, name: &[u8], out: &mut Outbox) {
        let file = if let Stage::Aof(file) = &self.stage { file.name.clone() } else { "".into() };
        let name = String::from_utf8_lossy(name);
        out.warning(format!("Unknown command '{name}' reading the append only file {file}"));
        self.fail(out);
    }

    /// A key of an RDB file is there already: the file is bad (`RDB has duplicated key`).
    pub fn duplicate_key(&mut self, db: usize, key: &[u8], out: &mut Outbox) {
        let key = String::from_utf8_lossy(key);
        out.warning(format!("RDB has duplicated key '{key}' in DB {db}"));
        self.fail(out);
    }

    fn fail(&mut self, out: &mut Outbox) {
        self.stage = Stage::Failed;
        self.items.clear();
        if self.exits {
            out.exit(1);
        }
    }

    // ------------------------------------------------------------------------------------------------------ disk operations

    /// Takes the result of a disk operation. Returns whether it was one of the loader's. Then ask for [`Loader::next_step`].
    pub fn on_disk(&mut self, now: Now, op: OpId, result: &DiskResult, out: &mut Outbox) -> bool {
        match &mut self.stage {
            Stage::List(list) if *list == op => match result {
                Ok(DiskReply::Names(names)) => self.listed(now, Some(names.clone()), out),
                Ok(_) => self.listed(now, Some(Vec::new()), out),
                Err(_) => self.listed(now, None, out),
            },
            Stage::Manifest { op: read, .. } if *read == op => self.manifest_read(now, result, out),
            Stage::StatOld(stat) if *stat == op => self.old_file(now, result.is_ok(), out),
            Stage::Upgrade(sequence) if sequence.owns(op) => {
                if let Some(ended) = sequence.on_disk(op, result, out) {
                    self.upgraded(now, ended, out);
                }
            }
            Stage::Sizes(stat) if *stat == op => self.size_known(now, result, out),
            Stage::Truncate { op: truncate, .. } if *truncate == op => self.truncated(now, result, out),
            Stage::StatRdb(stat, path) if *stat == op => {
                let path = path.clone();
                match result {
                    Ok(reply) => {
                        self.progress.total_bytes = if let DiskReply::Size(size) = reply { *size } else { 0 };
                        let drop_expired_before_ms = self.drop_expired.then(|| now.wall_ms());
                        let options = self.rdb_options(drop_expired_before_ms);
                        let parser = Parser::Rdb(Box::new(RdbReader::new(options, self.limits.clone())));
                        let mut file = FileRead::new(path.clone(), path, parser, now);
                        file.read_on(out);
                        self.stage = Stage::Rdb(Box::new(file));
                    }
                    Err(DiskError::NotFound) if self.exits => self.stage = Stage::Done,
                    Err(error) => self.rdb_failed(error.strerror(), out),
                }
            }
            Stage::Aof(file) | Stage::Rdb(file) if file.op == Some(op) => match result {
                Ok(DiskReply::Bytes(bytes)) => {
                    file.op = None;
                    file.offset += bytes.len() as u64;
                    file.at_end = bytes.len() < DISK_READ_LEN_MAX as usize;
                    file.ready = Some(bytes.clone());
                }
                Ok(_) => {
                    file.op = None;
                    file.at_end = true;
                }
                Err(error) => self.read_failed(*error, out),
            },
            _ => return false,
        }
        true
    }

    fn rdb_options(&self, drop_expired_before_ms: Option<i64>) -> RdbReadOptions {
        RdbReadOptions {
            databases: self.config.databases.max(1) as usize,
            drop_expired_before_ms,
            verify: self.config.rdbchecksum,
        }
    }

    fn read_failed(&mut self, error: DiskError, out: &mut Outbox) {
        let text = error.strerror();
        match &self.stage {
            Stage::Aof(file) if file.offset == 0 => {
                let name = &file.name;
                out.warning(format!(
                    "Fatal error: can't open the append log file {name} for reading: {text}"
                ));
                self.fail(out);
            }
            Stage::Aof(file) => {
                out.warning(format!(
                    "Unrecoverable error reading the append only file {}: {text}",
                    file.name
                ));
                self.fail(out);
            }
            _ => self.rdb_failed(text, out),
        }
    }

    fn rdb_failed(&mut self, text: &str, out: &mut Outbox) {
        if self.exits {
            out.warning(format!("Fatal error loading the DB: {text}. Exiting."));
        }
        self.fail(out);
    }

    fn listed(&mut self, now: Now, names: Option<Vec<String>>, out: &mut Outbox) {
        let (folder, manifest) =
            (self.config.appenddirname.clone(), Manifest::file_name(&self.config.appendfilename));
        let found = names.as_ref().is_some_and(|names| names.contains(&manifest));
        if names.is_none() {
            out.log(LogLevel::Debug, format!("The AOF directory {folder} doesn't exist"));
        } else if !found {
            out.log(LogLevel::Debug, format!("The AOF manifest file {manifest} doesn't exist"));
        }
        self.names = names;
        if found {
            let op = read(&join(&folder, &manifest), 0, out);
            self.stage = Stage::Manifest { op, text: Vec::new() };
        } else {
            self.manifest_known(now, out);
        }
    }

    fn manifest_read(&mut self, now: Now, result: &DiskResult, out: &mut Outbox) {
        let path = join(&self.config.appenddirname, &Manifest::file_name(&self.config.appendfilename));
        let Stage::Manifest { op, text } = &mut self.stage else { return };
        match result {
            Err(error) => {
                out.warning(format!(
                    "Fatal error: can't open the AOF manifest file {path} for reading: {}",
                    error.strerror()
                ));
                self.fail(out);
            }
            Ok(DiskReply::Bytes(bytes)) if bytes.len() == DISK_READ_LEN_MAX as usize => {
                text.extend_from_slice(bytes);
                *op = read(&path, text.len() as u64, out);
            }
            Ok(reply) => {
                if let DiskReply::Bytes(bytes) = reply {
                    text.extend_from_slice(bytes);
                }
                match Manifest::parse(text) {
                    Ok(manifest) => {
                        self.manifest = manifest;
                        self.manifest_known(now, out);
                    }
                    Err(error) => {
                        error.log(out);
                        self.fail(out);
                    }
                }
            }
        }
    }

    fn manifest_known(&mut self, now: Now, out: &mut Outbox) {
        self.started_us = now.mono_us;
        if self.config.appendonly {
            let path = self.config.appendfilename.as_str().into();
            self.stage = Stage::StatOld(out.disk(DiskRequest::Stat { path }));
        } else {
            self.result.aof.manifest = self.manifest.clone();
            let path: Rc<str> = self.config.dbfilename.as_str().into();
            self.stage = Stage::StatRdb(out.disk(DiskRequest::Stat { path: path.clone() }), path);
        }
    }

    /// Whether an append-only file of the old kind is there, outside of the folder, is known.
    fn old_file(&mut self, now: Now, exists: bool, out: &mut Outbox) {
        let (folder, name) = (self.config.appenddirname.clone(), self.config.appendfilename.clone());
        let half_moved = self.manifest.incr.is_empty()
            && self.manifest.base.as_ref().is_some_and(|base| *base.name == *name)
            && !self.names.as_ref().is_some_and(|names| names.contains(&name));
        if !exists || !(self.names.is_none() || self.manifest.is_empty() || half_moved) {
            self.ask_sizes(now, out);
            return;
        }
        self.manifest.adopt_base(&name);
        let mut steps = vec![(Upgrade::Mkdir, DiskRequest::Mkdir { path: folder.as_str().into() })];
        let store = self.manifest.store(&folder, &name);
        steps.extend(store.map(|(step, request)| (Upgrade::Manifest(step), request)));
        let to = join(&folder, &name);
        steps.push((Upgrade::Move, DiskRequest::Rename { from: name.as_str().into(), to }));
        steps.push((Upgrade::SyncDir, DiskRequest::FsyncDir { path: folder.as_str().into() }));
        steps.push((Upgrade::SyncDir, DiskRequest::FsyncDir { path: ".".into() }));
        self.stage = Stage::Upgrade(Sequence::start(steps, out));
    }

    fn upgraded(&mut self, now: Now, ended: Result<(), (Upgrade, DiskError)>, out: &mut Outbox) {
        let (folder, name) = (self.config.appenddirname.clone(), self.config.appendfilename.clone());
        match ended {
            // A folder that cannot be made durable is no reason not to start; Redis does not even try.
            Ok(()) | Err((Upgrade::SyncDir, _)) => {
                out.notice(format!(
                    "Successfully migrated an old-style AOF file ({name}) into the AOF directory ({folder})."
                ));
                self.ask_sizes(now, out);
            }
            Err((step, error)) => {
                let text = error.strerror();
                out.warning(match step {
                    Upgrade::Mkdir => format!("Can't open or create append-only dir {folder}: {text}"),
                    Upgrade::Manifest(step) => step.failure(&folder, &name, text),
                    _ => format!("Error trying to move the old AOF file {name} into dir {folder}: {text}"),
                });
                self.fail(out);
            }
        }
    }

    fn ask_sizes(&mut self, now: Now, out: &mut Outbox) {
        self.result.aof.manifest = self.manifest.clone();
        if self.manifest.is_empty() {
            self.stage = Stage::Done;
            return;
        }
        let next = self.manifest.files().nth(self.files.len()).map(|file| file.name.clone());
        match next {
            Some(name) => {
                let path = join(&self.config.appenddirname, &name);
                self.stage = Stage::Sizes(out.disk(DiskRequest::Stat { path }));
            }
            None => {
                let total = self.files.iter().map(|file| file.1).sum();
                self.progress.total_bytes = total;
                self.result.aof.total_size = total;
                self.result.aof.base_size = if self.manifest.base.is_some() { self.files[0].1 } else { 0 };
                self.result.aof.last_incr_size = if self.manifest.incr.is_empty() {
                    0
                } else {
                    self.files.last().map_or(0, |file| file.1)
                };
                if total == 0 {
                    self.current = self.files.len();
                }
                self.next_file(now, out);
            }
        }
    }

    fn size_known(&mut self, now: Now, result: &DiskResult, out: &mut Outbox) {
        let Some(file) = self.manifest.files().nth(self.files.len()) else { return };
        match result {
            Ok(reply) => {
                let size = if let DiskReply::Size(size) = reply { *size } else { 0 };
                self.files.push((file.name.clone(), size));
                self.ask_sizes(now, out);
            }
            Err(error) => {
                out.warning(format!(
                    "Unable to obtain the AOF file {} length. stat: {}",
                    file.name,
                    error.strerror()
                ));
                self.fail(out);
            }
        }
    }

    fn next_file(&mut self, now: Now, out: &mut Outbox) {
        while self.files.get(self.current).is_some_and(|file| file.1 == 0) {
            self.file_loaded(now, now.mono_us, false, out);
        }
        match self.files.get(self.current) {
            Some((name, _)) => {
                let path = join(&self.config.appenddirname, name);
                let mut file = FileRead::new(path, name.clone(), Parser::Unknown(Vec::new()), now);
                file.read_on(out);
                self.stage = Stage::Aof(Box::new(file));
            }
            None => {
                let seconds = (now.mono_us.saturating_sub(self.started_us)) as f64 / 1e6;
                out.notice(format!("DB loaded from append only file: {seconds:.3} seconds"));
                self.stage = Stage::Done;
            }
        }
    }

    /// Counts the current file as loaded and says so, unless it was empty.
    fn file_loaded(&mut self, now: Now, started_us: u64, say: bool, out: &mut Outbox) {
        let Some((name, size)) = self.files.get(self.current) else { return };
        if say {
            let kind = if self.current == 0 && self.manifest.base.is_some() { "base" } else { "incr" };
            let seconds = now.mono_us.saturating_sub(started_us) as f64 / 1e6;
            out.notice(format!("DB loaded from {kind} file {name}: {seconds:.3} seconds"));
        }
        self.loaded_before += size;
        self.progress.loaded_bytes = self.loaded_before;
        self.current += 1;
    }

    // -------------------------------------------------------------------------------------------------------------- parsing

    /// What there is to do next.
    pub fn next_step(&mut self, now: Now, out: &mut Outbox) -> LoadStep {
        loop {
            if let Some(item) = self.items.pop_front() {
                return LoadStep::Item(item);
            }
            let file = match &mut self.stage {
                Stage::Done => return LoadStep::Done(self.result.clone()),
                Stage::Failed => return LoadStep::Failed,
                Stage::Aof(file) | Stage::Rdb(file) => file,
                _ => return LoadStep::Wait,
            };
            match &mut file.parser {
                Parser::Unknown(_) => {
                    if !self.detect(out) {
                        return LoadStep::Wait;
                    }
                }
                Parser::Rdb(reader) => match reader.next_item(now, out) {
                    Ok(Some(RdbItem::End)) => self.rdb_ended(now, out),
                    Ok(Some(item)) => return LoadStep::Item(LoadItem::Rdb(item)),
                    Ok(None) => {
                        if !file.supply(out) {
                            return LoadStep::Wait;
                        }
                    }
                    Err(error) => self.rdb_error(&error, out),
                },
                Parser::Commands(reader) => match (reader.valid_up_to(), reader.next_command()) {
                    (before, Ok(Some(command))) => self.command(command, before),
                    (_, Ok(None)) if reader.ended() => self.commands_ended(now, out),
                    (_, Ok(None)) => {
                        if !file.supply(out) {
                            return LoadStep::Wait;
                        }
                    }
                    (_, Err(ReadError::Truncated)) => {
                        let valid =
                            file.transaction.as_ref().map_or(reader.valid_up_to(), |(_, began)| *began);
                        self.cut_short(valid, out);
                    }
                    (_, Err(ReadError::Format)) => {
                        out.warning(format!(
                            "Bad file format reading the append only file {}: make a backup of your AOF file, then use \
                             ./redis-check-aof --fix <filename.manifest>",
                            file.name
                        ));
                        self.fail(out);
                    }
                },
            }
        }
    }

    /// Looks at the first bytes of a file; false if they are not here yet.
    fn detect(&mut self, out: &mut Outbox) -> bool {
        let drop_expired = None;
        let options = self.rdb_options(drop_expired);
        let Stage::Aof(file) = &mut self.stage else { return true };
        let Parser::Unknown(head) = &mut file.parser else { return true };
        if let Some(bytes) = file.ready.take() {
            head.extend_from_slice(&bytes);
        }
        if head.len() < 5 && !file.at_end {
            file.read_on(out);
            return false;
        }
        let head = std::mem::take(head);
        if head.starts_with(b"REDIS") {
            out.notice(if *file.name == *self.config.appendfilename {
                "Reading RDB preamble from AOF file..."
            } else {
                "Reading RDB base file on AOF loading..."
            });
            let mut reader = RdbReader::new(options, self.limits.clone());
            reader.feed(&head);
            file.parser = Parser::Rdb(Box::new(reader));
        } else {
            let mut reader = Reader::new(0);
            reader.feed(&head);
            file.parser = Parser::Commands(reader);
            self.items.push_back(LoadItem::CommandsBegin);
        }
        if !file.at_end {
            file.read_on(out);
        }
        true
    }

    fn rdb_ended(&mut self, now: Now, out: &mut Outbox) {
        let (Stage::Aof(file) | Stage::Rdb(file)) = &mut self.stage else { return };
        let Parser::Rdb(reader) = &mut file.parser else { return };
        (self.progress.keys_loaded, self.progress.keys_expired) = reader.counts();
        self.progress.rdb_used_memory = reader.used_memory();
        if matches!(self.stage, Stage::Rdb(_)) {
            let Stage::Rdb(file) = std::mem::replace(&mut self.stage, Stage::Done) else { return };
            if let Parser::Rdb(reader) = &file.parser {
                self.result.repl = reader.repl_info().clone();
                self.progress.loaded_bytes = reader.offset();
            }
            self.result.rdb = true;
            if self.exits {
                let seconds = now.mono_us.saturating_sub(self.started_us) as f64 / 1e6;
                out.notice(format!("DB loaded from disk: {seconds:.3} seconds"));
            }
            return;
        }
        let Stage::Aof(file) = &mut self.stage else { return };
        let Parser::Rdb(rdb) = &mut file.parser else { return };
        if *file.name == *self.config.appendfilename {
            out.notice("Reading the remaining AOF tail...");
        }
        let mut reader = Reader::new(rdb.offset());
        reader.feed(&rdb.take_rest());
        file.parser = Parser::Commands(reader);
        self.items.push_back(LoadItem::CommandsBegin);
    }

    fn rdb_error(&mut self, error: &RdbError, out: &mut Outbox) {
        let (Stage::Aof(file) | Stage::Rdb(file)) = &self.stage else { return };
        let Parser::Rdb(reader) = &file.parser else { return };
        error.log(reader.offset(), out);
        // Redis goes on to report the failure only where it has not ended the process by then.
        if matches!(error, RdbError::Signature | RdbError::Version(_)) {
            match &self.stage {
                Stage::Aof(file) => {
                    let kind = if *file.name == *self.config.appendfilename {
                        format!("the RDB preamble of the AOF file {}", file.name)
                    } else {
                        format!("the RDB base file {}", file.name)
                    };
                    out.warning(format!("Error reading {kind}, AOF loading aborted"));
                    out.warning(format!(
                        "Unrecoverable error reading the append only file {}: Invalid argument",
                        file.name
                    ));
                }
                _ => return self.rdb_failed("Invalid argument", out),
            }
        }
        self.fail(out);
    }

    /// Passes a command on, or keeps it until its transaction is whole. `before` is where the commands before it end.
    fn command(&mut self, command: Command, before: u64) {
        let Stage::Aof(file) = &mut self.stage else { return };
        let is = |name: &[u8]| command[0].eq_ignore_ascii_case(name);
        match &mut file.transaction {
            None if is(b"MULTI") => file.transaction = Some((Vec::new(), before)),
            None => self.items.push_back(LoadItem::Command(command)),
            Some(_) if is(b"EXEC") => {
                if let Some((commands, _)) = file.transaction.take() {
                    self.items.extend(commands.into_iter().map(LoadItem::Command));
                }
            }
            Some((commands, _)) => commands.push(command),
        }
    }

    fn commands_ended(&mut self, now: Now, out: &mut Outbox) {
        let Stage::Aof(file) = &self.stage else { return };
        if let Some((_, began)) = &file.transaction {
            out.warning(format!("Revert incomplete MULTI/EXEC transaction in AOF file {}", file.name));
            let began = *began;
            return self.cut_short(began, out);
        }
        let started_us = file.started_us;
        self.file_loaded(now, started_us, true, out);
        self.next_file(now, out);
    }

    /// The file ends inside a command or a transaction; `valid` bytes of it are good.
    fn cut_short(&mut self, valid: u64, out: &mut Outbox) {
        let Stage::Aof(file) = &self.stage else { return };
        let (path, name, started_us) = (file.path.clone(), file.name.clone(), file.started_us);
        if self.config.aof_load_truncated {
            out.warning(format!("!!! Warning: short read while loading the AOF file {name}!!!"));
            out.warning(format!("!!! Truncating the AOF {name} at offset {valid} !!!"));
            let op = out.disk(DiskRequest::Truncate { path, len: valid });
            self.stage = Stage::Truncate { op, name, started_us, len: valid };
        } else {
            unexpected_end(&name, out);
            self.fail(out);
        }
    }

    fn truncated(&mut self, now: Now, result: &DiskResult, out: &mut Outbox) {
        let Stage::Truncate { name, started_us, len, .. } = &self.stage else { return };
        let (name, started_us, len) = (name.clone(), *started_us, *len);
        if let Err(error) = result {
            out.warning(format!("Error truncating the AOF file {name}: {}", error.strerror()));
            unexpected_end(&name, out);
            return self.fail(out);
        }
        out.warning(format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
        if self.current + 1 < self.files.len() {
            out.warning("Fatal error: the truncated file is not the last file");
            return self.fail(out);
        }
        let cut = self.files[self.current].1.saturating_sub(len);
        self.result.aof.total_size -= cut.min(self.result.aof.total_size);
        if self.manifest.incr.is_empty() {
            self.result.aof.base_size = len;
        } else {
            self.result.aof.last_incr_size = len;
        }
        self.file_loaded(now, started_us, true, out);
        self.next_file(now, out);
    }
}

fn unexpected_end(name: &str, out: &mut Outbox) {
    out.warning(format!(
        "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use \
         ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option \
         to yes and restart the server."
    ));
}

fn read(path: &Rc<str>, offset: u64, out: &mut Outbox) -> OpId {
    out.disk(DiskRequest::Read { path: path.clone(), offset, len_max: DISK_READ_LEN_MAX })
}

impl FileRead {
    fn new(path: Rc<str>, name: Rc<str>, parser: Parser, now: Now) -> FileRead {
        FileRead {
            path,
            name,
            offset: 0,
            op: None,
            ready: None,
            at_end: false,
            parser,
            started_us: now.mono_us,
            transaction: None,
        }
    }

    /// Asks for the next chunk, if there may be one and none is on its way or waiting.
    fn read_on(&mut self, out: &mut Outbox) {
        if self.op.is_none() && self.ready.is_none() && !self.at_end {
            self.op = Some(read(&self.path, self.offset, out));
        }
    }

    /// Gives the parser the chunk that is ready and asks for the next one; false if the disk must be waited for.
    fn supply(&mut self, out: &mut Outbox) -> bool {
        match self.ready.take() {
            Some(bytes) => match &mut self.parser {
                Parser::Unknown(head) => head.extend_from_slice(&bytes),
                Parser::Rdb(reader) => reader.feed(&bytes),
                Parser::Commands(reader) => reader.feed(&bytes),
            },
            None if self.at_end => match &mut self.parser {
                Parser::Unknown(_) => {}
                Parser::Rdb(reader) => reader.finish(),
                Parser::Commands(reader) => reader.finish(),
            },
            None => {
                self.read_on(out);
                return false;
            }
        }
        self.read_on(out);
        true
    }
}
