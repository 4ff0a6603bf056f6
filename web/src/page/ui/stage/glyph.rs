//! A node, from the inside out: disc, disk ring, jury ring, badge, brackets, halo, moat. Every state has its own shape or
//! pattern; colour only repeats it.

use super::super::{Act, Armed, MenuTarget, focus, menu, shard_class};
use super::labels;
use vitrine_web::geometry::{Layout, Point, Seat, Size, arc_path};
use vitrine_web::model::{ActiveFault, Belief, Cluster, LinkState, Node, NodeIndex, Process};
use vitrine_web::words;
use yew::prelude::*;

/// What a glyph is drawn from.
pub struct Context<'a> {
    pub cluster: &'a Cluster,
    pub layout: &'a Layout,
    pub index: usize,
    pub now_us: u64,
    pub selected: bool,
    /// It holds the writes that are looked at.
    pub lit: bool,
    pub armed: Option<&'a Armed>,
    /// How many clients have a card on the stage.
    pub cards: usize,
    pub act: &'a Callback<Act>,
}

/// How many peers suspect a node, how many agree that it failed, and how many have an opinion at all.
pub struct Jury {
    pub suspects: usize,
    pub agrees: usize,
    pub verdicts: Vec<Belief>,
    /// Whether all who suspect it are on the other side of a wall: then it is they who are in trouble.
    pub from_afar: bool,
}

impl Jury {
    /// Whether the badge and the label say that it is suspected.
    pub fn is_suspect(&self) -> bool {
        self.suspects > 0 && !self.from_afar
    }
}

pub fn jury(cluster: &Cluster, subject: usize) -> Jury {
    let verdicts: Vec<Belief> = cluster.beliefs.of(subject).map(|(_, belief)| belief).collect();
    let near = cluster.beliefs.of(subject).any(|(observer, belief)| {
        belief == Belief::Pfail && cluster.together(observer as NodeIndex, subject as NodeIndex)
    });
    Jury {
        from_afar: !near,
        suspects: verdicts.iter().filter(|&&b| b == Belief::Pfail).count(),
        agrees: verdicts.iter().filter(|&&b| b == Belief::Fail).count(),
        verdicts,
    }
}

pub fn node(x: Context) -> Html {
    let (n, seat) = (&x.cluster.nodes[x.index], &x.layout.seats[x.index]);
    let jury = jury(x.cluster, x.index);
    let asked = jury.suspects + jury.agrees > 0;
    let faults = attached(x.cluster, x.index);
    let mut lines = labels::lines(x.index, x.cluster, (&jury, &faults), x.now_us, x.layout.size);
    lines.truncate(x.layout.lines_max(x.index));
    let off = x.armed.is_some_and(|a| !a.row.fits_node(x.cluster, x.index));
    let picked = x.armed.is_some_and(|a| a.picked.contains(&(x.index as NodeIndex)));
    let class = classes!(
        "node",
        if n.master { "node--master" } else { "node--replica" },
        state_class(n),
        (x.layout.size != Size::L).then_some("node--m"),
        off.then_some("node--off"),
        shard_class(n.shard)
    );
    let index = x.index as NodeIndex;
    let click = x.act.reform(move |e: MouseEvent| Act::Node(index, e.shift_key()));
    let open = menu::by_pointer(x.act, MenuTarget::Node(index));
    let key = keys(&x, index);
    let fault = faults.first();
    let mut spoken = labels::spoken(x.index, x.cluster, &jury);
    if let Some(fault) = fault.filter(|_| n.process.is_up()) {
        spoken = format!("{spoken}; {}", fault.text);
    }
    let at = seat.at;
    let (cx, cy) = (format!("{:.1}", at.x), format!("{:.1}", at.y));
    let small = x.layout.size == Size::S;
    // What is read on the stage stands beside the button, not in it: its name says the same in a sentence.
    html! {
        <g {class} data-node={x.index.to_string()} onclick={click} oncontextmenu={open}>
            <g class="node__b" tabindex="0" role="button" data-node={x.index.to_string()} onkeydown={key} aria-label={spoken}
                aria-haspopup="menu" aria-pressed={x.selected.to_string()} id={format!("node-{}", n.name)}>
                <circle class="focus" cx={cx.clone()} cy={cy.clone()} r={(seat.r + 17.0).to_string()} />
                if x.selected { <path class="reticle" d={brackets(at, seat.r + if asked { 18.0 } else { 12.0 })} /> }
                if picked || x.lit { <circle class="target" cx={cx.clone()} cy={cy.clone()} r={(seat.r + 12.0).to_string()} /> }
                if n.isolated { <circle class="moat" cx={cx.clone()} cy={cy.clone()} r={(seat.r + 16.0).to_string()} /> }
                if n.candidate.is_some() {
                    <g class="halo"><circle cx={cx.clone()} cy={cy.clone()} r={(seat.r + 13.0).to_string()} /></g>
                }
                <circle class="disk-track" cx={cx.clone()} cy={cy.clone()} r={(seat.r + 6.0).to_string()} />
                if n.process.is_up() || n.process == Process::Paused { { disk_ring(n, seat) } }
                <circle class="body" cx={cx.clone()} cy={cy.clone()} r={seat.r.to_string()} />
                if let Some(percent) = n.progress_percent.filter(|_| n.process.is_up()) {
                    <path class="prog" d={pie(at, seat.r - 2.0, f64::from(percent.clamp(1, 99)) / 100.0)} />
                }
                if asked { { jury_ring(&jury, seat) } }
                { badge(n, &jury, seat, fault.map(|f| f.icon.as_str())) }
            </g>
            if !small {
                <text class="name" x={cx} y={format!("{:.1}", at.y + if seat.on_ring { 5.0 } else { 4.5 })}>{ words::shortened(&n.name, labels::room(n, x.layout.size)) }</text>
            }
            { label(&lines, &x, asked, n) }
        </g>
    }
}

fn keys(x: &Context, index: NodeIndex) -> Callback<KeyboardEvent> {
    let act = x.act.clone();
    let armed = x.armed.is_some();
    // Arrows walk the ring by angle, masters and replicas apart; Shift with an arrow goes between the two.
    let n = x.layout.seats.len();
    let angle = |i: usize| x.layout.seats[i].angle.rem_euclid(360.0);
    let mut same: Vec<usize> =
        (0..n).filter(|&i| x.layout.seats[i].on_ring == x.layout.seats[x.index].on_ring).collect();
    same.sort_by(|&a, &b| angle(a).total_cmp(&angle(b)));
    let here = same.iter().position(|&i| i == x.index).unwrap_or(0);
    let next = same[(here + 1) % same.len()];
    let before = same[(here + same.len() - 1) % same.len()];
    let across = (0..n)
        .filter(|&i| x.layout.seats[i].on_ring != x.layout.seats[x.index].on_ring)
        .min_by(|&a, &b| {
            let far = |i: usize| x.layout.seats[i].at.distance(x.layout.seats[x.index].at);
            far(a).total_cmp(&far(b))
        })
        .unwrap_or(x.index);
    let name = |i: usize| x.cluster.nodes[i].name.clone();
    let (next, before, across) = (name(next), name(before), name(across));
    Callback::from(move |e: KeyboardEvent| {
        let to = match e.key().as_str() {
            "Enter" if !armed => {
                e.prevent_default();
                let (x, y) = menu::beside(e.target());
                act.emit(Act::Menu(MenuTarget::Node(index), x, y));
                return;
            }
            "Enter" | " " => {
                e.prevent_default();
                e.stop_propagation();
                act.emit(Act::Node(index, e.shift_key()));
                return;
            }
            "ArrowRight" | "ArrowDown" | "ArrowLeft" | "ArrowUp" if e.shift_key() => &across,
            "ArrowRight" | "ArrowDown" => &next,
            "ArrowLeft" | "ArrowUp" => &before,
            _ => return,
        };
        e.prevent_default();
        focus(&format!("node-{to}"));
    })
}

fn state_class(n: &Node) -> &'static str {
    match n.process {
        Process::Crashed => "node--crashed",
        Process::Killed => "node--killed",
        Process::Stopped => "node--stopped",
        Process::Paused => "node--paused",
        Process::Loading => "node--loading",
        Process::Up if n.link == LinkState::Syncing => "node--syncing",
        Process::Up => "node--ok",
    }
}

/// Four arcs around a point.
fn brackets(c: Point, r: f64) -> String {
    (0..4).map(|q| arc_path(c, r, f64::from(q) * 90.0 + 20.0, f64::from(q) * 90.0 + 70.0)).collect()
}

fn pie(c: Point, r: f64, share: f64) -> String {
    let (a, b) = (c.polar(r, 0.0), c.polar(r, share * 360.0));
    let large = u8::from(share > 0.5);
    format!("M{:.1} {:.1}L{:.1} {:.1}A{r} {r} 0 {large} 1 {:.1} {:.1}Z", c.x, c.y, a.x, a.y, b.x, b.y)
}

/// Shares of the append-only file: solid fsynced, bars written, warm dots buffered, clockwise from twelve.
fn disk_ring(n: &Node, seat: &Seat) -> Html {
    let d = n.disk;
    let total = d.synced + d.written + d.buffered;
    if total == 0 {
        return Html::default();
    }
    let r = seat.r + 6.0;
    // Whatever there is of a kind is seen: at least 8 degrees.
    let share = |bytes: u64| if bytes == 0 { 0.0 } else { (bytes as f64 / total as f64 * 360.0).max(8.0) };
    let (written, buffered) = (share(d.written), share(d.buffered));
    let synced = (360.0 - written - buffered).max(0.0);
    if written == 0.0 && buffered == 0.0 {
        return html! { <circle class="disk disk--synced" cx={format!("{:.1}", seat.at.x)} cy={format!("{:.1}", seat.at.y)} r={r.to_string()} /> };
    }
    let arc = |from: f64, len: f64, class: &'static str| {
        if len < 2.0 {
            return Html::default();
        }
        html! { <path class={classes!("disk", class)} d={arc_path(seat.at, r, from, from + len - 2.0)} /> }
    };
    html! { <>
        { arc(0.0, synced, "disk--synced") }
        { arc(synced, written, "disk--written") }
        { arc(synced + written, buffered, "disk--buffered") }
    </> }
}

/// One tick per peer: solid FAIL, hatched PFAIL, faint the rest.
fn jury_ring(jury: &Jury, seat: &Seat) -> Html {
    let n = jury.verdicts.len().max(1) as f64;
    let mut sorted = jury.verdicts.clone();
    sorted.sort_by_key(|b| match b {
        Belief::Fail => 0,
        Belief::Pfail => 1,
        _ => 2,
    });
    let step = 360.0 / n;
    let gap = 3.0f64.min(step / 4.0);
    let settled = jury.agrees > 0 && jury.suspects == 0;
    html! {
        { for sorted.iter().enumerate().map(|(i, b)| {
            let class = match b { Belief::Fail => "jury--fail", Belief::Pfail => "jury--pfail", _ => "jury--none" };
            let flash = (*b == Belief::Fail && settled).then_some("jury--new");
            html! { <path class={classes!("jury", class, flash)}
                d={arc_path(seat.at, seat.r + 12.0, i as f64 * step + gap, (i + 1) as f64 * step - gap)} /> }
        }) }
    }
}

/// The faults that last on a node.
fn attached(cluster: &Cluster, index: usize) -> Vec<&ActiveFault> {
    cluster.faults.iter().filter(|f| f.nodes == [index as NodeIndex]).collect()
}

fn badge(n: &Node, jury: &Jury, seat: &Seat, fault: Option<&str>) -> Html {
    let (class, icon) = match n.process {
        Process::Crashed => ("badge--fail", "i-bolt"),
        Process::Killed => ("", "i-kill"),
        Process::Stopped => ("", "i-power"),
        Process::Paused => ("", "i-pause"),
        Process::Loading => ("", "i-load"),
        Process::Up if jury.agrees > 0 => ("badge--fail", "i-x"),
        Process::Up if n.isolated => ("", "i-isolate"),
        Process::Up if jury.is_suspect() => ("badge--fault", "i-q"),
        Process::Up if n.link == LinkState::Syncing => ("", "i-sync"),
        Process::Up => match fault {
            Some(icon) => ("badge--fault", icon),
            None => return Html::default(),
        },
    };
    let out =
        (seat.r + if jury.suspects + jury.agrees > 0 { 10.0 } else { 5.0 }) * std::f64::consts::FRAC_1_SQRT_2;
    html! {
        <g class={classes!("badge", class)} transform={format!("translate({:.1} {:.1})", seat.at.x + out, seat.at.y - out)}>
            <circle r="9" /><use href={format!("#{icon}")} x="-6" y="-6" width="12" height="12" /></g>
    }
}

fn label(lines: &[labels::Line], x: &Context, jury: bool, n: &Node) -> Html {
    if lines.is_empty() {
        return Html::default();
    }
    let letters = lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
    let (spot, room) =
        x.layout.label(x.index, (lines.len(), letters), jury || n.candidate.is_some(), x.cards);
    let lines = &lines[..room];
    let ballots = n.candidate.filter(|c| (1..=12).contains(&c.needed));
    let below = spot.y + vitrine_web::geometry::LINE * (lines.len() as f64 - 1.0) + 8.0;
    html! {
        <g class="lbl">
        { for lines.iter().enumerate().map(|(i, line)| html! {
            <text class={classes!("t", line.class)} x={format!("{:.1}", spot.x)} text-anchor={spot.anchor}
                y={format!("{:.1}", spot.y + vitrine_web::geometry::LINE * i as f64)}>{ &line.text }</text>
        }) }
        if let Some(c) = ballots {
            <g class="ballots" transform={format!("translate({:.1} {below:.1})", match spot.anchor {
                "start" => spot.x,
                "end" => spot.x - f64::from(c.needed) * 16.0,
                _ => spot.x - f64::from(c.needed) * 8.0,
            })}>
                { for (0..c.needed).map(|i| html! { <>
                    <rect class={if i < c.votes { "bal bal--yes" } else { "bal" }} x={(i * 16).to_string()} width="11" height="11" />
                    if i < c.votes { <path class="bal__tick" d={format!("M{} 5.5l2 2.2 3.8-4.4", i * 16 + 3)} /> }
                </> }) }
                <text class="t t--dim" x={(c.needed * 16 + 2).to_string()} y="9.5">{ format!("rank {}", c.rank) }</text>
            </g>
        }
        </g>
    }
}
