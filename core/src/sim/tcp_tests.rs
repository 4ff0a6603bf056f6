//! What two processes see of TCP when nothing is wrong, and when something is.

use super::*;
use crate::sim::net::NetSetup;
use crate::sim::net::rules::{Effect, Rule};

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
    /// Paths that are cut.
    cuts: Vec<(u32, u32)>,
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
            cuts: vec![],
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
        self.cuts.retain(|&path| path != (from, to));
        if cut {
            self.cuts.push((from, to));
        }
        self.rules(self.cuts.clone().into_iter().map(|(from, to)| (from, to, Effect::Cut)).collect());
    }

    fn rules(&mut self, rules: Vec<(u32, u32, Effect)>) {
        let rule = |(from, to, effect)| Rule { from: Some(from), to: Some(to), effect };
        self.net.set_rules(&mut self.s, rules.into_iter().map(rule).collect());
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
    pair.rules(vec![(0, 1, Effect::Loss(500_000))]);
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

/// The number of the only message in flight.
fn in_flight(pair: &Pair) -> u64 {
    pair.net.in_flight(10)[0].id
}

#[test]
fn what_is_held_back_arrives_when_it_is_let_go() {
    let mut pair = Pair::connected();
    pair.rules(vec![(0, 1, Effect::Hold)]);
    pair.send(0, b"one");
    pair.run(5_000_000);
    pair.send(0, b"two");
    pair.run(123_456);
    assert_eq!((pair.got.as_slice(), pair.ended), (b"".as_slice(), (None, None)));
    assert!(pair.net.in_flight(10).iter().all(|m| m.lost));
    pair.rules(vec![]);
    pair.run(1_000);
    assert_eq!(pair.got, b"onetwo", "at once, not at the next retransmission");
    pair.send(0, b"three");
    pair.run(1_000);
    assert_eq!(pair.got, b"onetwothree", "and the stream is as it was");
    // Held and cut: the end of the one is not the end of the other.
    pair.rules(vec![(0, 1, Effect::Hold), (0, 1, Effect::Cut)]);
    pair.send(0, b"!");
    pair.run(1_000_000);
    pair.rules(vec![(0, 1, Effect::Cut)]);
    pair.run(1_000_000);
    assert_eq!(pair.got, b"onetwothree");
    pair.rules(vec![]);
    pair.run(1_000);
    assert_eq!(pair.got, b"onetwothree", "a cut waits for the retransmission");
    pair.run(3_000_000);
    assert_eq!(pair.got, b"onetwothree!");
}

#[test]
fn a_connection_that_is_held_back_opens_when_it_is_let_go() {
    let mut pair = Pair::begin(NetSetup::default());
    pair.rules(vec![(1, 0, Effect::Hold)]);
    pair.run(2_500_000);
    assert!(!pair.connected);
    pair.rules(vec![]);
    pair.run(2_000);
    assert!(pair.connected && pair.accepted);
    pair.send(0, b"hello");
    pair.run(10_000_000);
    assert_eq!(pair.got, b"hello", "the SYN that was tried again opens nothing twice");
    assert_eq!(pair.net.connections().count(), 1);
}

#[test]
fn a_held_path_kills_a_connection_as_a_cut_does() {
    let mut pair = Pair::connected();
    pair.rules(vec![(0, 1, Effect::Hold)]);
    pair.send(0, b"x");
    pair.run(2_000_000_000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::TimedOut);
}

#[test]
fn a_dropped_message_holds_back_those_behind_it() {
    let mut pair = Pair::connected();
    pair.send(0, b"one");
    let message = in_flight(&pair);
    assert_eq!(pair.net.message(message), Ok(false));
    pair.net.drop_message(&mut pair.s, message, false);
    assert_eq!(pair.net.message(message), Ok(true));
    pair.send(0, b"two");
    pair.run(150_000);
    assert_eq!(pair.got, b"");
    pair.run(100_000);
    assert_eq!(pair.got, b"onetwo");
    assert!(pair.net.message(message).unwrap_err().contains("not in flight"));
}

#[test]
fn three_later_segments_bring_a_lost_one_back_soon() {
    let mut pair = Pair::connected();
    pair.send(0, b"one");
    let message = in_flight(&pair);
    pair.net.drop_message(&mut pair.s, message, false);
    for part in [b"two", b"3..", b"4.."] {
        pair.send(0, part);
    }
    pair.run(5_000);
    assert_eq!(pair.got, b"onetwo3..4..");
}

#[test]
fn a_message_dropped_with_its_connection_never_arrives() {
    let mut pair = Pair::connected();
    pair.send(0, b"first");
    pair.run(1_000);
    pair.send(0, b"gone");
    let message = in_flight(&pair);
    pair.net.drop_message(&mut pair.s, message, true);
    pair.run(5_000_000);
    assert_eq!(pair.got, b"first");
    let (a, b) = (pair.ended.0.unwrap().1, pair.ended.1.unwrap().1);
    assert_eq!((a, b), (NetError::Reset, NetError::Reset));
}

#[test]
fn a_delayed_message_is_late_and_a_duplicated_one_is_read_once() {
    let mut pair = Pair::connected();
    pair.send(0, b"late");
    let message = in_flight(&pair);
    pair.net.delay_message(&mut pair.s, message, 3_000_000);
    pair.send(0, b" and behind");
    pair.run(2_990_000);
    assert_eq!(pair.got, b"");
    pair.run(20_000);
    assert_eq!(pair.got, b"late and behind");
    pair.send(0, b"!");
    let message = in_flight(&pair);
    pair.net.duplicate_message(&pair.s, message);
    pair.run(10_000);
    assert_eq!(pair.got, b"late and behind!");
}

#[test]
fn overtaken_and_doubled_segments_cost_time_and_no_bytes() {
    let mut pair = Pair::connected();
    pair.rules(vec![
        (0, 1, Effect::Late { ppm: 200_000, by_us: 50_000 }),
        (0, 1, Effect::Duplicate(500_000)),
    ]);
    let begin = pair.s.now_us;
    for i in 0..200u8 {
        pair.send(0, &[i]);
        pair.run(100);
    }
    while pair.got.len() < 200 {
        pair.run(1_000);
    }
    assert_eq!(pair.got, (0..200).collect::<Vec<u8>>());
    assert!(pair.s.now_us - begin > 50_000);
}

#[test]
fn a_reset_reaches_the_ends_that_it_is_sent_to() {
    use crate::sim::fault::Link;
    let mut pair = Pair::connected();
    pair.net.reset_connections(&mut pair.s, &Link::one_way("a", "b"), Some(Channel::Bus));
    pair.run(10_000);
    assert_eq!(pair.ended, (None, None), "it carries no bus");
    pair.net.reset_connections(&mut pair.s, &Link::one_way("a", "b"), None);
    pair.run(10_000);
    assert_eq!((pair.ended.0, pair.ended.1.unwrap().1), (None, NetError::Reset), "half open");
    pair.send(0, b"anybody there?");
    pair.run(10_000);
    assert_eq!(pair.ended.0.unwrap().1, NetError::Reset, "the other end finds out when it sends");
    let mut pair = Pair::connected();
    pair.net.reset_connections(&mut pair.s, &Link::both("*", "a"), Some(Channel::Resp));
    pair.run(10_000);
    assert!(pair.ended.0.is_some() && pair.ended.1.is_some());
}

#[test]
fn a_slow_link_carries_so_many_bytes_a_second() {
    let mut pair = Pair::connected();
    pair.rules(vec![(0, 1, Effect::Bandwidth(100_000))]);
    pair.send(0, &[0; 60_000]);
    pair.send(0, b"end");
    pair.run(550_000);
    assert_eq!(pair.got.len(), 0);
    pair.send(1, b"the other direction is as fast as ever");
    pair.run(10_000);
    assert!(!pair.back.is_empty());
    pair.run(100_000);
    assert_eq!(pair.got.len(), 60_003);
}

#[test]
fn a_connection_that_finds_its_host_up_again_is_like_any_other() {
    let mut pair = Pair::begin(NetSetup::default());
    pair.net.process_ended(&mut pair.s, 1, true);
    pair.net.set_power(&mut pair.s, 1, false);
    pair.run(10_000_000);
    assert!(!pair.connected);
    pair.net.set_power(&mut pair.s, 1, true);
    pair.net.hosts[1].ports = vec![(PORT, Listener::Client)];
    pair.run(10_000_000);
    assert!(pair.connected && pair.accepted);
    // What it sends is sent again after a cut, and not forgotten.
    pair.cut(1, 0, true);
    pair.send(1, b"one");
    pair.run(1_000_000);
    pair.cut(1, 0, false);
    pair.send(1, b"two");
    pair.run(5_000_000);
    assert_eq!(pair.back, b"onetwo");
}
