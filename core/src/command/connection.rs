//! AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT (networking.c, server.c, acl.c, db.c 7.0.15).

use super::Handlers;
use crate::config::REDIS_VERSION;
use crate::exec::{Done, Error, Exec};
use crate::node::client::{ClientId, ReplyMode, Role};
use crate::store::num;

pub(crate) const HANDLERS: Handlers = &[
    ("auth", auth),
    ("echo", echo),
    ("hello", hello),
    ("ping", ping),
    ("quit", quit),
    ("reset", reset),
    ("select", select),
];

const WRONG_PASSWORD: Error = Error::fixed("-WRONGPASS invalid username-password pair or user is disabled.");

/// Compares two secrets in a time that depends on their lengths alone (`time_independent_strcmp`, acl.c 7.0.15).
fn same_secret(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y));
    difference == 0 && a.len() == b.len()
}

/// Whether a name and a password are those of a user. There is the one user `default`.
fn authenticate(exec: &mut Exec<'_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let right = match &exec.config().requirepass {
        Some(wanted) => same_secret(wanted, password),
        None => true,
    };
    if user != b"default" || !right {
        return Err(WRONG_PASSWORD);
    }
    if let Some(client) = exec.client_mut() {
        client.authenticated = true;
    }
    Ok(())
}

/// `AUTH [user] password`
fn auth(exec: &mut Exec<'_>) -> Done {
    match *exec.args {
        [_, password] => {
            if exec.config().requirepass.is_none() {
                return Err(Error::fixed(
                    "AUTH <password> called without any password configured for the default user. Are you sure your \
                     configuration is correct?",
                ));
            }
            authenticate(exec, b"default", password)?;
        }
        [_, user, password] => authenticate(exec, user, password)?,
        _ => return Err(Error::SYNTAX),
    }
    exec.reply.ok();
    Ok(())
}

/// `ECHO message`
fn echo(exec: &mut Exec<'_>) -> Done {
    exec.reply.bulk(exec.args[1]);
    Ok(())
}

/// `PING [message]`; a subscriber of RESP2 gets an array, which it can tell from a message.
fn ping(exec: &mut Exec<'_>) -> Done {
    if exec.args.len() > 2 {
        return Err(Error::arity("ping"));
    }
    let message = exec.args.get(1).copied();
    if !exec.reply.is_resp3() && exec.client().is_some_and(|client| client.subscribed()) {
        exec.reply.array(2);
        exec.reply.bulk(b"pong");
        exec.reply.bulk(message.unwrap_or_default());
        return Ok(());
    }
    match message {
        Some(message) => exec.reply.bulk(message),
        None => exec.reply.status("PONG"),
    }
    Ok(())
}

/// `QUIT`
fn quit(exec: &mut Exec<'_>) -> Done {
    exec.reply.ok();
    if let Some(client) = exec.client_mut() {
        client.close_after_reply = true;
    }
    Ok(())
}

/// `SELECT index`
fn select(exec: &mut Exec<'_>) -> Done {
    let index = num::parse_i64(exec.args[1]).ok_or(Error::NOT_INTEGER)?;
    if i32::try_from(index).is_err() {
        return Err(Error::fixed("value is out of range, value must between -2147483648 and 2147483647"));
    }
    if exec.config().cluster_enabled && index != 0 {
        return Err(Error::fixed("SELECT is not allowed in cluster mode"));
    }
    let index = usize::try_from(index)
        .ok()
        .filter(|index| *index < exec.node.dbs.len())
        .ok_or(Error::fixed("DB index is out of range"))?;
    if let Some(client) = exec.client_mut() {
        client.db = index;
    }
    exec.db = index;
    exec.reply.ok();
    Ok(())
}

/// Gives a client a name, if it is one: no blanks and nothing unprintable.
pub(super) fn set_name(exec: &mut Exec<'_>, name: &[u8]) -> Result<(), Error> {
    if name.iter().any(|byte| !(b'!'..=b'~').contains(byte)) {
        return Err(Error::fixed("Client names cannot contain spaces, newlines or special characters."));
    }
    if let Some(client) = exec.client_mut() {
        client.name = name.into();
    }
    Ok(())
}

fn set_proto(exec: &mut Exec<'_>, proto: u8) {
    exec.reply.set_proto(proto);
    if let Some(client) = exec.client_mut() {
        client.reply.set_proto(proto);
    }
}

/// `HELLO [version [AUTH user password] [SETNAME name]]`
fn hello(exec: &mut Exec<'_>) -> Done {
    let mut version = None;
    if let Some(text) = exec.args.get(1) {
        let number =
            num::parse_i64(text).ok_or(Error::fixed("Protocol version is not an integer or out of range"))?;
        if !(2..=3).contains(&number) {
            return Err(Error::fixed("-NOPROTO unsupported protocol version"));
        }
        version = Some(number as u8);
    }
    let mut options = exec.args.get(2..).unwrap_or_default();
    while let Some(option) = options.first() {
        match options {
            [_, user, password, rest @ ..] if option.eq_ignore_ascii_case(b"auth") => {
                authenticate(exec, user, password)?;
                options = rest;
            }
            [_, name, rest @ ..] if option.eq_ignore_ascii_case(b"setname") => {
                set_name(exec, name)?;
                options = rest;
            }
            _ => {
                return Err(Error::quoting("Syntax error in HELLO option '", option, "'"));
            }
        }
    }
    if exec.client().is_some_and(|client| !client.authenticated) {
        return Err(Error::fixed(
            "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(version) = version {
        set_proto(exec, version);
    }
    let mode = if exec.config().cluster_enabled { "cluster" } else { "standalone" };
    let role = if exec.node.is_replica() { "replica" } else { "master" };
    let (proto, id) = (i64::from(exec.reply.proto()), exec.client as i64);
    let reply = &mut *exec.reply;
    reply.map(7);
    reply.bulk_str("server");
    reply.bulk_str("redis");
    reply.bulk_str("version");
    reply.bulk_str(REDIS_VERSION);
    reply.bulk_str("proto");
    reply.integer(proto);
    reply.bulk_str("id");
    reply.integer(id);
    reply.bulk_str("mode");
    reply.bulk_str(mode);
    reply.bulk_str("role");
    reply.bulk_str(role);
    reply.bulk_str("modules");
    reply.empty_array();
    Ok(())
}

/// `RESET`: the connection is as if it had just been made (`clearClientConnectionState`).
fn reset(exec: &mut Exec<'_>) -> Done {
    let id: ClientId = exec.client;
    if exec.client().is_some_and(|client| !matches!(client.role, Role::Normal)) {
        return Err(Error::fixed("can only reset normal client connections"));
    }
    exec.node.monitors.retain(|&monitor| monitor != id);
    exec.node.discard_transaction(id);
    exec.node.unsubscribe_everything(id);
    set_proto(exec, 2);
    let authenticated = exec.config().requirepass.is_none();
    if let Some(client) = exec.client_mut() {
        client.monitor = false;
        client.db = 0;
        client.name = Box::default();
        client.authenticated = authenticated;
        client.readonly = false;
        client.asking = false;
        client.no_evict = false;
        client.reply_mode = ReplyMode::On;
    }
    exec.reply.status("RESET");
    Ok(())
}
