//! What two processes see of TCP when nothing is wrong, and when something is.

use super::*;
use crate::sim::net::{NetSetup, PathState};

const PORT: u16 = 7001;

/// When a side heard of the end, and why.
type Ended = Option<(u64, NetError)>;

struct Pair {
    s: Sched,
    net: Net,
    conn: ConnRef,
    /// What the acceptor's process got.
    got: Vec<u8>,
    /// What the opener's process got.
    back: Vec<u8>,
    accepted: bool,
    connected: bool,
    sent: usize,
    /// How each side heard of the end: (opener, acceptor).
    ended: (Ended, Ended),
}

impl Pair {
    /// Host 0 connects to host 1.
    fn begin(setup: NetSetup) -> Pair {
        let mut s = Sched::new(7);
        let mut net = Net::new(setup);
        net.add_host("a".into(), "10.0.0.1".into());
        net.add_host("b".into(), "10.0.0.2".into());
        net.hosts[1].ports = vec![(PORT, Listener::Client)];
        let conn = net.connect(&mut s, 0, Owner::Node(ConnId(ConnId::OUTGOING)), "b", PORT);
        Pair {
            s,
            net,
            conn,
            got: vec![],
            back: vec![],
            accepted: false,
            connected: false,
            sent: 0,
            ended: (None, None),
        }
    }

    fn connected() -> Pair {
        let mut pair = Pair::begin(NetSetup::default());
        pair.run(10_000);
        assert!(pair.accepted && pair.connected);
        pair
    }

    fn mail(&mut self) {
        while let Some(mail) = self.net.mail.pop_front() {
            match (mail.host, mail.notice) {
                (0, Notice::Connected { .. }) => self.connected = true,
                (1, Notice::Accepted { peer, .. }) => {
                    assert!(peer.starts_with("10.0.0.1:"), "{peer}");
                    self.accepted = true;
                }
                (1, Notice::Data(bytes)) => self.got.extend(bytes),
                (0, Notice::Data(bytes)) => self.back.extend(bytes),
                (0, Notice::Closed(error)) => self.ended.0 = Some((self.s.now_us, error)),
                (1, Notice::Closed(error)) => self.ended.1 = Some((self.s.now_us, error)),
                (_, Notice::Sent(bytes)) => self.sent += bytes,
                (host, notice) => panic!("{host} got {notice:?}"),
            }
        }
    }

    fn run(&mut self, for_us: u64) {
        let until = self.s.now_us + for_us;
        self.mail();
        while let Some(ev) = self.s.pop_until(until) {
            self.net.handle(&mut self.s, ev);
            self.mail();
        }
        self.s.now_us = until;
    }

    fn send(&mut self, side: usize, bytes: &[u8]) -> usize {
        self.net.send(&mut self.s, self.conn, side, bytes.to_vec())
    }

    fn cut(&mut self, from: u32, to: u32, cut: bool) {
        self.net.change_path(&mut self.s, from, to, |p| p.cut = cut);
    }
}

#[test]
fn bytes_arrive_in_order_after_a_round_trip() {
    let mut pair = Pair::begin(NetSetup { latency_us: 1000, jitter_us: 5000, ..NetSetup::default() });
    pair.run(1999);
    assert!(!pair.connected, "connecting takes a round trip");
    pair.run(60_000);
    let sent: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    for part in sent.chunks(997) {
        assert_eq!(pair.send(0, part), part.len());
        pair.run(10);
    }
    pair.run(1_000_000);
    assert_eq!(pair.got, sent);
    pair.send(1, b"yes");
    pair.run(10_000);
    assert_eq!(pair.back, b"yes");
}

#[test]
fn what_was_sent_before_closing_arrives_before_the_end() {
    let mut pair = Pair::connected();
    pair.send(0, b"bye");
    pair.net.close(&mut pair.s, pair.conn, 0, true);
    pair.run(10_000);
    assert_eq!(pair.got, b"bye");
    assert_eq!(pair.ended.1.unwrap().1, NetError::Eof);
    assert_eq!(pair.ended.0, None, "who closes hears no more");
    assert!(pair.net.conns[0].is_none(), "the connection is forgotten");
}

#[test]
fn nobody_listens_or_nobody_is_there() {
    let mut pair = Pair::begin(NetSetup::default());
    pair.net.hosts[1].ports.clear();
    pair.run(10_000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::Refused);

    let mut pair = Pair::begin(NetSetup::default());
    pair.net.set_power(&mut pair.s, 1, false);
    pair.run(120_000_000);
    assert_eq!(pair.ended.0, None);
    pair.run(20_000_000);
    let (at, error) = pair.ended.0.unwrap();
    assert_eq!((at / 1_000_000, error), (127, NetError::TimedOut));

    let mut pair = Pair::begin(NetSetup::default());
    pair.net.connect(&mut pair.s, 0, Owner::Node(ConnId(ConnId::OUTGOING | 1)), "nowhere", 1);
    pair.run(1000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::Unreachable);
}

#[test]
fn a_cut_delays_the_stream_until_the_next_retransmission_after_the_healing() {
    let mut pair = Pair::connected();
    pair.cut(0, 1, true);
    pair.send(0, b"one");
    pair.run(1_000_000);
    pair.send(0, b"two");
    assert_eq!(pair.got, b"");
    // The other direction is open.
    pair.send(1, b"back");
    pair.run(1_000_000);
    assert_eq!(pair.back, b"back");
    pair.cut(0, 1, false);
    // Retransmissions at 0.2, 0.6, 1.4, 3.0 s: nothing before the next.
    pair.run(900_000);
    assert_eq!(pair.got, b"");
    pair.run(200_000);
    assert_eq!(pair.got, b"onetwo");
    assert_eq!(pair.ended, (None, None));
    pair.send(0, b"three");
    pair.run(1000);
    assert_eq!(pair.got, b"onetwothree");
}

#[test]
fn a_cut_that_stays_ends_the_connection_on_both_sides() {
    let mut pair = Pair::connected();
    pair.cut(0, 1, true);
    pair.cut(1, 0, true);
    pair.send(0, b"lost");
    pair.run(1_000_000_000);
    let (opener, acceptor) = (pair.ended.0.unwrap(), pair.ended.1.unwrap());
    assert_eq!(opener.1, NetError::TimedOut);
    assert!((580_000_000..620_000_000).contains(&acceptor.0), "keepalive: {acceptor:?}");
    assert_eq!(acceptor.1, NetError::TimedOut);
    assert_eq!(pair.got, b"");
}

#[test]
fn a_connection_does_not_open_through_a_one_way_cut() {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut pair = Pair::begin(NetSetup::default());
        pair.cut(from, to, true);
        pair.run(2_000_000);
        assert!(!pair.connected && !pair.accepted);
        pair.cut(from, to, false);
        pair.run(10_000_000);
        assert!(pair.connected && pair.accepted, "a later SYN gets through");
    }
}

#[test]
fn a_killed_process_ends_its_connections_and_a_power_loss_does_not() {
    let mut pair = Pair::connected();
    pair.net.process_ended(&mut pair.s, 1, false);
    pair.run(10_000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::Eof);

    let mut pair = Pair::connected();
    pair.net.process_ended(&mut pair.s, 1, true);
    pair.net.set_power(&mut pair.s, 1, false);
    pair.send(0, b"anybody there?");
    pair.run(10_000_000);
    assert_eq!(pair.ended.0, None, "half open");
    pair.net.set_power(&mut pair.s, 1, true);
    pair.run(15_000_000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::Reset, "the new kernel does not know the connection");
    assert_eq!(pair.got, b"");
}

#[test]
fn a_stopped_process_fills_the_buffers_and_then_the_senders_queue() {
    let mut pair = Pair::connected();
    pair.net.hosts[1].stopped = true;
    let part = vec![1u8; 256 << 10];
    let mut taken = 0;
    for _ in 0..16 {
        taken += pair.send(0, &part);
        pair.run(100_000);
    }
    assert_eq!(pair.got.len(), 0);
    assert!(taken + pair.sent < 16 * part.len(), "4 MiB do not fit into two buffers of 1 MiB");
    assert!(taken + pair.sent >= SEND_BUFFER_LEN + RECEIVE_BUFFER_LEN);
    pair.net.resume_host(&mut pair.s, 1);
    pair.run(10_000_000);
    assert_eq!(pair.got.len(), 16 * part.len());
    assert_eq!(taken + pair.sent, 16 * part.len(), "every byte is announced as sent once");
}

#[test]
fn a_reader_that_holds_back_gets_everything_later_and_in_order() {
    let mut pair = Pair::connected();
    pair.net.set_reading(&mut pair.s, pair.conn, 1, false);
    pair.send(0, b"ab");
    pair.run(10_000);
    pair.send(0, b"cd");
    pair.net.close(&mut pair.s, pair.conn, 0, true);
    pair.run(10_000);
    assert_eq!((pair.got.as_slice(), pair.ended.1), (b"".as_slice(), None));
    pair.net.set_reading(&mut pair.s, pair.conn, 1, true);
    pair.run(10_000);
    assert_eq!(pair.got, b"abcd");
    assert_eq!(pair.ended.1.unwrap().1, NetError::Eof);
}

#[test]
fn loss_delays_and_bandwidth_spreads() {
    let mut pair = Pair::connected();
    pair.net.change_path(&mut pair.s, 0, 1, |p| p.loss_ppm = 500_000);
    let begin = pair.s.now_us;
    for i in 0..100u8 {
        pair.send(0, &[i]);
    }
    while pair.got.len() < 100 {
        pair.run(10_000);
    }
    assert!(pair.s.now_us - begin > 200_000, "half of the segments were lost");
    assert_eq!(pair.got, (0..100).collect::<Vec<u8>>());

    let mut pair = Pair::begin(NetSetup { bandwidth_bytes_per_s: 1_000_000, ..NetSetup::default() });
    pair.run(10_000);
    pair.send(0, &[0; 500_000]);
    pair.run(250_000);
    assert!((180_000..300_000).contains(&pair.got.len()), "{}", pair.got.len());
    pair.run(300_000);
    assert_eq!(pair.got.len(), 500_000);
}

#[test]
fn a_partition_separates_groups_and_spares_who_is_in_none() {
    let mut pair = Pair::connected();
    let third = pair.net.add_host("c".into(), "10.0.0.3".into());
    pair.net.partition(&mut pair.s, &[vec![0], vec![1]]);
    assert!(!pair.net.open(0, 1) && !pair.net.open(1, 0));
    assert!(pair.net.open(0, third) && pair.net.open(third, 1));
    pair.net.heal_all(&mut pair.s);
    assert!(pair.net.open(0, 1));
    pair.net.change_path(&mut pair.s, 0, 1, |p| p.latency_us = Some(50_000));
    assert!(pair.net.latency(&mut pair.s, 0, 1) >= 50_000);
    pair.net.change_path(&mut pair.s, 0, 1, |p| *p = PathState::default());
    assert_eq!(pair.net.paths().count(), 0);
}
