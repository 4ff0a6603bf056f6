//! The top bar: time in all its forms, the seed, theme and help.

use super::{Act, icon};
use vitrine_web::model::Phase;
use vitrine_web::protocol::ToWorker;
use vitrine_web::words;
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub now_us: u64,
    pub playing: bool,
    pub speed: f64,
    pub phase: Phase,
    pub seed: Option<String>,
    pub nodes: usize,
    pub stopped: bool,
    pub act: Callback<Act>,
}

pub fn play_pause(playing: bool, act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(move |_| Act::Send(if playing { ToWorker::Pause } else { ToWorker::Play }))
}

pub fn step(act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(|_| Act::Send(ToWorker::Step))
}

pub fn speed_to(speed: f64, act: &Callback<Act>) -> Callback<MouseEvent> {
    act.reform(move |_| Act::Send(ToWorker::Speed(speed)))
}

#[component]
pub fn TopBar(props: &Props) -> Html {
    let act = &props.act;
    let (whole, part) = words::clock(props.now_us);
    let off = props.stopped || props.seed.is_none();
    let notch = words::SPEEDS.iter().position(|&s| s >= props.speed * 0.999).unwrap_or(3) as i32 - 3;
    let slide = act.reform(|event: InputEvent| {
        let value = event
            .target()
            .and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok())
            .and_then(|i| i.value().parse::<i32>().ok())
            .unwrap_or(0);
        Act::Send(ToWorker::Speed(words::SPEEDS[(value.clamp(-3, 3) + 3) as usize]))
    });
    let label = if props.playing { "Pause" } else { "Play" };
    let live = match (&props.phase, props.stopped, props.playing) {
        (_, true, _) => "Stopped",
        (Phase::Starting { .. }, ..) => "Starting",
        (_, _, true) => "Live",
        _ => "Held",
    };
    let dashed = (live != "Live").then_some("live--back");
    html! {
        <header class="top">
            <div class="brand">
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4.5 17V3.5h15V17" /><path d="M2 17h20M5.5 20.5h13" />
                    <circle cx="12" cy="10.5" r="4" stroke-dasharray="6.8 1.58" /></svg>
                <span>{ "Vitrine" }</span>
            </div>
            <div class="picker picker--plain">
                <span><span class="picker__k">{ "Free play" }</span>
                <span class="picker__n">{ if props.nodes == 0 { "Redis Cluster".to_owned() } else { words::count(props.nodes, "node", "nodes") } }</span></span>
            </div>
            <div class="transport" role="toolbar" aria-label="Time">
                <button class="ib ib--play" aria-label={label} title={format!("{label}  (Space)")} disabled={off}
                    onclick={play_pause(props.playing, act)}>{ icon(if props.playing { "i-hold2" } else { "i-play" }) }</button>
                <button class="ib" aria-label="Step one event" title="Step one event  (.)" disabled={off}
                    onclick={step(act)}>{ icon("i-next") }</button>
                <div class="speed"><span class="speed__t">
                    <svg class="speed__n" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true">
                        <path d="M0 16H120M0 12v8M20 12v8M40 12v8M60 9v14M80 12v8M100 12v8M120 12v8" /></svg>
                    <input id="speed" type="range" min="-3" max="3" step="1" value={notch.to_string()} disabled={off}
                        aria-label="Speed" aria-valuetext={format!("{} times", props.speed)} title="Speed  ([ and ])"
                        oninput={slide} /></span>
                    <output class="num" for="speed">{ words::speed(props.speed) }</output></div>
                <div class="clock" role="timer" aria-label="Virtual time" id="clock">{ whole }<b>{ part }</b></div>
                <span class={classes!("live", dashed)} id="live"><i></i>{ live }</span>
            </div>
            <div class="top__r">
                if let Some(seed) = &props.seed {
                    <button class="seed-chip" title="Copy the seed: the same seed and actions give the same run"
                        onclick={act.reform(|_| Act::CopySeed)}>{ "seed " }<b id="seed">{ seed }</b></button>
                }
                <button class="ib" aria-label="Switch theme" title="Switch theme" onclick={act.reform(|_| Act::Theme)}>
                    { icon("i-theme") }</button>
                <button class="ib" aria-label="Help and keyboard shortcuts" title="Help  (?)"
                    onclick={act.reform(|_| Act::Help(true))}>{ icon("i-help") }</button>
            </div>
        </header>
    }
}
