//! The top bar: time in all its forms, the seed, theme and help.

use super::{Act, Sheet, icon, value_of};
use vitrine_web::model::Phase;
use vitrine_web::protocol::ToWorker;
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub now_us: u64,
    pub playing: bool,
    /// Whether time is on its way to something, as fast as it can.
    pub going: bool,
    pub speed: f64,
    pub phase: Phase,
    /// How far before the end of its run the world is, in virtual microseconds.
    pub back_us: Option<u64>,
    pub seed: Option<String>,
    pub nodes: usize,
    pub stopped: bool,
    pub act: Callback<Act>,
}

/// The line that lets time go on, or holds it.
pub fn play_line(playing: bool) -> Act {
    Act::Line(if playing { "stop" } else { "play" }.into())
}

/// The line that sets the speed.
pub fn speed_line(speed: f64) -> Act {
    Act::Line(format!("speed {speed}x"))
}

pub fn play_pause(playing: bool, act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(move |_| play_line(playing))
}

pub fn step(act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(|_| Act::Line("step".into()))
}

pub fn step_back(act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(|_| Act::Line("back".into()))
}

/// What time can run to or back to: the word of the line, and its name in the list.
const KINDS: [(&str, &str); 10] = [
    ("", "any event"),
    ("action", "fault or action"),
    ("role", "role"),
    ("fail", "FAIL"),
    ("vote", "vote"),
    ("slots", "slots"),
    ("state", "state"),
    ("message", "message"),
    ("disk", "disk"),
    ("error", "error"),
];

/// How far back, as the pill says it.
pub fn back_text(back_us: u64) -> String {
    format!("{} back", words::duration(back_us))
}

pub fn speed_to(speed: f64, act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(move |_| speed_line(speed))
}

#[component]
pub fn TopBar(props: &Props) -> Html {
    let act = &props.act;
    let (whole, part) = words::clock(props.now_us);
    let off = props.stopped || props.seed.is_none();
    let notch = words::SPEEDS.iter().position(|&s| s >= props.speed * 0.999).unwrap_or(3) as i32 - 3;
    let notched = |event: &web_sys::Event| {
        let value = value_of(event).parse::<i32>().unwrap_or(0);
        words::SPEEDS[(value.clamp(-3, 3) + 3) as usize]
    };
    // What is passed on the way is not worth a line.
    let slide = act.reform(move |event: InputEvent| Act::Send(ToWorker::Speed(notched(&event))));
    let chosen = act.reform(move |event: Event| speed_line(notched(&event)));
    let moves = props.playing || props.going;
    let label = if moves { "Pause" } else { "Play" };
    let live = match (&props.phase, props.stopped, props.playing) {
        (_, true, _) => "Stopped",
        (Phase::Starting { .. }, ..) => "Starting",
        _ if props.going => "Running on",
        (_, _, true) => "Live",
        _ => "Held",
    };
    let dashed = (live != "Live").then_some("live--back");
    let kind = use_state(|| 0usize);
    let choose = {
        let kind = kind.clone();
        Callback::from(move |e: Event| kind.set(value_of(&e).parse().unwrap_or(0)))
    };
    let (word, what) = KINDS[*kind % KINDS.len()];
    let go = |verb: &'static str| {
        act.reform(move |_: MouseEvent| Act::Line(format!("{verb} {word}").trim().to_owned()))
    };
    let (next, last) = (format!("Run to the next: {what}"), format!("Go back to the last: {what}"));
    html! {
        <header class="top">
            <h1 class="brand">
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4.5 17V3.5h15V17" /><path d="M2 17h20M5.5 20.5h13" />
                    <circle cx="12" cy="10.5" r="4" stroke-dasharray="6.8 1.58" /></svg>
                <span>{ "Vitrine" }</span>
            </h1>
            <button class="picker" id="picker" title="Begin another world, or open one" aria-haspopup="dialog" disabled={props.stopped}
                onclick={act.reform(|_| Act::Dialog(Some(Sheet::Topology)))}>
                <span><span class="picker__k">{ "Free play" }</span>
                <span class="picker__n">{ if props.nodes == 0 { "Redis Cluster".to_owned() } else { words::count(props.nodes, "node", "nodes") } }</span></span>{ icon("i-chev") }
            </button>
            <div class="transport" role="toolbar" aria-label="Time">
                <button class="ib" id="step-back" aria-label="Step back one event" title="Step back one event  (,)" disabled={off}
                    onclick={step_back(act)}>{ icon("i-prev") }</button>
                <button class="ib ib--play" aria-label={label} title={format!("{label}  (Space)")} disabled={off}
                    onclick={play_pause(moves, act)}>{ icon(if moves { "i-hold2" } else { "i-play" }) }</button>
                <button class="ib" aria-label="Step one event" title="Step one event  (.)" disabled={off}
                    onclick={step(act)}>{ icon("i-next") }</button>
                <div class="goto" role="group" aria-label="Run to an event">
                    <button class="ib ib--sm" id="last-event" aria-label={last.clone()} title={last} disabled={off} onclick={go("last")}>{ icon("i-to-last") }</button>
                    <select aria-label="Which kind of event" title="Which kind of event" disabled={off} onchange={choose}>
                        { for KINDS.iter().enumerate().map(|(i, k)| html! { <option value={i.to_string()} selected={i == *kind}>{ k.1 }</option> }) }
                    </select>
                    <button class="ib ib--sm" id="next-event" aria-label={next.clone()} title={next} disabled={off} onclick={go("next")}>{ icon("i-move") }</button>
                </div>
                <div class="speed"><span class="speed__t">
                    <svg class="speed__n" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true">
                        <path d="M0 16H120M0 12v8M20 12v8M40 12v8M60 9v14M80 12v8M100 12v8M120 12v8" /></svg>
                    <input id="speed" type="range" min="-3" max="3" step="1" value={notch.to_string()} disabled={off}
                        aria-label="Speed" aria-valuetext={format!("{} times", props.speed)} title="Speed  ([ and ])"
                        oninput={slide} onchange={chosen} /></span>
                    <output class="num" for="speed">{ words::speed(props.speed) }</output></div>
                <div class="clock" role="timer" aria-label="Virtual time" id="clock">{ whole }<b>{ part }</b></div>
                if let Some(back) = props.back_us.filter(|_| !off) {
                    <button class="live live--back" id="live" title="Return to the end of the run"
                        onclick={act.reform(|_| Act::Line("live".into()))}>{ icon("i-next") }{ back_text(back) }</button>
                } else {
                    <span class={classes!("live", dashed)} id="live"><i></i>{ live }</span>
                }
            </div>
            <div class="top__r">
                if let Some(seed) = &props.seed {
                    <button class="seed-chip" title="Copy the seed: the same seed and actions give the same run"
                        onclick={act.reform(|_| Act::CopySeed)}>{ "seed " }<b id="seed">{ seed }</b></button>
                }
                <button class="btn btn--quiet" id="share" title="Copy a link to this run" aria-label="Share" aria-haspopup="dialog" disabled={off}
                    onclick={act.reform(|_| Act::Dialog(Some(Sheet::Share)))}>{ icon("i-share") }<span>{ "Share" }</span></button>
                <button class="btn btn--quiet" id="export" title="Save this run as a scenario file" aria-label="Export" disabled={off}
                    onclick={act.reform(|_| Act::Export)}>{ icon("i-export") }<span>{ "Export" }</span></button>
                <button class="ib" aria-label="Switch theme" title="Switch theme" onclick={act.reform(|_| Act::Theme)}>
                    { icon("i-theme") }</button>
                <button class="ib" aria-label="Help and keyboard shortcuts" title="Help  (?)"
                    onclick={act.reform(|_| Act::Dialog(Some(Sheet::Help)))}>{ icon("i-help") }</button>
            </div>
        </header>
    }
}
