//! nodes.conf: the lines of CLUSTER NODES and the two epochs (`clusterLoadConfig`, `clusterSaveConfig`, cluster.c 7.0.15).
//!
//! The file is the node's memory of what it promised: its name, its epochs, its last vote. A file that cannot be read in
//! full therefore stops the start; guessing could make a node vote twice.

use super::info::{into_text, push_number};
use super::node::{ClusterNode, IpText, Name, NodeIdx, flag};
use super::slots::SLOTS;
use super::{BUS_PORT_OFFSET, Cluster, Cx};
use crate::host::LogLevel;
use crate::planted::Bug;

/// The file cannot be used; the log says why, and the process exits with code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError;

/// The leading digits of a text as a number, as C's atoi reads them.
fn atoi(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    sign * digits[..end].parse::<i64>().unwrap_or(0)
}

fn slot_of(text: &str) -> Option<u16> {
    u16::try_from(atoi(text)).ok().filter(|&slot| usize::from(slot) < SLOTS)
}

impl Cluster {
    /// The content of the file.
    pub fn nodes_conf(&self) -> String {
        let mut out = Vec::new();
        self.write_nodes(flag::HANDSHAKE, &mut out);
        for (what, epoch) in
            [("vars currentEpoch ", self.current_epoch), (" lastVoteEpoch ", self.last_vote_epoch)]
        {
            out.extend_from_slice(what.as_bytes());
            push_number(&mut out, epoch);
        }
        out.push(b'\n');
        into_text(out)
    }

    pub(super) fn load(cx: &mut Cx<'_>, text: &[u8]) -> Result<Cluster, LoadError> {
        let loaded = Loader::new(cx.now_ms()).load(cx, text);
        let Some(mut cluster) = loaded else {
            cx.log(LogLevel::Warning, format_args!("Unrecoverable error: corrupted cluster config file."));
            return Err(LoadError);
        };
        cx.log(LogLevel::Notice, format_args!("Node configuration loaded, I'm {}", cluster.myself().name));
        // Never so in a file that Redis wrote; a protection against editing by hand.
        cluster.current_epoch = cluster.max_epoch();
        Ok(cluster)
    }
}

struct Loader {
    cluster: Cluster,
    myself: Option<NodeIdx>,
    now_ms: i64,
}

impl Loader {
    fn new(now_ms: i64) -> Loader {
        // A place holder stands for this node until its line is read; its name cannot be in the file.
        let me = ClusterNode::new(Name::random(&mut crate::rng::Rng::new(0)), 0, now_ms);
        let mut cluster = Cluster::empty(me);
        let holder = cluster.myself;
        cluster.nodes.remove(holder);
        Loader { cluster, myself: None, now_ms }
    }

    fn load(mut self, cx: &mut Cx<'_>, text: &[u8]) -> Option<Cluster> {
        let text = core::str::from_utf8(text).ok()?;
        for line in text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('\0')) {
            // Redis would take quotes off; none of its own lines has any.
            if line.contains(['"', '\'']) {
                return None;
            }
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.first() {
                None => return None,
                Some(first) if first.eq_ignore_ascii_case("vars") => self.vars(cx, &words)?,
                Some(_) => self.node(&words)?,
            }
        }
        self.cluster.myself = self.myself?;
        if cx.config.planted.is(Bug::TakesMastersId) {
            self.cluster.myself = self.cluster.myself().slaveof.unwrap_or(self.cluster.myself);
        }
        Some(self.cluster)
    }

    fn vars(&mut self, cx: &mut Cx<'_>, words: &[&str]) -> Option<()> {
        let (pairs, []) = words[1..].as_chunks::<2>() else { return None };
        for [name, value] in pairs {
            let value = value.parse().unwrap_or(0);
            if name.eq_ignore_ascii_case("currentEpoch") {
                self.cluster.current_epoch = value;
            } else if name.eq_ignore_ascii_case("lastVoteEpoch") {
                self.cluster.last_vote_epoch = value;
            } else {
                cx.log(LogLevel::Warning, format_args!("Skipping unknown cluster config variable '{name}'"));
            }
        }
        Some(())
    }

    fn node_named(&mut self, name: &str) -> Option<NodeIdx> {
        let name = Name::parse(name.as_bytes())?;
        let known = self.cluster.nodes.find(&name);
        known.or_else(|| self.cluster.nodes.add(ClusterNode::new(name, 0, self.now_ms)))
    }

    fn node(&mut self, words: &[&str]) -> Option<()> {
        let &[name, address, flags, master, ping, pong, epoch, _link, ref slots @ ..] = words else {
            return None;
        };
        let idx = self.node_named(name)?;
        self.address(idx, address)?;
        for word in flags.split(',') {
            let bit = flag::from_text(word)?;
            let node = &mut self.cluster.nodes[idx];
            node.flags |= bit;
            if bit == flag::FAIL {
                node.fail_time_ms = self.now_ms;
            }
            if bit == flag::MYSELF && self.myself.replace(idx).is_some_and(|other| other != idx) {
                return None;
            }
        }
        if !master.starts_with('-') {
            let master = self.node_named(master)?;
            self.cluster.nodes[idx].slaveof = Some(master);
            self.cluster.add_slave(master, idx);
        }
        let node = &mut self.cluster.nodes[idx];
        if atoi(ping) != 0 {
            node.ping_sent_ms = self.now_ms;
        }
        if atoi(pong) != 0 {
            node.pong_received_ms = self.now_ms;
        }
        // A replica's line bears its master's epoch.
        let replica = node.is_slave() && node.slaveof.is_some();
        node.config_epoch = if replica { 0 } else { epoch.parse().unwrap_or(0) };
        for word in slots {
            self.slots(idx, word)?;
        }
        Some(())
    }

    fn address(&mut self, idx: NodeIdx, address: &str) -> Option<()> {
        let (address, hostname) =
            address.split_once(',').map_or((address, None), |(address, host)| (address, Some(host)));
        let (ip, ports) = address.rsplit_once(':')?;
        let (port, cport) = ports.split_once('@').map_or((ports, None), |(port, cport)| (port, Some(cport)));
        let node = &mut self.cluster.nodes[idx];
        node.hostname = hostname.filter(|name| !name.is_empty()).map(Into::into);
        node.ip = IpText::new(ip);
        node.port = atoi(port) as u16;
        node.cport = cport.map_or(node.port.saturating_add(BUS_PORT_OFFSET), |cport| atoi(cport) as u16);
        Some(())
    }

    /// `7`, `5-9`, `[7->-name]` or `[7-<-name]`.
    fn slots(&mut self, idx: NodeIdx, word: &str) -> Option<()> {
        if let Some(open) = word.strip_prefix('[') {
            let (slot, rest) = open.split_once('-')?;
            let slot = slot_of(slot)?;
            let (direction, name) = rest.split_once('-')?;
            let other = self.node_named(name.split_once(']')?.0)?;
            let moves =
                if direction == ">" { &mut self.cluster.migrating } else { &mut self.cluster.importing };
            moves.insert(slot, other);
            return Some(());
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        for slot in slot_of(first)?..=slot_of(last)? {
            self.cluster.add_slot(idx, slot);
        }
        Some(())
    }
}
