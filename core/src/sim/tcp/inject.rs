//! What is done by hand to connections and to single messages on their way.

use super::{Body, Conn, Phase, Segment};
use crate::sim::fault::{ANY_HOST, Direction, Link};
use crate::sim::net::Net;
use crate::sim::queue::{ConnRef, Ev, Sched};
use crate::sim::trace::Channel;

impl Net {
    /// Where a message in flight is: connection, direction, place.
    fn find_message(&self, message: u64) -> Option<(ConnRef, usize, usize)> {
        for (index, c) in self.conns.iter().enumerate() {
            let Some(c) = c else { continue };
            for dir in 0..2 {
                let is_it = |g: &Segment| g.record == message && matches!(g.body, Body::Data(_));
                if let Some(at) = c.streams[dir].flight.iter().position(is_it) {
                    let conn = ConnRef { index: index as u32, generation: self.generations[index] };
                    return Some((conn, dir, at));
                }
            }
        }
        None
    }

    /// Looks a message in flight up: whether it is lost and waits to be sent again.
    ///
    /// # Errors
    /// If it is not in flight.
    pub fn message(&self, message: u64) -> Result<bool, String> {
        let (conn, dir, at) = self.find_message(message).ok_or_else(|| {
            format!("message {message} is not in flight: it has arrived, or never was; the view lists those that are")
        })?;
        let stream = self.conns[conn.index as usize].as_ref().map(|c| &c.streams[dir]);
        Ok(stream.is_some_and(|stream| stream.lost() || stream.flight[at].dropped))
    }

    /// Loses a message; with `reset` its connection dies before it is sent again.
    pub fn drop_message(&mut self, s: &mut Sched, message: u64, reset: bool) {
        let Some((conn, dir, at)) = self.find_message(message) else { return };
        let Some(c) = self.get(conn) else { return };
        c.streams[dir].flight[at].dropped = true;
        if reset {
            self.send_reset(s, conn, 0);
            self.send_reset(s, conn, 1);
        }
    }

    /// Makes a message and all behind it in its stream later.
    pub fn delay_message(&mut self, s: &mut Sched, message: u64, by_us: u64) {
        let Some((conn, dir, at)) = self.find_message(message) else { return };
        let Some(c) = self.get(conn) else { return };
        let stream = &mut c.streams[dir];
        let mut least = stream.flight[at].arrives_us.max(s.now_us).saturating_add(by_us);
        for segment in stream.flight.range_mut(at..) {
            if segment.arrives_us < least {
                segment.arrives_us = least;
                s.at(least, Ev::Arrive { conn, dir: dir as u8 });
            }
            least = segment.arrives_us;
        }
        stream.last_arrival_us = stream.last_arrival_us.max(least);
    }

    /// Sends a message twice.
    pub fn duplicate_message(&mut self, s: &Sched, message: u64) {
        let Some((conn, dir, at)) = self.find_message(message) else { return };
        let Some(c) = self.get(conn) else { return };
        let segment = &mut c.streams[dir].flight[at];
        segment.twice = true;
        let (from, len) = (c.ends[dir].host, c.streams[dir].flight[at].body.len());
        self.departure(s.now_us, from, len + super::HEADER_LEN);
    }

    /// Resets the connections between hosts: a RST reaches the ends that the direction leads to.
    pub fn reset_connections(&mut self, s: &mut Sched, link: &Link, channel: Option<Channel>) {
        let host = |name: &str| if name == ANY_HOST { None } else { self.resolve(name) };
        let (a, b) = (host(&link.a), host(&link.b));
        let mut resets = Vec::new();
        for (index, c) in self.conns.iter().enumerate() {
            let Some(c) = c.as_deref().filter(|c: &&Conn| c.phase == Phase::Established) else { continue };
            if channel.is_some_and(|channel| channel != c.channel()) {
                continue;
            }
            let conn = ConnRef { index: index as u32, generation: self.generations[index] };
            for side in 0..2 {
                let (from, to) = (c.ends[1 - side].host, c.ends[side].host);
                let leads = |x: Option<u32>, y: Option<u32>| {
                    from != to && x.is_none_or(|h| h == from) && y.is_none_or(|h| h == to)
                };
                if (link.dir != Direction::Backward && leads(a, b))
                    || (link.dir != Direction::Forward && leads(b, a))
                {
                    resets.push((conn, side));
                }
            }
        }
        for (conn, side) in resets {
            self.send_reset(s, conn, side);
        }
    }

    /// What waits on paths where it is held back and nothing else is wrong: connection, direction (`None` for a SYN), from, to.
    pub fn held_back(&self) -> Vec<(ConnRef, Option<u8>, u32, u32)> {
        let mut found = Vec::new();
        if self.plain() {
            return found;
        }
        for (index, c) in self.conns.iter().enumerate() {
            let Some(c) = c else { continue };
            let conn = ConnRef { index: index as u32, generation: self.generations[index] };
            let connecting = matches!(c.phase, Phase::Connecting { tries } if tries > 0);
            for dir in 0..2 {
                let (from, to) = (c.ends[dir].host, c.ends[1 - dir].host);
                if (connecting || c.streams[dir].lost()) && self.only_held(from, to) {
                    found.push((conn, (!connecting).then_some(dir as u8), from, to));
                }
            }
        }
        found
    }

    /// Tries at once what waits for its retransmission.
    pub fn retry_now(&mut self, s: &mut Sched, conn: ConnRef, dir: u8) {
        let now = s.now_us;
        let Some(c) = self.get(conn) else { return };
        let slow = c.streams[usize::from(dir)].slow();
        if slow.tries.is_some() {
            slow.retry_at_us = now;
            s.at(now, Ev::Retransmit { conn, dir });
        }
    }
}
