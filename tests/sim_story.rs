//! The story that the page tells, as one test each: six nodes become a cluster, it serves, a master dies and is replaced, comes back
//! as a replica, and the whole survives a loss of power. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::event::{Event, Opinion};
use vitrine_core::sim::view::TapeKind;
use vitrine_core::sim::{Action, Fault, Scope, Setup, Shape, Target, TermKind, Unsynced, World, world};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Six nodes whose cluster is formed.
fn formed(setup: Setup) -> World {
    let mut world = World::new(setup).unwrap();
    world.run_until(30 * SECOND);
    let status = world.formation().unwrap();
    let logs = || {
        world
            .setup()
            .nodes
            .iter()
            .flat_map(|n| world.log_after(&n.name, 0).map(|l| format!("{} {}", n.name, l.text)))
    };
    assert!(status.done_at_us.is_some(), "{status:?}\n{}", logs().collect::<Vec<_>>().join("\n"));
    world
}

fn always(seed: u64) -> Setup {
    let mut setup = Setup::six_nodes(seed);
    for node in &mut setup.nodes {
        node.conf.push_str("appendfsync always\n");
    }
    setup
}

fn cluster_terminal(world: &mut World) -> u32 {
    world.terminal(Target::Cluster).unwrap()
}

/// The lines of CLUSTER NODES of one node.
fn nodes_of(world: &mut World, node: &str) -> Vec<String> {
    let terminal = world.terminal(Target::Node(node.into())).unwrap();
    say_one(world, terminal, "CLUSTER NODES").lines().map(str::to_string).collect()
}

fn line_about(world: &mut World, asked: &str, port: u16) -> String {
    let about = format!(":{port}@");
    nodes_of(world, asked).into_iter().find(|l| l.contains(&about)).unwrap_or_default()
}

/// When node `by` said something for the first time after an instant.
fn first_event(world: &World, by: &str, after_us: u64, want: impl Fn(&Event) -> bool) -> Option<u64> {
    let index = world.node_index(by);
    let mut found = world.tape_after(0).filter(|c| c.node == index && c.at_us >= after_us);
    found.find(|c| matches!(&c.what, TapeKind::Node { event } if want(event))).map(|c| c.at_us)
}

fn id_of(world: &mut World, node: &str) -> String {
    let terminal = world.terminal(Target::Node(node.into())).unwrap();
    say_one(world, terminal, "CLUSTER MYID").trim_matches('"').to_string()
}

#[test]
fn six_nodes_form_a_cluster() {
    let mut world = formed(Setup::six_nodes(1));
    let done = world.formation().unwrap().done_at_us.unwrap();
    assert!(done < 15 * SECOND, "formed after {done} us");
    for node in ["A1", "B1", "C1", "A2", "B2", "C2"] {
        let lines = nodes_of(&mut world, node);
        assert_eq!(lines.len(), 6, "{node}: {lines:#?}");
        assert_eq!(lines.iter().filter(|l| l.contains("slave")).count(), 3, "{node}: {lines:#?}");
        let terminal = world.terminal(Target::Node(node.into())).unwrap();
        let info = say_one(&mut world, terminal, "CLUSTER INFO");
        assert!(
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384"),
            "{node}: {info}"
        );
    }
    let (a1, replica) = (id_of(&mut world, "A1"), line_about(&mut world, "C1", 7004));
    assert!(replica.contains(&format!("slave {a1}")), "A2 replicates A1: {replica}");
    assert!(line_about(&mut world, "B2", 7001).ends_with("connected 0-5460"));
}

#[test]
fn a_cluster_terminal_follows_redirections() {
    let mut world = formed(Setup::six_nodes(2));
    let terminal = cluster_terminal(&mut world);
    assert_eq!(
        say(&mut world, terminal, "SET foo 1"),
        ["-> Redirected to slot [12182] located at 10.0.0.3:7003", "OK"]
    );
    assert_eq!(say(&mut world, terminal, "SET foo 2"), ["OK"]);
    assert_eq!(world.terminal_prompt(terminal), "10.0.0.3:7003> ");
    for i in 0..50 {
        assert_eq!(say(&mut world, terminal, &format!("SET key:{i} {i}")).last().unwrap(), "OK");
    }
    for i in 0..50 {
        assert_eq!(*say(&mut world, terminal, &format!("GET key:{i}")).last().unwrap(), format!("\"{i}\""));
    }
    let one = world.terminal(Target::Node("A1".into())).unwrap();
    assert_eq!(say(&mut world, one, "GET foo"), ["(error) MOVED 12182 10.0.0.3:7003"]);
    world.run_for(2 * SECOND);
    // Every key is on its master and on the master's replica.
    let mut sizes = Vec::new();
    for node in ["A1", "B1", "C1", "A2", "B2", "C2"] {
        let terminal = world.terminal(Target::Node(node.into())).unwrap();
        sizes.push(say_one(&mut world, terminal, "DBSIZE"));
    }
    assert_eq!(sizes[..3], sizes[3..], "{sizes:?}");
}

#[test]
fn a_master_without_power_is_replaced_and_comes_back_as_a_replica() {
    let mut world = formed(always(3));
    let terminal = cluster_terminal(&mut world);
    for i in 0..60 {
        assert_eq!(say(&mut world, terminal, &format!("SET key:{i} {i}")).last().unwrap(), "OK");
    }
    world.run_for(2 * SECOND);
    let a1 = id_of(&mut world, "A1");
    let crash = world.now_us();
    act(&mut world, Fault::PowerLoss { node: "A1".into(), unsynced: Unsynced::Lost }.now());
    world.run_for(30 * SECOND);

    let opinion = |want| {
        let a1 = a1.clone();
        move |e: &Event| matches!(e, Event::Opinion { about, opinion } if *about == a1 && *opinion == want)
    };
    let suspected = first_event(&world, "B1", crash, opinion(Opinion::Suspected)).expect("B1 suspects A1");
    let failed = ["B1", "C1", "A2", "B2", "C2"]
        .iter()
        .filter_map(|n| first_event(&world, n, crash, opinion(Opinion::Failed)))
        .min();
    let failed = failed.expect("somebody agrees");
    let promoted =
        first_event(&world, "A2", crash, |e| matches!(e, Event::Promoted { .. })).expect("A2 is promoted");
    // cluster-node-timeout is 5 s; a PING that is on its way counts from when it was sent, at most half of it later. The
    // election waits 500 ms and up to 500 more (rank 0), then takes some round trips.
    let after = |at: u64| (at - crash) / 1000;
    assert!((4_900..8_100).contains(&after(suspected)), "PFAIL after {} ms", after(suspected));
    assert!(
        failed >= suspected.min(failed) && (4_900..9_500).contains(&after(failed)),
        "FAIL after {} ms",
        after(failed)
    );
    let election = (promoted - failed) / 1000;
    assert!((450..2_000).contains(&election), "promoted {election} ms after FAIL");

    // All keys are there, by any terminal.
    let terminal = cluster_terminal(&mut world);
    for i in 0..60 {
        let said = say(&mut world, terminal, &format!("GET key:{i}"));
        assert!(said.contains(&format!("\"{i}\"")), "{said:?}");
    }
    say(&mut world, terminal, "SET {key:1}new 1");
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(20 * SECOND);
    let a2 = id_of(&mut world, "A2");
    let line = line_about(&mut world, "B1", 7001);
    assert!(line.contains(&format!("slave {a2}")), "A1 follows A2: {line}");
    let (one, two) = (
        world.terminal(Target::Node("A1".into())).unwrap(),
        world.terminal(Target::Node("A2".into())).unwrap(),
    );
    assert!(say_one(&mut world, one, "INFO replication").contains("master_link_status:up"));
    assert_eq!(say_one(&mut world, one, "DBSIZE"), say_one(&mut world, two, "DBSIZE"));
}

#[test]
fn a_cluster_without_power_comes_back_from_its_durable_files() {
    let setup = always(4);
    let mut world = World::new(setup.clone()).unwrap();
    let mut mirror = world.durable_images();
    world.record_durable_changes(true);
    world.run_until(30 * SECOND);
    let terminal = cluster_terminal(&mut world);
    let mut acknowledged = Vec::new();
    for i in 0..80 {
        world.type_line(terminal, &format!("SET key:{i} value:{i}")).unwrap();
    }
    // The tab is killed in the middle of writes.
    while acknowledged.len() < 55 {
        world.step().unwrap();
        let lines = world.take_terminal_output(terminal).into_iter().filter(|l| l.kind == TermKind::Reply);
        acknowledged.extend(lines.map(|l| l.at_us));
        if world.events().is_multiple_of(97) {
            world::apply_changes(&mut mirror, &world.take_durable_changes());
        }
    }
    world::apply_changes(&mut mirror, &world.take_durable_changes());
    assert!(mirror == world.durable_images());
    let wall = setup.wall_us + world.now_us() + 3_600 * SECOND;
    drop(world);

    let mut world = World::restore(setup, &mirror, wall).unwrap();
    world.run_until(20 * SECOND);
    assert!(world.formation().unwrap().done_at_us.is_some(), "{:?}", world.formation());
    assert_eq!(nodes_of(&mut world, "C2").len(), 6);
    let terminal = cluster_terminal(&mut world);
    for i in 0..acknowledged.len() {
        let said = say(&mut world, terminal, &format!("GET key:{i}"));
        assert!(said.contains(&format!("\"value:{i}\"")), "{said:?}");
    }
}

#[test]
fn a_partition_is_survived_by_the_majority_and_healed() {
    let mut world = formed(Setup::six_nodes(5));
    let groups = vec![vec!["A1".to_string()], ["B1", "C1", "A2", "B2", "C2"].map(String::from).to_vec()];
    act(&mut world, Fault::Partition { shape: Shape::Groups { groups } }.now());
    world.run_for(20 * SECOND);
    let alone = world.terminal(Target::Node("A1".into())).unwrap();
    let said = say_one(&mut world, alone, "SET {key:1}x 1");
    assert!(said.contains("CLUSTERDOWN") || said.contains("MOVED"), "{said}");
    assert!(line_about(&mut world, "B1", 7004).contains("master"), "A2 took over");
    act(&mut world, Action::Heal { scope: Scope::Network });
    world.run_for(30 * SECOND);
    assert!(line_about(&mut world, "B1", 7001).contains("slave"), "{}", line_about(&mut world, "B1", 7001));
    let info = {
        let t = world.terminal(Target::Node("A1".into())).unwrap();
        say_one(&mut world, t, "CLUSTER INFO")
    };
    assert!(info.contains("cluster_state:ok"), "{info}");
}

#[test]
fn a_stream_and_its_groups_outlive_their_master() {
    let mut world = formed(Setup::six_nodes(4));
    let terminal = cluster_terminal(&mut world);
    // Redirections are told once, and not of interest here.
    say(&mut world, terminal, "XLEN jobs");
    for i in 1..=3 {
        assert_eq!(say_one(&mut world, terminal, &format!("XADD jobs {i}-1 n {i}")), format!("\"{i}-1\""));
    }
    assert_eq!(say_one(&mut world, terminal, "XGROUP CREATE jobs workers 0"), "OK");
    say(&mut world, terminal, "XREADGROUP GROUP workers alice COUNT 2 STREAMS jobs >");
    say(&mut world, terminal, "XREADGROUP GROUP workers bob NOACK COUNT 1 STREAMS jobs >");
    assert_eq!(say_one(&mut world, terminal, "XACK jobs workers 1-1"), "(integer) 1");

    // One waits for what comes, and gets it without asking again.
    let waiting = world.terminal(Target::Cluster).unwrap();
    say(&mut world, waiting, "XLEN jobs");
    world.type_line(waiting, "XREAD BLOCK 0 STREAMS jobs $").unwrap();
    world.run_for(5 * SECOND);
    assert!(world.terminal_busy(waiting));
    assert_eq!(say_one(&mut world, terminal, "XADD jobs 4-1 n 4"), "\"4-1\"");
    world.run_for(SECOND);
    assert!(!world.terminal_busy(waiting));
    let lines = world.take_terminal_output(waiting).into_iter().filter(|l| l.kind != TermKind::Input);
    let lines: Vec<String> = lines.map(|l| l.text).take(5).collect();
    let head = ["1) 1) \"jobs\"", "   2) 1) 1) \"4-1\"", "         2) 1) \"n\"", "            2) \"4\""];
    assert!(lines.join("\n").starts_with(&head.join("\n")), "{lines:#?}");

    let questions =
        ["XINFO GROUPS jobs", "XPENDING jobs workers", "XRANGE jobs - +", "XINFO CONSUMERS jobs workers"];
    let said = |world: &mut World| questions.map(|q| say_one(world, terminal, q));
    let before = said(&mut world);
    let master = ["A1", "B1", "C1"]
        .into_iter()
        .find(|name| world.node(name).is_some_and(|node| node.status().keys > 0))
        .unwrap();
    act(&mut world, Fault::PowerLoss { node: master.into(), unsynced: Unsynced::Prefix }.now());
    world.run_for(30 * SECOND);
    say(&mut world, terminal, "XLEN jobs");
    say(&mut world, terminal, "XLEN jobs");
    let after = said(&mut world);
    assert_eq!(after[..3], before[..3]);
    assert!(after[3].contains("\"alice\"") && after[3].contains("\"bob\""), "{}", after[3]);
    let read = say_one(&mut world, terminal, "XREADGROUP GROUP workers alice STREAMS jobs >");
    assert!(read.contains("\"4-1\"") && !read.contains("\"3-1\""), "{read}");
}
