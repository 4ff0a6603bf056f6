//! Real messages of redis-server 7.0.15 are read and written back byte for byte.

use super::bus::{Body, Message, frame_len, kind, mflag};
use super::*;

macro_rules! corpus {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../tests/corpus/bus/", $name, ".bin")) as &[u8])),*]
    };
}

#[test]
fn messages_of_redis_survive_decoding() {
    let files = corpus![
        "auth-ack",
        "auth-req-replica",
        "fail",
        "meet-gossip0",
        "mfstart-replica",
        "ping-ext-gossip2",
        "ping-gossip0",
        "ping-gossip3",
        "ping-gossip3-replica",
        "pong-ext-gossip1",
        "pong-gossip1-replica",
        "pong-gossip2",
        "pong-gossip2-paused",
        "publish",
        "publishshard",
        "update",
    ];
    for (name, bytes) in files {
        assert_eq!(frame_len(bytes), Ok(Some(bytes.len())), "{name}");
        let message = Message::parse(bytes).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let mut again = Vec::new();
        message.write(&mut again);
        assert!(again == bytes, "{name} is written back as it was");

        let header = &message.header;
        assert_eq!(
            bus::kind_text(header.kind),
            name.trim_end_matches("-replica").split("-gossip").next().unwrap().trim_end_matches("-ext")
        );
        assert_eq!(header.is_master(), !name.ends_with("-replica"), "{name}");
        assert_eq!(header.has_mflag(mflag::PAUSED), name.ends_with("-paused"), "{name}");
        assert!(header.sender_name().is_some() && header.cport == header.port + 100, "{name}");
        for entry in message.body.gossip() {
            let mut copy = Vec::new();
            entry.write(&mut copy);
            assert!(
                bytes.windows(copy.len()).any(|w| w == copy),
                "{name}: an entry is written back as it was"
            );
            assert_eq!(IpText::from_wire(entry.ip).as_str(), "127.0.0.1");
            assert!(Name::parse(entry.name).is_some());
        }
        let hostnames: Vec<_> = message.body.extensions().filter_map(|e| e.hostname()).collect();
        let expected: &[&str] = if name.contains("-ext") { &["node-one.example.com"] } else { &[] };
        assert_eq!(hostnames, expected, "{name}");
        match (header.kind, message.body) {
            (kind::PUBLISH, Body::Publish { channel, message }) => {
                assert_eq!((channel, message), (&b"news"[..], &b"hello"[..]))
            }
            (kind::PUBLISHSHARD, Body::Publish { channel, message }) => {
                assert_eq!((channel, message), (&b"bar"[..], &b"x"[..]))
            }
            (kind::UPDATE, Body::Update { config_epoch, name, slots }) => {
                assert!(Name::parse(name).is_some() && config_epoch > 0);
                assert_eq!(SlotSet::from_bitmap(slots).ranges(), [(0, 5460)]);
            }
            (kind::AUTH_REQUEST, _) => assert!(header.has_mflag(mflag::FORCEACK), "of a manual failover"),
            _ => {}
        }
    }
}
