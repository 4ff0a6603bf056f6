//! A cluster that was formed before its world begins: every node finds all others in its nodes.conf, and starts.
//!
//! To form a cluster of hundreds of nodes by gossip takes minutes, in Redis too: news of a node spreads in messages that carry
//! a tenth of all nodes each. And nodes that start all at once have a first PING for every other node under way together, so a large
//! cluster's nodes start one batch after the other.

use crate::config::Config;
use crate::rng::Rng;
use crate::sim::form::Formation;
use crate::sim::setup::Setup;
use std::collections::BTreeMap;

/// How many nodes start at once.
const BATCH: usize = 50;
/// How long after one batch the next one starts, in virtual microseconds.
const BATCH_EVERY_US: u64 = 200_000;

/// When a node starts, in virtual microseconds from the world's beginning.
pub(crate) fn start_after_us(index: usize) -> u64 {
    (index / BATCH) as u64 * BATCH_EVERY_US
}

/// Each node's nodes.conf, as a path and what is in it (`clusterSaveConfig`, cluster.c 7.0.15), by the node's name.
pub(crate) fn nodes_confs(setup: &Setup, formation: &Formation) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut rng = Rng::new(setup.seed);
    let conf = |name: &str| {
        let node = setup.nodes.iter().find(|node| node.name == name)?;
        Some((node, Config::parse(&node.conf).ok()?))
    };
    // Each node of the cluster: its name, its line before and behind the word for itself, and where it keeps them.
    let mut all: Vec<(&str, String, String, String)> = Vec::new();
    for (shard, epoch) in formation.shards.iter().zip(1u64..) {
        let mut master = String::new();
        for name in &shard.nodes {
            let id = rng.hex(40);
            let Some((node, config)) = conf(name) else { continue };
            let address = format!("{id} {}:{}@{} ", node.ip, config.port, config.bus_port());
            let (first, last) = shard.slots;
            let rest = match master.as_str() {
                "" => format!("master - 0 1 {epoch} connected {first}-{last}\n"),
                master => format!("slave {master} 0 1 {epoch} connected\n"),
            };
            if master.is_empty() {
                master = id;
            }
            all.push((name, address, rest, config.cluster_config_file));
        }
    }
    let vars = format!("vars currentEpoch {} lastVoteEpoch 0\n", formation.shards.len());
    let of = |&(me, _, _, ref path): &(&str, String, String, String)| {
        let mut text = String::new();
        for (name, address, rest, _) in &all {
            text.push_str(address);
            text.push_str(if *name == me { "myself," } else { "" });
            text.push_str(rest);
        }
        (me.to_owned(), (path.clone(), (text + &vars).into_bytes()))
    };
    all.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use crate::sim::World;
    use crate::sim::setup::Setup;

    /// 120 nodes take three batches. None of them is sent to another by gossip: each knows all from its first instant.
    #[test]
    fn a_cluster_that_was_formed_before_is_there_at_once() {
        let mut setup = Setup::cluster(5, 40, 2, 5_000);
        setup.formation.iter_mut().for_each(|formation| formation.formed = true);
        let mut world = World::new(setup).unwrap();
        let known = |world: &World, name: &str| world.node(name).map(|n| n.cluster().unwrap().nodes().len());
        world.run_for(100_000);
        assert_eq!(known(&world, "A1"), Some(120));
        assert_eq!(known(&world, "S040-3"), None, "it starts later");
        world.run_for(6_000_000);
        assert_eq!(known(&world, "S040-3"), Some(120));
        let status = world.formation().unwrap();
        assert!(status.done_at_us.is_some() && status.error.is_none(), "{status:?}");
        assert_eq!(crate::sim::check::trouble(&world), None);
        let replica = world.node("B2").unwrap().cluster_view().unwrap();
        let me = replica.nodes.iter().find(|n| n.myself).unwrap();
        let master = replica.nodes.iter().find(|n| Some(&n.name) == me.master.as_ref()).unwrap();
        assert_eq!((master.ip.as_str(), master.slots.as_slice()), ("10.0.0.2", [(410, 818)].as_slice()));
    }
}
