//! The native host of a Vitrine node: real TCP and Unix sockets, real files, the real clock.
//!
//! It is the same engine that the simulator drives, behind the same boundary ([`vitrine_core::host`]); nothing of Redis is
//! decided here. What this crate is for: real clients, Redis's own test suite, benchmarks against redis-server, and clusters
//! in which real Redis servers and this one stand side by side.
//!
//! The shape is Redis's own: one thread with an event loop (`server.rs`), which reads every ready socket, hands the bytes to the
//! node, then takes the node's outputs once and writes them with one system call a client; a second thread (`disk.rs`) does
//! the disk work that Redis leaves to its bio threads and its forked child, so that the loop never waits for an fsync.

mod args;
mod clock;
mod conf;
mod disk;
mod log;
mod net;
mod process;
mod server;

pub use args::{Invocation, parse_args};
pub use conf::{Settings, load_settings};
pub use process::run_command_line;
pub use server::{Server, StopHandle};
