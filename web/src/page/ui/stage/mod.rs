//! The stage: the ring of slots with its nodes, links and packets, or the heat map of a crowd, the palette of faults, and what covers it when the
//! engine starts, stops or does not answer.

mod clients;
mod glyph;
mod heat;
mod labels;
mod marks;
mod partition;
mod press;
mod ring;
mod trip;
mod way;
mod zoom;

use super::looking::use_look;
use super::{Act, Armed, MenuTarget, faults, icon, menu, palette};
use crate::page::shared::Shared;
use std::rc::Rc;
use vitrine_web::clients::{Client, places};
use vitrine_web::faults::{On, Subject};
use vitrine_web::gather::crowd;
use vitrine_web::geometry::{HEIGHT, Layout, Point, WIDTH};
use vitrine_web::heat::Metric;
use vitrine_web::look::{Look, Seen};
use vitrine_web::marks::Mark;
use vitrine_web::model::{ActiveFault, Cluster, NodeIndex, Phase, Process, SLOTS, Traffic};
use vitrine_web::trip::Trip;
use vitrine_web::{wall, words};
use yew::prelude::*;

/// What can be hidden: packets of the bus, replication links, clients.
const LAYERS: [&str; 3] = ["Gossip", "Data", "Clients"];

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    /// The same without news of numbers.
    pub roster: Shared<Cluster>,
    pub layout: Shared<Layout>,
    pub marks: Shared<Vec<Mark>>,
    pub traffic: Shared<Vec<Traffic>>,
    /// Virtual time in tenths of a second: labels that count time need no more.
    pub tenths: u64,
    pub selected: Option<NodeIndex>,
    /// Nodes that hold the writes that are looked at.
    pub lit: Shared<Vec<NodeIndex>>,
    pub armed: Option<Armed>,
    /// Counts while frames come, a few times a second.
    pub beat: u64,
    /// Whether the visitor wants the heat map; a crowd has nothing else.
    pub heat: bool,
    /// The visitor asked for less motion.
    pub still: bool,
    pub playing: bool,
    pub speed: f64,
    pub phase: Phase,
    pub stopped: Option<String>,
    pub silent: bool,
    pub notice: Option<String>,
    pub trip: Option<Trip>,
    pub act: Callback<Act>,
}

#[component]
pub fn Stage(props: &Props) -> Html {
    let act = &props.act;
    let phone = use_state(|| crate::page::link::media("(max-width: 719px)"));
    {
        let phone = phone.clone();
        use_effect_with((), move |_| {
            let resized = wasm_bindgen::closure::Closure::<dyn FnMut()>::new(move || {
                phone.set(crate::page::link::media("(max-width: 719px)"));
            });
            let window = crate::page::link::window();
            use wasm_bindgen::JsCast;
            let _ = window.add_event_listener_with_callback("resize", resized.as_ref().unchecked_ref());
            move || {
                let window = crate::page::link::window();
                let _ =
                    window.remove_event_listener_with_callback("resize", resized.as_ref().unchecked_ref());
                drop(resized);
            }
        });
    }
    // A phone's stage has no labels and no room beside the ring: it shows the drawing's middle alone.
    let crowd = crowd(props.cluster.nodes.len());
    let heat = props.heat || crowd;
    let looking = zoom::use_zoom(match (*phone, heat, props.layout.wall_x) {
        (true, true, _) => (92.0, 40.0, 698.0, 500.0),
        (true, _, None) => (186.0, 28.0, 500.0, 522.0),
        (true, _, Some(_)) => (106.0, 28.0, 690.0, 522.0),
        _ => (0.0, 0.0, WIDTH, HEIGHT),
    });
    let view = looking.view;
    let metric = use_state(|| Metric::Doubts);
    let (headline, aside, alarm) = headline(props);
    let layers = use_state(|| [true; LAYERS.len()]);
    let [gossip, data, with_clients] = *layers;
    let layer = |(i, name): (usize, &&'static str)| {
        let (on, layers) = (layers[i], layers.clone());
        let toggle = Callback::from(move |_| {
            let mut next = *layers;
            next[i] = !next[i];
            layers.set(next);
        });
        html! { <button aria-pressed={on.to_string()} onclick={toggle}>{ *name }</button> }
    };
    let around = use_look((!heat).then_some(Look::Stage), props.beat, act);
    let (density, moving, clients) =
        &*use_memo((around, props.layout.clone(), *phone || !with_clients), |(around, layout, hidden)| {
            let sheet = match around.as_deref() {
                Some(Ok(Seen::Sheets(sheets))) => sheets.first(),
                _ => None,
            };
            let all =
                sheet.filter(|_| !hidden).map_or_else(Vec::new, |sheet| Client::all(sheet, &props.cluster));
            let cards = places(layout, &all);
            let drawn = all.into_iter().zip(cards).filter_map(|(client, card)| Some((client, card?)));
            let moving = sheet
                .iter()
                .flat_map(|sheet| &sheet.rows)
                .filter_map(|row| ring::moving(row, &props.cluster));
            (
                AttrValue::from(sheet.map_or(String::new(), |sheet| sheet.note.clone())),
                Rc::new(moving.collect::<Vec<_>>()),
                Rc::new(drawn.collect::<Vec<_>>()),
            )
        });
    // Let go on the other side of a wall, a node goes there.
    let let_go = {
        let (cluster, layout, now_us) = (props.cluster.clone(), props.layout.clone(), props.tenths * 100_000);
        let act = act.clone();
        Callback::from(move |(node, at): (NodeIndex, Point)| {
            let to = wall::beside(&layout, node, at);
            if let Some(lines) = to.and_then(|to| wall::moved(&cluster, node, to, now_us)) {
                act.emit(Act::Line(lines));
            }
        })
    };
    let press = press::use_press(act, looking.view, let_go);
    let armed = props.armed.is_some().then_some("scene--armed");
    let held = (!props.playing).then_some("scene--still");
    html! {
        <main class="stage" aria-label="Stage">
            <div class="stage__h">
                <span class={classes!("cstate", alarm.then_some("al"))} id="cluster-state">
                    { icon(if alarm { "i-x" } else { "i-check" }) }{ headline }{ " " }<span>{ aside }</span></span>
                <faults::Faults cluster={props.roster.clone()} tenths={props.tenths} act={act.clone()} />
                if !heat {
                    <div class="layers" role="group" aria-label="Layers">
                        { for LAYERS.iter().enumerate().map(layer) }</div>
                }
                <div class="seg" role="group" aria-label="View">
                    <button aria-pressed={(!heat).to_string()} disabled={crowd} title={crowd.then_some("Over 60 nodes there is no room for a ring")}
                        onclick={act.reform(|_| Act::Heat(false))}>{ icon("i-ring") }{ "Ring" }</button>
                    <button aria-pressed={heat.to_string()} onclick={act.reform(|_| Act::Heat(true))}>{ icon("i-grid") }{ "Heat map" }</button></div>
            </div>
            <palette::Palette cluster={props.roster.clone()} armed={props.armed.clone()} act={act.clone()} />
            <div class={looking.near.then_some("near")} onwheel={looking.wheel} onpointerdown={looking.down} onpointermove={looking.moved}
                onpointerup={looking.up.clone()} onpointercancel={looking.up} ondblclick={looking.all}>
            if heat {
                <heat::Heat cluster={props.cluster.clone()} tenths={props.tenths} metric={*metric} selected={props.selected}
                    lit={props.lit.clone()} armed={props.armed.clone()} {view} act={act.clone()} />
                { heat::choice(&metric) }
            } else {
            <svg class={classes!("scene", armed, held)} viewBox={zoom::view_box(view)} role="group" onpointerdown={press.down}
                onpointermove={press.moved} onpointerup={press.up} onpointercancel={press.away} ontouchend={press.lifted}
                aria-label={spoken_summary("Ring view", &props.cluster)}>
                <ring::Ring cluster={props.cluster.clone()} layout={props.layout.clone()} {density} {moving} />
                <clients::Lines layout={props.layout.clone()} clients={clients.clone()} />
                if data {
                    <Links cluster={props.cluster.clone()} layout={props.layout.clone()} act={act.clone()} />
                }
                <marks::MarksView marks={props.marks.clone()} traffic={props.traffic.clone()} layout={props.layout.clone()}
                    clients={clients.clone()} {gossip} named={props.speed <= 0.1} still={props.still} act={act.clone()} />
                if let Some(trip) = props.trip.as_ref().filter(|_| with_clients) { { trip::view(&props.cluster, &props.layout, trip) } }
                <g class="opens" onclick={act.reform(|_: MouseEvent| Act::Slots(true))}>
                    <g role="button" tabindex="0" aria-label="Slot map" onkeydown={super::pressed(act.reform(|_| Act::Slots(true)))}>
                        <title>{ "Slot map" }</title>
                        <circle cx={props.layout.centre.x.to_string()} cy={props.layout.centre.y.to_string()} r="62" /></g>
                    { ring::dial(&props.cluster, &props.layout) }
                </g>
                { partition::view(&props.cluster, &props.layout, act) }
                <clients::Cards clients={clients.clone()} act={act.clone()} />
                <Nodes cluster={props.cluster.clone()} layout={props.layout.clone()} tenths={props.tenths}
                    selected={props.selected} lit={props.lit.clone()} armed={props.armed.clone()} cards={clients.len()} act={act.clone()} />
                { press.line }
            </svg>
            <div class="legend">{ marks::legend(!clients.is_empty()) }</div>
            }
            </div>
            { looking.buttons }
            { banner(props) }
            { halt(props) }
        </main>
    }
}

/// The headline: what the cluster as a whole is like, a remark, and whether it is bad news.
fn headline(props: &Props) -> (String, String, bool) {
    let c = &props.cluster;
    let nodes = words::count(c.nodes.len(), "node", "nodes");
    if props.stopped.is_some() {
        return ("The engine stopped".into(), String::new(), true);
    }
    if let Phase::Starting { what } = &props.phase {
        return (what.clone(), String::new(), false);
    }
    let down = c.nodes.iter().filter(|n| !n.process.is_up() && n.process != Process::Paused).count();
    let paused = c.nodes.iter().filter(|n| n.process == Process::Paused).count();
    let mut aside = vec![nodes];
    if down > 0 {
        aside.push(format!("{down} down"));
    }
    if paused > 0 {
        aside.push(format!("{paused} paused"));
    }
    if c.groups.len() > 1 {
        let sizes: Vec<String> = c.groups.iter().map(|g| words::count(g.len(), "node", "nodes")).collect();
        return ("Split".into(), sizes.join(" and "), true);
    }
    if down == 0 && paused == 0 && !c.is_outside() {
        let shards =
            c.claims.iter().filter(|k| k.accepted).map(|k| k.node).collect::<std::collections::BTreeSet<_>>();
        aside.push(words::count(shards.len(), "shard", "shards"));
    }
    if c.is_outside() {
        let masters = c.nodes.iter().filter(|n| n.master).count();
        let text =
            if masters == c.nodes.len() { "No cluster" } else { "No cluster: a master and its replicas" };
        return (text.into(), aside.join(", "), down > 0);
    }
    let served = c.slots_served();
    if served < SLOTS {
        let gone = u64::from(SLOTS - served);
        let text = if c.ok { "unserved" } else { "unserved: cluster down" };
        if c.beliefs.doubts().next().is_none() {
            aside.push("not noticed yet".to_owned());
        }
        return (format!("{} slots {text}", words::thousands(gone)), aside.join(", "), true);
    }
    if !c.ok {
        return ("Cluster down".into(), aside.join(", "), true);
    }
    ("Cluster ok".into(), aside.join(", "), false)
}

/// The stage in one sentence, for a screen reader.
fn spoken_summary(what: &str, c: &Cluster) -> String {
    let masters = c.nodes.iter().filter(|n| n.master).count();
    let down: Vec<&str> = c.nodes.iter().filter(|n| !n.process.is_up()).map(|n| n.name.as_str()).collect();
    let down = if down.is_empty() { String::new() } else { format!(" Down: {}.", down.join(", ")) };
    format!(
        "{what}: {} nodes, {masters} of them masters, {} of {SLOTS} slots served.{down}",
        c.nodes.len(),
        c.slots_served()
    )
}

/// What is being armed, or a remark.
fn banner(props: &Props) -> Html {
    let act = &props.act;
    let name = |i: &NodeIndex| props.cluster.nodes.get(usize::from(*i)).map_or("?", |n| n.name.as_str());
    if props.silent {
        return html! { <div class="banner" role="alert">{ icon("i-x") }
        { "The engine has not answered for 5 s. It may be busy; " }
        <button class="btn btn--sm" onclick={act.reform(|_| Act::Restart { fresh: false })}>{ "Restart it" }</button></div> };
    }
    if let Some(armed) = &props.armed {
        let picked: Vec<&str> = armed.picked.iter().map(name).collect();
        let walls = armed.row.on == On::Nodes;
        let what = armed.row.name;
        let text = match armed.row.on {
            On::Nodes if picked.is_empty() => format!("{what}: choose the nodes that go behind it."),
            On::Nodes => format!("Behind the wall: {}.", picked.join(", ")),
            On::Link if picked.is_empty() => format!("{what}: choose the first end of the link."),
            On::Link => format!("{what}, from {}: choose the other end.", picked[0]),
            _ => format!("{what}: choose a node."),
        };
        let (a, b) = (if picked.is_empty() { "…".to_owned() } else { picked.join(" ") }, "…".to_owned());
        let line = armed.row.usual_lines(&props.cluster, &Subject { a, b });
        return html! { <div class="banner" role="status">{ text }<code>{ line }</code>
        if walls && !picked.is_empty() {
            <button class="btn btn--sm" onclick={act.reform(|_| Act::RaiseWall)}>{ "Raise the wall" }</button>
        }
        <button class="btn btn--sm btn--quiet" onclick={act.reform(|_| Act::Arm(None))}>{ "Cancel" }<kbd class="kbd">{ "Esc" }</kbd></button></div> };
    }
    if let Some(text) = &props.notice {
        return html! { <div class="banner" role="status">{ text }
        <button class="btn btn--sm btn--quiet" onclick={act.reform(|_| Act::Notice(None))}>{ "Close" }</button></div> };
    }
    Html::default()
}

/// What covers the stage when the engine cannot go on.
fn halt(props: &Props) -> Html {
    let Some(cause) = &props.stopped else { return Html::default() };
    let act = &props.act;
    html! {
        <div class="halt"><div role="alert" id="engine-stopped">
            <h2>{ "The engine stopped" }</h2>
            <p>{ "Everything that was fsynced before is still in this browser's storage. Restart brings the cluster back from it, \
                  as after a loss of power. If it stops again at once, start empty." }</p>
            <pre>{ cause }</pre>
            <div class="row">
                <button class="btn" onclick={act.reform(|_| Act::Restart { fresh: false })}>{ "Restart" }</button>
                <button class="btn btn--quiet" onclick={act.reform(|_| Act::Restart { fresh: true })}>{ "Restart empty" }</button>
            </div>
        </div></div>
    }
}

#[derive(PartialEq, Properties)]
struct NodesProps {
    cluster: Shared<Cluster>,
    layout: Shared<Layout>,
    tenths: u64,
    selected: Option<NodeIndex>,
    lit: Shared<Vec<NodeIndex>>,
    armed: Option<Armed>,
    cards: usize,
    act: Callback<Act>,
}

#[component]
fn Nodes(props: &NodesProps) -> Html {
    html! {
        { for (0..props.cluster.nodes.len()).map(|i| glyph::node(glyph::Context {
            cluster: &props.cluster,
            layout: &props.layout,
            index: i,
            now_us: props.tenths * 100_000,
            selected: props.selected == Some(i as NodeIndex),
            lit: props.lit.contains(&(i as NodeIndex)),
            armed: props.armed.as_ref(),
            cards: props.cards,
            act: &props.act,
        })) }
    }
}

#[derive(PartialEq, Properties)]
struct LinksProps {
    cluster: Shared<Cluster>,
    layout: Shared<Layout>,
    act: Callback<Act>,
}

/// A fault of a link that lets something through rides on it: its icon and how much, such as `40ms`. Gives nothing for any other fault,
/// and for all but the first of a link.
fn slowed(c: &Cluster, l: &Layout, at: usize, fault: &ActiveFault, act: &Callback<Act>) -> Html {
    let [a, b] = fault.nodes[..] else { return Html::default() };
    let (from, to) = (usize::from(a), usize::from(b));
    let same =
        |other: &&ActiveFault| other.nodes.len() == 2 && other.nodes.iter().all(|n| fault.nodes.contains(n));
    let cut = c.cuts.contains(&(a, b)) || c.cuts.contains(&(b, a));
    if cut || from.max(to) >= l.seats.len() || c.faults[..at].iter().any(|other| same(&other)) {
        return Html::default();
    }
    let (near, far) = (c.nodes[from].name.as_str(), c.nodes[to].name.as_str());
    let mut words = fault.line.split(' ');
    let verb = words.next().unwrap_or_default();
    let much = words.filter_map(|word| match word {
        "forward" => Some(format!("{near}→{far}")),
        "backward" => Some(format!("{far}→{near}")),
        _ => Some(word.to_owned()).filter(|word| ![near, far].contains(&word.trim_matches('"'))),
    });
    let much = much.collect::<Vec<_>>().join(" ");
    let more = c.faults.iter().filter(same).count() - 1;
    let mut text = if much.is_empty() { verb.to_owned() } else { words::shortened(&much, 16) };
    if more > 0 {
        text += &format!(" +{more}");
    }
    let wide = 25.0 + text.chars().count() as f64 * 6.7;
    let mid = l.on_chord(from, to, 0.5);
    let target = MenuTarget::Link(a, b);
    let (open, key) = (menu::by_pointer(act, target), menu::by_key(act, target));
    html! {
        <g class="repl slowed" tabindex="0" role="button" onclick={open.clone()} oncontextmenu={open} onkeydown={key} aria-haspopup="menu"
            aria-label={fault.text.clone()}>
            <path class="slowed__line" d={l.chord(from, to)} />
            <g transform={format!("translate({:.1} {:.1})", mid.x - wide / 2.0, mid.y - 9.0)}>
                <rect width={wide.to_string()} height="18" rx="3" />
                <use href={format!("#{}", fault.icon)} x="4" y="3" width="12" height="12" />
                <text class="t t--alert" x="20" y="13">{ text }</text></g>
        </g>
    }
}

/// The replication links, the cuts, and what else is wrong with a link.
#[component]
fn Links(props: &LinksProps) -> Html {
    let (c, l) = (&props.cluster, &props.layout);
    let links = c.nodes.iter().enumerate().filter_map(|(i, n)| n.replica_of.map(|m| (i, usize::from(m), n)));
    let cut = |a: usize, b: usize| c.cuts.contains(&(a as NodeIndex, b as NodeIndex));
    html! {
        <>
        { for links.filter(|&(_, m, _)| m < c.nodes.len()).map(|(i, m, n)| {
            ring::link(l, c, i, m, n, &props.act)
        }) }
        { for c.cuts.iter().filter(|&&(a, b)| a < b || !cut(b.into(), a.into())).map(|&(a, b)| {
            let (a, b) = (usize::from(a), usize::from(b));
            if a >= l.seats.len() || b >= l.seats.len() { return Html::default() }
            let both = cut(b, a);
            let at = l.on_chord(a, b, if both { 0.5 } else { 0.62 });
            let target = MenuTarget::Link(a as NodeIndex, b as NodeIndex);
            let (open, key) = (menu::by_pointer(&props.act, target), menu::by_key(&props.act, target));
            html! { <g class="repl" tabindex="0" role="button" onclick={open.clone()} oncontextmenu={open} onkeydown={key} aria-haspopup="menu"
                    aria-label={format!("Link {} {} {}, cut", c.nodes[a].name, if both { "and" } else { "to" }, c.nodes[b].name)}>
                <path class="repl__hit" d={l.chord(a, b)} />
                <path class="cutline" d={l.chord(a, b)} />
                <path class="cutx" d={format!("M{:.1} {:.1}l8 8m0 -8l-8 8", at.x - 4.0, at.y - 4.0)} /></g> }
        }) }
        { for c.faults.iter().enumerate().map(|(at, fault)| slowed(c, l, at, fault, &props.act)) }
        </>
    }
}
