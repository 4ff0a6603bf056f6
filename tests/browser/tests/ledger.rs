//! The ledger's bar and tray, workloads, other worlds, and runs that are given away: what the visitor sees, and what the engine says.

use fantoccini::Locator;
use serde_json::json;
use vitrine_browser_tests::browser::Bench;

#[tokio::test]
async fn a_wall_around_a_master_loses_writes_and_the_ledger_says_which_and_why() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    assert!(page.text("#ledger-cause").await.contains("No write yet"));
    // All keys are A1's: a client that waits for the other side writes nothing, and soon all four would.
    page.line("workload app seeds A1 clients 4 rate 50 reads 0% hot-slot 0 100%").await;
    page.line("partition A1 app | B1 C1 A2 B2 C2").await;
    page.until("writes are at risk", "vitrine.ledger().then(l => l.atRisk > 0 || null)").await;
    page.click("#ledger-at-risk").await;
    let row = "document.querySelector('#writes tbody tr')?.textContent";
    let seen = page.until("the list has them", &format!("{row} || null")).await;
    assert!(seen.as_str().is_some_and(|text| text.contains("app") && text.contains("A1: memory")), "{seen}");
    page.until("A1 is lit", "!!document.querySelector('#node-A1 .target') || null").await;
    page.js("vitrine.speed(20)").await;
    page.until("A2 is elected", "vitrine.node('A2').then(n => n.master || null)").await;
    page.line("heal").await;
    page.until("writes are lost", "vitrine.ledger().then(l => l.lost > 0 || null)").await;
    page.js("vitrine.pause()").await;
    page.click("#ledger-lost").await;
    let said = page.js("vitrine.ledger('lost')").await;
    let cause = said[0][6].as_str().expect("a cause").to_owned();
    page.until("the list names the cause", &format!("{row}?.includes({}) || null", json!(cause))).await;
    let lost = page.js("vitrine.ledger()").await["lost"].as_u64().expect("a count");
    let bar = format!("document.querySelector('#ledger-lost b').textContent === '{lost}' || null");
    page.until("the bar counts what the engine counts", &bar).await;
    assert!(page.text("#ledger-cause").await.contains("lost"));
    browser.close().await;
}

#[tokio::test]
async fn a_workload_of_the_panel_runs_as_the_line_that_it_shows_and_is_charted() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.click("#open-workloads").await;
    assert_eq!(page.text("#workload-line").await, ":workload load rate 1000 reads 0%");
    page.fill("#workload-f2", "200").await;
    assert_eq!(page.text("#workload-line").await, ":workload load rate 200 reads 0%");
    page.click("#workload-start").await;
    page.terminal_shows("workload load rate 200 reads 0%").await;
    let cell = "document.querySelector('#workloads tbody tr td:nth-child(3)')?.textContent";
    page.until("operations a second in the panel", &format!("Number({cell}) > 100 || null")).await;
    page.js("vitrine.run({ forUs: 6e6 }).then(() => vitrine.run())").await;
    page.click("#tray-3").await;
    page.until(
        "the chart has a line of them",
        "[...document.querySelectorAll('.chart')].find(c => c.textContent.includes('Operations a second'))\
         ?.querySelector('polyline')?.getAttribute('points').split(' ').length > 4 || null",
    )
    .await;
    page.click("#tray-4").await;
    page.click("#workloads [aria-label='Stop load']").await;
    page.until(
        "it has stopped",
        "document.querySelector('#workloads tbody').textContent.includes('stopped') || null",
    )
    .await;
    browser.close().await;
}

#[tokio::test]
async fn seeds_are_edited_while_a_node_does_not_answer() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.js("vitrine.pause()").await;
    page.click("#open-workloads").await;
    page.fill("#workload-f1", "A1 B1").await;
    page.fill("#workload-f2", "300").await;
    page.click("#workload-start").await;
    page.until("it runs", "document.querySelector('#workloads')?.textContent.includes('running') || null")
        .await;
    page.js("vitrine.run({ forUs: 2e6 })").await;
    page.line("pause A1").await;
    page.js("vitrine.run({ forUs: 5e5 })").await;
    page.fill("#workload-f1", "B1 C1").await;
    page.click("#workload-start").await;
    let row = "document.querySelector('#workloads tbody tr')?.textContent";
    page.until(
        "it goes on with its other seeds",
        &format!("(t => t.includes('running') && t.includes('seeds B1 C1') || null)({row})"),
    )
    .await;
    browser.close().await;
}

#[tokio::test]
async fn a_field_says_what_is_wrong_with_it_and_the_form_holds_every_word_of_a_line() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.click("#open-workloads").await;
    let wrong = |text: &str| {
        format!("document.querySelector('.wl__f .al')?.textContent.includes({}) || null", json!(text))
    };
    page.fill("#workload-f2", "abc").await;
    page.until("the rate is refused", &wrong("a whole number")).await;
    page.click("#workload-start").await;
    page.until("it has the focus", "document.activeElement.id === 'workload-f2' || null").await;
    assert_eq!(page.js("document.activeElement.getAttribute('aria-invalid')").await, "true");
    page.fill("#workload-f2", "200").await;
    page.fill("#workload-f1", "a1").await;
    page.until("the node is known", &wrong("did you mean `A1`?")).await;
    page.fill("#workload-f1", "A1").await;
    page.fill("#workload-f17", "my load").await;
    page.click("#workload-start").await;
    let row = "document.querySelector('#workloads tbody tr td')?.textContent";
    page.until("a name with a blank is one", &format!("{row} === 'my load' || null")).await;
    page.press("#workloads [aria-label='Stop my load']").await;
    // A list shows what the line says: of a preset, and of a line that nobody could choose.
    let keys = "document.querySelector('#workload-f4')";
    page.js(&format!(
        "({keys}.value = 'sequential', {keys}.dispatchEvent(new Event('change', {{ bubbles: true }})))"
    ))
    .await;
    page.press(".wl__p button:nth-child(3)").await;
    page.until("the preset is shown", &format!("{keys}.value === 'hot-slot 866 90%' || null")).await;
    let typed = "clients 3 think 5ms prefix user: zipf 1.3 wait 1 within 50ms";
    page.line(&format!("workload typed {typed}")).await;
    page.press("#workloads [aria-label='Edit typed']").await;
    page.until(
        "its keys are shown",
        &format!("{keys}.selectedOptions[0]?.textContent === 'zipf 1.3' || null"),
    )
    .await;
    let line = page.text("#workload-line").await;
    for word in typed.split(' ') {
        assert!(line.split(' ').any(|other| other == word), "{line} has no {word}");
    }
    browser.close().await;
}

#[tokio::test]
async fn a_field_of_free_play_changes_its_own_word_of_the_text() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.click("#picker").await;
    let text = "document.querySelector('#scenario-text').value";
    page.press(".topo__p button:nth-child(4)").await;
    page.until(
        "the preset fills the fields",
        "document.querySelector('.topo .wl__f input').value === '15' || null",
    )
    .await;
    page.fill(".topo__c textarea", "maxmemory 100mb").await;
    page.press(".topo__c button").await;
    page.until("the line is in the text", &format!("{text}.includes('maxmemory 100mb') || null")).await;
    page.fill(".topo .wl__f label:nth-child(3) input", "9s").await;
    page.fill(".topo .wl__f label:nth-child(4) input", "7").await;
    assert_eq!(
        page.js(text).await,
        "vitrine 1\nseed 7\ncluster shards 15 replicas 1 timeout 9s\nconf all add <<END\nmaxmemory 100mb\nEND\n"
    );
    page.press(".topo__p button:nth-child(8)").await;
    page.until(
        "nodes by name have no number of masters",
        "document.querySelector('.topo .wl__f input').disabled || null",
    )
    .await;
    page.fill(".topo .wl__f label:nth-child(4) input", "8").await;
    let said = page.js(text).await;
    assert!(
        said.as_str().is_some_and(|t| t.contains("seed 8\n") && t.contains("requirepass abc123")),
        "{said}"
    );
    browser.close().await;
}

#[tokio::test]
async fn a_master_and_a_replica_with_a_password_are_begun_with_and_survive_a_reload() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.click("#picker").await;
    let presets = page.client().find_all(Locator::Css(".topo__p button")).await.expect("presets");
    for preset in presets {
        if preset.text().await.is_ok_and(|text| text.starts_with("Master and replica")) {
            preset.click().await.expect("the preset can be pressed");
        }
    }
    let text = page.js("document.querySelector('#scenario-text').value").await;
    assert!(text.as_str().is_some_and(|text| text.contains("requirepass abc123")), "{text}");
    page.click("#scenario-begin").await;
    let follows = "vitrine.nodes().then(n => n.length === 2 && n[1].name === 'redisslave1' && n[1].role === 'replica' \
                   && n[1].replicaOf === 'redismaster' && n[1].link === 'online' || null)";
    page.until("the replica follows", follows).await;
    let refused = page.command("redismaster", &["SET", "color", "blue"]).await;
    assert!(refused.as_ref().is_err_and(|why| why.contains("NOAUTH")), "{refused:?}");
    assert_eq!(page.command("redismaster", &["AUTH", "abc123"]).await, Ok(json!("OK")));
    assert_eq!(page.command("redismaster", &["SET", "color", "blue"]).await, Ok(json!("OK")));
    page.until("the ledger calls it safe", "vitrine.ledger().then(l => l.safe === 1 || null)").await;
    page.kept().await;
    let now = page.js("vitrine.time()").await["nowUs"].as_u64().expect("an instant");
    page.until("this is kept", &format!("vitrine.time().then(t => t.nowUs > {now} + 3e6 || null)")).await;
    page.reload().await;
    page.until("the replica follows again", follows).await;
    assert_eq!(page.command("redisslave1", &["AUTH", "abc123"]).await, Ok(json!("OK")));
    assert_eq!(page.command("redisslave1", &["GET", "color"]).await, Ok(json!("blue")));
    browser.close().await;
}

#[tokio::test]
async fn a_shared_link_gives_the_same_run_in_a_fresh_browser() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.type_line("SET color blue").await;
    page.terminal_shows("OK").await;
    page.line("crash A1 for 4s").await;
    page.js("vitrine.run({ forUs: 8e6 })").await;
    let hash = page.js("vitrine.traceHash()").await;
    page.click("#share").await;
    page.find("#share-link").await;
    let link = page.js("document.querySelector('#share-link').value").await;
    let link = link.as_str().expect("a link").to_owned();
    assert!(link.starts_with(bench.url()) && link.contains("#s="), "{link}");
    let text = page.js("vitrine.scenario()").await;
    assert!(text.as_str().is_some_and(|text| text.contains("crash A1 for 4s")), "{text}");
    browser.close().await;

    // Another visitor, who has nothing of it.
    let other = Bench::new().await;
    let browser = other.open().await;
    let page = &browser.page;
    page.ready().await;
    assert_eq!(page.command("cluster", &["SET", "mine", "1"]).await, Ok(json!("OK")));
    page.kept().await;
    let link = link.replace(bench.url(), other.url());
    page.goto("about:blank").await;
    page.goto(&link).await;
    let banner = page.text("#opened span").await;
    assert!(banner.starts_with("From a link: seed "), "{banner}");
    let time = page.js("vitrine.time()").await;
    assert_eq!(
        (time["steps"].as_u64(), time["playing"].as_bool()),
        (Some(0), Some(false)),
        "nothing runs yet"
    );
    page.click("#opened-play").await;
    page.js("vitrine.speed(100)").await;
    page.terminal_shows("The scenario is over. 1").await;
    assert_eq!(page.js("vitrine.traceHash()").await, hash);
    assert_eq!(page.js("location.hash").await, json!(""), "the address forgets what has begun");

    // Links that are none say so, and the cluster that is kept is there.
    page.goto("about:blank").await;
    page.goto(&format!("{}#s=AQIDBA", other.url())).await;
    page.ready().await;
    let said = page.text(".banner").await;
    assert!(said.contains("cut short or was changed"), "{said}");
    browser.close().await;
}

#[tokio::test]
async fn a_scenario_with_a_mistake_is_refused_with_its_place() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.click("#picker").await;
    page.fill("#scenario-text", "vitrine 1\nnodes A1\nkill A9\n").await;
    page.click("#scenario-begin").await;
    let said = page.text("#scenario-wrong").await;
    assert!(said.contains("line 3, column 6: there is no node `A9`"), "{said}");
    let nodes = page.js("vitrine.nodes()").await;
    assert_eq!(nodes.as_array().map(Vec::len), Some(6), "the world that was there stays");
    browser.close().await;
}

/// Outside of a cluster as well: the preset's password is in the form, and its clients write to the master.
#[tokio::test]
async fn a_master_and_its_replica_take_a_load_behind_their_password() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    page.press("#picker").await;
    page.find("#scenario-begin").await;
    page.js("[...document.querySelectorAll('.topo__p button')].find(b => b.textContent.includes('Master and replica')).click()").await;
    page.press("#scenario-begin").await;
    page.until("the nodes", "vitrine.nodes().then(n => n.length === 2 && n[1].link === 'online' || null)")
        .await;
    page.press("#open-workloads").await;
    page.until("the line", "/password/.test(document.querySelector('#workload-line')?.textContent) || null")
        .await;
    page.press("#workload-start").await;
    page.until("writes are safe", "vitrine.ledger().then(l => l.safe > 50 || null)").await;
    let errors = page.js("document.querySelector('#workloads tbody td:nth-child(8)').textContent").await;
    assert_eq!(errors, "");
    // Its lane is a replica's, and nothing speaks of what there is not.
    let said = page.js("document.querySelector('.stage').textContent").await;
    let said = said.as_str().expect("words");
    assert!(!said.contains(" · e0") && !said.contains("shard"), "{said}");
    assert!(page.js("!!document.querySelector('.sg-replica')").await.as_bool() == Some(true));
    browser.close().await;
}
