//! The grammar as data: what a verb is, how a line is held against it, and how a line is written from it.
//!
//! A [`Verb`] is a row of a table: its name, its parts in order, a sentence of help, an example, and how a
//! [`Command`] is made of its arguments. The parser, the printer, completion and the reference in docs/SCENARIO.md read the
//! same rows, so they cannot differ. One name may have several rows (`heal`, `heal disk A1`): the one that fits is taken.
//!
//! While a line is held against the rows, everything that could have stood at the furthest place reached is noted. After an error it
//! is what was expected; where the line ends it is what completion offers.

use super::Command;
use super::error::ScenarioError;
use super::lex::{self, Token, next_start, next_token};
use super::units;
use crate::store::slot::SLOTS;

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A node, by name.
    Node,
    /// A node or a client, by name, or `*` for all others.
    Host,
    /// A span of virtual time.
    Time,
    /// A span in whole milliseconds.
    Millis,
    /// A cost, kept in nanoseconds.
    Nanos,
    /// A span with a sign.
    SignedTime,
    /// A number of bytes.
    Size,
    /// Bytes a second.
    Rate,
    /// A share, kept in millionths.
    Share,
    /// A factor, kept in millionths.
    Factor,
    /// A decimal number, kept in thousandths.
    Thousandths,
    /// A whole number up to this.
    Number(u64),
    /// A whole factor.
    Times,
    /// What everything random follows from.
    Seed,
    /// First and last slot.
    Slots,
    /// Sixteen hexadecimal digits.
    Hash,
    /// A word, or text in quotes.
    Text,
    /// Bytes: a word, or quoted with `\x00` escapes.
    Bytes,
    /// The rest of the line as it stands.
    Rest,
    /// Several names.
    Names,
    /// Several nodes, up to one of these words.
    NamesTill(&'static [&'static str]),
    /// A span of up to an hour, kept in microseconds.
    Micros,
    /// A number of bytes up to 4 GiB.
    Length,
    /// Whole percent.
    Percent,
    /// Groups of names with `|` between them.
    Groups,
    /// Text of several lines: `<<END`, the lines, `END`; or in quotes.
    Block,
    /// One of these words, with what each means.
    Choice(&'static [(&'static str, &'static str)]),
}

impl Kind {
    /// What it is, for people.
    pub fn label(self) -> String {
        match self {
            Kind::Node => "a node's name".into(),
            Kind::Host => "a host's name (a node, a client, or `*`)".into(),
            Kind::Time | Kind::Millis | Kind::Micros => "a time such as 5s, 1.5ms or 2m".into(),
            Kind::Nanos => "a cost such as 500ns or 2.7us".into(),
            Kind::SignedTime => "a time with a sign such as +2s or -500ms".into(),
            Kind::Size | Kind::Length => "a size such as 512B, 64KiB or 10MB".into(),
            Kind::Rate => "bytes a second such as 64KiB or 10MB".into(),
            Kind::Share => "a share such as 2% or 500ppm".into(),
            Kind::Factor => "a factor such as 10x or 1.5x".into(),
            Kind::Thousandths => "a number such as 1.5".into(),
            Kind::Number(u64::MAX) => "a whole number".into(),
            Kind::Number(most) => format!("a whole number up to {most}"),
            Kind::Times => "a whole factor such as 10x".into(),
            Kind::Seed => "a number, decimal or 0x hexadecimal".into(),
            Kind::Slots => "slots such as 0-5460".into(),
            Kind::Hash => "16 hexadecimal digits".into(),
            Kind::Text | Kind::Bytes => "a word, or text in quotes".into(),
            Kind::Rest => "a line for redis-cli".into(),
            Kind::Names => "names".into(),
            Kind::NamesTill(_) => "names of nodes".into(),
            Kind::Percent => "whole percent such as 90%".into(),
            Kind::Groups => "groups of names with | between them".into(),
            Kind::Block => "text in quotes, or <<END and lines up to END".into(),
            Kind::Choice(words) => words.iter().map(|w| w.0).collect::<Vec<_>>().join("|"),
        }
    }
}

/// One part of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// This word.
    Word(&'static str),
    /// An argument with its name.
    Arg(&'static str, Kind),
    /// These parts or nothing. Optional parts that follow one another come in any order.
    Opt(&'static [Part]),
    /// One of these or nothing; optional like the others.
    Either(&'static [&'static [Part]]),
}

/// Where a verb belongs, in the order of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The head of a file: what the world is made of.
    Head,
    /// In front of a line: when it happens.
    When,
    /// Redis commands and clients.
    Clients,
    /// Processes.
    Process,
    /// The network.
    Network,
    /// Disks.
    Disk,
    /// Clocks.
    Clock,
    /// Ending faults.
    Healing,
    /// Workloads.
    Workload,
    /// Virtual time.
    Time,
    /// Expectations.
    Checks,
    /// Help.
    Help,
}

/// A row of the table.
pub struct Verb {
    /// What it begins with.
    pub name: &'static str,
    /// Which row it is, among all.
    pub key: &'static str,
    /// What follows the name.
    pub parts: &'static [Part],
    /// Where it belongs.
    pub group: Group,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// A line of it.
    pub example: &'static str,
    /// Makes the command of its arguments.
    pub(crate) make: fn(&Args) -> Command,
}

impl Verb {
    /// How it is written: `cut A B [forward|backward] [for TIME]`.
    pub fn syntax(&self) -> String {
        self.syntax_to(self.parts.len())
    }

    /// The same up to one of its parts.
    pub(crate) fn syntax_to(&self, parts: usize) -> String {
        let mut out = self.name.to_string();
        syntax_of(&self.parts[..parts], &mut out);
        out
    }
}

pub(crate) fn syntax_of(parts: &[Part], out: &mut String) {
    for part in parts {
        if !out.is_empty() && !out.ends_with('[') {
            out.push(' ');
        }
        match part {
            Part::Word(word) => out.push_str(word),
            Part::Arg(_, Kind::Choice(words)) => {
                out.push_str(&words.iter().map(|w| w.0).collect::<Vec<_>>().join("|"));
            }
            Part::Arg(name, Kind::Names | Kind::NamesTill(_)) => out.push_str(&format!("{name} …")),
            Part::Arg(name, Kind::Groups) => out.push_str(&format!("{name} … | {name} …")),
            Part::Arg(name, _) => out.push_str(name),
            Part::Opt(inner) => {
                out.push('[');
                syntax_of(inner, out);
                out.push(']');
            }
            Part::Either(choices) => {
                let shown = |parts: &&[Part]| {
                    let mut text = String::new();
                    syntax_of(parts, &mut text);
                    text
                };
                out.push_str(&format!("[{}]", choices.iter().map(shown).collect::<Vec<_>>().join(" | ")));
            }
        }
    }
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Number(i128),
    Names(Vec<String>),
    Groups(Vec<Vec<String>>),
}

/// The arguments of a line by name, and the words that were there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Args {
    values: Vec<(&'static str, Value)>,
    words: Vec<&'static str>,
    /// Names of nodes with the place where they stand, for those who know which there are.
    pub nodes: Vec<(usize, String)>,
    /// How many lines after this one a block took.
    pub block_lines: usize,
    /// Where the line goes on, in bytes, behind a row that stands in front of a command.
    pub end: usize,
}

impl Args {
    pub fn new() -> Args {
        Args::default()
    }

    fn with(mut self, name: &'static str, value: Value) -> Args {
        self.values.push((name, value));
        self
    }

    pub fn text(self, name: &'static str, text: &str) -> Args {
        self.with(name, Value::Text(text.to_string()))
    }

    pub fn opt_text(self, name: &'static str, text: Option<&String>) -> Args {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub fn bytes(self, name: &'static str, bytes: &[u8]) -> Args {
        self.with(name, Value::Bytes(bytes.to_vec()))
    }

    pub fn num(self, name: &'static str, number: impl Into<i128>) -> Args {
        self.with(name, Value::Number(number.into()))
    }

    pub fn opt_num(self, name: &'static str, number: Option<impl Into<i128>>) -> Args {
        match number {
            Some(number) => self.num(name, number),
            None => self,
        }
    }

    pub fn names(self, name: &'static str, names: &[String]) -> Args {
        self.with(name, Value::Names(names.to_vec()))
    }

    pub fn groups(self, name: &'static str, groups: &[Vec<String>]) -> Args {
        self.with(name, Value::Groups(groups.to_vec()))
    }

    pub fn flag(mut self, word: &'static str, on: bool) -> Args {
        if on {
            self.words.push(word);
        }
        self
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|v| v.0 == name).map(|v| &v.1)
    }

    /// Whether a word was there.
    pub fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    pub fn get_text(&self, name: &str) -> String {
        self.maybe_text(name).unwrap_or_default()
    }

    pub fn maybe_text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub fn get_bytes(&self, name: &str) -> Vec<u8> {
        match self.get(name) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        }
    }

    /// A number; its kind has made sure that it fits.
    pub fn get_num<T: TryFrom<i128> + Default>(&self, name: &str) -> T {
        self.maybe_num(name).unwrap_or_default()
    }

    pub fn maybe_num<T: TryFrom<i128>>(&self, name: &str) -> Option<T> {
        match self.get(name)? {
            Value::Number(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    pub fn get_names(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Names(names)) => names.clone(),
            _ => Vec::new(),
        }
    }

    pub fn get_groups(&self, name: &str) -> Vec<Vec<String>> {
        match self.get(name) {
            Some(Value::Groups(groups)) => groups.clone(),
            _ => Vec::new(),
        }
    }
}

/// Words that end a list of names.
const LIST_ENDS: [&str; 6] = ["for", "slots", "within", "from", "timeout", "to"];

/// Something that could stand at a place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Want {
    /// For people.
    pub label: String,
    /// The word itself, if it is one.
    pub word: Option<&'static str>,
    /// What it means.
    pub help: &'static str,
    /// What kind of argument it is, if it is one.
    pub kind: Option<Kind>,
}

/// Gives the lines of a block and how many lines it takes, or what is wrong with it.
pub(crate) type Blocks<'a> = &'a dyn Fn(&str) -> Result<(String, usize), String>;

/// A line that is held against rows.
pub(crate) struct Matcher<'a> {
    pub source: &'a str,
    blocks: Option<Blocks<'a>>,
    /// The furthest place that was reached, and what could have stood there.
    furthest: usize,
    wants: Vec<Want>,
    /// What is wrong there, if more than a word that does not fit.
    hard: Option<(usize, ScenarioError)>,
    /// Whether all rows are tried, although one fits: for completion.
    pub exploring: bool,
}

impl<'a> Matcher<'a> {
    pub fn new(source: &'a str, blocks: Option<Blocks<'a>>) -> Matcher<'a> {
        Matcher { source, blocks, furthest: 0, wants: Vec::new(), hard: None, exploring: false }
    }

    /// What could stand at the furthest place.
    pub fn wants(&self) -> &[Want] {
        &self.wants
    }

    pub fn furthest(&self) -> usize {
        self.furthest
    }

    /// The next word; an error of quoting is noted.
    pub fn token(&mut self, at: usize) -> Option<Token> {
        match next_token(self.source, at) {
            Ok(token) => token,
            Err(error) => {
                let start = next_start(self.source, at).unwrap_or(at);
                self.hard(start, error);
                None
            }
        }
    }

    fn hard(&mut self, at: usize, error: ScenarioError) {
        if self.hard.as_ref().is_none_or(|(place, _)| at >= *place) {
            self.hard = Some((at, error));
        }
    }

    /// Refuses the line at a place, whatever else is tried; `near` is what was meant, perhaps.
    pub fn refuse(&mut self, at: usize, message: String, near: Option<&str>) {
        self.furthest = at;
        self.wants.clear();
        let error = ScenarioError::at(self.source, at, message);
        self.hard(at, ScenarioError { suggestion: near.map(str::to_string), ..error });
    }

    /// Notes what could have stood at a place.
    pub fn want(&mut self, at: usize, want: Want) {
        let at = next_start(self.source, at).unwrap_or(self.source.len());
        if at > self.furthest {
            self.furthest = at;
            self.wants.clear();
        }
        if at == self.furthest && !self.wants.contains(&want) {
            self.wants.push(want);
        }
    }

    pub fn want_word(&mut self, at: usize, word: &'static str, help: &'static str) {
        self.want(at, Want { label: word.to_string(), word: Some(word), help, kind: None });
    }

    fn want_kind(&mut self, at: usize, name: &'static str, kind: Kind) {
        if let Kind::Choice(words) = kind {
            for (word, help) in words {
                self.want_word(at, word, help);
            }
            return;
        }
        self.want(at, Want { label: kind.label(), word: None, help: name, kind: Some(kind) });
    }

    /// The error at the furthest place.
    pub fn error(&self) -> ScenarioError {
        if let Some((at, error)) = &self.hard
            && *at >= self.furthest
        {
            return error.clone();
        }
        let found = next_token(self.source, self.furthest).ok().flatten();
        let expected = self.wants.iter().map(|w| w.label.clone()).collect();
        match found {
            Some(token) => {
                let message = format!("`{}` does not fit here", token.shown());
                ScenarioError::at(self.source, token.start, message).expecting(expected, &token.shown())
            }
            None => {
                let end = self.source.trim_end().len();
                ScenarioError::at(self.source, end, "something is missing at the end").expecting(expected, "")
            }
        }
    }

    /// Whether nothing follows; what does is an error.
    pub fn ends(&mut self, at: usize) -> bool {
        let Some(start) = next_start(self.source, at) else { return true };
        self.want(start, Want { label: "the end of the line".into(), word: None, help: "", kind: None });
        false
    }

    /// Holds the line from byte `at` on against parts; gives where they end.
    pub fn parts(&mut self, parts: &'static [Part], at: usize, args: &mut Args) -> Option<usize> {
        let mut at = at;
        let mut i = 0;
        while i < parts.len() {
            match &parts[i] {
                Part::Word(word) => {
                    at = self.word(word, at)?;
                    args.words.push(word);
                    i += 1;
                }
                Part::Arg(name, kind) => {
                    at = self.arg(name, *kind, at, args)?;
                    i += 1;
                }
                Part::Opt(_) | Part::Either(_) => {
                    let optional = |part: &Part| matches!(part, Part::Opt(_) | Part::Either(_));
                    let end = (i..parts.len()).find(|&j| !optional(&parts[j]));
                    let end = end.unwrap_or(parts.len());
                    at = self.options(&parts[i..end], at, args);
                    i = end;
                }
            }
        }
        Some(at)
    }

    fn options(&mut self, options: &'static [Part], at: usize, args: &mut Args) -> usize {
        let mut at = at;
        let mut left: Vec<&'static Part> = options.iter().collect();
        'more: loop {
            for (place, part) in left.iter().enumerate() {
                let choices: &[&'static [Part]] = match part {
                    Part::Opt(inner) => &[inner],
                    Part::Either(choices) => choices,
                    Part::Word(_) | Part::Arg(..) => &[],
                };
                for inner in choices {
                    let mut tried = args.clone();
                    if let Some(end) = self.parts(inner, at, &mut tried) {
                        *args = tried;
                        at = end;
                        left.remove(place);
                        continue 'more;
                    }
                }
            }
            return at;
        }
    }

    fn word(&mut self, word: &'static str, at: usize) -> Option<usize> {
        match self.token(at) {
            Some(token) if token.is(word) => Some(token.end),
            _ => {
                self.want_word(at, word, "");
                None
            }
        }
    }

    fn arg(&mut self, name: &'static str, kind: Kind, at: usize, args: &mut Args) -> Option<usize> {
        match kind {
            Kind::Rest => return self.rest(name, at, args),
            Kind::Names | Kind::NamesTill(_) | Kind::Groups => return self.list(name, kind, at, args),
            _ => {}
        }
        let Some(token) = self.token(at) else {
            self.want_kind(at, name, kind);
            return None;
        };
        let Some(value) = self.value(kind, &token, args) else {
            self.want_kind(at, name, kind);
            return None;
        };
        args.values.push((name, value));
        Some(token.end)
    }

    fn value(&mut self, kind: Kind, token: &Token, args: &mut Args) -> Option<Value> {
        let text = std::str::from_utf8(&token.bytes).ok();
        let number = |n: Option<u64>| n.map(|n| Value::Number(i128::from(n)));
        if let Kind::Bytes = kind {
            return Some(Value::Bytes(token.bytes.clone()));
        }
        let text = text?;
        match kind {
            // What follows a name that was left out.
            Kind::Node | Kind::Host if LIST_ENDS.iter().any(|end| token.is(end)) => None,
            Kind::Node => {
                args.nodes.push((token.start, text.to_string()));
                Some(Value::Text(text.to_string()))
            }
            Kind::Host | Kind::Text => Some(Value::Text(text.to_string())),
            Kind::Choice(words) if !token.quoted => {
                let word = words.iter().find(|w| w.0.eq_ignore_ascii_case(text))?;
                Some(Value::Text(word.0.to_string()))
            }
            Kind::Block => self.block(token, text, args),
            _ if token.quoted => None,
            Kind::Time => number(units::time(text)),
            Kind::Nanos => number(units::nanos(text)),
            Kind::Micros => number(units::time(text).filter(|us| u32::try_from(*us).is_ok())),
            Kind::Length => number(units::size(text).filter(|n| u32::try_from(*n).is_ok())),
            Kind::Percent => {
                number(text.strip_suffix('%').and_then(units::number).filter(|n| u8::try_from(*n).is_ok()))
            }
            Kind::Millis => {
                let ms = units::time(text).filter(|us| us.is_multiple_of(1000)).map(|us| us / 1000);
                number(ms.filter(|ms| u32::try_from(*ms).is_ok()))
            }
            Kind::SignedTime => units::signed_time(text).map(|n| Value::Number(i128::from(n))),
            Kind::Size => number(units::size(text)),
            Kind::Rate => number(units::size(text.strip_suffix("/s").unwrap_or(text))),
            Kind::Share => number(units::share(text).filter(|n| u32::try_from(*n).is_ok())),
            Kind::Factor => number(units::factor(text)),
            Kind::Thousandths => number(units::thousandths(text).filter(|n| u32::try_from(*n).is_ok())),
            Kind::Number(most) => number(units::number(text).filter(|n| *n <= most)),
            Kind::Seed => number(units::number(text)),
            Kind::Times => {
                let digits = text.strip_suffix(['x', 'X', '×']).unwrap_or(text);
                number(units::number(digits).filter(|n| u32::try_from(*n).is_ok()))
            }
            Kind::Slots => {
                let (first, last) = text.split_once('-')?;
                let slot = |text| units::number(text).filter(|n| *n < u64::from(SLOTS));
                let (first, last) = (slot(first)?, slot(last)?);
                (first <= last).then_some(Value::Number(i128::from(first << 16 | last)))
            }
            Kind::Hash => {
                let fits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
                number(u64::from_str_radix(text, 16).ok().filter(|_| fits))
            }
            Kind::Choice(_) | Kind::Bytes | Kind::Rest => None,
            Kind::Names | Kind::NamesTill(_) | Kind::Groups => None,
        }
    }

    fn block(&mut self, token: &Token, text: &str, args: &mut Args) -> Option<Value> {
        let Some(end) = text.strip_prefix("<<").filter(|_| !token.quoted) else {
            return Some(Value::Text(text.to_string()));
        };
        let read = match self.blocks {
            Some(blocks) => blocks(end),
            None => {
                Err("a text of several lines stands in a file; here it is written in quotes, with \\n".into())
            }
        };
        match read {
            Ok((block, lines)) => {
                args.block_lines = lines;
                Some(Value::Text(block))
            }
            Err(message) => {
                self.hard(token.start, ScenarioError::at(self.source, token.start, message));
                None
            }
        }
    }

    fn rest(&mut self, name: &'static str, at: usize, args: &mut Args) -> Option<usize> {
        let rest = &self.source[at..];
        let text = rest.trim_matches(|c: char| c.is_ascii_whitespace());
        if text.is_empty() {
            self.want_kind(at, name, Kind::Rest);
            return None;
        }
        let start = at + (rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len());
        if text.starts_with("<<") {
            let token = self.token(start + 2).filter(|t| t.quoted && t.start == start + 2);
            let Some(token) = token else {
                self.want_kind(start, name, Kind::Rest);
                return None;
            };
            let line = String::from_utf8(token.bytes).ok()?;
            args.values.push((name, Value::Text(line)));
            return Some(token.end);
        }
        args.values.push((name, Value::Text(text.to_string())));
        Some(self.source.len())
    }

    fn list(&mut self, name: &'static str, kind: Kind, at: usize, args: &mut Args) -> Option<usize> {
        let mut at = at;
        let mut groups: Vec<Vec<String>> = vec![Vec::new()];
        let (mut any, mut names) = (false, 0usize);
        let ends = if let Kind::NamesTill(words) = kind { words } else { &LIST_ENDS };
        while let Some(token) = self.token(at) {
            if ends.iter().any(|end| token.is(end)) {
                break;
            }
            let in_groups = kind == Kind::Groups && !token.quoted;
            match token.bytes.as_slice() {
                b"|" if in_groups => groups.push(Vec::new()),
                // A group without a host, or no group at all.
                b"-" if in_groups => {}
                b"none" if in_groups && !any => {
                    groups.clear();
                    at = token.end;
                    any = true;
                    break;
                }
                bytes => {
                    let Ok(text) = std::str::from_utf8(bytes) else { break };
                    if !token.quoted && !lex::is_plain(text) {
                        break;
                    }
                    groups.last_mut()?.push(text.to_string());
                    names += 1;
                    if let Kind::NamesTill(_) = kind {
                        args.nodes.push((token.start, text.to_string()));
                    }
                }
            }
            any = true;
            at = token.end;
        }
        self.want_kind(at, name, kind);
        if !any || (kind != Kind::Groups && names == 0) {
            return None;
        }
        let value = match kind {
            Kind::Groups => Value::Groups(groups),
            _ => Value::Names(groups.into_iter().flatten().collect()),
        };
        args.values.push((name, value));
        Some(at)
    }
}

/// Writes a name so that it is read back as a name.
pub fn show_name(name: &str) -> String {
    if lex::is_plain(name) && !super::table::is_reserved(name) {
        name.to_string()
    } else {
        lex::quote(name.as_bytes())
    }
}

/// Whether a line can stand at the end of another as it is.
fn is_rest(line: &str) -> bool {
    !line.is_empty()
        && !line.starts_with("<<")
        && line.trim_matches(|c: char| c.is_ascii_whitespace()) == line
        && !line.chars().any(|c| c.is_control())
}

/// Writes a line so that it is read back as the rest of a line.
pub(crate) fn show_rest(line: &str) -> String {
    if is_rest(line) { line.to_string() } else { format!("<<{}", lex::quote(line.as_bytes())) }
}

fn show(kind: Kind, value: &Value) -> String {
    let unsigned = |n: &i128| u64::try_from(*n).unwrap_or_default();
    match (kind, value) {
        (Kind::Rest, Value::Text(line)) => show_rest(line),
        (Kind::Choice(_), Value::Text(word)) => word.clone(),
        (Kind::Block, Value::Text(text)) => lex::quote(text.as_bytes()),
        (_, Value::Text(text)) => show_name(text),
        (_, Value::Bytes(bytes)) => lex::quote(bytes),
        (Kind::Time | Kind::Micros, Value::Number(n)) => units::show_time(unsigned(n)),
        (Kind::Nanos, Value::Number(n)) => units::show_nanos(unsigned(n)),
        (Kind::Millis, Value::Number(n)) => units::show_time(unsigned(n).saturating_mul(1000)),
        (Kind::SignedTime, Value::Number(n)) => {
            units::show_signed_time(i64::try_from(*n).unwrap_or_default())
        }
        (Kind::Size | Kind::Length | Kind::Rate, Value::Number(n)) => units::show_size(unsigned(n)),
        (Kind::Share, Value::Number(n)) => units::show_share(unsigned(n)),
        (Kind::Factor, Value::Number(n)) => units::show_factor(unsigned(n)),
        (Kind::Thousandths, Value::Number(n)) => units::show_thousandths(unsigned(n)),
        (Kind::Percent, Value::Number(n)) => format!("{n}%"),
        (Kind::Times, Value::Number(n)) => format!("{n}x"),
        (Kind::Seed, Value::Number(n)) if *n > 999_999 => format!("{n:#010x}"),
        (Kind::Slots, Value::Number(n)) => format!("{}-{}", n >> 16, n & 0xffff),
        (Kind::Hash, Value::Number(n)) => format!("{:016x}", unsigned(n)),
        (_, Value::Number(n)) => n.to_string(),
        (_, Value::Names(names)) => names.iter().map(|n| show_name(n)).collect::<Vec<_>>().join(" "),
        (_, Value::Groups(groups)) if groups.is_empty() => "none".to_string(),
        (_, Value::Groups(groups)) => {
            let group = |g: &Vec<String>| match g.as_slice() {
                [] => "-".to_string(),
                names => names.iter().map(|n| show_name(n)).collect::<Vec<_>>().join(" "),
            };
            groups.iter().map(group).collect::<Vec<_>>().join(" | ")
        }
    }
}

/// Writes a line of a row.
pub(crate) fn render(verb: &Verb, args: &Args) -> String {
    let mut out = verb.name.to_string();
    render_parts(verb.parts, args, &mut out);
    out
}

fn render_parts(parts: &[Part], args: &Args, out: &mut String) {
    for part in parts {
        match part {
            Part::Word(word) => {
                out.push(' ');
                out.push_str(word);
            }
            Part::Arg(name, kind) => {
                if let Some(value) = args.get(name) {
                    out.push(' ');
                    out.push_str(&show(*kind, value));
                }
            }
            Part::Opt(inner) if is_there(inner, args) => render_parts(inner, args, out),
            Part::Opt(_) => {}
            Part::Either(choices) => {
                if let Some(inner) = choices.iter().find(|inner| is_there(inner, args)) {
                    render_parts(inner, args, out);
                }
            }
        }
    }
}

/// Whether a line has an optional part: its argument or, if it has none, its word.
fn is_there(parts: &[Part], args: &Args) -> bool {
    let arg = parts.iter().find_map(|p| if let Part::Arg(name, _) = p { Some(*name) } else { None });
    let word = parts.iter().find_map(|p| if let Part::Word(word) = p { Some(*word) } else { None });
    arg.map_or_else(|| word.is_some_and(|w| args.has(w)), |name| args.get(name).is_some())
}
