//! What the developer sees: one line when a step starts or moves on, with the seconds since the command began.
//!
//! Everything goes to standard error, so that `cargo xtask env` can be evaluated by a shell and test output stays clean.
//! No colours and no cursor tricks but one: on a terminal the heartbeat of a long step overwrites its own line.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Seconds since the command began.
pub fn elapsed() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A plain line, without a time.
pub fn say(line: &str) {
    clear_heartbeat();
    eprintln!("{line}");
}

/// A line with the time since the command began: `[  12.3 s] line`.
pub fn note(line: &str) {
    clear_heartbeat();
    eprintln!("[{:6.1} s] {line}", elapsed().as_secs_f64());
}

/// How often a long step shows that it lives: every second where it can overwrite its line, rarely where it cannot.
pub fn heartbeat_interval() -> Duration {
    Duration::from_secs(if std::io::stderr().is_terminal() { 1 } else { 20 })
}

/// One sign of life of a step that has run for `step` so far; `last_line` is what it printed last.
pub fn heartbeat(name: &str, step: Duration, last_line: &str) {
    let mut line = format!("[{:6.1} s]   … {name}: {} s", elapsed().as_secs_f64(), step.as_secs());
    let last_line: String = last_line.trim().chars().filter(|c| !c.is_control()).take(70).collect();
    if !last_line.is_empty() {
        line.push_str(" · ");
        line.push_str(&last_line);
    }
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let line: String = line.chars().take(110).collect();
        let _ = write!(stderr, "\r\x1b[K{line}");
        let _ = stderr.flush();
    } else {
        eprintln!("{line}");
    }
}

fn clear_heartbeat() {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K");
    }
}

/// How a step of `cargo xtask test` ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The table at the end of `cargo xtask test`.
#[derive(Default)]
pub struct Summary {
    rows: Vec<(String, Outcome, Duration)>,
}

impl Summary {
    pub fn push(&mut self, name: &str, outcome: Outcome, took: Duration) {
        self.rows.push((name.to_owned(), outcome, took));
    }

    /// Whether the step of this name was run and passed.
    pub fn passed(&self, name: &str) -> bool {
        self.rows.iter().any(|(row, outcome, _)| row == name && *outcome == Outcome::Passed)
    }

    pub fn failures(&self) -> usize {
        self.rows.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_))).count()
    }

    pub fn print(&self) {
        say("");
        let width = self.rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        for (name, outcome, took) in &self.rows {
            let (word, why) = match outcome {
                Outcome::Passed => ("passed", ""),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::Skipped(why) => ("skipped", why.as_str()),
            };
            let row = format!("  {name:width$}  {word:7}  {:7.1} s  {why}", took.as_secs_f64());
            say(row.trim_end());
        }
        say(&format!("  {:width$}  {:7}  {:7.1} s", "total", "", elapsed().as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_what_failed_and_knows_what_passed() {
        let mut summary = Summary::default();
        summary.push("page", Outcome::Passed, Duration::ZERO);
        summary.push("native", Outcome::Failed("exit status 101".into()), Duration::ZERO);
        summary.push("browser", Outcome::Skipped("the page was not built".into()), Duration::ZERO);
        assert_eq!(summary.failures(), 1);
        assert!(summary.passed("page"));
        assert!(!summary.passed("native") && !summary.passed("browser") && !summary.passed("wasm"));
    }
}
