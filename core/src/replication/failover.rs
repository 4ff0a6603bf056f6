//! FAILOVER: a master and one of its replicas change places, and no acknowledged write is lost (`failoverCommand` and
//! `updateFailoverStatus`, replication.c 7.0.15).
//!
//! The master holds writes back until a replica has acknowledged the whole stream, then follows that replica and says so
//! in its PSYNC, by which the replica becomes the master. Writes are let go when the answer to that PSYNC has come: they
//! are refused then, since this node is a replica. There are never two masters.

use crate::exec::Error;
use crate::host::LogLevel;
use crate::node::Node;
use crate::node::client::ClientId;
use crate::node::pause::Purpose;
use crate::replication::primary::LinkState;

/// A failover on its way.
#[derive(Clone, Debug)]
pub struct Failover {
    /// Who takes over (address and port); `None` for whichever replica has the whole stream first.
    target: Option<(String, i64)>,
    /// Until when a replica may catch up (wall clock, milliseconds).
    pub(crate) deadline_ms: Option<i64>,
    /// At the deadline the target takes over all the same.
    force: bool,
    /// This node follows the target and waits for the answer to its PSYNC.
    in_progress: bool,
}

impl Failover {
    /// The words that INFO shows (`master_failover_state`).
    pub fn state_name(&self) -> &'static str {
        if self.in_progress { "failover-in-progress" } else { "waiting-for-sync" }
    }
}

/// What FAILOVER is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailoverOrder {
    /// `TO`: address and port.
    pub target: Option<(String, i64)>,
    /// `TIMEOUT`, in milliseconds; 0 for none.
    pub timeout_ms: i64,
    /// `FORCE`
    pub force: bool,
}

impl Node {
    /// Begins to hand this master's place to a replica.
    ///
    /// # Errors
    /// What Redis answers: a failover is on its way, this is no master, or there is no such replica.
    pub(crate) fn begin_failover(&mut self, order: FailoverOrder) -> Result<(), Error> {
        if self.repl.failover.is_some() {
            return Err(Error::fixed("FAILOVER already in progress."));
        }
        if self.is_replica() {
            return Err(Error::fixed("FAILOVER is not valid when server is a replica."));
        }
        if self.repl.replicas.is_empty() {
            return Err(Error::fixed("FAILOVER requires connected replicas."));
        }
        if order.force && (order.timeout_ms == 0 || order.target.is_none()) {
            return Err(Error::fixed(
                "FAILOVER with force option requires both a timeout and target HOST and IP.",
            ));
        }
        match &order.target {
            Some((host, port)) => {
                let Some(id) = self.replica_at(host, *port) else {
                    return Err(Error::fixed("FAILOVER target HOST and PORT is not a replica."));
                };
                if !self.replica_online(id) {
                    return Err(Error::fixed("FAILOVER target replica is not online."));
                }
                self.log(LogLevel::Notice, format!("FAILOVER requested to {host}:{port}."));
            }
            None => self.log(LogLevel::Notice, "FAILOVER requested to any replica."),
        }
        let deadline_ms =
            (order.timeout_ms != 0).then(|| self.now.wall_ms().saturating_add(order.timeout_ms));
        self.repl.failover =
            Some(Failover { target: order.target, deadline_ms, force: order.force, in_progress: false });
        self.pause_clients(Purpose::Failover, i64::MAX, true);
        Ok(())
    }

    /// Whether this node was the master, and follows now the replica that is to take over.
    pub(crate) fn failing_over(&self) -> bool {
        self.repl.failover.as_ref().is_some_and(|failover| failover.in_progress)
    }

    /// Looks at whether a failover may go on (`updateFailoverStatus`).
    pub(crate) fn update_failover(&mut self) {
        let Some(failover) = self.repl.failover.as_ref().filter(|failover| !failover.in_progress) else {
            return;
        };
        if failover.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.now.wall_ms()) {
            if let Some((host, port)) = failover.target.clone().filter(|_| failover.force) {
                let text = format!("FAILOVER to {host}:{port} time out exceeded, failing over.");
                return self.follow_target(host, port, text);
            }
            return self.abort_failover("Replica never caught up before timeout");
        }
        let target = match &failover.target {
            Some((host, port)) => self.replica_at(host, *port).filter(|&id| self.has_whole_stream(id)),
            None => self.repl.replicas.iter().copied().find(|&id| self.has_whole_stream(id)),
        };
        let Some(client) = target.and_then(|id| self.clients.get(&id)) else { return };
        let (host, port) = (client.replica_ip(), i64::from(client.replconf.port));
        let text = format!("Failover target {host}:{port} is synced, failing over.");
        self.follow_target(host, port, text);
    }

    fn follow_target(&mut self, host: String, port: i64, text: String) {
        if let Some(failover) = &mut self.repl.failover {
            failover.in_progress = true;
            failover.target = Some((host.clone(), port));
        }
        self.log(LogLevel::Notice, text);
        self.set_master(&host, u16::try_from(port).unwrap_or_default());
    }

    /// Gives a failover up; this node is the master again.
    pub(crate) fn abort_failover(&mut self, why: &str) {
        let Some(failover) = &self.repl.failover else { return };
        let text = match &failover.target {
            Some((host, port)) => format!("FAILOVER to {host}:{port} aborted: {why}"),
            None => format!("FAILOVER to any replica aborted: {why}"),
        };
        self.log(LogLevel::Notice, text);
        if self.failing_over() {
            self.unset_master();
        }
        self.end_failover();
    }

    /// A failover is over: what was held back goes on (`clearFailoverState`).
    pub(crate) fn end_failover(&mut self) {
        if self.repl.failover.take().is_some() {
            self.end_pause(Purpose::Failover);
        }
    }

    /// This node's master wants it to take over.
    ///
    /// # Errors
    /// This node is a master, or has another history.
    pub(super) fn take_over(&mut self, id: ClientId, replid: &[u8]) -> Result<(), Error> {
        let text = format!("Failover request received for replid {}.", String::from_utf8_lossy(replid));
        self.log(LogLevel::Warning, text);
        if !self.is_replica() {
            return Err(Error::fixed("PSYNC FAILOVER can't be sent to a master."));
        }
        if !replid.eq_ignore_ascii_case(self.repl.replid.as_bytes()) {
            return Err(Error::fixed("PSYNC FAILOVER replid must match my replid."));
        }
        self.unset_master();
        let client = self.describe_client(id);
        self.log(LogLevel::Notice, format!("MASTER MODE enabled (failover request from '{client}')"));
        Ok(())
    }

    /// The replica with that address and port, as INFO shows them (`findReplica`).
    fn replica_at(&self, host: &str, port: i64) -> Option<ClientId> {
        self.repl.replicas.iter().copied().find(|id| {
            self.clients.get(id).is_some_and(|client| {
                client.replica_ip().eq_ignore_ascii_case(host) && i64::from(client.replconf.port) == port
            })
        })
    }

    fn replica_online(&self, id: ClientId) -> bool {
        self.clients
            .get(&id)
            .and_then(|client| client.replica())
            .is_some_and(|link| matches!(link.state, LinkState::Online { .. }))
    }

    fn has_whole_stream(&self, id: ClientId) -> bool {
        self.clients
            .get(&id)
            .and_then(|client| client.replica())
            .is_some_and(|link| link.ack_offset == self.repl.offset)
    }
}
