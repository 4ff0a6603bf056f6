//! The commands of the group `scripting`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "eval",
        since: "2.6.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RW | ACCESS | UPDATE)
            .notes("?")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "script numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "eval_ro",
        since: "7.0.0",
        complexity: "Depends on the script that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS).notes("?")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "script numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "evalsha",
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
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RW | ACCESS | UPDATE)
            .notes("?")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "function numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "fcall_ro",
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        arity: -3,
        flags: NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY,
        acl: acl::SCRIPTING,
        keys: &[spec(Begin::Index(2), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS).notes("?")],
        get_keys: GetKeys::Counted { store: 0, count: 2, first: 3 },
        args: "function numkeys:int key#0*? arg*?",
        ..base(Group::Scripting)
    },
    CommandSpec {
        name: "function",
        since: "7.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "function|delete",
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
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|flush",
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
                since: "7.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "function|kill",
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
        since: "2.6.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "script|debug",
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
                since: "2.6.0",
                complexity: "O(N)",
                arity: -2,
                flags: NOSCRIPT,
                acl: acl::SCRIPTING,
                tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
                args: "async=(ASYNC! | SYNC!)?@6.2.0",
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::SCRIPTING,
                ..base(Group::Scripting)
            },
            CommandSpec {
                name: "script|kill",
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
