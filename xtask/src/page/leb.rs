//! Numbers of a WebAssembly file: seven bits in a byte, the lowest first (WebAssembly Core Specification 2.0, 5.2.2, LEB128).

use anyhow::Result;

/// Reads a number byte by byte; gives its lowest 32 bits.
pub fn read(mut next: impl FnMut() -> Result<u8>) -> Result<u32> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = next()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte < 0x80 {
            return Ok(value);
        }
    }
}
