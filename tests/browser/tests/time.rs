//! Time as a visitor has it: stepping back, dragging the head along the tape, another future, two futures side by side, and why
//! something is so. What the page shows is held against what the engine says.

use serde_json::{Value, json};
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

async fn hash(page: &Page) -> String {
    page.js("vitrine.traceHash()").await.as_str().expect("a hash").to_owned()
}

async fn now_us(page: &Page) -> u64 {
    page.js("vitrine.time()").await["nowUs"].as_u64().expect("an instant")
}

async fn run_for(page: &Page, us: u64) {
    page.js(&format!("vitrine.run({{ forUs: {us} }})")).await;
}

/// Waits until an element, or one of several, says something.
async fn says(page: &Page, css: &str, text: &str) -> String {
    let seen = format!(
        "[...document.querySelectorAll({})].map(e => e.textContent).find(t => t.includes({})) ?? null",
        json!(css),
        json!(text)
    );
    let seen = page.until(&format!("{css} says {text:?}"), &seen).await;
    seen.as_str().expect("text").to_owned()
}

async fn press(page: &Page, css: &str) {
    page.find(css).await.click().await.unwrap_or_else(|error| panic!("{css} cannot be pressed: {error}"));
}

/// Presses the button that says something.
async fn press_text(page: &Page, text: &str) {
    let button = format!(
        "(() => {{ const b = [...document.querySelectorAll('button')].find(b => b.textContent.includes({})); b?.click(); return !!b; }})()",
        json!(text)
    );
    page.until(&format!("there is a button {text:?}"), &button).await;
}

/// Takes the head to a place of the ruler, 0 to 1 of its width, and lets it go there.
async fn drag_head(page: &Page, from: f64, to: f64) {
    let plot =
        "(r => [r.x, r.y + 8, r.width])(document.querySelector('#ruler .tp__plot').getBoundingClientRect())";
    let plot = page.js(plot).await;
    let [x, y, width] = [0, 1, 2].map(|i| plot[i].as_f64().expect("a number"));
    page.drag((x + width * from, y), (x + width * to, y)).await;
}

#[tokio::test]
async fn time_goes_back_by_a_step_and_along_the_tape_and_a_fork_is_shown() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    run_for(page, 2_000_000).await;

    // A step back is the state before it, to the byte.
    let before = hash(page).await;
    press(page, "[aria-label='Step one event']").await;
    let stepped = format!("vitrine.traceHash().then(h => h !== {} || null)", json!(before));
    page.until("a step changes the state", &stepped).await;
    press(page, "#step-back").await;
    let same = format!("vitrine.traceHash().then(h => h === {} || null)", json!(before));
    page.until("stepping back gives the same state", &same).await;
    says(page, "#live", "back").await;
    says(page, "#tape-says", "Looking at the past. Any action starts run 1.").await;
    press(page, "#live").await;
    says(page, "#live", "Held").await;

    // The head is dragged along the ruler, and the world goes with it.
    run_for(page, 20_000_000).await;
    let (end_us, end) = (now_us(page).await, hash(page).await);
    drag_head(page, 0.85, 0.4).await;
    let back = format!("vitrine.time().then(t => t.nowUs < {end_us} - 5e6 || null)");
    page.until("the world is seconds back", &back).await;
    says(page, "#live", "back").await;
    page.until("the future is drawn", "document.querySelector('.tp__future .sg') !== null || null").await;
    let there = now_us(page).await;
    let value = page.js("document.getElementById('ruler').getAttribute('aria-valuetext')").await;
    assert!(value.as_str().is_some_and(|v| v.contains("before the end of run 0")), "{value}");
    page.js("document.getElementById('ruler').focus()").await;
    page.key_on("#ruler", "ArrowLeft").await;
    page.until("a tick back", &format!("vitrine.time().then(t => t.nowUs < {there} || null)")).await;
    // Let go, the head is where the world is, and can be taken again.
    let follows = "vitrine.time().then(t => document.querySelector('.head text').textContent \
        .endsWith(`:${(Math.floor(t.nowUs / 1000) / 1000).toFixed(3).padStart(6, '0')}`) || null)";
    page.line("goto 20s").await;
    page.until("the head follows", follows).await;
    drag_head(page, 0.3, 0.7).await;
    page.until("the world went along", "vitrine.time().then(t => t.nowUs !== 20e6 || null)").await;
    page.until("the head is there", follows).await;
    assert_eq!(page.js("getSelection().toString()").await, "", "the numbers of the ruler are not selected");

    // Acting there begins another run, and the old one can be had again.
    page.type_line(":crash B1").await;
    says(page, ".fork", "changed here, was run 0").await;
    let runs = page.js("[...document.querySelectorAll('#run option')].map(o => o.textContent)").await;
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "{runs}");
    let b1 = page.js("vitrine.node('B1')").await;
    assert_eq!(b1["process"], "crashed", "{b1}");
    page.fill("#run", "0").await;
    let old = format!("vitrine.traceHash().then(h => h === {} || null)", json!(end));
    page.until("the first run is as it was", &old).await;
    browser.close().await;
}

#[tokio::test]
async fn time_runs_to_an_event_and_says_why() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    page.js("vitrine.line('crash A1')").await;
    page.fill(".goto select", "3").await;
    press(page, "#next-event").await;
    page.terminal_shows("flagged A1 as failed: FAIL").await;
    let fail_us = now_us(page).await;
    page.fill(".goto select", "2").await;
    press(page, "#next-event").await;
    page.until("A2 is a master", "vitrine.node('A2').then(n => n.master || null)").await;
    assert!(now_us(page).await > fail_us);
    run_for(page, 5_000_000).await;

    page.js("document.querySelector(\"[data-node='3']\").dispatchEvent(new MouseEvent('click', { bubbles: true })) && null")
        .await;
    press(page, "[aria-label='Why is A2 so?']").await;
    let why = says(page, "#why", "power").await;
    assert!(why.contains("A1") && why.contains("vote"), "{why}");
    let nested = page.js("document.querySelectorAll('#why ol ol').length").await;
    assert!(nested.as_u64() > Some(0), "causes stand below what they caused");
    let before = now_us(page).await;
    press(page, "#why .why__t").await;
    page.until("the instant is gone to", &format!("vitrine.time().then(t => t.nowUs < {before} || null)"))
        .await;
    browser.close().await;
}

#[tokio::test]
async fn two_futures_of_one_seed_stand_side_by_side() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    // A1 is cut off and goes on accepting writes until it notices; afterwards it gives them up.
    page.js("vitrine.line('partition A1 | A2 B1 B2 C1 C2')").await;
    page.js("(async () => { for (let n = 0; n < 14; n++) { \
             const reply = vitrine.command('A1', ['SET', '{b}late:' + n, 'v']).catch(() => null); \
             await vitrine.run({ forUs: 300000 }); await reply; } })()")
        .await;
    run_for(page, 15_000_000).await;
    page.js("vitrine.line('heal network')").await;
    // How soon it hears of its successor depends on when its connections try again.
    let gave_up = "vitrine.run({ forUs: 1e6 }).then(() => vitrine.ledger()).then(l => l.lost > 0 || null)";
    page.until("A1 has given its writes up", gave_up).await;
    run_for(page, 10_000_000).await;

    press(page, "#compare-runs").await;
    says(page, ".cmp", "There is one run so far").await;
    press_text(page, "Try this again with min-replicas-to-write 1").await;
    // While the second run is on its way, the two are compared where it is.
    let said = says(page, "#compared .cmp__said", "Run 0 lost 1").await;
    let row = page
        .js("[...document.querySelectorAll('.cmp__t tr')].map(r => [...r.children].map(c => c.textContent)) \
             .find(r => r[0] === 'lost')")
        .await;
    let count = |cell: &Value| {
        let text = cell.as_str().unwrap_or_default();
        text.split(':').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
    };
    assert!(count(&row[1]) > count(&row[2]), "{said} {row}");
    assert!(row[1].as_str().is_some_and(|t| t.contains("SET {b}late:")), "{row}");
    let tapes = page.js("document.querySelectorAll('.cmp__tapes .sg').length").await;
    assert!(tapes.as_u64() > Some(0), "both tapes are drawn");
    browser.close().await;
}
