//! The commands of the group `pubsub`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "psubscribe",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "pattern=(pattern:pattern)*",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "publish",
        since: "2.0.0",
        complexity: "O(N+M)",
        arity: 3,
        flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | SENTINEL,
        args: "channel message",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "pubsub",
        since: "2.8.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "pubsub|channels",
                since: "2.8.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "pattern:pattern?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|help",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|numpat",
                since: "2.8.0",
                complexity: "O(1)",
                arity: 2,
                flags: PUBSUB | LOADING | STALE,
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|numsub",
                since: "2.8.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "channel*?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|shardchannels",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: PUBSUB | LOADING | STALE,
                args: "pattern:pattern?",
                ..base(Group::Pubsub)
            },
            CommandSpec {
                name: "pubsub|shardnumsub",
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
        since: "2.0.0",
        complexity: "O(N+M)",
        arity: -1,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "pattern:pattern*?",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "spublish",
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
        since: "2.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "channel*",
        ..base(Group::Pubsub)
    },
    CommandSpec {
        name: "sunsubscribe",
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
        since: "2.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL,
        args: "channel*?",
        ..base(Group::Pubsub)
    },
];
