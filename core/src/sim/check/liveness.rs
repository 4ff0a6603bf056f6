//! Whether a cluster that nothing is wrong with becomes whole, in time.

use crate::node::Node;
use crate::sim::process::Process;
use crate::sim::trace::Life;
use crate::sim::world::World;
use crate::store::slot::SLOTS;

/// How often the watchdog looks, in virtual microseconds.
const LOOK_PERIOD_US: u64 = 1_000_000;
/// From which length on a turn under way is what a fault has left behind, in virtual microseconds.
const LONG_TURN_US: u64 = 1_000_000;

/// Within which time a cluster must be whole once nothing is wrong, in virtual microseconds, for a node timeout in milliseconds.
///
/// What may follow one after the other: a replication link that is half open until `repl-timeout` (60 s), a failure that is
/// found (two node timeouts), a first election that comes to nothing and a second after four more, the delay of a lower rank
/// and of a diskless snapshot (5 s each), and as much again for what the retransmissions of TCP add to each step after a long cut.
pub fn whole_within_us(node_timeout_ms: u64) -> u64 {
    60_000_000 + 10 * node_timeout_ms * 1000 + 10_000_000
}

/// What keeps a node from being a whole member of a whole cluster (or a replica in sync, outside of clusters).
fn trouble_of(process: &Process, node: Option<&Node>) -> Option<String> {
    let Some(node) = node.filter(|_| process.life == Life::Running) else {
        return Some(format!("{}: {:?}", process.name, process.life));
    };
    if node.loading() {
        return Some(format!("{} is loading", process.name));
    }
    if let Some(cluster) = node.cluster() {
        if !cluster.is_ok() {
            return Some(format!("{} says that the cluster is down", process.name));
        }
        let assigned = cluster.slots().assigned();
        if assigned != u32::from(SLOTS) {
            return Some(format!("{} knows the owners of {assigned} slots", process.name));
        }
    }
    if node.is_replica() && !node.repl.link_up() {
        return Some(format!("the link of {} to its master is down", process.name));
    }
    None
}

/// What keeps a world from being whole; `None` if nothing does.
pub fn trouble(world: &World) -> Option<String> {
    world.procs.iter().find_map(|process| trouble_of(process, process.node.as_deref()))
}

/// Until when a process is held up by what it began under a fault, if one is: a turn is computed at its beginning, so one that began on
/// a slow processor takes as long as it was going to, though the processor is slow no more.
pub fn held_up_until_us(world: &World) -> Option<u64> {
    world.procs.iter().filter_map(|process| held_up(process, world.now_us())).max()
}

fn held_up(process: &Process, now_us: u64) -> Option<u64> {
    Some(process.busy_until_us).filter(|&until_us| until_us > now_us + LONG_TURN_US)
}

/// Watches for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Watchdog {
    look_at_us: u64,
    calm_since_us: Option<u64>,
    reported: bool,
}

impl Watchdog {
    /// Looks, if it is time to; gives what is wrong too late. `calm` says that no fault is active.
    pub fn look(
        &mut self,
        now_us: u64,
        within_us: u64,
        calm: bool,
        procs: &[Process],
        index: u32,
        node: &Node,
    ) -> Option<String> {
        if !calm || procs.iter().any(|p| p.life != Life::Running || held_up(p, now_us).is_some()) {
            self.calm_since_us = None;
            self.reported = false;
            return None;
        }
        let since = *self.calm_since_us.get_or_insert(now_us);
        if now_us < self.look_at_us || self.reported || now_us < since + within_us {
            return None;
        }
        self.look_at_us = now_us + LOOK_PERIOD_US;
        let nodes = procs.iter().enumerate();
        let mut troubles = nodes.filter_map(|(i, process)| {
            trouble_of(process, if i == index as usize { Some(node) } else { process.node.as_deref() })
        });
        let first = troubles.next()?;
        self.reported = true;
        Some(format!("{} s after the last fault: {first}", (now_us - since) / 1_000_000))
    }
}
