//! Connections that stand when a world begins: those of a cluster that has long been running.

use super::{Conn, End, Phase, Stream};
use crate::cluster::standing::conn_ids;
use crate::host::Listener;
use crate::sim::net::{Net, Owner};

impl Net {
    /// Makes the bus connections of a cluster: `members` are its hosts with their bus ports, in the order of the nodes'
    /// [`crate::cluster::standing::Standing`].
    pub fn stand(&mut self, members: &[(u32, u16)]) {
        for (from, &(opener, _)) in members.iter().enumerate() {
            for (to, &(acceptor, bus_port)) in members.iter().enumerate().filter(|(to, _)| *to != from) {
                let (made, inbound) = conn_ids(from, to);
                let end =
                    |host, port, id| End { host, port, owner: Owner::Node(id), open: true, forgotten: false };
                let local_port = self.ephemeral_port(opener);
                let conn = self.insert(Conn {
                    ends: [end(opener, local_port, made), end(acceptor, bus_port, inbound)],
                    streams: [Stream::default(), Stream::default()],
                    phase: Phase::Established,
                    listener: Listener::Bus,
                    broken_since_us: None,
                });
                self.hosts[opener as usize].conns.insert(made, conn);
                self.hosts[acceptor as usize].conns.insert(inbound, conn);
            }
        }
        for &(host, _) in members {
            self.hosts[host as usize].next_accepted = members.len() as u64;
        }
    }
}
