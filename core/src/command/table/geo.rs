//! The commands of the group `geo`: facts of Redis 7.0.15. The columns are described at [`CommandSpec`].

use super::*;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "geoadd",
        since: "3.2.0",
        complexity: "O(log(N))",
        arity: -5,
        flags: WRITE | DENYOOM,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RW | UPDATE)],
        args: "key#0 condition=(NX! | XX!)?@6.2.0 CH!change?@6.2.0 longitude_latitude_member=(longitude:double latitude:double member)*",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "geodist",
        since: "3.2.0",
        complexity: "O(log(N))",
        arity: -4,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 member1 member2 unit=(M! | KM! | FT! | MI!)?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "geohash",
        since: "3.2.0",
        complexity: "O(log(N))",
        arity: -2,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 member*",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "geopos",
        since: "3.2.0",
        complexity: "O(N)",
        arity: -2,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 member*",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "georadius",
        since: "3.2.0",
        complexity: "O(N+log(M))",
        arity: -6,
        flags: WRITE | DENYOOM,
        acl: acl::GEO,
        keys: &[
            at(1, 0, 1, RO | ACCESS),
            spec(Begin::Keyword("STORE", 6), Find::Range { last: 0, step: 1, limit: 0 }, OW | UPDATE),
            spec(Begin::Keyword("STOREDIST", 6), Find::Range { last: 0, step: 1, limit: 0 }, OW | UPDATE),
        ],
        get_keys: GetKeys::Georadius,
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        args: "key#0 longitude:double latitude:double radius:double unit=(M! | KM! | FT! | MI!) WITHCOORD!? WITHDIST!? WITHHASH!? count=(COUNT=count:int ANY!?@6.2.0)? order=(ASC! | DESC!)? STORE=key#1? STOREDIST=key#2?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "georadius_ro",
        since: "3.2.10",
        complexity: "O(N+log(M))",
        arity: -6,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
        args: "key#0 longitude:double latitude:double radius:double unit=(M! | KM! | FT! | MI!) WITHCOORD!? WITHDIST!? WITHHASH!? count=(COUNT=count:int ANY!?@6.2.0)? order=(ASC! | DESC!)?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "georadiusbymember",
        since: "3.2.0",
        complexity: "O(N+log(M))",
        arity: -5,
        flags: WRITE | DENYOOM,
        acl: acl::GEO,
        keys: &[
            at(1, 0, 1, RO | ACCESS),
            spec(Begin::Keyword("STORE", 5), Find::Range { last: 0, step: 1, limit: 0 }, OW | UPDATE),
            spec(Begin::Keyword("STOREDIST", 5), Find::Range { last: 0, step: 1, limit: 0 }, OW | UPDATE),
        ],
        get_keys: GetKeys::Georadius,
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        args: "key#0 member radius:double unit=(M! | KM! | FT! | MI!) WITHCOORD!? WITHDIST!? WITHHASH!? count=(COUNT=count:int ANY!?)? order=(ASC! | DESC!)? STORE=key#1? STOREDIST=key#2?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "georadiusbymember_ro",
        since: "3.2.10",
        complexity: "O(N+log(M))",
        arity: -5,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        doc_flags: DOC_DEPRECATED,
        deprecated_since: "6.2.0",
        replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        args: "key#0 member radius:double unit=(M! | KM! | FT! | MI!) WITHCOORD!? WITHDIST!? WITHHASH!? count=(COUNT=count:int ANY!?)? order=(ASC! | DESC!)?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "geosearch",
        since: "6.2.0",
        complexity: "O(N+log(M))",
        arity: -7,
        flags: READONLY,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, RO | ACCESS)],
        args: "key#0 from=(FROMMEMBER=member | FROMLONLAT=longitude_latitude=(longitude:double latitude:double)) by=(circle=(BYRADIUS=radius:double unit=(M! | KM! | FT! | MI!)) | box=(BYBOX=width:double height:double unit=(M! | KM! | FT! | MI!))) order=(ASC! | DESC!)? count=(COUNT=count:int ANY!?)? WITHCOORD!? WITHDIST!? WITHHASH!?",
        ..base(Group::Geo)
    },
    CommandSpec {
        name: "geosearchstore",
        since: "6.2.0",
        complexity: "O(N+log(M))",
        arity: -8,
        flags: WRITE | DENYOOM,
        acl: acl::GEO,
        keys: &[at(1, 0, 1, OW | UPDATE), at(2, 0, 1, RO | ACCESS)],
        args: "destination#0 source#1 from=(FROMMEMBER=member | FROMLONLAT=longitude_latitude=(longitude:double latitude:double)) by=(circle=(BYRADIUS=radius:double unit=(M! | KM! | FT! | MI!)) | box=(BYBOX=width:double height:double unit=(M! | KM! | FT! | MI!))) order=(ASC! | DESC!)? count=(COUNT=count:int ANY!?)? STOREDIST!?",
        ..base(Group::Geo)
    },
];
