//! How redis-cli prints replies, and which commands it treats in a way of their own (`cliSendCommand`, redis-cli.c 7.0.15).

use crate::host::NetError;
use crate::resp::Value;

/// hiredis's words for the end of a connection.
pub(super) fn lost_words(error: NetError) -> &'static str {
    if error == NetError::Eof { "Server closed the connection" } else { error.strerror() }
}

/// A push message that says which keys of a client's cache are void (`isInvalidateReply`, `cliFormatInvalidateTTY`).
fn invalidated(reply: &Value) -> Option<String> {
    let Value::Push(items) = reply else { return None };
    let [kind, Value::Array(keys)] = &items[..] else { return None };
    if kind.as_bytes() != Some(b"invalidate") {
        return None;
    }
    let name = |key: &Value| format!("'{}'", String::from_utf8_lossy(key.as_bytes().unwrap_or_default()));
    Some(format!("-> invalidate: {}", keys.iter().map(name).collect::<Vec<_>>().join(", ")))
}

/// How many bytes of a reply's strings a terminal prints. redis-cli prints all, on a terminal that can take it; a page cannot.
pub const REPLY_PRINTED_MAX: usize = 256 << 10;

/// The beginning of a reply, as far as there is `room` for its strings, counted in bytes; each element takes some too.
fn beginning(reply: &Value, room: &mut usize) -> Value {
    let mut first = |bytes: &[u8]| {
        let len = bytes.len().min(*room);
        *room -= len;
        bytes[..len].to_vec()
    };
    let some = |items: &[Value], room: &mut usize| {
        let mut kept = Vec::new();
        for item in items {
            if *room == 0 {
                break;
            }
            *room = room.saturating_sub(8);
            kept.push(beginning(item, room));
        }
        kept
    };
    match reply {
        Value::Bulk(bytes) => Value::Bulk(first(bytes)),
        Value::Status(bytes) => Value::Status(first(bytes)),
        Value::Verbatim(format, bytes) => Value::Verbatim(*format, first(bytes)),
        Value::Array(items) => Value::Array(some(items, room)),
        Value::Set(items) => Value::Set(some(items, room)),
        Value::Push(items) => Value::Push(some(items, room)),
        Value::Map(pairs) => {
            let mut kept = Vec::new();
            for (key, value) in pairs {
                if *room == 0 {
                    break;
                }
                *room = room.saturating_sub(16);
                kept.push((beginning(key, room), beginning(value, room)));
            }
            Value::Map(kept)
        }
        other => other.clone(),
    }
}

pub(super) fn text_of(reply: &Value, raw: bool) -> String {
    if let Some(text) = invalidated(reply) {
        return text;
    }
    let mut room = REPLY_PRINTED_MAX;
    let short = beginning(reply, &mut room);
    if room == 0 {
        let kib = REPLY_PRINTED_MAX >> 10;
        return format!(
            "{}\n… this is the beginning, {kib} KiB of a longer reply. Ask for a part of it (GETRANGE, LRANGE, SCAN), or open the key in the inspector.",
            printed(&short, raw)
        );
    }
    printed(reply, raw)
}

fn printed(reply: &Value, raw: bool) -> String {
    let text = match reply {
        Value::Bulk(bytes) | Value::Status(bytes) | Value::Verbatim(_, bytes) | Value::Error(bytes)
            if raw =>
        {
            String::from_utf8_lossy(bytes).into_owned()
        }
        other => other.to_string(),
    };
    text.trim_end_matches(['\r', '\n']).to_string()
}

fn is(arg: Option<&Vec<u8>>, word: &str) -> bool {
    arg.is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
}

/// The commands whose reply redis-cli prints as it is (`cliSendCommand`).
pub(super) fn prints_raw(args: &[Vec<u8>]) -> bool {
    let first = String::from_utf8_lossy(&args[0]).to_ascii_lowercase();
    let second = args.get(1);
    let any = |words: &[&str]| words.iter().any(|w| is(second, w));
    match first.as_str() {
        "info" | "lolwut" => true,
        "debug" => any(&["htstats", "htstats-key", "client-eviction"]),
        "memory" => any(&["malloc-stats", "doctor"]),
        "cluster" => args.len() == 2 && any(&["nodes", "info"]),
        "client" => any(&["list", "info"]),
        "latency" => (args.len() == 3 && any(&["graph"])) || (args.len() == 2 && any(&["doctor"])),
        _ => false,
    }
}

/// Commands that may take long because they are made to.
pub(super) fn waits_by_design(args: &[Vec<u8>]) -> bool {
    const WAITING: [&str; 19] = [
        "blpop",
        "brpop",
        "brpoplpush",
        "blmove",
        "blmpop",
        "bzpopmin",
        "bzpopmax",
        "bzmpop",
        "wait",
        "subscribe",
        "psubscribe",
        "ssubscribe",
        "monitor",
        "debug",
        "save",
        "migrate",
        "shutdown",
        "eval",
        "fcall",
    ];
    let name = String::from_utf8_lossy(&args[0]).to_ascii_lowercase();
    WAITING.contains(&name.as_str())
        || ((name == "xread" || name == "xreadgroup")
            && args.iter().any(|a| a.eq_ignore_ascii_case(b"block")))
}
