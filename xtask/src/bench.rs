//! `cargo xtask bench`: measurements. The native host, which they measure, is still to come.

use anyhow::{Result, bail};

pub fn run(_: &[&str]) -> Result<()> {
    bail!("there is nothing to measure yet: the native host (tests/server) is not in the workspace")
}
