//! Replication: one stream of commands, numbered by bytes, from a master to its replicas (replication.c 7.0.15).
//!
//! A history has an id and an offset. A replica that lost its link asks to go on from its offset (PSYNC); the master agrees
//! if the history is the same and the backlog still reaches back that far, else it sends a snapshot first. When a replica
//! is promoted it keeps the old id as its second one, so that its siblings can follow it without a snapshot.
//!
//! [`primary`] is the side that sends, [`replica`] the side that follows; a node may be both (chained replication).
//! [`failover`] makes a master and one of its replicas change places.

pub mod backlog;
pub mod failover;
pub mod primary;
pub mod replica;

use crate::node::client::ClientId;
use crate::rng::Rng;
use backlog::Backlog;
use replica::MasterLink;
use std::rc::Rc;

/// What a node knows of its own replication history, of its master and of its replicas.
#[derive(Clone, Debug)]
pub struct Replication {
    /// `master_replid`: the id of the history that this node's data belongs to.
    pub replid: Rc<str>,
    /// `master_replid2`: the id that the history had before the last promotion; 40 zeros for none.
    pub replid2: Rc<str>,
    /// `second_repl_offset`: up to which offset `replid2` is valid; -1 for none.
    pub second_offset: i64,
    /// `master_repl_offset`: the number of the last byte of the stream that this node's data contains.
    pub offset: i64,
    /// The end of the stream, once there is or was a replica.
    pub backlog: Option<Backlog>,
    /// The database that the stream has selected; `None` forces a SELECT.
    pub selected_db: Option<usize>,
    /// Clients that are replicas, in the order they came.
    pub replicas: Vec<ClientId>,
    /// When the last replica left (wall clock, seconds).
    pub no_replicas_since_s: i64,
    /// How many replicas acknowledged recently enough for `min-replicas-max-lag`.
    pub good_replicas: usize,
    /// The master that this node follows.
    pub master: Option<MasterLink>,
    /// The snapshot that is being sent to replicas.
    pub sync: Option<primary::SyncJob>,
    /// Clients that wait for replicas (WAIT).
    pub waiting: Vec<ClientId>,
    /// At the end of this turn, ask all replicas where they are.
    pub get_ack: bool,
    /// A snapshot has just been sent: the next cron begins the one that others wait for.
    pub snapshot_ended: bool,
    /// The failover that FAILOVER has begun.
    pub failover: Option<failover::Failover>,
    cron_loops: u64,
}

/// Stands for no replication id.
pub const NO_REPLID: &str = "0000000000000000000000000000000000000000";

impl Replication {
    /// A history that begins now.
    pub fn new(rng: &mut Rng) -> Replication {
        Replication {
            replid: rng.hex(40).into(),
            replid2: NO_REPLID.into(),
            second_offset: -1,
            offset: 0,
            backlog: None,
            selected_db: None,
            replicas: Vec::new(),
            no_replicas_since_s: 0,
            good_replicas: 0,
            master: None,
            sync: None,
            waiting: Vec::new(),
            get_ack: false,
            snapshot_ended: false,
            failover: None,
            cron_loops: 0,
        }
    }

    /// Whether the link to the master is up (`REPL_STATE_CONNECTED`).
    pub fn link_up(&self) -> bool {
        self.master.as_ref().is_some_and(|master| master.client().is_some())
    }

    /// A new history: no replica of the old one can go on with a partial resynchronisation (`changeReplicationId`,
    /// `clearReplicationId2`).
    pub(crate) fn begin_new_history(&mut self, rng: &mut Rng) {
        self.replid = rng.hex(40).into();
        self.forget_second_id();
    }

    pub(crate) fn forget_second_id(&mut self) {
        self.replid2 = NO_REPLID.into();
        self.second_offset = -1;
    }

    /// A new id for the same data: the old one stays valid up to here (`shiftReplicationId`).
    pub(crate) fn shift_id(&mut self, rng: &mut Rng) {
        self.replid2 = std::mem::replace(&mut self.replid, rng.hex(40).into());
        self.second_offset = self.offset + 1;
    }

    pub(crate) fn make_backlog(&mut self, size: i64) {
        if self.backlog.is_none() {
            self.backlog = Some(Backlog::new(size.max(1) as usize, self.offset + 1));
        }
    }
}
