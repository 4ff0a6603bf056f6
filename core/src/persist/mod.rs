//! Persistence: RDB and AOF files in Redis 7.0's real formats.
//!
//! Nothing here touches a file. The encoders and decoders take and give bytes; the machines that write and read files
//! (`save`, `aof`, `load`) ask for disk operations and are told how they went. That makes a lost
//! power supply, a full disk or a slow fsync something a host decides, and the same bytes come out natively and in wasm.

pub mod aof;
pub mod crc64;
pub mod disk;
pub mod file;
pub mod load;
#[cfg(test)]
mod load_tests;
pub mod lzf;
pub mod rdb;
pub mod save;
pub mod source;
