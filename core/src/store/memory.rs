//! MEMORY USAGE: what a key costs in a real Redis.
//!
//! Users compare this number with the servers they run, so it is Redis's own estimate (`objectComputeSize`, object.c 7.0.15): the
//! sizes of its C structures, rounded up to the size classes of its allocator (jemalloc on Linux), with elements sampled.
//! It follows from the data alone and is the same on every platform. What our structures really take is similar but not
//! equal; [`Db::structure_len`](super::Db::structure_len) says that.

use super::hash::Hash;
use super::object::{Object, StrValue};
use super::quicklist::{List, Node};
use super::set::Set;
use super::stream::{Id, SAMPLE, Stream, radix_nodes, scale};
use super::zset::Zset;
use std::rc::Rc;

/// `sizeof` of Redis's structures on a 64-bit machine.
const OBJECT: usize = 16;
const DICT: usize = 56;
const DICT_ENTRY: usize = 24;
const QUICKLIST: usize = 40;
const QUICKLIST_NODE: usize = 40;
/// `zset`, `zskiplist`, and the allocation of the header node with its 32 levels.
const SKIPLIST: usize = 16 + 32 + 640;
/// The mean allocation of a skiplist node, whose height is random: the levels' chances weighted by size class.
const SKIPLIST_NODE: usize = 53;
/// `stream`, `streamCG`, `streamConsumer` and `streamNACK`.
const STREAM: usize = 80;
const STREAM_GROUP: usize = 40;
const STREAM_CONSUMER: usize = 24;
const STREAM_NACK: usize = 24;
/// What the last block of a stream gets at once (`STREAM_LISTPACK_MAX_PRE_ALLOCATE`).
const STREAM_BLOCK: usize = 4096;
/// Two links of the list of keys of a slot.
const CLUSTER_METADATA: usize = 16;

/// What jemalloc allocates for a request: multiples of 16 up to 128, then four classes to each doubling.
fn allocated(size: usize) -> usize {
    match size {
        0..=8 => 8,
        9..=128 => size.next_multiple_of(16),
        _ => size.next_multiple_of(size.next_power_of_two() / 8),
    }
}

/// A dynamic string: header by length, the bytes, a zero byte.
fn sds(len: usize) -> usize {
    let header = match len {
        0..32 => 1,
        32..256 => 3,
        256..65536 => 5,
        _ => 9,
    };
    allocated(header + len + 1)
}

/// `count` elements, of which the first `samples` have been measured.
fn extrapolate(sizes: impl Iterator<Item = usize>, count: usize, samples: usize) -> usize {
    let samples = if samples == 0 { usize::MAX } else { samples };
    let (sum, seen) = sizes.take(samples).fold((0, 0), |(sum, seen), size| (sum + size, seen + 1));
    if seen == 0 { 0 } else { (sum as f64 / f64::from(seen) * count as f64) as usize }
}

fn table(count: usize) -> usize {
    DICT + 8 * count.max(4).next_power_of_two()
}

impl Object {
    /// Bytes that the value takes in Redis, from the sizes of its first `samples` elements (0: all of them).
    pub fn memory_usage(&self, samples: usize) -> usize {
        OBJECT
            + match self {
                Object::Str(StrValue::Int(_)) => 0,
                Object::Str(StrValue::Embstr(text)) => allocated(OBJECT + 3 + text.len() + 1) - OBJECT,
                Object::Str(StrValue::Raw(text)) => sds(text.len()),
                Object::List(list) => list_usage(list, samples),
                Object::Set(set) => match &**set {
                    Set::Ints(ints) => allocated(ints.as_bytes().len()),
                    Set::Table(dict) => {
                        let sizes = dict.iter().map(|(member, ())| DICT_ENTRY + sds(member.len()));
                        table(dict.len()) + extrapolate(sizes, dict.len(), samples)
                    }
                },
                Object::Hash(hash) => match &**hash {
                    Hash::Pack(pack) => allocated(pack.byte_len()),
                    Hash::Table(dict) => {
                        let sizes = dict.iter().map(|(f, v)| DICT_ENTRY + sds(f.len()) + sds(v.len()));
                        table(dict.len()) + extrapolate(sizes, dict.len(), samples)
                    }
                },
                Object::Zset(zset) => match &**zset {
                    Zset::Pack(pack) => allocated(pack.byte_len()),
                    Zset::Tree { order, .. } => {
                        let sizes =
                            order.iter_from(0).map(|i| DICT_ENTRY + SKIPLIST_NODE + sds(i.member.len()));
                        SKIPLIST + table(order.len()) + extrapolate(sizes, order.len(), samples)
                    }
                },
                Object::Stream(stream) => stream_usage(stream, samples),
            }
    }

    /// Whether another value is this one: the same memory, or the same small value.
    pub(super) fn is_same(&self, other: &Object) -> bool {
        match (self, other) {
            (Object::Str(StrValue::Int(mine)), Object::Str(StrValue::Int(theirs))) => mine == theirs,
            (Object::Str(StrValue::Embstr(mine)), Object::Str(StrValue::Embstr(theirs)))
            | (Object::Str(StrValue::Raw(mine)), Object::Str(StrValue::Raw(theirs))) => mine.is_same(theirs),
            (Object::List(mine), Object::List(theirs)) => Rc::ptr_eq(mine, theirs),
            (Object::Set(mine), Object::Set(theirs)) => Rc::ptr_eq(mine, theirs),
            (Object::Hash(mine), Object::Hash(theirs)) => Rc::ptr_eq(mine, theirs),
            (Object::Zset(mine), Object::Zset(theirs)) => Rc::ptr_eq(mine, theirs),
            (Object::Stream(mine), Object::Stream(theirs)) => Rc::ptr_eq(mine, theirs),
            _ => false,
        }
    }

    /// This value for the place of another that is equal and has memory of its own; `None` if it is not, or has none.
    pub(super) fn lend(&self, other: &Object) -> Option<Object> {
        let value = match (self, other) {
            (Object::Str(StrValue::Embstr(mine)), Object::Str(StrValue::Embstr(theirs))) => {
                StrValue::Embstr(mine.lend(theirs)?)
            }
            (Object::Str(StrValue::Raw(mine)), Object::Str(StrValue::Raw(theirs))) => {
                StrValue::Raw(mine.lend(theirs)?)
            }
            _ => return None,
        };
        Some(Object::Str(value))
    }

    /// Bytes of our own memory, about, that this value keeps alive and `other`, what a clone of the database has under the key,
    /// does not.
    pub(super) fn unshared(&self, other: Option<&Object>) -> usize {
        let text = |value: &StrValue| match value {
            StrValue::Int(_) => (std::ptr::null(), 0),
            StrValue::Embstr(text) | StrValue::Raw(text) => (text.as_slice().as_ptr(), text.heap_len()),
        };
        let grown = || {
            let all = self.memory_usage(5);
            if other.is_some() { (all / 16).max(all.min(512)) } else { all }
        };
        match (self, other) {
            (Object::Str(mine), Some(Object::Str(theirs))) if text(mine).0 == text(theirs).0 => 0,
            (Object::Str(mine), _) => text(mine).1,
            (Object::List(mine), Some(Object::List(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            (Object::Set(mine), Some(Object::Set(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            (Object::Hash(mine), Some(Object::Hash(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            (Object::Zset(mine), Some(Object::Zset(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            (Object::Stream(mine), Some(Object::Stream(theirs))) if Rc::ptr_eq(mine, theirs) => 0,
            _ => grown(),
        }
    }

    /// Bytes that the value takes under a key of `key_len` bytes (MEMORY USAGE).
    pub fn memory_usage_of_key(&self, key_len: usize, samples: usize, cluster: bool) -> usize {
        self.memory_usage(samples) + sds(key_len) + DICT_ENTRY + if cluster { CLUSTER_METADATA } else { 0 }
    }
}

fn list_usage(list: &List, samples: usize) -> usize {
    let sizes = list.nodes().map(|node| {
        QUICKLIST_NODE
            + allocated(match node {
                Node::Packed(pack) => pack.byte_len(),
                Node::Plain(bytes) => bytes.len(),
            })
    });
    QUICKLIST + extrapolate(sizes, list.nodes().len(), samples)
}

/// A radix tree of ids, as Redis guesses it (`streamRadixTreeMemoryUsage`): 30 words and a header to a node.
fn radix_usage(ids: usize, nodes: usize) -> usize {
    16 * ids + nodes * (4 + 30 * 8)
}

/// A stream: the first blocks stand for the others, but the last, which has room to grow.
fn stream_usage(stream: &Stream, samples: usize) -> usize {
    let blocks = &stream.log.blocks;
    let last = blocks.last().map_or(0, |(_, pack)| allocated(pack.byte_len().max(STREAM_BLOCK)));
    let others = blocks.len().saturating_sub(1);
    let sizes = blocks.iter().take(others).map(|(_, pack)| allocated(pack.byte_len()));
    let mut bytes = STREAM
        + radix_usage(blocks.len(), stream.log.radix_nodes(SAMPLE))
        + extrapolate(sizes, others, samples)
        + last;
    for (_, group) in stream.groups() {
        let pending = &group.pending;
        let ids: Vec<Id> = pending.iter().take(SAMPLE).map(|(id, _)| id).collect();
        let tree = radix_usage(pending.len(), radix_nodes(&ids, pending.len()));
        bytes += STREAM_GROUP + tree + STREAM_NACK * pending.len();
        for consumer in group.consumers() {
            // Its part of the group's tree; one without any has a node all the same.
            let own = scale(tree, consumer.pending, pending.len().max(1)).max(radix_usage(0, 1));
            bytes += STREAM_CONSUMER + consumer.name.len() + own;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::super::quicklist::End;
    use super::super::zset::AddOptions;
    use super::*;

    fn usage(object: &Object) -> usize {
        object.memory_usage_of_key(1, 5, false)
    }

    /// Replies of redis-server 7.0.15 to MEMORY USAGE for a key of one byte.
    #[test]
    fn strings_and_packed_values_as_redis_counts_them() {
        assert_eq!(usage(&Object::string(b"12345678")), 48);
        for (len, size) in [
            (1, 64),
            (12, 64),
            (43, 96),
            (44, 96),
            (45, 112),
            (63, 128),
            (100, 160),
            (252, 304),
            (253, 368),
            (256, 368),
            (1000, 1072),
            (5000, 5168),
            (100_000, 114_736),
        ] {
            assert_eq!(usage(&Object::string(&vec![b'x'; len])), size, "{len}");
        }
        let limits = Limits::default();
        let mut list = Object::list(&limits);
        (0..1000).for_each(|i| list.list_mut().unwrap().push(End::Tail, i.to_string().as_bytes()));
        assert_eq!(usage(&list), 3200);
        let mut list = Object::list(&limits);
        (0..100).for_each(|_| list.list_mut().unwrap().push(End::Tail, &[b'x'; 1000]));
        assert_eq!(usage(&list), 107_104);
        let mut set = Object::set(b"0", &limits);
        for i in 0..513 {
            set.set_mut().unwrap().add(i.to_string().as_bytes(), &limits);
            if i == 511 {
                assert_eq!(usage(&set), 1328);
            }
        }
        assert_eq!(usage(&set), 24_712);
        let mut hash = Object::hash();
        for i in 0..513 {
            let text = i.to_string();
            hash.hash_mut().unwrap().set(text.as_bytes(), text.as_bytes(), &limits);
            if i == 511 {
                assert_eq!(usage(&hash), 3120);
            }
        }
        assert_eq!(usage(&hash), 28_816);
        assert_eq!(Object::string(b"x").memory_usage_of_key(100, 5, false), 168);
    }

    #[test]
    fn a_skiplist_is_near_what_redis_says() {
        let limits = Limits::default();
        let mut zset = Object::zset(1, &limits);
        for i in 0..1000 {
            zset.zset_mut().unwrap().add(
                f64::from(i),
                format!("m{i}").as_bytes(),
                AddOptions::default(),
                &limits,
            );
        }
        // Redis said 95,384; node heights are random.
        assert!((90_000..100_000).contains(&usage(&zset)), "{}", usage(&zset));
    }
}
