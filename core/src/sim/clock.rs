//! The clocks of a host: how virtual time shows on them.
//!
//! A host has a wall clock, which may jump, and a monotonic one, which may not; both run at the rate of its oscillator. A
//! rate other than 1 is a clock that drifts; 0 is one that has stopped, and with it every timer of the process.

use crate::host::Now;

/// One, as a rate in millionths.
pub(crate) const RATE_ONE: u64 = 1_000_000;

/// Monotonic clocks begin here, in microseconds: a process never sees an uptime of 0.
const MONO_ORIGIN_US: u64 = 3_600_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    since_us: u64,
    mono_us: u64,
    wall_us: u64,
    rate_ppm: u64,
}

impl Clock {
    pub fn new(now_us: u64, wall_us: u64) -> Clock {
        Clock { since_us: now_us, mono_us: MONO_ORIGIN_US + now_us, wall_us, rate_ppm: RATE_ONE }
    }

    pub fn rate_ppm(&self) -> u64 {
        self.rate_ppm
    }

    fn elapsed(&self, now_us: u64) -> u64 {
        let passed = now_us.saturating_sub(self.since_us);
        if self.rate_ppm == RATE_ONE {
            return passed;
        }
        u64::try_from(u128::from(passed) * u128::from(self.rate_ppm) / u128::from(RATE_ONE))
            .unwrap_or(u64::MAX)
    }

    /// What the clocks show at a virtual instant.
    pub fn now(&self, now_us: u64) -> Now {
        let elapsed = self.elapsed(now_us);
        Now { mono_us: self.mono_us + elapsed, wall_us: self.wall_us + elapsed }
    }

    /// The first virtual instant at which the monotonic clock shows `mono_us`; `None` if it never will.
    pub fn virtual_us(&self, mono_us: u64) -> Option<u64> {
        let ahead = mono_us.saturating_sub(self.mono_us);
        if self.rate_ppm == RATE_ONE {
            return Some(self.since_us.saturating_add(ahead));
        }
        if self.rate_ppm == 0 {
            return None;
        }
        let needed = (u128::from(ahead) * u128::from(RATE_ONE)).div_ceil(u128::from(self.rate_ppm));
        Some(self.since_us.saturating_add(u64::try_from(needed).unwrap_or(u64::MAX)))
    }

    fn settle(&mut self, now_us: u64) {
        let now = self.now(now_us);
        (self.since_us, self.mono_us, self.wall_us) = (now_us, now.mono_us, now.wall_us);
    }

    /// Sets the wall clock forward or back.
    pub fn jump(&mut self, now_us: u64, delta_us: i64) {
        self.settle(now_us);
        self.wall_us = self.wall_us.saturating_add_signed(delta_us);
    }

    /// Changes the rate, in millionths of the true one.
    pub fn drift(&mut self, now_us: u64, rate_ppm: u64) {
        self.settle(now_us);
        self.rate_ppm = rate_ppm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_drifts_and_jumps() {
        let mut clock = Clock::new(0, 1_000_000);
        clock.drift(1_000, 300_000);
        assert_eq!(clock.now(11_000).wall_us, 1_000_000 + 1_000 + 3_000);
        let mono = clock.now(11_000).mono_us;
        clock.jump(11_000, -500_000);
        assert_eq!(clock.now(11_000), Now { mono_us: mono, wall_us: 504_000 });
        let at = clock.virtual_us(mono + 3_000).unwrap();
        assert_eq!(at, 21_000);
        assert!(clock.now(at).mono_us >= mono + 3_000 && clock.now(at - 1).mono_us < mono + 3_000);
        clock.drift(30_000, 0);
        assert_eq!(clock.virtual_us(u64::MAX / 2), None);
        assert_eq!(clock.now(30_000), clock.now(90_000));
    }
}
