//! [`Set`], the value behind SADD: an [`Intset`] while all members are integers and few, else a [`Dict`] (t_set.c 7.0.15; the
//! listpack form of sets came with 7.2).

use super::bytes::Str;
use super::dict::Dict;
use super::intset::Intset;
use super::limits::Limits;
use super::listpack::Value;
use super::num::{I64Text, parse_i64};
use crate::rng::Rng;

/// Redis caps `set-max-intset-entries` at this.
const INTSET_MAX: usize = 1 << 30;

/// A set of byte strings.
#[derive(Clone)]
pub enum Set {
    /// Encoding `intset`.
    Ints(Intset),
    /// Encoding `hashtable`.
    Table(Dict<()>),
}

impl Set {
    /// An empty set in the encoding that suits its first member (`setTypeCreate`).
    pub fn new(first: &[u8], limits: &Limits) -> Set {
        match parse_i64(first) {
            Some(_) => Set::Ints(Intset::new()),
            None => Set::Table(Dict::new(limits.seed)),
        }
    }

    /// Adds a member; whether it is new. Converts when a member is no integer or there are too many (`setTypeAdd`).
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Set::Table(dict) => dict.get_or_insert_with(member, || ()).1,
            Set::Ints(ints) => match parse_i64(member) {
                Some(value) => {
                    let added = ints.insert(value);
                    if added && ints.len() > limits.set_max_intset_entries.min(INTSET_MAX) {
                        self.convert(limits);
                    }
                    added
                }
                None => {
                    self.convert(limits);
                    self.add(member, limits)
                }
            },
        }
    }

    /// Makes it a hash table.
    pub fn convert(&mut self, limits: &Limits) {
        if let Set::Ints(ints) = self {
            let mut dict = Dict::new(limits.seed);
            for value in ints.iter() {
                dict.insert(Str::from_i64(value), ());
            }
            *self = Set::Table(dict);
        }
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Table(dict) => dict.remove(member).is_some(),
            Set::Ints(ints) => parse_i64(member).is_some_and(|value| ints.remove(value)),
        }
    }

    /// Whether it is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Table(dict) => dict.contains(member),
            Set::Ints(ints) => parse_i64(member).is_some_and(|value| ints.contains(value)),
        }
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        match self {
            Set::Table(dict) => dict.len(),
            Set::Ints(ints) => ints.len(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members: ascending for integers, else in the dict's order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        let (ints, dict) = match self {
            Set::Ints(ints) => (Some(ints), None),
            Set::Table(dict) => (None, Some(dict)),
        };
        let ints = ints.into_iter().flat_map(|ints| ints.iter().map(Value::Int));
        ints.chain(dict.into_iter().flat_map(|dict| dict.iter().map(|(member, ())| Value::Bytes(member))))
    }

    /// A member chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<Value<'_>> {
        match self {
            Set::Ints(ints) => ints.get(rng.below(ints.len() as u64) as usize).map(Value::Int),
            Set::Table(dict) => dict.random(rng).map(|(member, ())| Value::Bytes(member)),
        }
    }

    /// One step of SSCAN: see [`Dict::scan`]. An intset is handed over whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        match self {
            Set::Table(dict) => dict.scan(cursor, count, |member, ()| visit(member)),
            Set::Ints(ints) => {
                ints.iter().for_each(|value| visit(I64Text::new(value).as_slice()));
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
    use std::collections::BTreeSet;

    #[test]
    fn converts_when_redis_does() {
        let limits = Limits::default();
        let mut set = Set::new(b"1", &limits);
        (0..512).for_each(|i| assert!(set.add(i.to_string().as_bytes(), &limits)));
        assert!(matches!(set, Set::Ints(_)) && !set.add(b"5", &limits));
        set.add(b"512", &limits);
        assert!(matches!(set, Set::Table(_)));
        let mut set = Set::new(b"1", &limits);
        set.add(b"1", &limits);
        assert!(!set.contains(b"01") && !set.remove(b"a"));
        set.add(b"01", &limits);
        assert!(matches!(set, Set::Table(_)) && set.contains(b"1") && set.contains(b"01"));
        assert!(matches!(Set::new(b"x", &limits), Set::Table(_)));
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(
            operations in prop::collection::vec((any::<bool>(), prop_oneof![4 => "[0-9]{1,2}", 1 => "[a-c]"]), 0..120),
            max in 0..60usize,
        ) {
            let limits = Limits { set_max_intset_entries: max, ..Limits::default() };
            let (mut set, mut model) = (Set::new(b"1", &limits), BTreeSet::new());
            for (add, member) in operations {
                let bytes = member.clone().into_bytes();
                if add {
                    prop_assert_eq!(set.add(&bytes, &limits), model.insert(bytes));
                } else {
                    prop_assert_eq!(set.remove(&bytes), model.remove(&bytes));
                }
            }
            let members: BTreeSet<_> = set.iter().map(|m| m.to_cow().into_owned()).collect();
            prop_assert_eq!(&members, &model);
            prop_assert_eq!(set.len(), model.len());
            let mut scanned = BTreeSet::new();
            prop_assert_eq!(set.scan(0, 1000, |m| { scanned.insert(m.to_vec()); }), 0);
            prop_assert_eq!(scanned, model);
            let mut rng = Rng::new(1);
            let random = set.random(&mut rng).map(|m| m.to_cow().into_owned());
            prop_assert!(random.map_or(set.is_empty(), |m| set.contains(&m)));
        }
    }
}
