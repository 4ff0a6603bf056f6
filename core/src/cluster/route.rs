//! Which node a command's keys belong to, and what to tell a client that asked the wrong one (`getNodeByQuery`,
//! `clusterRedirectClient`, cluster.c 7.0.15).

use super::node::NodeIdx;
use super::slots::key_slot;
use super::{Cluster, ClusterConfig};

/// What matters of a command and its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The command writes; for EXEC, any queued command does.
    pub write: bool,
    /// The client said ASKING just before, or the command itself is flagged so (RESTORE-ASKING).
    pub asking: bool,
    /// The client said READONLY.
    pub readonly: bool,
    /// It is SSUBSCRIBE, SUNSUBSCRIBE or SPUBLISH: the keys are channels.
    pub shard_pubsub: bool,
    /// It is MIGRATE.
    pub migrate: bool,
}

/// Where a command is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Here. The slot, if there was a key.
    Local(Option<u16>),
    /// `-MOVED`: that node owns the slot.
    Moved(u16, NodeIdx),
    /// `-ASK`: that node has the key while the slot moves.
    Ask(u16, NodeIdx),
    /// `-CROSSSLOT`
    CrossSlot,
    /// `-TRYAGAIN`: of several keys some are here and some are not.
    TryAgain,
    /// `-CLUSTERDOWN`: the cluster does not serve.
    Down,
    /// `-CLUSTERDOWN`: it serves reads alone.
    DownReadOnly,
    /// `-CLUSTERDOWN`: nobody owns the slot.
    Unbound,
}

impl Cluster {
    /// Finds the node for all keys of a command, or of all commands of a transaction, in their order. `exists` says
    /// whether a key is here; it is asked only while the slot moves.
    pub fn route<'k>(
        &self,
        config: &ClusterConfig,
        query: Query,
        keys: impl IntoIterator<Item = &'k [u8]>,
        mut exists: impl FnMut(&[u8]) -> bool,
    ) -> Route {
        let me = self.myself;
        let mut first: Option<(&[u8], u16, NodeIdx)> = None;
        let (mut migrating, mut importing, mut several) = (None, false, false);
        let (mut present, mut missing) = (false, false);
        for key in keys {
            match first {
                None => {
                    let slot = key_slot(key);
                    let Some(owner) = self.slots.owner(slot) else { return Route::Unbound };
                    first = Some((key, slot, owner));
                    migrating = self.migrating.get(&slot).copied().filter(|_| owner == me);
                    importing = migrating.is_none() && self.importing.contains_key(&slot);
                }
                Some((first_key, slot, _)) if first_key != key => {
                    if key_slot(key) != slot {
                        return Route::CrossSlot;
                    }
                    several = true;
                }
                Some(_) => {}
            }
            if (migrating.is_some() || importing) && !query.shard_pubsub {
                let here = exists(key);
                present |= here;
                missing |= !here;
            }
        }
        let Some((_, slot, owner)) = first else { return Route::Local(None) };

        if !self.ok {
            if query.shard_pubsub {
                if !config.allow_pubsubshard_when_down {
                    return Route::Down;
                }
            } else if !config.allow_reads_when_down {
                return Route::Down;
            } else if query.write {
                return Route::DownReadOnly;
            }
        }
        let local = Route::Local(Some(slot));
        // MIGRATE moves keys of a slot that is open at either end.
        if query.migrate && (migrating.is_some() || importing) {
            return local;
        }
        if let Some(to) = migrating.filter(|_| missing) {
            return if present { Route::TryAgain } else { Route::Ask(slot, to) };
        }
        if importing && query.asking {
            return if several && missing { Route::TryAgain } else { local };
        }
        let my_masters = self.is_replica() && self.myself().slaveof == Some(owner);
        if (query.readonly || query.shard_pubsub) && !query.write && my_masters {
            return local;
        }
        if owner == me { local } else { Route::Moved(slot, owner) }
    }

    /// What becomes of a client that is blocked on `key`, now that slots may have changed hands: none if it may go on
    /// waiting (`clusterRedirectBlockedClientIfNeeded`). Only the first key is looked at: all are in one slot.
    pub fn route_blocked(&self, key: Option<&[u8]>, readonly: bool, write: bool) -> Option<Route> {
        if !self.ok {
            return Some(Route::Down);
        }
        let slot = key_slot(key?);
        let owner = self.slots.owner(slot);
        let served = readonly && !write && self.is_replica() && self.myself().slaveof == owner;
        if owner == Some(self.myself) || (served && owner.is_some()) || self.importing.contains_key(&slot) {
            return None;
        }
        Some(owner.map_or(Route::Unbound, |owner| Route::Moved(slot, owner)))
    }

    /// The error reply for a route, without the leading `-` and the line end; none for [`Route::Local`].
    pub fn redirect_text(&self, config: &ClusterConfig, route: Route) -> Option<String> {
        let to = |word: &str, slot: u16, idx: NodeIdx| {
            let node = &self.nodes[idx];
            format!("{word} {slot} {}:{}", self.endpoint(config, node), node.port)
        };
        Some(match route {
            Route::Local(_) => return None,
            Route::Moved(slot, idx) => to("MOVED", slot, idx),
            Route::Ask(slot, idx) => to("ASK", slot, idx),
            Route::CrossSlot => "CROSSSLOT Keys in request don't hash to the same slot".to_string(),
            Route::TryAgain => "TRYAGAIN Multiple keys request during rehashing of slot".to_string(),
            Route::Down => "CLUSTERDOWN The cluster is down".to_string(),
            Route::DownReadOnly => {
                "CLUSTERDOWN The cluster is down and only accepts read commands".to_string()
            }
            Route::Unbound => "CLUSTERDOWN Hash slot not served".to_string(),
        })
    }
}
