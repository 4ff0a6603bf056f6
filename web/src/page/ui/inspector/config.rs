//! The configuration: what is in force, with what was changed first, and redis.conf as it stands on the disk.

use super::super::looking::use_look;
use super::super::{Act, icon};
use super::keys::value;
use super::sheet::{SLOWLY, at, question, run, seen};
use vitrine_core::config::text::quote;
use vitrine_web::look::What;
use vitrine_web::words;
use yew::prelude::*;

/// How many directives are shown.
const SHOWN: usize = 40;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: String,
    pub playing: bool,
    pub beat: u64,
    pub act: Callback<Act>,
}

#[component]
pub fn Config(props: &Props) -> Html {
    let find = use_state(String::new);
    // The directive that is being changed, and its new value.
    let edit = use_state(|| None::<(String, String)>);
    let text = use_state(|| None::<String>);
    let refused = use_state(|| None::<(String, String)>);
    let view = use_look(question(&props.node, What::Config, Vec::new()), props.beat / SLOWLY, &props.act);
    let [live, file] = (match seen(&view) {
        Ok(sheets) => sheets,
        Err(instead) => return instead,
    }) else {
        return Html::default();
    };
    let input = |f: UseStateHandle<String>| Callback::from(move |e: InputEvent| f.set(value(&e)));
    let found: Vec<_> = live.rows.iter().filter(|r| at(r, 0).contains(find.trim())).collect();
    let changed = live.rows.iter().filter(|r| at(r, 1) != at(r, 2)).count();
    let row = |r: &&Vec<String>| {
        let (name, now) = (at(r, 0).to_owned(), at(r, 1).to_owned());
        let open = edit.as_ref().filter(|e| e.0 == name).map(|e| e.1.clone());
        let press = {
            let (edit, name, is, now) = (edit.clone(), name.clone(), open.is_some(), now.clone());
            Callback::from(move |_: MouseEvent| edit.set((!is).then(|| (name.clone(), now.clone()))))
        };
        let typed = {
            let (edit, name) = (edit.clone(), name.clone());
            Callback::from(move |e: InputEvent| edit.set(Some((name.clone(), value(&e)))))
        };
        let fixed = !at(r, 3).is_empty();
        html! { <><span><button aria-expanded={open.is_some().to_string()} title={at(r, 4).to_owned()} onclick={press}>{ name.clone() }</button></span>
        <span>{ if now.is_empty() { "\"\"".to_owned() } else { now.clone() } }if at(r, 1) != at(r, 2) { <small>{ format!(" (default {})", if at(r, 2).is_empty() { "\"\"" } else { at(r, 2) }) }</small> }</span>
        if let Some(to) = open {
            <div class="rows__wide"><p class="empty">{ at(r, 4).to_owned() }</p>
            if fixed { <p class="empty">{ "It cannot change while the process runs: write it into the file below and start the node again." }</p> } else {
                <label class="field"><span class="sr">{ format!("New value of {name}") }</span><input id="config-value" value={to.clone()} oninput={typed} /></label>
                { run(format!("{}> CONFIG SET {name} {}", props.node, words::cli_word(&to, false)), ("Set", true), !props.playing, &refused, &props.act) }
            }</div><i hidden=true></i>
        }</> }
    };
    let written = text.as_ref().unwrap_or(&file.title);
    let write = text.as_ref().map(|t| format!("write-conf {} {}", props.node, quote(t.as_bytes())));
    let edited = {
        let text = text.clone();
        Callback::from(move |e: InputEvent| text.set(Some(value(&e))))
    };
    let put = write.map(|line| {
        let text = text.clone();
        props.act.reform(move |_: MouseEvent| {
            text.set(None);
            Act::Line(line.clone())
        })
    });
    html! {
        <>
        <label class="field">{ icon("i-search") }<span class="sr">{ "Find a directive" }</span>
            <input placeholder="find a directive" value={(*find).clone()} spellcheck="false" oninput={input(find.clone())} /></label>
        if live.rows.is_empty() { <p class="empty">{ "The process does not run, so no configuration is in force." }</p> } else {
            <div class="h3">{ "In force" }<span>{ format!("{} from the default", words::count(changed, "differs", "differ")) }</span></div>
            <div class="rows rows--long">{ for found.iter().take(SHOWN).map(row) }</div>
            if found.len() > SHOWN { <p class="empty">{ format!("and {} more: type a part of a name to find them.", found.len() - SHOWN) }</p> }
        }
        <div class="h3">{ "redis.conf" }<span>{ "on the disk, for the next start" }</span></div>
        <textarea class="conf" aria-label="redis.conf" spellcheck="false" rows="12" value={written.clone()} oninput={edited} />
        if let Some(put) = put { <div class="row"><button class="btn" onclick={put}>{ format!("Write it to {}'s disk", props.node) }</button></div> }
        { run(format!("{}> CONFIG REWRITE", props.node), ("Write down what is in force", true), !props.playing, &refused, &props.act) }
        </>
    }
}
