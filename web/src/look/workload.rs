//! What the workloads of this world do, in rows of words.

use crate::words;
use std::collections::BTreeMap;
use vitrine_core::sim::fault::Action;
use vitrine_core::sim::scenario::line_of;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::workload::stats::WorkloadStats;

/// One row for each workload, in the order in which they were first started: its name, `running` or how it stopped, operations a second over the
/// last ten seconds, p50, p99 and p99.9 over the same time, operations acknowledged, errors by kind, what was tried again by kind,
/// and the line that started it last.
pub fn rows(time: &Timeline) -> Vec<Vec<String>> {
    let world = time.world();
    // The newest line of each name.
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for record in world.actions().iter() {
        if let Action::StartWorkload { name, .. } = &record.action {
            lines.insert(name.clone(), line_of(&record.action));
        }
    }
    let row = |name: String| {
        let stats = world.workload_stats(&name)?;
        let line = lines.remove(&name).unwrap_or_default();
        Some(row(stats, name, line))
    };
    world.workloads().into_iter().filter_map(row).collect()
}

fn kinds(kinds: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> =
        kinds.iter().map(|(kind, n)| format!("{kind} {}", words::thousands(*n))).collect();
    words.join(", ")
}

fn row(stats: WorkloadStats, name: String, line: String) -> Vec<String> {
    let WorkloadStats { running, pending, run, window, errors, retried, .. } = stats;
    let state = match (running, pending) {
        (true, _) => "running",
        (false, 0) => "stopped",
        (false, _) => "stopping",
    };
    vec![
        name,
        state.to_owned(),
        words::thousands(window.per_second.round() as u64),
        words::latency(window.latency.p50_us),
        words::latency(window.latency.p99_us),
        words::latency(window.latency.p999_us),
        words::thousands(run.ok),
        kinds(&errors),
        kinds(&retried),
        line,
    ]
}
