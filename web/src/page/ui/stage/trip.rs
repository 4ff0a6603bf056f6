//! The terminal on the stage: a card, and the way of its last command to the node that answered it.

use super::way::Way;
use vitrine_web::geometry::{Layout, Point, Size};
use vitrine_web::model::Cluster;
use vitrine_web::trip::{End, Trip};
use yew::prelude::*;

/// The card's size in units of the stage, and its upper edge.
const CARD: (f64, f64) = (148.0, 36.0);
const CARD_Y: f64 = 58.0;

/// The card and the way.
pub fn view(c: &Cluster, l: &Layout, trip: &Trip) -> Html {
    if l.size != Size::L {
        return Html::default();
    }
    let at = |addr: &str| c.nodes.iter().position(|n| n.addr == addr).filter(|&i| i < l.seats.len());
    let stops: Vec<(usize, Option<u16>)> =
        trip.stops.iter().filter_map(|s| Some((at(&s.addr)?, s.slot))).collect();
    let (left, low) = (l.centre.x - CARD.0 / 2.0, CARD_Y + CARD.1);
    let legs = stops.iter().enumerate().map(|(n, &(node, slot))| {
        let seat = &l.seats[node];
        let side = seat.at.x - l.centre.x;
        let (out, back) = match side {
            ..-40.0 => (-50.0, -22.0),
            40.0.. => (50.0, 22.0),
            _ => (-20.0, 8.0),
        };
        let card = |dx: f64| Point { x: l.centre.x + dx, y: low };
        let last = n + 1 == stops.len();
        let class = match trip.end {
            Some(End::Lost) if last => "leg leg--lost",
            _ => "leg",
        };
        let node = (seat.at, seat.r + 13.0);
        let there = Way::new(l, (card(out), 0.0), node, 0.0);
        let again = slot.map(|slot| {
            let aside = if side.abs() > 40.0 { side.signum() * 24.0 } else { 0.0 };
            (slot, Way::new(l, node, (card(back), 4.0), aside))
        });
        html! { <>
            <path {class} d={there.path()} />
            if let Some((slot, way)) = again {
                <path class="leg leg--moved" d={way.path()} />
                { moved_label(slot, &way, side) }
            }
        </> }
    });
    let fate = match (trip.end, stops.len()) {
        (None, _) => ("t t--dim", "waits".to_owned()),
        (Some(End::Refused), _) => ("t t--alert", "error".to_owned()),
        (Some(End::Lost), _) => ("t t--alert", "no answer".to_owned()),
        (_, 1) => ("t t--dim", "1 hop".to_owned()),
        (_, n) => ("t t--dim", format!("{n} hops")),
    };
    let names: Vec<&str> = stops.iter().map(|&(n, _)| c.nodes[n].name.as_str()).collect();
    let spoken = format!("The terminal's last command, {}, went to {}", trip.words, names.join(", then to "));
    html! {
        <g class="trip lbl" role="img" aria-label={spoken} id="trip">
            { for legs }
            <g class="client" transform={format!("translate({left:.1} {CARD_Y})")}>
                <rect class="client__box" width={CARD.0.to_string()} height={CARD.1.to_string()} rx="3" />
                <path class="client__ear" d={format!("M0 .5V{}", CARD.1 - 0.5)} />
                <text class="t t--strong" x="12" y="15">{ "terminal" }</text>
                <text class={fate.0} x={(CARD.0 - 10.0).to_string()} y="15" text-anchor="end">{ fate.1 }</text>
                <text class="t" x="12" y="29">{ &trip.words }</text>
            </g>
        </g>
    }
}

/// With what a node sent the client elsewhere, beside the way back and towards the middle.
fn moved_label(slot: u16, way: &Way, side: f64) -> Html {
    // From the sides it stands above the ring's first border.
    let at = way.at(if side.abs() > 40.0 { 0.82 } else { 0.62 });
    let (dx, anchor) = if side < -40.0 { (9.0, "start") } else { (-9.0, "end") };
    html! {
        <text class="t lbl" x={format!("{:.1}", at.x + dx)} y={format!("{:.1}", at.y + 4.0)} text-anchor={anchor}>
            { format!("MOVED {slot}") }</text>
    }
}
