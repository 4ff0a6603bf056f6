//! The commands that work on keys of any type (db.c, expire.c, object.c 7.0.15). SORT is in [`super::sort`], the
//! serialised forms (DUMP, RESTORE, MIGRATE) are elsewhere, and so is WAIT.
//!
//! A time to live is propagated as the instant at which it ends (`PEXPIREAT`), and one that has ended already as a
//! deletion, so that a replica that gets the command late does not live in another time.

use super::Handlers;
use super::scan_args::{ScanArgs, reply_cursor};
use crate::config::MaxmemoryPolicy;
use crate::cost::Work;
use crate::exec::{Done, Error, Exec, notify};
use crate::node::keys::lfu_counter;
use crate::store::num::I64Text;
use crate::store::{Object, Str, StrValue, glob};

pub(crate) const HANDLERS: Handlers = &[
    ("copy", copy),
    ("del", delete),
    ("exists", exists),
    ("expire", |exec| expire_generic(exec, Unit::Seconds, true)),
    ("expireat", |exec| expire_generic(exec, Unit::Seconds, false)),
    ("expiretime", |exec| ttl_generic(exec, Unit::Seconds, false)),
    ("keys", keys),
    ("move", move_key),
    ("object|encoding", object_encoding),
    ("object|freq", object_freq),
    ("object|help", object_help),
    ("object|idletime", object_idletime),
    ("object|refcount", object_refcount),
    ("persist", persist),
    ("pexpire", |exec| expire_generic(exec, Unit::Milliseconds, true)),
    ("pexpireat", |exec| expire_generic(exec, Unit::Milliseconds, false)),
    ("pexpiretime", |exec| ttl_generic(exec, Unit::Milliseconds, false)),
    ("pttl", |exec| ttl_generic(exec, Unit::Milliseconds, true)),
    ("randomkey", randomkey),
    ("rename", |exec| rename_generic(exec, false)),
    ("renamenx", |exec| rename_generic(exec, true)),
    ("scan", scan),
    ("touch", touch),
    ("ttl", |exec| ttl_generic(exec, Unit::Seconds, true)),
    ("type", type_of),
    ("unlink", delete),
];

/// Integers below this share one object in Redis, whose reference count never changes (`OBJ_SHARED_INTEGERS`).
const SHARED_INTEGERS: i64 = 10_000;
/// How often RANDOMKEY tries again when the key it drew has expired.
const RANDOM_TRIES_MAX: usize = 100;
/// SCAN ends its round after looking for this many times COUNT keys, however few it has.
const SCAN_ROUNDS_PER_COUNT: usize = 10;

/// The unit of a time in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

/// The error for a time to live that is out of range (`addReplyErrorExpireTime`).
pub(super) fn expire_time_error(exec: &Exec<'_>) -> Error {
    Error::new(format!("invalid expire time in '{}' command", exec.command.name()))
}

/// Whether a key that is told to expire at this instant is to be deleted at once: not on a replica and not while loading,
/// where that is the master's or the file's affair (`checkAlreadyExpired`).
pub(super) fn already_expired(exec: &Exec<'_>, at_ms: i64) -> bool {
    at_ms <= exec.now_ms() && !exec.node.loading() && !exec.node.is_replica()
}

/// The command that a deletion is propagated as.
pub(super) fn delete_verb(lazy: bool) -> &'static [u8] {
    if lazy { b"UNLINK" } else { b"DEL" }
}

/// Whether a key is there, counting a hit or a miss, without touching its access clock (`LOOKUP_NOTOUCH`).
fn peek(exec: &mut Exec<'_>, key: &[u8]) -> bool {
    if exec.exists(key) {
        exec.node.stats.keyspace_hits += 1;
        true
    } else {
        exec.node.stats.keyspace_misses += 1;
        exec.notify(notify::KEY_MISS, "keymiss", key);
        false
    }
}

/// `DEL key [key …]`, `UNLINK key [key …]`. Both free at once: memory is given back without a thread here.
fn delete(exec: &mut Exec<'_>) -> Done {
    let mut deleted = 0;
    for key in &exec.args[1..] {
        exec.node.expire_if_needed(exec.db, key, exec.client);
        if exec.remove(key).is_some() {
            exec.modified(key);
            exec.notify(notify::GENERIC, "del", key);
            exec.dirty(1);
            deleted += 1;
        }
    }
    exec.reply.integer(deleted);
    Ok(())
}

/// `EXISTS key [key …]`
fn exists(exec: &mut Exec<'_>) -> Done {
    let mut count = 0;
    for key in &exec.args[1..] {
        count += i64::from(peek(exec, key));
    }
    exec.reply.integer(count);
    Ok(())
}

/// `TOUCH key [key …]`
fn touch(exec: &mut Exec<'_>) -> Done {
    let mut count = 0;
    for key in &exec.args[1..] {
        count += i64::from(exec.read(key).is_some());
    }
    exec.reply.integer(count);
    Ok(())
}

/// `TYPE key`
fn type_of(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let name = if peek(exec, key) { exec.raw_db().get(key).map(Object::type_name) } else { None };
    exec.reply.status(name.unwrap_or("none"));
    Ok(())
}

/// The conditions on the old time to live in EXPIRE and its kin.
#[derive(Clone, Copy, Default)]
struct ExpireOptions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

fn parse_expire_options(exec: &Exec<'_>) -> Result<ExpireOptions, Error> {
    let mut options = ExpireOptions::default();
    for index in 3..exec.args.len() {
        if exec.arg_is(index, "NX") {
            options.nx = true;
        } else if exec.arg_is(index, "XX") {
            options.xx = true;
        } else if exec.arg_is(index, "GT") {
            options.gt = true;
        } else if exec.arg_is(index, "LT") {
            options.lt = true;
        } else {
            return Err(Error::quoting("Unsupported option ", exec.args[index], ""));
        }
    }
    if options.nx && (options.xx || options.gt || options.lt) {
        return Err(Error::fixed("NX and XX, GT or LT options at the same time are not compatible"));
    }
    if options.gt && options.lt {
        return Err(Error::fixed("GT and LT options at the same time are not compatible"));
    }
    Ok(options)
}

/// `EXPIRE key seconds [NX | XX | GT | LT]` and its kin (`expireGenericCommand`); `relative`: counted from now.
fn expire_generic(exec: &mut Exec<'_>, unit: Unit, relative: bool) -> Done {
    let key = exec.args[1];
    let options = parse_expire_options(exec)?;
    let value = exec.integer(2)?;
    let value = match unit {
        Unit::Seconds => value.checked_mul(1000),
        Unit::Milliseconds => Some(value),
    };
    let base = if relative { exec.now_ms() } else { 0 };
    let Some(at) = value.and_then(|value| value.checked_add(base)) else {
        return Err(expire_time_error(exec));
    };
    if exec.write(key).is_none() {
        exec.reply.integer(0);
        return Ok(());
    }
    let old = exec.expire_at(key);
    // No time to live counts as an endless one.
    let refused = options.nx && old.is_some()
        || options.xx && old.is_none()
        || options.gt && old.is_none_or(|old| at <= old)
        || options.lt && old.is_some_and(|old| at >= old);
    if refused {
        exec.reply.integer(0);
        return Ok(());
    }
    if already_expired(exec, at) {
        exec.remove(key);
        exec.dirty(1);
        exec.propagate_as(&[delete_verb(exec.config().lazyfree_lazy_expire), key]);
        exec.modified(key);
        exec.notify(notify::GENERIC, "del", key);
    } else {
        exec.set_expire(key, at);
        if relative || unit == Unit::Seconds {
            let at = I64Text::new(at);
            let mut args: Vec<&[u8]> = vec![b"PEXPIREAT", key, at.as_slice()];
            args.extend_from_slice(&exec.args[3..]);
            exec.propagate_as(&args);
        }
        exec.modified(key);
        exec.notify(notify::GENERIC, "expire", key);
        exec.dirty(1);
    }
    exec.reply.integer(1);
    Ok(())
}

/// `TTL key`, `PTTL key`, `EXPIRETIME key`, `PEXPIRETIME key`; `relative`: counted from now.
fn ttl_generic(exec: &mut Exec<'_>, unit: Unit, relative: bool) -> Done {
    let key = exec.args[1];
    let ttl = if !peek(exec, key) {
        -2
    } else if let Some(at) = exec.expire_at(key) {
        let ttl = if relative { at.saturating_sub(exec.now_ms()).max(0) } else { at.max(0) };
        match unit {
            Unit::Milliseconds => ttl,
            Unit::Seconds => ttl.saturating_add(500) / 1000,
        }
    } else {
        -1
    };
    exec.reply.integer(ttl);
    Ok(())
}

/// `PERSIST key`
fn persist(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let changed = exec.write(key).is_some() && exec.raw_db_mut().remove_expire(key);
    if changed {
        exec.modified(key);
        exec.notify(notify::GENERIC, "persist", key);
        exec.dirty(1);
    }
    exec.reply.integer(i64::from(changed));
    Ok(())
}

/// `RANDOMKEY`
fn randomkey(exec: &mut Exec<'_>) -> Done {
    for attempt in 1..=RANDOM_TRIES_MAX {
        let node = &mut *exec.node;
        let db = &node.dbs[exec.db];
        let Some((key, _)) = db.random_key(&mut node.rng) else { break };
        let key: Str = key.clone();
        // A replica cannot delete: when all its keys have expired, one of these is the answer.
        let settle = attempt == RANDOM_TRIES_MAX && node.is_replica();
        if settle || !node.expire_if_needed(exec.db, &key, exec.client) {
            exec.reply.bulk(&key);
            return Ok(());
        }
    }
    exec.reply.null();
    Ok(())
}

/// `KEYS pattern`
fn keys(exec: &mut Exec<'_>) -> Done {
    let pattern = exec.args[1];
    let now_ms = exec.now_ms();
    let loading = exec.node.loading();
    let begin = exec.reply.begin();
    let mut count = 0;
    exec.node.work(Work::ScannedKeys, exec.node.dbs[exec.db].len());
    for (key, _, expire) in exec.node.dbs[exec.db].iter() {
        let expired = !loading && expire.is_some_and(|at| now_ms > at);
        if !expired && (pattern == b"*" || glob::matches(pattern, key, false)) {
            exec.reply.bulk(key);
            count += 1;
        }
    }
    exec.reply.end_array(begin, count);
    Ok(())
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
fn scan(exec: &mut Exec<'_>) -> Done {
    let options = ScanArgs::parse(exec, 1, true)?;
    let mut cursor = options.cursor;
    let mut found: Vec<(Str, bool)> = Vec::new();
    let mut rounds = options.count.saturating_mul(SCAN_ROUNDS_PER_COUNT);
    loop {
        let wanted = options.count - found.len();
        cursor = exec.raw_db().scan(cursor, wanted, |key, entry| {
            let name = entry.object.type_name().as_bytes();
            let right_type = options.type_name.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
            found.push((key.clone(), right_type));
        });
        rounds = rounds.saturating_sub(1);
        if cursor == 0 || found.len() >= options.count || rounds == 0 {
            break;
        }
    }
    // Expired keys go before the reply begins, but only those that MATCH and TYPE let through.
    found.retain(|(key, right_type)| {
        options.matches(key) && *right_type && !exec.node.expire_if_needed(exec.db, key, exec.client)
    });
    reply_cursor(exec, cursor);
    exec.reply.array(found.len());
    for (key, _) in &found {
        exec.reply.bulk(key);
    }
    Ok(())
}

/// `RENAME key newkey`, `RENAMENX key newkey`
fn rename_generic(exec: &mut Exec<'_>, if_absent: bool) -> Done {
    let (from, to) = (exec.args[1], exec.args[2]);
    if exec.write(from).is_none() {
        return Err(Error::NO_SUCH_KEY);
    }
    let same = from == to;
    if if_absent && (same || exec.exists(to)) {
        exec.reply.integer(0);
        return Ok(());
    }
    if !same {
        exec.node.expire_if_needed(exec.db, to, exec.client);
        exec.remove(to);
        if let Some((object, expire)) = exec.node.take(exec.db, from) {
            put(exec, exec.db, to, object, expire);
        }
        exec.modified(from);
        exec.modified(to);
        exec.notify(notify::GENERIC, "rename_from", from);
        exec.notify(notify::GENERIC, "rename_to", to);
        exec.dirty(1);
    }
    if if_absent {
        exec.reply.integer(1)
    } else {
        exec.reply.ok()
    }
    Ok(())
}

/// Puts a value and its time to live under a key that is not there.
fn put(exec: &mut Exec<'_>, db: usize, key: &[u8], object: Object, expire: Option<i64>) {
    exec.node.insert(db, key, object);
    if let Some(at) = expire {
        exec.node.set_expire(exec.client, db, key, at);
    }
}

/// The database that argument `index` names.
fn db_argument(exec: &Exec<'_>, index: usize) -> Result<usize, Error> {
    let db = exec.integer(index)?;
    if i32::try_from(db).is_err() {
        let (min, max) = (i32::MIN, i32::MAX);
        return Err(Error::new(format!("value is out of range, value must between {min} and {max}")));
    }
    match usize::try_from(db) {
        Ok(db) if (db as i64) < exec.config().databases.into() => Ok(db),
        _ => Err(Error::fixed("DB index is out of range")),
    }
}

const SAME_OBJECT: Error = Error::fixed("source and destination objects are the same");

/// `MOVE key db`
fn move_key(exec: &mut Exec<'_>) -> Done {
    if exec.config().cluster_enabled {
        return Err(Error::fixed("MOVE is not allowed in cluster mode"));
    }
    let key = exec.args[1];
    let (from, to) = (exec.db, db_argument(exec, 2)?);
    if from == to {
        return Err(SAME_OBJECT);
    }
    let there = exec.write(key).is_some();
    if !there || exec.node.lookup_write(to, key, exec.client).is_some() {
        exec.reply.integer(0);
        return Ok(());
    }
    if let Some((object, expire)) = exec.node.take(exec.db, key) {
        put(exec, to, key, object, expire);
    }
    for (db, event) in [(from, "move_from"), (to, "move_to")] {
        exec.node.signal_modified(db, key);
        exec.node.notify_keyspace_event(notify::GENERIC, event, key, db);
    }
    exec.dirty(1);
    exec.reply.integer(1);
    Ok(())
}

/// `COPY source destination [DB db] [REPLACE]`
fn copy(exec: &mut Exec<'_>) -> Done {
    let (from, to) = (exec.args[1], exec.args[2]);
    let (mut db, mut replace) = (exec.db, false);
    let mut index = 3;
    while index < exec.args.len() {
        if exec.arg_is(index, "REPLACE") {
            replace = true;
        } else if exec.arg_is(index, "DB") && index + 1 < exec.args.len() {
            index += 1;
            db = db_argument(exec, index)?;
        } else {
            return Err(Error::SYNTAX);
        }
        index += 1;
    }
    if exec.config().cluster_enabled && (exec.db != 0 || db != 0) {
        return Err(Error::fixed("Copying to another database is not allowed in cluster mode"));
    }
    if db == exec.db && from == to {
        return Err(SAME_OBJECT);
    }
    let Some(object) = exec.read(from).cloned() else {
        exec.reply.integer(0);
        return Ok(());
    };
    let expire = exec.expire_at(from);
    if exec.node.lookup_write(db, to, exec.client).is_some() {
        if !replace {
            exec.reply.integer(0);
            return Ok(());
        }
        exec.node.remove(db, to);
    }
    put(exec, db, to, object, expire);
    exec.node.signal_modified(db, to);
    exec.node.notify_keyspace_event(notify::GENERIC, "copy_to", to, db);
    exec.dirty(1);
    exec.reply.integer(1);
    Ok(())
}

/// The key that an OBJECT subcommand asks about; null has been replied if it is not there. Nobody is told of a miss.
fn object_key<'a>(exec: &mut Exec<'a>) -> Option<&'a [u8]> {
    let key = exec.args[2];
    if exec.exists(key) {
        exec.node.stats.keyspace_hits += 1;
        return Some(key);
    }
    exec.node.stats.keyspace_misses += 1;
    exec.reply.null();
    None
}

/// `OBJECT ENCODING key`
fn object_encoding(exec: &mut Exec<'_>) -> Done {
    if let Some(key) = object_key(exec) {
        let encoding = exec.raw_db().get(key).map_or("", Object::encoding);
        exec.reply.bulk_str(encoding);
    }
    Ok(())
}

/// Whether eviction looks at each key's own clock or counter (`MAXMEMORY_FLAG_NO_SHARED_INTEGERS`).
fn keeps_clocks(policy: MaxmemoryPolicy) -> bool {
    policy.is_lfu() || matches!(policy, MaxmemoryPolicy::VolatileLru | MaxmemoryPolicy::AllkeysLru)
}

/// `OBJECT REFCOUNT key`: small integers are shared for ever, unless each key needs a clock of its own for eviction.
fn object_refcount(exec: &mut Exec<'_>) -> Done {
    if let Some(key) = object_key(exec) {
        let shares = exec.config().maxmemory == 0 || !keeps_clocks(exec.config().maxmemory_policy);
        let count = match exec.raw_db().get(key) {
            Some(Object::Str(StrValue::Int(0..SHARED_INTEGERS))) if shares => i64::from(i32::MAX),
            _ => 1,
        };
        exec.reply.integer(count);
    }
    Ok(())
}

/// `OBJECT IDLETIME key`
fn object_idletime(exec: &mut Exec<'_>) -> Done {
    if let Some(key) = object_key(exec) {
        if exec.config().maxmemory_policy.is_lfu() {
            return Err(Error::fixed(
                "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                 policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        // Both clocks have 24 bits and run over after 194 days.
        let (clock, used) =
            (exec.node.lru_clock(), exec.raw_db().get_entry(key).map_or(0, |entry| entry.lru));
        let idle = clock.wrapping_sub(used) & 0x00ff_ffff;
        exec.reply.integer(i64::from(idle));
    }
    Ok(())
}

/// `OBJECT FREQ key`
fn object_freq(exec: &mut Exec<'_>) -> Done {
    if let Some(key) = object_key(exec) {
        if !exec.config().maxmemory_policy.is_lfu() {
            return Err(Error::fixed(
                "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        let clock = exec.raw_db().get_entry(key).map_or(0, |entry| entry.lru);
        let counter = lfu_counter(clock, exec.node.lfu_minutes(), exec.config().lfu_decay_time);
        exec.reply.integer(i64::from(counter));
    }
    Ok(())
}

fn object_help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "ENCODING <key>",
            "    Return the kind of internal representation used in order to store the value",
            "    associated with a <key>.",
            "FREQ <key>",
            "    Return the access frequency index of the <key>. The returned integer is",
            "    proportional to the logarithm of the recent access frequency of the key.",
            "IDLETIME <key>",
            "    Return the idle time of the <key>, that is the approximated number of",
            "    seconds elapsed since the last access to the key.",
            "REFCOUNT <key>",
            "    Return the number of references of the value associated with the specified",
            "    <key>.",
        ],
    )
}
