//! The commands of the group `cluster`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "asking",
        summary: "Lets the next command use a slot that is being imported",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "cluster",
        summary: "Container for commands about the cluster",
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        subs: &[
            CommandSpec {
                name: "cluster|addslots",
                summary: "Gives slots to this node",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|addslotsrange",
                summary: "Gives ranges of slots to this node",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "start-slot_end-slot=(start-slot:int end-slot:int)*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|bumpepoch",
                summary: "Raises this node's configuration epoch",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|count-failure-reports",
                summary: "Counts the nodes that think a node has failed",
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
                summary: "Counts the keys of a slot",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: STALE,
                args: "slot:int",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|delslots",
                summary: "Makes this node forget who has slots",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|delslotsrange",
                summary: "Makes this node forget who has ranges of slots",
                since: "7.0.0",
                complexity: "O(N)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "start-slot_end-slot=(start-slot:int end-slot:int)*",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|failover",
                summary: "Makes this replica the master",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "options=(FORCE! | TAKEOVER!)?",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|flushslots",
                summary: "Makes this node give up its slots",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|forget",
                summary: "Makes this node forget another",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|getkeysinslot",
                summary: "Lists keys of a slot",
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
                summary: "Shows the subcommands",
                since: "5.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: LOADING | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|info",
                summary: "Tells the state of the cluster",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|keyslot",
                summary: "Tells the slot of a key",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 3,
                flags: STALE,
                args: "key",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|links",
                summary: "Lists the links to other nodes",
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|meet",
                summary: "Introduces another node",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                history: &[("4.0.0", "`cluster_bus_port`")],
                args: "ip port:int cluster_bus_port:int?@4.0.0",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|myid",
                summary: "Gives this node's id",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|nodes",
                summary: "Describes all nodes as this one knows them",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|replicas",
                summary: "Lists the replicas of a master",
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
                summary: "Makes this node a replica of a master",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "node-id",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|reset",
                summary: "Makes this node new",
                since: "3.0.0",
                complexity: "O(N)",
                arity: -2,
                flags: ADMIN | STALE | NOSCRIPT,
                args: "hard_soft=(HARD! | SOFT!)?",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|saveconfig",
                summary: "Writes nodes.conf",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 2,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|set-config-epoch",
                summary: "Sets the configuration epoch of a new node",
                since: "3.0.0",
                complexity: "O(1)",
                arity: 3,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "config-epoch:int",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|setslot",
                summary: "Says who has a slot, or that it moves",
                since: "3.0.0",
                complexity: "O(1)",
                arity: -4,
                flags: NO_ASYNC_LOADING | ADMIN | STALE,
                args: "slot:int subcommand=(IMPORTING=node-id | MIGRATING=node-id | NODE=node-id | STABLE!)",
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|shards",
                summary: "Describes masters with their replicas and slots",
                since: "7.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                ..base(Group::Cluster)
            },
            CommandSpec {
                name: "cluster|slaves",
                summary: "Lists the replicas of a master",
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
                summary: "Lists ranges of slots and who serves them",
                since: "3.0.0",
                complexity: "O(N)",
                arity: 2,
                flags: STALE,
                tips: &["nondeterministic_output"],
                doc_flags: DOC_DEPRECATED,
                deprecated_since: "7.0.0",
                replaced_by: "`CLUSTER SHARDS`",
                history: &[("4.0.0", "node ids"), ("7.0.0", "a map of further addresses")],
                ..base(Group::Cluster)
            },
        ],
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "readonly",
        summary: "Lets this connection read from a replica",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST | LOADING | STALE,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
    CommandSpec {
        name: "readwrite",
        summary: "Ends READONLY",
        since: "3.0.0",
        complexity: "O(1)",
        arity: 1,
        flags: FAST | LOADING | STALE,
        acl: acl::CONNECTION,
        ..base(Group::Cluster)
    },
];
