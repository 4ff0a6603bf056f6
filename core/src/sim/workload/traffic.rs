//! What a workload's clients and the nodes have to do with each other at an instant, for a drawing of it.
//!
//! It is noted as it happens, and the clients themselves never read it: who looks changes nothing. It takes a few words for each node
//! and the newest operation, however many there are.

use super::Load;
use super::draw::Op;
use super::history::Outcome;
use super::map::Directory;
use super::stats::Measured;
use crate::sim::client::Kind;
use crate::sim::histogram::Histogram;
use crate::sim::world::World;
use std::rc::Rc;

/// How long what happened between clients and a node is told, in virtual microseconds.
pub const RECENT_US: u64 = 1_000_000;

/// What a node did with what clients sent it; of several things in the same second, the one that is most out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// It was asked.
    Asked,
    /// It sent clients to another node for good (MOVED).
    Moved,
    /// It sent clients to another node this once (ASK).
    Ask,
    /// It did not answer, or its connection broke.
    Silent,
}

/// A workload's clients and one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// The node's address, `ip:port`.
    pub addr: Rc<str>,
    /// What became of what it was sent.
    pub way: Way,
}

/// The operation that ended last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its command and key.
    pub command: String,
    /// How long it took, in virtual microseconds.
    pub latency_us: u64,
    /// Why it did not succeed; empty if it did.
    pub error: String,
}

/// What there is to draw of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Its name.
    pub name: String,
    /// Its host, as the trace numbers them.
    pub host: u32,
    /// How many clients it has.
    pub clients: u32,
    /// The names of the nodes that its clients know at first; empty for all.
    pub seeds: Vec<String>,
    /// Whether it goes on.
    pub running: bool,
    /// How many operations were acknowledged in the last whole second.
    pub per_second: u64,
    /// The nodes that its clients had to do with in the last [`RECENT_US`], in the order in which they came to know them.
    pub talks: Vec<Talk>,
    /// The operation that ended last.
    pub newest: Option<Newest>,
}

/// What is noted of a node: when each [`Way`] was gone last; 0 for never.
type Last = [u64; 4];

#[derive(Clone, Debug)]
struct Ended {
    op: Op,
    key: Rc<str>,
    latency_us: u64,
    error: Option<Rc<str>>,
}

/// What is noted of a workload.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    nodes: Vec<Last>,
    newest: Option<Ended>,
}

impl Notes {
    /// Something passed between clients and the node with this number.
    pub fn note(&mut self, node: u16, way: Way, now_us: u64) {
        let at = usize::from(node);
        if at >= self.nodes.len() {
            self.nodes.resize(at + 1, Last::default());
        }
        self.nodes[at][way as usize] = now_us;
    }

    /// An operation has ended.
    pub fn ended(&mut self, op: Op, key: &Rc<str>, latency_us: u64, outcome: &Outcome) {
        let error = match outcome {
            Outcome::Ok(_) => None,
            Outcome::Error(kind) | Outcome::Unknown(kind) => Some(Rc::clone(kind)),
        };
        self.newest = Some(Ended { op, key: Rc::clone(key), latency_us, error });
    }

    fn talks(&self, directory: &Directory, now_us: u64) -> Vec<Talk> {
        const WAYS: [Way; 4] = [Way::Asked, Way::Moved, Way::Ask, Way::Silent];
        let recent = |at_us: u64| at_us > 0 && now_us.saturating_sub(at_us) <= RECENT_US;
        let talk = |(number, last): (usize, &Last)| {
            let way = WAYS.into_iter().rev().find(|&way| recent(last[way as usize]))?;
            Some(Talk { addr: Rc::clone(&directory.get(number as u16)?.text), way })
        };
        self.nodes.iter().enumerate().filter_map(talk).collect()
    }
}

impl Load {
    fn traffic(&self, host: u32, now_us: u64) -> Traffic {
        let mut second = Measured::default();
        let last_s = (now_us / 1_000_000).saturating_sub(1);
        self.meter.add_second(last_s, &mut Histogram::default(), &mut second);
        let newest = self.notes.newest.as_ref().map(|ended| Newest {
            command: format!("{} {}", ended.op.command(), ended.key),
            latency_us: ended.latency_us,
            error: ended.error.as_deref().unwrap_or_default().to_owned(),
        });
        Traffic {
            name: self.name().to_owned(),
            host,
            clients: self.workload.clients,
            seeds: self.workload.seeds.clone(),
            running: self.running(),
            per_second: if self.running() { second.ok } else { 0 },
            talks: self.notes.talks(&self.directory, now_us),
            newest,
        }
    }
}

impl World {
    /// What there is to draw of each workload, in the order in which they were first started. Never changes the run.
    pub fn traffic(&self) -> Vec<Traffic> {
        let of = |client: &crate::sim::client::Client| match &client.kind {
            Kind::Load(load) => Some(load.traffic(client.link.host, self.s.now_us)),
            _ => None,
        };
        self.clients.iter().filter_map(of).collect()
    }
}
