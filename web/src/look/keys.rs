//! The keys of a node, as SCAN finds them, with what they are.
//!
//! A node can hold millions: so a look goes no further than [`SCANNED_MAX`] keys, asks about [`LOOKED_MAX`] of those and shows
//! [`ROWS_MAX`], and says so.

use super::Sheet;
use super::peek::{ask, ask_one, bytes, items, number, scanned, text};
use vitrine_core::config::text::quote;
use vitrine_core::sim::world::World;
use vitrine_core::store::glob;
use vitrine_core::store::slot::key_slot;

/// How many rows are shown.
pub const ROWS_MAX: usize = 200;
/// About how many keys each look asks for what they are: a copy of the node answers four commands for each.
const LOOKED_MAX: usize = 400;
/// How many keys SCAN is let see in one look.
const SCANNED_MAX: usize = 20_000;
/// SCAN's COUNT.
const COUNT: &[u8] = b"2000";

/// Names that match, and whether there may be more.
fn names(
    world: &World,
    node: &str,
    pattern: &[u8],
    kind: &str,
    slot: Option<u16>,
) -> Result<(Vec<Vec<u8>>, bool), String> {
    let mut names = Vec::new();
    if let Some(slot) = slot {
        let (slot, max) = (slot.to_string(), SCANNED_MAX.to_string());
        let line: [&[u8]; 4] = [b"CLUSTER", b"GETKEYSINSLOT", slot.as_bytes(), max.as_bytes()];
        let found = items(ask_one(world, node, &line)?);
        let more = found.len() == SCANNED_MAX;
        names.extend(found.iter().map(|v| bytes(v).to_vec()).filter(|n| glob::matches(pattern, n, false)));
        return Ok((names, more));
    }
    let mut cursor = "0".to_owned();
    for _ in 0..SCANNED_MAX / 2000 {
        let mut line: Vec<&[u8]> = vec![b"SCAN", cursor.as_bytes(), b"MATCH", pattern, b"COUNT", COUNT];
        if !kind.is_empty() {
            line.extend([b"TYPE".as_slice(), kind.as_bytes()]);
        }
        let (next, found) = scanned(ask_one(world, node, &line)?);
        names.extend(found.iter().map(|v| bytes(v).to_vec()));
        cursor = next;
        if cursor == "0" {
            return Ok((names, false));
        }
    }
    Ok((names, true))
}

/// A key with what it is.
struct Row {
    key: Vec<u8>,
    kind: String,
    encoding: String,
    ttl_ms: i64,
    bytes: i64,
    slot: u16,
}

fn facts(world: &World, node: &str, names: &[Vec<u8>]) -> Result<Vec<Row>, String> {
    let mut lines: Vec<Vec<&[u8]>> = Vec::with_capacity(names.len() * 4);
    for name in names {
        lines.push(vec![b"TYPE", name]);
        lines.push(vec![b"OBJECT", b"ENCODING", name]);
        lines.push(vec![b"PTTL", name]);
        lines.push(vec![b"MEMORY", b"USAGE", name]);
    }
    let values = ask(world, node, &lines)?;
    let row = |(name, said): (&Vec<u8>, &[vitrine_core::resp::Value])| Row {
        key: name.clone(),
        kind: text(&said[0]),
        encoding: text(&said[1]),
        ttl_ms: number(&said[2]),
        bytes: number(&said[3]),
        slot: key_slot(name),
    };
    Ok(names.iter().zip(values.chunks_exact(4)).map(row).collect())
}

/// The biggest of the keys that a look sees: name and bytes.
pub fn biggest(world: &World, node: &str, count: usize) -> Result<Vec<(String, i64)>, String> {
    let (mut found, _) = names(world, node, b"*", "", None)?;
    found.truncate(LOOKED_MAX);
    let mut rows = facts(world, node, &found)?;
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    Ok(rows.iter().take(count).map(|r| (quote(&r.key), r.bytes)).collect())
}

/// See [`super::What::Keys`].
pub fn list(world: &World, node: &str, args: &[String]) -> Result<Sheet, String> {
    let arg = |i: usize| args.get(i).map_or("", String::as_str);
    let (pattern, kind, expires, sort) = (arg(0), arg(1), !arg(2).is_empty(), arg(4));
    let pattern = if pattern.is_empty() { "*" } else { pattern };
    let slot = match arg(3) {
        "" => None,
        slot => Some(
            slot.parse()
                .ok()
                .filter(|s| *s < crate::model::SLOTS)
                .ok_or("A slot is a number from 0 to 16383.")?,
        ),
    };
    let (mut found, more) = names(world, node, pattern.as_bytes(), kind, slot)?;
    found.sort_unstable();
    found.dedup();
    let (all, mut rows, mut looked) = (found.len(), Vec::new(), 0);
    // A filter may leave little of what is looked at: a few rounds make up for that.
    for part in found.chunks(LOOKED_MAX).take(if expires || slot.is_some() { 4 } else { 1 }) {
        looked += part.len();
        let fits = |r: &Row| (!expires || r.ttl_ms >= 0) && (kind.is_empty() || r.kind == kind);
        rows.extend(facts(world, node, part)?.into_iter().filter(fits));
        if rows.len() >= ROWS_MAX {
            break;
        }
    }
    match sort {
        "Type" => rows.sort_by(|a, b| (&a.kind, &a.encoding, &a.key).cmp(&(&b.kind, &b.encoding, &b.key))),
        // What never expires comes last.
        "TTL" => rows.sort_by_key(|r| if r.ttl_ms < 0 { i64::MAX } else { r.ttl_ms }),
        "Size" => rows.sort_by_key(|r| std::cmp::Reverse(r.bytes)),
        "Slot" => rows.sort_by_key(|r| r.slot),
        _ => {}
    }
    let mut sheet = Sheet::new("", &["Key", "Type", "Encoding", "TTL", "Size", "Slot"]);
    let shown = rows.len().min(ROWS_MAX);
    let left = all - looked + (rows.len() - shown);
    sheet.note = match (left, more) {
        (0, false) => String::new(),
        (0, true) => "There may be more keys: SCAN was stopped. Narrow the pattern to see others.".to_owned(),
        (left, more) => format!(
            "and {}{} more. Narrow the pattern to see them.",
            crate::words::thousands(left as u64),
            if more { " or" } else { "" }
        ),
    };
    sheet.rows = (rows.into_iter().take(ROWS_MAX))
        .map(|r| {
            let (ttl, bytes, slot) = (r.ttl_ms.to_string(), r.bytes.to_string(), r.slot.to_string());
            vec![quote(&r.key), r.kind, r.encoding, ttl, bytes, slot]
        })
        .collect();
    Ok(sheet)
}
