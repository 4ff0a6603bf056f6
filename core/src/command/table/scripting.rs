//! The commands of the group `scripting`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "eval",
        summary: "Runs a Lua script",
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RW | ACCESS | UPDATE)
            .notes("what a script does with its keys is not known, so the most is assumed")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "script numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "eval_ro",
        summary: "Runs a Lua script that only reads",
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS)
            .notes("what a script does with its keys is not known, so the most it may is assumed")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "script numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "evalsha",
        summary: "Runs a Lua script known to the server, by its SHA1",
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RW | ACCESS | UPDATE)],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "sha1 numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "evalsha_ro",
        summary: "Runs a Lua script that only reads, by its SHA1",
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS)],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "sha1 numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "fcall",
        summary: "Runs a function",
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RW | ACCESS | UPDATE)
            .notes("what a function does with its keys is not known, so the most is assumed")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "function numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "fcall_ro",
        summary: "Runs a function that only reads",
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS)
            .notes("what a function does with its keys is not known, so the most it may is assumed")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "function numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "function",
        summary: "Container for commands about functions",
        since: "7.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "function|delete",
                summary: "Deletes a library with its functions",
                since: "7.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NOSCRIPT | WRITE,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                args: "library-name",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|dump",
                summary: "Gives all libraries in serialised form",
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|flush",
                summary: "Deletes all libraries",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: NOSCRIPT | WRITE,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                args: "async=(ASYNC! | SYNC!)?",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|help",
                summary: "Shows the subcommands",
                since: "7.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|kill",
                summary: "Ends the function that is running",
                since: "7.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | ALLOW_BUSY,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|list",
                summary: "Lists libraries and their functions",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                tips: &["nondeterministic_output_order"],
                args: "LIBRARYNAME=library-name-pattern? WITHCODE!?",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|load",
                summary: "Creates a library of functions",
                since: "7.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: NOSCRIPT | WRITE | DENYOOM,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                args: "REPLACE!? function-code",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|restore",
                summary: "Creates libraries from a dump",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: NOSCRIPT | WRITE | DENYOOM,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                args: "serialized-value policy=(FLUSH! | APPEND! | REPLACE!)?",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|stats",
                summary: "Tells about the function that is running",
                since: "7.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | ALLOW_BUSY,
                acl: acl::SCRIPTING,
                tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
                ..base(Group::Scripting)
            },
        ],
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "script",
        summary: "Container for commands about scripts",
        since: "2.6.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "script|debug",
                summary: "Chooses how scripts of this connection are debugged",
                since: "3.2.0",
                complexity: "O(1)",
                arity: 3,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                args: "mode=(YES! | SYNC! | NO!)",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|exists",
                summary: "Tells which scripts the server knows",
                since: "2.6.0",
                complexity: "O(N)",
                arity: -3,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
                args: "sha1*",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|flush",
                summary: "Forgets all scripts",
                since: "2.6.0",
                complexity: "O(N)",
                arity: -2,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                history: &[("6.2.0", "`ASYNC`, `SYNC`")],
                args: "async=(ASYNC! | SYNC!)?@6.2.0",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|help",
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|kill",
                summary: "Ends the script that is running",
                since: "2.6.0",
                complexity: "O(1)",
                arity: 2,
                flags: NOSCRIPT | ALLOW_BUSY,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|load",
                summary: "Makes a script known to the server",
                since: "2.6.0",
                complexity: "O(N)",
                arity: 3,
                flags: NOSCRIPT | STALE,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                args: "script",
                ..base(Group::Scripting)
            },
        ],
        ..base(Group::Scripting)
    },
];
