//! What a copy of a node costs in real memory. [`super::memory`] says what Redis would say of its data; this says what
//! this process holds for a node that a checkpoint keeps and the running world does not share any more.

use super::Node;
use super::client::Client;
use crate::store::{Db, HashSeed};

/// What the parts of a node take that are not reckoned one by one: configuration shared, tables small.
const SMALL_PARTS_LEN: usize = 4 << 10;
/// What a node keeps of another, with its slots, reports and link.
const PEER_LEN: usize = 900;
/// The table of the owners of slots.
const SLOTS_LEN: usize = 2 * crate::cluster::slots::SLOTS;

impl Node {
    /// Bytes of memory, about, that this node keeps alive and `other`, an earlier or later state of it, does not.
    pub fn unshared(&self, other: Option<&Node>) -> usize {
        if other.is_some_and(|other| std::ptr::eq(self, other)) {
            return 0;
        }
        let empty = Db::new(HashSeed::new(0, 0), self.config.cluster_enabled);
        let dbs = self
            .dbs
            .iter()
            .enumerate()
            .map(|(at, db)| db.unshared(other.and_then(|other| other.dbs.get(at)).unwrap_or(&empty)));
        let client =
            |client: &Client| size_of::<Client>() + client.query.capacity() + client.reply.len() + 100;
        let peers = self.cluster().map_or(0, |cluster| cluster.nodes().len());
        let backlog = self.repl.backlog.as_ref();
        let theirs = other.and_then(|other| other.repl.backlog.as_ref());
        size_of::<Node>()
            + SMALL_PARTS_LEN
            + size_of_val(&self.stats.commands[..])
            + dbs.sum::<usize>()
            + self.clients.values().map(|c| client(c)).sum::<usize>()
            + peers * PEER_LEN
            + if other.is_none() && peers > 0 { SLOTS_LEN } else { 0 }
            + backlog.map_or(0, |backlog| backlog.unshared(theirs))
            + self.aof.info(self.now).buffer_len
    }
}
