//! The commands of the group `connection`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "auth",
        summary: "Proves who the client is",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY,
        acl: acl::CONNECTION,
        history: &[("6.0.0", "takes a user's name")],
        args: "username?@6.0.0 password",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "client",
        summary: "Container for commands about connections",
        since: "2.4.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: SENTINEL,
        subs: &[
            CommandSpec {
                name: "client|caching",
                summary: "Says whether the next command's keys are tracked",
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
                summary: "Gives the connection's name",
                since: "2.6.9",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|getredir",
                summary: "Gives the client that invalidations are sent to",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|help",
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|id",
                summary: "Gives the connection's number",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|info",
                summary: "Describes this connection",
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
                summary: "Closes connections",
                since: "2.4.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                history: &[
                    ("2.8.12", "takes filters"),
                    ("2.8.12", "filter `ID`"),
                    ("3.2.0", "`TYPE master`"),
                    ("5.0.0", "`TYPE replica`, with `slave` still known"),
                    ("6.2.0", "filter `LADDR`"),
                ],
                args: "filter=('ip:port'^2.8.12 | new-format=(ID=client-id:int?@2.8.12 | TYPE=normal_master_slave_pubsub=(NORMAL! | MASTER!@3.2.0 | SLAVE! | REPLICA!@5.0.0 | PUBSUB!)?@2.8.12 | USER=username? | ADDR='ip:port'? | LADDR='ip:port'?@6.2.0 | SKIPME='yes/no'?)*)",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|list",
                summary: "Describes all connections",
                since: "2.4.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output"],
                history: &[
                    ("2.8.12", "field `id`"),
                    ("5.0.0", "filter `TYPE`"),
                    ("6.0.0", "field `user`"),
                    ("6.2.0", "fields `argv-mem`, `tot-mem`, `laddr`, `redir`; filter `ID`"),
                    ("7.0.0", "fields `resp`, `multi-mem`, `rbs`, `rbp`"),
                    ("7.0.3", "field `ssub`"),
                ],
                args: "TYPE=normal_master_replica_pubsub=(NORMAL! | MASTER! | REPLICA! | PUBSUB!)?@5.0.0 ID=id=(client-id:int*)?@6.2.0",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|no-evict",
                summary: "Exempts this connection from eviction",
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
                summary: "Makes the server hold back commands for a while",
                since: "2.9.50",
                complexity: "O(1)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                history: &[("6.2.0", "`WRITE` and `ALL`")],
                args: "timeout:int mode=(WRITE! | ALL!)?@6.2.0",
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|reply",
                summary: "Switches replies to this connection on or off",
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
                summary: "Names the connection",
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
                summary: "Switches tracking of the keys this client reads on or off",
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
                summary: "Describes how this client's keys are tracked",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Connection)
            },
            CommandSpec {
                name: "client|unblock",
                summary: "Ends another client's waiting",
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
                summary: "Ends a pause",
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
        summary: "Gives the message back",
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
        summary: "Chooses the protocol version and introduces the client",
        since: "6.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY,
        acl: acl::CONNECTION,
        history: &[("6.2.0", "without a version, only tells")],
        args: "arguments=(protover:int AUTH=username_password=(username password)? SETNAME=clientname?)?",
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "ping",
        summary: "Tells that the server is alive",
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
        summary: "Closes the connection",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH,
        acl: acl::CONNECTION,
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "reset",
        summary: "Puts the connection back as it was when it was new",
        since: "6.2.0",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
        acl: acl::CONNECTION,
        ..base(Group::Connection)
    },
    CommandSpec {
        name: "select",
        summary: "Chooses the database",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: LOADING | STALE | FAST,
        acl: acl::CONNECTION,
        args: "index:int",
        ..base(Group::Connection)
    },
];
