//! Commands: what there is to know about each ([`table`]), and the code that runs it, one file per group.
//!
//! Every group's file lists its handlers by name; here they are joined with the table. A command of the table without a
//! handler does not exist for clients.

pub mod introspect;
pub mod table;

mod bitmap;
pub(crate) mod client;
mod cluster;
mod config;
mod connection;
pub(crate) mod debug;
mod generic;
mod hash;
mod info;
mod list;
mod memory;
mod meta;
mod migrate;
mod persistence;
mod pops;
mod pubsub;
mod random;
pub(crate) mod rename;
mod replication;
mod scan_args;
mod server;
mod set;
mod sort;
mod sort_range;
mod stream;
mod stream_group;
mod stream_info;
mod stream_read;
mod string;
mod transactions;
mod zset;
mod zset_combine;
mod zset_range;

use crate::exec::{Done, Error, Exec, Handler, notify};
use crate::resp::reply::printed;
use crate::store::Object;
use std::sync::OnceLock;
use table::CommandId;

/// Handlers of one group, by full name (`config|get`).
pub(crate) type Handlers = &'static [(&'static str, Handler)];

const GROUPS: &[Handlers] = &[
    bitmap::HANDLERS,
    cluster::HANDLERS,
    generic::HANDLERS,
    client::HANDLERS,
    config::HANDLERS,
    connection::HANDLERS,
    debug::HANDLERS,
    hash::HANDLERS,
    info::HANDLERS,
    list::HANDLERS,
    meta::HANDLERS,
    persistence::HANDLERS,
    memory::HANDLERS,
    migrate::HANDLERS,
    pubsub::HANDLERS,
    replication::HANDLERS,
    server::HANDLERS,
    set::HANDLERS,
    sort::HANDLERS,
    stream::HANDLERS,
    stream_group::HANDLERS,
    stream_info::HANDLERS,
    stream_read::HANDLERS,
    string::HANDLERS,
    transactions::HANDLERS,
    zset::HANDLERS,
    zset_combine::HANDLERS,
    zset_range::HANDLERS,
];

/// The code of a command, if this server has it.
pub fn handler(command: CommandId) -> Option<Handler> {
    static HANDLERS: OnceLock<Vec<Option<Handler>>> = OnceLock::new();
    let handlers = HANDLERS.get_or_init(|| {
        let mut handlers = vec![None; table::COUNT];
        for (name, handler) in GROUPS.iter().flat_map(|group| group.iter()) {
            if let Some(command) = table::lookup_full(name.as_bytes()) {
                handlers[command.index()] = Some(*handler);
            }
        }
        handlers
    });
    handlers[command.index()]
}

/// The error of a subcommand that was given what it cannot take (`addReplySubcommandSyntaxError`, networking.c 7.0.15).
pub(crate) fn bad_subcommand(exec: &Exec<'_>) -> Error {
    let name = exec.command.parent().unwrap_or(exec.command).name().to_ascii_uppercase();
    let sub = exec.args.get(1).copied().unwrap_or_default();
    let sub = printed(sub, 128);
    Error::quoting(
        "unknown subcommand or wrong number of arguments for '",
        sub,
        &format!("'. Try {name} HELP."),
    )
}

/// Puts a computed value under `key`, or deletes that key if there is none, for the commands that store what they found.
/// `event` and its class are published of the value, and it counts as `changes` changes.
pub(crate) fn store_or_delete(
    exec: &mut Exec<'_>,
    key: &[u8],
    value: Option<Object>,
    (class, event): (u32, &str),
    changes: u64,
) {
    if let Some(value) = value {
        exec.set(key, value);
        exec.notify(class, event, key);
        exec.dirty(changes);
    } else if exec.remove(key).is_some() {
        exec.modified(key);
        exec.notify(notify::GENERIC, "del", key);
        exec.dirty(1);
    }
}

/// Places from `start` to `stop`, both included and counted from the end if negative, as a range within `len`.
pub(crate) fn clip(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let start = if start < 0 { start.saturating_add(len).max(0) } else { start };
    let stop = if stop < 0 { stop.saturating_add(len) } else { stop }.min(len - 1);
    if start > stop || start >= len { 0..0 } else { start as usize..stop as usize + 1 }
}

/// The reply of a HELP subcommand (`addReplyHelp`, networking.c 7.0.15).
pub(crate) fn help(exec: &mut Exec<'_>, lines: &[&str]) -> Done {
    let name = exec.command.parent().unwrap_or(exec.command).name().to_ascii_uppercase();
    exec.reply.array(lines.len() + 3);
    exec.reply.status(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        exec.reply.status(line);
    }
    exec.reply.status("HELP");
    exec.reply.status("    Prints this help.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handler_belongs_to_one_command_of_the_table() {
        let mut names: Vec<&str> =
            GROUPS.iter().flat_map(|group| group.iter()).map(|(name, _)| *name).collect();
        for name in &names {
            assert!(table::lookup_full(name.as_bytes()).is_some(), "{name} is not in the table");
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a command has two handlers");
    }
}
