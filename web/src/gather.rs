//! The engine's view of itself, turned into what the page draws.
//!
//! Nothing is decided here that the engine could contradict. Where nodes disagree, the page shows the view of the *reference*: the
//! node that is up with the highest current epoch, among those that reach most masters. What a node that is down last said of
//! itself is remembered, since it says nothing any more.
//!
//! Of a [crowd] of nodes only the reference is asked for everything that it knows; the others are asked who they are and whom they
//! doubt, so that a look at a thousand nodes is one at some thousand things and not at a million.

use crate::beliefs::{Beliefs, Row};
use crate::model::{
    ActiveFault, Belief, Candidate, Claim, Cluster, Detail, Disk, LinkState, LogLine, Node, NodeIndex,
    Process,
};
use litemap::LiteMap;
use vitrine_core::cluster::view::ClusterView;
use vitrine_core::event::Opinion;
use vitrine_core::node::status::NodeStatus;
use vitrine_core::sim::fault::{self, FaultEntry, Scope};
use vitrine_core::sim::scenario::Command;
use vitrine_core::sim::setup::Setup;
use vitrine_core::sim::trace::Life;
use vitrine_core::sim::view::NodeEntry;
use vitrine_core::sim::world::World;

/// The share of the append-only file that the disk ring shows, in bytes.
const RING_LEN: u64 = 256 << 10;
/// How many log lines a detail carries.
const LOG_LINES: usize = 200;

/// Whether this many nodes are so many that they are not looked at, and not drawn, one by one.
pub fn crowd(nodes: usize) -> bool {
    nodes > 60
}

/// What a node says of itself, and of its cluster if it is in one.
type Said = Option<(NodeStatus, Option<ClusterView>)>;

/// What is remembered between two gatherings.
#[derive(Default)]
pub struct Gatherer {
    shards: Vec<u16>,
    /// How many of the shards are those that the world's setup speaks of; a node of another one goes with the master that it has.
    planned: u16,
    last: Vec<Option<Node>>,
    /// Cluster id → node.
    ids: LiteMap<String, NodeIndex>,
}

impl Gatherer {
    /// For a world of this setup.
    pub fn new(setup: &Setup) -> Gatherer {
        let plan = setup.formation.iter().flat_map(|formation| formation.shards.iter().zip(0u16..));
        let named =
            plan.flat_map(|(shard, number)| shard.nodes.iter().map(move |name| (name.as_str(), number)));
        let named: LiteMap<&str, u16> = named.collect();
        let planned = setup.formation.as_ref().map_or(0, |formation| formation.shards.len() as u16);
        // Who is in no plan is alone at first.
        let mut alone = planned..;
        let shard_of = |name: &str| named.get(name).copied().or_else(|| alone.next()).unwrap_or(0);
        Gatherer {
            shards: setup.nodes.iter().map(|n| n.name.as_str()).map(shard_of).collect(),
            planned,
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
        let entries = world.node_entries();
        let many = crowd(entries.len());
        let cluster_of =
            |n: &vitrine_core::node::Node| if many { n.cluster_glance() } else { n.cluster_view() };
        let said: Vec<Said> = world.nodes().map(|n| n.map(|n| (n.status(), cluster_of(n)))).collect();
        for (i, said) in said.iter().enumerate() {
            if let Some((_, Some(c))) = said {
                self.ids.insert(c.name.clone(), i as NodeIndex);
            }
        }
        let faulty = world.active_faults();
        let groups = groups(world, &entries);
        let cuts: Vec<(NodeIndex, NodeIndex)> = (world.faulty_paths().iter())
            .filter(|p| p.state.cut && p.from.max(p.to) < entries.len() as u32)
            .map(|p| (p.from as NodeIndex, p.to as NodeIndex))
            .collect();
        let mut nodes: Vec<Node> = (0..entries.len()).map(|i| self.node(i, &entries[i], &said[i])).collect();
        for (i, node) in nodes.iter_mut().enumerate() {
            node.p99_us = world.answers(i as u32).quantile(990);
        }
        // Outside of a cluster a replica's master is the node with the address that it was told.
        for (i, said) in said.iter().enumerate().filter(|(_, said)| matches!(said, Some((_, None)))) {
            let master = said.as_ref().and_then(|(status, _)| status.master.as_ref());
            let is = |m: &vitrine_core::node::status::MasterStatus, n: &NodeEntry| {
                (n.ip == m.host || n.name == m.host) && n.port == m.port
            };
            let at = master.and_then(|m| entries.iter().position(|n| is(m, n)));
            nodes[i].replica_of = at.map(|at| at as NodeIndex);
        }
        for (i, node) in nodes.iter_mut().enumerate() {
            if let Some(master) = node.replica_of.filter(|_| self.shards[i] >= self.planned) {
                self.shards[i] = self.shards[usize::from(master)];
            }
            node.shard = self.shards[i];
        }
        let group_of = group_of(nodes.len(), &groups);
        let isolated = isolated(&group_of, &cuts);
        for i in 0..nodes.len() {
            nodes[i].isolated = isolated[i];
            nodes[i].lag_bytes = nodes[i].replica_of.map(usize::from).and_then(|m| {
                let master = nodes.get(m).filter(|m| m.process.is_up())?;
                let known = !nodes[i].master && nodes[i].link == LinkState::Online;
                known.then(|| (master.offset - nodes[i].offset).max(0) as u64)
            });
        }
        for (last, node) in self.last.iter_mut().zip(&nodes) {
            *last = Some(node.clone());
        }
        let mut beliefs = Beliefs::default();
        for said in &said {
            beliefs.push(self.beliefs(said, nodes.len()));
        }
        let reference = reference(&nodes, &group_of, &said);
        let own = |i: usize| said[i].as_ref().and_then(|s| s.1.as_ref());
        let asked = match reference {
            Some(i) if many => world.nodes().nth(i).flatten().and_then(|n| n.cluster_view()),
            _ => None,
        };
        let reference = asked.as_ref().or(reference.and_then(own));
        // Of a node that has been down for as long as anybody looked, the others say what it is.
        for other in reference.into_iter().flat_map(|c| &c.nodes) {
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
            faults: faults(&faulty, &entries),
            groups,
            nodes: Vec::new(),
        };
        if let Some(c) = reference {
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

    fn node(&self, i: usize, entry: &NodeEntry, said: &Said) -> Node {
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
            p99_us: 0,
            offset: 0,
            lag_bytes: None,
            link: LinkState::None,
            progress_percent: None,
            disk: Disk::default(),
            candidate: None,
            epoch_voted: 0,
            voted_for: None,
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
            node.epoch_voted = c.last_vote_epoch;
            node.voted_for = c.last_vote_for.as_deref().and_then(|id| self.by_id(id));
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

    /// What a node thinks of the others. Of a crowd it is not asked whom it does not know: all or none, as it knows most of them or not.
    fn beliefs(&self, said: &Said, nodes: usize) -> Option<Row> {
        let c = said.as_ref()?.1.as_ref()?;
        let usual = if c.known * 2 > nodes { Belief::Ok } else { Belief::Unknown };
        let seen = c.nodes.iter().filter_map(|n| {
            let belief = match n.opinion {
                Opinion::Ok => Belief::Ok,
                Opinion::Suspected => Belief::Pfail,
                Opinion::Failed => Belief::Fail,
            };
            Some((self.by_id(&n.name)?, belief))
        });
        let mut known: LiteMap<NodeIndex, Belief> = seen.collect();
        if !crowd(nodes) {
            for i in 0..nodes as NodeIndex {
                known.try_insert(i, Belief::Unknown);
            }
        }
        let other = known.into_iter().filter(|&(_, belief)| belief != usual).collect();
        Some(Row { usual, other })
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

/// The groups of the partition by node; nodes that no group names reach all and are put into the first.
fn groups(world: &World, entries: &[NodeEntry]) -> Vec<Vec<NodeIndex>> {
    let places: LiteMap<&str, NodeIndex> =
        entries.iter().enumerate().map(|(i, n)| (n.name.as_str(), i as NodeIndex)).collect();
    let mut groups: Vec<Vec<NodeIndex>> = (world.groups().iter())
        .map(|g| g.iter().filter_map(|name| places.get(name.as_str()).copied()).collect::<Vec<_>>())
        .filter(|g| !g.is_empty())
        .collect();
    let mut named = vec![false; entries.len()];
    for &i in groups.iter().flatten() {
        named[usize::from(i)] = true;
    }
    if let Some(first) = groups.first_mut() {
        first.extend((0..entries.len() as NodeIndex).filter(|&i| !named[usize::from(i)]));
    }
    if groups.len() < 2 { Vec::new() } else { groups }
}

/// Which group each of so many nodes is in; without groups all are in one.
fn group_of(nodes: usize, groups: &[Vec<NodeIndex>]) -> Vec<usize> {
    let mut of = vec![0; nodes];
    for (group, members) in groups.iter().enumerate() {
        for &i in members {
            of[usize::from(i)] = group;
        }
    }
    of
}

/// Which nodes reach no other one, by their groups and by the cuts, which are in order.
fn isolated(group_of: &[usize], cuts: &[(NodeIndex, NodeIndex)]) -> Vec<bool> {
    let mut sizes = vec![0_usize; group_of.len()];
    for &group in group_of {
        sizes[group] += 1;
    }
    let mut reached: Vec<usize> = group_of.iter().map(|&group| sizes[group] - 1).collect();
    for &(a, b) in cuts {
        let together = group_of[usize::from(a)] == group_of[usize::from(b)];
        if a != b && together && cuts.binary_search(&(b, a)).is_ok() {
            reached[usize::from(a)] -= 1;
        }
    }
    reached.iter().map(|&reached| group_of.len() > 1 && reached == 0).collect()
}

/// The node whose view the page shows where nodes disagree.
fn reference(nodes: &[Node], group_of: &[usize], said: &[Said]) -> Option<usize> {
    let mut masters = vec![0_usize; nodes.len()];
    for (node, &group) in nodes.iter().zip(group_of) {
        masters[group] += usize::from(node.master && node.process.is_up());
    }
    let knows = |i: usize| said[i].as_ref().and_then(|s| s.1.as_ref()).map_or(0, |c| c.slots_assigned);
    (0..nodes.len())
        .filter(|&i| nodes[i].process == Process::Up && said[i].as_ref().is_some_and(|s| s.1.is_some()))
        .max_by_key(|&i| {
            let near = masters[group_of[i]];
            (near, nodes[i].epoch_current, knows(i), nodes[i].master, std::cmp::Reverse(i))
        })
}

/// Faults that last, with what ends them; a process that is not there without a fault is told of as well.
fn faults(active: &[FaultEntry], entries: &[NodeEntry]) -> Vec<ActiveFault> {
    let place = |name: &str| entries.iter().position(|n| n.name == name).map(|i| i as NodeIndex);
    let mut out: Vec<ActiveFault> = Vec::new();
    for fault in active {
        let nodes: Vec<NodeIndex> = match &fault.scope {
            Scope::Link { a, b } => [a, b].into_iter().filter_map(|name| place(name)).collect(),
            Scope::Node { node } | Scope::Process { node } | Scope::Clock { node } | Scope::Disk { node } => {
                place(node).into_iter().collect()
            }
            Scope::Everything | Scope::Network => Vec::new(),
        };
        let action = fault::Action::Fault { fault: fault.fault.clone(), for_us: None };
        let line = Command::Act(action).to_string();
        let row = crate::faults::row_of(&line);
        out.push(ActiveFault {
            icon: row.map_or("i-dot", |at| crate::faults::ROWS[usize::from(at)].icon).to_owned(),
            text: fault.text.clone(),
            nodes,
            since_us: fault.since_us,
            until_us: fault.until_us,
            undo: format!("end {}", fault.number),
            line,
            sides: fault.sides.clone(),
        });
    }
    for (i, node) in entries.iter().enumerate() {
        let taken_down = |fault: &FaultEntry| {
            matches!(&fault.scope, Scope::Process { node: name } if *name == node.name)
                && !matches!(fault.fault, fault::Fault::SlowCpu { .. })
        };
        if matches!(node.process, Life::Running) || active.iter().any(taken_down) {
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
            line: String::new(),
            sides: Vec::new(),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_those_of_the_plan_and_a_node_without_one_goes_with_its_master() {
        assert_eq!(Gatherer::new(&Setup::six_nodes(1)).shards, [0, 1, 2, 0, 1, 2]);
        let conf = "vitrine 1\nseed 1\nnodes N1 N2 N3\nconf N1 <<END\nport 6379\nEND\nconf N3 <<END\nport 6379\nreplicaof 10.0.0.1 6379\nEND\n";
        let setup = vitrine_core::sim::scenario::Scenario::parse(conf).unwrap().setup;
        let mut gatherer = Gatherer::new(&setup);
        assert_eq!(gatherer.shards, [0, 1, 2]);
        let mut world = World::new(setup).unwrap();
        world.run_for(1_000_000);
        let shards = |c: Cluster| c.nodes.iter().map(|n| n.shard).collect::<Vec<_>>();
        assert_eq!(shards(gatherer.cluster(&world)), [0, 1, 0]);
    }

    #[test]
    fn progress_is_a_share_of_something() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(31, 50), Some(62));
        assert_eq!(percent(51, 50), Some(100));
    }

    #[test]
    fn a_node_alone_behind_a_wall_is_isolated() {
        let walls = group_of(3, &[vec![0], vec![1, 2]]);
        assert_eq!(isolated(&walls, &[]), [true, false, false]);
        assert_eq!(isolated(&walls, &[(1, 2), (2, 1)]), [true, true, true]);
        let open = group_of(3, &[]);
        assert_eq!(isolated(&open, &[(0, 1), (0, 2), (1, 0), (2, 0)]), [true, false, false]);
        assert_eq!(isolated(&open, &[(0, 1), (0, 2), (1, 0)]), [false; 3]);
        assert_eq!(isolated(&group_of(1, &[]), &[]), [false]);
    }
}
