//! Scenarios as links: the text, compressed, in the characters that a URL takes.
//!
//! Unpadded base64url (RFC 4648) of: one byte for the version of the format, four for the engine, four for a checksum of the
//! text, then the text (without its `engine` line) as a raw DEFLATE stream. The text is the value: there is no second
//! form of a scenario that could differ from it.
//!
//! The engine is named by what it does: [`engine_hash`] is the hash of the golden run (tests/corpus/sim_golden.txt), a drill that forms a
//! cluster, writes, loses power, fails over, is parted and healed. It changes when the engine behaves in another way, and not
//! when a comment is mended. A link of another engine opens, with a warning: its run may differ. A scenario that
//! was made of a run ends in `expect hash`, so a run that does differ is found out in any case.

use super::{Scenario, ScenarioError, VERSION};
use crate::sim::trace::TraceHash;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};
use serde::Serialize;
use std::fmt;

/// The longest link, in characters. Browsers take this much behind the `#` of a URL.
pub const LINK_LEN_MAX: usize = 64 << 10;
/// The longest text that a link gives, in bytes.
const LINK_TEXT_LEN_MAX: usize = 4 << 20;
/// Bytes before the compressed text.
const HEADER_LEN: usize = 9;
/// DEFLATE's highest level.
const LEVEL: u8 = 9;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The hash of the golden run, as the test of it writes it down.
const GOLDEN: &str = include_str!("../../../../tests/corpus/sim_golden.txt");

/// What this engine does, as a number: engines with the same number run a scenario alike, as far as the golden run tells.
pub fn engine_hash() -> u64 {
    u64::from_str_radix(GOLDEN.trim(), 16).unwrap_or_default()
}

fn mark(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

fn other(made_with: u32) -> Option<OtherEngine> {
    let here = mark(engine_hash());
    (made_with != here).then_some(OtherEngine { made_with, here })
}

fn checksum(text: &str) -> u32 {
    let mut hash = TraceHash::new(u64::from(VERSION));
    hash.bytes(text.as_bytes());
    hash.value() as u32
}

/// Why there is no link, or a link was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "error", rename_all = "kebab-case")]
pub enum LinkError {
    /// The scenario or the link is too long.
    TooLong {
        /// How long it is (for a link that cannot be made, in characters).
        len: usize,
    },
    /// The link packs more text than a link may.
    TextTooLong,
    /// A character that no link has.
    Character {
        /// Where, in bytes.
        at: usize,
    },
    /// The link was made by another version of the format.
    Version {
        /// Which.
        version: u32,
    },
    /// The link is cut short or changed.
    Damaged,
    /// The text of the link is no scenario.
    Scenario(ScenarioError),
    /// The scenario cannot be written down.
    Check(String),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::TooLong { len } => write!(
                f,
                "{len} characters are too many for a link, which has no more than {LINK_LEN_MAX}; save the scenario as a file"
            ),
            LinkError::TextTooLong => write!(
                f,
                "this link packs more than {LINK_TEXT_LEN_MAX} bytes of text, which no link made here does; ask for the scenario as a file"
            ),
            LinkError::Character { at } => write!(
                f,
                "this is no link: character {} is none of A-Z a-z 0-9 - _; copy what stands behind the # once more",
                at + 1
            ),
            LinkError::Version { version } => write!(
                f,
                "this link is of version {version}, and version {VERSION} is understood here; open it where it was made"
            ),
            LinkError::Damaged => {
                f.write_str("this link is cut short or was changed on its way; copy it once more")
            }
            LinkError::Scenario(error) => write!(f, "the scenario of this link is wrong: {error}"),
            LinkError::Check(why) => write!(f, "this scenario has no link: {why}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// A scenario was made with an engine that behaves in another way: the run may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OtherEngine {
    /// The mark of the engine that it was made with.
    pub made_with: u32,
    /// The mark of this engine.
    pub here: u32,
}

impl fmt::Display for OtherEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this scenario was made with another version of the engine ({:08x}, here {:08x}): it may run differently",
            self.made_with, self.here
        )
    }
}

/// A scenario that came by a link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Opened {
    /// The scenario.
    pub scenario: Scenario,
    /// What to tell people before it is played.
    pub warning: Option<OtherEngine>,
}

impl Scenario {
    /// The link of it: what stands behind the `#` of a URL, in `A-Z a-z 0-9 - _`.
    ///
    /// # Errors
    /// If it is too long for a link, or not one that [`Scenario::check`] takes.
    pub fn to_link(&self) -> Result<String, LinkError> {
        self.check().map_err(LinkError::Check)?;
        let text = Scenario { engine: None, ..self.clone() }.to_text();
        if text.len() > LINK_TEXT_LEN_MAX {
            return Err(LinkError::TooLong { len: text.len() });
        }
        let mark = mark(self.engine.unwrap_or_else(engine_hash));
        let mut bytes = vec![VERSION as u8];
        bytes.extend(mark.to_le_bytes());
        bytes.extend(checksum(&text).to_le_bytes());
        bytes.extend(compress_to_vec(text.as_bytes(), LEVEL));
        let link = encode(&bytes);
        if link.len() > LINK_LEN_MAX { Err(LinkError::TooLong { len: link.len() }) } else { Ok(link) }
    }

    /// What to tell people before it is played, if it was made with another engine: said by a file's line `engine`.
    pub fn warning(&self) -> Option<OtherEngine> {
        self.engine.and_then(|hash| other(mark(hash)))
    }

    /// Opens a link.
    ///
    /// # Errors
    /// Why it is refused: too long, damaged, of another version, or with a text that is no scenario.
    pub fn from_link(link: &str) -> Result<Opened, LinkError> {
        let link = link.trim();
        if link.len() > LINK_LEN_MAX {
            return Err(LinkError::TooLong { len: link.len() });
        }
        let bytes = decode(link)?;
        let version = bytes.first().copied().ok_or(LinkError::Damaged)?;
        if u32::from(version) != VERSION {
            return Err(LinkError::Version { version: u32::from(version) });
        }
        let (header, packed) = bytes.split_at_checked(HEADER_LEN).ok_or(LinkError::Damaged)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (made_with, sum) = (word(1), word(5));
        let text = decompress_to_vec_with_limit(packed, LINK_TEXT_LEN_MAX).map_err(|error| {
            if error.status == TINFLStatus::HasMoreOutput {
                LinkError::TextTooLong
            } else {
                LinkError::Damaged
            }
        })?;
        let text = String::from_utf8(text).map_err(|_| LinkError::Damaged)?;
        if checksum(&text) != sum {
            return Err(LinkError::Damaged);
        }
        let scenario = Scenario::parse(&text).map_err(LinkError::Scenario)?;
        let warning = other(made_with);
        let engine = warning.is_none().then(engine_hash);
        Ok(Opened { scenario: Scenario { engine, ..scenario }, warning })
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(group >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

fn decode(text: &str) -> Result<Vec<u8>, LinkError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut group, mut bits) = (0u32, 0u32);
    for (at, b) in text.bytes().enumerate() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return Err(LinkError::Character { at }),
        };
        group = group << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((group >> bits) as u8);
            group &= (1 << bits) - 1;
        }
    }
    // What is left over is less than a byte, and all zeros.
    if bits >= 6 || group != 0 { Err(LinkError::Damaged) } else { Ok(out) }
}
