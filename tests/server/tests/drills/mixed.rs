//! One cluster of both kinds: three Redis servers and three of ours gossip on one bus, replicate to each other, and each
//! takes over from the other.

use crate::cluster::Six;
use crate::support::{Kind, assert_same, text, wait_eq, wait_for};

#[test]
fn each_takes_over_from_the_other() {
    let kinds = [Kind::Redis, Kind::Ours, Kind::Redis, Kind::Ours, Kind::Redis, Kind::Ours];
    let mut six = Six::launch(kinds, &[]);
    // Masters of both kinds; the replicas join by hand, so that each stands behind a master of the other kind.
    six.create(3, "0");
    six.wait_ok(&[3, 4, 5]);
    let masters = [0, 1, 2];
    for (replica, master) in [(3, 0), (4, 1), (5, 2)] {
        assert_ne!(six.nodes[replica].kind, six.nodes[master].kind);
        let meet = six.nodes[replica].run(&format!("CLUSTER MEET 127.0.0.1 {}", six.nodes[master].port));
        assert_eq!(meet, "OK");
        let id = six.nodes[master].run("CLUSTER MYID");
        wait_for(&format!("node {replica} knows node {master}"), 20, || {
            six.nodes[replica].run("CLUSTER NODES").contains(&id)
        });
        wait_eq(&format!("node {replica} follows node {master}"), 20, "OK", || {
            six.nodes[replica].run(&format!("CLUSTER REPLICATE {id}"))
        });
    }
    six.wait_ok(&[]);
    six.wait_replicas(3);
    for (index, node) in six.nodes.iter().enumerate() {
        wait_eq(&format!("node {index} knows all six"), 20, "true", || {
            let info = node.run("CLUSTER INFO");
            (info.contains("cluster_known_nodes:6") && info.contains("cluster_size:3")).to_string()
        });
    }
    six.check(0);
    six.check(1);
    six.write(0, "key", 200);
    six.write(3, "other", 200);
    six.assert_written(1, "key", 200);
    six.assert_written(4, "other", 200);
    for master in masters {
        let replica = six.replicas_of(master)[0];
        six.wait_caught_up(replica, master);
        assert_same(
            &format!("{:?} behind {:?}", six.nodes[replica].kind, six.nodes[master].kind),
            &mut crate::cluster::replica_client(&six.nodes[replica]),
            &mut six.nodes[master].client(),
        );
    }

    published_everywhere(&six);

    // Redis's master dies: ours is elected, with the votes of both kinds. Then the reverse.
    for (victim, heir) in [(0, Kind::Ours), (1, Kind::Redis)] {
        assert_eq!(six.nodes[victim].kind, heir.other());
        let (successor, took) = six.kill_master(victim);
        assert_eq!(six.nodes[successor].kind, heir);
        println!("{heir:?} took over from {:?} in {:.2} s", heir.other(), took.as_secs_f64());
        six.assert_written(successor, "key", 200);
        six.write(successor, &format!("after-{victim}"), 100);
        six.bring_back(victim, successor);
    }

    // And by order, across the kinds: each old master takes its place again.
    for victim in [0, 1] {
        six.fail_over(victim);
        six.wait_ok(&[]);
    }
    six.wait_replicas_linked();
    six.check(0);
    six.check(3);
    for (prefix, count) in [("key", 200), ("other", 200), ("after-0", 100), ("after-1", 100)] {
        six.assert_written(5, prefix, count);
    }
    for node in &six.nodes {
        let info = node.run("CLUSTER INFO");
        for line in ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:6", "cluster_size:3"]
        {
            assert!(info.contains(line), "{:?} lacks {line}:\n{info}", node.kind);
        }
    }
}

/// What is published on one node arrives at the subscribers of all others, over the bus: of both kinds, from both kinds.
/// A shard channel stays within its shard.
fn published_everywhere(six: &Six) {
    for from in [0, 1, 3, 4] {
        let mut subscribers: Vec<_> = six.nodes.iter().map(|node| node.client()).collect();
        for subscriber in &mut subscribers {
            assert_eq!(subscriber.run("SUBSCRIBE news"), "[subscribe news 1]");
            assert_eq!(subscriber.run("PSUBSCRIBE n*"), "[psubscribe n* 2]");
        }
        let message = format!("from-{from}");
        six.nodes[from].run(&format!("PUBLISH news {message}"));
        for (index, subscriber) in subscribers.iter_mut().enumerate() {
            let mut next = || text(&subscriber.receive().expect("a message"));
            assert_eq!(next(), format!("[message news {message}]"), "node {from} to node {index}");
            assert_eq!(next(), format!("[pmessage n* news {message}]"), "node {from} to node {index}");
        }
    }
    for (owner, replica) in [(0, 3), (1, 4)] {
        let channel = (0..).map(|i| format!("shard:{i}")).find(|channel| six.owner(owner, channel) == owner);
        let channel = channel.expect("some channel is the shard's");
        let mut subscriber = six.nodes[replica].client();
        assert_eq!(subscriber.run(&format!("SSUBSCRIBE {channel}")), format!("[ssubscribe {channel} 1]"));
        six.nodes[owner].run(&format!("SPUBLISH {channel} hello"));
        assert_eq!(text(&subscriber.receive().expect("a message")), format!("[smessage {channel} hello]"));
    }
}
