//! Looking into a node: what a peek replies is what a client would be replied, and the run goes on as if nobody had looked. Runs
//! natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use vitrine_core::resp::Value;
use vitrine_core::sim::fault::{Fault, Target};
use vitrine_core::sim::setup::Setup;
use vitrine_core::sim::world::World;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_peek_answers_as_a_client_is_answered_and_leaves_no_trace() {
    let mut world = World::new(Setup::six_nodes(7)).expect("the setup is right");
    world.run_until(6_000_000);
    let terminal = world.terminal(Target::Node("A1".into())).expect("there is an A1");
    // Slot 3300, the first master's.
    world.type_line(terminal, "SET b one").expect("the line is short");
    world.run_for(100_000);
    let mut same = world.clone();
    let lines = ["GET b", "TYPE b", "SET b two", "GET b", "CLUSTER MYID"].map(words);
    let got = world.peek("A1", &lines).expect("it runs");
    let text = |v: &Value| String::from_utf8_lossy(v.as_bytes().unwrap_or(b"")).into_owned();
    assert_eq!(text(&got[0]), "one");
    assert_eq!(text(&got[3]), "two");
    assert_eq!(got.len(), 5);
    let again = world.peek("A1", &[words("GET b"), words("BLPOP nothing{b} 0")]);
    assert_eq!(again, Err("A1 would have to wait for that.".to_owned()));
    assert_eq!(world.peek("A1", &[words("GET b")]).expect("it runs"), [Value::Bulk(b"one".to_vec())]);
    // The run goes on as if nobody had looked.
    world.run_for(3_000_000);
    same.run_for(3_000_000);
    assert_eq!(world.hash(), same.hash());
    assert_eq!(world.steps(), same.steps());
}

#[test]
fn a_node_that_does_not_run_says_so_and_a_paused_one_shows_its_memory() {
    let mut world = World::new(Setup::six_nodes(7)).expect("the setup is right");
    world.run_until(6_000_000);
    world.act(Fault::Kill { node: "B1".into() }.now()).expect("it runs");
    world.act(Fault::Pause { node: "C1".into() }.now()).expect("it runs");
    assert_eq!(world.peek("B1", &[words("PING")]), Err("B1 does not run.".to_owned()));
    assert_eq!(world.peek("Z9", &[words("PING")]), Err("There is no node Z9.".to_owned()));
    assert_eq!(world.peek("C1", &[words("PING")]), Ok(vec![Value::Status(b"PONG".to_vec())]));
}
