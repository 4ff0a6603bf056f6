//! The side that follows: connecting to the master, the handshake, the snapshot, the stream.
//!
//! The steps are those of `syncWithMaster` and `readSyncBulkPayload` (replication.c 7.0.15): PING, AUTH, REPLCONF, PSYNC,
//! then either the stream goes on, or a snapshot comes first, is written to a temporary file, renamed over the RDB file
//! and loaded from there. From then on the master is a client like any other, except that what it sends is obeyed and
//! counted: its bytes are the replication offset, and they are passed on unchanged to this node's own replicas.

use crate::config::ReplicaOf;
use crate::event::Event;
use crate::host::{ConnId, DiskRequest, Listener, LogLevel, NetError, Now, Output};
use crate::node::client::{ClientId, Role};
use crate::node::{ConnUse, Node};
use crate::planted::Bug;
use crate::resp::encode_command;
use std::rc::Rc;

/// A reply line of the handshake longer than this is no Redis on the other side.
const LINE_LEN_MAX: usize = 1024;
/// Redis makes the transferred file durable piece by piece, each 8 MiB (`REPL_MAX_WRITTEN_BEFORE_FSYNC`).
const WRITTEN_BEFORE_FSYNC_MAX: u64 = 8 << 20;
/// The length of the mark that ends a streamed snapshot.
const MARK_LEN: usize = 40;

/// A step of the handshake: the reply that is waited for (`REPL_STATE_RECEIVE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// To PING.
    Pong,
    /// To AUTH.
    Auth,
    /// To REPLCONF listening-port.
    Port,
    /// To REPLCONF ip-address.
    Ip,
    /// To REPLCONF capa.
    Capa,
    /// To PSYNC.
    Psync,
}

/// The snapshot that is coming in.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Bytes of the snapshot that came so far.
    pub read: u64,
    /// How many there will be; `None` until the header has come, and for a streamed snapshot.
    pub size: Option<u64>,
    /// The mark that ends a streamed snapshot.
    mark: Option<Vec<u8>>,
    /// The end of what came, which may be the beginning of the mark.
    held: Vec<u8>,
    file: Rc<str>,
    fsynced: u64,
}

/// Where a replica stands with its master (`REPL_STATE_*`).
#[derive(Clone, Debug)]
pub enum LinkState {
    /// It must connect.
    Connect,
    /// It is connecting.
    Connecting(ConnId),
    /// The handshake goes on.
    Handshake(ConnId, Awaited),
    /// A snapshot is coming in.
    Transfer(ConnId, Transfer),
    /// The snapshot is complete and is being made durable, renamed and loaded.
    Loading(ConnId),
    /// It follows the stream, through this client.
    Connected(ClientId),
}

/// What a replica keeps of its master.
#[derive(Clone, Debug)]
pub struct MasterLink {
    /// The master's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Where the link stands.
    pub state: LinkState,
    /// Since when the link is down (wall clock, seconds); 0 if it never was up, or is up.
    pub down_since_s: i64,
    /// When the other side last said anything (wall clock, seconds).
    pub last_io_s: i64,
    /// Whether this node's data continues a known history, so that a partial resynchronisation may be asked for
    /// (`cached_master`).
    pub can_continue: bool,
    /// The database that the stream had selected when the link broke.
    pub selected_db: usize,
    /// Bytes of the handshake that make no whole line yet.
    line: Vec<u8>,
    /// The bytes of a transaction whose EXEC has not come yet.
    unfinished: Vec<u8>,
    /// Bytes of the stream that came before the snapshot was loaded: a master that knew its length goes on at once.
    ahead: Vec<u8>,
    /// The history and offset that a full resynchronisation will give this node.
    announced: Option<(Rc<str>, i64)>,
}

impl MasterLink {
    /// The link of a node whose configuration names a master; it connects once the node has loaded its data.
    pub(crate) fn at_start(host: String, port: u16, now: Now) -> MasterLink {
        MasterLink {
            host,
            port,
            state: LinkState::Connect,
            down_since_s: 0,
            last_io_s: now.wall_s(),
            can_continue: false,
            selected_db: 0,
            line: Vec::new(),
            unfinished: Vec::new(),
            ahead: Vec::new(),
            announced: None,
        }
    }

    /// The client that the stream comes through, once the link is up.
    pub fn client(&self) -> Option<ClientId> {
        match self.state {
            LinkState::Connected(id) => Some(id),
            _ => None,
        }
    }

    /// The history and offset that the snapshot which is coming in stands for, if the master said so.
    pub(crate) fn announced(&self) -> Option<(&Rc<str>, i64)> {
        self.announced.as_ref().map(|(replid, offset)| (replid, *offset))
    }

    /// Whether a snapshot is coming in or being loaded (INFO's `master_sync_in_progress`).
    pub fn sync_in_progress(&self) -> bool {
        matches!(self.state, LinkState::Transfer(..) | LinkState::Loading(_))
    }

    /// While a snapshot comes in: how many bytes of it have come, and how many there will be if the master said so.
    pub fn received(&self) -> Option<(u64, Option<u64>)> {
        match &self.state {
            LinkState::Transfer(_, transfer) => Some((transfer.read, transfer.size)),
            _ => None,
        }
    }

    /// The word that ROLE shows.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            LinkState::Connect => "connect",
            LinkState::Connecting(_) => "connecting",
            LinkState::Handshake(..) => "handshake",
            LinkState::Transfer(..) | LinkState::Loading(_) => "sync",
            LinkState::Connected(_) => "connected",
        }
    }

    fn conn(&self) -> Option<ConnId> {
        match self.state {
            LinkState::Connecting(conn)
            | LinkState::Handshake(conn, _)
            | LinkState::Transfer(conn, _)
            | LinkState::Loading(conn) => Some(conn),
            LinkState::Connect | LinkState::Connected(_) => None,
        }
    }
}

impl Node {
    /// Follows another node (`replicationSetMaster`).
    pub(crate) fn set_master(&mut self, host: &str, port: u16) {
        let old = self.repl.master.take();
        let was_master = old.is_none();
        let mut can_continue = old.as_ref().is_some_and(|link| link.can_continue);
        let mut selected_db = old.as_ref().map_or(0, |link| link.selected_db);
        if let Some(link) = old {
            if let Some(id) = link.client() {
                can_continue = true;
                selected_db = self.clients.get(&id).map_or(0, |client| client.db);
            }
            self.abandon_link(&link);
        }
        self.disconnect_blocked_clients();
        if was_master {
            can_continue = true;
            self.log(
                LogLevel::Notice,
                "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be \
                 able to synchronize with the new master with just a partial transfer.",
            );
        }
        self.repl.master = Some(MasterLink {
            host: host.to_owned(),
            port,
            state: LinkState::Connect,
            down_since_s: if was_master { 0 } else { self.now.wall_s() },
            last_io_s: self.now.wall_s(),
            can_continue,
            selected_db,
            line: Vec::new(),
            unfinished: Vec::new(),
            ahead: Vec::new(),
            announced: None,
        });
        // CONFIG GET and REWRITE tell of the master that is followed now.
        Rc::make_mut(&mut self.config).replicaof = Some(ReplicaOf { host: host.to_owned(), port });
        self.event(Event::Role { replica: true, master: Some(format!("{host}:{port}")) });
        self.connect_to_master("Connecting to MASTER");
    }

    /// Becomes a master (`replicationUnsetMaster`).
    pub(crate) fn unset_master(&mut self) {
        let Some(link) = self.repl.master.take() else { return };
        Rc::make_mut(&mut self.config).replicaof = None;
        self.abandon_link(&link);
        self.repl.shift_id(&mut self.rng);
        let text = format!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            self.repl.replid2, self.repl.second_offset, self.repl.replid
        );
        self.log(LogLevel::Warning, text);
        self.disconnect_replicas();
        self.repl.selected_db = None;
        self.repl.no_replicas_since_s = self.now.wall_s();
        self.event(Event::Role { replica: false, master: None });
        self.restart_aof_if_stopped();
    }

    /// Closes whatever connection a link has and forgets what came over it.
    fn abandon_link(&mut self, link: &MasterLink) {
        if let Some(id) = link.client()
            && let Some(mut client) = self.clients.remove(&id)
        {
            client.role = Role::Normal;
            let conn = client.conn;
            self.clients.insert(id, client);
            self.free_client(id);
            self.drop_conn(conn, false);
        }
        if let Some(conn) = link.conn() {
            self.drop_conn(conn, false);
        }
        if let LinkState::Transfer(_, transfer) = &link.state {
            let path = transfer.file.clone();
            self.disk(DiskRequest::Remove { path });
        }
    }

    fn connect_to_master(&mut self, verb: &str) {
        let Some(link) = &self.repl.master else { return };
        let (host, port) = (link.host.clone(), link.port);
        self.log(LogLevel::Notice, format!("{verb} {host}:{port}"));
        let conn = self.connect(&host, port, ConnUse::MasterHandshake);
        let now_s = self.now.wall_s();
        if let Some(link) = &mut self.repl.master {
            link.state = LinkState::Connecting(conn);
            link.last_io_s = now_s;
            link.line.clear();
            link.ahead.clear();
        }
        self.log(LogLevel::Notice, "MASTER <-> REPLICA sync started");
    }

    /// Gives up the handshake; the next cron tries again (`cancelReplicationHandshake`).
    fn cancel_handshake(&mut self, reconnect: bool) {
        let Some(mut link) = self.repl.master.take() else { return };
        self.abandon_link(&link);
        link.state = LinkState::Connect;
        self.repl.master = Some(link);
        if reconnect {
            self.connect_to_master("Reconnecting to MASTER");
        }
    }

    pub(crate) fn master_connected(&mut self, conn: ConnId) {
        let Some(link) = &mut self.repl.master else { return };
        if !matches!(link.state, LinkState::Connecting(mine) if mine == conn) {
            return;
        }
        link.state = LinkState::Handshake(conn, Awaited::Pong);
        self.log(LogLevel::Notice, "Non blocking connect for SYNC fired the event.");
        self.send_command(conn, &[b"PING"]);
    }

    fn send_command(&mut self, conn: ConnId, args: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode_command(&mut bytes, args);
        self.emit(Output::Send { conn, bytes });
    }

    pub(crate) fn master_lost(&mut self, conn: ConnId, error: NetError) {
        let Some(link) = &self.repl.master else { return };
        if link.conn() != Some(conn) {
            return;
        }
        let text = match &link.state {
            LinkState::Connecting(_) => format!("Error condition on socket for SYNC: {}", error.strerror()),
            LinkState::Transfer(..) => "I/O error trying to sync with MASTER: connection lost".to_owned(),
            LinkState::Loading(_) => return self.master_lost_while_loading(),
            _ => "Master did not respond to command during SYNC handshake".to_owned(),
        };
        let transfer = matches!(link.state, LinkState::Transfer(..));
        self.log(LogLevel::Warning, text);
        self.cancel_handshake(transfer);
    }

    /// The snapshot is whole, so loading goes on; that the link is gone shows when the stream should begin.
    fn master_lost_while_loading(&mut self) {
        if let Some(link) = &mut self.repl.master {
            link.line.clear();
            link.line.push(0);
        }
    }

    /// Bytes of the handshake or of the snapshot.
    pub(crate) fn master_received(&mut self, conn: ConnId, bytes: Vec<u8>) {
        let now_s = self.now.wall_s();
        let Some(link) = &mut self.repl.master else { return };
        if link.conn() != Some(conn) {
            return;
        }
        link.last_io_s = now_s;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Some(link) = &mut self.repl.master else { return };
            if link.conn() != Some(conn) {
                // The handshake ended with this read: the stream's first bytes are behind it.
                let client = link.client();
                if let Some(id) = client
                    && self.conns.get(conn) == Some(&ConnUse::Client(id))
                {
                    self.client_received(id, rest.to_vec());
                }
                return;
            }
            if let LinkState::Transfer(_, transfer) = &link.state
                && (transfer.size.is_some() || transfer.mark.is_some())
            {
                let bytes = rest;
                self.stats.net_repl_input_bytes += bytes.len() as u64;
                rest = self.transfer_received(conn, bytes);
                continue;
            }
            if let LinkState::Loading(_) = link.state {
                link.ahead.extend_from_slice(rest);
                return;
            }
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                link.line.extend_from_slice(rest);
                if link.line.len() > LINE_LEN_MAX {
                    self.log(LogLevel::Warning, "Master did not respond to command during SYNC handshake");
                    self.cancel_handshake(false);
                }
                return;
            };
            link.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let mut line = std::mem::take(&mut link.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            match link.state.clone() {
                LinkState::Handshake(_, awaited) => self.handshake_line(conn, awaited, &line),
                LinkState::Transfer(..) => self.transfer_header(&line),
                _ => return,
            }
        }
    }

    fn await_reply(&mut self, conn: ConnId, awaited: Awaited) {
        if let Some(link) = &mut self.repl.master {
            link.state = LinkState::Handshake(conn, awaited);
        }
    }

    fn handshake_line(&mut self, conn: ConnId, awaited: Awaited, line: &str) {
        match awaited {
            Awaited::Pong => {
                let fine = line.starts_with('+')
                    || line.starts_with("-NOAUTH")
                    || line.starts_with("-NOPERM")
                    || line.starts_with("-ERR operation not permitted");
                if !fine {
                    self.log(LogLevel::Warning, format!("Error reply to PING from master: '{line}'"));
                    return self.cancel_handshake(false);
                }
                self.log(LogLevel::Notice, "Master replied to PING, replication can continue...");
                let config = Rc::clone(&self.config);
                if let Some(password) = &config.masterauth {
                    match &config.masteruser {
                        Some(user) => self.send_command(conn, &[b"AUTH", user.as_bytes(), password]),
                        None => self.send_command(conn, &[b"AUTH", password]),
                    }
                }
                let port =
                    if config.replica_announce_port > 0 { config.replica_announce_port } else { config.port };
                self.send_command(conn, &[b"REPLCONF", b"listening-port", port.to_string().as_bytes()]);
                if let Some(ip) = &config.replica_announce_ip {
                    self.send_command(conn, &[b"REPLCONF", b"ip-address", ip.as_bytes()]);
                }
                self.send_command(conn, &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
                let next = if config.masterauth.is_some() { Awaited::Auth } else { Awaited::Port };
                self.await_reply(conn, next);
            }
            Awaited::Auth => {
                if line.starts_with('-') {
                    self.log(LogLevel::Warning, format!("Unable to AUTH to MASTER: {line}"));
                    return self.cancel_handshake(false);
                }
                self.await_reply(conn, Awaited::Port);
            }
            Awaited::Port => {
                self.note_refusal("listening-port", line);
                let next =
                    if self.config.replica_announce_ip.is_some() { Awaited::Ip } else { Awaited::Capa };
                self.await_reply(conn, next);
            }
            Awaited::Ip => {
                self.note_refusal("ip-address", line);
                self.await_reply(conn, Awaited::Capa);
            }
            Awaited::Capa => {
                self.note_refusal("capa", line);
                self.send_psync(conn);
            }
            Awaited::Psync => self.psync_reply(conn, line),
        }
    }

    fn note_refusal(&mut self, what: &str, line: &str) {
        if line.starts_with('-') {
            self.log(
                LogLevel::Notice,
                format!("(Non critical) Master does not understand REPLCONF {what}: {line}"),
            );
        }
    }

    fn send_psync(&mut self, conn: ConnId) {
        let can_continue = self.repl.master.as_ref().is_some_and(|link| link.can_continue);
        if can_continue {
            let (replid, offset) = (Rc::clone(&self.repl.replid), (self.repl.offset + 1).to_string());
            self.log(
                LogLevel::Notice,
                format!("Trying a partial resynchronization (request {replid}:{offset})."),
            );
            // A master that hands its place over tells the replica to take it.
            if self.failing_over() {
                self.send_command(conn, &[b"PSYNC", replid.as_bytes(), offset.as_bytes(), b"FAILOVER"]);
            } else {
                self.send_command(conn, &[b"PSYNC", replid.as_bytes(), offset.as_bytes()]);
            }
        } else {
            self.log(LogLevel::Notice, "Partial resynchronization not possible (no cached master)");
            self.send_command(conn, &[b"PSYNC", b"?", b"-1"]);
        }
        self.await_reply(conn, Awaited::Psync);
    }

    fn psync_reply(&mut self, conn: ConnId, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some(rest) = line.strip_prefix("+FULLRESYNC") {
            let mut words = rest.split_whitespace();
            let announced = match (words.next(), words.next().and_then(|word| word.parse::<i64>().ok())) {
                (Some(replid), Some(offset)) if replid.len() == 40 => Some((Rc::<str>::from(replid), offset)),
                _ => None,
            };
            match &announced {
                Some((replid, offset)) => {
                    self.log(LogLevel::Notice, format!("Full resync from master: {replid}:{offset}"));
                }
                None => self.log(LogLevel::Warning, "Master replied with wrong +FULLRESYNC syntax."),
            }
            if let Some(link) = &mut self.repl.master {
                link.announced = announced;
            }
            self.end_failover();
            self.begin_transfer(conn);
        } else if let Some(rest) = line.strip_prefix("+CONTINUE") {
            self.log(LogLevel::Notice, "Successful partial resynchronization with master.");
            let replid = rest.trim();
            if replid.len() == 40 && replid != &*self.repl.replid {
                self.log(LogLevel::Warning, format!("Master replication ID changed to {replid}"));
                self.repl.second_offset = self.repl.offset + 1;
                self.repl.replid2 = std::mem::replace(&mut self.repl.replid, replid.into());
                self.disconnect_replicas();
            }
            let db = self.repl.master.as_ref().map_or(0, |link| link.selected_db);
            self.begin_stream(conn, db);
            self.event(Event::Resync { full: false, offset: self.repl.offset });
            self.repl.make_backlog(self.config.repl_backlog_size);
            self.end_failover();
            self.log(
                LogLevel::Notice,
                "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.",
            );
        } else if line.starts_with("-NOMASTERLINK") || line.starts_with("-LOADING") {
            self.log(
                LogLevel::Notice,
                format!("Master is currently unable to PSYNC but should be in the future: {line}"),
            );
            if self.failing_over() {
                return self.abort_failover("Failover target rejected psync request");
            }
            self.cancel_handshake(false);
        } else {
            if line.starts_with("-ERR") {
                self.log(
                    LogLevel::Notice,
                    format!("Master does not support PSYNC or is in error state (reply: {line})"),
                );
            } else {
                self.log(LogLevel::Warning, format!("Unexpected reply to PSYNC from master: {line}"));
            }
            if self.failing_over() {
                return self.abort_failover("Failover target rejected psync request");
            }
            self.log(LogLevel::Notice, "Retrying with SYNC...");
            self.emit(Output::Send { conn, bytes: b"SYNC\r\n".to_vec() });
            self.begin_transfer(conn);
        }
    }

    fn begin_transfer(&mut self, conn: ConnId) {
        let file: Rc<str> = format!("temp-{}.{}.rdb", self.now.wall_s(), self.options.pid).into();
        self.disk(DiskRequest::Create { path: Rc::clone(&file) });
        if let Some(link) = &mut self.repl.master {
            link.state = LinkState::Transfer(
                conn,
                Transfer { read: 0, size: None, mark: None, held: Vec::new(), file, fsynced: 0 },
            );
        }
    }

    /// The line before the snapshot: `$<bytes>` or `$EOF:<mark>`.
    fn transfer_header(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        let mark = line.strip_prefix("$EOF:").filter(|mark| mark.len() >= MARK_LEN);
        let size = line.strip_prefix('$').and_then(|size| size.parse::<u64>().ok());
        let text = match (mark, size) {
            (Some(_), _) => {
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk".to_owned()
            }
            (None, Some(size)) => {
                format!("MASTER <-> REPLICA sync: receiving {size} bytes from master to disk")
            }
            (None, None) => {
                let text = match line.strip_prefix('-') {
                    Some(error) => format!("MASTER aborted replication with an error: {error}"),
                    None => format!(
                        "Bad protocol from MASTER, the first byte is not '$' (we received '{line}'), are you sure the \
                         host and port are right?"
                    ),
                };
                self.log(LogLevel::Warning, text);
                return self.cancel_handshake(true);
            }
        };
        self.log(LogLevel::Notice, text);
        if let Some(link) = &mut self.repl.master
            && let LinkState::Transfer(_, transfer) = &mut link.state
        {
            transfer.mark = mark.map(|mark| mark.as_bytes()[..MARK_LEN].to_vec());
            transfer.size = if mark.is_some() { None } else { size };
        }
        if mark.is_none() && size == Some(0) {
            self.transfer_complete();
        }
    }

    /// Takes in bytes of the snapshot; gives back what lies behind it.
    fn transfer_received<'a>(&mut self, _conn: ConnId, bytes: &'a [u8]) -> &'a [u8] {
        let Some(link) = &mut self.repl.master else { return &[] };
        let LinkState::Transfer(_, transfer) = &mut link.state else { return &[] };
        let (payload, rest, complete) = match (&transfer.mark, transfer.size) {
            (Some(mark), _) => {
                // The mark is the last thing that a streaming master sends before it has our acknowledgement.
                transfer.held.extend_from_slice(bytes);
                let complete = transfer.held.ends_with(mark);
                let keep = if complete { 0 } else { MARK_LEN.min(transfer.held.len()) };
                let len = transfer.held.len() - if complete { MARK_LEN } else { keep };
                let payload: Rc<[u8]> = transfer.held[..len].into();
                transfer.held.drain(..len);
                (payload, &bytes[bytes.len()..], complete)
            }
            (None, size) => {
                let left = (size.unwrap_or(0) - transfer.read).min(bytes.len() as u64) as usize;
                (bytes[..left].into(), &bytes[left..], transfer.read + left as u64 == size.unwrap_or(0))
            }
        };
        transfer.read += payload.len() as u64;
        let path = Rc::clone(&transfer.file);
        let fsync = transfer.read - transfer.fsynced >= WRITTEN_BEFORE_FSYNC_MAX;
        if fsync {
            transfer.fsynced = transfer.read;
        }
        let len = payload.len() as u64;
        if !payload.is_empty() {
            let op = self.disk(DiskRequest::Append { path: Rc::clone(&path), bytes: payload });
            self.transfer_write_started(op, len);
        }
        if fsync {
            self.disk(DiskRequest::Fsync { path });
        }
        if complete {
            self.transfer_complete();
        }
        rest
    }

    /// The whole snapshot is there: make it durable, put it in the place of the RDB file, load it.
    fn transfer_complete(&mut self) {
        let Some(link) = &mut self.repl.master else { return };
        let LinkState::Transfer(conn, transfer) = &link.state else { return };
        let (conn, file) = (*conn, Rc::clone(&transfer.file));
        link.state = LinkState::Loading(conn);
        self.emit(Output::Reading { conn, wanted: false });
        self.load_transferred_snapshot(file);
    }

    /// Whether a snapshot that was transferred is still wanted: the master may be another one by now, or none.
    pub(crate) fn expects_snapshot(&self) -> bool {
        self.repl.master.as_ref().is_some_and(|link| matches!(link.state, LinkState::Loading(_)))
    }

    /// The RDB file that was loaded says where it stood in the stream: a replica can go on from there, and the replicas of
    /// a master can go on with it (`loadDataFromDisk`, server.c 7.0.15).
    pub(crate) fn continue_history(&mut self, id: &str, offset: i64, db: usize, is_master: bool) {
        if is_master {
            self.repl.replid2 = id.into();
            self.repl.second_offset = offset + 1;
            // What has expired meanwhile is in the stream already, from offset 1 on.
            self.repl.offset += offset;
            if let Some(backlog) = &mut self.repl.backlog {
                backlog.move_on(offset);
            }
            self.repl.no_replicas_since_s = self.now.wall_s();
            return;
        }
        self.repl.replid = id.into();
        self.repl.offset = offset;
        if let Some(link) = &mut self.repl.master {
            link.can_continue = true;
            link.selected_db = db;
        }
    }

    /// Writing, renaming or loading the snapshot failed: begin again.
    pub(crate) fn transfer_failed(&mut self, text: &str) {
        self.log(LogLevel::Warning, text);
        self.cancel_handshake(true);
    }

    /// The snapshot is loaded; `db` is the database that the stream has selected, if the snapshot says so.
    pub(crate) fn transfer_loaded(&mut self, db: Option<usize>) {
        let Some(link) = &mut self.repl.master else { return };
        let LinkState::Loading(conn) = link.state else { return };
        let gone = link.line.first() == Some(&0);
        let ahead = std::mem::take(&mut link.ahead);
        if let Some((replid, offset)) = link.announced.take() {
            self.repl.replid = replid;
            self.repl.offset = offset;
        }
        link.can_continue = true;
        link.selected_db = db.unwrap_or(0);
        self.repl.forget_second_id();
        self.repl.backlog = None;
        self.repl.make_backlog(self.config.repl_backlog_size);
        self.event(Event::Resync { full: true, offset: self.repl.offset });
        self.log(LogLevel::Notice, "MASTER <-> REPLICA sync: Finished with success");
        if gone {
            return self.cancel_handshake(true);
        }
        self.emit(Output::Reading { conn, wanted: true });
        self.begin_stream(conn, db.unwrap_or(0));
        self.send_ack();
        self.restart_aof_if_stopped();
        if !ahead.is_empty()
            && let Some(id) = self.repl.master.as_ref().and_then(MasterLink::client)
        {
            self.client_received(id, ahead);
        }
    }

    /// The link is up: the master becomes a client (`replicationCreateMasterClient`).
    fn begin_stream(&mut self, conn: ConnId, db: usize) {
        let Some(link) = &self.repl.master else { return };
        let peer = format!("{}:{}", link.host, link.port);
        let id = self.new_client(conn, Listener::Client, peer, String::new());
        if let Some(client) = self.clients.get_mut(&id) {
            client.role = Role::Master;
            client.authenticated = true;
            client.db = db;
        }
        if let Some(link) = &mut self.repl.master {
            link.state = LinkState::Connected(id);
            link.down_since_s = 0;
            link.can_continue = true;
        }
        self.event(Event::MasterLink { up: true });
    }

    /// The stream broke (`replicationHandleMasterDisconnection`).
    pub(crate) fn master_client_gone(&mut self, id: ClientId) {
        let now_s = self.now.wall_s();
        let db = self.last_master_db;
        let Some(link) = &mut self.repl.master else { return };
        if link.client() != Some(id) {
            return;
        }
        link.state = LinkState::Connect;
        link.down_since_s = now_s;
        link.selected_db = db;
        link.unfinished.clear();
        if self.planted.is(Bug::OffsetFalls) {
            self.repl.offset -= 1;
        }
        self.event(Event::MasterLink { up: false });
        self.log(LogLevel::Warning, "Connection with master lost.");
        self.log(LogLevel::Notice, "Caching the disconnected master state.");
        self.connect_to_master("Reconnecting to MASTER");
    }

    /// The bytes of one command from the master have been applied: they are part of our history now, and of our own
    /// replicas' stream. Those of an open transaction count only once EXEC has run.
    pub(crate) fn applied_from_master(&mut self, id: ClientId, bytes: &[u8]) {
        let in_multi = self.clients.get(&id).is_some_and(|client| client.multi.is_some());
        let Some(link) = &mut self.repl.master else { return };
        if in_multi || !link.unfinished.is_empty() {
            link.unfinished.extend_from_slice(bytes);
            if in_multi {
                return;
            }
            let whole = std::mem::take(&mut link.unfinished);
            self.feed_stream(&whole);
        } else {
            self.feed_stream(bytes);
        }
        self.tell_applied();
    }

    /// Tells the master where we are (`replicationSendAck`).
    pub(crate) fn send_ack(&mut self) {
        let Some(id) = self.repl.master.as_ref().and_then(|link| link.client()) else { return };
        let Some(client) = self.clients.get(&id) else { return };
        let conn = client.conn;
        let ahead = if self.planted.is(Bug::AcksAhead) { 100 } else { 0 };
        let offset = (self.repl.offset + ahead).to_string();
        self.send_command(conn, &[b"REPLCONF", b"ACK", offset.as_bytes()]);
    }

    /// `replicationCron`, once a second.
    pub(crate) fn replication_cron(&mut self) {
        self.repl.snapshot_ended = false;
        self.update_failover();
        let loops = self.repl.cron_loops;
        self.repl.cron_loops += 1;
        let (now_s, timeout_s) = (self.now.wall_s(), i64::from(self.config.repl_timeout));
        if let Some(link) = &self.repl.master {
            let silent_s = now_s - link.last_io_s;
            match &link.state {
                LinkState::Connecting(_) | LinkState::Handshake(..) if silent_s > timeout_s => {
                    self.log(LogLevel::Warning, "Timeout connecting to the MASTER...");
                    self.cancel_handshake(true);
                }
                LinkState::Transfer(..) if silent_s > timeout_s => {
                    self.log(
                        LogLevel::Warning,
                        "Timeout receiving bulk data from MASTER... If the problem persists try to set the \
                         'repl-timeout' parameter in redis.conf to a larger value.",
                    );
                    self.cancel_handshake(true);
                }
                LinkState::Connected(id) => {
                    let id = *id;
                    if self
                        .clients
                        .get(&id)
                        .is_some_and(|client| now_s - client.last_interaction_s > timeout_s)
                    {
                        self.log(LogLevel::Warning, "MASTER timeout: no data nor PING received...");
                        if let Some(conn) = self.clients.get(&id).map(|client| client.conn) {
                            self.drop_conn(conn, false);
                        }
                        self.free_client(id);
                    } else {
                        self.send_ack();
                    }
                }
                LinkState::Connect => self.connect_to_master("Connecting to MASTER"),
                _ => {}
            }
        }
        self.primary_cron(loops);
    }
}
