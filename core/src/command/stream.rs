//! Streams: the log (t_stream.c 7.0.15). Groups of consumers are in the files beside this one.
//!
//! What goes to replicas and to the append-only file is what happened: the id that an entry got, and where an approximate trim has stopped.

use super::Handlers;
use crate::exec::{Done, Error, Exec, notify};
use crate::resp::reply::{Reply, printed};
use crate::store::listpack::LEN_MAX;
use crate::store::num::parse_i64;
use crate::store::stream::block::Entry;
use crate::store::stream::{Entries, Id, Trim};
use crate::store::{Object, Stream};

pub(crate) const HANDLERS: Handlers = &[
    ("xadd", xadd),
    ("xtrim", xtrim),
    ("xdel", xdel),
    ("xlen", xlen),
    ("xrange", |exec| xrange(exec, false)),
    ("xrevrange", |exec| xrange(exec, true)),
    ("xsetid", xsetid),
];

/// The longest id as text (`streamGenericParseIDOrReply`).
const ID_LEN_MAX: usize = 127;

/// A number of an id as Redis reads it: an integer, or else whatever `strtoull` takes (`string2ull`, util.c 7.0.15).
fn parse_u64(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let number = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    let number: u64 = number.parse().ok()?;
    Some(if text.starts_with(b"-") { number.wrapping_neg() } else { number })
}

/// An id, where `missing` stands for a number of its own that is left out, and whether that was no `*`.
fn parse(arg: &[u8], missing: u64, strict: bool, may_be_auto: bool) -> Option<(Id, bool)> {
    if arg.len() > ID_LEN_MAX {
        return None;
    }
    let text = printed(arg, arg.len());
    match text {
        b"-" if !strict => return Some((Id::MIN, true)),
        b"+" if !strict => return Some((Id::MAX, true)),
        _ => {}
    }
    let mut parts = text.splitn(2, |&byte| byte == b'-');
    let ms = parse_u64(parts.next()?)?;
    let seq = parts.next();
    let auto = may_be_auto && seq == Some(b"*");
    let seq = match seq {
        _ if auto => 0,
        Some(seq) => parse_u64(seq)?,
        None => missing,
    };
    Some((Id { ms, seq }, !auto))
}

const INVALID_ID: Error = Error::fixed("Invalid stream ID specified as stream command argument");

/// The id of an entry (`streamParseStrictIDOrReply`).
///
/// # Errors
/// It is none.
pub(super) fn entry_id(arg: &[u8]) -> Result<Id, Error> {
    parse(arg, 0, true, false).map(|(id, _)| id).ok_or(INVALID_ID)
}

/// The ids that all these arguments are.
///
/// # Errors
/// One is none.
pub(super) fn entry_ids(args: &[&[u8]]) -> Result<Vec<Id>, Error> {
    let mut ids = Vec::with_capacity(args.len());
    for arg in args {
        ids.push(entry_id(arg)?);
    }
    Ok(ids)
}

/// An id, or `-` or `+` (`streamParseIDOrReply`).
///
/// # Errors
/// It is none.
pub(super) fn any_id(arg: &[u8]) -> Result<Id, Error> {
    parse(arg, 0, false, false).map(|(id, _)| id).ok_or(INVALID_ID)
}

/// The end of an interval, `(` before one that does not belong to it (`streamParseIntervalIDOrReply`).
///
/// # Errors
/// It is none, or leaves nothing to the interval.
pub(super) fn bound(arg: &[u8], end: bool) -> Result<Id, Error> {
    let missing = if end { u64::MAX } else { 0 };
    let open = arg.len() > 1 && arg[0] == b'(';
    let (id, _) = parse(&arg[usize::from(open)..], missing, open, false).ok_or(INVALID_ID)?;
    match (open, end) {
        (false, _) => Ok(id),
        (true, false) => id.next().ok_or(Error::fixed("invalid start ID for the interval")),
        (true, true) => id.prev().ok_or(Error::fixed("invalid end ID for the interval")),
    }
}

/// How many entries are wanted; a negative number counts as 0.
///
/// # Errors
/// [`Error::NOT_INTEGER`].
pub(super) fn count_at(exec: &Exec<'_>, index: usize) -> Result<usize, Error> {
    Ok(usize::try_from(exec.integer(index)?.max(0)).unwrap_or(usize::MAX))
}

/// Writes an id.
pub(super) fn push_id(reply: &mut Reply, id: Id) {
    reply.bulk_str(&id.text());
}

/// Writes an entry: its id, and its fields and values in turn.
pub(super) fn push_entry(reply: &mut Reply, entry: &Entry<'_>) {
    reply.array(2);
    push_id(reply, entry.id);
    reply.array(2 * entry.len);
    for piece in entry.pieces() {
        piece.with(|bytes| reply.bulk(bytes));
    }
}

/// Writes entries as an array: `count` at the most, all if that is 0.
pub(super) fn push_entries(reply: &mut Reply, entries: Entries<'_>, count: usize) {
    let begin = reply.begin();
    let mut len = 0;
    for entry in entries.take(if count == 0 { usize::MAX } else { count }) {
        push_entry(reply, &entry);
        len += 1;
    }
    reply.end_array(begin, len);
}

/// What XADD and XTRIM are told before the entry (`streamParseAddOrTrimArgsOrReply`).
struct Options {
    /// What to trim to, and the argument that says so.
    trim: Option<(Trim, usize)>,
    approx: bool,
    /// The most entries to trim; 0 is no limit.
    limit: u64,
    no_mkstream: bool,
    /// The id that was given, and whether it has a number of its own.
    id: Option<(Id, bool)>,
    /// The argument that is the id.
    id_at: usize,
}

impl Options {
    fn parse(exec: &Exec<'_>, xadd: bool) -> Result<Options, Error> {
        let mut options =
            Options { trim: None, approx: false, limit: 0, no_mkstream: false, id: None, id_at: 0 };
        let mut limit = None;
        let mut at = 2;
        while at < exec.args.len() {
            let more = exec.args.len() - 1 - at;
            let by_len = exec.arg_is(at, "maxlen");
            if xadd && exec.args[at] == b"*" {
                break;
            } else if more > 0 && (by_len || exec.arg_is(at, "minid")) {
                if options.trim.is_some() {
                    return Err(Error::fixed(
                        "syntax error, MAXLEN and MINID options at the same time are not compatible",
                    ));
                }
                let operator = if more >= 2 { exec.args[at + 1] } else { b"" };
                options.approx = operator == b"~";
                at += if options.approx || operator == b"=" { 2 } else { 1 };
                let to = if by_len {
                    let len = u64::try_from(exec.integer(at)?);
                    Trim::Len(len.map_err(|_| Error::fixed("The MAXLEN argument must be >= 0."))?)
                } else {
                    Trim::From(entry_id(exec.args[at])?)
                };
                options.trim = Some((to, at));
            } else if more > 0 && exec.arg_is(at, "limit") {
                at += 1;
                let given = u64::try_from(exec.integer(at)?);
                limit = Some(given.map_err(|_| Error::fixed("The LIMIT argument must be >= 0."))?);
            } else if xadd && exec.arg_is(at, "nomkstream") {
                options.no_mkstream = true;
            } else if xadd {
                options.id = Some(parse(exec.args[at], 0, true, true).ok_or(INVALID_ID)?);
                break;
            } else {
                return Err(Error::SYNTAX);
            }
            at += 1;
        }
        options.id_at = at;
        if options.trim.is_none() && limit.is_some_and(|limit| limit > 0) {
            return Err(Error::fixed(
                "syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if options.trim.is_none() && !xadd {
            return Err(Error::fixed("syntax error, XTRIM must be called with a trimming strategy"));
        }
        // A master and the append-only file say exactly what is to go.
        let obey = exec.node.loading() || exec.client().is_some_and(|client| client.is_master());
        options.limit = match limit {
            _ if obey => 0,
            Some(_) if !options.approx => {
                return Err(Error::fixed("syntax error, LIMIT cannot be used without the special ~ option"));
            }
            Some(limit) => limit,
            None if options.approx => match exec.config().stream_node_max_entries.saturating_mul(100) {
                0 => 10_000,
                limit => limit.min(1_000_000) as u64,
            },
            None => 0,
        };
        Ok(options)
    }

    /// Trims, and gives how many entries went and what an exact trim would have been told to do the same.
    fn trim(&self, stream: &mut Stream) -> (u64, Option<(usize, String)>) {
        let Some((to, at)) = self.trim else { return (0, None) };
        let gone = stream.log.trim(to, self.approx, self.limit);
        let exact = self.approx.then(|| match to {
            Trim::Len(_) => stream.log.len.to_string(),
            Trim::From(_) => stream.log.edge(true).text(),
        });
        (gone, exact.map(|exact| (at, exact)))
    }
}

/// The arguments of the command that runs, with an exact trim in the place of an approximate one.
fn with_exact<'a>(exec: &Exec<'a>, exact: &'a Option<(usize, String)>) -> Vec<&'a [u8]> {
    let mut args = exec.args.to_vec();
    if let Some((at, text)) = exact {
        args[*at - 1] = b"=";
        args[*at] = text.as_bytes();
    }
    args
}

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value …]`
fn xadd(exec: &mut Exec<'_>) -> Done {
    let options = Options::parse(exec, true)?;
    let pairs = exec.args.get(options.id_at + 1..).unwrap_or_default();
    if pairs.len() < 2 || pairs.len() % 2 == 1 {
        return Err(Error::arity(exec.command.name()));
    }
    if options.id == Some((Id::MIN, true)) {
        return Err(Error::fixed("The ID specified in XADD must be greater than 0-0"));
    }
    let key = exec.args[1];
    let (now_ms, size) = (exec.now_ms() as u64, exec.node.limits.stream_node);
    if exec.write_stream(key)?.is_none() {
        if options.no_mkstream {
            exec.reply.null();
            return Ok(());
        }
        exec.node.insert(exec.db, key, Object::Stream(Default::default()));
    }
    let Some(stream) = exec.node.found_as::<Stream>(exec.db, key) else { return Ok(()) };
    if stream.log.last_id == Id::MAX {
        return Err(Error::fixed("The stream has exhausted the last possible ID, unable to add more items"));
    }
    let id = stream.log.id_for(options.id, now_ms).ok_or(Error::fixed(
        "The ID specified in XADD is equal or smaller than the target stream top item",
    ))?;
    if pairs.iter().map(|piece| piece.len()).sum::<usize>() > LEN_MAX {
        return Err(Error::fixed("Elements are too large to be stored"));
    }
    stream.log.append(id, pairs, size);
    let (gone, exact) = options.trim(stream);
    let id = id.text();
    exec.reply.bulk_str(&id);
    exec.modified(key);
    exec.notify(notify::STREAM, "xadd", key);
    exec.dirty(1);
    if gone > 0 {
        exec.notify(notify::STREAM, "xtrim", key);
    }
    let auto = !options.id.is_some_and(|(_, given)| given);
    if auto || exact.is_some() {
        let mut args = with_exact(exec, &exact);
        args[options.id_at] = id.as_bytes();
        exec.propagate_as(&args);
    }
    exec.node.signal_key_ready(exec.db, key);
    Ok(())
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`
fn xtrim(exec: &mut Exec<'_>) -> Done {
    let options = Options::parse(exec, false)?;
    let key = exec.args[1];
    let (gone, exact) = exec.write_stream(key)?.map_or((0, None), |stream| options.trim(stream));
    if gone > 0 {
        exec.notify(notify::STREAM, "xtrim", key);
        if exact.is_some() {
            let args = with_exact(exec, &exact);
            exec.propagate_as(&args);
        }
        exec.modified(key);
        exec.dirty(gone);
    }
    exec.reply.integer(gone as i64);
    Ok(())
}

/// `XDEL key id [id …]`
fn xdel(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let args = &exec.args[2..];
    let Some(stream) = exec.write_stream(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let ids = entry_ids(args)?;
    let gone = ids.into_iter().filter(|id| stream.log.delete(*id)).count();
    if gone > 0 {
        exec.modified(key);
        exec.notify(notify::STREAM, "xdel", key);
        exec.dirty(gone as u64);
    }
    exec.reply.integer(gone as i64);
    Ok(())
}

/// `XLEN key`
fn xlen(exec: &mut Exec<'_>) -> Done {
    let len = exec.read_stream(exec.args[1])?.map_or(0, |stream| stream.log.len);
    exec.reply.integer(len as i64);
    Ok(())
}

/// `XRANGE key start end [COUNT count]`, `XREVRANGE key end start [COUNT count]`
fn xrange(exec: &mut Exec<'_>, back: bool) -> Done {
    let (start_at, end_at) = if back { (3, 2) } else { (2, 3) };
    let start = bound(exec.args[start_at], false)?;
    let end = bound(exec.args[end_at], true)?;
    let mut count = None;
    let mut at = 4;
    while at < exec.args.len() {
        if !exec.arg_is(at, "count") || at + 1 >= exec.args.len() {
            return Err(Error::SYNTAX);
        }
        count = Some(count_at(exec, at + 1)?);
        at += 2;
    }
    let reply = &mut *exec.reply;
    match exec.node.read_as::<Stream>(exec.db, exec.args[1], exec.client)? {
        None => reply.empty_array(),
        Some(_) if count == Some(0) => reply.null_array(),
        Some(stream) => push_entries(reply, stream.log.range(start, end, back), count.unwrap_or(0)),
    }
    Ok(())
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
fn xsetid(exec: &mut Exec<'_>) -> Done {
    let last_id = entry_id(exec.args[2])?;
    let (mut added, mut max_deleted) = (None, Id::MIN);
    let mut at = 3;
    while at < exec.args.len() {
        let more = at + 1 < exec.args.len();
        if exec.arg_is(at, "entriesadded") && more {
            let given = u64::try_from(exec.integer(at + 1)?);
            added = Some(given.map_err(|_| Error::fixed("entries_added must be positive"))?);
        } else if exec.arg_is(at, "maxdeletedid") && more {
            max_deleted = entry_id(exec.args[at + 1])?;
            if last_id < max_deleted {
                return Err(Error::fixed(
                    "The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::SYNTAX);
        }
        at += 2;
    }
    let key = exec.args[1];
    let Some(stream) = exec.write_stream(key)? else { return Err(Error::NO_SUCH_KEY) };
    let log = &mut stream.log;
    if log.len > 0 && last_id < log.top() {
        return Err(Error::fixed("The ID specified in XSETID is smaller than the target stream top item"));
    }
    if log.len > 0 && added.is_some_and(|added| log.len > added) {
        return Err(Error::fixed(
            "The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    log.last_id = last_id;
    log.entries_added = added.unwrap_or(log.entries_added);
    if max_deleted != Id::MIN {
        log.max_deleted_id = max_deleted;
    }
    exec.reply.ok();
    exec.dirty(1);
    exec.notify(notify::STREAM, "xsetid", key);
    Ok(())
}
