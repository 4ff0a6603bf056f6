//! More of what is drawn: what operators type, redis.conf that changes at a restart, subscribers, reads that fail, fsyncs that fail under
//! `everysec`, and single messages that are lost, late or doubled.
//!
//! It comes from a generator of its own and to some of the seeds only, so that the others, and what [`draw`](super::draw) gives to these,
//! stay what they were.

use super::draw::{Dice, SECOND_US};
use super::{Case, Deed};
use crate::rng::Rng;
use crate::sim::{Action, EioOn, Fault};

/// What the seed of the second generator differs by.
const STREAM: u64 = 0x006d_6f72_6521;
/// How many of a hundred seeds get something.
const PERCENT: u64 = 40;

/// What a node's terminal gets, wherever it stands. Errors are answers too: a master has no failover to begin.
const LINES: [&str; 18] = [
    "CLUSTER FAILOVER",
    "CLUSTER FAILOVER",
    "CLUSTER FAILOVER FORCE",
    "CLUSTER FAILOVER TAKEOVER",
    "BGSAVE",
    "SAVE",
    "BGREWRITEAOF",
    "CONFIG REWRITE",
    "CLIENT KILL TYPE replica",
    "CLIENT KILL TYPE master",
    "CLIENT PAUSE 1500 WRITE",
    "CONFIG SET save \"3 5\"",
    "CONFIG SET repl-backlog-size 20kb",
    "CONFIG SET repl-diskless-sync no",
    "CONFIG SET repl-diskless-sync-delay 0",
    "CONFIG SET auto-aof-rewrite-min-size 2kb",
    "CONFIG SET aof-use-rdb-preamble no",
    "CONFIG SET cluster-migration-barrier 0",
];

/// What an upgrade adds to a redis.conf.
const CONF: [&str; 6] = [
    "aof-use-rdb-preamble no\n",
    "save 2 3\n",
    "repl-diskless-sync no\n",
    "auto-aof-rewrite-min-size 3kb\nauto-aof-rewrite-percentage 50\n",
    "repl-backlog-size 64kb\n",
    "cluster-allow-replica-migration no\n",
];

/// Adds to a case what its seed draws; `always` says that its nodes sync every write before they answer.
pub(super) fn add(case: &mut Case, seed: u64, always: bool) {
    let names: Vec<String> = case.setup.nodes.iter().map(|node| node.name.clone()).collect();
    let mut dice = Dice { rng: Rng::new(seed ^ STREAM), names };
    if !dice.chance(PERCENT) {
        return;
    }
    if dice.chance(40) {
        subscribe(&mut dice, case);
    }
    let Some(begin_us) = case.deeds.first().map(|deed| deed.at_us) else { return };
    let long_us = case.until_us.saturating_sub(begin_us);
    // Under `everysec` Redis goes on after an fsync that failed, and what it writes from then on is synced again: so a loss of power leaves
    // a hole in the middle of the file, and Redis 7.0.15 ends at the start ("Bad file format reading the append only file", aof.c) until
    // somebody has mended it.
    let loses_power = case
        .deeds
        .iter()
        .any(|deed| matches!(deed.action, Action::Fault { fault: Fault::PowerLoss { .. }, .. }));
    let kinds: Vec<u64> = (0..6).filter(|_| dice.chance(50)).collect();
    for _ in 0..3 + dice.below(2 + long_us / (8 * SECOND_US)) {
        let at_us = begin_us + dice.below(long_us);
        if kinds.is_empty() {
            break;
        }
        let action = match dice.one_of(&kinds) {
            0 | 1 => {
                let terminal = dice.below(case.setup.nodes.len() as u64) as u32;
                Action::TypeLine { terminal, line: dice.one_of(&LINES).to_string() }
            }
            2 => restart(&mut dice, case),
            3 => message(&mut dice),
            4 => {
                let on = EioOn { read: true, ..EioOn::default() };
                lasting(&mut dice, |node| Fault::DiskEio { node, on })
            }
            // Where every write is synced before its answer, `draw` has this already.
            _ if always || loses_power => message(&mut dice),
            _ => {
                let path = Some("appendonlydir".to_string());
                let on = EioOn { fsync: true, path, ..EioOn::default() };
                lasting(&mut dice, |node| Fault::DiskEio { node, on })
            }
        };
        case.deeds.push(Deed { at_us, action });
    }
    // Those of one instant stay in the order in which they were drawn.
    case.deeds.sort_by_key(|deed| deed.at_us);
}

fn lasting(dice: &mut Dice, fault: impl FnOnce(String) -> Fault) -> Action {
    let node = dice.node();
    fault(node).lasting(dice.duration_us())
}

fn subscribe(dice: &mut Dice, case: &mut Case) {
    let (subscribers, shard_channels) = (1 + dice.below(6) as u32, dice.chance(50));
    for deed in &mut case.deeds {
        if let Action::StartWorkload { workload, .. } = &mut deed.action {
            (workload.subscribers, workload.shard_channels, workload.channels) =
                (subscribers, shard_channels, 4);
            if shard_channels {
                workload.mix.shard_publish = 1;
            } else {
                workload.mix.publish = 1;
            }
        }
    }
}

fn restart(dice: &mut Dice, case: &Case) -> Action {
    let at = dice.below(case.setup.nodes.len() as u64) as usize;
    let node = &case.setup.nodes[at];
    let conf = format!("{}{}", node.conf, dice.one_of(&CONF));
    Action::Restart { node: node.name.clone(), conf: Some(conf), empty_disk: false }
}

/// Something happens to one message: to which of those in flight, [`Deed`] says.
fn message(dice: &mut Dice) -> Action {
    let message = dice.below(16);
    match dice.below(4) {
        0 => Action::DropMessage { message, reset: false },
        1 => Action::DropMessage { message, reset: true },
        2 => Action::DuplicateMessage { message },
        _ => Action::DelayMessage { message, by_us: 1 + dice.below(5 * SECOND_US) },
    }
}
