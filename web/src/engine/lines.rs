//! Lines of the language for scenarios: what is typed behind `:` in a terminal, and what every button does.
//!
//! A line is shown as it was run and followed by what came of it, so that what was clicked can be pasted into a scenario.

use super::{CLUSTER_TAB, Engine, Trek};
use crate::complete;
use crate::protocol::{Completion, TermEntry, TermKind};
use crate::words;
use vitrine_core::sim::fault::{Action, Scope};
use vitrine_core::sim::ledger::{Risk, Status};
use vitrine_core::sim::scenario::{self, Command, Names, PREFIX, ScenarioError, TimeCommand, Whom};
use vitrine_core::sim::trace::Life;

impl Engine {
    /// Carries out a line and shows it in a tab, with what came of it.
    ///
    /// # Errors
    /// Why it cannot be done, in a sentence that the tab shows too.
    pub(super) fn line(&mut self, tab: u16, line: &str) -> Result<String, String> {
        let line = line.trim_start().trim_start_matches(PREFIX).trim();
        let entry = |kind, text: String| TermEntry { kind, text, tag: None, from: None };
        // What was answered before stands above it.
        self.take_terminals();
        self.print(tab, vec![entry(TermKind::Typed, format!("{PREFIX}\t{line}"))]);
        let result = match scenario::parse_line(line) {
            Ok(command) => self.carry_out(tab, &command),
            Err(error) => Err(refusal(line, &error)),
        };
        match &result {
            Ok(said) if said.is_empty() => {}
            Ok(said) => self.print(tab, vec![entry(TermKind::Note, said.clone())]),
            Err(why) => self.print(tab, vec![entry(TermKind::Error, why.clone())]),
        }
        self.take_terminals();
        result
    }

    /// Carries out a line about time without showing it.
    pub(super) fn quiet_line(&mut self, line: &str) -> Result<String, String> {
        match scenario::parse_line(line) {
            Ok(Command::Time(time)) => self.time_line(CLUSTER_TAB, &time),
            Ok(command) => Err(format!("`{command}` is shown when it is run.")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn carry_out(&mut self, tab: u16, command: &Command) -> Result<String, String> {
        match command {
            Command::Time(time) => self.time_line(tab, time),
            Command::Again { line } => self.again(tab, line).map(|()| String::new()),
            Command::Help { .. } => Ok(command.help_text().unwrap_or_default()),
            Command::Expect(expect) => {
                match (self.console.carry_out(&mut self.time, command), expect.within_us) {
                    (Ok(_), _) => Ok("It holds.".into()),
                    (Err(_), Some(us)) => {
                        self.queues.wait(command.clone(), self.now_us().saturating_add(us));
                        Ok(String::new())
                    }
                    (Err(why), None) => Err(why),
                }
            }
            Command::Act(action) => {
                let done = self.console.carry_out(&mut self.time, command)?;
                if matches!(action, Action::Heal { scope: Scope::Everything }) {
                    self.queues.call_off();
                }
                if let Action::Start { node } = action
                    && let Some(why) = self.refused(node)
                {
                    return Err(why);
                }
                // A client's number means nothing to a visitor, for it has a name; a fault has none.
                let fault = done.number.filter(|_| matches!(action, Action::Fault { .. }));
                Ok(fault.map_or_else(String::new, |n| format!("`end {n}` ends it.")))
            }
            Command::Say { whom, .. } => {
                if *whom == Whom::Each {
                    // Whatever the nodes' terminals print comes here too, from now on.
                    self.each = Some(tab);
                }
                self.console.carry_out(&mut self.time, command)?;
                let elsewhere = match whom {
                    Whom::Cluster => tab != 0,
                    Whom::Node(name) => {
                        self.time.world().node_index(name).is_some_and(|n| n as u16 + 1 != tab)
                    }
                    Whom::Each => false,
                };
                Ok(match whom {
                    Whom::Node(name) if elsewhere => format!("The reply is in {name}'s tab."),
                    _ if elsewhere => "The reply is in the tab `cluster -c`.".into(),
                    _ => String::new(),
                })
            }
            Command::Head(_) | Command::When(_) => Err(format!("`{command}` stands in files alone.")),
        }
    }

    /// Why a node did not start, if it was refused.
    fn refused(&self, node: &str) -> Option<String> {
        let entry = self.time.world().node_entries().into_iter().find(|entry| entry.name == node)?;
        match entry.process {
            Life::Refused { reason } => Some(format!("{node} refused to start: {reason}")),
            _ => None,
        }
    }

    fn time_line(&mut self, tab: u16, time: &TimeCommand) -> Result<String, String> {
        let now = self.now_us();
        match *time {
            TimeCommand::RunFor { us } => self.set_out(Trek::to(now.saturating_add(us))),
            TimeCommand::RunUntil { us, event: None } => self.set_out(Trek::to(us)),
            TimeCommand::RunUntil { event: Some(_), .. } => {
                return Err("An exact number of events is for files; `step N` goes on by N events.".into());
            }
            TimeCommand::Play => self.play(true),
            TimeCommand::Stop => self.play(false),
            TimeCommand::Speed { factor_ppm } => self.set_speed(factor_ppm as f64 / 1e6),
            TimeCommand::Step { events: 1 } => self.step(),
            TimeCommand::Step { events } => {
                let step = self.time.here().step.saturating_add(events.into());
                self.set_out_to_step(step);
            }
            TimeCommand::Back { events } => {
                let step = self.time.here().step.saturating_sub(events.into());
                self.travel(|time| time.go_to_step(step)).map_err(|_| "This is the beginning of the run.")?;
            }
            TimeCommand::Goto { us } => {
                let begin = self.time.world().setup().start_us;
                if us < begin {
                    let begin = words::clock_short(begin);
                    return Err(format!("This run begins at {begin}: there is nothing before it to go to."));
                }
                let end = self.time.end().at_us;
                self.travel(|time| time.go_to(us.min(end)));
                if us > end {
                    self.set_out(Trek::to(us));
                }
            }
            TimeCommand::Live => {
                let run = self.time.branch();
                self.travel(|time| time.go_to_branch(run, None))?;
            }
            TimeCommand::Next { what } => self.set_out_to_event(tab, what),
            TimeCommand::Last { what } => return self.back_to_event(what),
            TimeCommand::Branch { number } => {
                self.travel(|time| time.go_to_branch(number, None))?;
                return Ok(format!("This is run {number}, at {}.", words::clock_short(self.now_us())));
            }
        }
        Ok(String::new())
    }

    /// What could stand at a place of a line that is being typed into a tab.
    pub(super) fn complete(&self, tab: u16, line: &str, cursor: usize) -> Completion {
        let world = self.time.world();
        if !line.trim_start().starts_with(PREFIX) {
            let node = tab.checked_sub(1).and_then(|n| world.setup().nodes.get(usize::from(n)));
            return complete::complete(world, node.map(|n| n.name.as_str()), line, cursor);
        }
        if let Some((whom, at)) = line.get(..cursor).and_then(line_for_cli) {
            let node = world.node_index(whom).map(|_| whom);
            let mut found = complete::complete(world, node, &line[at..], cursor - at);
            found.start += at;
            return found;
        }
        let found = scenario::complete(line, cursor, &Names::of(world));
        let about = |syntax: String, help| if syntax.is_empty() { help } else { format!("{syntax}\t{help}") };
        Completion {
            start: found.start,
            candidates: found.candidates.into_iter().map(|c| (c.text, about(c.syntax, c.help))).collect(),
            hint: found.hint,
            syntax: found.syntax,
        }
    }

    /// Ctrl-C in a tab: what runs there ends, and so does what `each>` began from there.
    pub(super) fn interrupt(&mut self, tab: u16) {
        let every = self.each.take_if(|each| *each == tab).is_some();
        for (of, terminal) in self.terminals() {
            if of == tab || every {
                let _ = self.time.act(Action::Interrupt { terminal });
            }
        }
        self.print(tab, vec![TermEntry { kind: TermKind::Note, text: "^C".into(), tag: None, from: None }]);
        self.take_terminals();
    }

    /// How safe the last write of a tab is, in words; empty if it is safe, or if the last line was none.
    pub(super) fn risk(&self, tab: u16) -> String {
        if self.wrote.get(&tab) != Some(&true) {
            return String::new();
        }
        let Some(terminal) = self.terminal(tab) else { return String::new() };
        let client = format!("terminal-{terminal}");
        let writes = self.time.world().ledger_writes();
        let own = writes.into_iter().filter(|(w, ..)| w.acknowledged && w.client == client);
        let Some((write, status, _)) = own.max_by_key(|(w, ..)| w.at_us) else { return String::new() };
        let node = write.node;
        match status {
            Status::Safe => String::new(),
            Status::AtRisk(Risk::Failover | Risk::FailoverOrPowerLoss) => format!("at risk, only on {node}"),
            Status::AtRisk(Risk::PowerLoss) => format!("at risk, not fsynced on {node}"),
            Status::AtRisk(Risk::Stranded) => format!("at risk, {node} does not own its slot any more"),
            Status::AtRisk(Risk::NoOwner) => "at risk, nobody owns its slot".into(),
            Status::Lost => "lost".into(),
        }
    }
}

/// Why a line that was typed is refused, and where help is.
fn refusal(line: &str, error: &ScenarioError) -> String {
    let verb = line.split_whitespace().next().unwrap_or_default();
    let known = scenario::table::rows().any(|row| row.name.eq_ignore_ascii_case(verb));
    let between = if error.suggestion.is_some() { "" } else { ";" };
    if known {
        format!("{error:#}{between} `:help {verb}` says how it is written")
    } else {
        format!("{error:#}{between} `:help` names all")
    }
}

/// Where a line for redis-cli begins in a line of the language that is being typed, behind whose name.
fn line_for_cli(line: &str) -> Option<(&str, usize)> {
    let (verb, rest) = line.trim_start().strip_prefix(PREFIX)?.trim_start().split_once(' ')?;
    let (whom, rest) = match verb.strip_suffix('>') {
        Some(whom) => (whom, rest),
        None if verb == "again" => (verb, rest),
        None if verb == "say" || verb == "type" => rest.trim_start().split_once(' ')?,
        None => return None,
    };
    Some((whom, line.len() - rest.len()))
}
