//! MULTI, EXEC, DISCARD, WATCH, UNWATCH (multi.c 7.0.15). The machinery is in [`crate::transaction`].

use super::Handlers;
use crate::exec::{Done, Error, Exec};

pub(crate) const HANDLERS: Handlers =
    &[("multi", multi), ("exec", exec), ("discard", discard), ("watch", watch), ("unwatch", unwatch)];

fn in_transaction(exec: &Exec<'_>) -> bool {
    exec.client().is_some_and(|client| client.multi.is_some())
}

fn multi(exec: &mut Exec<'_>) -> Done {
    if !exec.node.open_transaction(exec.client) {
        return Err(Error::fixed("MULTI calls can not be nested"));
    }
    exec.reply.ok();
    Ok(())
}

fn discard(exec: &mut Exec<'_>) -> Done {
    if !in_transaction(exec) {
        return Err(Error::fixed("DISCARD without MULTI"));
    }
    exec.node.discard_transaction(exec.client);
    exec.reply.ok();
    Ok(())
}

fn exec(exec: &mut Exec<'_>) -> Done {
    if !in_transaction(exec) {
        return Err(Error::fixed("EXEC without MULTI"));
    }
    let expired = exec.node.watched_key_expired(exec.client);
    let (aborted, changed) = exec.client().map_or((false, false), |client| {
        (client.multi.as_ref().is_some_and(|multi| multi.aborted), client.cas_dirty)
    });
    if aborted || changed || expired {
        exec.node.discard_transaction(exec.client);
        if aborted {
            return Err(Error::fixed("-EXECABORT Transaction discarded because of previous errors."));
        }
        exec.reply.null_array();
        return Ok(());
    }
    exec.node.execute_transaction(exec.client, exec.reply);
    Ok(())
}

fn watch(exec: &mut Exec<'_>) -> Done {
    if in_transaction(exec) {
        return Err(Error::fixed("WATCH inside MULTI is not allowed"));
    }
    for key in &exec.args[1..] {
        exec.node.watch(exec.client, exec.db, key);
    }
    exec.reply.ok();
    Ok(())
}

fn unwatch(exec: &mut Exec<'_>) -> Done {
    exec.node.unwatch_all(exec.client);
    if let Some(client) = exec.client_mut() {
        client.cas_dirty = false;
    }
    exec.reply.ok();
    Ok(())
}
