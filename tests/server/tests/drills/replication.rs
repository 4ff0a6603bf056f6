//! One stream between the two servers: ours follows Redis, Redis follows ours, and chains of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Client, Kind, Server, assert_same, assert_same_digest, fill, wait_eq, wait_for};

pub fn follow(replica: &Server, master: &Server) {
    assert_eq!(replica.run(&format!("REPLICAOF 127.0.0.1 {}", master.port)), "OK");
    wait_linked(replica);
}

pub fn wait_linked(replica: &Server) {
    wait_eq(
        &format!("{:?} on port {} is linked to its master", replica.kind, replica.port),
        30,
        "up",
        || replica.info("master_link_status"),
    );
}

/// Waits until a replica has all that its master wrote.
pub fn wait_caught_up(replica: &Server, master: &Server) {
    wait_for(&format!("{:?} on port {} caught up", replica.kind, replica.port), 30, || {
        master.info("master_repl_offset") == replica.info("master_repl_offset")
    });
}

/// A full synchronisation, then the live stream: plain writes, transactions, expiry, other databases, WAIT.
fn sync_and_stream(master_kind: Kind, lines: &[&str]) {
    let master = Server::start(master_kind, lines);
    let replica = Server::start(master_kind.other(), &[]);
    let mut writer = master.client();
    fill(&mut writer);
    replica.run("SET gone after-the-sync");
    follow(&replica, &master);
    let mut reader = replica.client();
    assert_same("after the full synchronisation", &mut reader, &mut writer);
    assert_same_digest("after the full synchronisation", &mut reader, &mut writer);
    assert_eq!(master.info("sync_full"), "1");
    assert_eq!(master.info("connected_slaves"), "1");
    // A master that is redis-server finds out at its next cron that its child has sent everything: until then the replica,
    // which has loaded it all, is shown as wait_bgsave, for a tenth of a second at the most.
    let online = format!("ip=127.0.0.1,port={},state=online", replica.port);
    wait_eq("the master shows the replica as online", 10, &online, || {
        master.info("slave0").chars().take(online.len()).collect()
    });

    writer.run_all(&[
        "SET live 1",
        "MULTI",
        "INCR live",
        "LPUSH list from-a-transaction",
        "SELECT 9",
        "SET there too",
        "EXEC",
        "SELECT 0",
        "SET volatile 1 EX 1000",
        "GETEX volatile PX 500000",
        "INCRBYFLOAT float 1.5",
        "SPOP words",
        "RENAME number renamed",
        "COPY list list-copy",
        "GETDEL string",
        "SORT big-list ALPHA STORE sorted",
        "HINCRBYFLOAT hash float 0.1",
        "SETRANGE long 5 xyz",
        "EXPIRE key:5 -1",
    ]);
    assert_eq!(writer.run("WAIT 1 10000"), "1");
    assert_same("after the stream", &mut reader, &mut writer);
    assert_eq!(reader.run("SET no 1"), "-READONLY You can't write against a read only replica.");
    // The replica hides what has expired and deletes it when the master says so.
    writer.run_all(&["SET short 1 PX 100"]);
    assert_eq!(writer.run("WAIT 1 10000"), "1");
    wait_eq("the key expires on the replica", 10, "(nil)", || reader.run("GET short"));
    wait_eq("the key expires on the master", 10, "(nil)", || writer.run("GET short"));
    let keys = writer.run("DBSIZE");
    wait_eq("the key is deleted on the replica", 10, &keys, || reader.run("DBSIZE"));
    wait_caught_up(&replica, &master);
    assert_same_digest("in the end", &mut reader, &mut writer);

    // Much at once.
    for i in 0..3000 {
        writer.send(&[b"SET", format!("burst:{i}").as_bytes(), &[b'v'; 500]]);
    }
    for _ in 0..3000 {
        assert_eq!(writer.receive().as_ref().and_then(|reply| reply.as_bytes()), Some(&b"OK"[..]));
    }
    assert_eq!(writer.run("WAIT 1 10000"), "1");
    assert_same_digest("after a burst", &mut reader, &mut writer);
    assert_eq!(writer.run("FLUSHALL"), "OK");
    assert_eq!(writer.run("WAIT 1 10000"), "1");
    assert_eq!(reader.run("DBSIZE"), "0");
    assert_eq!(master.info("sync_full"), "1", "one synchronisation was enough");
}

#[test]
fn ours_follows_redis() {
    sync_and_stream(Kind::Redis, &[]);
}

#[test]
fn ours_follows_redis_from_disk() {
    sync_and_stream(Kind::Redis, &["repl-diskless-sync no"]);
}

#[test]
fn redis_follows_ours() {
    sync_and_stream(Kind::Ours, &[]);
}

#[test]
fn redis_follows_ours_from_disk() {
    sync_and_stream(Kind::Ours, &["repl-diskless-sync no"]);
}

/// A link that is lost comes back with a partial resynchronisation, whichever side cuts it.
fn partial(master_kind: Kind, replica_kind: Kind) {
    let master = Server::start(master_kind, &[]);
    let replica = Server::start(replica_kind, &[]);
    fill(&mut master.client());
    follow(&replica, &master);
    wait_caught_up(&replica, &master);
    let names = format!("{replica_kind:?} behind {master_kind:?}");
    let mut cuts = 0;
    for (server, cut) in [(&master, "CLIENT KILL TYPE replica"), (&replica, "CLIENT KILL TYPE master")] {
        cuts += 1;
        master.client().run_all(&["INCR counter", "SELECT 9", "INCR counter"]);
        assert_eq!(server.run(cut), "1", "{names}: {cut}");
        master.client().run_all(&["INCR counter", "MULTI", "INCR counter", "INCR counter", "EXEC"]);
        wait_eq(&format!("{names}: partial resynchronisations"), 30, &cuts.to_string(), || {
            master.info("sync_partial_ok")
        });
        wait_linked(&replica);
        wait_caught_up(&replica, &master);
        assert_same(&names, &mut replica.client(), &mut master.client());
    }
    assert_eq!(master.info("sync_full"), "1", "{names}");
    assert_eq!(replica.info("master_replid"), master.info("master_replid"), "{names}");
}

#[test]
fn partial_resynchronisation() {
    partial(Kind::Ours, Kind::Redis);
    partial(Kind::Redis, Kind::Ours);
    partial(Kind::Ours, Kind::Ours);
}

/// A chain of three in both orders; then the middle one is promoted and the last one goes on without a snapshot.
fn chain(kinds: [Kind; 3]) {
    let [first, middle, last] = kinds.map(|kind| Server::start(kind, &[]));
    fill(&mut first.client());
    follow(&middle, &first);
    follow(&last, &middle);
    first.client().run_all(&["SET through the-chain", "MULTI", "INCR a", "INCR b", "EXEC"]);
    wait_caught_up(&middle, &first);
    wait_caught_up(&last, &middle);
    assert_same(&format!("{kinds:?}"), &mut last.client(), &mut first.client());
    assert_same_digest(&format!("{kinds:?}"), &mut last.client(), &mut first.client());
    let old_id = first.info("master_replid");
    assert_eq!(last.info("master_replid"), old_id);

    // Promotion: the history goes on under a new id, and the old one is remembered.
    assert_eq!(middle.run("REPLICAOF NO ONE"), "OK");
    assert_eq!(middle.info("role"), "master");
    assert_eq!(middle.info("master_replid2"), old_id);
    assert_ne!(middle.info("master_replid"), old_id);
    middle.client().run_all(&["SET after promotion", "INCR a"]);
    wait_linked(&last);
    wait_caught_up(&last, &middle);
    assert_same(&format!("{kinds:?}, promoted"), &mut last.client(), &mut middle.client());
    assert_eq!(last.info("master_replid"), middle.info("master_replid"));

    // The old master, which wrote nothing since, joins without a snapshot.
    let full = middle.info("sync_full");
    follow(&first, &middle);
    wait_caught_up(&first, &middle);
    assert_same(&format!("{kinds:?}, rejoined"), &mut first.client(), &mut middle.client());
    assert_eq!(middle.info("sync_full"), full, "{kinds:?}: the old master needs no snapshot");
    assert_eq!(first.info("role"), "slave");
}

#[test]
fn chain_with_ours_in_the_middle() {
    chain([Kind::Redis, Kind::Ours, Kind::Redis]);
}

#[test]
fn chain_with_redis_in_the_middle() {
    chain([Kind::Ours, Kind::Redis, Kind::Ours]);
}

/// Passwords on both sides, and a replica that comes back from its own file.
#[test]
fn passwords_and_restarts() {
    for kind in [Kind::Redis, Kind::Ours] {
        let master = Server::start(kind, &["requirepass secret"]);
        fill(&mut master.client());
        assert!(crate::support::redis_cli(master.port, &["GET", "number"], b"").out.starts_with("NOAUTH"));
        let follow_line = format!("replicaof 127.0.0.1 {}", master.port);
        let wrong = Server::start(kind.other(), &[&follow_line]);
        let mut replica = Server::start(kind.other(), &[&follow_line, "masterauth secret"]);
        wait_linked(&replica);
        wait_caught_up(&replica, &master);
        assert_same("with a password", &mut replica.client(), &mut master.client());
        assert_eq!(wrong.info("master_link_status"), "down", "{kind:?} lets nobody in without the password");
        assert_eq!(wrong.run("CONFIG SET masterauth secret"), "OK");
        wait_linked(&wrong);

        // SHUTDOWN writes the offset into the RDB; the replica goes on from there.
        assert_eq!(replica.run("SAVE"), "OK");
        replica.kill();
        master.run("SET meanwhile 1");
        let partial: u64 = master.info("sync_partial_ok").parse().expect("a number");
        replica.restart();
        wait_linked(&replica);
        wait_caught_up(&replica, &master);
        assert_same("restarted", &mut replica.client(), &mut master.client());
        assert_eq!(master.info("sync_partial_ok"), (partial + 1).to_string(), "{kind:?} as master");
    }
}

/// A full synchronisation while clients write: what runs meanwhile reaches the replica behind the snapshot.
fn under_load(master_kind: Kind, replica_kind: Kind) {
    let master = Server::start(master_kind, &[]);
    let replica = Server::start(replica_kind, &[]);
    fill(&mut master.client());
    let mut client = master.client();
    for i in 0..20_000 {
        client.send(&[b"SET", format!("bulk:{i}").as_bytes(), &[b'b'; 200]]);
        if i % 500 == 499 {
            for _ in 0..500 {
                assert!(client.receive().is_some());
            }
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (stop, port) = (Arc::clone(&stop), master.port);
            std::thread::spawn(move || {
                let mut client = Client::try_connect(port).expect("it listens");
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    client.run_all(&[
                        &format!("SET load:{writer}:{} {count}", count % 1000),
                        &format!("DEL bulk:{}", count * 3 + writer),
                        &format!("RPUSH load-list:{writer} {count}"),
                        &format!("HINCRBY load-hash field-{} 1", count % 50),
                    ]);
                    count += 1;
                }
                count
            })
        })
        .collect();
    for round in 0..3 {
        follow(&replica, &master);
        std::thread::sleep(std::time::Duration::from_millis(100));
        if round < 2 {
            assert_eq!(replica.run("REPLICAOF NO ONE"), "OK");
            // A write of its own: its history is another one now, and only a snapshot can bring it back.
            assert_eq!(replica.run("SET stray 1"), "OK");
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.join().expect("it ends") > 0);
    }
    wait_caught_up(&replica, &master);
    let names = format!("{replica_kind:?} behind {master_kind:?}, under load");
    assert_eq!(replica.run("EXISTS stray"), "0", "{names}");
    assert_same_digest(&names, &mut replica.client(), &mut master.client());
}

#[test]
fn synchronisation_under_load() {
    under_load(Kind::Ours, Kind::Redis);
    under_load(Kind::Redis, Kind::Ours);
    under_load(Kind::Ours, Kind::Ours);
}
