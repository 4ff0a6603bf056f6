//! The two clocks of the machine, as the node wants them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use vitrine_core::host::{Now, Stopwatch};

/// Reads both clocks; monotonic time begins when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn new() -> Clock {
        Clock { start: Instant::now() }
    }

    pub fn now(&self) -> Now {
        Now { mono_us: self.start.elapsed().as_micros() as u64, wall_us: wall_us() }
    }

    /// What the node times its commands by.
    pub fn stopwatch(&self) -> Stopwatch {
        let start = self.start;
        Stopwatch::new(move || start.elapsed().as_nanos() as u64)
    }
}

/// Microseconds since the Unix epoch.
pub fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_micros() as u64).unwrap_or(0)
}
