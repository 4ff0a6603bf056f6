//! The trace says why: every fact of a failover walks back along its causes to what was done, also where there is no single cause. Runs
//! natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::event::{Event, Opinion};
use vitrine_core::sim::fault::{Fault, Shape};
use vitrine_core::sim::trace::{BusKind, Question, TraceClass, TraceFilter, Why};
use vitrine_core::sim::{Action, Setup, Target, TraceKind, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn formed(seed: u64) -> World {
    let mut world = World::new(Setup::six_nodes(seed)).unwrap();
    world.run_until(15 * SECOND);
    assert!(world.formation().unwrap().done_at_us.is_some());
    world.listen(50_000);
    world
}

fn ask(world: &World, question: &Question) -> Why {
    let record = world.record_of(question).unwrap_or_else(|| panic!("{question:?} has no answer"));
    world.why(record).unwrap()
}

fn role(node: &str) -> Question {
    Question::Role { node: node.to_string() }
}

/// Whether somewhere in the tree there is such a record.
fn has(why: &Why, want: impl Fn(&TraceKind) -> bool) -> bool {
    why.records().iter().any(|record| want(&record.what))
}

fn is_event(what: &TraceKind, want: impl Fn(u32, &Event) -> bool) -> bool {
    matches!(what, TraceKind::Node { node, event } if want(*node, event))
}

#[test]
fn a_promotion_walks_back_to_the_crash() {
    let mut world = formed(11);
    act(&mut world, Fault::Kill { node: "A1".into() }.now());
    world.run_for(20 * SECOND);
    let why = ask(&world, &role("A2"));
    let lines = why.lines().join("\n");
    assert!(lines.starts_with("00:"), "{lines}");
    // promotion ← votes received ← vote requests ← FAIL opinion ← PFAIL reports by gossip ← missing pongs ← the crash
    let (a1, a2) = (0, 3);
    assert!(is_event(&why.record.what, |node, e| node == a2 && matches!(e, Event::Promoted { .. })));
    let voters = why
        .records()
        .iter()
        .filter(|r| is_event(&r.what, |_, e| matches!(e, Event::VoteReceived { .. })))
        .count();
    assert_eq!(voters, 2, "{lines}");
    assert!(has(&why, |w| is_event(w, |n, e| n != a2 && matches!(e, Event::Voted { .. }))), "{lines}");
    assert!(has(&why, |w| matches!(w, TraceKind::Sent { bus: Some(BusKind::AuthAck), .. })), "{lines}");
    assert!(
        has(&why, |w| matches!(w, TraceKind::Sent { bus: Some(BusKind::AuthRequest), from: 3, .. })),
        "{lines}"
    );
    assert!(has(&why, |w| is_event(w, |n, e| n == a2 && matches!(e, Event::Candidate { .. }))), "{lines}");
    let opinion = |want| {
        move |w: &TraceKind| {
            is_event(w, |_, e| matches!(e, Event::Opinion { opinion, .. } if *opinion == want))
        }
    };
    assert!(has(&why, opinion(Opinion::Failed)), "{lines}");
    assert!(has(&why, opinion(Opinion::Suspected)), "{lines}");
    assert!(has(&why, |w| is_event(w, |_, e| matches!(e, Event::Report { failing: true, .. }))), "{lines}");
    // Nobody listens at its port any more, so the PING cannot even be sent.
    assert!(has(&why, |w| matches!(w, TraceKind::Closed { peer: 0, .. })), "{lines}");
    assert!(has(&why, |w| matches!(w, TraceKind::Process { node, .. } if *node == a1)), "{lines}");
    assert!(
        has(
            &why,
            |w| matches!(w, TraceKind::Action { action } if matches!(&**action, Action::Fault { fault: Fault::Kill { .. }, .. }))
        ),
        "{lines}"
    );
    // And the masters' FAIL has the quorum's reports or a message that has them.
    let fail = ask(&world, &Question::Failing { node: "A1".into(), by: None });
    assert!(has(&fail, |w| is_event(w, |_, e| matches!(e, Event::Report { .. }))), "{:#?}", fail.lines());

    act(&mut world, Action::Start { node: "A1".into() });
    world.run_for(20 * SECOND);
    let why = ask(&world, &role("A1"));
    let lines = why.lines().join("\n");
    assert!(lines.contains("A1 became a replica of A2"), "{lines}");
    assert!(lines.contains("A2 took over its master's slots"), "{lines}");
    assert!(lines.contains("A1 was killed"), "{lines}");
}

#[test]
fn a_partition_explains_who_is_suspected_and_that_the_cluster_is_down() {
    let mut world = formed(12);
    let groups = vec![vec!["C1".to_string()]];
    act(&mut world, Fault::Partition { shape: Shape::Groups { groups } }.now());
    world.run_for(12 * SECOND);
    let down = ask(&world, &Question::State { node: "C1".into() });
    let lines = down.lines().join("\n");
    assert!(lines.contains("C1 found the cluster down") && lines.contains("no PONG of"), "{lines}");
    assert!(lines.contains("hosts are parted"), "{lines}");
    let failing = ask(&world, &Question::Failing { node: "C1".into(), by: Some("A1".into()) });
    assert!(failing.lines().join("\n").contains("hosts are parted"));
    assert!(world.record_of(&Question::Failing { node: "B1".into(), by: Some("A1".into()) }).is_none());
}

#[test]
fn a_manual_failover_walks_back_to_its_command() {
    let mut world = formed(13);
    let terminal = world.terminal(Target::Node("B2".into())).unwrap();
    assert_eq!(say_one(&mut world, terminal, "CLUSTER FAILOVER"), "OK");
    world.run_for(5 * SECOND);
    let lines = ask(&world, &role("B2")).lines().join("\n");
    assert!(lines.contains("CLUSTER FAILOVER"), "{lines}");
    let lines = ask(&world, &role("B1")).lines().join("\n");
    assert!(lines.contains("B1 became a replica of B2") && lines.contains("CLUSTER FAILOVER"), "{lines}");
}

#[test]
fn a_command_has_its_effects() {
    let mut world = formed(14);
    let terminal = world.terminal(Target::Cluster).unwrap();
    say(&mut world, terminal, "SET foo 1");
    world.run_for(3 * SECOND);
    let commands = TraceFilter::of(&[TraceClass::Command]).by(terminal);
    let last = world.trace().records_after(0).rfind(|r| commands.lets_through(&r.what)).unwrap();
    let effects = world.trace().effects(last.id, 1000);
    let any = |want: &dyn Fn(&TraceKind) -> bool| effects.iter().any(|r| want(&r.what));
    assert!(any(&|w| matches!(w, TraceKind::Reply { text, error: false, .. } if text == "OK")));
    assert!(any(&|w| matches!(w, TraceKind::Disk { node: 2, op: "append", .. })), "written on C1");
    assert!(any(&|w| matches!(w, TraceKind::Delivered { from: 2, to: 5, .. })), "and sent to C2");
    assert!(any(&|w| matches!(w, TraceKind::Disk { node: 5, op: "append", .. })), "and written there");
    let moved = world
        .trace()
        .records_after(0)
        .find(|r| matches!(&r.what, TraceKind::Reply { error: true, text, .. } if text.contains("MOVED")));
    let moved = world.explain(moved.unwrap().id);
    assert!(moved[0].contains("had the error (error) MOVED 12182"), "{moved:?}");
    assert!(moved.iter().any(|line| line.contains("sent the command SET foo 1")), "{moved:?}");
}

#[test]
fn listening_to_some_kinds_keeps_those_alone_and_changes_nothing() {
    let run = |listen: &dyn Fn(&mut World)| {
        let mut world = formed(15);
        world.listen(0);
        listen(&mut world);
        act(&mut world, Fault::Kill { node: "A1".into() }.lasting(8 * SECOND));
        world.run_for(20 * SECOND);
        world
    };
    let quiet = run(&|_| {});
    let all = run(&|world| world.listen(100_000));
    let few = run(&|world| world.listen_to(1_000, TraceFilter::of(&[TraceClass::Role, TraceClass::Fail])));
    let tiny = run(&|world| world.listen(10));
    let ids = |world: &World| (world.hash(), world.trace().last_id());
    for other in [&all, &few, &tiny] {
        assert_eq!(ids(other), ids(&quiet));
    }
    assert_eq!(quiet.trace().records_after(0).count(), 0);
    assert_eq!(tiny.trace().records_after(0).count(), 10);
    let kept: Vec<u64> = few.trace().records_after(0).map(|r| r.id).collect();
    let filter = few.trace().filter();
    let want: Vec<u64> =
        all.trace().records_after(0).filter(|r| filter.lets_through(&r.what)).map(|r| r.id).collect();
    assert!(kept.len() > 5);
    assert_eq!(kept, want);
    // Records go to the page as JSON: one that has no further causes does not mention them.
    let any = all.trace().records_after(0).last().unwrap();
    assert!(any.id > 0);
}
