//! XINFO (t_stream.c 7.0.15).

use super::stream::{count_at, push_entries, push_entry, push_id};
use super::stream_group::no_group_of_key;
use super::{Handlers, bad_subcommand, help};
use crate::exec::{Done, Error, Exec};
use crate::resp::reply::Reply;
use crate::store::Stream;
use crate::store::stream::{Group, Id, Nack};
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("xinfo|stream", xinfo_stream),
    ("xinfo|groups", xinfo_groups),
    ("xinfo|consumers", xinfo_consumers),
    ("xinfo|help", xinfo_help),
];

/// How many entries and pending ones FULL shows without a count.
const FULL_COUNT: usize = 10;

fn stream(exec: &mut Exec<'_>) -> Result<Rc<Stream>, Error> {
    exec.shared(exec.args[2])?.ok_or(Error::NO_SUCH_KEY)
}

fn number(reply: &mut Reply, name: &str, value: i64) {
    reply.bulk_str(name);
    reply.integer(value);
}

fn id(reply: &mut Reply, name: &str, value: Id) {
    reply.bulk_str(name);
    push_id(reply, value);
}

fn number_or_null(reply: &mut Reply, name: &str, value: Option<i64>) {
    reply.bulk_str(name);
    match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

/// How far a group has come, in three fields.
fn progress(reply: &mut Reply, stream: &Stream, group: &Group) {
    id(reply, "last-delivered-id", group.last_id);
    number_or_null(reply, "entries-read", Some(group.entries_read).filter(|&read| read != -1));
    number_or_null(reply, "lag", group.lag(&stream.log));
}

/// `XINFO STREAM key [FULL [COUNT count]]`
fn xinfo_stream(exec: &mut Exec<'_>) -> Done {
    let stream = stream(exec)?;
    let mut full = None;
    if exec.args.len() > 3 {
        let counted = exec.args.len() == 6 && exec.arg_is(4, "count");
        if !exec.arg_is(3, "full") || !(counted || exec.args.len() == 4) {
            return Err(bad_subcommand(exec));
        }
        let negative = counted && exec.integer(5)? < 0;
        full = Some(if counted && !negative { count_at(exec, 5)? } else { FULL_COUNT });
    }
    let (log, reply) = (&stream.log, &mut *exec.reply);
    reply.map(if full.is_some() { 9 } else { 10 });
    number(reply, "length", log.len as i64);
    number(reply, "radix-tree-keys", log.blocks.len() as i64);
    number(reply, "radix-tree-nodes", log.radix_nodes(usize::MAX) as i64);
    id(reply, "last-generated-id", log.last_id);
    id(reply, "max-deleted-entry-id", log.max_deleted_id);
    number(reply, "entries-added", log.entries_added as i64);
    id(reply, "recorded-first-entry-id", log.first_id);
    let Some(count) = full else {
        number(reply, "groups", stream.groups().len() as i64);
        for (name, back) in [("first-entry", false), ("last-entry", true)] {
            reply.bulk_str(name);
            match log.range(Id::MIN, Id::MAX, back).next() {
                Some(entry) => push_entry(reply, &entry),
                None => reply.null(),
            }
        }
        return Ok(());
    };
    reply.bulk_str("entries");
    push_entries(reply, log.iter(), count);
    reply.bulk_str("groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk_str("name");
        reply.bulk(name);
        progress(reply, &stream, group);
        let pending: Vec<(Id, &Nack)> = group.pending.iter().collect();
        push_pending(reply, &pending, count, true);
        reply.bulk_str("consumers");
        reply.array(group.consumers().len());
        for (consumer, pending) in group.consumers().iter().zip(group.pending_by_consumer()) {
            reply.map(4);
            reply.bulk_str("name");
            reply.bulk(&consumer.name);
            number(reply, "seen-time", consumer.seen_ms);
            push_pending(reply, &pending, count, false);
        }
    }
    Ok(())
}

/// How much is pending, and the first `count` of it (all if 0), with their owners or without.
fn push_pending(reply: &mut Reply, pending: &[(Id, &Nack)], count: usize, owners: bool) {
    number(reply, "pel-count", pending.len() as i64);
    reply.bulk_str("pending");
    let shown = if count == 0 { pending.len() } else { count.min(pending.len()) };
    reply.array(shown);
    for (id, nack) in &pending[..shown] {
        reply.array(if owners { 4 } else { 3 });
        push_id(reply, *id);
        if owners {
            reply.bulk(&nack.owner);
        }
        reply.integer(nack.time_ms);
        reply.integer(nack.count as i64);
    }
}

/// `XINFO GROUPS key`
fn xinfo_groups(exec: &mut Exec<'_>) -> Done {
    let stream = stream(exec)?;
    let reply = &mut *exec.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk_str("name");
        reply.bulk(name);
        number(reply, "consumers", group.consumers().len() as i64);
        number(reply, "pending", group.pending.len() as i64);
        progress(reply, &stream, group);
    }
    Ok(())
}

/// `XINFO CONSUMERS key group`
fn xinfo_consumers(exec: &mut Exec<'_>) -> Done {
    let stream = stream(exec)?;
    let (key, name, now_ms) = (exec.args[2], exec.args[3], exec.now_ms());
    let group = stream.group(name).ok_or_else(|| no_group_of_key(name, key))?;
    let reply = &mut *exec.reply;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(3);
        reply.bulk_str("name");
        reply.bulk(&consumer.name);
        number(reply, "pending", consumer.pending as i64);
        number(reply, "idle", now_ms.wrapping_sub(consumer.seen_ms).max(0));
    }
    Ok(())
}

/// `XINFO HELP`
fn xinfo_help(exec: &mut Exec<'_>) -> Done {
    help(
        exec,
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    )
}
