//! Lists: LPUSH to BLMPOP (t_list.c 7.0.15).
//!
//! The blocking forms are the plain ones with a wait in front: when there is nothing to take, the client is left waiting on
//! its keys and the command runs again when one of them has something. What is propagated is always the plain form.
//!
//! A key of another type is an error when such a command is sent, and nothing at all while it waits.

use super::pops::{MultiPop, deadline};
use super::{Handlers, clip};
use crate::exec::{Done, Error, Exec, notify};
use crate::store::quicklist::End;
use crate::store::{List, Object, Str, num};
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("lpush", |exec| push(exec, End::Head, false)),
    ("rpush", |exec| push(exec, End::Tail, false)),
    ("lpushx", |exec| push(exec, End::Head, true)),
    ("rpushx", |exec| push(exec, End::Tail, true)),
    ("lpop", |exec| pop(exec, End::Head)),
    ("rpop", |exec| pop(exec, End::Tail)),
    ("llen", llen),
    ("lindex", lindex),
    ("linsert", linsert),
    ("lset", lset),
    ("lrange", lrange),
    ("ltrim", ltrim),
    ("lrem", lrem),
    ("lpos", lpos),
    ("lmove", lmove),
    ("rpoplpush", rpoplpush),
    ("blpop", |exec| blocking_pop(exec, End::Head)),
    ("brpop", |exec| blocking_pop(exec, End::Tail)),
    ("blmove", blmove),
    ("brpoplpush", brpoplpush),
    ("lmpop", |exec| multi_pop(exec, 1, false)),
    ("blmpop", |exec| multi_pop(exec, 2, true)),
];

fn push(exec: &mut Exec<'_>, end: End, only_existing: bool) -> Done {
    let key = exec.args[1];
    let values = &exec.args[2..];
    let len = match exec.node.write_as::<List>(exec.db, key, exec.client)? {
        Some(list) => {
            for value in values {
                list.push(end, value);
            }
            list.len()
        }
        None if only_existing => {
            exec.reply.integer(0);
            return Ok(());
        }
        None => {
            let mut list = List::new(&exec.node.limits);
            for value in values {
                list.push(end, value);
            }
            let len = list.len();
            exec.node.insert(exec.db, key, Object::List(Rc::new(list)));
            len
        }
    };
    exec.reply.integer(len as i64);
    exec.modified(key);
    exec.notify(notify::LIST, if end == End::Head { "lpush" } else { "rpush" }, key);
    exec.dirty(values.len() as u64);
    Ok(())
}

/// What follows from taking elements out: notifications, and the key's end if nothing is left
/// (`listElementsRemoved`).
fn taken(exec: &mut Exec<'_>, key: &[u8], end: End, left: usize) {
    exec.notify(notify::LIST, if end == End::Head { "lpop" } else { "rpop" }, key);
    if left == 0 {
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
    }
    exec.modified(key);
}

fn pop(exec: &mut Exec<'_>, end: End) -> Done {
    if exec.args.len() > 3 {
        return Err(Error::arity(exec.command.name()));
    }
    let key = exec.args[1];
    let count = match exec.args.get(2) {
        None => None,
        Some(_) => {
            let count = exec.integer(2).ok().filter(|&count| count >= 0);
            Some(count.ok_or(Error::NOT_POSITIVE)? as usize)
        }
    };
    let reply = &mut *exec.reply;
    let Some(list) = exec.node.write_as::<List>(exec.db, key, exec.client)? else {
        match count {
            None => reply.null(),
            Some(_) => reply.null_array(),
        }
        return Ok(());
    };
    let dirty = match count {
        None => {
            list.pop_with(end, |value| value.with(|bytes| reply.bulk(bytes)));
            1
        }
        Some(0) => {
            reply.empty_array();
            return Ok(());
        }
        Some(count) => {
            let count = count.min(list.len());
            reply.array(count);
            for _ in 0..count {
                list.pop_with(end, |value| value.with(|bytes| reply.bulk(bytes)));
            }
            count
        }
    };
    let left = list.len();
    taken(exec, key, end, left);
    exec.dirty(dirty as u64);
    Ok(())
}

fn llen(exec: &mut Exec<'_>) -> Done {
    let len = exec.read_list(exec.args[1])?.map_or(0, List::len);
    exec.reply.integer(len as i64);
    Ok(())
}

fn lindex(exec: &mut Exec<'_>) -> Done {
    let index = num::parse_i64(exec.args[2]);
    let Some(list) = exec.read_list(exec.args[1])? else {
        exec.reply.null();
        return Ok(());
    };
    let index = index.ok_or(Error::NOT_INTEGER)?;
    let value = list.get(index).map(|value| value.to_str());
    exec.reply.bulk_or_null(value.as_deref());
    Ok(())
}

fn linsert(exec: &mut Exec<'_>) -> Done {
    let after = if exec.arg_is(2, "after") {
        true
    } else if exec.arg_is(2, "before") {
        false
    } else {
        return Err(Error::SYNTAX);
    };
    let (key, pivot, value) = (exec.args[1], exec.args[3], exec.args[4]);
    let Some(list) = exec.write_list(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let place = list.iter().position(|element| element.with(|bytes| bytes == pivot));
    let Some(place) = place else {
        exec.reply.integer(-1);
        return Ok(());
    };
    list.insert(place, value, after);
    let len = list.len();
    exec.modified(key);
    exec.notify(notify::LIST, "linsert", key);
    exec.dirty(1);
    exec.reply.integer(len as i64);
    Ok(())
}

fn lset(exec: &mut Exec<'_>) -> Done {
    let (key, value) = (exec.args[1], exec.args[3]);
    let index = num::parse_i64(exec.args[2]);
    let Some(list) = exec.write_list(key)? else { return Err(Error::NO_SUCH_KEY) };
    let index = index.ok_or(Error::NOT_INTEGER)?;
    if !list.set(index, value) {
        return Err(Error::INDEX_OUT_OF_RANGE);
    }
    exec.reply.ok();
    exec.modified(key);
    exec.notify(notify::LIST, "lset", key);
    exec.dirty(1);
    Ok(())
}

fn lrange(exec: &mut Exec<'_>) -> Done {
    let (start, stop) = (exec.integer(2)?, exec.integer(3)?);
    let reply = &mut *exec.reply;
    let Some(list) = exec.node.read_as::<List>(exec.db, exec.args[1], exec.client)? else {
        reply.empty_array();
        return Ok(());
    };
    let range = clip(start, stop, list.len());
    reply.array(range.len());
    for value in list.range(range) {
        value.with(|bytes| reply.bulk(bytes));
    }
    Ok(())
}

fn ltrim(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let (start, stop) = (exec.integer(2)?, exec.integer(3)?);
    let Some(list) = exec.write_list(key)? else {
        exec.reply.ok();
        return Ok(());
    };
    let before = list.len();
    list.trim(clip(start, stop, before));
    let left = list.len();
    exec.notify(notify::LIST, "ltrim", key);
    if left == 0 {
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
    }
    exec.modified(key);
    exec.dirty((before - left) as u64);
    exec.reply.ok();
    Ok(())
}

fn lrem(exec: &mut Exec<'_>) -> Done {
    let (key, value) = (exec.args[1], exec.args[3]);
    let count = exec.integer(2)?;
    let from = if count < 0 { End::Tail } else { End::Head };
    let Some(list) = exec.write_list(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let removed = list.remove_value(value, usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX), from);
    let left = list.len();
    if removed > 0 {
        exec.modified(key);
        exec.notify(notify::LIST, "lrem", key);
    }
    if left == 0 {
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
    }
    exec.dirty(removed as u64);
    exec.reply.integer(removed as i64);
    Ok(())
}

fn lpos(exec: &mut Exec<'_>) -> Done {
    let (mut rank, mut count, mut len_max) = (1i64, None, 0i64);
    let mut index = 3;
    while index < exec.args.len() {
        let more = index + 1 < exec.args.len();
        if exec.arg_is(index, "rank") && more {
            rank = exec.integer(index + 1)?;
            if rank == 0 {
                return Err(Error::fixed(
                    "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to \
                     start from the end of the list",
                ));
            }
        } else if exec.arg_is(index, "count") && more {
            let value = exec.integer(index + 1).ok().filter(|&value| value >= 0);
            count = Some(value.ok_or(Error::fixed("COUNT can't be negative"))? as usize);
        } else if exec.arg_is(index, "maxlen") && more {
            let value = exec.integer(index + 1).ok().filter(|&value| value >= 0);
            len_max = value.ok_or(Error::fixed("MAXLEN can't be negative"))?;
        } else {
            return Err(Error::SYNTAX);
        }
        index += 2;
    }
    let wanted = exec.args[2];
    let Some(list) = exec.read_list(exec.args[1])? else {
        match count {
            Some(_) => exec.reply.empty_array(),
            None => exec.reply.null(),
        }
        return Ok(());
    };
    let len = list.len();
    let looked_at = if len_max == 0 { usize::MAX } else { len_max as usize };
    let enough = match count {
        None => 1,
        Some(0) => usize::MAX,
        Some(count) => count,
    };
    // The least number is its own opposite in Redis's arithmetic: a negative rank, which every match reaches.
    let skip =
        if rank == i64::MIN { 0 } else { usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX) };
    let matches = |value: crate::store::listpack::Value<'_>| value.with(|bytes| bytes == wanted);
    let found: Vec<usize> = if rank > 0 {
        let all = list.iter().take(looked_at).enumerate().filter(|(_, value)| matches(*value));
        all.map(|(place, _)| place).skip(skip).take(enough).collect()
    } else if len == 0 {
        Vec::new()
    } else {
        let all = list.range_rev(len - 1).take(looked_at).enumerate().filter(|(_, value)| matches(*value));
        all.map(|(place, _)| len - 1 - place).skip(skip).take(enough).collect()
    };
    if count.is_some() {
        exec.reply.array(found.len());
        for place in found {
            exec.reply.integer(place as i64);
        }
    } else if let Some(place) = found.first() {
        exec.reply.integer(*place as i64);
    } else {
        exec.reply.null();
    }
    Ok(())
}

/// LEFT or RIGHT at argument `index`.
fn end_at(exec: &Exec<'_>, index: usize) -> Result<End, Error> {
    if exec.arg_is(index, "left") {
        Ok(End::Head)
    } else if exec.arg_is(index, "right") {
        Ok(End::Tail)
    } else {
        Err(Error::SYNTAX)
    }
}

fn end_word(end: End) -> &'static [u8] {
    if end == End::Head { b"LEFT" } else { b"RIGHT" }
}

/// Moves an element. Returns false if the source is empty.
fn do_move(exec: &mut Exec<'_>, from: End, to: End) -> Result<bool, Error> {
    let (source, target) = (exec.args[1], exec.args[2]);
    if waited_for(exec, source)?.is_none() {
        return Ok(false);
    }
    exec.write_list(target)?;
    let Some(list) = exec.write_list(source)? else { return Ok(false) };
    let Some(value) = list.pop(from) else { return Ok(false) };
    let left = if source == target { usize::MAX } else { list.len() };
    push_one(exec, target, to, &value)?;
    exec.reply.bulk(&value);
    let left = if left == usize::MAX { exec.write_list(source)?.map_or(0, |list| list.len()) } else { left };
    taken(exec, source, from, left);
    count_one(exec);
    Ok(true)
}

/// The list at a key that a client may wait for.
fn waited_for<'a>(exec: &'a mut Exec<'_>, key: &[u8]) -> Result<Option<&'a mut List>, Error> {
    let retrying = exec.ready_key.is_some();
    match exec.write_list(key) {
        Err(_) if retrying => Ok(None),
        found => found,
    }
}

/// Counts a change. An element that goes to a client which waited for it counts as pushed only (`serveClientBlockedOnList`).
fn count_one(exec: &mut Exec<'_>) {
    if exec.ready_key.is_none() {
        exec.dirty(1);
    }
}

fn push_one(exec: &mut Exec<'_>, key: &[u8], end: End, value: &Str) -> Done {
    match exec.node.write_as::<List>(exec.db, key, exec.client)? {
        Some(list) => list.push(end, value),
        None => {
            let mut list = List::new(&exec.node.limits);
            list.push(end, value);
            exec.node.insert(exec.db, key, Object::List(Rc::new(list)));
        }
    }
    exec.modified(key);
    exec.notify(notify::LIST, if end == End::Head { "lpush" } else { "rpush" }, key);
    Ok(())
}

fn lmove(exec: &mut Exec<'_>) -> Done {
    let (from, to) = (end_at(exec, 3)?, end_at(exec, 4)?);
    if !do_move(exec, from, to)? {
        exec.reply.null();
    }
    Ok(())
}

fn rpoplpush(exec: &mut Exec<'_>) -> Done {
    if !do_move(exec, End::Tail, End::Head)? {
        exec.reply.null();
    }
    Ok(())
}

fn blocking_pop(exec: &mut Exec<'_>, end: End) -> Done {
    let last = exec.args.len() - 1;
    let deadline_ms = deadline(exec, last)?;
    for &key in exec.keys_at_hand(&exec.args[1..last]) {
        let Some(list) = waited_for(exec, key)? else { continue };
        let value = list.pop(end);
        let left = list.len();
        exec.reply.array(2);
        exec.reply.bulk(key);
        exec.reply.bulk_or_null(value.as_deref());
        taken(exec, key, end, left);
        count_one(exec);
        exec.propagate_as(&[if end == End::Head { b"LPOP" } else { b"RPOP" }, key]);
        return Ok(());
    }
    if !exec.may_block() {
        exec.reply.null_array();
        return Ok(());
    }
    exec.block_on_keys(&exec.args[1..last], deadline_ms);
    Ok(())
}

fn blocking_move(exec: &mut Exec<'_>, from: End, to: End, deadline_ms: Option<i64>) -> Done {
    if do_move(exec, from, to)? {
        let (source, target) = (exec.args[1], exec.args[2]);
        match exec.command.name() {
            "brpoplpush" => exec.propagate_as(&[b"RPOPLPUSH", source, target]),
            _ => exec.propagate_as(&[b"LMOVE", source, target, end_word(from), end_word(to)]),
        }
    } else if exec.may_block() {
        exec.block_on_keys(&exec.args[1..2], deadline_ms);
    } else {
        exec.reply.null();
    }
    Ok(())
}

fn blmove(exec: &mut Exec<'_>) -> Done {
    let (from, to) = (end_at(exec, 3)?, end_at(exec, 4)?);
    let deadline_ms = deadline(exec, 5)?;
    blocking_move(exec, from, to, deadline_ms)
}

fn brpoplpush(exec: &mut Exec<'_>) -> Done {
    let deadline_ms = deadline(exec, 3)?;
    blocking_move(exec, End::Tail, End::Head, deadline_ms)
}

/// LMPOP and BLMPOP: `numkeys` stands at argument `at`.
fn multi_pop(exec: &mut Exec<'_>, at: usize, blocking: bool) -> Done {
    let MultiPop { keys, end, count } = MultiPop::parse(exec, at, end_at)?;
    let deadline_ms = if blocking { deadline(exec, 1)? } else { None };
    for &key in exec.keys_at_hand(keys) {
        let Some(list) = waited_for(exec, key)? else { continue };
        let values: Vec<Str> = (0..count.min(list.len())).filter_map(|_| list.pop(end)).collect();
        let left = list.len();
        exec.reply.array(2);
        exec.reply.bulk(key);
        exec.reply.array(values.len());
        values.iter().for_each(|value| exec.reply.bulk(value));
        taken(exec, key, end, left);
        exec.dirty(values.len() as u64);
        let verb: &[u8] = if end == End::Head { b"LPOP" } else { b"RPOP" };
        exec.propagate_as(&[verb, key, values.len().to_string().as_bytes()]);
        return Ok(());
    }
    if blocking && exec.may_block() {
        exec.block_on_keys(keys, deadline_ms);
    } else {
        exec.reply.null_array();
    }
    Ok(())
}
