//! A replica as its clients see it, while it loads what its master sent and after it comes back. Runs natively and in a
//! browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::resp::Value;
use vitrine_core::sim::{Setup, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A1 and A2, which no cluster joins. Their disks take 50 ms for each operation.
fn pair(conf: &str) -> World {
    let mut setup = Setup::six_nodes(1);
    setup.nodes.retain(|node| node.name.starts_with('A'));
    for node in &mut setup.nodes {
        node.conf = format!("port 7001\nsave \"\"\nrepl-diskless-sync-delay 0\n{conf}\n");
    }
    setup.formation = None;
    setup.disk.read_us = 50_000;
    setup.disk.write_us = 50_000;
    setup.disk.fsync_us = 50_000;
    let mut world = World::new(setup).unwrap();
    world.run_for(5 * SECOND);
    world
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
