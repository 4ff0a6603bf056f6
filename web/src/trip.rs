//! Where the terminal's last command went, for the stage: read from what the terminal printed, so that it can say no more than
//! the terminal does.

use crate::protocol::{TermEntry, TermKind};

/// How many letters of a command the stage has room for, with the ellipsis.
const WORDS_LEN_MAX: usize = 14;

/// A command and the nodes that it was sent to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trip {
    /// How the command begins.
    pub words: String,
    /// The nodes in turn, by address.
    pub stops: Vec<Stop>,
    /// How it ended, once it has.
    pub end: Option<End>,
}

/// A node that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// Its address.
    pub addr: String,
    /// The slot for which it sent the client elsewhere.
    pub slot: Option<u16>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a reply.
    Replied,
    /// With an error that a node gave.
    Refused,
    /// Without an answer.
    Lost,
}

/// Follows what a terminal prints: a typed line begins a new trip.
pub fn follow(trip: &mut Option<Trip>, entries: &[TermEntry]) {
    for entry in entries {
        match entry.kind {
            TermKind::Typed => *trip = begin(&entry.text),
            TermKind::Redirect => {
                if let (Some(trip), Some((slot, addr))) = (trip.as_mut(), redirection(&entry.text)) {
                    if let Some(last) = trip.stops.last_mut() {
                        last.slot = Some(slot);
                    }
                    trip.stops.push(Stop { addr: addr.to_owned(), slot: None });
                }
            }
            TermKind::Reply | TermKind::Error => {
                let Some(trip) = trip.as_mut() else { continue };
                // A terminal that could not reach its node has asked another: only who answered is certain.
                if let (Some(last), Some(from)) = (trip.stops.last_mut(), &entry.from) {
                    last.addr.clone_from(from);
                }
                trip.end = Some(match (entry.kind, &entry.from) {
                    (TermKind::Reply, _) => End::Replied,
                    (_, Some(_)) => End::Refused,
                    (_, None) => End::Lost,
                });
            }
            // The terminal's own words, before a node said any: it answered by itself, as `help` does, and nothing went anywhere. A
            // subscription announces itself so too, and its replies follow.
            TermKind::Note => {
                trip.take_if(|trip| trip.end.is_none() && !entry.text.starts_with("Reading messages"));
            }
        }
    }
}

/// `10.0.0.1:7001>` and the line, parted by a tab character.
fn begin(text: &str) -> Option<Trip> {
    let (prompt, line) = text.split_once('\t')?;
    let addr = prompt.split(['>', '[', '(']).next().filter(|addr| addr.len() > 1 && addr.contains(':'))?;
    let mut words = String::new();
    for word in line.split_whitespace() {
        let gap = usize::from(!words.is_empty());
        let room = WORDS_LEN_MAX.saturating_sub(words.chars().count() + gap);
        if room < 2 {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        match word.char_indices().nth(room) {
            Some(_) => {
                words.extend(word.chars().take(room - 1));
                words.push('…');
                break;
            }
            None => words.push_str(word),
        }
    }
    let stops = vec![Stop { addr: addr.to_owned(), slot: None }];
    (!words.is_empty()).then_some(Trip { words, stops, end: None })
}

/// `-> Redirected to slot [5798] located at 10.0.0.2:7002`
fn redirection(text: &str) -> Option<(u16, &str)> {
    let (_, rest) = text.split_once("slot [")?;
    let (slot, rest) = rest.split_once(']')?;
    let addr = rest.rsplit(' ').next()?;
    Some((slot.parse().ok()?, addr))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: TermKind, text: &str, from: Option<&str>) -> TermEntry {
        TermEntry { kind, text: text.into(), tag: None, from: from.map(Into::into) }
    }

    #[test]
    fn a_redirected_command_has_two_stops() {
        let mut trip = None;
        follow(&mut trip, &[entry(TermKind::Typed, "10.0.0.1:7001>\tSET name vitrine", None)]);
        assert_eq!(trip.as_ref().map(|t| (t.words.as_str(), t.end)), Some(("SET name vitr…", None)));
        follow(
            &mut trip,
            &[
                entry(TermKind::Redirect, "-> Redirected to slot [5798] located at 10.0.0.2:7002", None),
                entry(TermKind::Reply, "OK", Some("10.0.0.2:7002")),
            ],
        );
        let trip = trip.unwrap();
        let stop = |addr: &str, slot| Stop { addr: addr.into(), slot };
        assert_eq!(trip.stops, [stop("10.0.0.1:7001", Some(5798)), stop("10.0.0.2:7002", None)]);
        assert_eq!(trip.end, Some(End::Replied));
    }

    #[test]
    fn only_who_answered_is_certain() {
        let mut trip = None;
        follow(
            &mut trip,
            &[
                entry(TermKind::Typed, "10.0.0.1:7001[1](TX)>\tGET a", None),
                entry(TermKind::Error, "(error) ERR no", Some("10.0.0.3:7003")),
            ],
        );
        let trip = trip.unwrap();
        assert_eq!((trip.stops[0].addr.as_str(), trip.end), ("10.0.0.3:7003", Some(End::Refused)));
        let mut lost = None;
        follow(
            &mut lost,
            &[
                entry(TermKind::Typed, "10.0.0.1:7001>\tGET a", None),
                entry(TermKind::Error, "no answer", None),
            ],
        );
        assert_eq!(lost.unwrap().end, Some(End::Lost));
    }

    #[test]
    fn what_the_terminal_answers_itself_went_nowhere() {
        let mut trip = None;
        follow(&mut trip, &[entry(TermKind::Typed, "10.0.0.1:7001>\thelp SET", None)]);
        follow(&mut trip, &[entry(TermKind::Note, "\n  SET key value", None)]);
        assert_eq!(trip, None);
        follow(&mut trip, &[entry(TermKind::Typed, "10.0.0.1:7001>\tSUBSCRIBE a", None)]);
        follow(&mut trip, &[entry(TermKind::Note, "Reading messages... (press Ctrl-C to quit)", None)]);
        follow(&mut trip, &[entry(TermKind::Reply, "1) \"subscribe\"", Some("10.0.0.2:7002"))]);
        assert_eq!(trip.unwrap().end, Some(End::Replied));
    }

    #[test]
    fn nothing_is_made_of_a_line_without_a_node_or_without_words() {
        let mut trip = None;
        follow(&mut trip, &[entry(TermKind::Typed, ":\tcrash A1", None)]);
        assert_eq!(trip, None, "a line of the language for scenarios goes to no node");
        follow(&mut trip, &[entry(TermKind::Typed, "not connected>\tGET a", None)]);
        assert_eq!(trip, None);
        follow(&mut trip, &[entry(TermKind::Typed, "10.0.0.1:7001>\t  ", None)]);
        assert_eq!(trip, None);
        follow(&mut trip, &[entry(TermKind::Reply, "OK", None)]);
        assert_eq!(trip, None);
    }
}
