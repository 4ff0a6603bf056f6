//! Replication: the backlog with the place of each replica on it, the links, and what INFO says.

use super::super::Act;
use super::super::looking::use_look;
use super::sheet::{at, question, seen, table};
use vitrine_web::look::{Sheet, What};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: String,
    /// Addresses with the names of their nodes.
    pub names: Vec<(String, String)>,
    pub beat: u64,
    pub act: Callback<Act>,
}

fn number(info: &Sheet, name: &str) -> u64 {
    let row = info.rows.iter().find(|r| at(r, 0) == name);
    row.and_then(|r| at(r, 1).parse().ok()).unwrap_or(0)
}

fn text<'a>(info: &'a Sheet, name: &str) -> &'a str {
    info.rows.iter().find(|r| at(r, 0) == name).map_or("", |r| at(r, 1))
}

/// From how many seconds on a replica is called silent.
const SILENT_S: u64 = 3;

#[component]
pub fn Replication(props: &Props) -> Html {
    let view = use_look(question(&props.node, What::Replication, Vec::new()), props.beat / 2, &props.act);
    let info = match seen(&view) {
        Ok([info]) => info,
        Ok(_) => return Html::default(),
        Err(instead) => return instead,
    };
    let named = |addr: &str| {
        let known = props.names.iter().find(|n| n.0 == addr);
        known.map_or_else(|| addr.to_owned(), |n| format!("{} {addr}", n.1))
    };
    let offset = number(info, "master_repl_offset");
    // `slave0:ip=10.0.0.4,port=7004,state=online,offset=1234,lag=0`
    // How long the most talkative replica has been silent, in seconds; what it has last confirmed.
    let (mut silent, mut confirmed) = (u64::MAX, 0);
    let replicas: Vec<(String, u64, String)> = (info.rows.iter())
        .filter(|r| at(r, 0).strip_prefix("slave").is_some_and(|n| n.parse::<u32>().is_ok()))
        .map(|r| {
            let part = |name: &str| {
                at(r, 1).split(',').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
            };
            let at: u64 = part("offset").parse().unwrap_or(0);
            let behind = words::bytes(offset.saturating_sub(at));
            let quiet: u64 = part("lag").parse().unwrap_or(0);
            (silent, confirmed) = (silent.min(quiet), confirmed.max(at));
            // It confirms every second; a link that nothing comes over is called online for a minute.
            let state = if quiet < SILENT_S { part("state").to_owned() } else { format!("silent {quiet} s") };
            (named(&format!("{}:{}", part("ip"), part("port"))), at, format!("{state}, lag {behind}"))
        })
        .collect();
    let row = |name: String, value: String| html! { <><span>{ name }</span><span>{ value }</span></> };
    let slave = text(info, "role") == "slave";
    let master = format!("{}:{}", text(info, "master_host"), text(info, "master_port"));
    html! {
        <>
        if number(info, "repl_backlog_active") == 1 { { backlog(info, &replicas) } }
        else { <p class="empty">{ "There is no backlog: nobody has asked this node for its stream yet." }</p> }
        <div class="h3">{ "Links" }<span class="num">{ format!("offset {}", words::thousands(offset)) }</span></div>
        <div class="rows">
            if slave { { row(format!("master {}", named(&master)), text(info, "master_link_status").to_owned()) } }
            { for replicas.iter().map(|r| row(r.0.clone(), r.2.clone())) }
        </div>
        if !replicas.is_empty() && silent >= SILENT_S && offset > confirmed {
            <p class="note note--alert">{ format!("{} are on {} alone, as far as it knows: they go if a replica takes over. \
                With min-replicas-to-write 1 and a min-replicas-max-lag below that silence it would refuse such writes.",
                words::bytes(offset - confirmed), props.node) }</p>
        }
        if !slave && replicas.is_empty() { <p class="empty">{ "No replica follows this node: what only it holds is lost with it." }</p> }
        { table(info) }
        </>
    }
}

/// The window of the stream that can be replayed to a replica that comes back, and who stands where in it.
fn backlog(info: &Sheet, replicas: &[(String, u64, String)]) -> Html {
    let (first, len) = (number(info, "repl_backlog_first_byte_offset"), number(info, "repl_backlog_histlen"));
    let size = number(info, "repl_backlog_size").max(1);
    let x = |offset: u64| offset.saturating_sub(first).min(size) as f64 / size as f64 * 350.0 + 1.0;
    let end = first + len;
    let full = len * 100 / size;
    html! {
        <>
        <div class="h3">{ "Backlog" }<span>{ format!("{}, {full} % used", words::bytes(size)) }</span></div>
        <svg class="bl" viewBox="0 0 352 76" role="img" aria-label={format!("Offsets {first} to {end} can be replayed")}>
            <rect class="bl-o" x=".5" y="22.5" width="351" height="14" /><rect class="bl-f" x="1" y="23" width={format!("{:.1}", x(end) - 1.0)} height="13" />
            <text class="t" x="0" y="14">{ if len == 0 { "empty".to_owned() } else { words::thousands(first) } }</text><text class="t" x="352" y="14" text-anchor="end">{ if len == 0 { String::new() } else { words::thousands(end - 1) } }</text>
            { for replicas.iter().enumerate().map(|(i, r)| {
                let at = x(r.1);
                let name = r.0.split(' ').next().unwrap_or("").to_owned();
                let (anchor, dx) = if at > 176.0 { ("end", -4.0) } else { ("start", 4.0) };
                let y = 48 + (i % 3) * 12;
                html! { <><path class="bl-t" d={format!("M{at:.1} 18V{y}")} /><text class="t" text-anchor={anchor} x={format!("{:.1}", at + dx)} y={y.to_string()}>{ name }</text></> }
            }) }
        </svg>
        </>
    }
}
