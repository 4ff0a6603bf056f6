//! What is drawn over time: operations a second, latencies, memory, replication. The worker takes a sample at every second of virtual
//! time, from what the engine says of itself; when there are too many, two neighbours become one.
//!
//! A sample belongs to the run that it was taken in. Who goes back in time loses those after the instant that was gone to, and who
//! goes to another run begins anew.

use std::collections::VecDeque;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::world::World;

/// How many samples are kept.
const SAMPLES_MAX: usize = 600;
/// How many points of a line are sent.
const POINTS_MAX: usize = 200;
/// How many points a small line has.
const SPARK_POINTS: usize = 40;
/// Up to so many nodes have lines of their own; of more, their sum or the worst of them is drawn.
const NODES_MAX: usize = 12;

/// The values of a sample that are of the workloads: acknowledged and failed operations, and the three latencies in microseconds.
const WORK: [&str; 5] = ["ops acknowledged", "ops failed", "latency p50", "latency p99", "latency p99.9"];
/// Those that are of each node, in bytes.
const NODE: [&str; 3] = ["memory", "offset", "lag"];

/// What stands in a sample.
struct Sample {
    at_s: u64,
    values: Vec<f64>,
}

/// The samples so far.
#[derive(Default)]
pub struct Charts {
    /// The run that they belong to.
    run: u32,
    names: Vec<String>,
    samples: VecDeque<Sample>,
    /// How many seconds a sample stands for.
    every_s: u64,
    next_s: u64,
}

impl Charts {
    /// Takes a sample if it is time to.
    pub fn sample(&mut self, time: &Timeline) {
        let world = time.world();
        let now_s = world.now_us() / 1_000_000;
        if now_s < self.next_s {
            return;
        }
        let every_s = self.every_s.max(1);
        (self.run, self.every_s, self.next_s) = (time.branch(), every_s, now_s - now_s % every_s + every_s);
        if self.names.is_empty() {
            self.names = names(world);
        }
        // The last second that is over.
        let work = world.workload_second(now_s.saturating_sub(1));
        let latency = work.latency;
        let mut values = vec![work.ok as f64, (work.errors + work.unknown) as f64];
        values.extend([latency.p50_us, latency.p99_us, latency.p999_us].map(|us| us as f64));
        of_nodes(world, &mut values);
        self.samples.push_back(Sample { at_s: now_s, values });
        if self.samples.len() > SAMPLES_MAX {
            self.thin();
        }
    }

    /// Two neighbours become one: the mean of what is counted, the worst of what is waited for, the last of what is held.
    fn thin(&mut self) {
        let mut old = std::mem::take(&mut self.samples).into_iter();
        while let Some(mut first) = old.next() {
            if let Some(second) = old.next() {
                for (i, (a, b)) in first.values.iter_mut().zip(second.values).enumerate() {
                    *a = match i {
                        0 | 1 => (*a + b) / 2.0,
                        2..5 => a.max(b),
                        _ => b,
                    };
                }
                first.at_s = second.at_s;
            }
            self.samples.push_back(first);
        }
        self.every_s *= 2;
    }

    /// The world is at another place of its runs.
    pub fn travelled(&mut self, time: &Timeline) {
        if time.branch() != self.run {
            self.samples.clear();
        }
        let now_s = time.world().now_us() / 1_000_000;
        self.samples.retain(|sample| sample.at_s <= now_s);
        self.next_s = now_s + 1;
    }

    fn line(&self, i: usize, from: usize, step: usize) -> Vec<f64> {
        let samples = self.samples.iter().skip(from).step_by(step);
        samples.map(|sample| sample.values.get(i).copied().unwrap_or(0.0)).collect()
    }

    /// The instants of the samples in virtual seconds, named `t`, then every line with its name.
    pub fn lines(&self) -> Vec<(String, Vec<f64>)> {
        let step = self.samples.len().div_ceil(POINTS_MAX).max(1);
        // The newest is always among them.
        let from = self.samples.len().saturating_sub(1) % step;
        let instants = self.samples.iter().skip(from).step_by(step).map(|sample| sample.at_s as f64);
        let mut lines = vec![("t".to_owned(), instants.collect())];
        lines.extend(self.names.iter().enumerate().map(|(i, name)| (name.clone(), self.line(i, from, step))));
        lines
    }

    /// The last of the two lines that the ledger's bar shows.
    pub fn sparks(&self) -> Vec<(String, Vec<f64>)> {
        let from = self.samples.len().saturating_sub(SPARK_POINTS);
        [0, 3].map(|i: usize| (WORK[i].to_owned(), self.line(i, from, 1))).into()
    }
}

fn names(world: &World) -> Vec<String> {
    let nodes = &world.setup().nodes;
    let mut names: Vec<String> = WORK.iter().map(|&name| name.to_owned()).collect();
    for what in NODE {
        if nodes.len() > NODES_MAX {
            names.push(format!(
                "{what} {}",
                if what == "memory" { "of all nodes" } else { "of the furthest" }
            ));
        } else {
            names.extend(nodes.iter().map(|node| format!("{what} {}", node.name)));
        }
    }
    names
}

fn of_nodes(world: &World, values: &mut Vec<f64>) {
    let setup = world.setup();
    let of = |name: &str| world.node(name);
    let memory: Vec<f64> =
        setup.nodes.iter().map(|n| of(&n.name).map_or(0.0, |node| node.used_memory() as f64)).collect();
    let status: Vec<_> = setup.nodes.iter().map(|n| of(&n.name).map(|node| node.status())).collect();
    let offset: Vec<f64> =
        status.iter().map(|s| s.as_ref().map_or(0.0, |s| s.offset.max(0) as f64)).collect();
    let lag: Vec<f64> = (status.iter().zip(&offset))
        .map(|(s, own)| {
            let master = s.as_ref().and_then(|s| s.master.as_ref());
            let at = master.and_then(|m| setup.nodes.iter().position(|n| n.ip == m.host));
            at.and_then(|at| offset.get(at)).map_or(0.0, |of_master| (of_master - own).max(0.0))
        })
        .collect();
    if setup.nodes.len() <= NODES_MAX {
        values.extend(memory.into_iter().chain(offset).chain(lag));
    } else {
        let most = |of: &[f64]| of.iter().copied().fold(0.0, f64::max);
        values.extend([memory.iter().sum(), most(&offset), most(&lag)]);
    }
}
