//! A client's map of slots: what CLUSTER SLOTS said, or ROLE outside of a cluster, and the nodes that it named.

use crate::resp::Value;
use crate::sim::net::Net;
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
    /// It was made of ROLE: its nodes are in no cluster, and no other than the first takes writes or speaks for all.
    pub plain: bool,
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
        (!ranges.is_empty()).then_some(SlotMap { ranges, plain: false })
    }

    /// Reads the reply to ROLE that the node `from`, which is in no cluster, gave: a master serves all slots, and behind it the
    /// replicas that it names, if they are `wanted`. Of a replica's reply it has the master alone, which has to be asked itself. `None` if the reply is
    /// neither.
    pub fn of_role(
        reply: &Value,
        from: u16,
        wanted: bool,
        directory: &mut Directory,
        net: &Net,
    ) -> Option<SlotMap> {
        // A replica says the port of its master as a number and a master those of its replicas as strings, and its host as its redis.conf
        // does, which may be a name.
        let mut number = |host: &Value, port: &Value| {
            let host = std::str::from_utf8(host.as_bytes()?).ok()?;
            let ip = net.resolve(host).map_or(host, |at| &net.hosts[at as usize].ip);
            directory.number(ip, port.as_double()? as u16)
        };
        let mut nodes = SmallVec::new();
        match reply.as_array()? {
            [role, _, replicas] if role.as_bytes() == Some(b"master") => {
                nodes.push(from);
                for replica in replicas.as_array()?.iter().filter(|_| wanted) {
                    let [ip, port, ..] = replica.as_array()? else { return None };
                    nodes.push(number(ip, port)?);
                }
            }
            [role, host, port, ..] if role.as_bytes() == Some(b"slave") => nodes.push(number(host, port)?),
            _ => return None,
        }
        Some(SlotMap { ranges: vec![Range { first: 0, last: SLOTS - 1, nodes }], plain: true })
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
    use crate::resp::Decoder;
    use crate::sim::net::NetSetup;

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

    #[test]
    fn outside_of_a_cluster_the_map_is_what_role_says() {
        let mut net = Net::new(NetSetup::default());
        net.add_host("RedisMaster".into(), "10.0.0.1".into());
        let mut directory = Directory::default();
        let [master, replica] = ["10.0.0.1", "10.0.0.2"].map(|ip| directory.number(ip, 6379).unwrap());
        let mut read = |from, wanted, reply: &[u8]| {
            let mut decoder = Decoder::new();
            decoder.feed(reply);
            let reply = decoder.next().unwrap().unwrap();
            SlotMap::of_role(&reply, from, wanted, &mut directory, &net)
        };
        // The bytes of redis-server 7.0.15.
        let reply = b"*3\r\n$6\r\nmaster\r\n:14\r\n*1\r\n*3\r\n$8\r\n10.0.0.2\r\n$4\r\n6379\r\n$2\r\n14\r\n";
        let map = read(master, true, reply).unwrap();
        assert!(
            map.plain && map.nodes_of(0) == [master, replica] && map.nodes_of(16_383) == [master, replica]
        );
        assert_eq!(read(master, false, reply).unwrap().nodes_of(866), [master]);
        for host in ["10.0.0.1", "redismaster"] {
            let reply = format!(
                "*5\r\n$5\r\nslave\r\n${}\r\n{host}\r\n:6379\r\n$9\r\nconnected\r\n:14\r\n",
                host.len()
            );
            assert_eq!(read(replica, true, reply.as_bytes()).unwrap().nodes_of(7), [master], "{host}");
        }
        for wrong in ["*0\r\n", "*2\r\n$8\r\nsentinel\r\n*0\r\n", "+OK\r\n"] {
            assert!(read(master, true, wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
