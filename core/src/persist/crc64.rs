//! CRC-64 as Redis computes it (crc64.c 7.0.15: the Jones polynomial, reflected, starting from 0, nothing xored at the
//! end), over RDB files and DUMP payloads. Every byte of a dump runs through it, so it works on 16 bytes at a time.
//!
//! The 32 KiB of tables are made on first use rather than at compile time: as constants they would be the least
//! compressible part of the wasm module.

use crc::{CRC_64_REDIS, Crc, Table};
use std::sync::LazyLock;

static CRC: LazyLock<Crc<u64, Table<16>>> = LazyLock::new(|| Crc::<u64, Table<16>>::new(&CRC_64_REDIS));

/// A CRC-64 in the making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crc64(u64);

impl Crc64 {
    /// The checksum of nothing, which is 0.
    pub fn new() -> Crc64 {
        Crc64(0)
    }

    /// Goes on with `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        // The crate takes the register unreflected and gives it back reflected.
        let mut digest = CRC.digest_with_initial(self.0.reverse_bits());
        digest.update(bytes);
        self.0 = digest.finalize();
    }

    /// The checksum of all bytes so far.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// The checksum of `bytes` in one go.
pub fn crc64(bytes: &[u8]) -> u64 {
    let mut crc = Crc64::new();
    crc.update(bytes);
    crc.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_redis() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * 7 + i / 13) as u8).collect();
        let whole = crc64(&bytes);
        for cut in [0, 1, 15, 16, 17, 500, 999, 1000] {
            let mut crc = Crc64::new();
            crc.update(&bytes[..cut]);
            crc.update(&bytes[cut..]);
            assert_eq!(crc.get(), whole, "cut at {cut}");
        }
    }
}
