//! CLIENT: who is connected, and what a connection may ask for itself (networking.c 7.0.15).

use super::{Handlers, connection};
use crate::exec::{Done, Error, Exec};
use crate::node::Node;
use crate::node::client::{Blocked, Client, ClientId, ReplyMode, Role};
use crate::node::pause::Purpose;
use crate::resp::reply::Reply;
use crate::store::num;

pub(crate) const HANDLERS: Handlers = &[
    ("client|id", id),
    ("client|info", info),
    ("client|list", list),
    ("client|getname", getname),
    ("client|setname", setname),
    ("client|kill", kill),
    ("client|pause", pause),
    ("client|unpause", unpause),
    ("client|reply", reply),
    ("client|no-evict", no_evict),
    ("client|unblock", unblock),
    ("client|caching", caching),
    ("client|getredir", getredir),
    ("client|trackinginfo", trackinginfo),
    ("client|help", help),
];

/// What Redis counts for the fixed part of a client: the struct and its 16 KiB reply buffer.
const CLIENT_BASE_LEN: usize = 1800;
const REPLY_BUFFER_LEN: usize = 16 << 10;
/// A watched key in its client's list (`watchedKey` and `listNode`); the key itself is the database's.
const WATCHED_KEY_LEN: usize = 80;
/// A channel or a pattern in its client's table.
const SUBSCRIPTION_LEN: usize = 32;

/// The classes that CLIENT LIST and CLIENT KILL know (`getClientType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientType {
    Normal,
    Replica,
    Pubsub,
    Master,
}

impl ClientType {
    fn by_name(name: &[u8]) -> Result<ClientType, Error> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(ClientType::Normal),
            b"slave" | b"replica" => Ok(ClientType::Replica),
            b"pubsub" => Ok(ClientType::Pubsub),
            b"master" => Ok(ClientType::Master),
            _ => Err(Error::quoting("Unknown client type '", name, "'")),
        }
    }

    pub(crate) fn of(client: &Client) -> ClientType {
        match client.role {
            Role::Master => ClientType::Master,
            Role::Replica(_) => ClientType::Replica,
            Role::Normal if client.subscribed() => ClientType::Pubsub,
            Role::Normal => ClientType::Normal,
        }
    }
}

/// Bytes that a client takes, about as Redis counts them (`getClientMemoryUsage`).
pub(crate) fn client_memory(client: &Client) -> usize {
    let multi = client.multi.as_ref().map_or(0, |multi| multi.memory);
    CLIENT_BASE_LEN
        + REPLY_BUFFER_LEN
        + client.query.len()
        + client.reply.len()
        + client.in_flight
        + client.name.len()
        + multi
        + client.watched.len() * WATCHED_KEY_LEN
        + (client.channels.len() + client.patterns.len() + client.shard_channels.len()) * SUBSCRIPTION_LEN
}

/// The letters that say what a client is and does.
fn flag_letters(client: &Client) -> String {
    let is = |condition: bool, letter: char| condition.then_some(letter);
    let letters: String = [
        is(client.monitor, 'O'),
        is(matches!(client.role, Role::Replica(_)), 'S'),
        is(client.is_master(), 'M'),
        is(client.subscribed(), 'P'),
        is(client.multi.is_some(), 'x'),
        is(client.blocked.is_some(), 'b'),
        is(client.cas_dirty, 'd'),
        is(client.close_after_reply && !client.close_asap, 'c'),
        is(client.close_asap, 'A'),
        is(client.listener == crate::host::Listener::Unix, 'U'),
        is(client.readonly, 'r'),
        is(client.no_evict, 'e'),
    ]
    .into_iter()
    .flatten()
    .collect();
    if letters.is_empty() { "N".to_string() } else { letters }
}

/// What of the client whose command runs is not in its place meanwhile.
struct Running<'a> {
    reply: &'a Reply,
    /// Bytes of the query buffer from the running command on.
    query: usize,
    /// Bytes of the arguments.
    args: usize,
}

/// A client in one line (`catClientInfoString`). `now_s` is the wall clock in seconds.
fn describe(client: &Client, now_s: i64, running: Option<Running<'_>>) -> String {
    let reply = running.as_ref().map_or(&client.reply, |running| running.reply);
    let query = client.query.len() + running.as_ref().map_or(0, |running| running.query);
    let in_buffer = reply.len().min(REPLY_BUFFER_LEN);
    let waiting = reply.len() - in_buffer + client.in_flight;
    let multi = client.multi.as_ref().map_or(-1, |multi| multi.commands.len() as i64);
    let multi_memory = client.multi.as_ref().map_or(0, |multi| multi.memory);
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} \
         qbuf={} qbuf-free={} argv-mem={} multi-mem={multi_memory} rbs={REPLY_BUFFER_LEN} rbp={in_buffer} \
         obl={in_buffer} oll={} omem={waiting} tot-mem={} events={} cmd={} user=default redir=-1 resp={}",
        client.id,
        client.peer,
        client.local,
        client.id + 7,
        String::from_utf8_lossy(&client.name),
        now_s - client.created_s,
        now_s - client.last_interaction_s,
        flag_letters(client),
        client.db,
        client.channels.len(),
        client.patterns.len(),
        client.shard_channels.len(),
        query,
        client.query.capacity() - client.query.len(),
        running.as_ref().map_or(0, |running| running.args),
        usize::from(waiting > 0),
        client_memory(client) + running.as_ref().map_or(0, |running| running.query),
        if client.in_flight > 0 { "rw" } else { "r" },
        client.last_command,
        reply.proto(),
    )
}

impl Node {
    /// A client in one line, as CLIENT LIST and the log show it; empty if there is no such client.
    pub(crate) fn describe_client(&self, id: ClientId) -> String {
        self.clients.get(&id).map_or_else(String::new, |client| describe(client, self.now.wall_s(), None))
    }
}

fn line(exec: &Exec<'_>, client: &Client) -> String {
    let running = (client.id == exec.client).then(|| Running {
        reply: &*exec.reply,
        query: exec.node.current_query.0,
        args: exec.args.iter().map(|arg| arg.len()).sum(),
    });
    describe(client, exec.node.now.wall_s(), running) + "\n"
}

/// `CLIENT ID`
fn id(exec: &mut Exec<'_>) -> Done {
    exec.reply.integer(exec.client as i64);
    Ok(())
}

/// `CLIENT INFO`
fn info(exec: &mut Exec<'_>) -> Done {
    let text = exec.client().map_or_else(String::new, |client| line(exec, client));
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `CLIENT LIST [TYPE type | ID id …]`
fn list(exec: &mut Exec<'_>) -> Done {
    let mut wanted = None;
    let mut ids = None;
    if exec.args.len() == 4 && exec.arg_is(2, "type") {
        wanted = Some(ClientType::by_name(exec.args[3])?);
    } else if exec.args.len() > 3 && exec.arg_is(2, "id") {
        let mut given = Vec::new();
        for text in &exec.args[3..] {
            given.push(num::parse_i64(text).ok_or(Error::fixed("Invalid client ID"))? as ClientId);
        }
        ids = Some(given);
    } else if exec.args.len() != 2 {
        return Err(Error::SYNTAX);
    }
    let clients = &exec.node.clients;
    let text: String = match ids {
        Some(ids) => ids.iter().filter_map(|id| clients.get(id)).map(|client| line(exec, client)).collect(),
        None => clients
            .values()
            .filter(|client| wanted.is_none_or(|wanted| ClientType::of(client) == wanted))
            .map(|client| line(exec, client))
            .collect(),
    };
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `CLIENT GETNAME`
fn getname(exec: &mut Exec<'_>) -> Done {
    let name = exec.client().map(|client| client.name.clone()).filter(|name| !name.is_empty());
    exec.reply.bulk_or_null(name.as_deref());
    Ok(())
}

/// `CLIENT SETNAME name`
fn setname(exec: &mut Exec<'_>) -> Done {
    connection::set_name(exec, exec.args[2])?;
    exec.reply.ok();
    Ok(())
}

/// Which clients CLIENT KILL means.
#[derive(Default)]
struct Filter<'a> {
    peer: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    kind: Option<ClientType>,
    id: Option<ClientId>,
}

impl Filter<'_> {
    fn matches(&self, client: &Client) -> bool {
        self.peer.is_none_or(|peer| client.peer.as_bytes() == peer)
            && self.local.is_none_or(|local| client.local.as_bytes() == local)
            && self.kind.is_none_or(|kind| ClientType::of(client) == kind)
            && self.id.is_none_or(|id| client.id == id)
    }
}

/// `CLIENT KILL address | [ID id] [TYPE type] [ADDR address] [LADDR address] [USER name] [SKIPME yes|no] …`
fn kill(exec: &mut Exec<'_>) -> Done {
    let args = exec.args;
    let mut filter = Filter::default();
    let mut skip_me = true;
    let old_form = args.len() == 3;
    if old_form {
        filter.peer = Some(args[2]);
        skip_me = false;
    } else {
        let mut rest = &args[2..];
        while let [option, value, tail @ ..] = rest {
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let number = num::parse_i64(value).filter(|id| *id >= 1);
                    let number = number.ok_or(Error::fixed("client-id should be greater than 0"))?;
                    filter.id = Some(number as ClientId);
                }
                b"type" => filter.kind = Some(ClientType::by_name(value)?),
                b"addr" => filter.peer = Some(value),
                b"laddr" => filter.local = Some(value),
                b"user" if *value == b"default" => {}
                b"user" => {
                    return Err(Error::quoting("No such user '", value, "'"));
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => skip_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => skip_me = false,
                _ => return Err(Error::SYNTAX),
            }
            rest = tail;
        }
        if !rest.is_empty() || args.len() < 4 {
            return Err(Error::SYNTAX);
        }
    }
    let me = exec.client;
    let victims: Vec<ClientId> = exec
        .node
        .clients
        .values()
        .filter(|client| filter.matches(client) && !(skip_me && client.id == me))
        .map(|client| client.id)
        .collect();
    if old_form {
        if victims.is_empty() {
            return Err(Error::fixed("No such client"));
        }
        exec.reply.ok();
    } else {
        exec.reply.integer(victims.len() as i64);
    }
    for victim in victims {
        if victim != me {
            exec.node.close_client(victim);
        } else if let Some(client) = exec.client_mut() {
            client.close_after_reply = true;
        }
    }
    Ok(())
}

/// `CLIENT PAUSE milliseconds [WRITE|ALL]`
fn pause(exec: &mut Exec<'_>) -> Done {
    let writes_only = match exec.args.get(3) {
        None => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"all") => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"write") => true,
        Some(_) => return Err(Error::fixed("CLIENT PAUSE mode must be WRITE or ALL")),
    };
    if exec.args.len() > 4 {
        return Err(super::bad_subcommand(exec));
    }
    let timeout_ms =
        num::parse_i64(exec.args[2]).ok_or(Error::fixed("timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::fixed("timeout is negative"));
    }
    let until_ms = exec.now_ms().checked_add(timeout_ms).ok_or(Error::fixed("timeout is out of range"))?;
    exec.node.pause_clients(Purpose::Command, until_ms, writes_only);
    exec.reply.ok();
    Ok(())
}

/// `CLIENT UNPAUSE`
fn unpause(exec: &mut Exec<'_>) -> Done {
    exec.reply.ok();
    exec.node.end_pause(Purpose::Command);
    Ok(())
}

/// `CLIENT REPLY ON|OFF|SKIP`
fn reply(exec: &mut Exec<'_>) -> Done {
    let mode = match exec.args[2].to_ascii_lowercase().as_slice() {
        b"on" => ReplyMode::On,
        b"off" => ReplyMode::Off,
        b"skip" => ReplyMode::SkipNext,
        _ => return Err(Error::SYNTAX),
    };
    if let Some(client) = exec.client_mut()
        && !(mode == ReplyMode::SkipNext && client.reply_mode == ReplyMode::Off)
    {
        client.reply_mode = mode;
    }
    if mode == ReplyMode::On {
        exec.reply.ok();
    }
    Ok(())
}

/// `CLIENT NO-EVICT ON|OFF`
fn no_evict(exec: &mut Exec<'_>) -> Done {
    let on = match exec.args[2].to_ascii_lowercase().as_slice() {
        b"on" => true,
        b"off" => false,
        _ => return Err(Error::SYNTAX),
    };
    if let Some(client) = exec.client_mut() {
        client.no_evict = on;
    }
    exec.reply.ok();
    Ok(())
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`
fn unblock(exec: &mut Exec<'_>) -> Done {
    let with_error = match exec.args.get(3) {
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"timeout") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"error") => true,
        Some(_) => return Err(Error::fixed("CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    if exec.args.len() > 4 {
        return Err(super::bad_subcommand(exec));
    }
    let target = exec.integer(2)? as ClientId;
    // As in Redis, only waits that have a time limit can be ended: for keys and for replicas.
    let waits = exec.node.clients.get(&target).is_some_and(|client| {
        matches!(client.blocked, Some(Blocked::Keys { .. } | Blocked::Replicas { .. }))
    });
    if waits {
        if with_error {
            exec.node.unblock(target);
            exec.node.repl.waiting.retain(|&waiting| waiting != target);
            exec.node.reply_to(target, |reply| reply.error("-UNBLOCKED client unblocked via CLIENT UNBLOCK"));
        } else {
            exec.node.time_out(target);
        }
        exec.node.resumed.push_back(target);
    }
    exec.reply.integer(i64::from(waits));
    Ok(())
}

/// `CLIENT CACHING YES|NO`: no client is in tracking mode.
fn caching(_exec: &mut Exec<'_>) -> Done {
    Err(Error::fixed(
        "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}

/// `CLIENT GETREDIR`
fn getredir(exec: &mut Exec<'_>) -> Done {
    exec.reply.integer(-1);
    Ok(())
}

/// `CLIENT TRACKINGINFO`
fn trackinginfo(exec: &mut Exec<'_>) -> Done {
    exec.reply.map(3);
    exec.reply.bulk_str("flags");
    exec.reply.set(1);
    exec.reply.bulk_str("off");
    exec.reply.bulk_str("redirect");
    exec.reply.integer(-1);
    exec.reply.bulk_str("prefixes");
    exec.reply.empty_array();
    Ok(())
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "CACHING (YES|NO)",
            "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
            "GETREDIR",
            "    Return the client ID we are redirecting to when tracking is enabled.",
            "GETNAME",
            "    Return the name of the current connection.",
            "ID",
            "    Return the ID of the current connection.",
            "INFO",
            "    Return information about the current client connection.",
            "KILL <ip:port>",
            "    Kill connection made from <ip:port>.",
            "KILL <option> <value> [<option> <value> [...]]",
            "    Kill connections. Options are:",
            "    * ADDR (<ip:port>|<unixsocket>:0)",
            "      Kill connections made from the specified address",
            "    * LADDR (<ip:port>|<unixsocket>:0)",
            "      Kill connections made to specified local address",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "      Kill connections by type.",
            "    * USER <username>",
            "      Kill connections authenticated by <username>.",
            "    * SKIPME (YES|NO)",
            "      Skip killing current connection (default: yes).",
            "LIST [options ...]",
            "    Return information about client connections. Options:",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "      Return clients of specified type.",
            "UNPAUSE",
            "    Stop the current client pause, resuming traffic.",
            "PAUSE <timeout> [WRITE|ALL]",
            "    Suspend all, or just write, clients for <timeout> milliseconds.",
            "REPLY (ON|OFF|SKIP)",
            "    Control the replies sent to the current connection.",
            "SETNAME <name>",
            "    Assign the name <name> to the current connection.",
            "UNBLOCK <clientid> [TIMEOUT|ERROR]",
            "    Unblock the specified blocked client.",
            "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
            "         [OPTIN] [OPTOUT] [NOLOOP]",
            "    Control server assisted client side caching.",
            "TRACKINGINFO",
            "    Report tracking status for the current connection.",
            "NO-EVICT (ON|OFF)",
            "    Protect current client connection from eviction.",
        ],
    )
}
