//! The panes that are rows of text: replication, configuration, log.

use crate::shared::Shared;
use vitrine_web::model::{BootNode, Cluster, Detail, LinkState};
use vitrine_web::words;
use yew::prelude::*;

fn row(name: &str, value: &str) -> Html {
    html! { <><span>{ name.to_owned() }</span><span>{ value.to_owned() }</span></> }
}

pub fn replication(c: &Cluster, i: usize, detail: Option<&Shared<Detail>>) -> Html {
    let n = &c.nodes[i];
    let word = |l: LinkState| match l {
        LinkState::Online => "online",
        LinkState::Syncing => "synchronising",
        LinkState::Down => "down",
        LinkState::None => "none",
    };
    let replicas: Vec<_> = c.nodes.iter().filter(|r| r.replica_of == Some(i as u16)).collect();
    html! {
        <>
        <div class="h3">{ if n.master { "As a master" } else { "As a replica" } }<span class="num">{ format!("offset {}", words::thousands(n.offset.max(0) as u64)) }</span></div>
        <div class="rows">
            if let Some(m) = n.replica_of.and_then(|m| c.nodes.get(usize::from(m))) {
                { row(&format!("master {} {}", m.name, m.addr), word(n.link)) }
                if let Some(lag) = n.lag_bytes { { row("behind its master", &words::bytes(lag)) } }
            }
            { for replicas.iter().map(|r| {
                let lag = r.lag_bytes.map_or(String::new(), |l| format!(", lag {}", words::bytes(l)));
                row(&format!("{} {}", r.name, r.addr), &format!("{}{lag}", word(r.link)))
            }) }
        </div>
        if n.master && replicas.is_empty() { <p class="empty">{ "No replica follows this node: what only it holds is lost with it." }</p> }
        if let Some(d) = detail.filter(|d| !d.replication.is_empty()) {
            <div class="h3">{ "What it says itself" }<span>{ "INFO replication" }</span></div>
            <div class="rows">{ for d.replication.iter().map(|(k, v)| row(k, v)) }</div>
        }
        </>
    }
}

pub fn config(node: Option<&BootNode>) -> Html {
    let Some(node) = node else { return Html::default() };
    html! {
        <>
        <div class="h3">{ "redis.conf" }<span>{ "as this node was started" }</span></div>
        <pre class="conf" tabindex="0">{ &node.conf }</pre>
        <p class="note">{ "CONFIG GET in the terminal shows what holds now; CONFIG SET changes it; CONFIG REWRITE writes it down." }</p>
        </>
    }
}

pub fn log(detail: Option<&Shared<Detail>>) -> Html {
    let Some(detail) = detail else { return Html::default() };
    if detail.log.is_empty() {
        return html! { <p class="empty">{ "The log is empty." }</p> };
    }
    html! {
        <ol class="log" reversed=true>
            { for detail.log.iter().rev().map(|line| {
                let class = (line.mark == '#').then_some("w");
                html! { <li {class}><span>{ words::clock_short(line.at_us) }</span><span>{ line.mark.to_string() }</span><span>{ &line.text }</span></li> }
            }) }
        </ol>
    }
}
