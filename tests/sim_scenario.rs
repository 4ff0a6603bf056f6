//! Scenarios from text to outcome: the example files and what they expect, the documentation's examples, and that a run, its
//! scenario, its text and its link are the same run to the last byte. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::fault::Fault;
use vitrine_core::sim::scenario::{Console, Outcome, line_of, parse_line, table};
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::{Scenario, Setup, Target, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// More than any scenario here needs.
const EVENTS_MAX: u64 = 20_000_000;

macro_rules! corpus {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("corpus/scenarios/", $name, ".vitrine")))),*] };
}

/// All example files.
const CORPUS: &[(&str, &str)] = corpus![
    "always",
    "disk-full",
    "everysec",
    "failover",
    "maintenance",
    "minority",
    "never-synced",
    "promotion",
    "replica",
    "reshard",
    "seeds",
    "snapshot",
    "sweep-139",
    "sweep-158",
    "sweep-5053",
    "sweep-77",
];

fn scenario(name: &str) -> Scenario {
    let text = CORPUS.iter().find(|f| f.0 == name).unwrap().1;
    Scenario::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn explain(name: &str, world: &World, outcome: &Outcome) -> String {
    let mut text = format!("{name}: {outcome:#?}\n");
    for node in &world.setup().nodes {
        let lines: Vec<String> = world
            .log_after(&node.name, 0)
            .map(|l| format!("{:>12} {} {}", l.at_us, node.name, l.text))
            .collect();
        text.push_str(&lines[lines.len().saturating_sub(15)..].join("\n"));
        text.push('\n');
    }
    text
}

fn holds(name: &str) {
    let (world, outcome) = scenario(name).run(EVENTS_MAX).unwrap();
    assert!(outcome.is_ok() && outcome.held > 0, "{}", explain(name, &world, &outcome));
}

#[test]
fn a_master_fails() {
    holds("failover");
}

#[test]
fn a_master_is_taken_out_for_maintenance() {
    holds("maintenance");
}

#[test]
fn a_master_in_the_minority_loses_writes() {
    holds("minority");
}

#[test]
fn a_replica_that_was_never_synchronised_takes_over_and_a_shard_is_lost() {
    holds("never-synced");
}

#[test]
fn a_power_loss_takes_what_was_not_synced() {
    holds("everysec");
    holds("always");
}

#[test]
fn a_full_disk_stops_writes() {
    holds("disk-full");
}

#[test]
fn a_snapshot_is_what_comes_back() {
    holds("snapshot");
}

#[test]
fn a_slot_moves_to_another_master() {
    holds("reshard");
}

#[test]
fn clients_follow_a_hand_over_and_change_their_seeds() {
    holds("seeds");
}

#[test]
fn a_replica_follows_its_master_with_a_password() {
    holds("replica");
}

#[test]
fn a_replica_is_promoted_outside_of_a_cluster_and_clients_find_it() {
    holds("promotion");
}

/// Found by the sweep: a PING that came with its connection while the data was loading was lost, and who waits for an answer to one
/// sends no other.
#[test]
fn a_ping_that_comes_while_the_data_is_loading_is_answered_afterwards() {
    holds("sweep-5053");
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn every_file_of_the_corpus_is_played() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/scenarios");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, CORPUS.iter().map(|f| f.0).collect::<Vec<_>>());
}

#[test]
fn an_expectation_that_does_not_hold_says_what_is_so_instead() {
    let text = "vitrine 1\nnodes A1\nat 1s A1> SET a 1\nexpect reply QUEUED\nexpect role A1 replica within 1s\n\
                expect keys A1 at-least 2\nexpect process A1 paused\nexpect sees A1 A1 ok\nexpect error\nexpect hash 0000000000000000";
    let (world, outcome) = Scenario::parse(text).unwrap().run(EVENTS_MAX).unwrap();
    let whys: Vec<&str> = outcome.failures.iter().map(|f| f.why.as_str()).collect();
    assert_eq!(
        whys[..6],
        [
            "the answer is \"OK\"",
            "A1 is a master",
            "A1 has 1 keys",
            "A1 is running",
            "A1 is in no cluster or does not run",
            "the answer is \"OK\""
        ]
    );
    assert!(whys[6].contains(&format!("{:016x}", world.hash())), "{whys:?}");
    assert_eq!((outcome.held, outcome.is_ok()), (0, false));
    assert_eq!(outcome.failures[1].line, "expect role A1 replica within 1s");
    assert_eq!(outcome.failures[1].at_us - outcome.failures[0].at_us, 1_000_000);
}

#[test]
fn a_line_that_cannot_be_carried_out_ends_the_run() {
    let run = |lines: &str| {
        let text = format!("vitrine 1\nnodes A1 A2\n{lines}\nexpect role A1 replica");
        Scenario::parse(&text).unwrap().run(EVENTS_MAX).unwrap().1
    };
    let twice = run("at 1s kill A1\nkill A1");
    let refused = twice.refused.unwrap();
    assert_eq!((refused.step, refused.at_us), (1, 1_000_000));
    assert!(twice.failures.is_empty(), "nothing happens after it");
    assert!(run("run until 5s\nat 4s kill A1").refused.unwrap().why.contains("5s already"));
    assert!(run("A1> CLUSTER FORGET $id(A2)").refused.unwrap().why.contains("nobody knows the id of A2"));
    assert!(run("every 1s times 2 kill A1\nrun for 10s").refused.unwrap().at_us == 1_000_000);
}

#[test]
fn what_is_repeated_goes_on_beside_the_other_lines() {
    let text = "vitrine 1\nnodes A1\nat 1s A1> SET n 0\nexpect ok\nevery 10ms for 1s A1> INCR n\nevery 100ms times 3 A1> INCR m\n\
                run for 500ms\npause A1 for 100ms\nrun for 5s\nA1> GET n\nexpect reply \"\\\"101\\\"\"\nA1> GET m\nexpect reply \"\\\"3\\\"\"";
    let (world, outcome) = Scenario::parse(text).unwrap().run(EVENTS_MAX).unwrap();
    assert!(outcome.is_ok(), "{}", explain("repeat", &world, &outcome));
}

#[test]
fn slices_change_nothing() {
    let scenario = scenario("minority");
    let whole = scenario.run(EVENTS_MAX).unwrap().1;
    for slice in [7, 1000] {
        let mut player = scenario.play().unwrap();
        while !player.go_on(slice) {}
        assert_eq!(player.outcome(), whole);
    }
    // Nor do slices of time, as a page makes them, also for the record of a run, whose places are exact.
    let (world, _) = scenario.run(EVENTS_MAX).unwrap();
    let record = Scenario::of(&world).unwrap();
    for scenario in [scenario, record] {
        let whole = scenario.run(EVENTS_MAX).unwrap().1;
        for slice_us in [313, 16_667] {
            let mut player = scenario.play().unwrap();
            while !player.is_over() {
                let until_us = player.world().now_us() + slice_us;
                if player.go_on_until(until_us, 64).reached && !player.is_over() {
                    assert_eq!(player.world().now_us(), until_us);
                }
            }
            assert_eq!(player.outcome(), whole);
        }
    }
}

#[test]
fn a_scenario_played_in_a_timeline_is_the_same_and_can_be_gone_back_in() {
    let scenario = scenario("failover");
    let whole = scenario.run(EVENTS_MAX).unwrap().1;
    let mut player = scenario.play_in(Timeline::new).unwrap();
    while !player.go_on(1000) {}
    assert_eq!(player.outcome(), whole);
    let mut timeline = player.into_host();
    let (end, hash) = (timeline.world().now_us(), timeline.world().hash());
    timeline.go_to(12 * SECOND);
    let early = Scenario::of(timeline.world()).unwrap();
    assert!(early.run(EVENTS_MAX).unwrap().1.is_ok(), "what is saved is the run up to here");
    timeline.go_to(end);
    assert_eq!(timeline.world().hash(), hash);
    // Lines act in the past, too, and begin a branch.
    timeline.go_to(12 * SECOND);
    let command = parse_line(":each> DBSIZE").unwrap();
    let done = Console::new().carry_out(&mut timeline, &command).unwrap();
    assert_eq!((done.terminals.len(), timeline.in_the_past()), (5, false));
}

/// A run by hand: visitors, faults, and a stop in the middle of everything.
fn run_by_hand() -> World {
    let mut world = World::new(Setup::six_nodes(31)).unwrap();
    world.run_until(12 * SECOND);
    let terminal = world.terminal(Target::Cluster).unwrap();
    for i in 0..30 {
        world.type_line(terminal, &format!("SET key:{i} \"{i}\\x00\"")).unwrap();
        for _ in 0..i % 7 {
            world.step();
        }
    }
    let client = world.client("probe").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(10_000);
    world.send(client, b"PING\r\n\xff\x00").unwrap();
    act(&mut world, Fault::Pause { node: "B1".into() }.lasting(3 * SECOND));
    act(&mut world, parse_action("loss A1 * 3% for 4s"));
    act(&mut world, parse_action("crash C1 keeping subset"));
    world.run_for(8 * SECOND);
    act(&mut world, parse_action("start C1"));
    for _ in 0..500 {
        world.step();
    }
    world
}

fn parse_action(line: &str) -> vitrine_core::sim::Action {
    match parse_line(line) {
        Ok(vitrine_core::sim::scenario::Command::Act(action)) => action,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_run_is_its_scenario_its_text_and_its_link() {
    let world = run_by_hand();
    let scenario = Scenario::of(&world).unwrap();
    let text = scenario.to_text();
    let by_text = Scenario::parse(&text).unwrap();
    assert_eq!(by_text, scenario);
    let by_link = Scenario::from_link(&scenario.to_link().unwrap()).unwrap();
    assert_eq!(by_link.warning, None);
    assert_eq!(by_link.scenario, scenario);
    let (again, outcome) = by_text.run(EVENTS_MAX).unwrap();
    assert!(outcome.is_ok(), "{outcome:#?}\n{text}");
    assert_eq!(
        (again.hash(), again.events(), again.now_us()),
        (world.hash(), world.events(), world.now_us())
    );
    assert_eq!(again.actions().len(), world.actions().len());
    assert!(again.actions().iter().eq(world.actions().iter()), "every action has its place");
    assert_eq!(Scenario::of(&again).unwrap(), scenario);
    // One event more or less is another run.
    let other = text.replace("crash C1 keeping subset", "crash C1 keeping prefix");
    let outcome = Scenario::parse(&other).unwrap().run(EVENTS_MAX).unwrap().1;
    assert!(!outcome.is_ok());
}

#[test]
fn a_played_scenario_is_recorded_exactly() {
    let (world, outcome) = scenario("minority").run(EVENTS_MAX).unwrap();
    assert!(outcome.is_ok());
    let recorded = Scenario::of(&world).unwrap();
    let (again, outcome) = recorded.run(EVENTS_MAX).unwrap();
    assert!(outcome.is_ok(), "{outcome:#?}");
    assert_eq!(again.hash(), world.hash());
}

#[test]
fn a_world_from_files_has_no_scenario() {
    let world = World::new(setup(1, "appendonly yes")).unwrap();
    let images = world.durable_images();
    let restored = World::restore(world.setup().clone(), &images, 1_800_000_000_000_000).unwrap();
    assert!(Scenario::of(&restored).unwrap_err().contains("from the files"));
}

const DOCS: &str = include_str!("../docs/SCENARIO.md");

/// The code blocks of the documentation of one kind.
fn blocks(kind: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside: Option<(usize, bool, String)> = None;
    for (number, line) in DOCS.lines().enumerate() {
        match (&mut inside, line.strip_prefix("```")) {
            (None, Some(word)) => inside = Some((number + 1, word.trim() == kind, String::new())),
            (Some(_), Some(_)) => {
                let (at, wanted, text) = inside.take().unwrap();
                if wanted {
                    found.push((at, text));
                }
            }
            (Some((_, _, text)), None) => text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    found
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let files = blocks("vitrine");
    let lines = blocks("lines");
    assert!(files.len() >= 4 && lines.len() >= 4, "{} and {}", files.len(), lines.len());
    for (at, text) in files {
        let scenario =
            Scenario::parse(&text).unwrap_or_else(|e| panic!("docs/SCENARIO.md, block after line {at}: {e}"));
        // The record of a run stands for others, with a hash of nothing.
        if scenario.engine.is_none() {
            let (world, outcome) = scenario.run(EVENTS_MAX).unwrap();
            assert!(outcome.is_ok(), "line {at} of {}", explain("docs/SCENARIO.md", &world, &outcome));
        }
    }
    for (at, text) in lines {
        let whole = format!("vitrine 1\n{text}");
        let result = Scenario::parse(&whole);
        let live = text.lines().filter(|l| !l.trim().is_empty()).find_map(|l| parse_line(l).err());
        assert!(
            result.is_ok() || live.is_none(),
            "docs/SCENARIO.md, block after line {at}: {result:?} {live:?}"
        );
    }
}

/// The reference of the documentation, made of the table.
fn reference() -> String {
    let mut out = String::new();
    let mut group = None;
    let mut rows: Vec<_> = table::rows().collect();
    rows.sort_by_key(|r| r.group);
    for row in rows {
        if group != Some(row.group) {
            group = Some(row.group);
            out.push_str(&format!("\n### {}\n\n", table::title(row.group)));
        }
        out.push_str(&format!("- `{}`  \n  {} Example: `{}`\n", row.syntax(), row.help, row.example));
    }
    out
}

#[test]
fn the_reference_of_the_documentation_is_the_table() {
    const MARK: &str = "<!-- reference: made of the table by tests/sim_scenario.rs -->\n";
    let (before, after) = DOCS.split_once(MARK).unwrap();
    let wanted = reference();
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("VITRINE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SCENARIO.md");
        return std::fs::write(path, format!("{before}{MARK}{wanted}")).unwrap();
    }
    let _ = before;
    assert_eq!(after, wanted, "VITRINE_BLESS=1 writes it anew");
}

#[test]
fn buttons_show_the_line_that_they_ran() {
    let action = Fault::Pause { node: "A1".into() }.lasting(8 * SECOND);
    assert_eq!(line_of(&action), "pause A1 for 8s");
    assert_eq!(parse_action(&line_of(&action)), action);
}
