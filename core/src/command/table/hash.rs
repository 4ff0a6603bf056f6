//! The commands of the group `hash`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "hdel",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: WRITE | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | DELETE)],
        args: "key#0 field*",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hexists",
        since: "2.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: READONLY | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0 field",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hget",
        since: "2.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: READONLY | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 field",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hgetall",
        since: "2.0.0",
        complexity: "O(N)",
        arity: 2,
        flags: READONLY,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hincrby",
        since: "2.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | ACCESS | UPDATE)],
        args: "key#0 field increment:int",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hincrbyfloat",
        since: "2.6.0",
        complexity: "O(1)",
        arity: 4,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | ACCESS | UPDATE)],
        args: "key#0 field increment:double",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hkeys",
        since: "2.0.0",
        complexity: "O(N)",
        arity: 2,
        flags: READONLY,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hlen",
        since: "2.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: READONLY | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hmget",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: READONLY | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 field*",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hmset",
        since: "2.0.0",
        complexity: "O(N)",
        arity: -4,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "4.0.0",
        replaced_by: "`HSET` with multiple field-value pairs",
        args: "key#0 field_value=(field value)*",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hrandfield",
        since: "6.2.0",
        complexity: "O(N)",
        arity: -2,
        flags: READONLY,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output"],
        args: "key#0 options=(count:int WITHVALUES!?)?",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hscan",
        since: "2.8.0",
        complexity: "O(1)",
        arity: -3,
        flags: READONLY,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output"],
        args: "key#0 cursor:int MATCH=pattern:pattern? COUNT=count:int?",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hset",
        since: "2.0.0",
        complexity: "O(1)",
        arity: -4,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        args: "key#0 field_value=(field value)*",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hsetnx",
        since: "2.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RW | INSERT)],
        args: "key#0 field value",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hstrlen",
        since: "3.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: READONLY | FAST,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0 field",
        ..base(Group::Hash)
    },
    CommandSpec {
        name: "hvals",
        since: "2.0.0",
        complexity: "O(N)",
        arity: 2,
        flags: READONLY,
        acl: acl::HASH,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0",
        ..base(Group::Hash)
    },
];
