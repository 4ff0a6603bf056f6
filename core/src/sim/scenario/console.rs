//! Carrying out lines in a world: actions are done, and lines for redis-cli go to terminals that are opened when they are needed.

use super::{Command, Whom};
use crate::sim::fault::{Action, Target};
use crate::sim::timeline::Timeline;
use crate::sim::trace::Life;
use crate::sim::world::{Progress, World};
use litemap::LiteMap;

pub use crate::sim::terminal::Answer;

/// How many bytes a line has at the most once what it names is put in.
const EXPANDED_LEN_MAX: usize = 1 << 20;

/// What lines are carried out in: a world, or one with a past.
pub trait Host {
    /// The world as it is now.
    fn world(&self) -> &World;

    /// Does something to it.
    ///
    /// # Errors
    /// Why it cannot be done.
    fn act(&mut self, action: Action) -> Result<Option<u32>, String>;

    /// Lets everything happen up to an instant, but for no more than `events_max` events.
    fn run_until_or_events(&mut self, until_us: u64, events_max: u64) -> Progress;
}

impl Host for World {
    fn world(&self) -> &World {
        self
    }

    fn act(&mut self, action: Action) -> Result<Option<u32>, String> {
        World::act(self, action)
    }

    fn run_until_or_events(&mut self, until_us: u64, events_max: u64) -> Progress {
        World::run_until_or_events(self, until_us, events_max)
    }
}

impl Host for Timeline {
    fn world(&self) -> &World {
        Timeline::world(self)
    }

    fn act(&mut self, action: Action) -> Result<Option<u32>, String> {
        Timeline::act(self, action)
    }

    fn run_until_or_events(&mut self, until_us: u64, events_max: u64) -> Progress {
        Timeline::run_until_or_events(self, until_us, events_max)
    }
}

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The number of the client, the terminal or the fault that was made.
    pub number: Option<u32>,
    /// The terminals that a line was typed into.
    pub terminals: Vec<u32>,
}

/// Who types: one terminal for each node, and one for the cluster.
#[derive(Clone, Debug, Default)]
pub struct Console {
    terminals: LiteMap<Whom, u32>,
    last: Option<u32>,
}

impl Console {
    /// Somebody without terminals.
    pub fn new() -> Console {
        Console::default()
    }

    /// Carries out a command that does something to the world, or looks whether an expectation holds now. Time is the host's to
    /// let pass.
    ///
    /// # Errors
    /// Why it cannot be done, or what is so instead of what was expected.
    pub fn carry_out(&mut self, host: &mut impl Host, command: &Command) -> Result<Done, String> {
        match command {
            Command::Act(action) => {
                let number = host.act(action.clone())?;
                Ok(Done { number, terminals: Vec::new() })
            }
            Command::Say { whom, line } => self.say(host, whom, line),
            Command::Expect(expect) => expect.what.look(host.world(), self).map(|()| Done::default()),
            Command::Time(_)
            | Command::Again { .. }
            | Command::Help { .. }
            | Command::Head(_)
            | Command::When(_) => Err(format!("`{command}` does nothing to a world by itself")),
        }
    }

    fn say(&mut self, host: &mut impl Host, whom: &Whom, line: &str) -> Result<Done, String> {
        let line = expand(host.world(), line)?;
        let whose = match whom {
            Whom::Each => {
                let running = host.world().procs.iter().filter(|p| p.life == Life::Running);
                running.map(|p| Whom::Node(p.name.clone())).collect()
            }
            one => vec![one.clone()],
        };
        let mut done = Done::default();
        for whom in whose {
            let terminal = self.terminal(host, whom)?;
            host.act(Action::TypeLine { terminal, line: line.clone() })?;
            self.last = Some(terminal);
            done.terminals.push(terminal);
        }
        Ok(done)
    }

    /// Somebody's terminal, by number; it is opened if it is not there.
    ///
    /// # Errors
    /// There is no such node. For [`Whom::Each`] the cluster's is given.
    pub fn terminal(&mut self, host: &mut impl Host, whom: Whom) -> Result<u32, String> {
        let known = self.terminals.get(&whom).copied();
        let clients = &host.world().clients;
        if let Some(terminal) = known.filter(|&t| clients.get(t as usize).is_some_and(|c| c.is_terminal())) {
            return Ok(terminal);
        }
        let target = match &whom {
            Whom::Node(name) => Target::Node(name.clone()),
            Whom::Cluster | Whom::Each => Target::Cluster,
        };
        let made = host.act(Action::OpenTerminal { target })?;
        let terminal = made.ok_or("no terminal was made")?;
        self.terminals.insert(whom, terminal);
        Ok(terminal)
    }

    /// All terminals that were opened so far, by number.
    pub fn terminals(&self) -> impl Iterator<Item = (&Whom, u32)> {
        self.terminals.iter().map(|(whom, &terminal)| (whom, terminal))
    }

    /// The terminal that the last line was typed into.
    pub fn last_terminal(&self) -> Option<u32> {
        self.last
    }

    /// What came back for the last line; `None` while it is waited for.
    pub fn answer(&self, world: &World) -> Option<Answer> {
        let terminal = self.last?;
        if world.terminal_busy(terminal) {
            return None;
        }
        world.terminal_answer(terminal)
    }
}

/// Puts in what a line names of the world: `$id(A1)`, `$ip(A1)`, `$port(A1)`, `$addr(A1)`. Anything else stays as it is.
fn expand(world: &World, line: &str) -> Result<String, String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some((what, name, after)) = placeholder(from) else {
            out.push('$');
            rest = &from[1..];
            continue;
        };
        let index = world.node_index(name).ok_or_else(|| format!("there is no node `{name}`"))?;
        let process = &world.procs[index as usize];
        match what {
            "id" => out.push_str(&id_of(world, index)?),
            "ip" => out.push_str(&process.ip),
            "port" => out.push_str(&process.port.to_string()),
            _ => out.push_str(&format!("{}:{}", process.ip, process.port)),
        }
        if out.len() > EXPANDED_LEN_MAX {
            return Err("the line is too long once all that it names is put in".to_string());
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn placeholder(from: &str) -> Option<(&str, &str, &str)> {
    let (what, rest) = from.strip_prefix('$')?.split_once('(')?;
    let (name, after) = rest.split_once(')')?;
    matches!(what, "id" | "ip" | "port" | "addr").then_some((what, name, after))
}

/// The node id: by the node's own word or, if it does not run, by that of another.
fn id_of(world: &World, index: u32) -> Result<String, String> {
    let process = &world.procs[index as usize];
    if let Some(cluster) = process.node.as_ref().and_then(|n| n.cluster()) {
        return Ok(cluster.myself().name.to_string());
    }
    let views = world.procs.iter().filter_map(|p| p.node.as_ref()?.cluster_view());
    let mut nodes = views.flat_map(|view| view.nodes);
    let known = nodes.find(|n| n.ip == process.ip && n.port == process.port);
    known.map(|n| n.name).ok_or_else(|| format!("nobody knows the id of {}", process.name))
}
