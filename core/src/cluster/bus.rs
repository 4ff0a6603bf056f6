//! The cluster bus message, byte for byte (`clusterMsg`, cluster.h 7.0.15): big-endian, a header of 2,256 bytes that says
//! who the sender is and what it claims, then the data of the message type.
//!
//! Decoding borrows from the received bytes and allocates nothing: a node of a large cluster reads hundreds of thousands
//! of gossip entries a second. [`Message::parse`] refuses what `clusterProcessPacket` refuses; a caller may rely on every
//! length that it has accepted.

use super::node::{IP_LEN, IpText, NAME_LEN, Name};
use super::slots::{BITMAP_LEN, Bitmap};

/// The first four bytes of every message.
pub const SIGNATURE: &[u8; 4] = b"RCmb";
/// The length of the header (`CLUSTERMSG_MIN_LEN`): what comes before the data.
pub const HEADER_LEN: usize = 2256;
/// The length of one gossip entry.
pub const GOSSIP_LEN: usize = 104;
/// The protocol version.
pub const VERSION: u16 = 1;
/// The longest message taken in. Redis has no limit but the 32-bit length; nothing longer than a PUBLISH of a whole bulk
/// string (`proto-max-bulk-len`, 512 MB) and its channel makes sense.
pub const MESSAGE_LEN_MAX: usize = 1 << 30;

/// Message types (`CLUSTERMSG_TYPE_*`).
pub mod kind {
    /// A heartbeat that asks for a PONG.
    pub const PING: u16 = 0;
    /// The answer to a PING or MEET, or an announcement.
    pub const PONG: u16 = 1;
    /// A PING that makes the receiver add the sender.
    pub const MEET: u16 = 2;
    /// A node is down by agreement of the majority.
    pub const FAIL: u16 = 3;
    /// A PUBLISH for all nodes.
    pub const PUBLISH: u16 = 4;
    /// A replica asks for votes.
    pub const AUTH_REQUEST: u16 = 5;
    /// A master gives its vote.
    pub const AUTH_ACK: u16 = 6;
    /// The receiver's claim to slots is out of date.
    pub const UPDATE: u16 = 7;
    /// A replica asks its master to pause writes for a manual failover.
    pub const MFSTART: u16 = 8;
    /// A message between modules.
    pub const MODULE: u16 = 9;
    /// An SPUBLISH for the nodes of the shard.
    pub const PUBLISHSHARD: u16 = 10;
    /// How many types there are.
    pub const COUNT: usize = 11;
}

/// Bits of the first byte of message flags.
pub mod mflag {
    /// The sender is a master that has paused its clients for a manual failover.
    pub const PAUSED: u8 = 1;
    /// The vote is asked for although the master is up.
    pub const FORCEACK: u8 = 2;
    /// Extensions follow the gossip section.
    pub const EXT_DATA: u8 = 4;
}

/// The type of the extension that carries the sender's host name.
pub const EXT_HOSTNAME: u16 = 0;

/// The name of a message type as CLUSTER INFO and the log show it.
pub fn kind_text(kind: u16) -> &'static str {
    match kind {
        kind::PING => "ping",
        kind::PONG => "pong",
        kind::MEET => "meet",
        kind::FAIL => "fail",
        kind::PUBLISH => "publish",
        kind::AUTH_REQUEST => "auth-req",
        kind::AUTH_ACK => "auth-ack",
        kind::UPDATE => "update",
        kind::MFSTART => "mfstart",
        kind::MODULE => "module",
        kind::PUBLISHSHARD => "publishshard",
        _ => "unknown",
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// The header of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The sender's client port.
    pub port: u16,
    /// The message type, see [`kind`].
    pub kind: u16,
    /// How many gossip entries follow.
    pub count: u16,
    /// The cluster's current epoch as the sender knows it.
    pub current_epoch: u64,
    /// The config epoch of the sender, or of its master.
    pub config_epoch: u64,
    /// The sender's replication offset.
    pub offset: u64,
    /// The sender's name, unchecked.
    pub sender: [u8; NAME_LEN],
    /// The slots of the sender, or of its master.
    pub slots: &'a Bitmap,
    /// The name of the sender's master, all zeros if the sender is a master.
    pub slaveof: [u8; NAME_LEN],
    /// The address that the sender announces, if any.
    pub my_ip: IpText,
    /// How many extensions follow the gossip section.
    pub extensions: u16,
    /// The sender's plaintext port, if `port` is a TLS port.
    pub pport: u16,
    /// The sender's bus port.
    pub cport: u16,
    /// The sender's node flags, see [`super::node::flag`].
    pub flags: u16,
    /// Whether the sender finds the cluster failing (1) or not (0).
    pub state: u8,
    /// Message flags, see [`mflag`] for the first byte.
    pub mflags: [u8; 3],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Header<'a>> {
        let head = bytes.get(..HEADER_LEN)?;
        Some(Header {
            port: u16_at(head, 10),
            kind: u16_at(head, 12),
            count: u16_at(head, 14),
            current_epoch: u64_at(head, 16),
            config_epoch: u64_at(head, 24),
            offset: u64_at(head, 32),
            sender: head[40..80].try_into().ok()?,
            slots: head[80..80 + BITMAP_LEN].try_into().ok()?,
            slaveof: head[2128..2168].try_into().ok()?,
            my_ip: IpText::from_wire(head[2168..2168 + IP_LEN].try_into().ok()?),
            extensions: u16_at(head, 2214),
            pport: u16_at(head, 2246),
            cport: u16_at(head, 2248),
            flags: u16_at(head, 2250),
            state: head[2252],
            mflags: head[2253..2256].try_into().ok()?,
        })
    }

    /// Appends the header of a message that is `total_len` bytes long in all.
    pub fn write(&self, total_len: u32, out: &mut Vec<u8>) {
        out.reserve(total_len as usize);
        out.extend_from_slice(SIGNATURE);
        out.extend_from_slice(&total_len.to_be_bytes());
        for value in [VERSION, self.port, self.kind, self.count] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        for value in [self.current_epoch, self.config_epoch, self.offset] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&self.sender);
        out.extend_from_slice(self.slots);
        out.extend_from_slice(&self.slaveof);
        out.extend_from_slice(self.my_ip.as_bytes());
        out.extend_from_slice(&self.extensions.to_be_bytes());
        out.extend_from_slice(&[0; 30]);
        for value in [self.pport, self.cport, self.flags] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.push(self.state);
        out.extend_from_slice(&self.mflags);
    }

    /// The sender's name, if it is a valid one.
    pub fn sender_name(&self) -> Option<Name> {
        Name::parse(&self.sender)
    }

    /// Whether the sender says that it is a master.
    pub fn is_master(&self) -> bool {
        self.slaveof == [0; NAME_LEN]
    }

    /// Whether a bit of the first message flag byte is set.
    pub fn has_mflag(&self, bit: u8) -> bool {
        self.mflags[0] & bit != 0
    }
}

/// One entry of a gossip section: what the sender knows of a third node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gossip<'a> {
    /// The node's name, unchecked.
    pub name: &'a [u8; NAME_LEN],
    /// When the sender sent the PING that the node has not answered, in seconds since the epoch; 0 if none.
    pub ping_sent_s: u32,
    /// When the node last answered, in seconds since the epoch.
    pub pong_received_s: u32,
    /// The node's address as the wire has it, see [`IpText::from_wire`].
    pub ip: &'a [u8; IP_LEN],
    /// Its client port.
    pub port: u16,
    /// Its bus port.
    pub cport: u16,
    /// Its flags as the sender sees them.
    pub flags: u16,
    /// Its plaintext port, if `port` is a TLS port.
    pub pport: u16,
}

impl<'a> Gossip<'a> {
    fn parse(bytes: &'a [u8; GOSSIP_LEN]) -> Option<Gossip<'a>> {
        Some(Gossip {
            name: bytes[..40].try_into().ok()?,
            ping_sent_s: u32_at(bytes, 40),
            pong_received_s: u32_at(bytes, 44),
            ip: bytes[48..48 + IP_LEN].try_into().ok()?,
            port: u16_at(bytes, 94),
            cport: u16_at(bytes, 96),
            flags: u16_at(bytes, 98),
            pport: u16_at(bytes, 100),
        })
    }

    /// Appends the entry.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; GOSSIP_LEN];
        bytes[..40].copy_from_slice(self.name);
        bytes[40..44].copy_from_slice(&self.ping_sent_s.to_be_bytes());
        bytes[44..48].copy_from_slice(&self.pong_received_s.to_be_bytes());
        bytes[48..94].copy_from_slice(self.ip);
        for (at, value) in [(94, self.port), (96, self.cport), (98, self.flags), (100, self.pport)] {
            bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&bytes);
    }
}

/// One extension of a PING, PONG or MEET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type, see [`EXT_HOSTNAME`].
    pub kind: u16,
    /// Its data, padded to a multiple of eight bytes.
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The host name that this extension carries, if it is one.
    pub fn hostname(&self) -> Option<&'a str> {
        let len = self.data.iter().position(|&b| b == 0).unwrap_or(self.data.len());
        let valid = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'.';
        let name = self.data.get(..len).filter(|name| name.iter().all(valid))?;
        (self.kind == EXT_HOSTNAME).then(|| core::str::from_utf8(name).ok()).flatten()
    }
}

/// How many bytes the extension for a host name takes; 0 for none.
pub fn hostname_extension_len(hostname: &str) -> usize {
    if hostname.is_empty() { 0 } else { 8 + (hostname.len() + 1).next_multiple_of(8) }
}

/// Appends the extension for a host name, if there is one.
pub fn write_hostname_extension(hostname: &str, out: &mut Vec<u8>) {
    let len = hostname_extension_len(hostname);
    if len == 0 {
        return;
    }
    let end = out.len() + len;
    out.extend_from_slice(&(len as u32).to_be_bytes());
    out.extend_from_slice(&EXT_HOSTNAME.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(hostname.as_bytes());
    out.resize(end, 0);
}

/// What follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// PING, PONG and MEET.
    Heartbeat {
        /// The gossip entries, [`GOSSIP_LEN`] bytes each.
        gossip: &'a [u8],
        /// The extensions.
        extensions: &'a [u8],
    },
    /// FAIL.
    Fail {
        /// The name of the node that is down, unchecked.
        about: &'a [u8],
    },
    /// PUBLISH and PUBLISHSHARD.
    Publish {
        /// The channel.
        channel: &'a [u8],
        /// The message.
        message: &'a [u8],
    },
    /// UPDATE.
    Update {
        /// The config epoch of the node that it is about.
        config_epoch: u64,
        /// Its name, unchecked.
        name: &'a [u8],
        /// The slots it serves.
        slots: &'a Bitmap,
    },
    /// MODULE.
    Module {
        /// The module's number, in the byte order that the module chose.
        id: u64,
        /// The module's own message type.
        kind: u8,
        /// The data.
        payload: &'a [u8],
    },
    /// AUTH_REQUEST, AUTH_ACK and MFSTART: the header says it all.
    Bare,
    /// A type that this version does not know.
    Unknown(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The gossip entries of a heartbeat, none for other messages.
    pub fn gossip(&self) -> impl Iterator<Item = Gossip<'a>> + use<'a> {
        let bytes: &'a [u8] = match *self {
            Body::Heartbeat { gossip, .. } => gossip,
            _ => &[],
        };
        bytes.as_chunks::<GOSSIP_LEN>().0.iter().filter_map(Gossip::parse)
    }

    /// The extensions of a heartbeat, none for other messages.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut rest: &'a [u8] = match *self {
            Body::Heartbeat { extensions, .. } => extensions,
            _ => &[],
        };
        core::iter::from_fn(move || {
            let len = u32_at(rest, 0) as usize;
            let bytes = rest.get(..len).filter(|bytes| bytes.len() >= 8)?;
            rest = &rest[len..];
            Some(Extension { kind: u16_at(bytes, 4), data: &bytes[8..] })
        })
    }

    /// How many bytes this takes on the wire.
    pub fn len(&self) -> usize {
        match self {
            Body::Heartbeat { gossip, extensions } => gossip.len() + extensions.len(),
            Body::Fail { about } => about.len(),
            Body::Publish { channel, message } => 8 + channel.len() + message.len(),
            Body::Update { .. } => 8 + NAME_LEN + BITMAP_LEN,
            Body::Module { payload, .. } => 13 + payload.len(),
            Body::Bare => 0,
            Body::Unknown(bytes) => bytes.len(),
        }
    }

    /// Whether nothing follows the header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends what follows the header.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Body::Heartbeat { gossip, extensions } => {
                out.extend_from_slice(gossip);
                out.extend_from_slice(extensions);
            }
            Body::Fail { about } => out.extend_from_slice(about),
            Body::Publish { channel, message } => {
                out.extend_from_slice(&(channel.len() as u32).to_be_bytes());
                out.extend_from_slice(&(message.len() as u32).to_be_bytes());
                out.extend_from_slice(channel);
                out.extend_from_slice(message);
            }
            Body::Update { config_epoch, name, slots } => {
                out.extend_from_slice(&config_epoch.to_be_bytes());
                out.extend_from_slice(name);
                out.extend_from_slice(*slots);
            }
            Body::Module { id, kind, payload } => {
                out.extend_from_slice(&id.to_be_bytes());
                out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
                out.push(*kind);
                out.extend_from_slice(payload);
            }
            Body::Bare => {}
            Body::Unknown(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Why a message is not processed. The connection stays open, as in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Another protocol version: ignored without a word.
    Version,
    /// The length does not fit the type.
    Length {
        /// What the header says.
        total: u64,
        /// What the type asks for.
        expected: u64,
    },
    /// An extension whose length is not a multiple of eight.
    Padding {
        /// Its length.
        len: u32,
    },
    /// An extension that goes beyond the end.
    Extension {
        /// The length that the header says.
        total: u64,
    },
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header.
    pub header: Header<'a>,
    /// The data.
    pub body: Body<'a>,
}

/// The bytes are no message of the bus, or one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTheBus;

/// The length of the message that begins with `bytes`, once eight bytes are there.
///
/// # Errors
/// These bytes are no message of the bus, or it is too long: the connection is to be closed.
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, NotTheBus> {
    if bytes.len() < 8 {
        return Ok(None);
    }
    let len = u32_at(bytes, 4) as usize;
    if &bytes[..4] != SIGNATURE || !(HEADER_LEN..=MESSAGE_LEN_MAX).contains(&len) {
        return Err(NotTheBus);
    }
    Ok(Some(len))
}

impl<'a> Message<'a> {
    /// Decodes one whole message, whose length [`frame_len`] told.
    ///
    /// # Errors
    /// See [`Invalid`].
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, Invalid> {
        let total = bytes.len() as u64;
        if u16_at(bytes, 8) != VERSION {
            return Err(Invalid::Version);
        }
        let short = Invalid::Length { total, expected: HEADER_LEN as u64 };
        let header = Header::parse(bytes).ok_or(short)?;
        let data = &bytes[HEADER_LEN..];
        let expect = |len: u64| {
            let expected = HEADER_LEN as u64 + len;
            if total == expected { Ok(()) } else { Err(Invalid::Length { total, expected }) }
        };
        let body = match header.kind {
            kind::PING | kind::PONG | kind::MEET => {
                let gossip_len = usize::from(header.count) * GOSSIP_LEN;
                let Some(mut rest) = data.get(gossip_len..) else {
                    return Err(Invalid::Length { total, expected: (HEADER_LEN + gossip_len) as u64 });
                };
                let extensions = rest;
                let count = if header.has_mflag(mflag::EXT_DATA) { header.extensions } else { 0 };
                for _ in 0..count {
                    let len = u32_at(rest, 0);
                    if !len.is_multiple_of(8) {
                        return Err(Invalid::Padding { len });
                    }
                    match rest.get(len as usize..) {
                        Some(after) if len >= 8 => rest = after,
                        _ => return Err(Invalid::Extension { total }),
                    }
                }
                expect((data.len() - rest.len()) as u64)?;
                Body::Heartbeat { gossip: &data[..gossip_len], extensions }
            }
            kind::FAIL => {
                expect(NAME_LEN as u64)?;
                Body::Fail { about: data }
            }
            kind::PUBLISH | kind::PUBLISHSHARD => {
                let (channel_len, message_len) = (u32_at(data, 0), u32_at(data, 4));
                expect(8 + u64::from(channel_len) + u64::from(message_len))?;
                let (channel, message) = data[8..].split_at(channel_len as usize);
                Body::Publish { channel, message }
            }
            kind::AUTH_REQUEST | kind::AUTH_ACK | kind::MFSTART => {
                expect(0)?;
                Body::Bare
            }
            kind::UPDATE => {
                expect((8 + NAME_LEN + BITMAP_LEN) as u64)?;
                let slots = data[48..].try_into().map_err(|_| short)?;
                Body::Update { config_epoch: u64_at(data, 0), name: &data[8..48], slots }
            }
            kind::MODULE => {
                expect(13 + u64::from(u32_at(data, 8)))?;
                Body::Module { id: u64_at(data, 0), kind: data[12], payload: &data[13..] }
            }
            _ => Body::Unknown(data),
        };
        Ok(Message { header, body })
    }

    /// Appends the message as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.header.write((HEADER_LEN + self.body.len()) as u32, out);
        self.body.write(out);
    }
}

/// Corrects the fields of a heartbeat that are known only once its gossip section is written: `at` is where the message
/// begins in `out`, and it goes on to the end of `out`.
pub fn patch_heartbeat(out: &mut [u8], at: usize, gossip_count: u16) {
    let len = (out.len() - at) as u32;
    out[at + 4..at + 8].copy_from_slice(&len.to_be_bytes());
    out[at + 14..at + 16].copy_from_slice(&gossip_count.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(kind: u16, slots: &Bitmap) -> Header<'_> {
        Header {
            port: 7001,
            kind,
            count: 0,
            current_epoch: 6,
            config_epoch: 3,
            offset: 1234,
            sender: [b'a'; 40],
            slots,
            slaveof: [0; 40],
            my_ip: IpText::NONE,
            extensions: 0,
            pport: 0,
            cport: 17001,
            flags: 17,
            state: 0,
            mflags: [0; 3],
        }
    }

    fn round_trip(message: &Message<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        assert_eq!(frame_len(&bytes), Ok(Some(bytes.len())));
        assert_eq!(Message::parse(&bytes).as_ref(), Ok(message));
        bytes
    }

    #[test]
    fn every_type_survives_the_wire() {
        let mut slots = [0; BITMAP_LEN];
        slots[7] = 0x81;
        let mut gossip = Vec::new();
        let (name, ip) = ([b'c'; 40], IpText::new("10.0.0.7"));
        let entry = Gossip {
            name: &name,
            ping_sent_s: 1,
            pong_received_s: 2,
            ip: ip.as_bytes(),
            port: 6379,
            cport: 16379,
            flags: 9,
            pport: 0,
        };
        entry.write(&mut gossip);
        assert_eq!(gossip.len(), GOSSIP_LEN);
        let mut extensions = Vec::new();
        write_hostname_extension("node-1.example", &mut extensions);
        assert_eq!(extensions.len(), hostname_extension_len("node-1.example"));
        let mut head = header(kind::PING, &slots);
        (head.count, head.extensions, head.mflags[0]) = (1, 1, mflag::EXT_DATA);
        let body = Body::Heartbeat { gossip: &gossip, extensions: &extensions };
        let bytes = round_trip(&Message { header: head, body });
        assert_eq!(bytes.len(), 2256 + 104 + 24);
        let parsed = Message::parse(&bytes).unwrap();
        assert_eq!(parsed.body.gossip().collect::<Vec<_>>(), [entry]);
        let names: Vec<_> = parsed.body.extensions().map(|e| e.hostname()).collect();
        assert_eq!(names, [Some("node-1.example")]);

        let bodies = [
            (kind::FAIL, Body::Fail { about: &[b'b'; 40] }),
            (kind::PUBLISH, Body::Publish { channel: b"news", message: b"hello" }),
            (kind::PUBLISHSHARD, Body::Publish { channel: b"", message: b"" }),
            (kind::UPDATE, Body::Update { config_epoch: 9, name: &[b'd'; 40], slots: &slots }),
            (kind::MODULE, Body::Module { id: 5, kind: 2, payload: b"xyz" }),
            (kind::AUTH_REQUEST, Body::Bare),
            (kind::AUTH_ACK, Body::Bare),
            (kind::MFSTART, Body::Bare),
            (42, Body::Unknown(b"later version")),
        ];
        for (kind, body) in bodies {
            round_trip(&Message { header: header(kind, &slots), body });
        }
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let slots = [0; BITMAP_LEN];
        let mut bytes = Vec::new();
        Message { header: header(kind::FAIL, &slots), body: Body::Fail { about: &[b'b'; 40] } }
            .write(&mut bytes);
        bytes.pop();
        let expected = Invalid::Length { total: 2295, expected: 2296 };
        assert_eq!(Message::parse(&bytes), Err(expected));

        let mut ping = Vec::new();
        let mut head = header(kind::PING, &slots);
        head.count = 3;
        head.write(2256, &mut ping);
        let expected = Invalid::Length { total: 2256, expected: 2256 + 312 };
        assert_eq!(Message::parse(&ping), Err(expected));

        for (len, expected) in [
            (0u32, Invalid::Extension { total: 2264 }),
            (12, Invalid::Padding { len: 12 }),
            (16, Invalid::Extension { total: 2264 }),
        ] {
            let mut ping = Vec::new();
            let mut head = header(kind::PING, &slots);
            (head.extensions, head.mflags[0]) = (1, mflag::EXT_DATA);
            head.write(2264, &mut ping);
            ping.extend_from_slice(&len.to_be_bytes());
            ping.extend_from_slice(&[0; 4]);
            assert_eq!(Message::parse(&ping), Err(expected));
        }

        bytes[9] = 2;
        assert_eq!(Message::parse(&bytes), Err(Invalid::Version));
        assert_eq!(frame_len(b"RCmb\0\0\0\x10"), Err(NotTheBus));
        assert_eq!(frame_len(b"RCmx\0\0\x08\xd0"), Err(NotTheBus));
        assert_eq!(frame_len(b"RCmb\xff\xff\xff\xff"), Err(NotTheBus));
        assert_eq!(frame_len(b"RCmb"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(kind in 0u16..13, count in 0u16..4, ext in 0u16..4, mflags in 0u8..8,
                          data in prop::collection::vec(any::<u8>(), 0..600)) {
            let slots = [0; BITMAP_LEN];
            let mut head = header(kind, &slots);
            (head.count, head.extensions, head.mflags[0]) = (count, ext, mflags);
            let mut bytes = Vec::new();
            head.write((HEADER_LEN + data.len()) as u32, &mut bytes);
            bytes.extend_from_slice(&data);
            if let Ok(message) = Message::parse(&bytes) {
                prop_assert!(message.body.gossip().count() <= usize::from(count));
                prop_assert!(message.body.extensions().filter_map(|e| e.hostname()).count() <= usize::from(ext));
                let mut again = Vec::new();
                message.write(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
