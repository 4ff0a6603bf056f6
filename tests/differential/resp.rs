//! Replies as trees, read by code that shares nothing with the engine's own.

use std::fmt::Write as _;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// A reply without elements, as its raw bytes.
    Leaf(Vec<u8>),
    /// An aggregate: its mark (`*`, `%`, `~`, `>`, `|`) and its elements, those of a map key by value by turns.
    Node(u8, Vec<Tree>),
}

fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], end + 2))
}

/// The reply at the beginning of `bytes` and its length, if all of it is there.
pub fn read(bytes: &[u8]) -> Option<(Tree, usize)> {
    let (head, mut used) = line(bytes)?;
    let number = || std::str::from_utf8(&head[1..]).ok().and_then(|text| text.parse::<i64>().ok());
    match head.first()? {
        mark @ (b'*' | b'%' | b'~' | b'>' | b'|') => {
            let len = number().expect("the length of an aggregate");
            if len < 0 {
                return Some((Tree::Leaf(bytes[..used].to_vec()), used));
            }
            let count = if matches!(mark, b'%' | b'|') { 2 * len } else { len };
            let mut elements = Vec::new();
            for _ in 0..count {
                let (element, len) = read(&bytes[used..])?;
                elements.push(element);
                used += len;
            }
            Some((Tree::Node(*mark, elements), used))
        }
        b'$' | b'=' | b'!' => {
            let len = number().expect("the length of a string");
            if len >= 0 {
                used += len as usize + 2;
            }
            (bytes.len() >= used).then(|| (Tree::Leaf(bytes[..used].to_vec()), used))
        }
        b'+' | b'-' | b':' | b',' | b'_' | b'#' | b'(' => Some((Tree::Leaf(bytes[..used].to_vec()), used)),
        _ => panic!("no reply: {}", shown(&bytes[..used.min(200)])),
    }
}

impl Tree {
    /// Sorts the elements of every aggregate; of RESP2 arrays of pairs, the pairs.
    pub fn sort(&mut self, pairs: bool) {
        let Tree::Node(mark, elements) = self else { return };
        for element in elements.iter_mut() {
            element.sort(pairs);
        }
        if *mark == b'%'
            || (pairs && elements.len() % 2 == 0 && elements.iter().all(|e| matches!(e, Tree::Leaf(_))))
        {
            let mut sorted: Vec<Vec<Tree>> = elements.chunks(2).map(<[Tree]>::to_vec).collect();
            sorted.sort();
            *elements = sorted.concat();
        } else {
            elements.sort();
        }
    }

    /// The integer reply's value.
    pub fn integer(&self) -> Option<i64> {
        let Tree::Leaf(bytes) = self else { return None };
        let text = bytes.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// Whether it is another reply, but for integers that may differ by as much.
    pub fn is_near(&self, other: &Tree, by: u64) -> bool {
        match (self, other) {
            (Tree::Node(mark, mine), Tree::Node(other, theirs)) => {
                mark == other
                    && mine.len() == theirs.len()
                    && mine.iter().zip(theirs).all(|(mine, theirs)| mine.is_near(theirs, by))
            }
            _ => match (self.integer(), other.integer()) {
                (Some(mine), Some(theirs)) => mine.abs_diff(theirs) <= by,
                _ => self == other,
            },
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Tree::Leaf(bytes) if bytes.starts_with(b"-"))
    }

    /// The text of a bulk string or a status.
    pub fn text(&self) -> Option<&[u8]> {
        let Tree::Leaf(bytes) = self else { return None };
        let (head, used) = line(bytes)?;
        match head.first()? {
            b'+' => Some(&head[1..]),
            b'$' if bytes.len() > used => Some(&bytes[used..bytes.len() - 2]),
            _ => None,
        }
    }
}

/// Bytes for people.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    let len_max = 2_000;
    for &byte in bytes.iter().take(len_max) {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            32..=126 => text.push(byte as char),
            _ => write!(text, "\\x{byte:02x}").unwrap(),
        }
    }
    if bytes.len() > len_max {
        write!(text, "… ({} bytes)", bytes.len()).unwrap();
    }
    text
}

impl std::fmt::Display for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tree::Leaf(bytes) => f.write_str(&shown(bytes)),
            Tree::Node(mark, elements) => {
                write!(f, "{}{}[", *mark as char, elements.len())?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index > 0 { " " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}
