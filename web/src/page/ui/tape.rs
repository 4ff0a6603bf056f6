//! The tape: a row of faults and a lane per node, role and state over time, with a head at now. Wheel zooms at the pointer,
//! drag pans; Follow keeps the head in view. The head is dragged on the ruler, and the world goes where it is: one travel at a
//! time, the latest wish next. What comes after the head in a run that was played further is drawn faintly.

use super::share::opened;
use super::why::About;
use super::{Act, icon, run_line, shard_class, value_of};
use crate::page::shared::Shared;
use crate::page::tape::{Lane, Mark, Tape, merged};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use vitrine_web::faults::ROWS;
use vitrine_web::gather;
use vitrine_web::model::{Cluster, LaneState, Node, NodeIndex, TapeMark, Time, by_shard};
use vitrine_web::words;
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub tape: Shared<Tape>,
    /// The tape up to the end of the run, while the world is in its past.
    pub future: Option<Shared<Tape>>,
    pub time: Shared<Time>,
    pub now_us: u64,
    /// What was opened and waits; empty if nothing does.
    pub opened: AttrValue,
    pub act: Callback<Act>,
}

/// What part of time shows.
#[derive(Clone, Copy, PartialEq)]
struct Window {
    /// How much, in virtual microseconds.
    span_us: f64,
    /// Where it begins; without one it follows the head.
    from_us: Option<f64>,
}

/// Where the head is taken, and whether the world is on its way there.
#[derive(Default)]
struct Travel {
    wanted_us: Option<u64>,
    busy: bool,
}

/// Sets out to the latest place that was wished for, unless the world is on its way already.
fn set_out(travel: &Rc<RefCell<Travel>>, act: &Callback<Act>) {
    let wanted = {
        let mut travel = travel.borrow_mut();
        if travel.busy {
            return;
        }
        travel.wanted_us.take()
    };
    if let Some(at) = wanted {
        travel.borrow_mut().busy = true;
        let (travel, again) = (travel.clone(), act.clone());
        run_line(act, format!("goto {at}us"), true, move |_| {
            travel.borrow_mut().busy = false;
            set_out(&travel, &again);
        });
    }
}

/// Lanes are narrow and stand under their shard's name from here on.
const CROWD_FROM: usize = 13;
/// More lines than this are not told apart: shards share them.
const LINES_MAX: usize = 40;
/// How many lines of a crowd have their name beside them.
const NAMES_MAX: usize = 10;

/// The class of a tape of so many nodes.
pub fn crowd(nodes: usize) -> Option<&'static str> {
    (nodes >= CROWD_FROM).then_some("tp--many")
}

/// Longer names have more room beside the lanes.
const LABEL_USUAL: usize = 5;

/// One line of the tape.
pub struct Row<'a> {
    pub label: String,
    pub shard: u16,
    pub lane: Cow<'a, Lane>,
    pub future: Option<Cow<'a, Lane>>,
}

/// The lines of the tape, shard by shard: one for each node, or one for each shard or for several.
pub fn rows<'a>(nodes: &[Node], tape: &'a Tape, future: Option<&'a Tape>) -> Vec<Row<'a>> {
    static NONE: Lane = Lane { states: Vec::new(), marks: Vec::new() };
    fn lane_of(tape: &Tape, i: usize) -> &Lane {
        tape.lanes.get(i).unwrap_or(&NONE)
    }
    let shard_name = |n: &Node| words::stem(&n.name).to_owned();
    let row = |(i, n): (usize, &Node)| Row {
        label: n.name.clone(),
        shard: n.shard,
        lane: Cow::Borrowed(lane_of(tape, i)),
        future: future.map(|f| Cow::Borrowed(lane_of(f, i))),
    };
    let order = by_shard(nodes);
    if nodes.len() < CROWD_FROM {
        return order.into_iter().map(|i| row((i, &nodes[i]))).collect();
    }
    // A shard of a crowd has one line, on which its worst state shows.
    let shards = usize::from(nodes[order[order.len() - 1]].shard) + 1;
    if !gather::crowd(nodes.len()) {
        let (step, mut last) = (shards.div_ceil(NAMES_MAX) as u16, None);
        let named = |i: usize| {
            let mut row = row((i, &nodes[i]));
            let has_name = row.shard % step == 0 && last != Some(row.shard);
            row.label = if has_name { shard_name(&nodes[i]) } else { String::new() };
            last = Some(row.shard);
            row
        };
        return order.into_iter().map(named).collect();
    }
    let together = shards.div_ceil(LINES_MAX);
    let groups = order
        .chunk_by(|&a, &b| usize::from(nodes[a].shard) / together == usize::from(nodes[b].shard) / together);
    let all =
        |tape: &Tape, group: &[usize]| merged(&group.iter().map(|&i| lane_of(tape, i)).collect::<Vec<_>>());
    let line = |group: &[usize]| {
        let (first, last) = (&nodes[group[0]], &nodes[group[group.len() - 1]]);
        Row {
            label: match together {
                1 => shard_name(first),
                _ => format!("{}–{}", first.shard + 1, last.shard + 1),
            },
            shard: first.shard,
            lane: Cow::Owned(all(tape, group)),
            future: future.map(|f| Cow::Owned(all(f, group))),
        }
    };
    let mut rows: Vec<Row> = groups.map(line).collect();
    // As many names as can be read.
    let step = rows.len().div_ceil(NAMES_MAX);
    for (at, row) in rows.iter_mut().enumerate() {
        if at % step != 0 {
            row.label.clear();
        }
    }
    rows
}

const SPAN_MIN: f64 = 1_000.0;
/// How far a mark stands from where it belongs at the most so that it can be seen, in widths of a mark.
const SIDE_BY_SIDE_MAX: f64 = 5.0;
/// Where the head stands while it is followed, as a share of the width; and where in the past, of which the future shows too.
const HEAD_AT: f64 = 0.9;
const HEAD_AT_BACK: f64 = 0.6;

/// The distance of ticks on the ruler that gives about six of them.
fn tick_us(span_us: f64) -> u64 {
    let mut unit = 1u64;
    loop {
        for step in [1, 2, 5] {
            if span_us / (unit * step) as f64 <= 8.0 {
                return unit * step;
            }
        }
        unit *= 10;
    }
}

fn tick_text(at_us: u64, tick: u64) -> String {
    let s = at_us / 1_000_000;
    let clock = if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{:02}:{:02}", s / 60, s % 60)
    };
    match tick {
        1_000_000.. => clock,
        1_000.. => format!("{clock}.{:03}", at_us / 1000 % 1000),
        _ => format!("{clock}.{:06}", at_us % 1_000_000),
    }
}

#[component]
pub fn TapeView(props: &Props) -> Html {
    let edge = super::dock::use_edge();
    let window = use_state(|| Window { span_us: 30e6, from_us: None });
    // What the pointer's place is measured on, and what holds the pointer: a listener is told of the page's root, not of its element.
    let plot = use_node_ref();
    let drag = use_mut_ref(|| None::<(f64, f64)>);
    // Where the head is held, and whether the pointer holds it still.
    let held = use_state(|| None::<(f64, bool)>);
    let travel = use_mut_ref(Travel::default);
    let picked = use_state(|| None::<(Option<NodeIndex>, Mark)>);
    let act = &props.act;
    let back = props.time.end_us.is_some();
    let now = props.now_us as f64;
    let end_us = props.time.end_us.unwrap_or(props.now_us);
    let end = end_us as f64;
    {
        // The world has come to where the head was let go.
        let held = held.clone();
        use_effect_with(props.now_us, move |_| {
            if matches!(*held, Some((_, false))) {
                held.set(None);
            }
        });
        // Back at the end of a run, or in another one: follow it again.
        let (window, picked) = (window.clone(), picked.clone());
        use_effect_with((back, props.time.run), move |&(back, _)| {
            if !back && window.from_us.is_some() {
                window.set(Window { from_us: None, ..*window });
            }
            if picked.is_some() {
                picked.set(None);
            }
        });
    }
    let w = *window;
    let head_us = held.map_or(now, |h| h.0);
    let start = props.tape.start_us as f64;
    let from = w.from_us.unwrap_or_else(|| {
        let lead = now - w.span_us * if back { HEAD_AT_BACK } else { HEAD_AT };
        lead.max(start)
    });
    // Seen from here, in percent of the width.
    let x = move |us: f64| (us - from) / w.span_us * 100.0;
    let set = |next: Window| {
        let window = window.clone();
        move || window.set(next)
    };
    let zoom_to = {
        let window = window.clone();
        move |factor: f64, at: Option<f64>| {
            let span_us = (w.span_us * factor).clamp(SPAN_MIN, 86_400e6);
            let from_us = match (w.from_us, at) {
                (None, None) => None,
                (None, Some(_)) if w.from_us.is_none() => None,
                (Some(f), at) => Some((f + (w.span_us - span_us) * at.unwrap_or(0.5)).max(start)),
                (None, _) => None,
            };
            window.set(Window { span_us, from_us });
        }
    };
    let wheel = {
        let (zoom_to, plot) = (zoom_to.clone(), plot.clone());
        Callback::from(move |e: WheelEvent| {
            e.prevent_default();
            zoom_to(if e.delta_y() > 0.0 { 1.25 } else { 0.8 }, share_at(&plot, e.client_x()));
        })
    };
    let (down, moved, up) = {
        let (drag, drag2, drag3, window) = (drag.clone(), drag.clone(), drag, window.clone());
        let (plot, plot2) = (plot.clone(), plot.clone());
        (
            Callback::from(move |e: PointerEvent| {
                *drag.borrow_mut() = share_at(&plot, e.client_x()).map(|at| (at, from));
            }),
            Callback::from(move |e: PointerEvent| {
                if let Some((grip, origin)) = *drag2.borrow()
                    && e.buttons() & 1 == 1
                    && let Some(at) = share_at(&plot2, e.client_x())
                    && (at - grip).abs() > 0.005
                {
                    window.set(Window { from_us: Some((origin - (at - grip) * w.span_us).max(start)), ..w });
                }
            }),
            Callback::from(move |_: PointerEvent| *drag3.borrow_mut() = None),
        )
    };
    // Goes to an instant; what is after the end was not played yet.
    let go = {
        let act = act.clone();
        move |at: f64, quiet: bool| {
            let line = if at >= end { "live".to_owned() } else { format!("goto {}us", at.max(start) as u64) };
            if at < end || back {
                act.emit(if quiet { Act::Quiet(line) } else { Act::Line(line) });
            }
        }
    };
    // On the ruler the pointer takes the head along.
    let scrub = {
        let (held, travel, act, window) = (held.clone(), travel.clone(), act.clone(), window.clone());
        let plot = plot.clone();
        Callback::from(move |e: PointerEvent| {
            e.stop_propagation();
            let begins = e.type_() == "pointerdown";
            let holds = begins || matches!(*held, Some((_, true)));
            let Some(share) = share_at(&plot, e.client_x()).filter(|_| holds && e.buttons() & 1 == 1) else {
                return;
            };
            if begins {
                if let Some(plot) = plot.cast::<web_sys::Element>() {
                    let _ = plot.set_pointer_capture(e.pointer_id());
                }
                // The window stands still under the pointer.
                window.set(Window { from_us: Some(from), ..w });
            }
            let at = (from + share * w.span_us).clamp(start, end);
            held.set(Some((at, true)));
            travel.borrow_mut().wanted_us = Some(at as u64);
            set_out(&travel, &act);
        })
    };
    let let_go = {
        let (held, travel, go, plot) = (held.clone(), travel, go.clone(), plot.clone());
        Callback::from(move |e: PointerEvent| {
            e.stop_propagation();
            if let Some((at, true)) = *held {
                let share = share_at(&plot, e.client_x());
                let at = share.map_or(at, |share| (from + share * w.span_us).clamp(start, end));
                held.set(Some((at, false)));
                travel.borrow_mut().wanted_us = None;
                go(at, false);
            }
        })
    };
    let follow = set(Window { from_us: None, ..w });
    let fit = {
        let all = (end - start).max(1e6);
        set(Window { span_us: all / HEAD_AT, from_us: back.then_some(start) })
    };
    let tick = tick_us(w.span_us);
    let keys = {
        let (zoom_to, window, go) = (zoom_to.clone(), window.clone(), go.clone());
        let (picked, tape) = (picked.clone(), props.future.clone().unwrap_or_else(|| props.tape.clone()));
        Callback::from(move |e: KeyboardEvent| {
            let shift = e.shift_key();
            let mark = |forward: bool| {
                let all = tape.marks();
                let near = match forward {
                    true => all.iter().find(|(_, m)| m.at_us > now as u64),
                    false => all.iter().rfind(|(_, m)| m.at_us < now as u64),
                };
                if let Some(&(node, mark)) = near {
                    picked.set(Some((node, mark.clone())));
                    go(mark.at_us as f64, true);
                }
            };
            match e.key().as_str() {
                "+" | "=" => zoom_to(0.5, None),
                "-" => zoom_to(2.0, None),
                "ArrowLeft" if shift => {
                    window.set(Window { from_us: Some((from - w.span_us * 0.2).max(start)), ..w })
                }
                "ArrowRight" if shift => window.set(Window { from_us: Some(from + w.span_us * 0.2), ..w }),
                "ArrowLeft" | "ArrowDown" => go((now - tick as f64).max(start), true),
                "ArrowRight" | "ArrowUp" => go(now + tick as f64, true),
                "PageUp" => mark(true),
                "PageDown" => mark(false),
                "Home" => go(start, true),
                "End" => go(end, true),
                _ => return,
            }
            e.prevent_default();
        })
    };
    let rows = rows(&props.cluster.nodes, &props.tape, props.future.as_deref());
    // A mark that was clicked, by what its element says.
    let mark_of = {
        let tape = props.future.clone().unwrap_or_else(|| props.tape.clone());
        move |e: &MouseEvent| {
            let target = e.target()?.dyn_into::<web_sys::Element>().ok()?;
            let said = target.closest("[data-ev]").ok().flatten()?.get_attribute("data-ev")?;
            let found = tape.marks().into_iter().find(|(_, m)| mark_key(m) == said);
            found.map(|(node, mark)| (node, mark.clone()))
        }
    };
    let pick = {
        let (picked, mark_of) = (picked.clone(), mark_of.clone());
        Callback::from(move |e: MouseEvent| {
            if let Some(mark) = mark_of(&e) {
                picked.set(Some(mark));
            }
        })
    };
    let jump = {
        let go = go.clone();
        Callback::from(move |e: MouseEvent| {
            if let Some((_, mark)) = mark_of(&e) {
                go(mark.at_us as f64, false);
            }
        })
    };
    let first = (from.max(0.0) as u64).div_ceil(tick) * tick;
    let ticks: Vec<u64> =
        (0..12).map(|i| first + i * tick).take_while(|&t| (t as f64) < from + w.span_us).collect();
    // A number that the head's flag would cover is left out: half of it would be worse than none.
    let flag_len = flag_percent();
    let number_len = flag_len * 0.25;
    let head = x(head_us);
    // The flag is before the head, where there is room.
    let (flag_from, flag_x, flag_text_x) = match head < flag_len {
        true => (head, "0", "5.8rem"),
        false => (head - flag_len, "-6.2rem", "-.4rem"),
    };
    // What is said of a fork; a phone says nothing.
    let fork_len = flag_len * if flag_len < 25.0 { 1.8 } else { 0.2 };
    let apart = |a: f64, a_len: f64, b: f64, b_len: f64| a + a_len < b || a > b + b_len;
    let forks: Vec<(f64, f64, u32)> = forks(&props.time)
        .into_iter()
        .map(|(at, was)| (x(at as f64), was))
        .filter(|(at, _)| (0.0..=100.0).contains(at))
        .map(|(at, was)| {
            let says = match flag_from - fork_len {
                _ if apart(at, fork_len, flag_from, flag_len) => at,
                before @ 0.0.. => before,
                _ => flag_from + flag_len + 1.0,
            };
            (at, says, was)
        })
        .collect();
    let clear = |at: f64| {
        let (from, len) = (at - number_len, number_len * 2.0);
        apart(from, len, flag_from, flag_len) && forks.iter().all(|f| apart(from, len, f.1, fork_len))
    };
    let flag = words::clock(head_us as u64);
    let (zoom_in, zoom_out) = (zoom_to.clone(), zoom_to);
    let view = (from, w.span_us);
    let run = props.time.run;
    let choose_run = act.reform(|e: Event| Act::Line(format!("branch {}", value_of(&e))));
    let next_run = props.time.runs.iter().map(|r| r.number + 1).max().unwrap_or(1);
    let header = match back {
        true => format!("Looking at the past. Any action starts run {next_run}."),
        false => format!("run {run}, {} shown", words::duration(w.span_us as u64)),
    };
    let where_text = match props.time.end_us {
        Some(end) => {
            format!("{} before the end of run {run}", words::duration(end.saturating_sub(props.now_us)))
        }
        None => format!("the end of run {run}"),
    };
    let long = rows.iter().any(|row| row.label.chars().count() > LABEL_USUAL);
    html! {
        <>
        { edge }
        <section class={classes!("tape", back.then_some("tape--back"))} aria-label="Tape: what happened when">
            <div class="dock__h"><b>{ "Tape" }</b><span id="tape-says">{ header }</span>
                { opened(&props.opened, &props.act) }
                <div class="tape__z">
                    if props.time.runs.len() > 1 {
                        <select id="run" aria-label="Run" title="Another run" onchange={choose_run}>
                            { for props.time.runs.iter().map(|r| html! { <option value={r.number.to_string()} selected={r.number == run}>
                                { match r.from { Some((from, at)) => format!("run {}, left run {from} at {}", r.number, words::clock_short(at)), None => format!("run {}", r.number) } }</option> }) }
                        </select>
                    }
                    <button class="btn btn--sm btn--quiet" id="compare-runs" title="Compare runs, or try something again with another setting"
                        onclick={act.reform(|_| Act::Compare(true))}>{ icon("i-fork") }<span>{ "Compare" }</span></button>
                    <button class="btn btn--sm btn--quiet" aria-pressed={w.from_us.is_none().to_string()}
                        onclick={Callback::from(move |_| follow())}>{ "Follow" }</button>
                    <button class="btn btn--sm btn--quiet" onclick={Callback::from(move |_| fit())}>{ "Fit" }</button>
                    <button class="ib ib--sm" aria-label="Zoom out" title="Zoom out" onclick={Callback::from(move |_| zoom_out(2.0, None))}>{ icon("i-minus") }</button>
                    <button class="ib ib--sm" aria-label="Zoom in" title="Zoom in" onclick={Callback::from(move |_| zoom_in(0.5, None))}>{ icon("i-plus") }</button>
                </div></div>
            <div class={classes!("tp", crowd(props.cluster.nodes.len()), long.then_some("tp--long"))} onwheel={wheel} onpointerdown={down} onpointermove={moved} onpointerup={up}
                onclick={pick} ondblclick={jump} role="group" aria-label={spoken(props)}>
                <div class="tp__ruler" id="ruler" tabindex="0" role="slider" aria-label="Instant on the tape" onkeydown={keys}
                    aria-valuemin={(start as u64 / 1000).to_string()} aria-valuemax={(end_us / 1000).to_string()} aria-valuenow={(props.now_us / 1000).to_string()}
                    aria-valuetext={format!("{}, {where_text}", words::clock_short(props.now_us))} title="Drag to scrub; arrows move the head, Page Up and Page Down go from mark to mark"
                    onpointerdown={scrub.clone()} onpointermove={scrub} onpointerup={let_go.clone()} onpointercancel={let_go}>
                    <div class="tp__plot" ref={plot}><svg aria-hidden="true">
                    { for ticks.iter().filter(|&&t| clear(x(t as f64))).map(|&t| html! { <text x={format!("{:.2}%", x(t as f64))} y="17">{ tick_text(t, tick) }</text> }) }
                </svg></div></div>
                <div class="lane lane--faults"><span class="lane__n">{ "faults" }</span><div class="tp__plot">
                    <svg class="tp__lane">{ marks(&props.tape.faults, (0.0, now), view) }
                        if let Some(f) = &props.future { <g class="tp__future">{ marks(&f.faults, (now + 1.0, end), view) }</g> }</svg></div></div>
                { for rows.iter().map(|row| html! { <div class={classes!("lane", shard_class(row.shard))}><span class="lane__n">{ &row.label }</span>
                        <div class="tp__plot"><svg class="tp__lane" aria-hidden="true">
                            { segments(&row.lane, (0.0, now), view) }{ marks(&row.lane.marks, (0.0, now), view) }
                            if let Some(f) = &row.future { <g class="tp__future">{ segments(f, (now, end), view) }{ marks(&f.marks, (now + 1.0, end), view) }</g> }
                        </svg></div></div> }) }
                <svg class="tp__over" aria-hidden="true">
                    { for forks.iter().map(|&(at, says, was)| html! { <g class="fork">
                        <line x1={format!("{at:.2}%")} x2={format!("{at:.2}%")} y1="22" y2="100%" />
                        <svg x={format!("{says:.2}%")} overflow="visible"><rect x="-8" y="2" width="16" height="18" /><use href="#i-fork" x="-8" y="3" width="16" height="16" />
                            <rect x="8" y="2" width="9.5rem" height="18" /><text x="11" y="16">{ format!("changed here, was run {was}") }</text></svg></g> }) }
                </svg>
                if (0.0..=100.0).contains(&head) {
                    <svg class="tp__over head" aria-hidden="true">
                        <line x1={format!("{head:.2}%")} x2={format!("{head:.2}%")} y1="2" y2="100%" />
                        <svg x={format!("{head:.2}%")} overflow="visible"><rect x={flag_x} y="2" width="6.2rem" height="1.2rem" rx="2" />
                            <text x={flag_text_x} y="1rem">{ format!("{}{}", flag.0, flag.1) }</text></svg>
                    </svg>
                }
            </div>
            if let Some((node, mark)) = &*picked {
                { popover(*node, mark, act, { let picked = picked.clone(); Callback::from(move |_| picked.set(None)) }) }
            }
        </section>
        </>
    }
}

/// Where the present run and those that it comes from left another one, and which.
fn forks(time: &Time) -> Vec<(u64, u32)> {
    let mut forks = Vec::new();
    let mut run = time.run;
    while let Some((from, at)) = time.runs.iter().find(|r| r.number == run).and_then(|r| r.from) {
        forks.push((at, from));
        run = from;
    }
    forks
}

/// What a mark says, with what can be done about it.
fn popover(node: Option<NodeIndex>, mark: &Mark, act: &Callback<Act>, close: Callback<MouseEvent>) -> Html {
    let at = mark.at_us;
    html! {
        <div class="tape__m" id="mark" role="status"><b class="num">{ words::clock_short(at) }</b><span>{ &mark.text }</span>
            <button class="btn btn--sm" onclick={act.reform(move |_| Act::Line(format!("goto {at}us")))}>{ "Go there" }</button>
            if let Some(about) = About::mark(node, mark) {
                <button class="btn btn--sm" onclick={act.reform(move |_| Act::Why(Some(about.clone())))}>{ "Why?" }</button>
            }
            <button class="ib ib--sm" aria-label="Close" title="Close" onclick={close}>{ icon("i-x") }</button></div>
    }
}

/// How much of the plot's width the head's flag takes, in percent. The plot is not measured, which would cost a layout of the
/// page for every frame: its width follows from the window's, as style.css has it.
fn flag_percent() -> f64 {
    let window = crate::page::link::window().inner_width().ok().and_then(|w| w.as_f64()).unwrap_or(1440.0);
    let (plot, flag) = match window {
        ..720.0 => (window - 74.0, 100.0),
        ..1280.0 => (window - 414.0, 100.0),
        ..1800.0 => (window - 554.0, 100.0),
        _ => (window - 639.0, 112.0),
    };
    flag / plot.max(flag) * 100.0
}

/// Where the pointer is over the plot, 0 to 1.
fn share_at(plot: &NodeRef, client_x: i32) -> Option<f64> {
    let rect = plot.cast::<web_sys::Element>()?.get_bounding_client_rect();
    (rect.width() > 1.0).then(|| (f64::from(client_x) - rect.left()) / rect.width())
}

fn spoken(props: &Props) -> String {
    let last = props.tape.faults.last().or(props
        .tape
        .lanes
        .iter()
        .filter_map(|l| l.marks.last())
        .max_by_key(|m| m.at_us));
    match last {
        Some(mark) => format!("Tape. Latest: {} at {}.", mark.text, words::clock_short(mark.at_us)),
        None => "Tape. Nothing happened yet.".into(),
    }
}

/// The states of a lane within a part of the run, in a window that begins somewhere and has a length.
pub fn segments(lane: &Lane, (begin, until): (f64, f64), (from, span): (f64, f64)) -> Html {
    let (begin, until) = (begin.max(from), until.min(from + span));
    let end_of = |i: usize| lane.states.get(i + 1).map_or(until, |s| s.0 as f64);
    html! {
        { for lane.states.iter().enumerate().filter(|(i, s)| (s.0 as f64) < until && end_of(*i) > begin).map(|(i, &(at, state))| {
            let a = ((at as f64).max(begin) - from) / span * 100.0;
            let b = (end_of(i).min(until) - from) / span * 100.0;
            segment(state, a, (b - a).max(0.0))
        }) }
    }
}

fn segment(state: LaneState, a: f64, len: f64) -> Html {
    let (x1, x2) = (format!("{a:.3}%"), format!("{:.3}%", a + len));
    let line = |class: &'static str, dy: f64| {
        html! { <line class={classes!("sg", class)} x1={x1.clone()} x2={x2.clone()} y1="50%" y2="50%" transform={format!("translate(0 {dy})")} /> }
    };
    let boxed = |class: &'static str| {
        html! { <rect class={classes!("sg", class)} x={x1.clone()} width={format!("{len:.3}%")} y="50%" height="8" transform="translate(0 -4)" /> }
    };
    match state {
        LaneState::Master => line("sg-master", 0.0),
        LaneState::Replica => line("sg-replica", 0.0),
        LaneState::Syncing => line("sg-sync", 0.0),
        LaneState::Loading => line("sg-load", 0.0),
        LaneState::Paused => html! { <>{ line("sg-pause", -2.0) }{ line("sg-pause", 2.0) }</> },
        LaneState::CutOff => {
            html! { <>{ line("sg-cut", 0.0) }{ line("sg-notch", 0.0) }{ line("sg-under", 5.5) }</> }
        }
        LaneState::Pfail => boxed("sg-pfail"),
        LaneState::Fail => line("sg-fail", 0.0),
        LaneState::Election => boxed("sg-elect"),
        LaneState::Down => line("sg-down", 0.0),
    }
}

fn symbol(mark: TapeMark) -> (&'static str, bool) {
    match mark {
        TapeMark::Crash => ("i-bolt", true),
        TapeMark::Kill => ("i-kill", true),
        TapeMark::Shutdown => ("i-power", false),
        TapeMark::Pause => ("i-pause", true),
        TapeMark::Resume => ("i-play", false),
        TapeMark::Restart => ("i-restart", false),
        TapeMark::Wall => ("i-wall", true),
        TapeMark::Heal => ("i-check", false),
        TapeMark::Fail => ("i-x", true),
        TapeMark::Ballot => ("i-ballot", false),
        TapeMark::Vote => ("i-voted", false),
        TapeMark::Up => ("i-up", false),
        TapeMark::DownRole => ("i-down", false),
        TapeMark::Other(row) => {
            (row.and_then(|at| ROWS.get(usize::from(at))).map_or("i-dot", |row| row.icon), row.is_some())
        }
    }
}

/// A mark's name among all of a tape.
fn mark_key(mark: &Mark) -> String {
    format!("{} {}", mark.at_us, mark.text)
}

/// The marks within a part of the run, in a window that begins somewhere and has a length.
pub fn marks(marks: &[Mark], (begin, until): (f64, f64), (from, span): (f64, f64)) -> Html {
    let (begin, until) = (begin.max(from), until.min(from + span));
    // Marks that would hide one another stand side by side, as long as that is about where they belong.
    let wide = flag_percent() * 0.15;
    let mut free = 0.0;
    html! {
        { for marks.iter().filter(|m| (m.at_us as f64) >= begin && (m.at_us as f64) <= until).map(|m| {
            let mut x = (m.at_us as f64 - from) / span * 100.0;
            let vote = m.mark == TapeMark::Vote;
            if !vote {
                x = x.max(free).min(x + wide * SIDE_BY_SIDE_MAX);
                free = x + wide;
            }
            let (icon, alarm) = symbol(m.mark);
            let title = format!("{} {}", words::clock_short(m.at_us), m.text);
            html! { <svg class={classes!("ev", alarm.then_some("ev--a"), vote.then_some("ev--vote"))} x={format!("{x:.3}%")} y="50%" overflow="visible" data-ev={mark_key(m)}>
                <title>{ title }</title><rect class="ev__bg" x="-7" y="-7" width="14" height="14" rx="2" />
                <use href={format!("#{icon}")} x="-5.5" y="-5.5" width="11" height="11" /></svg> }
        }) }
    }
}
