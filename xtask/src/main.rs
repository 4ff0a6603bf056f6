//! `cargo xtask`: the one place for every developer command.
//!
//! It is a Rust program and not a set of scripts so that a machine with nothing but Rust can run it: a newcomer clones
//! the repository, types `cargo xtask serve` or `cargo xtask test`, and what is missing is installed on the way, once,
//! by version, into a cache folder. Its only dependency is `anyhow`, for it is compiled before anything else happens.
//!
//! - [`progress`] prints steps with their elapsed seconds and the table at the end;
//! - [`process`] runs other programs: with a log, a heartbeat, a time limit, and a clean environment;
//! - [`paths`] knows where the repository, the build folders and the cache of tools are;
//! - [`setup`] installs what is missing and hands back the [`setup::Tools`] that other commands run with;
//! - [`page`] builds and serves the page, [`test`] checks everything, [`bench`] measures.

mod bench;
mod page;
mod paths;
mod process;
mod progress;
mod setup;
mod sweep;
mod test;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <command>

  setup                 install what is missing: the wasm32 target and the pinned tools (again: costs nothing)
  serve [--port P] [--dev]
                        build the page and serve it; the URL is printed when it is ready
  build [--dev]         build the page into dist/, a static site (release; --dev: quick and large)
  test [layer …]        every check, or only some layers of: lint native wasm page browser
  bench engine [--rounds N] [--quick]
                        the native host against redis-server under redis-benchmark, in turn on the same cores
  bench page [--rounds N]
                        how long a visitor waits for a cluster that serves, over several loads in Chromium
  bench sim [--browser] the simulator's speed, natively or in headless Chromium's worker
  bench travel [--browser]
                        what going back in time costs, in the same places
  sweep [--seeds A..B] [--minutes M] [--threads N] [--hashes [--browser]]
                        random worlds under random faults, judged; what fails is made small and printed;
                        --hashes: the first hundred seeds against tests/corpus/sweep_hashes.txt,
                        with --browser in headless Chromium
  env                   print the exports that plain `trunk serve` and `wasm-pack` need here:
                        eval \"$(cargo xtask env)\"
";

fn main() {
    progress::elapsed(); // the clock starts here
    if let Err(error) = run() {
        progress::say("");
        progress::say(&format!("xtask: {error}"));
        for cause in error.chain().skip(1) {
            progress::say(&format!("  because {cause}"));
        }
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match command.as_str() {
        "setup" => {
            no_more_arguments(&rest)?;
            setup::run()
        }
        "build" => page::build_command(&rest),
        "serve" => page::serve_command(&rest),
        page::ANNOUNCE => page::announce_command(&rest),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "sweep" => sweep::run(&rest),
        "env" => {
            no_more_arguments(&rest)?;
            setup::print_env()
        }
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command '{other}'.\n\n{HELP}"),
    }
}

fn no_more_arguments(rest: &[&str]) -> Result<()> {
    match rest.first() {
        Some(argument) => bail!("this command takes no argument '{argument}'.\n\n{HELP}"),
        None => Ok(()),
    }
}
