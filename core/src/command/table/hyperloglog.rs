//! The commands of the group `hyperloglog`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "pfadd",
        summary: "Adds elements to a HyperLogLog",
        since: "2.8.9",
        complexity: "O(1)",
        arity: -2,
        flags: WRITE | DENYOOM | FAST,
        acl: acl::HYPERLOGLOG,
        keys: &[at(1, 0, 1, RW | INSERT)],
        args: "key#0 element*?",
        ..base(Group::Hyperloglog)
    },
    CommandSpec {
        name: "pfcount",
        summary: "Estimates how many different elements HyperLogLogs have seen",
        since: "2.8.9",
        complexity: "O(1)",
        arity: -2,
        flags: READONLY | MAY_REPLICATE,
        acl: acl::HYPERLOGLOG,
        keys: &[at(1, -1, 1, RW | ACCESS).notes("may write its cached estimate back")],
        args: "key#0*",
        ..base(Group::Hyperloglog)
    },
    CommandSpec {
        name: "pfdebug",
        summary: "Servers' own: looks inside a HyperLogLog",
        since: "2.8.9",
        complexity: "N/A",
        arity: 3,
        flags: WRITE | DENYOOM | ADMIN,
        acl: acl::HYPERLOGLOG,
        keys: &[at(2, 0, 1, RW | ACCESS)],
        doc_flags: DOC_SYSCMD,
        args: "subcommand key#0",
        ..base(Group::Hyperloglog)
    },
    CommandSpec {
        name: "pfmerge",
        summary: "Merges HyperLogLogs into one",
        since: "2.8.9",
        complexity: "O(N)",
        arity: -2,
        flags: WRITE | DENYOOM,
        acl: acl::HYPERLOGLOG,
        keys: &[at(1, 0, 1, RW | ACCESS | INSERT), at(2, -1, 1, RO | ACCESS)],
        args: "destkey#0 sourcekey#1*",
        ..base(Group::Hyperloglog)
    },
    CommandSpec {
        name: "pfselftest",
        summary: "Servers' own: tests the HyperLogLog code",
        since: "2.8.9",
        complexity: "N/A",
        arity: 1,
        flags: ADMIN,
        acl: acl::HYPERLOGLOG,
        doc_flags: DOC_SYSCMD,
        ..base(Group::Hyperloglog)
    },
];
