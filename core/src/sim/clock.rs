//! The clocks of a host: how virtual time shows on them.
//!
//! A host has a wall clock, which may jump, and a monotonic one, which may not; both run at the rate of its oscillator. A
//! rate other than 1 is a clock that drifts; 0 is one that has stopped. Timers run on the monotonic clock, so they stop with it; a wall
//! clock that stops alone (a broken time service, a guest that lost its source of time) leaves them running.

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
    mono_rate_ppm: u64,
    wall_rate_ppm: u64,
}

/// How much a clock of some rate goes on while `passed_us` pass.
fn elapsed(passed_us: u64, rate_ppm: u64) -> u64 {
    if rate_ppm == RATE_ONE {
        return passed_us;
    }
    u64::try_from(u128::from(passed_us) * u128::from(rate_ppm) / u128::from(RATE_ONE)).unwrap_or(u64::MAX)
}

impl Clock {
    pub fn new(now_us: u64, wall_us: u64) -> Clock {
        let (mono_us, mono_rate_ppm, wall_rate_ppm) = (MONO_ORIGIN_US + now_us, RATE_ONE, RATE_ONE);
        Clock { since_us: now_us, mono_us, wall_us, mono_rate_ppm, wall_rate_ppm }
    }

    /// The rate of the wall clock.
    pub fn rate_ppm(&self) -> u64 {
        self.wall_rate_ppm
    }

    /// What the clocks show at a virtual instant.
    pub fn now(&self, now_us: u64) -> Now {
        let passed = now_us.saturating_sub(self.since_us);
        Now {
            mono_us: self.mono_us.saturating_add(elapsed(passed, self.mono_rate_ppm)),
            wall_us: self.wall_us.saturating_add(elapsed(passed, self.wall_rate_ppm)),
        }
    }

    /// The first virtual instant at which the monotonic clock shows `mono_us`; `None` if it never will.
    pub fn virtual_us(&self, mono_us: u64) -> Option<u64> {
        let ahead = mono_us.saturating_sub(self.mono_us);
        if self.mono_rate_ppm == RATE_ONE {
            return Some(self.since_us.saturating_add(ahead));
        }
        if self.mono_rate_ppm == 0 {
            return None;
        }
        let needed = (u128::from(ahead) * u128::from(RATE_ONE)).div_ceil(u128::from(self.mono_rate_ppm));
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

    /// Changes the rates, in millionths of the true one.
    pub fn set_rates(&mut self, now_us: u64, mono_ppm: u64, wall_ppm: u64) {
        self.settle(now_us);
        (self.mono_rate_ppm, self.wall_rate_ppm) = (mono_ppm, wall_ppm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_drifts_and_jumps() {
        let mut clock = Clock::new(0, 1_000_000);
        clock.set_rates(1_000, 300_000, 300_000);
        assert_eq!(clock.now(11_000).wall_us, 1_000_000 + 1_000 + 3_000);
        let mono = clock.now(11_000).mono_us;
        clock.jump(11_000, -500_000);
        assert_eq!(clock.now(11_000), Now { mono_us: mono, wall_us: 504_000 });
        let at = clock.virtual_us(mono + 3_000).unwrap();
        assert_eq!(at, 21_000);
        assert!(clock.now(at).mono_us >= mono + 3_000 && clock.now(at - 1).mono_us < mono + 3_000);
        clock.set_rates(30_000, 0, 0);
        assert_eq!(clock.virtual_us(u64::MAX / 2), None);
        assert_eq!(clock.now(30_000), clock.now(90_000));
    }

    #[test]
    fn a_wall_clock_can_stand_still_alone() {
        let mut clock = Clock::new(0, 5_000_000);
        clock.set_rates(1_000, RATE_ONE, 0);
        let (then, later) = (clock.now(1_000), clock.now(9_000));
        assert_eq!((later.wall_us, later.mono_us), (then.wall_us, then.mono_us + 8_000));
        assert_eq!(clock.virtual_us(later.mono_us), Some(9_000), "timers go on");
        clock.jump(9_000, 700);
        clock.set_rates(10_000, RATE_ONE, RATE_ONE);
        assert_eq!(clock.now(12_000).wall_us, then.wall_us + 700 + 2_000, "what was missed stays missed");
    }
}
