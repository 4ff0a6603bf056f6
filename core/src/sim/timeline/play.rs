//! Playing a run again, so that it is the same to the last byte.

use crate::sim::chunks::Chunks;
use crate::sim::fault::ActionRecord;
use crate::sim::queue::Ev;
use crate::sim::trace::Life;
use crate::sim::world::{Step, StepKind, World};

impl World {
    /// One thing more of a run that had these actions: the next event, or the action whose place is before it. `None` if nothing
    /// happens up to `until_us`.
    pub(crate) fn play_one(&mut self, actions: &Chunks<ActionRecord>, until_us: u64) -> Option<Step> {
        let Some(next) = actions.get(self.actions.len()) else { return self.step_until(until_us) };
        if self.events < next.after_events
            && let Some(step) = self.step_until(until_us.min(next.at_us))
        {
            return Some(step);
        }
        if next.at_us > until_us {
            return None;
        }
        self.s.now_us = self.s.now_us.max(next.at_us);
        let action = next.action.clone();
        // It made sense in this state once, so it does again.
        self.act(action).ok()?;
        Some(Step { at_us: self.s.now_us, what: StepKind::Action })
    }

    /// Lets time pass to an instant up to which nothing more happens.
    pub(crate) fn pass_to(&mut self, at_us: u64) {
        self.s.now_us = self.s.now_us.max(at_us);
    }

    /// Throws away what clients have printed and received and nobody has taken.
    pub(crate) fn forget_output(&mut self) {
        for client in 0..self.clients.len() as u32 {
            self.take_terminal_output(client);
            self.take_replies(client);
        }
    }

    /// Takes entries off the queue that have lost their object and are due. Running up to an instant has done that already; a
    /// replay, which stops behind the last event before an action, has not, and the action is to find the same queue.
    pub(crate) fn skip_stale(&mut self) {
        let now_us = self.s.now_us;
        while let Some((at_us, ev)) =
            self.s.peek().filter(|&(at_us, ev)| at_us <= now_us && self.is_stale(at_us, ev))
        {
            self.s.pop_until(at_us);
            match ev {
                Ev::Wake { node } => {
                    self.wake(node);
                }
                Ev::Free { node } => {
                    self.free(node);
                }
                _ => {}
            }
        }
        self.s.now_us = now_us;
    }

    /// Whether an entry of the queue is no event.
    fn is_stale(&self, at_us: u64, ev: Ev) -> bool {
        match ev {
            Ev::Wake { node } => {
                let process = &self.procs[node as usize];
                let due = process.node.as_ref().and_then(|n| n.poll_timeout());
                process.wake_at_us != Some(at_us)
                    || process.life != Life::Running
                    || process.busy(at_us)
                    || due.and_then(|mono| process.clock.virtual_us(mono)).is_none_or(|due| due > at_us)
            }
            Ev::Free { node } => {
                let process = &self.procs[node as usize];
                process.free_at_us != Some(at_us)
                    || process.life != Life::Running
                    || process.busy_until_us > at_us
            }
            Ev::Writeback { node } => self.procs[node as usize].disk.writeback_at_us != Some(at_us),
            Ev::Client { client, generation } => !self.clients[client as usize].link.timer_is(generation),
            Ev::FaultOver { fault } => self.faults.get(fault).is_none(),
            Ev::Restart { node } => {
                let process = &self.procs[node as usize];
                process.restart.as_ref().is_none_or(|restart| {
                    process.life.has_process() && restart.kill_at_us.is_none_or(|kill| kill > at_us)
                })
            }
            _ => false,
        }
    }
}
