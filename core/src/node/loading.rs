//! Filling the dataset from files: at the start, after a full resynchronisation, and for DEBUG RELOAD.
//!
//! The files are read piece by piece. Until a file has given `loading-process-events-interval-bytes` of an RDB file, or the
//! first command of an append-only file, the node is stalled: a small dataset is there before anybody is answered. From
//! then on clients are told `-LOADING` instead of nothing at all (`rdbLoadProgressCallback`, rdb.c 7.0.15;
//! `loadSingleAppendOnlyFile`, aof.c 7.0.15). A node that answered `-LOADING` at once would do so each time a replica
//! follows a new master, and tools that ask all nodes at that moment (`redis-cli --cluster create`) take it for a failure.
//!
//! Commands of the append-only file are executed by a client of number 0 that exists only while they run.

use super::Node;
use super::client::{Blocked, Client, ClientId};
use super::process::CallKind;
use crate::command::handler;
use crate::command::table::Resolved;
use crate::cost::Work;
use crate::event::Event;
use crate::host::{ConnId, DiskError, DiskReply, DiskRequest, Listener, LogLevel, OpId};
use crate::persist::disk::{Sequence, folder_of};
use crate::persist::load::{LoadItem, LoadStep, Loaded, Loader};
use crate::persist::rdb::reader::RdbItem;
use crate::resp::reply::Reply;
use crate::store::Object;
use std::rc::Rc;

/// Why the dataset is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The node starts.
    Start,
    /// A snapshot came from the master.
    FromMaster,
    /// DEBUG RELOAD or LOADAOF; its client waits.
    Reload(Reload),
}

/// What DEBUG RELOAD and DEBUG LOADAOF ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reload {
    /// Who waits for it.
    pub client: ClientId,
    /// The append-only file instead of the RDB file.
    pub aof: bool,
    /// Empty the dataset first.
    pub flush: bool,
    /// A key of the file may replace one that is there.
    pub merge: bool,
}

/// The files being loaded.
#[derive(Clone)]
pub(super) struct Loading {
    /// `None` while its items are being applied.
    loader: Option<Loader>,
    purpose: Purpose,
    /// The database that the commands of an append-only file have selected.
    db: usize,
    /// Enough has been loaded that events are looked at in between: clients are answered.
    hears: bool,
}

impl Loading {
    fn new(loader: Loader, purpose: Purpose) -> Loading {
        Loading { loader: Some(loader), purpose, db: 0, hears: false }
    }
}

/// The steps between a transferred snapshot and its loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TransferStep {
    Fsync,
    Rename,
    FsyncDir,
}

/// What is left of a transfer to do on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct TransferDisk {
    /// Writes under way, and how many bytes each must write.
    writes: litemap::LiteMap<OpId, u64>,
    file: Option<Rc<str>>,
    steps: Option<Sequence<TransferStep>>,
}

/// The number of the client that executes the append-only file.
const LOADING_CLIENT: ClientId = 0;

impl Node {
    /// Whether the dataset is being loaded.
    pub(crate) fn loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Whether the node does nothing but load, or put the master's snapshot in its place.
    pub(super) fn loading_stalls(&self) -> bool {
        self.loading.as_ref().is_some_and(|loading| !loading.hears)
            || self.transfer_disk.file.is_some()
            || self.transfer_disk.steps.is_some()
    }

    /// How far loading is, for INFO.
    pub(crate) fn loading_progress(&self) -> Option<crate::persist::load::LoadProgress> {
        self.loading.as_ref()?.loader.as_ref().map(Loader::progress)
    }

    /// Begins to load what the configuration says.
    pub(super) fn start_loading(&mut self) {
        let config = Rc::clone(&self.config);
        let is_master = !self.is_replica() && self.cluster().is_none_or(|cluster| cluster.is_master());
        if is_master && !config.appendonly {
            // Keys that have expired since the snapshot are deleted in the stream as well, which replicas will go on with.
            self.repl.make_backlog(config.repl_backlog_size);
        }
        let loader = Loader::start(self.now, config, self.limits.clone(), is_master, &mut self.out);
        self.loading = Some(Loading::new(loader, Purpose::Start));
    }

    /// DEBUG RELOAD and LOADAOF: the client waits until the dataset has been saved (if it is to be) and loaded again.
    pub(crate) fn reload(&mut self, reload: Reload, save: bool) {
        self.block(reload.client, Blocked::Reload);
        if save {
            self.reload_after_save = Some(reload);
            self.start_save(false);
        } else {
            self.start_reload(reload);
        }
    }

    /// The save before a reload has ended.
    pub(super) fn saved_for_reload(&mut self, ok: bool) {
        let Some(reload) = self.reload_after_save.take() else { return };
        if ok {
            self.start_reload(reload);
        } else {
            self.end_reload(reload.client, Some("-ERR"));
        }
    }

    fn start_reload(&mut self, reload: Reload) {
        if reload.flush {
            self.empty_dataset();
        }
        let config = Rc::clone(&self.config);
        let loader = if reload.aof {
            self.aof.flush(self.now, &config, true, false, &mut self.out);
            // The files are asked for, whether or not they are being written to at present.
            let mut config = (*config).clone();
            config.appendonly = true;
            Loader::start(self.now, Rc::new(config), self.limits.clone(), true, &mut self.out)
        } else {
            let path = config.dbfilename.clone();
            Loader::rdb_file(self.now, config, self.limits.clone(), &path, !self.is_replica(), &mut self.out)
        };
        self.loading = Some(Loading::new(loader, Purpose::Reload(reload)));
    }

    /// Empties all databases (`emptyData`).
    pub(crate) fn empty_dataset(&mut self) {
        self.flush_data(None);
    }

    /// Takes the result of a disk operation, if it belongs to loading; false if it does not.
    pub(super) fn loading_disk_done(&mut self, op: OpId, result: &Result<DiskReply, DiskError>) -> bool {
        if self.transfer_disk_done(op, result) {
            return true;
        }
        let Some(loading) = &mut self.loading else { return false };
        let Some(loader) = &mut loading.loader else { return false };
        if !loader.on_disk(self.now, op, result, &mut self.out) {
            return false;
        }
        if let Ok(DiskReply::Bytes(bytes)) = result {
            self.cpu.work(Work::LoadedBytes, bytes.len() as u64);
        }
        self.go_on_loading();
        true
    }

    /// Applies what has been read so far.
    fn go_on_loading(&mut self) {
        let Some(mut loader) = self.loading.as_mut().and_then(|loading| loading.loader.take()) else {
            return;
        };
        self.command_time_ms = self.now.wall_ms();
        loop {
            self.catch_up();
            match loader.next_step(self.now, &mut self.out) {
                LoadStep::Wait => break,
                LoadStep::Item(item) => self.load_item(item, &mut loader),
                LoadStep::Done(loaded) => {
                    let progress = loader.progress();
                    self.last_load = (progress.keys_loaded, progress.keys_expired);
                    return self.loaded(loaded);
                }
                LoadStep::Failed => return self.loading_failed(),
            }
        }
        let interval = self.config.loading_process_events_interval_bytes;
        if let Some(loading) = &mut self.loading {
            loading.hears |=
                i64::try_from(loader.progress().loaded_bytes).is_ok_and(|bytes| bytes >= interval);
            loading.loader = Some(loader);
        }
    }

    fn load_item(&mut self, item: LoadItem, loader: &mut Loader) {
        match item {
            LoadItem::Rdb(RdbItem::Key { db, key, object, expire_at_ms, idle_s, freq }) => {
                if db >= self.dbs.len() {
                    let text = format!(
                        "FATAL: Data file was created with a Redis server configured to handle more than {} \
                         databases. Exiting",
                        self.dbs.len()
                    );
                    self.log(LogLevel::Warning, text);
                    self.out.exit(1);
                    return;
                }
                if self.dbs[db].contains(&key) {
                    let keep = self.loading.as_ref().is_some_and(|loading| {
                        matches!(loading.purpose, Purpose::Reload(Reload { merge: true, .. }))
                    });
                    if !keep {
                        loader.duplicate_key(db, &key, &mut self.out);
                        return;
                    }
                    self.remove(db, &key);
                }
                self.load_key(db, &key, object, expire_at_ms, idle_s, freq);
            }
            LoadItem::Rdb(RdbItem::Expired { db, key }) => {
                if self.loading.as_ref().is_some_and(|loading| loading.purpose == Purpose::Start) {
                    let verb: &[u8] = if self.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" };
                    self.feed_replicas(db, &[verb, &key]);
                }
            }
            LoadItem::Rdb(RdbItem::Function(_) | RdbItem::End) => {}
            LoadItem::CommandsBegin => {
                if let Some(loading) = &mut self.loading {
                    loading.db = 0;
                }
            }
            LoadItem::Command(command) => {
                if let Some(loading) = &mut self.loading {
                    loading.hears = true;
                }
                self.load_command(&command, loader);
            }
        }
    }

    fn load_key(
        &mut self,
        db: usize,
        key: &[u8],
        object: Object,
        expire_at_ms: Option<i64>,
        idle_s: Option<u64>,
        freq: Option<u8>,
    ) {
        self.memory_is_stale();
        let clock = self.new_clock();
        self.cpu.work(Work::LoadedKeys, 1);
        self.dbs[db].insert(key, object, clock);
        if idle_s.is_some() || freq.is_some() {
            self.set_usage(db, key, idle_s.map(|idle| idle.min(i64::MAX as u64) as i64), freq);
        }
        if let Some(at_ms) = expire_at_ms {
            self.dbs[db].set_expire(key, at_ms);
        }
    }

    fn load_command(&mut self, command: &[Vec<u8>], loader: &mut Loader) {
        let args: Vec<&[u8]> = command.iter().map(|arg| &arg[..]).collect();
        let found = match self.renames.resolve(&args) {
            Resolved::Command(id) if handler(id).is_some() => Some(id),
            _ => None,
        };
        let Some(id) = found else {
            loader.unknown_command(args.first().copied().unwrap_or_default(), &mut self.out);
            return;
        };
        let mut client = Client::new(
            LOADING_CLIENT,
            ConnId(0),
            Listener::Client,
            String::new(),
            String::new(),
            self.now.wall_s(),
        );
        client.authenticated = true;
        client.db = self.loading.as_ref().map_or(0, |loading| loading.db);
        self.clients.insert(LOADING_CLIENT, Box::new(client));
        let mut reply = Reply::new(2);
        self.call(LOADING_CLIENT, id, &args, &mut reply, CallKind::Loading);
        if let Some(client) = self.clients.remove(&LOADING_CLIENT)
            && let Some(loading) = &mut self.loading
        {
            loading.db = client.db;
        }
    }

    fn loading_failed(&mut self) {
        let Some(loading) = self.loading.take() else { return };
        match loading.purpose {
            Purpose::Start => self.out.exit(1),
            Purpose::FromMaster => {
                self.transfer_failed("Failed trying to load the MASTER synchronization DB from disk");
            }
            Purpose::Reload(reload) => {
                self.end_reload(reload.client, Some("Error trying to load the RDB dump"));
            }
        }
    }

    fn loaded(&mut self, loaded: Loaded) {
        let Some(loading) = self.loading.take() else { return };
        self.dirty = 0;
        match loading.purpose {
            Purpose::Start => self.started_up(loaded),
            Purpose::FromMaster => {
                let db = loaded.repl.stream_db.and_then(|db| usize::try_from(db).ok());
                self.transfer_loaded(db);
            }
            Purpose::Reload(reload) => {
                let text = if reload.aof {
                    "Append Only File loaded by DEBUG LOADAOF"
                } else {
                    "DB reloaded by DEBUG RELOAD"
                };
                self.log(LogLevel::Warning, text);
                self.end_reload(reload.client, None);
            }
        }
    }

    fn end_reload(&mut self, id: ClientId, error: Option<&str>) {
        if matches!(self.clients.get(&id).and_then(|client| client.blocked.as_ref()), Some(Blocked::Reload)) {
            self.unblock(id);
            self.reply_to(id, |reply| match error {
                None => reply.ok(),
                Some(text) => reply.error(text),
            });
            self.resumed.push_back(id);
        }
    }

    /// The node has its data and serves clients from now on.
    fn started_up(&mut self, loaded: Loaded) {
        let config = Rc::clone(&self.config);
        let stream_db = loaded.repl.stream_db.and_then(|db| usize::try_from(db).ok());
        if loaded.rdb
            && let (Some(id), Some(offset), Some(db)) = (&loaded.repl.id, loaded.repl.offset, stream_db)
        {
            let is_master = !self.is_replica() && self.cluster().is_none_or(|cluster| cluster.is_master());
            self.continue_history(id, offset, db, is_master);
        } else {
            self.repl.backlog = None;
        }
        if config.appendonly {
            let pid = self.options.pid;
            let base = self.aof_base_source();
            self.aof.open(&config, loaded.aof, pid, || base, &mut self.out);
        } else {
            self.aof.remember(loaded.aof.manifest);
        }
        let keys = self.dbs.iter().map(|db| db.len() as u64).sum();
        self.cluster_data_loaded();
        self.log(LogLevel::Notice, "Ready to accept connections");
        self.event(Event::Ready { keys });
        // The first look at replication comes before any replica can: its PING moves no new history.
        self.replication_cron();
    }

    /// A write of the snapshot that comes from the master has been asked for.
    pub(crate) fn transfer_write_started(&mut self, op: OpId, len: u64) {
        self.transfer_disk.writes.insert(op, len);
    }

    /// The snapshot of the master is whole: it takes the RDB file's place and is loaded from there.
    pub(crate) fn load_transferred_snapshot(&mut self, file: Rc<str>) {
        self.transfer_disk.file = Some(file);
        self.transfer_go_on();
    }

    fn transfer_go_on(&mut self) {
        if !self.transfer_disk.writes.is_empty() || self.transfer_disk.steps.is_some() {
            return;
        }
        let Some(file) = self.transfer_disk.file.take() else { return };
        let config = Rc::clone(&self.config);
        if self.aof.state() != crate::persist::aof::AofState::Off {
            self.aof.disable(self.now, &config, &mut self.out);
        }
        if self.saves.in_background() {
            self.log(
                LogLevel::Notice,
                "Replica is about to load the RDB file received from the master, but there is a pending RDB child \
                 running. Killing process and removing its temp file to avoid any race",
            );
            self.saves.abort(self.now, &mut self.out);
        }
        let to: Rc<str> = config.dbfilename.as_str().into();
        let steps = [
            (TransferStep::Fsync, DiskRequest::Fsync { path: Rc::clone(&file) }),
            (TransferStep::Rename, DiskRequest::Rename { from: file, to: Rc::clone(&to) }),
            (TransferStep::FsyncDir, DiskRequest::FsyncDir { path: folder_of(&to) }),
        ];
        self.transfer_disk.steps = Some(Sequence::start(steps, &mut self.out));
    }

    fn transfer_disk_done(&mut self, op: OpId, result: &Result<DiskReply, DiskError>) -> bool {
        if let Some(len) = self.transfer_disk.writes.remove(&op) {
            let short = matches!(result, Ok(DiskReply::Written(written)) if *written < len);
            if let Some(error) =
                result.as_ref().err().map(|error| error.strerror()).or(short.then_some("short write"))
            {
                self.transfer_disk = TransferDisk::default();
                self.transfer_failed(&format!(
                    "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA \
                     synchronization: {error}"
                ));
                return true;
            }
            self.transfer_go_on();
            return true;
        }
        let Some(steps) = &mut self.transfer_disk.steps else { return false };
        if !steps.owns(op) {
            return false;
        }
        match steps.on_disk(op, result, &mut self.out) {
            None => {}
            Some(Ok(())) => {
                self.transfer_disk = TransferDisk::default();
                self.load_from_master();
            }
            Some(Err((step, error))) => {
                self.transfer_disk = TransferDisk::default();
                let text = match step {
                    TransferStep::Fsync => {
                        "Failed trying to sync the temp DB to disk in MASTER <-> REPLICA synchronization"
                    }
                    TransferStep::Rename => {
                        "Failed trying to rename the temp DB in MASTER <-> REPLICA synchronization"
                    }
                    TransferStep::FsyncDir => {
                        "Failed trying to sync DB directory in MASTER <-> REPLICA synchronization"
                    }
                };
                self.transfer_failed(&format!("{text}: {}", error.strerror()));
            }
        }
        true
    }

    fn load_from_master(&mut self) {
        if !self.expects_snapshot() {
            return;
        }
        // The replicas of this node must begin anew as well (`replicationAttachToNewMaster`).
        self.disconnect_replicas();
        self.repl.backlog = None;
        self.log(LogLevel::Notice, "MASTER <-> REPLICA sync: Flushing old data");
        self.empty_dataset();
        self.log(LogLevel::Notice, "MASTER <-> REPLICA sync: Loading DB in memory");
        let config = Rc::clone(&self.config);
        let path = config.dbfilename.clone();
        let loader = Loader::rdb_file(self.now, config, self.limits.clone(), &path, false, &mut self.out);
        self.loading = Some(Loading::new(loader, Purpose::FromMaster));
    }
}
