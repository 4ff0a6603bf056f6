//! Lines: the histories of the data of a world, as a tree, and the writes on them.
//!
//! A line is what one replication id names: a sequence of writes, numbered by the replication offset. It begins where another
//! ended: at a promotion (the new master's line leaves the old one at the offset that the replica had), at a restart (it
//! leaves the old one at what the files held), or from nothing. A dataset, in memory or on a disk, is then a [`Pos`]: a line
//! and how far on it; it holds exactly the writes on the way from the root to there. So whether a write is somewhere is a
//! comparison of numbers, however many writes there are.
//!
//! While nobody replicates a node its offset does not move; writes at one offset are then told apart by a count.

use litemap::LiteMap;
use std::collections::VecDeque;
use std::rc::Rc;

/// Writes in one chunk; chunks are shared between checkpoints.
const CHUNK_LEN: usize = 256;
/// How many writes all lines together keep one by one.
pub const WRITES_MAX: usize = 200_000;
/// How many groups of merged writes a line keeps.
const MERGED_MAX: usize = 64;

/// Names a line; a line has a greater number than the one that it left.
pub(crate) type LineId = u32;

/// A place on a line: the replication offset in bytes, and which of the writes at that offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Coord {
    pub offset: i64,
    pub nth: u32,
}

impl Coord {
    /// Before everything: what came from a line and has nothing of it.
    pub const NOTHING: Coord = Coord { offset: i64::MIN, nth: 0 };

    /// Behind all writes at this offset.
    pub fn after(offset: i64) -> Coord {
        Coord { offset, nth: u32::MAX }
    }
}

/// The state of a dataset: a line and how far on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pos {
    pub line: LineId,
    pub at: Coord,
}

/// One change of data by a client.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub at: Coord,
    pub at_us: u64,
    pub client: u32,
    pub commands: u32,
    pub acknowledged: bool,
    pub command: Rc<str>,
    pub key: Rc<[u8]>,
}

/// Writes that are not kept one by one any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    pub last: Coord,
    pub acknowledged: u64,
    pub first_us: u64,
    pub last_us: u64,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    writes: Vec<Write>,
    acknowledged: u32,
}

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The node that began it; it alone writes on it.
    pub node: u32,
    pub began_us: u64,
    pub parent: Option<Pos>,
    start: Coord,
    /// Its offsets go on from its parent's.
    continues: bool,
    /// The last place that its node reached.
    pub head: Coord,
    /// The slot of its first write that has a key.
    pub slot: Option<u16>,
    merged: Vec<Merged>,
    chunks: VecDeque<Rc<Chunk>>,
    /// The number of the first write of the first chunk.
    first: u64,
    next: u64,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    lines: LiteMap<LineId, Line>,
    by_replid: LiteMap<Rc<str>, LineId>,
    last: LineId,
}

impl Lines {
    pub fn get(&self, line: LineId) -> Option<&Line> {
        self.lines.get(&line)
    }

    pub fn get_mut(&mut self, line: LineId) -> Option<&mut Line> {
        self.lines.get_mut(&line)
    }

    pub fn iter(&self) -> impl Iterator<Item = (LineId, &Line)> {
        self.lines.iter().map(|(&id, line)| (id, line))
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn by_replid(&self, replid: &str) -> Option<LineId> {
        self.by_replid.get(replid).copied()
    }

    /// Begins a line.
    pub fn begin(
        &mut self,
        replid: &Rc<str>,
        node: u32,
        offset: i64,
        parent: Option<Pos>,
        now_us: u64,
    ) -> LineId {
        let continues = parent.is_some_and(|p| p.at.offset <= offset && p.at.offset > 0);
        let start = match parent {
            Some(parent) if continues => Coord { offset: parent.at.offset, nth: 0 },
            _ => Coord { offset, nth: 0 },
        };
        self.last += 1;
        let line = Line {
            node,
            began_us: now_us,
            parent,
            start,
            continues,
            head: start,
            slot: None,
            merged: Vec::new(),
            chunks: VecDeque::new(),
            first: 0,
            next: 0,
        };
        self.lines.insert(self.last, line);
        self.by_replid.insert(Rc::clone(replid), self.last);
        self.last
    }

    /// The lines that a dataset holds something of, each with how far, from its own line to the root.
    pub fn held_by(&self, pos: Pos) -> Vec<Pos> {
        let mut held = vec![pos];
        let mut at = pos;
        while let Some(line) = self.lines.get(&at.line) {
            let Some(mut parent) = line.parent else { break };
            if at.at == Coord::NOTHING {
                parent.at = Coord::NOTHING;
            }
            if line.continues && at.at.offset < line.start.offset {
                // A replica that goes on under the new id and is still on what the old one named.
                parent.at = parent.at.min(Coord::after(at.at.offset));
            }
            held.push(parent);
            at = parent;
        }
        held
    }

    /// How far a dataset holds a line; `None` if nothing of it.
    pub fn reach(&self, pos: Pos, line: LineId) -> Option<Coord> {
        self.held_by(pos).into_iter().find(|held| held.line == line).map(|held| held.at)
    }

    /// Whether two lines come from one.
    pub fn related(&self, a: LineId, b: LineId) -> bool {
        let way = |line| self.held_by(Pos { line, at: Coord::default() });
        let others = way(b);
        way(a).iter().any(|held| others.iter().any(|other| other.line == held.line))
    }

    /// Whether a dataset holds what another one does.
    pub fn holds(&self, pos: Option<Pos>, other: Pos) -> bool {
        pos.and_then(|pos| self.reach(pos, other.line)).is_some_and(|reach| reach >= other.at)
    }

    /// How many writes are kept one by one.
    pub fn kept(&self) -> usize {
        self.lines.values().map(|line| (line.next - line.first) as usize).sum()
    }

    /// Merges what all datasets hold, as `floors` says for each line, and the oldest if there are still too many.
    pub fn trim(&mut self, floors: &LiteMap<LineId, Coord>) {
        let mut kept = self.kept();
        for (id, line) in &mut self.lines {
            let floor = floors.get(id).copied();
            while let (Some(floor), Some(chunk)) = (floor, line.chunks.front()) {
                let full = chunk.writes.len() == CHUNK_LEN;
                if !full || chunk.writes.last().is_none_or(|last| last.at > floor) {
                    break;
                }
                kept -= chunk.writes.len();
                line.merge_first();
            }
        }
        while kept > WRITES_MAX {
            let oldest = |line: &Line| line.chunks.front().and_then(|c| c.writes.first()).map(|w| w.at_us);
            let most = self.lines.iter_mut().map(|(_, line)| line).filter(|line| !line.chunks.is_empty());
            let Some(line) = most.min_by_key(|line| oldest(line)) else { break };
            kept -= line.chunks.front().map_or(0, |chunk| chunk.writes.len());
            line.merge_first();
        }
    }

    /// Forgets lines that have no writes and that nothing in `used` stands on.
    pub fn prune(&mut self, used: impl Iterator<Item = Pos>) {
        let mut needed = std::collections::BTreeSet::new();
        let with_writes = self.lines.iter().filter(|(_, line)| line.has_writes());
        let roots: Vec<LineId> = with_writes.map(|(&id, _)| id).chain(used.map(|pos| pos.line)).collect();
        for root in roots {
            let mut at = Some(root);
            while let Some(id) = at.filter(|&id| needed.insert(id)) {
                at = self.lines.get(&id).and_then(|line| line.parent).map(|parent| parent.line);
            }
        }
        self.lines.retain(|id, _| needed.contains(id));
        self.by_replid.retain(|_, id| needed.contains(id));
    }
}

impl Line {
    /// Notes a write of the line's node; gives its number and its place.
    pub fn push(&mut self, offset: i64, mut write: Write) -> (u64, Coord) {
        let nth = if offset == self.head.offset { self.head.nth.saturating_add(1) } else { 0 };
        self.head = self.head.max(Coord { offset, nth });
        write.at = self.head;
        if self.chunks.back().is_none_or(|chunk| chunk.writes.len() == CHUNK_LEN) {
            self.chunks.push_back(Rc::default());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            let chunk = Rc::make_mut(chunk);
            chunk.acknowledged += u32::from(write.acknowledged);
            chunk.writes.push(write);
        }
        self.next += 1;
        (self.next - 1, self.head)
    }

    /// The reply to a write has reached its client.
    pub fn acknowledge(&mut self, number: u64) {
        let Some(index) = number.checked_sub(self.first).map(|index| index as usize) else {
            if let Some(merged) = self.merged.last_mut() {
                merged.acknowledged += 1;
            }
            return;
        };
        let Some(chunk) = self.chunks.get_mut(index / CHUNK_LEN) else { return };
        let chunk = Rc::make_mut(chunk);
        if let Some(write) = chunk.writes.get_mut(index % CHUNK_LEN)
            && !std::mem::replace(&mut write.acknowledged, true)
        {
            chunk.acknowledged += 1;
        }
    }

    pub fn has_writes(&self) -> bool {
        !self.merged.is_empty() || !self.chunks.is_empty()
    }

    fn merge_first(&mut self) {
        let Some(chunk) = self.chunks.pop_front() else { return };
        self.first += chunk.writes.len() as u64;
        let (Some(first), Some(last)) = (chunk.writes.first(), chunk.writes.last()) else { return };
        self.merged.push(Merged {
            last: last.at,
            acknowledged: u64::from(chunk.acknowledged),
            first_us: first.at_us,
            last_us: last.at_us,
        });
        if self.merged.len() > MERGED_MAX {
            let pairs = self.merged.chunks(2).map(|pair| match pair {
                [a, b] => {
                    Merged { acknowledged: a.acknowledged + b.acknowledged, first_us: a.first_us, ..*b }
                }
                one => one[0],
            });
            self.merged = pairs.collect();
        }
    }

    /// The acknowledged writes with a place in `(after, up_to]`: how many, and the instants of the first and the last. Merged
    /// ones count where the last of them is.
    pub fn count(&self, after: Option<Coord>, up_to: Coord) -> Option<(u64, u64, u64)> {
        let inside = |at: Coord| after.is_none_or(|after| at > after) && at <= up_to;
        let (mut count, mut span) = (0, None);
        let mut add = |n: u64, first: u64, last: u64| {
            if n > 0 {
                count += n;
                span = Some((span.map_or(first, |(f, _)| f), last));
            }
        };
        for merged in self.merged.iter().filter(|merged| inside(merged.last)) {
            add(merged.acknowledged, merged.first_us, merged.last_us);
        }
        for chunk in &self.chunks {
            let (Some(first), Some(last)) = (chunk.writes.first(), chunk.writes.last()) else { continue };
            if inside(first.at) && inside(last.at) {
                add(u64::from(chunk.acknowledged), first.at_us, last.at_us);
            } else if after.is_none_or(|after| last.at > after) && first.at <= up_to {
                for write in chunk.writes.iter().filter(|w| w.acknowledged && inside(w.at)) {
                    add(1, write.at_us, write.at_us);
                }
            }
        }
        span.map(|(first, last)| (count, first, last))
    }

    /// How many of its writes were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        let merged: u64 = self.merged.iter().map(|merged| merged.acknowledged).sum();
        merged + self.chunks.iter().map(|chunk| u64::from(chunk.acknowledged)).sum::<u64>()
    }

    /// Its acknowledged writes, newest first, those that are merged as groups: the place of the last, its instant in virtual
    /// microseconds, and how many there are.
    pub fn latest(&self) -> impl Iterator<Item = (Coord, u64, u64)> + '_ {
        let kept = self.chunks.iter().rev().flat_map(|chunk| chunk.writes.iter().rev());
        let kept = kept.filter(|write| write.acknowledged).map(|write| (write.at, write.at_us, 1));
        let merged = self.merged.iter().rev().filter(|merged| merged.acknowledged > 0);
        kept.chain(merged.map(|merged| (merged.last, merged.last_us, merged.acknowledged)))
    }

    /// The acknowledged writes that are kept one by one with a place in `(after, up_to]`, newest first.
    pub fn latest_writes(&self, after: Option<Coord>, up_to: Coord) -> impl Iterator<Item = &Write> {
        let chunks = self.chunks.iter().rev();
        let chunks = chunks.skip_while(move |c| c.writes.first().is_none_or(|first| first.at > up_to));
        let writes = chunks.flat_map(|chunk| chunk.writes.iter().rev()).skip_while(move |w| w.at > up_to);
        writes.take_while(move |w| after.is_none_or(|after| w.at > after)).filter(|w| w.acknowledged)
    }

    /// The writes that are kept one by one with a place in `(after, up_to]`, oldest first.
    pub fn writes(&self, after: Option<Coord>, up_to: Coord) -> impl Iterator<Item = &Write> {
        let skip = self.chunks.partition_point(|c| {
            c.writes.last().is_none_or(|last| after.is_some_and(|after| last.at <= after))
        });
        let all = self.chunks.iter().skip(skip).flat_map(|chunk| &chunk.writes);
        all.skip_while(move |w| after.is_some_and(|after| w.at <= after)).take_while(move |w| w.at <= up_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write() -> Write {
        let at = Coord::default();
        Write {
            at,
            at_us: 7,
            client: 0,
            commands: 1,
            acknowledged: true,
            command: "set".into(),
            key: Rc::from(&b"k"[..]),
        }
    }

    fn line(lines: &mut Lines, name: &str, offset: i64, parent: Option<Pos>) -> LineId {
        lines.begin(&name.into(), 0, offset, parent, 0)
    }

    fn pos(line: LineId, offset: i64) -> Pos {
        Pos { line, at: Coord::after(offset) }
    }

    #[test]
    fn a_promotion_leaves_what_the_replica_had_not() {
        let mut lines = Lines::default();
        let old = line(&mut lines, "old", 0, None);
        let new = line(&mut lines, "new", 100, Some(pos(old, 100)));
        assert!(lines.holds(Some(pos(new, 150)), pos(old, 100)));
        assert!(!lines.holds(Some(pos(new, 150)), pos(old, 101)), "the old master wrote on");
        assert!(!lines.holds(Some(pos(old, 999)), pos(new, 101)));
        // A replica that goes on under the new id from 80 has no more of the old line than that.
        assert_eq!(lines.reach(pos(new, 80), old), Some(Coord::after(80)));
    }

    #[test]
    fn a_restart_begins_at_what_the_files_held() {
        let mut lines = Lines::default();
        let old = line(&mut lines, "old", 0, None);
        let again = line(&mut lines, "again", 0, Some(pos(old, 70)));
        assert_eq!(lines.reach(pos(again, 0), old), Some(Coord::after(70)));
        assert_eq!(lines.reach(pos(again, 5000), old), Some(Coord::after(70)));
    }

    #[test]
    fn writes_at_one_offset_are_told_apart() {
        let mut lines = Lines::default();
        let id = line(&mut lines, "alone", 0, None);
        let line = lines.get_mut(id).unwrap();
        let places: Vec<Coord> = (0..600).map(|_| line.push(0, write()).1).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(line.count(Some(places[9]), places[19]), Some((10, 7, 7)));
        assert_eq!(line.writes(Some(places[300]), places[310]).count(), 10);
        let floors = LiteMap::from_iter([(id, places[400])]);
        lines.trim(&floors);
        assert_eq!(lines.kept(), 600 - 256, "whole chunks only");
        let line = lines.get(id).unwrap();
        assert_eq!(line.count(None, places[599]).unwrap().0, 600);
        assert_eq!(line.count(Some(places[255]), places[599]).unwrap().0, 344);
    }
}
