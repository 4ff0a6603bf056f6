//! Clusters that begin, grow and shrink: `create`, `add-node`, `del-node`.

use super::check::{by_id, check, field, is_cluster, join, load, load_node};
use super::host_of;
use super::nodes::{Addr, Node, SLOTS, SlotSet};
use super::run::{Cx, Failure, Go, Next, State, Stop, text_of};
use std::rc::Rc;

/// The bus listens so far above the port for clients unless redis.conf says otherwise.
const BUS_PORT_DISTANCE: u32 = 10_000;

/// `clusterManagerNodeIsEmpty`: whether a node has no key and knows no other; says so if not.
fn is_empty(cx: &mut Cx<'_>, at: &Addr) -> Result<bool, Stop> {
    let full = "is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.";
    let info = cx.ask_node(at, "INFO")?;
    let why = match info {
        Ok(info) if text_of(&info).contains("db0:") => full.to_string(),
        Ok(_) => match cx.ask_node(at, "CLUSTER INFO")? {
            Ok(info) if field(&text_of(&info), "cluster_known_nodes") == 1 => return Ok(true),
            Ok(_) => full.to_string(),
            Err(Failure::Error(why)) => why,
            Err(Failure::Gone) => return Ok(false),
        },
        Err(Failure::Error(why)) => why,
        Err(Failure::Gone) => return Ok(false),
    };
    cx.err(format!("[ERR] Node {at} {why}\n"));
    Ok(false)
}

/// A node that may join: one of a cluster, and empty.
fn newcomer(cx: &mut Cx<'_>, at: Addr) -> Result<Option<Node>, Stop> {
    let mut node = Node::new(at, 0);
    let fits =
        is_cluster(cx, &node.at)? && load_node(cx, &mut node, false)?.is_some() && is_empty(cx, &node.at)?;
    Ok(fits.then_some(node))
}

/// `CLUSTER MEET` of the first node.
fn meet(first: &Node) -> String {
    let bus = match u32::from(first.bus_port) {
        0 => String::new(),
        bus if bus == u32::from(first.at.port) + BUS_PORT_DISTANCE => String::new(),
        bus => format!(" {bus}"),
    };
    format!("CLUSTER MEET {} {}{bus}", first.at.ip, first.at.port)
}

/// `clusterManagerCommandCreate`.
pub(super) fn create(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    let Some(text) = options.args.get(state.nodes.len()) else { return Ok(Next::Go(allocate)) };
    let Some((at, _)) = Addr::parse(text) else {
        cx.err(format!("Invalid address format: {text}\n"));
        return Ok(Next::End);
    };
    let Some(node) = newcomer(cx, at)? else { return Ok(Next::End) };
    Rc::make_mut(&mut state.nodes).push(node);
    Ok(Next::Go(create))
}

/// Who is to have which slots, and who replicates whom. Every node has a host of its own, so the order stays that of the command line.
fn allocate(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let replicas = usize::try_from(state.options.replicas).unwrap_or(0);
    let count = state.nodes.len();
    let masters = count / replicas.saturating_add(1);
    if masters < 3 {
        cx.err(format!(
            "*** ERROR: Invalid configuration for cluster creation.\n*** Redis Cluster requires at least 3 master nodes.\n\
             *** This is not possible with {count} nodes and {replicas} replicas per node.\n*** At least {} nodes are required.\n",
            replicas.saturating_add(1).saturating_mul(3)
        ));
        return Ok(Next::End);
    }
    cx.say(format!(">>> Performing hash slots allocation on {count} nodes...\n"));
    let share = f32::from(SLOTS) / masters as f32;
    let (mut first, mut cursor) = (0i64, 0.0f32);
    let end = i64::from(SLOTS);
    for i in 0..masters {
        let mut last = (cursor + share - 1.0).round() as i64;
        if last > end || i + 1 == masters {
            last = end - 1;
        }
        last = last.max(first);
        cx.say(format!("Master[{i}] -> Slots {first} - {last}\n"));
        let node = state.node_mut(i);
        node.slots = (first..=last).filter_map(|slot| u16::try_from(slot).ok()).collect::<SlotSet>();
        (node.slots_count, node.dirty) = (last - first + 1, true);
        (first, cursor) = (last + 1, cursor + share);
    }
    // The list of the others, turned by one as redis-cli turns it.
    let mut free: Vec<usize> = (masters..count).collect();
    if !free.is_empty() {
        free.rotate_left(1);
    }
    let mut free = free.into_iter();
    for round in 0..2 {
        // In the first round each master gets all its replicas, in the second one more while there are nodes left.
        if free.len() == 0 {
            break;
        }
        if round == 1 {
            cx.say("Adding extra replicas...\n");
        }
        for master in 0..masters {
            for slave in free.by_ref().take(if round == 0 { replicas } else { 1 }) {
                let id = state.nodes[master].id.clone();
                let (replica, to) = (state.nodes[slave].at.clone(), &state.nodes[master].at);
                cx.say(format!("Adding replica {replica} to {to}\n"));
                let node = state.node_mut(slave);
                (node.replicate, node.dirty) = (Some(id), true);
            }
        }
    }
    state.nodes.iter().for_each(|node| cx.say(node.info(0)));
    if !cx.confirm(state, "Can I set the above configuration?", false)? {
        return Ok(Next::End);
    }
    state.at = 0;
    Ok(Next::Go(configure))
}

/// Sends a node its slots or its master (`clusterManagerFlushNodeConfig`). Gives whether the tool can go on; a replica that does not know its master
/// yet stays dirty.
fn flush(cx: &mut Cx<'_>, state: &mut State, at: usize) -> Result<bool, Stop> {
    let node = &state.nodes[at];
    if !node.dirty {
        return Ok(true);
    }
    if let Some(master) = &node.replicate {
        let line = format!("CLUSTER REPLICATE {master}");
        if cx.ask_node(&node.at, &line)?.is_ok() {
            state.node_mut(at).dirty = false;
        }
        return Ok(true);
    }
    let mut words = vec!["CLUSTER".to_string(), "ADDSLOTS".to_string()];
    words.extend(node.slots.iter().map(|slot| slot.to_string()));
    let reply = cx.call(&node.at, &words)?;
    let done = cx.good(&node.at, reply).is_some();
    state.node_mut(at).dirty = false;
    Ok(done)
}

fn configure(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if state.at < state.nodes.len() {
        let at = state.at;
        state.at += 1;
        return Ok(if flush(cx, state, at)? { Next::Go(configure) } else { Next::End });
    }
    cx.say(">>> Nodes configuration updated\n>>> Assign a different config epoch to each node\n");
    for (i, node) in state.nodes.iter().enumerate() {
        // A node that has one already refuses, and redis-cli does not mind.
        let _ = cx.ask_node(&node.at, &format!("CLUSTER SET-CONFIG-EPOCH {}", i + 1))?;
    }
    cx.say(">>> Sending CLUSTER MEET messages to join the cluster\n");
    let line = meet(&state.nodes[0]);
    for node in state.nodes.iter().skip(1) {
        let reply = cx.ask_node(&node.at, &line)?;
        if cx.good(&node.at, reply).is_none() {
            return Ok(Next::End);
        }
    }
    state.at = 0;
    Ok(Next::Call(join, replicate))
}

fn replicate(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if state.at < state.nodes.len() {
        let at = state.at;
        state.at += 1;
        return Ok(if flush(cx, state, at)? { Next::Go(replicate) } else { Next::End });
    }
    let first = Node::new(state.nodes[0].at.clone(), 0);
    state.nodes = Rc::new(vec![first]);
    Ok(Next::Call(load, |_, _| Ok(Next::Call(check, |_, _| Ok(Next::End)))))
}

/// `clusterManagerCommandAddNode`.
pub(super) fn add_node(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    let Some(existing) = host_of(cx, &options.args[1..]) else { return Ok(Next::End) };
    let Some(new) = host_of(cx, &options.args[..1]) else { return Ok(Next::End) };
    cx.say(format!(">>> Adding node {new} to cluster {existing}\n"));
    state.nodes = Rc::new(vec![Node::new(existing, 0)]);
    Ok(Next::Call(load, |_, _| Ok(Next::Call(check, add_checked))))
}

/// The master with the fewest replicas (`clusterManagerNodeWithLeastReplicas`).
fn poorest(state: &State) -> Option<usize> {
    let masters = (0..state.nodes.len()).filter(|&i| !state.nodes[i].slave);
    masters.min_by_key(|&i| state.nodes[i].replicas)
}

fn add_checked(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if !state.ok {
        return Ok(Next::End);
    }
    let options = state.options.clone();
    let mut master = None;
    if options.slave {
        match &options.master_id {
            Some(id) => {
                master = by_id(state, id);
                if master.is_none() {
                    cx.err(format!("[ERR] No such master ID {id}\n"));
                    return Ok(Next::End);
                }
            }
            None => {
                master = poorest(state);
                if let Some(master) = master {
                    cx.say(format!("Automatically selected master {}\n", state.nodes[master].at));
                }
            }
        }
    }
    let Some(at) = host_of(cx, &options.args[..1]) else { return Ok(Next::End) };
    let Some(node) = newcomer(cx, at.clone())? else { return Ok(Next::End) };
    if master.is_none() && !copy_functions(cx, state, &at)? {
        return Ok(Next::End);
    }
    cx.say(format!(">>> Send CLUSTER MEET to node {at} to make it join the cluster.\n"));
    let line = meet(&state.nodes[0]);
    let reply = cx.ask_node(&at, &line)?;
    if cx.good(&at, reply).is_none() {
        return Ok(Next::End);
    }
    Rc::make_mut(&mut state.nodes).push(node);
    state.chosen = master;
    Ok(if master.is_some() { Next::Call(join, add_replica) } else { Next::Go(added) })
}

/// Functions of the cluster go to a new master; a replica gets them from its own.
fn copy_functions(cx: &mut Cx<'_>, state: &State, new: &Addr) -> Result<bool, Stop> {
    cx.say(">>> Getting functions from cluster\n");
    let dump = match cx.ask_node(&state.nodes[0].at, "FUNCTION DUMP")? {
        Ok(dump) => dump,
        Err(failure) => {
            let why = if let Failure::Error(why) = failure { why } else { "NULL reply".to_string() };
            cx.say(format!(
                ">>> Failed retrieving Functions from the cluster, skip this step as Redis version do not support function command \
                 (error = '{why}')\n"
            ));
            return Ok(true);
        }
    };
    cx.say(format!(">>> Send FUNCTION LIST to {new} to verify there is no functions in it\n"));
    match cx.ask_node(new, "FUNCTION LIST")? {
        Ok(list) if list.as_array().is_some_and(|l| !l.is_empty()) => {
            cx.err(
                ">>> New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH and try again.\n",
            );
            return Ok(false);
        }
        Ok(_) => {}
        Err(failure) => {
            let why = if let Failure::Error(why) = failure { why } else { "NULL reply".to_string() };
            cx.err(format!(">>> Failed on CLUSTER LIST (error = '{why}')\n"));
            return Ok(false);
        }
    }
    cx.say(format!(">>> Send FUNCTION RESTORE to {new}\n"));
    let args: [&[u8]; 3] = [b"FUNCTION", b"RESTORE", dump.as_bytes().unwrap_or_default()];
    match cx.call(new, &args)? {
        Ok(_) => Ok(true),
        Err(failure) => {
            let why = if let Failure::Error(why) = failure { why } else { "NULL reply".to_string() };
            cx.err(format!(">>> Failed loading functions to the new node (error = '{why}')\n"));
            Ok(false)
        }
    }
}

fn add_replica(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let (Some(master), Some(new)) = (state.chosen.and_then(|m| state.nodes.get(m)), state.nodes.last())
    else {
        return Ok(Next::End);
    };
    cx.say(format!(">>> Configure node as replica of {}.\n", master.at));
    let reply = cx.ask_node(&new.at, &format!("CLUSTER REPLICATE {}", master.id))?;
    Ok(if cx.good(&new.at, reply).is_some() { Next::Go(added) } else { Next::End })
}

fn added(cx: &mut Cx<'_>, _: &mut State) -> Go {
    cx.say("[OK] New node added correctly.\n");
    Ok(Next::End)
}

/// `clusterManagerCommandDeleteNode`.
pub(super) fn del_node(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    let Some(at) = host_of(cx, &options.args[..1]) else { return Ok(Next::End) };
    cx.say(format!(">>> Removing node {} from cluster {at}\n", options.args[1]));
    state.nodes = Rc::new(vec![Node::new(at, 0)]);
    Ok(Next::Call(load, del_loaded))
}

fn del_loaded(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let id = state.options.args[1].clone();
    state.chosen = by_id(state, &id);
    let Some(node) = state.chosen.map(|i| &state.nodes[i]) else {
        cx.err(format!("[ERR] No such node ID {id}\n"));
        return Ok(Next::End);
    };
    if node.slots_count != 0 {
        cx.err(format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", node.at));
        return Ok(Next::End);
    }
    cx.say(">>> Sending CLUSTER FORGET messages to the cluster...\n");
    state.at = 0;
    Ok(Next::Go(forget_next))
}

fn forget_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let id = state.options.args[1].clone();
    let Some(node) = state.nodes.get(state.at) else {
        let Some(gone) = state.chosen.map(|i| &state.nodes[i].at) else { return Ok(Next::End) };
        cx.say(">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
        let reply = cx.ask_node(gone, "CLUSTER RESET SOFT")?;
        let _ = cx.good(gone, reply);
        return Ok(Next::End);
    };
    if Some(state.at) != state.chosen {
        let orphan = node.replicate.as_ref().is_some_and(|master| master.eq_ignore_ascii_case(&id));
        if orphan && let Some(master) = poorest(state).map(|i| &state.nodes[i]) {
            cx.say(format!(">>> {} as replica of {}\n", node.at, master.at));
            let reply = cx.ask_node(&node.at, &format!("CLUSTER REPLICATE {}", master.id))?;
            if cx.good(&node.at, reply).is_none() {
                return Ok(Next::End);
            }
        }
        let reply = cx.ask_node(&node.at, &format!("CLUSTER FORGET {id}"))?;
        if cx.good(&node.at, reply).is_none() {
            return Ok(Next::End);
        }
    }
    state.at += 1;
    Ok(Next::Go(forget_next))
}
