//! Terminals print what redis-cli prints: sessions of the real one (7.0.15), recorded in tests/transcripts, are typed again.
//! Runs natively and in a browser.
//!
//! In a transcript `<…>` is what was typed behind a prompt, `$` begins a command line of `redis-cli --cluster`, `#` a command on a node (`# 3 …`)
//! or through the cluster (`# 1c …`), and `@3` is the id of the node on port 7003. The order in which a node lists the others is its own
//! affair, in Redis too, so lists of nodes are compared sorted.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::collections::VecDeque;
use vitrine_core::sim::setup::{NodeSetup, Setup};
use vitrine_core::sim::{Action, Scenario, Target, TermKind, TermLine, World};
use vitrine_core::store::slot::key_slot;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const SECOND_US: u64 = 1_000_000;
const NODES: usize = 8;

/// A world of nodes that know nothing of each other.
fn strangers(count: usize, conf: &str) -> World {
    let mut setup = Setup::six_nodes(5);
    setup.formation = None;
    setup.nodes = (1..=count)
        .map(|n| NodeSetup {
            name: format!("N{n}"),
            ip: format!("10.0.0.{n}"),
            conf: format!("port {}\n{conf}", 7000 + n),
        })
        .collect();
    let mut world = World::new(setup).unwrap();
    world.run_for(SECOND_US);
    world
}

fn wait(world: &mut World, terminal: u32) {
    for _ in 0..2_000_000 {
        if !world.terminal_busy(terminal) || world.step().is_none() {
            return;
        }
    }
    panic!("the terminal is still busy");
}

/// What a terminal shows for a line, with the answers typed behind the questions.
fn session(world: &mut World, terminal: u32, lines: &[String]) -> String {
    for line in lines {
        world.type_line(terminal, line).unwrap();
        wait(world, terminal);
    }
    let mut out = String::new();
    for line in world.take_terminal_output(terminal) {
        match line.kind {
            TermKind::Input => out += &format!("{}<{}>\n", line.prompt.unwrap_or_default(), line.text),
            _ => out += &format!("{}\n", line.text),
        }
    }
    out
}

#[test]
fn a_session_prints_as_in_redis_cli() {
    let recorded = include_str!("transcripts/redis_cli.txt");
    let mut world = strangers(1, "save \"\"\nenable-debug-command yes\n");
    let terminal = world.terminal(Target::Node("N1".into())).unwrap();
    let is_typed = |line: &&str| line.starts_with("10.0.0.1:7001") && line.ends_with('>');
    for line in recorded.lines().filter(is_typed) {
        let typed = line.split_once("> <").unwrap().1.strip_suffix('>').unwrap();
        world.type_line(terminal, typed).unwrap();
        wait(&mut world, terminal);
    }
    let shown = session(&mut world, terminal, &[]);
    // How long BLPOP took there, and how many clients there were before.
    let own =
        |line: &str| !(line.starts_with("4# \"id\"") || line.starts_with("(1.") && line.ends_with("s)"));
    let shown: Vec<&str> = shown.lines().filter(|l| own(l)).collect();
    let recorded: Vec<&str> = recorded.lines().filter(|l| own(l)).collect();
    for (i, (a, b)) in shown.iter().zip(&recorded).enumerate() {
        assert_eq!(a, b, "line {i}, after {:?}", &recorded[i.saturating_sub(4)..i]);
    }
    assert_eq!(shown.len(), recorded.len());
}

/// A line that begins something of a list whose order is nobody's business.
fn begins_item(line: &str) -> bool {
    let heads = ["M: ", "S: ", "*** New timeout set for ", "[WARNING] Node "];
    heads.iter().any(|head| line.trim_start().starts_with(head))
        || (line.starts_with("10.0.0.") && (line.contains(": ") || line.contains("...) -> ")))
}

/// Sorts the lists, and takes out what depends on the time things take and on what the engine has no code for.
fn normal(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut items: Vec<String> = Vec::new();
    for line in text.lines() {
        let goes_on = !items.is_empty()
            && !line.starts_with(['[', '>', '$', '#', '<'])
            && !line.trim().is_empty()
            && !line.starts_with("  ")
            || (!items.is_empty() && line.starts_with("   "));
        let functions = [">>> Getting functions", ">>> Send FUNCTION", ">>> Failed retrieving Functions"];
        if functions.iter().any(|f| line.starts_with(f)) {
            continue;
        }
        if begins_item(line) {
            items.push(line.to_string());
        } else if goes_on && !line.starts_with("Can I set") && !line.starts_with("How many") {
            let last = items.last_mut().unwrap();
            last.push('\n');
            last.push_str(line);
        } else {
            items.sort();
            out.append(&mut items);
            let dots = !line.is_empty() && line.bytes().all(|b| b == b'.');
            out.push(if dots { String::new() } else { line.to_string() });
        }
    }
    items.sort();
    out.append(&mut items);
    out.join("\n").trim_end().to_string()
}

#[test]
fn the_cluster_manager_prints_and_does_what_redis_cli_does() {
    let recorded = include_str!("transcripts/redis_cli_cluster.txt");
    let conf = "cluster-enabled yes\ncluster-node-timeout 2000\nsave \"\"\n";
    let mut world = strangers(NODES, conf);
    let ids: Vec<String> = (1..=NODES)
        .map(|n| {
            let terminal = world.terminal(Target::Node(format!("N{n}"))).unwrap();
            let id = session(&mut world, terminal, &["CLUSTER MYID".into()]);
            id.lines().last().unwrap().trim_matches('"').to_string()
        })
        .collect();
    let name = |n: usize| format!("@{}", n + 1);
    let to_ids = |text: &str| (0..NODES).fold(text.to_string(), |t, n| t.replace(&name(n), &ids[n]));
    let to_names = |text: &str| {
        (0..NODES).fold(text.to_string(), |t, n| t.replace(&ids[n], &name(n)).replace(&ids[n][..8], &name(n)))
    };
    let mut lines: VecDeque<&str> = recorded.lines().collect();
    let mut sections = 0;
    while let Some(head) = lines.pop_front() {
        if let Some(command) = head.strip_prefix("# ") {
            let (on, command) = command.split_once(' ').unwrap();
            let target = if on.ends_with('c') { Target::Cluster } else { Target::Node(format!("N{on}")) };
            let terminal = world.terminal(target).unwrap();
            session(&mut world, terminal, &[to_ids(command)]);
            if command.contains("SETSLOT") {
                world.run_for(SECOND_US);
            }
            continue;
        }
        let command = head.strip_prefix("$ ").unwrap();
        let mut expected = String::new();
        let mut typed = vec![to_ids(command)];
        while let Some(line) = lines.pop_front_if(|l| !l.starts_with("$ ") && !l.starts_with("# ")) {
            // What was typed behind a question stands between angle brackets; so do arguments in the text of help.
            let question = line.strip_suffix('>').and_then(|l| l.rsplit_once(" <"));
            if let Some((_, answer)) = question.filter(|(q, _)| q.ends_with([':', '?'])) {
                typed.push(to_ids(answer));
            }
            expected += &format!("{line}\n");
        }
        let terminal = world.terminal(Target::Cluster).unwrap();
        let shown = to_names(&session(&mut world, terminal, &typed));
        let shown = shown.split_once('\n').unwrap().1;
        assert_eq!(normal(shown), normal(&expected), "of {command}");
        world.run_for(5 * SECOND_US);
        sections += 1;
    }
    assert!(sections > 35, "{sections} commands were compared");
}

#[test]
fn a_slot_moves_under_traffic_and_no_write_is_lost() {
    let mut world = World::new(Setup::six_nodes(3)).unwrap();
    world.run_for(6 * SECOND_US);
    let writer = world.terminal(Target::Cluster).unwrap();
    let operator = world.terminal(Target::Node("A1".into())).unwrap();
    let id_of =
        |world: &World, name: &str| world.node(name).unwrap().cluster().unwrap().myself().name.to_string();
    let (from, to) = (id_of(&world, "A1"), id_of(&world, "B1"));
    let moves = |key: &String| key_slot(key.as_bytes()) < 40;
    let key = (0..).map(|i| format!("key:{i}")).find(moves).unwrap();
    let line = format!(
        "redis-cli --cluster reshard 10.0.0.1:7001 --cluster-from {from} --cluster-to {to} --cluster-slots 40 --cluster-yes"
    );
    world.type_line(operator, &line).unwrap();
    world.type_line(writer, &format!("2000 INCR {key}")).unwrap();
    wait(&mut world, operator);
    wait(&mut world, writer);
    let shown = session(&mut world, operator, &[]);
    assert!(shown.contains("Moving slot 39 from 10.0.0.1:7001 to 10.0.0.2:7002: \n"), "{shown}");
    let n = session(&mut world, writer, &[format!("GET {key}")]);
    assert!(n.ends_with("\"2000\"\n"), "{n}");
    assert!(n.contains("-> Redirected to slot"), "the slot moved while it was written to");
    let check = session(&mut world, operator, &["--cluster check 10.0.0.4:7004".into()]);
    assert!(check.ends_with("[OK] All 16384 slots covered.\n"), "{check}");
    assert!(check.contains("slots:[0-39],[5461-10922] (5502 slots) master"), "{check}");
}

#[test]
fn ctrl_c_ends_what_runs_and_the_terminal_goes_on() {
    let mut world = World::new(Setup::six_nodes(3)).unwrap();
    world.run_for(6 * SECOND_US);
    let terminal = world.terminal(Target::Node("A1".into())).unwrap();
    for line in ["BLPOP none 0", "SUBSCRIBE news", "--cluster reshard 10.0.0.1:7001"] {
        world.type_line(terminal, line).unwrap();
        world.run_for(SECOND_US);
        world.act(Action::Interrupt { terminal }).unwrap();
        let shown = session(&mut world, terminal, &["PING".into()]);
        assert!(shown.ends_with("10.0.0.1:7001> <PING>\nPONG\n"), "{shown}");
    }
    world.type_line(terminal, "--cluster reshard 10.0.0.1:7001").unwrap();
    wait(&mut world, terminal);
    assert_eq!(world.terminal_prompt(terminal), "How many slots do you want to move (from 1 to 16384)? ");
    assert!(!world.terminal_busy(terminal), "it is the visitor's turn");
}

#[test]
fn a_node_that_is_gone_does_not_hold_the_cluster_manager_up() {
    let text = "vitrine 1\nexpect formed within 30s\ncrash A2\nafter 1s cluster> --cluster check 10.0.0.1:7001\n\
                expect reply like \"*All 16384 slots covered*\" within 20s\ncluster> --cluster import 10.0.0.1:7001\nexpect error like \"*outside the cluster*\"\n";
    let (_, outcome) = Scenario::parse(text).unwrap().run(20_000_000).unwrap();
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn a_question_shows_as_the_prompt_and_its_answer_behind_it() {
    let mut world = strangers(6, "cluster-enabled yes\n");
    let terminal = world.terminal(Target::Node("N1".into())).unwrap();
    let nodes: Vec<String> = (1..=6).map(|n| format!("10.0.0.{n}:{}", 7000 + n)).collect();
    let create = format!("redis-cli --cluster create {} --cluster-replicas 1", nodes.join(" "));
    // Typed ahead, as when many lines are pasted.
    world.type_line(terminal, &create).unwrap();
    world.type_line(terminal, "yes").unwrap();
    world.type_line(terminal, "CLUSTER INFO").unwrap();
    wait(&mut world, terminal);
    let lines: Vec<TermLine> = world.take_terminal_output(terminal);
    let typed: Vec<(String, String)> =
        lines.iter().filter_map(|l| Some((l.prompt.clone()?, l.text.clone()))).collect();
    assert_eq!(
        typed[1],
        ("Can I set the above configuration? (type 'yes' to accept): ".into(), "yes".into())
    );
    assert_eq!(typed[2], ("10.0.0.1:7001> ".into(), "CLUSTER INFO".into()));
    assert!(lines.last().unwrap().text.starts_with("cluster_state:"), "{lines:?}");
}

#[test]
fn of_a_reply_of_millions_of_bytes_the_beginning_is_printed() {
    let mut world = strangers(1, "");
    let terminal = world.terminal(Target::Node("N1".into())).unwrap();
    let typed = ["SETRANGE big 5000000 x", "GET big", "STRLEN big", "RPUSH l a b", "LRANGE l 0 -1"];
    let shown = session(&mut world, terminal, &typed.map(String::from));
    assert!(shown.len() < 2_000_000, "{} bytes", shown.len());
    assert!(shown.contains("256 KiB of a longer reply"));
    assert!(shown.ends_with("1) \"a\"\n2) \"b\"\n"));
}
