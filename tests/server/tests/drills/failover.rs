//! Masters that leave in good order: FAILOVER, restarts that go on without a snapshot, SHUTDOWN that is refused. Each with
//! redis-server on the other side, and beside it.

use crate::replication::{follow, wait_caught_up, wait_linked};
use crate::support::{Client, Kind, Server, assert_same_digest, fill, text, wait_eq, wait_for};
use std::fs;

const BOTH: [Kind; 2] = [Kind::Ours, Kind::Redis];

/// A master and two replicas that have all it has; the first replica is of the second kind.
fn three(master: Kind, target: Kind) -> [Server; 3] {
    let servers = [Server::start(master, &[]), Server::start(target, &[]), Server::start(master, &[])];
    fill(&mut servers[0].client());
    for replica in &servers[1..] {
        follow(replica, &servers[0]);
        wait_caught_up(replica, &servers[0]);
    }
    // Redis shows a replica as online a little later than that one has its data.
    for index in 0..2 {
        wait_for("the master shows both replicas as online", 10, || {
            servers[0].info(&format!("slave{index}")).contains("state=online")
        });
    }
    servers
}

fn wait_over(server: &Server) {
    wait_eq("the failover is over", 20, "no-failover", || server.info("master_failover_state"));
}

fn order(target: &Server, more: &str) -> String {
    format!("FAILOVER TO 127.0.0.1 {}{more}", target.port)
}

fn waiting_write(server: &Server, key: &str) -> Client {
    let mut client = server.client();
    assert!(client.send(&[b"SET", key.as_bytes(), b"held-back"]));
    client
}

fn failover(master_kind: Kind, target_kind: Kind) {
    let names = format!("{master_kind:?} hands over to {target_kind:?}");
    let [master, target, other] = three(master_kind, target_kind);
    let full = target.info("sync_full");

    // A target that does not catch up: reads go on, writes wait, and ABORT or the time limit lets them go.
    target.pause();
    for (more, aborts) in [("", true), (" TIMEOUT 60000", true), (" TIMEOUT 300", false)] {
        assert_eq!(master.run("INCR behind"), master.run("GET behind"), "{names}");
        assert_eq!(master.run(&order(&target, more)), "OK", "{names}");
        assert_eq!(master.info("master_failover_state"), "waiting-for-sync", "{names}");
        let mut held = waiting_write(&master, "held");
        assert_eq!(master.run("GET number"), "12345678901", "{names}");
        if aborts {
            assert_eq!(master.run(&order(&other, "")), "-ERR FAILOVER already in progress.");
            let refused = "-ERR REPLICAOF not allowed while failing over.";
            assert_eq!(master.run("REPLICAOF NO ONE"), refused);
            assert_eq!(master.run("FAILOVER ABORT"), "OK");
            assert_eq!(master.info("master_failover_state"), "no-failover");
        } else {
            wait_over(&master);
        }
        assert_eq!(held.receive().as_ref().map(text).as_deref(), Some("OK"), "{names}");
        assert_eq!(master.info("role"), "master", "{names}");
    }
    target.resume();
    wait_caught_up(&target, &master);

    // One that does.
    assert_eq!(master.run("SET last write"), "OK");
    assert_eq!(master.run(&order(&target, "")), "OK", "{names}");
    wait_over(&master);
    assert_eq!((master.info("role"), target.info("role")), ("slave".into(), "master".into()), "{names}");
    assert_eq!(master.run("SET too late"), "-READONLY You can't write against a read only replica.");
    wait_linked(&master);
    assert_eq!(target.run("GET last"), "write", "{names}");
    assert_eq!(target.run("SET by new-master"), "OK");
    follow(&other, &target);
    for replica in [&master, &other] {
        wait_caught_up(replica, &target);
        assert_same_digest(&names, &mut replica.client(), &mut target.client());
    }
    assert_eq!(target.info("sync_full"), full, "{names}: no snapshot");
    assert_eq!(target.info("sync_partial_ok"), "2", "{names}");

    // By force, to one that does not answer; then back to any replica that has everything.
    wait_for("the new master shows both replicas as online", 10, || {
        target.info("slave0").contains("state=online") && target.info("slave1").contains("state=online")
    });
    master.pause();
    assert_eq!(target.run("SET not seen"), "OK");
    assert_eq!(target.run(&order(&master, " TIMEOUT 100 FORCE")), "OK");
    wait_eq("it goes on without", 10, "failover-in-progress", || target.info("master_failover_state"));
    assert_eq!(target.info("role"), "slave", "{names}: never two masters");
    assert!(target.log().contains("time out exceeded, failing over."), "{}", target.log());
    master.resume();
    wait_over(&target);
    wait_linked(&target);
    assert_eq!(master.info("role"), "master", "{names}");
    wait_caught_up(&target, &master);
    assert_eq!(master.run("GET not"), "seen", "{names}: it was on its way");
    assert_eq!(master.run("FAILOVER"), "OK");
    wait_over(&master);
    wait_eq("the target is master once more", 10, "master", || target.info("role"));
    wait_linked(&master);

    // A target that has become a master itself in the meantime refuses.
    wait_for("it is online", 10, || target.info("slave0").contains("state=online"));
    master.pause();
    let mut away = waiting_write(&master, "never");
    assert!(away.send(&[b"REPLICAOF", b"NO", b"ONE"]));
    assert_eq!(target.run("SET more writes"), "OK");
    assert_eq!(target.run(&order(&master, " TIMEOUT 100 FORCE")), "OK");
    wait_eq("it goes on without", 10, "failover-in-progress", || target.info("master_failover_state"));
    master.resume();
    wait_over(&target);
    assert_eq!(target.info("role"), "master", "{names}: the old one stays");
    assert!(target.log().contains("Failover target rejected psync request"), "{}", target.log());
    assert_eq!(target.run("SET back again"), "OK");
}

#[test]
fn failover_from_ours_to_redis() {
    failover(Kind::Ours, Kind::Redis);
}

#[test]
fn failover_from_redis_to_ours() {
    failover(Kind::Redis, Kind::Ours);
}

#[test]
fn failover_among_ours() {
    failover(Kind::Ours, Kind::Ours);
}

/// What FAILOVER refuses, word for word.
#[test]
fn failover_refuses_as_redis_does() {
    let answers = BOTH.map(|kind| {
        let master = Server::start(kind, &[]);
        let replica = Server::start(kind, &[]);
        let mut answers = vec![master.run("FAILOVER"), master.run("FAILOVER ABORT")];
        assert_eq!(replica.run(&format!("REPLICAOF 127.0.0.1 {}", master.port)), "OK");
        wait_linked(&replica);
        wait_for("it is online", 10, || master.info("slave0").contains("state=online"));
        for line in [
            "FAILOVER ABORT",
            "FAILOVER ABORT TIMEOUT 1",
            "FAILOVER TIMEOUT",
            "FAILOVER TIMEOUT 0",
            "FAILOVER TIMEOUT -1",
            "FAILOVER TIMEOUT x",
            "FAILOVER TIMEOUT 1 TIMEOUT 1",
            "FAILOVER FORCE",
            "FAILOVER FORCE FORCE",
            "FAILOVER FORCE TIMEOUT 100",
            "FAILOVER TO 127.0.0.1",
            "FAILOVER TO 127.0.0.1 x",
            "FAILOVER TO 127.0.0.1 1",
            "FAILOVER TO 127.0.0.1 1 FORCE",
            "FAILOVER TO 127.0.0.1 1 TO 127.0.0.1 1",
            "FAILOVER TO invalid 1 FORCE TIMEOUT 10",
            "FAILOVER NOW",
            "PSYNC 0123456789012345678901234567890123456789 1 FAILOVER",
        ] {
            answers.push(master.run(line));
        }
        answers.push(replica.run("FAILOVER"));
        answers.push(replica.run("FAILOVER FORCE"));
        answers.push(replica.run("PSYNC 0123456789012345678901234567890123456789 1 FAILOVER"));
        assert_eq!(replica.info("role"), "slave");
        let cluster = Server::start(kind, &["cluster-enabled yes"]);
        answers.push(cluster.run("FAILOVER"));
        answers
    });
    assert_eq!(answers[0], answers[1]);
}

/// A master, its replica and that one's replica, each restarted in turn: all go on where they stood.
fn restarts(master_kind: Kind, replica_kind: Kind) {
    let names = format!("{replica_kind:?} behind {master_kind:?}");
    let mut master = Server::start(master_kind, &["save 3600 1", "repl-ping-replica-period 3600"]);
    let mut replica = Server::start(replica_kind, &["save 3600 1"]);
    let last = Server::start(master_kind, &[]);
    follow(&replica, &master);
    follow(&last, &replica);
    assert_eq!(master.info("master_repl_offset"), "0", "{names}: nothing has been written");
    fill(&mut master.client());
    // These expire while the master is down: it deletes them as it loads, and its replicas learn that from the stream.
    master.client().run_all(&["DEBUG SET-ACTIVE-EXPIRE 0"]);
    for i in 0..200 {
        master.client().run_all(&[&format!("SELECT {}", i % 3), &format!("SET short:{i} 1 PX 5")]);
    }
    wait_caught_up(&replica, &master);
    wait_caught_up(&last, &replica);

    let (id, offset) = (master.info("master_replid"), master.info("master_repl_offset"));
    assert_eq!(replica.run("CONFIG RESETSTAT"), "OK");
    if master_kind == Kind::Ours {
        // Without NOW a replica that lags is asked where it is, and that moves the stream.
        assert_eq!(master.terminate(), Some(0));
    } else {
        master.client().send(&[b"SHUTDOWN", b"NOW"]);
        assert_eq!(master.wait_exit(), Some(0));
    }
    master.restart();
    wait_eq(&format!("{names}: the replica goes on"), 20, "1", || master.info("sync_partial_ok"));
    wait_linked(&replica);
    wait_linked(&last);
    assert_eq!(master.info("rdb_last_load_keys_expired"), "200", "{names}");
    assert_eq!(master.info("master_replid2"), id, "{names}");
    let begins: i64 = master.info("second_repl_offset").parse().expect("a number");
    assert!(begins > offset.parse::<i64>().expect("a number"), "{names}");
    assert_eq!(master.info("repl_backlog_first_byte_offset"), begins.to_string(), "{names}");
    assert_ne!(master.info("repl_backlog_histlen"), "0", "{names}: the expired keys' deletions");
    assert_eq!((master.info("sync_full"), replica.info("sync_full")), ("0".into(), "0".into()), "{names}");
    for server in [&replica, &last] {
        wait_caught_up(server, &master);
        assert_same_digest(&names, &mut server.client(), &mut master.client());
    }

    // The replica: its configuration knows its master, its file where it stood.
    assert_eq!(replica.run("CONFIG REWRITE"), "OK");
    assert_eq!(replica.terminate(), Some(0));
    assert_eq!(master.run("SET meanwhile 1"), "OK");
    replica.restart();
    wait_eq(&format!("{names}: the replica goes on"), 20, "2", || master.info("sync_partial_ok"));
    assert_eq!(replica.info("role"), "slave", "{names}");
    assert_eq!(replica.run("CONFIG GET replicaof"), format!("[replicaof 127.0.0.1 {}]", master.port));
    wait_linked(&replica);
    wait_linked(&last);
    for server in [&replica, &last] {
        wait_caught_up(server, &master);
        assert_same_digest(&names, &mut server.client(), &mut master.client());
    }
    assert_eq!((master.info("sync_full"), replica.info("sync_full")), ("0".into(), "0".into()), "{names}");
    assert_eq!(replica.run("REPLICAOF NO ONE"), "OK");
    assert_eq!(replica.run("CONFIG GET replicaof"), "[replicaof ]");
}

#[test]
fn restarts_of_ours_before_redis() {
    restarts(Kind::Ours, Kind::Redis);
}

#[test]
fn restarts_of_redis_before_ours() {
    restarts(Kind::Redis, Kind::Ours);
}

/// A snapshot that cannot be written keeps the process alive, whoever asked it to end; FORCE ends it all the same.
#[test]
fn a_shutdown_that_cannot_save_is_refused() {
    let answers = BOTH.map(|kind| {
        let mut server = Server::start(kind, &["save 3600 1"]);
        server.run("SET key 1");
        fs::create_dir(server.folder.join("dump.rdb")).expect("a folder where the file should go");
        let mut answers = vec![server.run("SHUTDOWN"), server.run("SHUTDOWN SAVE NOW"), server.run("PING")];
        answers.push(server.run("SHUTDOWN ABORT"));
        answers.push(server.run("SHUTDOWN SAVE NOSAVE"));
        for (count, signal) in [(3, "-TERM"), (4, "-INT"), (5, "-INT")] {
            server.signal(signal);
            wait_for(&format!("{kind:?} refuses {signal}"), 10, || {
                server.log().matches("Errors trying to shut down the server.").count() == count
            });
        }
        answers.push(server.run("GET key"));
        server.client().send(&[b"SHUTDOWN", b"FORCE"]);
        answers.push(format!("{:?}", server.wait_exit()));
        let log = server.log();
        for line in ["Error trying to save the DB, can't exit.", "Error trying to save the DB. Exit anyway."]
        {
            assert!(log.contains(line), "{kind:?} logs {line}\n{log}");
        }
        answers
    });
    assert_eq!(answers[0], answers[1]);
}

/// A second SIGINT ends a process that is saving before it ends, at once and without the half of its file.
#[test]
fn whoever_insists_need_not_wait_for_the_save() {
    for kind in BOTH {
        let mut server = Server::start(kind, &["save 3600 1"]);
        for i in 0..20 {
            server.run(&format!("SET {i} {i}"));
        }
        // Six seconds for twenty keys.
        assert_eq!(server.run("CONFIG SET rdb-key-save-delay 300000"), "OK");
        assert_eq!(server.run("BGSAVE"), "Background saving started");
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(server.info("rdb_bgsave_in_progress"), "1", "{kind:?}: and clients are served");
        let halves = || {
            let files = fs::read_dir(server.folder.path()).expect("the folder is there").flatten();
            files.filter(|file| file.file_name().to_string_lossy().starts_with("temp-")).count()
        };
        assert_eq!(halves(), 1, "{kind:?}");
        server.signal("-INT");
        wait_for("the save before the end begins", 10, || {
            server.log().contains("Saving the final RDB snapshot before exiting.") && halves() == 1
        });
        server.signal("-INT");
        assert_eq!(server.wait_exit(), Some(1), "{kind:?}");
        assert!(server.log().contains("You insist... exiting now."), "{}", server.log());
        let left = fs::read_dir(server.folder.path()).expect("the folder is there").flatten();
        let left: Vec<_> = left.map(|file| file.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("temp-")), "{kind:?}: {left:?}");
    }
}

/// A signal only leaves word: until the cron has looked, the shutdown can be taken back.
#[test]
fn a_signal_can_be_taken_back() {
    for kind in BOTH {
        let mut server = Server::start(kind, &[]);
        assert_eq!(server.run("DEBUG PAUSE-CRON 1"), "OK");
        server.signal("-TERM");
        wait_for("the signal has come", 10, || {
            server.log().contains("Received SIGTERM scheduling shutdown...")
        });
        assert_eq!(server.run("SHUTDOWN ABORT"), "OK", "{kind:?}");
        assert_eq!(server.run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.", "{kind:?}");
        assert_eq!(server.run("DEBUG PAUSE-CRON 0"), "OK");
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(server.run("PING"), "PONG", "{kind:?} goes on");
        assert!(server.log().contains("Shutdown manually aborted."), "{}", server.log());
        server.signal("-TERM");
        assert_eq!(server.wait_exit(), Some(0));
    }
}
