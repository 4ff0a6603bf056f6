//! The table: every row of every part of the language.

use super::grammar::{Group, Kind, Part, Verb};
use super::{expect, head, verbs, workload};

/// The words that stand for themselves where a list of groups is written.
const LIST_WORDS: [&str; 4] = ["|", "-", "none", "for"];

/// All rows, in the order of the reference.
pub fn rows() -> impl Iterator<Item = &'static Verb> {
    head::ROWS.iter().chain(verbs::ROWS).chain(workload::ROWS).chain(expect::ROWS)
}

/// The row with a key.
pub(crate) fn row(key: &str) -> Option<&'static Verb> {
    rows().find(|row| row.key == key)
}

/// Whether a word means something in the language, so that a name like it needs quotes.
pub(crate) fn is_reserved(word: &str) -> bool {
    let same = |other: &&str| other.eq_ignore_ascii_case(word);
    LIST_WORDS.iter().any(same) || rows().any(|row| has_word(row.parts, word))
}

fn has_word(parts: &[Part], word: &str) -> bool {
    parts.iter().any(|part| match part {
        Part::Word(w) => w.eq_ignore_ascii_case(word),
        Part::Arg(_, Kind::Choice(words)) => words.iter().any(|w| w.0.eq_ignore_ascii_case(word)),
        Part::Arg(..) => false,
        Part::Opt(inner) => has_word(inner, word),
        Part::Either(choices) => choices.iter().any(|inner| has_word(inner, word)),
    })
}

/// The title of a group in the reference.
pub fn title(group: Group) -> &'static str {
    match group {
        Group::Head => "The head of a file",
        Group::When => "When",
        Group::Clients => "Redis commands and clients",
        Group::Process => "Processes",
        Group::Network => "Network",
        Group::Disk => "Disks",
        Group::Clock => "Clocks",
        Group::Healing => "Ending faults",
        Group::Workload => "Workloads",
        Group::Time => "Time",
        Group::Checks => "Expectations",
        Group::Help => "Help",
    }
}
