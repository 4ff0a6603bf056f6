//! The menu of a node, a link, a workload's clients or a message, and the labelled lists behind the palette: everything that can happen
//! to it now. On a phone it is a sheet at the bottom.
//!
//! What it offers is made of the rows of [`vitrine_web::faults`] ([`items`]). Every entry carries the line that it runs; what an entry
//! takes stands at its right edge and is changed in a small form ([`form`]) before it is done.

mod form;
mod items;

use super::looking::use_look;
use super::{Act, MenuTarget, icon};
use crate::page::shared::Shared;
use items::{Item, Looked, Sub, Todo};
use vitrine_web::clients::Client;
use vitrine_web::faults::{Asks, Row, Subject};
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::{Boot, Cluster, NodeIndex};
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub target: MenuTarget,
    pub x: i32,
    pub y: i32,
    pub cluster: Shared<Cluster>,
    pub boot: Option<Shared<Boot>>,
    pub selected: Option<NodeIndex>,
    /// Virtual time in tenths of a second.
    pub tenths: u64,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// A point beside the element that an event happened on, for menus opened from the keyboard.
pub fn beside(target: Option<web_sys::EventTarget>) -> (i32, i32) {
    let rect =
        target.and_then(|t| t.dyn_into::<web_sys::Element>().ok()).map(|e| e.get_bounding_client_rect());
    rect.map_or((40, 80), |r| ((r.left() + r.width() / 2.0 + 24.0) as i32, (r.top() + 8.0) as i32))
}

/// What opens a menu where the pointer is.
pub fn by_pointer(act: &Callback<Act>, target: MenuTarget) -> Callback<MouseEvent> {
    act.reform(move |e: MouseEvent| {
        e.prevent_default();
        Act::Menu(target, e.client_x(), e.client_y())
    })
}

/// What opens it beside what has the focus: Enter or the space bar on something that is drawn and acts as a button.
pub fn by_key(act: &Callback<Act>, target: MenuTarget) -> Callback<KeyboardEvent> {
    super::pressed(act.reform(move |on: Option<web_sys::EventTarget>| {
        let (x, y) = beside(on);
        Act::Menu(target, x, y)
    }))
}

/// A menu beside the menu, with the right, left and upper edge of the entry that opened it.
type Beside = (Sub, i32, i32, i32);

/// Puts a menu where it is whole on the screen, on the other side of `left_of` if there is no room, and the focus on its first
/// entry, or on itself if it has none.
pub fn settle(menu: &NodeRef, x: f64, y: f64, left_of: f64) {
    let Some(menu) = menu.cast::<web_sys::HtmlElement>() else { return };
    let window = crate::page::link::window();
    let size = |v: Result<wasm_bindgen::JsValue, _>| v.ok().and_then(|v| v.as_f64()).unwrap_or(800.0);
    let (w, h) = (size(window.inner_width()), size(window.inner_height()));
    let wide = f64::from(menu.offset_width());
    let x = if x + wide + 12.0 > w { left_of - wide } else { x };
    let left = x.min(w - wide - 12.0).max(8.0);
    let top = y.min(h - f64::from(menu.offset_height()) - 12.0).max(8.0);
    // Set by script on the style object, which the page's policy allows.
    if let Ok(style) = js_sys::Reflect::get(&menu, &"style".into()) {
        let _ = js_sys::Reflect::set(&style, &"left".into(), &format!("{left}px").into());
        let _ = js_sys::Reflect::set(&style, &"top".into(), &format!("{top}px").into());
    }
    let first = menu.query_selector(".mi, input, select, textarea, [type=submit]").ok().flatten();
    super::focus_on(first.as_ref().unwrap_or(&menu));
}

/// The button of the node that a menu is about: to press a node's name or its labels gives nothing the focus.
fn button_of(target: MenuTarget) -> Option<web_sys::Element> {
    let (MenuTarget::Node(node) | MenuTarget::Link(node, _)) = target else { return None };
    crate::page::link::document().query_selector(&format!("[data-node='{node}'][tabindex]")).ok()?
}

#[component]
pub fn Menu(props: &Props) -> Html {
    let main = use_node_ref();
    let beside_it = use_node_ref();
    let sub = use_state(|| None::<Beside>);
    let form = use_state(|| None::<&'static Row>);
    let target = props.target;
    use_effect_with((), move |()| {
        let nothing = crate::page::link::document().active_element().is_none_or(|e| e.tag_name() == "BODY");
        button_of(target).filter(|_| nothing).iter().for_each(super::focus_on);
    });
    super::dialog::use_focus_back(".menu");
    {
        let beside_it = beside_it.clone();
        use_effect_with(*sub, move |sub| {
            if let Some((_, right, left, top)) = *sub {
                settle(&beside_it, f64::from(right) + 6.0, f64::from(top) - 7.0, f64::from(left) - 6.0);
            }
        });
    }
    let asks = match props.target {
        MenuTarget::Message(_) | MenuTarget::UnderWay => Some(Look::UnderWay),
        MenuTarget::Client(_) => Some(Look::Stage),
        MenuTarget::Link(a, b) if usize::from(a.max(b)) >= props.cluster.nodes.len() => Some(Look::Stage),
        _ => None,
    };
    let seen = use_look(asks.clone(), props.beat, &props.act);
    let (mut under_way, mut clients) = (&[][..], Vec::new());
    match seen.as_deref() {
        Some(Ok(Seen::UnderWay(rows))) => under_way = rows,
        Some(Ok(Seen::Sheets(sheets))) => clients = Client::all(&sheets[0], &props.cluster),
        _ => {}
    }
    let looked = Looked {
        under_way,
        clients: &clients,
        known: asks.is_none() || seen.is_some(),
        now_us: props.tenths * 100_000,
    };
    {
        let main = main.clone();
        // Its entries are there when what it asks for is known.
        use_effect_with((props.x, props.y, *form, looked.known), move |&(x, y, ..)| {
            settle(&main, f64::from(x) + 8.0, f64::from(y), f64::from(x) - 8.0);
        });
    }
    let Some((name, state, list)) = items::root(props.target, &props.cluster, looked) else {
        return Html::default();
    };
    if let Some(row) = *form {
        let subject = items::subject(row, props.target, &props.cluster, looked);
        let back = {
            let form = form.clone();
            Callback::from(move |()| form.set(None))
        };
        return html! {
            <div class="menu menu--node menu--form" role="dialog" aria-label={format!("{}: {name}", row.name)} ref={main} id="menu">
                <form::Form {row} {subject} {name} cluster={props.cluster.clone()} boot={props.boot.clone()}
                    selected={props.selected} {back} act={props.act.clone()} />
            </div>
        };
    }
    let shown = |item: Item| {
        let act = props.act.clone();
        let (form, sub) = (form.clone(), sub.clone());
        entry(item, props, looked, &act, form, sub)
    };
    let back = {
        let sub = sub.clone();
        Callback::from(move |_: MouseEvent| sub.set(None))
    };
    let side = (*sub).map(|(which, ..)| items::sub(which, props.target, &props.cluster));
    let hidden = side.is_some().then_some("menu--behind");
    html! { <>
        <div class={classes!("menu", "menu--node", hidden)} role="menu" aria-label={format!("Actions on {name}")} ref={main.clone()} id="menu" tabindex="-1"
            onkeydown={keys(&main, None, &props.act)} onmouseover={Callback::from(focus_hovered)}>
            <div class="menu__h"><b>{ &name }</b><span>{ state }</span></div>
            <div class="menu__l">{ for list.into_iter().map(shown) }</div>
        </div>
        if let Some((label, list)) = side {
            <div class="menu menu--node menu--sub" role="menu" aria-label={format!("{label}, {name}")} ref={beside_it.clone()} id="menu-sub"
                onkeydown={keys(&beside_it, Some(sub.clone()), &props.act)} onmouseover={Callback::from(focus_hovered)}>
                <div class="menu__h">
                    <button class="ib ib--sm menu__b" role="menuitem" tabindex="-1" aria-label="Back" onclick={back}>{ icon("i-chev") }</button>
                    <b>{ label }</b></div>
                <div class="menu__l">{ for list.into_iter().map(shown) }</div>
            </div>
        }
    </> }
}

/// The pointer takes the focus along, so that what is said of an entry is said once.
fn focus_hovered(e: MouseEvent) {
    let over = e.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let Some(over) = over.and_then(|e| e.closest(".mi").ok().flatten()) else { return };
    if crate::page::link::document().active_element().as_ref() != Some(&over) {
        super::focus_on(&over);
    }
}

fn entry(
    item: Item,
    props: &Props,
    looked: Looked,
    act: &Callback<Act>,
    form: UseStateHandle<Option<&'static Row>>,
    sub: UseStateHandle<Option<Beside>>,
) -> Html {
    let at = (props.x, props.y);
    let (symbol, text, code, key, danger, onclick) = match item {
        Item::Rule => return html! { <hr /> },
        Item::Remark(text) => return html! { <p class="menu__p">{ text }</p> },
        Item::Open(which, symbol, text) => {
            let open = sub.as_ref().is_some_and(|(at, ..)| *at == which);
            let onclick = Callback::from(move |e: MouseEvent| {
                // Yew listens at the root: what was clicked is the target, or what it is in.
                let at = e.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
                let at = at.and_then(|at| at.closest(".mi").ok().flatten());
                let rect = at.map(|at| at.get_bounding_client_rect());
                let (right, left, top) =
                    rect.map_or((0, 0, 0), |r| (r.right() as i32, r.left() as i32, r.top() as i32));
                sub.set((!open).then_some((which, right, left, top)));
            });
            return html! {
                <button class={classes!("mi", open.then_some("on"))} role="menuitem" tabindex="-1" aria-haspopup="menu"
                    aria-expanded={open.to_string()} {onclick}>{ icon(symbol) }<span>{ text }</span>
                    <svg class="chv" aria-hidden="true"><use href="#i-chev" /></svg></button>
            };
        }
        Item::Do(symbol, text, todo) => {
            let code = if let Todo::Line(line) = &todo { line.clone() } else { String::new() };
            let act = act.clone();
            let onclick = Callback::from(move |_: MouseEvent| todo.clone().go(&act, at));
            (symbol, text, code, None, false, onclick)
        }
        Item::Row(row) => {
            let subject = items::subject(row, props.target, &props.cluster, looked);
            let edit = {
                let form = form.clone();
                Callback::from(move |_: MouseEvent| form.set(Some(row)))
            };
            let open = subject.is_none();
            let conf = row.args.iter().any(|arg| arg.asks == Asks::Conf);
            let (code, onclick) = match subject {
                Some(subject) if !conf => {
                    let line = row.usual_lines(&props.cluster, &subject);
                    let act = act.clone();
                    let todo = Todo::Line(line.clone());
                    (line, Callback::from(move |_: MouseEvent| todo.clone().go(&act, at)))
                }
                _ => {
                    let places = Subject { a: "…".into(), b: "…".into() };
                    (row.usual_lines(&props.cluster, &subject.unwrap_or(places)), edit.clone())
                }
            };
            if open || conf || row.lasts() || !row.args.is_empty() {
                let summary = row.summary();
                let spoken = format!("{} {summary}: change before it is done", row.name);
                let more = if summary.is_empty() {
                    icon("i-more")
                } else {
                    html! { <small>{ summary }</small> }
                };
                return html! {
                    <div class="mr" role="none">
                        { button(row.icon, row.name.into(), &code, row.key, row.key == Some("X"), onclick) }
                        <button class="mi__a" role="menuitem" tabindex="-1" title="Change before it is done"
                            aria-label={spoken} onclick={edit}>{ more }</button>
                    </div>
                };
            }
            (row.icon, row.name.to_owned(), code, row.key, false, onclick)
        }
    };
    button(symbol, text, &code, key, danger, onclick)
}

fn button(
    symbol: &'static str,
    text: String,
    code: &str,
    key: Option<&'static str>,
    danger: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    html! {
        <button class={classes!("mi", danger.then_some("mi--danger"))} role="menuitem" tabindex="-1" {onclick}>
            { icon(symbol) }<span>{ text }</span>
            if let Some(key) = key { <kbd class="kbd">{ key }</kbd> }
            if !code.is_empty() { <code>{ code.replace('\n', " ↵ ") }</code> }
        </button>
    }
}

/// Up, down, Home, End walk; right opens what there is more, left goes back; Tab closes.
fn keys(
    menu: &NodeRef,
    sub: Option<UseStateHandle<Option<Beside>>>,
    act: &Callback<Act>,
) -> Callback<KeyboardEvent> {
    let (menu, act) = (menu.clone(), act.clone());
    Callback::from(move |e: KeyboardEvent| {
        let Some(menu) = menu.cast::<web_sys::Element>() else { return };
        let Some(active) = crate::page::link::document().active_element() else { return };
        match e.key().as_str() {
            "Tab" => {
                e.prevent_default();
                act.emit(Act::CloseMenu);
            }
            "ArrowLeft" => {
                if let Some(sub) = &sub {
                    e.prevent_default();
                    sub.set(None);
                    let opener = crate::page::link::document()
                        .query_selector("#menu [aria-expanded=true]")
                        .ok()
                        .flatten();
                    if let Some(opener) = opener {
                        super::focus_on(&opener);
                    }
                }
            }
            "ArrowRight" => {
                e.prevent_default();
                let more = if active.has_attribute("aria-haspopup") {
                    Some(active)
                } else {
                    active.next_element_sibling()
                };
                if let Some(more) = more.and_then(|m| m.dyn_into::<web_sys::HtmlElement>().ok())
                    && (more.has_attribute("aria-haspopup") || more.class_name() == "mi__a")
                {
                    more.click();
                }
            }
            _ => {
                let Ok(list) = menu.query_selector_all(".mi") else { return };
                let entries: Vec<web_sys::Element> =
                    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect();
                let at = entries.iter().position(|entry| *entry == active).unwrap_or(0);
                if let Some(to) = super::tab_key(&e, at, entries.len()) {
                    super::focus_on(&entries[to]);
                }
            }
        }
    })
}
