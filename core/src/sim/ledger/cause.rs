//! Why a write is lost: which dataset ended that should have kept it, and how.

use super::lines::{LineId, Pos};
use super::{End, Ended, Ledger};
use crate::sim::Unsynced;
use crate::sim::trace::Life;
use serde::{Deserialize, Serialize};

/// The kinds of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The master ended before the replica that took over had received the write: replication is asynchronous.
    AsyncReplication,
    /// A master that others had replaced, or were about to, went on accepting writes and then gave up its dataset for the new
    /// master's.
    MinorityMaster,
    /// The replica that took over had had the write, and had lost it in a restart of its own.
    StaleReplica,
    /// The replica that took over had never been synchronised with the master: it still held what another master has. Redis asks a replica
    /// how long it has been without a master, and not which one that was (`clusterHandleSlaveFailover`, cluster.c 7.0.15).
    NeverSynced,
    /// The power went before the end of the append-only file was synced, and the master came back without it.
    UnsyncedTail,
    /// The same, and the disk kept a part of the unsynced pages.
    TornTail,
    /// The power went after an fsync had failed: the kernel counted the pages as clean.
    FailedFsync,
    /// The power went, and the disk did not have what it had said was durable.
    LyingDisk,
    /// The disk had refused to write the append-only file (full, read-only, errors).
    RefusedWrite,
    /// The process was killed while the write was still in its own buffer.
    Unwritten,
    /// There is no append-only file, and the last snapshot is older than the write.
    OldSnapshot,
    /// There is neither an append-only file nor a snapshot.
    NoFiles,
    /// The disk was wiped.
    WipedDisk,
    /// The ledger cannot tell. That is a fault of the ledger.
    Unknown,
}

/// Why writes are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The kind.
    pub kind: CauseKind,
    /// When what decided it happened, in virtual microseconds.
    pub at_us: u64,
    /// The last record of the trace at that instant: what it was stands there and just before.
    pub record: u64,
    /// A sentence.
    pub text: String,
}

impl Cause {
    /// What is said where there is nothing to tell it from.
    pub(super) fn unknown() -> Cause {
        Cause { kind: CauseKind::Unknown, at_us: 0, record: 0, text: "there is no ledger".to_string() }
    }
}

fn ended_words(how: &End) -> String {
    match how {
        End::Process(Life::Killed) => "was killed".to_string(),
        End::Process(Life::PowerLost) | End::Power(_) => "lost its power".to_string(),
        End::Process(Life::Exited { code }) => format!("exited with code {code}"),
        End::Process(_) => "ended".to_string(),
        End::Resync { .. } => "gave up its data for another master's".to_string(),
        End::Wiped => "had its disk wiped".to_string(),
    }
}

impl Ledger {
    /// The ends of datasets that held a write and did not afterwards.
    fn ends_of(&self, write: Pos) -> Vec<&Ended> {
        let ends = self.ends.iter();
        ends.filter(|e| self.lines.holds(Some(e.from), write) && !self.lines.holds(e.to, write)).collect()
    }

    /// The line by which an owner's dataset left the way to a write, and where: the takeover, or the restart.
    fn parting(&self, write: Pos, owner: Pos) -> Option<(LineId, Pos)> {
        let way: Vec<LineId> = self.lines.held_by(write).into_iter().map(|held| held.line).collect();
        let held = self.lines.held_by(owner);
        let at = held.iter().position(|held| way.contains(&held.line))?;
        Some((held[at.checked_sub(1)?].line, held[at]))
    }

    /// Why the owner of a slot does not hold a write that nobody holds.
    pub(crate) fn cause(&self, write: Pos, written_us: u64, owner: u32, names: &[&str]) -> Cause {
        let name = |node: u32| names.get(node as usize).copied().unwrap_or("?");
        let writer = self.lines.get(write.line).map_or(u32::MAX, |line| line.node);
        let ends = self.ends_of(write);
        let of = |node: u32, on_disk: bool| {
            ends.iter().rev().find(move |e| e.node == node && e.on_disk == on_disk).copied()
        };
        let parting = self.nodes[owner as usize].memory.and_then(|memory| self.parting(write, memory));
        let taker = parting.and_then(|(line, _)| self.lines.get(line));
        let make = |kind, end: Option<&Ended>, text: String| Cause {
            kind,
            at_us: end.map_or(written_us, |end| end.at_us),
            record: end.map_or(0, |end| end.record),
            text,
        };
        let (w, o) = (name(writer), name(owner));
        if let (None, Some(memory)) = (parting, self.nodes[owner as usize].memory) {
            return self.cause_of_stranger(write, &ends, memory, names);
        }
        // Who took over from the writer: usually the owner itself, or one before it.
        let taker_node = taker.map_or(owner, |line| line.node);
        if taker_node == writer {
            return self.cause_of_restart(write, written_us, writer, &ends, names);
        }
        let taker_name = name(taker_node);
        let taken_us = taker.map_or(u64::MAX, |line| line.began_us);
        let at_offset = parting.map_or(0, |(_, place)| place.at.offset);
        if let Some(end) = of(taker_node, false).filter(|end| end.at_us <= taken_us) {
            let text = format!(
                "{taker_name} had the write, {} and came back without it, and then took over from {w}",
                ended_words(&end.how)
            );
            return make(CauseKind::StaleReplica, Some(end), text);
        }
        let died = ends.iter().find(|e| {
            e.node == writer && !e.on_disk && matches!(e.how, End::Process(_)) && e.at_us <= taken_us
        });
        if let Some(end) = died {
            let text = format!(
                "{w} {} before {taker_name} had received offset {}: {taker_name} took over with offset {at_offset}",
                ended_words(&end.how),
                write.at.offset
            );
            return make(CauseKind::AsyncReplication, Some(end), text);
        }
        let Some(end) = of(writer, false) else {
            return make(CauseKind::Unknown, None, format!("{o} does not hold what {w} executed"));
        };
        let when = if written_us > taken_us { "after" } else { "before" };
        let text = format!(
            "{w} accepted the write {when} {taker_name} took over with offset {at_offset}, without having sent it there, \
             and {}",
            match end.how {
                End::Resync { of: Some(of), .. } =>
                    format!("discarded it in the full resynchronisation with {}", name(of)),
                _ => ended_words(&end.how),
            }
        );
        make(CauseKind::MinorityMaster, Some(end), text)
    }

    /// What the owner has is another history altogether: that of the first stranger to whom one gave way that had the write.
    fn cause_of_stranger(&self, write: Pos, ends: &[&Ended], memory: Pos, names: &[&str]) -> Cause {
        let name = |node: u32| names.get(node as usize).copied().unwrap_or("?");
        let line = |line| self.lines.get(line);
        let first = ends.iter().find_map(|end| match end.how {
            End::Resync { with: Some(with), .. } if !self.lines.related(with.line, write.line) => {
                Some((*end, with.line))
            }
            _ => None,
        });
        let stranger = line(first.map_or(memory.line, |(_, line)| line));
        let taker = name(stranger.map_or(u32::MAX, |line| line.node));
        let writer = name(line(write.line).map_or(u32::MAX, |line| line.node));
        let gave_up = first.map_or(String::new(), |(end, _)| {
            format!(", and {} discarded the write in the full resynchronisation with it", name(end.node))
        });
        Cause {
            kind: CauseKind::NeverSynced,
            at_us: first.map_or(stranger.map_or(0, |line| line.began_us), |(end, _)| end.at_us),
            record: first.map_or(0, |(end, _)| end.record),
            text: format!(
                "{taker} took over with another master's data, never synchronised with {writer}{gave_up}"
            ),
        }
    }

    /// The writer itself is the owner: it came back without the write.
    fn cause_of_restart(
        &self,
        write: Pos,
        written_us: u64,
        writer: u32,
        ends: &[&Ended],
        names: &[&str],
    ) -> Cause {
        let w = names.get(writer as usize).copied().unwrap_or("?");
        let known = &self.nodes[writer as usize];
        let on_disk = ends.iter().rev().find(|e| e.node == writer && e.on_disk);
        let in_memory = ends.iter().rev().find(|e| e.node == writer && !e.on_disk);
        let Some(decisive) = on_disk.or(in_memory) else {
            let text = format!("{w} does not hold offset {} that it executed", write.at.offset);
            return Cause { kind: CauseKind::Unknown, at_us: written_us, record: 0, text };
        };
        // What the disk did after that decided nothing.
        let trouble = decisive.trouble;
        let after = |refusal: Option<super::Refusal>| refusal.filter(|refusal| refusal.at_us >= written_us);
        let power = matches!(decisive.how, End::Power(_) | End::Process(Life::PowerLost));
        let (kind, why) = if decisive.how == End::Wiped {
            (CauseKind::WipedDisk, "its disk was wiped".to_string())
        } else if !known.places.has_aof() {
            match known.files.values().any(|marks| marks.positions().next().is_some()) {
                true => (CauseKind::OldSnapshot, "its last snapshot is older".to_string()),
                false => (CauseKind::NoFiles, "it writes no file".to_string()),
            }
        } else if let Some(refusal) = after(trouble.write_failed) {
            (
                CauseKind::RefusedWrite,
                format!("the disk had refused to write it ({})", refusal.error.strerror()),
            )
        } else if power && let Some(refusal) = after(trouble.fsync_failed) {
            let words = refusal.error.strerror();
            (
                CauseKind::FailedFsync,
                format!("the fsync that should have made it durable had failed ({words})"),
            )
        } else if power && after(trouble.fsync_lied).is_some() {
            (CauseKind::LyingDisk, "the disk had called durable what it had not".to_string())
        } else if power
            && matches!(decisive.how, End::Power(Unsynced::Prefix | Unsynced::Subset | Unsynced::Torn))
        {
            (CauseKind::TornTail, "the disk kept only a part of what was not synced".to_string())
        } else if power {
            (CauseKind::UnsyncedTail, "the end of its append-only file was not synced".to_string())
        } else {
            (CauseKind::Unwritten, "it was still in the process's buffer".to_string())
        };
        let text =
            format!("{w} {} and came back as master without the write: {why}", ended_words(&decisive.how));
        Cause { kind, at_us: decisive.at_us, record: decisive.record, text }
    }
}
