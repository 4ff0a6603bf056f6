//! Packets on their way over the stage.
//!
//! A mark stands where its packet is in virtual time. A packet that would cross faster than the eye can follow (a link of
//! a millisecond at 1×) is drawn for [`SHOWN_MS_MIN`] of wall time from the moment it was sent instead; it then lags
//! behind the truth by less than that. At the slowest speed none is: who goes there wants to see what is under way, and to stop
//! it. When time is held, marks stay where they are. When the world goes elsewhere at once, forward or back, none is left on the way
//! that belongs to another instant.

use crate::model::{Frame, Message};
use crate::words::SPEEDS;

/// How long a mark is on the stage at the least, in milliseconds of wall time.
pub const SHOWN_MS_MIN: f64 = 480.0;

/// How much of virtual time a mark may lag behind the truth, in times of what [`SHOWN_MS_MIN`] is at the speed: a frame may come late.
const LAG_MAX: f64 = 1.25;

/// The most marks at a time; beyond it the oldest go.
const MARKS_MAX: usize = 160;

/// A packet on the stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// The packet.
    pub message: Message,
    /// How far along its chord it is, 0 to 1.
    pub t: f64,
    /// When it came onto the stage, in milliseconds of played wall time.
    born_ms: f64,
}

/// All marks on the stage.
#[derive(Default)]
pub struct Marks {
    marks: Vec<Mark>,
    /// Wall time that passed while virtual time moved, in milliseconds.
    played_ms: f64,
}

impl Marks {
    /// Takes in a frame: `moving` says whether virtual time moved, and `dt_ms` of wall time passed since the last one.
    pub fn advance(&mut self, frame: &Frame, moving: bool, dt_ms: f64) {
        let (now_us, speed) = (frame.now_us, frame.speed);
        if moving {
            self.played_ms += dt_ms.clamp(0.0, 100.0);
        }
        for &message in &frame.messages {
            self.marks.push(Mark { message, t: 0.0, born_ms: self.played_ms });
        }
        if self.marks.len() > MARKS_MAX {
            self.marks.drain(..self.marks.len() - MARKS_MAX);
        }
        for mark in &mut self.marks {
            mark.message.dropped |= frame.dropped.contains(&mark.message.id);
        }
        let played = self.played_ms;
        for mark in &mut self.marks {
            let flight_us = mark.message.arrive_us.saturating_sub(mark.message.sent_us).max(1) as f64;
            let flight_wall_ms = flight_us / speed / 1000.0;
            mark.t = if speed <= SPEEDS[0] || flight_wall_ms >= SHOWN_MS_MIN {
                now_us.saturating_sub(mark.message.sent_us) as f64 / flight_us
            } else {
                (played - mark.born_ms) / SHOWN_MS_MIN
            };
        }
        let lag_us = (LAG_MAX * SHOWN_MS_MIN * 1000.0 * speed) as u64;
        self.marks.retain(|m| {
            m.t < 1.0
                && m.message.sent_us <= now_us
                && m.message.arrive_us.max(m.message.sent_us).saturating_add(lag_us) >= now_us
        });
    }

    /// Takes all from the stage.
    pub fn clear(&mut self) {
        self.marks.clear();
    }

    /// Those on the stage, oldest first.
    pub fn list(&self) -> Vec<Mark> {
        self.marks.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Phase};

    fn frame(now_us: u64, sent_us: &[u64]) -> Frame {
        let message = |&sent_us: &u64| Message {
            id: sent_us,
            kind: Kind::Fail,
            from: 0,
            to: 1,
            sent_us,
            arrive_us: sent_us + 300,
            dropped: false,
        };
        Frame {
            now_us,
            playing: true,
            going: false,
            speed: 1.0,
            phase: Phase::Live,
            cluster: None,
            messages: sent_us.iter().map(message).collect(),
            dropped: Vec::new(),
            traffic: Vec::new(),
            tape_reset: false,
            tape: Vec::new(),
            time: None,
            steps: 0,
        }
    }

    fn shown(marks: &Marks) -> Vec<u64> {
        marks.list().iter().map(|m| m.message.sent_us).collect()
    }

    #[test]
    fn a_packet_too_fast_to_be_seen_is_shown_for_half_a_second() {
        let mut marks = Marks::default();
        marks.advance(&frame(1_000_000, &[999_000]), true, 16.0);
        for n in 1..=29 {
            marks.advance(&frame(1_000_000 + n * 16_000, &[]), true, 16.0);
            assert_eq!(shown(&marks), [999_000], "after {n} frames");
        }
        marks.advance(&frame(1_480_000, &[]), true, 16.0);
        assert_eq!(shown(&marks), [], "it has arrived");
    }

    #[test]
    fn held_time_holds_what_is_under_way() {
        let mut marks = Marks::default();
        marks.advance(&frame(1_000_000, &[999_000]), true, 16.0);
        for _ in 0..100 {
            marks.advance(&frame(1_000_000, &[]), false, 16.0);
        }
        assert_eq!(shown(&marks), [999_000]);
    }

    /// Six seconds go by in three frames: what was sent in the election is long there when time is held at the end.
    #[test]
    fn nothing_is_left_of_another_instant_when_the_world_goes_elsewhere() {
        let mut marks = Marks::default();
        marks.advance(&frame(2_000_000, &[1_900_000]), true, 16.0);
        marks.advance(&frame(5_000_000, &[2_100_000, 4_900_000]), true, 16.0);
        marks.advance(&frame(8_000_000, &[7_300_000, 7_900_000]), true, 16.0);
        assert_eq!(shown(&marks), [7_900_000]);
        marks.advance(&frame(1_500_000, &[1_499_000]), false, 16.0);
        assert_eq!(shown(&marks), [1_499_000], "what was sent later is not sent yet");
    }
}
