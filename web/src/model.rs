//! What the page draws: plain data, filled by the worker from the engine's view of itself.
//!
//! It is kept apart from the simulator's own types so that a change of the engine's insides stops at the worker, and
//! because what travels to the page sixty times a second has to be small: the parts that rarely change ([`Boot`],
//! [`Detail`]) travel on their own, and a [`Frame`] leaves out the cluster when nothing about it changed.
//! All times are virtual microseconds since the start of the world unless a name says otherwise.

use crate::beliefs::Beliefs;
use serde::{Deserialize, Serialize};

pub use vitrine_core::store::slot::SLOTS;

/// Where a node stands in [`Cluster::nodes`] and in every list that is parallel to it.
pub type NodeIndex = u16;

/// Into how many parts the slots are divided to show where the keys are.
pub const DENSITY_PARTS: usize = 128;

/// What holds for a world as long as it lives; sent once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// The seed of the world in hexadecimal, as the page shows it.
    pub seed: String,
    /// Whether the world came back from the browser's storage (as opposed to a new one).
    pub restored: bool,
    /// What was opened, in a sentence; empty for a world that was not.
    pub opened: String,
    /// Why something was not opened that should have been; empty if nothing was refused.
    pub refused: String,
    /// The virtual instant at which this run began: that of the stored cut, if it was restored.
    pub start_us: u64,
    /// One entry per node.
    pub nodes: Vec<BootNode>,
}

/// What holds for a node as long as the world lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootNode {
    /// The short name: `A1`.
    pub name: String,
    /// The address as clients see it: `10.0.0.1:7001`.
    pub addr: String,
    /// The text of redis.conf that the node was started with.
    pub conf: String,
}

/// What changed since the last one. At most one per display frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Virtual time.
    pub now_us: u64,
    /// Whether virtual time moves with the wall clock.
    pub playing: bool,
    /// Whether it goes on as fast as it can, up to something that was asked for.
    pub going: bool,
    /// Virtual seconds per wall second.
    pub speed: f64,
    /// What the world is doing as a whole.
    pub phase: Phase,
    /// The cluster, if anything about it changed.
    pub cluster: Option<Cluster>,
    /// Cluster-bus packets that were sent since the last frame.
    pub messages: Vec<Message>,
    /// Packets of earlier frames that turned out to be lost, by id.
    pub dropped: Vec<u64>,
    /// How busy each pair of nodes was since the last frame, when packets are too many to be drawn one by one.
    pub traffic: Vec<Traffic>,
    /// Whether the tape begins anew: the world is at another place of a run.
    pub tape_reset: bool,
    /// What to add to the tape.
    pub tape: Vec<TapeItem>,
    /// The runs and where the world is in them, if that changed otherwise than by time passing.
    pub time: Option<Time>,
    /// How many events the world has processed.
    pub steps: u64,
}

/// The runs of this world, and where it is in them: who acts in the past begins another run.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Time {
    /// The run that it is in.
    pub run: u32,
    /// Where that run ends, if the world is not there but in its past.
    pub end_us: Option<u64>,
    /// All runs, oldest first.
    pub runs: Vec<Run>,
    /// How often the world was put into another place of a run than the one that followed.
    pub travels: u64,
}

/// A run: a beginning and what was done since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number; the first is 0.
    pub number: u32,
    /// The run that it left, and when; none for the first.
    pub from: Option<(u32, u64)>,
    /// How far it was played; of the present run only while the world is in its past.
    pub end_us: u64,
}

/// What the world is doing as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// The cluster is being formed, or nodes load their files, as fast as the machine can.
    Starting {
        /// What is being waited for, in words.
        what: String,
    },
    /// It runs or is paused.
    Live,
}

/// The cluster as it is at one instant.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Whether a node that is up says `cluster_state:ok`, by the majority of the masters that are up.
    pub ok: bool,
    /// `cluster_slots_ok` in that same majority's view.
    pub slots_ok: u16,
    /// How many slots have an owner in that view.
    pub slots_assigned: u16,
    /// The highest current epoch that any node knows.
    pub epoch: u64,
    /// One entry per node.
    pub nodes: Vec<Node>,
    /// Who claims which slots. Ranges of one slot may overlap: then two nodes claim it.
    pub claims: Vec<Claim>,
    /// What each node thinks of each other.
    pub beliefs: Beliefs,
    /// Partitions in force: every inner list is a group that reaches only itself. Empty when there is no wall.
    pub groups: Vec<Vec<NodeIndex>>,
    /// Links that are cut one by one, as directions from → to.
    pub cuts: Vec<(NodeIndex, NodeIndex)>,
    /// Faults that last, in the order in which they began.
    pub faults: Vec<ActiveFault>,
}

impl Cluster {
    /// How many slots somebody serves at this instant: the cluster itself counts the slots of a master that went a moment
    /// ago until it has noticed.
    pub fn slots_served(&self) -> u16 {
        let gone = self.claims.iter().filter(|k| k.accepted && !k.served);
        let gone: u32 = gone.map(|k| u32::from(k.end).saturating_sub(u32::from(k.start)) + 1).sum();
        self.slots_ok.min(self.slots_assigned.saturating_sub(gone.min(u32::from(SLOTS)) as u16))
    }

    /// Whether there are nodes, and none of them takes part in a cluster.
    pub fn is_outside(&self) -> bool {
        !self.nodes.is_empty() && self.nodes.iter().all(|n| n.id.is_empty())
    }

    /// Whether a node that owns slots has voted in the latest election that is going on, and for whom, as far as it knows; nothing if
    /// there is none, and for nodes without a vote.
    pub fn voted(&self, index: NodeIndex) -> Option<Option<&str>> {
        let epoch = self.nodes.iter().filter_map(|n| Some(n.candidate?.epoch)).max()?;
        let owns = self.claims.iter().any(|claim| claim.node == index && claim.accepted);
        let node = self.nodes.get(usize::from(index)).filter(|n| owns && n.process == Process::Up)?;
        let whom = node.voted_for.and_then(|whom| self.nodes.get(usize::from(whom)));
        Some((node.epoch_voted >= epoch).then_some(whom.map_or("", |whom| &whom.name)))
    }

    /// Whether another view of the same cluster differs in more than what counts up: in who there is, what each is, and what is done to
    /// it. Under load numbers change with every frame, and this once in a while.
    pub fn is_otherwise(&self, other: &Cluster) -> bool {
        let alike = |(a, b): (&Node, &Node)| {
            let same_process = (a.process, a.process_since_us) == (b.process, b.process_since_us);
            let same_role = (a.master, a.replica_of, a.shard, a.isolated)
                == (b.master, b.replica_of, b.shard, b.isolated);
            same_process && same_role && a.name == b.name && a.addr == b.addr
        };
        let same_nodes =
            self.nodes.len() == other.nodes.len() && self.nodes.iter().zip(&other.nodes).all(alike);
        !same_nodes || self.faults != other.faults || self.groups != other.groups || self.cuts != other.cuts
    }

    /// Whether no wall is between two nodes.
    pub fn together(&self, a: NodeIndex, b: NodeIndex) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|g| g.contains(&a) && g.contains(&b))
    }

    /// How many masters stand on one side of a wall, and of how many: elections count the owners of slots as that side knows
    /// them, and whoever took slots over on the other side is not heard of here.
    pub fn masters_seen_from(&self, side: impl Fn(NodeIndex) -> bool) -> (usize, usize) {
        let distinct = |claims: &[&Claim]| {
            let mut owners: Vec<NodeIndex> = claims.iter().map(|claim| claim.node).collect();
            owners.sort_unstable();
            owners.dedup();
            owners.len()
        };
        let (here, there): (Vec<&Claim>, Vec<&Claim>) = self.claims.iter().partition(|k| side(k.node));
        let overlap = |a: &Claim, b: &Claim| a.start <= b.end && b.start <= a.end;
        let known: Vec<&Claim> =
            there.into_iter().filter(|k| !here.iter().any(|own| overlap(own, k))).collect();
        let some = distinct(&here);
        (some, some + distinct(&known))
    }
}

/// The places of nodes, shard by shard: what belongs together stands together in every list of them.
pub fn by_shard(nodes: &[Node]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|&i| nodes[i].shard);
    order
}

/// A fault that is in force, or a process that is not there without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveFault {
    /// What it is, in words: `nothing gets through between A1 and B1`.
    pub text: String,
    /// The symbol that stands for it.
    pub icon: String,
    /// The nodes that it is about.
    pub nodes: Vec<NodeIndex>,
    /// Since when.
    pub since_us: u64,
    /// When it ends by itself; none if it lasts until it is ended.
    pub until_us: Option<u64>,
    /// The line that ends it: `end 3`, `start A1`.
    pub undo: String,
    /// The line that did it, without its end: `cut A1 B1`; empty for a process that is gone without a fault.
    pub line: String,
    /// The sides of a wall, hosts by name; empty for anything else.
    pub sides: Vec<Vec<String>>,
}

/// One node at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The short name: `A1`.
    pub name: String,
    /// The 40-character cluster id, empty while it has none.
    pub id: String,
    /// The address as clients see it.
    pub addr: String,
    /// The shard whose colour it wears, counted from 0.
    pub shard: u16,
    /// Whether its process runs.
    pub process: Process,
    /// Since when that is so.
    pub process_since_us: u64,
    /// Whether it is a master in its own view (the last one it had, when it is down).
    pub master: bool,
    /// Whom it replicates.
    pub replica_of: Option<NodeIndex>,
    /// Its own `cluster_state`.
    pub cluster_ok: bool,
    /// The current epoch it knows.
    pub epoch_current: u64,
    /// Its config epoch (for a replica, its master's).
    pub epoch_config: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// How long the clients of workloads wait for 99 of 100 of its answers, in microseconds; 0 if it has lately answered none.
    pub p99_us: u64,
    /// Its replication offset.
    pub offset: i64,
    /// How many bytes it is behind its master, for a replica whose master is known.
    pub lag_bytes: Option<u64>,
    /// The link to its master, for a replica.
    pub link: LinkState,
    /// While it reads its files or receives a snapshot: how far it is, in percent, if the length is known.
    pub progress_percent: Option<u8>,
    /// The last 256 KiB of its append-only file (or all since the last rewrite, if less), by how safe it is.
    pub disk: Disk,
    /// The election it stands in.
    pub candidate: Option<Candidate>,
    /// The epoch that it voted in last; 0 before its first vote.
    pub epoch_voted: u64,
    /// Whom it voted for then; none if its process began after that.
    pub voted_for: Option<NodeIndex>,
    /// Whether no other node can reach it.
    pub isolated: bool,
}

#[cfg(test)]
impl Cluster {
    /// Three masters with a replica each that serve all slots, for tests.
    pub(crate) fn six() -> Cluster {
        let nodes = vec![
            Node::sample("A1", 0, None),
            Node::sample("B1", 1, None),
            Node::sample("C1", 2, None),
            Node::sample("A2", 0, Some(0)),
            Node::sample("B2", 1, Some(1)),
            Node::sample("C2", 2, Some(2)),
        ];
        let claim = |start, end, node| Claim { start, end, node, epoch: 1, accepted: true, served: true };
        Cluster {
            nodes,
            claims: vec![claim(0, 5460, 0), claim(5461, 10922, 1), claim(10923, 16383, 2)],
            ..Cluster::default()
        }
    }
}

#[cfg(test)]
impl Node {
    /// A node that is up, for tests.
    pub(crate) fn sample(name: &str, shard: u16, replica_of: Option<NodeIndex>) -> Node {
        Node {
            name: name.into(),
            id: String::new(),
            addr: String::new(),
            shard,
            process: Process::Up,
            process_since_us: 0,
            master: replica_of.is_none(),
            replica_of,
            cluster_ok: true,
            epoch_current: 1,
            epoch_config: 1,
            keys: 0,
            p99_us: 0,
            offset: 0,
            lag_bytes: None,
            progress_percent: None,
            link: LinkState::None,
            disk: Disk::default(),
            candidate: None,
            epoch_voted: 0,
            voted_for: None,
            isolated: false,
        }
    }
}

/// The life of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Process {
    /// It runs.
    Up,
    /// It runs and reads its files.
    Loading,
    /// It is stopped (SIGSTOP): memory and connections are there, nothing moves.
    Paused,
    /// It lost power: memory and everything not fsynced are gone.
    Crashed,
    /// Its process was killed: memory is gone, what was written is in the page cache.
    Killed,
    /// It ended in order.
    Stopped,
}

impl Process {
    /// Whether it answers.
    pub fn is_up(self) -> bool {
        matches!(self, Process::Up | Process::Loading)
    }
}

/// The replication link of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// It is a master, or follows nobody.
    None,
    /// Online.
    Online,
    /// A full synchronisation is under way.
    Syncing,
    /// Down.
    Down,
}

/// Bytes of an append-only file by how safe they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Survive a loss of power.
    pub synced: u64,
    /// In the page cache: survive a killed process.
    pub written: u64,
    /// In the process alone.
    pub buffered: u64,
}

/// An election that a replica stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The election's epoch.
    pub epoch: u64,
    /// The rank among its siblings; 0 is the freshest.
    pub rank: u32,
    /// Votes it has.
    pub votes: u32,
    /// Votes it needs.
    pub needed: u32,
}

/// A range of slots that a master says it owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The first slot.
    pub start: u16,
    /// The last slot.
    pub end: u16,
    /// The owner.
    pub node: NodeIndex,
    /// The owner's config epoch.
    pub epoch: u64,
    /// Whether it is what most masters believe; the other claims are drawn outside the ring.
    pub accepted: bool,
    /// Whether the owner answers.
    pub served: bool,
}

/// What a node thinks of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Belief {
    /// It is itself.
    Own,
    /// It does not know it.
    Unknown,
    /// It answers.
    Ok,
    /// Suspected (PFAIL).
    Pfail,
    /// The majority agrees (FAIL).
    Fail,
}

/// The kinds of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A question about life.
    Ping,
    /// Its answer.
    Pong,
    /// The first packet to a node not met before.
    Meet,
    /// The verdict that a node failed.
    Fail,
    /// A candidate asks for a vote.
    AuthRequest,
    /// A master votes.
    AuthAck,
    /// News of a newer owner of slots.
    Update,
    /// Everything else (PUBLISH, MFSTART, module).
    Other,
    /// What a client asks.
    Request,
    /// What it is answered.
    Reply,
}

/// One packet under way: of the cluster bus, or between a client and a node. The ends of a client's are hosts as the engine numbers
/// them: nodes first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Which one; counts up.
    pub id: u64,
    /// What it is.
    pub kind: Kind,
    /// The sender.
    pub from: NodeIndex,
    /// The receiver.
    pub to: NodeIndex,
    /// When it was sent.
    pub sent_us: u64,
    /// When it arrives, or would have.
    pub arrive_us: u64,
    /// Whether a cut, a wall or loss stops it.
    pub dropped: bool,
}

/// How many packets a pair of nodes exchanged since the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// The one.
    pub a: NodeIndex,
    /// The other.
    pub b: NodeIndex,
    /// Packets both ways.
    pub packets: u32,
}

/// Something new on the tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TapeItem {
    /// From this instant on a node is in this state.
    Lane {
        /// The node.
        node: NodeIndex,
        /// Since when.
        at_us: u64,
        /// How its lane is drawn from here.
        state: LaneState,
    },
    /// A mark on a node's lane or, without a node, on the row of faults.
    Mark {
        /// The node.
        node: Option<NodeIndex>,
        /// When.
        at_us: u64,
        /// Its shape.
        mark: TapeMark,
        /// What it says.
        text: String,
    },
}

/// How a lane of the tape is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaneState {
    /// A master: thick.
    Master,
    /// A replica: thin.
    Replica,
    /// A replica without its master's data yet: broken.
    Syncing,
    /// Reading its files: dots.
    Loading,
    /// Stopped: two hairlines.
    Paused,
    /// A master cut off from the majority: notched and underlined.
    CutOff,
    /// Suspected: hatched.
    Pfail,
    /// Failed: solid warm.
    Fail,
    /// Standing in an election: hollow.
    Election,
    /// Down: dotted hairline.
    Down,
}

/// The shapes of marks on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TapeMark {
    /// Power loss.
    Crash,
    /// Killed.
    Kill,
    /// Asked to end.
    Shutdown,
    /// Stopped.
    Pause,
    /// Goes on.
    Resume,
    /// Started.
    Restart,
    /// A wall.
    Wall,
    /// A wall or cut ended.
    Heal,
    /// FAIL.
    Fail,
    /// Asks for votes.
    Ballot,
    /// Voted.
    Vote,
    /// Became master.
    Up,
    /// Became replica.
    DownRole,
    /// Anything else that was done: the row of the palette that does it ([`crate::faults::ROWS`]), if one does.
    Other(Option<u8>),
}

/// What the inspector shows of one node; sent while it is looked at, when it changed.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Detail {
    /// Which node.
    pub node: NodeIndex,
    /// Its newest log lines, oldest first.
    pub log: Vec<LogLine>,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at_us: u64,
    /// Redis's mark: `.`, `-`, `*` or `#`.
    pub mark: char,
    /// The text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_have_voted_or_not_while_somebody_asks() {
        let mut c = Cluster::six();
        assert_eq!(c.voted(1), None, "nobody asks");
        c.nodes[0].process = Process::Crashed;
        c.nodes[1].epoch_voted = 3;
        c.nodes[3].candidate = Some(Candidate { epoch: 4, rank: 0, votes: 0, needed: 2 });
        assert_eq!((c.voted(0), c.voted(1), c.voted(3)), (None, Some(None), None));
        (c.nodes[1].epoch_voted, c.nodes[1].voted_for) = (4, Some(3));
        assert_eq!((c.voted(1), c.voted(2)), (Some(Some("A2")), Some(None)));
        // Whoever began again since has voted, and does not know for whom.
        c.nodes[1].voted_for = None;
        assert_eq!(c.voted(1), Some(Some("")));
    }

    fn claim(node: NodeIndex, start: u16, end: u16, accepted: bool) -> Claim {
        Claim { start, end, node, epoch: 1, accepted, served: true }
    }

    #[test]
    fn numbers_alone_make_no_other_cluster() {
        let old = Cluster {
            nodes: vec![Node::sample("A1", 0, None), Node::sample("A2", 0, Some(0))],
            ..Cluster::default()
        };
        let mut new = old.clone();
        (new.nodes[0].keys, new.nodes[1].offset, new.epoch) = (7, 99, 3);
        assert!(!old.is_otherwise(&new));
        let changes: [fn(&mut Cluster); 5] = [
            |c| c.nodes[1].process = Process::Paused,
            |c| c.nodes[1].master = true,
            |c| c.nodes[0].addr = "10.0.0.9:1".into(),
            |c| c.groups = vec![vec![0], vec![1]],
            |c| drop(c.nodes.pop()),
        ];
        for change in changes {
            let mut new = old.clone();
            change(&mut new);
            assert!(old.is_otherwise(&new));
        }
    }

    #[test]
    fn a_side_counts_the_masters_that_it_knows_of() {
        let mut cluster = Cluster {
            claims: vec![claim(0, 0, 5460, true), claim(1, 5461, 10922, true), claim(2, 10923, 16383, true)],
            ..Cluster::default()
        };
        let minority = |node: NodeIndex| node == 0;
        assert_eq!(cluster.masters_seen_from(minority), (1, 3));
        assert_eq!(cluster.masters_seen_from(|node| !minority(node)), (2, 3));
        // The majority promotes a replica; the master behind the wall does not know.
        cluster.claims[0].accepted = false;
        cluster.claims.push(claim(3, 0, 5460, true));
        assert_eq!(cluster.masters_seen_from(minority), (1, 3));
        assert_eq!(cluster.masters_seen_from(|node| !minority(node)), (3, 3));
    }
}
