//! What time travel costs, natively: `cargo xtask bench travel`, or `cargo bench --package vitrine-core --bench travel -- 600`, with the
//! seconds of the run. What is measured stands in `measured/travel.rs`. Nothing but the measuring here looks at a real clock.

mod measured;

use measured::Place;
use std::sync::OnceLock;
use std::time::Instant;

fn main() {
    let seconds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(600);
    let place = Place { seconds: now, memory: resident, say: |line| println!("{line}"), tab: false };
    measured::travel::run(&place, seconds);
}

fn now() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// What the whole process has in memory, and had at the most, where the system says so.
fn resident() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}
