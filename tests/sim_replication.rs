//! A replica as its clients see it, while it loads what its master sent and after it comes back. Runs natively and in a
//! browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::resp::Value;
use vitrine_core::sim::{Action, Fault, Setup, Target, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A1 and A2, which no cluster joins. Their disks take `disk_us` for each operation.
fn pair_setup(conf: &str, disk_us: u64) -> Setup {
    let mut setup = Setup::six_nodes(1);
    setup.nodes.retain(|node| node.name.starts_with('A'));
    for node in &mut setup.nodes {
        node.conf = format!("port 7001\nsave \"\"\nrepl-diskless-sync-delay 0\n{conf}\n");
    }
    setup.formation = None;
    setup.disk.read_us = disk_us;
    setup.disk.write_us = disk_us;
    setup.disk.fsync_us = disk_us;
    setup
}

fn pair_with(conf: &str, disk_us: u64) -> World {
    let mut world = World::new(pair_setup(conf, disk_us)).unwrap();
    world.run_for(5 * SECOND);
    world
}

/// The pair with slow disks.
fn pair(conf: &str) -> World {
    pair_with(conf, 50_000)
}

/// The pair, A2 following A1, with a terminal on each.
fn following(conf: &str) -> (World, [u32; 2]) {
    let mut world = pair_with(conf, 100);
    let terminals = ["A1", "A2"].map(|name| world.terminal(Target::Node(name.into())).unwrap());
    let master = world.setup().nodes[0].ip.clone();
    assert_eq!(say_one(&mut world, terminals[1], &format!("REPLICAOF {master} 7001")), "OK");
    world.run_for(SECOND / 2);
    assert!(world.node("A2").unwrap().status().master.is_some_and(|master| master.up), "it follows");
    (world, terminals)
}

fn offset(world: &World, name: &str) -> i64 {
    world.node(name).unwrap().status().offset
}

/// Makes A2 a replica of A1 and asks it something every two milliseconds for twenty seconds. How many answers there were, how
/// many of them were `-LOADING`, and the longest time without any, in milliseconds.
fn asked_while_it_follows(world: &mut World) -> (usize, usize, usize) {
    let (master, client) = (world.setup().nodes[0].ip.clone(), world.client("asks").unwrap());
    world.connect(client, "A2").unwrap();
    world.run_for(100_000);
    world.send(client, format!("REPLICAOF {master} 7001\r\n").as_bytes()).unwrap();
    let (mut answers, mut loading, mut silent, mut silent_max) = (0, 0, 0, 0);
    for _ in 0..10_000 {
        world.send(client, b"DBSIZE\r\n").unwrap();
        world.run_for(2000);
        let replies = world.take_replies(client);
        silent = if replies.is_empty() { silent + 2 } else { 0 };
        silent_max = silent.max(silent_max);
        answers += replies.len();
        loading += replies
            .iter()
            .filter(|reply| matches!(reply, Value::Error(text) if text.starts_with(b"LOADING")))
            .count();
    }
    assert!(world.node("A2").unwrap().status().master.is_some_and(|master| master.up), "it follows");
    (answers, loading, silent_max)
}

#[test]
fn a_small_snapshot_is_loaded_before_anybody_is_answered() {
    for conf in ["", "appendonly yes", "repl-diskless-sync no"] {
        let mut world = pair(conf);
        let (answers, loading, silent_max) = asked_while_it_follows(&mut world);
        assert!(answers > 9990, "{conf}: {answers}");
        assert_eq!(
            loading, 0,
            "{conf}: redis-server 7.0.15 looks at no event before it has read two megabytes"
        );
        assert!(silent_max >= 150, "{conf}: fsync, rename and reading keep clients waiting: {silent_max} ms");
    }
}

#[test]
fn a_large_snapshot_is_loaded_with_clients_told_so() {
    let mut world = pair("enable-debug-command yes\nrdbcompression no");
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "DEBUG POPULATE 6 key 1000000"), "OK");
    let (answers, loading, _) = asked_while_it_follows(&mut world);
    assert!(answers > 9990 && loading > 50, "{loading} of {answers}");
}

/// The length of the master's PING in the stream.
const PING: i64 = 14;
/// The length of its question where a replica is.
const GETACK: i64 = 37;

#[test]
fn no_ping_or_question_of_the_master_selects_a_database() {
    let (mut world, _) = following("repl-ping-replica-period 1");
    world.run_for(3 * SECOND);
    let pings = offset(&world, "A1") / PING;
    assert!(pings >= 3 && offset(&world, "A1") == pings * PING, "{} bytes", offset(&world, "A1"));

    let (mut world, [quiet, _]) = following("repl-ping-replica-period 3600");
    world.run_for(5 * SECOND);
    assert_eq!(offset(&world, "A1"), 0, "a history begins without a PING");
    assert_eq!(say_one(&mut world, quiet, "WAIT 2 100"), "(integer) 1");
    assert_eq!(offset(&world, "A1"), GETACK);

    // Not even when the replica comes as early as it can.
    let mut world = World::new(pair_setup("repl-ping-replica-period 3600", 100)).unwrap();
    world.run_for(20_000);
    let replica = world.terminal(Target::Node("A2".into())).unwrap();
    let master = world.setup().nodes[0].ip.clone();
    assert_eq!(say_one(&mut world, replica, &format!("REPLICAOF {master} 7001")), "OK");
    world.run_for(40_000);
    assert!(world.now_us() < 100_000, "before the second cron");
    assert!(world.node("A2").unwrap().status().master.is_some_and(|master| master.up));
    world.run_for(5 * SECOND);
    assert_eq!(offset(&world, "A1"), 0);
}

#[test]
fn a_failover_loses_no_write_and_needs_no_snapshot() {
    let (mut world, [master, replica]) = following("");
    for i in 0..100 {
        assert_eq!(say_one(&mut world, master, &format!("RPUSH list {i}")), format!("(integer) {}", i + 1));
    }
    assert_eq!(say_one(&mut world, master, "FAILOVER"), "OK");
    // A replica acknowledges once a second.
    world.run_for(2 * SECOND);
    let info = say_one(&mut world, master, "INFO replication");
    assert!(info.contains("role:slave") && info.contains("master_failover_state:no-failover"), "{info}");
    assert!(info.contains("master_link_status:up"), "{info}");
    assert_eq!(say_one(&mut world, replica, "LLEN list"), "(integer) 100");
    assert_eq!(say_one(&mut world, replica, "RPUSH list more"), "(integer) 101");
    let stats = say_one(&mut world, replica, "INFO stats");
    assert!(stats.contains("sync_full:0") && stats.contains("sync_partial_ok:1"), "{stats}");
    world.run_for(SECOND);
    assert_eq!(offset(&world, "A1"), offset(&world, "A2"));
}

#[test]
fn a_shutdown_asks_replicas_where_they_are_before_writes_wait() {
    let (mut world, [master, _]) = following("repl-ping-replica-period 3600");
    world.run_for(SECOND);
    say_one(&mut world, master, "SET a 1");
    let written = offset(&world, "A1");
    world.type_line(master, "SHUTDOWN").unwrap();
    world.run_for(3 * SECOND);
    assert!(world.node("A1").is_none(), "the replica has told where it is");
    assert_eq!(offset(&world, "A2"), written + GETACK, "it was asked once");
}

#[test]
fn a_master_that_comes_back_goes_on_with_its_replicas() {
    let (mut world, [master, _]) = following("save 3600 1\nrepl-ping-replica-period 3600");
    say_one(&mut world, master, "SET a 1");
    world.run_for(SECOND);
    say_one(&mut world, master, "SET short 1 PX 1200");
    world.run_for(SECOND);
    let before = offset(&world, "A1");
    act(&mut world, Fault::Shutdown { node: "A1".into() }.now());
    world.run_for(SECOND);
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(5 * SECOND);
    let status = world.node("A1").unwrap().status();
    assert_eq!(status.second_offset, before + 1);
    assert!(status.offset > before, "the key that expired meanwhile is deleted in the stream");
    assert_eq!(status.offset, offset(&world, "A2"));
    let terminal = world.terminal(Target::Node("A1".into())).unwrap();
    let stats = say_one(&mut world, terminal, "INFO stats");
    assert!(stats.contains("sync_full:0") && stats.contains("sync_partial_ok:1"), "{stats}");
    let replica = world.terminal(Target::Node("A2".into())).unwrap();
    assert_eq!(say_one(&mut world, replica, "DBSIZE"), "(integer) 1");
}
