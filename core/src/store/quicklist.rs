//! [`List`], the value behind LPUSH and friends: a deque of nodes, each a listpack or one very big element.
//!
//! This is Redis's quicklist (quicklist.c 7.0.15), and `OBJECT ENCODING` says `quicklist` for every list. How full a node
//! may get follows Redis's rules exactly, because the nodes go into RDB files and DUMP payloads one by one. Two
//! differences that nobody sees from outside: nodes stand in a deque of `Rc`s instead of a linked chain, so that a snapshot shares
//! them; and nodes in the middle are never compressed (`list-compress-depth`), which only ever saves memory.

use super::limits::Limits;
use super::listpack::{Listpack, Value};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

/// Node sizes in bytes for `list-max-listpack-size` -1 to -5.
const SIZE_CLASSES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// The greatest node when the limit is a number of entries (`SIZE_SAFETY_LIMIT`).
const SIZE_SAFE: usize = 8192;
/// What an entry costs beside its bytes, guessed high (`SIZE_ESTIMATE_OVERHEAD`).
const ENTRY_OVERHEAD: usize = 8;
/// `FILL_MAX`: 16 bits, signed.
const FILL_MAX: i64 = 32767;

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Node {
    /// Many elements.
    Packed(Listpack),
    /// One element too big for a listpack.
    Plain(Vec<u8>),
}

impl Node {
    /// How many bytes the node's elements take, packed as they are.
    pub fn byte_len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.byte_len(),
            Node::Plain(bytes) => bytes.len(),
        }
    }
}

#[derive(Clone, Debug)]
struct Slot {
    /// Elements of the node, here so that finding an index touches no node.
    count: u32,
    node: Rc<Node>,
}

/// A list of byte strings with fast ends.
#[derive(Clone, Debug)]
pub struct List {
    nodes: VecDeque<Slot>,
    len: usize,
    fill: i32,
    packed_threshold: usize,
}

/// One of a list's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left end, index 0.
    Head,
    /// The right end, index -1.
    Tail,
}

impl Slot {
    fn packed(pack: Listpack) -> Slot {
        Slot { count: pack.len() as u32, node: Rc::new(Node::Packed(pack)) }
    }

    fn one(bytes: &[u8], threshold: usize) -> Slot {
        if bytes.len() >= threshold {
            return Slot { count: 1, node: Rc::new(Node::Plain(bytes.to_vec())) };
        }
        let mut pack = Listpack::new();
        pack.push(bytes);
        Slot { count: 1, node: Rc::new(Node::Packed(pack)) }
    }

    fn pack_mut(&mut self) -> Option<&mut Listpack> {
        if matches!(&*self.node, Node::Plain(_)) {
            return None;
        }
        match Rc::make_mut(&mut self.node) {
            Node::Packed(pack) => Some(pack),
            Node::Plain(_) => None,
        }
    }

    fn get(&self, at: usize) -> Option<Value<'_>> {
        match &*self.node {
            Node::Packed(pack) => pack.seek(at as i64).map(|at| pack.get(at)),
            Node::Plain(bytes) => (at == 0).then_some(Value::Bytes(bytes)),
        }
    }
}

impl List {
    /// An empty list. It keeps the node limits of the moment of its creation, as in Redis.
    pub fn new(limits: &Limits) -> List {
        List {
            nodes: VecDeque::new(),
            len: 0,
            fill: limits.list_max_listpack_size.clamp(-5, FILL_MAX) as i32,
            packed_threshold: limits.list_packed_threshold,
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The nodes from head to tail, as RDB files hold them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter().map(|slot| &*slot.node)
    }

    /// Adds a node at the tail as it came from an RDB file; empty ones are passed over.
    pub fn push_node(&mut self, node: Node) {
        let slot = match node {
            Node::Packed(pack) => Slot::packed(pack),
            plain => Slot { count: 1, node: Rc::new(plain) },
        };
        if slot.count > 0 {
            self.len += slot.count as usize;
            self.nodes.push_back(slot);
        }
    }

    /// Whether a node of this many bytes and elements is within the limits (`_quicklistNodeAllowInsert`, `…AllowMerge`).
    fn within(&self, bytes: usize, count: usize) -> bool {
        match usize::try_from(self.fill) {
            Ok(fill) => bytes <= SIZE_SAFE && count <= fill,
            Err(_) => {
                let class = self.fill.unsigned_abs() as usize - 1;
                SIZE_CLASSES.get(class).is_some_and(|&max| bytes <= max)
            }
        }
    }

    /// Whether a node takes one more element of `len` bytes.
    fn has_room(&self, node: Option<&Slot>, len: usize) -> bool {
        let Some(slot) = node else { return false };
        match &*slot.node {
            Node::Packed(pack) if len < self.packed_threshold => {
                self.within(pack.byte_len() + len + ENTRY_OVERHEAD, slot.count as usize + 1)
            }
            _ => false,
        }
    }

    /// Adds an element at one end.
    pub fn push(&mut self, end: End, bytes: &[u8]) {
        let node = match end {
            End::Head => self.nodes.front(),
            End::Tail => self.nodes.back(),
        };
        self.len += 1;
        if !self.has_room(node, bytes.len()) {
            let slot = Slot::one(bytes, self.packed_threshold);
            match end {
                End::Head => self.nodes.push_front(slot),
                End::Tail => self.nodes.push_back(slot),
            }
            return;
        }
        let slot = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        };
        if let Some(slot) = slot {
            slot.count += 1;
            if let Some(pack) = slot.pack_mut() {
                match end {
                    End::Head => pack.push_front(bytes),
                    End::Tail => pack.push(bytes),
                }
            }
        }
    }

    /// The element at one end.
    pub fn peek(&self, end: End) -> Option<Value<'_>> {
        let node = match end {
            End::Head => self.nodes.front()?,
            End::Tail => self.nodes.back()?,
        };
        match &*node.node {
            Node::Plain(bytes) => Some(Value::Bytes(bytes)),
            Node::Packed(pack) => {
                let at = if end == End::Head { pack.first() } else { pack.last() };
                at.map(|at| pack.get(at))
            }
        }
    }

    /// Hands the element at one end to `f`, then removes it. Nothing is copied on the way.
    pub fn pop_with<R>(&mut self, end: End, f: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let result = f(self.peek(end)?);
        let slot = match end {
            End::Head => self.nodes.front_mut()?,
            End::Tail => self.nodes.back_mut()?,
        };
        self.len -= 1;
        slot.count -= 1;
        if slot.count == 0 {
            match end {
                End::Head => self.nodes.pop_front(),
                End::Tail => self.nodes.pop_back(),
            };
        } else if let Some(pack) = slot.pack_mut() {
            let at = if end == End::Head { pack.first() } else { pack.last() };
            if let Some(at) = at {
                pack.delete(at, 1);
            }
        }
        Some(result)
    }

    /// Removes the element at one end and gives it.
    pub fn pop(&mut self, end: End) -> Option<super::Str> {
        self.pop_with(end, |value| value.to_str())
    }

    /// The place of an index: negative ones count from the tail.
    pub fn index_of(&self, index: i64) -> Option<usize> {
        let len = self.len as i64;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        (0..len).contains(&index).then_some(index as usize)
    }

    /// Node and place in it of element `index`, which must be below `len`; walks from the nearer end.
    fn locate(&self, index: usize) -> (usize, usize) {
        if index * 2 <= self.len {
            let mut rest = index;
            for (n, slot) in self.nodes.iter().enumerate() {
                if rest < slot.count as usize {
                    return (n, rest);
                }
                rest -= slot.count as usize;
            }
        } else {
            let mut rest = self.len - index;
            for (n, slot) in self.nodes.iter().enumerate().rev() {
                if rest <= slot.count as usize {
                    return (n, slot.count as usize - rest);
                }
                rest -= slot.count as usize;
            }
        }
        (self.nodes.len(), 0)
    }

    /// The element at an index; negative ones count from the tail.
    pub fn get(&self, index: i64) -> Option<Value<'_>> {
        let (node, at) = self.locate(self.index_of(index)?);
        self.nodes.get(node)?.get(at)
    }

    /// Elements from place `range.start` on, up to `range.end`, in order.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Value<'_>> {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        let (node, at) = self.locate(start);
        self.nodes
            .iter()
            .skip(node)
            .enumerate()
            .flat_map(move |(i, slot)| NodeIter::new(&slot.node, if i == 0 { at } else { 0 }))
            .take(end - start)
    }

    /// Elements from place `from` (below the length) down to the head.
    pub fn range_rev(&self, from: usize) -> impl Iterator<Item = Value<'_>> {
        let take = if self.len == 0 { 0 } else { from.min(self.len - 1) + 1 };
        let (node, at) = if take == 0 { (0, 0) } else { self.locate(take - 1) };
        let before = self.nodes.len().saturating_sub(node + 1);
        self.nodes
            .iter()
            .rev()
            .skip(before)
            .enumerate()
            .flat_map(move |(i, slot)| {
                let beyond = if i == 0 { slot.count as usize - 1 - at } else { 0 };
                NodeIter::new_rev(&slot.node, beyond)
            })
            .take(take)
    }

    /// All elements, head to tail.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        self.range(0..self.len)
    }

    /// Replaces the element at an index; whether there is one.
    pub fn set(&mut self, index: i64, bytes: &[u8]) -> bool {
        let Some(index) = self.index_of(index) else { return false };
        let (node, at) = self.locate(index);
        if bytes.len() < self.packed_threshold
            && let Some(pack) = self.nodes[node].pack_mut()
        {
            if let Some(at) = pack.seek(at as i64) {
                pack.replace(at, bytes);
            }
        } else if bytes.len() >= self.packed_threshold && self.nodes[node].pack_mut().is_none() {
            self.nodes[node].node = Rc::new(Node::Plain(bytes.to_vec()));
        } else {
            // One kind of node becomes the other.
            self.insert(index, bytes, true);
            self.remove_range(index..index + 1);
        }
        true
    }

    /// Inserts an element before or after the one at place `pivot`.
    pub fn insert(&mut self, pivot: usize, bytes: &[u8], after: bool) {
        if self.len == 0 || pivot >= self.len {
            return self.push(End::Tail, bytes);
        }
        let (node, at) = self.locate(pivot);
        let count = self.nodes[node].count as usize;
        let (at_tail, at_head) = (after && at + 1 == count, !after && at == 0);
        let len = bytes.len();
        // Redis tries the node itself, then the neighbour on that side, then a node of its own, then cuts the node.
        let target = if self.has_room(self.nodes.get(node), len) {
            Some((node, at + usize::from(after)))
        } else if at_tail && self.has_room(self.nodes.get(node + 1), len) {
            Some((node + 1, 0))
        } else if at_head && node > 0 && self.has_room(self.nodes.get(node - 1), len) {
            Some((node - 1, self.nodes[node - 1].count as usize))
        } else {
            None
        };
        self.len += 1;
        if let Some((node, at)) = target {
            let slot = &mut self.nodes[node];
            slot.count += 1;
            if let Some(pack) = slot.pack_mut() {
                let at = pack.seek(at as i64).unwrap_or(pack.end());
                pack.insert(at, bytes);
            }
            return;
        }
        if at_tail || at_head {
            self.nodes.insert(node + usize::from(after), Slot::one(bytes, self.packed_threshold));
            return;
        }
        let slot = &mut self.nodes[node];
        let Some(pack) = slot.pack_mut() else { return };
        let cut = pack.seek((at + usize::from(after)) as i64).unwrap_or(pack.end());
        let mut tail = pack.split_off(cut);
        if len >= self.packed_threshold {
            slot.count = pack.len() as u32;
            self.nodes.insert(node + 1, Slot::packed(tail));
            self.nodes.insert(node + 1, Slot::one(bytes, self.packed_threshold));
            return;
        }
        if after {
            tail.push_front(bytes);
        } else {
            pack.push(bytes);
        }
        slot.count = pack.len() as u32;
        self.nodes.insert(node + 1, Slot::packed(tail));
        // The half that still has the pivot is the one that Redis looks around.
        self.merge_around(node + usize::from(!after));
    }

    /// After a cut, joins neighbours that fit one node (`_quicklistMergeNodes`): two before, two after, then the middle.
    fn merge_around(&mut self, center: usize) {
        let mut center = center;
        if center >= 2 && self.try_merge(center - 2) {
            center -= 1;
        }
        if center + 2 < self.nodes.len() {
            self.try_merge(center + 1);
        }
        if center >= 1 && self.try_merge(center - 1) {
            center -= 1;
        }
        self.try_merge(center);
    }

    /// Joins a node with the next one if the limits allow.
    fn try_merge(&mut self, node: usize) -> bool {
        let (Some(a), Some(b)) = (self.nodes.get(node), self.nodes.get(node + 1)) else { return false };
        let (Node::Packed(first), Node::Packed(second)) = (&*a.node, &*b.node) else { return false };
        // Redis subtracts one header and end mark, and says 11 for what are 7 bytes in a listpack.
        let bytes = (first.byte_len() + second.byte_len()).saturating_sub(11);
        if !self.within(bytes, a.count as usize + b.count as usize) {
            return false;
        }
        let Some(second) = self.nodes.remove(node + 1) else { return false };
        if let (Some(pack), Node::Packed(tail)) = (self.nodes[node].pack_mut(), &*second.node) {
            pack.append(tail);
        }
        self.nodes[node].count += second.count;
        true
    }

    /// Removes the elements at the places of a range.
    pub fn remove_range(&mut self, range: Range<usize>) {
        let end = range.end.min(self.len);
        if range.start >= end {
            return;
        }
        let mut left = end - range.start;
        self.len -= left;
        if range.start == 0 {
            // From the head: whole nodes go one by one without moving the others.
            while let Some(slot) = self.nodes.front()
                && left > 0
                && slot.count as usize <= left
            {
                left -= slot.count as usize;
                self.nodes.pop_front();
            }
        }
        if left == 0 {
            return;
        }
        // `len` is already the new one, so count nodes here.
        let (mut node, mut at) = (0, range.start);
        while at >= self.nodes[node].count as usize {
            at -= self.nodes[node].count as usize;
            node += 1;
        }
        let mut emptied = node..node;
        let mut n = node;
        while left > 0 {
            let slot = &mut self.nodes[n];
            let take = left.min(slot.count as usize - at);
            left -= take;
            if take == slot.count as usize {
                if emptied.is_empty() {
                    emptied = n..n;
                }
                emptied.end = n + 1;
            } else {
                slot.count -= take as u32;
                if let Some(pack) = slot.pack_mut()
                    && let Some(at) = pack.seek(at as i64)
                {
                    pack.delete(at, take);
                }
            }
            at = 0;
            n += 1;
        }
        self.nodes.drain(emptied);
    }

    /// Keeps only the elements at the places of a range (LTRIM).
    pub fn trim(&mut self, range: Range<usize>) {
        let end = range.end.min(self.len);
        if range.start >= end {
            self.nodes.clear();
            self.len = 0;
            return;
        }
        self.remove_range(end..self.len);
        self.remove_range(0..range.start);
    }

    /// Removes elements equal to `bytes`, `count` of them at most (0: all), beginning at one end; gives how many (LREM).
    pub fn remove_value(&mut self, bytes: &[u8], count: usize, from: End) -> usize {
        let wanted = if count == 0 { usize::MAX } else { count };
        let mut removed = 0;
        let mut n = if from == End::Head { 0 } else { self.nodes.len() };
        while removed < wanted {
            if from == End::Tail {
                if n == 0 {
                    break;
                }
                n -= 1;
            } else if n >= self.nodes.len() {
                break;
            }
            let gone = self.remove_in_node(n, bytes, wanted - removed, from);
            removed += gone;
            self.len -= gone;
            if self.nodes[n].count == 0 {
                self.nodes.remove(n);
            } else if from == End::Head {
                n += 1;
            }
        }
        removed
    }

    fn remove_in_node(&mut self, n: usize, bytes: &[u8], wanted: usize, from: End) -> usize {
        let slot = &mut self.nodes[n];
        let present = match &*slot.node {
            Node::Plain(stored) => {
                if stored == bytes {
                    slot.count = 0;
                    return 1;
                }
                false
            }
            Node::Packed(pack) => pack.find(pack.first().unwrap_or(pack.end()), bytes, 0).is_some(),
        };
        if !present {
            return 0;
        }
        let Some(pack) = slot.pack_mut() else { return 0 };
        let mut gone = 0;
        if from == End::Head {
            let mut at = pack.first().unwrap_or(pack.end());
            while gone < wanted
                && let Some(found) = pack.find(at, bytes, 0)
            {
                pack.delete(found, 1);
                gone += 1;
                at = found;
            }
        } else {
            let mut at = pack.last();
            while gone < wanted
                && let Some(here) = at
            {
                at = pack.prev(here);
                if pack.get(here).is(bytes) {
                    pack.delete(here, 1);
                    gone += 1;
                }
            }
        }
        slot.count -= gone as u32;
        gone
    }
}

/// Elements of one node, in one direction.
enum NodeIter<'a> {
    Forward { pack: &'a Listpack, at: Option<usize> },
    Backward { pack: &'a Listpack, at: Option<usize> },
    Plain(Option<&'a [u8]>),
}

impl<'a> NodeIter<'a> {
    fn new(node: &'a Node, skip: usize) -> NodeIter<'a> {
        match node {
            Node::Packed(pack) => NodeIter::Forward { pack, at: pack.seek(skip as i64) },
            Node::Plain(bytes) => NodeIter::Plain((skip == 0).then_some(bytes)),
        }
    }

    fn new_rev(node: &'a Node, skip: usize) -> NodeIter<'a> {
        match node {
            Node::Packed(pack) => NodeIter::Backward { pack, at: pack.seek(-1 - skip as i64) },
            Node::Plain(bytes) => NodeIter::Plain((skip == 0).then_some(bytes)),
        }
    }
}

impl<'a> Iterator for NodeIter<'a> {
    type Item = Value<'a>;
    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            NodeIter::Forward { pack, at } => {
                let here = (*at)?;
                *at = pack.next(here);
                Some(pack.get(here))
            }
            NodeIter::Backward { pack, at } => {
                let here = (*at)?;
                *at = pack.prev(here);
                Some(pack.get(here))
            }
            NodeIter::Plain(bytes) => bytes.take().map(Value::Bytes),
        }
    }
}

#[cfg(test)]
mod tests;
