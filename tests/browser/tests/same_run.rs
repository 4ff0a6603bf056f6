//! The same seed and actions give the same run, byte for byte, natively and in the browser: the published page plays a
//! scenario, and so does the same code compiled for this machine.

use serde_json::{Value, json};
use vitrine_browser_tests::browser::Bench;
use vitrine_web::scenario;

/// A virtual minute in which a cluster forms, serves, loses a master, gets it back, and has a link cut and healed.
fn drill() -> Value {
    let line = |at_s: f64, line: &str| json!({ "atUs": (at_s * 1e6) as u64, "line": line });
    let fault = |at_s: f64, fault: Value| json!({ "atUs": (at_s * 1e6) as u64, "fault": fault });
    let mut actions: Vec<Value> =
        (0..40).map(|n| line(10.0 + f64::from(n) * 0.1, &format!("SET key:{n} value:{n}"))).collect();
    actions.extend([
        line(14.2, "50 INCR counter"),
        line(14.4, "RPUSH list a b c"),
        line(14.5, "HSET hash f 0.1"),
        line(14.6, "HINCRBYFLOAT hash f 0.2"),
        line(14.7, "SADD set 1 2 3 x"),
        line(14.8, "SET short lived PX 3000"),
        fault(15.0, json!({ "kind": "crash", "node": "A1" })),
        line(17.0, "GET key:1"),
        line(26.0, "SET after failover"),
        line(26.5, "CLUSTER NODES"),
        fault(30.0, json!({ "kind": "restart", "node": "A1" })),
        fault(38.0, json!({ "kind": "cut", "from": "B1", "to": "C1" })),
        line(40.0, "INCR counter"),
        fault(46.0, json!({ "kind": "heal" })),
        line(50.0, "BGREWRITEAOF"),
        fault(52.0, json!({ "kind": "pause", "node": "C1" })),
        fault(54.0, json!({ "kind": "resume", "node": "C1" })),
        line(58.0, "DBSIZE"),
    ]);
    json!({ "seed": "5eed2f81", "actions": actions, "untilUs": 60_000_000 })
}

fn native(scenario: &Value) -> String {
    let scenario = serde_json::from_value(scenario.clone()).expect("a scenario");
    scenario::run(scenario).expect("the world takes every action")
}

#[tokio::test]
async fn a_scenario_gives_the_same_trace_hash_natively_and_in_the_browser() {
    let drill = drill();
    let hash = native(&drill);
    assert_eq!(hash, native(&drill), "natively, twice");
    let calm = json!({ "seed": "5eed2f81", "actions": [], "untilUs": 60_000_000 });
    assert_ne!(hash, native(&calm), "what is done to a world is in its hash");

    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let in_page = page.js(&format!("vitrine.runScenario({drill})")).await;
    assert_eq!(in_page, hash, "natively {hash}, in Chromium {in_page}");
    // The world on the page went on beside it.
    page.ready().await;
    browser.close().await;
}
