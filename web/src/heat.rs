//! Where nodes stand on the heat map, and how bright they are.
//!
//! A block is a shard: its masters above, wide, its replicas below. Blocks keep their places whatever becomes of their nodes, so that
//! news is seen to spread over a picture that stands still. Brightness is all that tells a number; marks in lines and
//! warm colour tell a state. Nothing here knows of the browser, so all of it is tested natively.

use crate::geometry::claim_len;
use crate::model::{Belief, Cluster, DENSITY_PARTS, Node, NodeIndex, SLOTS};
use crate::words;
use litemap::LiteMap;

/// The part of the stage that the blocks fill, in its units: left, top, width, height.
pub const FIELD: (f64, f64, f64, f64) = (118.0, 100.0, 660.0, 372.0);
/// The brightest level.
pub const LEVEL_MAX: u8 = 6;
/// A block's sides, and those of its cells, in parts of its width with the gap beside it.
const BLOCK_WIDTH: f64 = 28.0 / 34.0;
const MASTER_HEIGHT: f64 = 16.0 / 34.0;
const REPLICA_HEIGHT: f64 = 10.0 / 34.0;
const CELL_GAP: f64 = 2.0 / 34.0;
const PITCH_HEIGHT: f64 = 37.0 / 34.0;
/// No block is wider than this, with the gap beside it.
const PITCH_MAX: f64 = 150.0;

/// Where a node is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Cell {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub w: f64,
    /// The height.
    pub h: f64,
}

/// Where each node is drawn.
pub fn cells(c: &Cluster) -> Vec<Cell> {
    let mut shards: LiteMap<u16, Vec<usize>> = LiteMap::new();
    for (i, n) in c.nodes.iter().enumerate() {
        shards.entry(n.shard).or_default().push(i);
    }
    let mut owns = vec![false; c.nodes.len()];
    for k in c.claims.iter().filter(|k| k.accepted) {
        if let Some(owns) = owns.get_mut(usize::from(k.node)) {
            *owns = true;
        }
    }
    let (left, top, width, height) = FIELD;
    let count = shards.len().max(1);
    // As many columns as make the blocks largest.
    let pitch_of = |columns: usize| {
        (width / columns as f64).min(height / (count.div_ceil(columns) as f64 * PITCH_HEIGHT))
    };
    let columns = (1..=count).max_by(|&a, &b| pitch_of(a).total_cmp(&pitch_of(b))).unwrap_or(1);
    let pitch = pitch_of(columns).min(PITCH_MAX);
    let mut cells = vec![Cell::default(); c.nodes.len()];
    for (at, members) in shards.values().enumerate() {
        let x = left + (at % columns) as f64 * pitch;
        let y = top + (at / columns) as f64 * pitch * PITCH_HEIGHT;
        let owners = |i: &usize| owns[*i];
        let masters = |i: &usize| c.nodes[*i].master;
        let (above, below): (Vec<usize>, Vec<usize>) = match () {
            () if members.iter().any(owners) => members.iter().partition(|i| owners(i)),
            () if members.iter().any(masters) => members.iter().partition(|i| masters(i)),
            () => members.iter().partition(|&&i| i == members[0]),
        };
        let mut row = |nodes: &[usize], y: f64, h: f64| {
            let each = (BLOCK_WIDTH + CELL_GAP) / nodes.len().max(1) as f64;
            for (k, &i) in nodes.iter().enumerate() {
                cells[i] =
                    Cell { x: x + k as f64 * each * pitch, y, w: (each - CELL_GAP) * pitch, h: h * pitch };
            }
        };
        row(&above, y, MASTER_HEIGHT);
        row(&below, y + (MASTER_HEIGHT + CELL_GAP) * pitch, REPLICA_HEIGHT);
    }
    cells
}

/// The ways that arrows point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// →
    Right,
    /// ←
    Left,
    /// ↓
    Down,
    /// ↑
    Up,
}

/// The nearest cell on one side of another; of those, one that lies straight that way before one that is aside.
pub fn neighbour(cells: &[Cell], from: usize, way: Way) -> Option<usize> {
    let here = cells.get(from)?;
    // From the end of one stretch to the beginning of another; negative where they overlap.
    let gap = |a: f64, len: f64, b: f64| b - (a + len);
    let far = |c: &Cell| {
        let across = gap(here.x, here.w, c.x).max(gap(c.x, c.w, here.x)).max(0.0);
        let upright = gap(here.y, here.h, c.y).max(gap(c.y, c.h, here.y)).max(0.0);
        let (ahead, aside) = match way {
            Way::Right => (gap(here.x, here.w, c.x), upright),
            Way::Left => (gap(c.x, c.w, here.x), upright),
            Way::Down => (gap(here.y, here.h, c.y), across),
            Way::Up => (gap(c.y, c.h, here.y), across),
        };
        (ahead > -0.01).then_some(ahead + 3.0 * aside)
    };
    let reached =
        cells.iter().enumerate().filter(|&(i, _)| i != from).filter_map(|(i, c)| Some((far(c)?, i)));
    reached.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, i)| i)
}

/// What brightness tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Keys.
    Keys,
    /// By how many bytes a second of virtual time its replication offset grows.
    Written,
    /// How long clients wait for 99 of 100 of its answers, in microseconds.
    Slow,
    /// How many bytes it is behind its master.
    Behind,
    /// How many other nodes it holds for failing.
    Doubts,
    /// The current epoch that it knows.
    Epoch,
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 6] =
        [Metric::Doubts, Metric::Slow, Metric::Keys, Metric::Written, Metric::Behind, Metric::Epoch];

    /// So much of it, as a number for the scale.
    pub fn number(self, value: f64) -> String {
        match self {
            Metric::Slow => words::latency(value as u64),
            _ => words::thousands(value.round() as u64),
        }
    }

    /// So much of it, in words.
    pub fn says(self, value: f64) -> String {
        let unit = match self {
            Metric::Slow if value == 0.0 => return "no answers lately".to_owned(),
            Metric::Keys if value == 1.0 => "key",
            Metric::Doubts if value == 1.0 => "node held for failing",
            Metric::Slow => "for 99 % of answers",
            _ => self.name(),
        };
        format!("{} {unit}", self.number(value))
    }

    /// Its name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Keys => "keys",
            Metric::Written => "bytes written a second",
            Metric::Slow => "99 % of answers within",
            Metric::Behind => "bytes behind the master",
            Metric::Doubts => "nodes held for failing",
            Metric::Epoch => "current epoch known",
        }
    }

    /// The numbers, one for each node. `before` is the cluster of some time ago, with how many virtual seconds that is.
    pub fn values(self, c: &Cluster, before: Option<(&Cluster, f64)>) -> Vec<f64> {
        let mut doubts = vec![0_u32; c.nodes.len()];
        for (observer, ..) in c.beliefs.doubts().filter(|_| self == Metric::Doubts) {
            doubts[observer] += 1;
        }
        let value = |(i, n): (usize, &Node)| match self {
            Metric::Keys => n.keys as f64,
            Metric::Written => before.map_or(0.0, |(then, s)| {
                let old = then.nodes.get(i).map_or(n.offset, |old| old.offset);
                (n.offset - old).max(0) as f64 / s
            }),
            Metric::Slow => n.p99_us as f64,
            Metric::Behind => n.lag_bytes.unwrap_or(0) as f64,
            Metric::Doubts => f64::from(doubts[i]),
            Metric::Epoch => n.epoch_current as f64,
        };
        c.nodes.iter().enumerate().map(value).collect()
    }
}

/// What each node is held for: failed by anyone, else suspected. What lies behind a wall is suspected by all who are before it, and
/// that is news of the wall.
pub fn doubted(c: &Cluster) -> Vec<Option<Belief>> {
    let mut out = vec![None; c.nodes.len()];
    for (observer, subject, belief) in c.beliefs.doubts().filter(|d| d.1 < c.nodes.len()) {
        match belief {
            Belief::Fail => out[subject] = Some(belief),
            Belief::Pfail if c.together(observer as NodeIndex, subject as NodeIndex) => {
                out[subject] = out[subject].or(Some(belief));
            }
            _ => {}
        }
    }
    out
}

/// The ends of the scale for numbers: from nothing, or from the least for what is never nothing.
pub fn ends(metric: Metric, values: &[f64]) -> (f64, f64) {
    let most = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().fold(most, f64::min);
    (if metric == Metric::Epoch { least } else { 0.0 }, most)
}

/// How bright a number is between the ends of a scale: 1 at its lower end, and 2 to [`LEVEL_MAX`] above it.
pub fn level(value: f64, (low, high): (f64, f64)) -> u8 {
    if value <= low || high <= low {
        return 1;
    }
    let share = (value - low) / (high - low) * f64::from(LEVEL_MAX - 1);
    (1 + share.ceil() as u8).min(LEVEL_MAX)
}

/// For each part of the slots how many keys it holds, as a share of the most, or `None` if nobody serves all of it.
pub fn bars(c: &Cluster) -> [Option<f64>; DENSITY_PARTS] {
    let width = SLOTS as usize / DENSITY_PARTS;
    let mut slots = vec![0_u32; c.nodes.len()];
    let owned = || c.claims.iter().filter(|k| k.accepted && usize::from(k.node) < c.nodes.len());
    for k in owned() {
        slots[usize::from(k.node)] += claim_len(k);
    }
    let mut keys = [0.0; DENSITY_PARTS];
    let mut served = [0_usize; DENSITY_PARTS];
    for k in owned() {
        let node = &c.nodes[usize::from(k.node)];
        let each = node.keys as f64 / f64::from(slots[usize::from(k.node)].max(1));
        for slot in k.start..=k.end.min(SLOTS - 1) {
            keys[usize::from(slot) / width] += each;
            served[usize::from(slot) / width] += usize::from(k.served);
        }
    }
    let most = keys.iter().copied().fold(0.0, f64::max);
    std::array::from_fn(|i| (served[i] == width).then(|| if most > 0.0 { keys[i] / most } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beliefs::{Beliefs, Row};
    use crate::model::Claim;

    /// So many shards of a master and two replicas each.
    fn cluster(shards: u16) -> Cluster {
        let mut nodes = Vec::new();
        let mut claims = Vec::new();
        let border = |shard: u16| (u32::from(shard) * u32::from(SLOTS) / u32::from(shards)) as u16;
        for shard in 0..shards {
            let master = nodes.len() as NodeIndex;
            nodes.push(Node::sample("M", shard, None));
            nodes.extend([Node::sample("R", shard, Some(master)), Node::sample("R", shard, Some(master))]);
            let (start, end) = (border(shard), border(shard + 1) - 1);
            claims.push(Claim { start, end, node: master, epoch: 1, accepted: true, served: true });
        }
        Cluster { nodes, claims, ..Cluster::default() }
    }

    #[test]
    fn no_two_cells_touch_and_all_are_in_the_field() {
        for shards in [1, 2, 3, 7, 21, 100, 333] {
            let cells = cells(&cluster(shards));
            let (left, top, width, height) = FIELD;
            for (i, a) in cells.iter().enumerate() {
                assert!(a.w >= 3.0 && a.h >= 3.0, "{shards} shards: {a:?}");
                assert!(a.x >= left && a.y >= top, "{shards} shards: {a:?}");
                assert!(a.x + a.w <= left + width && a.y + a.h <= top + height, "{shards} shards: {a:?}");
                let apart =
                    |b: &Cell| a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
                assert!(cells[i + 1..].iter().all(apart), "{shards} shards: {a:?}");
            }
        }
    }

    #[test]
    fn who_owns_slots_stands_above_and_the_block_stays_where_it_is() {
        let mut c = cluster(40);
        let before = cells(&c);
        let claim = c.claims.iter_mut().find(|k| k.node == 3).expect("a claim");
        claim.node = 4;
        let after = cells(&c);
        assert!(before[3].h > before[4].h && before[3].w > before[4].w);
        assert_eq!((after[4].x, after[4].y, after[4].h), (before[3].x, before[3].y, before[3].h));
        assert!(after[3].y > after[4].y, "the old master stands below: {:?}", after[3]);
        assert_eq!(before[6..], after[6..]);
    }

    #[test]
    fn arrows_go_to_what_lies_there() {
        // Shards of three nodes, side by side: the master above its two replicas.
        let cells = cells(&cluster(6));
        let walk = |from, way| neighbour(&cells, from, way);
        assert_eq!((walk(0, Way::Right), walk(3, Way::Left)), (Some(3), Some(0)));
        assert_eq!((walk(0, Way::Down), walk(1, Way::Up), walk(2, Way::Up)), (Some(1), Some(0), Some(0)));
        assert_eq!(
            (walk(1, Way::Right), walk(2, Way::Right), walk(2, Way::Left)),
            (Some(2), Some(4), Some(1))
        );
        assert_eq!((walk(0, Way::Left), walk(0, Way::Up)), (None, None));
    }

    #[test]
    fn brightness_tells_the_number() {
        let mut c = cluster(1);
        for (node, keys) in c.nodes.iter_mut().zip([0, 3, 100]) {
            (node.keys, node.offset, node.lag_bytes) = (keys, keys as i64 * 10, Some(keys + 1));
        }
        let mut then = c.clone();
        then.nodes[2].offset = 0;
        let mut beliefs = Beliefs::default();
        for other in [vec![(1, Belief::Pfail), (2, Belief::Fail)], vec![], vec![(1, Belief::Unknown)]] {
            beliefs.push(Some(Row { usual: Belief::Ok, other }));
        }
        c.beliefs = beliefs;
        assert_eq!(Metric::Keys.values(&c, None), [0.0, 3.0, 100.0]);
        assert_eq!(Metric::Written.values(&c, Some((&then, 2.0))), [0.0, 0.0, 500.0]);
        assert_eq!(Metric::Written.values(&c, None), [0.0; 3]);
        assert_eq!(Metric::Behind.values(&c, None), [1.0, 4.0, 101.0]);
        assert_eq!(Metric::Doubts.values(&c, None), [2.0, 0.0, 0.0]);
        let levels = |values: &[f64]| {
            let ends = ends(Metric::Keys, values);
            values.iter().map(|&v| level(v, ends)).collect::<Vec<_>>()
        };
        assert_eq!(levels(&[0.0, 3.0, 100.0]), [1, 2, LEVEL_MAX]);
        assert_eq!(levels(&[0.0, 0.0]), [1, 1]);
        assert_eq!(ends(Metric::Epoch, &[7.0, 9.0, 8.0]), (7.0, 9.0));
    }

    #[test]
    fn who_is_cut_off_from_all_paints_none_of_them() {
        let mut c = cluster(1);
        let mut beliefs = Beliefs::default();
        for other in [vec![(2, Belief::Fail)], vec![(0, Belief::Pfail), (2, Belief::Pfail)], vec![]] {
            beliefs.push(Some(Row { usual: Belief::Ok, other }));
        }
        c.beliefs = beliefs;
        assert_eq!(doubted(&c), [Some(Belief::Pfail), None, Some(Belief::Fail)]);
        c.groups = vec![vec![1], vec![0, 2]];
        assert_eq!(doubted(&c), [None, None, Some(Belief::Fail)]);
    }

    #[test]
    fn slots_that_nobody_serves_have_no_bar() {
        let mut c = cluster(2);
        c.nodes[0].keys = 50;
        c.nodes[3].keys = 100;
        let all = bars(&c);
        assert_eq!(
            (all[0], all[DENSITY_PARTS / 2], all[DENSITY_PARTS - 1]),
            (Some(0.5), Some(1.0), Some(1.0))
        );
        c.claims[0].served = false;
        c.claims[1].end -= 1;
        let all = bars(&c);
        assert_eq!((all[0], all[DENSITY_PARTS / 2], all[DENSITY_PARTS - 1]), (None, Some(1.0), None));
    }
}
