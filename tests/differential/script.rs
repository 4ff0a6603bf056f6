//! Scripts: one command a line in redis-cli's quoting, `#` begins a comment.
//!
//! Words with an `@` before the command say how its replies are compared: `@unordered` (the elements of aggregates in any
//! order), `@pairs` (RESP2 arrays of pairs in any order), `@any` (only whether both are errors; for what is random),
//! `@near` (integers may differ by 1500: times to live), `@messages` (several messages to one client may come in any order:
//! patterns that match the same channel lie in a hash table with a seed of its own in every server process), `@ignore` (not at
//! all). Alone on a line: `@client N` goes on over connection N,
//! `@sleep MS` waits, `@repeat N command …` sends a command N times.

use super::resp::{Tree, shown};
use super::servers::{Ours, Real, Side, request};
use std::collections::BTreeSet;
use std::time::Duration;

/// How replies are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Byte for byte.
    Exact,
    /// With the elements of aggregates sorted.
    Unordered,
    /// With the pairs of aggregates sorted.
    Pairs,
    /// Only whether both are errors.
    Any,
    /// Integers may differ a little.
    Near,
    /// Byte for byte, the messages to one connection in any order.
    Messages,
    /// Not at all.
    Ignore,
}

impl Compare {
    /// Whether two replies are the same.
    pub fn same(self, ours: &Tree, real: &Tree) -> bool {
        match self {
            Compare::Exact | Compare::Messages => ours == real,
            Compare::Unordered | Compare::Pairs => {
                let (mut ours, mut real) = (ours.clone(), real.clone());
                ours.sort(self == Compare::Pairs);
                real.sort(self == Compare::Pairs);
                ours == real
            }
            Compare::Any => ours.is_error() == real.is_error(),
            Compare::Near => ours.is_near(real, 1_500),
            Compare::Ignore => true,
        }
    }
}

/// Splits a line as redis-cli does (`sdssplitargs`); `None` if its quotes are not balanced.
pub fn split(text: &str) -> Option<Vec<Vec<u8>>> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at == bytes.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        let mut quote = None;
        loop {
            let Some(&byte) = bytes.get(at) else {
                if quote.is_some() {
                    return None;
                }
                break;
            };
            at += 1;
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, byte) if byte.is_ascii_whitespace() => break,
                (Some(open), byte) if open == byte => {
                    if bytes.get(at).is_some_and(|next| !next.is_ascii_whitespace()) {
                        return None;
                    }
                    quote = None;
                }
                (Some(b'"'), b'\\') => {
                    let escaped = *bytes.get(at)?;
                    at += 1;
                    word.push(match escaped {
                        b'x' => {
                            let digits = text.get(at..at + 2)?;
                            at += 2;
                            u8::from_str_radix(digits, 16).ok()?
                        }
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'a' => 7,
                        other => other,
                    });
                }
                (Some(b'\''), b'\\') if bytes.get(at) == Some(&b'\'') => {
                    at += 1;
                    word.push(b'\'');
                }
                (_, byte) => word.push(byte),
            }
        }
        words.push(word);
    }
}

/// Runs a script on both sides; the differences, as text.
pub fn run(ours: &mut Ours, real: &mut Real, name: &str, text: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let mut clients = BTreeSet::from([1]);
    let mut client = 1;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}: {line}", number + 1);
        let mut line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut compare = Compare::Exact;
        let mut times = 1;
        while let Some(rest) = line.strip_prefix('@') {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            line = after.trim_start();
            match word {
                "unordered" => compare = Compare::Unordered,
                "pairs" => compare = Compare::Pairs,
                "any" => compare = Compare::Any,
                "near" => compare = Compare::Near,
                "messages" => compare = Compare::Messages,
                "ignore" => compare = Compare::Ignore,
                "client" => client = std::mem::take(&mut line).parse().expect("the number of a client"),
                "sleep" => {
                    let ms = std::mem::take(&mut line).parse().expect("milliseconds");
                    std::thread::sleep(Duration::from_millis(ms));
                    ours.wake();
                }
                "repeat" => {
                    let (count, command) = line.split_once(' ').expect("a count and a command");
                    (times, line) = (count.parse().expect("a count"), command);
                }
                _ => panic!("{place}: no such directive"),
            }
        }
        clients.insert(client);
        if !line.is_empty() {
            let args = split(line).unwrap_or_else(|| panic!("{place}: unbalanced quotes"));
            let bytes = request(&args).repeat(times);
            ours.send(client, &bytes);
            real.send(client, &bytes);
        }
        // The command's own replies first, so that the other connections' follow-ups have left the real server too.
        let order = std::iter::once(client).chain(clients.iter().copied().filter(|&other| other != client));
        for other in order.collect::<Vec<_>>() {
            compare_replies(ours, real, &place, (client, other), compare, &mut differences);
        }
    }
    for &other in &clients {
        let (ours, real) = (ours.waiting(other), real.waiting(other));
        if ours != real {
            differences
                .push(format!("{name}: left over for client {other}\n  ours {ours:?}\n  real {real:?}"));
        }
    }
    differences
}

fn compare_replies(
    ours: &mut Ours,
    real: &mut Real,
    place: &str,
    (client, other): (u32, u32),
    compare: Compare,
    differences: &mut Vec<String>,
) {
    let node = ours;
    let mut ours = node.waiting(other);
    let mut theirs = Vec::new();
    if ours.is_empty() && other == client {
        // We have nothing to say (a client waits): neither should the real server.
        theirs.extend(real.reply(other, Duration::from_millis(20)));
        if !theirs.is_empty() {
            // Unless the time that the client waits has passed meanwhile. It passes on our side as well, but each notices at the next tick
            // of its own cron, of which there are ten a second.
            for _ in 0..120 {
                std::thread::sleep(Duration::from_millis(1));
                node.wake();
                ours = node.waiting(other);
                if !ours.is_empty() {
                    break;
                }
            }
        }
    }
    while theirs.len() < ours.len() {
        let wait = Duration::from_millis(if compare == Compare::Ignore { 100 } else { 1_000 });
        let Some(tree) = real.reply(other, wait) else { break };
        theirs.push(tree);
    }
    if other == client || !ours.is_empty() {
        theirs.extend(real.waiting_now(other));
    }
    if compare == Compare::Messages {
        ours.sort_by_cached_key(Tree::to_string);
        theirs.sort_by_cached_key(Tree::to_string);
    }
    let same = ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|(ours, theirs)| compare.same(ours, theirs));
    if !same && compare != Compare::Ignore {
        let list = |trees: &[Tree]| trees.iter().map(Tree::to_string).collect::<Vec<_>>().join(" | ");
        let who = if other == client { String::new() } else { format!(" (on client {other})") };
        differences.push(format!("{place}{who}\n  ours {}\n  real {}", list(&ours), list(&theirs)));
    }
}

/// A command as a script would have it.
pub fn line_of(args: &[Vec<u8>]) -> String {
    args.iter().map(|arg| format!("\"{}\"", shown(arg))).collect::<Vec<_>>().join(" ")
}
