//! Workloads: many clients at once, as applications have them, and what they measure.
//!
//! A workload is a value. Starting one ([`Action::StartWorkload`](crate::sim::Action)) puts a host with its name into the network, from
//! which all of its clients talk to the nodes; faults name that host as they name any other. Each client is a
//! cluster client of its own, with a map of the slots that it asks for (CLUSTER SLOTS) and one connection to each node that it
//! needs; it follows MOVED and ASK, tries again after TRYAGAIN, CLUSTERDOWN, LOADING and a connection that could not be made, and
//! never sends a write a second time that may have been executed: such a write ends as *unknown*, which is what an application is
//! told by a time-out.
//!
//! A node outside of cluster mode has no map to give. Its clients ask it for its ROLE instead, and their map is the master that they find
//! so, with all slots and, where they read from replicas, the replicas that it names. Nobody sends them elsewhere by MOVED: when a
//! connection breaks, an answer fails to come or a replica says READONLY, they ask the nodes that they know from their configuration.
//!
//! | file | what |
//! | --- | --- |
//! | `draw.rs` | which command, key and value comes next |
//! | `map.rs` | a client's map of slots |
//! | `load.rs` | the clients themselves |
//! | `replies.rs` | what they make of replies, closed connections and silence |
//! | `running.rs` | workloads in a world |
//! | `stats.rs` | latencies, throughput and errors |
//! | `history.rs` | every operation with its outcome, for checkers |
//! | `answers.rs` | how long each node's answers were waited for lately |
//! | `traffic.rs` | which nodes the clients talk to now, for a drawing of it |

mod answers;
pub mod draw;
pub mod history;
mod load;
mod map;
mod replies;
mod running;
pub mod stats;
pub mod traffic;

pub(crate) use load::{Load, LoadConn};
pub use running::History;

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many clients a workload can have.
pub const CLIENTS_MAX: u32 = 10_000;
/// How many subscribers it can have.
pub const SUBSCRIBERS_MAX: u32 = 10_000;
/// How many commands of one client can be under way at once.
pub const PIPELINE_MAX: u32 = 1_000;
/// The highest rate of a workload, in operations a second.
pub const RATE_MAX: u32 = 10_000_000;
/// How many keys it can have.
pub const KEYS_MAX: u64 = 1 << 40;
/// The longest value, in bytes.
pub const VALUE_LEN_MAX: u32 = 16 << 20;
/// How many bytes of values a workload's clients can have under way at once, at the most.
pub const UNDER_WAY_LEN_MAX: u64 = 1 << 30;
/// The longest key prefix, in bytes.
pub const PREFIX_LEN_MAX: usize = 1024;
/// The longest password, in bytes.
pub const PASSWORD_LEN_MAX: usize = 1024;
/// The longest time in any of its fields, in milliseconds.
pub const TIME_MAX_MS: u32 = 3_600_000;

/// When a client begins its next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// At random instants (a Poisson process), whether earlier ones have ended or not: users do not wait for each other. What finds all
    /// clients busy waits, and its wait counts as latency.
    Open {
        /// Operations a second, of all clients together.
        per_second: u32,
    },
    /// Each client as soon as the one before has ended, and a while.
    Closed {
        /// The while, in microseconds.
        think_us: u32,
    },
}

/// Which keys are asked for how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// All alike.
    #[default]
    Uniform,
    /// The n-th as often as 1 / n to the power of the exponent.
    Zipf {
        /// The exponent in thousandths, 1 to 5,000.
        exponent_milli: u32,
    },
    /// A part of all operations go to the keys of one slot.
    HotSlot {
        /// The slot.
        slot: u16,
        /// The part, in percent; the rest is spread evenly over all keys.
        percent: u8,
    },
    /// One after the other, from the beginning again at the end.
    Sequential,
}

/// The keys of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    /// How many of each kind.
    pub count: u64,
    /// What all of them begin with. Workloads with different prefixes do not meet.
    pub prefix: String,
    /// Which are asked for how often.
    pub distribution: Distribution,
}

impl Default for Keys {
    fn default() -> Self {
        Keys { count: 10_000, prefix: String::new(), distribution: Distribution::Uniform }
    }
}

/// How long values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sizes {
    /// All the same.
    Fixed {
        /// In bytes.
        bytes: u32,
    },
    /// Anything in between, evenly.
    Uniform {
        /// In bytes.
        min: u32,
        /// In bytes.
        max: u32,
    },
    /// Most are short and a few very long (a Pareto distribution with the shape 1.2, cut at `max`).
    LongTail {
        /// In bytes.
        min: u32,
        /// In bytes.
        max: u32,
    },
}

/// How often each kind of operation comes, as weights. Kinds have keys of their own (`s:7`, `c:7`, …), so that types never clash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mix {
    /// SET; read by GET.
    pub strings: u32,
    /// INCR; read by GET.
    pub counters: u32,
    /// LPUSH and RPOP in turn; read by LLEN.
    pub lists: u32,
    /// HSET of one of 16 fields; read by HGET.
    pub hashes: u32,
    /// SADD and SPOP in turn; read by SCARD.
    pub sets: u32,
    /// MSET of two keys with a hash tag in common; read by MGET.
    pub multi_keys: u32,
    /// MULTI, SET of two such keys, EXEC; read by GETs of both in one.
    pub transactions: u32,
    /// PUBLISH.
    pub publish: u32,
    /// SPUBLISH.
    pub shard_publish: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Mix {
            strings: 1,
            counters: 0,
            lists: 0,
            hashes: 0,
            sets: 0,
            multi_keys: 0,
            transactions: 0,
            publish: 0,
            shard_publish: 0,
        }
    }
}

impl Mix {
    pub(crate) fn weights(&self) -> [u32; 9] {
        [
            self.strings,
            self.counters,
            self.lists,
            self.hashes,
            self.sets,
            self.multi_keys,
            self.transactions,
            self.publish,
            self.shard_publish,
        ]
    }
}

/// WAIT behind every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// For how many replicas.
    pub replicas: u32,
    /// For how long at the most, in milliseconds; 0 for as long as it takes.
    pub timeout_ms: u32,
}

/// What many clients do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// How many clients, 1 to [`CLIENTS_MAX`].
    pub clients: u32,
    /// The nodes that they know from their configuration, by name; client `i` asks the `i`-th first. Empty for all nodes.
    pub seeds: Vec<String>,
    /// When operations begin.
    pub pace: Pace,
    /// How many of a client's operations can be under way at once.
    pub pipeline: u32,
    /// How many operations there are in all; 0 for no end.
    pub operations_max: u64,
    /// The keys.
    pub keys: Keys,
    /// The values.
    pub values: Sizes,
    /// How many of a hundred operations read.
    pub read_percent: u8,
    /// Which operations.
    pub mix: Mix,
    /// WAIT behind every write.
    pub wait: Option<Wait>,
    /// Reads go to any node of a shard (READONLY), not to its master alone.
    pub read_from_replicas: bool,
    /// How many further connections subscribe to channels.
    pub subscribers: u32,
    /// How many channels there are.
    pub channels: u32,
    /// Subscribers use SSUBSCRIBE, not SUBSCRIBE.
    pub shard_channels: bool,
    /// After how long without an answer an operation and its connection are given up, in milliseconds.
    pub timeout_ms: u32,
    /// How often an operation that was certainly not executed is tried again.
    pub retries_max: u32,
    /// How long the first wait before such a try is, in milliseconds; it doubles, up to a second.
    pub backoff_ms: u32,
    /// What every connection sends first (AUTH), 0 to [`PASSWORD_LEN_MAX`] bytes; empty for no AUTH.
    pub password: String,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            clients: 10,
            seeds: Vec::new(),
            pace: Pace::Open { per_second: 1000 },
            pipeline: 1,
            operations_max: 0,
            keys: Keys::default(),
            values: Sizes::Fixed { bytes: 32 },
            read_percent: 50,
            mix: Mix::default(),
            wait: None,
            read_from_replicas: false,
            subscribers: 0,
            channels: 10,
            shard_channels: false,
            timeout_ms: 1000,
            retries_max: 16,
            backoff_ms: 10,
            password: String::new(),
        }
    }
}

/// What derive would write, without an empty password: the text is part of the trace hash, and runs from before there were passwords
/// keep theirs.
impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload {
            clients,
            seeds,
            pace,
            pipeline,
            operations_max,
            keys,
            values,
            read_percent,
            mix,
            wait,
            read_from_replicas,
            subscribers,
            channels,
            shard_channels,
            timeout_ms,
            retries_max,
            backoff_ms,
            password,
        } = self;
        let fields: [(&str, &dyn fmt::Debug); 17] = [
            ("clients", clients),
            ("seeds", seeds),
            ("pace", pace),
            ("pipeline", pipeline),
            ("operations_max", operations_max),
            ("keys", keys),
            ("values", values),
            ("read_percent", read_percent),
            ("mix", mix),
            ("wait", wait),
            ("read_from_replicas", read_from_replicas),
            ("subscribers", subscribers),
            ("channels", channels),
            ("shard_channels", shard_channels),
            ("timeout_ms", timeout_ms),
            ("retries_max", retries_max),
            ("backoff_ms", backoff_ms),
        ];
        let mut out = f.debug_struct("Workload");
        for (name, value) in fields {
            out.field(name, value);
        }
        if !password.is_empty() {
            out.field("password", password);
        }
        out.finish()
    }
}

impl Workload {
    /// Whether it can be run.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        let within = |what: &str, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(format!("a workload has {min} to {max} {what}, not {value}"))
            }
        };
        within("clients", self.clients.into(), 1, CLIENTS_MAX.into())?;
        within("commands in a pipeline", self.pipeline.into(), 1, PIPELINE_MAX.into())?;
        within("subscribers", self.subscribers.into(), 0, SUBSCRIBERS_MAX.into())?;
        within("channels", self.channels.into(), 1, 1 << 20)?;
        within("keys", self.keys.count, 1, KEYS_MAX)?;
        within("percent of reads", self.read_percent.into(), 0, 100)?;
        within("milliseconds of time-out", self.timeout_ms.into(), 1, TIME_MAX_MS.into())?;
        within("milliseconds of back-off", self.backoff_ms.into(), 1, 1000)?;
        within("retries", self.retries_max.into(), 0, 1_000_000)?;
        if let Pace::Open { per_second } = self.pace {
            within("operations a second", per_second.into(), 1, RATE_MAX.into())?;
        }
        if let Some(wait) = self.wait {
            within("milliseconds of WAIT", wait.timeout_ms.into(), 0, TIME_MAX_MS.into())?;
            within("replicas to wait for", wait.replicas.into(), 0, 1000)?;
        }
        let (min, max) = match self.values {
            Sizes::Fixed { bytes } => (bytes, bytes),
            Sizes::Uniform { min, max } | Sizes::LongTail { min, max } => (min, max),
        };
        within("bytes in a value", max.into(), 0, VALUE_LEN_MAX.into())?;
        within("bytes in a password", self.password.len() as u64, 0, PASSWORD_LEN_MAX as u64)?;
        let commands = u64::from(self.clients) * u64::from(self.pipeline);
        within("bytes of values under way at once", commands * u64::from(max), 0, UNDER_WAY_LEN_MAX)?;
        if min > max {
            return Err(format!("the least size of a value, {min}, is above the greatest, {max}"));
        }
        match self.keys.distribution {
            Distribution::Zipf { exponent_milli } => {
                within("thousandths of a zipf exponent", exponent_milli.into(), 1, 5000)?;
            }
            Distribution::HotSlot { slot, percent } => {
                within("slots before the hot one", slot.into(), 0, 16_383)?;
                within("percent of hot operations", percent.into(), 0, 100)?;
            }
            Distribution::Uniform | Distribution::Sequential => {}
        }
        if self.keys.prefix.len() > PREFIX_LEN_MAX || self.keys.prefix.contains(['{', '}']) {
            return Err(format!("a key prefix has no braces and no more than {PREFIX_LEN_MAX} bytes"));
        }
        let weights: u64 = self.mix.weights().iter().map(|&w| u64::from(w)).sum();
        within("weights of operations together", weights, 1, u32::MAX.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_that_cannot_be_run_is_refused() {
        Workload::default().check().unwrap();
        type Wrong = (fn(&mut Workload), &'static str);
        let wrong: [Wrong; 8] = [
            (|w| w.clients = 0, "1 to 10000 clients, not 0"),
            (|w| w.clients = 10_001, "clients"),
            (|w| w.values = Sizes::Uniform { min: 9, max: 8 }, "above the greatest"),
            (|w| w.mix.strings = 0, "weights"),
            (|w| w.keys.prefix = "{a}".into(), "braces"),
            (|w| w.password = "x".repeat(1025), "0 to 1024 bytes in a password, not 1025"),
            (|w| w.read_percent = 101, "percent"),
            (|w| w.keys.distribution = Distribution::Zipf { exponent_milli: 0 }, "zipf"),
        ];
        for (change, text) in wrong {
            let mut workload = Workload::default();
            change(&mut workload);
            let error = workload.check().unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_workload_without_a_password_is_written_as_ever() {
        // As derive wrote it for the runs whose hashes are on record.
        let text = "Workload { clients: 10, seeds: [], pace: Open { per_second: 1000 }, pipeline: 1, operations_max: 0, keys: Keys { \
                    count: 10000, prefix: \"\", distribution: Uniform }, values: Fixed { bytes: 32 }, read_percent: 50, mix: Mix { \
                    strings: 1, counters: 0, lists: 0, hashes: 0, sets: 0, multi_keys: 0, transactions: 0, publish: 0, \
                    shard_publish: 0 }, wait: None, read_from_replicas: false, subscribers: 0, channels: 10, shard_channels: false, \
                    timeout_ms: 1000, retries_max: 16, backoff_ms: 10 }";
        let mut workload = Workload::default();
        assert_eq!(format!("{workload:?}"), text);
        workload.password = "abc".into();
        let text = text.replace("backoff_ms: 10", "backoff_ms: 10, password: \"abc\"");
        assert_eq!(format!("{workload:?}"), text);
    }
}
