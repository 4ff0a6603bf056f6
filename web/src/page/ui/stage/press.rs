//! Pressing a node: held with a finger it opens its menu, dragged to another node it opens the menu of their link, and let go on the
//! other side of a wall it goes there. While it is dragged, a line follows the pointer.

use super::super::{Act, MenuTarget};
use super::zoom;
use vitrine_web::geometry::Point;
use vitrine_web::model::NodeIndex;
use vitrine_web::zoom::View;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use yew::prelude::*;

/// How long a finger is held on a node, in milliseconds.
const HELD_MS: i32 = 500;
/// How far a finger may stray meanwhile, in pixels.
const STRAY_PX: i32 = 10;

/// What is pressed: the node, where in the window, where on the stage, and the timer of a finger.
struct Pressed {
    node: NodeIndex,
    at: (i32, i32),
    from: Option<Point>,
    timer: Option<i32>,
}

/// What the stage needs for it.
pub struct Pressing {
    pub down: Callback<PointerEvent>,
    pub moved: Callback<PointerEvent>,
    pub up: Callback<PointerEvent>,
    /// The pointer is taken away.
    pub away: Callback<PointerEvent>,
    /// A finger is lifted.
    pub lifted: Callback<TouchEvent>,
    /// The line from where a node was gripped to where the pointer is, while it is dragged.
    pub line: Html,
}

/// The node that an element belongs to.
pub fn node_of(element: Option<web_sys::Element>) -> Option<NodeIndex> {
    element?.closest("[data-node]").ok()??.get_attribute("data-node")?.parse().ok()
}

fn stop(timer: Option<i32>) {
    if let Some(timer) = timer {
        crate::page::link::window().clear_timeout_with_handle(timer);
    }
}

/// See the module; `view` is what is seen of the stage, and `let_go` is told of a node that was let go somewhere else than on a node.
#[hook]
pub fn use_press(act: &Callback<Act>, view: View, let_go: Callback<(NodeIndex, Point)>) -> Pressing {
    let dragged = use_state_eq(|| None::<(Point, Point)>);
    let pressed = use_mut_ref(|| None::<Pressed>);
    // What the timer of the last finger calls.
    let held = use_mut_ref(|| None::<Closure<dyn FnMut()>>);
    // Whether the finger that is down has opened a menu.
    let opened = use_mut_ref(|| false);
    let down = {
        let (pressed, opened, act) = (pressed.clone(), opened.clone(), act.clone());
        Callback::from(move |e: PointerEvent| {
            let Some(node) = node_of(e.target().and_then(|t| t.dyn_into().ok())) else { return };
            let (x, y) = (e.client_x(), e.client_y());
            // Another finger: the timer of the one before must not call what is about to go.
            if let Some(before) = pressed.take() {
                stop(before.timer);
            }
            let timer = (e.pointer_type() == "touch").then(|| {
                let (pressed, opened, act) = (pressed.clone(), opened.clone(), act.clone());
                let opens = Closure::once(move || {
                    if pressed.take().is_some() {
                        *opened.borrow_mut() = true;
                        act.emit(Act::Menu(MenuTarget::Node(node), x, y));
                    }
                });
                let window = crate::page::link::window();
                let call = opens.as_ref().unchecked_ref();
                let timer = window.set_timeout_with_callback_and_timeout_and_arguments_0(call, HELD_MS);
                *held.borrow_mut() = Some(opens);
                timer.ok()
            });
            let from = zoom::point_at(&e, view);
            *pressed.borrow_mut() = Some(Pressed { node, at: (x, y), from, timer: timer.flatten() });
        })
    };
    let moved = {
        let (pressed, dragged) = (pressed.clone(), dragged.clone());
        Callback::from(move |e: PointerEvent| {
            if e.buttons() & 1 == 0 {
                // It was let go where nobody told the stage.
                pressed.take();
                dragged.set(None);
            }
            if let Some(Pressed { at: (x, y), from, timer, .. }) = pressed.borrow_mut().as_mut()
                && (dragged.is_some() || (e.client_x() - *x).abs().max((e.client_y() - *y).abs()) > STRAY_PX)
            {
                stop(timer.take());
                dragged.set(from.zip(zoom::point_at(&e, view)));
            }
        })
    };
    let up = {
        let (pressed, dragged, act) = (pressed.clone(), dragged.clone(), act.clone());
        Callback::from(move |e: PointerEvent| {
            dragged.set(None);
            let Some(Pressed { node: from, timer, .. }) = pressed.take() else { return };
            stop(timer);
            let (x, y) = (e.client_x(), e.client_y());
            // A finger's events all go to where it was put down.
            let over = crate::page::link::document().element_from_point(x as f32, y as f32);
            match (node_of(over), zoom::point_at(&e, view)) {
                (Some(to), _) if to != from => act.emit(Act::Menu(MenuTarget::Link(from, to), x, y)),
                (None, Some(at)) => let_go.emit((from, at)),
                _ => {}
            }
        })
    };
    let gone = dragged.clone();
    let away = Callback::from(move |_: PointerEvent| {
        gone.set(None);
        if let Some(before) = pressed.take() {
            stop(before.timer);
        }
    });
    // Its click would go to what lies over the page now, and close the menu again.
    let lifted = Callback::from(move |e: TouchEvent| {
        if opened.replace(false) {
            e.prevent_default();
        }
    });
    let line = (*dragged).map_or_else(Html::default, |(from, to)| {
        html! { <path class="pull" d={format!("M{:.1} {:.1}L{:.1} {:.1}", from.x, from.y, to.x, to.y)} /> }
    });
    Pressing { down, moved, up, away, lifted, line }
}
