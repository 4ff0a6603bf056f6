//! A node's keys: what SCAN finds on a copy of it, so that looking is no part of the run. A change is: it is a command, typed into
//! a terminal as it is shown here.

use super::super::looking::use_look;
use super::super::{Act, icon};
use super::sheet::{SLOWLY, at, question, run, seen, table};
use vitrine_web::look::{Sheet, What};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: String,
    /// Whose terminal takes changes: the node itself, or its master.
    pub master: String,
    pub total: u64,
    pub playing: bool,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// What can be done to a value: its type (or nothing for any), a name, the command with `{k}` for the key, and what it is asked for.
const EDITS: [(&str, &str, &str, &str, &str); 19] = [
    ("string", "Set", "SET {k} {a} KEEPTTL", "Value", ""),
    ("string", "Append", "APPEND {k} {a}", "Text", ""),
    ("list", "Set element", "LSET {k} {a} {b}", "Index", "Value"),
    ("list", "Push at the front", "LPUSH {k} {a}", "Value", ""),
    ("list", "Push at the end", "RPUSH {k} {a}", "Value", ""),
    ("list", "Remove a value", "LREM {k} 1 {a}", "Value", ""),
    ("hash", "Set field", "HSET {k} {a} {b}", "Field", "Value"),
    ("hash", "Delete field", "HDEL {k} {a}", "Field", ""),
    ("set", "Add", "SADD {k} {a}", "Member", ""),
    ("set", "Remove", "SREM {k} {a}", "Member", ""),
    ("zset", "Set score", "ZADD {k} {b} {a}", "Member", "Score"),
    ("zset", "Remove", "ZREM {k} {a}", "Member", ""),
    ("stream", "Add an entry", "XADD {k} * {a} {b}", "Field", "Value"),
    ("stream", "Delete an entry", "XDEL {k} {a}", "Id", ""),
    ("stream", "Cut to a length", "XTRIM {k} MAXLEN {a}", "Entries", ""),
    ("stream", "Create a group", "XGROUP CREATE {k} {a} {b}", "Group", "After id, or $"),
    ("", "Expire in seconds", "EXPIRE {k} {a}", "Seconds", ""),
    ("", "Never expire", "PERSIST {k}", "", ""),
    ("", "Delete the key", "DEL {k}", "", ""),
];
const TYPES: [&str; 7] = ["", "string", "list", "hash", "set", "zset", "stream"];

/// A field's value.
pub fn value(e: &Event) -> String {
    // Fields, lists of choices and areas of text all have it.
    e.target_unchecked_into::<web_sys::HtmlInputElement>().value()
}

/// What is between redis-cli's quotes.
fn unquoted(quoted: &str) -> Option<&str> {
    quoted.strip_prefix('"')?.strip_suffix('"')
}

/// A word in redis-cli's quotes without them, where they say nothing.
fn bare(quoted: &str) -> &str {
    unquoted(quoted).filter(|i| !i.is_empty() && !i.contains(['\\', ' '])).unwrap_or(quoted)
}

fn ttl(ms: &str) -> String {
    ms.parse::<u64>().map_or_else(|_| "–".to_owned(), |ms| words::duration(ms * 1000))
}

/// Scrolls as little as it takes to see an element.
fn show(css: &str) {
    if let Ok(Some(element)) = crate::page::link::document().query_selector(css) {
        let nearest = web_sys::ScrollIntoViewOptions::new();
        nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&nearest);
    }
}

#[component]
pub fn Keys(props: &Props) -> Html {
    // Pattern, type, "expires", slot, and the column to sort by.
    let filter = use_state(|| ["", "", "", "", "Key"].map(str::to_owned));
    let chosen = use_state(|| None::<String>);
    let view = use_look(question(&props.node, What::Keys, filter.to_vec()), props.beat / SLOWLY, &props.act);
    let set = |i: usize| {
        let filter = filter.clone();
        move |text: String| {
            let mut next = (*filter).clone();
            next[i] = text;
            filter.set(next);
        }
    };
    let typed = |i: usize| {
        let set = set(i);
        Callback::from(move |e: Event| set(value(&e)))
    };
    let expires = {
        let (set, on) = (set(2), filter[2].is_empty());
        Callback::from(move |_: MouseEvent| set(if on { "expires" } else { "" }.to_owned()))
    };
    let head = |name: &'static str| {
        let (set, sorted) = (set(4), filter[4] == name);
        html! { <th scope="col" aria-sort={if sorted { "ascending" } else { "none" }}>
        <button onclick={Callback::from(move |_: MouseEvent| set(name.to_owned()))} title={format!("Sort by {name}")}>{ name }if sorted { { " ↓" } }</button></th> }
    };
    let row = |r: &Vec<String>| {
        let key = at(r, 0).to_owned();
        let is = *chosen == Some(key.clone());
        let choose = {
            let (chosen, key) = (chosen.clone(), key.clone());
            Callback::from(move |_: MouseEvent| chosen.set(if is { None } else { Some(key.clone()) }))
        };
        let size = words::bytes(at(r, 4).parse().unwrap_or(0));
        html! { <tr aria-selected={is.to_string()}><td><svg class="keys__y" aria-hidden="true"><use href={format!("#y-{}", at(r, 1))} /></svg><button aria-expanded={is.to_string()} onclick={choose}>{ bare(&key).to_owned() }</button>
        <small>{ format!("{}, {}", at(r, 1), at(r, 2)) }</small></td>
        <td>{ ttl(at(r, 3)) }</td><td>{ size }</td><td>{ at(r, 5).to_owned() }</td></tr> }
    };
    let here = matches!(view.as_deref(), Some(Ok(_)));
    html! {
        <>
        <div class="keys__f"><label class="field">{ icon("i-search") }<span class="sr">{ "Match pattern" }</span>
            <input id="keys-pattern" placeholder="*" value={filter[0].clone()} spellcheck="false" autocomplete="off" onchange={typed(0)} />
            <span class="mono num">{ if !here { String::new() } else if props.total == 1 { "1 key".to_owned() } else { format!("{} keys", words::thousands(props.total)) } }</span></label></div>
        <div class="keys__f"><select class="btn" aria-label="Type" onchange={typed(1)}>{ for TYPES.iter().map(|t| html! {
                <option value={*t} selected={filter[1] == **t}>{ if t.is_empty() { "any type" } else { *t } }</option> }) }</select>
            <button class="btn" aria-pressed={(!filter[2].is_empty()).to_string()} onclick={expires}>{ "expires" }</button>
            <label class="field"><span>{ "slot" }</span><input value={filter[3].clone()} inputmode="numeric" placeholder="any" onchange={typed(3)} /></label></div>
        { match seen(&view) {
            Err(instead) => instead,
            Ok(sheets) => html! { <>{ for sheets.iter().map(|s| html! { <>
                if s.rows.is_empty() { <p class="empty">{ "No key is here that fits. SET name vitrine in the terminal makes one." }</p> }
                else { <div class={if chosen.is_some() { "keys__l" } else { "" }}><table class="keys" id="keys" aria-label="Keys"><thead><tr>{ head("Key") }{ head("TTL") }{ head("Size") }{ head("Slot") }</tr></thead>
                    <tbody>{ for s.rows.iter().map(row) }</tbody></table></div> }
                if !s.note.is_empty() { <p class="empty">{ s.note.clone() }</p> }
            </> }) }</> },
        } }
        if let Some(key) = &*chosen {
            <Value key={key.clone()} name={key.clone()} node={props.node.clone()} master={props.master.clone()} playing={props.playing} beat={props.beat} act={props.act.clone()} />
        } else if here { <p class="empty">{ "Press a key to read its value and to change it." }</p> }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct ValueProps {
    name: String,
    node: String,
    master: String,
    playing: bool,
    beat: u64,
    act: Callback<Act>,
}

/// What is to be done, and its two fields.
type Edit = (usize, Option<String>, String);

#[component]
fn Value(props: &ValueProps) -> Html {
    // Where the pages before this one began; the last is this one's.
    let pages = use_state(|| vec![String::new()]);
    let from = pages.last().cloned().unwrap_or_default();
    let view = use_look(
        question(&props.node, What::Value, vec![props.name.clone(), from]),
        props.beat / 2,
        &props.act,
    );
    // Which of the things that can be done, and the two fields; the first has the value at hand until something is typed.
    let edit = use_state(|| -> Edit { (0, None, String::new()) });
    let refused = use_state(|| None::<(String, String)>);
    // The list is shorter while a key is open: what was pressed stays in view, and the value comes into it.
    use_effect_with(matches!(view.as_deref(), Some(Ok(_))), move |_| {
        show("#keys [aria-selected=true]");
        show(".keys--value");
    });
    let sheets = match seen(&view) {
        Ok([facts, page, more @ ..]) => (facts, page, more),
        Ok(_) => return Html::default(),
        Err(instead) => return instead,
    };
    let (facts, page, more) = sheets;
    let kind = facts.title.as_str();
    let choices: Vec<_> = EDITS.iter().filter(|e| e.0 == kind || e.0.is_empty()).collect();
    let Some((of, _, command, a, b)) = choices.get(edit.0).or(choices.first()).map(|e| **e) else {
        return Html::default();
    };
    let escapes =
        in_bytes(page) || page.rows.iter().flatten().any(|c| c.starts_with('"') && c.contains('\\'));
    let first = match (&edit.1, page.head.as_slice(), command.starts_with("SET ")) {
        (Some(typed), ..) => typed.as_str(),
        (None, [_], true) => page.rows.first().and_then(|r| unquoted(at(r, 0))).unwrap_or_default(),
        _ => "",
    };
    let missing = (!a.is_empty() && first.is_empty()) || (!b.is_empty() && edit.2.is_empty());
    let hint = match () {
        () if a.is_empty() || of.is_empty() => "",
        () if escapes => "Read as values are shown: \\x00 and \\n are escapes, \\\\ is a backslash.",
        () if first.contains('\\') || edit.2.contains('\\') => {
            "Taken as it stands, backslashes too. In \"double quotes\", \\x00 and \\n are escapes."
        }
        () if missing => "An empty text is written \"\".",
        () => "",
    };
    let line = {
        let text = command
            .replace("{a}", "\u{1}")
            .replace("{b}", "\u{2}")
            .replace("{k}", &props.name.replace('$', "\\x24"));
        let text = text.replace('\u{1}', &words::cli_word(first, escapes));
        let text = text.replace('\u{2}', &words::cli_word(&edit.2, escapes));
        format!("{}> {text}", props.master)
    };
    let change = |f: fn(&mut Edit, String)| {
        let edit = edit.clone();
        Callback::from(move |e: InputEvent| {
            let mut next = (*edit).clone();
            f(&mut next, value(&e));
            edit.set(next);
        })
    };
    let pick = {
        let edit = edit.clone();
        Callback::from(move |e: Event| {
            edit.set((value(&e).parse().unwrap_or(0), edit.1.clone(), edit.2.clone()))
        })
    };
    let turn = |to: Vec<String>| {
        let pages = pages.clone();
        Callback::from(move |_: MouseEvent| pages.set(to.clone()))
    };
    let (back, next) = (
        pages[..pages.len().saturating_sub(1).max(1)].to_vec(),
        [pages.to_vec(), vec![page.note.clone()]].concat(),
    );
    html! {
        <div class="val">
            <div class="h3"><b class="mono">{ bare(&props.name).to_owned() }</b><span>{ kind.to_owned() }</span></div>
            <div class="rows rows--two">{ for facts.rows.iter().map(|r| html! { <><span>{ at(r, 0).to_owned() }</span><span>{ at(r, 1).to_owned() }</span></> }) }</div>
            { cells(page, &edit) }
            <div class="row">
                if pages.len() > 1 { <button class="btn btn--sm" onclick={turn(back)}>{ "Back" }</button> }
                if !page.note.is_empty() { <button class="btn btn--sm" onclick={turn(next)}>{ "More" }</button> }
            </div>
            { for more.iter().filter(|sheet| !sheet.rows.is_empty()).map(table) }
            <div class="h3">{ "Change it" }<span>{ format!("a command on {}", props.master) }</span></div>
            <div class="keys__f"><select class="btn" aria-label="What to do" onchange={pick}>{ for choices.iter().enumerate().map(|(i, e)| html! {
                <option value={i.to_string()} selected={i == edit.0}>{ e.1 }</option> }) }</select>
                if !a.is_empty() { <label class="field"><span class="sr">{ a }</span><input id="edit-a" placeholder={a} value={first.to_owned()} oninput={change(|e, t| e.1 = Some(t))} /></label> }
                if !b.is_empty() { <label class="field"><span class="sr">{ b }</span><input id="edit-b" placeholder={b} value={edit.2.clone()} oninput={change(|e, t| e.2 = t)} /></label> }
            </div>
            if !hint.is_empty() { <p class="empty" id="edit-hint">{ hint }</p> }
            { run(line, ("Run", !missing), !props.playing, &refused, &props.act) }
        </div>
    }
}

/// Whether a page shows the bytes of a string, eight in a row.
fn in_bytes(page: &Sheet) -> bool {
    page.head.first().is_some_and(|h| h == "Byte")
}

/// A page of a value; pressing a row that is an element of it puts it into the fields.
fn cells(page: &Sheet, edit: &UseStateHandle<Edit>) -> Html {
    html! {
        <table class="keys keys--value" aria-label="Value"><thead><tr>{ for page.head.iter().map(|h| html! { <th scope="col">{ h.clone() }</th> }) }</tr></thead>
        <tbody>{ for page.rows.iter().map(|r| {
            let row = r.clone();
            let edit = edit.clone();
            let take = (!in_bytes(page)).then(|| Callback::from(move |_: MouseEvent| {
                // What was cut off is no value to go on from.
                let cell = |i: usize| Some(at(&row, i)).filter(|c| !c.contains('…')).unwrap_or("").to_owned();
                edit.set((edit.0, Some(cell(0)), cell(1)));
            }));
            html! { <tr onclick={take}>{ for r.iter().map(|c| html! { <td>{ c.clone() }</td> }) }</tr> }
        }) }</tbody></table>
    }
}
