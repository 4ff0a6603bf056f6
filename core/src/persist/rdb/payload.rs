//! What DUMP gives and RESTORE takes: type and value as in an RDB file, the RDB version in two bytes, and a CRC-64 over
//! all of it (`createDumpPayload`, `verifyDumpPayload`, cluster.c 7.0.15).

use super::VERSION;
use super::decode::Cursor;
use super::encode::{Body, Encoder, object_type};
use crate::persist::crc64::crc64;
use crate::store::{Limits, Object};

/// Version and checksum, in bytes.
const FOOTER_LEN: usize = 10;

/// Why a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Too short, from a later version, or with a wrong checksum: `DUMP payload version or checksum are wrong`.
    Footer,
    /// The value cannot be read: `Bad data format`.
    Format,
}

/// The payload of a value. `compress` is `rdbcompression`.
pub fn dump_payload(object: &Object, compress: bool) -> Vec<u8> {
    let mut out = vec![object_type(object)];
    Body::new(object.clone()).write(&mut Encoder::new(compress), &mut out, usize::MAX);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&crc64(&out).to_le_bytes());
    out
}

/// The value in a payload. With `skip_checksum` (`DEBUG SET-SKIP-CHECKSUM-VALIDATION`) any checksum will do.
///
/// # Errors
/// See [`PayloadError`].
pub fn parse_payload(payload: &[u8], limits: &Limits, skip_checksum: bool) -> Result<Object, PayloadError> {
    let at = payload.len().checked_sub(FOOTER_LEN).ok_or(PayloadError::Footer)?;
    let (body, footer) = payload.split_at(at);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let checksum = crc64(&payload[..at + 2]).to_le_bytes();
    if version > VERSION || !(skip_checksum || footer[2..] == checksum) {
        return Err(PayloadError::Footer);
    }
    let mut cursor = Cursor::new(body);
    let object = cursor.byte().and_then(|kind| cursor.object(kind, limits));
    object.ok().flatten().ok_or(PayloadError::Format)
}
