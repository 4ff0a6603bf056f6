//! Keys per slot over the whole cluster, and slots on their way from one node to another.

use super::Sheet;
use crate::model::SLOTS;
use vitrine_core::cluster::view::ClusterView;
use vitrine_core::node::Node;
use vitrine_core::sim::NodeSetup;
use vitrine_core::sim::world::World;

/// The most ranges of slots on their way that the ring shows.
const WAYS_MAX: usize = 64;

/// The letter of a number of keys: `a` for none, and one letter more for each doubling.
fn level(keys: usize) -> char {
    char::from(b'a' + (usize::BITS - keys.leading_zeros()).min(25) as u8)
}

/// Reads `0-99`; `7` alone is one slot.
pub fn range(text: &str) -> Option<(u16, u16)> {
    let (a, b) = text.split_once(['-', '–']).unwrap_or((text, text));
    let slot = |t: &str| t.trim().parse::<u16>().ok().filter(|s| *s < SLOTS);
    let (a, b) = (slot(a)?, slot(b)?);
    Some((a.min(b), a.max(b)))
}

/// The nodes that run in a cluster, each with its view of it.
pub fn views(world: &World) -> Vec<(&NodeSetup, &Node, ClusterView)> {
    let nodes = world.setup().nodes.iter().zip(world.nodes());
    nodes.filter_map(|(setup, node)| Some((setup, node?, node?.cluster_view()?))).collect()
}

/// Counts the keys of a master, slot by slot: of those it serves and of those that arrive.
fn count(node: &Node, view: &ClusterView, mut add: impl FnMut(u16, usize)) {
    let Some(me) = view.nodes.iter().find(|n| n.myself && !n.replica) else { return };
    let arriving = view.importing.iter().map(|(slot, _)| (*slot, *slot));
    for slot in me.slots.iter().copied().chain(arriving).flat_map(|(a, b)| a..=b).filter(|s| *s < SLOTS) {
        add(slot, node.keys_in_slot(slot));
    }
}

/// How many keys there are in each of so many equal parts of the slots.
pub fn density(views: &[(&NodeSetup, &Node, ClusterView)], parts: usize) -> Vec<usize> {
    let mut keys = vec![0; parts];
    for (_, node, view) in views {
        count(node, view, |slot, n| keys[usize::from(slot) * parts / usize::from(SLOTS)] += n);
    }
    keys
}

/// What the nodes say of slots on their way, a row for each: slot, `migrating` or `importing`, the node that says so, and the other one.
fn on_their_way(world: &World, views: &[(&NodeSetup, &Node, ClusterView)]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (setup, _, view) in views {
        let other = |id: &str| {
            let index = world.node_of_id(id).and_then(|i| world.setup().nodes.get(i as usize));
            index.map_or_else(|| crate::words::short_id(id), |n| n.name.clone())
        };
        let mut row = |slot: u16, what: &str, id: &str| {
            rows.push(vec![slot.to_string(), what.to_owned(), setup.name.clone(), other(id)]);
        };
        view.migrating.iter().for_each(|(slot, id)| row(*slot, "migrating", id));
        view.importing.iter().for_each(|(slot, id)| row(*slot, "importing", id));
    }
    rows
}

/// Slots on their way, whichever end says so, in rows of the first and the last, from whom and to whom.
pub fn ways(world: &World, views: &[(&NodeSetup, &Node, ClusterView)]) -> Vec<Vec<String>> {
    let mut ways: Vec<(String, String, u16)> = Vec::new();
    for row in on_their_way(world, views) {
        let [slot, what, node, other] = row.as_slice() else { continue };
        let (from, to) = if what == "migrating" { (node, other) } else { (other, node) };
        ways.push((from.clone(), to.clone(), slot.parse().unwrap_or(0)));
    }
    ways.sort();
    ways.dedup();
    let runs = ways.chunk_by(|a, b| a.0 == b.0 && a.1 == b.1 && a.2 + 1 == b.2);
    let ends = runs.filter_map(|run| Some((run.first()?, run.last()?))).take(WAYS_MAX);
    ends.map(|(a, b)| vec![a.2.to_string(), b.2.to_string(), a.0.clone(), a.1.clone()]).collect()
}

/// See [`super::What::Slots`]. The first sheet has one letter for each slot in its note, and in its title the number of keys in the
/// slots that were asked for; the second has a row for each slot on its way: slot, `migrating` or `importing`, the node that says
/// so, and the other one.
pub fn map(world: &World, args: &[String]) -> Vec<Sheet> {
    let views = views(world);
    let keys = density(&views, usize::from(SLOTS));
    let mut moving = Sheet::new("", &["Slot", "State", "Node", "Other"]);
    moving.rows = on_their_way(world, &views);
    let asked = args.iter().filter_map(|a| range(a));
    let chosen: usize = asked.map(|(a, b)| keys[usize::from(a)..=usize::from(b)].iter().sum::<usize>()).sum();
    let mut levels = Sheet::new(&chosen.to_string(), &[]);
    levels.note = keys.iter().map(|&k| level(k)).collect();
    vec![levels, moving]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_levels() {
        assert_eq!(range("0-99"), Some((0, 99)));
        assert_eq!(range(" 7 "), Some((7, 7)));
        assert_eq!(range("9–3"), Some((3, 9)));
        assert_eq!(range("16384"), None);
        assert_eq!(range("x"), None);
        assert_eq!([0, 1, 2, 3, 4, usize::MAX].map(level), ['a', 'b', 'c', 'c', 'd', 'z']);
    }
}
