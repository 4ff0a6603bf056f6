//! What gives way when memory is full: keys under `maxmemory`, clients under `maxmemory-clients` (evict.c and networking.c 7.0.15).
//!
//! Redis asks its allocator how much it uses. A deterministic node has none to ask: it keeps a [`Ledger`] of what its keys take
//! by the estimate of [`crate::store::memory`]. A key that is about to change leaves the ledger, and comes back with its new size
//! when the command is over; so the sum is exact whatever a command does, and costs nothing while `maxmemory` is 0. Redis
//! bounds one round of eviction by time, we by the number of keys that this time is good for.

use super::Node;
use super::client::{Client, ClientId, Role};
use super::keys::lfu_counter;
use crate::command::client::{ClientType, client_memory};
use crate::command::table::{CommandId, flags};
use crate::config::MaxmemoryPolicy;
use crate::exec::{Error, notify};
use crate::host::LogLevel;
use crate::store::Object;
use std::collections::BTreeSet;

/// How many candidates wait from one eviction to the next (`EVPOOL_SIZE`).
const POOL_LEN: usize = 16;
/// What `maxmemory-clients` is at least, so that the server can still be spoken to.
const CLIENTS_LIMIT_MIN: u64 = 128 << 10;
/// Elements weighed of each collection.
const SAMPLES: usize = 5;
/// Bytes of an entry of the keyspace, which are counted with its table.
const ENTRY_LEN: u64 = 40;
/// How many keys Redis evicts in a microsecond, about.
const KEYS_PER_US: f64 = 1.0;

/// What the keys of all databases take, kept up to date change by change.
#[derive(Clone, Debug, Default)]
struct Ledger {
    /// Bytes of keys and values, without the tables' entries, of all keys that are not in `changing`.
    bytes: u64,
    /// Keys that the running command may be changing.
    changing: BTreeSet<(usize, Box<[u8]>)>,
    /// Data came or went past the ledger: count anew before it is used.
    stale: bool,
}

/// A key that may be evicted.
#[derive(Clone, Debug)]
struct Candidate {
    /// The greater, the sooner it goes.
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

/// The state of eviction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evictor {
    ledger: Option<Ledger>,
    /// Ascending by score.
    pool: Vec<Candidate>,
    /// Where the policies that take any key look next.
    next_db: usize,
    /// There is more to evict than one round could.
    pub(crate) running: bool,
    /// What the clients' buffers took when they were last added up, and when (monotonic, microseconds).
    clients: Option<(u64, u64)>,
}

/// What a round of eviction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// There is room, or will be in a moment.
    Enough,
    /// Nothing is left that the policy lets go.
    None,
}

fn size(key: &[u8], object: &Object) -> u64 {
    (object.memory_usage_of_key(key.len(), SAMPLES, false) as u64).saturating_sub(ENTRY_LEN)
}

impl Node {
    /// Bytes of keys and values, if they are being counted.
    pub(crate) fn counted_data(&self) -> Option<u64> {
        let ledger = self.evict.ledger.as_ref().filter(|ledger| !ledger.stale)?;
        let sizes = ledger.changing.iter().filter_map(|(db, key)| Some(size(key, self.dbs[*db].get(key)?)));
        Some(ledger.bytes + sizes.sum::<u64>())
    }

    /// A key is about to change, whether it is there or not.
    #[inline]
    pub(crate) fn key_changes(&mut self, db: usize, key: &[u8]) {
        let Some(ledger) = &mut self.evict.ledger else { return };
        if ledger.changing.insert((db, key.into())) {
            let was = self.dbs[db].get(key).map_or(0, |object| size(key, object));
            ledger.bytes = ledger.bytes.saturating_sub(was);
        }
    }

    /// A key is about to go.
    #[inline]
    pub(crate) fn key_goes(&mut self, db: usize, key: &[u8]) {
        let Some(ledger) = &mut self.evict.ledger else { return };
        if !ledger.changing.remove(&(db, Box::from(key))) {
            let was = self.dbs[db].get(key).map_or(0, |object| size(key, object));
            ledger.bytes = ledger.bytes.saturating_sub(was);
        }
    }

    /// The command is over: what it changed is weighed again.
    #[inline]
    pub(crate) fn settle_memory(&mut self) {
        let Some(ledger) = &mut self.evict.ledger else { return };
        for (db, key) in std::mem::take(&mut ledger.changing) {
            if let Some(object) = self.dbs[db].get(&key) {
                ledger.bytes += size(&key, object);
            }
        }
    }

    /// Data came or went in bulk.
    pub(crate) fn memory_is_stale(&mut self) {
        if let Some(ledger) = &mut self.evict.ledger {
            ledger.stale = true;
        }
    }

    /// `maxmemory` has another value: begins or ends counting, and evicts what is too much (`updateMaxmemory`).
    pub(crate) fn maxmemory_changed(&mut self) {
        self.evict.pool.clear();
        self.evict.running = self.config.maxmemory > 0;
        if self.config.maxmemory == 0 {
            self.evict.ledger = None;
        } else {
            self.count_data();
        }
    }

    fn count_data(&mut self) {
        let ledger = self.evict.ledger.get_or_insert_with(|| Ledger { stale: true, ..Ledger::default() });
        if ledger.stale {
            let keys = self.dbs.iter().flat_map(|db| db.iter());
            let bytes = keys.map(|(key, entry, _)| size(key, &entry.object)).sum();
            *ledger = Ledger { bytes, ..Ledger::default() };
        }
    }

    /// Bytes that count towards `maxmemory`: all but what is on its way to replicas and to the append-only file, or evicting a key
    /// would itself take memory (`freeMemoryGetNotCountedMemory`).
    fn memory_for_eviction(&mut self) -> u64 {
        self.count_data();
        let now_us = self.now.mono_us;
        // Adding up takes some nanoseconds a client: rarely, when there are many.
        let age_max_us = (self.clients.len() / 64) as u64;
        let clients = match self.evict.clients {
            Some((bytes, at_us)) if now_us.saturating_sub(at_us) < age_max_us => bytes,
            _ => {
                let counted = |client: &Client| match client.role {
                    Role::Replica(_) => {
                        client_memory(client).saturating_sub(client.reply.len() + client.in_flight)
                    }
                    Role::Normal | Role::Master => client_memory(client),
                };
                let bytes = self.clients.values().map(|client| counted(client) as u64).sum();
                self.evict.clients = Some((bytes, now_us));
                bytes
            }
        };
        self.memory_without_clients() + clients + self.counted_data().unwrap_or(0)
    }

    /// Whether there is room for a command that may need memory (`processCommand`): evicts first.
    ///
    /// # Errors
    /// `OOM`.
    pub(super) fn check_memory(&mut self, in_multi: bool, set: u32, command: CommandId) -> Result<(), Error> {
        if self.perform_evictions() == Room::Enough {
            return Ok(());
        }
        // A transaction's queue takes memory too; but it can always be ended.
        let queues = in_multi && !matches!(command.name(), "exec" | "discard" | "quit" | "reset");
        if queues || set & flags::DENYOOM != 0 {
            return Err(Error::fixed("-OOM command not allowed when used memory > 'maxmemory'."));
        }
        Ok(())
    }

    /// Goes on with an eviction that one round could not finish (`evictionTimeProc`).
    pub(super) fn go_on_evicting(&mut self) {
        self.evict.running = false;
        self.perform_evictions();
    }

    /// How many keys one round may evict (`evictionTimeLimitUs`).
    fn evictions_max(&self) -> u64 {
        let time_us = match self.config.maxmemory_eviction_tenacity {
            100.. => return u64::MAX,
            tenacity @ 0..=10 => 50.0 * f64::from(tenacity),
            tenacity => 500.0 * libm::pow(1.15, f64::from(tenacity) - 10.0),
        };
        // Redis looks at its watch after each 16 keys.
        ((time_us * KEYS_PER_US) as u64).max(16)
    }

    /// `performEvictions`.
    fn perform_evictions(&mut self) -> Room {
        let limit = self.config.maxmemory;
        let exact_copy = self.is_replica() && self.config.replica_ignore_maxmemory;
        if limit == 0 || self.loading() || exact_copy || self.paused(true) {
            return Room::Enough;
        }
        let used = self.memory_for_eviction();
        if used <= limit {
            return Room::Enough;
        }
        if self.config.maxmemory_policy == MaxmemoryPolicy::Noeviction {
            return Room::None;
        }
        let mut left = self.evictions_max();
        let mut excess = used - limit;
        loop {
            let Some((db, key)) = self.choose_victim() else { return Room::None };
            let freed = self.dbs[db].get(&key).map_or(0, |object| size(&key, object)) + ENTRY_LEN;
            self.evict_key(db, &key);
            excess = excess.saturating_sub(freed);
            left -= 1;
            if excess == 0 {
                return Room::Enough;
            }
            if left == 0 {
                self.evict.running = true;
                return Room::Enough;
            }
        }
    }

    fn evict_key(&mut self, db: usize, key: &[u8]) {
        self.remove(db, key);
        self.stats.evicted_keys += 1;
        self.signal_modified(db, key);
        self.notify_keyspace_event(notify::EVICTED, "evicted", key, db);
        let verb: &[u8] = if self.config.lazyfree_lazy_eviction { b"UNLINK" } else { b"DEL" };
        self.also_propagate(db, vec![verb.into(), key.into()], false);
        self.propagate_pending_singly();
    }

    fn choose_victim(&mut self) -> Option<(usize, Box<[u8]>)> {
        use MaxmemoryPolicy::{AllkeysRandom, VolatileRandom};
        let policy = self.config.maxmemory_policy;
        let all = policy.is_allkeys();
        let keys_of =
            |node: &Node, db: usize| if all { node.dbs[db].len() } else { node.dbs[db].expires_len() };
        let dbs = self.dbs.len();
        if matches!(policy, AllkeysRandom | VolatileRandom) {
            for _ in 0..dbs {
                self.evict.next_db = (self.evict.next_db + 1) % dbs;
                let db = self.evict.next_db;
                if keys_of(self, db) > 0 {
                    return self.random_candidate(db, all).map(|key| (db, key));
                }
            }
            return None;
        }
        loop {
            let mut any = false;
            for db in 0..dbs {
                if keys_of(self, db) > 0 {
                    any = true;
                    self.fill_pool(db, all);
                }
            }
            if !any {
                return None;
            }
            while let Some(Candidate { db, key, .. }) = self.evict.pool.pop() {
                // It may be gone since it was put here, or have lost its time to live.
                let dict = &self.dbs[db];
                if if all { dict.contains(&key) } else { dict.get_expire(&key).is_some() } {
                    return Some((db, key));
                }
            }
        }
    }

    fn random_candidate(&mut self, db: usize, all: bool) -> Option<Box<[u8]>> {
        let db = &self.dbs[db];
        if all {
            db.random_key(&mut self.rng).map(|(key, _)| Box::from(&key[..]))
        } else {
            db.random_expire(&mut self.rng).map(|(key, _)| Box::from(&key[..]))
        }
    }

    /// Looks at some keys of a database and keeps those that are better candidates than the pool has (`evictionPoolPopulate`).
    fn fill_pool(&mut self, db: usize, all: bool) {
        for _ in 0..self.config.maxmemory_samples {
            let Some(key) = self.random_candidate(db, all) else { return };
            let Some(score) = self.eviction_score(db, &key) else { continue };
            let pool = &mut self.evict.pool;
            let place = pool.partition_point(|other| other.score < score);
            if pool.len() < POOL_LEN {
                pool.insert(place, Candidate { score, db, key });
            } else if place > 0 {
                pool.remove(0);
                pool.insert(place - 1, Candidate { score, db, key });
            }
        }
    }

    /// How much a key has deserved to go: by idle time, by rarity of use, or by nearness of its end.
    fn eviction_score(&self, db: usize, key: &[u8]) -> Option<u64> {
        let policy = self.config.maxmemory_policy;
        let clock = self.dbs[db].get_entry(key)?.lru;
        Some(if policy.is_lfu() {
            255 - u64::from(lfu_counter(clock, self.lfu_minutes(), self.config.lfu_decay_time))
        } else if policy == MaxmemoryPolicy::VolatileTtl {
            u64::MAX - self.dbs[db].get_expire(key)?.max(0) as u64
        } else {
            u64::from(self.lru_clock().wrapping_sub(clock) & 0x00ff_ffff)
        })
    }

    /// How many bytes all clients together may take, if there is a limit (`getClientEvictionLimit`).
    fn clients_limit(&self) -> Option<u64> {
        let limit = match self.config.maxmemory_clients {
            0 => return None,
            percent @ ..0 if self.config.maxmemory > 0 => {
                (self.config.maxmemory as f64 * percent.unsigned_abs() as f64 / 100.0) as u64
            }
            ..0 => return None,
            bytes => bytes as u64,
        };
        Some(limit.max(CLIENTS_LIMIT_MIN))
    }

    /// Closes the biggest clients while all together take more than `maxmemory-clients` (`evictClients`).
    pub(super) fn evict_clients(&mut self) {
        let Some(limit) = self.clients_limit() else { return };
        let mut sizes: Vec<(u64, ClientId)> = self
            .clients
            .values()
            .filter(|client| {
                let kind = ClientType::of(client);
                !client.no_evict
                    && !client.close_after_reply
                    && matches!(kind, ClientType::Normal | ClientType::Pubsub)
            })
            .map(|client| {
                let running = if self.current == Some(client.id) { self.current_query.0 } else { 0 };
                ((client_memory(client) + running) as u64, client.id)
            })
            .collect();
        let mut total: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
        if total <= limit {
            return;
        }
        sizes.sort_unstable();
        while total > limit {
            let Some((bytes, id)) = sizes.pop() else { return };
            let text = self.describe_client(id);
            self.log(LogLevel::Notice, format!("Evicting client: {text}"));
            self.stats.evicted_clients += 1;
            if self.current == Some(id) {
                self.close_client(id);
            } else {
                self.close_now(id);
            }
            total -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::STARTUP;
    use super::super::tests::{ask, with_clients};
    use super::*;

    fn with_room(bytes: u64, policy: &str) -> Node {
        let limit = STARTUP + bytes;
        with_clients(&format!("maxmemory {limit}\nmaxmemory-policy {policy}\n"), 1)
    }

    fn counts_right(node: &Node) {
        let keys = node.dbs.iter().flat_map(|db| db.iter());
        let all: u64 = keys.map(|(key, entry, _)| size(key, &entry.object)).sum();
        assert_eq!(node.counted_data(), Some(all));
    }

    #[test]
    fn the_ledger_follows_every_kind_of_change() {
        let mut node = with_room(100 << 20, "allkeys-lru");
        for line in [
            "SET s 1",
            "APPEND s 2345678901234567890123456789012345678901234567890",
            "SETRANGE s 5000 x",
            "RPUSH l a b c",
            "LPUSH l d",
            "RPOP l 10",
            "SADD t 1 2 3",
            "SADD t word",
            "SREM t 1",
            "HSET h f v g w",
            "HINCRBY h n 5",
            "HDEL h f",
            "ZADD z 1 a 2 b",
            "ZADD z XX 3 a",
            "SORT z BY nosort",
            "RENAME s r",
            "COPY r copy",
            "MOVE t 3",
            "MSET a 1 b 2 a 3",
            "DEL a b none",
            "GETDEL copy",
            "SET k v EX 100",
            "PERSIST k",
            "SUNIONSTORE u t t",
            "LMOVE l m LEFT RIGHT",
            "SWAPDB 0 3",
            "FLUSHDB",
            "SET last one",
            "GETSET last two",
            "INCR counter",
            "SETBIT bits 100000 1",
            "FLUSHALL",
        ] {
            ask(&mut node, 1, line.as_bytes());
            node.count_data();
            counts_right(&node);
        }
        for line in ["MULTI", "SET a 1", "RPUSH l a", "DEL a", "SET a 2", "EXEC"] {
            ask(&mut node, 1, line.as_bytes());
        }
        counts_right(&node);
    }

    #[test]
    fn what_the_policy_lets_go_goes_and_nothing_else() {
        for policy in [
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
        ] {
            let mut node = with_room(200_000, policy);
            for i in 0..100 {
                ask(&mut node, 1, format!("SET stays:{i} {}", "x".repeat(100)).as_bytes());
            }
            for i in 0..1000 {
                let reply = ask(&mut node, 1, format!("SET goes:{i} {} EX 1000", "x".repeat(500)).as_bytes());
                assert_eq!(reply[&1], "+OK\r\n", "{policy}");
            }
            let used = node.memory_for_eviction();
            assert!(used <= STARTUP + 201_000 && used > STARTUP + 150_000, "{policy}: {used}");
            counts_right(&node);
            assert!(node.stats.evicted_keys > 600, "{policy}");
            let kept = (0..100).filter(|i| node.dbs[0].contains(format!("stays:{i}").as_bytes())).count();
            assert_eq!(kept == 100, policy.starts_with("volatile"), "{policy}: {kept}");
        }
    }

    #[test]
    fn without_eviction_what_takes_memory_is_refused() {
        let mut node = with_room(30_000, "noeviction");
        ask(&mut node, 1, format!("SET big {}", "x".repeat(40_000)).as_bytes());
        let oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
        assert_eq!(ask(&mut node, 1, b"SET more 1")[&1], oom);
        assert_eq!(ask(&mut node, 1, b"STRLEN big")[&1], ":40000\r\n");
        ask(&mut node, 1, b"MULTI");
        assert_eq!(ask(&mut node, 1, b"GET big")[&1], oom, "a queue takes memory too");
        assert_eq!(ask(&mut node, 1, b"DISCARD")[&1], "+OK\r\n");
        ask(&mut node, 1, b"DEL big");
        assert_eq!(ask(&mut node, 1, b"SET more 1")[&1], "+OK\r\n");
    }

    #[test]
    fn what_is_used_often_stays() {
        for policy in ["allkeys-lfu", "volatile-lfu"] {
            let mut node = with_room(100_000, policy);
            ask(&mut node, 1, b"CONFIG SET lfu-log-factor 0");
            for i in 0..400 {
                ask(&mut node, 1, format!("SET k{i} {} EX 1000", "x".repeat(300)).as_bytes());
                for _ in 0..3 {
                    ask(&mut node, 1, b"STRLEN k0");
                }
            }
            assert!(node.dbs[0].contains(b"k0"), "{policy}");
            let freq = &ask(&mut node, 1, b"OBJECT FREQ k0")[&1];
            assert_eq!(freq, ":255\r\n");
        }
    }

    #[test]
    fn the_counter_of_uses_wears_off() {
        assert_eq!(lfu_counter((100 << 8) | 20, 100, 1), 20);
        assert_eq!(lfu_counter((100 << 8) | 20, 107, 1), 13);
        assert_eq!(lfu_counter((100 << 8) | 20, 107, 3), 18);
        assert_eq!(lfu_counter((100 << 8) | 20, 900, 1), 0);
        assert_eq!(lfu_counter((100 << 8) | 20, 900, 0), 20);
        // The clock of minutes went round once.
        assert_eq!(lfu_counter((65_530 << 8) | 20, 4, 1), 11);
    }

    /// Lowering the limit evicts by and by, without a client asking for anything.
    #[test]
    fn a_lower_limit_is_reached_without_a_command() {
        let mut node = with_clients("maxmemory-policy allkeys-random\n", 1);
        for i in 0..2000 {
            ask(&mut node, 1, format!("SET k{i} {}", "x".repeat(100)).as_bytes());
        }
        ask(&mut node, 1, format!("CONFIG SET maxmemory {}", STARTUP + 50_000).as_bytes());
        assert_eq!(node.dbs[0].len(), 2000, "the command itself evicts nothing");
        while node.wants_background_slice() {
            node.background_slice();
        }
        assert!(node.memory_for_eviction() <= STARTUP + 50_000 && node.dbs[0].len() > 50);
    }

    #[test]
    fn the_biggest_client_goes_when_clients_take_too_much() {
        let mut node = with_clients("maxmemory-clients 300kb\n", 3);
        ask(&mut node, 1, b"CLIENT NO-EVICT ON");
        ask(&mut node, 1, format!("SET big {}", "x".repeat(100)).as_bytes());
        let part = format!("*2\r\n$3\r\nGET\r\n$400000\r\n{}", "x".repeat(390_000));
        node.handle(
            node.now,
            crate::host::Input::Received { conn: crate::host::ConnId(2), bytes: part.into_bytes() },
        );
        ask(&mut node, 1, b"PING");
        assert_eq!(node.stats.evicted_clients, 1);
        let left: Vec<u64> = node.clients.values().map(|client| client.conn.0).collect();
        assert_eq!(left, [1, 3]);
    }
}
