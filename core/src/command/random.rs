//! SRANDMEMBER, HRANDFIELD and ZRANDMEMBER with a count, whatever they draw from (t_set.c, t_hash.c, t_zset.c 7.0.15).
//!
//! A positive count asks for so many different elements. A negative one asks for so many draws, which may repeat: such a
//! reply is as long as the client likes, however little the key holds, so it is written draw by draw and ends where it
//! becomes too long for its client.

use crate::exec::Exec;
use crate::resp::reply::Reply;
use crate::rng::Rng;
use std::collections::BTreeSet;

/// How many times as many elements there must be as are asked for, so that drawing until enough differ is worth it
/// (`SRANDMEMBER_SUB_STRATEGY_MUL` and its kin).
const DRAW_FACTOR: usize = 3;

/// Where elements are drawn from.
pub(super) trait Urn {
    /// An element, or where it stands.
    type Item;
    /// What tells two items apart.
    type Name: Ord;
    /// How many there are.
    fn len(&self) -> usize;
    /// Every item.
    fn all(&self) -> Vec<Self::Item>;
    /// One, chosen with equal chances.
    fn draw(&self, rng: &mut Rng) -> Option<Self::Item>;
    /// The name of an item.
    fn name(item: &Self::Item) -> Self::Name;
}

/// Replies with `count` items, each of which is `replies_each` replies to the protocol.
pub(super) fn reply<U: Urn>(
    exec: &mut Exec<'_>,
    urn: &U,
    count: i64,
    replies_each: usize,
    mut write: impl FnMut(&mut Reply, U::Item),
) {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count >= 0 {
        let items = different(urn, wanted, &mut exec.node.rng);
        exec.reply.array(items.len() * replies_each);
        items.into_iter().for_each(|item| write(exec.reply, item));
        return;
    }
    exec.reply.array(wanted.saturating_mul(replies_each));
    let len_max = exec.node.reply_len_max(exec.client);
    for _ in 0..wanted {
        let Some(item) = urn.draw(&mut exec.node.rng) else { return };
        write(exec.reply, item);
        if exec.reply.len() >= len_max {
            return exec.node.overcame_output_limit(exec.client);
        }
    }
}

/// `wanted` different items, or all if there are no more.
fn different<U: Urn>(urn: &U, wanted: usize, rng: &mut Rng) -> Vec<U::Item> {
    if wanted >= urn.len() {
        return urn.all();
    }
    if wanted.saturating_mul(DRAW_FACTOR) > urn.len() {
        let mut items = urn.all();
        while items.len() > wanted {
            items.swap_remove(rng.below(items.len() as u64) as usize);
        }
        return items;
    }
    let (mut seen, mut items) = (BTreeSet::new(), Vec::new());
    while items.len() < wanted {
        let Some(item) = urn.draw(rng) else { break };
        if seen.insert(U::name(&item)) {
            items.push(item);
        }
    }
    items
}
