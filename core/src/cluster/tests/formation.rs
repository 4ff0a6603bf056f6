//! How a cluster comes together, and what holds it together.

use super::*;

#[test]
fn six_nodes_meet_and_agree() {
    let mut world = World::new(6, 1);
    world.form(3);
    let slots: Vec<_> = (0..6).map(|n| world.machines[n].cluster.slot_ranges(&Facts::default())).collect();
    for ranges in &slots {
        assert_eq!(ranges.len(), 3);
        assert_eq!((ranges[0].first, ranges[2].last), (0, 16_383));
    }
    // Everybody learnt everybody's address and its own.
    for node in 0..6 {
        let view = world.view(node);
        assert_eq!(view.nodes.len(), 6);
        for other in &view.nodes {
            let number = usize::from(other.port - 7000);
            assert_eq!(other.ip, World::ip(number));
            assert_eq!(other.name, world.name(number).to_string());
            assert!(other.myself || (other.linked && other.linked_inbound), "{other:?}");
            assert_eq!(other.opinion, Opinion::Ok);
        }
        let replicas = view.nodes.iter().filter(|n| n.replica && n.master.is_some());
        assert_eq!(replicas.count(), 3);
    }
    assert!(world.logged(3, "IP address for this node updated to 10.0.0.4"));
    let master = world.machines[3].master.clone();
    assert_eq!(master, Some(("10.0.0.1".to_string(), 7000)));
    let info = world.machines[5].cluster.info_text();
    assert!(
        info.starts_with("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n")
    );
    assert!(info.contains("\r\ncluster_known_nodes:6\r\ncluster_size:3\r\ncluster_current_epoch:6\r\n"));
}

use crate::event::Opinion;

#[test]
fn thirty_nodes_meet_through_one() {
    let mut world = World::new(30, 2);
    world.form(10);
    assert!(world.all(|c| c.nodes().iter().all(|(_, n)| !n.any(flag::PFAIL | flag::FAIL))));
    // And stay quiet: no link breaks, no opinion changes.
    world.run_ms(60_000);
    assert!(world.all(|c| c.is_ok()));
    for machine in &world.machines {
        let opinions = machine.events.iter().filter(|e| matches!(e, Event::Opinion { .. }));
        assert_eq!(opinions.count(), 0);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let mut world = World::new(6, seed);
        world.form(3);
        world.run_ms(10_000);
        world.dump()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn passing_quiet_nodes_over_changes_nothing() {
    // A limit that is never reached has every node visited each time, as Redis does it.
    let run = |link_sendbuf_limit| {
        let mut world = World::new(12, 8);
        for machine in &mut world.machines {
            machine.config.link_sendbuf_limit = link_sendbuf_limit;
        }
        world.form(4);
        world.run_ms(20_000);
        world.kill(0);
        world.run_ms(30_000);
        world.start(0);
        world.partition(&[1, 5], &[2, 3, 4, 6], true);
        world.run_ms(20_000);
        world.partition(&[1, 5], &[2, 3, 4, 6], false);
        world.run_ms(20_000);
        world.dump()
    };
    assert_eq!(run(0), run(1 << 40));
}

#[test]
fn equal_epochs_are_told_apart() {
    let mut world = World::new(4, 5);
    for node in 0..4u16 {
        let range = [(node * 4096, node * 4096 + 4095)];
        world.with(usize::from(node), |c, cx| c.add_or_del_slots(cx, &range, false)).unwrap();
    }
    for node in 1..4 {
        let ip = World::ip(node);
        world.with(0, |c, cx| c.meet(cx, ip.as_bytes(), 7000 + node as i64, None)).unwrap();
    }
    // All begin at epoch 0, so all but the greatest name must move.
    world.run_until(60_000, |w| {
        let epochs: BTreeSet<_> = w.machines.iter().map(|m| m.cluster.myself().config_epoch).collect();
        epochs.len() == 4 && w.all(Cluster::is_ok)
    });
    let greatest = (0..4).max_by_key(|&n| world.name(n)).unwrap();
    assert_eq!(world.machines[greatest].cluster.myself().config_epoch, 0);
}

#[test]
fn a_handshake_with_nobody_is_given_up() {
    let mut world = World::new(1, 6);
    world.with(0, |c, cx| c.meet(cx, b"10.9.9.9", 7000, None)).unwrap();
    world.with(0, |c, cx| c.meet(cx, b"10.9.9.9", 7000, None)).unwrap();
    assert_eq!(world.machines[0].cluster.nodes().len(), 2, "one handshake for one address");
    assert!(!world.machines[0].conf.contains("handshake"), "handshakes are not saved");
    world.run_ms(5_500);
    assert_eq!(world.machines[0].cluster.nodes().len(), 1);
    for (ip, port) in [("10.9.9", 7000), ("host", 7000), ("10.0.0.1", 0), ("10.0.0.1", 60_000)] {
        let error = world.with(0, |c, cx| c.meet(cx, ip.as_bytes(), port, None)).unwrap_err();
        assert_eq!(error, format!("ERR Invalid node address specified: {ip}:{port}").into_bytes());
    }
}

#[test]
fn a_forgotten_node_stays_forgotten_for_a_minute() {
    let mut world = World::new(4, 7);
    world.form(3);
    let name = world.name(3);
    let error = world.with(3, |c, cx| c.forget(cx, name.as_bytes())).unwrap_err();
    assert_eq!(error, b"ERR I tried hard but I can't forget myself...");
    let master = world.name(0);
    let error = world.with(3, |c, cx| c.forget(cx, master.as_bytes())).unwrap_err();
    assert_eq!(error, b"ERR Can't forget my master!");
    world.with(0, |c, cx| c.forget(cx, name.as_bytes())).unwrap();
    world.run_ms(55_000);
    assert!(world.machines[0].cluster.find(name.as_bytes()).is_none());
    world.run_ms(15_000);
    assert!(world.machines[0].cluster.find(name.as_bytes()).is_some(), "others gossip of it again");
}

#[test]
fn a_slot_moves_to_the_importer() {
    let mut world = World::new(3, 8);
    world.form(3);
    let (from, to) = (world.name(0), world.name(1));
    world.machines[0].keys.insert(7, 1);
    let set = |world: &mut World, node: usize, action: SetSlot<'_>| {
        world.with(node, |c, cx| c.set_slot(cx, 7, action))
    };
    assert_eq!(
        set(&mut world, 1, SetSlot::Migrating(from.as_bytes())).unwrap_err(),
        b"ERR I'm not the owner of hash slot 7"
    );
    assert_eq!(
        set(&mut world, 0, SetSlot::Importing(to.as_bytes())).unwrap_err(),
        b"ERR I'm already the owner of hash slot 7"
    );
    set(&mut world, 1, SetSlot::Importing(from.as_bytes())).unwrap();
    set(&mut world, 0, SetSlot::Migrating(to.as_bytes())).unwrap();
    assert!(world.machines[0].conf.contains(&format!(" [7->-{to}]")));
    assert!(world.machines[1].conf.contains(&format!(" [7-<-{from}]")));
    assert_eq!(
        set(&mut world, 0, SetSlot::Node(to.as_bytes())).unwrap_err(),
        b"ERR Can't assign hashslot 7 to a different node while I still hold keys for this hash slot."
    );

    // A key of slot 7 while it moves.
    let key = (0..).map(|n| format!("k{n}")).find(|k| slots::key_slot(k.as_bytes()) == 7).unwrap();
    let other = (0..).map(|n| format!("x{n}")).find(|k| slots::key_slot(k.as_bytes()) == 7).unwrap();
    let cfg = config();
    let route = |world: &World, node: usize, query, keys: &[&str], here: &[&str]| {
        let keys = keys.iter().map(|k| k.as_bytes());
        let cluster = &world.machines[node].cluster;
        let route = cluster.route(&cfg, query, keys, |k| here.iter().any(|h| h.as_bytes() == k));
        cluster.redirect_text(&cfg, route).unwrap_or_default()
    };
    let plain = route::Query { write: true, ..Default::default() };
    let asking = route::Query { asking: true, ..plain };
    assert_eq!(route(&world, 0, plain, &[&key], &[&key]), "");
    assert_eq!(route(&world, 0, plain, &[&key], &[]), "ASK 7 10.0.0.2:7001");
    let try_again = "TRYAGAIN Multiple keys request during rehashing of slot";
    assert_eq!(route(&world, 0, plain, &[&key, &other], &[&key]), try_again);
    assert_eq!(route(&world, 1, plain, &[&key], &[]), "MOVED 7 10.0.0.1:7000");
    assert_eq!(route(&world, 1, asking, &[&key], &[]), "");
    assert_eq!(route(&world, 1, asking, &[&key, &other], &[]), try_again);
    assert_eq!(route(&world, 1, route::Query { migrate: true, ..plain }, &[&key], &[]), "");
    let cross = "CROSSSLOT Keys in request don't hash to the same slot";
    assert_eq!(route(&world, 2, plain, &["a", "b"], &[]), cross);
    assert_eq!(route(&world, 2, plain, &[], &[]), "");

    world.machines[0].keys.clear();
    let before = world.machines[1].cluster.myself().config_epoch;
    set(&mut world, 1, SetSlot::Node(to.as_bytes())).unwrap();
    set(&mut world, 0, SetSlot::Node(to.as_bytes())).unwrap();
    assert!(world.machines[1].cluster.myself().config_epoch > before, "the importer takes a new epoch");
    assert!(world.machines[1].cluster.importing.is_empty() && world.machines[0].cluster.migrating.is_empty());
    world.run_until(5_000, |w| {
        w.all(|c| c.slots().owner(7).map(|idx| c.nodes()[idx].name) == Some(to) && c.is_ok())
    });
}

#[test]
fn keys_of_a_lost_slot_are_deleted() {
    let mut world = World::new(2, 9);
    world.form(2);
    world.machines[0].keys.insert(3, 5);
    // The other takes slot 3 by force, under a greater epoch.
    let taker = world.name(1);
    world
        .with(1, |c, cx| {
            c.importing.insert(3, c.find(taker.as_bytes()).unwrap());
            c.set_slot(cx, 3, SetSlot::Node(taker.as_bytes()))
        })
        .unwrap();
    world.run_ms(1_000);
    assert!(world.logged(0, "DeleteKeysInSlots([3])"));
    assert!(world.logged(0, "DropShardChannels([3])"));
    assert_eq!(world.machines[0].cluster.myself().slots.len(), 8191);
}

#[test]
fn slots_cannot_be_given_twice() {
    let mut world = World::new(1, 10);
    let give = |world: &mut World, ranges: &[(u16, u16)], del| {
        world.with(0, |c, cx| c.add_or_del_slots(cx, ranges, del))
    };
    assert_eq!(give(&mut world, &[(5, 5)], true).unwrap_err(), b"ERR Slot 5 is already unassigned");
    assert_eq!(
        give(&mut world, &[(1, 3), (3, 4)], false).unwrap_err(),
        b"ERR Slot 3 specified multiple times"
    );
    give(&mut world, &[(1, 3)], false).unwrap();
    assert_eq!(give(&mut world, &[(0, 1)], false).unwrap_err(), b"ERR Slot 1 is already busy");
    give(&mut world, &[(2, 2)], true).unwrap();
    assert!(world.machines[0].cluster.nodes_text().ends_with(" connected 1 3\n"));
    world.with(0, Cluster::flush_slots).unwrap();
    assert_eq!(world.machines[0].cluster.slots().assigned(), 0);
}

#[test]
fn hostnames_travel_in_heartbeats() {
    let mut world = World::new(3, 11);
    world.machines[1].config.announce_hostname = Some("one.example".to_string());
    world.form(3);
    let text = world.machines[2].cluster.nodes_text();
    assert!(text.contains(" 10.0.0.2:7001@17001,one.example master "), "{text}");
    world.machines[1].config.announce_hostname = None;
    world.run_ms(10_000);
    assert!(!world.machines[2].cluster.nodes_text().contains("one.example"));
}

#[test]
fn messages_reach_all_or_the_shard() {
    let mut world = World::new(6, 12);
    world.form(3);
    world.with(0, |c, cx| c.publish(cx, b"news", b"hello", false));
    world.with(0, |c, cx| c.publish(cx, b"shard", b"hello", true));
    world.run_ms(10);
    for node in 1..6 {
        let got = |channel: &str| {
            let bytes = format!("channel: {:?}", channel.as_bytes());
            world.logged(node, &bytes)
        };
        assert!(got("news"));
        assert_eq!(got("shard"), node == 3, "only the replica of node 0 shares its shard");
    }
}

#[test]
fn a_node_that_moved_is_found_again() {
    let mut world = World::new(3, 13);
    world.form(3);
    world.kill(2);
    world.machines[2].config.port = 7500;
    world.start(2);
    world.run_until(20_000, |w| {
        let seen = |n: usize| {
            let cluster = &w.machines[n].cluster;
            let idx = cluster.find(w.name(2).as_bytes()).unwrap();
            cluster.nodes()[idx].port == 7500 && cluster.nodes()[idx].link.is_some()
        };
        seen(0) && seen(1) && w.all(Cluster::is_ok)
    });
    assert!(world.logged(0, "Address updated for node"));
}

#[test]
fn reset_forgets_all() {
    let mut world = World::new(6, 14);
    world.form(3);
    world.machines[0].facts.db0_keys = 1;
    let error = world.with(0, |c, cx| c.reset(cx, false)).unwrap_err();
    assert_eq!(error, b"ERR CLUSTER RESET can't be called with master nodes containing keys");
    let old = world.name(3);
    world.machines[3].facts.db0_keys = 1;
    world.with(3, |c, cx| c.reset(cx, true)).unwrap();
    let cluster = &world.machines[3].cluster;
    assert!(cluster.is_master() && cluster.nodes().len() == 1 && cluster.slots().assigned() == 0);
    assert_ne!(cluster.myself().name, old);
    assert_eq!((cluster.current_epoch(), cluster.myself().config_epoch), (0, 0));
    assert!(world.logged(3, "FlushAll") && world.machines[3].master.is_none());
    assert_eq!(world.machines[3].conf.lines().count(), 2);
}
