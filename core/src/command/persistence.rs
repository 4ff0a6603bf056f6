//! Snapshots and the append-only file on demand, and single values as bytes: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, DUMP,
//! RESTORE (rdb.c, aof.c and cluster.c 7.0.15).

use super::Handlers;
use crate::exec::{Done, Error, Exec, notify};
use crate::node::client::Blocked;
use crate::persist::rdb::payload::{PayloadError, dump_payload, parse_payload};
use crate::store::num::I64Text;

pub(crate) const HANDLERS: Handlers = &[
    ("save", save),
    ("bgsave", bgsave),
    ("lastsave", lastsave),
    ("bgrewriteaof", bgrewriteaof),
    ("dump", dump),
    ("restore", restore),
    ("restore-asking", restore),
];

/// SAVE: writes the RDB file while everybody waits. The reply comes when the file is durable.
fn save(exec: &mut Exec<'_>) -> Done {
    if exec.node.saves.in_background() {
        return Err(Error::fixed("Background save already in progress"));
    }
    exec.node.start_save(false);
    exec.node.block(exec.client, Blocked::Save);
    Ok(())
}

/// BGSAVE [SCHEDULE]: writes the RDB file in the background, or as soon as other background work has ended.
fn bgsave(exec: &mut Exec<'_>) -> Done {
    let schedule = match exec.args.len() {
        1 => false,
        2 if exec.arg_is(1, "schedule") => true,
        _ => return Err(Error::SYNTAX),
    };
    if exec.node.saves.in_background() {
        return Err(Error::fixed("Background save already in progress"));
    }
    if exec.node.in_exec || (exec.node.snapshot_running() && schedule) {
        exec.node.saves.scheduled = true;
        exec.reply.status("Background saving scheduled");
    } else if exec.node.snapshot_running() {
        return Err(Error::fixed(
            "Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
             BGSAVE whenever possible.",
        ));
    } else {
        exec.node.start_save(true);
        exec.reply.status("Background saving started");
    }
    Ok(())
}

/// LASTSAVE: when the RDB file was last written, in seconds since the Unix epoch.
fn lastsave(exec: &mut Exec<'_>) -> Done {
    exec.reply.integer(exec.node.saves.last_save_s);
    Ok(())
}

/// BGREWRITEAOF: rewrites the append-only file in the background, or as soon as other background work has ended.
fn bgrewriteaof(exec: &mut Exec<'_>) -> Done {
    if exec.node.aof.rewriting() {
        return Err(Error::fixed("Background append only file rewriting already in progress"));
    }
    if exec.node.in_exec || exec.node.snapshot_running() {
        exec.node.aof.schedule();
        exec.reply.status("Background append only file rewriting scheduled");
    } else {
        exec.node.start_aof_rewrite();
        exec.reply.status("Background append only file rewriting started");
    }
    Ok(())
}

/// DUMP key: the value as RESTORE takes it, on this server or another.
fn dump(exec: &mut Exec<'_>) -> Done {
    let compress = exec.config().rdbcompression;
    match exec.read(exec.args[1]).map(|object| dump_payload(object, compress)) {
        Some(payload) => exec.reply.bulk(&payload),
        None => exec.reply.null(),
    }
    Ok(())
}

/// RESTORE key ttl value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
fn restore(exec: &mut Exec<'_>) -> Done {
    let (mut replace, mut absolute, mut idle_s, mut freq) = (false, false, None, None);
    let mut at = 4;
    while at < exec.args.len() {
        let more = at + 1 < exec.args.len();
        if exec.arg_is(at, "replace") {
            replace = true;
        } else if exec.arg_is(at, "absttl") {
            absolute = true;
        } else if exec.arg_is(at, "idletime") && more && freq.is_none() {
            at += 1;
            let idle = exec.integer(at)?;
            if idle < 0 {
                return Err(Error::fixed("Invalid IDLETIME value, must be >= 0"));
            }
            idle_s = Some(idle);
        } else if exec.arg_is(at, "freq") && more && idle_s.is_none() {
            at += 1;
            let value = exec.integer(at)?;
            freq = Some(
                u8::try_from(value)
                    .map_err(|_| Error::fixed("Invalid FREQ value, must be >= 0 and <= 255"))?,
            );
        } else {
            return Err(Error::SYNTAX);
        }
        at += 1;
    }
    let key = exec.args[1];
    if !replace && exec.write(key).is_some() {
        return Err(Error::fixed("-BUSYKEY Target key name already exists."));
    }
    let ttl = exec.integer(2)?;
    if ttl < 0 {
        return Err(Error::fixed("Invalid TTL value, must be >= 0"));
    }
    let skip_checksum = exec.node.debug.skip_checksum;
    let object =
        parse_payload(exec.args[3], &exec.node.limits, skip_checksum).map_err(|error| match error {
            PayloadError::Footer => Error::fixed("DUMP payload version or checksum are wrong"),
            PayloadError::Format => Error::fixed("Bad data format"),
        })?;
    let deleted = replace && exec.remove(key).is_some();
    let expire_at = match ttl {
        0 => None,
        ttl if absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(exec.now_ms())),
    };
    let gone = expire_at.is_some_and(|at| at <= exec.now_ms());
    if gone && !exec.node.loading() && !exec.node.is_replica() {
        if deleted {
            exec.propagate_as(&[b"DEL", key]);
            exec.modified(key);
            exec.notify(notify::GENERIC, "del", key);
            exec.dirty(1);
        }
        exec.reply.ok();
        return Ok(());
    }
    exec.set(key, object);
    if let Some(at) = expire_at {
        exec.set_expire(key, at);
        if !absolute {
            // A replica, or a restart, must not count the time to live anew.
            let at = I64Text::new(at);
            let mut args = exec.args.to_vec();
            args[2] = at.as_slice();
            args.push(b"ABSTTL");
            exec.propagate_as(&args);
        }
    }
    exec.node.set_usage(exec.db, key, idle_s, freq);
    exec.notify(notify::GENERIC, "restore", key);
    exec.reply.ok();
    exec.dirty(1);
    Ok(())
}
