//! A block of a stream: up to some hundred entries in one listpack, in the bytes that Redis has (t_stream.c 7.0.15).
//!
//! ```text
//! live deleted n field_1 … field_n 0                                  the master entry
//! flags ms seq value_1 … value_n pieces                               an entry with the master's fields
//! flags ms seq m field_1 value_1 … field_m value_m pieces             any other
//! ```
//!
//! Ids are differences to the block's own. `pieces` counts what stands between it and the entry before, so that a block can be read from its
//! end; the master's zero stops that. A deleted entry is only flagged, until none in the block lives.
//!
//! Blocks come from [`append`] and [`is_valid`], so what follows may trust their structure; a position beyond the end is read as 0.

use super::Id;
use crate::store::listpack::{Listpack, Value};

/// Flag: the entry is deleted.
const DELETED: i64 = 1;
/// Flag: the entry has the master's fields and names none of its own.
const SAME_FIELDS: i64 = 2;

/// The position behind an element, at most the end.
fn after(pack: &Listpack, at: usize) -> usize {
    pack.next(at).unwrap_or(pack.end())
}

/// The position behind `count` elements.
fn skip(pack: &Listpack, mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        if at >= pack.end() {
            break;
        }
        at = after(pack, at);
    }
    at
}

fn int(pack: &Listpack, at: usize) -> i64 {
    pack.get(at).as_i64().unwrap_or(0)
}

/// A number of elements. One that is none is more than there can be.
fn count(pack: &Listpack, at: usize) -> usize {
    usize::try_from(int(pack, at)).unwrap_or(usize::MAX)
}

/// What a block's master entry says.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Entries that live.
    pub live: u64,
    /// Entries that are flagged as deleted.
    pub deleted: u64,
    fields: usize,
    fields_at: usize,
    /// Where the first entry stands.
    pub(super) first_at: usize,
}

impl Head {
    /// Reads the master entry.
    pub fn of(pack: &Listpack) -> Head {
        let live_at = pack.first().unwrap_or(pack.end());
        let deleted_at = after(pack, live_at);
        let count_at = after(pack, deleted_at);
        let fields_at = after(pack, count_at);
        let fields = count(pack, count_at);
        Head {
            live: int(pack, live_at) as u64,
            deleted: int(pack, deleted_at) as u64,
            fields,
            fields_at,
            first_at: after(pack, skip(pack, fields_at, fields)),
        }
    }
}

/// An entry of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: Id,
    /// Whether it is deleted.
    pub deleted: bool,
    /// How many fields it has.
    pub len: usize,
    pack: &'a Listpack,
    /// Where it begins in its block.
    pub(super) at: usize,
    /// Where its fields stand, if that is in the master entry.
    fields_at: Option<usize>,
    /// Where its first value stands, or its first field if it brings its own.
    values_at: usize,
}

impl<'a> Entry<'a> {
    /// The entry that begins at a position of the block with id `master`.
    pub(super) fn at(pack: &'a Listpack, master: Id, head: &Head, at: usize) -> Option<Entry<'a>> {
        if at >= pack.end() {
            return None;
        }
        let flags = int(pack, at);
        let ms_at = after(pack, at);
        let seq_at = after(pack, ms_at);
        let own_at = after(pack, seq_at);
        let same = flags & SAME_FIELDS != 0;
        Some(Entry {
            id: Id {
                ms: master.ms.wrapping_add(int(pack, ms_at) as u64),
                seq: master.seq.wrapping_add(int(pack, seq_at) as u64),
            },
            deleted: flags & DELETED != 0,
            len: if same { head.fields } else { count(pack, own_at) },
            pack,
            at,
            fields_at: same.then_some(head.fields_at),
            values_at: if same { own_at } else { after(pack, own_at) },
        })
    }

    /// The entry whose number of pieces stands at a position; `None` at the master's zero.
    pub(super) fn before(pack: &'a Listpack, master: Id, head: &Head, pieces_at: usize) -> Option<Entry<'a>> {
        let pieces = int(pack, pieces_at);
        let at = (0..pieces).try_fold(pieces_at, |at, _| pack.prev(at))?;
        if pieces == 0 { None } else { Entry::at(pack, master, head, at) }
    }

    /// Where its number of pieces stands.
    fn pieces_at(&self) -> usize {
        let width = if self.fields_at.is_some() { 1 } else { 2 };
        skip(self.pack, self.values_at, self.len.saturating_mul(width))
    }

    /// Where the next entry begins.
    pub(super) fn next_at(&self) -> usize {
        after(self.pack, self.pieces_at())
    }

    /// Its fields and values in turn.
    pub fn pieces(self) -> impl Iterator<Item = Value<'a>> {
        let Entry { pack, mut fields_at, mut values_at, .. } = self;
        let mut left = self.len.saturating_mul(2);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let at = match &mut fields_at {
                Some(at) if left % 2 == 1 => at,
                _ => &mut values_at,
            };
            let here = *at;
            *at = after(pack, here);
            (here < pack.end()).then(|| pack.get(here))
        })
    }
}

/// Flags the entries at these positions, which live, as deleted.
pub(super) fn delete(pack: &mut Listpack, positions: &[usize]) {
    let head = Head::of(pack);
    for &at in positions {
        // The flags keep their size, so the other positions hold.
        let flags = int(pack, at) | DELETED;
        pack.replace_int(at, flags);
    }
    let (live, deleted) =
        (head.live as i64 - positions.len() as i64, head.deleted as i64 + positions.len() as i64);
    let Some(at) = pack.first() else { return };
    pack.replace_int(at, live);
    pack.replace_int(after(pack, at), deleted);
}

/// Adds an entry at the end of the block with id `master`; an empty listpack becomes a block with the entry's fields as its own.
/// `pairs` are fields and values in turn.
pub(super) fn append(pack: &mut Listpack, master: Id, id: Id, pairs: &[&[u8]]) {
    let count = pairs.len() / 2;
    let fields = || pairs.iter().step_by(2);
    let mut same = true;
    match pack.first() {
        None => {
            pack.push_int(1);
            pack.push_int(0);
            pack.push_int(count as i64);
            fields().for_each(|field| pack.push(field));
            pack.push_int(0);
        }
        Some(live_at) => {
            let head = Head::of(pack);
            pack.replace_int(live_at, head.live as i64 + 1);
            let mut at = Head::of(pack).fields_at;
            same = head.fields == count
                && fields().all(|field| {
                    let stored = pack.get(at);
                    at = after(pack, at);
                    stored.with(|stored| stored == *field)
                });
        }
    }
    pack.push_int(if same { SAME_FIELDS } else { 0 });
    pack.push_int(id.ms.wrapping_sub(master.ms) as i64);
    pack.push_int(id.seq.wrapping_sub(master.seq) as i64);
    if same {
        pairs.iter().skip(1).step_by(2).for_each(|value| pack.push(value));
        pack.push_int(count as i64 + 3);
    } else {
        pack.push_int(count as i64);
        pairs.iter().for_each(|piece| pack.push(piece));
        pack.push_int(2 * count as i64 + 4);
    }
}

/// Whether a listpack from outside is a block, through and through (`streamValidateListpackIntegrity`, deep).
pub fn is_valid(pack: &Listpack) -> bool {
    check(pack).is_some()
}

fn check(pack: &Listpack) -> Option<()> {
    let mut at = pack.first();
    // The number at the next position.
    let mut take = || {
        let here = at?;
        at = pack.next(here);
        pack.get(here).as_i64().filter(|&number| number >= 0)
    };
    let entries = take()?.checked_add(take()?)?;
    take()?;
    let head = Head::of(pack);
    let zero_at = skip(pack, head.fields_at, head.fields);
    let number = |at: usize| (at < pack.end()).then(|| pack.get(at).as_i64()).flatten();
    if number(zero_at) != Some(0) {
        return None;
    }
    let mut at = head.first_at;
    for _ in 0..entries {
        let entry = Entry::at(pack, Id::MIN, &head, at)?;
        number(at)?;
        number(after(pack, at))?;
        number(skip(pack, at, 2))?;
        let own = if entry.fields_at.is_some() {
            3
        } else {
            number(skip(pack, at, 3)).filter(|&count| count >= 0)?.checked_add(4)?
        };
        let pieces = (entry.len as i64).checked_add(own)?;
        if number(entry.pieces_at()) != Some(pieces) {
            return None;
        }
        at = entry.next_at();
    }
    (at == pack.end()).then_some(())
}
