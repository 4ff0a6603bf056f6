//! How the node and its cluster bus work together.

use super::Node;
use super::client::ClientId;
use crate::command::table::CommandId;
use crate::exec::Error;
use crate::host::{ConnId, NetError};

impl Node {
    pub(super) fn bus_accepted(&mut self, _conn: ConnId, _peer: &str) {}
    pub(super) fn bus_connected(&mut self, _conn: ConnId, _local: &str) {}
    pub(super) fn bus_received(&mut self, _conn: ConnId, _bytes: &[u8]) {}
    pub(super) fn bus_closed(&mut self, _conn: ConnId, _error: NetError) {}
    pub(super) fn before_sleep_cluster(&mut self) {}
    pub(super) fn cluster_cron(&mut self) {}

    /// Sends a message to the other nodes' subscribers (`clusterPropagatePublish`).
    pub(crate) fn bus_publish(&mut self, _channel: &[u8], _message: &[u8], _shard: bool) {}

    /// Whether a manual failover keeps clients paused, so that nothing may move the replication offset.
    pub(crate) fn manual_failover_paused(&self) -> bool {
        false
    }

    /// Whether this node serves the keys of a command (`getNodeByQuery`).
    pub(super) fn check_route(
        &mut self,
        _id: ClientId,
        _command: CommandId,
        _args: &[&[u8]],
    ) -> Result<(), Error> {
        Ok(())
    }
}
