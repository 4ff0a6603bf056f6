//! The two sides that are compared: redis-server as a process on loopback, and the engine in this process.

use super::resp::{Tree, read};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vitrine_core::host::{ConnId, DiskError, DiskReply, DiskRequest, Input, Listener, Now, OpId, Output};
use vitrine_core::node::{Node, NodeOptions};

/// How long the real server may take to answer.
const REPLY_MS_MAX: u64 = 2_000;

/// The connection that the suite itself uses.
const CONTROL: u32 = 9_999;

/// What both sides can do.
pub trait Side {
    /// Sends bytes over a connection, which is opened if it is not there.
    fn send(&mut self, client: u32, bytes: &[u8]);
    /// The next reply on a connection; `None` if none comes within `wait`.
    fn reply(&mut self, client: u32, wait: Duration) -> Option<Tree>;
    /// What has come over a connection and has not been read yet.
    fn waiting(&mut self, client: u32) -> Vec<Tree>;
}

/// A command as clients send it.
pub fn request(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn take_reply(buffer: &mut Vec<u8>) -> Option<Tree> {
    let (tree, used) = read(buffer)?;
    buffer.drain(..used);
    Some(tree)
}

/// redis-server 7.0.15.
pub struct Real {
    process: Child,
    port: u16,
    dir: PathBuf,
    conns: BTreeMap<u32, (TcpStream, Vec<u8>)>,
}

impl Real {
    /// Starts one in a folder of its own; `conf` are directives, one a line.
    pub fn start(conf: &str) -> Real {
        let binary = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap_or("redis-server");
        let version = Command::new(binary).arg("--version").output().unwrap_or_else(|error| {
            panic!("redis-server, against which the engine is compared, does not run ({error}): `cargo xtask setup` installs it")
        });
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        assert!(
            version.contains("v=7.0.15"),
            "the comparison is with redis-server 7.0.15, not with {version}"
        );
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = std::env::temp_dir().join(format!("vitrine-differential-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let conf = format!("port {port}\nbind 127.0.0.1\ndir {}\n{conf}", dir.display());
        std::fs::write(dir.join("redis.conf"), conf).unwrap();
        let process = Command::new(binary)
            .arg(dir.join("redis.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut real = Real { process, port, dir, conns: BTreeMap::new() };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = real.process.try_wait() {
                panic!("redis-server ended at once: {status}");
            }
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        real
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(name)).unwrap_or_default()
    }

    /// Empties the server and closes all connections.
    pub fn reset(&mut self) {
        self.conns.clear();
        let flush = [b"FLUSHALL".to_vec()];
        self.send(CONTROL, &request(&flush));
        self.reply(CONTROL, Duration::from_millis(REPLY_MS_MAX)).expect("FLUSHALL is answered");
        self.conns.clear();
    }

    /// What has already arrived over a connection.
    pub fn waiting_now(&mut self, client: u32) -> Vec<Tree> {
        let buffer = &mut self.conn(client).1;
        std::iter::from_fn(|| take_reply(buffer)).collect()
    }

    fn conn(&mut self, client: u32) -> &mut (TcpStream, Vec<u8>) {
        let port = self.port;
        self.conns.entry(client).or_insert_with(|| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("redis-server accepts");
            stream.set_nodelay(true).unwrap();
            (stream, Vec::new())
        })
    }

    fn fill(&mut self, client: u32, wait: Duration) {
        let (stream, buffer) = self.conn(client);
        stream.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).unwrap();
        let mut chunk = [0; 64 << 10];
        match stream.read(&mut chunk) {
            Ok(len) => buffer.extend_from_slice(&chunk[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("redis-server's connection: {error}"),
        }
    }
}

impl Side for Real {
    fn send(&mut self, client: u32, bytes: &[u8]) {
        self.conn(client).0.write_all(bytes).expect("redis-server reads");
    }

    fn reply(&mut self, client: u32, wait: Duration) -> Option<Tree> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(tree) = take_reply(&mut self.conn(client).1) {
                return Some(tree);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.fill(client, left);
        }
    }

    fn waiting(&mut self, client: u32) -> Vec<Tree> {
        std::iter::from_fn(|| self.reply(client, Duration::from_millis(1))).collect()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The engine: one node, its connections and a disk in memory.
pub struct Ours {
    node: Node,
    conf: String,
    started: Instant,
    conns: BTreeMap<u32, Vec<u8>>,
    closed: BTreeSet<u32>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Ours {
    /// Starts one.
    pub fn start(conf: &str) -> Ours {
        let started = Instant::now();
        let mut ours = Ours {
            node: Self::node(conf, started),
            conf: conf.to_string(),
            started,
            conns: BTreeMap::new(),
            closed: BTreeSet::new(),
            files: BTreeMap::new(),
        };
        ours.boot();
        ours
    }

    fn node(conf: &str, started: Instant) -> Node {
        let options = NodeOptions {
            conf_text: conf.to_string(),
            conf_path: None,
            seed: 7,
            pid: 1,
            executable: "/usr/bin/redis-server".to_string(),
            os: "Linux 6.1.0 x86_64".to_string(),
        };
        Node::new(now(started), options).expect("the configuration is good")
    }

    fn boot(&mut self) {
        for _ in 0..1_000 {
            self.pump();
            if self.answers() {
                return;
            }
            self.node.handle(now(self.started), Input::Wake);
        }
        panic!("the node is not ready after 1000 turns");
    }

    /// Whether the node has done with its files.
    fn answers(&mut self) -> bool {
        let ping = request(&[b"PING".to_vec()]);
        self.send(CONTROL, &ping);
        let pong = self.reply(CONTROL, Duration::ZERO);
        pong.is_some_and(|reply| !matches!(&reply, Tree::Leaf(text) if text.starts_with(b"-LOADING")))
    }

    /// A new node with an empty disk.
    pub fn reset(&mut self) {
        *self = Ours::start(&self.conf.clone());
    }

    /// A file of its disk.
    pub fn file(&self, name: &str) -> Vec<u8> {
        self.files.get(name).cloned().unwrap_or_default()
    }

    fn pump(&mut self) {
        loop {
            let mut done: Vec<(OpId, Result<DiskReply, DiskError>)> = Vec::new();
            while let Some(output) = self.node.poll_output(now(self.started)) {
                match output {
                    Output::Send { conn, bytes } => {
                        let sent = bytes.len();
                        self.conns.entry(conn.0 as u32).or_default().extend_from_slice(&bytes);
                        self.node.handle(now(self.started), Input::Sent { conn, bytes: sent });
                    }
                    Output::Close { conn, .. } => {
                        self.closed.insert(conn.0 as u32);
                    }
                    Output::Disk { op, request } => done.push((op, self.carry_out(request))),
                    Output::Exit { code } => panic!("the node ended with code {code}"),
                    Output::Log { .. }
                    | Output::Event(_)
                    | Output::Reading { .. }
                    | Output::Connect { .. } => {}
                }
            }
            if done.is_empty() {
                return;
            }
            for (op, result) in done {
                self.node.handle(now(self.started), Input::Disk { op, result });
            }
        }
    }

    /// Lets the node look at the clock.
    pub fn wake(&mut self) {
        for _ in 0..100 {
            if self.node.poll_timeout().is_none_or(|at| at > now(self.started).mono_us) {
                break;
            }
            self.node.handle(now(self.started), Input::Wake);
            self.pump();
        }
    }

    fn carry_out(&mut self, request: DiskRequest) -> Result<DiskReply, DiskError> {
        let name = |path: &str| path.trim_start_matches("./").to_string();
        let files = &mut self.files;
        Ok(match request {
            DiskRequest::Read { path, offset, len_max } => {
                let file = files.get(&name(&path)).ok_or(DiskError::NotFound)?;
                let start = file.len().min(offset as usize);
                let end = file.len().min(start + len_max as usize);
                DiskReply::Bytes(file[start..end].into())
            }
            DiskRequest::Stat { path } => {
                DiskReply::Size(files.get(&name(&path)).ok_or(DiskError::NotFound)?.len() as u64)
            }
            DiskRequest::List { path } => {
                let prefix = if path.as_ref() == "." { String::new() } else { name(&path) + "/" };
                let names = files.keys().filter_map(|file| file.strip_prefix(&prefix));
                DiskReply::Names(names.filter(|rest| !rest.contains('/')).map(str::to_string).collect())
            }
            DiskRequest::Create { path } => {
                files.insert(name(&path), Vec::new());
                DiskReply::Done
            }
            DiskRequest::Append { path, bytes } => {
                files.entry(name(&path)).or_default().extend_from_slice(&bytes);
                DiskReply::Written(bytes.len() as u64)
            }
            DiskRequest::WriteAt { path, offset, bytes } => {
                let file = files.entry(name(&path)).or_default();
                let end = offset as usize + bytes.len();
                file.resize(file.len().max(end), 0);
                file[offset as usize..end].copy_from_slice(&bytes);
                DiskReply::Done
            }
            DiskRequest::Truncate { path, len } => {
                files.entry(name(&path)).or_default().resize(len as usize, 0);
                DiskReply::Done
            }
            DiskRequest::Rename { from, to } => {
                let file = files.remove(&name(&from)).ok_or(DiskError::NotFound)?;
                files.insert(name(&to), file);
                DiskReply::Done
            }
            DiskRequest::Remove { path } => {
                files.remove(&name(&path)).ok_or(DiskError::NotFound)?;
                DiskReply::Done
            }
            DiskRequest::Fsync { .. }
            | DiskRequest::FsyncDir { .. }
            | DiskRequest::Mkdir { .. }
            | DiskRequest::Lock { .. } => DiskReply::Done,
        })
    }
}

fn now(started: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Now { mono_us: started.elapsed().as_micros() as u64, wall_us: wall.as_micros() as u64 }
}

impl Side for Ours {
    fn send(&mut self, client: u32, bytes: &[u8]) {
        let conn = ConnId(u64::from(client));
        if let Entry::Vacant(place) = self.conns.entry(client) {
            place.insert(Vec::new());
            self.node.handle(
                now(self.started),
                Input::Accepted {
                    conn,
                    listener: Listener::Client,
                    peer: format!("127.0.0.1:{}", 40_000 + client),
                    local: "127.0.0.1:6379".to_string(),
                },
            );
        }
        if !self.closed.contains(&client) {
            self.node.handle(now(self.started), Input::Received { conn, bytes: bytes.to_vec() });
        }
        self.pump();
        self.wake();
    }

    fn reply(&mut self, client: u32, _: Duration) -> Option<Tree> {
        take_reply(self.conns.get_mut(&client)?)
    }

    fn waiting(&mut self, client: u32) -> Vec<Tree> {
        std::iter::from_fn(|| self.reply(client, Duration::ZERO)).collect()
    }
}
