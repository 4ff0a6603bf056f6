//! Which arguments of a request are keys, and which are channels (db.c 7.0.15).
//!
//! Redis has two ways, and they do not always agree. Routing in a cluster and client tracking use [`keys_of`]: the
//! command's own procedure if it has one, else the plain range. ACL and COMMAND GETKEYS use [`keys_and_flags_of`]: the key
//! specs first, the procedure only where they fail. Both are kept, because a request with a wrong number of keys is told
//! so by different errors on the two ways.

use super::*;
use crate::resp::Args;
use smallvec::SmallVec;

/// A request's arguments, the command's name first, wherever they are kept.
pub trait ArgList {
    /// How many there are.
    fn argc(&self) -> usize;
    /// One of them; an empty one beyond the end.
    fn arg(&self, index: usize) -> &[u8];
}

impl ArgList for Args<'_> {
    fn argc(&self) -> usize {
        self.len()
    }
    fn arg(&self, index: usize) -> &[u8] {
        self.at(index)
    }
}

impl<T: AsRef<[u8]>> ArgList for [T] {
    fn argc(&self) -> usize {
        self.len()
    }
    fn arg(&self, index: usize) -> &[u8] {
        self.get(index).map_or(&[], AsRef::as_ref)
    }
}

/// One key among a request's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Which argument.
    pub index: usize,
    /// What the command does with it, bits of [`key_flags`]; 0 where Redis does not say.
    pub flags: u16,
}

/// A request's keys, in the order Redis finds them.
pub type KeyRefs = SmallVec<[KeyRef; 4]>;

fn key(index: usize, flags: u16) -> KeyRef {
    KeyRef { index, flags }
}

/// The request's keys, for routing (`getKeysFromCommand`). Flags are mostly 0. None if the arguments make no sense.
pub fn keys_of<A: ArgList + ?Sized>(id: CommandId, args: &A) -> KeyRefs {
    match id.spec().get_keys {
        GetKeys::None => keys_in_range(id, args.argc()),
        procedure => keys_by_procedure(procedure, args),
    }
}

fn keys_in_range(id: CommandId, argc: usize) -> KeyRefs {
    let (first, last, step) = id.key_range();
    let mut keys = KeyRefs::new();
    if first == 0 {
        return keys;
    }
    let argc = argc as i64;
    let last = if last < 0 { argc + last } else { last };
    let mut index = first;
    while index <= last {
        if index >= argc {
            return KeyRefs::new();
        }
        keys.push(key(index as usize, 0));
        index += step;
    }
    keys
}

/// Whether the command may have keys at all (`doesCommandHaveKeys`).
pub fn may_have_keys(id: CommandId) -> bool {
    let spec = id.spec();
    spec.get_keys != GetKeys::None || spec.keys.iter().any(|key| key.flags & NOT_KEY == 0)
}

/// The request's keys and what is done with each (`getKeysFromCommandWithSpecs`). None if the arguments make no sense.
pub fn keys_and_flags_of<A: ArgList + ?Sized>(id: CommandId, args: &A) -> KeyRefs {
    let spec = id.spec();
    let has_keys = spec.keys.iter().any(|key| key.flags & NOT_KEY == 0);
    let has_variable_flags = spec.keys.iter().any(|key| key.flags & VARIABLE_FLAGS != 0);
    if has_keys
        && !has_variable_flags
        && let Some(keys) = keys_by_specs(spec, args)
    {
        return keys;
    }
    keys_by_procedure(spec.get_keys, args)
}

/// The keys that the specs find, or none if one of them does not fit the arguments (`getKeysUsingKeySpecs`).
fn keys_by_specs<A: ArgList + ?Sized>(spec: &CommandSpec, args: &A) -> Option<KeyRefs> {
    let argc = args.argc() as i64;
    let mut keys = KeyRefs::new();
    for spec in spec.keys.iter().filter(|spec| spec.flags & NOT_KEY == 0) {
        let mut first = match spec.begin {
            Begin::Index(index) => i64::from(index),
            Begin::Keyword(word, from) => match find_keyword(args, word, i64::from(from)) {
                Some(index) => index + 1,
                None => continue,
            },
            Begin::Unknown => return None,
        };
        let (last, step) = match spec.find {
            Find::Range { last, step, .. } if last >= 0 => (first + i64::from(last), step),
            Find::Range { last, step, limit: 0 } => (argc + i64::from(last), step),
            Find::Range { last, step, limit } => {
                (first + (argc - first) / i64::from(limit) + i64::from(last), step)
            }
            Find::Keynum { index, first: skip, step } => {
                let at = first + i64::from(index);
                if at >= argc {
                    return None;
                }
                let count =
                    crate::store::num::parse_i64(args.arg(at as usize)).filter(|&count| count >= 0)?;
                first += i64::from(skip);
                (first.checked_add(count)? - 1, step)
            }
            Find::Unknown => return None,
        };
        if last >= argc || last < first || first >= argc {
            return None;
        }
        let mut index = first;
        while index <= last {
            keys.push(key(index as usize, spec.flags));
            index += i64::from(step.max(1));
        }
        if spec.flags & INCOMPLETE != 0 {
            return None;
        }
    }
    Some(keys)
}

/// The argument that is `word`, from `from` on; a negative `from` counts from the end and searches backwards.
fn find_keyword<A: ArgList + ?Sized>(args: &A, word: &str, from: i64) -> Option<i64> {
    let argc = args.argc() as i64;
    let is_it = |&index: &i64| args.arg(index as usize).eq_ignore_ascii_case(word.as_bytes());
    // Either way Redis leaves the outermost argument out: a keyword there has no key behind it, or is the command.
    if from > 0 { (from..argc - 1).find(is_it) } else { (2..=argc + from).rev().find(is_it) }
}

/// As C's `atoi`: leading blanks, a sign, digits up to anything else.
fn atoi(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    if negative { -value } else { value }
}

fn keys_by_procedure<A: ArgList + ?Sized>(procedure: GetKeys, args: &A) -> KeyRefs {
    let argc = args.argc();
    let is = |index: usize, word: &str| args.arg(index).eq_ignore_ascii_case(word.as_bytes());
    let mut keys = KeyRefs::new();
    match procedure {
        GetKeys::None => {}
        GetKeys::Counted { store, count, first } => {
            let first = first as usize;
            let wanted = atoi(args.arg(count as usize));
            if wanted < 1 || wanted > argc as i64 - first as i64 {
                return keys;
            }
            keys.extend((first..first + wanted as usize).map(|index| key(index, 0)));
            if store != 0 {
                keys.push(key(store as usize, 0));
            }
        }
        GetKeys::SortRo => keys.push(key(1, RO | ACCESS)),
        GetKeys::Sort => {
            keys.push(key(1, RO | ACCESS));
            let mut store = None;
            let mut index = 2;
            while index < argc {
                if is(index, "limit") {
                    index += 2;
                } else if is(index, "store") && index + 1 < argc {
                    // The last one counts.
                    store = Some(key(index + 1, OW | UPDATE));
                } else if is(index, "get") || is(index, "by") {
                    index += 1;
                }
                index += 1;
            }
            keys.extend(store);
        }
        GetKeys::Migrate => {
            let mut range = 3..4;
            let mut index = 6;
            while index < argc {
                if is(index, "keys") {
                    // A key in the usual place as well is a syntax error, which the command reports.
                    range = if args.arg(3).is_empty() { index + 1..argc } else { 0..0 };
                    break;
                }
                index += if is(index, "auth") {
                    2
                } else if is(index, "auth2") {
                    3
                } else {
                    1
                };
            }
            keys.extend(range.map(|index| key(index, RW | ACCESS | DELETE)));
        }
        GetKeys::Georadius => {
            keys.push(key(1, 0));
            let mut store = None;
            let mut index = 5;
            while index < argc {
                if (is(index, "store") || is(index, "storedist")) && index + 1 < argc {
                    store = Some(key(index + 1, 0));
                    index += 1;
                }
                index += 1;
            }
            keys.extend(store);
        }
        GetKeys::Xread => {
            let mut index = 1;
            let mut streams = None;
            while index < argc {
                if is(index, "block") || is(index, "count") {
                    index += 1;
                } else if is(index, "group") {
                    index += 2;
                } else if is(index, "streams") {
                    streams = Some(index);
                    break;
                } else if !is(index, "noack") {
                    break;
                }
                index += 1;
            }
            let Some(streams) = streams else { return keys };
            // Half are keys, half are ids.
            let count = argc - streams - 1;
            if count.is_multiple_of(2) {
                keys.extend((streams + 1..streams + 1 + count / 2).map(|index| key(index, 0)));
            }
        }
        GetKeys::Set => {
            let gets = (3..argc).any(|index| is(index, "get"));
            keys.push(key(1, if gets { RW | ACCESS | UPDATE } else { OW | UPDATE }));
        }
        GetKeys::Bitfield => {
            let mut reads_only = true;
            let mut index = 2;
            while index < argc {
                let rest = argc - index - 1;
                if is(index, "get") && rest >= 2 {
                    index += 3;
                } else if is(index, "overflow") && rest >= 1 {
                    index += 2;
                } else {
                    reads_only = false;
                    break;
                }
            }
            keys.push(key(1, if reads_only { RO | ACCESS } else { RW | ACCESS | UPDATE }));
        }
    }
    keys
}

/// What a command does with a channel (`CMD_CHANNEL_…`, server.h 7.0.15), as bits of [`ChannelRef::flags`].
pub mod channel_flags {
    /// The argument is a pattern.
    pub const PATTERN: u8 = 1;
    /// Subscribes.
    pub const SUBSCRIBE: u8 = 2;
    /// Unsubscribes.
    pub const UNSUBSCRIBE: u8 = 4;
    /// Publishes.
    pub const PUBLISH: u8 = 8;
}

/// One channel among a request's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRef {
    /// Which argument.
    pub index: usize,
    /// Bits of [`channel_flags`].
    pub flags: u8,
}

/// The request's channels (`getChannelsFromCommand`).
pub fn channels_of(id: CommandId, argc: usize) -> SmallVec<[ChannelRef; 2]> {
    use channel_flags::*;
    let (flags, all) = match id.name() {
        "subscribe" | "ssubscribe" => (SUBSCRIBE, true),
        "unsubscribe" | "sunsubscribe" => (UNSUBSCRIBE, true),
        "psubscribe" => (PATTERN | SUBSCRIBE, true),
        "punsubscribe" => (PATTERN | UNSUBSCRIBE, true),
        "publish" | "spublish" => (PUBLISH, false),
        _ => return SmallVec::new(),
    };
    let end = if all { argc } else { argc.min(2) };
    (1..end).map(|index| ChannelRef { index, flags }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str, by: impl Fn(CommandId, &[&str]) -> KeyRefs) -> Vec<String> {
        let args: Vec<&str> = line.split(' ').collect();
        let Resolved::Command(id) = resolve(args[0].as_bytes(), args.get(1).map(|arg| arg.as_bytes())) else {
            panic!("no command: {line}")
        };
        by(id, &args).into_iter().map(|key| args[key.index].to_string()).collect()
    }

    #[test]
    fn keys_are_found_both_ways() {
        for (line, keys) in [
            ("GET a", "a"),
            ("MSET a 1 b 2", "a b"),
            ("DEL a b c", "a b c"),
            ("LMOVE a b LEFT LEFT", "a b"),
            ("EVAL s 2 a b c", "a b"),
            ("ZUNION 2 a b WEIGHTS 1 2", "a b"),
            ("OBJECT ENCODING a", "a"),
            ("MEMORY USAGE a", "a"),
            ("XREAD COUNT 5 BLOCK 0 STREAMS a b 0 0", "a b"),
            ("XREADGROUP GROUP STREAMS c STREAMS a 0", "a"),
            ("SORT a BY w LIMIT 0 1 GET x STORE d", "a d"),
            ("SORT_RO a BY w", "a"),
            ("MIGRATE h 1 a 0 5", "a"),
            ("BLMPOP 0 2 a b LEFT", "a b"),
            ("SINTERCARD 2 a b LIMIT 0", "a b"),
            ("SET a 1 GET", "a"),
            ("BITFIELD a GET u8 0", "a"),
            ("BITOP AND d a b", "d a b"),
            ("GEORADIUS a 0 0 1 m STORE b", "a b"),
            ("PING", ""),
            ("EVAL s 5 a", ""),
        ] {
            assert_eq!(found(line, |id, args| keys_of(id, args)).join(" "), keys, "{line}, for routing");
            assert_eq!(
                found(line, |id, args| keys_and_flags_of(id, args)).join(" "),
                keys,
                "{line}, by specs"
            );
        }
        // The two ways differ in order here, as in Redis.
        assert_eq!(found("ZUNIONSTORE d 2 a b", |id, args| keys_of(id, args)).join(" "), "a b d");
        assert_eq!(found("ZUNIONSTORE d 2 a b", |id, args| keys_and_flags_of(id, args)).join(" "), "d a b");
        assert_eq!(found("XREAD STREAMS a b 0", |id, args| keys_of(id, args)).join(" "), "");
        assert_eq!(found("XREAD STREAMS a b 0", |id, args| keys_and_flags_of(id, args)).join(" "), "a");
        assert_eq!(found("SSUBSCRIBE a b", |id, args| keys_of(id, args)).join(" "), "a b");
        assert_eq!(found("SSUBSCRIBE a b", |id, args| keys_and_flags_of(id, args)).join(" "), "");
    }

    #[test]
    fn flags_follow_the_arguments_where_they_must() {
        let flags = |line: &str| {
            let args: Vec<&str> = line.split(' ').collect();
            keys_and_flags_of(lookup(args[0].as_bytes()).unwrap(), args.as_slice())[0].flags
        };
        assert_eq!(flags("SET a 1"), OW | UPDATE);
        assert_eq!(flags("SET a 1 GET"), RW | ACCESS | UPDATE);
        assert_eq!(flags("BITFIELD a GET u8 0 OVERFLOW SAT"), RO | ACCESS);
        assert_eq!(flags("BITFIELD a GET u8 0 SET u8 0 1"), RW | ACCESS | UPDATE);
        assert_eq!(flags("GET a"), RO | ACCESS);
    }

    #[test]
    fn channels() {
        let id = |name: &str| lookup(name.as_bytes()).unwrap();
        assert_eq!(channels_of(id("publish"), 3).len(), 1);
        assert_eq!(
            channels_of(id("psubscribe"), 3)[1].flags,
            channel_flags::PATTERN | channel_flags::SUBSCRIBE
        );
        assert!(channels_of(id("get"), 2).is_empty());
    }
}
