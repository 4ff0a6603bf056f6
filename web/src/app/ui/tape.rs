//! The tape: a row of faults and a lane per node, role and state over time, with a head at now. Wheel zooms at the pointer,
//! drag pans; Follow keeps the head in view.

use super::{Act, icon, shard_class};
use crate::shared::Shared;
use crate::tape::{Lane, Mark, Tape};
use vitrine_web::model::{Cluster, LaneState, TapeMark};
use vitrine_web::words;
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub tape: Shared<Tape>,
    pub now_us: u64,
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

const SPAN_MIN: f64 = 1_000.0;
/// Where the head stands while it is followed, as a share of the width.
const HEAD_AT: f64 = 0.9;

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
    let window = use_state(|| Window { span_us: 30e6, from_us: None });
    let drag = use_mut_ref(|| None::<(f64, f64)>);
    let w = *window;
    let now = props.now_us as f64;
    let from = w.from_us.unwrap_or_else(|| {
        let lead = now - w.span_us * HEAD_AT;
        lead.max(props.tape.start_us as f64)
    });
    // Seen from here, in percent of the width.
    let start = props.tape.start_us as f64;
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
        let zoom_to = zoom_to.clone();
        Callback::from(move |e: WheelEvent| {
            e.prevent_default();
            zoom_to(if e.delta_y() > 0.0 { 1.25 } else { 0.8 }, share_at(&e, e.client_x()));
        })
    };
    let (down, moved, up) = {
        let (drag, drag2, drag3, window) = (drag.clone(), drag.clone(), drag, window.clone());
        (
            Callback::from(move |e: PointerEvent| {
                *drag.borrow_mut() = share_at(&e, e.client_x()).map(|at| (at, from));
            }),
            Callback::from(move |e: PointerEvent| {
                if let Some((grip, origin)) = *drag2.borrow()
                    && e.buttons() & 1 == 1
                    && let Some(at) = share_at(&e, e.client_x())
                    && (at - grip).abs() > 0.005
                {
                    window.set(Window { from_us: Some((origin - (at - grip) * w.span_us).max(start)), ..w });
                }
            }),
            Callback::from(move |_: PointerEvent| *drag3.borrow_mut() = None),
        )
    };
    let follow = set(Window { from_us: None, ..w });
    let fit = {
        let all = (now - props.tape.start_us as f64).max(1e6);
        set(Window { span_us: all / HEAD_AT, from_us: None })
    };
    let keys = {
        let (zoom_to, window) = (zoom_to.clone(), window.clone());
        Callback::from(move |e: KeyboardEvent| {
            match e.key().as_str() {
                "+" | "=" => zoom_to(0.5, None),
                "-" => zoom_to(2.0, None),
                "ArrowLeft" => window.set(Window { from_us: Some((from - w.span_us * 0.2).max(start)), ..w }),
                "ArrowRight" => window.set(Window { from_us: Some(from + w.span_us * 0.2), ..w }),
                "Home" => window.set(Window { from_us: Some(start), ..w }),
                "End" => window.set(Window { from_us: None, ..w }),
                _ => return,
            }
            e.prevent_default();
        })
    };
    let tick = tick_us(w.span_us);
    let first = (from.max(0.0) as u64).div_ceil(tick) * tick;
    let ticks: Vec<u64> =
        (0..12).map(|i| first + i * tick).take_while(|&t| (t as f64) < from + w.span_us).collect();
    // A number that the head's flag would cover is left out: half of it would be worse than none.
    let flag_len = flag_percent();
    let number_len = flag_len * 0.25;
    let clear = |at: f64| at + number_len < x(now) - flag_len || at - number_len > x(now);
    let many = (props.cluster.nodes.len() > 12).then_some("tp--many");
    let head = x(now);
    let flag = words::clock(props.now_us);
    let (zoom_in, zoom_out) = (zoom_to.clone(), zoom_to);
    html! {
        <section class="tape" aria-label="Tape: what happened when">
            <div class="dock__h"><b>{ "Tape" }</b><span>{ format!("{} shown", words::duration(w.span_us as u64)) }</span>
                <div class="tape__z">
                    <button class="btn btn--sm btn--quiet" aria-pressed={w.from_us.is_none().to_string()}
                        onclick={Callback::from(move |_| follow())}>{ "Follow" }</button>
                    <button class="btn btn--sm btn--quiet" onclick={Callback::from(move |_| fit())}>{ "Fit" }</button>
                    <button class="ib ib--sm" aria-label="Zoom out" title="Zoom out" onclick={Callback::from(move |_| zoom_out(2.0, None))}>{ icon("i-minus") }</button>
                    <button class="ib ib--sm" aria-label="Zoom in" title="Zoom in" onclick={Callback::from(move |_| zoom_in(0.5, None))}>{ icon("i-plus") }</button>
                </div></div>
            <div class={classes!("tp", many)} onwheel={wheel} onpointerdown={down} onpointermove={moved} onpointerup={up}
                onkeydown={keys} tabindex="0" role="group" aria-label={spoken(props)}>
                <div class="tp__ruler"><div class="tp__plot"><svg aria-hidden="true">
                    { for ticks.iter().filter(|&&t| clear(x(t as f64))).map(|&t| html! { <text x={format!("{:.2}%", x(t as f64))} y="17">{ tick_text(t, tick) }</text> }) }
                </svg></div></div>
                <div class="lane lane--faults"><span class="lane__n">{ "faults" }</span><div class="tp__plot">
                    <svg class="tp__lane">{ marks(&props.tape.faults, from, w.span_us) }</svg></div></div>
                { for props.cluster.nodes.iter().enumerate().map(|(i, n)| {
                    let lane = props.tape.lanes.get(i);
                    html! { <div class={classes!("lane", shard_class(n.shard))}><span class="lane__n">{ &n.name }</span>
                        <div class="tp__plot"><svg class="tp__lane" aria-hidden="true">
                            if let Some(lane) = lane { { segments(lane, from, w.span_us, now) }{ marks(&lane.marks, from, w.span_us) } }
                        </svg></div></div> }
                }) }
                if (0.0..=100.0).contains(&head) {
                    <svg class="tp__over head" aria-hidden="true">
                        <line x1={format!("{head:.2}%")} x2={format!("{head:.2}%")} y1="2" y2="100%" />
                        <svg x={format!("{head:.2}%")} overflow="visible"><rect x="-6.2rem" y="2" width="6.2rem" height="1.2rem" rx="2" />
                            <text x="-.4rem" y="1rem">{ format!("{}{}", flag.0, flag.1) }</text></svg>
                    </svg>
                }
            </div>
        </section>
    }
}

/// How much of the plot's width the head's flag takes, in percent. The plot is not measured, which would cost a layout of the
/// page for every frame: its width follows from the window's, as style.css has it.
fn flag_percent() -> f64 {
    let window = crate::link::window().inner_width().ok().and_then(|w| w.as_f64()).unwrap_or(1440.0);
    let (plot, flag) = match window {
        ..720.0 => (window - 74.0, 100.0),
        ..1280.0 => (window - 414.0, 100.0),
        ..1800.0 => (window - 554.0, 100.0),
        _ => (window - 639.0, 112.0),
    };
    flag / plot.max(flag) * 100.0
}

/// Where the pointer is over the plot, 0 to 1.
fn share_at(e: &web_sys::Event, client_x: i32) -> Option<f64> {
    let tape = e.current_target()?.dyn_into::<web_sys::Element>().ok()?;
    let plot = tape.query_selector(".lane .tp__plot").ok().flatten()?;
    let rect = plot.get_bounding_client_rect();
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

fn segments(lane: &Lane, from: f64, span: f64, now: f64) -> Html {
    let end_of = |i: usize| lane.states.get(i + 1).map_or(now, |s| s.0 as f64);
    let end = from + span;
    html! {
        { for lane.states.iter().enumerate().filter(|(i, s)| (s.0 as f64) < end && end_of(*i) > from).map(|(i, &(at, state))| {
            let a = ((at as f64).max(from) - from) / span * 100.0;
            let b = (end_of(i).min(end) - from) / span * 100.0;
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
        TapeMark::Other => ("i-dot", true),
    }
}

fn marks(marks: &[Mark], from: f64, span: f64) -> Html {
    let end = from + span;
    html! {
        { for marks.iter().filter(|m| (m.at_us as f64) >= from && (m.at_us as f64) <= end).map(|m| {
            let x = (m.at_us as f64 - from) / span * 100.0;
            let (icon, alarm) = symbol(m.mark);
            let title = format!("{} {}", words::clock_short(m.at_us), m.text);
            html! { <svg class={classes!("ev", alarm.then_some("ev--a"))} x={format!("{x:.3}%")} y="50%" overflow="visible">
                <title>{ title }</title><rect class="ev__bg" x="-7" y="-7" width="14" height="14" rx="2" />
                <use href={format!("#{icon}")} x="-5.5" y="-5.5" width="11" height="11" /></svg> }
        }) }
    }
}
