//! How the node and its part in a cluster work together: [`Cluster`] decides, this file carries out.
//!
//! At the start nodes.conf is locked and read before anything else happens. Later each save overwrites the file in place;
//! one that must be durable keeps the node waiting, as `fsync` keeps Redis, and with it every message of the turn.

use super::client::{Blocked, ClientId};
use super::pause::Purpose;
use super::{ConnUse, Node, log_threshold};
use crate::cluster::bus;
use crate::cluster::route::{Query, Route};
use crate::cluster::standing::Standing;
use crate::cluster::view::ClusterView;
use crate::cluster::{Action, Cluster, ClusterConfig, Cx, EndpointType, Facts, SlotKeys};
use crate::command::table::{self, CommandId, Resolved, flags};
use crate::config::{Config, EndpointType as ConfiguredEndpoint};
use crate::cost::Work;
use crate::exec::Error;
use crate::host::{ConnId, DiskError, DiskReply, DiskRequest, LogLevel, NetError, OpId, Output, limits};
use crate::store::{Db, Object};
use litemap::LiteMap;
use std::rc::Rc;

/// A nodes.conf longer than this is not read: the largest cluster this engine holds needs a tenth of it.
const NODES_CONF_LEN_MAX: u64 = 64 << 20;
/// The highest client port whose bus port is still a port.
const PORT_MAX: u16 = 55_535;

/// How far the start is.
#[derive(Clone, Debug)]
enum Boot {
    /// The file is being locked.
    Lock(OpId),
    /// Its size is asked for.
    Stat(OpId),
    /// It is being read.
    Read { op: OpId, size: u64, text: Vec<u8> },
    /// The machine runs.
    Done,
}

/// What the node keeps for its part in a cluster.
#[derive(Clone, Debug)]
pub(crate) struct ClusterPart {
    boot: Boot,
    machine: Option<Cluster>,
    config: ClusterConfig,
    /// What `config` was made from; a change of the configuration makes another one.
    config_source: Rc<Config>,
    /// How long the file is, in bytes.
    file_len: usize,
    /// How many of them are text; the rest is newlines.
    text_len: usize,
    /// Writes and syncs of the file that are under way, with the bytes that must be written.
    saves: LiteMap<OpId, usize>,
    /// How many of them the messages in `held` wait for.
    syncs: usize,
    /// Messages that wait for the file to be durable.
    held: Vec<Output>,
    /// Bus connections that came while the data was loading.
    waiting: Vec<Waiting>,
    /// Bus connections that stand since before the start.
    standing: Option<Standing>,
    /// What came over them while nodes.conf was read.
    early: Vec<(ConnId, Vec<u8>)>,
}

/// A bus connection that the node will know of once its data is there: until then it lies in the queue of the listening socket.
#[derive(Clone, Debug)]
struct Waiting {
    conn: ConnId,
    /// The two ends as `ip:port`.
    peer: String,
    local: String,
    /// What came before reading ended, with the connection itself: no more than a host reads at once. Whoever sent a PING sends no
    /// other before its answer.
    bytes: Vec<u8>,
}

/// How many gossip entries so many messages of so many bytes have about.
fn gossip_entries(len: usize, messages: u64) -> u64 {
    (len as u64).saturating_sub(messages * bus::HEADER_LEN as u64) / bus::GOSSIP_LEN as u64
}

struct DbSlots<'a>(&'a Db);

impl SlotKeys for DbSlots<'_> {
    fn count_in_slot(&self, slot: u16) -> usize {
        self.0.slot_len(slot)
    }
}

fn cluster_config(config: &Config) -> ClusterConfig {
    ClusterConfig {
        node_timeout_ms: config.cluster_node_timeout,
        port: config.port,
        cluster_port: config.cluster_port,
        announce_ip: config.cluster_announce_ip.clone(),
        announce_port: config.cluster_announce_port,
        announce_bus_port: config.cluster_announce_bus_port,
        announce_hostname: config.cluster_announce_hostname.clone(),
        preferred_endpoint_type: match config.cluster_preferred_endpoint_type {
            ConfiguredEndpoint::Ip => EndpointType::Ip,
            ConfiguredEndpoint::Hostname => EndpointType::Hostname,
            ConfiguredEndpoint::UnknownEndpoint => EndpointType::UnknownEndpoint,
        },
        migration_barrier: config.cluster_migration_barrier as u32,
        allow_replica_migration: config.cluster_allow_replica_migration,
        replica_validity_factor: i64::from(config.cluster_replica_validity_factor),
        replica_no_failover: config.cluster_replica_no_failover,
        require_full_coverage: config.cluster_require_full_coverage,
        allow_reads_when_down: config.cluster_allow_reads_when_down,
        allow_pubsubshard_when_down: config.cluster_allow_pubsubshard_when_down,
        link_sendbuf_limit: config.cluster_link_sendbuf_limit,
        repl_ping_replica_period_s: i64::from(config.repl_ping_replica_period),
        log_level: log_threshold(config.loglevel),
        planted: Default::default(),
    }
}

impl Node {
    /// Begins to take part in a cluster, if the configuration says so (`clusterInit`).
    pub(super) fn start_cluster(&mut self) {
        let config = Rc::clone(&self.config);
        if !config.cluster_enabled {
            return;
        }
        if config.cluster_port == 0 && config.port > PORT_MAX {
            let text = "Redis port number too high. Cluster communication port is 10,000 port numbers higher than \
                        your Redis port. Your Redis port number must be 55535 or less.";
            self.log(LogLevel::Warning, text);
            self.out.exit(1);
            return;
        }
        let op = self.boot_op(DiskRequest::Lock { path: config.cluster_config_file.as_str().into() });
        self.cluster = Some(Box::new(ClusterPart {
            boot: Boot::Lock(op),
            machine: None,
            config: cluster_config(&config),
            config_source: config,
            file_len: 0,
            text_len: 0,
            saves: LiteMap::new(),
            syncs: 0,
            held: Vec::new(),
            waiting: Vec::new(),
            standing: None,
            early: Vec::new(),
        }));
    }

    /// Tells a node that has just been made that its cluster is running: its connections with the others stand, under the numbers that
    /// [`Standing::others`] gives them, and its periodic work has a beat of its own. To a node that takes part in no cluster it says nothing.
    pub fn take_over_bus(&mut self, standing: Standing) {
        let period_us = self.cron_period_us();
        let Some(part) = &mut self.cluster else { return };
        self.next_cron_us += self.rng.below(period_us);
        for (_, made, inbound) in standing.others() {
            self.conns.insert(made, ConnUse::Bus);
            self.conns.insert(inbound, ConnUse::Bus);
            self.next_conn = self.next_conn.max((made.0 & !ConnId::OUTGOING) + 1);
        }
        part.standing = Some(standing);
    }

    /// A disk operation that nothing may overtake.
    fn boot_op(&mut self, request: DiskRequest) -> OpId {
        let op = self.disk(request);
        self.waits_for.insert(op);
        op
    }

    /// Takes the result of a disk operation, if it is about nodes.conf; false if it is not.
    pub(super) fn cluster_disk_done(&mut self, op: OpId, result: &Result<DiskReply, DiskError>) -> bool {
        let Some(part) = &mut self.cluster else { return false };
        if let Some(len) = part.saves.remove(&op) {
            part.syncs -= usize::from(len == 0);
            let short = matches!(result, Ok(DiskReply::Written(written)) if *written < len as u64);
            if result.is_err() || short {
                self.log(LogLevel::Warning, "Fatal: can't update cluster config file.");
                self.out.exit(1);
                return true;
            }
            if part.saves.is_empty() && part.file_len > part.text_len {
                // Only now: had the write failed, cutting the file would have spoilt the old text. Its failure does no harm.
                part.file_len = part.text_len;
                let path: Rc<str> = self.config.cluster_config_file.as_str().into();
                self.out.disk(DiskRequest::Truncate { path, len: part.text_len as u64 });
            }
            return true;
        }
        let path: Rc<str> = self.config.cluster_config_file.as_str().into();
        let boot = std::mem::replace(&mut part.boot, Boot::Done);
        let next = match boot {
            Boot::Lock(mine) if mine == op => match result {
                Ok(_) => Boot::Stat(self.boot_op(DiskRequest::Stat { path })),
                Err(error) => {
                    let text = match error {
                        DiskError::Exists => format!(
                            "Sorry, the cluster configuration file {path} is already used by a different Redis \
                             Cluster node. Please make sure that different nodes use different cluster \
                             configuration files."
                        ),
                        error => {
                            format!("Can't open {path} in order to acquire a lock: {}", error.strerror())
                        }
                    };
                    self.log(LogLevel::Warning, text);
                    self.out.exit(1);
                    Boot::Done
                }
            },
            Boot::Stat(mine) if mine == op => match result {
                Ok(DiskReply::Size(size)) if *size > NODES_CONF_LEN_MAX => {
                    self.log(LogLevel::Warning, "Unrecoverable error: corrupted cluster config file.");
                    self.out.exit(1);
                    Boot::Done
                }
                Ok(DiskReply::Size(size)) if *size > 0 => self.read_nodes_conf(path, *size, Vec::new()),
                Ok(_) | Err(DiskError::NotFound) => self.run_cluster(None),
                Err(error) => self.nodes_conf_unreadable(&path, *error),
            },
            Boot::Read { op: mine, size, mut text } if mine == op => match result {
                Ok(DiskReply::Bytes(bytes)) => {
                    text.extend_from_slice(bytes);
                    if bytes.is_empty() || text.len() as u64 >= size {
                        self.run_cluster(Some(&text))
                    } else {
                        self.read_nodes_conf(path, size, text)
                    }
                }
                Ok(_) => self.nodes_conf_unreadable(&path, DiskError::Io),
                Err(error) => self.nodes_conf_unreadable(&path, *error),
            },
            other => {
                if let Some(part) = &mut self.cluster {
                    part.boot = other;
                }
                return false;
            }
        };
        if let Some(part) = &mut self.cluster {
            part.boot = next;
        }
        true
    }

    fn read_nodes_conf(&mut self, path: Rc<str>, size: u64, text: Vec<u8>) -> Boot {
        let request =
            DiskRequest::Read { path, offset: text.len() as u64, len_max: limits::DISK_READ_LEN_MAX };
        Boot::Read { op: self.boot_op(request), size, text }
    }

    fn nodes_conf_unreadable(&mut self, path: &str, error: DiskError) -> Boot {
        let text = format!("Loading the cluster node config from {path}: {}", error.strerror());
        self.log(LogLevel::Warning, text);
        self.out.exit(1);
        Boot::Done
    }

    /// The file is read: the machine starts.
    fn run_cluster(&mut self, text: Option<&[u8]>) -> Boot {
        if let Some(part) = &mut self.cluster {
            part.file_len = text.map_or(0, <[u8]>::len);
        }
        let started = self.with_part(|part, cx| match Cluster::start(cx, text) {
            Ok(mut machine) => {
                if let Some(standing) = part.standing.take() {
                    machine.take_over(cx, &standing);
                }
                part.machine = Some(machine);
                true
            }
            Err(_) => false,
        });
        if started == Some(true) {
            self.start_loading();
            let early = self.cluster.as_mut().map(|part| std::mem::take(&mut part.early));
            for (conn, bytes) in early.unwrap_or_default() {
                self.bus_received(conn, bytes);
            }
        } else {
            self.out.exit(1);
        }
        Boot::Done
    }

    /// The data set is loaded, as far as there is one: makes the slots agree with it and opens the bus. Called when loading
    /// ends; a node whose nodes.conf is still being read comes back to it.
    pub(crate) fn cluster_data_loaded(&mut self) {
        let verified = self.with_cluster(|cluster, cx| cluster.verify_config_with_data(cx));
        if let Some(Err(text)) = verified {
            self.log(LogLevel::Warning, text);
            self.out.exit(1);
            return;
        }
        let Some(part) = self.cluster.as_mut().filter(|part| part.machine.is_some()) else { return };
        for Waiting { conn, peer, local, bytes } in std::mem::take(&mut part.waiting) {
            self.emit(Output::Reading { conn, wanted: true });
            self.with_cluster(|cluster, cx| cluster.accepted(cx, conn, &peer, &local));
            self.bus_received(conn, bytes);
        }
    }

    /// The cluster as this node sees it, once nodes.conf has been read; none if the node is in no cluster.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()?.machine.as_ref()
    }

    /// How many keys it holds of a slot (COUNTKEYSINSLOT), without asking as a client.
    pub fn keys_in_slot(&self, slot: u16) -> usize {
        self.dbs.first().map_or(0, |db| db.slot_len(slot))
    }

    /// All that this node believes of its cluster.
    pub fn cluster_view(&self) -> Option<ClusterView> {
        self.cluster().map(|cluster| cluster.view(&self.cluster_facts()))
    }

    /// As [`Node::cluster_view`], with no more of the other nodes than those that this one holds for failing.
    pub fn cluster_glance(&self) -> Option<ClusterView> {
        self.cluster().map(|cluster| cluster.glance(&self.cluster_facts()))
    }

    /// What the cluster is told of the rest of the node.
    pub(crate) fn cluster_facts(&self) -> Facts {
        let repl = &self.repl;
        let link = repl.master.as_ref();
        let master = link.and_then(|link| self.clients.get(&link.client()?));
        // A replica without a history of its master (before its first synchronisation) has no offset to show.
        let synced = link.is_some_and(|link| link.client().is_some() || link.can_continue);
        Facts {
            master_offset: repl.offset,
            slave_offset: if synced { repl.offset } else { 0 },
            has_master: link.is_some(),
            master_link_up: master.is_some(),
            master_last_interaction_s: master.map_or(0, |client| client.last_interaction_s),
            repl_down_since_s: link.map_or(0, |link| link.down_since_s),
            db0_keys: self.dbs.first().map_or(0, |db| db.len() as u64),
            keys_outside_db0: self.dbs.iter().skip(1).any(|db| !db.is_empty()),
        }
    }

    /// The cluster's configuration, for replies that depend on it.
    pub(crate) fn cluster_config(&self) -> Option<&ClusterConfig> {
        self.cluster.as_ref().map(|part| &part.config)
    }

    /// Calls into the cluster and carries out what it asks for.
    pub(crate) fn with_cluster<T>(&mut self, call: impl FnOnce(&mut Cluster, &mut Cx<'_>) -> T) -> Option<T> {
        self.cluster.as_ref()?.machine.as_ref()?;
        self.with_part(|part, cx| part.machine.as_mut().map(|machine| call(machine, cx))).flatten()
    }

    fn with_part<T>(&mut self, call: impl FnOnce(&mut ClusterPart, &mut Cx<'_>) -> T) -> Option<T> {
        let mut part = self.cluster.take()?;
        let changed = !Rc::ptr_eq(&part.config_source, &self.config);
        if changed {
            part.config = cluster_config(&self.config);
            part.config_source = Rc::clone(&self.config);
        }
        let facts = self.cluster_facts();
        let mut actions = Vec::new();
        part.config.planted = self.planted;
        let config = std::mem::take(&mut part.config);
        let mut cx = Cx {
            now: self.now,
            config: &config,
            rng: &mut self.rng,
            facts: &facts,
            keys: &DbSlots(&self.dbs[0]),
            next_conn: &mut self.next_conn,
            actions: &mut actions,
        };
        if let Some(machine) = part.machine.as_mut().filter(|_| changed) {
            machine.config_changed(&mut cx);
        }
        let result = call(&mut part, &mut cx);
        part.config = config;
        self.cluster = Some(part);
        for action in actions {
            self.carry_out(action);
        }
        Some(result)
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Connect { conn, host, port } => {
                self.conns.insert(conn, ConnUse::Bus);
                self.emit(Output::Connect { conn, host, port });
            }
            Action::Send { conn, bytes } => {
                self.cpu.work(Work::BusSent, 1);
                self.cpu.work(Work::GossipEntries, gossip_entries(bytes.len(), 1));
                let output = Output::Send { conn, bytes };
                match &mut self.cluster {
                    Some(part) if part.syncs > 0 => part.held.push(output),
                    _ => self.emit(output),
                }
            }
            Action::Close { conn } => self.drop_conn(conn, false),
            Action::SaveConfig { text, fsync } => self.save_nodes_conf(text, fsync),
            Action::SetMaster { host, port } => self.set_master(&host, port),
            Action::UnsetMaster => self.unset_master(),
            Action::DeleteKeysInSlots(slots) => {
                for slot in slots {
                    for (key, object) in self.dbs[0].take_slot(slot) {
                        self.touch_watched(0, &key);
                        if matches!(object, Object::Stream(_)) {
                            self.signal_key_ready(0, &key);
                        }
                    }
                }
                self.memory_is_stale();
            }
            Action::DropShardChannels(slots) => {
                if !self.pubsub.shard_channels.is_empty() {
                    for slot in slots {
                        self.drop_shard_channels_in_slot(slot);
                    }
                }
            }
            Action::FlushAll => {
                self.flush_data(None);
            }
            Action::PauseWrites { until_ms } => self.pause_clients(Purpose::Failover, until_ms, true),
            Action::Unpause => self.end_pause(Purpose::Failover),
            Action::DeliverPublish { channel, message, sharded } => {
                self.publish(&channel, &message, sharded, None);
            }
            Action::Log { level, text } => self.log(level, text),
            Action::Event(event) => self.event(event),
        }
    }

    /// Overwrites nodes.conf in place: padded with newlines, which loading skips, so that a write cut short leaves a file
    /// that can be read; cut to its length once that has succeeded.
    fn save_nodes_conf(&mut self, text: String, fsync: bool) {
        let path: Rc<str> = self.config.cluster_config_file.as_str().into();
        let Some(part) = &mut self.cluster else { return };
        part.text_len = text.len();
        part.file_len = part.file_len.max(part.text_len);
        let mut bytes = text.into_bytes();
        bytes.resize(part.file_len, b'\n');
        let written = bytes.len();
        let op =
            self.out.disk(DiskRequest::WriteAt { path: Rc::clone(&path), offset: 0, bytes: bytes.into() });
        part.saves.insert(op, written);
        if fsync {
            let op = self.out.disk(DiskRequest::Fsync { path: Rc::clone(&path) });
            part.saves.insert(op, 0);
            part.syncs += 1;
            self.waits_for.insert(op);
        }
    }

    pub(super) fn bus_accepted(&mut self, conn: ConnId, peer: String, local: String) {
        if self.cluster.is_none() {
            self.drop_conn(conn, false);
        } else if self.cluster().is_none() || (self.loading() && !self.is_replica()) {
            // An UPDATE could change slots whose keys are still on their way.
            self.emit(Output::Reading { conn, wanted: false });
            if let Some(part) = &mut self.cluster {
                part.waiting.push(Waiting { conn, peer, local, bytes: Vec::new() });
            }
        } else {
            self.with_cluster(|cluster, cx| cluster.accepted(cx, conn, &peer, &local));
        }
    }

    pub(super) fn bus_connected(&mut self, conn: ConnId, local: &str) {
        self.with_cluster(|cluster, cx| cluster.connected(cx, conn, local));
    }

    pub(super) fn bus_received(&mut self, conn: ConnId, bytes: Vec<u8>) {
        let part = self.cluster.as_mut();
        if let Some(waiting) = part.and_then(|part| part.waiting.iter_mut().find(|w| w.conn == conn)) {
            waiting.bytes.extend_from_slice(&bytes);
            return;
        }
        if let Some(part) = self.cluster.as_mut().filter(|part| part.machine.is_none()) {
            part.early.push((conn, bytes));
            return;
        }
        let messages = |cluster: &Cluster| cluster.stats().received.iter().sum::<u64>();
        let len = bytes.len();
        let count = self.with_cluster(|cluster, cx| {
            let before = messages(cluster);
            cluster.received(cx, conn, &bytes);
            cluster.recycle(bytes);
            messages(cluster) - before
        });
        let count = count.unwrap_or(0);
        self.cpu.work(Work::BusReceived, count);
        self.cpu.work(Work::GossipEntries, gossip_entries(len, count));
        self.catch_up();
    }

    pub(super) fn bus_sent(&mut self, conn: ConnId, bytes: usize) {
        if let Some(machine) = self.cluster.as_mut().and_then(|part| part.machine.as_mut()) {
            machine.sent(conn, bytes);
        }
    }

    pub(super) fn bus_closed(&mut self, conn: ConnId, error: NetError) {
        if let Some(part) = &mut self.cluster {
            part.waiting.retain(|waiting| waiting.conn != conn);
        }
        self.with_cluster(|cluster, cx| cluster.closed(cx, conn, error));
    }

    /// Ends the cluster's turn, and sends what waited for the file.
    pub(super) fn before_sleep_cluster(&mut self) {
        let Some(part) = &mut self.cluster else { return };
        if part.syncs == 0 {
            self.out.outputs.extend(part.held.drain(..));
        }
        if part.machine.as_ref().is_some_and(Cluster::has_work) {
            self.with_cluster(|cluster, cx| cluster.before_sleep(cx));
        }
    }

    pub(super) fn cluster_cron(&mut self) {
        self.with_cluster(|cluster, cx| cluster.cron(cx));
        if !self.blocked_keys.is_empty() {
            self.redirect_blocked_clients();
        }
    }

    /// Clients that wait for a key which is no longer served here are sent elsewhere
    /// (`clusterRedirectBlockedClientIfNeeded`).
    fn redirect_blocked_clients(&mut self) {
        let Some((cluster, config)) = self.cluster().zip(self.cluster_config()) else { return };
        let mut redirected: Vec<(ClientId, String)> = Vec::new();
        for client in self.clients.values() {
            let Some(Blocked::Keys { args, keys, .. }) = &client.blocked else { continue };
            let command: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
            let write = matches!(self.renames.resolve(&command), Resolved::Command(command) if command.has(flags::WRITE));
            let route = cluster.route_blocked(keys.first().map(|key| &**key), client.readonly, write);
            if let Some(text) = route.and_then(|route| cluster.redirect_text(config, route)) {
                redirected.push((client.id, text));
            }
        }
        for (id, text) in redirected {
            self.unblock(id);
            self.reply_to(id, |reply| reply.error(&format!("-{text}")));
            self.resumed.push_back(id);
        }
    }

    /// How many bus links are open, as INFO counts them.
    pub(crate) fn cluster_connections(&self) -> usize {
        self.cluster().map_or(0, Cluster::connections)
    }

    /// Sends a message to the other nodes' subscribers (`clusterPropagatePublish`).
    pub(crate) fn bus_publish(&mut self, channel: &[u8], message: &[u8], shard: bool) {
        self.with_cluster(|cluster, cx| cluster.publish(cx, channel, message, shard));
    }

    /// Whether a manual failover keeps clients paused, so that nothing may move the replication offset.
    pub(crate) fn manual_failover_paused(&self) -> bool {
        let by_order = self.cluster().is_some_and(Cluster::manual_failover_in_progress)
            || self.repl.failover.as_ref().is_some_and(|failover| failover.deadline_ms.is_some());
        by_order && self.paused(true)
    }

    /// Whether this node serves the keys of a command, or of all commands of the transaction that EXEC is to run
    /// (`getNodeByQuery`).
    pub(super) fn check_route(
        &mut self,
        id: ClientId,
        command: CommandId,
        args: &[&[u8]],
    ) -> Result<(), Error> {
        let Some((cluster, config)) = self.cluster().zip(self.cluster_config()) else {
            return Err(Error::fixed("-CLUSTERDOWN The cluster is down"));
        };
        let Some(client) = self.clients.get(&id) else { return Ok(()) };
        let name = command.name();
        let query = |flags_set: u32| Query {
            write: flags_set & flags::WRITE != 0,
            asking: client.asking || flags_set & flags::ASKING != 0,
            readonly: client.readonly,
            shard_pubsub: matches!(name, "ssubscribe" | "sunsubscribe" | "spublish"),
            migrate: name == "migrate",
        };
        let exists = |key: &[u8]| {
            let db = &self.dbs[0];
            db.contains(key) && db.get_expire(key).is_none_or(|at_ms| at_ms >= self.command_time_ms)
        };
        let route = if name == "exec" {
            // Without a transaction EXEC has an error of its own to give.
            let Some(multi) = &client.multi else { return Ok(()) };
            let keys = multi.commands.iter().flat_map(|args| {
                let first: Vec<&[u8]> = args.iter().take(2).map(|arg| &**arg).collect();
                let refs = match self.renames.resolve(&first) {
                    Resolved::Command(command) => table::keys_of(command, &args[..]),
                    _ => Default::default(),
                };
                refs.into_iter().filter_map(move |key| args.get(key.index).map(|arg| &**arg))
            });
            cluster.route(config, query(command.flags() | multi.flags), keys, exists)
        } else {
            let refs = table::keys_of(command, args);
            let keys = refs.iter().filter_map(|key| args.get(key.index).copied());
            cluster.route(config, query(command.flags()), keys, exists)
        };
        if matches!(route, Route::Local(_)) {
            return Ok(());
        }
        let text = cluster.redirect_text(config, route).unwrap_or_default();
        if name == "exec" {
            // The redirection itself is the answer, not an EXECABORT around it.
            self.discard_transaction(id);
        }
        Err(Error::new(format!("-{text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::bus::{Body, Message, kind};
    use crate::cluster::node::Name;
    use crate::cluster::standing::{Peer, conn_ids};
    use crate::host::{Input, Listener, Now};
    use crate::node::NodeOptions;

    /// A node with its disk: operations wait until they are told to complete.
    struct Host {
        node: Node,
        now: Now,
        file: Vec<u8>,
        disk: Vec<(OpId, DiskRequest)>,
        outputs: Vec<Output>,
        exit: Option<i32>,
    }

    impl Host {
        fn new(conf: &str, file: &str) -> Host {
            let now = Now { mono_us: 1_000_000, wall_us: 1_700_000_000_000_000 };
            let options = NodeOptions {
                conf_text: format!("port 7000\ncluster-enabled yes\nsave \"\"\n{conf}"),
                conf_path: None,
                seed: 1,
                pid: 1,
                executable: String::new(),
                os: String::new(),
            };
            let node = Node::new(now, options).unwrap();
            let (disk, outputs) = (Vec::new(), Vec::new());
            Host { node, now, file: file.into(), disk, outputs, exit: None }
        }

        fn poll(&mut self) {
            while let Some(output) = self.node.poll_output(self.now) {
                match output {
                    Output::Disk { op, request } => self.disk.push((op, request)),
                    Output::Exit { code } => self.exit = Some(code),
                    output => self.outputs.push(output),
                }
            }
        }

        fn give(&mut self, input: Input) {
            self.node.handle(self.now, input);
            self.poll();
        }

        /// Completes all disk operations, and those that follow from them.
        fn sync(&mut self) {
            self.poll();
            while !self.disk.is_empty() {
                let (op, request) = self.disk.remove(0);
                let result = match request {
                    DiskRequest::Stat { path } if &*path == "nodes.conf" => {
                        Ok(DiskReply::Size(self.file.len() as u64))
                    }
                    DiskRequest::Read { path, offset, .. } if &*path == "nodes.conf" => {
                        Ok(DiskReply::Bytes(self.file[offset as usize..].into()))
                    }
                    DiskRequest::WriteAt { offset, bytes, .. } => {
                        assert_eq!(offset, 0);
                        assert!(bytes.len() >= self.file.len(), "padded to the old length");
                        self.file = bytes.to_vec();
                        Ok(DiskReply::Written(bytes.len() as u64))
                    }
                    DiskRequest::Truncate { len, .. } => {
                        self.file.truncate(len as usize);
                        Ok(DiskReply::Done)
                    }
                    DiskRequest::Lock { .. } | DiskRequest::Fsync { .. } => Ok(DiskReply::Done),
                    _ => Err(DiskError::NotFound),
                };
                self.give(Input::Disk { op, result });
            }
        }

        fn command(&mut self, line: &str) -> String {
            let client = ConnId(1);
            let bytes = format!("{line}\r\n").into_bytes();
            self.give(Input::Received { conn: client, bytes });
            self.sync();
            let mut text = String::new();
            self.outputs.retain(|output| match output {
                Output::Send { conn, bytes } if *conn == client => {
                    text.push_str(&String::from_utf8_lossy(bytes));
                    false
                }
                _ => true,
            });
            text
        }

        fn connect_client(&mut self) {
            let (peer, local) = ("127.0.0.1:50000".to_string(), "127.0.0.1:7000".to_string());
            self.give(Input::Accepted { conn: ConnId(1), listener: Listener::Client, peer, local });
        }

        fn logged(&self, text: &str) -> bool {
            self.outputs.iter().any(|o| matches!(o, Output::Log { text: t, .. } if t.contains(text)))
        }

        fn sent(&self, conn: ConnId) -> usize {
            self.outputs.iter().filter(|o| matches!(o, Output::Send { conn: c, .. } if *c == conn)).count()
        }
    }

    const ME: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const MASTER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const REPLICA: &str = "cccccccccccccccccccccccccccccccccccccccc";

    fn three_nodes() -> String {
        format!(
            "{ME} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191\n\
             {MASTER} 127.0.0.1:7001@17001 master,fail - 0 0 2 connected 8192-16383\n\
             {REPLICA} 127.0.0.1:7002@17002 slave {MASTER} 0 0 2 connected\n\
             vars currentEpoch 2 lastVoteEpoch 1\n"
        )
    }

    #[test]
    fn a_fresh_node_writes_its_file_before_it_does_anything() {
        let mut host = Host::new("", "");
        host.connect_client();
        host.give(Input::Received { conn: ConnId(1), bytes: b"CLUSTER MYID\r\n".to_vec() });
        assert_eq!(host.sent(ConnId(1)), 0, "the file is not even locked");
        host.sync();
        assert_eq!(host.sent(ConnId(1)), 1);
        host.outputs.clear();
        let name = host.node.cluster().unwrap().myself().name;
        assert!(String::from_utf8_lossy(&host.file).starts_with(name.as_str()));
        assert_eq!(host.command("CLUSTER KEYSLOT foo"), ":12182\r\n");
        assert_eq!(host.command("GET foo"), "-CLUSTERDOWN Hash slot not served\r\n");
        assert_eq!(host.command("CLUSTER ADDSLOTS 12182"), "+OK\r\n");
        assert_eq!(host.command("CLUSTER SAVECONFIG"), "+OK\r\n");
        assert!(String::from_utf8_lossy(&host.file).contains(" connected 12182\n"));
        assert_eq!(host.command("GET foo"), "-CLUSTERDOWN The cluster is down\r\n");
    }

    #[test]
    fn a_file_in_use_or_damaged_ends_the_start() {
        let mut host = Host::new("", "nonsense\n");
        host.sync();
        assert_eq!(host.exit, Some(1));
        assert!(host.logged("Unrecoverable error: corrupted cluster config file."));

        let mut host = Host::new("", "");
        host.poll();
        let (op, request) = host.disk.remove(0);
        assert!(matches!(request, DiskRequest::Lock { .. }));
        host.give(Input::Disk { op, result: Err(DiskError::Exists) });
        assert_eq!(host.exit, Some(1));
        assert!(host.logged("is already used by a different Redis Cluster node"));
    }

    /// The header of a message of the replica.
    fn of_replica(kind: u16, slots: &[u8; 2048]) -> crate::cluster::bus::Header<'_> {
        crate::cluster::bus::Header {
            port: 7002,
            kind,
            count: 0,
            current_epoch: 3,
            config_epoch: 2,
            offset: 0,
            sender: REPLICA.as_bytes().try_into().unwrap(),
            slots,
            slaveof: MASTER.as_bytes().try_into().unwrap(),
            my_ip: crate::cluster::node::IpText::NONE,
            extensions: 0,
            pport: 0,
            cport: 17002,
            flags: 2,
            state: 1,
            mflags: [0; 3],
        }
    }

    /// The replica has its connection, and asks over it before this node has read its file: it is answered once that is read.
    #[test]
    fn a_node_of_a_running_cluster_answers_over_the_connections_that_stand() {
        let mut host = Host::new("", &three_nodes());
        let peer = |name: &str| Peer { name: Name::parse(name.as_bytes()).unwrap(), ip: "127.0.0.1".into() };
        let peers = [ME, MASTER, REPLICA].map(peer).into();
        host.node.take_over_bus(Standing { peers, me: 0 });
        let (mine, theirs) = (conn_ids(0, 2).0, conn_ids(2, 0).1);
        let mut bytes = Vec::new();
        let body = Body::Heartbeat { gossip: &[], extensions: &[] };
        Message { header: of_replica(kind::PING, &[0; 2048]), body }.write(&mut bytes);
        host.give(Input::Received { conn: theirs, bytes });
        assert_eq!(host.sent(theirs), 0, "the file is not even locked");
        host.sync();
        assert_eq!(host.sent(theirs), 1);
        let cluster = host.node.cluster().unwrap();
        assert!(cluster.nodes().iter().all(|(_, n)| n.link.is_some() || n.name.as_str() == ME));
        host.now.mono_us += 200_000;
        host.now.wall_us += 200_000;
        host.give(Input::Wake);
        assert!(!host.outputs.iter().any(|o| matches!(o, Output::Connect { port: 17000.., .. })));
        // When its time has come each is asked, over the connection that this node made.
        host.now.mono_us += 8_000_000;
        host.now.wall_us += 8_000_000;
        host.give(Input::Wake);
        assert_eq!(host.sent(mine), 1);
    }

    #[test]
    fn a_vote_leaves_when_it_is_durable() {
        let mut host = Host::new("", &three_nodes());
        host.sync();
        // The candidate connects, and this node to it.
        let bus = ConnId(9);
        let (peer, local) = ("127.0.0.1:40000".to_string(), "127.0.0.1:17000".to_string());
        host.give(Input::Accepted { conn: bus, listener: Listener::Bus, peer, local });
        host.now.mono_us += 200_000;
        host.now.wall_us += 200_000;
        host.give(Input::Wake);
        let link = host.outputs.iter().find_map(|o| match o {
            Output::Connect { conn, port: 17002, .. } => Some(*conn),
            _ => None,
        });
        let link = link.expect("it connects to every node");
        host.give(Input::Connected { conn: link, local: "127.0.0.1:41000".to_string() });
        host.sync();
        host.outputs.clear();

        // What the replica would send.
        let mut slots = [0; 2048];
        slots[1024..].fill(0xff);
        let header = of_replica(kind::AUTH_REQUEST, &slots);
        let mut bytes = Vec::new();
        Message { header, body: Body::Bare }.write(&mut bytes);
        host.give(Input::Received { conn: bus, bytes });
        assert_eq!(host.sent(link), 0, "the vote waits for the disk");
        assert!(host.disk.iter().any(|(_, request)| matches!(request, DiskRequest::Fsync { .. })));
        host.sync();
        let vote = host.outputs.iter().find_map(|o| match o {
            Output::Send { conn, bytes } if *conn == link => Some(bytes.clone()),
            _ => None,
        });
        let vote = vote.expect("and then it leaves");
        assert_eq!(Message::parse(&vote).unwrap().header.kind, kind::AUTH_ACK);
        assert!(String::from_utf8_lossy(&host.file).contains("vars currentEpoch 3 lastVoteEpoch 3\n"));
    }

    #[test]
    fn a_failing_disk_ends_the_node() {
        let mut host = Host::new("", &three_nodes());
        host.sync();
        host.connect_client();
        host.give(Input::Received { conn: ConnId(1), bytes: b"CLUSTER SAVECONFIG\r\n".to_vec() });
        let (op, _) = host.disk.remove(0);
        host.give(Input::Disk { op, result: Err(DiskError::NoSpace) });
        assert_eq!(host.exit, Some(1));
        assert!(host.logged("Fatal: can't update cluster config file."));
        assert_eq!(host.sent(ConnId(1)), 0);
    }

    #[test]
    fn transactions_are_redirected_as_a_whole() {
        let mut host = Host::new("cluster-require-full-coverage no\n", &three_nodes().replace(",fail", ""));
        host.sync();
        host.connect_client();
        for _ in 0..40 {
            host.now.mono_us += 100_000;
            host.now.wall_us += 100_000;
            host.give(Input::Wake);
            host.sync();
        }
        assert!(host.node.cluster().unwrap().is_ok());
        let moved = "-MOVED 12182 127.0.0.1:7001\r\n";
        assert_eq!(host.command("LPUSH foo a"), moved);
        assert_eq!(host.command("LPUSH bar a"), ":1\r\n");
        assert_eq!(host.command("MULTI"), "+OK\r\n");
        assert_eq!(host.command("LPUSH bar b"), "+QUEUED\r\n");
        assert_eq!(host.command("LPUSH foo b"), moved);
        let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
        assert_eq!(host.command("EXEC"), aborted);
        assert_eq!(host.command("CLUSTER COUNTKEYSINSLOT 5061"), ":1\r\n");
        assert_eq!(host.command("CLUSTER GETKEYSINSLOT 5061 10"), "*1\r\n$3\r\nbar\r\n");
        // Reading is enough for READONLY on a replica of the owner alone: this is a master.
        assert_eq!(host.command("READONLY"), "+OK\r\n");
        assert_eq!(host.command("LLEN foo"), moved);
        assert_eq!(host.command("ASKING"), "+OK\r\n");
        assert_eq!(host.command(&format!("CLUSTER SETSLOT 12182 IMPORTING {MASTER}")), "+OK\r\n");
        assert_eq!(host.command("ASKING"), "+OK\r\n");
        assert_eq!(host.command("LLEN foo"), ":0\r\n");
        assert_eq!(host.command("LLEN foo"), moved, "ASKING holds for one command");
    }

    #[test]
    fn bus_connections_are_refused_without_a_cluster() {
        let mut host = Host::new("cluster-enabled no\n", "");
        host.sync();
        host.connect_client();
        let disabled = "-ERR This instance has cluster support disabled\r\n";
        assert_eq!(host.command("CLUSTER INFO"), disabled);
        assert_eq!(host.command("READONLY"), disabled);
        assert!(host.node.cluster_view().is_none());
    }
}
