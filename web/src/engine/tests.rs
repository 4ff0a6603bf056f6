//! The engine without a browser: forming, serving, failing over, coming back, travelling.

mod begin;
mod crowd;

use super::*;
use crate::model::{Belief, Process, SLOTS, TapeItem, TapeMark};

/// Lets an engine run without a wall clock until something holds.
fn run_until(engine: &mut Engine, what: &str, mut holds: impl FnMut(&mut Engine) -> bool) {
    for _ in 0..4000 {
        if holds(engine) {
            return;
        }
        let to = engine.now_us() + 10_000;
        engine.handle(ToWorker::RunUntil { id: 0, until_us: to, relative: false });
        while engine.advance(&|| 0.0, 1.0) {}
    }
    panic!("{what}: not after {} virtual seconds", engine.now_us() / 1_000_000);
}

fn formed(seed: u64) -> Engine {
    let mut engine = Engine::new(seed).unwrap();
    while engine.starting() && engine.now_us() < READY_PATIENCE_US {
        engine.advance(&|| 0.0, 1.0);
    }
    let cluster = engine.state().cluster;
    assert!(cluster.ok && cluster.slots_ok == SLOTS, "formed: {cluster:?}");
    engine
}

fn ask(engine: &mut Engine, id: u32, node: Option<&str>, line: &str) -> Result<Reply, String> {
    let args = crate::words::split_args(line).unwrap().into_iter().map(Into::into).collect();
    engine.handle(ToWorker::Run { id, node: node.map(Into::into), args });
    let mut got = None;
    run_until(engine, line, |engine| {
        engine.release(u64::MAX);
        for message in engine.take_out() {
            if let FromWorker::Answer { id: answered, result } = message
                && answered == id
            {
                got = Some(result);
            }
        }
        got.is_some()
    });
    got.unwrap().map(|answer| match answer {
        Answer::Reply(reply) => reply,
        other => panic!("{other:?}"),
    })
}

use crate::protocol::Reply;

/// How many writes were acknowledged in this run, as the ledger counts.
fn acknowledged(engine: &Engine) -> u64 {
    engine.world().ledger_counts().map_or(0, |counts| counts.safe + counts.at_risk + counts.lost)
}

#[test]
fn six_nodes_form_serve_fail_over_and_come_back() {
    let mut engine = formed(1);
    let cluster = engine.state().cluster;
    assert_eq!(cluster.claims.len(), 3);
    assert!(cluster.nodes[..3].iter().all(|n| n.master) && cluster.nodes[3..].iter().all(|n| !n.master));
    assert!((0..6).all(|s| cluster.beliefs.of(s).filter(|b| b.1 == Belief::Ok).count() == 5));
    let now = engine.now_us();
    engine.lanes.formed(now);

    for (i, key) in ["a", "b", "c", "d", "name"].iter().enumerate() {
        let set = ask(&mut engine, 10 + i as u32, None, &format!("SET {key} v-{key}"));
        assert_eq!(set, Ok(Reply::Status("OK".into())));
    }
    let owner = engine.state().cluster.nodes.iter().filter(|n| n.master).map(|n| n.keys).sum::<u64>();
    assert_eq!(owner, 5);
    engine.handle(ToWorker::Type { tab: 0, line: "2 RPUSH list x".into() });
    run_until(&mut engine, "two more writes", |engine| acknowledged(engine) == 7);

    line(&mut engine, "crash A1").unwrap();
    let mut tape = Vec::new();
    run_until(&mut engine, "promotion", |engine| {
        tape.extend(engine.frame().into_iter().flat_map(|f| f.tape));
        let c = engine.state().cluster;
        c.ok && c.slots_ok == SLOTS && c.nodes[3].master
    });
    // The scripts' connection may stand to the host without power: another node is asked.
    assert_eq!(ask(&mut engine, 19, None, "GET a"), Ok(Reply::Bytes(b"v-a".to_vec().into())));
    assert!(ask(&mut engine, 18, Some("A1"), "PING").is_err());
    let marks: Vec<TapeMark> = (tape.iter())
        .filter_map(|item| match item {
            TapeItem::Mark { mark, .. } => Some(*mark),
            TapeItem::Lane { .. } => None,
        })
        .collect();
    for wanted in [TapeMark::Crash, TapeMark::Fail, TapeMark::Ballot, TapeMark::Vote, TapeMark::Up] {
        assert!(marks.contains(&wanted), "{wanted:?} in {marks:?}");
    }

    line(&mut engine, "start A1").unwrap();
    run_until(&mut engine, "A1 is a replica", |engine| {
        let a1 = &engine.state().cluster.nodes[0];
        !a1.master && a1.replica_of == Some(3) && a1.link == crate::model::LinkState::Online
    });
    for key in ["a", "b", "c", "d", "name"] {
        let got = ask(&mut engine, 20, None, &format!("GET {key}"));
        assert_eq!(got, Ok(Reply::Bytes(format!("v-{key}").into_bytes().into())));
    }
}

#[test]
fn a_cluster_comes_back_from_its_durable_files_as_soon_as_it_was_formed() {
    let mut engine = formed(2);
    assert_eq!(
        ask(&mut engine, 1, Some("A1"), "CONFIG SET appendfsync always"),
        Ok(Reply::Status("OK".into()))
    );
    assert_eq!(ask(&mut engine, 2, None, "SET b v"), Ok(Reply::Status("OK".into())));
    let images = engine.world().durable_images();
    let (cut_us, wall_us) = (engine.now_us(), engine.wall_us());
    let mut again = Engine::restore(2, 1, &images, wall_us, cut_us).unwrap();
    assert!(again.boot().restored);
    // Time goes on where it was, on the virtual clock and on those of the nodes.
    assert_eq!((again.now_us(), again.wall_us(), again.boot().start_us), (cut_us, wall_us, cut_us));
    while again.starting() && again.now_us() < cut_us + READY_PATIENCE_US {
        again.advance(&|| 0.0, 1.0);
    }
    let cluster = again.state().cluster;
    assert_eq!(cluster.slots_ok, SLOTS);
    assert!(cluster.nodes[3..].iter().all(|n| !n.master), "{cluster:?}");
    assert_eq!(ask(&mut again, 3, None, "GET b"), Ok(Reply::Bytes(b"v".to_vec().into())));
}

#[test]
fn a_ready_cluster_says_so_though_time_is_held() {
    let mut engine = formed(4);
    engine.handle(ToWorker::Playing { id: 0, playing: false });
    engine.take_out();
    engine.handle(ToWorker::Ready { id: 9 });
    let out = engine.take_out();
    assert!(matches!(out[..], [FromWorker::Answer { id: 9, result: Ok(Answer::Time(_)) }]), "{out:?}");
}

#[test]
fn replies_wait_for_the_commit_that_covers_them() {
    let mut engine = formed(3);
    engine.handle(ToWorker::Type { tab: 0, line: "SET k v".into() });
    run_until(&mut engine, "a reply", |engine| engine.holds());
    let said = |out: Vec<FromWorker>| {
        let entries = out.into_iter().filter_map(|m| match m {
            FromWorker::Terminal { entries, .. } => Some(entries),
            _ => None,
        });
        entries.flatten().map(|e| e.text).collect::<Vec<_>>()
    };
    assert!(!said(engine.take_out()).iter().any(|t| t == "OK"));
    engine.release(0);
    assert!(!said(engine.take_out()).iter().any(|t| t == "OK"));
    let later = engine.now_us() + 100_000;
    run_until(&mut engine, "later", |engine| engine.now_us() >= later);
    engine.release(engine.now_us());
    assert!(said(engine.take_out()).iter().any(|t| t == "OK"));
}

fn bytes(line: &str) -> Vec<serde_bytes::ByteBuf> {
    crate::words::split_args(line).unwrap().into_iter().map(Into::into).collect()
}

/// The answer to a question that is answered at once.
fn at_once(engine: &mut Engine, message: ToWorker) -> Result<Answer, String> {
    engine.take_out();
    engine.handle(message);
    let answer = engine.take_out().into_iter().find_map(|m| match m {
        FromWorker::Answer { id: 77, result } => Some(result),
        _ => None,
    });
    answer.expect("it is answered at once")
}

fn line(engine: &mut Engine, line: &str) -> Result<Answer, String> {
    at_once(engine, ToWorker::Line { id: 77, line: line.into() })
}

/// All that the terminals printed since the last call, once everything is released.
fn printed(engine: &mut Engine) -> Vec<String> {
    engine.release(u64::MAX);
    let entries = engine.take_out().into_iter().filter_map(|m| match m {
        FromWorker::Terminal { entries, .. } => Some(entries),
        _ => None,
    });
    entries.flatten().map(|e| e.text).collect()
}

fn pass(engine: &mut Engine, us: u64) {
    let to = engine.now_us() + us;
    run_until(engine, "time passes", |engine| engine.now_us() >= to);
}

#[test]
fn looking_changes_nothing() {
    let (mut looked, mut other) = (formed(5), formed(5));
    for engine in [&mut looked, &mut other] {
        assert_eq!(ask(engine, 1, Some("A1"), "SET b v"), Ok(Reply::Status("OK".into())));
    }
    let look = crate::look::Look::Peek {
        node: "A1".into(),
        lines: vec![bytes("GET b"), bytes("SET b other"), bytes("GET b")],
    };
    let seen = at_once(&mut looked, ToWorker::Look { id: 77, look: look.clone() });
    let reply = |text: &str| Reply::Bytes(text.as_bytes().to_vec().into());
    let wanted = vec![reply("v"), Reply::Status("OK".into()), reply("other")];
    assert_eq!(seen, Ok(Answer::Seen(Box::new(crate::look::Seen::Replies(wanted)))));
    for engine in [&mut looked, &mut other] {
        pass(engine, 2_000_000);
    }
    assert_eq!(looked.world().hash(), other.world().hash());
    line(&mut looked, "kill A1").unwrap();
    assert!(at_once(&mut looked, ToWorker::Look { id: 77, look }).is_err());
}

#[test]
fn a_line_is_shown_with_what_came_of_it_wherever_it_was_typed() {
    let mut engine = formed(6);
    engine.handle(ToWorker::Type { tab: 2, line: ":pause B1 for 2s".into() });
    let text = printed(&mut engine);
    assert!(text.contains(&":\tpause B1 for 2s".to_owned()), "{text:?}");
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Paused);
    let wrong = line(&mut engine, "paus B1").unwrap_err();
    assert_eq!(wrong, "there is no command `paus`; did you mean `pause`? `:help` names all");
    let why = line(&mut engine, "pause B1 for 5").unwrap_err();
    assert!(
        why.starts_with("`5` does not fit here; expected a time") && why.contains("`:help pause`"),
        "{why}"
    );
    assert!(printed(&mut engine).iter().any(|t| t == &wrong));
    pass(&mut engine, 3_000_000);
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Up);
    // A line for redis-cli comes in the tab of that node.
    assert_eq!(line(&mut engine, "A2> PING"), Ok(Answer::Said("The reply is in A2's tab.".into())));
    let mut said = Vec::new();
    run_until(&mut engine, "the reply", |engine| {
        said.extend(printed(engine));
        said.iter().any(|t| t == "PONG")
    });
    let completion =
        at_once(&mut engine, ToWorker::Complete { id: 77, tab: 0, line: ":crash A".into(), cursor: 8 });
    let Ok(Answer::Completion(completion)) = completion else { panic!("{completion:?}") };
    assert_eq!(completion.start, 7);
    let names: Vec<&str> = completion.candidates.iter().map(|c| c.0.as_str()).collect();
    assert_eq!(names, ["A1", "A2"]);
    // Behind a node's name it is a line for redis-cli, completed as one.
    for head in [":each> ", ":A1> ", ":say A1 ", ":again "] {
        let typed = format!("{head}CLUSTER FO");
        let cursor = typed.len();
        let found = at_once(&mut engine, ToWorker::Complete { id: 77, tab: 0, line: typed, cursor });
        let Ok(Answer::Completion(found)) = found else { panic!("{found:?}") };
        assert_eq!((found.start, found.candidates[0].0.as_str()), (head.len() + 8, "FORGET"), "{head}");
    }
}

#[test]
fn the_past_is_the_same_again_and_acting_there_begins_another_run() {
    let mut engine = formed(8);
    engine.frame();
    pass(&mut engine, 1_000_000);
    let (before_us, before) = (engine.now_us(), engine.world().hash());
    // An instant is over when all that was done in it is done.
    pass(&mut engine, 1_000);
    line(&mut engine, "crash A1").unwrap();
    pass(&mut engine, 10_000_000);
    let (end_us, end) = (engine.now_us(), engine.world().hash());
    assert!(engine.state().cluster.nodes[3].master, "A2 was elected");
    line(&mut engine, &format!("goto {before_us}us")).unwrap();
    assert_eq!((engine.now_us(), engine.world().hash()), (before_us, before));
    let frame = engine.frame().expect("everything changed");
    let time = frame.time.expect("it is told where it is");
    assert!(frame.tape_reset && !frame.playing);
    assert_eq!((time.run, time.end_us), (0, Some(end_us)));
    let c = frame.cluster.expect("the cluster of that instant");
    assert!(c.nodes[0].master && c.nodes[0].process == Process::Up && !c.nodes[3].master);

    // What was done is done again when time passes.
    pass(&mut engine, end_us - before_us);
    assert_eq!(engine.world().hash(), end);
    assert!(!engine.in_the_past());
    line(&mut engine, "back 3").unwrap();
    assert!(engine.in_the_past());
    line(&mut engine, "live").unwrap();
    assert_eq!((engine.now_us(), engine.world().hash()), (end_us, end));

    // Another future.
    line(&mut engine, &format!("goto {before_us}us")).unwrap();
    line(&mut engine, "crash B1").unwrap();
    let time = engine.frame().and_then(|f| f.time).expect("there is another run");
    assert_eq!((time.run, time.end_us, time.runs.len()), (1, None, 2));
    assert_eq!(time.runs[1].from, Some((0, before_us)));
    pass(&mut engine, 10_000_000);
    assert!(engine.state().cluster.nodes[0].master, "A1 never crashed in this run");
    // A connection of before is not known there, and a new one is made.
    assert_eq!(ask(&mut engine, 3, Some("A1"), "PING"), Ok(Reply::Status("PONG".into())));
    line(&mut engine, "branch 0").unwrap();
    assert_eq!(engine.world().hash(), end);
    assert!(line(&mut engine, "branch 9").is_err());
}

#[test]
fn time_runs_to_the_next_event_of_a_kind_and_back_to_the_last() {
    let mut engine = formed(9);
    line(&mut engine, "crash A1").unwrap();
    let go = |engine: &mut Engine, text: &str| {
        line(engine, text).unwrap();
        while engine.advance(&|| 0.0, 1.0) {}
        printed(engine).join("\n")
    };
    let said = go(&mut engine, "next fail");
    assert!(said.contains("A1"), "{said}");
    let fail_us = engine.now_us();
    let said = go(&mut engine, "next role");
    assert!(said.contains("A2"), "{said}");
    let role_us = engine.now_us();
    assert!(role_us > fail_us && !engine.playing);
    // Others had it as FAIL a little later than the first.
    let said = go(&mut engine, "last fail");
    assert!(said.contains("A1"), "{said}");
    assert!((fail_us..role_us).contains(&engine.now_us()));
    assert!(engine.in_the_past());
}

#[test]
fn nobody_goes_to_before_the_beginning() {
    let mut setup = Setup::six_nodes(10);
    setup.start_us = 40_000_000;
    let mut engine = Engine::with(World::new(setup).unwrap(), 10, false);
    pass(&mut engine, 2_000_000);
    let now = engine.now_us();
    let why = line(&mut engine, "goto 39s").unwrap_err();
    assert!(why.contains("00:40") && !engine.in_the_past(), "{why}");
    assert_eq!(engine.now_us(), now);
    line(&mut engine, "goto 40s").unwrap();
    assert_eq!(engine.now_us(), 40_000_000);
}

#[test]
fn a_command_that_waits_is_told_that_time_was_taken_away() {
    let mut engine = formed(10);
    pass(&mut engine, 1_000_000);
    engine.handle(ToWorker::Run { id: 5, node: Some("A1".into()), args: bytes("BLPOP {b}none 0") });
    pass(&mut engine, 100_000);
    engine.take_out();
    engine.handle(ToWorker::Line { id: 77, line: "goto 1s".into() });
    let answers: Vec<_> = engine.take_out().into_iter().collect();
    let told = answers.iter().any(|m| matches!(m, FromWorker::Answer { id: 5, result: Err(_) }));
    assert!(told, "{answers:?}");
    // What is looked at again has the same name as before, and is another connection.
    line(&mut engine, "live").unwrap();
    assert_eq!(ask(&mut engine, 6, Some("A1"), "PING"), Ok(Reply::Status("PONG".into())));
}

/// Carries out a line and everything that it sets going.
fn whole(engine: &mut Engine, text: &str) -> Result<(), String> {
    engine.take_out();
    engine.handle(ToWorker::Line { id: 77, line: text.into() });
    while engine.advance(&|| 0.0, 1.0) {}
    let answer = engine.take_out().into_iter().find_map(|m| match m {
        FromWorker::Answer { id: 77, result } => Some(result.map(|_| ())),
        _ => None,
    });
    answer.expect("it is answered at its end")
}

#[test]
fn a_line_about_time_can_be_carried_out_unseen() {
    let mut engine = formed(11);
    pass(&mut engine, 500_000);
    let (now_us, hash, step) = (engine.now_us(), engine.world().hash(), engine.time.here().step);
    line(&mut engine, "step").unwrap();
    printed(&mut engine);
    let quiet =
        |engine: &mut Engine, line: &str| at_once(engine, ToWorker::Quiet { id: 77, line: line.into() });
    quiet(&mut engine, "back").unwrap();
    assert_eq!((engine.world().hash(), engine.time.here().step), (hash, step));
    quiet(&mut engine, &format!("goto {}us", now_us - 300_000)).unwrap();
    assert_eq!(engine.now_us(), now_us - 300_000);
    quiet(&mut engine, "live").unwrap();
    assert!(!engine.in_the_past());
    assert_eq!(printed(&mut engine), Vec::<String>::new());
    assert!(quiet(&mut engine, "crash A1").is_err(), "what changes the world is shown");
    assert_eq!(engine.state().cluster.nodes[0].process, Process::Up);
}

#[test]
fn the_same_again_with_another_setting_loses_less() {
    let mut engine = formed(12);
    for n in 0..5 {
        line(&mut engine, &format!("A1> SET {{b}}early:{n} v")).unwrap();
        pass(&mut engine, 200_000);
    }
    // A1 is cut off from the rest, goes on accepting writes until it notices, and gives them up afterwards.
    line(&mut engine, "partition A1 | A2 B1 B2 C1 C2").unwrap();
    for n in 0..20 {
        line(&mut engine, &format!("A1> SET {{b}}late:{n} v")).unwrap();
        pass(&mut engine, 200_000);
    }
    pass(&mut engine, 15_000_000);
    line(&mut engine, "heal network").unwrap();
    pass(&mut engine, 15_000_000);
    let (end_us, end) = (engine.now_us(), engine.world().hash());
    let compare = |engine: &mut Engine| {
        let look = crate::look::Look::Compare { a: 0, b: 1, at_us: end_us };
        match at_once(engine, ToWorker::Look { id: 77, look }) {
            Ok(Answer::Seen(seen)) => match *seen {
                crate::look::Seen::Compared(compared) => Ok(compared),
                other => panic!("{other:?}"),
            },
            Ok(other) => panic!("{other:?}"),
            Err(why) => Err(why),
        }
    };
    assert!(compare(&mut engine).is_err(), "there is one run so far");

    whole(&mut engine, "again CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 2").unwrap();
    assert_eq!((engine.time.branch(), engine.now_us()), (1, end_us));
    let compared = compare(&mut engine).unwrap();
    let row = |what: &str| {
        let found = compared.rows.iter().find(|r| r.0 == what);
        found.unwrap_or_else(|| panic!("{what} in {:#?}", compared.rows)).clone()
    };
    let lost = row("lost");
    let count = |text: &str| text.split(':').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    assert!(count(&lost.1) > count(&lost.2), "{lost:?}");
    assert!(lost.1.contains("SET {b}late:"), "{lost:?}");
    assert!(compared.said.starts_with("Run 0 lost "), "{}", compared.said);
    assert!(!row("why").1.is_empty());
    for tape in [&compared.tapes.0, &compared.tapes.1] {
        let promoted = |item: &TapeItem| matches!(item, TapeItem::Mark { mark: TapeMark::Up, .. });
        assert!(tape.iter().any(promoted), "A2 took over in both");
    }
    let again = compare(&mut engine).unwrap();
    assert_eq!(again, compared);

    // The run that was left is as it was.
    line(&mut engine, "branch 0").unwrap();
    assert_eq!(engine.world().hash(), end);
}

#[test]
fn a_tape_that_begins_anew_is_in_order_though_a_master_is_cut_off_now() {
    let mut engine = formed(15);
    engine.frame();
    pass(&mut engine, 1_000_000);
    line(&mut engine, "partition A1 | A2 B1 B2 C1 C2").unwrap();
    pass(&mut engine, 2_000_000);
    engine.frame();
    line(&mut engine, "back").unwrap();
    let tape = engine.frame().expect("everything changed").tape;
    let lane: Vec<(u64, crate::model::LaneState)> = (tape.iter())
        .filter_map(|item| match item {
            TapeItem::Lane { node: 0, at_us, state } => Some((*at_us, *state)),
            _ => None,
        })
        .collect();
    assert!(lane.is_sorted_by_key(|l| l.0), "{lane:?}");
    assert_eq!(lane.last(), Some(&(engine.now_us(), crate::model::LaneState::CutOff)));
    let before = lane[..lane.len() - 1].iter().any(|l| l.1 == crate::model::LaneState::CutOff);
    assert!(!before, "{lane:?}");
}

#[test]
fn nothing_is_done_again_where_nothing_was_broken() {
    let mut engine = formed(13);
    pass(&mut engine, 500_000);
    engine.handle(ToWorker::Playing { id: 0, playing: true });
    let why = whole(&mut engine, "again CONFIG SET appendfsync always").unwrap_err();
    assert!(why.contains("Nothing was broken"), "{why}");
    assert!(!engine.in_the_past());
    assert!(engine.playing, "what is refused changes nothing");
}

#[test]
fn why_a_node_is_what_it_is_and_why_it_became_so() {
    let mut engine = formed(14);
    line(&mut engine, "crash A1").unwrap();
    pass(&mut engine, 20_000_000);
    let mut tape = Vec::new();
    tape.extend(engine.frame().into_iter().flat_map(|f| f.tape));
    let at = |mark: TapeMark| {
        let found = tape.iter().find_map(|item| match item {
            TapeItem::Mark { node, at_us, mark: is, .. } if *is == mark => Some((node.unwrap(), *at_us)),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{mark:?} in {tape:?}"))
    };
    let (up, fail, vote) = (at(TapeMark::Up), at(TapeMark::Fail), at(TapeMark::Vote));
    let names: Vec<String> = engine.state().cluster.nodes.iter().map(|n| n.name.clone()).collect();
    let hash = engine.world().hash();
    let mut ask = |what: &str, node: &str, at_us: Option<u64>| {
        let look = crate::look::Look::Why { what: what.into(), node: node.into(), at_us };
        match at_once(&mut engine, ToWorker::Look { id: 77, look }) {
            Ok(Answer::Seen(seen)) => match *seen {
                crate::look::Seen::Why(causes) => Ok(causes),
                other => panic!("{other:?}"),
            },
            Ok(other) => panic!("{other:?}"),
            Err(why) => Err(why),
        }
    };
    let lost_power = |causes: &[crate::look::why::Because]| {
        causes.iter().any(|(depth, _, text)| *depth > 0 && text.contains("A1") && text.contains("power"))
    };
    let now = ask("role", "A2", None).unwrap();
    assert_eq!(now[0].0, 0);
    assert!(lost_power(&now), "{now:#?}");
    let then = ask("role", "A2", Some(up.1)).unwrap();
    assert!(lost_power(&then), "{then:#?}");
    assert_eq!(then[0].1, up.1);
    let failed = ask("failing", "A1", Some(fail.1)).unwrap();
    assert!(failed[0].2.contains("FAIL"), "{failed:#?}");
    let voted = ask("vote", &names[usize::from(vote.0)], Some(vote.1)).unwrap();
    assert!(voted[0].2.contains("vote"), "{voted:#?}");
    assert!(ask("process", "A1", None).unwrap()[0].2.contains("lost power"));
    assert_eq!(ask("failing", "B2", None), Err("Nobody suspects B2.".into()));
    assert_eq!(engine.world().hash(), hash);
}

#[test]
fn lines_run_one_after_the_other_and_wait_where_they_say_so() {
    let mut engine = formed(12);
    let restart =
        |n: &str| format!("restart {n}\nexpect process {n} ended within 120s\nexpect whole within 120s");
    line(&mut engine, &format!("{}\n{}", restart("C2"), restart("B2"))).unwrap();
    let starts =
        |engine: &Engine| -> Vec<u32> { engine.world().view().nodes.iter().map(|n| n.starts).collect() };
    let nodes = starts(&engine);
    let place = |engine: &Engine, name: &str| {
        engine.world().view().nodes.iter().position(|n| n.name == name).unwrap()
    };
    let (b, c) = (place(&engine, "B2"), place(&engine, "C2"));
    run_until(&mut engine, "the second is restarted", |engine| starts(engine)[b] > nodes[b]);
    assert!(starts(&engine)[c] > nodes[c], "the first one comes first");
    run_until(&mut engine, "it is whole", |engine| {
        printed(engine).iter().filter(|t| *t == "It holds.").count() > 0 && engine.state().cluster.ok
    });
    // What still waits is called off by healing everything.
    line(&mut engine, "expect process A1 killed within 60s\nkill B1").unwrap();
    line(&mut engine, "heal").unwrap();
    line(&mut engine, "kill A1").unwrap();
    pass(&mut engine, 1_000_000);
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Up);
    // What does not come about is said, and what is behind it does not run.
    line(&mut engine, "expect process C1 killed within 1s\nkill B1").unwrap();
    let mut said = Vec::new();
    run_until(&mut engine, "it is said", |engine| {
        said.extend(printed(engine));
        said.iter().any(|t| t.ends_with("1 more lines do not run"))
    });
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Up);
}

#[test]
fn active_faults_are_listed_with_their_end_and_the_line_that_ends_them() {
    let mut engine = formed(13);
    line(&mut engine, "disk-slow A1 10x for 20s").unwrap();
    line(&mut engine, "cut A1 B1").unwrap();
    let now = engine.now_us();
    let faults = engine.state().cluster.faults;
    assert_eq!((faults[0].until_us, faults[0].nodes.as_slice()), (Some(now + 20_000_000), &[0][..]));
    assert_eq!((faults[1].until_us, faults[1].nodes.as_slice()), (None, &[0, 1][..]));
    assert!(faults[0].text.contains("takes 10 times as long"), "{faults:?}");
    let undo = faults[0].undo.clone();
    line(&mut engine, &undo).unwrap();
    let faults = engine.state().cluster.faults;
    assert_eq!(faults.len(), 1);
    // A process that ended by itself is no fault, and is told of with what starts it.
    line(&mut engine, &faults[0].undo.clone()).unwrap();
    line(&mut engine, "A1> SHUTDOWN NOW").unwrap();
    run_until(&mut engine, "A1 ends", |engine| engine.state().cluster.nodes[0].process == Process::Stopped);
    let faults = engine.state().cluster.faults;
    assert_eq!((faults[0].text.as_str(), faults[0].undo.as_str()), ("A1 does not run", "start A1"));
    line(&mut engine, "start A1").unwrap();
    assert!(engine.state().cluster.faults.is_empty());
}

#[test]
fn a_line_is_judged_before_it_is_done() {
    let mut engine = formed(14);
    let hash = engine.world().hash();
    let judge = |engine: &mut Engine, text: &str| {
        let look = crate::look::Look::Line(text.into());
        at_once(engine, ToWorker::Look { id: 77, look }).map(|_| ())
    };
    assert_eq!(judge(&mut engine, "crash A1\ncrash B1"), Ok(()));
    let why = judge(&mut engine, "latency A1 B1 forty").unwrap_err();
    assert!(why.contains("`forty` does not fit"), "{why}");
    let why = judge(&mut engine, "resume A1").unwrap_err();
    assert!(!why.is_empty());
    assert_eq!(engine.world().hash(), hash, "judging changes nothing");
}

#[test]
fn a_message_under_way_is_told_of_and_can_be_taken() {
    let mut engine = formed(15);
    let mut rows = Vec::new();
    for _ in 0..20 {
        line(&mut engine, "next message").unwrap();
        while engine.advance(&|| 0.0, 1.0) {}
        let seen = at_once(&mut engine, ToWorker::Look { id: 77, look: crate::look::Look::UnderWay });
        let Ok(Answer::Seen(seen)) = seen else { panic!("{seen:?}") };
        let crate::look::Seen::UnderWay(found) = *seen else { panic!("{seen:?}") };
        rows = found;
        if !rows.is_empty() {
            break;
        }
    }
    let (number, text, arrives) = rows.first().expect("something is under way").clone();
    assert!(text.contains('→') && text.contains("arrives in"), "{text}");
    line(&mut engine, &format!("delay {number} 5s")).unwrap();
    line(&mut engine, &format!("run until {arrives}\ndisk-sync A1")).unwrap();
    assert!(line(&mut engine, "drop 1").is_err(), "what arrived long ago is not under way");
}

/// What a tab's terminal was told to show since the last call.
fn shown(engine: &mut Engine, tab: u16) -> String {
    engine.release(u64::MAX);
    let mut text = String::new();
    for message in engine.take_out() {
        if let FromWorker::Terminal { tab: of, entries, .. } = message
            && of == tab
        {
            entries.iter().for_each(|e| text += &format!("{}\n", e.text));
        }
    }
    text
}

fn shows(engine: &mut Engine, tab: u16, what: &str) -> String {
    let mut text = String::new();
    run_until(engine, what, |engine| {
        text += &shown(engine, tab);
        text.contains(what)
    });
    text
}

fn type_into(engine: &mut Engine, tab: u16, line: &str) {
    engine.handle(ToWorker::Type { tab, line: line.into() });
}

/// Runs a script's command on a node, and gives what the cluster's tab shows meanwhile and a moment after.
fn watched(engine: &mut Engine, node: &str, line: &str) -> String {
    engine.handle(ToWorker::Run { id: 1, node: Some(node.into()), args: bytes(line) });
    let until = engine.now_us() + 100_000;
    let mut text = String::new();
    run_until(engine, line, |engine| {
        text += &shown(engine, 0);
        engine.now_us() >= until
    });
    text
}

#[test]
fn pasted_lines_run_in_their_order_and_wait_for_nothing_else() {
    let mut engine = formed(6);
    // `foo` is in a slot of C1's.
    type_into(&mut engine, 0, "SET foo 1\n:pause C1 for 1s\n\n:nonsense\nGET foo\n");
    let text = shows(&mut engine, 0, "No answer from");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("SET foo 1") < at("OK\n") && at("OK\n") < at(":\tpause C1"), "{text}");
    assert!(at(":\tpause C1") < at(":\tnonsense") && at(":\tnonsense") < at("GET foo"), "{text}");
    // A line by hand does not wait for the reply of another, nor does the beginning of a paste.
    type_into(&mut engine, 1, "BLPOP b 0");
    pass(&mut engine, 100_000);
    type_into(&mut engine, 1, ":pause B1");
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Paused);
    type_into(&mut engine, 1, ":resume B1\nGET b\n:pause B1\n");
    pass(&mut engine, 100_000);
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Up);
    type_into(&mut engine, 1, INTERRUPT);
    pass(&mut engine, 100_000);
    assert_eq!(engine.state().cluster.nodes[1].process, Process::Paused);
    // Nothing is answered while time is held: what sets it going does not wait for that.
    type_into(&mut engine, 1, ":stop\nGET b\n:play\n");
    assert!(engine.playing);
}

#[test]
fn each_shows_all_nodes_in_one_order_until_it_is_interrupted() {
    let mut engine = formed(5);
    type_into(&mut engine, 0, ":each> MONITOR");
    let mut text = String::new();
    run_until(&mut engine, "all six", |engine| {
        text += &shown(engine, 0);
        ["A1", "B1", "C1", "A2", "B2", "C2"].iter().all(|n| text.contains(&format!("{n}> OK")))
    });
    let first = watched(&mut engine, "A1", "ECHO first");
    assert!(first.contains("A1> ") && first.contains("\"ECHO\" \"first\""), "{first}");
    assert!(watched(&mut engine, "B2", "ECHO second").contains("\"ECHO\" \"second\""));
    type_into(&mut engine, 0, INTERRUPT);
    assert!(shown(&mut engine, 0).contains("^C"));
    assert_eq!(watched(&mut engine, "A1", "ECHO third"), "", "nothing more comes");
    type_into(&mut engine, 1, "PING");
    shows(&mut engine, 1, "PONG");
}

#[test]
fn a_write_at_risk_is_said_to_be_until_it_is_safe() {
    let mut engine = formed(6);
    let risk = |engine: &mut Engine| {
        engine.handle(ToWorker::Risk { id: 9, tab: 0 });
        let mut answers = engine.take_out().into_iter().filter_map(|m| match m {
            FromWorker::Answer { id: 9, result: Ok(Answer::Said(text)) } => Some(text),
            _ => None,
        });
        answers.next_back().unwrap()
    };
    assert_eq!(risk(&mut engine), "");
    engine.handle(ToWorker::Line { id: 1, line: "cut C1 C2".into() });
    type_into(&mut engine, 0, "SET foo bar");
    shows(&mut engine, 0, "OK");
    assert_eq!(risk(&mut engine), "at risk, only on C1");
    type_into(&mut engine, 0, "GET foo");
    shows(&mut engine, 0, "\"bar\"");
    assert_eq!(risk(&mut engine), "", "the last line was no write");
}

#[test]
fn a_pane_learns_how_its_command_ended_when_the_reply_comes() {
    let mut engine = formed(7);
    let edit = |engine: &mut Engine, line: &str| {
        engine.handle(ToWorker::Edit { id: 8, line: line.into() });
        let mut answer = None;
        run_until(engine, line, |engine| {
            answer = engine.take_out().into_iter().find_map(|m| match m {
                FromWorker::Answer { id: 8, result } => Some(result),
                _ => None,
            });
            answer.is_some()
        });
        answer.unwrap()
    };
    assert_eq!(edit(&mut engine, "A1> CONFIG SET maxmemory 100mb"), Ok(Answer::Done));
    let why = edit(&mut engine, "A1> CONFIG SET maxmemory lots").unwrap_err();
    assert!(why.starts_with("(error) ERR CONFIG SET failed"), "{why}");
    // The reply of what stands before it in that terminal is not its own.
    type_into(&mut engine, 1, "GET");
    assert_eq!(edit(&mut engine, "A1> PING"), Ok(Answer::Done));
    assert!(edit(&mut engine, "D1> PING").unwrap_err().contains("D1"));
    engine.handle(ToWorker::Line { id: 1, line: "crash A1".into() });
    let why = edit(&mut engine, "A1> PING").unwrap_err();
    assert!(why.contains("10.0.0.1:7001"), "{why}");
    // One whose answer never comes, because the world is taken back, is told so.
    engine.handle(ToWorker::Edit { id: 8, line: "B1> PING".into() });
    engine.handle(ToWorker::Line { id: 2, line: "back".into() });
    let told =
        |m: FromWorker| matches!(m, FromWorker::Answer { id: 8, result: Err(why) } if why == TAKEN_AWAY);
    assert!(engine.take_out().into_iter().any(told));
}
