//! What a node tells an observer: facts about itself at the moment they become true, for the simulator's trace, the page's
//! log and tests. Nothing in the engine reads them back, and a host that drops them changes nothing.

use serde::{Deserialize, Serialize};

/// A 40-character node or replication id.
pub type NodeName = String;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The node has loaded its files and accepts commands.
    Ready {
        /// How many keys it loaded.
        keys: u64,
    },
    /// The node became a master or a replica.
    Role {
        /// True for a replica.
        replica: bool,
        /// The master's node id (cluster) or `host:port`, for a replica.
        master: Option<String>,
    },
    /// The node's view of whether the cluster serves requests changed.
    ClusterState {
        /// Whether it is `ok`.
        ok: bool,
    },
    /// The node's current or config epoch changed.
    Epoch {
        /// The cluster's current epoch as the node knows it.
        current: u64,
        /// The node's own config epoch.
        config: u64,
    },
    /// The node began or ceased to suspect another (PFAIL), or learned that the majority does (FAIL).
    Opinion {
        /// About whom.
        about: NodeName,
        /// What it thinks now.
        opinion: Opinion,
    },
    /// Another master said in its gossip that it suspects a node, or that it does so no longer: what FAIL is agreed on by. For the
    /// trace alone, as each is one of many.
    Report {
        /// About whom.
        about: NodeName,
        /// Who said so.
        by: NodeName,
        /// Whether the node is said to fail.
        failing: bool,
    },
    /// The node asks for votes.
    Candidate {
        /// The election's epoch.
        epoch: u64,
        /// The candidate's rank among its siblings (0 is the freshest).
        rank: u32,
    },
    /// The node gave its vote.
    Voted {
        /// The election's epoch.
        epoch: u64,
        /// For whom.
        candidate: NodeName,
    },
    /// The node received a vote.
    VoteReceived {
        /// The election's epoch.
        epoch: u64,
        /// From whom.
        voter: NodeName,
        /// Votes so far.
        votes: u32,
        /// Votes needed.
        needed: u32,
    },
    /// The node won an election (or took over by TAKEOVER) and is a master now.
    Promoted {
        /// Its new config epoch.
        epoch: u64,
    },
    /// The replication link of a replica came up or went down.
    MasterLink {
        /// Whether it is up.
        up: bool,
    },
    /// A resynchronisation began, seen from the replica.
    Resync {
        /// Full, or partial from the backlog.
        full: bool,
        /// The offset it continues from.
        offset: i64,
    },
    /// A snapshot or a rewrite of the append-only file ended.
    Saved {
        /// What was written.
        kind: SaveKind,
        /// Whether it succeeded.
        ok: bool,
    },
    /// The owner of slots changed in the node's view.
    Slots {
        /// The new owner, if any.
        owner: Option<NodeName>,
        /// How many slots changed hands.
        count: u32,
    },
    /// A client's command, or its transaction, has changed data. Told to a host that observes alone
    /// ([`Node::observe`](crate::node::Node::observe)).
    Executed(Executed),
    /// A command of the master's stream has been applied; the same holds.
    Applied {
        /// The replication offset with it.
        offset: i64,
        /// Where it ends in the append-only file, in bytes of the file that is being written.
        aof_end: u64,
    },
}

impl Event {
    /// Whether it is told to a host that observes alone. Such events are no part of a run's record: whether anybody
    /// observes does not show in it.
    pub fn is_observation(&self) -> bool {
        matches!(self, Event::Executed(_) | Event::Applied { .. })
    }
}

/// A change of data by a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// The client's connection, by the number that the node knows it by.
    pub conn: u64,
    /// How many commands it was; more than one in a transaction.
    pub commands: u32,
    /// The name of the first of them.
    pub command: String,
    /// Its first key; empty if it has none.
    pub key: Vec<u8>,
    /// The replication offset after it, in bytes; it does not move while nobody ever replicated this node.
    pub offset: i64,
    /// Where it ends in the append-only file, in bytes of the file that is being written.
    pub aof_end: u64,
}

/// What a node thinks of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Opinion {
    /// It answers.
    Ok,
    /// It did not answer within the node timeout (PFAIL).
    Suspected,
    /// The majority of masters says so (FAIL).
    Failed,
}

/// What a save wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaveKind {
    /// An RDB snapshot.
    Rdb,
    /// A rewritten append-only file.
    Aof,
}
