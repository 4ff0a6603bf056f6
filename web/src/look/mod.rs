//! Questions about the world that change nothing: what the panels ask the worker, and what it answers.
//!
//! A panel has a module here with its question and its answer as plain data, and the function that reads one from the engine. What
//! only a command can tell is asked of a copy of the node (`World::peek` in vitrine-core), so looking never changes a run.

pub mod compare;
mod line;
mod peek;
mod under_way;
pub mod why;

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
}

/// Looks.
///
/// # Errors
/// Why there is nothing to see, in a sentence.
pub fn look(time: &Timeline, look: Look) -> Result<Seen, String> {
    match look {
        Look::Peek { node, lines } => peek::replies(time, &node, &lines).map(Seen::Replies),
        Look::Compare { a, b, at_us } => compare::runs(time, a, b, at_us).map(Seen::Compared),
        Look::Why { what, node, at_us } => why::causes(time, &what, &node, at_us).map(Seen::Why),
        Look::Line(text) => line::check(time, &text).map(|()| Seen::Yes),
        Look::UnderWay => Ok(Seen::UnderWay(under_way::rows(time.world()))),
    }
}
