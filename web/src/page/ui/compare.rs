//! Two futures side by side: which writes each lost, what each holds, and both tapes since they parted. What was done can be done
//! once more with another setting at a press, which makes the second future.

use super::dialog::Dialog;
use super::looking::look_once;
use super::{Act, icon, run_line, shard_class, tape, value_of};
use crate::page::shared::Shared;
use crate::page::tape::Tape;
use std::rc::Rc;
use vitrine_core::store::float::of_decimal;
use vitrine_web::look::compare::Compared;
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::{Cluster, TapeItem, Time};
use vitrine_web::words;
use yew::prelude::*;

/// What the same can be tried again with: the name on the button, and what is set on every node.
const EXPERIMENTS: [(&str, &str); 3] = [
    ("min-replicas-to-write 1", "min-replicas-to-write 1 min-replicas-max-lag 2"),
    ("appendfsync always", "appendfsync always"),
    ("cluster-node-timeout 2000", "cluster-node-timeout 2000"),
];

#[derive(PartialEq, Properties)]
pub struct Props {
    pub time: Shared<Time>,
    pub now_us: u64,
    pub cluster: Shared<Cluster>,
    pub act: Callback<Act>,
}

/// What is compared: two runs, and the instant.
#[derive(Clone, Copy, PartialEq)]
struct Choice {
    a: u32,
    b: u32,
    at_us: u64,
}

/// The run that one is in with the one that it left, or with the latest other one, at the earlier of both ends.
fn usual(time: &Time, now_us: u64) -> Option<Choice> {
    let own = time.runs.iter().find(|r| r.number == time.run)?;
    let others = time.runs.iter().filter(|r| r.number != time.run);
    let a = own.from.map(|(run, _)| run).or_else(|| others.map(|r| r.number).max())?;
    Some(Choice { a, b: own.number, at_us: end_of(time, a, now_us).min(end_of(time, own.number, now_us)) })
}

fn end_of(time: &Time, run: u32, now_us: u64) -> u64 {
    let played = time.runs.iter().find(|r| r.number == run).map_or(0, |r| r.end_us);
    if run == time.run { time.end_us.unwrap_or(now_us) } else { played }
}

#[component]
pub fn Compare(props: &Props) -> Html {
    let act = &props.act;
    let choice = use_state(|| usual(&props.time, props.now_us));
    let found = use_state(|| None::<Rc<Result<Compared, String>>>);
    // The experiment that is going on, or why it could not.
    let trying = use_state(|| None::<Result<&'static str, String>>);
    let under_way = matches!(&*trying, Some(Ok(_)));
    {
        // Once an experiment is over there is another run: it is compared with the one that it left.
        let (choice, time, now) = (choice.clone(), props.time.clone(), props.now_us);
        use_effect_with((props.time.run, props.time.runs.len(), under_way), move |&(_, _, under_way)| {
            if !under_way {
                choice.set(usual(&time, now));
            }
        });
    }
    {
        let (found, act) = (found.clone(), act.clone());
        use_effect_with((*choice, under_way), move |&(choice, under_way)| {
            found.set(None);
            let Some(Choice { a, b, at_us }) = choice.filter(|_| !under_way) else { return };
            look_once(&act, Look::Compare { a, b, at_us }, move |seen| {
                found.set(Some(Rc::new(match seen {
                    Ok(Seen::Compared(compared)) => Ok(compared),
                    Ok(_) => Err("The answer is to another question.".into()),
                    Err(why) => Err(why),
                })));
            });
        });
    }
    let attempt = |(name, settings): (&'static str, &'static str)| {
        let (act, trying) = (act.clone(), trying.clone());
        Callback::from(move |_: MouseEvent| {
            let trying = trying.clone();
            trying.set(Some(Ok(name)));
            run_line(&act, format!("again CONFIG SET {settings}"), false, move |ended| {
                trying.set(ended.err().map(Err));
            });
        })
    };
    let pick = |second: bool| {
        let (choice, time, now) = (choice.clone(), props.time.clone(), props.now_us);
        Callback::from(move |e: Event| {
            if let (Some(mut next), Ok(run)) = (*choice, value_of(&e).parse()) {
                *(if second { &mut next.b } else { &mut next.a }) = run;
                next.at_us = end_of(&time, next.a, now).min(end_of(&time, next.b, now));
                choice.set(Some(next));
            }
        })
    };
    let at = {
        let choice = choice.clone();
        Callback::from(move |e: Event| {
            if let (Some(next), Some(seconds)) = (*choice, of_decimal(&value_of(&e))) {
                choice.set(Some(Choice { at_us: (seconds.max(0.0) * 1e6) as u64, ..next }));
            }
        })
    };
    let run_list = |chosen: u32, label: &'static str, onchange: Callback<Event>| {
        html! { <select aria-label={label} {onchange}>{ for props.time.runs.iter().map(|r| html! {
        <option value={r.number.to_string()} selected={r.number == chosen}>{ format!("run {}", r.number) }</option> }) }</select> }
    };
    html! {
        <Dialog title="Two futures of one seed" class="cmp" close={act.reform(|()| Act::Compare(false))}>
            <p class="cmp__p">{ "Goes back to a moment before the last fault, sets this on every node, and does again all that was done since:" }</p>
            <div class="row">
                { for EXPERIMENTS.into_iter().map(|e| html! {
                    <button class="btn" disabled={under_way} onclick={attempt(e)}>{ icon("i-fork") }{ format!("Try this again with {}", e.0) }</button> }) }
            </div>
            if let Some(Err(why)) = &*trying { <p class="al" role="alert">{ why }</p> }
            if let Some(chosen) = *choice {
                <div class="row cmp__c">
                    { run_list(chosen.a, "First run", pick(false)) }<span>{ "and" }</span>
                    { run_list(chosen.b, "Second run", pick(true)) }<span>{ "at second" }</span>
                    <input type="number" step="any" min="0" aria-label="Instant in seconds" value={format!("{}", chosen.at_us as f64 / 1e6)} onchange={at} />
                </div>
                <div id="compared" aria-busy={found.is_none().to_string()}>
                { match (&*trying, found.as_deref()) {
                    (Some(Ok(name)), _) => html! { <p class="empty" role="status">{ format!("The same is done again with {name}.") }</p> },
                    (_, None) => html! { <p class="empty">{ format!("Both runs are played again up to {}.", words::clock_short(chosen.at_us)) }</p> },
                    (_, Some(Err(why))) => html! { <p class="al" role="status">{ why }</p> },
                    (_, Some(Ok(compared))) => result(props, chosen, compared),
                } }
                </div>
            } else {
                <p class="empty" role="status">{ if under_way { "The same is done again." } else {
                    "There is one run so far. Try something again as above, or go back on the tape and do something else there." } }</p>
            }
        </Dialog>
    }
}

fn result(props: &Props, chosen: Choice, c: &Compared) -> Html {
    let (a, b) = (format!("Run {}", chosen.a), format!("Run {}", chosen.b));
    html! {
        <>
        <p class="cmp__said" role="status">{ &c.said }</p>
        <p class="cmp__p">{ format!("They parted at {}.", words::clock_short(c.parted_us)) }</p>
        <div class="cmp__tapes">{ lanes(props, c, &a, &c.tapes.0) }{ lanes(props, c, &b, &c.tapes.1) }</div>
        <table class="cmp__t"><thead><tr><td></td><th scope="col">{ a }</th><th scope="col">{ b }</th></tr></thead><tbody>
            { for c.rows.iter().map(|(what, a, b)| if a.is_empty() && b.is_empty() {
                html! { <tr><th colspan="3" scope="rowgroup">{ what }</th></tr> }
            } else {
                html! { <tr class={(a != b).then_some("differ")}><th scope="row">{ what }</th><td>{ a }</td><td>{ b }</td></tr> }
            }) }
        </tbody></table>
        </>
    }
}

/// The tape of one run since the runs parted.
fn lanes(props: &Props, c: &Compared, name: &str, items: &[TapeItem]) -> Html {
    let nodes = &props.cluster.nodes;
    let mut tape = Tape::new(nodes.len(), c.parted_us);
    items.iter().for_each(|item| tape.add(item.clone()));
    let span = (c.at_us.saturating_sub(c.parted_us)).max(1) as f64;
    let (from, end) = (c.parted_us as f64, c.at_us as f64);
    let rows = tape::rows(nodes, &tape, None);
    html! {
        <figure><figcaption>{ name }</figcaption><div class={classes!("tp", tape::crowd(nodes.len()))}>
            <div class="lane lane--faults"><span class="lane__n">{ "faults" }</span><div class="tp__plot">
                <svg class="tp__lane" aria-hidden="true">{ tape::marks(&tape.faults, (from, end), (from, span)) }</svg></div></div>
            { for rows.iter().map(|row| html! {
                <div class={classes!("lane", shard_class(row.shard))}><span class="lane__n">{ &row.label }</span>
                    <div class="tp__plot"><svg class="tp__lane" aria-hidden="true">
                        { tape::segments(&row.lane, (from, end), (from, span)) }{ tape::marks(&row.lane.marks, (from, end), (from, span)) }
                    </svg></div></div> }) }
        </div></figure>
    }
}
