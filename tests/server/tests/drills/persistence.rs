//! What is on the disk after a process was killed, and whether the other server can read it.

use crate::support::{Client, Kind, Server, assert_contents, contents, fill, wait_eq, wait_for};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Writes numbered keys from several connections until the process is killed; gives how many each connection was
/// promised.
fn write_until_killed(server: &mut Server, connections: usize) -> Vec<u64> {
    let port = server.port;
    let writers: Vec<_> = (0..connections)
        .map(|writer| {
            std::thread::spawn(move || {
                let mut client = Client::try_connect(port).expect("it listens");
                let mut promised = 0;
                loop {
                    let key = format!("w{writer}:{promised}");
                    match client.try_args(&[b"SET", key.as_bytes(), promised.to_string().as_bytes()]) {
                        Some(reply) if reply.as_bytes() == Some(b"OK") => promised += 1,
                        _ => return promised,
                    }
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    server.kill();
    writers.into_iter().map(|writer| writer.join().expect("it ends")).collect()
}

fn assert_kept(client: &mut Client, promised: &[u64]) {
    for (writer, &count) in promised.iter().enumerate() {
        assert!(count > 0, "writer {writer} wrote nothing");
        for number in 0..count {
            let value = client.run(&format!("GET w{writer}:{number}"));
            assert_eq!(value, number.to_string(), "writer {writer} was promised {count} keys");
        }
    }
}

#[test]
fn always_keeps_every_promise() {
    let mut server = Server::start(Kind::Ours, &["appendonly yes", "appendfsync always"]);
    let promised = write_until_killed(&mut server, 4);
    server.restart();
    assert_kept(&mut server.client(), &promised);
    // The file goes on where it ended.
    server.run("SET after 1");
    server.kill();
    server.restart();
    let mut client = server.client();
    assert_eq!(client.run("GET after"), "1");
    assert_kept(&mut client, &promised);
    // The real server reads the same promises out of the same files.
    let folder = server.into_folder();
    let theirs = Server::start_in(Kind::Redis, folder, &["appendonly yes"]);
    assert_kept(&mut theirs.client(), &promised);
}

/// While an fsync is under way, `everysec` holds writes back for up to two seconds, as in Redis: what is older must be there
/// after SIGKILL.
#[test]
fn everysec_keeps_what_is_two_seconds_old() {
    let mut server = Server::start(Kind::Ours, &["appendonly yes", "appendfsync everysec"]);
    let mut client = server.client();
    for i in 0..5000 {
        client.run(&format!("SET old:{i} {i}"));
    }
    std::thread::sleep(Duration::from_millis(2500));
    let promised = write_until_killed(&mut server, 2);
    server.restart();
    let mut client = server.client();
    for i in 0..5000 {
        assert_eq!(client.run(&format!("GET old:{i}")), i.to_string());
    }
    // Of what was written last, the file has all up to some point and nothing after it.
    for (writer, &count) in promised.iter().enumerate() {
        let kept = (0..count)
            .take_while(|i| client.run(&format!("GET w{writer}:{i}")) == i.to_string())
            .count() as u64;
        for i in kept..count {
            assert_eq!(client.run(&format!("EXISTS w{writer}:{i}")), "0", "a hole at {kept} of {count}");
        }
    }
}

#[test]
fn snapshots_come_back() {
    let mut server = Server::start(Kind::Ours, &[]);
    fill(&mut server.client());
    let before = contents(&mut server.client());
    assert_eq!(server.run("SAVE"), "OK");
    server.kill();
    server.restart();
    assert_contents("after SAVE", &before, &contents(&mut server.client()));

    server.run("SET later 1");
    assert_eq!(server.run("BGSAVE"), "Background saving started");
    // What is written while the snapshot is made is not in it.
    server.run("SET too-late 1");
    wait_eq("the save ends", 20, "0", || server.info("rdb_bgsave_in_progress"));
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    assert!(server.run("LASTSAVE").parse::<u64>().is_ok_and(|time| time > 1_700_000_000));
    server.kill();
    server.restart();
    assert_eq!(server.run("GET later"), "1");
    assert_eq!(server.run("EXISTS too-late"), "0");
    server.run("DEL later");
    assert_contents("after BGSAVE", &before, &contents(&mut server.client()));

    // A save point does it by itself.
    let set = server.client().args(&[b"CONFIG", b"SET", b"save", b"1 1"]);
    assert_eq!(set.as_bytes(), Some(&b"OK"[..]));
    let last = server.run("LASTSAVE");
    server.run("SET by-itself 1");
    wait_for("the save point saves", 20, || {
        server.info("rdb_changes_since_last_save") == "0" && server.run("LASTSAVE") != last
    });
    server.kill();
    server.restart();
    assert_eq!(server.run("GET by-itself"), "1");
}

/// One server's files, opened by the other: keys of all types, times of expiry, several databases.
fn handed_over(from: Kind, lines: &[&str], save: bool) {
    let first = Server::start(from, lines);
    let mut client = first.client();
    fill(&mut client);
    if lines.contains(&"appendonly yes") {
        // Part in the base file, part in the file behind it.
        assert_eq!(client.run("BGREWRITEAOF"), "Background append only file rewriting started");
        wait_for("the rewrite ends", 20, || {
            client.info("aof_rewrite_in_progress") == "0" && client.info("aof_rewrite_scheduled") == "0"
        });
        assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
        client.run_all(&[
            "SET behind the-base",
            "EXPIRE behind 100000",
            "LPUSH list more",
            "HDEL hash number",
        ]);
        client.run_all(&["MULTI", "INCR number", "SADD words in-a-transaction", "EXEC"]);
    }
    if save {
        assert_eq!(client.run("SAVE"), "OK");
    }
    let before = contents(&mut client);
    let digest = client.run("DEBUG DIGEST");
    let folder = first.into_folder();
    let mut second = Server::start_in(from.other(), folder, lines);
    let mut client = second.client();
    assert_contents(&format!("files of {from:?}"), &before, &contents(&mut client));
    assert_eq!(client.run("DEBUG DIGEST"), digest, "files of {from:?}");
    // And back again.
    client.run_all(&["SET back again", "INCR number"]);
    if save {
        assert_eq!(client.run("SAVE"), "OK");
    }
    let before = contents(&mut client);
    second.kill();
    let third = Server::start_in(from, second.into_folder(), lines);
    assert_contents(&format!("files of {:?}", from.other()), &before, &contents(&mut third.client()));
}

#[test]
fn snapshot_of_ours_in_redis() {
    handed_over(Kind::Ours, &[], true);
}

#[test]
fn snapshot_of_redis_in_ours() {
    handed_over(Kind::Redis, &[], true);
}

#[test]
fn append_only_files_of_ours_in_redis() {
    handed_over(Kind::Ours, &["appendonly yes"], false);
}

#[test]
fn append_only_files_of_redis_in_ours() {
    handed_over(Kind::Redis, &["appendonly yes", "aof-timestamp-enabled yes"], false);
}

#[test]
fn append_only_files_without_preamble() {
    handed_over(Kind::Ours, &["appendonly yes", "aof-use-rdb-preamble no"], false);
}

/// The last file of the append-only file's manifest.
fn last_file(server: &Server) -> PathBuf {
    let dir = server.folder.join("appendonlydir");
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains(".incr."))
        .collect();
    names.sort();
    names.pop().expect("an incremental file")
}

#[test]
fn a_tail_that_is_cut_off() {
    // Redis 7.0.15 goes back to before MULTI when the file ends between two commands of a transaction. When it ends inside of
    // one, Redis keeps the open MULTI, and its next start throws away what was written behind it; ours goes back to before
    // MULTI then as well.
    const EXEC_LEN: usize = "*1\r\n$4\r\nEXEC\r\n".len();
    for (kind, cut) in [(Kind::Redis, EXEC_LEN), (Kind::Ours, EXEC_LEN), (Kind::Ours, 5)] {
        let mut server = Server::start(kind, &["appendonly yes", "appendfsync always"]);
        server.client().run_all(&[
            "SET first 1",
            "SET second 2",
            "MULTI",
            "SET third 3",
            "SET fourth 4",
            "EXEC",
        ]);
        server.kill();
        let file = last_file(&server);
        let whole = fs::read(&file).expect("it is there");
        fs::write(&file, &whole[..whole.len() - cut]).expect("written");
        server.restart();
        let mut client = server.client();
        assert_eq!(client.run("GET second"), "2", "{kind:?}");
        assert_eq!(client.run("EXISTS third"), "0", "{kind:?}: half a transaction is none");
        assert_eq!(client.run("EXISTS fourth"), "0", "{kind:?}");
        // The tail is gone from the file, and what is written next stands behind what was whole.
        client.run("SET fifth 5");
        server.kill();
        server.restart();
        assert_eq!(server.run("DBSIZE"), "3", "{kind:?}");
        assert_eq!(server.run("GET fifth"), "5", "{kind:?}");

        // With aof-load-truncated no, the server says so and does not start.
        server.kill();
        let whole = fs::read(&file).expect("it is there");
        fs::write(&file, &whole[..whole.len() - 2]).expect("written");
        server.configure("aof-load-truncated no");
        server.launch();
        assert_eq!(server.wait_exit(), Some(1), "{kind:?}");
        assert!(
            server.log().contains("Unexpected end of file reading the append only file"),
            "{}",
            server.log()
        );
    }
}

#[test]
fn a_snapshot_that_is_cut_off_is_refused() {
    let mut exits = Vec::new();
    for kind in [Kind::Redis, Kind::Ours] {
        let mut server = Server::start(kind, &[]);
        fill(&mut server.client());
        assert_eq!(server.run("SAVE"), "OK");
        server.kill();
        let file = server.folder.join("dump.rdb");
        let whole = fs::read(&file).expect("it is there");
        fs::write(&file, &whole[..whole.len() / 2]).expect("written");
        server.launch();
        exits.push(server.wait_exit());
        assert_eq!(
            fs::read(&file).expect("still there").len(),
            whole.len() / 2,
            "nothing overwrote the file"
        );
    }
    assert_eq!(exits, [Some(1), Some(1)]);
}

/// Turning the append-only file on while the server runs keeps what is there.
#[test]
fn switched_on_while_running() {
    let mut server = Server::start(Kind::Ours, &[]);
    fill(&mut server.client());
    assert_eq!(server.run("CONFIG SET appendonly yes"), "OK");
    wait_for("the first rewrite ends", 20, || {
        server.info("aof_rewrite_in_progress") == "0" && server.info("aof_rewrite_scheduled") == "0"
    });
    server.run("SET after 1");
    let before = contents(&mut server.client());
    server.kill();
    server.configure("appendonly yes");
    server.restart();
    assert_contents("switched on", &before, &contents(&mut server.client()));
    let theirs = Server::start_in(Kind::Redis, server.into_folder(), &["appendonly yes"]);
    let mut client = theirs.client();
    assert_contents("switched on", &before, &contents(&mut client));
}
