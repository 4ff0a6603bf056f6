//! The head of a scenario file: what the world is made of, as lines; and when the lines after it happen.
//!
//! Printing takes [`Setup`] and its parts apart without `..`: a new field does not compile without a line.

use super::error::shown;
use super::file::TITLE_LEN_MAX;
use super::grammar::{Args, Group, Kind, Part, Verb, render};
use super::{Command, TIME_US_MAX, WALL_US_MAX, When};
use crate::cost::CpuCosts;
use crate::sim::disk::DiskSetup;
use crate::sim::form::{Formation, Shard};
use crate::sim::net::NetSetup;
use crate::sim::setup::{NAME_LEN_MAX, NODES_MAX, NodeSetup, Setup};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use Part::{Arg, Opt, Word};

/// How many bytes the redis.conf files of a world have together, at the most.
pub const CONF_LEN_MAX: usize = 16 << 20;
/// The node timeout of a cluster where none is given, in milliseconds: the course notes'.
const NODE_TIMEOUT_MS: u32 = 5000;
/// The wall clock at the beginning where nothing is said, in microseconds since the Unix epoch.
const WALL_US: u64 = 1_700_000_000_000_000;

/// A line of the head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "head", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum Head {
    /// The version of the format.
    Version { version: u32 },
    /// The hash of the engine that the scenario was made with.
    Engine { hash: u64 },
    /// What it is called.
    Title { title: String },
    /// The seed.
    Seed { seed: u64 },
    /// The wall clock of every host at the beginning, since the Unix epoch.
    Wall { us: u64 },
    /// The virtual instant at which the run begins.
    Begin { us: u64 },
    /// A cluster of masters with so many replicas each.
    Cluster { shards: u32, replicas: u32, timeout_ms: u32 },
    /// Nodes that are in no cluster.
    Nodes { names: Vec<String> },
    /// One node.
    Node { name: String, ip: Option<String>, port: Option<u16> },
    /// The redis.conf of a node or of all, or lines for its end.
    Conf { node: Option<String>, add: bool, text: String },
    /// A shard of the cluster that the operator forms.
    Shard { nodes: Vec<String>, slots: Option<(u16, u16)> },
    /// The cluster was formed before.
    Formed,
    /// Nobody forms a cluster.
    Unformed,
    /// The network.
    Net { latency_us: Option<u64>, jitter_us: Option<u64>, bandwidth: Option<u64>, keepalive_us: Option<u64> },
    /// What one kind of work costs a processor.
    Cpu { work: String, ns: u64 },
    /// The disks.
    Disk {
        read_us: Option<u64>,
        write_us: Option<u64>,
        fsync_us: Option<u64>,
        fsync_jitter_us: Option<u64>,
        bandwidth: Option<u64>,
        capacity_bytes: Option<u64>,
        writeback_us: Option<u64>,
    },
}

const NODE: Part = Arg("NODE", Kind::Node);
const CONF: Part = Arg("CONF", Kind::Block);
const ADD: Part = Opt(&[Word("add")]);
const COUNT_MAX: u64 = NODES_MAX as u64;

/// The kinds of work, in the order of [`cpu_fields`].
const WORK: &[(&str, &str)] = &[
    ("cron", "one run of the periodic work (serverCron)"),
    ("accept", "accepting a connection"),
    ("read", "reading from a connection: the event loop's round and the system call"),
    ("write", "writing to a connection"),
    ("command", "a command, whatever it does"),
    ("argument", "each of its arguments, its name included"),
    ("input-byte", "a byte received from a client or from a master"),
    ("reply-byte", "a byte of a reply"),
    ("element", "an element that a command works on (sorts, merges, frees)"),
    ("freed", "an element of a value that is freed, or a key with a flushed database"),
    ("scanned-key", "a key that a command only passes by (KEYS)"),
    ("aof-write", "handing what was gathered for the append-only file to the kernel"),
    ("aof-byte", "a byte of it"),
    (
        "saved-key",
        "a key encoded into an RDB file by SAVE. A child that does so keeps nobody waiting; its time passes in the background",
    ),
    ("saved-byte", "a byte of that file"),
    ("loaded-key", "a key loaded from an RDB file"),
    ("loaded-byte", "a byte read from a file while loading"),
    ("fork", "the fork of a child for a snapshot or a rewrite"),
    ("fork-page", "each page of 4 KiB of memory in use at the fork: the kernel copies the table of pages"),
    ("bus-received", "a message of the cluster bus received"),
    ("bus-sent", "a message of the cluster bus sent"),
    ("gossip-entry", "a gossip entry in either"),
];

fn cpu_fields(costs: &mut CpuCosts) -> [&mut u64; WORK.len()] {
    let CpuCosts {
        cron_ns,
        accept_ns,
        read_ns,
        write_ns,
        command_ns,
        argument_ns,
        input_byte_ns,
        reply_byte_ns,
        element_ns,
        freed_ns,
        scanned_key_ns,
        aof_write_ns,
        aof_byte_ns,
        saved_key_ns,
        saved_byte_ns,
        loaded_key_ns,
        loaded_byte_ns,
        fork_ns,
        fork_page_ns,
        bus_received_ns,
        bus_sent_ns,
        gossip_entry_ns,
    } = costs;
    [
        cron_ns,
        accept_ns,
        read_ns,
        write_ns,
        command_ns,
        argument_ns,
        input_byte_ns,
        reply_byte_ns,
        element_ns,
        freed_ns,
        scanned_key_ns,
        aof_write_ns,
        aof_byte_ns,
        saved_key_ns,
        saved_byte_ns,
        loaded_key_ns,
        loaded_byte_ns,
        fork_ns,
        fork_page_ns,
        bus_received_ns,
        bus_sent_ns,
        gossip_entry_ns,
    ]
}

const fn row(
    group: Group,
    key: &'static str,
    name: &'static str,
    parts: &'static [Part],
    help: &'static str,
    example: &'static str,
    make: fn(&Args) -> Command,
) -> Verb {
    Verb { name, key, parts, group, help, example, make }
}

use Group as G;

/// The rows.
#[rustfmt::skip] // one row a block reads as the table that it is
pub(crate) static ROWS: &[Verb] = &[
    row(G::Head, "vitrine", "vitrine", &[Arg("VERSION", Kind::Number(u32::MAX as u64))],
        "The version of the format: the first line of a scenario.",
        "vitrine 1", |a| Command::Head(Head::Version { version: a.get_num("VERSION") })),
    row(G::Head, "engine", "engine", &[Arg("HASH", Kind::Hash)],
        "The engine that the scenario was made with. Another one may run it differently, and says so.",
        "engine 0123456789abcdef", |a| Command::Head(Head::Engine { hash: a.get_num("HASH") })),
    row(G::Head, "title", "title", &[Arg("TEXT", Kind::Text)],
        "What the scenario is called.",
        r#"title "A master fails""#, |a| Command::Head(Head::Title { title: a.get_text("TEXT") })),
    row(G::Head, "seed", "seed", &[Arg("SEED", Kind::Seed)],
        "Everything random follows from it.",
        "seed 7", |a| Command::Head(Head::Seed { seed: a.get_num("SEED") })),
    row(G::Head, "wall", "wall", &[Arg("TIME", Kind::Time)],
        "What every wall clock shows at the beginning, since the Unix epoch.",
        "wall 1700000000s", |a| Command::Head(Head::Wall { us: a.get_num("TIME") })),
    row(G::Head, "begin", "begin", &[Arg("TIME", Kind::Time)],
        "The virtual instant at which the run begins: 0, if nothing is said.",
        "begin 60s", |a| Command::Head(Head::Begin { us: a.get_num("TIME") })),
    row(G::Head, "cluster", "cluster", &[
            Opt(&[Word("shards"), Arg("SHARDS", Kind::Number(COUNT_MAX))]), Opt(&[Word("replicas"), Arg("REPLICAS", Kind::Number(COUNT_MAX))]),
            Opt(&[Word("timeout"), Arg("MS", Kind::Millis)])],
        "A cluster: 3 shards with 1 replica each and a node timeout of 5 s, if nothing else is said. Masters are A1, B1, …; their replicas A2, B2, ….",
        "cluster shards 3 replicas 1 timeout 5s", |a| Command::Head(Head::Cluster {
            shards: a.maybe_num("SHARDS").unwrap_or(3),
            replicas: a.maybe_num("REPLICAS").unwrap_or(1),
            timeout_ms: a.maybe_num("MS").unwrap_or(NODE_TIMEOUT_MS),
        })),
    row(G::Head, "nodes", "nodes", &[Arg("NAME", Kind::Names)],
        "Nodes that are in no cluster, on ports 7001 and up.",
        "nodes master replica", |a| Command::Head(Head::Nodes { names: a.get_names("NAME") })),
    row(G::Head, "node", "node", &[Arg("NAME", Kind::Text), Opt(&[Word("ip"), Arg("IP", Kind::Text)]), Opt(&[Word("port"), Arg("PORT", Kind::Number(u16::MAX as u64))])],
        "One more node.",
        "node D1 ip 10.0.0.7 port 7007", |a| Command::Head(Head::Node {
            name: a.get_text("NAME"), ip: a.maybe_text("IP"), port: a.maybe_num("PORT"),
        })),
    row(G::Head, "conf-all", "conf", &[Word("all"), ADD, CONF],
        "The redis.conf of every node; with `add`, lines for its end.",
        r#"conf all add "appendfsync always""#, |a| Command::Head(Head::Conf { node: None, add: a.has("add"), text: a.get_text("CONF") })),
    row(G::Head, "conf", "conf", &[NODE, ADD, CONF],
        "The redis.conf of a node; with `add`, lines for its end.",
        r#"conf A1 add "save 900 1""#, |a| Command::Head(Head::Conf { node: Some(a.get_text("NODE")), add: a.has("add"), text: a.get_text("CONF") })),
    row(G::Head, "shard", "shard", &[Arg("NODE", Kind::Names), Opt(&[Word("slots"), Arg("SLOTS", Kind::Slots)])],
        "A shard of the cluster that the operator forms: the master first. Without slots, all shards get equal parts.",
        "shard A1 A2 slots 0-5460", |a| Command::Head(Head::Shard {
            nodes: a.get_names("NODE"),
            slots: a.maybe_num::<u32>("SLOTS").map(|n| ((n >> 16) as u16, n as u16)),
        })),
    row(G::Head, "formed", "formed", &[],
        "The cluster was formed before and has been running: every node finds all others in its nodes.conf, and its bus connections stand. With hundreds of nodes, forming takes minutes.",
        "formed", |_| Command::Head(Head::Formed)),
    row(G::Head, "unformed", "unformed", &[],
        "Nobody makes a cluster of the nodes: that is left to the lines that follow.",
        "unformed", |_| Command::Head(Head::Unformed)),
    row(G::Head, "net", "net", &[
            Opt(&[Word("latency"), Arg("LATENCY", Kind::Time)]), Opt(&[Word("jitter"), Arg("JITTER", Kind::Time)]),
            Opt(&[Word("bandwidth"), Arg("RATE", Kind::Rate)]), Opt(&[Word("keepalive"), Arg("KEEPALIVE", Kind::Time)])],
        "The network: the least time from host to host, how much longer it takes, what a host can send in a second (0 for no limit), after how long an idle connection to a lost host is given up.",
        "net latency 200us jitter 100us bandwidth 125MB keepalive 600s", |a| Command::Head(Head::Net {
            latency_us: a.maybe_num("LATENCY"), jitter_us: a.maybe_num("JITTER"), bandwidth: a.maybe_num("RATE"), keepalive_us: a.maybe_num("KEEPALIVE"),
        })),
    row(G::Head, "disk", "disk", &[
            Opt(&[Word("read"), Arg("READ", Kind::Time)]), Opt(&[Word("write"), Arg("WRITE", Kind::Time)]), Opt(&[Word("fsync"), Arg("FSYNC", Kind::Time)]),
            Opt(&[Word("jitter"), Arg("JITTER", Kind::Time)]), Opt(&[Word("bandwidth"), Arg("RATE", Kind::Rate)]),
            Opt(&[Word("capacity"), Arg("SIZE", Kind::Size)]), Opt(&[Word("writeback"), Arg("WRITEBACK", Kind::Time)])],
        "The disks: the time of a read, a write and an fsync, how much longer an fsync takes, bytes a second and capacity (0 for no limit), after how long the kernel writes back by itself.",
        "disk fsync 10ms jitter 5ms", |a| Command::Head(Head::Disk {
            read_us: a.maybe_num("READ"), write_us: a.maybe_num("WRITE"), fsync_us: a.maybe_num("FSYNC"), fsync_jitter_us: a.maybe_num("JITTER"),
            bandwidth: a.maybe_num("RATE"), capacity_bytes: a.maybe_num("SIZE"), writeback_us: a.maybe_num("WRITEBACK"),
        })),
    row(G::Head, "cpu", "cpu", &[Arg("work", Kind::Choice(WORK)), Arg("COST", Kind::Nanos)],
        "What one kind of work costs a processor.",
        "cpu command 500ns", |a| Command::Head(Head::Cpu { work: a.get_text("work"), ns: a.get_num("COST") })),

    row(G::When, "at", "at", &[Arg("TIME", Kind::Time), Opt(&[Word("event"), Arg("EVENT", Kind::Number(u64::MAX))])],
        "In front of a command: at this instant of the run. With `event`, after so many events, which is exact. In files alone.",
        "at 12.5s crash A1", |a| Command::When(match a.maybe_num("EVENT") {
            Some(after_events) => When::Exact { us: a.get_num("TIME"), after_events },
            None => When::At { us: a.get_num("TIME") },
        })),
    row(G::When, "after", "after", &[Arg("TIME", Kind::Time)],
        "In front of a command: so long after the line before it is done. In files alone.",
        "after 2s start A1", |a| Command::When(When::After { us: a.get_num("TIME") })),
    row(G::When, "every", "every", &[Arg("TIME", Kind::Time), Opt(&[Word("for"), Arg("LONG", Kind::Time)]), Opt(&[Word("times"), Arg("COUNT", Kind::Number(u32::MAX as u64))])],
        "In front of a command: from now on again and again, while the lines that follow go on; for so long, so many times, or to the end. In files alone.",
        "every 100ms for 10s cluster> INCR hits", |a| Command::When(When::Every {
            us: a.get_num("TIME"), for_us: a.maybe_num("LONG"), times: a.maybe_num("COUNT"),
        })),
];

/// The row and the arguments of a line of the head.
pub(crate) fn line_of_head(head: &Head) -> (&'static str, Args) {
    let args = Args::new();
    match head {
        Head::Version { version } => ("vitrine", args.num("VERSION", *version)),
        Head::Engine { hash } => ("engine", args.num("HASH", *hash)),
        Head::Title { title } => ("title", args.text("TEXT", title)),
        Head::Seed { seed } => ("seed", args.num("SEED", *seed)),
        Head::Wall { us } => ("wall", args.num("TIME", *us)),
        Head::Begin { us } => ("begin", args.num("TIME", *us)),
        Head::Cluster { shards, replicas, timeout_ms } => {
            ("cluster", args.num("SHARDS", *shards).num("REPLICAS", *replicas).num("MS", *timeout_ms))
        }
        Head::Nodes { names } => ("nodes", args.names("NAME", names)),
        Head::Node { name, ip, port } => {
            ("node", args.text("NAME", name).opt_text("IP", ip.as_ref()).opt_num("PORT", *port))
        }
        Head::Conf { node: None, add, text } => ("conf-all", args.flag("add", *add).text("CONF", text)),
        Head::Conf { node: Some(node), add, text } => {
            ("conf", args.text("NODE", node).flag("add", *add).text("CONF", text))
        }
        Head::Shard { nodes, slots } => {
            let slots = slots.map(|(first, last)| u32::from(first) << 16 | u32::from(last));
            ("shard", args.names("NODE", nodes).opt_num("SLOTS", slots))
        }
        Head::Formed => ("formed", args),
        Head::Unformed => ("unformed", args),
        Head::Net { latency_us, jitter_us, bandwidth, keepalive_us } => (
            "net",
            args.opt_num("LATENCY", *latency_us)
                .opt_num("JITTER", *jitter_us)
                .opt_num("RATE", *bandwidth)
                .opt_num("KEEPALIVE", *keepalive_us),
        ),
        Head::Cpu { work, ns } => ("cpu", args.text("work", work).num("COST", *ns)),
        Head::Disk {
            read_us,
            write_us,
            fsync_us,
            fsync_jitter_us,
            bandwidth,
            capacity_bytes,
            writeback_us,
        } => (
            "disk",
            args.opt_num("READ", *read_us)
                .opt_num("WRITE", *write_us)
                .opt_num("FSYNC", *fsync_us)
                .opt_num("JITTER", *fsync_jitter_us)
                .opt_num("RATE", *bandwidth)
                .opt_num("SIZE", *capacity_bytes)
                .opt_num("WRITEBACK", *writeback_us),
        ),
    }
}

/// The row and the arguments of a point in time.
pub(crate) fn line_of_when(when: &When) -> Option<(&'static str, Args)> {
    let args = Args::new();
    Some(match *when {
        When::Next => return None,
        When::At { us } => ("at", args.num("TIME", us)),
        When::Exact { us, after_events } => ("at", args.num("TIME", us).num("EVENT", after_events)),
        When::After { us } => ("after", args.num("TIME", us)),
        When::Every { us, for_us, times } => {
            ("every", args.num("TIME", us).opt_num("LONG", for_us).opt_num("COUNT", times))
        }
    })
}

/// A world before anything is said about it: no nodes yet.
fn nothing() -> Setup {
    Setup {
        seed: 1,
        wall_us: WALL_US,
        start_us: 0,
        nodes: Vec::new(),
        net: NetSetup::default(),
        disk: DiskSetup::default(),
        cpu: CpuCosts::default(),
        formation: None,
    }
}

/// A head that is being read.
pub(crate) struct Building {
    pub setup: Setup,
    pub title: String,
    pub engine: Option<u64>,
    /// Whether shards were named, and whether with slots.
    shards: Option<bool>,
    /// On which line each shard was named.
    shard_lines: Vec<u32>,
    /// The line that says that the cluster was formed before.
    formed: Option<u32>,
    /// The nodes' names as they are written, and what no further node may have: those in small letters, and addresses.
    names: BTreeSet<String>,
    taken: BTreeSet<String>,
}

impl Default for Building {
    fn default() -> Self {
        Building {
            setup: nothing(),
            title: String::new(),
            engine: None,
            shards: None,
            shard_lines: Vec::new(),
            formed: None,
            names: BTreeSet::new(),
            taken: BTreeSet::new(),
        }
    }
}

fn default_conf(index: usize) -> String {
    format!("port {}\n", 7001 + index)
}

fn default_ip(index: usize) -> String {
    format!("10.0.{}.{}", index / 250, index % 250 + 1)
}

impl Building {
    /// Puts the nodes there that are there if nothing is said.
    pub fn need_nodes(&mut self) {
        if self.setup.nodes.is_empty() {
            self.take_nodes(Setup::six_nodes(self.setup.seed));
        }
    }

    fn take_nodes(&mut self, made: Setup) {
        self.names = made.nodes.iter().map(|node| node.name.clone()).collect();
        self.taken = self.names.iter().map(|name| name.to_ascii_lowercase()).collect();
        self.taken.extend(made.nodes.iter().map(|node| node.ip.clone()));
        self.setup.nodes = made.nodes;
        // Shards that were named already are not the usual ones.
        if self.shards.is_none() {
            self.setup.formation = made.formation;
        }
    }

    /// Whether there is a node of this name.
    pub fn has_node(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The head is complete.
    ///
    /// # Errors
    /// A line, and why it cannot be so.
    pub fn finish(&mut self) -> Result<(), (u32, String)> {
        self.need_nodes();
        let mut members = BTreeSet::new();
        let shards = self.setup.formation.iter().flat_map(|f| &f.shards);
        for (shard, line) in shards.zip(&self.shard_lines) {
            for member in &shard.nodes {
                if !self.names.contains(member) {
                    return Err((*line, format!("there is no node `{}`", shown(member))));
                }
                if !members.insert(member) {
                    return Err((*line, format!("`{}` is in a shard already", shown(member))));
                }
            }
        }
        // Shards whose slots were not said get equal parts.
        if self.shards == Some(false)
            && let Some(formation) = &mut self.setup.formation
        {
            let shards = std::mem::take(&mut formation.shards).into_iter().map(|s| s.nodes).collect();
            *formation = Formation::even(shards);
        }
        if let Some(line) = self.formed {
            let formation = self.setup.formation.as_mut();
            formation.ok_or((line, "no cluster was formed that is said to be".to_owned()))?.formed = true;
        }
        self.shards = None;
        Ok(())
    }

    /// Takes in a line of the head, which has this number.
    ///
    /// # Errors
    /// Why it cannot be so.
    pub fn apply(&mut self, head: Head, line: u32) -> Result<(), String> {
        match head {
            Head::Version { .. } => return Err("the version is said once, in the first line".into()),
            Head::Engine { hash } => self.engine = Some(hash),
            Head::Title { title } if title.len() > TITLE_LEN_MAX => {
                return Err(format!(
                    "a title has no more than {TITLE_LEN_MAX} bytes: say the rest in a comment"
                ));
            }
            Head::Title { title } => self.title = title,
            Head::Seed { seed } => self.setup.seed = seed,
            Head::Wall { us } => self.setup.wall_us = us,
            Head::Begin { us } => self.setup.start_us = us,
            Head::Cluster { shards, replicas, timeout_ms } => {
                if !self.setup.nodes.is_empty() {
                    return Err("there are nodes already; `cluster` comes before them".into());
                }
                let count = u64::from(shards) * (u64::from(replicas) + 1);
                if count == 0 || count > NODES_MAX as u64 {
                    return Err(format!("a world has 1 to {NODES_MAX} nodes, not {count}"));
                }
                let made = Setup::cluster(self.setup.seed, shards as usize, replicas as usize, timeout_ms);
                self.take_nodes(made);
            }
            Head::Nodes { names } => {
                for name in names {
                    self.add_node(name, None, None)?;
                }
            }
            Head::Node { name, ip, port } => self.add_node(name, ip, port)?,
            Head::Conf { node, add, text } => self.conf(node.as_deref(), add, &text)?,
            Head::Shard { nodes, slots } => {
                // The shards that are named take the place of the usual ones.
                let with_slots = *self.shards.get_or_insert_with(|| {
                    self.setup.formation = None;
                    slots.is_some()
                });
                if with_slots != slots.is_some() {
                    return Err("slots are given for all shards or for none".into());
                }
                let formation = self
                    .setup
                    .formation
                    .get_or_insert_with(|| Formation { shards: Vec::new(), formed: false });
                self.shard_lines.push(line);
                formation.shards.push(Shard { nodes, slots: slots.unwrap_or_default() });
            }
            Head::Formed => self.formed = Some(line),
            Head::Unformed => {
                (self.setup.formation, self.shards) = (None, None);
                self.shard_lines.clear();
            }
            Head::Net { latency_us, jitter_us, bandwidth, keepalive_us } => {
                let net = &mut self.setup.net;
                set(&mut net.latency_us, latency_us);
                set(&mut net.jitter_us, jitter_us);
                set(&mut net.bandwidth_bytes_per_s, bandwidth);
                set(&mut net.keepalive_us, keepalive_us);
            }
            Head::Cpu { work, ns } => {
                let place = WORK.iter().position(|w| w.0 == work);
                let place = place.ok_or_else(|| format!("there is no work `{work}`"))?;
                *cpu_fields(&mut self.setup.cpu)[place] = ns;
            }
            Head::Disk {
                read_us,
                write_us,
                fsync_us,
                fsync_jitter_us,
                bandwidth,
                capacity_bytes,
                writeback_us,
            } => {
                let disk = &mut self.setup.disk;
                set(&mut disk.read_us, read_us);
                set(&mut disk.write_us, write_us);
                set(&mut disk.fsync_us, fsync_us);
                set(&mut disk.fsync_jitter_us, fsync_jitter_us);
                set(&mut disk.bandwidth_bytes_per_s, bandwidth);
                set(&mut disk.capacity_bytes, capacity_bytes);
                set(&mut disk.writeback_us, writeback_us);
            }
        }
        Ok(())
    }

    fn conf(&mut self, node: Option<&str>, add: bool, text: &str) -> Result<(), String> {
        self.need_nodes();
        let nodes = &mut self.setup.nodes;
        let mut total: usize = nodes.iter().map(|n| n.conf.len()).sum();
        for at in nodes.iter_mut().filter(|n| node.is_none_or(|name| name == n.name)) {
            if !add {
                at.conf.clear();
            } else if !at.conf.is_empty() && !at.conf.ends_with('\n') {
                at.conf.push('\n');
            }
            total += text.len() + 1;
            if total > CONF_LEN_MAX {
                return Err(format!("all redis.conf together have no more than {CONF_LEN_MAX} bytes"));
            }
            at.conf.push_str(text);
            if add && !text.is_empty() && !text.ends_with('\n') {
                at.conf.push('\n');
            }
        }
        Ok(())
    }

    fn add_node(&mut self, name: String, ip: Option<String>, port: Option<u16>) -> Result<(), String> {
        let index = self.setup.nodes.len();
        if index >= NODES_MAX {
            return Err(format!("a world has no more than {NODES_MAX} nodes"));
        }
        let conf = port.map_or_else(|| default_conf(index), |port| format!("port {port}\n"));
        let ip = ip.unwrap_or_else(|| default_ip(index));
        if name.is_empty() || name.len() > NAME_LEN_MAX {
            return Err(format!("a node's name has 1 to {NAME_LEN_MAX} bytes"));
        }
        if ip.parse::<core::net::IpAddr>().is_err() {
            return Err(format!("`{}` is no IP address", shown(&ip)));
        }
        if !self.taken.insert(name.to_ascii_lowercase()) || !self.taken.insert(ip.clone()) {
            return Err(format!("another node has the same name or address as `{name}`"));
        }
        self.names.insert(name.clone());
        self.setup.nodes.push(NodeSetup { name, ip, conf });
        Ok(())
    }
}

fn set(field: &mut u64, value: Option<u64>) {
    *field = value.unwrap_or(*field);
}

/// The longest latency and the longest operation of a disk, in microseconds.
const DELAY_US_MAX: u64 = 3_600_000_000;
/// The dearest work, in nanoseconds.
const COST_NS_MAX: u64 = 1_000_000_000_000;

/// Whether amounts are such that a world can count with them.
pub(crate) fn check_amounts(setup: &Setup) -> Result<(), String> {
    let NetSetup { latency_us, jitter_us, bandwidth_bytes_per_s: _, keepalive_us } = setup.net;
    let DiskSetup { read_us, write_us, fsync_us, fsync_jitter_us, writeback_us, .. } = setup.disk;
    let delays = [latency_us, jitter_us, read_us, write_us, fsync_us, fsync_jitter_us];
    if delays.into_iter().any(|us| us > DELAY_US_MAX) {
        return Err("no segment and no operation of a disk takes longer than an hour".into());
    }
    if keepalive_us.max(writeback_us).max(setup.start_us) > TIME_US_MAX || setup.wall_us > WALL_US_MAX {
        return Err("a world's clocks show no more than the year 9999, and it ends after 100 years".into());
    }
    let mut cpu = setup.cpu.clone();
    if cpu_fields(&mut cpu).into_iter().any(|ns| *ns > COST_NS_MAX) {
        return Err("no single work takes a processor longer than 1000 s".into());
    }
    Ok(())
}

fn line(out: &mut String, head: &Head) {
    let (key, args) = line_of_head(head);
    if let Some(row) = super::table::row(key) {
        out.push_str(&render(row, &args));
        out.push('\n');
    }
}

/// Writes a redis.conf as lines where that gives it back exactly.
fn conf_line(out: &mut String, node: Option<&str>, add: bool, text: &str) {
    let lines = text.ends_with('\n')
        && !text.lines().any(|l| l.trim() == "END")
        && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    if !lines {
        return line(out, &Head::Conf { node: node.map(str::to_string), add, text: text.to_string() });
    }
    let whom = node.map_or_else(|| "all".to_string(), super::grammar::show_name);
    let add = if add { " add" } else { "" };
    out.push_str(&format!("conf {whom}{add} <<END\n{text}END\n"));
}

/// The cluster that a setup is one of with other redis.conf files, if it is.
fn usual_cluster(setup: &Setup) -> Option<(Head, Setup)> {
    let formation = setup.formation.as_ref();
    let masters = formation
        .map_or_else(|| setup.nodes.iter().filter(|n| n.name.ends_with('1')).count(), |f| f.shards.len());
    if masters == 0 || !setup.nodes.len().is_multiple_of(masters) {
        return None;
    }
    let replicas = setup.nodes.len() / masters - 1;
    let timeout = setup.nodes[0].conf.lines().find_map(|l| l.strip_prefix("cluster-node-timeout "));
    let timeout_ms = timeout.and_then(|t| t.parse().ok()).unwrap_or(NODE_TIMEOUT_MS);
    let usual = Setup::cluster(setup.seed, masters, replicas, timeout_ms);
    let alike = usual.nodes.len() == setup.nodes.len()
        && usual.nodes.iter().zip(&setup.nodes).all(|(a, b)| a.name == b.name && a.ip == b.ip)
        && usual.nodes.iter().zip(&setup.nodes).filter(|(a, b)| b.conf.starts_with(&a.conf)).count() * 2
            > masters;
    let head = Head::Cluster { shards: masters as u32, replicas: replicas as u32, timeout_ms };
    alike.then_some((head, usual))
}

/// Writes a setup as lines that give it back exactly.
pub(crate) fn print(setup: &Setup, out: &mut String) {
    let Setup { seed, wall_us, start_us, nodes, net, disk, cpu, formation } = setup;
    line(out, &Head::Seed { seed: *seed });
    if *wall_us != WALL_US {
        line(out, &Head::Wall { us: *wall_us });
    }
    if *start_us != 0 {
        line(out, &Head::Begin { us: *start_us });
    }
    let (bases, shards): (Vec<String>, Option<&Formation>) = match usual_cluster(setup) {
        Some((head, usual)) => {
            line(out, &head);
            let same = usual.formation.as_ref().map(|f| &f.shards) == formation.as_ref().map(|f| &f.shards);
            if !same {
                line(out, &Head::Unformed);
            }
            (usual.nodes.into_iter().map(|n| n.conf).collect(), formation.as_ref().filter(|_| !same))
        }
        None => {
            for (index, node) in nodes.iter().enumerate() {
                let ip = (node.ip != default_ip(index)).then(|| node.ip.clone());
                line(out, &Head::Node { name: node.name.clone(), ip, port: None });
            }
            ((0..nodes.len()).map(default_conf).collect(), formation.as_ref())
        }
    };
    print_confs(nodes, &bases, out);
    for shard in shards.iter().flat_map(|f| &f.shards) {
        line(out, &Head::Shard { nodes: shard.nodes.clone(), slots: Some(shard.slots) });
    }
    if formation.as_ref().is_some_and(|f| f.formed) {
        line(out, &Head::Formed);
    }
    print_net(net, out);
    print_disk(disk, out);
    let (mut cpu, mut usual) = (cpu.clone(), CpuCosts::default());
    let costs = cpu_fields(&mut cpu).into_iter().zip(cpu_fields(&mut usual));
    for ((cost, usual), (work, _)) in costs.zip(WORK) {
        if cost != usual {
            line(out, &Head::Cpu { work: (*work).to_string(), ns: *cost });
        }
    }
}

fn print_confs(nodes: &[NodeSetup], bases: &[String], out: &mut String) {
    // What is added to a redis.conf; only whole lines can be.
    let added = |node: &NodeSetup, base: &String| {
        let rest = node.conf.strip_prefix(base.as_str())?;
        (base.ends_with('\n') && (rest.is_empty() || rest.ends_with('\n'))).then(|| rest.to_string())
    };
    let additions: Vec<Option<String>> = nodes.iter().zip(bases).map(|(n, b)| added(n, b)).collect();
    if let [Some(first), _, ..] = additions.as_slice()
        && !first.is_empty()
        && additions.iter().all(|a| a.as_ref() == Some(first))
    {
        return conf_line(out, None, true, first);
    }
    for (node, addition) in nodes.iter().zip(&additions) {
        match addition {
            Some(added) if added.is_empty() => {}
            Some(added) => conf_line(out, Some(&node.name), true, added),
            None => conf_line(out, Some(&node.name), false, &node.conf),
        }
    }
}

fn print_net(net: &NetSetup, out: &mut String) {
    let usual = NetSetup::default();
    let NetSetup { latency_us, jitter_us, bandwidth_bytes_per_s, keepalive_us } = *net;
    let other = |value: u64, usual: u64| Some(value).filter(|&v| v != usual);
    if *net != usual {
        line(
            out,
            &Head::Net {
                latency_us: other(latency_us, usual.latency_us),
                jitter_us: other(jitter_us, usual.jitter_us),
                bandwidth: other(bandwidth_bytes_per_s, usual.bandwidth_bytes_per_s),
                keepalive_us: other(keepalive_us, usual.keepalive_us),
            },
        );
    }
}

fn print_disk(disk: &DiskSetup, out: &mut String) {
    let usual = DiskSetup::default();
    let DiskSetup {
        read_us,
        write_us,
        fsync_us,
        fsync_jitter_us,
        bandwidth_bytes_per_s,
        capacity_bytes,
        writeback_us,
    } = *disk;
    let other = |value: u64, usual: u64| Some(value).filter(|&v| v != usual);
    if *disk != usual {
        line(
            out,
            &Head::Disk {
                read_us: other(read_us, usual.read_us),
                write_us: other(write_us, usual.write_us),
                fsync_us: other(fsync_us, usual.fsync_us),
                fsync_jitter_us: other(fsync_jitter_us, usual.fsync_jitter_us),
                bandwidth: other(bandwidth_bytes_per_s, usual.bandwidth_bytes_per_s),
                capacity_bytes: other(capacity_bytes, usual.capacity_bytes),
                writeback_us: other(writeback_us, usual.writeback_us),
            },
        );
    }
}
