//! `cargo xtask sweep`: the simulator's sweep over many seeds, on all cores (core/examples/sweep.rs).

use crate::paths;
use crate::process::{self, Step};
use anyhow::Result;
use std::time::Duration;

/// Builds the driver and hands it the options.
pub fn run(args: &[&str]) -> Result<()> {
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
