//! The one queue of a world: what happens next, and after it.
//!
//! Events are ordered by (virtual time, sequence number). The sequence number is given when an event is put in, so two
//! events of one instant happen in the order in which they were caused, on every platform. An event is small and `Copy`;
//! what it is about lies in the network, the disk or the client that it names, under a reference with a generation, so
//! that an event which has lost its object (a connection that is gone, a timer that was moved) is recognised and skipped.

use crate::rng::Rng;
use crate::sim::trace::Trace;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Names a connection of the simulated network; the generation tells a reused place from the connection that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnRef {
    /// The place in the table of connections.
    pub index: u32,
    /// How many connections had this place before.
    pub generation: u32,
}

/// What can come up in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ev {
    /// A node's own timer.
    Wake { node: u32 },
    /// A node's processor is done with a turn.
    Free { node: u32 },
    /// The first segment of a direction of a connection arrives (0: from the opener, 1: to it).
    Arrive { conn: ConnRef, dir: u8 },
    /// A sender tries again what was lost on a cut link.
    Retransmit { conn: ConnRef, dir: u8 },
    /// Room in the kernel's send buffer: what the process has queued moves on.
    Writable { conn: ConnRef, dir: u8 },
    /// A SYN reaches the host it was sent to.
    Syn { conn: ConnRef },
    /// The answer to a SYN comes back: accepted or refused.
    SynAnswer { conn: ConnRef, refused: bool },
    /// A name did not resolve.
    Unreachable { conn: ConnRef },
    /// A RST arrives at one end (0 the opener, 1 the acceptor).
    Reset { conn: ConnRef, side: u8 },
    /// The keepalive probes of one end had no answer for long enough.
    Keepalive { conn: ConnRef, side: u8 },
    /// A disk operation is done.
    Disk { node: u32, op: u32 },
    /// The kernel writes dirty pages back by itself.
    Writeback { node: u32 },
    /// The time of a fault has come.
    FaultOver { fault: u32 },
    /// The supervisor of a node looks whether the process that it restarts has ended.
    Restart { node: u32 },
    /// A client's own timer.
    Client { client: u32, generation: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The instant in the upper half and the sequence number in the lower: one comparison without a branch, of which a large world
    /// makes a dozen for each event.
    key: u128,
    ev: Ev,
}

impl Entry {
    fn new(at_us: u64, sequence: u64, ev: Ev) -> Entry {
        Entry { key: u128::from(at_us) << 64 | u128::from(sequence), ev }
    }

    fn at_us(&self) -> u64 {
        (self.key >> 64) as u64
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first; the earliest is to be first.
        other.key.cmp(&self.key)
    }
}

/// Virtual time, the queue, the generator of random numbers and the trace: what every part of a world needs at hand.
#[derive(Clone)]
pub(crate) struct Sched {
    /// The present virtual instant in microseconds.
    pub now_us: u64,
    /// The world's one generator.
    pub rng: Rng,
    /// What has happened.
    pub trace: Trace,
    sequence: u64,
    heap: BinaryHeap<Entry>,
}

impl Sched {
    pub fn new(seed: u64) -> Sched {
        Sched {
            now_us: 0,
            rng: Rng::new(seed),
            trace: Trace::new(seed),
            sequence: 0,
            heap: BinaryHeap::new(),
        }
    }

    /// Puts an event in; one in the past happens now.
    pub fn at(&mut self, at_us: u64, ev: Ev) {
        self.sequence += 1;
        self.heap.push(Entry::new(at_us.max(self.now_us), self.sequence, ev));
    }

    /// Puts an event in, `delay_us` from now.
    pub fn after(&mut self, delay_us: u64, ev: Ev) {
        self.at(self.now_us.saturating_add(delay_us), ev);
    }

    /// The instant of the first event.
    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(Entry::at_us)
    }

    /// The first entry and its instant.
    pub fn peek(&self) -> Option<(u64, Ev)> {
        self.heap.peek().map(|e| (e.at_us(), e.ev))
    }

    /// The first event, if it is due by `until_us`; time moves on to it.
    pub fn pop_until(&mut self, until_us: u64) -> Option<Ev> {
        if self.heap.peek()?.at_us() > until_us {
            return None;
        }
        let entry = self.heap.pop()?;
        self.now_us = entry.at_us();
        Some(entry.ev)
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_they_were_put_in() {
        let mut s = Sched::new(1);
        for node in 0..50 {
            s.at(if node % 2 == 0 { 20 } else { 10 }, Ev::Wake { node });
        }
        let mut seen = Vec::new();
        while let Some(Ev::Wake { node }) = s.pop_until(u64::MAX) {
            seen.push((s.now_us, node));
        }
        let mut want: Vec<(u64, u32)> = (0..50).map(|n| (if n % 2 == 0 { 20 } else { 10 }, n)).collect();
        want.sort();
        assert_eq!(seen, want);
    }

    #[test]
    fn time_never_goes_back() {
        let mut s = Sched::new(1);
        s.at(100, Ev::Wake { node: 0 });
        s.pop_until(1000);
        s.at(50, Ev::Wake { node: 1 });
        assert_eq!(s.next_at(), Some(100));
    }
}
