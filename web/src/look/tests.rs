//! What panes show of a running cluster, and that looking leaves no trace.

use super::*;
use crate::engine::Engine;
use crate::protocol::{Answer, FromWorker, ToWorker};

fn formed() -> Engine {
    let mut engine = Engine::new(11).unwrap();
    while engine.starting() {
        engine.advance(&|| 0.0, 1.0);
    }
    engine
}

/// Types lines into the cluster's terminal and lets a second pass.
fn typed(engine: &mut Engine, lines: &[&str]) {
    for line in lines {
        engine.handle(ToWorker::Type { tab: 0, line: (*line).to_owned() });
        engine.handle(ToWorker::RunUntil { id: 0, until_us: 50_000, relative: true });
        while engine.advance(&|| 0.0, 1.0) {}
    }
}

fn answers(engine: &mut Engine, wanted: u32) -> Result<Answer, String> {
    let found = engine.take_out().into_iter().find_map(|message| match message {
        FromWorker::Answer { id, result } if id == wanted => Some(result),
        _ => None,
    });
    found.expect("an answer")
}

fn pane(engine: &mut Engine, node: &str, what: What, args: &[&str]) -> Vec<Sheet> {
    let args = args.iter().map(|&a| a.to_owned()).collect();
    engine.handle(ToWorker::Look { id: 77, look: Look::Pane { node: node.to_owned(), what, args } });
    match answers(engine, 77) {
        Ok(Answer::Seen(seen)) => match *seen {
            Seen::Sheets(sheets) => sheets,
            other => panic!("{other:?}"),
        },
        other => panic!("{what:?}: {other:?}"),
    }
}

fn hash(engine: &mut Engine) -> String {
    engine.handle(ToWorker::TraceHash { id: 78 });
    match answers(engine, 78) {
        Ok(Answer::Hash(hash)) => hash,
        other => panic!("{other:?}"),
    }
}

/// One key of each type, one of them with a name that would be harm as HTML.
const WRITES: [&str; 8] = [
    "SET {t}s \"a\\x00b\"",
    "RPUSH {t}l a b c",
    "HSET {t}h field value other 2",
    "SADD {t}set x",
    "ZADD {t}z 1.5 one 2 two",
    "XADD {t}x 1-1 field value n 2",
    "XGROUP CREATE {t}x workers 0",
    "SET \"{t}<img src=x onerror=alert(1)>\" 1 EX 100",
];

#[test]
fn keys_of_every_type_are_read_without_a_trace() {
    let mut engine = formed();
    typed(&mut engine, &WRITES);
    let node = {
        let cluster = engine.world().view();
        let holds = |n: &&vitrine_core::sim::view::NodeEntry| {
            engine.world().node(&n.name).is_some_and(|n| n.status().keys > 0 && n.status().master.is_none())
        };
        cluster.nodes.iter().find(holds).map(|n| n.name.clone()).expect("somebody holds the keys")
    };
    let before = (hash(&mut engine), engine.world().events());
    let keys = pane(&mut engine, &node, What::Keys, &["", "", "", "", "Key"]);
    let names: Vec<&str> = keys[0].rows.iter().map(|r| r[0].as_str()).collect();
    let hostile = "\"{t}<img src=x onerror=alert(1)>\"";
    assert_eq!(names, [hostile, "\"{t}h\"", "\"{t}l\"", "\"{t}s\"", "\"{t}set\"", "\"{t}x\"", "\"{t}z\""]);
    assert_eq!(keys[0].rows[1][1..3], ["hash", "listpack"]);
    assert_eq!(keys[0].note, "");
    let slot = keys[0].rows[0][5].clone();
    let only = |engine: &mut Engine, args: &[&str]| -> Vec<String> {
        pane(engine, &node, What::Keys, args)
            .remove(0)
            .rows
            .into_iter()
            .map(|mut r| r.swap_remove(0))
            .collect()
    };
    assert_eq!(only(&mut engine, &["", "zset", "", "", ""]), ["\"{t}z\""]);
    assert_eq!(only(&mut engine, &["", "", "expires", "", ""]), [hostile]);
    assert_eq!(only(&mut engine, &["*s", "", "", &slot, ""]), ["\"{t}s\""]);
    assert_eq!(only(&mut engine, &["", "hash", "", &slot, ""]), ["\"{t}h\""]);
    assert_eq!(only(&mut engine, &["", "", "", "", "TTL"])[0], hostile);

    let value = |engine: &mut Engine, key: &str| pane(engine, &node, What::Value, &[key, ""]).remove(1);
    let list = value(&mut engine, "\"{t}l\"");
    assert_eq!(list.rows, [["0", "\"a\""], ["1", "\"b\""], ["2", "\"c\""]]);
    assert_eq!(list.note, "");
    assert_eq!(value(&mut engine, "\"{t}h\"").rows, [["\"field\"", "\"value\""], ["\"other\"", "\"2\""]]);
    assert_eq!(value(&mut engine, "\"{t}z\"").rows, [["\"one\"", "1.5"], ["\"two\"", "2"]]);
    let stream = pane(&mut engine, &node, What::Value, &["\"{t}x\"", ""]);
    assert_eq!(stream[1].rows, [["1-1", "\"field\" \"value\" \"n\" \"2\""]]);
    assert_eq!(stream[2].rows, [["\"workers\"", "0", "0", "1", "0-0"]]);
    assert_eq!(pane(&mut engine, &node, What::Value, &["\"{t}x\"", "(1-1"])[1].rows.len(), 0);
    assert_eq!(value(&mut engine, "\"{t}set\"").rows, [["\"x\""]]);
    assert_eq!(value(&mut engine, "\"{t}s\"").rows, [["0", "61 00 62", "a·b"]]);

    // A replica has them too, and every other pane is read of every node; nothing of it is an event.
    for name in ["A1", "B1", "C1", "A2", "B2", "C2"] {
        for what in [What::Disk, What::Config, What::Replication, What::Slow, What::Memory, What::Slots] {
            assert!(!pane(&mut engine, name, what, &[]).is_empty(), "{name} {what:?}");
        }
    }
    assert_eq!((hash(&mut engine), engine.world().events()), before);

    // And the run goes on as one does at which nobody looked.
    let mut other = formed();
    typed(&mut other, &WRITES);
    assert_eq!(hash(&mut other), before.0);
    for engine in [&mut engine, &mut other] {
        typed(engine, &["SET {t}later 1"]);
    }
    assert_eq!(hash(&mut engine), hash(&mut other));
}

#[test]
fn a_huge_value_is_read_in_part() {
    let mut engine = formed();
    typed(&mut engine, &["SETRANGE {t}big 60000000 x"]);
    let node =
        ["A1", "B1", "C1"].into_iter().find(|n| engine.world().node(n).unwrap().status().keys > 0).unwrap();
    let sheets = pane(&mut engine, node, What::Value, &["\"{t}big\"", ""]);
    assert_eq!((sheets[1].rows.len(), sheets[1].note.as_str()), (128, "1024"));
    let end = pane(&mut engine, node, What::Value, &["\"{t}big\"", "59999999"]);
    assert_eq!(end[1].rows, [["59999999", "00 78", "·x"]]);
    assert_eq!(end[1].note, "");
}

#[test]
fn the_lens_shows_commands_and_how_much_of_them_is_durable() {
    let mut engine = formed();
    typed(&mut engine, &["SET {t}a 1"]);
    engine.handle(ToWorker::RunUntil { id: 0, until_us: 3_000_000, relative: true });
    while engine.advance(&|| 0.0, 1.0) {}
    let node =
        ["A1", "B1", "C1"].into_iter().find(|n| engine.world().node(n).unwrap().status().keys > 0).unwrap();
    // The first write of a second is fsynced at once (`everysec`); those that follow wait for the next second.
    let mut open = None;
    for _ in 0..5 {
        typed(&mut engine, &["SET {t}b 2"]);
        let sheets = pane(&mut engine, node, What::Disk, &[]);
        let last = sheets[1].rows.last().unwrap();
        assert_eq!((last[2].as_str(), &last[1]), ("SET {t}b 2", &sheets[0].rows[0][2]));
        let (durable, from): (u64, u64) = (sheets[0].rows[0][1].parse().unwrap(), last[0].parse().unwrap());
        if durable <= from {
            open = Some(sheets);
            break;
        }
    }
    let sheets = open.expect("a write that is not durable yet");
    assert_eq!(sheets[0].title, "everysec");
    assert!(sheets[0].rows[0][0].ends_with(".incr.aof"), "{:?}", sheets[0].rows);
    let last = sheets[1].rows.last().unwrap();
    assert_eq!(sheets[2].rows[0], [last[0].as_str(), "2a 33 0d 0a", "*3··", "3\u{a0}words follow"]);
    let rdb = sheets[0].rows.iter().find(|r| r[0].ends_with(".rdb")).expect("a base file")[0].clone();
    let sections = pane(&mut engine, node, What::Disk, &[&rdb]).remove(1);
    let names: Vec<&str> = sections.rows.iter().map(|r| r[2].split(' ').next().unwrap()).collect();
    assert_eq!((names[0], names[1]), ("REDIS0010", "aux"));
    assert_eq!(names[names.len() - 2..], ["end", "checksum"]);
}

#[test]
fn what_the_page_asks_is_in_no_slow_log_and_no_count() {
    let mut engine = formed();
    typed(&mut engine, &["1 CONFIG RESETSTAT", "SET {t}s v"]);
    let mut own = 0;
    for node in ["A1", "B1", "C1"] {
        engine
            .handle(ToWorker::Line { id: 5, line: format!("{node}> CONFIG SET slowlog-log-slower-than 0") });
        engine.handle(ToWorker::Line { id: 5, line: format!("{node}> SLOWLOG RESET") });
        typed(&mut engine, &[]);
        engine.handle(ToWorker::RunUntil { id: 0, until_us: 50_000, relative: true });
        while engine.advance(&|| 0.0, 1.0) {}
        let sheets = pane(&mut engine, node, What::Slow, &[]);
        let of = |title: &str| sheets.iter().find(|s| s.title == title).map(|s| &s.rows).expect("a sheet");
        let slow: Vec<&str> = of("Slow log").iter().map(|r| r[1].as_str()).collect();
        assert!(
            slow.iter().all(|line| line.starts_with("slowlog")
                || line.starts_with("SLOWLOG")
                || line.starts_with("REPLCONF")
                || line.starts_with("replconf")),
            "{slow:?}"
        );
        let commands: Vec<&str> = of("Commands").iter().map(|r| r[0].as_str()).collect();
        assert!(!commands.iter().any(|c| c.starts_with("latency") || *c == "readonly"), "{commands:?}");
        own += usize::from(commands.contains(&"config|set"));
    }
    assert_eq!(own, 3, "what was typed is counted");
}
