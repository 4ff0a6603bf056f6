//! The commands of the group `bitmap`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "bitcount",
        summary: "Counts the bits that are set",
        since: "2.6.0",
        complexity: "O(N)",
        arity: -2,
        flags: READONLY,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        history: &[("7.0.0", "`BYTE` and `BIT`")],
        args: "key#0 index=(start:int end:int index_unit=(BYTE! | BIT!)?@7.0.0)?",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "bitfield",
        summary: "Works on integers of any width within a string",
        since: "3.2.0",
        complexity: "O(1)",
        arity: -2,
        flags: WRITE | DENYOOM,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RW | UPDATE | ACCESS | VARIABLE_FLAGS).notes("may read and change the key")],
        get_keys: GetKeys::Bitfield,
        args: "key#0 operation=(GET=encoding_offset=(encoding offset:int) | write=(OVERFLOW=wrap_sat_fail=(WRAP! | SAT! | FAIL!)? write_operation=(SET=encoding_offset_value=(encoding offset:int value:int) | INCRBY=encoding_offset_increment=(encoding offset:int increment:int))))*?",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "bitfield_ro",
        summary: "Reads integers of any width within a string",
        since: "6.0.0",
        complexity: "O(1)",
        arity: -2,
        flags: READONLY | FAST,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 GET=encoding_offset=(encoding offset:int)**?",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "bitop",
        summary: "Combines strings bit by bit",
        since: "2.6.0",
        complexity: "O(N)",
        arity: -4,
        flags: WRITE | DENYOOM,
        acl: acl::BITMAP,
        keys: &[at(2, 0, 1, OW | UPDATE), at(3, -1, 1, RO | ACCESS)],
        args: "operation destkey#0 key#1*",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "bitpos",
        summary: "Finds the first bit that is set or clear",
        since: "2.8.7",
        complexity: "O(N)",
        arity: -3,
        flags: READONLY,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        history: &[("7.0.0", "`BYTE` and `BIT`")],
        args: "key#0 bit:int index=(start:int end_index=(end:int index_unit=(BYTE! | BIT!)?@7.0.0)?)?",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "getbit",
        summary: "Gives one bit of a string",
        since: "2.2.0",
        complexity: "O(1)",
        arity: 3,
        flags: READONLY | FAST,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 offset:int",
        ..base(Group::Bitmap)
    },
    CommandSpec {
        name: "setbit",
        summary: "Sets or clears one bit of a string",
        since: "2.2.0",
        complexity: "O(1)",
        arity: 4,
        flags: WRITE | DENYOOM,
        acl: acl::BITMAP,
        keys: &[at(1, 0, 1, RW | ACCESS | UPDATE)],
        args: "key#0 offset:int value:int",
        ..base(Group::Bitmap)
    },
];
