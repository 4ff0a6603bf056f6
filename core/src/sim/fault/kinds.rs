//! The faults: each a value that says what is wrong and where. When it began and when it ends is the world's to keep.

use crate::rng::Rng;
use crate::sim::disk::Unsynced;
use serde::{Deserialize, Serialize};

/// Which direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// From the first host named to the second.
    Forward,
    /// From the second host named to the first.
    Backward,
}

/// Stands for every other host in a [`Link`].
pub const ANY_HOST: &str = "*";

/// A link between two hosts (nodes or clients, by name or address), or one direction of it. [`ANY_HOST`] in place of a name means
/// all hosts but the other one: `A1`, `*` is all that A1 is connected by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The first host.
    pub a: String,
    /// The second host.
    pub b: String,
    /// Which direction.
    #[serde(default)]
    pub dir: Direction,
}

impl Link {
    /// Both directions of a link.
    pub fn both(a: &str, b: &str) -> Link {
        Link { a: a.to_string(), b: b.to_string(), dir: Direction::Both }
    }

    /// What leads from one host to another, and not back.
    pub fn one_way(from: &str, to: &str) -> Link {
        Link { a: from.to_string(), b: to.to_string(), dir: Direction::Forward }
    }
}

/// The longest delay of a segment, in microseconds.
pub const LATENCY_US_MAX: u64 = 600_000_000;

/// How much longer than usual a segment takes, in microseconds, drawn anew for each. More than [`LATENCY_US_MAX`] is never drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "kebab-case")]
pub enum Delay {
    /// Always the same.
    Fixed {
        /// In microseconds.
        us: u64,
    },
    /// Evenly spread: a latency of `min_us` with a jitter of the rest.
    Uniform {
        /// The least, in microseconds.
        min_us: u64,
        /// The most, in microseconds.
        max_us: u64,
    },
    /// Gauss's bell; what would be less than nothing is nothing.
    Normal {
        /// Its middle, in microseconds.
        mean_us: u64,
        /// Its standard deviation, in microseconds.
        sd_us: u64,
    },
    /// A long tail (Pareto's distribution): mostly little more than the least, seldom very much more.
    Pareto {
        /// The least, in microseconds.
        least_us: u64,
        /// The exponent in thousandths: 3000 is a light tail, at 1000 and less the mean has no bound.
        alpha_milli: u32,
    },
}

/// A number above 0 and up to 1.
fn unit(rng: &mut Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

impl Delay {
    /// Draws one.
    pub fn draw(self, rng: &mut Rng) -> u64 {
        let us = match self {
            Delay::Fixed { us } => us,
            Delay::Uniform { min_us, max_us } => {
                min_us + rng.below(max_us.saturating_sub(min_us).saturating_add(1))
            }
            Delay::Normal { mean_us, sd_us } => {
                // Box and Muller's way from two even numbers to one of the bell.
                let (radius, angle) = (libm::sqrt(-2.0 * libm::log(unit(rng))), unit(rng));
                let z = radius * libm::cos(2.0 * std::f64::consts::PI * angle);
                (mean_us as f64 + sd_us as f64 * z).max(0.0) as u64
            }
            Delay::Pareto { least_us, alpha_milli } => {
                let exponent = -1000.0 / f64::from(alpha_milli.max(1));
                (least_us as f64 * libm::pow(unit(rng), exponent)) as u64
            }
        };
        us.min(LATENCY_US_MAX)
    }

    /// What is wrong with it, if something is.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(self) -> Result<(), String> {
        let longest = match self {
            Delay::Fixed { us } => us,
            Delay::Uniform { min_us, max_us } if min_us > max_us => {
                return Err(format!(
                    "a delay of {min_us} to {max_us} µs has its ends the wrong way round; put the smaller first"
                ));
            }
            Delay::Uniform { max_us, .. } => max_us,
            Delay::Normal { mean_us, sd_us } => mean_us.max(sd_us),
            Delay::Pareto { alpha_milli: 0, .. } => {
                return Err("a long tail needs an exponent above 0; 1500 thousandths are a heavy one".into());
            }
            Delay::Pareto { least_us, .. } => least_us,
        };
        if longest > LATENCY_US_MAX {
            return Err(format!(
                "no segment takes longer than {} s; to stop it altogether, hold or cut the link",
                LATENCY_US_MAX / 1_000_000
            ));
        }
        Ok(())
    }
}

/// How hosts are parted. What is not in a group reaches all: clients and, where not all nodes are named, bridges.
///
/// The shapes without groups are settled when the fault begins, over the nodes in the order of the setup; a master is then whoever
/// says so of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "kebab-case")]
pub enum Shape {
    /// These groups cannot reach each other. The other side of one group alone is all other nodes.
    Groups {
        /// Hosts by name.
        groups: Vec<Vec<String>>,
    },
    /// What earlier groups send reaches later ones, and nothing gets the other way.
    OneWay {
        /// Hosts by name; the later group of one group alone is all other nodes.
        groups: Vec<Vec<String>>,
    },
    /// Every second node on one side: with an odd number of masters, one side has most of them.
    Halves,
    /// Fewer than half of the masters are alone, without their replicas; the rest can elect replicas in their place.
    Minority,
    /// More than half of the masters are together without a replica; what is left on the other side can elect nobody.
    Majority,
    /// Two halves, and one node between them that reaches both.
    Bridge {
        /// The node between; the last one of the setup if none is named.
        #[serde(default)]
        node: Option<String>,
    },
}

/// What of a node's disk fails with EIO.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EioOn {
    /// Reads.
    pub read: bool,
    /// Writes to the page cache. (A file system that has shut itself down fails these; a bad sector shows in an fsync.)
    pub write: bool,
    /// Writing to the device: FSYNC fails, and so does the kernel's own write-back, which the next FSYNC reports. The pages
    /// count as clean afterwards.
    pub fsync: bool,
    /// Only in this file, or in the files of this folder.
    pub path: Option<String>,
    /// Only so often; then the fault is over.
    pub count: Option<u32>,
}

/// Something that is wrong with a world for a while. Nodes and hosts are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)] // the fields are named for what they are; each variant has its sentence
pub enum Fault {
    /// SIGKILL: memory is gone, the page cache stays. At its end the process is started.
    Kill { node: String },
    /// The host loses power: memory is gone, and of the page cache all but what `unsynced` keeps. At its end the host has power and
    /// the process is started.
    PowerLoss {
        node: String,
        #[serde(default)]
        unsynced: Unsynced,
    },
    /// The host loses power, and of what was not synced the device got one file up to byte `end`, and nothing else. At its end
    /// the host has power and the process is started.
    PowerLossAt { node: String, path: String, end: u64 },
    /// SIGTERM: Redis ends by itself. At its end the process is started.
    Shutdown { node: String },
    /// SIGSTOP; at its end SIGCONT. The kernel goes on, so peers see a process that does not answer.
    Pause { node: String },
    /// What the process computes takes `factor` times as long. Several multiply. What it has begun by the end still takes as long as it
    /// was going to: a turn is computed at its beginning.
    SlowCpu { node: String, factor: u32 },

    /// Nothing gets through; TCP tries again, ever less often, until it gives up.
    Cut { link: Link },
    /// Nothing gets through for now: at its end all that was on its way arrives at once, in order, without waiting for a
    /// retransmission. Who waits for an acknowledgement too long gives up, as with a cut.
    Hold { link: Link },
    /// So many of a million segments are lost; TCP sends them again. Several losses each take their part of what the others leave.
    Loss { link: Link, ppm: u32 },
    /// Every segment takes longer. Several add up.
    Latency { link: Link, delay: Delay },
    /// Each direction carries no more than this; what is more waits. The least of several counts.
    Bandwidth { link: Link, bytes_per_s: u64 },
    /// So many of a million segments arrive twice. TCP discards the copy: a process sees nothing but the time that the copy takes on
    /// the sender's card.
    Duplicate { link: Link, ppm: u32 },
    /// So many of a million segments come later by this, and others overtake them. TCP gives bytes in order, so in its own connection
    /// a late segment holds back those behind it; other connections pass it.
    Reorder { link: Link, ppm: u32, by_us: u64 },
    /// Hosts are parted. Several partitions each part what they part.
    Partition { shape: Shape },

    /// The wall clock is set forward or back; at its end it is set the other way.
    ClockJump { node: String, delta_us: i64 },
    /// Both clocks run at this rate, in millionths of the true one. Several multiply. What they showed stays shown at its end.
    ClockDrift { node: String, rate_ppm: u64 },
    /// The wall clock stands still; without `wall_only` the monotonic clock too, and with it every timer of the process. What was missed
    /// stays missed at its end.
    ClockFreeze {
        node: String,
        #[serde(default)]
        wall_only: bool,
    },

    /// Only so many more bytes fit on the disk, in whole pages of 4 KiB.
    DiskFull { node: String, free_bytes: u64 },
    /// Every change of the disk fails with EROFS.
    DiskReadOnly { node: String },
    /// Operations fail with EIO.
    DiskEio { node: String, on: EioOn },
    /// Everything on the disk takes `factor` times as long. Several multiply.
    DiskSlow { node: String, factor: u32 },
    /// Nothing on the disk completes; at its end all of it does.
    DiskStall { node: String },
    /// The device says that what was synced is durable, and it is not: until the fault ends, a loss of power takes it.
    FsyncLies { node: String },
    /// Renames are not made durable, whatever FSYNC of the folder says: until the fault ends, a loss of power brings the old names
    /// back.
    LostRename { node: String },
}

impl Fault {
    /// The fault begins now and lasts until it is ended.
    pub fn now(self) -> super::Action {
        super::Action::Fault { fault: self, for_us: None }
    }

    /// The fault begins now and ends by itself after so many virtual microseconds.
    pub fn lasting(self, for_us: u64) -> super::Action {
        super::Action::Fault { fault: self, for_us: Some(for_us) }
    }

    /// The link that it is about, for faults of the network but partitions.
    pub fn link(&self) -> Option<&Link> {
        use Fault as F;
        match self {
            F::Cut { link }
            | F::Hold { link }
            | F::Loss { link, .. }
            | F::Latency { link, .. }
            | F::Bandwidth { link, .. }
            | F::Duplicate { link, .. }
            | F::Reorder { link, .. } => Some(link),
            _ => None,
        }
    }

    pub(crate) fn link_mut(&mut self) -> Option<&mut Link> {
        use Fault as F;
        match self {
            F::Cut { link }
            | F::Hold { link }
            | F::Loss { link, .. }
            | F::Latency { link, .. }
            | F::Bandwidth { link, .. }
            | F::Duplicate { link, .. }
            | F::Reorder { link, .. } => Some(link),
            _ => None,
        }
    }

    /// Where it is: the smallest [`Scope`] that covers it.
    pub fn scope(&self) -> Scope {
        use Fault as F;
        match self {
            F::Kill { node }
            | F::PowerLoss { node, .. }
            | F::PowerLossAt { node, .. }
            | F::Shutdown { node }
            | F::Pause { node }
            | F::SlowCpu { node, .. } => Scope::Process { node: node.clone() },
            F::ClockJump { node, .. } | F::ClockDrift { node, .. } | F::ClockFreeze { node, .. } => {
                Scope::Clock { node: node.clone() }
            }
            F::DiskFull { node, .. }
            | F::DiskReadOnly { node }
            | F::DiskEio { node, .. }
            | F::DiskSlow { node, .. }
            | F::DiskStall { node }
            | F::FsyncLies { node }
            | F::LostRename { node } => Scope::Disk { node: node.clone() },
            F::Partition { .. } => Scope::Network,
            F::Cut { link }
            | F::Hold { link }
            | F::Loss { link, .. }
            | F::Latency { link, .. }
            | F::Bandwidth { link, .. }
            | F::Duplicate { link, .. }
            | F::Reorder { link, .. } => Scope::Link { a: link.a.clone(), b: link.b.clone() },
        }
    }

    /// The node that it is about, for faults of processes, clocks and disks.
    pub fn node(&self) -> Option<String> {
        match self.scope() {
            Scope::Process { node } | Scope::Clock { node } | Scope::Disk { node } => Some(node),
            _ => None,
        }
    }
}

impl From<Fault> for super::Action {
    fn from(fault: Fault) -> super::Action {
        fault.now()
    }
}

/// A part of a world: what [`Heal`](super::Action::Heal) makes good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "kebab-case")]
pub enum Scope {
    /// All of it.
    Everything,
    /// All links, and every partition.
    Network,
    /// One link, in both directions. Partitions and faults of many links at once ([`ANY_HOST`]) go on, unless the link is
    /// named as they name it.
    Link {
        /// A host.
        a: String,
        /// Another.
        b: String,
    },
    /// A node: its process, its clocks, its disk.
    Node {
        /// Its name.
        node: String,
    },
    /// A node's process.
    Process {
        /// The node's name.
        node: String,
    },
    /// A node's clocks.
    Clock {
        /// The node's name.
        node: String,
    },
    /// A node's disk. What was lost stays lost.
    Disk {
        /// The node's name.
        node: String,
    },
}

impl Scope {
    /// Whether a fault lies within this part of the world. Hosts are compared by name as they are written.
    pub fn covers(&self, fault: &Fault) -> bool {
        let at = fault.scope();
        match self {
            Scope::Everything => true,
            Scope::Network => matches!(at, Scope::Network | Scope::Link { .. }),
            Scope::Link { a, b } => {
                matches!(&at, Scope::Link { a: c, b: d } if (a, b) == (c, d) || (a, b) == (d, c))
            }
            Scope::Node { node } => fault.node().as_ref() == Some(node),
            Scope::Process { .. } | Scope::Clock { .. } | Scope::Disk { .. } => *self == at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(delay: Delay) -> Vec<u64> {
        let mut rng = Rng::new(11);
        let mut drawn: Vec<u64> = (0..10_000).map(|_| delay.draw(&mut rng)).collect();
        drawn.sort();
        drawn
    }

    #[test]
    fn delays_have_the_shape_that_they_say() {
        let fixed = draws(Delay::Fixed { us: 300 });
        assert_eq!((fixed[0], fixed[9_999]), (300, 300));
        let even = draws(Delay::Uniform { min_us: 100, max_us: 1100 });
        assert!(even[0] >= 100 && even[9_999] <= 1100 && (560..640).contains(&even[5_000]));
        let bell = draws(Delay::Normal { mean_us: 10_000, sd_us: 1_000 });
        assert!((9_950..10_050).contains(&bell[5_000]), "{}", bell[5_000]);
        // One standard deviation to each side has 68.3 % of all.
        assert!((8_950..9_050).contains(&bell[1_587]) && (10_950..11_050).contains(&bell[8_413]));
        let tail = draws(Delay::Pareto { least_us: 1_000, alpha_milli: 1_500 });
        assert!(tail[0] >= 1_000);
        // The median is 2^(1/1.5) times the least, the 99th percentile 100^(1/1.5) times.
        assert!((1_540..1_640).contains(&tail[5_000]), "{}", tail[5_000]);
        assert!((19_000..24_500).contains(&tail[9_900]), "{}", tail[9_900]);
        assert_eq!(draws(Delay::Pareto { least_us: 5, alpha_milli: 1 })[9_999], LATENCY_US_MAX);
        assert_eq!(draws(Delay::Normal { mean_us: 0, sd_us: 100 })[100], 0);
    }

    #[test]
    fn impossible_delays_are_refused() {
        let check = |delay: Delay| delay.check().unwrap_err();
        assert!(check(Delay::Uniform { min_us: 2, max_us: 1 }).contains("wrong way round"));
        assert!(check(Delay::Pareto { least_us: 2, alpha_milli: 0 }).contains("exponent"));
        assert!(check(Delay::Fixed { us: LATENCY_US_MAX + 1 }).contains("600 s"));
    }

    #[test]
    fn scopes_cover_what_is_in_them() {
        let cut = Fault::Cut { link: Link::one_way("A1", "B1") };
        let slow = Fault::DiskSlow { node: "A1".into(), factor: 2 };
        let node = |n: &str| Scope::Node { node: n.into() };
        assert!(Scope::Link { a: "B1".into(), b: "A1".into() }.covers(&cut));
        assert!(!Scope::Link { a: "A1".into(), b: "*".into() }.covers(&cut));
        assert!(Scope::Network.covers(&cut) && !Scope::Network.covers(&slow));
        assert!(node("A1").covers(&slow) && !node("B1").covers(&slow) && !node("A1").covers(&cut));
        assert!(!Scope::Clock { node: "A1".into() }.covers(&slow));
        assert!(Scope::Everything.covers(&cut) && Scope::Everything.covers(&slow));
    }
}
