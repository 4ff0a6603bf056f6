//! Nothing selected: the cluster, shard by shard.

use super::super::slotmap::SlotMap;
use super::super::{Act, shard_class};
use crate::page::shared::Shared;
use vitrine_web::geometry::claim_len;
use vitrine_web::model::{Cluster, NodeIndex, SLOTS};
use vitrine_web::words;
use yew::prelude::*;

pub fn view(c: &Shared<Cluster>, map: bool, playing: bool, beat: u64, act: &Callback<Act>) -> Html {
    let owners: Vec<usize> = {
        let mut seen = Vec::new();
        for k in c.claims.iter().filter(|k| k.accepted) {
            if !seen.contains(&usize::from(k.node)) {
                seen.push(usize::from(k.node));
            }
        }
        seen
    };
    html! {
        <>
        <div class="insp__h insp__h--plain"><div><h2>{ "The cluster" }</h2>
            <p>{ format!("{} · {} of {} slots served · epoch {}", words::count(c.nodes.len(), "node", "nodes"),
                words::thousands(c.slots_ok.into()), words::thousands(SLOTS.into()), c.epoch) }</p></div></div>
        <div class="pane">
            if c.nodes.is_empty() {
                <p class="empty">{ "The engine is starting. Nodes appear as their processes do." }</p>
            } else {
            <table class="shards"><thead><tr><th>{ "Master" }</th><th>{ "Replicas" }</th><th>{ "Slots" }</th><th>{ "Keys" }</th><th>{ "Epoch" }</th></tr></thead>
            <tbody>{ for owners.iter().map(|&i| {
                let n = &c.nodes[i];
                let slots: u32 = c.claims.iter().filter(|k| k.accepted && usize::from(k.node) == i).map(claim_len).sum();
                let replicas: Vec<&str> = c.nodes.iter()
                    .filter(|r| r.replica_of == Some(i as NodeIndex)).map(|r| r.name.as_str()).collect();
                html! { <tr><td><span class={classes!("dot", shard_class(n.shard))}></span>
                        <button onclick={act.reform(move |_| Act::Select(Some(i as NodeIndex)))}>{ &n.name }</button></td>
                    <td>{ if replicas.is_empty() { "none".into() } else { replicas.join(" ") } }</td>
                    <td>{ words::thousands(slots.into()) }</td><td>{ words::thousands(n.keys) }</td><td>{ n.epoch_config }</td></tr> }
            }) }</tbody></table>
            if owners.is_empty() { <p class="empty">{ "No slot has an owner yet." }</p> }
            <div class="h3">{ "Slots" }<button class="btn btn--sm" onclick={act.reform(|_: MouseEvent| Act::Slots(true))}>{ "Larger" }</button></div>
            if map { <SlotMap cluster={c.clone()} {playing} {beat} act={act.clone()} /> }
            <div class="h3">{ "Nodes" }<span>{ "address, role in its own view" }</span></div>
            <div class="rows">{ for c.nodes.iter().enumerate().map(|(i, n)| html! { <>
                <span><button onclick={act.reform(move |_| Act::Select(Some(i as NodeIndex)))}>{ format!("{} {}", n.name, n.addr) }</button></span>
                <span>{ if n.master { "master" } else { "replica" } }</span></> }) }</div>
            <p class="note">{ "Click a node to see it from the inside: its keys, what it believes of the others, its replication, disk, configuration and log." }</p>
            }
        </div>
        </>
    }
}
