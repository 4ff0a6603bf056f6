//! The tape's memory: per node, since when it has been in which state, and the marks on it.

use vitrine_web::model::{LaneState, NodeIndex, TapeItem, TapeMark};

/// The most entries a lane keeps; the oldest go first.
const LANE_MAX: usize = 4000;

#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub at_us: u64,
    pub mark: TapeMark,
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// From when, in order of time.
    pub states: Vec<(u64, LaneState)>,
    pub marks: Vec<Mark>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    pub lanes: Vec<Lane>,
    /// The row of faults.
    pub faults: Vec<Mark>,
    /// When the tape begins.
    pub start_us: u64,
}

impl Tape {
    pub fn new(nodes: usize, start_us: u64) -> Tape {
        Tape { lanes: vec![Lane::default(); nodes], faults: Vec::new(), start_us }
    }

    pub fn add(&mut self, item: TapeItem) {
        match item {
            TapeItem::Lane { node, at_us, state } => {
                let Some(lane) = self.lane(node) else { return };
                match lane.states.last_mut() {
                    Some((_, last)) if *last == state => {}
                    Some((at, last)) if *at == at_us => *last = state,
                    _ => lane.states.push((at_us, state)),
                }
                if lane.states.len() > LANE_MAX {
                    lane.states.drain(..LANE_MAX / 4);
                }
            }
            TapeItem::Mark { node, at_us, mark, text } => {
                let marks = match node {
                    Some(node) => match self.lane(node) {
                        Some(lane) => &mut lane.marks,
                        None => return,
                    },
                    None => &mut self.faults,
                };
                marks.push(Mark { at_us, mark, text });
                if marks.len() > LANE_MAX {
                    marks.drain(..LANE_MAX / 4);
                }
            }
        }
    }

    /// All marks in order of time, each with its node.
    pub fn marks(&self) -> Vec<(Option<NodeIndex>, &Mark)> {
        let lanes = self.lanes.iter().enumerate();
        let of_nodes = lanes.flat_map(|(i, l)| l.marks.iter().map(move |m| (Some(i as NodeIndex), m)));
        let mut all: Vec<_> = self.faults.iter().map(|m| (None, m)).chain(of_nodes).collect();
        all.sort_by_key(|(_, m)| m.at_us);
        all
    }

    fn lane(&mut self, node: NodeIndex) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(node))
    }
}

/// How bad a state is: of several lanes on one line the worst shows.
fn rank(state: LaneState) -> u8 {
    match state {
        LaneState::Replica => 0,
        LaneState::Master => 1,
        LaneState::Syncing => 2,
        LaneState::Loading => 3,
        LaneState::Paused => 4,
        LaneState::Election => 5,
        LaneState::CutOff => 6,
        LaneState::Down => 7,
        LaneState::Pfail => 8,
        LaneState::Fail => 9,
    }
}

/// Several lanes on one line: the worst state wins, and marks are those of all.
pub fn merged(lanes: &[&Lane]) -> Lane {
    let mut changes: Vec<(u64, usize, LaneState)> = Vec::new();
    let mut merged = Lane::default();
    for (i, lane) in lanes.iter().enumerate() {
        changes.extend(lane.states.iter().map(|&(at, state)| (at, i, state)));
        merged.marks.extend(lane.marks.iter().cloned());
    }
    changes.sort_by_key(|c| c.0);
    merged.marks.sort_by_key(|m| m.at_us);
    let mut now: Vec<Option<LaneState>> = vec![None; lanes.len()];
    for (at, i, state) in changes {
        now[i] = Some(state);
        let Some(worst) = now.iter().flatten().copied().max_by_key(|&s| rank(s)) else { continue };
        match merged.states.last_mut() {
            Some((_, last)) if *last == worst => {}
            Some((last_at, last)) if *last_at == at => *last = worst,
            _ => merged.states.push((at, worst)),
        }
    }
    merged
}
