//! A timeline as an observer sees it: its branches, what they cost, and what stands out on them.

use super::{BranchId, Place, Timeline};
use crate::event::{Event, Opinion};
use crate::sim::fault::Action;
use crate::sim::trace::Life;
use crate::sim::view::{TapeChange, TapeKind};
use serde::Serialize;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BranchView {
    /// Its number.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// The branch that it left; `None` for the first.
    pub parent: Option<BranchId>,
    /// Where it left it.
    pub fork: Option<Place>,
    /// How far it was played.
    pub end: Place,
    /// How many actions it had.
    pub actions: usize,
    /// The instants of its checkpoints, in virtual microseconds.
    pub checkpoints_us: Vec<u64>,
    /// What they take in memory, in bytes.
    pub checkpoints_len: usize,
}

/// What kind of change a marker stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkerKind {
    /// Something was done from outside; lines typed into a terminal and what clients send are left out.
    Action,
    /// A process ended, stopped or began.
    Process,
    /// A node became a master or a replica.
    Role,
    /// A node was found to have failed, or to be back.
    Opinion,
    /// Votes were asked for.
    Election,
    /// The cluster ceased or began to serve, as one of its nodes sees it.
    State,
}

/// An instant that stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marker {
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// The node that it is about.
    pub node: Option<u32>,
    /// What kind of change.
    pub kind: MarkerKind,
    /// What changed, in a few words.
    pub text: String,
}

/// A timeline at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineView {
    /// Where the world is.
    pub here: Place,
    /// On which branch.
    pub branch: BranchId,
    /// Whether the branch has a future already.
    pub in_the_past: bool,
    /// All branches, oldest first.
    pub branches: Vec<BranchView>,
    /// What all checkpoints take in memory beyond what they share, in bytes.
    pub checkpoints_len: usize,
    /// What they may take.
    pub checkpoints_len_max: usize,
    /// What the world itself takes, in bytes.
    pub world_len: usize,
    /// The most steps that going anywhere plays again.
    pub replay_steps_max: u64,
}

/// A run of a timeline, without what it takes in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// Its number.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// The run that it left and where; `None` for the first.
    pub parent: Option<(BranchId, Place)>,
    /// How far it was played.
    pub end: Place,
}

impl Timeline {
    /// All runs, oldest first. Costs next to nothing, unlike [`Timeline::view`].
    pub fn runs(&self) -> Vec<RunView> {
        let view = |(&id, branch): (&BranchId, &super::Branch)| RunView {
            id,
            name: branch.name.clone(),
            parent: branch.parent,
            end: branch.end,
        };
        self.branches.iter().map(view).collect()
    }

    /// The timeline as it is now. Reckons the memory of the world, which takes a millisecond or more with many keys.
    pub fn view(&self) -> TimelineView {
        let branches: Vec<BranchView> = self
            .branches
            .iter()
            .map(|(&id, branch)| BranchView {
                id,
                name: branch.name.clone(),
                parent: branch.parent.map(|(parent, _)| parent),
                fork: branch.parent.map(|(_, fork)| fork),
                end: branch.end,
                actions: branch.actions.len(),
                checkpoints_us: branch.checkpoints.values().map(|c| c.state.at_us()).collect(),
                checkpoints_len: branch.checkpoints_len(),
            })
            .collect();
        TimelineView {
            here: self.here(),
            branch: self.current,
            in_the_past: self.in_the_past(),
            checkpoints_len: branches.iter().map(|b| b.checkpoints_len).sum(),
            branches,
            checkpoints_len_max: self.limits.checkpoints_len_max,
            world_len: self.world.unshared(None),
            replay_steps_max: self.longest_replay(),
        }
    }

    /// What stands out on the present branch up to the present instant, as far as the tape reaches, after the change of that
    /// number: the markers, and the number to ask with the next time. Numbers are those of one run: begin with 0 after a travel.
    pub fn markers_after(&self, number: u64) -> (Vec<Marker>, u64) {
        let mut last = number;
        let mut markers = Vec::new();
        for change in self.world.tape_after(number) {
            last = change.number;
            markers.extend(self.marker(change));
        }
        (markers, last)
    }

    fn marker(&self, change: &TapeChange) -> Option<Marker> {
        let name = |node: Option<u32>| {
            node.and_then(|n| self.world.setup().nodes.get(n as usize)).map_or("", |n| n.name.as_str())
        };
        let whose = name(change.node);
        let (kind, text) = match &change.what {
            TapeKind::Process { life } => {
                let words = match life {
                    Life::Running => "runs",
                    Life::Paused => "is paused",
                    Life::Killed => "was killed",
                    Life::PowerLost => "lost power",
                    Life::Exited { .. } => "ended",
                    Life::Refused { .. } => "refused to start",
                };
                (MarkerKind::Process, format!("{whose} {words}"))
            }
            TapeKind::Action { action } => {
                if matches!(
                    action,
                    Action::TypeLine { .. }
                        | Action::Interrupt { .. }
                        | Action::OpenTerminal { .. }
                        | Action::AddClient { .. }
                        | Action::Connect { .. }
                        | Action::Send { .. }
                        | Action::Disconnect { .. }
                ) {
                    return None;
                }
                (MarkerKind::Action, crate::sim::trace::explain::action_words(action))
            }
            TapeKind::FaultOver { fault, .. } => {
                (MarkerKind::Action, format!("no longer: {}", fault.words()))
            }
            TapeKind::Node { event } => match event {
                Event::Role { replica, .. } => {
                    let role = if *replica { "replica" } else { "master" };
                    (MarkerKind::Role, format!("{whose} is a {role}"))
                }
                Event::Opinion { about, opinion } => {
                    let words = match opinion {
                        Opinion::Ok => "is back",
                        Opinion::Suspected => return None,
                        Opinion::Failed => "has failed",
                    };
                    let about = name(self.world.node_of_id(about));
                    (MarkerKind::Opinion, format!("{whose} says that {about} {words}"))
                }
                Event::Candidate { epoch, .. } => {
                    (MarkerKind::Election, format!("{whose} asks for votes for epoch {epoch}"))
                }
                Event::ClusterState { ok } => (
                    MarkerKind::State,
                    format!("the cluster is {} for {whose}", if *ok { "ok" } else { "down" }),
                ),
                _ => return None,
            },
        };
        Some(Marker { at_us: change.at_us, node: change.node, kind, text })
    }
}
