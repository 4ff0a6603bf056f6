//! What commands would reply on a node, without running them there.

use crate::protocol::Reply;
use vitrine_core::config::text::quote;
use vitrine_core::resp::Value;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::world::World;

/// How many bytes of a string a table shows.
const CELL_LEN_MAX: usize = 200;

/// The replies of these commands on a copy of the node.
pub fn replies(
    time: &Timeline,
    node: &str,
    lines: &[Vec<serde_bytes::ByteBuf>],
) -> Result<Vec<Reply>, String> {
    let values = time.world().peek(node, lines)?;
    Ok(values.into_iter().map(crate::scripts::reply).collect())
}

/// The replies of commands that read keys. A replica answers for its master's slots, and a node of a cluster that is down answers
/// from its memory: what is asked is a copy, which nobody else sees.
pub fn ask(world: &World, node: &str, lines: &[Vec<&[u8]>]) -> Result<Vec<Value>, String> {
    let before: [&[&[u8]]; 2] =
        [&[b"READONLY"], &[b"CONFIG", b"SET", b"cluster-allow-reads-when-down", b"yes"]];
    let all: Vec<Vec<&[u8]>> = before.iter().map(|l| l.to_vec()).chain(lines.iter().cloned()).collect();
    let mut values = world.peek(node, &all)?;
    Ok(values.split_off(before.len()))
}

/// The reply of one such command.
pub fn ask_one(world: &World, node: &str, line: &[&[u8]]) -> Result<Value, String> {
    Ok(ask(world, node, &[line.to_vec()])?.pop().unwrap_or(Value::Null))
}

/// The bytes of a reply that is text; an error's code.
pub fn bytes(value: &Value) -> &[u8] {
    match value {
        Value::Bulk(b) | Value::Status(b) | Value::Double(b) | Value::Verbatim(_, b) => b,
        Value::Error(e) => e.split(|&b| b == b' ').next().unwrap_or_default(),
        _ => b"",
    }
}

/// The same as text.
pub fn text(value: &Value) -> String {
    match value {
        Value::Integer(n) => n.to_string(),
        other => String::from_utf8_lossy(bytes(other)).into_owned(),
    }
}

/// A whole number; 0 for anything else.
pub fn number(value: &Value) -> i64 {
    if let Value::Integer(n) = value { *n } else { 0 }
}

/// The elements of an array, a set or a map laid flat.
pub fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(v) | Value::Set(v) => v,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(k, v)| [k, v]).collect(),
        _ => Vec::new(),
    }
}

/// What SCAN and its like give: the next cursor and the elements.
pub fn scanned(value: Value) -> (String, Vec<Value>) {
    let mut parts = items(value);
    let found = parts.pop().map(items).unwrap_or_default();
    (parts.first().map_or_else(|| "0".to_owned(), text), found)
}

/// A string in redis-cli's quotes; of a long one the beginning, an ellipsis behind the closing quote, and its length.
pub fn cell(b: &[u8]) -> String {
    if b.len() <= CELL_LEN_MAX {
        return quote(b);
    }
    format!("{}… {}", quote(&b[..CELL_LEN_MAX]), crate::words::bytes(b.len() as u64))
}

/// The bytes of a key in redis-cli's quotes.
pub fn unquote(key: &str) -> Result<Vec<u8>, String> {
    match crate::words::split_args(key)?.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(format!("{key} is not one word.")),
    }
}
