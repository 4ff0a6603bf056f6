//! The engine against redis-server 7.0.15: the same commands to both, and whatever they say, do, publish and write down must be
//! the same.
//!
//! The engine runs in this process behind its own boundary (`Input`, `Output`), the real server on a free port of loopback.
//! `tests/differential/*.txt` are scripts written by hand, a file per group; `generated` draws commands from a seed over a
//! few keys, so that types, encodings and empty values meet. Besides replies it compares keyspace events, the final state of every
//! key with its encoding, and the append-only file.

#![cfg(not(target_arch = "wasm32"))]

#[path = "differential/generate.rs"]
mod generate;
#[path = "differential/resp.rs"]
mod resp;
#[path = "differential/script.rs"]
mod script;
#[path = "differential/servers.rs"]
mod servers;

use servers::{Ours, Real};

/// Both sides start with this.
const CONF: &str = "save \"\"\nappendonly no\nenable-debug-command yes\nnotify-keyspace-events KEA\n";

fn same(name: &str, text: &str) {
    let mut ours = Ours::start(CONF);
    let mut real = Real::start(CONF);
    let mut differences = Vec::new();
    // A line `@reset` begins anew: an empty keyspace, no connection.
    let mut before = 0;
    for part in text.split("@reset\n") {
        let padding = "\n".repeat(before);
        differences.extend(script::run(&mut ours, &mut real, name, &(padding + part)));
        before += part.lines().count() + 1;
        ours.reset();
        real.reset();
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            same(stringify!($name), include_str!(concat!("differential/", stringify!($name), ".txt")));
        })*
    };
}

scripts!(string, generic, list, hash, set, bitmap, expiry, transactions, pubsub, zset, stream);

/// `VITRINE_DIFF_SEED` and `VITRINE_DIFF_COMMANDS` draw other commands, or more of them.
#[test]
fn generated() {
    let number = |name: &str, usual| {
        std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: no number")))
    };
    generate::compare(number("VITRINE_DIFF_COMMANDS", 20_000), number("VITRINE_DIFF_SEED", 1) as u64);
}
