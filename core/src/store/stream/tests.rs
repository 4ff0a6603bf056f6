use super::*;
use crate::store::limits::Limits;
use proptest::prelude::*;

fn id(ms: u64, seq: u64) -> Id {
    Id { ms, seq }
}

/// An id, and fields and values in a row.
type Said = (Id, Vec<u8>);

fn said(entries: Entries<'_>) -> Vec<Said> {
    let one = |entry: Entry<'_>| {
        let pieces = entry.pieces().map(|piece| piece.to_str());
        (entry.id, pieces.flat_map(|piece| [&piece[..], b" "].concat()).collect())
    };
    entries.map(one).collect()
}

fn numbered(count: u64, size: NodeSize) -> Log {
    let mut log = Log::default();
    for ms in 1..=count {
        log.append(id(ms, 0), &[b"f", b"v"], size);
    }
    log
}

#[test]
fn ids_have_neighbours_and_two_forms() {
    assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
    assert_eq!(id(2, 0).prev(), Some(id(1, u64::MAX)));
    assert_eq!((Id::MAX.next(), Id::MIN.prev()), (None, None));
    assert_eq!(id(3, 4).text(), "3-4");
    assert_eq!(Id::from_bytes(id(258, 3).to_bytes()), id(258, 3));
    assert_eq!(id(258, 3).to_bytes()[6..], [1, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
}

#[test]
fn an_id_is_given_out_once() {
    let mut log = Log::default();
    assert_eq!(log.id_for(None, 5), Some(id(5, 0)));
    log.last_id = id(7, 3);
    assert_eq!(log.id_for(None, 5), Some(id(7, 4)), "a clock that went back");
    assert_eq!(log.id_for(Some((id(7, 0), false)), 5), Some(id(7, 4)));
    assert_eq!(log.id_for(Some((id(8, 0), false)), 5), Some(id(8, 0)));
    assert_eq!(log.id_for(Some((id(6, 0), false)), 5), None);
    assert_eq!(log.id_for(Some((id(7, 3), true)), 5), None);
    log.last_id = id(7, u64::MAX);
    assert_eq!(log.id_for(Some((id(7, 0), false)), 5), None);
}

/// Counted by hand after rax.c 7.0.15; tests/differential/stream.txt compares more of them.
#[test]
fn radix_trees_have_the_nodes_of_redis() {
    let size = NodeSize { bytes: 0, entries: 1 };
    let nodes = |ids: &[Id]| radix_nodes(ids, ids.len());
    assert_eq!((nodes(&[]), nodes(&[id(1, 1)])), (1, 2));
    assert_eq!(nodes(&[id(1, 1), id(1, 2)]), 4);
    assert_eq!(nodes(&[id(1, 1), id(1, 2), id(1 << 40, 0)]), 8);
    assert_eq!(numbered(3, size).radix_nodes(3), 8);
    assert_eq!(numbered(200, size).radix_nodes(100), 404, "those that are not looked at are like the others");
}

#[test]
fn a_group_counts_what_its_consumers_have() {
    let log = numbered(5, Limits::default().stream_node);
    let mut group = Group::new(Id::MIN, -1);
    assert_eq!(
        (group.lag(&log), group.see(b"a", 1), group.see(b"b", 1), group.see(b"a", 9)),
        (Some(5), true, true, false)
    );
    for ms in 1..=4 {
        assert!(group.read_on(&log, id(ms, 0)));
        let owner = Str::from(if ms == 4 { "b" } else { "a" });
        group.assign(id(ms, 0), Nack { time_ms: 1, count: 1, owner });
    }
    assert!(!group.read_on(&log, id(2, 0)));
    assert_eq!((group.entries_read, group.lag(&log)), (4, Some(1)));
    group.assign(id(1, 0), Nack { time_ms: 2, count: 2, owner: Str::from("b") });
    let counts = |group: &Group| group.consumers().iter().map(|one| one.pending).collect::<Vec<_>>();
    assert_eq!(counts(&group), [2, 2]);
    assert!(group.acknowledge(id(4, 0)).is_some() && group.acknowledge(id(4, 0)).is_none());
    assert_eq!(counts(&group), [2, 1]);
    let of: Vec<Vec<Id>> =
        group.pending_by_consumer().iter().map(|all| all.iter().map(|one| one.0).collect()).collect();
    assert_eq!(of, [vec![id(2, 0), id(3, 0)], vec![id(1, 0)]]);
    assert_eq!(group.remove_consumer(b"a"), Some(2));
    assert_eq!((group.pending.len(), group.remove_consumer(b"a")), (1, None));
}

#[test]
fn a_deletion_ahead_hides_the_lag() {
    let mut log = numbered(5, Limits::default().stream_node);
    let mut group = Group::new(Id::MIN, -1);
    group.read_on(&log, id(1, 0));
    assert!(log.delete(id(3, 0)) && !log.delete(id(3, 0)));
    assert_eq!(group.lag(&log), None);
    for ms in [2, 4, 5] {
        group.read_on(&log, id(ms, 0));
    }
    assert_eq!((group.entries_read, group.lag(&log)), (5, Some(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_a_log(
        steps in prop::collection::vec((0..8u8, 0..60u64, 0..4u8), 0..300),
        bytes in prop::sample::select(vec![0usize, 80, 4096]),
        entries in 0..5u64,
    ) {
        let size = NodeSize { bytes, entries };
        let mut log = Log::default();
        let mut model: Vec<Said> = Vec::new();
        let mut kept: Option<(Log, Vec<Said>)> = None;
        let (mut added, mut ms) = (0, 0);
        for (step, (kind, number, shape)) in steps.into_iter().enumerate() {
            match kind {
                0..4 => {
                    ms += number % 3;
                    let Some(id) = log.id_for(Some((id(ms, 0), false)), 0) else { continue };
                    let text = number.to_string();
                    let pairs: &[&[u8]] = match shape {
                        0 => &[b"a", text.as_bytes()],
                        1 => &[b"a", text.as_bytes(), b"b", b"long enough to be no number"],
                        2 => &[b"7", text.as_bytes()],
                        _ => &[b"07", b"7"],
                    };
                    log.append(id, pairs, size);
                    added += 1;
                    model.push((id, pairs.iter().flat_map(|piece| [piece, &b" "[..]].concat()).collect()));
                }
                4 => {
                    let at = number as usize % (model.len() + 1);
                    let id = model.get(at).map_or(id(999, 0), |entry| entry.0);
                    let known = at < model.len();
                    prop_assert_eq!(log.delete(id), known);
                    model.retain(|entry| entry.0 != id);
                }
                5 => {
                    let want = model.len().saturating_sub(number as usize);
                    prop_assert_eq!(log.trim(Trim::Len(number), false, 0), want as u64);
                    model.drain(..want);
                }
                6 => {
                    let from = id(number, 0);
                    let want = model.iter().take_while(|entry| entry.0 < from).count();
                    prop_assert_eq!(log.trim(Trim::From(from), false, 0), want as u64);
                    model.drain(..want);
                }
                _ => {
                    let gone = log.trim(Trim::Len(number), true, 7) as usize;
                    prop_assert!(gone <= model.len().saturating_sub(number as usize) && gone <= 7);
                    model.drain(..gone);
                }
            }
            prop_assert_eq!(log.len, model.len() as u64);
            prop_assert_eq!(log.first_id, model.first().map_or(Id::MIN, |entry| entry.0));
            prop_assert_eq!(log.top(), model.last().map_or(Id::MIN, |entry| entry.0));
            let (start, end) = (id(number, 0), id(number + 9, 1));
            let want: Vec<_> = model.iter().filter(|e| (start..=end).contains(&e.0)).cloned().collect();
            prop_assert_eq!(&said(log.range(start, end, false)), &want);
            let back: Vec<_> = said(log.range(start, end, true)).into_iter().rev().collect();
            prop_assert_eq!(&back, &want);
            if step % 50 == 20 {
                kept = Some((log.clone(), model.clone()));
            }
        }
        prop_assert_eq!(log.entries_added, added);
        for (log, model) in kept.into_iter().chain([(log, model)]) {
            prop_assert_eq!(said(log.iter()), model);
            for (_, pack) in &log.blocks {
                prop_assert!(block::is_valid(pack));
                prop_assert!(Listpack::from_bytes(pack.as_bytes().to_vec()).is_ok());
            }
        }
    }
}
