//! From changes of simulated disks to writes of a block store: what IndexedDB has to do so that it holds exactly what a loss
//! of power of the whole cluster would leave at one virtual instant.
//!
//! Files have numbers, and names point to them: a rename moves a name and no bytes. Bytes are kept in blocks of
//! [`BLOCK_LEN`]; a block that changed is written as it is *at the cut*, however often it changed since the last one, so
//! the bytes that the changes carry are never needed here.

use litemap::LiteMap;
use std::collections::BTreeSet;
use vitrine_core::sim::disk::{ChangeKind, DurableChange};

/// How many bytes a block has.
pub const BLOCK_LEN: u64 = 64 << 10;

/// Which file of which node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The node's name.
    pub node: String,
    /// The path.
    pub path: String,
}

/// What a name points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// The file's number in the store; never used twice.
    pub id: u32,
    /// Its length in bytes.
    pub len: u64,
}

/// One write of the store. All writes of a cut belong in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A name points to this file now.
    Name(Name, FileRecord),
    /// A name is gone.
    RemoveName(Name),
    /// A block of a file.
    Block {
        /// The file's number.
        id: u32,
        /// The block's, from 0.
        block: u32,
        /// Its bytes; the last block of a file may be short.
        bytes: Vec<u8>,
    },
    /// All blocks of a file from this one on are gone.
    RemoveBlocks {
        /// The file's number.
        id: u32,
        /// The first that is gone.
        from: u32,
    },
}

/// Where the bytes at the cut are read.
pub trait Durable {
    /// The length of a file, if it is there.
    fn len(&self, name: &Name) -> Option<u64>;
    /// Bytes of it.
    fn read(&self, name: &Name, offset: u64, len_max: usize) -> Vec<u8>;
}

impl Durable for vitrine_core::sim::world::World {
    fn len(&self, name: &Name) -> Option<u64> {
        self.durable_len(&name.node, &name.path)
    }
    fn read(&self, name: &Name, offset: u64, len_max: usize) -> Vec<u8> {
        self.read_durable(&name.node, &name.path, offset, len_max)
    }
}

/// The names of the store, as they are after the last cut.
#[derive(Clone, Debug, Default)]
pub struct Names {
    files: LiteMap<Name, FileRecord>,
    next_id: u32,
}

impl Names {
    /// The names that a store holds.
    pub fn loaded(files: LiteMap<Name, FileRecord>) -> Names {
        let next_id = files.values().map(|f| f.id + 1).max().unwrap_or(0);
        Names { files, next_id }
    }

    /// All bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|f| f.len).sum()
    }

    /// The writes of a first cut: everything that is there.
    pub fn first_cut(&mut self, all: impl Iterator<Item = Name>, now: &impl Durable) -> Vec<Write> {
        let mut writes = Vec::new();
        let old: Vec<FileRecord> =
            std::mem::take(&mut self.files).into_iter().map(|(_, record)| record).collect();
        writes.extend(old.into_iter().map(|f| Write::RemoveBlocks { id: f.id, from: 0 }));
        for name in all {
            let record = FileRecord { id: self.number(), len: now.len(&name).unwrap_or(0) };
            let blocks = record.len.div_ceil(BLOCK_LEN);
            writes.extend((0..blocks).map(|b| block(now, &name, record.id, b)));
            self.files.insert(name.clone(), record);
            writes.push(Write::Name(name, record));
        }
        writes
    }

    /// The writes that bring the store from the last cut to this one.
    pub fn cut(&mut self, changes: &[DurableChange], now: &impl Durable) -> Vec<Write> {
        let mut writes = Vec::new();
        // By number of the file: which of its blocks are to be written.
        let mut dirty: LiteMap<u32, BTreeSet<u64>> = LiteMap::new();
        let mut touched: BTreeSet<Name> = BTreeSet::new();
        for change in changes {
            let name = Name { node: change.node.clone(), path: change.path.clone() };
            match &change.kind {
                ChangeKind::Create => {
                    self.forget(&name, &mut writes, &mut dirty);
                    let record = FileRecord { id: self.number(), len: 0 };
                    self.files.insert(name.clone(), record);
                }
                ChangeKind::Write { offset, bytes } => {
                    let record = self.entry(&name);
                    let end = offset.saturating_add(bytes.len() as u64);
                    // A gap before the bytes is zeros, and has to be written too.
                    let from = (*offset).min(record.len);
                    record.len = record.len.max(end);
                    let id = record.id;
                    dirty.entry(id).or_default().extend(from / BLOCK_LEN..end.div_ceil(BLOCK_LEN));
                }
                ChangeKind::Truncate { len } => {
                    let record = self.entry(&name);
                    let old = record.len;
                    record.len = *len;
                    let id = record.id;
                    if *len < old {
                        writes.push(Write::RemoveBlocks { id, from: len.div_ceil(BLOCK_LEN) as u32 });
                    }
                    let from = old.min(*len) / BLOCK_LEN;
                    dirty.entry(id).or_default().extend(from..len.div_ceil(BLOCK_LEN));
                }
                ChangeKind::Rename { to } => {
                    let to = Name { node: change.node.clone(), path: to.clone() };
                    if let Some(record) = self.files.remove(&name) {
                        self.forget(&to, &mut writes, &mut dirty);
                        self.files.insert(to.clone(), record);
                    }
                    touched.insert(to);
                }
                ChangeKind::Remove => self.forget(&name, &mut writes, &mut dirty),
            }
            touched.insert(name);
        }
        for name in touched {
            let Some(record) = self.files.get_mut(&name) else {
                writes.push(Write::RemoveName(name));
                continue;
            };
            // The disk itself has the last word on the length.
            record.len = now.len(&name).unwrap_or(record.len);
            let record = *record;
            let blocks = record.len.div_ceil(BLOCK_LEN);
            for b in dirty.remove(&record.id).unwrap_or_default() {
                if b < blocks {
                    writes.push(block(now, &name, record.id, b));
                }
            }
            writes.push(Write::Name(name, record));
        }
        writes
    }

    fn number(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn entry(&mut self, name: &Name) -> &mut FileRecord {
        if !self.files.contains_key(name) {
            let record = FileRecord { id: self.number(), len: 0 };
            self.files.insert(name.clone(), record);
        }
        self.files.get_mut(name).expect("it was put there")
    }

    fn forget(&mut self, name: &Name, writes: &mut Vec<Write>, dirty: &mut LiteMap<u32, BTreeSet<u64>>) {
        if let Some(old) = self.files.remove(name) {
            dirty.remove(&old.id);
            writes.push(Write::RemoveBlocks { id: old.id, from: 0 });
        }
    }
}

fn block(now: &impl Durable, name: &Name, id: u32, block: u64) -> Write {
    Write::Block { id, block: block as u32, bytes: now.read(name, block * BLOCK_LEN, BLOCK_LEN as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A store in memory, written as IndexedDB is.
    #[derive(Default)]
    struct Store {
        names: LiteMap<Name, FileRecord>,
        blocks: BTreeMap<(u32, u32), Vec<u8>>,
    }

    impl Store {
        fn apply(&mut self, writes: Vec<Write>) {
            for write in writes {
                match write {
                    Write::Name(name, record) => {
                        self.names.insert(name, record);
                    }
                    Write::RemoveName(name) => {
                        self.names.remove(&name);
                    }
                    Write::Block { id, block, bytes } => {
                        assert!(bytes.len() as u64 <= BLOCK_LEN);
                        self.blocks.insert((id, block), bytes);
                    }
                    Write::RemoveBlocks { id, from } => self.blocks.retain(|k, _| k.0 != id || k.1 < from),
                }
            }
        }

        fn images(&self) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
            let mut images: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
            for (name, record) in &self.names {
                let bytes: Vec<u8> = self
                    .blocks
                    .range((record.id, 0)..=(record.id, u32::MAX))
                    .flat_map(|(_, b)| b.clone())
                    .collect();
                assert_eq!(bytes.len() as u64, record.len, "{name:?}");
                images.entry(name.node.clone()).or_default().insert(name.path.clone(), bytes);
            }
            images
        }
    }

    struct Images(BTreeMap<String, BTreeMap<String, Vec<u8>>>);

    impl Durable for Images {
        fn len(&self, name: &Name) -> Option<u64> {
            Some(self.0.get(&name.node)?.get(&name.path)?.len() as u64)
        }
        fn read(&self, name: &Name, offset: u64, len_max: usize) -> Vec<u8> {
            let bytes = &self.0[&name.node][&name.path];
            let from = (offset as usize).min(bytes.len());
            bytes[from..(from + len_max).min(bytes.len())].to_vec()
        }
    }

    fn change(path: &str, kind: ChangeKind) -> DurableChange {
        DurableChange { node: "A1".into(), path: path.into(), kind }
    }

    /// Applies cuts one by one and compares with the mirror that the simulator itself offers.
    fn play(cuts: Vec<Vec<DurableChange>>) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
        let mut names = Names::default();
        let mut store = Store::default();
        let mut images = Images(BTreeMap::new());
        for changes in cuts {
            vitrine_core::sim::world::apply_changes(&mut images.0, &changes);
            store.apply(names.cut(&changes, &images));
            images.0.retain(|_, files| !files.is_empty());
            assert_eq!(store.images(), images.0);
        }
        store.images()
    }

    fn write(offset: u64, byte: u8, len: usize) -> ChangeKind {
        ChangeKind::Write { offset, bytes: vec![byte; len] }
    }

    #[test]
    fn appends_cross_blocks() {
        let big = BLOCK_LEN as usize;
        let images = play(vec![
            vec![change("a", ChangeKind::Create), change("a", write(0, 1, 10))],
            vec![change("a", write(10, 2, big))],
            vec![change("a", write(10 + big as u64, 3, 2 * big)), change("a", write(5, 4, 1))],
        ]);
        assert_eq!(images["A1"]["a"].len(), 10 + 3 * big);
        assert_eq!(images["A1"]["a"][5], 4);
    }

    #[test]
    fn a_temporary_file_takes_the_place_of_another() {
        let images = play(vec![
            vec![change("dump.rdb", ChangeKind::Create), change("dump.rdb", write(0, 1, 100_000))],
            vec![
                change("temp.rdb", ChangeKind::Create),
                change("temp.rdb", write(0, 2, 70_000)),
                change("temp.rdb", ChangeKind::Rename { to: "dump.rdb".into() }),
            ],
        ]);
        assert_eq!(images["A1"].len(), 1);
        assert_eq!(images["A1"]["dump.rdb"], vec![2; 70_000]);
    }

    #[test]
    fn files_shrink_grow_and_go() {
        play(vec![
            vec![change("a", write(0, 1, 200_000)), change("b", write(0, 9, 1))],
            vec![change("a", ChangeKind::Truncate { len: 70_000 })],
            vec![change("a", ChangeKind::Truncate { len: 10 }), change("a", write(100_000, 5, 3))],
            vec![change("a", ChangeKind::Remove)],
            vec![change("a", ChangeKind::Create), change("b", ChangeKind::Rename { to: "a".into() })],
        ]);
    }

    #[test]
    fn what_changed_and_went_before_the_cut_is_never_read() {
        play(vec![vec![
            change("t", ChangeKind::Create),
            change("t", write(0, 1, 100)),
            change("t", ChangeKind::Remove),
            change("u", write(0, 1, 100)),
            change("u", ChangeKind::Create),
        ]]);
    }

    #[test]
    fn the_first_cut_takes_everything() {
        let files = BTreeMap::from([("x".to_owned(), vec![7; 150_000]), ("y".to_owned(), vec![])]);
        let images = Images(BTreeMap::from([("A1".to_owned(), files)]));
        let all: Vec<Name> = ["x", "y"].map(|p| Name { node: "A1".into(), path: p.into() }).to_vec();
        let mut names = Names::default();
        let mut store = Store::default();
        store.apply(names.first_cut(all.into_iter(), &images));
        assert_eq!(store.images(), images.0);
        assert_eq!(names.bytes(), 150_000);
    }
}
