//! The checkers find nothing wrong with runs under random faults, and they do not change them. (That they find what is wrong is
//! tested with bugs that are planted: sim_planted.rs.) Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::resp::Value;
use vitrine_core::rng::Rng;
use vitrine_core::sim::check::linear::{self, Did, Op, Verdict};
use vitrine_core::sim::check::{Checks, whole_within_us};
use vitrine_core::sim::{Action, EioOn, Fault, Link, Scope, Setup, Shape, Target, Unsynced, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const NAMES: [&str; 6] = ["A1", "B1", "C1", "A2", "B2", "C2"];

fn strict() -> Checks {
    Checks {
        digest_period_us: SECOND,
        reload_period_us: 5 * SECOND,
        whole_within_us: whole_within_us(5000),
        ..Checks::default()
    }
}

fn random_fault(rng: &mut Rng, always: bool) -> Action {
    let mut pick = |n: u64| rng.below(n);
    let node = NAMES[pick(6) as usize].to_string();
    let other = NAMES[pick(6) as usize].to_string();
    let fault = match pick(20) {
        0 | 1 => Fault::Kill { node },
        2 | 3 => Fault::PowerLoss { node, unsynced: Unsynced::Lost },
        4 => Fault::Shutdown { node },
        5..8 => return Action::Start { node },
        8 => Fault::Pause { node },
        9 => return Action::Resume { node },
        10 => Fault::Cut { link: Link::both(&node, &other) },
        11 | 12 => {
            let mut groups = vec![Vec::new(), Vec::new()];
            NAMES.iter().for_each(|name| groups[pick(2) as usize].push(name.to_string()));
            Fault::Partition { shape: Shape::Groups { groups } }
        }
        13 => return Action::Heal { scope: Scope::Network },
        14 => Fault::Loss { link: Link::both(&node, &other), ppm: pick(300_000) as u32 },
        15 => Fault::DiskSlow { node, factor: pick(200) as u32 },
        16 => Fault::DiskStall { node },
        17 => Fault::DiskFull { node, free_bytes: pick(20_000) },
        18 => {
            let on = EioOn { write: pick(2) == 0, fsync: always && pick(2) == 0, ..EioOn::default() };
            Fault::DiskEio { node, on }
        }
        _ => return Action::Heal { scope: Scope::Disk { node } },
    };
    fault.now()
}

fn heal(world: &mut World) {
    act(world, Action::Heal { scope: Scope::Everything });
    for name in NAMES {
        if world.view().nodes.iter().any(|n| n.name == name && !n.process.has_process()) {
            act(world, Action::Start { node: name.to_string() });
        }
    }
}

fn run(seed: u64, checks: Option<Checks>, seconds: u64) -> World {
    let mut rng = Rng::new(seed ^ 0xc4ec);
    let always = rng.below(2) == 0;
    let mut setup = Setup::six_nodes(seed);
    if always {
        setup.nodes.iter_mut().for_each(|n| n.conf.push_str("appendfsync always\n"));
    } else if rng.below(3) == 0 {
        setup.nodes.iter_mut().for_each(|n| n.conf.push_str("appendonly no\nsave 3 1\n"));
    }
    let mut world = World::new(setup).unwrap();
    world.check(checks);
    world.run_until(15 * SECOND);
    let terminal = world.terminal(Target::Cluster).unwrap();
    for i in 0..30 {
        for _ in 0..rng.below(3) {
            let _ = world.act(random_fault(&mut rng, always));
        }
        for k in 0..10 {
            let key = rng.below(60);
            let line = match k {
                0 => format!("SET e:{key} {i} PX {}", 1 + rng.below(4000)),
                1 => format!("DEL key:{key}"),
                2 => format!("HSET hash:{key} f{k} {i}"),
                3 => format!("INCR n:{key}"),
                4 | 5 => format!("RPUSH list:{key} {i}"),
                _ => format!("SET key:{key} {i}"),
            };
            world.type_line(terminal, &line).unwrap();
        }
        world.run_for(rng.below(2 * SECOND));
    }
    act(&mut world, Action::Interrupt { terminal });
    heal(&mut world);
    for _ in 0..seconds {
        // A process may find out late that its disk failed.
        heal(&mut world);
        world.run_for(SECOND);
    }
    world.check_now();
    world
}

#[test]
fn nothing_is_wrong_under_random_faults() {
    let range = std::env::var("VITRINE_SEEDS").unwrap_or_else(|_| "0..5".to_string());
    let (from, to) = range.split_once("..").unwrap();
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        let world = run(seed, Some(strict()), 150);
        assert!(world.violations().is_empty(), "seed {seed}: {:#?}", world.violations());
    }
}

#[test]
fn checking_does_not_change_the_run() {
    for seed in 0..2 {
        assert_eq!(run(seed, None, 20).hash(), run(seed, Some(strict()), 20).hash());
    }
}

/// Two clients of A1 and one that reads A2, all on one key; gives what they saw.
fn one_key(cut: bool) -> (Vec<Op>, Vec<Op>) {
    let mut world = World::new(Setup::six_nodes(4)).unwrap();
    world.run_until(20 * SECOND);
    let open = |world: &mut World, name: &str, node: &str| {
        let client = world.client(name).unwrap();
        world.connect(client, node).unwrap();
        world.run_for(5_000);
        client
    };
    let writer = open(&mut world, "writer", "A1");
    let reader = open(&mut world, "reader", "A1");
    let replica = open(&mut world, "replica", "A2");
    world.send(replica, b"READONLY\r\n").unwrap();
    world.run_for(5_000);
    world.take_replies(replica);
    if cut {
        act(&mut world, Fault::Cut { link: Link::both("A1", "A2") }.now());
    }
    let (mut fresh, mut all) = (Vec::new(), Vec::new());
    for n in 0..50u64 {
        let sent = world.now_us();
        world.send(writer, format!("SET 3 {n}\r\n").as_bytes()).unwrap();
        world.run_for(100);
        world.send(reader, b"GET 3\r\n").unwrap();
        world.send(replica, b"GET 3\r\n").unwrap();
        let read = world.now_us();
        let (mut set, mut got, mut old) = (None, None, None);
        while set.is_none() || got.is_none() || old.is_none() {
            world.step().unwrap();
            let now = world.now_us();
            set = set.or_else(|| world.take_replies(writer).pop().map(|_| now));
            got = got.or_else(|| world.take_replies(reader).pop().map(|value| (now, value)));
            old = old.or_else(|| world.take_replies(replica).pop().map(|value| (now, value)));
        }
        let value = |value: &Value| value.as_bytes().map(|v| String::from_utf8_lossy(v).parse().unwrap());
        let write = Op { invoke_us: sent, complete_us: set, did: Did::Set(n) };
        let get = |(at, seen): (u64, Value)| Op {
            invoke_us: read,
            complete_us: Some(at),
            did: Did::Get(value(&seen)),
        };
        fresh.extend([write.clone(), get(got.unwrap())]);
        all.extend([write, get(old.unwrap())]);
    }
    (fresh, all)
}

#[test]
fn what_clients_of_a_master_see_is_linearizable_and_replicas_are_stale() {
    let (master, replica) = one_key(true);
    assert_eq!(linear::registers(&master, 0), Verdict::Linearizable);
    assert_eq!(linear::any(&master, 1_000_000), Verdict::Linearizable);
    assert_eq!(linear::staleness(&master).stale, 0);
    assert!(matches!(linear::registers(&replica, 0), Verdict::Not(_)), "a cut replica shows nothing");
    let stale = linear::staleness(&replica);
    assert!(stale.reads == 50 && stale.stale >= 49 && stale.worst_us > 10_000, "{stale:?}");
    let (_, replica) = one_key(false);
    let stale = linear::staleness(&replica);
    assert!(stale.stale < 50, "{stale:?}");
}
