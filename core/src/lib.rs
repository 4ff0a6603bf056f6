//! The engine of Vitrine: a Redis-compatible server as a deterministic state machine, and a simulator that runs clusters of it.
//!
//! [`node::Node`] is one server. It has no clock, thread, socket, file or entropy of its own: a host feeds it
//! [`host::Input`]s and carries out its [`host::Output`]s. The invariants that hold everywhere stand in ARCHITECTURE.md.

pub mod cluster;
pub mod command;
pub mod config;
mod conns;
pub mod cost;
pub mod event;
pub mod exec;
pub mod host;
pub mod node;
pub mod persist;
pub mod planted;
mod propagate;
pub mod pubsub;
pub mod replication;
pub mod resp;
pub mod rng;
pub mod sim;
pub mod store;
mod transaction;
