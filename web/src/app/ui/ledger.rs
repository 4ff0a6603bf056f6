//! The bar under the stage. It shows what the engine can say today: how many writes were acknowledged, what the append-only
//! files of the nodes hold and how safe that is, and what of it this browser keeps. Whether a single write is safe takes the
//! engine's own account of every write; until there is one, no write is said to be.

use super::{Act, icon};
use crate::shared::Shared;
use vitrine_web::model::{Cluster, Process};
use vitrine_web::protocol::Storage;
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// Writes that were acknowledged to the clients of this tab.
    pub acknowledged: u64,
    pub storage: Option<Storage>,
    pub act: Callback<Act>,
}

fn tally(symbol: &'static str, n: u64, small: &'static str, hot: bool, title: &'static str) -> Html {
    html! { <div class={hot.then_some("hot")} {title}>{ icon(symbol) }<b>{ words::bytes(n) }</b><small>{ small }</small></div> }
}

#[component]
pub fn Ledger(props: &Props) -> Html {
    let up = props.cluster.nodes.iter().filter(|n| n.process.is_up() || n.process == Process::Paused);
    let (mut synced, mut written, mut buffered, mut lag) = (0, 0, 0, 0);
    for n in up {
        synced += n.disk.synced;
        written += n.disk.written;
        buffered += n.disk.buffered;
        lag += n.lag_bytes.unwrap_or(0);
    }
    let total = (synced + written + buffered).max(1) as f64;
    let width = |n: u64| if n == 0 { 0.0 } else { (n as f64 / total * 100.0).max(1.5) };
    let (w, b) = (width(written), width(buffered));
    let s = (100.0 - w - b).max(0.0);
    html! {
        <section class="ledger" aria-label="Ledger: how safe the data is">
            <div class="ledger__row">
                <div class="ledger__k"><b>{ "Ledger" }</b><small id="acknowledged">{ acknowledged(props.acknowledged) }</small></div>
                <svg class="share" preserveAspectRatio="none" role="img"
                    aria-label={format!("Append-only files: {synced} bytes fsynced, {written} written, {buffered} buffered")}>
                    <rect class="share-bg" width="100%" height="100%" />
                    if synced > 0 { <rect class="share-safe" width={format!("{s:.2}%")} height="100%" /> }
                    <rect class="share-writ" x={format!("{s:.2}%")} width={format!("{w:.2}%")} height="100%" />
                    <rect class="share-buff" x={format!("{:.2}%", s + w)} width={format!("{b:.2}%")} height="100%" />
                </svg>
                <div class="tally">
                    { tally("i-safe", synced, "fsynced", false, "Survives a loss of power") }
                    { tally("i-risk", written + buffered, "not fsynced", written + buffered > 0, "Written or buffered: a loss of power may take it") }
                    { tally("i-sync", lag, "not on a replica", false, "What the replicas together have still to receive") }
                </div>
                { kept(props.storage.as_ref()) }
            </div>
        </section>
    }
}

fn acknowledged(writes: u64) -> String {
    format!("{} {} acknowledged", words::thousands(writes), if writes == 1 { "write" } else { "writes" })
}

/// What this browser keeps.
fn kept(storage: Option<&Storage>) -> Html {
    let (bold, small, alarm) = match storage {
        None => ("not yet".to_owned(), "kept in this browser".to_owned(), false),
        Some(Storage::Kept { cut_us, bytes, .. }) => (
            words::bytes(*bytes),
            format!("kept in this browser, up to {}", words::clock_short(*cut_us)),
            false,
        ),
        Some(Storage::OtherTab) => {
            ("in memory".into(), "another tab of this browser keeps the cluster".into(), true)
        }
        Some(Storage::Replaced { .. }) => ("not yet".to_owned(), "kept in this browser".to_owned(), false),
        Some(Storage::Failed { why }) => ("in memory".into(), format!("not kept: {why}"), true),
    };
    html! { <div class="where" id="storage" role={alarm.then_some("alert")}>
    <b class={alarm.then_some("al")}>{ bold }</b><small title={small.clone()}>{ small }</small></div> }
}
