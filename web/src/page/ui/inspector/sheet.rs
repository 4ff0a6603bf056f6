//! What panes share that show tables of text ([`Sheet`]), and a pane that is nothing but such tables.

use super::super::looking::{View, use_look};
use super::super::{Act, Done, Make, Once};
use super::latency::chart;
use vitrine_web::look::{ANSWERS, Look, Seen, Sheet, What};
use vitrine_web::protocol::ToWorker;
use yew::prelude::*;

/// The beats of the page between two looks at something that costs the engine thousands of commands.
pub const SLOWLY: u64 = 4;

/// The question of a pane.
pub fn question(node: &str, what: What, args: Vec<String>) -> Option<Look> {
    Some(Look::Pane { node: node.to_owned(), what, args })
}

/// What was seen, or what to show in its place.
pub fn seen(view: &View) -> Result<&[Sheet], Html> {
    match view.as_deref() {
        Some(Ok(Seen::Sheets(sheets))) => Ok(sheets),
        Some(Err(why)) => Err(html! { <p class="empty">{ why.clone() }</p> }),
        _ => Err(html! { <p class="empty">{ "Looking …" }</p> }),
    }
}

/// A place in a sheet's row; empty if it is not there.
pub fn at(row: &[String], i: usize) -> &str {
    row.get(i).map_or("", String::as_str)
}

/// A sheet as a table, or as rows of a name and a value where it has no head; one of them is a chart.
pub fn table(sheet: &Sheet) -> Html {
    if sheet.title == ANSWERS {
        return chart(sheet);
    }
    let words = sheet.title.contains("DOCTOR");
    html! {
        <>
        <div class="h3">{ sheet.title.clone() }if !words { <span>{ sheet.note.clone() }</span> }</div>
        if words { <p class="note">{ sheet.note.clone() }</p> }
        else if sheet.rows.is_empty() { <p class="empty">{ "Nothing yet." }</p> }
        else if sheet.head.is_empty() {
            <div class="rows rows--long">{ for sheet.rows.iter().map(|r| html! { <><span>{ at(r, 0).to_owned() }</span><span>{ at(r, 1).to_owned() }</span></> }) }</div>
        } else {
            <table class="keys" aria-label={sheet.title.clone()}><thead><tr>{ for sheet.head.iter().map(|h| html! { <th scope="col">{ h.clone() }</th> }) }</tr></thead>
            <tbody>{ for sheet.rows.iter().map(|r| html! { <tr>{ for r.iter().map(|c| html! { <td>{ c.clone() }</td> }) }</tr> }) }</tbody></table>
        }
        </>
    }
}

/// The line of a pane that was refused last, and why.
pub type Refused = UseStateHandle<Option<(String, String)>>;

/// What is said of a line whose reply can only come when time goes on.
const HELD: &str = "It is typed. Time is held: the reply comes when it goes on.";

/// A line that a button runs, shown beside it; why it was refused is shown below, or that it waits for time that is `held`.
pub fn run(
    line: String,
    (label, on): (&'static str, bool),
    held: bool,
    refused: &Refused,
    act: &Callback<Act>,
) -> Html {
    let go = {
        let (line, refused) = (line.clone(), refused.clone());
        act.reform(move |_: MouseEvent| {
            refused.set(held.then(|| (line.clone(), HELD.to_owned())));
            let (line, of, refused) = (line.clone(), line.clone(), refused.clone());
            let make: Make = Box::new(move |id| ToWorker::Edit { id, line });
            let done: Done = Box::new(move |answer| refused.set(answer.err().map(|why| (of, why))));
            Act::Ask(Once::new(make), Once::new(done))
        })
    };
    let why = refused.as_ref().filter(|r| r.0 == line).map(|r| r.1.clone());
    html! {
        <>
        <div class="runline"><code>{ line }</code><button class="btn btn--sm" disabled={!on} onclick={go}>{ label }</button></div>
        if let Some(why) = why {
            if why == HELD { <p class="empty" role="status">{ why }</p> }
            else { <p class="note note--alert refused" role="alert">{ why }</p> }
        }
        </>
    }
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: String,
    pub what: What,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// A pane of sheets.
#[component]
pub fn Sheets(props: &Props) -> Html {
    let view = use_look(question(&props.node, props.what, Vec::new()), props.beat / SLOWLY, &props.act);
    match seen(&view) {
        Ok(sheets) => html! { { for sheets.iter().map(table) } },
        Err(instead) => instead,
    }
}
