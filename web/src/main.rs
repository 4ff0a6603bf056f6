//! The program that a visitor downloads. It is one for the page and for its worker, since both hold the standard library, serde and
//! the types of the [`protocol`](vitrine_web::protocol): two programs would be a tenth more to download. The page is what loads it first
//! (static/boot.js); it sends the compiled program to its worker (static/engine.js), which is not to compile it once more.

mod page;
mod worker;

use wasm_bindgen::JsCast;

fn main() {
    if js_sys::global().has_type::<web_sys::DedicatedWorkerGlobalScope>() {
        worker::run();
    } else {
        page::run();
    }
}
