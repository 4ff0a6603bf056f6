//! `cargo xtask build` and `cargo xtask serve`: the page, made by Trunk.
//!
//! Trunk compiles the page and its worker for wasm32, runs wasm-bindgen and wasm-opt over both, and lays everything out
//! in dist/ as Trunk.toml and static/index.html say. `serve` is `trunk serve`, which builds again whenever a file
//! changes; all that is added here is the set-up before, and the URL when the page is there. What `build --release` makes is packed
//! ([`pack`]); what `serve` makes is not.

mod leb;
mod names;
mod pack;
mod split;

use crate::process::{self, Step};
use crate::setup::{self, Needs, Tools};
use crate::{paths, progress};
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a visitor may have to download in all, in bytes: as it comes over the wire.
const DOWNLOAD_BYTES_MAX: u64 = 900_000;

/// The name of the hidden command that [`announce_command`] is.
pub const ANNOUNCE: &str = "announce-page";

/// Trunk's own default, kept so that plain `trunk serve` has the same URL.
const PORT: u16 = 8080;

/// `cargo xtask build`.
pub fn build_command(args: &[&str]) -> Result<()> {
    let options = Options::parse(args)?;
    if options.port.is_some() {
        bail!("--port is an option of `cargo xtask serve`");
    }
    let tools = setup::ensure(Needs::PAGE)?;
    build(&tools, options.release)
}

/// Builds the page into dist/, says how large it is, and fails if that is more than a visitor should have to load.
pub fn build(tools: &Tools, release: bool) -> Result<()> {
    progress::note("building the page with Trunk …");
    let mut trunk = tools.wasm_command("trunk");
    trunk.arg("build");
    if release {
        trunk.arg("--release").envs(setup::small_std());
    }
    let step = Step {
        name: "trunk build",
        limit: Duration::from_secs(30 * 60),
        by_hand: "What Trunk printed says why; `cargo xtask setup` checks the tools.",
    };
    step.openly(trunk)?;
    let dist = paths::dist_dir();
    progress::note(&format!("the page is in {}", dist.display()));
    if !release {
        return Ok(());
    }
    pack::pack(&dist)?;
    let total = download(&dist)?;
    progress::say(&format!(
        "           the whole page: a download of {} KB of {} KB",
        total.div_ceil(1000),
        DOWNLOAD_BYTES_MAX / 1000
    ));
    if total > DOWNLOAD_BYTES_MAX {
        bail!(
            "the page is a download of {} KB, and may be {} KB: `cargo tree --package vitrine-web` and `wasm-opt --func-metrics` help to find what has grown",
            total.div_ceil(1000),
            DOWNLOAD_BYTES_MAX / 1000
        );
    }
    Ok(())
}

/// The files of the page with such an ending, in the order of their names.
fn files(dist: &Path, ext: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dist).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|is| is == ext));
    files.sort();
    files
}

/// How many bytes a visitor downloads of a packed page: all its files, from a server that gzips what is not packed.
fn download(dist: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dist).with_context(|| format!("cannot read {}", dist.display()))? {
        let path = entry?.path();
        let packed = path.extension().is_some_and(|ext| ext == "xz");
        total += if packed { path.metadata()?.len() } else { gzipped_size(&path)? };
    }
    Ok(total)
}

/// How many bytes a web server sends for this file.
fn gzipped_size(path: &Path) -> Result<u64> {
    let mut gzip = process::command("gzip");
    let output = gzip.args(["-9", "--stdout"]).arg(path).output();
    let output = output.ok().filter(|output| output.status.success());
    Ok(output.context("`gzip` is to be on PATH, to say what a visitor downloads")?.stdout.len() as u64)
}

/// `cargo xtask serve`.
pub fn serve_command(args: &[&str]) -> Result<()> {
    let options = Options::parse(args)?;
    // Before the long build, not after it.
    let port = free_port(options.port)?;
    let tools = setup::ensure(Needs::PAGE)?;

    progress::note("building the page with Trunk, then serving it …");
    // The announcer is a process of its own, and this one becomes Trunk: so whoever ends this process, by Ctrl-C or by
    // its id, ends the server, and no server is left behind on the port.
    let announcer = std::env::current_exe().context("this program does not know its own path")?;
    process::command(announcer)
        .args([ANNOUNCE, &port.to_string(), &progress::elapsed().as_secs().to_string()])
        .spawn()
        .context("cannot start the process that announces the page")?;
    let mut trunk = tools.wasm_command("trunk");
    trunk.args(["serve", "--address", "127.0.0.1", "--port", &port.to_string()]);
    if options.release {
        trunk.arg("--release").envs(setup::small_std());
    }
    let error = become_program(&mut trunk);
    bail!(
        "`trunk serve` does not run: {error}. By hand: `eval \"$(cargo xtask env)\"`, then `trunk serve --release`"
    )
}

/// Replaces this process by another program; returns only if that fails.
#[cfg(unix)]
fn become_program(command: &mut Command) -> std::io::Error {
    use std::os::unix::process::CommandExt;
    command.exec()
}

/// Where a process cannot be replaced, it waits for the other one and ends as that does.
#[cfg(not(unix))]
fn become_program(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// The hidden command that waits until Trunk has the page and prints its URL. `args`: the port, and how many seconds
/// the command had been running already.
pub fn announce_command(args: &[&str]) -> Result<()> {
    let port: u16 = args.first().context("announce: which port?")?.parse()?;
    let before: u64 = args.get(1).unwrap_or(&"0").parse()?;
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let server = parent_id();
    // Trunk opens its port when the first build is done.
    while TcpStream::connect_timeout(&here, Duration::from_millis(200)).is_err() {
        if parent_id() != server || progress::elapsed() > Duration::from_secs(3600) {
            return Ok(()); // Trunk has ended, and has said why.
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    // Let Trunk finish its own lines.
    std::thread::sleep(Duration::from_millis(300));
    let seconds = before + progress::elapsed().as_secs();
    progress::say(&format!(
        "\nThe page is ready after {seconds} s; it is built again whenever a file changes (then reload it). Ctrl-C ends it.\n\n    http://127.0.0.1:{port}/\n"
    ));
    Ok(())
}

/// Changes when the parent process has ended.
fn parent_id() -> u32 {
    #[cfg(unix)]
    return std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    0
}

/// The port that was asked for, which must be free; else the first free one from Trunk's own default on.
fn free_port(asked: Option<u16>) -> Result<u16> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    match asked {
        Some(port) if is_free(port) => Ok(port),
        Some(port) => bail!("port {port} is taken by another program: choose another with --port"),
        None => (PORT..PORT + 50)
            .find(|port| is_free(*port))
            .context("no port from 8080 to 8129 is free: choose one with --port"),
    }
}

struct Options {
    release: bool,
    port: Option<u16>,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self { release: true, port: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--release" => options.release = true,
                "--dev" => options.release = false,
                "--port" => {
                    let port = args.next().context("--port needs a number, as in --port 8080")?;
                    options.port =
                        Some(port.parse().with_context(|| format!("--port: '{port}' is no port number"))?);
                }
                other => bail!("there is no option '{other}' here: see `cargo xtask help`"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_refused() {
        assert!(Options::parse(&[]).unwrap().release);
        assert!(!Options::parse(&["--dev"]).unwrap().release);
        assert_eq!(Options::parse(&["--port", "9000"]).unwrap().port, Some(9000));
        for wrong in [&["--port"][..], &["--port", "70000"], &["--prot", "1"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_taken_port_is_refused_if_asked_for_and_passed_over_if_not() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_port(Some(port)).is_err());
        assert_ne!(free_port(None).unwrap(), port);
    }
}
