//! Configurations are accepted and refused as redis-server 7.0.15 does, word for word. Needs Debian's redis-server; without it
//! there is nothing to compare with and the test says so.

use std::io::Write;
use std::process::{Command, Stdio};

/// Each is refused by Redis; what it prints must be what we print.
const REFUSED: &[&str] = &[
    "port 7001  #port\n",
    "# comment\n\n   nonsense yes\n",
    "port abc\n",
    "port 70000\n",
    "port\n",
    "PORT 1 2\n",
    "appendonly maybe\n",
    "appendfsync often\n",
    "maxmemory 1x\n",
    "maxmemory -1\n",
    "maxmemory-clients 101%\n",
    "maxmemory-clients x%\n",
    "maxclients 0\n",
    "save 60\n",
    "save 0 1\n",
    "save a b\n",
    "requirepass \"open\n",
    "requirepass 'a'b\n",
    "unixsocketperm 9\n",
    "unixsocketperm 7777\n",
    "client-output-buffer-limit normal 0 0\n",
    "client-output-buffer-limit master 0 0 0\n",
    "client-output-buffer-limit slave 1mb x 0\n",
    "oom-score-adj-values 1 2\n",
    "oom-score-adj-values 1 2 3000\n",
    "notify-keyspace-events Kq\n",
    "replicaof localhost\n",
    "replicaof localhost 70000\n",
    "cluster-enabled yes\nreplicaof localhost 1\n",
    "dir /nowhere/at/all\n",
    "dbfilename a/b\n",
    "appendfilename \"\"\n",
    "appenddirname a/b\n",
    "cluster-announce-hostname a_b\n",
    "latency-tracking-info-percentiles 101\n",
    "latency-tracking-info-percentiles x\n",
    "shutdown-on-sigterm save nosave\n",
    "shutdown-on-sigterm sometimes\n",
    "activedefrag yes\n",
    "hz -1\n",
    "proto-max-bulk-len 1\n",
    "list-max-listpack-size 3000000000\n",
    "slowlog-log-slower-than -2\n",
    "repl-backlog-size 0\n",
    "sentinel monitor a b 1 2\n",
    "module.option\n",
    "rename-command GET\n",
    "loadmodule\n",
    "user\n",
    "include\n",
    "proc-title-template {nothing}\n",
    "proc-title-template {title\n",
    "proc-title-template {title}\n",
    "supervised maybe\n",
    "logfile /nowhere/at/all/log\n",
    "tls-auth-clients perhaps\n",
    "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
];

fn run(program: &str, conf: &str) -> (Option<i32>, String) {
    let mut child = Command::new(program)
        .args(["-", "--port", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(conf.as_bytes()).expect("it reads its configuration");
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn refusals_are_word_for_word() {
    if Command::new("redis-server").arg("--version").output().is_err() {
        eprintln!("skipped: no redis-server on this machine");
        return;
    }
    for conf in REFUSED {
        let theirs = run("redis-server", conf);
        let ours = run(env!("CARGO_BIN_EXE_vitrine-server"), conf);
        assert_eq!(ours, theirs, "for {conf:?}");
        assert_eq!(ours.0, Some(1), "for {conf:?}");
    }
}
