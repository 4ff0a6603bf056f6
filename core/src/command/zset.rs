//! Sorted sets one member at a time: ZADD to ZSCAN, and what takes members out (t_zset.c 7.0.15). Ranges are in
//! [`super::zset_range`], unions and their like in [`super::zset_combine`].

use super::pops::{MultiPop, deadline};
use super::random::{self, Urn};
use super::scan_args::{ScanArgs, reply_cursor};
use super::{Handlers, clip};
use crate::exec::{Done, Error, Exec, notify};
use crate::resp::reply::Reply;
use crate::rng::Rng;
use crate::store::float::{d2string, format_g17, parse_f64};
use crate::store::listpack::Value;
use crate::store::zset::{AddOptions, Added, LexBound, LexRange, ScoreRange};
use crate::store::{Object, Str, Zset};
use std::ops::Range;
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("zadd", |exec| add(exec, false)),
    ("zincrby", |exec| add(exec, true)),
    ("zrem", zrem),
    ("zremrangebyrank", |exec| remove_range(exec, "zremrangebyrank", rank_range)),
    ("zremrangebyscore", |exec| remove_range(exec, "zremrangebyscore", score_range)),
    ("zremrangebylex", |exec| remove_range(exec, "zremrangebylex", lex_range)),
    ("zcard", zcard),
    ("zcount", |exec| count(exec, score_range)),
    ("zlexcount", |exec| count(exec, lex_range)),
    ("zscore", zscore),
    ("zmscore", zmscore),
    ("zrank", |exec| rank(exec, false)),
    ("zrevrank", |exec| rank(exec, true)),
    ("zscan", zscan),
    ("zpopmin", |exec| pop(exec, End::Min)),
    ("zpopmax", |exec| pop(exec, End::Max)),
    ("bzpopmin", |exec| blocking_pop(exec, End::Min)),
    ("bzpopmax", |exec| blocking_pop(exec, End::Max)),
    ("zmpop", |exec| multi_pop(exec, 1, false)),
    ("bzmpop", |exec| multi_pop(exec, 2, true)),
    ("zrandmember", zrandmember),
];

/// The end of a sorted set that members are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> &'static str {
        if self == End::Min { "zpopmin" } else { "zpopmax" }
    }

    fn verb(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

fn add(exec: &mut Exec<'_>, always_incr: bool) -> Done {
    let mut options = AddOptions { incr: always_incr, ..AddOptions::default() };
    let mut changed_counts = false;
    let mut at = 2;
    while at < exec.args.len() {
        match exec.args[at].to_ascii_lowercase().as_slice() {
            b"nx" => options.nx = true,
            b"xx" => options.xx = true,
            b"ch" => changed_counts = true,
            b"incr" => options.incr = true,
            b"gt" => options.gt = true,
            b"lt" => options.lt = true,
            _ => break,
        }
        at += 1;
    }
    let pairs = &exec.args[at..];
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    if options.nx && options.xx {
        return Err(Error::fixed("XX and NX options at the same time are not compatible"));
    }
    if [options.nx, options.gt, options.lt].into_iter().filter(|&on| on).count() > 1 {
        return Err(Error::fixed("GT, LT, and/or NX options at the same time are not compatible"));
    }
    if options.incr && pairs.len() > 2 {
        return Err(Error::fixed("INCR option supports a single increment-element pair"));
    }
    // Every score is read before anything is added: the command does all or nothing.
    let scores: Vec<f64> =
        pairs.chunks(2).map(|pair| parse_f64(pair[0])).collect::<Option<_>>().ok_or(Error::NOT_FLOAT)?;

    let key = exec.args[1];
    if exec.write_zset(key)?.is_none() {
        if options.xx {
            match options.incr {
                true => exec.reply.null(),
                false => exec.reply.integer(0),
            }
            return Ok(());
        }
        let zset = Object::zset(pairs[1].len(), &exec.node.limits);
        exec.node.insert(exec.db, key, zset);
    }
    let node = &mut *exec.node;
    let Some(Object::Zset(zset)) = node.dbs[exec.db].get_entry_mut(key).map(|entry| &mut entry.object) else {
        return Err(Error::WRONG_TYPE);
    };
    let zset = Rc::make_mut(zset);
    let (mut added, mut updated, mut result) = (0, 0, None);
    for (pair, &score) in pairs.chunks(2).zip(&scores) {
        match zset.add(score, pair[1], options, &node.limits) {
            Added::New(score) => {
                added += 1;
                result = Some(score);
            }
            Added::Changed(score) => {
                updated += 1;
                result = Some(score);
            }
            Added::Same(score) => result = Some(score),
            Added::Nothing => {}
            // Only INCR adds up scores, and it takes one pair: nothing has changed.
            Added::Nan => return Err(Error::fixed("resulting score is not a number (NaN)")),
        }
    }
    exec.dirty(added + updated);
    match (options.incr, result) {
        (true, Some(score)) => exec.reply.double(score),
        (true, None) => exec.reply.null(),
        (false, _) => exec.reply.integer((if changed_counts { added + updated } else { added }) as i64),
    }
    if added + updated > 0 {
        exec.modified(key);
        exec.notify(notify::ZSET, if options.incr { "zincr" } else { "zadd" }, key);
    }
    Ok(())
}

fn zrem(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    let members = &exec.args[2..];
    let Some(zset) = exec.write_zset(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let mut removed = 0;
    for member in members {
        removed += u64::from(zset.remove(member));
        if zset.is_empty() {
            break;
        }
    }
    let empty = zset.is_empty();
    removed_from(exec, key, "zrem", removed, empty);
    exec.reply.integer(removed as i64);
    Ok(())
}

/// What follows from members being removed.
fn removed_from(exec: &mut Exec<'_>, key: &[u8], event: &str, removed: u64, empty: bool) {
    if empty {
        exec.remove(key);
    }
    if removed > 0 {
        exec.modified(key);
        exec.notify(notify::ZSET, event, key);
        if empty {
            exec.notify(notify::GENERIC, "del", key);
        }
    }
    exec.dirty(removed);
}

/// A range that the arguments at 2 and 3 name, waiting for the sorted set whose ranks it gives.
type RangeOf = Box<dyn Fn(&Zset) -> Range<usize>>;

/// Two bounds of scores.
pub(super) fn score_bounds(min: &[u8], max: &[u8]) -> Result<ScoreRange, Error> {
    ScoreRange::parse(min, max).ok_or(Error::fixed("min or max is not a float"))
}

/// Two bounds of members.
pub(super) fn lex_bounds(min: &[u8], max: &[u8]) -> Result<LexRange, Error> {
    match (LexBound::parse(min), LexBound::parse(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(Error::fixed("min or max not valid string range item")),
    }
}

fn rank_range(exec: &Exec<'_>) -> Result<RangeOf, Error> {
    let (start, stop) = (exec.integer(2)?, exec.integer(3)?);
    Ok(Box::new(move |zset| clip(start, stop, zset.len())))
}

fn score_range(exec: &Exec<'_>) -> Result<RangeOf, Error> {
    let range = score_bounds(exec.args[2], exec.args[3])?;
    Ok(Box::new(move |zset| zset.score_ranks(&range)))
}

fn lex_range(exec: &Exec<'_>) -> Result<RangeOf, Error> {
    let range = lex_bounds(exec.args[2], exec.args[3])?;
    Ok(Box::new(move |zset| zset.lex_ranks(&range)))
}

fn remove_range(exec: &mut Exec<'_>, event: &str, range: fn(&Exec<'_>) -> Result<RangeOf, Error>) -> Done {
    let range = range(exec)?;
    let key = exec.args[1];
    let Some(zset) = exec.write_zset(key)? else {
        exec.reply.integer(0);
        return Ok(());
    };
    let removed = zset.remove_ranks(range(zset)) as u64;
    let empty = zset.is_empty();
    removed_from(exec, key, event, removed, empty);
    exec.reply.integer(removed as i64);
    Ok(())
}

fn count(exec: &mut Exec<'_>, range: fn(&Exec<'_>) -> Result<RangeOf, Error>) -> Done {
    let range = range(exec)?;
    let count = exec.read_zset(exec.args[1])?.map_or(0, |zset| range(zset).len());
    exec.reply.integer(count as i64);
    Ok(())
}

fn zcard(exec: &mut Exec<'_>) -> Done {
    let len = exec.read_zset(exec.args[1])?.map_or(0, Zset::len);
    exec.reply.integer(len as i64);
    Ok(())
}

fn reply_score(exec: &mut Exec<'_>, score: Option<f64>) {
    match score {
        Some(score) => exec.reply.double(score),
        None => exec.reply.null(),
    }
}

fn zscore(exec: &mut Exec<'_>) -> Done {
    let member = exec.args[2];
    let score = exec.read_zset(exec.args[1])?.and_then(|zset| zset.score(member));
    reply_score(exec, score);
    Ok(())
}

fn zmscore(exec: &mut Exec<'_>) -> Done {
    let zset = exec.shared::<Zset>(exec.args[1])?;
    exec.reply.array(exec.args.len() - 2);
    for member in &exec.args[2..] {
        reply_score(exec, zset.as_ref().and_then(|zset| zset.score(member)));
    }
    Ok(())
}

fn rank(exec: &mut Exec<'_>, reverse: bool) -> Done {
    let member = exec.args[2];
    let rank = exec.read_zset(exec.args[1])?.and_then(|zset| {
        let (rank, _) = zset.rank(member)?;
        Some(if reverse { zset.len() - 1 - rank } else { rank })
    });
    match rank {
        Some(rank) => exec.reply.integer(rank as i64),
        None => exec.reply.null(),
    }
    Ok(())
}

fn zscan(exec: &mut Exec<'_>) -> Done {
    let Some((scan, zset)) = ScanArgs::of_key::<Zset>(exec)? else { return Ok(()) };
    // A listpack has the text of a score, the other encoding prints it anew, each in its own way.
    let text = if matches!(*zset, Zset::Pack(_)) { d2string } else { format_g17 };
    let mut pairs: Vec<(Str, String)> = Vec::new();
    let next = zset.scan(scan.cursor, scan.count, |member, score| {
        if member.with(|bytes| scan.matches(bytes)) {
            pairs.push((member.to_str(), text(score)));
        }
    });
    reply_cursor(exec, next);
    exec.reply.array(pairs.len() * 2);
    for (member, score) in &pairs {
        exec.reply.bulk(member);
        exec.reply.bulk(score.as_bytes());
    }
    Ok(())
}

/// Takes members out of the sorted set at `key`, which is there and not empty, and writes them, each pair in an array of its
/// own if `nested` (`genericZpopCommand`). The header is the caller's.
fn take(exec: &mut Exec<'_>, key: &[u8], end: End, count: usize, nested: bool) -> Done {
    let mut taken = Vec::new();
    let mut empty = false;
    if let Some(zset) = exec.write_zset(key)? {
        for _ in 0..count {
            let rank = if end == End::Min { 0 } else { zset.len().saturating_sub(1) };
            taken.extend(zset.pop_at(rank));
        }
        empty = zset.is_empty();
    }
    for item in &taken {
        if nested {
            exec.reply.array(2);
        }
        exec.reply.bulk(&item.member);
        exec.reply.double(item.score);
    }
    exec.dirty(taken.len() as u64);
    exec.notify(notify::ZSET, end.event(), key);
    exec.modified(key);
    if empty {
        exec.remove(key);
        exec.notify(notify::GENERIC, "del", key);
    }
    Ok(())
}

fn pop(exec: &mut Exec<'_>, end: End) -> Done {
    if exec.args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let with_count = exec.args.len() == 3;
    let count = match with_count {
        false => 1,
        true => exec.integer(2).ok().filter(|&count| count >= 0).ok_or(Error::NOT_POSITIVE)?,
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let key = exec.args[1];
    let len = exec.write_zset(key)?.map_or(0, |zset| zset.len());
    let count = count.min(len);
    if count == 0 {
        exec.reply.empty_array();
        return Ok(());
    }
    let nested = with_count && exec.reply.is_resp3();
    exec.reply.array(if nested { count } else { count * 2 });
    take(exec, key, end, count, nested)
}

/// The first of some keys that has members, with how many. While a command runs again for a client that waited, a key of
/// another type is no error: nobody waits for such.
fn first_filled<'a>(exec: &mut Exec<'_>, keys: &[&'a [u8]]) -> Result<Option<(&'a [u8], usize)>, Error> {
    let retrying = exec.ready_key.is_some();
    for &key in exec.keys_at_hand(keys) {
        match exec.write_zset(key) {
            Ok(Some(zset)) if !zset.is_empty() => return Ok(Some((key, zset.len()))),
            Ok(_) => {}
            Err(_) if retrying => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn blocking_pop(exec: &mut Exec<'_>, end: End) -> Done {
    let last = exec.args.len() - 1;
    let deadline_ms = deadline(exec, last)?;
    let keys = &exec.args[1..last];
    if let Some((key, _)) = first_filled(exec, keys)? {
        exec.reply.array(3);
        exec.reply.bulk(key);
        take(exec, key, end, 1, false)?;
        exec.propagate_as(&[end.verb(), key]);
    } else if exec.may_block() {
        exec.block_on_keys(keys, deadline_ms);
    } else {
        exec.reply.null_array();
    }
    Ok(())
}

fn end_at(exec: &Exec<'_>, index: usize) -> Result<End, Error> {
    if exec.arg_is(index, "min") {
        Ok(End::Min)
    } else if exec.arg_is(index, "max") {
        Ok(End::Max)
    } else {
        Err(Error::SYNTAX)
    }
}

/// ZMPOP and BZMPOP: `numkeys` stands at argument `at`.
fn multi_pop(exec: &mut Exec<'_>, at: usize, blocking: bool) -> Done {
    let MultiPop { keys, end, count } = MultiPop::parse(exec, at, end_at)?;
    let deadline_ms = if blocking { deadline(exec, 1)? } else { None };
    if let Some((key, len)) = first_filled(exec, keys)? {
        let count = count.min(len);
        exec.reply.array(2);
        exec.reply.bulk(key);
        exec.reply.array(count);
        take(exec, key, end, count, true)?;
        exec.propagate_as(&[end.verb(), key, count.to_string().as_bytes()]);
    } else if blocking && exec.may_block() {
        exec.block_on_keys(keys, deadline_ms);
    } else {
        exec.reply.null_array();
    }
    Ok(())
}

/// What is drawn is a rank.
impl Urn for Zset {
    type Item = usize;
    type Name = usize;

    fn len(&self) -> usize {
        Zset::len(self)
    }

    fn all(&self) -> Vec<usize> {
        (0..Zset::len(self)).collect()
    }

    fn draw(&self, rng: &mut Rng) -> Option<usize> {
        (!self.is_empty()).then(|| rng.below(Zset::len(self) as u64) as usize)
    }

    fn name(item: &usize) -> usize {
        *item
    }
}

fn zrandmember(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[1];
    if exec.args.len() == 2 {
        let zset = exec.shared::<Zset>(key)?;
        let drawn = zset.as_ref().and_then(|zset| zset.iter_from(zset.draw(&mut exec.node.rng)?).next());
        let member = drawn.map(|(member, _)| member.to_str());
        exec.reply.bulk_or_null(member.as_deref());
        return Ok(());
    }
    let count = exec.signed_count(2)?;
    let with_scores = exec.args.len() == 4 && exec.arg_is(3, "withscores");
    if exec.args.len() > 3 && !with_scores {
        return Err(Error::SYNTAX);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::OUT_OF_RANGE);
    }
    let Some(zset) = exec.shared::<Zset>(key)? else {
        exec.reply.empty_array();
        return Ok(());
    };
    let nested = with_scores && exec.reply.is_resp3();
    random::reply(exec, &*zset, count, if with_scores && !nested { 2 } else { 1 }, |reply, rank| {
        for (member, score) in zset.iter_from(rank).take(1) {
            reply_pair(reply, member, score, with_scores);
        }
    });
    Ok(())
}

/// Members, with their scores if asked for: by turns in one array, in RESP3 pair by pair.
pub(super) fn reply_pairs<'z>(
    exec: &mut Exec<'_>,
    pairs: impl Iterator<Item = (Value<'z>, f64)>,
    count: usize,
    with_scores: bool,
) {
    let nested = with_scores && exec.reply.is_resp3();
    exec.reply.array(if with_scores && !nested { count * 2 } else { count });
    for (member, score) in pairs {
        reply_pair(exec.reply, member, score, with_scores);
    }
}

fn reply_pair(reply: &mut Reply, member: Value<'_>, score: f64, with_score: bool) {
    if with_score && reply.is_resp3() {
        reply.array(2);
    }
    member.with(|bytes| reply.bulk(bytes));
    if with_score {
        reply.double(score);
    }
}
