//! The simulator's benchmarks in Chromium's worker: `cargo xtask bench sim --browser`, `bench travel --browser`. They measure what the
//! native ones do (core/benches/measured), from a release build for wasm32. Nothing is asserted of times: it prints what was
//! found beside what is wanted. They take a minute or two, so they are run where somebody asks for them by name.

#![cfg(target_arch = "wasm32")]

#[path = "../core/benches/measured/mod.rs"]
mod measured;

use js_sys::{Function, Reflect};
use measured::Place;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// What is measured in a tab: a thousand nodes are not.
const IN_TAB: [&str; 4] = ["idle", "loaded", "drill", "hundred"];
/// How long the run is that is gone back in, in virtual seconds.
const TRAVEL_S: u64 = 600;

const PLACE: Place = Place { seconds, memory, say: |line| console_log!("{line}"), tab: true };

/// The worker's clock, which browsers round to a tenth of a millisecond.
fn seconds() -> f64 {
    let performance = Reflect::get(&js_sys::global(), &"performance".into()).expect("a worker has a clock");
    let now: Function = Reflect::get(&performance, &"now".into()).expect("a clock says the time").into();
    now.call0(&performance).ok().and_then(|ms| ms.as_f64()).expect("the time is a number") / 1e3
}

/// What the worker's WebAssembly has taken from the browser, which it never gives back.
fn memory() -> Vec<String> {
    vec![format!("{} MiB of WebAssembly memory", core::arch::wasm32::memory_size::<0>() * 64 / 1024)]
}

#[wasm_bindgen_test]
#[ignore = "asked for by name"]
fn bench_sim() {
    measured::sim::run(&PLACE, &|name| IN_TAB.contains(&name));
}

#[wasm_bindgen_test]
#[ignore = "asked for by name"]
fn bench_travel() {
    measured::travel::run(&PLACE, TRAVEL_S);
}
