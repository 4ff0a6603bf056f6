//! The command table: what Redis 7.0.15 knows about each of its commands, as data.
//!
//! Everything that is decided *before* a command runs is decided from here: whether it exists, how many arguments it
//! takes, whether it may run while loading, in a script or on a replica, which of its arguments are keys (cluster
//! routing, ACL), what COMMAND tells clients about it. The code that runs it is joined to it elsewhere, by
//! [`CommandId`]; a table without code can be checked against the real server's, column by column.
//!
//! All of it is built by the compiler: the flat list [`ALL`], the facts that Redis derives at start-up
//! (`populateCommandStructure`, server.c 7.0.15) and the table behind [`lookup`]. There is nothing to initialise and
//! nothing to allocate when a command arrives.

mod args;
mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod keys;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

pub use args::{Arg, ArgType, parse_args};
pub use keys::{
    ArgList, ChannelRef, KeyRef, KeyRefs, channel_flags, channels_of, keys_and_flags_of, keys_of,
    may_have_keys,
};

/// Flags of a command (`CMD_…`, server.h 7.0.15), as bits of [`CommandSpec::flags`].
pub mod flags {
    /// May change the data set.
    pub const WRITE: u32 = 1 << 0;
    /// Only reads values of keys.
    pub const READONLY: u32 = 1 << 1;
    /// May make memory grow: refused when out of memory.
    pub const DENYOOM: u32 = 1 << 2;
    /// Administration.
    pub const ADMIN: u32 = 1 << 4;
    /// Pub/Sub.
    pub const PUBSUB: u32 = 1 << 5;
    /// Not allowed in scripts.
    pub const NOSCRIPT: u32 = 1 << 6;
    /// May block the client.
    pub const BLOCKING: u32 = 1 << 8;
    /// Allowed while the data set is loading.
    pub const LOADING: u32 = 1 << 9;
    /// Allowed on a replica whose data is stale.
    pub const STALE: u32 = 1 << 10;
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: u32 = 1 << 11;
    /// Not logged by SLOWLOG.
    pub const SKIP_SLOWLOG: u32 = 1 << 12;
    /// Implies ASKING: accepted for a slot that is being imported.
    pub const ASKING: u32 = 1 << 13;
    /// O(1) or O(log(N)).
    pub const FAST: u32 = 1 << 14;
    /// Allowed before authentication.
    pub const NO_AUTH: u32 = 1 << 15;
    /// May produce replication traffic though it is no write.
    pub const MAY_REPLICATE: u32 = 1 << 16;
    /// There in Sentinel too.
    pub const SENTINEL: u32 = 1 << 17;
    /// Keys are optional.
    pub const NO_MANDATORY_KEYS: u32 = 1 << 19;
    /// Protected by `enable-debug-command` and its like.
    pub const PROTECTED: u32 = 1 << 20;
    /// Not allowed during asynchronous loading (`repl-diskless-load swapdb`).
    pub const NO_ASYNC_LOADING: u32 = 1 << 23;
    /// Not allowed in a transaction.
    pub const NO_MULTI: u32 = 1 << 24;
    /// First, last and step do not find all keys. Derived.
    pub const MOVABLE_KEYS: u32 = 1 << 25;
    /// Allowed while a script or module keeps the server busy.
    pub const ALLOW_BUSY: u32 = 1 << 26;
    /// May touch keys that its arguments do not name.
    pub const TOUCHES_ARBITRARY_KEYS: u32 = 1 << 28;

    /// The names that COMMAND shows, in its order; the other flags stay hidden.
    pub const NAMES: &[(u32, &str)] = &[
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MULTI, "no_multi"),
        (MOVABLE_KEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
    ];
}

/// ACL categories (acl.c 7.0.15), as bits of [`CommandSpec::acl`].
pub mod acl {
    /// `@keyspace`
    pub const KEYSPACE: u32 = 1 << 0;
    /// `@read`
    pub const READ: u32 = 1 << 1;
    /// `@write`
    pub const WRITE: u32 = 1 << 2;
    /// `@set`
    pub const SET: u32 = 1 << 3;
    /// `@sortedset`
    pub const SORTEDSET: u32 = 1 << 4;
    /// `@list`
    pub const LIST: u32 = 1 << 5;
    /// `@hash`
    pub const HASH: u32 = 1 << 6;
    /// `@string`
    pub const STRING: u32 = 1 << 7;
    /// `@bitmap`
    pub const BITMAP: u32 = 1 << 8;
    /// `@hyperloglog`
    pub const HYPERLOGLOG: u32 = 1 << 9;
    /// `@geo`
    pub const GEO: u32 = 1 << 10;
    /// `@stream`
    pub const STREAM: u32 = 1 << 11;
    /// `@pubsub`
    pub const PUBSUB: u32 = 1 << 12;
    /// `@admin`
    pub const ADMIN: u32 = 1 << 13;
    /// `@fast`
    pub const FAST: u32 = 1 << 14;
    /// `@slow`
    pub const SLOW: u32 = 1 << 15;
    /// `@blocking`
    pub const BLOCKING: u32 = 1 << 16;
    /// `@dangerous`
    pub const DANGEROUS: u32 = 1 << 17;
    /// `@connection`
    pub const CONNECTION: u32 = 1 << 18;
    /// `@transaction`
    pub const TRANSACTION: u32 = 1 << 19;
    /// `@scripting`
    pub const SCRIPTING: u32 = 1 << 20;

    /// The names without `@`, in the order of ACL CAT.
    pub const NAMES: &[(u32, &str)] = &[
        (KEYSPACE, "keyspace"),
        (READ, "read"),
        (WRITE, "write"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (LIST, "list"),
        (HASH, "hash"),
        (STRING, "string"),
        (BITMAP, "bitmap"),
        (HYPERLOGLOG, "hyperloglog"),
        (GEO, "geo"),
        (STREAM, "stream"),
        (PUBSUB, "pubsub"),
        (ADMIN, "admin"),
        (FAST, "fast"),
        (SLOW, "slow"),
        (BLOCKING, "blocking"),
        (DANGEROUS, "dangerous"),
        (CONNECTION, "connection"),
        (TRANSACTION, "transaction"),
        (SCRIPTING, "scripting"),
    ];

    /// The bit of a category's name in any case, without `@`.
    pub fn by_name(name: &[u8]) -> Option<u32> {
        NAMES.iter().find(|(_, text)| text.as_bytes().eq_ignore_ascii_case(name)).map(|&(bit, _)| bit)
    }
}

/// What a command does with a key (`CMD_KEY_…`, server.h 7.0.15), as bits of [`KeySpec::flags`].
pub mod key_flags {
    /// Reads the value.
    pub const RO: u16 = 1 << 0;
    /// Changes the value, depending on what it was.
    pub const RW: u16 = 1 << 1;
    /// Replaces the value, whatever it was.
    pub const OW: u16 = 1 << 2;
    /// Deletes the key.
    pub const RM: u16 = 1 << 3;
    /// Gives away or copies the user's data.
    pub const ACCESS: u16 = 1 << 4;
    /// Changes data that is there.
    pub const UPDATE: u16 = 1 << 5;
    /// Adds data, changing none that is there.
    pub const INSERT: u16 = 1 << 6;
    /// Deletes data.
    pub const DELETE: u16 = 1 << 7;
    /// No key at all, but routed like one (a shard channel).
    pub const NOT_KEY: u16 = 1 << 8;
    /// There are more keys than the spec finds.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// The other flags depend on the arguments.
    pub const VARIABLE_FLAGS: u16 = 1 << 10;

    /// The names that COMMAND shows, in its order.
    pub const NAMES: &[(u16, &str)] = &[
        (RO, "RO"),
        (RW, "RW"),
        (OW, "OW"),
        (RM, "RM"),
        (ACCESS, "access"),
        (UPDATE, "update"),
        (INSERT, "insert"),
        (DELETE, "delete"),
        (NOT_KEY, "not_key"),
        (INCOMPLETE, "incomplete"),
        (VARIABLE_FLAGS, "variable_flags"),
    ];
}

use flags::*;
use key_flags::*;

/// The command's documentation calls it deprecated; a bit of [`CommandSpec::doc_flags`].
pub const DOC_DEPRECATED: u8 = 1;
/// Servers use the command among themselves; a bit of [`CommandSpec::doc_flags`].
pub const DOC_SYSCMD: u8 = 2;

/// What kind of data or task a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Pubsub,
    Transactions,
    Connection,
    Server,
    Scripting,
    Hyperloglog,
    Cluster,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::Hyperloglog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }
}

/// Where a search for keys begins. Argument 0 is the command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(u8),
    /// After this word, looked for from an argument on; a negative one counts from the end, and backwards.
    Keyword(&'static str, i8),
    /// Nobody can tell.
    Unknown,
}

/// How keys stand from the beginning of the search on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to a last one, every `step` arguments.
    Range {
        /// The last key, counted from the first; if negative, from the end of the arguments.
        last: i8,
        /// The distance between keys.
        step: u8,
        /// With `last` -1: only the first 1/`limit` of the remaining arguments, unless 0.
        limit: u8,
    },
    /// As many as an argument says.
    Keynum {
        /// The argument with the number, from the beginning.
        index: u8,
        /// The first key, from the beginning.
        first: u8,
        /// The distance between keys.
        step: u8,
    },
    /// Nobody can tell.
    Unknown,
}

/// One way to find keys among a command's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where to begin.
    pub begin: Begin,
    /// How to go on.
    pub find: Find,
    /// What the command does with these keys, bits of [`key_flags`].
    pub flags: u16,
    /// A remark for readers of COMMAND INFO, or an empty text.
    pub notes: &'static str,
}

impl KeySpec {
    const fn notes(mut self, notes: &'static str) -> KeySpec {
        self.notes = notes;
        self
    }
}

/// Keys from argument `index` up to `last` (counted from `index`; if negative, from the end), every `step`.
const fn at(index: u8, last: i8, step: u8, flags: u16) -> KeySpec {
    spec(Begin::Index(index), Find::Range { last, step, limit: 0 }, flags)
}

const fn spec(begin: Begin, find: Find, flags: u16) -> KeySpec {
    KeySpec { begin, find, flags, notes: "" }
}

/// The procedure that finds a command's keys where its specs do not suffice (`getkeys_proc`, db.c 7.0.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetKeys {
    /// There is none.
    None,
    /// A number of keys, and the keys from argument `first` on.
    Counted {
        /// The argument with the destination key, or 0.
        store: u8,
        /// The argument with the number.
        count: u8,
        /// The first key.
        first: u8,
    },
    /// SORT … STORE
    Sort,
    /// SORT_RO
    SortRo,
    /// MIGRATE … KEYS
    Migrate,
    /// GEORADIUS … STORE
    Georadius,
    /// XREAD … STREAMS
    Xread,
    /// SET, whose flags depend on GET.
    Set,
    /// BITFIELD, which only reads if all it has is GET.
    Bitfield,
}

/// The facts about a command or subcommand.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// The name in lower case; a subcommand's has its container's in front: `config|get`.
    pub name: &'static str,
    /// What it does, in our own words.
    pub summary: &'static str,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// How its time grows.
    pub complexity: &'static str,
    /// How many arguments it takes, its name (and its subcommand's) among them; if negative, at least so many.
    pub arity: i8,
    /// Bits of [`flags`] as declared; see [`CommandId::flags`].
    pub flags: u32,
    /// Bits of [`acl`] as declared; see [`CommandId::acl`].
    pub acl: u32,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// How its keys are found where `keys` does not suffice.
    pub get_keys: GetKeys,
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// Its group.
    pub group: Group,
    /// Bits: [`DOC_DEPRECATED`], [`DOC_SYSCMD`].
    pub doc_flags: u8,
    /// The version that deprecated it, or an empty text.
    pub deprecated_since: &'static str,
    /// What to use instead, or an empty text.
    pub replaced_by: &'static str,
    /// What changed in which version, in our own words.
    pub history: &'static [(&'static str, &'static str)],
    /// Its arguments, in the notation of [`parse_args`].
    pub args: &'static str,
    /// Its subcommands.
    pub subs: &'static [CommandSpec],
}

const fn base(group: Group) -> CommandSpec {
    CommandSpec {
        name: "",
        summary: "",
        since: "",
        complexity: "",
        arity: 0,
        flags: 0,
        acl: 0,
        keys: &[],
        get_keys: GetKeys::None,
        tips: &[],
        group,
        doc_flags: 0,
        deprecated_since: "",
        replaced_by: "",
        history: &[],
        args: "",
        subs: &[],
    }
}

const GROUPS: [&[CommandSpec]; 16] = [
    generic::COMMANDS,
    string::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    hash::COMMANDS,
    pubsub::COMMANDS,
    transactions::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    scripting::COMMANDS,
    hyperloglog::COMMANDS,
    cluster::COMMANDS,
    geo::COMMANDS,
    stream::COMMANDS,
    bitmap::COMMANDS,
];

/// How many commands there are, subcommands not counted.
pub const TOP_LEVEL: usize = count(false);
/// How many commands and subcommands there are.
pub const COUNT: usize = count(true);

const fn count(with_subs: bool) -> usize {
    let (mut total, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut i = 0;
        while i < GROUPS[group].len() {
            total += 1;
            if with_subs {
                total += GROUPS[group][i].subs.len();
            }
            i += 1;
        }
        group += 1;
    }
    total
}

/// What follows from a command's declaration.
#[derive(Clone, Copy)]
struct Derived {
    flags: u32,
    acl: u32,
    first_key: i8,
    last_key: i8,
    key_step: u8,
    parent: u16,
    first_sub: u16,
}

const NO_PARENT: u16 = u16::MAX;
const EMPTY: CommandSpec = base(Group::Generic);

struct Flat {
    specs: [&'static CommandSpec; COUNT],
    derived: [Derived; COUNT],
}

const fn flatten() -> Flat {
    let nothing =
        Derived { flags: 0, acl: 0, first_key: 0, last_key: 0, key_step: 0, parent: NO_PARENT, first_sub: 0 };
    let mut flat = Flat { specs: [&EMPTY; COUNT], derived: [nothing; COUNT] };
    let (mut at, mut sub_at, mut group) = (0, TOP_LEVEL, 0);
    while group < GROUPS.len() {
        let mut i = 0;
        while i < GROUPS[group].len() {
            let spec = &GROUPS[group][i];
            flat.specs[at] = spec;
            flat.derived[at] = derive(spec, NO_PARENT, sub_at as u16);
            let mut j = 0;
            while j < spec.subs.len() {
                flat.specs[sub_at] = &spec.subs[j];
                flat.derived[sub_at] = derive(&spec.subs[j], at as u16, 0);
                sub_at += 1;
                j += 1;
            }
            at += 1;
            i += 1;
        }
        group += 1;
    }
    flat
}

/// Implicit ACL categories and the range that old clients know: `setImplicitACLCategories` and
/// `populateCommandLegacyRangeSpec`, server.c 7.0.15.
const fn derive(spec: &CommandSpec, parent: u16, first_sub: u16) -> Derived {
    let mut acl = spec.acl;
    let rules = [
        (WRITE, acl::WRITE),
        (ADMIN, acl::ADMIN | acl::DANGEROUS),
        (PUBSUB, acl::PUBSUB),
        (FAST, acl::FAST),
        (BLOCKING, acl::BLOCKING),
    ];
    let mut i = 0;
    while i < rules.len() {
        if spec.flags & rules[i].0 != 0 {
            acl |= rules[i].1;
        }
        i += 1;
    }
    if spec.flags & READONLY != 0 && acl & acl::SCRIPTING == 0 {
        acl |= acl::READ;
    }
    if acl & acl::FAST == 0 {
        acl |= acl::SLOW;
    }

    // A spec that is no plain range, or does not follow on the one before, makes the keys movable; the range covers
    // the others.
    let mut movable = false;
    let (mut first, mut last, mut step) = (0i8, 0i8, 0u8);
    let mut previous_last = 0i8;
    let mut i = 0;
    while i < spec.keys.len() {
        let key = &spec.keys[i];
        i += 1;
        if key.flags & INCOMPLETE != 0 {
            movable = true;
        }
        let (Begin::Index(begin), Find::Range { last: range_last, step: range_step, .. }) =
            (key.begin, key.find)
        else {
            movable = true;
            continue;
        };
        let begin = begin as i8;
        let plain = range_step == 1 && (previous_last == 0 || previous_last == begin - 1);
        if !plain && spec.keys.len() > 1 {
            movable = true;
            continue;
        }
        if first == 0 || begin < first {
            first = begin;
        }
        let absolute = if range_last >= 0 { range_last + begin } else { range_last };
        // Unsigned, so that "up to the end" is greater than any argument.
        if absolute as u8 > last as u8 {
            last = absolute;
        }
        previous_last = last;
        step = range_step;
    }
    Derived {
        flags: spec.flags | if movable { MOVABLE_KEYS } else { 0 },
        acl,
        first_key: first,
        last_key: last,
        key_step: step,
        parent,
        first_sub,
    }
}

static FLAT: Flat = flatten();

/// A command or subcommand: an index into tables of [`COUNT`] entries. Top-level commands come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u16);

impl CommandId {
    /// All commands in the order of their numbers: the top-level ones, then the subcommands.
    pub fn all() -> impl ExactSizeIterator<Item = CommandId> {
        (0..COUNT as u16).map(CommandId)
    }

    /// The commands that are not subcommands.
    pub fn top_level() -> impl ExactSizeIterator<Item = CommandId> {
        (0..TOP_LEVEL as u16).map(CommandId)
    }

    /// Its number, less than [`COUNT`].
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The facts about it.
    pub fn spec(self) -> &'static CommandSpec {
        FLAT.specs[self.index()]
    }

    /// Its full name in lower case, such as `config|get`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Its flags, derived ones among them.
    pub fn flags(self) -> u32 {
        FLAT.derived[self.index()].flags
    }

    /// Whether it has one of these flags.
    pub fn has(self, flags: u32) -> bool {
        self.flags() & flags != 0
    }

    /// Its ACL categories, implicit ones among them.
    pub fn acl(self) -> u32 {
        FLAT.derived[self.index()].acl
    }

    /// The first key, the last (if negative, from the end) and the step, as COMMAND shows them; zeros if it has none.
    pub fn key_range(self) -> (i64, i64, i64) {
        let derived = &FLAT.derived[self.index()];
        (i64::from(derived.first_key), i64::from(derived.last_key), i64::from(derived.key_step))
    }

    /// The command that it is a subcommand of.
    pub fn parent(self) -> Option<CommandId> {
        let parent = FLAT.derived[self.index()].parent;
        (parent != NO_PARENT).then_some(CommandId(parent))
    }

    /// Its subcommands.
    pub fn subs(self) -> impl ExactSizeIterator<Item = CommandId> {
        let first = FLAT.derived[self.index()].first_sub;
        (first..first + self.spec().subs.len() as u16).map(CommandId)
    }

    /// Whether it is called with a subcommand.
    pub fn is_container(self) -> bool {
        !self.spec().subs.is_empty()
    }

    /// Whether `argc` arguments, the name counted, are a number it takes.
    pub fn takes(self, argc: usize) -> bool {
        let arity = i64::from(self.spec().arity);
        if arity >= 0 { argc as i64 == arity } else { argc as i64 >= -arity }
    }
}

const BUCKETS: usize = 1024;

/// A mix of the name's length, first eight and last eight bytes, in lower case.
const fn hash_of(name: &[u8]) -> usize {
    // Letters differ from their capitals in this bit alone.
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => {
            let (mut bytes, mut i) = (0u64, 0);
            while i < name.len() {
                bytes |= (name[i] as u64) << (i * 8);
                i += 1;
            }
            (bytes, 0)
        }
    };
    let mixed = ((head | CASE) ^ (tail | CASE).rotate_left(23)).wrapping_add(name.len() as u64);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKETS.ilog2())) as usize
}

/// Open addressing: a bucket has a command's number, or [`NO_PARENT`] if it is free.
static INDEX: [u16; BUCKETS] = {
    let mut index = [NO_PARENT; BUCKETS];
    let mut id = 0;
    while id < TOP_LEVEL {
        let mut bucket = hash_of(FLAT_FOR_INDEX.specs[id].name.as_bytes());
        while index[bucket] != NO_PARENT {
            bucket = (bucket + 1) % BUCKETS;
        }
        index[bucket] = id as u16;
        id += 1;
    }
    index
};
const FLAT_FOR_INDEX: Flat = flatten();

/// The command with this name, in any case. Subcommands are not found here.
pub fn lookup(name: &[u8]) -> Option<CommandId> {
    let mut bucket = hash_of(name);
    loop {
        let id = INDEX[bucket];
        if id == NO_PARENT {
            return None;
        }
        if FLAT.specs[id as usize].name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(CommandId(id));
        }
        bucket = (bucket + 1) % BUCKETS;
    }
}

/// The subcommand of `container` with this name, in any case.
pub fn lookup_sub(container: CommandId, name: &[u8]) -> Option<CommandId> {
    let prefix = container.name().len() + 1;
    container.subs().find(|sub| sub.name().as_bytes()[prefix..].eq_ignore_ascii_case(name))
}

/// The command with this full name, such as `GET` or `config|get`, in any case (`lookupCommandBySds`, server.c 7.0.15).
pub fn lookup_full(name: &[u8]) -> Option<CommandId> {
    let Some(bar) = name.iter().position(|&byte| byte == b'|') else { return lookup(name) };
    lookup_sub(lookup(&name[..bar])?, &name[bar + 1..])
}

/// What a request's first words name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// This command or subcommand, or a container without a subcommand.
    Command(CommandId),
    /// No command.
    Unknown,
    /// This container has no such subcommand.
    UnknownSub(CommandId),
}

/// The command that a request names by its first argument, and its second if there is one (`lookupCommandLogic`, server.c
/// 7.0.15).
pub fn resolve(name: &[u8], second: Option<&[u8]>) -> Resolved {
    match (lookup(name), second) {
        (None, _) => Resolved::Unknown,
        (Some(id), Some(sub)) if id.is_container() => {
            lookup_sub(id, sub).map_or(Resolved::UnknownSub(id), Resolved::Command)
        }
        (Some(id), _) => Resolved::Command(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case() {
        assert_eq!((TOP_LEVEL, COUNT), (240, 366));
        for id in CommandId::top_level() {
            assert_eq!(lookup(id.name().as_bytes()), Some(id));
            assert_eq!(lookup(id.name().to_uppercase().as_bytes()), Some(id));
            assert_eq!(id.parent(), None);
            for sub in id.subs() {
                assert_eq!(lookup_full(sub.name().to_uppercase().as_bytes()), Some(sub));
                assert_eq!(sub.parent(), Some(id));
            }
        }
        for name in ["", "g", "gett", "config|nope", "|", "get|", "georadiusbymember_rox"] {
            assert_eq!(lookup_full(name.as_bytes()), None, "{name}");
        }
        let probes: usize = CommandId::top_level()
            .map(|id| {
                let home = hash_of(id.name().as_bytes());
                (0..).find(|step| INDEX[(home + step) % BUCKETS] == id.0).unwrap()
            })
            .sum();
        assert!(probes < 60, "names spread well: {probes} steps beyond the first bucket in all");
    }

    #[test]
    fn every_command_says_what_it_does() {
        for id in CommandId::all() {
            let spec = id.spec();
            assert!(!spec.summary.is_empty() && !spec.since.is_empty() && spec.arity != 0, "{}", spec.name);
        }
    }

    #[test]
    fn a_request_names_its_command() {
        let id = |name: &str| lookup_full(name.as_bytes()).unwrap();
        assert_eq!(resolve(b"GET", Some(b"x")), Resolved::Command(id("get")));
        assert_eq!(resolve(b"CONFIG", Some(b"Get")), Resolved::Command(id("config|get")));
        assert_eq!(resolve(b"CONFIG", None), Resolved::Command(id("config")));
        assert_eq!(resolve(b"CONFIG", Some(b"x")), Resolved::UnknownSub(id("config")));
        assert_eq!(resolve(b"COMMAND", Some(b"count")), Resolved::Command(id("command|count")));
        assert_eq!(resolve(b"nope", None), Resolved::Unknown);
        assert!(id("get").takes(2) && !id("get").takes(3));
        assert!(id("set").takes(3) && id("set").takes(9) && !id("set").takes(2));
    }

    #[test]
    fn what_redis_derives_is_derived() {
        for (name, range, movable) in [
            ("get", (1, 1, 1), false),
            ("mset", (1, -1, 2), false),
            ("del", (1, -1, 1), false),
            ("object|encoding", (2, 2, 1), false),
            ("lmove", (1, 2, 1), false),
            ("sort", (1, 1, 1), true),
            ("eval", (0, 0, 0), true),
            ("bitop", (2, -1, 1), false),
            ("zunionstore", (1, 1, 1), true),
            ("xread", (0, 0, 0), true),
            ("migrate", (3, 3, 1), true),
            ("ssubscribe", (1, -1, 1), false),
            ("ping", (0, 0, 0), false),
        ] {
            let id = lookup_full(name.as_bytes()).unwrap();
            assert_eq!((id.key_range(), id.has(MOVABLE_KEYS)), (range, movable), "{name}");
        }
        let get = lookup(b"get").unwrap();
        assert_eq!(get.acl(), acl::READ | acl::STRING | acl::FAST);
    }
}
