//! Groups of consumers: XGROUP, XACK, XPENDING, XCLAIM, XAUTOCLAIM (t_stream.c 7.0.15).

use super::stream::{any_id, bound, count_at, entry_id, entry_ids, push_entry, push_id};
use super::stream_read::{created, no_group, propagate_claim, propagate_place};
use super::{Handlers, bad_subcommand, help};
use crate::exec::{Done, Error, Exec, notify};
use crate::resp::reply::{Reply, printed};
use crate::store::num;
use crate::store::stream::{Group, Id, Log, Nack};
use crate::store::{Object, Str, Stream};

pub(crate) const HANDLERS: Handlers = &[
    ("xgroup|create", xgroup),
    ("xgroup|setid", xgroup),
    ("xgroup|destroy", xgroup),
    ("xgroup|createconsumer", xgroup),
    ("xgroup|delconsumer", xgroup),
    ("xgroup|help", xgroup_help),
    ("xack", xack),
    ("xpending", xpending),
    ("xclaim", xclaim),
    ("xautoclaim", xautoclaim),
];

/// XAUTOCLAIM looks at so many pending entries for each that it may give (`attempts_factor`).
const ATTEMPTS: i64 = 10;
/// As many ids as fit the addresses of a process; Redis fails to allocate room for more.
const IDS_MAX: i64 = 1 << 43;

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]`, `XGROUP SETID key group id|$ [ENTRIESREAD entries-read]`,
/// `XGROUP DESTROY key group`, `XGROUP CREATECONSUMER key group consumer`, `XGROUP DELCONSUMER key group consumer`
fn xgroup(exec: &mut Exec<'_>) -> Done {
    let name = exec.command.name();
    let (create, setid) = (name == "xgroup|create", name == "xgroup|setid");
    let (mut mkstream, mut read) = (false, -1);
    let mut at = 5;
    while at < exec.args.len() {
        if create && exec.arg_is(at, "mkstream") {
            mkstream = true;
            at += 1;
        } else if (create || setid) && exec.arg_is(at, "entriesread") && at + 1 < exec.args.len() {
            read = exec.integer(at + 1)?;
            if read < -1 {
                return Err(Error::fixed("value for ENTRIESREAD must be positive or -1"));
            }
            at += 2;
        } else {
            return Err(bad_subcommand(exec));
        }
    }
    let (key, group_name, now_ms) = (exec.args[2], exec.args[3], exec.now_ms());
    let found = exec.write_stream(key)?;
    if !mkstream {
        let Some(stream) = &found else {
            return Err(Error::fixed(
                "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
                 MKSTREAM option to create an empty stream automatically.",
            ));
        };
        if !create && name != "xgroup|destroy" && stream.group(group_name).is_none() {
            return Err(no_group_of_key(group_name, key));
        }
    }
    // MKSTREAM or ENTRIESREAD more than once.
    if exec.args.len() > if create { 8 } else { 7 } {
        return Err(bad_subcommand(exec));
    }
    let Some(arg) = exec.args.get(4).copied() else { return destroy(exec, key, group_name) };
    let found = exec.node.found_as::<Stream>(exec.db, key);
    let last_id = found.as_ref().map_or(Id::MIN, |stream| stream.log.last_id);
    if create {
        let id = if arg == b"$" { last_id } else { entry_id(arg)? };
        if found.is_none() {
            exec.node.insert(exec.db, key, Object::Stream(Default::default()));
            exec.modified(key);
        }
        let stream = exec.node.found_as::<Stream>(exec.db, key);
        if !stream.is_some_and(|stream| stream.add_group(group_name, Group::new(id, read))) {
            return Err(Error::fixed("-BUSYGROUP Consumer Group name already exists"));
        }
        exec.reply.ok();
        changed(exec, "xgroup-create", key);
        return Ok(());
    }
    let Some((_, group)) = found.and_then(|stream| stream.group_mut(group_name)) else { return Ok(()) };
    if setid {
        group.last_id = if arg == b"$" { last_id } else { any_id(arg)? };
        group.entries_read = read;
        exec.reply.ok();
        changed(exec, "xgroup-setid", key);
    } else if name == "xgroup|createconsumer" {
        let is_new = !group.has(arg) && group.see(arg, now_ms);
        exec.reply.integer(i64::from(is_new));
        if is_new {
            created(exec, key);
        }
    } else {
        let pending = group.remove_consumer(arg);
        exec.reply.integer(pending.unwrap_or(0) as i64);
        if pending.is_some() {
            changed(exec, "xgroup-delconsumer", key);
        }
    }
    Ok(())
}

fn changed(exec: &mut Exec<'_>, event: &str, key: &[u8]) {
    exec.dirty(1);
    exec.notify(notify::STREAM, event, key);
}

fn destroy(exec: &mut Exec<'_>, key: &[u8], group: &[u8]) -> Done {
    let stream = exec.node.found_as::<Stream>(exec.db, key);
    let gone = stream.is_some_and(|stream| stream.remove_group(group));
    exec.reply.integer(i64::from(gone));
    if gone {
        changed(exec, "xgroup-destroy", key);
        // Who waits for the group is told.
        exec.node.signal_key_ready(exec.db, key);
    }
    Ok(())
}

/// `XGROUP HELP`
fn xgroup_help(exec: &mut Exec<'_>) -> Done {
    help(
        exec,
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    )
}

/// `-NOGROUP`, of a group that is not there.
pub(super) fn no_group_of_key(group: &[u8], key: &[u8]) -> Error {
    let [group, key] = [group, key].map(|name| printed(name, name.len()));
    Error::new([b"-NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"].concat())
}

/// Whether the group that a command is about is there; the lookup is that of a read, as in Redis.
fn has_group(exec: &mut Exec<'_>) -> Result<bool, Error> {
    let (key, name) = (exec.args[1], exec.args[2]);
    Ok(exec.read_stream(key)?.is_some_and(|stream| stream.group(name).is_some()))
}

/// That group for changing, with the entries.
fn group_mut<'n>(exec: &'n mut Exec<'_>) -> Option<(&'n Log, &'n mut Group, &'n mut Reply)> {
    let stream = exec.node.found_as::<Stream>(exec.db, exec.args[1])?;
    let (log, group) = stream.group_mut(exec.args[2])?;
    Some((log, group, exec.reply))
}

/// `XACK key group id [id …]`
fn xack(exec: &mut Exec<'_>) -> Done {
    let mut count = 0;
    if has_group(exec)? {
        let ids = entry_ids(&exec.args[3..])?;
        if let Some((_, group, _)) = group_mut(exec) {
            count = ids.into_iter().filter(|id| group.acknowledge(*id).is_some()).count();
        }
    }
    exec.reply.integer(count as i64);
    exec.dirty(count as u64);
    Ok(())
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
fn xpending(exec: &mut Exec<'_>) -> Done {
    let (args, now_ms) = (exec.args, exec.now_ms());
    let mut range = None;
    if args.len() != 3 {
        let idle = exec.arg_is(3, "idle");
        if !(6..=9).contains(&args.len()) {
            return Err(Error::SYNTAX);
        }
        let min_idle = if idle { exec.integer(4)? } else { 0 };
        let at = if idle { 5 } else { 3 };
        if args.len() < at + 3 {
            return Err(Error::SYNTAX);
        }
        let count = count_at(exec, at + 2)?;
        range =
            Some((min_idle, bound(args[at], false)?, bound(args[at + 1], true)?, count, args.get(at + 3)));
    }
    let (key, name) = (args[1], args[2]);
    let reply = &mut *exec.reply;
    let stream = exec.node.read_as::<Stream>(exec.db, key, exec.client)?;
    let group = stream.and_then(|stream| stream.group(name)).ok_or_else(|| no_group(key, name, ""))?;
    let Some((min_idle, start, end, count, consumer)) = range else {
        reply.array(4);
        reply.integer(group.pending.len() as i64);
        let (Some((first, _)), Some((last, _))) = (group.pending.first(), group.pending.last()) else {
            reply.null();
            reply.null();
            reply.null_array();
            return Ok(());
        };
        push_id(reply, first);
        push_id(reply, last);
        let busy = || group.consumers().iter().filter(|consumer| consumer.pending > 0);
        reply.array(busy().count());
        for consumer in busy() {
            reply.array(2);
            reply.bulk(&consumer.name);
            reply.bulk_integer(consumer.pending as i64);
        }
        return Ok(());
    };
    let wanted = |nack: &Nack| {
        consumer.is_none_or(|name| *nack.owner == **name)
            && (min_idle == 0 || now_ms.wrapping_sub(nack.time_ms) >= min_idle)
    };
    let begin = reply.begin();
    let mut len = 0;
    for (id, nack) in group.pending.from(start).take_while(|(id, _)| *id <= end) {
        if len == count {
            break;
        }
        if wanted(nack) {
            len += 1;
            reply.array(4);
            push_id(reply, id);
            reply.bulk(&nack.owner);
            reply.integer(now_ms.wrapping_sub(nack.time_ms).max(0));
            reply.integer(nack.count as i64);
        }
    }
    reply.end_array(begin, len);
    Ok(())
}

/// A claim under way.
struct Claim<'a> {
    consumer: &'a [u8],
    now_ms: i64,
    min_idle: i64,
    /// When the entries count as delivered.
    time_ms: i64,
    /// How often.
    retries: Option<u64>,
    /// Entries that nobody has pending too.
    force: bool,
    just_id: bool,
    /// The consumer has been seen, and whether it is new.
    seen: Option<bool>,
    /// What became of the entries: their ids as they are propagated.
    done: Vec<(Vec<u8>, Nack)>,
}

/// What a claim made of an entry.
enum Claimed {
    /// It has the new owner, and was written.
    Given,
    /// The stream has no such entry any more, and now nobody has it pending.
    Deleted,
    Nothing,
}

impl Claim<'_> {
    fn take(&mut self, log: &Log, group: &mut Group, id: Id, shown: &[u8], reply: &mut Reply) -> Claimed {
        let Some(entry) = log.get(id) else {
            let Some(nack) = group.acknowledge(id) else { return Claimed::Nothing };
            self.done.push((shown.to_vec(), nack));
            return Claimed::Deleted;
        };
        let count = match group.pending.get(id) {
            Some(nack) if self.min_idle > 0 && self.now_ms.wrapping_sub(nack.time_ms) < self.min_idle => {
                return Claimed::Nothing;
            }
            Some(nack) => nack.count,
            None if self.force => 1,
            None => return Claimed::Nothing,
        };
        if self.seen.is_none() {
            self.seen = Some(group.see(self.consumer, self.now_ms));
        }
        let again = count.wrapping_add(u64::from(!self.just_id));
        let nack = Nack {
            time_ms: self.time_ms,
            count: self.retries.unwrap_or(again),
            owner: Str::from(self.consumer),
        };
        group.assign(id, nack.clone());
        self.done.push((shown.to_vec(), nack));
        if self.just_id {
            push_id(reply, id);
        } else {
            push_entry(reply, &entry);
        }
        Claimed::Given
    }

    /// Propagates what was done; gives how much that was.
    fn finish(self, exec: &mut Exec<'_>, last_id: Id) -> usize {
        let (key, group) = (exec.args[1], exec.args[2]);
        if self.seen == Some(true) {
            created(exec, key);
        }
        for (id, nack) in &self.done {
            propagate_claim(exec, group, key, id, nack, last_id);
        }
        exec.dirty(self.done.len() as u64);
        self.done.len()
    }
}

/// `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
fn xclaim(exec: &mut Exec<'_>) -> Done {
    let (args, now_ms) = (exec.args, exec.now_ms());
    let (key, name) = (args[1], args[2]);
    if !has_group(exec)? {
        return Err(no_group(key, name, ""));
    }
    let number = |at: usize, error| num::parse_i64(args[at]).ok_or(Error::fixed(error));
    let min_idle = number(4, "Invalid min-idle-time argument for XCLAIM")?;
    let ids: Vec<Id> = args[5..].iter().map_while(|arg| entry_id(arg).ok()).collect();
    let mut claim = Claim {
        consumer: args[3],
        now_ms,
        min_idle,
        time_ms: -1,
        retries: None,
        force: false,
        just_id: false,
        seen: None,
        done: Vec::new(),
    };
    let mut last_id = Id::MIN;
    let mut at = 5 + ids.len();
    while at < args.len() {
        let more = at + 1 < args.len();
        if exec.arg_is(at, "force") {
            claim.force = true;
        } else if exec.arg_is(at, "justid") {
            claim.just_id = true;
        } else if exec.arg_is(at, "idle") && more {
            at += 1;
            claim.time_ms = now_ms.wrapping_sub(number(at, "Invalid IDLE option argument for XCLAIM")?);
        } else if exec.arg_is(at, "time") && more {
            at += 1;
            claim.time_ms = number(at, "Invalid TIME option argument for XCLAIM")?;
        } else if exec.arg_is(at, "retrycount") && more {
            at += 1;
            claim.retries = u64::try_from(number(at, "Invalid RETRYCOUNT option argument for XCLAIM")?).ok();
        } else if exec.arg_is(at, "lastid") && more {
            at += 1;
            last_id = entry_id(args[at])?;
        } else {
            let option = printed(args[at], args[at].len());
            return Err(Error::quoting("Unrecognized XCLAIM option '", option, "'"));
        }
        at += 1;
    }
    // A time to come is the mistake of some other clock.
    if !(0..=now_ms).contains(&claim.time_ms) {
        claim.time_ms = now_ms;
    }
    exec.propagate_nothing();
    let Some((log, group, reply)) = group_mut(exec) else { return Ok(()) };
    let moved = last_id > group.last_id;
    group.last_id = group.last_id.max(last_id);
    let begin = reply.begin();
    let mut len = 0;
    for (id, shown) in ids.into_iter().zip(&args[5..]) {
        len += usize::from(matches!(claim.take(log, group, id, shown, reply), Claimed::Given));
    }
    reply.end_array(begin, len);
    let (last_id, read) = (group.last_id, group.entries_read);
    if claim.finish(exec, last_id) == 0 && moved {
        propagate_place(exec, name, key, last_id, read);
        exec.dirty(1);
    }
    Ok(())
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
fn xautoclaim(exec: &mut Exec<'_>) -> Done {
    let (args, now_ms) = (exec.args, exec.now_ms());
    let (key, name) = (args[1], args[2]);
    let found = exec.read(key).cloned();
    let min_idle =
        num::parse_i64(args[4]).ok_or(Error::fixed("Invalid min-idle-time argument for XAUTOCLAIM"))?;
    let start = bound(args[5], false)?;
    let (mut count, mut just_id) = (100, false);
    let mut at = 6;
    while at < args.len() {
        if exec.arg_is(at, "count") && at + 1 < args.len() {
            at += 1;
            let given = num::parse_i64(args[at]).filter(|given| (1..=i64::MAX / 16).contains(given));
            count = given.ok_or(Error::fixed("COUNT must be > 0"))?;
        } else if exec.arg_is(at, "justid") {
            just_id = true;
        } else {
            return Err(Error::SYNTAX);
        }
        at += 1;
    }
    if found.is_some_and(|object| !matches!(object, Object::Stream(_))) {
        return Err(Error::WRONG_TYPE);
    }
    let mut given = Reply::new(exec.reply.proto());
    let Some((log, group, reply)) = group_mut(exec) else {
        return Err(no_group(key, name, ""));
    };
    if count > IDS_MAX {
        return Err(Error::fixed("Insufficient memory, failed allocating transient memory, COUNT too high."));
    }
    let mut claim = Claim {
        consumer: args[3],
        now_ms,
        min_idle,
        time_ms: now_ms,
        retries: None,
        force: false,
        just_id,
        seen: None,
        done: Vec::new(),
    };
    let (mut given_len, mut deleted) = (0, Vec::new());
    let mut attempts = count * ATTEMPTS;
    let mut here = group.pending.from(start).next().map(|(id, _)| id);
    while let Some(id) = here.filter(|_| attempts > 0 && count > 0) {
        attempts -= 1;
        match claim.take(log, group, id, id.text().as_bytes(), &mut given) {
            Claimed::Given => given_len += 1,
            Claimed::Deleted => deleted.push(id),
            Claimed::Nothing => count += 1,
        }
        count -= 1;
        here = id.next().and_then(|next| group.pending.from(next).next()).map(|(id, _)| id);
    }
    let last_id = group.last_id;
    reply.array(3);
    push_id(reply, here.unwrap_or(Id::MIN));
    reply.array(given_len);
    reply.raw(given.as_bytes());
    reply.array(deleted.len());
    deleted.into_iter().for_each(|id| push_id(reply, id));
    exec.propagate_nothing();
    claim.finish(exec, last_id);
    Ok(())
}
