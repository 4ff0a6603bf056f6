//! COMMAND and its subcommands (server.c 7.0.15). What they say is in [`super::introspect`].

use super::introspect::{self, Filter};
use super::table::{self, CommandId};
use super::{Handlers, handler};
use crate::exec::{Done, Error, Exec};
use crate::store::glob;

pub(crate) const HANDLERS: Handlers = &[
    ("command", all),
    ("command|count", count),
    ("command|docs", docs),
    ("command|getkeys", |exec| get_keys(exec, false)),
    ("command|getkeysandflags", |exec| get_keys(exec, true)),
    ("command|help", help),
    ("command|info", info),
    ("command|list", list),
];

/// Whether clients are told of a command: it has code, or it is a container of which some part has.
fn visible(id: CommandId) -> bool {
    handler(id).is_some() || id.subs().any(|sub| handler(sub).is_some())
}

fn lookup_visible(name: &[u8]) -> Option<CommandId> {
    table::lookup_full(name).filter(|&id| visible(id))
}

/// `COMMAND`
fn all(exec: &mut Exec<'_>) -> Done {
    exec.reply.array(CommandId::top_level().filter(|&id| visible(id)).count());
    for id in CommandId::top_level().filter(|&id| visible(id)) {
        introspect::info(exec.reply, id, &visible);
    }
    Ok(())
}

/// `COMMAND COUNT`
fn count(exec: &mut Exec<'_>) -> Done {
    exec.reply.integer(CommandId::top_level().filter(|&id| visible(id)).count() as i64);
    Ok(())
}

/// `COMMAND INFO [name …]`
fn info(exec: &mut Exec<'_>) -> Done {
    let names = &exec.args[2..];
    if names.is_empty() {
        return all(exec);
    }
    exec.reply.array(names.len());
    for name in names {
        match lookup_visible(name) {
            Some(id) => introspect::info(exec.reply, id, &visible),
            None => exec.reply.null(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name …]`
fn docs(exec: &mut Exec<'_>) -> Done {
    let names = &exec.args[2..];
    let ids: Vec<CommandId> = if names.is_empty() {
        CommandId::top_level().filter(|&id| visible(id)).collect()
    } else {
        names.iter().filter_map(|name| lookup_visible(name)).collect()
    };
    exec.reply.map(ids.len());
    for id in ids {
        exec.reply.bulk_str(id.name());
        introspect::docs(exec.reply, id, &visible);
    }
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`
fn list(exec: &mut Exec<'_>) -> Done {
    let mut filter = Filter::None;
    for option in exec.args[2..].chunks(3) {
        filter = match option {
            // Redis takes FILTERBY only where exactly two arguments follow, so the last one counts.
            [word, kind, value] if word.eq_ignore_ascii_case(b"FILTERBY") && exec.args.len() == 5 => {
                if kind.eq_ignore_ascii_case(b"MODULE") {
                    Filter::Module
                } else if kind.eq_ignore_ascii_case(b"ACLCAT") {
                    Filter::Category(value)
                } else if kind.eq_ignore_ascii_case(b"PATTERN") {
                    Filter::Pattern(value)
                } else {
                    return Err(Error::SYNTAX);
                }
            }
            _ => return Err(Error::SYNTAX),
        };
    }
    introspect::list(exec.reply, filter, &visible, &|pattern, name| glob::matches(pattern, name, true));
    Ok(())
}

/// `COMMAND GETKEYS command [arg …]`, `COMMAND GETKEYSANDFLAGS command [arg …]`
fn get_keys(exec: &mut Exec<'_>, with_flags: bool) -> Done {
    introspect::get_keys(exec.reply, &exec.args[2..], with_flags, &visible);
    Ok(())
}

/// `COMMAND HELP`
fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "(no subcommand)",
            "    Return details about all Redis commands.",
            "COUNT",
            "    Return the total number of commands in this Redis server.",
            "LIST",
            "    Return a list of all commands in this Redis server.",
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "GETKEYS <full-command>",
            "    Return the keys from a full Redis command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    )
}
