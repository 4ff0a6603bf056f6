//! The durability lens: how much of each file is where, and where the records of one of them begin.
//!
//! Boundaries come from the file's own format: commands of an append-only file, sections of an RDB file, lines of anything else. Of a
//! long file the end is read (of an RDB file the beginning); the first boundary in it is the first place from which whole commands follow to the end.

use super::Sheet;
use super::value::{hex, shown};
use vitrine_core::config::text::quote;
use vitrine_core::persist::rdb::decode::Cursor;
use vitrine_core::persist::rdb::opcode;
use vitrine_core::sim::world::World;
use vitrine_core::store::limits::Limits;

/// How many bytes of a file are read from its end.
const TAIL_LEN: u64 = 256 << 10;
/// How many records are shown.
const RECORDS_MAX: usize = 160;
/// How many parts of a record are shown as bytes.
const PARTS_MAX: usize = 64;
/// How many bytes of a part are shown.
const PART_LEN: usize = 64;
/// How many bytes of a record's words its label has.
const LABEL_LEN: usize = 60;

/// A record, or a part of one: where it begins and ends in the bytes that were read, and what it is.
type Part = (usize, usize, String);

/// See [`super::What::Disk`].
pub fn files(world: &World, node: &str, path: &str, at: Option<u64>) -> Result<Vec<Sheet>, String> {
    let index = world.node_index(node).ok_or_else(|| format!("There is no node {node}."))? as usize;
    let status = world.node(node).map(|n| n.status());
    let entries = world.node_entries();
    let mut files =
        Sheet::new(status.as_ref().map_or("", |s| s.appendfsync), &["File", "Durable", "Written", "Pending"]);
    // What the process has not given to its disk yet.
    files.note = status.as_ref().map_or(0, |s| s.aof_buffered).to_string();
    let mut list: Vec<_> = entries[index].files.iter().collect();
    // The file that writes go to comes first: it is what the lens is for.
    list.sort_by_key(|f| (!f.path.ends_with(".incr.aof"), !f.path.contains(".aof."), f.path.clone()));
    for f in &list {
        let durable = f.durable_len.min(f.len.saturating_sub(f.dirty.min(f.len)));
        files.rows.push(vec![f.path.clone(), durable.to_string(), f.len.to_string(), f.pending.to_string()]);
    }
    let Some(file) = list.iter().find(|f| f.path == path).or(list.first()) else { return Ok(vec![files]) };
    let rdb = world.read_part(node, &file.path, 0, 5) == b"REDIS";
    let from = if rdb { 0 } else { file.len.saturating_sub(TAIL_LEN) };
    let tail = world.read_part(node, &file.path, from, TAIL_LEN as usize);
    let mut records = if rdb {
        sections(&tail, file.len as usize)
    } else if file.path.contains(".aof") && !file.path.ends_with(".manifest") {
        commands(&tail, from == 0)
    } else {
        lines(&tail)
    };
    let mut sheet = Sheet::new(&file.path, &["From", "To", "Record"]);
    let hidden = records.len().saturating_sub(RECORDS_MAX);
    records.drain(..hidden);
    if hidden > 0 || from > 0 {
        sheet.note = "the last of it".to_owned();
    }
    let place = |at: usize| (from + at as u64).to_string();
    sheet.rows = records.iter().map(|(a, b, what)| vec![place(*a), place(*b), what.clone()]).collect();
    let chosen =
        at.and_then(|at| records.iter().find(|r| (from + r.0 as u64..from + r.1 as u64).contains(&at)));
    let mut bytes = Sheet::new("", &["Byte", "Hexadecimal", "Text", "Meaning"]);
    if let Some((a, b, what)) = chosen.or(records.last()) {
        bytes.title.clone_from(what);
        let record = &tail[(*a).min(tail.len())..(*b).min(tail.len())];
        let parts =
            if record.starts_with(b"*") { words(record) } else { vec![(0, record.len(), String::new())] };
        let rows = parts.into_iter().flat_map(|(a, b, what)| {
            let shown_parts = record[a..b].chunks(8).take(PART_LEN / 8).enumerate();
            let named = move |i: usize| if i == 0 { what.clone() } else { String::new() };
            shown_parts.map(move |(i, c)| (a + i * 8, c, named(i))).collect::<Vec<_>>()
        });
        let row = |(i, c, what): (usize, &[u8], String)| vec![place(a + i), hex(c), shown(c), what];
        bytes.rows = rows.take(PARTS_MAX).map(row).collect();
    }
    Ok(vec![files, sheet, bytes])
}

/// The number behind `*` or `$` at a place, and where its line ends.
fn count(b: &[u8], at: usize, sign: u8) -> Option<(usize, usize)> {
    if b.get(at) != Some(&sign) {
        return None;
    }
    let end = at + b[at..].iter().take(24).position(|&c| c == b'\n')? + 1;
    let digits = std::str::from_utf8(b.get(at + 1..end.checked_sub(2)?)?).ok()?;
    Some((digits.parse().ok()?, end))
}

/// The words of the command at a place as ranges, and where it ends. `None` if it is no whole command.
fn command(b: &[u8], at: usize) -> Option<(Vec<(usize, usize)>, usize)> {
    let (words, mut at) = count(b, at, b'*')?;
    let mut out = Vec::new();
    for _ in 0..words {
        let (len, from) = count(b, at, b'$')?;
        let end = from.checked_add(len)?;
        if b.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        out.push((from, end));
        at = end + 2;
    }
    Some((out, at))
}

fn label(b: &[u8], words: &[(usize, usize)]) -> String {
    let mut out = String::new();
    for &(from, to) in words {
        if out.len() >= LABEL_LEN {
            out.push_str(" …");
            break;
        }
        let word = &b[from..to.min(from + LABEL_LEN)];
        let plain = !word.is_empty()
            && word.iter().all(|c| c.is_ascii_graphic() && !matches!(c, b'"' | b'\\' | b'\''));
        let text = if plain { String::from_utf8_lossy(word).into_owned() } else { quote(word) };
        let sep = if out.is_empty() { "" } else { " " };
        out.push_str(&format!("{sep}{text}{}", if to - from > LABEL_LEN { "…" } else { "" }));
    }
    out
}

/// The commands of an append-only file, or of its end.
fn commands(b: &[u8], whole: bool) -> Vec<Part> {
    if b.is_empty() {
        return Vec::new();
    }
    let follow = |mut at: usize| {
        let mut out: Vec<Part> = Vec::new();
        while at < b.len() {
            if b[at] == b'#' {
                // An annotation: aof-timestamp-enabled.
                let end = b[at..].iter().position(|&c| c == b'\n').map_or(b.len(), |i| at + i + 1);
                out.push((at, end, String::from_utf8_lossy(&b[at..end]).trim_end().to_owned()));
                at = end;
                continue;
            }
            let Some((words, end)) = command(b, at) else { break };
            out.push((at, end, label(b, &words)));
            at = end;
        }
        (out, at)
    };
    let starts = |at: &usize| (whole && *at == 0) || b[*at..].starts_with(b"*");
    // Bytes of a value can look like a command: what follows a true boundary is whole commands.
    let first = (0..b.len()).filter(starts).find(|&at| {
        at == 0 && whole
            || command(b, at).is_some_and(|(_, end)| b.get(end).is_none_or(|next| b"*#".contains(next)))
    });
    let Some(first) = first else { return vec![(0, b.len(), "no whole command".to_owned())] };
    let (mut out, end) = follow(first);
    if end < b.len() {
        out.push((end, b.len(), "not a whole command".to_owned()));
    }
    out
}

/// The parts of a command: its count, and length and bytes of each word.
fn words(b: &[u8]) -> Vec<Part> {
    let Some((words, _)) = command(b, 0) else { return vec![(0, b.len(), "not a whole command".to_owned())] };
    let mut at = count(b, 0, b'*').map_or(0, |c| c.1);
    let mut out = vec![(0, at, crate::words::count(words.len(), "word follows", "words follow"))];
    for (i, &(from, to)) in words.iter().enumerate() {
        out.push((at, from, crate::words::count(to - from, "byte follows", "bytes follow")));
        out.push((from, to + 2, if i == 0 { "the command".to_owned() } else { format!("word {i}") }));
        at = to + 2;
    }
    out
}

/// The lines of a text file.
fn lines(b: &[u8]) -> Vec<Part> {
    let mut at = 0;
    let line = |l: &[u8]| {
        at += l.len();
        (at - l.len(), at, shown(&l[..l.len().min(LABEL_LEN)]))
    };
    b.split_inclusive(|&c| c == b'\n').map(line).collect()
}

/// The sections of an RDB file (`rdbSaveRio`, rdb.c 7.0.15).
fn sections(b: &[u8], len: usize) -> Vec<Part> {
    let mut cursor = Cursor::new(b);
    let mut out = Vec::new();
    while out.len() + 2 < RECORDS_MAX {
        let at = cursor.position();
        let what = if at == 0 { cursor.take(9).ok().map(shown) } else { section(&mut cursor) };
        let end = cursor.position();
        match what {
            Some(what) if end > at => out.push((at, end, what)),
            _ => break,
        }
        if b[at] == opcode::EOF && at > 0 {
            let Ok(crc) = cursor.take(8) else { break };
            out.push((end, end + 8, format!("checksum {}", hex(crc))));
            break;
        }
    }
    let end = out.last().map_or(0, |s: &Part| s.1);
    if end < len {
        out.push((end, len, "the rest".to_owned()));
    }
    out
}

/// One section behind the magic; `None` if it is not whole or not known.
fn section(c: &mut Cursor<'_>) -> Option<String> {
    let text = |c: &mut Cursor<'_>| c.string().ok().map(|s| label(&s, &[(0, s.len())]));
    let mut expires = "";
    loop {
        let kind = c.byte().ok()?;
        match kind {
            opcode::EOF => return Some("end".to_owned()),
            opcode::SELECTDB => return Some(format!("db {}", c.length().ok()?)),
            opcode::RESIZEDB => {
                return Some(format!("{} keys, {} expire", c.length().ok()?, c.length().ok()?));
            }
            opcode::AUX => return Some(format!("aux {} {}", text(c)?, text(c)?)),
            opcode::FUNCTION2 => return text(c).map(|code| format!("function {code}")),
            opcode::EXPIRETIME_MS => {
                c.take(8).ok()?;
                expires = ", expires";
            }
            opcode::EXPIRETIME => {
                c.take(4).ok()?;
                expires = ", expires";
            }
            opcode::FREQ => {
                c.byte().ok()?;
            }
            opcode::IDLE => {
                c.length().ok()?;
            }
            kind => {
                let key = text(c)?;
                let object = c.object(kind, &Limits::default()).ok()?;
                let name = object.map_or("empty", |o| o.type_name());
                return Some(format!("{name} {key}{expires}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_records(records: &[Part]) -> Vec<&str> {
        records.iter().map(|r| r.2.as_str()).collect()
    }

    #[test]
    fn commands_are_cut_at_their_boundaries_whatever_their_bytes_look_like() {
        let file = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:1\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n*1\r\n\r\n*2\r\n$3\r\nDEL\r\n$1\r\n\xff";
        let records = commands(file, true);
        assert_eq!(
            shown_records(&records),
            ["SELECT 0", "#TS:1", "SET a \"*1\\r\\n\"", "not a whole command"]
        );
        assert!(records.windows(2).all(|w| w[0].1 == w[1].0) && records.last().unwrap().1 == file.len());
        // From the middle of a command, the first whole one is found.
        let tail = &file[5..file.len() - 18];
        assert_eq!(shown_records(&commands(tail, false))[0], "SET a \"*1\\r\\n\"");
        assert_eq!(commands(b"", true), vec![]);
        assert_eq!(
            shown_records(&commands(b"*9999999999999\r\n$99999999999999999999\r\n", true)),
            ["not a whole command"]
        );
    }

    #[test]
    fn the_parts_of_a_command_cover_it() {
        let record = b"*2\r\n$3\r\nDEL\r\n$2\r\nab\r\n";
        let parts = words(record);
        assert!(parts.windows(2).all(|w| w[0].1 == w[1].0));
        assert_eq!((parts[0].0, parts.last().unwrap().1, parts.len()), (0, record.len(), 5));
        assert_eq!(parts[4].2, "word 1");
    }

    #[test]
    fn lines_are_records_of_other_files() {
        assert_eq!(shown_records(&lines(b"a b\nc")), ["a b·", "c"]);
    }
}
