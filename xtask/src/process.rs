//! Running other programs, so that none of them can surprise a developer.
//!
//! - **Silent but alive.** An installer prints thousands of lines that nobody reads. [`Step::quietly`] sends them to a
//!   log, shows a heartbeat with the elapsed seconds, and prints the log's end only if the program fails.
//! - **Bounded.** Every program has a time limit; past it, it is ended and the message says so. Nothing hangs.
//! - **A clean environment.** `cargo run` and rustup's proxy leave their marks in the environment (`CARGO`,
//!   `CARGO_MANIFEST_DIR`, a library path into the running toolchain …). Another cargo, above all one of another version,
//!   must not see them: they break it or make it rebuild everything. [`command`] takes them away.

use crate::{paths, progress};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A command whose environment is the developer's own, without what cargo and rustup added for this program.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        let added_by_cargo =
            matches!(&*name, "CARGO" | "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "OUT_DIR")
                || name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_BIN_")
                || name.starts_with("CARGO_CRATE_");
        if added_by_cargo {
            command.env_remove(&key);
        }
    }
    // `cargo run` puts the build folder and the toolchain's own libraries in front of the loader's path.
    for key in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(key) {
            let kept: Vec<PathBuf> = std::env::split_paths(&value)
                .filter(|dir| {
                    !dir.starts_with(paths::target_dir())
                        && !dir
                            .components()
                            .any(|c| c.as_os_str() == "rustlib" || c.as_os_str() == "toolchains")
                })
                .collect();
            match std::env::join_paths(&kept) {
                Ok(joined) if !kept.is_empty() => command.env(key, joined),
                _ => command.env_remove(key),
            };
        }
    }
    // No program started from here may wait for an answer on the keyboard.
    command.stdin(Stdio::null());
    command
}

/// What a program prints on standard output, or `None` if it is not there or fails.
pub fn output_of(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The path of a program on `PATH`.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| is_executable(candidate))
}

/// Whether there is a file here that may be executed.
pub fn is_executable(path: &Path) -> bool {
    let Ok(meta) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        meta.is_file() && meta.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    meta.is_file()
}

/// One program run as one step: its name for the developer, its limit, and what to do by hand if it fails.
pub struct Step<'a> {
    pub name: &'a str,
    pub limit: Duration,
    /// A whole sentence: what to do by hand when this step fails.
    pub by_hand: &'a str,
}

impl Step<'_> {
    /// Runs with the output in a log and a heartbeat on the screen; on failure the log's end is printed.
    pub fn quietly(&self, mut command: Command) -> Result<()> {
        let log_path = paths::log_file(self.name)?;
        let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        command.stdout(log.try_clone()?).stderr(log);
        let shown = show(&command);
        let start = Instant::now();
        let mut child = spawn(&mut command, &shown)?;
        let mut next_beat = progress::heartbeat_interval();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if start.elapsed() > self.limit {
                end(&mut child);
                break None;
            }
            if start.elapsed() >= next_beat {
                progress::heartbeat(self.name, start.elapsed(), &last_line(&log_path));
                next_beat = start.elapsed() + progress::heartbeat_interval();
            }
            std::thread::sleep(
                Duration::from_millis(20).min(start.elapsed() / 10 + Duration::from_millis(2)),
            );
        };
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        progress::say(&format!("--- the end of {} ---", log_path.display()));
        progress::say(&tail(&log_path, 40));
        progress::say("---");
        bail!("{}: {}. {}", self.name, verdict(status, self.limit, &shown), self.by_hand)
    }

    /// Runs with the program's own output on the screen.
    pub fn openly(&self, mut command: Command) -> Result<()> {
        let shown = show(&command);
        let start = Instant::now();
        let mut child = spawn(&mut command, &shown)?;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if start.elapsed() > self.limit {
                end(&mut child);
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        bail!("{}: {}. {}", self.name, verdict(status, self.limit, &shown), self.by_hand)
    }
}

fn verdict(status: Option<ExitStatus>, limit: Duration, shown: &str) -> String {
    match status {
        Some(status) => format!("`{shown}` ended with {status}"),
        None => format!("`{shown}` was not done after {} s and was ended", limit.as_secs()),
    }
}

/// The command as a developer would type it.
fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| {
        let arg = arg.to_string_lossy();
        if arg.contains('\n') {
            "'…'".to_owned() // a whole script: its step's name says more
        } else if arg.is_empty() || arg.contains([' ', '"']) {
            format!("'{arg}'")
        } else {
            arg.into_owned()
        }
    }));
    words.join(" ")
}

/// Starts a program. With nobody at the keyboard it gets a process group of its own, so that [`end`] reaches its
/// children too; at a terminal it stays in ours, so that Ctrl-C does.
pub fn spawn(command: &mut Command, shown: &str) -> Result<Child> {
    #[cfg(unix)]
    if !std::io::stdin().is_terminal() {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command.spawn().with_context(|| format!("cannot start `{shown}`"))
}

/// Ends a program, and with it its children where it has a process group of its own.
pub fn end(child: &mut Child) {
    if cfg!(unix) && !std::io::stdin().is_terminal() {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The last `lines` lines of a file.
fn tail(path: &Path, lines: usize) -> String {
    let text = end_of(path, 32 * 1024);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn last_line(path: &Path) -> String {
    let text = end_of(path, 2 * 1024);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").to_owned()
}

fn end_of(path: &Path, bytes_max: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes_max)))?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut sh = command("sh");
        sh.args(["-c", script]);
        sh
    }

    #[test]
    fn a_step_past_its_limit_is_ended_and_says_so() {
        let step = Step { name: "sleeper", limit: Duration::from_millis(200), by_hand: "Wake it up." };
        let start = Instant::now();
        let error = step.quietly(sh("sleep 30")).unwrap_err().to_string();
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(error.contains("was ended") && error.ends_with("Wake it up."), "{error}");
    }

    #[test]
    fn a_failing_step_names_its_command_and_the_way_out() {
        let step = Step { name: "failing", limit: Duration::from_secs(10), by_hand: "Do it by hand." };
        let error = step.quietly(sh("echo no >&2; exit 3")).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("Do it by hand."), "{error}");
    }

    #[test]
    fn what_cargo_added_to_the_environment_is_taken_away() {
        // `cargo test` sets it for this very process.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let seen = output_of(sh("echo ${CARGO_MANIFEST_DIR:-gone}")).unwrap();
        assert_eq!(seen, "gone");
    }
}
