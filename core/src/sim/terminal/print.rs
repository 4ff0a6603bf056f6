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

pub(super) fn text_of(reply: &Value, raw: bool) -> String {
    if let Some(text) = invalidated(reply) {
        return text;
    }
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
