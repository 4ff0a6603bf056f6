//! Clients: programs on hosts of their own that talk to nodes over one TCP connection at a time.
//!
//! What all of them share is the link (connect, send, decode replies, a timer); what they do with it is their kind: a plain
//! client does what it is told and keeps the replies, a terminal is redis-cli ([`super::terminal`]), and the operator forms a
//! cluster ([`super::form`]).

use crate::host::NetError;
use crate::resp::{Decoder, Value};
use crate::sim::LAB;
use crate::sim::chunks::Chunks;
use crate::sim::fault::{Action, Target};
use crate::sim::form::{Formation, FormationStatus, Former};
use crate::sim::net::{Net, Owner};
use crate::sim::queue::{ConnRef, Ev, Sched};
use crate::sim::terminal::{Answer, TermLine, Terminal};
use crate::sim::trace::{Tag, TraceKind, cut};
use crate::sim::workload::Load;
use crate::sim::world::World;
use std::rc::Rc;

/// How many replies a plain client keeps for its owner.
pub const REPLIES_MAX: usize = 100_000;

/// What happens to a client.
#[derive(Debug)]
pub(crate) enum ClientEvent {
    Connected,
    Data(Vec<u8>),
    Closed(NetError),
    Timer,
    /// A visitor typed a line.
    Line(String),
    /// A visitor pressed Ctrl-C.
    Interrupt,
    /// A plain client's orders.
    Connect {
        ip: String,
        port: u16,
    },
    Send(Vec<u8>),
    Disconnect,
}

/// A client's end of things.
#[derive(Clone)]
pub(crate) struct Link {
    pub client: u32,
    pub host: u32,
    pub conn: Option<ConnRef>,
    pub up: bool,
    pub decoder: Decoder,
    timer: u32,
    /// The record of the last command.
    command: u64,
}

impl Link {
    pub fn timer_is(&self, generation: u32) -> bool {
        self.timer == generation
    }
}

/// What a client can do.
pub(crate) struct Io<'a> {
    pub s: &'a mut Sched,
    pub net: &'a mut Net,
    pub link: &'a mut Link,
}

impl Io<'_> {
    pub fn now_us(&self) -> u64 {
        self.s.now_us
    }

    /// Gives up the connection and begins another.
    pub fn connect(&mut self, ip: &str, port: u16) {
        self.disconnect();
        let owner = Owner::Client(self.link.client);
        self.link.conn = Some(self.net.connect(self.s, self.link.host, owner, ip, port));
    }

    pub fn disconnect(&mut self) {
        if let Some(conn) = self.link.conn.take() {
            self.net.close(self.s, conn, 0, true);
        }
        self.link.up = false;
        self.link.decoder = Decoder::new();
    }

    /// Sends bytes that are no command line.
    pub fn send(&mut self, bytes: Vec<u8>, show: impl FnOnce() -> String) {
        let Some(conn) = self.link.conn else { return };
        let (now, client) = (self.s.now_us, self.link.client);
        self.s.trace.fold(Tag::ClientSend, now, u64::from(client), bytes.len() as u64);
        self.link.command = self.s.trace.note(now, || TraceKind::Command { client, text: cut(show()) });
        self.s.trace.cause = self.link.command;
        self.net.send(self.s, conn, 0, bytes);
    }

    /// Sends a command.
    pub fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        let mut bytes = Vec::new();
        crate::resp::encode_command(&mut bytes, args);
        let show = || {
            let words = args.iter().map(|a| String::from_utf8_lossy(a.as_ref()).into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        self.send(bytes, show);
    }

    /// Takes in bytes and gives the whole replies in them. A peer that does not speak RESP is cut off.
    pub fn replies(&mut self, bytes: &[u8]) -> Vec<Value> {
        self.link.decoder.feed(bytes);
        let mut replies = Vec::new();
        loop {
            match self.link.decoder.next() {
                Ok(Some(value)) => {
                    let (now, client) = (self.s.now_us, self.link.client);
                    self.s.trace.note_because(now, self.link.command, || TraceKind::Reply {
                        client,
                        text: cut(value.to_string().trim_end().to_string()),
                        error: value.as_error().is_some(),
                    });
                    replies.push(value);
                }
                Ok(None) => return replies,
                Err(_) => {
                    self.disconnect();
                    return replies;
                }
            }
        }
    }

    /// Sets the client's one timer, in place of the one that was set.
    pub fn timer(&mut self, delay_us: u64) {
        self.no_timer();
        self.s.after(delay_us, Ev::Client { client: self.link.client, generation: self.link.timer });
    }

    pub fn no_timer(&mut self) {
        self.link.timer = self.link.timer.wrapping_add(1);
    }
}

/// A plain client: what it received.
#[derive(Clone, Default)]
pub(crate) struct Plain {
    replies: Chunks<Value>,
    ended: Option<NetError>,
}

#[derive(Clone)]
pub(crate) enum Kind {
    Plain(Plain),
    Terminal(Box<Terminal>),
    Former(Box<Former>),
    /// Shared with checkpoints until its next event.
    Load(Rc<Load>),
}

impl Kind {
    pub fn on(&mut self, io: &mut Io<'_>, event: ClientEvent) {
        match &event {
            ClientEvent::Connected => io.link.up = true,
            ClientEvent::Closed(_) => {
                io.link.conn = None;
                io.link.up = false;
            }
            _ => {}
        }
        match self {
            Kind::Plain(plain) => plain.on(io, event),
            Kind::Terminal(terminal) => terminal.on(io, event),
            Kind::Former(former) => former.on(io, event),
            Kind::Load(load) => {
                if let (ClientEvent::Timer, true) = (event, LAB) {
                    Rc::make_mut(load).on_timer(io);
                }
            }
        }
    }
}

impl Plain {
    fn on(&mut self, io: &mut Io<'_>, event: ClientEvent) {
        match event {
            ClientEvent::Data(bytes) => {
                for reply in io.replies(&bytes) {
                    if self.replies.len() == REPLIES_MAX {
                        self.replies.drop_first();
                    }
                    self.replies.push(reply);
                }
            }
            ClientEvent::Closed(error) => self.ended = Some(error),
            ClientEvent::Connect { ip, port } => {
                self.ended = None;
                io.connect(&ip, port);
            }
            ClientEvent::Send(bytes) => {
                let len = bytes.len();
                io.send(bytes, || format!("{len} bytes"));
            }
            ClientEvent::Disconnect => io.disconnect(),
            ClientEvent::Connected | ClientEvent::Timer | ClientEvent::Line(_) | ClientEvent::Interrupt => {}
        }
    }
}

/// A client.
#[derive(Clone)]
pub(crate) struct Client {
    pub link: Link,
    pub kind: Kind,
}

impl Client {
    /// How much memory it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        let kept = match &self.kind {
            Kind::Plain(plain) => plain.replies.len() * 64,
            Kind::Terminal(terminal) => terminal.lines_kept() * 200,
            Kind::Former(_) => 4 << 10,
            Kind::Load(load) => load.weight(),
        };
        size_of::<Client>() + kept
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.kind, Kind::Terminal(_))
    }
}

impl World {
    pub(crate) fn add_client(&mut self, name: String, kind: Kind) -> u32 {
        let client = self.clients.len() as u32;
        let ip = format!("10.1.{}.{}", client / 250, client % 250 + 1);
        self.s.trace.name_host(&name);
        let host = self.net.add_host(name, ip);
        let link =
            Link { client, host, conn: None, up: false, decoder: Decoder::new(), timer: 0, command: 0 };
        self.clients.push(Client { link, kind });
        client
    }

    pub(crate) fn add_plain_client(&mut self, name: String) -> u32 {
        self.add_client(name, Kind::Plain(Plain::default()))
    }

    pub(crate) fn add_terminal(&mut self, target: &Target) -> u32 {
        let address = |p: &crate::sim::process::Process| (p.ip.clone(), p.port);
        let terminal = match target {
            Target::Node(name) => {
                let nodes = self.procs.iter().filter(|p| &p.name == name).map(address);
                Terminal::new(false, nodes.collect())
            }
            Target::Cluster => Terminal::new(true, self.procs.iter().map(address).collect()),
        };
        let name = format!("terminal-{}", self.clients.len());
        self.add_client(name, Kind::Terminal(Box::new(terminal)))
    }

    pub(crate) fn begin_formation(&mut self, formation: Formation) {
        let nodes = self.procs.iter().map(|p| (p.name.clone(), p.ip.clone(), p.port, p.bus_port));
        let former = Former::new(formation, nodes.collect());
        let client = self.add_client("operator".to_string(), Kind::Former(Box::new(former)));
        self.former = Some(client);
        self.client_event(client, ClientEvent::Timer);
    }

    /// How far the forming of the cluster is; `None` if the setup asks for none.
    pub fn formation(&self) -> Option<FormationStatus> {
        match &self.clients.get(self.former? as usize)?.kind {
            Kind::Former(former) => Some(former.status()),
            _ => None,
        }
    }

    /// Opens a terminal; the number is for [`World::type_line`] and [`World::take_terminal_output`].
    ///
    /// # Errors
    /// If there is no such node.
    pub fn terminal(&mut self, target: Target) -> Result<u32, String> {
        let made = self.act(Action::OpenTerminal { target })?;
        made.ok_or_else(|| "no terminal was made".to_string())
    }

    /// Types a line into a terminal and presses Enter. A line typed while a command runs waits for its turn.
    ///
    /// # Errors
    /// If there is no such terminal, or the line is too long.
    pub fn type_line(&mut self, terminal: u32, line: &str) -> Result<(), String> {
        self.act(Action::TypeLine { terminal, line: line.to_string() }).map(|_| ())
    }

    fn terminal_of(&self, client: u32) -> Option<&Terminal> {
        match &self.clients.get(client as usize)?.kind {
            Kind::Terminal(terminal) => Some(terminal),
            _ => None,
        }
    }

    /// What a terminal has printed since the last call.
    pub fn take_terminal_output(&mut self, terminal: u32) -> Vec<TermLine> {
        match self.clients.get_mut(terminal as usize).map(|c| &mut c.kind) {
            Some(Kind::Terminal(terminal)) => terminal.take_output(),
            _ => Vec::new(),
        }
    }

    /// What came back for the last line that a terminal took, whether its output was taken or not.
    pub fn terminal_answer(&self, terminal: u32) -> Option<Answer> {
        self.terminal_of(terminal).map(|t| t.answer().clone())
    }

    /// What stands before the cursor of a terminal: `10.0.0.1:7001> `, `not connected> `.
    pub fn terminal_prompt(&self, terminal: u32) -> String {
        self.terminal_of(terminal).map(Terminal::prompt).unwrap_or_default()
    }

    /// Whether a terminal waits for a reply, or has lines that wait.
    pub fn terminal_busy(&self, terminal: u32) -> bool {
        self.terminal_of(terminal).is_some_and(Terminal::busy)
    }

    /// The node that a terminal is connected to or was last, by address `ip:port`.
    pub fn terminal_address(&self, terminal: u32) -> Option<String> {
        self.terminal_of(terminal).map(Terminal::address)
    }

    /// Adds a plain client on a host of its own.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn client(&mut self, name: &str) -> Result<u32, String> {
        self.act(Action::AddClient { name: name.to_string() })?
            .ok_or_else(|| "no client was made".to_string())
    }

    /// Connects a plain client to a node's RESP port, in place of the connection it has.
    ///
    /// # Errors
    /// If there is no such client or node.
    pub fn connect(&mut self, client: u32, node: &str) -> Result<(), String> {
        self.act(Action::Connect { client, node: node.to_string() }).map(|_| ())
    }

    /// Sends bytes over a plain client's connection.
    ///
    /// # Errors
    /// If there is no such client.
    pub fn send(&mut self, client: u32, bytes: &[u8]) -> Result<(), String> {
        self.act(Action::Send { client, bytes: bytes.to_vec() }).map(|_| ())
    }

    /// The replies that a plain client has received since the last call.
    pub fn take_replies(&mut self, client: u32) -> Vec<Value> {
        match self.clients.get_mut(client as usize).map(|c| &mut c.kind) {
            Some(Kind::Plain(plain)) => plain.replies.drain(),
            _ => Vec::new(),
        }
    }

    /// How a plain client's connection ended, if it has.
    pub fn client_ended(&self, client: u32) -> Option<NetError> {
        match &self.clients.get(client as usize)?.kind {
            Kind::Plain(plain) => plain.ended,
            _ => None,
        }
    }
}
