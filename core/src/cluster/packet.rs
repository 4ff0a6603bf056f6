//! What one message changes (`clusterProcessPacket`, cluster.c 7.0.15). The order of the steps matters: roles before
//! slots, slots before gossip, and the PONG leaves before any of it.

use super::bus::{Body, Message, kind, mflag};
use super::node::{ClusterNode, Name, NodeIdx, flag};
use super::slots::slots_of_either;
use super::{
    Action, Cluster, Cx, MANUAL_FAILOVER_TIMEOUT_MS, TODO_FSYNC_CONFIG, TODO_HANDLE_FAILOVER,
    TODO_HANDLE_MANUAL_FAILOVER, TODO_SAVE_CONFIG, TODO_UPDATE_STATE,
};
use crate::event::{Event, Opinion};
use crate::host::{ConnId, LogLevel};
use crate::planted::Bug;

impl Cluster {
    pub(super) fn process_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message<'_>) {
        let header = &message.header;
        let sender = self.sender_of(cx, conn, header.sender_name());
        if let Some(idx) = sender {
            self.nodes.clocks_of(idx).data_received_ms = cx.now_ms();
            if !self.nodes[idx].in_handshake() {
                self.note_sender(cx, idx, message);
            }
        }
        match message.body {
            Body::Heartbeat { .. } => self.process_heartbeat(cx, conn, sender, message),
            Body::Fail { about } => self.process_fail(cx, sender, &header.sender, about),
            Body::Publish { channel, message } => {
                if sender.is_some() {
                    cx.actions.push(Action::DeliverPublish {
                        channel: channel.to_vec(),
                        message: message.to_vec(),
                        sharded: header.kind == kind::PUBLISHSHARD,
                    });
                }
            }
            Body::Update { config_epoch, name, slots } => {
                // About a node that both sides know, and news.
                let about = Name::parse(name).and_then(|name| self.nodes.find(&name));
                let Some(idx) = about.filter(|_| sender.is_some()) else { return };
                if self.nodes[idx].config_epoch >= config_epoch {
                    return;
                }
                if self.nodes[idx].is_slave() {
                    self.set_node_as_master(cx, idx);
                }
                self.nodes[idx].config_epoch = config_epoch;
                self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
                self.update_slots_config_with(cx, idx, config_epoch, slots);
            }
            Body::Bare => {
                let Some(idx) = sender else { return };
                match header.kind {
                    kind::AUTH_REQUEST => self.vote_if_needed(cx, idx, header),
                    kind::AUTH_ACK => self.process_vote(cx, idx, header.current_epoch),
                    _ => self.process_mfstart(cx, conn, idx),
                }
            }
            // Redis hands these to modules; there are none here.
            Body::Module { .. } => {}
            Body::Unknown(_) => {
                cx.log(LogLevel::Warning, format_args!("Received unknown packet type: {}", header.kind));
            }
        }
    }

    /// Who sent a message (`getNodeFromLinkAndMsg`): the node of the link, unless its name is still invented, else the
    /// node of the name that the message bears.
    fn sender_of(&mut self, cx: &mut Cx<'_>, conn: ConnId, name: Option<Name>) -> Option<NodeIdx> {
        let linked = self.links.get(conn)?.node;
        if let Some(idx) = linked.filter(|&idx| !self.nodes[idx].in_handshake()) {
            return Some(idx);
        }
        let sender = self.nodes.find(&name?)?;
        if linked.is_none() {
            self.set_inbound_link(cx, sender, conn);
        }
        Some(sender)
    }

    /// Takes over what every message of a known node says of it: epochs and offset.
    fn note_sender(&mut self, cx: &mut Cx<'_>, idx: NodeIdx, message: &Message<'_>) {
        let header = &message.header;
        let falls = cx.config.planted.is(Bug::EpochFalls) && header.current_epoch < self.current_epoch;
        if header.current_epoch > self.current_epoch || falls {
            self.set_current_epoch(cx, header.current_epoch);
        }
        let node = self.nodes.clocks_of(idx);
        if header.config_epoch > node.config_epoch {
            node.config_epoch = header.config_epoch;
            self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        }
        node.repl_offset = header.offset as i64;
        node.repl_offset_time_ms = cx.now_ms();
        let from_my_master = self.is_replica() && self.myself().slaveof == Some(idx);
        if self.manual.end_ms != 0
            && from_my_master
            && header.has_mflag(mflag::PAUSED)
            && self.manual.master_offset == -1
        {
            self.manual.master_offset = header.offset as i64;
            self.todo |= TODO_HANDLE_MANUAL_FAILOVER;
            cx.log(
                LogLevel::Warning,
                format_args!(
                    "Received replication offset for paused master manual failover: {}",
                    self.manual.master_offset
                ),
            );
        }
    }

    fn process_heartbeat(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        sender: Option<NodeIdx>,
        message: &Message<'_>,
    ) {
        let header = &message.header;
        let Some(link) = self.links.get(conn) else { return };
        let (inbound, linked, local_ip) = (link.inbound, link.node, link.local_ip);

        if header.kind != kind::PONG {
            // A MEET was sent to the address by which others are to know this node: that is how it learns its own.
            // Without any address even a PING will do.
            let me = self.myself();
            if (header.kind == kind::MEET || me.ip.is_empty())
                && cx.config.announce_ip.is_none()
                && me.ip != local_ip
                && !local_ip.is_empty()
            {
                self.nodes[self.myself].ip = local_ip;
                cx.log(LogLevel::Warning, format_args!("IP address for this node updated to {local_ip}"));
                self.todo |= TODO_SAVE_CONFIG;
            }
            if header.kind == kind::MEET && sender.is_none() {
                self.add_meeting_node(cx, conn, message);
                self.process_gossip(cx, None, message);
            }
            self.send_ping(cx, conn, kind::PONG);
        }

        if let Some(node) = linked.filter(|_| !inbound) {
            if self.nodes[node].in_handshake() {
                if let Some(known) = sender {
                    // We know this node under its real name already: the handshake was for nothing, but the address
                    // may be news.
                    cx.log(
                        LogLevel::Verbose,
                        format_args!(
                            "Handshake: we already know node {}, updating the address if needed.",
                            self.nodes[known].name
                        ),
                    );
                    if self.update_address_if_needed(cx, known, conn, message) {
                        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
                    }
                    self.del_node(cx, node);
                    return;
                }
                let Some(name) = header.sender_name().filter(|name| self.nodes.rename(node, *name)) else {
                    return;
                };
                cx.log(LogLevel::Debug, format_args!("Handshake with node {name} completed."));
                let node = &mut self.nodes[node];
                node.flags &= !flag::HANDSHAKE;
                node.flags |= header.flags & (flag::MASTER | flag::SLAVE);
                self.todo |= TODO_SAVE_CONFIG;
            } else if self.nodes[node].name.as_bytes() != &header.sender {
                // Somebody else lives at that address now.
                cx.log(
                    LogLevel::Debug,
                    format_args!("PONG contains mismatching sender ID. About node {}", self.nodes[node].name),
                );
                let node = &mut self.nodes[node];
                node.flags |= flag::NOADDR;
                node.ip = super::node::IpText::NONE;
                (node.port, node.pport, node.cport) = (0, 0, 0);
                self.free_link(cx, conn);
                self.todo |= TODO_SAVE_CONFIG;
                return;
            }
        }

        if let Some(idx) = sender {
            if (self.nodes[idx].flags ^ header.flags) & flag::NOFAILOVER != 0 {
                self.nodes[idx].flags ^= flag::NOFAILOVER;
            }
            if header.kind == kind::PING
                && !self.nodes[idx].in_handshake()
                && self.update_address_if_needed(cx, idx, conn, message)
            {
                self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
            }
        }

        if let Some(idx) = linked.filter(|_| !inbound && header.kind == kind::PONG) {
            self.nodes.clocks_of(idx).pong_received_ms = cx.now_ms();
            self.ping_sent(idx, 0);
            let node = &self.nodes[idx];
            if node.timed_out() {
                self.nodes[idx].flags &= !flag::PFAIL;
                self.opinion_event(cx, idx, Opinion::Ok);
                self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
            } else if node.failed() {
                self.clear_failure_if_needed(cx, idx);
            }
        }

        let Some(sender) = sender else { return };
        self.note_role(cx, sender, message);
        self.note_slots(cx, sender, message);
        let both_masters = self.is_master() && self.nodes[sender].is_master();
        if both_masters && header.config_epoch == self.myself().config_epoch {
            self.handle_config_epoch_collision(cx, sender);
        }
        // Redis prefers the node of the link here; it is the sender, or a node whose handshake has just ended.
        self.process_gossip(cx, Some(sender), message);
        self.process_extensions(cx, sender, message);
    }

    fn add_meeting_node(&mut self, cx: &mut Cx<'_>, conn: ConnId, message: &Message<'_>) {
        let header = &message.header;
        let Some(link) = self.links.get(conn) else { return };
        let mut node = ClusterNode::new(Name::random(cx.rng), flag::HANDSHAKE, cx.now_ms());
        node.ip = if header.my_ip.is_empty() { link.peer_ip } else { header.my_ip };
        (node.port, node.pport, node.cport) = (header.port, header.pport, header.cport);
        self.nodes.add(node);
        self.todo |= TODO_SAVE_CONFIG;
    }

    /// A master that became a replica, the reverse, or a replica with another master.
    fn note_role(&mut self, cx: &mut Cx<'_>, sender: NodeIdx, message: &Message<'_>) {
        let header = &message.header;
        if header.is_master() {
            self.set_node_as_master(cx, sender);
            return;
        }
        let master = Name::parse(&header.slaveof).and_then(|name| self.nodes.find(&name));
        if self.nodes[sender].is_master() {
            self.del_node_slots(sender);
            let node = &mut self.nodes[sender];
            node.flags = node.flags & !(flag::MASTER | flag::MIGRATE_TO) | flag::SLAVE;
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
        }
        if let Some(master) = master
            && self.nodes[sender].slaveof != Some(master)
        {
            if let Some(old) = self.nodes[sender].slaveof {
                self.remove_slave(old, sender);
            }
            self.add_slave(master, sender);
            self.nodes[sender].slaveof = Some(master);
            self.todo |= TODO_SAVE_CONFIG;
        }
    }

    /// The sender's claim to slots: believe it, or tell it that it is out of date.
    fn note_slots(&mut self, cx: &mut Cx<'_>, sender: NodeIdx, message: &Message<'_>) {
        let header = &message.header;
        let node = &self.nodes[sender];
        let Some(master) = (if node.is_master() { Some(sender) } else { node.slaveof }) else { return };
        if self.nodes[master].slots.equals_bitmap(header.slots) {
            return;
        }
        if self.nodes[sender].is_master() {
            self.update_slots_config_with(cx, sender, header.config_epoch, header.slots);
        }
        for slot in slots_of_either(header.slots, header.slots) {
            if self.slot_unclaimed(slot) {
                continue;
            }
            let Some(owner) = self.slots.owner(slot).filter(|&owner| owner != sender) else { continue };
            if self.nodes[owner].config_epoch > header.config_epoch {
                cx.log(
                    LogLevel::Verbose,
                    format_args!(
                        "Node {} has old slots configuration, sending an UPDATE message about {}",
                        self.nodes[sender].name, self.nodes[owner].name
                    ),
                );
                self.send_update(cx, sender, owner);
                break;
            }
        }
    }

    /// Tells `to` what slots `about` serves, without those that it has ceased to claim (`clusterSendUpdate`).
    fn send_update(&mut self, cx: &Cx<'_>, to: NodeIdx, about: NodeIdx) {
        let node = &self.nodes[about];
        let (name, config_epoch) = (node.name, node.config_epoch);
        let mut slots = [0; super::slots::BITMAP_LEN];
        node.slots.write_bitmap(&mut slots);
        for slot in self.not_claimed.iter() {
            slots[usize::from(slot) / 8] &= !(1 << (slot % 8));
        }
        let body = Body::Update { config_epoch, name: name.as_bytes(), slots: &slots };
        self.send_to(cx, to, kind::UPDATE, 0, body);
    }

    fn process_fail(&mut self, cx: &mut Cx<'_>, sender: Option<NodeIdx>, from: &[u8], about: &[u8]) {
        if sender.is_none() {
            cx.log(
                LogLevel::Notice,
                format_args!(
                    "Ignoring FAIL message from unknown node {} about {}",
                    String::from_utf8_lossy(from),
                    String::from_utf8_lossy(about)
                ),
            );
            return;
        }
        let Some(idx) = Name::parse(about).and_then(|name| self.nodes.find(&name)) else { return };
        if self.nodes[idx].any(flag::FAIL | flag::MYSELF) {
            return;
        }
        cx.log(
            LogLevel::Notice,
            format_args!(
                "FAIL message received from {} about {}",
                String::from_utf8_lossy(from),
                self.nodes[idx].name
            ),
        );
        let node = &mut self.nodes[idx];
        node.flags = node.flags & !flag::PFAIL | flag::FAIL;
        node.fail_time_ms = cx.now_ms();
        self.opinion_event(cx, idx, Opinion::Failed);
        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
    }

    fn process_vote(&mut self, cx: &mut Cx<'_>, voter: NodeIdx, epoch: u64) {
        let node = &self.nodes[voter];
        if node.is_master() && !node.slots.is_empty() && epoch >= self.election.epoch {
            let name = node.name;
            self.election.votes += 1;
            self.election.voters.push(name);
            self.election.voters.truncate(super::node::NODES_MAX);
            cx.event(Event::VoteReceived {
                epoch: self.election.epoch,
                voter: name.to_string(),
                votes: self.election.votes,
                needed: self.quorum(),
            });
            self.todo |= TODO_HANDLE_FAILOVER;
        }
    }

    /// A replica of ours asks for a manual failover.
    fn process_mfstart(&mut self, cx: &mut Cx<'_>, conn: ConnId, sender: NodeIdx) {
        if self.nodes[sender].slaveof != Some(self.myself) {
            return;
        }
        self.reset_manual_failover(cx);
        self.manual.end_ms = cx.now_ms() + MANUAL_FAILOVER_TIMEOUT_MS;
        self.manual.slave = Some(sender);
        // Twice the time, so that no write comes in between a failover that just succeeds and the news of it.
        cx.actions.push(Action::PauseWrites { until_ms: cx.now_ms() + MANUAL_FAILOVER_TIMEOUT_MS * 2 });
        cx.log(
            LogLevel::Warning,
            format_args!("Manual failover requested by replica {}.", self.nodes[sender].name),
        );
        // It carries the offset that the replica waits for.
        self.send_ping(cx, conn, kind::PING);
    }

    /// Two masters with one config epoch: the one with the smaller name takes a new one. The greatest never moves, so
    /// this ends with all different (`clusterHandleConfigEpochCollision`).
    fn handle_config_epoch_collision(&mut self, cx: &mut Cx<'_>, sender: NodeIdx) {
        let (name, epoch) = (self.nodes[sender].name, self.nodes[sender].config_epoch);
        if epoch != self.myself().config_epoch || name <= self.myself().name {
            return;
        }
        self.set_current_epoch(cx, self.current_epoch.saturating_add(1));
        self.set_my_config_epoch(cx, self.current_epoch);
        self.todo |= TODO_SAVE_CONFIG | TODO_FSYNC_CONFIG;
        cx.log(
            LogLevel::Verbose,
            format_args!(
                "WARNING: configEpoch collision with node {name}. configEpoch set to {}",
                self.current_epoch
            ),
        );
    }

    pub(super) fn opinion_event(&self, cx: &mut Cx<'_>, idx: NodeIdx, opinion: Opinion) {
        cx.event(Event::Opinion { about: self.nodes[idx].name.to_string(), opinion });
    }
}
