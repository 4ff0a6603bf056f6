//! Carrying out what is done to a world, once it is known that it can be done ([`super::fault`]).

use crate::sim::LAB;
use crate::sim::client::ClientEvent;
use crate::sim::fault::Action;
use crate::sim::setup::CONF_PATH;
use crate::sim::world::World;

/// The longest line that a terminal takes, in bytes.
pub const LINE_LEN_MAX: usize = 1 << 20;
/// How many clients a world can have.
pub const CLIENTS_MAX: usize = 10_000;

impl World {
    /// Carries out an action that was checked; gives the number of what it made, a fault or a client.
    pub(crate) fn carry_out(&mut self, action: Action) -> Option<u32> {
        use Action as A;
        match action {
            A::Fault { fault, for_us } => return Some(self.begin_fault(fault, for_us)),
            A::EndFault { fault } => self.end_fault(fault),
            A::Heal { scope } => self.heal(&self.canonical(scope)),
            A::Start { node } => self.with_node(&node, World::start_by_hand),
            A::Resume { node } => self.with_node(&node, World::resume_by_hand),
            A::Restart { node, conf, empty_disk } => {
                self.with_node(&node, |w, i| w.begin_restart(i, conf, empty_disk));
            }
            A::WipeDisk { node } => self.with_node(&node, World::wipe_disk),
            A::WriteConf { node, conf } => self.with_node(&node, |w, i| {
                w.procs[i as usize].disk.preload(CONF_PATH, conf.as_bytes());
                w.collect_changes(i);
            }),
            A::SyncDisk { node } => self.with_node(&node, World::sync_disk),
            A::FlipBits { node, path, offset, bit, count } => self.with_node(&node, |w, i| {
                let disk = &mut w.procs[i as usize].disk;
                disk.flip_bits(&mut w.s.rng, path.as_deref(), offset, bit, count);
                w.collect_changes(i);
            }),
            A::ResetConnections { link, channel } => self.net.reset_connections(&mut self.s, &link, channel),
            A::DropMessage { message, reset } => self.net.drop_message(&mut self.s, message, reset),
            A::DelayMessage { message, by_us } => self.net.delay_message(&mut self.s, message, by_us),
            A::DuplicateMessage { message } => self.net.duplicate_message(&self.s, message),
            A::OpenTerminal { target } => return Some(self.add_terminal(&target)),
            A::AddClient { name } => return Some(self.add_plain_client(name)),
            A::TypeLine { terminal, line } => self.client_event(terminal, ClientEvent::Line(line)),
            A::Interrupt { terminal } => self.client_event(terminal, ClientEvent::Interrupt),
            A::Connect { client, node } => self.with_node(&node, |w, i| {
                let (ip, port) = (w.procs[i as usize].ip.clone(), w.procs[i as usize].port);
                w.client_event(client, ClientEvent::Connect { ip, port });
            }),
            A::Send { client, bytes } => self.client_event(client, ClientEvent::Send(bytes)),
            A::Disconnect { client } => self.client_event(client, ClientEvent::Disconnect),
            A::StartWorkload { name, workload } if LAB => return Some(self.begin_workload(name, *workload)),
            A::StartWorkload { .. } => {}
            A::StopWorkload { name } => self.end_workload(&name),
        }
        None
    }

    pub(crate) fn with_node(&mut self, name: &str, then: impl FnOnce(&mut World, u32)) {
        if let Some(index) = self.node_index(name) {
            then(self, index);
        }
    }

    /// The kernel of a node writes back what is dirty.
    pub(crate) fn sync_disk(&mut self, index: u32) {
        self.procs[index as usize].disk.write_back();
        self.collect_changes(index);
        self.end_spent_faults(index);
    }

    /// Takes everything off a node's disk but its redis.conf.
    pub(crate) fn wipe_disk(&mut self, index: u32) {
        let disk = &mut self.procs[index as usize].disk;
        let conf = disk.read_file(CONF_PATH).unwrap_or_default();
        disk.wipe();
        disk.preload(CONF_PATH, &conf);
        self.collect_changes(index);
    }
}
