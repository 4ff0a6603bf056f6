//! Unions, intersections and differences of sorted sets and sets (`zunionInterDiffGenericCommand`, t_zset.c 7.0.15). The members
//! of a plain set count with the score 1.

use super::zset::reply_pairs;
use super::{Handlers, store_or_delete};
use crate::cost::Work;
use crate::exec::{Done, Error, Exec, notify};
use crate::store::float::parse_f64;
use crate::store::zset::AddOptions;
use crate::store::{Object, Set, Str, Zset};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("zunion", |exec| combine(exec, Operation::Union, Outcome::Reply)),
    ("zinter", |exec| combine(exec, Operation::Inter, Outcome::Reply)),
    ("zdiff", |exec| combine(exec, Operation::Diff, Outcome::Reply)),
    ("zintercard", |exec| combine(exec, Operation::Inter, Outcome::Count)),
    ("zunionstore", |exec| combine(exec, Operation::Union, Outcome::Store)),
    ("zinterstore", |exec| combine(exec, Operation::Inter, Outcome::Store)),
    ("zdiffstore", |exec| combine(exec, Operation::Diff, Outcome::Store)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Reply,
    Count,
    Store,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// `inf` and `-inf` add up to 0.
    fn join(self, score: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => or_zero(score + other),
            Aggregate::Min if other < score => other,
            Aggregate::Max if other > score => other,
            Aggregate::Min | Aggregate::Max => score,
        }
    }
}

fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What a key holds.
#[derive(Clone)]
enum Members {
    None,
    Set(Rc<Set>),
    Zset(Rc<Zset>),
}

impl Members {
    fn len(&self) -> usize {
        match self {
            Members::None => 0,
            Members::Set(set) => set.len(),
            Members::Zset(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Members::None => None,
            Members::Set(set) => set.contains(member).then_some(1.0),
            Members::Zset(zset) => zset.score(member),
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Str, f64) -> bool) {
        match self {
            Members::None => {}
            Members::Set(set) => {
                set.iter().all(|member| visit(member.to_str(), 1.0));
            }
            Members::Zset(zset) => {
                zset.iter().all(|(member, score)| visit(member.to_str(), score));
            }
        }
    }
}

struct Source {
    members: Members,
    weight: f64,
}

struct Options {
    aggregate: Aggregate,
    with_scores: bool,
    /// Stop counting here.
    limit: usize,
}

fn combine(exec: &mut Exec<'_>, operation: Operation, outcome: Outcome) -> Done {
    let at = if outcome == Outcome::Store { 2 } else { 1 };
    let numkeys = exec.integer(at)?;
    if numkeys < 1 {
        let name = exec.command.name();
        return Err(Error::new(format!("at least 1 input key is needed for '{name}' command")));
    }
    let end = usize::try_from(numkeys).ok().and_then(|count| count.checked_add(at + 1));
    let end = end.filter(|&end| end <= exec.args.len()).ok_or(Error::SYNTAX)?;
    let mut sources = Vec::new();
    for key in &exec.args[at + 1..end] {
        let members = match exec.read(key) {
            None => Members::None,
            Some(Object::Set(set)) => Members::Set(Rc::clone(set)),
            Some(Object::Zset(zset)) => Members::Zset(Rc::clone(zset)),
            Some(_) => return Err(Error::WRONG_TYPE),
        };
        sources.push(Source { members, weight: 1.0 });
    }
    let options = options(exec, end, operation, outcome, &mut sources)?;
    exec.node.work(Work::Elements, sources.iter().map(|source| source.members.len()).sum());
    if operation != Operation::Diff {
        sources.sort_by_key(|source| source.members.len());
    }
    if outcome == Outcome::Count {
        let mut count = 0;
        intersect(&sources, options.aggregate, |_, _| {
            count += 1;
            count < options.limit
        });
        exec.reply.integer(count as i64);
        return Ok(());
    }
    // No first member is as long as this: the result begins in the big encoding and shrinks if it is stored.
    let mut result = Zset::new(usize::MAX, &exec.node.limits);
    let limits = &exec.node.limits;
    let mut put = |member: &[u8], score: f64| {
        result.add(score, member, AddOptions::default(), limits);
        true
    };
    match operation {
        Operation::Inter => intersect(&sources, options.aggregate, |member, score| put(&member, score)),
        Operation::Union => {
            let mut all: BTreeMap<Str, f64> = BTreeMap::new();
            for source in &sources {
                source.members.for_each(|member, score| {
                    let score = or_zero(source.weight * score);
                    all.entry(member)
                        .and_modify(|sum| *sum = options.aggregate.join(*sum, score))
                        .or_insert(score);
                    true
                });
            }
            for (member, score) in &all {
                put(member, *score);
            }
        }
        Operation::Diff => sources[0].members.for_each(|member, score| {
            if sources[1..].iter().all(|other| other.members.score(&member).is_none()) {
                put(&member, score);
            }
            true
        }),
    }
    if outcome == Outcome::Store {
        result.compact(&exec.node.limits);
        let event = match operation {
            Operation::Union => "zunionstore",
            Operation::Inter => "zinterstore",
            Operation::Diff => "zdiffstore",
        };
        store(exec, Some(result), event);
    } else {
        reply_pairs(exec, result.iter(), result.len(), options.with_scores);
    }
    Ok(())
}

fn options(
    exec: &Exec<'_>,
    from: usize,
    operation: Operation,
    outcome: Outcome,
    sources: &mut [Source],
) -> Result<Options, Error> {
    let mut options = Options { aggregate: Aggregate::Sum, with_scores: false, limit: usize::MAX };
    let weighs = operation != Operation::Diff && outcome != Outcome::Count;
    let mut index = from;
    while index < exec.args.len() {
        let left = exec.args.len() - index;
        if weighs && left > sources.len() && exec.arg_is(index, "weights") {
            for (source, text) in sources.iter_mut().zip(&exec.args[index + 1..]) {
                source.weight = parse_f64(text).ok_or(Error::fixed("weight value is not a float"))?;
            }
            index += sources.len();
        } else if weighs && left >= 2 && exec.arg_is(index, "aggregate") {
            index += 1;
            options.aggregate = match exec.args[index].to_ascii_lowercase().as_slice() {
                b"sum" => Aggregate::Sum,
                b"min" => Aggregate::Min,
                b"max" => Aggregate::Max,
                _ => return Err(Error::SYNTAX),
            };
        } else if outcome == Outcome::Reply && exec.arg_is(index, "withscores") {
            options.with_scores = true;
        } else if outcome == Outcome::Count && left >= 2 && exec.arg_is(index, "limit") {
            index += 1;
            let limit = exec.integer(index).ok().filter(|&limit| limit >= 0);
            let limit = limit.ok_or(Error::fixed("LIMIT can't be negative"))?;
            options.limit =
                if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        } else {
            return Err(Error::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

/// Hands over what all have in common, the sources being sorted by their sizes, until `visit` says that it is enough.
fn intersect(sources: &[Source], aggregate: Aggregate, mut visit: impl FnMut(Str, f64) -> bool) {
    let [first, others @ ..] = sources else { return };
    first.members.for_each(|member, score| {
        let mut joined = or_zero(first.weight * score);
        for other in others {
            match other.members.score(&member) {
                Some(score) => joined = aggregate.join(joined, score * other.weight),
                None => return true,
            }
        }
        visit(member, joined)
    });
}

/// Puts a result at the key that the first argument names, or deletes that key if there is none.
pub(super) fn store(exec: &mut Exec<'_>, result: Option<Zset>, event: &str) {
    let result = result.filter(|result| !result.is_empty());
    exec.reply.integer(result.as_ref().map_or(0, |result| result.len() as i64));
    let result = result.map(|result| Object::Zset(Rc::new(result)));
    store_or_delete(exec, exec.args[1], result, (notify::ZSET, event), 1);
}
