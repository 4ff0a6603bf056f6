//! The commands of the group `pubsub`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "psubscribe",
        summary: "Subscribes to the channels that match patterns",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "pattern=(pattern:pattern)*",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "publish",
        summary: "Sends a message to a channel",
        since: "2.0.0",
        complexity: "O(N+M)",
        arity: 3,
        flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | SENTINEL,
        args: "channel message",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "pubsub",
        summary: "Container for commands that look at Pub/Sub",
        since: "2.8.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "pubsub|channels",
                summary: "Lists the channels that have subscribers",
                since: "2.8.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "pattern:pattern?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|help",
                summary: "Shows the subcommands",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|numpat",
                summary: "Counts the patterns subscribed to",
                since: "2.8.0",
                complexity: "O(1)",
                arity: 2,
                flags: PUBSUB | LOADING | STALE,
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|numsub",
                summary: "Counts the subscribers of channels",
                since: "2.8.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "channel*?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|shardchannels",
                summary: "Lists the shard channels that have subscribers",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "pattern:pattern?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|shardnumsub",
                summary: "Counts the subscribers of shard channels",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "shardchannel*?",
                ..base(Group::Pubsub)
            },
        ],
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "punsubscribe",
        summary: "Ends subscriptions to patterns",
        since: "2.0.0",
        complexity: "O(N+M)",
        arity: -1,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "pattern:pattern*?",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "spublish",
        summary: "Sends a message to a shard channel",
        since: "7.0.0",
        complexity: "O(N)",
        arity: 3,
        flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
        keys: &[at(1, 0, 1, NOT_KEY)],
        args: "shardchannel message",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "ssubscribe",
        summary: "Subscribes to shard channels",
        since: "7.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE,
        keys: &[at(1, -1, 1, NOT_KEY)],
        args: "shardchannel*",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "subscribe",
        summary: "Subscribes to channels",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "channel*",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "sunsubscribe",
        summary: "Ends subscriptions to shard channels",
        since: "7.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE,
        keys: &[at(1, -1, 1, NOT_KEY)],
        args: "shardchannel*?",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "unsubscribe",
        summary: "Ends subscriptions to channels",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "channel*?",
        ..base(Group::Pubsub)
    },
];
