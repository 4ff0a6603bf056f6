//! What lies over the page for a while, and the focus: it goes into a dialog, stays in one that is modal, and comes back to what
//! opened it.

use super::{focus_on, icon};
use crate::page::link::document;
use wasm_bindgen::prelude::*;
use yew::prelude::*;

/// What can have the focus.
const STOPS: &str =
    "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary, [tabindex='0']";

/// Gives the focus back to what had it, once what fits the selector `within` goes and has the focus itself, or nothing has. If what had it
/// is no longer there, the first button beside it gets it.
#[hook]
pub fn use_focus_back(within: &'static str) {
    use_effect_with((), move |()| {
        let is_outside = move |e: &web_sys::Element| {
            e.tag_name() != "BODY" && !e.closest(within).is_ok_and(|inside| inside.is_some())
        };
        let opener = document().active_element().filter(is_outside);
        let beside = opener.as_ref().and_then(|e| e.closest("section, aside, header, main").ok().flatten());
        move || {
            if document().active_element().is_some_and(|e| is_outside(&e)) {
                return;
            }
            let first = || beside.and_then(|e| e.query_selector("button:not(:disabled)").ok().flatten());
            if let Some(to) = opener.filter(|e| e.is_connected()).or_else(first) {
                focus_on(&to);
            }
        }
    });
}

/// Tab walks in `sheet` alone: from its end to its beginning, and from anywhere else into it.
#[hook]
fn use_focus_in(sheet: &NodeRef) {
    let sheet = sheet.clone();
    use_effect_with((), move |()| {
        if let Some(sheet) = sheet.cast::<web_sys::Element>() {
            focus_on(&sheet);
        }
        let walk = Closure::<dyn FnMut(web_sys::KeyboardEvent)>::new(move |e: web_sys::KeyboardEvent| {
            let (Some(sheet), "Tab") = (sheet.cast::<web_sys::Element>(), e.key().as_str()) else { return };
            let Ok(list) = sheet.query_selector_all(STOPS) else { return };
            let seen = |e: &web_sys::Element| e.get_bounding_client_rect().width() > 0.0;
            let mut stops = (0..list.length())
                .filter_map(|i| list.item(i)?.dyn_into::<web_sys::Element>().ok())
                .filter(seen);
            let Some(first) = stops.next() else { return };
            let last = stops.next_back().unwrap_or_else(|| first.clone());
            let (edge, other) = if e.shift_key() { (&first, &last) } else { (&last, &first) };
            let active = document().active_element();
            let inside = active.as_ref().is_some_and(|active| sheet.contains(Some(active)));
            let at_edge = active.as_ref().is_some_and(|a| a == edge || e.shift_key() && **a == *sheet);
            if !inside || at_edge {
                e.prevent_default();
                focus_on(other);
            }
        });
        let _ = document().add_event_listener_with_callback("keydown", walk.as_ref().unchecked_ref());
        move || {
            let _ = document().remove_event_listener_with_callback("keydown", walk.as_ref().unchecked_ref());
            drop(walk);
        }
    });
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub title: AttrValue,
    /// A class of the sheet, for its size.
    #[prop_or_default]
    pub class: Classes,
    pub close: Callback<()>,
    pub children: Html,
}

/// A sheet over the page: Esc and a click beside it close it, and the focus stays in it until then.
#[component]
pub fn Dialog(props: &Props) -> Html {
    let sheet = use_node_ref();
    use_focus_back(".sheet");
    use_focus_in(&sheet);
    let close = props.close.reform(|_: MouseEvent| ());
    html! {
        <div class="sheet" role="dialog" aria-modal="true" aria-label={props.title.clone()} onclick={close.clone()}>
            <div class={props.class.clone()} ref={sheet} tabindex="-1" onclick={Callback::from(|e: MouseEvent| e.stop_propagation())}>
                <div class="sheet__h"><h2>{ &props.title }</h2>
                    <button class="ib" aria-label="Close" title="Close  (Esc)" onclick={close}>{ icon("i-x") }</button></div>
                { props.children.clone() }
            </div>
        </div>
    }
}
