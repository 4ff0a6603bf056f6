//! How a drawing is looked at: nearer or further away, and which part of it.

/// A part of a drawing, in its own units: left, top, width, height.
pub type View = (f64, f64, f64, f64);

/// How much nearer one can go than to see all.
pub const NEAREST: f64 = 12.0;

/// What of a drawing is seen: its middle, as a share of the whole, and how much nearer it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// How many times as large as when all is seen; 1 for that.
    pub times: f64,
    /// The middle, as a share of the width and of the height.
    pub middle: (f64, f64),
}

impl Default for Zoom {
    fn default() -> Zoom {
        Zoom { times: 1.0, middle: (0.5, 0.5) }
    }
}

impl Zoom {
    /// The part of a drawing that is seen.
    pub fn of(self, (x, y, w, h): View) -> View {
        let (seen_w, seen_h) = (w / self.times, h / self.times);
        (x + w * self.middle.0 - seen_w / 2.0, y + h * self.middle.1 - seen_h / 2.0, seen_w, seen_h)
    }

    /// Nearer by a factor, with what is at a place of the window, as shares of what is seen, staying there.
    pub fn nearer(self, by: f64, at: (f64, f64)) -> Zoom {
        let times = (self.times * by).clamp(1.0, NEAREST);
        let stays = |middle: f64, at: f64| middle + (at - 0.5) * (1.0 / self.times - 1.0 / times);
        Zoom { times, middle: (stays(self.middle.0, at.0), stays(self.middle.1, at.1)) }.within()
    }

    /// Moved by shares of what is seen.
    pub fn moved(self, by: (f64, f64)) -> Zoom {
        let middle = (self.middle.0 - by.0 / self.times, self.middle.1 - by.1 / self.times);
        Zoom { middle, ..self }.within()
    }

    /// Nothing beside the drawing is looked at.
    fn within(self) -> Zoom {
        let half = 0.5 / self.times;
        let hold = |middle: f64| middle.clamp(half, 1.0 - half);
        Zoom { middle: (hold(self.middle.0), hold(self.middle.1)), ..self }
    }
}

/// Where a point of an element is in a drawing that is fitted into it whole, in the middle: as shares of what is seen.
pub fn share_of((w, h): (f64, f64), (px, py): (f64, f64), view: View) -> (f64, f64) {
    let scale = (w / view.2).min(h / view.3).max(1e-9);
    let share = |p: f64, len: f64, seen: f64| (p - (len - seen * scale) / 2.0) / (seen * scale);
    (share(px, w, view.2), share(py, h, view.3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: View = (0.0, 0.0, 800.0, 576.0);

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let place = |zoom: Zoom, at: (f64, f64)| {
            let (x, y, w, h) = zoom.of(ALL);
            (x + w * at.0, y + h * at.1)
        };
        let at = (0.3, 0.6);
        let near = Zoom::default().nearer(2.0, at);
        let (a, b) = (place(Zoom::default(), at), place(near, at));
        assert!((a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9, "{a:?} {b:?}");
        assert_eq!(near.of(ALL).2, 400.0);
        assert_eq!(near.nearer(0.01, at), Zoom::default(), "as far as all is seen");
        assert_eq!(near.nearer(1e9, at).times, NEAREST);
    }

    #[test]
    fn nothing_beside_the_drawing_is_seen() {
        let near = Zoom::default().nearer(4.0, (0.5, 0.5));
        let (x, y, w, h) = near.moved((99.0, -99.0)).of(ALL);
        assert_eq!((x, y), (0.0, 576.0 - h));
        assert_eq!(w, 200.0);
        assert_eq!(Zoom::default().moved((0.4, 0.4)), Zoom::default());
    }

    #[test]
    fn a_wide_window_has_room_beside_the_drawing() {
        assert_eq!(share_of((1600.0, 576.0), (800.0, 288.0), ALL), (0.5, 0.5));
        assert_eq!(share_of((1600.0, 576.0), (400.0, 0.0), ALL), (0.0, 0.0));
    }
}
