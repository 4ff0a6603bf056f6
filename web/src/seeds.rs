//! Seeds, as visitors read and type them.

/// Reads a seed: up to 16 hexadecimal digits, with `0x` before them or without; anything else is hashed, so that a word is a seed too.
pub fn seed_of(text: &str) -> u64 {
    match u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16) {
        Ok(seed) => seed,
        // FNV-1a.
        Err(_) => {
            text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
        }
    }
}

/// A seed as the page shows it, and as the language for scenarios reads it.
pub fn seed_text(seed: u64) -> String {
    if seed <= u64::from(u32::MAX) { format!("0x{seed:08x}") } else { format!("0x{seed:016x}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::sim::Scenario;

    #[test]
    fn seeds_are_digits_or_words() {
        assert_eq!(seed_of("5eed2f81"), 0x5eed_2f81);
        assert_eq!(seed_text(0x5eed_2f81), "0x5eed2f81");
        assert_eq!(seed_of(&seed_text(u64::MAX)), u64::MAX);
        assert_ne!(seed_of("hello"), seed_of("world"));
    }

    /// Digits without a letter would be read as a decimal number there.
    #[test]
    fn a_seed_that_is_shown_is_one_for_a_scenario() {
        for seed in [0x1234_5678, 0x5eed_2f81, u64::MAX] {
            let text = format!("vitrine 1\nseed {}\n", seed_text(seed));
            assert_eq!(Scenario::parse(&text).unwrap().setup.seed, seed, "{text}");
        }
    }
}
