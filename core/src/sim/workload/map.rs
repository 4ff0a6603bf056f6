//! A client's map of slots: what CLUSTER SLOTS said, and the nodes that it named.

use crate::resp::Value;
use crate::store::slot::SLOTS;
use litemap::LiteMap;
use smallvec::SmallVec;
use std::rc::Rc;

/// How many addresses a workload can come to know.
const NODES_MAX: usize = u16::MAX as usize - 1;

/// A node that a workload knows, by number.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub ip: Rc<str>,
    pub port: u16,
    /// `ip:port`
    pub text: Rc<str>,
}

/// The nodes that a workload knows. Numbers are never given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    nodes: Vec<Node>,
    numbers: LiteMap<(Rc<str>, u16), u16>,
}

impl Directory {
    pub fn number(&mut self, ip: &str, port: u16) -> Option<u16> {
        let ip: Rc<str> = ip.into();
        if let Some(number) = self.numbers.get(&(Rc::clone(&ip), port)) {
            return Some(*number);
        }
        if self.nodes.len() >= NODES_MAX || ip.len() > 256 {
            return None;
        }
        let number = self.nodes.len() as u16;
        let text = format!("{ip}:{port}").into();
        self.nodes.push(Node { ip: Rc::clone(&ip), port, text });
        self.numbers.insert((ip, port), number);
        Some(number)
    }

    /// The number of a node that has one.
    pub fn known(&self, ip: &str, port: u16) -> Option<u16> {
        self.numbers.get(&(ip.into(), port)).copied()
    }

    /// The number of `ip:port`; an empty `ip` stands for the address of `from`.
    pub fn number_of_address(&mut self, address: &str, from: u16) -> Option<u16> {
        let (ip, port) = address.rsplit_once(':')?;
        let port = port.parse().ok()?;
        if !ip.is_empty() {
            return self.number(ip, port);
        }
        let ip = Rc::clone(&self.get(from)?.ip);
        self.number(&ip, port)
    }

    pub fn get(&self, number: u16) -> Option<&Node> {
        self.nodes.get(usize::from(number))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    /// The master, then its replicas.
    nodes: SmallVec<[u16; 4]>,
}

/// Who serves which slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    ranges: Vec<Range>,
}

impl SlotMap {
    /// Reads the reply to CLUSTER SLOTS that the node `from` gave. `None` if it is none or names no slot.
    pub fn read(reply: &Value, from: u16, directory: &mut Directory) -> Option<SlotMap> {
        let own_ip = Rc::clone(&directory.get(from)?.ip);
        let mut ranges = Vec::new();
        for entry in reply.as_array()? {
            let [first, last, nodes @ ..] = entry.as_array()? else { return None };
            let slot = |value: &Value| u16::try_from(value.as_integer()?).ok().filter(|slot| *slot < SLOTS);
            let (first, last) = (slot(first)?, slot(last)?);
            let mut numbers = SmallVec::new();
            for node in nodes {
                let [ip, port, ..] = node.as_array()? else { return None };
                let ip = ip.as_bytes().map(|ip| String::from_utf8_lossy(ip).into_owned()).unwrap_or_default();
                let port = u16::try_from(port.as_integer()?).ok()?;
                numbers.push(directory.number(if ip.is_empty() { &own_ip } else { &ip }, port)?);
            }
            if !numbers.is_empty() {
                ranges.push(Range { first, last, nodes: numbers });
            }
        }
        ranges.sort_by_key(|range| range.first);
        (!ranges.is_empty()).then_some(SlotMap { ranges })
    }

    /// The nodes that serve a slot, the master first.
    pub fn nodes_of(&self, slot: u16) -> &[u16] {
        let after = self.ranges.partition_point(|range| range.first <= slot);
        match self.ranges.get(after.wrapping_sub(1)) {
            Some(range) if range.last >= slot => &range.nodes,
            _ => &[],
        }
    }

    /// Any node, picked by a number.
    pub fn any(&self, pick: u64) -> Option<u16> {
        let all = self.ranges.iter().map(|range| range.nodes.len() as u64).sum::<u64>();
        let mut at = pick.checked_rem(all)?;
        for range in &self.ranges {
            let len = range.nodes.len() as u64;
            if at < len {
                return range.nodes.get(at as usize).copied();
            }
            at -= len;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_what_cluster_slots_says() {
        let node = |ip: &str, port| {
            Value::Array(vec![Value::Bulk(ip.into()), Value::Integer(port), Value::Bulk("id".into())])
        };
        let entry = |first, last, nodes: Vec<Value>| {
            Value::Array([vec![Value::Integer(first), Value::Integer(last)], nodes].concat())
        };
        let mut directory = Directory::default();
        let from = directory.number("10.0.0.1", 7001).unwrap();
        let reply = Value::Array(vec![
            entry(100, 200, vec![node("10.0.0.2", 7002), node("10.0.0.3", 7003)]),
            entry(0, 50, vec![node("", 7001)]),
        ]);
        let map = SlotMap::read(&reply, from, &mut directory).unwrap();
        assert_eq!(map.nodes_of(0), [from]);
        assert_eq!(map.nodes_of(150), [1, 2]);
        assert!(map.nodes_of(51).is_empty() && map.nodes_of(201).is_empty());
        assert_eq!((0..4).map(|pick| map.any(pick).unwrap()).collect::<Vec<_>>(), [0, 1, 2, 0]);
        assert_eq!(directory.number_of_address(":7003", 2), Some(2));
        assert_eq!(SlotMap::default().any(3), None);
        for wrong in [Value::Null, Value::Array(vec![]), Value::Array(vec![entry(0, 99_999, vec![])])] {
            assert!(SlotMap::read(&wrong, from, &mut directory).is_none());
        }
    }
}
