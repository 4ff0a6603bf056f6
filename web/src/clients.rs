//! The clients of workloads as the stage draws them: what the worker says of each in a row of words ([`row`]), read again on the page
//! ([`Client::read`]), and where their cards stand ([`places`]).

use crate::geometry::{CARD_HEIGHT, Layout, Point};
use crate::look::Sheet;
use crate::model::{Cluster, LinkState, Node, NodeIndex};
use crate::words;
use vitrine_core::sim::workload::traffic::{Traffic, Way};

/// A workload's clients as a card shows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The workload's name, which is that of its host.
    pub name: String,
    /// Its host, as the engine numbers messages' ends.
    pub host: NodeIndex,
    /// How many clients it has.
    pub count: String,
    /// How many operations were acknowledged in the last second.
    pub rate: String,
    /// The nodes that they know at first, in order, and whether each answers; empty for all.
    pub seeds: Vec<(String, bool)>,
    /// Whether it goes on.
    pub running: bool,
    /// The node whose side of a wall it is on; none if it reaches both.
    pub with: Option<NodeIndex>,
    /// The last operation's command and key.
    pub command: String,
    /// What became of it.
    pub fate: String,
    /// Whether it failed.
    pub failed: bool,
    /// The nodes that it had to do with in the last second, and how their line is drawn: `asked`, `moved`, `ask`, `silent`,
    /// or `risk` for a master whose replicas hear nothing of what it acknowledges.
    pub talks: Vec<(NodeIndex, String)>,
}

/// What the worker says of a workload. `with` is a node on its side of a wall, by name.
pub fn row(t: &Traffic, with: Option<&str>) -> Vec<String> {
    let newest = t.newest.as_ref();
    let (fate, failed) = match newest {
        None => (String::new(), false),
        Some(newest) if newest.error.is_empty() => (words::latency(newest.latency_us), false),
        Some(newest) => (newest.error.replace("timeout", "no reply"), true),
    };
    let way = |way: Way| match way {
        Way::Asked => "asked",
        Way::Moved => "moved",
        Way::Ask => "ask",
        Way::Silent => "silent",
    };
    let talks: Vec<String> = t.talks.iter().map(|talk| format!("{} {}", talk.addr, way(talk.way))).collect();
    let flag = |on: bool| if on { "1" } else { "" }.to_owned();
    vec![
        t.name.clone(),
        t.host.to_string(),
        t.clients.to_string(),
        words::thousands(t.per_second),
        t.seeds.join("\n"),
        flag(t.running),
        with.unwrap_or_default().to_owned(),
        newest.map_or_else(|| "nothing yet".to_owned(), |newest| newest.command.clone()),
        fate,
        flag(failed),
        talks.join("\n"),
    ]
}

impl Client {
    /// The clients in the answer to [`crate::look::Look::Stage`].
    pub fn all(sheet: &Sheet, c: &Cluster) -> Vec<Client> {
        sheet.rows.iter().filter_map(|row| Client::read(row, c)).collect()
    }

    /// Reads what [`row`] has written; none if it is none.
    pub fn read(row: &[String], c: &Cluster) -> Option<Client> {
        let [name, host, count, rate, seeds, running, with, command, fate, failed, talks] = row else {
            return None;
        };
        let place = |is: &dyn Fn(&Node) -> bool| {
            c.nodes.iter().position(is).and_then(|at| NodeIndex::try_from(at).ok())
        };
        let talk = |line: &str| {
            let (addr, way) = line.split_once(' ')?;
            let node = place(&|n| n.addr == addr)?;
            Some((node, if way == "asked" && alone(c, node) { "risk" } else { way }.to_owned()))
        };
        let answers = |name: &str| c.nodes.iter().any(|n| n.name == name && n.process.is_up());
        Some(Client {
            name: name.clone(),
            host: host.parse().ok()?,
            count: count.clone(),
            rate: rate.clone(),
            seeds: seeds.lines().map(|name| (name.to_owned(), answers(name))).collect(),
            running: !running.is_empty(),
            with: place(&|n| n.name == *with),
            command: command.clone(),
            fate: fate.clone(),
            failed: !failed.is_empty(),
            talks: talks.lines().filter_map(talk).collect(),
        })
    }
}

/// Whether what a node acknowledges is on no other one: it is the master of a shard, and nobody of it follows.
fn alone(c: &Cluster, node: NodeIndex) -> bool {
    let Some(master) = c.nodes.get(usize::from(node)).filter(|n| n.master) else { return false };
    let all = (0..).zip(&c.nodes);
    let mut others = all.filter(|&(i, n)| i != node && n.shard == master.shard).peekable();
    // A replica takes a link that nothing comes over for whole for a minute.
    let hears = |i: NodeIndex| c.together(node, i) && !c.cuts.contains(&(node, i));
    let follows = |n: &Node| n.replica_of == Some(node) && n.link == LinkState::Online;
    others.peek().is_some() && !others.any(|(i, n)| follows(n) && hears(i))
}

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Card {
    /// Its upper left corner.
    pub at: Point,
    /// How wide it is.
    pub width: f64,
    /// Where its connections begin.
    pub port: Point,
}

/// The card of each client, as far as there is room: in the corners of the stage, and one behind a wall.
pub fn places(l: &Layout, clients: &[Client]) -> Vec<Option<Card>> {
    let card = |x: f64, y: f64, width: f64| {
        let low = y > l.centre.y;
        let port = Point { x: x + width / 2.0, y: if low { y } else { y + CARD_HEIGHT } };
        Card { at: Point { x, y }, width, port }
    };
    let mut free: Vec<Card> = l.cards().iter().rev().map(|&(at, width)| card(at.x, at.y, width)).collect();
    let mut bay = l.bay_card().map(|(at, width)| card(at.x, at.y, width));
    let place = |client: &Client| {
        let behind = client.with.and_then(|node| l.seats.get(usize::from(node))).is_some_and(|s| s.in_bay);
        if behind { bay.take().or_else(|| free.pop()) } else { free.pop() }
    };
    clients.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::sim::workload::traffic::{Newest, Talk};

    fn cluster() -> Cluster {
        let mut c = Cluster::six();
        for (i, node) in c.nodes.iter_mut().enumerate() {
            node.addr = format!("10.0.0.{}:700{}", i + 1, i + 1);
        }
        c.nodes[3].process = crate::model::Process::Crashed;
        c
    }

    fn traffic(name: &str) -> Traffic {
        Traffic {
            name: name.into(),
            host: 7,
            clients: 12,
            seeds: vec!["A2".into(), "B1".into()],
            running: true,
            per_second: 1204,
            talks: vec![
                Talk { addr: "10.0.0.2:7002".into(), way: Way::Moved },
                Talk { addr: "10.9.9.9:1".into(), way: Way::Asked },
            ],
            newest: Some(Newest { command: "SET room:7".into(), latency_us: 1512, error: String::new() }),
        }
    }

    #[test]
    fn what_is_on_one_node_alone_is_drawn_as_a_risk() {
        let mut c = cluster();
        let mut asked = traffic("web");
        asked.talks.iter_mut().for_each(|talk| talk.way = Way::Asked);
        let way = |c: &Cluster| Client::read(&row(&asked, None), c).unwrap().talks.remove(0).1;
        assert_eq!(way(&c), "risk", "its replica's link is down");
        c.nodes[4].link = LinkState::Online;
        assert_eq!(way(&c), "asked");
        c.groups = vec![vec![1], vec![0, 2, 3, 4, 5]];
        assert_eq!(way(&c), "risk", "a wall is between them");
        c.groups.clear();
        c.cuts = vec![(1, 4)];
        assert_eq!(way(&c), "risk", "their link is cut");
        c.nodes.truncate(3);
        assert_eq!(way(&c), "asked", "a shard without replicas has nothing better");
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let c = cluster();
        let read = |t: &Traffic, with| Client::read(&row(t, with), &c).unwrap();
        let client = read(&traffic("web"), Some("C1"));
        assert_eq!((client.name.as_str(), client.host, client.count.as_str()), ("web", 7, "12"));
        assert_eq!(client.seeds, [("A2".to_owned(), false), ("B1".to_owned(), true)]);
        assert_eq!((client.running, client.with), (true, Some(2)));
        assert_eq!(
            (client.command.as_str(), client.fate.as_str(), client.failed),
            ("SET room:7", "1.5\u{a0}ms", false)
        );
        // A node that is none of the cluster's is not drawn.
        assert_eq!(client.talks, [(1, "moved".to_owned())]);
        let mut late = traffic("web");
        late.newest.iter_mut().for_each(|newest| newest.error = "timeout".into());
        let client = read(&late, None);
        assert_eq!((client.fate.as_str(), client.failed, client.with), ("no reply", true, None));
        assert_eq!(Client::read(&["web".to_owned()], &c), None);
    }

    #[test]
    fn cards_stand_apart_from_the_nodes_and_from_each_other() {
        let mut c = cluster();
        let clients: Vec<Client> =
            (0..6).map(|i| Client::read(&row(&traffic(&format!("w{i}")), Some("B1")), &c).unwrap()).collect();
        for groups in [vec![], vec![vec![1], vec![0, 2, 3, 4, 5]], vec![vec![1, 4], vec![0, 2, 3, 5]]] {
            c.groups = groups;
            let l = Layout::of(&c);
            let cards: Vec<Card> = places(&l, &clients).into_iter().flatten().collect();
            assert_eq!(cards.len(), if c.groups.is_empty() { 4 } else { 3 });
            for (i, card) in cards.iter().enumerate() {
                let (right, low) = (card.at.x + card.width, card.at.y + CARD_HEIGHT);
                assert!(right <= 800.0 && low < 540.0);
                for seat in &l.seats {
                    let dx = (card.at.x - seat.at.x).max(seat.at.x - right).max(0.0);
                    let dy = (card.at.y - seat.at.y).max(seat.at.y - low).max(0.0);
                    assert!(dx.hypot(dy) > seat.r + 6.0, "{card:?} and {seat:?}");
                }
                for other in &cards[..i] {
                    let apart = right <= other.at.x
                        || other.at.x + other.width <= card.at.x
                        || low <= other.at.y
                        || other.at.y + CARD_HEIGHT <= card.at.y;
                    assert!(apart, "{card:?} and {other:?}");
                }
                let in_bay = l.wall_x.is_some_and(|x| card.at.x > x);
                assert_eq!(in_bay, l.wall_x.is_some() && i == 0);
            }
        }
    }
}
