//! Checkpoints are kept packed: what nodes have in common is kept once, and of the keys only what differs from the
//! checkpoint before ([`Db::pack`](crate::store::Db)).
//!
//! Ten minutes of a cluster under load need some 80 checkpoints if each is to be less than 200 ms from the next, and
//! plain clones of six nodes with 10,000 keys take 5 MiB each.

use crate::node::Node;
use crate::sim::world::World;
use crate::store::DbPatch;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A state of a world, packed.
pub(super) struct Packed {
    /// All but the keys of its nodes.
    world: World,
    /// What the databases of each process lack, by number.
    patches: Vec<Vec<(usize, DbPatch)>>,
}

impl Packed {
    /// Packs a state; `before` is another one of the same run, the nearest at best.
    pub fn new(mut world: World, before: Option<&Packed>) -> Packed {
        let nodes: Vec<Option<Rc<Node>>> = world.procs.iter().map(|process| process.node.clone()).collect();
        let lenders = lenders(&nodes);
        let mut patches = Vec::new();
        for (at, process) in world.procs.iter_mut().enumerate() {
            patches.push(Vec::new());
            let base = before.and_then(|before| before.world.procs.get(at)?.node.as_ref());
            let (Some(node), Some(base)) = (&mut process.node, base) else { continue };
            if Rc::ptr_eq(node, base) || node.dbs.iter().all(|db| db.is_empty()) {
                continue;
            }
            let lender = lenders[at].and_then(|lender| nodes[lender].as_ref());
            for (number, db) in Rc::make_mut(node).dbs.iter_mut().enumerate().filter(|(_, db)| !db.is_empty())
            {
                let Some(base) = base.dbs.get(number) else { continue };
                let known = before.and_then(|before| before.patch(at, number));
                let patch = db.pack((base, known), lender.and_then(|lender| lender.dbs.get(number)));
                if !patch.is_empty() {
                    patches[at].push((number, patch));
                }
            }
        }
        Packed { world, patches }
    }

    fn patch(&self, process: usize, db: usize) -> Option<&DbPatch> {
        self.patches.get(process)?.iter().find_map(|(number, patch)| (*number == db).then_some(patch))
    }

    /// The state as it was.
    pub fn unpack(&self) -> World {
        let mut world = self.world.clone();
        for (process, patches) in world.procs.iter_mut().zip(&self.patches) {
            let Some(node) = process.node.as_mut().filter(|_| !patches.is_empty()) else { continue };
            let node = Rc::make_mut(node);
            for (number, patch) in patches {
                if let Some(db) = node.dbs.get_mut(*number) {
                    db.unpack(patch);
                }
            }
        }
        world
    }

    pub fn at_us(&self) -> u64 {
        self.world.now_us()
    }

    /// Begins to keep a ledger in it, or drops it.
    pub fn keep_ledger(&mut self, on: bool) {
        let mut world = self.unpack();
        world.keep_ledger(on);
        *self = Packed::new(world, None);
    }

    /// Bytes of memory, about, that this state keeps alive and another one of the run does not.
    pub fn unshared(&self, other: &Packed) -> usize {
        let one = |(at, patches): (usize, &Vec<(usize, DbPatch)>)| {
            let each = |(number, patch): &(usize, DbPatch)| patch.unshared(other.patch(at, *number));
            patches.iter().map(each).sum::<usize>()
        };
        self.world.unshared(Some(&other.world)) + self.patches.iter().enumerate().map(one).sum::<usize>()
    }
}

/// For each node the first one that has the same history, if that is another.
fn lenders(nodes: &[Option<Rc<Node>>]) -> Vec<Option<usize>> {
    let mut first = BTreeMap::new();
    let histories = nodes.iter().enumerate().map(|(at, node)| {
        let history = node.as_ref()?.repl.replid.clone();
        let first = *first.entry(history).or_insert(at);
        (first != at).then_some(first)
    });
    histories.collect()
}

impl World {
    /// Lets nodes with the same replication stream keep its bytes once.
    pub(super) fn share_streams(&mut self) {
        let nodes: Vec<Option<Rc<Node>>> = self.procs.iter().map(|process| process.node.clone()).collect();
        let lent = lenders(&nodes).into_iter().enumerate().filter_map(|(at, lender)| {
            let backlog = |at: usize| nodes[at].as_ref()?.repl.backlog.as_ref();
            Some((at, backlog(at)?.lendable(backlog(lender?)?)))
        });
        let lent: Vec<_> = lent.filter(|(_, blocks)| !blocks.is_empty()).collect();
        drop(nodes);
        for (at, blocks) in lent {
            if let Some(node) = &mut self.procs[at].node
                && let Some(backlog) = &mut Rc::make_mut(node).repl.backlog
            {
                backlog.borrow(blocks);
            }
        }
    }
}
