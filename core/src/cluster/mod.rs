//! Redis Cluster as in cluster.c 7.0.15: the bus, gossip, failure detection, elections, slots and redirections.
//!
//! [`Cluster`] is a state machine of its own, apart from the node that holds it: it is told what happens on its bus
//! connections and ten times a second that time has passed, and it leaves in [`Cx::actions`] what it wants done. Nothing
//! else goes in or out, so that a test can run thirty of them on a virtual network in a few lines, and a real
//! redis-server cannot tell one from its own kind.
//!
//! What must be durable before it is said: a vote, a new config epoch, a won election. Redis gets this from the order of
//! its event loop (nodes.conf is written and synced before sleeping, sockets are written after). Here
//! [`Cluster::before_sleep`] ends a turn: it leaves [`Action::SaveConfig`] first and only then the [`Action::Send`]s of
//! the whole turn, one for each connection; the node holds those back until the file is durable.
//!
//! | file | what |
//! | --- | --- |
//! | `bus.rs` | the binary message |
//! | `node.rs` | the table of nodes |
//! | `slots.rs` | slots and claims to them |
//! | `link.rs` | connections, sending, the end of a turn |
//! | `packet.rs` | what a message changes |
//! | `gossip.rs` | gossip sections, addresses, handshakes |
//! | `fail.rs` | FAIL by agreement, and whether the cluster serves |
//! | `cron.rs` | what happens ten times a second |
//! | `election.rs` | votes and takeover; `manual.rs`, `migration.rs` beside it |
//! | `nodes_conf.rs` | the file |
//! | `commands.rs`, `info.rs`, `route.rs`, `view.rs` | what CLUSTER commands, clients and observers see |

pub mod bus;
mod commands;
mod cron;
mod election;
mod fail;
mod gossip;
pub mod info;
mod link;
mod manual;
mod migration;
pub mod node;
mod nodes_conf;
mod packet;
pub mod route;
pub mod slots;
pub mod standing;
#[cfg(test)]
mod tests;
pub mod view;

pub use commands::{CommandError, Failover, SetSlot};
pub use nodes_conf::LoadError;

use crate::conns::ConnMap;
use crate::event::Event;
use crate::host::{ConnId, LogLevel, Now};
use crate::rng::Rng;
use cron::Watched;
use link::{Link, Spare};
use litemap::LiteMap;
use node::{ClusterNode, IpText, Name, NodeIdx, NodeTable, flag};
use slots::{SlotSet, SlotTable};
use std::cell::RefCell;
use std::fmt;
use view::Notable;

/// How far the bus port is above the client port (`CLUSTER_PORT_INCR`).
pub const BUS_PORT_OFFSET: u16 = 10_000;
/// How long a manual failover may take, in milliseconds (`CLUSTER_MF_TIMEOUT`).
pub const MANUAL_FAILOVER_TIMEOUT_MS: i64 = 5_000;

// What before_sleep has to do (CLUSTER_TODO_*).
const TODO_HANDLE_FAILOVER: u8 = 1;
const TODO_UPDATE_STATE: u8 = 2;
const TODO_SAVE_CONFIG: u8 = 4;
const TODO_FSYNC_CONFIG: u8 = 8;
const TODO_HANDLE_MANUAL_FAILOVER: u8 = 16;

/// What CLUSTER SLOTS and redirections name a node by (`cluster-preferred-endpoint-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EndpointType {
    /// Its address.
    #[default]
    Ip,
    /// Its announced host name, `?` if it has none.
    Hostname,
    /// Nothing: the client is to use the address it has reached this node by.
    UnknownEndpoint,
}

/// The directives of redis.conf that the cluster looks at, with their defaults of 7.0.15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// A bug on purpose; none but in a test of the checkers.
    pub planted: crate::planted::Planted,
    /// `cluster-node-timeout`, in milliseconds.
    pub node_timeout_ms: i64,
    /// `port`.
    pub port: u16,
    /// `cluster-port`; 0 for `port` + 10000.
    pub cluster_port: u16,
    /// `cluster-announce-ip`.
    pub announce_ip: Option<String>,
    /// `cluster-announce-port`; 0 for `port`.
    pub announce_port: u16,
    /// `cluster-announce-bus-port`; 0 for the bus port.
    pub announce_bus_port: u16,
    /// `cluster-announce-hostname`.
    pub announce_hostname: Option<String>,
    /// `cluster-preferred-endpoint-type`.
    pub preferred_endpoint_type: EndpointType,
    /// `cluster-migration-barrier`: how many replicas a master keeps when one migrates.
    pub migration_barrier: u32,
    /// `cluster-allow-replica-migration`.
    pub allow_replica_migration: bool,
    /// `cluster-replica-validity-factor`; 0 switches the check of the data's age off.
    pub replica_validity_factor: i64,
    /// `cluster-replica-no-failover`.
    pub replica_no_failover: bool,
    /// `cluster-require-full-coverage`.
    pub require_full_coverage: bool,
    /// `cluster-allow-reads-when-down`.
    pub allow_reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`.
    pub allow_pubsubshard_when_down: bool,
    /// `cluster-link-sendbuf-limit` in bytes; 0 for none.
    pub link_sendbuf_limit: u64,
    /// `repl-ping-replica-period`, in seconds.
    pub repl_ping_replica_period_s: i64,
    /// `loglevel`: lines below it are not even formatted.
    pub log_level: LogLevel,
}

impl Default for ClusterConfig {
    fn default() -> ClusterConfig {
        ClusterConfig {
            planted: Default::default(),
            node_timeout_ms: 15_000,
            port: 6379,
            cluster_port: 0,
            announce_ip: None,
            announce_port: 0,
            announce_bus_port: 0,
            announce_hostname: None,
            preferred_endpoint_type: EndpointType::Ip,
            migration_barrier: 1,
            allow_replica_migration: true,
            replica_validity_factor: 10,
            replica_no_failover: false,
            require_full_coverage: true,
            allow_reads_when_down: false,
            allow_pubsubshard_when_down: true,
            link_sendbuf_limit: 0,
            repl_ping_replica_period_s: 10,
            log_level: LogLevel::Notice,
        }
    }
}

impl ClusterConfig {
    /// The port that the bus listens on.
    pub fn bus_port(&self) -> u16 {
        if self.cluster_port != 0 { self.cluster_port } else { self.port.saturating_add(BUS_PORT_OFFSET) }
    }

    /// The client port and the bus port that are announced (`deriveAnnouncedPorts`).
    pub fn announced_ports(&self) -> (u16, u16) {
        let port = if self.announce_port != 0 { self.announce_port } else { self.port };
        let cport = if self.announce_bus_port != 0 { self.announce_bus_port } else { self.bus_port() };
        (port, cport)
    }
}

/// What the cluster must know of the rest of the node, true at the moment of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `master_repl_offset`, in bytes: what a master tells of itself.
    pub master_offset: i64,
    /// `replicationGetSlaveOffset`, in bytes: what a replica tells of itself; 0 before the first synchronisation.
    pub slave_offset: i64,
    /// Whether the node replicates anybody (`masterhost` is set).
    pub has_master: bool,
    /// Whether the replication link is up (`REPL_STATE_CONNECTED`).
    pub master_link_up: bool,
    /// When the master last said anything, in wall-clock seconds; counts while the link is up.
    pub master_last_interaction_s: i64,
    /// When the link went down, in wall-clock seconds; counts while the link is down.
    pub repl_down_since_s: i64,
    /// How many keys database 0 holds.
    pub db0_keys: u64,
    /// Whether any other database holds a key.
    pub keys_outside_db0: bool,
}

/// How many keys of database 0 are in a slot.
pub trait SlotKeys {
    /// The count, 0 for a slot out of range.
    fn count_in_slot(&self, slot: u16) -> usize;
}

/// No keys at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl SlotKeys for NoKeys {
    fn count_in_slot(&self, _slot: u16) -> usize {
        0
    }
}

/// What a call into the cluster may see and leave behind.
pub struct Cx<'a> {
    /// The instant.
    pub now: Now,
    /// The configuration.
    pub config: &'a ClusterConfig,
    /// The node's generator.
    pub rng: &'a mut Rng,
    /// What the rest of the node says.
    pub facts: &'a Facts,
    /// The keys of database 0.
    pub keys: &'a dyn SlotKeys,
    /// The number of the next connection that the node opens ([`ConnId::OUTGOING`] is added to it).
    pub next_conn: &'a mut u64,
    /// What is to be done, in this order.
    pub actions: &'a mut Vec<Action>,
}

impl Cx<'_> {
    fn now_ms(&self) -> i64 {
        self.now.wall_ms()
    }

    fn log(&mut self, level: LogLevel, text: fmt::Arguments<'_>) {
        if level >= self.config.log_level {
            self.actions.push(Action::Log { level, text: text.to_string() });
        }
    }

    fn event(&mut self, event: Event) {
        self.actions.push(Action::Event(event));
    }
}

/// What the cluster wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a bus connection; answer with [`Cluster::connected`] or [`Cluster::closed`].
    Connect {
        /// Its number.
        conn: ConnId,
        /// The address.
        host: String,
        /// The bus port.
        port: u16,
    },
    /// Send bytes over a bus connection, after every earlier [`Action::SaveConfig`] with `fsync` is durable.
    Send {
        /// Which one.
        conn: ConnId,
        /// One or more whole messages.
        bytes: Vec<u8>,
    },
    /// Close a bus connection, dropping what was not sent. The cluster never mentions it again.
    Close {
        /// Which one.
        conn: ConnId,
    },
    /// Write nodes.conf anew. A failure is fatal: `Fatal: can't update cluster config file.` and exit code 1.
    SaveConfig {
        /// Its whole content. Redis overwrites in place, pads with newlines to the old length, then truncates.
        text: String,
        /// Whether it is to be durable before anything that follows is sent.
        fsync: bool,
    },
    /// Replicate that master (`replicationSetMaster`).
    SetMaster {
        /// Its address.
        host: String,
        /// Its client port.
        port: u16,
    },
    /// Be a master (`replicationUnsetMaster`).
    UnsetMaster,
    /// Delete all keys of these slots: another node owns them now.
    DeleteKeysInSlots(Vec<u16>),
    /// Unsubscribe everybody from the shard channels in these slots: this node no longer serves them.
    DropShardChannels(Vec<u16>),
    /// Empty the data set (`emptyData`): a replica was reset.
    FlushAll,
    /// Hold back write commands until then (`pauseClients` with `PAUSE_DURING_FAILOVER`).
    PauseWrites {
        /// Wall-clock milliseconds.
        until_ms: i64,
    },
    /// End that pause.
    Unpause,
    /// Deliver a message that another node published to the subscribers of this one.
    DeliverPublish {
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
        /// Whether it was SPUBLISH.
        sharded: bool,
    },
    /// A line for the log.
    Log {
        /// How serious.
        level: LogLevel,
        /// The text.
        text: String,
    },
    /// A fact for observers.
    Event(Event),
}

/// Why a replica does not try to take over (`CLUSTER_CANT_FAILOVER_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum CantFailover {
    /// Nothing is in the way, or there is no reason to.
    #[default]
    None,
    /// Its data is too old.
    DataAge,
    /// It waits for the delay to pass.
    WaitingDelay,
    /// Its last attempt came to nothing and the next is not due.
    Expired,
    /// It has asked and waits for votes.
    WaitingVotes,
}

/// The state of an election, on the replica's side.
#[derive(Clone, Debug, Default)]
struct Election {
    /// When votes are asked for, or were.
    auth_time_ms: i64,
    votes: u32,
    voters: Vec<Name>,
    sent: bool,
    rank: u32,
    epoch: u64,
    cant: CantFailover,
    cant_logged_s: i64,
}

/// The state of a manual failover, on both sides.
#[derive(Clone, Debug)]
struct ManualFailover {
    /// When it is given up; 0 for none going on.
    end_ms: i64,
    /// On the master: who asked for it.
    slave: Option<NodeIdx>,
    /// On the replica: the offset at which the master paused, -1 until it is known.
    master_offset: i64,
    /// On the replica: votes may be asked for.
    can_start: bool,
}

const NO_MANUAL_FAILOVER: ManualFailover =
    ManualFailover { end_ms: 0, slave: None, master_offset: -1, can_start: false };

/// How many messages went each way, by type ([`bus::kind`]).
#[derive(Clone, Debug, Default)]
pub struct MessageStats {
    /// Sent.
    pub sent: [u64; bus::kind::COUNT],
    /// Received.
    pub received: [u64; bus::kind::COUNT],
}

/// One node's part in a cluster (`clusterState`, cluster.h 7.0.15).
#[derive(Clone, Debug)]
pub struct Cluster {
    myself: NodeIdx,
    nodes: NodeTable,
    slots: SlotTable,
    /// Slots that this node gives away, and to whom.
    migrating: LiteMap<u16, NodeIdx>,
    /// Slots that this node takes over, and from whom.
    importing: LiteMap<u16, NodeIdx>,
    /// Slots that their owner no longer claims in its messages (`owner_not_claiming_slot`).
    not_claimed: SlotSet,
    current_epoch: u64,
    last_vote_epoch: u64,
    /// Whom this process voted for last. For those who look on alone: redis-server forgets it, and nothing here asks for it.
    last_vote_for: Option<Name>,
    /// Whether the cluster serves requests, as this node sees it.
    ok: bool,
    /// How many masters serve slots.
    size: u32,
    election: Election,
    manual: ManualFailover,
    /// Names that are not to be learnt again from gossip before that second.
    blacklist: LiteMap<Name, i64>,
    /// Boxed: the table is up to twice as long as what is in it.
    links: ConnMap<Box<Link>>,
    /// Links with something to send, in the order in which they got it.
    unsent: Vec<ConnId>,
    lost_channel_slots: Vec<u16>,
    todo: u8,
    stats: MessageStats,
    pfail_nodes: u32,
    links_buffer_limit_exceeded: u64,
    heartbeats_sent: u64,
    cron_runs: u64,
    /// When the state was first looked at after the start; 0 before.
    first_update_ms: i64,
    /// When this node last found itself among a minority.
    minority_ms: i64,
    announced_ip: Option<String>,
    drop_filter: Option<u16>,
    watched: Watched,
    spare: Spare,
    notable: RefCell<Notable>,
}

impl Cluster {
    fn empty(me: ClusterNode) -> Cluster {
        let mut nodes = NodeTable::default();
        let myself = nodes.add(me).unwrap_or(NodeIdx(0));
        Cluster {
            myself,
            nodes,
            slots: SlotTable::default(),
            migrating: LiteMap::new(),
            importing: LiteMap::new(),
            not_claimed: SlotSet::default(),
            current_epoch: 0,
            last_vote_epoch: 0,
            last_vote_for: None,
            ok: false,
            size: 1,
            election: Election::default(),
            manual: NO_MANUAL_FAILOVER,
            blacklist: LiteMap::new(),
            links: ConnMap::default(),
            unsent: Vec::new(),
            lost_channel_slots: Vec::new(),
            todo: 0,
            stats: MessageStats::default(),
            pfail_nodes: 0,
            links_buffer_limit_exceeded: 0,
            heartbeats_sent: 0,
            cron_runs: 0,
            first_update_ms: 0,
            minority_ms: 0,
            announced_ip: None,
            drop_filter: None,
            watched: Watched::default(),
            spare: Spare::default(),
            notable: RefCell::default(),
        }
    }

    /// Starts from the content of nodes.conf, or afresh if there is none or it is empty (`clusterInit`). The node has
    /// taken the lock on the file before.
    ///
    /// # Errors
    /// The file is corrupt; the log says so and the process is to exit with code 1.
    pub fn start(cx: &mut Cx<'_>, nodes_conf: Option<&[u8]>) -> Result<Cluster, LoadError> {
        let mut cluster = match nodes_conf.filter(|text| !text.is_empty()) {
            Some(text) => Cluster::load(cx, text)?,
            None => {
                let name = Name::random(cx.rng);
                let me = ClusterNode::new(name, flag::MYSELF | flag::MASTER, cx.now_ms());
                cx.log(LogLevel::Notice, format_args!("No cluster configuration found, I'm {name}"));
                let cluster = Cluster::empty(me);
                cluster.save_config_now(cx);
                cluster
            }
        };
        cluster.config_changed(cx);
        Ok(cluster)
    }

    /// Takes over what CONFIG SET may have changed: flags, ports, address and host name of this node.
    pub fn config_changed(&mut self, cx: &mut Cx<'_>) {
        let me = &mut self.nodes[self.myself];
        (me.port, me.cport) = cx.config.announced_ports();
        me.pport = 0;
        let old = me.flags;
        me.flags &= !flag::NOFAILOVER;
        if cx.config.replica_no_failover {
            me.flags |= flag::NOFAILOVER;
        }
        if me.flags != old {
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
        }
        if self.announced_ip != cx.config.announce_ip {
            self.announced_ip.clone_from(&cx.config.announce_ip);
            // Without one, the address is found out anew from the next message.
            let me = &mut self.nodes[self.myself];
            me.ip = cx.config.announce_ip.as_deref().map_or(IpText::NONE, IpText::new);
        }
        self.update_my_hostname(cx);
    }

    fn update_my_hostname(&mut self, cx: &Cx<'_>) {
        let announced = cx.config.announce_hostname.as_deref().filter(|name| !name.is_empty());
        if self.myself().hostname.as_deref() != announced {
            self.nodes[self.myself].hostname = announced.map(Into::into);
        }
    }

    /// This node.
    pub fn myself(&self) -> &ClusterNode {
        &self.nodes[self.myself]
    }

    /// This node's index.
    pub fn my_idx(&self) -> NodeIdx {
        self.myself
    }

    /// All nodes.
    pub fn nodes(&self) -> &NodeTable {
        &self.nodes
    }

    /// The node of that name, as a command's argument gives it.
    pub fn find(&self, name: &[u8]) -> Option<NodeIdx> {
        Name::parse(name).and_then(|name| self.nodes.find(&name))
    }

    /// The slots that are being imported, in order.
    pub fn importing(&self) -> impl Iterator<Item = u16> + '_ {
        self.importing.iter().map(|(slot, _)| *slot)
    }

    /// Who owns which slot.
    pub fn slots(&self) -> &SlotTable {
        &self.slots
    }

    /// Whether the cluster serves requests, as this node sees it.
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// Whether this node is a master of the cluster. It is the cluster's word that counts, also while the replication
    /// link of a fresh replica is still to be made.
    pub fn is_master(&self) -> bool {
        self.myself().is_master()
    }

    /// Whether this node replicates another in the cluster.
    pub fn is_replica(&self) -> bool {
        self.myself().is_slave()
    }

    /// How many masters serve slots, as far as this node knows.
    pub fn masters(&self) -> u32 {
        self.size
    }

    /// The cluster's current epoch.
    pub fn current_epoch(&self) -> u64 {
        self.current_epoch
    }

    /// Whether a manual failover is going on, on either side. A master does not send PINGs to its replicas then: they
    /// would move the offset that the replica waits for.
    pub fn manual_failover_in_progress(&self) -> bool {
        self.manual.end_ms != 0
    }

    /// How many messages went each way.
    pub fn stats(&self) -> &MessageStats {
        &self.stats
    }

    /// How many bus connections there are, as INFO counts them (`cluster_connections`).
    pub fn connections(&self) -> usize {
        (self.nodes.len() - 1) * 2
    }

    /// Sets the type of message that is thrown away on arrival, none for a number that names no type (DEBUG
    /// DROP-CLUSTER-PACKET-FILTER).
    pub fn set_drop_filter(&mut self, kind: i64) {
        self.drop_filter = u16::try_from(kind).ok();
    }

    /// The offset that this node tells others.
    fn my_offset(&self, facts: &Facts) -> i64 {
        if self.is_replica() { facts.slave_offset } else { facts.master_offset }
    }

    fn set_current_epoch(&mut self, cx: &mut Cx<'_>, epoch: u64) {
        if self.current_epoch != epoch {
            self.current_epoch = epoch;
            self.epoch_event(cx);
        }
    }

    fn set_my_config_epoch(&mut self, cx: &mut Cx<'_>, epoch: u64) {
        self.nodes[self.myself].config_epoch = epoch;
        self.epoch_event(cx);
    }

    fn epoch_event(&self, cx: &mut Cx<'_>) {
        cx.event(Event::Epoch { current: self.current_epoch, config: self.myself().config_epoch });
    }

    fn role_event(&self, cx: &mut Cx<'_>) {
        let me = self.myself();
        let master = me.slaveof.map(|master| self.nodes[master].name.to_string());
        cx.event(Event::Role { replica: me.is_slave(), master });
    }

    /// Takes a node out, with every reference to it (`clusterDelNode`).
    fn del_node(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        self.del_node_slots(idx);
        self.migrating.retain(|_, to| *to != idx);
        self.importing.retain(|_, from| *from != idx);
        for at in 0..self.nodes.len() {
            let Some(other) = self.nodes.at(at) else { break };
            let other = &mut self.nodes[other];
            other.withdraw_report(idx);
            if other.slaveof == Some(idx) {
                other.slaveof = None;
            }
        }
        if let Some(master) = self.nodes[idx].slaveof {
            self.remove_slave(master, idx);
        }
        if self.manual.slave == Some(idx) {
            self.reset_manual_failover(cx);
        }
        for link in [self.nodes[idx].link, self.nodes[idx].inbound_link].into_iter().flatten() {
            self.free_link(cx, link);
        }
        self.nodes.remove(idx);
    }

    /// Notes a replica of a master (`clusterNodeAddSlave`).
    fn add_slave(&mut self, master: NodeIdx, slave: NodeIdx) {
        let master = &mut self.nodes[master];
        if !master.slaves.contains(&slave) {
            master.slaves.push(slave);
            master.flags |= flag::MIGRATE_TO;
        }
    }

    /// Forgets a replica of a master (`clusterNodeRemoveSlave`).
    fn remove_slave(&mut self, master: NodeIdx, slave: NodeIdx) {
        let master = &mut self.nodes[master];
        let before = master.slaves.len();
        master.slaves.retain(|&s| s != slave);
        if master.slaves.is_empty() && before > 0 {
            master.flags &= !flag::MIGRATE_TO;
        }
    }

    /// How many replicas of a master are not flagged FAIL (`clusterCountNonFailingSlaves`).
    fn working_slaves(&self, master: NodeIdx) -> usize {
        self.nodes[master].slaves.iter().filter(|&&slave| !self.nodes[slave].failed()).count()
    }

    /// Makes a node that was taken for a replica a master (`clusterSetNodeAsMaster`).
    fn set_node_as_master(&mut self, cx: &mut Cx<'_>, idx: NodeIdx) {
        if self.nodes[idx].is_master() {
            return;
        }
        if let Some(master) = self.nodes[idx].slaveof {
            self.remove_slave(master, idx);
            if idx != self.myself {
                self.nodes[idx].flags |= flag::MIGRATE_TO;
            }
        }
        let node = &mut self.nodes[idx];
        node.flags = node.flags & !flag::SLAVE | flag::MASTER;
        node.slaveof = None;
        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
        if idx == self.myself {
            self.role_event(cx);
        }
    }

    /// Makes this node, which serves no slot, a replica of another (`clusterSetMaster`).
    fn set_master(&mut self, cx: &mut Cx<'_>, master: NodeIdx) {
        let me = self.myself;
        if master == me || !self.nodes[me].slots.is_empty() {
            return;
        }
        if self.nodes[me].is_master() {
            let node = &mut self.nodes[me];
            node.flags = node.flags & !(flag::MASTER | flag::MIGRATE_TO) | flag::SLAVE;
            self.close_all_slots();
        } else if let Some(old) = self.nodes[me].slaveof {
            self.remove_slave(old, me);
        }
        self.nodes[me].slaveof = Some(master);
        self.add_slave(master, me);
        self.role_event(cx);
        self.replicate_from(cx, master);
        self.reset_manual_failover(cx);
    }

    fn replicate_from(&self, cx: &mut Cx<'_>, master: NodeIdx) {
        let node = &self.nodes[master];
        cx.actions.push(Action::SetMaster { host: node.ip.as_str().to_string(), port: node.port });
    }
}
