//! From a parsed command to its effects: the checks before a command may run, in the order of `processCommand`, and the
//! call itself with what follows from it (`call`, server.c 7.0.15).

use super::Node;
use super::client::{ClientId, ReplyMode};
use crate::command::handler;
use crate::command::table::{CommandId, Resolved, flags};
use crate::cost::Work;
use crate::exec::{Error, Exec, Propagation};
use crate::host::Stopwatch;
use crate::resp::reply::{Reply, printed};

/// Where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind<'a> {
    /// A client's command, EXEC's queue included.
    Client,
    /// A command that waited on this key and may go on now.
    Retry(&'a [u8]),
    /// A command read back from the append-only file: neither propagated nor counted.
    Loading,
}

impl Node {
    /// Checks a command and runs, queues, postpones or refuses it.
    pub(crate) fn process_command(&mut self, id: ClientId, args: &[&[u8]], reply: &mut Reply) {
        let mark = reply.len();
        if !self.in_exec && self.call_depth == 0 {
            self.command_time_ms = self.now.wall_ms();
        }
        if let Err(error) = self.check_and_run(id, args, reply) {
            self.reject(id, args, error, reply);
        }
        let Some(client) = self.clients.get_mut(&id) else { return };
        // ASKING holds for one command, or for the whole transaction that follows (`resetClient`).
        if client.asking && client.multi.is_none() && !args[0].eq_ignore_ascii_case(b"asking") {
            client.asking = false;
        }
        if client.reply_mode != ReplyMode::On || client.is_master() {
            // Whoever wants no replies gets his messages all the same, and the word that he will (`CLIENT_PUSHING`).
            let keeps = !client.is_master() && announces_messages(args[0]);
            let silent = match client.reply_mode {
                ReplyMode::On | ReplyMode::Off => true,
                ReplyMode::Skipping => {
                    client.reply_mode = ReplyMode::On;
                    true
                }
                ReplyMode::SkipNext => {
                    client.reply_mode = ReplyMode::Skipping;
                    false
                }
            };
            if silent && !keeps {
                reply.truncate(mark);
            }
        }
        if self.call_depth == 0 && !self.ready_keys.is_empty() {
            self.handle_ready_keys();
        }
    }

    /// Refuses a command: an open transaction cannot be executed any more (`rejectCommand`).
    fn reject(&mut self, id: ClientId, args: &[&[u8]], error: Error, reply: &mut Reply) {
        // A redirection of a whole transaction is the answer itself, with no EXECABORT around it.
        let in_exec_call = args[0].eq_ignore_ascii_case(b"exec") && !is_redirection(&error);
        if let Resolved::Command(command) = self.renames.resolve(args) {
            self.stats.commands[command.index()].rejected += 1;
        }
        if in_exec_call {
            self.discard_transaction(id);
            let text = error.0.strip_prefix(b"-").unwrap_or(&error.0);
            self.stats.count_error(b"EXECABORT");
            reply.error_bytes(&[b"-EXECABORT Transaction discarded because of: ", text].concat());
            return;
        }
        if let Some(client) = self.clients.get_mut(&id)
            && let Some(multi) = &mut client.multi
        {
            multi.aborted = true;
        }
        self.write_error(&error, reply);
    }

    /// Writes an error reply and counts it.
    pub(crate) fn write_error(&mut self, error: &Error, reply: &mut Reply) {
        match error.0.strip_prefix(b"-") {
            Some(text) => self.stats.count_error(text),
            None => self.stats.count_error(b"ERR"),
        }
        reply.error_bytes(&error.0);
    }

    fn check_and_run(&mut self, id: ClientId, args: &[&[u8]], reply: &mut Reply) -> Result<(), Error> {
        if args[0].eq_ignore_ascii_case(b"host:") || args[0].eq_ignore_ascii_case(b"post") {
            self.security_warning(id);
            return Ok(());
        }
        let command = match self.renames.resolve(args) {
            Resolved::Command(command) if handler(command).is_some() || command.is_container() => command,
            Resolved::Command(_) | Resolved::Unknown => return Err(unknown_command(args)),
            Resolved::UnknownSub(parent) => return Err(unknown_subcommand(parent, args)),
        };
        if !command.takes(args.len()) {
            return Err(Error::arity(command.name()));
        }
        if handler(command).is_none() {
            return Err(unknown_subcommand(command, args));
        }
        let Some(client) = self.clients.get_mut(&id) else { return Ok(()) };
        client.last_command = command.name();
        let in_multi = client.multi.is_some();
        let obey = client.is_master();
        let is_replica_client = client.replica().is_some();
        let authenticated = client.authenticated || obey;
        let proto = reply.proto();
        let subscribed = client.subscribed();
        let is_exec = command.name() == "exec";
        let (mut set, mut inverse) = (command.flags(), !command.flags());
        if is_exec && let Some(multi) = &client.multi {
            set |= multi.flags & (flags::READONLY | flags::WRITE | flags::DENYOOM | flags::MAY_REPLICATE);
            inverse |= multi.inverse_flags & (flags::STALE | flags::LOADING);
        }
        let is_write = set & flags::WRITE != 0;
        let is_read = set & flags::READONLY != 0;
        let may_replicate = set & (flags::WRITE | flags::MAY_REPLICATE) != 0;

        if command.flags() & flags::PROTECTED != 0 {
            self.check_protected(id, command)?;
        }
        if !authenticated && command.flags() & flags::NO_AUTH == 0 {
            return Err(Error::fixed("-NOAUTH Authentication required."));
        }
        if in_multi && command.flags() & flags::NO_MULTI != 0 {
            return Err(Error::fixed("Command not allowed inside a transaction"));
        }
        if self.config.cluster_enabled && !obey && (has_keys(command) || is_exec) {
            self.check_route(id, command, args)?;
        }
        if self.config.maxmemory_clients != 0 {
            self.evict_clients();
            if self.clients.get(&id).is_none_or(|client| client.close_after_reply) {
                return Ok(());
            }
        }
        if self.config.maxmemory > 0 {
            self.check_memory(in_multi, set, command)?;
        }
        if !obey && (is_write || command.name() == "ping") {
            self.check_disk_errors()?;
        }
        if is_write && !obey {
            self.check_good_replicas()?;
        }
        if is_write && !obey && self.is_replica() && self.config.replica_read_only {
            return Err(Error::fixed("-READONLY You can't write against a read only replica."));
        }
        if subscribed && proto == 2 && !allowed_while_subscribed(command.name()) {
            return Err(Error::new(format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name()
            )));
        }
        if inverse & flags::STALE != 0
            && !self.config.replica_serve_stale_data
            && self.is_replica()
            && !self.repl.link_up()
        {
            return Err(Error::fixed(
                "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            ));
        }
        if inverse & flags::LOADING != 0 && self.loading() {
            return Err(Error::fixed("-LOADING Redis is loading the dataset in memory"));
        }
        if is_replica_client && (may_replicate || is_write || is_read) {
            return Err(Error::fixed("Replica can't interact with the keyspace"));
        }
        if !is_replica_client && !obey && self.paused(may_replicate) {
            self.hold_back(id, args);
            return Ok(());
        }
        if in_multi && !runs_inside_multi(command.name()) {
            self.queue_command(id, command, args);
            reply.status("QUEUED");
            return Ok(());
        }
        self.call(id, command, args, reply, CallKind::Client);
        Ok(())
    }

    /// Runs a command, counts it and propagates what it changed.
    pub(crate) fn call(
        &mut self,
        id: ClientId,
        command: CommandId,
        args: &[&[u8]],
        reply: &mut Reply,
        kind: CallKind<'_>,
    ) {
        let Some(handler) = handler(command) else {
            self.write_error(&unknown_command(args), reply);
            return;
        };
        let ready_key = if let CallKind::Retry(key) = kind { Some(key) } else { None };
        let dirty_before = self.dirty;
        let (spent_before, reply_before) = (self.cpu.spent_ns(), reply.len());
        let measured_before = self.stopwatch.as_ref().map_or(0, Stopwatch::read_ns);
        let db = self.clients.get(&id).map_or(0, |client| client.db);
        self.call_depth += 1;
        let mut exec = Exec {
            node: self,
            client: id,
            command,
            args,
            reply,
            db,
            ready_key,
            propagation: Propagation::AsSent,
        };
        let done = handler(&mut exec);
        let propagation = std::mem::take(&mut exec.propagation);
        self.settle_memory();
        self.call_depth -= 1;
        let reply_len = reply.len().saturating_sub(reply_before);
        self.work(Work::Commands, 1);
        self.work(Work::Arguments, args.len());
        self.work(Work::ReplyBytes, reply_len);
        self.catch_up();
        let slept_us = std::mem::take(&mut self.command_cost_us);
        let measured_ns =
            self.stopwatch.as_ref().map_or(0, Stopwatch::read_ns).saturating_sub(measured_before);
        let cost_ns = (self.cpu.spent_ns() - spent_before)
            .saturating_add(slept_us.saturating_mul(1000))
            .saturating_add(measured_ns);
        let cost_us = cost_ns / 1000;
        let stats = &mut self.stats.commands[command.index()];
        stats.nsec = stats.nsec.saturating_add(cost_ns);
        // A command that waited was counted, and shown to monitors, when it was sent.
        if ready_key.is_none() {
            stats.calls += 1;
            self.stats.commands_processed += 1;
        }
        if let Err(error) = &done {
            stats.failed += 1;
            self.write_error(error, reply);
        }
        if kind == CallKind::Loading {
            self.pending.clear();
            return;
        }
        if cost_us > 0 || self.config.slowlog_log_slower_than == 0 {
            self.note_duration(id, command, args, cost_us as i64);
        }
        if ready_key.is_none()
            && !self.monitors.is_empty()
            && command.flags() & (flags::SKIP_MONITOR | flags::ADMIN) == 0
        {
            self.feed_monitors(id, db, args);
        }
        let changed = self.dirty != dirty_before;
        if command.name() != "exec" {
            if changed && self.observed.is_some() {
                self.note_change(command, args);
            }
            match propagation {
                Propagation::AsSent if changed => self.propagate_as_sent(db, args, false),
                Propagation::AsSent | Propagation::Nothing => {}
                Propagation::Instead(commands) => {
                    for command in commands {
                        self.also_propagate(db, command, false);
                    }
                }
                Propagation::Forced { replicas_only } => self.propagate_as_sent(db, args, replicas_only),
            }
        }
        if self.call_depth == 0 {
            if command.has(flags::TOUCHES_ARBITRARY_KEYS) {
                self.propagate_pending_singly();
            } else {
                self.propagate_pending();
            }
            if changed && let Some(client) = self.clients.get_mut(&id) {
                client.write_offset = self.repl.offset;
            }
            if self.observed.is_some() {
                self.tell_change(id);
            }
        }
    }

    fn check_protected(&self, id: ClientId, command: CommandId) -> Result<(), Error> {
        let (name, option, setting) = if command.name().starts_with("module") {
            ("MODULE", "enable-module-command", self.config.enable_module_command)
        } else {
            ("DEBUG", "enable-debug-command", self.config.enable_debug_command)
        };
        let local = self.clients.get(&id).is_some_and(|client| client.is_local());
        if setting.allows(local) {
            return Ok(());
        }
        Err(Error::new(format!(
            "{name} command not allowed. If the {option} option is set to \"local\", you can run it from a local \
             connection, otherwise you need to set this option in the configuration file, and then restart the server."
        )))
    }

    /// `securityWarningCommand`: an HTTP request reached the RESP port; nothing good comes of going on.
    fn security_warning(&mut self, id: ClientId) {
        let peer = self.clients.get(&id).map_or_else(String::new, |client| client.peer.clone());
        self.log(
            crate::host::LogLevel::Warning,
            format!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
                 This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis \
                 instance. Connection from {peer} aborted."
            ),
        );
        self.close_client(id);
    }
}

/// Whether an error comes from the cluster (`clusterRedirectClient`).
fn is_redirection(error: &Error) -> bool {
    let code = error.0.split(|&byte| byte == b' ').next();
    matches!(code, Some(b"-MOVED" | b"-ASK" | b"-TRYAGAIN" | b"-CROSSSLOT" | b"-CLUSTERDOWN"))
}

/// Whether a command may name keys, so that a cluster must check where it belongs.
fn has_keys(command: CommandId) -> bool {
    command.has(flags::MOVABLE_KEYS) || !command.spec().keys.is_empty()
}

/// Commands that an open transaction does not queue.
fn runs_inside_multi(name: &str) -> bool {
    matches!(name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

/// Commands whose answer is a message of its own.
fn announces_messages(name: &[u8]) -> bool {
    let names: [&[u8]; 6] =
        [b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe"];
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn allowed_while_subscribed(name: &str) -> bool {
    matches!(
        name,
        "ping"
            | "subscribe"
            | "ssubscribe"
            | "psubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "punsubscribe"
            | "quit"
            | "reset"
    )
}

/// The reply to a command that is not in the table (`commandCheckExistence`): at most 128 bytes of name and of arguments.
fn unknown_command(args: &[&[u8]]) -> Error {
    let mut shown = Vec::new();
    for arg in &args[1..] {
        if shown.len() >= 128 {
            break;
        }
        let arg = printed(arg, 128 - shown.len());
        shown.extend_from_slice(&[b"'", arg, b"' "].concat());
    }
    let name = printed(args[0], 128);
    Error::new([b"unknown command '", name, b"', with args beginning with: ", &shown].concat())
}

/// The reply to a subcommand that its command does not have.
fn unknown_subcommand(parent: CommandId, args: &[&[u8]]) -> Error {
    let after = format!("'. Try {} HELP.", parent.name().to_ascii_uppercase());
    Error::quoting("unknown subcommand '", printed(args[1], 128), &after)
}
