//! MIGRATE: reading its arguments. What it does is a matter of the node, which waits for another server (`node::migrate`).

use super::Handlers;
use crate::exec::{Done, Error, Exec};
use crate::node::client::own;
use crate::node::migrate::MigrateRequest;

pub(super) const HANDLERS: Handlers = &[("migrate", migrate)];

/// MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] [KEYS key …]
fn migrate(exec: &mut Exec<'_>) -> Done {
    let (mut copy, mut replace, mut auth) = (false, false, None);
    let mut keys = &exec.args[3..4];
    let mut at = 6;
    while at < exec.args.len() {
        let more = exec.args.len() - 1 - at;
        if exec.arg_is(at, "copy") {
            copy = true;
        } else if exec.arg_is(at, "replace") {
            replace = true;
        } else if exec.arg_is(at, "auth") && more >= 1 {
            auth = Some(own(&exec.args[at + 1..=at + 1]));
            at += 1;
        } else if exec.arg_is(at, "auth2") && more >= 2 {
            auth = Some(own(&exec.args[at + 1..=at + 2]));
            at += 2;
        } else if exec.arg_is(at, "keys") {
            if !exec.args[3].is_empty() {
                return Err(Error::fixed(
                    "When using MIGRATE KEYS option, the key argument must be set to the empty string",
                ));
            }
            keys = &exec.args[at + 1..];
            break;
        } else {
            return Err(Error::SYNTAX);
        }
        at += 1;
    }
    let timeout_ms = match exec.integer(5)? {
        ..=0 => 1000,
        ms => ms,
    };
    let to_db = exec.integer(4)?;
    let keys: Vec<Box<[u8]>> =
        keys.iter().filter(|key| exec.read(key).is_some()).map(|key| Box::from(*key)).collect();
    if keys.is_empty() {
        exec.reply.status("NOKEY");
        return Ok(());
    }
    if exec.node.in_exec {
        // The node waits for the target between two commands; a transaction has no such place.
        return Err(Error::fixed("MIGRATE is not possible inside a transaction on this server"));
    }
    let target = (exec.args[1].into(), exec.args[2].into());
    let request = MigrateRequest { target, to_db, timeout_ms, copy, replace, auth, keys };
    exec.node.start_migration(exec.client, exec.db, request);
    Ok(())
}
