//! Time travel: going back and forth gives the same states to the last byte, whatever happened; acting in the past begins a
//! branch and leaves the old run as it was; and what it costs stays within its limits. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use std::collections::BTreeMap;
use vitrine_core::event::{Event, Opinion};
use vitrine_core::rng::Rng;
use vitrine_core::sim::fault::{EioOn, Fault, Link, Scope};
use vitrine_core::sim::timeline::{Limits, Timeline};
use vitrine_core::sim::trace::{Question, TraceClass, TraceFilter};
use vitrine_core::sim::workload::{Sizes, Workload};
use vitrine_core::sim::{Action, Setup, Target, TraceKind, Unsynced, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const NAMES: [&str; 6] = ["A1", "B1", "C1", "A2", "B2", "C2"];

/// All that a state is: hash, place, and of every node its life, data, role, beliefs and files.
#[derive(PartialEq, Debug, Clone)]
struct State {
    hash: u64,
    at: (u64, u64, u64),
    nodes: Vec<String>,
    /// nodes.conf and the append-only files among them.
    files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    view: String,
}

fn state(world: &World) -> State {
    let nodes = NAMES.iter().map(|name| match world.node(name) {
        Some(node) => format!("{} {:?} {:?}", node.digest(), node.status(), node.cluster_view()),
        None => "none".to_string(),
    });
    let mut files = world.durable_images();
    for (name, files) in &mut files {
        // As processes see them as well.
        let cached: Vec<(String, Vec<u8>)> = files
            .keys()
            .filter_map(|path| Some((format!("cached {path}"), world.read_file(name, path)?)))
            .collect();
        files.extend(cached);
    }
    State {
        hash: world.hash(),
        at: (world.now_us(), world.events(), world.steps()),
        nodes: nodes.collect(),
        files,
        view: format!("{:?}", world.view()),
    }
}

fn limits(replay_steps: u64) -> Limits {
    Limits { replay_steps, checkpoints_len_max: 64 << 20 }
}

fn random_action(rng: &mut Rng, terminal: u32) -> Action {
    let mut pick = |n: u64| rng.below(n);
    let node = NAMES[pick(6) as usize].to_string();
    let other = NAMES[pick(6) as usize].to_string();
    let link = Link::one_way(&node, &other);
    let fault = match pick(24) {
        0 => Fault::Kill { node },
        1 => Fault::PowerLoss { node, unsynced: Unsynced::Torn },
        2 => return Action::Start { node },
        3 => return Action::Restart { node, conf: None, empty_disk: false },
        4 => Fault::Pause { node },
        5 => return Action::Heal { scope: Scope::Everything },
        6 => Fault::Cut { link },
        7 => Fault::Loss { link, ppm: 100_000 },
        8 => Fault::Hold { link },
        9 => Fault::ClockJump { node, delta_us: 1_500_000 },
        10 => Fault::ClockDrift { node, rate_ppm: 900_000 + pick(200_000) },
        11 => Fault::DiskSlow { node, factor: 50 },
        12 => Fault::DiskEio { node, on: EioOn { fsync: true, ..EioOn::default() } },
        13 => Fault::SlowCpu { node, factor: 20 },
        n => {
            let i = pick(100);
            let line = match n {
                14..19 => format!("SET key:{i} {}", pick(1000)),
                19..21 => format!("RPUSH list:{i} {}", pick(1000)),
                21 => format!("ZADD z:{i} {} m{i}", pick(1000)),
                22 => format!("GET key:{i}"),
                _ => "BGREWRITEAOF".to_string(),
            };
            return Action::TypeLine { terminal, line };
        }
    };
    if pick(2) == 0 { fault.now() } else { fault.lasting(pick(5 * SECOND)) }
}

/// Six nodes that have formed a cluster, with a terminal (number 1).
fn formed(seed: u64, replay_steps: u64) -> Timeline {
    let mut timeline =
        Timeline::with_limits(World::new(Setup::six_nodes(seed)).unwrap(), limits(replay_steps));
    timeline.run_until(15 * SECOND);
    assert!(timeline.world().formation().unwrap().done_at_us.is_some());
    timeline.terminal(Target::Cluster).unwrap();
    timeline
}

#[test]
fn any_state_can_be_gone_to_and_is_the_same_to_the_last_byte() {
    let seeds = if cfg!(target_arch = "wasm32") { 1..2 } else { 1..5 };
    for seed in seeds {
        let mut rng = Rng::new(seed);
        let mut timeline = formed(seed, 2_000);
        let mut seen = vec![state(timeline.world())];
        for _ in 0..60 {
            // Not every action makes sense.
            let _ = timeline.act(random_action(&mut rng, 1));
            match rng.below(3) {
                0 => timeline.run_for(rng.below(2 * SECOND)),
                1 => timeline.run_until_or_events(u64::MAX, rng.below(500)).events,
                _ => (0..rng.below(20)).filter_map(|_| timeline.step()).count() as u64,
            };
            seen.push(state(timeline.world()));
        }
        assert_eq!(timeline.view().branches.len(), 1);
        let last = seen.last().unwrap().clone();
        for _ in 0..60 {
            let want = &seen[rng.below(seen.len() as u64) as usize];
            match rng.below(4) {
                0 => (0..rng.below(12)).for_each(|_| assert!(timeline.step_back())),
                1 => drop((0..rng.below(12)).map(|_| timeline.step()).collect::<Vec<_>>()),
                2 => drop(timeline.run_until_or_events(last.at.0, rng.below(3000))),
                _ => {}
            }
            timeline.go_to_step(want.at.2).unwrap();
            let (now, hash) = (timeline.world().now_us(), timeline.world().hash());
            assert!(now <= want.at.0, "an instant at which nothing happens belongs to the step before it");
            timeline.go_to(want.at.0);
            if timeline.world().steps() == want.at.2 {
                assert_eq!(state(timeline.world()), *want, "seed {seed}");
            } else {
                // More happened at that very instant.
                assert_eq!(hash, want.hash, "seed {seed}");
            }
        }
        timeline.go_to(last.at.0);
        assert_eq!(state(timeline.world()), last, "seed {seed}");
        assert_eq!(timeline.view().branches.len(), 1, "looking begins no branch");
        // Stepping may have gone beyond. And another world that is given the run as a value gets there as well.
        let run = timeline.branch_run(0).unwrap();
        let mut again = World::new(run.setup).unwrap();
        again.replay(&run.actions).unwrap();
        while again.steps() < last.at.2 {
            again.step().unwrap();
        }
        assert_eq!(again.hash(), last.hash, "seed {seed}");
    }
}

#[test]
fn stepping_back_is_the_reverse_of_stepping() {
    let mut timeline = formed(9, 1_000);
    timeline.type_line(1, "SET a 1").unwrap();
    let mut hashes = vec![(timeline.world().steps(), timeline.world().hash())];
    for _ in 0..700 {
        timeline.step().unwrap();
        hashes.push((timeline.world().steps(), timeline.world().hash()));
    }
    while let Some(last) = hashes.pop() {
        assert_eq!((timeline.world().steps(), timeline.world().hash()), last);
        assert!(timeline.step_back());
    }
    // The step before the first is the typing of the line: stepping does it again.
    let step = timeline.step().unwrap();
    assert_eq!(step.what, vitrine_core::sim::StepKind::Action);
    timeline.go_to_step(0).unwrap();
    assert!(!timeline.step_back());
    assert!(timeline.go_to_step(1_000_000_000).is_err());
}

#[test]
fn acting_in_the_past_begins_a_branch_and_the_old_run_stays() {
    let mut timeline = formed(3, 2_000);
    timeline.run_until(20 * SECOND);
    timeline.act(Fault::Kill { node: "A1".into() }.now()).unwrap();
    timeline.run_until(40 * SECOND);
    let killed = state(timeline.world());
    let role = |timeline: &Timeline, name| timeline.world().node(name).unwrap().status().master.is_none();
    assert!(role(&timeline, "A2"), "A2 has taken over");

    timeline.go_to(19 * SECOND);
    assert!(timeline.in_the_past());
    assert!(timeline.act(Fault::Kill { node: "Z9".into() }.now()).is_err());
    assert_eq!(timeline.branch(), 0, "nonsense begins no branch");
    timeline.act(Fault::Pause { node: "B1".into() }.now()).unwrap();
    assert_eq!(timeline.branch(), 1);
    timeline.run_until(40 * SECOND);
    let paused = state(timeline.world());
    assert!(!role(&timeline, "A2"), "nobody killed A1 here");
    let view = timeline.view();
    assert_eq!((view.branches.len(), view.branches[1].parent), (2, Some(0)));
    assert_eq!(view.branches[1].fork.unwrap().at_us, 19 * SECOND);
    assert_eq!(timeline.branch_run(1).unwrap().actions.len(), 2);

    timeline.go_to_branch(0, None).unwrap();
    assert_eq!(state(timeline.world()), killed);
    timeline.go_to_branch(1, Some(40 * SECOND)).unwrap();
    assert_eq!(state(timeline.world()), paused);
    timeline.go_to_branch(1, Some(17 * SECOND)).unwrap();
    let before = timeline.world().hash();
    timeline.go_to_branch(0, Some(17 * SECOND)).unwrap();
    assert_eq!(timeline.world().hash(), before, "what lies before the fork is common");
    assert_eq!(timeline.world_at(1, 40 * SECOND).unwrap().hash(), paused.hash);
    assert!(timeline.go_to_branch(0, Some(41 * SECOND)).is_err());
    assert!(timeline.go_to_branch(7, None).is_err());

    assert!(timeline.remove_branch(0).is_err());
    timeline.rename_branch(1, "B1 sleeps").unwrap();
    timeline.remove_branch(1).unwrap();
    assert_eq!(timeline.view().branches.len(), 1);
}

#[test]
fn checkpoints_are_dense_near_by_and_their_cost_is_bounded() {
    let mut timeline = formed(5, 4_000);
    for i in 0..600 {
        timeline.type_line(1, &format!("SET key:{i} {}", "x".repeat(300))).unwrap();
        timeline.run_for(100_000);
    }
    let view = timeline.view();
    assert!(view.replay_steps_max <= 4_000, "{view:?}");
    let count = view.branches[0].checkpoints_us.len();
    assert!((12..60).contains(&count), "{count} checkpoints for {:?}", view.here);

    // Little memory: fewer of them, and the longest way is said.
    let run = timeline.branch_run(0).unwrap();
    let tight = Limits { replay_steps: 4_000, checkpoints_len_max: 3 << 20 };
    let mut small = Timeline::with_limits(World::new(run.setup).unwrap(), tight);
    for record in &run.actions {
        small.run_until(record.at_us);
        small.act(record.action.clone()).unwrap();
    }
    small.run_until(run.end.at_us);
    let short = small.view();
    assert!(short.checkpoints_len <= 3 << 20, "{short:?}");
    assert!(short.branches[0].checkpoints_us.len() < count && short.replay_steps_max > 4_000, "{short:?}");
    assert_eq!(small.world().hash(), timeline.world().hash());
    for at in [70, 1, 33, 16] {
        small.go_to(at * SECOND);
        timeline.go_to(at * SECOND);
        assert_eq!(small.world().hash(), timeline.world().hash());
    }
}

/// Of a crowd one checkpoint is more than all may take together: none is made while time goes on, and everything is played from the beginning.
#[test]
fn a_crowd_is_not_copied_while_time_goes_on() {
    let tight = Limits { replay_steps: 1_000, checkpoints_len_max: 64 << 10 };
    let mut timeline = Timeline::with_limits(World::new(Setup::six_nodes(4)).unwrap(), tight);
    timeline.run_until(12 * SECOND);
    let then = state(timeline.world());
    timeline.run_until(20 * SECOND);
    let now = state(timeline.world());
    assert_eq!(timeline.view().branches[0].checkpoints_us, vec![0]);
    timeline.go_to(12 * SECOND);
    assert_eq!(state(timeline.world()), then);
    // Acting in the past begins another branch, which finds its beginning as well; the old one is what it was.
    timeline.act(Fault::PowerLoss { node: "A1".into(), unsynced: Default::default() }.now()).unwrap();
    timeline.run_until(25 * SECOND);
    let other = state(timeline.world());
    timeline.go_to_branch(0, Some(20 * SECOND)).unwrap();
    assert_eq!(state(timeline.world()), now);
    timeline.go_to_branch(1, Some(25 * SECOND)).unwrap();
    assert_eq!(state(timeline.world()), other);
}

#[test]
fn under_load_checkpoints_are_small_and_none_is_far() {
    let mut timeline = formed(8, 20_000);
    let workload = Workload { values: Sizes::Fixed { bytes: 64 }, ..Workload::default() };
    timeline.act(Action::StartWorkload { name: "app".to_string(), workload: Box::new(workload) }).unwrap();
    let mut states = Vec::new();
    for second in [20, 26, 33, 40] {
        timeline.run_until(second * SECOND);
        states.push((second, state(timeline.world())));
    }
    let view = timeline.view();
    assert!(view.replay_steps_max <= 20_000, "{view:?}");
    // As many again as plain clones cost a multiple of: the keys alone were 2 MiB each.
    let each = view.checkpoints_len / view.branches[0].checkpoints_us.len();
    assert!(each < 3 << 19, "{each} bytes each: {view:?}");
    for (second, want) in states.iter().rev() {
        timeline.go_to(second * SECOND);
        assert_eq!(&state(timeline.world()), want);
        assert!(timeline.view().replay_steps_max <= 20_000);
    }
    timeline.go_to(23 * SECOND);
    timeline.run_until(40 * SECOND);
    assert_eq!(state(timeline.world()), states[3].1);
}

#[test]
fn watching_and_mirroring_go_on_after_a_travel() {
    let mut timeline = formed(6, 2_000);
    timeline.listen(1_000);
    timeline.record_durable_changes(true);
    timeline.type_line(1, "SET a 1").unwrap();
    timeline.run_for(5 * SECOND);
    let heard = timeline.take_terminal_output(1).len();
    assert!(heard >= 2 && !timeline.take_durable_changes().is_empty());
    timeline.go_to(15 * SECOND - 1);
    assert_eq!(timeline.travels(), 1);
    assert!(timeline.take_durable_changes().is_empty(), "a mirror takes the whole images now");
    let mut images = timeline.world().durable_images();
    timeline.run_for(5 * SECOND);
    let again = timeline.take_terminal_output(1).len();
    assert_eq!(again, heard, "the line is typed again");
    let changes = timeline.take_durable_changes();
    vitrine_core::sim::world::apply_changes(&mut images, &changes);
    assert_eq!(images, timeline.world().durable_images());
    assert!(timeline.world().trace().records_after(0).count() > 10);
}

#[test]
fn one_can_run_to_what_happens_and_back() {
    let mut timeline = formed(7, 2_000);
    timeline.act(Fault::Kill { node: "A1".into() }.now()).unwrap();
    let fail = TraceFilter::of(&[TraceClass::Fail]);
    let sought = timeline.run_to(&fail, 60 * SECOND, u64::MAX);
    let found = sought.found.unwrap();
    let failed_at = timeline.here();
    assert_eq!(found.at_us, failed_at.at_us);
    assert!(matches!(
        &found.what,
        TraceKind::Node { event: Event::Opinion { opinion: Opinion::Failed, .. }, .. }
    ));
    let vote = timeline.run_to(&TraceFilter::of(&[TraceClass::Vote]).at(3), 60 * SECOND, u64::MAX);
    assert!(matches!(vote.found.unwrap().what, TraceKind::Node { node: 3, event: Event::Candidate { .. } }));
    let role = TraceFilter::of(&[TraceClass::Role]);
    assert!(timeline.run_to(&role, 60 * SECOND, u64::MAX).found.is_some());
    assert!(timeline.world().node("A2").unwrap().status().master.is_none());
    assert_eq!(timeline.world().trace().records_after(0).count(), 0, "nobody asked for a trace");
    // A command of one client, and the error that it got.
    timeline.type_line(1, "GET").unwrap();
    let command = timeline.run_to(&TraceFilter::of(&[TraceClass::Command]).by(1), u64::MAX, 10_000);
    assert!(matches!(command.found.unwrap().what, TraceKind::Command { client: 1, .. }));
    let error = timeline.run_to(&TraceFilter::of(&[TraceClass::Error]), u64::MAX, 10_000).found.unwrap();
    assert!(matches!(error.what, TraceKind::Reply { error: true, .. }));
    assert_eq!(timeline.run_to(&fail, 61 * SECOND, 1).steps, 1, "a search can be done in pieces");
    let none = timeline.run_to(&fail, timeline.here().at_us + SECOND, u64::MAX);
    assert!(none.whole && none.found.is_none());

    let end = timeline.here();
    while let Some(found) = timeline.run_back_to(&fail) {
        assert!(found.at_us <= timeline.here().at_us);
    }
    assert!(timeline.here() < end && timeline.here().step == failed_at.step, "the first FAIL of all");
    assert_eq!(timeline.branch(), 0);
}

#[test]
fn why_is_answered_although_nobody_listened() {
    let mut timeline = formed(8, 2_000);
    timeline.act(Fault::Kill { node: "B1".into() }.now()).unwrap();
    timeline.run_for(100 * SECOND);
    let hash = timeline.world().hash();
    let lines = timeline.why(&Question::Role { node: "B2".into() }).unwrap().lines().join("\n");
    assert!(lines.contains("B2 took over its master's slots") && lines.contains("B1 was killed"), "{lines}");
    assert!(lines.contains("the gossip of") && lines.contains("a vote request"), "{lines}");
    let failing = Question::Failing { node: "B1".into(), by: None };
    let lines = timeline.why(&failing).unwrap().lines().join("\n");
    assert!(lines.contains("PFAIL") && lines.contains("B1 was killed"), "{lines}");
    assert!(timeline.why(&Question::Failing { node: "C1".into(), by: None }).is_none());
    assert_eq!(timeline.world().hash(), hash);
    // With the branch as it is, and not as another one was.
    timeline.go_to(16 * SECOND);
    assert!(timeline.why(&failing).is_none(), "not yet");
}

#[test]
fn two_branches_can_be_compared() {
    let mut timeline = Timeline::with_limits(World::new(Setup::six_nodes(4)).unwrap(), limits(2_000));
    timeline.keep_ledger(true);
    timeline.run_until(15 * SECOND);
    timeline.terminal(Target::Cluster).unwrap();
    for i in 0..20 {
        timeline.type_line(1, &format!("SET key:{i} {i}")).unwrap();
    }
    timeline.run_until(20 * SECOND);
    // In one run A1 dies, in the other B1 stays alive and other things are written.
    timeline.act(Fault::Kill { node: "A1".into() }.now()).unwrap();
    timeline.run_until(40 * SECOND);
    timeline.go_to(19 * SECOND);
    timeline.type_line(1, "SET key:3 other").unwrap();
    timeline.type_line(1, "SET new 1").unwrap();
    timeline.type_line(1, "DEL key:4").unwrap();
    timeline.run_until(40 * SECOND);
    let difference = timeline.compare(0, 1, 40 * SECOND).unwrap();
    assert_eq!(difference.parted.at_us, 19 * SECOND);
    assert!(!difference.same);
    let a1 = difference.nodes.iter().find(|n| n.node == "A1").unwrap();
    assert_eq!((a1.a.role, a1.b.role), (None, Some("master")));
    let a2 = difference.nodes.iter().find(|n| n.node == "A2").unwrap();
    assert_eq!((a2.a.role, a2.b.role), (Some("master"), Some("replica")));
    assert!(a2.files.iter().any(|f| f.contains("cluster-node")), "{:?}", a2.files);
    let keys = &difference.keys;
    assert_eq!(
        (keys.only_a.1.clone(), keys.only_b.1.clone()),
        (vec!["key:4".to_string()], vec!["new".to_string()])
    );
    assert_eq!((keys.changed.1.clone(), keys.same), (vec!["key:3".to_string()], 18));
    let writes = difference.writes.unwrap();
    assert_eq!((writes.only_a.0, writes.only_b.0), (0, 3), "{writes:?}");
    assert!(difference.tape_a.len() > 5 && !difference.tape_b.is_empty());
    let before = timeline.compare(0, 1, 18 * SECOND).unwrap();
    assert!(before.same && before.nodes.is_empty() && before.keys.same == 20, "{before:?}");
    assert!(timeline.compare(0, 1, 41 * SECOND).is_err() && timeline.compare(0, 9, 1).is_err());
    let itself = timeline.compare(1, 1, 30 * SECOND).unwrap();
    assert!(itself.same && itself.tape_a.is_empty());

    let (markers, last) = timeline.markers_after(0);
    assert!(markers.iter().any(|m| m.text.contains("is a replica")), "{markers:?}");
    assert!(timeline.markers_after(last).0.is_empty());
    timeline.go_to_branch(0, None).unwrap();
    let texts: Vec<String> = timeline.markers_after(0).0.into_iter().map(|m| m.text).collect();
    for want in ["A1 was killed", "says that A1 has failed", "A2 asks for votes", "A2 is a master"] {
        assert!(texts.iter().any(|text| text.contains(want)), "{want}: {texts:?}");
    }
}
