//! Hashes: HSET to HSCAN (t_hash.c 7.0.15).

use super::Handlers;
use super::scan_args::{ScanArgs, reply_cursor};
use crate::exec::{Done, Error, Exec, notify};
use crate::node::Node;
use crate::resp::reply::Reply;
use crate::store::listpack::Value;
use crate::store::longdouble::LongDouble;
use crate::store::{Hash, Object, Str, num};
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("hset", |exec| hset(exec, false)),
    ("hmset", |exec| hset(exec, true)),
    ("hsetnx", hsetnx),
    ("hget", hget),
    ("hmget", hmget),
    ("hdel", hdel),
    ("hlen", hlen),
    ("hstrlen", hstrlen),
    ("hexists", hexists),
    ("hkeys", |exec| hgetall(exec, true, false)),
    ("hvals", |exec| hgetall(exec, false, true)),
    ("hgetall", |exec| hgetall(exec, true, true)),
    ("hincrby", hincrby),
    ("hincrbyfloat", hincrbyfloat),
    ("hrandfield", hrandfield),
    ("hscan", hscan),
];

/// How many times as many fields a hash must have as are asked for, so that drawing until enough differ is worth it
/// (`HRANDFIELD_SUB_STRATEGY_MUL`).
const DRAW_FACTOR: usize = 3;

fn reply_value(reply: &mut Reply, value: Value<'_>) {
    value.with(|bytes| reply.bulk(bytes));
}

/// The hash at `key`, made if it is not there.
fn hash_or_new<'a>(node: &'a mut Node, db: usize, key: &[u8], client: u64) -> Result<&'a mut Hash, Error> {
    if node.lookup_write(db, key, client).is_none() {
        node.insert(db, key, Object::hash());
    }
    match node.dbs[db].get_entry_mut(key).map(|entry| &mut entry.object) {
        Some(Object::Hash(hash)) => Ok(Rc::make_mut(hash)),
        _ => Err(Error::WRONG_TYPE),
    }
}

fn hset(exec: &mut Exec<'_>, old_style: bool) -> Done {
    if !exec.args.len().is_multiple_of(2) {
        return Err(Error::arity(exec.command.name()));
    }
    let key = exec.args[1];
    let pairs = &exec.args[2..];
    let limits = exec.node.limits.clone();
    let hash = hash_or_new(exec.node, exec.db, key, exec.client)?;
    hash.prepare(pairs.iter().copied(), &limits);
    let mut created = 0;
    for pair in pairs.chunks_exact(2) {
        created += i64::from(hash.set(pair[0], pair[1], &limits));
    }
    if old_style {
        exec.reply.ok();
    } else {
        exec.reply.integer(created);
    }
    exec.modified(key);
    exec.notify(notify::HASH, "hset", key);
    exec.dirty(pairs.len() as u64 / 2);
    Ok(())
}

fn hsetnx(exec: &mut Exec<'_>) -> Done {
    let (key, field, value) = (exec.args[1], exec.args[2], exec.args[3]);
    let limits = exec.node.limits.clone();
    let hash = hash_or_new(exec.node, exec.db, key, exec.client)?;
    if hash.contains(field) {
        exec.reply.integer(0);
        return Ok(());
    }
    hash.prepare([field, value], &limits);
    hash.set(field, value, &limits);
    exec.reply.integer(1);
    exec.modified(key);
    exec.notify(notify::HASH, "hset", key);
    exec.dirty(1);
    Ok(())
}

/// The hash at `key` for reading, borrowed from the node alone.
fn hash_ref<'a>(node: &'a mut Node, db: usize, key: &[u8], client: u64) -> Result<Option<&'a Hash>, Error> {
    match node.lookup_read(db, key, client) {
        None => Ok(None),
        Some(Object::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(Error::WRONG_TYPE),
    }
}

fn hget(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    match hash_ref(exec.node, exec.db, exec.args[1], exec.client)?.and_then(|hash| hash.get(exec.args[2])) {
        Some(value) => reply_value(reply, value),
        None => reply.null(),
    }
    Ok(())
}

fn hmget(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    let hash = hash_ref(exec.node, exec.db, exec.args[1], exec.client)?;
    reply.array(exec.args.len() - 2);
    for field in &exec.args[2..] {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => reply_value(reply, value),
            None => reply.null(),
        }
    }
    Ok(())
}

fn hdel(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let fields = &exec.args[2..];
    let Some(hash) = exec.write_hash(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let mut deleted = 0;
    for field in fields {
        deleted += u64::from(hash.remove(field));
        if hash.is_empty() {
            break;
        }
    }
    let empty = hash.is_empty();
    if deleted > 0 {
        exec.modified(key);
        exec.notify(notify::HASH, "hdel", key);
        if empty {
            exec.remove(key);
            exec.modified(key);
            exec.notify(notify::GENERIC, "del", key);
        }
        exec.dirty(deleted);
    }
    exec.reply.integer(deleted as i64);
    Ok(())
}

fn hlen(exec: &mut Exec<'_>) -> Done {
    let len = exec.read_hash(exec.args[1])?.map_or(0, Hash::len);
    exec.reply.integer(len as i64);
    Ok(())
}

fn hstrlen(exec: &mut Exec<'_>) -> Done {
    let field = exec.args[2];
    let value = exec.read_hash(exec.args[1])?.and_then(|hash| hash.get(field));
    let len = value.map_or(0, |value| value.with(<[u8]>::len));
    exec.reply.integer(len as i64);
    Ok(())
}

fn hexists(exec: &mut Exec<'_>) -> Done {
    let field = exec.args[2];
    let there = exec.read_hash(exec.args[1])?.is_some_and(|hash| hash.contains(field));
    exec.reply.integer(i64::from(there));
    Ok(())
}

fn hgetall(exec: &mut Exec<'_>, fields: bool, values: bool) -> Done {
    let both = fields && values;
    let reply = &mut *exec.reply;
    let Some(hash) = hash_ref(exec.node, exec.db, exec.args[1], exec.client)? else {
        if both {
            reply.map(0);
        } else {
            reply.empty_array();
        }
        return Ok(());
    };
    if both {
        reply.map(hash.len());
    } else {
        reply.array(hash.len());
    }
    for (field, value) in hash.iter() {
        if fields {
            reply_value(reply, field);
        }
        if values {
            reply_value(reply, value);
        }
    }
    Ok(())
}

fn hincrby(exec: &mut Exec<'_>) -> Done {
    let (key, field) = (exec.args[1], exec.args[2]);
    let by = exec.integer(3)?;
    let limits = exec.node.limits.clone();
    let hash = hash_or_new(exec.node, exec.db, key, exec.client)?;
    let old = match hash.get(field) {
        None => Some(0),
        Some(value) => value.with(num::parse_i64),
    };
    let sum = match old {
        None => Err(Error::fixed("hash value is not an integer")),
        Some(old) => old.checked_add(by).ok_or(Error::fixed("increment or decrement would overflow")),
    };
    let sum = sum.inspect_err(|_| drop_if_empty(exec, key))?;
    let hash = hash_or_new(exec.node, exec.db, key, exec.client)?;
    hash.set(field, num::I64Text::new(sum).as_slice(), &limits);
    exec.reply.integer(sum);
    exec.modified(key);
    exec.notify(notify::HASH, "hincrby", key);
    exec.dirty(1);
    Ok(())
}

/// Takes a hash away again that was made for a command which then failed.
fn drop_if_empty(exec: &mut Exec<'_>, key: &[u8]) {
    let empty = matches!(exec.raw_db().get(key), Some(Object::Hash(hash)) if hash.is_empty());
    if empty {
        exec.remove(key);
    }
}

fn hincrbyfloat(exec: &mut Exec<'_>) -> Done {
    let (key, field) = (exec.args[1], exec.args[2]);
    let by = LongDouble::parse(exec.args[3]).ok_or(Error::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(Error::fixed("value is NaN or Infinity"));
    }
    let limits = exec.node.limits.clone();
    let old = match exec.write_hash(key)?.and_then(|hash| hash.get(field)) {
        None => LongDouble::from_i64(0),
        Some(value) => value.with(LongDouble::parse).ok_or(Error::fixed("hash value is not a float"))?,
    };
    let sum = old + by;
    if !sum.is_finite() {
        return Err(Error::fixed("increment would produce NaN or Infinity"));
    }
    let text = sum.to_human();
    let hash = hash_or_new(exec.node, exec.db, key, exec.client)?;
    hash.set(field, text.as_bytes(), &limits);
    exec.reply.bulk(text.as_bytes());
    exec.modified(key);
    exec.notify(notify::HASH, "hincrbyfloat", key);
    exec.dirty(1);
    exec.propagate_as(&[b"HSET", key, field, text.as_bytes()]);
    Ok(())
}

fn hrandfield(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    if exec.args.len() == 2 {
        let mut rng = exec.node.rng.clone();
        let field =
            exec.read_hash(key)?.and_then(|hash| hash.random(&mut rng)).map(|(field, _)| field.to_str());
        exec.node.rng = rng;
        exec.reply.bulk_or_null(field.as_deref());
        return Ok(());
    }
    let count = exec.signed_count(2)?;
    let with_values = exec.args.len() == 4;
    if exec.args.len() > 4 || (with_values && !exec.arg_is(3, "withvalues")) {
        return Err(Error::SYNTAX);
    }
    if with_values && !(-(i64::MAX / 2)..=i64::MAX / 2).contains(&count) {
        return Err(Error::OUT_OF_RANGE);
    }
    let mut rng = exec.node.rng.clone();
    let Some(hash) = exec.read_hash(key)? else {
        exec.reply.empty_array();
        return Ok(());
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let mut chosen: Vec<(Str, Str)> = Vec::new();
    let own = |(field, value): (Value<'_>, Value<'_>)| (field.to_str(), value.to_str());
    if count < 0 {
        for _ in 0..wanted {
            chosen.extend(hash.random(&mut rng).map(own));
        }
    } else if wanted >= hash.len() {
        chosen.extend(hash.iter().map(own));
    } else if wanted.saturating_mul(DRAW_FACTOR) > hash.len() {
        chosen.extend(hash.iter().map(own));
        while chosen.len() > wanted {
            chosen.swap_remove(rng.below(chosen.len() as u64) as usize);
        }
    } else {
        let mut seen = std::collections::BTreeSet::new();
        while chosen.len() < wanted {
            let Some(pair) = hash.random(&mut rng).map(own) else { break };
            if seen.insert(pair.0.to_vec()) {
                chosen.push(pair);
            }
        }
    }
    exec.node.rng = rng;
    let nested = with_values && exec.reply.is_resp3();
    exec.reply.array(if with_values && !nested { chosen.len() * 2 } else { chosen.len() });
    for (field, value) in chosen {
        if nested {
            exec.reply.array(2);
        }
        exec.reply.bulk(&field);
        if with_values {
            exec.reply.bulk(&value);
        }
    }
    Ok(())
}

fn hscan(exec: &mut Exec<'_>) -> Done {
    let scan = ScanArgs::parse(exec, 2, false);
    // A bad cursor is told first, then the key is looked at, then the options.
    if let Err(error) = &scan
        && *error == Error::fixed("invalid cursor")
    {
        return Err(error.clone());
    }
    let Some(hash) = exec.read_hash(exec.args[1])? else {
        reply_cursor(exec, 0);
        exec.reply.empty_array();
        return Ok(());
    };
    let scan = scan?;
    let mut pairs: Vec<(Str, Str)> = Vec::new();
    let next = hash.scan(scan.cursor, scan.count, |field, value| {
        if field.with(|bytes| scan.matches(bytes)) {
            pairs.push((field.to_str(), value.to_str()));
        }
    });
    reply_cursor(exec, next);
    exec.reply.array(pairs.len() * 2);
    for (field, value) in pairs {
        exec.reply.bulk(&field);
        exec.reply.bulk(&value);
    }
    Ok(())
}
