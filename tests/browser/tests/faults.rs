//! Breaking things as a visitor does: by mouse, by keyboard alone, by touch; what is active is listed and can be ended, and
//! the terminal shows the line of everything that was done.

use fantoccini::key::Key;
use serde_json::{Value, json};
use std::time::Duration;
use vitrine_browser_tests::browser::{Bench, Options};
use vitrine_browser_tests::page::Page;

fn by_id(id: &str) -> String {
    format!("document.getElementById({})", json!(id))
}

/// The disc of a node; beside it are its labels.
fn disc(node: &str) -> String {
    format!("document.querySelector('#node-{node} .body')")
}

/// The entry of an open menu with this name.
fn entry(menu: &str, name: &str) -> String {
    format!(
        "[...document.querySelectorAll('#{menu} .mi')].find(e => e.querySelector('span')?.textContent === {})",
        json!(name)
    )
}

async fn click(page: &Page, element: &str, button: &str) {
    let at = page.middle(&format!("{element} can be clicked"), element).await;
    page.mouse("mouseMoved", at, json!({ "button": "none", "clickCount": 1 })).await;
    page.mouse("mousePressed", at, json!({ "button": button, "clickCount": 1 })).await;
    page.mouse("mouseReleased", at, json!({ "button": button, "clickCount": 1 })).await;
}

async fn faults(page: &Page) -> Vec<String> {
    let faults = page.js("vitrine.cluster().then(c => c.faults.map(f => f.text))").await;
    let faults = faults.as_array().expect("a list of faults");
    faults.iter().map(|f| f.as_str().expect("words").to_owned()).collect()
}

async fn process(page: &Page, node: &str) -> Value {
    page.js(&format!("vitrine.node({}).then(n => n.process)", json!(node))).await
}

async fn until_faults(page: &Page, count: usize) -> Vec<String> {
    page.until(
        &format!("{count} faults are active"),
        &format!("vitrine.cluster().then(c => c.faults.length === {count} || null)"),
    )
    .await;
    faults(page).await
}

#[tokio::test]
async fn a_fault_of_each_family_is_done_by_mouse_listed_and_ended() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;

    // A process, by the menu of its node.
    click(page, &disc("A1"), "right").await;
    click(page, &entry("menu", "Pause"), "left").await;
    page.terminal_shows("pause A1").await;
    assert_eq!(until_faults(page, 1).await, ["A1 is stopped"]);
    assert_eq!(process(page, "A1").await, "paused");

    // It is listed, and ended there.
    let chip = page.text("#faults").await;
    assert!(chip.contains("A1 is stopped"), "{chip}");
    click(page, &by_id("faults"), "left").await;
    let listed = page.text("#fault-list").await;
    assert!(listed.contains("until it is ended") && listed.contains("end 1"), "{listed}");
    click(page, "document.querySelector('#fault-list li button')", "left").await;
    page.terminal_shows("end 1").await;
    until_faults(page, 0).await;
    assert_eq!(process(page, "A1").await, "up");

    // A disk, by the menu beside the menu.
    click(page, &disc("B1"), "right").await;
    click(page, &entry("menu", "Disk"), "left").await;
    click(page, &entry("menu-sub", "Slow disk"), "left").await;
    page.terminal_shows("disk-slow B1 10x").await;
    assert_eq!(until_faults(page, 1).await, ["B1's disk takes 10 times as long"]);

    // The network, armed on the palette: two nodes are the ends of a link.
    click(page, "document.querySelector('.palette [aria-label=\"Cut a link\"]')", "left").await;
    click(page, &disc("A1"), "left").await;
    click(page, &disc("C1"), "left").await;
    page.terminal_shows("cut A1 C1").await;
    let cuts = page.js("vitrine.cluster().then(c => c.cuts)").await;
    assert_eq!(cuts.as_array().map(Vec::len), Some(2), "{cuts}");

    // A clock, with another argument and an end; what does not fit is said before it is done.
    click(page, &disc("C1"), "right").await;
    click(page, &entry("menu", "Clock"), "left").await;
    click(page, &format!("{}.nextElementSibling", entry("menu-sub", "Jump")), "left").await;
    let field = page.find("#menu-f3").await;
    field.clear().await.expect("the field is emptied");
    field.send_keys("soon").await.expect("the field takes text");
    let why = page.text("#menu-why").await;
    assert!(why.contains("does not fit"), "{why}");
    field.clear().await.expect("the field is emptied");
    field.send_keys("-5s").await.expect("the field takes text");
    click(
        page,
        "[...document.querySelectorAll('#menu .seg button')].find(b => b.textContent === '10s')",
        "left",
    )
    .await;
    page.until(
        "the line that will run is shown",
        "document.getElementById('menu-line').textContent === 'clock-jump C1 -5s for 10s' || null",
    )
    .await;
    page.until("nothing is wrong any more", "document.getElementById('menu-why') === null || null").await;
    click(page, &by_id("menu-run"), "left").await;
    page.terminal_shows("clock-jump C1 -5s for 10s").await;
    let all = until_faults(page, 3).await;
    assert!(all.iter().any(|f| f == "C1's wall clock is 5 s behind"), "{all:?}");
    // Its end is counted down in virtual time, and comes. The list had closed when nothing was left to be ended.
    assert_eq!(page.js("document.getElementById('fault-list')").await, Value::Null);
    click(page, &by_id("faults"), "left").await;
    page.js("vitrine.run({ forUs: 4e6 })").await;
    page.until(
        "six seconds are left",
        "document.getElementById('fault-list')?.textContent.includes('ends in 6.0') || null",
    )
    .await;
    page.js("vitrine.run({ forUs: 7e6 })").await;
    until_faults(page, 2).await;

    // A link, by dragging from one end to the other; the list is out of the way again.
    click(page, &by_id("faults"), "left").await;
    let (from, to) = (page.middle("A1", &disc("A1")).await, page.middle("B1", &disc("B1")).await);
    page.mouse("mouseMoved", from, json!({ "button": "none", "clickCount": 1 })).await;
    page.mouse("mousePressed", from, json!({ "button": "left", "clickCount": 1 })).await;
    page.mouse("mouseMoved", to, json!({ "button": "left", "clickCount": 1 })).await;
    page.mouse("mouseReleased", to, json!({ "button": "left", "clickCount": 1 })).await;
    assert!(page.text("#menu .menu__h").await.contains("A1 – B1"));
    click(page, &entry("menu", "Hold and release"), "left").await;
    page.terminal_shows("hold A1 B1").await;
    until_faults(page, 3).await;

    click(page, &by_id("faults"), "left").await;
    click(page, &by_id("heal-all"), "left").await;
    page.terminal_shows("heal").await;
    until_faults(page, 0).await;
    browser.close().await;
}

#[tokio::test]
async fn a_node_is_killed_and_started_by_keyboard_alone() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let focused = "document.activeElement.querySelector('span')?.textContent ?? ''";
    page.js("(document.getElementById('node-A1').focus(), null)").await;
    page.key(Key::Enter).await;
    page.until("the menu has the focus", "document.activeElement.closest('#menu') !== null || null").await;
    for _ in 0..20 {
        if page.js(focused).await == "Kill process" {
            break;
        }
        page.key(Key::Down).await;
    }
    let shown = page.js("getComputedStyle(document.activeElement.querySelector('code')).display").await;
    assert_eq!(shown, "block", "the line is shown before it runs");
    page.key(Key::Enter).await;
    page.terminal_shows("kill A1").await;
    assert_eq!(process(page, "A1").await, "killed");
    // The focus is where it was: the menu opens again, and the same way leads to a submenu and back.
    page.until("the node has the focus", "document.activeElement.id === 'node-A1' || null").await;
    page.key(Key::Enter).await;
    page.until("the menu has the focus", "document.activeElement.closest('#menu') !== null || null").await;
    page.key(Key::End).await;
    for _ in 0..20 {
        if page.js(focused).await == "Compound" {
            break;
        }
        page.key(Key::Up).await;
    }
    page.key(Key::Right).await;
    page.until("the submenu has the focus", "document.activeElement.closest('#menu-sub') !== null || null")
        .await;
    page.key(Key::Left).await;
    page.until(
        "the focus is back",
        "document.activeElement.getAttribute('aria-haspopup') === 'menu' || null",
    )
    .await;
    page.key(Key::Escape).await;
    page.until("the menu is closed", "document.getElementById('menu') === null || null").await;
    // The list of faults: its button, and the one that ends the fault.
    page.js("(document.getElementById('faults').focus(), null)").await;
    page.key(Key::Enter).await;
    page.find("#fault-list").await;
    page.key(Key::Tab).await;
    page.key(Key::Enter).await;
    page.terminal_shows("end 1").await;
    assert_eq!(until_faults(page, 0).await.len(), 0);
    browser.close().await;
}

#[tokio::test]
async fn what_is_armed_and_where_a_menu_stands_are_the_same_by_mouse_and_by_keyboard() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    // The menu of a node that was opened on its name, where nothing can have the focus, gives the focus to the node.
    let name = "document.querySelector(\"[data-node='0'] > .name\")";
    click(page, name, "right").await;
    let focused = "document.activeElement.closest('#menu .mi') !== null || null";
    page.until("the menu has the focus", focused).await;
    page.key(Key::Escape).await;
    page.until("the node has the focus", "document.activeElement.id === 'node-A1' || null").await;

    // The menu of clients has to ask who they are first.
    page.line("workload app clients 2 rate 50").await;
    page.js("vitrine.run({ forUs: 2e6 })").await;
    let card = "document.querySelector('#client-app .client__box')";
    let at = page.middle("the card", card).await;
    click(page, card, "right").await;
    page.until("the menu has the focus", focused).await;
    let corner = page.js("(r => [r.x, r.y])(document.getElementById('menu').getBoundingClientRect())").await;
    let strayed = (corner[0].as_f64().unwrap_or(0.0) - at.0).hypot(corner[1].as_f64().unwrap_or(0.0) - at.1);
    assert!(strayed < 20.0, "the menu is at the pointer: {at:?}, {corner}");
    page.key(Key::Escape).await;
    page.line("workload app stop").await;

    // Every mark that stands on its way at the slowest speed is under way.
    page.js("vitrine.speed(0.001)").await;
    let marks = "document.querySelectorAll('.msg__at')";
    for _ in 0..40 {
        page.line("next message").await;
        if page.js(&format!("{marks}.length > 3")).await == true {
            break;
        }
    }
    let count = page.js(&format!("{marks}.length")).await.as_u64().expect("a number");
    assert!(count > 0);
    for i in 0..count {
        let menu = format!(
            "{marks}[{i}].dispatchEvent(new MouseEvent('contextmenu', {{ bubbles: true, cancelable: true }}))"
        );
        page.js(&menu).await;
        page.until("the menu has the focus", focused).await;
        let says = page.text("#menu").await;
        assert!(!says.contains("It has arrived"), "mark {i} of {count}: {says}");
        page.key(Key::Escape).await;
        page.until("the menu is closed", "document.getElementById('menu') === null || null").await;
    }

    // Enter does to a node what is armed.
    page.js("document.getElementById('node-B2').focus(), null").await;
    page.key_on("#node-B2", "w").await;
    page.key_on("#node-B2", "Enter").await;
    page.until(
        "B2 is behind the wall",
        "document.querySelector('.banner')?.textContent.includes('Behind the wall: B2') || null",
    )
    .await;
    assert!(page.js("document.getElementById('menu')").await.is_null());
    browser.close().await;
}

#[tokio::test]
async fn a_held_finger_opens_a_sheet_of_targets_that_it_can_hit() {
    let bench = Bench::new().await;
    let browser = bench.open_with(Options { size: (390, 844), ..Options::default() }).await;
    let page = &browser.page;
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
    page.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    page.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let (x, y) = page.middle("A1", &disc("A1")).await;
    let touch = |kind: &str, points: Value| json!({ "type": kind, "touchPoints": points });
    page.devtools("Input.dispatchTouchEvent", touch("touchStart", json!([{ "x": x, "y": y }]))).await;
    page.find("#menu").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    page.devtools("Input.dispatchTouchEvent", touch("touchEnd", json!([]))).await;
    let sheet = page
        .js("(() => { const r = document.getElementById('menu').getBoundingClientRect(); return [r.left, r.right, r.bottom]; })()")
        .await;
    assert_eq!(sheet, json!([0, 390, 844]), "a sheet at the bottom, as wide as the phone");
    let small = page
        .js("[...document.querySelectorAll('#menu button')].filter(b => b.getBoundingClientRect().height < 44).length")
        .await;
    assert_eq!(small, 0, "targets that a finger misses");
    let (x, y) = page.middle("Crash", &entry("menu", "Crash (power loss)")).await;
    page.devtools("Input.dispatchTouchEvent", touch("touchStart", json!([{ "x": x, "y": y }]))).await;
    page.devtools("Input.dispatchTouchEvent", touch("touchEnd", json!([]))).await;
    page.until("A1 lost power", "vitrine.node('A1').then(n => n.process === 'crashed' || null)").await;
    let wide = page.js("document.documentElement.scrollWidth").await;
    assert_eq!(wide, 390, "nothing scrolls sideways");
    browser.close().await;
}

#[tokio::test]
async fn a_message_under_way_is_chosen_from_a_list_and_lost() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let messages = "[...document.querySelectorAll('.palette .fam')].find(b => b.textContent === 'Messages')";
    let first = "[...document.querySelectorAll('#menu .mi')].find(e => e.textContent.includes('→'))";
    // A message crosses in less than a millisecond: on to the next one, until one is on its way where time stands.
    for _ in 0..20 {
        click(page, messages, "left").await;
        let listed =
            format!("document.querySelector('#menu .menu__p') !== null || {first} !== undefined || null");
        page.until("the list is there", &listed).await;
        if page.js(&format!("{first} !== undefined")).await == true {
            break;
        }
        click(page, &entry("menu", "Go on to the next message"), "left").await;
        page.terminal_shows("next message").await;
    }
    click(page, first, "left").await;
    click(page, &entry("menu", "Drop"), "left").await;
    page.terminal_shows("drop ").await;
    let refused = page.js("document.querySelectorAll('#term-out .err').length").await;
    assert_eq!(refused, 0, "{}", page.text("#term-out").await);
    browser.close().await;
}
