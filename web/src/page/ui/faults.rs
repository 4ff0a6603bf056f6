//! The faults that are in force: what each is, how long it still lasts, and the line that ends it.

use super::{Act, icon};
use crate::page::shared::Shared;
use vitrine_web::model::{ActiveFault, Cluster};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// Virtual time in tenths of a second.
    pub tenths: u64,
    pub act: Callback<Act>,
}

/// How many are shown; the others are told of by their number.
const SHOWN_MAX: usize = 60;

#[component]
pub fn Faults(props: &Props) -> Html {
    let open = use_state(|| false);
    let faults = &props.cluster.faults;
    {
        // The next fault must not open a list over the stage.
        let open = open.clone();
        use_effect_with(faults.is_empty(), move |&none| {
            if none {
                open.set(false);
            }
        });
    }
    if faults.is_empty() {
        return Html::default();
    }
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let run = |line: String| props.act.reform(move |_: MouseEvent| Act::Line(line.clone()));
    let row = |fault: &ActiveFault| {
        let word = match fault.undo.split(' ').next() {
            Some("start") => "Start",
            Some("resume") => "Resume",
            _ => "End",
        };
        html! {
            <li><svg class="i" aria-hidden="true"><use href={format!("#{}", fault.icon)} /></svg><span>{ &fault.text }<small>{ lasts(fault, props.tenths * 100_000) }</small></span>
                <button class="btn btn--sm" title={fault.undo.clone()} aria-label={format!("{word}: {}", fault.text)}
                    onclick={run(fault.undo.clone())}>{ word }<code>{ &fault.undo }</code></button></li>
        }
    };
    let newest = faults.iter().max_by_key(|f| f.since_us).map_or("", |f| f.text.as_str());
    html! {
        <div class="faults">
            <button class="fchip" id="faults" aria-expanded={open.to_string()} aria-controls="fault-list" onclick={toggle}>
                { icon("i-bolt") }<b>{ words::count(faults.len(), "fault", "faults") }</b><span>{ newest.to_owned() }</span>
                { icon("i-chev") }</button>
            if *open {
                <section class="flist" id="fault-list" aria-label="Active faults">
                    <ul>{ for faults.iter().take(SHOWN_MAX).map(row) }</ul>
                    if faults.len() > SHOWN_MAX { <p class="menu__p">{ format!("and {} more", faults.len() - SHOWN_MAX) }</p> }
                    <button class="btn btn--sm" id="heal-all" title="heal" onclick={run("heal".into())}>
                        { icon("i-check") }{ "Heal everything" }<code>{ "heal" }</code></button>
                </section>
            }
        </div>
    }
}

fn lasts(fault: &ActiveFault, now_us: u64) -> String {
    // In whole tenths: a clock that counts down need not flicker.
    let tenths = |us: u64| words::duration(us / 100_000 * 100_000);
    let passed_us = now_us.saturating_sub(fault.since_us);
    match fault.until_us {
        Some(until) => format!("ends in {}", tenths(until.saturating_sub(now_us))),
        None if passed_us < 100_000 => "until it is ended".to_owned(),
        None => format!("for {}, until it is ended", tenths(passed_us)),
    }
}
