//! Times the hot paths of the store: `cargo run --release -p vitrine-core --example store_speed [keys]`.
//! For a first look at a change only; `redis-benchmark` against the native host is what counts.

use std::hint::black_box;
use std::time::Instant;
use vitrine_core::store::quicklist::End;
use vitrine_core::store::{Db, HashSeed, Limits, Object, StrValue};

fn time(name: &str, operations: usize, mut run: impl FnMut(usize)) {
    let start = Instant::now();
    (0..operations).for_each(&mut run);
    println!("{name:24} {:7.1} ns", start.elapsed().as_nanos() as f64 / operations as f64);
}

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    // The keys of redis-benchmark, in an order that no cache likes.
    let keys: Vec<Vec<u8>> =
        (0..count).map(|i| format!("key:{:012}", i.wrapping_mul(7_919) % count).into_bytes()).collect();
    let key = |i: usize| keys[i % count].as_slice();
    let limits = Limits { seed: HashSeed::new(1, 2), ..Limits::default() };
    for by_slot in [false, true] {
        println!("{count} keys, {}", if by_slot { "by slot" } else { "one dict" });
        let mut db = Db::new(limits.seed, by_slot);
        time("SET new", count, |i| {
            db.insert(key(i), Object::string(b"xxx"), 1);
        });
        println!("{:24} {:7.1} bytes", "structure per key", db.structure_len() as f64 / count as f64);
        time("SET again", count, |i| {
            db.insert(key(i), Object::string(b"yyy"), 1);
        });
        time("GET", count, |i| {
            black_box(db.get(key(i)));
        });
        time("GET, touched", count, |i| {
            if let Some(entry) = db.get_entry_mut(key(i)) {
                entry.lru = i as u32;
            }
        });
        time("GET, missing", count, |_| {
            black_box(db.get(b"no such key"));
        });
        time("INCR of one key", count, |_| {
            let (entry, _) = db.get_or_insert_with(b"counter", 1, || Object::Str(StrValue::Int(0)));
            if let Some(value) = entry.object.str_mut() {
                *value = StrValue::Int(value.as_i64().unwrap_or(0) + 1);
            }
        });
        time("LPUSH", count, |_| {
            let (entry, _) = db.get_or_insert_with(b"list", 1, || Object::list(&limits));
            if let Some(list) = entry.object.list_mut() {
                list.push(End::Head, b"xxx");
            }
        });
        time("RPOP", count, |_| {
            if let Some(list) = db.get_entry_mut(b"list").and_then(|e| e.object.list_mut()) {
                black_box(list.pop(End::Tail));
            }
        });
        time("SADD", count, |i| {
            let (entry, _) = db.get_or_insert_with(b"set", 1, || Object::set(key(i), &limits));
            if let Some(set) = entry.object.set_mut() {
                set.add(key(i), &limits);
            }
        });
        time("HSET", count, |i| {
            let (entry, _) = db.get_or_insert_with(b"hash", 1, Object::hash);
            if let Some(hash) = entry.object.hash_mut() {
                hash.set(key(i), b"xxx", &limits);
            }
        });
        time("ZADD", count, |i| {
            let (entry, _) = db.get_or_insert_with(b"zset", 1, || Object::zset(9, &limits));
            if let Some(zset) = entry.object.zset_mut() {
                zset.add((i * 31 % 1000) as f64, key(i), Default::default(), &limits);
            }
        });
        let start = Instant::now();
        let snapshot = db.snapshot();
        println!("{:24} {:7.1} us", "snapshot", start.elapsed().as_nanos() as f64 / 1000.0);
        time("SET after it", count, |i| {
            db.insert(key(i), Object::string(b"zzz"), 1);
        });
        let start = Instant::now();
        let walked = snapshot.count();
        println!("{:24} {:7.1} ns", "walk, each", start.elapsed().as_nanos() as f64 / walked as f64);
        time("DEL", count, |i| {
            db.remove(key(i));
        });
    }
}
