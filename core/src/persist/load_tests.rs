//! Loading from a disk in memory, with the files that redis-server 7.0.15 wrote (tests/corpus).

use super::load::{LoadItem, LoadStep, Loaded, Loader};
use crate::config::Config;
use crate::host::{DiskError, Now};
use crate::persist::disk::Outbox;
use crate::persist::disk::testing::TestDisk;
use crate::persist::rdb::reader::RdbItem;
use crate::store::Limits;
use std::rc::Rc;

const NOW: Now = Now { mono_us: 5_000_000, wall_us: 1_800_000_000_000_000 };

struct Run {
    /// Keys as `key name`, commands as their words.
    items: Vec<String>,
    loaded: Option<Loaded>,
    disk: TestDisk,
}

fn run(config: Config, disk: TestDisk) -> Run {
    let (mut out, mut disk) = (Outbox::new(), disk);
    let mut loader = Loader::start(NOW, Rc::new(config), Limits::default(), true, &mut out);
    let mut items = Vec::new();
    loop {
        let step = loader.next_step(NOW, &mut out);
        disk.take(&mut out);
        let loaded = match step {
            LoadStep::Item(LoadItem::Rdb(RdbItem::Key { key, .. })) => {
                items.push(format!("key {}", String::from_utf8_lossy(&key)));
                continue;
            }
            LoadStep::Item(LoadItem::Command(args)) => {
                let words: Vec<_> = args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
                items.push(words.join(" "));
                continue;
            }
            LoadStep::Item(_) => continue,
            LoadStep::Wait => {
                let (op, result) = disk.one().expect("the loader waits for the disk");
                assert!(loader.on_disk(NOW, op, &result, &mut out));
                continue;
            }
            LoadStep::Done(loaded) => Some(loaded),
            LoadStep::Failed => None,
        };
        disk.take(&mut out);
        return Run { items, loaded, disk };
    }
}

fn aof_config() -> Config {
    Config { appendonly: true, ..Config::default() }
}

fn aof_disk(files: &[(&str, &[u8])]) -> TestDisk {
    let mut disk = TestDisk { folders: vec!["appendonlydir".into()], ..TestDisk::default() };
    for (name, bytes) in files {
        disk.files.insert(format!("appendonlydir/{name}"), bytes.to_vec());
    }
    disk
}

macro_rules! aof {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/corpus/aof/", $name))
    };
}

const MANIFEST: &[u8] = aof!("multipart/appendonly.aof.manifest");
const BASE: &[u8] = aof!("multipart/appendonly.aof.2.base.rdb");
const INCR: &[u8] = aof!("multipart/appendonly.aof.2.incr.aof");

fn multipart(incr: &[u8]) -> TestDisk {
    aof_disk(&[
        ("appendonly.aof.manifest", MANIFEST),
        ("appendonly.aof.2.base.rdb", BASE),
        ("appendonly.aof.2.incr.aof", incr),
    ])
}

#[test]
fn nothing_is_there() {
    for appendonly in [false, true] {
        let run = run(Config { appendonly, ..Config::default() }, TestDisk::default());
        assert!(run.items.is_empty() && run.loaded.is_some() && run.disk.exit.is_none());
    }
}

#[test]
fn an_rdb_file() {
    let mut disk = TestDisk::default();
    let bytes = include_bytes!("../../../tests/corpus/rdb/function.rdb");
    disk.files.insert("dump.rdb".into(), bytes.to_vec());
    let ran = run(Config::default(), disk);
    assert_eq!(ran.items, ["key k"]);
    assert_eq!(ran.disk.logs.last().unwrap(), "DB loaded from disk: 0.000 seconds");
    let mut disk = TestDisk::default();
    disk.files.insert("dump.rdb".into(), bytes[..60].to_vec());
    let ran = run(Config::default(), disk);
    assert!(ran.loaded.is_none());
    assert_eq!(ran.disk.exit, Some(1));
    let logs = &ran.disk.logs;
    assert_eq!(logs[logs.len() - 2], "Short read or OOM loading DB. Unrecoverable error, aborting now.");
    let mut disk = TestDisk::default();
    disk.files.insert("dump.rdb".into(), b"REDIS0099".to_vec());
    let ran = run(Config::default(), disk);
    assert_eq!(
        ran.disk.logs[1..],
        ["Can't handle RDB format version 99", "Fatal error loading the DB: Invalid argument. Exiting."]
    );
}

#[test]
fn a_base_and_an_increment() {
    let ran = run(aof_config(), multipart(INCR));
    let expected = [
        "key before",
        "key l",
        "SELECT 0",
        "set after 2",
        "SELECT 2",
        "set db2 x",
        "incr n",
        "incr n",
        "SELECT 0",
        "del before",
    ];
    let mut items = ran.items.clone();
    items[..2].sort();
    assert_eq!(items, expected);
    let files = ran.loaded.unwrap().aof;
    assert_eq!(files.base_size, BASE.len() as u64);
    assert_eq!(files.last_incr_size, INCR.len() as u64);
    assert_eq!(files.total_size, files.base_size + files.last_incr_size);
    assert_eq!(files.manifest.format().as_bytes(), MANIFEST);
    let logs = &ran.disk.logs;
    assert_eq!(logs[0], "Reading RDB base file on AOF loading...");
    assert_eq!(
        logs[logs.len() - 3..],
        [
            "DB loaded from base file appendonly.aof.2.base.rdb: 0.000 seconds",
            "DB loaded from incr file appendonly.aof.2.incr.aof: 0.000 seconds",
            "DB loaded from append only file: 0.000 seconds"
        ]
    );
}

#[test]
fn a_base_of_commands() {
    let disk = aof_disk(&[
        ("appendonly.aof.manifest", aof!("commands/appendonly.aof.manifest")),
        ("appendonly.aof.2.base.aof", aof!("commands/appendonly.aof.2.base.aof")),
        ("appendonly.aof.2.incr.aof", aof!("commands/appendonly.aof.2.incr.aof")),
    ]);
    let ran = run(aof_config(), disk);
    assert!(ran.items.contains(&"PEXPIREAT k 4102444800123".to_string()), "{:?}", ran.items);
    assert_eq!(ran.items.last().unwrap(), "set after 2");
}

#[test]
fn a_file_cut_short_loses_its_last_command_or_transaction() {
    let transaction = INCR.windows(5).position(|w| w == b"MULTI").unwrap();
    let began = INCR[..transaction].iter().rposition(|&b| b == b'*').unwrap();
    let exec = INCR.windows(4).position(|w| w == b"EXEC").unwrap();
    let ran = run(aof_config(), multipart(&INCR[..INCR.len() - 3]));
    assert_eq!(ran.items.last().unwrap(), "SELECT 0");
    assert_eq!(ran.disk.files["appendonlydir/appendonly.aof.2.incr.aof"].last(), Some(&b'\n'));
    for cut in [exec - 10, exec + 2] {
        let ran = run(aof_config(), multipart(&INCR[..cut]));
        assert_eq!(ran.items.last().unwrap(), "set db2 x");
        assert_eq!(ran.disk.files["appendonlydir/appendonly.aof.2.incr.aof"], INCR[..began]);
        assert_eq!(ran.loaded.unwrap().aof.last_incr_size, began as u64);
        let warning = format!("!!! Truncating the AOF appendonly.aof.2.incr.aof at offset {began} !!!");
        assert!(ran.disk.logs.contains(&warning), "{:?}", ran.disk.logs);
        assert!(ran.disk.exit.is_none());
    }
    let config = Config { aof_load_truncated: false, ..aof_config() };
    let ran = run(config, multipart(&INCR[..INCR.len() - 3]));
    assert_eq!(ran.disk.exit, Some(1));
    assert!(ran.disk.logs.last().unwrap().starts_with("Unexpected end of file reading the append only file"));
}

#[test]
fn what_is_wrong_ends_the_process() {
    let failing = |disk: TestDisk, log: &str| {
        let ran = run(aof_config(), disk);
        assert!(ran.loaded.is_none() && ran.disk.exit == Some(1));
        let last = ran.disk.logs.last().unwrap();
        assert!(last.starts_with(log), "{last}");
    };
    failing(
        multipart(b"hello\r\n"),
        "Bad file format reading the append only file appendonly.aof.2.incr.aof: make",
    );
    let mut disk = multipart(INCR);
    disk.files.remove("appendonlydir/appendonly.aof.2.base.rdb");
    failing(
        disk,
        "Unable to obtain the AOF file appendonly.aof.2.base.rdb length. stat: No such file or directory",
    );
    failing(aof_disk(&[("appendonly.aof.manifest", b"")]), "Found an empty AOF manifest");
    let mut disk = multipart(INCR);
    disk.failing.push(("read appendonlydir/appendonly.aof.2.incr".into(), DiskError::Io));
    failing(disk, "Fatal error: can't open the append log file appendonly.aof.2.incr.aof for reading: Input");
    let three = b"file a seq 1 type i\nfile b seq 2 type i\n";
    let disk = aof_disk(&[
        ("appendonly.aof.manifest", three),
        ("a", b"*1\r\n$4\r\nPI"),
        ("b", b"*1\r\n$4\r\nPING\r\n"),
    ]);
    failing(disk, "Fatal error: the truncated file is not the last file");
}

#[test]
fn a_file_of_the_old_kind_is_moved_into_the_folder() {
    let mut disk = TestDisk::default();
    disk.files.insert("appendonly.aof".into(), [BASE, INCR].concat());
    let ran = run(aof_config(), disk);
    assert_eq!(ran.items.len(), 10);
    assert!(ran.disk.files.contains_key("appendonlydir/appendonly.aof"));
    assert!(!ran.disk.files.contains_key("appendonly.aof"));
    assert_eq!(
        ran.disk.files["appendonlydir/appendonly.aof.manifest"],
        b"file appendonly.aof seq 1 type b\n"
    );
    assert_eq!(
        ran.disk.logs[1..3],
        [
            "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF directory (appendonlydir).",
            "Reading RDB preamble from AOF file..."
        ]
    );
}
