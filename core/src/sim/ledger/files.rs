//! Which writes the files on a disk hold: what a load would bring back.
//!
//! Each file that matters carries marks. A snapshot (an RDB file, the base of an append-only file) stands for the dataset as it
//! was when the file was begun. An incremental file has a mark for each write, at the byte where it ends; how many of its
//! bytes are in the page cache, or would be there after a loss of power, then says which write is the last. Marks belong to
//! the file itself and not to its name, so renames do not matter.

use super::lines::Pos;
use crate::config::Config;
use crate::persist::aof::manifest::Manifest;
use crate::sim::disk::Disk;
use litemap::LiteMap;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many marks a file keeps; beyond it every second one is dropped, which makes the answer coarser and never too good.
const MARKS_MAX: usize = 65_536;

/// Which of a file's two versions is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// What processes see, and what a killed one finds when it starts again.
    Cache,
    /// What a loss of power leaves.
    Durable,
}

/// The marks of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// What the file stands for before its first mark; `None` is an empty dataset.
    base: Option<Pos>,
    marks: VecDeque<(u64, Pos)>,
}

impl Marks {
    /// A file that stands for a dataset from its first byte on (or as a whole).
    pub fn begin(base: Option<Pos>) -> Marks {
        Marks { base, marks: VecDeque::new() }
    }

    /// A write ends at `end`.
    pub fn mark(&mut self, end: u64, pos: Pos) {
        while self.marks.back().is_some_and(|last| last.0 >= end) {
            self.marks.pop_back();
        }
        // Every other one goes, never the one that comes now: it says what all of the file stands for.
        if self.marks.len() == MARKS_MAX {
            let mut index = 0;
            self.marks.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
        self.marks.push_back((end, pos));
    }

    /// The dataset that the first `len` bytes stand for, and whether that is all of it.
    fn at(&self, len: u64) -> (Option<Pos>, bool) {
        let count = self.marks.partition_point(|mark| mark.0 <= len);
        let pos = count.checked_sub(1).map_or(self.base, |last| Some(self.marks[last].1));
        (pos, count == self.marks.len())
    }

    /// The file ends at `len` now: what was to come behind it never will.
    pub fn cut(&mut self, len: u64) {
        while self.marks.back().is_some_and(|last| last.0 > len) {
            self.marks.pop_back();
        }
    }

    /// Forgets marks that only a shorter file would need.
    pub fn settle(&mut self, len: u64) {
        let count = self.marks.partition_point(|mark| mark.0 <= len);
        if let Some(last) = count.checked_sub(1) {
            self.base = Some(self.marks[last].1);
            self.marks.drain(..count);
        }
    }

    /// All datasets that it speaks of, roughly: for those who ask which lines are needed.
    pub fn positions(&self) -> impl Iterator<Item = Pos> {
        self.base.into_iter().chain(self.marks.front().map(|m| m.1)).chain(self.marks.back().map(|m| m.1))
    }
}

/// What of the configuration says where the files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The manifest of the append-only file, if there is to be one.
    manifest: Option<Rc<str>>,
    folder: Rc<str>,
    rdb: Rc<str>,
}

impl Places {
    pub fn of(config: &Config) -> Places {
        let folder: Rc<str> = config.appenddirname.as_str().into();
        let name = Manifest::file_name(&config.appendfilename);
        Places {
            manifest: config.appendonly.then(|| format!("{folder}/{name}").into()),
            folder,
            rdb: config.dbfilename.as_str().into(),
        }
    }

    /// The RDB file.
    pub fn rdb_path(&self) -> &str {
        &self.rdb
    }

    /// Whether anything is written continually.
    pub fn has_aof(&self) -> bool {
        self.manifest.is_some()
    }
}

/// The marks of the files of one disk, by file.
pub(crate) type Files = LiteMap<u32, Marks>;

/// The dataset that a load would bring back; `None` is an empty one.
pub(crate) fn loadable(files: &Files, places: &Places, disk: &Disk, view: View) -> Option<Pos> {
    let durable = view == View::Durable;
    let Some(path) = &places.manifest else {
        return files.get(&disk.inode(&places.rdb, durable)?)?.base;
    };
    let number = disk.inode(path, durable)?;
    let manifest = Manifest::parse(&disk.read_inode(number, durable)).ok()?;
    let named = |name: &str| disk.inode(&format!("{}/{name}", places.folder), durable);
    let mut pos = None;
    if let Some(base) = &manifest.base {
        pos = files.get(&named(&base.name)?).and_then(|marks| marks.base);
    }
    for file in &manifest.incr {
        let Some(number) = named(&file.name) else { break };
        let Some(marks) = files.get(&number) else { continue };
        let len = if durable { disk.durable_prefix(number) } else { disk.cache_len(number) };
        let (reached, whole) = marks.at(len);
        pos = reached.or(pos);
        if !whole {
            break;
        }
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ledger::lines::Coord;

    #[test]
    fn a_mark_counts_once_its_last_byte_is_there() {
        let pos = |offset| Pos { line: 1, at: Coord::after(offset) };
        let mut marks = Marks::begin(Some(pos(0)));
        for n in 1..=5 {
            marks.mark(n * 10, pos(n as i64));
        }
        assert_eq!(marks.at(9), (Some(pos(0)), false));
        assert_eq!(marks.at(10), (Some(pos(1)), false));
        assert_eq!(marks.at(50), (Some(pos(5)), true));
        marks.settle(29);
        assert_eq!((marks.at(29), marks.at(30)), ((Some(pos(2)), false), (Some(pos(3)), false)));
        // What was cut off is written anew.
        marks.mark(45, pos(9));
        assert_eq!(marks.at(50), (Some(pos(9)), true));
    }

    #[test]
    fn a_file_with_too_many_marks_grows_coarser() {
        let mut marks = Marks::begin(None);
        for n in 1..=MARKS_MAX as u64 + 1 {
            marks.mark(n, Pos { line: 1, at: Coord::after(n as i64) });
        }
        assert!(marks.marks.len() <= MARKS_MAX);
        assert_eq!(marks.at(u64::MAX).0, Some(Pos { line: 1, at: Coord::after(MARKS_MAX as i64 + 1) }));
    }
}
