//! What CLUSTER NODES says of a node, and how redis-cli prints it.

use super::options::atoi;
use std::fmt;

/// How many slots a cluster has.
pub(super) const SLOTS: u16 = 16384;

/// Where a node listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addr {
    pub ip: String,
    pub port: u16,
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip, self.port)
    }
}

impl Addr {
    /// `parseClusterNodeAddress`: reads `ip:port[@bus-port]`; gives the bus port too, or 0.
    pub fn parse(text: &str) -> Option<(Addr, u16)> {
        let number = |text: &str| u16::try_from(atoi(text)).unwrap_or(0);
        let (addr, bus) = text.rsplit_once('@').map_or((text, 0), |(addr, bus)| (addr, number(bus)));
        let (ip, port) = addr.rsplit_once(':')?;
        Some((Addr { ip: ip.to_string(), port: number(port) }, bus))
    }
}

/// A set of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotSet(Vec<u64>);

impl Default for SlotSet {
    fn default() -> SlotSet {
        SlotSet(vec![0; usize::from(SLOTS) / 64])
    }
}

impl SlotSet {
    pub fn has(&self, slot: u16) -> bool {
        self.0.get(usize::from(slot) / 64).is_some_and(|word| (word >> (slot % 64)) & 1 == 1)
    }

    pub fn set(&mut self, slot: u16, on: bool) {
        let Some(word) = self.0.get_mut(usize::from(slot) / 64) else { return };
        let bit = 1 << (slot % 64);
        *word = if on { *word | bit } else { *word & !bit };
    }

    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..SLOTS).filter(|&slot| self.has(slot))
    }
}

impl FromIterator<u16> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u16>>(slots: I) -> SlotSet {
        let mut set = SlotSet::default();
        slots.into_iter().for_each(|slot| set.set(slot, true));
        set
    }
}

/// `clusterManagerNodeSlotsString`: `[0-5460],[5462]`.
impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slot = 0;
        let mut between = "";
        while slot < SLOTS {
            let first = slot;
            while slot < SLOTS && self.has(slot) {
                slot += 1;
            }
            match slot - first {
                0 => slot += 1,
                1 => write!(f, "{between}[{first}]")?,
                _ => write!(f, "{between}[{first}-{}]", slot - 1)?,
            }
            if slot > first && self.has(first) {
                between = ",";
            }
        }
        Ok(())
    }
}

/// A node as the tool knows it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub at: Addr,
    pub bus_port: u16,
    pub id: String,
    /// Its flags but `myself`, with commas between.
    pub flags: String,
    pub slave: bool,
    /// Some node calls it failed, without address or not connected.
    pub gone: bool,
    pub replicate: Option<String>,
    /// It has changes that were not sent yet.
    pub dirty: bool,
    pub slots: SlotSet,
    /// How many there were when it was asked; moves do not change it, as in redis-cli.
    pub slots_count: i64,
    pub replicas: usize,
    /// Slots that are on their way, each with the id of the node at the other end.
    pub migrating: Vec<(u16, String)>,
    pub importing: Vec<(u16, String)>,
    pub weight: f32,
    pub balance: i64,
}

impl Node {
    pub fn new(at: Addr, bus_port: u16) -> Node {
        Node {
            at,
            bus_port,
            id: String::new(),
            flags: String::new(),
            slave: false,
            gone: false,
            replicate: None,
            dirty: false,
            slots: SlotSet::default(),
            slots_count: 0,
            replicas: 0,
            migrating: Vec::new(),
            importing: Vec::new(),
            weight: 1.0,
            balance: 0,
        }
    }

    /// A master that replicates nobody.
    pub fn is_master(&self) -> bool {
        !self.slave && self.replicate.is_none()
    }

    /// `clusterManagerNodeLoadInfo`: takes in the node's own line of its CLUSTER NODES and, if `friends` are asked for, gives those of the others.
    /// `None` if the text is none.
    pub fn load(&mut self, text: &str, friends: bool) -> Option<Vec<Node>> {
        let mut others = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let (addr, flags) = (*fields.get(1)?, *fields.get(2)?);
            let (at, bus_port) = Addr::parse(addr)?;
            let myself = flags.contains("myself");
            if !myself && !friends {
                continue;
            }
            let mut friend = Node::new(at, bus_port);
            let node = if myself { &mut *self } else { &mut friend };
            if myself {
                node.bus_port = bus_port;
                node.dirty = false;
                (node.slots, node.slots_count) = (SlotSet::default(), 0);
                fields.iter().skip(8).for_each(|word| node.add_slots(word));
            }
            node.id = fields[0].to_string();
            node.flags = flags.split(',').filter(|f| *f != "myself").collect::<Vec<_>>().join(",");
            for flag in flags.split(',') {
                match flag {
                    "noaddr" | "disconnected" | "fail" => node.gone = true,
                    "slave" => {
                        node.slave = true;
                        node.replicate = fields.get(3).map(|id| (*id).to_string());
                    }
                    _ => {}
                }
            }
            if myself && !friends {
                break;
            }
            if !myself {
                others.push(friend);
            }
        }
        Some(others)
    }

    fn add_slots(&mut self, word: &str) {
        let number = |text: &str| atoi(text).clamp(0, i64::from(SLOTS) - 1) as u16;
        if let Some(open) = word.strip_prefix('[') {
            let open = open.trim_end_matches(']');
            if let Some((slot, to)) = open.split_once("->-") {
                self.migrating.push((number(slot), to.to_string()));
            } else if let Some((slot, from)) = open.split_once("-<-") {
                self.importing.push((number(slot), from.to_string()));
            }
            return;
        }
        if word.is_empty() {
            return;
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        for slot in number(first)..=number(last) {
            self.slots.set(slot, true);
            self.slots_count += 1;
        }
    }

    /// `clusterManagerNodeInfo`.
    pub fn info(&self, indent: usize) -> String {
        let blanks = " ".repeat(indent);
        let mut out = if let (true, Some(_)) = (self.dirty, &self.replicate) {
            format!("{blanks}S: {} {}", self.id, self.at)
        } else {
            format!(
                "{blanks}{}: {} {}\n{blanks}   slots:{} ({} slots) {}",
                if self.slave { "S" } else { "M" },
                self.id,
                self.at,
                self.slots,
                self.slots_count,
                self.flags
            )
        };
        match &self.replicate {
            Some(master) => out.push_str(&format!("\n{blanks}   replicates {master}")),
            None if self.replicas > 0 => {
                out.push_str(&format!("\n{blanks}   {} additional replica(s)", self.replicas));
            }
            None => {}
        }
        out.push('\n');
        out
    }
}

/// `clusterManagerGetConfigSignature`: who has which slots.
pub(super) fn signature(text: &str) -> String {
    let mut owners = Vec::new();
    for line in text.lines() {
        let mut fields = line.split(' ');
        let id = fields.next().unwrap_or_default();
        let mut slots: Vec<&str> = fields.skip(7).filter(|s| !s.starts_with('[') && !s.is_empty()).collect();
        if !slots.is_empty() {
            slots.sort_unstable();
            owners.push(format!("{id}:{}", slots.join(",")));
        }
    }
    owners.sort_unstable();
    owners.join("|")
}

/// `clusterManagerGetDisconnectedLinks`: the addresses that a node has no link to, a line each.
pub(super) fn unlinked(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (Some(addr), Some(flags), Some(link)) = (fields.get(1), fields.get(2), fields.get(7)) else {
            continue;
        };
        let cut =
            flags.contains("disconnected") || link.contains("disconnected") || flags.contains("handshake");
        if cut && !flags.contains("myself") {
            out.push_str(addr);
            out.push('\n');
        }
    }
    out
}
