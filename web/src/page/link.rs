//! The page's end of the line to the worker, and the few browser calls that have no better home.
//!
//! The worker is watched from three sides: `error` events (a script or wasm that does not load), the `Fatal` message (a
//! panic, sent by the worker's panic hook before the trap), and a ping that must come back. Whatever happens is said.

use js_sys::Array;
use vitrine_web::protocol::{FromWorker, ToWorker};
use vitrine_web::wire;
use wasm_bindgen::prelude::*;
use web_sys::{Document, ErrorEvent, MessageEvent, Window, Worker};

pub fn window() -> Window {
    web_sys::window().expect("this program runs in a page")
}

pub fn document() -> Document {
    window().document().expect("a page has a document")
}

/// Milliseconds on the page's own clock.
pub fn wall_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Puts a moment into the browser's performance timeline, where developer tools and benchmarks find it.
pub fn note_time(name: &str) {
    if let Some(performance) = window().performance() {
        let _ = performance.mark(name);
    }
}

/// A remembered choice of this browser, if storage is allowed.
pub fn remembered(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(&format!("vitrine.{key}")).ok().flatten()
}

/// Remembers a choice; that the browser forbids it is no error, the choice then holds until the page closes.
pub fn remember(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(&format!("vitrine.{key}"), value);
    }
}

/// Whether a media query holds now.
pub fn media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|m| m.matches())
}

#[wasm_bindgen]
extern "C" {
    /// A worker that waits for its program (static/boot.js).
    #[wasm_bindgen(catch)]
    fn engine() -> Result<Worker, JsValue>;
}

/// What comes from the worker.
pub enum Incoming {
    Message(Box<FromWorker>),
    /// It cannot go on; the cause in words.
    Died(String),
}

/// The worker, while this value lives.
pub struct Link {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Link {
    /// Starts a worker. `heard` is called for everything that comes from it, the first being `Hello`.
    pub fn start(heard: impl Fn(Incoming) + Clone + 'static) -> Result<Link, String> {
        let worker = engine().map_err(|e| describe(&e))?;
        worker.post_message(&wasm_bindgen::module()).map_err(|e| describe(&e))?;
        let on_message = {
            let heard = heard.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                match wire::heard(&event.data()) {
                    Ok(message) => heard(Incoming::Message(Box::new(message))),
                    Err(error) => {
                        heard(Incoming::Died(format!("The page does not understand its worker: {error}")));
                    }
                }
            })
        };
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            let at = match event.filename().rsplit('/').next() {
                Some(file) if !file.is_empty() => format!(" ({file}:{})", event.lineno()),
                _ => String::new(),
            };
            let message = event.message();
            heard(Incoming::Died(if message.is_empty() || message == "undefined" {
                "The worker's program could not be loaded.".to_owned()
            } else {
                format!("{message}{at}")
            }));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Link { worker, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a message; a worker that is gone says so by other ways.
    pub fn send(&self, message: &ToWorker) {
        let Ok(buffer) = wire::buffer(message) else { return };
        let _ = self.worker.post_message_with_transfer(&buffer, &Array::of1(&buffer));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// An exception in words.
pub fn describe(error: &JsValue) -> String {
    if let Some(error) = error.dyn_ref::<js_sys::Error>() {
        return String::from(error.message());
    }
    error.as_string().unwrap_or_else(|| format!("{error:?}"))
}

/// The last words of the page's own program.
pub fn say_page_died(cause: &str) {
    let Some(document) = web_sys::window().and_then(|w| w.document()) else { return };
    let Some(page) = document.get_element_by_id("page") else { return };
    let text = |tag: &str, text: &str| -> Option<web_sys::Node> {
        let element = document.create_element(tag).ok()?;
        element.set_text_content(Some(text));
        Some(element.into())
    };
    let make = || -> Option<()> {
        let (outer, inner) = (document.create_element("div").ok()?, document.create_element("div").ok()?);
        outer.set_class_name("halt");
        inner.set_attribute("role", "alert").ok()?;
        inner.append_child(&text("h2", "The page stopped")?).ok()?;
        let advice = "Reload it: the cluster comes back from this browser's storage. This is the cause:";
        inner.append_child(&text("p", advice)?).ok()?;
        inner.append_child(&text("pre", cause)?).ok()?;
        outer.append_child(&inner).ok()?;
        page.append_child(&outer).ok()?;
        Some(())
    };
    let _ = make();
}
