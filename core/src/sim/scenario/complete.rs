//! Completion and help, from the same table that the parser reads.

use super::error::nearest;
use super::grammar::{Args, Kind, Matcher, Part, Verb, show_name, syntax_of};
use super::{Command, PREFIX, command, lex, prefix_len, table};
use crate::sim::world::World;
use serde::Serialize;

/// How many candidates are given.
const CANDIDATES_MAX: usize = 200;
/// How many nodes a message names.
const NODES_SHOWN_MAX: usize = 12;

/// The names that a world has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Nodes.
    pub nodes: Vec<String>,
    /// Clients and terminals, by number.
    pub clients: Vec<(u32, String)>,
}

impl Names {
    /// The names of a world.
    pub fn of(world: &World) -> Names {
        let host = |c: &crate::sim::client::Client| {
            (c.link.client, world.net.hosts[c.link.host as usize].name.clone())
        };
        Names {
            nodes: world.procs.iter().map(|p| p.name.clone()).collect(),
            clients: world.clients.iter().map(host).collect(),
        }
    }

    /// Says that no node has this name, and which one may be meant or, if none is like it, which there are.
    pub fn no_node(&self, name: &str) -> String {
        let names = || self.nodes.iter().map(String::as_str);
        match nearest(name, names()) {
            Some(near) => format!("there is no node `{name}`; did you mean `{near}`?"),
            None => {
                let known: Vec<&str> = names().take(NODES_SHOWN_MAX).collect();
                let more = if self.nodes.len() > NODES_SHOWN_MAX { " …" } else { "" };
                format!("there is no node `{name}`; the nodes are {}{more}", known.join(" "))
            }
        }
    }
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// What would stand there; empty for an argument that has to be typed.
    pub text: String,
    /// What it means, or what has to be typed.
    pub help: String,
    /// For a command, the syntax of what follows.
    pub syntax: String,
}

/// Ways to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// Where the word begins that a candidate takes the place of, in bytes of the line.
    pub start: usize,
    /// The candidates, in the order of the table; names of the world first.
    pub candidates: Vec<Candidate>,
    /// The syntax of what is not typed yet, to stand behind the line.
    pub hint: String,
    /// The syntax of the line's command before the argument at the cursor, that argument, and after it; and what the command does. Nothing without a
    /// command.
    pub syntax: Vec<String>,
}

/// What could stand at byte `cursor` of a line that is being typed, with or without [`PREFIX`].
pub fn complete(line: &str, cursor: usize, names: &Names) -> Completion {
    let cursor = (0..=cursor.min(line.len())).rev().find(|&i| line.is_char_boundary(i)).unwrap_or(0);
    let line = &line[..cursor];
    let from = prefix_len(line);
    let start = word_start(line, from);
    let typed = line[start..].trim_start_matches(['"', '\'']).to_ascii_lowercase();
    let before = &line[..start];
    let mut matcher = Matcher::new(before, None);
    matcher.exploring = true;
    let at_verb = lex::next_start(before, from).is_none();
    // What stands before has to be the beginning of a line: whatever is missing then is missing at its end.
    command(&mut matcher, from, true);
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut add = |text: String, help: String, syntax: String| {
        let fits = text.is_empty() || text.trim_start_matches('"').to_ascii_lowercase().starts_with(&typed);
        if fits
            && candidates.len() < CANDIDATES_MAX
            && !candidates.iter().any(|c| c.text == text && c.help == help)
        {
            candidates.push(Candidate { text, help, syntax });
        }
    };
    if at_verb {
        let prompts = names.nodes.iter().map(String::as_str).chain(["cluster", "each"]);
        for row in table::rows().filter(|r| super::fits(r, true)) {
            let forms = table::rows().filter(|r| r.name == row.name).count();
            let first = table::rows().find(|r| r.name == row.name).is_some_and(|r| r.key == row.key);
            if first {
                let help =
                    if forms > 1 { format!("{} ({forms} forms)", row.help) } else { row.help.to_string() };
                add(row.name.to_string(), help, rest(row.parts, forms > 1));
            }
        }
        for name in prompts.filter(|n| lex::is_plain(n)) {
            add(
                format!("{name}>"),
                format!("Types a line into the redis-cli of {name}."),
                "LINE".to_string(),
            );
        }
    }
    let hint = match row_of(line, from) {
        Some((row, typed, more)) => {
            let rest = rest(&row.parts[typed..], more);
            let blank = if start == line.len() || rest.is_empty() { "" } else { " " };
            format!("{blank}{rest}")
        }
        None => String::new(),
    };
    if at_verb || matcher.furthest() < before.trim_end().len() {
        return Completion { start, candidates, hint, syntax: Vec::new() };
    }
    for want in matcher.wants() {
        match (want.word, want.kind) {
            (Some(word), _) => add(word.to_string(), want.help.to_string(), String::new()),
            (None, Some(kind)) => {
                for (text, help) in suggestions(kind, want.help, names) {
                    add(text, help, String::new());
                }
            }
            _ => {}
        }
    }
    let syntax = row_of(before, from).map_or_else(Vec::new, |(row, typed, _)| {
        let (here, after) = row.parts[typed..].split_at(usize::from(typed < row.parts.len()));
        vec![row.syntax_to(typed), rest(here, false), rest(after, false), row.help.to_string()]
    });
    Completion { start, candidates, hint, syntax }
}

/// The syntax of some parts, and whether there are other forms.
fn rest(parts: &[Part], more: bool) -> String {
    let mut out = String::new();
    syntax_of(parts, &mut out);
    if more {
        out.push_str(if out.is_empty() { "…" } else { " | …" });
    }
    out
}

/// The first row that a line holds to as far as it goes, how many of its parts are there, and whether another row holds as well.
fn row_of(line: &str, from: usize) -> Option<(&'static Verb, usize, bool)> {
    let verb = lex::next_token(line, from).ok()??;
    let typed = |row: &'static Verb| {
        let is_there = |&parts: &usize| {
            let end = Matcher::new(line, None).parts(&row.parts[..parts], verb.end, &mut Args::new());
            end.is_some_and(|end| lex::next_start(line, end).is_none())
        };
        Some((row, (0..=row.parts.len()).find(is_there)?))
    };
    let mut rows = table::rows().filter(|r| verb.is(r.name) && super::fits(r, true)).filter_map(typed);
    let (row, parts) = rows.next()?;
    Some((row, parts, rows.next().is_some()))
}

/// Where the word begins that ends at the end of the line; the end itself, behind a blank.
fn word_start(line: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        match lex::next_token(line, at) {
            Ok(Some(token)) if token.end == line.len() => return token.start,
            Ok(Some(token)) => at = token.end,
            Ok(None) => return line.len(),
            // A quote that is still open.
            Err(_) => return lex::next_start(line, at).unwrap_or(line.len()),
        }
    }
}

/// What an argument could be: names that there are, and a hint otherwise.
fn suggestions(kind: Kind, name: &str, names: &Names) -> Vec<(String, String)> {
    let node = |n: &String| (show_name(n), "a node".to_string());
    let hint = || vec![(String::new(), format!("{name}: {}", kind.label()))];
    match kind {
        Kind::Node => names.nodes.iter().map(node).collect(),
        Kind::Host | Kind::Names | Kind::NamesTill(_) | Kind::Groups => {
            let mut all: Vec<_> = names.nodes.iter().map(node).collect();
            if kind == Kind::Host {
                all.extend(names.clients.iter().map(|(_, n)| (show_name(n), "a client".to_string())));
                all.push(("*".to_string(), "every other host".to_string()));
            }
            if kind == Kind::Groups {
                all.push(("|".to_string(), "the next group".to_string()));
            }
            all
        }
        Kind::Number(_) if name == "N" => {
            let mut all: Vec<_> = names.clients.iter().map(|(i, n)| (i.to_string(), n.clone())).collect();
            all.extend(hint());
            all
        }
        Kind::Text if name == "WORD" => {
            let about = |verb| table::rows().find(|row| row.name == verb).map_or("", |row| row.help);
            verbs().into_iter().map(|verb| (verb.to_string(), about(verb).to_string())).collect()
        }
        _ => hint(),
    }
}

/// The names of all commands that can be typed live, in order.
fn verbs() -> Vec<&'static str> {
    let mut names: Vec<&str> = table::rows().filter(|r| super::fits(r, true)).map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What there is, or how a command is written: the text of `help` and `help WORD`.
pub fn help(word: Option<&str>) -> String {
    let Some(word) = word else {
        return format!("{}\n`:help WORD` says how one of them is written.", verbs().join(" "));
    };
    let word = word.trim_start_matches(PREFIX);
    let mut out = String::new();
    for row in table::rows().filter(|r| r.name.eq_ignore_ascii_case(word)) {
        out.push_str(&format!("{}\n    {}\n    for example: {}\n", row.syntax(), row.help, row.example));
    }
    if out.is_empty() {
        let near = nearest(word, table::rows().map(|r| r.name));
        return match near {
            Some(near) => format!("There is no command `{word}`; did you mean `{near}`?"),
            None => format!("There is no command `{word}`; `:help` names all."),
        };
    }
    out.truncate(out.trim_end().len());
    out
}

/// A command that asks for help is answered by this.
impl Command {
    /// The text that answers a line which asks for help; `None` for other lines.
    pub fn help_text(&self) -> Option<String> {
        match self {
            Command::Help { word } => Some(help(word.as_deref())),
            _ => None,
        }
    }
}
