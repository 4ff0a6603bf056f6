//! The bar under the stage: the latest acknowledged writes as a ribbon, how many are safe, at risk and lost, why, and how fast the workloads
//! go. A click opens the tray above it: the writes of one class, the charts, the workloads.
//!
//! Everything is what the engine's own ledger says at this instant; the page counts nothing itself.

use super::charts::{Charts, spark};
use super::dialog::use_focus_back;
use super::looking::{View, use_look};
use super::workload::Workloads;
use super::{Act, icon, tab_key};
use crate::page::link::document;
use crate::page::shared::Shared;
use vitrine_web::gather::crowd;
use vitrine_web::look::ledger::{Ledger as Counts, TICKS};
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::Cluster;
use vitrine_web::protocol::Storage;
use vitrine_web::words;
use yew::prelude::*;

/// The distance of ticks, in the units of the drawing.
const PITCH: usize = 4;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// What clients of this world have to say first; empty for nothing, and while the tray is closed.
    pub password: AttrValue,
    pub tray: Option<Tab>,
    pub storage: Option<Storage>,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// What the tray shows: a class of writes by its place in [`CLASSES`], then the charts, then the workloads.
pub type Tab = usize;

/// The classes of writes: what the engine calls them, what the page does, the icon, what it means.
const CLASSES: [(&str, &str, &str, &str); 3] = [
    (
        "safe",
        "safe",
        "i-safe",
        "No single failure takes these writes: their master has fsynced them, and most of its shard has them",
    ),
    ("at-risk", "at risk", "i-risk", "Acknowledged, but one failure would be enough to lose them"),
    ("lost", "lost", "i-lost", "Acknowledged, and on no node that can still serve them"),
];
const CHARTS: Tab = 3;
/// The workloads.
pub const WORK: Tab = 4;
const TABS: [&str; 5] = ["Safe writes", "Writes at risk", "Lost writes", "Charts", "Workloads"];

#[component]
pub fn Ledger(props: &Props) -> Html {
    let act = &props.act;
    let tab = props.tray;
    let beat = if crowd(props.cluster.nodes.len()) { props.beat / 8 } else { props.beat };
    let seen = use_look(Some(Look::Ledger), beat, act);
    let counts = match seen.as_deref() {
        Some(Ok(Seen::Ledger(counts))) => counts.clone(),
        _ => Counts::default(),
    };
    let open = act.reform(Act::Tray);
    let total = counts.safe + counts.at_risk + counts.lost;
    let tally = |class: usize, n: u64| {
        let (_, name, symbol, title) = CLASSES[class];
        let hot = (class > 0 && n > 0).then_some("hot");
        html! {
            <button class={classes!("tally__b", hot)} id={format!("ledger-{}", CLASSES[class].0)} {title} aria-expanded={(tab == Some(class)).to_string()}
                onclick={open.reform(move |_| Some(class))}>
                { icon(symbol) }<b>{ words::thousands(n) }</b>{ " " }<small>{ name }</small></button>
        }
    };
    let cause = match (total, counts.cause.as_str()) {
        (0, "") => "No write yet. Type SET color blue into the terminal, or start a workload.".to_owned(),
        (_, "") => "Every acknowledged write is safe.".to_owned(),
        (_, cause) => cause.to_owned(),
    };
    let alarm = (counts.lost > 0).then_some("al");
    let gauge = |title: &'static str, value: String, line: usize, to: Tab| {
        html! {
            <button class="gauge" title="Open the charts" onclick={open.reform(move |_| Some(to))}>
                <span><small>{ title }</small>{ " " }<b>{ value }</b></span>
                { counts.lines.get(line).map(|(_, values)| spark(values)) }</button>
        }
    };
    html! {
        <section class="ledger" aria-label="Ledger: what became of every acknowledged write">
            <div class="ledger__row">
                <div class="ledger__k"><b>{ "Ledger" }</b><small id="acknowledged">{ acknowledged(total) }</small></div>
                { ribbon(&counts) }
                <div class="tally">{ tally(0, counts.safe) }{ tally(1, counts.at_risk) }{ tally(2, counts.lost) }</div>
                <p class={classes!("cause", alarm)} id="ledger-cause" title={cause.clone()}>{ &cause }</p>
                { match counts.ops {
                    Some(ops) => html! { <>
                        { gauge("ops/s", words::thousands(ops.round() as u64), 0, CHARTS) }
                        { gauge("p99", words::latency(counts.p99_us), 1, CHARTS) }</> },
                    None => html! { <button class="btn btn--sm" id="open-workloads" onclick={open.reform(|_| Some(WORK))}>{ "Workload" }</button> },
                } }
                { kept(props.storage.as_ref()) }
            </div>
            if let Some(tab) = tab {
                <Tray {tab} cluster={props.cluster.clone()} password={props.password.clone()} beat={props.beat} open={open.clone()} act={act.clone()} />
            }
        </section>
    }
}

/// The latest writes, newest at the right: safe ones stand, those at risk are half as high and broken, lost ones hang below the line.
fn ribbon(counts: &Counts) -> Html {
    let mut paths = [String::new(), String::new(), String::new()];
    let first = TICKS.saturating_sub(counts.ribbon.len());
    for (i, class) in counts.ribbon.bytes().enumerate() {
        let x = (first + i) * PITCH + PITCH / 2;
        match class {
            b's' => paths[0] += &format!("M{x} 3V17"),
            b'r' => paths[1] += &format!("M{x} 10V17"),
            _ => paths[2] += &format!("M{x} 21V28"),
        }
    }
    let width = TICKS * PITCH;
    let each =
        if counts.each > 1 { format!("1 tick = {}", words::thousands(counts.each)) } else { String::new() };
    let label = format!("Latest acknowledged writes, newest at the right. {each}");
    html! {
        <div class="ribbon"><svg viewBox={format!("0 0 {width} 30")} preserveAspectRatio="none" role="img" aria-label={label}>
            <path class="rb-base" d={format!("M0 19H{width}")} />
            <path class="rb-safe" d={paths[0].clone()} /><path class="rb-risk" d={paths[1].clone()} /><path class="rb-lost" d={paths[2].clone()} />
        </svg>if !each.is_empty() { <small>{ each }</small> }</div>
    }
}

fn acknowledged(writes: u64) -> String {
    format!("{} {} acknowledged", words::thousands(writes), if writes == 1 { "write" } else { "writes" })
}

#[derive(PartialEq, Properties)]
struct TrayProps {
    tab: Tab,
    cluster: Shared<Cluster>,
    password: AttrValue,
    beat: u64,
    open: Callback<Option<Tab>>,
    act: Callback<Act>,
}

/// What opens above the bar.
#[component]
fn Tray(props: &TrayProps) -> Html {
    let tab = props.tab;
    use_focus_back(".tray");
    use_effect_with(tab, |tab| {
        if let Some(tab) = document().get_element_by_id(&format!("tray-{tab}")) {
            tab.scroll_into_view_with_bool(false);
        }
    });
    let choose = props.open.reform(|tab: Tab| Some(tab));
    let keys = {
        let choose = choose.clone();
        Callback::from(move |e: KeyboardEvent| {
            if let Some(to) = tab_key(&e, tab, TABS.len()).filter(|&to| to != tab) {
                choose.emit(to);
                super::focus(&format!("tray-{to}"));
            }
        })
    };
    html! {
        <div class="tray" role="region" aria-label={TABS[tab]}>
            <div class="dock__h">
                <div class="ttabs" role="tablist" aria-label="Ledger" onkeydown={keys}>
                    { for TABS.iter().enumerate().map(|(i, name)| {
                        let on = i == tab;
                        let choose = choose.clone();
                        html! { <button role="tab" id={format!("tray-{i}")} aria-selected={on.to_string()} aria-controls="tray-panel"
                            tabindex={if on { "0" } else { "-1" }} onclick={Callback::from(move |_| if !on { choose.emit(i) })}>{ *name }</button> }
                    }) }</div>
                <button class="ib ib--sm tray__x" aria-label="Close" title="Close  (Esc)" onclick={props.open.reform(|_: MouseEvent| None)}>{ icon("i-x") }</button>
            </div>
            <div class="tray__in" role="tabpanel" id="tray-panel" tabindex="0" aria-labelledby={format!("tray-{tab}")}>
                { match tab {
                    CHARTS => html! { <Charts cluster={props.cluster.clone()} beat={props.beat} act={props.act.clone()} /> },
                    WORK => html! { <Workloads key={&*props.password} cluster={props.cluster.clone()} password={props.password.clone()} beat={props.beat} act={props.act.clone()} /> },
                    class => html! { <Writes key={class} {class} beat={props.beat} act={props.act.clone()} /> },
                } }
            </div>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct WritesProps {
    class: usize,
    beat: u64,
    act: Callback<Act>,
}

/// The rows of an answer of words; why there are none otherwise.
pub fn rows(view: &View) -> Result<&[Vec<String>], String> {
    match view.as_deref() {
        Some(Ok(Seen::Rows(rows))) => Ok(rows),
        Some(Err(why)) => Err(why.clone()),
        _ => Err(String::new()),
    }
}

/// The writes of a class; the nodes that hold them are lit on the stage.
#[component]
fn Writes(props: &WritesProps) -> Html {
    let (class, name, _, meaning) = CLASSES[props.class];
    let view = use_look(Some(Look::Writes(class.into())), props.beat, &props.act);
    let rows = rows(&view);
    let holders = rows.as_ref().ok().and_then(|rows| rows.first()).cloned().unwrap_or_default();
    use_light(holders.clone(), props.act.clone());
    let rows = match rows {
        Ok(rows) => rows,
        Err(why) => return html! { <p class="empty">{ why }</p> },
    };
    if rows.len() < 2 {
        let more = if props.class == 0 {
            "Writes that every node holds are counted and not listed one by one."
        } else if props.class == 1 {
            "Cut a master off from its replicas, and what it still acknowledges stands here."
        } else {
            "Put a wall around a master, write to it, and heal the wall after its replica was elected."
        };
        return html! { <p class="empty">{ format!("None at this instant. {meaning}. {more}") }</p> };
    }
    const HEAD: [&str; 7] = ["Client", "Command", "Key", "When", "Ran on", "Where it is", "Why"];
    html! {
        <table class="table" id="writes">
            <caption>{ format!("The newest {} {name}, on {}", rows.len() - 1, if holders.is_empty() { "no node".to_owned() } else { holders.join(", ") }) }</caption>
            <thead><tr>{ for HEAD.iter().map(|name| html! { <th scope="col">{ *name }</th> }) }</tr></thead>
            <tbody>{ for rows.iter().skip(1).map(|row| html! { <tr>{ for row.iter().map(|cell| html! { <td>{ cell }</td> }) }</tr> }) }</tbody>
        </table>
    }
}

/// Lights nodes as long as the component is there.
#[hook]
fn use_light(names: Vec<String>, act: Callback<Act>) {
    use_effect_with(names, move |names| act.emit(Act::Lit(names.clone())));
}

/// What this browser keeps.
fn kept(storage: Option<&Storage>) -> Html {
    let (bold, small, alarm) = match storage {
        None => ("not yet".to_owned(), "kept in this browser".to_owned(), false),
        Some(Storage::Kept { cut_us, bytes, .. }) => {
            (words::bytes(*bytes), format!("kept up to {}", words::clock_short(*cut_us)), false)
        }
        Some(Storage::OtherTab) => {
            ("in memory".into(), "another tab of this browser keeps the cluster".into(), true)
        }
        Some(Storage::Replaced { .. }) => ("not yet".to_owned(), "kept in this browser".to_owned(), false),
        Some(Storage::Failed { why }) => ("in memory".into(), format!("not kept: {why}"), true),
    };
    html! { <div class="where" id="storage" role={alarm.then_some("alert")}
        title="What the nodes have fsynced is kept in this browser, up to this virtual instant">
    <b class={alarm.then_some("al")}>{ bold }</b><small>{ small }</small></div> }
}
