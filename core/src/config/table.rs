//! Every directive of redis.conf that 7.0.15 knows, as data: its field in [`Config`], default, name, alias, kind, flags, and
//! what has to happen when CONFIG SET changes it. Parsing, CONFIG GET, SET and REWRITE all walk this one table (as
//! `static_configs` of config.c 7.0.15, whose facts and order it has), so a directive is right everywhere or nowhere.
//!
//! The few directives whose value is no single scalar (`save`, `bind` …) are in `special.rs`; they share the table's shape.

use super::kinds::*;
use super::special::{self, BufferLimits, LoadModule, ReplicaOf, SavePoint, Special};
use super::{Effect, RenamedCommand, UserLine};

/// What a directive's value is and which values it takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A number within bounds (inclusive); unsigned ones compare as `u64`.
    Int {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
        /// How it is written.
        unit: Unit,
        /// Whether the bounds are unsigned.
        unsigned: bool,
    },
    /// A string, with what must hold of it beyond being one.
    Str {
        /// Gives Redis's reason when the string will not do.
        check: Option<Check>,
    },
    /// One name of a list, or several.
    Enum {
        /// The names and their numbers.
        names: &'static [(&'static str, i32)],
        /// Whether several may be given.
        multi: bool,
    },
    /// Anything else.
    Special(Special),
}

/// Tells whether a string will do; gives Redis's reason when not.
pub type Check = fn(&[u8]) -> Result<(), &'static str>;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Decimal.
    Plain,
    /// Bytes, with units such as `mb`.
    Memory,
    /// Bytes, or percent as `10%` (held as a negative number).
    MemoryOrPercent,
    /// Octal, as permissions are.
    Octal,
}

/// Properties of directives.
pub mod flags {
    /// None.
    pub const NONE: u8 = 0;
    /// CONFIG SET refuses it.
    pub const IMMUTABLE: u8 = 1;
    /// Its value must not be logged or shown to monitors.
    pub const SENSITIVE: u8 = 2;
    /// CONFIG SET needs `enable-protected-configs`.
    pub const PROTECTED: u8 = 4;
    /// Takes several arguments.
    pub const MULTI_ARG: u8 = 8;
    /// CONFIG GET shows it only under its full name.
    pub const HIDDEN: u8 = 16;
    /// CONFIG SET refuses it while the dataset is loaded.
    pub const DENY_LOADING: u8 = 32;
}
use flags::*;

/// One directive.
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// Its other name, which CONFIG GET shows as well.
    pub alias: Option<&'static str>,
    /// What it is for, in one sentence.
    pub about: &'static str,
    /// Of [`flags`].
    pub flags: u8,
    /// Which values it takes.
    pub kind: Kind,
    /// What CONFIG SET has to bring about when the value changed.
    pub effect: Option<Effect>,
    pub(super) load: fn(&Config) -> Value,
    pub(super) store: fn(&mut Config, Value),
}

impl Directive {
    /// Whether it has a flag of [`flags`].
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

const BOOL: Kind = Kind::Bool;
const TEXT: Kind = Kind::Str { check: None };
const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;

const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Plain, unsigned: false }
}
const fn uint(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Plain, unsigned: true }
}
const fn memory(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Memory, unsigned: false }
}
const fn umemory(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Memory, unsigned: true }
}
const fn memory_or_percent(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::MemoryOrPercent, unsigned: false }
}
const fn octal(min: i64, max: i64) -> Kind {
    Kind::Int { min, max, unit: Unit::Octal, unsigned: true }
}
const fn checked(check: Check) -> Kind {
    Kind::Str { check: Some(check) }
}
const fn one_of(names: &'static [(&'static str, i32)]) -> Kind {
    Kind::Enum { names, multi: false }
}
const fn some_of(names: &'static [(&'static str, i32)]) -> Kind {
    Kind::Enum { names, multi: true }
}

/// A row: `"what for" field: type = default, "name" | "alias", kind, FLAGS => Effect;`
macro_rules! directives {
    (@flags) => { NONE };
    (@flags $flags:ident) => { $flags };
    (@option) => { None };
    (@option $e:expr) => { Some($e) };
    ($($about:literal $field:ident: $ty:ty = $init:expr, $name:literal $(| $alias:literal)?, $kind:expr
        $(, $flags:ident)? $(=> $effect:ident)?;)*) => {
        /// The configuration of a node: what redis.conf and CONFIG SET say. Fields have the directive's name with `_` for `-`.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $(#[doc = $about] pub $field: $ty,)*
            /// `save`: after how many seconds and changes an RDB file is written.
            pub save: Vec<SavePoint>,
            /// `client-output-buffer-limit`: for normal, replica and pubsub clients.
            pub client_output_buffer_limit: [BufferLimits; 3],
            /// `oom-score-adj-values`; kept, without effect.
            pub oom_score_adj_values: [i32; 3],
            /// `notify-keyspace-events`: flags of [`special::notify`].
            pub notify_keyspace_events: u32,
            /// `bind`: the addresses listened on; one that begins with `-` may fail.
            pub bind: Vec<String>,
            /// `replicaof`: the master, if any.
            pub replicaof: Option<ReplicaOf>,
            /// `latency-tracking-info-percentiles`.
            pub latency_tracking_info_percentiles: Vec<f64>,
            /// `dir`: the absolute working directory.
            pub dir: String,
            /// `rename-command`, in order; whoever builds the command table checks them.
            pub rename_commands: Vec<RenamedCommand>,
            /// `user`, in order; the ACL checks them.
            pub users: Vec<UserLine>,
            /// `loadmodule`, in order.
            pub loadmodules: Vec<LoadModule>,
        }

        impl Default for Config {
            /// What redis-server 7.0.15 starts with when it is given nothing.
            fn default() -> Config {
                Config {
                    $($field: $init,)*
                    save: special::default_save(),
                    client_output_buffer_limit: special::DEFAULT_BUFFER_LIMITS,
                    oom_score_adj_values: special::DEFAULT_OOM_SCORE_ADJ_VALUES,
                    notify_keyspace_events: 0,
                    bind: special::default_bind(),
                    replicaof: None,
                    latency_tracking_info_percentiles: vec![50.0, 99.0, 99.9],
                    dir: "/".to_string(),
                    rename_commands: Vec::new(),
                    users: Vec::new(),
                    loadmodules: Vec::new(),
                }
            }
        }

        const SCALARS: &[Directive] = &[$(Directive {
            name: $name,
            alias: directives!(@option $($alias)?),
            about: $about,
            flags: directives!(@flags $($flags)?),
            kind: $kind,
            effect: directives!(@option $(Effect::$effect)?),
            load: |c| c.$field.load(),
            store: |c, v| c.$field.store(v),
        },)*];
    };
}

directives! {
    "Whether an RDB file ends with a CRC64 and is checked against it."
    rdbchecksum: bool = true, "rdbchecksum", BOOL, IMMUTABLE;
    "Whether the process goes into the background."
    daemonize: bool = false, "daemonize", BOOL, IMMUTABLE;
    "Whether I/O threads also read; kept, without effect."
    io_threads_do_reads: bool = false, "io-threads-do-reads", BOOL, IMMUTABLE;
    "Whether the logo is logged when standard output is no terminal."
    always_show_logo: bool = false, "always-show-logo", BOOL, IMMUTABLE;
    "Whether connections from elsewhere are refused while no password is set."
    protected_mode: bool = true, "protected-mode", BOOL;
    "Whether strings in an RDB file are compressed with LZF."
    rdbcompression: bool = true, "rdbcompression", BOOL;
    "Whether RDB files that only served replication are removed."
    rdb_del_sync_files: bool = false, "rdb-del-sync-files", BOOL;
    "Whether idle time is spent on rehashing dictionaries."
    activerehashing: bool = true, "activerehashing", BOOL;
    "Whether writes are refused after a failed background save."
    stop_writes_on_bgsave_error: bool = true, "stop-writes-on-bgsave-error", BOOL;
    "Whether the process title is set."
    set_proc_title: bool = true, "set-proc-title", BOOL, IMMUTABLE;
    "Whether hz grows with the number of clients."
    dynamic_hz: bool = true, "dynamic-hz", BOOL;
    "Whether eviction frees in the background."
    lazyfree_lazy_eviction: bool = false, "lazyfree-lazy-eviction", BOOL;
    "Whether expiry frees in the background."
    lazyfree_lazy_expire: bool = false, "lazyfree-lazy-expire", BOOL;
    "Whether implied deletions free in the background."
    lazyfree_lazy_server_del: bool = false, "lazyfree-lazy-server-del", BOOL;
    "Whether DEL acts as UNLINK."
    lazyfree_lazy_user_del: bool = false, "lazyfree-lazy-user-del", BOOL;
    "Whether FLUSHALL and FLUSHDB are ASYNC unless told otherwise."
    lazyfree_lazy_user_flush: bool = false, "lazyfree-lazy-user-flush", BOOL;
    "Whether replication links leave TCP_NODELAY off."
    repl_disable_tcp_nodelay: bool = false, "repl-disable-tcp-nodelay", BOOL;
    "Whether a master sends its RDB to replicas without a file in between."
    repl_diskless_sync: bool = true, "repl-diskless-sync", BOOL;
    "Whether a rewrite of the AOF is made durable piece by piece."
    aof_rewrite_incremental_fsync: bool = true, "aof-rewrite-incremental-fsync", BOOL;
    "Whether the AOF is not fsynced while a child writes."
    no_appendfsync_on_rewrite: bool = false, "no-appendfsync-on-rewrite", BOOL;
    "Whether the cluster is down while any slot has no owner."
    cluster_require_full_coverage: bool = true, "cluster-require-full-coverage", BOOL;
    "Whether an RDB file is made durable piece by piece."
    rdb_save_incremental_fsync: bool = true, "rdb-save-incremental-fsync", BOOL;
    "Whether an AOF with a cut-off end is loaded."
    aof_load_truncated: bool = true, "aof-load-truncated", BOOL;
    "Whether the base of a rewritten AOF has RDB format."
    aof_use_rdb_preamble: bool = true, "aof-use-rdb-preamble", BOOL;
    "Whether the AOF carries timestamps."
    aof_timestamp_enabled: bool = false, "aof-timestamp-enabled", BOOL;
    "Whether this replica never starts an election by itself."
    cluster_replica_no_failover: bool = false,
        "cluster-replica-no-failover" | "cluster-slave-no-failover", BOOL => ClusterFlags;
    "Whether a replica empties its dataset in the background."
    replica_lazy_flush: bool = false, "replica-lazy-flush" | "slave-lazy-flush", BOOL;
    "Whether a replica serves data while its link is down."
    replica_serve_stale_data: bool = true, "replica-serve-stale-data" | "slave-serve-stale-data", BOOL;
    "Whether a replica refuses writes."
    replica_read_only: bool = true, "replica-read-only" | "slave-read-only", BOOL;
    "Whether a replica leaves eviction to its master."
    replica_ignore_maxmemory: bool = true, "replica-ignore-maxmemory" | "slave-ignore-maxmemory", BOOL;
    "Kept, without effect."
    jemalloc_bg_thread: bool = true, "jemalloc-bg-thread", BOOL;
    "Kept; cannot be switched on, as in any Redis without its own jemalloc."
    activedefrag: bool = false, "activedefrag", BOOL;
    "Whether the log goes to syslog as well; kept, without effect."
    syslog_enabled: bool = false, "syslog-enabled", BOOL, IMMUTABLE;
    "Whether this node is part of a cluster."
    cluster_enabled: bool = false, "cluster-enabled", BOOL, IMMUTABLE;
    "Whether writes are kept in the append-only file."
    appendonly: bool = false, "appendonly", BOOL, DENY_LOADING => Appendonly;
    "Whether reads are served while the cluster is down."
    cluster_allow_reads_when_down: bool = false, "cluster-allow-reads-when-down", BOOL;
    "Whether shard channels work while the cluster is down."
    cluster_allow_pubsubshard_when_down: bool = true, "cluster-allow-pubsubshard-when-down", BOOL;
    "Kept, without effect."
    crash_log_enabled: bool = true, "crash-log-enabled", BOOL;
    "Kept, without effect."
    crash_memcheck_enabled: bool = true, "crash-memcheck-enabled", BOOL;
    "Kept, without effect."
    use_exit_on_panic: bool = false, "use-exit-on-panic", BOOL, HIDDEN;
    "Kept, without effect."
    disable_thp: bool = true, "disable-thp", BOOL, IMMUTABLE;
    "Whether replicas move to masters that have none."
    cluster_allow_replica_migration: bool = true, "cluster-allow-replica-migration", BOOL;
    "Whether a master names this replica to Sentinel."
    replica_announced: bool = true, "replica-announced", BOOL;
    "Whether a latency histogram is kept for each command."
    latency_tracking: bool = true, "latency-tracking", BOOL;
    "Whether files of an older AOF are kept."
    aof_disable_auto_gc: bool = false, "aof-disable-auto-gc", BOOL => AofAutoGc;
    "Whether a replica applies writes that it cannot persist."
    replica_ignore_disk_write_errors: bool = false, "replica-ignore-disk-write-errors", BOOL;
    "The file of ACL users; empty for none."
    aclfile: String = "".to_string(), "aclfile", TEXT, IMMUTABLE;
    "The path of the Unix socket."
    unixsocket: Option<String> = None, "unixsocket", TEXT, IMMUTABLE;
    "Where the process id is written."
    pidfile: Option<String> = None, "pidfile", TEXT, IMMUTABLE;
    "The address that a replica tells its master."
    replica_announce_ip: Option<String> = None, "replica-announce-ip" | "slave-announce-ip", TEXT;
    "The user that a replica authenticates as."
    masteruser: Option<String> = None, "masteruser", TEXT, SENSITIVE;
    "The address that the node tells the cluster."
    cluster_announce_ip: Option<String> = None, "cluster-announce-ip", TEXT => ClusterIp;
    "The file that holds the node's view of the cluster."
    cluster_config_file: String = "nodes.conf".to_string(), "cluster-config-file", TEXT, IMMUTABLE;
    "The host name that the node tells the cluster."
    cluster_announce_hostname: Option<String> = None,
        "cluster-announce-hostname", checked(check_hostname) => ClusterHostname;
    "Kept, without effect."
    syslog_ident: String = "redis".to_string(), "syslog-ident", TEXT, IMMUTABLE;
    "The name of the RDB file."
    dbfilename: String = "dump.rdb".to_string(), "dbfilename", checked(check_dbfilename), PROTECTED;
    "The base name of the append-only files."
    appendfilename: String = "appendonly.aof".to_string(),
        "appendfilename", checked(check_appendfilename), IMMUTABLE;
    "The folder of the append-only files."
    appenddirname: String = "appendonlydir".to_string(),
        "appenddirname", checked(check_appenddirname), IMMUTABLE;
    "Kept, without effect."
    server_cpulist: Option<String> = None, "server_cpulist", TEXT, IMMUTABLE;
    "Kept, without effect."
    bio_cpulist: Option<String> = None, "bio_cpulist", TEXT, IMMUTABLE;
    "Kept, without effect."
    aof_rewrite_cpulist: Option<String> = None, "aof_rewrite_cpulist", TEXT, IMMUTABLE;
    "Kept, without effect."
    bgsave_cpulist: Option<String> = None, "bgsave_cpulist", TEXT, IMMUTABLE;
    "Which start-up warnings are let pass."
    ignore_warnings: String = "".to_string(), "ignore-warnings", TEXT;
    "Kept, without effect."
    proc_title_template: String = "{title} {listen-addr} {server-mode}".to_string(),
        "proc-title-template", checked(check_title_template);
    "The address that outgoing connections come from."
    bind_source_addr: Option<String> = None, "bind-source-addr", TEXT;
    "The log file; empty for standard output."
    logfile: String = "".to_string(), "logfile", TEXT, IMMUTABLE;
    "The password that a replica authenticates with."
    masterauth: Option<Vec<u8>> = None, "masterauth", TEXT, SENSITIVE;
    "The password of the default user."
    requirepass: Option<Vec<u8>> = None, "requirepass", TEXT, SENSITIVE => RequirePass;
    "Kept, without effect."
    supervised: Supervised = Supervised::No, "supervised", one_of(Supervised::NAMES), IMMUTABLE;
    "Kept, without effect."
    syslog_facility: SyslogFacility = SyslogFacility::Local0,
        "syslog-facility", one_of(SyslogFacility::NAMES), IMMUTABLE;
    "How a replica takes in a full synchronisation."
    repl_diskless_load: ReplDisklessLoad = ReplDisklessLoad::Disabled,
        "repl-diskless-load", one_of(ReplDisklessLoad::NAMES), DENY_LOADING;
    "The least serious line that is logged."
    loglevel: Verbosity = Verbosity::Notice, "loglevel", one_of(Verbosity::NAMES);
    "What is evicted when memory is full."
    maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::Noeviction,
        "maxmemory-policy", one_of(MaxmemoryPolicy::NAMES);
    "When the append-only file is made durable."
    appendfsync: AppendFsync = AppendFsync::Everysec, "appendfsync", one_of(AppendFsync::NAMES);
    "Kept, without effect."
    oom_score_adj: OomScoreAdj = OomScoreAdj(0), "oom-score-adj", one_of(OOM_SCORE_ADJ_NAMES);
    "Which channels a new user may use."
    acl_pubsub_default: AclPubsubDefault = AclPubsubDefault::Resetchannels,
        "acl-pubsub-default", one_of(AclPubsubDefault::NAMES);
    "How deeply RESTORE and RDB loading check a payload."
    sanitize_dump_payload: SanitizeDump = SanitizeDump::No,
        "sanitize-dump-payload", one_of(SanitizeDump::NAMES);
    "Who may set protected directives."
    enable_protected_configs: ProtectedAction = ProtectedAction::No,
        "enable-protected-configs", one_of(ProtectedAction::NAMES), IMMUTABLE;
    "Who may use DEBUG."
    enable_debug_command: ProtectedAction = ProtectedAction::No,
        "enable-debug-command", one_of(ProtectedAction::NAMES), IMMUTABLE;
    "Who may use MODULE."
    enable_module_command: ProtectedAction = ProtectedAction::No,
        "enable-module-command", one_of(ProtectedAction::NAMES), IMMUTABLE;
    "What redirects name a node by."
    cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip,
        "cluster-preferred-endpoint-type", one_of(EndpointType::NAMES);
    "What a failing command from a master or an AOF leads to."
    propagation_error_behavior: PropagationError = PropagationError::Ignore,
        "propagation-error-behavior", one_of(PropagationError::NAMES);
    "How SIGINT shuts the server down."
    shutdown_on_sigint: ShutdownFlags = ShutdownFlags(0),
        "shutdown-on-sigint", some_of(SHUTDOWN_NAMES), MULTI_ARG;
    "How SIGTERM shuts the server down."
    shutdown_on_sigterm: ShutdownFlags = ShutdownFlags(0),
        "shutdown-on-sigterm", some_of(SHUTDOWN_NAMES), MULTI_ARG;
    "How many databases there are."
    databases: i32 = 16, "databases", int(1, INT_MAX), IMMUTABLE;
    "The TCP port; 0 for none."
    port: u16 = 6379, "port", int(0, 65535) => Port;
    "Kept, without effect: the node has one thread."
    io_threads: i32 = 1, "io-threads", int(1, 128), IMMUTABLE;
    "By how many percent the AOF grows before it is rewritten; 0 for never."
    auto_aof_rewrite_percentage: i32 = 100, "auto-aof-rewrite-percentage", int(0, INT_MAX);
    "How many node timeouts old the data of an electable replica may be; 0 for any."
    cluster_replica_validity_factor: i32 = 10,
        "cluster-replica-validity-factor" | "cluster-slave-validity-factor", int(0, INT_MAX);
    "The size of a quicklist node: entries, or -1 to -5 for 4 KiB to 64 KiB."
    list_max_listpack_size: i32 = -2,
        "list-max-listpack-size" | "list-max-ziplist-size", int(INT_MIN, INT_MAX);
    "Seconds between TCP keep-alive probes; 0 for none."
    tcp_keepalive: i32 = 300, "tcp-keepalive", int(0, INT_MAX);
    "How many replicas a master keeps when one migrates."
    cluster_migration_barrier: i32 = 1, "cluster-migration-barrier", int(0, INT_MAX);
    "Kept, without effect."
    active_defrag_cycle_min: i32 = 1, "active-defrag-cycle-min", int(1, 99);
    "Kept, without effect."
    active_defrag_cycle_max: i32 = 25, "active-defrag-cycle-max", int(1, 99);
    "Kept, without effect."
    active_defrag_threshold_lower: i32 = 10, "active-defrag-threshold-lower", int(0, 1000);
    "Kept, without effect."
    active_defrag_threshold_upper: i32 = 100, "active-defrag-threshold-upper", int(0, 1000);
    "How hard the LFU counter grows."
    lfu_log_factor: i32 = 10, "lfu-log-factor", int(0, INT_MAX);
    "Minutes after which the LFU counter shrinks by one."
    lfu_decay_time: i32 = 1, "lfu-decay-time", int(0, INT_MAX);
    "The rank that Sentinel sees; 0 for never promote."
    replica_priority: i32 = 100, "replica-priority" | "slave-priority", int(0, INT_MAX);
    "Seconds that a master waits for more replicas before a diskless synchronisation."
    repl_diskless_sync_delay: i32 = 5, "repl-diskless-sync-delay", int(0, INT_MAX);
    "How many keys eviction looks at."
    maxmemory_samples: i32 = 5, "maxmemory-samples", int(1, INT_MAX);
    "How long one round of eviction may take, 0 to 100."
    maxmemory_eviction_tenacity: i32 = 10, "maxmemory-eviction-tenacity", int(0, 100);
    "Seconds after which an idle client is closed; 0 for never."
    timeout: i32 = 0, "timeout", int(0, INT_MAX);
    "The port that a replica tells its master; 0 for its own."
    replica_announce_port: u16 = 0, "replica-announce-port" | "slave-announce-port", int(0, 65535);
    "The backlog of listen()."
    tcp_backlog: i32 = 511, "tcp-backlog", int(0, INT_MAX), IMMUTABLE;
    "The bus port; 0 for port + 10000."
    cluster_port: u16 = 0, "cluster-port", int(0, 65535), IMMUTABLE;
    "The bus port that the node tells the cluster; 0 for its own."
    cluster_announce_bus_port: u16 = 0, "cluster-announce-bus-port", int(0, 65535) => ClusterAnnouncedPort;
    "The port that the node tells the cluster; 0 for its own."
    cluster_announce_port: u16 = 0, "cluster-announce-port", int(0, 65535) => ClusterAnnouncedPort;
    "The TLS port that the node tells the cluster; kept, without effect."
    cluster_announce_tls_port: u16 = 0, "cluster-announce-tls-port", int(0, 65535) => ClusterAnnouncedPort;
    "Seconds of silence after which a replication link is given up."
    repl_timeout: i32 = 60, "repl-timeout", int(1, INT_MAX);
    "Seconds between the pings that a master sends its replicas."
    repl_ping_replica_period: i32 = 10,
        "repl-ping-replica-period" | "repl-ping-slave-period", int(1, INT_MAX);
    "How many nodes at each end of a quicklist stay uncompressed; 0 for all."
    list_compress_depth: i32 = 0, "list-compress-depth", int(0, INT_MAX);
    "Microseconds that saving a key takes in addition; kept, without effect."
    rdb_key_save_delay: i32 = 0, "rdb-key-save-delay", int(INT_MIN, INT_MAX), HIDDEN;
    "Microseconds that loading a key takes in addition; kept, without effect."
    key_load_delay: i32 = 0, "key-load-delay", int(INT_MIN, INT_MAX), HIDDEN;
    "How much time active expiry takes, 1 to 10."
    active_expire_effort: i32 = 1, "active-expire-effort", int(1, 10);
    "How often a second the cron runs; kept between 1 and 500."
    hz: i32 = 10, "hz", int(0, INT_MAX) => Hz;
    "How many fresh replicas a write needs."
    min_replicas_to_write: i32 = 0,
        "min-replicas-to-write" | "min-slaves-to-write", int(0, INT_MAX) => GoodReplicas;
    "Seconds after its last acknowledgement that a replica counts as fresh."
    min_replicas_max_lag: i32 = 10,
        "min-replicas-max-lag" | "min-slaves-max-lag", int(0, INT_MAX) => GoodReplicas;
    "Kept, without effect."
    watchdog_period: i32 = 0, "watchdog-period", int(0, INT_MAX), HIDDEN;
    "Seconds that SHUTDOWN waits for replicas to catch up."
    shutdown_timeout: i32 = 10, "shutdown-timeout", int(0, INT_MAX);
    "How many waiting replicas start a diskless synchronisation at once; 0 for no such number."
    repl_diskless_sync_max_replicas: i32 = 0, "repl-diskless-sync-max-replicas", int(0, INT_MAX);
    "How many clients may be connected."
    maxclients: u32 = 10000, "maxclients", uint(1, UINT_MAX) => Maxclients;
    "The permissions of the Unix socket; 0 to leave them."
    unixsocketperm: u32 = 0, "unixsocketperm", octal(0, 0o777), IMMUTABLE;
    "Kept, without effect."
    socket_mark_id: u32 = 0, "socket-mark-id", uint(0, UINT_MAX), IMMUTABLE;
    "Kept, without effect."
    active_defrag_max_scan_fields: u64 = 1000, "active-defrag-max-scan-fields", int(1, LONG_MAX);
    "How many entries the slow log has."
    slowlog_max_len: u64 = 128, "slowlog-max-len", int(0, LONG_MAX);
    "How many entries the ACL log has."
    acllog_max_len: u64 = 128, "acllog-max-len", int(0, LONG_MAX);
    "Milliseconds after which a running script lets others be told -BUSY."
    busy_reply_threshold: i64 = 5000, "busy-reply-threshold" | "lua-time-limit", int(0, LONG_MAX);
    "Milliseconds without an answer after which a node is suspected."
    cluster_node_timeout: i64 = 15000, "cluster-node-timeout", int(0, LONG_MAX);
    "Microseconds from which a command is logged as slow; -1 for never."
    slowlog_log_slower_than: i64 = 10000, "slowlog-log-slower-than", int(-1, LONG_MAX);
    "Milliseconds from which an event is a latency spike; 0 for never."
    latency_monitor_threshold: i64 = 0, "latency-monitor-threshold", int(0, LONG_MAX);
    "The longest argument in bytes."
    proto_max_bulk_len: i64 = 512 << 20, "proto-max-bulk-len", memory(1 << 20, LONG_MAX);
    "How many entries a stream's node has; 0 for any number."
    stream_node_max_entries: i64 = 100, "stream-node-max-entries", int(0, LONG_MAX);
    "The size of the replication backlog in bytes."
    repl_backlog_size: i64 = 1 << 20, "repl-backlog-size", memory(1, LONG_MAX) => ReplBacklogSize;
    "How many bytes of memory the dataset may take; 0 for any number."
    maxmemory: u64 = 0, "maxmemory", umemory(0, -1) => Maxmemory;
    "How many bytes may wait on a bus link before it is closed; 0 for any number."
    cluster_link_sendbuf_limit: u64 = 0, "cluster-link-sendbuf-limit", umemory(0, -1);
    "The most fields of a hash that is a listpack."
    hash_max_listpack_entries: u64 = 512,
        "hash-max-listpack-entries" | "hash-max-ziplist-entries", uint(0, LONG_MAX);
    "The most members of a set that is an intset."
    set_max_intset_entries: u64 = 512, "set-max-intset-entries", uint(0, LONG_MAX);
    "The most members of a sorted set that is a listpack."
    zset_max_listpack_entries: u64 = 128,
        "zset-max-listpack-entries" | "zset-max-ziplist-entries", uint(0, LONG_MAX);
    "Kept, without effect."
    active_defrag_ignore_bytes: u64 = 100 << 20, "active-defrag-ignore-bytes", umemory(1, LONG_MAX);
    "The longest field or value of a hash that is a listpack, in bytes."
    hash_max_listpack_value: u64 = 64,
        "hash-max-listpack-value" | "hash-max-ziplist-value", umemory(0, LONG_MAX);
    "The size of a stream's node in bytes; 0 for any."
    stream_node_max_bytes: u64 = 4096, "stream-node-max-bytes", umemory(0, LONG_MAX);
    "The longest member of a sorted set that is a listpack, in bytes."
    zset_max_listpack_value: u64 = 64,
        "zset-max-listpack-value" | "zset-max-ziplist-value", umemory(0, LONG_MAX);
    "The size in bytes up to which a HyperLogLog is sparse."
    hll_sparse_max_bytes: u64 = 3000, "hll-sparse-max-bytes", umemory(0, LONG_MAX);
    "How many keys client-side caching remembers."
    tracking_table_max_keys: u64 = 1000000, "tracking-table-max-keys", uint(0, LONG_MAX);
    "The size in bytes that a client's query buffer may grow to."
    client_query_buffer_limit: u64 = 1 << 30, "client-query-buffer-limit", umemory(1 << 20, LONG_MAX);
    "How many bytes all clients together may take; below 0: percent of maxmemory."
    maxmemory_clients: i64 = 0, "maxmemory-clients", memory_or_percent(-100, LONG_MAX) => ClientMaxMemory;
    "Seconds without replicas after which the backlog is freed; 0 for never."
    repl_backlog_ttl: i64 = 3600, "repl-backlog-ttl", int(0, LONG_MAX);
    "The size in bytes below which the AOF is not rewritten by itself."
    auto_aof_rewrite_min_size: i64 = 64 << 20, "auto-aof-rewrite-min-size", memory(0, LONG_MAX);
    "How many bytes are loaded between two looks at the clients."
    loading_process_events_interval_bytes: i64 = 2 << 20,
        "loading-process-events-interval-bytes", int(1024, INT_MAX), HIDDEN;
    "Kept: there is no TLS."
    tls_port: u16 = 0, "tls-port", int(0, 65535) => Tls;
    "Kept: there is no TLS."
    tls_session_cache_size: i32 = 20 * 1024, "tls-session-cache-size", int(0, INT_MAX);
    "Kept: there is no TLS."
    tls_session_cache_timeout: i32 = 300, "tls-session-cache-timeout", int(0, INT_MAX);
    "Kept: there is no TLS."
    tls_cluster: bool = false, "tls-cluster", BOOL => Tls;
    "Kept: there is no TLS."
    tls_replication: bool = false, "tls-replication", BOOL => Tls;
    "Kept: there is no TLS."
    tls_auth_clients: TlsAuthClients = TlsAuthClients::Yes, "tls-auth-clients", one_of(TlsAuthClients::NAMES);
    "Kept: there is no TLS."
    tls_prefer_server_ciphers: bool = false, "tls-prefer-server-ciphers", BOOL;
    "Kept: there is no TLS."
    tls_session_caching: bool = true, "tls-session-caching", BOOL;
    "Kept: there is no TLS."
    tls_cert_file: Option<String> = None, "tls-cert-file", TEXT;
    "Kept: there is no TLS."
    tls_key_file: Option<String> = None, "tls-key-file", TEXT;
    "Kept: there is no TLS."
    tls_key_file_pass: Option<String> = None, "tls-key-file-pass", TEXT;
    "Kept: there is no TLS."
    tls_client_cert_file: Option<String> = None, "tls-client-cert-file", TEXT;
    "Kept: there is no TLS."
    tls_client_key_file: Option<String> = None, "tls-client-key-file", TEXT;
    "Kept: there is no TLS."
    tls_client_key_file_pass: Option<String> = None, "tls-client-key-file-pass", TEXT;
    "Kept: there is no TLS."
    tls_dh_params_file: Option<String> = None, "tls-dh-params-file", TEXT;
    "Kept: there is no TLS."
    tls_ca_cert_file: Option<String> = None, "tls-ca-cert-file", TEXT;
    "Kept: there is no TLS."
    tls_ca_cert_dir: Option<String> = None, "tls-ca-cert-dir", TEXT;
    "Kept: there is no TLS."
    tls_protocols: Option<String> = None, "tls-protocols", TEXT;
    "Kept: there is no TLS."
    tls_ciphers: Option<String> = None, "tls-ciphers", TEXT;
    "Kept: there is no TLS."
    tls_ciphersuites: Option<String> = None, "tls-ciphersuites", TEXT;
}

/// The directives that are no scalars, in the order of config.c.
const SPECIALS: &[Directive] = &[
    special("dir", None, Special::Dir, PROTECTED | DENY_LOADING, "The working directory.", Some(Effect::Dir)),
    special("save", None, Special::Save, MULTI_ARG, "When an RDB file is written by itself.", None),
    special(
        "client-output-buffer-limit",
        None,
        Special::ClientOutputBufferLimit,
        MULTI_ARG,
        "How much output may wait for a client before it is closed.",
        None,
    ),
    special(
        "oom-score-adj-values",
        None,
        Special::OomScoreAdjValues,
        MULTI_ARG,
        "Kept, without effect.",
        None,
    ),
    special(
        "notify-keyspace-events",
        None,
        Special::NotifyKeyspaceEvents,
        NONE,
        "Which keyspace events are published.",
        None,
    ),
    special("bind", None, Special::Bind, MULTI_ARG, "The addresses listened on.", Some(Effect::Bind)),
    special("replicaof", Some("slaveof"), Special::ReplicaOf, IMMUTABLE | MULTI_ARG, "The master.", None),
    special(
        "latency-tracking-info-percentiles",
        None,
        Special::LatencyPercentiles,
        MULTI_ARG,
        "Which percentiles INFO latencystats shows.",
        None,
    ),
];

const fn special(
    name: &'static str,
    alias: Option<&'static str>,
    special: Special,
    flags: u8,
    about: &'static str,
    effect: Option<Effect>,
) -> Directive {
    Directive {
        name,
        alias,
        about,
        flags,
        kind: Kind::Special(special),
        effect,
        load: |_| Value::Str(None),
        store: |_, _| {},
    }
}

/// All directives.
pub fn directives() -> impl Iterator<Item = &'static Directive> {
    SCALARS.iter().chain(SPECIALS)
}

/// Finds a directive by name or alias, without regard to case; the flag tells that it was the alias.
pub fn lookup(name: &[u8]) -> Option<(&'static Directive, bool)> {
    directives().find_map(|d| {
        if d.name.as_bytes().eq_ignore_ascii_case(name) {
            Some((d, false))
        } else if d.alias.is_some_and(|a| a.as_bytes().eq_ignore_ascii_case(name)) {
            Some((d, true))
        } else {
            None
        }
    })
}

fn has_path(value: &[u8]) -> bool {
    value.contains(&b'/') || value.contains(&b'\\')
}

fn check_dbfilename(value: &[u8]) -> Result<(), &'static str> {
    if has_path(value) { Err("dbfilename can't be a path, just a filename") } else { Ok(()) }
}

fn check_appendfilename(value: &[u8]) -> Result<(), &'static str> {
    match value {
        b"" => Err("appendfilename can't be empty"),
        v if has_path(v) => Err("appendfilename can't be a path, just a filename"),
        _ => Ok(()),
    }
}

fn check_appenddirname(value: &[u8]) -> Result<(), &'static str> {
    match value {
        b"" => Err("appenddirname can't be empty"),
        v if has_path(v) => Err("appenddirname can't be a path, just a dirname"),
        _ => Ok(()),
    }
}

fn check_hostname(value: &[u8]) -> Result<(), &'static str> {
    if value.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if value.iter().any(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
    Ok(())
}

/// A template is text with `{variable}`s that are known, and `{{` for a brace; it must not come out empty
/// (`validateProcTitleTemplate`, server.c 7.0.15).
fn check_title_template(value: &[u8]) -> Result<(), &'static str> {
    const BAD: &str = "template format is invalid or contains unknown variables";
    const KNOWN: [&str; 8] =
        ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file", "\0"];
    let text = String::from_utf8_lossy(value);
    let mut rest = text.as_ref();
    let mut shows_something = false;
    while let Some(at) = rest.find('{') {
        shows_something |= !rest[..at].trim_matches(' ').is_empty();
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            shows_something = true;
            rest = after;
            continue;
        }
        let end = rest.find('}').ok_or(BAD)?;
        let name = &rest[..end];
        if !KNOWN.contains(&name) {
            return Err(BAD);
        }
        // The title is empty while it is validated, and so may the mode and the socket be.
        shows_something |= !matches!(name, "title" | "unixsocket" | "server-mode");
        rest = &rest[end + 1..];
    }
    if shows_something || !rest.trim_matches(' ').is_empty() { Ok(()) } else { Err(BAD) }
}
