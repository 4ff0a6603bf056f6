//! The string commands (t_string.c 7.0.15).
//!
//! All the ways to set a string lead through [`set_generic`]. What depends on the clock is propagated as an absolute
//! instant (`SET … PXAT`, `PEXPIREAT`), and what depends on arithmetic of fractions as its result, so that replicas and
//! the append-only file come to the same data whenever they run it.

use super::Handlers;
use super::generic::{Unit, already_expired, delete_verb, expire_time_error};
use crate::exec::{Done, Error, Exec, notify};
use crate::store::longdouble::LongDouble;
use crate::store::num::{I64Text, parse_i64};
use crate::store::{Object, Str, StrValue};

pub(crate) const HANDLERS: Handlers = &[
    ("append", append),
    ("decr", |exec| add(exec, -1)),
    ("decrby", decrby),
    ("get", get),
    ("getdel", getdel),
    ("getex", getex),
    ("getrange", getrange),
    ("getset", getset),
    ("incr", |exec| add(exec, 1)),
    ("incrby", incrby),
    ("incrbyfloat", incrbyfloat),
    ("lcs", lcs),
    ("mget", mget),
    ("mset", |exec| mset_generic(exec, false)),
    ("msetnx", |exec| mset_generic(exec, true)),
    ("psetex", |exec| setex_generic(exec, Unit::Milliseconds)),
    ("set", set),
    ("setex", |exec| setex_generic(exec, Unit::Seconds)),
    ("setnx", setnx),
    ("setrange", setrange),
    ("strlen", strlen),
    ("substr", getrange),
];

/// The longest string that even a master or an append-only file may make, in bytes; everybody else is held to
/// `proto-max-bulk-len`.
const STRING_LEN_MAX: i64 = i32::MAX as i64;

/// The string at `key` for reading; a copy costs a reference count.
pub(super) fn read_string(exec: &mut Exec<'_>, key: &[u8]) -> Result<Option<StrValue>, Error> {
    match exec.read(key) {
        None => Ok(None),
        Some(Object::Str(value)) => Ok(Some(value.clone())),
        Some(_) => Err(Error::WRONG_TYPE),
    }
}

/// The string at `key` for changing.
pub(super) fn write_string<'e>(
    exec: &'e mut Exec<'_>,
    key: &[u8],
) -> Result<Option<&'e mut StrValue>, Error> {
    match exec.write(key) {
        None => Ok(None),
        Some(Object::Str(value)) => Ok(Some(value)),
        Some(_) => Err(Error::WRONG_TYPE),
    }
}

pub(super) fn reply_string(exec: &mut Exec<'_>, value: &StrValue) {
    value.with(|bytes| exec.reply.bulk(bytes));
}

/// The length limit that the sender is held to (`mustObeyClient`: a master and the append-only file are not).
pub(super) fn string_len_max(exec: &Exec<'_>) -> u64 {
    let obeyed = exec.client().is_none_or(|client| client.is_master());
    let len_max = if obeyed { STRING_LEN_MAX } else { exec.config().proto_max_bulk_len };
    len_max.clamp(0, isize::MAX as i64) as u64
}

/// Refuses what would make a string too long (`checkStringLength`).
fn check_len(exec: &Exec<'_>, len: u64, more: usize) -> Result<(), Error> {
    match len.checked_add(more as u64) {
        Some(total) if total <= string_len_max(exec) => Ok(()),
        _ => Err(Error::fixed("string exceeds maximum allowed size (proto-max-bulk-len)")),
    }
}

/// The condition that SET's NX and XX make.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    Absent,
    Present,
}

/// What SET and GETEX may say about the time to live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ttl {
    Default,
    Keep,
    Persist,
    /// From now on: argument and unit.
    In(usize, Unit),
    /// At an instant: argument and unit.
    At(usize, Unit),
}

#[derive(Clone, Copy)]
struct Options {
    condition: Condition,
    ttl: Ttl,
    get: bool,
}

/// The options of SET (`for_set`) and GETEX, from argument `from` on (`parseExtendedStringArgumentsOrReply`). The same
/// option given twice is no error, two that exclude each other are.
fn parse_options(exec: &Exec<'_>, from: usize, for_set: bool) -> Result<Options, Error> {
    let mut options = Options { condition: Condition::Always, ttl: Ttl::Default, get: false };
    let mut index = from;
    while index < exec.args.len() {
        let has_next = index + 1 < exec.args.len();
        let is = |word| exec.arg_is(index, word);
        let ttl = options.ttl;
        if for_set && is("NX") && options.condition != Condition::Present {
            options.condition = Condition::Absent;
        } else if for_set && is("XX") && options.condition != Condition::Absent {
            options.condition = Condition::Present;
        } else if for_set && is("GET") {
            options.get = true;
        } else if for_set && is("KEEPTTL") && matches!(ttl, Ttl::Default | Ttl::Keep) {
            options.ttl = Ttl::Keep;
        } else if !for_set && is("PERSIST") && matches!(ttl, Ttl::Default | Ttl::Persist) {
            options.ttl = Ttl::Persist;
        } else {
            let value = index + 1;
            let new = if is("EX") {
                Ttl::In(value, Unit::Seconds)
            } else if is("PX") {
                Ttl::In(value, Unit::Milliseconds)
            } else if is("EXAT") {
                Ttl::At(value, Unit::Seconds)
            } else if is("PXAT") {
                Ttl::At(value, Unit::Milliseconds)
            } else {
                return Err(Error::SYNTAX);
            };
            let allowed = match (ttl, new) {
                (Ttl::Default, _) => true,
                (Ttl::In(_, old), Ttl::In(_, new)) | (Ttl::At(_, old), Ttl::At(_, new)) => old == new,
                _ => false,
            };
            if !allowed || !has_next {
                return Err(Error::SYNTAX);
            }
            options.ttl = new;
            index += 1;
        }
        index += 1;
    }
    Ok(options)
}

/// The instant in milliseconds that an EX, PX, EXAT or PXAT asks for (`getExpireMillisecondsOrReply`).
fn expire_at(exec: &Exec<'_>, ttl: Ttl) -> Result<Option<i64>, Error> {
    let (index, unit, base) = match ttl {
        Ttl::In(index, unit) => (index, unit, exec.now_ms()),
        Ttl::At(index, unit) => (index, unit, 0),
        _ => return Ok(None),
    };
    let value = exec.integer(index)?;
    let at = match unit {
        Unit::Seconds => value.checked_mul(1000),
        Unit::Milliseconds => Some(value),
    };
    let at = at.filter(|_| value > 0).and_then(|at| at.checked_add(base)).filter(|&at| at > 0);
    at.map(Some).ok_or_else(|| expire_time_error(exec))
}

/// Whether SET did what it was asked for.
#[derive(PartialEq, Eq)]
enum Set {
    Done,
    Refused,
}

/// Sets a string on SET's conditions, and propagates it; the reply to success is the caller's (`setGenericCommand`).
fn set_generic(exec: &mut Exec<'_>, value_index: usize, options: Options) -> Result<Set, Error> {
    let (key, value) = (exec.args[1], exec.args[value_index]);
    let at = expire_at(exec, options.ttl)?;
    if options.get {
        match read_string(exec, key)? {
            Some(old) => reply_string(exec, &old),
            None => exec.reply.null(),
        }
    }
    if options.condition == Condition::Always {
        // A key past its time is gone before it is replaced, and that is told.
        exec.node.expire_if_needed(exec.db, key, exec.client);
    } else if exec.exists(key) != (options.condition == Condition::Present) {
        return Ok(Set::Refused);
    }
    let object = Object::string(value);
    if options.ttl == Ttl::Keep {
        exec.set_keep_ttl(key, object);
    } else {
        exec.set(key, object);
    }
    exec.dirty(1);
    exec.notify(notify::STRING, "set", key);
    if let Some(at) = at {
        exec.set_expire(key, at);
        exec.propagate_as(&[b"SET", key, value, b"PXAT", I64Text::new(at).as_slice()]);
        exec.notify(notify::GENERIC, "expire", key);
    } else if options.get {
        let args = exec.args.iter().enumerate();
        let kept: Vec<&[u8]> = args
            .filter(|(index, arg)| *index < 3 || !arg.eq_ignore_ascii_case(b"GET"))
            .map(|(_, arg)| *arg)
            .collect();
        exec.propagate_as(&kept);
    }
    Ok(Set::Done)
}

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT at | PXAT at-ms | KEEPTTL]`
fn set(exec: &mut Exec<'_>) -> Done {
    let options = parse_options(exec, 3, true)?;
    let done = set_generic(exec, 2, options)?;
    match (done, options.get) {
        (_, true) => {}
        (Set::Done, false) => exec.reply.ok(),
        (Set::Refused, false) => exec.reply.null(),
    }
    Ok(())
}

/// `SETNX key value`
fn setnx(exec: &mut Exec<'_>) -> Done {
    let options = Options { condition: Condition::Absent, ttl: Ttl::Default, get: false };
    let done = set_generic(exec, 2, options)?;
    exec.reply.integer(i64::from(done == Set::Done));
    Ok(())
}

/// `SETEX key seconds value`, `PSETEX key milliseconds value`
fn setex_generic(exec: &mut Exec<'_>, unit: Unit) -> Done {
    let options = Options { condition: Condition::Always, ttl: Ttl::In(2, unit), get: false };
    set_generic(exec, 3, options)?;
    exec.reply.ok();
    Ok(())
}

/// `GET key`
fn get(exec: &mut Exec<'_>) -> Done {
    match read_string(exec, exec.args[1])? {
        Some(value) => reply_string(exec, &value),
        None => exec.reply.null(),
    }
    Ok(())
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT at | PXAT at-ms | PERSIST]`
fn getex(exec: &mut Exec<'_>) -> Done {
    let options = parse_options(exec, 2, false)?;
    let key = exec.args[1];
    let Some(value) = read_string(exec, key)? else {
        exec.reply.null();
        return Ok(());
    };
    let at = expire_at(exec, options.ttl)?;
    reply_string(exec, &value);
    match at {
        Some(at) if matches!(options.ttl, Ttl::At(..)) && already_expired(exec, at) => {
            let verb = delete_verb(exec.config().lazyfree_lazy_expire);
            exec.remove(key);
            exec.propagate_as(&[verb, key]);
            exec.modified(key);
            exec.notify(notify::GENERIC, "del", key);
            exec.dirty(1);
        }
        Some(at) => {
            exec.set_expire(key, at);
            exec.propagate_as(&[b"PEXPIREAT", key, I64Text::new(at).as_slice()]);
            exec.modified(key);
            exec.notify(notify::GENERIC, "expire", key);
            exec.dirty(1);
        }
        None if options.ttl == Ttl::Persist && exec.raw_db_mut().remove_expire(key) => {
            exec.modified(key);
            exec.propagate_as(&[b"PERSIST", key]);
            exec.notify(notify::GENERIC, "persist", key);
            exec.dirty(1);
        }
        None => {}
    }
    Ok(())
}

/// `GETDEL key`
fn getdel(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    get(exec)?;
    if exec.remove(key).is_some() {
        exec.propagate_as(&[delete_verb(exec.config().lazyfree_lazy_user_del), key]);
        exec.modified(key);
        exec.notify(notify::GENERIC, "del", key);
        exec.dirty(1);
    }
    Ok(())
}

/// `GETSET key value`
fn getset(exec: &mut Exec<'_>) -> Done {
    let (key, value) = (exec.args[1], exec.args[2]);
    get(exec)?;
    exec.set(key, Object::string(value));
    exec.notify(notify::STRING, "set", key);
    exec.dirty(1);
    exec.propagate_as(&[b"SET", key, value]);
    Ok(())
}

/// `SETRANGE key offset value`
fn setrange(exec: &mut Exec<'_>) -> Done {
    let (key, value) = (exec.args[1], exec.args[3]);
    let offset = exec.integer(2)?;
    let Ok(offset) = u64::try_from(offset) else {
        return Err(Error::fixed("offset is out of range"));
    };
    let len = write_string(exec, key)?.map(|value| value.len());
    if value.is_empty() {
        exec.reply.integer(len.unwrap_or(0) as i64);
        return Ok(());
    }
    check_len(exec, offset, value.len())?;
    let put = |bytes: &mut Vec<u8>| {
        let end = offset as usize + value.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset as usize..end].copy_from_slice(value);
        bytes.len()
    };
    let len = match write_string(exec, key)? {
        Some(string) => {
            let len = put(string.make_raw().make_mut());
            exec.modified(key);
            len
        }
        None => {
            let mut bytes = Vec::new();
            let len = put(&mut bytes);
            exec.set_keep_ttl(key, Object::Str(StrValue::Raw(Str::from(bytes))));
            len
        }
    };
    exec.notify(notify::STRING, "setrange", key);
    exec.dirty(1);
    exec.reply.integer(len as i64);
    Ok(())
}

/// `GETRANGE key start end`, `SUBSTR key start end`
fn getrange(exec: &mut Exec<'_>) -> Done {
    let (start, end) = (exec.integer(2)?, exec.integer(3)?);
    let Some(value) = read_string(exec, exec.args[1])? else {
        exec.reply.bulk(b"");
        return Ok(());
    };
    value.with(|bytes| {
        let len = bytes.len() as i64;
        let from_end = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
        let (from, to) = (from_end(start), from_end(end).min(len - 1));
        if (start < 0 && end < 0 && start > end) || from > to {
            exec.reply.bulk(b"");
        } else {
            exec.reply.bulk(&bytes[from as usize..=to as usize]);
        }
    });
    Ok(())
}

/// `MGET key [key …]`
fn mget(exec: &mut Exec<'_>) -> Done {
    let keys = &exec.args[1..];
    exec.reply.array(keys.len());
    for key in keys {
        match read_string(exec, key) {
            Ok(Some(value)) => reply_string(exec, &value),
            _ => exec.reply.null(),
        }
    }
    Ok(())
}

/// `MSET key value [key value …]`, `MSETNX key value [key value …]`
fn mset_generic(exec: &mut Exec<'_>, if_absent: bool) -> Done {
    if exec.args.len().is_multiple_of(2) {
        return Err(Error::arity(exec.command.name()));
    }
    let pairs = &exec.args[1..];
    if if_absent {
        for pair in pairs.chunks_exact(2) {
            if exec.exists(pair[0]) {
                exec.reply.integer(0);
                return Ok(());
            }
        }
    }
    for pair in pairs.chunks_exact(2) {
        exec.node.expire_if_needed(exec.db, pair[0], exec.client);
        exec.set(pair[0], Object::string(pair[1]));
        exec.notify(notify::STRING, "set", pair[0]);
    }
    exec.dirty(pairs.len() as u64 / 2);
    if if_absent {
        exec.reply.integer(1)
    } else {
        exec.reply.ok()
    }
    Ok(())
}

/// INCR and its kin (`incrDecrCommand`).
fn add(exec: &mut Exec<'_>, increment: i64) -> Done {
    let key = exec.args[1];
    let sum = match write_string(exec, key)? {
        Some(value) => {
            let old = value.as_i64().ok_or(Error::NOT_INTEGER)?;
            let Some(sum) = old.checked_add(increment) else {
                return Err(Error::fixed("increment or decrement would overflow"));
            };
            *value = StrValue::Int(sum);
            exec.modified(key);
            sum
        }
        None => {
            exec.set_keep_ttl(key, Object::Str(StrValue::Int(increment)));
            increment
        }
    };
    exec.notify(notify::STRING, "incrby", key);
    exec.dirty(1);
    exec.reply.integer(sum);
    Ok(())
}

/// `INCRBY key increment`
fn incrby(exec: &mut Exec<'_>) -> Done {
    let increment = exec.integer(2)?;
    add(exec, increment)
}

/// `DECRBY key decrement`
fn decrby(exec: &mut Exec<'_>) -> Done {
    match exec.integer(2)?.checked_neg() {
        Some(increment) => add(exec, increment),
        None => Err(Error::fixed("decrement would overflow")),
    }
}

/// `INCRBYFLOAT key increment`
fn incrbyfloat(exec: &mut Exec<'_>) -> Done {
    let (key, increment) = (exec.args[1], exec.args[2]);
    let value = match write_string(exec, key)? {
        None => LongDouble::from_i64(0),
        Some(StrValue::Int(value)) => LongDouble::from_i64(*value),
        Some(value) => value.with(LongDouble::parse).ok_or(Error::NOT_FLOAT)?,
    };
    let increment = LongDouble::parse(increment).ok_or(Error::NOT_FLOAT)?;
    let sum = value + increment;
    if !sum.is_finite() {
        return Err(Error::fixed("increment would produce NaN or Infinity"));
    }
    let text = sum.to_human();
    exec.set_keep_ttl(key, Object::Str(StrValue::plain(Str::from(text.as_str()))));
    exec.notify(notify::STRING, "incrbyfloat", key);
    exec.dirty(1);
    exec.reply.bulk_str(&text);
    exec.propagate_as(&[b"SET", key, text.as_bytes(), b"KEEPTTL"]);
    Ok(())
}

/// `APPEND key value`
fn append(exec: &mut Exec<'_>) -> Done {
    let (key, more) = (exec.args[1], exec.args[2]);
    let len = match write_string(exec, key)?.map(|value| value.len()) {
        Some(len) => {
            check_len(exec, len as u64, more.len())?;
            if let Some(value) = write_string(exec, key)? {
                value.make_raw().append(more);
            }
            exec.modified(key);
            len + more.len()
        }
        None => {
            exec.set_keep_ttl(key, Object::string(more));
            more.len()
        }
    };
    exec.notify(notify::STRING, "append", key);
    exec.dirty(1);
    exec.reply.integer(len as i64);
    Ok(())
}

/// `STRLEN key`
fn strlen(exec: &mut Exec<'_>) -> Done {
    let len = read_string(exec, exec.args[1])?.map_or(0, |value| value.len());
    exec.reply.integer(len as i64);
    Ok(())
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]`
fn lcs(exec: &mut Exec<'_>) -> Done {
    let mut read = |index: usize| match read_string(exec, exec.args[index]) {
        Ok(value) => Ok(value.map_or(Str::new(), |value| value.to_str())),
        Err(_) => Err(Error::fixed("The specified keys must contain string values")),
    };
    let first = read(1);
    let second = read(2);
    let (a, b) = (first?, second?);
    let (mut want_len, mut want_ranges, mut with_len, mut len_min) = (false, false, false, 0);
    let mut index = 3;
    while index < exec.args.len() {
        if exec.arg_is(index, "IDX") {
            want_ranges = true;
        } else if exec.arg_is(index, "LEN") {
            want_len = true;
        } else if exec.arg_is(index, "WITHMATCHLEN") {
            with_len = true;
        } else if exec.arg_is(index, "MINMATCHLEN") && index + 1 < exec.args.len() {
            index += 1;
            len_min = exec.integer(index)?.max(0);
        } else {
            return Err(Error::SYNTAX);
        }
        index += 1;
    }
    if want_len && want_ranges {
        return Err(Error::fixed("If you want both the length and indexes, please just use IDX."));
    }
    let table = LcsTable::new(&a, &b, exec.config().proto_max_bulk_len)?;
    let total = table.get(a.len(), b.len());
    if want_ranges {
        exec.reply.map(2);
        exec.reply.bulk_str("matches");
        let matches: Vec<Match> =
            table.matches(&a, &b).into_iter().filter(|found| found.len as i64 >= len_min).collect();
        exec.reply.array(matches.len());
        for found in matches {
            exec.reply.array(2 + usize::from(with_len));
            for from in [found.a, found.b] {
                exec.reply.array(2);
                exec.reply.integer(from as i64);
                exec.reply.integer((from + found.len - 1) as i64);
            }
            if with_len {
                exec.reply.integer(found.len as i64);
            }
        }
        exec.reply.bulk_str("len");
        exec.reply.integer(i64::from(total));
    } else if want_len {
        exec.reply.integer(i64::from(total));
    } else {
        let mut text = Vec::with_capacity(total as usize);
        for found in table.matches(&a, &b).into_iter().rev() {
            text.extend_from_slice(&a[found.a..found.a + found.len]);
        }
        exec.reply.bulk(&text);
    }
    Ok(())
}

/// A run of bytes that both strings share, by where it begins in each.
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

/// The length of the longest common subsequence of every pair of prefixes, row by row.
struct LcsTable {
    cells: Vec<u32>,
    width: usize,
}

impl LcsTable {
    fn new(a: &[u8], b: &[u8], bytes_max: i64) -> Result<LcsTable, Error> {
        if a.len().max(b.len()) >= u32::MAX as usize - 1 {
            return Err(Error::fixed("String too long for LCS"));
        }
        let width = b.len() + 1;
        let count = (a.len() as u64 + 1) * width as u64;
        if count.checked_mul(4).is_none_or(|bytes| bytes > bytes_max.max(0) as u64) {
            return Err(Error::fixed(
                "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        let mut cells: Vec<u32> = Vec::new();
        if cells.try_reserve_exact(count as usize).is_err() {
            return Err(Error::fixed("Insufficient memory, failed allocating transient memory for LCS"));
        }
        cells.resize(count as usize, 0);
        for (row, &left) in a.iter().enumerate() {
            let (above, below) = cells[row * width..].split_at_mut(width);
            for (column, &right) in b.iter().enumerate() {
                below[column + 1] =
                    if left == right { above[column] + 1 } else { above[column + 1].max(below[column]) };
            }
        }
        Ok(LcsTable { cells, width })
    }

    fn get(&self, a: usize, b: usize) -> u32 {
        self.cells[a * self.width + b]
    }

    /// The runs that make up the subsequence, the last one first.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let (mut i, mut j) = (a.len(), b.len());
        let mut matches: Vec<Match> = Vec::new();
        // Whether the last run ends right behind (i, j), so that one more byte makes it longer.
        let mut open = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1;
                j -= 1;
                match matches.last_mut() {
                    Some(last) if open => *last = Match { a: i, b: j, len: last.len + 1 },
                    _ => matches.push(Match { a: i, b: j, len: 1 }),
                }
                open = true;
            } else {
                if self.get(i - 1, j) > self.get(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                open = false;
            }
        }
        matches
    }
}

/// An argument as a number of bits or bytes, where an error has a text of its own.
pub(super) fn integer_or(exec: &Exec<'_>, index: usize, error: &'static str) -> Result<i64, Error> {
    parse_i64(exec.args[index]).ok_or(Error::fixed(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_common_subsequence_is_found_in_runs() {
        let table = LcsTable::new(b"ohmytext", b"mynewtext", 1 << 20).unwrap();
        assert_eq!(table.get(8, 9), 6);
        let runs = table.matches(b"ohmytext", b"mynewtext");
        let runs: Vec<_> = runs.iter().map(|run| (run.a, run.b, run.len)).collect();
        assert_eq!(runs, [(4, 5, 4), (2, 0, 2)]);
        assert!(LcsTable::new(b"", b"x", 1 << 20).unwrap().matches(b"", b"x").is_empty());
        assert!(LcsTable::new(b"aaaa", b"aaaa", 20).is_err());
    }
}
