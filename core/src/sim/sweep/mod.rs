//! The sweep: random worlds under random faults, judged by the checkers and the ledger; what is found is made small.
//!
//! A seed is a [`Case`]: a topology, redis.conf, workloads and faults, drawn by [`draw`]. [`Case::run`] plays it, ends the faults, waits
//! until the cluster is whole again, and gives a [`Verdict`]. A case that fails is made smaller by [`shrink`] (fewer deeds, shorter,
//! fewer shards, fewer clients) as long as it fails in the same way, and becomes a [`Scenario`] for people: a file, a link, a test.
//!
//! Two kinds of disks are drawn apart. Honest ones fail in every way, but keep what they said they kept, and of what nobody promised a
//! loss of power takes the end; all rules hold over them. The others forget what they promised, flip bits, or keep any piece of what
//! was not synced: that leaves files which Redis refuses to load until an operator has repaired them, so a cluster need not become
//! whole, and only rules that no disk can touch are judged.

pub mod draw;
mod more;
mod seen;
pub mod shrink;

use crate::sim::check::linear::Staleness;
use crate::sim::check::{self, Checks, Rule};
use crate::sim::ledger::CauseKind;
use crate::sim::trace::Channel;
use crate::sim::{Action, Link, Scenario, Scope, Setup, Target, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// How long the world must have been whole before it is judged, in virtual microseconds.
const SETTLE_US: u64 = 5_000_000;
/// How often the end of a run looks whether the world is whole, in virtual microseconds.
const LOOK_US: u64 = 1_000_000;

/// Something done to the world of a case. What the world refuses at that instant is left out.
///
/// Numbers that only a run gives stand for others until then: a message is one of those in flight, counted from the oldest (and from the
/// beginning again); a terminal is that of the node with this place in the setup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// What.
    pub action: Action,
}

/// One run to be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What the world is made of.
    pub setup: Setup,
    /// What is done to it, in order.
    pub deeds: Vec<Deed>,
    /// When all faults end, in virtual microseconds; the run goes on until the world is whole.
    pub until_us: u64,
    /// Which rules are checked, and how often.
    pub checks: Checks,
    /// Whether the disks keep what they said they kept, and lose of the rest the end.
    pub honest: bool,
    /// Whether what clients saw of each key must have an order: one master, and every reply durable.
    pub ordered: bool,
    /// The greatest node timeout, in milliseconds: it bounds how long a cluster may take to be whole.
    pub node_timeout_ms: u64,
}

/// What can be wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Complaint {
    /// A rule was broken.
    Rule(Rule),
    /// The cluster was never formed.
    NotFormed,
    /// The ledger says that a write is lost and cannot say why.
    UnknownCause,
    /// A write is lost that a disk had promised to keep: every node syncs before it answers (`appendfsync always`), and the disks are
    /// honest. What replication loses is no such write.
    BrokenPromise,
    /// What clients saw of a key has no order.
    NoOrder,
    /// No client had anything acknowledged: such a run shows nothing.
    Idle,
    /// The engine panicked, or no world could be made: said by who runs the sweep.
    Panic,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: Complaint,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// A sentence.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.what, self.at_us as f64 / 1e6, self.text)
    }
}

/// What an operator had to do, because Redis 7.0.15 stands still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Help {
    /// Closing a bus connection whose other host lost its power. If that host's kernel had acknowledged the PING that is out, nothing is
    /// ever sent there again; what the node sends over its own connection counts as a sign of life, so the link is not made anew either,
    /// and the node stays suspected (`clusterCron`, cluster.c 7.0.15: `data_delay`).
    ///
    /// Seen of redis-server 7.0.15: three masters with a node timeout of 5 s, one of them killed until it was FAIL; a proxy in front of its
    /// bus port took the next connection of the other two and swallowed the PING, and the master was started within half a second. It
    /// said `cluster_state:ok`; the others said `fail` and `master,fail`, with the connection open and no keepalive on it (`ss -o`: the
    /// end that accepts has one), one for 15 to 30 s and the other for 45 to 60 s. What frees them is chance: once the master, which picks at
    /// random whom to ping, was silent to each for more than half a node timeout. With a node timeout of 2 s that came at once.
    HalfOpenLink,
    /// Restarting a master whose append-only file failed last. It refuses writes, and PING with them, until a write to the
    /// file succeeds; if what was to be written is gone, because the rewrite that it belonged to failed
    /// (`backgroundRewriteDoneHandler`, aof.c 7.0.15: `aof_buf`), there is none (`writeCommandsDeniedByDiskError`, server.c).
    ///
    /// Seen of redis-server 7.0.15 under `appendfsync everysec`: CONFIG SET appendonly yes while no file could grow (RLIMIT_FSIZE), a SET of
    /// 20,000 bytes, the rewrite failed, the limit was lifted. A minute later the rewrite succeeded by itself (INFO:
    /// `aof_last_bgrewrite_status:ok`, `aof_buffer_length:0`) and `aof_last_write_status:err` stayed: SET and PING went on being answered
    /// `MISCONF Errors writing to the AOF file: File too large`. CONFIG SET appendonly no, then yes, ended it, as a restart does. Without the
    /// rewrite, the buffer kept what was to be written and the next second's try ended it.
    WriteErrorStays,
    /// CLUSTER SETSLOT STABLE for slots that a master takes for being imported though nobody moves them: at a start it does so with slots of
    /// others that it has keys of (`verifyClusterConfigWithData`, cluster.c 7.0.15), and no other owner is noted for such a slot
    /// (`clusterUpdateSlotsConfigWith`), so that it says for ever that the cluster is down. A master has keys of others' slots where a
    /// replica took over that had never been synchronised ([`CauseKind::NeverSynced`]).
    ImportingStays,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The hash of its trace.
    pub hash: u64,
    /// How many events happened.
    pub events: u64,
    /// Where it ended, in virtual microseconds.
    pub at_us: u64,
    /// How many operations clients had acknowledged.
    pub operations: u64,
    /// How many acknowledged writes are lost, by cause.
    pub lost: BTreeMap<CauseKind, u64>,
    /// How stale the reads were of clients that read from replicas.
    pub replica_reads: Staleness,
    /// How often an operator had to help.
    pub helped: BTreeMap<Help, u64>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Case {
    /// Plays the case and judges it.
    ///
    /// # Errors
    /// If no world can be made of the setup.
    pub fn run(&self) -> Result<(World, Verdict), String> {
        self.run_in(|_| {})
    }

    /// The same in a world to which something was done before it began.
    ///
    /// # Errors
    /// If no world can be made of the setup.
    pub fn run_in(&self, prepare: impl FnOnce(&mut World)) -> Result<(World, Verdict), String> {
        let mut world = World::new(self.setup.clone())?;
        prepare(&mut world);
        world.keep_ledger(true);
        world.check(Some(self.checks.clone()));
        world.record_history(self.ordered || self.reads_replicas());
        let mut findings = Vec::new();
        world.run_until(self.deeds.first().map_or(self.until_us, |deed| deed.at_us.min(self.until_us)));
        self.sync_all(&mut world);
        let mut terminals = BTreeMap::new();
        for deed in self.deeds.iter().filter(|deed| deed.at_us <= self.until_us) {
            world.run_until(deed.at_us);
            // A drawn deed may make no sense at its instant: who is dead cannot be killed.
            if let Some(action) = self.numbered(&mut world, &mut terminals, &deed.action) {
                let _ = world.act(action);
            }
        }
        world.run_until(self.until_us);
        self.end_faults(&mut world);
        let mut verdict = Verdict::default();
        if let Some(text) = self.wait_until_whole(&mut world, &mut verdict.helped) {
            findings.push(Finding { what: Complaint::Rule(Rule::Whole), at_us: world.now_us(), text });
        }
        if world.formation().is_some_and(|formation| formation.done_at_us.is_none()) {
            let text = format!("{:?}", world.formation());
            findings.push(Finding { what: Complaint::NotFormed, at_us: world.now_us(), text });
        }
        world.check_now();
        findings.extend(world.violations().iter().filter(|violation| self.judges(violation.rule)).map(
            |violation| Finding {
                what: Complaint::Rule(violation.rule),
                at_us: violation.at_us,
                text: format!("{}: {}", violation.node, violation.text),
            },
        ));
        self.judge_ledger(&world, &mut verdict, &mut findings);
        verdict.operations = world.workload_totals().run.ok;
        if verdict.operations == 0 && seen::workloads(&self.deeds).next().is_some() {
            let text = "no operation was acknowledged".to_string();
            findings.push(Finding { what: Complaint::Idle, at_us: world.now_us(), text });
        }
        if self.ordered || self.reads_replicas() {
            let keys = seen::by_key(&mut world);
            if self.ordered {
                seen::judge_order(&keys, &mut findings);
            }
            verdict.replica_reads = seen::staleness(&keys, &self.deeds);
        }
        findings.sort_by_key(|finding| finding.at_us);
        verdict = Verdict {
            hash: world.hash(),
            events: world.events(),
            at_us: world.now_us(),
            findings,
            ..verdict
        };
        Ok((world, verdict))
    }

    /// An action of a deed with the numbers of this run; `None` if nothing has such a number now. See [`Deed`].
    fn numbered(
        &self,
        world: &mut World,
        terminals: &mut BTreeMap<u32, u32>,
        action: &Action,
    ) -> Option<Action> {
        let mut action = action.clone();
        match &mut action {
            Action::DropMessage { message, .. }
            | Action::DelayMessage { message, .. }
            | Action::DuplicateMessage { message } => {
                let in_flight = world.view().in_flight;
                let place = *message as usize % in_flight.len().max(1);
                *message = in_flight.get(place)?.id;
            }
            Action::TypeLine { terminal, .. } => {
                let node = self.setup.nodes.get(*terminal as usize)?.name.clone();
                if let Entry::Vacant(entry) = terminals.entry(*terminal) {
                    entry.insert(world.terminal(Target::Node(node)).ok()?);
                }
                *terminal = *terminals.get(terminal)?;
            }
            _ => {}
        }
        Some(action)
    }

    /// Whether a rule holds over this case's disks, and what its operators did.
    fn judges(&self, rule: Rule) -> bool {
        // CLUSTER FAILOVER TAKEOVER takes an epoch without asking: two of them may take the same.
        if rule == Rule::SlotOwner && self.deeds.iter().any(|deed| takes_over(&deed.action)) {
            return false;
        }
        self.honest || matches!(rule, Rule::ReplicaData | Rule::Acks | Rule::Offsets)
    }

    /// Everything that is wrong ends, and who is down is started.
    fn end_faults(&self, world: &mut World) {
        let _ = world.act(Action::Heal { scope: Scope::Everything });
        for name in world.workloads() {
            let _ = world.act(Action::StopWorkload { name });
        }
        self.start_all(world);
    }

    /// Syncs all disks once the cluster is formed, as an operator does by waiting until the kernel has written everything back.
    ///
    /// CLUSTER REPLICATE writes nodes.conf without an fsync (`clusterCommand`, cluster.c 7.0.15). A replica that loses it with the power
    /// comes back as a master without slots; for the keys in its files it takes its master's slots for being imported
    /// (`verifyClusterConfigWithData`), and such a slot goes to no other owner but by hand (`clusterUpdateSlotsConfigWith`): after the
    /// next failover of that master it says for ever that the cluster is down. So does redis-server 7.0.15; what
    /// this sweep asks is what comes after.
    fn sync_all(&self, world: &mut World) {
        for node in &self.setup.nodes {
            let _ = world.act(Action::SyncDisk { node: node.name.clone() });
        }
    }

    fn start_all(&self, world: &mut World) {
        for node in &self.setup.nodes {
            let _ = world.act(Action::Start { node: node.name.clone() });
        }
    }

    /// Lets time pass until the world is whole and has been for a while; what keeps it from that otherwise.
    fn wait_until_whole(&self, world: &mut World, helped: &mut BTreeMap<Help, u64>) -> Option<String> {
        let within_us = check::whole_within_us(self.node_timeout_ms) + SETTLE_US;
        let mut limit_us = world.now_us() + within_us;
        let mut whole_since = None;
        loop {
            match check::trouble(world) {
                None => {
                    let since = *whole_since.get_or_insert(world.now_us());
                    if world.now_us() >= since + SETTLE_US {
                        return None;
                    }
                }
                Some(text) => {
                    whole_since = None;
                    if let Some(until_us) = check::held_up_until_us(world) {
                        limit_us = limit_us.max(until_us + within_us);
                    }
                    if world.now_us() >= limit_us {
                        if !self.honest {
                            return None;
                        }
                        if !helped.is_empty() {
                            return Some(text);
                        }
                        help(world, helped);
                        if helped.is_empty() {
                            return Some(text);
                        }
                        limit_us = world.now_us() + within_us;
                    }
                    // A shutdown waits for replicas, and a process may find out late that its disk failed: they end after
                    // the faults did.
                    self.start_all(world);
                }
            }
            world.run_for(LOOK_US);
        }
    }

    /// Whether some clients read from replicas.
    fn reads_replicas(&self) -> bool {
        seen::workloads(&self.deeds).any(|workload| workload.read_from_replicas)
    }

    /// Whether every node promises that what it has answered is on its disk.
    fn always(&self) -> bool {
        self.setup.nodes.iter().all(|node| node.conf.lines().any(|line| line == "appendfsync always"))
    }

    fn judge_ledger(&self, world: &World, verdict: &mut Verdict, findings: &mut Vec<Finding>) {
        for loss in world.ledger_summary().into_iter().flat_map(|summary| summary.losses) {
            *verdict.lost.entry(loss.cause.kind).or_default() += loss.count;
            if !self.honest {
                continue;
            }
            let what = match loss.cause.kind {
                CauseKind::Unknown => Complaint::UnknownCause,
                CauseKind::AsyncReplication
                | CauseKind::MinorityMaster
                | CauseKind::StaleReplica
                | CauseKind::NeverSynced => continue,
                _ if self.always() => Complaint::BrokenPromise,
                _ => continue,
            };
            let text = format!("{} writes of {}: {}", loss.count, loss.node, loss.cause.text);
            findings.push(Finding { what, at_us: loss.first_us, text });
        }
    }
}

/// Whether somebody types CLUSTER FAILOVER TAKEOVER.
fn takes_over(action: &Action) -> bool {
    matches!(action, Action::TypeLine { line, .. } if line.ends_with("TAKEOVER"))
}

/// Does what an operator has to do where a cluster that has had its time stands still; see [`Help`].
fn help(world: &mut World, helped: &mut BTreeMap<Help, u64>) {
    let name = |world: &World, host: u32| world.net.hosts.get(host as usize).map(|host| host.name.clone());
    for (a, b) in world.net.half_open(Channel::Bus) {
        if let (Some(a), Some(b)) = (name(world, a), name(world, b)) {
            let link = Link::both(&a, &b);
            if world.act(Action::ResetConnections { link, channel: Some(Channel::Bus) }).is_ok() {
                *helped.entry(Help::HalfOpenLink).or_default() += 1;
            }
        }
    }
    let stuck = world.procs.iter().filter(|process| {
        let node = process.node.as_deref().filter(|node| !node.is_replica());
        node.is_some_and(|node| node.aof.is_settled() && node.aof.write_error().is_some())
    });
    for node in stuck.map(|process| process.name.clone()).collect::<Vec<_>>() {
        if world.act(Action::Restart { node, conf: None, empty_disk: false }).is_ok() {
            *helped.entry(Help::WriteErrorStays).or_default() += 1;
        }
    }
    let importing = world.procs.iter().filter_map(|process| {
        let slots: Vec<u16> = process.node.as_deref()?.cluster()?.importing().collect();
        (!slots.is_empty()).then(|| (process.name.clone(), slots))
    });
    for (name, slots) in importing.collect::<Vec<_>>() {
        let Ok(terminal) = world.terminal(Target::Node(name)) else { continue };
        for slot in slots {
            let line = format!("CLUSTER SETSLOT {slot} STABLE");
            if world.act(Action::TypeLine { terminal, line }).is_ok() {
                *helped.entry(Help::ImportingStays).or_default() += 1;
            }
        }
    }
}

impl Case {
    /// The run as a scenario for people: every deed at its place, and the hash at the end.
    ///
    /// # Errors
    /// If no world can be made of the setup, or the run is too long for a scenario.
    pub fn scenario(&self, title: &str) -> Result<Scenario, String> {
        let (world, _) = self.run()?;
        let mut scenario = Scenario::of(&world)?;
        scenario.title = title.to_string();
        Ok(scenario)
    }
}
