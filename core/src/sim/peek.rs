//! Looking into a node without touching the run: commands on a copy of it that is thrown away afterwards.
//!
//! Whoever shows a run wants to ask a node what a client would ask (the type of a key, a slow log, a configuration), but a client
//! is part of the run: its commands cost time, touch access clocks and count in INFO. A copy shares its memory with the
//! node ([`crate::node::Node`] is a clone by chunks), is asked at the present instant, and leaves nothing behind.

use super::world::World;
use crate::host::{ConnId, DiskError, DiskReply, DiskRequest, Input, Listener, Output};
use crate::resp::{Decoder, Value, encode_command};

/// No connection of a world has this number: hosts count up from 1.
const CONN: ConnId = ConnId(ConnId::OUTGOING - 1);
/// How many turns a copy gets to answer.
const TURNS_MAX: usize = 64;

impl World {
    /// What the commands of `lines`, each given by its arguments, would reply on a node at this instant, one after the other on one
    /// connection that is allowed everything. Nothing of the run changes; a paused process answers too, for its memory is there.
    ///
    /// # Errors
    /// There is no such node, its process does not run, it waits for its disk, or a command would have to wait for something.
    pub fn peek<A: AsRef<[u8]>>(&self, name: &str, lines: &[Vec<A>]) -> Result<Vec<Value>, String> {
        let index = self.node_index(name).ok_or_else(|| format!("There is no node {name}."))? as usize;
        let process = &self.procs[index];
        let shared = process.node.as_ref().ok_or_else(|| format!("{name} does not run."))?;
        if shared.is_stalled() {
            return Err(format!("{name} waits for its disk."));
        }
        let mut node = (**shared).clone();
        let now = process.clock.now(self.now_us());
        let peer = format!("{}:0", process.ip);
        let local = format!("{}:{}", process.ip, process.port);
        let mut bytes = Vec::new();
        let mut expected = lines.len();
        if let Some(password) = &node.config().requirepass {
            encode_command(&mut bytes, &[b"AUTH".as_slice(), password.as_slice()]);
            expected += 1;
        }
        for line in lines {
            encode_command(&mut bytes, line);
        }
        node.handle(now, Input::Accepted { conn: CONN, listener: Listener::Client, peer, local });
        node.handle(now, Input::Received { conn: CONN, bytes });
        let mut decoder = Decoder::new();
        let mut values = Vec::with_capacity(expected);
        for _ in 0..TURNS_MAX {
            let mut answers = Vec::new();
            while let Some(output) = node.poll_output(now) {
                match output {
                    Output::Send { conn, bytes } if conn == CONN => decoder.feed(&bytes),
                    Output::Disk { op, request } => {
                        answers.push(Input::Disk { op, result: pretend(request) })
                    }
                    _ => {}
                }
            }
            while let Some(value) = decoder.next().map_err(|e| format!("{name} sent no reply: {e:?}"))? {
                values.push(value);
            }
            if values.len() >= expected {
                return Ok(values.split_off(expected - lines.len()));
            }
            if answers.is_empty() {
                break;
            }
            answers.into_iter().for_each(|answer| node.handle(now, answer));
        }
        Err(format!("{name} would have to wait for that."))
    }
}

/// A disk that takes everything and has nothing: what a copy writes goes nowhere.
fn pretend(request: DiskRequest) -> Result<DiskReply, DiskError> {
    match request {
        DiskRequest::Append { bytes, .. } => Ok(DiskReply::Written(bytes.len() as u64)),
        DiskRequest::Read { .. } | DiskRequest::Stat { .. } => Err(DiskError::NotFound),
        DiskRequest::List { .. } => Ok(DiskReply::Names(Vec::new())),
        _ => Ok(DiskReply::Done),
    }
}
