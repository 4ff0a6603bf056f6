//! Pressing a node: held with a finger it opens its menu, and dragged to another node it opens the menu of their link.

use super::super::{Act, MenuTarget};
use vitrine_web::model::NodeIndex;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use yew::prelude::*;

/// How long a finger is held on a node, in milliseconds.
const HELD_MS: i32 = 500;
/// How far a finger may stray meanwhile, in pixels.
const STRAY_PX: i32 = 10;

/// What is pressed: the node, where, and the timer of a finger.
type Pressed = Option<(NodeIndex, i32, i32, Option<i32>)>;

/// The node that an element belongs to.
pub fn node_of(element: Option<web_sys::Element>) -> Option<NodeIndex> {
    element?.closest("[data-node]").ok()??.get_attribute("data-node")?.parse().ok()
}

fn stop(timer: Option<i32>) {
    if let Some(timer) = timer {
        crate::page::link::window().clear_timeout_with_handle(timer);
    }
}

/// Handlers for the pointer going down, moving, and going up or away, and for a finger that is lifted, on what has the nodes in it.
#[hook]
pub fn use_press(act: &Callback<Act>) -> ([Callback<PointerEvent>; 4], Callback<TouchEvent>) {
    let pressed = use_mut_ref(|| Pressed::None);
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
            if let Some((_, _, _, timer)) = pressed.borrow_mut().take() {
                stop(timer);
            }
            let timer = (e.pointer_type() == "touch").then(|| {
                let (pressed, opened, act) = (pressed.clone(), opened.clone(), act.clone());
                let opens = Closure::once(move || {
                    if pressed.borrow_mut().take().is_some() {
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
            *pressed.borrow_mut() = Some((node, x, y, timer.flatten()));
        })
    };
    let moved = {
        let pressed = pressed.clone();
        Callback::from(move |e: PointerEvent| {
            if let Some((_, x, y, timer)) = pressed.borrow_mut().as_mut()
                && (e.client_x() - *x).abs().max((e.client_y() - *y).abs()) > STRAY_PX
            {
                stop(timer.take());
            }
        })
    };
    let up = {
        let (pressed, act) = (pressed.clone(), act.clone());
        Callback::from(move |e: PointerEvent| {
            let Some((from, _, _, timer)) = pressed.borrow_mut().take() else { return };
            stop(timer);
            let (x, y) = (e.client_x(), e.client_y());
            // A finger's events all go to where it was put down.
            let over = crate::page::link::document().element_from_point(x as f32, y as f32);
            if let Some(to) = node_of(over).filter(|&to| to != from) {
                act.emit(Act::Menu(MenuTarget::Link(from, to), x, y));
            }
        })
    };
    let away = Callback::from(move |_: PointerEvent| {
        if let Some((_, _, _, timer)) = pressed.borrow_mut().take() {
            stop(timer);
        }
    });
    // Its click would go to what lies over the page now, and close the menu again.
    let lifted = Callback::from(move |e: TouchEvent| {
        if opened.replace(false) {
            e.prevent_default();
        }
    });
    ([down, moved, up, away], lifted)
}
