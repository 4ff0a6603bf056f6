//! Pauses: commands that wait because a client, a failover or a shutdown wants it so (`pauseClients`, networking.c 7.0.15).
//!
//! Each purpose has a pause of its own, so that the end of one never ends another; what holds is the strictest of those
//! that run. Commands that are held back start from scratch when it becomes less strict: they may be held back again.

use super::Node;
use super::client::{Blocked, ClientId, own};

/// Why clients are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// CLIENT PAUSE.
    Command,
    /// A shutdown that waits for its replicas.
    Shutdown,
    /// A manual failover.
    Failover,
}

/// What a pause holds back; a later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    #[default]
    Nothing,
    /// Commands that may change data or be replicated.
    Writes,
    Everything,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    /// The last millisecond of it (wall clock).
    until_ms: i64,
    reach: Reach,
}

/// The pauses that run, and who waits for their end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pauses {
    /// By [`Purpose`].
    running: [Option<Pause>; 3],
    /// What held when it was last looked at.
    reach: Reach,
    /// Clients whose commands are held back, in the order they came in.
    held: Vec<ClientId>,
}

impl Pauses {
    fn reach_at(&self, now_ms: i64) -> Reach {
        let running = self.running.iter().flatten().filter(|pause| now_ms <= pause.until_ms);
        running.map(|pause| pause.reach).max().unwrap_or_default()
    }
}

impl Node {
    /// Pauses clients. One purpose asking twice gets the longer time and the wider reach.
    pub(crate) fn pause_clients(&mut self, purpose: Purpose, until_ms: i64, writes_only: bool) {
        let reach = if writes_only { Reach::Writes } else { Reach::Everything };
        let pause = self.pauses.running[purpose as usize].get_or_insert(Pause { until_ms, reach });
        pause.until_ms = pause.until_ms.max(until_ms);
        pause.reach = pause.reach.max(reach);
        self.look_at_pauses();
    }

    /// Ends the pause of one purpose.
    pub(crate) fn end_pause(&mut self, purpose: Purpose) {
        self.pauses.running[purpose as usize] = None;
        self.look_at_pauses();
    }

    /// Whether clients are paused for a command that may replicate (`true`) or for one that only reads.
    pub(crate) fn paused(&self, may_replicate: bool) -> bool {
        self.pauses.reach_at(self.now.wall_ms())
            >= if may_replicate { Reach::Writes } else { Reach::Everything }
    }

    /// Holds a client's command back.
    pub(super) fn hold_back(&mut self, id: ClientId, args: &[&[u8]]) {
        self.block(id, Blocked::Paused { args: own(args) });
        self.pauses.held.push(id);
    }

    /// Lets commands go on at the end of the turn if less is paused than before.
    pub(super) fn look_at_pauses(&mut self) {
        let now_ms = self.now.wall_ms();
        let reach = self.pauses.reach_at(now_ms);
        if reach < self.pauses.reach {
            self.resumed.extend(self.pauses.held.drain(..));
        }
        self.pauses.reach = reach;
        for pause in &mut self.pauses.running {
            pause.take_if(|pause| now_ms > pause.until_ms);
        }
    }
}
