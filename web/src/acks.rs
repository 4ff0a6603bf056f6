//! How many writes were acknowledged to the clients of this tab: its terminals, its scripts, the inspector.
//!
//! A write is a command that the command table flags as one and that was answered by something other than an error or nil. The
//! writes of a transaction count when EXEC answers. What a script wrote inside the server is not seen from out here, and
//! whether a write is safe is not said: that takes the engine's own account of every write.

use crate::words::split_args;
use vitrine_core::command::table::{flags, lookup};
use vitrine_core::resp::Value;

/// The count of one connection.
#[derive(Clone, Debug, Default)]
pub struct Acks {
    /// Which of the commands that wait for EXEC are writes.
    queued: Vec<bool>,
    /// The command that a terminal is busy with.
    typed: Vec<Vec<u8>>,
}

impl Acks {
    /// A terminal begins with a line. A number before a command repeats it, as in redis-cli.
    pub fn typed(&mut self, line: &str) {
        let mut args = split_args(line).unwrap_or_default();
        let repeats =
            args.len() > 1 && std::str::from_utf8(&args[0]).is_ok_and(|word| word.parse::<i64>().is_ok());
        if repeats {
            args.remove(0);
        }
        self.typed = args;
    }

    /// The terminal shows a reply to the line: how many writes it acknowledges.
    pub fn replied(&mut self, reply: &Value) -> u64 {
        let args = std::mem::take(&mut self.typed);
        let writes = self.answered(&args, reply);
        self.typed = args;
        writes
    }

    /// A command was answered: how many writes that acknowledges.
    pub fn answered(&mut self, args: &[Vec<u8>], reply: &Value) -> u64 {
        let Some(command) = args.first().and_then(|name| lookup(name)) else { return 0 };
        let is_write = command.has(flags::WRITE);
        let done = |value: &Value| !matches!(value, Value::Error(_) | Value::Null);
        match (command.name(), reply) {
            ("exec", Value::Array(replies)) => {
                let queued = std::mem::take(&mut self.queued);
                queued.iter().zip(replies).filter(|(write, reply)| **write && done(reply)).count() as u64
            }
            ("exec" | "discard" | "multi", _) => {
                self.queued.clear();
                0
            }
            (_, Value::Status(text)) if text == b"QUEUED" => {
                self.queued.push(is_write);
                0
            }
            _ => u64::from(is_write && done(reply)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Value {
        Value::Status(text.as_bytes().to_vec())
    }

    fn ask(acks: &mut Acks, line: &str, reply: Value) -> u64 {
        acks.typed(line);
        acks.replied(&reply)
    }

    #[test]
    fn writes_that_were_answered_count() {
        let mut acks = Acks::default();
        assert_eq!(ask(&mut acks, "SET k v", status("OK")), 1);
        assert_eq!(ask(&mut acks, "set k v NX", Value::Null), 0);
        assert_eq!(ask(&mut acks, "LPUSH k v", Value::Error(b"WRONGTYPE no".to_vec())), 0);
        assert_eq!(ask(&mut acks, "GET k", Value::Bulk(b"v".to_vec())), 0);
        assert_eq!(ask(&mut acks, "NONSENSE", status("OK")), 0);
        assert_eq!(ask(&mut acks, "", status("OK")), 0);
    }

    #[test]
    fn a_repeated_line_counts_once_per_reply() {
        let mut acks = Acks::default();
        acks.typed("3 INCR n");
        assert_eq!((1..=3).map(|n| acks.replied(&Value::Integer(n))).sum::<u64>(), 3);
    }

    #[test]
    fn a_transaction_counts_when_it_is_executed() {
        let mut acks = Acks::default();
        let replies = || Value::Array(vec![status("OK"), Value::Integer(1), Value::Error(b"ERR".to_vec())]);
        for (exec, writes) in [("EXEC", 1), ("DISCARD", 0)] {
            assert_eq!(ask(&mut acks, "MULTI", status("OK")), 0);
            for line in ["SET k v", "GET k", "INCR k"] {
                assert_eq!(ask(&mut acks, line, status("QUEUED")), 0);
            }
            assert_eq!(ask(&mut acks, exec, if exec == "EXEC" { replies() } else { status("OK") }), writes);
        }
        assert_eq!(ask(&mut acks, "EXEC", Value::Error(b"ERR EXEC without MULTI".to_vec())), 0);
    }
}
