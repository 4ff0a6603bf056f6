//! The one funnel: a command that changed data goes from here to the append-only file and to the replication stream.
//!
//! What one command (or one transaction) changed is gathered first and sent when it is over, wrapped in MULTI and EXEC if
//! it is more than one command, so that neither a replica nor a restart ever sees half of it (server.c 7.0.15,
//! `propagatePendingCommands`).

use crate::node::Node;
use crate::node::client::{OwnedArgs, borrow, own};
use crate::persist::aof::AofState;

/// A command waiting to be propagated.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The database it belongs to.
    pub db: usize,
    /// The command.
    pub args: OwnedArgs,
    /// Leave the append-only file out.
    pub replicas_only: bool,
}

impl Node {
    /// Adds a command to what the running command will propagate.
    pub(crate) fn also_propagate(&mut self, db: usize, args: OwnedArgs, replicas_only: bool) {
        if !self.loading() && self.propagates() {
            self.pending.push(Pending { db, args, replicas_only });
        }
    }

    /// Whether anybody wants to know what changes.
    fn propagates(&self) -> bool {
        self.aof.state() != AofState::Off || self.repl.backlog.is_some() || !self.repl.replicas.is_empty()
    }

    /// Propagates the command that has just run, as it was sent. On its own it needs no copy.
    pub(crate) fn propagate_as_sent(&mut self, db: usize, args: &[&[u8]], replicas_only: bool) {
        if self.loading() || !self.propagates() {
            return;
        }
        if self.call_depth == 0 && self.pending.is_empty() {
            self.propagate_now(db, args, replicas_only);
        } else {
            self.pending.push(Pending { db, args: own(args), replicas_only });
        }
    }

    /// Sends what has been gathered.
    pub(crate) fn propagate_pending(&mut self) {
        self.send_pending(true);
    }

    /// Sends what has been gathered, each command on its own: keys that a command like SCAN found past their time went for
    /// reasons of their own, and need no transaction.
    pub(crate) fn propagate_pending_singly(&mut self) {
        self.send_pending(false);
    }

    fn send_pending(&mut self, together: bool) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let transaction = together && pending.len() > 1;
        if transaction {
            self.propagate_now(pending[0].db, &[b"MULTI"], pending.iter().all(|one| one.replicas_only));
        }
        for one in &pending {
            self.propagate_now(one.db, &borrow(&one.args), one.replicas_only);
        }
        if transaction {
            let db = pending[pending.len() - 1].db;
            self.propagate_now(db, &[b"EXEC"], pending.iter().all(|one| one.replicas_only));
        }
    }

    fn propagate_now(&mut self, db: usize, args: &[&[u8]], replicas_only: bool) {
        if !replicas_only {
            self.feed_aof(db, args);
        }
        self.feed_replicas(db, args);
    }
}
