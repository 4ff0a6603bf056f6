//! The last bytes of the replication stream, kept so that a replica that lost its link can go on where it stopped.
//!
//! Redis keeps them in reference-counted blocks shared with the replicas' output buffers (replication.c 7.0.15). Blocks
//! serve here too: a checkpoint of a node then shares all of them but the last.

use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes in one block.
const BLOCK_LEN: usize = 16 * 1024;

/// A window over the end of the replication stream.
#[derive(Clone, Debug)]
pub struct Backlog {
    blocks: VecDeque<Rc<Vec<u8>>>,
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
        self.len += bytes.len();
        while !bytes.is_empty() {
            let room = self.blocks.back().map_or(0, |block| BLOCK_LEN.saturating_sub(block.len()));
            if room == 0 {
                self.blocks.push_back(Rc::new(Vec::new()));
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(block) = self.blocks.back_mut() {
                Rc::make_mut(block).extend_from_slice(now);
            }
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
            let taken = skip.min(block.len());
            out.extend_from_slice(&block[taken..]);
            skip -= taken;
        }
        out
    }

    /// Bytes of memory that this backlog keeps alive and `other`, a clone that went its own way, does not.
    pub fn unshared(&self, other: Option<&Backlog>) -> usize {
        // Blocks are added at one end and dropped at the other: what both have are the same ones in the same order.
        let theirs: std::collections::BTreeSet<_> =
            other.iter().flat_map(|other| &other.blocks).map(Rc::as_ptr).collect();
        let mine = self.blocks.iter().filter(|block| !theirs.contains(&Rc::as_ptr(block)));
        self.blocks.len() * 8 + mine.map(|block| block.capacity()).sum::<usize>()
    }

    fn trim(&mut self) {
        while self.len > self.size {
            let Some(first) = self.blocks.front() else { break };
            let held = first.len() - self.skipped;
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
