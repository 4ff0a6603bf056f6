//! Streams in RDB files (`rdbSaveObject`, `rdbLoadObject`, rdb.c 7.0.15): the blocks as they are, what is known of the log, then the
//! groups, each with its pending entries and, consumer by consumer, who has them.

use super::decode::{Cursor, DecodeError, corrupt};
use super::encode::{Encoder, push_len};
use crate::store::stream::block::{Head, is_valid};
use crate::store::stream::{Group, Id, IdMap, Log, Nack};
use crate::store::{Listpack, Object, Str, Stream};
use std::rc::Rc;

fn push_all(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|number| push_len(out, *number));
}

/// Goes on writing until `out` has `len` bytes or all is written; true in the latter case. `done` counts what is: the blocks, whose
/// number stands there already, the log, the groups.
pub(super) fn write(
    stream: &Stream,
    done: &mut usize,
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
    len: usize,
) -> bool {
    let log = &stream.log;
    for (id, pack) in log.blocks.iter().skip(*done) {
        if out.len() >= len {
            return false;
        }
        encoder.push_string(out, &id.to_bytes());
        encoder.push_string(out, pack.as_bytes());
        *done += 1;
    }
    if *done == log.blocks.len() {
        let (last, first, deleted) = (log.last_id, log.first_id, log.max_deleted_id);
        let groups = stream.groups().len() as u64;
        push_all(out, &[log.len, last.ms, last.seq, first.ms, first.seq, deleted.ms, deleted.seq]);
        push_all(out, &[log.entries_added, groups]);
        *done += 1;
    }
    for (name, group) in stream.groups().iter().skip(*done - log.blocks.len() - 1) {
        if out.len() >= len {
            return false;
        }
        write_group(name, group, encoder, out);
        *done += 1;
    }
    true
}

fn write_group(name: &[u8], group: &Group, encoder: &mut Encoder, out: &mut Vec<u8>) {
    encoder.push_string(out, name);
    let (last, read, pending) = (group.last_id, group.entries_read as u64, group.pending.len() as u64);
    push_all(out, &[last.ms, last.seq, read, pending]);
    for (id, nack) in group.pending.iter() {
        out.extend_from_slice(&id.to_bytes());
        out.extend_from_slice(&nack.time_ms.to_le_bytes());
        push_len(out, nack.count);
    }
    push_len(out, group.consumers().len() as u64);
    for (consumer, pending) in group.consumers().iter().zip(group.pending_by_consumer()) {
        encoder.push_string(out, &consumer.name);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        push_len(out, pending.len() as u64);
        for (id, _) in pending {
            out.extend_from_slice(&id.to_bytes());
        }
    }
}

fn take_all(cursor: &mut Cursor<'_>, numbers: &mut [u64]) -> Result<(), DecodeError> {
    for number in numbers {
        *number = cursor.length()?;
    }
    Ok(())
}

/// A stream; `counted` in today's form, which says what was added and deleted (type 19), else in that of 5.0 to 6.2.
pub(super) fn read(cursor: &mut Cursor<'_>, counted: bool) -> Result<Object, DecodeError> {
    let (mut log, mut live) = (Log::default(), 0u64);
    for _ in 0..cursor.length()? {
        let Ok(key) = <[u8; 16]>::try_from(&*cursor.string()?) else {
            return corrupt(2341, "Stream node key entry is not the size of a stream ID");
        };
        let pack = Listpack::from_bytes(cursor.string()?.into_owned());
        let Some(pack) = pack.ok().filter(is_valid) else {
            return corrupt(2360, "Stream listpack integrity check failed.");
        };
        live = live.saturating_add(Head::of(&pack).live);
        let id = Id::from_bytes(key);
        let Err(at) = log.blocks.binary_search_by_key(&id, |(other, _)| *other) else {
            return corrupt(2383, "Listpack re-added with existing key");
        };
        log.blocks.insert(at, (id, Rc::new(pack)));
    }
    let mut known = [0; 8];
    take_all(cursor, &mut known[..if counted { 8 } else { 3 }])?;
    let id = |at: usize| Id { ms: known[at], seq: known[at + 1] };
    (log.len, log.last_id) = (known[0], id(1));
    (log.first_id, log.max_deleted_id, log.entries_added) = (id(3), id(5), known[7]);
    if !counted {
        log.entries_added = log.len;
        log.first_id = log.edge(false);
    }
    if log.len != live {
        return corrupt(2428, "Stream length inconsistent with rax entries");
    }
    let mut stream = Stream::new(log);
    for _ in 0..cursor.length()? {
        let name = cursor.string()?;
        let mut known = [0; 3];
        take_all(cursor, &mut known[..if counted { 3 } else { 2 }])?;
        let last_id = Id { ms: known[0], seq: known[1] };
        let read = if counted { known[2] as i64 } else { stream.log.added_up_to(last_id).unwrap_or(-1) };
        let group = group(cursor, Group::new(last_id, read))?;
        if !stream.add_group(&name, group) {
            return corrupt(2478, "Duplicated consumer group name");
        }
    }
    Ok(Object::Stream(Rc::new(stream)))
}

/// What is pending in a group, and who has it.
fn group(cursor: &mut Cursor<'_>, mut group: Group) -> Result<Group, DecodeError> {
    let mut unowned = IdMap::default();
    for _ in 0..cursor.length()? {
        let id = Id::from_bytes(cursor.array()?);
        let time_ms = i64::from_le_bytes(cursor.array()?);
        let nack = Nack { time_ms, count: cursor.length()?, owner: Str::new() };
        if unowned.insert(id, nack).is_some() {
            return corrupt(2514, "Duplicated global PEL entry loading stream consumer group");
        }
    }
    for _ in 0..cursor.length()? {
        let owner = Str::from(&*cursor.string()?);
        if !group.see(&owner, i64::from_le_bytes(cursor.array()?)) {
            return corrupt(2542, "Duplicate stream consumer detected.");
        }
        for _ in 0..cursor.length()? {
            let id = Id::from_bytes(cursor.array()?);
            let Some(nack) = unowned.remove(id) else {
                return corrupt(2572, "Consumer entry not found in group global PEL");
            };
            group.assign(id, Nack { owner: owner.clone(), ..nack });
        }
    }
    if !unowned.is_empty() {
        return corrupt(2602, "Stream CG PEL entry without consumer");
    }
    Ok(group)
}
