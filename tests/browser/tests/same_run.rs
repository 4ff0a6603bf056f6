//! The same scenario gives the same run, byte for byte, natively and in the browser: the published page plays it, and so does the same
//! engine compiled for this machine.

use serde_json::json;
use vitrine_browser_tests::browser::Bench;
use vitrine_core::sim::scenario::Scenario;

/// A virtual minute in which a cluster forms, serves, loses a master, gets it back, and has a link cut and healed.
fn drill() -> String {
    let keys: String =
        (0..40).map(|n| format!("at {}ms cluster> SET key:{n} value:{n}\n", 10_000 + n * 100)).collect();
    format!(
        "vitrine 1\nseed 0x5eed2f81\n{keys}\
         at 14200ms cluster> 50 INCR counter\n\
         at 14400ms cluster> RPUSH list a b c\n\
         at 14500ms cluster> HSET hash f 0.1\n\
         at 14600ms cluster> HINCRBYFLOAT hash f 0.2\n\
         at 14700ms cluster> SADD set 1 2 3 x\n\
         at 14800ms cluster> SET short lived PX 3000\n\
         at 15s crash A1\n\
         at 17s cluster> GET key:1\n\
         at 26s cluster> SET after failover\n\
         at 26500ms cluster> CLUSTER NODES\n\
         at 30s start A1\n\
         at 38s cut B1 C1\n\
         at 40s cluster> INCR counter\n\
         at 46s heal network\n\
         at 50s cluster> BGREWRITEAOF\n\
         at 52s pause C1\n\
         at 54s resume C1\n\
         at 58s cluster> DBSIZE\n\
         run until 60s\n"
    )
}

fn native(scenario: &str) -> String {
    let scenario = Scenario::parse(scenario).expect("a scenario");
    let (_, outcome) = scenario.run(u64::MAX).expect("it ends");
    assert!(outcome.is_ok(), "{outcome:?}");
    outcome.hash
}

#[tokio::test]
async fn a_scenario_gives_the_same_trace_hash_natively_and_in_the_browser() {
    let drill = drill();
    let hash = native(&drill);
    assert_eq!(hash, native(&drill), "natively, twice");
    let calm = "vitrine 1\nseed 0x5eed2f81\nrun until 60s\n";
    assert_ne!(hash, native(calm), "what is done to a world is in its hash");

    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let in_page = page.js(&format!("vitrine.runScenario({})", json!(drill))).await;
    assert_eq!(in_page, hash, "natively {hash}, in Chromium {in_page}");
    // The world on the page went on beside it.
    page.ready().await;
    browser.close().await;
}
