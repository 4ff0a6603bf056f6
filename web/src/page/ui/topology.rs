//! Free play: makes the head of a scenario (nodes, replicas, redis.conf) and begins a world with it, or opens a file or link.
//!
//! The text is what counts: presets write it, each field shows and changes its own word of it, it can be edited by hand, and the engine says
//! what is wrong with it.

use super::dialog::Dialog;
use super::share::{begin, dropped, files_of};
use super::{Act, value_of};
use vitrine_core::sim::setup::NODES_MAX;
use vitrine_web::head::{self, Place};
use vitrine_web::words;
use yew::prelude::*;

/// What can be begun with: a name, what it is for, and the lines after the seed.
type Preset = (&'static str, &'static str, &'static str);

const PRESETS: [Preset; 12] = [
    ("Six nodes", "3 masters, a replica each: the course notes", "cluster shards 3 replicas 1 timeout 5s\n"),
    ("Three masters", "No replicas: what fails stays failed", "cluster shards 3 replicas 0 timeout 5s\n"),
    ("Nine nodes", "3 masters, 2 replicas each", "cluster shards 3 replicas 2 timeout 5s\n"),
    ("Thirty nodes", "15 masters, a replica each", "cluster shards 15 replicas 1 timeout 15s\n"),
    (
        "A hundred nodes",
        "50 masters, a replica each; it has been running",
        "cluster shards 50 replicas 1 timeout 15s\nformed\n",
    ),
    (
        "Three hundred nodes",
        "100 masters, 2 replicas each, on a heat map",
        "cluster shards 100 replicas 2 timeout 15s\nformed\n",
    ),
    (
        "A thousand nodes",
        "334 masters, 2 replicas each; takes 2 GB and some patience",
        "cluster shards 334 replicas 2 timeout 60s\nformed\n",
    ),
    (
        "Master and replica",
        "No cluster; a password on both",
        "nodes redismaster redisslave1\n\
         conf redismaster <<END\nport 6379\nappendonly yes\nrequirepass abc123\nmasterauth abc123\nEND\n\
         conf redisslave1 <<END\nport 6379\nappendonly yes\nrequirepass abc123\nreplicaof 10.0.0.1 6379\nmasterauth abc123\nEND\n",
    ),
    ("A single node", "No cluster, no replica", "nodes A1\nconf A1 <<END\nport 6379\nappendonly yes\nEND\n"),
    (
        "Never alone",
        "Masters refuse writes that no replica confirms: min-replicas-to-write 1",
        "cluster shards 3 replicas 1 timeout 5s\nconf all add <<END\nmin-replicas-to-write 1\nmin-replicas-max-lag 10\nEND\n",
    ),
    (
        "fsync always",
        "Every write is on the disk before its OK",
        "cluster shards 3 replicas 1 timeout 5s\nconf all add <<END\nappendfsync always\nEND\n",
    ),
    (
        "fsync never",
        "The kernel writes when it likes",
        "cluster shards 3 replicas 1 timeout 5s\nconf all add <<END\nappendfsync no\nEND\n",
    ),
];

const SEED: Place = ("seed", "seed");
/// The fields: names, where their values stand, what they are if nothing is said, and what they mean.
const FIELDS: [(&str, Place, &str, &str); 4] = [
    ("Masters", ("cluster", "shards"), "3", "A cluster that is to survive the loss of one has 3 or more"),
    ("Replicas of each", ("cluster", "replicas"), "1", "How many nodes follow each master; 0 for none"),
    ("Node time-out", ("cluster", "timeout"), "5s", "After how long without an answer a node is suspected"),
    ("Seed", SEED, "1", "Everything random follows from it; a number, or 0x and hexadecimal digits"),
];

#[derive(PartialEq, Properties)]
pub struct Props {
    pub act: Callback<Act>,
}

fn scenario(seed: &str, lines: &str) -> String {
    format!("vitrine 1\nseed {seed}\n{lines}")
}

#[component]
pub fn Topology(props: &Props) -> Html {
    let another = || format!("0x{:08x}", (js_sys::Math::random() * f64::from(u32::MAX)) as u32);
    let text = use_state(|| scenario(&another(), PRESETS[0].2));
    let conf = use_state(|| ("all".to_owned(), String::new()));
    let wrong = use_state(String::new);
    let open = {
        let (act, wrong) = (props.act.clone(), wrong.clone());
        Callback::from(move |(text, wait): (String, bool)| begin(&act, text, None, wait, &wrong))
    };
    let take = {
        let (act, wrong) = (props.act.clone(), wrong.clone());
        Callback::from(move |files: Option<web_sys::FileList>| dropped(files, &act, &wrong))
    };
    let add_conf = {
        let (text, conf) = (text.clone(), conf.clone());
        Callback::from(move |_: MouseEvent| {
            let (node, lines) = &*conf;
            if !lines.trim().is_empty() {
                text.set(head::with_conf(&text, node.trim(), lines));
                conf.set((node.clone(), String::new()));
            }
        })
    };
    let on_text = {
        let text = text.clone();
        Callback::from(move |e: InputEvent| text.set(value_of(&e)))
    };
    let pasted = {
        let (open, text) = (open.clone(), text.clone());
        Callback::from(move |_: MouseEvent| open.emit(((*text).clone(), true)))
    };
    let go = {
        let (open, text) = (open.clone(), text.clone());
        Callback::from(move |e: SubmitEvent| {
            e.prevent_default();
            open.emit(((*text).clone(), false));
        })
    };
    let over = Callback::from(|e: DragEvent| e.prevent_default());
    let drop = {
        let take = take.clone();
        Callback::from(move |e: DragEvent| {
            e.prevent_default();
            take.emit(e.data_transfer().and_then(|data| data.files()));
        })
    };
    html! {
        <Dialog title="Free play" close={props.act.reform(|()| Act::Dialog(None))}>
            <form class="topo" onsubmit={go} ondragover={over} ondrop={drop}>
                <p class="sheet__p">{ "Another world takes the place of this one: its nodes, its files and its past go." }</p>
                <div class="topo__p" role="group" aria-label="Ready-made worlds">
                    { for PRESETS.iter().map(|&(name, help, lines)| {
                        let text = text.clone();
                        html! { <button type="button" onclick={Callback::from(move |_: MouseEvent| {
                            let seed = head::value(&text, SEED).filter(|seed| !seed.is_empty()).map_or_else(another, str::to_owned);
                            text.set(scenario(&seed, lines));
                        })}><b>{ name }</b><small>{ help }</small></button> }
                    }) }</div>
                <div class="wl__f">
                    { for FIELDS.iter().map(|&(name, place, usual, title)| {
                        let value = head::value(&text, place);
                        let text = text.clone();
                        html! { <label {title}><span>{ name }</span><input value={value.unwrap_or_default().to_owned()}
                            placeholder={value.map(|_| usual)} disabled={value.is_none()}
                            oninput={Callback::from(move |e: InputEvent| text.set(head::with_value(&text, place, &value_of(&e))))} /></label> }
                    }) }
                </div>
                <p class="dim" id="topology-limits">{ format!("No more than {} nodes in all; a thousand take 2 GB.", words::thousands(NODES_MAX as u64)) }</p>
                <div class="topo__c">
                    <label title="A node's name, or all"><span>{ "redis.conf of" }</span><input value={conf.0.clone()} oninput={ {
                        let conf = conf.clone();
                        Callback::from(move |e: InputEvent| conf.set((value_of(&e), conf.1.clone())))
                    } } /></label>
                    <label><span>{ "Lines for its end" }</span><textarea rows="2" value={conf.1.clone()} placeholder="maxmemory 100mb" oninput={ {
                        let conf = conf.clone();
                        Callback::from(move |e: InputEvent| conf.set((conf.0.clone(), value_of(&e))))
                    } } /></label>
                    <button type="button" class="btn btn--sm" disabled={head::value(&text, SEED).is_none()} onclick={add_conf}>{ "Add" }</button>
                </div>
                <label class="topo__t"><span>{ "The scenario, or a link to one" }</span>
                    <textarea id="scenario-text" rows="9" spellcheck="false" value={(*text).clone()} oninput={on_text} /></label>
                if !wrong.is_empty() { <p class="al" role="alert" id="scenario-wrong">{ &*wrong }</p> }
                <div class="row">
                    <button class="btn btn--go" id="scenario-begin">{ "Begin" }</button>
                    <button type="button" class="btn" title="Opens it and lets nothing happen before Play" onclick={pasted}>{ "Open, and wait for Play" }</button>
                    <label class="btn">{ "Open a scenario or dump.rdb…" }<input class="sr" type="file" id="scenario-file" onchange={take.reform(|e: Event| files_of(&e))} /></label>
                    <span class="dim">{ "or drop one here" }</span>
                </div>
            </form>
        </Dialog>
    }
}
