//! Who looks over a world's shoulder: the [`Ledger`] and the [`Checker`].
//!
//! The world tells both what passes the boundary of a node. They never change a run: what a node tells an observer alone is no
//! part of the trace, and the hash is the same whether they are there or not.

use super::LAB;
use crate::event::Event;
use crate::host::{ConnId, DiskRequest, OpId};
use crate::node::Node;
use crate::sim::check::{Checker, Checks, Violation};
use crate::sim::disk::{Completion, Unsynced};
use crate::sim::ledger::{End, Ledger};
use crate::sim::queue::ConnRef;
use crate::sim::world::World;
use std::rc::Rc;

/// What watches a world.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    pub ledger: Option<Box<Ledger>>,
    pub checker: Option<Box<Checker>>,
    /// The bug that all nodes have.
    pub planted: crate::planted::Planted,
}

impl Watch {
    /// Whether anybody watches.
    #[inline]
    pub fn on(&self) -> bool {
        LAB && (self.ledger.is_some() || self.checker.is_some())
    }
}

impl World {
    /// Keeps a ledger of the writes from now on, or drops it. Never changes the run.
    pub fn keep_ledger(&mut self, on: bool) {
        if !on {
            self.watch.ledger = None;
        } else if self.watch.ledger.is_none() {
            let mut ledger = Ledger::new(self.procs.len());
            ledger.at(self.s.now_us, self.s.trace.last_id());
            for (index, process) in self.procs.iter().enumerate() {
                if let Some(node) = &process.node {
                    ledger.adopt(index as u32, node, &process.disk, self.master_of(node));
                }
            }
            self.watch.ledger = Some(Box::new(ledger));
        }
        self.tell_nodes();
    }

    /// The ledger, if one is kept.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.watch.ledger.as_deref()
    }

    /// Checks invariants from now on, or no longer. Never changes the run.
    pub fn check(&mut self, checks: Option<Checks>) {
        self.watch.checker = checks.map(|checks| Box::new(Checker::new(checks, self.procs.len())));
        self.tell_nodes();
    }

    /// What was found broken, oldest first; the first of them.
    pub fn violations(&self) -> &[Violation] {
        self.watch.checker.as_ref().map_or(&[], |checker| checker.violations())
    }

    /// Checks at once what is only sampled otherwise: replicas at their master's offset have its data, and files that are
    /// complete bring back what is in memory.
    pub fn check_now(&mut self) {
        let masters: Vec<Option<u32>> =
            self.procs.iter().map(|p| self.master_of(p.node.as_deref()?)).collect();
        if let Some(checker) = &mut self.watch.checker {
            checker.at(self.s.now_us, self.s.trace.last_id());
            checker.now(&self.procs, &masters);
        }
    }

    /// Gives all nodes a bug, for a test of the checkers.
    #[cfg(feature = "planted")]
    pub fn plant(&mut self, bug: crate::planted::Bug) {
        self.watch.planted = crate::planted::Planted::with(bug);
        for node in self.procs.iter_mut().filter_map(|process| process.node.as_mut()) {
            Rc::make_mut(node).planted = self.watch.planted;
        }
    }

    fn tell_nodes(&mut self) {
        let on = self.watch.on();
        for node in self.procs.iter_mut().filter_map(|process| process.node.as_mut()) {
            Rc::make_mut(node).observe(on);
        }
    }

    /// The number of the node that a replica follows.
    fn master_of(&self, node: &Node) -> Option<u32> {
        self.net.resolve(&node.repl.master.as_ref()?.host)
    }

    fn ledger_now(&mut self) -> Option<&mut Ledger> {
        let now = (self.s.now_us, self.s.trace.last_id());
        let ledger = self.watch.ledger.as_deref_mut()?;
        ledger.at(now.0, now.1);
        Some(ledger)
    }

    /// A node has told of a change of data.
    pub(crate) fn watch_change(&mut self, index: u32, node: &Node, event: &Event) {
        let client = match event {
            Event::Executed(executed) => {
                let end = self.net.lookup(index, crate::host::ConnId(executed.conn));
                end.and_then(|(conn, side)| Some((conn, self.net.client_at(conn, 1 - side)?)))
            }
            _ => None,
        };
        let now = (self.s.now_us, self.s.trace.last_id());
        let disk = &self.procs[index as usize].disk;
        if let (Some(checker), Event::Executed(executed)) = (&mut self.watch.checker, event) {
            checker.executed(index, node, disk, executed);
        }
        let Some(ledger) = &mut self.watch.ledger else { return };
        ledger.at(now.0, now.1);
        match event {
            Event::Executed(executed) => ledger.executed(index, node, disk, executed, client),
            Event::Applied { offset, aof_end } => ledger.applied(index, node, disk, *offset, *aof_end),
            _ => {}
        }
    }

    pub(crate) fn watch_event(&mut self, index: u32, node: &Node, event: &Event) {
        let now = (self.s.now_us, self.s.trace.last_id());
        let disk = &self.procs[index as usize].disk;
        if let Some(ledger) = &mut self.watch.ledger {
            ledger.at(now.0, now.1);
            ledger.event(index, node, disk, event);
        }
        if let Some(checker) = &mut self.watch.checker {
            checker.at(now.0, now.1);
            checker.event(&self.procs, index, node, event);
        }
    }

    /// Bytes leave a node.
    pub(crate) fn watch_send(&mut self, index: u32, reference: ConnRef, side: usize, bytes: &[u8]) {
        let now = (self.s.now_us, self.s.trace.last_id());
        if let Some(checker) = &mut self.watch.checker {
            checker.at(now.0, now.1);
            let to = self.net.host_at(reference, 1 - side).unwrap_or(u32::MAX);
            checker.sent(&self.procs, index, to, bytes);
        }
        if self.net.client_at(reference, 1 - side).is_some()
            && let Some(ledger) = self.ledger_now()
        {
            ledger.sent(reference, bytes.len());
        }
    }

    /// A node gives out bytes for a connection.
    pub(crate) fn watch_answer(&mut self, index: u32, conn: ConnId) {
        let now = (self.s.now_us, self.s.trace.last_id());
        if let Some(checker) = &mut self.watch.checker {
            checker.at(now.0, now.1);
            checker.answered(&self.procs, index, conn);
        }
    }

    /// Bytes have reached a client, by one of its connections.
    pub(crate) fn watch_reply(&mut self, conn: Option<ConnRef>, len: usize) {
        if let (Some(conn), Some(ledger)) = (conn, self.ledger_now()) {
            ledger.received(conn, len);
        }
    }

    pub(crate) fn watch_disk(&mut self, index: u32, node: &Node, op: OpId, request: &DiskRequest) {
        if let Some(ledger) = self.ledger_now() {
            ledger.asked(index, node, op, request);
        }
    }

    pub(crate) fn watch_disk_done(&mut self, index: u32, done: &Completion) {
        let now = (self.s.now_us, self.s.trace.last_id());
        let process = &self.procs[index as usize];
        if let Some(checker) = &mut self.watch.checker
            && done.process == process.starts
        {
            checker.disk_done(index, &process.disk, done);
        }
        let error = done.result.as_ref().err().copied();
        if let Some(ledger) = &mut self.watch.ledger
            && done.process == process.starts
        {
            ledger.at(now.0, now.1);
            ledger.done(index, &process.disk, done.id, done.op, &done.path, error);
        }
    }

    /// A node's turn is over.
    pub(crate) fn watch_turn(&mut self, index: u32, node: &Node) {
        let follows = self.master_of(node);
        let now = (self.s.now_us, self.s.trace.last_id());
        if let Some(checker) = &mut self.watch.checker {
            checker.at(now.0, now.1);
            checker.turn(&self.procs, index, node, follows, self.faults.len() == 0);
        }
        if let Some(ledger) = &mut self.watch.ledger {
            ledger.at(now.0, now.1);
            ledger.look(index, node, follows);
            if ledger.trim_due() {
                let net = &self.net;
                ledger.trim(&self.procs, |conn| {
                    net.client_at(conn, 0).is_some() || net.client_at(conn, 1).is_some()
                });
            }
        }
    }

    /// A process begins; what its files would bring back is compared with what the last one left.
    pub(crate) fn watch_start(&mut self, index: u32) {
        let now = (self.s.now_us, self.s.trace.last_id());
        if let Some(node) = &mut self.procs[index as usize].node {
            let node = Rc::make_mut(node);
            node.observe(true);
            node.planted = self.watch.planted;
        }
        if let Some(checker) = &mut self.watch.checker {
            checker.started(index);
        }
        if let Some(ledger) = &mut self.watch.ledger {
            ledger.at(now.0, now.1);
            ledger.disk_changed(index, &self.procs[index as usize].disk, End::Wiped);
        }
    }

    /// A process is over.
    pub(crate) fn watch_end(&mut self, index: u32) {
        let now = (self.s.now_us, self.s.trace.last_id());
        let process = &self.procs[index as usize];
        if let Some(ledger) = &mut self.watch.ledger {
            ledger.at(now.0, now.1);
            ledger.process_ended(index, &process.life, &process.disk);
        }
    }

    pub(crate) fn watch_power_loss(&mut self, index: u32, unsynced: Unsynced) {
        let now = (self.s.now_us, self.s.trace.last_id());
        if let Some(ledger) = &mut self.watch.ledger {
            ledger.at(now.0, now.1);
            ledger.disk_changed(index, &self.procs[index as usize].disk, End::Power(unsynced));
        }
    }
}
