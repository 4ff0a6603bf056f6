use super::*;
use proptest::prelude::*;

/// Count of each node; plain ones negative.
fn shape(list: &List) -> Vec<i64> {
    list.nodes
        .iter()
        .map(|slot| match &*slot.node {
            Node::Packed(pack) => {
                assert_eq!(pack.len(), slot.count as usize);
                i64::from(slot.count)
            }
            Node::Plain(_) => -i64::from(slot.count),
        })
        .collect()
}

fn place(list: &List, text: &str) -> usize {
    list.iter().position(|v| v.is(text.as_bytes())).unwrap()
}

/// Nodes of the DUMP payload of redis-server 7.0.15 after each of these commands.
#[test]
fn nodes_as_redis_cuts_them() {
    let long = |i: usize| format!("e{i}{}", "x".repeat(1000));
    let insert = |list: &mut List, pivot: &str, text: &str, after| {
        list.insert(place(list, pivot), text.as_bytes(), after)
    };

    let mut list = List::new(&Limits::default());
    (0..20).for_each(|i| list.push(End::Tail, long(i).as_bytes()));
    insert(&mut list, &long(3), "new", false);
    assert_eq!(shape(&list), [9, 8, 4]);

    let mut list = List::new(&Limits::default());
    (0..30).for_each(|i| list.push(End::Tail, long(i).as_bytes()));
    insert(&mut list, &long(3), &"n".repeat(900), true);
    assert_eq!(shape(&list), [4, 5, 8, 8, 6]);
    insert(&mut list, &long(12), &"n".repeat(900), false);
    assert_eq!(shape(&list), [4, 5, 5, 4, 8, 6]);
    insert(&mut list, &long(6), &"n".repeat(900), true);
    assert_eq!(shape(&list), [4, 6, 5, 4, 8, 6]);
    insert(&mut list, &long(7), &"m".repeat(900), false);
    assert_eq!(shape(&list), [4, 7, 5, 4, 8, 6]);
    list.push(End::Head, "h".repeat(9000).as_bytes());
    list.push(End::Head, b"small");
    assert_eq!(shape(&list), [1, 1, 4, 7, 5, 4, 8, 6]);
    assert!(list.set(3, "L".repeat(8500).as_bytes()));
    assert_eq!(shape(&list), [1, 1, 4, 7, 5, 4, 8, 6]);
    list.trim(2..list.len() - 4);
    assert_eq!(shape(&list), [4, 7, 5, 4, 8, 2]);
    assert_eq!(list.remove_value(long(20).as_bytes(), 1, End::Head), 1);
    assert_eq!(shape(&list), [4, 7, 5, 4, 7, 2]);

    let mut list = List::new(&Limits { list_max_listpack_size: 3, ..Limits::default() });
    (0..10).for_each(|i| list.push(End::Tail, i.to_string().as_bytes()));
    assert_eq!(shape(&list), [3, 3, 3, 1]);
    insert(&mut list, "4", "n", false);
    assert_eq!(shape(&list), [3, 2, 2, 3, 1]);
    insert(&mut list, "4", "n", true);
    assert_eq!(shape(&list), [3, 2, 3, 3, 1]);
    list.remove_range(0..4);
    list.push(End::Head, b"x");
    assert_eq!(shape(&list), [2, 3, 3, 1]);

    // DEBUG QUICKLIST-PACKED-THRESHOLD 100b
    let mut list = List::new(&Limits { list_packed_threshold: 100, ..Limits::default() });
    for text in ["a", &"b".repeat(100), "c", "d"] {
        list.push(End::Tail, text.as_bytes());
    }
    assert_eq!(shape(&list), [1, -1, 2]);
    insert(&mut list, "d", &"e".repeat(120), false);
    assert_eq!(shape(&list), [1, -1, 1, -1, 1]);
    list.set(0, &[b'f'; 100]);
    assert_eq!(shape(&list), [-1, -1, 1, -1, 1]);
    list.set(1, b"s");
    assert_eq!(shape(&list), [-1, 2, -1, 1]);
}

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<u8>),
    Pop(End),
    Insert(usize, Vec<u8>, bool),
    Set(usize, Vec<u8>),
    RemoveRange(usize, usize),
    Trim(usize, usize),
    RemoveValue(usize, usize, End),
    Clone,
}

fn step() -> impl Strategy<Value = Step> {
    let element = || {
        prop_oneof![
            (0..5u8).prop_map(|i| i.to_string().into_bytes()),
            (0..60usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
            Just(vec![b'z'; 3000]),
        ]
    };
    let end = || prop_oneof![Just(End::Head), Just(End::Tail)];
    prop_oneof![
        8 => (end(), element()).prop_map(|(end, bytes)| Step::Push(end, bytes)),
        2 => end().prop_map(Step::Pop),
        4 => (any::<usize>(), element(), any::<bool>()).prop_map(|(at, bytes, after)| Step::Insert(at, bytes, after)),
        2 => (any::<usize>(), element()).prop_map(|(at, bytes)| Step::Set(at, bytes)),
        1 => (any::<usize>(), 0..9usize).prop_map(|(at, count)| Step::RemoveRange(at, count)),
        1 => (0..4usize, 0..4usize).prop_map(|(front, back)| Step::Trim(front, back)),
        1 => (any::<usize>(), 0..3usize, end()).prop_map(|(at, count, end)| Step::RemoveValue(at, count, end)),
        1 => Just(Step::Clone),
    ]
}

fn content(list: &List) -> Vec<Vec<u8>> {
    list.iter().map(|v| v.to_cow().into_owned()).collect()
}

proptest! {
    #[test]
    fn behaves_like_a_deque(
        steps in prop::collection::vec(step(), 0..150),
        size in prop::sample::select(vec![-5, -2, -1, 1, 2, 7, 0]),
        threshold in prop::sample::select(vec![40, 1 << 30]),
    ) {
        let limits = Limits { list_max_listpack_size: size, list_packed_threshold: threshold, ..Limits::default() };
        let (mut list, mut model) = (List::new(&limits), VecDeque::<Vec<u8>>::new());
        let mut clones = Vec::new();
        for step in steps {
            let len = model.len();
            match step {
                Step::Push(End::Head, bytes) => {
                    list.push(End::Head, &bytes);
                    model.push_front(bytes);
                }
                Step::Push(End::Tail, bytes) => {
                    list.push(End::Tail, &bytes);
                    model.push_back(bytes);
                }
                Step::Pop(end) => {
                    let expected = if end == End::Head { model.pop_front() } else { model.pop_back() };
                    prop_assert_eq!(list.pop(end).map(|s| s.to_vec()), expected);
                }
                Step::Insert(at, bytes, after) if len > 0 => {
                    list.insert(at % len, &bytes, after);
                    model.insert(at % len + usize::from(after), bytes);
                }
                Step::Set(at, bytes) if len > 0 => {
                    prop_assert!(list.set((at % len) as i64, &bytes));
                    model[at % len] = bytes;
                }
                Step::RemoveRange(at, count) if len > 0 => {
                    list.remove_range(at % len..at % len + count);
                    model.drain(at % len..(at % len + count).min(len));
                }
                Step::Trim(front, back) => {
                    let kept = front..len.saturating_sub(back);
                    list.trim(kept.clone());
                    model = model.into_iter().take(kept.end).skip(front).collect();
                }
                Step::RemoveValue(at, count, end) if len > 0 => {
                    let value = model[at % len].clone();
                    let wanted = if count == 0 { usize::MAX } else { count };
                    let mut hits: Vec<usize> = (0..len).filter(|&i| model[i] == value).collect();
                    if end == End::Tail {
                        hits.reverse();
                    }
                    hits.truncate(wanted);
                    prop_assert_eq!(list.remove_value(&value, count, end), hits.len());
                    hits.sort_unstable();
                    hits.iter().rev().for_each(|&i| { model.remove(i); });
                }
                Step::Clone => clones.push((list.clone(), model.clone())),
                _ => {}
            }
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(shape(&list).iter().map(|n| n.unsigned_abs() as usize).sum::<usize>(), model.len());
            prop_assert!(shape(&list).iter().all(|n| *n != 0));
        }
        clones.push((list, model));
        for (list, model) in clones {
            let model: Vec<Vec<u8>> = model.into();
            prop_assert_eq!(&content(&list), &model);
            for i in 0..model.len() {
                prop_assert!(list.get(i as i64).unwrap().is(&model[i]));
                prop_assert!(list.get(i as i64 - model.len() as i64).unwrap().is(&model[i]));
                let back: Vec<_> = list.range_rev(i).map(|v| v.to_cow().into_owned()).collect();
                prop_assert!(back.iter().eq(model[..=i].iter().rev()));
                let forth: Vec<_> = list.range(i..i + 5).map(|v| v.to_cow().into_owned()).collect();
                prop_assert_eq!(&forth, &model[i..(i + 5).min(model.len())]);
            }
            prop_assert!(list.get(model.len() as i64).is_none() && list.get(i64::MIN).is_none());
        }
    }
}
