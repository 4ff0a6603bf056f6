//! How lengths, strings and values are read (`rdbLoadLen`, `rdbGenericLoadStringObject`, `rdbLoadObject`, rdb.c 7.0.15).
//!
//! The input is the beginning of what there is, so every read may find that bytes are missing ([`DecodeError::More`]); the
//! caller tries again with more. Nothing is allocated on the word of a length: memory grows with bytes that are there.
//!
//! Packed values are always validated in depth, as `sanitize-dump-payload yes` would have it: the engine relies on it.

use super::packed::{Entry, read_ziplist, read_zipmap};
use super::{NODE_PACKED, NODE_PLAIN, length, stream, value_type};
use crate::persist::lzf;
use crate::store::float::strtod;
use crate::store::intset::Intset;
use crate::store::listpack::Malformed;
use crate::store::num::I64Text;
use crate::store::quicklist::{End, Node};
use crate::store::ranktree::RankTree;
use crate::store::{Dict, Hash, Limits, List, Listpack, Object, Set, Str, Zset};
use std::borrow::Cow;
use std::rc::Rc;

/// The longest string in bytes: what a 32-bit address space can hold, on every target.
const STRING_LEN_MAX: u64 = i32::MAX as u64;

/// Why a value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It goes on beyond the input, which must have at least this many bytes to try again.
    More(usize),
    /// The bytes cannot be right. The reason, and the line of rdb.c that gives it in Redis's log.
    Corrupt(u32, Cow<'static, str>),
    /// A string longer than any memory.
    TooLong(u64),
}

pub(super) fn corrupt<T>(line: u32, reason: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Corrupt(line, Cow::Borrowed(reason)))
}

/// A place in the input.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::More`].
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.saturating_add(len);
        let taken = self.bytes.get(self.at..end).ok_or(DecodeError::More(end))?;
        self.at = end;
        Ok(taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`DecodeError::More`].
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::More`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A length, or the number of a special encoding (true).
    fn length_or_encoding(&mut self) -> Result<(u64, bool), DecodeError> {
        let first = self.byte()?;
        match first {
            0..0x40 => Ok((u64::from(first), false)),
            0x40..0x80 => Ok(((u64::from(first & 0x3f) << 8) | u64::from(self.byte()?), false)),
            length::BITS_32 => Ok((u64::from(u32::from_be_bytes(self.array()?)), false)),
            length::BITS_64 => Ok((u64::from_be_bytes(self.array()?), false)),
            length::ENCODED.. => Ok((u64::from(first & 0x3f), true)),
            _ => corrupt(211, "Unknown length encoding 2 in rdbLoadLen()"),
        }
    }

    /// A length. A special encoding in its place counts as its number, as in Redis.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn length(&mut self) -> Result<u64, DecodeError> {
        Ok(self.length_or_encoding()?.0)
    }

    /// A string.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        let (len, encoded) = self.length_or_encoding()?;
        if !encoded {
            return Ok(Cow::Borrowed(self.take(checked_len(len)?)?));
        }
        let encoding = u8::try_from(len).unwrap_or(u8::MAX);
        let value = match encoding {
            length::INT_8 => i64::from(i8::from_le_bytes(self.array()?)),
            length::INT_16 => i64::from(i16::from_le_bytes(self.array()?)),
            length::INT_32 => i64::from(i32::from_le_bytes(self.array()?)),
            length::LZF => {
                let short_len = checked_len(self.length()?)?;
                let len = checked_len(self.length()?)?;
                let short = self.take(short_len)?;
                return match lzf::decompress(short, len) {
                    Some(text) => Ok(Cow::Owned(text)),
                    None => corrupt(413, "Invalid LZF compressed string"),
                };
            }
            other => {
                let reason = format!("Unknown RDB string encoding type {other}");
                return Err(DecodeError::Corrupt(529, reason.into()));
            }
        };
        Ok(Cow::Owned(I64Text::new(value).as_slice().to_vec()))
    }

    fn score_text(&mut self) -> Result<f64, DecodeError> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            len => match strtod(self.take(usize::from(len))?) {
                (_, 0) => corrupt(1866, "Zset with unreadable score detected"),
                (score, _) => Ok(score),
            },
        }
    }

    /// A value of this type; None if it is a collection without elements, which older versions could write by mistake and
    /// which is to be passed over.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn object(&mut self, kind: u8, limits: &Limits) -> Result<Option<Object>, DecodeError> {
        let object = match kind {
            value_type::STRING => Object::string(&self.string()?),
            value_type::LIST => self.list(limits)?,
            value_type::SET => self.set(limits)?,
            value_type::ZSET | value_type::ZSET_2 => self.zset(kind == value_type::ZSET_2, limits)?,
            value_type::HASH => self.hash(limits)?,
            value_type::LIST_QUICKLIST | value_type::LIST_QUICKLIST_2 => {
                self.quicklist(kind == value_type::LIST_QUICKLIST_2, limits)?
            }
            value_type::HASH_ZIPMAP
            | value_type::LIST_ZIPLIST
            | value_type::SET_INTSET
            | value_type::ZSET_ZIPLIST
            | value_type::ZSET_LISTPACK
            | value_type::HASH_ZIPLIST
            | value_type::HASH_LISTPACK => packed(kind, self.string()?, limits)?,
            value_type::STREAM_LISTPACKS | value_type::STREAM_LISTPACKS_2 => {
                stream::read(self, kind == value_type::STREAM_LISTPACKS_2)?
            }
            value_type::MODULE | value_type::MODULE_2 => {
                let name = module_name(self.length()?);
                let reason = format!(
                    "The RDB file contains module data I can't load: no matching module type '{name}'"
                );
                return Err(DecodeError::Corrupt(2627, reason.into()));
            }
            other => {
                return Err(DecodeError::Corrupt(2672, format!("Unknown RDB encoding type {other}").into()));
            }
        };
        Ok(if object.is_empty_collection() { None } else { Some(object) })
    }

    fn list(&mut self, limits: &Limits) -> Result<Object, DecodeError> {
        let mut list = List::new(limits);
        for _ in 0..self.length()? {
            list.push(End::Tail, &self.string()?);
        }
        Ok(Object::List(Rc::new(list)))
    }

    fn set(&mut self, limits: &Limits) -> Result<Object, DecodeError> {
        let len = self.length()?;
        let mut set = if len > limits.set_max_intset_entries.min(1 << 30) as u64 {
            Set::Table(Dict::new(limits.seed))
        } else {
            Set::Ints(Intset::new())
        };
        for _ in 0..len {
            if !set.add(&self.string()?, limits) {
                return corrupt(1808, "Duplicate set members detected");
            }
        }
        Ok(Object::Set(Rc::new(set)))
    }

    fn zset(&mut self, binary: bool, limits: &Limits) -> Result<Object, DecodeError> {
        let (mut scores, mut order) = (Dict::new(limits.seed), RankTree::default());
        for _ in 0..self.length()? {
            let member = Str::from(&*self.string()?);
            let score = if binary { f64::from_le_bytes(self.array()?) } else { self.score_text()? };
            if score.is_nan() {
                return corrupt(1881, "Zset with NAN score detected");
            }
            order.insert(score, member.clone());
            if scores.insert(member, score).is_some() {
                return corrupt(1893, "Duplicate zset fields detected");
            }
        }
        let mut zset = Zset::Tree { scores, order };
        zset.compact(limits);
        Ok(Object::Zset(Rc::new(zset)))
    }

    fn hash(&mut self, limits: &Limits) -> Result<Object, DecodeError> {
        let len = self.length()?;
        let mut hash = Hash::new();
        if len > limits.hash_max_listpack_entries as u64 {
            hash.convert(limits);
        }
        for _ in 0..len {
            let (field, value) = (self.string()?, self.string()?);
            if !hash.set(&field, &value, limits) {
                return corrupt(2018, "Duplicate hash fields detected");
            }
        }
        Ok(Object::Hash(Rc::new(hash)))
    }

    fn quicklist(&mut self, listpacks: bool, limits: &Limits) -> Result<Object, DecodeError> {
        let mut list = List::new(limits);
        for _ in 0..self.length()? {
            let container = if listpacks { self.length()? } else { NODE_PACKED };
            if container != NODE_PACKED && container != NODE_PLAIN {
                return corrupt(2047, "Quicklist integrity check failed.");
            }
            let data = self.string()?;
            if data.is_empty() {
                return corrupt(2057, "Quicklist node without data.");
            }
            if container == NODE_PLAIN {
                list.push_node(Node::Plain(data.into_owned()));
                continue;
            }
            let pack = if listpacks {
                Listpack::from_bytes(data.into_owned())
                    .or_else(|Malformed| corrupt(2070, "Listpack integrity check failed."))?
            } else {
                listpack_of(&data).or_else(|Malformed| corrupt(2080, "Ziplist integrity check failed."))?
            };
            list.push_node(Node::Packed(pack));
        }
        Ok(Object::List(Rc::new(list)))
    }
}

fn checked_len(len: u64) -> Result<usize, DecodeError> {
    if len > STRING_LEN_MAX { Err(DecodeError::TooLong(len)) } else { Ok(len as usize) }
}

fn push_entry(pack: &mut Listpack, entry: Entry<'_>) -> Result<(), Malformed> {
    if !pack.is_safe_to_add(entry.with(<[u8]>::len)) {
        return Err(Malformed);
    }
    match entry {
        Entry::Int(value) => pack.push_int(value),
        Entry::Str(text) => pack.push(text),
    }
    Ok(())
}

/// The elements of a ziplist as a listpack.
fn listpack_of(ziplist: &[u8]) -> Result<Listpack, Malformed> {
    let mut pack = Listpack::new();
    read_ziplist(ziplist, |entry| push_entry(&mut pack, entry))?;
    Ok(pack)
}

/// A value that is one string in the file.
fn packed(kind: u8, data: Cow<'_, [u8]>, limits: &Limits) -> Result<Object, DecodeError> {
    let hash = |pack: Result<Listpack, Malformed>| {
        let mut hash = Hash::from_listpack(pack?)?;
        if hash.len() > limits.hash_max_listpack_entries {
            hash.convert(limits);
        }
        Ok(Object::Hash(Rc::new(hash)))
    };
    let zset = |pack: Result<Listpack, Malformed>| {
        let mut zset = Zset::from_listpack(pack?)?;
        if zset.len() > limits.zset_max_listpack_entries {
            zset.convert(limits);
        }
        Ok(Object::Zset(Rc::new(zset)))
    };
    let (object, line, reason) = match kind {
        value_type::HASH_ZIPMAP => (zipmap(&data, limits), 2129, "Zipmap integrity check failed."),
        value_type::LIST_ZIPLIST => {
            let mut list = List::new(limits);
            let read = read_ziplist(&data, |entry| {
                entry.with(|text| list.push(End::Tail, text));
                Ok(())
            });
            (read.map(|()| Object::List(Rc::new(list))), 2187, "List ziplist integrity check failed.")
        }
        value_type::SET_INTSET => {
            let set = Intset::from_bytes(data.into_owned()).map(|ints| {
                let mut set = Set::Ints(ints);
                if set.len() > limits.set_max_intset_entries {
                    set.convert(limits);
                }
                Object::Set(Rc::new(set))
            });
            (set, 2212, "Intset integrity check failed.")
        }
        value_type::ZSET_ZIPLIST => (zset(listpack_of(&data)), 2227, "Zset ziplist integrity check failed."),
        value_type::HASH_ZIPLIST => (hash(listpack_of(&data)), 2273, "Hash ziplist integrity check failed."),
        value_type::ZSET_LISTPACK => {
            (zset(Listpack::from_bytes(data.into_owned())), 2253, "Zset listpack integrity check failed.")
        }
        _ => (hash(Listpack::from_bytes(data.into_owned())), 2299, "Hash listpack integrity check failed."),
    };
    object.or_else(|Malformed| corrupt(line, reason))
}

fn zipmap(data: &[u8], limits: &Limits) -> Result<Object, Malformed> {
    let mut pack = Listpack::new();
    let mut len_max = 0;
    read_zipmap(data, |field, value| {
        len_max = len_max.max(field.len()).max(value.len());
        push_entry(&mut pack, Entry::Str(field))?;
        push_entry(&mut pack, Entry::Str(value))
    })?;
    let mut hash = Hash::from_listpack(pack)?;
    if hash.len() > limits.hash_max_listpack_entries || len_max > limits.hash_max_listpack_value {
        hash.convert(limits);
    }
    Ok(Object::Hash(Rc::new(hash)))
}

/// The nine characters of a module's type that its 64-bit id holds (`moduleTypeNameByID`, module.c 7.0.15).
pub fn module_name(id: u64) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|i| CHARACTERS[(id >> (58 - 6 * i)) as usize & 63] as char).collect()
}
