//! The data of a node: databases, keys, and the structures that values are made of.
//!
//! Four needs shape everything here, and they pull in one direction, towards structures made of small shared chunks:
//!
//! - **SCAN keeps its promise while tables grow and shrink.** [`dict::Dict`] visits entries in the order of their hash,
//!   so a cursor is a place in hash space, which no growth moves.
//! - **A snapshot without fork.** Redis forks to save; a browser cannot. Every structure is cut in chunks behind `Rc`:
//!   a clone shares them all, and a write to a shared chunk copies that chunk first (`Rc::make_mut`).
//! - **Checkpoints of a whole simulated world** are the same clone.
//! - **Memory and speed like Redis's.** Small collections are Redis's own packed formats ([`listpack`], [`intset`]),
//!   byte for byte; that makes RDB and DUMP payloads a plain copy too.
//!
//! Nothing here knows about time passing, replication or commands: instants come in as arguments, and what expiry or
//! eviction *means* (delete, propagate) is decided by the layer that executes commands.

pub mod bytes;
pub mod db;
pub mod dict;
pub mod float;
pub mod glob;
pub mod hash;
pub mod intset;
pub mod keys;
pub mod limits;
pub mod listpack;
pub mod longdouble;
mod memory;
pub mod num;
pub mod object;
pub mod quicklist;
pub mod ranktree;
pub mod set;
pub mod slot;
pub mod stream;
pub mod zset;

pub use bytes::Str;
pub(crate) use db::DbPatch;
pub use db::{Db, Snapshot};
pub use dict::Dict;
pub use hash::Hash;
pub use keys::KeyEntry;
pub use limits::{HashSeed, Limits};
pub use listpack::Listpack;
pub use object::{Object, StrValue};
pub use quicklist::List;
pub use set::Set;
pub use stream::Stream;
pub use zset::Zset;
