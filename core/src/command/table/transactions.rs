//! The commands of the group `transactions`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "discard",
        summary: "Drops the queued commands of a transaction",
        since: "2.0.0",
        complexity: "O(N)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "exec",
        summary: "Runs the queued commands of a transaction",
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "multi",
        summary: "Begins a transaction",
        since: "1.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "unwatch",
        summary: "Forgets all watched keys",
        since: "2.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
        acl: acl::TRANSACTION,
        ..base(Group::Transactions)
    },
    CommandSpec {
        name: "watch",
        summary: "Watches keys: if one changes, the transaction is not run",
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
