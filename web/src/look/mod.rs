//! Questions about the world that change nothing: what the panels ask the worker, and what it answers.
//!
//! A panel has a module here with the function that reads what it shows from the engine. What only a command can tell is asked of
//! a copy of the node (`World::peek` in vitrine-core), so looking never changes a run. Most panels are tables of text, so they
//! share one answer, [`Sheet`]: every further type that crosses to the page costs each visitor its bytes twice, for writing and
//! for reading it.

pub mod charts;
pub mod compare;
mod config;
mod disk;
mod keys;
pub mod ledger;
mod line;
mod peek;
mod sentence;
mod slots;
mod stage;
mod under_way;
mod value;
pub mod why;
mod words;
mod workload;

pub use peek::{bytes, items};
pub use slots::range;

use charts::Charts;
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use vitrine_core::sim::timeline::Timeline;

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Look {
    /// What commands would reply on a node now.
    Peek {
        /// The node's name.
        node: String,
        /// The commands, each with its arguments, one after the other on one connection.
        lines: Vec<Vec<serde_bytes::ByteBuf>>,
    },
    /// Two runs at one instant ([`compare`]).
    Compare {
        /// The first.
        a: u32,
        /// The second.
        b: u32,
        /// The instant, in virtual microseconds.
        at_us: u64,
    },
    /// Why something is so ([`why`]).
    Why {
        /// What: `role`, `failing`, `state`, `link`, `process` or, with an instant, `vote`.
        what: String,
        /// The node's name.
        node: String,
        /// When it came to be so, in virtual microseconds; without one, why it is so now.
        at_us: Option<u64>,
    },
    /// Whether lines of the language for scenarios can be read, and the first of them be done now.
    Line(String),
    /// The messages under way.
    UnderWay,
    /// What a pane of the inspector shows of a node.
    Pane {
        /// The node's name.
        node: String,
        /// Which pane.
        what: What,
        /// What it is asked for; see the variants of [`What`].
        args: Vec<String>,
    },
    /// How all acknowledged writes are.
    Ledger,
    /// The newest writes that are `safe`, `at-risk` or `lost`.
    Writes(String),
    /// What is drawn over time.
    Charts,
    /// What the workloads do.
    Workloads,
    /// What the stage draws beside the cluster itself: one sheet with a row for each workload ([`crate::clients`]); its title is how many
    /// keys the fullest of [`crate::model::DENSITY_PARTS`] parts of the slots has, its note a letter for each part, from `a` for none to `z`
    /// for as many. Rows of four are slots on their way: the first, the last, from whom and to whom.
    Stage,
}

/// What a pane shows. Keys and values are in the quotes of redis-cli everywhere, so that each can be typed as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The keys of the node. Asked with a pattern, a type (or nothing), `expires` (or nothing), a slot (or nothing) and the name of the
    /// column to sort by. One sheet of [`keys::ROWS_MAX`] rows: key, type, encoding, TTL in milliseconds or -1, bytes, slot.
    Keys,
    /// A value. Asked with the key and the place to read from; gives facts, and a page of the value whose note is the next place.
    Value,
    /// The files. Asked with a path and a byte (both may be missing); gives the files, the records of one of them, and the bytes of
    /// the record at that byte.
    Disk,
    /// The configuration in force and redis.conf on the disk.
    Config,
    /// What INFO says of replication.
    Replication,
    /// How long clients waited ([`ANSWERS`]), the slow log and the latencies.
    Slow,
    /// The memory, and the biggest keys of those looked at.
    Memory,
    /// Keys per slot, slots on their way, and the progress of a move. Asked with ranges of slots, such as `0-99`, to count in.
    Slots,
}

/// The sheet of [`What::Slow`] that is a chart: up to how many microseconds, and how many answers; its note is within how many
/// microseconds a half came, and 99 of 100.
pub const ANSWERS: &str = "Answers to clients, last 10 s";

/// A table of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// What it is.
    pub title: String,
    /// A sentence, or something else about the whole of it.
    pub note: String,
    /// The names of its columns; may be empty.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A sheet without rows yet.
    fn new(title: &str, head: &[&str]) -> Sheet {
        let head = head.iter().map(|&h| h.to_owned()).collect();
        Sheet { title: title.to_owned(), head, ..Sheet::default() }
    }

    /// Puts a row of a name and a value behind the others.
    fn fact(&mut self, name: &str, value: impl ToString) {
        self.rows.push(vec![name.to_owned(), value.to_string()]);
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seen {
    /// The replies of [`Look::Peek`].
    Replies(Vec<crate::protocol::Reply>),
    /// The answer to [`Look::Compare`].
    Compared(compare::Compared),
    /// The answer to [`Look::Why`].
    Why(Vec<why::Because>),
    /// That it is so: of [`Look::Line`].
    Yes,
    /// The messages of [`Look::UnderWay`]: number, what it is in words, when it arrives as a time of the language.
    UnderWay(Vec<(String, String, String)>),
    /// What [`Look::Pane`] asked for.
    Sheets(Vec<Sheet>),
    /// What [`Look::Ledger`] sees.
    Ledger(Ledger),
    /// Rows of words: [`Look::Writes`] and [`Look::Workloads`].
    Rows(Vec<Vec<String>>),
    /// Lines with their names: [`Look::Charts`].
    Lines(Vec<(String, Vec<f64>)>),
}

/// Looks.
///
/// # Errors
/// Why there is nothing to see, in a sentence.
pub fn look(time: &Timeline, charts: &Charts, look: Look) -> Result<Seen, String> {
    let (node, what, args) = match look {
        Look::Peek { node, lines } => return peek::replies(time, &node, &lines).map(Seen::Replies),
        Look::Compare { a, b, at_us } => return compare::runs(time, a, b, at_us).map(Seen::Compared),
        Look::Why { what, node, at_us } => return why::causes(time, &what, &node, at_us).map(Seen::Why),
        Look::Line(text) => return line::check(time, &text).map(|()| Seen::Yes),
        Look::UnderWay => return Ok(Seen::UnderWay(under_way::rows(time.world()))),
        Look::Ledger => return ledger::ledger(time, charts).map(Seen::Ledger),
        Look::Writes(class) => return ledger::list(time, &class).map(Seen::Rows),
        Look::Charts => return Ok(Seen::Lines(charts.lines())),
        Look::Workloads => return Ok(Seen::Rows(workload::rows(time))),
        Look::Stage => return Ok(Seen::Sheets(vec![stage::around(time.world())])),
        Look::Pane { node, what, args } => (node, what, args),
    };
    let world = time.world();
    let arg = |i: usize| args.get(i).map_or("", String::as_str);
    let sheets = match what {
        What::Keys => vec![keys::list(world, &node, &args)?],
        What::Value => value::page(world, &node, arg(0), arg(1))?,
        What::Disk => disk::files(world, &node, arg(0), arg(1).parse().ok())?,
        What::Config => config::sheets(world, &node)?,
        What::Replication => vec![words::replication(world, &node)?],
        What::Slow => words::slow(world, &node)?,
        What::Memory => words::memory(world, &node)?,
        What::Slots => slots::map(world, &args),
    };
    Ok(Seen::Sheets(sheets))
}

#[cfg(test)]
mod tests;
