//! The context menu of a node or a link: everything that can happen to it now. On a phone it is a sheet at the bottom.

use super::{Act, MenuTarget, Tool, icon, palette};
use crate::shared::Shared;
use vitrine_web::model::{Cluster, Fault, LinkState, Node, NodeIndex, Process};
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub target: MenuTarget,
    pub x: i32,
    pub y: i32,
    pub cluster: Shared<Cluster>,
    pub act: Callback<Act>,
}

/// A point beside the element that an event happened on, for menus opened from the keyboard.
pub fn beside(target: Option<web_sys::EventTarget>) -> (i32, i32) {
    let rect =
        target.and_then(|t| t.dyn_into::<web_sys::Element>().ok()).map(|e| e.get_bounding_client_rect());
    rect.map_or((40, 80), |r| ((r.left() + r.width() / 2.0 + 24.0) as i32, (r.top() + 8.0) as i32))
}

struct Item {
    icon: &'static str,
    text: String,
    key: Option<&'static str>,
    danger: bool,
    act: Act,
}

#[component]
pub fn Menu(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        let at = (props.x, props.y);
        use_effect_with(at, move |&(x, y)| {
            if let Some(menu) = node.cast::<web_sys::HtmlElement>() {
                // Keep it whole on the screen. Set by script on the style object, which the page's policy allows.
                let window = crate::link::window();
                let size =
                    |v: Result<wasm_bindgen::JsValue, _>| v.ok().and_then(|v| v.as_f64()).unwrap_or(800.0);
                let (w, h) = (size(window.inner_width()), size(window.inner_height()));
                let left = f64::from(x + 8).min(w - f64::from(menu.offset_width()) - 12.0).max(8.0);
                let top = f64::from(y).min(h - f64::from(menu.offset_height()) - 12.0).max(8.0);
                if let Ok(style) = js_sys::Reflect::get(&menu, &"style".into()) {
                    let _ = js_sys::Reflect::set(&style, &"left".into(), &format!("{left}px").into());
                    let _ = js_sys::Reflect::set(&style, &"top".into(), &format!("{top}px").into());
                }
                let first = menu.query_selector("button").ok().flatten();
                if let Some(first) = first.and_then(|f| f.dyn_into::<web_sys::HtmlElement>().ok()) {
                    let _ = first.focus();
                }
            }
        });
    }
    let (name, state, groups) = match props.target {
        MenuTarget::Node(i) => match props.cluster.nodes.get(usize::from(i)) {
            Some(n) => node_menu(&props.cluster, i, n),
            None => return Html::default(),
        },
        MenuTarget::Link(a, b) => {
            match (props.cluster.nodes.get(usize::from(a)), props.cluster.nodes.get(usize::from(b))) {
                (Some(na), Some(nb)) => link_menu(&props.cluster, (a, na), (b, nb)),
                _ => return Html::default(),
            }
        }
    };
    let label = format!("Actions on {name}");
    let key = {
        let node = node.clone();
        let act = props.act.clone();
        Callback::from(move |e: KeyboardEvent| walk(&e, &node, &act))
    };
    html! {
        <div class="menu menu--node" role="menu" aria-label={label} ref={node} onkeydown={key} id="menu">
            <header><b>{ name }</b><span>{ state }</span></header>
            { for groups.into_iter().filter(|g| !g.is_empty()).enumerate().map(|(i, group)| html! { <>
                if i > 0 { <hr /> }
                { for group.into_iter().map(|item| entry(item, &props.act)) }
            </> }) }
        </div>
    }
}

fn entry(item: Item, act: &Callback<Act>) -> Html {
    let chosen = super::Once::new(item.act);
    let act = act.clone();
    let onclick = Callback::from(move |_: MouseEvent| {
        if let Some(chosen) = chosen.take() {
            act.emit(Act::CloseMenu);
            act.emit(chosen);
        }
    });
    html! {
        <button class={classes!("mi", item.danger.then_some("mi--danger"))} role="menuitem" tabindex="-1" {onclick}>
            { icon(item.icon) }<span>{ item.text }</span>
            if let Some(key) = item.key { <kbd class="kbd">{ key }</kbd> }
        </button>
    }
}

/// Up, down, Home, End walk; Escape and Tab close.
fn walk(e: &KeyboardEvent, node: &NodeRef, act: &Callback<Act>) {
    let Some(menu) = node.cast::<web_sys::Element>() else { return };
    if e.key() == "Tab" {
        e.prevent_default();
        act.emit(Act::CloseMenu);
        return;
    }
    let Ok(list) = menu.query_selector_all("button") else { return };
    let active = crate::link::document().active_element();
    let buttons: Vec<web_sys::Element> =
        (0..list.length()).filter_map(|i| list.item(i)?.dyn_into::<web_sys::Element>().ok()).collect();
    let at = buttons.iter().position(|b| Some(b) == active.as_ref()).unwrap_or(0);
    if let Some(to) = super::tab_key(e, at, buttons.len())
        && let Some(button) = buttons[to].dyn_ref::<web_sys::HtmlElement>()
    {
        let _ = button.focus();
    }
}

fn node_menu(c: &Cluster, i: NodeIndex, n: &Node) -> (String, String, Vec<Vec<Item>>) {
    let at = usize::from(i);
    let tool = |tool: Tool, key: Option<&'static str>, danger: bool| {
        palette::fault_of(tool, c, at).map(|fault| Item {
            icon: palette::icon_of(tool),
            text: match (tool, n.process) {
                (Tool::Pause, Process::Paused) => "Resume".into(),
                (Tool::Pause, _) => "Pause".into(),
                _ => palette::name_of(tool).into(),
            },
            key,
            danger,
            act: Act::Fault(fault),
        })
    };
    let process: Vec<Item> = [
        tool(Tool::Crash, Some("X"), true),
        tool(Tool::Kill, Some("K"), false),
        tool(Tool::Shutdown, None, false),
        tool(Tool::Pause, Some("P"), false),
        tool(Tool::Restart, None, false),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut network: Vec<Item> = tool(Tool::Isolate, Some("I"), false).into_iter().collect();
    if !c.groups.is_empty() || !c.cuts.is_empty() {
        network.push(Item {
            icon: "i-wall",
            text: "Heal all walls and cuts".into(),
            key: None,
            danger: false,
            act: Act::Fault(Fault::Heal),
        });
    }
    let go = vec![Item {
        icon: "i-eye",
        text: "Inspect".into(),
        key: None,
        danger: false,
        act: Act::Select(Some(i)),
    }];
    let role = if n.master {
        "master".to_owned()
    } else {
        let of = n.replica_of.and_then(|m| c.nodes.get(usize::from(m)));
        of.map_or("replica".to_owned(), |m| format!("replica of {}", m.name))
    };
    let state = match n.process {
        Process::Up => "ok",
        Process::Loading => "loading",
        Process::Paused => "paused",
        Process::Crashed => "power lost",
        Process::Killed => "killed",
        Process::Stopped => "shut down",
    };
    (n.name.clone(), format!("{role}, {state}"), vec![process, network, go])
}

fn link_menu(
    c: &Cluster,
    (a, na): (NodeIndex, &Node),
    (b, nb): (NodeIndex, &Node),
) -> (String, String, Vec<Vec<Item>>) {
    let cut = |x, y| c.cuts.contains(&(x, y));
    let item = |icon: &'static str, text: String, fault: Fault| Item {
        icon,
        text,
        key: None,
        danger: false,
        act: Act::Fault(fault),
    };
    let (from, to) = (na.name.clone(), nb.name.clone());
    let mut cuts = Vec::new();
    if !cut(a, b) || !cut(b, a) {
        let fault = Fault::Cut { from: from.clone(), to: to.clone(), one_way: false };
        cuts.push(item("i-clamp", "Cut both directions".into(), fault));
    }
    if !cut(a, b) && !cut(b, a) {
        let fault = Fault::Cut { from: from.clone(), to: to.clone(), one_way: true };
        cuts.push(item("i-oneway", format!("Cut {from} → {to}"), fault));
        let fault = Fault::Cut { from: to.clone(), to: from.clone(), one_way: true };
        cuts.push(item("i-oneway", format!("Cut {to} → {from}"), fault));
    }
    let mut heal = Vec::new();
    if cut(a, b) || cut(b, a) {
        heal.push(item(
            "i-check",
            "Heal this link".into(),
            Fault::HealLink { from: from.clone(), to: to.clone() },
        ));
    }
    let link = if nb.replica_of == Some(a) { nb.link } else { na.link };
    let state = match (cut(a, b), cut(b, a)) {
        (true, true) => "cut".to_owned(),
        (true, false) => format!("cut {from} → {to}"),
        (false, true) => format!("cut {to} → {from}"),
        _ => match link {
            LinkState::Online => "replication, online".into(),
            LinkState::Syncing => "replication, synchronising".into(),
            LinkState::Down => "replication, down".into(),
            LinkState::None => "ok".into(),
        },
    };
    (format!("{from} – {to}"), state, vec![cuts, heal])
}
