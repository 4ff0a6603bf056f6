//! What a node knows of another: its name, address, flags, clocks and failure reports, and the table that holds all of them.
//!
//! A cluster of a thousand nodes means a thousand tables of a thousand entries in one process, and about a hundred
//! lookups for every heartbeat. So entries live in one dense slab named by a 16-bit index (Redis uses pointers), the name
//! lookup is one hash of 40 bytes into a table of four bytes a name, an iteration follows a plain vector (never the hash map, whose order would not be
//! ours), and slots are kept as ranges: a master of a large cluster owns one or two ranges, not a bitmap of 2 KiB.

use super::slots::SlotSet;
use crate::host::ConnId;
use litemap::LiteMap;
use smallvec::SmallVec;
use std::fmt;
use std::ops::{Index, IndexMut};
use std::rc::Rc;

/// The length of a node name in characters (`CLUSTER_NAMELEN`).
pub const NAME_LEN: usize = 40;
/// The length of the address fields on the wire (`NET_IP_STR_LEN`).
pub const IP_LEN: usize = 46;
/// The most nodes a table holds. Redis has no limit; a peer that gossips invented names must not be able to fill memory.
pub const NODES_MAX: usize = 20_000;

/// The memory of so many nodes at the most is asked for before anything is done about the first. In a large cluster hardly any of a
/// node's entries is in the processor's cache, and one that waits for each in turn does little else.
pub(super) const FETCH_LEN_MAX: usize = 32;

/// A node's name: 40 characters of `a-z0-9` (Redis makes hexadecimal ones, and accepts these: `verifyClusterNodeId`,
/// cluster.c 7.0.15).
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct Name([u8; NAME_LEN]);

/// Word by word: names are compared for every gossip entry, and a call to compare memory costs more than five words.
impl PartialEq for Name {
    #[inline]
    fn eq(&self, other: &Name) -> bool {
        let (mine, theirs) = (self.0.as_chunks::<8>().0, other.0.as_chunks::<8>().0);
        let differs = mine
            .iter()
            .zip(theirs)
            .fold(0, |differs, (a, b)| differs | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)));
        differs == 0
    }
}

impl Name {
    /// The name in `bytes`, if they are exactly one.
    pub fn parse(bytes: &[u8]) -> Option<Name> {
        let name: [u8; NAME_LEN] = bytes.try_into().ok()?;
        let valid = name.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        valid.then_some(Name(name))
    }

    /// A new random name.
    pub fn random(rng: &mut crate::rng::Rng) -> Name {
        let mut name = [b'0'; NAME_LEN];
        name.copy_from_slice(rng.hex(NAME_LEN).as_bytes());
        Name(name)
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        // Always ASCII by construction.
        core::str::from_utf8(&self.0).unwrap_or("")
    }

    /// The bytes as they go over the wire.
    pub fn as_bytes(&self) -> &[u8; NAME_LEN] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An address as text, padded with zeros, as the wire carries it; empty when unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IpText([u8; IP_LEN]);

impl IpText {
    /// The unknown address.
    pub const NONE: IpText = IpText([0; IP_LEN]);

    /// `text` cut to what the wire holds (45 characters and a zero).
    pub fn new(text: &str) -> IpText {
        let mut out = [0; IP_LEN];
        for (to, from) in out.iter_mut().take(IP_LEN - 1).zip(text.bytes()) {
            *to = from;
        }
        IpText::from_wire(&out)
    }

    /// What the wire says, up to the first zero. Text that is not printable ASCII counts as no address: it would go into
    /// nodes.conf and into replies.
    pub fn from_wire(bytes: &[u8; IP_LEN]) -> IpText {
        let mut out = *bytes;
        out[IP_LEN - 1] = 0;
        let len = out.iter().position(|&b| b == 0).unwrap_or(0);
        if !out[..len].iter().all(u8::is_ascii_graphic) {
            return IpText::NONE;
        }
        out[len..].fill(0);
        IpText(out)
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.text()).unwrap_or("")
    }

    /// The characters as bytes, without the padding.
    pub fn text(&self) -> &[u8] {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(IP_LEN);
        &self.0[..len]
    }

    /// The bytes as they go over the wire.
    pub fn as_bytes(&self) -> &[u8; IP_LEN] {
        &self.0
    }

    /// Whether no address is known.
    pub fn is_empty(&self) -> bool {
        self.0[0] == 0
    }
}

impl fmt::Display for IpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for IpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Node flags as the wire carries them (`CLUSTER_NODE_*`, cluster.h 7.0.15).
pub mod flag {
    /// It serves slots or could.
    pub const MASTER: u16 = 1;
    /// It replicates a master.
    pub const SLAVE: u16 = 2;
    /// This node suspects it.
    pub const PFAIL: u16 = 4;
    /// The majority of masters agreed that it is down.
    pub const FAIL: u16 = 8;
    /// It is this node.
    pub const MYSELF: u16 = 16;
    /// The first PING and PONG are still to be exchanged; the name is invented.
    pub const HANDSHAKE: u16 = 32;
    /// Its address is not known.
    pub const NOADDR: u16 = 64;
    /// The first message to it is to be MEET.
    pub const MEET: u16 = 128;
    /// A master that replicas may migrate to.
    pub const MIGRATE_TO: u16 = 256;
    /// A replica that will not try to take over.
    pub const NOFAILOVER: u16 = 512;
    /// What may be believed of a third node from gossip: all but what only concerns the one who says it.
    pub const GOSSIPED: u16 = MASTER | SLAVE | PFAIL | FAIL | NOADDR | MIGRATE_TO | NOFAILOVER;

    const TEXT: [(u16, &str); 8] = [
        (MYSELF, "myself"),
        (MASTER, "master"),
        (SLAVE, "slave"),
        (PFAIL, "fail?"),
        (FAIL, "fail"),
        (HANDSHAKE, "handshake"),
        (NOADDR, "noaddr"),
        (NOFAILOVER, "nofailover"),
    ];

    /// Appends the flags as CLUSTER NODES and nodes.conf show them: comma-separated, `noflags` for none.
    pub fn write_text(flags: u16, out: &mut Vec<u8>) {
        let start = out.len();
        for (bit, text) in TEXT {
            if flags & bit != 0 {
                if out.len() > start {
                    out.push(b',');
                }
                out.extend_from_slice(text.as_bytes());
            }
        }
        if out.len() == start {
            out.extend_from_slice(b"noflags");
        }
    }

    /// The flag that a word of nodes.conf names, in any case; `noflags` is 0.
    pub fn from_text(word: &str) -> Option<u16> {
        if word.eq_ignore_ascii_case("noflags") {
            return Some(0);
        }
        TEXT.iter().find(|(_, text)| text.eq_ignore_ascii_case(word)).map(|&(bit, _)| bit)
    }
}

/// Names a node within one table. Never kept across the deletion of the node it names: [`super::Cluster`] clears every
/// reference when it deletes a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeIdx(pub(super) u16);

impl NodeIdx {
    /// Stands for no node in the table of slots.
    pub(super) const NONE: NodeIdx = NodeIdx(u16::MAX);
}

/// Who says that a node fails, and when each last said so (`fail_reports`). Reports are few but in a large cluster with
/// a dead master there is one of each master, hence the map; `oldest_ms` spares a scan for expired ones on each entry.
#[derive(Clone, Debug, Default)]
pub struct FailReports {
    by: LiteMap<NodeIdx, i64>,
    oldest_ms: i64,
}

impl FailReports {
    /// Notes or refreshes a report; true if it is a new one.
    pub(super) fn add(&mut self, by: NodeIdx, now_ms: i64) -> bool {
        if self.by.is_empty() {
            self.oldest_ms = now_ms;
        }
        self.by.insert(by, now_ms).is_none()
    }

    /// Takes a report back; true if there was one.
    pub(super) fn remove(&mut self, by: NodeIdx) -> bool {
        self.by.remove(&by).is_some()
    }

    /// Drops reports older than `age_max_ms`.
    pub(super) fn expire(&mut self, now_ms: i64, age_max_ms: i64) {
        if self.by.is_empty() || now_ms - self.oldest_ms <= age_max_ms {
            return;
        }
        self.by.retain(|_, time| now_ms - *time <= age_max_ms);
        self.oldest_ms = self.by.values().copied().min().unwrap_or(now_ms);
    }

    /// How many reports are held, expired ones included.
    pub fn len(&self) -> usize {
        self.by.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }
}

/// One node, as this node sees it (`clusterNode`, cluster.h 7.0.15). Times are wall-clock milliseconds, 0 for never.
///
/// The order of the fields is that of how often they are looked at. A node of a large cluster looks at others hundreds of thousands
/// of times a second, and most of the time goes into fetching memory: a gossip entry needs the first 64 bytes, and telling of a node
/// the first 128.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct ClusterNode {
    /// Its name; invented during the handshake.
    pub name: Name,
    /// When the PING that it still has to answer was sent; 0 if none is out.
    pub ping_sent_ms: i64,
    /// When it last answered, as far as this node or a believable gossip knows.
    pub pong_received_ms: i64,
    /// See [`flag`].
    pub flags: u16,
    /// Its client port.
    pub port: u16,
    /// Its cluster bus port.
    pub cport: u16,
    /// Whether `fail_reports` has any.
    reported: bool,
    /// Whether `link` is there.
    linked: bool,

    /// Its last known address.
    pub ip: IpText,
    /// Its plaintext client port, if its client port is a TLS one.
    pub pport: u16,
    /// The number of the last of our messages whose gossip section named it.
    pub(super) last_in_gossip: u64,
    /// When anything last came from it.
    pub data_received_ms: i64,

    /// The connection this node made to it.
    pub link: Option<ConnId>,
    /// The slots it serves.
    pub slots: SlotSet,
    /// When this entry was made.
    pub ctime_ms: i64,
    /// Its master; unknown for a replica whose master is not in the table.
    pub slaveof: Option<NodeIdx>,
    /// Its place in the table's order.
    position: u32,

    /// Its replicas.
    pub slaves: Vec<NodeIdx>,
    /// Who says that it fails.
    pub fail_reports: FailReports,
    /// The greatest config epoch seen of it.
    pub config_epoch: u64,
    /// The host name that it announces.
    pub hostname: Option<Rc<str>>,
    /// When it was flagged FAIL.
    pub fail_time_ms: i64,
    /// When this node last voted for a replica of it.
    pub voted_time_ms: i64,
    /// When it last told its replication offset.
    pub repl_offset_time_ms: i64,
    /// Since when it has been a master without a working replica.
    pub orphaned_time_ms: i64,
    /// Its replication offset as last told, in bytes.
    pub repl_offset: i64,
    /// The connection it made to this node.
    pub inbound_link: Option<ConnId>,
}

impl ClusterNode {
    pub(super) fn new(name: Name, flags: u16, now_ms: i64) -> ClusterNode {
        ClusterNode {
            name,
            flags,
            ip: IpText::NONE,
            port: 0,
            pport: 0,
            cport: 0,
            hostname: None,
            ctime_ms: now_ms,
            config_epoch: 0,
            slots: SlotSet::default(),
            slaves: Vec::new(),
            slaveof: None,
            reported: false,
            linked: false,
            ping_sent_ms: 0,
            pong_received_ms: 0,
            data_received_ms: 0,
            fail_time_ms: 0,
            voted_time_ms: 0,
            repl_offset_time_ms: 0,
            orphaned_time_ms: 0,
            repl_offset: 0,
            link: None,
            inbound_link: None,
            fail_reports: FailReports::default(),
            last_in_gossip: 0,
            position: 0,
        }
    }

    /// Notes or refreshes what another says of its failure; true if that is new.
    pub(super) fn report_failure(&mut self, by: NodeIdx, now_ms: i64) -> bool {
        self.reported = true;
        self.fail_reports.add(by, now_ms)
    }

    /// Takes a report of its failure back; true if there was one.
    pub(super) fn withdraw_report(&mut self, by: NodeIdx) -> bool {
        let withdrawn = self.reported && self.fail_reports.remove(by);
        if withdrawn {
            self.reported = !self.fail_reports.is_empty();
        }
        withdrawn
    }

    /// How many others report its failure, not counting reports older than `age_max_ms`.
    pub(super) fn count_reports(&mut self, now_ms: i64, age_max_ms: i64) -> usize {
        if !self.reported {
            return 0;
        }
        self.fail_reports.expire(now_ms, age_max_ms);
        self.reported = !self.fail_reports.is_empty();
        self.fail_reports.len()
    }

    /// Sets or takes away the connection that this node made to it.
    pub(super) fn set_link(&mut self, link: Option<ConnId>) {
        self.link = link;
        self.linked = link.is_some();
    }

    /// Whether this node has made a connection to it: `link` without a look at the third 64 bytes.
    #[inline]
    pub(super) fn has_link(&self) -> bool {
        self.linked
    }

    /// Whether anybody is held to report it as failing, reports that have expired included.
    #[inline]
    pub(super) fn is_reported(&self) -> bool {
        self.reported
    }

    /// Whether all of `bits` are among its flags.
    pub fn has(&self, bits: u16) -> bool {
        self.flags & bits == bits
    }

    /// Whether any of `bits` is among its flags.
    pub fn any(&self, bits: u16) -> bool {
        self.flags & bits != 0
    }

    /// Whether it is a master.
    pub fn is_master(&self) -> bool {
        self.has(flag::MASTER)
    }

    /// Whether it is a replica.
    pub fn is_slave(&self) -> bool {
        self.has(flag::SLAVE)
    }

    /// Whether it is flagged FAIL.
    pub fn failed(&self) -> bool {
        self.has(flag::FAIL)
    }

    /// Whether this node suspects it.
    pub fn timed_out(&self) -> bool {
        self.has(flag::PFAIL)
    }

    /// Whether the handshake with it is still going on.
    pub fn in_handshake(&self) -> bool {
        self.has(flag::HANDSHAKE)
    }

    /// The announced host name, empty if there is none.
    pub fn hostname(&self) -> &str {
        self.hostname.as_deref().unwrap_or("")
    }
}

/// All nodes that this node knows, itself among them.
#[derive(Clone, Debug, Default)]
pub struct NodeTable {
    slab: Vec<ClusterNode>,
    free: Vec<NodeIdx>,
    order: Vec<NodeIdx>,
    by_name: NameIndex,
    /// How often anything of a node may have changed but its clocks.
    changes: u64,
}

/// Where names lie in the slab: a table with open addressing of four bytes an entry (half of the name's hash, and the place), so that
/// the index of a thousand nodes takes 8 KiB. Whether it is the name that is looked for only the slab can tell.
#[derive(Clone, Debug, Default)]
struct NameIndex {
    /// The place in the lower half, [`NodeIdx::NONE`] for a free entry; the length is a power of two.
    entries: Vec<u32>,
    len: usize,
}

const FREE: u32 = u32::MAX;

fn hash_of(name: &Name) -> u64 {
    let mut hash = 0u64;
    for word in name.0.as_chunks::<8>().0 {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    hash ^ (hash >> 29)
}

impl NameIndex {
    fn entry(hash: u64, idx: NodeIdx) -> u32 {
        ((hash >> 48) as u32) << 16 | u32::from(idx.0)
    }

    /// The place of a name in the table, and its place in the slab.
    #[inline]
    fn position(&self, name: &Name, slab: &[ClusterNode]) -> Option<(usize, NodeIdx)> {
        let mask = self.entries.len().wrapping_sub(1);
        let hash = hash_of(name);
        let tag = (hash >> 48) as u32;
        let mut at = hash as usize & mask;
        loop {
            let entry = *self.entries.get(at)?;
            if entry == FREE {
                return None;
            }
            let idx = NodeIdx(entry as u16);
            if entry >> 16 == tag && slab.get(usize::from(idx.0)).is_some_and(|node| node.name == *name) {
                return Some((at, idx));
            }
            at = (at + 1) & mask;
        }
    }

    /// What the table has at the place at which the search for a name begins.
    #[inline]
    fn first_entry(&self, name: &Name) -> u32 {
        let mask = self.entries.len().wrapping_sub(1);
        self.entries.get(hash_of(name) as usize & mask).copied().unwrap_or(FREE)
    }

    /// Adds a name that is not there.
    fn insert(&mut self, name: &Name, idx: NodeIdx, slab: &[ClusterNode]) {
        if (self.len + 1) * 2 > self.entries.len() {
            let old = std::mem::take(&mut self.entries);
            self.entries = vec![FREE; (old.len() * 2).max(16)];
            for entry in old.into_iter().filter(|entry| *entry != FREE) {
                let idx = NodeIdx(entry as u16);
                if let Some(node) = slab.get(usize::from(idx.0)) {
                    self.place(hash_of(&node.name), idx);
                }
            }
        }
        self.place(hash_of(name), idx);
        self.len += 1;
    }

    fn place(&mut self, hash: u64, idx: NodeIdx) {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        while self.entries[at] != FREE {
            at = (at + 1) & mask;
        }
        self.entries[at] = NameIndex::entry(hash, idx);
    }

    /// Takes a name out; what follows without a gap is put in anew.
    fn remove(&mut self, name: &Name, slab: &[ClusterNode]) {
        let Some((mut at, _)) = self.position(name, slab) else { return };
        let mask = self.entries.len() - 1;
        self.entries[at] = FREE;
        self.len -= 1;
        loop {
            at = (at + 1) & mask;
            let entry = std::mem::replace(&mut self.entries[at], FREE);
            if entry == FREE {
                return;
            }
            let idx = NodeIdx(entry as u16);
            if let Some(node) = slab.get(usize::from(idx.0)) {
                self.place(hash_of(&node.name), idx);
            }
        }
    }
}

impl NodeTable {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The node of that name.
    pub fn find(&self, name: &Name) -> Option<NodeIdx> {
        self.by_name.position(name, &self.slab).map(|(_, idx)| idx)
    }

    /// The node of a name as the wire has it, unchecked: what is no name is the name of no node.
    pub(super) fn find_on_wire(&self, name: &[u8; NAME_LEN]) -> Option<NodeIdx> {
        self.find(&Name(*name))
    }

    /// Grows whenever anything of a node may have changed that is not one of its clocks: it was lent by `IndexMut`, added, taken out
    /// or renamed. While it stands still, so does all that follows from flags, links, slots and who replicates whom.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// A node whose clocks are to be set, or what else does not count as a change: times, its replication offset and epoch, reports,
    /// and its place in gossip. Whoever sets `ping_sent_ms` or puts `pong_received_ms` back tells [`super::cron::Watched`].
    #[inline]
    pub(super) fn clocks_of(&mut self, idx: NodeIdx) -> &mut ClusterNode {
        &mut self.slab[idx.0 as usize]
    }

    /// Has the memory come in that telling of these nodes takes: what each needs is asked for before any is waited for.
    #[inline]
    pub(super) fn fetch(&self, some: &[NodeIdx]) {
        let sum = some.iter().fold(0, |sum, idx| {
            let node = &self.slab[idx.0 as usize];
            sum ^ node.pong_received_ms as u64 ^ node.last_in_gossip
        });
        std::hint::black_box(sum);
    }

    /// The same for looking up names, and taking in what gossip says of those nodes.
    #[inline]
    pub(super) fn fetch_names<'a>(&self, names: impl Iterator<Item = &'a [u8; NAME_LEN]>) {
        let entries: SmallVec<[u32; FETCH_LEN_MAX]> =
            names.map(|name| self.by_name.first_entry(&Name(*name))).collect();
        let sum = entries.iter().fold(0, |sum, entry| {
            let node = self.slab.get(usize::from(*entry as u16));
            sum ^ node.map_or(0, |node| node.pong_received_ms as u64)
        });
        std::hint::black_box(sum);
    }

    /// How many places there are for nodes, free ones included: an index is below it.
    pub(super) fn places(&self) -> usize {
        self.slab.len()
    }

    /// The node at a place of the order of iteration. Deleting a node moves the last one to its place.
    pub fn at(&self, position: usize) -> Option<NodeIdx> {
        self.order.get(position).copied()
    }

    /// All nodes, in the order of iteration.
    pub fn iter(&self) -> impl Iterator<Item = (NodeIdx, &ClusterNode)> {
        self.order.iter().map(|&idx| (idx, &self[idx]))
    }

    /// Adds a node. Gives none if one of that name is there or the table is full.
    pub(super) fn add(&mut self, mut node: ClusterNode) -> Option<NodeIdx> {
        if self.order.len() >= NODES_MAX || self.find(&node.name).is_some() {
            return None;
        }
        self.changes += 1;
        node.position = self.order.len() as u32;
        let name = node.name;
        let idx = match self.free.pop() {
            Some(idx) => {
                self[idx] = node;
                idx
            }
            None => {
                self.slab.push(node);
                NodeIdx((self.slab.len() - 1) as u16)
            }
        };
        self.order.push(idx);
        self.by_name.insert(&name, idx, &self.slab);
        Some(idx)
    }

    /// Takes a node out. References to it are the caller's affair.
    pub(super) fn remove(&mut self, idx: NodeIdx) {
        let (name, position) = (self[idx].name, self[idx].position as usize);
        if self.find(&name) != Some(idx) {
            return;
        }
        self.by_name.remove(&name, &self.slab);
        self.order.swap_remove(position);
        if let Some(&moved) = self.order.get(position) {
            self[moved].position = position as u32;
        }
        self[idx] = ClusterNode::new(name, 0, 0);
        self.free.push(idx);
    }

    /// Gives a node another name; false if that name is taken.
    pub(super) fn rename(&mut self, idx: NodeIdx, name: Name) -> bool {
        if self.find(&name).is_some() {
            return false;
        }
        let old = self[idx].name;
        self.by_name.remove(&old, &self.slab);
        self[idx].name = name;
        self.by_name.insert(&name, idx, &self.slab);
        true
    }
}

impl Index<NodeIdx> for NodeTable {
    type Output = ClusterNode;

    fn index(&self, idx: NodeIdx) -> &ClusterNode {
        &self.slab[idx.0 as usize]
    }
}

impl IndexMut<NodeIdx> for NodeTable {
    fn index_mut(&mut self, idx: NodeIdx) -> &mut ClusterNode {
        self.changes += 1;
        &mut self.slab[idx.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn names_are_forty_characters_of_lower_case_and_digits() {
        assert!(Name::parse(&[b'a'; 40]).is_some());
        assert!(Name::parse(&[b'z'; 40]).is_some());
        assert!(Name::parse(&[b'A'; 40]).is_none());
        assert!(Name::parse(&[b'a'; 39]).is_none());
        assert!(Name::parse(&[0; 40]).is_none());
    }

    #[test]
    fn a_removed_node_leaves_the_others_findable_and_in_the_order() {
        let mut rng = Rng::new(1);
        let mut table = NodeTable::default();
        let names: Vec<Name> = (0..5).map(|_| Name::random(&mut rng)).collect();
        for name in &names {
            table.add(ClusterNode::new(*name, 0, 0)).unwrap();
        }
        assert!(table.add(ClusterNode::new(names[2], 0, 0)).is_none(), "a name is there once");
        table.remove(table.find(&names[1]).unwrap());
        assert_eq!(table.len(), 4);
        assert!(table.find(&names[1]).is_none());
        for name in [names[0], names[2], names[3], names[4]] {
            let idx = table.find(&name).unwrap();
            assert_eq!(table[idx].name, name);
            assert_eq!(table.iter().filter(|(i, _)| *i == idx).count(), 1);
        }
        let renamed = Name::random(&mut rng);
        let idx = table.find(&names[4]).unwrap();
        assert!(table.rename(idx, renamed));
        assert!(!table.rename(idx, names[0]));
        assert_eq!(table.find(&renamed), Some(idx));
    }

    #[test]
    fn addresses_are_cut_and_cleaned() {
        assert_eq!(IpText::new("10.0.0.1").as_str(), "10.0.0.1");
        assert_eq!(IpText::new(&"9".repeat(60)).as_str().len(), 45);
        assert!(IpText::new("10.0 .0.1").is_empty());
    }

    #[test]
    fn flags_read_as_redis_writes_them() {
        let text = |flags| {
            let mut out = Vec::new();
            flag::write_text(flags, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(flag::MYSELF | flag::MASTER), "myself,master");
        assert_eq!(text(flag::SLAVE | flag::PFAIL | flag::NOFAILOVER), "slave,fail?,nofailover");
        assert_eq!(text(flag::MEET | flag::MIGRATE_TO), "noflags");
        assert_eq!(flag::from_text("FAIL?"), Some(flag::PFAIL));
        assert_eq!(flag::from_text("odd"), None);
    }

    #[test]
    fn reports_expire_by_age_and_refresh() {
        let mut reports = FailReports::default();
        assert!(reports.add(NodeIdx(1), 100));
        assert!(reports.add(NodeIdx(2), 200));
        assert!(!reports.add(NodeIdx(1), 300));
        reports.expire(1_250, 1_000);
        assert_eq!(reports.len(), 1);
        assert!(!reports.remove(NodeIdx(2)));
        assert!(reports.remove(NodeIdx(1)));
    }
}
