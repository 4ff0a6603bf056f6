//! The commands of the group `set`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "sadd",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -3,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RW | INSERT)],
        args: "key#0 member*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "scard",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: READONLY | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sdiff",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, -1, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sdiffstore",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: WRITE | DENYOOM,
        acl: acl::SET,
        keys: &[at(1, 0, 1, OW | UPDATE), at(2, -1, 1, RO | ACCESS)],
        args: "destination#0 key#1*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sinter",
        since: "1.0.0",
        complexity: "O(N*M)",
        arity: -2,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, -1, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sintercard",
        since: "7.0.0",
        complexity: "O(N*M)",
        arity: -3,
        flags: READONLY,
        acl: acl::SET,
        keys: &[spec(Begin::Index(1), Find::Keynum { index: 0, first: 1, step: 1 }, RO | ACCESS)],
        get_keys: GetKeys::Counted { store: 0, count: 1, first: 2 },
        args: "numkeys:int key#0* LIMIT=limit:int?",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sinterstore",
        since: "1.0.0",
        complexity: "O(N*M)",
        arity: -3,
        flags: WRITE | DENYOOM,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RW | UPDATE), at(2, -1, 1, RO | ACCESS)],
        args: "destination#0 key#1*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sismember",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 3,
        flags: READONLY | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO)],
        args: "key#0 member",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "smembers",
        since: "1.0.0",
        complexity: "O(N)",
        arity: 2,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "smismember",
        since: "6.2.0",
        complexity: "O(N)",
        arity: -3,
        flags: READONLY | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 member*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "smove",
        since: "1.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: WRITE | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RW | ACCESS | DELETE), at(2, 0, 1, RW | INSERT)],
        args: "source#0 destination#1 member",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "spop",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -2,
        flags: WRITE | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RW | ACCESS | DELETE)],
        tips: &["nondeterministic_output"],
        args: "key#0 count:int?@3.2.0",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "srandmember",
        since: "1.0.0",
        complexity: "O(1)",
        arity: -2,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output"],
        args: "key#0 count:int?@2.6.0",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "srem",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: WRITE | FAST,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RW | DELETE)],
        args: "key#0 member*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sscan",
        since: "2.8.0",
        complexity: "O(1)",
        arity: -3,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        tips: &["nondeterministic_output"],
        args: "key#0 cursor:int MATCH=pattern:pattern? COUNT=count:int?",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sunion",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -2,
        flags: READONLY,
        acl: acl::SET,
        keys: &[at(1, -1, 1, RO | ACCESS)],
        tips: &["nondeterministic_output_order"],
        args: "key#0*",
        ..base(Group::Set)
    },
    CommandSpec {
        name: "sunionstore",
        since: "1.0.0",
        complexity: "O(N)",
        arity: -3,
        flags: WRITE | DENYOOM,
        acl: acl::SET,
        keys: &[at(1, 0, 1, OW | UPDATE), at(2, -1, 1, RO | ACCESS)],
        args: "destination#0 key#1*",
        ..base(Group::Set)
    },
];
