//! The last bytes of the replication stream, kept so that a replica that lost its link can go on where it stopped.
//!
//! Redis keeps them in reference-counted blocks shared with the replicas' output buffers (replication.c 7.0.15). Blocks
//! serve here too: a checkpoint of a node then shares all of them but the last. They end at the same offsets on every node, so
//! that a simulator may let a replica's be those of its master.

use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes in one block.
const BLOCK_LEN: usize = 16 * 1024;

#[derive(Clone, Debug)]
struct Block {
    bytes: Rc<Vec<u8>>,
    /// Whether another backlog keeps these bytes alive in any case. See [`Backlog::lendable`].
    borrowed: bool,
}

/// A window over the end of the replication stream.
#[derive(Clone, Debug)]
pub struct Backlog {
    blocks: VecDeque<Block>,
    /// Bytes of the first block that are no longer part of the window.
    skipped: usize,
    len: usize,
    size: usize,
    first_offset: i64,
}

impl Backlog {
    /// An empty backlog of at most `size` bytes whose next byte has the replication offset `next_offset`.
    pub fn new(size: usize, next_offset: i64) -> Backlog {
        Backlog { blocks: VecDeque::new(), skipped: 0, len: 0, size, first_offset: next_offset }
    }

    /// The replication offset of the first byte kept (INFO's `repl_backlog_first_byte_offset`).
    pub fn first_offset(&self) -> i64 {
        self.first_offset
    }

    /// How many bytes are kept (INFO's `repl_backlog_histlen`).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Changes the size (CONFIG SET repl-backlog-size); what no longer fits is forgotten, oldest first.
    pub fn resize(&mut self, size: usize) {
        self.size = size;
        self.trim();
    }

    /// Appends to the stream.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        let mut end = self.first_offset + self.len as i64;
        self.len += bytes.len();
        while !bytes.is_empty() {
            let filled = end.rem_euclid(BLOCK_LEN as i64) as usize;
            if filled == 0 || self.blocks.is_empty() {
                self.blocks.push_back(Block { bytes: Rc::new(Vec::new()), borrowed: false });
            }
            let (now, later) = bytes.split_at((BLOCK_LEN - filled).min(bytes.len()));
            if let Some(block) = self.blocks.back_mut() {
                block.borrowed = false;
                let block = Rc::make_mut(&mut block.bytes);
                let len = block.len() + now.len();
                if len > block.capacity() {
                    // A full block has no room to spare.
                    block.reserve_exact(len.next_power_of_two().min(BLOCK_LEN).max(len) - block.len());
                }
                block.extend_from_slice(now);
            }
            end += now.len() as i64;
            bytes = later;
        }
        self.trim();
    }

    /// Gives what is kept offsets that are greater by `by`: the stream that it belongs to had begun before
    /// (`rebaseReplicationBuffer`, replication.c 7.0.15).
    pub fn move_on(&mut self, by: i64) {
        self.first_offset += by;
    }

    /// Whether the stream can go on from `offset` (the first byte wanted).
    pub fn covers(&self, offset: i64) -> bool {
        offset >= self.first_offset && offset <= self.first_offset + self.len as i64
    }

    /// The bytes from `offset` to the end; empty if `offset` is not covered.
    pub fn from(&self, offset: i64) -> Vec<u8> {
        if !self.covers(offset) {
            return Vec::new();
        }
        let mut skip = self.skipped + (offset - self.first_offset) as usize;
        let mut out = Vec::with_capacity(self.len);
        for block in &self.blocks {
            let taken = skip.min(block.bytes.len());
            out.extend_from_slice(&block.bytes[taken..]);
            skip -= taken;
        }
        out
    }

    /// The blocks that are full and that another backlog of the same history has too, in memory of its own: the number of each
    /// here, and the other's. Found from the end back to the first that is shared already, so asking often costs little.
    pub(crate) fn lendable(&self, other: &Backlog) -> Vec<(usize, Rc<Vec<u8>>)> {
        let starts = |backlog: &Backlog| -> Vec<i64> {
            let mut at = backlog.first_offset - backlog.skipped as i64;
            let lens = backlog.blocks.iter().map(|block| block.bytes.len() as i64);
            lens.map(|len| {
                at += len;
                at - len
            })
            .collect()
        };
        let (mine, theirs) = (starts(self), starts(other));
        let mut found = Vec::new();
        for (at, block) in self.blocks.iter().map(|block| &block.bytes).enumerate().rev() {
            if (mine[at] + block.len() as i64) % BLOCK_LEN as i64 != 0 {
                continue;
            }
            let Ok(there) = theirs.binary_search(&mine[at]) else { continue };
            let lent = &other.blocks[there].bytes;
            if Rc::ptr_eq(block, lent) {
                break;
            }
            if block == lent {
                found.push((at, lent.clone()));
            }
        }
        found
    }

    /// Takes the blocks that [`Backlog::lendable`] found in place of its own.
    pub(crate) fn borrow(&mut self, lent: Vec<(usize, Rc<Vec<u8>>)>) {
        for (at, bytes) in lent {
            if let Some(block) = self.blocks.get_mut(at).filter(|block| block.bytes == bytes) {
                *block = Block { bytes, borrowed: true };
            }
        }
    }

    /// Bytes of memory that this backlog keeps alive and `other`, a clone that went its own way, does not.
    pub fn unshared(&self, other: Option<&Backlog>) -> usize {
        // Blocks are added at one end and dropped at the other: what both have are the same ones in the same order.
        let theirs: std::collections::BTreeSet<_> =
            other.iter().flat_map(|other| &other.blocks).map(|block| Rc::as_ptr(&block.bytes)).collect();
        let mine = self.blocks.iter().filter(|block| !block.borrowed);
        let mine = mine.filter(|block| !theirs.contains(&Rc::as_ptr(&block.bytes)));
        self.blocks.len() * size_of::<Block>() + mine.map(|block| block.bytes.capacity()).sum::<usize>()
    }

    fn trim(&mut self) {
        while self.len > self.size {
            let Some(first) = self.blocks.front() else { break };
            let held = first.bytes.len() - self.skipped;
            let gone = held.min(self.len - self.size);
            self.len -= gone;
            self.first_offset += gone as i64;
            if gone == held {
                self.blocks.pop_front();
                self.skipped = 0;
            } else {
                self.skipped += gone;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_of_the_stream() {
        let mut backlog = Backlog::new(40_000, 1);
        let stream: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        for part in stream.chunks(777) {
            backlog.feed(part);
        }
        assert_eq!(backlog.len(), 40_000);
        assert_eq!(backlog.first_offset(), 60_001);
        assert_eq!(backlog.from(60_001), stream[60_000..]);
        assert_eq!(backlog.from(99_991), stream[99_990..]);
        assert!(backlog.covers(100_001) && backlog.from(100_001).is_empty());
        assert!(!backlog.covers(60_000) && !backlog.covers(100_002));
    }

    #[test]
    fn a_replica_keeps_the_blocks_of_its_master() {
        let stream: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let mut master = Backlog::new(150_000, 1);
        master.feed(&stream);
        // It came later, and reads other parts at a time.
        let mut replica = Backlog::new(150_000, 70_001);
        stream[70_000..].chunks(999).for_each(|part| replica.feed(part));
        let (kept, alone) = (replica.from(70_001), replica.unshared(Some(&master)));
        let lent = replica.lendable(&master);
        assert_eq!(lent.len(), 7, "its first block is shorter, its last is not full");
        replica.borrow(lent);
        assert_eq!(replica.from(70_001), kept);
        assert!(replica.unshared(Some(&master)) + 7 * BLOCK_LEN <= alone);
        assert!(replica.lendable(&master).is_empty());
        master.feed(b"more");
        replica.feed(b"more");
        assert_eq!(replica.from(200_001), b"more");
        // Another stream is not.
        let mut other = Backlog::new(150_000, 1);
        other.feed(&vec![1; 200_000]);
        assert!(other.lendable(&master).is_empty());
        // Full blocks have no room to spare.
        assert!(replica.unshared(None) <= 130_000 + 2 * BLOCK_LEN);
    }

    #[test]
    fn a_clone_is_not_changed_by_what_follows() {
        let mut backlog = Backlog::new(100, 1);
        backlog.feed(b"hello");
        let kept = backlog.clone();
        backlog.feed(b" world");
        assert_eq!(kept.from(1), b"hello");
        assert_eq!(backlog.from(1), b"hello world");
        backlog.resize(5);
        assert_eq!(backlog.from(7), b"world");
    }
}
