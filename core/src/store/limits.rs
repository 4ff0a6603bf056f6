//! What the structures need to know of the configuration: when a compact encoding gives way to a big one, and the seed of the
//! hash function. A node keeps one [`Limits`] and hands it to the calls that may convert; `CONFIG SET` changes its fields.

use siphasher::sip::SipHasher13;

/// The key of the hash function of every [`crate::store::Dict`] of a node.
///
/// Redis seeds SipHash-1-2 with random bytes so that clients cannot build keys that collide; here SipHash-1-3 is seeded from
/// the node's seed, so that the same run gives the same order of iteration everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashSeed {
    k0: u64,
    k1: u64,
}

impl HashSeed {
    /// A seed of 128 bits.
    pub fn new(k0: u64, k1: u64) -> HashSeed {
        HashSeed { k0, k1 }
    }

    /// The hash of a byte string.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.k0, self.k1).hash(bytes)
    }
}

/// How big a block of a stream may get: `stream-node-max-bytes` and `stream-node-max-entries`, each without effect if 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSize {
    /// Bytes (4096).
    pub bytes: usize,
    /// Entries, deleted ones included (100).
    pub entries: u64,
}

/// The thresholds of the encodings, named as in redis.conf, with the defaults of config.c 7.0.15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields of a hash in listpack form (512).
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or value in listpack form (64).
    pub hash_max_listpack_value: usize,
    /// `set-max-intset-entries`: members of a set in intset form (512).
    pub set_max_intset_entries: usize,
    /// `zset-max-listpack-entries`: members of a sorted set in listpack form (128).
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member in listpack form (64).
    pub zset_max_listpack_value: usize,
    /// `list-max-listpack-size`: entries of a list node if positive, else a size class, -1 to -5 for 4 to 64 KiB (-2).
    pub list_max_listpack_size: i64,
    /// From this many bytes on a list element gets a node of its own (`packed_threshold`, quicklist.c 7.0.15; 1 GiB,
    /// `DEBUG QUICKLIST-PACKED-THRESHOLD` changes it).
    pub list_packed_threshold: usize,
    /// How big the blocks of streams may get.
    pub stream_node: NodeSize,
    /// The seed that new dicts get.
    pub seed: HashSeed,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_packed_threshold: 1 << 30,
            stream_node: NodeSize { bytes: 4096, entries: 100 },
            seed: HashSeed::default(),
        }
    }
}
