//! Who is on which side of a partition.

use crate::sim::fault::Shape;
use crate::sim::world::World;

impl World {
    /// Nodes that are masters by their own word and have slots (all masters, where none has any), in the order of the setup.
    fn masters(&self) -> Vec<u32> {
        let mut masters = Vec::new();
        let mut slots = Vec::new();
        for (index, process) in self.procs.iter().enumerate() {
            let Some(node) = &process.node else { continue };
            if node.status().master.is_some() {
                continue;
            }
            masters.push(index as u32);
            let own = node.cluster_view().and_then(|c| c.nodes.into_iter().find(|n| n.myself));
            if own.is_some_and(|n| !n.slots.is_empty()) {
                slots.push(index as u32);
            }
        }
        if slots.is_empty() { masters } else { slots }
    }

    /// Settles the shape of a partition as the world is now: its groups as numbers of hosts.
    ///
    /// # Errors
    /// Why there is no such partition here.
    pub(crate) fn sides(&self, shape: &Shape) -> Result<Vec<Vec<u32>>, String> {
        let all: Vec<u32> = (0..self.procs.len() as u32).collect();
        if self.procs.len() < 2 && !matches!(shape, Shape::Groups { .. } | Shape::OneWay { .. }) {
            return Err("there is one node, which nothing can be parted from; name groups of hosts".into());
        }
        let rest = |taken: &[u32]| all.iter().copied().filter(|n| !taken.contains(n)).collect::<Vec<_>>();
        let every_second = |nodes: Vec<u32>| {
            let (a, b): (Vec<_>, Vec<_>) = nodes.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
            let plain = |side: Vec<(usize, u32)>| side.into_iter().map(|(_, n)| n).collect();
            vec![plain(a), plain(b)]
        };
        let groups = match shape {
            Shape::Groups { groups } | Shape::OneWay { groups } => self.named_groups(groups)?,
            Shape::Halves => every_second(all.clone()),
            Shape::Minority | Shape::Majority => {
                let masters = self.masters();
                let count = match shape {
                    Shape::Minority => masters.len().saturating_sub(1) / 2,
                    _ => masters.len() / 2 + 1,
                };
                if count == 0 || count > masters.len() || count == self.procs.len() {
                    return Err(format!(
                        "{} running masters out of {} nodes cannot be parted so; name the groups",
                        masters.len(),
                        self.procs.len()
                    ));
                }
                let alone = masters[..count].to_vec();
                vec![rest(&alone), alone]
            }
            Shape::Bridge { node } => {
                let between = match node {
                    Some(name) => self.node_named(name)?,
                    None => self.procs.len() as u32 - 1,
                };
                if self.procs.len() < 3 {
                    return Err("a bridge needs a node on each side of it: three nodes at the least".into());
                }
                every_second(rest(&[between]))
            }
        };
        Ok(groups)
    }

    fn named_groups(&self, groups: &[Vec<String>]) -> Result<Vec<Vec<u32>>, String> {
        if groups.len() > usize::from(u16::MAX) {
            return Err(format!("a partition has no more than {} groups", u16::MAX));
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            let mut members = Vec::with_capacity(group.len());
            for name in group {
                let host = self.host_named(name)?;
                if !seen.insert(host) {
                    return Err(format!("{name} is in two groups of the partition; leave it in one"));
                }
                members.push(host);
            }
            found.push(members);
        }
        if found.len() == 1 {
            found.push((0..self.procs.len() as u32).filter(|n| !seen.contains(n)).collect());
        }
        if found.iter().filter(|group| !group.is_empty()).count() < 2 {
            return Err("a partition has at least two groups with a host in each; name another".into());
        }
        Ok(found)
    }
}
