//! Seeds, as visitors read and type them.

/// Reads a seed: up to 16 hexadecimal digits; anything else is hashed, so that a word is a seed too.
pub fn seed_of(text: &str) -> u64 {
    match u64::from_str_radix(text, 16) {
        Ok(seed) => seed,
        // FNV-1a.
        Err(_) => {
            text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
        }
    }
}

/// A seed as the page shows it.
pub fn seed_text(seed: u64) -> String {
    if seed <= u64::from(u32::MAX) { format!("{seed:08x}") } else { format!("{seed:016x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_digits_or_words() {
        assert_eq!(seed_of("5eed2f81"), 0x5eed_2f81);
        assert_eq!(seed_text(0x5eed_2f81), "5eed2f81");
        assert_eq!(seed_of(&seed_text(u64::MAX)), u64::MAX);
        assert_ne!(seed_of("hello"), seed_of("world"));
    }
}
