//! The commands of the group `server`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "acl",
        summary: "Container for commands about users and their rights",
        since: "6.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: SENTINEL,
        subs: &[
            CommandSpec {
                name: "acl|cat",
                summary: "Lists the categories, or the commands of one",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "categoryname?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|deluser",
                summary: "Deletes users",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username*",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|dryrun",
                summary: "Tells whether a user could run a command",
                since: "7.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "username command arg*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|genpass",
                summary: "Makes a random password",
                since: "6.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "bits:int?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|getuser",
                summary: "Describes a user's rights",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                history: &[
                    ("6.2.0", "shows channel patterns"),
                    ("7.0.0", "shows selectors; patterns come as rules, not as lists"),
                ],
                args: "username",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|help",
                summary: "Shows the subcommands",
                since: "6.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|list",
                summary: "Lists all users with their rules",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|load",
                summary: "Reads the users from the ACL file again",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|log",
                summary: "Lists what was refused lately",
                since: "6.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                args: "operation=(count:int | RESET!)?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|save",
                summary: "Writes the users to the ACL file",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|setuser",
                summary: "Creates a user or changes its rights",
                since: "6.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                history: &[
                    ("6.2.0", "knows channel patterns"),
                    ("7.0.0", "knows selectors and rights to keys"),
                ],
                args: "username rule*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|users",
                summary: "Lists the names of all users",
                since: "6.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "acl|whoami",
                summary: "Names the user of this connection",
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
        summary: "Rewrites the append-only file in the background",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "bgsave",
        summary: "Writes a snapshot in the background",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT,
        history: &[("3.2.2", "`SCHEDULE`")],
        args: "SCHEDULE!?@3.2.2",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "command",
        summary: "Describes all commands; container for commands about commands",
        since: "2.8.13",
        complexity: "O(N)",
        arity: -1,
        flags: LOADING | STALE | SENTINEL,
        acl: acl::CONNECTION,
        tips: &["nondeterministic_output_order"],
        subs: &[
            CommandSpec {
                name: "command|count",
                summary: "Counts the commands",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|docs",
                summary: "Documents commands",
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
                summary: "Finds the keys in a request",
                since: "2.8.13",
                complexity: "O(N)",
                arity: -4,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|getkeysandflags",
                summary: "Finds the keys in a request and what is done with each",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|help",
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|info",
                summary: "Describes commands",
                since: "2.8.13",
                complexity: "O(N)",
                arity: -2,
                flags: LOADING | STALE | SENTINEL,
                acl: acl::CONNECTION,
                tips: &["nondeterministic_output_order"],
                history: &[("7.0.0", "without arguments, tells of all commands")],
                args: "command-name*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "command|list",
                summary: "Lists the names of commands",
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
        summary: "Container for commands about the configuration",
        since: "2.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "config|get",
                summary: "Gives parameters of the configuration",
                since: "2.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                history: &[("7.0.0", "several patterns")],
                args: "parameter=(parameter)*",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|help",
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|resetstat",
                summary: "Sets the statistics back to zero",
                since: "2.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|rewrite",
                summary: "Writes the configuration in force to its file",
                since: "2.8.0",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "config|set",
                summary: "Changes parameters of the configuration",
                since: "2.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                history: &[("7.0.0", "several parameters")],
                args: "parameter_value=(parameter value)*",
                ..base(Group::Server)
            },
        ],
        ..base(Group::Server)
    },
    CommandSpec {
        name: "dbsize",
        summary: "Counts the keys of the database",
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
        summary: "Container for commands for those who work on the server",
        since: "1.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
        doc_flags: DOC_SYSCMD,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "failover",
        summary: "Makes a replica the master, in good order",
        since: "6.2.0",
        complexity: "O(1)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | STALE,
        args: "TO=target=(host port:int FORCE!?)? ABORT!? TIMEOUT=milliseconds:int?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "flushall",
        summary: "Deletes all keys of all databases",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: WRITE,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[("4.0.0", "`ASYNC`"), ("6.2.0", "`SYNC`")],
        args: "async=(ASYNC!@4.0.0 | SYNC!@6.2.0)?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "flushdb",
        summary: "Deletes all keys of the database",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: WRITE,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[("4.0.0", "`ASYNC`"), ("6.2.0", "`SYNC`")],
        args: "async=(ASYNC!@4.0.0 | SYNC!@6.2.0)?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "info",
        summary: "Tells facts and statistics about the server",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: LOADING | STALE | SENTINEL,
        acl: acl::DANGEROUS,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        history: &[("7.0.0", "several sections")],
        args: "section*?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "lastsave",
        summary: "Tells when the last snapshot was written",
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
        summary: "Container for commands about slow events",
        since: "2.8.13",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "latency|doctor",
                summary: "Gives advice on slow events",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|graph",
                summary: "Draws the history of an event",
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
                summary: "Shows the subcommands",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|histogram",
                summary: "Gives the distribution of commands' run times",
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
                summary: "Lists when an event was slow",
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
                summary: "Lists the latest slow events",
                since: "2.8.13",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | NOSCRIPT | LOADING | STALE,
                tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "latency|reset",
                summary: "Forgets slow events",
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
        summary: "Shows a piece of computer art and the version",
        since: "5.0.0",
        arity: -1,
        flags: READONLY | FAST,
        args: "VERSION=version:int?",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "memory",
        summary: "Container for commands about memory",
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "memory|doctor",
                summary: "Gives advice on memory",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|help",
                summary: "Shows the subcommands",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|malloc-stats",
                summary: "Gives the allocator's own statistics",
                since: "4.0.0",
                complexity: "Depends on how much memory is allocated, could be slow",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|purge",
                summary: "Asks the allocator to give memory back",
                since: "4.0.0",
                complexity: "Depends on how much memory is allocated, could be slow",
                arity: 2,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|stats",
                summary: "Tells where memory goes",
                since: "4.0.0",
                complexity: "O(1)",
                arity: 2,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "memory|usage",
                summary: "Estimates the bytes that a key takes",
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
        summary: "Container for commands about modules",
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "module|help",
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|list",
                summary: "Lists the loaded modules",
                since: "4.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: ADMIN | NOSCRIPT,
                tips: &["nondeterministic_output_order"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|load",
                summary: "Loads a module",
                since: "4.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED,
                args: "path arg*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|loadex",
                summary: "Loads a module with parameters",
                since: "7.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED,
                args: "path CONFIG=configs=(name value)**? ARGS=args=(arg)*?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "module|unload",
                summary: "Unloads a module",
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
        summary: "Shows every command the server runs",
        since: "1.0.0",
        arity: 1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "psync",
        summary: "Servers' own: begins replication, from an offset if possible",
        since: "2.8.0",
        arity: -3,
        flags: NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT,
        args: "replicationid offset:int",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "replconf",
        summary: "Servers' own: tells the master about a replica",
        since: "3.0.0",
        complexity: "O(1)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
        doc_flags: DOC_SYSCMD,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "replicaof",
        summary: "Makes the server a replica of another, or a master",
        since: "5.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
        args: "args=(host-port=(host port:int) | no-one=(NO! ONE!))",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "restore-asking",
        summary: "Servers' own: RESTORE for a slot on its way",
        since: "3.0.0",
        complexity: "O(1)",
        arity: -4,
        flags: WRITE | DENYOOM | ASKING,
        acl: acl::KEYSPACE | acl::DANGEROUS,
        keys: &[at(1, 0, 1, OW | UPDATE)],
        doc_flags: DOC_SYSCMD,
        history: &[("3.0.0", "`REPLACE`"), ("5.0.0", "`ABSTTL`"), ("5.0.0", "`IDLETIME`, `FREQ`")],
        args: "key#0 ttl:int serialized-value REPLACE!?@3.0.0 ABSTTL!?@5.0.0 IDLETIME=seconds:int?@5.0.0 FREQ=frequency:int?@5.0.0",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "role",
        summary: "Tells whether the server is master or replica, and its links",
        since: "2.8.12",
        complexity: "O(1)",
        arity: 1,
        flags: NOSCRIPT | LOADING | STALE | FAST | SENTINEL,
        acl: acl::ADMIN | acl::DANGEROUS,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "save",
        summary: "Writes a snapshot while everything else waits",
        since: "1.0.0",
        complexity: "O(N)",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "shutdown",
        summary: "Saves if configured so, and ends the server",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -1,
        flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | SENTINEL | ALLOW_BUSY,
        history: &[("7.0.0", "`NOW`, `FORCE`, `ABORT`")],
        args: "nosave_save=(NOSAVE! | SAVE!)? NOW!?@7.0.0 FORCE!?@7.0.0 ABORT!?@7.0.0",
        ..base(Group::Server)
    },
    CommandSpec {
        name: "slaveof",
        summary: "Makes the server a replica of another, or a master",
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
        summary: "Container for commands about slow commands",
        since: "2.2.12",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "slowlog|get",
                summary: "Lists slow commands",
                since: "2.2.12",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | LOADING | STALE,
                tips: &["request_policy:all_nodes", "nondeterministic_output"],
                history: &[("4.0.0", "address and name of the client")],
                args: "count:int?",
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|help",
                summary: "Shows the subcommands",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|len",
                summary: "Counts the slow commands on record",
                since: "2.2.12",
                complexity: "O(1)",
                arity: 2,
                flags: ADMIN | LOADING | STALE,
                tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
                ..base(Group::Server)
            },
            CommandSpec {
                name: "slowlog|reset",
                summary: "Forgets the slow commands",
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
        summary: "Exchanges two databases",
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
        summary: "Servers' own: begins replication from the start",
        since: "1.0.0",
        arity: 1,
        flags: NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT,
        ..base(Group::Server)
    },
    CommandSpec {
        name: "time",
        summary: "Tells the server's time",
        since: "2.6.0",
        complexity: "O(1)",
        arity: 1,
        flags: LOADING | STALE | FAST,
        tips: &["nondeterministic_output"],
        ..base(Group::Server)
    },
];
