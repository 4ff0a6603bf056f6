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

/// The use counter of a new key, so that it is not the first to go (`LFU_INIT_VAL`).
const LFU_NEW: u32 = 5;

/// What an access does to a key's clock (evict.c 7.0.15).
#[derive(Clone, Copy, Debug)]
enum Access {
    /// The clock shows the last access, in seconds.
    At(u32),
    /// The clock is a counter of uses that decays, under a time in minutes.
    Counted {
        /// Now.
        minutes: u32,
        /// After how many minutes a counter loses one.
        decay: i32,
        /// How much harder counting gets the higher the counter stands.
        factor: f64,
        /// Drawn from 0 to 1.
        chance: f64,
    },
}

impl Access {
    fn of(self, clock: u32) -> u32 {
        match self {
            Access::At(now) => now,
            Access::Counted { minutes, decay, factor, chance } => {
                let counter = lfu_counter(clock, minutes, decay);
                let above = f64::from(counter.saturating_sub(LFU_NEW));
                let counts = counter < 255 && chance < 1.0 / (above * factor + 1.0);
                (minutes << 8) | (counter + u32::from(counts))
            }
        }
    }
}

/// A key's use counter as it stands by now: one less for each `decay` minutes without a use (`LFUDecrAndReturn`).
pub(crate) fn lfu_counter(clock: u32, minutes: u32, decay: i32) -> u32 {
    let (then, counter) = (clock >> 8, clock & 0xff);
    let passed = if minutes >= then { minutes - then } else { 65_535 - then + minutes };
    match u32::try_from(decay) {
        Ok(decay @ 1..) => counter.saturating_sub(passed / decay),
        _ => counter,
    }
}

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
        let access = self.access();
        let found = find(&mut self.dbs[db], key, access);
        if found.is_some() {
            self.stats.keyspace_hits += 1;
        } else {
            self.stats.keyspace_misses += 1;
        }
        found
    }

    pub(crate) fn lookup_write(&mut self, db: usize, key: &[u8], client: ClientId) -> Option<&mut Object> {
        if self.expire_if_needed(db, key, client) {
            // A replica's own clients may write to it: what they find expired is as good as gone.
            if self.is_replica() && !self.config.replica_read_only && !self.paused(true) {
                self.delete_expired(db, key);
            }
            return None;
        }
        let access = self.access();
        self.key_changes(db, key);
        let entry = self.dbs[db].get_entry_mut(key)?;
        if let Some(access) = access {
            entry.lru = access.of(entry.lru);
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

    /// The value at a key that has been looked up already, for changing: no clock moves again, and another type is as good
    /// as none.
    pub(crate) fn found_as<T: Typed>(&mut self, db: usize, key: &[u8]) -> Option<&mut T> {
        self.key_changes(db, key);
        T::of_mut(&mut self.dbs[db].get_entry_mut(key)?.object)
    }

    /// What an access does to a key's clock. While a snapshot is being written the clocks stand still, so that reading
    /// does not make copies of what the snapshot shares.
    fn access(&mut self) -> Option<Access> {
        if self.snapshot_running() {
            return None;
        }
        Some(if self.config.maxmemory_policy.is_lfu() {
            Access::Counted {
                minutes: self.lfu_minutes(),
                decay: self.config.lfu_decay_time,
                factor: f64::from(self.config.lfu_log_factor),
                chance: self.rng.below(1 << 31) as f64 / f64::from(i32::MAX),
            }
        } else {
            Access::At(self.lru_clock())
        })
    }

    /// The clock of a new key.
    pub(crate) fn new_clock(&self) -> u32 {
        if self.config.maxmemory_policy.is_lfu() {
            (self.lfu_minutes() << 8) | LFU_NEW
        } else {
            self.lru_clock()
        }
    }

    /// Minutes in 16 bits (`LFUGetTimeInMinutes`).
    pub(crate) fn lfu_minutes(&self) -> u32 {
        (self.now.wall_s() / 60) as u32 & 0xffff
    }

    /// The access clock: seconds in 24 bits (`getLRUClock`, evict.c 7.0.15).
    pub(crate) fn lru_clock(&self) -> u32 {
        (self.now.wall_us / 1_000_000) as u32 & 0x00ff_ffff
    }

    /// Sets how a key has been used, where that comes with it from a file or from another server (`objectSetLRUOrLFU`,
    /// object.c 7.0.15): the LFU counter, or for how many seconds it has been idle. What the policy has no use for is ignored.
    pub(crate) fn set_usage(&mut self, db: usize, key: &[u8], idle_s: Option<i64>, freq: Option<u8>) {
        let lru = match (self.config.maxmemory_policy.is_lfu(), idle_s, freq) {
            (true, _, Some(freq)) => (self.lfu_minutes() << 8) | u32::from(freq),
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
    /// does not, as in Redis (`dbAdd`, `dbOverwrite`). Where a stream is gone, those who wait for its groups hear of it.
    pub(crate) fn insert(&mut self, db: usize, key: &[u8], object: Object) {
        let waited_for = matches!(object, Object::List(_) | Object::Zset(_) | Object::Stream(_));
        let clock = self.new_clock();
        self.key_changes(db, key);
        let old = self.dbs[db].insert(key, object, clock);
        let was_stream = matches!(old, Some(Object::Stream(_)));
        if (waited_for && old.is_none()) || was_stream {
            self.signal_key_ready(db, key);
        }
        if old.is_none() {
            self.notify_keyspace_event(notify::NEW, "new", key, db);
        }
    }

    /// Takes a key out, with its time to live.
    pub(crate) fn remove(&mut self, db: usize, key: &[u8]) -> Option<Object> {
        let removed = self.take(db, key).map(|(object, _)| object);
        if let Some(object) = &removed {
            self.cpu.work(Work::Freed, object.free_effort() as u64);
        }
        removed
    }

    /// Takes a key out and gives its value and its time to live.
    pub(crate) fn take(&mut self, db: usize, key: &[u8]) -> Option<(Object, Option<i64>)> {
        self.key_goes(db, key);
        let taken = self.dbs[db].take(key);
        if matches!(taken, Some((Object::Stream(_), _))) {
            self.signal_key_ready(db, key);
        }
        taken
    }

    /// Sets when a key expires (wall clock, milliseconds), for a client or for nobody. What a writable replica's own clients
    /// set is remembered (`rememberSlaveKeyWithExpire`).
    pub(crate) fn set_expire(&mut self, client: ClientId, db: usize, key: &[u8], at_ms: i64) {
        self.dbs[db].set_expire(key, at_ms);
        if self.is_replica()
            && !self.config.replica_read_only
            && self.clients.get(&client).is_some_and(|client| !client.is_master())
        {
            self.own_expires.insert((db, key.into()));
        }
    }

    /// Forgets what a writable replica gave a time to live itself.
    pub(crate) fn forget_own_expires(&mut self) {
        self.own_expires.clear();
    }

    /// A replica waits for its master's DEL of an expired key, but keys of its own never get one (`expireSlaveKeys`).
    fn expire_own_keys(&mut self) {
        let mut late = Vec::new();
        for (db, key) in &self.own_expires {
            match self.dbs[*db].get_expire(key) {
                Some(at_ms) if at_ms >= self.command_time_ms => {}
                expire => late.push((*db, key.clone(), expire.is_some())),
            }
        }
        for (db, key, expired) in late {
            if expired {
                self.delete_expired(db, &key);
                self.propagate_pending();
            }
            self.own_expires.remove(&(db, key));
        }
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
        if !self.active_expire || self.paused(true) || self.loading() {
            return;
        }
        self.command_time_ms = self.now.wall_ms();
        if self.is_replica() {
            self.expire_own_keys();
            return;
        }
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
fn find<'d>(db: &'d mut Db, key: &[u8], access: Option<Access>) -> Option<&'d Object> {
    let Some(access) = access else { return db.get(key) };
    let entry = db.get_entry_mut(key)?;
    entry.lru = access.of(entry.lru);
    Some(&entry.object)
}
