//! A node's turn in the world: what comes for a node is handed to it or waits, its outputs are taken, and they are carried out once
//! the time that the turn took has passed.
//!
//! A turn is what an event loop does with all that is there. The work takes time ([`crate::cost`]): the processor is busy until then, the
//! outputs (but for log lines and observations) leave when it is done, and what comes meanwhile waits and makes the next turn, all of it
//! together. A process that is killed in between has done nothing of what the turn would have done.

use crate::cost::CpuSpeed;
use crate::host::{ConnId, DiskRequest, Input, OpId, Output};
use crate::sim::client::ClientEvent;
use crate::sim::disk;
use crate::sim::net::{Mail, Notice, Owner};
use crate::sim::process::PENDING_LEN_MAX;
use crate::sim::queue::Ev;
use crate::sim::trace::{Life, Tag, TraceKind};
use crate::sim::world::World;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// How many bytes a process reads from one connection in one turn (`PROTO_IOBUF_LEN`, server.h 7.0.15).
const READ_LEN_MAX: usize = 16 << 10;

impl World {
    /// Hands out what the network has for nodes and clients. What comes for one node at once shares a turn.
    pub(crate) fn deliver_mail(&mut self) {
        let mut turn = None;
        while let Some(Mail { host, owner, notice, cause }) = self.net.mail.pop_front() {
            if turn.is_some_and(|node| node != host) {
                self.run_turn(turn.take().unwrap_or_default());
            }
            self.s.trace.cause = cause;
            match owner {
                Owner::Node(conn) => {
                    let input = match notice {
                        Notice::Accepted { listener, peer, local } => {
                            Input::Accepted { conn, listener, peer, local }
                        }
                        Notice::Connected { local } => Input::Connected { conn, local },
                        Notice::Data(bytes) => Input::Received { conn, bytes },
                        Notice::Sent(bytes) => Input::Sent { conn, bytes },
                        Notice::Closed(error) => Input::Closed { conn, error },
                    };
                    self.feed(host, input);
                    turn = Some(host);
                }
                Owner::Client(client) => match notice {
                    Notice::Data(bytes) if self.watch.on() => {
                        let conn = self.clients.get(client as usize).and_then(|client| client.link.conn);
                        self.watch_reply(conn, bytes.len());
                        self.client_event(client, ClientEvent::Data(bytes));
                    }
                    Notice::Connected { .. } => self.client_event(client, ClientEvent::Connected),
                    Notice::Data(bytes) => self.client_event(client, ClientEvent::Data(bytes)),
                    Notice::Closed(error) => self.client_event(client, ClientEvent::Closed(error)),
                    Notice::Accepted { .. } | Notice::Sent(_) => {}
                },
                Owner::Load { client, conn } => self.load_event(client, conn, notice),
                Owner::Kernel => {}
            }
        }
        if let Some(node) = turn {
            self.run_turn(node);
        }
    }

    /// Hands an input to a node, or keeps it while the process is stopped, at work or waiting for its disk.
    pub(crate) fn feed(&mut self, index: u32, input: Input) {
        let now_us = self.s.now_us;
        let process = &mut self.procs[index as usize];
        if let Input::Closed { conn, .. } = &input {
            process.unwanted.remove(conn);
        }
        match process.life {
            // The size of a buffer in the kernel: no work for the process.
            Life::Running if matches!(input, Input::Sent { .. }) => self.hand(index, input),
            Life::Running if process.busy(now_us) => {
                self.keep(index, input);
                self.plan_free(index);
            }
            Life::Running if process.waits_for(&input) => self.hand(index, input),
            Life::Running if process.stalled() => self.keep(index, input),
            Life::Running if !process.pending.is_empty() => {
                self.keep(index, input);
                self.plan_free(index);
            }
            Life::Running => self.hand(index, input),
            Life::Paused => self.keep(index, input),
            _ => {}
        }
    }

    fn hand(&mut self, index: u32, input: Input) {
        let process = &mut self.procs[index as usize];
        let now = process.clock.now(self.s.now_us);
        let speed =
            CpuSpeed { slow_factor: process.cpu_slow_factor, clock_rate_ppm: process.clock.rate_ppm() };
        if let Some(node) = &mut process.node {
            let node = Rc::make_mut(node);
            node.set_cpu_speed(speed);
            node.handle(now, input);
            if self.s.trace.capacity() > 0 {
                process.turn_causes.push((node.outputs_waiting(), self.s.trace.cause));
            }
        }
    }

    fn keep(&mut self, index: u32, input: Input) {
        let process = &mut self.procs[index as usize];
        if let Input::Received { conn, bytes } = &input {
            process.pending_len += bytes.len();
            if process.pending_len > PENDING_LEN_MAX && !process.unread.contains(conn) {
                process.unread.push(*conn);
                if let Some((reference, side)) = self.net.lookup(index, *conn) {
                    self.net.set_reading(&mut self.s, reference, side, false);
                }
            }
        }
        process.pending.push_back((input, self.s.trace.cause));
    }

    /// Sees to it that the outputs of the turn under way are carried out and that what waits is looked at.
    pub(super) fn plan_free(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        let at = process.busy_until_us.max(self.s.now_us);
        if process.free_at_us.is_none_or(|set| set > at) {
            process.free_at_us = Some(at);
            self.s.at(at, Ev::Free { node: index });
        }
    }

    /// The end of a turn: its outputs are carried out, and what came meanwhile makes the next one.
    pub(crate) fn free(&mut self, index: u32) -> bool {
        let now_us = self.s.now_us;
        let process = &mut self.procs[index as usize];
        if process.free_at_us != Some(now_us) {
            return false;
        }
        process.free_at_us = None;
        if process.life != Life::Running {
            return false;
        }
        if process.busy_until_us > now_us {
            self.plan_free(index);
            return false;
        }
        let held = std::mem::take(&mut process.held);
        self.s.trace.cause = process.held_cause;
        self.carry_out_turn(index, held);
        self.take_pending(index);
        true
    }

    /// Begins a turn with what has waited. While the node waits for its disk, only that may tell it something.
    fn take_pending(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        if process.life != Life::Running {
            return;
        }
        // One pass of the event loop reads so much from each connection; only a lot of input needs the account.
        let mut read: Option<BTreeMap<ConnId, usize>> =
            (process.pending_len > READ_LEN_MAX).then(BTreeMap::new);
        process.pending_len = 0;
        let mut still: VecDeque<(Input, u64)> = VecDeque::new();
        let mut stalled = process.stalled();
        for (input, cause) in std::mem::take(&mut process.pending) {
            let mut waits = stalled && !self.procs[index as usize].waits_for(&input);
            if let (Some(read), Input::Received { conn, .. } | Input::Closed { conn, .. }) =
                (&mut read, &input)
            {
                let len = if let Input::Received { bytes, .. } = &input { bytes.len() } else { 0 };
                let so_far = read.entry(*conn).or_default();
                waits |= *so_far > 0 && *so_far + len > READ_LEN_MAX;
                *so_far += if waits { READ_LEN_MAX + 1 } else { len };
            }
            if waits {
                if let Input::Received { bytes, .. } = &input {
                    self.procs[index as usize].pending_len += bytes.len();
                }
                still.push_back((input, cause));
                continue;
            }
            self.s.trace.cause = cause;
            self.hand(index, input);
            // Whoever begins to wait for the disk here is told nothing more, not even once the disk has answered: what came before
            // comes first.
            stalled |= self.procs[index as usize].stalled();
        }
        let process = &mut self.procs[index as usize];
        process.pending = still;
        if process.pending.is_empty() {
            for conn in std::mem::take(&mut process.unread) {
                if !self.procs[index as usize].unwanted.contains_key(&conn)
                    && let Some((reference, side)) = self.net.lookup(index, conn)
                {
                    self.net.set_reading(&mut self.s, reference, side, true);
                }
            }
        }
        self.run_turn(index);
    }

    /// Takes a node's outputs until there are none, and carries them out once the time of the turn has passed.
    pub(crate) fn run_turn(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        if process.life != Life::Running {
            return;
        }
        if process.busy(self.s.now_us) {
            return self.set_timer(index);
        }
        let Some(mut shared) = process.node.take() else { return };
        let node = Rc::make_mut(&mut shared);
        let now = process.clock.now(self.s.now_us);
        let mut outputs = Vec::new();
        let mut causes = std::mem::take(&mut process.turn_causes).into_iter().peekable();
        let mut taken = 0;
        let cause = self.s.trace.cause;
        while let Some(output) = node.poll_output(now) {
            // Inputs that share a turn each have what they gave; what the end of the turn gives is the last one's.
            while causes.next_if(|&(until, _)| until <= taken).is_some() {}
            self.s.trace.cause = causes.peek().map_or(cause, |&(_, cause)| cause);
            taken += 1;
            match output {
                Output::Log { level, text } => self.log(index, level, text),
                Output::Event(event) if event.is_observation() => self.watch_change(index, node, &event),
                Output::Event(event) => {
                    if self.watch.on() {
                        self.watch_event(index, node, &event);
                    }
                    self.know_id(index, node);
                    self.node_event(index, event);
                }
                output => {
                    if self.watch.on() {
                        match &output {
                            Output::Disk { op, request } => self.watch_disk(index, node, *op, request),
                            Output::Send { conn, .. } => self.watch_answer(index, *conn),
                            _ => {}
                        }
                    }
                    let last = matches!(output, Output::Exit { .. });
                    outputs.push(output);
                    if last {
                        break;
                    }
                }
            }
        }
        if self.watch.on() {
            self.watch_turn(index, node);
        }
        self.s.trace.cause = cause;
        let took_us = node.take_cpu_us();
        let process = &mut self.procs[index as usize];
        process.node = Some(shared);
        if took_us == 0 {
            self.carry_out_turn(index, outputs);
        } else {
            process.busy_until_us = self.s.now_us + took_us;
            if !outputs.is_empty() {
                (process.held, process.held_cause) = (outputs, cause);
                self.plan_free(index);
            }
            self.set_timer(index);
        }
        let process = &self.procs[index as usize];
        if process.life == Life::Running && !process.pending.is_empty() && !process.stalled() {
            self.plan_free(index);
        }
    }

    fn carry_out_turn(&mut self, index: u32, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { conn, bytes } => {
                    if let Some((reference, side)) = self.net.lookup(index, conn) {
                        if self.watch.on() {
                            self.watch_send(index, reference, side, &bytes);
                        }
                        let taken = self.net.send(&mut self.s, reference, side, bytes);
                        if taken > 0 {
                            self.hand(index, Input::Sent { conn, bytes: taken });
                        }
                    }
                }
                Output::Connect { conn, host, port } => {
                    self.net.connect(&mut self.s, index, Owner::Node(conn), &host, port);
                }
                Output::Close { conn, flush } => {
                    self.procs[index as usize].unwanted.remove(&conn);
                    if let Some((reference, side)) = self.net.lookup(index, conn) {
                        self.net.close(&mut self.s, reference, side, flush);
                    }
                }
                Output::Reading { conn, wanted } => {
                    let process = &mut self.procs[index as usize];
                    let unread = process.unread.contains(&conn);
                    if wanted {
                        process.unwanted.remove(&conn);
                    } else {
                        process.unwanted.insert(conn, ());
                    }
                    if let Some((reference, side)) = self.net.lookup(index, conn).filter(|_| !unread) {
                        self.net.set_reading(&mut self.s, reference, side, wanted);
                    }
                }
                Output::Disk { op, request } => self.submit_disk(index, op, request),
                Output::Log { level, text } => self.log(index, level, text),
                Output::Event(event) => self.node_event(index, event),
                Output::Exit { code } => return self.end_process(index, Life::Exited { code }),
            }
        }
        self.set_timer(index);
    }

    fn submit_disk(&mut self, index: u32, op: OpId, request: DiskRequest) {
        let now = self.s.now_us;
        let name = disk::op_name(&request);
        let bytes = disk::op_bytes(&request);
        let (path, to) = disk::op_paths(&request);
        self.s.trace.fold(Tag::Disk, now, u64::from(index), op.0);
        self.s.trace.fold_bytes(name.as_bytes());
        self.s.trace.fold_bytes(path.as_bytes());
        if let Some(to) = to {
            self.s.trace.fold_bytes(to.as_bytes());
        }
        self.s.trace.fold_bytes(bytes);
        let (path, len) = (path.clone(), bytes.len());
        let record =
            self.s.trace.note(now, || TraceKind::Disk { node: index, op: name, path: path.to_string(), len });
        let process = &mut self.procs[index as usize];
        let (number, done_us) =
            process.disk.submit(&mut self.s.rng, now, process.starts, op, record, request);
        self.s.at(done_us, Ev::Disk { node: index, op: number });
    }

    pub(super) fn disk_done(&mut self, index: u32, op: u32) {
        let now = self.s.now_us;
        let process = &mut self.procs[index as usize];
        let Some(done) = process.disk.complete(op) else { return };
        if let Some(at) = process.disk.plan_writeback(now) {
            self.s.at(at, Ev::Writeback { node: index });
        }
        let error = done.result.as_ref().err().copied();
        if self.watch.on() {
            self.watch_disk_done(index, &done);
        }
        self.s.trace.fold(Tag::DiskDone, now, u64::from(index), done.id.0 << 1 | u64::from(error.is_some()));
        let (name, path) = (done.op, done.path);
        self.s.trace.cause = self.s.trace.note_because(now, done.record, || TraceKind::DiskDone {
            node: index,
            op: name,
            path: path.to_string(),
            error,
        });
        self.collect_changes(index);
        self.end_spent_faults(index);
        let process = &self.procs[index as usize];
        if done.process == process.starts && process.life.has_process() {
            self.feed(index, Input::Disk { op: done.id, result: done.result });
            self.run_turn(index);
        }
    }

    pub(super) fn write_back(&mut self, index: u32) -> bool {
        let now = self.s.now_us;
        if self.procs[index as usize].disk.writeback_at_us != Some(now) {
            return false;
        }
        self.sync_disk(index);
        if let Some(at) = self.procs[index as usize].disk.plan_writeback(now) {
            self.s.at(at, Ev::Writeback { node: index });
        }
        self.s.trace.fold(Tag::Writeback, now, u64::from(index), 0);
        true
    }

    pub(crate) fn wake(&mut self, index: u32) -> bool {
        let now_us = self.s.now_us;
        let process = &mut self.procs[index as usize];
        if process.wake_at_us != Some(now_us) {
            return false;
        }
        process.wake_at_us = None;
        if process.life != Life::Running {
            return false;
        }
        let due = process.node.as_ref().and_then(|node| node.poll_timeout());
        let due = due.and_then(|mono| process.clock.virtual_us(mono));
        if process.busy(now_us) || due.is_none_or(|due| due > now_us) {
            self.set_timer(index);
            return false;
        }
        self.hand(index, Input::Wake);
        self.s.trace.fold(Tag::Wake, now_us, u64::from(index), 0);
        self.run_turn(index);
        true
    }

    /// Puts a node's timer into the queue, unless an earlier one is there: that one will look again.
    pub(crate) fn set_timer(&mut self, index: u32) {
        let process = &mut self.procs[index as usize];
        let due = process.node.as_ref().and_then(|n| n.poll_timeout());
        let Some(at) = due.and_then(|mono| process.clock.virtual_us(mono)) else { return };
        // A node that always wants another turn at once does not stop the world.
        let at = at.max(self.s.now_us + 1).max(process.busy_until_us);
        if process.wake_at_us.is_none_or(|set| set > at) {
            process.wake_at_us = Some(at);
            self.s.at(at, Ev::Wake { node: index });
        }
    }
}
