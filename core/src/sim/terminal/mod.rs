//! A terminal: redis-cli, as the page shows it.
//!
//! Lines are cut into arguments as redis-cli cuts them, replies print as it prints them, and with `-c` redirections are followed and
//! said (`redis-cli.c` 7.0.15). Two things are kinder than the original: a command that gets no answer is given up after a while,
//! so that a terminal never hangs on a dead node, and a cluster's terminal that cannot reach its node tries the others.
//!
//! A shell would be needed to start `redis-cli --cluster`; here it is typed as it stands and runs in the terminal's place
//! ([`tool`], [`crate::sim::cluster_cli`]).

pub mod help;
mod print;
mod tool;

use crate::config::text::split_args;
use crate::host::NetError;
use crate::resp::Value;
use crate::sim::chunks::Chunks;
use crate::sim::client::{ClientEvent, Io};
use print::{lost_words, prints_raw, text_of, waits_by_design};
use serde::Serialize;
use std::collections::VecDeque;
use tool::Tool;

/// After how long without an answer a command is given up, in microseconds. Commands that wait by design are not.
pub const COMMAND_TIMEOUT_US: u64 = 1_000_000;
/// How many lines of output a terminal keeps until they are taken; then the oldest go.
pub const OUTPUT_LINES_MAX: usize = 10_000;
/// How many typed lines wait for their turn.
const LINES_WAITING_MAX: usize = 10_000;
/// The greatest repeat count in front of a command.
const REPEAT_MAX: i64 = 100_000;
/// redis-cli prints how long a command took from this on, in microseconds.
const SHOW_ELAPSED_FROM_US: u64 = 500_000;

/// What a line of a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TermKind {
    /// What was typed; its prompt is in [`TermLine::prompt`].
    Input,
    /// A reply.
    Reply,
    /// An error reply, or an error of the connection.
    Error,
    /// `-> Redirected to slot …`.
    Redirect,
    /// What else redis-cli itself says: times, modes.
    Info,
    /// Something that came without being asked for: messages, MONITOR.
    Push,
}

/// Something that a terminal printed. The text may have several lines; the last one has no line end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TermLine {
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// What it is.
    pub kind: TermKind,
    /// The text.
    pub text: String,
    /// For a typed line, what stood before it.
    pub prompt: Option<String>,
    /// The node that said it, as `ip:port`, for replies, error replies and pushes.
    pub from: Option<String>,
    /// The reply itself, for replies, error replies and pushes.
    #[serde(skip)]
    pub value: Option<Value>,
}

/// What came back for the last line that a terminal took, as it printed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Replies and error replies, one below the other; no more than the first [`ANSWER_LEN_MAX`] bytes.
    pub text: String,
    /// Whether one of them is an error.
    pub error: bool,
}

/// How many bytes of an answer are kept.
pub const ANSWER_LEN_MAX: usize = 64 << 10;

impl Answer {
    fn take(&mut self, line: &TermLine) {
        match line.kind {
            TermKind::Input => *self = Answer::default(),
            TermKind::Reply | TermKind::Error => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                let room = ANSWER_LEN_MAX.saturating_sub(self.text.len());
                let end = (0..=room.min(line.text.len())).rev().find(|&i| line.text.is_char_boundary(i));
                self.text.push_str(&line.text[..end.unwrap_or(0)]);
                self.error |= line.kind == TermKind::Error;
            }
            TermKind::Redirect | TermKind::Info | TermKind::Push => {}
        }
    }
}

#[derive(Clone, Debug)]
struct Current {
    args: Vec<Vec<u8>>,
    repeat: i64,
    started_us: u64,
    /// How many replies come before the command's own (ASKING's).
    skip: u32,
    asking: bool,
    redirected: bool,
    /// How many nodes could not be reached.
    unreached: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    Pubsub,
    Monitor,
}

/// One redis-cli.
#[derive(Clone)]
pub(crate) struct Terminal {
    cluster: bool,
    seeds: Vec<(String, u16)>,
    seed: usize,
    ip: String,
    port: u16,
    up: bool,
    /// The last attempt to connect failed.
    lost: bool,
    db: i64,
    in_multi: bool,
    /// The database before MULTI: a transaction that does not happen selects none.
    db_before: i64,
    mode: Mode,
    /// `redis-cli --cluster`, while it runs.
    tool: Option<Box<Tool>>,
    lines: VecDeque<String>,
    current: Option<Current>,
    output: Chunks<TermLine>,
    answer: Answer,
}

impl Terminal {
    pub fn new(cluster: bool, seeds: Vec<(String, u16)>) -> Terminal {
        let (ip, port) = seeds.first().cloned().unwrap_or_default();
        Terminal {
            cluster,
            seeds,
            seed: 0,
            ip,
            port,
            up: false,
            lost: false,
            db: 0,
            in_multi: false,
            db_before: 0,
            mode: Mode::Commands,
            tool: None,
            lines: VecDeque::new(),
            current: None,
            output: Chunks::default(),
            answer: Answer::default(),
        }
    }

    pub fn take_output(&mut self) -> Vec<TermLine> {
        self.output.drain()
    }

    pub fn lines_kept(&self) -> usize {
        self.output.len() + self.lines.len()
    }

    pub fn busy(&self) -> bool {
        let tool = self.tool.as_ref().is_some_and(|tool| tool.question().is_none());
        tool || self.current.is_some() || !self.lines.is_empty()
    }

    pub fn address(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }

    /// `cliRefreshPrompt`.
    pub fn prompt(&self) -> String {
        if let Some(tool) = &self.tool {
            return tool.question().unwrap_or_default().to_string();
        }
        if self.lost {
            return "not connected> ".to_string();
        }
        let db = if self.db != 0 { format!("[{}]", self.db) } else { String::new() };
        let tx = if self.in_multi { "(TX)" } else { "" };
        format!("{}{db}{tx}> ", self.address())
    }

    fn print(&mut self, at_us: u64, kind: TermKind, text: impl Into<String>) {
        self.output_line(TermLine { at_us, kind, text: text.into(), prompt: None, from: None, value: None });
    }

    fn print_reply(&mut self, at_us: u64, kind: TermKind, value: Value, raw: bool) {
        let (text, from) = (text_of(&value, raw), Some(self.address()));
        self.output_line(TermLine { at_us, kind, text, prompt: None, from, value: Some(value) });
    }

    /// What came back for the last line.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    fn output_line(&mut self, line: TermLine) {
        self.answer.take(&line);
        if self.output.len() == OUTPUT_LINES_MAX {
            self.output.drop_first();
        }
        self.output.push(line);
    }

    pub fn on(&mut self, io: &mut Io<'_>, event: ClientEvent) {
        let event = if self.tool.is_some() { self.tool_event(io, event) } else { Some(event) };
        let Some(event) = event else { return self.next_line(io) };
        match event {
            ClientEvent::Line(line) => {
                if self.lines.len() < LINES_WAITING_MAX {
                    self.lines.push_back(line);
                }
                if self.mode != Mode::Commands {
                    self.interrupt(io);
                }
                self.next_line(io);
            }
            ClientEvent::Interrupt => {
                self.interrupt(io);
                self.next_line(io);
            }
            ClientEvent::Connected => {
                self.up = true;
                self.lost = false;
                self.send(io);
            }
            ClientEvent::Data(bytes) => {
                for reply in io.replies(&bytes) {
                    self.reply(io, reply);
                }
                self.next_line(io);
            }
            ClientEvent::Closed(error) => {
                self.closed(io, error);
                self.next_line(io);
            }
            ClientEvent::Timer => {
                self.timed_out(io);
                self.next_line(io);
            }
            ClientEvent::Connect { .. } | ClientEvent::Send(_) | ClientEvent::Disconnect => {}
        }
    }

    fn interrupt(&mut self, io: &mut Io<'_>) {
        let tool = self.tool.take().is_some();
        if tool || self.current.take().is_some() || self.mode != Mode::Commands {
            io.no_timer();
            io.disconnect();
            self.forget_connection();
        }
    }

    fn forget_connection(&mut self) {
        self.up = false;
        self.db = 0;
        self.in_multi = false;
        self.mode = Mode::Commands;
    }

    /// Begins with the next line, if nothing runs.
    fn next_line(&mut self, io: &mut Io<'_>) {
        while self.current.is_none() && self.mode == Mode::Commands {
            if self.tool.as_ref().is_some_and(|tool| tool.question().is_none()) {
                return;
            }
            let Some(line) = self.lines.pop_front() else { return };
            if self.tool.is_some() { self.answer_tool(io, line) } else { self.begin(io, &line) }
        }
    }

    fn begin(&mut self, io: &mut Io<'_>, line: &str) {
        let now = io.now_us();
        let (text, prompt) = (line.to_string(), Some(self.prompt()));
        self.output_line(TermLine {
            at_us: now,
            kind: TermKind::Input,
            text,
            prompt,
            from: None,
            value: None,
        });
        let Some(mut args) = split_args(line.as_bytes()) else {
            return self.print(now, TermKind::Error, "Invalid argument(s)");
        };
        let mut repeat = 1;
        if args.len() > 1
            && let Some(count) = std::str::from_utf8(&args[0]).ok().and_then(|t| t.parse::<i64>().ok())
        {
            if count <= 0 {
                return self.print(now, TermKind::Error, "Invalid redis-cli repeat command option value.");
            }
            repeat = count.min(REPEAT_MAX);
            args.remove(0);
        }
        let Some(name) = args.first().map(|a| a.to_ascii_lowercase()) else { return };
        if self.begin_tool(io, &args) {
            return;
        }
        match (name.as_slice(), args.len()) {
            (b"quit" | b"exit", _) => {
                io.disconnect();
                self.forget_connection();
                return self.print(
                    now,
                    TermKind::Info,
                    "The connection is ended; the next command makes a new one.",
                );
            }
            (b"clear", 1) => {
                self.output.clear();
                return;
            }
            (b"help" | b"?", _) => return self.print(now, TermKind::Info, help::help(&args[1..])),
            (b"connect", 3) => {
                self.ip = String::from_utf8_lossy(&args[1]).into_owned();
                self.port = std::str::from_utf8(&args[2]).ok().and_then(|p| p.parse().ok()).unwrap_or(0);
                io.disconnect();
                self.forget_connection();
                return;
            }
            _ => {}
        }
        self.current = Some(Current {
            args,
            repeat,
            started_us: now,
            skip: 0,
            asking: false,
            redirected: false,
            unreached: 0,
        });
        if self.up { self.send(io) } else { self.connect(io) }
    }

    fn connect(&mut self, io: &mut Io<'_>) {
        self.forget_connection();
        io.connect(&self.ip, self.port);
        io.timer(COMMAND_TIMEOUT_US);
    }

    fn send(&mut self, io: &mut Io<'_>) {
        let Some(current) = &mut self.current else { return };
        if std::mem::take(&mut current.asking) {
            current.skip += 1;
            io.command(&[b"ASKING"]);
        }
        io.command(&current.args);
        if waits_by_design(&current.args) {
            io.no_timer()
        } else {
            io.timer(COMMAND_TIMEOUT_US)
        }
        let name = current.args[0].to_ascii_lowercase();
        if matches!(name.as_slice(), b"subscribe" | b"psubscribe" | b"ssubscribe") {
            self.mode = Mode::Pubsub;
            self.print(io.now_us(), TermKind::Info, "Reading messages... (press Ctrl-C to quit)");
        } else if name == b"monitor" {
            self.mode = Mode::Monitor;
        }
    }

    fn reply(&mut self, io: &mut Io<'_>, reply: Value) {
        let now = io.now_us();
        let error = reply.as_error().map(|e| String::from_utf8_lossy(e).into_owned());
        if let Some(current) = self.current.as_mut().filter(|c| c.skip > 0) {
            current.skip -= 1;
            return;
        }
        if self.cluster
            && self.current.is_some()
            && let Some(error) = &error
            && self.redirect(io, error)
        {
            return;
        }
        if self.mode != Mode::Commands {
            if error.is_some() {
                self.mode = Mode::Commands;
                self.print_reply(now, TermKind::Error, reply, false);
                return self.finish(io);
            }
            self.current = None;
            return self.print_reply(now, TermKind::Push, reply, false);
        }
        let is_push = matches!(reply, Value::Push(_));
        let Some(current) = self.current.as_mut().filter(|_| !is_push) else {
            return self.print_reply(now, TermKind::Push, reply, false);
        };
        let args = current.args.clone();
        let (elapsed, again) = (now - current.started_us, current.repeat > 1);
        let (ok, nil) = (error.is_none(), matches!(reply, Value::Null));
        let kind = if ok { TermKind::Reply } else { TermKind::Error };
        self.print_reply(now, kind, reply, prints_raw(&args));
        self.after_reply(&args, ok, nil);
        if again {
            if let Some(current) = &mut self.current {
                current.repeat -= 1;
            }
            return self.send(io);
        }
        if elapsed >= SHOW_ELAPSED_FROM_US {
            self.print(now, TermKind::Info, format!("({:.2}s)", elapsed as f64 / 1e6));
        }
        self.finish(io);
    }

    /// What redis-cli remembers of a successful command (`cliSendCommand`).
    fn after_reply(&mut self, args: &[Vec<u8>], ok: bool, nil: bool) {
        match (args[0].to_ascii_lowercase().as_slice(), args.len()) {
            (b"select", 2) if ok => {
                self.db = std::str::from_utf8(&args[1]).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
            }
            (b"multi", 1) if ok => (self.in_multi, self.db_before) = (true, self.db),
            // EXECABORT ends the transaction as well.
            (b"exec", 1) if self.in_multi => {
                self.in_multi = false;
                if !ok || nil {
                    self.db = self.db_before;
                }
            }
            (b"discard", 1) if ok => (self.in_multi, self.db) = (false, self.db_before),
            (b"reset", 1) if ok => {
                self.in_multi = false;
                self.db = 0;
            }
            _ => {}
        }
    }

    /// Follows `MOVED slot host:port` and `ASK slot host:port`.
    fn redirect(&mut self, io: &mut Io<'_>, error: &str) -> bool {
        let mut words = error.split(' ');
        let kind = words.next();
        if kind != Some("MOVED") && kind != Some("ASK") {
            return false;
        }
        let slot = words.next().and_then(|w| w.parse::<u16>().ok());
        let place = words.next().and_then(|w| w.rsplit_once(':'));
        let (Some(slot), Some((host, port))) = (slot, place) else { return false };
        let Ok(port) = port.parse::<u16>() else { return false };
        if !host.is_empty() {
            self.ip = host.to_string();
        }
        self.port = port;
        let text = format!("-> Redirected to slot [{slot}] located at {}", self.address());
        self.print(io.now_us(), TermKind::Redirect, text);
        self.connect(io);
        if let Some(current) = &mut self.current {
            current.asking = kind == Some("ASK");
            current.redirected = true;
        }
        true
    }

    fn finish(&mut self, io: &mut Io<'_>) {
        self.current = None;
        io.no_timer();
    }

    /// Turns to the next node of the cluster.
    fn next_seed(&mut self) {
        if self.cluster && !self.seeds.is_empty() {
            // A node that a redirection named may be a seed as well: not that one again.
            let here = (self.ip.clone(), self.port);
            for _ in 0..2 {
                self.seed = (self.seed + 1) % self.seeds.len();
                if self.seeds[self.seed] != here {
                    break;
                }
            }
            (self.ip, self.port) = self.seeds[self.seed].clone();
        }
    }

    fn closed(&mut self, io: &mut Io<'_>, error: NetError) {
        let now = io.now_us();
        let was_up = self.up;
        let mode = self.mode;
        self.forget_connection();
        if !was_up {
            return self.not_reached(io, error.strerror());
        }
        let Some(current) = &self.current else {
            // An idle connection that ends is noticed by the next command, which connects again.
            if mode != Mode::Commands {
                self.print(now, TermKind::Error, format!("Error: {}", lost_words(error)));
            }
            return;
        };
        if !current.args[0].eq_ignore_ascii_case(b"shutdown") {
            self.print(now, TermKind::Error, format!("Error: {}", lost_words(error)));
        }
        self.lost = true;
        self.next_seed();
        self.finish(io);
    }

    fn not_reached(&mut self, io: &mut Io<'_>, why: &str) {
        let text = format!("Could not connect to Redis at {}: {why}", self.address());
        self.print(io.now_us(), TermKind::Error, text);
        self.next_seed();
        let nodes = self.seeds.len();
        if let Some(current) = self.current.as_mut().filter(|c| self.cluster && !c.redirected) {
            current.unreached += 1;
            if current.unreached < nodes {
                return self.connect(io);
            }
        }
        self.lost = true;
        self.finish(io);
    }

    fn timed_out(&mut self, io: &mut Io<'_>) {
        if self.current.is_none() {
            return;
        }
        io.disconnect();
        if !self.up {
            return self.not_reached(io, NetError::TimedOut.strerror());
        }
        // Without redis-cli's `(error)`, which stands before what a server said.
        let text = format!("No answer from {} after {} ms", self.address(), COMMAND_TIMEOUT_US / 1000);
        self.print(io.now_us(), TermKind::Error, text);
        self.forget_connection();
        self.lost = true;
        self.next_seed();
        self.finish(io);
    }
}
