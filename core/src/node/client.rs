//! A connection that speaks RESP: a user's client, a replica of ours, or our own link to a master.
//!
//! All of them are clients, as in Redis: a replica is a client that asked for PSYNC, and the master a replica follows is a
//! client whose commands are obeyed. What differs is [`Role`]; the query and reply buffers are the same.

use crate::host::{ConnId, Listener};
use crate::replication::primary::ReplicaLink;
use crate::resp::reply::Reply;
use crate::resp::request::RequestParser;
use std::collections::BTreeSet;

/// Names a client for the life of the node; what CLIENT ID gives.
pub type ClientId = u64;

/// A command kept beyond the life of the query buffer it came in.
pub type OwnedArgs = Vec<Box<[u8]>>;

/// Copies borrowed arguments.
pub fn own(args: &[&[u8]]) -> OwnedArgs {
    args.iter().map(|arg| Box::from(*arg)).collect()
}

/// Borrows owned arguments again.
pub fn borrow(args: &[Box<[u8]>]) -> Vec<&[u8]> {
    args.iter().map(|arg| &arg[..]).collect()
}

/// What a client is to this node.
#[derive(Clone, Debug)]
pub enum Role {
    /// A user's client.
    Normal,
    /// One of our replicas, from its first PSYNC on.
    Replica(Box<ReplicaLink>),
    /// Our master, or who was our master until a moment ago.
    Master,
}

/// What CLIENT REPLY asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are sent.
    On,
    /// Nothing is sent.
    Off,
    /// The reply to the next command is not sent.
    SkipNext,
    /// The reply to the command that runs now is not sent.
    Skipping,
}

/// Commands queued by MULTI.
#[derive(Clone, Debug, Default)]
pub struct Multi {
    /// The queue.
    pub commands: Vec<OwnedArgs>,
    /// A queued command was refused, so EXEC will abort (`EXECABORT`).
    pub aborted: bool,
    /// The flags of all queued commands or'ed, and of their inverses, as `mstate.cmd_flags` and `cmd_inv_flags` in Redis.
    pub flags: u32,
    /// See `flags`.
    pub inverse_flags: u32,
    /// Bytes held by the queue; part of CLIENT LIST's `multi-mem`.
    pub memory: usize,
}

/// Why a client does not get its reply yet.
#[derive(Clone, Debug)]
pub enum Blocked {
    /// It waits for data on keys (BLPOP and its like). The command runs again when one of them is ready.
    Keys {
        /// The command as it was sent.
        args: OwnedArgs,
        /// The database it was sent in.
        db: usize,
        /// The keys it waits for.
        keys: Vec<Box<[u8]>>,
        /// Wall clock in milliseconds at which it gives up; `None` is never.
        deadline_ms: Option<i64>,
    },
    /// It waits for replicas to acknowledge an offset (WAIT).
    Replicas {
        /// The offset.
        offset: i64,
        /// How many replicas.
        wanted: i64,
        /// Wall clock in milliseconds at which it gives up; `None` is never.
        deadline_ms: Option<i64>,
    },
    /// Its command was sent while clients were paused and runs when the pause ends.
    Paused {
        /// The command.
        args: OwnedArgs,
    },
    /// It waits for a SAVE to end; the node stalls meanwhile.
    Save,
    /// It waits for the target of a MIGRATE; the node stalls meanwhile.
    Migrate,
    /// It waits for a CONFIG REWRITE to end; the node stalls meanwhile.
    ConfigRewrite,
    /// It waits for the dataset to be loaded again (DEBUG RELOAD).
    Reload,
    /// It waits for the process to end (SHUTDOWN), or for the news that it does not.
    Shutdown,
}

/// What a node keeps of one client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// Its connection.
    pub conn: ConnId,
    /// The port it came in by.
    pub listener: Listener,
    /// The other end as text (`127.0.0.1:51234`).
    pub peer: String,
    /// This end as text.
    pub local: String,
    /// What it is to us.
    pub role: Role,
    /// Bytes received and not yet executed.
    pub query: Vec<u8>,
    /// Where the parser stands in `query`.
    pub parser: RequestParser,
    /// Replies not yet handed to the host.
    pub reply: Reply,
    /// Bytes handed to the host and not yet sent.
    pub in_flight: usize,
    /// When the soft limit of the output buffer was first exceeded (wall clock, milliseconds).
    pub soft_limit_since_ms: Option<i64>,
    /// The selected database.
    pub db: usize,
    /// CLIENT SETNAME.
    pub name: Box<[u8]>,
    /// Whether it has given a password where one is needed.
    pub authenticated: bool,
    /// MULTI, if it is open.
    pub multi: Option<Box<Multi>>,
    /// Keys watched, with their database, and whether the key was already expired when WATCH saw it.
    pub watched: Vec<(usize, Box<[u8]>, bool)>,
    /// A watched key changed, so EXEC fails.
    pub cas_dirty: bool,
    /// Channels.
    pub channels: BTreeSet<Box<[u8]>>,
    /// Patterns, in the order of subscription for UNSUBSCRIBE without arguments.
    pub patterns: BTreeSet<Box<[u8]>>,
    /// Shard channels.
    pub shard_channels: BTreeSet<Box<[u8]>>,
    /// MONITOR was given.
    pub monitor: bool,
    /// Why it is blocked, if it is.
    pub blocked: Option<Blocked>,
    /// READONLY was given (cluster).
    pub readonly: bool,
    /// ASKING was given for the next command (cluster).
    pub asking: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Close once the reply is sent.
    pub close_after_reply: bool,
    /// Close without sending anything more.
    pub close_asap: bool,
    /// When it connected (wall clock, seconds).
    pub created_s: i64,
    /// When it last sent something, or, for a replica, acknowledged (wall clock, seconds).
    pub last_interaction_s: i64,
    /// The name of the last command, for CLIENT LIST.
    pub last_command: &'static str,
    /// The replication offset after its last write, for WAIT.
    pub write_offset: i64,
    /// Whether the node has put it on the list of clients with something to send.
    pub pending_write: bool,
    /// REPLCONF values that come before PSYNC makes it a replica.
    pub replconf: Replconf,
}

/// What REPLCONF told us before PSYNC.
#[derive(Clone, Debug, Default)]
pub struct Replconf {
    /// `listening-port`
    pub port: u16,
    /// `ip-address`
    pub ip: String,
    /// `capa eof`: can take a stream of unknown length.
    pub capa_eof: bool,
    /// `capa psync2`: understands `+CONTINUE <replid>`.
    pub capa_psync2: bool,
    /// `rdb-only 1`
    pub rdb_only: bool,
}

impl Client {
    /// A client that just connected.
    pub fn new(
        id: ClientId,
        conn: ConnId,
        listener: Listener,
        peer: String,
        local: String,
        now_s: i64,
    ) -> Client {
        Client {
            id,
            conn,
            listener,
            peer,
            local,
            role: Role::Normal,
            query: Vec::new(),
            parser: RequestParser::default(),
            reply: Reply::new(2),
            in_flight: 0,
            soft_limit_since_ms: None,
            db: 0,
            name: Box::default(),
            authenticated: false,
            multi: None,
            watched: Vec::new(),
            cas_dirty: false,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shard_channels: BTreeSet::new(),
            monitor: false,
            blocked: None,
            readonly: false,
            asking: false,
            no_evict: false,
            reply_mode: ReplyMode::On,
            close_after_reply: false,
            close_asap: false,
            created_s: now_s,
            last_interaction_s: now_s,
            last_command: "NULL",
            write_offset: 0,
            pending_write: false,
            replconf: Replconf::default(),
        }
    }

    /// Whether it is on the same machine: for commands that are allowed to local clients only.
    pub fn is_local(&self) -> bool {
        self.listener == Listener::Unix || self.peer.starts_with("127.") || self.peer.starts_with("::1:")
    }

    /// Whether its commands are executed whatever this node's role or state is (`mustObeyClient`).
    pub fn is_master(&self) -> bool {
        matches!(self.role, Role::Master)
    }

    /// Takes the reply buffer out, leaving an empty one of the same protocol.
    pub(crate) fn take_reply(&mut self) -> Reply {
        let empty = Reply::new(self.reply.proto());
        std::mem::replace(&mut self.reply, empty)
    }

    /// The address of a replica: what it announced, else where it connects from.
    pub fn replica_ip(&self) -> String {
        if self.replconf.ip.is_empty() {
            self.peer.rsplit_once(':').map_or(self.peer.as_str(), |(ip, _)| ip).to_owned()
        } else {
            self.replconf.ip.clone()
        }
    }

    /// The link, if it is a replica of ours.
    pub fn replica(&self) -> Option<&ReplicaLink> {
        match &self.role {
            Role::Replica(link) => Some(link),
            _ => None,
        }
    }

    /// The link, if it is a replica of ours.
    pub fn replica_mut(&mut self) -> Option<&mut ReplicaLink> {
        match &mut self.role {
            Role::Replica(link) => Some(link),
            _ => None,
        }
    }

    /// Whether it is in RESP2's subscriber mode or gets pushes in RESP3.
    pub fn subscribed(&self) -> bool {
        !self.channels.is_empty() || !self.patterns.is_empty() || !self.shard_channels.is_empty()
    }
}
