//! What of a node's data survives which end: the simulated disks under a real append-only file. Runs natively and in a
//! browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::{Action, Fault, Unsynced, World, world};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Writes for a while, ends the process in some way, starts it again and gives (acknowledged, found).
fn write_and_end(fsync: &str, end: Action) -> (i64, i64) {
    let mut world = alone(&format!("appendonly yes\nappendfsync {fsync}"));
    let terminal = node_terminal(&mut world);
    let mut acknowledged = 0;
    for i in 0..300 {
        let text = say_one(&mut world, terminal, &format!("RPUSH list {i}"));
        acknowledged = text.strip_prefix("(integer) ").unwrap().parse().unwrap();
        world.run_for(10_000);
    }
    act(&mut world, end);
    world.run_for(SECOND);
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(2 * SECOND);
    // The old connection is half open after a loss of power.
    let terminal = node_terminal(&mut world);
    let text = say_one(&mut world, terminal, "LLEN list");
    (acknowledged, text.strip_prefix("(integer) ").unwrap_or_else(|| panic!("{text}")).parse().unwrap())
}

#[test]
fn what_a_power_loss_takes_is_what_was_not_synced() {
    let kill = || Fault::Kill { node: "A1".into() }.now();
    let power_loss = || Fault::PowerLoss { node: "A1".into(), unsynced: Unsynced::Lost }.now();
    assert_eq!(write_and_end("always", power_loss()), (300, 300));
    assert_eq!(write_and_end("everysec", kill()), (300, 300), "the page cache survives the process");
    let (acknowledged, found) = write_and_end("everysec", power_loss());
    assert!(
        found < acknowledged && acknowledged - found < 150,
        "{found} of {acknowledged}: about a second is lost"
    );
}

#[test]
fn a_mirror_of_the_disk_brings_the_world_back() {
    let mut world = World::new(setup(9, "appendonly yes\nappendfsync always")).unwrap();
    let mut mirror = world.durable_images();
    world.record_durable_changes(true);
    world.run_for(SECOND);
    let terminal = node_terminal(&mut world);
    for i in 0..50 {
        assert_eq!(say_one(&mut world, terminal, &format!("RPUSH list {i}")), format!("(integer) {}", i + 1));
        world::apply_changes(&mut mirror, &world.take_durable_changes());
        assert!(mirror == world.durable_images(), "after {i}");
    }
    let mut restored = World::restore(world.setup().clone(), &mirror, 1_800_000_000_000_000).unwrap();
    restored.run_for(SECOND);
    let terminal = node_terminal(&mut restored);
    assert_eq!(say_one(&mut restored, terminal, "LLEN list"), "(integer) 50");
}

#[test]
fn a_node_alone_finishes_what_it_is_stalled_for() {
    // No cluster bus and no cron turns a node that waits for its disk: the disk's answers alone must carry it through.
    let mut world = alone("appendonly yes\nappendfsync always\nenable-debug-command yes");
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "SET a 1"), "OK");
    assert_eq!(say_one(&mut world, terminal, "SAVE"), "OK");
    assert_eq!(say_one(&mut world, terminal, "DEBUG RELOAD"), "OK");
    assert_eq!(say_one(&mut world, terminal, "DEBUG LOADAOF"), "OK");
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
}

#[test]
fn a_cut_of_the_power_at_a_byte_keeps_the_commands_up_to_it() {
    let mut world = alone("appendonly yes\nappendfsync everysec");
    let terminal = node_terminal(&mut world);
    // Until enough commands are written and not synced: that happens once a second.
    let (path, commands) = (0..400)
        .find_map(|i| {
            say_one(&mut world, terminal, &format!("RPUSH list {i}"));
            world.run_for(10_000);
            let view = world.view();
            let file = view.nodes[0].files.iter().find(|f| f.path.ends_with(".incr.aof"))?;
            let bytes = world.read_file("A1", &file.path)?;
            let begins = |at: &usize| bytes[*at..].starts_with(b"*3\r\n$5\r\nRPUSH");
            let commands: Vec<usize> = (0..bytes.len()).filter(begins).collect();
            let open = commands.iter().filter(|&&at| at as u64 >= file.durable_len).count();
            (open >= 15).then(|| (file.path.clone(), commands))
        })
        .expect("fifteen commands in the page cache alone");
    let count = commands.len();
    for (end, kept) in [(commands[count - 10], count - 10), (commands[count - 5] + 7, count - 5)] {
        let mut world = world.clone();
        // Half a command at the end is cut off at the start (aof-load-truncated).
        let line = format!("crash A1 keeping {path} up to {end}B for 1s");
        match vitrine_core::sim::scenario::parse_line(&line).unwrap() {
            vitrine_core::sim::scenario::Command::Act(action) => act(&mut world, action),
            other => panic!("{other:?}"),
        };
        world.run_for(4 * SECOND);
        let terminal = node_terminal(&mut world);
        assert_eq!(say_one(&mut world, terminal, "LLEN list"), format!("(integer) {kept}"), "{line}");
    }
}
