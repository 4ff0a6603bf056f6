//! The commands of the group `cluster`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "asking",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "cluster",
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "cluster|addslots",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|addslotsrange",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "start-slot_end-slot=(start-slot:int end-slot:int)*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|bumpepoch",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|count-failure-reports",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 3,
                flags: ADMIN | STALE,
                tips: &["nondeterministic_output"],
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|countkeysinslot",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: STALE,
                args: "slot:int",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|delslots",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|delslotsrange",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "start-slot_end-slot=(start-slot:int end-slot:int)*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|failover",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "options=(FORCE! | TAKEOVER!)?",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|flushslots",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|forget",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|getkeysinslot",
                since: "3.0.0",
                complexity: "O(log(N))",
                arity: 4,
                flags: STALE,
                tips: &["nondeterministic_output"],
                args: "slot:int count:int",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|help",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|info",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|keyslot",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 3,
                flags: STALE,
                args: "key",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|links",
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|meet",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "ip port:int cluster_bus_port:int?@4.0.0",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|myid",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|nodes",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|replicas",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: ADMIN | STALE,
                tips: &["nondeterministic_output"],
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|replicate",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|reset",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | STALE | NOSCRIPT,
                args: "hard_soft=(HARD! | SOFT!)?",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|saveconfig",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|set-config-epoch",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "config-epoch:int",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|setslot",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int subcommand=(IMPORTING=node-id | MIGRATING=node-id | NODE=node-id | STABLE!)",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|shards",
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|slaves",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: ADMIN | STALE,
                tips: &["nondeterministic_output"],
                doc_flags: DOC_DEPRECATED,
                deprecated_since: "5.0.0",
                replaced_by: "`CLUSTER REPLICAS`",
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|slots",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                doc_flags: DOC_DEPRECATED,
                deprecated_since: "7.0.0",
                replaced_by: "`CLUSTER SHARDS`",
                ..base(Group::Cluster)
            },
        ],
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "readonly",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST | LOADING | STALE,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "readwrite",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST | LOADING | STALE,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
];
