//! Bugs on purpose, to try the checkers of the simulator ([`crate::sim::check`]).
//!
//! A checker that never found anything may be blind. Each bug here switches one rule of the engine off, and a test shows that the
//! checker of that rule finds it (tests/sim_planted.rs). Without the feature `planted`, which nothing turns on but that test, a
//! [`Planted`] is empty and says no to every question at compile time: no build that anybody uses has these bugs.
//! They are in the engine because no fault at its boundary could have the same effect.

/// A rule that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A master votes again in an epoch.
    VotesTwice,
    /// A replica that won an election keeps its old config epoch.
    NoEpochBump,
    /// A replica takes over without the votes.
    TakesOverUnelected,
    /// A replica that won an election takes its master's config epoch, not one of its own.
    InheritsEpoch,
    /// FAIL is never taken back.
    NeverClearsFail,
    /// A replica that starts takes its master's line of nodes.conf for its own.
    TakesMastersId,
    /// The current epoch follows whoever speaks, downwards too.
    EpochFalls,
    /// Replies do not wait for the fsync of `appendfsync always`.
    RepliesBeforeFsync,
    /// The append-only file lacks some commands.
    AofDropsCommands,
    /// A partial resynchronisation begins one byte too early in the backlog.
    BacklogOffByOne,
    /// A replica counts some commands of the stream and does not execute them.
    SkipsStream,
    /// A replica acknowledges more than it has.
    AcksAhead,
    /// A replica that loses its master counts one byte back.
    OffsetFalls,
}

/// The bug that a node has, if any. Empty without the feature `planted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    #[cfg(feature = "planted")]
    bug: Option<Bug>,
}

impl Planted {
    /// One bug.
    #[cfg(feature = "planted")]
    pub fn with(bug: Bug) -> Planted {
        Planted { bug: Some(bug) }
    }

    /// Whether it is this one.
    #[inline(always)]
    pub fn is(self, bug: Bug) -> bool {
        #[cfg(feature = "planted")]
        return self.bug == Some(bug);
        #[cfg(not(feature = "planted"))]
        {
            let _ = bug;
            false
        }
    }
}
