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
