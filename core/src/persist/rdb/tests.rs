//! Whole files: those that redis-server 7.0.15 wrote (tests/corpus/rdb), our own, and broken ones.

use super::payload::{PayloadError, dump_payload, parse_payload};
use super::reader::{RdbError, RdbItem, RdbReadOptions, RdbReader};
use super::writer::{RdbOptions, RdbWriter, ReplInfo};
use crate::config::{Config, MaxmemoryPolicy};
use crate::host::{Now, Output};
use crate::persist::crc64::crc64;
use crate::persist::disk::Outbox;
use crate::persist::file::Source;
use crate::store::quicklist::End;
use crate::store::stream::{Id, Log, Trim};
use crate::store::{Db, HashSeed, Limits, Object, Stream};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

macro_rules! corpus {
    ($name:literal) => {
        (
            &include_bytes!(concat!("../../../../tests/corpus/rdb/", $name, ".rdb"))[..],
            include_str!(concat!("../../../../tests/corpus/rdb/", $name, ".expected")),
        )
    };
}

const NOW: Now = Now { mono_us: 0, wall_us: 1_800_000_000_000_000 };

struct Loaded {
    dbs: Vec<Db>,
    functions: Vec<Vec<u8>>,
    expired: usize,
    usage: BTreeMap<Vec<u8>, (Option<u64>, Option<u8>)>,
    logs: Vec<String>,
    reader: RdbReader,
}

fn options() -> RdbReadOptions {
    RdbReadOptions { databases: 16, drop_expired_before_ms: Some(NOW.wall_ms()), verify: true }
}

fn load(bytes: &[u8], chunk: usize) -> Result<Loaded, RdbError> {
    let mut reader = RdbReader::new(options(), Limits::default());
    let mut out = Outbox::new();
    let mut dbs: Vec<Db> = (0..16).map(|_| Db::new(HashSeed::default(), false)).collect();
    let (mut functions, mut expired, mut usage) = (Vec::new(), 0, BTreeMap::new());
    let mut chunks = bytes.chunks(chunk.max(1));
    loop {
        match reader.next_item(NOW, &mut out)? {
            Some(RdbItem::Key { db, key, object, expire_at_ms, idle_s, freq }) => {
                usage.insert(key.to_vec(), (idle_s, freq));
                assert!(dbs[db].insert(&key, object, 0).is_none(), "a key twice");
                if let Some(at) = expire_at_ms {
                    dbs[db].set_expire(&key, at);
                }
            }
            Some(RdbItem::Expired { .. }) => expired += 1,
            Some(RdbItem::Function(code)) => functions.push(code),
            Some(RdbItem::End) => break,
            None => match chunks.next() {
                Some(bytes) => reader.feed(bytes),
                None => reader.finish(),
            },
        }
    }
    let text = |output| if let Output::Log { text, .. } = output { Some(text) } else { None };
    let logs = out.outputs.into_iter().filter_map(text).collect();
    Ok(Loaded { dbs, functions, expired, usage, logs, reader })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The elements of a value, sorted if their order says nothing.
fn content(object: &Object) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all: Vec<(Vec<u8>, Vec<u8>)> = match object {
        Object::Str(value) => vec![(value.to_cow().into_owned(), Vec::new())],
        Object::List(list) => return list.iter().map(|v| (v.to_cow().into_owned(), Vec::new())).collect(),
        Object::Set(set) => set.iter().map(|v| (v.to_cow().into_owned(), Vec::new())).collect(),
        Object::Hash(hash) => {
            hash.iter().map(|(f, v)| (f.to_cow().into_owned(), v.to_cow().into_owned())).collect()
        }
        Object::Zset(zset) => {
            zset.iter().map(|(m, s)| (m.to_cow().into_owned(), s.to_bits().to_be_bytes().to_vec())).collect()
        }
        Object::Stream(stream) => {
            let pieces = stream.log.iter().flat_map(|entry| entry.pieces());
            return pieces.map(|piece| (piece.to_cow().into_owned(), Vec::new())).collect();
        }
    };
    all.sort();
    all
}

/// Compares with what redis-server said about its keys: `db key encoding expire dump` a line.
pub(crate) fn check(dbs: &[Db], expected: &str, compress: bool) {
    let mut count = 0;
    for line in expected.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split('\t').collect();
        let (db, key) = (words[0].parse::<usize>().unwrap(), unhex(words[1]));
        let name = String::from_utf8_lossy(&key);
        let object = dbs[db].get(&key).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(object.encoding(), words[2], "{name}");
        assert_eq!(dbs[db].get_expire(&key).unwrap_or(-1), words[3].parse::<i64>().unwrap(), "{name}");
        let payload = unhex(words[4]);
        let parsed = parse_payload(&payload, &Limits::default(), false).unwrap();
        assert_eq!(content(&parsed), content(object), "{name}");
        if object.encoding() != "hashtable" {
            // The order of a hash table is our own; everything else is equal byte for byte.
            assert_eq!(dump_payload(object, compress), payload, "{name}");
        }
        count += 1;
    }
    assert_eq!(dbs.iter().map(Db::len).sum::<usize>(), count);
}

#[test]
fn files_of_redis_load_and_dump_to_the_same_bytes() {
    let (rdb, expected) = corpus!("encodings");
    for chunk in [1, 7, 4096, rdb.len()] {
        check(&load(rdb, chunk).unwrap().dbs, expected, true);
    }
    let (rdb, expected) = corpus!("uncompressed");
    let loaded = load(rdb, 100).unwrap();
    check(&loaded.dbs, expected, false);
    assert!(
        loaded.logs.contains(&"RDB file was saved with checksum disabled: no check performed.".to_string()),
        "{:?}",
        loaded.logs
    );
    let loaded = load(corpus!("empty").0, 100).unwrap();
    assert_eq!(loaded.logs.last().unwrap(), "Done loading RDB, keys loaded: 0, keys expired: 0.");
    assert_eq!(loaded.logs[0], "Loading RDB produced by version 7.0.15");
    assert!(loaded.logs[2].starts_with("RDB memory usage when created 0."), "{}", loaded.logs[2]);
    let functions = load(corpus!("function").0, 9).unwrap().functions;
    assert_eq!(functions.len(), 1);
    assert!(functions[0].starts_with(b"#!lua name=lib\n"));
}

#[test]
fn usage_of_keys_is_read_and_written() {
    assert_eq!(load(corpus!("lru").0, 9).unwrap().usage[&b"a"[..]], (Some(0), None));
    let (idle, freq) = load(corpus!("lfu").0, 9).unwrap().usage[&b"b"[..]];
    assert!(idle.is_none() && freq.is_some_and(|freq| freq >= 5));
    let mut db = Db::new(HashSeed::default(), false);
    db.insert(b"k", Object::string(b"v"), (NOW.wall_s() as u32 - 90) & 0xff_ffff);
    let mut config = Config { maxmemory_policy: MaxmemoryPolicy::AllkeysLru, ..Config::default() };
    let write = |db: &Db, config: &Config| {
        let mut bytes = Vec::new();
        RdbWriter::new([db], RdbOptions::new(NOW, config)).fill(usize::MAX / 2, &mut bytes);
        load(&bytes, 50).unwrap().usage[&b"k"[..]]
    };
    assert_eq!(write(&db, &config), (Some(90), None));
    config.maxmemory_policy = MaxmemoryPolicy::VolatileLfu;
    let minutes = (NOW.wall_s() / 60) as u32 & 0xffff;
    db.insert(b"k", Object::string(b"v"), ((minutes - 3) & 0xffff) << 8 | 7);
    assert_eq!(write(&db, &config), (None, Some(4)), "one less for each minute");
}

fn sample() -> Vec<Db> {
    let mut dbs: Vec<Db> = (0..16).map(|_| Db::new(HashSeed::new(1, 2), false)).collect();
    let loaded = load(corpus!("encodings").0, 1000).unwrap();
    for (to, from) in dbs.iter_mut().zip(&loaded.dbs) {
        for (key, entry, expire) in from.iter() {
            to.insert(key, entry.object.clone(), 0);
            if let Some(at) = expire {
                to.set_expire(key, at);
            }
        }
    }
    dbs
}

#[test]
fn what_is_written_in_slices_is_read_back() {
    let dbs = sample();
    let mut whole = Vec::new();
    let mut options = RdbOptions::new(NOW, &Config::default());
    options.repl = Some(ReplInfo { stream_db: 3, id: "a".repeat(40), offset: 77 });
    options.functions = vec![(*b"#!lua name=x\n").into()];
    assert!(!RdbWriter::new(&dbs, options.clone()).fill(usize::MAX / 2, &mut whole));
    let mut writer = RdbWriter::new(&dbs, options);
    let mut sliced = Vec::new();
    loop {
        let mut slice = Vec::new();
        let more = writer.fill(1000, &mut slice);
        assert!(slice.len() < 30_000, "a slice is not much longer than asked for: {}", slice.len());
        sliced.append(&mut slice);
        if !more {
            break;
        }
    }
    assert!(sliced == whole);
    let loaded = load(&whole, 777).unwrap();
    check(&loaded.dbs, corpus!("encodings").1, true);
    assert_eq!(loaded.functions, [b"#!lua name=x\n"]);
    let repl = loaded.reader.repl_info();
    assert_eq!(
        (repl.stream_db, repl.offset, repl.id.as_deref()),
        (Some(3), Some(77), Some(&*"a".repeat(40)))
    );
}

#[test]
fn a_snapshot_does_not_see_later_writes() {
    let mut db = Db::new(HashSeed::default(), false);
    let limits = Limits::default();
    let mut list = Object::list(&limits);
    for i in 0..20_000 {
        list.list_mut().unwrap().push(End::Tail, format!("element {i}").as_bytes());
    }
    db.insert(b"list", list, 0);
    let mut writer = RdbWriter::new([&db], RdbOptions::new(NOW, &Config::default()));
    let mut bytes = Vec::new();
    writer.fill(100, &mut bytes);
    db.get_entry_mut(b"list").unwrap().object.list_mut().unwrap().push(End::Head, b"later");
    db.insert(b"new", Object::string(b"x"), 0);
    while writer.fill(100, &mut bytes) {}
    let loaded = load(&bytes, 1 << 20).unwrap();
    assert_eq!(loaded.dbs[0].len(), 1);
    assert_eq!(loaded.dbs[0].get(b"list").unwrap().as_list().unwrap().len(), 20_000);
}

/// A file of version 10 with this body.
fn file(body: &[u8]) -> Vec<u8> {
    let mut bytes = [b"REDIS0010", body, &[255]].concat();
    let crc = crc64(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn expired_keys_are_left_out_on_a_master_alone() {
    let past = (NOW.wall_ms() - 1).to_le_bytes();
    let body = [&[252][..], &past, &[0, 1, b'a', 1, b'x', 0, 1, b'b', 1, b'y']].concat();
    let loaded = load(&file(&body), 3).unwrap();
    assert_eq!((loaded.expired, loaded.dbs[0].len()), (1, 1));
    assert_eq!(loaded.reader.counts(), (1, 1));
    let options = RdbReadOptions { drop_expired_before_ms: None, ..options() };
    let mut reader = RdbReader::new(options, Limits::default());
    reader.feed(&file(&body));
    let first = reader.next_item(NOW, &mut Outbox::new()).unwrap();
    assert!(matches!(first, Some(RdbItem::Key { expire_at_ms: Some(_), .. })));
}

#[test]
fn old_types_become_todays_encodings() {
    let ziplist = |entries: &[&[u8]]| {
        let mut z = vec![0; 10];
        let mut previous = 0;
        for entry in entries {
            let at = z.len() as u32;
            z[4..8].copy_from_slice(&at.to_le_bytes());
            z.extend_from_slice(&[previous, entry.len() as u8]);
            z.extend_from_slice(entry);
            previous = entry.len() as u8 + 2;
        }
        z.push(0xff);
        let len = z.len() as u32;
        z[..4].copy_from_slice(&len.to_le_bytes());
        z[8] = entries.len() as u8;
        z
    };
    let pairs = ziplist(&[b"m", b"1.5", b"n", b"2"]);
    let string = |bytes: &[u8]| [&[bytes.len() as u8], bytes].concat();
    let cases: [(u8, Vec<u8>, &str, usize); 11] = [
        (1, [&[2][..], &string(b"a"), &string(b"b")].concat(), "quicklist", 2),
        (2, [&[2][..], &string(b"1"), &string(b"2")].concat(), "intset", 2),
        (2, [&[2][..], &string(b"1"), &string(b"b")].concat(), "hashtable", 2),
        (3, [&[2][..], &string(b"a"), &string(b"1.5"), &string(b"b"), &[254]].concat(), "listpack", 2),
        (4, [&[1][..], &string(b"f"), &string(b"v")].concat(), "listpack", 1),
        (9, string(&[1, 1, b'f', 1, 0, b'v', 0xff]), "listpack", 1),
        (10, string(&pairs), "quicklist", 4),
        (12, string(&pairs), "listpack", 2),
        (13, string(&pairs), "listpack", 2),
        (14, [&[1][..], &string(&pairs)].concat(), "quicklist", 4),
        (14, [&[2][..], &string(&ziplist(&[])), &string(&pairs)].concat(), "quicklist", 4),
    ];
    for (kind, value, encoding, len) in cases {
        let body = [&[kind, 1, b'k'][..], &value].concat();
        let loaded = load(&file(&body), 2).unwrap_or_else(|error| panic!("type {kind}: {error:?}"));
        let object = loaded.dbs[0].get(b"k").unwrap();
        assert_eq!(object.encoding(), encoding, "type {kind}");
        assert_eq!(content(object).len(), len, "type {kind}");
    }
    let loaded = load(&file(&[1, 1, b'k', 0]), 2).unwrap();
    assert_eq!(loaded.dbs[0].len(), 0);
    assert_eq!(loaded.logs[0], "rdbLoadObject skipping empty key: k");
    // Version 4: no checksum, expiry in seconds.
    let old = b"REDIS0004\xfd\xff\xff\xff\x7f\x00\x01k\x01v\xff";
    assert_eq!(load(old, 1).unwrap().dbs[0].get_expire(b"k"), Some(i64::from(i32::MAX) * 1000));
}

#[test]
fn broken_files_are_refused_in_the_words_of_redis() {
    let error = |bytes: &[u8]| load(bytes, 5).err();
    assert_eq!(error(b"RIDES0010\xff"), Some(RdbError::Signature));
    assert_eq!(error(b"REDIS0011\xff"), Some(RdbError::Version(11)));
    assert_eq!(error(b"REDIS0010"), Some(RdbError::ShortRead));
    assert_eq!(error(&file(&[254, 16])), Some(RdbError::Databases(16)));
    let corrupt = |body: &[u8]| match error(&file(body)) {
        Some(RdbError::Corrupt(_, text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(corrupt(&[2, 1, b'k', 2, 1, b'a', 1, b'a']), "Duplicate set members detected");
    assert_eq!(corrupt(&[4, 1, b'k', 2, 1, b'a', 0, 1, b'a', 0]), "Duplicate hash fields detected");
    assert_eq!(corrupt(&[3, 1, b'k', 1, 1, b'a', 253]), "Zset with NAN score detected");
    assert_eq!(corrupt(&[11, 1, b'k', 1, b'a']), "Intset integrity check failed.");
    assert_eq!(corrupt(&[18, 1, b'k', 1, 3, 1, b'a']), "Quicklist integrity check failed.");
    assert_eq!(corrupt(&[0, 1, b'k', 0xc4]), "Unknown RDB string encoding type 4");
    assert_eq!(corrupt(&[0, 1, b'k', 0xc3, 2, 50, 0, 0]), "Invalid LZF compressed string");
    assert_eq!(corrupt(&[20, 1, b'k', 0]), "Unknown RDB encoding type 20");
    let no_log = [0; 9];
    let stream = |body: &[u8]| corrupt(&[&[19, 1, b'k'][..], body].concat());
    assert_eq!(stream(&[1, 1, b'a', 0]), "Stream node key entry is not the size of a stream ID");
    assert_eq!(
        stream(&[&[1, 16][..], &[0; 16], &[1, b'x']].concat()),
        "Stream listpack integrity check failed."
    );
    assert_eq!(stream(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), "Stream length inconsistent with rax entries");
    let group = |body: &[u8]| stream(&[&no_log[..], &[1, 1, b'g', 0, 0, 0], body].concat());
    let nack = [&[0; 15][..], &[1], &[0; 8], &[1]].concat();
    assert_eq!(group(&[&[1][..], &nack, &[0]].concat()), "Stream CG PEL entry without consumer");
    assert_eq!(
        group(&[&[2][..], &nack, &nack].concat()),
        "Duplicated global PEL entry loading stream consumer group"
    );
    let owner = [&[1, b'c'][..], &[0; 8], &[1], &nack[..16]].concat();
    assert_eq!(group(&[&[0, 1][..], &owner].concat()), "Consumer entry not found in group global PEL");
    let twice = [&[1][..], &nack, &[2, 1, b'c'], &[0; 9], &[1, b'c'], &[0; 9]].concat();
    assert_eq!(group(&twice), "Duplicate stream consumer detected.");
    let huge = [0, 1, b'k', 0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(error(&file(&huge)), Some(RdbError::TooLong(0x7f << 56)));
    assert_eq!(error(&file(&[0, 1, b'k', 0x80, 0x7f, 0xff, 0xff, 0xff])), Some(RdbError::ShortRead));
    let mut flipped = file(&[0, 1, b'k', 1, b'v']);
    flipped[13] = b'w';
    assert!(matches!(error(&flipped), Some(RdbError::Checksum(..))));
    let mut out = Outbox::new();
    RdbError::Corrupt(2212, "Intset integrity check failed.".into()).log(123, &mut out);
    assert!(matches!(&out.outputs[0], Output::Log { text, .. }
        if text == "Internal error in RDB reading offset 123, function at rdb.c:2212 -> Intset integrity check failed."));
}

#[test]
fn payloads() {
    let object = Object::string(b"10");
    let payload = dump_payload(&object, true);
    assert_eq!(payload[..5], [0, 0xc0, 10, 10, 0]);
    let limits = Limits::default();
    assert!(parse_payload(&payload, &limits, false).is_ok());
    let mut wrong = payload.clone();
    wrong[2] = 11;
    assert_eq!(parse_payload(&wrong, &limits, false).err(), Some(PayloadError::Footer));
    assert!(parse_payload(&wrong, &limits, true).is_ok(), "the checksum is skipped");
    let mut newer = payload[..3].to_vec();
    newer.extend_from_slice(&11u16.to_le_bytes());
    newer.extend_from_slice(&crc64(&newer).to_le_bytes());
    assert_eq!(parse_payload(&newer, &limits, false).err(), Some(PayloadError::Footer));
    assert_eq!(parse_payload(b"short", &limits, false).err(), Some(PayloadError::Footer));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_load_or_are_refused(
        changes in prop::collection::vec((0usize..40_000, any::<u8>()), 1..6),
        cut in 0usize..40_000,
        chunk in 100usize..50_000,
    ) {
        let mut bytes = corpus!("encodings").0.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if cut % 2 == 0 {
            bytes.truncate(cut);
        }
        let mut reader = RdbReader::new(RdbReadOptions { verify: false, ..options() }, Limits::default());
        let mut out = Outbox::new();
        let mut chunks = bytes.chunks(chunk);
        loop {
            match reader.next_item(NOW, &mut out) {
                Ok(Some(RdbItem::End)) | Err(_) => break,
                Ok(Some(_)) => {}
                Ok(None) => match chunks.next() {
                    Some(bytes) => reader.feed(bytes),
                    None => reader.finish(),
                },
            }
        }
    }

    #[test]
    fn a_mutated_stream_can_be_used_or_is_refused(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 1..4),
        to in 0u64..30,
    ) {
        let mut log = Log::default();
        for ms in 1..=20 {
            let own = format!("f{}", ms % 3);
            let pairs: &[&[u8]] = if ms % 5 == 0 { &[own.as_bytes(), b"1", b"g", b"2"] } else { &[b"f", b"v"] };
            log.append(Id { ms, seq: ms }, pairs, Limits::default().stream_node);
        }
        log.delete(Id { ms: 7, seq: 7 });
        let mut payload = dump_payload(&Object::Stream(Stream::new(log).into()), false);
        for (at, byte) in changes {
            if let Some(place) = payload.get_mut(at).filter(|_| at > 0) {
                *place = byte;
            }
        }
        if let Ok(Object::Stream(mut stream)) = parse_payload(&payload, &Limits::default(), true) {
            let log = &mut Rc::make_mut(&mut stream).log;
            for back in [false, true] {
                for entry in log.range(Id::MIN, Id::MAX, back) {
                    prop_assert!(entry.pieces().count() <= 2 * payload.len());
                }
            }
            let ids: Vec<Id> = log.iter().map(|entry| entry.id).collect();
            for id in ids.iter().step_by(3) {
                log.delete(*id);
            }
            log.trim(Trim::From(Id { ms: to, seq: 0 }), false, 0);
            log.append(log.last_id.next().unwrap_or(Id::MAX), &[b"f", b"v"], Limits::default().stream_node);
            log.trim(Trim::Len(to), true, 5);
            log.trim(Trim::Len(to), false, 0);
        }
    }

    #[test]
    fn any_value_is_read_or_refused(kind in 0u8..20, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut payload = vec![kind];
        payload.extend_from_slice(&bytes);
        payload.extend_from_slice(&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let _ = parse_payload(&payload, &Limits::default(), true);
    }
}
