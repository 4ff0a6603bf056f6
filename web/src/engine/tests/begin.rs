//! Worlds that begin from a text, a link or a file; the ledger, the charts and the workloads as the page sees them.

use super::*;
use crate::look::{Look, Seen};
use crate::model::{LaneState, LinkState, TapeItem};
use vitrine_core::sim::scenario::Scenario;

const MASTER_AND_REPLICA: &str = "vitrine 1\nseed 9\nnodes redismaster redisslave1\n\
    conf redismaster <<END\nport 6379\nappendonly yes\nrequirepass abc123\nmasterauth abc123\nEND\n\
    conf redisslave1 <<END\nport 6379\nappendonly yes\nrequirepass abc123\nreplicaof 10.0.0.1 6379\nmasterauth abc123\nEND\n";

fn started(engine: &mut Engine) {
    while engine.starting() && engine.now_us() < engine.world().setup().start_us + READY_PATIENCE_US {
        engine.advance(&|| 0.0, 1.0);
    }
    assert!(!engine.starting());
}

/// Plays an opened world to the end of its lines, a slice of wall time after the other.
fn played(engine: &mut Engine) {
    engine.handle(ToWorker::Playing { id: 0, playing: true });
    let clock = std::cell::Cell::new(0.0);
    for _ in 0..200_000 {
        if !engine.plays() {
            return;
        }
        clock.set(clock.get() + 7.0);
        engine.advance(&|| clock.get(), 0.0);
    }
    panic!("the scenario goes on at {} us", engine.now_us());
}

fn answer(engine: &mut Engine, message: impl FnOnce(u32) -> ToWorker) -> Result<Answer, String> {
    const ID: u32 = 77;
    engine.take_out();
    engine.handle(message(ID));
    let found = engine.take_out().into_iter().find_map(|message| match message {
        FromWorker::Answer { id: ID, result } => Some(result),
        _ => None,
    });
    found.expect("an answer")
}

fn line(engine: &mut Engine, line: &str) {
    let done = answer(engine, |id| ToWorker::Line { id, line: line.into() });
    done.unwrap_or_else(|why| panic!("{line}: {why}"));
}

fn look(engine: &mut Engine, look: Look) -> Seen {
    match answer(engine, |id| ToWorker::Look { id, look }) {
        Ok(Answer::Seen(seen)) => *seen,
        other => panic!("{other:?}"),
    }
}

fn ledger(engine: &mut Engine) -> crate::look::ledger::Ledger {
    match look(engine, Look::Ledger) {
        Seen::Ledger(ledger) => ledger,
        other => panic!("{other:?}"),
    }
}

fn list(engine: &mut Engine, class: &str) -> Vec<Vec<String>> {
    match look(engine, Look::Writes(class.into())) {
        Seen::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

fn shared(engine: &mut Engine, link: bool) -> Result<String, String> {
    match answer(engine, |id| ToWorker::Share { id, link })? {
        Answer::Said(text) => Ok(text),
        other => panic!("{other:?}"),
    }
}

fn shown(engine: &mut Engine) -> String {
    engine.release(u64::MAX);
    let entries = engine.take_out().into_iter().filter_map(|message| match message {
        FromWorker::Terminal { entries, .. } => Some(entries),
        _ => None,
    });
    entries.flatten().map(|entry| entry.text + "\n").collect()
}

#[test]
fn an_opened_world_waits_and_then_runs_as_the_scenario_does_anywhere() {
    let text = "vitrine 1\ntitle \"A master fails\"\nseed 7\nexpect formed within 30s\ncluster> SET color blue\nexpect ok\n\
                after 2s crash A1\nexpect role A2 master within 15s\nrun for 2s\nexpect keys A1 5\n";
    let mut engine = Engine::open(text, true).unwrap();
    assert_eq!(engine.boot().opened, "From a scenario: A master fails, seed 0x00000007, 2\u{a0}actions.");
    for _ in 0..10 {
        assert!(!engine.advance(&|| 0.0, 1.0));
    }
    assert_eq!((engine.world().events(), engine.now_us()), (0, 0), "nothing happens before Play");
    assert!(engine.starting() && matches!(engine.phase(), Phase::Starting { .. }));
    played(&mut engine);
    let (world, outcome) = Scenario::parse(text).unwrap().run(u64::MAX).unwrap();
    let said = shown(&mut engine);
    assert!(said.contains(":\tcrash A1"), "{said}");
    assert!(said.contains("`expect keys A1 5` does not hold: "), "{said}");
    assert!(said.contains(&format!("{} held, 1 did not.", expectations_of(outcome.held))), "{said}");
    // The clock of the page may have gone on a little after the last line.
    let to = engine.now_us() + 10_000;
    run_until(&mut engine, "a little later", |engine| engine.now_us() >= to);
    let mut again = world.clone();
    again.run_until(engine.now_us());
    assert_eq!(engine.world().hash(), again.hash());
}

fn expectations_of(n: usize) -> String {
    crate::words::count(n, "expectation", "expectations")
}

#[test]
fn a_shared_run_is_the_same_to_the_last_byte_wherever_it_is_opened() {
    let mut engine = formed(5);
    engine.handle(ToWorker::Type { tab: 0, line: "SET color blue".into() });
    run_until(&mut engine, "it is answered", |engine| acknowledged(engine) == 1);
    line(&mut engine, "crash A1 for 5s");
    let to = engine.now_us() + 12_000_000;
    run_until(&mut engine, "twelve seconds later", |engine| engine.now_us() >= to);
    let link = shared(&mut engine, true).unwrap();
    let hash = engine.world().hash();
    for given in [format!("https://example.org/vitrine/{link}"), link, shared(&mut engine, false).unwrap()] {
        let mut other = Engine::open(&given, true).unwrap();
        assert!(other.boot().opened.contains("seed 0x00000005, "), "{}", other.boot().opened);
        played(&mut other);
        assert_eq!(other.world().hash(), hash);
        assert!(!other.playing, "the end is there to be looked at");
        assert!(other.head().contains("seed 5") && !other.head().contains("crash"), "{}", other.head());
        let said = shown(&mut other);
        assert!(said.contains("The scenario is over. 1\u{a0}expectation held."), "{said}");
        assert!(
            said.contains("SET color blue") && said.contains("OK\n"),
            "it is typed again, and answered: {said}"
        );
    }
}

#[test]
fn what_cannot_be_opened_or_shared_is_said_in_a_sentence() {
    let refused = |text: &str| Engine::open(text, true).err().expect(text);
    assert!(refused("#s=AQ").contains("cut short or was changed"), "{}", refused("#s=AQ"));
    assert!(refused("#s=\u{1f600}").contains("this is no link"), "{}", refused("#s=\u{1f600}"));
    assert!(refused(&format!("#s={}", "A".repeat(70_000))).contains("too many for a link"));
    assert!(refused("").contains("vitrine 1"));
    assert!(refused("vitrine 1\nkill A9\n").contains("line 2, column 6: there is no node `A9`"));
    let other = "vitrine 1\nengine 0123456789abcdef\nseed 1\n";
    assert!(Engine::open(other, true).unwrap().boot().opened.contains("Another version of the engine"));

    let engine = formed(6);
    let images = engine.world().durable_images();
    let mut again = Engine::restore(6, 1, &images, engine.wall_us(), engine.now_us()).unwrap();
    assert!(shared(&mut again, true).unwrap_err().contains("its seed alone does not give it again"));
}

#[test]
fn a_master_and_a_replica_with_a_password_are_up_and_come_back_after_a_reload() {
    let mut engine = Engine::open(MASTER_AND_REPLICA, false).unwrap();
    started(&mut engine);
    let linked = |engine: &mut Engine| {
        let nodes = engine.state().cluster.nodes;
        let replica = &nodes[1];
        nodes[0].master
            && !replica.master
            && replica.replica_of == Some(0)
            && replica.link == LinkState::Online
    };
    run_until(&mut engine, "the replica follows", linked);
    line(&mut engine, "redismaster> AUTH abc123");
    line(&mut engine, "redismaster> SET color blue");
    run_until(&mut engine, "the write is safe", |engine| ledger(engine).safe == 1);

    let images = engine.world().durable_images();
    let setup = crate::engine::begin::setup_of(engine.head(), engine.seed()).unwrap();
    let (wall_us, cut_us) = (engine.wall_us(), engine.now_us());
    let mut again = Engine::restore_as(setup, 1, &images, wall_us, cut_us).unwrap();
    assert_eq!(again.head(), engine.head(), "a reload of the reload knows it too");
    started(&mut again);
    run_until(&mut again, "the replica follows again", linked);
    assert_eq!(again.state().cluster.nodes.iter().map(|n| n.keys).collect::<Vec<_>>(), [1, 1]);
    // The usual six nodes need no words.
    assert_eq!(formed(1).head(), "");
}

/// Outside of a cluster no node says what it is: the lanes take it from its link, and from what it is now.
#[test]
fn a_replica_without_a_cluster_has_a_replicas_lane() {
    let mut engine = Engine::open(MASTER_AND_REPLICA, false).unwrap();
    started(&mut engine);
    let (mut states, mut wall_ms) = (vec![None; 2], 0.0);
    let mut until = |engine: &mut Engine, wanted: [LaneState; 2]| {
        for _ in 0..2000 {
            wall_ms += 7.0;
            engine.advance(&|| wall_ms, 1.0);
            for item in engine.frame().map_or_else(Vec::new, |frame| frame.tape) {
                if let TapeItem::Lane { node, state, .. } = item {
                    states[usize::from(node)] = Some(state);
                }
            }
            if states == wanted.map(Some) {
                return;
            }
        }
        panic!("{states:?}");
    };
    engine.handle(ToWorker::Playing { id: 0, playing: true });
    until(&mut engine, [LaneState::Master, LaneState::Replica]);
    line(&mut engine, "redisslave1> AUTH abc123");
    line(&mut engine, "redisslave1> REPLICAOF NO ONE");
    until(&mut engine, [LaneState::Master, LaneState::Master]);
}

#[test]
fn a_node_that_is_refused_says_why_where_it_was_started() {
    let mut engine = formed(3);
    line(&mut engine, "kill A1");
    line(&mut engine, "write-conf A1 \"port 7001\\nappendfsync sometimes\\n\"");
    let why = answer(&mut engine, |id| ToWorker::Line { id, line: "start A1".into() }).unwrap_err();
    assert!(why.starts_with("A1 refused to start: ") && why.contains("appendfsync"), "{why}");
    line(&mut engine, "write-conf A1 \"port 7001\\ncluster-enabled yes\\n\"");
    line(&mut engine, "start A1");
}

#[test]
fn a_copied_dump_is_what_the_node_has() {
    let mut engine = formed(3);
    ask(&mut engine, 1, None, "SET b v").unwrap();
    ask(&mut engine, 2, Some("A1"), "SAVE").unwrap();
    let saved = |name: &str, path: &str| engine.world().read_file(name, path);
    let dump = saved("A1", "dump-1.rdb").expect("A1 has saved");
    let keys = engine.state().cluster.nodes[0].keys;
    let mut other = Engine::open_dump(4, dump, 1_800_000_000_000_000).unwrap();
    started(&mut other);
    assert_eq!(other.state().cluster.nodes[0].keys, keys);
    assert_eq!(other.wall_us() / 1_000_000_000, 1_800_000_000_000_000 / 1_000_000_000);
    assert!(Engine::open_dump(4, b"no dump".to_vec(), 0).err().unwrap().contains("begin with REDIS"));
}

#[test]
fn a_wall_around_a_master_loses_writes_and_the_list_names_the_cause() {
    let mut engine = formed(11);
    assert_eq!(ledger(&mut engine).ribbon, "");
    // A client that knows of A1 alone stays with it behind the wall.
    line(&mut engine, "workload app seeds A1 clients 4 rate 50 reads 0% keys 100");
    line(&mut engine, "partition A1 app | B1 C1 A2 B2 C2");
    let to = engine.now_us() + 3_000_000;
    run_until(&mut engine, "some writes", |engine| engine.now_us() >= to);
    let before = ledger(&mut engine);
    assert!(before.at_risk > 0 && before.lost == 0, "{before:?}");
    assert!(before.ribbon.ends_with('r') && before.cause.contains("A1"), "{before:?}");
    let rows = list(&mut engine, "at-risk");
    assert_eq!(rows[0], ["A1"], "only A1 has them");
    assert!(rows.len() > 1 && rows[1][4] == "A1" && rows[1][0] == "app", "{:?}", rows.get(1));
    run_until(&mut engine, "A2 is elected", |engine| engine.state().cluster.nodes[3].master);
    line(&mut engine, "heal");
    run_until(&mut engine, "writes are lost", |engine| ledger(engine).lost > 0);
    let summary = engine.world().ledger_summary().unwrap();
    let after = ledger(&mut engine);
    assert_eq!((after.safe, after.at_risk, after.lost), (summary.safe, summary.at_risk, summary.lost));
    let named = |loss: &vitrine_core::sim::ledger::Loss| after.cause.contains(&loss.cause.text);
    assert!(summary.losses.iter().any(named), "{after:?}");
    let rows = list(&mut engine, "lost");
    let texts: Vec<&String> = summary.losses.iter().map(|loss| &loss.cause.text).collect();
    assert!(rows[1..].iter().all(|row| texts.contains(&&row[6]) && row[5] == "nowhere"), "{rows:?}");
    assert_eq!(rows.len() as u64 - 1, summary.lost.min(100));
    assert!(after.ribbon.contains('l'), "{after:?}");
}

#[test]
fn a_workload_has_its_row_and_its_lines_in_the_charts() {
    let mut engine = formed(12);
    line(&mut engine, "workload app rate 200 reads 50% keys 100");
    let to = engine.now_us() + 5_000_000;
    run_until(&mut engine, "five seconds", |engine| engine.now_us() >= to);
    let Seen::Rows(rows) = look(&mut engine, Look::Workloads) else { panic!("rows") };
    assert_eq!((rows.len(), rows[0][0].as_str(), rows[0][1].as_str()), (1, "app", "running"));
    assert_eq!(rows[0][9], "workload app rate 200 keys 100");
    let Seen::Lines(lines) = look(&mut engine, Look::Charts) else { panic!("lines") };
    let of = |name: &str| &lines.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name}")).1;
    let last = |name: &str| *of(name).last().unwrap();
    assert!((100.0..300.0).contains(&last("ops acknowledged")), "{:?}", of("ops acknowledged"));
    assert!(last("latency p99.9") >= last("latency p50") && last("latency p50") > 0.0);
    assert!(last("memory A1") > 800_000.0 && last("offset A1") > 0.0 && last("lag A1") == 0.0);
    assert!(lines.iter().all(|(_, values)| values.len() == of("t").len()));
    // Who goes back has no points of what is not yet.
    let back = engine.now_us() / 1_000_000 - 3;
    line(&mut engine, &format!("goto {back}s"));
    let Seen::Lines(lines) = look(&mut engine, Look::Charts) else { panic!("lines") };
    assert!(lines[0].1.last().is_some_and(|&t| t <= back as f64), "{:?}", lines[0]);
}
