//! How commands find and change keys: expiry, the access clock, and everybody who wants to know that a key changed
//! (db.c and expire.c 7.0.15).

use super::Node;
use super::client::ClientId;
use crate::cost::Work;
use crate::exec::{Error, notify};
use crate::store::object::Typed;
use crate::store::{Db, Object};
use std::rc::Rc;

/// How many keys one round of the active expire cycle looks at (`ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP`).
const EXPIRE_KEYS_PER_LOOP: usize = 20;
/// A round is repeated while more than this share of what it looked at was stale, in percent.
const EXPIRE_ACCEPTABLE_STALE: usize = 10;
/// The most rounds per database and cycle: Redis bounds the cycle by time, a deterministic node by work.
const EXPIRE_ROUNDS_MAX: usize = 16;

impl Node {
    /// Whether a key is past its time. On a master such a key is deleted and the deletion propagated; a replica waits for
    /// its master's DEL and only acts as if the key were not there (`expireIfNeeded`).
    pub(crate) fn expire_if_needed(&mut self, db: usize, key: &[u8], client: ClientId) -> bool {
        if self.dbs[db].expires_len() == 0 {
            return false;
        }
        let Some(at_ms) = self.dbs[db].get_expire(key) else { return false };
        if self.loading() || self.command_time_ms <= at_ms {
            return false;
        }
        if self.is_replica() {
            return !self.clients.get(&client).is_some_and(|client| client.is_master());
        }
        if self.paused(true) {
            return true;
        }
        self.delete_expired(db, key);
        true
    }

    fn delete_expired(&mut self, db: usize, key: &[u8]) {
        self.remove(db, key);
        self.stats.expired_keys += 1;
        self.signal_modified(db, key);
        let verb: &[u8] = if self.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" };
        self.also_propagate(db, vec![verb.into(), key.into()], false);
        self.notify_keyspace_event(notify::EXPIRED, "expired", key, db);
    }

    pub(crate) fn lookup_read(&mut self, db: usize, key: &[u8], client: ClientId) -> Option<&Object> {
        let expired = self.expire_if_needed(db, key, client);
        // Events of misses are rare, and a second look-up is paid only where they are wanted.
        let miss_wanted = self.config.notify_keyspace_events & notify::KEY_MISS != 0;
        if expired || (miss_wanted && !self.dbs[db].contains(key)) {
            self.stats.keyspace_misses += 1;
            self.notify_keyspace_event(notify::KEY_MISS, "keymiss", key, db);
            return None;
        }
        let clock = self.access_clock();
        let found = find(&mut self.dbs[db], key, clock);
        if found.is_some() {
            self.stats.keyspace_hits += 1;
        } else {
            self.stats.keyspace_misses += 1;
        }
        found
    }

    pub(crate) fn lookup_write(&mut self, db: usize, key: &[u8], client: ClientId) -> Option<&mut Object> {
        if self.expire_if_needed(db, key, client) {
            return None;
        }
        let clock = self.access_clock();
        let entry = self.dbs[db].get_entry_mut(key)?;
        if let Some(clock) = clock {
            entry.lru = clock;
        }
        Some(&mut entry.object)
    }

    /// The value at a key for reading, of the type asked for.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub(crate) fn read_as<T: Typed>(
        &mut self,
        db: usize,
        key: &[u8],
        client: ClientId,
    ) -> Result<Option<&Rc<T>>, Error> {
        let found = self.lookup_read(db, key, client);
        found.map(|object| T::of(object).ok_or(Error::WRONG_TYPE)).transpose()
    }

    /// The value at a key for changing, of the type asked for.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub(crate) fn write_as<T: Typed>(
        &mut self,
        db: usize,
        key: &[u8],
        client: ClientId,
    ) -> Result<Option<&mut T>, Error> {
        let found = self.lookup_write(db, key, client);
        found.map(|object| T::of_mut(object).ok_or(Error::WRONG_TYPE)).transpose()
    }

    /// What an access sets a key's clock to. While a snapshot is being written the clocks stand still, so that reading
    /// does not make copies of what the snapshot shares.
    fn access_clock(&self) -> Option<u32> {
        (!self.snapshot_running()).then(|| self.lru_clock())
    }

    /// The access clock: seconds in 24 bits (`getLRUClock`, evict.c 7.0.15).
    pub(crate) fn lru_clock(&self) -> u32 {
        (self.now.wall_us / 1_000_000) as u32 & 0x00ff_ffff
    }

    /// Sets how a key has been used, where that comes with it from a file or from another server (`objectSetLRUOrLFU`,
    /// object.c 7.0.15): the LFU counter, or for how many seconds it has been idle. What the policy has no use for is ignored.
    pub(crate) fn set_usage(&mut self, db: usize, key: &[u8], idle_s: Option<i64>, freq: Option<u8>) {
        let lru = match (self.config.maxmemory_policy.is_lfu(), idle_s, freq) {
            (true, _, Some(freq)) => (((self.now.wall_s() / 60) as u32 & 0xffff) << 8) | u32::from(freq),
            // The clock goes round: nothing can have been idle for longer than half of it.
            (false, Some(idle), _) => {
                self.lru_clock().wrapping_sub(idle.clamp(0, 0x7f_ffff) as u32) & 0xff_ffff
            }
            _ => return,
        };
        if let Some(entry) = self.dbs[db].get_entry_mut(key) {
            entry.lru = lru;
        }
    }

    /// Puts a value under a key, new or not. A new one wakes those who wait for such a key; one that takes another's place
    /// does not, as in Redis (`dbAdd`, `dbOverwrite`).
    pub(crate) fn insert(&mut self, db: usize, key: &[u8], object: Object) {
        let waited_for = matches!(object, Object::List(_) | Object::Zset(_));
        let clock = self.lru_clock();
        let old = self.dbs[db].insert(key, object, clock);
        if waited_for && old.is_none() && !self.blocked_keys.is_empty() {
            self.signal_key_ready(db, key);
        }
        if old.is_none() {
            self.notify_keyspace_event(notify::NEW, "new", key, db);
        }
    }

    /// Takes a key out, with its time to live.
    pub(crate) fn remove(&mut self, db: usize, key: &[u8]) -> Option<Object> {
        self.dbs[db].remove_expire(key);
        let removed = self.dbs[db].remove(key);
        if let Some(object) = &removed {
            self.cpu.work(Work::Freed, object.free_effort() as u64);
        }
        removed
    }

    /// A key changed: transactions that watch it will fail (`signalModifiedKey`).
    pub(crate) fn signal_modified(&mut self, db: usize, key: &[u8]) {
        if !self.watched.is_empty() {
            self.touch_watched(db, key);
        }
    }

    /// The active expire cycle, slow mode (`activeExpireCycle`): samples keys that have a time to live, and goes on with a
    /// database while many of them are stale.
    pub(super) fn active_expire_cycle(&mut self) {
        if !self.active_expire || self.is_replica() || self.paused(true) || self.loading() {
            return;
        }
        self.command_time_ms = self.now.wall_ms();
        let effort = self.config.active_expire_effort.saturating_sub(1) as usize;
        let keys_per_loop = EXPIRE_KEYS_PER_LOOP + EXPIRE_KEYS_PER_LOOP / 4 * effort;
        let acceptable = EXPIRE_ACCEPTABLE_STALE.saturating_sub(effort);
        let dbs = self.dbs.len();
        for _ in 0..dbs.min(16) {
            let db = self.expire_cursor_db % dbs;
            self.expire_cursor_db = (db + 1) % dbs;
            for _ in 0..EXPIRE_ROUNDS_MAX {
                if self.dbs[db].expires_len() == 0 {
                    break;
                }
                let now_ms = self.command_time_ms;
                let (mut sampled, mut stale) = (0, 0);
                for _ in 0..keys_per_loop.min(self.dbs[db].expires_len()) {
                    let Some((key, at_ms)) = self.dbs[db].random_expire(&mut self.rng) else { break };
                    sampled += 1;
                    if at_ms < now_ms {
                        let key = key.clone();
                        self.delete_expired(db, &key);
                        self.propagate_pending();
                        stale += 1;
                    }
                }
                if sampled == 0 || stale * 100 / sampled <= acceptable {
                    break;
                }
            }
        }
    }
}

/// A key's value, with its clock set: one look-up, which is most of what a read costs.
fn find<'d>(db: &'d mut Db, key: &[u8], clock: Option<u32>) -> Option<&'d Object> {
    let Some(clock) = clock else { return db.get(key) };
    let entry = db.get_entry_mut(key)?;
    entry.lru = clock;
    Some(&entry.object)
}
