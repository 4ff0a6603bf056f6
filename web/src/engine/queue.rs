//! Lines that run one after the other: a rolling restart waits for the cluster to be whole before it goes on.
//!
//! Several lines come as one text. They run at once as long as none has to wait; an expectation that may take a while
//! (`expect whole within 2m`) and time that goes on (`run for 10s`) hold up what is behind them in the same text, and nothing else.
//! So does a line for redis-cli in a text that was pasted into a terminal, until it is answered.

use super::Engine;
use crate::protocol::{TermEntry, TermKind};
use std::collections::VecDeque;
use vitrine_core::sim::scenario::{Command, PREFIX, parse_line};

/// How often an expectation is looked at, in virtual microseconds.
const LOOK_US: u64 = 10_000;
/// How many texts can wait at a time.
const QUEUES_MAX: usize = 100;

/// What is waited for.
enum Wait {
    /// That this holds, until an instant.
    For(Command, u64),
    /// That time has gone as far as a line said.
    Trek,
    /// That the tab's redis-cli has answered what the text typed into it.
    Reply,
}

struct Queue {
    tab: u16,
    lines: VecDeque<String>,
    wait: Option<Wait>,
    /// It was typed: only what begins with [`PREFIX`] is of the language, and what is refused stops nothing.
    by_hand: bool,
    /// Something of it went to redis-cli.
    to_cli: bool,
}

impl Queue {
    /// Whether a line of it is for redis-cli.
    fn is_for_cli(&self, line: &str) -> bool {
        self.by_hand && !line.trim_start().starts_with(PREFIX)
    }
}

/// The texts of which something is still to come.
#[derive(Default)]
pub struct Queues {
    all: Vec<Queue>,
    /// What the line that was just run waits for.
    new: Option<Wait>,
    looked_us: u64,
    /// How often what was to come was called off.
    called_off: u64,
    /// How often time was sent on its way.
    set_outs: u64,
}

impl Queues {
    /// The line that is being run is over once this holds, or has failed at that instant.
    pub fn wait(&mut self, command: Command, until_us: u64) {
        self.new = Some(Wait::For(command, until_us));
    }

    /// The line that is being run is over once time has gone as far as it says.
    pub fn set_out(&mut self) {
        self.set_outs += 1;
    }

    /// Nothing of what is still to come happens.
    pub fn call_off(&mut self) {
        self.all.clear();
        self.called_off += 1;
    }
}

impl Engine {
    /// Runs lines in order, and shows them in a tab with what came of them; `by_hand` if they were typed or pasted there, among lines for
    /// redis-cli.
    ///
    /// # Errors
    /// Why one of those that ran at once cannot be done; what is behind it does not run. By hand, all run that can.
    pub(super) fn lines(&mut self, tab: u16, text: &str, by_hand: bool) -> Result<String, String> {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        let mut queue = Queue { tab, lines, wait: None, by_hand, to_cli: false };
        let said = self.run_queue(&mut queue)?;
        if queue.wait.is_some() || !queue.lines.is_empty() {
            if self.queues.all.len() >= QUEUES_MAX {
                return Err(format!(
                    "No more than {QUEUES_MAX} lines can wait at a time; `heal` calls them off."
                ));
            }
            self.queues.all.push(queue);
        }
        Ok(said)
    }

    /// Runs what need not wait; gives what the last line said.
    fn run_queue(&mut self, queue: &mut Queue) -> Result<String, String> {
        let mut said = String::new();
        while queue.wait.is_none() {
            if self.awaits_reply(queue) {
                queue.wait = Some(Wait::Reply);
                break;
            }
            let Some(line) = queue.lines.pop_front() else { break };
            if queue.is_for_cli(&line) {
                queue.to_cli = true;
                if let Err(why) = self.type_line(queue.tab, &line) {
                    self.note(queue.tab, why);
                }
                continue;
            }
            let set_outs = self.queues.set_outs;
            said = match self.line(queue.tab, &line) {
                Err(_) if queue.by_hand => continue,
                result => result?,
            };
            queue.wait = self.queues.new.take();
            if self.queues.set_outs != set_outs && self.trek.is_some() {
                queue.wait = Some(Wait::Trek);
            }
        }
        Ok(said)
    }

    /// Whether the next line has to wait for an answer to what its text typed before. Where time is held none comes, so what sets it going
    /// does not wait.
    fn awaits_reply(&self, queue: &Queue) -> bool {
        let goes_on = self.playing || self.trek.is_some();
        queue.to_cli
            && self.busy(queue.tab)
            && queue.lines.front().is_some_and(|line| {
                !queue.is_for_cli(line) && (goes_on || !matches!(parse_line(line), Ok(Command::Time(_))))
            })
    }

    /// Goes on with what waits, if it may.
    pub(super) fn go_on_with_queues(&mut self) {
        let now_us = self.now_us();
        let looked_us = self.queues.looked_us;
        let soon = now_us >= looked_us && now_us < looked_us + LOOK_US;
        // Whoever waits for something is looked at now and then; who waits for time goes on as soon as it is there.
        if self.queues.all.iter().all(|queue| soon && matches!(queue.wait, Some(Wait::For(..)))) {
            return;
        }
        self.queues.looked_us = now_us;
        let called_off = self.queues.called_off;
        let mut left = Vec::new();
        for mut queue in std::mem::take(&mut self.queues.all) {
            let over = match &queue.wait {
                None => Some(Ok(())),
                Some(Wait::Trek) => self.trek.is_none().then_some(Ok(())),
                Some(Wait::Reply) => (!self.awaits_reply(&queue)).then_some(Ok(())),
                Some(Wait::For(command, until_us)) => match self.console.carry_out(&mut self.time, command) {
                    Ok(_) => Some(Ok(())),
                    Err(why) if now_us >= *until_us => Some(Err(why)),
                    Err(_) => None,
                },
            };
            if let Some(result) = over {
                let wait = queue.wait.take();
                if let Err(why) = result {
                    let rest = queue.lines.len();
                    let stops = rest > 0 && !queue.by_hand;
                    let text = if stops { format!("{why}; {rest} more lines do not run") } else { why };
                    self.print(
                        queue.tab,
                        vec![TermEntry { kind: TermKind::Error, text, tag: None, from: None }],
                    );
                    if stops {
                        continue;
                    }
                } else if let Some(Wait::For(..)) = wait {
                    self.note(queue.tab, "It holds.".into());
                }
                if self.run_queue(&mut queue).is_err() {
                    continue;
                }
            }
            if queue.wait.is_some() || !queue.lines.is_empty() {
                left.push(queue);
            }
        }
        // One of them may have healed everything.
        if self.queues.called_off == called_off {
            left.append(&mut self.queues.all);
            self.queues.all = left;
        }
    }
}
