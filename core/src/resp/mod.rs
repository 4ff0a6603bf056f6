//! RESP, Redis's wire protocol, in both directions and both versions.
//!
//! A server reads one thing (requests: arrays of bulk strings, or inline lines) and writes another (replies of every
//! type), and the two have opposite needs, so they share no code:
//! - [`request`] is on the hot path of every byte a client sends: it finds arguments as ranges of the query buffer
//!   and copies nothing;
//! - [`reply`] is on the hot path of every byte a client gets: it appends to one growing buffer;
//! - [`value`] is what *clients* need, inside the simulator, in tests and in a replica's handshake: a tree of decoded
//!   replies, and its text as redis-cli shows it.

mod decode;
pub mod reply;
pub mod request;
pub mod value;

pub use decode::{DecodeError, DecodeLimits, Decoder};
pub use reply::Reply;
pub use request::{Args, Parsed, ProtocolError, RequestLimits, RequestParser};
pub use value::Value;

pub(crate) use reply::{push_bulk, push_header};

/// Appends a request, `args` as an array of bulk strings, to `out`: what a client sends, and what the replication
/// stream and the append-only file are made of.
pub fn encode_command<A: AsRef<[u8]>>(out: &mut Vec<u8>, args: &[A]) {
    push_header(out, b'*', args.len() as i64);
    for arg in args {
        push_bulk(out, arg.as_ref());
    }
}
