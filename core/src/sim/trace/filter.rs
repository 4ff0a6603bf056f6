//! Which records somebody wants: by kind and by node.

use super::TraceKind;
use crate::event::Event;
use serde::{Deserialize, Serialize};

/// The kinds of records that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceClass {
    /// Bytes sent and delivered.
    Message,
    /// Bytes lost on their way.
    Dropped,
    /// Connections that begin and end.
    Connection,
    /// Disk operations and their completion.
    Disk,
    /// What clients send.
    Command,
    /// What clients receive.
    Reply,
    /// Error replies, and disk operations that failed.
    Error,
    /// A node becomes a master or a replica, and that it won an election.
    Role,
    /// PFAIL, FAIL and their end.
    Opinion,
    /// FAIL alone, by agreement or by a message.
    Fail,
    /// Another master said that it suspects a node, or ceased to.
    Report,
    /// Asking for votes, giving and receiving them.
    Vote,
    /// Epochs.
    Epoch,
    /// Slots change their owner.
    Slots,
    /// The cluster serves or does not.
    State,
    /// The replication link and resynchronisations.
    Replication,
    /// A node has loaded its files, or a save has ended.
    Persistence,
    /// Lines of logs.
    Log,
    /// Faults and other actions from outside.
    Action,
    /// Processes that begin, stop and end.
    Process,
}

impl TraceClass {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// What a record is, as bits of [`TraceClass`].
fn classes(what: &TraceKind) -> u32 {
    use TraceClass as C;
    let of = |list: &[C]| list.iter().fold(0, |bits, class| bits | class.bit());
    match what {
        TraceKind::Sent { .. } | TraceKind::Delivered { .. } => of(&[C::Message]),
        TraceKind::Dropped { .. } => of(&[C::Dropped]),
        TraceKind::Opened { .. } | TraceKind::Closed { .. } => of(&[C::Connection]),
        TraceKind::DiskDone { error: Some(_), .. } => of(&[C::Disk, C::Error]),
        TraceKind::Disk { .. } | TraceKind::DiskDone { .. } => of(&[C::Disk]),
        TraceKind::Command { .. } => of(&[C::Command]),
        TraceKind::Reply { error: true, .. } => of(&[C::Reply, C::Error]),
        TraceKind::Reply { .. } => of(&[C::Reply]),
        TraceKind::Log { .. } => of(&[C::Log]),
        TraceKind::Action { .. } | TraceKind::FaultOver { .. } => of(&[C::Action]),
        TraceKind::Process { .. } => of(&[C::Process]),
        TraceKind::Node { event, .. } => match event {
            Event::Role { .. } | Event::Promoted { .. } => of(&[C::Role]),
            Event::Opinion { opinion: crate::event::Opinion::Failed, .. } => of(&[C::Opinion, C::Fail]),
            Event::Opinion { .. } => of(&[C::Opinion]),
            Event::Report { .. } => of(&[C::Report]),
            Event::Candidate { .. } | Event::Voted { .. } | Event::VoteReceived { .. } => of(&[C::Vote]),
            Event::Epoch { .. } => of(&[C::Epoch]),
            Event::Slots { .. } => of(&[C::Slots]),
            Event::ClusterState { .. } => of(&[C::State]),
            Event::MasterLink { .. } | Event::Resync { .. } => of(&[C::Replication]),
            Event::Ready { .. } | Event::Saved { .. } => of(&[C::Persistence]),
            // These go to the ledger.
            Event::Executed(_) | Event::Applied { .. } => 0,
        },
    }
}

/// A choice of records. The default lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceFilter {
    /// Of these kinds; of all if there is none.
    pub classes: Vec<TraceClass>,
    /// About these hosts, by number (nodes first, then clients' hosts); about all if there is none. An action is about all.
    pub hosts: Vec<u32>,
    /// Of commands and replies only those of these clients, by number; of all if there is none.
    pub clients: Vec<u32>,
}

impl TraceFilter {
    /// Records of these kinds.
    pub fn of(classes: &[TraceClass]) -> TraceFilter {
        TraceFilter { classes: classes.to_vec(), ..TraceFilter::default() }
    }

    /// The same about one host alone.
    pub fn at(mut self, host: u32) -> TraceFilter {
        self.hosts.push(host);
        self
    }

    /// The same with one client's commands and replies alone.
    pub fn by(mut self, client: u32) -> TraceFilter {
        self.clients.push(client);
        self
    }

    /// Whether a record is among those that are wanted.
    pub fn lets_through(&self, what: &TraceKind) -> bool {
        let wanted = self.classes.iter().fold(0, |bits, class| bits | class.bit());
        if wanted != 0 && wanted & classes(what) == 0 {
            return false;
        }
        if let TraceKind::Command { client, .. } | TraceKind::Reply { client, .. } = what {
            return self.clients.is_empty() || self.clients.contains(client);
        }
        self.hosts.is_empty()
            || match what {
                TraceKind::Sent { from, to, .. }
                | TraceKind::Delivered { from, to, .. }
                | TraceKind::Dropped { from, to, .. }
                | TraceKind::Opened { from, to, .. } => self.hosts.contains(from) || self.hosts.contains(to),
                TraceKind::Closed { host, peer, .. } => {
                    self.hosts.contains(host) || self.hosts.contains(peer)
                }
                TraceKind::Disk { node, .. }
                | TraceKind::DiskDone { node, .. }
                | TraceKind::Log { node, .. }
                | TraceKind::Process { node, .. }
                | TraceKind::Node { node, .. } => self.hosts.contains(node),
                TraceKind::Action { .. }
                | TraceKind::FaultOver { .. }
                | TraceKind::Command { .. }
                | TraceKind::Reply { .. } => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Opinion;

    #[test]
    fn records_are_chosen_by_kind_host_and_client() {
        let opinion =
            |opinion| TraceKind::Node { node: 2, event: Event::Opinion { about: "a".into(), opinion } };
        let fail = TraceFilter::of(&[TraceClass::Fail]);
        assert!(
            fail.lets_through(&opinion(Opinion::Failed)) && !fail.lets_through(&opinion(Opinion::Suspected))
        );
        let both = TraceFilter::of(&[TraceClass::Opinion, TraceClass::Error]);
        let reply = |client, error| TraceKind::Reply { client, text: "x".into(), error };
        assert!(both.lets_through(&opinion(Opinion::Ok)) && both.lets_through(&reply(1, true)));
        assert!(!both.lets_through(&reply(1, false)));
        let by = both.by(3);
        assert!(by.lets_through(&reply(3, true)) && !by.lets_through(&reply(1, true)));
        let at = TraceFilter::of(&[TraceClass::Opinion]).at(1);
        assert!(!at.lets_through(&opinion(Opinion::Ok)) && at.at(2).lets_through(&opinion(Opinion::Ok)));
    }
}
