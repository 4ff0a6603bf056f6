//! FAILOVER, REPLICAOF, PSYNC, SYNC, REPLCONF, ROLE, WAIT (replication.c 7.0.15). The machinery is in [`crate::replication`].

use super::Handlers;
use crate::exec::{Done, Error, Exec};
use crate::host::LogLevel;
use crate::node::client::Blocked;
use crate::replication::failover::FailoverOrder;
use crate::replication::primary::LinkState;
use crate::store::num;

/// The longest address that REPLCONF ip-address may give (`NET_HOST_STR_LEN`).
const HOST_LEN_MAX: usize = 256;

pub(crate) const HANDLERS: Handlers = &[
    ("failover", failover),
    ("replicaof", replicaof),
    ("slaveof", replicaof),
    ("psync", psync),
    ("sync", sync),
    ("replconf", replconf),
    ("role", role),
    ("wait", wait),
];

fn replicaof(exec: &mut Exec<'_>) -> Done {
    if exec.config().cluster_enabled {
        return Err(Error::fixed("REPLICAOF not allowed in cluster mode."));
    }
    if exec.node.repl.failover.is_some() {
        return Err(Error::fixed("REPLICAOF not allowed while failing over."));
    }
    let user = exec.node.describe_client(exec.client);
    if exec.arg_is(1, "no") && exec.arg_is(2, "one") {
        if exec.node.is_replica() {
            exec.node.unset_master();
            exec.node.log(LogLevel::Notice, format!("MASTER MODE enabled (user request from '{user}')"));
        }
        exec.reply.ok();
        return Ok(());
    }
    if exec.client().is_some_and(|client| client.replica().is_some()) {
        return Err(Error::fixed("Command is not valid when client is a replica."));
    }
    let port = num::parse_i64(exec.args[2]).and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return Err(Error::fixed("Invalid master port")) };
    let host = String::from_utf8_lossy(exec.args[1]).into_owned();
    let same = exec
        .node
        .repl
        .master
        .as_ref()
        .is_some_and(|link| link.host.eq_ignore_ascii_case(&host) && link.port == port);
    if same {
        exec.node.log(
            LogLevel::Notice,
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation \
             performed.",
        );
        exec.reply.status("OK Already connected to specified master");
        return Ok(());
    }
    exec.node.set_master(&host, port);
    exec.node.log(LogLevel::Notice, format!("REPLICAOF {host}:{port} enabled (user request from '{user}')"));
    exec.reply.ok();
    Ok(())
}

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`
fn failover(exec: &mut Exec<'_>) -> Done {
    if exec.config().cluster_enabled {
        return Err(Error::fixed(
            "FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
        ));
    }
    if exec.args.len() == 2 && exec.arg_is(1, "abort") {
        if exec.node.repl.failover.is_none() {
            return Err(Error::fixed("No failover in progress."));
        }
        exec.node.abort_failover("Failover manually aborted");
        exec.reply.ok();
        return Ok(());
    }
    let mut order = FailoverOrder::default();
    let mut index = 1;
    while index < exec.args.len() {
        let behind = exec.args.len() - index - 1;
        if exec.arg_is(index, "timeout") && behind >= 1 && order.timeout_ms == 0 {
            order.timeout_ms = exec.integer(index + 1)?;
            if order.timeout_ms <= 0 {
                return Err(Error::fixed("FAILOVER timeout must be greater than 0"));
            }
            index += 2;
        } else if exec.arg_is(index, "to") && behind >= 2 && order.target.is_none() {
            let port = exec.integer(index + 2)?;
            order.target = Some((String::from_utf8_lossy(exec.args[index + 1]).into_owned(), port));
            index += 3;
        } else if exec.arg_is(index, "force") && !order.force {
            order.force = true;
            index += 1;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    exec.node.begin_failover(order)?;
    exec.reply.ok();
    Ok(())
}

fn psync(exec: &mut Exec<'_>) -> Done {
    let offset = exec.integer(2)?;
    let failover = exec.args.len() > 3 && exec.arg_is(3, "failover");
    exec.node.handle_sync(exec.client, Some((exec.args[1], offset)), failover)
}

fn sync(exec: &mut Exec<'_>) -> Done {
    exec.node.handle_sync(exec.client, None, false)
}

fn replconf(exec: &mut Exec<'_>) -> Done {
    if exec.args.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    for index in (1..exec.args.len()).step_by(2) {
        let value = exec.args[index + 1];
        if exec.arg_is(index, "listening-port") {
            let port = exec.integer(index + 1)?;
            if let Some(client) = exec.client_mut() {
                client.replconf.port = port as u16;
            }
        } else if exec.arg_is(index, "ip-address") {
            if value.len() >= HOST_LEN_MAX {
                return Err(Error::new(format!(
                    "REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            let ip = String::from_utf8_lossy(value).into_owned();
            if let Some(client) = exec.client_mut() {
                client.replconf.ip = ip;
            }
        } else if exec.arg_is(index, "capa") {
            let (eof, psync2) = (value.eq_ignore_ascii_case(b"eof"), value.eq_ignore_ascii_case(b"psync2"));
            if let Some(client) = exec.client_mut() {
                client.replconf.capa_eof |= eof;
                client.replconf.capa_psync2 |= psync2;
            }
        } else if exec.arg_is(index, "ack") {
            if let Some(offset) = num::parse_i64(value) {
                exec.node.replica_ack(exec.client, offset);
            }
            return Ok(());
        } else if exec.arg_is(index, "getack") {
            exec.node.send_ack();
            return Ok(());
        } else if exec.arg_is(index, "rdb-only") {
            let only = exec.integer(index + 1)?;
            if !(0..=1).contains(&only) {
                return Err(Error::fixed("value is out of range, value must between 0 and 1"));
            }
            if let Some(client) = exec.client_mut() {
                client.replconf.rdb_only = only == 1;
            }
        } else {
            return Err(Error::quoting("Unrecognized REPLCONF option: ", exec.args[index], ""));
        }
    }
    exec.reply.ok();
    Ok(())
}

fn role(exec: &mut Exec<'_>) -> Done {
    let repl = &exec.node.repl;
    let Some(link) = &repl.master else {
        exec.reply.array(3);
        exec.reply.bulk(b"master");
        exec.reply.integer(repl.offset);
        let online: Vec<(String, u16, i64)> = (repl.replicas.iter())
            .filter_map(|id| exec.node.clients.get(id))
            .filter_map(|client| {
                let replica = client.replica()?;
                let online = matches!(replica.state, LinkState::Online { .. });
                online.then(|| (client.replica_ip(), client.replconf.port, replica.ack_offset))
            })
            .collect();
        exec.reply.array(online.len());
        for (ip, port, offset) in online {
            exec.reply.array(3);
            exec.reply.bulk(ip.as_bytes());
            exec.reply.bulk_integer(i64::from(port));
            exec.reply.bulk_integer(offset);
        }
        return Ok(());
    };
    exec.reply.array(5);
    exec.reply.bulk(b"slave");
    exec.reply.bulk(link.host.as_bytes());
    exec.reply.integer(i64::from(link.port));
    exec.reply.bulk(link.state_name().as_bytes());
    exec.reply.integer(if link.client().is_some() { repl.offset } else { -1 });
    Ok(())
}

fn wait(exec: &mut Exec<'_>) -> Done {
    if exec.node.is_replica() {
        return Err(Error::fixed(
            "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured \
             to be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let wanted = exec.integer(1)?;
    let timeout_ms =
        num::parse_i64(exec.args[2]).ok_or(Error::fixed("timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::fixed("timeout is negative"));
    }
    let deadline_ms = match timeout_ms {
        0 => None,
        ms => Some(exec.now_ms().checked_add(ms).ok_or(Error::fixed("timeout is out of range"))?),
    };
    let offset = exec.client().map_or(0, |client| client.write_offset);
    let count = exec.node.replicas_at(offset);
    if count >= wanted || !exec.may_block() {
        exec.reply.integer(count);
        return Ok(());
    }
    exec.node.block(exec.client, Blocked::Replicas { offset, wanted, deadline_ms });
    exec.node.repl.waiting.push(exec.client);
    exec.node.repl.get_ack = true;
    Ok(())
}
