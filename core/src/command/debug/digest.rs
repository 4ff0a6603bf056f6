//! DEBUG DIGEST: one number for a whole dataset, the same in Redis for the same data (`computeDatasetDigest`, debug.c 7.0.15).
//!
//! What has an order (a key and its value, the elements of a list) is mixed: each step hashes what came before. What has none
//! (keys, members, fields) is xored, so that the order in which it is visited does not matter.

use crate::store::{Db, Object, float};
use sha1::{Digest as _, Sha1};

/// A digest under construction.
pub(super) type Digest = [u8; 20];

fn sha1(bytes: &[u8]) -> Digest {
    Sha1::digest(bytes).into()
}

/// Adds something whose place does not matter (`xorDigest`).
fn xor(digest: &mut Digest, bytes: &[u8]) {
    for (byte, other) in digest.iter_mut().zip(sha1(bytes)) {
        *byte ^= other;
    }
}

/// Adds something whose place matters (`mixDigest`).
fn mix(digest: &mut Digest, bytes: &[u8]) {
    xor(digest, bytes);
    *digest = sha1(digest);
}

/// The numbers of the types (`OBJ_STRING` …, server.h 7.0.15).
fn type_number(object: &Object) -> u32 {
    match object {
        Object::Str(_) => 0,
        Object::List(_) => 1,
        Object::Set(_) => 2,
        Object::Zset(_) => 3,
        Object::Hash(_) => 4,
        Object::Stream(_) => 6,
    }
}

/// Adds a value and whether it expires (`xorObjectDigest`).
fn add_object(digest: &mut Digest, object: &Object, expires: bool) {
    mix(digest, &type_number(object).to_be_bytes());
    match object {
        Object::Str(value) => value.with(|bytes| mix(digest, bytes)),
        Object::List(list) => list.iter().for_each(|element| element.with(|bytes| mix(digest, bytes))),
        Object::Set(set) => set.iter().for_each(|member| member.with(|bytes| xor(digest, bytes))),
        Object::Hash(hash) => {
            for (field, value) in hash.iter() {
                let mut pair = Digest::default();
                field.with(|bytes| mix(&mut pair, bytes));
                value.with(|bytes| mix(&mut pair, bytes));
                xor(digest, &pair);
            }
        }
        Object::Zset(zset) => {
            for (member, score) in zset.iter() {
                let mut pair = Digest::default();
                member.with(|bytes| mix(&mut pair, bytes));
                mix(&mut pair, float::format_g17(score).as_bytes());
                xor(digest, &pair);
            }
        }
        Object::Stream(stream) => {
            for entry in stream.log.iter() {
                mix(digest, entry.id.text().replace('-', ".").as_bytes());
                for piece in entry.pieces() {
                    piece.with(|bytes| mix(digest, bytes));
                }
            }
        }
    }
    if expires {
        xor(digest, b"!!expire!!");
    }
}

/// The digest of all databases.
pub(super) fn dataset(dbs: &[Db]) -> Digest {
    dataset_at(dbs, None)
}

/// The same of what has not expired by an instant (wall clock, milliseconds).
pub(super) fn dataset_at(dbs: &[Db], live_at_ms: Option<i64>) -> Digest {
    let mut all = Digest::default();
    let live = |expire: Option<i64>| live_at_ms.is_none_or(|now| expire.is_none_or(|at| at > now));
    for (index, db) in dbs.iter().enumerate() {
        let mut keys = db.iter().filter(|(_, _, expire)| live(*expire)).peekable();
        if keys.peek().is_none() {
            continue;
        }
        mix(&mut all, &(index as u32).to_be_bytes());
        for (key, entry, expire) in keys {
            let mut digest = Digest::default();
            mix(&mut digest, key);
            add_object(&mut digest, &entry.object, expire.is_some());
            xor(&mut all, &digest);
        }
    }
    all
}

/// The digest of the value at a key; zeros if there is none.
pub(super) fn value(db: &Db, key: &[u8]) -> Digest {
    let mut digest = Digest::default();
    if let Some(object) = db.get(key) {
        add_object(&mut digest, object, db.get_expire(key).is_some());
    }
    digest
}

/// As DEBUG DIGEST shows it.
pub(super) fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl crate::node::Node {
    /// What DEBUG DIGEST says of the whole dataset, in 40 hexadecimal digits.
    pub fn digest(&self) -> String {
        hex(&dataset(&self.dbs))
    }

    /// The digest of every key of a database, by key. Equal values have equal ones.
    pub fn key_digests(&self, db: usize) -> std::collections::BTreeMap<Vec<u8>, [u8; 20]> {
        let Some(db) = self.dbs.get(db) else { return Default::default() };
        db.iter().map(|(key, _, _)| (key.to_vec(), value(db, key))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{HashSeed, Limits};

    #[test]
    fn the_digest_is_that_of_redis() {
        // redis-server 7.0.15: SET a 1, EXPIRE a 100; then also DEBUG DIGEST of the empty dataset.
        let mut db = Db::new(HashSeed::default(), false);
        assert_eq!(hex(&dataset(&[db.clone()])), "0".repeat(40));
        db.insert(b"a", Object::string(b"1"), 0);
        db.set_expire(b"a", 1_000_000);
        assert_eq!(hex(&dataset(&[db])), "0c68bbcf4ad5c984f8ca839729889d52ec025271");
    }

    #[test]
    fn order_matters_in_lists_alone() {
        let limits = Limits::default();
        let list = |elements: [&[u8]; 2]| {
            let mut list = Object::list(&limits);
            if let Some(list) = list.list_mut() {
                for element in elements {
                    list.push(crate::store::quicklist::End::Tail, element);
                }
            }
            let mut digest = Digest::default();
            add_object(&mut digest, &list, false);
            digest
        };
        assert_ne!(list([b"a", b"b"]), list([b"b", b"a"]));
        let hash = |fields: [&[u8]; 2]| {
            let mut hash = Object::hash();
            if let Some(hash) = hash.hash_mut() {
                for field in fields {
                    hash.set(field, b"v", &limits);
                }
            }
            let mut digest = Digest::default();
            add_object(&mut digest, &hash, false);
            digest
        };
        assert_eq!(hash([b"a", b"b"]), hash([b"b", b"a"]));
    }
}
