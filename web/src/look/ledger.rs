//! The ledger as the page shows it: counts, the ribbon, the leading cause in one sentence, and the writes of one class.
//!
//! It is asked for on every beat, so it asks the engine for what is bounded ([`World::ledger_counts`], [`World::ledger_ribbon`]); only an
//! open list looks at single writes, and at no more than [`LIST_MAX`] of them.

use super::charts::Charts;
use super::sentence::spell;
use crate::words;
use serde::{Deserialize, Serialize};
use vitrine_core::sim::ledger::{Entry, Holds, Risk, Status, Summary};
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::world::World;

/// How many ticks the ribbon has.
pub const TICKS: usize = 132;
/// How much of the time before the newest write the ribbon shows, in virtual microseconds.
const WINDOW_US: u64 = 10_000_000;
/// How many writes a list shows.
pub const LIST_MAX: usize = 100;

/// The ledger at one instant. Counts are totals of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Executed, and the reply has not reached the client.
    pub pending: u64,
    /// Acknowledged, and no single failure takes them.
    pub safe: u64,
    /// Acknowledged, and one failure would be enough.
    pub at_risk: u64,
    /// Acknowledged and gone.
    pub lost: u64,
    /// The leading cause, in a sentence; empty if all is well.
    pub cause: String,
    /// How many writes a tick of the ribbon stands for.
    pub each: u64,
    /// The ribbon, oldest first: `s` for safe, `r` for at risk, `l` for lost.
    pub ribbon: String,
    /// What all workloads together do now: acknowledged operations a second over the last ten seconds; none without a workload.
    pub ops: Option<f64>,
    /// The 99th percentile of their latency over the same time, in microseconds.
    pub p99_us: u64,
    /// The last values of both, for small lines: names with values, oldest first.
    pub lines: Vec<(String, Vec<f64>)>,
}

/// Reads it.
///
/// # Errors
/// Nobody keeps a ledger.
pub fn ledger(time: &Timeline, charts: &Charts) -> Result<Ledger, String> {
    let world = time.world();
    let none = || "The engine keeps no ledger of this run.".to_owned();
    let counts = world.ledger_counts().ok_or_else(none)?;
    let ribbon = world.ledger_ribbon(TICKS, WINDOW_US).ok_or_else(none)?;
    let letter = |status: &Status| match status {
        Status::Safe => 's',
        Status::AtRisk(_) => 'r',
        Status::Lost => 'l',
    };
    let working = !world.workloads().is_empty();
    let now = working.then(|| world.workload_totals().window);
    Ok(Ledger {
        cause: cause(world, &counts),
        pending: counts.pending,
        safe: counts.safe,
        at_risk: counts.at_risk,
        lost: counts.lost,
        each: ribbon.each,
        ribbon: ribbon.ticks.iter().map(letter).collect(),
        ops: now.as_ref().map(|now| now.per_second),
        p99_us: now.map_or(0, |now| now.latency.p99_us),
        lines: charts.sparks(),
    })
}

fn writes(n: u64) -> String {
    format!("{} {}", words::thousands(n), if n == 1 { "write" } else { "writes" })
}

/// What is to be said first: the greatest loss by its cause, or else what most of those at risk wait for.
fn cause(world: &World, counts: &Summary) -> String {
    if let Some(loss) = counts.losses.iter().max_by_key(|loss| loss.count) {
        return format!("{} lost: {}.", words::thousands(loss.count), loss.cause.text.trim_end_matches('.'));
    }
    let Some((&risk, &count)) = counts.risks.iter().max_by_key(|(_, count)| **count) else {
        return String::new();
    };
    let wanted: fn(Status) -> bool = match risk {
        Risk::Failover => |s| s == Status::AtRisk(Risk::Failover),
        Risk::PowerLoss => |s| s == Status::AtRisk(Risk::PowerLoss),
        Risk::FailoverOrPowerLoss => |s| s == Status::AtRisk(Risk::FailoverOrPowerLoss),
        Risk::Stranded => |s| s == Status::AtRisk(Risk::Stranded),
        Risk::NoOwner => |s| s == Status::AtRisk(Risk::NoOwner),
    };
    let entry = world.ledger_entries(wanted, 1).pop();
    let holders = entry.map(|entry| spell(&nodes_of(std::slice::from_ref(&entry)))).unwrap_or_default();
    let many = writes(count);
    match risk {
        Risk::Stranded => {
            format!(
                "{many} only on {holders}, which no longer serves them. Following the new master drops them."
            )
        }
        Risk::NoOwner => format!("{many} of keys that no running master serves. They wait on {holders}."),
        Risk::PowerLoss => format!("{many} not fsynced by their master yet. A loss of its power takes them."),
        Risk::Failover => format!("{many} on {holders} alone. A failover would take them."),
        Risk::FailoverOrPowerLoss => {
            format!("{many} on {holders} alone and not fsynced. Any failure there takes them.")
        }
    }
}

fn risk_words(risk: Risk) -> &'static str {
    match risk {
        Risk::Failover => "no majority of the shard has it: a failover would take it",
        Risk::PowerLoss => "its master has not fsynced it: a loss of power would take it",
        Risk::FailoverOrPowerLoss => "only its master has it, and has not fsynced it",
        Risk::Stranded => "it stands where the owner's data will replace it",
        Risk::NoOwner => "no running master serves its key",
    }
}

/// The nodes that hold any of these writes, each once.
fn nodes_of(entries: &[Entry]) -> Vec<String> {
    let mut nodes: Vec<String> =
        entries.iter().flat_map(|entry| entry.held.iter().map(|(node, _)| node.clone())).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Where a write is: for each node, in memory, in its files, fsynced.
fn places(entry: &Entry) -> String {
    let mut out: Vec<String> = Vec::new();
    for node in nodes_of(std::slice::from_ref(entry)) {
        let has = |kind: Holds| entry.held.iter().any(|(name, how)| *name == node && *how == kind);
        let disk = match (has(Holds::Durable), has(Holds::Cache)) {
            (true, _) => "fsynced",
            (false, true) => "written",
            (false, false) => "",
        };
        let memory = if has(Holds::Memory) { "memory" } else { "" };
        let comma = if memory.is_empty() || disk.is_empty() { "" } else { ", " };
        out.push(format!("{node}: {memory}{comma}{disk}"));
    }
    if out.is_empty() { "nowhere".to_owned() } else { out.join("; ") }
}

/// The newest writes of a class (`safe`, `at-risk` or `lost`). The first row names the nodes that hold them; the others are client, command, key,
/// instant, the node that executed it, where it is, and why it is so.
///
/// # Errors
/// There is no such class.
pub fn list(time: &Timeline, class: &str) -> Result<Vec<Vec<String>>, String> {
    let wanted: fn(Status) -> bool = match class {
        "safe" => |status| status == Status::Safe,
        "at-risk" => |status| matches!(status, Status::AtRisk(_)),
        "lost" => |status| status == Status::Lost,
        _ => return Err(format!("There are no `{class}` writes: say safe, at-risk or lost.")),
    };
    let entries = time.world().ledger_entries(wanted, LIST_MAX);
    let mut rows = vec![nodes_of(&entries)];
    rows.extend(entries.iter().map(|entry| {
        let write = &entry.write;
        let command = match write.commands {
            0 | 1 => write.command.clone(),
            n => format!("{} and {} more", write.command, n - 1),
        };
        let why = match (entry.status, &entry.cause) {
            (_, Some(cause)) => cause.text.clone(),
            (Status::AtRisk(risk), None) => risk_words(risk).to_owned(),
            _ => String::new(),
        };
        vec![
            write.client.clone(),
            command,
            String::from_utf8_lossy(&write.key).chars().take(200).collect(),
            words::clock_short(write.at_us),
            write.node.clone(),
            places(entry),
            why,
        ]
    }));
    Ok(rows)
}
