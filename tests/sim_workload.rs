//! Many clients at once, and processors that take time: what workloads do, measure and remember. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use std::collections::{BTreeMap, BTreeSet};
use vitrine_core::cost::CpuCosts;
use vitrine_core::sim::workload::draw::Op;
use vitrine_core::sim::workload::history::{OpRecord, Outcome, Seen};
use vitrine_core::sim::workload::traffic::Way;
use vitrine_core::sim::workload::{Distribution, Keys, Mix, Pace, Sizes, Wait, Workload};
use vitrine_core::sim::{Action, Fault, Scope, Setup, Shape, Target, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn formed(setup: Setup) -> World {
    let mut world = World::new(setup).unwrap();
    while world.formation().is_some_and(|f| f.done_at_us.is_none()) {
        world.run_for(SECOND / 10);
        assert!(world.now_us() < 120 * SECOND, "{:?}", world.formation());
    }
    world.record_history(true);
    world
}

fn six() -> World {
    formed(Setup::six_nodes(1))
}

fn every_kind() -> Workload {
    Workload {
        clients: 20,
        pace: Pace::Open { per_second: 500 },
        keys: Keys {
            count: 200,
            prefix: "p:".into(),
            distribution: Distribution::Zipf { exponent_milli: 990 },
        },
        values: Sizes::LongTail { min: 20, max: 2000 },
        mix: Mix {
            strings: 3,
            counters: 1,
            lists: 1,
            hashes: 1,
            sets: 1,
            multi_keys: 1,
            transactions: 1,
            publish: 1,
            shard_publish: 1,
        },
        read_percent: 40,
        subscribers: 4,
        channels: 4,
        ..Workload::default()
    }
}

#[test]
fn every_kind_of_operation_ends_well_in_a_whole_cluster() {
    let mut world = six();
    world.start_workload("app", every_kind()).unwrap();
    world.run_for(5 * SECOND);
    world.stop_workload("app").unwrap();
    world.run_for(SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(!stats.running && stats.pending == 0);
    assert!((2200..2800).contains(&stats.begun), "{}", stats.begun);
    assert_eq!(
        (stats.run.ok, stats.run.errors, stats.run.unknown),
        (stats.begun, 0, 0),
        "{:?}",
        stats.errors
    );
    assert!(stats.messages > 100, "subscribers hear {}", stats.messages);
    assert!(stats.run.latency.p50_us > 400 && stats.run.latency.p99_us < 5000, "{:?}", stats.run.latency);
    let history = world.take_history();
    assert_eq!((history.operations.len() as u64, history.lost), (stats.begun, 0));
    let mut kinds: BTreeMap<Op, u32> = BTreeMap::new();
    for op in &history.operations {
        assert!(op.completed_us > op.invoked_us);
        *kinds.entry(op.op).or_default() += 1;
    }
    assert_eq!(kinds.len(), 18, "{kinds:?}");
    // Without faults a read sees the last write that was acknowledged before it began, or a later one.
    let mut last: BTreeMap<&str, (u64, Vec<_>)> = BTreeMap::new();
    for op in &history.operations {
        if op.op == Op::Set {
            last.entry(&op.key).or_default().1.push((op.invoked_us, op.completed_us, op.id));
        }
    }
    let mut checked = 0;
    for op in history.operations.iter().filter(|op| op.op == Op::Get) {
        let Outcome::Ok(Seen::Value(Some(seen))) = &op.outcome else { continue };
        let writes = &last[&*op.key].1;
        let (_, seen_ended, _) = writes.iter().find(|w| w.2 == *seen).expect("somebody wrote it");
        let overwritten = writes.iter().any(|w| w.0 > *seen_ended && w.1 < op.invoked_us);
        assert!(!overwritten, "{op:?}");
        checked += 1;
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn a_workload_is_the_same_every_time_and_watching_it_changes_nothing() {
    let run = |history: bool| {
        let mut world = World::new(Setup::six_nodes(3)).unwrap();
        world.record_history(history);
        world.run_for(9 * SECOND);
        world.start_workload("app", every_kind()).unwrap();
        world.run_for(2 * SECOND);
        act(&mut world, Fault::Kill { node: "A1".into() }.now());
        world.run_for(2 * SECOND);
        let copy = world.clone();
        world.run_for(SECOND);
        (world.hash(), world.workload_stats("app").unwrap(), copy)
    };
    let ((hash, stats, mut copy), (other_hash, other_stats, _)) = (run(true), run(false));
    assert_eq!((hash, &stats), (other_hash, &other_stats));
    copy.run_for(SECOND);
    assert_eq!((copy.hash(), copy.workload_stats("app").unwrap()), (hash, stats), "a clone is a checkpoint");
    let mut again = World::new(copy.setup().clone()).unwrap();
    again.replay(copy.actions().iter()).unwrap();
    again.run_until(copy.now_us());
    assert_eq!(again.hash(), hash, "a run is its setup and its actions");
}

#[test]
fn clients_get_over_a_failover() {
    let mut world = six();
    let workload = Workload {
        clients: 30,
        pace: Pace::Closed { think_us: 10_000 },
        read_percent: 50,
        retries_max: 100,
        ..Workload::default()
    };
    world.start_workload("app", workload).unwrap();
    world.run_for(2 * SECOND);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    world.run_for(15 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert_eq!(stats.window.errors + stats.window.unknown, 0, "it is over: {stats:?}");
    assert!(stats.window.ok > 10_000, "{:?}", stats.window);
    assert!(
        stats.retried.contains_key("CLUSTERDOWN") || stats.retried.contains_key("unreachable"),
        "{stats:?}"
    );
    assert!(stats.run.unknown <= 30, "no more than what was under way: {:?}", stats.errors);
    assert!(
        stats.run.latency.max_us > 4 * SECOND,
        "somebody waited for the election: {:?}",
        stats.run.latency
    );
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(10 * SECOND);
    let terminal = world.terminal(Target::Node("A1".into())).unwrap();
    assert_eq!(say_one(&mut world, terminal, "CLUSTER FAILOVER"), "OK");
    world.run_for(3 * SECOND);
    let after = world.workload_stats("app").unwrap();
    assert!(after.retried.get("MOVED").is_some_and(|n| *n > 0), "{:?}", after.retried);
    assert_eq!(after.run.unknown, stats.run.unknown, "a failover by hand loses nothing: {:?}", after.errors);
}

#[test]
fn asking_is_followed_too() {
    let mut world = six();
    let terminal = |world: &mut World, node: &str| world.terminal(Target::Node(node.into())).unwrap();
    let (a, b) = (terminal(&mut world, "A1"), terminal(&mut world, "B1"));
    let id =
        |world: &mut World, terminal| say_one(world, terminal, "CLUSTER MYID").trim_matches('"').to_string();
    let (a_id, b_id) = (id(&mut world, a), id(&mut world, b));
    assert_eq!(say_one(&mut world, b, &format!("CLUSTER SETSLOT 77 IMPORTING {a_id}")), "OK");
    assert_eq!(say_one(&mut world, a, &format!("CLUSTER SETSLOT 77 MIGRATING {b_id}")), "OK");
    let hot = Distribution::HotSlot { slot: 77, percent: 100 };
    let workload = Workload {
        keys: Keys { count: 50, prefix: String::new(), distribution: hot },
        operations_max: 400,
        ..Workload::default()
    };
    world.start_workload("app", workload).unwrap();
    world.run_for(3 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(!stats.running, "it has an end");
    assert_eq!((stats.begun, stats.run.ok), (400, 400), "{:?}", stats.errors);
    assert!(stats.retried["ASK"] > 300, "{:?}", stats.retried);
    assert_eq!(say_one(&mut world, a, "CLUSTER COUNTKEYSINSLOT 77"), "(integer) 0");
    assert_ne!(say_one(&mut world, b, "CLUSTER COUNTKEYSINSLOT 77"), "(integer) 0");
}

#[test]
fn replicas_are_read_and_waited_for() {
    let mut world = six();
    let workload = Workload {
        read_from_replicas: true,
        wait: Some(Wait { replicas: 1, timeout_ms: 100 }),
        pipeline: 4,
        pace: Pace::Closed { think_us: 1000 },
        ..Workload::default()
    };
    world.start_workload("app", workload).unwrap();
    world.run_for(3 * SECOND);
    let history = world.take_history();
    let stats = world.workload_stats("app").unwrap();
    assert_eq!((stats.run.errors, stats.run.unknown), (0, 0), "{:?}", stats.errors);
    let at = |port: &str| {
        history.operations.iter().filter(|op| op.node.as_deref().unwrap().ends_with(port)).count()
    };
    let writes: Vec<_> = history.operations.iter().filter(|op| op.op == Op::Set).collect();
    assert!(writes.len() > 1000 && writes.iter().all(|op| op.replicas == Some(1)));
    for replica in ["7004", "7005", "7006"] {
        assert!(at(replica) > 300, "{replica} is read {} times", at(replica));
    }
    // Without its replica a write is acknowledged by nobody else, and the client waits for nothing.
    act(&mut world, Fault::Kill { node: "A2".into() }.now());
    world.run_for(3 * SECOND);
    let alone = world.take_history().operations.into_iter().filter(|op| op.replicas == Some(0)).count();
    assert!(alone > 10, "{alone}");
}

/// The longest latency of writes to each master, while SAVE runs on a node.
fn stalls(node: &str) -> BTreeMap<String, u64> {
    let mut world = six();
    let load = Workload {
        keys: Keys { count: 30_000, ..Keys::default() },
        read_percent: 0,
        operations_max: 60_000,
        pace: Pace::Open { per_second: 30_000 },
        clients: 50,
        ..Workload::default()
    };
    world.start_workload("load", load).unwrap();
    world.run_for(4 * SECOND);
    world.take_history();
    let app = Workload {
        pace: Pace::Open { per_second: 2000 },
        clients: 100,
        read_percent: 0,
        ..Workload::default()
    };
    world.start_workload("app", app).unwrap();
    world.run_for(SECOND);
    let terminal = world.terminal(Target::Node(node.into())).unwrap();
    world.take_history();
    world.type_line(terminal, "SAVE").unwrap();
    world.run_for(SECOND);
    let printed = world.take_terminal_output(terminal);
    assert!(printed.iter().any(|line| line.text == "OK"), "{printed:?}");
    let mut longest: BTreeMap<String, u64> = BTreeMap::new();
    for op in world.take_history().operations {
        assert!(matches!(op.outcome, Outcome::Ok(_)), "{op:?}");
        let longest = longest.entry(op.node.unwrap().rsplit(':').next().unwrap().to_string()).or_default();
        *longest = (*longest).max(op.completed_us - op.invoked_us);
    }
    longest
}

#[test]
fn save_on_a_master_keeps_its_clients_waiting_and_on_a_replica_it_does_not() {
    // Some 9,000 keys a shard, at less than a microsecond each.
    let master = stalls("A1");
    assert!(master["7001"] > 5_000, "{master:?}");
    assert!(master["7002"] < 3_000 && master["7003"] < 3_000, "{master:?}");
    let replica = stalls("A2");
    assert!(replica.values().all(|longest| *longest < 3_000), "{replica:?}");
}

#[test]
fn a_node_serves_what_its_processor_can() {
    let mut setup = setup(1, "");
    setup.cpu = CpuCosts { command_ns: 200_000, ..CpuCosts::free() };
    let mut world = World::new(setup).unwrap();
    world.run_for(SECOND);
    // A node that is in no cluster has no map to give, so plain connections have to do.
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    for _ in 0..100 {
        world.send(client, &b"PING\r\n".repeat(100)).unwrap();
    }
    let start = world.now_us();
    world.run_for(SECOND);
    let served = world.take_replies(client).len();
    assert!((2000..5010).contains(&served), "no more than 5,000 in a second, and {served} were");
    world.run_for(2 * SECOND);
    assert_eq!(world.take_replies(client).len(), 10_000 - served);
    let terminal = node_terminal(&mut world);
    let text = say_one(&mut world, terminal, "INFO commandstats");
    assert!(text.contains("cmdstat_ping:calls=10000,usec=2000000,usec_per_call=200.00"), "{text}");
    assert_eq!(say_one(&mut world, terminal, "CONFIG SET slowlog-log-slower-than 100"), "OK");
    say(&mut world, terminal, "GET key");
    assert!(
        say_one(&mut world, terminal, "SLOWLOG GET 1").contains("(integer) 200\n"),
        "it is in the slow log"
    );
    assert!(world.now_us() > start);
}

#[test]
fn what_a_killed_node_was_doing_is_not_done() {
    let mut setup = setup(1, "appendonly yes\nappendfsync always");
    setup.cpu = CpuCosts { command_ns: 1_000_000, ..CpuCosts::free() };
    let mut world = World::new(setup).unwrap();
    world.run_for(SECOND);
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    world.send(client, &b"RPUSH list a\r\n".repeat(100)).unwrap();
    world.run_for(50_000);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    world.run_for(SECOND);
    assert!(world.take_replies(client).is_empty());
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(SECOND);
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "LLEN list"), "(integer) 0");
    // One that is stopped in the middle goes on where it was.
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    world.send(client, &b"RPUSH list a\r\n".repeat(100)).unwrap();
    world.run_for(50_000);
    act(&mut world, Fault::Pause { node: "A1".into() }.now());
    world.run_for(10 * SECOND);
    assert!(world.take_replies(client).is_empty());
    act(&mut world, Action::Resume { node: "A1".into() });
    world.run_for(SECOND);
    assert_eq!(world.take_replies(client).len(), 100);
}

#[test]
fn names_seeds_and_numbers_are_checked() {
    let mut world = six();
    let refused = |world: &mut World, name: &str, change: fn(&mut Workload)| {
        let mut workload = Workload::default();
        change(&mut workload);
        world.start_workload(name, workload).unwrap_err()
    };
    assert!(refused(&mut world, "A1", |_| ()).contains("another name"));
    assert!(refused(&mut world, "", |_| ()).contains("1 to 64 bytes"));
    assert!(refused(&mut world, "app", |w| w.clients = 0).contains("clients"));
    assert!(refused(&mut world, "app", |w| w.seeds = vec!["Z9".into()]).contains("Z9"));
    assert!(world.stop_workload("app").is_err());
    world.start_workload("app", Workload { seeds: vec!["B2".into()], ..Workload::default() }).unwrap();
    assert!(refused(&mut world, "app", |_| ()).contains("is running"));
    world.run_for(SECOND);
    world.stop_workload("app").unwrap();
    world.run_for(SECOND);
    assert!(world.stop_workload("app").is_err());
    let first = world.workload_stats("app").unwrap();
    world.start_workload("app", Workload::default()).unwrap();
    world.start_workload("other", Workload { clients: 100, ..Workload::default() }).unwrap();
    world.run_for(2 * SECOND);
    let (app, other) = (world.workload_stats("app").unwrap(), world.workload_stats("other").unwrap());
    assert!(first.run.ok > 800 && app.run.ok > 1800 && other.run.ok > 1800);
    assert_eq!(world.workload_totals().run.ok, app.run.ok + other.run.ok);
    assert_eq!(world.workloads(), ["app", "other"]);
    // A host of clients that is cut off reaches nobody, and comes back.
    let nodes: Vec<String> = ["A1", "B1", "C1", "A2", "B2", "C2"].map(String::from).to_vec();
    act(
        &mut world,
        Fault::Partition { shape: Shape::Groups { groups: vec![vec!["app".into()], nodes] } }.now(),
    );
    world.run_for(5 * SECOND);
    let cut = world.workload_stats("app").unwrap();
    assert!(cut.errors.contains_key("timeout") && cut.window.ok < 10_000, "{:?}", cut.errors);
    act(&mut world, Action::Heal { scope: Scope::Network });
    world.run_for(30 * SECOND);
    let healed = world.workload_stats("app").unwrap();
    assert!(healed.window.ok > 8_500 && healed.window.errors == 0, "{:?}", healed.window);
}

/// Who edits the seeds of a workload because a node does not answer has operations under way to that very node.
#[test]
fn a_stopped_workload_begins_again_before_its_operations_are_over() {
    let mut world = six();
    world.record_history(true);
    let seeds = |names: [&str; 2]| names.map(String::from).to_vec();
    let writes = |seeds| Workload { seeds, read_percent: 0, timeout_ms: 3_600_000, ..Workload::default() };
    let first = world.start_workload("app", writes(seeds(["A1", "B1"]))).unwrap();
    world.run_for(SECOND);
    act(&mut world, Fault::Pause { node: "A1".into() }.now());
    world.run_for(SECOND);
    world.stop_workload("app").unwrap();
    world.run_for(SECOND);
    let waiting = world.workload_stats("app").unwrap();
    assert!(waiting.running && waiting.pending > 0, "{waiting:?}");

    let again = world.start_workload("app", writes(seeds(["B1", "C1"]))).unwrap();
    assert_eq!((again, world.traffic()[0].seeds.clone()), (first, seeds(["B1", "C1"])));
    assert!(world.stop_workload("app").is_ok() && world.pending_operations().is_empty());
    world.start_workload("app", writes(seeds(["B1", "C1"]))).unwrap();
    act(&mut world, Action::Resume { node: "A1".into() });
    world.run_for(5 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok > 4_000 && stats.errors.is_empty(), "{stats:?}");
    // What was sent and not answered may have been executed: it ended as unknown, and A1 has executed it since.
    let history = world.take_history();
    let unknown = |op: &&OpRecord| matches!(&op.outcome, Outcome::Unknown(why) if &**why == "stopped");
    assert_eq!(history.operations.iter().filter(unknown).count() as u64, waiting.pending);
    // Every write of the run has its own number.
    let ids: BTreeSet<_> = history.operations.iter().map(|op| op.id).collect();
    assert_eq!((ids.len(), history.lost), (history.operations.len(), 0));
}

/// For the drawing of clients: whom they ask, who sends them elsewhere, who does not answer, each for a second.
#[test]
fn a_drawing_of_the_clients_follows_what_happens() {
    let mut world = six();
    assert!(world.traffic().is_empty());
    let seeds = vec!["A1".to_owned()];
    world.start_workload("app", Workload { seeds: seeds.clone(), ..Workload::default() }).unwrap();
    world.run_for(3 * SECOND);
    let app = world.traffic().remove(0);
    assert_eq!((app.name.as_str(), app.clients, &app.seeds, app.running), ("app", 10, &seeds, true));
    assert_eq!(world.name_of_host(app.host), "app");
    assert!((800..1200).contains(&app.per_second), "{app:?}");
    let newest = app.newest.unwrap();
    assert!(newest.command.starts_with("SET ") || newest.command.starts_with("GET "), "{newest:?}");
    assert!((1..100_000).contains(&newest.latency_us) && newest.error.is_empty(), "{newest:?}");
    // The masters alone are asked, and no one sends a client away.
    let ways: Vec<(&str, Way)> = app.talks.iter().map(|t| (&*t.addr, t.way)).collect();
    assert_eq!(ways.len(), 3, "{ways:?}");
    assert!(ways.iter().all(|(_, way)| *way == Way::Asked), "{ways:?}");

    // Its replica takes A1's place: A1 sends to it who has not heard of that.
    let replica = world.terminal(Target::Node("A2".into())).unwrap();
    world.type_line(replica, "CLUSTER FAILOVER").unwrap();
    let moved = |world: &World| world.traffic()[0].talks.iter().any(|t| t.way == Way::Moved);
    let mut seen = false;
    for _ in 0..200 {
        world.run_for(SECOND / 20);
        seen |= moved(&world);
    }
    assert!(seen, "nobody was sent on by MOVED");
    assert!(!moved(&world), "that is long ago");

    world.act(Fault::PowerLoss { node: "B1".into(), unsynced: Default::default() }.now()).unwrap();
    world.run_for(3 * SECOND / 2);
    let app = world.traffic().remove(0);
    let silent: Vec<&str> = app.talks.iter().filter(|t| t.way == Way::Silent).map(|t| &*t.addr).collect();
    assert_eq!(silent, ["10.0.0.2:7002"], "{:?}", app.talks);
    world.stop_workload("app").unwrap();
    world.run_for(5 * SECOND);
    let app = world.traffic().remove(0);
    assert!(!app.running && app.per_second == 0 && app.talks.is_empty(), "{app:?}");
}

const PASSWORD: &str = "abc123";

/// A master and its replica outside of cluster mode, both with a password, and with more lines for both.
fn plain(conf: &str) -> World {
    let mut setup = Setup::six_nodes(1);
    setup.formation = None;
    setup.nodes.truncate(2);
    let follows = ["", "replicaof redismaster 6379"];
    for (node, (name, follows)) in
        setup.nodes.iter_mut().zip(["redismaster", "redisslave1"].into_iter().zip(follows))
    {
        node.name = name.into();
        node.conf = format!("port 6379\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\n{conf}\n{follows}\n");
    }
    let mut world = World::new(setup).unwrap();
    world.record_history(true);
    world.run_for(10 * SECOND);
    world
}

fn with_password(workload: Workload) -> Workload {
    Workload { password: PASSWORD.into(), ..workload }
}

/// The addresses of the nodes that answered the operations that are wanted.
fn answered_by(history: &[OpRecord], wanted: impl Fn(&OpRecord) -> bool) -> BTreeSet<&str> {
    history.iter().filter(|op| wanted(op)).filter_map(|op| op.node.as_deref()).collect()
}

fn type_with_password(world: &mut World, node: &str, line: &str) -> String {
    let terminal = world.terminal(Target::Node(node.into())).unwrap();
    assert_eq!(say_one(world, terminal, &format!("AUTH {PASSWORD}")), "OK");
    say_one(world, terminal, line)
}

#[test]
fn outside_of_a_cluster_a_master_takes_every_kind_of_operation() {
    let mut world = plain("");
    world.start_workload("app", with_password(every_kind())).unwrap();
    world.run_for(5 * SECOND);
    world.stop_workload("app").unwrap();
    world.run_for(SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!((2200..2800).contains(&stats.begun), "{}", stats.begun);
    let run = (stats.run.ok, stats.run.errors, stats.run.unknown);
    assert_eq!(run, (stats.begun, 0, 0), "{:?}", stats.errors);
    assert!(stats.messages > 100, "subscribers hear {}", stats.messages);
    assert!(stats.retried.is_empty(), "nobody is sent elsewhere: {:?}", stats.retried);
    // Half of the clients have begun at the replica, which follows its master by name.
    let history = world.take_history().operations;
    assert_eq!(answered_by(&history, |_| true), BTreeSet::from(["10.0.0.1:6379"]));
    assert_eq!(history.iter().map(|op| op.op).collect::<BTreeSet<_>>().len(), 18);
}

#[test]
fn a_single_node_outside_of_a_cluster_takes_a_workload() {
    let mut world = alone("");
    // A password that nobody asks for does no harm.
    for (name, password) in [("app", ""), ("keen", PASSWORD)] {
        let workload = Workload {
            wait: Some(Wait { replicas: 1, timeout_ms: 20 }),
            read_from_replicas: true,
            password: password.into(),
            ..every_kind()
        };
        world.start_workload(name, workload).unwrap();
    }
    world.run_for(3 * SECOND);
    for name in ["app", "keen"] {
        let stats = world.workload_stats(name).unwrap();
        assert!(stats.run.ok > 1000 && stats.errors.is_empty(), "{stats:?}");
    }
}

#[test]
fn a_workload_is_told_that_a_password_is_missing_or_wrong() {
    let only = |world: &World, name: &str, kind: &str| {
        let stats = world.workload_stats(name).unwrap();
        let kinds: Vec<&str> = stats.errors.keys().map(String::as_str).collect();
        assert_eq!((stats.run.ok, kinds), (0, vec![kind]), "{name}: {stats:?}");
        assert!(stats.errors[kind] > 100, "{name}: {stats:?}");
    };
    let cases = [("none", "", "NOAUTH"), ("wrong", "abc124", "WRONGPASS")];
    let mut world = plain("");
    let rushed = Workload { timeout_ms: 20, subscribers: 2, ..Workload::default() };
    let eager = Workload { pace: Pace::Closed { think_us: 0 }, ..Workload::default() };
    let start = |world: &mut World, workload: &Workload, kind: &str| {
        for (name, password, _) in cases {
            let workload = Workload { password: password.into(), ..workload.clone() };
            world.start_workload(&format!("{name}-{kind}"), workload).unwrap();
        }
    };
    start(&mut world, &Workload::default(), "usual");
    start(&mut world, &rushed, "rushed");
    start(&mut world, &eager, "eager");
    world.run_for(5 * SECOND);
    for (name, _, code) in cases {
        for kind in ["usual", "rushed", "eager"] {
            only(&world, &format!("{name}-{kind}"), code);
        }
    }
    // In a cluster alike; and with the password all is well there.
    let mut world = six();
    for line in [format!("CONFIG SET masterauth {PASSWORD}"), format!("CONFIG SET requirepass {PASSWORD}")] {
        for node in ["A1", "B1", "C1", "A2", "B2", "C2"] {
            let terminal = world.terminal(Target::Node(node.into())).unwrap();
            assert_eq!(say_one(&mut world, terminal, &line), "OK");
        }
    }
    start(&mut world, &Workload::default(), "usual");
    world.start_workload("app", with_password(every_kind())).unwrap();
    world.run_for(5 * SECOND);
    for (name, _, code) in cases {
        only(&world, &format!("{name}-usual"), code);
    }
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok > 2200 && stats.errors.is_empty() && stats.messages > 100, "{stats:?}");
}

#[test]
fn outside_of_a_cluster_replicas_are_read_and_nothing_more() {
    let mut world = plain("");
    let workload = Workload {
        read_from_replicas: true,
        wait: Some(Wait { replicas: 1, timeout_ms: 100 }),
        ..with_password(every_kind())
    };
    world.start_workload("app", workload).unwrap();
    world.run_for(5 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok > 2200 && stats.errors.is_empty(), "{stats:?}");
    assert!(stats.messages > 100, "those who subscribed at the replica hear {}", stats.messages);
    let history = world.take_history().operations;
    let [master, replica] = ["10.0.0.1:6379", "10.0.0.2:6379"];
    assert_eq!(answered_by(&history, |op| op.op.writes()), BTreeSet::from([master]));
    assert_eq!(answered_by(&history, |op| !op.op.writes()), BTreeSet::from([master, replica]));
    assert!(history.iter().filter(|op| op.op.writes_keys()).all(|op| op.replicas == Some(1)));
    // Without the replica all is read at the master, and a write waits in vain.
    act(&mut world, Fault::Kill { node: "redisslave1".into() }.now());
    world.run_for(5 * SECOND);
    world.take_history();
    world.run_for(5 * SECOND);
    let history = world.take_history().operations;
    assert_eq!(answered_by(&history, |_| true), BTreeSet::from([master]));
    assert!(
        history.iter().all(|op| matches!(op.outcome, Outcome::Ok(_)) && op.replicas.is_none_or(|n| n == 0))
    );
    assert!(history.len() > 1000, "{}", history.len());
}

#[test]
fn outside_of_a_cluster_clients_find_the_replica_that_was_promoted() {
    let lost: [fn(&str) -> Fault; 2] = [
        |node| Fault::Kill { node: node.into() },
        |node| Fault::PowerLoss { node: node.into(), unsynced: Default::default() },
    ];
    for fault in lost {
        let mut world = plain("");
        let workload = Workload { clients: 20, retries_max: 100, ..Workload::default() };
        world.start_workload("app", with_password(workload)).unwrap();
        world.run_for(3 * SECOND);
        act(&mut world, fault("redismaster").now());
        world.run_for(5 * SECOND);
        let down = world.workload_stats("app").unwrap();
        world.run_for(SECOND);
        assert_eq!(world.workload_stats("app").unwrap().run.ok, down.run.ok, "nobody takes writes");
        assert_eq!(type_with_password(&mut world, "redisslave1", "REPLICAOF NO ONE"), "OK");
        world.run_for(20 * SECOND);
        world.take_history();
        world.run_for(SECOND);
        let stats = world.workload_stats("app").unwrap();
        assert!(stats.window.ok > 8_500 && stats.window.errors + stats.window.unknown == 0, "{stats:?}");
        let history = world.take_history().operations;
        assert_eq!(answered_by(&history, |_| true), BTreeSet::from(["10.0.0.2:6379"]));
    }
}

#[test]
fn clients_follow_a_master_that_was_made_a_replica() {
    let mut world = plain("");
    world.start_workload("app", with_password(Workload::default())).unwrap();
    world.run_for(3 * SECOND);
    assert_eq!(type_with_password(&mut world, "redisslave1", "REPLICAOF NO ONE"), "OK");
    assert_eq!(type_with_password(&mut world, "redismaster", "REPLICAOF 10.0.0.2 6379"), "OK");
    world.run_for(15 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.retried["READONLY"] > 0 && stats.errors.is_empty(), "{stats:?}");
    assert!(stats.window.ok > 8_500, "{:?}", stats.window);
}

#[test]
fn replicas_of_replicas_lead_to_their_master_and_a_circle_of_them_leads_nowhere() {
    let mut setup = Setup::six_nodes(1);
    setup.formation = None;
    setup.nodes.truncate(3);
    for (node, follows) in
        setup.nodes.iter_mut().zip(["", "replicaof 10.0.0.1 6379", "replicaof 10.0.0.2 6379"])
    {
        node.conf = format!("port 6379\n{follows}\n");
    }
    let mut world = World::new(setup).unwrap();
    world.run_for(10 * SECOND);
    world.start_workload("app", Workload { seeds: vec!["C1".into()], ..Workload::default() }).unwrap();
    world.run_for(3 * SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok > 2_800 && stats.errors.is_empty(), "{stats:?}");
    world.stop_workload("app").unwrap();
    let a = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, a, "REPLICAOF 10.0.0.3 6379"), "OK");
    world.run_for(SECOND);
    let calls = |world: &mut World| {
        let text = say_one(world, a, "INFO commandstats");
        let calls = text.split("cmdstat_role:calls=").nth(1).unwrap_or("0").split(',').next().unwrap();
        calls.parse::<u64>().unwrap()
    };
    let before = calls(&mut world);
    world.start_workload("app", Workload { clients: 1, ..Workload::default() }).unwrap();
    world.run_for(10 * SECOND);
    let asked = calls(&mut world) - before;
    assert!((10..150).contains(&asked), "A1 is asked {asked} times");
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok == 0 && stats.errors.contains_key("unreachable"), "{stats:?}");
}

#[test]
fn clients_that_never_try_again_wait_for_their_first_map() {
    let mut world = alone("");
    let workload = Workload { retries_max: 0, pace: Pace::Closed { think_us: 0 }, ..Workload::default() };
    world.start_workload("app", workload).unwrap();
    world.run_for(SECOND);
    let stats = world.workload_stats("app").unwrap();
    assert!(stats.run.ok > 1_000 && stats.errors.is_empty(), "{stats:?}");
}
