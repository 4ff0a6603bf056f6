//! What clients saw, key by key: whether it has an order, and how stale it was.
//!
//! An order (linearizability) is asked for where Redis promises one: of a cluster of one master that syncs every write before it answers,
//! on honest disks. WAIT does not widen that. It counts the replicas that have the write in memory, and neither the election knows of it
//! (a replica that lacks the write may win: `clusterGetSlaveRank` only delays it, cluster.c 7.0.15) nor the reader (a master that
//! was deposed goes on answering GET until it hears of it, or for a node timeout in a minority), and a write whose WAIT came short is
//! visible all the same. So a run with WAIT under failovers is not linearizable on redis-server either, and is not asked to be. What such
//! writes lose is the ledger's to name; how far behind reads are is counted here, of clients that read from replicas.

use super::{Complaint, Deed, Finding};
use crate::sim::check::linear::{self, Did, Staleness, Verdict as Order};
use crate::sim::workload::Workload;
use crate::sim::workload::draw::Op;
use crate::sim::workload::history::{Outcome, Seen, WriteId};
use crate::sim::{Action, World};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most steps that the search for an order of one key's operations takes.
const ORDER_STEPS_MAX: u64 = 200_000;

/// What was done to each string key.
pub(super) type ByKey = BTreeMap<Rc<str>, Vec<linear::Op>>;

/// The workloads of a case.
pub(super) fn workloads(deeds: &[Deed]) -> impl Iterator<Item = &Workload> {
    deeds.iter().filter_map(|deed| match &deed.action {
        Action::StartWorkload { workload, .. } => Some(&**workload),
        _ => None,
    })
}

/// Takes the history of a world's clients: what was done to each string key.
pub(super) fn by_key(world: &mut World) -> ByKey {
    let mut keys = ByKey::new();
    let number = |id: WriteId| (u64::from(id.client) << 40) | id.number;
    for record in world.take_history().operations {
        let complete_us = matches!(record.outcome, Outcome::Ok(_)).then_some(record.completed_us);
        let did = match (record.op, record.outcome) {
            (Op::Set, Outcome::Ok(_) | Outcome::Unknown(_)) => Did::Set(number(record.id)),
            (Op::Get, Outcome::Ok(Seen::Nil)) => Did::Get(None),
            (Op::Get, Outcome::Ok(Seen::Value(Some(id)))) => Did::Get(Some(number(id))),
            _ => continue,
        };
        let op = linear::Op { invoke_us: record.invoked_us, complete_us, did };
        keys.entry(record.key).or_default().push(op);
    }
    keys
}

/// Whether what clients saw of each key could have come from one copy of it.
pub(super) fn judge_order(keys: &ByKey, findings: &mut Vec<Finding>) {
    for (key, ops) in keys {
        if let Order::Not(why) = linear::registers(ops, ORDER_STEPS_MAX) {
            let at_us = ops.iter().filter_map(|op| op.complete_us).max().unwrap_or(0);
            findings.push(Finding { what: Complaint::NoOrder, at_us, text: format!("{key}: {why}") });
        }
    }
}

/// How stale the reads were of the workloads that read from replicas; each has keys of its own.
pub(super) fn staleness(keys: &ByKey, deeds: &[Deed]) -> Staleness {
    let mut all = Staleness::default();
    for workload in workloads(deeds).filter(|workload| workload.read_from_replicas) {
        for (_, ops) in keys.iter().filter(|(key, _)| key.starts_with(&workload.keys.prefix)) {
            all.add(linear::staleness(ops));
        }
    }
    all
}
