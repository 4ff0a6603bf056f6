//! What COMMAND tells: the command table as replies (server.c 7.0.15, `addReplyCommandInfo` and its neighbours).
//!
//! A command that has no code yet is in the table but not in these replies: `visible` says which are there, so that
//! clients that ask (redis-cli, cluster clients, proxies) never learn of one that would fail. Redis lists commands in
//! the order of a hash table with a random seed; here they come in the order of the table, so a run repeats.

use super::table::{
    self, ArgList, Begin, CommandId, DOC_DEPRECATED, DOC_SYSCMD, Find, KeySpec, acl, flags, key_flags,
};
use crate::resp::Reply;

/// Whether a command or subcommand has code behind it.
pub type Visible<'a> = &'a dyn Fn(CommandId) -> bool;

fn names<T: Copy + Into<u64>>(reply: &mut Reply, bits: T, names: &[(T, &'static str)], prefix: &str) {
    let bits = bits.into();
    let set = || names.iter().filter(|(bit, _)| bits & (*bit).into() != 0);
    reply.set(set().count());
    for (_, name) in set() {
        reply.status(&format!("{prefix}{name}"));
    }
}

fn key_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3 + usize::from(!spec.notes.is_empty()));
    if !spec.notes.is_empty() {
        reply.bulk_str("notes");
        reply.bulk_str(spec.notes);
    }
    reply.bulk_str("flags");
    names(reply, spec.flags, key_flags::NAMES, "");
    let part = |reply: &mut Reply, name: &str, kind: &str, fields: usize| {
        reply.bulk_str(name);
        reply.map(2);
        reply.bulk_str("type");
        reply.bulk_str(kind);
        reply.bulk_str("spec");
        reply.map(fields);
    };
    let number = |reply: &mut Reply, name: &str, n: i64| {
        reply.bulk_str(name);
        reply.integer(n);
    };
    match spec.begin {
        Begin::Unknown => part(reply, "begin_search", "unknown", 0),
        Begin::Index(index) => {
            part(reply, "begin_search", "index", 1);
            number(reply, "index", index.into());
        }
        Begin::Keyword(word, from) => {
            part(reply, "begin_search", "keyword", 2);
            reply.bulk_str("keyword");
            reply.bulk_str(word);
            number(reply, "startfrom", from.into());
        }
    }
    match spec.find {
        Find::Unknown => part(reply, "find_keys", "unknown", 0),
        Find::Range { last, step, limit } => {
            part(reply, "find_keys", "range", 3);
            number(reply, "lastkey", last.into());
            number(reply, "keystep", step.into());
            number(reply, "limit", limit.into());
        }
        Find::Keynum { index, first, step } => {
            part(reply, "find_keys", "keynum", 3);
            number(reply, "keynumidx", index.into());
            number(reply, "firstkey", first.into());
            number(reply, "keystep", step.into());
        }
    }
}

/// One command as COMMAND and COMMAND INFO show it.
pub fn info(reply: &mut Reply, id: CommandId, visible: Visible<'_>) {
    let spec = id.spec();
    reply.array(10);
    reply.bulk_str(spec.name);
    reply.integer(spec.arity.into());
    names(reply, id.flags(), flags::NAMES, "");
    let (first, last, step) = id.key_range();
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    names(reply, id.acl(), acl::NAMES, "@");
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk_str(tip));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|spec| key_spec(reply, spec));
    if id.is_container() {
        let subs: Vec<CommandId> = id.subs().filter(|&sub| visible(sub)).collect();
        reply.array(subs.len());
        subs.iter().for_each(|&sub| info(reply, sub, visible));
    } else {
        reply.set(0);
    }
}

fn arguments(reply: &mut Reply, args: &[table::Arg]) {
    reply.array(args.len());
    for arg in args {
        let flag_names =
            [(arg.optional, "optional"), (arg.multiple, "multiple"), (arg.multiple_token, "multiple_token")];
        let flags: Vec<&str> = flag_names.iter().filter(|(set, _)| *set).map(|&(_, name)| name).collect();
        let texts = [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)];
        let is_group = matches!(arg.kind, table::ArgType::OneOf | table::ArgType::Block);
        let fields = 2
            + usize::from(arg.key_spec.is_some())
            + texts.iter().filter(|(_, text)| text.is_some()).count()
            + usize::from(!flags.is_empty())
            + usize::from(is_group);
        reply.map(fields);
        reply.bulk_str("name");
        reply.bulk_str(&arg.name);
        reply.bulk_str("type");
        reply.bulk_str(arg.kind.name());
        if let Some(index) = arg.key_spec {
            reply.bulk_str("key_spec_index");
            reply.integer(index.into());
        }
        for (name, text) in texts {
            if let Some(text) = text {
                reply.bulk_str(name);
                reply.bulk_str(text);
            }
        }
        if !flags.is_empty() {
            reply.bulk_str("flags");
            reply.set(flags.len());
            flags.iter().for_each(|flag| reply.status(flag));
        }
        if is_group {
            reply.bulk_str("arguments");
            arguments(reply, &arg.args);
        }
    }
}

/// One command as COMMAND DOCS shows it, without its name.
pub fn docs(reply: &mut Reply, id: CommandId, visible: Visible<'_>) {
    let spec = id.spec();
    let map = reply.begin();
    let mut fields = 0;
    let mut text = |reply: &mut Reply, name: &str, text: &str| {
        if !text.is_empty() {
            reply.bulk_str(name);
            reply.bulk_str(text);
            fields += 1;
        }
    };
    text(reply, "summary", spec.summary);
    text(reply, "since", spec.since);
    text(reply, "group", spec.group.name());
    text(reply, "complexity", spec.complexity);
    if spec.doc_flags != 0 {
        reply.bulk_str("doc_flags");
        names(reply, spec.doc_flags, &[(DOC_DEPRECATED, "deprecated"), (DOC_SYSCMD, "syscmd")], "");
    }
    text(reply, "deprecated_since", spec.deprecated_since);
    text(reply, "replaced_by", spec.replaced_by);
    fields += usize::from(spec.doc_flags != 0);
    if !spec.history.is_empty() {
        reply.bulk_str("history");
        reply.set(spec.history.len());
        for (version, change) in spec.history {
            reply.array(2);
            reply.bulk_str(version);
            reply.bulk_str(change);
        }
        fields += 1;
    }
    if !spec.args.is_empty() {
        reply.bulk_str("arguments");
        arguments(reply, &table::parse_args(spec.args));
        fields += 1;
    }
    if id.is_container() {
        let subs: Vec<CommandId> = id.subs().filter(|&sub| visible(sub)).collect();
        reply.bulk_str("subcommands");
        reply.map(subs.len());
        for sub in subs {
            reply.bulk_str(sub.name());
            docs(reply, sub, visible);
        }
        fields += 1;
    }
    reply.end_map(map, fields);
}

/// COMMAND LIST's FILTERBY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    /// All commands.
    None,
    /// Those of a module; there are none.
    Module,
    /// Those of an ACL category, by name.
    Category(&'a [u8]),
    /// Those whose full name matches a glob-style pattern.
    Pattern(&'a [u8]),
}

/// COMMAND LIST. `matches` is the store's glob matcher, called with pattern and name, to compare in any case.
pub fn list(
    reply: &mut Reply,
    filter: Filter<'_>,
    visible: Visible<'_>,
    matches: &dyn Fn(&[u8], &[u8]) -> bool,
) {
    let accepts = |id: CommandId| match filter {
        Filter::None => true,
        Filter::Module => false,
        Filter::Category(name) => acl::by_name(name).is_some_and(|bit| id.acl() & bit != 0),
        Filter::Pattern(pattern) => matches(pattern, id.name().as_bytes()),
    };
    let begin = reply.begin();
    let mut count = 0;
    for id in CommandId::top_level().filter(|&id| visible(id)) {
        for id in std::iter::once(id).chain(id.subs().filter(|&sub| visible(sub))).filter(|&id| accepts(id)) {
            reply.bulk_str(id.name());
            count += 1;
        }
    }
    reply.end_array(begin, count);
}

/// COMMAND GETKEYS and GETKEYSANDFLAGS; `request` is the request asked about.
pub fn get_keys<A: ArgList + ?Sized>(reply: &mut Reply, request: &A, with_flags: bool, visible: Visible<'_>) {
    let second = (request.argc() > 1).then(|| request.arg(1));
    let id = match table::resolve(request.arg(0), second) {
        table::Resolved::Command(id) if visible(id) => id,
        _ => return reply.error("Invalid command specified"),
    };
    if !table::may_have_keys(id) {
        return reply.error("The command has no key arguments");
    }
    if !id.takes(request.argc()) {
        return reply.error("Invalid number of arguments specified for command");
    }
    let keys = table::keys_and_flags_of(id, request);
    if keys.is_empty() && !id.has(flags::NO_MANDATORY_KEYS) {
        return reply.error("Invalid arguments specified for command");
    }
    reply.array(keys.len());
    for key in keys {
        if with_flags {
            reply.array(2);
        }
        reply.bulk(request.arg(key.index));
        if with_flags {
            names(reply, key.flags, key_flags::NAMES, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Decoder, Value};

    fn text(proto: u8, write: impl Fn(&mut Reply)) -> String {
        let mut reply = Reply::new(proto);
        write(&mut reply);
        let mut decoder = Decoder::new();
        decoder.feed(reply.as_bytes());
        let mut out = String::new();
        while let Some(value) = decoder.next().unwrap() {
            out += &value.to_string();
        }
        assert_eq!(decoder.buffered(), 0, "whole replies");
        out
    }

    #[test]
    fn one_command_as_the_real_server_tells_it() {
        // COMMAND INFO GETEX under RESP3, but for the note's wording.
        let id = table::lookup(b"getex").unwrap();
        let lines = text(3, |reply| info(reply, id, &|_| true));
        let expected = [
            " 1) \"getex\"",
            " 2) (integer) -2",
            " 3) 1~ write",
            "    2~ fast",
            " 4) (integer) 1",
            " 5) (integer) 1",
            " 6) (integer) 1",
            " 7) 1~ @write",
            "    2~ @string",
            "    3~ @fast",
            " 8) (empty set)",
        ];
        assert_eq!(lines.lines().take(expected.len()).collect::<Vec<_>>(), expected);
        assert!(lines.contains("\"spec\" => 1# \"index\" => (integer) 1\n"), "{lines}");
        assert!(lines.ends_with("10) (empty set)\n"), "{lines}");
    }

    #[test]
    fn every_reply_is_whole_in_both_versions() {
        for proto in [2, 3] {
            for id in CommandId::all() {
                text(proto, |reply| info(reply, id, &|_| true));
                let docs = text(proto, |reply| docs(reply, id, &|_| true));
                assert!(docs.contains("\"since\""), "{docs}");
            }
        }
    }

    #[test]
    fn commands_without_code_stay_hidden() {
        let get = table::lookup(b"get").unwrap();
        let config = table::lookup(b"config").unwrap();
        let visible = |id: CommandId| id == get || id == config;
        let matches = |_: &[u8], _: &[u8]| true;
        assert_eq!(
            text(2, |reply| list(reply, Filter::None, &visible, &matches)),
            "1) \"get\"\n2) \"config\"\n"
        );
        assert_eq!(text(2, |reply| list(reply, Filter::Module, &visible, &matches)), "(empty array)\n");
        assert_eq!(
            text(2, |reply| list(reply, Filter::Category(b"STRING"), &visible, &matches)),
            "1) \"get\"\n"
        );
        assert_eq!(
            text(2, |reply| get_keys(reply, &["CONFIG", "GET", "x"][..], false, &visible)),
            "(error) ERR Invalid command specified\n"
        );
        assert_eq!(text(2, |reply| get_keys(reply, &["GET", "x"][..], false, &visible)), "1) \"x\"\n");
        let mut reply = Reply::new(2);
        info(&mut reply, config, &visible);
        let mut decoder = Decoder::new();
        decoder.feed(reply.as_bytes());
        let Ok(Some(Value::Array(fields))) = decoder.next() else { panic!() };
        assert_eq!(fields[9], Value::Array(vec![]));
    }
}
