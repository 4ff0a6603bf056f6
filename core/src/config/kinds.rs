//! The types that directives have: enumerations with Redis's names, and how a field of [`Config`](super::Config) is read
//! and written as a [`Value`] by the code that treats all directives alike.

/// A directive's value, whatever its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `yes` or `no`.
    Bool(bool),
    /// A number, as Redis holds it in a `long long`: unsigned ones wrap.
    Int(i64),
    /// A string; `None` is C's NULL.
    Str(Option<Vec<u8>>),
    /// The number that stands for an enumeration's name.
    Enum(i32),
}

/// A type that a field of [`Config`](super::Config) can have.
pub trait Slot {
    /// Reads the field.
    fn load(&self) -> Value;
    /// Writes the field; a value of another kind leaves it as it is.
    fn store(&mut self, value: Value);
}

impl Slot for bool {
    fn load(&self) -> Value {
        Value::Bool(*self)
    }
    fn store(&mut self, value: Value) {
        if let Value::Bool(v) = value {
            *self = v;
        }
    }
}

macro_rules! int_slots {
    ($($ty:ty)*) => {$(
        impl Slot for $ty {
            fn load(&self) -> Value {
                Value::Int(*self as i64)
            }
            fn store(&mut self, value: Value) {
                if let Value::Int(v) = value {
                    *self = v as $ty;
                }
            }
        }
    )*};
}
int_slots!(i32 u16 u32 i64 u64);

impl Slot for String {
    fn load(&self) -> Value {
        Value::Str(Some(self.clone().into_bytes()))
    }
    fn store(&mut self, value: Value) {
        if let Value::Str(v) = value {
            *self = String::from_utf8_lossy(&v.unwrap_or_default()).into_owned();
        }
    }
}

impl Slot for Option<String> {
    fn load(&self) -> Value {
        Value::Str(self.clone().map(String::into_bytes))
    }
    fn store(&mut self, value: Value) {
        if let Value::Str(v) = value {
            *self = v.filter(|v| !v.is_empty()).map(|v| String::from_utf8_lossy(&v).into_owned());
        }
    }
}

impl Slot for Option<Vec<u8>> {
    fn load(&self) -> Value {
        Value::Str(self.clone())
    }
    fn store(&mut self, value: Value) {
        if let Value::Str(v) = value {
            *self = v.filter(|v| !v.is_empty());
        }
    }
}

/// Declares an enumeration of redis.conf: each variant with its name there and the number that Redis gives it. A name
/// may follow that means an earlier variant (`yes` for `relative`).
macro_rules! conf_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $num:literal $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant),*
        }

        impl $name {
            /// The names with their numbers, in Redis's order.
            pub const NAMES: &'static [(&'static str, i32)] = &[$(($text, $num)),*];

            /// The name in redis.conf.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }

        impl Slot for $name {
            fn load(&self) -> Value {
                Value::Enum(match self { $($name::$variant => $num),* })
            }
            fn store(&mut self, value: Value) {
                match value {
                    $(Value::Enum($num) => *self = $name::$variant,)*
                    _ => {}
                }
            }
        }
    };
}

conf_enum! {
    /// `maxmemory-policy`: what is evicted when memory is full.
    MaxmemoryPolicy {
        /// Among keys with an expiry, the least recently used.
        VolatileLru = 0 "volatile-lru",
        /// Among keys with an expiry, the least frequently used.
        VolatileLfu = 1 "volatile-lfu",
        /// Among keys with an expiry, any.
        VolatileRandom = 2 "volatile-random",
        /// The key that expires first.
        VolatileTtl = 3 "volatile-ttl",
        /// Among all keys, the least recently used.
        AllkeysLru = 4 "allkeys-lru",
        /// Among all keys, the least frequently used.
        AllkeysLfu = 5 "allkeys-lfu",
        /// Among all keys, any.
        AllkeysRandom = 6 "allkeys-random",
        /// Nothing: writes get an error.
        Noeviction = 7 "noeviction",
    }
}

impl MaxmemoryPolicy {
    /// Whether keys carry a use counter instead of an access time.
    pub fn is_lfu(self) -> bool {
        matches!(self, MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu)
    }

    /// Whether eviction looks at keys without an expiry as well.
    pub fn is_allkeys(self) -> bool {
        use MaxmemoryPolicy::*;
        matches!(self, AllkeysLru | AllkeysLfu | AllkeysRandom)
    }
}

conf_enum! {
    /// `appendfsync`: when the append-only file is made durable.
    AppendFsync {
        /// Once a second, off the main thread.
        Everysec = 2 "everysec",
        /// Before the reply of a write leaves.
        Always = 1 "always",
        /// When the operating system likes.
        No = 0 "no",
    }
}

conf_enum! {
    /// `loglevel`: the least serious line that is logged.
    Verbosity {
        /// Everything.
        Debug = 0 "debug",
        /// Much.
        Verbose = 1 "verbose",
        /// What a production server wants.
        Notice = 2 "notice",
        /// Only what is serious.
        Warning = 3 "warning",
    }
}

conf_enum! {
    /// `repl-diskless-load`: how a replica takes in a full synchronisation.
    ReplDisklessLoad {
        /// Into a file first.
        Disabled = 0 "disabled",
        /// From the socket when the dataset is empty.
        OnEmptyDb = 1 "on-empty-db",
        /// From the socket, the old dataset kept beside until it succeeded.
        Swapdb = 2 "swapdb",
    }
}

conf_enum! {
    /// `enable-debug-command` and its like: who may do what is dangerous.
    ProtectedAction {
        /// Nobody.
        No = 0 "no",
        /// Everybody.
        Yes = 1 "yes",
        /// Connections from this machine.
        Local = 2 "local",
    }
}

impl ProtectedAction {
    /// Whether a client may act (`allowProtectedAction`, config.c 7.0.15); `local` tells whether it is on this machine.
    pub fn allows(self, local: bool) -> bool {
        self == ProtectedAction::Yes || (self == ProtectedAction::Local && local)
    }
}

conf_enum! {
    /// `cluster-preferred-endpoint-type`: what redirects and CLUSTER SLOTS name a node by.
    EndpointType {
        /// Its address.
        Ip = 0 "ip",
        /// Its announced host name.
        Hostname = 1 "hostname",
        /// Nothing: the client keeps the name it used.
        UnknownEndpoint = 2 "unknown-endpoint",
    }
}

conf_enum! {
    /// `sanitize-dump-payload`: how deeply RESTORE and RDB loading check a payload.
    SanitizeDump {
        /// Only the outside.
        No = 0 "no",
        /// Everything.
        Yes = 1 "yes",
        /// Everything that clients send.
        Clients = 2 "clients",
    }
}

conf_enum! {
    /// `acl-pubsub-default`: which channels a new user may use.
    AclPubsubDefault {
        /// All.
        Allchannels = 8 "allchannels",
        /// None.
        Resetchannels = 0 "resetchannels",
    }
}

conf_enum! {
    /// `supervised`: who watches the process.
    Supervised {
        /// Upstart.
        Upstart = 3 "upstart",
        /// systemd.
        Systemd = 2 "systemd",
        /// Found out from the environment.
        Auto = 1 "auto",
        /// Nobody.
        No = 0 "no",
    }
}

conf_enum! {
    /// `syslog-facility`.
    SyslogFacility {
        /// LOG_USER
        User = 8 "user",
        /// LOG_LOCAL0
        Local0 = 128 "local0",
        /// LOG_LOCAL1
        Local1 = 136 "local1",
        /// LOG_LOCAL2
        Local2 = 144 "local2",
        /// LOG_LOCAL3
        Local3 = 152 "local3",
        /// LOG_LOCAL4
        Local4 = 160 "local4",
        /// LOG_LOCAL5
        Local5 = 168 "local5",
        /// LOG_LOCAL6
        Local6 = 176 "local6",
        /// LOG_LOCAL7
        Local7 = 184 "local7",
    }
}

conf_enum! {
    /// `propagation-error-behavior`: what a failing command from a master or an AOF leads to.
    PropagationError {
        /// A log line.
        Ignore = 0 "ignore",
        /// The end.
        Panic = 1 "panic",
        /// The end, on a replica.
        PanicOnReplicas = 2 "panic-on-replicas",
    }
}

conf_enum! {
    /// `tls-auth-clients`.
    TlsAuthClients {
        /// No certificate is asked for.
        No = 0 "no",
        /// A certificate is required.
        Yes = 1 "yes",
        /// A certificate is looked at if there is one.
        Optional = 2 "optional",
    }
}

/// The names of `oom-score-adj`; `yes` is another name for `relative`, so it is no enumeration of its own.
pub const OOM_SCORE_ADJ_NAMES: &[(&str, i32)] = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];

/// `oom-score-adj`: kept for CONFIG, without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OomScoreAdj(pub i32);

impl Slot for OomScoreAdj {
    fn load(&self) -> Value {
        Value::Enum(self.0)
    }
    fn store(&mut self, value: Value) {
        if let Value::Enum(v) = value {
            self.0 = v;
        }
    }
}

/// The names of `shutdown-on-sigint` and `shutdown-on-sigterm`, which may be combined.
pub const SHUTDOWN_NAMES: &[(&str, i32)] =
    &[("default", 0), ("save", 1), ("nosave", 2), ("now", 4), ("force", 8)];

/// How a signal shuts the server down: the flags of SHUTDOWN (`SHUTDOWN_SAVE` …, server.h 7.0.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ShutdownFlags(pub i32);

impl ShutdownFlags {
    /// Save even without save points.
    pub const SAVE: i32 = 1;
    /// Do not save.
    pub const NOSAVE: i32 = 2;
    /// Do not wait for replicas.
    pub const NOW: i32 = 4;
    /// Do not let errors keep the server alive.
    pub const FORCE: i32 = 8;

    /// Whether a flag is set.
    pub fn has(self, flag: i32) -> bool {
        self.0 & flag != 0
    }
}

impl Slot for ShutdownFlags {
    fn load(&self) -> Value {
        Value::Enum(self.0)
    }
    fn store(&mut self, value: Value) {
        if let Value::Enum(v) = value {
            self.0 = v;
        }
    }
}
