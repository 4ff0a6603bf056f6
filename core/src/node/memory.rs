//! How much memory a node's data takes. There is no allocator to ask, and asking one would not be deterministic: sizes are reckoned
//! from the data, in the way of `objectComputeSize` and `getMemoryOverheadData` (object.c 7.0.15), with Redis's own struct sizes.

use super::Node;
use crate::command::client::client_memory;
use crate::store::Db;

/// What an empty redis-server 7.0.15 takes on x86-64.
pub(super) const STARTUP: u64 = 876_144;
/// A `robj`.
const OBJECT_LEN: usize = 16;
/// A `dictEntry`.
const ENTRY_LEN: usize = 24;
/// How many keys are weighed to reckon the size of all.
const SAMPLE_KEYS: usize = 64;
/// How many elements of each of them.
const SAMPLE_ELEMENTS: usize = 5;

/// Where a node's memory goes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All together.
    pub used: u64,
    /// Before there is any data.
    pub startup: u64,
    /// What is not the dataset: start-up, tables, buffers.
    pub overhead: u64,
    /// The replication backlog.
    pub backlog: u64,
    /// Bytes waiting to be written to the append-only file.
    pub aof_buffer: u64,
}

/// The average of the first sizes times `count`.
fn sampled(sizes: impl Iterator<Item = usize>, count: usize) -> usize {
    let (total, seen) = sizes.take(SAMPLE_KEYS).fold((0, 0), |(total, seen), size| (total + size, seen + 1));
    if seen == 0 { 0 } else { (total as f64 / f64::from(seen) * count as f64) as usize }
}

/// A table with so many entries. Ours grows a segment at a time, so it never has more buckets than entries, as Redis's has right
/// after it doubled.
fn table_len(entries: usize) -> usize {
    56 + entries * (8 + ENTRY_LEN)
}

/// Bytes of a database's tables, without keys and values: the main one and the one of expiries.
pub(crate) fn tables_len(db: &Db) -> (usize, usize) {
    (
        table_len(db.len()) + db.len() * OBJECT_LEN,
        if db.expires_len() == 0 { 0 } else { table_len(db.expires_len()) },
    )
}

impl Node {
    /// Where the memory goes.
    pub(crate) fn memory(&self) -> Memory {
        let backlog = self.repl.backlog.as_ref().map_or(0, |_| self.config.repl_backlog_size.max(0) as u64);
        let aof_buffer = self.aof.info(self.now).buffer_len as u64;
        let clients: usize = self.clients.values().map(|client| client_memory(client)).sum();
        let data = self.counted_data().unwrap_or_else(|| self.sampled_data());
        let overhead = self.memory_without_clients() + aof_buffer + clients as u64;
        Memory { used: overhead + data, startup: STARTUP, overhead, backlog, aof_buffer }
    }

    /// Bytes of keys and values, from a look at some of each database.
    fn sampled_data(&self) -> u64 {
        let of = |db: &Db| {
            let sizes = db.iter().map(|(key, entry, _)| {
                let size = entry.object.memory_usage_of_key(key.len(), SAMPLE_ELEMENTS, false);
                size.saturating_sub(ENTRY_LEN + OBJECT_LEN)
            });
            sampled(sizes, db.len()) as u64
        };
        self.dbs.iter().map(of).sum()
    }

    /// Bytes of what is neither data nor a client's nor waiting for the disk.
    pub(crate) fn memory_without_clients(&self) -> u64 {
        let backlog = self.repl.backlog.as_ref().map_or(0, |_| self.config.repl_backlog_size.max(0) as u64);
        let tables = |db: &Db| {
            let (main, expires) = tables_len(db);
            (main + expires) as u64
        };
        STARTUP + backlog + self.dbs.iter().filter(|db| !db.is_empty()).map(tables).sum::<u64>()
    }

    /// Bytes of memory that the node's data takes (`used_memory`).
    pub fn used_memory(&self) -> u64 {
        self.memory().used
    }
}
