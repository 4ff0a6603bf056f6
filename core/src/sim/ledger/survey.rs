//! Where all writes are at one instant: counts by status, the lost ones with their causes, and each write that is still kept.
//!
//! Who looks many times a second asks for [`World::ledger_counts`] and [`World::ledger_ribbon`]: what these cost follows from how many
//! lines and groups of writes there are, not from how many writes.

use super::cause::Cause;
use super::files::View;
use super::lines::{Coord, Line, LineId, Pos, Write};
use crate::sim::trace::Life;
use crate::sim::world::World;
use litemap::LiteMap;
use serde::Serialize;
use std::collections::{BTreeMap, BinaryHeap};

/// How many lost writes of one loss are listed one by one.
pub const LISTED_MAX: usize = 100;
/// How many writes and groups of writes a ribbon is made of at the most.
const RIBBON_ITEMS_MAX: usize = 50_000;

/// What would lose a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// A failover: no majority of the shard's memories has it.
    Failover,
    /// A loss of power of the owner's host, if it comes back before a replica takes over.
    PowerLoss,
    /// Either.
    FailoverOrPowerLoss,
    /// Nothing more needs to fail: it stands where the owner's data will replace it.
    Stranded,
    /// Nobody owns its slot at present.
    NoOwner,
}

/// How a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "status", content = "risk", rename_all = "kebab-case")]
pub enum Status {
    /// No single failure takes it.
    Safe,
    /// One would be enough.
    AtRisk(Risk),
    /// It is gone.
    Lost,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WriteView {
    /// The host of the client that sent it.
    pub client: String,
    /// The command, or the first of the transaction.
    pub command: String,
    /// How many commands it was; more than one in a transaction.
    pub commands: u32,
    /// Its first key.
    pub key: Vec<u8>,
    /// When it was executed, in virtual microseconds.
    pub at_us: u64,
    /// The node that executed it.
    pub node: String,
    /// The replication offset after it, in bytes.
    pub offset: i64,
    /// Whether its reply has reached the client.
    pub acknowledged: bool,
}

/// Acknowledged writes that were lost together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// How many.
    pub count: u64,
    /// The node that executed them.
    pub node: String,
    /// The owner that does not hold them.
    pub owner: String,
    /// When the first was executed, in virtual microseconds.
    pub first_us: u64,
    /// When the last was.
    pub last_us: u64,
    /// Why.
    pub cause: Cause,
    /// The first of them, as far as they are kept one by one.
    pub writes: Vec<WriteView>,
}

/// The ledger at one instant. Counts are of acknowledged writes, but for `pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Executed, and the reply has not reached the client.
    pub pending: u64,
    /// No single failure takes them.
    pub safe: u64,
    /// One failure would be enough.
    pub at_risk: u64,
    /// The same by what it is.
    pub risks: BTreeMap<Risk, u64>,
    /// Gone.
    pub lost: u64,
    /// The lost ones with their causes, oldest first.
    pub losses: Vec<Loss>,
}

/// The latest acknowledged writes, for a drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ribbon {
    /// How many writes a tick stands for: a power of two. The newest may stand for fewer.
    pub each: u64,
    /// The worst that is to be said of the writes of each tick, oldest first.
    pub ticks: Vec<Status>,
}

/// One write with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The write.
    pub write: WriteView,
    /// How it is.
    pub status: Status,
    /// The node that owns its slot.
    pub owner: Option<String>,
    /// The nodes that hold it, each with how: every kind of place once.
    pub held: Vec<(String, Holds)>,
    /// Why it is lost, if it is.
    pub cause: Option<Cause>,
}

/// A dataset that holds a part of a line.
#[derive(Clone, Copy)]
struct Holder {
    node: u32,
    kind: Holds,
    reach: Coord,
}

/// The kinds of places where a node can have a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// In memory.
    Memory,
    /// In a file that a kill leaves.
    Cache,
    /// In a file that a loss of power leaves.
    Durable,
}

/// Writes of a line that share their fate: those with a place in `(after, up_to]`.
struct Range {
    line: LineId,
    after: Option<Coord>,
    up_to: Coord,
    owner: Option<u32>,
    status: Status,
    held: Vec<(u32, Holds)>,
}

impl World {
    /// The master that owns the slot of a line's writes.
    fn owner_of(&self, line: &Line, id: LineId) -> Option<u32> {
        let ledger = self.ledger()?;
        let masters = || {
            self.procs.iter().enumerate().filter_map(|(index, p)| {
                let node = p.node.as_deref().filter(|_| matches!(p.life, Life::Running | Life::Paused))?;
                let known = &ledger.nodes[index];
                (!node.loading() && !node.is_replica() && known.ready).then_some((index as u32, node))
            })
        };
        let holds = |index: u32| {
            let memory = ledger.nodes[index as usize].memory?;
            let reach = ledger.lines.reach(memory, id)?;
            (reach > Coord::NOTHING).then_some((memory.line, index, reach.offset))
        };
        let heir = || masters().filter_map(|(index, _)| holds(index)).max().map(|(_, index, _)| index);
        if masters().any(|(_, node)| node.cluster().is_some()) {
            let slot = line.slot?;
            let claims = masters().filter_map(|(index, node)| {
                let me = node.cluster().filter(|cluster| cluster.is_master())?.myself();
                me.slots.contains(slot).then_some((me.config_epoch, std::cmp::Reverse(index)))
            });
            let owner = claims.max().map(|(_, std::cmp::Reverse(index))| index)?;
            // A slot that was moved is another shard's now; what the writes left behind goes on with the shard they were on.
            let memory = ledger.nodes[owner as usize].memory?;
            let moved = !ledger.lines.related(id, memory.line);
            return if moved { heir().or(Some(owner)) } else { Some(owner) };
        }
        // Several may be masters. The node that executed the writes is their owner, unless it has come back with less of them than the one
        // has that replaced it.
        let most = masters().filter_map(|(index, _)| {
            let (memory_line, _, offset) = holds(index)?;
            Some((offset, index == line.node, memory_line, index))
        });
        let writer = || masters().any(|(index, _)| index == line.node).then_some(line.node);
        most.max().map(|(.., index)| index).or_else(writer)
    }

    fn ranges(&self) -> Vec<Range> {
        let Some(ledger) = self.ledger() else { return Vec::new() };
        let mut holders: LiteMap<LineId, Vec<Holder>> = LiteMap::new();
        for (index, process) in self.procs.iter().enumerate() {
            let node = index as u32;
            let on_disk = |view| ledger.on_disk(node, &process.disk, view);
            let places = [
                (Holds::Memory, ledger.nodes[index].memory),
                (Holds::Cache, on_disk(View::Cache)),
                (Holds::Durable, on_disk(View::Durable)),
            ];
            for (kind, pos) in places.into_iter().filter_map(|(kind, pos)| Some((kind, pos?))) {
                for held in ledger.lines.held_by(pos) {
                    holders.entry(held.line).or_default().push(Holder { node, kind, reach: held.at });
                }
            }
        }
        let mut ranges = Vec::new();
        for (id, line) in ledger.lines.iter().filter(|(_, line)| line.has_writes()) {
            let none = Vec::new();
            let holders = holders.get(&id).unwrap_or(&none);
            let owner = self.owner_of(line, id);
            let members: Vec<u32> = owner.map_or(Vec::new(), |owner| {
                let replicas = ledger.nodes.iter().enumerate();
                let replicas =
                    replicas.filter(|(_, known)| known.follows == Some(owner)).map(|(i, _)| i as u32);
                std::iter::once(owner).chain(replicas.filter(|&i| i != owner)).collect()
            });
            let mut borders: Vec<Coord> = holders.iter().map(|holder| holder.reach).collect();
            borders.push(Coord { offset: i64::MAX, nth: u32::MAX });
            borders.sort_unstable();
            borders.dedup();
            let mut after = None;
            for up_to in borders {
                let held = |node: u32, kind: Holds| {
                    holders.iter().any(|h| h.node == node && h.kind == kind && h.reach >= up_to)
                };
                let status = match owner {
                    Some(owner) if held(owner, Holds::Memory) => {
                        let memories = members.iter().filter(|&&node| held(node, Holds::Memory)).count();
                        match (memories * 2 > members.len(), held(owner, Holds::Durable)) {
                            (true, true) => Status::Safe,
                            (false, true) => Status::AtRisk(Risk::Failover),
                            (true, false) => Status::AtRisk(Risk::PowerLoss),
                            (false, false) => Status::AtRisk(Risk::FailoverOrPowerLoss),
                        }
                    }
                    None => Status::AtRisk(Risk::NoOwner),
                    Some(_) if holders.iter().any(|h| h.reach >= up_to) => Status::AtRisk(Risk::Stranded),
                    Some(_) => Status::Lost,
                };
                let held = holders.iter().filter(|h| h.reach >= up_to).map(|h| (h.node, h.kind)).collect();
                ranges.push(Range { line: id, after, up_to, owner, status, held });
                after = Some(up_to);
            }
        }
        ranges
    }

    fn write_view(&self, line: &Line, write: &Write) -> WriteView {
        let client = self.clients.get(write.client as usize);
        let host = client.and_then(|client| self.net.hosts.get(client.link.host as usize));
        WriteView {
            client: host.map(|host| host.name.clone()).unwrap_or_default(),
            command: write.command.to_string(),
            commands: write.commands,
            key: write.key.to_vec(),
            at_us: write.at_us,
            node: self.procs.get(line.node as usize).map(|p| p.name.clone()).unwrap_or_default(),
            offset: write.at.offset,
            acknowledged: write.acknowledged,
        }
    }

    /// Where all writes are now; `None` without a ledger.
    pub fn ledger_summary(&self) -> Option<Summary> {
        self.summarize(LISTED_MAX)
    }

    /// The same without the lost writes one by one.
    pub fn ledger_counts(&self) -> Option<Summary> {
        self.summarize(0)
    }

    fn summarize(&self, listed_max: usize) -> Option<Summary> {
        let ledger = self.ledger()?;
        let names: Vec<&str> = self.procs.iter().map(|p| p.name.as_str()).collect();
        let mut summary = Summary { pending: ledger.pending(), ..Summary::default() };
        for range in self.ranges() {
            let Some(line) = ledger.lines.get(range.line) else { continue };
            let Some((count, first_us, last_us)) = line.count(range.after, range.up_to) else { continue };
            match range.status {
                Status::Safe => summary.safe += count,
                Status::AtRisk(risk) => {
                    summary.at_risk += count;
                    *summary.risks.entry(risk).or_default() += count;
                }
                Status::Lost => {
                    let Some(owner) = range.owner else { continue };
                    summary.lost += count;
                    let writes = || line.writes(range.after, range.up_to).filter(|write| write.acknowledged);
                    let cause = self.cause_of(&range, line, first_us, owner, &names);
                    summary.losses.push(Loss {
                        count,
                        node: names.get(line.node as usize).copied().unwrap_or_default().to_string(),
                        owner: names.get(owner as usize).copied().unwrap_or_default().to_string(),
                        first_us,
                        last_us,
                        cause,
                        writes: writes().take(listed_max).map(|write| self.write_view(line, write)).collect(),
                    });
                }
            }
        }
        summary.losses.sort_by_key(|loss| loss.first_us);
        Some(summary)
    }

    /// Why the writes of a range are lost.
    fn cause_of(&self, range: &Range, line: &Line, first_us: u64, owner: u32, names: &[&str]) -> Cause {
        // All of a range left every dataset at the same time: any of them tells, and if they are kept no more one by
        // one, the last.
        let first = line.writes(range.after, range.up_to).find(|write| write.acknowledged);
        let at = first.map_or(range.up_to.min(line.head), |write| write.at);
        let cause =
            |ledger: &super::Ledger| ledger.cause(Pos { line: range.line, at }, first_us, owner, names);
        self.ledger().map(cause).unwrap_or_else(Cause::unknown)
    }

    /// The latest acknowledged writes in so many ticks at the most, of which each stands for as many writes as it takes to have the last
    /// `window_us` microseconds before the newest in them; `None` without a ledger. Ticks begin at multiples of their size, counted from
    /// the first write of the run, so what they stand for does not change when more writes come.
    pub fn ledger_ribbon(&self, ticks_max: usize, window_us: u64) -> Option<Ribbon> {
        let ledger = self.ledger()?;
        let ranges = self.ranges();
        // The ranges of a line follow one another, in order of their places.
        let of_line = ranges.chunk_by(|a, b| a.line == b.line);
        let mut lines: Vec<_> = of_line
            .filter_map(|ranges| Some((ledger.lines.get(ranges.first()?.line)?.latest(), ranges)))
            .collect();
        let total: u64 = ledger.lines.iter().map(|(_, line)| line.acknowledged()).sum();
        let mut next: BinaryHeap<(u64, usize, Coord, u64)> = BinaryHeap::new();
        for (number, (items, _)) in lines.iter_mut().enumerate() {
            next.extend(items.next().map(|(at, at_us, count)| (at_us, number, at, count)));
        }
        let newest_us = next.peek().map_or(0, |item| item.0);
        let ticks_max = ticks_max.max(1) as u64;
        let each_of = |count: u64| count.div_ceil(ticks_max).max(1).next_power_of_two();
        let mut items: Vec<(u64, Status)> = Vec::new();
        let (mut count, mut each) = (0, None);
        while let Some((at_us, number, at, here)) = next.pop() {
            if newest_us - at_us > window_us {
                let each = *each.get_or_insert_with(|| each_of(count));
                if count >= ticks_max.saturating_mul(each) {
                    break;
                }
            }
            let (line, ranges) = &mut lines[number];
            while let [before @ .., _] = *ranges
                && before.last().is_some_and(|range| at <= range.up_to)
            {
                *ranges = before;
            }
            let status = ranges.last().map_or(Status::Safe, |range| range.status);
            count += here;
            items.push((here, status));
            if items.len() == RIBBON_ITEMS_MAX {
                break;
            }
            next.extend(line.next().map(|(at, at_us, count)| (at_us, number, at, count)));
        }
        let each = each.unwrap_or_else(|| each_of(count));
        let mut ribbon = Ribbon { each, ticks: Vec::new() };
        let (mut room, mut worst) = ((total + each - 1) % each + 1, None);
        'all: for (mut left, status) in items {
            while left > 0 {
                let taken = left.min(room);
                (left, room, worst) = (left - taken, room - taken, worst.max(Some(status)));
                if room == 0 {
                    ribbon.ticks.extend(worst.take());
                    room = each;
                    if ribbon.ticks.len() as u64 == ticks_max {
                        break 'all;
                    }
                }
            }
        }
        ribbon.ticks.extend(worst);
        ribbon.ticks.truncate(ticks_max as usize);
        ribbon.ticks.reverse();
        Some(ribbon)
    }

    /// The newest acknowledged writes that are still kept one by one and are so, newest first.
    pub fn ledger_entries(&self, wanted: fn(Status) -> bool, entries_max: usize) -> Vec<Entry> {
        let Some(ledger) = self.ledger() else { return Vec::new() };
        let names: Vec<&str> = self.procs.iter().map(|p| p.name.as_str()).collect();
        let name = |node: u32| names.get(node as usize).copied().unwrap_or_default().to_string();
        let ranges = self.ranges();
        let mut found: Vec<(u64, &Range, &Line, &Write)> = Vec::new();
        for range in ranges.iter().filter(|range| wanted(range.status)) {
            let Some(line) = ledger.lines.get(range.line) else { continue };
            let writes = line.latest_writes(range.after, range.up_to).take(entries_max);
            found.extend(writes.map(|write| (write.at_us, range, line, write)));
        }
        found.sort_by_key(|(at_us, ..)| std::cmp::Reverse(*at_us));
        found.truncate(entries_max);
        let mut causes: LiteMap<(LineId, Coord), Cause> = LiteMap::new();
        let entry = |(_, range, line, write): (u64, &Range, &Line, &Write)| {
            let owner = range.owner.filter(|_| range.status == Status::Lost);
            let cause = owner.map(|owner| {
                let known = causes.entry((range.line, range.up_to));
                let cause = || {
                    let first_us =
                        line.count(range.after, range.up_to).map_or(0, |(_, first_us, _)| first_us);
                    self.cause_of(range, line, first_us, owner, &names)
                };
                known.or_insert_with(cause).clone()
            });
            Entry {
                write: self.write_view(line, write),
                status: range.status,
                owner: range.owner.map(name),
                held: range.held.iter().map(|&(node, kind)| (name(node), kind)).collect(),
                cause,
            }
        };
        found.into_iter().map(entry).collect()
    }

    /// Every write that is kept one by one, with how it is now and the node that owns its slot; those that were not
    /// acknowledged too.
    pub fn ledger_writes(&self) -> Vec<(WriteView, Status, Option<String>)> {
        let Some(ledger) = self.ledger() else { return Vec::new() };
        let mut writes = Vec::new();
        for range in self.ranges() {
            let Some(line) = ledger.lines.get(range.line) else { continue };
            let owner = range.owner.and_then(|owner| self.procs.get(owner as usize)).map(|p| p.name.clone());
            for write in line.writes(range.after, range.up_to) {
                writes.push((self.write_view(line, write), range.status, owner.clone()));
            }
        }
        writes
    }
}
