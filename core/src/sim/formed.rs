//! A cluster that was formed before its world begins, and has been running since: every node finds all others in its nodes.conf, and
//! has the connections that it would have by then.
//!
//! To form a cluster of hundreds of nodes by gossip takes minutes, in Redis too: news of a node spreads in messages that carry
//! a tenth of all nodes each. To start them all with what they knew is no small thing either: a thousand nodes send a million
//! first PINGs and save nodes.conf anew for each replica that tells its epoch. So the nodes of such a world start with their bus
//! connections up ([`crate::cluster::standing`]); the replicas alone have to find their masters.

use crate::cluster::node::Name;
use crate::cluster::standing::{Peer, Standing};
use crate::config::Config;
use crate::rng::Rng;
use crate::sim::form::Formation;
use crate::sim::setup::Setup;
use litemap::LiteMap;
use std::rc::Rc;

/// A node of the cluster.
struct Member {
    /// Which node of the setup it is.
    host: usize,
    id: Name,
    bus_port: u16,
    /// Where it keeps its nodes.conf.
    path: String,
    /// Its line before and behind the word for itself.
    line: (String, String),
}

/// What the nodes of the cluster know when the world begins.
pub(crate) struct Formed {
    members: Vec<Member>,
    peers: Rc<[Peer]>,
    /// The place among the members, by node of the setup.
    places: Vec<Option<usize>>,
    vars: String,
}

impl Formed {
    /// The cluster of a setup. Nodes that take part in no cluster are left out, as are those whose redis.conf is wrong.
    pub fn new(setup: &Setup, formation: &Formation) -> Formed {
        let mut rng = Rng::new(setup.seed);
        let hosts: LiteMap<&str, usize> =
            setup.nodes.iter().enumerate().map(|(host, node)| (node.name.as_str(), host)).collect();
        let mut members: Vec<Member> = Vec::new();
        let mut places = vec![None; setup.nodes.len()];
        for (shard, epoch) in formation.shards.iter().zip(1u64..) {
            let mut master: Option<Name> = None;
            for name in &shard.nodes {
                let id = Name::random(&mut rng);
                let Some(&host) = hosts.get(name.as_str()) else { continue };
                let node = &setup.nodes[host];
                let Ok(config) = Config::parse(&node.conf) else { continue };
                let Ok(bus_port) = u16::try_from(config.bus_port()) else { continue };
                if !config.cluster_enabled {
                    continue;
                }
                let (first, last) = shard.slots;
                let rest = match &master {
                    None => format!("master - 0 1 {epoch} connected {first}-{last}\n"),
                    Some(master) => format!("slave {master} 0 1 {epoch} connected\n"),
                };
                master.get_or_insert(id);
                places[host] = Some(members.len());
                let line = (format!("{id} {}:{}@{bus_port} ", node.ip, config.port), rest);
                members.push(Member { host, id, bus_port, path: config.cluster_config_file, line });
            }
        }
        let peer = |member: &Member| Peer { name: member.id, ip: setup.nodes[member.host].ip.clone() };
        Formed {
            peers: members.iter().map(peer).collect(),
            members,
            places,
            vars: format!("vars currentEpoch {} lastVoteEpoch 0\n", formation.shards.len()),
        }
    }

    /// A node's nodes.conf, as a path and what is in it (`clusterSaveConfig`, cluster.c 7.0.15).
    pub fn nodes_conf(&self, host: usize) -> Option<(&str, String)> {
        let me = self.places[host]?;
        let len = self.members.iter().map(|member| member.line.0.len() + member.line.1.len()).sum::<usize>();
        let mut text = String::with_capacity(len + self.vars.len() + "myself,".len());
        for (at, member) in self.members.iter().enumerate() {
            text.push_str(&member.line.0);
            text.push_str(if at == me { "myself," } else { "" });
            text.push_str(&member.line.1);
        }
        text.push_str(&self.vars);
        Some((&self.members[me].path, text))
    }

    /// A node's bus connections.
    pub fn standing(&self, host: usize) -> Option<Standing> {
        Some(Standing { peers: Rc::clone(&self.peers), me: self.places[host]? })
    }

    /// The hosts of the cluster with their bus ports, in the order of [`Standing::peers`].
    pub fn hosts(&self) -> Vec<(u32, u16)> {
        self.members.iter().map(|member| (member.host as u32, member.bus_port)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::World;
    use crate::sim::setup::Setup;

    /// No node is told of another by gossip: each knows all from its first instant, and can serve once its file is read.
    #[test]
    fn a_cluster_that_was_formed_before_is_there_at_once() {
        let setup = Setup::cluster(5, 40, 2, 5_000).formed();
        let mut world = World::new(setup).unwrap();
        let known = |world: &World, name: &str| world.node(name).map(|n| n.cluster().unwrap().nodes().len());
        world.run_for(100_000);
        assert_eq!(known(&world, "A1"), Some(120));
        assert_eq!(known(&world, "S040-3"), Some(120));
        let ok = |name: &str| world.node(name).is_some_and(|n| n.cluster().unwrap().is_ok());
        assert!(ok("A1") && ok("S040-3"));
        // A master waits for five seconds before it sends its replicas anything (repl-diskless-sync-delay).
        world.run_for(6_000_000);
        let status = world.formation().unwrap();
        assert!(status.done_at_us.is_some() && status.error.is_none(), "{status:?}");
        assert_eq!(crate::sim::check::trouble(&world), None);
        let replica = world.node("B2").unwrap().cluster_view().unwrap();
        let me = replica.nodes.iter().find(|n| n.myself).unwrap();
        let master = replica.nodes.iter().find(|n| Some(&n.name) == me.master.as_ref()).unwrap();
        assert_eq!((master.ip.as_str(), master.slots.as_slice()), ("10.0.0.2", [(410, 818)].as_slice()));
    }

    /// Nodes that all worked at the same instants would ping one another all at once, again and again.
    #[test]
    fn each_node_has_a_beat_of_its_own_and_nobody_is_ever_doubted() {
        let setup = Setup::cluster(6, 10, 2, 1_000).formed();
        let mut world = World::new(setup).unwrap();
        let mut bursts = Vec::new();
        let sent = |world: &World| -> u64 {
            let clusters = world.nodes().flatten().filter_map(|n| n.cluster());
            clusters.map(|cluster| cluster.stats().sent.iter().sum::<u64>()).sum()
        };
        for _ in 0..400 {
            let before = sent(&world);
            world.run_for(10_000);
            bursts.push(sent(&world) - before);
        }
        let doubted = |n: &crate::node::Node| n.cluster().unwrap().nodes().iter().any(|(_, n)| n.timed_out());
        assert!(!world.nodes().flatten().any(doubted));
        let (most, all) = (bursts.iter().max().unwrap(), bursts.iter().sum::<u64>());
        assert!(most * 25 < all, "{most} of {all} messages in one hundredth of a second of four");
    }
}
