//! The page for everybody: axe-core finds nothing serious in any panel, in either theme, on a desk, a projector and a phone; nothing
//! scrolls sideways there; who asked for less motion sees none; and every icon has its name.

use fantoccini::key::Key;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// The sizes that the page is made for: a desk, a projector, a phone.
const SIZES: [(u32, u32); 3] = [(1440, 900), (1920, 1080), (390, 844)];

async fn emulate(page: &Page, size: (u32, u32), features: Value) {
    let metrics =
        json!({ "width": size.0, "height": size.1, "deviceScaleFactor": 1, "mobile": size.0 < 720 });
    page.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    page.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
}

/// What is serious, of everything on the page as it is now.
async fn looked_over(page: &Page) -> Vec<String> {
    let found = page
        .js("axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations\
             .filter(v => v.impact === 'serious' || v.impact === 'critical')\
             .flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ' ' + n.target.join(' ') + ': ' + n.failureSummary)))")
        .await;
    found
        .as_array()
        .expect("a list")
        .iter()
        .map(|text| text.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Opens one thing after the other, and gives the name of what is open to `look`. Gives which buttons are not there.
async fn through_everything(page: &Page, mut look: impl AsyncFnMut(&Page, &str)) -> Vec<&'static str> {
    let mut absent = Vec::new();
    let panels =
        "[...document.querySelectorAll('[role=tab]:not(:disabled)')].map((t, i) => (t.dataset.seen = i, i))";
    let tabs = page.js(panels).await.as_array().map_or(0, Vec::len);
    look(page, "the page as it opens").await;
    for tab in 0..tabs {
        page.js(&format!("document.querySelector('[data-seen=\"{tab}\"]')?.click()")).await;
        let name = page.js(&format!("document.querySelector('[data-seen=\"{tab}\"]')?.textContent")).await;
        look(page, &format!("the tab {name}")).await;
    }
    for button in [
        "#ledger-safe",
        "#ledger-at-risk",
        "#ledger-lost",
        "#tray-3",
        "#tray-4",
        "#picker",
        "#share",
        ".opens",
        "[aria-label^=Help]",
    ] {
        let there = page
            .js(&format!("(e => e?.checkVisibility() || null)(document.querySelector('{button}'))"))
            .await;
        if there.is_null() {
            absent.push(button);
            continue;
        }
        page.js(&format!(
            "document.querySelector('{button}').dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"
        ))
        .await;
        look(page, button).await;
        // The tray stays until its last tab was looked at.
        if !["#ledger-safe", "#ledger-at-risk", "#ledger-lost", "#tray-3"].contains(&button) {
            page.key_on("body", "Escape").await;
        }
    }
    page.js("document.querySelector('#node-A1').dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, clientX: 200, clientY: 200 }))").await;
    page.find("#menu").await;
    look(page, "the menu of a node").await;
    absent
}

#[tokio::test]
async fn nothing_serious_is_found_in_any_panel_and_nothing_scrolls_sideways() {
    let axe = std::env::var("VITRINE_AXE")
        .expect("VITRINE_AXE names axe.min.js; `cargo xtask test browser` sets it");
    let axe = std::fs::read_to_string(axe).expect("axe.min.js can be read");
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    for (size, theme) in SIZES.into_iter().flat_map(|size| [(size, "dark"), (size, "light")]) {
        emulate(page, size, json!([{ "name": "prefers-color-scheme", "value": theme }])).await;
        page.js("vitrine.reset({ seed: 5 })").await;
        page.ready().await;
        page.reload().await;
        page.ready().await;
        page.client().execute(&axe, Vec::new()).await.expect("axe-core runs");
        // Something of everything: keys, load, a dead master, a wall, a slow disk, lost writes.
        page.command("cluster", &["SET", "color", "blue"]).await.expect("OK");
        for line in
            ["workload app rate 100", "disk-slow B2 20x", "partition C1 app | A1 B1 A2 B2 C2", "crash A1"]
        {
            page.line(line).await;
        }
        page.js("vitrine.run({ forUs: 20e6 })").await;
        let absent = through_everything(page, async |page: &Page, what: &str| {
            let found = looked_over(page).await;
            assert!(found.is_empty(), "{what}, {size:?}, {theme}: {found:#?}");
            let wide = page.js("[document.documentElement.scrollWidth, document.body.scrollWidth]").await;
            assert_eq!(wide, json!([size.0, size.0]), "{what}, {theme}, scrolls sideways");
            let nameless = page
                .js("[...document.querySelectorAll('button, [role=button]')].filter(b => b.checkVisibility() \
                     && !(b.getAttribute('aria-label') || b.title || b.textContent.trim())).map(b => b.outerHTML.slice(0, 200))")
                .await;
            assert_eq!(nameless, json!([]), "{what}: an icon stands alone");
        })
        .await;
        // The top bar of a phone has no room for it.
        let elsewhere: &[&str] = if size.0 < 720 { &["#share"] } else { &[] };
        assert_eq!(absent, elsewhere, "{size:?} has no such button");
    }
    browser.close().await;
}

/// Tab never leaves a sheet, Escape closes it, and the focus is again where it was.
#[tokio::test]
async fn a_dialog_holds_the_focus_and_gives_it_back() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    for opener in ["#picker", "#share", "[aria-label^=Help]", "#compare-runs", ".opens [role=button]"] {
        page.js(&format!("document.querySelector('{opener}').focus()")).await;
        page.key(Key::Enter).await;
        page.until("the focus is in the sheet", "!!document.activeElement.closest('.sheet') || null").await;
        for _ in 0..45 {
            // Not WebDriver's way: a field for files takes keys for the name of one.
            let tab =
                json!({ "type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
            page.devtools("Input.dispatchKeyEvent", tab).await;
            let inside = page.js("!!document.activeElement.closest('.sheet')").await;
            assert_eq!(inside, true, "{opener}: Tab leaves the sheet");
        }
        page.key_on("body", "Escape").await;
        let back = format!(
            "!document.querySelector('.sheet') && document.activeElement === document.querySelector('{opener}') || null"
        );
        page.until(&format!("the focus is on {opener} again"), &back).await;
    }
    browser.close().await;
}

/// Escape closes the tray wherever the focus is, but what lies on it first; nothing that has the focus lies behind it.
#[tokio::test]
async fn escape_closes_the_tray_and_the_focus_goes_back_to_what_opened_it() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    for inside in ["#tray-0", "#tray-panel", ".tray__x", "#ledger-safe"] {
        page.js("document.querySelector('#ledger-safe').focus()").await;
        page.key(Key::Enter).await;
        page.find(".tray").await;
        page.js(&format!("document.querySelector('{inside}').focus()")).await;
        page.key(Key::Escape).await;
        let back = "!document.querySelector('.tray') && document.activeElement.id === 'ledger-safe' || null";
        page.until(&format!("closed from {inside}"), back).await;
    }
    page.js("document.querySelector('#open-workloads').focus()").await;
    page.key(Key::Enter).await;
    page.find(".tray").await;
    let behind = "(() => { const tray = document.querySelector('.tray').getBoundingClientRect(); \
         return [...document.querySelectorAll('.palette button, .node__b, .zoom button')].filter(e => e.checkVisibility()) \
             .filter(e => e.getBoundingClientRect().bottom > tray.top).map(e => e.outerHTML.slice(0, 80)); })()";
    assert_eq!(page.js(behind).await, json!([]), "these have the focus behind the tray");
    // A menu over it goes first. Once a workload runs, the button that opened the tray is another.
    page.js("document.querySelector('#node-A1').focus()").await;
    page.key(Key::Enter).await;
    page.find("#menu").await;
    page.key(Key::Escape).await;
    page.until("the menu is closed", "!document.querySelector('#menu') || null").await;
    page.find(".tray").await;
    page.line("workload app rate 10").await;
    page.until("it is gone", "!document.querySelector('#open-workloads') || null").await;
    page.js("document.querySelector('#tray-panel').focus()").await;
    page.key(Key::Escape).await;
    page.until("the bar has the focus", "!!document.activeElement.closest('.ledger__row') || null").await;
    browser.close().await;
}

/// What a title says to the pointer is said to the keys as well.
#[tokio::test]
async fn an_icon_says_its_name_when_it_has_the_focus() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("document.querySelector('[aria-label^=Help]').focus()").await;
    page.key(Key::Shift).await;
    page.js("(document.activeElement.blur(), document.querySelector('#ledger-lost').focus())").await;
    let said = "document.querySelector('.tip')?.textContent.includes('on no node that can still serve them') || null";
    page.until("its title is shown", said).await;
    page.key(Key::Escape).await;
    page.until("Escape takes it away", "!document.querySelector('.tip') || null").await;
    browser.close().await;
}

/// Rest instead of travel: the marks of messages stand still, and nothing is animated.
#[tokio::test]
async fn who_asked_for_less_motion_sees_none() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    emulate(page, (1440, 900), json!([{ "name": "prefers-reduced-motion", "value": "reduce" }])).await;
    page.reload().await;
    page.ready().await;
    // A mark rests on the way of its message: where they are seen is one place for each way, and there are 30 ways.
    let places = "[...document.querySelectorAll('.msg__at')].map(m => m.getAttribute('transform'))";
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let now = page.js(places).await;
        seen.extend(now.as_array().expect("places").iter().map(Value::to_string));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((1..=30).contains(&seen.len()), "marks were seen at {} places", seen.len());
    let animated = page.js("document.getAnimations().length").await;
    assert_eq!(animated, 0);
    browser.close().await;
}

/// The page is as wide as the window, whatever that is.
#[tokio::test]
async fn a_narrow_window_has_its_whole_top_bar() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    for width in [720, 768, 1024, 1280] {
        emulate(page, (width, 800), json!([])).await;
        page.ready().await;
        let over = "document.documentElement.scrollWidth - innerWidth";
        assert_eq!(page.js(over).await, 0, "{width}");
        let met = "[...document.querySelectorAll('.top > *')].map(e => e.getBoundingClientRect()).filter((r, i, all) => i && r.left < all[i - 1].right - 0.5).length";
        assert_eq!(page.js(met).await, 0, "parts lie on each other at {width}");
    }
    browser.close().await;
}

/// On a phone the panels are behind tabs, each as large as a finger.
#[tokio::test]
async fn a_phone_has_its_panels_behind_tabs() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    emulate(page, (390, 844), json!([])).await;
    page.ready().await;
    for (tab, panel) in [(2, ".term"), (3, ".insp"), (4, ".tape"), (1, ".lesson")] {
        page.click(&format!(".mtabs button:nth-child({tab})")).await;
        let seen = format!("document.querySelector('{panel}').checkVisibility() || null");
        page.until("the panel is there", &seen).await;
    }
    let small = "[...document.querySelectorAll('.mtabs button, .mbar button')].filter(b => b.getBoundingClientRect().height < 43.9).length";
    assert_eq!(page.js(small).await, 0, "targets that a finger misses");
    // What its bars have no room for is in a menu.
    page.click("#more").await;
    page.until("the menu is there", "/Run to the next event.*Share.*Export.*Copy the seed/s.test(document.querySelector('#menu')?.textContent) || null").await;
    page.js("[...document.querySelectorAll('#menu .mi')].find(e => e.textContent.includes('Share')).click()")
        .await;
    page.until(
        "the sheet is there",
        "document.querySelector('.sheet') && !document.querySelector('#menu') || null",
    )
    .await;
    browser.close().await;
}
