//! Sets: SADD to SSCAN (t_set.c 7.0.15).

use super::random::{self, Urn};
use super::scan_args::{ScanArgs, reply_cursor};
use super::{Handlers, store_or_delete};
use crate::cost::Work;
use crate::exec::{Done, Error, Exec, notify};
use crate::rng::Rng;
use crate::store::{Object, Set, Str};
use std::collections::BTreeSet;
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("sadd", sadd),
    ("srem", srem),
    ("sismember", sismember),
    ("smismember", smismember),
    ("scard", scard),
    ("smembers", |exec| reply_combination(exec, 1, Operation::Inter)),
    ("smove", smove),
    ("spop", spop),
    ("srandmember", srandmember),
    ("sinter", |exec| reply_combination(exec, 1, Operation::Inter)),
    ("sunion", |exec| reply_combination(exec, 1, Operation::Union)),
    ("sdiff", |exec| reply_combination(exec, 1, Operation::Diff)),
    ("sintercard", sintercard),
    ("sinterstore", |exec| store_combination(exec, Operation::Inter)),
    ("sunionstore", |exec| store_combination(exec, Operation::Union)),
    ("sdiffstore", |exec| store_combination(exec, Operation::Diff)),
    ("sscan", sscan),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Inter,
    Union,
    Diff,
}

impl Operation {
    fn store_event(self) -> &'static str {
        match self {
            Operation::Inter => "sinterstore",
            Operation::Union => "sunionstore",
            Operation::Diff => "sdiffstore",
        }
    }
}

fn sadd(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let members = &exec.args[2..];
    if exec.write_set(key)?.is_none() {
        let set = Object::set(members[0], &exec.node.limits);
        exec.node.insert(exec.db, key, set);
    }
    let node = &mut *exec.node;
    let Some(Object::Set(set)) = node.dbs[exec.db].get_entry_mut(key).map(|entry| &mut entry.object) else {
        return Err(Error::WRONG_TYPE);
    };
    let set = Rc::make_mut(set);
    let mut added = 0;
    for member in members {
        added += u64::from(set.add(member, &node.limits));
    }
    if added > 0 {
        exec.modified(key);
        exec.notify(notify::SET, "sadd", key);
    }
    exec.dirty(added);
    exec.reply.integer(added as i64);
    Ok(())
}

/// Takes the key away if its set is empty.
fn drop_if_empty(exec: &mut Exec<'_>, key: &[u8]) -> bool {
    let empty = matches!(exec.raw_db().get(key), Some(Object::Set(set)) if set.is_empty());
    if empty {
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
    }
    empty
}

fn srem(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let members = &exec.args[2..];
    let Some(set) = exec.write_set(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let mut removed = 0;
    for member in members {
        removed += u64::from(set.remove(member));
        if set.is_empty() {
            break;
        }
    }
    if removed > 0 {
        exec.modified(key);
        exec.notify(notify::SET, "srem", key);
        drop_if_empty(exec, key);
        exec.dirty(removed);
    }
    exec.reply.integer(removed as i64);
    Ok(())
}

fn sismember(exec: &mut Exec<'_>) -> Done {
    let member = exec.args[2];
    let there = exec.read_set(exec.args[1])?.is_some_and(|set| set.contains(member));
    exec.reply.integer(i64::from(there));
    Ok(())
}

fn smismember(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    let set = match exec.node.lookup_read(exec.db, exec.args[1], exec.client) {
        None => None,
        Some(Object::Set(set)) => Some(set),
        Some(_) => return Err(Error::WRONG_TYPE),
    };
    reply.array(exec.args.len() - 2);
    for member in &exec.args[2..] {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

fn scard(exec: &mut Exec<'_>) -> Done {
    let len = exec.read_set(exec.args[1])?.map_or(0, Set::len);
    exec.reply.integer(len as i64);
    Ok(())
}

fn smove(exec: &mut Exec<'_>) -> Done {
    let (source, target, member) = (exec.args[1], exec.args[2], exec.args[3]);
    if exec.write(source).is_none() {
        exec.reply.integer(0);
        return Ok(());
    }
    exec.write_set(source)?;
    exec.write_set(target)?;
    if source == target {
        let there = exec.write_set(source)?.is_some_and(|set| set.contains(member));
        exec.reply.integer(i64::from(there));
        return Ok(());
    }
    if !exec.write_set(source)?.is_some_and(|set| set.remove(member)) {
        exec.reply.integer(0);
        return Ok(());
    }
    exec.notify(notify::SET, "srem", source);
    drop_if_empty(exec, source);
    if exec.write_set(target)?.is_none() {
        let set = Object::set(member, &exec.node.limits);
        exec.node.insert(exec.db, target, set);
    }
    exec.modified(source);
    exec.dirty(1);
    let limits = exec.node.limits.clone();
    if exec.write_set(target)?.is_some_and(|set| set.add(member, &limits)) {
        exec.dirty(1);
        exec.modified(target);
        exec.notify(notify::SET, "sadd", target);
    }
    exec.reply.integer(1);
    Ok(())
}

/// Draws members and takes them out.
fn draw_out(exec: &mut Exec<'_>, key: &[u8], count: usize) -> Result<Vec<Str>, Error> {
    let mut rng = exec.node.rng.clone();
    let mut drawn = Vec::new();
    if let Some(set) = exec.write_set(key)? {
        while drawn.len() < count {
            let Some(member) = set.random(&mut rng).map(|member| member.to_str()) else { break };
            set.remove(&member);
            drawn.push(member);
        }
    }
    exec.node.rng = rng;
    Ok(drawn)
}

fn spop(exec: &mut Exec<'_>) -> Done {
    if exec.args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let key = exec.args[1];
    if exec.args.len() == 2 {
        if exec.write_set(key)?.is_none() {
            exec.reply.null();
            return Ok(());
        }
        let Some(member) = draw_out(exec, key, 1)?.pop() else { return Ok(()) };
        exec.notify(notify::SET, "spop", key);
        exec.propagate_as(&[b"SREM", key, &member]);
        exec.reply.bulk(&member);
        drop_if_empty(exec, key);
        exec.modified(key);
        exec.dirty(1);
        return Ok(());
    }
    let count = exec.integer(2).ok().filter(|&count| count >= 0).ok_or(Error::NOT_POSITIVE)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let Some(len) = exec.write_set(key)?.map(|set| set.len()).filter(|_| count > 0) else {
        exec.reply.set(0);
        return Ok(());
    };
    exec.notify(notify::SET, "spop", key);
    if count >= len {
        let members: Vec<Str> = exec
            .write_set(key)?
            .map_or_else(Vec::new, |set| set.iter().map(|member| member.to_str()).collect());
        exec.reply.set(members.len());
        for member in &members {
            exec.reply.bulk(member);
        }
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
        exec.propagate_as(&[b"DEL", key]);
        exec.modified(key);
        exec.dirty(len as u64);
        return Ok(());
    }
    let drawn = draw_out(exec, key, count)?;
    exec.reply.set(drawn.len());
    for member in &drawn {
        exec.reply.bulk(member);
        exec.propagate_as(&[b"SREM", key, member]);
    }
    exec.modified(key);
    exec.dirty(drawn.len() as u64);
    Ok(())
}

impl Urn for Set {
    type Item = Str;
    type Name = Str;

    fn len(&self) -> usize {
        Set::len(self)
    }

    fn all(&self) -> Vec<Str> {
        self.iter().map(|member| member.to_str()).collect()
    }

    fn draw(&self, rng: &mut Rng) -> Option<Str> {
        self.random(rng).map(|member| member.to_str())
    }

    fn name(item: &Str) -> Str {
        item.clone()
    }
}

fn srandmember(exec: &mut Exec<'_>) -> Done {
    if exec.args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let key = exec.args[1];
    if exec.args.len() == 2 {
        let member = exec.shared::<Set>(key)?.and_then(|set| set.draw(&mut exec.node.rng));
        exec.reply.bulk_or_null(member.as_deref());
        return Ok(());
    }
    let count = exec.signed_count(2)?;
    // RESP3 has a set for members that differ, but Redis gives an array here.
    match exec.shared::<Set>(key)? {
        Some(set) => random::reply(exec, &*set, count, 1, |reply, member| reply.bulk(&member)),
        None => exec.reply.empty_array(),
    }
    Ok(())
}

/// The sets at some keys: shared, so that the keyspace is free again. `None` stands for a key that is not there.
fn sets_at(exec: &mut Exec<'_>, keys: &[&[u8]]) -> Result<Vec<Option<Rc<Set>>>, Error> {
    let sets: Vec<Option<Rc<Set>>> = keys.iter().map(|key| exec.shared(key)).collect::<Result<_, _>>()?;
    exec.node.work(Work::Elements, sets.iter().flatten().map(|set| set.len()).sum());
    Ok(sets)
}

/// The members of a combination, in a deterministic order, until `limit` of them have been found.
fn combine(sets: &[Option<Rc<Set>>], operation: Operation, limit: usize) -> Vec<Str> {
    let mut found = Vec::new();
    match operation {
        Operation::Inter => {
            let Some(mut all) = sets.iter().map(Option::as_ref).collect::<Option<Vec<&Rc<Set>>>>() else {
                return found;
            };
            all.sort_by_key(|set| set.len());
            for member in all[0].iter() {
                if all[1..].iter().all(|other| member.with(|bytes| other.contains(bytes))) {
                    found.push(member.to_str());
                    if found.len() >= limit {
                        break;
                    }
                }
            }
        }
        Operation::Union => {
            let mut seen = BTreeSet::new();
            for member in sets.iter().flatten().flat_map(|set| set.iter()) {
                let member = member.to_str();
                if seen.insert(member.clone()) {
                    found.push(member);
                }
            }
        }
        Operation::Diff => {
            let Some(first) = &sets[0] else { return found };
            for member in first.iter() {
                let elsewhere =
                    sets[1..].iter().flatten().any(|other| member.with(|bytes| other.contains(bytes)));
                if !elsewhere {
                    found.push(member.to_str());
                }
            }
        }
    }
    found
}

fn reply_combination(exec: &mut Exec<'_>, first: usize, operation: Operation) -> Done {
    let sets = sets_at(exec, &exec.args[first..])?;
    let found = combine(&sets, operation, usize::MAX);
    exec.reply.set(found.len());
    for member in &found {
        exec.reply.bulk(member);
    }
    Ok(())
}

fn store_combination(exec: &mut Exec<'_>, operation: Operation) -> Done {
    let target = exec.args[1];
    let sets = sets_at(exec, &exec.args[2..])?;
    let found = combine(&sets, operation, usize::MAX);
    // Redis begins with an empty set of integers, whatever comes first.
    let mut set = Set::new(b"0", &exec.node.limits);
    for member in &found {
        set.add(member, &exec.node.limits);
    }
    let set = (!found.is_empty()).then(|| Object::Set(Rc::new(set)));
    store_or_delete(exec, target, set, (notify::SET, operation.store_event()), 1);
    exec.reply.integer(found.len() as i64);
    Ok(())
}

fn sintercard(exec: &mut Exec<'_>) -> Done {
    let numkeys = exec.integer(1).ok().filter(|&count| count > 0);
    let numkeys = numkeys.ok_or(Error::fixed("numkeys should be greater than 0"))?;
    let end = usize::try_from(numkeys).ok().and_then(|count| count.checked_add(2));
    let end = end
        .filter(|&end| end <= exec.args.len())
        .ok_or(Error::fixed("Number of keys can't be greater than number of args"))?;
    let mut limit = 0;
    let mut index = end;
    while index < exec.args.len() {
        if !exec.arg_is(index, "limit") || index + 1 >= exec.args.len() {
            return Err(Error::SYNTAX);
        }
        let value = exec.integer(index + 1).ok().filter(|&value| value >= 0);
        limit = value.ok_or(Error::fixed("LIMIT can't be negative"))?;
        index += 2;
    }
    let sets = sets_at(exec, &exec.args[2..end])?;
    let limit = if limit == 0 { usize::MAX } else { limit as usize };
    let found = combine(&sets, Operation::Inter, limit);
    exec.reply.integer(found.len() as i64);
    Ok(())
}

fn sscan(exec: &mut Exec<'_>) -> Done {
    let Some((scan, set)) = ScanArgs::of_key::<Set>(exec)? else { return Ok(()) };
    let mut members: Vec<Str> = Vec::new();
    let next = set.scan(scan.cursor, scan.count, |member| {
        if scan.matches(member) {
            members.push(Str::from(member));
        }
    });
    reply_cursor(exec, next);
    exec.reply.array(members.len());
    for member in &members {
        exec.reply.bulk(member);
    }
    Ok(())
}
