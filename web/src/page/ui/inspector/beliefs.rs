//! Who thinks what of whom: a row observes a column.

use super::super::shard_class;
use vitrine_web::geometry::claim_len;
use vitrine_web::model::{Belief, Cluster, SLOTS, by_shard};
use vitrine_web::words;
use yew::prelude::*;

/// From so many nodes on, a shard is one row and one column.
const BY_SHARD_FROM: usize = 31;
/// From so many columns on, a column is too narrow for the name of its node.
const NAMES_UNTIL: usize = 13;
/// How many rows the matrix has at the most: the shards about which somebody has doubts come first.
const ROWS_MAX: usize = 12;

/// What rows and columns stand for: a name, and the nodes.
fn groups(c: &Cluster) -> Vec<(String, Vec<usize>)> {
    let all = by_shard(&c.nodes).into_iter();
    if c.nodes.len() < BY_SHARD_FROM {
        return all.map(|i| (c.nodes[i].name.clone(), vec![i])).collect();
    }
    let mut out: Vec<(String, Vec<usize>)> = Vec::new();
    let mut places: Vec<Option<usize>> = Vec::new();
    for i in all {
        let shard = usize::from(c.nodes[i].shard);
        places.resize(places.len().max(shard + 1), None);
        let at = *places[shard].get_or_insert(out.len());
        if at == out.len() {
            // The first node of a shard names it.
            out.push((words::stem(&c.nodes[i].name).to_owned(), Vec::new()));
        }
        out[at].1.push(i);
    }
    if out.len() > ROWS_MAX {
        let mut doubts = vec![0; c.nodes.len()];
        for (_, subject, _) in c.beliefs.doubts() {
            doubts[subject] += 1;
        }
        let doubted = |g: &(String, Vec<usize>)| std::cmp::Reverse(g.1.iter().map(|&s| doubts[s]).max());
        out.sort_by_cached_key(doubted);
        out.truncate(ROWS_MAX);
    }
    out
}

/// What the nodes of one group say of those of another: the worst of it, and how many of them say so.
fn worst(c: &Cluster, row: &[usize], column: &[usize]) -> (Option<Belief>, usize) {
    let mut found: Vec<Belief> = Vec::new();
    for &o in row {
        found.extend(column.iter().filter(|&&s| s != o).filter_map(|&s| c.beliefs.get(o, s)));
    }
    let grade = |b: &Belief| match b {
        Belief::Fail => 3,
        Belief::Pfail => 2,
        Belief::Ok | Belief::Own => 0,
        _ => 1,
    };
    let worst = found.iter().copied().max_by_key(grade);
    (worst, found.iter().filter(|b| Some(**b) == worst).count())
}

pub fn view(c: &Cluster) -> Html {
    if c.is_outside() {
        return html! { <p class="empty">{ "There is no cluster here: nodes gossip nothing, and believe nothing of one another." }</p> };
    }
    let walls = c.groups.len() > 1;
    let parts = groups(c);
    let by_shard = c.nodes.len() >= BY_SHARD_FROM;
    let many = !by_shard && parts.len() >= NAMES_UNTIL;
    let shard = |p: &(String, Vec<usize>)| c.nodes[p.1[0]].shard;
    let group_of = |i: usize| c.groups.iter().position(|g| g.contains(&(parts[i].1[0] as u16)));
    // A double line where a wall runs between neighbours of the matrix.
    let wall_after = |i: usize| walls && i + 1 < parts.len() && group_of(i) != group_of(i + 1);
    let cell = |o: usize, s: usize| {
        let ((on, row), (sn, column)) = (&parts[o], &parts[s]);
        let cut = wall_after(s).then_some("cut-r");
        let (belief, count) = worst(c, row, column);
        let times = if by_shard { format!(" ({count} times)") } else { String::new() };
        let (class, icon, says) = match belief {
            _ if o == s && !by_shard => ("self", "", "itself".to_owned()),
            Some(Belief::Ok | Belief::Own) => ("d", "i-dot", format!("{on} says {sn} is ok")),
            Some(Belief::Pfail) => ("q", "i-q", format!("{on} suspects {sn}: PFAIL{times}")),
            Some(Belief::Fail) => ("x", "i-x", format!("{on} says {sn} failed{times}")),
            Some(_) => ("", "", format!("{on} does not know {sn}{times}")),
            None => ("", "", format!("{on} is down and says nothing")),
        };
        html! { <td class={classes!(class, cut)} title={says.clone()} aria-label={says}>
        if !icon.is_empty() { <svg aria-hidden="true"><use href={format!("#{icon}")} /></svg> }</td> }
    };
    let epochs = |nodes: &[usize], of: fn(&vitrine_web::model::Node) -> u64| {
        let all = || nodes.iter().map(|&i| of(&c.nodes[i]));
        let (least, most) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
        (least, if least == most { most.to_string() } else { format!("{least}–{most}") })
    };
    html! {
        <>
        <div class="h3">{ if by_shard { "What each shard believes" } else { "What each node believes" } }<span>{ "row observes column" }</span></div>
        <table class={classes!("mx", many.then_some("mx--many"))} aria-label="Belief matrix"><thead><tr><th></th>
            if many {
                // No room for each name: their shards'.
                { for parts.chunk_by(|a, b| shard(a) == shard(b)).map(|of| html! { <th scope="colgroup" colspan={of.len().to_string()}>{ words::stem(&of[0].0).to_owned() }</th> }) }
            } else {
                { for parts.iter().enumerate().map(|(i, p)| html! { <th scope="col" class={wall_after(i).then_some("cut-r")}>{ &p.0 }</th> }) }
            }
            <th class="ep-h" title="The current epoch it knows">{ "cur" }</th><th class="ep-h" title="Its config epoch">{ "cfg" }</th></tr></thead>
        <tbody>{ for parts.iter().enumerate().map(|(o, (name, nodes))| {
            let (current, config) = (epochs(nodes, |n| n.epoch_current), epochs(nodes, |n| n.epoch_config));
            html! {
            <tr class={wall_after(o).then_some("cut-b")}><th scope="row">{ name }</th>
                { for (0..parts.len()).map(|s| cell(o, s)) }
                <td class={classes!("ep", (current.0 < c.epoch).then_some("ep--old"))}>{ current.1 }</td>
                <td class="ep">{ config.1 }</td></tr> } }) }
        </tbody></table>
        <div class="mx-key" aria-hidden="true"><span><i class="sw d"><svg><use href="#i-dot" /></svg></i>{ "ok" }</span>
            <span><i class="sw q"><svg><use href="#i-q" /></svg></i>{ "PFAIL" }</span>
            <span><i class="sw x"><svg><use href="#i-x" /></svg></i>{ "FAIL" }</span>
            if walls { <span>{ "═ wall" }</span> }</div>
        if by_shard { <p class="note">{ "Over 30 nodes a row is a shard, and a cell the worst that one of its nodes says of one of the other's." }</p> }
        <div class="h3">{ "Who owns which slots" }<span>{ if c.claims.iter().any(|k| !k.accepted) { "they disagree" } else { "they agree" } }</span></div>
        { bar(c, true, "accepted") }
        if c.claims.iter().any(|k| !k.accepted) { { bar(c, false, "also claimed") } }
        </>
    }
}

fn bar(c: &Cluster, accepted: bool, name: &'static str) -> Html {
    let all = f64::from(SLOTS);
    html! {
        <div class="claim"><span>{ name }</span><svg role="img" aria-label={format!("Slots {name}")}>
            { for c.claims.iter().filter(|k| k.accepted == accepted).map(|k| {
                let (x, w) = (f64::from(k.start) / all * 100.0, f64::from(claim_len(k)) / all * 100.0);
                let Some(n) = c.nodes.get(usize::from(k.node)) else { return Html::default() };
                html! { <g class={shard_class(n.shard)}>
                    <rect class={(!accepted).then_some("diff")} x={format!("{x:.2}%")} width={format!("{:.2}%", (w - 0.3).max(0.1))} height="14" />
                    if w > 14.0 { <text x={format!("{:.2}%", x + w / 2.0)} y="11">{ format!("{} · e{}", n.name, k.epoch) }</text> }</g> }
            }) }
        </svg></div>
    }
}
