//! A frozen sample in place of the engine, for work on drawing (`--features sample`). It is never in what ships.

use crate::app::App;
use crate::link;
use crate::shared::Shared;
use crate::ui::{Act, MenuTarget, Pane, Panel};
use std::rc::Rc;
use vitrine_web::model::*;
use vitrine_web::protocol::{Storage, TermEntry, TermKind};

fn node(name: &str, shard: u16, of: Option<u16>) -> Node {
    Node {
        name: name.into(),
        id: format!("{:0<40}", format!("5be1{shard}04c7{}", name.to_lowercase())),
        addr: format!("10.0.0.{}:700{}", shard + 1, shard + 1 + if of.is_some() { 3 } else { 0 }),
        shard,
        process: Process::Up,
        process_since_us: 0,
        master: of.is_none(),
        replica_of: of,
        cluster_ok: true,
        epoch_current: 8,
        epoch_config: [8, 2, 3][usize::from(shard) % 3],
        keys: 6104 - u64::from(shard) * 117,
        offset: 1_284_991 + i64::from(shard) * 8000,
        lag_bytes: of.map(|_| if shard == 2 { 122 } else { 0 }),
        link: if of.is_some() { LinkState::Online } else { LinkState::None },
        progress_percent: None,
        disk: Disk { synced: 240_000, written: 14_000, buffered: 6_000 },
        candidate: None,
        isolated: false,
    }
}

fn message(id: u64, kind: Kind, from: u16, to: u16) -> Message {
    Message { id, kind, from, to, sent_us: 100_000_000, arrive_us: 100_001_000, dropped: false }
}

/// Shows the sample that the URL's hash names: `#healthy`, `#failover`, `#partition`, `#menu`, `#stopped`, …
pub fn show(app: &mut App) {
    let hash = link::window().location().hash().unwrap_or_default();
    let has = |w: &str| hash.contains(w);
    let mut nodes = vec![
        node("A1", 0, None),
        node("B1", 1, None),
        node("C1", 2, None),
        node("A2", 0, Some(0)),
        node("B2", 1, Some(1)),
        node("C2", 2, Some(2)),
    ];
    let claim = |start, end, node, epoch| Claim { start, end, node, epoch, accepted: true, served: true };
    let mut claims = vec![claim(0, 5460, 0, 8), claim(5461, 10922, 1, 2), claim(10923, 16383, 2, 3)];
    let mut beliefs = vec![vec![Belief::Ok; 6]; 6];
    let mut groups = vec![];
    let mut cluster_ok = true;
    let mut slots_ok = SLOTS;
    let mut messages =
        vec![message(1, Kind::Ping, 1, 0), message(2, Kind::Pong, 2, 4), message(3, Kind::Ping, 3, 5)];
    if has("failover") {
        nodes[0].process = Process::Crashed;
        nodes[0].process_since_us = 94_800_000;
        nodes[3].candidate = Some(Candidate { epoch: 9, rank: 0, votes: 1, needed: 2 });
        nodes[3].link = LinkState::Down;
        claims[0].served = false;
        beliefs[0].clear();
        for o in 1..6 {
            beliefs[o][0] = if o == 5 { Belief::Pfail } else { Belief::Fail };
        }
        cluster_ok = false;
        slots_ok = 10923;
        messages.push(message(4, Kind::Fail, 1, 5));
        messages.push(message(5, Kind::AuthRequest, 3, 2));
        messages.push(message(6, Kind::AuthAck, 1, 3));
    }
    if has("partition") {
        groups = vec![vec![0], vec![1, 2, 3, 4, 5]];
        nodes[3].master = true;
        nodes[3].replica_of = None;
        nodes[3].link = LinkState::None;
        nodes[3].lag_bytes = None;
        nodes[3].epoch_config = 9;
        nodes[0].isolated = true;
        claims[0].node = 3;
        claims[0].epoch = 9;
        claims.push(Claim { accepted: false, ..claim(0, 5460, 0, 8) });
        for o in 1..6 {
            beliefs[o][0] = Belief::Fail;
        }
        for s in 1..6 {
            beliefs[0][s] = Belief::Pfail;
        }
    }
    let cluster = Cluster {
        ok: cluster_ok,
        slots_ok,
        slots_assigned: SLOTS,
        epoch: 8,
        nodes: nodes.clone(),
        claims,
        beliefs,
        groups,
        cuts: vec![],
        faults: vec![],
    };
    app.boot = Some(Shared::new(Boot {
        seed: "5eed2f81".into(),
        restored: false,
        start_us: 0,
        nodes: nodes
            .iter()
            .map(|n| BootNode {
                name: n.name.clone(),
                addr: n.addr.clone(),
                conf: "port 7001\ncluster-enabled yes\ncluster-config-file cluster-node-1.conf\ncluster-node-timeout 5000\nappendonly yes\nappendfilename node-1.aof\ndbfilename dump-1.rdb\n".into(),
            })
            .collect(),
    }));
    app.tape = Shared::new(crate::tape::Tape::new(6, 0));
    let mut tape = Vec::new();
    for i in 0..6u16 {
        tape.push(TapeItem::Lane {
            node: i,
            at_us: 0,
            state: if i < 3 { LaneState::Master } else { LaneState::Replica },
        });
    }
    let all = [
        LaneState::Syncing,
        LaneState::Loading,
        LaneState::Paused,
        LaneState::CutOff,
        LaneState::Pfail,
        LaneState::Fail,
        LaneState::Election,
        LaneState::Down,
    ];
    for (k, state) in all.into_iter().enumerate() {
        tape.push(TapeItem::Lane {
            node: (k % 6) as u16,
            at_us: 80_000_000 + (k / 6) as u64 * 8_000_000,
            state,
        });
    }
    tape.push(TapeItem::Mark {
        node: None,
        at_us: 85_000_000,
        mark: TapeMark::Crash,
        text: "A1 lost power".into(),
    });
    tape.push(TapeItem::Mark {
        node: Some(3),
        at_us: 92_000_000,
        mark: TapeMark::Up,
        text: "A2 became master".into(),
    });
    let mut frame = Frame {
        now_us: 102_318_000,
        playing: true,
        speed: 1.0,
        phase: Phase::Live,
        cluster: Some(cluster),
        messages,
        dropped: vec![],
        traffic: vec![],
        tape,
        steps: 1,
    };
    app.take_frame(frame.clone());
    frame.cluster = None;
    frame.messages.clear();
    frame.tape.clear();
    for _ in 0..3 {
        frame.now_us += 1000;
        let soon = frame.clone();
        app.nudge(soon, 80.0);
    }
    let line = |kind, text: &str, tag: Option<&str>| TermEntry {
        kind,
        text: text.into(),
        tag: tag.map(Into::into),
        from: None,
    };
    let tab = app.term.entry(0).or_default();
    tab.prompt = "10.0.0.2:7002>".into();
    tab.entries = Rc::new(vec![
        line(TermKind::Typed, "10.0.0.1:7001>\tSET name vitrine", None),
        line(TermKind::Redirect, "-> Redirected to slot [5798] located at 10.0.0.2:7002", None),
        line(TermKind::Reply, "OK", Some("status")),
        line(TermKind::Typed, "10.0.0.2:7002>\tINCR name", None),
        line(TermKind::Error, "(error) ERR value is not an integer or out of range", None),
    ]);
    app.storage = Some(Storage::Kept { cut_us: 102_000_000, bytes: 184_302, commits: 12 });
    app.detail = Some(Shared::new(Detail {
        node: 0,
        log: (0..30)
            .map(|i| LogLine {
                at_us: i * 3_000_000,
                mark: if i % 7 == 0 { '#' } else { '*' },
                text: format!("Background saving started by pid {i}"),
            })
            .collect(),
        files: vec![FileView {
            path: "appendonlydir/node-1.aof.1.incr.aof".into(),
            len: 254_000,
            synced: 240_000,
        }],
        replication: vec![("role".into(), "master".into())],
        appendfsync: "everysec".into(),
    }));
    if has("node") || has("beliefs") || has("disk") || has("config") || has("log") || has("repl") {
        app.selected = Some(0);
    }
    app.pane = match () {
        _ if has("beliefs") => Pane::Beliefs,
        _ if has("disk") => Pane::Disk,
        _ if has("config") => Pane::Config,
        _ if has("repl") => Pane::Replication,
        _ if has("log") => Pane::Log,
        _ => Pane::Keys,
    };
    app.panel = match () {
        _ if has("mterm") => Panel::Term,
        _ if has("minsp") => Panel::Insp,
        _ if has("mtape") => Panel::Tape,
        _ => Panel::Lesson,
    };
    if has("menu") {
        app.menu = Some((MenuTarget::Node(0), 700, 240));
    }
    if has("help") {
        app.help = true;
    }
    if has("stopped") {
        app.stopped = Some("panicked at core/src/x.rs:12:3: index out of bounds".into());
    }
    let _ = Act::CloseMenu;
    let root = link::document().document_element();
    if let (Some(root), true) = (root, has("light")) {
        let _ = root.set_attribute("data-theme", "light");
    }
}
