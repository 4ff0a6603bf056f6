//! Workloads: a form that makes a `workload` line and shows it before it is run, and what those that run come to.

use super::ledger::rows;
use super::looking::use_look;
use super::{Act, focus, run_line, value_of};
use crate::page::link::document;
use crate::page::shared::Shared;
use vitrine_web::loads::{self, FIELDS, Field, Form, PRESETS};
use vitrine_web::look::Look;
use vitrine_web::model::Cluster;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// What clients of this world have to say first; empty for nothing.
    pub password: AttrValue,
    pub beat: u64,
    pub act: Callback<Act>,
}

#[component]
pub fn Workloads(props: &Props) -> Html {
    let form = use_state(|| Form::preset(0, &props.password));
    let view = use_look(Some(Look::Workloads), props.beat, &props.act);
    let known = rows(&view).unwrap_or_default();
    // What the engine had against the line; what can be known before is said as it is typed.
    let refused = use_state(String::new);
    let nodes: Vec<String> = props.cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let wrong = form.wrong(&nodes);
    let line = form.line();
    let name = form.name.trim();
    let running = known
        .iter()
        .any(|row| row.first().is_some_and(|n| n == name) && row.get(1).is_some_and(|s| s == "running"));
    let start = {
        // With other options it is stopped and started again, under the same name.
        let lines = if running { format!("{}\n{line}", loads::stop(name)) } else { line.clone() };
        let (act, refused, wrong) = (props.act.clone(), refused.clone(), wrong.clone());
        Callback::from(move |e: SubmitEvent| {
            e.prevent_default();
            match wrong {
                Some((Some(field), _)) => focus(&id(field)),
                Some((None, _)) => {}
                None => {
                    let refused = refused.clone();
                    run_line(&act, lines.clone(), false, move |done| {
                        refused.set(done.err().unwrap_or_default())
                    });
                }
            }
        })
    };
    let fill = {
        let (form, refused) = (form.clone(), refused.clone());
        Callback::from(move |next: Form| {
            refused.set(String::new());
            form.set(next);
        })
    };
    let change = {
        let form = form.clone();
        fill.reform(move |(field, value): (usize, String)| {
            let mut next = (*form).clone();
            match next.values.get_mut(field) {
                Some(at) => *at = value,
                None => next.name = value,
            }
            next
        })
    };
    // A list in which somebody has chosen no longer heeds which choice is marked.
    use_effect_with(form.values.clone(), |values| {
        for (i, value) in values.iter().enumerate() {
            if let Some(list) = document().get_element_by_id(&id(i)) {
                let _ = js_sys::Reflect::set(&list, &"value".into(), &value.as_str().into());
            }
        }
    });
    let said = |field: usize| wrong.as_ref().filter(|(at, _)| *at == Some(field)).map(|(_, why)| why.clone());
    let whole = wrong.as_ref().filter(|(at, _)| at.is_none()).map_or(&*refused, |(_, why)| why);
    const NAME: Field = Field("Name", "", "", "Its name, and that of the host that its clients run on", &[]);
    html! {
        <>
        <form class="wl" onsubmit={start}>
            <div class="wl__p" role="group" aria-label="Ready-made workloads">
                { for PRESETS.iter().enumerate().map(|(i, (_, title, _))| {
                    let password = props.password.clone();
                    html! { <button type="button" class="btn btn--sm" onclick={fill.reform(move |_| Form::preset(i, &password))}>{ *title }</button> }
                }) }</div>
            <div class="wl__f">
                { field(NAME, &form.name, FIELDS.len(), said(FIELDS.len()), &change) }
                { for FIELDS.iter().zip(&form.values).enumerate().map(|(i, (of, value))| field(*of, value, i, said(i), &change)) }
            </div>
            if !whole.is_empty() { <p class="al" role="alert" id="workload-wrong">{ whole }</p> }
            <div class="wl__go"><code id="workload-line">{ format!(":{line}") }</code>
                <button class="btn" id="workload-start" disabled={nodes.is_empty()}>{ if running { "Start again" } else { "Start" } }</button></div>
        </form>
        { table(known, &fill, &props.act) }
        </>
    }
}

fn id(field: usize) -> String {
    format!("workload-f{field}")
}

/// A field with what is wrong in it, if anything is.
fn field(
    Field(name, _, usual, title, choices): Field,
    value: &str,
    i: usize,
    wrong: Option<String>,
    change: &Callback<(usize, String)>,
) -> Html {
    let bad = wrong.as_ref().map(|_| "true");
    let own = (!choices.iter().any(|(_, text)| *text == value)).then_some((value, value));
    html! {
        <label {title}><span>{ name }</span>
            if choices.is_empty() {
                <input id={id(i)} value={value.to_owned()} placeholder={usual} aria-invalid={bad}
                    oninput={change.reform(move |e: InputEvent| (i, value_of(&e)))} />
            } else {
                <select id={id(i)} aria-invalid={bad} onchange={change.reform(move |e: Event| (i, value_of(&e)))}>
                    // What nobody can choose and a line has is there too.
                    { for choices.iter().copied().chain(own).map(|(name, text)| html! {
                        <option value={text.to_owned()} selected={text == value}>{ name.to_owned() }</option> }) }</select>
            }
            if let Some(why) = wrong { <small class="al" role="alert">{ why }</small> }</label>
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
                let stop = loads::stop(&name);
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
