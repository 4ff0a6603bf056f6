//! The same once more with a difference: a run is left a moment before its last fault, something is changed there, and all that was done
//! in it afterwards is done again at the same instants, so that two futures of one seed can be compared.
//!
//! What was done names clients, terminals and faults by the number that they got. The change may have made some of its own, and an
//! action that made one may be refused in the other future; so numbers are translated on the way, and what is about something that
//! this future has not is left out. Numbers of messages mean nothing in another future.

use super::Timeline;
use crate::sim::fault::{Action, ActionRecord};
use std::collections::VecDeque;

/// How long before the fault the run is left, in virtual microseconds: a command that changes a setting has arrived by then.
const LEAD_US: u64 = 200_000;

/// What became of numbers that were given since the run was left.
#[derive(Clone, Debug, Default)]
struct Numbers {
    /// The first of them.
    first: u32,
    /// The number that it has now, in order; `None` if it could not be made.
    now: Vec<Option<u32>>,
}

impl Numbers {
    fn now(&self, then: u32) -> Option<u32> {
        match then.checked_sub(self.first) {
            None => Some(then),
            Some(at) => self.now.get(at as usize).copied().flatten(),
        }
    }
}

/// What is still to be done again. See the module.
#[derive(Clone, Debug)]
pub struct Again {
    rest: VecDeque<ActionRecord>,
    until_us: u64,
    clients: Numbers,
    faults: Numbers,
    left_out: usize,
}

impl Again {
    /// How many actions were left out because this future has not what they are about.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Goes on by no more than about `steps_max` steps. Gives whether everything is done, and time is where the run that was left ends.
    pub fn go_on(&mut self, time: &mut Timeline, steps_max: u64) -> bool {
        let mut left = steps_max;
        while left > 0 {
            let until_us = self.rest.front().map_or(self.until_us, |next| next.at_us);
            let went = time.run_until_or_events(until_us, left);
            left = left.saturating_sub(went.events.max(1));
            if !went.reached {
                return false;
            }
            match self.rest.pop_front() {
                Some(record) => self.once_more(time, record.action),
                None => return true,
            }
        }
        false
    }

    fn once_more(&mut self, time: &mut Timeline, action: Action) {
        let before = time.world().clients.len() as u32;
        let makes_fault = matches!(action, Action::Fault { .. });
        let makes_client = match &action {
            Action::OpenTerminal { .. } | Action::AddClient { .. } => true,
            // One that has ended begins again under the number that it has.
            Action::StartWorkload { name, .. } => time.world().workload_number(name).is_none(),
            _ => false,
        };
        let made = self.translated(action).and_then(|action| time.act(action).ok());
        self.left_out += usize::from(made.is_none());
        let made = made.flatten();
        if makes_fault {
            self.faults.now.push(made);
        } else if makes_client {
            self.clients.now.push(made.filter(|&made| made >= before));
        }
    }

    /// The action with the numbers that hold here; `None` if it is about something that is not here.
    fn translated(&self, mut action: Action) -> Option<Action> {
        use Action as A;
        match &mut action {
            A::TypeLine { terminal: client, .. }
            | A::Interrupt { terminal: client }
            | A::Connect { client, .. }
            | A::Send { client, .. }
            | A::Disconnect { client } => *client = self.clients.now(*client)?,
            A::EndFault { fault } => *fault = self.faults.now(*fault)?,
            A::DropMessage { .. } | A::DelayMessage { .. } | A::DuplicateMessage { .. } => return None,
            _ => {}
        }
        Some(action)
    }
}

impl Timeline {
    /// Goes back to a moment before the last fault that the present run had up to now, and gives what was done in the run from there
    /// on. Whoever acts next begins another run.
    ///
    /// # Errors
    /// Nothing was broken yet, or it was at the very beginning.
    pub fn again(&mut self) -> Result<Again, String> {
        let now_us = self.here().at_us;
        let actions = self.branches[&self.current].actions.clone();
        let mut faults =
            actions.iter().filter(|r| matches!(r.action, Action::Fault { .. }) && r.at_us <= now_us);
        let fault_us = faults.next_back().map(|r| r.at_us).ok_or("Nothing was broken in this run yet.")?;
        let first_us = self.branches[&0].checkpoints.values().next().map_or(0, |c| c.state.at_us());
        let from_us = fault_us.saturating_sub(LEAD_US).max(first_us);
        if from_us >= fault_us {
            return Err("The fault is at the very beginning of the run.".into());
        }
        let until_us = self.end().at_us;
        self.go_to(from_us);
        let world = self.world();
        let numbers = |first| Numbers { first, now: Vec::new() };
        Ok(Again {
            rest: actions.iter().skip(world.actions.len()).cloned().collect(),
            until_us,
            clients: numbers(world.clients.len() as u32),
            faults: numbers(world.faults.last_number() + 1),
            left_out: 0,
        })
    }
}
