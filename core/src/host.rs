//! The boundary between a node and whoever runs it.
//!
//! A node owns no clock, socket, file or source of entropy. A host (the simulator, the native server, a test) feeds it
//! [`Input`]s stamped with [`Now`], takes [`Output`]s until there are none, and calls again when [`Node::poll_timeout`]
//! says so. Everything that can go wrong in the world goes wrong here, as the result of an operation the node asked
//! for: that is why the simulator can inject any fault without a single flag inside the engine.
//!
//! [`Node::poll_timeout`]: crate::node::Node::poll_timeout

use std::rc::Rc;

/// An instant, as the host's two clocks show it, in microseconds.
///
/// Redis reads the wall clock (`ustime`, `mstime`) for expiry, cluster and replication timing, so a clock that jumps
/// has real consequences; its event loop schedules timers on the monotonic clock. A host passes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Monotonic time in microseconds; the origin is the host's affair, it never goes back.
    pub mono_us: u64,
    /// Wall clock in microseconds since the Unix epoch; may jump.
    pub wall_us: u64,
}

impl Now {
    /// Wall clock in milliseconds since the Unix epoch (Redis's `mstime()`).
    pub fn wall_ms(self) -> i64 {
        (self.wall_us / 1000) as i64
    }

    /// Wall clock in whole seconds since the Unix epoch (Redis's `time(NULL)`).
    pub fn wall_s(self) -> i64 {
        (self.wall_us / 1_000_000) as i64
    }
}

/// Names one connection for as long as it lives. The host numbers the connections it accepts from 1 up; the node
/// numbers those that it opens itself with [`ConnId::OUTGOING`] set, so the two can never collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

impl ConnId {
    /// The bit that marks a connection which the node opened.
    pub const OUTGOING: u64 = 1 << 63;

    /// Whether the node opened this connection itself.
    pub fn is_outgoing(self) -> bool {
        self.0 & Self::OUTGOING != 0
    }
}

/// Names one disk operation of a node; completions carry it back. Numbers are never used twice in a node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// Which of the node's listening ports a connection came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// The RESP port over TCP.
    Client,
    /// The RESP port as a Unix socket.
    Unix,
    /// The cluster bus port.
    Bus,
}

/// Why an outgoing connection could not be made or an existing one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// The peer closed its side in order (a read of 0 bytes).
    Eof,
    /// `ECONNREFUSED`: nobody listens there.
    Refused,
    /// `ECONNRESET` or `EPIPE`.
    Reset,
    /// `ETIMEDOUT`.
    TimedOut,
    /// `EHOSTUNREACH`, `ENETUNREACH` or a name that does not resolve.
    Unreachable,
}

impl NetError {
    /// The text that `strerror` gives for this error on Linux; Redis prints it in its log.
    pub fn strerror(self) -> &'static str {
        match self {
            NetError::Eof => "Success",
            NetError::Refused => "Connection refused",
            NetError::Reset => "Connection reset by peer",
            NetError::TimedOut => "Connection timed out",
            NetError::Unreachable => "No route to host",
        }
    }
}

/// Why a disk operation failed, in the terms of Linux's errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DiskError {
    /// `ENOENT`
    NotFound,
    /// `ENOSPC`
    NoSpace,
    /// `EIO`
    Io,
    /// `EROFS`
    ReadOnly,
    /// `EACCES`
    Permission,
    /// `EEXIST`
    Exists,
    /// `ENOTDIR`, `EISDIR` or a path that leaves the data directory.
    BadPath,
}

impl DiskError {
    /// The text that `strerror` gives for this error on Linux.
    pub fn strerror(self) -> &'static str {
        match self {
            DiskError::NotFound => "No such file or directory",
            DiskError::NoSpace => "No space left on device",
            DiskError::Io => "Input/output error",
            DiskError::ReadOnly => "Read-only file system",
            DiskError::Permission => "Permission denied",
            DiskError::Exists => "File exists",
            DiskError::BadPath => "Not a directory",
        }
    }
}

/// What a node asks of its disk. Paths are relative to the node's working directory (`dir`) unless they begin with
/// `/`; `/` separates folders. A host carries out the operations that name one file in the order they were asked for,
/// and completes each with [`Input::Disk`], in an order of its choosing across files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskRequest {
    /// Up to `len_max` bytes from `offset`. Gives [`DiskReply::Bytes`]; fewer bytes than asked means end of file.
    Read {
        /// The file.
        path: Rc<str>,
        /// Where to begin, in bytes.
        offset: u64,
        /// How many bytes at the most.
        len_max: u32,
    },
    /// The size of a file. Gives [`DiskReply::Size`].
    Stat {
        /// The file.
        path: Rc<str>,
    },
    /// The names in a folder, sorted by byte. Gives [`DiskReply::Names`].
    List {
        /// The folder.
        path: Rc<str>,
    },
    /// Creates a file or empties the one that is there.
    Create {
        /// The file.
        path: Rc<str>,
    },
    /// Writes at the end of a file, creating it if it is not there. Once complete, the bytes are in the page cache:
    /// they survive a killed process but not a loss of power. Gives [`DiskReply::Written`]: how many bytes went in
    /// before the disk was full, or the error if none did.
    Append {
        /// The file.
        path: Rc<str>,
        /// The bytes.
        bytes: Rc<[u8]>,
    },
    /// Replaces the bytes from `offset` on (used for nodes.conf, which Redis rewrites in place); grows the file if it must.
    WriteAt {
        /// The file.
        path: Rc<str>,
        /// Where to begin, in bytes.
        offset: u64,
        /// The bytes.
        bytes: Rc<[u8]>,
    },
    /// Cuts a file to `len` bytes.
    Truncate {
        /// The file.
        path: Rc<str>,
        /// The new length in bytes.
        len: u64,
    },
    /// Makes the file's bytes durable.
    Fsync {
        /// The file.
        path: Rc<str>,
    },
    /// Renames a file over whatever has the new name. Durable only after [`DiskRequest::FsyncDir`].
    Rename {
        /// The old name.
        from: Rc<str>,
        /// The new name.
        to: Rc<str>,
    },
    /// Makes creations, renames and removals in a folder durable. `.` is the working directory.
    FsyncDir {
        /// The folder.
        path: Rc<str>,
    },
    /// Removes a file.
    Remove {
        /// The file.
        path: Rc<str>,
    },
    /// Makes a folder; one that is there already is no error.
    Mkdir {
        /// The folder.
        path: Rc<str>,
    },
    /// Takes the exclusive lock on a file, creating it if it is not there (Redis locks nodes.conf so that two processes
    /// never share one). Held until the process ends. Fails with [`DiskError::Exists`] when another process has it.
    Lock {
        /// The file.
        path: Rc<str>,
    },
}

/// What a completed disk operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskReply {
    /// It is done and there is nothing to say.
    Done,
    /// Bytes read; fewer than asked for at the end of the file.
    Bytes(Rc<[u8]>),
    /// The size of a file in bytes.
    Size(u64),
    /// The names in a folder, sorted by byte.
    Names(Vec<String>),
    /// How many bytes were written; fewer than asked for when the disk became full half-way.
    Written(u64),
}

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody connected.
    Accepted {
        /// The host's number for it.
        conn: ConnId,
        /// The port it came in by.
        listener: Listener,
        /// The other end, as `ip:port` (`[v6]:port` without brackets in Redis's notation: `::1:6379`) or `path:0`.
        peer: String,
        /// This end, in the same notation.
        local: String,
    },
    /// An [`Output::Connect`] succeeded.
    Connected {
        /// The node's number for it.
        conn: ConnId,
        /// This end, as `ip:port`: a node in a cluster learns its own address from it.
        local: String,
    },
    /// Bytes arrived.
    Received {
        /// The connection.
        conn: ConnId,
        /// The bytes, in order, never empty.
        bytes: Vec<u8>,
    },
    /// The host handed `bytes` bytes of this connection's output to the network; output buffer limits count what is left.
    Sent {
        /// The connection.
        conn: ConnId,
        /// How many bytes.
        bytes: usize,
    },
    /// A connection ended or could not be made. The node never mentions it again.
    Closed {
        /// The connection.
        conn: ConnId,
        /// Why.
        error: NetError,
    },
    /// A disk operation completed.
    Disk {
        /// Which one.
        op: OpId,
        /// What it gave.
        result: Result<DiskReply, DiskError>,
    },
    /// The process was asked to end (SIGTERM or SIGINT): Redis saves if save points are configured, then exits.
    Terminate {
        /// The name that Redis logs, such as `SIGTERM`.
        signal: &'static str,
    },
    /// The instant that `poll_timeout` named has come (or the host just wants the node to look at the clock).
    Wake,
}

/// How serious a log line is; Redis prints `.`, `-`, `*` and `#` for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum LogLevel {
    /// `.`
    Debug,
    /// `-`
    Verbose,
    /// `*`
    Notice,
    /// `#`
    Warning,
}

impl LogLevel {
    /// The character that Redis prints between the time and the text (`serverLogRaw`, server.c 7.0.15).
    pub fn mark(self) -> char {
        match self {
            LogLevel::Debug => '.',
            LogLevel::Verbose => '-',
            LogLevel::Notice => '*',
            LogLevel::Warning => '#',
        }
    }
}

/// A clock that a host lends a node, so that INFO, SLOWLOG and LATENCY can tell how long commands really take. Nothing else
/// depends on what it shows. A host that is to be deterministic lends none: there the table of [`crate::cost`] says it.
#[derive(Clone)]
pub struct Stopwatch(Rc<dyn Fn() -> u64>);

impl Stopwatch {
    /// A clock whose reading, in nanoseconds, never goes back.
    pub fn new(read_ns: impl Fn() -> u64 + 'static) -> Stopwatch {
        Stopwatch(Rc::new(read_ns))
    }

    /// The reading.
    pub fn read_ns(&self) -> u64 {
        (self.0)()
    }
}

impl std::fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stopwatch")
    }
}

/// What a node wants done. A host carries outputs out in the order they come.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a TCP connection; answer with [`Input::Connected`] or [`Input::Closed`].
    Connect {
        /// The node's number for it.
        conn: ConnId,
        /// A name or an address.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// Send bytes in order.
    Send {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a connection. With `flush`, what was sent before still goes out first.
    Close {
        /// The connection.
        conn: ConnId,
        /// Whether to send what is still queued.
        flush: bool,
    },
    /// Stop or go on reading from a connection (back-pressure: a client blocked by a limit is not read from).
    Reading {
        /// The connection.
        conn: ConnId,
        /// Whether bytes are wanted.
        wanted: bool,
    },
    /// A disk operation; answer with [`Input::Disk`].
    Disk {
        /// The node's number for it.
        op: OpId,
        /// What to do.
        request: DiskRequest,
    },
    /// A line for the log, without time or process id: hosts add these.
    Log {
        /// How serious.
        level: LogLevel,
        /// One line of text.
        text: String,
    },
    /// Something happened that an observer may want to see; hosts are free to ignore it.
    Event(crate::event::Event),
    /// The process ends. Nothing comes after it.
    Exit {
        /// The exit code.
        code: i32,
    },
}

/// Limits that hold at the boundary. What Redis lets the user configure is in redis.conf, not here.
pub mod limits {
    /// The most bytes a node asks for in one [`super::DiskRequest::Read`].
    pub const DISK_READ_LEN_MAX: u32 = 1 << 20;
    /// The most bytes a host may hand over in one [`super::Input::Received`] (Redis reads 16 KiB at a time; a host may batch).
    pub const RECEIVED_LEN_MAX: usize = 1 << 20;
    /// How long the reply to a command may grow that says itself how long it is, however little the key holds (SRANDMEMBER
    /// with a negative count), where `client-output-buffer-limit` sets no limit. Redis's own limit is then the memory.
    pub const REPEATED_REPLY_LEN_MAX: usize = 256 << 20;
    /// How many bytes of an RDB or a rewritten AOF the snapshot writer makes in one slice of background work.
    pub const SNAPSHOT_SLICE_LEN: usize = 256 << 10;
    /// How many background snapshot bytes may be on their way to the disk before the writer waits.
    pub const SNAPSHOT_IN_FLIGHT_MAX: usize = 4 << 20;
}
