//! What a world promises whatever its nodes do: the same run for the same seed and actions, TCP that keeps its order,
//! faults and clocks. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::{Action, Delay, Fault, Life, Link, Scope, Unsynced, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn some_run(seed: u64, listen: bool) -> World {
    let mut world = World::new(setup(seed, "appendonly yes\nappendfsync everysec")).unwrap();
    world.listen(if listen { 10_000 } else { 0 });
    world.run_for(SECOND);
    let terminal = node_terminal(&mut world);
    for i in 0..20 {
        world.type_line(terminal, &format!("RPUSH list {i}")).unwrap();
        world.run_for(70_000);
        if listen {
            world.view();
        }
    }
    act(&mut world, Fault::PowerLoss { node: "A1".into(), unsynced: Unsynced::Prefix }.now());
    world.run_for(SECOND);
    act(&mut world, Action::Start { node: "A1".into() });
    world.type_line(terminal, "LRANGE list 0 -1").unwrap();
    world.run_for(5 * SECOND);
    world
}

#[test]
fn a_seed_fixes_the_run_and_another_gives_another() {
    let (a, b) = (some_run(3, false), some_run(3, false));
    assert_eq!((a.hash(), a.events()), (b.hash(), b.events()));
    assert_ne!(a.hash(), some_run(4, false).hash());
}

#[test]
fn watching_a_run_does_not_change_it() {
    assert_eq!(some_run(3, false).hash(), some_run(3, true).hash());
}

#[test]
fn a_run_is_its_setup_and_its_actions() {
    let original = some_run(5, false);
    let mut again = World::new(original.setup().clone()).unwrap();
    again.replay(original.actions()).unwrap();
    again.run_until(original.now_us());
    assert_eq!(again.hash(), original.hash());
}

#[test]
fn a_clone_is_a_checkpoint() {
    let mut world = alone("appendonly yes");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "RPUSH list a");
    let mut checkpoint = world.clone();
    say(&mut world, terminal, "RPUSH list b");
    assert_eq!(say_one(&mut checkpoint, terminal, "LLEN list"), "(integer) 1");
    assert_eq!(say_one(&mut world, terminal, "LLEN list"), "(integer) 2");
    let mut same = world.clone();
    world.run_for(10 * SECOND);
    same.run_for(10 * SECOND);
    assert_eq!(world.hash(), same.hash());
}

#[test]
fn stepping_in_pieces_is_running_at_once() {
    let mut whole = alone("");
    let mut pieces = whole.clone();
    whole.run_until(5 * SECOND);
    while !pieces.run_until_or_events(5 * SECOND, 3).reached {}
    assert_eq!(whole.hash(), pieces.hash());
    assert_eq!((whole.now_us(), whole.events()), (pieces.now_us(), pieces.events()));
}

#[test]
fn a_pipeline_is_answered_in_order_over_a_bad_network() {
    let mut world = alone("");
    let client = world.client("app").unwrap();
    let link = || Link::both("app", "A1");
    act(&mut world, Fault::Loss { link: link(), ppm: 100_000 }.now());
    let delay = Delay::Uniform { min_us: 1000, max_us: 21_000 };
    act(&mut world, Fault::Latency { link: link(), delay }.now());
    world.connect(client, "A1").unwrap();
    world.run_for(20 * SECOND);
    for i in 0..500 {
        world.send(client, format!("RPUSH list {i}\r\n").as_bytes()).unwrap();
        world.run_for(100);
    }
    world.run_for(600 * SECOND);
    let replies: Vec<i64> = world.take_replies(client).iter().map(|r| r.as_integer().unwrap()).collect();
    assert_eq!(replies, (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_cut_link_gives_no_answer_and_a_healed_one_does() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "RPUSH list a"), "(integer) 1");
    act(&mut world, Fault::Cut { link: Link::one_way("A1", "terminal-0") }.now());
    let lines = say(&mut world, terminal, "RPUSH list b");
    assert_eq!(lines, ["No answer from 10.0.0.1:7001 after 1000 ms"]);
    assert_eq!(world.terminal_prompt(terminal), "not connected> ");
    act(&mut world, Action::Heal { scope: Scope::Link { a: "terminal-0".into(), b: "A1".into() } });
    // The command did get there: only its answer was lost.
    assert_eq!(say_one(&mut world, terminal, "LLEN list"), "(integer) 2");
    assert_eq!(world.terminal_prompt(terminal), "10.0.0.1:7001> ");
}

#[test]
fn a_terminal_is_redis_cli() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "RPUSH list 'a b' \"\\x41\""), "(integer) 2");
    assert_eq!(say_one(&mut world, terminal, "LRANGE list 0 -1"), "1) \"a b\"\n2) \"A\"");
    assert_eq!(say_one(&mut world, terminal, "RPUSH \"open"), "Invalid argument(s)");
    // What prints as it is does so with errors too.
    let refused = "ERR This instance has cluster support disabled";
    assert_eq!(say_one(&mut world, terminal, "CLUSTER NODES"), refused);
    assert_eq!(say_one(&mut world, terminal, "CLUSTER SLOTS"), format!("(error) {refused}"));
    assert!(say_one(&mut world, terminal, "quit").starts_with("The connection is ended"));
    assert_eq!(say_one(&mut world, terminal, "MULTI"), "OK");
    assert_eq!(world.terminal_prompt(terminal), "10.0.0.1:7001(TX)> ");
    assert_eq!(say_one(&mut world, terminal, "LLEN list"), "QUEUED");
    assert_eq!(say_one(&mut world, terminal, "EXEC"), "1) (integer) 2");
    assert_eq!(world.terminal_prompt(terminal), "10.0.0.1:7001> ");
    assert_eq!(say(&mut world, terminal, "2 LLEN list"), ["(integer) 2", "(integer) 2"]);

    let other = node_terminal(&mut world);
    world.type_line(other, "SUBSCRIBE news").unwrap();
    world.run_for(SECOND);
    assert_eq!(say_one(&mut world, terminal, "PUBLISH news hello"), "(integer) 1");
    world.run_for(SECOND);
    let heard: Vec<String> = world.take_terminal_output(other).into_iter().skip(1).map(|l| l.text).collect();
    assert_eq!(
        heard,
        [
            "Reading messages... (press Ctrl-C to quit)",
            "1) \"subscribe\"\n2) \"news\"\n3) (integer) 1",
            "1) \"message\"\n2) \"news\"\n3) \"hello\"",
        ]
    );
    // Another line is a Ctrl-C first.
    assert_eq!(say_one(&mut world, other, "LLEN list"), "(integer) 2");
    assert_eq!(say_one(&mut world, terminal, "PUBLISH news again"), "(integer) 0");
    world.type_line(terminal, "BLPOP nothing 0").unwrap();
    world.run_for(100 * SECOND);
    assert!(world.terminal_busy(terminal), "a command that waits by design is not given up");
    act(&mut world, Action::Interrupt { terminal });
    assert!(!world.terminal_busy(terminal));
}

#[test]
fn a_dead_process_refuses_and_a_dead_host_is_silent() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "LLEN list");
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    world.run_for(SECOND);
    assert_eq!(
        say(&mut world, terminal, "LLEN list"),
        ["Could not connect to Redis at 10.0.0.1:7001: Connection refused"]
    );
    act(&mut world, Fault::PowerLoss { node: "A1".into(), unsynced: Unsynced::Lost }.now());
    assert_eq!(
        say(&mut world, terminal, "LLEN list"),
        ["Could not connect to Redis at 10.0.0.1:7001: Connection timed out"]
    );
    assert!(world.act(Fault::Kill { node: "A1".into() }.now()).is_err());
    assert!(world.act(Fault::Kill { node: "Z9".into() }.now()).is_err());
    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(SECOND);
    assert_eq!(say_one(&mut world, terminal, "LLEN list"), "(integer) 0");
    assert_eq!(world.view().nodes[0].starts, 2);
}

#[test]
fn a_stopped_process_answers_when_it_goes_on() {
    let mut world = alone("");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    act(&mut world, Fault::Pause { node: "A1".into() }.now());
    world.send(client, b"RPUSH list a\r\n").unwrap();
    world.run_for(60 * SECOND);
    assert!(world.take_replies(client).is_empty());
    act(&mut world, Action::Resume { node: "A1".into() });
    world.run_for(SECOND);
    assert_eq!(world.take_replies(client)[0].as_integer(), Some(1));
}

#[test]
fn a_wrong_configuration_is_refused_with_its_reason() {
    let world = alone("nonsense 1");
    let Life::Refused { reason } = &world.view().nodes[0].process else { panic!("it started") };
    assert!(reason.contains("at line 2"), "{reason}");
    // The process says so itself, with its last words.
    let log: Vec<&str> = world.log_after("A1", 0).map(|line| line.text.as_str()).collect();
    let wrong = "Bad directive or wrong number of arguments";
    assert_eq!(log[1..], ["Reading the configuration file, at line 2", ">>> 'nonsense 1'", wrong]);
    assert!(log[0].starts_with("*** FATAL CONFIG FILE ERROR"), "{log:?}");
}

#[test]
fn a_clock_can_jump_and_drift() {
    let mut world = alone("");
    let wall = |world: &World| world.view().nodes[0].wall_us;
    let before = wall(&world);
    act(&mut world, Fault::ClockJump { node: "A1".into(), delta_us: -3_600_000_000 }.now());
    assert_eq!(wall(&world), before - 3_600_000_000);
    act(&mut world, Fault::ClockDrift { node: "A1".into(), rate_ppm: 300_000 }.now());
    world.run_for(10 * SECOND);
    assert_eq!(wall(&world), before - 3_600_000_000 + 3 * SECOND);
    let texts: Vec<String> = world.active_faults().into_iter().map(|f| f.text).collect();
    assert_eq!(texts, ["A1's wall clock is 3600 s behind", "A1's clocks run 0.3 times as fast"]);
}

#[test]
fn causes_are_known() {
    let mut world = alone("");
    world.listen(1000);
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "RPUSH list a");
    let trace = world.trace();
    let reply = trace.records_after(0).rfind(|r| serde_kind(r) == "reply").unwrap();
    let chain: Vec<&str> = trace.causes(reply.id).iter().map(|r| serde_kind(r)).collect();
    assert_eq!(chain[..2], ["reply", "command"]);
    let delivered = trace.records_after(0).find(|r| serde_kind(r) == "delivered").unwrap();
    let chain: Vec<&str> = trace.causes(delivered.id).iter().map(|r| serde_kind(r)).collect();
    assert_eq!(chain[..3], ["delivered", "sent", "command"]);
}

fn serde_kind(record: &vitrine_core::sim::TraceRecord) -> &'static str {
    use vitrine_core::sim::TraceKind as K;
    match record.what {
        K::Sent { .. } => "sent",
        K::Delivered { .. } => "delivered",
        K::Command { .. } => "command",
        K::Reply { .. } => "reply",
        _ => "other",
    }
}
