//! [`RankTree`], the order of a big sorted set: members by (score, member), with ranks.
//!
//! Redis uses a skiplist whose links carry spans. A skiplist is a web of pointers: it cannot be shared with a snapshot except
//! as a whole, and it costs over 40 bytes a member. This is a B+-tree with subtree counts, its nodes behind `Rc`: members
//! stand in dense leaves, a write copies the few nodes on its path if a snapshot shares them, and rank, range by score and
//! range by member are all one descent. `OBJECT ENCODING` still says `skiplist`, because that word is part of the
//! protocol: clients and tests know the two encodings of a sorted set by name.
//!
//! All ranges are expressed in ranks: a bound is turned into a rank by [`RankTree::partition`], and whatever is done, is
//! done from rank to rank.

use super::bytes::Str;
use std::cmp::Ordering;
use std::rc::Rc;

/// Members of a leaf before it is cut in two.
const LEAF_MAX: usize = 64;
/// Children of an inner node before it is cut in two.
const INNER_MAX: usize = 32;

/// A member with its score. NaN is never stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The score.
    pub score: f64,
    /// The member.
    pub member: Str,
}

impl Scored {
    fn cmp(&self, score: f64, member: &[u8]) -> Ordering {
        // -0 and 0 are equal, as in C.
        self.score.partial_cmp(&score).unwrap_or(Ordering::Equal).then_with(|| (*self.member).cmp(member))
    }
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Scored>),
    Inner(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    /// The smallest member below this child.
    min: Scored,
    /// Members below this child.
    count: usize,
    node: Rc<Node>,
}

/// An ordered collection of scored members. See the module's text.
#[derive(Clone, Debug)]
pub struct RankTree {
    root: Rc<Node>,
    len: usize,
}

impl Default for RankTree {
    fn default() -> RankTree {
        RankTree { root: Rc::new(Node::Leaf(Vec::new())), len: 0 }
    }
}

impl Node {
    fn min(&self) -> Option<&Scored> {
        match self {
            Node::Leaf(items) => items.first(),
            Node::Inner(children) => children.first().map(|c| &c.min),
        }
    }

    fn size(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(children) => children.len(),
        }
    }

    fn max_size(&self) -> usize {
        match self {
            Node::Leaf(_) => LEAF_MAX,
            Node::Inner(_) => INNER_MAX,
        }
    }

    fn count(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(children) => children.iter().map(|c| c.count).sum(),
        }
    }

    /// Moves the upper part to a new node. At the far right little moves, so that ascending insertions fill nodes.
    fn cut(&mut self, at: usize) -> Node {
        match self {
            Node::Leaf(items) => Node::Leaf(items.split_off(at)),
            Node::Inner(children) => Node::Inner(children.split_off(at)),
        }
    }

    fn absorb(&mut self, other: Node) {
        match (self, other) {
            (Node::Leaf(a), Node::Leaf(b)) => a.extend(b),
            (Node::Inner(a), Node::Inner(b)) => a.extend(b),
            _ => unreachable!("siblings are of one height"),
        }
    }
}

fn child(node: Node) -> Option<Child> {
    Some(Child { min: node.min()?.clone(), count: node.count(), node: Rc::new(node) })
}

impl RankTree {
    /// The number of members.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a member with a score. The pair must not be there yet.
    pub fn insert(&mut self, score: f64, member: Str) {
        self.len += 1;
        if let Some(sibling) = insert(Rc::make_mut(&mut self.root), Scored { score, member }) {
            let old = std::mem::take(self);
            let left = child(Rc::unwrap_or_clone(old.root));
            let children = left.into_iter().chain(child(sibling)).collect();
            *self = RankTree { root: Rc::new(Node::Inner(children)), len: old.len };
        }
    }

    /// Removes the member at a rank and gives it.
    pub fn remove_at(&mut self, rank: usize) -> Option<Scored> {
        if rank >= self.len {
            return None;
        }
        self.len -= 1;
        let removed = remove(Rc::make_mut(&mut self.root), rank);
        // A root with a single child is a level too many.
        while let Node::Inner(children) = &*self.root
            && children.len() == 1
        {
            self.root = children[0].node.clone();
        }
        removed
    }

    /// The rank of a member with this very score.
    pub fn rank(&self, score: f64, member: &[u8]) -> Option<usize> {
        let rank = self.partition(|item| item.cmp(score, member) == Ordering::Less);
        self.get(rank).filter(|item| item.cmp(score, member) == Ordering::Equal).map(|_| rank)
    }

    /// How many members stand before the first one for which `before` is false; `before` must be true for a beginning of the order
    /// and false for the rest.
    pub fn partition(&self, before: impl Fn(&Scored) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match &**node {
                Node::Leaf(items) => return rank + items.partition_point(&before),
                Node::Inner(children) => {
                    let next = children.partition_point(|c| before(&c.min)).saturating_sub(1);
                    rank += children[..next].iter().map(|c| c.count).sum::<usize>();
                    node = &children[next].node;
                }
            }
        }
    }

    /// The member at a rank.
    pub fn get(&self, rank: usize) -> Option<&Scored> {
        let (leaf, at) = self.leaf(rank)?;
        leaf.get(at)
    }

    /// The leaf that holds a rank, and the place in it.
    fn leaf(&self, rank: usize) -> Option<(&[Scored], usize)> {
        if rank >= self.len {
            return None;
        }
        let (mut node, mut rest) = (&self.root, rank);
        loop {
            match &**node {
                Node::Leaf(items) => return Some((items, rest)),
                Node::Inner(children) => {
                    let next = children.iter().find(|c| {
                        let here = rest < c.count;
                        rest -= if here { 0 } else { c.count };
                        here
                    })?;
                    node = &next.node;
                }
            }
        }
    }

    /// Members from rank `start` upwards.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = &Scored> {
        let mut rank = start;
        let mut leaf: std::slice::Iter<'_, Scored> = [].iter();
        std::iter::from_fn(move || {
            if leaf.as_slice().is_empty() {
                let (items, at) = self.leaf(rank)?;
                leaf = items[at..].iter();
            }
            rank += 1;
            leaf.next()
        })
    }

    /// Members from rank `start` downwards; none if there is no such rank.
    pub fn iter_back_from(&self, start: usize) -> impl Iterator<Item = &Scored> {
        let mut left = if start < self.len { start + 1 } else { 0 };
        let mut leaf: std::slice::Iter<'_, Scored> = [].iter();
        std::iter::from_fn(move || {
            if leaf.as_slice().is_empty() {
                let (items, at) = self.leaf(left.checked_sub(1)?)?;
                leaf = items[..=at].iter();
            }
            left -= 1;
            leaf.next_back()
        })
    }

    /// Bytes of the tree itself, without what members hold on the heap.
    pub fn structure_len(&self) -> usize {
        fn of(node: &Node) -> usize {
            size_of::<Node>()
                + 16
                + match node {
                    Node::Leaf(items) => items.capacity() * size_of::<Scored>(),
                    Node::Inner(children) => {
                        children.capacity() * size_of::<Child>()
                            + children.iter().map(|c| of(&c.node)).sum::<usize>()
                    }
                }
        }
        of(&self.root)
    }
}

/// Inserts below a node; gives the new right sibling if the node had to be cut.
fn insert(node: &mut Node, item: Scored) -> Option<Node> {
    let at_end;
    match node {
        Node::Leaf(items) => {
            let at = items.partition_point(|have| have.cmp(item.score, &item.member) == Ordering::Less);
            at_end = at == items.len();
            if items.len() == items.capacity() {
                items.reserve_exact(items.len() / 4 + 4);
            }
            items.insert(at, item);
        }
        Node::Inner(children) => {
            let at = children
                .partition_point(|c| c.min.cmp(item.score, &item.member) != Ordering::Greater)
                .saturating_sub(1);
            at_end = at + 1 == children.len();
            let below = &mut children[at];
            below.count += 1;
            if below.min.cmp(item.score, &item.member) == Ordering::Greater {
                below.min = item.clone();
            }
            if let Some(sibling) = insert(Rc::make_mut(&mut below.node), item) {
                below.count -= sibling.count();
                if let Some(sibling) = child(sibling) {
                    children.insert(at + 1, sibling);
                }
            }
        }
    }
    let (size, max) = (node.size(), node.max_size());
    (size > max).then(|| node.cut(if at_end { size - max / 8 } else { size / 2 }))
}

/// Removes the member at a rank below a node.
fn remove(node: &mut Node, rank: usize) -> Option<Scored> {
    let children = match node {
        Node::Leaf(items) => {
            let item = items.remove(rank);
            if items.capacity() > 8 && items.len() * 4 < items.capacity() {
                items.shrink_to(items.len() * 2);
            }
            return Some(item);
        }
        Node::Inner(children) => children,
    };
    let mut rest = rank;
    let at = children.iter().position(|c| {
        let here = rest < c.count;
        rest -= if here { 0 } else { c.count };
        here
    })?;
    let below = &mut children[at];
    let removed = remove(Rc::make_mut(&mut below.node), rest);
    below.count -= 1;
    if below.count == 0 {
        children.remove(at);
        return removed;
    }
    if rest == 0
        && let Some(min) = below.node.min()
    {
        below.min = min.clone();
    }
    // Nodes a quarter full join a neighbour that leaves them room to grow.
    if below.node.size() * 4 < below.node.max_size() {
        let left = if at + 1 < children.len() { at } else { at.saturating_sub(1) };
        let fits = |a: &Child, b: &Child| a.node.size() + b.node.size() <= a.node.max_size() * 3 / 4;
        if left + 1 < children.len() && fits(&children[left], &children[left + 1]) {
            let right = children.remove(left + 1);
            children[left].count += right.count;
            Rc::make_mut(&mut children[left].node).absorb(Rc::unwrap_or_clone(right.node));
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(node: &Node, is_root: bool) {
        assert!(node.size() <= node.max_size() && (is_root || node.size() > 0));
        if let Node::Inner(children) = node {
            for c in children {
                assert_eq!((Some(&c.min), c.count), (c.node.min(), c.node.count()));
                check(&c.node, false);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_like_a_sorted_vector(
            operations in prop::collection::vec((0..10u8, 0..20i32, 0..400u16), 1..2500),
            snapshot_at in 0..2500usize,
        ) {
            let (mut tree, mut model): (RankTree, Vec<(f64, Vec<u8>)>) = (RankTree::default(), Vec::new());
            let mut snapshot = None;
            for (i, (kind, score, member)) in operations.into_iter().enumerate() {
                if i == snapshot_at {
                    snapshot = Some((tree.clone(), model.clone()));
                }
                let (score, member) = (f64::from(score), member.to_string().into_bytes());
                let at = model.partition_point(|(s, m)| (*s, m) < (score, &member));
                let there = model.get(at).is_some_and(|(s, m)| (*s, m) == (score, &member));
                prop_assert_eq!(tree.rank(score, &member), there.then_some(at));
                // Phases that grow and phases that shrink.
                if (kind < 7) == (i % 1000 < 700) {
                    if !there {
                        model.insert(at, (score, member.clone()));
                        tree.insert(score, Str::from(member));
                    }
                } else if !model.is_empty() {
                    let at = at % model.len();
                    let (s, m) = model.remove(at);
                    let gone = tree.remove_at(at).unwrap();
                    prop_assert_eq!((gone.score, gone.member.to_vec()), (s, m));
                }
                prop_assert_eq!(tree.len(), model.len());
            }
            check(&tree.root, true);
            for (tree, model) in [(tree, model)].into_iter().chain(snapshot) {
                let same = |item: &Scored, (s, m): &(f64, Vec<u8>)| item.score == *s && *item.member == **m;
                prop_assert!(tree.iter_from(0).zip(&model).all(|(a, b)| same(a, b)));
                prop_assert_eq!(tree.iter_from(0).count(), model.len());
                if let Some(last) = model.len().checked_sub(1) {
                    prop_assert!(tree.iter_back_from(last).zip(model.iter().rev()).all(|(a, b)| same(a, b)));
                    prop_assert_eq!(tree.iter_back_from(last).count(), model.len());
                }
                for (rank, expected) in model.iter().enumerate() {
                    prop_assert!(same(tree.get(rank).unwrap(), expected));
                }
            }
        }
    }

    #[test]
    fn ascending_insertions_fill_leaves() {
        let mut tree = RankTree::default();
        for i in 0..10_000 {
            tree.insert(f64::from(i), Str::from_i64(i64::from(i)));
        }
        check(&tree.root, true);
        assert!(tree.structure_len() < 10_000 * 44, "{}", tree.structure_len());
        while !tree.is_empty() {
            tree.remove_at(tree.len() / 2);
        }
        check(&tree.root, true);
    }
}
