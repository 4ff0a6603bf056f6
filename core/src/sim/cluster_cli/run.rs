//! Phases, the log that they run from, and what is printed.

use super::nodes::{Addr, Node};
use super::options::Options;
use crate::resp::Value;
use std::rc::Rc;

/// What the tool wants next of whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The reply to a command on a node.
    Command { ip: String, port: u16, args: Vec<Vec<u8>> },
    /// Time, in microseconds.
    Sleep(u64),
    /// A line of its user, who reads this in front of it.
    Ask(String),
    /// Nothing: it is over.
    End,
}

/// What came of a wish.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The reply.
    Reply(Rc<Value>),
    /// There is no connection, and why.
    NotReached(String),
    /// The connection ended, or nothing came; a sentence of redis-cli.
    Gone(String),
    /// The time is over.
    Slept,
    /// What the user typed.
    Line(String),
    /// What the tool made of a reply.
    Digest(Rc<str>),
}

/// Why a phase stops.
pub(super) enum Stop {
    /// It waits for what it asked for.
    Wait,
    /// The tool exits.
    Exit,
}

/// What follows a phase.
pub(super) enum Next {
    /// Another phase.
    Go(Phase),
    /// The first, and when that returns the second.
    Call(Phase, Phase),
    /// Back to the phase that was named by the last [`Next::Call`].
    Return,
    /// The tool is done.
    End,
}

pub(super) type Go = Result<Next, Stop>;
pub(super) type Phase = fn(&mut Cx<'_>, &mut State) -> Go;

/// Why there is no good reply.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// An error reply.
    Error(String),
    /// No reply at all; that was said.
    Gone,
}

pub(super) type Reply = Result<Rc<Value>, Failure>;

/// The way of one slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub slot: u16,
    /// By their places in [`State::nodes`].
    pub source: usize,
    pub target: usize,
}

/// What the tool knows. A copy of it is cheap.
#[derive(Clone)]
pub(super) struct State {
    pub options: Rc<Options>,
    pub nodes: Rc<Vec<Node>>,
    /// Nodes that the first one named and that are still to be asked.
    pub friends: Rc<Vec<Node>>,
    /// A place in a list that phases go through.
    pub at: usize,
    pub unreachable_masters: u32,
    /// How many errors the check has found.
    pub errors: usize,
    /// Whether the check, or the last thing done, went well.
    pub ok: bool,
    /// The check does not list the nodes.
    pub quiet: bool,
    /// Slots that the fix is about, with the nodes that have keys of them.
    pub slots: Rc<Vec<(u16, Vec<usize>)>>,
    pub moves: Rc<Vec<Move>>,
    /// The node that a command is about, by place.
    pub chosen: Option<usize>,
    /// The order of a rebalance, and the two places in it.
    pub order: Rc<Vec<usize>>,
    pub ends: (usize, usize),
    /// Looks in vain while nodes join.
    pub counter: u32,
    random: u32,
    back: Vec<Phase>,
}

impl State {
    /// A number below `n`, which is not 0. The tool has numbers of its own: those of the world are for the world.
    pub fn below(&mut self, n: usize) -> usize {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 8) as usize % n
    }

    pub fn node_mut(&mut self, at: usize) -> &mut Node {
        &mut Rc::make_mut(&mut self.nodes)[at]
    }
}

/// What a phase works with.
pub(super) struct Cx<'a> {
    log: &'a mut Vec<Event>,
    at: usize,
    wish: Option<Wish>,
    /// How many pieces were printed when the phase ran before, and how many it has printed now.
    printed: usize,
    pieces: usize,
    out: &'a mut Output,
}

impl Cx<'_> {
    fn next(&mut self, wish: impl FnOnce() -> Wish) -> Result<Event, Stop> {
        match self.log.get(self.at) {
            Some(event) => {
                self.at += 1;
                Ok(event.clone())
            }
            None => {
                self.wish = Some(wish());
                Err(Stop::Wait)
            }
        }
    }

    /// Prints text of the tool.
    pub fn say(&mut self, text: impl AsRef<str>) {
        self.print(text.as_ref(), false);
    }

    /// Prints what redis-cli prints in red, or on its standard error.
    pub fn err(&mut self, text: impl AsRef<str>) {
        self.print(text.as_ref(), true);
    }

    fn print(&mut self, text: &str, error: bool) {
        self.pieces += 1;
        if self.pieces > self.printed {
            self.out.add(text, error);
        }
    }

    /// The reply to a command. That there is none is said.
    pub fn call<A: AsRef<[u8]>>(&mut self, at: &Addr, args: &[A]) -> Result<Reply, Stop> {
        let event = self.next(|| Wish::Command {
            ip: at.ip.clone(),
            port: at.port,
            args: args.iter().map(|a| a.as_ref().to_vec()).collect(),
        })?;
        Ok(match event {
            Event::Reply(value) => match value.as_error() {
                Some(text) => Err(Failure::Error(String::from_utf8_lossy(text).into_owned())),
                None => Ok(value),
            },
            Event::NotReached(why) => {
                self.err(format!("Could not connect to Redis at {at}: {why}\n"));
                Err(Failure::Gone)
            }
            Event::Gone(why) => {
                self.err(format!("{why}\n"));
                Err(Failure::Gone)
            }
            _ => Err(Failure::Gone),
        })
    }

    /// The reply to a command of words with blanks between.
    pub fn ask_node(&mut self, at: &Addr, line: &str) -> Result<Reply, Stop> {
        let words: Vec<&str> = line.split(' ').collect();
        self.call(at, &words)
    }

    /// What `digest` makes of the reply to a command, made once.
    pub fn digest(
        &mut self,
        at: &Addr,
        line: &str,
        digest: fn(&str) -> String,
    ) -> Result<Option<Rc<str>>, Stop> {
        let place = self.at;
        if let Some(Event::Digest(text)) = self.log.get(place) {
            let text = text.clone();
            self.at += 1;
            return Ok(Some(text));
        }
        let Ok(value) = self.ask_node(at, line)? else { return Ok(None) };
        let text: Rc<str> = digest(&text_of(&value)).into();
        self.log[place] = Event::Digest(text.clone());
        Ok(Some(text))
    }

    /// Lets time pass.
    pub fn sleep(&mut self, us: u64) -> Result<(), Stop> {
        self.next(|| Wish::Sleep(us)).map(|_| ())
    }

    /// What the user answers.
    pub fn ask(&mut self, prompt: impl Into<String>) -> Result<String, Stop> {
        match self.next(|| Wish::Ask(prompt.into()))? {
            Event::Line(line) => Ok(line),
            _ => Ok(String::new()),
        }
    }

    /// `confirmWithYes`: whether the user says yes.
    pub fn confirm(&mut self, state: &State, question: &str, ask_always: bool) -> Result<bool, Stop> {
        if state.options.yes && !ask_always {
            return Ok(true);
        }
        Ok(self.ask(format!("{question} (type 'yes' to accept): "))?.starts_with("yes"))
    }

    /// `clusterManagerCheckRedisReply`: the reply, unless it is an error, which is said.
    pub fn good(&mut self, at: &Addr, reply: Reply) -> Option<Rc<Value>> {
        match reply {
            Ok(value) => Some(value),
            Err(Failure::Error(text)) => {
                self.node_err(at, &text);
                None
            }
            Err(Failure::Gone) => None,
        }
    }

    pub fn node_err(&mut self, at: &Addr, text: &str) {
        self.err(format!("Node {at} replied with error:\n{text}\n"));
    }
}

/// The text of a reply of any kind.
pub(super) fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned()
}

/// Printed text in whole lines, each piece with whether it is an error.
#[derive(Clone, Default)]
struct Output {
    lines: Vec<(bool, String)>,
    /// A line without its end.
    open: String,
}

impl Output {
    fn add(&mut self, text: &str, error: bool) {
        let Some((whole, rest)) = text.rsplit_once('\n') else { return self.open.push_str(text) };
        let whole = std::mem::take(&mut self.open) + whole;
        match self.lines.last_mut().filter(|(kind, _)| *kind == error) {
            Some((_, lines)) => {
                lines.push('\n');
                lines.push_str(&whole);
            }
            None => self.lines.push((error, whole)),
        }
        self.open = rest.to_string();
    }

    fn take(&mut self, all: bool) -> Vec<(bool, String)> {
        if all && !self.open.is_empty() {
            self.add("\n", false);
        }
        std::mem::take(&mut self.lines)
    }
}

/// One run of the tool.
#[derive(Clone)]
pub(crate) struct ClusterCli {
    phase: Phase,
    state: State,
    log: Vec<Event>,
    /// How many pieces of text the present phase has printed.
    printed: usize,
    output: Output,
}

impl ClusterCli {
    /// The tool with its command line read; [`ClusterCli::resume`] without an event starts it.
    pub fn new(options: Options) -> ClusterCli {
        let state = State {
            options: Rc::new(options),
            nodes: Rc::default(),
            friends: Rc::default(),
            at: 0,
            unreachable_masters: 0,
            errors: 0,
            ok: true,
            quiet: false,
            slots: Rc::default(),
            moves: Rc::default(),
            chosen: None,
            order: Rc::default(),
            ends: (0, 0),
            counter: 0,
            random: 1,
            back: Vec::new(),
        };
        ClusterCli { phase: super::begin, state, log: Vec::new(), printed: 0, output: Output::default() }
    }

    /// Who the tool says it is, for nodes that ask.
    pub fn options(&self) -> &Options {
        &self.state.options
    }

    /// Goes on with what came in. Gives what was printed, in whole lines, each with whether it is an error, and what is wanted next.
    pub fn resume(&mut self, event: Option<Event>) -> (Vec<(bool, String)>, Wish) {
        self.log.extend(event);
        let wish = loop {
            let mut state = self.state.clone();
            let mut cx = Cx {
                log: &mut self.log,
                at: 0,
                wish: None,
                printed: self.printed,
                pieces: 0,
                out: &mut self.output,
            };
            let result = (self.phase)(&mut cx, &mut state);
            let (wish, pieces) = (cx.wish, cx.pieces);
            let next = match result {
                Err(Stop::Wait) => {
                    self.printed = pieces;
                    break wish.unwrap_or(Wish::End);
                }
                Err(Stop::Exit) | Ok(Next::End) => break Wish::End,
                Ok(Next::Go(phase)) => Some(phase),
                Ok(Next::Call(phase, then)) => {
                    state.back.push(then);
                    Some(phase)
                }
                Ok(Next::Return) => state.back.pop(),
            };
            let Some(phase) = next else { break Wish::End };
            (self.phase, self.state, self.printed) = (phase, state, 0);
            self.log.clear();
        };
        let all = matches!(wish, Wish::Ask(_) | Wish::End);
        (self.output.take(all), wish)
    }
}
