//! Questions about the world that change nothing: what the panels ask the worker, and what it answers.
//!
//! A panel has a module here with its question and its answer as plain data, and the function that reads one from the engine. What
//! only a command can tell is asked of a copy of the node (`World::peek` in vitrine-core), so looking never changes a run.

mod peek;

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
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Seen {
    /// The replies of [`Look::Peek`].
    Replies(Vec<crate::protocol::Reply>),
}

/// Looks.
///
/// # Errors
/// Why there is nothing to see, in a sentence.
pub fn look(time: &Timeline, look: Look) -> Result<Seen, String> {
    match look {
        Look::Peek { node, lines } => peek::replies(time, &node, &lines).map(Seen::Replies),
    }
}
