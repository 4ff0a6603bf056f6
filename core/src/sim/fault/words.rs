//! Faults in plain English.

use crate::sim::disk::Unsynced;
use crate::sim::fault::active::Active;
use crate::sim::fault::{ANY_HOST, Delay, Direction, EioOn, Fault, Link, Shape};
use crate::sim::world::World;

/// A span of virtual time as people say it.
fn span(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", us as f64 / 1e3),
        _ => format!("{} s", us as f64 / 1e6),
    }
}

fn percent(ppm: u32) -> String {
    format!("{} %", f64::from(ppm) / 10_000.0)
}

fn factor(ppm: u64) -> String {
    format!("{}", ppm as f64 / 1e6)
}

fn link_words(link: &Link) -> String {
    let name = |host: &str| if host == ANY_HOST { "every host".to_string() } else { host.to_string() };
    let (a, b) = (name(&link.a), name(&link.b));
    match link.dir {
        Direction::Both => format!("between {a} and {b}"),
        Direction::Forward => format!("from {a} to {b}"),
        Direction::Backward => format!("from {b} to {a}"),
    }
}

fn delay_words(delay: Delay) -> String {
    match delay {
        Delay::Fixed { us } => span(us),
        Delay::Uniform { min_us, max_us } => format!("{} to {}", span(min_us), span(max_us)),
        Delay::Normal { mean_us, sd_us } => format!("{} ± {}", span(mean_us), span(sd_us)),
        Delay::Pareto { least_us, .. } => format!("{} and more, with a long tail", span(least_us)),
    }
}

fn eio_words(on: &EioOn) -> String {
    let kinds: Vec<&str> = [(on.read, "reads"), (on.write, "writes"), (on.fsync, "fsyncs")]
        .into_iter()
        .filter_map(|(on, word)| on.then_some(word))
        .collect();
    let place = on.path.as_ref().map_or_else(|| "its disk".to_string(), |path| format!("`{path}`"));
    let often = match on.count {
        None => String::new(),
        Some(1) => ", once".to_string(),
        Some(count) => format!(", {count} times"),
    };
    format!("{} of {place} fail with an input/output error{often}", kinds.join(", "))
}

impl Fault {
    /// What it is, in words.
    pub fn words(&self) -> String {
        use Fault as F;
        match self {
            F::Kill { node } => format!("{node} was killed"),
            F::PowerLoss { node, unsynced } => {
                let kept = match unsynced {
                    Unsynced::Lost => "what was not synced is lost",
                    Unsynced::Kept => "what was not synced got to the disk",
                    Unsynced::Prefix => "the front of what was not synced got to the disk",
                    Unsynced::Subset => "some pages of what was not synced got to the disk",
                    Unsynced::Torn => "some sectors of what was not synced got to the disk",
                };
                format!("{node} lost power; {kept}")
            }
            F::PowerLossAt { node, path, end } => {
                format!("{node} lost power; `{path}` got to the disk up to byte {end}")
            }
            F::Shutdown { node } => format!("{node} was asked to shut down"),
            F::Pause { node } => format!("{node} is stopped"),
            F::SlowCpu { node, factor } => format!("{node} computes {factor} times as long"),
            F::Cut { link } => format!("nothing gets through {}", link_words(link)),
            F::Hold { link } => format!("messages {} are held back", link_words(link)),
            F::Loss { link, ppm } => format!("{} of segments {} are lost", percent(*ppm), link_words(link)),
            F::Latency { link, delay } => {
                format!("segments {} take {} longer", link_words(link), delay_words(*delay))
            }
            F::Bandwidth { link, bytes_per_s } => {
                format!("{bytes_per_s} bytes a second {}", link_words(link))
            }
            F::Duplicate { link, ppm } => {
                format!("{} of segments {} arrive twice", percent(*ppm), link_words(link))
            }
            F::Reorder { link, ppm, by_us } => {
                let words = link_words(link);
                format!("{} of segments {words} are overtaken, being {} late", percent(*ppm), span(*by_us))
            }
            F::Partition { .. } => "hosts are parted".to_string(),
            F::ClockJump { node, delta_us } => {
                let way = if *delta_us < 0 { "behind" } else { "ahead" };
                format!("{node}'s wall clock is {} {way}", span(delta_us.unsigned_abs()))
            }
            F::ClockDrift { node, rate_ppm } => {
                format!("{node}'s clocks run {} times as fast", factor(*rate_ppm))
            }
            F::ClockFreeze { node, wall_only: true } => format!("{node}'s wall clock stands still"),
            F::ClockFreeze { node, wall_only: false } => format!("{node}'s clocks stand still"),
            F::DiskFull { node, free_bytes: 0 } => format!("{node}'s disk is full"),
            F::DiskFull { node, free_bytes } => {
                format!("{node}'s disk had room for {free_bytes} more bytes")
            }
            F::DiskReadOnly { node } => format!("{node}'s disk is read-only"),
            F::DiskEio { node, on } => format!("{node}: {}", eio_words(on)),
            F::DiskSlow { node, factor } => format!("{node}'s disk takes {factor} times as long"),
            F::DiskStall { node } => format!("{node}'s disk has stalled"),
            F::FsyncLies { node } => format!("{node}'s disk says that it has synced, and has not"),
            F::LostRename { node } => format!("{node}'s disk loses renames at a loss of power"),
        }
    }
}

impl World {
    pub(crate) fn fault_text(&self, active: &Active) -> String {
        let Fault::Partition { shape } = &active.fault else { return active.fault.words() };
        let name = |&host: &u32| self.net.hosts[host as usize].name.as_str();
        let side = |group: &Vec<u32>| group.iter().map(name).collect::<Vec<_>>().join(" ");
        let sides: Vec<String> = active.groups.iter().map(side).collect();
        match shape {
            Shape::OneWay { .. } => format!("nothing gets back: {}", sides.join(" → ")),
            _ => format!("parted: {}", sides.join(" | ")),
        }
    }

    pub(crate) fn fault_undo(&self, active: &Active) -> String {
        use Fault as F;
        let number = active.number;
        match &active.fault {
            F::Kill { node }
            | F::PowerLoss { node, .. }
            | F::PowerLossAt { node, .. }
            | F::Shutdown { node } => {
                format!("Start {node}, or end fault {number}.")
            }
            F::Pause { node } => format!("Resume {node}, or end fault {number}."),
            F::Partition { .. } => format!("End fault {number}, or heal the network."),
            F::ClockJump { node, .. } => format!("End fault {number}: {node}'s wall clock is set right."),
            F::ClockDrift { node, .. } | F::ClockFreeze { node, .. } => {
                format!("End fault {number}, or heal {node}'s clocks; what they missed stays missed.")
            }
            fault => match fault.link() {
                Some(link) => format!("End fault {number}, or heal the link {} – {}.", link.a, link.b),
                None => format!("End fault {number}, or heal {}.", fault.node().unwrap_or_default()),
            },
        }
    }
}
