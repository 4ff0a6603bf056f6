//! What a word of the page means, beside it: while the pointer rests on it, while it has the focus, or after a tap.
//!
//! It listens on the document for what is under the pointer and looks the word up ([`vitrine_web::terms`]), so that no panel has to
//! mark its words. What explains itself (a title, the palette's tips) and what visitors and nodes wrote is left alone; but a title is
//! shown by the browser to the pointer alone, and here to the keys.

use super::menu::settle;
use vitrine_web::terms::explained;
use wasm_bindgen::prelude::*;
use yew::prelude::*;

/// A longer text is no label.
const TEXT_LEN_MAX: usize = 60;
/// What is left alone, with all that is in it.
const NOT_IN: &str = "[title], [data-tip], input, textarea, select, .term__o, .compl, .menu, .tip, .lesson p, .sheet p, .sheet dl, #pane td, pre";

/// The word, if it is one, what it means, and where the text stands.
type Told = (&'static str, AttrValue, i32, i32);

fn told(event: &web_sys::Event) -> Option<Told> {
    let element: web_sys::Element = event.target()?.dyn_into().ok()?;
    let within = |what: &str| element.closest(what).ok().flatten().is_some();
    let rect = element.get_bounding_client_rect();
    let told = |word, means| Some((word, means, rect.left() as i32, rect.bottom() as i32));
    let by_keys = event.type_() == "focusin" && element.matches(":focus-visible").unwrap_or(false);
    if let Some(title) = element.get_attribute("title").filter(|_| by_keys) {
        return told("", title.into());
    }
    // What is pressed does something; the focus that comes of it says nothing either.
    let acts = match event.type_().as_str() {
        "click" => within("button, [role=button], [role=tab]"),
        "focusin" => !by_keys,
        _ => false,
    };
    if acts || within(NOT_IN) {
        return None;
    }
    let text = element.text_content()?;
    if text.len() > TEXT_LEN_MAX || element.child_element_count() > 3 {
        return None;
    }
    let (word, means) = explained(&text)?;
    told(word, means.into())
}

#[component]
pub fn Tip() -> Html {
    let shown = use_state(|| None::<Told>);
    let node = use_node_ref();
    {
        let shown = shown.clone();
        use_effect_with((), move |()| {
            let setter = shown.setter();
            let listen = Closure::<dyn FnMut(web_sys::Event)>::new(move |e: web_sys::Event| {
                // A key moves the focus before it is heard of here; Escape alone takes the sentence away.
                match e.dyn_ref::<web_sys::KeyboardEvent>().map(|e| e.key()) {
                    None => setter.set(told(&e)),
                    Some(key) if key == "Escape" => setter.set(None),
                    Some(_) => {}
                }
            });
            let document = crate::page::link::document();
            const KINDS: [&str; 4] = ["pointerover", "focusin", "click", "keydown"];
            for kind in KINDS {
                let _ = document.add_event_listener_with_callback(kind, listen.as_ref().unchecked_ref());
            }
            move || {
                for kind in KINDS {
                    let document = crate::page::link::document();
                    let _ =
                        document.remove_event_listener_with_callback(kind, listen.as_ref().unchecked_ref());
                }
                drop(listen);
            }
        });
    }
    {
        let node = node.clone();
        use_effect_with((*shown).clone(), move |shown| {
            if let Some((_, _, x, y)) = *shown {
                settle(&node, f64::from(x), f64::from(y) + 6.0, f64::from(x));
            }
        });
    }
    let Some((word, means, ..)) = &*shown else { return Html::default() };
    html! { <div class="tip" role="tooltip" id="tip" ref={node} key={&**means}>if !word.is_empty() { <b>{ *word }</b> }{ means }</div> }
}
