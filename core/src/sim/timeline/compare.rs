//! Two runs side by side at one instant: what became of the nodes, of the data, and of what clients were told.

use super::{BranchId, Place, Timeline};
use crate::sim::ledger::WriteView;
use crate::sim::trace::Life;
use crate::sim::view::TapeChange;
use crate::sim::world::World;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many keys, writes and changes of each kind a comparison lists.
pub const LISTED_MAX: usize = 1_000;

/// A node in one of the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeFacts {
    /// Its process.
    pub process: Life,
    /// `master`, `replica`, or nothing if it does not run.
    pub role: Option<&'static str>,
    /// The address of its master.
    pub master: Option<String>,
    /// Its config epoch, in a cluster.
    pub epoch: Option<u64>,
    /// How many slots it serves, as it sees it.
    pub slots: u32,
    /// Whether the cluster serves, as it sees it.
    pub cluster_ok: Option<bool>,
    /// Its replication offset, in bytes.
    pub offset: i64,
    /// How many keys it holds.
    pub keys: u64,
    /// DEBUG DIGEST of its data, in 40 hexadecimal digits.
    pub digest: String,
}

/// A node that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeDifference {
    /// Its name.
    pub node: String,
    /// In the first run.
    pub a: NodeFacts,
    /// In the second.
    pub b: NodeFacts,
    /// Whether the files that a loss of power would leave differ; nodes.conf and the append-only file are among them.
    pub files: Vec<String>,
}

/// Keys that masters hold in one of the runs alone, or with another value. Keys that are no text are shown with what can be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyDifference {
    /// In the first run only: how many, and the first of them.
    pub only_a: (usize, Vec<String>),
    /// In the second only.
    pub only_b: (usize, Vec<String>),
    /// In both, with different values.
    pub changed: (usize, Vec<String>),
    /// How many are the same in both.
    pub same: usize,
}

/// Acknowledged writes since the runs parted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WriteDifference {
    /// In the first run: how many that the second has not, and the first of them.
    pub only_a: (usize, Vec<WriteView>),
    /// The same the other way round.
    pub only_b: (usize, Vec<WriteView>),
    /// How many both have: the same command on the same key, as often in both.
    pub same: usize,
    /// How many acknowledged writes are lost in the first run and in the second.
    pub lost: (u64, u64),
}

/// Two runs at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The instant, in virtual microseconds.
    pub at_us: u64,
    /// Where the runs parted.
    pub parted: Place,
    /// Whether they are the same to the last byte.
    pub same: bool,
    /// Nodes that are not the same.
    pub nodes: Vec<NodeDifference>,
    /// The data that masters hold.
    pub keys: KeyDifference,
    /// What clients were told: of what the ledgers of both runs keep one by one, `None` if one of them has none.
    pub writes: Option<WriteDifference>,
    /// Changes of state since they parted, of the first run.
    pub tape_a: Vec<TapeChange>,
    /// And of the second.
    pub tape_b: Vec<TapeChange>,
}

fn facts(world: &World, index: usize) -> NodeFacts {
    let process = &world.procs[index];
    let node = process.node.as_deref();
    let status = node.map(|node| node.status());
    let cluster = node.and_then(|node| node.cluster());
    let replica = status.as_ref().map(|s| s.master.is_some());
    NodeFacts {
        process: process.life.clone(),
        role: replica.map(|replica| if replica { "replica" } else { "master" }),
        master: status
            .as_ref()
            .and_then(|s| Some(format!("{}:{}", s.master.as_ref()?.host, s.master.as_ref()?.port))),
        epoch: cluster.map(|c| c.myself().config_epoch),
        slots: cluster.map_or(0, |c| c.myself().slots.len()),
        cluster_ok: cluster.map(|c| c.is_ok()),
        offset: status.as_ref().map_or(0, |s| s.offset),
        keys: status.as_ref().map_or(0, |s| s.keys),
        digest: node.map_or_else(|| "0".repeat(40), |node| node.digest()),
    }
}

/// The keys of all masters with their digests, the database first.
fn keys(world: &World) -> BTreeMap<(usize, Vec<u8>), [u8; 20]> {
    let mut all = BTreeMap::new();
    for node in world.procs.iter().filter_map(|p| p.node.as_deref()).filter(|node| !node.is_replica()) {
        for db in 0..node.dbs.len() {
            all.extend(node.key_digests(db).into_iter().map(|(key, digest)| ((db, key), digest)));
        }
    }
    all
}

fn list<T>(found: impl Iterator<Item = T>) -> (usize, Vec<T>) {
    let mut kept = Vec::new();
    let mut count = 0;
    for one in found {
        count += 1;
        if kept.len() < LISTED_MAX {
            kept.push(one);
        }
    }
    (count, kept)
}

fn key_difference(a: &World, b: &World) -> KeyDifference {
    let (a, b) = (keys(a), keys(b));
    let text = |(db, key): &(usize, Vec<u8>)| {
        let key = String::from_utf8_lossy(key).into_owned();
        if *db == 0 { key } else { format!("{key} in database {db}") }
    };
    let only = |a: &BTreeMap<_, _>, b: &BTreeMap<(usize, Vec<u8>), [u8; 20]>| {
        list(a.keys().filter(|key| !b.contains_key(key)).map(text))
    };
    KeyDifference {
        only_a: only(&a, &b),
        only_b: only(&b, &a),
        changed: list(
            a.iter().filter(|(key, d)| b.get(key).is_some_and(|e| e != *d)).map(|(key, _)| text(key)),
        ),
        same: a.iter().filter(|(key, digest)| b.get(key) == Some(digest)).count(),
    }
}

fn write_difference(a: &World, b: &World, since_us: u64) -> Option<WriteDifference> {
    let lost = (a.ledger_summary()?.lost, b.ledger_summary()?.lost);
    let writes = |world: &World| -> Vec<WriteView> {
        let all = world.ledger_writes().into_iter().map(|(write, ..)| write);
        all.filter(|w| w.acknowledged && w.at_us >= since_us).collect()
    };
    // How often each command was acknowledged on each key. Once the runs have parted the instants of the same writes part too.
    let counted = |writes: &[WriteView]| {
        let mut counts: BTreeMap<(String, Vec<u8>), usize> = BTreeMap::new();
        for write in writes {
            *counts.entry((write.command.clone(), write.key.clone())).or_default() += 1;
        }
        counts
    };
    let (a, b) = (writes(a), writes(b));
    let surplus =
        |writes: Vec<WriteView>, mut others: BTreeMap<(String, Vec<u8>), usize>| -> Vec<WriteView> {
            let mut rest = writes;
            rest.retain(|w| match others.get_mut(&(w.command.clone(), w.key.clone())) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    false
                }
                _ => true,
            });
            rest.sort_by_key(|w| w.at_us);
            rest
        };
    let (all, in_a, in_b) = (a.len(), counted(&a), counted(&b));
    let (a, b) = (surplus(a, in_b), surplus(b, in_a));
    Some(WriteDifference {
        same: all - a.len(),
        only_a: list(a.into_iter()),
        only_b: list(b.into_iter()),
        lost,
    })
}

impl Comparison {
    /// Two worlds at one instant whose runs parted there.
    pub fn of(a: &World, b: &World, parted: Place) -> Comparison {
        let mut nodes = Vec::new();
        for (index, process) in a.procs.iter().enumerate() {
            let (fa, fb) = (facts(a, index), facts(b, index));
            let files = |world: &World| world.procs[index].disk.durable_image();
            let (da, db) = (files(a), files(b));
            let paths: BTreeSet<&String> = da.keys().chain(db.keys()).collect();
            let differ: Vec<String> =
                paths.into_iter().filter(|path| da.get(*path) != db.get(*path)).cloned().collect();
            if fa != fb || !differ.is_empty() {
                nodes.push(NodeDifference { node: process.name.clone(), a: fa, b: fb, files: differ });
            }
        }
        let tape = |world: &World| -> Vec<TapeChange> {
            let since = world.tape_after(0).filter(|c| c.at_us >= parted.at_us);
            since.take(LISTED_MAX).cloned().collect()
        };
        Comparison {
            at_us: a.now_us(),
            parted,
            same: a.hash() == b.hash(),
            nodes,
            keys: key_difference(a, b),
            writes: write_difference(a, b, parted.at_us),
            tape_a: tape(a),
            tape_b: tape(b),
        }
    }
}

impl Timeline {
    /// Two branches at one instant. Both are played to it from their checkpoints; the world stays where it is.
    ///
    /// # Errors
    /// There is no such branch, or it was not played that far.
    pub fn compare(&self, a: BranchId, b: BranchId, at_us: u64) -> Result<Comparison, String> {
        let parted = self.parted(a, b);
        Ok(Comparison::of(&self.world_at(a, at_us)?, &self.world_at(b, at_us)?, parted))
    }

    /// Where two branches part; the end of the branch for one and the same.
    pub fn parted(&self, a: BranchId, b: BranchId) -> Place {
        let line = |mut id: BranchId| {
            let mut line = BTreeMap::new();
            let mut until = self.branches.get(&id).map_or(Place { step: 0, at_us: 0 }, |branch| branch.end);
            while let Some(branch) = self.branches.get(&id) {
                line.insert(id, until);
                let Some((parent, fork)) = branch.parent else { break };
                (id, until) = (parent, until.min(fork));
            }
            line
        };
        let (a, b) = (line(a), line(b));
        // The youngest branch that both come from; the one that left it first says where.
        let common = a.iter().rev().find_map(|(id, &until)| Some(until.min(*b.get(id)?)));
        common.unwrap_or(Place { step: 0, at_us: 0 })
    }
}
