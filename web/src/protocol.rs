//! What the page and the worker say to each other.
//!
//! Messages are plain serde types that cross as bytes ([`crate::wire`]). Every question that wants an answer carries an id which
//! [`FromWorker::Answer`] repeats. The worker speaks first ([`FromWorker::Hello`]): a message posted to a worker that
//! has no listener yet would be lost.

use crate::look::{Look, Seen};
use crate::model::{Boot, Cluster, Detail, Frame, NodeIndex};
use serde::{Deserialize, Serialize};

/// What a terminal sends for Ctrl-C: the end of text, as a tty does.
pub const INTERRUPT: &str = "\u{3}";

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Begin: bring the world back from storage or, if there is none (or `fresh`), make a new one.
    Start {
        /// The seed of a new world; chosen by the worker when there is none.
        seed: Option<String>,
        /// Throw away what is stored.
        fresh: bool,
        /// A link to a scenario: it is opened and waits, and what is stored stays until it is played.
        open: Option<String>,
    },
    /// The last frame is on the display: the next may come.
    Drawn,
    /// Virtual seconds per wall second, 0.001 to 1000.
    Speed(f64),
    /// A line typed in the terminal, or several that were pasted.
    Type {
        /// 0 is `cluster -c`; node n has tab n + 1.
        tab: u16,
        /// The line; [`INTERRUPT`] alone is Ctrl-C.
        line: String,
    },
    /// A line of the language for scenarios (docs/SCENARIO.md): what a button does, and what is typed behind `:`. It is shown in the
    /// cluster's terminal, and so is what came of it.
    Line {
        /// The answer's id.
        id: u32,
        /// The line, with or without the prefix.
        line: String,
    },
    /// A line that types a command into a node's terminal (`A1> SET a 1`), shown as every line; the answer comes with the reply, and
    /// is an error if that is one.
    Edit {
        /// The answer's id.
        id: u32,
        /// The line.
        line: String,
    },
    /// A line about time alone, which is not shown: the head is dragged along the tape, or a key is held down.
    Quiet {
        /// The answer's id.
        id: u32,
        /// The line.
        line: String,
    },
    /// What could stand at a place of a line that is being typed.
    Complete {
        /// The answer's id.
        id: u32,
        /// The tab that it is typed into.
        tab: u16,
        /// The line.
        line: String,
        /// The place, in bytes.
        cursor: usize,
    },
    /// How safe the last write of a tab's terminal is: answered by [`Answer::Said`], empty if it is safe or the last line was no write.
    Risk {
        /// The answer's id.
        id: u32,
        /// The tab.
        tab: u16,
    },
    /// A question about the world that changes nothing ([`crate::look`]).
    Look {
        /// The answer's id.
        id: u32,
        /// The question.
        look: Look,
    },
    /// Move slots to a node, live; the answer comes at the end and says how it ended.
    Reshard {
        /// The answer's id.
        id: u32,
        /// The target, a master by name.
        to: String,
        /// Which slots, as ranges with both ends.
        slots: Vec<(u16, u16)>,
    },
    /// Stop moving slots behind the command that runs now.
    StopReshard,
    /// A command on a connection of its own, for scripts and for the inspector's explicit questions.
    Command {
        /// The answer's id.
        id: u32,
        /// On which node; without one, cluster-wide (follows MOVED and ASK).
        node: Option<NodeIndex>,
        /// The command and its arguments.
        args: Vec<serde_bytes::ByteBuf>,
    },
    /// Which node the inspector looks at.
    Watch(Option<NodeIndex>),
    /// The same for scripts, which know nodes by name.
    Run {
        /// The answer's id.
        id: u32,
        /// On which node; without one, cluster-wide.
        node: Option<String>,
        /// The command and its arguments.
        args: Vec<serde_bytes::ByteBuf>,
    },
    /// Time follows the wall clock from now on, or is held.
    Playing {
        /// The answer's id.
        id: u32,
        /// Whether time moves.
        playing: bool,
    },
    /// One event happens; time is held then.
    StepOne {
        /// The answer's id.
        id: u32,
    },
    /// [`ToWorker::Speed`] with an answer.
    SetSpeed {
        /// The answer's id.
        id: u32,
        /// Virtual seconds per wall second.
        times: f64,
    },
    /// Run to a virtual instant as fast as possible, then pause.
    RunUntil {
        /// The answer's id.
        id: u32,
        /// The instant in virtual microseconds.
        until_us: u64,
        /// Counted from now.
        relative: bool,
    },
    /// The running hash of everything that happened.
    TraceHash {
        /// The answer's id.
        id: u32,
    },
    /// Answer once the cluster is ready: `cluster_state:ok` everywhere and every slot served.
    Ready {
        /// The answer's id.
        id: u32,
    },
    /// Throw the world away and begin a new one.
    Reset {
        /// The answer's id.
        id: u32,
        /// Its seed, or chosen by the worker.
        seed: Option<String>,
    },
    /// Put another world in the place of this one.
    Open {
        /// The answer's id.
        id: u32,
        /// The text of a scenario, or a link to one.
        text: String,
        /// A dump.rdb instead, for a world of one node that finds it on its disk.
        dump: Option<serde_bytes::ByteBuf>,
        /// What that node's clock shows, in microseconds since the Unix epoch.
        wall_us: f64,
        /// Nothing happens before time is let go on, and what is stored stays until then.
        wait: bool,
    },
    /// The run so far: the text of a scenario, or what stands in the address of a link to it.
    Share {
        /// The answer's id.
        id: u32,
        /// A link.
        link: bool,
    },
    /// Play a scenario in a world of its own, beside the one on the page, and answer with its trace hash.
    Scenario {
        /// The answer's id.
        id: u32,
        /// The text of a scenario, or a link to one.
        text: String,
    },
    /// The world as it is now, without waiting for the next frame.
    State {
        /// The answer's id.
        id: u32,
    },
    /// End the engine by a panic: for tests of what the page does then.
    Panic,
    /// Are you there?
    Ping(u32),
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker listens.
    Hello,
    /// What is being waited for before there is a world, in words.
    Waiting(String),
    /// A world begins; everything the page knew of another is void.
    Boot(Box<Boot>),
    /// What changed.
    Frame(Box<Frame>),
    /// New lines of the terminal.
    Terminal {
        /// Which tab.
        tab: u16,
        /// The lines.
        entries: Vec<TermEntry>,
        /// The prompt now: `10.0.0.1:7001>`.
        prompt: String,
        /// Whether a command is still waiting for its reply.
        busy: bool,
    },
    /// What the inspector asked for with [`ToWorker::Watch`].
    Detail(Box<Detail>),
    /// An answer.
    Answer {
        /// The question's id.
        id: u32,
        /// What it gives.
        result: Result<Answer, String>,
    },
    /// How the browser's storage fares.
    Storage(Storage),
    /// The engine cannot go on.
    Fatal {
        /// Why.
        cause: String,
    },
    /// I am here.
    Pong(u32),
}

/// What a question gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// A hash in hexadecimal.
    Hash(String),
    /// A command's reply.
    Reply(Reply),
    /// A virtual instant in microseconds.
    Time(u64),
    /// The world as it is.
    State(Box<State>),
    /// What came of a line, in words; may be empty.
    Said(String),
    /// Ways to go on with a line.
    Completion(Completion),
    /// What is seen.
    Seen(Box<Seen>),
}

/// Ways to go on with a line.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Completion {
    /// Where the word begins that a candidate takes the place of, in bytes of the line.
    pub start: usize,
    /// What would stand there (empty for what has to be typed), and what it means. In a line for redis-cli the latter is the syntax of
    /// what follows, a tab character, and a sentence.
    pub candidates: Vec<(String, String)>,
    /// What redis-cli shows in grey behind the line.
    pub hint: String,
    /// The syntax of the line's command before the argument at the cursor, that argument, and after it; and what the command does. Nothing without a
    /// command.
    pub syntax: Vec<String>,
}

/// The world at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Virtual time in microseconds.
    pub now_us: u64,
    /// Whether virtual time moves with the wall clock.
    pub playing: bool,
    /// Virtual seconds per wall second.
    pub speed: f64,
    /// The seed in hexadecimal.
    pub seed: String,
    /// How many events the world has processed.
    pub steps: u64,
    /// The cluster.
    pub cluster: Cluster,
}

/// A reply of a node, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// No value.
    Null,
    /// A status such as `OK`.
    Status(String),
    /// An error, with its code.
    Error(String),
    /// A number.
    Integer(i64),
    /// A floating point number.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// A string of bytes.
    Bytes(serde_bytes::ByteBuf),
    /// A list, set or push.
    List(Vec<Reply>),
    /// A map, as pairs.
    Map(Vec<(Reply, Reply)>),
}

/// A line of the terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermEntry {
    /// What it is.
    pub kind: TermKind,
    /// Its text; may have several lines.
    pub text: String,
    /// For a reply, the quiet tag after it: `status`, `hash`.
    pub tag: Option<String>,
    /// For what a node said, its address.
    pub from: Option<String>,
}

/// What a line of the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TermKind {
    /// The prompt and what was typed, parted by a tab character.
    Typed,
    /// A reply.
    Reply,
    /// An error.
    Error,
    /// `-> Redirected to slot …`.
    Redirect,
    /// A remark of the page itself.
    Note,
}

/// How the browser's storage fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Storage {
    /// Fsynced bytes are kept.
    Kept {
        /// Virtual time of the newest committed cut.
        cut_us: u64,
        /// Bytes of all files in it.
        bytes: u64,
        /// Commits since the page opened.
        commits: u64,
    },
    /// Another tab has the storage; this one runs in memory.
    OtherTab,
    /// What was stored could not be read: a new cluster takes its place.
    Replaced {
        /// Why, in words.
        why: String,
    },
    /// It failed; the cluster goes on in memory.
    Failed {
        /// Why, in words.
        why: String,
    },
}
