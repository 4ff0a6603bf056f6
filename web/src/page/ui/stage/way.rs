//! The way of what a client sends, over the stage.

use vitrine_web::geometry::{Layout, Point};

/// A way that bows around the dial, ending at the rim of what it leads to: a quadratic curve by its three points.
pub struct Way([Point; 3]);

impl Way {
    /// From the rim of one thing to that of another, so far aside.
    pub fn new(l: &Layout, (from, from_rim): (Point, f64), (to, to_rim): (Point, f64), aside: f64) -> Way {
        let len = from.distance(to).max(1.0);
        let bend = l.bow(from, to).unwrap_or_else(|| from.toward(to, 0.5));
        // Two ways between the same ends keep apart.
        let (nx, ny) = (-(to.y - from.y) / len, (to.x - from.x) / len);
        let bend = Point { x: bend.x + nx * aside, y: bend.y + ny * aside };
        let cut = |end: Point, rim: f64| end.toward(bend, rim / end.distance(bend).max(rim).max(1.0));
        Way([cut(from, from_rim), bend, cut(to, to_rim)])
    }

    pub fn path(&self) -> String {
        let [a, c, b] = self.0;
        format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", a.x, a.y, c.x, c.y, b.x, b.y)
    }

    /// The point a share `t` of the way along.
    pub fn at(&self, t: f64) -> Point {
        let [a, c, b] = self.0;
        a.toward(c, t).toward(c.toward(b, t), t)
    }
}
