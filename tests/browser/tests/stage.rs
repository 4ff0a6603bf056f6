//! The stage as a picture: it is looked at from nearer and moved, and the words on it and beside it say what they mean.

use fantoccini::key::Key;
use serde_json::json;
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// Waits for a sentence that explains a word.
async fn says(page: &Page, text: &str) {
    let script = format!("document.getElementById('tip')?.textContent.includes({}) || null", json!(text));
    page.until(&format!("an explanation with {text}"), &script).await;
}

#[tokio::test]
async fn words_explain_themselves_under_the_pointer_the_focus_and_a_tap() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let legend = |word: &str| {
        format!("[...document.querySelectorAll('.legend span')].find(s => s.textContent === '{word}')")
    };
    page.mouse("mouseMoved", page.middle("the word in the legend", &legend("AUTH_REQUEST")).await, json!({}))
        .await;
    says(page, "asks the masters for their votes").await;
    let epoch = "[...document.querySelectorAll('.insp th')].find(t => t.textContent === 'Epoch')";
    page.mouse("mouseMoved", page.middle("the column", epoch).await, json!({})).await;
    says(page, "logical clock").await;
    // Whoever taps, taps the word; what can be pressed does what it does, and no more.
    page.js(&format!("{}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))", legend("PING"))).await;
    says(page, "whether it is there").await;
    page.press("#ledger-safe").await;
    page.until("nothing is explained", "!document.getElementById('tip') || null").await;
    // By keyboard, from tab to tab.
    page.js("document.getElementById('tray-0').focus()").await;
    page.key(Key::Right).await;
    says(page, "one failure would be enough").await;
    // All of them are a list in the help.
    let listed = "document.querySelectorAll('.terms dt').length";
    page.press("[aria-label^=Help]").await;
    page.until("the list of words", &format!("{listed} > 40 || null")).await;
    browser.close().await;
}

#[tokio::test]
async fn the_stage_is_looked_at_from_nearer_moved_and_seen_whole_again() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    let seen = "document.querySelector('.stage .scene').getAttribute('viewBox').split(' ').map(Number)";
    let width = async || page.js(&format!("{seen}[2]")).await.as_f64().expect("a width");
    let disc = "document.querySelector('#node-A1 .body')";
    assert_eq!(width().await, 800.0);
    let before = page.middle("A1", disc).await;
    for _ in 0..3 {
        page.mouse("mouseWheel", before, json!({ "deltaX": 0, "deltaY": -120 })).await;
    }
    page.until("nearer", &format!("{seen}[2] < 500 || null")).await;
    let after = page.middle("A1", disc).await;
    let strayed = (after.0 - before.0).hypot(after.1 - before.1);
    assert!(strayed < 3.0, "what is under the pointer stays there: {before:?}, {after:?}");
    // The drawing is dragged by what lies between the nodes.
    let free = (after.0 + 60.0, after.1 - 60.0);
    page.mouse("mouseMoved", free, json!({})).await;
    page.mouse("mousePressed", free, json!({ "button": "left", "buttons": 1, "clickCount": 1 })).await;
    page.mouse("mouseMoved", (free.0 - 80.0, free.1 + 40.0), json!({ "button": "left", "buttons": 1 })).await;
    page.mouse("mouseReleased", (free.0 - 80.0, free.1 + 40.0), json!({ "button": "left", "clickCount": 1 }))
        .await;
    let dragged = page.middle("A1", disc).await;
    assert!(
        (dragged.0 - after.0 + 80.0).abs() < 3.0 && (dragged.1 - after.1 - 40.0).abs() < 3.0,
        "{after:?}, {dragged:?}"
    );
    // By the slots in the middle as well, which is no click on them; and no text is selected.
    let dial = page.middle("the dial", "document.querySelector('.opens > :last-child text')").await;
    page.drag(dial, (dial.0 + 30.0, dial.1 + 10.0)).await;
    page.drag((dial.0 + 30.0, dial.1 + 10.0), dial).await;
    assert!(page.js("document.querySelector('.slots__win')").await.is_null());
    assert_eq!(page.js("getSelection().toString()").await, "");
    // Two fingers take it apart, and what lay in their middle stays there; they bring it back.
    let near = width().await;
    let was = page.middle("A1", disc).await;
    let pinch = async |ways: &[f64]| {
        for (i, apart) in ways.iter().enumerate() {
            let kind = if i == 0 { "touchStart" } else { "touchMove" };
            let finger = |id: u32, by: f64| json!({ "x": was.0 + by, "y": was.1 + 50.0, "id": id });
            let both = json!({ "type": kind, "touchPoints": [finger(0, -apart), finger(1, *apart)] });
            page.devtools("Input.dispatchTouchEvent", both).await;
        }
        page.devtools("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] })).await;
    };
    pinch(&[40.0, 45.0, 50.0, 60.0]).await;
    let pinched = width().await;
    assert!((near / pinched - 1.5).abs() < 0.05, "one and a half times as near: {near}, {pinched}");
    let now = page.middle("A1", disc).await;
    assert!((now.0 - was.0).abs() < 3.0 && (now.1 - was.1 + 25.0).abs() < 3.0, "{was:?}, {now:?}");
    pinch(&[60.0, 50.0, 40.0]).await;
    let back = page.middle("A1", disc).await;
    assert!((back.0 - was.0).hypot(back.1 - was.1) < 3.0, "{was:?}, {back:?}");
    // A node is pressed as before.
    page.press("#node-A1").await;
    page.until("A1 is inspected", "document.querySelector('.insp .glyph')?.textContent === 'A1' || null")
        .await;
    page.js("document.querySelector('.stage .scene').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))").await;
    page.until("all of it", &format!("{seen}[2] === 800 || null")).await;
    // The buttons do the same, on the heat map too.
    page.press("[aria-label=Nearer]").await;
    page.until("nearer by a button", &format!("{seen}[2] < 700 || null")).await;
    page.key_on("body", "h").await;
    page.until(
        "the heat map is near as well",
        &format!("document.querySelector('.heat') && {seen}[2] < 700 || null"),
    )
    .await;
    page.press("[aria-label='Further away']").await;
    page.until("all of the heat map", &format!("{seen}[2] === 800 || null")).await;
    assert_eq!(page.js("document.querySelector(\"[aria-label='Further away']\").disabled").await, true);
    browser.close().await;
}

/// As a hand does it: a line follows the pointer, and where the node is let go it stands. Its menu does the same.
#[tokio::test]
async fn a_node_is_dragged_through_a_wall() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    // Who is where is settled when it is raised: A1 is alone, or another master.
    page.line("partition minority").await;
    page.find("#wall").await;
    let alone = "vitrine.cluster().then(c => c.faults[0].sides.some(s => s.join() === 'A1') || null)";
    page.until("A1 is behind it", alone).await;
    page.js("vitrine.pause()").await;
    let disc = |name: &str| format!("document.querySelector('#node-{name} .body')");
    let (from, beside) = (page.middle("B2", &disc("B2")).await, page.middle("A1", &disc("A1")).await);
    let to = (beside.0, beside.1 + 120.0);
    let held = json!({ "button": "left", "buttons": 1, "clickCount": 1 });
    page.mouse("mouseMoved", from, json!({})).await;
    page.mouse("mousePressed", from, held.clone()).await;
    page.mouse("mouseMoved", ((from.0 + to.0) / 2.0, to.1), held.clone()).await;
    page.find(".pull").await;
    page.mouse("mouseMoved", to, held).await;
    page.mouse("mouseReleased", to, json!({ "button": "left", "clickCount": 1 })).await;
    let faults = "vitrine.cluster().then(c => c.faults.map(f => f.line))";
    let moved = format!(
        "{faults}.then(l => /^partition (B1 C1 A2 C2 [|] A1 B2|A1 B2 [|] B1 C1 A2 C2)$/.test(l.join()) || null)"
    );
    page.until("B2 is on the other side", &moved).await;
    page.until("the line is gone", "!document.querySelector('.pull') || null").await;
    // The last one behind it goes back: the wall has nobody to part any more.
    for name in ["A1", "B2"] {
        page.js(&format!("document.querySelector('#node-{name}').focus()")).await;
        page.key(Key::Enter).await;
        page.until("the entry", "[...document.querySelectorAll('#menu .mi')].some(e => e.textContent.includes('To the side of')) || null").await;
        page.js("[...document.querySelectorAll('#menu .mi')].find(e => e.textContent.includes('To the side of')).click()").await;
        page.until("the menu is closed", "!document.querySelector('#menu') || null").await;
    }
    page.until("no wall", &format!("{faults}.then(l => l.length === 0 || null)")).await;
    browser.close().await;
}

/// Packets of the election that is left behind are not packets of the moment that one goes back to.
#[tokio::test]
async fn the_stage_shows_no_packet_of_another_instant() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let begin = page.js("vitrine.time().then(t => t.nowUs)").await.as_u64().expect("an instant");
    page.line("crash A1").await;
    page.js("vitrine.run({ forUs: 4e6 })").await;
    page.js("vitrine.run()").await;
    page.until("the news of FAIL is drawn", "document.querySelector('.msg--fail') && true || null").await;
    page.line(&format!("goto {}us", begin + 1000)).await;
    page.until("the past", "document.querySelector('.tape--back') && true || null").await;
    let votes = "document.querySelectorAll('.msg--fail, .msg--auth-request, .msg--auth-ack').length";
    assert_eq!(page.js(votes).await, 0, "nothing has failed yet");
    page.js("vitrine.run({ forUs: 25e6 })").await;
    page.until("the replica is master", "vitrine.node('A2').then(n => n.role === 'master' || null)").await;
    page.until("the election is over", &format!("{votes} === 0 || null")).await;
    browser.close().await;
}

/// What is wrong stands where it is wrong: on the link, beside the node, on the ring.
#[tokio::test]
async fn a_slow_link_a_sick_node_and_a_slot_on_its_way_are_seen_on_the_stage() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let chips = "[...document.querySelectorAll('.slowed text')].map(t => t.textContent).join()";
    for (line, shown) in [
        ("latency A1 C1 40ms", "40ms"),
        ("loss C1 A1 20%", "40ms +1"),
        ("hold A1 B1", "40ms +1,hold"),
        ("cut A1 C1", "hold"),
        ("latency C1 B1 forward 2s", "hold,C1→B1 2s"),
    ] {
        page.line(line).await;
        page.until(line, &format!("{chips} === '{shown}' || null")).await;
    }
    page.press(".slowed").await;
    page.until("the menu of the link", "document.querySelector('#menu')?.textContent.includes('A1') || null")
        .await;
    page.key(Key::Escape).await;
    page.line("heal").await;
    page.until("nothing is wrong", &format!("{chips} === '' || null")).await;

    let label = |node: u8| format!("document.querySelector('.node[data-node=\"{node}\"] .lbl')?.textContent");
    page.line("disk-slow B1 10x").await;
    page.until("the fault of a node", &format!("{}?.includes('disk-slow 10x') || null", label(1))).await;
    page.line("clock-rate B1 2x").await;
    page.until("two of them", &format!("{}?.includes('disk-slow 10x +1') || null", label(1))).await;

    let way = "(document.querySelector('.moving title')?.textContent ?? '')";
    page.line("A1> CLUSTER SETSLOT 7 MIGRATING $id(B1)").await;
    page.until("the way of a slot", &format!("{way} === 'slots 7: A1 → B1' || null")).await;
    page.line("B1> CLUSTER SETSLOT 7 IMPORTING $id(A1)").await;
    page.line("A1> CLUSTER SETSLOT 8 MIGRATING $id(B1)").await;
    page.until("two of them are one way", &format!("{way} === 'slots 7–8: A1 → B1' || null")).await;
    page.line("each> CLUSTER SETSLOT 7 STABLE").await;
    page.line("each> CLUSTER SETSLOT 8 STABLE").await;
    page.until("none is on its way", &format!("{way} === '' || null")).await;
    browser.close().await;
}

#[tokio::test]
async fn who_has_voted_and_who_has_not_is_read_beside_the_masters() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    // Until the replicas have their masters' data: before, nobody may stand for election.
    page.js("vitrine.run({ forUs: 10e6 })").await;
    page.line("crash A1").await;
    let label =
        |node: u8| format!("document.querySelector('.node[data-node=\"{node}\"] .lbl')?.textContent ?? ''");
    let until = async |node: u8, what: &str| {
        page.until(what, &format!("({}).includes('{what}') || null", label(node))).await;
    };
    page.js("vitrine.line('next vote')").await;
    page.until("A2 asks", "vitrine.node('A2').then(n => n.candidate !== null || null)").await;
    until(3, "rank 0").await;
    until(1, "has not voted").await;
    until(2, "has not voted").await;
    page.js("vitrine.line('next vote')").await;
    let first = page
        .until(
            "one master has voted",
            &format!(
                "[1, 2].find(at => at === 1 ? ({}).includes('voted A2') : ({}).includes('voted A2')) ?? null",
                label(1),
                label(2)
            ),
        )
        .await;
    let spoken =
        format!("document.querySelector('.node[data-node=\"{first}\"] .node__b').getAttribute('aria-label')");
    assert!(page.js(&spoken).await.as_str().is_some_and(|text| text.contains("voted A2")));
    page.js("vitrine.run({ forUs: 1e6 })").await;
    page.until("nobody asks any more", &format!("!({}).includes('vote') || null", label(1))).await;
    browser.close().await;
}

/// By the mouse, by the keys, and remembered: the tape gets what the stage gives.
#[tokio::test]
async fn the_edge_of_the_dock_drags() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let height = async || {
        let tall = page.js("document.querySelector('.tape').getBoundingClientRect().height").await;
        tall.as_f64().expect("a height")
    };
    let usual = height().await;
    let edge = page.middle("the edge", "document.querySelector('#dock-edge')").await;
    page.drag(edge, (edge.0, edge.1 - 90.0)).await;
    assert!((height().await - usual - 90.0).abs() < 3.0, "{usual}, {}", height().await);
    page.reload().await;
    page.ready().await;
    assert!((height().await - usual - 90.0).abs() < 3.0, "it is remembered: {usual}, {}", height().await);
    page.js("document.querySelector('#dock-edge').focus()").await;
    for (key, least, most) in [(Key::Home, 119.0, 121.0), (Key::Up, 135.0, 137.0), (Key::End, 300.0, 600.0)] {
        page.key(key).await;
        let now = height().await;
        assert!((least..most).contains(&now), "{now}");
    }
    let room = page.js("document.querySelector('.stage').getBoundingClientRect().height > 100").await;
    assert_eq!(room, true, "half of the window is the most");
    page.js(
        "document.querySelector('#dock-edge').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))",
    )
    .await;
    assert!((height().await - usual).abs() < 1.0, "as usual again");
    browser.close().await;
}
