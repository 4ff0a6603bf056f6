//! Workloads: a form that makes a `workload` line and shows it before it is run, and what those that run come to.

use super::ledger::rows;
use super::looking::use_look;
use super::{Act, value_of};
use crate::page::shared::Shared;
use vitrine_web::look::Look;
use vitrine_web::model::Cluster;
use yew::prelude::*;

/// What can be chosen, each with the text that it adds to the line.
type Choice = (&'static str, &'static str);

/// A field: its name, the words of the line before its value (none if the value is words itself), what is so if it is empty, what it is, and what can
/// be chosen (nothing for what is typed).
struct Field(&'static str, &'static str, &'static str, &'static str, &'static [Choice]);

static FIELDS: [Field; 16] = [
    Field("Clients", "clients", "10", "How many applications talk to the cluster", &[]),
    Field(
        "Seeds",
        "seeds",
        "every node",
        "The nodes that the clients know at first, by name; client 1 asks the first, client 2 the second. Give groups of clients other seeds by starting one workload for each",
        &[],
    ),
    Field("Rate", "rate", "1000", "Operations a second, of all clients together", &[]),
    Field("Keys", "keys", "10000", "How many keys there are", &[]),
    Field(
        "Which keys",
        "",
        "",
        "How often each key is asked for",
        &[
            ("all alike", ""),
            ("few very often (zipf 0.99)", "zipf 0.99"),
            ("mostly one slot", "hot-slot 866 90%"),
            ("one after the other", "sequential"),
        ],
    ),
    Field("Values", "values", "32B", "The length of a value: 64B, 1KiB, or 64B to 1KiB", &[]),
    Field("Reads", "reads", "50%", "How many of a hundred operations read", &[]),
    Field(
        "Operations",
        "",
        "",
        "What they do",
        &[
            ("SET and GET", ""),
            ("counters", "counters 1"),
            ("transactions (MULTI, EXEC)", "transactions 1"),
            ("lists", "lists 1"),
            ("hashes", "hashes 1"),
            ("sets", "sets 1"),
            ("of everything", "strings 4 counters 1 lists 1 hashes 1 sets 1 multi-keys 1 transactions 1"),
            ("PUBLISH beside SET", "strings 1 publish 1"),
        ],
    ),
    Field(
        "WAIT",
        "",
        "",
        "Behind every write, wait for replicas",
        &[
            ("no", ""),
            ("for 1 replica, 100 ms", "wait 1 within 100ms"),
            ("for 2 replicas, 1 s", "wait 2 within 1s"),
        ],
    ),
    Field(
        "Reads go to",
        "",
        "",
        "READONLY on replicas: faster, and sometimes stale",
        &[("masters", ""), ("replicas too", "replica-reads")],
    ),
    Field("Subscribers", "subscribers", "0", "Further connections that SUBSCRIBE", &[]),
    Field(
        "Pub/sub",
        "",
        "",
        "Which kind of channels subscribers hear",
        &[("every node", ""), ("sharded", "shard-channels")],
    ),
    Field("Pipeline", "pipeline", "1", "How many commands of a client may be under way at once", &[]),
    Field("Time-out", "timeout", "1s", "After how long without an answer an operation is given up", &[]),
    Field(
        "Retries",
        "retries",
        "16",
        "How often an operation that was certainly not executed is tried again",
        &[],
    ),
    Field("In all", "operations", "no end", "After how many operations it ends", &[]),
];

/// What people want to see first: the name of the workload, what it is, and values of fields by their place.
type Preset = (&'static str, &'static str, &'static [(usize, &'static str)]);
static PRESETS: [Preset; 4] = [
    ("load", "1,000 writes a second", &[(2, "1000"), (6, "0%")]),
    (
        "sessions",
        "Session store",
        &[
            (0, "50"),
            (2, "500"),
            (3, "5000"),
            (4, "zipf 0.99"),
            (5, "200B to 2KiB"),
            (6, "80%"),
            (7, "hashes 1"),
        ],
    ),
    ("hot", "Hot slot", &[(2, "800"), (4, "hot-slot 866 90%"), (6, "50%")]),
    ("readers", "Read replicas", &[(2, "800"), (3, "200"), (6, "90%"), (9, "replica-reads")]),
];

fn line(name: &str, values: &[String]) -> String {
    let mut out = format!("workload {name}");
    for (Field(_, word, ..), value) in FIELDS.iter().zip(values) {
        let value = value.trim();
        if !value.is_empty() {
            let blank = if word.is_empty() { "" } else { " " };
            out += &format!(" {word}{blank}{value}");
        }
    }
    out
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub beat: u64,
    pub act: Callback<Act>,
}

#[derive(Clone, PartialEq)]
struct Form {
    name: String,
    values: Vec<String>,
}

fn preset(index: usize) -> Form {
    let (name, _, set) = PRESETS[index];
    let mut values = vec![String::new(); FIELDS.len()];
    for &(field, value) in set {
        values[field] = value.to_owned();
    }
    Form { name: name.to_owned(), values }
}

#[component]
pub fn Workloads(props: &Props) -> Html {
    let form = use_state(|| preset(0));
    let view = use_look(Some(Look::Workloads), props.beat, &props.act);
    let known = rows(&view).unwrap_or_default();
    let line = line(&form.name, &form.values);
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
                    html! { <button type="button" class="btn btn--sm" onclick={Callback::from(move |_| form.set(preset(i)))}>{ *title }</button> }
                }) }</div>
            <div class="wl__f">
                <label title="Its name, and that of the host that its clients run on"><span>{ "Name" }</span>
                    <input value={form.name.clone()} oninput={typed(&change, FIELDS.len())} /></label>
                { for FIELDS.iter().zip(&form.values).enumerate().map(|(i, (field, value))| self::field(field, value, i, &change)) }
            </div>
            <div class="wl__go"><code id="workload-line">{ format!(":{line}") }</code>
                <button class="btn" id="workload-start" disabled={props.cluster.nodes.is_empty()}>{ if running { "Start again" } else { "Start" } }</button></div>
        </form>
        { table(known, &props.act) }
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
fn table(rows: &[Vec<String>], act: &Callback<Act>) -> Html {
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
            <thead><tr>{ for HEAD.iter().map(|name| html! { <th scope="col">{ *name }</th> }) }<th scope="col"><span class="sr">{ "Stop" }</span></th></tr></thead>
            <tbody>{ for rows.iter().map(|row| {
                let name = row.first().cloned().unwrap_or_default();
                let stop = format!("workload {name} stop");
                let runs = row.get(1).is_some_and(|state| state == "running");
                html! { <tr>{ for row.iter().map(|cell| html! { <td>{ cell }</td> }) }
                    <td>if runs { <button class="btn btn--sm" aria-label={format!("Stop {name}")}
                        onclick={act.reform(move |_| Act::Line(stop.clone()))}>{ "Stop" }</button> }</td></tr> }
            }) }</tbody>
        </table>
    }
}
