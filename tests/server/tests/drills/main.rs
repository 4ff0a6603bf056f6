//! Drills: the native host under real clients, beside real Redis servers, killed and restarted.
//!
//! Each test starts its own processes on free loopback ports with a folder of their own, and nothing outlives it: a guard
//! kills the process and removes the folder. Debian's redis-server, redis-cli and redis-benchmark (7.0.15) are the other
//! side; they must be installed. All waiting is bounded, and what was waited for is in the message. One program for all
//! drills, so that those which mostly wait do so side by side.

mod cluster;
mod failover;
mod mixed;
mod persistence;
mod redis_cli;
mod replication;
mod reshard;
mod support;
