//! [`Object`], the value of a key: its type, its encoding, and access for reading and for writing.
//!
//! Big values sit behind `Rc`, so that copying an object for a snapshot costs nothing; `…_mut` copies a value first if a snapshot
//! shares it, and that copy is again shallow, because the structures are made of shared chunks themselves.

use super::bytes::Str;
use super::hash::Hash;
use super::limits::Limits;
use super::listpack::Value;
use super::num::{I64Text, parse_i64};
use super::quicklist::List;
use super::set::Set;
use super::stream::Stream;
use super::zset::Zset;
use std::borrow::Cow;
use std::rc::Rc;

/// The longest string of encoding `embstr`, in bytes (`OBJ_ENCODING_EMBSTR_SIZE_LIMIT`, object.c 7.0.15).
pub const EMBSTR_MAX: usize = 44;

/// A string value in one of Redis's three encodings. Which one it is can be seen (OBJECT ENCODING), so it is kept, although
/// `embstr` and `raw` mean nothing to [`Str`].
#[derive(Clone, Debug)]
pub enum StrValue {
    /// Encoding `int`.
    Int(i64),
    /// Encoding `embstr`: at most [`EMBSTR_MAX`] bytes when it was made, never changed in place.
    Embstr(Str),
    /// Encoding `raw`.
    Raw(Str),
}

impl StrValue {
    /// The value that SET stores for these bytes (`tryObjectEncoding`): an integer if the text is exactly one.
    #[inline]
    pub fn encode(bytes: &[u8]) -> StrValue {
        match parse_i64(bytes) {
            Some(value) => StrValue::Int(value),
            None => StrValue::plain(Str::from(bytes)),
        }
    }

    /// A string that is not turned into an integer even if it could be (`createStringObject`), such as the result of INCRBYFLOAT.
    pub fn plain(text: Str) -> StrValue {
        if text.len() <= EMBSTR_MAX { StrValue::Embstr(text) } else { StrValue::Raw(text) }
    }

    /// The string that it stands for.
    pub fn to_str(&self) -> Str {
        match self {
            StrValue::Int(value) => Str::from_i64(*value),
            StrValue::Embstr(text) | StrValue::Raw(text) => text.clone(),
        }
    }

    /// Its bytes, without a copy where there are any.
    pub fn to_cow(&self) -> Cow<'_, [u8]> {
        match self {
            StrValue::Int(value) => Cow::Owned(I64Text::new(*value).as_slice().to_vec()),
            StrValue::Embstr(text) | StrValue::Raw(text) => Cow::Borrowed(text),
        }
    }

    /// Calls `f` with its bytes; allocates nothing.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            StrValue::Int(value) => f(I64Text::new(*value).as_slice()),
            StrValue::Embstr(text) | StrValue::Raw(text) => f(text),
        }
    }

    /// Its length in bytes (STRLEN).
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.with(<[u8]>::len)
    }

    /// The integer it is, if INCR can work on it.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            StrValue::Int(value) => Some(*value),
            StrValue::Embstr(text) | StrValue::Raw(text) => parse_i64(text),
        }
    }

    /// The string for changing in place; its encoding is `raw` from then on (`dbUnshareStringValue`).
    pub fn make_raw(&mut self) -> &mut Str {
        if !matches!(self, StrValue::Raw(_)) {
            *self = StrValue::Raw(self.to_str());
        }
        match self {
            StrValue::Raw(text) => text,
            _ => unreachable!("the value was made raw above"),
        }
    }
}

/// The value of a key.
#[derive(Clone)]
pub enum Object {
    /// Type `string`.
    Str(StrValue),
    /// Type `list`.
    List(Rc<List>),
    /// Type `set`.
    Set(Rc<Set>),
    /// Type `hash`.
    Hash(Rc<Hash>),
    /// Type `zset`.
    Zset(Rc<Zset>),
    /// Type `stream`.
    Stream(Rc<Stream>),
}

/// A type of value that a look-up may ask for.
pub trait Typed: Clone {
    /// The value of an object, shared, if it is of this type; `None` makes WRONGTYPE.
    fn of(object: &Object) -> Option<&Rc<Self>>;
    /// The value of an object for writing, if it is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
}

macro_rules! typed {
    ($($kind:ident)*) => {
        $(impl Typed for $kind {
            fn of(object: &Object) -> Option<&Rc<$kind>> {
                if let Object::$kind(value) = object { Some(value) } else { None }
            }

            fn of_mut(object: &mut Object) -> Option<&mut $kind> {
                if let Object::$kind(value) = object { Some(Rc::make_mut(value)) } else { None }
            }
        })*
    };
}

typed!(List Set Hash Zset Stream);

impl Object {
    /// A string as SET stores it.
    #[inline]
    pub fn string(bytes: &[u8]) -> Object {
        Object::Str(StrValue::encode(bytes))
    }

    /// An empty list.
    pub fn list(limits: &Limits) -> Object {
        Object::List(Rc::new(List::new(limits)))
    }

    /// An empty set in the encoding for its first member.
    pub fn set(first: &[u8], limits: &Limits) -> Object {
        Object::Set(Rc::new(Set::new(first, limits)))
    }

    /// An empty hash.
    pub fn hash() -> Object {
        Object::Hash(Rc::new(Hash::new()))
    }

    /// An empty sorted set in the encoding for a first member of this length.
    pub fn zset(first_len: usize, limits: &Limits) -> Object {
        Object::Zset(Rc::new(Zset::new(first_len, limits)))
    }

    /// The name that TYPE gives.
    pub fn type_name(&self) -> &'static str {
        match self {
            Object::Str(_) => "string",
            Object::List(_) => "list",
            Object::Set(_) => "set",
            Object::Hash(_) => "hash",
            Object::Zset(_) => "zset",
            Object::Stream(_) => "stream",
        }
    }

    /// The name that OBJECT ENCODING gives (`strEncoding`, object.c 7.0.15).
    pub fn encoding(&self) -> &'static str {
        match self {
            Object::Str(StrValue::Int(_)) => "int",
            Object::Str(StrValue::Embstr(_)) => "embstr",
            Object::Str(StrValue::Raw(_)) => "raw",
            Object::List(_) => "quicklist",
            Object::Set(set) => match &**set {
                Set::Ints(_) => "intset",
                Set::Table(_) => "hashtable",
            },
            Object::Hash(hash) => match &**hash {
                Hash::Pack(_) => "listpack",
                Hash::Table(_) => "hashtable",
            },
            Object::Zset(zset) => match &**zset {
                Zset::Pack(_) => "listpack",
                Zset::Tree { .. } => "skiplist",
            },
            Object::Stream(_) => "stream",
        }
    }

    /// Whether it is a collection without elements: such a key is deleted by the command that emptied it. A stream is not.
    pub fn is_empty_collection(&self) -> bool {
        match self {
            Object::Str(_) | Object::Stream(_) => false,
            Object::List(list) => list.is_empty(),
            Object::Set(set) => set.is_empty(),
            Object::Hash(hash) => hash.is_empty(),
            Object::Zset(zset) => zset.is_empty(),
        }
    }

    /// The string, if it is one; `None` makes WRONGTYPE. So for the other types below.
    #[inline]
    pub fn as_str(&self) -> Option<&StrValue> {
        if let Object::Str(value) = self { Some(value) } else { None }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&List> {
        if let Object::List(list) = self { Some(list) } else { None }
    }

    /// The set, if it is one.
    pub fn as_set(&self) -> Option<&Set> {
        if let Object::Set(set) = self { Some(set) } else { None }
    }

    /// The hash, if it is one.
    pub fn as_hash(&self) -> Option<&Hash> {
        if let Object::Hash(hash) = self { Some(hash) } else { None }
    }

    /// The sorted set, if it is one.
    pub fn as_zset(&self) -> Option<&Zset> {
        if let Object::Zset(zset) = self { Some(zset) } else { None }
    }

    /// The string for writing, if it is one.
    #[inline]
    pub fn str_mut(&mut self) -> Option<&mut StrValue> {
        if let Object::Str(value) = self { Some(value) } else { None }
    }

    /// The list for writing, if it is one.
    pub fn list_mut(&mut self) -> Option<&mut List> {
        if let Object::List(list) = self { Some(Rc::make_mut(list)) } else { None }
    }

    /// The set for writing, if it is one.
    pub fn set_mut(&mut self) -> Option<&mut Set> {
        if let Object::Set(set) = self { Some(Rc::make_mut(set)) } else { None }
    }

    /// The hash for writing, if it is one.
    pub fn hash_mut(&mut self) -> Option<&mut Hash> {
        if let Object::Hash(hash) = self { Some(Rc::make_mut(hash)) } else { None }
    }

    /// The sorted set for writing, if it is one.
    pub fn zset_mut(&mut self) -> Option<&mut Zset> {
        if let Object::Zset(zset) = self { Some(Rc::make_mut(zset)) } else { None }
    }

    /// How many elements a lazy free would have to visit (`lazyfreeGetFreeEffort`): 1 for what is freed at once.
    pub fn free_effort(&self) -> usize {
        match self {
            Object::List(list) => list.nodes().len(),
            Object::Set(set) if matches!(**set, Set::Table(_)) => set.len(),
            Object::Hash(hash) if matches!(**hash, Hash::Table(_)) => hash.len(),
            Object::Zset(zset) if matches!(**zset, Zset::Tree { .. }) => zset.len(),
            Object::Stream(stream) => stream.free_effort(),
            _ => 1,
        }
    }
}

impl From<Value<'_>> for StrValue {
    fn from(value: Value<'_>) -> StrValue {
        match value {
            Value::Int(value) => StrValue::Int(value),
            Value::Bytes(bytes) => StrValue::encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies of redis-server 7.0.15 to OBJECT ENCODING.
    #[test]
    fn encodings_of_strings() {
        for (text, encoding) in [
            ("12345678", "int"),
            ("9223372036854775807", "int"),
            ("-9223372036854775808", "int"),
            ("9223372036854775808", "embstr"),
            ("01", "embstr"),
            ("", "embstr"),
            (&"x".repeat(44), "embstr"),
            (&"x".repeat(45), "raw"),
        ] {
            let object = Object::string(text.as_bytes());
            assert_eq!(object.encoding(), encoding, "{text}");
            assert_eq!(object.as_str().unwrap().to_cow(), text.as_bytes());
            assert_eq!(object.as_str().unwrap().len(), text.len());
        }
        // After INCRBYFLOAT.
        assert_eq!(Object::Str(StrValue::plain(Str::from("11"))).encoding(), "embstr");
    }

    #[test]
    fn changing_in_place_makes_a_string_raw() {
        let mut object = Object::string(b"1");
        object.str_mut().unwrap().make_raw().append(b"2");
        assert_eq!((object.encoding(), object.as_str().unwrap().as_i64()), ("raw", Some(12)));
    }

    #[test]
    fn names() {
        let limits = Limits::default();
        let objects = [
            (Object::list(&limits), "list", "quicklist"),
            (Object::set(b"1", &limits), "set", "intset"),
            (Object::set(b"a", &limits), "set", "hashtable"),
            (Object::hash(), "hash", "listpack"),
            (Object::zset(64, &limits), "zset", "listpack"),
            (Object::zset(65, &limits), "zset", "skiplist"),
        ];
        for (object, type_name, encoding) in objects {
            assert_eq!((object.type_name(), object.encoding()), (type_name, encoding));
            assert!(object.is_empty_collection() && object.as_str().is_none());
        }
    }
}
