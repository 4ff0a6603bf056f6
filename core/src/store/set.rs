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
