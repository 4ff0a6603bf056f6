//! Every row is a line that the engine reads, and together they are everything that the simulator can do.

use super::*;
use std::collections::BTreeSet;
use vitrine_core::sim::fault::{Action, Delay, Fault, Scope, Shape};
use vitrine_core::sim::scenario::{self, Command};

fn cluster() -> Cluster {
    Cluster { claims: Vec::new(), ..Cluster::six() }
}

fn subject(row: &Row) -> Subject {
    let (a, b) = match row.on {
        On::Node | On::Link => ("A1", "B1"),
        On::Nodes => ("A1 A2", ""),
        On::Message => ("812", "12.5s"),
        On::World => ("", ""),
    };
    Subject { a: a.into(), b: b.into() }
}

/// The arguments of a row; an empty redis.conf is none.
fn usual(row: &Row) -> Vec<String> {
    let filled = |arg: &Arg| match arg.asks {
        Asks::Conf => quote("port 7001\nappendonly \"yes\"\n"),
        _ => arg.usual().to_owned(),
    };
    row.args.iter().map(filled).collect()
}

fn parsed(row: &Row, args: &[String], lasting: &str) -> Vec<Command> {
    let lines = row.lines(&cluster(), &subject(row), args, lasting);
    assert!(!lines.is_empty(), "{}: no line", row.name);
    let read =
        |line: &str| scenario::parse_line(line).unwrap_or_else(|e| panic!("{}: {line}: {e}", row.name));
    lines.lines().map(read).collect()
}

#[test]
fn every_row_is_a_line_of_the_language() {
    for row in ROWS {
        parsed(row, &usual(row), "");
        if row.lasts() {
            parsed(row, &usual(row), "10s");
        }
        for (n, arg) in row.args.iter().enumerate() {
            let values: Vec<&str> = match arg.asks {
                Asks::Text { presets, .. } => presets.to_vec(),
                Asks::Choice(of) => of.iter().map(|(word, _)| *word).collect(),
                Asks::Conf => Vec::new(),
            };
            for value in values {
                let mut args = usual(row);
                args[n] = value.to_owned();
                parsed(row, &args, "");
            }
        }
    }
}

/// Numbers the kinds of fault; a new one does not compile without a number, and then wants a row.
fn kind(fault: &Fault) -> usize {
    use Fault as F;
    match fault {
        F::Kill { .. } => 0,
        // The cut at a byte is the durability lens's: a menu knows no place in a file.
        F::PowerLoss { .. } | F::PowerLossAt { .. } => 1,
        F::Shutdown { .. } => 2,
        F::Pause { .. } => 3,
        F::SlowCpu { .. } => 4,
        F::Cut { .. } => 5,
        F::Hold { .. } => 6,
        F::Loss { .. } => 7,
        F::Latency { delay: Delay::Fixed { .. }, .. } => 8,
        F::Latency { delay: Delay::Uniform { .. }, .. } => 9,
        F::Latency { delay: Delay::Normal { .. }, .. } => 10,
        F::Latency { delay: Delay::Pareto { .. }, .. } => 11,
        F::Bandwidth { .. } => 12,
        F::Duplicate { .. } => 13,
        F::Reorder { .. } => 14,
        F::Partition { shape: Shape::Groups { .. } } => 15,
        F::Partition { shape: Shape::OneWay { .. } } => 16,
        F::Partition { shape: Shape::Halves } => 17,
        F::Partition { shape: Shape::Minority } => 18,
        F::Partition { shape: Shape::Majority } => 19,
        F::Partition { shape: Shape::Bridge { .. } } => 20,
        F::ClockJump { .. } => 21,
        F::ClockDrift { .. } => 22,
        F::ClockFreeze { .. } => 23,
        F::DiskFull { .. } => 24,
        F::DiskReadOnly { .. } => 25,
        F::DiskEio { .. } => 26,
        F::DiskSlow { .. } => 27,
        F::DiskStall { .. } => 28,
        F::FsyncLies { .. } => 29,
        F::LostRename { .. } => 30,
    }
}
const KINDS: usize = 31;

/// The same for actions that are no faults; what visitors type and clients do is none of the palette's.
fn other(action: &Action) -> Option<usize> {
    use Action as A;
    Some(match action {
        A::Start { .. } => 0,
        A::Resume { .. } => 1,
        A::Restart { conf: None, empty_disk: false, .. } => 2,
        A::Restart { conf: Some(_), .. } => 3,
        A::Restart { empty_disk: true, .. } => 4,
        A::WipeDisk { .. } => 5,
        A::WriteConf { .. } => 6,
        A::SyncDisk { .. } => 7,
        A::FlipBits { .. } => 8,
        A::ResetConnections { .. } => 9,
        A::DropMessage { reset: false, .. } => 10,
        A::DropMessage { reset: true, .. } => 11,
        A::DelayMessage { .. } => 12,
        A::DuplicateMessage { .. } => 13,
        A::Heal { scope: Scope::Everything } => 14,
        A::Heal { scope: Scope::Network } => 15,
        A::Heal { scope: Scope::Link { .. } } => 16,
        A::Heal { scope: Scope::Node { .. } } => 17,
        A::Heal { scope: Scope::Process { .. } } => 18,
        A::Heal { scope: Scope::Disk { .. } } => 19,
        A::Heal { scope: Scope::Clock { .. } } => 20,
        // `end N` is in the list of active faults.
        A::Fault { .. } | A::EndFault { .. } => return None,
        A::OpenTerminal { .. }
        | A::TypeLine { .. }
        | A::Interrupt { .. }
        | A::AddClient { .. }
        | A::Connect { .. }
        | A::Send { .. }
        | A::Disconnect { .. }
        | A::StartWorkload { .. }
        | A::StopWorkload { .. } => return None,
    })
}
const OTHERS: usize = 21;

#[test]
fn the_rows_are_everything_that_the_simulator_can_do() {
    let (mut faults, mut others) = (BTreeSet::new(), BTreeSet::new());
    for row in ROWS {
        for command in parsed(row, &usual(row), "") {
            match command {
                Command::Act(Action::Fault { fault, .. }) => {
                    faults.insert(kind(&fault));
                }
                Command::Act(action) => others.extend(other(&action)),
                _ => {}
            }
        }
    }
    assert_eq!(faults, (0..KINDS).collect(), "a fault of the simulator has no row");
    assert_eq!(others, (0..OTHERS).collect(), "something that can be done has no row");
}

#[test]
fn sets_are_who_they_say() {
    let mut c = cluster();
    let lines = |c: &Cluster, name: &str| {
        let row = ROWS.iter().find(|r| r.name == name).unwrap();
        row.usual_lines(c, &Subject::default())
    };
    assert_eq!(lines(&c, "Lose the majority of masters"), "crash A1\ncrash B1");
    assert_eq!(lines(&c, "Cut all replication"), "cut A1 A2\ncut B1 B2\ncut C1 C2");
    assert!(lines(&c, "Rolling restart").starts_with("restart A1\nexpect process A1 ended within 120s"));
    c.nodes[0].process = Process::Crashed;
    assert_eq!(lines(&c, "Full disk on all masters"), "disk-full B1\ndisk-full C1");
    assert_eq!(lines(&c, "Power cut in the whole data centre").lines().count(), 5);
}

#[test]
fn a_process_gets_what_fits_it() {
    let mut c = cluster();
    let names = |c: &Cluster| {
        let fitting = Family::Process.rows().filter(|r| r.fits_node(c, 0));
        fitting.map(|r| r.name).collect::<Vec<_>>()
    };
    assert!(names(&c).contains(&"Pause") && !names(&c).contains(&"Start"));
    c.nodes[0].process = Process::Paused;
    assert!(names(&c).contains(&"Resume") && names(&c).contains(&"Kill process"));
    c.nodes[0].process = Process::Crashed;
    assert!(names(&c).contains(&"Start") && !names(&c).contains(&"Crash (power loss)"));
}

#[test]
fn names_are_never_taken_for_words() {
    for name in ["for", "forward", "halves", "redis master", "p99", "a\"b\\c", "A1"] {
        let subject = Subject { a: name_in_line(name), b: "B1".into() };
        let row = ROWS.iter().find(|r| r.name == "Pause").unwrap();
        let line = row.usual_lines(&cluster(), &subject);
        let read = scenario::parse_line(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(read, Command::Act(Fault::Pause { node: name.into() }.now()), "{line}");
    }
}

#[test]
fn every_row_has_a_name_of_its_own_in_its_menu_and_a_symbol() {
    let page = include_str!("../../../static/index.html");
    for (n, row) in ROWS.iter().enumerate() {
        assert!(
            page.contains(&format!("<symbol id=\"{}\"", row.icon)),
            "{}: no symbol {}",
            row.name,
            row.icon
        );
        assert!(row.help.ends_with('.'), "{}", row.name);
        for same in &ROWS[n + 1..] {
            assert!((same.family, same.name) != (row.family, row.name), "{} is there twice", row.name);
        }
    }
}

/// The list of faults, the badges and the tape show what the palette shows.
#[test]
fn an_action_has_the_icon_of_the_row_that_does_it() {
    let icon = |line: &str| row_of(line).map(|at| ROWS[usize::from(at)].icon);
    for (line, expected) in [
        ("cut A1 B1", "i-cut"),
        ("cut A1 B1 forward for 3s", "i-oneway"),
        ("hold A1 B1 forward", "i-clamp"),
        ("partition A1 | B1 C1", "i-wall"),
        ("partition one-way A1 | B1", "i-wall1"),
        ("partition minority", "i-wall"),
        ("clock-rate A1 0.3x", "i-drift"),
        ("disk-full A1", "i-dfull"),
        ("slow-cpu A1 10x", "i-cpu"),
        ("crash A1 keeping torn", "i-bolt"),
    ] {
        assert_eq!(icon(line), Some(expected), "{line}");
    }
    assert_eq!(icon("workload app rate 5"), None);
}
