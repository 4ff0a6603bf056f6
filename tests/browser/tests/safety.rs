//! What a visitor's data and a stranger's page cannot do: keys and values are text and never markup, nothing is asked of another site,
//! the Content-Security-Policy stops what would be, and a value of 64 MB is a value.

use serde_json::{Value, json};
use vitrine_browser_tests::browser::Bench;
use vitrine_browser_tests::page::Page;

/// Names that would do something if one of them were ever taken for markup, a script, a selector, a format or an address.
const HOSTILE: [&str; 7] = [
    "<img src=x onerror=\"window.hacked=1\">",
    "\"><script>window.hacked=1</script>",
    "</svg></style><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "' onfocus='window.hacked=1' autofocus='",
    "{{constructor.constructor('window.hacked=1')()}}\u{202e}\u{0}\u{7}",
    "../../../etc/passwd\r\nSET hacked 1",
];

async fn unharmed(page: &Page, place: &str) {
    let harm = page
        .js("[window.hacked ?? null, document.querySelectorAll('img, iframe, object, embed, [onerror], [onload], [onfocus], \
             a[href^=\"javascript\"]').length, document.scripts.length, document.querySelectorAll('[autofocus]').length]")
        .await;
    assert_eq!(harm[0], Value::Null, "{place}: a script ran");
    assert_eq!((&harm[1], &harm[3]), (&json!(0), &json!(0)), "{place}: markup came of it");
}

#[tokio::test]
async fn hostile_names_and_values_are_text_wherever_they_are_shown() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let scripts = page.js("document.scripts.length").await;
    for name in HOSTILE {
        // All of them with one node, whose keys are browsed.
        let key = format!("{{t}}{name}");
        for words in [
            vec!["SET", &key, name],
            vec!["HSET", "{t}hash", name, name],
            vec!["RPUSH", "{t}list", name],
            vec!["PUBLISH", name, name],
            vec!["CLIENT", "SETNAME", "plain"],
        ] {
            page.command("cluster", &words).await.unwrap_or_else(|why| panic!("{words:?}: {why}"));
        }
        let refused = page.command("cluster", &[name]).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    let (owner, _) = page.owner("{t}").await;
    // The terminal: typed, echoed, answered.
    page.type_line(&format!("SET '{{t}}typed' \"{}\"", HOSTILE[0].replace('"', "\\\""))).await;
    page.type_line("GET {t}typed").await;
    page.terminal_shows("onerror").await;
    unharmed(page, "the terminal").await;
    // The inspector: the list of keys, then each value.
    page.press(&format!("[data-node=\"{owner}\"]")).await;
    page.click("#pane-tab-0").await;
    page.until("the keys are listed", "document.querySelectorAll('#keys tbody button').length > 8 || null")
        .await;
    let keys = page.js("document.querySelectorAll('#keys tbody button').length").await.as_u64().unwrap_or(0);
    for key in 0..keys {
        page.js(&format!("document.querySelectorAll('#keys tbody button')[{key}]?.click()")).await;
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        unharmed(page, "the inspector").await;
    }
    assert!(page.text("#pane").await.contains("onerror"));
    // The ledger's list, a scenario with them in it, and the whole of it as a link in a fresh page.
    page.click("#ledger-safe").await;
    page.until(
        "the writes are listed",
        "document.querySelector('#writes')?.textContent.includes('onerror') || null",
    )
    .await;
    unharmed(page, "the ledger").await;
    let text = page.js("vitrine.scenario()").await;
    assert!(text.as_str().is_some_and(|text| text.contains("onerror")), "{text}");
    page.click("#share").await;
    unharmed(page, "the sheet that shares").await;
    let link = page.js("vitrine.scenario(true)").await;
    page.goto(&format!("{}{}", bench.url(), link.as_str().expect("a link"))).await;
    page.reload().await;
    page.find("#opened-play").await;
    unharmed(page, "a link").await;
    assert_eq!(page.js("document.scripts.length").await, scripts);
    browser.close().await;
}

#[tokio::test]
async fn nothing_is_asked_of_another_site_and_the_policy_would_stop_it() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let policy = page.js("document.querySelector('meta[http-equiv=Content-Security-Policy]').content").await;
    let policy = policy.as_str().expect("a policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains("http"),
        "{policy}"
    );
    let others = page
        .js("performance.getEntriesByType('resource').map(e => e.name).filter(u => !u.startsWith(location.origin) && !u.startsWith('data:'))")
        .await;
    assert_eq!(others, json!([]));
    // What an attacker would try, were there a way in.
    let stopped = page
        .js("(async () => { \
                 const seen = []; \
                 document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective)); \
                 const script = document.createElement('script'); script.textContent = 'window.hacked = 1'; document.body.append(script); \
                 const image = new Image(); image.src = 'http://example.org/x.png'; \
                 document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\" onclick=\"window.hacked = 1\">x</p>'); \
                 document.body.lastElementChild.click(); document.body.lastElementChild.remove(); script.remove(); \
                 let asked = true; try { await fetch('http://example.org/'); } catch { asked = false; } \
                 let run = true; await new Promise(r => setTimeout(() => { try { (0, eval)('1'); } catch { run = false; } r(); })); \
                 await new Promise(r => setTimeout(r, 200)); \
                 return [window.hacked ?? null, asked, run, [...new Set(seen)].sort()]; })()")
        .await;
    let wanted = json!([
        null,
        false,
        false,
        ["connect-src", "img-src", "script-src", "script-src-attr", "script-src-elem", "style-src-attr"]
    ]);
    assert_eq!(stopped, wanted);
    // The browser said so on the console; that was on purpose.
    assert!(!page.console().await.is_empty());
    browser.close().await;
}

#[tokio::test]
async fn a_value_of_64_megabytes_does_no_harm() {
    let bench = Bench::new().await;
    let browser = bench.open().await;
    let page = &browser.page;
    page.ready().await;
    let len = 64 << 20;
    let set = page.js(&format!("vitrine.command('cluster', ['SET', 'big', 'x'.repeat({len})])")).await;
    assert_eq!(set, "OK");
    assert_eq!(page.command("cluster", &["STRLEN", "big"]).await, Ok(json!(len)));
    let got =
        page.js("vitrine.command('cluster', ['GET', 'big']).then(v => [v.length, /^x*$/.test(v)])").await;
    assert_eq!(got, json!([len, true]));
    // Looked at, it is shown in part.
    let owner = page.js("vitrine.nodes().then(n => n.findIndex(n => n.master && n.keys === 1))").await;
    page.press(&format!("[data-node=\"{owner}\"]")).await;
    page.click("#pane-tab-0").await;
    page.until(
        "the key is listed",
        "document.querySelector('#keys tbody button')?.textContent.includes('big') || null",
    )
    .await;
    page.js("document.querySelector('#keys tbody button').click()").await;
    page.until("its value is shown", "document.querySelector('#pane').textContent.includes('xxxx') || null")
        .await;
    let shown =
        page.js("document.querySelector('#pane').textContent.length").await.as_u64().expect("a number");
    assert!(shown < 100_000, "{shown} characters of it are on the page");
    assert_eq!(page.js("!!document.querySelector('.banner[role=alert]')").await, false, "the engine answers");
    // It is on the replica, and outlives its master's power.
    let master = page.js(&format!("vitrine.nodes().then(n => n[{owner}].name)")).await;
    page.line("expect whole within 30s").await;
    page.line(&format!("crash {}", master.as_str().expect("a name"))).await;
    page.js("vitrine.run({ forUs: 15e6 }).then(() => vitrine.run())").await;
    assert_eq!(page.command("cluster", &["STRLEN", "big"]).await, Ok(json!(len)));
    browser.close().await;
}
