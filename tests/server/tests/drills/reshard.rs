//! Slots move between masters of both kinds while a replica listens, as an operator moves them: `redis-cli --cluster reshard`,
//! which is SETSLOT, GETKEYSINSLOT and MIGRATE, and back.

use crate::cluster::{Six, replica_client};
use crate::support::{Kind, assert_same, fill, redis_cli, wait_eq, wait_for};

/// Moves the first `slots` slots of one master to another with redis-cli.
fn reshard(six: &Six, from: usize, to: usize, slots: usize) {
    let id = |index: usize| six.nodes[index].run("CLUSTER MYID");
    let (address, slots) = (format!("127.0.0.1:{}", six.nodes[to].port), slots.to_string());
    let (source, target) = (id(from), id(to));
    let args = [
        "--cluster",
        "reshard",
        &address,
        "--cluster-from",
        &source,
        "--cluster-to",
        &target,
        "--cluster-slots",
        &slots,
        "--cluster-yes",
        "--cluster-pipeline",
        "7",
    ];
    let ran = redis_cli(six.nodes[to].port, &args, b"");
    assert_eq!(ran.code, Some(0), "{from} to {to}: {}{}", ran.out, ran.err);
    assert!(!ran.out.contains("Error"), "{}", ran.out);
}

#[test]
fn slots_move_between_the_kinds() {
    let kinds = [Kind::Redis, Kind::Ours, Kind::Redis, Kind::Redis, Kind::Ours, Kind::Ours];
    let six = Six::formed(kinds, &["repl-diskless-sync-delay 0"]);
    six.write(0, "key", 3000);
    let masters = six.masters();
    let of_kind =
        |kind: Kind| masters.iter().copied().find(|&m| six.nodes[m].kind == kind).expect("a master");
    let (ours, real) = (of_kind(Kind::Ours), of_kind(Kind::Redis));

    reshard(&six, ours, real, 700);
    six.check(ours);
    six.assert_written(ours, "key", 3000);
    reshard(&six, real, ours, 900);
    six.check(real);
    six.assert_written(real, "key", 3000);

    // What a master gave away its replica has given away too, and the reverse.
    for master in [ours, real] {
        let replica = six.replicas_of(master)[0];
        six.wait_caught_up(replica, master);
        assert_same(
            "a replica follows its master through a reshard",
            &mut replica_client(&six.nodes[replica]),
            &mut six.nodes[master].client(),
        );
    }
}

/// Every type and its time to live, outside of a cluster, both ways; and what goes wrong says what Redis says.
#[test]
fn keys_migrate_between_the_kinds() {
    use crate::support::{Server, contents};
    for kind in [Kind::Ours, Kind::Redis] {
        // Under everysec a kill may come while what is to be written still waits for an fsync.
        let from = Server::start(kind, &["appendonly yes", "appendfsync always"]);
        let to = Server::start(kind.other(), &[]);
        let mut source = from.client();
        fill(&mut source);
        let before = contents(&mut source);
        let keys: Vec<Vec<u8>> =
            before.keys().filter(|(db, _)| *db == 0).map(|(_, key)| key.clone()).collect();
        assert!(keys.len() > 5);
        let port = to.port.to_string();
        let mut args: Vec<&[u8]> =
            vec![b"MIGRATE", b"127.0.0.1", port.as_bytes(), b"", b"0", b"5000", b"KEYS"];
        args.extend(keys.iter().map(|key| &key[..]));
        assert_eq!(crate::support::text(&source.args(&args)), "OK");
        let after = contents(&mut to.client());
        for key in &keys {
            // The time to live travels as what is left of it, so it ends a little later over there.
            let parts = |all: &std::collections::BTreeMap<(u32, Vec<u8>), String>| {
                let text = all.get(&(0, key.clone())).expect("the key is there");
                let (value, until) = text.rsplit_once(' ').expect("a value and its end");
                (value.to_owned(), until.parse::<i64>().expect("milliseconds"))
            };
            let ((sent, until), (got, later)) = (parts(&before), parts(&after));
            assert_eq!(sent, got, "{kind:?} {key:?}");
            assert!((0..5000).contains(&(later - until)), "{kind:?} {key:?}: {until} {later}");
        }
        assert_eq!(from.run("DBSIZE"), "0");
        // The deletion was written down: a restart does not bring the keys back.
        let mut from = from;
        from.kill();
        from.restart();
        wait_eq("the source has no key in database 0", 10, "0", || from.run("DBSIZE"));

        from.run("SET stays 1");
        to.run("SET stays 2");
        let says = |command: String| from.run(&command);
        let move_it =
            |more: &str| says(format!("MIGRATE 127.0.0.1 {port} stays 0 500 {more}").trim_end().to_owned());
        assert!(move_it("").contains("Target instance replied with error: BUSYKEY"), "{kind:?}");
        assert_eq!(move_it("COPY REPLACE"), "OK");
        assert_eq!((from.run("GET stays"), to.run("GET stays")), ("1".into(), "1".into()));
        let error = move_it("REPLACE AUTH secret");
        assert!(error.contains("Target instance replied with error: ERR AUTH"), "{kind:?} {error}");
        assert_eq!(says(format!("MIGRATE 127.0.0.1 {port} nothing 0 500")), "NOKEY");
        to.pause();
        let error = move_it("REPLACE");
        assert!(error.contains("IOERR error or timeout reading to target instance"), "{kind:?} {error}");
        to.resume();
        assert_eq!(from.run("EXISTS stays"), "1");
        wait_for("the target answers again", 10, || to.run("PING") == "PONG");
        drop(to);
        let error = move_it("REPLACE");
        assert!(error.contains("IOERR error or timeout writing to target instance"), "{kind:?} {error}");
    }
}
