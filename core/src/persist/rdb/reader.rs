//! Reads an RDB file that comes in pieces of any size and gives its keys one by one (`rdbLoadRio`, rdb.c 7.0.15).
//!
//! The same reader serves start-up, the base of an append-only file and a snapshot from a master; they differ in what happens
//! to keys that have expired. It logs what Redis logs while it reads; what an error means is for the caller to decide, since
//! Redis exits when its own file is bad and carries on when its master's is.

use super::decode::{Cursor, DecodeError, module_name};
use super::{VERSION, opcode};
use crate::host::{LogLevel, Now};
use crate::persist::aof::reader::leading_integer;
use crate::persist::crc64::Crc64;
use crate::persist::disk::Outbox;
use crate::store::{Limits, Object, Str};
use std::borrow::Cow;

/// How many empty keys are named in the log.
const EMPTY_KEYS_LOGGED_MAX: u64 = 10;
/// A value whose beginning has at least this many bytes is tried again only when half as many more have come, so that a value
/// in many pieces is not read over and over.
const RETRY_LEN_MIN: usize = 64 << 10;

/// How a file is read.
#[derive(Clone, Debug)]
pub struct RdbReadOptions {
    /// How many databases there are.
    pub databases: usize,
    /// Keys that expire before this instant are left out: what a master does with a file of its own. None when they must stay
    /// until their deletion is replicated or logged: on a replica, and in the base of an append-only file.
    pub drop_expired_before_ms: Option<i64>,
    /// Whether the checksum is verified (`rdbchecksum`).
    pub verify: bool,
}

/// One thing that a file holds.
#[derive(Clone)]
pub enum RdbItem {
    /// A key.
    Key {
        /// Its database.
        db: usize,
        /// Its name.
        key: Str,
        /// Its value.
        object: Object,
        /// When it expires, in milliseconds since the Unix epoch.
        expire_at_ms: Option<i64>,
        /// For how many seconds it has been idle, if the file says so.
        idle_s: Option<u64>,
        /// Its LFU counter, if the file says so.
        freq: Option<u8>,
    },
    /// A key that has expired and was left out; a master tells its replicas to delete it.
    Expired {
        /// Its database.
        db: usize,
        /// Its name.
        key: Str,
    },
    /// The code of a function library.
    Function(Vec<u8>),
    /// The end of the file. What comes after it is [`RdbReader::take_rest`].
    End,
}

/// Where the file stood in a replication stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RdbReplInfo {
    /// The database selected in the stream.
    pub stream_db: Option<i32>,
    /// The replication id.
    pub id: Option<String>,
    /// The offset.
    pub offset: Option<i64>,
}

/// Why a file cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RdbError {
    /// It does not begin with `REDIS`.
    Signature,
    /// A version that is not known.
    Version(i64),
    /// It needs more databases than the configured number.
    Databases(usize),
    /// It ends too soon.
    ShortRead,
    /// The bytes cannot be right: the line of rdb.c whose text Redis logs, and the text.
    Corrupt(u32, Cow<'static, str>),
    /// Data that a module would have to read: its name.
    ModuleAux(String),
    /// The checksum is not the one of the bytes (expected, found).
    Checksum(u64, u64),
    /// A string longer than any memory.
    TooLong(u64),
}

impl RdbError {
    /// Logs the error as Redis does when it reads a file of its own, `offset` bytes into it.
    pub fn log(&self, offset: u64, out: &mut Outbox) {
        let internal = |line: u32, text: &str, out: &mut Outbox| {
            out.warning(format!(
                "Internal error in RDB reading offset {offset}, function at rdb.c:{line} -> {text}"
            ));
        };
        const EOF_LINE: u32 = 3240;
        const EOF_TEXT: &str = "Unexpected EOF reading RDB file";
        const SHORT: &str = "Short read or OOM loading DB. Unrecoverable error, aborting now.";
        match self {
            RdbError::Signature => out.warning("Wrong signature trying to load DB from file"),
            RdbError::Version(version) => out.warning(format!("Can't handle RDB format version {version}")),
            RdbError::Databases(count) => out.warning(format!(
                "FATAL: Data file was created with a Redis server configured to handle more than {count} databases. Exiting"
            )),
            RdbError::ShortRead => {
                out.warning(SHORT);
                internal(EOF_LINE, EOF_TEXT, out);
            }
            RdbError::TooLong(len) => {
                out.warning(format!("rdbGenericLoadStringObject failed allocating {len} bytes"));
                out.warning(SHORT);
                internal(EOF_LINE, EOF_TEXT, out);
            }
            RdbError::Corrupt(line, text) => internal(*line, text, out),
            RdbError::ModuleAux(name) => out.warning(format!(
                "The RDB file contains AUX module data I can't load: no matching module '{name}'"
            )),
            RdbError::Checksum(expected, found) => {
                out.warning(format!(
                    "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
                ));
                internal(3216, "RDB CRC error", out);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Body,
    Footer,
    Over,
}

/// See the module.
#[derive(Clone)]
pub struct RdbReader {
    options: RdbReadOptions,
    limits: Limits,
    buf: Vec<u8>,
    /// How much of `buf` is consumed.
    at: usize,
    /// How many bytes were consumed in all.
    offset: u64,
    /// How many unread bytes it takes to go on.
    wanted: usize,
    ended: bool,
    state: State,
    version: i64,
    crc: Crc64,
    db: usize,
    keys_loaded: u64,
    keys_expired: u64,
    empty_skipped: u64,
    used_memory: u64,
    repl: RdbReplInfo,
}

/// What one record brings.
enum Record {
    Nothing,
    Select(u64),
    Aux(Vec<u8>, Vec<u8>),
    Item(RdbItem),
    Empty(Vec<u8>),
    ModuleAux(String),
    Version(i64),
    Footer,
    Checksum(u64),
}

impl RdbReader {
    /// A reader at the beginning of a file. `limits` decides on the encodings of what is loaded.
    pub fn new(options: RdbReadOptions, limits: Limits) -> RdbReader {
        RdbReader {
            options,
            limits,
            buf: Vec::new(),
            at: 0,
            offset: 0,
            wanted: 1,
            ended: false,
            state: State::Header,
            version: 0,
            crc: Crc64::new(),
            db: 0,
            keys_loaded: 0,
            keys_expired: 0,
            empty_skipped: 0,
            used_memory: 0,
            repl: RdbReplInfo::default(),
        }
    }

    /// More bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.at);
        self.at = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// There are no more bytes.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// How many bytes have been consumed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What the file says about the replication stream.
    pub fn repl_info(&self) -> &RdbReplInfo {
        &self.repl
    }

    /// How much memory the writer of the file used (INFO `loading_rdb_used_mem`); 0 if not known.
    pub fn used_memory(&self) -> u64 {
        self.used_memory
    }

    /// How many keys were given, and how many had expired and were left out.
    pub fn counts(&self) -> (u64, u64) {
        (self.keys_loaded, self.keys_expired)
    }

    /// The bytes after the end of the file, which may be the rest of an append-only file.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buf.split_off(self.at);
        self.buf.clear();
        self.at = 0;
        rest
    }

    /// The next item; None if more bytes are wanted. After [`RdbItem::End`] there is nothing more.
    ///
    /// # Errors
    /// See [`RdbError`]; the reader is of no more use then.
    pub fn next_item(&mut self, now: Now, out: &mut Outbox) -> Result<Option<RdbItem>, RdbError> {
        loop {
            let unread = self.buf.len() - self.at;
            if self.state == State::Over || (unread < self.wanted && !self.ended) {
                return Ok(None);
            }
            let mut cursor = Cursor::new(&self.buf[self.at..]);
            let record = match self.record(&mut cursor) {
                Ok(record) => record,
                Err(DecodeError::More(_)) if self.ended => return Err(RdbError::ShortRead),
                Err(DecodeError::More(wanted)) => {
                    let again = if unread >= RETRY_LEN_MIN { unread + unread / 2 } else { 0 };
                    self.wanted = wanted.max(again);
                    return Ok(None);
                }
                Err(DecodeError::Corrupt(line, reason)) => return Err(RdbError::Corrupt(line, reason)),
                Err(DecodeError::TooLong(len)) => return Err(RdbError::TooLong(len)),
            };
            let used = cursor.position();
            if self.state != State::Footer && self.options.verify {
                self.crc.update(&self.buf[self.at..self.at + used]);
            }
            self.at += used;
            self.offset += used as u64;
            self.wanted = 1;
            if let Some(item) = self.apply(record, now, out)? {
                return Ok(Some(item));
            }
        }
    }

    fn record(&self, cursor: &mut Cursor<'_>) -> Result<Record, DecodeError> {
        match self.state {
            State::Header => {
                let head: [u8; 9] = cursor.array()?;
                let version = if head.starts_with(b"REDIS") { leading_integer(&head[5..]) } else { -1 };
                return Ok(Record::Version(version));
            }
            State::Footer => return Ok(Record::Checksum(u64::from_le_bytes(cursor.array()?))),
            State::Body | State::Over => {}
        }
        let kind = cursor.byte()?;
        Ok(match kind {
            // Attributes of the key that follows: one record with it, so that they are read again with it.
            opcode::EXPIRETIME | opcode::EXPIRETIME_MS | opcode::FREQ | opcode::IDLE => {
                return self.key_with_attributes(kind, cursor);
            }
            opcode::EOF => Record::Footer,
            opcode::SELECTDB => Record::Select(cursor.length()?),
            opcode::RESIZEDB => {
                // Hints for sizing tables, which grow well enough without.
                cursor.length()?;
                cursor.length()?;
                Record::Nothing
            }
            opcode::AUX => {
                let key = cursor.string()?.into_owned();
                Record::Aux(key, cursor.string()?.into_owned())
            }
            opcode::MODULE_AUX => Record::ModuleAux(module_name(cursor.length()?)),
            opcode::FUNCTION2 => Record::Item(RdbItem::Function(cursor.string()?.into_owned())),
            opcode::FUNCTION => {
                let (name, engine) = (cursor.string()?.into_owned(), cursor.string()?.into_owned());
                if cursor.length()? != 0 {
                    cursor.string()?;
                }
                let code = cursor.string()?;
                let code = [b"#!", &engine[..], b" name=", &name, b"\n", &code].concat();
                Record::Item(RdbItem::Function(code))
            }
            kind => self.key(kind, Attributes::default(), cursor)?,
        })
    }

    fn key_with_attributes(&self, kind: u8, cursor: &mut Cursor<'_>) -> Result<Record, DecodeError> {
        let mut attributes = Attributes::default();
        let mut kind = kind;
        loop {
            match kind {
                opcode::EXPIRETIME => {
                    attributes.expire_at_ms = Some(i64::from(i32::from_le_bytes(cursor.array()?)) * 1000);
                }
                opcode::EXPIRETIME_MS => attributes.expire_at_ms = Some(i64::from_le_bytes(cursor.array()?)),
                opcode::FREQ => attributes.freq = Some(cursor.byte()?),
                opcode::IDLE => attributes.idle_s = Some(cursor.length()?),
                opcode::FUNCTION2..=opcode::EOF => {
                    // Redis lets other opcodes stand between; nothing ever wrote that.
                    return Err(DecodeError::Corrupt(
                        2672,
                        format!("Unknown RDB encoding type {kind}").into(),
                    ));
                }
                kind => return self.key(kind, attributes, cursor),
            }
            kind = cursor.byte()?;
        }
    }

    fn key(&self, kind: u8, attributes: Attributes, cursor: &mut Cursor<'_>) -> Result<Record, DecodeError> {
        let key = cursor.string()?;
        let Some(object) = cursor.object(kind, &self.limits)? else {
            return Ok(Record::Empty(key.into_owned()));
        };
        let (db, key) = (self.db, Str::from(&*key));
        let Attributes { expire_at_ms, idle_s, freq } = attributes;
        let expired = matches!(
            (expire_at_ms, self.options.drop_expired_before_ms),
            (Some(at), Some(now)) if at != -1 && at < now
        );
        if expired {
            return Ok(Record::Item(RdbItem::Expired { db, key }));
        }
        let expire_at_ms = expire_at_ms.filter(|&at| at != -1);
        Ok(Record::Item(RdbItem::Key { db, key, object, expire_at_ms, idle_s, freq }))
    }

    fn apply(&mut self, record: Record, now: Now, out: &mut Outbox) -> Result<Option<RdbItem>, RdbError> {
        match record {
            Record::Nothing => {}
            Record::ModuleAux(name) => return Err(RdbError::ModuleAux(name)),
            Record::Version(-1) => return Err(RdbError::Signature),
            Record::Version(version) if !(1..=i64::from(VERSION)).contains(&version) => {
                return Err(RdbError::Version(version));
            }
            Record::Version(version) => {
                self.version = version;
                self.state = State::Body;
            }
            Record::Select(db) if db >= self.options.databases as u64 => {
                return Err(RdbError::Databases(self.options.databases));
            }
            Record::Select(db) => self.db = db as usize,
            Record::Aux(key, value) => self.aux(&key, &value, now, out),
            Record::Empty(key) => {
                if self.empty_skipped < EMPTY_KEYS_LOGGED_MAX {
                    let key = String::from_utf8_lossy(&key);
                    out.warning(format!("rdbLoadObject skipping empty key: {key}"));
                }
                self.empty_skipped += 1;
            }
            Record::Item(item) => {
                match &item {
                    RdbItem::Key { .. } => self.keys_loaded += 1,
                    RdbItem::Expired { .. } => self.keys_expired += 1,
                    _ => {}
                }
                return Ok(Some(item));
            }
            // Files before version 5 have no checksum.
            Record::Footer if self.version >= 5 => self.state = State::Footer,
            Record::Footer => return Ok(self.over(out)),
            Record::Checksum(0) if self.options.verify => {
                out.warning("RDB file was saved with checksum disabled: no check performed.");
                return Ok(self.over(out));
            }
            Record::Checksum(found) if self.options.verify && found != self.crc.get() => {
                return Err(RdbError::Checksum(self.crc.get(), found));
            }
            Record::Checksum(_) => return Ok(self.over(out)),
        }
        Ok(None)
    }

    fn over(&mut self, out: &mut Outbox) -> Option<RdbItem> {
        self.state = State::Over;
        let (loaded, expired, empty) = (self.keys_loaded, self.keys_expired, self.empty_skipped);
        if empty > 0 {
            out.warning(format!(
                "Done loading RDB, keys loaded: {loaded}, keys expired: {expired}, empty keys skipped: {empty}."
            ));
        } else {
            out.notice(format!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}."));
        }
        Some(RdbItem::End)
    }

    fn aux(&mut self, key: &[u8], value: &[u8], now: Now, out: &mut Outbox) {
        let text = String::from_utf8_lossy(value);
        if key.first() == Some(&b'%') {
            out.notice(format!("RDB '{}': {text}", String::from_utf8_lossy(key)));
            return;
        }
        match key.to_ascii_lowercase().as_slice() {
            b"repl-stream-db" => self.repl.stream_db = Some(leading_integer(value) as i32),
            b"repl-id" if value.len() == 40 => self.repl.id = Some(text.into_owned()),
            b"repl-offset" => self.repl.offset = Some(leading_integer(value)),
            b"redis-ver" => out.notice(format!("Loading RDB produced by version {text}")),
            b"ctime" => {
                let age = now.wall_s().saturating_sub(leading_integer(value)).max(0);
                out.notice(format!("RDB age {age} seconds"));
            }
            b"used-mem" => {
                let used = leading_integer(value);
                self.used_memory = u64::try_from(used).unwrap_or(0);
                out.notice(format!("RDB memory usage when created {:.2} Mb", used as f64 / 1048576.0));
            }
            b"aof-preamble" if leading_integer(value) != 0 => out.notice("RDB has an AOF tail"),
            b"aof-base" if leading_integer(value) != 0 => out.notice("RDB is base AOF"),
            b"repl-id" | b"lua" | b"redis-bits" | b"aof-preamble" | b"aof-base" => {}
            _ => {
                let key = String::from_utf8_lossy(key);
                out.log(LogLevel::Debug, format!("Unrecognized RDB AUX field: '{key}'"));
            }
        }
    }
}

/// What opcodes before a key say about it.
#[derive(Default)]
struct Attributes {
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
}
