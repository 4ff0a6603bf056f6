//! How lengths, strings and values are written (`rdbSaveLen`, `rdbSaveRawString`, `rdbSaveObject`, rdb.c 7.0.15).
//!
//! A value may be huge, so [`Body`] writes it piece by piece and can stop anywhere between elements.

use super::{NODE_PACKED, NODE_PLAIN, length, stream, value_type};
use crate::persist::lzf::Compressor;
use crate::store::dict::DictPosition;
use crate::store::num::{I64Text, parse_i64};
use crate::store::quicklist::Node;
use crate::store::{Hash, Object, Set, StrValue, Zset};

/// Strings longer than this are compressed if that makes them shorter.
const COMPRESS_LEN_MIN: usize = 20;

/// Appends a length.
pub fn push_len(out: &mut Vec<u8>, len: u64) {
    if len < 1 << 6 {
        out.push(len as u8);
    } else if len < 1 << 14 {
        out.extend_from_slice(&[length::BITS_14 | (len >> 8) as u8, len as u8]);
    } else if let Ok(len) = u32::try_from(len) {
        out.push(length::BITS_32);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(length::BITS_64);
        out.extend_from_slice(&len.to_be_bytes());
    }
}

/// Appends an integer in its special encoding if it has 32 bits at the most.
fn push_small_int(out: &mut Vec<u8>, value: i64) -> bool {
    let le = value.to_le_bytes();
    if i8::try_from(value).is_ok() {
        out.extend_from_slice(&[length::ENCODED | length::INT_8, le[0]]);
    } else if i16::try_from(value).is_ok() {
        out.extend_from_slice(&[length::ENCODED | length::INT_16, le[0], le[1]]);
    } else if i32::try_from(value).is_ok() {
        out.extend_from_slice(&[length::ENCODED | length::INT_32, le[0], le[1], le[2], le[3]]);
    } else {
        return false;
    }
    true
}

/// Writes strings, compressing them if `rdbcompression` is on.
#[derive(Clone, Default)]
pub struct Encoder {
    compressor: Option<Compressor>,
}

impl Encoder {
    /// An encoder; `compress` is `rdbcompression`.
    pub fn new(compress: bool) -> Encoder {
        Encoder { compressor: compress.then(Compressor::new) }
    }

    /// Appends a string in the shortest of its forms.
    pub fn push_string(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        if text.len() <= 11
            && let Some(value) = parse_i64(text)
            && push_small_int(out, value)
        {
            return;
        }
        if text.len() > COMPRESS_LEN_MIN
            && let Some(compressor) = &mut self.compressor
        {
            let mut short = Vec::new();
            if compressor.compress(text, text.len() - 4, &mut short) {
                out.push(length::ENCODED | length::LZF);
                push_len(out, short.len() as u64);
                push_len(out, text.len() as u64);
                out.extend_from_slice(&short);
                return;
            }
        }
        push_len(out, text.len() as u64);
        out.extend_from_slice(text);
    }

    fn push_str_value(&mut self, out: &mut Vec<u8>, value: &StrValue) {
        match value {
            StrValue::Int(value) => {
                if !push_small_int(out, *value) {
                    let text = I64Text::new(*value);
                    push_len(out, text.as_slice().len() as u64);
                    out.extend_from_slice(text.as_slice());
                }
            }
            StrValue::Embstr(text) | StrValue::Raw(text) => self.push_string(out, text),
        }
    }
}

/// The type byte of a value (`rdbSaveObjectType`).
pub fn object_type(object: &Object) -> u8 {
    match object {
        Object::Str(_) => value_type::STRING,
        Object::List(_) => value_type::LIST_QUICKLIST_2,
        Object::Set(set) => match &**set {
            Set::Ints(_) => value_type::SET_INTSET,
            Set::Table(_) => value_type::SET,
        },
        Object::Hash(hash) => match &**hash {
            Hash::Pack(_) => value_type::HASH_LISTPACK,
            Hash::Table(_) => value_type::HASH,
        },
        Object::Zset(zset) => match &**zset {
            Zset::Pack(_) => value_type::ZSET_LISTPACK,
            Zset::Tree { .. } => value_type::ZSET_2,
        },
        Object::Stream(_) => value_type::STREAM_LISTPACKS_2,
    }
}

/// How far a value is written.
#[derive(Clone)]
enum Place {
    Start,
    /// Nodes of a list, members of a sorted set, or parts of a stream, that are written.
    Index(usize),
    /// The next entry of a table.
    Dict(DictPosition),
}

/// A value being written.
#[derive(Clone)]
pub struct Body {
    object: Object,
    place: Place,
}

impl Body {
    /// Nothing is written yet.
    pub fn new(object: Object) -> Body {
        Body { object, place: Place::Start }
    }

    /// Goes on writing until `out` has `len` bytes or all is written; true in the latter case.
    pub fn write(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>, len: usize) -> bool {
        match &self.object {
            Object::Str(value) => encoder.push_str_value(out, value),
            Object::Set(set) => match &**set {
                Set::Ints(ints) => encoder.push_string(out, ints.as_bytes()),
                Set::Table(dict) => {
                    let position = dict_start(&mut self.place, out, dict.len());
                    while out.len() < len {
                        let Some((member, ())) = dict.next_at(position) else { return true };
                        encoder.push_string(out, member);
                    }
                    return false;
                }
            },
            Object::Hash(hash) => match &**hash {
                Hash::Pack(pack) => encoder.push_string(out, pack.as_bytes()),
                Hash::Table(dict) => {
                    let position = dict_start(&mut self.place, out, dict.len());
                    while out.len() < len {
                        let Some((field, value)) = dict.next_at(position) else { return true };
                        encoder.push_string(out, field);
                        encoder.push_string(out, value);
                    }
                    return false;
                }
            },
            Object::List(list) => {
                let done = index_start(&mut self.place, out, list.nodes().len());
                for node in list.nodes().skip(*done) {
                    if out.len() >= len {
                        return false;
                    }
                    match node {
                        Node::Packed(pack) => {
                            push_len(out, NODE_PACKED);
                            encoder.push_string(out, pack.as_bytes());
                        }
                        Node::Plain(bytes) => {
                            push_len(out, NODE_PLAIN);
                            encoder.push_string(out, bytes);
                        }
                    }
                    *done += 1;
                }
            }
            Object::Zset(zset) => match &**zset {
                Zset::Pack(pack) => encoder.push_string(out, pack.as_bytes()),
                Zset::Tree { order, .. } => {
                    let done = index_start(&mut self.place, out, order.len());
                    // From the greatest to the smallest, so that loading inserts at one end.
                    let rest = order.len() - *done;
                    for item in
                        rest.checked_sub(1).map(|last| order.iter_back_from(last)).into_iter().flatten()
                    {
                        if out.len() >= len {
                            return false;
                        }
                        encoder.push_string(out, &item.member);
                        out.extend_from_slice(&item.score.to_le_bytes());
                        *done += 1;
                    }
                }
            },
            Object::Stream(stream) => {
                let done = index_start(&mut self.place, out, stream.log.blocks.len());
                return stream::write(stream, done, encoder, out, len);
            }
        }
        true
    }
}

fn dict_start<'a>(place: &'a mut Place, out: &mut Vec<u8>, len: usize) -> &'a mut DictPosition {
    if !matches!(place, Place::Dict(_)) {
        push_len(out, len as u64);
        *place = Place::Dict(DictPosition::default());
    }
    match place {
        Place::Dict(position) => position,
        _ => unreachable!("the place was made one in a table above"),
    }
}

fn index_start<'a>(place: &'a mut Place, out: &mut Vec<u8>, len: usize) -> &'a mut usize {
    if !matches!(place, Place::Index(_)) {
        push_len(out, len as u64);
        *place = Place::Index(0);
    }
    match place {
        Place::Index(index) => index,
        _ => unreachable!("the place was made an index above"),
    }
}
