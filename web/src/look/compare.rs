//! Two runs side by side at one instant: what became of the writes, the keys and the nodes in each, and the tape of each since
//! they parted. Both are played to that instant again, so this is the one question that takes a while.

use crate::lanes::Lanes;
use crate::model::{NodeIndex, TapeItem};
use crate::words;
use serde::{Deserialize, Serialize};
use vitrine_core::sim::ledger::WriteView;
use vitrine_core::sim::timeline::compare::NodeFacts;
use vitrine_core::sim::timeline::{Comparison, Timeline};
use vitrine_core::sim::trace::Life;
use vitrine_core::sim::world::World;

/// How many keys or writes a row names.
const NAMED_MAX: usize = 8;

/// Two runs at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The instant, in virtual microseconds.
    pub at_us: u64,
    /// When they parted.
    pub parted_us: u64,
    /// The difference that matters most, in a sentence.
    pub said: String,
    /// What is compared, how it is in the first run, and how in the second; a heading has neither.
    pub rows: Vec<(String, String, String)>,
    /// The tape since they parted, of the first run and of the second, each with the state of every node's lane before.
    pub tapes: (Vec<TapeItem>, Vec<TapeItem>),
}

/// Compares.
pub fn runs(time: &Timeline, a: u32, b: u32, at_us: u64) -> Result<Compared, String> {
    let parted = time.parted(a, b);
    if a == b {
        return Err("Choose two runs: these are one and the same.".into());
    }
    if at_us < parted.at_us {
        let when = words::clock_short(parted.at_us);
        return Err(format!("The runs part at {when}: before that they are one and the same."));
    }
    let (wa, wb) = (time.world_at(a, at_us)?, time.world_at(b, at_us)?);
    let found = Comparison::of(&wa, &wb, parted);
    let mut rows = Vec::new();
    let heading = |rows: &mut Vec<_>, text: &str| rows.push((text.to_owned(), String::new(), String::new()));
    let mut said = String::new();
    if let Some(writes) = &found.writes {
        let (lost_a, lost_b) = (lost(&wa), lost(&wb));
        let of_a = match writes.lost.0 {
            0 => "no acknowledged write".to_owned(),
            n => words::count(n as usize, "acknowledged write", "acknowledged writes"),
        };
        said = match writes.lost.1 {
            0 if writes.lost.0 == 0 => "Neither run lost an acknowledged write.".to_owned(),
            0 => format!("Run {a} lost {of_a}, run {b} lost none."),
            n => format!("Run {a} lost {of_a}, run {b} lost {}.", words::thousands(n)),
        };
        heading(&mut rows, "Writes that clients were told are done");
        let all = |only: usize| words::thousands((writes.same + only) as u64);
        rows.push(("since the runs parted".into(), all(writes.only_a.0), all(writes.only_b.0)));
        let only = |(count, list): &(usize, Vec<WriteView>)| named(*count, list.iter().map(write_words));
        rows.push(("only in this run".into(), only(&writes.only_a), only(&writes.only_b)));
        let count = |lost: u64, list: &[String]| named(lost as usize, list.iter().cloned());
        rows.push(("lost".into(), count(writes.lost.0, &lost_a.0), count(writes.lost.1, &lost_b.0)));
        if writes.lost != (0, 0) {
            rows.push(("why".into(), lost_a.1, lost_b.1));
        }
    }
    let keys = &found.keys;
    heading(&mut rows, "Keys that masters hold");
    let all = |only: usize| words::thousands((keys.same + keys.changed.0 + only) as u64);
    rows.push(("all".into(), all(keys.only_a.0), all(keys.only_b.0)));
    let names = |(count, list): &(usize, Vec<String>)| named(*count, list.iter().cloned());
    rows.push(("only in this run".into(), names(&keys.only_a), names(&keys.only_b)));
    rows.push(("with another value".into(), names(&keys.changed), names(&keys.changed)));
    heading(&mut rows, "Nodes");
    let before = rows.len();
    for node in &found.nodes {
        let (a, b) = (facts(&wa, &node.a), facts(&wb, &node.b));
        if a != b {
            rows.push((node.node.clone(), a, b));
        }
    }
    if rows.len() == before {
        rows.push(("all".into(), "the same".into(), "the same".into()));
    }
    Ok(Compared {
        at_us,
        parted_us: parted.at_us,
        said: if found.same { "The runs are the same to the last byte.".into() } else { said },
        rows,
        tapes: (tape(&wa, parted.at_us), tape(&wb, parted.at_us)),
    })
}

/// A number and the first of what it counts.
fn named(count: usize, names: impl Iterator<Item = String>) -> String {
    let first: Vec<String> = names.take(NAMED_MAX).collect();
    let all = words::thousands(count as u64);
    match (count, first.len()) {
        (0, _) => "none".to_owned(),
        (_, 0) => all,
        (_, shown) if shown < count => format!("{all}: {} …", first.join(", ")),
        _ => format!("{all}: {}", first.join(", ")),
    }
}

fn write_words(write: &WriteView) -> String {
    format!("{} {}", write.command.to_ascii_uppercase(), String::from_utf8_lossy(&write.key))
}

/// The lost writes of a run, and why they were lost.
fn lost(world: &World) -> (Vec<String>, String) {
    let losses = world.ledger_summary().map(|summary| summary.losses).unwrap_or_default();
    let mut why: Vec<&str> = losses.iter().map(|loss| loss.cause.text.as_str()).collect();
    why.dedup();
    let why = why.join(" ");
    (losses.iter().flat_map(|loss| loss.writes.iter().map(write_words)).collect(), why)
}

fn facts(world: &World, node: &NodeFacts) -> String {
    let mut words = Vec::new();
    match node.process {
        Life::Running => {}
        Life::Paused => words.push("paused".to_owned()),
        Life::Killed => words.push("killed".to_owned()),
        Life::PowerLost => words.push("power lost".to_owned()),
        _ => words.push("ended".to_owned()),
    }
    if let Some(role) = node.role {
        let of = node.master.as_ref().map(|addr| {
            let named = world.setup().nodes.iter().find(|n| addr.starts_with(&format!("{}:", n.ip)));
            format!("{role} of {}", named.map_or(addr, |n| &n.name))
        });
        words.push(of.unwrap_or_else(|| role.to_owned()));
        if let Some(epoch) = node.epoch {
            words.push(format!("epoch {epoch}"));
        }
        if node.slots > 0 {
            words.push(words::count(node.slots as usize, "slot", "slots"));
        }
        words.push(words::count(node.keys as usize, "key", "keys"));
        if node.cluster_ok == Some(false) {
            words.push("says the cluster is down".to_owned());
        }
    }
    words.join(" · ")
}

/// A world's tape since an instant, with the state of each lane before it.
fn tape(world: &World, since_us: u64) -> Vec<TapeItem> {
    let mut lanes = Lanes::new(world.setup().nodes.iter().map(|n| n.name.clone()).collect());
    lanes.formed(since_us);
    let mut all = Vec::new();
    for change in world.tape_after(0) {
        lanes.follow(change, |id| world.node_of_id(id).map(|n| n as NodeIndex), &mut all);
    }
    let mut before: Vec<Option<TapeItem>> = vec![None; world.setup().nodes.len()];
    let mut since = Vec::new();
    for item in all {
        match &item {
            TapeItem::Lane { node, at_us, .. } if *at_us < since_us => {
                if let Some(place) = before.get_mut(usize::from(*node)) {
                    *place = Some(item);
                }
            }
            TapeItem::Mark { at_us, .. } if *at_us < since_us => {}
            _ => since.push(item),
        }
    }
    before.into_iter().flatten().chain(since).collect()
}
