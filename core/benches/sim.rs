//! How fast the simulator runs, natively: `cargo xtask bench sim`, or some of it by name:
//! `cargo bench --package vitrine-core --bench sim -- idle drill`. What is measured stands in `measured/sim.rs`.
//!
//! Nothing but the measuring itself looks at a real clock; where the system says how long this process has had a processor, that is the
//! time that counts, for a shared machine says little by the clock on its wall.

mod measured;

use measured::Place;
use std::sync::OnceLock;
use std::time::Instant;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let place = Place { seconds, memory: Vec::new, say: |line| println!("{line}"), tab: false };
    measured::sim::run(&place, &wants);
}

/// How long this process has had a processor; the clock on the wall where the system does not say.
fn seconds() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let text = std::fs::read_to_string("/proc/self/schedstat").ok();
    let busy_ns = text.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    busy_ns.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns as f64 / 1e9)
}
