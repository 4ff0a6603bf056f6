//! How fast the simulator runs: `cargo xtask bench sim`, or `cargo bench --package vitrine-core --bench sim -- idle drill`.
//!
//! What is measured is virtual seconds per second of real time, of worlds as people will run them, and the real time of a whole
//! drill. Each line says what it should reach at the least. Nothing but the measuring here looks at a real clock.

use std::time::Instant;
use vitrine_core::sim::{Setup, World};

const SECOND: u64 = 1_000_000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if wants("idle") {
        let mut world = formed(Setup::six_nodes(1));
        let rate = virtual_rate(&mut world, 2.0);
        println!("idle      six nodes, node timeout 5,000 ms, idle: {rate:.0} virtual s/s (at least 5,000)");
    }
    for (name, nodes) in [("30", 30), ("100", 100), ("200", 200)] {
        if wants(name) {
            let start = Instant::now();
            let mut world = formed(Setup::cluster(1, nodes / 2, 1, 15_000));
            let (forming, at) = (start.elapsed().as_secs_f64(), world.now_us() / SECOND);
            world.run_for(20 * SECOND);
            let rate = virtual_rate(&mut world, 2.0);
            println!("{name:9} {nodes} nodes: formed at {at} s in {forming:.1} s; {rate:.1} virtual s/s");
        }
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
