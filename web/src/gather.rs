//! The engine's view of itself, turned into what the page draws.
//!
//! Nothing is decided here that the engine could contradict. Where nodes disagree, the page shows the view of the *reference*: the
//! node that is up with the highest current epoch, among those that reach most masters. What a node that is down last said of
//! itself is remembered, since it says nothing any more.

use crate::model::{
    ActiveFault, Belief, Candidate, Claim, Cluster, Detail, Disk, LinkState, LogLine, Node, NodeIndex,
    Process,
};
use litemap::LiteMap;
use vitrine_core::cluster::view::ClusterView;
use vitrine_core::event::Opinion;
use vitrine_core::node::status::NodeStatus;
use vitrine_core::sim::fault::{self, FaultEntry, Scope};
use vitrine_core::sim::setup::Setup;
use vitrine_core::sim::trace::Life;
use vitrine_core::sim::view::WorldView;
use vitrine_core::sim::world::World;

/// The share of the append-only file that the disk ring shows, in bytes.
const RING_LEN: u64 = 256 << 10;
/// How many log lines a detail carries.
const LOG_LINES: usize = 200;

/// What is remembered between two gatherings.
#[derive(Default)]
pub struct Gatherer {
    shards: Vec<u16>,
    last: Vec<Option<Node>>,
    /// Cluster id → node.
    ids: LiteMap<String, NodeIndex>,
}

impl Gatherer {
    /// For a world of this setup.
    pub fn new(setup: &Setup) -> Gatherer {
        Gatherer {
            shards: setup.nodes.iter().map(|n| shard_of(&n.name)).collect(),
            last: vec![None; setup.nodes.len()],
            ids: LiteMap::new(),
        }
    }

    /// Which node has this cluster id, as far as one ever said so.
    pub fn by_id(&self, id: &str) -> Option<NodeIndex> {
        self.ids.get(id).copied()
    }

    /// The world is at another place of a run: what nodes that are down said last is not known any more. Ids stay.
    pub fn forget(&mut self) {
        self.last.fill(None);
    }

    /// The cluster as it is now.
    pub fn cluster(&mut self, world: &World) -> Cluster {
        let view = world.view();
        let said: Vec<Option<(NodeStatus, Option<ClusterView>)>> =
            view.nodes.iter().map(|n| world.node(&n.name).map(|n| (n.status(), n.cluster_view()))).collect();
        for (i, said) in said.iter().enumerate() {
            if let Some((_, Some(c))) = said {
                self.ids.insert(c.name.clone(), i as NodeIndex);
            }
        }
        let groups = groups(&view);
        let cuts: Vec<(NodeIndex, NodeIndex)> = (view.paths.iter())
            .filter(|p| p.state.cut && p.from.max(p.to) < view.nodes.len() as u32)
            .map(|p| (p.from as NodeIndex, p.to as NodeIndex))
            .collect();
        let mut nodes: Vec<Node> = (0..view.nodes.len()).map(|i| self.node(i, &view, &said[i])).collect();
        // Outside of a cluster a replica's master is the node with the address that it was told.
        for (i, said) in said.iter().enumerate().filter(|(_, said)| matches!(said, Some((_, None)))) {
            let master = said.as_ref().and_then(|(status, _)| status.master.as_ref());
            let is = |m: &vitrine_core::node::status::MasterStatus,
                      n: &vitrine_core::sim::view::NodeEntry| {
                (n.ip == m.host || n.name == m.host) && n.port == m.port
            };
            let at = master.and_then(|m| view.nodes.iter().position(|n| is(m, n)));
            nodes[i].replica_of = at.map(|at| at as NodeIndex);
        }
        for i in 0..nodes.len() {
            nodes[i].isolated = isolated(i, nodes.len(), &groups, &cuts);
            nodes[i].lag_bytes = nodes[i].replica_of.map(usize::from).and_then(|m| {
                let master = nodes.get(m).filter(|m| m.process.is_up())?;
                let known = !nodes[i].master && nodes[i].link == LinkState::Online;
                known.then(|| (master.offset - nodes[i].offset).max(0) as u64)
            });
        }
        for (last, node) in self.last.iter_mut().zip(&nodes) {
            *last = Some(node.clone());
        }
        let beliefs = said.iter().enumerate().map(|(i, said)| self.beliefs(i, said, nodes.len())).collect();
        let reference = reference(&nodes, &groups, &said);
        let own = |i: usize| said[i].as_ref().and_then(|s| s.1.as_ref());
        // Of a node that has been down for as long as anybody looked, the others say what it is.
        for other in reference.and_then(own).into_iter().flat_map(|c| &c.nodes) {
            let Some(i) = self.by_id(&other.name).map(usize::from).filter(|&i| said[i].is_none()) else {
                continue;
            };
            if nodes[i].id.is_empty() {
                nodes[i].master = !other.replica;
                nodes[i].replica_of = other.master.as_deref().and_then(|m| self.by_id(m));
                (nodes[i].id, nodes[i].epoch_config) = (other.name.clone(), other.config_epoch);
            }
        }
        let mut claims: Vec<Claim> = Vec::new();
        let mut cluster = Cluster {
            ok: false,
            slots_ok: 0,
            slots_assigned: 0,
            epoch: nodes.iter().map(|n| n.epoch_current).max().unwrap_or(0),
            claims: Vec::new(),
            beliefs,
            cuts,
            faults: faults(&view),
            groups,
            nodes: Vec::new(),
        };
        if let Some(c) = reference.and_then(own) {
            cluster.ok = c.ok;
            for n in c.nodes.iter().filter(|n| !n.slots.is_empty()) {
                let len: u32 = n.slots.iter().map(|&(a, b)| u32::from(b) - u32::from(a) + 1).sum();
                cluster.slots_assigned += len as u16;
                if n.opinion == Opinion::Ok {
                    cluster.slots_ok += len as u16;
                }
                let Some(node) = self.by_id(&n.name) else { continue };
                let served = nodes[usize::from(node)].process == Process::Up && n.opinion != Opinion::Failed;
                claims.extend(n.slots.iter().map(|&(start, end)| Claim {
                    start,
                    end,
                    node,
                    epoch: n.config_epoch,
                    accepted: true,
                    served,
                }));
            }
        }
        // Masters that are up and claim what the reference gives to others.
        for (i, node) in nodes.iter().enumerate() {
            let Some(me) = own(i).and_then(|c| c.nodes.iter().find(|n| n.myself)) else { continue };
            if !node.master || node.process != Process::Up {
                continue;
            }
            for &(start, end) in &me.slots {
                let index = i as NodeIndex;
                let known =
                    claims.iter().any(|k| k.accepted && k.node == index && k.start <= start && end <= k.end);
                if !known {
                    let epoch = me.config_epoch;
                    claims.push(Claim {
                        start,
                        end,
                        node: index,
                        epoch,
                        accepted: reference.is_none(),
                        served: true,
                    });
                }
            }
        }
        cluster.claims = claims;
        cluster.nodes = nodes;
        cluster
    }

    fn node(&self, i: usize, view: &WorldView, said: &Option<(NodeStatus, Option<ClusterView>)>) -> Node {
        let entry = &view.nodes[i];
        let mut node = self.last[i].clone().unwrap_or_else(|| Node {
            name: entry.name.clone(),
            id: String::new(),
            addr: String::new(),
            shard: self.shards[i],
            process: Process::Up,
            process_since_us: 0,
            master: true,
            replica_of: None,
            cluster_ok: false,
            epoch_current: 0,
            epoch_config: 0,
            keys: 0,
            offset: 0,
            lag_bytes: None,
            link: LinkState::None,
            progress_percent: None,
            disk: Disk::default(),
            candidate: None,
            isolated: false,
        });
        node.addr = format!("{}:{}", entry.ip, entry.port);
        node.process = match (&entry.process, said) {
            (Life::Running, Some((s, _))) if s.loading => Process::Loading,
            (Life::Running, _) => Process::Up,
            (Life::Paused, _) => Process::Paused,
            (Life::Killed, _) => Process::Killed,
            (Life::PowerLost, _) => Process::Crashed,
            (Life::Exited { .. } | Life::Refused { .. }, _) => Process::Stopped,
        };
        node.process_since_us = entry.since_us;
        let aof = entry.files.iter().filter(|f| f.path.contains(".aof.") && !f.path.ends_with(".manifest"));
        let (mut len, mut dirty, mut pending) = (0, 0, 0);
        for f in aof {
            (len, dirty, pending) = (len + f.len, dirty + f.dirty, pending + f.pending);
        }
        let buffered = pending + said.as_ref().map_or(0, |s| s.0.aof_buffered);
        let written = dirty.min(len).min(RING_LEN);
        node.disk = Disk { synced: (len - dirty.min(len)).min(RING_LEN - written), written, buffered };
        let Some((status, cluster)) = said else {
            node.candidate = None;
            node.progress_percent = None;
            node.link = if node.master { LinkState::None } else { LinkState::Down };
            return node;
        };
        node.keys = status.keys;
        node.offset = status.offset;
        node.master = status.master.is_none();
        node.link = match &status.master {
            None => LinkState::None,
            Some(m) if m.syncing => LinkState::Syncing,
            Some(m) if m.up => LinkState::Online,
            Some(_) => LinkState::Down,
        };
        node.progress_percent = match (status.loaded, status.master.as_ref().and_then(|m| m.received)) {
            (Some((done, of)), _) | (None, Some((done, Some(of)))) => percent(done, of),
            (None, _) => None,
        };
        if let Some(c) = cluster {
            node.id.clone_from(&c.name);
            node.cluster_ok = c.ok;
            node.epoch_current = c.current_epoch;
            if let Some(me) = c.nodes.iter().find(|n| n.myself) {
                node.epoch_config = me.config_epoch;
                node.master = !me.replica;
                node.replica_of = me.master.as_deref().and_then(|m| self.by_id(m));
                if me.replica && node.link == LinkState::None {
                    node.link = LinkState::Down;
                }
            }
            node.candidate = c.election.as_ref().filter(|e| e.asked).map(|e| Candidate {
                epoch: e.epoch,
                rank: e.rank,
                votes: e.votes,
                needed: e.needed,
            });
        }
        if node.master {
            node.replica_of = None;
        }
        node
    }

    fn beliefs(
        &self,
        i: usize,
        said: &Option<(NodeStatus, Option<ClusterView>)>,
        nodes: usize,
    ) -> Vec<Belief> {
        let Some((_, Some(c))) = said else { return Vec::new() };
        let mut row = vec![Belief::Unknown; nodes];
        for n in &c.nodes {
            if let Some(place) = self.by_id(&n.name).and_then(|s| row.get_mut(usize::from(s))) {
                *place = match n.opinion {
                    Opinion::Ok => Belief::Ok,
                    Opinion::Suspected => Belief::Pfail,
                    Opinion::Failed => Belief::Fail,
                };
            }
        }
        row[i] = Belief::Own;
        row
    }

    /// What the inspector shows of a node.
    pub fn detail(&self, world: &World, node: NodeIndex) -> Option<Detail> {
        let name = &world.setup().nodes.get(usize::from(node))?.name;
        let lines: Vec<LogLine> = (world.log_after(name, 0))
            .map(|l| LogLine { at_us: l.at_us, mark: l.level.mark(), text: l.text.clone() })
            .collect();
        Some(Detail { node, log: lines[lines.len().saturating_sub(LOG_LINES)..].to_vec() })
    }
}

/// How much of a whole is done; nothing is no whole.
fn percent(done: u64, of: u64) -> Option<u8> {
    (done.min(of) * 100).checked_div(of).and_then(|p| u8::try_from(p).ok())
}

/// The shard that a name stands for: `A1` is in the first, `S028-2` in the 28th.
pub fn shard_of(name: &str) -> u16 {
    let b = name.as_bytes();
    match b {
        [b'S', rest @ ..] if rest.contains(&b'-') => {
            let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).map(|&c| c as char).collect();
            digits.parse::<u16>().map_or(0, |n| n.saturating_sub(1))
        }
        [c @ b'A'..=b'Z', ..] => u16::from(c - b'A'),
        _ => 0,
    }
}

/// The groups of the partition by node; nodes that no group names reach all and are put into the first.
fn groups(view: &WorldView) -> Vec<Vec<NodeIndex>> {
    if view.groups.is_empty() {
        return Vec::new();
    }
    let place = |name: &String| view.nodes.iter().position(|n| &n.name == name).map(|i| i as NodeIndex);
    let mut groups: Vec<Vec<NodeIndex>> = view
        .groups
        .iter()
        .map(|g| g.iter().filter_map(place).collect::<Vec<_>>())
        .filter(|g| !g.is_empty())
        .collect();
    let missing: Vec<NodeIndex> =
        (0..view.nodes.len() as NodeIndex).filter(|i| !groups.iter().any(|g| g.contains(i))).collect();
    if let Some(first) = groups.first_mut() {
        first.extend(missing);
    }
    if groups.len() < 2 { Vec::new() } else { groups }
}

fn isolated(i: usize, n: usize, groups: &[Vec<NodeIndex>], cuts: &[(NodeIndex, NodeIndex)]) -> bool {
    let i = i as NodeIndex;
    let together =
        |j: NodeIndex| groups.is_empty() || groups.iter().any(|g| g.contains(&i) && g.contains(&j));
    n > 1
        && (0..n as NodeIndex)
            .filter(|&j| j != i)
            .all(|j| !together(j) || (cuts.contains(&(i, j)) && cuts.contains(&(j, i))))
}

/// The node whose view the page shows where nodes disagree.
fn reference(
    nodes: &[Node],
    groups: &[Vec<NodeIndex>],
    said: &[Option<(NodeStatus, Option<ClusterView>)>],
) -> Option<usize> {
    let masters_near = |i: usize| {
        let near = |j: usize| {
            groups.is_empty()
                || groups.iter().any(|g| g.contains(&(i as NodeIndex)) && g.contains(&(j as NodeIndex)))
        };
        (0..nodes.len()).filter(|&j| near(j) && nodes[j].master && nodes[j].process.is_up()).count()
    };
    let knows = |i: usize| said[i].as_ref().and_then(|s| s.1.as_ref()).map_or(0, |c| c.slots_assigned);
    (0..nodes.len())
        .filter(|&i| nodes[i].process == Process::Up && said[i].as_ref().is_some_and(|s| s.1.is_some()))
        .max_by_key(|&i| {
            (masters_near(i), nodes[i].epoch_current, knows(i), nodes[i].master, std::cmp::Reverse(i))
        })
}

/// Faults that last, with what ends them; a process that is not there without a fault is told of as well.
fn faults(view: &WorldView) -> Vec<ActiveFault> {
    let place = |name: &str| view.nodes.iter().position(|n| n.name == name).map(|i| i as NodeIndex);
    let mut out: Vec<ActiveFault> = Vec::new();
    for fault in &view.faults {
        let nodes: Vec<NodeIndex> = match &fault.scope {
            Scope::Link { a, b } => [a, b].into_iter().filter_map(|name| place(name)).collect(),
            Scope::Node { node } | Scope::Process { node } | Scope::Clock { node } | Scope::Disk { node } => {
                place(node).into_iter().collect()
            }
            Scope::Everything | Scope::Network => Vec::new(),
        };
        use fault::Fault as F;
        let icon = match (&fault.fault, &fault.scope) {
            (F::Pause { .. }, _) => "i-pause",
            (F::SlowCpu { .. }, _) => "i-cpu",
            (_, Scope::Process { .. }) => "i-bolt",
            (_, Scope::Clock { .. }) => "i-jump",
            (_, Scope::Disk { .. }) => "i-dslow",
            (F::Partition { .. }, _) => "i-wall",
            _ => "i-cut",
        };
        out.push(ActiveFault {
            icon: icon.to_owned(),
            text: fault.text.clone(),
            nodes,
            since_us: fault.since_us,
            until_us: fault.until_us,
            undo: format!("end {}", fault.number),
        });
    }
    for (i, node) in view.nodes.iter().enumerate() {
        let taken_down = |fault: &FaultEntry| {
            matches!(&fault.scope, Scope::Process { node: name } if *name == node.name)
                && !matches!(fault.fault, fault::Fault::SlowCpu { .. })
        };
        if matches!(node.process, Life::Running) || view.faults.iter().any(taken_down) {
            continue;
        }
        let (what, verb) = match &node.process {
            Life::Paused => ("is stopped", "resume"),
            Life::Refused { .. } => ("refused to start", "start"),
            _ => ("does not run", "start"),
        };
        out.push(ActiveFault {
            icon: "i-power".to_owned(),
            text: format!("{} {what}", node.name),
            nodes: vec![i as NodeIndex],
            since_us: node.since_us,
            until_us: None,
            undo: format!("{verb} {}", crate::faults::name_in_line(&node.name)),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_shard() {
        assert_eq!(shard_of("A1"), 0);
        assert_eq!(shard_of("C2"), 2);
        assert_eq!(shard_of("S028-2"), 27);
        assert_eq!(shard_of("S1"), 18);
    }

    #[test]
    fn progress_is_a_share_of_something() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(31, 50), Some(62));
        assert_eq!(percent(51, 50), Some(100));
    }

    #[test]
    fn a_node_alone_behind_a_wall_is_isolated() {
        let groups = vec![vec![0], vec![1, 2]];
        assert!(isolated(0, 3, &groups, &[]));
        assert!(!isolated(1, 3, &groups, &[]));
        let all = [(0, 1), (1, 0), (0, 2), (2, 0)];
        assert!(isolated(0, 3, &[], &all));
        assert!(!isolated(0, 3, &[], &all[..3]));
    }
}
