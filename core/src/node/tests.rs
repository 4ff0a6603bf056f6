use super::*;
use crate::host::{DiskError, DiskReply, Listener};

fn at(mono_us: u64) -> Now {
    Now { mono_us, wall_us: 1_700_000_000_000_000 + mono_us }
}

/// Takes the outputs of a turn: what was sent by connection, and the answers of an empty, working disk.
fn turn(node: &mut Node, now: Now, sent: &mut BTreeMap<ConnId, Vec<u8>>) -> Vec<Input> {
    let mut answers = Vec::new();
    while let Some(output) = node.poll_output(now) {
        match output {
            Output::Send { conn, bytes } => sent.entry(conn).or_default().extend(bytes),
            Output::Disk { op, request } => {
                let result = match request {
                    DiskRequest::List { .. } | DiskRequest::Stat { .. } | DiskRequest::Read { .. } => {
                        Err(DiskError::NotFound)
                    }
                    DiskRequest::Append { bytes, .. } => Ok(DiskReply::Written(bytes.len() as u64)),
                    _ => Ok(DiskReply::Done),
                };
                answers.push(Input::Disk { op, result });
            }
            _ => {}
        }
    }
    answers
}

fn settle(node: &mut Node, now: Now, sent: &mut BTreeMap<ConnId, Vec<u8>>) {
    loop {
        let answers = turn(node, now, sent);
        if answers.is_empty() {
            return;
        }
        for answer in answers {
            node.handle(now, answer);
        }
    }
}

fn accepted(conn: ConnId) -> Input {
    let (peer, local) = (format!("127.0.0.1:{}", 50_000 + conn.0), "127.0.0.1:6379".to_owned());
    Input::Accepted { conn, listener: Listener::Client, peer, local }
}

/// The disk answers in the same turn in which bytes of a connection arrive that was accepted during the wait.
#[test]
fn what_came_during_a_wait_comes_first() {
    let options = NodeOptions {
        conf_text: "appendonly yes\nappendfsync always\nsave \"\"\n".into(),
        conf_path: None,
        seed: 1,
        pid: 1,
        executable: String::new(),
        os: String::new(),
    };
    let now = at(0);
    let mut node = Node::new(now, options).expect("the configuration is right");
    let mut sent = BTreeMap::new();
    settle(&mut node, now, &mut sent);
    let (writer, late) = (ConnId(1), ConnId(2));
    node.handle(now, accepted(writer));
    node.handle(now, Input::Received { conn: writer, bytes: b"SET key value\r\n".to_vec() });
    let answers = turn(&mut node, now, &mut sent);
    assert!(node.is_stalled(), "the reply waits for the disk");
    assert_eq!(sent.get(&writer), None);

    node.handle(now, accepted(late));
    for answer in answers {
        node.handle(now, answer);
    }
    node.handle(now, Input::Received { conn: late, bytes: b"GET key\r\n".to_vec() });
    settle(&mut node, now, &mut sent);
    assert_eq!(sent[&writer], b"+OK\r\n");
    assert_eq!(sent[&late], b"$5\r\nvalue\r\n");
}

/// A rewrite ends the old file with its snapshot: what comes after it in the same turn, down the same pipeline or over another
/// connection, goes to the new one.
#[test]
fn nothing_gets_between_a_rewrites_snapshot_and_its_new_file() {
    let mut node = with_clients("appendonly yes\n", 2);
    ask(&mut node, 1, b"SET before 0");
    let (mut sent, mut appends) = (BTreeMap::new(), Vec::new());
    for (conn, line) in [(1, &b"BGREWRITEAOF\r\nSET key 1\r\n"[..]), (2, b"SET key 2\r\n")] {
        node.handle(at(0), Input::Received { conn: ConnId(conn), bytes: line.to_vec() });
    }
    loop {
        let mut answers = Vec::new();
        while let Some(output) = node.poll_output(at(0)) {
            match output {
                Output::Send { conn, bytes } => sent.entry(conn).or_insert_with(Vec::new).extend(bytes),
                Output::Disk { op, request } => {
                    let result = Ok(match &request {
                        DiskRequest::Append { bytes, .. } => DiskReply::Written(bytes.len() as u64),
                        _ => DiskReply::Done,
                    });
                    if let DiskRequest::Append { path, bytes } = request {
                        appends.push((path, String::from_utf8_lossy(&bytes).into_owned()));
                    }
                    answers.push(Input::Disk { op, result });
                }
                _ => {}
            }
        }
        if answers.is_empty() {
            break;
        }
        answers.into_iter().for_each(|answer| node.handle(at(0), answer));
    }
    let written: Vec<&str> =
        appends.iter().filter(|(_, text)| text.contains("key")).map(|(path, _)| &**path).collect();
    assert!(!written.is_empty());
    assert!(written.iter().all(|path| path.ends_with("appendonly.aof.2.incr.aof")), "{written:?}");
    assert_eq!(sent[&ConnId(1)], b"+Background append only file rewriting started\r\n+OK\r\n");
    assert_eq!(sent[&ConnId(2)], b"+OK\r\n");
}

/// A node that saves nothing, with clients 1 to `clients` connected and everything else settled.
pub(super) fn with_clients(conf: &str, clients: u64) -> Node {
    let options = NodeOptions {
        conf_text: format!("save \"\"\n{conf}"),
        conf_path: None,
        seed: 1,
        pid: 1,
        executable: String::new(),
        os: String::new(),
    };
    let mut node = Node::new(at(0), options).expect("the configuration is right");
    settle(&mut node, at(0), &mut BTreeMap::new());
    for conn in 1..=clients {
        node.handle(at(0), accepted(ConnId(conn)));
    }
    node
}

/// Sends a line over a connection; what every connection was sent in that turn.
pub(super) fn ask(node: &mut Node, conn: u64, line: &[u8]) -> BTreeMap<u64, String> {
    let mut sent = BTreeMap::new();
    node.handle(at(0), Input::Received { conn: ConnId(conn), bytes: [line, b"\r\n"].concat() });
    settle(node, at(0), &mut sent);
    sent.into_iter().map(|(conn, bytes)| (conn.0, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

/// BLPOP is one call and one line of MONITOR, however often it is tried.
#[test]
fn a_command_that_waited_is_counted_once() {
    let mut node = with_clients("", 4);
    ask(&mut node, 4, b"MONITOR");
    assert!(ask(&mut node, 2, b"BLPOP k j 0")[&4].contains("\"BLPOP\""));
    ask(&mut node, 3, b"BLPOP k 0");
    let dirty = node.dirty;
    let sent = ask(&mut node, 1, b"RPUSH k a");
    assert_eq!(sent[&2], "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert!(!sent.contains_key(&3) && !sent[&4].contains("BLPOP"), "{sent:?}");
    assert_eq!(node.dirty, dirty + 1, "the element that was handed on counts as pushed");
    let blpop = table::lookup(b"blpop").expect("a command");
    assert_eq!(node.stats.commands[blpop.index()].calls, 2);
}

/// A failover that ends leaves a client's pause alone, and the other way round; what was held back runs in its order.
#[test]
fn a_pause_ends_for_its_own_purpose_alone() {
    use super::pause::Purpose;
    let mut node = with_clients("", 4);
    ask(&mut node, 1, b"CLIENT PAUSE 100000 WRITE");
    node.pause_clients(Purpose::Failover, i64::MAX, true);
    assert_eq!(ask(&mut node, 3, b"APPEND k 1"), BTreeMap::new());
    assert_eq!(ask(&mut node, 2, b"APPEND k 2"), BTreeMap::new());
    node.end_pause(Purpose::Failover);
    assert_eq!(ask(&mut node, 1, b"GET k")[&1], "$-1\r\n", "the writes still wait");
    node.pause_clients(Purpose::Failover, i64::MAX, true);
    assert_eq!(ask(&mut node, 1, b"CLIENT UNPAUSE")[&1], "+OK\r\n");
    assert_eq!(ask(&mut node, 4, b"APPEND k 3"), BTreeMap::new());
    node.end_pause(Purpose::Failover);
    let sent = ask(&mut node, 1, b"PING");
    assert_eq!([&sent[&3], &sent[&2], &sent[&4]], [":1\r\n", ":2\r\n", ":3\r\n"]);
    assert_eq!(ask(&mut node, 1, b"GET k")[&1], "$3\r\n123\r\n");
}

/// A client may ask for more draws than any memory holds: it is closed when its reply is too long, without a byte of it.
#[test]
fn replies_without_end_end_at_the_limit() {
    let mut node = with_clients("client-output-buffer-limit normal 1mb 0 0", 4);
    let asks: [&[u8]; 3] = [
        b"SADD s a\r\nSRANDMEMBER s -9223372036854775807",
        b"HSET h f v\r\nHRANDFIELD h -4611686018427387903 WITHVALUES",
        b"ZADD z 1 a\r\nZRANDMEMBER z -9223372036854775807\r\nPING",
    ];
    for (conn, line) in (1..).zip(asks) {
        assert_eq!(ask(&mut node, conn, line), BTreeMap::new());
        assert_eq!(ask(&mut node, 4, b"PING")[&4], "+PONG\r\n");
        assert_eq!(node.stats.output_buffer_disconnections, conn);
        assert_eq!(node.clients.len() as u64, 4 - conn);
    }
}

/// A host that measures lends a clock; INFO and SLOWLOG then tell what it showed.
#[test]
fn a_lent_clock_shows_how_long_commands_take() {
    let mut node = with_clients("slowlog-log-slower-than 3000", 1);
    let reading = Rc::new(std::cell::Cell::new(0));
    let lent = Rc::clone(&reading);
    node.set_stopwatch(Stopwatch::new(move || {
        lent.set(lent.get() + 2_500_000);
        lent.get()
    }));
    ask(&mut node, 1, b"GET k");
    ask(&mut node, 1, b"GET k");
    let info = &ask(&mut node, 1, b"INFO commandstats")[&1];
    assert!(info.contains("cmdstat_get:calls=2,usec=5000,usec_per_call=2500.00,"), "{info}");
    ask(&mut node, 1, b"MULTI\r\nGET k\r\nEXEC");
    let info = &ask(&mut node, 1, b"INFO commandstats")[&1];
    assert!(
        info.contains("cmdstat_exec:calls=1,usec=7500,"),
        "EXEC takes as long as what it runs, and more: {info}"
    );
    assert_eq!(ask(&mut node, 1, b"SLOWLOG LEN")[&1], ":0\r\n");
    ask(&mut node, 1, b"CONFIG SET slowlog-log-slower-than 2000");
    ask(&mut node, 1, b"GET k");
    assert!(ask(&mut node, 1, b"SLOWLOG GET 1")[&1].contains(":2500\r\n"));
}

/// A change that the host cannot make is refused, and with it all that was to change in the same command.
#[test]
fn a_running_server_stays_in_its_folder() {
    let mut node = with_clients("dir /data\nenable-protected-configs yes\nmaxmemory 1gb", 1);
    let refused = &ask(&mut node, 1, b"CONFIG SET maxmemory 2gb dir /elsewhere")[&1];
    assert!(
        refused.starts_with("-ERR CONFIG SET failed (possibly related to argument 'dir') - "),
        "{refused}"
    );
    let kept = &ask(&mut node, 1, b"CONFIG GET dir maxmemory")[&1];
    assert!(kept.contains("/data\r\n") && kept.contains("1073741824"), "{kept}");
    assert_eq!(ask(&mut node, 1, b"CONFIG SET dir /data")[&1], "+OK\r\n");
}

/// SCAN and RANDOMKEY delete expired keys that have nothing to do with each other: no transaction holds them together, as one
/// does what DEL of a whole command deleted.
#[test]
fn keys_that_scan_finds_expired_are_propagated_singly() {
    let mut node = with_clients("", 1);
    node.repl.backlog = Some(crate::replication::backlog::Backlog::new(1 << 20, 0));
    let text = |node: &Node| {
        let backlog = node.repl.backlog.as_ref().expect("it was made above");
        String::from_utf8_lossy(&backlog.from(backlog.first_offset())).into_owned()
    };
    ask(&mut node, 1, b"DEBUG SET-ACTIVE-EXPIRE 0");
    ask(&mut node, 1, b"MSET a 1 b 2 c 3");
    for key in ["a", "b"] {
        ask(&mut node, 1, format!("PEXPIREAT {key} 1700000000001").as_bytes());
    }
    let later = at(10_000);
    let mut sent = BTreeMap::new();
    node.handle(later, Input::Received { conn: ConnId(1), bytes: b"SCAN 0\r\n".to_vec() });
    settle(&mut node, later, &mut sent);
    let stream = text(&node);
    assert_eq!(stream.matches("DEL").count(), 2, "{stream}");
    assert!(!stream.contains("MULTI"), "{stream}");
}

/// No master will ever send the DEL of a key that only this replica has.
#[test]
fn a_writable_replica_expires_its_own_keys() {
    let mut node = with_clients("replica-read-only no\n", 1);
    ask(&mut node, 1, b"REPLICAOF 127.0.0.1 1");
    ask(&mut node, 1, b"SET own x PX 5");
    assert_eq!(node.dbs[0].len(), 1);
    for ms in [100, 200, 300] {
        node.handle(at(ms * 1000), Input::Wake);
        settle(&mut node, at(ms * 1000), &mut BTreeMap::new());
    }
    assert_eq!((node.dbs[0].len(), node.stats.expired_keys), (0, 1));
}

#[test]
fn a_key_that_was_past_its_time_when_watched_has_not_changed_when_it_goes() {
    let past = b"SET x old PXAT 1699999999999";
    for (name, script, executes) in [
        ("flush", &[&past[..], b"WATCH x", b"FLUSHDB"][..], true),
        ("flush of a live key", &[b"SET x old", b"WATCH x", b"FLUSHDB"], false),
        ("nothing gives way to an expired key", &[past, b"SELECT 1", b"WATCH x", b"SWAPDB 0 1"], true),
        ("one expired key gives way to another", &[past, b"SELECT 1", past, b"WATCH x", b"SWAPDB 0 1"], true),
        ("nothing gives way to a key", &[b"SET x new", b"SELECT 1", b"WATCH x", b"SWAPDB 0 1"], false),
        (
            "an expired key gives way to a key",
            &[b"SET x 1", b"SELECT 1", past, b"WATCH x", b"SWAPDB 0 1"],
            false,
        ),
    ] {
        let mut node = with_clients("", 1);
        ask(&mut node, 1, b"DEBUG SET-ACTIVE-EXPIRE 0");
        for line in script {
            // SET with a time in the past deletes at once: the key is made to expire by hand.
            if line.ends_with(b"PXAT 1699999999999") {
                ask(&mut node, 1, b"SET x old");
                let db = node.clients.values().next().map_or(0, |client| client.db);
                node.dbs[db].set_expire(b"x", 1_699_999_999_999);
            } else {
                ask(&mut node, 1, line);
            }
        }
        ask(&mut node, 1, b"MULTI");
        ask(&mut node, 1, b"PING");
        let reply = &ask(&mut node, 1, b"EXEC")[&1];
        assert_eq!(reply == "*1\r\n+PONG\r\n", executes, "{name}: {reply:?}");
    }
}

/// A disk that keeps what is written to it.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn answer(&mut self, request: DiskRequest) -> Result<DiskReply, DiskError> {
        let files = &mut self.0;
        let file = |path: &str| files.get(path).ok_or(DiskError::NotFound);
        match request {
            DiskRequest::List { .. } => Err(DiskError::NotFound),
            DiskRequest::Stat { path } => Ok(DiskReply::Size(file(&path)?.len() as u64)),
            DiskRequest::Read { path, offset, len_max } => {
                let bytes = file(&path)?.iter().skip(offset as usize).take(len_max as usize);
                Ok(DiskReply::Bytes(bytes.copied().collect()))
            }
            DiskRequest::Append { path, bytes } => {
                files.entry(path.to_string()).or_default().extend_from_slice(&bytes);
                Ok(DiskReply::Written(bytes.len() as u64))
            }
            DiskRequest::Rename { from, to } => {
                let bytes = files.remove(&*from).ok_or(DiskError::NotFound)?;
                files.insert(to.to_string(), bytes);
                Ok(DiskReply::Done)
            }
            _ => Ok(DiskReply::Done),
        }
    }
}

/// A master that sends its snapshot from a file goes on with the stream at once: its first commands may come in the same read as
/// the snapshot's end, and others while the snapshot is being loaded.
#[test]
fn the_stream_right_behind_a_snapshot_is_applied() {
    let mut node = with_clients("", 1);
    let mut files = Files::default();
    let mut go = |node: &mut Node, input: Input| {
        node.handle(at(0), input);
        let mut master = None;
        while let Some(output) = node.poll_output(at(0)) {
            match output {
                Output::Disk { op, request } => {
                    node.handle(at(0), Input::Disk { op, result: files.answer(request) });
                }
                Output::Connect { conn, .. } => master = Some(conn),
                _ => {}
            }
        }
        master
    };
    let ask_it = Input::Received { conn: ConnId(1), bytes: b"REPLICAOF 127.0.0.1 7000\r\n".to_vec() };
    let conn = go(&mut node, ask_it).expect("it connects");
    go(&mut node, Input::Connected { conn, local: "127.0.0.1:50000".into() });
    for line in ["+PONG", "+OK", "+OK"] {
        go(&mut node, Input::Received { conn, bytes: format!("{line}\r\n").into_bytes() });
    }
    let id = "0123456789012345678901234567890123456789";
    let mut bytes = format!("+FULLRESYNC {id} 100\r\n$18\r\n").into_bytes();
    bytes.extend_from_slice(b"REDIS0010\xff\0\0\0\0\0\0\0\0");
    let first = b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    bytes.extend_from_slice(first);
    go(&mut node, Input::Received { conn, bytes });
    let second = b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n";
    go(&mut node, Input::Received { conn, bytes: second.to_vec() });
    assert!(node.repl.link_up());
    assert!(node.dbs[3].contains(b"a") && node.dbs[3].contains(b"b"));
    assert_eq!(node.repl.offset, 100 + (first.len() + second.len()) as i64);
}
