//! What is written beside a node, and what a screen reader says of it.

use super::glyph::Jury;
use vitrine_web::faults::name_in_line;
use vitrine_web::geometry::Size;
use vitrine_web::model::{ActiveFault, Cluster, LinkState, Node, NodeIndex, Process};
use vitrine_web::words;

pub struct Line {
    pub text: String,
    pub class: &'static str,
}

/// How many letters of its name a disc has room for.
pub fn room(n: &Node, size: Size) -> usize {
    match (size, n.master) {
        (Size::L, true) => 5,
        (Size::M, false) => 3,
        _ => 4,
    }
}

/// A fault that lasts on a node, as its line has it, without the node: `disk-slow 100x`; and how many more there are.
fn attached(n: &Node, faults: &[&ActiveFault]) -> Option<String> {
    let fault = faults.first().filter(|_| n.process.is_up())?;
    let what = fault.line.replacen(&format!(" {}", n.name), "", 1);
    let what = what.replacen(&format!(" {}", name_in_line(&n.name)), "", 1);
    let more = if faults.len() > 1 { format!(" +{}", faults.len() - 1) } else { String::new() };
    Some(format!("{}{more}", words::shortened(&what, 18)))
}

/// Whether a node with a vote has given it in the election that is going on.
fn voted(index: usize, c: &Cluster) -> Option<String> {
    let whom = c.voted(index as NodeIndex)?;
    Some(whom.map_or("has not voted".into(), |whom| format!("voted {whom}").trim_end().to_owned()))
}

/// At most three lines; the name, if its disc has no room for it: role and epoch, what is wrong with it, keys, offset or lag; states
/// come first.
pub fn lines(
    index: usize,
    c: &Cluster,
    (jury, faults): (&Jury, &[&ActiveFault]),
    now_us: u64,
    size: Size,
) -> Vec<Line> {
    let mut out = Vec::new();
    let n = &c.nodes[index];
    let voted = voted(index, c);
    let wrong = if n.isolated { Some("isolated".to_owned()) } else { attached(n, faults) };
    let mut say = |class: &'static str, text: String| out.push(Line { text, class });
    let peers = jury.verdicts.len();
    let ago = words::duration((now_us.saturating_sub(n.process_since_us)) / 100_000 * 100_000);
    let since = |what: &str| format!("{what} {ago}{}", if size == Size::L { " ago" } else { "" });
    let special = jury.agrees > 0
        || jury.is_suspect()
        || n.process != Process::Up
        || n.candidate.is_some()
        || wrong.is_some()
        || voted.is_some();
    if size != Size::L && !special {
        return out;
    }
    // A wall leaves the ring less room, and so do many nodes.
    let (agree, suspect) =
        if c.groups.len() > 1 || size != Size::L { ("", "") } else { (" agree", " suspect") };
    if jury.agrees > 0 {
        say("t--alert", format!("FAIL · {} of {peers}{agree}", jury.agrees));
    } else if jury.is_suspect() {
        say("t--alert", format!("PFAIL · {} of {peers}{suspect}", jury.suspects));
    }
    match n.process {
        Process::Crashed => say("", since("power lost")),
        Process::Killed => say("", since("killed")),
        Process::Stopped => say("", since("shut down")),
        Process::Paused => say("", since("paused")),
        Process::Loading => say("t--strong", with_progress("loading", n)),
        Process::Up => {}
    }
    if n.name.chars().count() > room(n, size) {
        say("t--strong", words::shortened(&n.name, 22));
    }
    if !n.process.is_up() && n.process != Process::Paused {
        return out;
    }
    if let Some(v) = n.candidate {
        say("t--strong", format!("candidate · e{}", v.epoch));
        say("", format!("votes {} of {}", v.votes, v.needed));
        return out;
    }
    if n.process == Process::Loading {
        return out;
    }
    if let Some(voted) = voted {
        say("t--strong", voted);
    }
    if n.master {
        let epoch = if c.is_outside() { String::new() } else { format!(" · e{}", n.epoch_config) };
        say("t--strong", format!("master{epoch}"));
        if let Some(wrong) = wrong {
            say("t--alert", wrong);
        }
        say("", keys(n.keys));
        say("", format!("off {}", words::thousands(n.offset.max(0) as u64)));
    } else {
        let of = n.replica_of.and_then(|m| c.nodes.get(usize::from(m)));
        let of = of.map_or("replica".to_owned(), |m| format!("replica of {}", m.name));
        say("t--strong", of);
        if let Some(wrong) = wrong {
            say("t--alert", wrong);
        }
        match (n.link, n.lag_bytes) {
            (LinkState::Syncing, _) => say("", with_progress("syncing", n)),
            (LinkState::Online, Some(lag)) => say("", format!("lag {}", words::bytes(lag))),
            (LinkState::Online, None) => {}
            _ => say("t--alert", "link down".into()),
        }
    }
    out.truncate(3);
    out
}

/// `loading 62 %`, or without the number while the length is not known.
fn with_progress(what: &str, n: &Node) -> String {
    n.progress_percent.map_or_else(|| what.to_owned(), |p| format!("{what} {p}\u{a0}%"))
}

fn keys(n: u64) -> String {
    format!("{}\u{a0}{}", words::thousands(n), if n == 1 { "key" } else { "keys" })
}

/// A node in one sentence.
pub fn spoken(index: usize, c: &Cluster, jury: &Jury) -> String {
    let n = &c.nodes[index];
    let role = if n.master {
        let epoch = if c.is_outside() { String::new() } else { format!(", epoch {}", n.epoch_config) };
        format!("master{epoch}, {}", keys(n.keys))
    } else {
        let of = n.replica_of.and_then(|m| c.nodes.get(usize::from(m))).map_or("nobody", |m| &m.name);
        let lag = n.lag_bytes.map_or(String::new(), |l| format!(", lag {l} bytes"));
        format!("replica of {of}{lag}")
    };
    let state = match n.process {
        Process::Up => "",
        Process::Loading => ", loading its files",
        Process::Paused => ", paused",
        Process::Crashed => ", lost power",
        Process::Killed => ", killed",
        Process::Stopped => ", shut down",
    };
    let opinion = match (jury.agrees, jury.suspects) {
        (0, 0) => String::new(),
        (0, s) => format!(", suspected by {s} of {}", jury.verdicts.len()),
        (f, _) => format!(", flagged FAIL by {f} of {}", jury.verdicts.len()),
    };
    let vote =
        n.candidate.map_or(String::new(), |v| format!(", candidate with {} of {} votes", v.votes, v.needed));
    let given = voted(index, c).map_or(String::new(), |voted| format!(", {voted}"));
    let cut = if n.isolated { ", isolated" } else { "" };
    format!("{}, {role}{state}{opinion}{vote}{given}{cut}", n.name)
}
