//! redis.conf and CONFIG.
//!
//! A node starts from the text of a redis.conf ([`Config::parse`]); everything that the text may say is a row of one table
//! (`table.rs`), and [`Config`] has a typed field for each row, so that the engine reads `config.maxmemory` where CONFIG GET,
//! SET and REWRITE see "the directive called maxmemory". All of this is pure: what a changed directive has to bring about
//! comes back as a list of [`Effect`]s for the node to carry out, and the file for CONFIG REWRITE is text in, text out.
//!
//! Messages are those of redis-server 7.0.15, byte for byte: tools and people match on them.

mod kinds;
mod rewrite;
mod set;
pub mod special;
pub mod table;
pub mod text;

pub use kinds::{
    AclPubsubDefault, AppendFsync, EndpointType, MaxmemoryPolicy, ProtectedAction, ReplDisklessLoad,
    SanitizeDump, ShutdownFlags, Slot, Value, Verbosity,
};
pub use rewrite::{REWRITE_SIGNATURE, rewrite};
pub use set::{Applied, SetContext, SetError, get, set};
pub use special::{BufferLimits, ReplicaOf, SavePoint, notify};
pub use table::{Config, Directive, Kind, Unit, directives, lookup};

use core::fmt;

/// The version that the node says it is.
pub const REDIS_VERSION: &str = "7.0.15";

/// Redis's reason for a directive that needs one argument (or some other fixed number).
const EXPECTED_ONE: &str = "wrong number of arguments";

/// How many files may include one another before it is taken for a circle.
const INCLUDE_DEPTH_MAX: u32 = 16;

/// Something that must happen because CONFIG SET changed a directive (the `apply` functions of config.c 7.0.15). Several
/// directives may need the same one; it is then reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The cron's frequency changed.
    Hz,
    /// Listen on another port. May fail: `Unable to listen on this port. Check server logs.`
    Port,
    /// Listen on other addresses. May fail: `Failed to bind to specified addresses.`
    Bind,
    /// Change into another working directory. May fail with strerror's text.
    Dir,
    /// Resize the replication backlog.
    ReplBacklogSize,
    /// A new limit on memory: warn when it is below what is used, and evict.
    Maxmemory,
    /// Client memory limits changed.
    ClientMaxMemory,
    /// Count again how many replicas are fresh.
    GoodReplicas,
    /// Switch the append-only file on or off. May fail: `Unable to turn on AOF. Check server logs.`
    Appendonly,
    /// Remove files of older AOFs, if `aof-disable-auto-gc` is off.
    AofAutoGc,
    /// A new limit on clients. May fail.
    Maxclients,
    /// Give the default user its password.
    RequirePass,
    /// Tell the cluster whether this replica fails over.
    ClusterFlags,
    /// Tell the cluster the announced ports.
    ClusterAnnouncedPort,
    /// Tell the cluster the announced address.
    ClusterIp,
    /// Tell the cluster the announced host name.
    ClusterHostname,
    /// TLS was asked for, which there is not: `Unable to update TLS configuration. Check server logs.`
    Tls,
}

/// A `rename-command` line. That the command exists and the new name is free is for the builder of the command table to
/// say, through [`ConfigError::at`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedCommand {
    /// The command.
    pub from: Vec<u8>,
    /// Its new name; empty to take it away.
    pub to: Vec<u8>,
    /// Where it stands.
    pub line: ConfigLine,
}

/// A `user` line, for the ACL to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// All words after `user`: the name and the rules.
    pub args: Vec<Vec<u8>>,
    /// Where it stands.
    pub line: ConfigLine,
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its text without blanks around.
    pub text: String,
}

/// Why a configuration is refused. Its text is what redis-server prints on standard error before it exits with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The offending line, if it is one line's fault.
    pub line: Option<ConfigLine>,
    /// The reason.
    pub reason: String,
    /// Whether a file could not be read: Redis then logs the reason instead of printing the usual block.
    pub unreadable: bool,
}

impl ConfigError {
    /// An error in a line.
    pub fn at(line: ConfigLine, reason: impl Into<String>) -> ConfigError {
        ConfigError { line: Some(line), reason: reason.into(), unreadable: false }
    }

    /// An error of the configuration as a whole.
    pub fn whole(reason: impl Into<String>) -> ConfigError {
        ConfigError { line: None, reason: reason.into(), unreadable: false }
    }

    /// A configuration file that cannot be opened, with strerror's text.
    pub fn unreadable(path: &str, strerror: &str) -> ConfigError {
        let reason = format!("Fatal error, can't open config file '{path}': {strerror}");
        ConfigError { line: None, reason, unreadable: true }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unreadable {
            return writeln!(f, "{}", self.reason);
        }
        writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***")?;
        if let Some(line) = &self.line {
            writeln!(f, "Reading the configuration file, at line {}", line.number)?;
            writeln!(f, ">>> '{}'", line.text)?;
        }
        writeln!(f, "{}", self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// What reading a configuration needs of the machine that it is read on. Errors are strerror's texts.
pub trait ConfigFiles {
    /// The text that an `include` line means. A path with wildcards means all files that match, one after another, and
    /// nothing when there are none.
    ///
    /// # Errors
    /// Why the file cannot be read.
    fn include(&mut self, path: &str) -> Result<String, String>;

    /// A `dir` line was read: following paths are relative to it.
    ///
    /// # Errors
    /// Why it cannot be the working directory.
    fn change_dir(&mut self, _path: &str) -> Result<(), String> {
        Ok(())
    }

    /// The whole configuration was read and logs to this file.
    ///
    /// # Errors
    /// Why it cannot be opened.
    fn check_log_file(&mut self, _path: &str) -> Result<(), String> {
        Ok(())
    }
}

/// No files: nothing can be included.
struct NoFiles;

impl ConfigFiles for NoFiles {
    fn include(&mut self, _path: &str) -> Result<String, String> {
        Err("No such file or directory".to_string())
    }
}

impl Config {
    /// Reads the text of a redis.conf that includes no other file.
    ///
    /// # Errors
    /// The line, its number and Redis's reason.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse_with(text, &mut NoFiles)
    }

    /// Reads the text of a redis.conf on a machine with files.
    ///
    /// # Errors
    /// The line, its number and Redis's reason.
    pub fn parse_with(text: &str, files: &mut dyn ConfigFiles) -> Result<Config, ConfigError> {
        let mut loader = Loader { config: Config::default(), save_seen: false, files };
        loader.load(text, 0)?;
        Ok(loader.config)
    }

    /// Whether a command at the given microseconds is for the slow log.
    pub fn is_slow(&self, duration_us: i64) -> bool {
        self.slowlog_log_slower_than >= 0 && duration_us >= self.slowlog_log_slower_than
    }

    /// The bus port: `cluster-port`, or the client port + 10000 (`CLUSTER_PORT_INCR`, cluster.h 7.0.15).
    pub fn bus_port(&self) -> u32 {
        if self.cluster_port != 0 { self.cluster_port as u32 } else { self.port as u32 + 10_000 }
    }
}

struct Loader<'a> {
    config: Config,
    /// The first `save` line replaces the default save points; later ones add to it.
    save_seen: bool,
    files: &'a mut dyn ConfigFiles,
}

impl Loader<'_> {
    fn load(&mut self, text: &str, depth: u32) -> Result<(), ConfigError> {
        // Redis holds the text as a C string.
        let text = text.split('\0').next().unwrap_or("");
        for (index, raw) in text.split('\n').enumerate() {
            let line = raw.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = || ConfigLine { number: index as u32 + 1, text: line.to_string() };
            let Some(mut args) = text::split_args(line.as_bytes()) else {
                return Err(ConfigError::at(place(), "Unbalanced quotes in configuration line"));
            };
            if args.is_empty() {
                continue;
            }
            args[0].make_ascii_lowercase();
            match lookup(&args[0]) {
                Some((directive, _)) => {
                    self.directive(directive, &args[1..]).map_err(|r| ConfigError::at(place(), r))?
                }
                None => self.statement(args, &place, depth)?,
            }
        }
        if !self.config.logfile.is_empty() {
            self.files
                .check_log_file(&self.config.logfile)
                .map_err(|e| ConfigError::whole(format!("Can't open the log file: {e}")))?;
        }
        if self.config.cluster_enabled && self.config.replicaof.is_some() {
            return Err(ConfigError::whole("replicaof directive not allowed in cluster mode"));
        }
        self.config.hz = set::clamp_hz(self.config.hz);
        Ok(())
    }

    fn directive(&mut self, directive: &Directive, args: &[Vec<u8>]) -> Result<(), String> {
        let multi = directive.has(table::flags::MULTI_ARG);
        if !multi && args.len() != 1 {
            return Err(EXPECTED_ONE.to_string());
        }
        let split;
        let mut args = args;
        if multi
            && let [one] = args
            && !one.is_empty()
        {
            split = text::split_args(one).unwrap_or_default();
            args = &split;
        }
        let first_save = !self.save_seen;
        if directive.name == "dir"
            && let [path] = args
        {
            self.files.change_dir(&String::from_utf8_lossy(path))?;
        }
        set::store(&mut self.config, directive, args, first_save)?;
        self.save_seen |= directive.name == "save";
        Ok(())
    }

    /// The lines that are no directives of the table.
    fn statement(
        &mut self,
        mut args: Vec<Vec<u8>>,
        place: &dyn Fn() -> ConfigLine,
        depth: u32,
    ) -> Result<(), ConfigError> {
        const DEPRECATED: [&[u8]; 3] =
            [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];
        let count = args.len();
        let name = args[0].clone();
        match name.as_slice() {
            name if DEPRECATED.contains(&name) && count == 2 => {}
            b"include" if count == 2 => {
                let path = String::from_utf8_lossy(&args[1]).into_owned();
                if depth >= INCLUDE_DEPTH_MAX {
                    return Err(ConfigError::unreadable(&path, "Too many open files"));
                }
                let text = self.files.include(&path).map_err(|e| ConfigError::unreadable(&path, &e))?;
                self.load(&text, depth + 1)?;
            }
            b"rename-command" if count == 3 => {
                let to = args.pop().unwrap_or_default();
                let from = args.pop().unwrap_or_default();
                self.config.rename_commands.push(RenamedCommand { from, to, line: place() });
            }
            b"user" if count >= 2 => {
                args.remove(0);
                self.config.users.push(UserLine { args, line: place() });
            }
            b"loadmodule" if count >= 2 => {
                let rest = args.split_off(2);
                let path = args.pop().unwrap_or_default();
                self.config.loadmodules.push(special::LoadModule { path, args: rest });
            }
            name if name.contains(&b'.') => {
                if count < 2 {
                    return Err(ConfigError::at(place(), "Module config specified without value"));
                }
            }
            b"sentinel" => {
                if count != 1 {
                    return Err(ConfigError::at(place(), "sentinel directive while not in sentinel mode"));
                }
            }
            _ => return Err(ConfigError::at(place(), "Bad directive or wrong number of arguments")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
