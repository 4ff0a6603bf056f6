//! Sockets: listening as `listenToPort` does (server.c 7.0.15), and connections with their queue of output.

use crate::conf::strerror;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use vitrine_core::host::{ConnId, NetError};

/// How many pieces of output one system call takes.
const PIECES_MAX: usize = 64;

/// A listening socket.
pub enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl ListenSocket {
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            ListenSocket::Tcp(l) => registry.register(l, token, Interest::READABLE),
            ListenSocket::Unix(l) => registry.register(l, token, Interest::READABLE),
        }
    }

    pub fn deregister(&mut self, registry: &Registry) {
        // It is about to be closed; there is nothing to do about a failure.
        let _ = match self {
            ListenSocket::Tcp(l) => registry.deregister(l),
            ListenSocket::Unix(l) => registry.deregister(l),
        };
    }
}

/// Listens on all addresses of `bind`; logs what fails, as Redis does, and gives up on what may not fail.
pub fn listen_tcp(
    bind: &[String],
    port: u16,
    backlog: i32,
    log: &mut dyn FnMut(&str),
) -> Result<Vec<TcpListener>, ()> {
    let mut listeners = Vec::new();
    for address in bind {
        let (address, optional) = match address.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (address.as_str(), false),
        };
        match listen_one(address, port, backlog) {
            Ok(listener) => listeners.push(listener),
            Err((step, error)) => {
                let reason = strerror(&error);
                log(&format!(
                    "Warning: Could not create server TCP listening socket {address}:{port}: {step}{reason}"
                ));
                let absent = error.kind() == io::ErrorKind::AddrNotAvailable;
                // What a machine without IPv6 says.
                let unsupported = matches!(
                    Errno::from_io_error(&error),
                    Some(
                        Errno::NOPROTOOPT
                            | Errno::PROTONOSUPPORT
                            | Errno::SOCKTNOSUPPORT
                            | Errno::PFNOSUPPORT
                            | Errno::AFNOSUPPORT
                    )
                );
                if !(absent && optional || unsupported) {
                    return Err(());
                }
            }
        }
    }
    Ok(listeners)
}

fn listen_one(address: &str, port: u16, backlog: i32) -> Result<TcpListener, (&'static str, io::Error)> {
    let v6 = address.contains(':');
    let name = match address {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    let found = (name, port).to_socket_addrs().map_err(|e| ("", e))?;
    let address = found
        .into_iter()
        .find(|a| a.is_ipv6() == v6)
        .ok_or_else(|| ("", io::Error::new(io::ErrorKind::AddrNotAvailable, "Name or service not known")))?;
    let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map_err(|e| ("socket: ", e))?;
    let set_up = || {
        if v6 {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)
    };
    set_up().map_err(|e| ("", e))?;
    socket.bind(&address.into()).map_err(|e| ("bind: ", e))?;
    socket.listen(backlog).map_err(|e| ("listen: ", e))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Listens on a Unix socket, in the place of whatever has its name.
pub fn listen_unix(path: &Path, perm: u32) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    if perm != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(perm))?;
    }
    Ok(listener)
}

/// Address and port in Redis's notation: an IPv6 address has no brackets.
pub fn notation(address: SocketAddr) -> String {
    format!("{}:{}", address.ip(), address.port())
}

/// A stream of either kind.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.read(buffer),
            Stream::Unix(s) => s.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.write(bytes),
            Stream::Unix(s) => s.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.write_vectored(slices),
            Stream::Unix(s) => s.write_vectored(slices),
        }
    }
}

/// One connection.
pub struct Conn {
    pub id: ConnId,
    stream: Stream,
    /// An outgoing connection that is not established yet.
    pub connecting: bool,
    /// Whether the node wants bytes.
    pub wanted: bool,
    /// Whether there may be bytes that no event will announce again: events are edges here.
    pub readable: bool,
    /// Close once the output is out.
    pub closing: bool,
    /// Whether it is on the list of those with fresh output.
    pub dirty: bool,
    /// Whether an event is wanted when there is room to write.
    armed: bool,
    output: VecDeque<Vec<u8>>,
    /// How much of the first piece has gone out.
    output_at: usize,
}

/// What a read gave.
pub enum ReadOutcome {
    /// So many bytes; there may be more.
    More(usize),
    /// So many bytes, and no more for now.
    Last(usize),
    /// No bytes for now.
    Nothing,
    /// The connection ended.
    Ended(NetError),
}

/// What writing came to.
pub struct WriteOutcome {
    /// How many bytes went out.
    pub bytes: usize,
    /// Whether output is left.
    pub blocked: bool,
    /// The connection ended.
    pub ended: Option<NetError>,
}

impl Conn {
    pub fn new(id: ConnId, stream: Stream, connecting: bool) -> Conn {
        Conn {
            id,
            stream,
            connecting,
            wanted: true,
            readable: false,
            closing: false,
            dirty: false,
            armed: connecting,
            output: VecDeque::new(),
            output_at: 0,
        }
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = if self.armed { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        match &mut self.stream {
            Stream::Tcp(s) => registry.register(s, token, interest),
            Stream::Unix(s) => registry.register(s, token, interest),
        }
    }

    pub fn deregister(&mut self, registry: &Registry) {
        // The socket is closed right after; there is nothing to do about a failure.
        let _ = match &mut self.stream {
            Stream::Tcp(s) => registry.deregister(s),
            Stream::Unix(s) => registry.deregister(s),
        };
    }

    /// Asks for an event when there is room to write, or no longer.
    pub fn arm(&mut self, registry: &Registry, token: Token, armed: bool) {
        if self.armed == armed {
            return;
        }
        self.armed = armed;
        let interest = if armed { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let _ = match &mut self.stream {
            Stream::Tcp(s) => registry.reregister(s, token, interest),
            Stream::Unix(s) => registry.reregister(s, token, interest),
        };
    }

    /// Whether the connect that was begun has succeeded: this end's address, or why not; `None` while it is under way.
    pub fn connected(&mut self) -> Option<Result<String, NetError>> {
        let Stream::Tcp(stream) = &self.stream else { return Some(Ok(String::new())) };
        match stream.take_error() {
            Ok(None) => {}
            Ok(Some(e)) | Err(e) => return Some(Err(net_error(&e))),
        }
        match stream.peer_addr() {
            Ok(_) => Some(stream.local_addr().map(notation).map_err(|e| net_error(&e))),
            Err(e) if e.kind() == io::ErrorKind::NotConnected => None,
            Err(e) => Some(Err(net_error(&e))),
        }
    }

    /// Options of an established TCP connection.
    pub fn tune(&self, keepalive_s: i32) {
        let Stream::Tcp(stream) = &self.stream else { return };
        let _ = stream.set_nodelay(true);
        if keepalive_s > 0 {
            let every = Duration::from_secs((keepalive_s as u64 / 3).max(1));
            let options =
                TcpKeepalive::new().with_time(Duration::from_secs(keepalive_s as u64)).with_interval(every);
            let _ = SockRef::from(stream).set_tcp_keepalive(&options.with_retries(3));
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> ReadOutcome {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => ReadOutcome::Ended(NetError::Eof),
                // A read that does not fill the buffer has emptied the socket: the next bytes raise a new event.
                Ok(n) if n < buffer.len() => ReadOutcome::Last(n),
                Ok(n) => ReadOutcome::More(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ReadOutcome::Nothing,
                Err(e) => ReadOutcome::Ended(net_error(&e)),
            };
        }
    }

    pub fn queue(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.output.push_back(bytes);
        }
    }

    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Writes as much as the socket takes.
    pub fn flush(&mut self) -> WriteOutcome {
        let mut bytes = 0;
        while let Some(first) = self.output.front() {
            let head = &first[self.output_at..];
            let wrote = if self.output.len() == 1 {
                self.stream.write(head)
            } else {
                let mut slices = [IoSlice::new(&[]); PIECES_MAX];
                slices[0] = IoSlice::new(head);
                let rest = self.output.iter().skip(1);
                let mut count = 1;
                for (slot, piece) in slices[1..].iter_mut().zip(rest) {
                    *slot = IoSlice::new(piece);
                    count += 1;
                }
                self.stream.write_vectored(&slices[..count])
            };
            match wrote {
                Ok(0) => return WriteOutcome { bytes, blocked: true, ended: Some(NetError::Reset) },
                Ok(n) => {
                    bytes += n;
                    self.advance(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return WriteOutcome { bytes, blocked: true, ended: None };
                }
                Err(e) => return WriteOutcome { bytes, blocked: true, ended: Some(net_error(&e)) },
            }
        }
        WriteOutcome { bytes, blocked: false, ended: None }
    }

    fn advance(&mut self, mut n: usize) {
        while let Some(first) = self.output.front() {
            let left = first.len() - self.output_at;
            if n < left {
                self.output_at += n;
                return;
            }
            n -= left;
            self.output.pop_front();
            self.output_at = 0;
        }
    }
}

/// Begins a connection to a name or an address, from `source` if one is configured.
pub fn connect(host: &str, port: u16, source: Option<&str>) -> Result<Stream, NetError> {
    let address = match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port),
        Err(_) => (host, port)
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next())
            .ok_or(NetError::Unreachable)?,
    };
    let begin = || -> io::Result<TcpStream> {
        let domain = if address.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if let Some(ip) = source.and_then(|s| s.parse::<IpAddr>().ok())
            && ip.is_ipv6() == address.is_ipv6()
        {
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::new(ip, 0).into())?;
        }
        match socket.connect(&address.into()) {
            Err(e) if Errno::from_io_error(&e) == Some(Errno::INPROGRESS) => {}
            other => other?,
        }
        Ok(TcpStream::from_std(socket.into()))
    };
    begin().map(Stream::Tcp).map_err(|e| net_error(&e))
}

fn net_error(error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => NetError::Refused,
        io::ErrorKind::TimedOut => NetError::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => NetError::Unreachable,
        _ => NetError::Reset,
    }
}
