//! [`IdMap`], values in the order of their [`Id`]s: what a group keeps its pending entries in.
//!
//! Redis has a radix tree here. Ids mostly grow, so what is added goes to the end and what is taken away comes from the beginning;
//! and a snapshot must not copy them all. A list of short sorted runs behind `Rc` gives both: a clone copies one pointer a run, a
//! write copies the run it touches, and finding an id is two binary searches.

use super::Id;
use std::rc::Rc;

/// Items of a run before it is cut in two, or, at the end, left full.
const RUN_MAX: usize = 64;

/// Where an item stands: its run, and its place there.
type Place = (usize, usize);

/// A sorted map by id. See the module's text.
#[derive(Clone, Debug)]
pub struct IdMap<V> {
    /// None of them is empty.
    runs: Vec<Rc<Vec<(Id, V)>>>,
    len: usize,
}

impl<V> Default for IdMap<V> {
    fn default() -> IdMap<V> {
        IdMap { runs: Vec::new(), len: 0 }
    }
}

impl<V: Clone> IdMap<V> {
    /// The number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where an id stands, or would stand, and whether it is there.
    fn find(&self, id: Id) -> (Place, bool) {
        let run = self.runs.partition_point(|run| run[0].0 <= id).saturating_sub(1);
        match self.runs.get(run).map(|items| items.binary_search_by_key(&id, |item| item.0)) {
            Some(Ok(at)) => ((run, at), true),
            Some(Err(at)) => ((run, at), false),
            None => ((0, 0), false),
        }
    }

    fn at(&self, place: Place) -> Option<(Id, &V)> {
        let (id, value) = self.runs.get(place.0)?.get(place.1)?;
        Some((*id, value))
    }

    /// The value at an id.
    pub fn get(&self, id: Id) -> Option<&V> {
        let (place, found) = self.find(id);
        self.at(place).filter(|_| found).map(|(_, value)| value)
    }

    /// The value at an id for changing.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut V> {
        let ((run, at), found) = self.find(id);
        let run = self.runs.get_mut(run).filter(|_| found)?;
        Rc::make_mut(run).get_mut(at).map(|item| &mut item.1)
    }

    /// Puts a value at an id; gives the one that was there.
    pub fn insert(&mut self, id: Id, value: V) -> Option<V> {
        let ((run, at), found) = self.find(id);
        let last = run + 1 >= self.runs.len();
        let Some(items) =
            self.runs.get_mut(run).filter(|items| !last || at < RUN_MAX || items.len() < RUN_MAX)
        else {
            self.runs.push(Rc::new(vec![(id, value)]));
            self.len += 1;
            return None;
        };
        let items = Rc::make_mut(items);
        if found {
            return items.get_mut(at).map(|item| std::mem::replace(&mut item.1, value));
        }
        items.insert(at, (id, value));
        self.len += 1;
        if items.len() > RUN_MAX {
            let tail = items.split_off(RUN_MAX / 2);
            self.runs.insert(run + 1, Rc::new(tail));
        }
        None
    }

    /// Takes an id out.
    pub fn remove(&mut self, id: Id) -> Option<V> {
        let ((run, at), found) = self.find(id);
        let items = self.runs.get_mut(run).filter(|_| found)?;
        self.len -= 1;
        if items.len() > 1 {
            return Some(Rc::make_mut(items).remove(at).1);
        }
        let value = items[0].1.clone();
        self.runs.remove(run);
        Some(value)
    }

    /// The items from an id on.
    pub fn from(&self, id: Id) -> impl Iterator<Item = (Id, &V)> {
        let (mut run, mut at) = self.find(id).0;
        std::iter::from_fn(move || {
            let item = match self.at((run, at)) {
                Some(item) => item,
                None => {
                    (run, at) = (run + 1, 0);
                    self.at((run, at))?
                }
            };
            at += 1;
            Some(item)
        })
    }

    /// All items.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &V)> {
        self.from(Id::MIN)
    }

    /// The first item.
    pub fn first(&self) -> Option<(Id, &V)> {
        self.at((0, 0))
    }

    /// The last item.
    pub fn last(&self) -> Option<(Id, &V)> {
        let (id, value) = self.runs.last()?.last()?;
        Some((*id, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_sorted_map(steps in prop::collection::vec((0..4u8, 0..300u64), 0..900)) {
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            let mut kept: Option<(IdMap<usize>, BTreeMap<Id, usize>)> = None;
            let mut top = 0;
            for (step, (kind, number)) in steps.into_iter().enumerate() {
                let id = Id { ms: number / 7, seq: number % 7 };
                match kind {
                    0 => prop_assert_eq!(map.insert(id, step), model.insert(id, step)),
                    1 => prop_assert_eq!(map.remove(id), model.remove(&id)),
                    2 => {
                        top += 1;
                        let id = Id { ms: 1000 + top, seq: 0 };
                        prop_assert_eq!(map.insert(id, step), model.insert(id, step));
                    }
                    _ => {
                        if let Some(value) = map.get_mut(id) {
                            *value = step;
                            model.insert(id, step);
                        }
                    }
                }
                if step % 100 == 50 {
                    kept = Some((map.clone(), model.clone()));
                }
                prop_assert_eq!(map.get(id), model.get(&id));
                prop_assert_eq!(map.from(id).next(), model.range(id..).next().map(|(id, value)| (*id, value)));
            }
            for (map, model) in kept.into_iter().chain([(map, model)]) {
                prop_assert_eq!(map.len(), model.len());
                prop_assert!(map.iter().eq(model.iter().map(|(id, value)| (*id, value))));
                prop_assert_eq!(map.first().map(|item| item.0), model.keys().next().copied());
                prop_assert_eq!(map.last().map(|item| item.0), model.keys().next_back().copied());
            }
        }
    }
}
