//! The hash slot of a key: what decides which node of a cluster owns it.

/// The number of hash slots (`CLUSTER_SLOTS`, cluster.h 7.0.15).
pub const SLOTS: u16 = 16384;

/// CRC-16/XMODEM, one table entry for each byte. A table of our own because this runs for every key of every command, and
/// must be a `const` lookup with no set-up.
const CRC16: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-16/XMODEM of some bytes (crc16.c 7.0.15).
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The part of a key that is hashed: what stands between the first `{` and the first `}` after it, if that is not empty; else
/// the whole key (`keyHashSlot`, cluster.c 7.0.15).
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&b| b == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|&b| b == b'}') {
        Some(len) if len > 0 => &rest[..len],
        _ => key,
    }
}

/// The slot of a key, 0 to 16383.
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    /// Replies of redis-server 7.0.15 to CLUSTER KEYSLOT.
    #[test]
    fn slots_as_redis_gives_them() {
        for (key, slot) in [
            ("foo", 12182),
            ("bar", 5061),
            ("", 0),
            ("foo{bar}baz", 5061),
            ("{bar", 4015),
            ("{}foo", 9500),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
        ] {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
    }
}
