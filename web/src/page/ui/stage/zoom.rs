//! Looking at the drawing from nearer: the wheel goes nearer where the pointer is, dragging what lies between the nodes moves the drawing, a
//! double click shows all of it again; two buttons do the same.

use super::super::icon;
use vitrine_web::zoom::{View, Zoom, share_of};
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// How much nearer a turn of the wheel or a press of a button goes.
const NEARER: f64 = 1.25;

/// What a drawing needs to be looked at from nearer.
pub struct Looking {
    /// The part that is seen, as the drawing has it.
    pub view_box: String,
    pub wheel: Callback<WheelEvent>,
    pub down: Callback<PointerEvent>,
    pub moved: Callback<PointerEvent>,
    pub up: Callback<PointerEvent>,
    pub all: Callback<MouseEvent>,
    /// The buttons.
    pub buttons: Html,
}

fn target(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.target()?.dyn_into().ok()
}

/// Whether what an event happened on is no button of the drawing.
fn free(event: &web_sys::Event) -> bool {
    target(event).and_then(|t| t.closest("[role=button]").ok().flatten()).is_none()
}

/// A place of the window in what is seen of the drawing, as shares of it.
fn share_at(event: &web_sys::MouseEvent, view: View) -> Option<(f64, f64)> {
    let rect = target(event)?.closest(".scene").ok()??.get_bounding_client_rect();
    let at = (f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top());
    Some(share_of((rect.width(), rect.height()), at, view))
}

/// See the module; `whole` is all there is of the drawing.
#[hook]
pub fn use_zoom(whole: View) -> Looking {
    let zoom = use_state(Zoom::default);
    // Where the drawing was gripped, as shares of what is seen, and how it was looked at then.
    let grip = use_mut_ref(|| None::<((f64, f64), Zoom)>);
    let view = zoom.of(whole);
    let wheel = {
        let zoom = zoom.clone();
        Callback::from(move |e: WheelEvent| {
            e.prevent_default();
            if let Some(at) = share_at(&e, view) {
                zoom.set(zoom.nearer(if e.delta_y() > 0.0 { 1.0 / NEARER } else { NEARER }, at));
            }
        })
    };
    let down = {
        let (zoom, grip) = (zoom.clone(), grip.clone());
        Callback::from(move |e: PointerEvent| {
            // What can be pressed is pressed, not dragged along.
            *grip.borrow_mut() = share_at(&e, view).filter(|_| free(&e)).map(|at| (at, *zoom));
        })
    };
    let moved = {
        let (zoom, grip) = (zoom.clone(), grip.clone());
        Callback::from(move |e: PointerEvent| {
            if let Some((from, was)) = *grip.borrow()
                && e.buttons() & 1 == 1
                && let Some(at) = share_at(&e, was.of(whole))
            {
                zoom.set(was.moved((at.0 - from.0, at.1 - from.1)));
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| *grip.borrow_mut() = None);
    let all = {
        let zoom = zoom.clone();
        Callback::from(move |e: MouseEvent| {
            if free(&e) {
                zoom.set(Zoom::default());
            }
        })
    };
    let button = |name: &'static str, symbol: &'static str, by: f64, off: bool| {
        let zoom = zoom.clone();
        html! {
            <button class="ib ib--sm" aria-label={name} title={name} disabled={off}
                onclick={Callback::from(move |_| zoom.set(zoom.nearer(by, (0.5, 0.5))))}>{ icon(symbol) }</button>
        }
    };
    let buttons = html! {
        <div class="zoom" role="group" aria-label="Zoom of the stage">
            { button("Further away", "i-minus", 1.0 / NEARER, zoom.times <= 1.0) }
            { button("Nearer", "i-plus", NEARER, zoom.times >= vitrine_web::zoom::NEAREST) }</div>
    };
    let view_box = format!("{:.2} {:.2} {:.2} {:.2}", view.0, view.1, view.2, view.3);
    Looking { view_box, wheel, down, moved, up, all, buttons }
}
