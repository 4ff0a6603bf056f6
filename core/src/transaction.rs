//! Transactions: MULTI's queue, WATCH's guard, EXEC's run (multi.c 7.0.15).

use crate::command::table::{CommandId, Resolved};
use crate::node::Node;
use crate::node::client::{ClientId, Multi, borrow, own};
use crate::node::process::CallKind;
use crate::resp::reply::Reply;

impl Node {
    /// Queues a command of an open transaction. Nothing more is queued once EXEC is bound to fail.
    pub(crate) fn queue_command(&mut self, id: ClientId, command: CommandId, args: &[&[u8]]) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let doomed = client.cas_dirty;
        let Some(multi) = &mut client.multi else { return };
        if multi.aborted || doomed {
            return;
        }
        multi.flags |= command.flags();
        multi.inverse_flags |= !command.flags();
        multi.memory += args.iter().map(|arg| arg.len() + size_of::<Box<[u8]>>()).sum::<usize>();
        multi.commands.push(own(args));
    }

    /// Opens a transaction. Returns false if one is open.
    pub(crate) fn open_transaction(&mut self, id: ClientId) -> bool {
        match self.clients.get_mut(&id) {
            Some(client) if client.multi.is_none() => {
                client.multi = Some(Box::new(Multi::default()));
                true
            }
            _ => false,
        }
    }

    /// Drops the queue and the watched keys.
    pub(crate) fn discard_transaction(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.multi = None;
            client.cas_dirty = false;
        }
        self.unwatch_all(id);
    }

    /// Runs the queue. Its replies follow as one array.
    pub(crate) fn execute_transaction(&mut self, id: ClientId, reply: &mut Reply) {
        let Some(multi) = self.clients.get_mut(&id).and_then(|client| client.multi.take()) else { return };
        self.unwatch_all(id);
        if let Some(client) = self.clients.get_mut(&id) {
            client.cas_dirty = false;
        }
        self.in_exec = true;
        reply.array(multi.commands.len());
        for args in &multi.commands {
            let args = borrow(args);
            if let Resolved::Command(command) = self.renames.resolve(&args) {
                self.call(id, command, &args, reply, CallKind::Client);
            }
        }
        self.in_exec = false;
    }

    /// WATCH: remembers the key and whether it was past its time already.
    pub(crate) fn watch(&mut self, id: ClientId, db: usize, key: &[u8]) {
        let expired = self.is_past_its_time(db, key);
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.watched.iter().any(|(other_db, other, _)| *other_db == db && **other == *key) {
            return;
        }
        client.watched.push((db, key.into(), expired));
        self.watched.entry((db, key.into())).or_default().push(id);
    }

    /// Forgets all keys that a client watches.
    pub(crate) fn unwatch_all(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        for (db, key, _) in std::mem::take(&mut client.watched) {
            let place = (db, key);
            if let Some(watchers) = self.watched.get_mut(&place) {
                watchers.retain(|&watcher| watcher != id);
                if watchers.is_empty() {
                    self.watched.remove(&place);
                }
            }
        }
    }

    /// A key changed: EXEC of all who watch it will fail. A key that was past its time when it was watched, and is gone
    /// now, has not changed for its watcher.
    pub(crate) fn touch_watched(&mut self, db: usize, key: &[u8]) {
        let Some(watchers) = self.watched.get(&(db, Box::from(key))) else { return };
        let gone = !self.dbs[db].contains(key);
        for id in watchers.clone() {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let entry = client.watched.iter_mut().find(|(other, name, _)| *other == db && **name == *key);
            if let Some((_, _, expired)) = entry
                && *expired
            {
                *expired = false;
                if gone {
                    continue;
                }
            }
            client.cas_dirty = true;
        }
    }

    /// All keys of a database are about to go, or, with a second number, to give way to those of that database: FLUSHALL, SWAPDB,
    /// a resynchronisation (`touchAllWatchedKeysInDb`). A key past its time counts as absent, before and after.
    pub(crate) fn touch_all_watched(&mut self, emptied: usize, replaced_with: Option<usize>) {
        let keys: Vec<Box<[u8]>> =
            self.watched.keys().filter(|(db, _)| *db == emptied).map(|(_, key)| key.clone()).collect();
        for key in keys {
            let here = self.dbs[emptied].contains(&key);
            let there = replaced_with.is_some_and(|other| self.dbs[other].contains(&key));
            if !here && !there {
                continue;
            }
            let there_expired = replaced_with.is_some_and(|other| self.is_past_its_time(other, &key));
            let place = (emptied, key);
            for id in self.watched.get(&place).cloned().unwrap_or_default() {
                let Some(client) = self.clients.get_mut(&id) else { continue };
                let entry =
                    client.watched.iter_mut().find(|(db, name, _)| *db == emptied && *name == place.1);
                let Some((_, _, expired)) = entry else { continue };
                // Redis's own distinction: a key that was there and valid has changed, whatever takes its place.
                let as_if_absent = *expired || !here;
                if as_if_absent && (!there || there_expired) {
                    *expired = there_expired;
                } else {
                    client.cas_dirty = true;
                }
            }
        }
    }

    /// Whether a watched key is past its time now and was not when it was watched (`isWatchedKeyExpired`).
    pub(crate) fn watched_key_expired(&self, id: ClientId) -> bool {
        let Some(client) = self.clients.get(&id) else { return false };
        client.watched.iter().any(|(db, key, expired)| !expired && self.is_past_its_time(*db, key))
    }

    fn is_past_its_time(&self, db: usize, key: &[u8]) -> bool {
        self.dbs[db].get_expire(key).is_some_and(|at_ms| at_ms < self.command_time_ms)
    }
}
