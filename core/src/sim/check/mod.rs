//! Checkers: what must hold in every run, whatever fails.
//!
//! They look at what passes the boundary of a node (messages, disk operations, replies) and at the nodes themselves, at the end of each
//! turn that may have changed what a rule is about; the costly rules (data equal to data) sample. A rule that is broken gives a
//! [`Violation`]: what, where, when, and the trace's record to look from. Checking never changes a run.
//!
//! The rules, each of them true of Redis 7.0.15 as long as disks keep what they said they kept:
//!
//! - [`Rule::SlotOwner`]: no slot is claimed by two masters under one config epoch, in the whole run. (CLUSTER FAILOVER TAKEOVER and
//!   CLUSTER BUMPEPOCH can break it in Redis too: they take an epoch without asking.)
//! - [`Rule::Epochs`]: a node's current epoch and config epoch never fall while it runs; and a restart does not forget an epoch that it
//!   was elected with and announced.
//! - [`Rule::Votes`]: a master sends at most one vote an epoch, restarts included; the epochs that it votes in rise, and the last one that it
//!   sent a vote for is still known after a restart.
//! - [`Rule::Election`]: a replica that asked for votes becomes a master under the epoch it asked for, and a majority has sent its vote.
//! - [`Rule::Ids`]: no two nodes have one id.
//! - [`Rule::Offsets`]: within one history, a node's replication offset does not fall but by a full resynchronisation or a restart.
//! - [`Rule::Acks`]: a replica acknowledges no more than it has, and its master has sent.
//! - [`Rule::ReplicaData`]: a replica at its master's offset has its master's data (DEBUG DIGEST; sampled).
//! - [`Rule::Reload`]: the files bring back what is in memory (sampled; and each time an RDB file was saved that nothing came after).
//! - [`Rule::Durable`]: under `appendfsync always` a reply to a write leaves after the fsync that covers it.
//! - [`Rule::Whole`]: once no fault is active and all processes run, the cluster is whole within a bound ([`whole_within_us`]).
//!
//! A cluster whose slots were moved, whose nodes were wiped or that was never formed is not expected to be whole; nor one that lost power
//! before its kernels wrote back what CLUSTER REPLICATE put into nodes.conf, for Redis does not sync that (`clusterCommand`, cluster.c
//! 7.0.15) and the replica comes back as a master that keeps its old master's slots as being imported. Who arms that rule must know. What clients saw is judged by [`linear`], from their history.

pub mod linear;
mod liveness;
mod reload;

pub use liveness::{held_up_until_us, trouble, whole_within_us};

use crate::command::debug::dataset_digest;
use crate::config::AppendFsync;
use crate::event::{Event, Executed};
use crate::host::ConnId;
use crate::node::Node;
use crate::persist::aof::AofState;
use crate::sim::disk::{Completion, Disk};
use crate::sim::process::Process;
use crate::sim::trace::BusKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many violations are kept.
pub const VIOLATIONS_MAX: usize = 100;
/// How many config epochs with their claims are remembered.
const CLAIMS_MAX: usize = 4096;
/// How many votes of a node are remembered.
const VOTES_KEPT: usize = 16;
/// Before the first byte of a bus message's header that is of interest here (cluster.h 7.0.15, `clusterMsg`).
const BUS_HEADER_LEN: usize = 2256;

/// A rule. See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the module's text has a sentence for each
pub enum Rule {
    SlotOwner,
    Epochs,
    Votes,
    Election,
    Ids,
    Offsets,
    Acks,
    ReplicaData,
    Reload,
    Durable,
    Whole,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// The node it showed at.
    pub node: String,
    /// When it was found, in virtual microseconds.
    pub at_us: u64,
    /// The last record of the trace at that instant.
    pub record: u64,
    /// What it was, in a sentence.
    pub text: String,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checks {
    /// The cheap rules, after every turn.
    pub always: bool,
    /// How often each replica's data is compared with its master's, in virtual microseconds; 0 for never. It costs a hash of all keys.
    pub digest_period_us: u64,
    /// How often each node's files are loaded and compared, in virtual microseconds; 0 for never. It costs a load.
    pub reload_period_us: u64,
    /// Within which time the cluster must be whole once nothing is wrong any more, in virtual microseconds; 0 leaves that unchecked.
    pub whole_within_us: u64,
}

impl Default for Checks {
    fn default() -> Self {
        Checks {
            always: true,
            digest_period_us: 10_000_000,
            reload_period_us: 60_000_000,
            whole_within_us: 0,
        }
    }
}

/// What was seen of a node.
#[derive(Clone, Debug, Default)]
struct Seen {
    starts: u32,
    id: Option<String>,
    epochs: Option<(u64, u64)>,
    place: Option<(Rc<str>, i64)>,
    resynced: bool,
    claims_changed: bool,
    saved: bool,
    /// The epoch of the election that it stands in.
    candidate: Option<u64>,
    /// The greatest epoch that it sent a vote for.
    voted: u64,
    /// The epochs of the last votes that it sent.
    votes: Vec<u64>,
    /// The epoch of the last vote that its process decided on.
    decided: u64,
    /// The config epoch of its last election, and the greatest of them that it announced.
    elected: u64,
    announced: u64,
    digest_at_us: u64,
    reload_at_us: u64,
    /// How much of each file a successful fsync has covered.
    synced: BTreeMap<u32, u64>,
}

/// A node and the slots that it claims, as ranges.
type Claim = (u32, Vec<(u16, u16)>);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    checks: Checks,
    nodes: Vec<Seen>,
    violations: Vec<Violation>,
    /// How often rules were broken, kept or not.
    count: u64,
    /// Who claimed which slots under which config epoch.
    claims: BTreeMap<u64, Vec<Claim>>,
    /// Votes by epoch and candidate: who sent them.
    votes: BTreeMap<(u64, u32), Vec<u32>>,
    /// Replies that must wait for an fsync: by node and connection, the file and how much of it.
    due: BTreeMap<(u32, u64), (u32, u64)>,
    liveness: liveness::Watchdog,
    now: (u64, u64),
}

impl Checker {
    pub(crate) fn new(checks: Checks, nodes: usize) -> Checker {
        Checker { checks, nodes: vec![Seen::default(); nodes], ..Checker::default() }
    }

    pub(crate) fn at(&mut self, now_us: u64, record: u64) {
        self.now = (now_us, record);
    }

    /// What was broken, oldest first; the first [`VIOLATIONS_MAX`].
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How often a rule was found broken.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn broken(&mut self, rule: Rule, procs: &[Process], index: u32, text: String) {
        self.count += 1;
        // One word about one thing: the same rule at the same node goes on being broken for a while.
        let node = procs.get(index as usize).map(|p| p.name.clone()).unwrap_or_default();
        let repeated = self.violations.iter().filter(|v| v.rule == rule && v.node == node).count() >= 10;
        if self.violations.len() < VIOLATIONS_MAX && !repeated {
            let (at_us, record) = self.now;
            self.violations.push(Violation { rule, node, at_us, record, text });
        }
    }

    /// A process begins.
    pub(crate) fn started(&mut self, index: u32) {
        let seen = &mut self.nodes[index as usize];
        seen.epochs = None;
        seen.place = None;
        seen.candidate = None;
        seen.decided = 0;
        seen.claims_changed = true;
        seen.synced.clear();
        self.due.retain(|(node, _), _| *node != index);
    }

    pub(crate) fn event(&mut self, procs: &[Process], index: u32, node: &Node, event: &Event) {
        let seen = &mut self.nodes[index as usize];
        match event {
            Event::Candidate { epoch, .. } => seen.candidate = Some(*epoch),
            // In the order in which it decides: a vote over a connection that is only being made leaves after later ones.
            Event::Voted { epoch, .. } => {
                let before = std::mem::replace(&mut seen.decided, *epoch);
                if *epoch <= before {
                    let text = format!("it votes for epoch {epoch}, and has voted for {before}");
                    self.broken(Rule::Votes, procs, index, text);
                }
            }
            Event::Resync { full: true, .. } => seen.resynced = true,
            Event::Saved { kind: crate::event::SaveKind::Rdb, ok: true } => seen.saved = true,
            Event::Promoted { epoch } => {
                seen.claims_changed = true;
                let asked = seen.candidate.take();
                seen.elected = *epoch;
                if let Some(asked) = asked {
                    self.elected(procs, index, node, asked, *epoch);
                }
            }
            Event::Role { .. } | Event::Slots { .. } | Event::Epoch { .. } => seen.claims_changed = true,
            _ => {}
        }
    }

    /// A replica that asked for votes takes over.
    fn elected(&mut self, procs: &[Process], index: u32, node: &Node, asked: u64, epoch: u64) {
        if epoch < asked {
            let text = format!("it took over under config epoch {epoch} after an election for {asked}");
            self.broken(Rule::Election, procs, index, text);
            return;
        }
        if epoch > asked {
            // A takeover by hand since.
            return;
        }
        let votes = self.votes.get(&(asked, index)).map_or(0, Vec::len);
        let needed = node.cluster().map_or(0, |cluster| cluster.masters() / 2 + 1) as usize;
        if votes < needed {
            let text =
                format!("it took over under epoch {asked} with {votes} votes sent; {needed} are a majority");
            self.broken(Rule::Election, procs, index, text);
        }
    }

    pub(crate) fn executed(&mut self, index: u32, node: &Node, disk: &Disk, executed: &Executed) {
        let config = node.config();
        let promised = config.appendfsync == AppendFsync::Always
            && node.aof.state() == AofState::On
            && !(config.no_appendfsync_on_rewrite && node.snapshot_running());
        if promised
            && let Some(path) = node.aof.tail_path()
            && let Some(file) = disk.inode(path, false)
        {
            self.due.insert((index, executed.conn), (file, executed.aof_end));
        }
    }

    /// A disk operation is done.
    pub(crate) fn disk_done(&mut self, index: u32, disk: &Disk, done: &Completion) {
        if done.op == "fsync"
            && done.result.is_ok()
            && let Some(file) = disk.inode(&done.path, false)
        {
            self.nodes[index as usize].synced.insert(file, disk.cache_len(file));
        }
    }

    /// A node gives out bytes for a connection. Asked in the order in which it tells things, and not when the bytes are on their way: by
    /// then it may have executed what the client sent next.
    pub(crate) fn answered(&mut self, procs: &[Process], index: u32, conn: ConnId) {
        let Some((file, end)) = self.due.remove(&(index, conn.0)) else { return };
        let synced = self.nodes[index as usize].synced.get(&file).copied().unwrap_or(0);
        if synced < end {
            let text = format!(
                "a reply under appendfsync always left when {synced} bytes of the append-only file were synced; \
                 the write ends at {end}"
            );
            self.broken(Rule::Durable, procs, index, text);
        }
    }

    /// Bytes leave a node for the owner of host `to`.
    pub(crate) fn sent(&mut self, procs: &[Process], index: u32, to: u32, bytes: &[u8]) {
        if BusKind::of(bytes).is_some() {
            self.bus(procs, index, to, bytes);
        } else if bytes.starts_with(b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n") {
            let text = String::from_utf8_lossy(&bytes[b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n".len()..]);
            let acknowledged = text.split("\r\n").nth(1).and_then(|number| number.parse::<i64>().ok());
            let has = procs[index as usize].node.as_ref().map(|node| node.repl.offset);
            if let (Some(acknowledged), Some(has)) = (acknowledged, has)
                && acknowledged > has
            {
                let text = format!("it acknowledges offset {acknowledged} and has {has}");
                self.broken(Rule::Acks, procs, index, text);
            }
        }
    }

    fn bus(&mut self, procs: &[Process], index: u32, to: u32, mut bytes: &[u8]) {
        let number = |bytes: &[u8], at: usize| {
            bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
        };
        while let Some(kind) = BusKind::of(bytes).filter(|_| bytes.len() >= BUS_HEADER_LEN) {
            let (current, config) = (number(bytes, 16), number(bytes, 24));
            let seen = &mut self.nodes[index as usize];
            if seen.elected != 0 && config == seen.elected {
                seen.announced = seen.announced.max(config);
            }
            if kind == BusKind::AuthAck {
                let twice = seen.votes.contains(&current);
                if seen.votes.len() == VOTES_KEPT {
                    seen.votes.remove(0);
                }
                seen.votes.push(current);
                seen.voted = seen.voted.max(current);
                self.votes.entry((current, to)).or_default().push(index);
                if self.votes.len() > CLAIMS_MAX {
                    self.votes.pop_first();
                }
                if twice {
                    let text = format!("it sends a second vote for epoch {current}");
                    self.broken(Rule::Votes, procs, index, text);
                }
            }
            let len = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
            bytes = bytes.get(len.max(BUS_HEADER_LEN)..).unwrap_or(&[]);
        }
    }

    /// A node's turn is over.
    pub(crate) fn turn(
        &mut self,
        procs: &[Process],
        index: u32,
        node: &Node,
        master: Option<u32>,
        calm: bool,
    ) {
        if self.checks.always {
            self.cluster(procs, index, node);
            self.offsets(procs, index, node);
        }
        if !node.loading() {
            self.data(procs, index, node, master);
        }
        if self.checks.whole_within_us > 0 {
            let late = self.liveness.look(self.now.0, self.checks.whole_within_us, calm, procs, index, node);
            if let Some(text) = late {
                self.broken(Rule::Whole, procs, index, text);
            }
        }
    }

    fn cluster(&mut self, procs: &[Process], index: u32, node: &Node) {
        let Some(cluster) = node.cluster() else { return };
        let starts = procs[index as usize].starts;
        let me = cluster.myself();
        let epochs = (cluster.current_epoch(), me.config_epoch);
        let seen = &mut self.nodes[index as usize];
        let mut found: Vec<(Rule, String)> = Vec::new();
        if seen.starts != starts {
            seen.starts = starts;
            let id = me.name.to_string();
            if seen.id.as_ref() == Some(&id) {
                let voted = node.cluster_view().map_or(0, |view| view.last_vote_epoch);
                if voted < seen.voted {
                    let sent = seen.voted;
                    found.push((
                        Rule::Votes,
                        format!("it knows of its vote for {voted}, and had sent {sent}"),
                    ));
                }
                // nodes.conf has no place for a replica's own epoch: its line shows its master's (clusterGenNodeDescription,
                // cluster.c 7.0.15). Who was a master once and comes back as a replica has nothing to remember.
                if epochs.1 < seen.announced && cluster.is_master() {
                    let text = format!(
                        "it comes back with config epoch {}, and had announced {}",
                        epochs.1, seen.announced
                    );
                    found.push((Rule::Epochs, text));
                }
            } else {
                // Another node, on an empty disk.
                (seen.voted, seen.announced, seen.elected) = (0, 0, 0);
                seen.votes.clear();
                seen.id = Some(id.clone());
                let twin = (0u32..).zip(&self.nodes).find(|(i, n)| *i != index && n.id.as_ref() == Some(&id));
                if let Some((twin, _)) = twin {
                    let other = procs.get(twin as usize).map_or("?", |p| p.name.as_str());
                    found.push((Rule::Ids, format!("it has the id of {other}, {id}")));
                }
            }
        }
        let seen = &mut self.nodes[index as usize];
        if let Some(before) = seen.epochs.replace(epochs)
            && (epochs.0 < before.0 || epochs.1 < before.1)
        {
            let text = format!("current and config epoch fell from {before:?} to {epochs:?}");
            // CLUSTER RESET HARD makes another node of it.
            if seen.id.as_deref() == Some(&me.name.to_string()) {
                found.push((Rule::Epochs, text));
            }
        }
        if std::mem::take(&mut seen.claims_changed) && cluster.is_master() && epochs.1 > 0 {
            let mine = me.slots.ranges().to_vec();
            let claims = self.claims.entry(epochs.1).or_default();
            let overlap = |other: &[(u16, u16)]| {
                mine.iter().find_map(|&(a, b)| {
                    other.iter().find_map(|&(c, d)| (a.max(c) <= b.min(d)).then_some(a.max(c)))
                })
            };
            for (other, slots) in claims.iter().filter(|claim| claim.0 != index) {
                if let Some(slot) = overlap(slots) {
                    let name = procs.get(*other as usize).map_or("?", |p| p.name.as_str());
                    let text =
                        format!("it claims slot {slot} under config epoch {}, and so did {name}", epochs.1);
                    found.push((Rule::SlotOwner, text));
                }
            }
            match claims.iter_mut().find(|claim| claim.0 == index) {
                Some(claim) => claim.1 = mine,
                None => claims.push((index, mine)),
            }
            if self.claims.len() > CLAIMS_MAX {
                self.claims.pop_first();
            }
        }
        for (rule, text) in found {
            self.broken(rule, procs, index, text);
        }
    }

    fn offsets(&mut self, procs: &[Process], index: u32, node: &Node) {
        let seen = &mut self.nodes[index as usize];
        let repl = &node.repl;
        let resynced = std::mem::take(&mut seen.resynced);
        let before = match &mut seen.place {
            Some((replid, offset)) if Rc::ptr_eq(replid, &repl.replid) => {
                Some(std::mem::replace(offset, repl.offset))
            }
            place => {
                let same =
                    place.take().filter(|(replid, _)| *replid == repl.replid).map(|(_, offset)| offset);
                *place = Some((Rc::clone(&repl.replid), repl.offset));
                same
            }
        };
        if let Some(before) = before.filter(|&before| repl.offset < before && !resynced) {
            let text = format!("its replication offset fell from {before} to {} in one history", repl.offset);
            self.broken(Rule::Offsets, procs, index, text);
        }
        let ahead = repl.replicas.iter().find_map(|id| {
            let link = node.clients.get(id)?.replica()?;
            (link.ack_offset > repl.offset).then_some(link.ack_offset)
        });
        if let Some(acknowledged) = ahead {
            let text = format!(
                "a replica acknowledged offset {acknowledged} of a stream that ends at {}",
                repl.offset
            );
            self.broken(Rule::Acks, procs, index, text);
        }
    }

    /// The sampled rules.
    fn data(&mut self, procs: &[Process], index: u32, node: &Node, master: Option<u32>) {
        let now = self.now.0;
        let Checks { digest_period_us, reload_period_us, .. } = self.checks;
        let seen = &self.nodes[index as usize];
        if digest_period_us > 0 && now >= seen.digest_at_us && node.repl.link_up() {
            match replica_differs(procs, index, node, master) {
                None => {}
                Some(difference) => {
                    self.nodes[index as usize].digest_at_us = now + digest_period_us;
                    if let Some(text) = difference {
                        self.broken(Rule::ReplicaData, procs, index, text);
                    }
                }
            }
        }
        let seen = &mut self.nodes[index as usize];
        let saved = std::mem::take(&mut seen.saved) && node.dirty == 0 && !node.config().appendonly;
        let due = reload_period_us > 0 && now >= seen.reload_at_us && node.aof.is_settled();
        if reload_period_us > 0 && (due || saved) {
            seen.reload_at_us = now + reload_period_us;
            if let Some(text) = reload_differs(&procs[index as usize], node, now) {
                self.broken(Rule::Reload, procs, index, text);
            }
        }
    }

    /// Checks everything that is sampled now, where it can be.
    pub(crate) fn now(&mut self, procs: &[Process], masters: &[Option<u32>]) {
        for (index, process) in procs.iter().enumerate() {
            let Some(node) = process.node.as_deref().filter(|node| !node.loading()) else { continue };
            let number = index as u32;
            if node.repl.link_up()
                && let Some(Some(text)) = replica_differs(procs, number, node, masters[index])
            {
                self.broken(Rule::ReplicaData, procs, number, text);
            }
            if node.aof.is_settled()
                && let Some(text) = reload_differs(process, node, self.now.0)
            {
                self.broken(Rule::Reload, procs, number, text);
            }
        }
    }
}

/// Compares a replica with its master. `None` if they are not at one offset, or the replica may be written to.
fn replica_differs(
    procs: &[Process],
    index: u32,
    node: &Node,
    master: Option<u32>,
) -> Option<Option<String>> {
    let master = master.filter(|&master| master != index)?;
    let of = procs.get(master as usize)?;
    let theirs = of.node.as_deref().filter(|theirs| !theirs.loading())?;
    let equal = node.repl.replid == theirs.repl.replid && node.repl.offset == theirs.repl.offset;
    if !equal || !node.config().replica_read_only {
        return None;
    }
    if dataset_digest(&node.dbs, None) == dataset_digest(&theirs.dbs, None) {
        return Some(None);
    }
    let keys = |node: &Node| node.dbs.iter().map(|db| db.len()).sum::<usize>();
    Some(Some(format!(
        "its data is not that of {} although both are at offset {} of {}: {} keys and {}",
        of.name,
        node.repl.offset,
        node.repl.replid,
        keys(node),
        keys(theirs)
    )))
}

/// Loads a node's files and compares.
fn reload_differs(process: &Process, node: &Node, now_us: u64) -> Option<String> {
    let now = process.clock.now(now_us);
    let loaded = match reload::load(&node.options.conf_text, &process.disk, now) {
        Ok(loaded) => loaded,
        Err(why) => return Some(format!("its files cannot be loaded: {why}")),
    };
    let live = Some(now.wall_ms());
    if dataset_digest(&node.dbs, live) == dataset_digest(&loaded.dbs, live) {
        return None;
    }
    let keys = |node: &Node| node.dbs.iter().map(|db| db.len()).sum::<usize>();
    Some(format!(
        "its files give other data than it has: {} keys, and {} in memory",
        keys(&loaded),
        keys(node)
    ))
}
