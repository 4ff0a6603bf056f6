//! Packets on the stage, of the cluster bus and of clients: open shapes ask, full shapes answer.

use super::super::{Act, MenuTarget, menu};
use super::clients::Drawn;
use crate::page::shared::Shared;
use vitrine_web::geometry::{Layout, Point};
use vitrine_web::marks::Mark;
use vitrine_web::model::{Kind, NodeIndex, Traffic};
use yew::prelude::*;

/// How far apart two names are to be in one direction or the other, in units of the stage.
const NAME_SIZE: (f64, f64) = (84.0, 13.0);

#[derive(PartialEq, Properties)]
pub struct Props {
    pub marks: Shared<Vec<Mark>>,
    pub traffic: Shared<Vec<Traffic>>,
    pub layout: Shared<Layout>,
    /// The clients' cards, from which and to which their packets go.
    pub clients: Drawn,
    pub gossip: bool,
    /// Slow enough for every mark to carry its name.
    pub named: bool,
    /// The visitor asked for less motion: marks rest at 60 % of their way.
    pub still: bool,
    pub act: Callback<Act>,
}

/// The shape of a kind, drawn around the origin.
pub fn shape(kind: Kind) -> Html {
    match kind {
        Kind::Ping => html! { <circle class="mk mk--open" r="4" /> },
        Kind::Pong => html! { <circle class="mk mk--full" r="4" /> },
        Kind::Meet => html! { <path class="mk mk--line" d="M-4.5 0h9M0 -4.5v9" /> },
        Kind::Fail => html! { <path class="mk mk--fail" d="M-4 -4l8 8M4 -4l-8 8" /> },
        Kind::AuthRequest => {
            html! { <rect class="mk mk--open mk--vote" x="-4.5" y="-4.5" width="9" height="9" /> }
        }
        Kind::AuthAck => html! { <>
            <rect class="mk mk--full mk--vote" x="-5" y="-5" width="10" height="10" />
            <path class="mk mk--tick" d="M-2.6 .2l1.9 1.9 3.4 -3.9" />
        </> },
        Kind::Update => html! { <path class="mk mk--upd" d="M0 -5.5L5.5 0 0 5.5 -5.5 0Z" /> },
        Kind::Request => {
            html! { <rect class="mk mk--open" x="-5.5" y="-2.5" width="11" height="5" rx="2.5" /> }
        }
        Kind::Reply => {
            html! { <rect class="mk mk--full" x="-5.5" y="-2.5" width="11" height="5" rx="2.5" /> }
        }
        Kind::Other => html! { <path class="mk mk--open" d="M-4 3.5L0 -4 4 3.5Z" /> },
    }
}

pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Ping => "PING",
        Kind::Pong => "PONG",
        Kind::Meet => "MEET",
        Kind::Fail => "FAIL",
        Kind::AuthRequest => "AUTH_REQUEST",
        Kind::AuthAck => "AUTH_ACK",
        Kind::Update => "UPDATE",
        Kind::Other => "other",
        Kind::Request => "request",
        Kind::Reply => "reply",
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Fail => "msg msg--fail",
        Kind::AuthRequest => "msg msg--auth-request",
        Kind::AuthAck => "msg msg--auth-ack",
        _ => "msg",
    }
}

/// What the shapes are, with those of clients if there are any.
pub fn legend(clients: bool) -> Html {
    const KINDS: [Kind; 9] = [
        Kind::Ping,
        Kind::Pong,
        Kind::Meet,
        Kind::Fail,
        Kind::AuthRequest,
        Kind::AuthAck,
        Kind::Update,
        Kind::Request,
        Kind::Reply,
    ];
    html! {
        { for KINDS.into_iter().take(if clients { KINDS.len() } else { 7 }).map(|kind| html! {
            <span><svg viewBox="-8 -8 16 16" aria-hidden="true">{ shape(kind) }</svg>{ name(kind) }</span>
        }) }
    }
}

#[component]
pub fn MarksView(props: &Props) -> Html {
    let l = &props.layout;
    // The newest first: where names would lie on one another, it is the newest that has one. It is drawn over the others.
    let mut names = Vec::new();
    let shapes: Vec<Html> = props.marks.iter().rev().filter_map(|m| mark(props, l, m, &mut names)).collect();
    html! {
        <g class="marks" aria-hidden="true">
            { for props.traffic.iter().filter(|t| props.gossip && usize::from(t.a.max(t.b)) < l.seats.len()).map(|t| {
                let level = match t.packets { 0..=2 => "1", 3..=8 => "2", _ => "3" };
                html! { <path class={format!("traffic traffic--{level}")} d={l.chord(t.a.into(), t.b.into())} /> }
            }) }
            { for shapes.into_iter().rev() }
        </g>
    }
}

/// One end of a packet's way: a node or a client's card.
struct End {
    at: Point,
    rim: f64,
    in_bay: bool,
}

fn end(props: &Props, host: NodeIndex) -> Option<End> {
    let l = &props.layout;
    if let Some(seat) = l.seats.get(usize::from(host)) {
        return Some(End { at: seat.at, rim: seat.r + 8.0, in_bay: seat.in_bay });
    }
    let (_, card) = props.clients.iter().find(|(client, _)| client.host == host)?;
    Some(End { at: card.port, rim: 0.0, in_bay: l.wall_x.is_some_and(|x| card.port.x > x) })
}

/// The mark of a packet, if its layer is shown and both of its ends are.
fn mark(props: &Props, l: &Layout, m: &Mark, names: &mut Vec<Point>) -> Option<Html> {
    let client = matches!(m.message.kind, Kind::Request | Kind::Reply);
    if !client && !props.gossip {
        return None;
    }
    let (a, b) = (end(props, m.message.from)?, end(props, m.message.to)?);
    let len = a.at.distance(b.at).max(1.0);
    // From rim to rim.
    let (start, end) = (a.rim / len, 1.0 - b.rim / len);
    // A packet that is stopped ends at the wall, or half-way where a single link is cut or loss took it.
    let stop = match l.wall_x {
        Some(wall) if m.message.dropped && a.in_bay != b.in_bay => {
            let (x0, x1) = (a.at.x, b.at.x);
            let edge = if a.in_bay { wall + 18.0 } else { wall - 12.0 };
            ((edge - x0) / (x1 - x0)).clamp(start, end)
        }
        _ if m.message.dropped => 0.5,
        _ => end,
    };
    let t = if props.still { 0.6 } else { m.t };
    let at_t = start + (stop - start) * t;
    let along = |t: f64| l.between(a.at, b.at, t);
    let at = along(at_t);
    let back = along((at_t - 22.0 / len).max(start.min(at_t)));
    let near = along((at_t - 6.0 / len).max(start.min(at_t)));
    // Names that would lie on one another are one: those of a broadcast leave together.
    let named = props.named || matches!(m.message.kind, Kind::Fail | Kind::AuthRequest | Kind::AuthAck);
    let free = |other: &Point| (other.x - at.x).abs() > NAME_SIZE.0 || (other.y - at.y).abs() > NAME_SIZE.1;
    let named = named && names.iter().all(free);
    if named {
        names.push(at);
    }
    let stopped = m.message.dropped && t > 0.85;
    let open = menu::by_pointer(&props.act, MenuTarget::Message(m.message.id));
    Some(html! {
        <g key={m.message.id} class={class(m.message.kind)}>
            <g class="chord"><path d={l.way(a.at, b.at)} /></g>
            <path class="trail" d={format!("M{:.1} {:.1}L{:.1} {:.1}", back.x, back.y, near.x, near.y)} />
            <g class="msg__at" transform={format!("translate({:.1} {:.1})", at.x, at.y)} onclick={open.clone()} oncontextmenu={open}>
                <circle class="msg__hit" r="14" />
                { shape(m.message.kind) }
                if stopped { <path class="stop" d="M8 -13v26" /> }
                if named {
                    <text class="t t--msg lbl" x="11" y="4">{ name(m.message.kind) }</text>
                }
            </g>
        </g>
    })
}
