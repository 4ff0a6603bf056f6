//! Hashes: HSET to HSCAN (t_hash.c 7.0.15).

use super::Handlers;
use super::random::{self, Urn};
use super::scan_args::{ScanArgs, reply_cursor};
use crate::exec::{Done, Error, Exec, notify};
use crate::node::Node;
use crate::resp::reply::Reply;
use crate::rng::Rng;
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

fn hget(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    match exec
        .node
        .read_as::<Hash>(exec.db, exec.args[1], exec.client)?
        .and_then(|hash| hash.get(exec.args[2]))
    {
        Some(value) => reply_value(reply, value),
        None => reply.null(),
    }
    Ok(())
}

fn hmget(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    let hash = exec.node.read_as::<Hash>(exec.db, exec.args[1], exec.client)?;
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
    let Some(hash) = exec.node.read_as::<Hash>(exec.db, exec.args[1], exec.client)? else {
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

/// Fields are drawn with their values.
impl Urn for Hash {
    type Item = (Str, Str);
    type Name = Str;

    fn len(&self) -> usize {
        Hash::len(self)
    }

    fn all(&self) -> Vec<(Str, Str)> {
        self.iter().map(|(field, value)| (field.to_str(), value.to_str())).collect()
    }

    fn draw(&self, rng: &mut Rng) -> Option<(Str, Str)> {
        self.random(rng).map(|(field, value)| (field.to_str(), value.to_str()))
    }

    fn name(item: &(Str, Str)) -> Str {
        item.0.clone()
    }
}

fn hrandfield(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    if exec.args.len() == 2 {
        let field = exec.shared::<Hash>(key)?.and_then(|hash| hash.draw(&mut exec.node.rng));
        exec.reply.bulk_or_null(field.as_ref().map(|(field, _)| &**field));
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
    let Some(hash) = exec.shared::<Hash>(key)? else {
        exec.reply.empty_array();
        return Ok(());
    };
    let nested = with_values && exec.reply.is_resp3();
    random::reply(
        exec,
        &*hash,
        count,
        if with_values && !nested { 2 } else { 1 },
        |reply, (field, value)| {
            if nested {
                reply.array(2);
            }
            reply.bulk(&field);
            if with_values {
                reply.bulk(&value);
            }
        },
    );
    Ok(())
}

fn hscan(exec: &mut Exec<'_>) -> Done {
    let Some((scan, hash)) = ScanArgs::of_key::<Hash>(exec)? else { return Ok(()) };
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
