//! The heat map: all nodes as cells, for worlds of which a ring would show nothing, and for whoever wants to see news spread.
//!
//! Every cell is an element of its own, so that it is found by name, by tooltip, by keyboard and by a screen reader, and pressed as a
//! node of the ring is. One of them is in the order of tabs; arrows go on from there.

use super::super::{Act, Armed, MenuTarget, focus, menu, value_of};
use super::{press, zoom};
use crate::page::shared::Shared;
use std::fmt::Write;
use vitrine_web::geometry::main_group;
use vitrine_web::heat::{Cell, FIELD, LEVEL_MAX, Metric, Way, bars, cells, doubted, ends, level, neighbour};
use vitrine_web::model::{Belief, Cluster, DENSITY_PARTS, NodeIndex, Process};
use vitrine_web::zoom::View;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// Over how long what is counted by the second is counted, in tenths of a virtual second.
const RATE_TENTHS: u64 = 10;
/// The line on which the bars of the slots stand, and how high the highest is.
const BARS_FOOT: f64 = 84.0;
const BARS_HEIGHT: f64 = 18.0;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// Virtual time in tenths of a second.
    pub tenths: u64,
    pub metric: Metric,
    pub selected: Option<NodeIndex>,
    pub lit: Shared<Vec<NodeIndex>>,
    pub armed: Option<Armed>,
    /// What is seen of it.
    pub view: View,
    pub act: Callback<Act>,
}

/// The choice of what brightness tells.
pub fn choice(metric: &UseStateHandle<Metric>) -> Html {
    let choose = {
        let metric = metric.clone();
        Callback::from(move |e: Event| {
            let name = value_of(&e);
            metric.set(Metric::ALL.into_iter().find(|m| m.name() == name).unwrap_or(*metric));
        })
    };
    html! {
        <label class="heat__m"><span class="sr">{ "What brightness tells" }</span><select id="heat-metric" onchange={choose}>
            { for Metric::ALL.into_iter().map(|m| html! { <option selected={m == **metric} value={m.name()}>{ m.name() }</option> }) }
        </select></label>
    }
}

/// The cells around which something is drawn, by what it is.
#[derive(Default)]
struct Marks {
    failed: String,
    suspected: String,
    election: String,
    isolated: String,
    walled: String,
    faulty: String,
    lit: String,
    selected: String,
}

fn cross(c: &Cell) -> String {
    let s = (c.w.min(c.h) * 0.6).min(9.0);
    let (x, y) = (c.x + (c.w - s) / 2.0, c.y + (c.h - s) / 2.0);
    format!("M{x:.1} {y:.1}l{s:.1} {s:.1}m0 -{s:.1}l-{s:.1} {s:.1}")
}

/// The outline of a cell, so much larger on each side.
fn outline(c: &Cell, by: f64) -> String {
    let (w, h) = (c.w + 2.0 * by, c.h + 2.0 * by);
    format!("M{:.1} {:.1}h{w:.1}v{h:.1}h-{w:.1}z", c.x - by, c.y - by)
}

/// A square within a cell.
fn square(c: &Cell) -> String {
    let s = (c.w.min(c.h) * 0.55).min(9.0);
    format!("M{:.1} {:.1}h{s:.1}v{s:.1}h-{s:.1}z", c.x + (c.w - s) / 2.0, c.y + (c.h - s) / 2.0)
}

/// The corners around a cell.
fn corners(c: &Cell) -> String {
    let (a, b, x, y) = (c.x - 3.0, c.y - 3.0, c.x + c.w + 3.0, c.y + c.h + 3.0);
    format!(
        "M{a:.1} {:.1}v-5h5M{:.1} {b:.1}h5v5M{x:.1} {:.1}v5h-5M{:.1} {y:.1}h-5v-5",
        b + 5.0,
        x - 5.0,
        y - 5.0,
        a + 5.0
    )
}

fn marks(props: &Props, cells: &[Cell]) -> Marks {
    let c = &props.cluster;
    let doubted = doubted(c);
    let mut out = Marks::default();
    for (i, cell) in cells.iter().enumerate() {
        let n = &c.nodes[i];
        match doubted[i] {
            Some(Belief::Fail) => out.failed += &cross(cell),
            Some(_) => out.suspected += &outline(cell, -0.75),
            None => {}
        }
        if n.candidate.is_some() {
            out.election += &square(cell);
        }
        if n.isolated {
            out.isolated += &outline(cell, 2.5);
        }
    }
    let at = |i: &NodeIndex| cells.get(usize::from(*i));
    let main = main_group(c);
    let away = c.groups.iter().enumerate().filter(|&(group, _)| Some(group) != main);
    for cell in away.flat_map(|(_, members)| members).filter_map(at) {
        let _ =
            write!(out.walled, "M{:.1} {:.1}h{:.1}v3h-{:.1}z", cell.x, cell.y + cell.h - 3.0, cell.w, cell.w);
    }
    for cell in c.faults.iter().flat_map(|f| &f.nodes).filter_map(at) {
        let _ = write!(out.faulty, "M{:.1} {:.1}h4v4h-4z", cell.x, cell.y);
    }
    let picked = props.armed.iter().flat_map(|a| &a.picked);
    for cell in props.lit.iter().chain(picked).filter_map(at) {
        out.lit += &outline(cell, 1.5);
    }
    out.selected = props.selected.as_ref().and_then(at).map(corners).unwrap_or_default();
    out
}

/// A handler of what has the cells in it, for one of them.
fn on_node<E: AsRef<web_sys::Event> + 'static>(
    act: &Callback<Act>,
    does: impl Fn(NodeIndex, E) -> Option<Act> + 'static,
) -> Callback<E> {
    let act = act.clone();
    Callback::from(move |e: E| {
        let node = press::node_of(e.as_ref().target().and_then(|t| t.dyn_into().ok()));
        if let Some(done) = node.and_then(|node| does(node, e)) {
            act.emit(done);
        }
    })
}

/// What a node is, in a few words.
fn state(process: Process) -> &'static str {
    match process {
        Process::Up => "",
        Process::Loading => ", loads its files",
        Process::Paused => ", paused",
        Process::Crashed | Process::Killed | Process::Stopped => ", down",
    }
}

#[component]
pub fn Heat(props: &Props) -> Html {
    let (c, act) = (&props.cluster, &props.act);
    let cells = cells(c);
    // The two clusters before this one, about a second apart.
    let past = use_mut_ref(|| [None::<(u64, Shared<Cluster>)>, None]);
    let before = {
        let mut past = past.borrow_mut();
        if past[1].as_ref().is_some_and(|p| p.0 > props.tenths || p.1.nodes.len() != c.nodes.len()) {
            *past = [None, None];
        }
        if past[1].as_ref().is_none_or(|p| p.0 + RATE_TENTHS <= props.tenths) {
            *past = [past[1].take(), Some((props.tenths, c.clone()))];
        }
        past[0].clone()
    };
    let since = before.as_ref().map(|(at, then)| (&**then, (props.tenths - at) as f64 / 10.0));
    let values = props.metric.values(c, since);
    let ends = ends(props.metric, &values);
    let marks = marks(props, &cells);
    let press = press::use_press(act, props.view, Callback::noop());
    let click = on_node(act, |node, e: MouseEvent| Some(Act::Node(node, e.shift_key())));
    let open = on_node(act, |node, e: MouseEvent| {
        e.prevent_default();
        Some(Act::Menu(MenuTarget::Node(node), e.client_x(), e.client_y()))
    });
    let keys = {
        let armed = props.armed.is_some();
        let (names, cells): (Vec<String>, _) =
            (c.nodes.iter().map(|n| n.name.clone()).collect(), cells.clone());
        on_node(act, move |node, e: KeyboardEvent| {
            let done = match e.key().as_str() {
                "Enter" if !armed => {
                    let (x, y) = menu::beside(e.target());
                    Some(Act::Menu(MenuTarget::Node(node), x, y))
                }
                "Enter" | " " => {
                    e.stop_propagation();
                    Some(Act::Node(node, e.shift_key()))
                }
                key => {
                    let way = match key {
                        "ArrowRight" => Way::Right,
                        "ArrowLeft" => Way::Left,
                        "ArrowDown" => Way::Down,
                        "ArrowUp" => Way::Up,
                        _ => return None,
                    };
                    if let Some(to) = neighbour(&cells, node.into(), way) {
                        focus(&format!("node-{}", names[to]));
                    }
                    None
                }
            };
            e.prevent_default();
            done
        })
    };
    let first = props.selected.map_or(0, usize::from);
    let cell = |(i, at): (usize, &Cell)| {
        let n = &c.nodes[i];
        let off = props.armed.as_ref().is_some_and(|a| !a.row.fits_node(c, i)).then_some("node--off");
        let there = (n.process != Process::Up).then_some("hm--down");
        let role = if n.master { "master" } else { "replica" };
        let says = format!("{}, {role}{}: {}", n.name, state(n.process), props.metric.says(values[i]));
        html! {
            <rect class={classes!("hm", format!("l{}", level(values[i], ends)), there, off)} data-node={i.to_string()} id={format!("node-{}", n.name)}
                x={format!("{:.1}", at.x)} y={format!("{:.1}", at.y)} width={format!("{:.1}", at.w)} height={format!("{:.1}", at.h)}
                role="button" aria-haspopup="menu" aria-pressed={(props.selected == Some(i as NodeIndex)).to_string()}
                tabindex={if i == first { "0" } else { "-1" }} aria-label={says.clone()}><title>{ says }</title></rect>
        }
    };
    let armed = props.armed.is_some().then_some("scene--armed");
    html! {
        <svg class={classes!("scene", "heat", armed)} viewBox={zoom::view_box(props.view)} role="group" onpointerdown={press.down}
            onpointermove={press.moved} onpointerup={press.up} onpointercancel={press.away} ontouchend={press.lifted} aria-label={super::spoken_summary("Heat map", c)}>
            { slots(c, act) }
            // A cell's title is about the node: no word of it is explained.
            <g data-tip=""
                onclick={click} oncontextmenu={open} onkeydown={keys}>{ for cells.iter().enumerate().map(cell) }</g>
            <g class="hmarks" aria-hidden="true">
                { for [("hw", marks.walled), ("hf", marks.faulty), ("hi", marks.isolated), ("hp", marks.suspected), ("hx", marks.failed),
                    ("he", marks.election), ("target", marks.lit), ("reticle", marks.selected)].into_iter().map(|(class, d)| html! { <path {class} {d} /> }) }
            </g>
            { press.line }
            { key_to_it(props.metric.number(ends.0), props.metric.number(ends.1)) }
        </svg>
    }
}

/// How many keys the slots hold, and which of them nobody serves. It opens the slot map.
fn slots(c: &Cluster, act: &Callback<Act>) -> Html {
    let (left, _, width, _) = FIELD;
    let (mut there, mut gone) = (String::new(), String::new());
    for (i, bar) in bars(c).iter().enumerate() {
        let x = left + (i as f64 + 0.5) * width / DENSITY_PARTS as f64;
        let _ = match bar {
            Some(share) => write!(there, "M{x:.1} {BARS_FOOT}v-{:.1}", 3.0 + share * (BARS_HEIGHT - 3.0)),
            None => write!(gone, "M{:.1} {BARS_FOOT}v-{BARS_HEIGHT}h5.3v{BARS_HEIGHT}z", x - 2.6),
        };
    }
    let shows = act.reform(|_| Act::Slots(true));
    html! {
        <g class="opens" onclick={act.reform(|_: MouseEvent| Act::Slots(true))}>
            <g role="button" tabindex="0" aria-label="Slot map" onkeydown={super::super::pressed(shows)}>
                <title>{ "Slot map" }</title>
                <rect class="hs-hit" x={left.to_string()} y="48" width={width.to_string()} height="38" /></g>
            <path class="hs" d={there} /><path class="hs-gap" d={gone} />
            <text class="t t--tick" x={left.to_string()} y="60">{ "slot 0" }</text>
            <text class="t t--tick" x={(left + width).to_string()} y="60" text-anchor="end">{ "16383" }</text></g>
    }
}

/// The scale, and what the marks mean.
fn key_to_it(low: String, high: String) -> Html {
    let sample = Cell { x: 0.0, y: 0.0, w: 22.0, h: 16.0 };
    let mark = |x: u32, class: &'static str, d: String, name: &'static str| {
        html! { <g transform={format!("translate({x} 482)")}><rect class="hm l1" width="22" height="16" />
        <path {class} {d} /><text class="t" x="30" y="12">{ name }</text></g> }
    };
    html! {
        <g aria-hidden="true">
            <text class="t" x="118" y="494">{ low }</text>
            { for (1..=LEVEL_MAX).map(|l| html! {
                <rect class={format!("hm l{l}")} x={(150 + u32::from(l) * 22).to_string()} y="484" width="20" height="12" /> }) }
            <text class="t" x="312" y="494">{ high }</text>
            { mark(408, "hx", cross(&sample), "FAIL") }{ mark(486, "hp", outline(&sample, -0.75), "PFAIL") }
            { mark(572, "he", square(&sample), "election") }{ mark(678, "hi", outline(&sample, 2.5), "isolated") }
            <text class="t t--side heat__n" x="778" y="526" text-anchor="end">{ "A block is a shard: its master is wide, its replicas are below." }</text>
        </g>
    }
}
