//! The commands of the group `connection`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "auth",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY,
        acl: acl::CONNECTION,
        args: "username?@6.0.0 password",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "client",
        since: "2.4.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: SENTINEL,
        subs: &[
            CommandSpec {
                name: "client|caching",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "mode=(YES! | NO!)",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|getname",
                since: "2.6.9",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|getredir",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|id",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|info",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output"],
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|kill",
                since: "2.4.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "filter=('ip:port'^2.8.12 | new-format=(ID=client-id:int?@2.8.12 | TYPE=normal_master_slave_pubsub=(NORMAL! | MASTER!@3.2.0 | SLAVE! | REPLICA!@5.0.0 | PUBSUB!)?@2.8.12 | USER=username? | ADDR='ip:port'? | LADDR='ip:port'?@6.2.0 | SKIPME='yes/no'?)*)",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|list",
                since: "2.4.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output"],
                args: "TYPE=normal_master_replica_pubsub=(NORMAL! | MASTER! | REPLICA! | PUBSUB!)?@5.0.0 ID=id=(client-id:int*)?@6.2.0",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|no-evict",
                since: "7.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "enabled=(ON! | OFF!)",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|pause",
                since: "2.9.50",
                complexity: "O(1)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "timeout:int mode=(WRITE! | ALL!)?@6.2.0",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|reply",
                since: "3.2.0",
                complexity: "O(1)",
                arity: 3,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "on_off_skip=(ON! | OFF! | SKIP!)",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|setname",
                since: "2.6.9",
                complexity: "O(1)",
                arity: 3,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "connection-name",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|tracking",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "status=(ON! | OFF!) REDIRECT=client-id:int? PREFIX=prefix**? BCAST!? OPTIN!? OPTOUT!? NOLOOP!?",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|trackinginfo",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|unblock",
                since: "5.0.0",
                complexity: "O(log N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                args: "client-id:int timeout_error=(TIMEOUT! | ERROR!)?",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|unpause",
                since: "6.2.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
        ],
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "echo",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: LOADING | STALE | FAST,
        acl: acl::CONNECTION,
        args: "message",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "hello",
        since: "6.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY,
        acl: acl::CONNECTION,
        args: "arguments=(protover:int AUTH=username_password=(username password)? SETNAME=clientname?)?",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "ping",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: FAST | SENTINEL,
        acl: acl::CONNECTION,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        args: "message?",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "quit",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH,
        acl: acl::CONNECTION,
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "reset",
        since: "6.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        acl: acl::CONNECTION,
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "select",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: LOADING | STALE | FAST,
        acl: acl::CONNECTION,
        args: "index:int",
        ..base(Group::Connection)
    },
];
