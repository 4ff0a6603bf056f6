//! The messages that are on their way from host to host.

use crate::words;
use vitrine_core::sim::trace::{BusKind, Channel};
use vitrine_core::sim::world::World;

/// Number, words, and when it arrives, for each; the first to arrive come first.
pub fn rows(world: &World) -> Vec<(String, String, String)> {
    let mut all = world.in_flight();
    all.sort_by_key(|m| (m.arrives_us, m.id));
    let row = |m: &vitrine_core::sim::tcp::InFlight| {
        let what = match (m.channel, m.bus) {
            (Channel::Bus, Some(kind)) => bus_name(kind).to_owned(),
            (Channel::Bus, None) => "bus".to_owned(),
            (Channel::Resp, _) => words::bytes(m.len as u64),
        };
        let fate = match (m.lost, m.twice) {
            (true, _) => ", lost, comes again",
            (_, true) => ", and a copy",
            _ => "",
        };
        let left = words::duration(m.arrives_us.saturating_sub(world.now_us()));
        let text = format!(
            "{what} {} → {}, arrives in {left}{fate}",
            world.name_of_host(m.from),
            world.name_of_host(m.to)
        );
        (m.id.to_string(), text, format!("{}s", m.arrives_us as f64 / 1e6))
    };
    all.iter().map(row).collect()
}

fn bus_name(kind: BusKind) -> &'static str {
    match kind {
        BusKind::Ping => "PING",
        BusKind::Pong => "PONG",
        BusKind::Meet => "MEET",
        BusKind::Fail => "FAIL",
        BusKind::AuthRequest => "AUTH_REQUEST",
        BusKind::AuthAck => "AUTH_ACK",
        BusKind::Update => "UPDATE",
        _ => "bus message",
    }
}
