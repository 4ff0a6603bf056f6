//! The page under test: its scripting surface `window.vitrine`, its terminal, what a visitor can read on it.

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long anything on the page may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An open page.
#[derive(Clone)]
pub struct Page {
    client: Client,
}

impl Page {
    /// A page in a browser session.
    pub fn new(client: Client) -> Page {
        Page { client }
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.expect("the page does not open");
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page does not load again");
    }

    /// Ends the session.
    pub async fn close(&self) {
        let _ = self.client.clone().close().await;
    }

    /// The session itself, for what this type has no word for.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs an asynchronous JavaScript expression; an exception or a rejected promise is an `Err` with its text.
    pub async fn try_js(&self, expression: &str) -> Result<Value, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1];\
             (async () => {{\
                 const until = Date.now() + 20000;\
                 while (!window.vitrine && Date.now() < until) await new Promise(r => setTimeout(r, 20));\
                 return await ({expression});\
             }})().then(value => done({{ ok: value === undefined ? null : value }}), why => done({{ error: String(why) }}));"
        );
        let run = self.client.execute_async(&script, Vec::new());
        let answer = timeout(PATIENCE, run)
            .await
            .map_err(|_| format!("no answer within {PATIENCE:?}: {expression}"))?
            .map_err(|error| format!("{expression}: {error}"))?;
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or("an error without text").to_owned()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// As [`Page::try_js`], for what must succeed.
    pub async fn js(&self, expression: &str) -> Value {
        match self.try_js(expression).await {
            Ok(value) => value,
            Err(error) => panic!("{expression}: {error}\nthe page's console: {:?}", self.console().await),
        }
    }

    /// A command on a node or on the `cluster`; an error reply is an `Err`.
    pub async fn command(&self, node: &str, words: &[&str]) -> Result<Value, String> {
        self.try_js(&format!("vitrine.command({}, {})", json!(node), json!(words))).await
    }

    /// Waits until the cluster serves all slots.
    pub async fn ready(&self) {
        self.js("vitrine.ready()").await;
    }

    /// Looks at the page until `script`, an expression, gives a true value; fails with what it gave last.
    pub async fn until(&self, what: &str, expression: &str) -> Value {
        let begin = Instant::now();
        loop {
            let seen = self.js(expression).await;
            let holds = match &seen {
                Value::Null => false,
                Value::Bool(holds) => *holds,
                Value::String(text) => !text.is_empty(),
                _ => true,
            };
            if holds {
                return seen;
            }
            assert!(begin.elapsed() < PATIENCE, "never came about: {what}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// An element that must be there.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css} is not on the page: {error}"))
    }

    /// The text of an element that must be there.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap_or_else(|error| panic!("{css} has no text: {error}"))
    }

    /// Presses an element that must be there, as a visitor does.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css} cannot be pressed: {error}"));
    }

    /// Presses an element that must be there, wherever it lies: a node of the drawing may stand under its label.
    pub async fn press(&self, css: &str) {
        self.find(css).await;
        let script = format!(
            "document.querySelector({}).dispatchEvent(new MouseEvent('click', {{ bubbles: true }})), null",
            json!(css)
        );
        self.js(&script).await;
    }

    /// A key goes down on an element that must be there; `:focus` is the one that has the focus.
    pub async fn key_on(&self, css: &str, key: &str) {
        self.find(css).await;
        let event = json!({ "key": key, "bubbles": true, "cancelable": true });
        let script = format!(
            "document.querySelector({}).dispatchEvent(new KeyboardEvent('keydown', {event})), null",
            json!(css)
        );
        self.js(&script).await;
    }

    /// The middle of an element that an expression gives, in pixels of the window, once it is there and has a size.
    pub async fn middle(&self, what: &str, element: &str) -> (f64, f64) {
        let expression = format!(
            "(() => {{ const e = {element}; if (!e) return null; e.scrollIntoView?.({{ block: 'nearest' }}); \
             const r = e.getBoundingClientRect(); return r.width > 0 ? [r.x + r.width / 2, r.y + r.height / 2] : null; }})()"
        );
        let at = self.until(what, &expression).await;
        (at[0].as_f64().expect("x"), at[1].as_f64().expect("y"))
    }

    /// Moves or presses the mouse at a place of the window: a kind of the developer tools' event, with more of its fields.
    pub async fn mouse(&self, kind: &str, (x, y): (f64, f64), more: Value) {
        let mut event = json!({ "type": kind, "x": x, "y": y, "button": "none" });
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        self.devtools("Input.dispatchMouseEvent", event).await;
    }

    /// Drags the mouse over the window with its left button, as a hand does: by what WebDriver does to the browser, not by events
    /// that a script makes up.
    pub async fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let step = |(x, y), ms| PointerAction::MoveTo { duration: Some(Duration::from_millis(ms)), x, y };
        let mouse = MouseActions::new("mouse".to_owned())
            .then(step(from, 0))
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Pause { duration: Duration::from_millis(100) })
            .then(step(to, 400))
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(mouse).await.expect("the mouse can be dragged");
    }

    /// Presses a key on what has the focus.
    pub async fn key(&self, key: Key) {
        let active = self.client.active_element().await.expect("something has the focus");
        active.send_keys(&char::from(key).to_string()).await.expect("a key can be pressed");
    }

    /// The master that holds a key: its number and its name.
    pub async fn owner(&self, key: &str) -> (u64, String) {
        let slot = self.js(&format!("vitrine.command('A1', ['CLUSTER', 'KEYSLOT', {}])", json!(key))).await;
        let script = format!(
            "vitrine.cluster().then(c => c.claims.find(k => k.accepted && k.start <= {slot} && {slot} <= k.end).node) \
             .then(i => vitrine.nodes().then(n => [i, n[i].name]))"
        );
        let found = self.js(&script).await;
        (found[0].as_u64().expect("a number"), found[1].as_str().expect("a name").to_owned())
    }

    /// Puts a text into a field in the place of what stands there, or chooses an option, as doing it and leaving the field does.
    pub async fn fill(&self, css: &str, text: &str) {
        self.find(css).await;
        let put = format!(
            "(() => {{ const field = document.querySelector({}); \
             Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value').set.call(field, {}); \
             for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, {{ bubbles: true }})); }})()",
            json!(css),
            json!(text)
        );
        self.js(&put).await;
    }

    /// Does a line of the language for scenarios.
    pub async fn line(&self, line: &str) {
        self.js(&format!("vitrine.line({})", json!(line))).await;
    }

    /// Types a line into the terminal and presses Enter.
    pub async fn type_line(&self, line: &str) {
        let input = self.find("#term-input").await;
        let typed: Result<(), CmdError> = async {
            input.click().await?;
            input.send_keys(line).await?;
            input.send_keys(&char::from(Key::Enter).to_string()).await
        }
        .await;
        typed.unwrap_or_else(|error| panic!("the terminal takes no line: {error}"));
    }

    /// Waits until the terminal shows a text.
    pub async fn terminal_shows(&self, text: &str) {
        let expression =
            format!("document.getElementById('term-out').textContent.includes({}) || null", json!(text));
        let begin = Instant::now();
        while self.js(&expression).await.is_null() {
            let shown = self.text("#term-out").await;
            assert!(begin.elapsed() < PATIENCE, "the terminal never showed {text:?}; it shows:\n{shown}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A command of the browser's developer tools, such as `Storage.overrideQuotaForOrigin`.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let ask = DevTools(json!({ "cmd": command, "params": parameters }).to_string());
        self.client.issue_cmd(ask).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Waits until the browser has committed something.
    pub async fn kept(&self) {
        let kept = "document.getElementById('storage')?.textContent.includes('up to') || null";
        self.until("the browser keeps the cluster", kept).await;
    }

    /// From now on a node answers a write when the browser has committed it (`appendfsync always`, until the node starts again). Under
    /// everysec, redis-server's own default, what was acknowledged a moment ago may be lost with the tab.
    pub async fn promise(&self) {
        let always = "vitrine.nodes().then(nodes => Promise.all(nodes.map(n => \
                      vitrine.command(n.name, ['CONFIG', 'SET', 'appendfsync', 'always']))))";
        let said = self.js(always).await;
        assert!(said.as_array().is_some_and(|said| said.iter().all(|said| said == "OK")), "{said:#}");
    }

    /// When the cluster was first ready, in milliseconds since the page began to load; the page notes it itself, so that no
    /// time of WebDriver's is in it.
    pub async fn ready_ms(&self) -> f64 {
        let mark = "performance.getEntriesByName('vitrine.ready')[0]?.startTime ?? null";
        self.until("the page notes when the cluster was ready", mark).await.as_f64().expect("a time")
    }

    /// What the browser's console got since it was last asked: warnings and errors, one text each.
    pub async fn console(&self) -> Vec<String> {
        let log = self.client.issue_cmd(ConsoleLog).await.unwrap_or(Value::Null);
        let entries = log.as_array().cloned().unwrap_or_default();
        let serious =
            entries.iter().filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        serious.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Chromedriver's way to read the browser's log, which the WebDriver standard lacks.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// Chromedriver's way to the developer tools' protocol.
#[derive(Debug)]
struct DevTools(String);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.clone()))
    }
}
