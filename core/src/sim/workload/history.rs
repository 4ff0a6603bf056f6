//! What every client did and what came of it: the ledger and the checkers of consistency take it from here.
//!
//! Every value that a workload writes says who wrote it ([`WriteId`]), so a later read says which write it saw. An operation is
//! noted once, when its outcome is known to its client; those still under way are in
//! [`World::pending_operations`](crate::sim::World::pending_operations).

use super::draw::Op;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// How many operations are kept until they are taken; then the oldest go.
pub const HISTORY_LEN_MAX: usize = 1 << 20;

/// Names a write among all writes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WriteId {
    /// The number of the workload's host among the clients of the world.
    pub workload: u32,
    /// The client in it.
    pub client: u32,
    /// The number of the operation in this client, from 1.
    pub number: u64,
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}.{}.{}:", self.workload, self.client, self.number)
    }
}

impl WriteId {
    /// The write that a value comes from, if it comes from a workload.
    pub fn of_value(value: &[u8]) -> Option<WriteId> {
        let end = value.iter().take(64).position(|&b| b == b':')?;
        let text = std::str::from_utf8(value.get(1..end)?).ok().filter(|_| value[0] == b'w')?;
        let mut parts = text.split('.');
        let id = WriteId {
            workload: parts.next()?.parse().ok()?,
            client: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(id)
    }
}

/// What a reply showed of the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Nothing: it only says that it was done.
    Nothing,
    /// There was no such key or field.
    Nil,
    /// A number: INCR, GET of a counter, lengths, how many heard a message.
    Integer(i64),
    /// A value, with the write that it comes from.
    Value(Option<WriteId>),
    /// The values of two keys.
    Both(Box<[Seen; 2]>),
}

/// How an operation ended for its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was acknowledged.
    Ok(Seen),
    /// It was refused, and certainly not executed: the error's code, or `timeout`, `unreachable`, `overload`, `stopped`.
    Error(Rc<str>),
    /// It was sent, and whether it was executed nobody can say: `timeout` or `closed`.
    Unknown(Rc<str>),
}

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpRecord {
    /// Who wanted it; a write's value begins with this.
    pub id: WriteId,
    /// What.
    pub op: Op,
    /// Its key (or channel).
    pub key: Rc<str>,
    /// Its second key, if it has two.
    pub second_key: Option<Rc<str>>,
    /// The field of a hash.
    pub field: Option<u8>,
    /// When the client wanted it, in virtual microseconds.
    pub invoked_us: u64,
    /// When its outcome was known.
    pub completed_us: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What WAIT said: how many replicas had it in memory.
    pub replicas: Option<i64>,
    /// The node that gave the last answer, as `ip:port`.
    pub node: Option<Rc<str>>,
}

/// An operation that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingOp {
    /// Who wanted it.
    pub id: WriteId,
    /// What.
    pub op: Op,
    /// Its key.
    pub key: Rc<str>,
    /// Its second key, if it has two.
    pub second_key: Option<Rc<str>>,
    /// The field of a hash.
    pub field: Option<u8>,
    /// When the client wanted it, in virtual microseconds.
    pub invoked_us: u64,
    /// Whether a node may have it already.
    pub sent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_says_who_wrote_it() {
        let id = WriteId { workload: 2, client: 77, number: 123_456 };
        let mut value = id.to_string().into_bytes();
        value.extend_from_slice(b"xxxx:x");
        assert_eq!(WriteId::of_value(&value), Some(id));
        for other in [&b""[..], b"w", b"w1.2:", b"w1.2.3.4:", b"w1.2.3", b"x1.2.3:", b"w1.-2.3:"] {
            assert_eq!(WriteId::of_value(other), None);
        }
    }
}
