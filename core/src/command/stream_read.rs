//! XREAD and XREADGROUP (t_stream.c, blocked.c 7.0.15).
//!
//! XREADGROUP writes: what it hands out becomes pending. It is propagated as what that comes to, an XCLAIM for each entry, or for
//! NOACK the group's new place, so a replica needs no clock and no order of its own.
//!
//! A client that waits has its command run again with the ids that `$` stood for when it was sent. It is served by the stream's last
//! id, not by its last living entry, as in Redis: a stream whose new entries were deleted at once gives it an empty list.

use super::Handlers;
use super::stream::{count_at, entry_id, push_entries, push_entry, push_id};
use crate::exec::{Done, Error, Exec, notify};
use crate::resp::reply::printed;
use crate::store::stream::{Id, Nack};
use crate::store::{Object, Str, Stream, num};

pub(crate) const HANDLERS: Handlers = &[("xread", xread), ("xreadgroup", xread)];

/// How many entries a client gets at the most that waited and gave no count.
const BLOCKED_COUNT: usize = 1000;

/// What is asked for.
struct Ask<'a> {
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// Until when to wait (wall clock, milliseconds; forever), if at all.
    block: Option<Option<i64>>,
    /// The most entries of a stream; 0 is all.
    count: usize,
    no_ack: bool,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
}

impl<'a> Ask<'a> {
    fn parse(exec: &Exec<'a>) -> Result<Ask<'a>, Error> {
        let args: &'a [&'a [u8]] = exec.args;
        let grouped = exec.command.name() == "xreadgroup";
        let mut ask = Ask { group: None, block: None, count: 0, no_ack: false, keys: &[], ids: &[] };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if exec.arg_is(at, "block") && more > 0 {
                at += 1;
                let ms = num::parse_i64(args[at])
                    .ok_or(Error::fixed("timeout is not an integer or out of range"))?;
                if ms < 0 {
                    return Err(Error::fixed("timeout is negative"));
                }
                ask.block = Some((ms > 0).then(|| exec.now_ms().saturating_add(ms)));
            } else if exec.arg_is(at, "count") && more > 0 {
                at += 1;
                ask.count = count_at(exec, at)?;
            } else if exec.arg_is(at, "streams") && more > 0 {
                let rest = &args[at + 1..];
                if !rest.len().is_multiple_of(2) {
                    return Err(Error::fixed(
                        "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
                    ));
                }
                (ask.keys, ask.ids) = rest.split_at(rest.len() / 2);
                break;
            } else if exec.arg_is(at, "group") && more >= 2 {
                if !grouped {
                    return Err(Error::fixed(
                        "The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                ask.group = Some((args[at + 1], args[at + 2]));
                at += 2;
            } else if exec.arg_is(at, "noack") {
                if !grouped {
                    return Err(Error::fixed(
                        "The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                ask.no_ack = true;
            } else {
                return Err(Error::SYNTAX);
            }
            at += 1;
        }
        if ask.keys.is_empty() {
            return Err(Error::SYNTAX);
        }
        if grouped && ask.group.is_none() {
            return Err(Error::fixed("Missing GROUP option for XREADGROUP"));
        }
        Ok(ask)
    }
}

/// `XREAD [COUNT count] [BLOCK ms] STREAMS key [key …] id [id …]`,
/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [key …] id [id …]`
fn xread(exec: &mut Exec<'_>) -> Done {
    let ask = Ask::parse(exec)?;
    exec.propagate_nothing();
    if let Some(ready) = exec.ready_key {
        return serve_waiting(exec, ask, ready);
    }
    let mut after = Vec::with_capacity(ask.keys.len());
    for (&key, &id) in ask.keys.iter().zip(ask.ids) {
        let stream = exec.read_stream(key)?;
        if let Some((group, _)) = ask.group
            && stream.is_none_or(|stream| stream.group(group).is_none())
        {
            return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        after.push(match printed(id, id.len()) {
            b"$" if ask.group.is_some() => {
                return Err(Error::fixed(
                    "The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                     consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                     return an empty result set.",
                ));
            }
            b"$" => stream.map_or(Id::MIN, |stream| stream.log.last_id),
            b">" if ask.group.is_none() => {
                return Err(Error::fixed(
                    "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
                ));
            }
            b">" => Id::MAX,
            id => entry_id(id)?,
        });
    }
    let begin = exec.reply.begin();
    let mut served = 0;
    for (&key, &after) in ask.keys.iter().zip(&after) {
        let Some(stream) = exec.read_stream(key)? else { continue };
        let mut after = after;
        let history = ask.group.is_some() && after != Id::MAX;
        if let Some((group, _)) = ask.group.filter(|_| !history) {
            after = stream.group(group).map_or(Id::MAX, |group| group.last_id);
        }
        if !history && (stream.log.len == 0 || stream.log.top() <= after) {
            continue;
        }
        served += 1;
        if !exec.reply.is_resp3() {
            exec.reply.array(2);
        }
        exec.reply.bulk(key);
        serve(exec, &ask, key, after, history)?;
    }
    if served > 0 {
        if exec.reply.is_resp3() {
            exec.reply.end_map(begin, served);
        } else {
            exec.reply.end_array(begin, served);
        }
        return Ok(());
    }
    exec.reply.abandon(begin);
    match ask.block {
        Some(deadline_ms) if exec.may_block() => {
            // `$` means what it meant when it was sent.
            let ids: Vec<String> = after.into_iter().map(Id::text).collect();
            let mut args = exec.args.to_vec();
            let from = args.len() - ids.len();
            if ask.group.is_none() {
                for (at, id) in ids.iter().enumerate() {
                    args[from + at] = id.as_bytes();
                }
            }
            exec.block_as(&args, ask.keys, deadline_ms);
        }
        _ => exec.reply.null_array(),
    }
    Ok(())
}

/// `-NOGROUP`, of a key or a group that is not there.
pub(super) fn no_group(key: &[u8], group: &[u8], after: &str) -> Error {
    let [key, group] = [key, group].map(|name| printed(name, name.len()));
    let text = [b"-NOGROUP No such key '", key, b"' or consumer group '", group, b"'", after.as_bytes()];
    Error::new(text.concat())
}

/// Gives a client that waited what the stream at a key has for it (`serveClientsBlockedOnStreamKey`).
fn serve_waiting(exec: &mut Exec<'_>, mut ask: Ask<'_>, ready: &[u8]) -> Done {
    let after = ask.keys.iter().position(|key| *key == ready).map(|at| ask.ids[at]);
    let found = if exec.exists(ready) { exec.raw_db().get(ready) } else { None };
    let (last_id, after) = match (found, ask.group) {
        (Some(Object::Stream(stream)), Some((name, _))) => match stream.group(name) {
            Some(group) => (stream.log.last_id, group.last_id),
            None => {
                return Err(Error::fixed(
                    "-NOGROUP the consumer group this client was blocked on no longer exists",
                ));
            }
        },
        (Some(Object::Stream(stream)), None) => (stream.log.last_id, entry_id(after.unwrap_or_default())?),
        (_, Some(_)) => return Err(Error::fixed("-UNBLOCKED the stream key no longer exists")),
        (_, None) => return Ok(()),
    };
    if last_id <= after {
        return Ok(());
    }
    if ask.count == 0 {
        ask.count = BLOCKED_COUNT;
    }
    if exec.reply.is_resp3() {
        exec.reply.map(1);
    } else {
        exec.reply.array(1);
        exec.reply.array(2);
    }
    exec.reply.bulk(ready);
    serve(exec, &ask, ready, after, false)
}

/// Writes the entries of one stream after an id, or with `history` those that are pending with the consumer, and keeps the
/// group's books (`streamReplyWithRange`).
fn serve(exec: &mut Exec<'_>, ask: &Ask<'_>, key: &[u8], after: Id, history: bool) -> Done {
    let start = after.next().unwrap_or(Id::MIN);
    let now_ms = exec.now_ms();
    let reply = &mut *exec.reply;
    let Some((group_name, consumer)) = ask.group else {
        if let Some(Object::Stream(stream)) = exec.node.dbs[exec.db].get(key) {
            push_entries(reply, stream.log.range(start, Id::MAX, false), ask.count);
        }
        return Ok(());
    };
    let found = exec.node.found_as::<Stream>(exec.db, key).and_then(|stream| stream.group_mut(group_name));
    let Some((log, group)) = found else { return Ok(()) };
    let is_new = group.see(consumer, now_ms);
    let count = if ask.count == 0 { usize::MAX } else { ask.count };
    let mut claimed = Vec::new();
    let mut moved = false;
    if history {
        let ids = group.pending_of(consumer, start, count);
        reply.array(ids.len());
        for id in ids {
            match log.get(id) {
                Some(entry) => {
                    push_entry(reply, &entry);
                    if let Some(nack) = group.pending.get_mut(id) {
                        nack.time_ms = now_ms;
                        nack.count = nack.count.wrapping_add(1);
                    }
                }
                None => {
                    reply.array(2);
                    push_id(reply, id);
                    reply.null_array();
                }
            }
        }
    } else {
        let owner = Str::from(consumer);
        let begin = reply.begin();
        let mut len = 0;
        for entry in log.range(start, Id::MAX, false).take(count) {
            moved |= group.read_on(log, entry.id);
            push_entry(reply, &entry);
            len += 1;
            if !ask.no_ack {
                let nack = Nack { time_ms: now_ms, count: 1, owner: owner.clone() };
                group.assign(entry.id, nack.clone());
                claimed.push((entry.id, nack, group.last_id));
            }
        }
        reply.end_array(begin, len);
    }
    let (last_id, read) = (group.last_id, group.entries_read);
    if is_new {
        created(exec, key);
        if ask.no_ack {
            exec.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group_name, consumer]);
        }
    }
    for (id, nack, last_id) in &claimed {
        propagate_claim(exec, group_name, key, id.text().as_bytes(), nack, *last_id);
    }
    if moved && ask.no_ack {
        propagate_place(exec, group_name, key, last_id, read);
    }
    exec.dirty(1);
    Ok(())
}

/// A consumer came into being.
pub(super) fn created(exec: &mut Exec<'_>, key: &[u8]) {
    exec.dirty(1);
    exec.notify(notify::STREAM, "xgroup-createconsumer", key);
}

/// Propagates that an entry is pending as it is now (`streamPropagateXCLAIM`).
pub(super) fn propagate_claim(
    exec: &mut Exec<'_>,
    group: &[u8],
    key: &[u8],
    id: &[u8],
    nack: &Nack,
    last_id: Id,
) {
    let (time, count) = (num::I64Text::new(nack.time_ms), num::I64Text::new(nack.count as i64));
    let (time, count) = (time.as_slice(), count.as_slice());
    let last = last_id.text();
    exec.propagate_as(&[
        b"XCLAIM",
        key,
        group,
        &nack.owner,
        b"0",
        id,
        b"TIME",
        time,
        b"RETRYCOUNT",
        count,
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last.as_bytes(),
    ]);
}

/// Propagates how far a group has read (`streamPropagateGroupID`).
pub(super) fn propagate_place(exec: &mut Exec<'_>, group: &[u8], key: &[u8], last_id: Id, read: i64) {
    let (last, read) = (last_id.text(), num::I64Text::new(read));
    exec.propagate_as(&[b"XGROUP", b"SETID", key, group, last.as_bytes(), b"ENTRIESREAD", read.as_slice()]);
}
