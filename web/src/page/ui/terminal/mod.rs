//! The terminal: one tab that follows redirects through the cluster and one per node. Text goes to the DOM as text, never as HTML.

mod prompt;

use super::{Act, Done, Make, Once};
use crate::page::app::TermTab;
use crate::page::shared::Shared;
use litemap::LiteMap;
use prompt::Prompt;
use std::rc::Rc;
use vitrine_web::gather::crowd;
use vitrine_web::model::{Cluster, NodeIndex, by_shard};
use vitrine_web::protocol::{Answer, TermEntry, TermKind, ToWorker};
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
                    && Rc::ptr_eq(&a.history, &b.history)
            })
    }
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub tabs: Tabs,
    pub tab: u16,
    pub selected: Option<NodeIndex>,
    pub enabled: bool,
    /// Counts a few times a second.
    pub beat: u64,
    pub act: Callback<Act>,
}

/// After how many beats of the page a write that is not safe is looked at again.
const RISK_BEATS: u64 = 5;

/// What stands behind the last reply: how safe the write is that it acknowledges. A write is asked about when its reply comes, and
/// again now and then until it is safe; `news` is another number whenever something was printed.
#[hook]
fn use_risk(tab: u16, news: usize, beat: u64, act: &Callback<Act>) -> Rc<String> {
    let risk = use_state_eq(Rc::<String>::default);
    let unsafe_yet = !risk.is_empty();
    let act = act.clone();
    let state = risk.clone();
    use_effect_with((tab, news, if unsafe_yet { beat / RISK_BEATS } else { 0 }), move |_| {
        let make: Make = Box::new(move |id| ToWorker::Risk { id, tab });
        let done: Done = Box::new(move |answer| {
            if let Ok(Answer::Said(text)) = answer {
                state.set(Rc::new(text));
            }
        });
        act.emit(Act::Ask(Once::new(make), Once::new(done)));
    });
    (*risk).clone()
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
    let risk = use_risk(n, Rc::as_ptr(&tab.entries) as usize, props.beat, act);
    // The reply that the chip is about: the last one, if nothing was typed since.
    let risky = tab.entries.iter().rposition(|e| e.kind != TermKind::Note).filter(|_| !risk.is_empty());
    // Of a crowd: those in which something was said, and the selected node's.
    let nodes = props.cluster.nodes.len();
    let said = |tab: u16| props.tabs.0.get(&tab).is_some_and(|t| !t.entries.is_empty());
    let open = |&tab: &u16| {
        !crowd(nodes) || tab == 0 || tab == n || props.selected == tab.checked_sub(1) || said(tab)
    };
    let of_nodes = by_shard(&props.cluster.nodes).into_iter().map(|node| node as u16 + 1);
    let tabs: Vec<u16> = std::iter::once(0).chain(of_nodes).filter(open).collect();
    let tab_keys = {
        let (act, tabs) = (act.clone(), tabs.clone());
        let at = tabs.iter().position(|&tab| tab == n).unwrap_or(0);
        Callback::from(move |e: KeyboardEvent| {
            if let Some(to) = super::tab_key(&e, at, tabs.len()).map(|at| tabs[at]) {
                act.emit(Act::TermTab(to));
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
            let selected = js_sys::Reflect::get(&crate::page::link::window(), &"getSelection".into())
                .ok()
                .and_then(|f| f.dyn_into::<js_sys::Function>().ok())
                .and_then(|f| f.call0(&crate::page::link::window()).ok())
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
                { for tabs.iter().map(|&tab| match tab.checked_sub(1).map(|i| &props.cluster.nodes[usize::from(i)]) {
                    None => tab_button(tab, "cluster -c", true),
                    Some(node) => tab_button(tab, &node.name, node.process.is_up()),
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
                { for tab.entries.iter().enumerate().map(|(i, e)| html! { <>{ entry(e) }
                if risky == Some(i) && e.kind == TermKind::Reply { <div><span class="rb">{ &*risk }</span></div> }</> }) }
            </div></div>
            <Prompt tab={n} {prompt} busy={tab.busy} enabled={props.enabled} history={tab.history.clone()} field={input}
                act={act.clone()} />
        </section>
    }
}
