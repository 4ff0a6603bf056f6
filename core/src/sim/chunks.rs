//! A queue whose clones share what is in it.
//!
//! A checkpoint of a world keeps everything that the world remembers of its run: actions, the tape, logs, replies. These only grow
//! at one end and are cut at the other, so they lie in chunks behind reference counts: a clone costs a pointer a chunk, and
//! what is appended afterwards copies the last chunk alone.

use std::collections::VecDeque;
use std::rc::Rc;

/// How many elements a chunk has.
const CHUNK_LEN: usize = 64;

/// A queue in chunks. Elements are added at the end and removed at the front, and are never changed.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    /// All but the last are full.
    chunks: VecDeque<Rc<Vec<T>>>,
    /// Elements of the first chunk that were removed.
    skipped: usize,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks { chunks: VecDeque::new(), skipped: 0, len: 0 }
    }
}

impl<T: Clone> Chunks<T> {
    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        match self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK_LEN) {
            Some(chunk) => Rc::make_mut(chunk).push(element),
            None => {
                let mut chunk = Vec::with_capacity(4);
                chunk.push(element);
                self.chunks.push_back(Rc::new(chunk));
            }
        }
        self.len += 1;
    }

    /// Takes all elements out, oldest first.
    pub fn drain(&mut self) -> Vec<T> {
        let all = self.iter().cloned().collect();
        self.clear();
        all
    }
}

impl<T> Chunks<T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at a place, counted from the oldest.
    pub fn get(&self, at: usize) -> Option<&T> {
        if at >= self.len {
            return None;
        }
        let at = self.skipped + at;
        self.chunks.get(at / CHUNK_LEN)?.get(at % CHUNK_LEN)
    }

    /// The newest element.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// Removes the oldest element.
    pub fn drop_first(&mut self) {
        if self.len == 0 {
            return;
        }
        self.len -= 1;
        self.skipped += 1;
        if self.skipped == CHUNK_LEN || self.len == 0 {
            self.chunks.pop_front();
            self.skipped = 0;
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Chunks::default();
    }

    /// The elements from a place on, oldest first.
    pub fn iter_from(&self, at: usize) -> impl DoubleEndedIterator<Item = &T> {
        (at.min(self.len)..self.len).filter_map(|at| self.get(at))
    }

    /// All elements, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter_from(0)
    }

    /// The first place for which `before` no longer holds, if it holds for a front part.
    pub fn partition_point(&self, before: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&before) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The elements that this queue keeps in memory and `other` does not share with it.
    pub fn unshared<'a>(&'a self, other: &'a Chunks<T>) -> impl Iterator<Item = &'a T> {
        // Chunks are only added at the end, so what both have is found at the same distance from its last common chunk.
        let shared: std::collections::BTreeSet<*const Vec<T>> = other.chunks.iter().map(Rc::as_ptr).collect();
        self.chunks.iter().filter(move |chunk| !shared.contains(&Rc::as_ptr(chunk))).flat_map(|c| c.iter())
    }
}

impl<'a, T> IntoIterator for &'a Chunks<T> {
    type Item = &'a T;
    type IntoIter = Box<dyn DoubleEndedIterator<Item = &'a T> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue() {
        let mut queue = Chunks::default();
        let mut plain = VecDeque::new();
        for i in 0..1000u32 {
            queue.push(i);
            plain.push_back(i);
            if i % 3 == 0 {
                queue.drop_first();
                plain.pop_front();
            }
            if i % 331 == 330 {
                while !plain.is_empty() {
                    queue.drop_first();
                    plain.pop_front();
                }
                assert_eq!(queue.last(), None);
            }
            assert_eq!((queue.len(), queue.get(0)), (plain.len(), plain.front()));
            assert_eq!((queue.last(), queue.get(plain.len())), (plain.back(), None));
        }
        assert!(queue.iter().eq(plain.iter()) && queue.iter().rev().eq(plain.iter().rev()));
        let at = queue.partition_point(|&i| i < 998);
        assert_eq!(queue.iter_from(at).next(), Some(&998));
        assert_eq!(queue.drain(), Vec::from(plain));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_clone_shares_all_but_the_last_chunk() {
        let mut queue = Chunks::default();
        (0..1000).for_each(|i| queue.push(i));
        let before = queue.clone();
        assert_eq!(queue.unshared(&before).count(), 0);
        queue.push(1000);
        assert_eq!((before.len(), before.last()), (1000, Some(&999)));
        assert!(queue.unshared(&before).count() <= CHUNK_LEN);
        assert!(before.unshared(&queue).count() <= CHUNK_LEN);
    }
}
