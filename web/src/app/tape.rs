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

    fn lane(&mut self, node: NodeIndex) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(node))
    }
}
