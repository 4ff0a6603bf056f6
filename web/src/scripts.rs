//! Commands from scripts and from the inspector: each runs on a connection of its own, one after the other, and gives its
//! reply as data. Without a node it goes to the cluster and follows MOVED and ASK, as a cluster client does.

use crate::protocol::Reply;
use litemap::LiteMap;
use std::collections::VecDeque;
use vitrine_core::resp::{Value, encode_command};
use vitrine_core::sim::fault::Action;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::world::World;
use vitrine_core::store::float::of_decimal;

/// No answer after this is said to be none, in virtual microseconds; commands that wait by design have no such limit.
const ANSWER_TIMEOUT_US: u64 = 5_000_000;
/// In a cluster the next node is asked when one does not answer a PING within this, in virtual microseconds.
const PING_TIMEOUT_US: u64 = 1_000_000;
/// As many redirections as a client follows.
const REDIRECTS_MAX: u32 = 16;

/// Commands that may wait by design.
const WAITERS: [&str; 11] = [
    "BLPOP",
    "BRPOP",
    "BLMOVE",
    "BLMPOP",
    "BZPOPMIN",
    "BZPOPMAX",
    "BZMPOP",
    "BRPOPLPUSH",
    "WAIT",
    "XREAD",
    "XREADGROUP",
];

struct Running {
    id: u32,
    args: Vec<Vec<u8>>,
    /// When the node that is asked now was asked.
    asked_us: u64,
    redirects: u32,
    /// Nodes that did not answer the PING before the command.
    unreached: usize,
    /// Replies that come before the command's own (ASKING's).
    skip: u32,
    /// A PING is on its way: the command itself is sent only to a node that answers, so that none runs twice.
    checking: bool,
    asking: bool,
}

struct Script {
    client: u32,
    /// The node that it is connected to.
    node: Option<String>,
    /// Whether it follows redirections.
    cluster: bool,
    queue: VecDeque<(u32, Vec<Vec<u8>>)>,
    running: Option<Running>,
    /// Between MULTI and EXEC nothing may be sent that the script did not ask for.
    in_multi: bool,
}

/// All connections of scripts.
#[derive(Default)]
pub struct Scripts {
    by_target: LiteMap<Option<String>, Script>,
    travels: u32,
}

/// An answer to the command with this id.
pub type Answered = (u32, Result<Reply, String>);

impl Scripts {
    /// Runs a command on a node, or cluster-wide. It waits for those before it on the same connection.
    ///
    /// # Errors
    /// There is no such node, or the world takes no more clients.
    pub fn run(
        &mut self,
        time: &mut Timeline,
        id: u32,
        node: Option<String>,
        args: Vec<Vec<u8>>,
    ) -> Result<(), String> {
        if let Some(name) = &node
            && time.world().node_index(name).is_none()
        {
            return Err(format!("There is no node {name}."));
        }
        if args.is_empty() {
            return Err("The command is empty.".into());
        }
        if !self.by_target.contains_key(&node) {
            let mut name = node.as_ref().map_or("script".to_owned(), |n| format!("script-{n}"));
            if self.travels > 0 {
                // The past may have a client of that name already.
                name = format!("{name}-{}", self.travels);
            }
            let made = time.act(Action::AddClient { name })?;
            let client = made.ok_or("No client was made.")?;
            let script = Script {
                client,
                node: None,
                cluster: node.is_none(),
                queue: VecDeque::new(),
                running: None,
                in_multi: false,
            };
            self.by_target.insert(node.clone(), script);
        }
        let Some(script) = self.by_target.get_mut(&node) else { return Ok(()) };
        script.queue.push_back((id, args));
        script.begin(time, node.as_deref());
        Ok(())
    }

    /// The world is at another place of a run, where none of these connections is known: commands that wait get this answer.
    pub fn forget(&mut self, why: &str, out: &mut Vec<Answered>) {
        self.travels += 1;
        for (_, script) in std::mem::take(&mut self.by_target) {
            let waiting =
                script.running.map(|r| r.id).into_iter().chain(script.queue.into_iter().map(|q| q.0));
            out.extend(waiting.map(|id| (id, Err(why.to_owned()))));
        }
    }

    /// Whether any command waits for its answer.
    pub fn busy(&self) -> bool {
        self.by_target.values().any(|s| s.running.is_some())
    }

    /// Looks what came in, and goes on.
    pub fn poll(&mut self, time: &mut Timeline, out: &mut Vec<Answered>) {
        for (target, script) in &mut self.by_target {
            let before = out.len();
            script.poll(time, out);
            if out.len() > before {
                script.begin(time, target.as_deref());
            }
        }
    }
}

impl Script {
    fn begin(&mut self, time: &mut Timeline, target: Option<&str>) {
        if self.running.is_some() {
            return;
        }
        let Some((id, args)) = self.queue.pop_front() else { return };
        self.running = Some(Running {
            id,
            args,
            asked_us: time.world().now_us(),
            redirects: 0,
            unreached: 0,
            skip: 0,
            checking: false,
            asking: false,
        });
        let node = match (target, &self.node) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(node)) => Some(node.clone()),
            (None, None) => time.world().setup().nodes.first().map(|n| n.name.clone()),
        };
        if let Some(node) = node {
            self.send_to(time, &node, false);
        }
    }

    /// Begins to send the running command to a node, over the connection that stands or a new one: first a PING, since a
    /// host without power says nothing about the connections that it had.
    fn send_to(&mut self, time: &mut Timeline, node: &str, asking: bool) {
        let Some(running) = &mut self.running else { return };
        let stands = self.node.as_deref() == Some(node) && time.world().client_ended(self.client).is_none();
        if !stands {
            let _ = time.act(Action::Connect { client: self.client, node: node.to_owned() });
            time.take_replies(self.client);
            self.node = Some(node.to_owned());
            self.in_multi = false;
        }
        (running.asked_us, running.asking) = (time.world().now_us(), asking);
        if self.in_multi {
            self.send(time);
            return;
        }
        running.checking = true;
        let mut bytes = Vec::new();
        encode_command(&mut bytes, &["PING"]);
        let _ = time.act(Action::Send { client: self.client, bytes });
    }

    /// Sends the command itself.
    fn send(&mut self, time: &mut Timeline) {
        let Some(running) = &mut self.running else { return };
        running.checking = false;
        running.asked_us = time.world().now_us();
        let mut bytes = Vec::new();
        running.skip = u32::from(running.asking);
        if running.asking {
            encode_command(&mut bytes, &["ASKING"]);
        }
        encode_command(&mut bytes, &running.args);
        let is = |name: &str| running.args[0].eq_ignore_ascii_case(name.as_bytes());
        if is("MULTI") {
            self.in_multi = true;
        } else if is("EXEC") || is("DISCARD") {
            self.in_multi = false;
        }
        let _ = time.act(Action::Send { client: self.client, bytes });
    }

    fn poll(&mut self, time: &mut Timeline, out: &mut Vec<Answered>) {
        let mut replies = time.take_replies(self.client).into_iter();
        let Some(running) = &mut self.running else { return };
        if running.checking {
            match replies.next() {
                // A node that reads its files serves nobody; a cluster has others.
                Some(value)
                    if !(self.cluster && value.as_error().is_some_and(|e| e.starts_with(b"LOADING"))) =>
                {
                    self.send(time);
                }
                Some(_) => self.give_up(time, "is loading its files".into(), out),
                None => self.look_after(time, out),
            }
            return;
        }
        for value in replies {
            if running.skip > 0 {
                running.skip -= 1;
                continue;
            }
            let redirect = value.as_error().and_then(redirection).filter(|_| self.cluster);
            if let Some((asking, addr)) = redirect
                && running.redirects < REDIRECTS_MAX
                && let Some(node) = node_at(time.world(), &addr)
            {
                running.redirects += 1;
                self.send_to(time, &node, asking);
                return;
            }
            out.push((running.id, Ok(reply(value))));
            self.running = None;
            return;
        }
        self.look_after(time, out);
    }

    /// No reply yet: is the connection still there, and is there still time?
    fn look_after(&mut self, time: &mut Timeline, out: &mut Vec<Answered>) {
        let Some(running) = &self.running else { return };
        let waited = time.world().now_us().saturating_sub(running.asked_us);
        let waits = std::str::from_utf8(&running.args[0])
            .is_ok_and(|name| WAITERS.iter().any(|w| w.eq_ignore_ascii_case(name)));
        let limit = if running.checking && self.cluster { PING_TIMEOUT_US } else { ANSWER_TIMEOUT_US };
        if let Some(error) = time.world().client_ended(self.client) {
            self.give_up(time, format!("ended the connection: {}", error.strerror()), out);
        } else if waited > limit && (running.checking || !waits) {
            self.give_up(time, format!("did not answer within {} s", limit / 1_000_000), out);
        }
    }

    /// The node that is asked cannot serve: tries the next one while nothing but a PING was sent, else says so.
    fn give_up(&mut self, time: &mut Timeline, why: String, out: &mut Vec<Answered>) {
        let Some(running) = &mut self.running else { return };
        let at = self.node.take().unwrap_or_default();
        let nodes = &time.world().setup().nodes;
        running.unreached += 1;
        let next = match self.cluster {
            true if running.unreached < nodes.len() => {
                let here = nodes.iter().position(|n| n.name == at).unwrap_or(0);
                Some(nodes[(here + 1) % nodes.len()].name.clone())
            }
            // An old connection may have ended while nobody looked: one new one is worth a try.
            false if running.unreached < 2 => Some(at.clone()),
            _ => None,
        };
        match next.filter(|_| running.checking) {
            Some(next) => self.send_to(time, &next, false),
            None => {
                out.push((running.id, Err(format!("{at} {why}."))));
                self.running = None;
            }
        }
    }
}

/// `MOVED 5798 10.0.0.2:7002` or `ASK …`: whether it is the latter, and the address.
fn redirection(error: &[u8]) -> Option<(bool, String)> {
    let text = std::str::from_utf8(error).ok()?;
    let mut words = text.split(' ');
    let asking = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    Some((asking, words.nth(1)?.to_owned()))
}

fn node_at(world: &World, addr: &str) -> Option<String> {
    world.node_entries().iter().find(|n| format!("{}:{}", n.ip, n.port) == addr).map(|n| n.name.clone())
}

/// A reply as the page has it.
pub fn reply(value: Value) -> Reply {
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    let list = |v: Vec<Value>| Reply::List(v.into_iter().map(reply).collect());
    match value {
        Value::Status(s) => Reply::Status(text(s)),
        Value::Error(e) => Reply::Error(text(e)),
        Value::Integer(n) => Reply::Integer(n),
        Value::Bulk(b) | Value::Verbatim(_, b) => Reply::Bytes(b.into()),
        Value::Null => Reply::Null,
        Value::Array(v) | Value::Set(v) | Value::Push(v) => list(v),
        Value::Map(pairs) => Reply::Map(pairs.into_iter().map(|(k, v)| (reply(k), reply(v))).collect()),
        Value::Double(digits) => Reply::Double(of_decimal(&text(digits)).unwrap_or(f64::NAN)),
        Value::Boolean(b) => Reply::Bool(b),
        Value::BigNumber(digits) => Reply::Bytes(digits.into()),
        Value::Attribute(_, inner) => reply(*inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_read() {
        assert_eq!(redirection(b"MOVED 5798 10.0.0.2:7002"), Some((false, "10.0.0.2:7002".into())));
        assert_eq!(redirection(b"ASK 1 h:1"), Some((true, "h:1".into())));
        assert_eq!(redirection(b"ERR no"), None);
        assert_eq!(redirection(b"MOVED"), None);
    }
}
