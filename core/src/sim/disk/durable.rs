//! What becomes durable, when, and what a loss of power leaves.

use super::{ChangeKind, Disk, Inode, NameOp, Unsynced, folder_of, normal};
use crate::rng::Rng;
use crate::sim::content::PAGE_LEN;
use std::rc::Rc;

/// What a device writes as one.
const SECTOR_LEN: u64 = 512;

/// The sectors of a page that a range of its bytes touches, as bits.
fn sectors((from, to): (u16, u16)) -> u8 {
    let (first, end) = (u64::from(from) / SECTOR_LEN, u64::from(to.max(from + 1)).div_ceil(SECTOR_LEN));
    (first..end).fold(0, |bits, sector| bits | 1 << sector)
}

impl Disk {
    /// Makes the first `count` entries of the journal durable. A device that loses renames keeps them back, and what comes behind
    /// them under the same names.
    pub(super) fn commit_names(&mut self, count: usize) {
        let mut entries: Vec<NameOp> = self.journal.drain(..count.min(self.journal.len())).collect();
        if self.trouble.renames_lost {
            let mut waiting: Vec<Rc<str>> = Vec::new();
            let (kept, gone): (Vec<NameOp>, Vec<NameOp>) = entries.into_iter().partition(|op| match op {
                NameOp::Rename { from, to } => {
                    waiting.extend([from.clone(), to.clone()]);
                    true
                }
                NameOp::Create { path, .. } | NameOp::Remove { path } => waiting.contains(path),
                NameOp::Mkdir { .. } => false,
            });
            kept.into_iter().rev().for_each(|op| self.journal.push_front(op));
            entries = gone;
        }
        for op in entries {
            match op {
                NameOp::Create { path, inode } => {
                    let replaced = self.durable_names.insert(path.clone(), inode);
                    if let Some(inode) = self.inodes.get_mut(&inode) {
                        inode.durable_name = Some(path.clone());
                    }
                    self.change(&path, ChangeKind::Create);
                    self.forget(replaced.filter(|&r| r != inode));
                }
                NameOp::Rename { from, to } => {
                    let Some(number) = self.durable_names.remove(&from) else { continue };
                    let replaced = self.durable_names.insert(to.clone(), number);
                    if let Some(inode) = self.inodes.get_mut(&number) {
                        inode.durable_name = Some(to.clone());
                    }
                    self.change(&from, ChangeKind::Rename { to: to.to_string() });
                    self.forget(replaced);
                }
                NameOp::Remove { path } => {
                    let removed = self.durable_names.remove(&path);
                    self.change(&path, ChangeKind::Remove);
                    self.forget(removed);
                }
                NameOp::Mkdir { .. } => {}
            }
        }
    }

    /// Makes the bytes of one file durable.
    pub(super) fn sync_inode(&mut self, number: u32) {
        let Some(inode) = self.inodes.get_mut(&number) else { return };
        let name = inode.durable_name.clone().filter(|_| self.changes.is_some());
        if let Some(len) = inode.cut_to.take()
            && len < inode.durable.len()
        {
            inode.durable.set_len(len);
            if let (Some(changes), Some(name)) = (&mut self.changes, &name) {
                changes.push((name.to_string(), ChangeKind::Truncate { len }));
            }
        }
        let dirty = std::mem::take(&mut inode.dirty);
        let len = inode.cache.len();
        let mut run: Option<(u64, u64)> = None;
        let mut runs = Vec::new();
        for (&page, &(lo, hi)) in &dirty {
            inode.durable.take_page(&inode.cache, page, len.min((u64::from(page) + 1) * PAGE_LEN as u64));
            if name.is_none() {
                continue;
            }
            let start = u64::from(page) * PAGE_LEN as u64;
            let (from, to) =
                if inode.diverged { (0, PAGE_LEN as u64) } else { (u64::from(lo), u64::from(hi)) };
            let (from, to) = (start + from, (start + to).min(len));
            run = match run {
                Some((begin, end)) if end == from && to - begin <= 1 << 20 => Some((begin, to)),
                other => {
                    runs.extend(other);
                    Some((from, to))
                }
            };
        }
        runs.extend(run);
        if let (Some(changes), Some(name)) = (&mut self.changes, &name) {
            for (from, to) in runs {
                let bytes = inode.cache.read(from, (to - from) as usize);
                changes.push((name.to_string(), ChangeKind::Write { offset: from, bytes }));
            }
        }
    }

    /// Whether the kernel has something to write back.
    pub fn has_dirty(&self) -> bool {
        !self.journal.is_empty() || self.inodes.values().any(Inode::is_dirty)
    }

    /// When the kernel should write back, if that is not settled yet.
    pub fn plan_writeback(&mut self, now_us: u64) -> Option<u64> {
        if self.setup.writeback_us == 0 || self.writeback_at_us.is_some() || !self.has_dirty() {
            return None;
        }
        self.writeback_at_us = Some(now_us + self.setup.writeback_us);
        self.writeback_at_us
    }

    /// Dirty pages count as clean although the device has not got them. A cut is in the file system's journal and not in the pages.
    pub(super) fn drop_dirty(&mut self, number: u32) {
        if let Some(inode) = self.inodes.get_mut(&number)
            && inode.is_dirty()
        {
            inode.dirty.clear();
            inode.diverged = true;
        }
    }

    /// The kernel writes everything back. What a device with errors does not take is lost, and the next FSYNC of the file says so; one
    /// that takes nothing at all for now (stalled, read-only) leaves the pages dirty.
    pub fn write_back(&mut self) {
        self.writeback_at_us = None;
        if self.trouble.stalled || self.trouble.fsync_lies || self.trouble.read_only {
            return;
        }
        if !self
            .trouble
            .eio
            .iter()
            .any(|rule| rule.on.fsync && rule.on.path.is_none() && rule.left != Some(0))
        {
            self.commit_names(self.journal.len());
        }
        let named: Vec<(Rc<str>, u32)> = self.names.iter().map(|(name, &n)| (name.clone(), n)).collect();
        for (name, number) in named {
            if !self.inodes.get(&number).is_some_and(Inode::is_dirty) {
                continue;
            }
            if self.trouble.fails(|on| on.fsync, &name) {
                self.drop_dirty(number);
                if let Some(inode) = self.inodes.get_mut(&number) {
                    inode.writeback_failed = true;
                }
            } else {
                self.sync_inode(number);
            }
        }
    }

    /// The power is gone: what is not durable is lost, but for what `unsynced` keeps.
    pub fn power_lost(&mut self, rng: &mut Rng, unsynced: Unsynced) {
        if unsynced == Unsynced::Kept && !self.trouble.fsync_lies {
            self.commit_names(self.journal.len());
            for number in self.inodes.keys().copied().collect::<Vec<_>>() {
                self.sync_inode(number);
            }
        } else if unsynced != Unsynced::Lost && !self.trouble.fsync_lies {
            let kept = rng.below(self.journal.len() as u64 + 1) as usize;
            self.commit_names(kept);
            for number in self.inodes.keys().copied().collect::<Vec<_>>() {
                let Some(inode) = self.inodes.get_mut(&number) else { continue };
                if inode.durable_name.is_none() || !inode.is_dirty() {
                    continue;
                }
                let count = inode.dirty.len() as u64;
                let (front, mut index) = (rng.below(count + 1), 0);
                let (mut lost, mut torn) = (Vec::new(), Vec::new());
                let diverged = inode.diverged;
                inode.dirty.retain(|&page, range| {
                    index += 1;
                    let kept = match unsynced {
                        Unsynced::Prefix => index <= front,
                        Unsynced::Torn => {
                            let written = if diverged { u8::MAX } else { sectors(*range) };
                            let kept = rng.below(256) as u8 & written;
                            if kept != 0 && kept != written {
                                torn.push((page, kept));
                            }
                            kept == written
                        }
                        _ => rng.below(2) == 0,
                    };
                    if !kept {
                        lost.push(page);
                    }
                    kept
                });
                // The data of a file is written before the journal says that the file is shorter, and what was written
                // behind the cut is on the device only if the cut is.
                if let Some(cut) = inode.cut_to {
                    let (whole, end) = (cut.div_ceil(PAGE_LEN as u64), cut);
                    let overwritten = |page: &u32| u64::from(*page) * (PAGE_LEN as u64) < end;
                    let torn_pages = torn.iter().map(|(page, _)| page);
                    let behind = inode.dirty.keys().chain(torn_pages).any(|&page| u64::from(page) >= whole);
                    if !behind && lost.iter().any(overwritten) {
                        inode.cut_to = None;
                    }
                }
                self.sync_inode(number);
                for (page, kept) in torn {
                    self.keep_sectors(number, page, kept);
                }
            }
        }
        self.names = self.durable_names.clone();
        let durable = &self.durable_names;
        self.inodes.retain(|number, _| durable.values().any(|named| named == number));
        for (_, inode) in &mut self.inodes {
            inode.cache = inode.durable.clone();
            inode.dirty.clear();
            inode.cut_to = None;
            inode.diverged = false;
            inode.writeback_failed = false;
        }
        // A folder that was made and not synced is gone if nothing in it is durable.
        for op in std::mem::take(&mut self.journal) {
            if let NameOp::Mkdir { path } = op
                && !self.names.keys().any(|name| folder_of(name) == &*path)
            {
                self.folders.remove(&path);
            }
        }
        self.lanes.clear();
        self.names_free_us = 0;
        self.ops.clear();
        self.held.clear();
        self.writeback_at_us = None;
    }

    /// Takes some sectors of a page of the cache over to the device.
    fn keep_sectors(&mut self, number: u32, page: u32, kept: u8) {
        for sector in (0..8).filter(|sector| kept >> sector & 1 == 1) {
            let from = u64::from(page) * PAGE_LEN as u64 + sector * SECTOR_LEN;
            self.keep_bytes(number, from, SECTOR_LEN);
        }
    }

    /// Takes some bytes of the cache over to the device, as far as the file goes.
    fn keep_bytes(&mut self, number: u32, offset: u64, len: u64) {
        let Some(inode) = self.inodes.get_mut(&number) else { return };
        let bytes = inode.cache.read(offset, len.min(inode.cache.len().saturating_sub(offset)) as usize);
        if bytes.is_empty() {
            return;
        }
        inode.durable.write_at(offset, &bytes);
        if let Some(name) = inode.durable_name.clone() {
            self.change(&name, ChangeKind::Write { offset, bytes });
        }
    }

    /// The device gets to one file up to this byte, in the last moment before the power goes: what was written behind it stays dirty.
    /// What is durable already stays so, and a device that lies about FSYNC has got nothing.
    pub fn keep_front(&mut self, path: &str, end: u64) {
        let Some(path) = normal(&path.into()) else { return };
        let Some(number) = self.names.get(&path).copied().filter(|_| !self.trouble.fsync_lies) else {
            return;
        };
        self.commit_creation(number);
        let Some(inode) = self.inodes.get_mut(&number) else { return };
        let end = end.min(inode.cache.len());
        let last = (end / PAGE_LEN as u64) as u32;
        let start = u64::from(last) * PAGE_LEN as u64;
        let part =
            inode.dirty.get(&last).map(|&(lo, hi)| (start + u64::from(lo), (start + u64::from(hi)).min(end)));
        inode.dirty.retain(|page, _| *page < last);
        self.sync_inode(number);
        if let Some((from, to)) = part.filter(|(from, to)| from < to) {
            self.keep_bytes(number, from, to - from);
        }
    }

    /// Makes durable that a file is there, and what the journal has before that.
    pub(super) fn commit_creation(&mut self, number: u32) {
        let creation = |op: &NameOp| matches!(op, NameOp::Create { inode, .. } if *inode == number);
        if let Some(at) = self.journal.iter().rposition(creation) {
            self.commit_names(at + 1);
        }
    }

    /// A disk with nothing on it, in place of this one.
    pub fn wipe(&mut self) {
        let recording = self.changes.take();
        let removed: Vec<Rc<str>> = self.durable_names.keys().cloned().collect();
        // Numbers of files are never used twice.
        let next_inode = self.next_inode;
        *self = Disk { trouble: self.trouble.clone(), next_inode, ..Disk::new(self.setup.clone()) };
        self.changes = recording;
        for path in removed {
            self.change(&path, ChangeKind::Remove);
        }
    }
}
