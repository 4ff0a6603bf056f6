//! Looking at the drawing from nearer: the wheel goes nearer where the pointer is, two fingers take it apart, dragging what lies between
//! the nodes moves the drawing, a double click shows all of it again; two buttons do the same.

use super::super::icon;
use vitrine_web::geometry::Point;
use vitrine_web::zoom::{View, Zoom, share_of};
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// How much nearer a turn of the wheel or a press of a button goes.
const NEARER: f64 = 1.25;
/// From how far on a pointer that went down drags, as a share of what is seen.
const DRAGGED: f64 = 0.005;

/// What a drawing needs to be looked at from nearer.
pub struct Looking {
    /// The part that is seen.
    pub view: View,
    /// Whether that is not all of it: a finger moves the drawing then, and not the page.
    pub near: bool,
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

/// Whether what an event happened on is no button of the drawing, and not the name of a node, from which links are drawn.
fn free(event: &web_sys::Event) -> bool {
    target(event).and_then(|t| t.closest("[role=button], g[data-node]").ok().flatten()).is_none()
}

fn scene(event: &web_sys::Event) -> Option<web_sys::Element> {
    target(event)?.closest(".scene").ok()?
}

/// A place of the window in what is seen of the drawing that an event happened on, as shares of it.
fn share_at(event: &web_sys::Event, at: (f64, f64), view: View) -> Option<(f64, f64)> {
    let rect = scene(event)?.get_bounding_client_rect();
    Some(share_of((rect.width(), rect.height()), (at.0 - rect.left(), at.1 - rect.top()), view))
}

/// A part of a drawing as an attribute of it.
pub fn view_box(view: View) -> String {
    format!("{:.2} {:.2} {:.2} {:.2}", view.0, view.1, view.2, view.3)
}

/// Where on the stage an event of the pointer happened, in its units; `view` is what is seen of it.
pub fn point_at(event: &web_sys::MouseEvent, view: View) -> Option<Point> {
    let share = share_at(event, place(event), view)?;
    Some(Point { x: view.0 + share.0 * view.2, y: view.1 + share.1 * view.3 })
}

/// Where in the window an event happened.
fn place(event: &web_sys::MouseEvent) -> (f64, f64) {
    (event.client_x().into(), event.client_y().into())
}

/// How the drawing is gripped.
#[derive(Default)]
struct Grip {
    /// The pointers that are down, the first two of them, with where they are in the window.
    pointers: Vec<(i32, (f64, f64))>,
    /// Where it was gripped, as shares of what is seen, how it was looked at then, and how far two pointers were apart.
    from: Option<((f64, f64), Zoom, f64)>,
}

impl Grip {
    /// The middle of the pointers, and how far they are apart.
    fn at(&self) -> ((f64, f64), f64) {
        match self.pointers[..] {
            [(_, a), (_, b), ..] => (((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0), (a.0 - b.0).hypot(a.1 - b.1)),
            [(_, a)] => (a, 0.0),
            [] => ((0.0, 0.0), 0.0),
        }
    }

    /// Begins anew with the pointers that are down.
    fn begin(&mut self, event: &web_sys::Event, zoom: Zoom, whole: View) {
        let (at, apart) = self.at();
        self.from = share_at(event, at, zoom.of(whole)).map(|share| (share, zoom, apart));
    }
}

/// See the module; `whole` is all there is of the drawing.
#[hook]
pub fn use_zoom(whole: View) -> Looking {
    let zoom = use_state(Zoom::default);
    let grip = use_mut_ref(Grip::default);
    let view = zoom.of(whole);
    let wheel = {
        let zoom = zoom.clone();
        Callback::from(move |e: WheelEvent| {
            e.prevent_default();
            if let Some(at) = share_at(&e, place(&e), view) {
                zoom.set(zoom.nearer(if e.delta_y() > 0.0 { 1.0 / NEARER } else { NEARER }, at));
            }
        })
    };
    let down = {
        let (zoom, grip) = (zoom.clone(), grip.clone());
        Callback::from(move |e: PointerEvent| {
            let mut grip = grip.borrow_mut();
            if e.is_primary() {
                grip.pointers.clear();
            }
            // What can be pressed is pressed, not dragged along.
            let grips = if e.is_primary() { free(&e) } else { grip.pointers.len() == 1 };
            if grips {
                grip.pointers.push((e.pointer_id(), place(&e)));
                grip.begin(&e, *zoom, whole);
            }
        })
    };
    let moved = {
        let (zoom, grip) = (zoom.clone(), grip.clone());
        Callback::from(move |e: PointerEvent| {
            let mut grip = grip.borrow_mut();
            let Some(pointer) = grip.pointers.iter_mut().find(|p| p.0 == e.pointer_id()) else { return };
            pointer.1 = place(&e);
            if e.buttons() & 1 == 0 {
                return;
            }
            let (at, apart) = grip.at();
            if let Some((from, was, were)) = grip.from
                && let Some(at) = share_at(&e, at, was.of(whole))
            {
                // It is no click any more on what it began on, and goes on beyond the edge of the stage.
                if (at.0 - from.0).hypot(at.1 - from.1) > DRAGGED
                    && let Some(scene) = scene(&e)
                {
                    let _ = scene.set_pointer_capture(e.pointer_id());
                }
                let times = if were > 0.0 { apart / were } else { 1.0 };
                zoom.set(was.moved((at.0 - from.0, at.1 - from.1)).nearer(times, at));
            }
        })
    };
    let up = {
        let (zoom, grip) = (zoom.clone(), grip.clone());
        Callback::from(move |e: PointerEvent| {
            let mut grip = grip.borrow_mut();
            grip.pointers.retain(|p| p.0 != e.pointer_id());
            grip.begin(&e, *zoom, whole);
        })
    };
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
    Looking { view, near: zoom.times > 1.0, wheel, down, moved, up, all, buttons }
}
