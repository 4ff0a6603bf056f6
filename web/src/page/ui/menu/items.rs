//! What a menu offers: for a node, a link, the clients of a workload, a message, or a family of the palette.

use super::super::ledger::WORK;
use super::super::{Act, MenuTarget, Sheet};
use vitrine_web::clients::Client;
use vitrine_web::faults::{self, Family, On, ROWS, Row, Subject};
use vitrine_web::model::{ActiveFault, Cluster, LinkState, NodeIndex, Process};
use vitrine_web::{wall, words};
use yew::prelude::*;

/// How many messages are listed at the most; the first to arrive come first.
const LISTED_MAX: usize = 40;

/// What the engine was asked for a menu.
#[derive(Clone, Copy, Default)]
pub struct Looked<'a> {
    /// Numbers, words and arrivals of the messages under way.
    pub under_way: &'a [(String, String, String)],
    /// The clients of the workloads.
    pub clients: &'a [Client],
    /// Whether the answer is there.
    pub known: bool,
    /// Virtual time in microseconds, to a tenth of a second.
    pub now_us: u64,
}

impl Looked<'_> {
    fn client(&self, host: NodeIndex) -> Option<&Client> {
        self.clients.iter().find(|client| client.host == host)
    }

    /// The name of a node or of a workload.
    fn name(&self, c: &Cluster, host: NodeIndex) -> Option<String> {
        let node = c.nodes.get(usize::from(host)).map(|n| &n.name);
        node.or_else(|| self.client(host).map(|client| &client.name)).cloned()
    }

    /// The same as a line has it.
    fn word(&self, c: &Cluster, host: NodeIndex) -> String {
        faults::name_in_line(&self.name(c, host).unwrap_or_default())
    }
}

/// What an entry does.
#[derive(Clone)]
pub enum Todo {
    Line(String),
    Menu(MenuTarget),
    Inspect(NodeIndex),
    Workloads,
    Act(fn() -> Act),
}

impl Todo {
    /// Does it; another menu opens at the same place.
    pub fn go(self, act: &Callback<Act>, (x, y): (i32, i32)) {
        act.emit(Act::CloseMenu);
        act.emit(match self {
            Todo::Line(line) => Act::Line(line),
            Todo::Menu(target) => Act::Menu(target, x, y),
            Todo::Inspect(node) => Act::Select(Some(node)),
            Todo::Act(make) => make(),
            Todo::Workloads => Act::Tray(Some(WORK)),
        });
    }
}

/// A menu beside the menu.
#[derive(Clone, Copy, PartialEq)]
pub enum Sub {
    Family(Family),
    /// The links of the node.
    Links,
}

/// An entry.
pub enum Item {
    Rule,
    Remark(String),
    Row(&'static Row),
    Open(Sub, &'static str, &'static str),
    Do(&'static str, String, Todo),
}

/// What a row is done to in a menu; none if that is still to be chosen.
pub fn subject(row: &Row, target: MenuTarget, c: &Cluster, looked: Looked) -> Option<Subject> {
    match (target, row.on) {
        (_, On::World) => Some(Subject::default()),
        (MenuTarget::Node(node), On::Node | On::Link | On::Nodes) => Some(faults::of_node(c, node)),
        (MenuTarget::Link(a, b), On::Link) => Some(Subject { a: looked.word(c, a), b: looked.word(c, b) }),
        (MenuTarget::Client(host), On::Link) => Some(Subject { a: looked.word(c, host), b: "*".to_owned() }),
        (MenuTarget::Message(number), On::Message) => {
            let number = number.to_string();
            let arrives = looked.under_way.iter().find(|m| m.0 == number).map(|m| m.2.clone());
            Some(Subject { a: number, b: arrives.unwrap_or_default() })
        }
        _ => None,
    }
}

/// The rows of a family that fit.
fn rows(family: Family, target: MenuTarget, c: &Cluster) -> impl Iterator<Item = Item> {
    family
        .rows()
        .filter(move |row| match target {
            MenuTarget::Node(node) => {
                row.on != On::Message && (row.on == On::World || row.fits_node(c, node.into()))
            }
            MenuTarget::Link(..) | MenuTarget::Client(_) => row.on == On::Link,
            MenuTarget::Message(_) => row.on == On::Message,
            _ => row.on == On::World || (0..c.nodes.len()).any(|node| row.fits_node(c, node)),
        })
        .map(Item::Row)
}

fn open(family: Family) -> Item {
    let (name, symbol) = family.name();
    Item::Open(Sub::Family(family), symbol, name)
}

fn end(fault: &ActiveFault) -> Item {
    Item::Do("i-check", format!("End: {}", fault.text), Todo::Line(fault.undo.clone()))
}

fn messages() -> Item {
    Item::Do("i-msg", "Messages under way".into(), Todo::Menu(MenuTarget::UnderWay))
}

/// How to end what lasts: everything that is about some node of these, or everything.
fn ends(c: &Cluster, about: Option<&[NodeIndex]>) -> Vec<Item> {
    let here = |nodes: &[NodeIndex]| about.is_none_or(|about| about.iter().all(|node| nodes.contains(node)));
    c.faults.iter().filter(|f| here(&f.nodes)).take(8).map(end).collect()
}

/// The name, the state and the entries of a menu.
pub fn root(target: MenuTarget, c: &Cluster, looked: Looked) -> Option<(String, String, Vec<Item>)> {
    let Looked { under_way, known, .. } = looked;
    let name = |i: NodeIndex| looked.name(c, i);
    let mut out: Vec<Item> = Vec::new();
    let (title, state) = match target {
        MenuTarget::Node(i) => {
            let n = c.nodes.get(usize::from(i))?;
            out.extend(rows(Family::Process, target, c));
            out.push(Item::Rule);
            let isolate = ROWS.iter().find(|row| row.key == Some("I"));
            out.extend(isolate.filter(|row| row.fits_node(c, i.into())).map(Item::Row));
            out.push(open(Family::Network));
            out.push(Item::Open(Sub::Links, "i-clamp", "Link to"));
            // By dragging it as well.
            out.extend(c.groups.iter().filter_map(|group| {
                let with = *group.first()?;
                let lines = wall::moved(c, i, with, looked.now_us)?;
                Some(Item::Do("i-wall", format!("To the side of {}", name(with)?), Todo::Line(lines)))
            }));
            out.push(Item::Rule);
            out.extend([Family::Disk, Family::Clock, Family::Compound].map(open));
            out.push(Item::Rule);
            let ends = ends(c, Some(&[i]));
            if !ends.is_empty() || !c.groups.is_empty() {
                out.extend(ends);
                out.push(open(Family::Heal));
            }
            out.push(Item::Do("i-eye", "Inspect".into(), Todo::Inspect(i)));
            let role = if n.master {
                "master".to_owned()
            } else {
                n.replica_of.and_then(name).map_or("replica".to_owned(), |m| format!("replica of {m}"))
            };
            let state = match n.process {
                Process::Up => "ok",
                Process::Loading => "loading",
                Process::Paused => "paused",
                Process::Crashed => "power lost",
                Process::Killed => "killed",
                Process::Stopped => "shut down",
            };
            (n.name.clone(), format!("{role}, {state}"))
        }
        MenuTarget::Client(host) => {
            let client = looked.client(host)?;
            let word = faults::name_in_line(&client.name);
            out.push(Item::Do("i-more", "Rate, seeds, keys: the workloads".into(), Todo::Workloads));
            if client.running {
                out.push(Item::Do("i-power", "Stop".into(), Todo::Line(format!("workload {word} stop"))));
            }
            out.extend([Item::Rule, open(Family::Network), Item::Open(Sub::Links, "i-clamp", "Link to")]);
            let about = |text: &str| text.split(' ').any(|part| part == client.name);
            let faults: Vec<Item> = c.faults.iter().filter(|f| about(&f.text)).map(end).collect();
            if !faults.is_empty() {
                out.push(Item::Rule);
                out.extend(faults);
            }
            let count = client.count.parse().unwrap_or(0);
            (
                client.name.clone(),
                format!("{}, {} op/s", words::count(count, "client", "clients"), client.rate),
            )
        }
        MenuTarget::Link(a, b) => {
            let (from, to) = (name(a)?, name(b)?);
            out.extend(rows(Family::Network, target, c));
            let ends = ends(c, Some(&[a, b]));
            if !ends.is_empty() {
                out.push(Item::Rule);
                out.extend(ends);
                out.extend(rows(Family::Heal, target, c));
            }
            let cut = |x, y| c.cuts.contains(&(x, y));
            let follows = |a: NodeIndex, b: NodeIndex| {
                c.nodes.get(usize::from(b)).filter(|n| n.replica_of == Some(a)).map(|n| n.link)
            };
            let link = follows(a, b).or_else(|| follows(b, a)).unwrap_or(LinkState::None);
            let state = match (cut(a, b), cut(b, a)) {
                (true, true) => "cut".to_owned(),
                (true, false) => format!("cut {from} → {to}"),
                (false, true) => format!("cut {to} → {from}"),
                _ => match link {
                    LinkState::Online => "replication, online".into(),
                    LinkState::Syncing => "replication, synchronising".into(),
                    LinkState::Down => "replication, down".into(),
                    LinkState::None => "ok".into(),
                },
            };
            (format!("{from} – {to}"), state)
        }
        MenuTarget::Message(number) => {
            let found = under_way.iter().find(|m| m.0 == number.to_string());
            match found {
                Some(_) => out.extend(rows(Family::Message, target, c)),
                None if known => {
                    out.push(Item::Remark(
                        "It has arrived: above 0.001× a mark is shown for longer than a fast message takes."
                            .into(),
                    ));
                    out.push(messages());
                }
                None => {}
            }
            (format!("Message {number}"), found.map_or(String::new(), |m| m.1.clone()))
        }
        MenuTarget::UnderWay => {
            let one = |m: &(String, String, String)| {
                let number = m.0.parse().unwrap_or(0);
                Item::Do("i-msg", m.1.clone(), Todo::Menu(MenuTarget::Message(number)))
            };
            out.extend(under_way.iter().take(LISTED_MAX).map(one));
            if out.is_empty() && known {
                out.push(Item::Remark(
                    "Nothing is under way at this instant: a message crosses in less than a millisecond."
                        .into(),
                ));
            }
            out.push(Item::Rule);
            out.push(Item::Do(
                "i-next",
                "Go on to the next message".into(),
                Todo::Line("next message".into()),
            ));
            ("Messages under way".to_owned(), String::new())
        }
        MenuTarget::Family(family) => {
            out.extend(rows(family, target, c));
            (family.name().0.to_owned(), "faults".to_owned())
        }
        MenuTarget::All => {
            out.extend(Family::PALETTE.map(open));
            out.push(messages());
            if !c.faults.is_empty() {
                out.push(Item::Rule);
                out.extend(ends(c, None));
                out.extend(rows(Family::Heal, target, c).take(2));
            }
            ("Break it".to_owned(), String::new())
        }
        MenuTarget::More => {
            let line =
                |symbol, text: &str, line: &str| Item::Do(symbol, text.into(), Todo::Line(line.into()));
            out.push(line("i-move", "Run to the next event", "next"));
            out.push(line("i-to-last", "Go back to the last event", "last"));
            out.push(line("i-hold2", "Slow enough to see messages", "speed 0.001x"));
            out.push(Item::Rule);
            let mut does = |symbol, text: &str, act: fn() -> Act| {
                out.push(Item::Do(symbol, text.into(), Todo::Act(act)));
            };
            does("i-share", "Share", || Act::Dialog(Some(Sheet::Share)));
            does("i-export", "Export", || Act::Export);
            does("i-many", "Copy the seed", || Act::CopySeed);
            does("i-theme", "Switch theme", || Act::Theme);
            does("i-help", "Help", || Act::Dialog(Some(Sheet::Help)));
            ("More".to_owned(), String::new())
        }
    };
    Some((title, state, out))
}

/// The name and the entries of a menu beside it.
pub fn sub(sub: Sub, target: MenuTarget, c: &Cluster) -> (&'static str, Vec<Item>) {
    match (sub, target) {
        (Sub::Family(family), _) => (family.name().0, rows(family, target, c).collect()),
        (Sub::Links, MenuTarget::Node(from) | MenuTarget::Client(from)) => {
            let link = |(i, n): (usize, &vitrine_web::model::Node)| {
                let to = i as NodeIndex;
                (to != from)
                    .then(|| Item::Do("i-clamp", n.name.clone(), Todo::Menu(MenuTarget::Link(from, to))))
            };
            ("Link to", c.nodes.iter().enumerate().filter_map(link).collect())
        }
        (Sub::Links, _) => ("Link to", Vec::new()),
    }
}
