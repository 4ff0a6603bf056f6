//! Who thinks what of whom: a row observes a column.

use super::super::shard_class;
use vitrine_web::geometry::claim_len;
use vitrine_web::model::{Belief, Cluster, SLOTS};
use yew::prelude::*;

pub fn view(c: &Cluster) -> Html {
    let groups = c.groups.len() > 1;
    let group_of = |i: usize| c.groups.iter().position(|g| g.contains(&(i as u16)));
    // A double line where a wall runs between neighbours of the matrix.
    let wall_after = |i: usize| groups && i + 1 < c.nodes.len() && group_of(i) != group_of(i + 1);
    let cell = |o: usize, s: usize| {
        let (on, sn) = (&c.nodes[o].name, &c.nodes[s].name);
        let cut = wall_after(s).then_some("cut-r");
        let belief = c.beliefs.get(o).and_then(|b| b.get(s)).copied();
        let (class, icon, says) = match belief {
            _ if o == s => ("self", "", "itself".to_owned()),
            Some(Belief::Ok) => ("d", "i-dot", format!("{on} says {sn} is ok")),
            Some(Belief::Pfail) => ("q", "i-q", format!("{on} suspects {sn}: PFAIL")),
            Some(Belief::Fail) => ("x", "i-x", format!("{on} says {sn} failed")),
            Some(_) => ("", "", format!("{on} does not know {sn}")),
            None => ("", "", format!("{on} is down and says nothing")),
        };
        html! { <td class={classes!(class, cut)} title={says.clone()} aria-label={says}>
        if !icon.is_empty() { <svg aria-hidden="true"><use href={format!("#{icon}")} /></svg> }</td> }
    };
    html! {
        <>
        <div class="h3">{ "What each node believes" }<span>{ "row observes column" }</span></div>
        <table class="mx" aria-label="Belief matrix"><thead><tr><th></th>
            { for c.nodes.iter().enumerate().map(|(i, n)| html! { <th scope="col" class={wall_after(i).then_some("cut-r")}>{ &n.name }</th> }) }
            <th class="ep-h" title="The current epoch it knows">{ "cur" }</th><th class="ep-h" title="Its config epoch">{ "cfg" }</th></tr></thead>
        <tbody>{ for c.nodes.iter().enumerate().map(|(o, n)| html! {
            <tr class={wall_after(o).then_some("cut-b")}><th scope="row">{ &n.name }</th>
                { for (0..c.nodes.len()).map(|s| cell(o, s)) }
                <td class={classes!("ep", (n.epoch_current < c.epoch).then_some("ep--old"))}>{ n.epoch_current }</td>
                <td class="ep">{ n.epoch_config }</td></tr> }) }
        </tbody></table>
        <div class="mx-key" aria-hidden="true"><span><i class="sw d"><svg><use href="#i-dot" /></svg></i>{ "ok" }</span>
            <span><i class="sw q"><svg><use href="#i-q" /></svg></i>{ "PFAIL" }</span>
            <span><i class="sw x"><svg><use href="#i-x" /></svg></i>{ "FAIL" }</span>
            if groups { <span>{ "═ wall" }</span> }</div>
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
