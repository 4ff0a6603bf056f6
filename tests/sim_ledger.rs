//! What the ledger says of every write is true: each that it calls safe is on its owner, each that it calls lost is not, and
//! each loss has the cause that was staged. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use std::collections::BTreeSet;
use vitrine_core::resp::{self, Value};
use vitrine_core::rng::Rng;
use vitrine_core::sim::ledger::{CauseKind, Risk, Status, Summary};
use vitrine_core::sim::workload::Workload;
use vitrine_core::sim::{Action, Delay, EioOn, Fault, Link, Scope, Setup, Shape, Target, Unsynced, World};
use vitrine_core::store::slot::key_slot;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn cluster(seed: u64, conf: &str) -> World {
    let mut setup = Setup::six_nodes(seed);
    setup.nodes.iter_mut().for_each(|node| node.conf.push_str(conf));
    let mut world = World::new(setup).unwrap();
    world.keep_ledger(true);
    world.run_until(20 * SECOND);
    assert!(world.formation().unwrap().done_at_us.is_some());
    world
}

/// A client of one node that sends writes of keys that nobody wrote before.
struct Writer {
    client: u32,
    node: String,
    sent: u32,
}

impl Writer {
    fn new(world: &mut World, name: &str, node: &str) -> Writer {
        let client = world.client(name).unwrap();
        world.connect(client, node).unwrap();
        world.run_for(10_000);
        Writer { client, node: node.into(), sent: 0 }
    }

    /// Sends so many SETs at once, of keys that this node owns: with a tag of its slots.
    fn write(&mut self, world: &mut World, count: u32) {
        let shard = u16::from(self.node.as_bytes()[0] - b'A');
        let tag = (0..).map(|n| format!("{{{n}}}")).find(|tag| key_slot(tag.as_bytes()) / 5461 == shard);
        let tag = tag.unwrap();
        let mut bytes = Vec::new();
        for _ in 0..count {
            self.sent += 1;
            resp::encode_command(&mut bytes, &["SET", &format!("{tag}{}:{}", self.client, self.sent), "v"]);
        }
        world.send(self.client, &bytes).unwrap();
    }
}

fn whole(world: &World) -> bool {
    world.view().nodes.iter().all(|n| {
        let view = world.node(&n.name).and_then(|node| node.cluster_view());
        view.is_none_or(|view| view.ok)
    })
}

/// Reads every write back where it ought to be and compares with what the ledger says. Gives the summary.
fn verify(world: &mut World) -> Summary {
    let summary = world.ledger_summary().unwrap();
    let writes = world.ledger_writes();
    let names: Vec<String> = world.view().nodes.into_iter().map(|n| n.name).collect();
    let mut counted = 0;
    for name in names {
        let mine: Vec<_> = writes.iter().filter(|(_, _, owner)| owner.as_deref() == Some(&name)).collect();
        if mine.is_empty() || world.node(&name).is_none() {
            continue;
        }
        let reader = world.client(&format!("reader-{name}-{}", world.now_us())).unwrap();
        world.connect(reader, &name).unwrap();
        world.run_for(5_000);
        let mut bytes = Vec::new();
        for (write, ..) in &mine {
            resp::encode_command(&mut bytes, &[b"GET", &write.key[..]]);
        }
        world.send(reader, &bytes).unwrap();
        let mut replies: Vec<Value> = Vec::new();
        for _ in 0..1000 {
            replies.extend(world.take_replies(reader));
            if replies.len() >= mine.len() {
                break;
            }
            world.run_for(10_000);
        }
        assert_eq!(replies.len(), mine.len(), "{name} answers");
        for ((write, status, _), reply) in mine.iter().zip(&replies) {
            // A cluster that lost a whole shard with its disks does not answer.
            if reply.as_error().is_some_and(|error| error.starts_with(b"CLUSTERDOWN")) {
                continue;
            }
            counted += 1;
            let there = reply.as_bytes().is_some();
            let key = String::from_utf8_lossy(&write.key);
            match status {
                Status::Lost | Status::AtRisk(Risk::Stranded) => {
                    assert!(!there, "{key} on {name} is said to be {status:?}: {reply:?}");
                }
                _ => assert!(there, "{key} on {name} is said to be {status:?}: {reply:?}"),
            }
        }
    }
    assert!(counted > 0 || summary.safe + summary.at_risk + summary.lost == 0 || !whole(world));
    assert!(!summary.losses.iter().any(|loss| loss.cause.kind == CauseKind::Unknown), "{summary:#?}");
    summary
}

fn kinds(summary: &Summary) -> BTreeSet<CauseKind> {
    summary.losses.iter().map(|loss| loss.cause.kind).collect()
}

fn power_loss(node: &str) -> Action {
    Fault::PowerLoss { node: node.into(), unsynced: Unsynced::Lost }.now()
}

fn heal_network() -> Action {
    Action::Heal { scope: Scope::Network }
}

fn heal_disk(node: &str) -> Action {
    Action::Heal { scope: Scope::Disk { node: node.into() } }
}

#[test]
fn a_write_goes_from_pending_to_safe() {
    let mut world = cluster(1, "");
    let mut writer = Writer::new(&mut world, "writer", "A1");
    // The first write of a second has its fsync at once.
    writer.write(&mut world, 1);
    world.run_for(100_000);
    writer.write(&mut world, 10);
    while world.ledger_summary().unwrap().pending == 0 {
        world.step().unwrap();
    }
    world.run_for(20_000);
    let summary = world.ledger_summary().unwrap();
    assert_eq!((summary.pending, summary.safe, summary.at_risk), (0, 1, 10), "{summary:?}");
    assert_eq!(summary.risks.get(&Risk::PowerLoss), Some(&10), "{summary:?}");
    world.run_for(3 * SECOND);
    let summary = verify(&mut world);
    assert_eq!((summary.pending, summary.safe, summary.lost), (0, 11, 0), "{summary:?}");
}

#[test]
fn the_ledger_does_not_change_the_run() {
    let run = |ledger: bool| {
        let mut world = World::new(Setup::six_nodes(7)).unwrap();
        world.keep_ledger(ledger);
        world.run_until(15 * SECOND);
        let mut writer = Writer::new(&mut world, "writer", "A1");
        writer.write(&mut world, 50);
        world.run_for(100_000);
        act(&mut world, power_loss("A1"));
        world.run_for(15 * SECOND);
        act(&mut world, Action::Start { node: "A1".into() });
        world.run_for(10 * SECOND);
        world.hash()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn the_asynchronous_window() {
    let mut world = cluster(2, "");
    let mut writer = Writer::new(&mut world, "writer", "A1");
    writer.write(&mut world, 5);
    world.run_for(SECOND);
    act(&mut world, Fault::Cut { link: Link::both("A1", "A2") }.now());
    writer.write(&mut world, 7);
    world.run_for(100_000);
    let summary = world.ledger_summary().unwrap();
    assert_eq!(summary.risks.get(&Risk::Failover), Some(&7), "{summary:?}");
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    let summary = world.ledger_summary().unwrap();
    assert_eq!(summary.risks.get(&Risk::NoOwner), Some(&12), "{summary:?}");
    // The link stays cut: what A1's kernel has would get there after all.
    world.run_for(20 * SECOND);
    let summary = verify(&mut world);
    assert_eq!(summary.risks.get(&Risk::Stranded), Some(&7), "in the files of A1: {summary:?}");
    act(&mut world, heal_network());
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(20 * SECOND);
    let summary = verify(&mut world);
    assert_eq!(
        (summary.lost, kinds(&summary)),
        (7, BTreeSet::from([CauseKind::AsyncReplication])),
        "{summary:#?}"
    );
    assert_eq!(summary.losses[0].writes.len(), 7);
    assert_eq!((&*summary.losses[0].node, &*summary.losses[0].owner), ("A1", "A2"));
}

#[test]
fn a_master_in_the_minority() {
    let mut world = cluster(3, "");
    let mut writer = Writer::new(&mut world, "writer", "A1");
    writer.write(&mut world, 5);
    world.run_for(2 * SECOND);
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let groups = vec![names(&["A1"]), names(&["A2", "B1", "B2", "C1", "C2"])];
    act(&mut world, Fault::Partition { shape: Shape::Groups { groups } }.now());
    for _ in 0..20 {
        writer.write(&mut world, 2);
        world.run_for(SECOND / 5);
    }
    world.run_for(20 * SECOND);
    act(&mut world, heal_network());
    world.run_for(30 * SECOND);
    let summary = verify(&mut world);
    assert_eq!(kinds(&summary), BTreeSet::from([CauseKind::MinorityMaster]), "{summary:#?}");
    assert_eq!(summary.lost, 40, "{summary:#?}");
    assert!(summary.losses[0].cause.text.contains("full resynchronisation with A2"), "{summary:#?}");
}

/// One node alone: writes, ends, comes back.
fn alone_after(conf: &str, before: &[Action], end: Action, between: &[Action]) -> Summary {
    let mut world = World::new(setup(1, conf)).unwrap();
    world.keep_ledger(true);
    world.run_for(SECOND);
    let mut writer = Writer::new(&mut world, "writer", "A1");
    for i in 0..50 {
        if i == 20 {
            before.iter().for_each(|action| act(&mut world, action.clone()));
        }
        writer.write(&mut world, 3);
        world.run_for(50_000);
    }
    act(&mut world, end);
    world.run_for(SECOND);
    between.iter().for_each(|action| act(&mut world, action.clone()));
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(2 * SECOND);
    verify(&mut world)
}

#[test]
fn a_node_alone_loses_what_its_files_lack() {
    let node = || "A1".to_string();
    let kill = || Fault::Kill { node: node() }.now();
    let only = |summary: &Summary, kind| assert_eq!(kinds(summary), BTreeSet::from([kind]), "{summary:#?}");

    let summary = alone_after("appendonly yes\nappendfsync always", &[], power_loss("A1"), &[]);
    assert_eq!((summary.safe, summary.lost), (150, 0), "{summary:#?}");
    let summary = alone_after("appendonly yes", &[], kill(), &[]);
    assert_eq!((summary.safe + summary.at_risk, summary.lost), (150, 0), "{summary:#?}");
    let summary = alone_after("appendonly yes", &[], power_loss("A1"), &[]);
    only(&summary, CauseKind::UnsyncedTail);
    assert!(summary.lost > 0 && summary.safe > 30, "{summary:#?}");

    let torn = || Fault::PowerLoss { node: node(), unsynced: Unsynced::Prefix }.now();
    let summary = alone_after("appendonly yes", &[], torn(), &[]);
    assert!(summary.lost == 0 || kinds(&summary) == BTreeSet::from([CauseKind::TornTail]), "{summary:#?}");

    let on = EioOn { fsync: true, ..EioOn::default() };
    let fail = [Fault::DiskEio { node: node(), on }.now()];
    let heal = [heal_disk("A1")];
    let summary = alone_after("appendonly yes", &fail, power_loss("A1"), &heal);
    only(&summary, CauseKind::FailedFsync);

    let summary = alone_after("appendonly yes", &[], kill(), &[Action::WipeDisk { node: node() }]);
    only(&summary, CauseKind::WipedDisk);
    assert_eq!(summary.lost, 150);

    let summary = alone_after("save \"\"", &[], kill(), &[]);
    only(&summary, CauseKind::NoFiles);
    assert_eq!(summary.lost, 150);

    let lies = [Fault::FsyncLies { node: node() }.now()];
    only(&alone_after("appendonly yes", &lies, power_loss("A1"), &heal), CauseKind::LyingDisk);

    let stall = [Fault::DiskStall { node: node() }.now()];
    let summary = alone_after("appendonly yes", &stall, kill(), &heal);
    only(&summary, CauseKind::Unwritten);
}

#[test]
fn a_snapshot_keeps_what_came_before_it() {
    let mut world = World::new(setup(1, "save 1 1")).unwrap();
    world.keep_ledger(true);
    world.run_for(SECOND);
    let mut writer = Writer::new(&mut world, "writer", "A1");
    writer.write(&mut world, 10);
    world.run_for(5 * SECOND);
    assert_eq!(verify(&mut world).safe, 10);
    writer.write(&mut world, 4);
    world.run_for(20_000);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(2 * SECOND);
    let summary = verify(&mut world);
    assert_eq!((summary.safe, summary.lost), (10, 4), "{summary:#?}");
    assert_eq!(kinds(&summary), BTreeSet::from([CauseKind::OldSnapshot]), "{summary:#?}");
}

#[test]
fn the_ribbon_and_the_lists_say_what_is_said_of_every_write() {
    let mut world = cluster(3, "appendfsync always\n");
    assert_eq!(world.ledger_ribbon(10, SECOND).unwrap().ticks, []);
    let mut writers: Vec<Writer> =
        ["A1", "B1"].iter().map(|&node| Writer::new(&mut world, &format!("to-{node}"), node)).collect();
    for _ in 0..40 {
        writers.iter_mut().for_each(|writer| writer.write(&mut world, 5));
        world.run_for(20_000);
    }
    // From here on what A1 takes is on no replica.
    act(&mut world, Fault::Cut { link: Link::both("A1", "A2") }.now());
    for _ in 0..4 {
        writers[0].write(&mut world, 5);
        world.run_for(20_000);
    }
    let summary = world.ledger_summary().unwrap();
    assert_eq!((summary.safe, summary.at_risk), (400, 20), "{summary:#?}");
    let (counts, lost) = (world.ledger_counts().unwrap(), summary.losses.len());
    assert_eq!((counts.safe, counts.at_risk, counts.risks, lost), (400, 20, summary.risks.clone(), 0));
    let one = world.ledger_ribbon(1000, 10 * SECOND).unwrap();
    assert_eq!((one.each, one.ticks.len()), (1, 420));
    let at_risk = |ticks: &[Status]| ticks.iter().filter(|s| matches!(s, Status::AtRisk(_))).count();
    assert_eq!((at_risk(&one.ticks), at_risk(&one.ticks[400..])), (20, 20), "the newest at the end");
    // 420 writes in 100 ticks: eight each, the newest tick with the four that are left over.
    let eight = world.ledger_ribbon(100, 10 * SECOND).unwrap();
    assert_eq!((eight.each, eight.ticks.len(), at_risk(&eight.ticks)), (8, 53, 3));
    let newest = world.ledger_ribbon(7, 0).unwrap();
    assert!(newest.each == 1 && newest.ticks.len() == 7 && at_risk(&newest.ticks) == 7, "{newest:?}");

    let entries = world.ledger_entries(|status| matches!(status, Status::AtRisk(_)), 12);
    assert_eq!(entries.len(), 12);
    assert!(entries.windows(2).all(|pair| pair[0].write.at_us >= pair[1].write.at_us), "newest first");
    let all = world.ledger_writes();
    for entry in &entries {
        assert!(all.iter().any(|(write, status, _)| *write == entry.write && *status == entry.status));
        assert_eq!((entry.owner.as_deref(), &entry.cause), (Some("A1"), &None));
        assert!(entry.held.iter().all(|(node, _)| node == "A1") && !entry.held.is_empty(), "{entry:?}");
    }
    // They are lost with their master's disk, and the list has the cause of the summary.
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    act(&mut world, Action::WipeDisk { node: "A1".into() });
    world.run_for(20 * SECOND);
    let summary = world.ledger_summary().unwrap();
    assert_eq!(summary.lost, 20, "{summary:#?}");
    let lost = world.ledger_entries(|status| status == Status::Lost, 100);
    assert_eq!(lost.len(), 20);
    assert!(lost.iter().all(|e| e.held.is_empty() && e.cause.as_ref() == Some(&summary.losses[0].cause)));
}

const NAMES: [&str; 6] = ["A1", "B1", "C1", "A2", "B2", "C2"];

fn random_fault(rng: &mut Rng, always: bool) -> Action {
    let mut pick = |n: u64| rng.below(n);
    let node = NAMES[pick(6) as usize].to_string();
    let other = NAMES[pick(6) as usize].to_string();
    let link = Link::both(&node, &other);
    let fault = match pick(24) {
        0 | 1 => Fault::Kill { node },
        2 | 3 => Fault::PowerLoss { node, unsynced: Unsynced::Lost },
        4 => Fault::PowerLoss { node, unsynced: Unsynced::Prefix },
        5 => Fault::Shutdown { node },
        6..9 => return Action::Start { node },
        9 => Fault::Pause { node },
        10 => return Action::Resume { node },
        11 => Fault::Cut { link },
        12 | 13 => {
            let mut groups = vec![Vec::new(), Vec::new()];
            NAMES.iter().for_each(|name| groups[pick(2) as usize].push(name.to_string()));
            Fault::Partition { shape: Shape::Groups { groups } }
        }
        14 => return heal_network(),
        15 => {
            let min_us = pick(200_000);
            Fault::Latency { link, delay: Delay::Uniform { min_us, max_us: min_us + pick(50_000) } }
        }
        16 => Fault::DiskSlow { node, factor: pick(200) as u32 },
        17 => Fault::DiskStall { node },
        18 => return heal_disk(&node),
        19 => Fault::DiskFull { node, free_bytes: pick(20_000) },
        20 => {
            let on = EioOn { write: pick(2) == 0, fsync: always && pick(2) == 0, ..EioOn::default() };
            Fault::DiskEio { node, on }
        }
        21 => Fault::FsyncLies { node },
        22 => Fault::LostRename { node },
        _ => return Action::WipeDisk { node },
    };
    fault.now()
}

fn heal(world: &mut World) {
    act(world, Action::Heal { scope: Scope::Everything });
    for name in NAMES {
        if world.view().nodes.iter().any(|n| n.name == name && !n.process.has_process()) {
            act(world, Action::Start { node: name.to_string() });
        }
    }
}

/// Random faults under load; gives what was lost by cause.
fn random_run(seed: u64) -> Vec<(CauseKind, u64)> {
    let mut rng = Rng::new(seed ^ 0x1ed6e4);
    let always = rng.below(3) == 0;
    let conf = match rng.below(4) {
        _ if always => "appendfsync always\n",
        0 => "appendonly no\nsave 5 1\n",
        _ => "",
    };
    let mut world = cluster(seed, conf);
    let mut writers: Vec<Writer> =
        NAMES.iter().map(|name| Writer::new(&mut world, &format!("writer-{name}"), name)).collect();
    let mut lost = Vec::new();
    for _ in 0..3 {
        for _ in 0..20 {
            for _ in 0..rng.below(3) {
                let _ = world.act(random_fault(&mut rng, always));
            }
            for writer in &mut writers {
                if world.client_ended(writer.client).is_some() || rng.below(8) == 0 {
                    let _ = world.connect(writer.client, &writer.node);
                    world.run_for(5_000);
                }
                writer.write(&mut world, rng.below(6) as u32);
            }
            world.run_for(rng.below(SECOND));
        }
        for _ in 0..120 {
            heal(&mut world);
            world.run_for(SECOND);
        }
        let summary = verify(&mut world);
        assert_eq!(summary.pending, 0);
        lost = summary.losses.iter().map(|loss| (loss.cause.kind, loss.count)).collect();
    }
    lost
}

#[test]
fn the_ledger_is_right_after_random_faults() {
    let range = std::env::var("VITRINE_SEEDS").unwrap_or_else(|_| "0..6".to_string());
    let (from, to) = range.split_once("..").unwrap();
    let mut all = std::collections::BTreeMap::new();
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        let caught = std::panic::catch_unwind(|| random_run(seed));
        let lost = caught.unwrap_or_else(|_| panic!("seed {seed}"));
        lost.into_iter().for_each(|(kind, count)| *all.entry(kind).or_insert(0) += count);
    }
    println!("{all:?}");
}

/// What a workload's clients write is judged like everybody's.
#[test]
fn the_writes_of_a_workload_are_in_the_ledger() {
    let mut world = cluster(31, "");
    let workload = Workload { read_percent: 0, clients: 5, ..Workload::default() };
    world.start_workload("load", workload).unwrap();
    world.run_for(5 * SECOND);
    world.stop_workload("load").unwrap();
    world.run_for(5 * SECOND);
    let written = world.workload_stats("load").unwrap().run.ok;
    let summary = world.ledger_summary().unwrap();
    assert!(written > 100);
    assert_eq!((summary.pending, summary.safe, summary.at_risk, summary.lost), (0, written, 0, 0));

    world.start_workload("load", Workload { clients: 5, ..Workload::default() }).unwrap();
    act(&mut world, Fault::Cut { link: Link::both("A1", "A2") }.now());
    world.run_for(SECOND);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    world.stop_workload("load").unwrap();
    world.run_for(20 * SECOND);
    act(&mut world, Action::Heal { scope: Scope::Everything });
    world.run_for(20 * SECOND);
    let summary = world.ledger_summary().unwrap();
    assert!(summary.lost > 0, "{summary:#?}");
    assert_eq!(kinds(&summary), BTreeSet::from([CauseKind::AsyncReplication]), "{summary:#?}");
}

/// A master A1 and its replica B1 outside of cluster mode, with a password, under a load of writes for three seconds.
fn plain(conf: &str) -> World {
    let mut setup = Setup::six_nodes(1);
    setup.formation = None;
    setup.nodes.truncate(2);
    for (node, follows) in setup.nodes.iter_mut().zip(["", "replicaof 10.0.0.1 6379"]) {
        node.conf = format!("port 6379\nrequirepass x\nmasterauth x\n{conf}\n{follows}\n");
    }
    let mut world = World::new(setup).unwrap();
    world.keep_ledger(true);
    world.run_for(10 * SECOND);
    let workload = Workload { read_percent: 0, clients: 5, password: "x".into(), ..Workload::default() };
    world.start_workload("load", workload).unwrap();
    world.run_for(3 * SECOND);
    world
}

/// Ends the load of such a world and waits for what it wrote to be synced. Gives how many writes were acknowledged.
fn acknowledged(world: &mut World) -> u64 {
    world.stop_workload("load").unwrap();
    world.run_for(5 * SECOND);
    world.workload_stats("load").unwrap().run.ok
}

fn replicaof(world: &mut World, node: &str, master: &str) {
    let terminal = world.terminal(Target::Node(node.into())).unwrap();
    say(world, terminal, "AUTH x");
    assert_eq!(say_one(world, terminal, &format!("REPLICAOF {master}")), "OK");
}

#[test]
fn outside_of_a_cluster_what_a_workload_wrote_is_safe_or_lost_with_its_master() {
    let mut world = plain("appendonly yes");
    let written = acknowledged(&mut world);
    let summary = world.ledger_summary().unwrap();
    assert!(written > 2_500);
    assert_eq!((summary.pending, summary.safe, summary.at_risk, summary.lost), (0, written, 0, 0));
    act(&mut world, power_loss("A1"));
    let summary = world.ledger_summary().unwrap();
    assert_eq!(summary.risks, [(Risk::NoOwner, written)].into(), "a replica is no owner");
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(10 * SECOND);
    let summary = world.ledger_summary().unwrap();
    assert_eq!((summary.safe, summary.lost), (written, 0), "{summary:#?}");

    // Power goes while clients write, and the replica takes over what its master comes back with.
    let cases = [
        ("appendonly yes\nappendfsync always", None),
        ("appendonly yes", Some(CauseKind::UnsyncedTail)),
        ("save \"\"", Some(CauseKind::NoFiles)),
    ];
    for (conf, cause) in cases {
        let mut world = plain(conf);
        act(&mut world, power_loss("A1"));
        let written = acknowledged(&mut world);
        act(&mut world, Action::Start { node: "A1".into() });
        world.run_for(20 * SECOND);
        let summary = world.ledger_summary().unwrap();
        assert_eq!(kinds(&summary), cause.into_iter().collect(), "{conf}: {summary:#?}");
        assert_eq!((summary.safe + summary.lost, summary.at_risk), (written, 0), "{conf}: {summary:#?}");
        assert!(summary.lost < written || cause == Some(CauseKind::NoFiles), "{conf}: {summary:#?}");
    }
}

#[test]
fn outside_of_a_cluster_the_owner_is_whoever_replaced_the_master() {
    let mut world = plain("save \"\"");
    // The last of what A1 acknowledges never gets to B1.
    act(&mut world, Fault::Cut { link: Link::both("A1", "B1") }.now());
    world.run_for(SECOND / 2);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    act(&mut world, heal_network());
    replicaof(&mut world, "B1", "NO ONE");
    world.run_for(5 * SECOND);
    let written = acknowledged(&mut world);
    let judged = |world: &World| {
        let summary = world.ledger_summary().unwrap();
        assert_eq!(kinds(&summary), BTreeSet::from([CauseKind::AsyncReplication]), "{summary:#?}");
        assert!((100..1_000).contains(&summary.lost), "{summary:#?}");
        assert_eq!(summary.lost + summary.at_risk, written, "{summary:#?}");
        summary.risks
    };
    let held = judged(&world);
    assert_eq!(held.keys().collect::<Vec<_>>(), [&Risk::PowerLoss], "B1 has it in its memory alone");
    // A1 comes back, an empty master: B1's data does not give way to that.
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(5 * SECOND);
    assert_eq!(judged(&world), held);
    replicaof(&mut world, "A1", "10.0.0.2 6379");
    world.run_for(20 * SECOND);
    assert_eq!(judged(&world), held);
}
