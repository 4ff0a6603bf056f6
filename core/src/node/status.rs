//! A node as an observer sees it, apart from its part in a cluster: keys, replication, the append-only file. Looking
//! changes nothing; the page asks for this up to sixty times a second, so nothing here walks over keys.

use super::Node;
use serde::Serialize;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Whether it is reading its files and answers `-LOADING`.
    pub loading: bool,
    /// How many bytes of its files it has read, and how many there are, while it reads them.
    pub loaded: Option<(u64, u64)>,
    /// Keys in all databases, expired ones that are still there included.
    pub keys: u64,
    /// `master_replid`.
    pub replid: String,
    /// `master_replid2`; 40 zeros for none.
    pub replid2: String,
    /// `second_repl_offset`; -1 for none.
    pub second_offset: i64,
    /// `master_repl_offset`, in bytes.
    pub offset: i64,
    /// The first offset of the backlog and how many bytes it holds, if there is one.
    pub backlog: Option<(i64, u64)>,
    /// The master that it follows.
    pub master: Option<MasterStatus>,
    /// Its replicas, in the order they came.
    pub replicas: Vec<ReplicaStatus>,
    /// Bytes of the append-only file that are still in the process.
    pub aof_buffered: u64,
    /// `appendfsync` as it is in force; `off` without an append-only file.
    pub appendfsync: &'static str,
}

/// The link to a master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MasterStatus {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where the link stands, in ROLE's words.
    pub state: &'static str,
    /// Whether a snapshot is coming in or being loaded.
    pub syncing: bool,
    /// While a snapshot comes in: how many bytes of it have come, and how many there will be if the master said so.
    pub received: Option<(u64, Option<u64>)>,
    /// Whether the link is up.
    pub up: bool,
}

/// A replica, as its master sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaStatus {
    /// Its address, as INFO shows it.
    pub ip: String,
    /// Where it stands, in INFO's words.
    pub state: &'static str,
    /// The last offset that it acknowledged.
    pub ack_offset: i64,
}

impl Node {
    /// The node as it is now.
    pub fn status(&self) -> NodeStatus {
        let repl = &self.repl;
        let replica = |id: &super::client::ClientId| {
            let client = self.clients.get(id)?;
            let link = client.replica()?;
            Some(ReplicaStatus {
                ip: client.replica_ip(),
                state: link.state_name(),
                ack_offset: link.ack_offset,
            })
        };
        let aof = self.aof.info(self.now);
        NodeStatus {
            loading: self.loading(),
            loaded: self.loading_progress().map(|p| (p.loaded_bytes, p.total_bytes)),
            keys: self.dbs.iter().map(|db| db.len() as u64).sum(),
            replid: repl.replid.to_string(),
            replid2: repl.replid2.to_string(),
            second_offset: repl.second_offset,
            offset: repl.offset,
            backlog: repl.backlog.as_ref().map(|b| (b.first_offset(), b.len() as u64)),
            master: repl.master.as_ref().map(|m| MasterStatus {
                host: m.host.clone(),
                port: m.port,
                state: m.state_name(),
                syncing: m.sync_in_progress(),
                received: m.received(),
                up: repl.link_up(),
            }),
            replicas: repl.replicas.iter().filter_map(replica).collect(),
            aof_buffered: aof.buffer_len as u64,
            appendfsync: if aof.enabled { self.config.appendfsync.name() } else { "off" },
        }
    }
}
