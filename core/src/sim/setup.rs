//! What a world is made of: a value that can be kept, sent and compared.

use crate::cost::CpuCosts;
use crate::sim::disk::DiskSetup;
use crate::sim::form::Formation;
use crate::sim::net::NetSetup;
use serde::{Deserialize, Serialize};

/// How many nodes a world can have.
pub const NODES_MAX: usize = 4096;

/// The longest name of a node, in bytes.
pub const NAME_LEN_MAX: usize = 64;

/// Where the configuration file of a node lies on its disk.
pub const CONF_PATH: &str = "/etc/redis.conf";

/// One node of a world: a host with an address, a disk, and a redis.conf on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSetup {
    /// The name that people use, such as `A1`: the shard's letter and a number.
    pub name: String,
    /// The address of its host; the name resolves to it.
    pub ip: String,
    /// The text of its redis.conf.
    pub conf: String,
}

/// A world before it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Everything random follows from it.
    pub seed: u64,
    /// The wall clock of every host at the virtual instant 0, in microseconds since the Unix epoch.
    pub wall_us: u64,
    /// The virtual instant at which it begins, in microseconds: 0, or where the run ended that it continues.
    #[serde(default)]
    pub start_us: u64,
    /// The nodes; all are started at the instant it begins.
    pub nodes: Vec<NodeSetup>,
    /// The network.
    #[serde(default)]
    pub net: NetSetup,
    /// The disks.
    #[serde(default)]
    pub disk: DiskSetup,
    /// The processors: what work costs.
    #[serde(default)]
    pub cpu: CpuCosts,
    /// How an operator makes a cluster of the nodes; `None` leaves them alone.
    #[serde(default)]
    pub formation: Option<Formation>,
}

/// The name of shard number `index` (from 0): `A` to `Z`, then `S027`, `S028` …
pub fn shard_name(index: usize) -> String {
    match u8::try_from(index) {
        Ok(i @ 0..=25) => char::from(b'A' + i).to_string(),
        _ => format!("S{:03}", index + 1),
    }
}

fn node_name(shard: usize, member: usize) -> String {
    let dash = if shard < 26 { "" } else { "-" };
    format!("{}{dash}{}", shard_name(shard), member + 1)
}

impl Setup {
    /// The page's six nodes: masters A1, B1, C1 and replicas A2, B2, C2 on ports 7001 to 7006, each from the redis.conf of
    /// the course notes.
    pub fn six_nodes(seed: u64) -> Setup {
        Setup::cluster(seed, 3, 1, 5000)
    }

    /// This setup with a cluster that was formed before the world begins, and has been running since.
    pub fn formed(mut self) -> Setup {
        self.formation.iter_mut().for_each(|formation| formation.formed = true);
        self
    }

    /// `shards` masters with `replicas` replicas each, masters first, on ports from 7001 up, one host each.
    pub fn cluster(seed: u64, shards: usize, replicas: usize, node_timeout_ms: u32) -> Setup {
        let shards = shards.clamp(1, NODES_MAX);
        let count = (shards * (replicas + 1)).min(NODES_MAX);
        let node = |index: usize| {
            let (number, port) = (index + 1, 7001 + index);
            let conf = format!(
                "port {port}\ncluster-enabled yes\ncluster-config-file cluster-node-{number}.conf\n\
                 cluster-node-timeout {node_timeout_ms}\nappendonly yes\nappendfilename node-{number}.aof\n\
                 dbfilename dump-{number}.rdb\n"
            );
            NodeSetup {
                name: node_name(index % shards, index / shards),
                ip: format!("10.0.{}.{}", index / 250, index % 250 + 1),
                conf,
            }
        };
        Setup {
            seed,
            wall_us: 1_700_000_000_000_000,
            start_us: 0,
            nodes: (0..count).map(node).collect(),
            net: NetSetup::default(),
            disk: DiskSetup::default(),
            cpu: CpuCosts::default(),
            formation: Some(Formation::even(
                (0..shards).map(|s| (0..=replicas).map(|m| node_name(s, m)).collect()).collect(),
            )),
        }
    }

    /// Whether a world can be made of it.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.nodes.is_empty() || self.nodes.len() > NODES_MAX {
            return Err(format!("a world has 1 to {NODES_MAX} nodes, not {}", self.nodes.len()));
        }
        let mut seen = std::collections::BTreeSet::new();
        for node in &self.nodes {
            if node.name.is_empty() || node.name.len() > NAME_LEN_MAX {
                return Err(format!("a node's name has 1 to {NAME_LEN_MAX} bytes"));
            }
            if node.ip.parse::<core::net::IpAddr>().is_err() {
                return Err(format!("{}: `{}` is no IP address", node.name, node.ip));
            }
            if !seen.insert(node.name.to_ascii_lowercase()) || !seen.insert(node.ip.clone()) {
                return Err(format!("{}: another node has the same name or address", node.name));
            }
        }
        let mut free: std::collections::BTreeSet<&str> = self.nodes.iter().map(|n| n.name.as_str()).collect();
        for member in self.formation.iter().flat_map(|f| &f.shards).flat_map(|s| &s.nodes) {
            if !free.remove(member.as_str()) {
                return Err(format!(
                    "the formation names `{member}`, which is no node or in a shard already"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_nodes_are_those_of_the_notes() {
        let setup = Setup::six_nodes(1);
        setup.check().unwrap();
        let names: Vec<&str> = setup.nodes.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["A1", "B1", "C1", "A2", "B2", "C2"]);
        assert_eq!(setup.nodes[5].ip, "10.0.0.6");
        for node in &setup.nodes {
            crate::config::Config::parse(&node.conf).unwrap();
        }
        assert!(setup.nodes[3].conf.contains("port 7004\n"));
    }

    #[test]
    fn a_world_that_cannot_be_is_refused() {
        let mut setup = Setup::six_nodes(1);
        setup.nodes[1].name = "a1".into();
        assert!(setup.check().unwrap_err().contains("same name"));
        setup.nodes.clear();
        assert!(setup.check().is_err());
        assert_eq!(Setup::cluster(1, 30, 1, 5000).nodes[57].name, "S028-2");
    }
}
