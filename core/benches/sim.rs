//! How fast the simulator runs: `cargo xtask bench sim`, or some of it by name:
//! `cargo bench --package vitrine-core --bench sim -- idle drill`.
//!
//! What is measured is virtual seconds per second of real time, of worlds as people run them, what one gossip entry costs in a
//! large cluster, and the real time of a whole drill. Each line says what is to be reached at the least. Nothing but the
//! measuring itself looks at a real clock.

use std::time::Instant;
use vitrine_core::cost::Work;
use vitrine_core::sim::workload::{Keys, Pace, Workload};
use vitrine_core::sim::{Action, Fault, Setup, World};

const SECOND: u64 = 1_000_000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!("{:10} {:52} {:>12} {:>12}", "name", "what", "found", "wanted");
    if wants("idle") {
        let mut world = formed(Setup::six_nodes(1));
        line("idle", "six nodes, 5,000 ms, idle: virtual s/s", virtual_rate(&mut world, 2.0), "≥ 5,000");
    }
    if wants("loaded") {
        let mut world = formed(Setup::six_nodes(1));
        world.start_workload("load", loaded()).expect("the workload is sound");
        world.run_for(SECOND);
        let rate = virtual_rate(&mut world, 4.0);
        line("loaded", "six nodes, 5,000 ms, 10,000 ops/s: virtual s/s", rate, "≥ 30");
        let stats = world.workload_stats("load").expect("it runs");
        println!(
            "{:10} {} of {} operations were acknowledged, p50 {} µs, p99 {} µs",
            "", stats.run.ok, stats.begun, stats.run.latency.p50_us, stats.run.latency.p99_us
        );
    }
    if wants("drill") {
        let mut times: Vec<f64> = (0..5).map(drill_ms).collect();
        times.sort_by(f64::total_cmp);
        line("drill", "form, load, kill, promote, heal, check: ms", times[2], "≤ 50");
    }
    let mut entry_ns = [0.0; 2];
    if wants("hundred") || wants("entry") {
        let mut world = formed(Setup::cluster(1, 50, 1, 15_000));
        world.run_for(20 * SECOND);
        let (rate, per_entry) = large_rate(&mut world, 3.0);
        entry_ns[0] = per_entry;
        line("hundred", "100 nodes, 15,000 ms, idle: virtual s/s", rate, "≥ 50");
        line("", "  real time by gossip entry: ns", per_entry, "");
    }
    if wants("three") {
        let start = Instant::now();
        let mut world = formed(Setup::cluster(1, 150, 1, 15_000));
        line("three", "300 nodes: formed in s", start.elapsed().as_secs_f64(), "");
        world.run_for(20 * SECOND);
        let (rate, per_entry) = large_rate(&mut world, 3.0);
        line("", "  virtual s/s", rate, "");
        line("", "  real time by gossip entry: ns", per_entry, "");
    }
    if wants("thousand") || wants("entry") {
        let start = Instant::now();
        let mut world = formed(Setup::cluster(1, 500, 1, 15_000));
        line("thousand", "1,000 nodes: formed in s", start.elapsed().as_secs_f64(), "");
        world.run_for(20 * SECOND);
        let (rate, per_entry) = large_rate(&mut world, 20.0);
        entry_ns[1] = per_entry;
        line("", "1,000 nodes, 15,000 ms, idle: virtual s/s", rate, "≥ 0.5");
        line("", "  real time by gossip entry: ns", per_entry, "");
    }
    if entry_ns.iter().all(|ns| *ns > 0.0) {
        line("entry", "gossip entry at 1,000 nodes by one at 100", entry_ns[1] / entry_ns[0], "≤ 1.5");
    }
}

fn line(name: &str, what: &str, found: f64, wanted: &str) {
    println!("{name:10} {what:52} {found:12.1} {wanted:>12}");
}

fn loaded() -> Workload {
    Workload {
        clients: 50,
        pace: Pace::Open { per_second: 10_000 },
        keys: Keys { count: 10_000, ..Keys::default() },
        ..Workload::default()
    }
}

/// A world whose cluster is formed.
fn formed(setup: Setup) -> World {
    let mut world = World::new(setup).expect("the setup is sound");
    while world.formation().is_some_and(|f| f.done_at_us.is_none()) {
        world.run_for(SECOND / 10);
    }
    world
}

/// Lets about `seconds` of real time pass and gives virtual seconds per second.
fn virtual_rate(world: &mut World, seconds: f64) -> f64 {
    let (start, began) = (Instant::now(), world.now_us());
    while start.elapsed().as_secs_f64() < seconds {
        world.run_for(SECOND / 10);
    }
    (world.now_us() - began) as f64 / SECOND as f64 / start.elapsed().as_secs_f64()
}

/// The same, and the real time by gossip entry that was sent or received, in nanoseconds.
fn large_rate(world: &mut World, seconds: f64) -> (f64, f64) {
    let entries = |world: &World| -> u64 {
        let nodes = &world.setup().nodes;
        let done = nodes.iter().filter_map(|n| world.node(&n.name)).map(|node| node.work_done());
        done.map(|work| work[Work::GossipEntries as usize]).sum()
    };
    let (start, before) = (Instant::now(), entries(world));
    let rate = virtual_rate(world, seconds);
    let ns = start.elapsed().as_secs_f64() * 1e9;
    (rate, ns / (entries(world) - before).max(1) as f64)
}

/// A whole drill: a cluster is formed and written to, a master dies, its replica takes over, it comes back, and nothing that was
/// acknowledged before is missing.
fn drill_ms(seed: i32) -> f64 {
    let start = Instant::now();
    let mut world = formed(Setup::six_nodes(seed as u64 + 1));
    let load = Workload { pace: Pace::Open { per_second: 100 }, retries_max: 1000, ..Workload::default() };
    world.start_workload("load", load).expect("the workload is sound");
    world.run_for(2 * SECOND);
    world.act(Fault::Kill { node: "A1".into() }.now()).expect("it runs");
    let promoted =
        |world: &World| world.node("A2").is_some_and(|n| n.cluster().is_some_and(|c| c.is_master()));
    while !promoted(&world) {
        world.run_for(SECOND / 10);
    }
    world.act(Action::Start { node: "A1".into() }).expect("it is dead");
    let follows = |world: &World| world.node("A1").is_some_and(|n| n.status().master.is_some_and(|m| m.up));
    while !follows(&world) {
        world.run_for(SECOND / 10);
    }
    world.stop_workload("load").expect("it runs");
    world.run_for(2 * SECOND);
    let keys = |name: &str| world.node(name).map_or(0, |n| n.status().keys);
    assert!(keys("A1") == keys("A2") && keys("B1") == keys("B2") && keys("C1") == keys("C2"));
    start.elapsed().as_secs_f64() * 1e3
}
