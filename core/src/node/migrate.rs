//! MIGRATE: keys move to another server while this one does nothing else (`migrateCommand`, cluster.c 7.0.15).
//!
//! Redis writes to the target and reads its replies with blocking calls, so nobody can change or see a key between its
//! serialisation and its deletion. A node cannot block; it stalls, as it does for its disk, and takes in only what comes
//! over the connection to the target, until every reply is there or time is up. Connections to targets are kept for a
//! while, for keys of a slot move one MIGRATE after another.

use super::client::{Blocked, ClientId, OwnedArgs};
use super::{ConnUse, Node};
use crate::cost::Work;
use crate::exec::notify;
use crate::host::{ConnId, Input, NetError, Now, Output};
use crate::persist::rdb::payload::dump_payload;
use crate::resp::encode_command;
use crate::store::num::I64Text;
use litemap::LiteMap;

/// How many connections to targets are kept (`MIGRATE_SOCKET_CACHE_ITEMS`).
const CACHED_MAX: usize = 64;
/// For how many seconds an unused one is kept (`MIGRATE_SOCKET_CACHE_TTL`).
const CACHED_S: i64 = 10;
/// The longest line of the target's that is read at once, in bytes (the buffers of `migrateCommand`, less the terminator).
const LINE_LEN_MAX: usize = 1023;

/// A target as the command names it: host and port.
type Target = (Box<[u8]>, Box<[u8]>);

/// What MIGRATE asks for.
#[derive(Clone, Debug)]
pub(crate) struct MigrateRequest {
    /// Host and port as the command names them.
    pub target: (Box<[u8]>, Box<[u8]>),
    /// The database over there.
    pub to_db: i64,
    /// How long each step may take, in milliseconds.
    pub timeout_ms: i64,
    /// COPY: keys stay here too.
    pub copy: bool,
    /// REPLACE: keys that are there already are replaced.
    pub replace: bool,
    /// AUTH or AUTH2: the words after `AUTH`.
    pub auth: Option<OwnedArgs>,
    /// The keys, all of which are here.
    pub keys: Vec<Box<[u8]>>,
}

/// A reply that the target owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Auth,
    Select,
    Key(usize),
}

#[derive(Clone, Debug)]
struct Running {
    client: ClientId,
    db: usize,
    request: MigrateRequest,
    conn: ConnId,
    connected: bool,
    /// Bytes that the host has not taken yet.
    unsent: usize,
    /// What is to be answered, first first.
    owed: std::collections::VecDeque<Owed>,
    line: Vec<u8>,
    /// The error of AUTH, else of SELECT: it stands for every key's reply.
    refused: Option<Vec<u8>>,
    /// The first error that the target gave.
    error: Option<Vec<u8>>,
    moved: Vec<Box<[u8]>>,
    /// Whether any key was answered.
    answered: bool,
    may_retry: bool,
    deadline_us: u64,
}

#[derive(Clone, Debug)]
struct Cached {
    conn: ConnId,
    /// The database selected over there; `None` if SELECT must be sent.
    db: Option<i64>,
    used_s: i64,
}

/// The connections to targets, and the migration that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Migrations {
    cached: LiteMap<Target, Cached>,
    running: Option<Box<Running>>,
}

impl Migrations {
    /// Whether the node waits for a target.
    pub fn running(&self) -> bool {
        self.running.is_some()
    }

    /// The monotonic instant in microseconds at which the running one gives up.
    pub fn deadline_us(&self) -> Option<u64> {
        self.running.as_ref().map(|running| running.deadline_us)
    }

    /// How many connections are kept.
    pub fn cached(&self) -> usize {
        self.cached.len()
    }

    /// Whether a connection is the one that the node waits for.
    pub fn waits_for(&self, conn: ConnId) -> bool {
        self.running.as_ref().is_some_and(|running| running.conn == conn)
    }

    /// Whether an input is about that connection.
    pub fn concerns(&self, input: &Input) -> bool {
        match input {
            Input::Connected { conn, .. }
            | Input::Received { conn, .. }
            | Input::Sent { conn, .. }
            | Input::Closed { conn, .. } => self.waits_for(*conn),
            _ => false,
        }
    }
}

/// How a step with the target ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Connecting,
    TimedOut,
    Broken,
}

impl Node {
    /// Begins to move keys; the client is answered when that has ended.
    pub(crate) fn start_migration(&mut self, client: ClientId, db: usize, request: MigrateRequest) {
        self.block(client, Blocked::Migrate);
        self.open_migration(client, db, request, true);
    }

    fn open_migration(&mut self, client: ClientId, db: usize, request: MigrateRequest, may_retry: bool) {
        let now_s = self.now.wall_s();
        let (conn, connected) = match self.migrations.cached.get_mut(&request.target) {
            Some(cached) => {
                cached.used_s = now_s;
                (cached.conn, true)
            }
            None => {
                if self.migrations.cached.len() >= CACHED_MAX {
                    self.drop_random_target();
                }
                let host = String::from_utf8_lossy(&request.target.0).into_owned();
                (self.connect(&host, port_of(&request.target.1), ConnUse::Migration), false)
            }
        };
        let running = Running {
            client,
            db,
            request,
            conn,
            connected,
            unsent: 0,
            owed: Default::default(),
            line: Vec::new(),
            refused: None,
            error: None,
            moved: Vec::new(),
            answered: false,
            may_retry,
            deadline_us: 0,
        };
        self.migrations.running = Some(Box::new(running));
        self.renew_migration_deadline();
        if connected {
            self.send_migration();
        }
    }

    fn drop_random_target(&mut self) {
        let at = self.rng.below(self.migrations.cached.len() as u64) as usize;
        if let Some(target) = self.migrations.cached.keys().nth(at).cloned() {
            self.close_target(&target);
        }
    }

    fn close_target(&mut self, target: &Target) {
        if let Some(cached) = self.migrations.cached.remove(target) {
            self.drop_conn(cached.conn, false);
        }
    }

    fn renew_migration_deadline(&mut self) {
        let now_us = self.now.mono_us;
        if let Some(running) = &mut self.migrations.running {
            let timeout_us = (running.request.timeout_ms as u64).saturating_mul(1000);
            running.deadline_us = now_us.saturating_add(timeout_us);
        }
    }

    /// Serialises the keys and sends them, with AUTH and SELECT before them where they are needed.
    fn send_migration(&mut self) {
        let Some(mut running) = self.migrations.running.take() else { return };
        let selected = self.migrations.cached.get(&running.request.target).and_then(|cached| cached.db);
        let mut bytes = Vec::new();
        if let Some(auth) = &running.request.auth {
            let words: Vec<&[u8]> = std::iter::once(&b"AUTH"[..]).chain(auth.iter().map(|w| &**w)).collect();
            encode_command(&mut bytes, &words);
            running.owed.push_back(Owed::Auth);
        }
        if selected != Some(running.request.to_db) {
            let number = I64Text::new(running.request.to_db);
            encode_command(&mut bytes, &[b"SELECT", number.as_slice()]);
            running.owed.push_back(Owed::Select);
        }
        let verb: &[u8] = if self.config.cluster_enabled { b"RESTORE-ASKING" } else { b"RESTORE" };
        let now_ms = self.now.wall_ms();
        for (index, key) in running.request.keys.iter().enumerate() {
            let db = &self.dbs[running.db];
            let left_ms = db.get_expire(key).map(|at_ms| at_ms - now_ms);
            // A key can have run out of time since it was looked up.
            let Some(object) = db.get(key).filter(|_| left_ms.is_none_or(|left| left >= 0)) else { continue };
            let payload = dump_payload(object, self.config.rdbcompression);
            let ttl = I64Text::new(left_ms.map_or(0, |left| left.max(1)));
            let mut words: Vec<&[u8]> = vec![verb, key, ttl.as_slice(), &payload];
            if running.request.replace {
                words.push(b"REPLACE");
            }
            encode_command(&mut bytes, &words);
            running.owed.push_back(Owed::Key(index));
            self.cpu.work(Work::SavedKeys, 1);
            self.cpu.work(Work::SavedBytes, payload.len() as u64);
        }
        running.unsent = bytes.len();
        let conn = running.conn;
        self.migrations.running = Some(running);
        if bytes.is_empty() {
            self.end_migration();
            return;
        }
        self.emit(Output::Send { conn, bytes });
    }

    /// The connection to the target stands.
    pub(super) fn migration_connected(&mut self, conn: ConnId) {
        let used_s = self.now.wall_s();
        let Some(running) = self.migrations.running.as_mut().filter(|running| running.conn == conn) else {
            return;
        };
        running.connected = true;
        let target = running.request.target.clone();
        self.migrations.cached.insert(target, Cached { conn, db: None, used_s });
        self.renew_migration_deadline();
        self.send_migration();
    }

    /// The host has taken bytes that were for the target.
    pub(super) fn migration_sent(&mut self, conn: ConnId, bytes: usize) {
        if let Some(running) = self.migrations.running.as_mut().filter(|running| running.conn == conn) {
            running.unsent = running.unsent.saturating_sub(bytes);
            self.renew_migration_deadline();
        }
    }

    /// The target has said something.
    pub(super) fn migration_received(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(running) = self.migrations.running.as_mut().filter(|running| running.conn == conn) else {
            // Nothing is owed, so whatever this is does not speak Redis's protocol.
            self.migrations.cached.retain(|_, cached| cached.conn != conn);
            self.drop_conn(conn, false);
            return;
        };
        running.line.extend_from_slice(bytes);
        self.renew_migration_deadline();
        while let Some(line) = self.migrations.running.as_mut().and_then(next_line) {
            self.migration_answered(line);
        }
    }

    fn migration_answered(&mut self, line: Vec<u8>) {
        let Some(running) = &mut self.migrations.running else { return };
        let Some(owed) = running.owed.pop_front() else { return };
        let is_error = line.first() == Some(&b'-');
        match owed {
            Owed::Auth | Owed::Select => {
                if is_error && running.refused.is_none() {
                    running.refused = Some(line);
                }
            }
            Owed::Key(index) => {
                running.answered = true;
                let failed = running.refused.clone().or_else(|| is_error.then_some(line));
                if let Some(line) = failed {
                    running.error.get_or_insert(line);
                } else if !running.request.copy {
                    let (db, key) = (running.db, running.request.keys[index].clone());
                    running.moved.push(key.clone());
                    self.remove(db, &key);
                    self.signal_modified(db, &key);
                    self.notify_keyspace_event(notify::GENERIC, "del", &key, db);
                    self.dirty += 1;
                }
            }
        }
        if self.migrations.running.as_ref().is_some_and(|running| running.owed.is_empty()) {
            self.end_migration();
        }
    }

    /// A connection to a target has ended.
    pub(super) fn migration_closed(&mut self, conn: ConnId, error: NetError) {
        self.migrations.cached.retain(|_, cached| cached.conn != conn);
        if let Some(running) = self.migrations.running.as_ref().filter(|running| running.conn == conn) {
            // Redis waits until the socket can be written to and does not ask why it can: that nobody listens over there
            // shows when it writes.
            let unreachable = !running.connected && error == NetError::Unreachable;
            self.migration_failed(if unreachable { Failure::Connecting } else { Failure::Broken });
        }
    }

    /// Gives up a migration that has waited for too long. Returns whether it did.
    pub(super) fn migration_timed_out(&mut self, now: Now) -> bool {
        let Some(running) = &self.migrations.running else { return false };
        if now.mono_us < running.deadline_us {
            return false;
        }
        self.migration_failed(if running.connected { Failure::TimedOut } else { Failure::Connecting });
        true
    }

    fn migration_failed(&mut self, failure: Failure) {
        let Some(running) = self.migrations.running.take() else { return };
        self.migrations.cached.remove(&running.request.target);
        self.drop_conn(running.conn, false);
        if failure == Failure::Connecting {
            self.answer_migration(&running, Some("-IOERR error or timeout connecting to the client".into()));
            return;
        }
        // A kept connection is often one that the target has closed meanwhile: if nothing has happened yet, a new one may do.
        if failure == Failure::Broken && running.may_retry && !running.answered && running.error.is_none() {
            self.open_migration(running.client, running.db, running.request, false);
            return;
        }
        let doing = if running.unsent > 0 || !running.connected { "writing" } else { "reading" };
        let text = match &running.error {
            Some(line) => target_error(line),
            None => format!("-IOERR error or timeout {doing} to target instance"),
        };
        self.answer_migration(&running, Some(text));
    }

    /// Every reply is there.
    fn end_migration(&mut self) {
        let Some(running) = self.migrations.running.take() else { return };
        if let Some(cached) = self.migrations.cached.get_mut(&running.request.target) {
            cached.db = running.error.is_none().then_some(running.request.to_db);
        }
        let error = running.error.as_deref().map(target_error);
        self.answer_migration(&running, error);
    }

    /// Propagates what was moved as a DEL and answers the client.
    fn answer_migration(&mut self, running: &Running, error: Option<String>) {
        if !running.moved.is_empty() {
            let del = std::iter::once(Box::from(&b"DEL"[..])).chain(running.moved.iter().cloned());
            self.also_propagate(running.db, del.collect(), false);
            self.propagate_pending();
        }
        let offset = self.repl.offset;
        self.unblock(running.client);
        if let Some(client) = self.clients.get_mut(&running.client)
            && !running.moved.is_empty()
        {
            client.write_offset = offset;
        }
        if let Some(text) = &error {
            self.stats.count_error(text.strip_prefix('-').map_or(&b"ERR"[..], str::as_bytes));
            if let Some(command) = crate::command::table::lookup(b"migrate") {
                self.stats.commands[command.index()].failed += 1;
            }
        }
        self.reply_to(running.client, |reply| match &error {
            Some(text) => reply.error(text),
            None => reply.ok(),
        });
        self.resumed.push_back(running.client);
    }

    /// Closes connections to targets that nobody has used for a while (`migrateCloseTimedoutSockets`).
    pub(super) fn migration_cron(&mut self) {
        let now_s = self.now.wall_s();
        let old = |cached: &Cached| now_s - cached.used_s > CACHED_S;
        let gone: Vec<Target> =
            self.migrations.cached.iter().filter(|(_, c)| old(c)).map(|(target, _)| target.clone()).collect();
        for target in gone {
            self.close_target(&target);
        }
    }
}

/// Takes the next line out of what the target has sent.
fn next_line(running: &mut Box<Running>) -> Option<Vec<u8>> {
    let line = &mut running.line;
    let (len, next) = match line.iter().position(|&byte| byte == b'\n') {
        Some(at) if at < LINE_LEN_MAX => (at, at + 1),
        _ if line.len() >= LINE_LEN_MAX => (LINE_LEN_MAX, LINE_LEN_MAX),
        _ => return None,
    };
    let mut text: Vec<u8> = line.drain(..next).take(len).collect();
    if text.last() == Some(&b'\r') {
        text.pop();
    }
    Some(text)
}

fn target_error(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default());
    format!("Target instance replied with error: {text}")
}

/// A port as `atoi` reads it.
fn port_of(text: &[u8]) -> u16 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0u32, |n, digit| n.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    u16::try_from(number & 0xffff).unwrap_or(0)
}
