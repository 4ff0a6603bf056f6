//! CLUSTER, ASKING, READONLY, READWRITE (cluster.c 7.0.15): syntax and replies. What the commands do is in
//! [`crate::cluster`].

use super::{Handlers, bad_subcommand};
use crate::cluster::node::{ClusterNode, NodeIdx};
use crate::cluster::slots::{SLOTS, key_slot};
use crate::cluster::{Cluster, ClusterConfig, CommandError, Cx, EndpointType, Failover, SetSlot};
use crate::exec::{Done, Error, Exec};
use crate::resp::reply::Reply;
use crate::store::num;

pub(crate) const HANDLERS: Handlers = &[
    ("cluster|addslots", |exec| add_or_del_slots(exec, false)),
    ("cluster|addslotsrange", |exec| add_or_del_slots_range(exec, false)),
    ("cluster|bumpepoch", bumpepoch),
    ("cluster|count-failure-reports", count_failure_reports),
    ("cluster|countkeysinslot", countkeysinslot),
    ("cluster|delslots", |exec| add_or_del_slots(exec, true)),
    ("cluster|delslotsrange", |exec| add_or_del_slots_range(exec, true)),
    ("cluster|failover", failover),
    ("cluster|flushslots", |exec| change(exec, Cluster::flush_slots)),
    ("cluster|forget", |exec| {
        let name = exec.args[2];
        change(exec, |cluster, cx| cluster.forget(cx, name))
    }),
    ("cluster|getkeysinslot", getkeysinslot),
    ("cluster|help", help),
    ("cluster|info", |exec| text(exec, Cluster::info_text)),
    ("cluster|keyslot", keyslot),
    ("cluster|links", links),
    ("cluster|meet", meet),
    ("cluster|myid", myid),
    ("cluster|nodes", |exec| text(exec, Cluster::nodes_text)),
    ("cluster|replicas", replicas),
    ("cluster|replicate", |exec| {
        let name = exec.args[2];
        change(exec, |cluster, cx| cluster.replicate(cx, name))
    }),
    ("cluster|reset", reset),
    ("cluster|saveconfig", |exec| {
        change(exec, |cluster, cx| {
            cluster.save_config_now(cx);
            Ok(())
        })
    }),
    ("cluster|set-config-epoch", set_config_epoch),
    ("cluster|setslot", setslot),
    ("cluster|shards", shards),
    ("cluster|slaves", replicas),
    ("cluster|slots", slots),
    ("asking", |exec| client_mode(exec, |client| client.asking = true)),
    ("readonly", |exec| client_mode(exec, |client| client.readonly = true)),
    ("readwrite", |exec| client_mode(exec, |client| client.readonly = false)),
];

const DISABLED: Error = Error::fixed("This instance has cluster support disabled");

/// An error of the cluster's, which bears its code already.
fn refused(text: CommandError) -> Error {
    Error::new([&b"-"[..], &text].concat())
}

fn cluster<'a>(exec: &'a Exec<'_>) -> Result<&'a Cluster, Error> {
    exec.node.cluster().ok_or(DISABLED)
}

/// Calls into the cluster.
fn call<T>(
    exec: &mut Exec<'_>,
    call: impl FnOnce(&mut Cluster, &mut Cx<'_>) -> Result<T, CommandError>,
) -> Result<T, Error> {
    exec.node.with_cluster(call).ok_or(DISABLED)?.map_err(refused)
}

/// A command that changes something and says OK.
fn change(
    exec: &mut Exec<'_>,
    change: impl FnOnce(&mut Cluster, &mut Cx<'_>) -> Result<(), CommandError>,
) -> Done {
    call(exec, change)?;
    exec.reply.ok();
    Ok(())
}

/// A command that shows text.
fn text(exec: &mut Exec<'_>, text: impl FnOnce(&Cluster) -> String) -> Done {
    let text = text(cluster(exec)?);
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn client_mode(exec: &mut Exec<'_>, set: impl FnOnce(&mut crate::node::client::Client)) -> Done {
    cluster(exec)?;
    if let Some(client) = exec.client_mut() {
        set(client);
    }
    exec.reply.ok();
    Ok(())
}

/// `getSlotOrReply`
fn slot_arg(exec: &Exec<'_>, index: usize) -> Result<u16, Error> {
    let slot = num::parse_i64(exec.args[index]).and_then(|slot| u16::try_from(slot).ok());
    slot.filter(|&slot| usize::from(slot) < SLOTS).ok_or(Error::fixed("Invalid or out of range slot"))
}

fn meet(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let argc = exec.args.len();
    if argc != 4 && argc != 5 {
        return Err(bad_subcommand(exec));
    }
    let port = num::parse_i64(exec.args[3])
        .ok_or_else(|| Error::quoting("Invalid TCP base port specified: ", exec.args[3], ""))?;
    let cport = match exec.args.get(4) {
        None => None,
        Some(arg) => Some(
            num::parse_i64(arg).ok_or_else(|| Error::quoting("Invalid TCP bus port specified: ", arg, ""))?,
        ),
    };
    let ip = exec.args[2];
    change(exec, |cluster, cx| cluster.meet(cx, ip, port, cport))
}

fn myid(exec: &mut Exec<'_>) -> Done {
    let name = cluster(exec)?.myself().name;
    exec.reply.bulk(name.as_bytes());
    Ok(())
}

fn add_or_del_slots(exec: &mut Exec<'_>, del: bool) -> Done {
    cluster(exec)?;
    let slots: Result<Vec<(u16, u16)>, Error> =
        (2..exec.args.len()).map(|index| slot_arg(exec, index).map(|slot| (slot, slot))).collect();
    let slots = slots?;
    change(exec, |cluster, cx| cluster.add_or_del_slots(cx, &slots, del))
}

fn add_or_del_slots_range(exec: &mut Exec<'_>, del: bool) -> Done {
    cluster(exec)?;
    if exec.args.len() % 2 == 1 {
        return Err(Error::arity(exec.command.name()));
    }
    let mut ranges = Vec::new();
    for index in (2..exec.args.len()).step_by(2) {
        let (first, last) = (slot_arg(exec, index)?, slot_arg(exec, index + 1)?);
        if first > last {
            return Err(Error::new(format!(
                "start slot number {first} is greater than end slot number {last}"
            )));
        }
        ranges.push((first, last));
    }
    change(exec, |cluster, cx| cluster.add_or_del_slots(cx, &ranges, del))
}

fn setslot(exec: &mut Exec<'_>) -> Done {
    if cluster(exec)?.is_replica() {
        return Err(Error::fixed("Please use SETSLOT only with masters."));
    }
    let slot = slot_arg(exec, 2)?;
    let action = match (exec.args.len(), exec.args.get(4)) {
        (5, Some(name)) if exec.arg_is(3, "migrating") => SetSlot::Migrating(name),
        (5, Some(name)) if exec.arg_is(3, "importing") => SetSlot::Importing(name),
        (5, Some(name)) if exec.arg_is(3, "node") => SetSlot::Node(name),
        (4, None) if exec.arg_is(3, "stable") => SetSlot::Stable,
        _ => {
            return Err(Error::fixed(
                "Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
            ));
        }
    };
    change(exec, |cluster, cx| cluster.set_slot(cx, slot, action))
}

fn bumpepoch(exec: &mut Exec<'_>) -> Done {
    let (bumped, epoch) = call(exec, |cluster, cx| Ok(cluster.bump_epoch(cx)))?;
    exec.reply.status(&format!("{} {epoch}", if bumped { "BUMPED" } else { "STILL" }));
    Ok(())
}

fn keyslot(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    exec.reply.integer(i64::from(key_slot(exec.args[2])));
    Ok(())
}

fn countkeysinslot(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let slot = u16::try_from(exec.integer(2)?).ok().filter(|&slot| usize::from(slot) < SLOTS);
    let slot = slot.ok_or(Error::fixed("Invalid slot"))?;
    let count = exec.node.dbs[0].slot_len(slot);
    exec.reply.integer(count as i64);
    Ok(())
}

fn getkeysinslot(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let (slot, count) = (exec.integer(2)?, exec.integer(3)?);
    let slot = u16::try_from(slot).ok().filter(|&slot| usize::from(slot) < SLOTS);
    let (Some(slot), Ok(count)) = (slot, usize::try_from(count)) else {
        return Err(Error::fixed("Invalid slot or number of keys"));
    };
    let db = &exec.node.dbs[0];
    exec.reply.array(count.min(db.slot_len(slot)));
    for key in db.slot_keys(slot).take(count) {
        exec.reply.bulk(key);
    }
    Ok(())
}

fn replicas(exec: &mut Exec<'_>) -> Done {
    let lines = cluster(exec)?.replicas(exec.args[2]).map_err(refused)?;
    exec.reply.array(lines.len());
    for line in lines {
        exec.reply.bulk_str(&line);
    }
    Ok(())
}

fn count_failure_reports(exec: &mut Exec<'_>) -> Done {
    let name = exec.args[2];
    let count = call(exec, |cluster, cx| cluster.count_failure_reports(cx, name))?;
    exec.reply.integer(count as i64);
    Ok(())
}

fn failover(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let how = match exec.args.len() {
        2 => Failover::Gentle,
        3 if exec.arg_is(2, "force") => Failover::Force,
        3 if exec.arg_is(2, "takeover") => Failover::Takeover,
        3 => return Err(Error::SYNTAX),
        _ => return Err(bad_subcommand(exec)),
    };
    change(exec, |cluster, cx| cluster.failover(cx, how))
}

fn set_config_epoch(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let epoch = exec.integer(2)?;
    change(exec, |cluster, cx| cluster.set_config_epoch(cx, epoch))
}

fn reset(exec: &mut Exec<'_>) -> Done {
    cluster(exec)?;
    let hard = match exec.args.len() {
        2 => false,
        3 if exec.arg_is(2, "hard") => true,
        3 if exec.arg_is(2, "soft") => false,
        3 => return Err(Error::SYNTAX),
        _ => return Err(bad_subcommand(exec)),
    };
    change(exec, |cluster, cx| cluster.reset(cx, hard))
}

/// A node as CLUSTER SLOTS shows it: the preferred endpoint, the port, the name, and what else is known of its address.
fn endpoint(reply: &mut Reply, config: &ClusterConfig, node: &ClusterNode) {
    let by_ip = config.preferred_endpoint_type == EndpointType::Ip;
    let by_hostname = config.preferred_endpoint_type == EndpointType::Hostname;
    reply.array(4);
    match config.preferred_endpoint_type {
        EndpointType::Ip => reply.bulk_str(node.ip.as_str()),
        EndpointType::Hostname => reply.bulk_str(node.hostname.as_deref().unwrap_or("?")),
        EndpointType::UnknownEndpoint => reply.null(),
    }
    reply.integer(i64::from(node.port));
    reply.bulk(node.name.as_bytes());
    let hostname = node.hostname.as_deref().filter(|_| !by_hostname);
    reply.map(usize::from(!by_ip) + usize::from(hostname.is_some()));
    if !by_ip {
        reply.bulk(b"ip");
        reply.bulk_str(node.ip.as_str());
    }
    if let Some(hostname) = hostname {
        reply.bulk(b"hostname");
        reply.bulk_str(hostname);
    }
}

fn slots(exec: &mut Exec<'_>) -> Done {
    let (Some(cluster), Some(config)) = (exec.node.cluster(), exec.node.cluster_config()) else {
        return Err(DISABLED);
    };
    let ranges = cluster.slot_ranges(&exec.node.cluster_facts());
    exec.reply.array(ranges.len());
    for range in ranges {
        exec.reply.array(2 + range.nodes.len());
        exec.reply.integer(i64::from(range.first));
        exec.reply.integer(i64::from(range.last));
        for idx in range.nodes {
            endpoint(exec.reply, config, &cluster.nodes()[idx]);
        }
    }
    Ok(())
}

fn shards(exec: &mut Exec<'_>) -> Done {
    let (Some(cluster), Some(config)) = (exec.node.cluster(), exec.node.cluster_config()) else {
        return Err(DISABLED);
    };
    let shards = cluster.shards(&exec.node.cluster_facts());
    let reply = &mut *exec.reply;
    reply.array(shards.len());
    for shard in shards {
        reply.map(2);
        reply.bulk(b"slots");
        reply.array(shard.slots.len() * 2);
        for (first, last) in shard.slots {
            reply.integer(i64::from(first));
            reply.integer(i64::from(last));
        }
        reply.bulk(b"nodes");
        reply.array(shard.nodes.len());
        for shown in shard.nodes {
            let node = node_of(cluster, shown.idx);
            // A port of 0 is not known yet.
            reply.map(6 + usize::from(node.port != 0) + usize::from(node.hostname.is_some()));
            reply.bulk(b"id");
            reply.bulk(node.name.as_bytes());
            if node.port != 0 {
                reply.bulk(b"port");
                reply.integer(i64::from(node.port));
            }
            for (field, value) in [("ip", node.ip.as_str()), ("endpoint", cluster.endpoint(config, node))] {
                reply.bulk_str(field);
                reply.bulk_str(value);
            }
            if let Some(hostname) = &node.hostname {
                reply.bulk(b"hostname");
                reply.bulk_str(hostname);
            }
            reply.bulk(b"role");
            reply.bulk_str(shown.role);
            reply.bulk(b"replication-offset");
            reply.integer(shown.offset);
            reply.bulk(b"health");
            reply.bulk_str(shown.health);
        }
    }
    Ok(())
}

fn node_of(cluster: &Cluster, idx: NodeIdx) -> &ClusterNode {
    &cluster.nodes()[idx]
}

fn links(exec: &mut Exec<'_>) -> Done {
    let links = cluster(exec)?.links();
    let reply = &mut *exec.reply;
    reply.array(links.len());
    for link in links {
        reply.map(6);
        reply.bulk(b"direction");
        reply.bulk_str(if link.inbound { "from" } else { "to" });
        reply.bulk(b"node");
        reply.bulk(link.node.as_bytes());
        reply.bulk(b"create-time");
        reply.integer(link.ctime_ms);
        reply.bulk(b"events");
        reply.bulk_str(link.events);
        reply.bulk(b"send-buffer-allocated");
        reply.integer(link.send_buffer_len as i64);
        reply.bulk(b"send-buffer-used");
        reply.integer(link.send_buffer_len as i64);
    }
    Ok(())
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "ADDSLOTS <slot> [<slot> ...]",
            "    Assign slots to current node.",
            "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    Assign slots which are between <start-slot> and <end-slot> to current node.",
            "BUMPEPOCH",
            "    Advance the cluster config epoch.",
            "COUNT-FAILURE-REPORTS <node-id>",
            "    Return number of failure reports for <node-id>.",
            "COUNTKEYSINSLOT <slot>",
            "    Return the number of keys in <slot>.",
            "DELSLOTS <slot> [<slot> ...]",
            "    Delete slots information from current node.",
            "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
            "    Delete slots information which are between <start-slot> and <end-slot> from current node.",
            "FAILOVER [FORCE|TAKEOVER]",
            "    Promote current replica node to being a master.",
            "FORGET <node-id>",
            "    Remove a node from the cluster.",
            "GETKEYSINSLOT <slot> <count>",
            "    Return key names stored by current node in a slot.",
            "FLUSHSLOTS",
            "    Delete current node own slots information.",
            "INFO",
            "    Return information about the cluster.",
            "KEYSLOT <key>",
            "    Return the hash slot for <key>.",
            "MEET <ip> <port> [<bus-port>]",
            "    Connect nodes into a working cluster.",
            "MYID",
            "    Return the node id.",
            "NODES",
            "    Return cluster configuration seen by node. Output format:",
            "    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
            "REPLICATE <node-id>",
            "    Configure current node as replica to <node-id>.",
            "RESET [HARD|SOFT]",
            "    Reset current node (default: soft).",
            "SET-CONFIG-EPOCH <epoch>",
            "    Set config epoch of current node.",
            "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
            "    Set slot state.",
            "REPLICAS <node-id>",
            "    Return <node-id> replicas.",
            "SAVECONFIG",
            "    Force saving cluster configuration on disk.",
            "SLOTS",
            "    Return information about slots range mappings. Each range is made of:",
            "    start, end, master and replicas IP addresses, ports and ids",
            "SHARDS",
            "    Return information about slot range mappings and the nodes associated with them.",
            "LINKS",
            "    Return information about all network links between this node and its peers.",
            "    Output format is an array where each array element is a map containing attributes of a link",
        ],
    )
}
