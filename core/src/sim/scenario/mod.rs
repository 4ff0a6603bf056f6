//! Scenarios: one language for everything that can be done to a world.
//!
//! A line is a [`Command`]. What a visitor clicks is shown as a line, what is typed behind [`PREFIX`] in a terminal is a line, and a file
//! of lines with a head that says what the world is made of is a [`Scenario`]: one value, which gives the same run to
//! the last byte wherever it is played. docs/SCENARIO.md describes the language for those who write it.
//!
//! The grammar is a table ([`table`], whose rows stand in `head`, `verbs`, `workload` and `expect`): the parser, the printer, [`complete`]
//! and the reference in the documentation all read it. Every action has a line, and `parse(print(action))` is that action.
//!
//! Text from outside is hostile until it is read: every length has a limit, a time that would overflow stops at the end of
//! time, and what does not fit is refused with its line and column.

mod complete;
mod console;
mod error;
mod expect;
mod file;
mod grammar;
mod head;
mod lex;
mod link;
mod play;
pub mod table;
mod units;
mod verbs;
mod workload;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use complete::{Candidate, Completion, Names, complete, help};
pub use console::{Answer, Console, Done, Host};
pub use error::ScenarioError;
pub use expect::{ANSWER_WITHIN_US, Compare, Condition, Expect, ProcessState};
pub use file::{HEAD_LINES_MAX, LINES_MAX, REPEATS_MAX, TEXT_LEN_MAX, TITLE_LEN_MAX};
pub use grammar::{Group, Kind, Part, Verb, show_name};
pub use head::{CONF_LEN_MAX, Head};
pub use link::{LINK_LEN_MAX, LinkError, Opened, OtherEngine, engine_hash};
pub use play::{Outcome, Player, Remark, Script};

use crate::sim::fault::Action;
use crate::sim::setup::Setup;
use crate::sim::trace::TraceClass;
use crate::sim::world::World;
use crate::store::slot::SLOTS;
use grammar::{Args, Blocks, Matcher, render, show_rest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands before a line of this language in a terminal that also takes Redis commands: no Redis command begins with it.
pub const PREFIX: char = ':';
/// The version of the text format and of links.
pub const VERSION: u32 = 1;
/// The longest line, in bytes.
pub const LINE_LEN_MAX: usize = 2 << 20;
/// How many timed lines a scenario has at the most.
pub const STEPS_MAX: usize = 200_000;
/// A year, in microseconds.
pub(crate) const YEAR_US: u64 = 365 * 86_400_000_000;
/// The longest time in a scenario, and the longest run, in microseconds: a hundred years.
pub const TIME_US_MAX: u64 = 100 * YEAR_US;
/// The latest wall clock at the beginning, in microseconds since the Unix epoch: the year 9999, where Redis's dates end too.
pub const WALL_US_MAX: u64 = 253_402_300_799_000_000;
/// The shortest time between two repetitions, in microseconds.
pub const EVERY_US_MIN: u64 = 100;

/// Into whose terminal a line is typed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// A node's, as `redis-cli -h`.
    Node(String),
    /// The cluster's, as `redis-cli -c`.
    Cluster,
    /// Each running node's.
    Each,
}

/// What is done with virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "time", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum TimeCommand {
    /// So long.
    RunFor { us: u64 },
    /// Up to an instant; with `event`, until so many events have happened and then on to the instant.
    RunUntil { us: u64, event: Option<u64> },
    /// It follows the wall clock. For a host with a clock.
    Play,
    /// It stands still. For a host with a clock.
    Stop,
    /// So many millionths of a virtual second a second. For a host with a clock.
    Speed { factor_ppm: u64 },
    /// So many events. For a host that can go back.
    Step { events: u32 },
    /// Back by so many events. For a host that can go back.
    Back { events: u32 },
    /// To an instant, back or forward. For a host that can go back.
    Goto { us: u64 },
    /// To the end of the run that one is in. For a host that can go back.
    Live,
    /// On to the next event of a kind, or of any that changes what the nodes are and think. For a host that can go back.
    Next { what: Option<TraceClass> },
    /// Back to the last event of a kind before this instant. For a host that can go back.
    Last { what: Option<TraceClass> },
    /// To the end of a run, by its number. For a host that can go back.
    Branch { number: u32 },
}

/// What [`TimeCommand::Next`] and [`TimeCommand::Last`] stop at when no kind is given: what the tape shows.
pub const NEWS: [TraceClass; 7] = [
    TraceClass::Action,
    TraceClass::Process,
    TraceClass::Role,
    TraceClass::Opinion,
    TraceClass::Vote,
    TraceClass::Slots,
    TraceClass::State,
];

/// When a line of a scenario happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum When {
    /// As soon as the line before it is done.
    #[default]
    Next,
    /// At an instant of the run.
    At { us: u64 },
    /// At an instant and after so many events: the place that [`ActionRecord`](crate::sim::ActionRecord) keeps.
    Exact { us: u64, after_events: u64 },
    /// So long after the line before it is done.
    After { us: u64 },
    /// Again and again from now on, while the lines that follow go on.
    Every { us: u64, for_us: Option<u64>, times: Option<u32> },
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Something is done to the world.
    Act(Action),
    /// A line is typed into somebody's terminal.
    Say {
        /// Whose.
        whom: Whom,
        /// What.
        line: String,
    },
    /// Something is expected.
    Expect(Expect),
    /// Virtual time.
    Time(TimeCommand),
    /// Back to before the last fault, and from there on the same again after a line was typed into each node's terminal. For a host
    /// that can go back.
    Again {
        /// The line for redis-cli.
        line: String,
    },
    /// Somebody asks how to.
    Help {
        /// About what.
        word: Option<String>,
    },
    /// What the world is made of; in the head of a file.
    Head(Head),
    /// When the rest of the line happens; in front of a line in a file.
    When(When),
}

impl From<Action> for Command {
    fn from(action: Action) -> Command {
        Command::Act(action)
    }
}

/// One timed line of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    #[serde(default)]
    pub when: When,
    /// What: an action, a line for a terminal, an expectation, or time that passes.
    pub what: Command,
}

/// A whole run to be: what the world is made of, and what happens in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What it is called; may be empty.
    #[serde(default)]
    pub title: String,
    /// The [`engine_hash`] of the engine that it was made with, if it matters: for the record of a run.
    #[serde(default)]
    pub engine: Option<u64>,
    /// The seed, the nodes with their redis.conf, the network, the disks, and who forms a cluster of them.
    pub setup: Setup,
    /// What happens.
    #[serde(default)]
    pub steps: Vec<Step>,
}

impl Scenario {
    /// A world of this setup in which nothing is done.
    pub fn new(setup: Setup) -> Scenario {
        Scenario { title: String::new(), engine: None, setup, steps: Vec::new() }
    }

    /// The scenario of a world: its setup and everything that was done to it, each at its exact place, up to where the world is now,
    /// with its trace hash to be compared at the end.
    ///
    /// # Errors
    /// For a world that began from files (there is no setup that makes them), or with more actions than a scenario has lines.
    pub fn of(world: &World) -> Result<Scenario, String> {
        if world.is_restored() {
            return Err(
                "this world began from the files of an earlier one, so its setup does not give it again"
                    .into(),
            );
        }
        let record = |record: &crate::sim::ActionRecord| Step {
            when: When::Exact { us: record.at_us, after_events: record.after_events },
            what: Command::Act(record.action.clone()),
        };
        let mut steps: Vec<Step> = world.actions().iter().map(record).collect();
        let end = TimeCommand::RunUntil { us: world.now_us(), event: Some(world.events()) };
        let hash = Condition::Hash { hash: world.hash() };
        let last =
            [Command::Time(end), Command::Expect(Expect { what: hash, within_us: None, for_us: None })];
        steps.extend(last.map(|what| Step { when: When::Next, what }));
        let engine = Some(engine_hash());
        let scenario = Scenario { title: String::new(), engine, setup: world.setup().clone(), steps };
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it can be played and written down.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        self.setup.check()?;
        let conf: usize = self.setup.nodes.iter().map(|n| n.conf.len() + 1).sum();
        if conf > CONF_LEN_MAX {
            return Err(format!(
                "all redis.conf together have no more than {CONF_LEN_MAX} bytes, not {conf}"
            ));
        }
        for shard in self.setup.formation.iter().flat_map(|f| &f.shards) {
            if shard.nodes.is_empty() || shard.slots.0 > shard.slots.1 || shard.slots.1 >= SLOTS {
                return Err("a shard has a master and slots of 0 to 16383".into());
            }
        }
        head::check_amounts(&self.setup)?;
        if self.setup.formation.as_ref().is_some_and(|f| f.shards.is_empty()) {
            return Err("a cluster has one shard or more".into());
        }
        if self.steps.len() > STEPS_MAX {
            return Err(format!("a scenario has no more than {STEPS_MAX} lines, not {}", self.steps.len()));
        }
        if self.title.len() > TITLE_LEN_MAX {
            return Err(format!("a title has no more than {TITLE_LEN_MAX} bytes"));
        }
        let repeats = self.steps.iter().filter(|step| matches!(step.when, When::Every { .. })).count();
        if repeats > REPEATS_MAX {
            return Err(format!(
                "a scenario has no more than {REPEATS_MAX} lines that are repeated, not {repeats}"
            ));
        }
        for step in &self.steps {
            file::check_step(&step.when, &step.what)?;
        }
        Ok(())
    }
}

/// Reads one line as it is typed live. [`PREFIX`] in front of it is allowed; a line that begins as in a file with `at` or `after`, or
/// belongs to the head of a file, is refused.
///
/// # Errors
/// Where the line is wrong, and what was expected there.
pub fn parse_line(line: &str) -> Result<Command, ScenarioError> {
    let (command, args) = parse(line, prefix_len(line), None, true)?;
    debug_assert_eq!(args.block_lines, 0);
    Ok(command)
}

/// How many bytes stand before the line itself.
fn prefix_len(line: &str) -> usize {
    let blank = line.len() - line.trim_start().len();
    if line[blank..].starts_with(PREFIX) { blank + PREFIX.len_utf8() } else { 0 }
}

/// Whether a row can begin a line here.
fn fits(verb: &Verb, live: bool) -> bool {
    !live || !matches!(verb.group, Group::Head | Group::When)
}

/// What a line that is refused live was to be, and what to do instead.
fn files_alone(verb: &Verb) -> String {
    let instead = match (verb.group, verb.name) {
        (Group::Head, _) => "put it into a scenario and open that as another world",
        (_, "every") => "`workload` repeats commands, or put it into a scenario and open that",
        _ => "let time pass first, by `run for 5s` or `run until 60s`",
    };
    format!("`{}` stands in files alone; {instead}", verb.name)
}

/// Reads a command from byte `at` of a line on.
fn parse(
    source: &str,
    at: usize,
    blocks: Option<Blocks<'_>>,
    live: bool,
) -> Result<(Command, Args), ScenarioError> {
    if source.len() > LINE_LEN_MAX {
        let message = format!(
            "a line has no more than {LINE_LEN_MAX} bytes, and this one has {}: put long text between <<END and END",
            source.len()
        );
        return Err(ScenarioError::at(source, LINE_LEN_MAX, message));
    }
    let mut matcher = Matcher::new(source, blocks);
    match command(&mut matcher, at, live) {
        Some((Some(verb), args)) => Ok(((verb.make)(&args), args)),
        Some((None, args)) => Ok((prompted(&args), args)),
        None => Err(matcher.error()),
    }
}

/// What `A1> LINE` is.
fn prompted(args: &Args) -> Command {
    let whom = args.get_text("WHOM");
    let whom = match whom.as_str() {
        "cluster" => Whom::Cluster,
        "each" => Whom::Each,
        _ => Whom::Node(whom),
    };
    Command::Say { whom, line: args.get_text("LINE") }
}

/// Holds a line against the table; no row is what a prompt in front of the line gives.
fn command(matcher: &mut Matcher<'_>, at: usize, live: bool) -> Option<(Option<&'static Verb>, Args)> {
    let Some(token) = matcher.token(at) else {
        for row in table::rows().filter(|r| fits(r, live)) {
            matcher.want_word(at, row.name, row.help);
        }
        return None;
    };
    let text = std::str::from_utf8(&token.bytes).ok().filter(|_| !token.quoted).unwrap_or_default();
    if let Some(whom) = text.strip_suffix('>').filter(|w| lex::is_plain(w)) {
        static LINE: [Part; 1] = [Part::Arg("LINE", Kind::Rest)];
        let mut args = Args::new().text("WHOM", whom);
        if whom != "cluster" && whom != "each" {
            args.nodes.push((token.start, whom.to_string()));
        }
        let end = matcher.parts(&LINE, token.end, &mut args)?;
        return matcher.ends(end).then_some((None, args));
    }
    let mut known = false;
    // A word of the language goes before a name that is spelt alike; the name would stand in quotes.
    let begins_with_name = |row: &&Verb| matches!(row.parts.first(), Some(Part::Arg(..)));
    let named = |name: bool| table::rows().filter(move |row| begins_with_name(row) == name);
    for row in named(false).chain(named(true)).filter(|r| token.is(r.name)) {
        if !fits(row, live) {
            matcher.refuse(token.start, files_alone(row), None);
            return None;
        }
        known = true;
        let mut args = Args::new();
        if let Some(end) = matcher.parts(row.parts, token.end, &mut args)
            && (row.group == Group::When || matcher.ends(end))
            && !matcher.exploring
        {
            args.end = end;
            return Some((Some(row), args));
        }
    }
    if !known {
        let near = error::nearest(text, table::rows().filter(|r| fits(r, live)).map(|r| r.name));
        matcher.refuse(token.start, format!("there is no command `{}`", token.shown()), near);
    }
    None
}

impl Command {
    fn row_and_args(&self) -> Option<(&'static str, Args)> {
        match self {
            Command::Act(action) => Some(verbs::line_of_action(action)),
            Command::Say { whom, line } => Some(verbs::line_of_say(whom, line)),
            Command::Expect(expect) => Some(expect::line_of_expect(expect)),
            Command::Time(time) => Some(verbs::line_of_time(time)),
            Command::Again { line } => Some(("again", Args::new().text("LINE", line))),
            Command::Help { word } => Some(("help", Args::new().opt_text("WORD", word.as_ref()))),
            Command::Head(head) => Some(head::line_of_head(head)),
            Command::When(when) => head::line_of_when(when),
        }
    }
}

/// The line of it, as [`parse_line`] reads it.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Command::Say { whom, line } = self {
            let line = show_rest(line);
            match whom {
                Whom::Cluster => return write!(f, "cluster> {line}"),
                Whom::Each => return write!(f, "each> {line}"),
                Whom::Node(name) if show_name(name) == *name => return write!(f, "{name}> {line}"),
                Whom::Node(_) => {}
            }
        }
        let Some((key, args)) = self.row_and_args() else { return Ok(()) };
        let Some(row) = table::row(key) else { return Ok(()) };
        f.write_str(&render(row, &args))
    }
}

/// The line that does what an action does: what a button shows.
pub fn line_of(action: &Action) -> String {
    Command::Act(action.clone()).to_string()
}
