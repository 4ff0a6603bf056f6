//! Who thinks what of whom, kept by what is out of the ordinary: of a thousand nodes a million opinions are alike, and they would have
//! to cross to the page whenever one of them changes.

use crate::model::{Belief, NodeIndex};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

/// What each node thinks of each other, by the observer's and the subject's places in [`Cluster::nodes`](crate::model::Cluster::nodes).
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
pub struct Beliefs {
    rows: Vec<Option<Row>>,
}

/// What one node thinks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What it thinks of all of which nothing else is said.
    pub usual: Belief,
    /// What it thinks of others, in their order.
    pub other: Vec<(NodeIndex, Belief)>,
}

impl Beliefs {
    /// Puts the next observer behind the others; without a row it is down and thinks nothing.
    pub fn push(&mut self, row: Option<Row>) {
        self.rows.push(row);
    }

    /// What one node thinks of another; none if it is down, or if there is no such node.
    pub fn get(&self, observer: usize, subject: usize) -> Option<Belief> {
        let row = self.rows.get(observer)?.as_ref().filter(|_| subject < self.rows.len())?;
        if observer == subject {
            return Some(Belief::Own);
        }
        let other = row.other.binary_search_by_key(&subject, |&(node, _)| usize::from(node));
        Some(other.map_or(row.usual, |at| row.other[at].1))
    }

    /// What everybody who is up thinks of a node, with who it is.
    pub fn of(&self, subject: usize) -> impl Iterator<Item = (usize, Belief)> + '_ {
        (0..self.rows.len())
            .filter(move |&o| o != subject)
            .filter_map(move |o| Some((o, self.get(o, subject)?)))
    }

    /// Who doubts whom (PFAIL or FAIL): observer, subject, belief.
    pub fn doubts(&self) -> impl Iterator<Item = (usize, usize, Belief)> + '_ {
        let rows = self.rows.iter().enumerate().filter_map(|(o, row)| Some((o, row.as_ref()?)));
        let all =
            rows.flat_map(|(o, row)| row.other.iter().map(move |&(s, belief)| (o, usize::from(s), belief)));
        all.filter(|(_, _, belief)| matches!(belief, Belief::Pfail | Belief::Fail))
    }
}

/// In JavaScript it is a list of lists, `beliefs[observer][subject]`, the inner one empty for an observer that is down.
impl Serialize for Beliefs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.rows.serialize(serializer);
        }
        let nodes = self.rows.len();
        let mut seq = serializer.serialize_seq(Some(nodes))?;
        for observer in 0..nodes {
            let row: Vec<Belief> = (0..nodes).filter_map(|subject| self.get(observer, subject)).collect();
            seq.serialize_element(&row)?;
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Beliefs {
        let mut all = Beliefs::default();
        all.push(Some(Row { usual: Belief::Ok, other: vec![(2, Belief::Pfail)] }));
        all.push(None);
        all.push(Some(Row { usual: Belief::Unknown, other: vec![(0, Belief::Ok)] }));
        all
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let all = three();
        let row = |o| (0..4).map(|s| all.get(o, s)).collect::<Vec<_>>();
        assert_eq!(row(0), [Some(Belief::Own), Some(Belief::Ok), Some(Belief::Pfail), None]);
        assert_eq!(row(1), [None; 4]);
        assert_eq!(row(2), [Some(Belief::Ok), Some(Belief::Unknown), Some(Belief::Own), None]);
        assert_eq!(all.of(0).collect::<Vec<_>>(), [(2, Belief::Ok)]);
        assert_eq!(all.doubts().collect::<Vec<_>>(), [(0, 2, Belief::Pfail)]);
    }

    #[test]
    fn they_cross_to_the_page_and_come_back() {
        let bytes = crate::wire::to_bytes(&three()).expect("bytes");
        assert_eq!(crate::wire::from_bytes(&bytes), Ok(three()));
    }
}
