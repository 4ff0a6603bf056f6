//! The text of a scenario: a head, then timed lines.

use super::error::{ScenarioError, nearest, shown};
use super::head::{self, Building, Head};
use super::{
    Command, EVERY_US_MIN, STEPS_MAX, Scenario, Step, TIME_US_MAX, TimeCommand, VERSION, When, YEAR_US, parse,
};
use crate::sim::fault::Action;
use crate::sim::setup::NODES_MAX;

/// The longest text of a scenario, in bytes.
pub const TEXT_LEN_MAX: usize = 32 << 20;
/// How many lines a text has at the most, those of redis.conf files among them.
pub const LINES_MAX: usize = 1_000_000;
/// How many lines say what the world is made of, at the most: three for each node (itself, its redis.conf, its shard), and the rest.
pub const HEAD_LINES_MAX: usize = 3 * NODES_MAX + 1_000;
/// How many lines of a scenario are repeated (`every`), at the most.
pub const REPEATS_MAX: usize = 1_000;
/// The longest title, in bytes.
pub const TITLE_LEN_MAX: usize = 1_000;

/// Whether a line can stand in a scenario.
pub(crate) fn check_step(when: &When, what: &Command) -> Result<(), String> {
    let live =
        |time: &TimeCommand| !matches!(time, TimeCommand::RunFor { .. } | TimeCommand::RunUntil { .. });
    let longest = match when {
        When::Next => 0,
        When::At { us } | When::After { us } | When::Exact { us, .. } => *us,
        When::Every { us, for_us, .. } => (*us).max(for_us.unwrap_or(0)),
    };
    let longest = longest.max(match what {
        Command::Time(TimeCommand::RunFor { us } | TimeCommand::RunUntil { us, .. }) => *us,
        Command::Expect(expect) => expect.within_us.unwrap_or(0).max(expect.for_us.unwrap_or(0)),
        _ => 0,
    });
    if longest > TIME_US_MAX {
        return Err(format!("no run is longer than {} years", TIME_US_MAX / YEAR_US));
    }
    match what {
        Command::Time(time) if live(time) => Err(format!(
            "`{what}` is for the page, whose clock can stand still and go back; a scenario has `run`"
        )),
        Command::Again { .. } => Err(format!("`{what}` is for the page, which can go back")),
        Command::Help { .. } => Err("a scenario cannot ask for help".to_string()),
        Command::Head(_) => Err("the head of a scenario comes before everything that happens".to_string()),
        Command::When(_) => Err("a line happens at one time".to_string()),
        Command::Act(Action::StartWorkload { workload, .. }) if workload.check().is_err() => workload.check(),
        Command::Act(_) | Command::Say { .. } => match when {
            When::Every { us, .. } if *us < EVERY_US_MIN => {
                Err(format!("nothing is repeated more often than every {EVERY_US_MIN}us"))
            }
            _ => Ok(()),
        },
        Command::Expect(_) | Command::Time(_) => match when {
            When::Every { .. } => Err("only what is done to the world can be repeated".to_string()),
            _ => Ok(()),
        },
    }
}

/// A text that is being read.
struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    building: Building,
    in_head: bool,
    /// The line that is wrong, where it is an earlier one than the present.
    blamed: Option<u32>,
    /// How many lines of the head, and how many that are repeated, were read.
    head_lines: usize,
    repeats: usize,
    versioned: bool,
    steps: Vec<Step>,
    numbers: Vec<u32>,
}

impl Scenario {
    /// Reads the text of a scenario.
    ///
    /// # Errors
    /// Where the text is wrong, and what was expected there.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::parse_numbered(text).map(|(scenario, _)| scenario)
    }

    /// The same with the number of the line that each step stands on, from 1.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn parse_numbered(text: &str) -> Result<(Scenario, Vec<u32>), ScenarioError> {
        if text.len() > TEXT_LEN_MAX {
            let message = format!(
                "a scenario has no more than {TEXT_LEN_MAX} bytes, and this one has {}: make several of it",
                text.len()
            );
            let line = text.bytes().take(TEXT_LEN_MAX).filter(|&b| b == b'\n').count() as u32 + 1;
            return Err(ScenarioError::at("", 0, message).in_line(line));
        }
        let lines: Vec<&str> = text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
        if lines.len() > LINES_MAX {
            let message = format!("a scenario has no more than {LINES_MAX} lines: make several of it");
            return Err(ScenarioError::at("", 0, message).in_line(LINES_MAX as u32 + 1));
        }
        let mut reader = Reader {
            lines,
            at: 0,
            building: Building::default(),
            in_head: true,
            blamed: None,
            head_lines: 0,
            repeats: 0,
            versioned: false,
            steps: Vec::new(),
            numbers: Vec::new(),
        };
        while reader.at < reader.lines.len() {
            let number = reader.at as u32 + 1;
            let taken = match reader.line() {
                Ok(taken) => taken,
                Err(error) => return Err(error.in_line(reader.blamed.unwrap_or(number))),
            };
            reader.at += 1 + taken;
        }
        let last = reader.lines.len() as u32;
        if !reader.versioned {
            return Err(no_version("").in_line(last));
        }
        reader.building.finish().map_err(|(line, why)| ScenarioError::at("", 0, why).in_line(line))?;
        let Building { setup, title, engine, .. } = reader.building;
        let scenario = Scenario { title, engine, setup, steps: reader.steps };
        scenario.check().map_err(|message| ScenarioError::at("", 0, message).in_line(last))?;
        Ok((scenario, reader.numbers))
    }

    /// The text of it, which [`Scenario::parse`] reads back exactly.
    pub fn to_text(&self) -> String {
        let mut out = format!("vitrine {VERSION}\n");
        if let Some(hash) = self.engine {
            out.push_str(&format!("{}\n", Command::Head(Head::Engine { hash })));
        }
        if !self.title.is_empty() {
            out.push_str(&format!("{}\n", Command::Head(Head::Title { title: self.title.clone() })));
        }
        head::print(&self.setup, &mut out);
        if !self.steps.is_empty() {
            out.push('\n');
        }
        for Step { when, what } in &self.steps {
            let when = Command::When(*when).to_string();
            let blank = if when.is_empty() { "" } else { " " };
            out.push_str(&format!("{when}{blank}{what}\n"));
        }
        out
    }
}

fn no_version(line: &str) -> ScenarioError {
    ScenarioError::at(line, 0, format!("a scenario begins with the line `vitrine {VERSION}`"))
        .expecting(vec![format!("vitrine {VERSION}")], "")
}

impl Reader<'_> {
    /// Reads the present line; gives how many lines after it belong to it.
    fn line(&mut self) -> Result<usize, ScenarioError> {
        let source = self.lines[self.at];
        let Some(start) = super::lex::next_start(source, 0) else { return Ok(0) };
        let start = if source[start..].starts_with(super::PREFIX) { start + 1 } else { start };
        let following = &self.lines[self.at + 1..];
        let blocks = |end: &str| block(following, end);
        let first = super::lex::next_token(source, start)?;
        if !self.versioned && !first.is_some_and(|t| t.is("vitrine")) {
            return Err(no_version(source));
        }
        let (mut command, mut args) = parse(source, start, Some(&blocks), false)?;
        if !self.versioned {
            let Command::Head(Head::Version { version }) = command else { return Err(no_version(source)) };
            if version != VERSION {
                let message =
                    format!("this is a scenario of version {version}; version {VERSION} is understood here");
                return Err(ScenarioError::at(source, start, message));
            }
            self.versioned = true;
            return Ok(0);
        }
        let mut whens = Vec::new();
        while let Command::When(said) = command {
            let again = parse(source, args.end, Some(&blocks), false)?;
            whens.push(said);
            command = again.0;
            if whens.len() > 2 {
                break;
            }
            args.nodes.extend(again.1.nodes);
            (args.block_lines, args.end) = (again.1.block_lines, again.1.end);
        }
        let refuse = |message: String| ScenarioError::at(source, start, message);
        // What is repeated from an instant on is a line that waits for the instant and one that is repeated.
        let (first, when) = match whens.as_slice() {
            [] => (None, When::Next),
            [when] => (None, *when),
            [first, when @ When::Every { .. }] if !matches!(first, When::Every { .. }) => {
                (Some(*first), *when)
            }
            _ => return Err(refuse("a line happens at one time".to_string())),
        };
        match command {
            Command::Head(head) if self.in_head && whens.is_empty() => {
                if let Head::Conf { .. } = head {
                    self.building.need_nodes();
                    self.know_nodes(source, &args.nodes)?;
                }
                self.head_lines += 1;
                if self.head_lines > HEAD_LINES_MAX {
                    return Err(refuse(format!(
                        "no more than {HEAD_LINES_MAX} lines say what a world is made of: put what is alike into `conf all`"
                    )));
                }
                self.building.apply(head, self.at as u32 + 1).map_err(refuse)?;
            }
            what => {
                if self.in_head {
                    self.in_head = false;
                    if let Err((line, why)) = self.building.finish() {
                        self.blamed = Some(line);
                        return Err(ScenarioError::at("", 0, why));
                    }
                }
                self.know_nodes(source, &args.nodes)?;
                check_step(&when, &what).map_err(refuse)?;
                if self.steps.len() == STEPS_MAX {
                    return Err(refuse(format!(
                        "a scenario has no more than {STEPS_MAX} lines that happen: use `every` for what repeats, or make several of it"
                    )));
                }
                self.repeats += usize::from(matches!(when, When::Every { .. }));
                if self.repeats > REPEATS_MAX {
                    return Err(refuse(format!(
                        "a scenario has no more than {REPEATS_MAX} lines that are repeated: use a workload for many commands"
                    )));
                }
                if let Command::Act(Action::TypeLine { line, .. }) | Command::Say { line, .. } = &what
                    && line.len() > crate::sim::act::LINE_LEN_MAX
                {
                    return Err(refuse(format!(
                        "a terminal takes lines of {} bytes, and this one has {}: use a workload for large values",
                        crate::sim::act::LINE_LEN_MAX,
                        line.len()
                    )));
                }
                if let Some(when) = first {
                    self.steps.push(Step { when, what: Command::Time(TimeCommand::RunFor { us: 0 }) });
                    self.numbers.push(self.at as u32 + 1);
                }
                self.steps.push(Step { when, what });
                self.numbers.push(self.at as u32 + 1);
            }
        }
        Ok(args.block_lines)
    }

    /// Refuses names that are no node's.
    fn know_nodes(&self, source: &str, names: &[(usize, String)]) -> Result<(), ScenarioError> {
        let Some((at, name)) = names.iter().find(|(_, name)| !self.building.has_node(name)) else {
            return Ok(());
        };
        let mut error = ScenarioError::at(source, *at, format!("there is no node `{}`", shown(name)));
        let known = self.building.setup.nodes.iter().map(|n| n.name.as_str());
        error.suggestion = nearest(name, known).map(str::to_string);
        Err(error)
    }
}

/// The lines up to the one that says `end`.
fn block(lines: &[&str], end: &str) -> Result<(String, usize), String> {
    if end.is_empty() || !end.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("`<<` needs a word that ends the text, such as <<END".to_string());
    }
    let count = lines.iter().position(|line| line.trim() == end);
    let count = count.ok_or_else(|| format!("no line says `{}`, so the text has no end", shown(end)))?;
    let mut text = lines[..count].join("\n");
    if count > 0 {
        text.push('\n');
    }
    Ok((text, count + 1))
}
