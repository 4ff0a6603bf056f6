//! RDB, the snapshot format (rdb.h, rdb.c 7.0.15). Version 10 is written; versions 1 to 10 are read.
//!
//! A file is `REDIS` and four digits of version, then a sequence of opcodes, each with its operands, the last of them
//! EOF with the CRC-64 of all that went before. An opcode below 245 is the type of a value, followed by key and value.

pub mod packed;
