//! The commands of the group `server`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "acl",
        since: "6.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: SENTINEL,
        subs: &[
            CommandSpec {
                name: "acl|cat",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "categoryname?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|deluser",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username*",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|dryrun",
                since: "7.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username command arg*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|genpass",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "bits:int?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|getuser",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|help",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|list",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|load",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|log",
                since: "6.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "operation=(count:int | RESET!)?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|save",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|setuser",
                since: "6.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username rule*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|users",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|whoami",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "bgrewriteaof",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "bgsave",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT,
        args: "SCHEDULE!?@3.2.2",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "command",
        since: "2.8.13",
        complexity: "O(N)",
        arity: -1,
        flags: LOADING | STALE | SENTINEL,
        acl: acl::CONNECTION,
        tips: &["nondeterministic_output_order"],
        subs: &[
            CommandSpec {
                name: "command|count",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|docs",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output_order"],
                args: "command-name*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|getkeys",
                since: "2.8.13",
                complexity: "O(N)",
                arity: -4,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|getkeysandflags",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|info",
                since: "2.8.13",
                complexity: "O(N)",
                arity: -2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output_order"],
                args: "command-name*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|list",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output_order"],
                args: "FILTERBY=filterby=(MODULE=module-name | ACLCAT=category | PATTERN=pattern:pattern)?",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "config",
        since: "2.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "config|get",
                since: "2.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                args: "parameter=(parameter)*",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|resetstat",
                since: "2.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|rewrite",
                since: "2.8.0",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|set",
                since: "2.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                args: "parameter_value=(parameter value)*",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "dbsize",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: READONLY | FAST,
        acl: acl::KEYSPACE,
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "debug",
        since: "1.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
        doc_flags: DOC_SYSCMD,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "failover",
        since: "6.2.0",
        complexity: "O(1)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | STALE,
        args: "TO=target=(host port:int FORCE!?)? ABORT!? TIMEOUT=milliseconds:int?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "flushall",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: WRITE,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        args: "async=(ASYNC!@4.0.0 | SYNC!@6.2.0)?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "flushdb",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: WRITE,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        args: "async=(ASYNC!@4.0.0 | SYNC!@6.2.0)?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "info",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: LOADING | STALE | SENTINEL,
        acl: acl::DANGEROUS,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        args: "section*?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "lastsave",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: LOADING | STALE | FAST,
        acl: acl::ADMIN | acl::DANGEROUS,
        tips: &["nondeterministic_output"],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "latency",
        since: "2.8.13",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "latency|doctor",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|graph",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                args: "event",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|help",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|histogram",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                args: "command*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|history",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                args: "event",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|latest",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|reset",
                since: "2.8.13",
                complexity: "O(1)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                args: "event*?",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "lolwut",
        since: "5.0.0",
        arity: -1,
        flags: READONLY | FAST,
        args: "VERSION=version:int?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "memory",
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "memory|doctor",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|help",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|malloc-stats",
                since: "4.0.0",
                complexity: "Depends on how much memory is allocated, could be slow",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|purge",
                since: "4.0.0",
                complexity: "Depends on how much memory is allocated, could be slow",
                arity: 2,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|stats",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|usage",
                since: "4.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: READONLY,
                keys: &[at(2, 0, 1, RO)],
                args: "key#0 SAMPLES=count:int?",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "module",
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "module|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|list",
                since: "4.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT,
                tips: &["nondeterministic_output_order"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|load",
                since: "4.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED,
                args: "path arg*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|loadex",
                since: "7.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED,
                args: "path CONFIG=configs=(name value)**? ARGS=args=(arg)*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|unload",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED,
                args: "name",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "monitor",
        since: "1.0.0",
        arity: 1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "psync",
        since: "2.8.0",
        arity: -3,
        flags: NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT,
        args: "replicationid offset:int",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "replconf",
        since: "3.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
        doc_flags: DOC_SYSCMD,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "replicaof",
        since: "5.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
        args: "args=(host-port=(host port:int) | no-one=(NO! ONE!))",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "restore-asking",
        since: "3.0.0",
        complexity: "O(1)",
        arity: -4,
        flags: WRITE | DENYOOM | ASKING,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        keys: &[at(1, 0, 1, OW | UPDATE)],
        doc_flags: DOC_SYSCMD,
        args: "key#0 ttl:int serialized-value REPLACE!?@3.0.0 ABSTTL!?@5.0.0 IDLETIME=seconds:int?@5.0.0 FREQ=frequency:int?@5.0.0",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "role",
        since: "2.8.12",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | SENTINEL,
        acl: acl::ADMIN | acl::DANGEROUS,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "save",
        since: "1.0.0",
        complexity: "O(N)",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "shutdown",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | SENTINEL | ALLOW_BUSY,
        args: "nosave_save=(NOSAVE! | SAVE!)? NOW!?@7.0.0 FORCE!?@7.0.0 ABORT!?@7.0.0",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "slaveof",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "5.0.0",
        replaced_by: "`REPLICAOF`",
        args: "args=(host-port=(host port:int) | no-one=(NO! ONE!))",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "slowlog",
        since: "2.2.12",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "slowlog|get",
                since: "2.2.12",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | LOADING | STALE,
                tips: &["request_policy:all_nodes", "nondeterministic_output"],
                args: "count:int?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|help",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|len",
                since: "2.2.12",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|reset",
                since: "2.2.12",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "swapdb",
        since: "4.0.0",
        complexity: "O(N)",
        arity: 3,
        flags: WRITE | FAST,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        args: "index1:int index2:int",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "sync",
        since: "1.0.0",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "time",
        since: "2.6.0",
        complexity: "O(1)",
        arity: 1,
        flags: LOADING | STALE | FAST,
        tips: &["nondeterministic_output"],
        ..base(Group::Server)
    },
];
