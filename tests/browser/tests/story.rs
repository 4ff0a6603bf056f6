//! The story of the page, as a visitor lives it: it opens, a cluster forms, serves, loses a master, mends itself, and is
//! there again after a reload and after the browser was killed.

use serde_json::{Value, json};
use std::io::Write as _;
use vitrine_browser_tests::browser::{Bench, Options};
use vitrine_browser_tests::page::Page;

/// The words of a command line.
async fn run(page: &Page, node: &str, line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    page.command(node, &words).await.unwrap_or_else(|error| panic!("{node}: {line}: {error}"))
}

async fn node(page: &Page, name: &str) -> Value {
    page.js(&format!("vitrine.node({})", json!(name))).await
}

/// The master that owns slot 0 now, and the name of a replica of it.
async fn master_and_replica(page: &Page) -> (String, String) {
    let nodes = page.js("vitrine.nodes()").await;
    let nodes = nodes.as_array().expect("a list of nodes").clone();
    let master = nodes.iter().find(|node| node["name"] == "A1").expect("A1 is there");
    let replica = nodes
        .iter()
        .find(|node| node["replicaOf"] == master["name"] || node["replicaOf"] == master["id"])
        .unwrap_or_else(|| panic!("A1 has a replica: {nodes:#?}"));
    (
        master["name"].as_str().expect("a name").to_owned(),
        replica["name"].as_str().expect("a name").to_owned(),
    )
}

#[tokio::test]
async fn a_cluster_forms_serves_fails_over_and_survives_a_reload() {
    lived(Options::default()).await;
}

#[tokio::test]
async fn the_same_in_firefox() {
    if std::env::var_os("GECKODRIVER").is_none() {
        let _ = writeln!(std::io::stderr(), "           there is no Firefox with a geckodriver here");
        return;
    }
    lived(Options { firefox: true, ..Options::default() }).await;
}

async fn lived(options: Options) {
    let bench = Bench::new().await;
    let browser = bench.open_with(options).await;
    let page = &browser.page;
    page.ready().await;
    // A figure for whoever reads along, past the capture of a passing test's output; `cargo xtask bench page` judges it.
    let ready_ms = page.ready_ms().await;
    let _ = writeln!(
        std::io::stderr(),
        "           the cluster was ready {ready_ms:.0} ms after the page began to load"
    );
    let info = run(page, "A1", "CLUSTER INFO").await;
    let info = info.as_str().expect("CLUSTER INFO is text");
    assert!(info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384"), "{info}");
    assert!(info.contains("cluster_known_nodes:6") && info.contains("cluster_size:3"), "{info}");

    // The terminal follows redirects and says so, as redis-cli does.
    page.type_line("SET foo bar").await;
    page.terminal_shows("-> Redirected to slot [12182] located at").await;
    page.type_line("SET hello world").await;
    page.type_line("GET foo").await;
    page.terminal_shows("\"bar\"").await;
    for number in 0..50 {
        run(page, "cluster", &format!("SET key:{number} value:{number}")).await;
    }
    page.until(
        "the ledger counts the two writes of the terminal and the fifty of the script",
        "document.getElementById('acknowledged').textContent === '52 writes acknowledged' || null",
    )
    .await;

    // A master loses its power: the others suspect it, agree, and its replica is elected.
    let (master, replica) = master_and_replica(page).await;
    run(page, "cluster", "SET durable yes").await;
    page.js(&format!("vitrine.line('crash ' + {})", json!(master))).await;
    page.js("vitrine.speed(20)").await;
    page.until(
        "the replica is promoted",
        &format!(
            "vitrine.node({}).then(n => n.master === true || n.role === 'master' || null)",
            json!(replica)
        ),
    )
    .await;
    page.ready().await;
    let role = run(page, &replica, "ROLE").await;
    assert_eq!(role[0], "master", "{role}");
    assert_eq!(run(page, "cluster", "GET key:7").await, "value:7");

    // It comes back as a replica of the one that took its place, with the same data.
    page.js(&format!("vitrine.line('start ' + {})", json!(master))).await;
    page.until(
        "the old master follows the new one",
        &format!("vitrine.command({}, 'ROLE').then(r => r[0] === 'slave' && r[3] === 'connected' || null, () => null)", json!(master)),
    )
    .await;
    page.js("vitrine.speed(1)").await;
    let (old, new) = (node(page, &master).await, node(page, &replica).await);
    assert_eq!(old["keys"], new["keys"], "{old:#} {new:#}");

    // The tab is loaded again: the whole cluster comes back, each node from its own files.
    let hash_before = run(page, "cluster", "GET durable").await;
    page.reload().await;
    page.ready().await;
    assert_eq!(run(page, "cluster", "GET durable").await, hash_before);
    for number in 0..50 {
        let value = run(page, "cluster", &format!("GET key:{number}")).await;
        assert_eq!(value, format!("value:{number}"));
    }
    assert_eq!(run(page, "cluster", "GET foo").await, "bar");
    browser.close().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_browser() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.promise().await;
    // Writes go on without end; the page keeps the numbers of those whose OK it has seen where the test can read them.
    page.js(
        "(() => { window.acked = []; window.writing = true; \
         (async () => { for (let n = 0; window.writing; n++) { \
             await vitrine.command('cluster', ['SET', 'w:' + n, 'v' + n]); window.acked.push(n); } })(); })()",
    )
    .await;
    page.until("a hundred writes are acknowledged", "window.acked.length >= 100 || null").await;
    let acked = page.js("window.acked.slice()").await;
    let acked: Vec<u64> = acked.as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
    browser.kill().await;

    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    for number in &acked {
        let value = run(page, "cluster", &format!("GET w:{number}")).await;
        assert_eq!(
            value,
            format!("v{number}"),
            "write {number} of {} was acknowledged and is lost",
            acked.len()
        );
    }
    browser.close().await;
}

#[tokio::test]
async fn an_engine_that_stops_says_so_and_can_be_started_again() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.promise().await;
    run(page, "cluster", "SET kept 1").await;
    page.js("(vitrine.panicEngine(), null)").await;
    let text = page.text("#engine-stopped").await;
    assert!(text.contains("The engine stopped"), "{text}");
    page.find("#engine-stopped button").await.click().await.expect("the restart button can be pressed");
    page.ready().await;
    assert_eq!(run(page, "cluster", "GET kept").await, "1");
    // The panic stands on the console, as it should; nothing else does.
    let console = page.console().await;
    let of_it = |text: &String| text.contains("The engine stopped") || text.contains("unreachable");
    assert!(!console.is_empty() && console.iter().all(of_it), "{console:#?}");
    browser.close().await;
}

#[tokio::test]
async fn time_can_be_held_stepped_and_hurried() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let now = page.js("vitrine.time()").await;
    assert_eq!(now["playing"], false, "{now}");
    let later = page.js("new Promise(r => setTimeout(r, 300)).then(() => vitrine.time())").await;
    assert_eq!(now["nowUs"], later["nowUs"], "time goes on although it is held");
    page.js("vitrine.step()").await;
    let stepped = page.js("vitrine.time()").await;
    assert_eq!(stepped["steps"].as_u64(), now["steps"].as_u64().map(|steps| steps + 1), "{now} {stepped}");
    page.js("vitrine.run({ forUs: 60e6 })").await;
    let hurried = page.js("vitrine.time()").await;
    let moved =
        hurried["nowUs"].as_u64().zip(stepped["nowUs"].as_u64()).map(|(after, before)| after - before);
    assert!(moved >= Some(60_000_000), "{stepped} {hurried}");
    browser.close().await;
}
