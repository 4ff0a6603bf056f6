//! What is wrong with a disk, and bits that flip on it.

use super::{ChangeKind, Disk, folder_of, normal};
use crate::rng::Rng;
use crate::sim::content::PAGE_LEN;
use crate::sim::fault::EioOn;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What is wrong with a disk. The default is a disk with nothing wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskTrouble {
    /// It holds no more than this many bytes, counted in whole pages of 4 KiB.
    pub capacity_bytes: Option<u64>,
    /// Every change fails with EROFS.
    pub read_only: bool,
    /// What fails with EIO.
    pub eio: Vec<EioRule>,
    /// FSYNC says that it has made something durable, and it has not.
    pub fsync_lies: bool,
    /// Renames are not made durable.
    pub renames_lost: bool,
    /// Nothing completes.
    pub stalled: bool,
    /// Everything takes this many times as long; 0 and 1 change nothing.
    pub slow_factor: u32,
}

/// Some operations fail with EIO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EioRule {
    /// The number of the fault.
    pub fault: u32,
    /// How often it still happens, if not always.
    pub left: Option<u32>,
    /// Which operations.
    pub on: EioOn,
}

fn same_file(a: &str, b: &str) -> bool {
    a == b || normal(&a.into()).is_some_and(|a| normal(&b.into()) == Some(a))
}

/// Whether a path is that file, or in that folder.
fn is_or_holds(only: &str, path: &str) -> bool {
    same_file(only, path) || same_file(only, folder_of(path))
}

impl DiskTrouble {
    /// Whether an operation on a file fails now; one that was to happen so often has happened once more.
    pub(super) fn fails(&mut self, of_kind: impl Fn(&EioOn) -> bool, path: &str) -> bool {
        let concerns = |rule: &EioRule| {
            of_kind(&rule.on)
                && rule.left != Some(0)
                && rule.on.path.as_ref().is_none_or(|only| is_or_holds(only, path))
        };
        let Some(rule) = self.eio.iter_mut().find(|rule| concerns(rule)) else { return false };
        rule.left = rule.left.map(|left| left - 1);
        true
    }
}

impl Disk {
    /// Faults that were to happen so often, and have.
    pub fn spent_faults(&self) -> Vec<u32> {
        self.trouble.eio.iter().filter(|rule| rule.left == Some(0)).map(|rule| rule.fault).collect()
    }

    /// The files that have bytes on the device, of those that a path names (all without one).
    fn at_rest(&self, path: Option<&str>) -> Vec<(Rc<str>, u32, u64)> {
        let wanted = |name: &str| path.is_none_or(|path| same_file(path, name));
        let files = self.durable_names.iter().filter(|(name, _)| wanted(name));
        let files = files.map(|(name, &number)| (name.clone(), number, self.inodes[&number].durable.len()));
        files.filter(|&(_, _, len)| len > 0).collect()
    }

    /// Whether there is a bit to flip.
    ///
    /// # Errors
    /// Why there is none.
    pub fn flippable(&self, path: Option<&str>, offset: Option<u64>, bit: u8) -> Result<(), String> {
        if bit > 7 {
            return Err(format!("a byte has the bits 0 to 7, not {bit}"));
        }
        if offset.is_some() && path.is_none() {
            return Err("an offset needs the file that it is in; name it".into());
        }
        let files = self.at_rest(path);
        let Some((name, _, len)) = files.first() else {
            let names: Vec<&str> = self.durable_names.keys().map(|name| &**name).collect();
            return Err(match path {
                Some(path) => format!(
                    "the device has no bytes of a file `{path}`; its files are {} (what is not synced yet is not there)",
                    names.join(" ")
                ),
                None => "its disk is empty".into(),
            });
        };
        if offset.is_some_and(|at| at >= *len) {
            return Err(format!("`{name}` has {len} bytes on the device; give an offset below that"));
        }
        Ok(())
    }

    /// Flips one bit, or `count` at random places of the files that the path names.
    pub fn flip_bits(&mut self, rng: &mut Rng, path: Option<&str>, offset: Option<u64>, bit: u8, count: u32) {
        let files = self.at_rest(path);
        if let (Some(at), Some((name, number, _))) = (offset, files.first()) {
            return self.flip(name, *number, at, bit);
        }
        let total: u64 = files.iter().map(|(_, _, len)| len).sum();
        for _ in 0..count.max(1) {
            let (mut at, bit) = (rng.below(total), rng.below(8) as u8);
            for (name, number, len) in &files {
                if at < *len {
                    self.flip(name, *number, at, bit);
                    break;
                }
                at -= len;
            }
        }
    }

    fn flip(&mut self, name: &str, number: u32, at: u64, bit: u8) {
        let Some(inode) = self.inodes.get_mut(&number) else { return };
        let Some(&byte) = inode.durable.read(at, 1).first() else { return };
        let flipped = byte ^ 1 << (bit & 7);
        inode.durable.write_at(at, &[flipped]);
        let page = (at / PAGE_LEN as u64) as u32;
        if !inode.dirty.contains_key(&page) && at < inode.cache.len() {
            inode.cache.write_at(at, &[flipped]);
        }
        self.change(name, ChangeKind::Write { offset: at, bytes: vec![flipped] });
    }
}
