//! The terminal by keyboard, as a visitor uses it: completion, hints, history, many lines at once, commands that wait, and
//! `redis-cli --cluster`.

use fantoccini::key::Key;
use serde_json::json;
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// Types keys into the prompt, as they come.
async fn keys(page: &Page, text: &str) {
    let input = page.find("#term-input").await;
    input.click().await.expect("the prompt takes the focus");
    input.send_keys(text).await.expect("the prompt takes keys");
}

async fn press(page: &Page, key: Key) {
    keys(page, &char::from(key).to_string()).await;
}

async fn control(page: &Page, key: char) {
    keys(page, &format!("{}{key}{}", char::from(Key::Control), char::from(Key::Null))).await;
}

async fn tab(page: &Page, number: u16) {
    page.find(&format!("#term-tab-{number}")).await.click().await.expect("the tab opens");
}

async fn line_is(page: &Page, what: &str, line: &str) {
    let value = format!("document.getElementById('term-input').value === {} || null", json!(line));
    page.until(what, &value).await;
}

#[tokio::test]
async fn lines_are_completed_hinted_and_remembered() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.type_line("SET colour blue").await;
    page.terminal_shows("OK").await;

    // Completion by keyboard: the list is a listbox, the field its combobox.
    keys(page, "CLUSTER F").await;
    page.until(
        "the subcommands are offered",
        "document.querySelectorAll('#term-ac [role=option]').length > 1 || null",
    )
    .await;
    page.until(
        "the first is chosen, and the field says which",
        "document.getElementById(document.getElementById('term-input').getAttribute('aria-activedescendant'))\
         ?.getAttribute('aria-selected') === 'true' || null",
    )
    .await;
    press(page, Key::Down).await;
    press(page, Key::Up).await;
    press(page, Key::Tab).await;
    line_is(page, "Tab takes it", "CLUSTER FAILOVER ").await;
    page.until(
        "redis-cli's hint stands behind it",
        "document.getElementById('term-hint')?.textContent.includes('[FORCE|TAKEOVER]') || null",
    )
    .await;
    press(page, Key::Escape).await;
    page.until("Escape closes", "!document.querySelector('.ac') || null").await;
    control(page, 'u').await;
    line_is(page, "Ctrl-U empties the line", "").await;

    // Keys are those that are there.
    keys(page, "GET col").await;
    page.until(
        "the key is offered",
        "document.getElementById('term-ac')?.textContent.includes('colour') || null",
    )
    .await;
    press(page, Key::Tab).await;
    line_is(page, "the key is taken", "GET colour ").await;
    press(page, Key::Enter).await;
    page.terminal_shows("\"blue\"").await;

    // History, by arrows and by search, also after a reload.
    press(page, Key::Up).await;
    line_is(page, "the last line comes back", "GET colour ").await;
    control(page, 'u').await;
    page.kept().await;
    page.reload().await;
    page.ready().await;
    press(page, Key::Up).await;
    line_is(page, "the history outlives a reload", "GET colour ").await;
    control(page, 'u').await;
    control(page, 'r').await;
    keys(page, "SET").await;
    page.until(
        "the search shows what it found",
        "document.getElementById('term-hint')?.textContent.includes('SET colour blue') || null",
    )
    .await;
    press(page, Key::Tab).await;
    line_is(page, "Tab takes it into the line", "SET colour blue").await;
    control(page, 'u').await;

    // Behind the colon it is the language of scenarios.
    keys(page, ":cra").await;
    page.until(
        "its verbs are offered",
        "document.getElementById('term-ac')?.textContent.includes('crash') || null",
    )
    .await;
    control(page, 'u').await;
    keys(page, ":each> GE").await;
    page.until(
        "behind a name it is redis-cli's again",
        "document.getElementById('term-ac')?.textContent.includes('GETRANGE') || null",
    )
    .await;
    control(page, 'u').await;
    keys(page, ":speed ").await;
    page.until(
        "the syntax stands behind the line",
        "document.getElementById('term-hint')?.textContent.endsWith('FACTOR') || null",
    )
    .await;
    control(page, 'u').await;

    // Tab leaves an empty line only.
    keys(page, "NOTHING ").await;
    press(page, Key::Tab).await;
    keys(page, "x").await;
    line_is(page, "what is typed next goes on with the line", "NOTHING x").await;
    control(page, 'u').await;

    let paste = "const data = new DataTransfer(); data.setData('text', 'SET p1 1\\n:speed 2x\\nSET p2 2\\nGET p1');\
                 document.getElementById('term-input').dispatchEvent(\
                 new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))";
    page.js(&format!("(() => {{ {paste}; return true }})()")).await;
    line_is(page, "what follows the last line end stays in the line", "GET p1").await;
    press(page, Key::Enter).await;
    page.terminal_shows("\"1\"").await;
    page.until(
        "a line of the language waited for the reply above it",
        "/SET p1 1((?!: speed).)*OK.*: speed 2x.*SET p2 2.*OK/s.test(document.getElementById('term-out').textContent) || null",
    )
    .await;
    press(page, Key::Up).await;
    press(page, Key::Up).await;
    line_is(page, "what was pasted is remembered line by line", "SET p2 2").await;
    let console = page.console().await;
    assert!(console.is_empty(), "{console:#?}");
}

#[tokio::test]
async fn what_waits_waits_until_it_is_served_or_interrupted() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    // MULTI shows in the prompt and in the replies.
    tab(page, 1).await;
    page.type_line("MULTI").await;
    page.until(
        "the prompt says so",
        "document.querySelector('.term__i .pr').textContent.includes('(TX)') || null",
    )
    .await;
    page.type_line("PING").await;
    page.terminal_shows("QUEUED").await;
    page.type_line("EXEC").await;
    page.terminal_shows("1) PONG").await;

    page.type_line("SUBSCRIBE news").await;
    page.terminal_shows("Reading messages... (press Ctrl-C to quit)").await;
    tab(page, 2).await;
    page.type_line("PUBLISH news hello").await;
    tab(page, 1).await;
    page.terminal_shows("3) \"hello\"").await;
    control(page, 'c').await;
    page.type_line("PING").await;
    page.terminal_shows("PONG").await;

    // BLPOP on the owner of the list, served from the cluster's tab.
    let nodes = page.js("vitrine.nodes()").await;
    let names: Vec<String> = nodes
        .as_array()
        .expect("a list")
        .iter()
        .map(|n| n["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    let owner = names.iter().position(|n| n == "C1").expect("C1 is there");
    // `foo` is in slot 12182, the third master's.
    tab(page, owner as u16 + 1).await;
    page.type_line("BLPOP foo 0").await;
    page.until("it waits", "document.getElementById('term-input').placeholder.includes('waiting') || null")
        .await;
    tab(page, 0).await;
    page.type_line("RPUSH foo served").await;
    page.terminal_shows("(integer) 1").await;
    tab(page, owner as u16 + 1).await;
    page.terminal_shows("2) \"served\"").await;

    // MONITOR of all nodes in one order.
    tab(page, 0).await;
    page.type_line(":each> MONITOR").await;
    page.terminal_shows("C1> OK").await;
    page.command("cluster", &["SET", "foo", "seen"]).await.expect("it is served");
    page.terminal_shows("\"SET\" \"foo\" \"seen\"").await;
    control(page, 'c').await;
}

#[tokio::test]
async fn the_cluster_manager_checks_and_reshards_under_traffic() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.speed(10)").await;
    page.type_line("redis-cli --cluster check 10.0.0.1:7001").await;
    page.terminal_shows("[OK] All 16384 slots covered.").await;
    let id = |name: &'static str| async move {
        let id = page.command(name, &["CLUSTER", "MYID"]).await.expect("a node knows its id");
        id.as_str().expect("a text").to_owned()
    };
    let (from, to) = (id("A1").await, id("B1").await);
    tab(page, 1).await;
    page.type_line(&format!(
        "redis-cli --cluster reshard 10.0.0.1:7001 --cluster-from {from} --cluster-to {to} --cluster-slots 10 --cluster-yes"
    ))
    .await;
    for number in 0..30 {
        page.command("cluster", &["SET", &format!("key:{number}"), "x"])
            .await
            .expect("writes go on meanwhile");
    }
    page.terminal_shows("Moving slot 9 from 10.0.0.1:7001 to 10.0.0.2:7002:").await;
    page.until(
        "the slots have a new owner",
        "vitrine.command('A1', ['CLUSTER', 'NODES']).then(t => /connected 0-9 /.test(t) || null)",
    )
    .await;
    page.type_line("redis-cli --cluster reshard 10.0.0.1:7001").await;
    page.until(
        "a question is the prompt",
        "document.querySelector('.term__i .pr').textContent.startsWith('How many slots') || null",
    )
    .await;
    control(page, 'c').await;
    page.until(
        "Ctrl-C ends it",
        "document.querySelector('.term__i .pr').textContent.startsWith('10.0.0.1') || null",
    )
    .await;
}
