//! Masters fail, replicas take over, and what must never happen does not.

use super::bus::{Body, kind};
use super::*;
use crate::event::Opinion;

fn owner(world: &World, node: usize, slot: u16) -> Option<Name> {
    let cluster = &world.machines[node].cluster;
    cluster.slots().owner(slot).map(|idx| cluster.nodes()[idx].name)
}

#[test]
fn a_replica_takes_over_and_the_old_master_follows_it() {
    let mut world = World::new(6, 21);
    world.form(3);
    world.kill(0);
    // 5 s to suspect it (the cluster looks at itself every 100 ms; the PING may have been out already), then gossip, then
    // 500 to 1,000 ms of delay and a vote.
    let took_ms = world.run_until(12_000, |w| w.machines[3].cluster.is_master());
    assert!((4_500..9_500).contains(&took_ms), "{took_ms}");
    assert!(world.logged(3, "Failover election won: I'm the new master."));
    assert!(world.logged(3, "Start of election delayed for"));
    let epoch = world.machines[3].cluster.myself().config_epoch;
    assert!(epoch > 6 && epoch == world.machines[3].cluster.current_epoch());
    world.run_until(2_000, |w| (1..6).all(|n| owner(w, n, 0) == Some(w.name(3))));
    world.run_until(2_000, |w| w.all(Cluster::is_ok));
    assert!(world.machines[3].master.is_none());
    let voted = |w: &World, n: usize| w.machines[n].events.iter().any(|e| matches!(e, Event::Voted { .. }));
    assert!(voted(&world, 1) && voted(&world, 2) && !voted(&world, 4));
    assert!(world.machines[1].conf.contains(&format!("lastVoteEpoch {epoch}")));
    assert!(world.flags(1, 0) & flag::FAIL != 0);

    // The old master comes back believing that it still serves.
    world.start(0);
    world.run_until(20_000, |w| w.machines[0].cluster.is_replica());
    assert!(world.logged(0, "Configuration change detected. Reconfiguring myself as a replica of"));
    assert_eq!(world.machines[0].master, Some(("10.0.0.4".to_string(), 7003)));
    world.run_until(20_000, |w| (0..6).all(|n| w.flags(n, 0) & flag::FAIL == 0) && w.all(Cluster::is_ok));
    assert!(!world.machines[0].conf.contains(" 0-5460") || owner(&world, 0, 0) == Some(world.name(3)));
}

#[test]
fn an_attempt_to_connect_counts_as_a_ping_only_where_there_is_no_route() {
    let mut world = World::new(6, 21);
    world.form(3);
    let about = world.name(0);
    for (error, counts) in [(NetError::Refused, false), (NetError::Unreachable, true)] {
        let sent_ms = world.with(1, |cluster, cx| {
            let idx = cluster.find(about.as_bytes()).unwrap();
            if let Some(old) = cluster.nodes[idx].link {
                cluster.free_link(cx, old);
            }
            cluster.nodes[idx].ping_sent_ms = 0;
            cluster.connect(cx, idx);
            let conn = cluster.nodes[idx].link.unwrap();
            cluster.closed(cx, conn, error);
            assert!(cluster.nodes[idx].link.is_none());
            cluster.nodes[idx].ping_sent_ms
        });
        assert_eq!(sent_ms != 0, counts, "{error:?}");
    }
}

#[test]
fn suspicion_needs_the_majority_to_become_certainty() {
    let mut world = World::new(6, 22);
    world.form(3);
    // Node 1 alone loses sight of node 0.
    world.partition(&[1], &[0], true);
    world.run_ms(20_000);
    assert!(world.flags(1, 0) & flag::PFAIL != 0);
    assert!((2..6).all(|n| world.flags(n, 0) & (flag::PFAIL | flag::FAIL) == 0));
    let name = world.name(0);
    let reports = world.with(2, |c, cx| c.count_failure_reports(cx, name.as_bytes())).unwrap();
    assert_eq!(reports, 1);
    world.partition(&[1], &[0], false);
    world.run_until(20_000, |w| w.flags(1, 0) & flag::PFAIL == 0);
    let about = name.to_string();
    let fine = Event::Opinion { about, opinion: Opinion::Ok };
    assert!(world.machines[1].events.contains(&fine));
    world.run_until(20_000, |w| {
        let cluster = &w.machines[2].cluster;
        cluster.nodes()[cluster.find(name.as_bytes()).unwrap()].fail_reports.is_empty()
    });
}

#[test]
fn a_minority_stops_serving_and_waits_before_it_serves_again() {
    let mut world = World::new(6, 23);
    world.form(3);
    // Node 0 and its replica on one side.
    world.partition(&[0, 3], &[1, 2, 4, 5], true);
    world.run_until(10_000, |w| !w.machines[0].cluster.is_ok());
    world.run_ms(10_000);
    // The replica's master is up, and the majority has no replica of it.
    assert!(world.machines[3].cluster.is_replica());
    assert!(!world.machines[1].cluster.is_ok(), "a third of the slots is not covered");
    world.partition(&[0, 3], &[1, 2, 4, 5], false);
    let took_ms = world.run_until(30_000, |w| w.machines[0].cluster.is_ok());
    assert!(took_ms >= 5_000, "the rejoin delay: {took_ms}");
    world.run_until(15_000, |w| w.all(Cluster::is_ok));
    assert_eq!(owner(&world, 4, 0), Some(world.name(0)), "nobody took its slots");
}

#[test]
fn a_master_cut_off_alone_is_replaced_and_told_so() {
    let mut world = World::new(6, 24);
    world.form(3);
    world.partition(&[0], &[1, 2, 3, 4, 5], true);
    world.run_until(15_000, |w| w.machines[3].cluster.is_master());
    assert!(world.machines[0].cluster.is_master() && !world.machines[0].cluster.is_ok());
    world.partition(&[0], &[1, 2, 3, 4, 5], false);
    world.run_until(20_000, |w| w.machines[0].cluster.is_replica());
    world.run_until(20_000, |w| w.all(Cluster::is_ok) && (0..6).all(|n| owner(w, n, 0) == Some(w.name(3))));
}

#[test]
fn the_fresher_replica_wins() {
    let mut world = World::new(5, 25);
    world.form(3);
    // A second replica for node 0, further on than the first.
    let name = world.name(0);
    world.with(4, |c, cx| c.replicate(cx, name.as_bytes())).unwrap();
    world.machines[3].facts.slave_offset = 1_000;
    world.machines[4].facts.slave_offset = 2_000;
    world.run_ms(8_000);
    world.kill(0);
    world.run_until(15_000, |w| w.machines[3].cluster.is_master() || w.machines[4].cluster.is_master());
    assert!(world.machines[4].cluster.is_master());
    let ranked = |n: usize| world.logged(n, "rank #1");
    assert!(ranked(3) && !ranked(4));
    // The other follows the new master.
    world.run_until(10_000, |w| w.machines[3].master == Some(("10.0.0.5".to_string(), 7004)));
    assert!(world.machines[3].cluster.is_replica());
}

#[test]
fn data_too_old_is_not_promoted() {
    let mut world = World::new(6, 26);
    world.form(3);
    world.kill(0);
    world.machines[3].master = None;
    world.machines[3].facts.master_link_up = false;
    world.machines[3].facts.repl_down_since_s = world.now().wall_s() - 100;
    world.run_ms(40_000);
    assert!(world.machines[3].cluster.is_replica());
    assert!(
        world.logged(3, "Currently unable to failover: Disconnected from master for longer than allowed.")
    );
}

#[test]
fn one_vote_an_epoch() {
    let mut world = World::new(5, 27);
    world.form(3);
    let name = world.name(0);
    world.with(4, |c, cx| c.replicate(cx, name.as_bytes())).unwrap();
    world.run_ms(5_000);
    // Both replicas ask node 1 for the same epoch, one straight after the other.
    let epoch = world.machines[1].cluster.current_epoch() + 1;
    world.with(1, |c, _| {
        let idx = c.find(name.as_bytes()).unwrap();
        c.nodes[idx].flags |= flag::FAIL;
    });
    for candidate in [3, 4] {
        world.with(candidate, |c, cx| {
            c.current_epoch = epoch;
            c.broadcast(cx, kind::AUTH_REQUEST, 0, Body::Bare);
        });
    }
    world.run_ms(10);
    let votes: Vec<_> =
        world.machines[1].events.iter().filter(|e| matches!(e, Event::Voted { .. })).cloned().collect();
    assert_eq!(votes, [Event::Voted { epoch, candidate: world.name(3).to_string() }]);
    let view = world.view(1);
    assert_eq!((view.last_vote_epoch, view.last_vote_for), (epoch, Some(world.name(3).to_string())));
    assert!(
        world.logged(
            1,
            &format!("Failover auth denied to {}: already voted for epoch {epoch}", world.name(4))
        )
    );
    // Nor for another epoch about the same master within two timeouts, nor for an older epoch.
    world.with(4, |c, cx| {
        c.current_epoch = epoch + 1;
        c.broadcast(cx, kind::AUTH_REQUEST, 0, Body::Bare);
    });
    world.run_ms(10);
    assert!(world.logged(1, "can't vote about this master before"));
    world.with(4, |c, cx| {
        c.current_epoch = epoch - 1;
        c.broadcast(cx, kind::AUTH_REQUEST, 0, Body::Bare);
    });
    world.run_ms(10);
    assert!(world.logged(1, &format!("reqEpoch ({}) < curEpoch({})", epoch - 1, epoch + 1)));
    // Nor while the master is up.
    let other = world.name(2);
    world.with(4, |c, _| {
        let idx = c.find(other.as_bytes()).unwrap();
        c.nodes[c.myself].slaveof = Some(idx);
        c.current_epoch = epoch + 2;
    });
    world.with(4, |c, cx| c.broadcast(cx, kind::PONG, 0, Body::Heartbeat { gossip: &[], extensions: &[] }));
    world.with(4, |c, cx| c.broadcast(cx, kind::AUTH_REQUEST, 0, Body::Bare));
    world.run_ms(10);
    assert!(world.logged(1, "its master is up"));
}

#[test]
fn a_manual_failover_waits_for_the_offset() {
    let mut world = World::new(6, 28);
    world.form(3);
    world.machines[0].facts.master_offset = 5_000;
    let error = world.with(0, |c, cx| c.failover(cx, Failover::Gentle)).unwrap_err();
    assert_eq!(error, b"ERR You should send CLUSTER FAILOVER to a replica");
    world.with(3, |c, cx| c.failover(cx, Failover::Gentle)).unwrap();
    world.run_ms(2_000);
    assert!(world.logged(0, "PauseWrites"));
    assert!(world.logged(0, "Manual failover requested by replica"));
    assert!(world.machines[0].cluster.manual_failover_in_progress());
    assert!(world.machines[3].cluster.is_replica(), "the replica is not there yet");
    assert!(world.logged(3, "Received replication offset for paused master manual failover: 5000"));
    world.machines[3].facts.slave_offset = 5_000;
    let took_ms = world.run_until(1_000, |w| w.machines[3].cluster.is_master());
    assert!(took_ms < 500, "{took_ms}");
    world.run_until(2_000, |w| w.machines[0].cluster.is_replica());
    assert!(world.logged(0, "Unpause"));
    world.run_until(2_000, |w| w.all(Cluster::is_ok) && (0..6).all(|n| owner(w, n, 0) == Some(w.name(3))));
}

#[test]
fn a_manual_failover_that_does_not_get_there_times_out() {
    let mut world = World::new(6, 29);
    world.form(3);
    world.machines[0].facts.master_offset = 5_000;
    world.with(3, |c, cx| c.failover(cx, Failover::Gentle)).unwrap();
    world.run_ms(6_000);
    assert!(world.logged(0, "Manual failover timed out.") && world.logged(0, "Unpause"));
    assert!(world.logged(3, "Manual failover timed out."));
    assert!(world.machines[0].cluster.is_master());
}

#[test]
fn force_needs_votes_and_takeover_needs_nobody() {
    let mut world = World::new(6, 30);
    world.form(3);
    world.with(3, |c, cx| c.failover(cx, Failover::Force)).unwrap();
    world.run_until(1_000, |w| w.machines[3].cluster.is_master());
    world.run_until(2_000, |w| w.machines[0].cluster.is_replica());

    world.partition(&[4], &[0, 1, 2, 3, 5], true);
    world.with(4, |c, cx| c.failover(cx, Failover::Takeover)).unwrap();
    assert!(world.machines[4].cluster.is_master());
    assert!(world.logged(4, "Taking over the master (user request)."));
    world.partition(&[4], &[0, 1, 2, 3, 5], false);
    world.run_until(30_000, |w| w.machines[1].cluster.is_replica() && w.all(Cluster::is_ok));
    assert_eq!(owner(&world, 0, 6_000), Some(world.name(4)));
}

#[test]
fn a_spare_replica_migrates_to_an_orphaned_master() {
    let mut world = World::new(7, 31);
    world.form(3);
    // Node 0 has the replicas 3 and 6, nodes 1 and 2 one each. Node 1 loses its own.
    world.kill(4);
    world.run_until(40_000, |w| {
        let moved = |n: usize| w.machines[n].master == Some(("10.0.0.2".to_string(), 7001));
        moved(3) || moved(6)
    });
    let mover = if world.name(3) < world.name(6) { 3 } else { 6 };
    assert!(world.logged(mover, "Migrating to orphaned master"), "the one with the smaller name moves");
}

#[test]
fn a_replica_told_not_to_does_not_take_over() {
    let mut world = World::new(6, 32);
    world.machines[3].config.replica_no_failover = true;
    world.with(3, Cluster::config_changed);
    world.form(3);
    assert!(world.flags(1, 3) & flag::NOFAILOVER != 0);
    assert!(world.machines[1].cluster.nodes_text().contains(" slave,nofailover "));
    world.kill(0);
    world.run_ms(30_000);
    assert!(world.machines[3].cluster.is_replica());
    assert!(!world.machines[1].cluster.is_ok());
}

#[test]
fn a_dropped_packet_type_never_arrives() {
    let mut world = World::new(6, 33);
    world.form(3);
    for node in [1, 2] {
        world.with(node, |c, _| c.set_drop_filter(i64::from(kind::AUTH_REQUEST)));
    }
    world.kill(0);
    world.run_ms(20_000);
    assert!(world.machines[3].cluster.is_replica());
    for node in [1, 2] {
        world.with(node, |c, _| c.set_drop_filter(-1));
    }
    world.run_until(60_000, |w| w.machines[3].cluster.is_master());
}

#[test]
fn a_link_that_holds_too_much_is_freed() {
    let mut world = World::new(3, 34);
    world.form(3);
    world.machines[0].config.link_sendbuf_limit = 100_000;
    let link = world.machines[0].cluster.nodes().iter().find_map(|(_, n)| n.link).unwrap();
    world.machines[0].cluster.links.get_mut(link).unwrap().in_flight = 200_000;
    world.run_ms(200);
    assert!(world.logged(0, "due to exceeding send buffer memory limit."));
    let info = world.machines[0].cluster.info_text();
    assert!(info.ends_with("total_cluster_links_buffer_limit_exceeded:1\r\n"));
    world.run_ms(1_000);
    assert_eq!(world.machines[0].cluster.links().len(), 4, "and made anew");
}
