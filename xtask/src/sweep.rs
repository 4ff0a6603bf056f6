//! `cargo xtask sweep`: the simulator's sweep over many seeds, on all cores (core/examples/sweep.rs), and with `--hashes --browser` the
//! hundred seeds whose hashes are written down, in Chromium (tests/sim_sweep.rs).

use crate::paths;
use crate::process::{self, Step};
use crate::test::InBrowser;
use anyhow::{Result, bail};
use std::time::Duration;

/// The test that runs all hundred seeds. It is ignored where nobody asks for it by name.
const ALL_HASHES: &str = "all_seeds_have_the_hashes_that_are_written_down";
/// How long it may take, in seconds.
const ALL_HASHES_S: u32 = 60 * 60;

/// Builds the driver and hands it the options.
pub fn run(args: &[&str]) -> Result<()> {
    if args.contains(&"--browser") {
        let mut options = args.to_vec();
        options.sort_unstable();
        if options != ["--browser", "--hashes"] {
            bail!("--browser goes with --hashes and nothing else: cargo xtask sweep --hashes --browser");
        }
        let by_hand =
            "The hashes that differ are printed above; `cargo xtask sweep --hashes` compares natively.";
        return InBrowser {
            suite: "sim_sweep",
            test: ALL_HASHES,
            release: false,
            limit_s: ALL_HASHES_S,
            by_hand,
        }
        .run();
    }
    let mut cargo = process::command("cargo");
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "vitrine-core",
        "--features",
        "lab",
        "--example",
        "sweep",
        "--",
    ]);
    cargo.args(args).current_dir(paths::root());
    Step {
        name: "sweep",
        limit: Duration::from_secs(24 * 60 * 60),
        by_hand: "A seed that fails is printed above as a scenario, a link and a test.",
    }
    .openly(cargo)
}
