//! The heat map: a world of which a ring would show nothing, from its forming to a failure that all of it learns of, and who wants
//! it of six nodes.

use serde_json::{Value, json};
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// The outlines in a path of marks.
async fn marks(page: &Page, class: &str) -> u64 {
    let count =
        format!("(document.querySelector('.hmarks .{class}').getAttribute('d') ?? '').split('M').length - 1");
    page.js(&count).await.as_u64().expect("a number")
}

#[tokio::test]
async fn a_failure_spreads_over_a_heat_map_and_a_cell_is_a_node() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.js("vitrine.open('vitrine 1\\nseed 7\\ncluster shards 32 replicas 2 timeout 2s\\n').then(() => vitrine.run())").await;
    page.ready().await;
    page.until(
        "a cell for each node",
        "document.querySelectorAll('.heat .hm[data-node]').length === 96 || null",
    )
    .await;
    assert_eq!(page.js("document.querySelector('.scene .node')").await, Value::Null, "no ring lies under it");
    let ring = page.js("[...document.querySelectorAll('.stage .seg button')].map(b => [b.disabled, b.getAttribute('aria-pressed')])");
    assert_eq!(ring.await, json!([[true, "false"], [false, "true"]]));
    // A cell is pressed as a node of the ring is: it opens the inspector, and its terminal joins the tabs.
    page.press("#node-B1").await;
    page.until(
        "the inspector is B1's",
        "document.querySelector('.insp .glyph')?.textContent === 'B1' || null",
    )
    .await;
    assert_eq!(page.js("document.querySelector('#node-B1').getAttribute('aria-pressed')").await, "true");
    let tabs = "[...document.querySelectorAll('.ttabs [role=tab]')].map(t => t.textContent)";
    assert_eq!(page.js(tabs).await, json!(["cluster -c", "B1"]));
    // Arrows walk, and Enter opens the menu.
    page.js("document.querySelector('#node-B1').focus(), null").await;
    for (key, at) in [("ArrowRight", "node-C1"), ("ArrowLeft", "node-B1"), ("ArrowDown", "node-B2")] {
        page.key_on(":focus", key).await;
        page.until(key, &format!("document.activeElement.id === '{at}' || null")).await;
    }
    // Nobody doubts anybody; then B1 goes, and the news of it spreads.
    assert_eq!((marks(page, "hx").await, marks(page, "hp").await), (0, 0));
    page.js("vitrine.speed(0.2)").await;
    page.line("crash B1").await;
    page.until("it is drawn as down", "document.querySelector('#node-B1.hm--down') !== null || null").await;
    page.until(
        "somebody suspects it",
        "(document.querySelector('.hmarks .hp').getAttribute('d') ?? '') !== '' || null",
    )
    .await;
    page.js("vitrine.speed(1)").await;
    page.until("it failed", "(document.querySelector('.hmarks .hx').getAttribute('d') ?? '') !== '' || null")
        .await;
    page.until(
        "all others know of one failed node",
        "[...document.querySelectorAll('.heat .hm[data-node]:not(.hm--down)')].every(c => c.getAttribute('aria-label').endsWith(': 1 node held for failing')) || null",
    )
    .await;
    page.until(
        "a replica has taken over",
        "vitrine.cluster().then(c => c.ok && c.slotsOk === 16384 || null)",
    )
    .await;
    assert_eq!(marks(page, "hx").await, 1);
    // The heir stands where its master stood.
    let above = "(() => { const y = n => Number(document.querySelector('#node-' + n).getAttribute('y')); return y('B1') > y('A1') && [y('B2'), y('B3')].includes(y('A1')); })() || null";
    page.until("the heir's cell is the wide one", above).await;
    // What brightness tells can be chosen.
    page.command("cluster", &["SET", "k", "v"]).await.expect("OK");
    page.fill("#heat-metric", "keys").await;
    let lit = "[...document.querySelectorAll('.heat .hm[data-node].l6')].filter(c => c.getAttribute('aria-label').endsWith(': 1 key')).length >= 2 || null";
    page.until("the key's nodes are bright", lit).await;
    // The beliefs are a matrix of shards, the tape has a line for each.
    page.press("#pane-tab-1").await;
    page.until("the matrix", "document.querySelector('#pane .mx')?.textContent.includes('B') || null").await;
    assert_eq!(page.js("document.querySelectorAll('.tape .lane').length <= 41").await, true);
    browser.close().await;
}

#[tokio::test]
async fn six_nodes_have_a_ring_and_a_heat_map() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.key_on("body", "h").await;
    page.until("six cells", "document.querySelectorAll('.heat .hm[data-node]').length === 6 || null").await;
    page.line("partition C1 | A1 B1 A2 B2 C2").await;
    page.until("C1 is behind a wall, alone", "['hw', 'hi'].every(c => (document.querySelector('.hmarks .' + c).getAttribute('d') ?? '').split('M').length === 2) || null").await;
    page.press(".heat .opens").await;
    page.find(".slots__win #slot-map").await;
    page.key_on("body", "Escape").await;
    // Behind a slow link answers come late: the cell is the bright one, and the inspector draws how late each came.
    page.line("heal").await;
    page.line("workload app clients 8 rate 200 reads 50%").await;
    page.line("latency app B1 80ms").await;
    page.fill("#heat-metric", "99 % of answers within").await;
    let bright = "(c => c?.classList.contains('l6') && Number(c.getAttribute('aria-label').match(/: (\\d+)[^\\d]*ms for 99 % of answers/)?.[1]) >= 80)(document.querySelector('#node-B1')) || null";
    page.until("B1 is the slow one", bright).await;
    assert_eq!(page.js("document.querySelector('#node-A1').classList.contains('l6')").await, false);
    page.press("#node-B1").await;
    page.press("#pane-tab-6").await;
    page.until(
        "the chart of B1",
        "(document.querySelector('#pane .bl .hi-b')?.getAttribute('d') ?? '') !== '' || null",
    )
    .await;
    let says = page.js("document.querySelector('#pane .bl').getAttribute('aria-label')").await;
    assert!(says.as_str().is_some_and(|s| s.contains("answers, half of them within")), "{says}");
    page.press(".stage .seg button").await;
    page.until("the ring is back", "document.querySelectorAll('.scene .node').length === 6 || null").await;
    browser.close().await;
}
