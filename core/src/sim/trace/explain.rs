//! What happened, in words.

use super::{BusKind, Channel, Life, TraceKind, TraceRecord};
use crate::event::{Event, Opinion, SaveKind};
use crate::sim::fault::{Action, Scope, Target};
use crate::sim::world::World;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An action in a few words.
pub fn action_words(action: &Action) -> String {
    use Action as A;
    match action {
        A::Fault { fault, for_us: None } => fault.words(),
        A::Fault { fault, for_us: Some(us) } => format!("{}, for {} s", fault.words(), *us as f64 / 1e6),
        A::EndFault { fault } => format!("fault {fault} is ended"),
        A::Heal { scope } => match scope {
            Scope::Everything => "everything is healed".to_string(),
            Scope::Network => "the network is healed".to_string(),
            Scope::Link { a, b } => format!("the link between {a} and {b} is healed"),
            Scope::Node { node } => format!("{node} is healed"),
            Scope::Process { node } => format!("the process of {node} is healed"),
            Scope::Clock { node } => format!("the clocks of {node} are healed"),
            Scope::Disk { node } => format!("the disk of {node} is healed"),
        },
        A::Start { node } => format!("{node} is started"),
        A::Resume { node } => format!("{node} goes on"),
        A::Restart { node, .. } => format!("{node} is restarted"),
        A::WipeDisk { node } => format!("the disk of {node} is wiped"),
        A::WriteConf { node, .. } => format!("{node} gets another redis.conf"),
        A::SyncDisk { node } => format!("the disk of {node} is synced"),
        A::FlipBits { node, .. } => format!("bits flip on the disk of {node}"),
        A::ResetConnections { link, .. } => {
            format!("connections between {} and {} are reset", link.a, link.b)
        }
        A::DropMessage { message, .. } => format!("message {message} is dropped"),
        A::DelayMessage { message, by_us } => {
            format!("message {message} is delayed by {} ms", *by_us as f64 / 1e3)
        }
        A::DuplicateMessage { message } => format!("message {message} is duplicated"),
        A::OpenTerminal { target: Target::Node(node) } => format!("a terminal to {node} is opened"),
        A::OpenTerminal { target: Target::Cluster } => "a terminal to the cluster is opened".to_string(),
        A::TypeLine { terminal, line } => format!("“{line}” is typed into terminal {terminal}"),
        A::Interrupt { terminal } => format!("Ctrl-C is pressed in terminal {terminal}"),
        A::AddClient { name } => format!("client {name} appears"),
        A::Connect { client, node } => format!("client {client} connects to {node}"),
        A::Send { client, bytes } => format!("client {client} sends {} bytes", bytes.len()),
        A::Disconnect { client } => format!("client {client} closes its connection"),
        A::StartWorkload { name, workload } => {
            format!("the workload {name} begins with {} clients", workload.clients)
        }
        A::StopWorkload { name } => format!("the workload {name} is stopped"),
    }
}

/// A question about the present state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Question {
    /// Why is this node a master, or a replica?
    Role {
        /// Its name.
        node: String,
    },
    /// Why does somebody think that this node fails (PFAIL, FAIL)?
    Failing {
        /// Its name.
        node: String,
        /// Who thinks so; whoever does, and best of all has it as FAIL, if nobody is named.
        by: Option<String>,
    },
    /// Why does the cluster serve, or not, as this node sees it?
    State {
        /// Its name.
        node: String,
    },
    /// Why is the replication link of this node up or down?
    Link {
        /// Its name.
        node: String,
    },
    /// Why does this node's process run or not?
    Process {
        /// Its name.
        node: String,
    },
}

impl Question {
    /// The node that it is about.
    pub fn node(&self) -> &str {
        match self {
            Question::Role { node }
            | Question::Failing { node, .. }
            | Question::State { node }
            | Question::Link { node }
            | Question::Process { node } => node,
        }
    }
}

/// A record with what led to it. The main cause comes first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The record.
    pub record: TraceRecord,
    /// What it says, in a sentence without the instant.
    pub text: String,
    /// What led to it, as far as records are kept. A record that leads to several others stands under the one that is nearest to
    /// the question.
    pub causes: Vec<Why>,
}

/// How many records a tree of causes has at the most.
pub const WHY_LEN_MAX: usize = 500;

/// An instant as people read it: minutes, seconds, milliseconds.
pub fn instant_words(at_us: u64) -> String {
    let (minutes, ms) = (at_us / 60_000_000, at_us / 1000 % 60_000);
    format!("{minutes:02}:{:02}.{:03}", ms / 1000, ms % 1000)
}

impl Why {
    /// Whether it is a fact that people ask for, and not how it got about.
    fn tells(&self) -> bool {
        !matches!(
            self.record.what,
            TraceKind::Delivered { .. } | TraceKind::Disk { .. } | TraceKind::DiskDone { error: None, .. }
        )
    }

    /// The tree as lines, causes below what they caused and further in. Steps that only carry something (an arrival after its
    /// sending, a disk operation that went well) are left out.
    pub fn lines(&self) -> Vec<String> {
        let line = |(depth, why): (usize, &Why)| {
            let because = if depth == 0 { "" } else { "because " };
            let at = instant_words(why.record.at_us);
            format!("{}{because}{at} {}", "  ".repeat(depth), why.text)
        };
        self.told().into_iter().map(line).collect()
    }

    /// What [`Why::lines`] writes: each with how far in it stands.
    pub fn told(&self) -> Vec<(usize, &Why)> {
        let mut told = Vec::new();
        self.tell(0, &mut told);
        told
    }

    fn tell<'a>(&'a self, mut depth: usize, told: &mut Vec<(usize, &'a Why)>) {
        if self.tells() {
            told.push((depth, self));
            depth += 1;
        }
        for cause in &self.causes {
            cause.tell(depth, told);
        }
    }

    /// All records of the tree, each once, latest first.
    pub fn records(&self) -> Vec<&TraceRecord> {
        let mut records = std::collections::BTreeMap::new();
        let mut rest = vec![self];
        while let Some(why) = rest.pop() {
            records.insert(why.record.id, &why.record);
            rest.extend(&why.causes);
        }
        records.into_values().rev().collect()
    }
}

impl World {
    /// The record that answers a question; `None` if nobody has listened since it happened, or there is nothing to say.
    pub fn record_of(&self, question: &Question) -> Option<u64> {
        let seen = self.trace().seen()?;
        let node = self.node_index(question.node())?;
        match question {
            Question::Role { .. } => seen.role(node),
            Question::State { .. } => seen.state(node),
            Question::Link { .. } => seen.link(node),
            Question::Process { .. } => seen.process(node),
            Question::Failing { by: Some(by), .. } => seen.opinion(self.node_index(by)?, node),
            Question::Failing { by: None, .. } => {
                let opinions = seen.opinions_about(node);
                let failed = |id: u64| {
                    matches!(
                        self.trace().record(id).map(|r| &r.what),
                        Some(TraceKind::Node { event: Event::Opinion { opinion: Opinion::Failed, .. }, .. })
                    )
                };
                // The first who had it as FAIL had the reports of the others.
                let first = opinions.iter().map(|o| o.1).filter(|&id| failed(id)).min();
                first.or_else(|| opinions.iter().map(|o| o.1).min())
            }
        }
    }

    /// The record of that number with all that led to it; `None` if it is not kept.
    pub fn why(&self, record: u64) -> Option<Why> {
        // Breadth first, so that a record stands where it is nearest to the question.
        let root = self.trace().record(record)?;
        let mut known = BTreeSet::from([record]);
        let mut children: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut queue = VecDeque::from([root]);
        while let Some(record) = queue.pop_front() {
            let causes = std::iter::once(record.cause).chain(record.also.iter().copied());
            for cause in causes.filter_map(|cause| self.trace().record(cause)) {
                let of = children.entry(record.id).or_default();
                if known.len() < WHY_LEN_MAX && known.insert(cause.id) {
                    queue.push_back(cause);
                    of.push(cause.id);
                }
            }
        }
        Some(self.why_of(root, &children))
    }

    fn why_of(&self, record: &TraceRecord, children: &BTreeMap<u64, Vec<u64>>) -> Why {
        let causes = children.get(&record.id).into_iter().flatten();
        Why {
            text: self.sentence(record),
            causes: causes
                .filter_map(|&id| self.trace().record(id))
                .map(|cause| self.why_of(cause, children))
                .collect(),
            record: record.clone(),
        }
    }

    /// Why a record came about, in lines for people.
    pub fn explain(&self, record: u64) -> Vec<String> {
        self.why(record).map(|why| why.lines()).unwrap_or_default()
    }

    fn host_words(&self, host: u32) -> &str {
        self.net.hosts.get(host as usize).map_or("somebody", |host| host.name.as_str())
    }

    /// The name of a node by its node id or `ip:port`; what was given if it is nobody's.
    fn id_words<'a>(&'a self, id: &'a str) -> &'a str {
        let by_id = self.node_of_id(id).map(|node| self.host_words(node));
        let by_address = || {
            let (ip, _) = id.rsplit_once(':')?;
            self.net.resolve(ip).map(|host| self.host_words(host))
        };
        by_id.or_else(by_address).unwrap_or(id)
    }

    /// What a record says, in a sentence without the instant.
    pub fn sentence(&self, record: &TraceRecord) -> String {
        use TraceKind as K;
        let host = |host: &u32| self.host_words(*host);
        let message = |channel: &Channel, bus: &Option<BusKind>, len: usize| match (channel, bus) {
            (Channel::Bus, Some(kind)) => kind.words().to_string(),
            (Channel::Bus, None) => format!("{len} bytes of a bus message"),
            (Channel::Resp, _) => format!("{len} bytes"),
        };
        let client = |client: &u32| {
            let client = self.clients.get(*client as usize);
            client.map_or("a client", |client| self.host_words(client.link.host))
        };
        match &record.what {
            K::Sent { channel, bus, from, to, len, .. } => {
                format!("{} sent {} to {}", host(from), message(channel, bus, *len), host(to))
            }
            K::Delivered { channel, bus, from, to, len } => {
                format!("{} of {} reached {}", message(channel, bus, *len), host(from), host(to))
            }
            K::Dropped { channel, bus, from, to, len } => {
                let what = message(channel, bus, *len);
                format!("{what} from {} to {} was lost on the way", host(from), host(to))
            }
            K::Opened { from, to, .. } => format!("{} connected to {}", host(from), host(to)),
            K::Closed { host: at, peer, why } => {
                format!("the connection of {} to {} ended: {why}", host(at), host(peer))
            }
            K::Disk { node, op, path, .. } => format!("{} asked its disk: {op} {path}", host(node)),
            K::DiskDone { node, op, path, error: None } => format!("{}: {op} {path} was done", host(node)),
            K::DiskDone { node, op, path, error: Some(error) } => {
                format!("{}: {op} {path} failed: {}", host(node), error.strerror())
            }
            K::Command { client: c, text } => format!("{} sent the command {text}", client(c)),
            K::Reply { client: c, text, error: false } => format!("{} had the reply {text}", client(c)),
            K::Reply { client: c, text, error: true } => format!("{} had the error {text}", client(c)),
            K::Log { node, text, .. } => format!("{} logged: {text}", host(node)),
            K::Action { action } => action_words(action),
            K::FaultOver { fault, .. } => format!("it ended that {}", fault.words()),
            K::Process { node, life } => match life {
                Life::Running => format!("the process of {} began or went on", host(node)),
                Life::Paused => format!("the process of {} was stopped", host(node)),
                Life::Killed => format!("the process of {} was killed", host(node)),
                Life::PowerLost => format!("the host of {} lost power", host(node)),
                Life::Exited { code } => format!("the process of {} ended with code {code}", host(node)),
                Life::Refused { reason } => format!("{} refused to start: {reason}", host(node)),
            },
            K::Node { node, event } => self.event_sentence(host(node), event),
        }
    }

    fn event_sentence(&self, who: &str, event: &Event) -> String {
        let name = |id: &str| self.id_words(id).to_string();
        match event {
            Event::Ready { keys } => format!("{who} was ready with {keys} keys"),
            Event::Role { replica: false, .. } => format!("{who} became a master"),
            Event::Role { replica: true, master: Some(master) } => {
                format!("{who} became a replica of {}", name(master))
            }
            Event::Role { replica: true, master: None } => format!("{who} became a replica"),
            Event::ClusterState { ok: true } => format!("{who} found the cluster ok"),
            Event::ClusterState { ok: false } => format!("{who} found the cluster down"),
            Event::Epoch { current, config } => {
                format!("{who} has current epoch {current} and config epoch {config}")
            }
            Event::Opinion { about, opinion: Opinion::Suspected } => {
                format!("{who} had no PONG of {} within the node timeout: PFAIL", name(about))
            }
            Event::Opinion { about, opinion: Opinion::Failed } => {
                format!("{who} flagged {} as failed: FAIL", name(about))
            }
            Event::Opinion { about, opinion: Opinion::Ok } => {
                format!("{who} found {} well again", name(about))
            }
            Event::Report { about, by, failing: true } => {
                format!("{who} read in the gossip of {} that {} does not answer", name(by), name(about))
            }
            Event::Report { about, by, failing: false } => {
                format!("{who} read in the gossip of {} that {} is back", name(by), name(about))
            }
            Event::Candidate { epoch, rank } => {
                format!("{who} asked for votes for epoch {epoch}, with rank {rank}")
            }
            Event::Voted { epoch, candidate } => {
                format!("{who} gave {} its vote for epoch {epoch}", name(candidate))
            }
            Event::VoteReceived { epoch, voter, votes, needed } => {
                let voter = name(voter);
                format!("{who} had the vote of {voter} for epoch {epoch}: {votes} of {needed} needed")
            }
            Event::Promoted { epoch } => format!("{who} took over its master's slots under epoch {epoch}"),
            Event::MasterLink { up: true } => format!("{who} was connected to its master"),
            Event::MasterLink { up: false } => format!("{who} lost the link to its master"),
            Event::Resync { full: true, .. } => format!("{who} began a full resynchronisation"),
            Event::Resync { full: false, offset } => {
                format!("{who} went on with the master's stream from offset {offset}")
            }
            Event::Saved { kind, ok } => {
                let kind = match kind {
                    SaveKind::Rdb => "RDB file",
                    SaveKind::Aof => "append-only file",
                };
                if *ok {
                    format!("{who} saved its {kind}")
                } else {
                    format!("{who} failed to save its {kind}")
                }
            }
            Event::Slots { owner: Some(owner), count } => {
                format!("{who} learned that {count} slots are {}'s", name(owner))
            }
            Event::Executed(executed) => format!("{who} executed {}", executed.command),
            Event::Applied { offset, .. } => format!("{who} applied its master's stream up to {offset}"),
            Event::Slots { owner: None, count } => format!("{who} learned that {count} slots are nobody's"),
        }
    }
}

impl BusKind {
    /// As the cluster's own log calls it.
    pub fn words(self) -> &'static str {
        match self {
            BusKind::Ping => "a PING",
            BusKind::Pong => "a PONG",
            BusKind::Meet => "a MEET",
            BusKind::Fail => "a FAIL message",
            BusKind::Publish => "a PUBLISH",
            BusKind::AuthRequest => "a vote request",
            BusKind::AuthAck => "a vote",
            BusKind::Update => "an UPDATE",
            BusKind::Mfstart => "the request for a manual failover",
            BusKind::Module => "a module's message",
            BusKind::PublishShard => "an SPUBLISH",
            BusKind::Unknown => "a message of an unknown kind",
        }
    }
}
