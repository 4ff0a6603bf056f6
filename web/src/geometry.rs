//! Where things stand on the stage.
//!
//! The stage is an SVG of 800 × 576 units. Slot 0 is at twelve o'clock and slots go clockwise. A master sits on the ring
//! at the middle of its longest arc, its replicas outside. A partition moves the ring to the left; every group but the
//! one with most masters goes to a bay behind a wall. Nothing here knows of the browser, so all of it is tested natively.

use crate::model::{Claim, Cluster, NodeIndex, SLOTS};

/// The width of the stage in its own units.
pub const WIDTH: f64 = 800.0;
/// The height of the stage in its own units.
pub const HEIGHT: f64 = 576.0;
/// No two masters sit closer on the ring than this, in degrees, while there is room elsewhere: discs would lie on one another.
const SEATS_APART: f64 = 18.0;

/// A point on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// The point at `radius` from this one, `degrees` clockwise from twelve o'clock.
    pub fn polar(self, radius: f64, degrees: f64) -> Point {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Point { x: self.x + radius * sin, y: self.y - radius * cos }
    }

    /// The point a share `t` of the way to `to`.
    pub fn toward(self, to: Point, t: f64) -> Point {
        Point { x: self.x + (to.x - self.x) * t, y: self.y + (to.y - self.y) * t }
    }

    /// How far it is to `to`.
    pub fn distance(self, to: Point) -> f64 {
        (to.x - self.x).hypot(to.y - self.y)
    }
}

/// How large nodes are drawn; it follows from how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Up to 12 nodes.
    L,
    /// 13 to 30.
    M,
    /// 31 and more: dots, names on hover.
    S,
}

/// Where one node stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seat {
    /// The middle of its disc.
    pub at: Point,
    /// The radius of its disc.
    pub r: f64,
    /// Its direction from the middle of the ring, in degrees from twelve o'clock.
    pub angle: f64,
    /// Whether it sits on the ring (as opposed to outside or in a bay).
    pub on_ring: bool,
    /// Whether it is behind a wall.
    pub in_bay: bool,
}

/// The stage laid out for one state of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The middle of the ring.
    pub centre: Point,
    /// The radius of the slot ring's middle line.
    pub ring: f64,
    /// Its width.
    pub band: f64,
    /// How large nodes are drawn.
    pub size: Size,
    /// One per node.
    pub seats: Vec<Seat>,
    /// Where the wall stands (its left edge), if there is one.
    pub wall_x: Option<f64>,
}

/// So many nodes behind a wall leave room for a card below them.
const BAY_ROOMY_MAX: usize = 3;
/// How high a client's card is, in units of the stage.
pub const CARD_HEIGHT: f64 = 62.0;
/// Left of this and above this, the palette lies over the stage; below the other, the legend does.
const PALETTE: (f64, f64) = (100.0, 440.0);
const LEGEND: f64 = 548.0;
/// The width of a wall.
pub const WALL_WIDTH: f64 = 10.0;

/// The direction of a slot (or of the border before it), in degrees from twelve o'clock.
pub fn slot_angle(slot: f64) -> f64 {
    slot / f64::from(SLOTS) * 360.0
}

/// How many slots a claim covers.
pub fn claim_len(c: &Claim) -> u32 {
    u32::from(c.end).saturating_sub(u32::from(c.start)) + 1
}

impl Layout {
    /// Lays out the stage.
    pub fn of(cluster: &Cluster) -> Layout {
        let n = cluster.nodes.len();
        let size = match n {
            0..=12 => Size::L,
            13..=30 => Size::M,
            _ => Size::S,
        };
        let main = main_group(cluster);
        let (ring, band, outer, r_master, r_replica) = match size {
            // A wall takes some of the room.
            Size::L if main.is_some() => (128.0, 12.0, 201.0, 26.0, 20.0),
            Size::L => (142.0, 12.0, 220.0, 26.0, 20.0),
            Size::M => (158.0, 10.0, 212.0, 17.0, 13.0),
            Size::S => (170.0, 8.0, 212.0, 11.0, 8.0),
        };
        let centre = Point { x: if main.is_some() { 356.0 } else { 436.0 }, y: 298.0 };
        let shards = cluster.nodes.iter().map(|n| n.shard + 1).max().unwrap_or(1).max(1);

        // Who sits on the ring, and where: owners at their longest arc, else one master per shard without an owner.
        let mut angle_of: Vec<Option<f64>> = vec![None; n];
        for (i, angle) in angle_of.iter_mut().enumerate() {
            let longest = cluster
                .claims
                .iter()
                .filter(|c| c.accepted && usize::from(c.node) == i)
                .max_by_key(|c| (claim_len(c), std::cmp::Reverse(c.start)));
            if let Some(c) = longest {
                *angle = Some(slot_angle((f64::from(c.start) + f64::from(c.end) + 1.0) / 2.0));
            }
        }
        for shard in 0..shards {
            let mut members = cluster.nodes.iter().enumerate().filter(|(_, m)| m.shard == shard);
            if members.clone().any(|(i, _)| angle_of[i].is_some()) {
                continue;
            }
            let seat = members.clone().find(|(_, m)| m.master).or_else(|| members.next());
            if let Some((i, _)) = seat {
                let usual = (f64::from(shard) + 0.5) / f64::from(shards) * 360.0;
                angle_of[i] = Some(free_angle(&angle_of, usual));
            }
        }

        let mut seats = Vec::with_capacity(n);
        let mut bay: Vec<usize> = Vec::new();
        for i in 0..n {
            let in_bay = main.is_some_and(|g| !cluster.groups[g].contains(&(i as NodeIndex)));
            if in_bay {
                bay.push(i);
            }
            let seat = match angle_of[i] {
                Some(angle) => {
                    Seat { at: centre.polar(ring, angle), r: r_master, angle, on_ring: !in_bay, in_bay }
                }
                None => {
                    let host = anchor_of(cluster, &angle_of, i);
                    let host_angle = host.and_then(|h| angle_of[h]).unwrap_or(0.0);
                    let siblings: Vec<usize> = (0..n)
                        .filter(|&j| angle_of[j].is_none() && anchor_of(cluster, &angle_of, j) == host)
                        .collect();
                    let at = siblings.iter().position(|&j| j == i).unwrap_or(0);
                    let angle = host_angle + spread(host_angle, at, siblings.len(), shards);
                    let low = angle.rem_euclid(360.0);
                    let radius =
                        if (150.0..210.0).contains(&low) && size == Size::L { outer - 8.0 } else { outer };
                    Seat { at: centre.polar(radius, angle), r: r_replica, angle, on_ring: false, in_bay }
                }
            };
            seats.push(seat);
        }
        let wall_x = main.map(|_| 646.0);
        // A few leave room for a client's card below them.
        let height = if bay.len() <= BAY_ROOMY_MAX && size == Size::L { 300.0 } else { 360.0 };
        let room = height / (bay.len().max(1) as f64);
        for (row, &i) in bay.iter().enumerate() {
            let y = if bay.len() == 1 { 236.0 } else { 100.0 + room * (row as f64 + 0.5) };
            seats[i].at = Point { x: 729.0, y };
            seats[i].r = (seats[i].r - 1.0).min(room / 3.2);
        }
        Layout { centre, ring, band, size, seats, wall_x }
    }

    /// The path of an arc of the slot ring, at `offset` units outside its middle line, with the gap between arcs.
    pub fn arc(&self, start: u16, end: u16, offset: f64) -> String {
        let full = start == 0 && end == SLOTS - 1;
        let r = self.ring + offset;
        if full {
            let (a, b) = (self.centre.polar(r, 0.0), self.centre.polar(r, 180.0));
            return format!(
                "M{:.1} {:.1}A{r} {r} 0 1 1 {:.1} {:.1}A{r} {r} 0 1 1 {:.1} {:.1}",
                a.x, a.y, b.x, b.y, a.x, a.y
            );
        }
        let from = slot_angle(f64::from(start));
        let to = slot_angle(f64::from(end) + 1.0);
        let gap = 0.9f64.min((to - from) / 4.0);
        arc_path(self.centre, r, from + gap, to - gap)
    }

    /// The path that a packet takes from one node to another: straight, but bowed around the dial in the middle.
    /// Gives the point at share `t` of the way.
    pub fn on_chord(&self, from: usize, to: usize, t: f64) -> Point {
        self.between(self.seats[from].at, self.seats[to].at, t)
    }

    /// The point at share `t` of the way between two places.
    pub fn between(&self, a: Point, b: Point, t: f64) -> Point {
        let t = t.clamp(0.0, 1.0);
        match self.bow(a, b) {
            None => a.toward(b, t),
            Some(c) => a.toward(c, t).toward(c.toward(b, t), t),
        }
    }

    /// The chord between two nodes as a path.
    pub fn chord(&self, from: usize, to: usize) -> String {
        self.way(self.seats[from].at, self.seats[to].at)
    }

    /// The way between two places as a path.
    pub fn way(&self, a: Point, b: Point) -> String {
        match self.bow(a, b) {
            None => format!("M{:.1} {:.1}L{:.1} {:.1}", a.x, a.y, b.x, b.y),
            Some(c) => format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", a.x, a.y, c.x, c.y, b.x, b.y),
        }
    }

    /// Where a client's card stands behind the wall, by its upper left corner, and how wide it is: below the nodes, if they leave room.
    pub fn bay_card(&self) -> Option<(Point, f64)> {
        let behind = self.seats.iter().filter(|seat| seat.in_bay).count();
        self.wall_x
            .filter(|_| self.size == Size::L && behind <= BAY_ROOMY_MAX)
            .map(|x| (Point { x: x + 20.0, y: 416.0 }, 126.0))
    }

    /// Where clients' cards stand on this side of a wall, by their upper left corners, and how wide they are: the first come first.
    pub fn cards(&self) -> &'static [(Point, f64)] {
        const fn card(x: f64, y: f64, width: f64) -> (Point, f64) {
            (Point { x, y }, width)
        }
        match (self.size, self.wall_x) {
            (Size::L, None) => {
                &const {
                    [
                        card(90.0, 456.0, 160.0),
                        card(636.0, 456.0, 156.0),
                        card(104.0, 386.0, 160.0),
                        card(636.0, 386.0, 156.0),
                    ]
                }
            }
            (Size::L, Some(_)) => &const { [card(90.0, 456.0, 160.0), card(104.0, 386.0, 146.0)] },
            (_, None) => {
                &const {
                    [
                        card(110.0, 60.0, 146.0),
                        card(644.0, 60.0, 146.0),
                        card(110.0, 464.0, 146.0),
                        card(644.0, 464.0, 146.0),
                    ]
                }
            }
            (_, Some(_)) => &const { [card(28.0, 464.0, 146.0)] },
        }
    }

    /// The control point of a chord that would pass within 76 units of the middle of the ring.
    pub fn bow(&self, a: Point, b: Point) -> Option<Point> {
        const KEEP_OUT: f64 = 76.0;
        let len = a.distance(b);
        if len < 1.0 {
            return None;
        }
        let c = self.centre;
        let along = ((c.x - a.x) * (b.x - a.x) + (c.y - a.y) * (b.y - a.y)) / (len * len);
        if !(0.0..=1.0).contains(&along) {
            return None;
        }
        let foot = a.toward(b, along);
        let gap = foot.distance(c);
        if gap >= KEEP_OUT {
            return None;
        }
        // Away from the middle; through it exactly, to the left of the direction of travel.
        let (nx, ny) = if gap > 0.5 {
            ((foot.x - c.x) / gap, (foot.y - c.y) / gap)
        } else {
            ((b.y - a.y) / len, -(b.x - a.x) / len)
        };
        // A quadratic curve passes half-way between its chord and its control point.
        let push = 2.0 * (KEEP_OUT + 8.0 - gap);
        Some(Point { x: foot.x + nx * push, y: foot.y + ny * push })
    }
}

/// The path of a circular arc, angles in degrees from twelve o'clock, clockwise.
pub fn arc_path(c: Point, r: f64, from: f64, to: f64) -> String {
    let (a, b) = (c.polar(r, from), c.polar(r, to));
    let large = u8::from(to - from > 180.0);
    format!("M{:.1} {:.1}A{r} {r} 0 {large} 1 {:.1} {:.1}", a.x, a.y, b.x, b.y)
}

/// The group of the partition that keeps the ring: the one with most owners of slots, then the largest, then the first.
pub fn main_group(cluster: &Cluster) -> Option<usize> {
    if cluster.groups.len() < 2 {
        return None;
    }
    let owners = |g: &[NodeIndex]| {
        g.iter().filter(|&&i| cluster.nodes.get(usize::from(i)).is_some_and(|n| n.master)).count()
    };
    (0..cluster.groups.len())
        .max_by_key(|&g| (owners(&cluster.groups[g]), cluster.groups[g].len(), std::cmp::Reverse(g)))
}

/// Beside which node on the ring a node stands that is not on it: its master, else the one of its shard.
/// Where one more may sit on the ring: at its usual place, or in the middle of the widest gap if that is taken.
fn free_angle(taken: &[Option<f64>], usual: f64) -> f64 {
    let mut taken: Vec<f64> = taken.iter().flatten().map(|angle| angle.rem_euclid(360.0)).collect();
    let apart = |other: &f64| (usual - other).abs().min(360.0 - (usual - other).abs());
    if taken.iter().all(|other| apart(other) >= SEATS_APART) {
        return usual;
    }
    taken.sort_by(f64::total_cmp);
    let next = taken.iter().skip(1).copied().chain(taken.first().map(|first| first + 360.0));
    let gaps = taken.iter().zip(next).map(|(&from, to)| (to - from, (from + to) / 2.0));
    gaps.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(usual, |(_, middle)| middle)
}

fn anchor_of(cluster: &Cluster, angle_of: &[Option<f64>], i: usize) -> Option<usize> {
    let node = &cluster.nodes[i];
    let master = node.replica_of.map(usize::from).filter(|&m| angle_of.get(m).is_some_and(|a| a.is_some()));
    master.or_else(|| {
        (0..cluster.nodes.len()).find(|&j| cluster.nodes[j].shard == node.shard && angle_of[j].is_some())
    })
}

/// How far a replica stands from its master's direction, in degrees: the `at`-th of `of`.
fn spread(host_angle: f64, at: usize, of: usize, shards: u16) -> f64 {
    let low = host_angle.rem_euclid(360.0);
    let widest: f64 = if (150.0..=210.0).contains(&low) { 19.0 } else { 25.0 };
    let step = widest.min(0.24 * 360.0 / f64::from(shards.max(1)));
    match of {
        // Alone: towards the top, so that the master's own label keeps its place; at the bottom, to the right.
        0 | 1 => {
            if low <= 180.0 {
                -step
            } else {
                step
            }
        }
        _ => -step + 2.0 * step * at as f64 / (of - 1) as f64,
    }
}

/// Where a label's lines stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSpot {
    /// The anchor's place.
    pub x: f64,
    /// The first base line.
    pub y: f64,
    /// `start`, `middle` or `end`.
    pub anchor: &'static str,
}

/// How far apart a label's lines are.
pub const LINE: f64 = 14.0;

/// The place of a label of `lines` lines beside a seat: radially outwards; in a bay, below.
pub fn label_spot(seat: &Seat, lines: usize, jury: bool) -> LabelSpot {
    let n = lines.max(1) as f64;
    let (sin, cos) = seat.angle.to_radians().sin_cos();
    let ring = if jury { 16.0 } else { 8.0 };
    let out = seat.r + ring;
    if seat.in_bay {
        return LabelSpot { x: seat.at.x, y: seat.at.y + out + 17.0, anchor: "middle" };
    }
    if sin.abs() <= 0.25 {
        let y = if cos > 0.0 { seat.at.y - out - 8.0 - (n - 1.0) * LINE } else { seat.at.y + out + 15.0 };
        // Below the ring, a little to the left: a lone replica stands at the right.
        let x = if seat.on_ring && cos < 0.0 { seat.at.x - 10.0 } else { seat.at.x };
        return LabelSpot { x, y, anchor: "middle" };
    }
    let reach = if seat.on_ring { out + 16.0 } else { out + 6.0 };
    let lift = if seat.on_ring { -8.0 * cos } else { 0.0 };
    LabelSpot {
        x: seat.at.x + reach * sin.signum(),
        y: seat.at.y + 4.0 - (n - 1.0) * LINE / 2.0 + lift,
        anchor: if sin > 0.0 { "start" } else { "end" },
    }
}

/// How wide a letter of a label is, and how far its discs' rings reach around a seat.
const LETTER: f64 = 6.7;
const RINGS: f64 = 8.0;

impl LabelSpot {
    /// Whether lines of so many letters would lie on a disc.
    fn hits(&self, seat: &Seat, lines: usize, letters: usize) -> bool {
        let wide = letters as f64 * LETTER;
        let left = self.left(wide);
        let (top, low) = self.span(lines);
        let near = Point { x: seat.at.x.clamp(left, left + wide), y: seat.at.y.clamp(top, low) };
        near.distance(seat.at) < seat.r + RINGS
    }

    /// Whether lines of so many letters would lie under the palette or the legend.
    fn hidden(&self, lines: usize, letters: usize) -> bool {
        let (top, low) = self.span(lines);
        self.left(letters as f64 * LETTER) < PALETTE.0 && top < PALETTE.1 || low > LEGEND
    }

    /// Whether lines of so many letters would lie on a card that begins somewhere and is so wide.
    fn meets(&self, &(card, width): &(Point, f64), lines: usize, letters: usize) -> bool {
        let (top, low) = self.span(lines);
        let left = self.left(letters as f64 * LETTER);
        left < card.x + width
            && left + letters as f64 * LETTER > card.x
            && top < card.y + CARD_HEIGHT
            && low > card.y
    }

    /// From where to where so many lines reach.
    fn span(&self, lines: usize) -> (f64, f64) {
        (self.y - 9.0, self.y + 3.0 + (lines.max(1) - 1) as f64 * LINE)
    }

    /// The left edge of lines that are so wide.
    fn left(&self, wide: f64) -> f64 {
        match self.anchor {
            "start" => self.x,
            "middle" => self.x - wide / 2.0,
            _ => self.x - wide,
        }
    }
}

impl Layout {
    /// How many lines a label has room for: below the ring a third would meet a replica's disc.
    pub fn lines_max(&self, index: usize) -> usize {
        let seat = &self.seats[index];
        if seat.on_ring && (150.0..210.0).contains(&seat.angle.rem_euclid(360.0)) { 2 } else { 3 }
    }

    /// The place of a label beside a node, clear of all discs and of what lies over the stage as far as there is one: where [`label_spot`]
    /// has it, a little above or below, at its corner, beside the replica under it, outside all of them, right below or above. Where every place
    /// meets a disc, it has fewer lines: gives how many. There are so many `cards` of clients.
    pub fn label(
        &self,
        index: usize,
        (lines, letters): (usize, usize),
        jury: bool,
        cards: usize,
    ) -> (LabelSpot, usize) {
        let mut lines = lines;
        loop {
            let spot = self.label_of(index, (lines, letters), jury, cards);
            let in_bay = self.seats[index].in_bay;
            if lines < 2 || in_bay || !self.seats.iter().any(|s| spot.hits(s, lines, letters)) {
                return (spot, lines);
            }
            lines -= 1;
        }
    }

    fn label_of(
        &self,
        index: usize,
        (lines, letters): (usize, usize),
        jury: bool,
        cards: usize,
    ) -> LabelSpot {
        let seat = &self.seats[index];
        let usual = label_spot(seat, lines, jury);
        if seat.in_bay {
            return usual;
        }
        let wide = letters as f64 * LETTER;
        let far =
            self.seats.iter().filter(|s| !s.in_bay).map(|s| s.at.distance(self.centre)).fold(0.0, f64::max);
        let outside = Seat { at: self.centre.polar(far, seat.angle), on_ring: false, ..*seat };
        let aside = LabelSpot { x: seat.at.x + seat.r + RINGS, anchor: "end", ..usual };
        let right = self.wall_x.map_or(WIDTH, |x| x - 2.0) - 6.0;
        let out = seat.r + if jury { 16.0 } else { RINGS };
        let middle = |y: f64| LabelSpot { x: seat.at.x, y, anchor: "middle" };
        let below = middle(seat.at.y + out + 15.0);
        let above = middle(seat.at.y - out - 8.0 - (lines.max(1) - 1) as f64 * LINE);
        let corner = LabelSpot {
            x: seat.at.x + seat.r * 0.55 * seat.angle.to_radians().sin().signum(),
            y: if seat.at.y > self.centre.y { below.y } else { above.y },
            ..usual
        };
        // Near the usual height first, wherever there is room at it.
        let near = [0.0, -LINE, LINE].as_slice();
        let far = [-2.0 * LINE, 2.0 * LINE, -3.0 * LINE, 3.0 * LINE].as_slice();
        let spots = [usual, corner, aside, label_spot(&outside, lines, jury), below, above];
        let places = [near, far].into_iter().flat_map(|heights| {
            spots.iter().flat_map(move |spot| {
                // Within the stage.
                let over = (spot.left(wide) + wide - right).max(0.0);
                heights.iter().map(move |dy| LabelSpot { x: spot.x - over, y: spot.y + dy, ..*spot })
            })
        });
        // The first two cards alone: there are seldom more, and where the others stand, labels stand as well.
        let cards = &self.cards()[..self.cards().len().min(cards).min(2)];
        let hit = |spot: &LabelSpot| {
            let discs = self.seats.iter().filter(|s| spot.hits(s, lines, letters)).count();
            (
                discs,
                spot.hidden(lines, letters),
                cards.iter().filter(|card| spot.meets(card, lines, letters)).count(),
            )
        };
        places.min_by_key(hit).unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Node;

    #[test]
    fn masters_sit_at_the_middle_of_their_arcs() {
        let l = Layout::of(&Cluster::six());
        assert_eq!(l.size, Size::L);
        let a = l.seats[0];
        assert!((a.at.x - 559.0).abs() < 0.5 && (a.at.y - 227.0).abs() < 0.5, "{a:?}");
        let b = l.seats[1];
        assert!((b.at.x - 436.0).abs() < 0.5 && (b.at.y - 440.0).abs() < 0.5, "{b:?}");
        assert!(l.seats[..3].iter().all(|s| s.on_ring) && l.seats[3..].iter().all(|s| !s.on_ring));
    }

    #[test]
    fn no_two_discs_touch() {
        let l = Layout::of(&Cluster::six());
        for i in 0..6 {
            for j in 0..i {
                let gap = l.seats[i].at.distance(l.seats[j].at) - l.seats[i].r - l.seats[j].r;
                assert!(gap > 12.0, "{i} and {j}: {gap}");
            }
        }
    }

    #[test]
    fn a_promoted_replica_takes_the_seat_on_the_ring() {
        let mut c = Cluster::six();
        c.claims[0].node = 3;
        c.nodes[3].master = true;
        c.nodes[3].replica_of = None;
        let l = Layout::of(&c);
        assert!(l.seats[3].on_ring && !l.seats[0].on_ring);
        assert!((l.seats[3].at.x - 559.0).abs() < 0.5);
    }

    #[test]
    fn before_there_are_slots_every_shard_has_its_place() {
        let mut c = Cluster::six();
        c.claims.clear();
        let l = Layout::of(&c);
        assert!(l.seats[0].on_ring && l.seats[1].on_ring && l.seats[2].on_ring);
    }

    #[test]
    fn a_wall_moves_the_smaller_group_to_a_bay() {
        let mut c = Cluster::six();
        c.groups = vec![vec![0], vec![1, 2, 3, 4, 5]];
        let l = Layout::of(&c);
        assert!(l.seats[0].in_bay && l.seats[0].at.x > l.wall_x.unwrap());
        assert!(l.seats[1..].iter().all(|s| !s.in_bay && s.at.x + s.r < l.wall_x.unwrap()));
    }

    #[test]
    fn chords_keep_away_from_the_dial() {
        let mut c = Cluster::six();
        c.claims = vec![
            Claim { start: 0, end: 8191, node: 0, epoch: 1, accepted: true, served: true },
            Claim { start: 8192, end: 16383, node: 1, epoch: 1, accepted: true, served: true },
        ];
        let l = Layout::of(&c);
        let mid = l.on_chord(0, 1, 0.5);
        assert!(mid.distance(l.centre) > 30.0, "{mid:?}");
        assert_eq!(l.on_chord(0, 1, 0.0), l.seats[0].at);
        assert_eq!(l.on_chord(0, 1, 1.0), l.seats[1].at);
    }

    /// So many shards of a master and two replicas each.
    fn trios(shards: u16) -> Cluster {
        let mut c = Cluster::default();
        for s in 0..shards {
            let m = c.nodes.len() as u16;
            c.nodes.push(Node::sample("m", s, None));
            c.nodes.push(Node::sample("r", s, Some(m)));
            c.nodes.push(Node::sample("r", s, Some(m)));
            let border = |s: u16| u32::from(s) * 16384 / u32::from(shards);
            let (start, end) = (border(s) as u16, (border(s + 1) - 1) as u16);
            c.claims.push(Claim { start, end, node: m, epoch: 1, accepted: true, served: true });
        }
        c
    }

    #[test]
    fn labels_lie_on_no_disc() {
        let mut walled = Cluster::six();
        walled.groups = vec![vec![0], vec![1, 2, 3, 4, 5]];
        for c in [Cluster::six(), walled, trios(3), trios(4), trios(10), trios(16)] {
            let l = Layout::of(&c);
            for index in 0..l.seats.len() {
                for (lines, letters) in
                    if l.size == Size::L { [(1, 21), (2, 22), (3, 12)] } else { [(1, 17), (2, 17), (3, 17)] }
                {
                    let lines = lines.min(l.lines_max(index));
                    for cards in [0, 2] {
                        let (spot, room) = l.label(index, (lines, letters), true, cards);
                        let hit = l.seats.iter().position(|seat| spot.hits(seat, lines, letters));
                        let seen = format!("{} nodes, {index}, {letters} letters: {spot:?}", l.seats.len());
                        assert_eq!((hit, room), (None, lines), "{seen}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_label_has_fewer_lines_rather_than_lying_on_a_disc() {
        let mut c = trios(8);
        c.groups = vec![(4..24).collect(), (0..4).collect()];
        let l = Layout::of(&c);
        let whole = l.label_of(6, (3, 22), true, 0);
        assert!(l.seats.iter().any(|seat| whole.hits(seat, 3, 22)), "{whole:?}: there is no room for it");
        let (spot, room) = l.label(6, (3, 22), true, 0);
        assert_eq!(room, 2);
        assert!(!l.seats.iter().any(|seat| spot.hits(seat, room, 22)), "{spot:?}");
    }

    /// As long as labels usually are.
    #[test]
    fn labels_lie_under_nothing_that_stands_around_the_ring() {
        let mut walled = Cluster::six();
        walled.groups = vec![vec![0], vec![1, 2, 3, 4, 5]];
        for c in [Cluster::six(), walled, trios(3), trios(4)] {
            let l = Layout::of(&c);
            for index in (0..l.seats.len()).filter(|&index| !l.seats[index].in_bay) {
                for (lines, letters, jury) in [(2, 13, false), (3, 12, false), (3, 16, false), (2, 19, true)]
                {
                    let lines = lines.min(l.lines_max(index));
                    let (spot, lines) = l.label(index, (lines, letters), jury, 2);
                    let seen = format!("{} nodes, {index}, {lines} lines: {spot:?}", l.seats.len());
                    assert!(!spot.hidden(lines, letters), "{seen} lies under the palette or the legend");
                    // Of twelve nodes, those at the lower left have no other place.
                    if letters < 14 && l.seats.len() < 12 {
                        let card = l.cards().iter().take(2).find(|card| spot.meets(card, lines, letters));
                        assert_eq!(card, None, "{seen}");
                    }
                }
            }
        }
    }

    #[test]
    fn chords_of_a_crowd_keep_away_from_the_dial() {
        let l = Layout::of(&trios(16));
        assert!((0..48).all(|to| to == 0 || l.on_chord(0, to, 0.5).distance(l.centre) > 60.0));
    }

    #[test]
    fn thirty_nodes_fit() {
        let c = trios(10);
        let l = Layout::of(&c);
        for i in 0..30 {
            assert!(l.seats[i].at.x > 20.0 && l.seats[i].at.x < WIDTH - 20.0);
            assert!(l.seats[i].at.y > 40.0 && l.seats[i].at.y < HEIGHT - 20.0);
            for j in 0..i {
                assert!(l.seats[i].at.distance(l.seats[j].at) > l.seats[i].r + l.seats[j].r + 6.0, "{i} {j}");
            }
        }
    }
}
