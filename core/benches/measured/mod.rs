//! What the benchmarks of the simulator measure, wherever they run: natively (`core/benches/sim.rs`, `core/benches/travel.rs`) and in
//! Chromium's worker (`tests/sim_bench.rs`). The worlds and what is done to them are the same; clock, memory and the place where lines go
//! differ, so they come from outside, as a [`Place`].

#![allow(dead_code)] // each program measures one of the two, or both

pub mod sim;
pub mod travel;

/// A virtual second, in virtual microseconds.
const SECOND: u64 = 1_000_000;

/// Where the measuring happens.
pub struct Place {
    /// A clock, in seconds; where it begins does not matter.
    pub seconds: fn() -> f64,
    /// What this program has in memory, where the system says so.
    pub memory: fn() -> Vec<String>,
    /// Prints a line.
    pub say: fn(&str),
    /// Whether this is a tab of a browser: what is to be reached differs.
    pub tab: bool,
}

impl Place {
    /// What is to be reached here, of what is to be reached natively and in a tab.
    fn bar<'a>(&self, native: &'a str, tab: &'a str) -> &'a str {
        if self.tab { tab } else { native }
    }

    /// Begins to take the time.
    fn clock(&self) -> Clock {
        Clock { seconds: self.seconds, began: (self.seconds)() }
    }
}

/// The time since some instant.
struct Clock {
    seconds: fn() -> f64,
    began: f64,
}

impl Clock {
    fn seconds(&self) -> f64 {
        (self.seconds)() - self.began
    }
}
