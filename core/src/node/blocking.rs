//! Clients that wait for keys or for replicas (blocked.c 7.0.15).
//!
//! A client that waits for keys keeps its command. When a key becomes ready the command runs again on that key alone, in the
//! order in which clients began to wait for it; if another one was faster, or the key is of another type than the command
//! is for, it goes on waiting at its place in the queue. Who waits for a group of a stream is told when the stream or the group
//! is gone (`unblockDeletedStreamReadgroupClients`).

use super::Node;
use super::client::{Blocked, ClientId, ReplyMode, borrow};
use super::process::CallKind;
use crate::command::table::Resolved;

impl Node {
    /// Whether a client's command may block it.
    pub(crate) fn may_block(&self, id: ClientId) -> bool {
        !self.in_exec && self.clients.get(&id).is_some_and(|client| !client.is_master())
    }

    /// Leaves a client waiting.
    pub(crate) fn block(&mut self, id: ClientId, blocked: Blocked) {
        if let Blocked::Keys { keys, db, .. } = &blocked {
            for key in keys {
                let queue = self.blocked_keys.entry((*db, key.clone())).or_default();
                if !queue.contains(&id) {
                    queue.push(id);
                }
            }
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.blocked = Some(blocked);
        }
    }

    /// Ends a client's waiting without a reply. Returns whether it did wait.
    pub(crate) fn unblock(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Some(blocked) = client.blocked.take() else { return false };
        if let Blocked::Keys { keys, db, .. } = &blocked {
            for key in keys {
                let place = (*db, key.clone());
                if let Some(queue) = self.blocked_keys.get_mut(&place) {
                    queue.retain(|&waiting| waiting != id);
                    if queue.is_empty() {
                        self.blocked_keys.remove(&place);
                    }
                }
            }
        }
        true
    }

    /// A key that somebody may wait for got data (`signalKeyAsReady`).
    pub(crate) fn signal_key_ready(&mut self, db: usize, key: &[u8]) {
        if self.blocked_keys.is_empty() {
            return;
        }
        let place = (db, Box::from(key));
        if self.blocked_keys.contains_key(&place) && !self.ready_keys.contains(&place) {
            self.ready_keys.push(place);
        }
    }

    /// Serves those who wait for keys that became ready (`handleClientsBlockedOnKeys`).
    pub(crate) fn handle_ready_keys(&mut self) {
        while !self.ready_keys.is_empty() {
            for place in std::mem::take(&mut self.ready_keys) {
                let waiting = self.blocked_keys.get(&place).cloned().unwrap_or_default();
                for id in waiting {
                    self.retry(id, place.0, &place.1);
                }
            }
        }
    }

    /// Runs a waiting client's command again.
    fn retry(&mut self, id: ClientId, db: usize, ready: &[u8]) {
        let gone = self.dbs[db].get(ready).is_none();
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some(Blocked::Keys { args, .. }) = &client.blocked else { return };
        let args = args.clone();
        let args = borrow(&args);
        let Resolved::Command(command) = self.renames.resolve(&args) else { return };
        if gone && command.name() != "xreadgroup" {
            return;
        }
        let mut reply = client.take_reply();
        let before = reply.len();
        self.command_time_ms = self.now.wall_ms();
        self.call(id, command, &args, &mut reply, CallKind::Retry(ready));
        let served = reply.len() > before;
        if served && self.clients.get(&id).is_some_and(|client| client.reply_mode != ReplyMode::On) {
            reply.truncate(before);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            reply.raw(&client.reply.take());
            client.reply = reply;
        }
        if served {
            self.unblock(id);
            self.wants_to_send(id);
            self.resumed.push_back(id);
        }
    }

    /// Gives those who waited too long their reply, in the order of their times, and lets clients go on whose command was
    /// served, or may run now (`handleBlockedClientsTimeout`, `processUnblockedClients`).
    pub(super) fn handle_blocked_timeouts(&mut self) {
        self.look_at_pauses();
        if !self.blocked_keys.is_empty() || !self.repl.waiting.is_empty() {
            let now_ms = self.now.wall_ms();
            let mut late: Vec<(i64, ClientId)> = self
                .clients
                .values()
                .filter_map(|client| match client.blocked {
                    Some(
                        Blocked::Keys { deadline_ms: Some(deadline), .. }
                        | Blocked::Replicas { deadline_ms: Some(deadline), .. },
                    ) if deadline <= now_ms => Some((deadline, client.id)),
                    _ => None,
                })
                .collect();
            late.sort_unstable();
            for (_, id) in late {
                self.time_out(id);
                self.resumed.push_back(id);
            }
        }
        // What one of them runs may stall the node or free others.
        while !self.stalled()
            && let Some(id) = self.resumed.pop_front()
        {
            self.resume_client(id);
        }
    }

    /// Gives a waiting client what it gets when its time is over.
    pub(crate) fn time_out(&mut self, id: ClientId) {
        let Some(blocked) = self.clients.get(&id).and_then(|client| client.blocked.clone()) else { return };
        self.unblock(id);
        match blocked {
            // BLMOVE too, although it answers a plain null when it may not wait (`replyToBlockedClientOnTimeout`).
            Blocked::Keys { .. } => self.reply_to(id, |reply| reply.null_array()),
            Blocked::Replicas { offset, .. } => {
                self.repl.waiting.retain(|&waiting| waiting != id);
                let count = self.replicas_at(offset);
                self.reply_to(id, |reply| reply.integer(count));
            }
            Blocked::Paused { .. }
            | Blocked::Save
            | Blocked::Migrate
            | Blocked::Reload
            | Blocked::ConfigRewrite
            | Blocked::Shutdown => {}
        }
    }

    /// Tells clients that wait for keys or replicas that this node is no master any more (`disconnectAllBlockedClients`).
    pub(crate) fn disconnect_blocked_clients(&mut self) {
        let waiting: Vec<ClientId> = self
            .clients
            .values()
            .filter(|client| matches!(client.blocked, Some(Blocked::Keys { .. } | Blocked::Replicas { .. })))
            .map(|client| client.id)
            .collect();
        for id in waiting {
            self.unblock(id);
            self.repl.waiting.retain(|&other| other != id);
            self.reply_to(id, |reply| {
                reply.error(
                    "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                );
            });
            if let Some(client) = self.clients.get_mut(&id) {
                client.close_after_reply = true;
            }
        }
    }
}
