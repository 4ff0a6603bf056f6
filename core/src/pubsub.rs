//! Publish/subscribe: who listens to which channel, and how a message reaches them (pubsub.c 7.0.15).
//!
//! Messages go straight into the reply buffers of the subscribers. In a cluster an ordinary PUBLISH also travels over the
//! bus to every node, a SPUBLISH only within the shard.

use crate::exec::notify;
use crate::node::Node;
use crate::node::client::ClientId;
use crate::resp::reply::Reply;
use crate::store::glob;
use std::collections::BTreeMap;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    fn subscribe_word(self) -> &'static str {
        match self {
            Kind::Channel => "subscribe",
            Kind::Pattern => "psubscribe",
            Kind::Shard => "ssubscribe",
        }
    }

    fn unsubscribe_word(self) -> &'static str {
        match self {
            Kind::Channel => "unsubscribe",
            Kind::Pattern => "punsubscribe",
            Kind::Shard => "sunsubscribe",
        }
    }
}

type Table = BTreeMap<Box<[u8]>, Vec<ClientId>>;

/// Who listens to what.
#[derive(Clone, Debug, Default)]
pub struct Pubsub {
    pub(crate) channels: Table,
    pub(crate) patterns: Table,
    pub(crate) shard_channels: Table,
}

impl Pubsub {
    fn table(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }
}

fn push_header(reply: &mut Reply, len: usize) {
    if reply.proto() == 3 { reply.push(len) } else { reply.array(len) }
}

impl Node {
    fn subscriptions_of(&self, id: ClientId, kind: Kind) -> usize {
        self.clients.get(&id).map_or(0, |client| match kind {
            Kind::Shard => client.shard_channels.len(),
            Kind::Channel | Kind::Pattern => client.channels.len() + client.patterns.len(),
        })
    }

    /// Subscribes and writes the confirmation into `reply`.
    pub(crate) fn subscribe(&mut self, id: ClientId, kind: Kind, name: &[u8], reply: &mut Reply) {
        if let Some(client) = self.clients.get_mut(&id) {
            let set = match kind {
                Kind::Channel => &mut client.channels,
                Kind::Pattern => &mut client.patterns,
                Kind::Shard => &mut client.shard_channels,
            };
            if set.insert(name.into()) {
                self.pubsub.table(kind).entry(name.into()).or_default().push(id);
            }
        }
        push_header(reply, 3);
        reply.bulk(kind.subscribe_word().as_bytes());
        reply.bulk(name);
        reply.integer(self.subscriptions_of(id, kind) as i64);
    }

    /// Ends one subscription; with a `reply`, confirms it there.
    pub(crate) fn unsubscribe(&mut self, id: ClientId, kind: Kind, name: &[u8], reply: Option<&mut Reply>) {
        if let Some(client) = self.clients.get_mut(&id) {
            let set = match kind {
                Kind::Channel => &mut client.channels,
                Kind::Pattern => &mut client.patterns,
                Kind::Shard => &mut client.shard_channels,
            };
            if set.remove(name) {
                let table = self.pubsub.table(kind);
                if let Some(listeners) = table.get_mut(name) {
                    listeners.retain(|&other| other != id);
                    if listeners.is_empty() {
                        table.remove(name);
                    }
                }
            }
        }
        if let Some(reply) = reply {
            push_header(reply, 3);
            reply.bulk(kind.unsubscribe_word().as_bytes());
            reply.bulk(name);
            reply.integer(self.subscriptions_of(id, kind) as i64);
        }
    }

    /// Ends all subscriptions of one kind, confirming each, or one confirmation with a null name if there were none.
    pub(crate) fn unsubscribe_all(&mut self, id: ClientId, kind: Kind, reply: &mut Reply) {
        let names: Vec<Box<[u8]>> = self.clients.get(&id).map_or_else(Vec::new, |client| {
            let set = match kind {
                Kind::Channel => &client.channels,
                Kind::Pattern => &client.patterns,
                Kind::Shard => &client.shard_channels,
            };
            set.iter().cloned().collect()
        });
        if names.is_empty() {
            push_header(reply, 3);
            reply.bulk(kind.unsubscribe_word().as_bytes());
            reply.null();
            reply.integer(self.subscriptions_of(id, kind) as i64);
        }
        for name in names {
            self.unsubscribe(id, kind, &name, Some(reply));
        }
    }

    /// Forgets all subscriptions of a client that goes away, silently.
    pub(crate) fn unsubscribe_everything(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(&id) else { return };
        if !client.subscribed() {
            return;
        }
        let all: Vec<(Kind, Box<[u8]>)> = (client.channels.iter().map(|name| (Kind::Channel, name.clone())))
            .chain(client.patterns.iter().map(|name| (Kind::Pattern, name.clone())))
            .chain(client.shard_channels.iter().map(|name| (Kind::Shard, name.clone())))
            .collect();
        for (kind, name) in all {
            self.unsubscribe(id, kind, &name, None);
        }
    }

    /// Ends the shard subscriptions to channels whose slot this node no longer serves
    /// (`removeChannelsInSlot`, cluster.c 7.0.15).
    pub(crate) fn drop_shard_channels_in_slot(&mut self, slot: u16) {
        let gone: Vec<(Box<[u8]>, Vec<ClientId>)> = self
            .pubsub
            .shard_channels
            .iter()
            .filter(|(name, _)| crate::store::slot::key_slot(name) == slot)
            .map(|(name, listeners)| (name.clone(), listeners.clone()))
            .collect();
        for (name, listeners) in gone {
            for id in listeners {
                self.unsubscribe(id, Kind::Shard, &name, None);
                let left = self.subscriptions_of(id, Kind::Shard) as i64;
                self.reply_to(id, |reply| {
                    push_header(reply, 3);
                    reply.bulk(b"sunsubscribe");
                    reply.bulk(&name);
                    reply.integer(left);
                });
            }
        }
    }

    /// Delivers a message to the listeners of this node. `own` is the reply of the command that runs, for the case that
    /// its sender listens too. Returns how many clients got it.
    pub(crate) fn publish(
        &mut self,
        channel: &[u8],
        message: &[u8],
        shard: bool,
        own: Option<&mut Reply>,
    ) -> i64 {
        let mut receivers: Vec<(ClientId, Option<Box<[u8]>>)> = Vec::new();
        let table = if shard { &self.pubsub.shard_channels } else { &self.pubsub.channels };
        if let Some(listeners) = table.get(channel) {
            receivers.extend(listeners.iter().map(|&id| (id, None)));
        }
        if !shard {
            for (pattern, listeners) in &self.pubsub.patterns {
                if glob::matches(pattern, channel, false) {
                    receivers.extend(listeners.iter().map(|&id| (id, Some(pattern.clone()))));
                }
            }
        }
        let count = receivers.len() as i64;
        let mut own = own;
        for (id, pattern) in receivers {
            let write = |reply: &mut Reply| match &pattern {
                None => {
                    push_header(reply, 3);
                    reply.bulk(if shard { b"smessage" } else { b"message" });
                    reply.bulk(channel);
                    reply.bulk(message);
                }
                Some(pattern) => {
                    push_header(reply, 4);
                    reply.bulk(b"pmessage");
                    reply.bulk(pattern);
                    reply.bulk(channel);
                    reply.bulk(message);
                }
            };
            match &mut own {
                Some(reply) if self.current == Some(id) => write(reply),
                _ => self.reply_to(id, write),
            }
        }
        count
    }

    /// Publishes what happened to a key, if `notify-keyspace-events` asks for it (notify.c 7.0.15).
    pub(crate) fn notify_keyspace_event(&mut self, class: u32, event: &str, key: &[u8], db: usize) {
        let wanted = self.config.notify_keyspace_events;
        if wanted & class == 0 {
            return;
        }
        if wanted & notify::KEYSPACE != 0 {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(&channel, event.as_bytes(), false, None);
        }
        if wanted & notify::KEYEVENT != 0 {
            let channel = format!("__keyevent@{db}__:{event}");
            self.publish(channel.as_bytes(), key, false, None);
        }
    }
}
