//! The commands of the group `stream`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "xack",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -4,
        flags: WRITE | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        args: "key#0 group id*",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xadd",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -5,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | UPDATE).notes("?")],
        tips: &["nondeterministic_output"],
        args: "key#0 NOMKSTREAM!?@6.2.0 trim=(strategy=(MAXLEN! | MINID!@6.2.0) operator=('='!equal | '~'!approximately)? threshold LIMIT=count:int?@6.2.0)? id_or_auto=('*'!auto_id | id) field_value=(field value)*",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xautoclaim",
        since: "6.2.0",
        complexity: "O(1)",
        arity: -6,
        flags: WRITE | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | DELETE)],
        tips: &["nondeterministic_output"],
        args: "key#0 group consumer min-idle-time start COUNT=count:int? JUSTID!?",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xclaim",
        since: "5.0.0",
        complexity: "O(log N)",
        arity: -6,
        flags: WRITE | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        tips: &["nondeterministic_output"],
        args: "key#0 group consumer min-idle-time id* IDLE=ms:int? TIME=unix-time-milliseconds:time? RETRYCOUNT=count:int? FORCE!? JUSTID!? LASTID=id?",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xdel",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: WRITE | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | DELETE)],
        args: "key#0 id*",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xgroup",
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "xgroup|create",
                since: "5.0.0",
                complexity: "O(1)",
                arity: -5,
                flags: WRITE | DENYOOM,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RW | INSERT)],
                args: "key#0 groupname id=(id | '$'!new_id) MKSTREAM!? ENTRIESREAD=entries_read:int?",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xgroup|createconsumer",
                since: "6.2.0",
                complexity: "O(1)",
                arity: 5,
                flags: WRITE | DENYOOM,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RW | INSERT)],
                args: "key#0 groupname consumername",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xgroup|delconsumer",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 5,
                flags: WRITE,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RW | DELETE)],
                args: "key#0 groupname consumername",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xgroup|destroy",
                since: "5.0.0",
                complexity: "O(N)",
                arity: 4,
                flags: WRITE,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RW | DELETE)],
                args: "key#0 groupname",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xgroup|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::STREAM,
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xgroup|setid",
                since: "5.0.0",
                complexity: "O(1)",
                arity: -5,
                flags: WRITE,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RW | UPDATE)],
                args: "key#0 groupname id=(id | '$'!new_id) ENTRIESREAD=entries_read:int?",
                ..base(Group::Stream)
            },
        ],
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xinfo",
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "xinfo|consumers",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 4,
                flags: READONLY,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RO | ACCESS)],
                tips: &["nondeterministic_output"],
                args: "key#0 groupname",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xinfo|groups",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: READONLY,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RO | ACCESS)],
                args: "key#0",
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xinfo|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                acl: acl::STREAM,
                ..base(Group::Stream)
            },
            CommandSpec {
                name: "xinfo|stream",
                since: "5.0.0",
                complexity: "O(1)",
                arity: -3,
                flags: READONLY,
                acl: acl::STREAM,
                keys: &[at(2, 0, 1, RO | ACCESS)],
                args: "key#0 FULL=full=(COUNT=count:int?)?",
                ..base(Group::Stream)
            },
        ],
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xlen",
        since: "5.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: READONLY | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xpending",
        since: "5.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: READONLY,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output"],
        args: "key#0 group filters=(IDLE=min-idle-time:int?@6.2.0 start end count:int consumer?)?",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xrange",
        since: "5.0.0",
        complexity: "O(N)",
        arity: -4,
        flags: READONLY,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 start end COUNT=count:int?",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xread",
        since: "5.0.0",
        complexity: "O(N)",
        arity: -4,
        flags: BLOCKING | READONLY | BLOCKING,
        acl: acl::STREAM,
        keys: &[spec(Begin::Keyword("STREAMS", 1), Find::Range { last: -1, step: 1, limit: 2 }, RO | ACCESS)],
        get_keys: GetKeys::Xread,
        args: "COUNT=count:int? BLOCK=milliseconds:int? STREAMS=streams=(key#0* id*)",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xreadgroup",
        since: "5.0.0",
        complexity: "O(M)",
        arity: -7,
        flags: BLOCKING | WRITE,
        acl: acl::STREAM,
        keys: &[spec(Begin::Keyword("STREAMS", 4), Find::Range { last: -1, step: 1, limit: 2 }, RO | ACCESS)],
        get_keys: GetKeys::Xread,
        args: "GROUP=group_consumer=(group consumer) COUNT=count:int? BLOCK=milliseconds:int? NOACK!? STREAMS=streams=(key#0* id*)",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xrevrange",
        since: "5.0.0",
        complexity: "O(N)",
        arity: -4,
        flags: READONLY,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 end start COUNT=count:int?",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xsetid",
        since: "5.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        args: "key#0 last-id ENTRIESADDED=entries_added:int?@7.0.0 MAXDELETEDID=max_deleted_entry_id?@7.0.0",
        ..base(Group::Stream)
    },
    CommandSpec {
        name: "xtrim",
        since: "5.0.0",
        complexity: "O(N)",
        arity: -4,
        flags: WRITE,
        acl: acl::STREAM,
        keys: &[at(1, 0, 1, RW | DELETE)],
        tips: &["nondeterministic_output"],
        args: "key#0 trim=(strategy=(MAXLEN! | MINID!@6.2.0) operator=('='!equal | '~'!approximately)? threshold LIMIT=count:int?@6.2.0)",
        ..base(Group::Stream)
    },
];
