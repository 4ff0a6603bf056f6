//! Panes that show what a node says of itself: replication, the slow log, latencies, memory.

use super::keys;
use super::peek::{ask, cell, items, number, text};
use super::{ANSWERS, Sheet};
use crate::words::{bytes as size, duration, thousands};
use vitrine_core::resp::Value;
use vitrine_core::sim::world::World;

/// How many entries of the slow log are shown.
const SLOW_MAX: &[u8] = b"50";
/// How many of the biggest keys are shown.
const BIGGEST: usize = 10;

/// The lines of a section of INFO as rows.
fn info(said: &Value, sheet: &mut Sheet) {
    let text = text(said);
    let lines = text.lines().filter_map(|l| l.split_once(':'));
    lines.for_each(|(name, value)| sheet.fact(name, value));
}

/// See [`super::What::Replication`].
pub fn replication(world: &World, node: &str) -> Result<Sheet, String> {
    let said = ask(world, node, &[vec![b"INFO", b"replication"]])?;
    let mut sheet = Sheet::new("INFO replication", &[]);
    said.iter().for_each(|s| info(s, &mut sheet));
    Ok(sheet)
}

/// See [`super::What::Slow`].
pub fn slow(world: &World, node: &str) -> Result<Vec<Sheet>, String> {
    let said = ask(
        world,
        node,
        &[
            vec![b"SLOWLOG", b"GET", SLOW_MAX],
            vec![b"LATENCY", b"LATEST"],
            vec![b"LATENCY", b"HISTOGRAM"],
            vec![b"LATENCY", b"DOCTOR"],
            vec![b"CONFIG", b"GET", b"slowlog-log-slower-than"],
        ],
    )?;
    let [slow, latest, histogram, doctor, threshold] =
        said.try_into().map_err(|_| "The node did not answer.")?;
    let mut log = Sheet::new("Slow log", &["Took", "Command", "Client"]);
    let threshold = items(threshold).pop().map(|v| text(&v)).unwrap_or_default();
    // Less than 0 turns it off.
    log.note =
        threshold.parse().map_or_else(|_| "off".to_owned(), |us| format!("from {} µs on", thousands(us)));
    for entry in items(slow) {
        let parts = items(entry);
        let [_, _, took, words, client, ..] = parts.as_slice() else { continue };
        let words: Vec<String> = items(words.clone()).iter().map(text).collect();
        let line = words.join(" ");
        log.rows.push(vec![duration(number(took).max(0) as u64), short(&line), text(client)]);
    }
    let mut events = Sheet::new("Events", &["Event", "Latest", "Worst"]);
    events.note = "LATENCY LATEST".to_owned();
    for event in items(latest) {
        let parts = items(event);
        let [name, _, last, worst] = parts.as_slice() else { continue };
        let ms = |v: &Value| format!("{} ms", number(v));
        events.rows.push(vec![text(name), ms(last), ms(worst)]);
    }
    let mut commands = Sheet::new("Commands", &["Command", "Calls", "Half within", "99 % within"]);
    commands.note = "LATENCY HISTOGRAM".to_owned();
    for pair in items(histogram).chunks_exact(2) {
        let facts = items(pair[1].clone());
        let [_, calls, _, buckets] = facts.as_slice() else { continue };
        let buckets: Vec<(i64, i64)> =
            items(buckets.clone()).chunks_exact(2).map(|b| (number(&b[0]), number(&b[1]))).collect();
        // Buckets are cumulative: (up to so many microseconds, so many calls).
        let within = |percent: i64| {
            let found = buckets.iter().find(|(_, n)| n * 100 >= number(calls) * percent);
            found.map_or_else(String::new, |(us, _)| duration((*us).max(0) as u64))
        };
        commands.rows.push(vec![text(&pair[0]), text(calls), within(50), within(99)]);
    }
    let mut said = Sheet::new("LATENCY DOCTOR", &[]);
    said.note = text(&doctor);
    Ok(vec![answers(world, node), log, events, commands, said])
}

/// The chart has no more bars than this.
const BARS_MAX: usize = 24;

/// How long clients waited for this node's answers lately: a row for each bar, from the shortest wait on.
fn answers(world: &World, node: &str) -> Sheet {
    let mut sheet = Sheet::new(ANSWERS, &["Up to", "Answers"]);
    let all = world.node_index(node).map(|index| world.answers(index)).unwrap_or_default();
    let latency = all.latency();
    sheet.note = format!("{} {}", latency.p50_us, latency.p99_us);
    sheet.rows =
        all.bars(BARS_MAX).iter().map(|(us, count)| vec![us.to_string(), count.to_string()]).collect();
    sheet
}

/// See [`super::What::Memory`].
pub fn memory(world: &World, node: &str) -> Result<Vec<Sheet>, String> {
    let said =
        ask(world, node, &[vec![b"MEMORY", b"DOCTOR"], vec![b"MEMORY", b"STATS"], vec![b"INFO", b"memory"]])?;
    let [doctor, stats, about] = said.try_into().map_err(|_| "The node did not answer.")?;
    let mut said = Sheet::new("MEMORY DOCTOR", &[]);
    said.note = text(&doctor);
    let mut biggest = Sheet::new("Biggest keys", &["Key", "Size"]);
    biggest.note = "of those looked at".to_owned();
    let keys = keys::biggest(world, node, BIGGEST)?;
    biggest.rows =
        keys.into_iter().map(|(key, bytes)| vec![short(&key), size(bytes.max(0) as u64)]).collect();
    let mut table = Sheet::new("MEMORY STATS", &[]);
    for pair in items(stats).chunks_exact(2) {
        match &pair[1] {
            // A database: its overhead.
            value @ (Value::Array(_) | Value::Map(_)) => {
                for inner in items(value.clone()).chunks_exact(2) {
                    table.fact(&format!("{} {}", text(&pair[0]), text(&inner[0])), text(&inner[1]));
                }
            }
            value => table.fact(&text(&pair[0]), text(value)),
        }
    }
    let mut rest = Sheet::new("INFO memory", &[]);
    info(&about, &mut rest);
    Ok(vec![said, biggest, table, rest])
}

/// A long text cut off.
fn short(text: &str) -> String {
    const MAX: usize = 120;
    match text.char_indices().nth(MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.chars().any(char::is_control) => cell(text.as_bytes()),
        None => text.to_owned(),
    }
}
