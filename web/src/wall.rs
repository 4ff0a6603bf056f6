//! Taking a node through a wall: which lines change its side.
//!
//! A wall is one fault, with its sides. To move a node, that fault is ended and another begun at the same virtual instant, so that nothing
//! gets through between the two.

use crate::faults::name_in_line;
use crate::geometry::{Layout, Point};
use crate::model::{Cluster, NodeIndex};

/// Beside which node another one comes to stand if it is let go at a place: the nearest on that side of the wall. None without a wall.
pub fn beside(l: &Layout, node: NodeIndex, at: Point) -> Option<NodeIndex> {
    let there = at.x > l.wall_x?;
    let others = (0..).zip(&l.seats).filter(|&(i, seat)| seat.in_bay == there && i != node);
    others.min_by(|a, b| a.1.at.distance(at).total_cmp(&b.1.at.distance(at))).map(|(i, _)| i)
}

/// The lines that take a node to the side of another: none if no wall is between them. A wall that ends by itself still does, as
/// counted from `now_us`; one with nobody left on a side falls.
pub fn moved(c: &Cluster, node: NodeIndex, to: NodeIndex, now_us: u64) -> Option<String> {
    let name = |i: NodeIndex| c.nodes.get(usize::from(i)).map(|n| &n.name);
    let (name, with) = (name(node)?, name(to)?);
    c.faults.iter().find_map(|fault| {
        let mut groups = fault.sides.clone();
        let of = |name: &String| groups.iter().position(|group| group.contains(name));
        let (from, to) = (of(name)?, of(with)?);
        if from == to {
            return None;
        }
        groups[from].retain(|other| other != name);
        groups[to].push(name.clone());
        groups.retain(|group| !group.is_empty());
        if groups.len() < 2 {
            return Some(fault.undo.clone());
        }
        let group =
            |group: &Vec<String>| group.iter().map(|name| name_in_line(name)).collect::<Vec<_>>().join(" ");
        let groups = groups.iter().map(group).collect::<Vec<_>>().join(" | ");
        let left = fault.until_us.map(|until| format!(" for {}us", until.saturating_sub(now_us).max(1)));
        Some(format!("{}\npartition {groups}{}", fault.undo, left.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ActiveFault;

    fn parted(sides: &str, until_us: Option<u64>) -> Cluster {
        let mut c = Cluster::six();
        c.groups = vec![vec![0], vec![1, 2, 3, 4, 5]];
        let side = |side: &str| side.split_whitespace().map(|name| name.replace('_', " ")).collect();
        c.faults.push(ActiveFault {
            text: String::new(),
            icon: "i-wall".into(),
            nodes: Vec::new(),
            since_us: 0,
            until_us,
            undo: "end 3".into(),
            line: "partition minority".into(),
            sides: sides.split('|').filter(|side| !side.is_empty()).map(side).collect(),
        });
        c
    }

    #[test]
    fn a_node_goes_to_the_other_side_and_clients_stay_where_they_are() {
        let c = parted("A1 app | A2 B1 B2 C1 C2 worker_one", None);
        assert_eq!(
            moved(&c, 1, 0, 0).as_deref(),
            Some("end 3\npartition A1 \"app\" B1 | A2 B2 C1 C2 \"worker one\"")
        );
        assert_eq!(moved(&c, 1, 2, 0), None, "they are together");
    }

    #[test]
    fn a_wall_that_ends_by_itself_still_does() {
        let c = parted("A1 | A2 B1 B2 C1 C2", Some(9_000_000));
        assert_eq!(
            moved(&c, 3, 0, 2_500_000).as_deref(),
            Some("end 3\npartition A1 A2 | B1 B2 C1 C2 for 6500000us")
        );
    }

    #[test]
    fn nobody_behind_it_is_no_wall() {
        let c = parted("A1 | B1 C1 A2 B2 C2", None);
        assert_eq!(moved(&c, 0, 1, 0).as_deref(), Some("end 3"));
        assert_eq!(moved(&c, 3, 0, 0).as_deref(), Some("end 3\npartition A1 A2 | B1 C1 B2 C2"));
        assert_eq!(moved(&parted("", None), 0, 1, 0), None);
    }

    #[test]
    fn who_is_let_go_stands_beside_the_nearest_on_that_side() {
        let l = Layout::of(&parted("", None));
        let wall = l.wall_x.unwrap();
        assert_eq!(beside(&l, 1, Point { x: wall + 60.0, y: 400.0 }), Some(0));
        assert_eq!(beside(&l, 0, Point { x: l.seats[2].at.x + 5.0, ..l.seats[2].at }), Some(2));
        assert_eq!(beside(&Layout::of(&Cluster::six()), 0, Point::default()), None);
    }
}
