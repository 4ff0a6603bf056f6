//! LZF, the compression of long strings in RDB files (`rdbcompression yes`).
//!
//! The format is a sequence of literal runs (`000LLLLL`, then L+1 bytes) and back references (`LLLooooo oooooooo`, or
//! `111ooooo LLLLLLLL oooooooo` for long ones; L+2 bytes from o+1 bytes back). Any compressor that writes it can be read
//! by Redis; this one takes the same decisions as LibLZF with the settings that Redis compiles in (lzfP.h 7.0.15: a table
//! of 2^16 slots, VERY_FAST), so that files come out equal byte for byte. Redis leaves its table uninitialised and so may
//! now and then pick another, equally valid match; ours starts empty each time, which makes the output a function of the
//! input alone.

/// Slots of the hash table, as `1 << HLOG`.
const TABLE_LEN: usize = 1 << 16;
/// The longest literal run in bytes.
const LITERAL_LEN_MAX: usize = 32;
/// The furthest a back reference reaches, in bytes.
const OFFSET_MAX: usize = 1 << 13;
/// The longest match in bytes.
const MATCH_LEN_MAX: usize = (1 << 8) + (1 << 3);

/// A compressor with its hash table, to be used again for one string after the other: emptying 64 Ki slots for each
/// short string would cost more than compressing it.
pub struct Compressor {
    /// Where three bytes with this hash were last seen, plus `base`; empty until first used.
    table: Vec<u32>,
    /// Slots below this value are left over from earlier inputs, that is, empty.
    base: u32,
}

/// A clone compresses to the same bytes, so it need not take the table along.
impl Clone for Compressor {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// A compressor. Its table takes 256 KiB once it is used.
    pub fn new() -> Compressor {
        Compressor { table: Vec::new(), base: 1 }
    }

    /// Appends `input` compressed to `out`, if that takes at most `len_max` bytes; else leaves `out` as it was and gives
    /// false. Inputs of 1 GiB and more are never compressed, to keep positions in 32 bits.
    pub fn compress(&mut self, input: &[u8], len_max: usize, out: &mut Vec<u8>) -> bool {
        if input.is_empty() || len_max == 0 || input.len() >= 1 << 30 {
            return false;
        }
        if self.table.is_empty() || u64::from(self.base) + input.len() as u64 >= u64::from(u32::MAX) {
            self.table.clear();
            self.table.resize(TABLE_LEN, 0);
            self.base = 1;
        }
        let start = out.len();
        let fits = self.run(input, len_max, out, start);
        self.base += input.len() as u32;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn run(&mut self, input: &[u8], len_max: usize, out: &mut Vec<u8>, start: usize) -> bool {
        let end = input.len();
        let base = self.base;
        let slot = |h: u32| ((h >> 8).wrapping_sub(h.wrapping_mul(5)) & (TABLE_LEN as u32 - 1)) as usize;

        let mut at = 0;
        let mut literals = 0usize;
        // The byte that will hold the length of the literal run in progress.
        out.push(0);
        let mut rolling = if end >= 2 { (u32::from(input[0]) << 8) | u32::from(input[1]) } else { 0 };
        while at + 2 < end {
            rolling = (rolling << 8) | u32::from(input[at + 2]);
            let index = slot(rolling);
            let seen = self.table[index];
            self.table[index] = base + at as u32;
            // The very first byte of the input is never referred to, as in LibLZF.
            let from = seen.wrapping_sub(base) as usize;
            let matches = seen > base
                && at - from - 1 < OFFSET_MAX
                && input[from] == input[at]
                && input[from + 1] == input[at + 1]
                && input[from + 2] == input[at + 2];
            if !matches {
                if out.len() - start >= len_max {
                    return false;
                }
                out.push(input[at]);
                at += 1;
                literals += 1;
                if literals == LITERAL_LEN_MAX {
                    end_run(out, &mut literals);
                    out.push(0);
                }
                continue;
            }
            let offset = at - from - 1;
            if out.len() - start - usize::from(literals == 0) + 4 >= len_max {
                return false;
            }
            end_run(out, &mut literals);

            let len = match_len(input, from, at);
            // What is stored is the length less 2.
            let code = len - 2;
            if code < 7 {
                out.push((offset >> 8) as u8 + ((code as u8) << 5));
            } else {
                out.push((offset >> 8) as u8 + (7 << 5));
                out.push((code - 7) as u8);
            }
            out.push(offset as u8);
            out.push(0);

            at += len;
            if at + 2 >= end {
                break;
            }
            // VERY_FAST: of the bytes just covered only the last two positions enter the table.
            at -= 2;
            rolling = (u32::from(input[at]) << 8) | u32::from(input[at + 1]);
            for _ in 0..2 {
                rolling = (rolling << 8) | u32::from(input[at + 2]);
                self.table[slot(rolling)] = base + at as u32;
                at += 1;
            }
        }
        if out.len() - start + 3 > len_max {
            return false;
        }
        while at < end {
            out.push(input[at]);
            at += 1;
            literals += 1;
            if literals == LITERAL_LEN_MAX {
                end_run(out, &mut literals);
                out.push(0);
            }
        }
        end_run(out, &mut literals);
        true
    }
}

/// Writes the length of the literal run that ends here, or takes its reserved byte back if it is empty.
fn end_run(out: &mut Vec<u8>, literals: &mut usize) {
    if *literals == 0 {
        out.pop();
    } else {
        let head = out.len() - *literals - 1;
        out[head] = (*literals - 1) as u8;
        *literals = 0;
    }
}

/// How many bytes from `at` repeat those from `from`, given that three do. LibLZF's unrolled loop looks at 16 bytes
/// without minding the limit near the end of the input; the same is done here for the sake of equal output.
fn match_len(input: &[u8], from: usize, at: usize) -> usize {
    let limit = (input.len() - at - 2).min(MATCH_LEN_MAX);
    let mut len = 2;
    if limit > 16 {
        for _ in 0..16 {
            len += 1;
            if input[from + len] != input[at + len] {
                return len;
            }
        }
    }
    loop {
        len += 1;
        if len >= limit || input[from + len] != input[at + len] {
            return len;
        }
    }
}

/// Compresses with a table of its own; for single strings.
pub fn compress(input: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    Compressor::new().compress(input, len_max, &mut out).then_some(out)
}

/// Decompresses `input`, which must give exactly `len` bytes; None if it does not or is malformed. Never allocates more
/// than `input` can expand to.
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    // Three bytes give at most 264.
    if len > input.len().saturating_mul(MATCH_LEN_MAX / 3) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut at = 0;
    while at < input.len() {
        let control = usize::from(input[at]);
        at += 1;
        if control < 32 {
            let run = input.get(at..at + control + 1)?;
            if out.len() + run.len() > len {
                return None;
            }
            out.extend_from_slice(run);
            at += run.len();
            continue;
        }
        let mut count = control >> 5;
        if count == 7 {
            count += usize::from(*input.get(at)?);
            at += 1;
        }
        let back = ((control & 31) << 8) + usize::from(*input.get(at)?) + 1;
        at += 1;
        count += 2;
        if back > out.len() || out.len() + count > len {
            return None;
        }
        let from = out.len() - back;
        if back >= count {
            out.extend_from_within(from..from + count);
        } else {
            for i in from..from + count {
                let byte = out[i];
                out.push(byte);
            }
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_letter_many_times() {
        let input = vec![b'a'; 100];
        let out = compress(&input, 96).unwrap();
        // One literal run of two (the first byte is never referred to), then one long reference and the rest.
        assert_eq!(decompress(&out, 100).unwrap(), input);
        assert!(out.len() < 12, "{out:?}");
    }

    #[test]
    fn what_does_not_shrink_is_refused_and_leaves_nothing_behind() {
        let mut out = vec![9];
        let input: Vec<u8> = (0..=255).collect();
        assert!(!Compressor::new().compress(&input, 252, &mut out));
        assert_eq!(out, [9]);
    }

    #[test]
    fn a_used_compressor_gives_what_a_fresh_one_gives() {
        let text =
            b"the quick brown fox jumps over the quick brown fox jumps over the quick brown fox".repeat(3);
        let mut used = Compressor::new();
        for _ in 0..3 {
            let mut out = Vec::new();
            assert!(used.compress(&text, text.len(), &mut out));
            assert_eq!(Some(out), compress(&text, text.len()));
        }
    }

    #[test]
    fn malformed_input_is_refused() {
        assert_eq!(decompress(&[5, 1, 2], 6), None, "a literal run past the end");
        assert_eq!(decompress(&[0x20], 3), None, "a reference without offset");
        assert_eq!(decompress(&[0xe0, 1], 10), None, "a long reference without offset");
        assert_eq!(decompress(&[0, b'a', 0x20, 5], 4), None, "a reference before the beginning");
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 3), None, "more than announced");
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 5), None, "less than announced");
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 4).as_deref(), Some(&b"aaaa"[..]));
        assert_eq!(decompress(&[0, b'a'], usize::MAX), None, "an absurd announcement");
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(words in prop::collection::vec(0u8..4, 0..3000), wide in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut input = words;
            input.extend_from_slice(&wide);
            input.extend_from_within(..input.len() / 2);
            if let Some(out) = compress(&input, input.len() + input.len() / 16 + 64) {
                prop_assert_eq!(decompress(&out, input.len()), Some(input));
            } else {
                prop_assert!(input.is_empty());
            }
        }

        #[test]
        fn any_bytes_decompress_or_are_refused(input in prop::collection::vec(any::<u8>(), 0..400), len in 0usize..5000) {
            if let Some(out) = decompress(&input, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
