//! The program around the server: what redis-server's `main` does before and after its event loop (server.c 7.0.15).

use crate::args::{Invocation, parse_args};
use crate::conf::{Settings, load_settings, strerror};
use crate::log::Log;
use crate::server::Server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};
use std::io::{IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use vitrine_core::config::{Config, ConfigError, REDIS_VERSION, Verbosity};
use vitrine_core::host::LogLevel;

/// File descriptors that are not for clients (`CONFIG_MIN_RESERVED_FDS`, server.h 7.0.15).
const RESERVED_FDS: u64 = 32;
/// Set in the environment of the process that runs in the background.
const BACKGROUND: &str = "VITRINE_SERVER_BACKGROUND";

const USAGE: &str = "Usage: ./redis-server [/path/to/redis.conf] [options] [-]
       ./redis-server - (read config from stdin)
       ./redis-server -v or --version
       ./redis-server -h or --help

Examples:
       ./redis-server (run the server with default conf)
       echo 'maxmemory 128mb' | ./redis-server -
       ./redis-server /etc/redis/6379.conf
       ./redis-server --port 7777
       ./redis-server --port 7777 --replicaof 127.0.0.1 8888
       ./redis-server /etc/myredis.conf --loglevel verbose -
       ./redis-server /etc/myredis.conf --loglevel verbose

";

/// Runs the program with its arguments (the first is its name); gives the exit code.
pub fn run_command_line(args: Vec<String>) -> i32 {
    let (file, stdin, options, bare) = match parse_args(&args) {
        Invocation::Version => {
            println!(
                "Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={} build=0",
                usize::BITS
            );
            return 0;
        }
        Invocation::Usage => {
            eprint!("{USAGE}");
            return 1;
        }
        Invocation::Refused(why) => {
            eprint!("{why}");
            return 1;
        }
        Invocation::Serve { file, stdin, options, bare } => (file, stdin, options, bare),
    };
    let stdin_text = if stdin { Some(read_stdin()) } else { None };
    let start = match std::env::current_dir() {
        Ok(dir) => dir,
        Err(error) => {
            eprintln!("Can't read the working directory: {}", strerror(&error));
            return 1;
        }
    };
    let loaded = load_settings(&start, file.as_deref(), stdin_text.as_deref(), &options);
    let mut settings = match loaded {
        Ok(settings) => settings,
        Err(error) => {
            refuse(&error);
            return 1;
        }
    };
    if settings.config.daemonize && std::env::var_os(BACKGROUND).is_none() {
        return go_to_background(&args, stdin_text.as_deref());
    }
    if settings.config.daemonize {
        // The parent is not the leader of this process's group, so this cannot fail for that reason.
        let _ = setsid();
    }
    serve(&mut settings, &args[0], bare)
}

fn read_stdin() -> String {
    let mut bytes = Vec::new();
    // What could be read counts, as with fgets.
    let _ = std::io::stdin().lock().read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn refuse(error: &ConfigError) {
    if error.unreadable {
        Log::new(None, Verbosity::Notice).line(LogLevel::Warning, &error.reason);
    } else {
        eprint!("{error}");
    }
}

/// Starts the program once more, detached, in place of the fork that a process with threads must not make.
fn go_to_background(args: &[String], stdin_text: Option<&str>) -> i32 {
    let begin = || -> std::io::Result<()> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(&args[1..])
            .env(BACKGROUND, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin_text) {
            pipe.write_all(text.as_bytes())?;
        }
        Ok(())
    };
    match begin() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("Can't go to the background: {}", strerror(&error));
            1
        }
    }
}

fn serve(settings: &mut Settings, program: &str, bare: bool) -> i32 {
    let config = settings.config.clone();
    let log_file = (!config.logfile.is_empty()).then(|| settings.dir.join(&config.logfile));
    let log = Log::new(log_file, config.loglevel);
    let pid = std::process::id();
    log.line(LogLevel::Warning, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    log.line(
        LogLevel::Warning,
        &format!(
            "Redis version={REDIS_VERSION}, bits={}, commit=00000000, modified=0, pid={pid}, just started",
            usize::BITS
        ),
    );
    log.line(
        LogLevel::Warning,
        &if bare {
            format!(
                "Warning: no config file specified, using the default config. In order to specify a config file use \
                 {program} /path/to/redis.conf"
            )
        } else {
            "Configuration loaded".to_string()
        },
    );
    let mut log = log;
    log.set_role(config.replicaof.is_some());
    if !raise_file_limit(settings, &log) {
        return 1;
    }
    log.line(LogLevel::Notice, "monotonic clock: POSIX clock_gettime");
    let mut server = match Server::new(settings.clone(), log.clone()) {
        Ok(server) => server,
        Err(reason) => {
            log.line(LogLevel::Warning, &reason);
            return 1;
        }
    };
    if let Err(error) = server.handle_signals() {
        log.line(LogLevel::Warning, &format!("Can't handle signals: {}", strerror(&error)));
        return 1;
    }
    let pid_file = config.pidfile.as_ref().map(|p| settings.dir.join(p));
    if let Some(path) = &pid_file {
        // Redis goes on without it, too.
        let _ = std::fs::write(path, format!("{pid}\n"));
    }
    show_logo(&config, &log, pid);
    log.line(LogLevel::Warning, "Server initialized");
    let code = server.run();
    if let Some(path) = &pid_file {
        server.log().line(LogLevel::Notice, "Removing the pid file.");
        let _ = std::fs::remove_file(path);
    }
    code
}

/// The lines that a terminal is greeted with; Redis's test suite reads the process id here.
fn show_logo(config: &Config, log: &Log, pid: u32) {
    let mode = if config.cluster_enabled { "cluster" } else { "standalone" };
    let port = config.port;
    if config.always_show_logo || (config.logfile.is_empty() && std::io::stdout().is_terminal()) {
        log.write(&format!(
            "\n   Vitrine, as Redis {REDIS_VERSION} (00000000/0) {} bit\n\n   Running in {mode} mode\n   Port: {port}\n   \
             PID: {pid}\n\n",
            usize::BITS
        ));
    } else {
        log.line(LogLevel::Notice, &format!("Running mode={mode}, port={port}."));
    }
}

/// Raises the limit on open files to what `maxclients` needs, or lowers `maxclients` to what the limit allows
/// (`adjustOpenFilesLimit`); false when not even one client fits.
fn raise_file_limit(settings: &mut Settings, log: &Log) -> bool {
    let wanted = settings.config.maxclients as u64 + RESERVED_FDS;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|&c| c < wanted) else { return true };
    let mut best = wanted;
    while best > current {
        let raised = Rlimit { current: Some(best), maximum: limit.maximum.map(|m| m.max(best)) };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            break;
        }
        best = best.saturating_sub(16).max(current);
    }
    if best >= wanted {
        log.line(
            LogLevel::Notice,
            &format!(
                "Increased maximum number of open files to {wanted} (it was originally set to {current})."
            ),
        );
        return true;
    }
    if best <= RESERVED_FDS {
        log.line(
            LogLevel::Warning,
            &format!(
                "Your current 'ulimit -n' of {current} is not enough for the server to start. Please increase your open \
                 file limit to at least {wanted}. Exiting."
            ),
        );
        return false;
    }
    let old = settings.config.maxclients;
    let now = (best - RESERVED_FDS) as u32;
    settings.config.maxclients = now;
    settings.conf_text.push_str(&format!("maxclients {now}\n"));
    for text in [
        format!("You requested maxclients of {old} requiring at least {wanted} max file descriptors."),
        format!(
            "Server can't set maximum open files to {wanted} because of OS error: Operation not permitted."
        ),
        format!(
            "Current maximum open files is {best}. maxclients has been reduced to {now} to compensate for low ulimit. If \
             you need higher maxclients increase 'ulimit -n'."
        ),
    ] {
        log.line(LogLevel::Warning, &text);
    }
    true
}
