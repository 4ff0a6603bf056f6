//! The upper edge of the dock, which is dragged: how high the terminal and the tape are. Remembered in this browser.
//!
//! The height is a property of the page's style, set by the object model: the Content-Security-Policy allows no style attribute.

use crate::page::link;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// The least height in pixels of the window; the most is a share of the window's.
const LEAST: i32 = 120;
const MOST: f64 = 0.5;
/// How far a press of an arrow key goes.
const STEP: i32 = 16;

/// The most that the dock can have of the window as it is.
fn most() -> i32 {
    let window = link::window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(900.0);
    ((window * MOST) as i32).max(LEAST)
}

/// How high the dock is now.
fn height_now() -> i32 {
    let dock = link::document().query_selector(".tape").ok().flatten();
    dock.map_or(LEAST, |dock| dock.get_bounding_client_rect().height() as i32)
}

/// Gives the dock a height; without one, that of the window's size.
fn put(height: Option<i32>) {
    let root = link::document().document_element();
    let Some(style) = root.and_then(|r| r.dyn_into::<web_sys::HtmlElement>().ok()).map(|r| r.style()) else {
        return;
    };
    let _ = match height {
        Some(height) => style.set_property("--dock", &format!("{height}px")),
        None => style.remove_property("--dock").map(drop),
    };
}

/// The edge itself.
#[hook]
pub fn use_edge() -> Html {
    let height = use_state_eq(|| link::remembered("dock").and_then(|h| h.parse::<i32>().ok()));
    // Where it was gripped, from the edge down.
    let grip = use_mut_ref(|| None::<i32>);
    use_effect_with(*height, |height| put(*height));
    let set = {
        let height = height.clone();
        move |wanted: Option<i32>| {
            let wanted = wanted.map(|h| h.clamp(LEAST, most()));
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
            *grip.borrow_mut() = Some(e.client_y() + height_now());
        })
    };
    let moved = {
        let (grip, set) = (grip.clone(), set.clone());
        Callback::from(move |e: PointerEvent| {
            if let Some(sum) = grip.borrow().filter(|_| e.buttons() & 1 == 1) {
                set(Some(sum - e.client_y()));
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
            "End" => most(),
            _ => return,
        };
        e.prevent_default();
        set(Some(wanted));
    });
    html! {
        <div class="edge" id="dock-edge" role="separator" aria-orientation="horizontal" tabindex="0" aria-label="Height of the terminal and the tape"
            title="Drag to change the height; double click for the usual one"
            aria-valuenow={height.unwrap_or_else(height_now).to_string()} aria-valuemin={LEAST.to_string()} aria-valuemax={most().to_string()}
            onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up} ondblclick={usual} onkeydown={keys}></div>
    }
}
