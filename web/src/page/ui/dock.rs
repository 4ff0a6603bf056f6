//! The upper edge of the dock, which is dragged: how high the terminal and the tape are. Remembered in this browser.
//!
//! The height is a property of the page's style, set by the object model: the Content-Security-Policy allows no style attribute.

use crate::page::link;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// The least height in pixels of the window; the most is a share of the window's.
const LEAST: f64 = 120.0;
const MOST: f64 = 0.5;
/// How far a press of an arrow key goes.
const STEP: f64 = 16.0;

/// The height of the window.
fn window_height() -> f64 {
    link::window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(900.0)
}

/// How high the dock is now.
fn height_now() -> f64 {
    let dock = link::document().query_selector(".tape").ok().flatten();
    dock.map_or(LEAST, |dock| dock.get_bounding_client_rect().height())
}

/// Gives the dock a height; without one, that of the window's size.
fn put(height: Option<f64>) {
    let root = link::document().document_element();
    let Some(style) = root.and_then(|r| r.dyn_into::<web_sys::HtmlElement>().ok()).map(|r| r.style()) else {
        return;
    };
    let _ = match height {
        Some(height) => style.set_property("--dock", &format!("{height}px")),
        None => style.remove_property("--dock").map(drop),
    };
}

#[component]
pub fn Edge() -> Html {
    let height = use_state_eq(|| link::remembered("dock").and_then(|h| h.parse::<f64>().ok()));
    // Where it was gripped, from the edge down.
    let grip = use_mut_ref(|| None::<f64>);
    use_effect_with(*height, |height| put(*height));
    let set = {
        let height = height.clone();
        move |wanted: Option<f64>| {
            let wanted = wanted.map(|h| h.clamp(LEAST, (window_height() * MOST).max(LEAST)).round());
            link::remember("dock", &wanted.map_or(String::new(), |h| h.to_string()));
            height.set(wanted);
        }
    };
    let down = {
        let grip = grip.clone();
        Callback::from(move |e: PointerEvent| {
            e.prevent_default();
            if let Some(edge) = e.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()) {
                let _ = edge.set_pointer_capture(e.pointer_id());
            }
            *grip.borrow_mut() = Some(f64::from(e.client_y()) + height_now());
        })
    };
    let moved = {
        let (grip, set) = (grip.clone(), set.clone());
        Callback::from(move |e: PointerEvent| {
            if let Some(sum) = grip.borrow().filter(|_| e.buttons() & 1 == 1) {
                set(Some(sum - f64::from(e.client_y())));
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| {
        grip.take();
    });
    let usual = {
        let set = set.clone();
        Callback::from(move |_: MouseEvent| set(None))
    };
    let keys = Callback::from(move |e: KeyboardEvent| {
        let wanted = match e.key().as_str() {
            "ArrowUp" => height_now() + STEP,
            "ArrowDown" => height_now() - STEP,
            "Home" => LEAST,
            "End" => window_height() * MOST,
            _ => return,
        };
        e.prevent_default();
        set(Some(wanted));
    });
    let now = height.map_or(String::new(), |h| h.to_string());
    html! {
        <div class="edge" id="dock-edge" role="separator" aria-orientation="horizontal" tabindex="0" aria-label="Height of the terminal and the tape"
            title="Drag to change the height; double click for the usual one"
            aria-valuenow={if now.is_empty() { "0".to_owned() } else { now }} aria-valuemin="0" aria-valuemax={(window_height() * MOST).round().to_string()}
            onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up} ondblclick={usual} onkeydown={keys}></div>
    }
}
