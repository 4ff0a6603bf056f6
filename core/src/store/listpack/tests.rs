use super::*;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The payload of DUMP after RPUSH of these elements to redis-server 7.0.15 (`rdbcompression no`), from the listpack on.
#[test]
fn bytes_of_redis() {
    let strings: [&[u8]; 7] =
        [&[b'x'; 63], &[b'y'; 64], &[b'z'; 127], &[b'z'; 126], &[b'w'; 130], b"", b"9223372036854775808"];
    let ints = [
        0,
        127,
        128,
        -1,
        -4096,
        4095,
        4096,
        -4097,
        32767,
        -32768,
        32768,
        -8388608,
        8388607,
        8388608,
        2147483647,
        -2147483648,
        2147483648,
        i64::MAX,
        i64::MIN,
    ];
    let mut pack = Listpack::new();
    pack.push(b"a");
    for value in ints {
        pack.push(I64Text::new(value).as_slice());
    }
    pack.push(b"01");
    pack.push(b"-0");
    for text in strings {
        pack.push(text);
    }
    let mut expected = hex(
        "970200001d0081610200017f01c08002dfff02d00002cfff02f1001003f1ffef03f1ff7f03f1008003f200800004f200008004f2ffff7f04\
         f30000800005f3ffffff7f05f30000008005f4000000800000000009f4ffffffffffffff7f09f400000000000000800982303103822d3003",
    );
    for (head, text, back) in [
        ("bf", strings[0], "40"),
        ("e040", strings[1], "42"),
        ("e07f", strings[2], "0181"),
        ("e07e", strings[3], "0180"),
        ("e082", strings[4], "0184"),
        ("80", strings[5], "01"),
        ("93", strings[6], "14"),
    ] {
        expected.extend([hex(head), text.to_vec(), hex(back)].concat());
    }
    expected.push(0xFF);
    assert_eq!(pack.as_bytes(), expected);
    assert_eq!(pack.len(), 29);
    let read: Vec<Vec<u8>> = pack.iter().skip(1).take(19).map(|v| v.to_cow().into_owned()).collect();
    assert_eq!(read, ints.map(|i| i.to_string().into_bytes()));
    let mut long = Listpack::new();
    long.push(&[b'q'; 4096]);
    assert_eq!(long.as_bytes()[..12], hex("0e1000000100f00010000071"));
    assert_eq!(long.as_bytes()[long.byte_len() - 4..], hex("712085ff"));
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Delete(usize, usize),
    Split(usize),
    PushInt(i64),
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<i64>(), 0..64u32).prop_map(|(i, s)| (i >> s).to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..10),
        (prop::sample::select(vec![63, 64, 125, 126, 127, 128, 4095, 4096, 16380]), any::<u8>())
            .prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<usize>(), element()).prop_map(|(at, bytes)| Step::Insert(at, bytes)),
        1 => (any::<usize>(), element()).prop_map(|(at, bytes)| Step::Replace(at, bytes)),
        1 => (any::<usize>(), 0..4usize).prop_map(|(at, count)| Step::Delete(at, count)),
        1 => any::<usize>().prop_map(Step::Split),
        1 => any::<i64>().prop_map(Step::PushInt),
    ]
}

proptest! {
    #[test]
    fn behaves_like_a_vector(steps in prop::collection::vec(step(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
        for step in steps {
            let place = |pack: &Listpack, at: usize| pack.seek(at as i64).unwrap_or(pack.end());
            match step {
                Step::Insert(at, bytes) => {
                    let at = at % (model.len() + 1);
                    pack.insert(place(&pack, at), &bytes);
                    model.insert(at, bytes);
                }
                Step::PushInt(value) => {
                    pack.push_int(value);
                    model.push(value.to_string().into_bytes());
                }
                Step::Replace(at, bytes) if !model.is_empty() => {
                    let at = at % model.len();
                    pack.replace(place(&pack, at), &bytes);
                    model[at] = bytes;
                }
                Step::Delete(at, count) => {
                    let at = at % (model.len() + 1);
                    let end = (at + count).min(model.len());
                    prop_assert_eq!(pack.delete(place(&pack, at), count), end - at);
                    model.drain(at..end);
                }
                Step::Split(at) => {
                    let at = at % (model.len() + 1);
                    let tail = pack.split_off(place(&pack, at));
                    prop_assert_eq!(Listpack::from_bytes(tail.as_bytes().to_vec()), Ok(tail.clone()));
                    prop_assert_eq!((pack.len(), tail.len()), (at, model.len() - at));
                    pack.append(&tail);
                }
                Step::Replace(..) => {}
            }
            let read: Vec<Vec<u8>> = pack.iter().map(|v| v.to_cow().into_owned()).collect();
            prop_assert_eq!(&read, &model);
            prop_assert_eq!(pack.len(), model.len());
            prop_assert_eq!(Listpack::from_bytes(pack.as_bytes().to_vec()), Ok(pack.clone()));
        }
        prop_assert!(pack.iter().rev().map(|v| v.to_cow().into_owned()).eq(model.iter().rev().cloned()));
        for (i, bytes) in model.iter().enumerate() {
            let at = pack.seek(i as i64).unwrap();
            prop_assert_eq!(pack.seek(i as i64 - model.len() as i64), Some(at));
            prop_assert!(pack.get(at).is(bytes));
            let first = model.iter().position(|b| b == bytes).unwrap();
            prop_assert_eq!(pack.find(pack.first().unwrap(), bytes, 0), pack.seek(first as i64));
        }
        prop_assert_eq!(pack.seek(model.len() as i64), None);
        prop_assert_eq!(pack.seek(-1 - model.len() as i64), None);
    }

    /// Bytes that differ little from a good listpack are refused or can be used in full.
    #[test]
    fn no_bytes_panic(
        elements in prop::collection::vec(element(), 0..6),
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<usize>()),
    ) {
        let mut pack = Listpack::new();
        elements.iter().for_each(|e| pack.push(e));
        let mut bytes = pack.as_bytes().to_vec();
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        for (at, byte) in damage {
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
        }
        if let Ok(mut pack) = Listpack::from_bytes(bytes) {
            prop_assert_eq!(pack.iter().count(), pack.len());
            prop_assert_eq!(pack.iter().rev().count(), pack.len());
            if let Some(at) = pack.first() {
                pack.find(at, b"7", 1);
                pack.replace(at, b"new");
                pack.delete(at, 1);
            }
            prop_assert!(Listpack::from_bytes(pack.as_bytes().to_vec()).is_ok());
        }
    }
}

#[test]
fn counts_beyond_the_header() {
    let mut pack = Listpack::new();
    for i in 0..70_000 {
        pack.push_int(i % 100);
    }
    assert_eq!((pack.len(), pack.as_bytes()[4], pack.as_bytes()[5]), (70_000, 255, 255));
    assert!(pack.seek(69_999).is_some() && pack.seek(70_000).is_none() && pack.seek(-70_000) == pack.first());
    assert!(Listpack::from_bytes(pack.as_bytes().to_vec()).is_ok());
    pack.delete(pack.first().unwrap(), 70_000);
    assert_eq!(pack, Listpack::new());
}
