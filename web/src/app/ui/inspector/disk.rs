//! A node's files, and how much of each would outlive a loss of power.

use crate::shared::Shared;
use vitrine_web::model::{Detail, Node};
use vitrine_web::words;
use yew::prelude::*;

pub fn view(n: &Node, detail: Option<&Shared<Detail>>) -> Html {
    let cell = |class: &'static str, bytes: u64, what: &'static str| {
        html! { <div><b>{ words::thousands(bytes) }</b><svg class={classes!("swt", "dk")} aria-hidden="true"><rect class={class} width="14" height="9" /></svg>{ what }</div> }
    };
    html! {
        <>
        if let Some(d) = detail.filter(|d| !d.appendfsync.is_empty()) {
            <div class="h3"><span class="mono">{ format!("appendfsync {}", d.appendfsync) }</span></div>
        }
        <div class="trio">
            { cell("dk-sync", n.disk.synced, "fsynced, B") }
            { cell("dk-writ", n.disk.written, "written, B") }
            { cell("dk-buff", n.disk.buffered, "buffered, B") }
        </div>
        <p class="note">{ "Fsynced bytes outlive a loss of power. Written ones are in the system's cache: they outlive a killed process alone. \
            Buffered ones are in the process." }</p>
        { for detail.iter().flat_map(|d| d.files.iter()).map(|f| {
            let synced = if f.len == 0 { 0.0 } else { f.synced.min(f.len) as f64 / f.len as f64 * 100.0 };
            html! { <>
                <div class="h3"><b class="mono">{ &f.path }</b><span class="num">{ words::bytes(f.len) }</span></div>
                <svg class="dk" role="img" preserveAspectRatio="none" aria-label={format!("{} of {} bytes fsynced", f.synced, f.len)}>
                    <rect class="dk-bg" width="100%" height="12" />
                    <rect class="dk-sync" width={format!("{synced:.2}%")} height="12" />
                    <rect class="dk-writ" x={format!("{synced:.2}%")} width={format!("{:.2}%", if f.len == 0 { 0.0 } else { 100.0 - synced })} height="12" /></svg>
            </> }
        }) }
        if detail.is_some_and(|d| d.files.is_empty()) { <p class="empty">{ "This node has no files yet." }</p> }
        </>
    }
}
