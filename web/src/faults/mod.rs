//! What can be done to the world from the page, as data: which faults there are, whom they fit, and the lines that do them.
//!
//! The rows stand in [`rows`]; this is what is done with them. Nothing here checks a line: the engine reads it with the grammar
//! and says in a sentence what is wrong.

pub mod rows;

use crate::model::{Cluster, Node, NodeIndex, Process};
pub use rows::ROWS;

/// The families of the palette, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Power and processes.
    Process,
    /// Links and partitions.
    Network,
    /// Disks.
    Disk,
    /// Clocks.
    Clock,
    /// Several at once.
    Compound,
    /// One message under way.
    Message,
    /// The end of faults.
    Heal,
}

impl Family {
    /// Those that the palette shows.
    pub const PALETTE: [Family; 5] =
        [Family::Process, Family::Network, Family::Disk, Family::Clock, Family::Compound];

    /// Its name and its icon.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Family::Process => ("Process", "i-bolt"),
            Family::Network => ("Network", "i-wall"),
            Family::Disk => ("Disk", "i-dslow"),
            Family::Clock => ("Clock", "i-jump"),
            Family::Compound => ("Compound", "i-many"),
            Family::Message => ("Message", "i-msg"),
            Family::Heal => ("Heal", "i-check"),
        }
    }

    /// Its rows.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        ROWS.iter().filter(move |row| row.family == self)
    }
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// One node.
    Node,
    /// Two hosts.
    Link,
    /// Nodes that are parted from the others.
    Nodes,
    /// One message under way.
    Message,
    /// Nothing in particular.
    World,
}

/// Which nodes a row fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All.
    Any,
    /// Those whose process runs.
    Up,
    /// Those whose process is there, running or paused.
    There,
    /// Those whose process is gone.
    Down,
    /// Those that are paused.
    Paused,
    /// Those whose host has power.
    Powered,
    /// Those that some other node reaches.
    Reached,
    /// Masters whose process runs.
    Master,
}

/// An argument that can be changed before a row is done.
#[derive(Debug, PartialEq)]
pub struct Arg {
    /// What it is called.
    pub name: &'static str,
    /// What it takes.
    pub asks: Asks,
}

/// What an argument takes; the first of several is the usual one.
#[derive(Debug, PartialEq)]
pub enum Asks {
    /// Anything, as the language writes it.
    Text {
        /// What is expected, in words.
        hint: &'static str,
        /// What is offered.
        presets: &'static [&'static str],
    },
    /// One of several: the word of the language, and what it means.
    Choice(&'static [(&'static str, &'static str)]),
    /// The text of a redis.conf.
    Conf,
}

impl Arg {
    /// What it is if nobody changes it.
    pub fn usual(&self) -> &'static str {
        match self.asks {
            Asks::Text { presets, .. } => presets.first().copied().unwrap_or_default(),
            Asks::Choice(of) => of.first().map_or("", |(word, _)| *word),
            Asks::Conf => "",
        }
    }
}

/// One thing that can be done.
#[derive(Debug)]
pub struct Row {
    /// Where it stands in the palette.
    pub family: Family,
    /// What it is about.
    pub on: On,
    /// Which nodes it fits.
    pub fit: Fit,
    /// The symbol in index.html.
    pub icon: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// The line, or lines, with places for what it is about and for its arguments.
    pub line: &'static str,
    /// Its arguments.
    pub args: &'static [Arg],
    /// What it does, in a sentence.
    pub help: &'static str,
    /// The key that does it to the focused node.
    pub key: Option<&'static str>,
    /// Whether the palette shows it as an icon.
    pub shown: bool,
}

/// Rows are the table's: the same one is at the same place.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        std::ptr::eq(self, other)
    }
}

/// What a row is done to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// The node, the first end of the link, the nodes that are parted, or the message.
    pub a: String,
    /// The other end of the link, or when the message arrives.
    pub b: String,
}

impl Row {
    const fn fits(self, fit: Fit) -> Row {
        Row { fit, ..self }
    }
    const fn key(self, key: &'static str) -> Row {
        Row { key: Some(key), ..self }
    }
    const fn shown(self) -> Row {
        Row { shown: true, ..self }
    }

    /// Whether it can last for a while and end by itself.
    pub fn lasts(&self) -> bool {
        self.line.contains("{for}")
    }

    /// Its arguments as they are if nobody changes them.
    pub fn usual(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.usual().to_owned()).collect()
    }

    /// The arguments as they stand at the edge of a menu.
    pub fn summary(&self) -> String {
        let word = |arg: &Arg| match arg.asks {
            Asks::Choice(of) if !arg.usual().is_empty() => {
                of.first().map_or(String::new(), |(_, meaning)| (*meaning).to_owned())
            }
            Asks::Text { .. } if arg.name == "Next" => format!("next {}", arg.usual()),
            Asks::Conf => "edit".to_owned(),
            _ => arg.usual().to_owned(),
        };
        let words: Vec<String> =
            self.args.iter().map(word).filter(|word| !word.is_empty() && !word.contains('{')).collect();
        words.join(", ")
    }

    /// Whether it fits a node.
    pub fn fits_node(&self, c: &Cluster, node: usize) -> bool {
        c.nodes.get(node).is_some_and(|n| fits(self.fit, n))
    }

    /// Its lines for a subject, with these arguments, lasting so long (empty for until it is ended).
    pub fn lines(&self, c: &Cluster, subject: &Subject, args: &[String], lasting: &str) -> String {
        let mut out: Vec<String> = Vec::new();
        for line in self.line.lines() {
            let Some((set, round)) = line.strip_prefix('@').and_then(|l| l.split_once(' ')) else {
                out.push(expand(line, subject, args, lasting));
                continue;
            };
            for member in members(c, set) {
                out.extend(round.split(" & ").map(|line| expand(line, &member, args, lasting)));
            }
        }
        out.join("\n")
    }

    /// Its lines for a subject, as they are if nobody changes them.
    pub fn usual_lines(&self, c: &Cluster, subject: &Subject) -> String {
        self.lines(c, subject, &self.usual(), "")
    }
}

fn fits(fit: Fit, n: &Node) -> bool {
    let paused = n.process == Process::Paused;
    match fit {
        Fit::Any => true,
        Fit::Up => n.process.is_up(),
        Fit::There => n.process.is_up() || paused,
        Fit::Down => !n.process.is_up() && !paused,
        Fit::Paused => paused,
        Fit::Powered => n.process != Process::Crashed,
        Fit::Reached => !n.isolated,
        Fit::Master => n.master && n.process.is_up(),
    }
}

/// The members of a set that a line is run for.
fn members(c: &Cluster, set: &str) -> Vec<Subject> {
    let one = |n: &Node| Subject { a: name_in_line(&n.name), b: String::new() };
    let all = |fit: Fit| c.nodes.iter().filter(move |n| fits(fit, n));
    match set {
        "links" => {
            let link = |n: &Node| {
                let master = c.nodes.get(usize::from(n.replica_of?))?;
                Some(Subject { a: name_in_line(&master.name), b: name_in_line(&n.name) })
            };
            c.nodes.iter().filter_map(link).collect()
        }
        "most" => {
            let masters = all(Fit::Master).count();
            all(Fit::Master).take(masters / 2 + 1).map(one).collect()
        }
        "masters" => all(Fit::Master).map(one).collect(),
        "there" => all(Fit::There).map(one).collect(),
        _ => all(Fit::Powered).map(one).collect(),
    }
}

/// A line with everything put in.
fn expand(line: &str, subject: &Subject, args: &[String], lasting: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['[', '{']) {
        out.push_str(&rest[..at]);
        let bracket = rest.as_bytes()[at] == b'[';
        let close = if bracket { ']' } else { '}' };
        let Some((inner, after)) = rest[at + 1..].split_once(close) else { break };
        rest = after;
        if bracket {
            let arg = inner.split_once('{').and_then(|(_, a)| a.trim_end_matches('}').parse::<usize>().ok());
            if arg.and_then(|n| args.get(n)).is_some_and(|arg| !arg.trim().is_empty()) {
                out.push_str(&expand(inner, subject, args, lasting));
            }
            continue;
        }
        match inner {
            "node" | "nodes" | "message" | "a" => out.push_str(&subject.a),
            "b" => out.push_str(&subject.b),
            "for" if !lasting.trim().is_empty() => {
                out.push_str(" for ");
                out.push_str(lasting.trim());
            }
            _ => {
                let arg = inner.parse::<usize>().ok().and_then(|n| args.get(n));
                out.push_str(arg.map_or("", |arg| arg.trim()));
            }
        }
    }
    out.push_str(rest);
    out
}

/// The row of the palette whose icon stands for what a line does, if one does: by its verb, and by whether it is one way alone.
pub fn row_of(line: &str) -> Option<u8> {
    let mut words = line.split(' ');
    let verb = words.next()?;
    let one_way = words.any(|word| ["forward", "backward", "one-way"].contains(&word));
    let fits = |row: &Row| {
        row.line.split(' ').next() == Some(verb)
            && match verb {
                "cut" => row.icon == if one_way { "i-oneway" } else { "i-cut" },
                "partition" => row.icon == if one_way { "i-wall1" } else { "i-wall" },
                _ => true,
            }
    };
    ROWS.iter().position(fits).map(|at| at as u8)
}

/// A name as a line has it: in quotes if it might be a word of the language, which has no capitals.
pub fn name_in_line(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    if plain && name.chars().any(|c| c.is_ascii_uppercase()) { name.to_owned() } else { quote(name) }
}

/// Text in quotes, as a line has it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The subject that a node is.
pub fn of_node(c: &Cluster, node: NodeIndex) -> Subject {
    let name = c.nodes.get(usize::from(node)).map_or("", |n| n.name.as_str());
    Subject { a: name_in_line(name), b: "*".to_owned() }
}

/// The subject that a link is.
pub fn of_link(c: &Cluster, a: NodeIndex, b: NodeIndex) -> Subject {
    Subject { a: of_node(c, a).a, b: of_node(c, b).a }
}

#[cfg(test)]
mod tests;
