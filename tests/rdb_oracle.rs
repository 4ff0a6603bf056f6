//! What we write, read by the real thing: RDB and append-only files of ours in redis-server 7.0.15 and redis-check-rdb, and
//! its DUMP payloads in ours. Skipped, with a word about it, where redis-server is not installed.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vitrine_core::config::Config;
use vitrine_core::host::Now;
use vitrine_core::persist::aof::encode::Feeder;
use vitrine_core::persist::aof::manifest::Manifest;
use vitrine_core::persist::file::Source;
use vitrine_core::persist::rdb::commands::CommandWriter;
use vitrine_core::persist::rdb::payload::{dump_payload, parse_payload};
use vitrine_core::persist::rdb::writer::{RdbOptions, RdbWriter};
use vitrine_core::store::quicklist::End;
use vitrine_core::store::stream::{Group, Id, Nack, Trim};
use vitrine_core::store::zset::AddOptions;
use vitrine_core::store::{Db, HashSeed, Limits, Object, Str, Stream};

const SERVER: &str = "/usr/bin/redis-server";

fn present() -> bool {
    let there = Path::new(SERVER).exists();
    if !there {
        eprintln!("skipped: there is no {SERVER}");
    }
    there
}

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("vitrine-oracle-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A redis-server that ends with its test.
struct Server {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Folder, options: &[&str]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(SERVER)
            .args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1", "--dir"])
            .arg(&folder.0)
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                let mut server = Server { child, stream: BufReader::new(stream) };
                while server.call(&[b"PING"]) != b"PONG" {
                    std::thread::sleep(Duration::from_millis(10));
                }
                return server;
            }
            assert!(child.try_wait().unwrap().is_none(), "redis-server refuses the files");
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a command; gives the text of its reply, without type and, for an integer, in digits.
    fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        line.truncate(line.len() - 2);
        if line[0] != b'$' {
            return line[1..].to_vec();
        }
        let len: i64 = String::from_utf8_lossy(&line[1..]).parse().unwrap();
        assert!(len >= 0, "a null reply to {:?}", String::from_utf8_lossy(args[0]));
        let mut bulk = vec![0; len as usize + 2];
        self.stream.read_exact(&mut bulk).unwrap();
        bulk.truncate(len as usize);
        bulk
    }
}

/// Databases with every type and encoding that we write.
fn sample() -> Vec<Db> {
    let limits = Limits::default();
    let mut dbs: Vec<Db> = (0..16).map(|_| Db::new(HashSeed::new(3, 4), false)).collect();
    let db = &mut dbs[0];
    for (key, value) in [
        ("int", "12".to_string()),
        ("big", i64::MIN.to_string()),
        ("text", "hello".to_string()),
        ("long", "abc".repeat(1000)),
        ("empty", String::new()),
    ] {
        db.insert(key.as_bytes(), Object::string(value.as_bytes()), 0);
    }
    let (mut list, mut ints, mut members) =
        (Object::list(&limits), Object::set(b"1", &limits), Object::set(b"a", &limits));
    let (mut small, mut table) = (Object::hash(), Object::hash());
    let (mut scores, mut tree) = (Object::zset(1, &limits), Object::zset(1, &limits));
    for i in 0..2000i64 {
        let text = format!("element {i}");
        list.list_mut().unwrap().push(End::Tail, text.as_bytes());
        members.set_mut().unwrap().add(text.as_bytes(), &limits);
        table.hash_mut().unwrap().set(text.as_bytes(), b"value", &limits);
        tree.zset_mut().unwrap().add(i as f64 * 0.5, text.as_bytes(), AddOptions::default(), &limits);
        if i < 100 {
            ints.set_mut().unwrap().add((i * i * 1000).to_string().as_bytes(), &limits);
            small.hash_mut().unwrap().set(text.as_bytes(), i.to_string().as_bytes(), &limits);
            scores.zset_mut().unwrap().add(-i as f64 / 3.0, text.as_bytes(), AddOptions::default(), &limits);
        }
    }
    for (key, object) in [
        ("list", list),
        ("ints", ints),
        ("members", members),
        ("small", small),
        ("table", table),
        ("scores", scores),
        ("tree", tree),
    ] {
        db.insert(key.as_bytes(), object, 0);
    }
    db.insert(b"log", Object::Stream(stream(&limits).into()), 0);
    db.insert(b"no entries", Object::Stream(Stream::default().into()), 0);
    db.set_expire(b"text", 4_102_444_800_123);
    dbs[9].insert(b"other", Object::string(b"database"), 0);
    dbs
}

/// A stream with all that one can have.
fn stream(limits: &Limits) -> Stream {
    let mut stream = Stream::default();
    let id = |number: u64| Id { ms: 1_700_000_000_000 + number / 3, seq: number % 3 };
    for number in 0..500u64 {
        let (text, own) = (number.to_string(), format!("field {number}"));
        let pairs: &[&[u8]] = match number % 10 {
            9 => &[own.as_bytes(), b"value"],
            _ => &[b"number", text.as_bytes(), b"text", b"a text that is the same each time"],
        };
        stream.log.append(id(number), pairs, limits.stream_node);
    }
    stream.log.trim(Trim::Len(450), false, 0);
    assert!(stream.log.delete(id(499)) && stream.log.delete(id(300)));
    stream.add_group(b"idle", Group::new(Id::MAX, -1));
    stream.add_group(b"workers", Group::new(Id::MIN, 0));
    let (log, group) = stream.group_mut(b"workers").unwrap();
    group.see(b"none", 1_700_000_000_000);
    for (number, owner) in
        (60..70).zip(["alice", "bob", "a consumer with a name that goes on for a while"].iter().cycle())
    {
        group.see(owner.as_bytes(), 1_700_000_000_000 + number as i64);
        group.read_on(log, id(number));
        let nack = Nack { time_ms: 1_700_000_000_500, count: number, owner: Str::from(*owner) };
        group.assign(id(number), nack);
    }
    stream
}

fn now() -> Now {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Now { mono_us: 0, wall_us: wall.as_micros() as u64 }
}

fn rdb(dbs: &[Db], aof_base: bool) -> Vec<u8> {
    let mut options = RdbOptions::new(now(), &Config::default());
    options.aof_base = aof_base;
    let (mut writer, mut bytes) = (RdbWriter::new(dbs, options), Vec::new());
    while writer.fill(5000, &mut bytes) {}
    bytes
}

/// The elements of a table, whose order is each server's own.
fn table(object: &Object) -> Option<BTreeSet<(Vec<u8>, Vec<u8>)>> {
    match object {
        Object::Set(set) if object.encoding() == "hashtable" => {
            Some(set.iter().map(|member| (member.to_cow().into_owned(), Vec::new())).collect())
        }
        Object::Hash(hash) if object.encoding() == "hashtable" => {
            Some(hash.iter().map(|(f, v)| (f.to_cow().into_owned(), v.to_cow().into_owned())).collect())
        }
        // What a server rebuilds from commands is the same but for its blocks and the clocks of consumers.
        Object::Stream(stream) => {
            let log = &stream.log;
            let mut all = BTreeSet::from([
                (b"last".to_vec(), log.last_id.to_bytes().to_vec()),
                (b"deleted".to_vec(), log.max_deleted_id.to_bytes().to_vec()),
                (b"counts".to_vec(), format!("{} {}", log.len, log.entries_added).into_bytes()),
            ]);
            for entry in log.iter() {
                let pieces = entry.pieces().map(|piece| piece.to_cow().into_owned());
                all.insert((entry.id.to_bytes().to_vec(), pieces.collect::<Vec<_>>().join(&b' ')));
            }
            for (name, group) in stream.groups() {
                let names: Vec<_> = group.consumers().iter().map(|one| (&one.name, one.pending)).collect();
                let said = format!("{:?} {:?} {} {names:?}", name, group.last_id, group.entries_read);
                all.insert((b"group".to_vec(), said.into_bytes()));
                for (id, nack) in group.pending.iter() {
                    all.insert((name.to_vec(), format!("{id:?} {nack:?}").into_bytes()));
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// Asks the server for every key and compares value, encoding and time to live.
fn compare(server: &mut Server, dbs: &[Db]) {
    for (index, db) in dbs.iter().enumerate() {
        server.call(&[b"SELECT", index.to_string().as_bytes()]);
        assert_eq!(server.call(&[b"DBSIZE"]), db.len().to_string().as_bytes());
        for (key, entry, expire) in db.iter() {
            let name = String::from_utf8_lossy(key);
            let payload = server.call(&[b"DUMP", key]);
            match table(&entry.object) {
                None => assert_eq!(dump_payload(&entry.object, true), payload, "{name}"),
                some => {
                    let theirs = parse_payload(&payload, &Limits::default(), false).unwrap();
                    assert_eq!(table(&theirs), some, "{name}");
                }
            }
            assert_eq!(
                server.call(&[b"OBJECT", b"ENCODING", key]),
                entry.object.encoding().as_bytes(),
                "{name}"
            );
            let expected = expire.unwrap_or(-1).to_string();
            assert_eq!(server.call(&[b"PEXPIRETIME", key]), expected.as_bytes(), "{name}");
        }
    }
}

#[test]
fn redis_server_loads_our_rdb_file() {
    if !present() {
        return;
    }
    let (folder, dbs) = (Folder::new("rdb"), sample());
    let path = folder.0.join("dump.rdb");
    std::fs::write(&path, rdb(&dbs, false)).unwrap();
    if let Ok(output) = Command::new("redis-check-rdb").arg(&path).output() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("RDB looks OK"), "{text}");
    }
    let mut server = Server::start(&folder, &[]);
    compare(&mut server, &dbs);
    server.call(&[b"SELECT", b"0"]);
    for (key, entry, _) in dbs[0].iter().filter(|(_, entry, _)| entry.object.type_name() == "stream") {
        assert!(
            dump_payload(&entry.object, true) == server.call(&[b"DUMP", key]),
            "{key:?} to the last byte"
        );
    }
    for (key, entry, _) in dbs[0].iter() {
        let payload = dump_payload(&entry.object, true);
        assert_eq!(server.call(&[b"RESTORE", b"copy", b"0", &payload, b"REPLACE"]), b"OK");
        assert_eq!(server.call(&[b"TYPE", b"copy"]), entry.object.type_name().as_bytes(), "{key:?}");
    }
}

#[test]
fn redis_server_loads_our_append_only_file() {
    if !present() {
        return;
    }
    for as_rdb in [true, false] {
        let (folder, mut dbs) = (Folder::new(if as_rdb { "aof-rdb" } else { "aof-commands" }), sample());
        let mut manifest = Manifest::default();
        let base = manifest.new_base("appendonly.aof", as_rdb);
        let incr = manifest.new_incr("appendonly.aof");
        let mut bytes = Vec::new();
        if as_rdb {
            bytes = rdb(&dbs, true);
        } else {
            let mut writer = CommandWriter::new(&dbs, Some(1_700_000_000), &[]);
            while writer.fill(5000, &mut bytes) {}
        }
        let (mut commands, mut feeder) = (Vec::new(), Feeder::default());
        feeder.feed(&mut commands, 0, &[b"DEL", b"long"], Some(1_700_000_000));
        feeder.feed(&mut commands, 9, &[b"SET", b"new", b"1\r\n2"], Some(1_700_000_001));
        dbs[0].remove(b"long");
        dbs[9].insert(b"new", Object::string(b"1\r\n2"), 0);
        let inside = folder.0.join("appendonlydir");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join(&*base), bytes).unwrap();
        std::fs::write(inside.join(&*incr), commands).unwrap();
        std::fs::write(inside.join("appendonly.aof.manifest"), manifest.format()).unwrap();
        let mut server = Server::start(&folder, &["--appendonly", "yes"]);
        compare(&mut server, &dbs);
    }
}
