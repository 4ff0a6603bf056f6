//! Glob-style patterns of KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACL rules (`stringmatchlen`, util.c 7.0.15).
//!
//! Redis recurses once for each `*`, which a long hostile pattern turns into a stack overflow and into exponential time
//! (CVE-2022-36021). Going back to the latest `*` only is enough: whatever matched before it need not change. So this is a
//! loop, quadratic at worst. What is kept exactly are Redis's own readings of odd patterns: an unclosed `[`, `\` at the
//! end, ranges written backwards, ranges over signed chars.

/// Whether `text` matches `pattern` entirely. `?` is any one byte, `*` any run of bytes, `[abc]`, `[a-z]`, `[^a]` one byte of (or
/// not of) a class, `\` takes the next byte literally. `nocase` folds ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to resume when a byte does not fit: after the latest `*`, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            None => None,
            Some(b'*') => {
                while pattern.get(p) == Some(&b'*') {
                    p += 1;
                }
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, t));
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => class(pattern, p, text[t], nocase),
            Some(b'\\') if p + 1 < pattern.len() => same(pattern[p + 1], text[t], nocase).then_some(p + 2),
            Some(&byte) => same(byte, text[t], nocase).then_some(p + 1),
        };
        match (step, retry) {
            (Some(next), _) => {
                p = next;
                t += 1;
            }
            (None, Some((star, from))) => {
                p = star;
                t = from + 1;
                retry = Some((star, t));
            }
            (None, None) => return false,
        }
    }
    if !text.is_empty() {
        while pattern.get(p) == Some(&b'*') {
            p += 1;
        }
    } else if pattern.first() == Some(&b'*') {
        // Redis never enters its loop for an empty text, so it skips no star: `*` alone does not match "".
        return false;
    }
    p == pattern.len()
}

fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    fold(a, nocase) == fold(b, nocase)
}

/// Matches one byte against the class that begins at `open`. Gives the place after the class if it fits.
fn class(pattern: &[u8], open: usize, byte: u8, nocase: bool) -> Option<usize> {
    let mut p = open + 1;
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let mut found = false;
    loop {
        let left = pattern.len() - p;
        match pattern.get(p) {
            None => {
                // An unclosed class ends with the pattern.
                p -= 1;
                break;
            }
            Some(b'\\') if left >= 2 => {
                p += 1;
                // Case is not folded here, even with `nocase`: that is what Redis does.
                found |= pattern[p] == byte;
            }
            Some(b']') => break,
            Some(&start) if left >= 3 && pattern[p + 1] == b'-' => {
                let end = pattern[p + 2];
                // C's `char` is signed on the machines that Redis mostly runs on; ranges are swapped before case is folded.
                let (low, high) = if start as i8 > end as i8 { (end, start) } else { (start, end) };
                let (low, high, byte) = (fold(low, nocase), fold(high, nocase), fold(byte, nocase));
                found |= (low as i8..=high as i8).contains(&(byte as i8));
                p += 2;
            }
            Some(&one) => found |= same(one, byte, nocase),
        }
        p += 1;
    }
    (found != negated).then_some(p + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), false)
    }

    #[test]
    fn ordinary_patterns() {
        assert!(m("h?llo", "hallo") && !m("h?llo", "hllo"));
        assert!(m("h*llo", "hllo") && m("h*llo", "heeeello") && !m("h*llo", "hell"));
        assert!(m("h[ae]llo", "hello") && !m("h[ae]llo", "hillo"));
        assert!(m("h[^e]llo", "hallo") && !m("h[^e]llo", "hello"));
        assert!(m("h[a-b]llo", "hbllo") && m("h[b-a]llo", "hallo"));
        assert!(m("a*b*c", "aXXbYYbc") && !m("a*b*c", "aXXbYYb"));
        assert!(m("\\*", "*") && !m("\\*", "x") && m("[\\]]", "]"));
        assert!(m("*", "anything") && m("key***", "key") && m("a**", "a"));
        assert!(matches(b"H[A-C]LLO*", b"hbllo!", true) && matches(b"[A]", b"a", true));
        assert!(!matches(b"[\\A]", b"a", true));
    }

    #[test]
    fn odd_patterns_as_redis_reads_them() {
        assert!(m("[a", "a") && m("[^", "x") && !m("[", "x") && !m("[", "["));
        assert!(m("\\", "\\") && m("a\\", "a\\"));
        assert!(m("", "") && !m("", "a") && !m("a", ""));
        assert!(!m("*", ""));
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let pattern = b"a*".repeat(20_000);
        let text = vec![b'a'; 10_000];
        assert!(!matches(&pattern, &text, false));
        let pattern = b"*a".repeat(50);
        assert!(!matches(&[pattern.as_slice(), b"b"].concat(), &text, false));
    }
}
