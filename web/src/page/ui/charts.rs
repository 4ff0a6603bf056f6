//! Lines over virtual time: operations a second, latencies, memory, replication; each with a table of the same numbers.

use super::looking::use_look;
use super::{Act, shard_class};
use crate::page::shared::Shared;
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::{Cluster, Node};
use vitrine_web::words;
use yew::prelude::*;

/// The drawing of a chart, in its own units.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 72.0;
/// How many rows a table has.
const ROWS: usize = 12;

/// A chart: its title, what the names of its lines begin with, and how a value is written.
type Chart = (&'static str, &'static str, fn(u64) -> String);

const CHARTS: [Chart; 5] = [
    ("Operations a second", "ops ", words::thousands),
    ("Latency", "latency ", words::latency),
    ("Memory", "memory ", words::bytes),
    ("Replication lag", "lag ", words::bytes),
    ("Replication offset", "offset ", words::bytes),
];

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// A line's points; the first instant is at the left edge, the last at the right, and `most` at the top.
fn points(instants: &[f64], values: &[f64], most: f64) -> String {
    let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return String::new() };
    let span = (last - first).max(1.0);
    let point = |(t, v): (&f64, &f64)| {
        format!("{:.1},{:.1}", (t - first) / span * WIDTH, HEIGHT - 1.0 - v / most.max(1.0) * (HEIGHT - 2.0))
    };
    instants.iter().zip(values).map(point).collect::<Vec<_>>().join(" ")
}

/// A small line without axes, for the bar.
pub fn spark(values: &[f64]) -> Html {
    let instants: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    html! { <svg class="spark" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" aria-hidden="true">
    <polyline points={points(&instants, values, most)} /></svg> }
}

#[component]
pub fn Charts(props: &Props) -> Html {
    let view = use_look(Some(Look::Charts), props.beat, &props.act);
    let Some(Ok(Seen::Lines(lines))) = view.as_deref() else { return Html::default() };
    let Some(((_, instants), lines)) = lines.split_first() else { return Html::default() };
    if instants.len() < 2 {
        return html! { <p class="empty">{ "Every virtual second adds a point. Let time go on, and start a workload to see its operations and latencies." }</p> };
    }
    html! { <div class="charts">{ for CHARTS.iter().map(|&(title, prefix, show)| chart(&props.cluster.nodes, title, prefix, show, instants, lines)) }</div> }
}

fn chart(
    nodes: &[Node],
    title: &str,
    prefix: &str,
    show: fn(u64) -> String,
    instants: &[f64],
    lines: &[(String, Vec<f64>)],
) -> Html {
    let own: Vec<(&str, &Vec<f64>)> =
        lines.iter().filter_map(|(name, values)| Some((name.strip_prefix(prefix)?, values))).collect();
    let most = own.iter().flat_map(|(_, values)| values.iter().copied()).fold(0.0, f64::max);
    let at = |t: Option<&f64>| words::clock_short((t.copied().unwrap_or(0.0) * 1e6) as u64);
    let last = |values: &[f64]| show(values.last().copied().unwrap_or(0.0) as u64);
    // A node's line has its shard's hue, and its replicas' lines are broken; other lines differ by their breaks alone.
    let class = |i: usize, name: &str| match nodes.iter().position(|node| node.name == name) {
        Some(at) => {
            let before = nodes[..at].iter().filter(|node| node.shard == nodes[at].shard).count();
            format!("ln {} ln--{}", shard_class(nodes[at].shard), before.min(3))
        }
        None => format!("ln ln--{}", i.min(3)),
    };
    let step = instants.len().div_ceil(ROWS).max(1);
    let label = format!(
        "{title} from {} to {}, at most {}",
        at(instants.first()),
        at(instants.last()),
        show(most as u64)
    );
    html! {
        <figure class="chart">
            <figcaption><b>{ title }</b><span class="num">{ show(most as u64) }</span></figcaption>
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={label}>
                <path class="ln-axis" d={format!("M0 1H{WIDTH}M0 {}H{WIDTH}", HEIGHT - 0.5)} />
                { for own.iter().enumerate().map(|(i, (name, values))| html! { <polyline class={class(i, name)} points={points(instants, values, most)} /> }) }
            </svg>
            <div class="chart__x num"><span>{ at(instants.first()) }</span><span>{ at(instants.last()) }</span></div>
            <ul class="chart__k">{ for own.iter().enumerate().map(|(i, (name, values))| html! {
                <li><svg viewBox="0 0 18 4" aria-hidden="true"><path class={class(i, name)} d="M0 2H18" /></svg>{ *name }{ " " }<b class="num">{ last(values) }</b></li> }) }</ul>
            <details><summary>{ "Table" }</summary><table class="table">
                <thead><tr><th scope="col">{ "Time" }</th>{ for own.iter().map(|(name, _)| html! { <th scope="col">{ *name }</th> }) }</tr></thead>
                <tbody>{ for (0..instants.len()).rev().step_by(step).map(|row| html! {
                    <tr><th scope="row">{ at(instants.get(row)) }</th>{ for own.iter().map(|(_, values)| html! {
                        <td>{ show(values.get(row).copied().unwrap_or(0.0) as u64) }</td> }) }</tr> }) }</tbody>
            </table></details>
        </figure>
    }
}
