//! What clients make of what they hear: replies, redirections, errors, closed connections, and nothing at all.

use super::draw::Op;
use super::history::{Outcome, Seen, WriteId};
use super::load::{Await, Expiry, Load, LoadConn, Refresh, Stage, Timer};
use super::map::SlotMap;
use super::traffic::Way;
use crate::resp::Value;
use crate::sim::client::Io;
use crate::sim::net::Notice;
use std::collections::VecDeque;
use std::rc::Rc;

/// The longest error code that is told apart.
const CODE_LEN_MAX: usize = 32;
/// How many places MOVED may correct in a map before it is fetched anew anyway.
const MOVED_MAX: usize = 64;
/// The code of the error that answers AUTH with another password than the node's.
const WRONG: &str = "WRONGPASS";

/// The first word of an error.
fn code(error: &[u8]) -> &str {
    let end = error.iter().position(|&b| b == b' ').unwrap_or(error.len()).min(CODE_LEN_MAX);
    std::str::from_utf8(&error[..end]).unwrap_or("?")
}

/// Whether a reply is an error with this code.
fn is(reply: &Value, wanted: &str) -> bool {
    reply.as_error().is_some_and(|error| code(error) == wanted)
}

/// `MOVED 866 10.0.0.1:7001`: the slot and the address.
fn place(error: &[u8]) -> Option<(u16, &str)> {
    let mut words = std::str::from_utf8(error).ok()?.split(' ').skip(1);
    Some((words.next()?.parse().ok()?, words.next()?))
}

/// What a reply shows of the data.
fn seen(op: Op, reply: &Value) -> Seen {
    match (op, reply) {
        (_, Value::Null) => Seen::Nil,
        (_, Value::Integer(n)) => Seen::Integer(*n),
        (Op::GetCounter, Value::Bulk(bytes)) => {
            let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
            number.map_or(Seen::Value(None), Seen::Integer)
        }
        (Op::SetBoth, _) => Seen::Nothing,
        (_, Value::Bulk(bytes)) => Seen::Value(WriteId::of_value(bytes)),
        (Op::Mget | Op::GetBoth, Value::Array(both)) if both.len() == 2 => {
            Seen::Both(Box::new([seen(Op::Get, &both[0]), seen(Op::Get, &both[1])]))
        }
        _ => Seen::Nothing,
    }
}

impl Load {
    /// Something has happened on one of the connections.
    pub fn on_net(&mut self, io: &mut Io<'_>, conn: LoadConn, notice: Notice) {
        let Some(index) = self.conn(conn) else { return };
        match notice {
            Notice::Connected { .. } => {
                self.conns[index as usize].up = true;
                self.touch(index);
            }
            Notice::Data(bytes) => {
                self.conns[index as usize].decoder.feed(&bytes);
                // A reply may lead to the connection being given up.
                while self.conn(conn).is_some() {
                    match self.conns[index as usize].decoder.next() {
                        Ok(Some(reply)) => self.reply(io, index, &reply),
                        Ok(None) => break,
                        Err(_) => self.give_up(io, index, "protocol"),
                    }
                }
            }
            Notice::Closed(_) => self.lost(io, index, "closed"),
            Notice::Sent(_) | Notice::Accepted { .. } => {}
        }
        self.settle(io);
    }

    fn reply(&mut self, io: &mut Io<'_>, index: u32, reply: &Value) {
        let conn = &mut self.conns[index as usize];
        let wrong;
        let reply = if conn.wrong_password && is(reply, "NOAUTH") {
            // Who was refused with a password is told so, not that there was none.
            wrong = Value::Error(WRONG.into());
            &wrong
        } else {
            reply
        };
        if conn.subscribes() && conn.awaits.is_empty() {
            return self.heard(io, index, reply);
        }
        match conn.awaits.front().copied() {
            None => {}
            Some(Await::Nothing) => {
                conn.awaits.pop_front();
                // Like redis-cli, a client goes on after any answer to AUTH: a node without a password has an error for it, too.
                conn.wrong_password |= is(reply, WRONG);
            }
            Some(Await::Map) => {
                conn.awaits.pop_front();
                let (client, node) = (conn.client, conn.node);
                self.map_reply(io, client, node, reply);
            }
            Some(Await::Op(op)) => {
                let state = &mut self.ops[op as usize];
                state.replies_left = state.replies_left.saturating_sub(1);
                let over = state.replies_left == 0;
                self.op_reply(op, reply);
                if over {
                    self.conns[index as usize].awaits.pop_front();
                    self.complete(io, op);
                }
            }
        }
    }

    /// One of the replies to an operation's commands: ASKING's, those of a transaction, its own, WAIT's.
    fn op_reply(&mut self, index: u32, reply: &Value) {
        let waits = self.workload.wait.is_some() && self.ops[index as usize].op.writes_keys();
        let op = &mut self.ops[index as usize];
        if let Some(error) = reply.as_error() {
            // The first error says why; EXECABORT only follows from it.
            op.error.get_or_insert_with(|| error.to_vec());
            return;
        }
        let left = op.replies_left;
        if waits && left == 0 {
            op.replicas = reply.as_integer();
        } else if left == u32::from(waits) {
            op.seen = seen(op.op, reply);
        }
    }

    /// All replies to an operation are there.
    fn complete(&mut self, io: &mut Io<'_>, index: u32) {
        let op = &mut self.ops[index as usize];
        op.asking = false;
        op.conn = None;
        let (client, from) = (op.id.client, op.node.unwrap_or_default());
        let Some(error) = op.error.take() else {
            let seen = std::mem::replace(&mut op.seen, Seen::Nothing);
            return self.end_op(io, index, Outcome::Ok(seen));
        };
        let kind = code(&error);
        let to =
            place(&error).and_then(|(slot, at)| Some((slot, self.directory.number_of_address(at, from)?)));
        match (kind, to) {
            ("MOVED", Some((slot, node))) => {
                self.notes.note(from, Way::Moved, io.now_us());
                self.note_moved(io, client, slot, node);
                self.again_at(io, index, "MOVED", node, false);
            }
            ("ASK", Some((_, node))) => {
                self.notes.note(from, Way::Ask, io.now_us());
                self.again_at(io, index, "ASK", node, true);
            }
            ("TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY", _) => {
                if kind != "TRYAGAIN" {
                    self.refresh(io, client);
                }
                self.again_later(io, index, kind);
            }
            _ => self.end_op(io, index, Outcome::Error(kind.into())),
        }
    }

    fn note_moved(&mut self, io: &mut Io<'_>, client: u32, slot: u16, node: u16) {
        let moved = &mut self.clients[client as usize].moved;
        moved.retain(|(other, _)| *other != slot);
        if moved.len() >= MOVED_MAX {
            moved.remove(0);
        }
        moved.push((slot, node));
        self.refresh(io, client);
    }

    /// Whether an operation may be tried once more; if not, it ends.
    fn may_try(&mut self, io: &mut Io<'_>, index: u32, kind: &str) -> bool {
        let op = &mut self.ops[index as usize];
        op.tries += 1;
        if op.tries > self.workload.retries_max || self.stage != Stage::Running {
            self.end_op(io, index, Outcome::Error(kind.into()));
            return false;
        }
        self.meter.retried(kind);
        true
    }

    fn again_at(&mut self, io: &mut Io<'_>, index: u32, kind: &str, node: u16, asking: bool) {
        if self.may_try(io, index, kind) {
            let op = &mut self.ops[index as usize];
            (op.target, op.asking) = (Some(node), asking);
            self.dispatch(io, index);
        }
    }

    fn again_later(&mut self, io: &mut Io<'_>, index: u32, kind: &str) {
        if self.may_try(io, index, kind) {
            let op = &mut self.ops[index as usize];
            op.conn = None;
            op.stamp = op.stamp.wrapping_add(1);
            let (tries, stamp) = (op.tries, op.stamp);
            let at_us = io.now_us() + self.backoff_us(tries);
            self.at(at_us, Timer::Retry(index, stamp));
        }
    }

    /// Closes a connection that is of no more use.
    fn give_up(&mut self, io: &mut Io<'_>, index: u32, kind: &str) {
        io.net.close(io.s, self.conns[index as usize].reference, 0, false);
        self.lost(io, index, kind);
    }

    /// A connection is gone. A write that was sent over it may have been executed; everything else may be tried again.
    fn lost(&mut self, io: &mut Io<'_>, index: u32, kind: &str) {
        let conn = &self.conns[index as usize];
        let (client, was_up, subscribes) = (conn.client, conn.up, conn.subscribes());
        self.notes.note(conn.node, Way::Silent, io.now_us());
        let awaits: VecDeque<Await> = self.forget_conn(index);
        for what in awaits {
            match what {
                Await::Nothing => {}
                Await::Map => self.refresh_failed(io, client),
                Await::Op(op) if was_up && self.ops[op as usize].op.writes() => {
                    self.end_op(io, op, Outcome::Unknown(kind.into()));
                }
                Await::Op(op) => self.again_later(io, op, if was_up { kind } else { "unreachable" }),
            }
        }
        if subscribes {
            let at_us = io.now_us() + self.backoff_us(4);
            self.at(at_us, Timer::Subscribe(client));
        }
        if self.stage == Stage::Running {
            self.refresh(io, client);
        }
    }

    /// The time of a step has passed; most often the step is long over.
    pub(super) fn expired(&mut self, io: &mut Io<'_>, expiry: Expiry) {
        match expiry {
            Expiry::Op(index, stamp) => {
                let op = &self.ops[index as usize];
                if !op.used || op.stamp != stamp {
                    return;
                }
                match op.conn {
                    Some(conn) => {
                        if self.conns[conn as usize].up && !self.ops[index as usize].op.writes() {
                            self.conns[conn as usize].awaits.retain(|other| *other != Await::Op(index));
                            self.end_op(io, index, Outcome::Error("timeout".into()));
                        }
                        self.give_up(io, conn, "timeout");
                    }
                    // It waits for a map.
                    None => self.end_without_map(io, index),
                }
            }
            Expiry::Map(client, stamp) => {
                let state = &self.clients[client as usize];
                if state.refresh != Refresh::Asking || state.stamp != stamp {
                    return;
                }
                let asked = state.conns.iter().map(|(_, conn)| *conn);
                let asked = asked.into_iter().find(|&c| self.conns[c as usize].awaits.contains(&Await::Map));
                match asked {
                    Some(conn) => self.give_up(io, conn, "timeout"),
                    None => self.refresh_failed(io, client),
                }
            }
        }
    }

    fn map_reply(&mut self, io: &mut Io<'_>, client: u32, from: u16, reply: &Value) {
        if let Some(error) = reply.as_error() {
            return match code(error) {
                why @ ("NOAUTH" | WRONG) => self.refused(io, client, why.into()),
                _ if error.ends_with(b"cluster support disabled") => self.ask(io, client, from, &[b"ROLE"]),
                _ => self.refresh_failed(io, client),
            };
        }
        let replicas = self.workload.read_from_replicas;
        let map = SlotMap::read(reply, from, &mut self.directory)
            .or_else(|| SlotMap::of_role(reply, from, replicas, &mut self.directory, io.net));
        let Some(map) = map else { return self.refresh_failed(io, client) };
        if let Some(&master) = map.nodes_of(0).first().filter(|&&first| map.plain && first != from) {
            if !self.ask_master(io, client, master) {
                self.refresh_failed(io, client);
            }
            return;
        }
        self.meter.map_refreshes += 1;
        // Most clients have the same one: they share it.
        let same =
            self.clients.iter().take(8).find(|other| *other.map == map).map(|other| Rc::clone(&other.map));
        let state = &mut self.clients[client as usize];
        state.map = same.unwrap_or_else(|| Rc::new(map));
        state.moved.clear();
        state.refresh = Refresh::Idle;
        state.refreshed_us = io.now_us();
        state.attempts = 0;
        state.refused = None;
        for op in std::mem::take(&mut state.parked) {
            self.dispatch(io, op);
        }
    }

    /// A node does not let a client in. What waits for a map ends with what the node says; what comes next makes the client ask another.
    fn refused(&mut self, io: &mut Io<'_>, client: u32, why: Rc<str>) {
        let state = &mut self.clients[client as usize];
        state.attempts = state.attempts.saturating_add(1);
        state.refresh = Refresh::Idle;
        state.refreshed_us = io.now_us();
        state.refused = Some(why);
        for op in std::mem::take(&mut state.parked) {
            self.end_without_map(io, op);
        }
    }

    fn refresh_failed(&mut self, io: &mut Io<'_>, client: u32) {
        let state = &mut self.clients[client as usize];
        state.refused = None;
        state.attempts = state.attempts.saturating_add(1);
        state.refresh = Refresh::Waiting;
        let attempts = state.attempts;
        let at_us = io.now_us() + self.backoff_us(attempts);
        self.at(at_us, Timer::Refresh(client));
    }

    /// A subscriber's connection says something.
    fn heard(&mut self, io: &mut Io<'_>, index: u32, reply: &Value) {
        let (client, node) = (self.conns[index as usize].client, self.conns[index as usize].node);
        if let Some(error) = reply.as_error() {
            if let Some((slot, at)) = place(error).filter(|_| code(error) == "MOVED")
                && let Some(node) = self.directory.number_of_address(at, node)
            {
                self.note_moved(io, client, slot, node);
            }
            self.meter.retried(code(error));
            return self.give_up(io, index, "refused");
        }
        match reply.as_array().and_then(|words| words.first()?.as_bytes()) {
            Some(b"message" | b"smessage") => self.meter.messages += 1,
            // The slot of the channel is served elsewhere now.
            Some(b"sunsubscribe") => self.give_up(io, index, "moved"),
            _ => {}
        }
    }
}
