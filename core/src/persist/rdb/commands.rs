//! The other form of an append-only file's base (`aof-use-rdb-preamble no`): the commands that build the dataset
//! (`rewriteAppendOnlyFileRio`, aof.c 7.0.15).

use crate::persist::aof::encode::annotation;
use crate::persist::file::Source;
use crate::resp::{encode_command, push_bulk, push_header};
use crate::store::float::d2string;
use crate::store::listpack::Value;
use crate::store::num::I64Text;
use crate::store::{Db, Object, Snapshot, Stream};
use std::collections::VecDeque;
use std::rc::Rc;

/// The most elements that one command adds (`AOF_REWRITE_ITEMS_PER_CMD`).
const ITEMS_PER_COMMAND: usize = 64;

/// A base in the making.
#[derive(Clone)]
pub struct CommandWriter {
    head: Vec<u8>,
    databases: VecDeque<(usize, Snapshot)>,
    selected: Option<usize>,
}

impl CommandWriter {
    /// The commands that build these databases, given in order, as they are now. `timestamp_s` is the wall clock in
    /// seconds if annotations are wanted; `functions` is the code of the function libraries.
    pub fn new<'a>(
        databases: impl IntoIterator<Item = &'a Db>,
        timestamp_s: Option<i64>,
        functions: &[Rc<[u8]>],
    ) -> CommandWriter {
        let mut head = timestamp_s.map(annotation).unwrap_or_default();
        for code in functions {
            encode_command(&mut head, &[&b"FUNCTION"[..], b"LOAD", code]);
        }
        let databases = databases.into_iter().enumerate().filter(|(_, db)| !db.is_empty());
        let databases = databases.map(|(index, db)| (index, db.snapshot())).collect();
        CommandWriter { head, databases, selected: None }
    }
}

impl Source for CommandWriter {
    fn fill(&mut self, len: usize, out: &mut Vec<u8>) -> bool {
        let end = out.len() + len;
        out.append(&mut self.head);
        while out.len() < end {
            let Some((index, snapshot)) = self.databases.front_mut() else { return false };
            if self.selected != Some(*index) {
                self.selected = Some(*index);
                encode_command(out, &[&b"SELECT"[..], index.to_string().as_bytes()]);
            }
            match snapshot.next() {
                Some((key, entry, expire)) => {
                    push_object(out, &key, &entry.object);
                    if let Some(at_ms) = expire {
                        encode_command(out, &[&b"PEXPIREAT"[..], &key, I64Text::new(at_ms).as_slice()]);
                    }
                }
                None => {
                    self.databases.pop_front();
                }
            }
        }
        !self.databases.is_empty()
    }
}

/// Appends one element of a command.
fn push_value(out: &mut Vec<u8>, value: Value<'_>) {
    value.with(|bytes| push_bulk(out, bytes));
}

/// Appends the commands that add `count` items, `width` arguments each, to a key.
fn push_items<T>(
    out: &mut Vec<u8>,
    name: &[u8],
    key: &[u8],
    (count, width): (usize, usize),
    items: impl Iterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    for (done, item) in items.enumerate() {
        if done % ITEMS_PER_COMMAND == 0 {
            push_header(out, b'*', (2 + (count - done).min(ITEMS_PER_COMMAND) * width) as i64);
            push_bulk(out, name);
            push_bulk(out, key);
        }
        push(out, item);
    }
}

/// Appends the commands that build a value.
pub fn push_object(out: &mut Vec<u8>, key: &[u8], object: &Object) {
    match object {
        Object::Str(value) => value.with(|bytes| encode_command(out, &[&b"SET"[..], key, bytes])),
        Object::List(list) => push_items(out, b"RPUSH", key, (list.len(), 1), list.iter(), push_value),
        Object::Set(set) => push_items(out, b"SADD", key, (set.len(), 1), set.iter(), push_value),
        Object::Hash(hash) => {
            push_items(out, b"HMSET", key, (hash.len(), 2), hash.iter(), |out, (field, value)| {
                push_value(out, field);
                push_value(out, value);
            });
        }
        Object::Zset(zset) => {
            push_items(out, b"ZADD", key, (zset.len(), 2), zset.iter(), |out, (member, score)| {
                push_bulk(out, d2string(score).as_bytes());
                push_value(out, member);
            });
        }
        Object::Stream(stream) => push_stream(out, key, stream),
    }
}

/// Appends the commands that build a stream (`rewriteStreamObject`).
fn push_stream(out: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    let log = &stream.log;
    for entry in log.iter() {
        push_header(out, b'*', 3 + 2 * entry.len as i64);
        for part in [b"XADD", key, entry.id.text().as_bytes()] {
            push_bulk(out, part);
        }
        for piece in entry.pieces() {
            push_value(out, piece);
        }
    }
    if log.len == 0 {
        // Nothing but XADD makes a stream, so this one loses what it is given.
        encode_command(out, &[&b"XADD"[..], key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    let (last, deleted, added) =
        (log.last_id.text(), log.max_deleted_id.text(), log.entries_added.to_string());
    let (last, deleted, added) = (last.as_bytes(), deleted.as_bytes(), added.as_bytes());
    encode_command(out, &[&b"XSETID"[..], key, last, b"ENTRIESADDED", added, b"MAXDELETEDID", deleted]);
    for (name, group) in stream.groups() {
        let (last, read) = (group.last_id.text(), I64Text::new(group.entries_read));
        let (last, read) = (last.as_bytes(), read.as_slice());
        encode_command(out, &[&b"XGROUP"[..], b"CREATE", key, name, last, b"ENTRIESREAD", read]);
        for (consumer, pending) in group.consumers().iter().zip(group.pending_by_consumer()) {
            if pending.is_empty() {
                encode_command(out, &[&b"XGROUP"[..], b"CREATECONSUMER", key, name, &consumer.name]);
            }
            for (id, nack) in pending {
                let (id, time) = (id.text(), I64Text::new(nack.time_ms));
                let count = nack.count.to_string();
                encode_command(
                    out,
                    &[
                        &b"XCLAIM"[..],
                        key,
                        name,
                        &consumer.name,
                        b"0",
                        id.as_bytes(),
                        b"TIME",
                        time.as_slice(),
                        b"RETRYCOUNT",
                        count.as_bytes(),
                        b"JUSTID",
                        b"FORCE",
                    ],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Limits;
    use crate::store::quicklist::End;

    #[test]
    fn big_lists_take_several_commands() {
        let limits = Limits::default();
        let mut list = Object::list(&limits);
        for i in 0..130 {
            list.list_mut().unwrap().push(End::Tail, i.to_string().as_bytes());
        }
        let mut out = Vec::new();
        push_object(&mut out, b"k", &list);
        let text = String::from_utf8(out).unwrap();
        let heads: Vec<&str> = text.lines().filter(|line| line.starts_with('*')).collect();
        assert_eq!(heads, ["*66", "*66", "*4"]);
        assert!(text.ends_with("$5\r\nRPUSH\r\n$1\r\nk\r\n$3\r\n128\r\n$3\r\n129\r\n"));
    }
}
