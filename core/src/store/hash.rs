//! [`Hash`], the value behind HSET: a listpack of fields and values by turns while small, else a [`Dict`] (t_hash.c 7.0.15).

use super::bytes::Str;
use super::dict::Dict;
use super::limits::Limits;
use super::listpack::{Listpack, Malformed, Value};
use crate::rng::Rng;
use std::collections::BTreeSet;

/// A map from byte strings to byte strings.
#[derive(Clone)]
pub enum Hash {
    /// Encoding `listpack`.
    Pack(Listpack),
    /// Encoding `hashtable`.
    Table(Dict<Str>),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Hash {
        Hash::Pack(Listpack::new())
    }

    /// Takes a listpack from a file.
    ///
    /// # Errors
    /// [`Malformed`] if the number of entries is odd or a field occurs twice.
    pub fn from_listpack(pack: Listpack) -> Result<Hash, Malformed> {
        let entries: Vec<_> = pack.iter().collect();
        let mut fields = BTreeSet::new();
        if entries.len() % 2 != 0 || !entries.chunks(2).all(|pair| fields.insert(pair[0].to_cow())) {
            return Err(Malformed);
        }
        Ok(Hash::Pack(pack))
    }

    /// Converts to a hash table if any of these fields and values, about to be set, is too long for a listpack
    /// (`hashTypeTryConversion`). HSET does this for all its arguments before it sets the first.
    pub fn prepare<'a>(&mut self, arguments: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) {
        let Hash::Pack(pack) = self else { return };
        let mut sum = 0usize;
        for argument in arguments {
            if argument.len() > limits.hash_max_listpack_value {
                return self.convert(limits);
            }
            sum = sum.saturating_add(argument.len());
        }
        if !pack.is_safe_to_add(sum) {
            self.convert(limits);
        }
    }

    /// Sets a field; whether it is new. Converts as the limits say (`hashTypeSet`).
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        let too_long = field.len().max(value.len()) > limits.hash_max_listpack_value;
        match self {
            Hash::Pack(pack) if !too_long && pack.is_safe_to_add(field.len() + value.len()) => {
                let found = pack.first().and_then(|at| pack.find(at, field, 1));
                if let Some(at) = found.and_then(|at| pack.next(at)) {
                    pack.replace(at, value);
                    return false;
                }
                pack.push(field);
                pack.push(value);
                if pack.len() / 2 > limits.hash_max_listpack_entries {
                    self.convert(limits);
                }
                true
            }
            Hash::Pack(_) => {
                self.convert(limits);
                self.set(field, value, limits)
            }
            Hash::Table(dict) => {
                let (slot, created) = dict.get_or_insert_with(field, Str::new);
                *slot = Str::from(value);
                created
            }
        }
    }

    /// Makes it a hash table.
    pub fn convert(&mut self, limits: &Limits) {
        if let Hash::Pack(_) = self {
            let mut dict = Dict::new(limits.seed);
            for (field, value) in self.iter() {
                dict.insert(field.to_str(), value.to_str());
            }
            *self = Hash::Table(dict);
        }
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<Value<'_>> {
        match self {
            Hash::Pack(pack) => {
                let at = pack.find(pack.first()?, field, 1)?;
                Some(pack.get(pack.next(at)?))
            }
            Hash::Table(dict) => dict.get(field).map(|value| Value::Bytes(value)),
        }
    }

    /// Whether the field is there.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Removes a field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Hash::Pack(pack) => {
                let Some(at) = pack.first().and_then(|at| pack.find(at, field, 1)) else { return false };
                pack.delete(at, 2) > 0
            }
            Hash::Table(dict) => dict.remove(field).is_some(),
        }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        match self {
            Hash::Pack(pack) => pack.len() / 2,
            Hash::Table(dict) => dict.len(),
        }
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fields and values: in the order of their creation for a listpack, else in the dict's.
    pub fn iter(&self) -> impl Iterator<Item = (Value<'_>, Value<'_>)> {
        let (pack, dict) = match self {
            Hash::Pack(pack) => (Some(pack), None),
            Hash::Table(dict) => (None, Some(dict)),
        };
        let packed = pack.into_iter().flat_map(|pack| {
            let mut entries = pack.iter();
            std::iter::from_fn(move || Some((entries.next()?, entries.next()?)))
        });
        let table = dict.into_iter().flat_map(Dict::iter);
        packed.chain(table.map(|(field, value)| (Value::Bytes(field), Value::Bytes(value))))
    }

    /// A field and its value, chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<(Value<'_>, Value<'_>)> {
        match self {
            Hash::Pack(pack) => {
                let at = pack.seek(2 * rng.below((pack.len() / 2) as u64) as i64)?;
                Some((pack.get(at), pack.get(pack.next(at)?)))
            }
            Hash::Table(dict) => dict.random(rng).map(|(f, v)| (Value::Bytes(f), Value::Bytes(v))),
        }
    }

    /// One step of HSCAN: see [`Dict::scan`]. A listpack is handed over whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Value<'_>, Value<'_>)) -> u64 {
        match self {
            Hash::Table(dict) => {
                dict.scan(cursor, count, |field, value| visit(Value::Bytes(field), Value::Bytes(value)))
            }
            Hash::Pack(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn is_packed(hash: &Hash) -> bool {
        matches!(hash, Hash::Pack(_))
    }

    #[test]
    fn converts_when_redis_does() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        (0..512).for_each(|i: i32| assert!(hash.set(i.to_string().as_bytes(), b"v", &limits)));
        assert!(is_packed(&hash) && !hash.set(b"7", b"w", &limits));
        hash.set(b"512", b"v", &limits);
        assert!(!is_packed(&hash) && hash.get(b"7") == Some(Value::Bytes(b"w")));
        for (field, value, packed) in [(64, 1, true), (65, 1, false), (1, 64, true), (1, 65, false)] {
            let (field, value) = (vec![b'f'; field], vec![b'v'; value]);
            let mut hash = Hash::new();
            hash.set(&field, &value, &limits);
            assert_eq!(is_packed(&hash), packed);
            let mut hash = Hash::new();
            hash.prepare([&field[..], &value[..]], &limits);
            assert_eq!(is_packed(&hash), packed);
        }
    }

    /// The listpack of redis-server 7.0.15 after HSET k f1 10 f2 v2 3 -0.5, then HSET k f1 longer and HDEL k f2.
    #[test]
    fn bytes_of_redis() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        for (field, value) in [("f1", "10"), ("f2", "v2"), ("3", "-0.5")] {
            hash.set(field.as_bytes(), value.as_bytes(), &limits);
        }
        let Hash::Pack(pack) = &hash else { panic!("small hashes are packed") };
        assert_eq!(
            pack.as_bytes(),
            b"\x1d\0\0\0\x06\0\x82f1\x03\x0a\x01\x82f2\x03\x82v2\x03\x03\x01\x84-0.5\x05\xff"
        );
        hash.set(b"f1", b"longer", &limits);
        hash.remove(b"f2");
        let Hash::Pack(pack) = &hash else { panic!("small hashes are packed") };
        assert_eq!(pack.as_bytes(), b"\x1b\0\0\0\x04\0\x82f1\x03\x86longer\x07\x03\x01\x84-0.5\x05\xff");
        assert!(Hash::from_listpack(pack.clone()).is_ok());
        let mut odd = pack.clone();
        odd.push(b"3");
        assert!(Hash::from_listpack(odd.clone()).is_err());
        odd.push(b"twice");
        assert!(Hash::from_listpack(odd).is_err());
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(
            operations in prop::collection::vec((0..4u8, "[0-9a-b]{1,2}", "[0-9a]{0,6}"), 0..120),
            max in 0..60usize,
        ) {
            let limits =
                Limits { hash_max_listpack_entries: max, hash_max_listpack_value: 5, ..Limits::default() };
            let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
            for (kind, field, value) in operations {
                if kind > 0 {
                    let new = model.insert(field.clone(), value.clone()).is_none();
                    prop_assert_eq!(hash.set(field.as_bytes(), value.as_bytes(), &limits), new);
                } else {
                    prop_assert_eq!(hash.remove(field.as_bytes()), model.remove(&field).is_some());
                }
                prop_assert_eq!(hash.get(field.as_bytes()).map(Value::to_str), model.get(&field).map(|v| Str::from(v.as_str())));
            }
            let text = |v: Value<'_>| String::from_utf8(v.to_cow().into_owned()).unwrap();
            prop_assert_eq!(&hash.iter().map(|(f, v)| (text(f), text(v))).collect::<BTreeMap<_, _>>(), &model);
            prop_assert_eq!(hash.len(), model.len());
            let mut scanned = BTreeMap::new();
            prop_assert_eq!(hash.scan(0, 1000, |f, v| { scanned.insert(text(f), text(v)); }), 0);
            prop_assert_eq!(&scanned, &model);
            let mut rng = Rng::new(1);
            let random = hash.random(&mut rng).map(|(f, v)| (text(f), text(v)));
            prop_assert!(random.map_or(model.is_empty(), |(f, v)| model.get(&f) == Some(&v)));
        }
    }
}
