//! A world run from its seed and a list of actions, to its trace hash: in the page beside the world that is shown, and natively
//! by the test that both give the same hash.

use crate::model::Fault;
use crate::protocol::{Scenario, TimedAction};
use vitrine_core::sim::disk::Unsynced;
use vitrine_core::sim::fault::{self, Action, Link, Scope, Shape, Target};
use vitrine_core::sim::setup::Setup;
use vitrine_core::sim::world::World;

/// Reads a seed: up to 16 hexadecimal digits; anything else is hashed, so that a word is a seed too.
pub fn seed_of(text: &str) -> u64 {
    match u64::from_str_radix(text, 16) {
        Ok(seed) => seed,
        // FNV-1a.
        Err(_) => {
            text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
        }
    }
}

/// A seed as the page shows it.
pub fn seed_text(seed: u64) -> String {
    if seed <= u64::from(u32::MAX) { format!("{seed:08x}") } else { format!("{seed:016x}") }
}

/// What a fault is to the simulator.
pub fn action(fault: Fault) -> Action {
    use fault::Fault as F;
    match fault {
        Fault::Crash { node } => F::PowerLoss { node, unsynced: Unsynced::default() }.now(),
        Fault::Kill { node } => F::Kill { node }.now(),
        Fault::Shutdown { node } => F::Shutdown { node }.now(),
        Fault::Pause { node } => F::Pause { node }.now(),
        Fault::Resume { node } => Action::Resume { node },
        Fault::Restart { node } => Action::Start { node },
        Fault::Cut { from, to, one_way: true } => F::Cut { link: Link::one_way(&from, &to) }.now(),
        Fault::Cut { from, to, one_way: false } => F::Cut { link: Link::both(&from, &to) }.now(),
        Fault::HealLink { from, to } => Action::Heal { scope: Scope::Link { a: from, b: to } },
        Fault::Partition { groups } => F::Partition { shape: Shape::Groups { groups } }.now(),
        Fault::Heal => Action::Heal { scope: Scope::Network },
    }
}

/// A scenario on its way.
pub struct Run {
    world: World,
    actions: std::vec::IntoIter<TimedAction>,
    next: Option<TimedAction>,
    until_us: u64,
    terminal: Option<u32>,
}

impl Run {
    /// Begins a scenario.
    ///
    /// # Errors
    /// Actions that are not in order of time.
    pub fn new(scenario: Scenario) -> Result<Run, String> {
        if scenario.actions.windows(2).any(|w| w[0].at_us > w[1].at_us) {
            return Err("The actions are not in order of time.".into());
        }
        let world = World::new(Setup::six_nodes(seed_of(&scenario.seed)))?;
        let mut actions = scenario.actions.into_iter();
        let next = actions.next();
        Ok(Run { world, actions, next, until_us: scenario.until_us, terminal: None })
    }

    /// Lets up to `events_max` events happen; gives the hash once the end is reached.
    ///
    /// # Errors
    /// The first action that the world refuses, with why.
    pub fn go_on(&mut self, events_max: u64) -> Result<Option<String>, String> {
        let mut left = events_max;
        loop {
            let to = self.next.as_ref().map_or(self.until_us, |a| a.at_us.min(self.until_us));
            let progress = self.world.run_until_or_events(to, left);
            left = left.saturating_sub(progress.events);
            if !progress.reached {
                return Ok(None);
            }
            match self.next.take().filter(|a| a.at_us <= self.until_us) {
                Some(action) => self.act(action)?,
                None => return Ok(Some(format!("{:016x}", self.world.hash()))),
            }
            self.next = self.actions.next();
        }
    }

    fn act(&mut self, timed: TimedAction) -> Result<(), String> {
        if let Some(fault) = timed.fault {
            self.world.act(action(fault))?;
        }
        if let Some(line) = timed.line {
            let terminal = match self.terminal {
                Some(terminal) => terminal,
                None => self.world.terminal(Target::Cluster)?,
            };
            self.terminal = Some(terminal);
            self.world.type_line(terminal, &line)?;
        }
        Ok(())
    }
}

/// Runs a scenario to its end.
///
/// # Errors
/// What is wrong with it.
pub fn run(scenario: Scenario) -> Result<String, String> {
    let mut run = Run::new(scenario)?;
    loop {
        if let Some(hash) = run.go_on(u64::MAX)? {
            return Ok(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_digits_or_words() {
        assert_eq!(seed_of("5eed2f81"), 0x5eed_2f81);
        assert_eq!(seed_text(0x5eed_2f81), "5eed2f81");
        assert_eq!(seed_of(&seed_text(u64::MAX)), u64::MAX);
        assert_ne!(seed_of("hello"), seed_of("world"));
    }

    #[test]
    fn the_same_scenario_gives_the_same_hash_in_one_go_or_in_slices() {
        let scenario = || Scenario {
            seed: "7".into(),
            actions: vec![TimedAction { at_us: 1_000_000, line: Some("PING".into()), fault: None }],
            until_us: 2_000_000,
        };
        let whole = run(scenario()).unwrap();
        let mut sliced = Run::new(scenario()).unwrap();
        let hash = loop {
            if let Some(hash) = sliced.go_on(7).unwrap() {
                break hash;
            }
        };
        assert_eq!(whole, hash);
    }
}
