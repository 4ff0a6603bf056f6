//! Lines of the language for scenarios: what is typed behind `:` in a terminal, and what every button does.
//!
//! A line is shown as it was run and followed by what came of it, so that what was clicked can be pasted into a scenario.

use super::{CLUSTER_TAB, Engine, Trek};
use crate::protocol::{Completion, TermEntry, TermKind};
use crate::words;
use vitrine_core::sim::fault::{Action, Scope};
use vitrine_core::sim::scenario::{self, Command, Names, PREFIX, TimeCommand, Whom};

impl Engine {
    /// Carries out a line and shows it in a tab, with what came of it.
    ///
    /// # Errors
    /// Why it cannot be done, in a sentence that the tab shows too.
    pub(super) fn line(&mut self, tab: u16, line: &str) -> Result<String, String> {
        let line = line.trim_start().trim_start_matches(PREFIX).trim();
        let entry = |kind, text: String| TermEntry { kind, text, tag: None, from: None };
        self.print(tab, vec![entry(TermKind::Typed, format!("{PREFIX}\t{line}"))]);
        let result = match scenario::parse_line(line) {
            Ok(command) => self.carry_out(tab, &command),
            Err(error) => Err(error.to_string()),
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
                Ok(done.number.map_or_else(String::new, |n| format!("Its number is {n}.")))
            }
            Command::Say { whom, .. } => {
                self.console.carry_out(&mut self.time, command)?;
                let elsewhere = match whom {
                    Whom::Cluster => tab != 0,
                    Whom::Node(name) => {
                        self.time.world().node_index(name).is_some_and(|n| n as u16 + 1 != tab)
                    }
                    Whom::Each => true,
                };
                Ok(if elsewhere {
                    "The reply comes in the tab that it was typed into.".into()
                } else {
                    String::new()
                })
            }
            Command::Head(_) | Command::When(_) => {
                Err(format!("`{command}` stands in files, not in lines that are typed."))
            }
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

    /// What could stand at a place of a line of this language that is being typed.
    pub(super) fn complete(&self, line: &str, cursor: usize) -> Completion {
        let found = scenario::complete(line, cursor, &Names::of(self.time.world()));
        Completion {
            start: found.start,
            candidates: found.candidates.into_iter().map(|c| (c.text, c.help)).collect(),
        }
    }
}
