//! The event loop: one node, its sockets, its disk, its clock.
//!
//! A turn: wait for events; accept, and read every ready socket into the node; then take the node's outputs until there are none, and
//! write each client's with one system call. That is Redis's own rhythm (`beforeSleep` writes replies after all reads), so a
//! pipeline or many clients at once cost few system calls, and one fsync serves all of them under `appendfsync always`.
//! A writable event is asked for only when a socket is full.
//!
//! Events are edges (mio): a socket that may have more to read than was read in one turn is remembered in `ready`.

use crate::clock::Clock;
use crate::conf::{Settings, strerror};
use crate::disk::{Disk, DiskResult};
use crate::log::Log;
use crate::net::{Conn, ListenSocket, ReadOutcome, Stream, connect, listen_tcp, listen_unix, notation};
use mio::{Events, Poll, Token, Waker};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vitrine_core::event::Event as NodeEvent;
use vitrine_core::host::{ConnId, Input, Listener, LogLevel, NetError, OpId, Output};
use vitrine_core::node::{Node, NodeOptions};

const WAKER: Token = Token(0);
/// Tokens of the signal pipes.
const SIGNALS: [Token; 2] = [Token(1), Token(2)];
/// The first token of a listening socket; those of connections begin at [`CONN_TOKENS`].
const LISTENER_TOKENS: usize = 16;
const CONN_TOKENS: usize = 1024;

/// How many bytes one read takes in (`PROTO_IOBUF_LEN`, server.h 7.0.15, has 16 KiB; a larger one costs nothing here).
const READ_LEN: usize = 64 << 10;
/// How many bytes one connection may bring in a turn before the others have theirs.
const READ_TURN_MAX: usize = 1 << 20;
/// How many connections are accepted in a turn (`MAX_ACCEPTS_PER_CALL`, networking.c 7.0.15).
const ACCEPTS_MAX: usize = 1000;
/// How many times the node may answer what came of its outputs before sockets are looked at again.
const ROUNDS_MAX: usize = 4;
/// How long the loop sleeps when nothing is due.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// After an accept failed for want of file descriptors, how long until it is tried again.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Ends a server that runs in another thread, as SIGTERM would.
#[derive(Clone)]
pub struct StopHandle {
    asked: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl StopHandle {
    /// Asks the server to shut down.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        // The loop has ended already if it cannot be woken.
        let _ = self.waker.wake();
    }
}

/// A hasher for connection numbers, which are small and distinct: one multiplication spreads them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(b as u64);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

struct Listening {
    socket: ListenSocket,
    kind: Listener,
    /// Whether there may be connections that no event will announce again.
    pending: bool,
}

/// One server: a node and what it runs on.
pub struct Server {
    clock: Clock,
    node: Node,
    settings: Settings,
    log: Log,
    poll: Poll,
    disk: Disk,
    listeners: Vec<Option<Listening>>,
    conns: Vec<Option<Conn>>,
    free: Vec<usize>,
    slots: HashMap<u64, usize, BuildHasherDefault<IdHasher>>,
    next_conn: u64,
    buffer: Vec<u8>,
    /// Connections that may have more to read.
    ready: Vec<usize>,
    /// Connections with fresh output.
    dirty: Vec<usize>,
    /// What came of the node's outputs and is to be handed to it.
    inputs: VecDeque<Input>,
    signals: Vec<mio::unix::pipe::Receiver>,
    stop: StopHandle,
    exit: Option<i32>,
    unix_path: Option<PathBuf>,
}

impl Server {
    /// Starts a node: binds its ports and begins to load its files.
    ///
    /// # Errors
    /// What redis-server would print or log before it exits with 1.
    pub fn new(settings: Settings, mut log: Log) -> Result<Server, String> {
        let clock = Clock::new();
        let text = |e: io::Error| strerror(&e);
        let poll = Poll::new().map_err(text)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(text)?);
        let stop = StopHandle { asked: Arc::new(AtomicBool::new(false)), waker: waker.clone() };
        let disk = Disk::new(settings.dir.clone(), move || {
            // A loop that has ended needs no result.
            let _ = waker.wake();
        })
        .map_err(text)?;
        log.set_role(settings.config.replicaof.is_some());
        let listeners = listen(&settings, &log)?;
        let mut node = Node::new(clock.now(), node_options(&settings)?)?;
        node.set_stopwatch(clock.stopwatch());
        let unix_path = settings.config.unixsocket.as_ref().map(|p| settings.dir.join(p));
        let mut server = Server {
            clock,
            node,
            settings,
            log,
            poll,
            disk,
            listeners: Vec::new(),
            conns: Vec::new(),
            free: Vec::new(),
            slots: HashMap::default(),
            next_conn: 0,
            buffer: vec![0; READ_LEN],
            ready: Vec::new(),
            dirty: Vec::new(),
            inputs: VecDeque::new(),
            signals: Vec::new(),
            stop,
            exit: None,
            unix_path,
        };
        for listening in listeners {
            server.add_listener(listening).map_err(text)?;
        }
        Ok(server)
    }

    /// A handle that ends the server from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The log, for what is written before the loop runs.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Treats SIGTERM and SIGINT of the process as requests to shut down. For the program, not for tests.
    ///
    /// # Errors
    /// When the handlers cannot be set up.
    pub fn handle_signals(&mut self) -> io::Result<()> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        for (signal, token) in [SIGTERM, SIGINT].into_iter().zip(SIGNALS) {
            let (sender, mut receiver) = mio::unix::pipe::new()?;
            signal_hook::low_level::pipe::register(signal, std::os::fd::OwnedFd::from(sender))?;
            self.poll.registry().register(&mut receiver, token, mio::Interest::READABLE)?;
            self.signals.push(receiver);
        }
        // Redis ignores SIGHUP.
        signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
        Ok(())
    }

    /// Runs until the node exits; gives the exit code.
    pub fn run(&mut self) -> i32 {
        let mut events = Events::with_capacity(1024);
        self.take_outputs();
        while self.exit.is_none() {
            if let Err(error) = self.poll.poll(&mut events, self.timeout()) {
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                self.log.line(LogLevel::Warning, &format!("Event loop: {}", strerror(&error)));
                return 1;
            }
            self.turn(&events);
        }
        self.shut_down();
        self.exit.unwrap_or(0)
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.inputs.is_empty() || self.ready.iter().any(|&slot| self.takes_from(slot)) {
            return Some(Duration::ZERO);
        }
        let mut sleep = SLEEP_MAX;
        if let Some(due) = self.node.poll_timeout() {
            sleep = sleep.min(Duration::from_micros(due.saturating_sub(self.clock.now().mono_us)));
        }
        if self.listeners.iter().flatten().any(|l| l.pending) {
            sleep = sleep.min(ACCEPT_RETRY);
        }
        Some(sleep)
    }

    fn turn(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                WAKER => self.woken(),
                token if SIGNALS.contains(&token) => self.signalled(token.0 - SIGNALS[0].0),
                Token(t) if t < CONN_TOKENS => {
                    if let Some(Some(listening)) = self.listeners.get_mut(t - LISTENER_TOKENS) {
                        listening.pending = true;
                    }
                }
                Token(t) => {
                    let slot = t - CONN_TOKENS;
                    if event.is_writable() || event.is_error() {
                        self.writable(slot);
                    }
                    if (event.is_readable() || event.is_read_closed())
                        && let Some(Some(conn)) = self.conns.get_mut(slot)
                        && !conn.connecting
                        && !std::mem::replace(&mut conn.readable, true)
                    {
                        self.ready.push(slot);
                    }
                }
            }
        }
        for index in 0..self.listeners.len() {
            if self.listeners[index].as_ref().is_some_and(|l| l.pending) {
                self.accept(index);
            }
        }
        // While the node waits for the disk, bytes wait in the kernel, as they do while Redis is in fsync().
        for slot in std::mem::take(&mut self.ready) {
            if self.takes_from(slot) {
                self.read(slot);
            } else {
                self.ready.push(slot);
            }
        }
        let now = self.clock.now();
        if self.node.poll_timeout().is_some_and(|due| due <= now.mono_us) {
            self.node.handle(now, Input::Wake);
        }
        self.take_outputs();
    }

    fn woken(&mut self) {
        while let Some((op, result)) = self.disk.finished() {
            self.node.handle(self.clock.now(), Input::Disk { op, result });
        }
        if self.stop.asked.swap(false, Ordering::AcqRel) {
            self.node.handle(self.clock.now(), Input::Terminate { signal: "SIGTERM" });
        }
    }

    fn signalled(&mut self, which: usize) {
        use std::io::Read;
        let mut drain = [0; 64];
        while self.signals.get_mut(which).is_some_and(|p| p.read(&mut drain).is_ok_and(|n| n > 0)) {}
        let signal = ["SIGTERM", "SIGINT"][which];
        self.node.handle(self.clock.now(), Input::Terminate { signal });
    }

    fn accept(&mut self, index: usize) {
        for _ in 0..ACCEPTS_MAX {
            let Some(Some(listening)) = self.listeners.get_mut(index) else { return };
            let kind = listening.kind;
            let accepted = match &listening.socket {
                ListenSocket::Tcp(l) => l.accept().map(|(s, peer)| {
                    let local = s.local_addr().map(notation).unwrap_or_default();
                    (Stream::Tcp(s), notation(peer), local)
                }),
                ListenSocket::Unix(l) => l.accept().map(|(s, _)| {
                    let path = self.settings.config.unixsocket.clone().unwrap_or_default();
                    (Stream::Unix(s), format!("{path}:0"), format!("{path}:0"))
                }),
            };
            match accepted {
                Ok((stream, peer, local)) => {
                    self.next_conn += 1;
                    let id = ConnId(self.next_conn);
                    let conn = Conn::new(id, stream, false);
                    conn.tune(if kind == Listener::Bus { 0 } else { self.settings.config.tcp_keepalive });
                    if self.add_conn(conn).is_ok() {
                        let input = Input::Accepted { conn: id, listener: kind, peer, local };
                        self.node.handle(self.clock.now(), input);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    listening.pending = false;
                    return;
                }
                Err(e)
                    if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(e) => {
                    let text = format!("Accepting client connection: accept: {}", strerror(&e));
                    self.log.line(LogLevel::Warning, &text);
                    return;
                }
            }
        }
    }

    fn add_listener(&mut self, mut listening: Listening) -> io::Result<()> {
        let index = self.listeners.iter().position(Option::is_none).unwrap_or(self.listeners.len());
        listening.socket.register(self.poll.registry(), Token(LISTENER_TOKENS + index))?;
        if index == self.listeners.len() {
            self.listeners.push(None);
        }
        self.listeners[index] = Some(listening);
        Ok(())
    }

    fn add_conn(&mut self, mut conn: Conn) -> io::Result<()> {
        let slot = self.free.pop().unwrap_or(self.conns.len());
        if let Err(error) = conn.register(self.poll.registry(), Token(CONN_TOKENS + slot)) {
            self.free.push(slot);
            return Err(error);
        }
        if slot == self.conns.len() {
            self.conns.push(None);
        }
        self.slots.insert(conn.id.0, slot);
        self.conns[slot] = Some(conn);
        Ok(())
    }

    fn remove_conn(&mut self, slot: usize) {
        if let Some(mut conn) = self.conns[slot].take() {
            conn.deregister(self.poll.registry());
            self.slots.remove(&conn.id.0);
            self.free.push(slot);
        }
    }

    /// A connection ended by itself: tells the node.
    fn ended(&mut self, slot: usize, error: NetError) {
        if let Some(Some(conn)) = self.conns.get(slot) {
            // After a Close of the node's, it wants to hear nothing more.
            if !conn.closing {
                self.inputs.push_back(Input::Closed { conn: conn.id, error });
            }
            self.remove_conn(slot);
        }
    }

    fn writable(&mut self, slot: usize) {
        let Some(Some(conn)) = self.conns.get_mut(slot) else { return };
        if conn.connecting {
            match conn.connected() {
                None => return,
                Some(Ok(local)) => {
                    conn.connecting = false;
                    conn.tune(self.settings.config.tcp_keepalive);
                    let input = Input::Connected { conn: conn.id, local };
                    self.node.handle(self.clock.now(), input);
                }
                Some(Err(error)) => {
                    self.ended(slot, error);
                    return;
                }
            }
        }
        self.mark_dirty(slot);
    }

    fn mark_dirty(&mut self, slot: usize) {
        if let Some(Some(conn)) = self.conns.get_mut(slot)
            && !std::mem::replace(&mut conn.dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    fn takes_from(&self, slot: usize) -> bool {
        let conn = self.conns.get(slot).and_then(Option::as_ref);
        conn.is_none_or(|conn| self.node.takes_from(conn.id))
    }

    fn read(&mut self, slot: usize) {
        let mut total = 0;
        loop {
            let Some(Some(conn)) = self.conns.get_mut(slot) else { return };
            if conn.closing || !conn.readable {
                return;
            }
            if !conn.wanted {
                // `readable` stays: reading goes on when the node wants bytes again.
                return;
            }
            if total >= READ_TURN_MAX {
                self.ready.push(slot);
                return;
            }
            let (n, more) = match conn.read(&mut self.buffer) {
                ReadOutcome::More(n) => (n, true),
                ReadOutcome::Last(n) => (n, false),
                ReadOutcome::Nothing => {
                    conn.readable = false;
                    return;
                }
                ReadOutcome::Ended(error) => {
                    self.ended(slot, error);
                    return;
                }
            };
            total += n;
            let input = Input::Received { conn: conn.id, bytes: self.buffer[..n].to_vec() };
            conn.readable = more;
            self.node.handle(self.clock.now(), input);
        }
    }

    /// Takes what the node wants done, and hands it what comes of that, until there is nothing more for now.
    fn take_outputs(&mut self) {
        for round in 1..=ROUNDS_MAX {
            while let Some(output) = self.node.poll_output(self.clock.now()) {
                self.carry_out(output);
                if self.exit.is_some() {
                    self.flush_dirty();
                    return;
                }
            }
            self.flush_dirty();
            // What is left over makes the next turn begin at once.
            if self.inputs.is_empty() || round == ROUNDS_MAX {
                return;
            }
            for input in std::mem::take(&mut self.inputs) {
                self.node.handle(self.clock.now(), input);
            }
        }
    }

    fn flush_dirty(&mut self) {
        for slot in std::mem::take(&mut self.dirty) {
            let Some(Some(conn)) = self.conns.get_mut(slot) else { continue };
            conn.dirty = false;
            if conn.connecting {
                continue;
            }
            let id = conn.id;
            let outcome = conn.flush();
            if outcome.bytes > 0 && !conn.closing {
                self.inputs.push_back(Input::Sent { conn: id, bytes: outcome.bytes });
            }
            if let Some(error) = outcome.ended {
                self.ended(slot, error);
            } else if outcome.blocked {
                conn.arm(self.poll.registry(), Token(CONN_TOKENS + slot), true);
            } else if conn.closing {
                self.remove_conn(slot);
            } else {
                conn.arm(self.poll.registry(), Token(CONN_TOKENS + slot), false);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { conn, bytes } => {
                if let Some(&slot) = self.slots.get(&conn.0)
                    && let Some(Some(conn)) = self.conns.get_mut(slot)
                    && !conn.closing
                {
                    conn.queue(bytes);
                    self.mark_dirty(slot);
                }
            }
            Output::Close { conn, flush } => {
                let Some(&slot) = self.slots.get(&conn.0) else { return };
                match self.conns.get_mut(slot) {
                    Some(Some(conn)) if flush && conn.has_output() && !conn.connecting => {
                        conn.closing = true;
                        self.mark_dirty(slot);
                    }
                    _ => self.remove_conn(slot),
                }
            }
            Output::Reading { conn, wanted } => {
                if let Some(&slot) = self.slots.get(&conn.0)
                    && let Some(Some(conn)) = self.conns.get_mut(slot)
                {
                    conn.wanted = wanted;
                    if wanted && conn.readable {
                        self.ready.push(slot);
                    }
                }
            }
            Output::Connect { conn, host, port } => {
                let source = self.settings.config.bind_source_addr.as_deref();
                let begun = connect(&host, port, source)
                    .and_then(|s| self.add_conn(Conn::new(conn, s, true)).map_err(|_| NetError::Unreachable));
                if let Err(error) = begun {
                    self.inputs.push_back(Input::Closed { conn, error });
                }
            }
            Output::Disk { op, request } => {
                let result: Option<DiskResult> = self.disk.request(op, &request);
                if let Some(result) = result {
                    self.inputs.push_back(Input::Disk { op: OpId(op.0), result });
                }
            }
            Output::Log { level, text } => {
                // CONFIG SET may have changed it.
                self.log.set_least(self.node.config().loglevel);
                self.log.line(level, &text);
            }
            Output::Event(NodeEvent::Role { replica, .. }) => self.log.set_role(replica),
            Output::Event(_) => {}
            Output::Exit { code } => self.exit = Some(code),
        }
    }

    /// What the process leaves behind in order: what the disk was given, and no socket file.
    fn shut_down(&mut self) {
        self.disk.shut_down();
        for listening in self.listeners.iter_mut().flatten() {
            listening.socket.deregister(self.poll.registry());
        }
        if let Some(path) = &self.unix_path {
            self.log.line(LogLevel::Notice, "Removing the unix socket file.");
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Opens the client port, the bus port and the Unix socket.
fn listen(settings: &Settings, log: &Log) -> Result<Vec<Listening>, String> {
    let config = &settings.config;
    let mut listeners = Vec::new();
    let mut tcp = |port: u16, kind: Listener, name: &str| -> Result<(), String> {
        let mut warn = |text: &str| log.line(LogLevel::Warning, text);
        let sockets = listen_tcp(&config.bind, port, config.tcp_backlog, &mut warn)
            .map_err(|()| format!("Failed listening on port {port} ({name}), aborting."))?;
        let added =
            sockets.into_iter().map(|l| Listening { socket: ListenSocket::Tcp(l), kind, pending: false });
        listeners.extend(added);
        Ok(())
    };
    if config.port != 0 {
        tcp(config.port, Listener::Client, "TCP")?;
    }
    if config.cluster_enabled {
        let bus = u16::try_from(config.bus_port()).map_err(|_| {
            "Redis port number too high for cluster mode. Redis Cluster bus port is the port plus 10000 and must be \
             below 65536, or set with cluster-port."
                .to_string()
        })?;
        tcp(bus, Listener::Bus, "cluster")?;
    }
    if let Some(path) = &config.unixsocket {
        let socket = listen_unix(&settings.dir.join(path), config.unixsocketperm)
            .map_err(|e| format!("Failed opening Unix socket: bind: {}", strerror(&e)))?;
        listeners.push(Listening {
            socket: ListenSocket::Unix(socket),
            kind: Listener::Unix,
            pending: false,
        });
    }
    if listeners.is_empty() {
        return Err("Configured to not listen anywhere, exiting.".to_string());
    }
    Ok(listeners)
}

fn node_options(settings: &Settings) -> Result<NodeOptions, String> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|e| e.to_string())?;
    let system = rustix::system::uname();
    let part = |p: &std::ffi::CStr| p.to_string_lossy().into_owned();
    Ok(NodeOptions {
        conf_text: settings.conf_text.clone(),
        conf_path: settings.conf_path.clone(),
        seed: u64::from_le_bytes(seed),
        pid: std::process::id(),
        executable: std::env::current_exe().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default(),
        os: format!("{} {} {}", part(system.sysname()), part(system.release()), part(system.machine())),
    })
}
