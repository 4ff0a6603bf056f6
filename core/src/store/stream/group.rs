//! A group of consumers: how far it has read a stream, and what its consumers have got and not acknowledged.
//!
//! Redis keeps each pending entry twice, by group and by consumer. Here the group alone has them, with the owner's name, and a
//! consumer has their number: what asks for one consumer's entries is rare, and walks over those of the others.

use super::{Id, IdMap, Log};
use crate::store::bytes::Str;

/// An entry that was delivered and not acknowledged (`streamNACK`).
#[derive(Clone, Debug)]
pub struct Nack {
    /// When it was delivered last (wall clock, milliseconds).
    pub time_ms: i64,
    /// How often.
    pub count: u64,
    /// The consumer that has it.
    pub owner: Str,
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Str,
    /// When it last did something (wall clock, milliseconds).
    pub seen_ms: i64,
    /// How many entries it has pending.
    pub pending: usize,
}

/// A group of consumers (`streamCG`).
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last id that was delivered.
    pub last_id: Id,
    /// How many entries of the stream were read up to there; -1 if that is not known.
    pub entries_read: i64,
    /// What is not acknowledged.
    pub pending: IdMap<Nack>,
    /// By name.
    consumers: Vec<Consumer>,
}

impl Group {
    /// A group that has read up to `last_id`.
    pub fn new(last_id: Id, entries_read: i64) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.consumers.binary_search_by(|consumer| (*consumer.name).cmp(name))
    }

    /// Its consumers, by name.
    pub fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    /// Whether there is a consumer of this name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.find(name).is_ok()
    }

    /// A consumer does something, and is created if need be; true then (`streamLookupConsumer`, `streamCreateConsumer`).
    pub fn see(&mut self, name: &[u8], now_ms: i64) -> bool {
        match self.find(name) {
            Ok(at) => self.consumers[at].seen_ms = now_ms,
            Err(at) => {
                let consumer = Consumer { name: Str::from(name), seen_ms: now_ms, pending: 0 };
                self.consumers.insert(at, consumer);
                return true;
            }
        }
        false
    }

    /// Takes a consumer out with all that it has pending; gives how much that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let at = self.find(name).ok()?;
        let ids = self.pending_of(name, Id::MIN, usize::MAX);
        for id in &ids {
            self.pending.remove(*id);
        }
        self.consumers.remove(at);
        Some(ids.len())
    }

    /// What a consumer has pending from an id on: `count` ids at the most.
    pub fn pending_of(&self, name: &[u8], from: Id, count: usize) -> Vec<Id> {
        let mut ids = Vec::new();
        for (id, nack) in self.pending.from(from) {
            if ids.len() == count {
                break;
            }
            if *nack.owner == *name {
                ids.push(id);
            }
        }
        ids
    }

    /// What all consumers have pending, in their order, in one walk.
    pub fn pending_by_consumer(&self) -> Vec<Vec<(Id, &Nack)>> {
        let mut all: Vec<_> = self.consumers.iter().map(|one| Vec::with_capacity(one.pending)).collect();
        for item in self.pending.iter() {
            if let Ok(at) = self.find(&item.1.owner) {
                all[at].push(item);
            }
        }
        all
    }

    fn count(&mut self, name: &[u8], change: isize) {
        if let Ok(at) = self.find(name) {
            let pending = &mut self.consumers[at].pending;
            *pending = pending.saturating_add_signed(change);
        }
    }

    /// Makes an entry pending, or gives it to another consumer, which must be there.
    pub fn assign(&mut self, id: Id, nack: Nack) {
        self.count(&nack.owner, 1);
        if let Some(old) = self.pending.insert(id, nack) {
            self.count(&old.owner, -1);
        }
    }

    /// An entry is not pending any more; gives what it was.
    pub fn acknowledge(&mut self, id: Id) -> Option<Nack> {
        let nack = self.pending.remove(id)?;
        self.count(&nack.owner, -1);
        Some(nack)
    }

    /// The entry `id` is delivered: moves on, if that is news (`streamReplyWithRange`). Returns whether it was.
    pub fn read_on(&mut self, log: &Log, id: Id) -> bool {
        if id <= self.last_id {
            return false;
        }
        if self.entries_read != -1 && !log.has_tombstones_from(id) {
            self.entries_read = self.entries_read.wrapping_add(1);
        } else if log.entries_added > 0 {
            self.entries_read = log.added_up_to(id).unwrap_or(-1);
        }
        self.last_id = id;
        true
    }

    /// How many entries the group has not read yet, where that can be known (`streamReplyWithCGLag`).
    pub fn lag(&self, log: &Log) -> Option<i64> {
        let added = log.entries_added as i64;
        if log.entries_added == 0 {
            return Some(0);
        }
        let known = self.entries_read != -1 && !log.has_tombstones_from(self.last_id);
        let read = if known { Some(self.entries_read) } else { log.added_up_to(self.last_id) };
        read.map(|read| added.wrapping_sub(read))
    }
}
