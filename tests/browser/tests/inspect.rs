//! The inspector and the slot map, as a visitor uses them: what the page shows is held against what the engine says.

use serde_json::{Value, json};
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

async fn run(page: &Page, node: &str, line: &str) -> Value {
    page.js(&format!("vitrine.command({}, {})", json!(node), json!(line))).await
}

/// Waits until the inspector shows a text.
async fn pane_shows(page: &Page, text: &str) {
    let script = format!("document.getElementById('pane').textContent.includes({}) || null", json!(text));
    page.until(&format!("the pane shows {text}"), &script).await;
}

/// Selects the master that holds a key; gives its name.
async fn select_owner(page: &Page, key: &str) -> String {
    let (node, name) = page.owner(key).await;
    page.press(&format!("[data-node=\"{node}\"]")).await;
    name
}

#[tokio::test]
async fn keys_of_each_type_are_shown_and_changed() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let hostile = "{t}<img src=x onerror=window.pwned=1>";
    for words in [
        ["SET", "{t}string", "plain"].as_slice(),
        &["SET", hostile, "1"],
        &["RPUSH", "{t}list", "one", "two"],
        &["HSET", "{t}hash", "field", "value"],
        &["SADD", "{t}set", "member"],
        &["ZADD", "{t}zset", "1.5", "member"],
    ] {
        page.command("cluster", words).await.expect("a write");
    }
    let node = select_owner(page, "{t}").await;
    page.press("#pane-tab-0").await;
    for (key, shown) in [
        ("hash", "\"field\"\"value\""),
        ("list", "0\"one\"1\"two\""),
        ("set", "\"member\""),
        ("zset", "\"member\"1.5"),
    ] {
        pane_shows(page, &format!("{{t}}{key}")).await;
        let open = format!(
            "[...document.querySelectorAll('#keys button')].find(b => b.textContent === '{{t}}{key}')?.click(), null"
        );
        page.js(&open).await;
        let rows =
            format!("document.querySelector('.keys--value tbody')?.textContent === {} || null", json!(shown));
        page.until(&format!("the value of {key}"), &rows).await;
    }
    // A hostile name is text.
    let shown = format!(
        "[...document.querySelectorAll('#keys button')].some(b => b.textContent === {})",
        json!(format!("\"{hostile}\""))
    );
    assert_eq!(page.js(&shown).await, true);
    assert_eq!(
        page.js("[document.querySelectorAll('#pane img').length, window.pwned ?? null]").await,
        json!([0, null])
    );
    // A change is a command, shown before it runs and in the terminal when it has run.
    page.js("[...document.querySelectorAll('#keys button')].find(b => b.textContent === '{t}string').click(), null").await;
    pane_shows(page, "type").await;
    page.until(
        "the value",
        "document.querySelector('.keys--value tbody')?.textContent === '\"plain\"' || null",
    )
    .await;
    page.fill("#edit-a", "it's \"new\"").await;
    let line = format!("{node}> SET \"{{t}}string\" \"it's \\\"new\\\"\" KEEPTTL");
    pane_shows(page, &line).await;
    page.press(".val .runline button").await;
    page.terminal_shows(&line).await;
    page.until(
        "the new value is there",
        "vitrine.command('cluster', 'GET {t}string').then(v => v === 'it\\'s \"new\"' || null)",
    )
    .await;
    page.until(
        "and shown",
        "document.querySelector('.keys--value tbody').textContent.includes('new') || null",
    )
    .await;
    // While time is held there is no reply, and the pane says so until it comes.
    page.js("vitrine.pause()").await;
    page.fill("#edit-a", "later").await;
    pane_shows(page, "KEEPTTL").await;
    page.press(".val .runline button").await;
    pane_shows(page, "Time is held").await;
    page.js("vitrine.run()").await;
    page.until(
        "the reply has come",
        "!document.getElementById('pane').textContent.includes('Time is held') || null",
    )
    .await;
    assert_eq!(run(page, "cluster", "GET {t}string").await, "later");
    browser.close().await;
}

#[tokio::test]
async fn looking_at_every_pane_of_every_node_leaves_no_trace() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    run(page, "cluster", "SET a 1").await;
    page.js("vitrine.pause()").await;
    let before = page.js("vitrine.traceHash()").await;
    for node in 0..6 {
        page.press(&format!("[data-node=\"{node}\"]")).await;
        for pane in 0..8 {
            page.press(&format!("#pane-tab-{pane}")).await;
            page.until(
                "the pane is filled",
                "(p => p.children.length > 0 && !p.textContent.includes('Looking')) (document.getElementById('pane')) || null",
            )
            .await;
        }
    }
    page.press("[aria-label=\"Back to the cluster\"]").await;
    page.press(".opens").await;
    page.find(".slots__win #slot-map").await;
    assert_eq!(page.js("vitrine.traceHash()").await, before);
    browser.close().await;
}

#[tokio::test]
async fn what_is_done_while_time_is_held_is_shown() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    page.press("[data-node=\"0\"]").await;
    page.press("#pane-tab-4").await;
    page.find("#pane .conf").await;
    // This panel looks on one beat of four while time goes on.
    for changed in 1..=5 {
        let line = format!("write-conf A1 \"port 7001\\n# {changed} times\\n\"");
        page.js(&format!("vitrine.line({})", json!(line))).await;
        let shown =
            format!("document.querySelector('#pane .conf').value.includes('# {changed} times') || null");
        page.until(&format!("redis.conf changed {changed} times"), &shown).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn cutting_the_power_at_the_pin_keeps_exactly_the_commands_before_it() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let node = select_owner(page, "{t}").await;
    page.press("#pane-tab-3").await;
    // At this speed the next fsync of `everysec` is far away.
    let mut written = 0;
    page.js("vitrine.speed(0.05)").await;
    for _ in 0..4 {
        for _ in 0..6 {
            written += 1;
            run(page, &node, &format!("RPUSH {{t}}list {written}")).await;
        }
        page.js("vitrine.pause()").await;
        pane_shows(page, &format!("RPUSH {{t}}list {written}")).await;
        let open = "(l => Number(l.ariaValueMax ?? l.getAttribute('aria-valuemax')) - Number(l.getAttribute('aria-valuemin')))(document.getElementById('lens'))";
        if page.js(open).await.as_f64() > Some(150.0) {
            break;
        }
        page.js("vitrine.run()").await;
    }
    page.js("document.getElementById('lens').focus(), null").await;
    for key in ["End", "ArrowLeft", "ArrowLeft"] {
        page.key_on("#lens", key).await;
        page.js("new Promise(r => setTimeout(r, 100))").await;
    }
    let says = "(t => t.includes('2\\u00a0records after it would be lost') || null)(document.getElementById('cut-says').textContent)";
    page.until("the page says what the cut means", says).await;
    page.js("[...document.querySelectorAll('#pane button')].find(b => b.textContent === 'Cut the power here').click(), null").await;
    page.terminal_shows(&format!("crash {node} keeping appendonlydir/")).await;
    // Back before anybody is elected in its place.
    page.js(&format!("vitrine.line('start ' + {})", json!(node))).await;
    page.js("vitrine.speed(1), vitrine.run()").await;
    let kept = format!("vitrine.command({}, 'LLEN {{t}}list').catch(() => null)", json!(node));
    assert_eq!(page.until("the node is back", &kept).await, json!(written - 2));
    browser.close().await;
}

#[tokio::test]
async fn slots_move_under_traffic_and_no_key_is_lost() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let slot = run(page, "A1", "CLUSTER KEYSLOT {t}").await.as_u64().expect("a slot");
    let owner = select_owner(page, "{t}").await;
    page.press("[aria-label=\"Back to the cluster\"]").await;
    page.js(
        "(() => { window.acked = []; window.writing = true; \
         (async () => { for (let n = 0; window.writing; n++) { \
             await vitrine.command('cluster', ['SET', '{t}' + n, 'v' + n]); window.acked.push(n); } })(); })()",
    )
    .await;
    page.until("thirty writes are acknowledged", "window.acked.length >= 30 || null").await;
    page.press(".opens").await;
    let first = slot.min(16_374);
    page.fill(".slots__win #slot-ranges", &format!("{first}-{}", first + 9)).await;
    let target = if owner == "A1" { "B1" } else { "A1" };
    page.fill(".slots__win #slot-target", target).await;
    page.until("the button says so", &format!("document.querySelector('#slot-go')?.textContent.includes('10\\u00a0slots') && document.querySelector('#slot-go').textContent.endsWith('to {target}') || null")).await;
    page.press("#slot-go").await;
    page.until(
        "the slots moved",
        "document.getElementById('slot-said')?.textContent.includes('moved to') || null",
    )
    .await;
    page.js("window.writing = false, null").await;
    let port = page.js(&format!("vitrine.node('{target}').then(n => Number(n.addr.split(':')[1]))")).await;
    for name in ["A1", "B1", "C1", "A2", "B2", "C2"] {
        let owns = format!(
            "vitrine.command('{name}', 'CLUSTER SLOTS').then(all => all.some(s => s[0] <= {first} && {} <= s[1] && s[2][1] === {port}) || null)",
            first + 9
        );
        page.until(&format!("{name} knows the new owner"), &owns).await;
    }
    let acked = page.js("window.acked.slice()").await;
    let acked = acked.as_array().expect("a list");
    assert!(acked.len() >= 30);
    for n in acked {
        assert_eq!(run(page, "cluster", &format!("GET {{t}}{n}")).await, format!("v{n}"), "key {n}");
    }
    browser.close().await;
}

#[tokio::test]
async fn a_rectangle_is_selected_where_it_is_drawn() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.press(".opens").await;
    let map = page.until("the map", "(r => r && [r.x, r.y, r.width])(document.querySelector('.slots__win #slot-map')?.getBoundingClientRect()) ?? null").await;
    let number = |i: usize| map[i].as_f64().expect("a number");
    let at = |column: f64, row: f64| {
        (number(0) + (column + 0.5) * number(2) / 128.0, number(1) + (row + 0.5) * number(2) / 128.0)
    };
    let held = json!({ "button": "left", "buttons": 1, "clickCount": 1 });
    page.mouse("mousePressed", at(10.0, 40.0), held.clone()).await;
    page.until("one slot is selected", "document.getElementById('slot-ranges').value || null").await;
    for step in 1..=10 {
        let step = f64::from(step) * 2.0;
        page.mouse("mouseMoved", at(10.0 + step, 40.0 + step), held.clone()).await;
    }
    page.mouse("mouseReleased", at(30.0, 60.0), held).await;
    let drawn: Vec<String> = (40..=60).map(|row| format!("{}-{}", row * 128 + 10, row * 128 + 30)).collect();
    let shows =
        format!("document.getElementById('slot-ranges').value === {} || null", json!(drawn.join(", ")));
    page.until("the slots that were drawn are selected", &shows).await;
    let outline =
        "document.querySelector('.slots__win .slots__edge').getAttribute('d').split('M').length - 1";
    assert_eq!(page.js(outline).await, 4, "one outline around all rows");
    // What is no range is said to be none, and nothing of it moves.
    page.fill("#slot-ranges", "0-10,abc").await;
    page.until(
        "what is wrong",
        "document.getElementById('slot-wrong')?.textContent.startsWith('`abc` is no range') || null",
    )
    .await;
    assert_eq!(page.js("document.getElementById('slot-go').disabled").await, true);
    // What the target has already is not counted.
    page.fill("#slot-target", "A1").await;
    page.fill("#slot-ranges", "5455-5470").await;
    let counted = "document.getElementById('slot-go').textContent.startsWith('Move 10\\u00a0slots') && document.getElementById('slot-has').textContent || null";
    assert_eq!(page.until("ten are not A1's", counted).await, "6 of these slots A1 has already.");
    browser.close().await;
}

/// A key of the list is pressed.
async fn press_key(page: &Page, key: &str) {
    let press = format!(
        "(b => b && (b.click(), true))([...document.querySelectorAll('#keys button')].find(b => b.textContent === {})) || null",
        json!(key)
    );
    page.until(&format!("the list has {key}"), &press).await;
}

#[tokio::test]
async fn the_value_of_a_key_is_in_view_however_long_the_list_is() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    for n in 100..160 {
        page.command("cluster", &["SET", &format!("{{t}}{n}"), &format!("v{n}")]).await.expect("a write");
    }
    select_owner(page, "{t}").await;
    page.press("#pane-tab-0").await;
    let seen = "(() => { const of = e => e?.getBoundingClientRect(); const pane = of(document.getElementById('pane')); \
        const inside = r => r && r.top >= pane.top - 1 && r.bottom <= pane.bottom + 1; \
        return inside(of(document.querySelector('.keys--value tbody'))) || null; })()";
    for key in [101, 159] {
        press_key(page, &format!("{{t}}{key}")).await;
        let value =
            format!("document.querySelector('.keys--value tbody')?.textContent === '\"v{key}\"' || null");
        page.until("its value", &value).await;
        page.until("its value is in view", seen).await;
    }
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
    page.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    page.js("[...document.querySelectorAll('.mtabs button')].find(b => b.textContent === 'Inspect').click(), null").await;
    press_key(page, "{t}130").await;
    page.until(
        "its value",
        "document.querySelector('.keys--value tbody')?.textContent === '\"v130\"' || null",
    )
    .await;
    page.until("its value is in view on a phone", seen).await;
    browser.close().await;
}

#[tokio::test]
async fn an_edit_sets_what_was_meant_or_says_why_not() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    for words in [["SET", "{t}v", "precious"], ["SET", "{t}path", "C:/x"], ["SADD", "{t}empty", "x"]] {
        page.command("cluster", &words).await.expect("a write");
    }
    run(page, "cluster", "SET {t}bin \"\\x00a\"").await;
    run(page, "cluster", "ZADD {t}z 1 member").await;
    select_owner(page, "{t}").await;
    page.press("#pane-tab-0").await;
    let disabled = "document.querySelector('.val .runline button').disabled";
    // The value at hand is what Run would set, until something else is typed; nothing at all is not run.
    press_key(page, "{t}v").await;
    page.until(
        "the value is in the field",
        "document.getElementById('edit-a')?.value === 'precious' || null",
    )
    .await;
    page.fill("#edit-a", "").await;
    page.until("Run is off", disabled).await;
    page.fill("#edit-a", "\"\"").await;
    page.until("Run is on", &format!("!{disabled}")).await;
    page.press(".val .runline button").await;
    page.until("it is empty", "vitrine.command('cluster', 'GET {t}v').then(v => v === '' || null)").await;
    // Beside plain values a backslash is one, beside escapes it begins one.
    press_key(page, "{t}path").await;
    page.until("the field", "document.getElementById('edit-a')?.value === 'C:/x' || null").await;
    page.fill("#edit-a", "C:\\new\\x41").await;
    pane_shows(page, "Taken as it stands").await;
    page.press(".val .runline button").await;
    page.until(
        "the path",
        "vitrine.command('cluster', 'GET {t}path').then(v => v === 'C:\\\\new\\\\x41' || null)",
    )
    .await;
    press_key(page, "{t}bin").await;
    pane_shows(page, "Read as values are shown").await;
    page.fill("#edit-a", "\\x00\\xffZ").await;
    pane_shows(page, "\"\\x00\\xffZ\" KEEPTTL").await;
    page.press(".val .runline button").await;
    page.until("three bytes", "vitrine.command('cluster', 'STRLEN {t}bin').then(v => v === 3 || null)").await;
    // What the server refuses is said where it was asked for.
    press_key(page, "{t}z").await;
    page.until("two fields", "!!document.getElementById('edit-b') || null").await;
    page.fill("#edit-a", "notnum").await;
    page.fill("#edit-b", "a").await;
    page.press(".val .runline button").await;
    let refused = "document.querySelector('.refused')?.textContent.includes('not a valid float') || null";
    page.until("why", refused).await;
    page.fill("#edit-b", "2").await;
    page.until("another line is not refused yet", "!document.querySelector('.refused') || null").await;
    browser.close().await;
}
