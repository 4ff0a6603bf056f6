//! What is wrong with a scenario, in a way that the one who wrote it can mend it: where, what, and what was expected there.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many characters of what somebody wrote a message repeats.
const SHOWN_LEN_MAX: usize = 60;
/// How many expected words a message names.
const EXPECTED_SHOWN_MAX: usize = 12;

/// Why a line or a scenario was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What could have stood there.
    pub expected: Vec<String>,
    /// The nearest of them to what stands there, if one is near.
    pub suggestion: Option<String>,
}

impl ScenarioError {
    /// An error at byte `at` of a line.
    pub(crate) fn at(source: &str, at: usize, message: impl Into<String>) -> ScenarioError {
        let before = source.char_indices().take_while(|(i, _)| *i < at).count();
        ScenarioError {
            line: 1,
            column: before as u32 + 1,
            message: message.into(),
            expected: Vec::new(),
            suggestion: None,
        }
    }

    /// The same in another line.
    pub(crate) fn in_line(mut self, line: u32) -> ScenarioError {
        self.line = line;
        self
    }

    /// Says what was expected; `found` is what stood there.
    pub(crate) fn expecting(mut self, mut expected: Vec<String>, found: &str) -> ScenarioError {
        // Several rows may want the same.
        let mut seen = Vec::new();
        expected.retain(|label| {
            !seen.contains(label) && {
                seen.push(label.clone());
                true
            }
        });
        self.suggestion = nearest(found, expected.iter().map(String::as_str)).map(str::to_string);
        self.expected = expected;
        self
    }
}

/// With its place; the alternate form (`{:#}`) without, for a line that stands alone.
impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        if !self.expected.is_empty() {
            let shown = self.expected.iter().take(EXPECTED_SHOWN_MAX).cloned().collect::<Vec<_>>();
            let more = if self.expected.len() > EXPECTED_SHOWN_MAX { ", …" } else { "" };
            write!(f, "; expected {}{more}", shown.join(", "))?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

/// What somebody wrote, as a message repeats it: its beginning, without what a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(SHOWN_LEN_MAX)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(SHOWN_LEN_MAX).is_some() {
        out.push('…');
    }
    out
}

/// The candidate that is most like `word`, if one is like it: at most a third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let scored = candidates.map(|c| (distance(&word, &c.to_ascii_lowercase()), c));
    let (least, candidate) = scored.min_by_key(|(d, _)| *d)?;
    (least <= allowed && !word.is_empty() && word.len() <= 64).then_some(candidate)
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["crash", "kill", "partition", "pause"];
        assert_eq!(nearest("crsh", words.into_iter()), Some("crash"));
        assert_eq!(nearest("Parttiion", words.into_iter()), Some("partition"));
        assert_eq!(nearest("xyz", words.into_iter()), None);
        assert_eq!(nearest("", words.into_iter()), None);
        assert_eq!(distance("ab", "ba"), 1);
    }

    #[test]
    fn columns_count_characters() {
        let error = ScenarioError::at("žž crsh", 5, "no").expecting(vec!["crash".into()], "crsh").in_line(3);
        assert_eq!(error.to_string(), "line 3, column 4: no; expected crash; did you mean `crash`?");
    }
}
