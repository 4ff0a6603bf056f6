//! How the page fares in a real Chromium: how soon it is there ([`opening`]), and whether it draws smoothly under load ([`frames`]).
//!
//! `cargo xtask bench page` builds the page and runs this.

mod frames;
mod opening;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(7_usize);
    let opens = opening::measure(rounds).await;
    let draws = frames::measure().await;
    if opens && draws { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
