//! The running hash over all of a run.
//!
//! It has the shape of xxHash's 64-bit one (four lanes of multiply and rotate over 32 bytes at a time), because a
//! world that runs thousands of virtual seconds per second hashes hundreds of megabytes in each; it guards against
//! accidents and not against an enemy.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;

#[inline(always)]
fn lane(state: u64, word: u64) -> u64 {
    state.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[inline(always)]
fn word_at<const AT: usize>(block: &[u8; 32]) -> u64 {
    let b = |i: usize| block[AT + i];
    u64::from_le_bytes([b(0), b(1), b(2), b(3), b(4), b(5), b(6), b(7)])
}

/// A running 64-bit hash over words and strings of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(u64);

impl TraceHash {
    /// A hash that has seen nothing but its seed.
    pub fn new(seed: u64) -> TraceHash {
        TraceHash(seed ^ P3)
    }

    /// Takes in one word.
    #[inline]
    pub fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word.wrapping_mul(P2).rotate_left(31).wrapping_mul(P1))
            .rotate_left(27)
            .wrapping_mul(P1)
            ^ P3;
    }

    /// Takes in a string of bytes with its length, so that `ab`,`c` and `a`,`bc` differ.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut rest = bytes;
        if bytes.len() >= 32 {
            let (mut a, mut b, mut c, mut d) = (self.0 ^ P1, self.0 ^ P2, self.0 ^ P3, !self.0);
            while let Some((block, after)) = rest.split_first_chunk::<32>() {
                a = lane(a, word_at::<0>(block));
                b = lane(b, word_at::<8>(block));
                c = lane(c, word_at::<16>(block));
                d = lane(d, word_at::<24>(block));
                rest = after;
            }
            for lane in [a, b, c, d] {
                self.word(lane);
            }
        }
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            self.word(u64::from_le_bytes(*word));
            rest = after;
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    /// The hash of everything taken in so far.
    pub fn value(self) -> u64 {
        let mut h = self.0;
        h = (h ^ (h >> 33)).wrapping_mul(P2);
        h = (h ^ (h >> 29)).wrapping_mul(P3);
        h ^ (h >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_sees_every_byte_and_every_border() {
        let hash = |parts: &[&[u8]]| {
            let mut h = TraceHash::new(1);
            parts.iter().for_each(|p| h.bytes(p));
            h.value()
        };
        let long: Vec<u8> = (0..100).collect();
        assert_eq!(hash(&[&long]), hash(&[&long]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab\0"]));
        for i in 0..long.len() {
            let mut other = long.clone();
            other[i] ^= 1;
            assert_ne!(hash(&[&long]), hash(&[&other]), "byte {i}");
        }
    }
}
