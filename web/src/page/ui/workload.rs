//! Workloads: a form that makes a `workload` line and shows it before it is run, and what those that run come to.

use super::ledger::rows;
use super::looking::use_look;
use super::{Act, value_of};
use crate::page::shared::Shared;
use vitrine_web::loads::{FIELDS, Field, Form, PRESETS};
use vitrine_web::look::Look;
use vitrine_web::model::Cluster;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub beat: u64,
    pub act: Callback<Act>,
}

#[component]
pub fn Workloads(props: &Props) -> Html {
    let form = use_state(|| Form::preset(0));
    let view = use_look(Some(Look::Workloads), props.beat, &props.act);
    let known = rows(&view).unwrap_or_default();
    let line = form.line();
    let running =
        known.iter().any(|row| row.first() == Some(&form.name) && row.get(1).is_some_and(|s| s == "running"));
    let start = {
        let (line, stop) = (line.clone(), running.then(|| format!("workload {} stop", form.name)));
        let act = props.act.clone();
        Callback::from(move |e: SubmitEvent| {
            e.prevent_default();
            // With other options it is stopped and started again, under the same name.
            for line in stop.iter().chain(std::iter::once(&line)) {
                act.emit(Act::Line(line.clone()));
            }
        })
    };
    let change = {
        let form = form.clone();
        Callback::from(move |(field, value): (usize, String)| {
            let mut next = (*form).clone();
            match next.values.get_mut(field) {
                Some(at) => *at = value,
                None => next.name = value,
            }
            form.set(next);
        })
    };
    html! {
        <>
        <form class="wl" onsubmit={start}>
            <div class="wl__p" role="group" aria-label="Ready-made workloads">
                { for PRESETS.iter().enumerate().map(|(i, (_, title, _))| {
                    let form = form.clone();
                    html! { <button type="button" class="btn btn--sm" onclick={Callback::from(move |_| form.set(Form::preset(i)))}>{ *title }</button> }
                }) }</div>
            <div class="wl__f">
                <label title="Its name, and that of the host that its clients run on"><span>{ "Name" }</span>
                    <input value={form.name.clone()} oninput={typed(&change, FIELDS.len())} /></label>
                { for FIELDS.iter().zip(&form.values).enumerate().map(|(i, (field, value))| self::field(field, value, i, &change)) }
            </div>
            <div class="wl__go"><code id="workload-line">{ format!(":{line}") }</code>
                <button class="btn" id="workload-start" disabled={props.cluster.nodes.is_empty()}>{ if running { "Start again" } else { "Start" } }</button></div>
        </form>
        { table(known, &Callback::from(move |filled| form.set(filled)), &props.act) }
        </>
    }
}

fn typed(change: &Callback<(usize, String)>, field: usize) -> Callback<InputEvent> {
    change.reform(move |e: InputEvent| (field, value_of(&e)))
}

fn field(field: &'static Field, value: &str, i: usize, change: &Callback<(usize, String)>) -> Html {
    let &Field(name, _, usual, title, choices) = field;
    html! {
        <label {title}><span>{ name }</span>
            if choices.is_empty() {
                <input value={value.to_owned()} placeholder={usual} oninput={typed(change, i)} />
            } else {
                <select onchange={change.reform(move |e: Event| (i, value_of(&e)))}>
                    { for choices.iter().map(|(name, text)| html! { <option value={*text} selected={*text == value}>{ *name }</option> }) }</select>
            }</label>
    }
}

/// What the workloads of this world come to.
fn table(rows: &[Vec<String>], edit: &Callback<Form>, act: &Callback<Act>) -> Html {
    if rows.is_empty() {
        return html! { <p class="empty">{ "No workload yet. Start runs the line above; the cluster's terminal shows it, and it can be pasted into a scenario." }</p> };
    }
    const HEAD: [&str; 10] = [
        "Workload",
        "State",
        "ops/s",
        "p50",
        "p99",
        "p99.9",
        "Acknowledged",
        "Errors",
        "Tried again",
        "Line",
    ];
    html! {
        <table class="table" id="workloads">
            <caption class="sr">{ "Workloads: rates and latencies over the last ten seconds" }</caption>
            <thead><tr>{ for HEAD.iter().map(|name| html! { <th scope="col">{ *name }</th> }) }<th scope="col"><span class="sr">{ "Edit, stop" }</span></th></tr></thead>
            <tbody>{ for rows.iter().map(|row| {
                let name = row.first().cloned().unwrap_or_default();
                let stop = format!("workload {name} stop");
                let filled = Form::of(&name, row.last().map_or("", String::as_str));
                let runs = row.get(1).is_some_and(|state| state == "running");
                html! { <tr>{ for row.iter().map(|cell| html! { <td>{ cell }</td> }) }
                    <td class="row"><button class="btn btn--sm" aria-label={format!("Edit {name}")} title="Puts its line into the fields above"
                        onclick={edit.reform(move |_| filled.clone())}>{ "Edit" }</button>
                    if runs { <button class="btn btn--sm" aria-label={format!("Stop {name}")}
                        onclick={act.reform(move |_| Act::Line(stop.clone()))}>{ "Stop" }</button> }</td></tr> }
            }) }</tbody>
        </table>
    }
}
