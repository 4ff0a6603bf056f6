//! Nothing selected: the cluster, shard by shard.

use super::super::slotmap::{SlotMap, world};
use super::super::{Act, shard_class};
use crate::page::shared::Shared;
use vitrine_web::geometry::claim_len;
use vitrine_web::model::{Cluster, NodeIndex, SLOTS};
use vitrine_web::words;
use yew::prelude::*;

pub fn view(c: &Shared<Cluster>, map: bool, playing: bool, beat: u64, act: &Callback<Act>) -> Html {
    let outside = c.is_outside();
    let mut owners: Vec<usize> = if outside {
        (0..c.nodes.len()).filter(|&i| c.nodes[i].master).collect()
    } else {
        c.claims.iter().filter(|k| k.accepted).map(|k| usize::from(k.node)).collect()
    };
    owners.sort_by_key(|&i| (c.nodes[i].shard, i));
    owners.dedup();
    let nodes = words::count(c.nodes.len(), "node", "nodes");
    html! {
        <>
        <div class="insp__h insp__h--plain"><div><h2>{ if outside { "The nodes" } else { "The cluster" } }</h2>
            <p>{ if outside { format!("{nodes} · no cluster") } else { format!("{nodes} · {} of {} slots served · epoch {}",
                words::thousands(c.slots_ok.into()), words::thousands(SLOTS.into()), c.epoch) } }</p></div></div>
        <div class="pane">
            if c.nodes.is_empty() {
                <p class="empty">{ "The engine is starting. Nodes appear as their processes do." }</p>
            } else {
            <table class="shards"><thead><tr><th>{ "Master" }</th><th>{ "Replicas" }</th>
                if !outside { <th>{ "Slots" }</th> }<th>{ "Keys" }</th>if !outside { <th>{ "Epoch" }</th> }</tr></thead>
            <tbody>{ for owners.iter().map(|&i| {
                let n = &c.nodes[i];
                let slots: u32 = c.claims.iter().filter(|k| k.accepted && usize::from(k.node) == i).map(claim_len).sum();
                let replicas: Vec<&str> = c.nodes.iter()
                    .filter(|r| r.replica_of == Some(i as NodeIndex)).map(|r| r.name.as_str()).collect();
                html! { <tr><td><span class={classes!("dot", shard_class(n.shard))}></span>
                        <button onclick={act.reform(move |_| Act::Select(Some(i as NodeIndex)))}>{ &n.name }</button></td>
                    <td>{ if replicas.is_empty() { "none".into() } else { replicas.join(" ") } }</td>
                    if !outside { <td>{ words::thousands(slots.into()) }</td> }<td>{ words::thousands(n.keys) }</td>
                    if !outside { <td>{ n.epoch_config }</td> }</tr> }
            }) }</tbody></table>
            if owners.is_empty() { <p class="empty">{ "No slot has an owner yet." }</p> }
            if !outside {
                <div class="h3">{ "Slots" }<button class="btn btn--sm" onclick={act.reform(|_: MouseEvent| Act::Slots(true))}>{ "Larger" }</button></div>
                if map { <SlotMap key={world(c)} cluster={c.clone()} {playing} {beat} act={act.clone()} /> }
            }
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
