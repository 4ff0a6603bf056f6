//! The one generator of random numbers of a node (and of a simulated world).
//!
//! Everything random in the engine comes from a seed that the host gives: node ids, hash seeds, election delays, the
//! sampling of expired keys. PCG is small, fast and the same on every platform.

use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg64;

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Rng(Pcg64);

impl Rng {
    /// A generator whose whole sequence follows from `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng(Pcg64::seed_from_u64(seed))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, without bias; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let zone = u64::MAX - (u64::MAX % bound + 1) % bound;
        loop {
            let bits = self.next_u64();
            if bits <= zone {
                return bits % bound;
            }
        }
    }

    /// `len` random characters of `0-9a-f`, as Redis makes run ids, node ids and replication ids (`getRandomHexChars`).
    pub fn hex(&mut self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            let bits = self.next_u64();
            for nibble in 0..16.min(len - out.len()) {
                let digit = (bits >> (nibble * 4)) & 15;
                out.push(char::from(b"0123456789abcdef"[digit as usize]));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence() {
        let (mut a, mut b, mut c) = (Rng::new(1), Rng::new(1), Rng::new(2));
        assert_eq!(a.hex(40), b.hex(40));
        assert_ne!(a.hex(40), c.hex(40));
        assert_eq!(a.hex(40).len(), 40);
    }

    #[test]
    fn below_stays_below_and_reaches_all() {
        let mut rng = Rng::new(7);
        let mut seen = [0u32; 5];
        for _ in 0..1000 {
            seen[rng.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 120), "{seen:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }
}
