//! One server: a state machine that a host drives through [`Node::handle`], [`Node::poll_output`] and [`Node::poll_timeout`].
//!
//! The shape is that of Redis's event loop (ae.c, server.c 7.0.15), turned inside out. A turn begins with the inputs that
//! the host has at hand; commands run at once, their replies gather in the clients' buffers. When the host asks for
//! outputs the turn ends as `beforeSleep` does: cluster duties, blocked clients, then the append-only file, and only when
//! that is as durable as `appendfsync` promises, the replies. A turn that waits for the disk keeps the node stalled, as a
//! blocking `fsync` keeps Redis: inputs queue up until the disk has answered.

pub mod blocking;
pub mod client;
mod cluster;
mod config_file;
mod cron;
mod disk;
mod evict;
pub(crate) mod keys;
pub(crate) mod loading;
pub(crate) mod memory;
pub(crate) mod migrate;
mod net;
pub(crate) mod observe;
pub(crate) mod pause;
pub(crate) mod process;
mod shutdown;
pub mod stats;
pub mod status;
mod weight;

use crate::command::rename::Renames;
use crate::command::table;
use crate::config::{Config, Verbosity};
use crate::conns::ConnMap;
use crate::cost::{Cpu, CpuCosts, CpuSpeed, WORK_KINDS, Work};
use crate::event::Event;
use crate::host::{ConnId, DiskRequest, Input, LogLevel, Now, OpId, Output, Stopwatch};
use crate::node::client::{Client, ClientId};
use crate::persist::aof::Aof;
use crate::persist::disk::Outbox;
use crate::persist::save::Saves;
use crate::persist::source::DatasetSource;
use crate::planted::Planted;
use crate::propagate::Pending;
use crate::pubsub::Pubsub;
use crate::replication::Replication;
use crate::replication::replica::MasterLink;
use crate::rng::Rng;
use crate::store::limits::NodeSize;
use crate::store::{Db, HashSeed, Limits};
use litemap::LiteMap;
use stats::Stats;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The text of redis.conf, with any `--directive value` of the command line appended as further lines.
    pub conf_text: String,
    /// The absolute path of the configuration file, if there is one: CONFIG REWRITE writes there.
    pub conf_path: Option<String>,
    /// Seeds every random choice of the node: run id, node id, replication id, hash seeds, random delays.
    pub seed: u64,
    /// The process id that INFO and the log show.
    pub pid: u32,
    /// The path of the executable as INFO shows it.
    pub executable: String,
    /// The operating system as INFO shows it (`uname`: `Linux 6.1.0 x86_64`).
    pub os: String,
}

/// Who uses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnUse {
    /// A client, a replica, or the master once the handshake is over.
    Client(ClientId),
    /// The cluster bus.
    Bus,
    /// The handshake with the master and the transfer of its snapshot.
    MasterHandshake,
    /// A target of MIGRATE.
    Migration,
}

/// One server.
#[derive(Clone)]
pub struct Node {
    pub(crate) config: Rc<Config>,
    pub(crate) options: Rc<NodeOptions>,
    /// The names of commands where the configuration changes them.
    pub(crate) renames: Rc<Renames>,
    pub(crate) now: Now,
    /// The wall clock in milliseconds that the running command sees; it stands still for a whole transaction.
    pub(crate) command_time_ms: i64,
    pub(crate) rng: Rng,
    pub(crate) run_id: Rc<str>,
    pub(crate) started: Now,

    pub(crate) out: Outbox,
    inbox: VecDeque<Input>,
    turn_open: bool,
    next_cron_us: u64,
    next_conn: u64,

    pub(crate) clients: LiteMap<ClientId, Box<Client>>,
    pub(crate) conns: ConnMap<ConnUse>,
    next_client: ClientId,
    pending_writes: Vec<ClientId>,
    closing: Vec<ClientId>,
    /// The client whose commands run now; its reply and query buffers are not in `clients`.
    pub(crate) current: Option<ClientId>,
    /// Bytes of its query buffer from the running command on, and of that command alone.
    pub(crate) current_query: (usize, usize),

    pub(crate) dbs: Vec<Db>,
    /// When the compact encodings give way to big ones.
    pub(crate) limits: Limits,
    /// Changes since the last save; what a command adds to it decides whether it is propagated.
    pub(crate) dirty: u64,
    pub(crate) pending: Vec<Pending>,
    pub(crate) in_exec: bool,
    pub(crate) call_depth: u32,

    pub(crate) blocked_keys: BTreeMap<(usize, Box<[u8]>), Vec<ClientId>>,
    pub(crate) ready_keys: Vec<(usize, Box<[u8]>)>,
    pub(crate) watched: BTreeMap<(usize, Box<[u8]>), Vec<ClientId>>,
    pauses: pause::Pauses,
    pub(crate) pubsub: Pubsub,
    pub(crate) monitors: Vec<ClientId>,
    pub(crate) repl: Replication,
    pub(crate) stats: Stats,
    pub(crate) active_expire: bool,
    pub(crate) evict: evict::Evictor,
    /// Keys that a writable replica gave a time to live itself: no master will send their DEL.
    own_expires: BTreeSet<(usize, Box<[u8]>)>,
    expire_cursor_db: usize,
    cron_loops: u64,
    /// How many children Redis would have forked so far.
    children: u32,
    /// Clients whose command was served after a wait; what they sent meanwhile runs at the end of the turn.
    pub(crate) resumed: VecDeque<ClientId>,
    /// The database that the master's stream had selected last.
    pub(crate) last_master_db: usize,
    pub(crate) saves: Saves<DatasetSource>,
    pub(crate) aof: Aof<DatasetSource>,
    /// The append-only file keeps the node waiting, as `appendfsync always` demands.
    aof_waits: bool,
    /// Disk operations that the node waits for before it does anything else.
    pub(crate) waits_for: BTreeSet<OpId>,
    /// The replies of the last turn are ready and leave as soon as the disk has answered.
    replies_due: bool,
    pub(crate) shutdown: Option<shutdown::Shutdown>,
    /// The signal that asked the node to end.
    shutdown_asked: Option<&'static str>,
    loading: Option<loading::Loading>,
    /// How many keys the last load of an RDB file gave, and how many of it had expired.
    pub(crate) last_load: (u64, u64),
    transfer_disk: loading::TransferDisk,
    /// What is to be loaded again once the save that runs has ended.
    reload_after_save: Option<loading::Reload>,
    pub(crate) cluster: Option<Box<cluster::ClusterPart>>,
    pub(crate) config_rewrite: Option<config_file::ConfigRewrite>,
    pub(crate) migrations: migrate::Migrations,
    pub(crate) slowlog: observe::Slowlog,
    pub(crate) latency: observe::Latency,
    pub(crate) debug: observe::DebugSwitches,
    /// DEBUG SLEEP: until when (monotonic, microseconds) the node does nothing.
    pub(crate) asleep_until_us: Option<u64>,
    /// `rdb-key-save-delay`: until when (monotonic, microseconds) a child sleeps instead of writing its snapshot.
    child_sleeps_until_us: u64,
    /// Shows how long commands take, if the host has lent one.
    stopwatch: Option<Stopwatch>,
    /// How long the running command has slept, in microseconds.
    pub(crate) command_cost_us: u64,
    /// What work costs and what was done.
    pub(crate) cpu: Cpu,
    /// What the host's clock showed when it last called: the node's own is ahead by what the turn has cost so far.
    turn_now: Now,
    /// What the host wants to be told of every change of data, if it does.
    pub(crate) observed: Option<Box<observe::Observed>>,
    /// A bug on purpose; none but in a test of the checkers.
    pub(crate) planted: Planted,
}

impl Node {
    /// Starts a node: it asks its disk for its files at once. Until it has read them it answers nothing, or `-LOADING` once
    /// there turns out to be much to read.
    ///
    /// # Errors
    /// The text that redis-server prints before it exits when its configuration is wrong.
    pub fn new(now: Now, options: NodeOptions) -> Result<Node, String> {
        let config = Config::parse(&options.conf_text).map_err(|error| error.to_string())?;
        let renames = Renames::new(&config.rename_commands).map_err(|error| error.to_string())?;
        let mut rng = Rng::new(options.seed);
        let run_id: Rc<str> = rng.hex(40).into();
        let seed = HashSeed::new(rng.next_u64(), rng.next_u64());
        let dbs = (0..config.databases.max(1)).map(|_| Db::new(seed, config.cluster_enabled)).collect();
        let limits = store_limits(&config, seed);
        let repl = Replication::new(&mut rng);
        let mut node = Node {
            config: Rc::new(config),
            options: Rc::new(options),
            renames: Rc::new(renames),
            now,
            command_time_ms: now.wall_ms(),
            rng,
            run_id,
            started: now,
            out: Outbox::new(),
            inbox: VecDeque::new(),
            turn_open: true,
            next_cron_us: now.mono_us,
            next_conn: 1,
            clients: LiteMap::new(),
            conns: ConnMap::default(),
            next_client: 1,
            pending_writes: Vec::new(),
            closing: Vec::new(),
            current: None,
            current_query: (0, 0),
            dbs,
            limits,
            dirty: 0,
            pending: Vec::new(),
            in_exec: false,
            call_depth: 0,
            blocked_keys: BTreeMap::new(),
            ready_keys: Vec::new(),
            watched: BTreeMap::new(),
            pauses: pause::Pauses::default(),
            pubsub: Pubsub::default(),
            monitors: Vec::new(),
            repl,
            stats: Stats::new(table::COUNT),
            active_expire: true,
            evict: evict::Evictor::default(),
            own_expires: BTreeSet::new(),
            expire_cursor_db: 0,
            cron_loops: 0,
            children: 0,
            resumed: VecDeque::new(),
            last_master_db: 0,
            saves: Saves::new(now),
            aof: Aof::new(),
            aof_waits: false,
            waits_for: BTreeSet::new(),
            replies_due: false,
            shutdown: None,
            shutdown_asked: None,
            loading: None,
            last_load: (0, 0),
            transfer_disk: loading::TransferDisk::default(),
            reload_after_save: None,
            cluster: None,
            config_rewrite: None,
            migrations: migrate::Migrations::default(),
            slowlog: observe::Slowlog::default(),
            latency: observe::Latency::default(),
            debug: observe::DebugSwitches::default(),
            asleep_until_us: None,
            child_sleeps_until_us: 0,
            stopwatch: None,
            command_cost_us: 0,
            cpu: Cpu::new(),
            turn_now: now,
            observed: None,
            planted: Planted::default(),
        };
        if let Some(master) = node.config.replicaof.clone() {
            node.repl.master = Some(MasterLink::at_start(master.host, master.port, now));
        }
        node.start_cluster();
        if !node.config.cluster_enabled {
            node.start_loading();
        }
        Ok(node)
    }

    /// Takes in one event. Several may be handed over before the outputs are polled: they then share one turn of the
    /// event loop, as the clients that Redis finds readable at once do (and one fsync, under `appendfsync always`).
    pub fn handle(&mut self, now: Now, input: Input) {
        if self.out.exiting() {
            return;
        }
        self.set_now(now);
        if let Input::Sent { conn, bytes } = input {
            // Nothing but the size of a buffer: no turn begins for it, and no stall keeps it waiting.
            self.sent(conn, bytes);
            return;
        }
        if self.asleep_until_us.take_if(|until| now.mono_us >= *until).is_some() {
            // A SAVE may have slept before its work.
            self.turn_open = true;
        }
        self.migration_timed_out(now);
        let stalled = self.stalled();
        if !self.waits_for(&input) && (stalled || !self.inbox.is_empty()) {
            // The disk may just have answered: what came in before still comes first, or bytes would overtake the
            // connection that they came by.
            self.turn_open |= !stalled;
            self.inbox.push_back(input);
            return;
        }
        self.take_in(input);
    }

    /// The next thing the node wants done. When there is none left, the turn of the event loop ends (Redis's
    /// `beforeSleep`), which may give more.
    pub fn poll_output(&mut self, now: Now) -> Option<Output> {
        if let Some(output) = self.out.outputs.pop_front() {
            return Some(output);
        }
        self.set_now(now);
        if self.turn_open {
            self.end_turn();
        }
        self.out.outputs.pop_front()
    }

    /// How many outputs are ready to be polled without ending the turn.
    pub fn outputs_waiting(&self) -> usize {
        self.out.outputs.len()
    }

    /// The monotonic instant in microseconds at which the node wants [`Input::Wake`], if nothing else comes first.
    pub fn poll_timeout(&self) -> Option<u64> {
        if self.out.exiting() {
            return None;
        }
        if let Some(until_us) = self.asleep_until_us {
            return Some(until_us);
        }
        if self.stalled() {
            return self.migrations.deadline_us();
        }
        if self.wants_background_slice() {
            return Some(
                self.now.mono_us.max(self.cpu.child_free_us).min(self.next_cron_us.max(self.now.mono_us)),
            );
        }
        Some(self.next_cron_us)
    }

    /// Gives the node a table of costs: from now on work takes time (see [`crate::cost`]).
    pub fn set_cpu_costs(&mut self, costs: &CpuCosts) {
        self.cpu.set_costs(costs);
    }

    /// Says how fast the node's processor and its clock are.
    pub fn set_cpu_speed(&mut self, speed: CpuSpeed) {
        self.cpu.set_speed(speed);
    }

    /// How long the work since the last call took, in microseconds of true time. A host that gave the node costs asks at the
    /// end of each turn, lets the outputs of the turn wait for so long, and gives the node no input before it has passed.
    pub fn take_cpu_us(&mut self) -> u64 {
        self.cpu.take_us()
    }

    /// How often the node has done each kind of work, by [`Work`] as a number.
    pub fn work_done(&self) -> &[u64; WORK_KINDS] {
        self.cpu.done()
    }

    /// The present instant: the host's, and what the turn has taken so far.
    fn set_now(&mut self, now: Now) {
        self.turn_now = now;
        self.catch_up();
    }

    /// Moves the node's clock on by what was done.
    pub(crate) fn catch_up(&mut self) {
        let ahead_us = self.cpu.ahead_us();
        self.now = Now {
            mono_us: self.turn_now.mono_us.saturating_add(ahead_us),
            wall_us: self.turn_now.wall_us.saturating_add(ahead_us),
        };
    }

    /// Counts work of a command.
    pub(crate) fn work(&mut self, kind: Work, count: usize) {
        self.cpu.work(kind, count as u64);
    }

    /// Whether the node waits for its disk (or, in MIGRATE, for another server) and for nothing else: what a host hands
    /// over meanwhile only queues up, so one that can should leave it with the sender.
    pub fn is_stalled(&self) -> bool {
        self.stalled()
    }

    /// Lends the node a clock that shows how long its commands take.
    pub fn set_stopwatch(&mut self, stopwatch: Stopwatch) {
        self.stopwatch = Some(stopwatch);
    }

    /// Whether an input is taken in even while the node is stalled: an answer of its disk, or of the target of a MIGRATE,
    /// and a signal, which interrupts whatever the process does.
    pub fn waits_for(&self, input: &Input) -> bool {
        matches!(input, Input::Disk { .. } | Input::Terminate { .. }) || self.migrations.concerns(input)
    }

    /// Whether what comes over a connection is taken in now, and does not only queue up.
    pub fn takes_from(&self, conn: ConnId) -> bool {
        !self.stalled() || self.migrations.waits_for(conn)
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn take_in(&mut self, input: Input) {
        self.turn_open = true;
        match input {
            Input::Wake => self.wake(),
            Input::Received { conn, bytes } => self.received(conn, bytes),
            Input::Accepted { conn, listener, peer, local } => self.accepted(conn, listener, peer, local),
            Input::Connected { conn, local } => self.connected(conn, local),
            Input::Sent { conn, bytes } => self.sent(conn, bytes),
            Input::Closed { conn, error } => self.closed(conn, error),
            Input::Disk { op, result } => self.disk_done(op, result),
            Input::Terminate { signal } => self.terminate(signal),
        }
        if self.now.mono_us >= self.next_cron_us {
            self.run_cron();
        }
    }

    /// Redis's `beforeSleep`: what must happen before the node waits for the next event. Each stage that has to wait for
    /// the disk stalls the node and is entered again once the disk has answered.
    fn end_turn(&mut self) {
        loop {
            if !self.stalled() {
                if std::mem::take(&mut self.replies_due) {
                    self.flush_replies();
                    self.free_closing_clients();
                }
                while let Some(input) = self.inbox.pop_front() {
                    self.take_in(input);
                    if self.stalled() {
                        break;
                    }
                }
            }
            if self.stalled() {
                self.work_while_stalled();
                self.turn_open = false;
                return;
            }
            self.handle_blocked_timeouts();
            self.before_sleep_cluster();
            self.handle_ready_keys();
            self.before_sleep_replication();
            self.evict_clients();
            self.flush_aof();
            if self.stalled() {
                self.replies_due = true;
                continue;
            }
            self.flush_replies();
            self.free_closing_clients();
            self.turn_open = false;
            return;
        }
    }

    pub(crate) fn emit(&mut self, output: Output) {
        self.out.outputs.push_back(output);
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        if level >= log_threshold(self.config.loglevel) {
            self.out.outputs.push_back(Output::Log { level, text: text.into() });
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn disk(&mut self, request: DiskRequest) -> OpId {
        self.out.disk(request)
    }

    pub(crate) fn connect(&mut self, host: &str, port: u16, conn_use: ConnUse) -> ConnId {
        let conn = ConnId(ConnId::OUTGOING | self.next_conn);
        self.next_conn += 1;
        self.conns.insert(conn, conn_use);
        self.out.outputs.push_back(Output::Connect { conn, host: host.to_owned(), port });
        conn
    }

    /// Forgets a connection and closes it.
    pub(crate) fn drop_conn(&mut self, conn: ConnId, flush: bool) {
        if self.conns.remove(conn).is_some() {
            self.out.outputs.push_back(Output::Close { conn, flush });
        }
    }

    /// Whether this node is a replica of another.
    pub(crate) fn is_replica(&self) -> bool {
        self.repl.master.is_some()
    }
}

/// The least serious level that `loglevel` lets pass.
fn log_threshold(verbosity: Verbosity) -> LogLevel {
    match verbosity {
        Verbosity::Debug => LogLevel::Debug,
        Verbosity::Verbose => LogLevel::Verbose,
        Verbosity::Notice => LogLevel::Notice,
        Verbosity::Warning => LogLevel::Warning,
    }
}

/// The thresholds of the encodings as the configuration has them.
pub(crate) fn store_limits(config: &Config, seed: HashSeed) -> Limits {
    Limits {
        hash_max_listpack_entries: config.hash_max_listpack_entries as usize,
        hash_max_listpack_value: config.hash_max_listpack_value as usize,
        set_max_intset_entries: config.set_max_intset_entries as usize,
        zset_max_listpack_entries: config.zset_max_listpack_entries as usize,
        zset_max_listpack_value: config.zset_max_listpack_value as usize,
        list_max_listpack_size: i64::from(config.list_max_listpack_size),
        stream_node: NodeSize {
            bytes: usize::try_from(config.stream_node_max_bytes).unwrap_or(usize::MAX),
            entries: config.stream_node_max_entries as u64,
        },
        seed,
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests;
