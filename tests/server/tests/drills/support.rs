//! Servers, clients and tools for the drills.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use vitrine_core::command::{handler, table};
use vitrine_core::resp::{Decoder, Value};

/// How long a process may take to start or end, and a command to be answered, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Client ports are taken from here up, so that they and their bus ports (10,000 above) stay below the ports that the
/// system gives to outgoing connections.
const PORT_FIRST: u32 = 10_500;
const PORTS: u32 = 12_000;

/// Which program serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The native host of this project.
    Ours,
    /// Debian's redis-server.
    Redis,
}

impl Kind {
    pub fn program(self) -> &'static str {
        match self {
            Kind::Ours => env!("CARGO_BIN_EXE_vitrine-server"),
            Kind::Redis => "redis-server",
        }
    }

    pub fn other(self) -> Kind {
        match self {
            Kind::Ours => Kind::Redis,
            Kind::Redis => Kind::Ours,
        }
    }
}

/// A port that is free, together with its bus port.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = (PORT_FIRST + (std::process::id().wrapping_mul(97).wrapping_add(step)) % PORTS) as u16;
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
    panic!("no free port");
}

/// A folder that is removed when the test ends well, and kept to be looked at when it does not.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vitrine-drill-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for the drill");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Left-over files do no harm.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A server process with its folder. Dropped, it is killed.
pub struct Server {
    pub kind: Kind,
    pub port: u16,
    pub folder: Folder,
    password: Option<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts a server with further lines of configuration and waits until it answers.
    pub fn start(kind: Kind, lines: &[&str]) -> Server {
        Server::start_in(kind, Folder::new(), lines)
    }

    /// The same, over the data that is in a folder.
    pub fn start_in(kind: Kind, folder: Folder, lines: &[&str]) -> Server {
        let mut server = Server::prepare(kind, folder, lines);
        server.restart();
        server
    }

    fn prepare(kind: Kind, folder: Folder, lines: &[&str]) -> Server {
        let port = free_port();
        let mut conf = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsave \"\"\nenable-debug-command yes\nrepl-diskless-sync-delay 0\n",
            folder.path().display()
        );
        for line in lines {
            conf.push_str(line);
            conf.push('\n');
        }
        fs::write(folder.join("redis.conf"), conf).expect("the configuration is written");
        let password = lines
            .iter()
            .find_map(|line| line.strip_prefix("requirepass "))
            .map(|password| password.trim().to_owned());
        Server { kind, port, folder, password, child: None }
    }

    /// Starts the process again, over its data, and waits until it answers.
    pub fn restart(&mut self) {
        self.launch();
        let start = Instant::now();
        loop {
            if let Some(mut client) = Client::try_connect(self.port)
                && let Some(reply) = client.try_args(&[b"PING"])
                && (reply == Value::Status(b"PONG".to_vec()) || text(&reply).starts_with("-NOAUTH"))
            {
                return;
            }
            if let Ok(Some(status)) = self.child.as_mut().expect("a process").try_wait() {
                panic!(
                    "{:?} on port {} ended at its start with {status}:\n{}",
                    self.kind,
                    self.port,
                    self.log()
                );
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{:?} on port {} does not answer PING:\n{}",
                self.kind,
                self.port,
                self.log()
            );
            sleep(LOOK_EVERY);
        }
    }

    /// Starts the process and does not wait.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        let log = || {
            File::options()
                .create(true)
                .append(true)
                .open(self.folder.join("log"))
                .expect("a log can be written")
        };
        let child = Command::new(self.kind.program())
            .arg(self.folder.join("redis.conf"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.kind.program()));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM; gives the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait_exit()
    }

    /// SIGSTOP: the process stands still, and the kernel goes on taking what is sent to it.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Sends a signal, as `kill` names it.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("a process").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits until the process ends by itself; gives the exit code.
    pub fn wait_exit(&mut self) -> Option<i32> {
        let child = self.child.as_mut().expect("a process");
        let status = wait_child(child, PATIENCE)
            .unwrap_or_else(|| panic!("port {} does not end:\n{}", self.port, self.log()));
        self.child = None;
        status
    }

    /// Ends the process and gives the folder with its data.
    pub fn into_folder(mut self) -> Folder {
        self.kill();
        std::mem::replace(&mut self.folder, Folder::new())
    }

    /// A new connection, authenticated.
    pub fn client(&self) -> Client {
        let mut client = Client::try_connect(self.port)
            .unwrap_or_else(|| panic!("port {} refuses connections:\n{}", self.port, self.log()));
        if let Some(password) = &self.password {
            assert_eq!(client.run(&format!("AUTH {password}")), "OK");
        }
        client
    }

    /// One command on a connection of its own.
    pub fn run(&self, line: &str) -> String {
        self.client().run(line)
    }

    /// One field of INFO; empty if it is not there.
    pub fn info(&self, field: &str) -> String {
        self.client().info(field)
    }

    /// What it logged, cut to the end.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Appends lines to the configuration, for the next start.
    pub fn configure(&self, lines: &str) {
        let mut file =
            File::options().append(true).open(self.folder.join("redis.conf")).expect("it is there");
        writeln!(file, "{lines}").expect("it is written");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- {:?} on port {}, {}:\n{}",
                self.kind,
                self.port,
                self.folder.path().display(),
                self.log()
            );
        }
        self.kill();
    }
}

fn wait_child(child: &mut Child, patience: Duration) -> Option<Option<i32>> {
    let start = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.code());
        }
        if start.elapsed() > patience {
            return None;
        }
        sleep(LOOK_EVERY);
    }
}

/// A RESP connection.
pub struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    pub fn try_connect(port: u16) -> Option<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Client { stream, decoder: Decoder::new() })
    }

    /// Sends a command without waiting for its reply; false when the connection is gone.
    pub fn send(&mut self, args: &[&[u8]]) -> bool {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).is_ok()
    }

    /// The next reply; nothing when the connection is gone.
    pub fn receive(&mut self) -> Option<Value> {
        let mut bytes = [0; 16 << 10];
        loop {
            if let Some(value) = self.decoder.next().expect("well-formed RESP") {
                return Some(value);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(n) => self.decoder.feed(&bytes[..n]),
            }
        }
    }

    pub fn try_args(&mut self, args: &[&[u8]]) -> Option<Value> {
        if self.send(args) { self.receive() } else { None }
    }

    /// One command and its reply.
    pub fn args(&mut self, args: &[&[u8]]) -> Value {
        self.try_args(args).unwrap_or_else(|| {
            panic!("no reply to {:?}", args.iter().map(|a| String::from_utf8_lossy(a)).collect::<Vec<_>>())
        })
    }

    /// One command, its words parted by spaces, and its reply as text (see [`text`]).
    pub fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        text(&self.args(&words))
    }

    /// Commands that must not fail.
    pub fn run_all(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.run(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
    }

    /// One field of INFO; empty if it is not there.
    pub fn info(&mut self, field: &str) -> String {
        let info = self.run("INFO everything");
        assert!(!info.starts_with('-'), "INFO: {info}");
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }
}

/// A reply as text: strings as they are, an error with its `-`, nothing as `(nil)`, arrays in brackets.
pub fn text(value: &Value) -> String {
    if let Some(error) = value.as_error() {
        return format!("-{}", String::from_utf8_lossy(error));
    }
    if let Some(bytes) = value.as_bytes() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if let Some(n) = value.as_integer() {
        return n.to_string();
    }
    match value.as_array() {
        Some(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        None => "(nil)".to_owned(),
    }
}

/// Waits until something is so; gives how long it took.
pub fn wait_for(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        sleep(LOOK_EVERY);
    }
    start.elapsed()
}

/// Waits until a value is what it should be, and shows what it was instead.
pub fn wait_eq(what: &str, seconds: u64, expected: &str, mut value: impl FnMut() -> String) -> Duration {
    let start = Instant::now();
    loop {
        let now = value();
        if now == expected {
            return start.elapsed();
        }
        assert!(
            start.elapsed() < Duration::from_secs(seconds),
            "{what}: not '{expected}' within {seconds} s but '{now}'"
        );
        sleep(LOOK_EVERY);
    }
}

/// What a tool printed.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a tool to its end, with bytes on its standard input.
pub fn tool(program: &str, args: &[&str], stdin: &[u8]) -> Ran {
    let folder = Folder::new();
    let file = |name: &str| File::create(folder.join(name)).expect("a file for the output");
    fs::write(folder.join("in"), stdin).expect("a file for the input");
    let mut child = Command::new(program)
        .args(args)
        .env_remove("REDISCLI_AUTH")
        .stdin(File::open(folder.join("in")).expect("the input"))
        .stdout(file("out"))
        .stderr(file("err"))
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let code = wait_child(&mut child, 2 * PATIENCE);
    let read =
        |name: &str| String::from_utf8_lossy(&fs::read(folder.join(name)).unwrap_or_default()).into_owned();
    let (out, err) = (read("out"), read("err"));
    let Some(code) = code else {
        // It is ended either way.
        let _ = child.kill();
        let _ = child.wait();
        panic!("{program} {args:?} does not end:\n{out}\n{err}");
    };
    Ran { code, out, err }
}

/// redis-cli against a port, to its end.
pub fn redis_cli(port: u16, args: &[&str], stdin: &[u8]) -> Ran {
    let port = port.to_string();
    let mut all = vec!["-h", "127.0.0.1", "-p", &port];
    all.extend_from_slice(args);
    tool("redis-cli", &all, stdin)
}

/// Fills a server with keys of every type it has, some that expire, in two databases (one in a cluster).
pub fn fill(client: &mut Client) {
    client.run_all(&[
        "SET string value",
        "SET number 12345678901",
        "SET empty ",
        "APPEND long 0123456789012345678901234567890123456789012345678901234567890123456789",
        "SETRANGE bits 100 x",
        "RPUSH list a b c 1 2 3 -100 70000 5000000000",
        "SADD intset 1 2 3 70000 -5",
        "SADD words a b c some-longer-member",
        "HSET hash field value number 12 empty  long 01234567890123456789012345678901234567890123456789",
        "SET expires soon PX 100000000",
        "HSET expires-hash a 1",
        "EXPIRE expires-hash 200000",
    ]);
    for i in 0..700 {
        client.run(&format!("RPUSH big-list element-{i}"));
        client.run(&format!("SADD big-set member-{i}"));
        client.run(&format!("HSET big-hash field-{i} value-{i}"));
        client.run(&format!("SET key:{i} {i}"));
    }
    client.args(&[b"SET", b"binary \0\r\n\xff", b"\0\r\n\xfe and spaces"]);
    let big = vec![b'x'; 100_000];
    client.args(&[b"SET", b"compressible", &big]);
    // What the engine does not have yet cannot be handed over; a group is part of the drill as soon as it is there.
    for line in [
        "ZADD zset 1 a 2.5 b -inf c +inf d",
        "GEOADD geo 13.361389 38.115556 Palermo",
        "PFADD hll a b c",
        "XADD stream 1-1 field value",
        "XADD stream 2-5 other 1 more 2",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
    ] {
        let name = line.split(' ').next().unwrap_or_default().to_lowercase();
        if has_command(&name.replace("xgroup", "xgroup|create")) {
            client.run_all(&[line]);
        }
    }
    // One that has expired and is deleted by the time anybody compares.
    client.run_all(&["SET passes by PX 1"]);
    wait_eq("a key expires", 5, "(nil)", || client.run("GET passes"));
    if client.run("SELECT 9") == "OK" {
        client.run_all(&["SET other database", "RPUSH list x y", "SELECT 0"]);
    }
}

/// Whether the engine has a command (`config|get`).
pub fn has_command(name: &str) -> bool {
    table::lookup_full(name.as_bytes()).and_then(handler).is_some()
}

/// Everything a server holds, to be compared: each key's type, value and time of expiry, by database.
pub fn contents(client: &mut Client) -> BTreeMap<(u32, Vec<u8>), String> {
    let mut all = BTreeMap::new();
    for db in [0, 9] {
        if client.run(&format!("SELECT {db}")) != "OK" {
            continue;
        }
        let keys = client.args(&[b"KEYS", b"*"]);
        for key in keys.as_array().expect("KEYS gives an array") {
            let key = key.as_bytes().expect("a key").to_vec();
            let kind = text(&client.args(&[b"TYPE", &key]));
            let expiry = text(&client.args(&[b"PEXPIRETIME", &key]));
            let mut sorted = |args: &[&[u8]], width: usize| {
                let reply = client.args(args);
                let items: Vec<String> = reply.as_array().unwrap_or(&[]).iter().map(text).collect();
                let mut groups: Vec<String> = items.chunks(width).map(|group| group.join("=")).collect();
                groups.sort();
                format!("{groups:?}")
            };
            let value = match kind.as_str() {
                "string" => format!("{:?}", client.args(&[b"GET", &key])),
                "list" => text(&client.args(&[b"LRANGE", &key, b"0", b"-1"])),
                "set" => sorted(&[b"SMEMBERS", &key], 1),
                "hash" => sorted(&[b"HGETALL", &key], 2),
                "zset" => text(&client.args(&[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"])),
                "stream" => {
                    let questions: [&[&[u8]]; 2] =
                        [&[b"XRANGE", &key, b"-", b"+"], &[b"XINFO", b"GROUPS", &key]];
                    questions.map(|question| text(&client.args(question))).join(" ")
                }
                other => panic!("a key of type {other}"),
            };
            all.insert((db, key), format!("{kind} {value} {expiry}"));
        }
    }
    client.run("SELECT 0");
    all
}

/// Asserts that two servers hold the same, naming the first keys that differ.
pub fn assert_same(what: &str, ours: &mut Client, theirs: &mut Client) {
    assert_contents(what, &contents(ours), &contents(theirs));
}

/// Asserts that two contents are the same, naming the first keys that differ.
pub fn assert_contents(
    what: &str,
    left: &BTreeMap<(u32, Vec<u8>), String>,
    right: &BTreeMap<(u32, Vec<u8>), String>,
) {
    let differing: Vec<String> = left
        .keys()
        .chain(right.keys().filter(|key| !left.contains_key(*key)))
        .filter(|key| left.get(*key) != right.get(*key))
        .take(5)
        .map(|key| {
            format!("{:?}: {:?} and {:?}", String::from_utf8_lossy(&key.1), left.get(key), right.get(key))
        })
        .collect();
    assert!(differing.is_empty(), "{what}: the contents differ:\n{}", differing.join("\n"));
    assert!(!left.is_empty(), "{what}: nothing is there");
}

/// The digest of the whole dataset, where both servers have DEBUG DIGEST.
pub fn assert_same_digest(what: &str, left: &mut Client, right: &mut Client) {
    let (left, right) = (left.run("DEBUG DIGEST"), right.run("DEBUG DIGEST"));
    assert_eq!(left, right, "{what}: DEBUG DIGEST");
}
