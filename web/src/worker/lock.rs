//! One tab owns the storage: a Web Lock that is held as long as the worker lives.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The name of the lock.
const NAME: &str = "vitrine.storage";
/// How long to wait for a tab that is just closing, in milliseconds.
const PATIENCE_MS: u32 = 1500;

/// Whether another tab owns the storage. Where Web Locks are missing or forbidden (as IndexedDB is then too, which says why
/// itself), no tab is kept from it.
pub async fn is_taken() -> bool {
    let Some(locks) = locks() else { return false };
    let promise = Promise::new(&mut |resolve, _| {
        let granted = resolve.clone();
        // The lock is held until the Promise that the callback gives is settled: never.
        let callback = Closure::once_into_js(move |_lock: JsValue| -> JsValue {
            let _ = granted.call1(&JsValue::NULL, &false.into());
            Promise::new(&mut |_, _| {}).into()
        });
        let unasked = resolve.clone();
        let refused = Closure::once_into_js(move |why: JsValue| {
            let waited = why.dyn_ref::<web_sys::DomException>().is_some_and(|e| e.name() == "TimeoutError");
            let _ = resolve.call1(&JsValue::NULL, &waited.into());
        });
        if request(&locks, &callback, &refused).is_err() {
            let _ = unasked.call1(&JsValue::NULL, &false.into());
        }
    });
    JsFuture::from(promise).await.ok().and_then(|v| v.as_bool()).unwrap_or(false)
}

fn locks() -> Option<JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    locks.is_object().then_some(locks)
}

fn request(locks: &JsValue, callback: &JsValue, refused: &JsValue) -> Result<(), JsValue> {
    let options = Object::new();
    let signal = Reflect::get(&js_sys::global(), &"AbortSignal".into())?;
    let timeout: Function = Reflect::get(&signal, &"timeout".into())?.dyn_into()?;
    let signal = timeout.call1(&signal, &PATIENCE_MS.into())?;
    Reflect::set(&options, &"signal".into(), &signal)?;
    let request: Function = Reflect::get(locks, &"request".into())?.dyn_into()?;
    let promise: Promise = request.call3(locks, &NAME.into(), &options, callback)?.dyn_into()?;
    let catch: Function = Reflect::get(&promise, &"catch".into())?.dyn_into()?;
    catch.call1(&promise, refused)?;
    Ok(())
}
