//! Where all writes are at one instant: counts by status, the lost ones with their causes, and each write that is still kept.

use super::cause::Cause;
use super::files::View;
use super::lines::{Coord, Line, LineId, Pos, Write};
use crate::sim::trace::Life;
use crate::sim::world::World;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many lost writes of one loss are listed one by one.
pub const LISTED_MAX: usize = 100;

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

/// A dataset that holds a part of a line.
#[derive(Clone, Copy)]
struct Holder {
    node: u32,
    /// In memory, or else in the durable files; what only a kill would bring back is neither.
    kind: Holds,
    reach: Coord,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Memory,
    Cache,
    Durable,
}

/// Writes of a line that share their fate: those with a place in `(after, up_to]`.
struct Range {
    line: LineId,
    after: Option<Coord>,
    up_to: Coord,
    owner: Option<u32>,
    status: Status,
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
            (reach > Coord::NOTHING).then_some((memory.line, index))
        };
        let heir = || masters().filter_map(|(index, _)| holds(index)).max().map(|(_, index)| index);
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
        let writer = masters().find(|(index, _)| *index == line.node).map(|(index, _)| index);
        writer.or_else(heir)
    }

    fn ranges(&self) -> Vec<Range> {
        let Some(ledger) = self.ledger() else { return Vec::new() };
        let mut holders: BTreeMap<LineId, Vec<Holder>> = BTreeMap::new();
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
                ranges.push(Range { line: id, after, up_to, owner, status });
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
                    let writes = line.writes(range.after, range.up_to).filter(|write| write.acknowledged);
                    let writes: Vec<&Write> = writes.take(LISTED_MAX).collect();
                    // All of a range left every dataset at the same time: any of them tells, and if they are kept no more one by
                    // one, the last.
                    let at = writes.first().map_or(range.up_to.min(line.head), |write| write.at);
                    let cause = ledger.cause(Pos { line: range.line, at }, first_us, owner, &names);
                    summary.losses.push(Loss {
                        count,
                        node: names.get(line.node as usize).copied().unwrap_or_default().to_string(),
                        owner: names.get(owner as usize).copied().unwrap_or_default().to_string(),
                        first_us,
                        last_us,
                        cause,
                        writes: writes.into_iter().map(|write| self.write_view(line, write)).collect(),
                    });
                }
            }
        }
        summary.losses.sort_by_key(|loss| loss.first_us);
        Some(summary)
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
