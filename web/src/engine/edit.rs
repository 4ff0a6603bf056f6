//! Commands that a pane of the page types into a node's terminal. The line is done at once, while the reply comes later and in that
//! terminal, where the visitor may not be looking: so the pane is told how it ended.

use super::{CLUSTER_TAB, Engine, TAKEN_AWAY};
use crate::protocol::Answer;
use vitrine_core::resp::Value;
use vitrine_core::sim::scenario::Whom;
use vitrine_core::sim::terminal::{TermKind, TermLine};

/// A line that was typed into a terminal and has no reply yet.
pub struct Awaited {
    terminal: u32,
    text: String,
    /// Whether the terminal has taken it up: a reply before that is another line's.
    taken: bool,
}

impl Awaited {
    /// A line that is about to be typed.
    pub fn new(terminal: u32, text: &str) -> Awaited {
        Awaited { terminal, text: text.to_owned(), taken: false }
    }

    /// A terminal printed something: the reply if it is that, or why there is none, in the terminal's words.
    pub fn hear(&mut self, terminal: u32, line: &TermLine) -> Option<Result<Value, String>> {
        if self.terminal != terminal {
            return None;
        }
        match line.kind {
            TermKind::Input => self.taken = self.text == line.text,
            TermKind::Reply | TermKind::Error if self.taken => {
                return Some(line.value.clone().ok_or_else(|| line.text.clone()));
            }
            _ => {}
        }
        None
    }
}

impl Engine {
    /// Runs a line such as `A1> SET a 1` and shows it as every line; the answer comes with the reply.
    pub(super) fn edit(&mut self, id: u32, line: &str) {
        let awaited = line.split_once("> ").and_then(|(node, text)| {
            let terminal = self.console.terminal(&mut self.time, Whom::Node(node.to_owned())).ok()?;
            Some(Awaited::new(terminal, text))
        });
        self.edits.extend(awaited.map(|awaited| (id, awaited)));
        if let Err(why) = self.line(CLUSTER_TAB, line) {
            self.edits.retain(|edit| edit.0 != id);
            self.answer(id, Err(why));
        }
    }

    /// A terminal printed something.
    pub(super) fn hear_edits(&mut self, terminal: u32, line: &TermLine) {
        let mut ended = None;
        self.edits.retain_mut(|(id, awaited)| {
            let reply = awaited.hear(terminal, line).filter(|_| ended.is_none());
            let over = reply.is_some();
            ended = ended.take().or(reply.map(|reply| (*id, reply)));
            !over
        });
        if let Some((id, reply)) = ended {
            let refused = !matches!(&reply, Ok(value) if value.as_error().is_none());
            self.answer(id, if refused { Err(line.text.clone()) } else { Ok(Answer::Done) });
        }
    }

    /// The world is somewhere else: no reply comes.
    pub(super) fn forget_edits(&mut self) {
        for (id, _) in std::mem::take(&mut self.edits) {
            self.answer(id, Err(TAKEN_AWAY.into()));
        }
    }
}
