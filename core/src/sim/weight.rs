//! How much memory a checkpoint of a world costs.
//!
//! There is no allocator to ask that would answer alike on every platform. So it is reckoned: two states of a world are laid side by side,
//! and what one of them has and the other does not share is counted. What is shared is found by address, chunk by chunk, so
//! the cost of looking grows with what differs.

use crate::host::Input;
use crate::sim::process::Process;
use crate::sim::trace::TraceRecord;
use crate::sim::view::TapeChange;
use crate::sim::world::World;

/// What an action, a line or a record takes besides its text, at the most.
const ENTRY_LEN: usize = 200;
/// What the ledger takes of its own in each state: its writes lie in shared chunks.
const LEDGER_LEN: usize = 64 << 10;
/// What an entry of the queue takes.
const QUEUE_ENTRY_LEN: usize = 40;

impl Process {
    fn unshared(&self, other: Option<&Process>) -> usize {
        let nodes = (self.node.as_deref(), other.and_then(|other| other.node.as_deref()));
        let pending = self.pending.iter().map(|(input, _)| match input {
            Input::Received { bytes, .. } => ENTRY_LEN + bytes.len(),
            _ => ENTRY_LEN,
        });
        let none = crate::sim::chunks::Chunks::default();
        let log = self.log.unshared(other.map_or(&none, |other| &other.log));
        size_of::<Process>()
            + nodes.0.map_or(0, |node| node.unshared(nodes.1))
            + self.disk.unshared(other.map(|other| &other.disk))
            + pending.sum::<usize>()
            + log.map(|line| size_of_val(line) + line.text.len()).sum::<usize>()
    }
}

impl World {
    /// Bytes of memory, about, that this state keeps alive and `other`, an earlier or later state of the same run, does not;
    /// all of them without one.
    pub fn unshared(&self, other: Option<&World>) -> usize {
        let none = Default::default();
        let actions = match other {
            Some(other) => {
                self.actions.unshared(&other.actions).map(|a| ENTRY_LEN + a.action.heap_len()).sum()
            }
            None => self.actions_len,
        };
        let records = self.s.trace.unshared(other.map(|other| &other.s.trace));
        let tape = self.tape.unshared(other.map_or(&none, |other| &other.tape));
        let processes = self.procs.iter().enumerate();
        size_of::<World>()
            + self.s.len() * QUEUE_ENTRY_LEN
            + self.net.unshared(other.map(|other| &other.net))
            + processes.map(|(at, p)| p.unshared(other.and_then(|o| o.procs.get(at)))).sum::<usize>()
            + self.clients.iter().map(|client| client.weight()).sum::<usize>()
            + if self.ledger().is_some() { LEDGER_LEN } else { 0 }
            + actions
            + tape * (size_of::<TapeChange>() + ENTRY_LEN)
            + records * (size_of::<TraceRecord>() + ENTRY_LEN / 2)
    }
}
