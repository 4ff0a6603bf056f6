//! The head of a scenario as text: the words that fields of free play are about, read and changed where they stand, so that whatever else
//! was written stays.

use std::ops::Range;
use vitrine_core::sim::scenario::{Group, show_name, table};

/// Where a value stands: the first word of its line, and the word before it (which may be the first).
pub type Place = (&'static str, &'static str);

/// A line of the head.
struct Line<'a> {
    /// Where it begins, in bytes.
    start: usize,
    text: &'a str,
    /// Where what belongs to it ends: its redis.conf too.
    end: usize,
}

impl Line<'_> {
    /// Its words with their places in the whole text, without a comment.
    fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let place = |word: &str| self.start + (word.as_ptr() as usize - self.text.as_ptr() as usize);
        let words = self.text.split_ascii_whitespace().take_while(|word| !word.starts_with('#'));
        words.map(move |word| (place(word), word))
    }

    fn is(&self, verb: &str) -> bool {
        self.words().next().is_some_and(|(_, word)| word.eq_ignore_ascii_case(verb))
    }

    /// A word and the value behind it, as places in the whole text.
    fn find(&self, word: &str) -> Option<(Range<usize>, Range<usize>)> {
        let range = |(at, word): (usize, &str)| at..at + word.len();
        let mut words = self.words().skip_while(|(_, other)| !other.eq_ignore_ascii_case(word)).map(range);
        let word = words.next()?;
        let value = words.next().unwrap_or(word.end..word.end);
        Some((word, value))
    }
}

/// The lines of the head; none of a text that is no scenario.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut head: Vec<Line<'_>> = Vec::new();
    let (mut at, mut block) = (0, None);
    for text in text.split_inclusive('\n') {
        let start = at;
        at += text.len();
        if let (Some(end), Some(last)) = (block, head.last_mut()) {
            last.end = at;
            block = block.filter(|_| text.trim() != end);
            continue;
        }
        let line = Line { start, text, end: at };
        let verb = line.words().next().map(|(_, word)| word);
        match verb {
            None => {}
            Some(verb) if table::rows().any(|row| row.group == Group::Head && row.name == verb) => {
                let end = text.trim_end().rsplit_once("<<").map(|(_, end)| end);
                block = end.filter(|end| !end.contains([' ', '"']));
                head.push(line);
            }
            Some(_) => break,
        }
    }
    if !head.first().is_some_and(|line| line.is("vitrine")) {
        head.clear();
    }
    head
}

/// A value; empty if nothing is said, `None` if the text has no place for it: it is no scenario, or its nodes are named one by one.
pub fn value(text: &str, (verb, word): Place) -> Option<&str> {
    let lines = lines(text);
    match lines.iter().find(|line| line.is(verb)) {
        Some(line) => Some(line.find(word).map_or("", |(_, value)| &text[value])),
        None if lines.is_empty() => None,
        None => {
            (verb == "seed" || !lines.iter().any(|line| line.is("nodes") || line.is("node"))).then_some("")
        }
    }
}

/// The text with another value; an empty one goes, and the word that stands before it.
pub fn with_value(text: &str, (verb, word): Place, value: &str) -> String {
    let value: String = value.split_whitespace().collect();
    let lines = lines(text);
    let put = |at: Range<usize>, new: &str| format!("{}{new}{}", &text[..at.start], &text[at.end..]);
    let Some(line) = lines.iter().find(|line| line.is(verb)) else {
        let after = lines.iter().find(|line| line.is("seed")).or(lines.first());
        let at = after.map_or(0, |line| line.end);
        let said = if verb == word { verb.to_owned() } else { format!("{verb} {word}") };
        return if value.is_empty() { text.to_owned() } else { put(at..at, &format!("{said} {value}\n")) };
    };
    match line.find(word) {
        _ if value.is_empty() && verb == word => put(line.start..line.end, ""),
        Some((word, old)) if value.is_empty() => put(word.start - 1..old.end, ""),
        Some((word, old)) if old.is_empty() => put(word.end..word.end, &format!(" {value}")),
        Some((_, old)) => put(old, &value),
        None if value.is_empty() => text.to_owned(),
        None => {
            let at = line.find(verb).map_or(line.end, |(verb, _)| verb.end);
            put(at..at, &format!(" {word} {value}"))
        }
    }
}

/// The text with lines at the end of a node's redis.conf, or of everyone's (`all`).
pub fn with_conf(text: &str, node: &str, conf: &str) -> String {
    let lines = lines(text);
    let at = lines.last().map_or(text.len(), |line| line.end);
    let node = if node == "all" { node.to_owned() } else { show_name(node) };
    let blank = if text[..at].ends_with('\n') { "" } else { "\n" };
    format!("{}{blank}conf {node} add <<END\n{}\nEND\n{}", &text[..at], conf.trim_end(), &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::sim::scenario::Scenario;

    const SHARDS: Place = ("cluster", "shards");
    const TIMEOUT: Place = ("cluster", "timeout");
    const SEED: Place = ("seed", "seed");

    #[test]
    fn a_field_changes_its_own_word_and_nothing_else() {
        let text = "vitrine 1\nseed 7\n# mine\ncluster shards 15 replicas 1 timeout 15s # fifteen\nconf A1 add <<END\nseed 9\ncluster x\nEND\nformed\n\nat 1s A1> SET seed 1\n";
        assert_eq!(
            (value(text, SHARDS), value(text, TIMEOUT), value(text, SEED)),
            (Some("15"), Some("15s"), Some("7"))
        );
        assert_eq!(with_value(text, SHARDS, "4 "), text.replace("shards 15", "shards 4"));
        assert_eq!(with_value(text, SEED, "0xab"), text.replace("seed 7", "seed 0xab"));
        let without = with_value(text, SHARDS, "");
        assert_eq!(without, text.replace(" shards 15", ""));
        assert_eq!(value(&without, SHARDS), Some(""));
        assert_eq!(with_value(&without, SHARDS, "5"), text.replace("cluster shards 15", "cluster shards 5"));
        let conf = with_conf(text, "for", "maxmemory 100mb\n");
        assert!(conf.contains("formed\nconf \"for\" add <<END\nmaxmemory 100mb\nEND\n\nat 1s"), "{conf}");
        Scenario::parse(&with_conf(text, "A1", "maxmemory 100mb")).unwrap();
    }

    #[test]
    fn what_is_not_said_yet_finds_its_place() {
        let usual = "vitrine 1\nconf all add \"a << b\"";
        assert_eq!((value(usual, SHARDS), value(usual, SEED)), (Some(""), Some("")));
        let seeded = with_value(usual, SEED, "7");
        assert_eq!(seeded, "vitrine 1\nseed 7\nconf all add \"a << b\"");
        assert_eq!(with_value(&seeded, SEED, ""), usual);
        let shards = with_value(&seeded, SHARDS, "5");
        assert_eq!(shards, "vitrine 1\nseed 7\ncluster shards 5\nconf all add \"a << b\"");
        assert!(with_conf(usual, "all", "x 1").ends_with("b\"\nconf all add <<END\nx 1\nEND\n"));
        // Nodes that are named one by one are no cluster, and a link is no text.
        assert_eq!(value("vitrine 1\nnodes A1\n", SHARDS), None);
        assert_eq!(value("vitrine 1\nnodes A1\n", SEED), Some(""));
        let blank = "vitrine 1\ncluster shards\u{a0}3 timeout 5s\n";
        assert_eq!(with_value(blank, TIMEOUT, ""), "vitrine 1\ncluster shards\u{a0}3\n");
        assert_eq!((value("https://example.org/#s=x", SEED), value("", SHARDS)), (None, None));
    }
}
