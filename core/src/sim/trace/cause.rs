//! Causes that are not one input.
//!
//! While somebody listens, this remembers of everything that happened the records that later ones may be caused by: the last PING from
//! one node to another and the last that was heard of it, who suspects whom and who said so, votes, promotions, faults. So a
//! record about something that did not happen (no PONG), or about the agreement of many (FAIL, a won election), names what
//! it came from. It only watches: nothing of it flows back.

use super::{ALSO_MAX, BusKind, Channel, Life, TraceKind};
use crate::event::{Event, Opinion};
use crate::sim::fault::{ANY_HOST, Action, Fault, Scope};
use litemap::LiteMap;
use std::collections::{BTreeMap, BTreeSet};

/// How many epochs are remembered with who began them.
const EPOCHS_MAX: usize = 1024;
/// How many active faults are remembered.
const FAULTS_MAX: usize = 1024;

/// The causes of one record while they are found.
pub(super) struct Because {
    main: u64,
    also: Vec<u64>,
}

impl Because {
    pub fn of(cause: u64) -> Because {
        Because { main: cause, also: Vec::new() }
    }

    /// One cause more; the first one is the main one.
    pub fn and(&mut self, cause: u64) {
        if self.main == 0 {
            self.main = cause;
        } else if cause != 0 && self.also.len() < ALSO_MAX {
            self.also.push(cause);
        }
    }

    fn and_all(&mut self, causes: impl IntoIterator<Item = u64>) {
        causes.into_iter().for_each(|cause| self.and(cause));
    }

    /// What explains it better than the input of the turn, which stays a cause.
    fn mainly(&mut self, cause: u64) {
        if cause != 0 {
            let before = std::mem::replace(&mut self.main, cause);
            self.and(before);
        }
    }

    /// The main cause and the others, each once.
    pub fn into_parts(mut self, id: u64) -> (u64, Vec<u64>) {
        let mut known = BTreeSet::from([0, id, self.main]);
        self.also.retain(|&cause| cause < id && known.insert(cause));
        (self.main, self.also)
    }
}

/// A node as one who watches it knows it.
#[derive(Clone, Debug, Default)]
struct Known {
    process: u64,
    up: bool,
    role: u64,
    promoted: u64,
    promoted_at_us: u64,
    master: Option<u32>,
    candidate: u64,
    votes: Vec<u64>,
    slots: u64,
    state: u64,
    link: u64,
    mfstart: u64,
    failed_last: u64,
    /// The last FAIL message that reached it.
    fail_heard: u64,
    /// Whom it has told of its promotion.
    told: BTreeSet<u32>,
}

impl Known {
    /// Whether it is a master by an election that it has not told another of.
    fn news_for(&self, node: u32) -> bool {
        self.promoted != 0 && !self.told.contains(&node)
    }
}

/// What happened so far, by what may come of it. Pairs are (who, about whom) or (from, to).
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    ids: LiteMap<String, u32>,
    nodes: LiteMap<u32, Known>,
    /// The last PING that was sent.
    pings: BTreeMap<(u32, u32), u64>,
    /// The last that came over the bus.
    heard: BTreeMap<(u32, u32), u64>,
    /// The last that was lost on the bus since something got through.
    lost: BTreeMap<(u32, u32), u64>,
    /// The last connection that ended: whose, and to whom.
    ended: BTreeMap<(u32, u32), u64>,
    /// The last that came over RESP.
    asked: BTreeMap<(u32, u32), u64>,
    suspected: BTreeMap<(u32, u32), u64>,
    failed: BTreeMap<(u32, u32), u64>,
    /// By whom a node was told.
    reports: BTreeMap<(u32, u32), LiteMap<u32, u64>>,
    voted: BTreeMap<(u32, u32), u64>,
    epochs: LiteMap<u64, u64>,
    /// Faults with the records of their beginning. Those that are over stay for a while: what they did goes on.
    faults: Vec<(u64, Box<Action>)>,
    names: Vec<String>,
}

impl Seen {
    pub fn node_of(&self, id: &str) -> Option<u32> {
        self.ids.get(id).copied()
    }

    pub fn know(&mut self, node: u32, id: &str) {
        self.ids.retain(|_, n| *n != node);
        self.ids.insert(id.to_string(), node);
    }

    /// The names of hosts, by number.
    pub fn name_hosts<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.names = names.map(str::to_string).collect();
    }

    /// The name of the host after the last one.
    pub fn name_host(&mut self, name: &str) {
        self.names.push(name.to_string());
    }

    /// The record of a node's present role.
    pub fn role(&self, node: u32) -> Option<u64> {
        self.nodes.get(&node).map(|n| n.role.max(n.promoted)).filter(|&id| id != 0)
    }

    /// The record of what a node thinks of another, if it is not well.
    pub fn opinion(&self, by: u32, about: u32) -> Option<u64> {
        self.failed.get(&(by, about)).or_else(|| self.suspected.get(&(by, about))).copied()
    }

    /// Who thinks ill of a node, with the record.
    pub fn opinions_about(&self, about: u32) -> Vec<(u32, u64)> {
        let all = self.failed.iter().chain(&self.suspected).filter(|((_, a), _)| *a == about);
        let mut by: LiteMap<u32, u64> = LiteMap::new();
        for ((who, _), &id) in all {
            by.entry(*who).or_insert(id);
        }
        by.into_iter().collect()
    }

    /// The record of whether the cluster serves, as a node sees it.
    pub fn state(&self, node: u32) -> Option<u64> {
        self.nodes.get(&node).map(|n| n.state).filter(|&id| id != 0)
    }

    /// The record of the last change of a replica's link.
    pub fn link(&self, node: u32) -> Option<u64> {
        self.nodes.get(&node).map(|n| n.link).filter(|&id| id != 0)
    }

    /// The record of the last change of a node's process.
    pub fn process(&self, node: u32) -> Option<u64> {
        self.nodes.get(&node).map(|n| n.process).filter(|&id| id != 0)
    }

    fn known(&mut self, node: u32) -> &mut Known {
        self.nodes.entry(node).or_default()
    }

    /// Why nothing comes from one host to another: a process that is not there, or faults on the way or at either end.
    fn silence(&self, here: u32, there: u32) -> Vec<u64> {
        let mut why = Vec::new();
        if let Some(known) = self.nodes.get(&there).filter(|n| !n.up && n.process != 0) {
            why.push(known.process);
        }
        let (Some(here), Some(there)) = (self.names.get(here as usize), self.names.get(there as usize))
        else {
            return why;
        };
        let one_of = |name: &str| name == here || name == there || name == ANY_HOST;
        for (id, action) in self.faults.iter().rev() {
            let Action::Fault { fault, .. } = &**action else { continue };
            let concerns = match fault {
                Fault::Partition { .. } => true,
                Fault::Pause { node } => node == here,
                Fault::SlowCpu { node, .. } => node == here || node == there,
                Fault::ClockJump { node, .. } | Fault::ClockDrift { node, .. } => {
                    node == here || node == there
                }
                Fault::ClockFreeze { node, .. }
                | Fault::DiskStall { node }
                | Fault::DiskSlow { node, .. } => node == there,
                fault => fault.link().is_some_and(|link| one_of(&link.a) && one_of(&link.b)),
            };
            if concerns {
                why.push(*id);
            }
        }
        why
    }

    /// A fault was ended by hand.
    pub fn fault_ended(&mut self, ended: &Fault) {
        let is = |a: &Action| matches!(a, Action::Fault { fault, .. } if fault == ended);
        if let Some(first) = self.faults.iter().position(|(_, a)| is(a)) {
            self.faults.remove(first);
        }
    }

    /// Finds the causes of what happens now; `because` has the input of the turn.
    pub(super) fn add_causes(&self, at_us: u64, what: &TraceKind, because: &mut Because) {
        let node = |node: &u32| self.nodes.get(node);
        match what {
            TraceKind::Sent { channel: Channel::Bus, bus: Some(bus), from, to, .. } => {
                let Some(known) = node(from) else { return };
                match bus {
                    BusKind::Fail => because.mainly(known.failed_last),
                    BusKind::AuthRequest => because.mainly(known.candidate),
                    BusKind::AuthAck => because.mainly(self.voted.get(&(*from, *to)).copied().unwrap_or(0)),
                    // An answer.
                    BusKind::Pong | BusKind::Update if !known.news_for(*to) => {
                        because.mainly(self.heard.get(&(*to, *from)).copied().unwrap_or(0));
                    }
                    // The first heartbeat after it says that it is a master.
                    BusKind::Ping | BusKind::Pong if known.news_for(*to) => {
                        because.mainly(known.promoted);
                    }
                    _ => {}
                }
            }
            // An answer is caused by the question first of all, and by what the node had to wait for.
            TraceKind::Sent { channel: Channel::Resp, from, to, .. } if !self.is_node(*to) => {
                because.mainly(self.asked.get(&(*to, *from)).copied().unwrap_or(0));
            }
            TraceKind::Dropped { from, to, .. } => {
                because.and_all(self.silence(*to, *from).into_iter().take(2))
            }
            TraceKind::Closed { peer, .. } => {
                because.and(node(peer).filter(|n| !n.up).map_or(0, |n| n.process));
            }
            TraceKind::DiskDone { node, error: Some(_), .. } => {
                let name = self.names.get(*node as usize);
                let of_disk = |action: &Action| match action {
                    Action::Fault { fault, .. } => {
                        name.is_some_and(|name| fault.scope() == Scope::Disk { node: name.clone() })
                    }
                    _ => false,
                };
                because.and_all(self.faults.iter().rev().filter(|(_, a)| of_disk(a)).map(|f| f.0).take(1));
            }
            TraceKind::Node { node, event } => self.causes_of_event(at_us, *node, event, because),
            _ => {}
        }
    }

    fn is_node(&self, host: u32) -> bool {
        self.nodes.contains_key(&host)
    }

    fn causes_of_event(&self, at_us: u64, i: u32, event: &Event, because: &mut Because) {
        let none = Known::default();
        let me = self.nodes.get(&i).unwrap_or(&none);
        let at = |map: &BTreeMap<(u32, u32), u64>, a: u32, b: u32| map.get(&(a, b)).copied().unwrap_or(0);
        match event {
            Event::Opinion { about, opinion: Opinion::Suspected } => {
                let Some(x) = self.node_of(about) else { return };
                // The absence of an answer: what silenced it, the question, and the last sign of life.
                let silence = self.silence(i, x);
                for &why in silence.iter().skip(1) {
                    because.and(why);
                }
                let (ping, heard) = (at(&self.pings, i, x), at(&self.heard, x, i));
                because.mainly(silence.first().copied().unwrap_or(ping));
                because.and_all([
                    ping,
                    at(&self.lost, i, x),
                    at(&self.lost, x, i),
                    at(&self.ended, i, x),
                    heard,
                ]);
            }
            Event::Opinion { about, opinion: Opinion::Failed } => {
                let Some(x) = self.node_of(about) else { return };
                let mut reports: Vec<u64> =
                    self.reports.get(&(i, x)).into_iter().flat_map(|by| by.values().copied()).collect();
                reports.sort_unstable();
                // By a message, or because one more report makes a majority.
                if me.fail_heard != because.main {
                    because.mainly(reports.pop().unwrap_or(0));
                }
                because.and_all(reports.into_iter().rev());
                because.and(at(&self.suspected, i, x));
            }
            Event::Report { about, by, .. } => {
                let (Some(x), Some(j)) = (self.node_of(about), self.node_of(by)) else { return };
                because.and(self.opinion(j, x).unwrap_or(0));
            }
            Event::Candidate { .. } => {
                let failed = me.master.map_or(me.failed_last, |master| at(&self.failed, i, master));
                because.mainly(failed.max(me.mfstart));
            }
            Event::Voted { candidate, .. } => {
                let j = self.node_of(candidate);
                let master = j.and_then(|j| self.nodes.get(&j)).and_then(|n| n.master);
                because.and(master.map_or(0, |x| at(&self.failed, i, x)));
            }
            Event::VoteReceived { .. } => because.and(me.candidate),
            Event::Role { replica: false, .. } => self.won(me, because),
            Event::Promoted { .. } => {
                if me.role != 0 {
                    because.mainly(me.role);
                }
                self.won(me, because);
            }
            Event::Role { replica: true, master } => {
                let master = master.as_ref().and_then(|id| self.node_of(id));
                let master = master.and_then(|m| self.nodes.get(&m)).unwrap_or(&none);
                because.and(master.promoted.max(master.role));
            }
            Event::Slots { owner, .. } => {
                let owner = owner.as_ref().and_then(|id| self.node_of(id));
                match owner.and_then(|o| Some((o, self.nodes.get(&o)?))) {
                    Some((o, _)) if o == i && me.promoted_at_us == at_us => because.mainly(me.promoted),
                    Some((o, owner)) if o != i => because.and_all([owner.promoted, owner.slots]),
                    _ => {}
                }
            }
            Event::Epoch { current, .. } => because.and(self.epochs.get(current).copied().unwrap_or(0)),
            Event::ClusterState { ok: false } => {
                let mine = |map: &BTreeMap<(u32, u32), u64>| -> Vec<u64> {
                    map.range((i, 0)..=(i, u32::MAX)).map(|(_, &id)| id).collect()
                };
                let mut opinions = [mine(&self.failed), mine(&self.suspected)].concat();
                opinions.sort_unstable();
                because.mainly(opinions.pop().unwrap_or(0));
                because.and_all(opinions);
            }
            Event::ClusterState { ok: true } => because.and(me.slots),
            Event::MasterLink { up: false } => {
                because.and_all(me.master.into_iter().flat_map(|master| self.silence(i, master)).take(2));
            }
            Event::Opinion { opinion: Opinion::Ok, .. }
            | Event::MasterLink { up: true }
            | Event::Resync { .. }
            | Event::Ready { .. }
            | Event::Saved { .. }
            | Event::Executed(_)
            | Event::Applied { .. } => {}
        }
    }

    /// A master by votes: the last one decided, the others as well.
    fn won(&self, me: &Known, because: &mut Because) {
        if let Some((&last, others)) = me.votes.split_last() {
            because.mainly(last);
            because.and_all(others.iter().rev().copied());
            because.and(me.candidate);
        }
    }

    /// Takes in what has just happened.
    pub fn learn(&mut self, id: u64, at_us: u64, what: &TraceKind) {
        match what {
            TraceKind::Sent { channel: Channel::Bus, bus: Some(bus), from, to, .. } => {
                match bus {
                    BusKind::Ping | BusKind::Meet => {
                        self.pings.insert((*from, *to), id);
                    }
                    BusKind::Mfstart => self.known(*from).mfstart = id,
                    _ => {}
                }
                if matches!(bus, BusKind::Ping | BusKind::Pong) {
                    let known = self.known(*from);
                    if known.promoted != 0 {
                        known.told.insert(*to);
                    }
                }
            }
            TraceKind::Delivered { channel: Channel::Bus, bus, from, to, .. } => {
                if *bus == Some(BusKind::Fail) {
                    self.known(*to).fail_heard = id;
                }
                self.heard.insert((*from, *to), id);
                self.ended.remove(&(*to, *from));
                self.lost.remove(&(*from, *to));
            }
            TraceKind::Closed { host, peer, .. } => {
                self.ended.insert((*host, *peer), id);
            }
            TraceKind::Delivered { channel: Channel::Resp, from, to, .. } => {
                self.asked.insert((*from, *to), id);
            }
            TraceKind::Dropped { channel: Channel::Bus, from, to, .. } => {
                self.lost.insert((*from, *to), id);
            }
            TraceKind::Process { node, life } => {
                let known = self.known(*node);
                (known.process, known.up) = (id, *life == Life::Running);
                if !life.has_process() {
                    // A new process knows nothing of what the old one thought.
                    *known = Known { process: id, ..Known::default() };
                    for map in [&mut self.suspected, &mut self.failed] {
                        map.retain(|(who, _), _| who != node);
                    }
                    self.reports.retain(|(who, _), _| who != node);
                }
            }
            TraceKind::Action { action } => {
                if matches!(**action, Action::Fault { .. }) {
                    if self.faults.len() == FAULTS_MAX {
                        self.faults.remove(0);
                    }
                    self.faults.push((id, action.clone()));
                } else if let Action::Heal { scope } = &**action {
                    self.faults
                        .retain(|(_, a)| !matches!(&**a, Action::Fault { fault, .. } if scope.covers(fault)));
                }
            }
            TraceKind::FaultOver { fault, .. } => self.fault_ended(fault),
            TraceKind::Node { node, event } => self.learn_event(id, at_us, *node, event),
            _ => {}
        }
    }

    fn learn_event(&mut self, id: u64, at_us: u64, i: u32, event: &Event) {
        match event {
            Event::Opinion { about, opinion } => {
                let Some(x) = self.node_of(about) else { return };
                match opinion {
                    Opinion::Ok => {
                        self.suspected.remove(&(i, x));
                        self.failed.remove(&(i, x));
                        self.reports.remove(&(i, x));
                    }
                    Opinion::Suspected => {
                        self.suspected.insert((i, x), id);
                    }
                    Opinion::Failed => {
                        self.failed.insert((i, x), id);
                        self.known(i).failed_last = id;
                    }
                }
            }
            Event::Report { about, by, failing } => {
                let (Some(x), Some(j)) = (self.node_of(about), self.node_of(by)) else { return };
                let reports = self.reports.entry((i, x)).or_default();
                if *failing {
                    reports.insert(j, id);
                } else {
                    reports.remove(&j);
                }
            }
            Event::Candidate { .. } => {
                let known = self.known(i);
                known.candidate = id;
                known.votes.clear();
            }
            Event::Voted { candidate, .. } => {
                if let Some(j) = self.node_of(candidate) {
                    self.voted.insert((i, j), id);
                }
            }
            Event::VoteReceived { .. } => self.known(i).votes.push(id),
            Event::Promoted { .. } => {
                let known = self.known(i);
                (known.promoted, known.promoted_at_us) = (id, at_us);
                known.told.clear();
                known.votes.clear();
            }
            Event::Role { replica, master } => {
                let master = master.as_ref().and_then(|m| self.node_of(m));
                let known = self.known(i);
                known.role = id;
                if *replica {
                    known.promoted = 0;
                    // The replication link says it once more, by address.
                    known.master = master.or(known.master);
                    known.votes.clear();
                } else {
                    known.master = None;
                }
            }
            Event::Slots { .. } => self.known(i).slots = id,
            Event::Epoch { current, .. } => {
                if self.epochs.len() == EPOCHS_MAX
                    && let Some((&oldest, _)) = self.epochs.first()
                {
                    self.epochs.remove(&oldest);
                }
                self.epochs.entry(*current).or_insert(id);
            }
            Event::ClusterState { .. } => self.known(i).state = id,
            Event::MasterLink { .. } => self.known(i).link = id,
            Event::Resync { .. }
            | Event::Ready { .. }
            | Event::Saved { .. }
            | Event::Executed(_)
            | Event::Applied { .. } => {}
        }
    }
}
