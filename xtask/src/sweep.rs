//! `cargo xtask sweep`: the simulator's sweep over many seeds, on all cores (core/examples/sweep.rs), and with `--hashes --browser` the
//! hundred seeds whose hashes are written down, in Chromium (tests/sim_sweep.rs).

use crate::process::{self, Step};
use crate::setup::{self, Needs};
use crate::{paths, test};
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
        return hashes_in_browser();
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

/// The test of all hundred hashes, compiled to WebAssembly, in headless Chromium. Cargo itself is asked for it, with the same runner:
/// wasm-pack would build all the other suites first.
fn hashes_in_browser() -> Result<()> {
    let tools = setup::ensure(Needs { wasm_tests: true, browser: true, ..Needs::default() })?;
    let mut cargo = tools.wasm_command("cargo");
    cargo.args(["test", "--target", "wasm32-unknown-unknown", "--test", "sim_sweep"]);
    cargo.args(["--", "--include-ignored", "--nocapture", ALL_HASHES]);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner");
    if let Some(driver) = &tools.chromedriver {
        cargo.env("CHROMEDRIVER", driver);
    }
    cargo.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", test::webdriver_json(&tools)?);
    cargo.env("WASM_BINDGEN_TEST_TIMEOUT", ALL_HASHES_S.to_string());
    Step {
        name: "hashes in Chromium",
        limit: Duration::from_secs(u64::from(ALL_HASHES_S) + 40 * 60),
        by_hand: "The hashes that differ are printed above; `cargo xtask sweep --hashes` compares natively.",
    }
    .openly(cargo)
}
