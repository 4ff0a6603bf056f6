//! Redis's log: the format that tools read (`serverLogRaw`, server.c 7.0.15), to standard output or to the log file.

use chrono::{DateTime, Local};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use vitrine_core::config::Verbosity;
use vitrine_core::host::LogLevel;

fn least(verbosity: Verbosity) -> LogLevel {
    match verbosity {
        Verbosity::Debug => LogLevel::Debug,
        Verbosity::Verbose => LogLevel::Verbose,
        Verbosity::Notice => LogLevel::Notice,
        Verbosity::Warning => LogLevel::Warning,
    }
}

/// Writes log lines.
#[derive(Clone, Debug)]
pub struct Log {
    /// The log file; `None` for standard output.
    file: Option<PathBuf>,
    /// Lines less serious than this are left out.
    least: LogLevel,
    /// The letter beside the process id: `M`aster, `S`lave (replica), or `C`hild, which start-up lines have.
    role: char,
}

impl Log {
    pub fn new(file: Option<PathBuf>, verbosity: Verbosity) -> Log {
        Log { file, least: least(verbosity), role: 'C' }
    }

    /// Takes over `loglevel`.
    pub fn set_least(&mut self, verbosity: Verbosity) {
        self.least = least(verbosity);
    }

    /// The node became a master or a replica.
    pub fn set_role(&mut self, replica: bool) {
        self.role = if replica { 'S' } else { 'M' };
    }

    /// A line, if it is serious enough.
    pub fn line(&self, level: LogLevel, text: &str) {
        if level < self.least {
            return;
        }
        let time: DateTime<Local> = Local::now();
        let stamp = time.format("%d %b %Y %H:%M:%S%.3f");
        let pid = std::process::id();
        self.write(&format!("{pid}:{} {stamp} {} {text}\n", self.role, level.mark()));
    }

    /// Text as it is.
    pub fn write(&self, text: &str) {
        // A log that cannot be written stops nothing, as in Redis. The file is opened anew for each line so that it can
        // be moved away.
        let _ = match &self.file {
            Some(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .and_then(|mut f| f.write_all(text.as_bytes())),
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
        };
    }
}
