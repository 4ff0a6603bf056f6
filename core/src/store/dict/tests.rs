use super::*;
use crate::rng::Rng;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn seed() -> HashSeed {
    HashSeed::new(1, 2)
}

fn key(i: u32) -> Vec<u8> {
    format!("key:{i}").into_bytes()
}

/// Asserts everything that the structure promises itself.
fn check<V>(dict: &Dict<V>) {
    assert_eq!(dict.len, dict.segments().iter().map(|s| s.entries.len()).sum::<usize>());
    for segment in dict.segments() {
        assert!(segment.entries.len() <= SEGMENT_MAX);
        assert_eq!(segment.index.is_empty(), segment.index.iter().filter(|&&m| m != FREE).count() == 0);
        if !segment.index.is_empty() {
            assert_eq!(segment.index.iter().filter(|&&m| m != FREE).count(), segment.entries.len());
        }
        for entry in &segment.entries {
            assert!(
                segment.depth == 0
                    || entry.hash >> (64 - segment.depth) == segment.prefix >> (64 - segment.depth)
            );
            assert_eq!(dict.seed.hash(&entry.key), entry.hash);
        }
    }
    if let Directory::Many(table) = &dict.directory {
        assert!(table.segments.len() > 1 && table.slots.len() == 1 << table.depth);
        assert_eq!(table.deepest, table.segments.iter().filter(|s| s.depth == table.depth).count());
        assert!(table.deepest > 0);
        for (slot, &number) in table.slots.iter().enumerate() {
            let segment = &table.segments[number as usize];
            assert!(table.slots_of(segment.prefix, segment.depth).contains(&slot));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn behaves_like_a_map_and_clones_stay_as_they_were(
        rounds in prop::collection::vec((any::<bool>(), 0..1500u32, 1..900u32), 1..12),
        clone_at in 0..12usize,
    ) {
        let mut dict = Dict::new(seed());
        let mut model = BTreeMap::new();
        let mut clone = None;
        for (round, (add, start, count)) in rounds.into_iter().enumerate() {
            if round == clone_at {
                clone = Some((dict.clone(), model.clone()));
            }
            for i in start..start + count {
                let key = key(i);
                if add {
                    if i % 2 == 0 {
                        prop_assert_eq!(dict.insert(Str::from(key.as_slice()), round), model.insert(key, round));
                    } else {
                        let (value, made) = dict.get_or_insert_with(&key, || round);
                        *value += 1;
                        prop_assert_eq!(made, !model.contains_key(&key));
                        *model.entry(key).or_insert(round) += 1;
                    }
                } else {
                    prop_assert_eq!(dict.remove(&key).map(|(_, v)| v), model.remove(&key));
                }
            }
            if let Some(value) = dict.get_mut(&key(start)) {
                *value = 99;
                model.insert(key(start), 99);
            }
            check(&dict);
        }
        for (dict, model) in [(dict, model)].into_iter().chain(clone) {
            check(&dict);
            let content: BTreeMap<_, _> = dict.iter().map(|(k, v)| (k.to_vec(), *v)).collect();
            prop_assert_eq!(&content, &model);
            prop_assert_eq!(dict.len(), model.len());
            for i in 0..2500 {
                prop_assert_eq!(dict.get(&key(i)), model.get(&key(i)));
            }
            let mut position = DictPosition::default();
            let walked = std::iter::from_fn(|| dict.next_at(&mut position).map(|(k, _)| k.to_vec()));
            prop_assert_eq!(walked.collect::<Vec<_>>(), dict.iter().map(|(k, _)| k.to_vec()).collect::<Vec<_>>());
        }
    }

    /// What SCAN promises, and more: what stays throughout comes exactly once, however the table grows and shrinks.
    #[test]
    fn scan_gives_what_stays_exactly_once(
        stay in 1..800u32,
        counts in prop::collection::vec(1..60usize, 1..8),
        churn in prop::collection::vec((any::<bool>(), 10_000..14_000u32, 1..1500u32), 1..30),
    ) {
        let mut dict = Dict::new(seed());
        (0..stay).for_each(|i| { dict.insert(Str::from(key(i)), i); });
        let mut seen = Vec::new();
        let (mut cursor, mut step) = (0, 0);
        loop {
            let count = counts[step % counts.len()];
            cursor = dict.scan(cursor, count, |_, &i| seen.push(i));
            if cursor == 0 {
                break;
            }
            prop_assert!(cursor < 1 << SCAN_BITS);
            let (add, start, count) = churn[step % churn.len()];
            for i in start..start + count {
                if add {
                    dict.insert(Str::from(key(i)), i);
                } else {
                    dict.remove(&key(i));
                }
            }
            step += 1;
        }
        let stayed: Vec<u32> = seen.iter().copied().filter(|i| *i < stay).collect();
        prop_assert_eq!(stayed.len(), stay as usize);
        prop_assert_eq!(stayed.into_iter().collect::<BTreeSet<_>>(), (0..stay).collect());
    }
}

#[test]
fn any_cursor_is_safe() {
    let mut dict = Dict::new(seed());
    assert_eq!(dict.scan(7, 10, |_, ()| ()), 0);
    (0..1000).for_each(|i| {
        dict.insert(Str::from(key(i)), ());
    });
    for cursor in [1, 12345, (1 << SCAN_BITS) - 1, 1 << SCAN_BITS, u64::MAX] {
        dict.scan(cursor, 10, |_, ()| ());
        dict.scan(cursor, 0, |_, ()| ());
        dict.scan(cursor, usize::MAX, |_, ()| ());
    }
    let mut all = 0;
    assert_eq!(dict.scan(0, 1000, |_, ()| all += 1), 0);
    assert_eq!(all, 1000);
}

#[test]
fn random_is_fair() {
    let mut rng = Rng::new(3);
    for keys in [1u32, 7, 150, 1000] {
        let mut dict = Dict::new(seed());
        (0..3000).for_each(|i| {
            dict.insert(Str::from(key(i)), i);
        });
        (keys..3000).for_each(|i| {
            dict.remove(&key(i));
        });
        let mut hits = vec![0u32; keys as usize];
        for _ in 0..keys * 200 {
            hits[*dict.random(&mut rng).unwrap().1 as usize] += 1;
        }
        // 200 hits are expected with a deviation of 14; six deviations never happen by chance.
        assert!(hits.iter().all(|h| (115..290).contains(h)), "{keys}: {hits:?}");
    }
}

#[test]
fn a_write_after_a_clone_copies_one_segment() {
    let mut dict = Dict::new(seed());
    (0..10_000).for_each(|i| {
        dict.insert(Str::from(key(i)), i);
    });
    let clone = dict.clone();
    *dict.get_mut(&key(5)).unwrap() = 0;
    let shared = dict.segments().iter().zip(clone.segments()).filter(|(a, b)| Rc::ptr_eq(a, b)).count();
    assert_eq!(shared, dict.segments().len() - 1);
    assert_eq!((dict.get(&key(5)), clone.get(&key(5))), (Some(&0), Some(&5)));
}

#[test]
fn memory_per_entry_is_close_to_redis() {
    // 24 bytes of dictEntry, 8 to 16 of table, 16 to 32 of key, 16 to 32 of value object: Redis needs some 90 bytes.
    let mut dict: Dict<[u64; 5]> = Dict::new(seed());
    for i in 0..200_000 {
        dict.insert(Str::from(key(i)), [0; 5]);
        if [1, 10, 100].contains(&dict.len()) {
            assert!(dict.structure_len() < 160 + dict.len() * 100, "{} {}", dict.len(), dict.structure_len());
        }
    }
    let each = dict.structure_len() as f64 / 200_000.0;
    assert!(each < 95.0, "{each}");
    (0..199_990).for_each(|i| {
        dict.remove(&key(i));
    });
    check(&dict);
    assert!(dict.structure_len() < 3000, "{}", dict.structure_len());
}

#[test]
fn colliding_hashes_only_cost_time() {
    // Entries that agree in all bits the directory may use: built by hand, since no input gets there.
    let mut dict: Dict<usize> = Dict::new(seed());
    for i in 0..400 {
        dict.push(Entry { hash: 0xABCD_EF01_0000_0000 | i as u64, key: Str::from(key(i as u32)), value: i });
    }
    assert_eq!(dict.len(), 400);
    let segment = dict.segment(0xABCD_EF01_0000_0000).unwrap();
    assert_eq!(segment.find(0xABCD_EF01_0000_0000 | 399, &key(399)), Some(399));
    let mut seen = 0;
    let next = dict.scan(0, 10, |_, _| seen += 1);
    assert_eq!((seen, dict.scan(next, 10, |_, _| seen += 1), seen), (400, 0, 400));
    if let Directory::Many(table) = &dict.directory {
        assert!(table.slots.len() <= 2 * SLOTS_PER_SEGMENT_MAX * table.segments.len());
    }
    for i in 0..400 {
        dict.push(Entry { hash: i << 40, key: Str::from(key(i as u32)), value: 0 });
    }
    assert_eq!(dict.len(), 800);
}
