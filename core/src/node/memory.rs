//! How much memory a node's data takes. There is no allocator to ask, and asking one would not be deterministic: sizes are reckoned
//! from the data, in the way of `objectComputeSize` and `getMemoryOverheadData` (object.c 7.0.15), with Redis's own struct sizes.

use super::Node;
use crate::store::{Db, Hash, Object, Set, StrValue, Zset};

/// What an empty redis-server 7.0.15 takes on x86-64.
const STARTUP: u64 = 876_144;
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

/// Bytes of a string as Redis holds it: header, text and a closing zero, rounded to the allocator's 8 bytes.
fn sds_len(len: usize) -> usize {
    let header = match len {
        0..32 => 1,
        32..256 => 3,
        256..65_536 => 5,
        _ => 9,
    };
    (header + len + 1).next_multiple_of(8)
}

/// The average of the first `samples` sizes times `count`; with 0 samples, all of them.
fn sampled(sizes: impl Iterator<Item = usize>, count: usize, samples: usize) -> usize {
    let limit = if samples == 0 { usize::MAX } else { samples };
    let (mut total, mut seen) = (0usize, 0usize);
    for size in sizes.take(limit) {
        total += size;
        seen += 1;
    }
    if seen == 0 { 0 } else { (total as f64 / seen as f64 * count as f64) as usize }
}

/// Bytes that a value takes; of big collections `samples` elements are weighed (0 for all).
pub(crate) fn value_len(object: &Object, samples: usize) -> usize {
    OBJECT_LEN
        + match object {
            Object::Str(StrValue::Int(_)) => 0,
            Object::Str(StrValue::Embstr(text)) => text.len() + 4,
            Object::Str(StrValue::Raw(text)) => sds_len(text.len()),
            Object::List(list) => {
                let nodes = list.nodes();
                let count = nodes.len();
                40 + sampled(nodes.map(|node| 32 + node.byte_len()), count, samples)
            }
            Object::Set(set) => match &**set {
                Set::Ints(ints) => ints.as_bytes().len(),
                Set::Table(_) => {
                    table_len(set.len()) + sampled(set.iter().map(|v| sds_len(v.len())), set.len(), samples)
                }
            },
            Object::Hash(hash) => match &**hash {
                Hash::Pack(pack) => pack.byte_len(),
                Hash::Table(_) => {
                    let sizes = hash.iter().map(|(field, value)| sds_len(field.len()) + sds_len(value.len()));
                    table_len(hash.len()) + sampled(sizes, hash.len(), samples)
                }
            },
            Object::Zset(zset) => match &**zset {
                Zset::Pack(pack) => pack.byte_len(),
                Zset::Tree { .. } => {
                    // A skip list node has 1.33 levels of 16 bytes on average.
                    let sizes = zset.iter().map(|(member, _)| sds_len(member.len()) + 24 + 21);
                    table_len(zset.len()) + 32 + sampled(sizes, zset.len(), samples)
                }
            },
        }
}

/// A dict with so many entries: its struct, its buckets (a power of two) and its entries.
fn table_len(entries: usize) -> usize {
    56 + entries.next_power_of_two().max(4) * 8 + entries * ENTRY_LEN
}

/// Bytes of a key with its value (`MEMORY USAGE`).
pub(crate) fn key_len(key: &[u8], object: &Object, samples: usize) -> usize {
    sds_len(key.len()) + ENTRY_LEN + value_len(object, samples)
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
        let buffers: usize = self.clients.values().map(|c| c.query.len() + c.reply.len() + c.in_flight).sum();
        let (mut tables, mut data) = (0, 0);
        for db in self.dbs.iter().filter(|db| !db.is_empty()) {
            let (main, expires) = tables_len(db);
            tables += main + expires;
            let sizes = db.iter().map(|(key, entry, _)| {
                sds_len(key.len()) + value_len(&entry.object, SAMPLE_ELEMENTS) - OBJECT_LEN
            });
            data += sampled(sizes, db.len(), SAMPLE_KEYS);
        }
        let overhead = STARTUP + backlog + aof_buffer + buffers as u64 + tables as u64;
        Memory { used: overhead + data as u64, startup: STARTUP, overhead, backlog, aof_buffer }
    }

    /// Bytes of memory that the node's data takes (`used_memory`).
    pub(crate) fn used_memory(&self) -> u64 {
        self.memory().used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limits;

    #[test]
    fn more_data_takes_more() {
        let limits = Limits::default();
        let mut list = Object::list(&limits);
        let small = value_len(&list, 0);
        if let Some(list) = list.list_mut() {
            for _ in 0..1000 {
                list.push(crate::store::quicklist::End::Tail, b"some element");
            }
        }
        assert!(value_len(&list, 0) > small + 12_000);
        assert_eq!(value_len(&Object::string(b"12345"), 0), OBJECT_LEN);
        assert!(key_len(b"key", &Object::string(&[b'x'; 1000]), 0) > 1000);
    }
}
