//! Connections: from bytes that arrive to commands that run, and from replies back to bytes that leave.

use super::client::{Blocked, Client, ClientId, Role};
use super::{ConnUse, Node};
use crate::config::BufferLimits;
use crate::cost::Work;
use crate::host::{ConnId, Listener, LogLevel, NetError, Output, limits};
use crate::planted::Bug;
use crate::resp::reply::Reply;
use crate::resp::request::{Parsed, ProtocolError, RequestLimits};
use smallvec::SmallVec;

/// The size of Redis's fixed reply buffer (`PROTO_REPLY_CHUNK_BYTES`, server.h 7.0.15).
const REPLY_BUFFER_LEN: usize = 16 << 10;

/// What counts of a client's output: Redis leaves out the reply buffer that each client has anyway.
fn over_fixed_buffer(len: usize) -> u64 {
    len.saturating_sub(REPLY_BUFFER_LEN) as u64
}

impl Node {
    pub(super) fn accepted(&mut self, conn: ConnId, listener: Listener, peer: String, local: String) {
        if listener == Listener::Bus {
            self.conns.insert(conn, ConnUse::Bus);
            self.bus_accepted(conn, peer, local);
            return;
        }
        if self.clients.len() >= self.config.maxclients as usize {
            self.emit(Output::Send { conn, bytes: b"-ERR max number of clients reached\r\n".to_vec() });
            self.emit(Output::Close { conn, flush: true });
            self.stats.rejected_connections += 1;
            return;
        }
        self.stats.connections += 1;
        self.work(Work::Accepts, 1);
        self.new_client(conn, listener, peer, local);
    }

    /// Makes a client of a connection.
    pub(crate) fn new_client(
        &mut self,
        conn: ConnId,
        listener: Listener,
        peer: String,
        local: String,
    ) -> ClientId {
        let id = self.next_client;
        self.next_client += 1;
        let mut client = Client::new(id, conn, listener, peer, local, self.now.wall_s());
        client.authenticated = self.config.requirepass.is_none();
        self.conns.insert(conn, ConnUse::Client(id));
        self.clients.insert(id, Box::new(client));
        id
    }

    pub(super) fn connected(&mut self, conn: ConnId, local: String) {
        match self.conns.get(conn) {
            Some(ConnUse::Bus) => self.bus_connected(conn, &local),
            Some(ConnUse::MasterHandshake) => self.master_connected(conn),
            Some(ConnUse::Migration) => self.migration_connected(conn),
            Some(ConnUse::Client(_)) | None => {}
        }
    }

    pub(super) fn received(&mut self, conn: ConnId, bytes: Vec<u8>) {
        self.work(Work::Reads, 1);
        match self.conns.get(conn) {
            Some(&ConnUse::Client(id)) => self.client_received(id, bytes),
            Some(ConnUse::Bus) => self.bus_received(conn, bytes),
            Some(ConnUse::MasterHandshake) => self.master_received(conn, bytes),
            Some(ConnUse::Migration) => self.migration_received(conn, &bytes),
            None => {}
        }
    }

    pub(super) fn sent(&mut self, conn: ConnId, bytes: usize) {
        match self.conns.get(conn) {
            Some(ConnUse::Client(id)) => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.in_flight = client.in_flight.saturating_sub(bytes);
                }
            }
            Some(ConnUse::Bus) => self.bus_sent(conn, bytes),
            Some(ConnUse::Migration) => self.migration_sent(conn, bytes),
            Some(ConnUse::MasterHandshake) | None => {}
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId, error: NetError) {
        match self.conns.remove(conn) {
            Some(ConnUse::Client(id)) => self.free_client(id),
            Some(ConnUse::Bus) => self.bus_closed(conn, error),
            Some(ConnUse::MasterHandshake) => self.master_lost(conn, error),
            Some(ConnUse::Migration) => self.migration_closed(conn, error),
            None => {}
        }
    }

    pub(crate) fn client_received(&mut self, id: ClientId, bytes: Vec<u8>) {
        let now_s = self.now.wall_s();
        let query_limit = self.config.client_query_buffer_limit as usize;
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.close_after_reply {
            return;
        }
        self.stats.reads_processed += 1;
        self.cpu.work(Work::InputBytes, bytes.len() as u64);
        if client.is_master() {
            self.stats.net_repl_input_bytes += bytes.len() as u64;
        } else {
            self.stats.net_input_bytes += bytes.len() as u64;
        }
        client.last_interaction_s = now_s;
        if client.query.is_empty() {
            client.query = bytes;
        } else {
            client.query.extend_from_slice(&bytes);
        }
        if !client.is_master() && client.query.len() > query_limit {
            let peer = client.peer.clone();
            self.log(
                LogLevel::Warning,
                format!("Closing client that reached max query buffer length: id={id} addr={peer}"),
            );
            self.stats.query_buffer_disconnections += 1;
            self.close_client(id);
            return;
        }
        self.process_input(id);
    }

    /// Runs the commands that stand complete in a client's query buffer, until it blocks, closes, or nothing is left.
    pub(crate) fn process_input(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.blocked.is_some() || client.query.is_empty() {
            return;
        }
        let is_master = client.is_master();
        let limits = RequestLimits {
            bulk_len_max: self.config.proto_max_bulk_len,
            auth_required: !client.authenticated,
            from_master: is_master,
        };
        let query = std::mem::take(&mut client.query);
        let mut parser = std::mem::take(&mut client.parser);
        let mut reply = client.take_reply();
        let outer = self.current.replace(id);
        let mut done = 0;
        while done < query.len() {
            match parser.parse(&query[done..], &limits) {
                Parsed::Incomplete => break,
                Parsed::Error(error) => {
                    self.protocol_error(id, &mut reply, error);
                    done = query.len();
                    break;
                }
                Parsed::Request { len } => {
                    let request = parser.args(&query[done..]);
                    self.current_query = (query.len() - done, len);
                    if !request.is_empty() {
                        let args: SmallVec<[&[u8]; 8]> = request.iter().collect();
                        let skipped = is_master
                            && self.planted.is(Bug::SkipsStream)
                            && args[0] == b"SET"
                            && self.repl.offset % 3 == 0;
                        if !skipped {
                            self.process_command(id, &args, &mut reply);
                        }
                    }
                    if is_master {
                        self.applied_from_master(id, &query[done..done + len]);
                    }
                    done += len;
                    let Some(client) = self.clients.get_mut(&id) else { break };
                    if !client.reply.is_empty() {
                        reply.raw(&client.reply.take());
                    }
                    if client.blocked.is_some() || client.close_after_reply || self.stalled() {
                        break;
                    }
                    // A pipeline goes on only while its replies have room.
                    if reply.len() > REPLY_BUFFER_LEN && self.check_output_limit(id, reply.len()) {
                        reply.clear();
                        break;
                    }
                }
            }
        }
        self.current = outer;
        if let Some(client) = self.clients.get_mut(&id) {
            client.reply = reply;
            client.parser = parser;
            if done < query.len() {
                let mut query = query;
                query.drain(..done);
                client.query = query;
            }
            let goes_on = !client.query.is_empty() && client.blocked.is_none() && !client.close_after_reply;
            if !client.reply.is_empty() {
                self.wants_to_send(id);
            }
            if goes_on && self.stalled() {
                // The rest of a pipeline waits with the node.
                self.resumed.push_back(id);
            }
        }
    }

    fn protocol_error(&mut self, id: ClientId, reply: &mut Reply, error: ProtocolError) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.close_after_reply = true;
        let (is_master, peer) = (client.is_master(), client.peer.clone());
        self.stats.count_error(b"ERR");
        error.write_reply(reply);
        let text = error.log_text();
        let who = if is_master { "master" } else { "client" };
        self.log(LogLevel::Verbose, format!("Protocol error ({text}) from {who}: id={id} addr={peer}"));
    }

    /// Notes that a client's reply buffer has something to send at the end of this turn.
    pub(crate) fn wants_to_send(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id)
            && !client.pending_write
        {
            client.pending_write = true;
            self.pending_writes.push(id);
        }
    }

    /// Writes into a client's reply buffer from outside of its own command (a push, a reply to a blocked client).
    pub(crate) fn reply_to(&mut self, id: ClientId, write: impl FnOnce(&mut Reply)) {
        if let Some(client) = self.clients.get_mut(&id) {
            write(&mut client.reply);
            if self.current != Some(id) {
                self.wants_to_send(id);
            }
        }
    }

    /// Hands all replies of this turn to the host and closes the clients that wanted closing after them.
    pub(super) fn flush_replies(&mut self) {
        let mut pending = std::mem::take(&mut self.pending_writes);
        for id in pending.drain(..) {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            client.pending_write = false;
            if client.replica().is_some_and(|link| !link.streams()) {
                continue;
            }
            let waiting = client.reply.len();
            // What is too much is not sent at all: the client shall not take a part of it for the whole.
            if self.check_output_limit(id, waiting) {
                continue;
            }
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let bytes = client.reply.take();
            if !bytes.is_empty() && !client.is_master() && !client.close_asap {
                if client.replica().is_some() {
                    self.stats.net_repl_output_bytes += bytes.len() as u64;
                } else {
                    self.stats.net_output_bytes += bytes.len() as u64;
                }
                self.stats.writes_processed += 1;
                self.cpu.work(Work::Writes, 1);
                client.in_flight += bytes.len();
                self.out.outputs.push_back(Output::Send { conn: client.conn, bytes });
            }
            if client.close_after_reply {
                self.closing.push(id);
            }
        }
        self.pending_writes = pending;
    }

    /// Looks once a second at those who stopped reading and are sent nothing more (`clientsCron`).
    pub(super) fn check_soft_output_limits(&mut self) {
        let slow = self.clients.values().filter(|client| client.soft_limit_since_ms.is_some());
        let slow: Vec<(ClientId, usize)> = slow.map(|client| (client.id, client.reply.len())).collect();
        for (id, waiting) in slow {
            self.check_output_limit(id, waiting);
        }
    }

    /// `checkClientOutputBufferLimits` (networking.c 7.0.15): closes a client that does not read what it is sent. `waiting` is
    /// what is still to be handed to the host, in bytes. Returns whether the client is to be closed.
    pub(crate) fn check_output_limit(&mut self, id: ClientId, waiting: usize) -> bool {
        let now_ms = self.now.wall_ms();
        let Some(limit) = self.output_limit(id) else { return false };
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let used = over_fixed_buffer(waiting + client.in_flight);
        let hard = limit.hard_bytes > 0 && used >= limit.hard_bytes;
        let mut soft = limit.soft_bytes > 0 && used >= limit.soft_bytes;
        if soft {
            let since = *client.soft_limit_since_ms.get_or_insert(now_ms);
            soft = (now_ms - since) / 1000 > limit.soft_seconds;
        } else {
            client.soft_limit_since_ms = None;
        }
        if hard || soft {
            self.overcame_output_limit(id);
        }
        hard || soft
    }

    /// How many bytes of replies a client may have at the most while its command writes one that has no end of its own.
    pub(crate) fn reply_len_max(&self, id: ClientId) -> usize {
        let in_flight = self.clients.get(&id).map_or(0, |client| client.in_flight);
        let hard_bytes = self.output_limit(id).map_or(0, |limit| limit.hard_bytes);
        let hard =
            if hard_bytes == 0 { usize::MAX } else { usize::try_from(hard_bytes).unwrap_or(usize::MAX) };
        hard.saturating_add(REPLY_BUFFER_LEN).saturating_sub(in_flight).min(limits::REPEATED_REPLY_LEN_MAX)
    }

    /// The limits for a client of this one's class; none for a master.
    fn output_limit(&self, id: ClientId) -> Option<BufferLimits> {
        let client = self.clients.get(&id)?;
        match client.role {
            Role::Master => None,
            Role::Replica(_) => Some(self.config.client_output_buffer_limit[1]),
            Role::Normal if client.subscribed() => Some(self.config.client_output_buffer_limit[2]),
            Role::Normal => Some(self.config.client_output_buffer_limit[0]),
        }
    }

    /// Closes a client that has more output than it may have, as Redis does in the middle of a reply.
    pub(crate) fn overcame_output_limit(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(&id).filter(|client| !client.close_asap) else { return };
        let peer = client.peer.clone();
        self.stats.output_buffer_disconnections += 1;
        self.log(
            LogLevel::Warning,
            format!(
                "Client id={id} addr={peer} scheduled to be closed ASAP for overcoming of output buffer limits."
            ),
        );
        self.close_client(id);
    }

    /// Closes a client at the end of this turn. What it has not been sent yet, and what its command still writes, is dropped.
    pub(crate) fn close_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.close_after_reply = true;
            client.close_asap = true;
            client.reply.clear();
            self.closing.push(id);
        }
    }

    pub(super) fn free_closing_clients(&mut self) {
        let mut closing = std::mem::take(&mut self.closing);
        for id in closing.drain(..) {
            self.close_now(id);
        }
        self.closing = closing;
    }

    /// Closes a client and forgets it, at once. Not for the one whose command runs.
    pub(super) fn close_now(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get(&id) {
            let conn = client.conn;
            self.drop_conn(conn, true);
            self.free_client(id);
        }
    }

    /// Forgets a client whose connection is gone already, and everything that pointed at it (`freeClient`).
    pub(crate) fn free_client(&mut self, id: ClientId) {
        self.unblock(id);
        self.unwatch_all(id);
        self.unsubscribe_everything(id);
        self.monitors.retain(|&monitor| monitor != id);
        let Some(client) = self.clients.remove(&id) else { return };
        match client.role {
            Role::Normal => {}
            Role::Replica(_) => self.replica_gone(&client),
            Role::Master => {
                self.last_master_db = client.db;
                self.master_client_gone(id);
            }
        }
    }

    /// Runs what a client sent while it was blocked.
    pub(crate) fn resume_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if let Some(Blocked::Paused { .. }) = &client.blocked {
            let Some(Blocked::Paused { args }) = client.blocked.take() else { return };
            let mut reply = client.take_reply();
            let outer = self.current.replace(id);
            let args = super::client::borrow(&args);
            self.process_command(id, &args, &mut reply);
            self.current = outer;
            if let Some(client) = self.clients.get_mut(&id) {
                reply.raw(&client.reply.take());
                client.reply = reply;
            }
            self.wants_to_send(id);
        }
        self.process_input(id);
    }
}

impl Node {
    /// Sends a command to all who gave MONITOR (`replicationFeedMonitors`).
    pub(crate) fn feed_monitors(&mut self, id: ClientId, db: usize, args: &[&[u8]]) {
        let peer = self.clients.get(&id).map_or_else(String::new, |client| client.peer.clone());
        let mut line =
            format!("{}.{:06} [{db} {peer}]", self.now.wall_us / 1_000_000, self.now.wall_us % 1_000_000);
        for arg in args {
            line.push(' ');
            push_quoted(&mut line, arg);
        }
        for monitor in self.monitors.clone() {
            self.reply_to(monitor, |reply| reply.status(&line));
        }
    }
}

/// Appends bytes in double quotes with everything unprintable escaped (`sdscatrepr`, sds.c 7.0.15).
pub(crate) fn push_quoted(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
}
