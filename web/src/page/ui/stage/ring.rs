//! The slot ring, its dial, and the replication links.

use super::super::{Act, MenuTarget, menu, shard_class};
use crate::page::shared::Shared;
use std::rc::Rc;
use vitrine_web::geometry::{Layout, Point, arc_path, claim_len, slot_angle};
use vitrine_web::model::{Claim, Cluster, DENSITY_PARTS, LinkState, Node, NodeIndex, SLOTS};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub layout: Shared<Layout>,
    /// A letter for each part of the slots: how many keys it has ([`vitrine_web::look::Look::Stage`]).
    pub density: AttrValue,
    pub moving: Rc<Vec<Moving>>,
}

/// Slots on their way: the first, the last, from whom and to whom.
pub type Moving = (u16, u16, NodeIndex, NodeIndex);

/// Reads a row of [`vitrine_web::look::Look::Stage`]; none if it is about something else.
pub fn moving(row: &[String], c: &Cluster) -> Option<Moving> {
    let [first, last, from, to] = row else { return None };
    let node = |name: &String| c.nodes.iter().position(|n| n.name == *name).map(|at| at as NodeIndex);
    Some((first.parse().ok()?, last.parse().ok()?, node(from)?, node(to)?))
}

/// Slots on their way: stripes of the hue that they go to, and an arrow over them towards who gets them.
fn on_the_way(c: &Cluster, l: &Layout, &(first, last, from, to): &Moving) -> Html {
    let angle = slot_angle((f64::from(first) + f64::from(last) + 1.0) / 2.0);
    // One slot would not be seen.
    let half = (slot_angle(f64::from(last - first) + 1.0) / 2.0).max(2.0);
    let r = l.ring + l.band / 2.0 + 9.0;
    let ahead = (l.seats[usize::from(to)].angle - angle).rem_euclid(360.0) <= 180.0;
    let (tip, back) = if ahead { (angle + 7.0, -2.4) } else { (angle - 7.0, 2.4) };
    let barb = |out: f64| l.centre.polar(r + out, tip + back);
    let (at, a, b) = (l.centre.polar(r, tip), barb(4.0), barb(-4.0));
    let name = |node: NodeIndex| &c.nodes[usize::from(node)].name;
    html! {
        <g class="moving"><title>{ format!("slots {}: {} → {}", words::ranges(&[(first, last)]), name(from), name(to)) }</title>
            <path class={classes!("arc-moving", shard_class(c.nodes[usize::from(to)].shard))} stroke-width={l.band.to_string()}
                d={arc_path(l.centre, l.ring, angle - half, angle + half)} />
            <path class="arrow" d={format!("{}M{:.1} {:.1}L{:.1} {:.1} {:.1} {:.1}", arc_path(l.centre, r, angle - 7.0, angle + 7.0),
                a.x, a.y, at.x, at.y, b.x, b.y)} /></g>
    }
}

/// Where the keys of a claim are: fine bars inside the ring.
fn density(l: &Layout, letters: &str, claim: &Claim) -> String {
    let foot = l.ring - l.band / 2.0 - 4.0;
    let each = f64::from(SLOTS) / DENSITY_PARTS as f64;
    let mut path = String::new();
    for (part, level) in
        letters.bytes().map(|b| b.saturating_sub(b'a')).enumerate().filter(|(_, level)| *level > 0)
    {
        let slot = (part as f64 + 0.5) * each;
        if f64::from(claim.start) <= slot && slot <= f64::from(claim.end) {
            let angle = slot_angle(slot);
            let len = 2.0 + f64::from(level) * 13.0 / 25.0;
            let (a, b) = (l.centre.polar(foot, angle), l.centre.polar(foot - len, angle));
            path += &format!("M{:.1} {:.1}L{:.1} {:.1}", a.x, a.y, b.x, b.y);
        }
    }
    path
}

/// The ticks outside the ring: one per 1 024 slots, longer per 4 096.
fn bezel(l: &Layout, major: bool) -> String {
    let outer = l.ring + l.band / 2.0 + 4.0;
    let mut path = String::new();
    for tick in 0..16 {
        if (tick % 4 == 0) != major {
            continue;
        }
        let angle = f64::from(tick) / 16.0 * 360.0;
        let a = l.centre.polar(outer, angle);
        let b = l.centre.polar(outer + if major { 6.0 } else { 3.0 }, angle);
        path.push_str(&format!("M{:.1} {:.1}L{:.1} {:.1}", a.x, a.y, b.x, b.y));
    }
    path
}

#[component]
pub fn Ring(props: &Props) -> Html {
    let (c, l) = (&props.cluster, &props.layout);
    let accepted: Vec<_> = c.claims.iter().filter(|k| k.accepted).collect();
    let shard = |node: NodeIndex| c.nodes.get(usize::from(node)).map_or(0, |n| n.shard);
    let band = l.band.to_string();
    html! {
        <>
        if accepted.is_empty() {
            <circle class="bezel-empty" cx={l.centre.x.to_string()} cy={l.centre.y.to_string()} r={l.ring.to_string()} />
        }
        <path class="bezel" d={bezel(l, false)} />
        <path class="bezel bezel--major" d={bezel(l, true)} />
        { for accepted.iter().map(|k| {
            let d = l.arc(k.start, k.end, 0.0);
            let sh = shard(k.node);
            html! { <>
                <path class={classes!("arc", if k.served { "arc--ok" } else { "arc--lost" }, shard_class(sh))}
                    stroke-width={band.clone()} d={d.clone()} />
                if !k.served { <path class="arc-hatch" stroke-width={band.clone()} d={d.clone()} /> }
                if sh >= 7 { <path class="arc-notch" d={d} /> }
                <path class={classes!("density", (!k.served).then_some("density--dim"), shard_class(sh))} d={density(l, &props.density, k)} />
            </> }
        }) }
        { for c.claims.iter().filter(|k| !k.accepted).map(|k| html! {
            <path class={classes!("arc-ghost", shard_class(shard(k.node)))} d={l.arc(k.start, k.end, 16.0)} />
        }) }
        if accepted.len() <= 12 {
            { for accepted.iter().map(|k| {
                let angle = slot_angle(f64::from(k.start));
                let at = l.centre.polar(l.ring + l.band / 2.0 + 21.0, angle);
                html! { <text class="t t--tick ring-t" text-anchor="middle" x={format!("{:.1}", at.x)}
                    y={format!("{:.1}", at.y + 4.0)}>{ k.start }</text> }
            }) }
        }
        { for props.moving.iter().map(|moving| on_the_way(c, l, moving)) }
        { tethers(c, l) }
        </>
    }
}

/// A dotted line from an owner behind a wall to its arc.
fn tethers(c: &Cluster, l: &Layout) -> Html {
    let owners = c.claims.iter().filter(|k| l.seats.get(usize::from(k.node)).is_some_and(|s| s.in_bay));
    html! {
        { for owners.map(|k| {
            let seat = &l.seats[usize::from(k.node)];
            // Not from the middle of the arc: the one who took it sits there, with its label.
            let late = slot_angle(f64::from(k.start) + f64::from(claim_len(k)) * 0.86);
            let from = l.centre.polar(l.ring + 16.0, late);
            let bend = Point { x: (from.x + seat.at.x) / 2.0 + 30.0, y: seat.at.y.max(from.y) };
            html! { <path class={classes!("tether", shard_class(c.nodes[usize::from(k.node)].shard))}
                d={format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", from.x, from.y, bend.x, bend.y, seat.at.x - seat.r - 8.0, seat.at.y)} /> }
        }) }
    }
}

/// The dial in the middle; drawn over the packets.
pub fn dial(c: &Cluster, l: &Layout) -> Html {
    let rival = c.claims.iter().find(|k| !k.accepted && k.served);
    let x = l.centre.x.to_string();
    let line = |dy: f64, class: &'static str, text: String| {
        html! { <text class={class} x={x.clone()} y={(l.centre.y + dy).to_string()} text-anchor="middle">{ text }</text> }
    };
    if let Some(rival) = rival {
        let owner = c.claims.iter().find(|k| k.accepted && k.start <= rival.end && rival.start <= k.end);
        let other = owner.map_or(String::new(), |o| format!("e{} and e{}", o.epoch, rival.epoch));
        return html! {
            <g class="dial dial--warn">
                { line(-2.0, "dial__n", "2 claims".into()) }
                { line(16.0, "t", format!("on slots {}", words::ranges(&[(rival.start, rival.end)]))) }
                { line(32.0, "t t--dim", other) }
            </g>
        };
    }
    // Outside of a cluster there are no slots: the keys are what there is to count.
    if c.nodes.iter().any(|n| n.process.is_up()) && c.is_outside() {
        let keys = c.nodes.iter().filter(|n| n.master).map(|n| n.keys).sum();
        return html! {
            <g class="dial" id="dial">{ line(-2.0, "dial__n", words::thousands(keys)) }{ line(16.0, "t", "keys".into()) }</g>
        };
    }
    let ok = c.slots_served();
    let short = ok < SLOTS && c.slots_assigned > 0;
    html! {
        <g class={classes!("dial", short.then_some("dial--warn"))} id="dial">
            { line(-2.0, "dial__n", words::thousands(ok.into())) }
            { line(16.0, "t", if ok == SLOTS { "slots served".into() } else { "of 16\u{a0}384 slots served".into() }) }
            { line(32.0, "t t--dim", format!("epoch {}", c.epoch)) }
        </g>
    }
}

/// A replication link, from master `m` to replica `i`.
pub fn link(l: &Layout, c: &Cluster, i: usize, m: usize, node: &Node, act: &Callback<Act>) -> Html {
    let (a, b) = (&l.seats[m], &l.seats[i]);
    let len = a.at.distance(b.at).max(1.0);
    let (from, to) = (a.at.toward(b.at, (a.r + 8.0) / len), b.at.toward(a.at, (b.r + 8.0) / len));
    let mid = from.toward(to, 0.5);
    let (state, word) = match node.link {
        LinkState::Online => ("repl--online", "online"),
        LinkState::Syncing => ("repl--sync", "synchronising"),
        LinkState::Down | LinkState::None => ("repl--down", "down"),
    };
    let d = if state == "repl--down" {
        let gap = (7.0 / from.distance(to).max(15.0)).min(0.45);
        let (p, q) = (from.toward(to, 0.5 - gap), from.toward(to, 0.5 + gap));
        format!(
            "M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}",
            from.x, from.y, p.x, p.y, q.x, q.y, to.x, to.y
        )
    } else {
        format!("M{:.1} {:.1}L{:.1} {:.1}", from.x, from.y, to.x, to.y)
    };
    let target = MenuTarget::Link(m as NodeIndex, i as NodeIndex);
    let (open, key) = (menu::by_pointer(act, target), menu::by_key(act, target));
    html! {
        <g class={classes!("repl", state, shard_class(c.nodes[m].shard))} tabindex="0" role="button" onclick={open.clone()}
            oncontextmenu={open} onkeydown={key} aria-haspopup="menu"
            aria-label={format!("Replication {} to {}, {word}", c.nodes[m].name, node.name)}>
            <path class="repl__hit" d={d.clone()} />
            <path class="repl__line" d={d.clone()} />
            if state == "repl--down" {
                <path class="repl__x" d={format!("M{:.1} {:.1}l7 7m0 -7l-7 7", mid.x - 3.5, mid.y - 3.5)} />
            } else {
                <path class="repl__flow" d={d} />
            }
        </g>
    }
}
