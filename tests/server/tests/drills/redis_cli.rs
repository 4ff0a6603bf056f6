//! Debian's own tools against the native host: redis-cli in its ways of talking, redis-benchmark, and how the program
//! starts, refuses to start, and ends.

use crate::support::{
    Client, Folder, Kind, Server, contents, fill, free_port, has_command, redis_cli, tool, wait_for,
};
use std::fs;

/// What redis-cli prints for a command, without the end of the line.
fn cli(port: u16, args: &[&str]) -> String {
    let ran = redis_cli(port, args, b"");
    assert_eq!(ran.err, "", "redis-cli {args:?}");
    assert_eq!(ran.code, Some(0), "redis-cli {args:?}: {}", ran.out);
    ran.out.trim_end().to_owned()
}

#[test]
fn commands_and_protocols() {
    let server = Server::start(Kind::Ours, &[]);
    let port = server.port;
    assert_eq!(cli(port, &["PING"]), "PONG");
    assert_eq!(cli(port, &["SET", "key", "value with spaces"]), "OK");
    assert_eq!(cli(port, &["GET", "key"]), "value with spaces");
    assert_eq!(cli(port, &["--no-raw", "GET", "nothing"]), "(nil)");
    assert_eq!(cli(port, &["HSET", "hash", "a", "1", "b", "2"]), "2");
    assert_eq!(cli(port, &["-3", "--no-raw", "HGETALL", "hash"]), "1# \"a\" => \"1\"\n2# \"b\" => \"2\"");
    assert_eq!(cli(port, &["--no-raw", "HGETALL", "hash"]), "1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"2\"");
    assert_eq!(cli(port, &["-n", "3", "SET", "elsewhere", "1"]), "OK");
    assert_eq!(cli(port, &["EXISTS", "elsewhere"]), "0");
    assert_eq!(cli(port, &["-r", "3", "INCR", "counter"]), "1\n2\n3");
    let piped = redis_cli(port, &["-x", "SET", "from-input"], b"line");
    assert_eq!(piped.out.trim_end(), "OK");
    assert_eq!(cli(port, &["GET", "from-input"]), "line");
    let lines = redis_cli(port, &[], b"MULTI\nINCR counter\nGET counter\nEXEC\nNONSENSE\n");
    assert!(lines.out.starts_with("OK\nQUEUED\nQUEUED\n4\n4\n"), "{}", lines.out);
    assert!(
        lines.out.contains("ERR unknown command 'NONSENSE', with args beginning with: "),
        "{}",
        lines.out
    );
    let info = cli(port, &["INFO"]);
    for line in [
        "# Server",
        "redis_version:7.0.15",
        "redis_mode:standalone",
        "role:master",
        "# Keyspace",
        "db3:keys=1",
    ] {
        assert!(info.contains(line), "INFO lacks {line}:\n{info}");
    }
    assert!(info.contains(&format!("tcp_port:{port}")), "{info}");
    let latency = redis_cli(port, &["--raw", "-i", "0", "--eval", "/nowhere"], b"");
    assert_ne!(latency.code, Some(0), "redis-cli says that there is no such script");
}

#[test]
fn walks_pipes_and_snapshots() {
    let server = Server::start(Kind::Ours, &[]);
    let port = server.port;
    let mut commands = Vec::new();
    for i in 0..20_000 {
        commands
            .extend_from_slice(format!("*3\r\n$3\r\nSET\r\n$9\r\nkey:{i:05}\r\n$5\r\n{i:05}\r\n").as_bytes());
    }
    let ran = redis_cli(port, &["--pipe"], &commands);
    assert!(ran.out.contains("errors: 0, replies: 20000"), "{} {}", ran.out, ran.err);
    assert_eq!(cli(port, &["DBSIZE"]), "20000");

    let scanned = cli(port, &["--scan", "--pattern", "key:000*"]);
    let mut keys: Vec<&str> = scanned.lines().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 100, "{scanned}");

    let mut client = server.client();
    fill(&mut client);
    let big = cli(port, &["--bigkeys"]);
    for line in [
        "Biggest   list found '\"big-list\"' has 700 items",
        "Biggest   hash found '\"big-hash\"' has 700 fields",
        "Biggest    set found '\"big-set\"' has 700 members",
        "Biggest string found '\"compressible\"' has 100000 bytes",
    ] {
        assert!(big.contains(line), "--bigkeys lacks {line}:\n{big}");
    }

    let folder = Folder::new();
    let file = folder.join("dump.rdb").display().to_string();
    let ran = redis_cli(port, &["--rdb", &file], b"");
    assert!(
        ran.out.contains("Transfer finished with success")
            || ran.err.contains("Transfer finished with success"),
        "{ran:?}"
    );
    let theirs = Server::start_in(Kind::Redis, folder, &[]);
    let mut their_client = theirs.client();
    crate::support::assert_same("the snapshot that redis-cli fetched", &mut client, &mut their_client);
    crate::support::assert_same_digest("the snapshot that redis-cli fetched", &mut client, &mut their_client);
    assert!(contents(&mut their_client).len() > 20_000);
    wait_for("redis-cli is no replica any more", 5, || client.info("connected_slaves") == "0");

    // Only the functions, of which there are none: an RDB without keys.
    let functions = Folder::new();
    let file = functions.join("dump.rdb").display().to_string();
    let ran = redis_cli(port, &["--functions-rdb", &file], b"");
    if ran.out.contains("Transfer finished") || ran.err.contains("Transfer finished") {
        let theirs = Server::start_in(Kind::Redis, functions, &[]);
        assert_eq!(theirs.run("DBSIZE"), "0");
    }
}

/// The tests of redis-benchmark whose commands every version of the engine has.
const BENCHMARKS: &str =
    "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange_100,mset";

#[test]
fn benchmark_runs() {
    let server = Server::start(Kind::Ours, &[]);
    let port = server.port.to_string();
    let with_sorted_sets = has_command("zadd") && has_command("zpopmin");
    let tests = if with_sorted_sets { format!("{BENCHMARKS},zadd,zpopmin") } else { BENCHMARKS.to_owned() };
    for pipeline in ["1", "16"] {
        let ran = tool(
            "redis-benchmark",
            &["-p", &port, "-q", "-n", "2000", "-P", pipeline, "-r", "1000", "-t", &tests],
            b"",
        );
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!ran.out.contains("rror") && !ran.err.contains("rror"), "{ran:?}");
        let results = ran.out.matches("requests per second").count();
        assert!(results >= tests.split(',').count(), "{results} results:\n{}", ran.out);
    }
    if with_sorted_sets {
        let ran = tool("redis-benchmark", &["-p", &port, "-q", "-n", "2000"], b"");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!ran.out.contains("rror") && !ran.err.contains("rror"), "{ran:?}");
    }
}

#[test]
fn shutdown_and_signals() {
    let mut server = Server::start(Kind::Ours, &[]);
    assert_eq!(redis_cli(server.port, &["SET", "key", "1"], b"").out, "OK\n");
    let ran = redis_cli(server.port, &["SHUTDOWN", "NOSAVE"], b"");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(server.wait_exit(), Some(0));
    assert!(server.log().contains("User requested shutdown..."), "{}", server.log());
    server.restart();
    assert_eq!(server.run("DBSIZE"), "0", "NOSAVE saves nothing");

    server.run("SET key 2");
    redis_cli(server.port, &["SHUTDOWN", "SAVE"], b"");
    assert_eq!(server.wait_exit(), Some(0));
    server.restart();
    assert_eq!(server.run("GET key"), "2", "SAVE saves without save points");

    server.run("SET key 3");
    assert_eq!(server.terminate(), Some(0));
    assert!(server.log().contains("scheduling shutdown..."), "{}", server.log());
    assert!(server.log().contains("Redis is now ready to exit, bye bye..."), "{}", server.log());
    server.restart();
    assert_eq!(server.run("GET key"), "2", "SIGTERM saves where there are save points alone");
    server.run("CONFIG SET save 3600\u{20}1");
    let set = redis_cli(server.port, &["CONFIG", "SET", "save", "3600 1"], b"");
    assert_eq!(set.out, "OK\n");
    server.run("SET key 4");
    assert_eq!(server.terminate(), Some(0));
    server.restart();
    assert_eq!(server.run("GET key"), "4", "SIGTERM saves where there are save points");
}

/// The three sources of configuration at once: the file, standard input, the command line; the last one wins.
#[test]
fn configuration_from_everywhere() {
    for kind in [Kind::Redis, Kind::Ours] {
        let folder = Folder::new();
        let port = free_port();
        let conf = folder.join("my.conf");
        fs::write(&conf, "maxmemory 100mb\nhz 20\ntimeout 33\n").expect("written");
        let mut child = std::process::Command::new(kind.program())
            .arg(&conf)
            .args(["--port", &port.to_string(), "--timeout 77", "--save", "", "--hz", "30", "-"])
            .current_dir(folder.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut input, b"hz 40\nappendfsync no\n").expect("it reads");
        drop(input);
        let mut seen = String::new();
        let up = std::panic::catch_unwind(|| {
            wait_for("the server answers", 30, || Client::try_connect(port).is_some());
        });
        if up.is_ok() {
            let mut client = Client::try_connect(port).expect("it answers");
            for name in ["maxmemory", "hz", "timeout", "appendfsync", "save", "port"] {
                seen.push_str(&client.run(&format!("CONFIG GET {name}")));
                seen.push('\n');
            }
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let expected = format!(
            "[maxmemory 104857600]\n[hz 30]\n[timeout 77]\n[appendfsync no]\n[save ]\n[port {port}]\n"
        );
        assert_eq!(seen, expected, "{kind:?}");
    }
}

/// The cluster configuration of the notes that this project comes from, whose trailing comments Redis does not allow.
const NOTES: &str = "port 7001  #port\ncluster-enabled yes  #cluster mode\ncluster-config-file cluster-node-1.conf\n\
                     cluster-node-timeout 5000\nappendonly yes\nappendfilename node-1.aof\ndbfilename dump-1.rdb\n";

#[test]
fn wrong_files_are_refused_word_for_word() {
    let folder = Folder::new();
    let path = folder.join("redis.conf");
    let path_text = path.display().to_string();
    let wrong = [
        NOTES.to_owned(),
        NOTES.replace("  #port", ""),
        NOTES.replace("  #port", "").replace("  #cluster mode", "").replace("5000", "5000  #ms"),
        NOTES.replace("  #port", "").replace("  #cluster mode", "").replace("node-1.aof", "a/node-1.aof"),
        "save 900\n".to_owned(),
        "bind 127.0.0.1\nnonsense\n".to_owned(),
        "replica-priority -1\n".to_owned(),
        "include /nowhere/to/be/found.conf\n".to_owned(),
    ];
    for conf in &wrong {
        fs::write(&path, conf).expect("written");
        let theirs = tool(Kind::Redis.program(), &[&path_text], b"");
        let ours = tool(Kind::Ours.program(), &[&path_text], b"");
        assert_eq!((ours.code, ours.err), (theirs.code, theirs.err), "for {conf:?}");
        assert_ne!(ours.code, Some(0), "for {conf:?}");
    }
    let missing = folder.join("missing.conf").display().to_string();
    let (theirs, ours) =
        (tool(Kind::Redis.program(), &[&missing], b""), tool(Kind::Ours.program(), &[&missing], b""));
    assert_eq!(ours.code, theirs.code);
    let reason =
        |out: &str| out.lines().last().unwrap_or_default().split_once(" # ").map(|(_, text)| text.to_owned());
    assert_eq!(reason(&ours.out), reason(&theirs.out), "{ours:?}");
    assert!(reason(&ours.out).is_some(), "{ours:?}");
}

#[test]
fn a_port_that_is_taken() {
    let server = Server::start(Kind::Ours, &[]);
    let port = server.port.to_string();
    let reason = |kind: Kind| {
        let folder = Folder::new();
        let ran = tool(
            kind.program(),
            &[
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                &folder.path().display().to_string(),
            ],
            b"",
        );
        let last =
            ran.out.lines().last().unwrap_or_default().split_once(" # ").map(|(_, text)| text.to_owned());
        (ran.code, last)
    };
    let ours = reason(Kind::Ours);
    assert_eq!(ours, reason(Kind::Redis));
    assert_eq!(ours, (Some(1), Some("Failed listening on port ".to_owned() + &port + " (TCP), aborting.")));
}
