//! The inspector: one node from the inside, or the cluster when none is selected.

mod beliefs;
mod cluster;
mod config;
mod disk;
mod keys;
mod latency;
mod log;
mod replication;
mod sheet;

pub use keys::value;

use super::{Act, MenuTarget, Pane, icon, shard_class};
use crate::page::shared::Shared;
use vitrine_web::look::What;
use vitrine_web::model::{Cluster, Detail, Node, NodeIndex, Process};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub detail: Option<Shared<Detail>>,
    pub selected: Option<NodeIndex>,
    pub pane: Pane,
    pub tenths: u64,
    pub beat: u64,
    pub playing: bool,
    /// Whether the slot map has a window of its own now.
    pub slots: bool,
    pub act: Callback<Act>,
}

/// What a node is, in its own view.
fn what(c: &Cluster, i: usize, n: &Node) -> String {
    let name = |m: NodeIndex| c.nodes.get(usize::from(m)).map_or("?".to_owned(), |m| m.name.clone());
    match n.process {
        Process::Crashed => return "Lost power".into(),
        Process::Killed => return "Killed".into(),
        Process::Stopped => return "Shut down".into(),
        Process::Paused => return "Paused".into(),
        Process::Loading => return "Loads its files".into(),
        Process::Up => {}
    }
    if n.candidate.is_some() {
        return "Candidate, asks for votes".into();
    }
    if let (false, Some(m)) = (n.master, n.replica_of) {
        return format!("Replica of {}", name(m));
    }
    let mine = |accepted: bool| {
        let own = c.claims.iter().filter(|k| usize::from(k.node) == i && k.accepted == accepted);
        own.map(|k| (k.start, k.end)).collect::<Vec<_>>()
    };
    match (mine(true), mine(false)) {
        (own, _) if !own.is_empty() => format!("Master of slots {}", words::ranges(&own)),
        (_, rival) if !rival.is_empty() => "Believes it is master".into(),
        _ if c.is_outside() => "Master".into(),
        _ => "Master without slots".into(),
    }
}

/// Whose terminal takes writes for a node: its master's, if it is a replica.
fn master_of(c: &Cluster, n: &Node) -> String {
    n.replica_of.and_then(|m| c.nodes.get(usize::from(m))).map_or_else(|| n.name.clone(), |m| m.name.clone())
}

fn addresses(c: &Cluster) -> Vec<(String, String)> {
    c.nodes.iter().map(|n| (n.addr.clone(), n.name.clone())).collect()
}

#[component]
pub fn Inspector(props: &Props) -> Html {
    let act = &props.act;
    let Some((i, n)) =
        props.selected.and_then(|i| Some((usize::from(i), props.cluster.nodes.get(usize::from(i))?)))
    else {
        return html! { <aside class="insp" aria-label="Inspector">{ cluster::view(&props.cluster, !props.slots, props.playing, props.beat, act) }</aside> };
    };
    let index = i as NodeIndex;
    let id = words::short_id(&n.id);
    let outside = props.cluster.is_outside();
    // The name is in the glyph, as far as it has room; there are no epochs outside of a cluster.
    let about = if outside {
        [n.name.clone(), n.addr.clone(), String::new()]
    } else {
        [n.addr.clone(), id, format!("e{}", n.epoch_config)]
    };
    let menu = act.reform(move |e: MouseEvent| {
        Act::Menu(MenuTarget::Node(index), e.client_x() - 240, e.client_y() + 16)
    });
    let why = {
        let about = super::why::About::node(&props.cluster, index);
        act.reform(move |_: MouseEvent| Act::Why(Some(about.clone())))
    };
    let at = Pane::ALL.iter().position(|&p| p == props.pane).unwrap_or(0);
    let keys = {
        let act = act.clone();
        Callback::from(move |e: KeyboardEvent| {
            if let Some(to) = super::tab_key(&e, at, Pane::ALL.len()) {
                act.emit(Act::Pane(Pane::ALL[to]));
                super::focus(&format!("pane-tab-{to}"));
            }
        })
    };
    let (node, beat, act) = (n.name.clone(), props.beat, act.clone());
    let detail = props.detail.as_ref().filter(|d| d.node == index);
    let down = (!n.process.is_up() && n.process != Process::Paused).then_some("glyph--down");
    html! {
        <aside class="insp" aria-label="Inspector">
            <div class="insp__h"><span class={classes!("glyph", (!n.master).then_some("glyph--r"), down, shard_class(n.shard))}>{ words::shortened(&n.name, 4) }</span>
                <div><h2>{ what(&props.cluster, i, n) }</h2>
                    <p title={n.id.clone()}>{ about.iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join(" · ") }</p></div>
                <div class="insp__b"><button class="ib ib--sm" aria-label={format!("Why is {} so?", n.name)} title="Why?" onclick={why}>{ icon("i-help") }</button>
                    <button class="ib ib--sm" aria-label={format!("Actions on {}", n.name)} title="Actions" onclick={menu}>{ icon("i-more") }</button>
                    <button class="ib ib--sm" aria-label="Back to the cluster" title="Back to the cluster"
                        onclick={act.reform(|_| Act::Select(None))}>{ icon("i-x") }</button></div></div>
            <div class="tabs" role="tablist" aria-label={format!("Inspect {}", n.name)} onkeydown={keys}>
                { for Pane::ALL.iter().enumerate().map(|(k, &pane)| html! {
                    <button role="tab" id={format!("pane-tab-{k}")} aria-selected={(pane == props.pane).to_string()}
                        tabindex={if pane == props.pane { "0" } else { "-1" }} aria-controls="pane"
                        onclick={act.reform(move |_| Act::Pane(pane))}>{ pane.name() }</button>
                }) }
            </div>
            <div class={classes!("pane", (props.pane == Pane::Disk).then_some("pane--disk"))} role="tabpanel" id="pane" tabindex="0"
                aria-labelledby={format!("pane-tab-{at}")}>
                { match props.pane {
                    Pane::Keys => html! { <keys::Keys key={i} {node} master={master_of(&props.cluster, n)} total={n.keys} playing={props.playing} {beat} {act} /> },
                    Pane::Beliefs => beliefs::view(&props.cluster),
                    Pane::Replication => html! { <replication::Replication key={i} {node} names={addresses(&props.cluster)} {beat} {act} /> },
                    Pane::Disk => html! { <disk::Disk key={i} {node} up={n.process.is_up() || n.process == Process::Paused} {beat} {act} /> },
                    Pane::Config => html! { <config::Config key={i} {node} playing={props.playing} {beat} {act} /> },
                    Pane::Log => log::view(detail),
                    Pane::Latency => html! { <sheet::Sheets key={i} {node} what={What::Slow} {beat} {act} /> },
                    Pane::Memory => html! { <sheet::Sheets key={i + 1000} {node} what={What::Memory} {beat} {act} /> },
                } }
            </div>
        </aside>
    }
}
