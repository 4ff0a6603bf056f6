//! How fast the simulator runs: virtual seconds per second of real time, of worlds as people run them, what one gossip entry costs in a
//! large cluster, and the real time of a whole drill. Each line says what is to be reached at the least.

use super::{Place, SECOND};
use vitrine_core::cost::Work;
use vitrine_core::sim::check;
use vitrine_core::sim::workload::{Keys, Pace, Workload};
use vitrine_core::sim::{Action, Fault, Setup, World};

/// After so many seconds a large cluster that is not whole yet is given up.
const STARTING_MAX_S: f64 = 900.0;

/// Measures what `wants` says yes to, by name.
pub fn run(place: &Place, wants: &dyn Fn(&str) -> bool) {
    (place.say)(&format!("{:10} {:52} {:>12} {:>12}", "name", "what", "found", "wanted"));
    if wants("idle") {
        let mut world = formed(Setup::six_nodes(1));
        let rate = virtual_rate(place, &mut world, 2.0);
        line(place, "idle", "six nodes, 5,000 ms, idle: virtual s/s", rate, place.bar("≥ 5,000", "≥ 1,500"));
    }
    if wants("loaded") {
        let mut world = formed(Setup::six_nodes(1));
        world.start_workload("load", loaded()).expect("the workload is sound");
        world.run_for(SECOND);
        let rate = virtual_rate(place, &mut world, 4.0);
        let what = "six nodes, 5,000 ms, 10,000 ops/s: virtual s/s";
        line(place, "loaded", what, rate, place.bar("≥ 30", "≥ 10"));
        let stats = world.workload_stats("load").expect("it runs");
        (place.say)(&format!(
            "{:10} {} of {} operations were acknowledged, p50 {} µs, p99 {} µs",
            "", stats.run.ok, stats.begun, stats.run.latency.p50_us, stats.run.latency.p99_us
        ));
    }
    if wants("drill") {
        let mut times: Vec<f64> = (0..5).map(|seed| drill_ms(place, seed)).collect();
        times.sort_by(f64::total_cmp);
        line(place, "drill", "form, load, kill, promote, heal, check: ms", times[2], place.bar("≤ 50", ""));
    }
    let mut entry_ns = [0.0; 2];
    if wants("hundred") || wants("entry") {
        let mut world = formed(Setup::cluster(1, 50, 1, 15_000));
        world.run_for(20 * SECOND);
        let (rate, per_entry) = large_rate(place, &mut world, 3.0);
        entry_ns[0] = per_entry;
        let wanted = place.bar("≥ 50", "≥ 15");
        line(place, "hundred", "100 nodes, 15,000 ms, idle: virtual s/s", rate, wanted);
        line(place, "", "  time by gossip entry: ns", per_entry, "");
    }
    if wants("three") {
        large(place, "three", 300, 5.0);
    }
    if wants("thousand") || wants("entry") {
        entry_ns[1] = large(place, "thousand", 1000, 20.0);
    }
    if entry_ns.iter().all(|ns| *ns > 0.0) {
        line(place, "entry", "gossip entry at 1,000 nodes by one at 100", entry_ns[1] / entry_ns[0], "≤ 1.5");
    }
}

fn line(place: &Place, name: &str, what: &str, found: f64, wanted: &str) {
    (place.say)(&format!("{name:10} {what:52} {found:12.1} {wanted:>12}"));
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

/// Starts a large cluster and measures it once it is whole; gives the time by gossip entry, 0 if it did not become so.
fn large(place: &Place, name: &str, nodes: usize, seconds: f64) -> f64 {
    let clock = place.clock();
    let mut world = ready(nodes);
    let done = |world: &World| world.formation().is_some_and(|formation| formation.done_at_us.is_some());
    while let Some(trouble) = trouble(&world, nodes).or((!done(&world)).then(String::new)) {
        world.run_for(SECOND / 10);
        if clock.seconds() > STARTING_MAX_S {
            (place.say)(&format!(
                "{name:10} {nodes} nodes were not whole after {STARTING_MAX_S} s, at {:.1} virtual s: {trouble}",
                world.now_us() as f64 / SECOND as f64
            ));
            return 0.0;
        }
    }
    let virtual_s = world.now_us() as f64 / SECOND as f64;
    let what = format!("{nodes} nodes: started, whole for {virtual_s:.1} virtual s: s");
    line(place, name, &what, clock.seconds(), "");
    let (rate, per_entry) = large_rate(place, &mut world, seconds);
    let wanted = if nodes == 1000 { place.bar("≥ 0.5", "") } else { "" };
    line(place, "", &format!("{nodes} nodes, 15,000 ms, idle: virtual s/s"), rate, wanted);
    line(place, "", "  time by gossip entry: ns", per_entry, "");
    if let Some(trouble) = trouble(&world, nodes) {
        (place.say)(&format!("{:10} the cluster was not whole any more: {trouble}", ""));
    }
    per_entry
}

/// A world in which a cluster of many nodes was formed before.
fn ready(nodes: usize) -> World {
    let setup = Setup::cluster(1, nodes / 2, 1, 15_000).formed();
    World::new(setup).expect("the setup is sound")
}

/// What keeps a world from being a whole and healthy cluster in the eyes of each of so many nodes.
fn trouble(world: &World, nodes: usize) -> Option<String> {
    if let Some(trouble) = check::trouble(world) {
        return Some(trouble);
    }
    world.setup().nodes.iter().find_map(|n| {
        let cluster = world.node(&n.name)?.cluster()?;
        let known = cluster.nodes().len();
        let doubted = cluster.nodes().iter().filter(|(_, other)| other.timed_out() || other.failed()).count();
        (known != nodes || doubted > 0).then(|| format!("{} knows {known}, and doubts {doubted}", n.name))
    })
}

/// Lets about `seconds` of real time pass and gives virtual seconds per second.
fn virtual_rate(place: &Place, world: &mut World, seconds: f64) -> f64 {
    let (virtual_s, real_s) = pass(place, world, seconds);
    virtual_s / real_s
}

/// The same, and the time by gossip entry that was sent or received, in nanoseconds.
fn large_rate(place: &Place, world: &mut World, seconds: f64) -> (f64, f64) {
    let entries = |world: &World| -> u64 {
        let nodes = &world.setup().nodes;
        let done = nodes.iter().filter_map(|n| world.node(&n.name)).map(|node| node.work_done());
        done.map(|work| work[Work::GossipEntries as usize]).sum()
    };
    let before = entries(world);
    let (virtual_s, real_s) = pass(place, world, seconds);
    (virtual_s / real_s, real_s * 1e9 / (entries(world) - before).max(1) as f64)
}

/// Lets about `seconds` of real time pass; gives the virtual and the real seconds that did.
fn pass(place: &Place, world: &mut World, seconds: f64) -> (f64, f64) {
    let (clock, began) = (place.clock(), world.now_us());
    while clock.seconds() < seconds {
        world.run_for(SECOND / 10);
    }
    ((world.now_us() - began) as f64 / SECOND as f64, clock.seconds())
}

/// A whole drill: a cluster is formed and written to, a master dies, its replica takes over, it comes back, and nothing that was
/// acknowledged before is missing.
fn drill_ms(place: &Place, seed: i32) -> f64 {
    let clock = place.clock();
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
    clock.seconds() * 1e3
}
