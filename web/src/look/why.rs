//! Why something is so, or became so: what led to it, as the trace has it. Where nobody listened, that part of the run is played
//! again beside the one that is shown.

use vitrine_core::event::Event;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::trace::{Question, TraceKind};

/// What led to something: how far in it stands under what it caused, when it happened in virtual microseconds, and what it was.
pub type Because = (u8, u64, String);

/// How many causes are told.
const CAUSES_MAX: usize = 120;
/// How long before an instant causes are looked for, in virtual microseconds.
const BEFORE_US: u64 = 60_000_000;

/// What led to what is so now or, with an instant, to what came to be so then; the answer itself comes first. `what` is `role`,
/// `failing`, `state`, `link`, `process` or, with an instant, `vote`.
pub fn causes(time: &Timeline, what: &str, node: &str, at_us: Option<u64>) -> Result<Vec<Because>, String> {
    let name = node.to_owned();
    let question = match what {
        "failing" => Question::Failing { node: name, by: None },
        "state" => Question::State { node: name },
        "link" => Question::Link { node: name },
        "process" => Question::Process { node: name },
        _ => Question::Role { node: name },
    };
    let why = match at_us {
        None => time.why(&question),
        Some(at_us) => {
            let from_us = at_us.saturating_sub(BEFORE_US);
            time.played_with_trace(time.branch(), from_us, at_us).and_then(|world| {
                let index = world.node_index(node)?;
                let voted = |what: &TraceKind| {
                    matches!(what, TraceKind::Node { node, event: Event::Candidate { .. } | Event::Voted { .. } }
                        if *node == index)
                };
                let record = match what {
                    "vote" => {
                        let mut latest = world.trace().records_after(0);
                        latest.rfind(|r| r.at_us <= at_us && voted(&r.what)).map(|r| r.id)
                    }
                    _ => world.record_of(&question),
                };
                world.why(record?)
            })
        }
    };
    let why = why.ok_or_else(|| match what {
        "failing" => format!("Nobody suspects {node}."),
        "link" => format!("{node} has no link to a master."),
        _ => format!("{node} has been so for as long as this run is kept: nothing in it led there."),
    })?;
    let told = why.told().into_iter().take(CAUSES_MAX);
    Ok(told.map(|(depth, why)| (depth.min(255) as u8, why.record.at_us, why.text.clone())).collect())
}
