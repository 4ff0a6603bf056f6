//! The terminal: one tab that follows redirects through the cluster and one per node. Text goes to the DOM as text, never as HTML.

use super::Act;
use crate::app::TermTab;
use crate::shared::Shared;
use litemap::LiteMap;
use std::rc::Rc;
use vitrine_web::model::Cluster;
use vitrine_web::protocol::{TermEntry, TermKind};
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// What the terminal draws of all tabs; equal if nothing was added.
#[derive(Clone)]
pub struct Tabs(LiteMap<u16, TermTab>);

impl Tabs {
    pub fn of(tabs: &LiteMap<u16, TermTab>) -> Tabs {
        Tabs(tabs.clone())
    }
}

impl PartialEq for Tabs {
    fn eq(&self, other: &Tabs) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((i, a), (j, b))| {
                i == j
                    && Rc::ptr_eq(&a.entries, &b.entries)
                    && a.busy == b.busy
                    && a.prompt == b.prompt
                    && a.history.len() == b.history.len()
            })
    }
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub tabs: Tabs,
    pub tab: u16,
    pub enabled: bool,
    pub act: Callback<Act>,
}

fn entry(e: &TermEntry) -> Html {
    let class = match e.kind {
        TermKind::Typed => {
            let (prompt, line) = e.text.split_once('\t').unwrap_or(("", &e.text));
            return html! { <div><span class="pr">{ prompt.to_owned() }</span>{ " " }<span class="cmd">{ line.to_owned() }</span></div> };
        }
        TermKind::Reply => "rep",
        TermKind::Error => "err",
        TermKind::Redirect => "red",
        TermKind::Note => "note-t",
    };
    html! { <div><span {class}>{ &e.text }</span>
    if let Some(tag) = &e.tag { <span class="ty-t">{ tag }</span> }</div> }
}

#[component]
pub fn Terminal(props: &Props) -> Html {
    let output = use_node_ref();
    let input = use_node_ref();
    // Where in the history the visitor is, counted back from the newest; 0 is the line being typed.
    let back = use_mut_ref(|| (0usize, String::new()));
    let empty = TermTab::default();
    let tab = props.tabs.0.get(&props.tab).unwrap_or(&empty);
    {
        let output = output.clone();
        let end = (props.tab, tab.entries.len(), tab.entries.last().map(|e| e.text.len()));
        use_effect_with(end, move |_| {
            if let Some(o) = output.cast::<web_sys::Element>() {
                // The list is drawn from its end up (style.css), so that a change of size keeps the end in view.
                o.set_scroll_top(0);
            }
        });
    }
    let n = props.tab;
    let act = &props.act;
    let onkeydown = {
        let (act, input, back, history) = (act.clone(), input.clone(), back, tab.history.clone());
        Callback::from(move |e: KeyboardEvent| {
            let Some(field) = input.cast::<web_sys::HtmlInputElement>() else { return };
            let mut state = back.borrow_mut();
            match e.key().as_str() {
                "Enter" => {
                    e.prevent_default();
                    let line = field.value();
                    field.set_value("");
                    *state = (0, String::new());
                    if line.trim().eq_ignore_ascii_case("clear") {
                        act.emit(Act::ClearTerm(n));
                    } else {
                        act.emit(Act::Type(n, line));
                    }
                }
                "ArrowUp" | "ArrowDown" => {
                    e.prevent_default();
                    if state.0 == 0 {
                        state.1 = field.value();
                    }
                    let up = e.key() == "ArrowUp";
                    state.0 = if up { (state.0 + 1).min(history.len()) } else { state.0.saturating_sub(1) };
                    match state.0 {
                        0 => field.set_value(&state.1),
                        k => field.set_value(&history[history.len() - k]),
                    }
                    let end = field.value().encode_utf16().count() as u32;
                    let _ = field.set_selection_range(end, end);
                }
                "l" if e.ctrl_key() => {
                    e.prevent_default();
                    act.emit(Act::ClearTerm(n));
                }
                "u" if e.ctrl_key() => {
                    e.prevent_default();
                    field.set_value("");
                }
                "Escape" => {
                    let _ = field.blur();
                }
                _ => {}
            }
        })
    };
    // Several lines at once are several commands; what follows the last line break stays in the field.
    let onpaste = {
        let (act, input) = (act.clone(), input.clone());
        Callback::from(move |e: Event| {
            let Some(field) = input.cast::<web_sys::HtmlInputElement>() else { return };
            let Ok(e) = e.dyn_into::<web_sys::ClipboardEvent>() else { return };
            let Some(text) = e.clipboard_data().and_then(|d| d.get_data("text").ok()) else { return };
            if !text.contains('\n') {
                return;
            }
            e.prevent_default();
            let text = format!("{}{}", field.value(), text.replace('\r', ""));
            let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
            for line in lines.split('\n').filter(|l| !l.trim().is_empty()) {
                act.emit(Act::Type(n, line.to_owned()));
            }
            field.set_value(rest);
        })
    };
    let tabs = 1 + props.cluster.nodes.len();
    let tab_keys = {
        let act = act.clone();
        Callback::from(move |e: KeyboardEvent| {
            if let Some(to) = super::tab_key(&e, usize::from(n), tabs) {
                act.emit(Act::TermTab(to as u16));
                super::focus(&format!("term-tab-{to}"));
            }
        })
    };
    let tab_button = |i: u16, name: &str, up: bool| {
        html! { <button role="tab" id={format!("term-tab-{i}")} aria-selected={(n == i).to_string()}
        tabindex={if n == i { "0" } else { "-1" }} class={(!up).then_some("downd")} aria-controls="term-out"
        title={(!up).then(|| format!("{name} is down"))}
        onclick={act.reform(move |_| Act::TermTab(i))}>{ name.to_owned() }</button> }
    };
    let refocus = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            let selected = js_sys::Reflect::get(&crate::link::window(), &"getSelection".into())
                .ok()
                .and_then(|f| f.dyn_into::<js_sys::Function>().ok())
                .and_then(|f| f.call0(&crate::link::window()).ok())
                .and_then(|s| js_sys::Reflect::get(&s, &"isCollapsed".into()).ok())
                .and_then(|v| v.as_bool());
            if selected == Some(true)
                && let Some(input) = input.cast::<web_sys::HtmlElement>()
            {
                let _ = input.focus();
            }
        })
    };
    // Until the connection is made: where it will lead.
    let first = props.cluster.nodes.get(usize::from(n.saturating_sub(1)));
    let prompt = match (tab.prompt.is_empty(), first) {
        (true, Some(node)) => format!("{}>", node.addr),
        (true, None) => ">".to_owned(),
        _ => tab.prompt.clone(),
    };
    html! {
        <section class="term" aria-label="Terminal">
            <div class="dock__h"><div class="ttabs" role="tablist" aria-label="Connections" onkeydown={tab_keys}>
                { tab_button(0, "cluster -c", true) }
                { for props.cluster.nodes.iter().enumerate().map(|(i, node)| {
                    tab_button(i as u16 + 1, &node.name, node.process.is_up())
                }) }
            </div></div>
            <div class="term__o" role="log" id="term-out" aria-label="Replies" ref={output} onclick={refocus} tabindex="0"><div>
                if tab.entries.is_empty() {
                    <div><span class="note-t">{ if n == 0 {
                        "Type a Redis command. This connection follows MOVED and ASK, as redis-cli -c does."
                    } else {
                        "This connection talks to one node and follows no redirect."
                    } }</span></div>
                }
                { for tab.entries.iter().map(entry) }
            </div></div>
            <label class="term__i"><span class="pr">{ prompt }</span>
                <input ref={input} id="term-input" spellcheck="false" autocomplete="off" autocapitalize="off" aria-label="Command"
                    enterkeyhint="send" disabled={!props.enabled} {onkeydown} {onpaste}
                    placeholder={(tab.busy).then_some("waiting for the reply")} /></label>
        </section>
    }
}
