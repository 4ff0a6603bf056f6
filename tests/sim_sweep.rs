//! The sweep over a few seeds, as a test: random worlds under random faults hold every rule, every loss has a cause, and what a
//! seed gives is the same everywhere. `cargo xtask sweep` takes thousands. Runs natively and in a browser.
//!
//! What a sweep once found stays in `corpus/scenarios/sweep-*.vitrine` and is judged here again.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use vitrine_core::sim::sweep::draw::draw;
use vitrine_core::sim::sweep::shrink::shrink;
use vitrine_core::sim::sweep::{Case, Deed};
use vitrine_core::sim::workload::{Keys, Pace, Workload};
use vitrine_core::sim::{Action, Fault, Setup, Unsynced};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// The trace hashes of seeds 0 to 99, one virtual minute each, one a line.
const HASHES: &str = include_str!("corpus/sweep_hashes.txt");

fn assert_clean(seed: u64, case: &Case) -> u64 {
    let (_, verdict) = case.run().unwrap();
    let text: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
    assert!(
        text.is_empty(),
        "seed {seed}:\n{}\nto make it small: cargo xtask sweep --seeds {seed}",
        text.join("\n")
    );
    verdict.hash
}

#[test]
fn a_hundred_seeds_hold_and_are_the_same_everywhere() {
    let hashes: Vec<String> =
        (0..100).map(|seed| format!("{:016x}", assert_clean(seed, &draw(seed, 1)))).collect();
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("VITRINE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/sweep_hashes.txt");
        return std::fs::write(path, hashes.join("\n") + "\n").unwrap();
    }
    let golden: Vec<&str> = HASHES.lines().collect();
    for (seed, hash) in hashes.iter().enumerate() {
        assert_eq!(
            Some(&hash.as_str()),
            golden.get(seed),
            "seed {seed}; VITRINE_BLESS=1 writes the new hashes down"
        );
    }
}

/// A disk that lies where every reply was to be durable: what clients saw has no order any more, and little more than the lie is
/// needed to show it.
#[test]
fn what_fails_is_made_small() {
    let mut case = draw(3, 1);
    case.setup = Setup::cluster(3, 1, 0, 5000);
    case.setup.formation = None;
    case.setup.nodes[0].conf = "port 7001\nappendonly yes\nappendfsync always\n".to_string();
    (case.honest, case.ordered) = (true, true);
    case.checks.reload_period_us = 0;
    let keys = Keys { count: 3, ..Keys::default() };
    let workload = Workload { clients: 4, pace: Pace::Open { per_second: 40 }, keys, ..Workload::default() };
    let deed = |seconds: u64, action: Action| Deed { at_us: seconds * 1_000_000, action };
    let node = || "A1".to_string();
    let pause = || Fault::Pause { node: node() }.lasting(300_000);
    case.deeds = vec![
        deed(1, Action::StartWorkload { name: "load".into(), workload: Box::new(workload) }),
        deed(7, pause()),
        deed(20, Fault::FsyncLies { node: node() }.lasting(20_000_000)),
        deed(25, pause()),
        deed(30, Fault::SlowCpu { node: node(), factor: 3 }.lasting(1_000_000)),
        deed(32, Fault::PowerLoss { node: node(), unsynced: Unsynced::Lost }.lasting(500_000)),
        deed(40, pause()),
        deed(50, pause()),
    ];
    let (_, verdict) = case.run().unwrap();
    let complaint = verdict.findings.first().expect("a lying disk takes what was acknowledged").what;
    let small = shrink(&case, 150).unwrap();
    assert!(small.verdict.findings.iter().any(|finding| finding.what == complaint));
    assert!(small.case.deeds.len() <= 3, "{:#?}", small.case.deeds);
    assert!(small.case.until_us < case.until_us);
    let lies = |deed: &Deed| matches!(&deed.action, Action::Fault { fault: Fault::FsyncLies { .. }, .. });
    assert!(small.case.deeds.iter().any(lies), "{:#?}", small.case.deeds);
    // What is printed of it is the same run.
    let scenario = small.case.scenario("small").unwrap();
    let (_, outcome) = scenario.run(50_000_000).unwrap();
    assert!(outcome.is_ok(), "{outcome:?}");
}
