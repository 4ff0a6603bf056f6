//! Tests of the machine against a disk in memory.

use super::machine::{Aof, AofFiles, AofState};
use crate::config::{AppendFsync, Config};
use crate::host::{DiskError, Now};
use crate::persist::disk::Outbox;
use crate::persist::disk::testing::TestDisk;
use std::rc::Rc;

struct World {
    aof: Aof<Rc<[u8]>>,
    config: Config,
    out: Outbox,
    disk: TestDisk,
    now: Now,
}

fn base() -> Rc<[u8]> {
    (*b"BASE").into()
}

impl World {
    fn new(policy: AppendFsync) -> World {
        let config = Config { appendonly: true, appendfsync: policy, ..Config::default() };
        let mut world = World {
            aof: Aof::new(),
            config,
            out: Outbox::new(),
            disk: TestDisk::default(),
            now: Now { mono_us: 1, wall_us: 1_000_000_000 },
        };
        world.aof.open(&world.config, AofFiles::default(), 9, base, &mut world.out);
        assert!(world.stalls());
        world.settle();
        assert!(!world.stalls());
        world
    }

    fn stalls(&self) -> bool {
        self.aof.stalls(&self.config, self.aof.rewriting())
    }

    /// Carries out one disk operation.
    fn one(&mut self) -> bool {
        while self.aof.wants_step() {
            self.aof.step(&mut self.out);
        }
        self.disk.take(&mut self.out);
        let Some((op, result)) = self.disk.one() else { return false };
        let background = self.aof.rewriting();
        let mine = self.aof.on_disk(self.now, &self.config, background, op, &result, &mut self.out);
        assert!(
            mine || self.disk.done.last().unwrap().starts_with("remove"),
            "{}",
            self.disk.done.last().unwrap()
        );
        self.disk.take(&mut self.out);
        true
    }

    fn settle(&mut self) {
        while self.one() {}
    }

    fn set(&mut self, key: &str) {
        self.aof.feed(self.now, &self.config, 0, &[b"SET", key.as_bytes(), b"v"]);
    }

    fn flush(&mut self) {
        let background = self.aof.rewriting();
        self.aof.flush(self.now, &self.config, false, background, &mut self.out);
        self.disk.take(&mut self.out);
    }

    fn seconds_pass(&mut self, seconds: u64) {
        self.now.mono_us += seconds * 1_000_000;
        self.now.wall_us += seconds * 1_000_000;
    }

    fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.disk.files[&format!("appendonlydir/{name}")]).into_owned()
    }

    fn rewrite(&mut self) {
        self.aof.start_rewrite(self.now, &self.config, base(), 77, &mut self.out);
    }
}

const SET_A: &str = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n";
const SELECT_0: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

#[test]
fn a_fresh_node_makes_base_increment_and_manifest() {
    let world = World::new(AppendFsync::Everysec);
    assert_eq!(world.file("appendonly.aof.1.base.rdb"), "BASE");
    assert_eq!(world.file("appendonly.aof.1.incr.aof"), "");
    assert_eq!(
        world.file("appendonly.aof.manifest"),
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    );
    assert_eq!(
        world.disk.logs,
        [
            "Creating AOF base file appendonly.aof.1.base.rdb on server start",
            "Creating AOF incr file appendonly.aof.1.incr.aof on server start"
        ]
    );
    assert_eq!(world.aof.info(world.now).current_size, 4);
}

#[test]
fn always_stalls_until_what_was_appended_is_durable() {
    let mut world = World::new(AppendFsync::Always);
    world.set("a");
    world.flush();
    assert!(world.stalls());
    world.one();
    assert!(world.stalls(), "written, not yet durable");
    world.one();
    assert!(!world.stalls());
    assert_eq!(world.aof.durable(), world.aof.position());
    assert_eq!(world.file("appendonly.aof.1.incr.aof"), format!("{SELECT_0}{SET_A}"));
}

#[test]
fn everysec_syncs_once_a_second_and_waits_two_for_a_slow_one() {
    let mut world = World::new(AppendFsync::Everysec);
    world.set("a");
    world.flush();
    world.settle();
    assert_ne!(world.disk.done.last().unwrap(), "fsync appendonlydir/appendonly.aof.1.incr.aof");
    assert!(!world.stalls());
    world.seconds_pass(1);
    world.flush();
    assert_eq!(world.disk.waiting.len(), 1, "an fsync without anything new to write");
    world.set("b");
    world.flush();
    world.seconds_pass(1);
    world.flush();
    assert_eq!(world.disk.waiting.len(), 1, "the write is put off while the fsync is under way");
    world.seconds_pass(1);
    world.flush();
    assert_eq!(world.disk.waiting.len(), 2);
    assert_eq!(world.aof.info(world.now).delayed_fsyncs, 1);
    world.settle();
    world.seconds_pass(1);
    world.flush();
    world.settle();
    assert_eq!(world.aof.durable(), world.aof.position());
}

#[test]
fn a_full_disk_refuses_writes_until_it_has_room_again() {
    let mut world = World::new(AppendFsync::Everysec);
    world.seconds_pass(100);
    world.disk.room = Some(10);
    world.set("a");
    world.flush();
    world.settle();
    assert_eq!(world.file("appendonly.aof.1.incr.aof"), "", "the short write is cut off again");
    let error = "MISCONF Errors writing to the AOF file: No space left on device";
    assert_eq!(world.aof.write_error().as_deref(), Some(error));
    assert!(
        world
            .disk
            .logs
            .last()
            .unwrap()
            .starts_with("Short write while writing to the AOF file: (nwritten=10, ")
    );
    world.flush();
    assert!(world.disk.waiting.is_empty(), "not tried again at once");
    world.disk.room = None;
    world.seconds_pass(1);
    world.flush();
    world.settle();
    assert_eq!(world.aof.write_error(), None);
    assert!(world.disk.logs.contains(&"AOF write error looks solved, Redis can write again.".to_string()));
    assert_eq!(world.file("appendonly.aof.1.incr.aof"), format!("{SELECT_0}{SET_A}"));
}

#[test]
fn always_exits_when_the_disk_fails() {
    for failing in ["append", "fsync"] {
        let mut world = World::new(AppendFsync::Always);
        world.disk.failing.push((failing.into(), DiskError::Io));
        world.set("a");
        world.flush();
        world.settle();
        assert_eq!(world.disk.exit, Some(1), "{failing}");
    }
}

#[test]
fn a_rewrite_switches_files_and_removes_the_old_ones() {
    let mut world = World::new(AppendFsync::Everysec);
    world.set("a");
    world.rewrite();
    assert!(world.stalls(), "until the new file is named in the manifest");
    while world.stalls() {
        world.one();
    }
    world.set("b");
    world.flush();
    world.settle();
    assert!(!world.aof.rewriting());
    let names: Vec<&str> = world.disk.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "appendonlydir/appendonly.aof.2.base.rdb",
            "appendonlydir/appendonly.aof.2.incr.aof",
            "appendonlydir/appendonly.aof.manifest"
        ]
    );
    let manifest =
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
    assert_eq!(world.file("appendonly.aof.manifest"), manifest);
    assert_eq!(
        world.file("appendonly.aof.2.incr.aof"),
        format!("{SELECT_0}{}", SET_A.replace("\r\na\r\n", "\r\nb\r\n"))
    );
    assert_eq!(
        world.disk.logs[2..],
        [
            "Creating AOF incr file appendonly.aof.2.incr.aof on background rewrite",
            "Background append only file rewriting started by pid 77",
            "Successfully created the temporary AOF base file temp-rewriteaof-bg-77.aof",
            "Background AOF rewrite terminated with success",
            "Successfully renamed the temporary AOF base file temp-rewriteaof-bg-77.aof into appendonly.aof.2.base.rdb",
            "Removing the history file appendonly.aof.1.incr.aof in the background",
            "Removing the history file appendonly.aof.1.base.rdb in the background",
            "Background AOF rewrite finished successfully"
        ]
    );
    let info = world.aof.info(world.now);
    assert!(info.last_rewrite_ok && info.rewrites == 1);
    assert_eq!(info.current_size, 4 + (SELECT_0.len() + SET_A.len()) as u64);
}

/// Whatever operation of a rewrite fails, the files that the manifest names hold every change, in order.
#[test]
fn a_rewrite_that_fails_anywhere_loses_nothing() {
    for failing_at in 0..40 {
        let mut world = World::new(AppendFsync::Everysec);
        world.set("a");
        world.flush();
        world.settle();
        world.rewrite();
        let (mut step, mut fed) = (0, false);
        loop {
            if !world.stalls() && !fed {
                fed = true;
                world.set("b");
                world.flush();
            }
            if step == failing_at {
                world.disk.failing.push(("".into(), DiskError::Io));
            }
            if !world.one() {
                break;
            }
            world.disk.failing.clear();
            step += 1;
        }
        for _ in 0..3 {
            world.seconds_pass(1);
            world.flush();
            world.settle();
        }
        assert!(!world.aof.rewriting() && !world.stalls(), "failing at {failing_at}");
        let manifest = world.file("appendonly.aof.manifest");
        let whole: String = manifest
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|words| words[5] != "h")
            .map(|words| world.file(words[1]))
            .collect();
        let kept = whole.contains("$1\r\na\r\n") || manifest.contains("2.base");
        assert!(kept && whole.contains("$1\r\nb\r\n"), "failing at {failing_at}: {manifest}{whole}");
        if step < failing_at {
            return;
        }
    }
    panic!("the rewrite takes more steps than the test has");
}

#[test]
fn switched_on_at_run_time_it_is_valid_after_a_rewrite() {
    let mut world = World::new(AppendFsync::Everysec);
    world.aof.disable(world.now, &world.config, &mut world.out);
    assert!(world.stalls());
    world.settle();
    assert_eq!(world.aof.state(), AofState::Off);
    assert!(!world.stalls());
    world.set("lost");
    assert!(world.aof.enable(false, false, &mut world.out));
    world.rewrite();
    while world.stalls() {
        world.one();
    }
    assert_eq!(world.aof.state(), AofState::WaitRewrite);
    world.set("b");
    world.flush();
    world.settle();
    assert_eq!(world.aof.state(), AofState::On);
    let manifest =
        "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
    assert_eq!(world.file("appendonly.aof.manifest"), manifest);
    assert_eq!(
        world.file("appendonly.aof.2.incr.aof"),
        format!("{SELECT_0}{}", SET_A.replace("\r\na\r\n", "\r\nb\r\n"))
    );
    world.set("c");
    world.flush();
    world.settle();
    assert!(
        world.file("appendonly.aof.2.incr.aof").contains("$1\r\nc\r\n"),
        "writing goes on under the new name"
    );
}

#[test]
fn switched_on_and_failing_it_is_tried_again() {
    let mut world = World::new(AppendFsync::Everysec);
    world.aof.disable(world.now, &world.config, &mut world.out);
    world.settle();
    world.aof.enable(false, false, &mut world.out);
    world.rewrite();
    world.disk.failing.push(("append temp-rewriteaof-bg".into(), DiskError::NoSpace));
    world.settle();
    assert_eq!(world.aof.state(), AofState::WaitRewrite);
    assert!(world.aof.scheduled_due(world.now, &mut world.out));
    assert_eq!(
        world.disk.logs.last().unwrap(),
        "Removing the temp incr aof file temp-appendonly.aof.incr in the background"
    );
    world.set("not taken");
    assert_eq!(world.aof.info(world.now).buffer_len, 0);
    world.disk.failing.clear();
    world.rewrite();
    world.settle();
    assert_eq!(world.aof.state(), AofState::On);
}

#[test]
fn growth_asks_for_a_rewrite_and_failures_hold_it_back() {
    let mut world = World::new(AppendFsync::No);
    world.config.auto_aof_rewrite_min_size = 50;
    assert_eq!(world.aof.auto_rewrite_due(world.now, &world.config, &mut world.out), None);
    world.set("a");
    world.set("a");
    world.flush();
    world.settle();
    let size = (SELECT_0.len() + 2 * SET_A.len() + 4) as i64;
    assert_eq!(
        world.aof.auto_rewrite_due(world.now, &world.config, &mut world.out),
        Some(size * 100 / 4 - 100)
    );
    world.disk.failing.push(("temp-rewriteaof-bg".into(), DiskError::Io));
    for _ in 0..3 {
        world.rewrite();
        world.settle();
    }
    assert_eq!(world.aof.auto_rewrite_due(world.now, &world.config, &mut world.out), None);
    world.seconds_pass(61);
    assert!(world.aof.auto_rewrite_due(world.now, &world.config, &mut world.out).is_some());
}
