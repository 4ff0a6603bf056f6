//! Writes a whole RDB file, a slice at a time, from a snapshot of the databases (`rdbSaveRio`, rdb.c 7.0.15).
//!
//! The snapshot shares its memory with the live data and costs next to nothing to take; slices are made whenever the node has a
//! moment. BGSAVE, diskless replication and the base of an append-only file all read from here.

use super::encode::{Body, Encoder, object_type, push_len};
use super::{VERSION, opcode};
use crate::config::{Config, MaxmemoryPolicy, REDIS_VERSION};
use crate::host::Now;
use crate::persist::crc64::Crc64;
use crate::persist::file::Source;
use crate::store::{Db, KeyEntry, Snapshot};
use std::collections::VecDeque;
use std::rc::Rc;

/// Where the file stands in the replication stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplInfo {
    /// The database selected in the stream.
    pub stream_db: i32,
    /// The replication id, 40 hexadecimal digits.
    pub id: String,
    /// The offset.
    pub offset: i64,
}

/// What the key clocks of the eviction policy are measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    /// Neither is written.
    None,
    /// LRU: the clock now, in seconds, of 24 bits.
    Idle { clock: u32 },
    /// LFU: the minutes now, of 16 bits, and after how many of them the counter loses one.
    Freq { minutes: u32, decay: u32 },
}

/// What goes into a file beside the keys.
#[derive(Clone, Debug)]
pub struct RdbOptions {
    /// Whether long strings are compressed (`rdbcompression`).
    pub compress: bool,
    /// Whether the file ends with its checksum (`rdbchecksum`); else with zeros.
    pub checksum: bool,
    /// Whether it is the base of an append-only file.
    pub aof_base: bool,
    /// Wall clock in seconds.
    pub ctime_s: i64,
    /// Bytes of memory in use.
    pub used_memory: u64,
    /// Where it stands in the replication stream, if anywhere.
    pub repl: Option<ReplInfo>,
    /// The code of the function libraries.
    pub functions: Vec<Rc<[u8]>>,
    usage: Usage,
}

impl RdbOptions {
    /// What the configuration says, for a file made now.
    pub fn new(now: Now, config: &Config) -> RdbOptions {
        let policy = config.maxmemory_policy;
        let usage = if policy.is_lfu() {
            let minutes = (now.wall_s() / 60) as u32 & 0xffff;
            Usage::Freq { minutes, decay: config.lfu_decay_time.max(0) as u32 }
        } else if matches!(policy, MaxmemoryPolicy::VolatileLru | MaxmemoryPolicy::AllkeysLru) {
            Usage::Idle { clock: now.wall_s() as u32 & 0xff_ffff }
        } else {
            Usage::None
        };
        RdbOptions {
            compress: config.rdbcompression,
            checksum: config.rdbchecksum,
            aof_base: false,
            ctime_s: now.wall_s(),
            used_memory: 0,
            repl: None,
            functions: Vec::new(),
            usage,
        }
    }
}

/// A file in the making.
#[derive(Clone)]
pub struct RdbWriter {
    options: Rc<RdbOptions>,
    encoder: Encoder,
    crc: Crc64,
    started: bool,
    ended: bool,
    databases: VecDeque<(usize, Snapshot)>,
    /// Whether the head of the first of `databases` is written.
    in_database: bool,
    /// The value being written.
    body: Option<Body>,
    /// How many keys are written.
    keys: u64,
}

impl RdbWriter {
    /// A file of these databases, given in order, as they are now.
    pub fn new<'a>(databases: impl IntoIterator<Item = &'a Db>, options: RdbOptions) -> RdbWriter {
        let databases = databases.into_iter().enumerate().filter(|(_, db)| !db.is_empty());
        RdbWriter {
            encoder: Encoder::new(options.compress),
            options: Rc::new(options),
            crc: Crc64::new(),
            started: false,
            ended: false,
            databases: databases.map(|(index, db)| (index, db.snapshot())).collect(),
            in_database: false,
            body: None,
            keys: 0,
        }
    }

    /// How many keys are written so far.
    pub fn keys_written(&self) -> u64 {
        self.keys
    }

    fn push_head(&mut self, out: &mut Vec<u8>) {
        let options = Rc::clone(&self.options);
        out.extend_from_slice(format!("REDIS{VERSION:04}").as_bytes());
        let mut aux = |key: &str, value: &[u8]| {
            out.push(opcode::AUX);
            self.encoder.push_string(out, key.as_bytes());
            self.encoder.push_string(out, value);
        };
        aux("redis-ver", REDIS_VERSION.as_bytes());
        aux("redis-bits", b"64");
        aux("ctime", options.ctime_s.to_string().as_bytes());
        aux("used-mem", options.used_memory.to_string().as_bytes());
        if let Some(repl) = &options.repl {
            aux("repl-stream-db", repl.stream_db.to_string().as_bytes());
            aux("repl-id", repl.id.as_bytes());
            aux("repl-offset", repl.offset.to_string().as_bytes());
        }
        aux("aof-base", if options.aof_base { b"1" } else { b"0" });
        for code in &options.functions {
            out.push(opcode::FUNCTION2);
            self.encoder.push_string(out, code);
        }
    }

    fn push_key_head(&mut self, out: &mut Vec<u8>, key: &[u8], entry: &KeyEntry, expire: Option<i64>) {
        if let Some(at_ms) = expire {
            out.push(opcode::EXPIRETIME_MS);
            out.extend_from_slice(&at_ms.to_le_bytes());
        }
        match self.options.usage {
            Usage::None => {}
            Usage::Idle { clock } => {
                out.push(opcode::IDLE);
                push_len(out, u64::from(clock.wrapping_sub(entry.lru) & 0xff_ffff));
            }
            Usage::Freq { minutes, decay } => {
                let (since, counter) = ((entry.lru >> 8) & 0xffff, entry.lru & 0xff);
                let elapsed = minutes.wrapping_sub(since) & 0xffff;
                let lost = elapsed.checked_div(decay).unwrap_or(0);
                out.extend_from_slice(&[opcode::FREQ, counter.saturating_sub(lost) as u8]);
            }
        }
        out.push(object_type(&entry.object));
        self.encoder.push_string(out, key);
        self.keys += 1;
    }

    /// Goes on until `out` has `len` bytes or the EOF opcode is written; true in the latter case.
    fn run(&mut self, out: &mut Vec<u8>, len: usize) -> bool {
        if !self.started {
            self.started = true;
            self.push_head(out);
        }
        while out.len() < len {
            if let Some(body) = &mut self.body {
                if !body.write(&mut self.encoder, out, len) {
                    return false;
                }
                self.body = None;
                continue;
            }
            let Some((index, snapshot)) = self.databases.front_mut() else {
                out.push(opcode::EOF);
                return true;
            };
            if !self.in_database {
                self.in_database = true;
                out.push(opcode::SELECTDB);
                push_len(out, *index as u64);
                out.push(opcode::RESIZEDB);
                push_len(out, snapshot.len() as u64);
                push_len(out, snapshot.expires_len() as u64);
            }
            match snapshot.next() {
                Some((key, entry, expire)) => {
                    self.push_key_head(out, &key, &entry, expire);
                    self.body = Some(Body::new(entry.object));
                }
                None => {
                    self.databases.pop_front();
                    self.in_database = false;
                }
            }
        }
        false
    }
}

impl Source for RdbWriter {
    fn fill(&mut self, len: usize, out: &mut Vec<u8>) -> bool {
        if self.ended {
            return false;
        }
        let start = out.len();
        self.ended = self.run(out, start + len);
        if self.options.checksum {
            self.crc.update(&out[start..]);
        }
        if self.ended {
            out.extend_from_slice(&self.crc.get().to_le_bytes());
        }
        !self.ended
    }
}
