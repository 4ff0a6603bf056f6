//! A value, a page of it at a time.
//!
//! Whatever its size, no more than about [`PAGE_LEN`] bytes of it are read: a string by GETRANGE, the others by so many elements
//! as fit by their average size.

use super::Sheet;
use super::peek::{ask, ask_one, bytes, cell, items, number, scanned, text, unquote};
use crate::words;
use vitrine_core::resp::Value;
use vitrine_core::sim::world::World;
use vitrine_core::store::slot::key_slot;

/// About how many bytes of a value are read for one page.
const PAGE_LEN: i64 = 1 << 20;
/// How many elements a page has at the most.
const ELEMENTS_MAX: i64 = 100;
/// How many bytes of a string a page has.
const STRING_LEN: i64 = 1024;

/// See [`super::What::Value`].
pub fn page(world: &World, node: &str, key: &str, from: &str) -> Result<Vec<Sheet>, String> {
    let name = unquote(key)?;
    let n = name.as_slice();
    let said = ask(
        world,
        node,
        &[
            vec![b"TYPE", n],
            vec![b"OBJECT", b"ENCODING", n],
            vec![b"PTTL", n],
            vec![b"MEMORY", b"USAGE", n],
            vec![b"OBJECT", b"IDLETIME", n],
            vec![b"OBJECT", b"REFCOUNT", n],
        ],
    )?;
    let kind = text(&said[0]);
    let (count, page): (&[u8], _) = match kind.as_str() {
        "string" => (b"STRLEN", "Bytes"),
        "list" => (b"LLEN", "Index"),
        "hash" => (b"HLEN", "Field"),
        "set" => (b"SCARD", "Member"),
        "zset" => (b"ZCARD", "Member"),
        "stream" => (b"XLEN", "Id"),
        "none" => return Err("The key is gone.".into()),
        other => return Err(format!("The node says {other}.")),
    };
    let len = number(&ask_one(world, node, &[count, n])?);
    let usage = number(&said[3]);
    let mut facts = Sheet::new(&kind, &[]);
    facts.fact("type", &kind);
    facts.fact("encoding", text(&said[1]));
    facts.fact("length", words::thousands(len.max(0) as u64));
    facts.fact("memory", words::bytes(usage.max(0) as u64));
    facts.fact(
        "expires in",
        match number(&said[2]) {
            ms @ 0.. => words::duration(ms as u64 * 1000),
            _ => "never".to_owned(),
        },
    );
    facts.fact("slot", key_slot(n));
    facts.fact("idle", words::duration(number(&said[4]).max(0) as u64 * 1_000_000));
    facts.fact("references", number(&said[5]));

    let per_page = (PAGE_LEN / (usage / len.max(1)).max(1)).clamp(1, ELEMENTS_MAX);
    let count = per_page.to_string();
    let from = if from.is_empty() { "0" } else { from };
    // SCAN's cursors may be greater; they are no places to count from.
    let start = from.parse::<i64>().unwrap_or(0).clamp(0, 1 << 40);
    let end = start + if kind == "string" { STRING_LEN } else { per_page } - 1;
    let last = end.to_string();
    let (start_text, cursor) = (start.to_string(), from);
    let range =
        |command: &'static [u8]| -> Vec<&[u8]> { vec![command, n, start_text.as_bytes(), last.as_bytes()] };
    let scan = |command: &'static [u8]| -> Vec<&[u8]> {
        vec![command, n, cursor.as_bytes(), b"COUNT", count.as_bytes()]
    };
    let mut sheet = Sheet::new(&kind, &[page, "Value"]);
    let next = if end + 1 < len { (end + 1).to_string() } else { String::new() };
    let cursor_or_end = |cursor: String| if cursor == "0" { String::new() } else { cursor };
    match kind.as_str() {
        "string" => {
            let part = ask_one(world, node, &range(b"GETRANGE"))?;
            string(bytes(&part), start as u64, start == 0 && len <= STRING_LEN, &mut sheet);
            sheet.note = next;
        }
        "list" => {
            let found = items(ask_one(world, node, &range(b"LRANGE"))?);
            sheet.rows = (start..).zip(&found).map(|(i, v)| vec![i.to_string(), cell(bytes(v))]).collect();
            sheet.note = next;
        }
        "zset" => {
            let mut line = range(b"ZRANGE");
            line.push(b"WITHSCORES");
            let found = items(ask_one(world, node, &line)?);
            sheet.head[1] = "Score".to_owned();
            sheet.rows = found.chunks_exact(2).map(|p| vec![cell(bytes(&p[0])), text(&p[1])]).collect();
            sheet.note = next;
        }
        "stream" => {
            let first = if cursor == "0" { "-" } else { cursor };
            // One more than is shown says whether there is another page.
            let count = (per_page + 1).to_string();
            let line: [&[u8]; 6] = [b"XRANGE", n, first.as_bytes(), b"+", b"COUNT", count.as_bytes()];
            sheet.head[1] = "Fields and values".to_owned();
            for entry in items(ask_one(world, node, &line)?) {
                let entry = items(entry);
                let mut pieces = String::new();
                for piece in items(entry[1].clone()) {
                    if !pieces.is_empty() {
                        pieces.push(' ');
                    }
                    pieces += &cell(bytes(&piece));
                }
                sheet.rows.push(vec![text(&entry[0]), pieces]);
            }
            if sheet.rows.len() as i64 > per_page {
                sheet.rows.pop();
                sheet.note = sheet.rows.last().map_or_else(String::new, |last| format!("({}", last[0]));
            }
            return Ok(vec![facts, sheet, groups(items(ask_one(world, node, &[b"XINFO", b"GROUPS", n])?))]);
        }
        "hash" => {
            let (cursor, found) = scanned(ask_one(world, node, &scan(b"HSCAN"))?);
            sheet.rows =
                found.chunks_exact(2).map(|p| vec![cell(bytes(&p[0])), cell(bytes(&p[1]))]).collect();
            sheet.note = cursor_or_end(cursor);
        }
        _ => {
            let (cursor, found) = scanned(ask_one(world, node, &scan(b"SSCAN"))?);
            sheet.head.truncate(1);
            sheet.rows = found.iter().map(|v| vec![cell(bytes(v))]).collect();
            sheet.note = cursor_or_end(cursor);
        }
    }
    Ok(vec![facts, sheet])
}

/// The groups of a stream: who reads it, what is not acknowledged, and how far behind they are.
fn groups(found: Vec<Value>) -> Sheet {
    let mut sheet = Sheet::new("groups", &["Group", "Consumers", "Pending", "Lag", "Has read up to"]);
    for group in found {
        let facts = items(group);
        // Name, consumers, pending, the lag (nothing if it is not known), the last id: with their names before them.
        let mut row = vec![cell(bytes(&facts[1]))];
        for at in [3, 5, 11, 7] {
            row.push(text(&facts[at]));
        }
        sheet.rows.push(row);
    }
    sheet
}

/// A string that is text as one cell, anything else as offset, hexadecimal and text.
fn string(b: &[u8], offset: u64, whole: bool, sheet: &mut Sheet) {
    let plain = |s: &str| s.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    if whole && std::str::from_utf8(b).is_ok_and(plain) {
        sheet.head = vec!["Value".to_owned()];
        sheet.rows.push(vec![vitrine_core::config::text::quote(b)]);
        return;
    }
    sheet.head = ["Byte", "Hexadecimal", "Text"].map(str::to_owned).to_vec();
    let rows = b.chunks(8).enumerate();
    sheet.rows =
        rows.map(|(i, part)| vec![(offset + i as u64 * 8).to_string(), hex(part), shown(part)]).collect();
}

/// `2a 33 0d 0a`.
pub fn hex(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

/// Bytes as text, with a dot for what cannot be shown.
pub fn shown(b: &[u8]) -> String {
    b.iter().map(|&b| if (0x20..0x7f).contains(&b) { b as char } else { '·' }).collect()
}
