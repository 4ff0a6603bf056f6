//! One drill whose trace hash is written down here: forming, writing, a loss of power, a failover, a return, a partition and
//! its healing give the same run to the last byte natively and in a browser.
//!
//! The hash changes whenever what a node sends, writes or logs changes, and has to be written down anew then:
//! `VITRINE_BLESS=1 cargo test --test sim_golden` does it. What it must never do is differ between two platforms.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::{Action, Fault, Link, Scope, Setup, Shape, Target, Unsynced, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// The hash of [`drill`] with seed 7.
const GOLDEN: &str = include_str!("corpus/sim_golden.txt");

fn drill(seed: u64) -> World {
    let mut world = World::new(Setup::six_nodes(seed)).unwrap();
    world.run_until(15 * SECOND);
    let terminal = world.terminal(Target::Cluster).unwrap();
    for i in 0..100 {
        for line in
            [format!("SET key:{i} {i}"), format!("RPUSH list:{} {i}", i % 7), format!("HSET h f{i} {i}.5")]
        {
            world.type_line(terminal, &line).unwrap();
        }
        world.run_for(10_000);
    }
    act(&mut world, Fault::Loss { link: Link::both("B1", "B2"), ppm: 20_000 }.now());
    act(&mut world, Fault::PowerLoss { node: "A1".into(), unsynced: Unsynced::Subset }.now());
    world.run_for(20 * SECOND);
    world.type_line(terminal, "SET after failover").unwrap();
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(15 * SECOND);
    let groups =
        vec![vec!["C1".to_string(), "A1".to_string()], ["A2", "B1", "B2", "C2"].map(String::from).to_vec()];
    act(&mut world, Fault::Partition { shape: Shape::Groups { groups } }.now());
    world.run_for(20 * SECOND);
    act(&mut world, Action::Heal { scope: Scope::Network });
    act(&mut world, Fault::ClockJump { node: "B1".into(), delta_us: 2_000_000 }.now());
    act(&mut world, Fault::Kill { node: "B2".into() }.now());
    world.run_for(20 * SECOND);
    world
}

#[test]
fn the_drill_is_the_same_everywhere() {
    let world = drill(7);
    let hash = format!("{:016x}", world.hash());
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("VITRINE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/sim_golden.txt");
        return std::fs::write(path, hash + "\n").unwrap();
    }
    assert_eq!(
        hash,
        GOLDEN.trim(),
        "after {} events; VITRINE_BLESS=1 writes the new hash down",
        world.events()
    );
}

#[test]
fn the_drill_is_the_same_every_time_and_another_with_another_seed() {
    let (a, b) = (drill(8), drill(8));
    assert_eq!((a.hash(), a.events()), (b.hash(), b.events()));
    assert_ne!(a.hash(), drill(9).hash());
    let mut again = World::new(a.setup().clone()).unwrap();
    again.replay(a.actions()).unwrap();
    again.run_until(a.now_us());
    assert_eq!(again.hash(), a.hash(), "a run is its setup and its actions");
}
