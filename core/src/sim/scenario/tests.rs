//! The language as a whole: every row is read back as it is written, and nothing from outside gets through that does not fit.

use super::grammar::{Args, Part};
use super::*;
use crate::rng::Rng;
use crate::sim::fault::{Fault, Link};
use proptest::prelude::*;

/// A name: mostly plain, sometimes a word of the language or something that needs quotes.
fn any_name(rng: &mut Rng) -> String {
    const ODD: [&str; 14] =
        ["for", "network", "halves", "|", "-", "none", "", "a b", "#x", "<<END", "\"", "žluť", "at", "x>\n"];
    match rng.below(4) {
        0 => ODD[rng.below(ODD.len() as u64) as usize].to_string(),
        _ => format!("{}{}", char::from(b'A' + rng.below(4) as u8), rng.below(9)),
    }
}

fn any_number(rng: &mut Rng, most: u64) -> u64 {
    let wide = rng.next_u64() >> rng.below(64);
    match rng.below(8) {
        0 => most,
        1 => 0,
        _ if most == u64::MAX => wide,
        _ => wide % (most + 1),
    }
}

fn any_names(rng: &mut Rng) -> Vec<String> {
    (0..1 + rng.below(3)).map(|_| any_name(rng)).collect()
}

fn any_arg(rng: &mut Rng, args: Args, name: &'static str, kind: Kind) -> Args {
    let u32_max = u64::from(u32::MAX);
    match kind {
        Kind::Node | Kind::Host | Kind::Text | Kind::Rest | Kind::Block => args.text(name, &any_name(rng)),
        Kind::Time | Kind::Nanos | Kind::Size | Kind::Rate | Kind::Factor | Kind::Seed | Kind::Hash => {
            args.num(name, any_number(rng, u64::MAX))
        }
        Kind::SignedTime => args.num(name, any_number(rng, u64::MAX) as i64),
        Kind::Millis | Kind::Micros | Kind::Length | Kind::Share | Kind::Thousandths | Kind::Times => {
            args.num(name, any_number(rng, u32_max))
        }
        Kind::Number(most) => args.num(name, any_number(rng, most)),
        Kind::Slots => {
            let last = any_number(rng, 16_383);
            args.num(name, any_number(rng, last) << 16 | last)
        }
        Kind::Bytes => args.bytes(name, &(0..rng.below(9)).map(|_| rng.next_u64() as u8).collect::<Vec<_>>()),
        Kind::Percent => args.num(name, any_number(rng, 255)),
        Kind::Names | Kind::NamesTill(_) => args.names(name, &any_names(rng)),
        Kind::Groups => {
            let count = rng.below(4);
            let group = |rng: &mut Rng| if rng.below(5) == 0 { Vec::new() } else { any_names(rng) };
            args.groups(name, &(0..count).map(|_| group(rng)).collect::<Vec<_>>())
        }
        Kind::Choice(words) => args.text(name, words[rng.below(words.len() as u64) as usize].0),
    }
}

fn any_args(rng: &mut Rng, parts: &'static [Part], mut args: Args) -> Args {
    for part in parts {
        args = match part {
            Part::Word(word) => args.flag(word, true),
            Part::Arg(name, kind) => any_arg(rng, args, name, *kind),
            Part::Opt(inner) if rng.below(2) == 0 => any_args(rng, inner, args),
            Part::Either(choices) if rng.below(2) == 0 => {
                let choice = choices[rng.below(choices.len() as u64) as usize];
                any_args(rng, choice, args)
            }
            Part::Opt(_) | Part::Either(_) => args,
        };
    }
    args
}

fn any_command(rng: &mut Rng, verb: &Verb) -> Command {
    (verb.make)(&any_args(rng, verb.parts, Args::new()))
}

/// Reads a command as in a file.
fn read(line: &str) -> Result<Command, ScenarioError> {
    parse(line, 0, None, false).map(|(command, _)| command)
}

#[test]
fn rows_have_keys_of_their_own_and_examples_that_are_read() {
    let mut keys = std::collections::BTreeSet::new();
    for row in table::rows() {
        assert!(keys.insert(row.key), "{}", row.key);
        assert!(row.help.ends_with('.') && !row.help.contains('\n'), "{}", row.help);
        let (command, _) =
            parse(row.example, 0, None, false).unwrap_or_else(|e| panic!("{}: {e}", row.example));
        let Command::When(_) = command else {
            assert_eq!(read(&command.to_string()).unwrap(), command, "{}", row.example);
            continue;
        };
    }
}

/// Arguments that differ from what is understood if nothing is said, with every part that may be left out.
fn full_args(parts: &'static [Part], choice: usize, mut args: Args) -> Args {
    for part in parts {
        args = match part {
            Part::Word(word) => args.flag(word, true),
            Part::Arg(name, Kind::Choice(words)) => args.text(name, words[words.len() - 1].0),
            Part::Arg(name, Kind::Number(_) | Kind::Millis | Kind::Seed | Kind::Percent) => args.num(name, 7),
            Part::Arg(name, Kind::Slots) => args.num(name, 7 << 16 | 9),
            Part::Arg(name, Kind::Bytes) => args.bytes(name, b"x"),
            Part::Arg(name, Kind::Names | Kind::NamesTill(_)) => args.names(name, &["X".into(), "Y".into()]),
            Part::Arg(name, Kind::Groups) => args.groups(name, &[vec!["X".into()], vec!["Y".into()]]),
            Part::Arg(name, Kind::Node | Kind::Host | Kind::Text | Kind::Rest | Kind::Block) => {
                args.text(name, &format!("X{name}"))
            }
            Part::Arg(name, _) => args.num(name, 7_000_000),
            Part::Opt(inner) => full_args(inner, choice, args),
            Part::Either(choices) => full_args(choices[choice % choices.len()], choice, args),
        };
    }
    args
}

#[test]
fn every_argument_of_every_row_is_kept() {
    for row in table::rows().filter(|r| r.name != "say") {
        for choice in 0..6 {
            let args = full_args(row.parts, choice, Args::new());
            assert_eq!((row.make)(&args).to_string(), render(row, &args), "{}", row.key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_line_is_read_back_as_it_was_written(seed: u64) {
        let mut rng = Rng::new(seed);
        for row in table::rows().filter(|r| r.group != Group::When) {
            let command = any_command(&mut rng, row);
            let line = command.to_string();
            prop_assert!(!line.contains('\n'), "{line:?}");
            let again = read(&line).unwrap_or_else(|e| panic!("{line}\n{e}\n{command:?}"));
            prop_assert_eq!(&again, &command, "{}", line);
            if fits(row, true) {
                prop_assert_eq!(&parse_line(&format!(" :{line}")).unwrap(), &command, "{}", line);
            }
        }
    }

    #[test]
    fn no_line_brings_the_parser_down(text in ".*", seed: u64, cut: usize, put: char) {
        let names = Names { nodes: vec!["A1".into(), "for".into()], clients: vec![(0, "operator".into())] };
        let mut rng = Rng::new(seed);
        let rows: Vec<&Verb> = table::rows().collect();
        let row = rows[rng.below(rows.len() as u64) as usize];
        let line = any_command(&mut rng, row).to_string();
        let chars: Vec<char> = line.chars().collect();
        let at = cut % (chars.len() + 1);
        let mut changed: String = chars[..at].iter().collect();
        for line in [&text, &line.clone(), &changed.clone(), &{ changed.push(put); changed.extend(&chars[at..]); changed }] {
            for result in [parse_line(line), read(line)] {
                if let Err(error) = result {
                    let columns = line.chars().count() as u32 + 1;
                    prop_assert!(error.line == 1 && (1..=columns).contains(&error.column), "{error} in {line:?}");
                }
            }
            let completion = complete(line, cut % (line.len() + 1), &names);
            prop_assert!(completion.start <= line.len());
            let _ = Scenario::parse(line);
            let _ = Scenario::parse(&format!("vitrine 1\n{line}\n{line}"));
            let _ = Scenario::from_link(line);
        }
    }
}

fn any_step(rng: &mut Rng, rows: &[&'static Verb], names: &[String]) -> Step {
    let when = match rng.below(5) {
        0 => When::Next,
        1 => When::At { us: any_number(rng, TIME_US_MAX) },
        2 => When::Exact { us: any_number(rng, TIME_US_MAX), after_events: any_number(rng, u64::MAX) },
        3 => When::After { us: any_number(rng, TIME_US_MAX) },
        _ => When::Every {
            us: EVERY_US_MIN + any_number(rng, 1 << 40),
            for_us: (rng.below(2) == 0).then(|| any_number(rng, TIME_US_MAX)),
            times: (rng.below(2) == 0).then(|| any_number(rng, u64::from(u32::MAX)) as u32),
        },
    };
    loop {
        let row = rows[rng.below(rows.len() as u64) as usize];
        let what = any_command(rng, row);
        let line = what.to_string();
        let nodes = parse(&line, 0, None, false).map(|(_, args)| args.nodes).unwrap_or_default();
        if nodes.iter().all(|(_, n)| names.contains(n)) && file::check_step(&when, &what).is_ok() {
            return Step { when, what };
        }
    }
}

fn any_scenario(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut setup = Setup::cluster(
        any_number(&mut rng, u64::MAX),
        1 + rng.below(4) as usize,
        rng.below(3) as usize,
        1 + rng.below(30_000) as u32,
    );
    if rng.below(3) == 0 {
        setup.wall_us = any_number(&mut rng, WALL_US_MAX);
        setup.start_us = any_number(&mut rng, TIME_US_MAX);
    }
    if rng.below(3) == 0 {
        setup.formation = None;
    }
    if rng.below(4) == 0 {
        for (i, node) in setup.nodes.iter_mut().enumerate() {
            node.name = format!("{} {i}", any_name(&mut rng));
            node.ip = format!("192.168.{i}.1");
        }
        setup.formation = None;
    }
    if rng.below(4) == 0 {
        setup.nodes.reverse();
    }
    const CONFS: [&str; 6] =
        ["appendonly yes\n", "", "save \"\"\nEND\n", "# no end of line", "a\r\nb\n", "x \u{1}\n"];
    for node in &mut setup.nodes {
        match rng.below(4) {
            0 => node.conf.push_str(CONFS[rng.below(6) as usize]),
            1 => node.conf = CONFS[rng.below(6) as usize].to_string(),
            _ => {}
        }
    }
    if rng.below(3) == 0 {
        let extra = CONFS[rng.below(3) as usize];
        setup.nodes.iter_mut().for_each(|n| n.conf.push_str(extra));
    }
    if rng.below(2) == 0 {
        setup.net.jitter_us = any_number(&mut rng, 3_600_000_000);
        setup.disk.capacity_bytes = any_number(&mut rng, u64::MAX);
        setup.cpu.element_ns = any_number(&mut rng, 1_000_000_000_000);
    }
    setup.formation.iter_mut().for_each(|formation| formation.formed = rng.below(3) == 0);
    if let Some(formation) = setup.formation.as_mut().filter(|_| rng.below(3) == 0) {
        formation.shards.iter_mut().for_each(|s| s.slots = (s.slots.0, s.slots.0));
    }
    let rows: Vec<&Verb> = table::rows().collect();
    let names: Vec<String> = setup.nodes.iter().map(|n| n.name.clone()).collect();
    let steps = (0..rng.below(20)).map(|_| any_step(&mut rng, &rows, &names)).collect();
    let engine = (rng.below(2) == 0).then(engine_hash);
    Scenario { title: any_name(&mut rng), engine, setup, steps }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_scenario_is_its_text_and_its_link(seed: u64) {
        let scenario = any_scenario(seed);
        prop_assert_eq!(scenario.check(), Ok(()));
        let text = scenario.to_text();
        let again = Scenario::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        prop_assert_eq!(&again, &scenario, "{}", text);
        prop_assert_eq!(again.to_text(), text);
        let link = scenario.to_link().unwrap();
        let opened = Scenario::from_link(&link).unwrap();
        prop_assert_eq!(opened.warning, None);
        prop_assert_eq!(opened.scenario, Scenario { engine: Some(engine_hash()), ..scenario });
    }

    #[test]
    fn a_link_that_was_changed_is_refused(seed: u64, at: usize, digit: u8, cut: usize) {
        let link = any_scenario(seed).to_link().unwrap();
        let mut changed = link.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = b"ABCxyz019-_"[digit as usize % 11];
        let changed = String::from_utf8(changed).unwrap();
        let whole = Scenario::from_link(&link).unwrap();
        match Scenario::from_link(&changed) {
            // What was changed is the mark of the engine, which is only warned of, or the bits that fill up the last byte of
            // the packed text, which say nothing.
            Ok(opened) if opened.warning.is_some() => prop_assert_eq!(opened.scenario.steps, whole.scenario.steps),
            Ok(opened) => prop_assert_eq!(opened.scenario, whole.scenario),
            Err(error) => prop_assert!(matches!(error, LinkError::Damaged | LinkError::Version { .. }), "{error}"),
        }
        prop_assert!(Scenario::from_link(&link[..cut % link.len()]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_scenario_brings_a_world_down(seed: u64) {
        let mut scenario = any_scenario(seed);
        // Most lines are refused by the world; each gets its turn.
        let steps = std::mem::take(&mut scenario.steps);
        let soon = |us: u64| us % 20_000_000;
        for (i, mut step) in steps.into_iter().enumerate() {
            step.when = match step.when {
                When::At { us } | When::Exact { us, .. } => When::After { us: soon(us) },
                when => when,
            };
            if let Command::Say { line, .. } = &mut step.what {
                *line = format!("SET k{i} 1");
            }
            let lone = Scenario { steps: vec![Step { when: When::After { us: 10_000_000 }, what: step.what.clone() }, step], ..scenario.clone() };
            let mut player = lone.play().unwrap();
            player.go_on(3_000);
            let mut world = player.into_host();
            let later = world.now_us() + 5_000_000;
            world.run_until_or_events(later, 3_000);
        }
    }
}

fn refusal(line: &str) -> String {
    parse_line(line).unwrap_err().to_string()
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    assert_eq!(refusal("crsh A1"), "line 1, column 1: there is no command `crsh`; did you mean `crash`?");
    assert_eq!(format!("{:#}", parse_line("foo").unwrap_err()), "there is no command `foo`");
    let twice =
        refusal("say").matches("a line for redis-cli").count() + refusal("heal node").matches("name").count();
    assert_eq!(twice, 1, "what several rows want is said once: {} {}", refusal("say"), refusal("heal node"));
    assert_eq!(
        refusal("pause A1 for 5"),
        "line 1, column 14: `5` does not fit here; expected a time such as 5s, 1.5ms or 2m"
    );
    assert_eq!(
        refusal("loss A1 B1"),
        "line 1, column 11: something is missing at the end; expected forward, backward, a share such as 2% or 500ppm"
    );
    assert_eq!(
        refusal("expect role A2 mastr"),
        "line 1, column 16: `mastr` does not fit here; expected master, replica; did you mean `master`?"
    );
    assert!(
        refusal("kill A1 now")
            .contains("column 9: `now` does not fit here; expected for, the end of the line")
    );
    assert!(refusal("connect 1 \"A1").contains("column 11: this quote is not closed"));
    assert!(refusal("workload app rate 5 keys 9 think 1ms").contains("column 28: `think` does not fit here"));
    assert!(refusal("seed 7").contains("`seed` stands in files"));
    assert!(refusal("at 5s kill A1").contains("stands in files alone; let time pass first, by `run for 5s`"));
    assert!(refusal("every 1s kill A1").contains("`workload` repeats"));
    assert!(refusal("").contains("something is missing"));
    assert!(refusal("disk-slow A1 4294967296x").contains("a whole factor"));
    assert!(refusal("write-conf A1 <<END").contains("in quotes"));
}

fn file_refusal(text: &str) -> String {
    Scenario::parse(text).unwrap_err().to_string()
}

#[test]
fn files_are_refused_with_the_line() {
    assert!(file_refusal("seed 7").contains("line 1, column 1: a scenario begins with the line `vitrine 1`"));
    assert!(file_refusal("").contains("vitrine 1"));
    assert!(
        file_refusal("\n# hello\nvitrine 2\n").contains("line 3, column 1: this is a scenario of version 2")
    );
    assert!(file_refusal("vitrine 1\nat 5s crash A9").contains("line 2, column 13: there is no node `A9`"));
    assert!(file_refusal("vitrine 1\nnodes primary\nkill primry").ends_with("did you mean `primary`?"));
    assert!(
        file_refusal("vitrine 1\nkill A1\nseed 7")
            .contains("line 3, column 1: the head of a scenario comes before")
    );
    assert!(
        file_refusal("vitrine 1\nconf A1 <<END\nport 1\n").contains("line 2, column 9: no line says `END`")
    );
    assert!(file_refusal("vitrine 1\ncluster shards 1000000000").contains("a whole number up to 4096"));
    assert!(file_refusal("vitrine 1\ncluster shards 4096 replicas 4096").contains("1 to 4096 nodes"));
    assert!(file_refusal("vitrine 1\nevery 1us kill A1").contains("more often"));
    assert!(file_refusal("vitrine 1\nevery 1s expect ok").contains("only what is done"));
    assert!(file_refusal("vitrine 1\nat 1s at 2s kill A1").contains("one time"));
    assert!(file_refusal("vitrine 1\nevery 1s at 2s kill A1").contains("one time"));
    assert!(file_refusal("vitrine 1\nplay").contains("for the page"));
    assert!(file_refusal("vitrine 1\nhelp").contains("cannot ask"));
    assert!(file_refusal("vitrine 1\nat 18446744073709551615us heal").contains("no run is longer"));
    assert!(file_refusal("vitrine 1\nwall 18446744073709551615us").contains("the year 9999"));
    assert!(file_refusal("vitrine 1\nnet latency 2h").contains("an hour"));
    assert!(file_refusal("vitrine 1\ncpu command 2000s").contains("1000 s"));
    assert!(file_refusal("vitrine 1\nnodes A A").contains("same name"));
    let many = "conf all add \"".to_string() + &"x".repeat(1 << 20) + "\"\n";
    assert!(file_refusal(&format!("vitrine 1\n{}", many.repeat(4))).contains("all redis.conf together"));
}

#[test]
fn a_head_is_read_as_people_write_it() {
    let text = "\
# A master and its replica, outside cluster mode.
vitrine 1
title 'Master and replica'
seed 0x5eed
nodes master replica   # on ports 7001 and 7002
conf master <<END
port 6379
requirepass abc123
END
conf replica add \"replicaof 10.0.0.1 6379\\nmasterauth abc123\"
net latency 1ms

at 1s master> AUTH abc123
after 500ms replica> INFO replication
";
    let scenario = Scenario::parse(text).unwrap();
    assert_eq!(scenario.setup.nodes[0].conf, "port 6379\nrequirepass abc123\n");
    assert_eq!(scenario.setup.nodes[1].conf, "port 7002\nreplicaof 10.0.0.1 6379\nmasterauth abc123\n");
    assert_eq!((scenario.setup.seed, scenario.setup.net.latency_us), (0x5eed, 1_000));
    assert_eq!(scenario.setup.formation, None);
    assert_eq!(scenario.steps[1].when, When::After { us: 500_000 });
    let shards =
        "vitrine 1\nnodes a b c d\nconf all add \"cluster-enabled yes\"\nshard a c\nshard b d\nexpect formed";
    let shards = Scenario::parse(shards).unwrap().setup.formation.unwrap().shards;
    assert_eq!(
        (shards[0].slots, shards[1].nodes.as_slice()),
        ((0, 8191), ["b".to_string(), "d".to_string()].as_slice())
    );
    assert_eq!(Scenario::parse("vitrine 1").unwrap().setup, Setup::six_nodes(1));
    assert_eq!(
        Scenario::new(Setup::six_nodes(7)).to_text(),
        "vitrine 1\nseed 7\ncluster shards 3 replicas 1 timeout 5s\n"
    );
}

#[test]
fn lines_are_what_people_would_write() {
    let fault = |fault: Fault| line_of(&fault.now());
    assert_eq!(fault(Fault::Cut { link: Link::one_way("A1", "*") }), "cut A1 * forward");
    assert_eq!(line_of(&Fault::Pause { node: "A1".into() }.lasting(8_000_000)), "pause A1 for 8s");
    let say = Command::Say { whom: Whom::Node("A1".into()), line: "SET a \"b c\"".into() };
    assert_eq!(say.to_string(), "A1> SET a \"b c\"");
    assert_eq!(parse_line(":A1> SET a \"b c\"  ").unwrap(), say);
    assert_eq!(parse_line("say A1 SET a \"b c\"").unwrap(), say);
    let unclosed = parse_line("cluster> GET \"x # y").unwrap();
    assert_eq!(unclosed, Command::Say { whom: Whom::Cluster, line: "GET \"x # y".into() });
}

#[test]
fn a_password_of_a_workload_is_quoted_and_comes_after_its_seeds() {
    let line = r#"workload app seeds A1 "password" rate 5 password "with \"blanks\" in it""#;
    let Command::Act(action) = read(line).unwrap() else { panic!("{line}") };
    assert_eq!(line_of(&action), line);
    let Action::StartWorkload { workload, .. } = &action else { panic!("{action:?}") };
    assert_eq!((workload.password.as_str(), workload.seeds.len()), ("with \"blanks\" in it", 2));
}

#[test]
fn links_of_others_are_refused_or_warned_of() {
    let link = Scenario::new(Setup::six_nodes(7)).to_link().unwrap();
    assert!(link.len() < 150, "{link}");
    assert!(matches!(
        Scenario::from_link(&format!("Ag{}", &link[2..])),
        Err(LinkError::Version { version: 2 })
    ));
    assert!(matches!(Scenario::from_link("AQ==="), Err(LinkError::Character { at: 2 })));
    assert!(matches!(Scenario::from_link(""), Err(LinkError::Damaged)));
    assert!(matches!(Scenario::from_link(&"A".repeat(LINK_LEN_MAX + 1)), Err(LinkError::TooLong { .. })));
    let other = Scenario { engine: Some(1), ..Scenario::new(Setup::six_nodes(7)) };
    let opened = Scenario::from_link(&other.to_link().unwrap()).unwrap();
    assert_eq!(opened.warning.unwrap().made_with, 1);
    assert!(opened.warning.unwrap().to_string().contains("may run differently"));
    assert_ne!(engine_hash(), 0);
}

#[test]
fn what_is_too_large_is_refused_on_both_sides() {
    // Noise does not compress.
    let mut rng = Rng::new(1);
    let mut noisy = Scenario::new(Setup::six_nodes(1));
    noisy.steps = (0..2_000)
        .map(|_| Step {
            when: When::Next,
            what: parse_line(&format!("cluster> SET {} 1", rng.hex(64))).unwrap(),
        })
        .collect();
    assert!(matches!(noisy.to_link(), Err(LinkError::TooLong { .. })));
    // A bomb: much more text than a link may give.
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'\n'; 40 << 20], 9);
    assert!(bomb.len() * 4 / 3 < LINK_LEN_MAX);
    let mut bytes = vec![1u8; 9];
    bytes.extend(bomb);
    assert_eq!(Scenario::from_link(&link::encode(&bytes)), Err(LinkError::TextTooLong));
}

#[test]
fn no_scenario_keeps_a_host_busy_for_ever() {
    for lines in ["every 100us disk-sync A1\nrun until 100000h", "expect role A1 replica within 100000h"] {
        let scenario = Scenario::parse(&format!("vitrine 1\nnodes A1\nconf A1 \"port 0\"\n{lines}")).unwrap();
        assert!(scenario.run(100_000).err().unwrap().contains("not over after 100000 events"));
    }
}

#[test]
fn completion_offers_what_fits() {
    let names = Names { nodes: vec!["A1".into(), "B1".into()], clients: vec![(0, "operator".into())] };
    let texts = |line: &str| -> Vec<String> {
        complete(line, line.len(), &names).candidates.into_iter().map(|c| c.text).collect()
    };
    assert_eq!(texts(":cra"), ["crash"]);
    assert_eq!(complete(":crash ", 7, &names).start, 7);
    assert_eq!(texts(":crash "), ["A1", "B1"]);
    assert_eq!(texts("crash A1 "), ["keeping", "for"]);
    assert_eq!(texts("crash A1 keeping s"), ["subset", ""], "one of the words, or a file");
    assert_eq!(texts("crash A1 keeping appendonly.aof up t"), ["to"]);
    assert_eq!(texts("crash A1 for "), [""]);
    assert!(complete("crash A1 for ", 13, &names).candidates[0].help.contains("a time such as"));
    assert_eq!(texts("heal "), ["network", "link", "node", "process", "clock", "disk"]);
    assert_eq!(texts("heal disk a"), ["A1"]);
    assert_eq!(texts("cut A1 "), ["A1", "B1", "operator", "*"]);
    assert!(texts("partition ").contains(&"halves".to_string()));
    assert!(
        texts("partition A1 ").contains(&"|".to_string())
            && texts("partition A1 ").contains(&"for".to_string())
    );
    assert_eq!(texts("workload app seeds A1 passw"), ["password"]);
    assert_eq!(texts("expect ro"), ["role"]);
    assert_eq!(texts("expect role A1 "), ["master", "replica"]);
    assert!(texts("").contains(&"crash".to_string()) && texts("").contains(&"A1>".to_string()));
    assert!(!texts("").contains(&"seed".to_string()));
    assert_eq!(texts("nonsense "), Vec::<String>::new());
    assert_eq!(texts("crash A1 for 5s nonsense "), Vec::<String>::new());
    let pause = &complete("pau", 3, &names).candidates[0];
    assert!(pause.help.contains("SIGSTOP") && pause.syntax == "NODE [for TIME]", "{pause:?}");
    assert_eq!(texts(":help cr"), ["crash"]);
}

#[test]
fn the_syntax_stands_behind_a_line_and_marks_the_argument() {
    let at = |line: &str| complete(line, line.len(), &Names::default());
    assert_eq!(at(":pause").hint, " NODE [for TIME]");
    assert_eq!(at(":pause ").hint, "NODE [for TIME]");
    assert_eq!(at(":pause A1").hint, " [for TIME]");
    assert_eq!(at(":pause A1 for 5s ").hint, "");
    assert_eq!(at(":latency A1 B1 ").hint, "[forward|backward] DELAY [for TIME] | …");
    assert_eq!(at(":latency A1 B1 normal 5ms ").hint, "DEVIATION [for TIME]");
    assert_eq!(at(":pau").hint, "");
    let slow = at(":disk-slow A1 ");
    assert_eq!(slow.syntax[..3], ["disk-slow NODE", "FACTOR", "[for TIME]"]);
    assert!(slow.syntax[3].ends_with('.'));
    assert_eq!(at(":speed 2").syntax[..3], ["speed", "FACTOR", ""]);
    assert_eq!(at(":nonsense ").syntax, Vec::<String>::new());
}

#[test]
fn help_says_how_a_command_is_written() {
    let text = help(Some("crash"));
    assert!(text.starts_with("crash NODE [keeping lost|kept|prefix|subset|torn] [for TIME]"), "{text}");
    assert!(text.contains("for example: crash A1"), "{text}");
    assert_eq!(help(Some("partition")).matches("for example").count(), 4);
    let all = help(None);
    let words: Vec<&str> = all.lines().next().unwrap_or_default().split(' ').collect();
    assert!(words.contains(&"partition") && words.is_sorted(), "{all}");
    assert!(help(Some("crsh")).contains("did you mean `crash`"));
    assert_eq!(parse_line("help crash").unwrap().help_text().unwrap(), text);
    assert_eq!(parse_line("kill A1").unwrap().help_text(), None);
}
