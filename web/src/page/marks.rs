//! Packets on their way over the stage.
//!
//! A mark stands where its packet is in virtual time. A packet that would cross faster than the eye can follow (a link of
//! a millisecond at 1×) is drawn for [`SHOWN_MS_MIN`] of wall time from the moment it was sent instead; it then lags
//! behind the truth by less than that. At the slowest speed none is: who goes there wants to see what is under way, and to stop
//! it. When time is held, marks stay where they are.

use vitrine_web::model::{Frame, Message};
use vitrine_web::words::SPEEDS;

/// How long a mark is on the stage at the least, in milliseconds of wall time.
pub const SHOWN_MS_MIN: f64 = 480.0;

/// The most marks at a time; beyond it the oldest go.
const MARKS_MAX: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
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
        self.marks.retain(|m| m.t < 1.0);
    }

    pub fn clear(&mut self) {
        self.marks.clear();
    }

    pub fn list(&self) -> Vec<Mark> {
        self.marks.clone()
    }
}
