//! ZRANGE and its older forms, and ZRANGESTORE (`zrangeGenericCommand`, t_zset.c 7.0.15). A range of scores or members becomes a
//! range of ranks; LIMIT and the direction apply to that.

use super::zset::{lex_bounds, reply_pairs, score_bounds};
use super::zset_combine::store;
use super::{Handlers, clip};
use crate::exec::{Done, Error, Exec};
use crate::store::Zset;
use crate::store::zset::{AddOptions, LexRange, ScoreRange};
use std::ops::Range;

pub(crate) const HANDLERS: Handlers = &[
    ("zrange", |exec| range(exec, 1, None, None, false)),
    ("zrevrange", |exec| range(exec, 1, Some(Kind::Rank), Some(true), false)),
    ("zrangebyscore", |exec| range(exec, 1, Some(Kind::Score), Some(false), false)),
    ("zrevrangebyscore", |exec| range(exec, 1, Some(Kind::Score), Some(true), false)),
    ("zrangebylex", |exec| range(exec, 1, Some(Kind::Lex), Some(false), false)),
    ("zrevrangebylex", |exec| range(exec, 1, Some(Kind::Lex), Some(true), false)),
    ("zrangestore", |exec| range(exec, 2, None, None, true)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rank,
    Score,
    Lex,
}

enum Bounds {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange),
}

/// The source is argument `at`; the bounds follow it. `kind` and `reverse` are given by the command's name, or else by options.
fn range(exec: &mut Exec<'_>, at: usize, kind: Option<Kind>, reverse: Option<bool>, storing: bool) -> Done {
    let (mut kind, mut reverse) = (kind, reverse);
    let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
    let mut index = at + 3;
    while index < exec.args.len() {
        if !storing && exec.arg_is(index, "withscores") {
            with_scores = true;
        } else if exec.arg_is(index, "limit") && index + 2 < exec.args.len() {
            offset = exec.integer(index + 1)?;
            limit = exec.integer(index + 2)?;
            index += 2;
        } else if reverse.is_none() && exec.arg_is(index, "rev") {
            reverse = Some(true);
        } else if kind.is_none() && exec.arg_is(index, "bylex") {
            kind = Some(Kind::Lex);
        } else if kind.is_none() && exec.arg_is(index, "byscore") {
            kind = Some(Kind::Score);
        } else {
            return Err(Error::SYNTAX);
        }
        index += 1;
    }
    let reverse = reverse.unwrap_or(false);
    let kind = kind.unwrap_or(Kind::Rank);
    if limit != -1 && kind == Kind::Rank {
        return Err(Error::fixed(
            "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && kind == Kind::Lex {
        return Err(Error::fixed("syntax error, WITHSCORES not supported in combination with BYLEX"));
    }
    // Backwards, scores and members are given from the greatest to the least.
    let (min, max) = if reverse && kind != Kind::Rank { (at + 2, at + 1) } else { (at + 1, at + 2) };
    let bounds = match kind {
        Kind::Rank => Bounds::Rank(exec.integer(min)?, exec.integer(max)?),
        Kind::Score => Bounds::Score(score_bounds(exec.args[min], exec.args[max])?),
        Kind::Lex => Bounds::Lex(lex_bounds(exec.args[min], exec.args[max])?),
    };

    let Some(zset) = exec.shared::<Zset>(exec.args[at])? else {
        match storing {
            true => store(exec, None, "zrangestore"),
            false => exec.reply.empty_array(),
        }
        return Ok(());
    };
    let ranks = ranks(&zset, &bounds, reverse, offset, limit);
    if storing {
        // Its encoding grows as that of any sorted set that begins small.
        let mut result = Zset::new(0, &exec.node.limits);
        for (member, score) in zset.iter_from(ranks.start).take(ranks.len()) {
            member.with(|member| result.add(score, member, AddOptions::default(), &exec.node.limits));
        }
        store(exec, Some(result), "zrangestore");
    } else if reverse {
        let back = zset.iter_back_from(ranks.end.saturating_sub(1)).take(ranks.len());
        reply_pairs(exec, back, ranks.len(), with_scores);
    } else {
        reply_pairs(exec, zset.iter_from(ranks.start).take(ranks.len()), ranks.len(), with_scores);
    }
    Ok(())
}

/// The ranks, counted from the least, that the reply covers.
fn ranks(zset: &Zset, bounds: &Bounds, reverse: bool, offset: i64, limit: i64) -> Range<usize> {
    let len = zset.len();
    let covered = match bounds {
        Bounds::Rank(start, stop) => {
            let range = clip(*start, *stop, len);
            return if reverse { len - range.end..len - range.start } else { range };
        }
        Bounds::Score(range) => zset.score_ranks(range),
        Bounds::Lex(range) => zset.lex_ranks(range),
    };
    // A negative offset skips everything, a negative limit is none.
    let skip = usize::try_from(offset).unwrap_or(usize::MAX).min(covered.len());
    let take = usize::try_from(limit).unwrap_or(usize::MAX).min(covered.len() - skip);
    if reverse {
        covered.end - skip - take..covered.end - skip
    } else {
        covered.start + skip..covered.start + skip + take
    }
}
