//! The append-only file, in the multi-part form of Redis 7.0 (aof.c 7.0.15).
//!
//! A folder (`appenddirname`) holds at most one base file (a snapshot, as RDB or as commands), the incremental files that
//! follow it, and a manifest that says which files count and in which order. A rewrite makes a new base and a new
//! incremental file; the manifest, replaced by one rename, is what makes the change take effect.

pub mod encode;
pub mod machine;
pub mod manifest;
pub mod reader;
pub mod tail;
#[cfg(test)]
mod tests;

pub use machine::{Aof, AofFiles, AofInfo, AofState, growth_log};
