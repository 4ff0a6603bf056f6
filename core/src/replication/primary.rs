//! The side that sends: from PSYNC to a replica that is online.
//!
//! A replica that cannot go on from the backlog waits for a snapshot. The snapshot is a clone of the dataset that shares
//! its memory; it is encoded and sent slice by slice, to all replicas that were waiting when it began, while commands that
//! run meanwhile gather in the replicas' reply buffers. Those are let go when the replica acknowledges the snapshot.

use super::backlog::Backlog;
use crate::exec::Error;
use crate::host::{LogLevel, Output, limits};
use crate::node::Node;
use crate::node::client::{Client, ClientId, Role};
use crate::persist::file::Source as _;
use crate::persist::source::DatasetSource;
use crate::planted::Bug;
use crate::resp::encode_command;

/// How far a replica is (`SLAVE_STATE_*`, server.h 7.0.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It waits for a snapshot to begin (`wait_bgsave`).
    WaitSnapshot,
    /// The snapshot is being sent (`send_bulk`).
    Snapshot,
    /// It follows the stream (`online`); false until it has acknowledged the snapshot: the stream waits for that.
    Online {
        /// Whether the stream flows.
        streams: bool,
    },
}

/// What a master keeps of one replica.
#[derive(Clone, Debug)]
pub struct ReplicaLink {
    /// How far it is.
    pub state: LinkState,
    /// The last offset it acknowledged.
    pub ack_offset: i64,
    /// When (wall clock, seconds).
    pub ack_time_s: i64,
    /// It came with SYNC, not PSYNC, and acknowledges nothing.
    pub pre_psync: bool,
    /// When it began to wait (wall clock, seconds).
    pub waiting_since_s: i64,
}

impl ReplicaLink {
    /// Whether bytes in its reply buffer may be sent.
    pub fn streams(&self) -> bool {
        matches!(self.state, LinkState::Online { streams: true })
    }

    /// The word that INFO shows.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            LinkState::WaitSnapshot => "wait_bgsave",
            LinkState::Snapshot => "send_bulk",
            LinkState::Online { .. } => "online",
        }
    }
}

/// A snapshot on its way to replicas.
#[derive(Clone, Debug)]
pub struct SyncJob {
    source: DatasetSource,
    targets: Vec<ClientId>,
    /// The mark that ends a stream of unknown length; `None` when the length was said beforehand.
    eof_mark: Option<String>,
}

impl Node {
    /// PSYNC and SYNC (`syncCommand`). With `failover`, this node is to take its master's place first.
    pub(crate) fn handle_sync(
        &mut self,
        id: ClientId,
        request: Option<(&[u8], i64)>,
        failover: bool,
    ) -> Result<(), Error> {
        let Some(client) = self.clients.get(&id) else { return Ok(()) };
        if client.replica().is_some() {
            return Ok(());
        }
        if let (Some((replid, _)), true) = (request, failover) {
            self.take_over(id, replid)?;
        }
        if self.repl.failover.is_some() {
            return Err(Error::fixed("-NOMASTERLINK Can't SYNC while failing over"));
        }
        let Some(client) = self.clients.get(&id) else { return Ok(()) };
        if self.is_replica() && !self.repl.link_up() {
            return Err(Error::fixed("-NOMASTERLINK Can't SYNC while not connected with my master"));
        }
        if !client.reply.is_empty() {
            return Err(Error::fixed("SYNC and PSYNC are invalid with pending output"));
        }
        let name = replica_name(client);
        self.log(LogLevel::Notice, format!("Replica {name} asks for synchronization"));
        if let Some((replid, offset)) = request {
            if self.try_partial(id, replid, offset, &name) {
                self.stats.sync_partial_ok += 1;
                return Ok(());
            }
            if replid != b"?" {
                self.stats.sync_partial_err += 1;
            }
        }
        self.stats.sync_full += 1;
        self.become_replica_client(id, LinkState::WaitSnapshot, request.is_none());
        if self.repl.replicas.len() == 1 && self.repl.backlog.is_none() {
            self.repl.begin_new_history(&mut self.rng);
            self.repl.make_backlog(self.config.repl_backlog_size);
            let text = format!(
                "Replication backlog created, my new replication IDs are '{}' and '{}'",
                self.repl.replid, self.repl.replid2
            );
            self.log(LogLevel::Notice, text);
        }
        let delayed = self.config.repl_diskless_sync
            && self.config.repl_diskless_sync_delay > 0
            && self.clients.get(&id).is_some_and(|client| client.replconf.capa_eof);
        if self.repl.sync.is_some() {
            self.log(LogLevel::Notice, "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC");
        } else if delayed {
            self.log(LogLevel::Notice, "Delay next BGSAVE for diskless SYNC");
        } else if self.snapshot_running() {
            self.log(
                LogLevel::Notice,
                "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed",
            );
        } else {
            self.start_sync_job();
        }
        Ok(())
    }

    fn become_replica_client(&mut self, id: ClientId, state: LinkState, pre_psync: bool) {
        let now_s = self.now.wall_s();
        if let Some(client) = self.clients.get_mut(&id) {
            client.role = Role::Replica(Box::new(ReplicaLink {
                state,
                ack_offset: 0,
                ack_time_s: now_s,
                pre_psync,
                waiting_since_s: now_s,
            }));
            self.repl.replicas.push(id);
        }
    }

    /// `masterTryPartialResynchronization`
    fn try_partial(&mut self, id: ClientId, replid: &[u8], offset: i64, name: &str) -> bool {
        let is_first = replid.eq_ignore_ascii_case(self.repl.replid.as_bytes());
        let is_second = replid.eq_ignore_ascii_case(self.repl.replid2.as_bytes());
        if !is_first && (!is_second || offset > self.repl.second_offset) {
            let text = if replid == b"?" {
                format!("Full resync requested by replica {name}")
            } else if is_second {
                format!(
                    "Partial resynchronization not accepted: Requested offset for second ID was {offset}, but I can \
                     reply up to {}",
                    self.repl.second_offset
                )
            } else {
                format!(
                    "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{}', my \
                     replication IDs are '{}' and '{}')",
                    String::from_utf8_lossy(replid),
                    self.repl.replid,
                    self.repl.replid2
                )
            };
            self.log(LogLevel::Notice, text);
            return false;
        }
        let first = offset - i64::from(self.planted.is(Bug::BacklogOffByOne));
        let Some(bytes) =
            self.repl.backlog.as_ref().filter(|log| log.covers(offset)).map(|log| log.from(first))
        else {
            self.log(
                LogLevel::Notice,
                format!("Unable to partial resync with replica {name} for lack of backlog (Replica request was: {offset})."),
            );
            if offset > self.repl.offset {
                self.log(
                    LogLevel::Warning,
                    format!(
                        "Warning: replica {name} tried to PSYNC with an offset that is greater than the master \
                         replication offset."
                    ),
                );
            }
            return false;
        };
        self.become_replica_client(id, LinkState::Online { streams: true }, false);
        let psync2 = self.clients.get(&id).is_some_and(|client| client.replconf.capa_psync2);
        let hello =
            if psync2 { format!("+CONTINUE {}\r\n", self.repl.replid) } else { "+CONTINUE\r\n".to_owned() };
        self.send_to_client(id, hello.into_bytes());
        self.log(
            LogLevel::Notice,
            format!(
                "Partial resynchronization request from {name} accepted. Sending {} bytes of backlog starting from \
                 offset {offset}.",
                bytes.len()
            ),
        );
        if !bytes.is_empty() {
            self.send_to_client(id, bytes);
        }
        self.count_good_replicas();
        true
    }

    /// Sends bytes past the reply buffer: what is not part of the stream.
    fn send_to_client(&mut self, id: ClientId, bytes: Vec<u8>) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.in_flight += bytes.len();
            self.stats.net_repl_output_bytes += bytes.len() as u64;
            let conn = client.conn;
            self.emit(Output::Send { conn, bytes });
        }
    }

    /// Begins to send a snapshot to all replicas that wait for one (`startBgsaveForReplication`).
    pub(crate) fn start_sync_job(&mut self) {
        let waiting: Vec<ClientId> = self.replicas_in(LinkState::WaitSnapshot);
        let Some(&first) = waiting.first() else { return };
        let capa_eof = self.clients.get(&first).is_some_and(|client| client.replconf.capa_eof);
        let targets: Vec<ClientId> = waiting
            .into_iter()
            .filter(|id| self.clients.get(id).is_some_and(|client| client.replconf.capa_eof == capa_eof))
            .collect();
        let streamed = self.config.repl_diskless_sync && capa_eof;
        let target_text = if streamed { "replicas sockets" } else { "disk" };
        self.log(LogLevel::Notice, format!("Starting BGSAVE for SYNC with target: {target_text}"));
        self.count_fork();
        // The stream that follows the snapshot begins with a SELECT: the snapshot says nothing of a selected database.
        self.repl.selected_db = None;
        let hello = format!("+FULLRESYNC {} {}\r\n", self.repl.replid, self.repl.offset);
        let source = self.rdb_source();
        let (header, eof_mark) = if streamed {
            let mark = self.rng.hex(40);
            (format!("$EOF:{mark}\r\n"), Some(mark))
        } else {
            // The length must go first, and nothing is kept: the snapshot is encoded twice.
            let mut counting = source.clone();
            let (mut slice, mut len) = (Vec::new(), 0);
            while counting.fill(limits::SNAPSHOT_SLICE_LEN, &mut slice) {
                len += slice.len();
                slice.clear();
            }
            (format!("${}\r\n", len + slice.len()), None)
        };
        for &id in &targets {
            let old_style = match self.clients.get_mut(&id).and_then(|client| client.replica_mut()) {
                Some(link) => {
                    link.state = LinkState::Snapshot;
                    link.pre_psync
                }
                None => continue,
            };
            let mut bytes = if old_style { Vec::new() } else { hello.clone().into_bytes() };
            bytes.extend_from_slice(header.as_bytes());
            self.send_to_client(id, bytes);
        }
        self.repl.sync = Some(SyncJob { source, targets, eof_mark });
    }

    fn replicas_in(&self, state: LinkState) -> Vec<ClientId> {
        let in_state = |id: &&ClientId| {
            self.clients.get(id).and_then(|client| client.replica()).is_some_and(|link| link.state == state)
        };
        self.repl.replicas.iter().filter(in_state).copied().collect()
    }

    /// Whether the running snapshot can go on: its slowest reader has room.
    pub(crate) fn sync_job_wants_slice(&self) -> bool {
        self.repl.sync.as_ref().is_some_and(|job| {
            job.targets.iter().all(|id| {
                self.clients.get(id).is_none_or(|client| client.in_flight < limits::SNAPSHOT_IN_FLIGHT_MAX)
            })
        })
    }

    /// Encodes and sends the next slice of the running snapshot.
    pub(crate) fn sync_job_slice(&mut self) {
        let Some(mut job) = self.repl.sync.take() else { return };
        job.targets.retain(|id| self.clients.contains_key(id));
        if job.targets.is_empty() {
            self.log(LogLevel::Notice, "Diskless rdb transfer, last replica dropped, killing fork child.");
            return;
        }
        let mut slice = Vec::new();
        let keys_before = job.source.keys();
        let over = !job.source.fill(limits::SNAPSHOT_SLICE_LEN, &mut slice);
        let keys = job.source.keys() - keys_before;
        self.cpu.child_work(self.now.mono_us, keys, slice.len() as u64);
        if over && let Some(mark) = &job.eof_mark {
            slice.extend_from_slice(mark.as_bytes());
        }
        for &id in &job.targets {
            self.send_to_client(id, slice.clone());
        }
        if !over {
            self.repl.sync = Some(job);
            return;
        }
        self.log(LogLevel::Notice, "Background RDB transfer terminated with success");
        let now_s = self.now.wall_s();
        for &id in &job.targets {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let name = replica_name(client);
            let rdb_only = client.replconf.rdb_only;
            let Some(link) = client.replica_mut() else { continue };
            link.ack_time_s = now_s;
            // A replica that reads until the mark says by its first ACK that it is done; others just go on reading.
            let streams = job.eof_mark.is_none() || link.pre_psync;
            link.state = LinkState::Online { streams };
            if rdb_only {
                self.close_client(id);
                continue;
            }
            if streams {
                self.wants_to_send(id);
            }
            self.log(
                LogLevel::Notice,
                if streams {
                    format!("Synchronization with replica {name} succeeded")
                } else {
                    format!("Streamed replica synchronization with replica {name} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming")
                },
            );
        }
        self.count_good_replicas();
        self.repl.snapshot_ended = true;
    }

    /// `REPLCONF ACK`
    pub(crate) fn replica_ack(&mut self, id: ClientId, offset: i64) {
        let now_s = self.now.wall_s();
        let Some(link) = self.clients.get_mut(&id).and_then(|client| client.replica_mut()) else { return };
        link.ack_offset = link.ack_offset.max(offset);
        link.ack_time_s = now_s;
        if link.state == (LinkState::Online { streams: false }) {
            link.state = LinkState::Online { streams: true };
            self.wants_to_send(id);
        }
    }

    /// A replica's connection is gone.
    pub(crate) fn replica_gone(&mut self, client: &Client) {
        let name = replica_name(client);
        self.log(LogLevel::Warning, format!("Connection with replica {name} lost."));
        self.repl.replicas.retain(|&other| other != client.id);
        if self.repl.replicas.is_empty() {
            self.repl.no_replicas_since_s = self.now.wall_s();
        }
        self.count_good_replicas();
    }

    /// Closes the links of all replicas: their history has changed, they must ask again (`disconnectSlaves`).
    pub(crate) fn disconnect_replicas(&mut self) {
        for id in self.repl.replicas.clone() {
            if let Some(client) = self.clients.get(&id) {
                let conn = client.conn;
                self.drop_conn(conn, false);
                self.free_client(id);
            }
        }
    }

    /// Feeds a command into the stream (`replicationFeedSlaves`). A replica of another node does not: it passes its
    /// master's stream on byte for byte.
    pub(crate) fn feed_replicas(&mut self, db: usize, args: &[&[u8]]) {
        if self.is_replica() || (self.repl.backlog.is_none() && self.repl.replicas.is_empty()) {
            return;
        }
        let mut bytes = Vec::with_capacity(args.iter().map(|arg| arg.len() + 16).sum::<usize>() + 16);
        if self.repl.selected_db != Some(db) {
            let index = db.to_string();
            encode_command(&mut bytes, &[&b"SELECT"[..], index.as_bytes()]);
            self.repl.selected_db = Some(db);
        }
        encode_command(&mut bytes, args);
        self.feed_stream(&bytes);
    }

    /// Feeds a command that has to do with no database: it needs no SELECT.
    fn feed_replicas_anywhere(&mut self, args: &[&[u8]]) {
        if self.is_replica() || (self.repl.backlog.is_none() && self.repl.replicas.is_empty()) {
            return;
        }
        let mut bytes = Vec::new();
        encode_command(&mut bytes, args);
        self.feed_stream(&bytes);
    }

    /// Asks all replicas where they are (`sendGetackToReplicas`).
    pub(crate) fn ask_replicas_where(&mut self) {
        self.feed_replicas_anywhere(&[b"REPLCONF", b"GETACK", b"*"]);
    }

    /// Appends to the stream: offset, backlog, and every replica that has a snapshot or is getting one.
    pub(crate) fn feed_stream(&mut self, bytes: &[u8]) {
        self.repl.offset += bytes.len() as i64;
        if let Some(backlog) = &mut self.repl.backlog {
            Backlog::feed(backlog, bytes);
        }
        for index in 0..self.repl.replicas.len() {
            let id = self.repl.replicas[index];
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if client.replica().is_none_or(|link| link.state == LinkState::WaitSnapshot)
                || client.replconf.rdb_only
            {
                continue;
            }
            client.reply.raw(bytes);
            let waiting = client.reply.len();
            if client.replica().is_some_and(|link| link.streams()) {
                self.wants_to_send(id);
            } else {
                self.check_output_limit(id, waiting);
            }
        }
    }

    /// How many replicas acknowledged `offset` (`replicationCountAcksByOffset`).
    pub(crate) fn replicas_at(&self, offset: i64) -> i64 {
        let at = |id: &&ClientId| {
            self.clients.get(id).and_then(|client| client.replica()).is_some_and(|link| {
                matches!(link.state, LinkState::Online { .. }) && link.ack_offset >= offset
            })
        };
        self.repl.replicas.iter().filter(at).count() as i64
    }

    /// `refreshGoodSlavesCount`
    pub(crate) fn count_good_replicas(&mut self) {
        let (now_s, lag_max_s) = (self.now.wall_s(), i64::from(self.config.min_replicas_max_lag));
        let good = |id: &&ClientId| {
            self.clients.get(id).and_then(|client| client.replica()).is_some_and(|link| {
                matches!(link.state, LinkState::Online { .. }) && now_s - link.ack_time_s <= lag_max_s
            })
        };
        self.repl.good_replicas = self.repl.replicas.iter().filter(good).count();
    }

    /// `checkGoodReplicasStatus`
    pub(crate) fn check_good_replicas(&self) -> Result<(), Error> {
        let wanted = self.config.min_replicas_to_write as usize;
        if self.is_replica() || wanted == 0 || self.config.min_replicas_max_lag == 0 {
            return Ok(());
        }
        if self.repl.good_replicas >= wanted {
            return Ok(());
        }
        Err(Error::fixed("-NOREPLICAS Not enough good replicas to write."))
    }

    /// Serves WAIT, and asks the replicas where they are if somebody began to wait (`processClientsWaitingReplicas`).
    pub(crate) fn before_sleep_replication(&mut self) {
        if !self.repl.waiting.is_empty() {
            let mut served = Vec::new();
            for &id in &self.repl.waiting {
                if let Some(crate::node::client::Blocked::Replicas { offset, wanted, .. }) =
                    self.clients.get(&id).and_then(|client| client.blocked.as_ref())
                {
                    let count = self.replicas_at(*offset);
                    if count >= *wanted {
                        served.push((id, count));
                    }
                } else {
                    served.push((id, -1));
                }
            }
            for (id, count) in served {
                self.repl.waiting.retain(|&other| other != id);
                if count >= 0 {
                    self.unblock(id);
                    self.reply_to(id, |reply| reply.integer(count));
                    self.resume_client(id);
                }
            }
        }
        // While clients are paused the stream stands still: the question is asked afterwards.
        if self.repl.get_ack && !self.paused(true) {
            self.repl.get_ack = false;
            self.ask_replicas_where();
        }
        // An acknowledgement may have come. It is looked at here, since a failover closes the links of clients.
        self.update_failover();
    }

    /// The master's part of `replicationCron`, once a second.
    pub(crate) fn primary_cron(&mut self, loops: u64) {
        let now_s = self.now.wall_s();
        let ping_period = self.config.repl_ping_replica_period.max(1) as u64;
        if loops.is_multiple_of(ping_period)
            && !self.repl.replicas.is_empty()
            && !self.manual_failover_paused()
        {
            self.feed_replicas_anywhere(&[b"PING"]);
        }
        let timeout_s = i64::from(self.config.repl_timeout);
        for id in self.repl.replicas.clone() {
            let Some(client) = self.clients.get(&id) else { continue };
            let Some(link) = client.replica() else { continue };
            match link.state {
                LinkState::WaitSnapshot => self.send_to_client(id, b"\n".to_vec()),
                LinkState::Snapshot => {}
                LinkState::Online { .. } => {
                    if !link.pre_psync && now_s - link.ack_time_s > timeout_s {
                        let text = format!(
                            "Disconnecting timedout replica (streaming sync): {}",
                            replica_name(client)
                        );
                        let conn = client.conn;
                        self.log(LogLevel::Warning, text);
                        self.drop_conn(conn, false);
                        self.free_client(id);
                    }
                }
            }
        }
        let ttl_s = self.config.repl_backlog_ttl;
        if self.repl.replicas.is_empty()
            && ttl_s > 0
            && self.repl.backlog.is_some()
            && !self.is_replica()
            && now_s - self.repl.no_replicas_since_s > ttl_s
        {
            self.repl.begin_new_history(&mut self.rng);
            self.repl.backlog = None;
            self.log(
                LogLevel::Notice,
                format!("Replication backlog freed after {ttl_s} seconds without connected replicas."),
            );
        }
        self.start_due_sync_job();
        self.count_good_replicas();
    }

    /// Begins the snapshot that replicas wait for, if they have waited for long enough (`replicationStartPendingFork`).
    pub(crate) fn start_due_sync_job(&mut self) {
        let now_s = self.now.wall_s();
        if self.repl.sync.is_none() && !self.snapshot_running() {
            let waiting = self.replicas_in(LinkState::WaitSnapshot);
            let longest = waiting
                .iter()
                .filter_map(|id| self.clients.get(id).and_then(|client| client.replica()))
                .map(|link| now_s - link.waiting_since_s)
                .max();
            let many = self.config.repl_diskless_sync_max_replicas as usize;
            let delay_s = if self.config.repl_diskless_sync {
                i64::from(self.config.repl_diskless_sync_delay)
            } else {
                0
            };
            if longest.is_some_and(|waited| waited >= delay_s) || (many > 0 && waiting.len() >= many) {
                self.start_sync_job();
            }
        }
    }
}

/// How the log names a replica (`replicationGetSlaveName`): its announced or peer address and its listening port.
pub(crate) fn replica_name(client: &Client) -> String {
    let ip = client.replica_ip();
    if client.replconf.port > 0 {
        format!("{ip}:{}", client.replconf.port)
    } else {
        format!("{ip}:<unknown-replica-port>")
    }
}
