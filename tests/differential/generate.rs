//! Commands drawn from a seed.
//!
//! A template is a command with holes: `{a|b|}` is one of its words (or none), `{K}` a key, mostly of the template's own type, and so on
//! as [`Draw::hole`] says. Left out is what is random by itself (SPOP, RANDOMKEY …), what depends on the clock, SORT of numbers
//! (Redis takes an `errno` that an earlier command left behind for a bad number), and OBJECT REFCOUNT: in a transaction it
//! counts the queue of commands as well.

use super::resp::{Tree, shown};
use super::script::{Compare, line_of};
use super::servers::{Ours, Real, Side, request};
use std::collections::BTreeMap;
use std::time::Duration;

/// Both sides start with this: encodings give way early, events are published, everything is written down.
const CONF: &str = "save \"\"\nappendonly yes\nappendfsync no\nnotify-keyspace-events KEA\nhash-max-listpack-entries 6\n\
    hash-max-listpack-value 30\nset-max-intset-entries 6\nzset-max-listpack-entries 6\nzset-max-listpack-value 30\n\
    list-max-listpack-size 5\nstream-node-max-entries 5\n";

const AOF: &str = "appendonlydir/appendonly.aof.1.incr.aof";

/// How many commands go over in one piece.
const BATCH: usize = 200;
/// After so many differences there is no point in going on.
const DIFFERENCES_MAX: usize = 12;

const COMMANDER: u32 = 1;
const LISTENER: u32 = 2;

/// Templates by the type of key they are made for.
const TEMPLATES: &[(char, &str)] = &[
    ('s', "SET {K} {V}"),
    ('s', "SET {K} {V} {NX|XX|GET|KEEPTTL|} {NX|XX|GET|KEEPTTL|EXAT 99999999999|PXAT 9999999999999|}"),
    ('s', "SETNX {K} {V}"),
    ('s', "GET {K}"),
    ('s', "GETSET {K} {V}"),
    ('s', "GETDEL {K}"),
    ('s', "GETEX {K} {PERSIST|EXAT 99999999999|PXAT 9999999999999|PXAT -1|EX 0|}"),
    ('s', "APPEND {K} {V}"),
    ('s', "STRLEN {K}"),
    ('s', "SETRANGE {K} {N} {V}"),
    ('s', "GETRANGE {K} {I} {I}"),
    ('s', "SUBSTR {K} {N} {N}"),
    ('s', "INCR {K}"),
    ('s', "DECR {K}"),
    ('s', "INCRBY {K} {I}"),
    ('s', "DECRBY {K} {I}"),
    ('s', "INCRBYFLOAT {K} {F}"),
    ('s', "MSET {K} {V} {K} {V}"),
    ('s', "MSETNX {K} {V} {K} {V} {K} {V}"),
    ('s', "MGET {K} {K} {K}"),
    ('s', "LCS {K} {K} {LEN|IDX|} {WITHMATCHLEN|MINMATCHLEN 2|}"),
    ('b', "SETBIT {K} {N} {B}"),
    ('b', "SETBIT {K} {-1|x|4294967296|70000|1.5} {B}"),
    ('b', "GETBIT {K} {N}"),
    ('b', "BITCOUNT {K}"),
    ('b', "BITCOUNT {K} {I} {I} {BIT|BYTE|}"),
    ('b', "BITPOS {K} {B} {N} {N} {BIT|BYTE|}"),
    ('b', "BITPOS {K} {B}"),
    ('b', "BITOP {AND|OR|XOR} {K} {K} {K}"),
    ('b', "BITOP NOT {K} {K}"),
    ('b', "BITFIELD {K} {GET|GET|OVERFLOW} {u8|i5|u63|i64|u64|WRAP} {N|#1|}"),
    (
        'b',
        "BITFIELD {K} OVERFLOW {WRAP|SAT|FAIL} INCRBY {u2|i8|i64|u63} {N} {I} SET {u8|i16|i64} {#2|N} {I} GET u4 3",
    ),
    ('b', "BITFIELD_RO {K} GET {u8|i5} {N}"),
    ('l', "{LPUSH|RPUSH|LPUSHX|RPUSHX} {K} {V}"),
    ('l', "{LPUSH|RPUSH} {K} {V} {V} {V} {V}"),
    ('l', "{LPOP|RPOP} {K}"),
    ('l', "{LPOP|RPOP} {K} {N}"),
    ('l', "LLEN {K}"),
    ('l', "LINDEX {K} {N}"),
    ('l', "LINSERT {K} {BEFORE|AFTER} {V} {V}"),
    ('l', "LSET {K} {N} {V}"),
    ('l', "LRANGE {K} {N} {I}"),
    ('l', "LTRIM {K} {N} {I}"),
    ('l', "LREM {K} {N} {V}"),
    ('l', "LPOS {K} {V} {RANK|COUNT|MAXLEN|} {N}"),
    ('l', "LPOS {K} {V} RANK {N} COUNT {N} MAXLEN {N}"),
    ('l', "LMOVE {K} {K} {LEFT|RIGHT} {LEFT|RIGHT}"),
    ('l', "RPOPLPUSH {K} {K}"),
    ('l', "LMPOP {1|2|2|3} {K} {K} {LEFT|RIGHT} {COUNT|} {N}"),
    ('l', "LMPOP 2 {K} {K} {LEFT|RIGHT}"),
    ('l', "SORT {K} {DESC|ASC|LIMIT 1 3|} ALPHA"),
    ('l', "SORT {K} ALPHA STORE {K}"),
    ('h', "HSET {K} {M} {V}"),
    ('h', "HSET {K} {M} {V} {M} {V} {M} {V}"),
    ('h', "HMSET {K} {M} {V} {M} {V}"),
    ('h', "HSETNX {K} {M} {V}"),
    ('h', "HGET {K} {M}"),
    ('h', "HMGET {K} {M} {M} {M}"),
    ('h', "HDEL {K} {M} {M}"),
    ('h', "HDEL {K} {M}"),
    ('h', "HLEN {K}"),
    ('h', "HSTRLEN {K} {M}"),
    ('h', "HEXISTS {K} {M}"),
    ('h', "{HKEYS|HVALS|HGETALL} {K}"),
    ('h', "HINCRBY {K} {M} {I}"),
    ('h', "HINCRBYFLOAT {K} {M} {F}"),
    ('h', "HSCAN {K} 0 COUNT 1000"),
    ('h', "HSCAN {K} 0 {MATCH f*|COUNT 100|COUNT 0|MATCH|} COUNT 1000"),
    ('t', "SADD {K} {M}"),
    ('t', "SADD {K} {N} {N} {N}"),
    ('t', "SADD {K} {M} {M} {I}"),
    ('t', "SREM {K} {M} {N} {N} {N}"),
    ('t', "SREM {K} {M}"),
    ('t', "SISMEMBER {K} {M}"),
    ('t', "SMISMEMBER {K} {M} {N} {M}"),
    ('t', "{SCARD|SMEMBERS} {K}"),
    ('t', "SMOVE {K} {K} {M}"),
    ('t', "SPOP {K} 1000"),
    ('t', "{SINTER|SUNION|SDIFF} {K} {K}"),
    ('t', "{SINTER|SUNION|SDIFF} {K} {K} {K}"),
    ('t', "{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} {K} {K} {K}"),
    ('t', "SINTERCARD {1|2|2|3|0} {K} {K} {LIMIT|} {N}"),
    ('t', "SINTERCARD 2 {K} {K}"),
    ('t', "SSCAN {K} 0 COUNT 1000"),
    ('t', "SORT {K} ALPHA {DESC|ASC|}"),
    ('z', "ZADD {K} {S} {M}"),
    ('z', "ZADD {K} {NX|XX|GT|LT|CH|} {INCR|CH|} {S} {M}"),
    ('z', "ZADD {K} {CH|} {S} {M} {S} {M} {S} {M}"),
    ('z', "ZINCRBY {K} {S} {M}"),
    ('z', "ZREM {K} {M} {M}"),
    ('z', "{ZCARD|ZPOPMIN|ZPOPMAX} {K}"),
    ('z', "{ZPOPMIN|ZPOPMAX} {K} {N}"),
    ('z', "{ZSCORE|ZRANK|ZREVRANK} {K} {M}"),
    ('z', "ZMSCORE {K} {M} {M}"),
    ('z', "ZCOUNT {K} {Z} {Z}"),
    ('z', "ZRANGE {K} {N} {N} {REV|WITHSCORES|LIMIT 0 1|} {WITHSCORES|}"),
    ('z', "ZRANGE {K} {Z} {Z} BYSCORE {REV|} {WITHSCORES|} {LIMIT 0 2|LIMIT 1 -1|LIMIT -1 1|}"),
    ('z', "{ZRANGEBYSCORE|ZREVRANGEBYSCORE} {K} {Z} {Z} {LIMIT 1 2|WITHSCORES|}"),
    ('z', "ZREVRANGE {K} {N} {N} {WITHSCORES|}"),
    ('z', "ZRANGESTORE {K} {K} {N} {N} {REV|}"),
    ('z', "ZRANGESTORE {K} {K} {Z} {Z} BYSCORE {REV|} {LIMIT 0 3|}"),
    ('z', "ZREMRANGEBYRANK {K} {N} {N}"),
    ('z', "ZREMRANGEBYSCORE {K} {Z} {Z}"),
    ('z', "{ZUNION|ZINTER|ZDIFF} 2 {K} {K} {WITHSCORES|}"),
    ('z', "{ZUNION|ZINTER} 3 {K} {K} {K} {WITHSCORES|} {AGGREGATE MIN|AGGREGATE MAX|WEIGHTS 2 -1 inf|}"),
    ('z', "{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} {K} 2 {K} {K}"),
    ('z', "{ZUNIONSTORE|ZINTERSTORE} {K} 2 {K} {K} {AGGREGATE MIN|AGGREGATE MAX|WEIGHTS 2 -1|}"),
    ('z', "ZUNIONSTORE {K} 2 {K} t1"),
    ('z', "ZINTERCARD 2 {K} {K} {LIMIT 1|}"),
    ('z', "ZMPOP 2 {K} {K} {MIN|MAX} {COUNT 2|COUNT 9|}"),
    ('z', "BZPOPMIN z1 z1 x"),
    ('z', "ZSCAN {K} 0 COUNT 1000"),
    ('z', "SORT {K} ALPHA {DESC|LIMIT 1 3|}"),
    ('y', "ZADD {K} 0 {M} 0 {M}"),
    ('y', "ZREM {K} {M} {M}"),
    ('y', "ZLEXCOUNT {K} {X} {X}"),
    ('y', "{ZRANGEBYLEX|ZREVRANGEBYLEX} {K} {X} {X} {LIMIT 1 3|}"),
    ('y', "ZREMRANGEBYLEX {K} {X} {X}"),
    ('x', "XADD {K} {E} {M} {V}"),
    ('x', "XADD {K} {1|2|3|4|5|6|7|8|9}-* {M} {V}"),
    ('x', "XADD {K} {1|2|3|4|5|6|7|8|9}-* f1 {V} f2 {V}"),
    ('x', "XADD {K} 9-* f1 {V}"),
    ('x', "XADD {K} {NOMKSTREAM|} {MAXLEN|MINID} {=|~|} {N} {LIMIT 5|LIMIT 0|} {9-*|} f1 {V}"),
    ('x', "XTRIM {K} {MAXLEN|MINID} {=|~|} {N} {LIMIT 5|LIMIT 3|}"),
    ('x', "XTRIM {K} MINID {~|=} {E}"),
    ('x', "XDEL {K} {E} {E} {E}"),
    ('x', "XDEL {K} 9-1 {E}"),
    ('x', "XLEN {K}"),
    ('x', "{XRANGE|XREVRANGE} {K} {E} {E} {COUNT 3|COUNT 0|}"),
    ('x', "XRANGE {K} - +"),
    ('x', "XREVRANGE {K} + - COUNT 2"),
    ('x', "XREAD {COUNT 2|} STREAMS {K} {K} {E} {E}"),
    ('x', "XREAD BLOCK x STREAMS {K} $"),
    ('x', "XSETID {K} {E} {ENTRIESADDED|} {N} {MAXDELETEDID|} {E}"),
    ('x', "XSETID {K} {E}"),
    ('x', "XINFO {STREAM|GROUPS} {K}"),
    ('x', "XGROUP CREATE {K} {G} {E} {MKSTREAM|} {ENTRIESREAD 3|}"),
    ('x', "XGROUP CREATE {K} {G} {$|0} {MKSTREAM|}"),
    ('x', "XGROUP SETID {K} {G} {E} {ENTRIESREAD 3|}"),
    ('x', "XGROUP {DESTROY|NOPE} {K} {G}"),
    ('x', "XGROUP {CREATECONSUMER|DELCONSUMER} {K} {G} {C}"),
    ('x', "XREADGROUP GROUP {G} {C} {COUNT 2|} NOACK STREAMS {K} >"),
    ('x', "XREADGROUP GROUP {G} {C} {COUNT 2|} NOACK STREAMS {K} {E}"),
    ('x', "XACK {K} {G} {E} {E}"),
    ('x', "XPENDING {K} {G}"),
    ('x', "XCLAIM {K} {G} {C} 0 {E} 9-1 9-2 TIME 5 {FORCE|} {JUSTID|} {RETRYCOUNT 4|}"),
    ('x', "XCLAIM {K} {G} {C} 0 9-1 9-2 9-3 TIME 6 FORCE {LASTID 9-2|}"),
    ('*', "DEL {K}"),
    ('*', "DEL {K} {K} {K}"),
    ('*', "UNLINK {K} {K}"),
    ('*', "EXISTS {K} {K} {K}"),
    ('*', "TOUCH {K} {K}"),
    ('*', "TYPE {K}"),
    ('*', "OBJECT ENCODING {K}"),
    ('*', "RENAME {K} {K}"),
    ('*', "RENAMENX {K} {K}"),
    ('*', "COPY {K} {K} {REPLACE|DB 0|DB 99|}"),
    ('*', "COPY {K} {K} REPLACE"),
    ('*', "EXPIREAT {K} {99999999999|99999999998|1|-1|x} {NX|XX|GT|LT|}"),
    ('*', "PEXPIREAT {K} {9999999999999|9999999999998|1|-1} {NX|XX|GT|LT|}"),
    ('*', "PERSIST {K}"),
    ('*', "{EXPIRETIME|PEXPIRETIME} {K}"),
    ('*', "KEYS {*|s?|?1|[hl]*}"),
    ('*', "SCAN 0 COUNT 1000 {MATCH *1|TYPE hash|TYPE nosuch|}"),
    ('*', "MOVE {K} {0|1|99}"),
    ('*', "MULTI"),
    ('*', "EXEC"),
    ('*', "EXEC"),
    ('*', "DISCARD"),
    ('*', "WATCH {K}"),
    ('*', "UNWATCH"),
];

/// Keys: a letter for the type that lives there mostly, and a number. The last one is a sorted set whose scores are all equal, as ranges
/// of members demand: nothing else goes there.
const KEYS: &[&str] = &[
    "s1", "s2", "s3", "b1", "b2", "l1", "l2", "l3", "h1", "h2", "t1", "t2", "t3", "z1", "z2", "z3", "x1",
    "x2", "x3", "y1",
];

/// splitmix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn key(&mut self, kind: char) -> String {
        let own: Vec<&str> = KEYS.iter().copied().filter(|key| key.starts_with(kind)).collect();
        if own.is_empty() || (kind != 'y' && self.below(25) == 0) {
            self.pick(&KEYS[..KEYS.len() - 1])
        } else {
            self.pick(&own)
        }
        .to_string()
    }

    fn hole(&mut self, hole: &str, kind: char) -> String {
        let long = "long enough to be no embedded string and no listpack entry either";
        match hole {
            "K" => self.key(kind),
            "V" => match self.below(8) {
                0 => self.hole("I", kind),
                1 => self.hole("F", kind),
                2 => long.to_string(),
                3 => self.pick(&["", "a b", "é\r\n\0", "ABC", "007", "+1", " 1"]).to_string(),
                4 | 5 => self.hole("N", kind),
                _ => format!("v{}", self.below(9)),
            },
            // A member or a field.
            "M" => match self.below(40) {
                0 => long.to_string(),
                1 => String::new(),
                2 => self.hole("F", kind),
                3..=6 => self.hole("N", kind),
                _ => format!("f{}", self.below(10)),
            },
            "B" => self.pick(&["0", "1", "1", "0", "2"]).to_string(),
            "N" => match self.below(30) {
                0 => "x".to_string(),
                1 => "-9223372036854775808".to_string(),
                _ => (self.below(18) as i64 - 6).to_string(),
            },
            "I" => self
                .pick(&[
                    "0",
                    "1",
                    "-1",
                    "2",
                    "-2",
                    "3",
                    "7",
                    "10",
                    "100",
                    "-100",
                    "255",
                    "4294967295",
                    "65536",
                    "-32769",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "9223372036854775808",
                    "1.5",
                    "x",
                    "",
                ])
                .to_string(),
            "F" => self
                .pick(&[
                    "0",
                    "1",
                    "-1",
                    "0.1",
                    "-2.5",
                    "1e3",
                    "3.0",
                    "1e-5",
                    "100000000000000000000",
                    "1e17",
                    "5e-324",
                    "inf",
                    "-inf",
                    "nan",
                    "1.7976931348623157e308",
                    "x",
                    "0x10",
                    " 1",
                    "1e400",
                ])
                .to_string(),
            // A score.
            "S" => match self.below(4) {
                0 => self.hole("F", kind),
                _ => self.hole("N", kind),
            },
            // A bound of a range of scores.
            "Z" => match self.below(6) {
                0 => self.pick(&["-inf", "+inf", "(-inf", "(+inf", "(1", "x", "(", ""]).to_string(),
                1 => format!("({}", self.hole("N", kind)),
                _ => self.hole("N", kind),
            },
            // The id of an entry, or the end of an interval of such.
            "E" => match self.below(12) {
                0 => self.pick(&["-", "+", "x", "0-0", "(9-1", "(+"]).to_string(),
                1 => self.below(10).to_string(),
                2..=6 => format!("9-{}", self.below(20)),
                _ => format!("{}-{}", self.below(10), self.below(4)),
            },
            // A group of a stream, and one of its consumers.
            "G" => self.pick(&["g1", "g1", "g2"]).to_string(),
            "C" => self.pick(&["alice", "bob"]).to_string(),
            // A bound of a range of members.
            "X" => match self.below(8) {
                0 => self.pick(&["x", "", "-x", "+"]).to_string(),
                1 | 2 => self.pick(&["-", "+"]).to_string(),
                3 => format!("({}", self.hole("M", kind)),
                _ => format!("[{}", self.hole("M", kind)),
            },
            words => {
                let words: Vec<&str> = words.split('|').collect();
                match self.pick(&words) {
                    "N" => self.hole("N", kind),
                    word => word.to_string(),
                }
            }
        }
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let (kind, template) = self.pick(TEMPLATES);
        let mut args = Vec::new();
        let mut rest = template;
        while !rest.is_empty() {
            let (word, after) = match rest.strip_prefix('{') {
                Some(open) => {
                    let (hole, after) = open.split_once('}').expect("a closed hole");
                    let filled = self.hole(hole, kind);
                    if filled.is_empty() && hole.contains('|') {
                        rest = after.trim_start();
                        continue;
                    }
                    // A choice may be of several words.
                    if hole.contains('|') {
                        args.extend(filled.split(' ').map(|word| word.as_bytes().to_vec()));
                        rest = after.trim_start();
                        continue;
                    }
                    (filled, after)
                }
                None => {
                    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                    (word.to_string(), after)
                }
            };
            args.push(word.into_bytes());
            rest = after.trim_start();
        }
        args
    }
}

fn comparison(name: &[u8]) -> Compare {
    match name {
        b"HGETALL" | b"HSCAN" | b"ZSCAN" => Compare::Pairs,
        b"SMEMBERS" | b"SUNION" | b"SDIFF" | b"SINTER" | b"SSCAN" | b"SPOP" | b"HKEYS" | b"HVALS"
        | b"KEYS" | b"SCAN" | b"EXEC" => Compare::Unordered,
        _ => Compare::Exact,
    }
}

fn ask(side: &mut impl Side, line: &str) -> Tree {
    let args: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    side.send(COMMANDER, &request(&args));
    side.reply(COMMANDER, Duration::from_secs(2)).unwrap_or_else(|| panic!("{line} is not answered"))
}

/// Every key with its type, encoding, time to live and content.
fn state(side: &mut impl Side) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for key in KEYS {
        let kind = ask(side, &format!("TYPE {key}"));
        let (content, compare) = match kind.text().unwrap_or_default() {
            b"string" => (format!("GET {key}"), Compare::Exact),
            b"list" => (format!("LRANGE {key} 0 -1"), Compare::Exact),
            b"set" => (format!("SMEMBERS {key}"), Compare::Unordered),
            b"hash" => (format!("HGETALL {key}"), Compare::Pairs),
            b"zset" => (format!("ZRANGE {key} 0 -1 WITHSCORES"), Compare::Exact),
            b"stream" => (format!("XRANGE {key} - +"), Compare::Exact),
            _ => continue,
        };
        let mut content = ask(side, &content);
        if compare != Compare::Exact {
            content.sort(compare == Compare::Pairs);
        }
        let encoding = ask(side, &format!("OBJECT ENCODING {key}"));
        let expires = ask(side, &format!("PEXPIRETIME {key}"));
        all.insert(key.to_string(), format!("{kind} {encoding} {expires} {content}"));
    }
    all
}

/// Draws `count` commands and compares what comes of them.
pub fn compare(count: usize, seed: u64) {
    let mut ours = Ours::start(CONF);
    let mut real = Real::start(CONF);
    let mut draw = Draw(seed);
    let mut differences: Vec<String> = Vec::new();
    let mut history: Vec<Vec<Vec<u8>>> = Vec::new();
    let listen = request(&[b"PSUBSCRIBE".to_vec(), b"__key*__:*".to_vec()]);
    ours.send(LISTENER, &listen);
    real.send(LISTENER, &listen);
    while history.len() < count && differences.len() < DIFFERENCES_MAX {
        let batch: Vec<Vec<Vec<u8>>> = (0..BATCH).map(|_| draw.command()).collect();
        let bytes: Vec<u8> = batch.iter().flat_map(|args| request(args)).collect();
        ours.send(COMMANDER, &bytes);
        real.send(COMMANDER, &bytes);
        for args in batch {
            let (mine, theirs) =
                (ours.reply(COMMANDER, Duration::ZERO), real.reply(COMMANDER, Duration::from_secs(5)));
            let same = match (&mine, &theirs) {
                (Some(mine), Some(theirs)) => comparison(&args[0]).same(mine, theirs),
                _ => false,
            };
            if !same && differences.len() < DIFFERENCES_MAX {
                let show =
                    |tree: Option<Tree>| tree.map_or_else(|| "nothing".to_string(), |tree| tree.to_string());
                differences.push(format!(
                    "command {}: {}\n  ours {}\n  real {}{}",
                    history.len(),
                    line_of(&args),
                    show(mine),
                    show(theirs),
                    past(&history, &args)
                ));
            }
            history.push(args);
        }
        for command in ["DISCARD", "UNWATCH"] {
            ask(&mut ours, command);
            ask(&mut real, command);
        }
        let events = ours.waiting(LISTENER);
        for (index, event) in events.iter().enumerate() {
            let theirs = real.reply(LISTENER, Duration::from_secs(1));
            if theirs.as_ref() != Some(event) {
                let context = &events[index.saturating_sub(3)..index];
                let show = |tree: &Tree| format!("\n    {tree}");
                differences.push(format!(
                    "event before command {}: after{}\n  ours {event}\n  real {}",
                    history.len(),
                    context.iter().map(show).collect::<String>(),
                    theirs.map_or_else(|| "nothing".to_string(), |tree| tree.to_string())
                ));
                break;
            }
        }
        let (mine, theirs) = (state(&mut ours), state(&mut real));
        for key in KEYS {
            let (mine, theirs) = (mine.get(*key), theirs.get(*key));
            if mine != theirs {
                let last = past(&history, &[b"STATE".to_vec(), key.as_bytes().to_vec()]);
                differences.push(format!(
                    "{key} before command {}\n  ours {mine:?}\n  real {theirs:?}{last}",
                    history.len()
                ));
            }
        }
        if !differences.is_empty() {
            break;
        }
    }
    let extra = real.waiting(LISTENER);
    if differences.is_empty() && !extra.is_empty() {
        differences.push(format!("events that we do not publish: {}", extra.len()));
    }
    compare_files(&ours.file(AOF), &real.file(AOF), &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The last commands that name a key of `args`.
fn past(history: &[Vec<Vec<u8>>], args: &[Vec<u8>]) -> String {
    let names = |word: &Vec<u8>| KEYS.iter().any(|key| key.as_bytes() == word.as_slice());
    let keys: Vec<&Vec<u8>> = args.iter().filter(|word| names(word)).collect();
    let mut last: Vec<String> = history
        .iter()
        .rev()
        .take(400)
        .filter(|past| {
            past.iter().any(|word| keys.contains(&word)) || past[0] == b"MULTI" || past[0] == b"EXEC"
        })
        .take(12)
        .map(|past| format!("\n    after {}", line_of(past)))
        .collect();
    last.reverse();
    last.concat()
}

fn compare_files(ours: &[u8], real: &[u8], differences: &mut Vec<String>) {
    if ours == real {
        return;
    }
    let at = ours.iter().zip(real).position(|(a, b)| a != b).unwrap_or(ours.len().min(real.len()));
    let from = at.saturating_sub(300);
    let part =
        |bytes: &[u8]| shown(&bytes[from.min(bytes.len())..bytes.len().min(at + 200)]).replace("\\r\\n", " ");
    differences.push(format!(
        "append-only files differ at byte {at}\n  ours …{}\n  real …{}",
        part(ours),
        part(real)
    ));
}
