//! Forming a cluster, as an operator does: real commands to real nodes, in the order of `redis-cli --cluster create`
//! (`clusterManagerCommandCreate`, redis-cli.c 7.0.15).
//!
//! Goals of the procedure, each reached before the next begins:
//! 1. every node answers and says its id;
//! 2. every master has its slots (CLUSTER ADDSLOTSRANGE);
//! 3. every node has an epoch of its own (CLUSTER SET-CONFIG-EPOCH);
//! 4. every node but the first has met the first (CLUSTER MEET);
//! 5. after a second, and then each second, all nodes agree on who has which slots;
//! 6. every replica replicates its master (CLUSTER REPLICATE), tried again while it does not know the master yet;
//! 7. every node says that the cluster is ok, and every replica's link to its master is up.
//!
//! A cluster that has all its slots is left as it is, so the procedure does no harm to nodes that come back from their disks.

use crate::resp::Value;
use crate::sim::client::{ClientEvent, Io};
use crate::store::slot::SLOTS;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many slots a cluster has.
const SLOT_COUNT: u32 = SLOTS as u32;
/// A node that does not answer is asked again after this, in microseconds.
const RETRY_US: u64 = 100_000;
/// No answer after this counts as none, in microseconds.
const ANSWER_TIMEOUT_US: u64 = 2_000_000;
/// redis-cli's pause before and between looks at the cluster, in microseconds.
const JOIN_PAUSE_US: u64 = 1_000_000;
/// How many questions are tried in vain, in all, before the operator gives up.
const FAILURE_COUNT_MAX: u32 = 10_000;

/// One shard to be: a master and its replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The names of its nodes, the master first.
    pub nodes: Vec<String>,
    /// Its slots, first and last.
    pub slots: (u16, u16),
}

/// The cluster that is to be formed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formation {
    /// Its shards.
    pub shards: Vec<Shard>,
    /// Whether it was formed before the world begins, so that each node finds all others in its nodes.conf.
    #[serde(default)]
    pub formed: bool,
}

impl Formation {
    /// Shards with equal shares of the slots, cut as redis-cli cuts them.
    pub fn even(shards: Vec<Vec<String>>) -> Formation {
        let count = shards.len().max(1) as u32;
        let mut first = 0;
        let mut made = Vec::new();
        for (i, nodes) in (0u32..).zip(shards) {
            // lround(cursor + share - 1), in whole numbers: rounds half away from zero.
            let last = ((i + 1) * SLOT_COUNT * 2 + count) / (count * 2) - 1;
            let last = if i + 1 == count { SLOT_COUNT - 1 } else { last.max(first) };
            made.push(Shard { nodes, slots: (first as u16, last.min(SLOT_COUNT - 1) as u16) });
            first = last + 1;
        }
        Formation { shards: made, formed: false }
    }
}

/// How far the forming is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FormationStatus {
    /// What is being done, in words.
    pub phase: &'static str,
    /// When the cluster was ready, in virtual microseconds.
    pub done_at_us: Option<u64>,
    /// Why it was given up.
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    ip: String,
    port: u16,
    bus_port: u16,
    id: Option<String>,
    slots: Option<(u16, u16)>,
    /// The number of its master.
    master: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Reach,
    Slots,
    Epochs,
    Meet,
    Join,
    Replicate,
    Check,
    Done,
}

impl Goal {
    fn words(self) -> &'static str {
        match self {
            Goal::Reach => "waiting for the nodes",
            Goal::Slots => "assigning slots",
            Goal::Epochs => "assigning config epochs",
            Goal::Meet => "sending CLUSTER MEET",
            Goal::Join => "waiting for the cluster to join",
            Goal::Replicate => "making replicas",
            Goal::Check => "waiting for the cluster to be ok",
            Goal::Done => "done",
        }
    }
}

/// The operator.
#[derive(Clone)]
pub(crate) struct Former {
    members: Vec<Member>,
    goal: Goal,
    /// The member that is asked now.
    at: usize,
    /// Questions for it that are still to be put.
    questions: VecDeque<Vec<String>>,
    /// The member that the connection leads to.
    connected: Option<usize>,
    waiting: bool,
    /// What the first member said to the question of goal 5.
    signature: Option<Vec<String>>,
    failures: u32,
    done_at_us: Option<u64>,
    error: Option<String>,
}

impl Former {
    pub fn new(formation: Formation, nodes: Vec<(String, String, u16, u16)>) -> Former {
        let place = |name: &str| nodes.iter().position(|n| n.0 == name);
        let mut members: Vec<Member> = Vec::new();
        for (name, ip, port, bus_port) in &nodes {
            let shard = formation.shards.iter().find(|s| s.nodes.contains(name));
            let is_master = shard.is_some_and(|s| s.nodes.first() == Some(name));
            members.push(Member {
                name: name.clone(),
                ip: ip.clone(),
                port: *port,
                bus_port: *bus_port,
                id: None,
                slots: shard.filter(|_| is_master).map(|s| s.slots),
                master: shard.filter(|_| !is_master).and_then(|s| place(s.nodes.first()?)),
            });
        }
        // Nodes that are in no shard are not the operator's business; the numbers of masters move with them.
        let listed = |name: &str| formation.shards.iter().any(|s| s.nodes.iter().any(|n| n == name));
        let names: Vec<String> = members.iter().map(|m| m.name.clone()).collect();
        let kept: Vec<usize> = (0..members.len()).filter(|&i| listed(&names[i])).collect();
        for member in &mut members {
            member.master = member.master.and_then(|m| kept.iter().position(|&k| k == m));
        }
        let members = kept.iter().map(|&i| members[i].clone()).collect();
        Former {
            members,
            goal: Goal::Reach,
            at: 0,
            questions: VecDeque::new(),
            connected: None,
            waiting: false,
            signature: None,
            failures: 0,
            done_at_us: None,
            error: None,
        }
    }

    pub fn status(&self) -> FormationStatus {
        FormationStatus { phase: self.goal.words(), done_at_us: self.done_at_us, error: self.error.clone() }
    }

    pub fn on(&mut self, io: &mut Io<'_>, event: ClientEvent) {
        if self.goal == Goal::Done || self.error.is_some() {
            return;
        }
        match event {
            ClientEvent::Timer if self.waiting => {
                // No answer.
                io.disconnect();
                self.connected = None;
                self.failed(io, "no answer");
            }
            ClientEvent::Timer => self.ask(io),
            ClientEvent::Connected => self.put_question(io),
            ClientEvent::Data(bytes) => {
                for reply in io.replies(&bytes) {
                    self.answered(io, &reply);
                }
            }
            ClientEvent::Closed(error) => {
                self.connected = None;
                self.failed(io, error.strerror());
            }
            _ => {}
        }
    }

    /// The question for the present member under the present goal. `None` if there is none.
    fn question(&self) -> Option<Vec<String>> {
        let member = &self.members[self.at];
        let words = |text: String| Some(text.split(' ').map(str::to_string).collect());
        match self.goal {
            Goal::Reach => words("CLUSTER MYID".to_string()),
            Goal::Slots => member.slots.and_then(|(a, b)| words(format!("CLUSTER ADDSLOTSRANGE {a} {b}"))),
            Goal::Epochs => words(format!("CLUSTER SET-CONFIG-EPOCH {}", self.at + 1)),
            Goal::Meet => {
                let first = &self.members[0];
                let bus = match first.bus_port {
                    bus if u32::from(bus) == u32::from(first.port) + 10_000 => String::new(),
                    bus => format!(" {bus}"),
                };
                if self.at == 0 {
                    None
                } else {
                    words(format!("CLUSTER MEET {} {}{bus}", first.ip, first.port))
                }
            }
            Goal::Join => words("CLUSTER NODES".to_string()),
            Goal::Replicate => {
                let id = self.members[member.master?].id.as_ref()?;
                words(format!("CLUSTER REPLICATE {id}"))
            }
            Goal::Check if member.master.is_some() => words("INFO replication".to_string()),
            Goal::Check => words("CLUSTER INFO".to_string()),
            Goal::Done => None,
        }
    }

    /// Puts the present question, on a connection to the present member.
    fn ask(&mut self, io: &mut Io<'_>) {
        if self.members.is_empty() {
            return self.done(io);
        }
        if self.questions.is_empty() {
            match self.question() {
                Some(question) => self.questions.push_back(question),
                None => return self.next_member(io),
            }
            if self.goal == Goal::Reach {
                // Is there a cluster already?
                self.questions.push_back(vec!["CLUSTER".to_string(), "INFO".to_string()]);
            }
        }
        self.waiting = true;
        io.timer(ANSWER_TIMEOUT_US);
        if self.connected == Some(self.at) && io.link.up {
            return self.put_question(io);
        }
        let member = &self.members[self.at];
        io.connect(&member.ip, member.port);
        self.connected = Some(self.at);
    }

    fn put_question(&mut self, io: &mut Io<'_>) {
        if let Some(question) = self.questions.front() {
            io.command(question);
        }
    }

    fn failed(&mut self, io: &mut Io<'_>, why: &str) {
        self.waiting = false;
        self.failures += 1;
        if self.failures > FAILURE_COUNT_MAX {
            let question = self.questions.front().map(|q| q.join(" ")).unwrap_or_default();
            self.error = Some(format!("{}: {question}: {why}", self.members[self.at].name));
            io.disconnect();
            return io.no_timer();
        }
        io.timer(RETRY_US);
    }

    fn answered(&mut self, io: &mut Io<'_>, reply: &Value) {
        if !self.waiting {
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let error = reply.as_error().map(text);
        let body = reply.as_bytes().map(text).unwrap_or_default();
        match (self.goal, &error) {
            (Goal::Reach, Some(why)) => return self.failed(io, why),
            (Goal::Reach, None) if self.questions.len() == 2 => self.members[self.at].id = Some(body),
            (Goal::Reach, None) => {
                let assigned =
                    value_of(&body, "cluster_slots_assigned").and_then(|v| v.parse().ok()).unwrap_or(0);
                let known = value_of(&body, "cluster_known_nodes").and_then(|v| v.parse().ok()).unwrap_or(0);
                if assigned == SLOT_COUNT && known >= self.members.len() {
                    return self.done(io);
                }
            }
            // As redis-cli, which goes on: the slots may be assigned and the epoch set from an earlier attempt.
            (Goal::Slots, Some(why)) if !why.contains("already busy") => return self.failed(io, why),
            (Goal::Slots | Goal::Epochs, _) => {}
            (Goal::Meet | Goal::Replicate | Goal::Check | Goal::Join, Some(why)) => {
                return self.failed(io, why);
            }
            (Goal::Join, None) => {
                let signature = signature(&body);
                let first = self.signature.get_or_insert_with(|| signature.clone());
                if *first != signature {
                    return self.look_again(io);
                }
            }
            (Goal::Check, None) => {
                let ready = if self.members[self.at].master.is_some() {
                    value_of(&body, "master_link_status") == Some("up")
                } else {
                    value_of(&body, "cluster_state") == Some("ok")
                };
                if !ready {
                    return self.failed(io, "not ready");
                }
            }
            (Goal::Meet | Goal::Replicate, None) | (Goal::Done, _) => {}
        }
        self.waiting = false;
        self.questions.pop_front();
        if self.questions.is_empty() { self.next_member(io) } else { self.ask(io) }
    }

    /// The nodes do not agree yet: from the first one again, in a second.
    fn look_again(&mut self, io: &mut Io<'_>) {
        self.waiting = false;
        self.signature = None;
        self.questions.clear();
        self.at = 0;
        io.timer(JOIN_PAUSE_US);
    }

    fn next_member(&mut self, io: &mut Io<'_>) {
        self.at += 1;
        if self.at < self.members.len() {
            return self.ask(io);
        }
        self.at = 0;
        self.signature = None;
        self.goal = match self.goal {
            Goal::Reach => Goal::Slots,
            Goal::Slots => Goal::Epochs,
            Goal::Epochs => Goal::Meet,
            Goal::Meet => Goal::Join,
            Goal::Join => Goal::Replicate,
            Goal::Replicate => Goal::Check,
            Goal::Check | Goal::Done => return self.done(io),
        };
        // Time for the first handshakes, so that nodes do not agree only because none has heard of another.
        if self.goal == Goal::Join { io.timer(JOIN_PAUSE_US) } else { self.ask(io) }
    }

    fn done(&mut self, io: &mut Io<'_>) {
        self.goal = Goal::Done;
        self.waiting = false;
        self.done_at_us = Some(io.now_us());
        io.no_timer();
        io.disconnect();
    }
}

/// The value of a `key:value` line.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim_end().strip_prefix(key)?.strip_prefix(':'))
}

/// Who has which slots, in the reply to CLUSTER NODES (`clusterManagerGetConfigSignature`).
fn signature(nodes: &str) -> Vec<String> {
    let mut owners = Vec::new();
    for line in nodes.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let mut slots: Vec<&str> =
            fields.iter().skip(8).copied().filter(|s| !s.starts_with('[') && !s.is_empty()).collect();
        if !slots.is_empty() {
            slots.sort_unstable();
            owners.push(format!("{}:{}", fields[0], slots.join(",")));
        }
    }
    owners.sort();
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_cut_as_redis_cli_cuts_them() {
        let names = |n: usize| (0..n).map(|i| vec![format!("M{i}")]).collect::<Vec<_>>();
        let slots = |n| Formation::even(names(n)).shards.iter().map(|s| s.slots).collect::<Vec<_>>();
        assert_eq!(slots(3), [(0, 5460), (5461, 10922), (10923, 16383)]);
        assert_eq!(slots(5), [(0, 3276), (3277, 6553), (6554, 9829), (9830, 13106), (13107, 16383)]);
        assert_eq!(slots(1), [(0, 16383)]);
        for n in [2, 4, 7, 100, 999] {
            let cut = slots(n);
            assert!(cut.windows(2).all(|w| w[0].1 + 1 == w[1].0), "{n}");
        }
    }

    #[test]
    fn the_signature_names_owners_only() {
        let nodes = "b 10.0.0.2:7002@17002 master - 0 0 2 connected 10-20 5 [7->-x]\n\
                     a 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-4\n\
                     c 10.0.0.3:7003@17003 slave a 0 0 1 connected\n";
        assert_eq!(signature(nodes), ["a:0-4", "b:10-20,5"]);
    }
}
