//! The commands of the group `transactions`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "discard",
        since: "2.0.0",
        complexity: "O(N)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "exec",
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "multi",
        since: "1.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "unwatch",
        since: "2.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "watch",
        since: "2.2.0",
        complexity: "O(1)",
        arity: -2,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        keys: &[at(1, -1, 1, RO)],
        args: "key#0*",
        ..base(Group::Transactions)
    },
];
