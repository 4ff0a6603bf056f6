//! Packets of the cluster bus on the stage: open shapes ask, full shapes answer.

use super::super::{Act, MenuTarget};
use crate::page::marks::Mark;
use crate::page::shared::Shared;
use vitrine_web::geometry::Layout;
use vitrine_web::model::{Kind, Traffic};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub marks: Shared<Vec<Mark>>,
    pub traffic: Shared<Vec<Traffic>>,
    pub layout: Shared<Layout>,
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

pub fn legend() -> Html {
    let kinds =
        [Kind::Ping, Kind::Pong, Kind::Meet, Kind::Fail, Kind::AuthRequest, Kind::AuthAck, Kind::Update];
    html! {
        { for kinds.into_iter().map(|kind| html! {
            <span><svg viewBox="-8 -8 16 16">{ shape(kind) }</svg>{ name(kind) }</span>
        }) }
    }
}

#[component]
pub fn MarksView(props: &Props) -> Html {
    let l = &props.layout;
    html! {
        <g class="marks" aria-hidden="true">
            { for props.traffic.iter().filter(|t| usize::from(t.a.max(t.b)) < l.seats.len()).map(|t| {
                let level = match t.packets { 0..=2 => "1", 3..=8 => "2", _ => "3" };
                html! { <path class={format!("traffic traffic--{level}")} d={l.chord(t.a.into(), t.b.into())} /> }
            }) }
            { for props.marks.iter().filter(|m| usize::from(m.message.from.max(m.message.to)) < l.seats.len())
                .map(|m| mark(props, l, m)) }
        </g>
    }
}

fn mark(props: &Props, l: &Layout, m: &Mark) -> Html {
    let (from, to) = (usize::from(m.message.from), usize::from(m.message.to));
    let (a, b) = (&l.seats[from], &l.seats[to]);
    let len = a.at.distance(b.at).max(1.0);
    // From rim to rim.
    let (start, end) = ((a.r + 8.0) / len, 1.0 - (b.r + 8.0) / len);
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
    let at = l.on_chord(from, to, at_t);
    let back = l.on_chord(from, to, (at_t - 22.0 / len).max(start.min(at_t)));
    let near = l.on_chord(from, to, (at_t - 6.0 / len).max(start.min(at_t)));
    let stopped = m.message.dropped && t > 0.85;
    let target = MenuTarget::Message(m.message.id);
    let open = props.act.reform(move |e: MouseEvent| {
        e.prevent_default();
        Act::Menu(target, e.client_x(), e.client_y())
    });
    html! {
        <g key={m.message.id} class={class(m.message.kind)}>
            <g class="chord"><path d={l.chord(from, to)} /></g>
            <path class="trail" d={format!("M{:.1} {:.1}L{:.1} {:.1}", back.x, back.y, near.x, near.y)} />
            <g class="msg__at" transform={format!("translate({:.1} {:.1})", at.x, at.y)} onclick={open.clone()} oncontextmenu={open}>
                <circle class="msg__hit" r="14" />
                { shape(m.message.kind) }
                if stopped { <path class="stop" d="M8 -13v26" /> }
                if props.named || matches!(m.message.kind, Kind::Fail | Kind::AuthRequest | Kind::AuthAck) {
                    <text class="t t--msg lbl" x="11" y="4">{ name(m.message.kind) }</text>
                }
            </g>
        </g>
    }
}
