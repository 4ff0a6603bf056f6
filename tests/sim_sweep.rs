//! The sweep over a few seeds, as a test: random worlds under random faults hold every rule, every loss has a cause, and what a
//! seed gives is the same everywhere. `cargo xtask sweep` takes thousands. Runs natively and in a browser.
//!
//! What a sweep once found stays in `corpus/scenarios/sweep-*.vitrine` and is judged here again.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use vitrine_core::sim::sweep::draw::draw;
use vitrine_core::sim::sweep::shrink::shrink;
use vitrine_core::sim::sweep::{Case, Deed};
use vitrine_core::sim::workload::{Pace, Workload};
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

/// A disk that lies under rules that hold for honest ones only: the sweep finds it, and needs little more than the lie to show it.
#[test]
fn what_fails_is_made_small() {
    let mut case = draw(3, 1);
    case.setup = Setup::cluster(3, 3, 1, 5000);
    for node in &mut case.setup.nodes {
        node.conf.push_str("appendfsync always\n");
    }
    (case.honest, case.ordered) = (true, false);
    let workload = Workload { clients: 4, pace: Pace::Open { per_second: 40 }, ..Workload::default() };
    let deed = |seconds: u64, action: Action| Deed { at_us: seconds * 1_000_000, action };
    let pause = |node: &str| Fault::Pause { node: node.to_string() }.lasting(300_000);
    let node = || "B1".to_string();
    case.deeds = vec![
        deed(15, Action::StartWorkload { name: "load".into(), workload: Box::new(workload) }),
        deed(17, pause("A1")),
        deed(20, Fault::FsyncLies { node: node() }.lasting(40_000_000)),
        deed(25, pause("C2")),
        deed(30, Fault::SlowCpu { node: "C1".into(), factor: 3 }.lasting(1_000_000)),
        deed(32, Fault::PowerLoss { node: node(), unsynced: Unsynced::Lost }.lasting(500_000)),
        deed(40, pause("A2")),
        deed(50, pause("B2")),
    ];
    let (_, verdict) = case.run().unwrap();
    let complaint = verdict.findings.first().expect("a lying disk breaks a rule").what;
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
