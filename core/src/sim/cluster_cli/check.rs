//! How a cluster is read, and the commands that only look at it or say one thing to all of it: `info`, `check`, `call`,
//! `set-timeout`.

use super::nodes::{Addr, Node, SLOTS, SlotSet, signature, unlinked};
use super::options::atoi;
use super::run::{Cx, Failure, Go, Next, State, Stop, text_of};
use super::{fix, host_of};
use crate::resp::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// redis-cli's pauses while nodes join, in microseconds.
const JOIN_PAUSE_US: u64 = 1_000_000;
/// After so many looks it says who may be unreachable (`CLUSTER_JOIN_CHECK_AFTER`).
const JOIN_CHECK_AFTER: u32 = 20;

/// `clusterManagerNodeIsCluster`: whether a node is one of a cluster; says so if not.
pub(super) fn is_cluster(cx: &mut Cx<'_>, at: &Addr) -> Result<bool, Stop> {
    let why = match cx.ask_node(at, "INFO")? {
        Ok(info) if field(&text_of(&info), "cluster_enabled") == 1 => return Ok(true),
        Err(Failure::Error(why)) => why,
        Ok(_) => "is not configured as a cluster node.".to_string(),
        Err(Failure::Gone) => return Ok(false),
    };
    cx.err(format!("[ERR] Node {at} {why}\n"));
    Ok(false)
}

/// The number in a line `name:number` of INFO.
pub(super) fn field(info: &str, name: &str) -> i64 {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.map_or(0, atoi)
}

/// Asks a node that stands alone for its own line of CLUSTER NODES.
pub(super) fn load_node(cx: &mut Cx<'_>, node: &mut Node, friends: bool) -> Result<Option<Vec<Node>>, Stop> {
    let at = node.at.clone();
    let reply = cx.ask_node(&at, "CLUSTER NODES")?;
    let Some(value) = cx.good(&at, reply) else { return Ok(None) };
    let others = node.load(&text_of(&value), friends);
    if others.is_none() {
        cx.err("Error: invalid CLUSTER NODES reply\n");
    }
    Ok(others)
}

/// Begins to read the cluster from the node `state.nodes[0]` (`clusterManagerLoadInfoFromNode`); ends the tool if that fails.
pub(super) fn load(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(mut node) = state.nodes.first().cloned() else { return Ok(Next::End) };
    if !is_cluster(cx, &node.at)? {
        return Ok(Next::End);
    }
    let Some(friends) = load_node(cx, &mut node, true)? else { return Ok(Next::End) };
    (state.nodes, state.friends, state.at) = (Rc::new(vec![node]), Rc::new(friends), 0);
    Ok(Next::Go(load_friend))
}

fn load_friend(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(friend) = state.friends.get(state.at) else { return count_replicas(cx, state) };
    let mut friend = friend.clone();
    state.at += 1;
    let reached = match (friend.at.ip.is_empty(), friend.at.port) {
        (true, _) | (_, 0) => false,
        _ => match cx.ask_node(&friend.at, "CLUSTER NODES")? {
            Ok(value) if friend.load(&text_of(&value), false).is_some() => !friend.gone,
            Err(Failure::Gone) => false,
            _ => {
                cx.err(format!("[ERR] Unable to load info for node {}\n", friend.at));
                false
            }
        },
    };
    if reached {
        Rc::make_mut(&mut state.nodes).push(friend);
    } else if !friend.slave {
        state.unreachable_masters += 1;
    }
    Ok(Next::Go(load_friend))
}

fn count_replicas(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let nodes = state.nodes.clone();
    for node in nodes.iter() {
        let Some(id) = &node.replicate else { continue };
        match nodes.iter().position(|n| n.id == *id) {
            Some(master) => state.node_mut(master).replicas += 1,
            None => cx.err(format!("*** WARNING: {} claims to be slave of unknown node ID {id}.\n", node.at)),
        }
    }
    Ok(Next::Return)
}

/// The node with an id, by place (`clusterManagerNodeByName`).
pub(super) fn by_id(state: &State, id: &str) -> Option<usize> {
    let id = id.to_ascii_lowercase();
    state.nodes.iter().position(|n| n.id == id)
}

/// Takes the host of the command line as the node to read the cluster from.
pub(super) fn begin_at(cx: &mut Cx<'_>, state: &mut State, args: &[String]) -> bool {
    let Some(at) = host_of(cx, args) else { return false };
    state.nodes = Rc::new(vec![Node::new(at, 0)]);
    true
}

pub(super) fn info_command(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if !begin_at(cx, state, &options.args) {
        return Ok(Next::End);
    }
    Ok(Next::Call(load, show_and_end))
}

fn show_and_end(cx: &mut Cx<'_>, state: &mut State) -> Go {
    show_info(cx, state)?;
    Ok(Next::End)
}

/// `check` and `fix`.
pub(super) fn check_command(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if !begin_at(cx, state, &options.args) {
        return Ok(Next::End);
    }
    Ok(Next::Call(load, show_and_check))
}

fn show_and_check(cx: &mut Cx<'_>, state: &mut State) -> Go {
    show_info(cx, state)?;
    Ok(Next::Call(check, |_, _| Ok(Next::End)))
}

/// `clusterManagerShowClusterInfo`.
fn show_info(cx: &mut Cx<'_>, state: &State) -> Result<(), Stop> {
    let (mut masters, mut keys) = (0, 0);
    for node in state.nodes.iter().filter(|n| !n.slave) {
        let replicas =
            state.nodes.iter().filter(|n| n.slave && n.replicate.as_ref() == Some(&node.id)).count();
        let reply = cx.ask_node(&node.at, "DBSIZE")?;
        let Some(value) = cx.good(&node.at, reply) else { return Ok(()) };
        let size = value.as_integer().unwrap_or(0);
        let id = node.id.get(..8).unwrap_or(&node.id);
        cx.say(format!(
            "{} ({id}...) -> {size} keys | {} slots | {replicas} slaves.\n",
            node.at, node.slots_count
        ));
        masters += 1;
        keys += size;
    }
    cx.say(format!("[OK] {keys} keys in {masters} masters.\n"));
    cx.say(format!("{:.2} keys per slot on average.\n", f64::from(keys as f32 / f32::from(SLOTS))));
    Ok(())
}

/// `clusterManagerIsConfigConsistent`: whether all nodes say the same of who has which slots.
pub(super) fn consistent(cx: &mut Cx<'_>, state: &State) -> Result<bool, Stop> {
    let mut first: Option<Rc<str>> = None;
    if state.nodes.len() == 1 {
        return Ok(true);
    }
    for node in state.nodes.iter() {
        match cx.digest(&node.at, "CLUSTER NODES", signature)? {
            // A node that knows of no slots has no signature.
            Some(text) if !text.is_empty() => match &first {
                None => first = Some(text),
                Some(first) if *first != text => return Ok(false),
                Some(_) => {}
            },
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// An error that keeps `reshard` and `rebalance` from going on (`clusterManagerOnError`).
fn found(cx: &mut Cx<'_>, state: &mut State, text: &str) {
    state.errors += 1;
    cx.err(format!("{text}\n"));
}

/// `clusterManagerCheckCluster`; the verdict is in `state.ok`.
pub(super) fn check(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let nodes = state.nodes.clone();
    let Some(first) = nodes.first() else { return Ok(Next::Return) };
    cx.say(format!(">>> Performing Cluster Check (using node {})\n", first.at));
    if !state.quiet {
        nodes.iter().for_each(|node| cx.say(node.info(0)));
    }
    state.ok = consistent(cx, state)?;
    if state.ok {
        cx.say("[OK] All nodes agree about slots configuration.\n");
    } else {
        found(cx, state, "[ERR] Nodes don't agree about configuration!");
    }
    cx.say(">>> Check for open slots...\n");
    let mut open: BTreeSet<u16> = BTreeSet::new();
    for node in nodes.iter() {
        for (list, what) in [(&node.migrating, "migrating"), (&node.importing, "importing")] {
            if list.is_empty() {
                continue;
            }
            let slots: Vec<String> = list.iter().map(|(slot, _)| slot.to_string()).collect();
            open.extend(list.iter().map(|(slot, _)| slot));
            let text = format!("[WARNING] Node {} has slots in {what} state {}.", node.at, slots.join(","));
            found(cx, state, &text);
        }
    }
    state.at = 0;
    if open.is_empty() {
        return Ok(Next::Go(coverage));
    }
    state.ok = false;
    let slots: Vec<String> = open.iter().map(u16::to_string).collect();
    cx.err(format!("[WARNING] The following slots are open: {}.\n", slots.join(",")));
    state.slots = Rc::new(open.into_iter().map(|slot| (slot, Vec::new())).collect());
    Ok(Next::Go(if fixes(state) { fix::next_open_slot } else { coverage }))
}

pub(super) fn fixes(state: &State) -> bool {
    state.options.command == "fix"
}

/// The slots that some node says it has.
pub(super) fn covered(state: &State) -> SlotSet {
    state.nodes.iter().flat_map(|n| n.slots.iter()).collect()
}

pub(super) fn coverage(cx: &mut Cx<'_>, state: &mut State) -> Go {
    cx.say(">>> Check slots coverage...\n");
    if covered(state).iter().count() == usize::from(SLOTS) {
        cx.say(format!("[OK] All {SLOTS} slots covered.\n"));
        return Ok(Next::Go(many_owners));
    }
    found(cx, state, &format!("[ERR] Not all {SLOTS} slots are covered by nodes.\n"));
    state.ok = false;
    Ok(Next::Go(if fixes(state) { fix::coverage } else { many_owners }))
}

pub(super) fn many_owners(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if !state.options.search_multiple_owners {
        return Ok(Next::Return);
    }
    cx.say(">>> Check for multiple slot owners...\n");
    (state.at, state.counter) = (0, 0);
    Ok(Next::Go(owners_of_slot))
}

/// One slot: nodes that have keys of it count as owners too.
fn owners_of_slot(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(slot) = u16::try_from(state.at).ok().filter(|&slot| slot < SLOTS) else {
        if state.counter == 0 {
            cx.say("[OK] No multiple owners found.\n");
        }
        return Ok(Next::Return);
    };
    state.at += 1;
    let mut owners = Vec::new();
    let nodes = state.nodes.clone();
    for (i, node) in nodes.iter().enumerate().filter(|(_, n)| !n.slave) {
        if node.slots.has(slot) || fix::count_keys(cx, &node.at, slot)?.unwrap_or(0) > 0 {
            owners.push(i);
        }
    }
    if owners.len() > 1 {
        state.ok = false;
        cx.err(format!("[WARNING] Slot {slot} has {} owners:\n", owners.len()));
        owners.iter().for_each(|&i| cx.err(format!("    {}\n", nodes[i].at)));
        state.counter += 1;
        if fixes(state) {
            state.ok = fix::many_owners(cx, state, slot, &owners)?;
            if !state.ok {
                cx.err(format!("Failed to fix multiple owners for slot {slot}\n"));
                return Ok(Next::Return);
            }
            state.counter -= 1;
        }
    }
    Ok(Next::Go(owners_of_slot))
}

/// `clusterManagerWaitForClusterJoin`: gives the nodes a second, and then waits until they agree.
pub(super) fn join(cx: &mut Cx<'_>, state: &mut State) -> Go {
    cx.sleep(JOIN_PAUSE_US)?;
    cx.say("Waiting for the cluster to join\n");
    state.counter = 0;
    Ok(Next::Go(joined))
}

fn joined(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if consistent(cx, state)? {
        cx.say("\n");
        return Ok(Next::Return);
    }
    cx.say(".");
    cx.sleep(JOIN_PAUSE_US)?;
    state.counter += 1;
    if state.counter <= JOIN_CHECK_AFTER + (state.nodes.len() as f32 * 0.15) as u32 {
        return Ok(Next::Go(joined));
    }
    state.counter = 0;
    let mut cut: BTreeMap<String, Vec<Addr>> = BTreeMap::new();
    for node in state.nodes.iter() {
        let text = cx.digest(&node.at, "CLUSTER NODES", unlinked)?.unwrap_or_default();
        text.lines().for_each(|to| cut.entry(to.to_string()).or_default().push(node.at.clone()));
    }
    if cut.is_empty() {
        return Ok(Next::Go(joined));
    }
    cx.err(format!("\nWarning: {} node(s) may be unreachable\n", cut.len()));
    for (to, from) in cut {
        match Addr::parse(&to) {
            Some((addr, bus)) if bus != 0 => {
                cx.err(format!(" - The port {bus} of node {} may be unreachable from:\n", addr.ip));
            }
            _ => cx.err(format!(" - Node {to} may be unreachable from:\n")),
        }
        for addr in from {
            cx.err(format!("   {addr}\n"));
            cx.err(
                "Cluster bus ports must be reachable by every node.\nRemember that cluster bus ports are different from standard \
                 instance ports.\n",
            );
        }
    }
    Ok(Next::Go(joined))
}

/// `clusterManagerCommandCall`.
pub(super) fn call(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if !begin_at(cx, state, &options.args[..1]) {
        return Ok(Next::End);
    }
    Ok(Next::Call(load, |cx, state| {
        cx.say(format!(">>> Calling {}\n", state.options.args[1..].join(" ")));
        state.at = 0;
        Ok(Next::Go(call_next))
    }))
}

fn call_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(node) = state.nodes.get(state.at) else { return Ok(Next::End) };
    let options = &state.options;
    let left_out = if node.replicate.is_some() { options.only_masters } else { options.only_replicas };
    if !left_out {
        match cx.call(&node.at, &options.args[1..])? {
            Ok(value) => cx.say(format!("{}: {}\n", node.at, raw(&value))),
            Err(Failure::Error(text)) => cx.say(format!("{}: {text}\n\n", node.at)),
            Err(Failure::Gone) => cx.say(format!("{}: Failed!\n", node.at)),
        }
    }
    state.at += 1;
    Ok(Next::Go(call_next))
}

/// `cliFormatReplyRaw`: strings as they are, a line each.
pub(super) fn raw(value: &Value) -> String {
    let lines = |items: &[Value]| items.iter().map(raw).collect::<Vec<_>>().join("\n");
    match value {
        Value::Null => String::new(),
        Value::Error(text) => format!("{}\n", String::from_utf8_lossy(text)),
        Value::Integer(n) => n.to_string(),
        Value::Double(text) | Value::BigNumber(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Boolean(on) => if *on { "(true)" } else { "(false)" }.to_string(),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => lines(items),
        Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{} {}", raw(key), raw(value)));
            pairs.collect::<Vec<_>>().join("\n")
        }
        Value::Attribute(_, value) => raw(value),
        Value::Status(_) | Value::Bulk(_) | Value::Verbatim(..) => text_of(value),
    }
}

/// `clusterManagerCommandSetTimeout`.
pub(super) fn set_timeout(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    let Some(at) = host_of(cx, &options.args[..1]) else { return Ok(Next::End) };
    if atoi(&options.args[1]) < 100 {
        cx.err("Setting a node timeout of less than 100 milliseconds is a bad idea.\n");
        return Ok(Next::End);
    }
    state.nodes = Rc::new(vec![Node::new(at, 0)]);
    Ok(Next::Call(load, |cx, state| {
        cx.say(">>> Reconfiguring node timeout in every cluster node...\n");
        (state.at, state.counter) = (0, 0);
        Ok(Next::Go(set_timeout_next))
    }))
}

fn set_timeout_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(node) = state.nodes.get(state.at) else {
        let errors = state.nodes.len() as u32 - state.counter;
        cx.say(format!(">>> New node timeout set. {} OK, {errors} ERR.\n", state.counter));
        return Ok(Next::End);
    };
    let timeout = atoi(&state.options.args[1]);
    let mut done = cx.ask_node(&node.at, &format!("CONFIG SET cluster-node-timeout {timeout}"))?;
    if done.is_ok() {
        done = cx.ask_node(&node.at, "CONFIG REWRITE")?;
    }
    match done {
        Ok(_) => {
            cx.say(format!("*** New timeout set for {}\n", node.at));
            state.counter += 1;
        }
        Err(Failure::Error(why)) => cx.err(format!("ERR setting node-timeout for {}: {why}\n", node.at)),
        Err(Failure::Gone) => cx.err(format!("ERR setting node-timeout for {}: \n", node.at)),
    }
    state.at += 1;
    Ok(Next::Go(set_timeout_next))
}
