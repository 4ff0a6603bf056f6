//! [`Zset`], the value behind ZADD: a listpack of members and scores by turns, in order, while small; else a [`Dict`] from member to
//! score beside a [`RankTree`] (t_zset.c 7.0.15).
//!
//! Whatever range a command names (ranks, scores, members), it is turned into a range of ranks first; reading and removing then
//! work on ranks alone.

use super::bytes::Str;
use super::dict::Dict;
use super::float::{as_i64, d2string, strtod};
use super::limits::Limits;
use super::listpack::{Listpack, Malformed, Value};
use super::ranktree::{RankTree, Scored};
use crate::rng::Rng;
use std::collections::BTreeSet;
use std::ops::Range;

/// A set of members ordered by score, then by their bytes.
#[derive(Clone)]
pub enum Zset {
    /// Encoding `listpack`.
    Pack(Listpack),
    /// Encoding `skiplist`.
    Tree {
        /// Scores by member.
        scores: Dict<f64>,
        /// The order.
        order: RankTree,
    },
}

/// What ZADD's options ask for (`ZADD_IN_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// Add to the score that is there.
    pub incr: bool,
    /// Only new members.
    pub nx: bool,
    /// Only existing members.
    pub xx: bool,
    /// Only to a greater score.
    pub gt: bool,
    /// Only to a lesser score.
    pub lt: bool,
}

/// What came of adding (`ZADD_OUT_*`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The member is new, with this score.
    New(f64),
    /// The score is this now, and was another.
    Changed(f64),
    /// The score is this and was it before.
    Same(f64),
    /// The options forbade it.
    Nothing,
    /// The score would not be a number; nothing was done.
    Nan,
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower bound.
    pub min: f64,
    /// The upper bound.
    pub max: f64,
    /// Whether the lower bound itself is outside.
    pub min_exclusive: bool,
    /// Whether the upper bound itself is outside.
    pub max_exclusive: bool,
}

impl ScoreRange {
    /// Reads two bounds such as `1`, `(1.5`, `-inf` (`zslParseRange`); `None` makes "min or max is not a float". As lenient as
    /// `strtod`: the empty string is 0.
    pub fn parse(min: &[u8], max: &[u8]) -> Option<ScoreRange> {
        let bound = |text: &[u8]| {
            let (exclusive, text) = match text {
                [b'(', rest @ ..] => (true, rest),
                _ => (false, text),
            };
            let (value, len) = strtod(text);
            // C sees the text end at a zero byte.
            let whole = matches!(text.get(len), None | Some(0));
            (whole && !value.is_nan()).then_some((value, exclusive))
        };
        let (min, min_exclusive) = bound(min)?;
        let (max, max_exclusive) = bound(max)?;
        Some(ScoreRange { min, max, min_exclusive, max_exclusive })
    }

    /// Whether a score is not below the range.
    pub fn reaches_min(&self, score: f64) -> bool {
        if self.min_exclusive { score > self.min } else { score >= self.min }
    }

    /// Whether a score is not above the range.
    pub fn within_max(&self, score: f64) -> bool {
        if self.max_exclusive { score < self.max } else { score <= self.max }
    }
}

/// One bound of a range of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LexBound {
    /// `-`: before every member.
    Least,
    /// `+`: after every member.
    Greatest,
    /// `[member`
    Inclusive(Str),
    /// `(member`
    Exclusive(Str),
}

impl LexBound {
    /// Reads a bound (`zslParseLexRangeItem`); `None` makes "min or max not valid string range item".
    pub fn parse(text: &[u8]) -> Option<LexBound> {
        match text {
            [b'-'] | [b'-', 0, ..] => Some(LexBound::Least),
            [b'+'] | [b'+', 0, ..] => Some(LexBound::Greatest),
            [b'[', rest @ ..] => Some(LexBound::Inclusive(Str::from(rest))),
            [b'(', rest @ ..] => Some(LexBound::Exclusive(Str::from(rest))),
            _ => None,
        }
    }
}

/// A range of members, for sorted sets whose scores are all equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexRange {
    /// The lower bound.
    pub min: LexBound,
    /// The upper bound.
    pub max: LexBound,
}

impl LexRange {
    /// Whether a member is not below the range.
    pub fn reaches_min(&self, member: &[u8]) -> bool {
        match &self.min {
            LexBound::Least => true,
            LexBound::Greatest => false,
            LexBound::Inclusive(min) => *member >= **min,
            LexBound::Exclusive(min) => *member > **min,
        }
    }

    /// Whether a member is not above the range.
    pub fn within_max(&self, member: &[u8]) -> bool {
        match &self.max {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Inclusive(max) => *member <= **max,
            LexBound::Exclusive(max) => *member < **max,
        }
    }
}

fn score_of(value: Value<'_>) -> f64 {
    match value {
        Value::Int(whole) => whole as f64,
        Value::Bytes(text) => strtod(text).0,
    }
}

/// Position and score of a member in a listpack.
fn find(pack: &Listpack, member: &[u8]) -> Option<(usize, f64)> {
    let at = pack.find(pack.first()?, member, 1)?;
    Some((at, score_of(pack.get(pack.next(at)?))))
}

/// Puts a member in its place (`zzlInsert`).
fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut place = pack.end();
    let mut next = pack.first();
    while let Some(at) = next
        && let Some(score_at) = pack.next(at)
    {
        let here = score_of(pack.get(score_at));
        if here > score || (here == score && pack.get(at).with(|have| have > member)) {
            place = at;
            break;
        }
        next = pack.next(score_at);
    }
    let after = pack.insert(place, member);
    match as_i64(score) {
        Some(whole) => pack.insert_int(after, whole),
        None => pack.insert(after, d2string(score).as_bytes()),
    };
}

impl Zset {
    /// An empty sorted set in the encoding that suits a first member of this length.
    pub fn new(first_len: usize, limits: &Limits) -> Zset {
        if limits.zset_max_listpack_entries == 0 || first_len > limits.zset_max_listpack_value {
            Zset::new_tree(limits)
        } else {
            Zset::Pack(Listpack::new())
        }
    }

    fn new_tree(limits: &Limits) -> Zset {
        Zset::Tree { scores: Dict::new(limits.seed), order: RankTree::default() }
    }

    /// Takes a listpack from a file.
    ///
    /// # Errors
    /// [`Malformed`] if the number of entries is odd, a member occurs twice, or a score is not a number.
    pub fn from_listpack(pack: Listpack) -> Result<Zset, Malformed> {
        let entries: Vec<_> = pack.iter().collect();
        let mut members = BTreeSet::new();
        let good =
            |pair: &[Value<'_>]| members.insert(pair[0].to_cow().into_owned()) && !score_of(pair[1]).is_nan();
        if entries.len() % 2 != 0 || !entries.chunks(2).all(good) {
            return Err(Malformed);
        }
        Ok(Zset::Pack(pack))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        match self {
            Zset::Pack(pack) => pack.len() / 2,
            Zset::Tree { order, .. } => order.len(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Zset::Pack(pack) => find(pack, member).map(|(_, score)| score),
            Zset::Tree { scores, .. } => scores.get(member).copied(),
        }
    }

    /// Adds a member or changes its score, all options considered (`zsetAdd`). Converts as the limits say.
    pub fn add(&mut self, score: f64, member: &[u8], options: AddOptions, limits: &Limits) -> Added {
        if score.is_nan() {
            return Added::Nan;
        }
        let mut score = score;
        let current = match self {
            Zset::Pack(pack) => find(pack, member),
            Zset::Tree { scores, .. } if options.xx => scores.get(member).map(|&score| (0, score)),
            Zset::Tree { scores, order } => match scores.get_or_insert_full(member, || score) {
                (member, _, true) => {
                    order.insert(score, member.clone());
                    return Added::New(score);
                }
                (_, old, false) => Some((0, *old)),
            },
        };
        if let Some((at, old)) = current {
            if options.nx {
                return Added::Nothing;
            }
            if options.incr {
                score += old;
                if score.is_nan() {
                    return Added::Nan;
                }
            }
            if (options.lt && score >= old) || (options.gt && score <= old) {
                return Added::Nothing;
            }
            if score == old {
                return Added::Same(score);
            }
            match self {
                Zset::Pack(pack) => {
                    pack.delete(at, 2);
                    insert(pack, member, score);
                }
                Zset::Tree { scores, order } => {
                    if let Some(slot) = scores.get_mut(member) {
                        *slot = score;
                    }
                    let member = order
                        .rank(old, member)
                        .and_then(|rank| order.remove_at(rank))
                        .map_or_else(|| Str::from(member), |item| item.member);
                    order.insert(score, member);
                }
            }
            return Added::Changed(score);
        }
        if options.xx {
            return Added::Nothing;
        }
        if let Zset::Pack(pack) = self
            && (pack.len() / 2 + 1 > limits.zset_max_listpack_entries
                || member.len() > limits.zset_max_listpack_value
                || !pack.is_safe_to_add(member.len()))
        {
            self.convert(limits);
        }
        match self {
            Zset::Pack(pack) => insert(pack, member, score),
            Zset::Tree { scores, order } => {
                let member = Str::from(member);
                scores.insert(member.clone(), score);
                order.insert(score, member);
            }
        }
        Added::New(score)
    }

    /// Makes it the big encoding.
    pub fn convert(&mut self, limits: &Limits) {
        if let Zset::Pack(_) = self {
            let mut tree = Zset::new_tree(limits);
            if let Zset::Tree { scores, order } = &mut tree {
                for (member, score) in self.iter() {
                    let member = member.to_str();
                    scores.insert(member.clone(), score);
                    order.insert(score, member);
                }
            }
            *self = tree;
        }
    }

    /// Makes it a listpack if it is small enough, as commands do that store a computed sorted set
    /// (`zsetConvertToListpackIfNeeded`).
    pub fn compact(&mut self, limits: &Limits) {
        let Zset::Tree { order, .. } = self else { return };
        if order.len() > limits.zset_max_listpack_entries {
            return;
        }
        let mut pack = Listpack::new();
        for item in order.iter_from(0) {
            if item.member.len() > limits.zset_max_listpack_value || !pack.is_safe_to_add(item.member.len()) {
                return;
            }
            pack.push(&item.member);
            match as_i64(item.score) {
                Some(whole) => pack.push_int(whole),
                None => pack.push(d2string(item.score).as_bytes()),
            }
        }
        *self = Zset::Pack(pack);
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Zset::Pack(pack) => find(pack, member).is_some_and(|(at, _)| pack.delete(at, 2) > 0),
            Zset::Tree { scores, order } => match scores.remove(member) {
                Some((_, score)) => {
                    if let Some(rank) = order.rank(score, member) {
                        order.remove_at(rank);
                    }
                    true
                }
                None => false,
            },
        }
    }

    /// The rank of a member from the lowest, with its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Zset::Pack(_) => self
                .iter()
                .enumerate()
                .find(|(_, (have, _))| have.is(member))
                .map(|(rank, (_, score))| (rank, score)),
            Zset::Tree { scores, order } => {
                let score = *scores.get(member)?;
                Some((order.rank(score, member)?, score))
            }
        }
    }

    /// How many members stand before the first one for which `before` is false.
    fn partition(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        match self {
            Zset::Pack(_) => {
                self.iter().take_while(|(member, score)| member.with(|member| before(*score, member))).count()
            }
            Zset::Tree { order, .. } => order.partition(|item| before(item.score, &item.member)),
        }
    }

    /// The ranks that a range of scores covers.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        let start = self.partition(|score, _| !range.reaches_min(score));
        start..self.partition(|score, _| range.within_max(score)).max(start)
    }

    /// The ranks that a range of members covers.
    pub fn lex_ranks(&self, range: &LexRange) -> Range<usize> {
        let start = self.partition(|_, member| !range.reaches_min(member));
        start..self.partition(|_, member| range.within_max(member)).max(start)
    }

    /// Members and scores from a rank upwards.
    pub fn iter_from(&self, rank: usize) -> impl Iterator<Item = (Value<'_>, f64)> {
        let (pack, tree) = match self {
            Zset::Pack(pack) => (Some(pack), None),
            Zset::Tree { order, .. } => (None, Some(order)),
        };
        let mut at = pack.and_then(|pack| pack.seek(2 * rank as i64));
        let packed = pack.into_iter().flat_map(move |pack| {
            std::iter::from_fn(move || {
                let member = at?;
                let score = pack.next(member)?;
                at = pack.next(score);
                Some((pack.get(member), score_of(pack.get(score))))
            })
        });
        let tree = tree.into_iter().flat_map(move |order| order.iter_from(rank));
        packed.chain(tree.map(|item| (Value::Bytes(&item.member), item.score)))
    }

    /// Members and scores from a rank downwards.
    pub fn iter_back_from(&self, rank: usize) -> impl Iterator<Item = (Value<'_>, f64)> {
        let (pack, tree) = match self {
            Zset::Pack(pack) => (Some(pack), None),
            Zset::Tree { order, .. } => (None, Some(order)),
        };
        let mut at = pack.and_then(|pack| pack.seek(2 * rank as i64));
        let packed = pack.into_iter().flat_map(move |pack| {
            std::iter::from_fn(move || {
                let member = at?;
                let score = pack.next(member)?;
                at = pack.prev(member).and_then(|score| pack.prev(score));
                Some((pack.get(member), score_of(pack.get(score))))
            })
        });
        let tree = tree.into_iter().flat_map(move |order| order.iter_back_from(rank));
        packed.chain(tree.map(|item| (Value::Bytes(&item.member), item.score)))
    }

    /// All members with their scores, from the lowest.
    pub fn iter(&self) -> impl Iterator<Item = (Value<'_>, f64)> {
        self.iter_from(0)
    }

    /// Removes the members at a range of ranks; gives how many.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let end = ranks.end.min(self.len());
        let count = end.saturating_sub(ranks.start);
        match self {
            Zset::Pack(pack) => {
                if count > 0
                    && let Some(at) = pack.seek(2 * ranks.start as i64)
                {
                    pack.delete(at, 2 * count);
                }
            }
            Zset::Tree { scores, order } => {
                for _ in 0..count {
                    if let Some(item) = order.remove_at(ranks.start) {
                        scores.remove(&item.member);
                    }
                }
            }
        }
        count
    }

    /// Removes the member at a rank and gives it (ZPOPMIN, ZPOPMAX).
    pub fn pop_at(&mut self, rank: usize) -> Option<Scored> {
        let (member, score) = self.iter_from(rank).next()?;
        let item = Scored { score, member: member.to_str() };
        self.remove_ranks(rank..rank + 1);
        Some(item)
    }

    /// A member and its score, chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<(Value<'_>, f64)> {
        self.iter_from(rng.below(self.len() as u64) as usize).next()
    }

    /// One step of ZSCAN: see [`Dict::scan`]. A listpack is handed over whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Value<'_>, f64)) -> u64 {
        match self {
            Zset::Tree { scores, .. } => {
                scores.scan(cursor, count, |member, &score| visit(Value::Bytes(member), score))
            }
            Zset::Pack(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
        }
    }
}

#[cfg(test)]
mod tests;
