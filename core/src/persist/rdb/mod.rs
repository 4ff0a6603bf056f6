//! RDB, the snapshot format (rdb.h, rdb.c 7.0.15). Version 10 is written; versions 1 to 10 are read.
//!
//! A file is `REDIS` and four digits of version, then a sequence of opcodes, each with its operands, the last of them
//! EOF with the CRC-64 of all that went before. A byte below 245 is the type of a value, followed by key and value.

pub mod commands;
pub mod decode;
pub mod encode;
pub mod packed;
pub mod payload;
pub mod reader;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
pub mod writer;

/// The version that is written, and the latest that is read (`RDB_VERSION`).
pub const VERSION: u16 = 10;

/// The types of values (`RDB_TYPE_*`).
pub mod value_type {
    /// A string.
    pub const STRING: u8 = 0;
    /// A list, element by element (up to 3.0).
    pub const LIST: u8 = 1;
    /// A set, member by member.
    pub const SET: u8 = 2;
    /// A sorted set with scores as text (up to 3.2).
    pub const ZSET: u8 = 3;
    /// A hash, field by field.
    pub const HASH: u8 = 4;
    /// A sorted set with binary scores.
    pub const ZSET_2: u8 = 5;
    /// A value of a module, first form.
    pub const MODULE: u8 = 6;
    /// A value of a module.
    pub const MODULE_2: u8 = 7;
    /// A hash as a zipmap (up to 2.4).
    pub const HASH_ZIPMAP: u8 = 9;
    /// A list as a ziplist (up to 3.0).
    pub const LIST_ZIPLIST: u8 = 10;
    /// A set as an intset.
    pub const SET_INTSET: u8 = 11;
    /// A sorted set as a ziplist (up to 6.2).
    pub const ZSET_ZIPLIST: u8 = 12;
    /// A hash as a ziplist (up to 6.2).
    pub const HASH_ZIPLIST: u8 = 13;
    /// A list of ziplists (3.2 to 6.2).
    pub const LIST_QUICKLIST: u8 = 14;
    /// A stream (5.0 to 6.2).
    pub const STREAM_LISTPACKS: u8 = 15;
    /// A hash as a listpack.
    pub const HASH_LISTPACK: u8 = 16;
    /// A sorted set as a listpack.
    pub const ZSET_LISTPACK: u8 = 17;
    /// A list of listpacks and plain nodes.
    pub const LIST_QUICKLIST_2: u8 = 18;
    /// A stream.
    pub const STREAM_LISTPACKS_2: u8 = 19;
}

/// The opcodes that are no type of a value (`RDB_OPCODE_*`).
pub mod opcode {
    /// A function library.
    pub const FUNCTION2: u8 = 245;
    /// A function library as the release candidates of 7.0 wrote it.
    pub const FUNCTION: u8 = 246;
    /// Data of a module beside the keys.
    pub const MODULE_AUX: u8 = 247;
    /// Seconds for which the next key has been idle.
    pub const IDLE: u8 = 248;
    /// The use counter of the next key.
    pub const FREQ: u8 = 249;
    /// A field about the file itself.
    pub const AUX: u8 = 250;
    /// How many keys the database has, and how many of them expire.
    pub const RESIZEDB: u8 = 251;
    /// When the next key expires, in milliseconds.
    pub const EXPIRETIME_MS: u8 = 252;
    /// When the next key expires, in seconds.
    pub const EXPIRETIME: u8 = 253;
    /// The database of the keys that follow.
    pub const SELECTDB: u8 = 254;
    /// The end.
    pub const EOF: u8 = 255;
}

/// How the top two bits of a length byte, and the byte itself, are to be read.
pub(crate) mod length {
    /// The top two bits of a length of 14 bits.
    pub const BITS_14: u8 = 0x40;
    /// A length of 32 bits follows.
    pub const BITS_32: u8 = 0x80;
    /// A length of 64 bits follows.
    pub const BITS_64: u8 = 0x81;
    /// The top two bits of a string in a special encoding.
    pub const ENCODED: u8 = 0xc0;
    /// The special encodings: integers of 8, 16 and 32 bits, and LZF.
    pub const INT_8: u8 = 0;
    /// See [`INT_8`].
    pub const INT_16: u8 = 1;
    /// See [`INT_8`].
    pub const INT_32: u8 = 2;
    /// See [`INT_8`].
    pub const LZF: u8 = 3;
}

/// The node is a listpack of elements (`QUICKLIST_NODE_CONTAINER_PACKED`).
pub(crate) const NODE_PACKED: u64 = 2;
/// The node is one element.
pub(crate) const NODE_PLAIN: u64 = 1;
