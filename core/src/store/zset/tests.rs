use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PLAIN: AddOptions = AddOptions { incr: false, nx: false, xx: false, gt: false, lt: false };

fn is_packed(zset: &Zset) -> bool {
    matches!(zset, Zset::Pack(_))
}

#[test]
fn converts_when_redis_does() {
    let limits = Limits::default();
    let mut zset = Zset::new(1, &limits);
    (0..128).for_each(|i: i32| {
        zset.add(f64::from(i), i.to_string().as_bytes(), PLAIN, &limits);
    });
    assert!(
        is_packed(&zset) && zset.add(5.5, b"5", PLAIN, &limits) == Added::Changed(5.5) && is_packed(&zset)
    );
    zset.add(0.0, b"128", PLAIN, &limits);
    assert!(!is_packed(&zset) && zset.score(b"5") == Some(5.5));
    zset.remove(b"128");
    zset.compact(&limits);
    assert!(is_packed(&zset) && zset.len() == 128);
    for (len, packed) in [(64, true), (65, false)] {
        assert_eq!(is_packed(&Zset::new(len, &limits)), packed);
        let mut zset = Zset::new(1, &limits);
        zset.add(1.0, &vec![b'm'; len], PLAIN, &limits);
        assert_eq!(is_packed(&zset), packed);
    }
}

/// The listpack of redis-server 7.0.15 after ZADD of these, then ZADD k 2 b and ZREM k d.
#[test]
fn bytes_of_redis() {
    let limits = Limits::default();
    let mut zset = Zset::new(1, &limits);
    for (score, member) in [
        ("1", "a"),
        ("0.1", "b"),
        ("-1.5", "c"),
        ("1e20", "d"),
        ("4611686018427387904", "e"),
        ("4611686018427387905", "f"),
        ("-0", "z"),
        ("inf", "g"),
        ("1", "A"),
    ] {
        let score = super::super::float::parse_f64(score.as_bytes()).unwrap();
        assert_eq!(zset.add(score, member.as_bytes(), PLAIN, &limits), Added::New(score));
    }
    let Zset::Pack(pack) = &zset else { panic!("small sorted sets are packed") };
    let expected = b"\x63\0\0\0\x12\0\x81c\x02\x84-1.5\x05\x81z\x02\0\x01\x81b\x02\x930.10000000000000001\x14\x81A\x02\x01\x01\
        \x81a\x02\x01\x01\x81e\x02\xf4\0\0\0\0\0\0\0\x40\x09\x81f\x02\xf4\0\0\0\0\0\0\0\x40\x09\x81d\x02\x851e+20\x06\x81g\x02\x83inf\x04\xff";
    assert_eq!(pack.as_bytes(), expected);
    zset.add(2.0, b"b", PLAIN, &limits);
    zset.remove(b"d");
    let Zset::Pack(pack) = &zset else { panic!("small sorted sets are packed") };
    let expected = b"\x46\0\0\0\x10\0\x81c\x02\x84-1.5\x05\x81z\x02\0\x01\x81A\x02\x01\x01\x81a\x02\x01\x01\x81b\x02\x02\x01\
        \x81e\x02\xf4\0\0\0\0\0\0\0\x40\x09\x81f\x02\xf4\0\0\0\0\0\0\0\x40\x09\x81g\x02\x83inf\x04\xff";
    assert_eq!(pack.as_bytes(), expected);
    assert!(Zset::from_listpack(pack.clone()).is_ok());
    let mut bad = pack.clone();
    bad.push(b"n");
    bad.push(b"nan");
    assert!(Zset::from_listpack(bad).is_err());
}

#[test]
fn options_of_zadd() {
    for entries in [128, 0] {
        let limits = Limits { zset_max_listpack_entries: entries, ..Limits::default() };
        let mut zset = Zset::new(1, &limits);
        let mut add = |score, options| zset.add(score, b"m", options, &limits);
        assert_eq!(add(1.0, AddOptions { xx: true, ..PLAIN }), Added::Nothing);
        assert_eq!(add(f64::NAN, PLAIN), Added::Nan);
        assert_eq!(add(1.0, AddOptions { nx: true, gt: true, ..PLAIN }), Added::New(1.0));
        assert_eq!(add(2.0, AddOptions { nx: true, ..PLAIN }), Added::Nothing);
        assert_eq!(add(1.0, PLAIN), Added::Same(1.0));
        assert_eq!(add(0.5, AddOptions { gt: true, ..PLAIN }), Added::Nothing);
        assert_eq!(add(1.0, AddOptions { gt: true, ..PLAIN }), Added::Nothing);
        assert_eq!(add(0.5, AddOptions { lt: true, ..PLAIN }), Added::Changed(0.5));
        assert_eq!(add(1.5, AddOptions { incr: true, gt: true, ..PLAIN }), Added::Changed(2.0));
        assert_eq!(add(f64::INFINITY, AddOptions { incr: true, ..PLAIN }), Added::Changed(f64::INFINITY));
        assert_eq!(add(f64::NEG_INFINITY, AddOptions { incr: true, ..PLAIN }), Added::Nan);
        assert_eq!(zset.score(b"m"), Some(f64::INFINITY));
    }
}

#[test]
fn bounds_as_redis_reads_them() {
    let parse = |min: &str, max: &str| ScoreRange::parse(min.as_bytes(), max.as_bytes());
    let range = parse("(1", "+inf").unwrap();
    assert!(!range.reaches_min(1.0) && range.reaches_min(1.1) && range.within_max(f64::INFINITY));
    assert_eq!(parse("", "(").map(|r| (r.min, r.max, r.max_exclusive)), Some((0.0, 0.0, true)));
    assert_eq!(parse(" 1", "0x10").map(|r| (r.min, r.max)), Some((1.0, 16.0)));
    assert!(parse("1x", "2").is_none() && parse("1", "nan").is_none() && parse("((1", "2").is_none());
    assert_eq!(LexBound::parse(b"-"), Some(LexBound::Least));
    assert_eq!(LexBound::parse(b"[a"), Some(LexBound::Inclusive(Str::from("a"))));
    assert_eq!(LexBound::parse(b"("), Some(LexBound::Exclusive(Str::new())));
    assert!(
        LexBound::parse(b"a").is_none() && LexBound::parse(b"").is_none() && LexBound::parse(b"+a").is_none()
    );
}

proptest! {
    #[test]
    fn behaves_like_a_sorted_map(
        operations in prop::collection::vec((0..6u8, -3..6i32, "[a-d]{1,3}"), 0..200),
        max in prop::sample::select(vec![0, 20, 1000]),
        bounds in (-4..7i32, -4..7i32, any::<bool>(), any::<bool>()),
        lex in ("[a-d]{0,2}", "[a-d]{0,2}", any::<bool>(), any::<bool>()),
    ) {
        let limits = Limits { zset_max_listpack_entries: max, ..Limits::default() };
        let (mut zset, mut model) = (Zset::new(1, &limits), BTreeMap::<String, f64>::new());
        for (kind, score, member) in operations {
            let score = f64::from(score) / 2.0;
            if kind > 0 {
                let expected = match model.insert(member.clone(), score) {
                    None => Added::New(score),
                    Some(old) if old == score => Added::Same(score),
                    Some(_) => Added::Changed(score),
                };
                prop_assert_eq!(zset.add(score, member.as_bytes(), PLAIN, &limits), expected);
            } else {
                prop_assert_eq!(zset.remove(member.as_bytes()), model.remove(&member).is_some());
            }
        }
        let mut order: Vec<(f64, String)> = model.iter().map(|(m, s)| (*s, m.clone())).collect();
        order.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let read = |items: &mut dyn Iterator<Item = (Value<'_>, f64)>| -> Vec<(f64, String)> {
            items.map(|(m, s)| (s, String::from_utf8(m.to_cow().into_owned()).unwrap())).collect()
        };
        prop_assert_eq!(&read(&mut zset.iter()), &order);
        prop_assert_eq!(zset.len(), order.len());
        for (rank, (score, member)) in order.iter().enumerate() {
            prop_assert_eq!(zset.rank(member.as_bytes()), Some((rank, *score)));
            prop_assert_eq!(&read(&mut zset.iter_from(rank)), &order[rank..]);
            prop_assert!(read(&mut zset.iter_back_from(rank)).iter().eq(order[..=rank].iter().rev()));
        }
        prop_assert_eq!(zset.iter_back_from(order.len()).count(), 0);

        let range = ScoreRange {
            min: f64::from(bounds.0) / 2.0,
            max: f64::from(bounds.1) / 2.0,
            min_exclusive: bounds.2,
            max_exclusive: bounds.3,
        };
        let inside = order.iter().filter(|(s, _)| range.reaches_min(*s) && range.within_max(*s)).count();
        let ranks = zset.score_ranks(&range);
        prop_assert_eq!(ranks.len(), inside);
        prop_assert!(order[ranks.clone()].iter().all(|(s, _)| range.reaches_min(*s) && range.within_max(*s)));

        let bound = |text: &str, exclusive| match exclusive {
            true => LexBound::Exclusive(Str::from(text)),
            false => LexBound::Inclusive(Str::from(text)),
        };
        let mut equal = Zset::new(1, &limits);
        model.keys().for_each(|m| { equal.add(1.0, m.as_bytes(), PLAIN, &limits); });
        let range = LexRange { min: bound(&lex.0, lex.2), max: bound(&lex.1, lex.3) };
        let inside = model.keys().filter(|m| range.reaches_min(m.as_bytes()) && range.within_max(m.as_bytes()));
        let found = read(&mut equal.iter_from(equal.lex_ranks(&range).start).take(equal.lex_ranks(&range).len()));
        prop_assert!(found.iter().map(|(_, m)| m).eq(inside));

        let copy = zset.clone();
        prop_assert_eq!(zset.remove_ranks(ranks.clone()), ranks.len());
        let mut rest = order.clone();
        rest.drain(ranks);
        prop_assert_eq!(read(&mut zset.iter()), rest);
        prop_assert_eq!(read(&mut copy.iter()), order);
        for (_, member) in read(&mut copy.iter()) {
            prop_assert_eq!(zset.score(member.as_bytes()).is_some(), zset.rank(member.as_bytes()).is_some());
        }
    }
}
