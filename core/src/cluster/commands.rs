//! The CLUSTER commands that change something, without their syntax (`clusterCommand`, cluster.c 7.0.15). Each checks what
//! Redis checks, in its order, and answers with its texts.

use super::bus::{Body, kind};
use super::gossip::Audience;
use super::node::{Name, NodeIdx, flag};
use super::slots::{SLOTS, SlotSet};
use super::{
    Action, BUS_PORT_OFFSET, Cluster, Cx, MANUAL_FAILOVER_TIMEOUT_MS, TODO_FSYNC_CONFIG, TODO_SAVE_CONFIG,
    TODO_UPDATE_STATE,
};
use crate::host::LogLevel;
use crate::resp::reply::printed;

/// An error reply without the leading `-` and the line end.
pub type CommandError = Vec<u8>;

/// The action of CLUSTER SETSLOT; each node is named as the client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetSlot<'a> {
    /// MIGRATING to that node.
    Migrating(&'a [u8]),
    /// IMPORTING from that node.
    Importing(&'a [u8]),
    /// STABLE: neither.
    Stable,
    /// NODE: it belongs to that node.
    Node(&'a [u8]),
}

/// How CLUSTER FAILOVER is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// In agreement with the master.
    Gentle,
    /// FORCE: without asking the master.
    Force,
    /// TAKEOVER: without asking anybody.
    Takeover,
}

impl Cluster {
    fn known(&self, name: &[u8]) -> Result<NodeIdx, CommandError> {
        self.find(name).ok_or_else(|| [b"ERR Unknown node ", printed(name, usize::MAX)].concat())
    }

    /// CLUSTER MEET; `cport` is the client port + 10000 if it is not given.
    ///
    /// # Errors
    /// The address or a port is not valid.
    pub fn meet(
        &mut self,
        cx: &mut Cx<'_>,
        ip: &[u8],
        port: i64,
        cport: Option<i64>,
    ) -> Result<(), CommandError> {
        let cport = cport.unwrap_or(port.saturating_add(i64::from(BUS_PORT_OFFSET)));
        self.start_handshake(cx, &String::from_utf8_lossy(ip), port, cport).map_err(|()| {
            let port = format!(":{port}");
            [b"ERR Invalid node address specified: ", printed(ip, usize::MAX), port.as_bytes()].concat()
        })
    }

    /// CLUSTER ADDSLOTS, ADDSLOTSRANGE and, with `del`, DELSLOTS and DELSLOTSRANGE. Ranges include both ends.
    ///
    /// # Errors
    /// A slot is owned already, has no owner, or is named twice.
    pub fn add_or_del_slots(
        &mut self,
        cx: &mut Cx<'_>,
        ranges: &[(u16, u16)],
        del: bool,
    ) -> Result<(), CommandError> {
        let mut chosen = SlotSet::default();
        for slot in ranges.iter().flat_map(|&(first, last)| first..=last) {
            let owned = self.slots.owner(slot).is_some();
            if del && !owned {
                return Err(format!("ERR Slot {slot} is already unassigned").into_bytes());
            }
            if !del && owned {
                return Err(format!("ERR Slot {slot} is already busy").into_bytes());
            }
            if !chosen.insert(slot) {
                return Err(format!("ERR Slot {slot} specified multiple times").into_bytes());
            }
        }
        for slot in chosen.iter() {
            // Now that the slot is ours, or nobody's, it is not on its way any more.
            self.importing.remove(&slot);
            if del {
                self.del_slot(slot);
            } else {
                self.add_slot(self.myself, slot);
            }
        }
        let owner = (!del).then(|| self.myself().name.to_string());
        cx.event(crate::event::Event::Slots { owner, count: chosen.len() });
        self.drop_lost_channels(cx);
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
        Ok(())
    }

    /// CLUSTER FLUSHSLOTS.
    ///
    /// # Errors
    /// There are keys.
    pub fn flush_slots(&mut self, cx: &mut Cx<'_>) -> Result<(), CommandError> {
        if cx.facts.db0_keys != 0 {
            return Err("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.".into());
        }
        self.del_node_slots(self.myself);
        self.drop_lost_channels(cx);
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
        Ok(())
    }

    /// CLUSTER SETSLOT. That this node is a master is to be checked before the slot is parsed: [`Cluster::is_replica`] and
    /// `ERR Please use SETSLOT only with masters.`
    ///
    /// # Errors
    /// The node is not known, is no master, or the slot is not in the right hands.
    pub fn set_slot(&mut self, cx: &mut Cx<'_>, slot: u16, action: SetSlot<'_>) -> Result<(), CommandError> {
        let me = self.myself;
        let owner = self.slots.owner(slot);
        let master = |cluster: &Cluster, name: &[u8]| {
            let idx = cluster
                .find(name)
                .ok_or_else(|| [b"ERR I don't know about node ", printed(name, usize::MAX)].concat())?;
            master_only(cluster, idx)
        };
        match action {
            SetSlot::Migrating(_) if owner != Some(me) => {
                return Err(format!("ERR I'm not the owner of hash slot {slot}").into_bytes());
            }
            SetSlot::Migrating(to) => {
                let to = master(self, to)?;
                self.migrating.insert(slot, to);
            }
            SetSlot::Importing(_) if owner == Some(me) => {
                return Err(format!("ERR I'm already the owner of hash slot {slot}").into_bytes());
            }
            SetSlot::Importing(from) => {
                let from = master(self, from)?;
                self.importing.insert(slot, from);
            }
            SetSlot::Stable => {
                self.importing.remove(&slot);
                self.migrating.remove(&slot);
            }
            SetSlot::Node(to) => {
                let to = self.known(to).and_then(|idx| master_only(self, idx))?;
                self.set_slot_owner(cx, slot, to)?;
            }
        }
        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE;
        Ok(())
    }

    fn set_slot_owner(&mut self, cx: &mut Cx<'_>, slot: u16, to: NodeIdx) -> Result<(), CommandError> {
        let me = self.myself;
        let was_mine = self.slots.owner(slot) == Some(me);
        let keys = cx.keys.count_in_slot(slot);
        if was_mine && to != me && keys != 0 {
            return Err(format!(
                "ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
            ).into_bytes());
        }
        if keys == 0 {
            self.migrating.remove(&slot);
        }
        self.del_slot(slot);
        self.add_slot(to, slot);
        let name = self.nodes[to].name;
        cx.event(crate::event::Event::Slots { owner: Some(name.to_string()), count: 1 });
        if to == me {
            // We keep its channels.
            self.lost_channel_slots.retain(|&lost| lost != slot);
        }
        if was_mine && to != me && self.myself().slots.is_empty() && cx.config.allow_replica_migration {
            cx.log(
                LogLevel::Warning,
                format_args!("Configuration change detected. Reconfiguring myself as a replica of {name}"),
            );
            self.set_master(cx, to);
            self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
        }
        // The end of an import: a new epoch makes the rest of the cluster believe it.
        if to == me && self.importing.contains_key(&slot) {
            if self.bump_config_epoch(cx) {
                cx.log(LogLevel::Warning, format_args!("configEpoch updated after importing slot {slot}"));
            }
            self.importing.remove(&slot);
            self.broadcast_pong(cx, Audience::All);
        }
        self.drop_lost_channels(cx);
        Ok(())
    }

    /// CLUSTER BUMPEPOCH: whether the epoch changed, and which it is.
    pub fn bump_epoch(&mut self, cx: &mut Cx<'_>) -> (bool, u64) {
        let bumped = self.bump_config_epoch(cx);
        (bumped, self.myself().config_epoch)
    }

    /// CLUSTER FORGET.
    ///
    /// # Errors
    /// The node is not known, is this one, or is its master.
    pub fn forget(&mut self, cx: &mut Cx<'_>, name: &[u8]) -> Result<(), CommandError> {
        let idx = self.known(name)?;
        if idx == self.myself {
            return Err("ERR I tried hard but I can't forget myself...".into());
        }
        if self.is_replica() && self.myself().slaveof == Some(idx) {
            return Err("ERR Can't forget my master!".into());
        }
        self.blacklist(cx, self.nodes[idx].name);
        self.del_node(cx, idx);
        self.drop_lost_channels(cx);
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
        Ok(())
    }

    /// CLUSTER REPLICATE.
    ///
    /// # Errors
    /// The node is not known, is this one or a replica; or this one holds slots or, as a master, keys.
    pub fn replicate(&mut self, cx: &mut Cx<'_>, name: &[u8]) -> Result<(), CommandError> {
        let idx = self.known(name)?;
        if idx == self.myself {
            return Err("ERR Can't replicate myself".into());
        }
        if self.nodes[idx].is_slave() {
            return Err("ERR I can only replicate a master, not a replica.".into());
        }
        // Redis would let a replica that was given slots by hand go on, and fail an assertion.
        if !self.myself().slots.is_empty() || (self.is_master() && cx.facts.db0_keys != 0) {
            return Err("ERR To set a master the node must be empty and without assigned slots.".into());
        }
        self.set_master(cx, idx);
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
        Ok(())
    }

    /// CLUSTER REPLICAS: a line for each.
    ///
    /// # Errors
    /// The node is not known or is no master.
    pub fn replicas(&self, name: &[u8]) -> Result<Vec<String>, CommandError> {
        let idx = self.known(name)?;
        if self.nodes[idx].is_slave() {
            return Err("ERR The specified node is not a master".into());
        }
        Ok(self.nodes[idx].slaves.iter().map(|&slave| self.node_text(slave)).collect())
    }

    /// CLUSTER COUNT-FAILURE-REPORTS.
    ///
    /// # Errors
    /// The node is not known.
    pub fn count_failure_reports(&mut self, cx: &Cx<'_>, name: &[u8]) -> Result<usize, CommandError> {
        let idx = self.known(name)?;
        Ok(self.failure_reports(cx, idx))
    }

    /// CLUSTER FAILOVER.
    ///
    /// # Errors
    /// This node is a master, does not know its master, or the master is down and force was not asked for.
    pub fn failover(&mut self, cx: &mut Cx<'_>, how: Failover) -> Result<(), CommandError> {
        if self.is_master() {
            return Err("ERR You should send CLUSTER FAILOVER to a replica".into());
        }
        let Some(master) = self.myself().slaveof else {
            return Err("ERR I'm a replica but my master is unknown to me".into());
        };
        let node = &self.nodes[master];
        if how == Failover::Gentle && (node.failed() || node.link.is_none()) {
            return Err("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE".into());
        }
        self.reset_manual_failover(cx);
        self.manual.end_ms = cx.now_ms() + MANUAL_FAILOVER_TIMEOUT_MS;
        match how {
            Failover::Takeover => {
                cx.log(LogLevel::Warning, format_args!("Taking over the master (user request)."));
                self.bump_config_epoch(cx);
                self.replace_master(cx);
            }
            Failover::Force => {
                cx.log(LogLevel::Warning, format_args!("Forced failover user request accepted."));
                self.manual.can_start = true;
            }
            Failover::Gentle => {
                cx.log(LogLevel::Warning, format_args!("Manual failover user request accepted."));
                self.send_to(cx, master, kind::MFSTART, 0, Body::Bare);
            }
        }
        Ok(())
    }

    /// CLUSTER SET-CONFIG-EPOCH.
    ///
    /// # Errors
    /// The epoch is negative, or this node is not fresh.
    pub fn set_config_epoch(&mut self, cx: &mut Cx<'_>, epoch: i64) -> Result<(), CommandError> {
        let Ok(new) = u64::try_from(epoch) else {
            return Err(format!("ERR Invalid config epoch specified: {epoch}").into_bytes());
        };
        if self.nodes.len() > 1 {
            return Err("ERR The user can assign a config epoch only when the node does not know any other \
                        node."
                .into());
        }
        if self.myself().config_epoch != 0 {
            return Err("ERR Node config epoch is already non-zero".into());
        }
        self.nodes[self.myself].config_epoch = new;
        cx.log(LogLevel::Warning, format_args!("configEpoch set to {new} via CLUSTER SET-CONFIG-EPOCH"));
        self.current_epoch = self.current_epoch.max(new);
        self.epoch_event(cx);
        // Not synced: were it lost, the collision of epochs would be resolved.
        self.todo |= TODO_UPDATE_STATE | TODO_SAVE_CONFIG;
        Ok(())
    }

    /// CLUSTER RESET (`clusterReset`).
    ///
    /// # Errors
    /// This node is a master that holds keys.
    pub fn reset(&mut self, cx: &mut Cx<'_>, hard: bool) -> Result<(), CommandError> {
        if self.is_master() && cx.facts.db0_keys != 0 {
            return Err("ERR CLUSTER RESET can't be called with master nodes containing keys".into());
        }
        let me = self.myself;
        if self.is_replica() {
            self.set_node_as_master(cx, me);
            cx.actions.push(Action::UnsetMaster);
            cx.actions.push(Action::FlushAll);
        }
        self.close_all_slots();
        self.reset_manual_failover(cx);
        for slot in 0..SLOTS as u16 {
            self.del_slot(slot);
        }
        while self.nodes.len() > 1 {
            let other = self.nodes.at(0).filter(|&idx| idx != me).or_else(|| self.nodes.at(1));
            let Some(other) = other else { break };
            self.del_node(cx, other);
        }
        self.drop_lost_channels(cx);
        if hard {
            self.current_epoch = 0;
            (self.last_vote_epoch, self.last_vote_for) = (0, None);
            self.set_my_config_epoch(cx, 0);
            cx.log(LogLevel::Warning, format_args!("configEpoch set to 0 via CLUSTER RESET HARD"));
            let name = Name::random(cx.rng);
            self.nodes.rename(me, name);
            cx.log(LogLevel::Notice, format_args!("Node hard reset, now I'm {name}"));
        }
        self.todo |= TODO_SAVE_CONFIG | TODO_UPDATE_STATE | TODO_FSYNC_CONFIG;
        Ok(())
    }

    /// DEBUG CLUSTERLINK KILL: closes the link `to` a node, the one `from` it, or both.
    ///
    /// # Errors
    /// The node is not known.
    pub fn kill_link(
        &mut self,
        cx: &mut Cx<'_>,
        name: &[u8],
        to: bool,
        from: bool,
    ) -> Result<(), CommandError> {
        let idx = self.known(name)?;
        let node = &self.nodes[idx];
        let links = [node.link.filter(|_| to), node.inbound_link.filter(|_| from)];
        for conn in links.into_iter().flatten() {
            self.free_link(cx, conn);
        }
        Ok(())
    }
}

fn master_only(cluster: &Cluster, idx: NodeIdx) -> Result<NodeIdx, CommandError> {
    if cluster.nodes[idx].has(flag::SLAVE) {
        return Err("ERR Target node is not a master".into());
    }
    Ok(idx)
}
