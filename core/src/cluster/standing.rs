//! A node that is taken up in the middle of its life: its cluster has long been running, and so have its bus connections.
//!
//! A thousand nodes that start together make a million connections and send a PING over each: what comes of it is what anybody knows
//! beforehand, and to work it out costs as much as the cluster's first ten virtual seconds. A host that begins with a cluster that has
//! settled hands each node the connections that stand, before anything else; from there on the node is as any other.

use super::link::Link;
use super::node::{IpText, Name};
use super::{Cluster, Cx, TODO_UPDATE_STATE};
use crate::host::ConnId;
use std::rc::Rc;

/// A node of the cluster.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name, as nodes.conf has it.
    pub name: Name,
    /// Its address.
    pub ip: String,
}

/// Connections of one node with each other node of its cluster, one made by either side.
#[derive(Clone, Debug)]
pub struct Standing {
    /// All nodes of the cluster.
    pub peers: Rc<[Peer]>,
    /// Which of them this node is.
    pub me: usize,
}

/// The connection that one node of the cluster has made to another, as the one who made it numbers it and as the other does.
pub fn conn_ids(from: usize, to: usize) -> (ConnId, ConnId) {
    // Each numbers the others in their order, from one on.
    let number = |of: usize, at: usize| of as u64 + u64::from(of < at);
    (ConnId(ConnId::OUTGOING | number(to, from)), ConnId(number(from, to)))
}

impl Standing {
    /// The other nodes, with the connection made to each and the one that it made.
    pub fn others(&self) -> impl Iterator<Item = (&Peer, ConnId, ConnId)> {
        let me = self.me;
        let others = self.peers.iter().enumerate().filter(move |(at, _)| *at != me);
        others.map(move |(at, peer)| (peer, conn_ids(me, at).0, conn_ids(at, me).1))
    }
}

impl Cluster {
    /// Takes over connections that stand. Each other node has answered at some time of the last half of the node timeout, as in a
    /// cluster that runs, so that PINGs are due evenly from now on; what replicas say of their masters' epochs is known, and the state
    /// has been looked at for as long as a master is to wait before it serves.
    pub(crate) fn take_over(&mut self, cx: &mut Cx<'_>, standing: &Standing) {
        let now_ms = cx.now_ms();
        let local_ip = self.myself().ip;
        // Nobody is asked at the very start: the others may still be reading their files.
        let age_max_ms = (cx.config.node_timeout_ms * 9 / 20).max(1);
        for (peer, made, inbound) in standing.others() {
            let Some(idx) = self.nodes.find(&peer.name) else { continue };
            let heard_ms = now_ms - cx.rng.below(age_max_ms as u64) as i64;
            for (conn, is_inbound) in [(made, false), (inbound, true)] {
                let mut link = Link::new(Some(idx), now_ms);
                (link.inbound, link.connected) = (is_inbound, true);
                (link.peer_ip, link.local_ip) = (IpText::new(&peer.ip), local_ip);
                self.links.insert(conn, Box::new(link));
            }
            let epoch = self.shown_epoch(&self.nodes[idx]);
            let node = &mut self.nodes[idx];
            node.set_link(Some(made));
            node.inbound_link = Some(inbound);
            node.config_epoch = epoch;
            (node.pong_received_ms, node.data_received_ms) = (heard_ms, heard_ms);
        }
        self.first_update_ms = 1;
        self.todo |= TODO_UPDATE_STATE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_number_a_connection_as_they_number_the_other_node() {
        assert_eq!(conn_ids(0, 1), (ConnId(ConnId::OUTGOING | 1), ConnId(1)));
        assert_eq!(conn_ids(1, 0), (ConnId(ConnId::OUTGOING | 1), ConnId(1)));
        assert_eq!(conn_ids(2, 0), (ConnId(ConnId::OUTGOING | 1), ConnId(2)));
        assert_eq!(conn_ids(0, 2), (ConnId(ConnId::OUTGOING | 2), ConnId(1)));
        let peer = |name: u8| Peer { name: Name::parse(&[name; 40]).unwrap(), ip: String::new() };
        let standing = Standing { peers: [b'a', b'b', b'c'].map(peer).into(), me: 1 };
        let numbers: Vec<(u64, u64)> =
            standing.others().map(|(_, made, inbound)| (made.0 & !ConnId::OUTGOING, inbound.0)).collect();
        assert_eq!(numbers, [(1, 1), (2, 2)]);
    }
}
