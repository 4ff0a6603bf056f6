//! What is left of files after operations, kills, losses of power and errors.

use super::*;
use crate::sim::fault::EioOn;

const UNSYNCED: [Unsynced; 5] =
    [Unsynced::Lost, Unsynced::Kept, Unsynced::Prefix, Unsynced::Subset, Unsynced::Torn];

/// Operations that always fail.
fn eio(on: EioOn) -> EioRule {
    EioRule { fault: 1, left: on.count, on }
}

struct Host {
    disk: Disk,
    rng: Rng,
    now_us: u64,
    waiting: Vec<(u64, u32)>,
    next: u64,
}

impl Host {
    fn new() -> Host {
        Host { disk: Disk::new(DiskSetup::default()), rng: Rng::new(5), now_us: 0, waiting: vec![], next: 0 }
    }

    fn submit(&mut self, request: DiskRequest) -> OpId {
        self.next += 1;
        let id = OpId(self.next);
        let (number, at) = self.disk.submit(&mut self.rng, self.now_us, 1, id, 0, request);
        self.waiting.push((at, number));
        id
    }

    /// Carries out everything that waits; gives the results in the order of completion.
    fn finish(&mut self) -> Vec<(OpId, Result<DiskReply, DiskError>)> {
        self.waiting.sort();
        let mut results = Vec::new();
        for (at, number) in std::mem::take(&mut self.waiting) {
            self.now_us = self.now_us.max(at);
            if let Some(done) = self.disk.complete(number) {
                results.push((done.id, done.result));
            }
        }
        results
    }

    fn op(&mut self, request: DiskRequest) -> Result<DiskReply, DiskError> {
        self.submit(request);
        self.finish().pop().unwrap().1
    }

    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<DiskReply, DiskError> {
        self.op(DiskRequest::Append { path: path.into(), bytes: bytes.into() })
    }

    fn fsync(&mut self, path: &str) -> Result<DiskReply, DiskError> {
        self.op(DiskRequest::Fsync { path: path.into() })
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.disk.read_file(path)
    }
}

#[test]
fn a_power_loss_takes_what_was_not_synced_and_a_kill_does_not() {
    let mut host = Host::new();
    host.append("a", b"durable").unwrap();
    host.fsync("a").unwrap();
    host.append("a", b" lost").unwrap();
    host.append("new", b"x").unwrap();
    host.disk.process_ended(host.now_us);
    assert_eq!(host.read("a").unwrap(), b"durable lost");
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    assert_eq!(host.read("a").unwrap(), b"durable");
    assert_eq!(host.read("new"), None);
}

#[test]
fn a_rename_is_durable_only_after_the_folder_was_synced() {
    for synced in [false, true] {
        let mut host = Host::new();
        host.append("dump.rdb", b"old").unwrap();
        host.fsync("dump.rdb").unwrap();
        host.append("temp", b"new").unwrap();
        host.fsync("temp").unwrap();
        host.op(DiskRequest::Rename { from: "temp".into(), to: "dump.rdb".into() }).unwrap();
        assert_eq!(host.read("dump.rdb").unwrap(), b"new");
        if synced {
            host.op(DiskRequest::FsyncDir { path: ".".into() }).unwrap();
        }
        host.disk.power_lost(&mut host.rng, Unsynced::Lost);
        assert_eq!(host.read("dump.rdb").unwrap(), if synced { b"new" } else { b"old" });
        assert_eq!(host.read("temp").is_some(), !synced);
    }
}

#[test]
fn operations_on_one_file_complete_in_order() {
    let mut host = Host::new();
    let mut asked = Vec::new();
    for i in 0..20u8 {
        asked.push(host.submit(DiskRequest::Append { path: "a".into(), bytes: [i].into() }));
        asked.push(host.submit(DiskRequest::Fsync { path: "a".into() }));
    }
    let other = host.submit(DiskRequest::Append { path: "b".into(), bytes: b"b"[..].into() });
    let done: Vec<OpId> = host.finish().into_iter().map(|(id, _)| id).collect();
    assert!(done.iter().position(|&d| d == other) < Some(5), "another file does not wait");
    assert_eq!(done.into_iter().filter(|&d| d != other).collect::<Vec<_>>(), asked);
    assert_eq!(host.read("a").unwrap(), (0..20).collect::<Vec<u8>>());
}

#[test]
fn a_kill_drops_what_has_not_begun() {
    let mut host = Host::new();
    for i in 0..10u8 {
        host.submit(DiskRequest::Append { path: "a".into(), bytes: [i].into() });
    }
    host.disk.process_ended(host.now_us + 1);
    host.finish();
    assert_eq!(host.read("a").unwrap(), [0], "the first had begun");
}

#[test]
fn a_failed_fsync_loses_the_pages_for_good() {
    let mut host = Host::new();
    host.append("a", b"one").unwrap();
    host.fsync("a").unwrap();
    host.append("a", b"two").unwrap();
    host.disk.trouble.eio = vec![eio(EioOn { fsync: true, ..EioOn::default() })];
    assert_eq!(host.fsync("a"), Err(DiskError::Io));
    host.disk.trouble.eio.clear();
    assert_eq!(host.fsync("a"), Ok(DiskReply::Done), "the next one knows of nothing");
    assert_eq!(host.read("a").unwrap(), b"onetwo", "the cache still shows the bytes");
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    assert_eq!(host.read("a").unwrap(), b"one");
}

#[test]
fn a_full_disk_takes_a_part() {
    let mut host = Host::new();
    host.append("a", &[1; 5000]).unwrap();
    host.disk.trouble.capacity_bytes = Some(3 * 4096 + 100);
    assert_eq!(
        host.append("a", &[2; 10_000]),
        Ok(DiskReply::Written(3 * 4096 - 5000)),
        "up to the last page's end"
    );
    assert_eq!(host.append("a", &[3; 30]), Err(DiskError::NoSpace));
    assert_eq!(
        host.op(DiskRequest::WriteAt { path: "a".into(), offset: 0, bytes: [4; 50][..].into() }),
        Ok(DiskReply::Written(50)),
        "bytes in place need no room"
    );
    host.op(DiskRequest::Truncate { path: "a".into(), len: 8000 }).unwrap();
    assert_eq!(host.append("a", &[5; 90]), Ok(DiskReply::Written(90)));
}

#[test]
fn read_only_stalled_and_missing() {
    let mut host = Host::new();
    host.append("a", b"x").unwrap();
    host.disk.trouble.read_only = true;
    assert_eq!(host.append("a", b"y"), Err(DiskError::ReadOnly));
    assert_eq!(host.op(DiskRequest::Create { path: "b".into() }), Err(DiskError::ReadOnly));
    host.disk.trouble.read_only = false;
    assert_eq!(host.op(DiskRequest::Stat { path: "b".into() }), Err(DiskError::NotFound));
    assert_eq!(host.append("no/such", b"y"), Err(DiskError::NotFound));
    assert_eq!(host.append("../up", b"y"), Err(DiskError::BadPath));
    host.disk.trouble.stalled = true;
    host.submit(DiskRequest::Stat { path: "a".into() });
    assert!(host.finish().is_empty());
    host.disk.trouble.stalled = false;
    for number in host.disk.release() {
        assert_eq!(host.disk.complete(number).unwrap().result, Ok(DiskReply::Size(1)));
    }
}

#[test]
fn folders_have_their_files() {
    let mut host = Host::new();
    host.op(DiskRequest::Mkdir { path: "appendonlydir".into() }).unwrap();
    host.append("appendonlydir/x.1.incr.aof", b"1").unwrap();
    host.append("./dump.rdb", b"2").unwrap();
    let names = |r: Result<DiskReply, DiskError>| match r.unwrap() {
        DiskReply::Names(names) => names,
        other => panic!("{other:?}"),
    };
    assert_eq!(names(host.op(DiskRequest::List { path: "appendonlydir/".into() })), ["x.1.incr.aof"]);
    assert_eq!(names(host.op(DiskRequest::List { path: ".".into() })), ["appendonlydir", "dump.rdb"]);
    host.fsync("appendonlydir/x.1.incr.aof").unwrap();
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    assert_eq!(names(host.op(DiskRequest::List { path: "appendonlydir".into() })), ["x.1.incr.aof"]);
}

#[test]
fn the_kernel_writes_back_by_itself() {
    let mut host = Host::new();
    host.append("a", b"patience").unwrap();
    let at = host.disk.plan_writeback(host.now_us).unwrap();
    assert_eq!(at, host.now_us + 30_000_000);
    assert_eq!(host.disk.plan_writeback(host.now_us), None, "once is enough");
    host.disk.write_back();
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    assert_eq!(host.read("a").unwrap(), b"patience");
}

/// A mirror that applies the noted changes has exactly what a loss of power would leave, whatever happens.
#[test]
fn the_noted_changes_are_the_durable_files() {
    for seed in 0..60 {
        let mut host = Host::new();
        host.disk.record_changes(true);
        let mut rng = Rng::new(seed);
        let mut mirror = BTreeMap::new();
        let names = ["a", "b", "d/c", "d/e"];
        host.op(DiskRequest::Mkdir { path: "d".into() }).unwrap();
        for _ in 0..200 {
            let path: Rc<str> = names[rng.below(4) as usize].into();
            let bytes = vec![rng.next_u64() as u8; rng.below(9000) as usize + 1];
            let request = match rng.below(12) {
                0 => DiskRequest::Create { path },
                1 => DiskRequest::Truncate { path, len: rng.below(20_000) },
                2 => DiskRequest::Rename { from: path, to: names[rng.below(4) as usize].into() },
                3 => DiskRequest::Remove { path },
                4 => DiskRequest::FsyncDir { path: ".".into() },
                5 => DiskRequest::WriteAt { path, offset: rng.below(20_000), bytes: bytes.into() },
                6..=8 => DiskRequest::Fsync { path },
                _ => DiskRequest::Append { path, bytes: bytes.into() },
            };
            host.disk.trouble.eio.clear();
            if rng.below(10) == 0 {
                host.disk.trouble.eio.push(eio(EioOn { fsync: true, ..EioOn::default() }));
            }
            let _ = host.op(request);
            if rng.below(40) == 0 {
                let unsynced = UNSYNCED[rng.below(5) as usize];
                host.disk.power_lost(&mut rng, unsynced);
                let seen: Vec<_> =
                    names.iter().filter_map(|n| Some((n.to_string(), host.read(n)?))).collect();
                assert_eq!(seen.into_iter().collect::<BTreeMap<_, _>>(), host.disk.durable_image());
            }
            let changes = host.disk.take_changes().into_iter();
            let changes: Vec<DurableChange> =
                changes.map(|(path, kind)| DurableChange { node: "n".into(), path, kind }).collect();
            crate::sim::world::apply_changes(&mut mirror, &changes);
            let image = host.disk.durable_image();
            assert!(mirror.get("n").cloned().unwrap_or_default() == image, "seed {seed}");
        }
    }
}

#[test]
fn a_power_loss_may_keep_a_part() {
    let (mut prefix_cut, mut holes) = (false, false);
    for seed in 0..40 {
        let mut host = Host::new();
        host.rng = Rng::new(seed);
        host.append("a", b"x").unwrap();
        host.fsync("a").unwrap();
        host.append("a", &[7; 40_000]).unwrap();
        let mut other = host.disk.clone();
        host.disk.power_lost(&mut host.rng, Unsynced::Prefix);
        let kept = host.read("a").unwrap();
        assert!(kept[1..].iter().all(|&b| b == 7), "a prefix has no holes");
        prefix_cut |= kept.len() > 1 && kept.len() < 40_001;
        other.power_lost(&mut host.rng, Unsynced::Subset);
        holes |= other.read_file("a").unwrap()[1..].contains(&0);
    }
    assert!(prefix_cut && holes);
}

/// Appends the rest of what fills three pages with `fill`, onto one synced byte.
fn three_dirty_pages(seed: u64, fill: u8) -> Host {
    let mut host = Host::new();
    host.rng = Rng::new(seed);
    host.append("a", b"x").unwrap();
    host.fsync("a").unwrap();
    host.append("a", &vec![fill; 3 * 4096 - 1]).unwrap();
    host
}

#[test]
fn a_torn_write_keeps_any_sectors_and_nothing_smaller() {
    let (mut torn, mut seen) = (0, BTreeSet::new());
    for seed in 0..200 {
        let mut host = three_dirty_pages(seed, 7);
        host.disk.record_changes(true);
        host.disk.power_lost(&mut host.rng, Unsynced::Torn);
        let kept = host.read("a").unwrap();
        assert_eq!(kept.first(), Some(&b'x'), "what was synced is there");
        assert!(kept.len() == 1 || kept.len().is_multiple_of(512), "{}", kept.len());
        let whole = |sector: &[u8]| sector.iter().all(|&b| b == 7) || sector.iter().all(|&b| b == 0);
        let sectors: Vec<&[u8]> = kept.chunks(512).collect();
        assert!(sectors[1..].iter().all(|sector| whole(sector)));
        assert!(sectors[0][1..].iter().all(|&b| b == sectors[0].get(1).copied().unwrap_or(0)));
        let page: Vec<bool> = sectors.iter().skip(8).take(8).map(|sector| sector[0] == 7).collect();
        torn += usize::from(page.contains(&true) && page.contains(&false));
        seen.insert(page);
    }
    assert!(torn > 100 && seen.len() > 50, "{torn} torn pages, {} kinds", seen.len());
}

#[test]
fn a_device_that_gets_to_a_byte_keeps_one_file_up_to_it_and_nothing_else() {
    let text: Vec<u8> = (0..3 * 4096u32).map(|i| i as u8).collect();
    // Within the part that is durable, at its end, within a page, at the end of a page, at the end of the file, behind it.
    for (end, kept) in
        [(2, 5), (5, 5), (77, 77), (4096, 4096), (5000, 5000), (12_288, 12_288), (1 << 44, 12_288)]
    {
        let mut host = Host::new();
        host.append("a", &text[..5]).unwrap();
        host.fsync("a").unwrap();
        host.append("a", &text[5..4090]).unwrap();
        host.append("a", &text[4090..]).unwrap();
        host.append("b", b"of another file").unwrap();
        host.disk.record_changes(true);
        host.disk.keep_front("./a", end);
        let changed: usize = (host.disk.take_changes().iter())
            .map(|(path, kind)| match kind {
                ChangeKind::Write { bytes, .. } if path == "a" => bytes.len(),
                other => panic!("{path} {other:?}"),
            })
            .sum();
        assert_eq!(changed, kept - 5, "who mirrors the disk is told of what was kept, up to {end}");
        host.disk.power_lost(&mut host.rng, Unsynced::Lost);
        assert_eq!(host.read("a").unwrap(), text[..kept], "up to {end}");
        assert_eq!(host.read("b"), None);
    }
}

#[test]
fn a_new_file_that_is_kept_up_to_a_byte_is_there_unless_the_device_lies() {
    for lies in [false, true] {
        let mut host = Host::new();
        host.append("new", b"abcdef").unwrap();
        host.disk.trouble.fsync_lies = lies;
        host.disk.keep_front("new", 3);
        host.disk.power_lost(&mut host.rng, Unsynced::Lost);
        assert_eq!(host.read("new"), (!lies).then(|| b"abc".to_vec()));
    }
}

#[test]
fn a_device_that_is_in_time_keeps_all() {
    let mut host = three_dirty_pages(1, 7);
    host.append("new", b"y").unwrap();
    host.disk.power_lost(&mut host.rng, Unsynced::Kept);
    assert_eq!(host.read("a").unwrap().len(), 3 * 4096);
    assert_eq!(host.read("new").unwrap(), b"y");
}

#[test]
fn errors_strike_one_file_or_so_often() {
    let mut host = Host::new();
    host.append("a", b"1").unwrap();
    host.append("b", b"1").unwrap();
    let only_a = EioOn { write: true, path: Some("./a".into()), ..EioOn::default() };
    host.disk.trouble.eio = vec![eio(only_a)];
    assert_eq!(host.append("a", b"2"), Err(DiskError::Io));
    assert_eq!(host.append("b", b"2"), Ok(DiskReply::Written(1)));
    host.disk.trouble.eio = vec![eio(EioOn { read: true, count: Some(2), ..EioOn::default() })];
    let read = |host: &mut Host| host.op(DiskRequest::Read { path: "b".into(), offset: 0, len_max: 9 });
    assert_eq!(read(&mut host), Err(DiskError::Io));
    assert!(host.disk.spent_faults().is_empty());
    assert_eq!(read(&mut host), Err(DiskError::Io));
    assert_eq!(host.disk.spent_faults(), [1]);
    assert_eq!(read(&mut host), Ok(DiskReply::Bytes(b"12"[..].into())));
}

#[test]
fn a_write_back_that_failed_shows_in_the_next_fsync_once() {
    let mut host = Host::new();
    host.append("a", b"one").unwrap();
    host.fsync("a").unwrap();
    host.append("a", b"two").unwrap();
    host.disk.trouble.eio = vec![eio(EioOn { fsync: true, ..EioOn::default() })];
    host.disk.write_back();
    host.disk.trouble.eio.clear();
    host.append("a", b"three").unwrap();
    assert_eq!(host.fsync("a"), Err(DiskError::Io), "what the kernel could not write is told");
    assert_eq!(host.fsync("a"), Ok(DiskReply::Done), "once");
    assert_eq!(host.read("a").unwrap(), b"onetwothree");
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    let left = host.read("a").unwrap();
    assert_eq!(
        (left.len(), &left[..3]),
        (11, &b"one"[..]),
        "the page was written again with what came after"
    );
}

#[test]
fn a_device_that_lies_keeps_nothing() {
    let mut host = Host::new();
    host.append("a", b"one").unwrap();
    host.fsync("a").unwrap();
    host.disk.trouble.fsync_lies = true;
    host.append("a", b"two").unwrap();
    assert_eq!(host.fsync("a"), Ok(DiskReply::Done));
    host.append("b", b"x").unwrap();
    assert_eq!(host.op(DiskRequest::FsyncDir { path: ".".into() }), Ok(DiskReply::Done));
    host.disk.write_back();
    host.disk.power_lost(&mut host.rng, Unsynced::Kept);
    assert_eq!(host.read("a").unwrap(), b"one");
    assert_eq!(host.read("b"), None);
}

#[test]
fn a_lost_rename_brings_the_old_names_back_and_only_them() {
    let mut host = Host::new();
    for (path, bytes) in [("dump.rdb", b"old"), ("temp", b"new")] {
        host.append(path, bytes).unwrap();
        host.fsync(path).unwrap();
    }
    host.disk.trouble.renames_lost = true;
    host.op(DiskRequest::Rename { from: "temp".into(), to: "dump.rdb".into() }).unwrap();
    host.append("other", b"1").unwrap();
    host.fsync("other").unwrap();
    host.op(DiskRequest::FsyncDir { path: ".".into() }).unwrap();
    assert_eq!(host.read("dump.rdb").unwrap(), b"new");
    let mut healed = host.disk.clone();
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    let files = ["dump.rdb", "temp", "other"].map(|path| host.read(path).unwrap());
    assert_eq!(files, [b"old".to_vec(), b"new".to_vec(), b"1".to_vec()]);
    healed.trouble.renames_lost = false;
    healed.write_back();
    healed.power_lost(&mut host.rng, Unsynced::Lost);
    assert_eq!((healed.read_file("dump.rdb").unwrap(), healed.read_file("temp")), (b"new".to_vec(), None));
}

#[test]
fn bits_flip_on_the_device_and_dirty_pages_write_over_them() {
    let mut host = Host::new();
    host.append("a", &[0; 8192]).unwrap();
    host.fsync("a").unwrap();
    host.op(DiskRequest::WriteAt { path: "a".into(), offset: 0, bytes: [1; 4096][..].into() }).unwrap();
    for offset in [10, 5000] {
        host.disk.flippable(Some("a"), Some(offset), 3).unwrap();
        host.disk.flip_bits(&mut host.rng, Some("./a"), Some(offset), 3, 0);
    }
    let bytes = host.read("a").unwrap();
    assert_eq!(
        (bytes[10], bytes[5000]),
        (1, 8),
        "a dirty page is read from the cache, a clean one from the device"
    );
    let mut lost = host.disk.clone();
    lost.power_lost(&mut host.rng, Unsynced::Lost);
    let bytes = lost.read_file("a").unwrap();
    assert_eq!((bytes[10], bytes[5000]), (8, 8));
    host.fsync("a").unwrap();
    host.disk.power_lost(&mut host.rng, Unsynced::Lost);
    let bytes = host.read("a").unwrap();
    assert_eq!((bytes[10], bytes[5000]), (1, 8));
    host.disk.flip_bits(&mut host.rng, None, None, 0, 5);
    let now = host.read("a").unwrap();
    let flipped: u32 = bytes.iter().zip(&now).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!((1..=5).contains(&flipped), "{flipped}");
    assert!(host.disk.flippable(Some("b"), None, 0).unwrap_err().contains("its files are a"));
    assert!(host.disk.flippable(Some("a"), Some(8192), 0).unwrap_err().contains("8192 bytes"));
    assert!(host.disk.flippable(None, Some(1), 0).is_err() && host.disk.flippable(None, None, 8).is_err());
}
