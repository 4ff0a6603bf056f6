//! What the page does with the browser's storage when all is well and when the browser refuses it: it says so, and the
//! cluster goes on in memory.

use serde_json::json;
use std::time::Duration;
use vitrine_browser_tests::browser::{Bench, Options};
use vitrine_browser_tests::page::Page;

/// Writes a value and reads it back.
async fn serves(page: &Page, key: &str) {
    let set = page.command("cluster", &["SET", key, "here"]).await;
    assert_eq!(set, Ok(json!("OK")), "{key}");
    assert_eq!(page.command("cluster", &["GET", key]).await, Ok(json!("here")), "{key}");
}

async fn says_that_it_is_in_memory(page: &Page, why: &str) {
    page.until(
        "the page says that nothing is kept",
        "document.querySelector('#storage[role=alert]')?.textContent.includes('in memory') || null",
    )
    .await;
    let said = page.text(".banner").await;
    assert!(said.contains("This browser does not keep the cluster"), "{said}");
    assert!(said.contains("goes on in memory"), "{said}");
    assert!(said.to_lowercase().contains(why), "{said}");
}

#[tokio::test]
async fn a_browser_that_forbids_storage_gets_a_cluster_in_memory() {
    let bench = Bench::new().await;
    let browser = bench.open_with(Options { no_storage: true, ..Options::default() }).await;
    let page = &browser.page;
    page.ready().await;
    says_that_it_is_in_memory(page, "denied").await;
    serves(page, "a").await;
    browser.close().await;
}

#[tokio::test]
async fn a_full_disk_of_the_browser_is_said_and_the_cluster_goes_on() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.promise().await;
    serves(page, "before").await;
    let origin = page.js("location.origin").await;
    let quota = json!({ "origin": origin, "quotaSize": 300_000 });
    page.devtools("Storage.overrideQuotaForOrigin", quota).await;
    // Chromium remembers how much room there is until a while after the last connection to the database is gone.
    page.goto("about:blank").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    page.goto(bench.url()).await;
    page.ready().await;
    // Under appendfsync always a reply waits for the browser's commit, which fails at some point now.
    page.promise().await;
    // Random, so that it cannot be compressed away.
    let fill = "(async () => {
        const noise = () => Array.from({ length: 100000 }, () => Math.random().toString(36)[2]).join('');
        for (let n = 0; n < 40 && !document.querySelector('#storage[role=alert]'); n++)
            await vitrine.command('cluster', ['SET', 'large:' + n, noise()]);
        return null;
    })()";
    page.js(fill).await;
    says_that_it_is_in_memory(page, "full").await;
    serves(page, "after").await;
    // What was committed before it was full is there again.
    page.devtools("Storage.overrideQuotaForOrigin", json!({ "origin": origin })).await;
    page.reload().await;
    page.ready().await;
    assert_eq!(page.command("cluster", &["GET", "before"]).await, Ok(json!("here")));
    browser.close().await;
}

#[tokio::test]
async fn a_second_tab_says_that_the_first_one_keeps_the_cluster() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let first = page.client().window().await.expect("a window");
    let second = page.client().new_window(true).await.expect("a second tab");
    page.client().switch_to_window(second.handle).await.expect("the second tab");
    page.goto(bench.url()).await;
    page.ready().await;
    let said = page.text("#storage").await;
    assert!(said.contains("in memory") && said.contains("another tab"), "{said}");
    serves(page, "b").await;
    page.client().switch_to_window(first).await.expect("the first tab");
    serves(page, "c").await;
    assert_eq!(page.command("cluster", &["EXISTS", "b"]).await, Ok(json!(0)));
    browser.close().await;
}

#[tokio::test]
async fn virtual_time_goes_on_where_it_was_after_a_reload() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.run({ forUs: 90e6 }).then(() => vitrine.run())").await;
    serves(page, "a").await;
    page.until(
        "that instant is committed",
        "document.getElementById('storage').textContent.includes('up to 01:') || null",
    )
    .await;
    page.reload().await;
    page.ready().await;
    let now_us = page.js("vitrine.time()").await["nowUs"].as_u64().expect("an instant");
    assert!(now_us >= 90_000_000, "{now_us}");
    let nodes = page.js("vitrine.nodes()").await;
    assert!(nodes.as_array().is_some_and(|nodes| nodes.iter().all(|n| n["process"] == "up")), "{nodes:#}");
    // The tape begins where this run began, not at 0.
    let first = page.text(".tp__ruler").await;
    assert!(!first.contains("00:00"), "{first}");
    browser.close().await;
}

#[tokio::test]
async fn no_browser_is_left_behind_by_a_test_that_panics() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let processes = browser.processes();
    assert!(processes.len() > 2, "{processes:?}");
    let panicked = tokio::spawn(async move {
        let _browser = browser;
        panic!("on purpose: the browser must be killed on the way out");
    })
    .await;
    assert!(panicked.is_err());
    let runs = |id: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    for _ in 0..100 {
        if !processes.iter().any(runs) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left: Vec<&u32> = processes.iter().filter(|id| runs(id)).collect();
    panic!("these processes are still there: {left:?}");
}
