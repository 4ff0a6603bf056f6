//! One server: a state machine that a host drives through [`Node::handle`], [`Node::poll_output`] and [`Node::poll_timeout`].

use crate::host::{Input, Now, Output};
use std::collections::VecDeque;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The text of redis.conf, with any `--directive value` of the command line appended as further lines.
    pub conf_text: String,
    /// The absolute path of the configuration file, if there is one: CONFIG REWRITE writes there.
    pub conf_path: Option<String>,
    /// Seeds every random choice of the node: run id, node id, replication id, hash seeds, random delays.
    pub seed: u64,
    /// The process id that INFO and the log show.
    pub pid: u32,
    /// The path of the executable as INFO shows it.
    pub executable: String,
    /// The operating system as INFO shows it (`uname`: `Linux 6.1.0 x86_64`).
    pub os: String,
}

/// One server.
pub struct Node {
    outputs: VecDeque<Output>,
}

impl Node {
    /// Starts a node: it asks its disk for its files at once and answers `-LOADING` until it has read them.
    ///
    /// # Errors
    /// The text that redis-server prints before it exits when its configuration is wrong.
    pub fn new(_now: Now, _options: NodeOptions) -> Result<Node, String> {
        Ok(Node { outputs: VecDeque::new() })
    }

    /// Takes in one event. Several may be handed over before the outputs are polled: they then share one turn of the
    /// event loop, as the clients that Redis finds readable at once do (and one fsync, under `appendfsync always`).
    pub fn handle(&mut self, _now: Now, _input: Input) {}

    /// The next thing the node wants done. Ends the turn of the event loop (Redis's `beforeSleep`) when it first finds none.
    pub fn poll_output(&mut self, _now: Now) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The monotonic instant in microseconds at which the node wants [`Input::Wake`], if nothing else comes first.
    pub fn poll_timeout(&self) -> Option<u64> {
        None
    }
}
