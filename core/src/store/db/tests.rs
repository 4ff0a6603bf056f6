use super::*;
use crate::rng::Rng;
use crate::store::slot::key_slot;
use crate::store::{Limits, StrValue};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn int(object: &Object) -> i64 {
    match object {
        Object::Str(StrValue::Int(value)) => *value,
        _ => panic!("these tests store integers"),
    }
}

type Model = BTreeMap<Vec<u8>, (i64, Option<i64>)>;

fn content(db: &Db) -> Model {
    let all: Vec<_> = db.iter().map(|(k, e, at)| (k.to_vec(), (int(&e.object), at))).collect();
    assert_eq!(all.len(), db.len());
    all.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn behaves_like_a_map_with_expiry_and_snapshots_stay(
        operations in prop::collection::vec((0..10u8, 0..300u32, any::<i64>()), 0..800),
        by_slot in any::<bool>(),
        snapshot_at in 0..800usize,
    ) {
        let mut db = Db::new(HashSeed::new(5, 6), by_slot);
        let mut model = Model::new();
        let mut snapshot = None;
        for (i, (kind, key, value)) in operations.into_iter().enumerate() {
            if i == snapshot_at {
                snapshot = Some((db.snapshot(), model.clone()));
            }
            // Some share a slot, and some are too long to be inline.
            let key = format!("{{{}}}:{key}{}", key % 5, if key % 3 == 0 { "-".repeat(40) } else { String::new() }).into_bytes();
            match kind {
                0..5 => {
                    let old = model.get(&key).copied();
                    prop_assert_eq!(db.insert(&key, Object::Str(StrValue::Int(value)), 1).map(|o| int(&o)), old.map(|o| o.0));
                    model.insert(key, (value, old.and_then(|o| o.1)));
                }
                5 => {
                    prop_assert_eq!(db.take(&key).map(|(o, at)| (int(&o), at)), model.remove(&key));
                }
                6 | 7 => {
                    prop_assert_eq!(db.set_expire(&key, value), model.contains_key(&key));
                    if let Some(entry) = model.get_mut(&key) {
                        entry.1 = Some(value);
                    }
                }
                8 => {
                    let had = model.get_mut(&key).and_then(|e| e.1.take()).is_some();
                    prop_assert_eq!(db.remove_expire(&key), had);
                }
                _ => {
                    let (entry, made) = db.get_or_insert_with(&key, 0, || Object::Str(StrValue::Int(7)));
                    prop_assert_eq!(made, !model.contains_key(&key));
                    let value = model.entry(key).or_insert((7, None)).0;
                    prop_assert_eq!(int(&entry.object), value);
                }
            }
            prop_assert_eq!(db.len(), model.len());
        }
        prop_assert_eq!(&content(&db), &model);
        prop_assert_eq!(db.expires_len(), model.values().filter(|e| e.1.is_some()).count());
        for (key, (value, at)) in &model {
            prop_assert_eq!(db.get(key).map(int), Some(*value));
            prop_assert_eq!(db.get_expire(key), *at);
            prop_assert_eq!(db.get_entry(key).unwrap().has_expire(), at.is_some());
        }
        if let Some((mut snapshot, then)) = snapshot {
            prop_assert_eq!(snapshot.len(), then.len());
            let mut seen = Model::new();
            loop {
                let batch = snapshot.next_batch(7);
                if batch.is_empty() {
                    break;
                }
                seen.extend(batch.into_iter().map(|(k, e, at)| (k.to_vec(), (int(&e.object), at))));
            }
            prop_assert_eq!(seen, then);
        }
        let (mut cursor, mut scanned) = (0, Vec::new());
        loop {
            cursor = db.scan(cursor, 3, |key, _| scanned.push(key.to_vec()));
            prop_assert!(cursor < 1 << 53);
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(scanned.len(), model.len());
        prop_assert_eq!(&scanned.into_iter().collect::<BTreeSet<_>>(), &model.keys().cloned().collect());
        let mut rng = Rng::new(9);
        prop_assert_eq!(db.random_key(&mut rng).is_some(), !model.is_empty());
        let volatile = db.random_expire(&mut rng).map(|(k, at)| (k.to_vec(), at));
        prop_assert!(volatile.is_none_or(|(k, at)| model[&k].1 == Some(at)));

        let slot = key_slot(b"{3}");
        let of_slot: Vec<_> = model.keys().filter(|k| key_slot(k) == slot).cloned().collect();
        prop_assert_eq!(db.slot_len(slot), if by_slot { of_slot.len() } else { 0 });
        prop_assert_eq!(db.slot_keys(slot).count(), db.slot_len(slot));
        let taken = db.take_slot(slot);
        prop_assert_eq!(taken.len(), if by_slot { of_slot.len() } else { 0 });
        if by_slot {
            of_slot.iter().for_each(|k| { model.remove(k); });
        }
        prop_assert_eq!(&content(&db), &model);
        prop_assert_eq!(db.expires_len(), model.values().filter(|e| e.1.is_some()).count());
        let old = db.flush();
        prop_assert_eq!((db.len(), db.expires_len(), content(&old)), (0, 0, model));
    }
}

#[test]
fn random_key_is_fair_over_slots() {
    let mut db = Db::new(HashSeed::default(), true);
    // One slot with many keys, many slots with one.
    (0..50).for_each(|i| {
        db.insert(format!("{{a}}{i}").as_bytes(), Object::string(b"1"), 0);
        db.insert(format!("k{i}").as_bytes(), Object::string(b"1"), 0);
    });
    let mut rng = Rng::new(1);
    let tagged = (0..10_000).filter(|_| db.random_key(&mut rng).unwrap().0.starts_with(b"{a}")).count();
    assert!((4700..5300).contains(&tagged), "{tagged}");
}

#[test]
fn values_of_a_snapshot_do_not_change() {
    let limits = Limits::default();
    let mut db = Db::new(HashSeed::default(), false);
    db.insert(b"h", Object::hash(), 0);
    let set = |db: &mut Db, value: &[u8]| {
        db.get_entry_mut(b"h").unwrap().object.hash_mut().unwrap().set(b"f", value, &limits);
    };
    set(&mut db, b"old");
    let mut snapshot = db.snapshot();
    set(&mut db, b"new");
    let (_, entry, _) = snapshot.next().unwrap();
    assert!(entry.object.as_hash().unwrap().get(b"f").unwrap().is(b"old"));
    assert!(db.get(b"h").unwrap().as_hash().unwrap().get(b"f").unwrap().is(b"new"));
}

#[test]
fn entries_are_small() {
    assert_eq!(size_of::<Object>(), 32);
    assert_eq!(size_of::<KeyEntry>(), 40);
}
