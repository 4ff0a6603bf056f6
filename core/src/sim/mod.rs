//! The simulator: a deterministic world that runs many [`Node`](crate::node::Node)s in virtual time.
//!
//! [`world::World`] is the whole of it: a queue of events ([`queue`]), processes with clocks ([`process`], [`clock`]), disks with a page
//! cache ([`disk`]), a network with TCP ([`net`], [`tcp`]), clients ([`client`]: plain ones, [`terminal`]s, the operator that
//! [`form`]s a cluster), what can be done to it ([`fault`]), what happened ([`trace`]), how it looks ([`view`]), where every
//! acknowledged write is ([`ledger`]) and whether what must hold does ([`check`]). A [`timeline::Timeline`] owns a world and can
//! take it back to any instant. [`World::peek`] asks a node something without touching the run.
//!
//! Faults act on the boundary of a node alone ([`crate::host`]): on messages, disk operations, time and process life.

/// Whether this build has what studies a world ([`workload`], [`ledger`], [`check`]): the feature `lab`. Without it a workload is
/// refused and nothing is watched, and the compiler leaves their code out.
pub const LAB: bool = cfg!(any(test, feature = "lab"));

mod act;
pub mod check;
pub mod chunks;
pub mod client;
mod clock;
pub(crate) mod cluster_cli;
mod content;
pub mod disk;
pub mod fault;
pub mod form;
mod formed;
pub mod histogram;
pub mod ledger;
pub mod net;
mod peek;
pub mod process;
mod queue;
pub mod scenario;
pub mod setup;
pub mod sweep;
pub mod tcp;
pub mod terminal;
pub mod timeline;
pub mod trace;
mod turn;
pub mod view;
mod watch;
mod weight;
pub mod workload;
pub mod world;

pub use disk::{ChangeKind, DurableChange, Unsynced};
pub use fault::{
    Action, ActionRecord, Delay, Direction, EioOn, Fault, FaultEntry, Link, Scope, Shape, Target,
};
pub use scenario::Scenario;
pub use setup::{NodeSetup, Setup};
pub use terminal::{TermKind, TermLine};
pub use timeline::Timeline;
pub use trace::{Life, TraceKind, TraceRecord};
pub use view::WorldView;
pub use workload::Workload;
pub use world::{Progress, Step, StepKind, World};
