//! Expectations: what a scenario says about the world, and whether it is so.
//!
//! A condition looks at a world and changes nothing. An expectation holds at once, or `within` a time (the run waits for it), or
//! throughout a time (`for`).

use super::grammar::{Args, Group, Kind, Part, Verb};
use super::units::show_time;
use super::{Command, Console};
use crate::event::Opinion;
use crate::sim::ledger::CauseKind;
use crate::sim::trace::Life;
use crate::sim::world::World;
use crate::store::glob;
use serde::{Deserialize, Serialize};

use Part::{Arg, Opt, Word};

/// How long an answer is waited for where no time is given, in microseconds.
pub const ANSWER_WITHIN_US: u64 = 10_000_000;

/// How a number is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// It is the same.
    #[default]
    Exactly,
    /// It is the same or more.
    AtLeast,
    /// It is the same or less.
    AtMost,
}

impl Compare {
    fn holds(self, is: u64, wanted: u64) -> bool {
        match self {
            Compare::Exactly => is == wanted,
            Compare::AtLeast => is >= wanted,
            Compare::AtMost => is <= wanted,
        }
    }

    fn word(self) -> Option<String> {
        match self {
            Compare::Exactly => None,
            Compare::AtLeast => Some("at-least".into()),
            Compare::AtMost => Some("at-most".into()),
        }
    }

    fn read(a: &Args) -> Compare {
        match a.maybe_text("compare").as_deref() {
            Some("at-least") => Compare::AtLeast,
            Some("at-most") => Compare::AtMost,
            _ => Compare::Exactly,
        }
    }
}

/// What can be said of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It runs.
    Running,
    /// It is stopped.
    Paused,
    /// It was killed.
    Killed,
    /// Its host has no power.
    NoPower,
    /// It ended by itself.
    Ended,
    /// It refused to start.
    Refused,
}

/// What can be said of acknowledged writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteStatus {
    /// No single failure takes them.
    Safe,
    /// One would be enough.
    AtRisk,
    /// They are gone.
    Lost,
}

const CAUSE_WORDS: &[(&str, &str)] = &[
    ("asynchronous", "the master ended before the replica that took over had received them"),
    ("minority", "a master that others had replaced went on accepting them"),
    ("stale-replica", "the replica that took over had lost them in a restart of its own"),
    ("unsynced", "the power went before the append-only file was synced"),
    ("torn", "the same, and the disk kept a part of the unsynced pages"),
    ("failed-fsync", "the power went after an fsync had failed"),
    ("lying-disk", "the disk did not have what it had said was durable"),
    ("refused-write", "the disk had refused to write the append-only file"),
    ("unwritten", "the process was killed while they were in its own buffer"),
    ("old-snapshot", "there is no append-only file, and the last snapshot is older"),
    ("no-files", "there is neither an append-only file nor a snapshot"),
    ("wiped", "the disk was wiped"),
    ("never-synced", "the replica that took over still held another master's data"),
    ("unknown", "the ledger cannot tell"),
];

/// The word of a cause; no cause is without one.
fn cause_place(cause: CauseKind) -> usize {
    match cause {
        CauseKind::AsyncReplication => 0,
        CauseKind::MinorityMaster => 1,
        CauseKind::StaleReplica => 2,
        CauseKind::UnsyncedTail => 3,
        CauseKind::TornTail => 4,
        CauseKind::FailedFsync => 5,
        CauseKind::LyingDisk => 6,
        CauseKind::RefusedWrite => 7,
        CauseKind::Unwritten => 8,
        CauseKind::OldSnapshot => 9,
        CauseKind::NoFiles => 10,
        CauseKind::WipedDisk => 11,
        CauseKind::NeverSynced => 12,
        CauseKind::Unknown => 13,
    }
}

const CAUSES: [CauseKind; CAUSE_WORDS.len()] = [
    CauseKind::AsyncReplication,
    CauseKind::MinorityMaster,
    CauseKind::StaleReplica,
    CauseKind::UnsyncedTail,
    CauseKind::TornTail,
    CauseKind::FailedFsync,
    CauseKind::LyingDisk,
    CauseKind::RefusedWrite,
    CauseKind::Unwritten,
    CauseKind::OldSnapshot,
    CauseKind::NoFiles,
    CauseKind::WipedDisk,
    CauseKind::NeverSynced,
    CauseKind::Unknown,
];

/// A count of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Operations that were acknowledged.
    Acknowledged,
    /// Operations that were refused or given up, and not executed.
    Errors,
    /// Operations of which nobody can say whether they were executed.
    Unknown,
}

const FIGURES: [(Figure, &str); 3] =
    [(Figure::Acknowledged, "acknowledged"), (Figure::Errors, "errors"), (Figure::Unknown, "unknown")];
const FIGURE_WORDS: &[(&str, &str)] = &[
    ("acknowledged", "operations that were acknowledged"),
    ("errors", "operations that were refused or given up, and not executed"),
    ("unknown", "operations of which nobody can say whether they were executed"),
];

/// Which of many latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantile {
    /// Half of them are no greater.
    P50,
    /// 99 of 100 are no greater.
    P99,
    /// 999 of 1,000 are no greater.
    P999,
    /// The greatest.
    Max,
}

const QUANTILES: [(Quantile, &str); 4] =
    [(Quantile::P50, "p50"), (Quantile::P99, "p99"), (Quantile::P999, "p99.9"), (Quantile::Max, "max")];
const QUANTILE_WORDS: &[(&str, &str)] = &[
    ("p50", "half of them are no greater"),
    ("p99", "99 of 100 are no greater"),
    ("p99.9", "999 of 1000 are no greater"),
    ("max", "the greatest"),
];

/// The word of a value in a list of both.
fn word_in<T: PartialEq>(list: &[(T, &'static str)], value: &T) -> &'static str {
    list.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

/// The value of a word in such a list; a word that is none of them has not come through the grammar.
fn value_in<T: Copy>(list: &[(T, &'static str)], word: &str) -> T {
    list.iter().find(|(_, known)| *known == word).unwrap_or(&list[0]).0
}

const PROCESS_WORDS: &[(&str, &str)] = &[
    ("running", "it runs"),
    ("paused", "it stands still"),
    ("killed", "it was killed"),
    ("no-power", "its host has no power"),
    ("ended", "it ended by itself"),
    ("refused", "it refused to start"),
];
const PROCESS_STATES: [ProcessState; 6] = [
    ProcessState::Running,
    ProcessState::Paused,
    ProcessState::Killed,
    ProcessState::NoPower,
    ProcessState::Ended,
    ProcessState::Refused,
];

/// Something that is so or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum Condition {
    /// The last line that was typed got no error.
    Ok,
    /// It got an error, like this pattern.
    Error { pattern: Option<String> },
    /// It got exactly this, as redis-cli prints it.
    Reply { text: String },
    /// It got something like this pattern.
    ReplyLike { pattern: String },
    /// A node is a master, or a replica.
    Role { node: String, master: bool },
    /// A process is so.
    Process { node: String, state: ProcessState },
    /// The cluster serves all slots or not, as one node says, or every node that runs.
    Cluster { ok: bool, node: Option<String> },
    /// The operator has formed the cluster.
    Formed,
    /// Every process runs, every node says that the cluster is ok and suspects nobody, and every replica's link is up.
    Whole,
    /// A replica's link to its master is up or not.
    Link { node: String, up: bool },
    /// What one node thinks of another.
    Sees { node: String, other: String, opinion: Opinion },
    /// How many keys a node has.
    Keys { node: String, compare: Compare, count: u64 },
    /// How many slots a node serves by its own word.
    Slots { node: String, compare: Compare, count: u64 },
    /// How many acknowledged writes are so; of the lost ones, those that were lost for one reason.
    Writes { status: WriteStatus, compare: Compare, count: u64, cause: Option<CauseKind> },
    /// How many operations of a workload ended so.
    Load { name: String, figure: Figure, compare: Compare, count: u64 },
    /// How long the acknowledged operations of a workload took, since it was started.
    Latency { name: String, quantile: Quantile, compare: Compare, us: u64 },
    /// A line of a node's log is like this pattern.
    Log { node: String, pattern: String },
    /// The trace hash of the run so far.
    Hash { hash: u64 },
}

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// What is expected.
    pub what: Condition,
    /// It may take so long to become true, in microseconds.
    #[serde(default)]
    pub within_us: Option<u64>,
    /// It has to stay true for so long, in microseconds.
    #[serde(default)]
    pub for_us: Option<u64>,
}

const NODE: Part = Arg("NODE", Kind::Node);
const WITHIN: Part = Opt(&[Word("within"), Arg("WITHIN", Kind::Time)]);
const FOR: Part = Opt(&[Word("for"), Arg("TIME", Kind::Time)]);
const ROLES: &[(&str, &str)] = &[("master", "it is a master"), ("replica", "it is a replica")];
const OKS: &[(&str, &str)] = &[("ok", "all slots are served"), ("fail", "some slots are not served")];
const UPS: &[(&str, &str)] = &[("up", "the link is up"), ("down", "the link is down")];
const OPINIONS: &[(&str, &str)] = &[
    ("ok", "it answers"),
    ("pfail", "it does not answer this node"),
    ("fail", "most masters say that it does not answer"),
];
const COMPARES: &[(&str, &str)] = &[("at-least", "so many or more"), ("at-most", "so many or fewer")];
const COMPARE: Part = Opt(&[Arg("compare", Kind::Choice(COMPARES))]);
const COUNT: Part = Arg("COUNT", Kind::Number(u64::MAX));

const fn row(
    key: &'static str,
    parts: &'static [Part],
    help: &'static str,
    example: &'static str,
    make: fn(&Args) -> Command,
) -> Verb {
    Verb { name: "expect", key, parts, group: Group::Checks, help, example, make }
}

fn expect(a: &Args, what: Condition) -> Command {
    Command::Expect(Expect { what, within_us: a.maybe_num("WITHIN"), for_us: a.maybe_num("TIME") })
}

fn writes(a: &Args, status: WriteStatus, cause: Option<CauseKind>) -> Command {
    expect(a, Condition::Writes { status, compare: Compare::read(a), count: a.get_num("COUNT"), cause })
}

fn node(a: &Args) -> String {
    a.get_text("NODE")
}

/// The rows.
#[rustfmt::skip] // one row a block reads as the table that it is
pub(crate) static ROWS: &[Verb] = &[
    row("expect-ok", &[Word("ok"), WITHIN],
        "The last line that was typed gets an answer, and no error. An answer is waited for, 10 s if nothing else is said.",
        "expect ok", |a| expect(a, Condition::Ok)),
    row("expect-error", &[Word("error"), Opt(&[Word("like"), Arg("PATTERN", Kind::Text)]), WITHIN],
        "The last line gets an error, like a pattern of KEYS if one is given.",
        r#"expect error like "*CLUSTERDOWN*""#, |a| expect(a, Condition::Error { pattern: a.maybe_text("PATTERN") })),
    row("expect-reply-like", &[Word("reply"), Word("like"), Arg("PATTERN", Kind::Text), WITHIN],
        "The last line gets an answer like a pattern.",
        r#"expect reply like "*role:master*""#, |a| expect(a, Condition::ReplyLike { pattern: a.get_text("PATTERN") })),
    row("expect-reply", &[Word("reply"), Arg("TEXT", Kind::Text), WITHIN],
        "The last line gets exactly this answer, as redis-cli prints it.",
        r#"expect reply "(integer) 1""#, |a| expect(a, Condition::Reply { text: a.get_text("TEXT") })),
    row("expect-role", &[Word("role"), NODE, Arg("role", Kind::Choice(ROLES)), WITHIN, FOR],
        "A node is a master or a replica, by its own word.",
        "expect role A2 master within 15s", |a| expect(a, Condition::Role { node: node(a), master: a.get_text("role") == "master" })),
    row("expect-process", &[Word("process"), NODE, Arg("state", Kind::Choice(PROCESS_WORDS)), WITHIN, FOR],
        "A node's process is so.",
        "expect process A1 running", |a| {
            let word = a.get_text("state");
            let place = PROCESS_WORDS.iter().position(|w| w.0 == word).unwrap_or(0);
            expect(a, Condition::Process { node: node(a), state: PROCESS_STATES[place] })
        }),
    row("expect-cluster", &[Word("cluster"), Arg("state", Kind::Choice(OKS)), Opt(&[Word("on"), NODE]), WITHIN, FOR],
        "The cluster serves all slots or not: as one node says, or every node that runs.",
        "expect cluster ok within 20s", |a| expect(a, Condition::Cluster { ok: a.get_text("state") == "ok", node: a.maybe_text("NODE") })),
    row("expect-formed", &[Word("formed"), WITHIN],
        "The operator has formed the cluster.",
        "expect formed within 30s", |a| expect(a, Condition::Formed)),
    row("expect-whole", &[Word("whole"), WITHIN, FOR],
        "Every process runs, every node says that the cluster is ok and suspects nobody, and every replica's link is up.",
        "expect whole within 60s", |a| expect(a, Condition::Whole)),
    row("expect-link", &[Word("link"), NODE, Arg("state", Kind::Choice(UPS)), WITHIN, FOR],
        "A replica's link to its master is up or down.",
        "expect link A2 up within 5s", |a| expect(a, Condition::Link { node: node(a), up: a.get_text("state") == "up" })),
    row("expect-sees", &[Word("sees"), NODE, Arg("OTHER", Kind::Node), Arg("opinion", Kind::Choice(OPINIONS)), WITHIN, FOR],
        "What one node thinks of another.",
        "expect sees B1 A1 fail within 10s", |a| {
            let opinion = match a.get_text("opinion").as_str() {
                "pfail" => Opinion::Suspected,
                "fail" => Opinion::Failed,
                _ => Opinion::Ok,
            };
            expect(a, Condition::Sees { node: node(a), other: a.get_text("OTHER"), opinion })
        }),
    row("expect-keys", &[Word("keys"), NODE, COMPARE, COUNT, WITHIN, FOR],
        "How many keys a node has.",
        "expect keys A1 at-least 100", |a| expect(a, Condition::Keys { node: node(a), compare: Compare::read(a), count: a.get_num("COUNT") })),
    row("expect-slots", &[Word("slots"), NODE, COMPARE, COUNT, WITHIN, FOR],
        "How many slots a node serves, by its own word.",
        "expect slots A1 5461", |a| expect(a, Condition::Slots { node: node(a), compare: Compare::read(a), count: a.get_num("COUNT") })),
    row("expect-lost", &[Word("lost"), COMPARE, COUNT, Opt(&[Word("by"), Arg("cause", Kind::Choice(CAUSE_WORDS))]), WITHIN, FOR],
        "How many acknowledged writes are lost, in all or by one cause.",
        "expect lost at-least 1 by minority", |a| {
            let word = a.maybe_text("cause");
            let cause = word.and_then(|w| CAUSE_WORDS.iter().position(|c| c.0 == w)).map(|place| CAUSES[place]);
            writes(a, WriteStatus::Lost, cause)
        }),
    row("expect-at-risk", &[Word("at-risk"), COMPARE, COUNT, WITHIN, FOR],
        "How many acknowledged writes a single failure would take.",
        "expect at-risk 0 within 5s", |a| writes(a, WriteStatus::AtRisk, None)),
    row("expect-safe", &[Word("safe"), COMPARE, COUNT, WITHIN, FOR],
        "How many acknowledged writes no single failure takes.",
        "expect safe at-least 1", |a| writes(a, WriteStatus::Safe, None)),
    row("expect-latency", &[Word("latency"), Arg("NAME", Kind::Text), Arg("quantile", Kind::Choice(QUANTILE_WORDS)), COMPARE, Arg("LATENCY", Kind::Time), WITHIN, FOR],
        "How long the acknowledged operations of a workload took, since it was started.",
        "expect latency app p99 at-most 5ms", |a| expect(a, Condition::Latency {
            name: a.get_text("NAME"), quantile: value_in(&QUANTILES, &a.get_text("quantile")), compare: Compare::read(a), us: a.get_num("LATENCY"),
        })),
    row("expect-workload", &[Word("workload"), Arg("NAME", Kind::Text), Arg("figure", Kind::Choice(FIGURE_WORDS)), COMPARE, COUNT, WITHIN, FOR],
        "How many operations of a workload ended so, since it was started.",
        "expect workload app errors 0", |a| expect(a, Condition::Load {
            name: a.get_text("NAME"), figure: value_in(&FIGURES, &a.get_text("figure")), compare: Compare::read(a), count: a.get_num("COUNT"),
        })),
    row("expect-log", &[Word("log"), NODE, Arg("PATTERN", Kind::Text), WITHIN],
        "A line of a node's log is like a pattern.",
        r#"expect log A2 "*Failover election won*" within 15s"#, |a| expect(a, Condition::Log { node: node(a), pattern: a.get_text("PATTERN") })),
    row("expect-hash", &[Word("hash"), Arg("HASH", Kind::Hash)],
        "The run so far is the same to the last byte as one that had this trace hash.",
        "expect hash 0123456789abcdef", |a| expect(a, Condition::Hash { hash: a.get_num("HASH") })),
];

/// The row and the arguments of an expectation.
pub(crate) fn line_of_expect(expect: &Expect) -> (&'static str, Args) {
    let Expect { what, within_us, for_us } = expect;
    let (key, args) = line_of(what);
    (key, args.opt_num("WITHIN", *within_us).opt_num("TIME", *for_us))
}

fn line_of(what: &Condition) -> (&'static str, Args) {
    use Condition as C;
    let about = |node: &String| Args::new().text("NODE", node);
    let word = |on: bool, yes: &str, no: &str| if on { yes.to_string() } else { no.to_string() };
    match what {
        C::Ok => ("expect-ok", Args::new()),
        C::Error { pattern } => ("expect-error", Args::new().opt_text("PATTERN", pattern.as_ref())),
        C::Reply { text } => ("expect-reply", Args::new().text("TEXT", text)),
        C::ReplyLike { pattern } => ("expect-reply-like", Args::new().text("PATTERN", pattern)),
        C::Role { node, master } => {
            ("expect-role", about(node).text("role", &word(*master, "master", "replica")))
        }
        C::Process { node, state } => {
            let place = PROCESS_STATES.iter().position(|s| s == state).unwrap_or(0);
            ("expect-process", about(node).text("state", PROCESS_WORDS[place].0))
        }
        C::Cluster { ok, node } => {
            let args = Args::new().text("state", &word(*ok, "ok", "fail"));
            ("expect-cluster", args.opt_text("NODE", node.as_ref()))
        }
        C::Formed => ("expect-formed", Args::new()),
        C::Whole => ("expect-whole", Args::new()),
        C::Link { node, up } => ("expect-link", about(node).text("state", &word(*up, "up", "down"))),
        C::Sees { node, other, opinion } => {
            let opinion = match opinion {
                Opinion::Ok => "ok",
                Opinion::Suspected => "pfail",
                Opinion::Failed => "fail",
            };
            ("expect-sees", about(node).text("OTHER", other).text("opinion", opinion))
        }
        C::Keys { node, compare, count } => {
            ("expect-keys", about(node).opt_text("compare", compare.word().as_ref()).num("COUNT", *count))
        }
        C::Slots { node, compare, count } => {
            ("expect-slots", about(node).opt_text("compare", compare.word().as_ref()).num("COUNT", *count))
        }
        C::Writes { status, compare, count, cause } => {
            let args = Args::new().opt_text("compare", compare.word().as_ref()).num("COUNT", *count);
            let word = cause.map(|c| CAUSE_WORDS[cause_place(c)].0.to_string());
            match status {
                WriteStatus::Lost => ("expect-lost", args.opt_text("cause", word.as_ref())),
                WriteStatus::AtRisk => ("expect-at-risk", args),
                WriteStatus::Safe => ("expect-safe", args),
            }
        }
        C::Load { name, figure, compare, count } => (
            "expect-workload",
            Args::new()
                .text("NAME", name)
                .text("figure", word_in(&FIGURES, figure))
                .opt_text("compare", compare.word().as_ref())
                .num("COUNT", *count),
        ),
        C::Latency { name, quantile, compare, us } => (
            "expect-latency",
            Args::new()
                .text("NAME", name)
                .text("quantile", word_in(&QUANTILES, quantile))
                .opt_text("compare", compare.word().as_ref())
                .num("LATENCY", *us),
        ),
        C::Log { node, pattern } => ("expect-log", about(node).text("PATTERN", pattern)),
        C::Hash { hash } => ("expect-hash", Args::new().num("HASH", *hash)),
    }
}

/// Whether something is so; if not, what is so instead.
pub(crate) type Found = Result<(), String>;

fn found(holds: bool, instead: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(instead()) }
}

impl Condition {
    /// Whether it is about the answer to the last line, which has to be waited for.
    pub fn is_about_answer(&self) -> bool {
        use Condition as C;
        matches!(self, C::Ok | C::Error { .. } | C::Reply { .. } | C::ReplyLike { .. })
    }

    /// Whether the world has to keep a ledger of its writes for it.
    pub fn needs_ledger(&self) -> bool {
        matches!(self, Condition::Writes { .. })
    }

    /// Whether it is so in this world now.
    ///
    /// # Errors
    /// What is so instead.
    pub(crate) fn look(&self, world: &World, console: &Console) -> Found {
        use Condition as C;
        let like = |pattern: &str, text: &str| glob::matches(pattern.as_bytes(), text.as_bytes(), false);
        match self {
            C::Ok | C::Error { .. } | C::Reply { .. } | C::ReplyLike { .. } => {
                let answer = console.answer(world).ok_or("there is no answer yet")?;
                let instead = || format!("the answer is {:?}", short(&answer.text));
                found(
                    match self {
                        C::Error { pattern } => {
                            answer.error && pattern.as_ref().is_none_or(|p| like(p, &answer.text))
                        }
                        C::Reply { text } => answer.text == *text,
                        C::ReplyLike { pattern } => like(pattern, &answer.text),
                        _ => !answer.error,
                    },
                    instead,
                )
            }
            C::Role { node, master } => {
                let is = is_master(world, node).ok_or_else(|| format!("{node} does not run"))?;
                found(is == *master, || format!("{node} is a {}", if is { "master" } else { "replica" }))
            }
            C::Process { node, state } => {
                let life = life(world, node)?;
                let is = state_of(life);
                found(is == *state, || format!("{node} is {}", PROCESS_WORDS[is as usize].0))
            }
            C::Cluster { ok, node } => {
                let names: Vec<&String> = match node {
                    Some(node) => vec![node],
                    None => world.setup().nodes.iter().map(|n| &n.name).collect(),
                };
                let mut asked = false;
                for name in names {
                    let Some(cluster) = world.node(name).and_then(|n| n.cluster()) else { continue };
                    asked = true;
                    found(cluster.is_ok() == *ok, || {
                        format!("{name} says that the cluster is {}", if *ok { "not ok" } else { "ok" })
                    })?;
                }
                found(asked, || "no node that runs is part of a cluster".to_string())
            }
            C::Formed => match world.formation() {
                Some(status) => found(status.done_at_us.is_some(), || {
                    status.error.unwrap_or_else(|| format!("the operator is still {}", status.phase))
                }),
                None => Err("nobody forms a cluster here".to_string()),
            },
            C::Whole => whole(world),
            C::Link { node, up } => {
                let status =
                    world.node(node).map(|n| n.status()).ok_or_else(|| format!("{node} does not run"))?;
                let Some(master) = status.master else { return Err(format!("{node} is a master")) };
                found(master.up == *up, || format!("it is {}", if master.up { "up" } else { "down" }))
            }
            C::Sees { node, other, opinion } => {
                let is = opinion_of(world, node, other)?;
                found(is == *opinion, || format!("{node} thinks that {other} is {}", opinion_word(is)))
            }
            C::Keys { node, compare, count } => {
                let status =
                    world.node(node).map(|n| n.status()).ok_or_else(|| format!("{node} does not run"))?;
                found(compare.holds(status.keys, *count), || format!("{node} has {} keys", status.keys))
            }
            C::Slots { node, compare, count } => {
                let slots = slots_of(world, node)?;
                found(compare.holds(slots, *count), || format!("{node} serves {slots} slots"))
            }
            C::Writes { status, compare, count, cause } => {
                let summary = world.ledger_summary().ok_or("no ledger of the writes is kept here")?;
                let of_cause = |cause: &CauseKind| {
                    summary.losses.iter().filter(|l| l.cause.kind == *cause).map(|l| l.count).sum()
                };
                let is = match status {
                    WriteStatus::Safe => summary.safe,
                    WriteStatus::AtRisk => summary.at_risk,
                    WriteStatus::Lost => cause.as_ref().map_or(summary.lost, of_cause),
                };
                found(compare.holds(is, *count), || {
                    let losses: Vec<String> = (summary.losses.iter())
                        .map(|l| format!("{} by {}", l.count, CAUSE_WORDS[cause_place(l.cause.kind)].0))
                        .collect();
                    let by =
                        if losses.is_empty() { String::new() } else { format!(" ({})", losses.join(", ")) };
                    format!(
                        "{} are safe, {} at risk, {} lost{by}",
                        summary.safe, summary.at_risk, summary.lost
                    )
                })
            }
            C::Load { name, figure, compare, count } => {
                let stats =
                    world.workload_stats(name).ok_or_else(|| format!("there is no workload `{name}`"))?;
                let is = match figure {
                    Figure::Acknowledged => stats.run.ok,
                    Figure::Errors => stats.run.errors,
                    Figure::Unknown => stats.run.unknown,
                };
                found(compare.holds(is, *count), || {
                    let run = stats.run;
                    format!("{} are acknowledged, {} errors, {} unknown", run.ok, run.errors, run.unknown)
                })
            }
            C::Latency { name, quantile, compare, us } => {
                let stats =
                    world.workload_stats(name).ok_or_else(|| format!("there is no workload `{name}`"))?;
                let latency = stats.run.latency;
                let is = match quantile {
                    Quantile::P50 => latency.p50_us,
                    Quantile::P99 => latency.p99_us,
                    Quantile::P999 => latency.p999_us,
                    Quantile::Max => latency.max_us,
                };
                found(latency.count > 0 && compare.holds(is, *us), || {
                    format!("it is {} of {} operations", show_time(is), latency.count)
                })
            }
            C::Log { node, pattern } => {
                found(world.log_after(node, 0).any(|line| like(pattern, &line.text)), || {
                    format!(
                        "the last {} lines of the log of {node} are not like it",
                        crate::sim::process::LOG_LINES_MAX
                    )
                })
            }
            C::Hash { hash } => {
                found(world.hash() == *hash, || format!("it is {:016x}: this is another run", world.hash()))
            }
        }
    }
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(200).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn life<'a>(world: &'a World, node: &str) -> Result<&'a Life, String> {
    let index = world.node_index(node).ok_or_else(|| format!("there is no node `{node}`"))?;
    Ok(&world.procs[index as usize].life)
}

fn state_of(life: &Life) -> ProcessState {
    match life {
        Life::Running => ProcessState::Running,
        Life::Paused => ProcessState::Paused,
        Life::Killed => ProcessState::Killed,
        Life::PowerLost => ProcessState::NoPower,
        Life::Exited { .. } => ProcessState::Ended,
        Life::Refused { .. } => ProcessState::Refused,
    }
}

fn is_master(world: &World, node: &str) -> Option<bool> {
    let node = world.node(node)?;
    Some(node.cluster().map_or_else(|| node.status().master.is_none(), |c| c.is_master()))
}

fn opinion_word(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Ok => "ok",
        Opinion::Suspected => "PFAIL",
        Opinion::Failed => "FAIL",
    }
}

/// What a node thinks of another, which it knows by the address.
fn opinion_of(world: &World, node: &str, other: &str) -> Result<Opinion, String> {
    let about = world.node_index(other).ok_or_else(|| format!("there is no node `{other}`"))?;
    let about = &world.procs[about as usize];
    let view = world.node(node).and_then(|n| n.cluster_view());
    let view = view.ok_or_else(|| format!("{node} is in no cluster or does not run"))?;
    let known = view.nodes.iter().find(|n| n.ip == about.ip && n.port == about.port);
    known.map(|n| n.opinion).ok_or_else(|| format!("{node} does not know {other}"))
}

fn slots_of(world: &World, node: &str) -> Result<u64, String> {
    let view = world.node(node).and_then(|n| n.cluster_view());
    let view = view.ok_or_else(|| format!("{node} is in no cluster or does not run"))?;
    let mine = view.nodes.iter().filter(|n| n.myself).flat_map(|n| &n.slots);
    Ok(mine.map(|(first, last)| u64::from(last - first) + 1).sum())
}

fn whole(world: &World) -> Found {
    for name in world.setup().nodes.iter().map(|n| n.name.as_str()) {
        let node = world.node(name).ok_or_else(|| format!("{name} does not run"))?;
        found(*life(world, name)? == Life::Running, || format!("{name} does not run"))?;
        if let Some(view) = node.cluster_view() {
            found(view.ok, || format!("{name} says that the cluster is not ok"))?;
            if let Some(other) = view.nodes.iter().find(|n| n.opinion != Opinion::Ok) {
                return Err(format!(
                    "{name} thinks that {}:{} is {}",
                    other.ip,
                    other.port,
                    opinion_word(other.opinion)
                ));
            }
        }
        let status = node.status();
        found(!status.loading, || format!("{name} is loading"))?;
        found(status.master.is_none_or(|m| m.up), || format!("{name} has no link to its master"))?;
    }
    Ok(())
}
