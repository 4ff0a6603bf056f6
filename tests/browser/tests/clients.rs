//! The clients on the stage: their cards, whom they ask, and what can be done to them.

use fantoccini::key::Key;
use serde_json::Value;
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// What stands on the card of a workload, once it fits.
async fn card_shows(page: &Page, name: &str, text: &str) -> Value {
    let script = format!(
        "(t => t?.includes('{text}') && t)(document.getElementById('client-{name}')?.textContent) || null"
    );
    page.until(&format!("the card of {name} shows {text}"), &script).await
}

/// How many lines of a kind lead from the cards to nodes; the kind is empty for all.
fn lines(kind: &str) -> String {
    format!("document.querySelectorAll('.talks .talk{kind}').length")
}

#[tokio::test]
async fn clients_stand_on_the_stage_and_can_be_cut_off() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    assert_eq!(page.js("document.querySelector('.client__b')").await, Value::Null);
    page.line("workload app clients 4 rate 200 seeds A1 B2").await;
    page.js("vitrine.run({ forUs: 5e6 })").await;
    let text = card_shows(page, "app", "app × 4").await;
    let text = text.as_str().expect("a text").to_owned();
    for part in [" op/s", "seeds", "A1", "B2", "s:"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // The masters serve, and they alone are asked. The engine's ledger knows of as many writes as it says.
    page.until("a line to each master", &format!("{} === 3 || null", lines(""))).await;
    assert_eq!(page.js(&lines(".talk--asked")).await, 3);
    // Where the keys are is drawn inside the ring.
    page.until(
        "bars of keys",
        "[...document.querySelectorAll('.density')].every(p => p.getAttribute('d').length > 100) || null",
    )
    .await;

    // Its master fails: who does not answer is seen, and which seed is of no use.
    page.line("crash A1").await;
    page.js("vitrine.run({ forUs: 3e6 })").await;
    page.until(
        "a seed is down",
        "document.querySelector('#client-app .seed--down')?.textContent === 'A1' || null",
    )
    .await;
    page.until("A1 is silent", &format!("{} >= 1 || null", lines(".talk--silent"))).await;
    page.line("start A1").await;
    page.js("vitrine.run({ forUs: 20e6 })").await;
    page.until("all answer", &format!("{} === 0 || null", lines(".talk--silent"))).await;

    // By keyboard: the card's menu cuts it off from every node, and ends that again.
    page.js("document.querySelector('#client-app .client__b').focus()").await;
    page.key(Key::Enter).await;
    page.until("its menu", "document.querySelector('#menu .menu__h')?.textContent.includes('app') || null")
        .await;
    page.press("#menu .mi[aria-haspopup]").await;
    page.press("#menu-sub .mi").await;
    let cut = "vitrine.cluster().then(c => c.faults.find(f => f.text.includes('app'))?.text || null)";
    page.until("the fault", cut).await;
    page.terminal_shows("cut \"app\" *").await;
    page.js("vitrine.run({ forUs: 3e6 })").await;
    card_shows(page, "app", "0 op/s").await;
    page.js("document.querySelector('#client-app .client__b').focus()").await;
    page.key(Key::Enter).await;
    let end = "[...document.querySelectorAll('#menu .mi')].find(e => e.textContent.startsWith('End: '))";
    page.until("the end of the fault is offered", &format!("!!{end} || null")).await;
    page.js(&format!("{end}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))")).await;
    page.until("it is over", "vitrine.cluster().then(c => c.faults.length === 0 || null)").await;

    // Behind a wall with the master that it writes to, what that master acknowledges is at risk.
    page.line("workload web clients 2 rate 50 hot-slot 12000 100% reads 0%").await;
    page.js("vitrine.run({ forUs: 2e6 })").await;
    card_shows(page, "web", "web × 2").await;
    page.line("partition C1 \"web\" | A1 B1 A2 B2 C2").await;
    page.js("vitrine.run({ forUs: 3e6 })").await;
    page.until("its card is behind the wall", "(m => m && Number(m[1]) > 656 || null)(/translate\\(([0-9.]+)/.exec(document.getElementById('client-web').getAttribute('transform')))").await;
    // The other workload is on no side: it reaches that master too.
    page.until("what goes there is at risk", &format!("{} === 2 || null", lines(".talk--risk"))).await;
    page.line("heal network").await;
    page.line("workload web stop").await;

    // Slowly, what they send and hear is seen on its way, each with its name.
    page.js("vitrine.run({ forUs: 20e6 })").await;
    page.js("vitrine.speed(0.001).then(() => vitrine.run())").await;
    let seen = |name: &str| {
        format!("[...document.querySelectorAll('.marks text')].some(t => t.textContent === '{name}') || null")
    };
    page.until("a request on its way", &seen("request")).await;
    page.until("a reply on its way", &seen("reply")).await;
    // A layer can be hidden.
    page.js(
        "[...document.querySelectorAll('.layers button')].find(b => b.textContent === 'Clients').click()",
    )
    .await;
    page.until("no card", "!document.getElementById('client-app') || null").await;
    page.until(
        "no request",
        "![...document.querySelectorAll('.marks text')].some(t => t.textContent === 'request') || null",
    )
    .await;
    page.js("vitrine.pause()").await;

    // What is said of it can be stopped from its menu as well.
    page.js(
        "[...document.querySelectorAll('.layers button')].find(b => b.textContent === 'Clients').click()",
    )
    .await;
    card_shows(page, "app", "app × 4").await;
    page.js("document.querySelector('#client-app .client__b').focus()").await;
    page.key(Key::Enter).await;
    let stop = "[...document.querySelectorAll('#menu .mi')].find(e => e.textContent.includes('Stop'))";
    page.until("its end is offered", &format!("!!{stop} || null")).await;
    page.js(&format!("{stop}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))")).await;
    page.js("vitrine.speed(1)").await;
    page.js("vitrine.run({ forUs: 3e6 })").await;
    card_shows(page, "app", "stopped").await;

    // Its seeds are edited where workloads are made: its line is put back into the form.
    page.js("document.querySelector('#client-app .client__b').focus()").await;
    page.key(Key::Enter).await;
    page.press("#menu .mi").await;
    page.press("#workloads [aria-label='Edit app']").await;
    let line = "(l => l.includes('clients 4 seeds A1 B2') || null)(document.getElementById('workload-line').textContent)";
    page.until("its line is in the form", line).await;
    page.fill("#workload-f1", "B1").await;
    page.press("#workload-start").await;
    page.js("vitrine.run({ forUs: 3e6 })").await;
    let seeds = "(s => s === 'B1' || null)([...document.querySelectorAll('#client-app .seed')].map(s => s.textContent).join())";
    page.until("the card shows its other seed", seeds).await;
    browser.close().await;
}
