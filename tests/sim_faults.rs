//! Every family of faults as processes and clients see it: what begins, what it does, what ends it, and that the end of one is not the
//! end of another. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::{
    Action, Delay, Direction, EioOn, Fault, Life, Link, Scope, Setup, Shape, Unsynced, World,
};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn begin(world: &mut World, fault: Fault) -> u32 {
    world.act(fault.now()).unwrap().unwrap()
}

fn end(world: &mut World, fault: u32) {
    act(world, Action::EndFault { fault });
}

fn heal(world: &mut World, scope: Scope) {
    act(world, Action::Heal { scope });
}

fn numbers(world: &World) -> Vec<u32> {
    world.active_faults().iter().map(|f| f.number).collect()
}

fn life(world: &World, name: &str) -> Life {
    world.view().nodes.iter().find(|n| n.name == name).unwrap().process.clone()
}

fn a1() -> String {
    "A1".into()
}

/// Six nodes that are one cluster.
fn formed(seed: u64) -> World {
    let mut world = World::new(Setup::six_nodes(seed)).unwrap();
    world.run_until(15 * SECOND);
    assert!(world.formation().unwrap().done_at_us.is_some());
    world
}

/// How long the cluster's nodes let a PING wait, in virtual microseconds.
fn round_trip(world: &mut World, terminal: u32) -> u64 {
    let before = world.now_us();
    assert_eq!(say_one(world, terminal, "PING"), "PONG");
    world.now_us() - before
}

#[test]
fn a_fault_has_a_number_an_end_and_words() {
    let mut world = alone("");
    let now = world.now_us();
    let first = world.act(Fault::Pause { node: a1() }.lasting(2 * SECOND)).unwrap();
    let second = begin(&mut world, Fault::DiskSlow { node: a1(), factor: 3 });
    assert_eq!((first, second), (Some(1), 2));
    let view = world.view();
    let shown: Vec<_> = view.faults.iter().map(|f| (f.number, f.since_us, f.until_us)).collect();
    assert_eq!(shown, [(1, now, Some(now + 2 * SECOND)), (2, now, None)]);
    assert_eq!(view.faults[0].text, "A1 is stopped");
    assert_eq!(view.faults[0].undo, "Resume A1, or end fault 1.");
    assert_eq!(view.faults[1].scope, Scope::Disk { node: a1() });
    world.run_for(2 * SECOND);
    assert_eq!((numbers(&world), life(&world, "A1")), (vec![2], Life::Running));
    assert_eq!(world.act(Action::EndFault { fault: 1 }).unwrap_err(), "fault 1 is not active; active: 2");
    end(&mut world, 2);
    assert!(numbers(&world).is_empty());
    // A run with faults that end by themselves is its setup and its actions as well.
    let mut again = World::new(world.setup().clone()).unwrap();
    again.replay(world.actions()).unwrap();
    assert_eq!(again.hash(), world.hash());
}

#[test]
fn the_end_of_one_is_not_the_end_of_another() {
    let mut world = alone("");
    // Two pauses.
    let pauses = [(); 2].map(|()| begin(&mut world, Fault::Pause { node: a1() }));
    end(&mut world, pauses[0]);
    assert_eq!(life(&world, "A1"), Life::Paused);
    end(&mut world, pauses[1]);
    assert_eq!(life(&world, "A1"), Life::Running);
    // Two disks that are slow and one that is full.
    let slow = [10, 3].map(|factor| begin(&mut world, Fault::DiskSlow { node: a1(), factor }));
    let full = begin(&mut world, Fault::DiskFull { node: a1(), free_bytes: 0 });
    let trouble = |world: &World| world.view().nodes[0].disk_trouble.clone();
    assert_eq!(trouble(&world).slow_factor, 30);
    end(&mut world, slow[0]);
    assert!(trouble(&world).slow_factor == 3 && trouble(&world).capacity_bytes.is_some());
    end(&mut world, full);
    assert!(trouble(&world).slow_factor == 3 && trouble(&world).capacity_bytes.is_none());
    // Two clocks.
    let drift =
        [500_000, 3_000_000].map(|rate_ppm| begin(&mut world, Fault::ClockDrift { node: a1(), rate_ppm }));
    assert_eq!(world.view().nodes[0].clock_rate_ppm, 1_500_000);
    end(&mut world, drift[1]);
    assert_eq!(world.view().nodes[0].clock_rate_ppm, 500_000);
    // Two cuts, one of a link and one of all links.
    world.client("app").unwrap();
    let cuts =
        [Link::both("A1", "app"), Link::both("a1", "*")].map(|link| begin(&mut world, Fault::Cut { link }));
    heal(&mut world, Scope::Link { a: "app".into(), b: "10.0.0.1".into() });
    assert!(world.view().paths.iter().any(|p| p.state.cut) && !numbers(&world).contains(&cuts[0]));
    heal(&mut world, Scope::Network);
    assert_eq!(numbers(&world), [slow[1], drift[0]]);
    heal(&mut world, Scope::Node { node: a1() });
    assert!(numbers(&world).is_empty());
}

#[test]
fn what_took_a_process_down_ends_with_its_start() {
    let mut world = alone("appendonly yes\nappendfsync always");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "SET a 1");
    act(&mut world, Fault::Kill { node: a1() }.lasting(3 * SECOND));
    assert_eq!(life(&world, "A1"), Life::Killed);
    assert_eq!(world.view().faults[0].text, "A1 was killed");
    world.run_for(4 * SECOND);
    assert_eq!((life(&world, "A1"), numbers(&world)), (Life::Running, vec![]));
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
    // Killed and then without power: it comes back when both are over.
    let kill = begin(&mut world, Fault::Kill { node: a1() });
    let power = begin(&mut world, Fault::PowerLoss { node: a1(), unsynced: Unsynced::Torn });
    end(&mut world, kill);
    assert_eq!(life(&world, "A1"), Life::PowerLost);
    end(&mut world, power);
    assert_eq!(life(&world, "A1"), Life::Running);
    // A pause is about the process, and over with it; started by hand, nothing is left to end.
    begin(&mut world, Fault::Pause { node: a1() });
    begin(&mut world, Fault::Kill { node: a1() });
    act(&mut world, Action::Start { node: a1() });
    assert_eq!((life(&world, "A1"), numbers(&world)), (Life::Running, vec![]));
    world.run_for(SECOND);
    // Asked to end, it does, and the end of that brings it back.
    let shutdown = begin(&mut world, Fault::Shutdown { node: a1() });
    world.run_for(SECOND);
    assert_eq!(life(&world, "A1"), Life::Exited { code: 0 });
    end(&mut world, shutdown);
    world.run_for(SECOND);
    assert_eq!(life(&world, "A1"), Life::Running);
    assert_eq!(world.view().nodes[0].starts, 5);
    // A restart that is under way does not bring back what is killed meanwhile.
    begin(&mut world, Fault::Pause { node: a1() });
    act(&mut world, Action::Restart { node: a1(), conf: None, empty_disk: false });
    begin(&mut world, Fault::Kill { node: a1() });
    world.run_for(100 * SECOND);
    assert_eq!(life(&world, "A1"), Life::Killed);
}

#[test]
fn a_supervisor_restarts_with_another_conf_or_on_an_empty_disk() {
    let mut world = alone("appendonly yes\nappendfsync always");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "SET a 1");
    let restart = |conf: Option<&str>, empty_disk| Action::Restart {
        node: "A1".into(),
        conf: conf.map(str::to_string),
        empty_disk,
    };
    act(&mut world, restart(Some("port 7001\nappendonly yes\nmaxclients 77\n"), false));
    world.run_for(SECOND);
    assert_eq!(say_one(&mut world, terminal, "CONFIG GET maxclients"), "1) \"maxclients\"\n2) \"77\"");
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
    act(&mut world, restart(None, true));
    world.run_for(SECOND);
    assert_eq!(say_one(&mut world, terminal, "GET a"), "(nil)");
    assert_eq!(say_one(&mut world, terminal, "CONFIG GET maxclients"), "1) \"maxclients\"\n2) \"77\"");
    // A stopped process does not hear SIGTERM; the supervisor kills it after a minute and a half.
    begin(&mut world, Fault::Pause { node: a1() });
    act(&mut world, restart(None, false));
    world.run_for(89 * SECOND);
    assert_eq!(life(&world, "A1"), Life::Paused);
    world.run_for(2 * SECOND);
    assert_eq!((life(&world, "A1"), numbers(&world)), (Life::Running, vec![]));
}

#[test]
fn a_slow_processor_answers_late() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    let usual = round_trip(&mut world, terminal);
    let slow = begin(&mut world, Fault::SlowCpu { node: a1(), factor: 10_000 });
    let late = round_trip(&mut world, terminal);
    assert!(late > 10 * usual, "{late} µs, usually {usual}");
    end(&mut world, slow);
    world.run_for(10 * SECOND);
    assert!(round_trip(&mut world, terminal) < 2 * usual);
}

#[test]
fn links_are_late_narrow_and_lossy_and_bytes_stay_in_order() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    let usual = round_trip(&mut world, terminal);
    let link = || Link::both("terminal-0", "A1");
    let there = Link::one_way("terminal-0", "A1");
    let latency = |link, delay| Fault::Latency { link, delay };
    let both = begin(&mut world, latency(link(), Delay::Fixed { us: 40_000 }));
    let one = begin(&mut world, latency(there, Delay::Normal { mean_us: 10_000, sd_us: 100 }));
    let late = round_trip(&mut world, terminal);
    assert!((80_000 + 9_000..80_000 + 11_000 + usual + 1_000).contains(&late), "{late}");
    end(&mut world, both);
    assert!(round_trip(&mut world, terminal) < 12_000 + usual);
    end(&mut world, one);

    begin(&mut world, Fault::Bandwidth { link: link(), bytes_per_s: 10_000 });
    say(&mut world, terminal, &format!("SET big {}", "x".repeat(5_000)));
    let before = world.now_us();
    assert_eq!(say(&mut world, terminal, "GET big")[0].len(), 5_002);
    assert!(world.now_us() - before > 500_000, "half a second for 5,000 bytes");
    heal(&mut world, Scope::Link { a: "A1".into(), b: "terminal-0".into() });

    for fault in [
        Fault::Loss { link: link(), ppm: 50_000 },
        Fault::Duplicate { link: link(), ppm: 300_000 },
        Fault::Reorder { link: link(), ppm: 200_000, by_us: 30_000 },
        Fault::Latency { link: link(), delay: Delay::Pareto { least_us: 100, alpha_milli: 1_200 } },
    ] {
        begin(&mut world, fault);
    }
    let client = world.client("app").unwrap();
    begin(&mut world, Fault::Reorder { link: Link::both("app", "*"), ppm: 500_000, by_us: 9_000 });
    world.connect(client, "A1").unwrap();
    for i in 0..300 {
        say(&mut world, terminal, &format!("RPUSH mine {i}"));
        world.send(client, format!("RPUSH list {i}\r\n").as_bytes()).unwrap();
    }
    world.run_for(60 * SECOND);
    let replies: Vec<i64> = world.take_replies(client).iter().map(|r| r.as_integer().unwrap()).collect();
    assert_eq!(replies, (1..=300).collect::<Vec<_>>());
    heal(&mut world, Scope::Everything);
    world.run_for(60 * SECOND);
    assert_eq!(say_one(&mut world, terminal, "LLEN mine"), "(integer) 300");
    assert!(world.view().paths.is_empty());
}

#[test]
fn delays_are_drawn_alike_on_every_platform() {
    let mut rng = vitrine_core::rng::Rng::new(1);
    let mut sum = |delay: Delay| (0..1000).map(|_| delay.draw(&mut rng)).sum::<u64>();
    let sums = [
        sum(Delay::Uniform { min_us: 100, max_us: 100_000 }),
        sum(Delay::Normal { mean_us: 50_000, sd_us: 20_000 }),
        sum(Delay::Pareto { least_us: 1_000, alpha_milli: 1_300 }),
    ];
    assert_eq!(sums, [49_969_504, 49_546_878, 3_361_888]);
}

#[test]
fn messages_are_held_and_let_go() {
    let mut world = alone("");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    let hold = begin(&mut world, Fault::Hold { link: Link::one_way("A1", "app") });
    world.send(client, b"RPUSH list a\r\n").unwrap();
    world.run_for(10 * SECOND);
    assert!(world.take_replies(client).is_empty());
    assert!(world.view().paths[0].state.held && world.view().in_flight.iter().any(|m| m.lost));
    end(&mut world, hold);
    world.run_for(2_000);
    assert_eq!(world.take_replies(client)[0].as_integer(), Some(1), "at once");
}

#[test]
fn one_message_is_dropped_delayed_or_doubled() {
    let mut world = alone("");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    let send = |world: &mut World| {
        world.send(client, b"INCR n\r\n").unwrap();
        world.view().in_flight[0].id
    };
    let replies = |world: &mut World| world.take_replies(client).len();
    let message = send(&mut world);
    act(&mut world, Action::DropMessage { message, reset: false });
    assert_eq!(
        world.act(Action::DropMessage { message, reset: false }).unwrap_err(),
        format!("message {message} is lost already and will be sent again")
    );
    world.run_for(150_000);
    assert_eq!(replies(&mut world), 0);
    world.run_for(100_000);
    assert_eq!(replies(&mut world), 1, "TCP has sent it again");

    let message = send(&mut world);
    act(&mut world, Action::DelayMessage { message, by_us: 5 * SECOND });
    world.run_for(4_900_000);
    assert_eq!(replies(&mut world), 0);
    world.run_for(200_000);
    assert_eq!(replies(&mut world), 1);

    let message = send(&mut world);
    act(&mut world, Action::DuplicateMessage { message });
    world.run_for(SECOND);
    let got = world.take_replies(client);
    assert_eq!((got.len(), got[0].as_integer()), (1, Some(3)), "read once");

    let message = send(&mut world);
    act(&mut world, Action::DropMessage { message, reset: true });
    world.run_for(SECOND);
    assert_eq!(world.client_ended(client).map(|e| e.strerror()), Some("Connection reset by peer"));
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "GET n"), "\"3\"", "it never arrived");
    let refused = world.act(Action::DelayMessage { message, by_us: 1 }).unwrap_err();
    assert!(refused.contains("is not in flight"), "{refused}");
}

#[test]
fn a_reset_that_reaches_one_end_leaves_the_other_half_open() {
    let mut world = alone("tcp-keepalive 0");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    act(&mut world, Action::ResetConnections { link: Link::one_way("app", "A1"), channel: None });
    world.run_for(10 * SECOND);
    assert_eq!(world.client_ended(client), None, "nobody has told the client");
    world.send(client, b"PING\r\n").unwrap();
    world.run_for(SECOND);
    assert_eq!(world.client_ended(client).map(|e| e.strerror()), Some("Connection reset by peer"));
    world.connect(client, "A1").unwrap();
    world.send(client, b"PING\r\n").unwrap();
    world.run_for(SECOND);
    assert_eq!(world.take_replies(client).len(), 1, "and connects again");
}

#[test]
fn partitions_have_shapes() {
    let world = formed(3);
    let sides = |shape: Shape| {
        let mut world = world.clone();
        begin(&mut world, Fault::Partition { shape });
        world.view().groups
    };
    let names = |groups: &[&[&str]]| -> Vec<Vec<String>> {
        groups.iter().map(|g| g.iter().map(|n| n.to_string()).collect()).collect()
    };
    assert_eq!(sides(Shape::Halves), names(&[&["A1", "C1", "B2"], &["B1", "A2", "C2"]]));
    assert_eq!(sides(Shape::Minority), names(&[&["B1", "C1", "A2", "B2", "C2"], &["A1"]]));
    assert_eq!(sides(Shape::Majority), names(&[&["C1", "A2", "B2", "C2"], &["A1", "B1"]]));
    let bridge = Shape::Bridge { node: Some("B1".into()) };
    assert_eq!(sides(bridge), names(&[&["A1", "A2", "C2"], &["C1", "B2"]]));
    let group = Shape::Groups { groups: names(&[&["C2"]]) };
    assert_eq!(
        sides(group.clone()),
        names(&[&["A1", "B1", "C1", "A2", "B2"], &["C2"]]).into_iter().rev().collect::<Vec<_>>()
    );
    // Two walls make three places.
    let mut world = world.clone();
    begin(&mut world, Fault::Partition { shape: group });
    let second =
        begin(&mut world, Fault::Partition { shape: Shape::Groups { groups: names(&[&["A1"], &["B1"]]) } });
    assert_eq!(world.view().groups.len(), 4, "A1, B1, C2 and the rest");
    end(&mut world, second);
    assert_eq!(world.view().groups.len(), 2);
    assert_eq!(world.active_faults()[0].text, "parted: C2 | A1 B1 C1 A2 B2");
}

#[test]
fn a_minority_is_replaced_and_a_majority_without_replicas_waits() {
    let failed_over = |shape: Shape| {
        let mut world = formed(4);
        begin(&mut world, Fault::Partition { shape });
        world.run_for(20 * SECOND);
        let promoted = world.node("A2").unwrap().status().master.is_none();
        heal(&mut world, Scope::Network);
        world.run_for(30 * SECOND);
        let masters = ["A1", "A2", "B1", "B2", "C1", "C2"]
            .iter()
            .filter(|n| world.node(n).unwrap().status().master.is_none());
        assert_eq!(masters.count(), 3, "and all is one cluster again");
        promoted
    };
    assert!(failed_over(Shape::Minority));
    assert!(!failed_over(Shape::Majority));
}

#[test]
fn one_way_walls_let_nothing_back() {
    let mut world = alone("");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    let groups = vec![vec!["app".to_string()], vec!["A1".to_string()]];
    let wall = begin(&mut world, Fault::Partition { shape: Shape::OneWay { groups } });
    world.send(client, b"INCR n\r\n").unwrap();
    world.run_for(30 * SECOND);
    assert!(world.take_replies(client).is_empty());
    assert_eq!(world.active_faults()[0].text, "nothing gets back: app → A1");
    end(&mut world, wall);
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "GET n"), "\"1\"", "the command was carried out once");
    world.run_for(60 * SECOND);
    assert_eq!(world.take_replies(client).len(), 1);
}

#[test]
fn clocks_jump_there_and_back_and_stand_still() {
    let mut world = alone("");
    let terminal = node_terminal(&mut world);
    let wall = |world: &World| world.view().nodes[0].wall_us;
    say(&mut world, terminal, "SET a 1 PX 60000");
    let before = wall(&world);
    let jump = begin(&mut world, Fault::ClockJump { node: a1(), delta_us: 3600 * SECOND as i64 });
    assert_eq!(wall(&world), before + 3600 * SECOND);
    end(&mut world, jump);
    assert_eq!(wall(&world), before);
    // A wall clock that stands still lets nothing expire; timers go on.
    let frozen = begin(&mut world, Fault::ClockFreeze { node: a1(), wall_only: true });
    world.run_for(100 * SECOND);
    assert_eq!(wall(&world), before);
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
    end(&mut world, frozen);
    world.run_for(61 * SECOND);
    assert_eq!(say_one(&mut world, terminal, "GET a"), "(nil)");
    // With both clocks standing, no timer of the process comes, and what comes from outside is served.
    let frozen = begin(&mut world, Fault::ClockFreeze { node: a1(), wall_only: false });
    let drift = begin(&mut world, Fault::ClockDrift { node: a1(), rate_ppm: 2_000_000 });
    say(&mut world, terminal, "SET b 1 PX 100");
    world.run_for(10 * SECOND);
    assert_eq!(say_one(&mut world, terminal, "PTTL b"), "(integer) 100");
    end(&mut world, frozen);
    let before = wall(&world);
    world.run_for(SECOND);
    assert_eq!(wall(&world) - before, 2 * SECOND, "the drift goes on");
    end(&mut world, drift);
    assert_eq!(say_one(&mut world, terminal, "EXISTS b"), "(integer) 0");
}

#[test]
fn a_disk_fails_in_one_file_so_often_and_the_node_finds_out() {
    let mut world = alone("appendonly yes\nappendfsync everysec");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, "SET a 1");
    world.run_for(3 * SECOND);
    let aof =
        world.durable_image("A1").unwrap().into_keys().find(|path| path.ends_with(".incr.aof")).unwrap();
    let on = EioOn { fsync: true, path: Some(aof), count: Some(1), ..EioOn::default() };
    begin(&mut world, Fault::DiskEio { node: a1(), on });
    say(&mut world, terminal, "SET b 1");
    world.run_for(3 * SECOND);
    assert!(numbers(&world).is_empty(), "once, and it is over");
    let log: Vec<String> = world.log_after("A1", 0).map(|l| l.text.clone()).collect();
    assert!(log.iter().any(|l| l.contains("Input/output error")), "{log:#?}");
    // What the failed fsync was for is in the page cache and nowhere else.
    begin(&mut world, Fault::PowerLoss { node: a1(), unsynced: Unsynced::Lost });
    heal(&mut world, Scope::Everything);
    world.run_for(SECOND);
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
    assert_eq!(say_one(&mut world, terminal, "GET b"), "(nil)");
}

#[test]
fn a_stalled_disk_holds_replies_back_and_a_lying_one_does_not() {
    let mut world = alone("appendonly yes\nappendfsync always");
    let client = world.client("app").unwrap();
    world.connect(client, "A1").unwrap();
    world.run_for(SECOND);
    act(&mut world, Fault::DiskStall { node: a1() }.lasting(5 * SECOND));
    world.send(client, b"SET a 1\r\n").unwrap();
    world.run_for(4_900_000);
    assert!(world.take_replies(client).is_empty(), "no reply before its durability");
    world.run_for(200_000);
    assert_eq!(world.take_replies(client).len(), 1);
    begin(&mut world, Fault::FsyncLies { node: a1() });
    world.send(client, b"SET b 1\r\n").unwrap();
    world.run_for(SECOND);
    assert_eq!(world.take_replies(client).len(), 1, "it believes its disk");
    begin(&mut world, Fault::PowerLoss { node: a1(), unsynced: Unsynced::Kept });
    heal(&mut world, Scope::Everything);
    world.run_for(SECOND);
    let terminal = node_terminal(&mut world);
    assert_eq!(say_one(&mut world, terminal, "GET a"), "\"1\"");
    assert_eq!(say_one(&mut world, terminal, "GET b"), "(nil)");
}

#[test]
fn a_bit_that_flips_is_found_when_the_file_is_read() {
    let mut world = alone("appendonly no\nsave 3600 1");
    let terminal = node_terminal(&mut world);
    say(&mut world, terminal, &format!("SET a {}", "x".repeat(1000)));
    assert_eq!(say_one(&mut world, terminal, "SAVE"), "OK");
    world.run_for(SECOND);
    let flip = |path: &str, offset| Action::FlipBits {
        node: "A1".into(),
        path: Some(path.into()),
        offset: Some(offset),
        bit: 0,
        count: 0,
    };
    assert!(world.act(flip("none.rdb", 1)).unwrap_err().contains("its files are"));
    act(&mut world, flip("dump.rdb", 100));
    begin(&mut world, Fault::Kill { node: a1() });
    heal(&mut world, Scope::Everything);
    world.run_for(SECOND);
    let log: Vec<String> = world.log_after("A1", 0).map(|l| l.text.clone()).collect();
    assert!(log.iter().any(|l| l.contains("RDB CRC error") || l.contains("Wrong RDB checksum")), "{log:#?}");
}

#[test]
fn impossible_faults_are_refused_with_what_to_do() {
    let mut world = alone("");
    let mut why = |action: Action| world.act(action).unwrap_err();
    let link = || Link::both("A1", "A1");
    let loss = |link, ppm| Fault::Loss { link, ppm }.now();
    for (action, words) in [
        (Fault::Kill { node: "Z9".into() }.now(), "there is no node `Z9`; the nodes are A1"),
        (Action::Resume { node: a1() }, "A1 is not paused; there is nothing to resume"),
        (Action::Start { node: a1() }, "A1 is running; kill it, shut it down or take its power first"),
        (Fault::Pause { node: a1() }.lasting(0), "a fault that lasts no time is none; give it a duration"),
        (Fault::Cut { link: link() }.now(), "A1 has no link to itself; name another host, or * for all"),
        (
            loss(Link::both("A1", "*"), 0),
            "none of a million segments is no fault; give a number from 1 to 1000000",
        ),
        (
            loss(Link::both("A1", "x"), 1),
            "there is no host `x`; a host is a node or a client, by name or address",
        ),
        (
            Fault::Partition { shape: Shape::Halves }.now(),
            "there is one node, which nothing can be parted from; name groups of hosts",
        ),
        (
            Fault::DiskEio { node: a1(), on: EioOn::default() }.now(),
            "say what fails: reads, writes or fsyncs",
        ),
        (
            Fault::ClockDrift { node: a1(), rate_ppm: 0 }.now(),
            "a clock runs at a millionth to 1000 times the true rate; freeze it to stop it",
        ),
        (
            Fault::ClockJump { node: a1(), delta_us: -(60 * 365 * 86_400 * SECOND as i64) }.now(),
            "A1's clock cannot show a time before 1970",
        ),
        (Action::EndFault { fault: 9 }, "fault 9 is not active; active: no fault is"),
    ] {
        assert_eq!(why(action), words);
    }
    let before = world.actions().len();
    let dir = Direction::Forward;
    assert!(world.act(Fault::Hold { link: Link { a: "*".into(), b: "y".into(), dir } }.now()).is_err());
    assert_eq!(world.actions().len(), before, "what is refused is not part of the run");
}
