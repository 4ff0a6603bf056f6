//! What redis-cli tells of commands: `help`, and the hints behind what is being typed (`cliOutputHelp`, `hintsCallback`,
//! redis-cli.c 7.0.15). It makes both of COMMAND DOCS; here they come straight from the table that COMMAND DOCS is made of.

use crate::command::handler;
use crate::command::table::{Arg, ArgType, CommandId, lookup, parse_args};

/// What `help` alone says.
const GENERIC: &str = "redis-cli 7.0.15
To get help about Redis commands type:
      \"help @<group>\" to get a list of commands in <group>
      \"help <command>\" for help on <command>
      \"help <tab>\" to get a list of possible help topics
      \"quit\" to end the connection

Here besides:
      \"redis-cli --cluster help\" for what is done to a whole cluster
      \":help\" for the language that breaks things and moves time";

/// The commands and subcommands that have code, by their full names.
pub fn commands() -> Vec<CommandId> {
    let is_there = |id: &CommandId| handler(*id).is_some() || id.subs().any(|sub| handler(sub).is_some());
    let mut all: Vec<CommandId> = CommandId::all().filter(is_there).collect();
    // A blank comes before all letters, `|` after them.
    all.sort_by_key(|id| id.name().replace('|', " "));
    all
}

/// The name as it is typed, in capitals: `CONFIG GET`.
pub fn name(id: CommandId) -> String {
    id.name().replace('|', " ").to_ascii_uppercase()
}

/// The arguments of a command as redis-cli shows them: `key value [NX|XX] [GET]` (`cliConcatArguments`).
pub fn params(id: CommandId) -> String {
    pieces(id).join(" ")
}

/// The same, one by one.
pub fn pieces(id: CommandId) -> Vec<String> {
    let piece = |arg: &Arg| {
        let mut out = String::new();
        argument(&mut out, arg);
        out
    };
    parse_args(id.spec().args).iter().map(piece).collect()
}

fn concat(out: &mut String, args: &[Arg], between: &str) {
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        argument(out, arg);
    }
}

/// `cliAddArgument`.
fn argument(out: &mut String, arg: &Arg) {
    let or_quotes = |text: &str| if text.is_empty() { "\"\"".to_string() } else { text.to_string() };
    let mut repeated = String::new();
    match arg.kind {
        ArgType::PureToken => {}
        ArgType::OneOf => concat(&mut repeated, &arg.args, "|"),
        ArgType::Block => concat(&mut repeated, &arg.args, " "),
        _ => repeated = or_quotes(&arg.name),
    }
    let mut token = arg.token.map(or_quotes).unwrap_or_default();
    if !token.is_empty() && arg.kind != ArgType::PureToken {
        token.push(' ');
    }
    let (open, close) = if arg.optional { ("[", "]") } else { ("", "") };
    out.push_str(open);
    out.push_str(&token);
    out.push_str(&repeated);
    if arg.multiple {
        out.push_str(" [");
        if arg.multiple_token {
            out.push_str(&token);
        }
        out.push_str(&repeated);
        out.push_str(" ...]");
    }
    out.push_str(close);
}

fn entry(id: CommandId, with_group: bool) -> String {
    let spec = id.spec();
    let mut text =
        format!("\n  {} {}\n  summary: {}\n  since: {}\n", name(id), params(id), spec.summary, spec.since);
    if with_group {
        text.push_str(&format!("  group: {}\n", spec.group.name()));
    }
    text
}

/// What `help` prints with these arguments behind it.
pub fn help(args: &[Vec<u8>]) -> String {
    let Some(first) = args.first() else { return GENERIC.to_string() };
    let mut out = String::new();
    if let Some(group) = first.strip_prefix(b"@") {
        for id in commands() {
            if id.spec().group.name().as_bytes().eq_ignore_ascii_case(group) {
                out.push_str(&entry(id, false));
            }
        }
        return out;
    }
    for id in commands() {
        let words: Vec<&str> = id.name().split('|').collect();
        let is_asked = |(word, arg): (&&str, &Vec<u8>)| word.as_bytes().eq_ignore_ascii_case(arg);
        if args.len() <= words.len() && words.iter().zip(args).all(is_asked) {
            out.push_str(&entry(id, true));
        }
    }
    out
}

/// The command that a line begins with, as far as it is typed, and how many of its arguments are its name.
pub fn command_of(args: &[Vec<u8>]) -> Option<(CommandId, usize)> {
    let id = lookup(args.first()?)?;
    let sub = args.get(1).and_then(|word| {
        id.subs().find(|sub| {
            sub.name().split_once('|').is_some_and(|(_, name)| name.as_bytes().eq_ignore_ascii_case(word))
        })
    });
    Some(sub.map_or((id, 1), |sub| (sub, 2)))
}

/// What redis-cli shows in grey behind a line: the arguments of its command that are not typed yet. `args` are those of the line, and
/// `ends_in_blank` says whether the last one is complete.
pub fn hint(args: &[Vec<u8>], ends_in_blank: bool) -> Option<String> {
    let (id, words) = command_of(args)?;
    let params = params(id);
    let mut rest = params.as_str();
    for _ in words..args.len() {
        // What is optional stays as it is: redis-cli does not guess which of it was typed.
        match rest.find([' ', '[']) {
            Some(at) if rest[at..].starts_with(' ') => rest = &rest[at + 1..],
            Some(at) => rest = &rest[at..],
            None => rest = "",
        }
        if rest.starts_with('[') {
            break;
        }
    }
    Some(if ends_in_blank { rest.to_string() } else { format!(" {rest}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::split_args;

    fn hint_of(line: &str) -> Option<String> {
        hint(&split_args(line.as_bytes()).unwrap(), line.ends_with(' '))
    }

    /// As redis-cli 7.0.15 shows them.
    #[test]
    fn arguments_are_written_as_redis_cli_writes_them() {
        for (command, text) in [
            ("get", "key"),
            (
                "set",
                "key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
            ),
            ("mset", "key value [key value ...]"),
            ("blpop", "key [key ...] timeout"),
            ("zadd", "key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]"),
            ("ping", "[message]"),
            ("multi", ""),
            (
                "sort",
                "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] [STORE destination]",
            ),
        ] {
            assert_eq!(params(lookup(command.as_bytes()).unwrap()), text, "{command}");
        }
    }

    #[test]
    fn hints_leave_out_what_is_typed() {
        assert_eq!(hint_of(""), None);
        assert_eq!(hint_of("nonsense"), None);
        assert_eq!(hint_of("get").unwrap(), " key");
        assert_eq!(hint_of("get ").unwrap(), "key");
        assert_eq!(hint_of("get a").unwrap(), " ");
        assert_eq!(hint_of("blpop a ").unwrap(), "[key ...] timeout");
        assert_eq!(hint_of("lrange a ").unwrap(), "start stop");
        assert_eq!(hint_of("LRANGE a 0 ").unwrap(), "stop");
        assert_eq!(hint_of("config get ").unwrap(), "parameter [parameter ...]");
        assert_eq!(hint_of("mset a b c ").unwrap(), "[key value ...]");
    }

    #[test]
    fn help_describes_a_command_a_container_and_a_group() {
        let help_of = |line: &str| help(&split_args(line.as_bytes()).unwrap());
        let get = help_of("get");
        assert!(get.starts_with("\n  GET key\n  summary: "), "{get}");
        assert!(get.ends_with("\n  since: 1.0.0\n  group: string\n"), "{get}");
        let config = help_of("config");
        assert!(
            config.contains("\n  CONFIG GET parameter") && config.contains("\n  CONFIG SET "),
            "{config}"
        );
        assert!(help_of("@list").contains("\n  BLPOP key [key ...] timeout\n"));
        assert!(!help_of("@list").contains("group:"));
        assert_eq!(help_of("nonsense"), "");
        assert!(help_of("").contains("help @<group>"));
    }
}
