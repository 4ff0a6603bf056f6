//! A node's disk: a file system with a page cache above a device.
//!
//! Every file has two versions, in the page cache (what processes read and write) and on the device (what is there after a
//! loss of power), and so has the set of names. The model is ext4's with an ordered journal, without its extra kindness:
//!
//! - a write goes to the page cache; FSYNC makes the file's bytes and its length durable when it completes;
//! - creations, renames and removals go to a journal and become durable in that order, as far as FSYNC of a folder says;
//!   FSYNC of a new file makes its creation durable (with all that the journal has before it), a rename it does not;
//! - the kernel writes everything back by itself once it has been dirty for 30 s (`dirty_expire_centisecs`);
//! - a killed process loses operations that have not begun; a loss of power loses what is not durable, and may keep a part
//!   of the dirty pages and of the journal, as the caller chooses;
//! - after a failed FSYNC the pages count as clean: the next FSYNC succeeds and the bytes are not on the device, although the
//!   page cache goes on showing them; the same when the kernel's own write-back fails, which the next FSYNC reports, once
//!   (Linux since 4.13).
//!
//! Operations that name one file are carried out one after the other, each when the one before it is done; operations on
//! different files overlap.

mod durable;
mod trouble;

pub use trouble::{DiskTrouble, EioRule};

use crate::host::{DiskError, DiskReply, DiskRequest, OpId};
use crate::rng::Rng;
use crate::sim::content::{Content, PAGE_LEN};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// The disks of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskSetup {
    /// A read or a look at a name, in microseconds.
    pub read_us: u64,
    /// A write to the page cache or a change of a name, in microseconds.
    pub write_us: u64,
    /// The least time of an fsync, in microseconds.
    pub fsync_us: u64,
    /// An fsync takes up to this much longer, evenly spread, in microseconds.
    pub fsync_jitter_us: u64,
    /// How many bytes the device reads or writes in a second; 0 for no limit.
    pub bandwidth_bytes_per_s: u64,
    /// How much fits on it, in bytes; 0 for no limit.
    pub capacity_bytes: u64,
    /// After how long the kernel writes dirty pages back by itself, in microseconds; 0 for never.
    pub writeback_us: u64,
}

impl Default for DiskSetup {
    fn default() -> Self {
        DiskSetup {
            read_us: 60,
            write_us: 15,
            fsync_us: 800,
            fsync_jitter_us: 400,
            bandwidth_bytes_per_s: 400_000_000,
            capacity_bytes: 0,
            writeback_us: 30_000_000,
        }
    }
}

/// What happens to unsynced bytes when the power goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsynced {
    /// They are gone.
    #[default]
    Lost,
    /// They are all there: the device got to them in time.
    Kept,
    /// A random number of dirty pages from the front of each file is kept, and a random number of entries of the journal.
    Prefix,
    /// Any dirty page may be kept or lost: what lies between reads as zeros.
    Subset,
    /// Any dirty sector of 512 bytes may be kept or lost: a page can be half old and half new (a torn write).
    Torn,
}

/// One change of what is durable, for whoever mirrors a disk (the page's IndexedDB).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableChange {
    /// Which node's disk.
    pub node: String,
    /// The file (for a rename, the old name).
    pub path: String,
    /// What changed.
    pub kind: ChangeKind,
}

/// How it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ChangeKind {
    /// An empty file appeared, in place of what had the name.
    Create,
    /// Bytes were written; a gap before them is zeros.
    Write {
        /// Where, in bytes.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The file was cut.
    Truncate {
        /// The new length in bytes.
        len: u64,
    },
    /// The file has a new name, in place of what had it.
    Rename {
        /// The new name.
        to: String,
    },
    /// The file is gone.
    Remove,
}

/// How much of a file is where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileShares {
    /// The file.
    pub path: String,
    /// Its length as processes see it, in bytes.
    pub len: u64,
    /// Bytes that are in the page cache and not on the device.
    pub dirty: u64,
    /// Bytes in write operations that have not reached the page cache.
    pub pending: u64,
    /// Its length on the device, in bytes.
    pub durable_len: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    cache: Content,
    durable: Content,
    /// Dirty pages with the range of bytes that was written, in the page.
    dirty: LiteMap<u32, (u16, u16)>,
    /// The least length since the last sync, if it was cut.
    cut_to: Option<u64>,
    /// The name that it has on the device.
    durable_name: Option<Rc<str>>,
    /// An fsync failed: the cache shows bytes that the device has not, so ranges are no longer enough.
    diverged: bool,
    /// The kernel's own write-back failed, and no FSYNC has said so yet.
    writeback_failed: bool,
}

impl Inode {
    fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.cut_to.is_some()
    }

    fn mark(&mut self, offset: u64, len: u64) {
        let end = offset + len;
        let mut at = offset;
        while at < end {
            let page = (at / PAGE_LEN as u64) as u32;
            let start = (at % PAGE_LEN as u64) as u16;
            let stop = (end - at + u64::from(start)).min(PAGE_LEN as u64) as u16;
            let range = self.dirty.entry(page).or_insert((start, stop));
            *range = (range.0.min(start), range.1.max(stop));
            at += u64::from(stop - start);
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let old = self.cache.len();
        self.cache.write_at(offset, bytes);
        if offset > old {
            self.mark(old, offset - old);
        }
        self.mark(offset, bytes.len() as u64);
    }

    fn cut(&mut self, len: u64) {
        let old = self.cache.len();
        self.cache.set_len(len);
        if len < old {
            self.cut_to = Some(self.cut_to.map_or(len, |l| l.min(len)));
            let pages = len.div_ceil(PAGE_LEN as u64) as u32;
            self.dirty.retain(|page, _| *page < pages);
            if let Some(range) = self.dirty.get_mut(&((len / PAGE_LEN as u64) as u32)) {
                let end = (len % PAGE_LEN as u64) as u16;
                *range = (range.0.min(end), range.1.min(end));
            }
        } else if len > old {
            self.mark(old, len - old);
        }
    }
}

#[derive(Clone, Debug)]
enum NameOp {
    Create { path: Rc<str>, inode: u32 },
    Rename { from: Rc<str>, to: Rc<str> },
    Remove { path: Rc<str> },
    Mkdir { path: Rc<str> },
}

#[derive(Clone, Debug)]
struct Op {
    /// Which process asked: the number of its start.
    process: u32,
    id: OpId,
    request: DiskRequest,
    begins_us: u64,
    record: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    free_us: u64,
    /// Bytes that the next fsync has to write.
    unsynced: u64,
    /// Bytes in appends and writes that are not done.
    pending: u64,
}

/// What a completed operation means to its node.
#[derive(Debug)]
pub(crate) struct Completion {
    pub process: u32,
    pub id: OpId,
    pub result: Result<DiskReply, DiskError>,
    pub op: &'static str,
    pub path: Rc<str>,
    pub record: u64,
}

/// One node's disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    setup: DiskSetup,
    pub trouble: DiskTrouble,
    inodes: LiteMap<u32, Inode>,
    next_inode: u32,
    names: LiteMap<Rc<str>, u32>,
    durable_names: LiteMap<Rc<str>, u32>,
    folders: BTreeSet<Rc<str>>,
    journal: VecDeque<NameOp>,
    lanes: LiteMap<Rc<str>, Lane>,
    names_free_us: u64,
    ops: LiteMap<u32, Op>,
    next_op: u32,
    /// Operations that are done but for the stall of the disk, in order.
    held: Vec<u32>,
    /// When the kernel writes back by itself.
    pub writeback_at_us: Option<u64>,
    /// Changes of what is durable, if somebody mirrors the disk.
    changes: Option<Vec<(String, ChangeKind)>>,
}

/// The name of an operation for the trace.
pub(crate) fn op_name(request: &DiskRequest) -> &'static str {
    match request {
        DiskRequest::Read { .. } => "read",
        DiskRequest::Stat { .. } => "stat",
        DiskRequest::List { .. } => "list",
        DiskRequest::Create { .. } => "create",
        DiskRequest::Append { .. } => "append",
        DiskRequest::WriteAt { .. } => "write",
        DiskRequest::Truncate { .. } => "truncate",
        DiskRequest::Fsync { .. } => "fsync",
        DiskRequest::Rename { .. } => "rename",
        DiskRequest::FsyncDir { .. } => "fsync-dir",
        DiskRequest::Remove { .. } => "remove",
        DiskRequest::Mkdir { .. } => "mkdir",
        DiskRequest::Lock { .. } => "lock",
    }
}

/// The file or folder that an operation names, and the second one of a rename.
pub(crate) fn op_paths(request: &DiskRequest) -> (&Rc<str>, Option<&Rc<str>>) {
    match request {
        DiskRequest::Read { path, .. }
        | DiskRequest::Stat { path }
        | DiskRequest::List { path }
        | DiskRequest::Create { path }
        | DiskRequest::Append { path, .. }
        | DiskRequest::WriteAt { path, .. }
        | DiskRequest::Truncate { path, .. }
        | DiskRequest::Fsync { path }
        | DiskRequest::FsyncDir { path }
        | DiskRequest::Remove { path }
        | DiskRequest::Mkdir { path }
        | DiskRequest::Lock { path } => (path, None),
        DiskRequest::Rename { from, to } => (from, Some(to)),
    }
}

/// The bytes that an operation writes.
pub(crate) fn op_bytes(request: &DiskRequest) -> &[u8] {
    match request {
        DiskRequest::Append { bytes, .. } | DiskRequest::WriteAt { bytes, .. } => bytes,
        _ => &[],
    }
}

/// The one way to write a path: no `./`, no doubled or trailing slash. `None` if it leaves the folder.
fn normal(path: &Rc<str>) -> Option<Rc<str>> {
    let plain = !path.is_empty()
        && path
            .split('/')
            .enumerate()
            .all(|(i, part)| part != "." && part != ".." && (i == 0 || !part.is_empty()));
    if plain {
        return Some(path.clone());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    Some(format!("{root}{}", parts.join("/")).into())
}

fn folder_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

impl Disk {
    pub fn new(setup: DiskSetup) -> Disk {
        let folders = ["", "/", "/etc", "/tmp"].iter().map(|&f| Rc::from(f)).collect();
        Disk {
            setup,
            trouble: DiskTrouble::default(),
            inodes: LiteMap::new(),
            next_inode: 0,
            names: LiteMap::new(),
            durable_names: LiteMap::new(),
            folders,
            journal: VecDeque::new(),
            lanes: LiteMap::new(),
            names_free_us: 0,
            ops: LiteMap::new(),
            next_op: 0,
            held: Vec::new(),
            writeback_at_us: None,
            changes: None,
        }
    }

    /// Puts a file there, durable at once: how a disk is prepared before anything runs.
    pub fn preload(&mut self, path: &str, bytes: &[u8]) {
        let path: Rc<str> = path.into();
        let Some(path) = normal(&path) else { return };
        let mut folder = folder_of(&path);
        while !folder.is_empty() && self.folders.insert(folder.into()) {
            folder = folder_of(folder);
        }
        let content = Content::from_bytes(bytes);
        let number = self.new_inode();
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.cache = content.clone();
            inode.durable = content;
            inode.durable_name = Some(path.clone());
        }
        let replaced = self.names.insert(path.clone(), number);
        self.durable_names.insert(path.clone(), number);
        self.forget(replaced);
        self.change(&path, ChangeKind::Create);
        self.change(&path, ChangeKind::Write { offset: 0, bytes: bytes.to_vec() });
    }

    fn new_inode(&mut self) -> u32 {
        self.next_inode += 1;
        self.inodes.insert(self.next_inode, Inode::default());
        self.next_inode
    }

    /// Begins or ceases to note changes of what is durable.
    pub fn record_changes(&mut self, on: bool) {
        match (on, &self.changes) {
            (true, None) => self.changes = Some(Vec::new()),
            (false, _) => self.changes = None,
            _ => {}
        }
    }

    /// The changes noted since the last time.
    pub fn take_changes(&mut self) -> Vec<(String, ChangeKind)> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn change(&mut self, path: &str, kind: ChangeKind) {
        if let Some(changes) = &mut self.changes {
            changes.push((path.to_string(), kind));
        }
    }

    /// What a loss of power at this instant would leave.
    pub fn durable_image(&self) -> BTreeMap<String, Vec<u8>> {
        let file = |(path, inode): (&Rc<str>, &u32)| (path.to_string(), self.inodes[inode].durable.to_vec());
        self.durable_names.iter().map(file).collect()
    }

    /// The length of a file as a loss of power at this instant would leave it; `None` if it would not be there.
    pub fn durable_len(&self, path: &str) -> Option<u64> {
        Some(self.inodes.get(self.durable_names.get(path)?)?.durable.len())
    }

    /// Up to `len_max` bytes of it from `offset` on.
    pub fn read_durable(&self, path: &str, offset: u64, len_max: usize) -> Vec<u8> {
        let inode = self.durable_names.get(path).and_then(|number| self.inodes.get(number));
        inode.map(|inode| inode.durable.read(offset, len_max)).unwrap_or_default()
    }

    /// The number of a file, as processes see the names or as a loss of power would leave them.
    pub fn inode(&self, path: &str, durable: bool) -> Option<u32> {
        (if durable { &self.durable_names } else { &self.names }).get(path).copied()
    }

    /// Whether a file is there, under whichever name.
    pub fn has_inode(&self, number: u32) -> bool {
        self.inodes.contains_key(&number)
    }

    /// One of the two versions of a file.
    pub fn read_inode(&self, number: u32, durable: bool) -> Vec<u8> {
        let inode = self.inodes.get(&number);
        inode.map(|i| if durable { i.durable.to_vec() } else { i.cache.to_vec() }).unwrap_or_default()
    }

    /// The length of a file as processes see it.
    pub fn cache_len(&self, number: u32) -> u64 {
        self.inodes.get(&number).map_or(0, |inode| inode.cache.len())
    }

    /// How many bytes of a file, from its beginning, a loss of power would leave as processes see them now.
    pub fn durable_prefix(&self, number: u32) -> u64 {
        let Some(inode) = self.inodes.get(&number) else { return 0 };
        if inode.diverged {
            return inode.durable.common_prefix(&inode.cache);
        }
        inode.durable.len().min(inode.cache.len())
    }

    /// A file as processes see it.
    pub fn read_file(&self, path: &str) -> Option<Vec<u8>> {
        Some(self.inodes.get(self.names.get(path)?)?.cache.to_vec())
    }

    /// Up to `len_max` bytes of it from `offset` on.
    pub fn read_part(&self, path: &str, offset: u64, len_max: usize) -> Vec<u8> {
        let inode = self.names.get(path).and_then(|number| self.inodes.get(number));
        inode.map(|inode| inode.cache.read(offset, len_max)).unwrap_or_default()
    }

    /// How much of each file is where.
    pub fn shares(&self) -> Vec<FileShares> {
        let share = |(path, number): (&Rc<str>, &u32)| {
            let inode = &self.inodes[number];
            FileShares {
                path: path.to_string(),
                len: inode.cache.len(),
                dirty: inode.dirty.values().map(|(lo, hi)| u64::from(hi - lo)).sum(),
                pending: self.lanes.get(path).map_or(0, |l| l.pending),
                durable_len: inode.durable.len(),
            }
        };
        self.names.iter().map(share).collect()
    }

    /// The bytes that all files take, in whole pages.
    pub fn used(&self) -> u64 {
        self.names.values().map(|i| self.inodes[i].cache.len().next_multiple_of(PAGE_LEN as u64)).sum()
    }

    /// How many more bytes there is room for; `None` if there is no limit.
    fn room(&self) -> Option<u64> {
        let limit = match (self.trouble.capacity_bytes, self.setup.capacity_bytes) {
            (Some(limit), _) => limit,
            (None, 0) => return None,
            (None, limit) => limit,
        };
        let room = limit.saturating_sub(self.used());
        Some(room - room % PAGE_LEN as u64)
    }

    /// Takes an operation in; gives its number and when it completes.
    pub fn submit(
        &mut self,
        rng: &mut Rng,
        now_us: u64,
        process: u32,
        id: OpId,
        record: u64,
        request: DiskRequest,
    ) -> (u32, u64) {
        let (path, second) = op_paths(&request);
        let key = normal(path).unwrap_or_else(|| path.clone());
        let second = second.map(|p| normal(p).unwrap_or_else(|| p.clone()));
        if self.lanes.len() > 256 {
            self.lanes.retain(|_, lane| lane.free_us > now_us || lane.pending > 0 || lane.unsynced > 0);
        }
        let lane = self.lanes.entry(key.clone()).or_default();
        let mut begins_us = lane.free_us.max(now_us);
        let mut device_bytes = 0;
        let base = match &request {
            DiskRequest::Read { len_max, .. } => {
                device_bytes = u64::from(*len_max).min(64 << 10);
                self.setup.read_us
            }
            DiskRequest::Stat { .. } | DiskRequest::List { .. } => self.setup.read_us,
            DiskRequest::Append { bytes, .. } | DiskRequest::WriteAt { bytes, .. } => {
                lane.unsynced += bytes.len() as u64;
                lane.pending += bytes.len() as u64;
                // The page cache takes some bytes per nanosecond.
                self.setup.write_us + (bytes.len() as u64 >> 11)
            }
            DiskRequest::Fsync { .. } => {
                device_bytes = std::mem::take(&mut lane.unsynced);
                self.setup.fsync_us + rng.below(self.setup.fsync_jitter_us + 1)
            }
            DiskRequest::FsyncDir { .. } => {
                begins_us = begins_us.max(self.names_free_us);
                self.setup.fsync_us + rng.below(self.setup.fsync_jitter_us + 1)
            }
            _ => self.setup.write_us,
        };
        let names = matches!(
            request,
            DiskRequest::Create { .. }
                | DiskRequest::Rename { .. }
                | DiskRequest::Remove { .. }
                | DiskRequest::Mkdir { .. }
        );
        if names {
            begins_us = begins_us.max(self.names_free_us);
        }
        if let Some(second) = &second {
            begins_us = begins_us.max(self.lanes.get(second).map_or(0, |l| l.free_us));
        }
        let transfer = match self.setup.bandwidth_bytes_per_s {
            0 => 0,
            rate => device_bytes.saturating_mul(1_000_000) / rate,
        };
        let takes = (base + transfer).saturating_mul(u64::from(self.trouble.slow_factor.max(1)));
        let done_us = begins_us.saturating_add(takes);
        if names {
            self.names_free_us = done_us;
        }
        for path in [Some(key), second].into_iter().flatten() {
            self.lanes.entry(path).or_default().free_us = done_us;
        }
        self.next_op = self.next_op.wrapping_add(1);
        self.ops.insert(self.next_op, Op { process, id, request, begins_us, record });
        (self.next_op, done_us)
    }

    /// The instant of an operation has come: carries it out. `None` if it is held back or was dropped.
    pub fn complete(&mut self, number: u32) -> Option<Completion> {
        if self.trouble.stalled {
            self.held.push(number);
            return None;
        }
        let op = self.ops.remove(&number)?;
        let (path, _) = op_paths(&op.request);
        let path = normal(path).unwrap_or_else(|| path.clone());
        if let Some(lane) = self.lanes.get_mut(&path) {
            lane.pending = lane.pending.saturating_sub(op_bytes(&op.request).len() as u64);
        }
        let result = self.carry_out(&op.request);
        Some(Completion {
            process: op.process,
            id: op.id,
            result,
            op: op_name(&op.request),
            path,
            record: op.record,
        })
    }

    /// A stalled disk goes on: these operations complete now, in this order.
    pub fn release(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.held)
    }

    fn carry_out(&mut self, request: &DiskRequest) -> Result<DiskReply, DiskError> {
        use DiskRequest as R;
        let (path, second) = op_paths(request);
        let path = normal(path).ok_or(DiskError::BadPath)?;
        let writes = !matches!(
            request,
            R::Read { .. }
                | R::Stat { .. }
                | R::List { .. }
                | R::Fsync { .. }
                | R::FsyncDir { .. }
                | R::Lock { .. }
        );
        if writes && self.trouble.read_only {
            return Err(DiskError::ReadOnly);
        }
        match request {
            R::Read { offset, len_max, .. } => {
                if self.trouble.fails(|on| on.read, &path) {
                    return Err(DiskError::Io);
                }
                let inode = &self.inodes[self.names.get(&path).ok_or(DiskError::NotFound)?];
                Ok(DiskReply::Bytes(inode.cache.read(*offset, *len_max as usize).into()))
            }
            R::Stat { .. } => {
                let inode = &self.inodes[self.names.get(&path).ok_or(DiskError::NotFound)?];
                Ok(DiskReply::Size(inode.cache.len()))
            }
            R::List { .. } => self.list(&path),
            R::Create { .. } => {
                let number = self.open_or_create(&path)?;
                if let Some(inode) = self.inodes.get_mut(&number) {
                    inode.cut(0);
                }
                Ok(DiskReply::Done)
            }
            R::Append { bytes, .. } => {
                let number = self.open_or_create(&path)?;
                let offset = self.inodes[&number].cache.len();
                self.write(&path, number, offset, bytes)
            }
            R::WriteAt { offset, bytes, .. } => {
                let number = self.open_or_create(&path)?;
                self.write(&path, number, *offset, bytes)
            }
            R::Truncate { len, .. } => {
                let number = *self.names.get(&path).ok_or(DiskError::NotFound)?;
                if let Some(inode) = self.inodes.get_mut(&number) {
                    inode.cut(*len);
                }
                Ok(DiskReply::Done)
            }
            R::Fsync { .. } => {
                let number = *self.names.get(&path).ok_or(DiskError::NotFound)?;
                if self.trouble.fails(|on| on.fsync, &path) {
                    self.drop_dirty(number);
                    return Err(DiskError::Io);
                }
                if self.trouble.fsync_lies {
                    return Ok(DiskReply::Done);
                }
                self.commit_creation(number);
                self.sync_inode(number);
                let failed = self.inodes.get_mut(&number).map(|i| std::mem::take(&mut i.writeback_failed));
                if failed == Some(true) { Err(DiskError::Io) } else { Ok(DiskReply::Done) }
            }
            R::FsyncDir { .. } => {
                if self.trouble.fails(|on| on.fsync, &path) {
                    return Err(DiskError::Io);
                }
                if !self.trouble.fsync_lies {
                    self.commit_names(self.journal.len());
                }
                Ok(DiskReply::Done)
            }
            R::Rename { .. } => {
                let to = second.and_then(normal).ok_or(DiskError::BadPath)?;
                let number = self.names.get(&path).copied().ok_or(DiskError::NotFound)?;
                if !self.folders.contains(folder_of(&to)) {
                    return Err(DiskError::NotFound);
                }
                self.names.remove(&path);
                let replaced = self.names.insert(to.clone(), number);
                self.journal.push_back(NameOp::Rename { from: path, to });
                self.forget(replaced);
                Ok(DiskReply::Done)
            }
            R::Remove { .. } => {
                let number = self.names.remove(&path).ok_or(DiskError::NotFound)?;
                self.journal.push_back(NameOp::Remove { path });
                self.forget(Some(number));
                Ok(DiskReply::Done)
            }
            R::Mkdir { .. } => {
                if !self.folders.contains(folder_of(&path)) {
                    return Err(DiskError::NotFound);
                }
                if self.folders.insert(path.clone()) {
                    self.journal.push_back(NameOp::Mkdir { path });
                }
                Ok(DiskReply::Done)
            }
            R::Lock { .. } => self.open_or_create(&path).map(|_| DiskReply::Done),
        }
    }

    fn list(&self, path: &str) -> Result<DiskReply, DiskError> {
        if !self.folders.contains(path) {
            return Err(DiskError::NotFound);
        }
        let entries = self.names.keys().chain(self.folders.iter());
        let of_folder = entries.filter(|name| !name.is_empty() && &***name != "/" && folder_of(name) == path);
        let last = |name: &Rc<str>| name.rsplit('/').next().unwrap_or_default().to_string();
        let mut names: Vec<String> = of_folder.map(last).collect();
        names.sort();
        names.dedup();
        Ok(DiskReply::Names(names))
    }

    fn open_or_create(&mut self, path: &Rc<str>) -> Result<u32, DiskError> {
        if let Some(&number) = self.names.get(path) {
            return Ok(number);
        }
        if self.trouble.read_only {
            return Err(DiskError::ReadOnly);
        }
        if path.is_empty() || self.folders.contains(path) {
            return Err(DiskError::BadPath);
        }
        if !self.folders.contains(folder_of(path)) {
            return Err(DiskError::NotFound);
        }
        let inode = self.new_inode();
        self.names.insert(path.clone(), inode);
        self.journal.push_back(NameOp::Create { path: path.clone(), inode });
        Ok(inode)
    }

    fn write(&mut self, path: &str, number: u32, offset: u64, bytes: &[u8]) -> Result<DiskReply, DiskError> {
        if self.trouble.fails(|on| on.write, path) {
            return Err(DiskError::Io);
        }
        let end = offset.checked_add(bytes.len() as u64).ok_or(DiskError::NoSpace)?;
        // Space is given out in pages: what a file's last page has left costs nothing.
        let mut fits = bytes.len();
        if let Some(room) = self.room() {
            let allocated = self.inodes[&number].cache.len().next_multiple_of(PAGE_LEN as u64);
            let end_max = allocated.saturating_add(room);
            fits = (bytes.len() as u64).saturating_sub(end.saturating_sub(end_max)) as usize;
        }
        if fits == 0 && !bytes.is_empty() {
            return Err(DiskError::NoSpace);
        }
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.write(offset, &bytes[..fits]);
        }
        Ok(DiskReply::Written(fits as u64))
    }

    /// Lets an inode go that has no name any more, neither in the cache nor on the device nor in the journal.
    fn forget(&mut self, number: Option<u32>) {
        let Some(number) = number else { return };
        let named = self.names.values().any(|&n| n == number)
            || self.durable_names.values().any(|&n| n == number)
            || self.journal.iter().any(|op| matches!(op, NameOp::Create { inode, .. } if *inode == number));
        if !named {
            self.inodes.remove(&number);
        }
    }

    /// The process is gone: what has begun goes on in the kernel, the rest is dropped.
    pub fn process_ended(&mut self, now_us: u64) {
        self.ops.retain(|_, op| op.begins_us < now_us);
        for (_, lane) in &mut self.lanes {
            *lane = Lane { free_us: lane.free_us.min(now_us + 1), unsynced: lane.unsynced, pending: 0 };
        }
        self.names_free_us = self.names_free_us.min(now_us + 1);
    }

    /// Bytes of memory, about, that this disk keeps alive and `other`, an earlier or later state of it, does not.
    pub fn unshared(&self, other: Option<&Disk>) -> usize {
        let files = self.inodes.iter().map(|(number, inode)| {
            let theirs = other.and_then(|other| other.inodes.get(number));
            size_of::<Inode>()
                + inode.dirty.len() * 16
                + inode.cache.unshared(theirs.map(|t| &t.cache), None)
                + inode.durable.unshared(theirs.map(|t| &t.durable), Some(&inode.cache))
        });
        let ops = self.ops.iter().filter(|(number, _)| other.is_none_or(|o| !o.ops.contains_key(number)));
        files.sum::<usize>()
            + (self.names.len() + self.durable_names.len() + self.lanes.len() + self.folders.len()) * 64
            + self.ops.len() * size_of::<Op>()
            + ops.map(|(_, op)| op_bytes(&op.request).len()).sum::<usize>()
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
