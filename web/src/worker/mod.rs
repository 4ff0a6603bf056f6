//! The worker: the engine's home in the browser. It turns messages of the page into calls of [`Engine`], gives the engine
//! time in slices so short that no message waits longer than a display frame, and keeps the cluster's disks in IndexedDB.
//!
//! It speaks first (`Hello`), then waits for `Start`. A panic is posted to the page before it becomes a trap.

mod host;
mod lock;

use host::Host;
use std::cell::RefCell;
use std::rc::Rc;
use vitrine_web::engine::Engine;
use vitrine_web::protocol::{FromWorker, ToWorker};
use vitrine_web::wire;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

/// How long a slice of the engine's work takes at the most, in milliseconds.
const SLICE_MS: f64 = 8.0;
/// How long the worker rests when nothing is due, in milliseconds.
const REST_MS: i32 = 8;

thread_local! {
    /// The channel by which a busy worker comes back at once, after the messages that wait.
    static AGAIN: RefCell<Option<MessagePort>> = const { RefCell::new(None) };
}

pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds on the worker's clock.
pub(crate) fn wall_ms() -> f64 {
    scope().performance().map_or(0.0, |p| p.now())
}

/// Sends a message to the page.
pub(crate) fn post(message: &FromWorker) {
    if let Ok(buffer) = wire::buffer(message) {
        let _ = scope().post_message_with_transfer(&buffer, &js_sys::Array::of1(&buffer));
    }
}

/// Random bytes: the one place where chance comes in.
pub(crate) fn chance() -> u64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => vitrine_web::engine::fresh_seed(bytes),
        Err(_) => js_sys::Date::now() as u64 & 0xffff_ffff,
    }
}

/// The worker's one state: what waits until the world is there, then a host.
enum Stage {
    Early(Vec<ToWorker>),
    Running(Box<Host>),
}

type Shared = Rc<RefCell<Stage>>;

/// Serves the page, for as long as it is open.
pub fn run() {
    std::panic::set_hook(Box::new(|info| post(&FromWorker::Fatal { cause: info.to_string() })));
    let host: Shared = Rc::new(RefCell::new(Stage::Early(Vec::new())));
    let on_message = {
        let host = host.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            match wire::received(&event.data()) {
                Ok(ToWorker::Start { seed, fresh, open }) => begin(host.clone(), seed, fresh, open),
                Ok(message) => match &mut *host.borrow_mut() {
                    Stage::Running(host) => host.handle(message),
                    Stage::Early(waiting) => match message {
                        ToWorker::Ping(n) => post(&FromWorker::Pong(n)),
                        message => waiting.push(message),
                    },
                },
                Err(error) => {
                    post(&FromWorker::Fatal {
                        cause: format!("The worker does not understand its page: {error}"),
                    });
                }
            }
        })
    };
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&FromWorker::Hello);
}

/// Makes the world and starts the clockwork.
fn begin(shared: Shared, seed: Option<String>, fresh: bool, open: Option<String>) {
    wasm_bindgen_futures::spawn_local(async move {
        match Host::start(seed, fresh, open).await {
            Ok(mut host) => {
                if let Stage::Early(waiting) = &mut *shared.borrow_mut() {
                    std::mem::take(waiting).into_iter().for_each(|message| host.handle(message));
                }
                *shared.borrow_mut() = Stage::Running(Box::new(host));
                clockwork(shared);
            }
            Err(cause) => post(&FromWorker::Fatal { cause }),
        }
    });
}

/// Runs slices for ever: at once again while there is work, after a rest otherwise.
fn clockwork(shared: Shared) {
    let Ok(channel) = MessageChannel::new() else {
        post(&FromWorker::Fatal { cause: "This browser has no MessageChannel.".into() });
        return;
    };
    let tick = Closure::<dyn FnMut()>::new(move || {
        let more = match &mut *shared.borrow_mut() {
            Stage::Running(host) => host.slice(SLICE_MS),
            Stage::Early(_) => false,
        };
        schedule(more);
    });
    let function: js_sys::Function = tick.as_ref().unchecked_ref::<js_sys::Function>().clone();
    tick.forget();
    channel.port1().set_onmessage(Some(&function));
    AGAIN.with(|again| *again.borrow_mut() = Some(channel.port2()));
    REST.with(|rest| *rest.borrow_mut() = Some(function));
    schedule(true);
}

thread_local! {
    static REST: RefCell<Option<js_sys::Function>> = const { RefCell::new(None) };
}

fn schedule(at_once: bool) {
    if at_once {
        AGAIN.with(|again| {
            if let Some(port) = &*again.borrow() {
                let _ = port.post_message(&JsValue::NULL);
            }
        });
    } else {
        REST.with(|rest| {
            if let Some(function) = &*rest.borrow() {
                let _ = scope().set_timeout_with_callback_and_timeout_and_arguments_0(function, REST_MS);
            }
        });
    }
}

/// The engine of a new cluster.
pub(crate) fn new_engine(seed: Option<&str>) -> Result<Engine, String> {
    Engine::new(seed.map_or_else(chance, vitrine_web::seeds::seed_of))
}
