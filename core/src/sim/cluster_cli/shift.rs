//! Slots that move: `reshard`, `rebalance`, and the way of one slot with its keys.

use super::check::{begin_at, by_id, check, load};
use super::nodes::SLOTS;
use super::options::atoi;
use super::run::{Cx, Failure, Go, Move, Next, State, Stop, text_of};
use crate::resp::Value;
use crate::store::float::of_decimal;
use std::rc::Rc;

/// How a slot moves (`CLUSTER_MANAGER_OPT_…`).
#[derive(Clone, Copy)]
pub(super) enum How {
    /// Said, a dot for each key.
    Said,
    /// The same, and the nodes' slots are changed in what the tool knows.
    SaidAndNoted,
    /// Noted alone.
    Quiet,
    /// Said; the slot's state on the nodes is not touched.
    Cold,
}

/// Puts a slot's state on the node `on`; the other end is `other`. `Err` has the error reply, or nothing if there was none.
pub(super) fn set_slot(
    cx: &mut Cx<'_>,
    state: &State,
    on: usize,
    other: usize,
    slot: u16,
    status: &str,
) -> Result<Result<(), String>, Stop> {
    let (on, other) = (&state.nodes[on], &state.nodes[other]);
    let line = format!("CLUSTER SETSLOT {slot} {status} {}", other.id);
    Ok(match cx.ask_node(&on.at, &line)? {
        Ok(_) => Ok(()),
        Err(Failure::Error(text)) => Err(text),
        Err(Failure::Gone) => Err("CLUSTER SETSLOT failed to run".to_string()),
    })
}

/// `clusterManagerMoveSlot`; the error is that of the node.
pub(super) fn move_slot(
    cx: &mut Cx<'_>,
    state: &mut State,
    way: Move,
    how: How,
) -> Result<Result<(), String>, Stop> {
    let Move { slot, source, target } = way;
    let (said, cold) = (!matches!(how, How::Quiet), matches!(how, How::Cold));
    if said {
        let (from, to) = (&state.nodes[source].at, &state.nodes[target].at);
        cx.say(format!("Moving slot {slot} from {from} to {to}: "));
    }
    if !cold {
        for (on, other, status) in [(target, source, "importing"), (source, target, "migrating")] {
            if let Err(why) = set_slot(cx, state, on, other, slot, status)? {
                return Ok(Err(why));
            }
        }
    }
    let moved = migrate_keys(cx, state, way, said)?;
    if said {
        cx.say("\n");
    }
    if moved.is_err() {
        return Ok(moved);
    }
    if !cold {
        // The target first: it tells the others. If it crashed before it knew, the slot would be without an owner.
        if let Err(why) = set_slot(cx, state, target, target, slot, "node")? {
            return Ok(Err(why));
        }
        // A source that has lost its last slot may have become a replica by now.
        if let Err(why) = set_slot(cx, state, source, target, slot, "node")?
            && !why.starts_with("ERR Please use SETSLOT only with masters.")
        {
            return Ok(Err(why));
        }
        for i in 0..state.nodes.len() {
            if i != source
                && i != target
                && !state.nodes[i].slave
                && let Err(why) = set_slot(cx, state, i, target, slot, "node")?
            {
                return Ok(Err(why));
            }
        }
    }
    if matches!(how, How::SaidAndNoted | How::Quiet) {
        state.node_mut(source).slots.set(slot, false);
        state.node_mut(target).slots.set(slot, true);
    }
    Ok(Ok(()))
}

/// `clusterManagerMigrateKeysInSlot`.
fn migrate_keys(cx: &mut Cx<'_>, state: &State, way: Move, dots: bool) -> Result<Result<(), String>, Stop> {
    let from = &state.nodes[way.source].at;
    loop {
        let ask = format!("CLUSTER GETKEYSINSLOT {} {}", way.slot, state.options.pipeline);
        let keys = match cx.ask_node(from, &ask)? {
            Ok(keys) => keys,
            Err(Failure::Error(why)) => {
                cx.node_err(from, &why);
                return Ok(Err(why));
            }
            Err(Failure::Gone) => return Ok(Err(String::new())),
        };
        let keys = keys.as_array().unwrap_or_default();
        if keys.is_empty() {
            return Ok(Ok(()));
        }
        match migrate(cx, state, way, keys, false)? {
            Ok(_) => {}
            Err(Failure::Gone) => return Ok(Err(String::new())),
            Err(Failure::Error(why)) => {
                if let Err(why) = migrate_again(cx, state, way, keys, why)? {
                    return Ok(Err(why));
                }
            }
        }
        if dots {
            cx.say(".".repeat(keys.len()));
        }
    }
}

fn migrate(
    cx: &mut Cx<'_>,
    state: &State,
    way: Move,
    keys: &[Value],
    replace: bool,
) -> Result<super::run::Reply, Stop> {
    let options = &state.options;
    let (from, to) = (&state.nodes[way.source].at, &state.nodes[way.target].at);
    let (port, timeout) = (to.port.to_string(), options.timeout_ms.to_string());
    let mut args: Vec<&[u8]> =
        vec![b"MIGRATE", to.ip.as_bytes(), port.as_bytes(), b"", b"0", timeout.as_bytes()];
    if replace {
        args.push(b"REPLACE");
    }
    match (&options.user, &options.password) {
        (Some(user), Some(password)) => {
            args.extend([b"AUTH2".as_slice(), user.as_bytes(), password.as_bytes()])
        }
        (None, Some(password)) => args.extend([b"AUTH".as_slice(), password.as_bytes()]),
        _ => {}
    }
    args.push(b"KEYS");
    args.extend(keys.iter().filter_map(Value::as_bytes));
    cx.call(from, &args)
}

/// MIGRATE did not work: because the slot has no owner, or the keys are there already?
fn migrate_again(
    cx: &mut Cx<'_>,
    state: &State,
    way: Move,
    keys: &[Value],
    why: String,
) -> Result<Result<(), String>, Stop> {
    let (from, to) = (&state.nodes[way.source].at, &state.nodes[way.target].at);
    let busy = why.contains("BUSYKEY");
    let unserved = !busy && !slot_is_served(cx, state, way)?;
    let mut last = why;
    if busy || unserved {
        if unserved && super::check::fixes(state) {
            cx.say(format!("*** Slot was not served, setting owner to node {to}.\n"));
            if let Err(why) = set_slot(cx, state, way.source, way.target, way.slot, "node")? {
                cx.node_err(from, &why);
            }
        }
        if busy {
            cx.say("\n*** Target key exists\n");
            if !state.options.replace {
                cx.say("*** Checking key values on both nodes...\n");
                match different(cx, state, way, keys)? {
                    None => {
                        cx.err("*** Value check failed!\n");
                        return Ok(Err(String::new()));
                    }
                    Some(diffs) if !diffs.is_empty() => {
                        cx.err(format!(
                            "*** Found {} key(s) in both source node and target node having different values.\n    \
                             Source node: {from}\n    Target node: {to}\n    Keys(s):\n",
                            diffs.len()
                        ));
                        diffs.iter().for_each(|key| cx.err(format!("    - {key}\n")));
                        cx.err(
                            "Please fix the above key(s) manually and try again or relaunch the command \nwith --cluster-replace option \
                             to force key overriding.\n",
                        );
                        return Ok(Err(String::new()));
                    }
                    Some(_) => {}
                }
            }
            cx.say("*** Replacing target keys...\n");
        }
        match migrate(cx, state, way, keys, busy)? {
            Ok(_) => return Ok(Ok(())),
            Err(Failure::Gone) => return Ok(Err(String::new())),
            Err(Failure::Error(why)) => last = why,
        }
    }
    cx.say("\n");
    cx.node_err(from, &last);
    Ok(Err(last))
}

/// Whether the source knows an owner of the slot (`clusterManagerGetSlotOwner`).
fn slot_is_served(cx: &mut Cx<'_>, state: &State, way: Move) -> Result<bool, Stop> {
    let from = &state.nodes[way.source].at;
    let reply = cx.ask_node(from, "CLUSTER SLOTS")?;
    // Whoever cannot say is taken for one that knows.
    let Some(ranges) = cx.good(from, reply) else { return Ok(true) };
    Ok(ranges.as_array().unwrap_or_default().iter().any(|range| {
        let range = range.as_array().unwrap_or_default();
        let bound = |i: usize| range.get(i).and_then(Value::as_integer).unwrap_or(-1);
        (bound(0)..=bound(1)).contains(&i64::from(way.slot))
    }))
}

/// `clusterManagerCompareKeysValues`: the keys that both nodes have with different values.
fn different(cx: &mut Cx<'_>, state: &State, way: Move, keys: &[Value]) -> Result<Option<Vec<String>>, Stop> {
    let mut args: Vec<&[u8]> = vec![b"DEBUG", b"DIGEST-VALUE"];
    args.extend(keys.iter().filter_map(Value::as_bytes));
    let mut digests = Vec::new();
    for node in [way.source, way.target] {
        let at = &state.nodes[node].at;
        let reply = cx.call(at, &args)?;
        let Some(value) = cx.good(at, reply) else { return Ok(None) };
        digests.push(value);
    }
    let digest = |node: usize, key: usize| {
        digests[node].as_array().and_then(|d| d.get(key)).map(text_of).unwrap_or_default()
    };
    let there = |text: &str| text.bytes().any(|b| b != b'0');
    let differ = |&(i, _): &(usize, &Value)| {
        let (a, b) = (digest(0, i), digest(1, i));
        there(&a) && there(&b) && a != b
    };
    Ok(Some(keys.iter().enumerate().filter(differ).map(|(_, key)| text_of(key)).collect()))
}

/// `clusterManagerComputeReshardTable`: which slots the sources give, each its share.
fn table(state: &State, sources: &[usize], target: usize, count: i64) -> Vec<Move> {
    let mut sorted = sources.to_vec();
    let slots_of = |i: usize| state.nodes[i].slots_count;
    sorted.sort_by_key(|&i| -slots_of(i));
    let total: i64 = sources.iter().map(|&i| slots_of(i)).sum();
    let mut moves: Vec<Move> = Vec::new();
    for (n, &source) in sorted.iter().enumerate() {
        let share = count as f32 / total as f32 * slots_of(source) as f32;
        let share = if n == 0 { share.ceil() } else { share.floor() } as usize;
        let left = usize::try_from(count).unwrap_or(0).saturating_sub(moves.len());
        let slots = state.nodes[source].slots.iter().take(share.min(left));
        moves.extend(slots.map(|slot| Move { slot, source, target }));
    }
    moves
}

/// `clusterManagerCommandReshard`.
pub(super) fn reshard(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if !begin_at(cx, state, &options.args) {
        return Ok(Next::End);
    }
    Ok(Next::Call(load, |_, _| Ok(Next::Call(check, plan))))
}

/// `clusterNodeForResharding`: `Err` says whether that ends the tool.
fn node_for(cx: &mut Cx<'_>, state: &State, id: &str, target: Option<usize>) -> Result<usize, bool> {
    let Some(node) = by_id(state, id).filter(|&i| !state.nodes[i].slave) else {
        cx.err(format!("*** The specified node ({id}) is not known or not a master, please retry.\n"));
        return Err(true);
    };
    if target == Some(node) {
        cx.err("*** It is not possible to use the target node as source node.\n");
        return Err(false);
    }
    Ok(node)
}

fn plan(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if state.errors > 0 {
        cx.err("*** Please fix your cluster problems before resharding\n");
        return Ok(Next::End);
    }
    let mut slots = options.slots;
    if slots == 0 {
        while !(1..=i64::from(SLOTS)).contains(&slots) {
            slots = atoi(&cx.ask(format!("How many slots do you want to move (from 1 to {SLOTS})? "))?);
        }
    }
    let mut to = options.to.clone().unwrap_or_default();
    while to.is_empty() && options.to.is_none() {
        to = cx.ask("What is the receiving node ID? ")?;
    }
    let Ok(target) = node_for(cx, state, &to, None) else { return Ok(Next::End) };
    let mut sources = Vec::new();
    let mut all = false;
    match &options.from {
        None => {
            cx.say(
                "Please enter all the source node IDs.\n  Type 'all' to use all the nodes as source nodes for the hash slots.\n  \
                 Type 'done' once you entered all the source nodes IDs.\n",
            );
            loop {
                let line = cx.ask(format!("Source node #{}: ", sources.len() + 1))?;
                match line.as_str() {
                    "done" => break,
                    "all" => {
                        all = true;
                        break;
                    }
                    id => match node_for(cx, state, id, Some(target)) {
                        Ok(node) => sources.push(node),
                        Err(true) => return Ok(Next::End),
                        Err(false) => {}
                    },
                }
            }
        }
        Some(from) => {
            for id in from.split(',').filter(|id| !id.is_empty()) {
                if id == "all" {
                    all = true;
                    break;
                }
                match node_for(cx, state, id, Some(target)) {
                    Ok(node) => sources.push(node),
                    Err(true) => return Ok(Next::End),
                    Err(false) => {}
                }
            }
        }
    }
    if all {
        sources = (0..state.nodes.len()).filter(|&i| i != target && state.nodes[i].is_master()).collect();
    }
    if sources.is_empty() {
        cx.err("*** No source nodes given, operation aborted.\n");
        return Ok(Next::End);
    }
    cx.say(format!("\nReady to move {slots} slots.\n  Source nodes:\n"));
    sources.iter().for_each(|&i| cx.say(state.nodes[i].info(4)));
    cx.say("  Destination node:\n");
    cx.say(state.nodes[target].info(4));
    let moves = table(state, &sources, target, slots);
    cx.say("  Resharding plan:\n");
    for way in &moves {
        cx.say(format!("    Moving slot {} from {}\n", way.slot, state.nodes[way.source].id));
    }
    if !options.yes
        && !cx.ask("Do you want to proceed with the proposed reshard plan (yes/no)? ")?.starts_with("yes")
    {
        return Ok(Next::End);
    }
    (state.moves, state.at) = (Rc::new(moves), 0);
    Ok(Next::Go(reshard_next))
}

fn reshard_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(&way) = state.moves.get(state.at) else { return Ok(Next::End) };
    if let Err(why) = move_slot(cx, state, way, How::Said)? {
        if !why.is_empty() {
            cx.err(format!("clusterManagerMoveSlot failed: {why}\n"));
        }
        return Ok(Next::End);
    }
    state.at += 1;
    Ok(Next::Go(reshard_next))
}

/// `clusterManagerCommandRebalance`.
pub(super) fn rebalance(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if !begin_at(cx, state, &options.args) {
        return Ok(Next::End);
    }
    Ok(Next::Call(load, weigh))
}

fn weigh(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    for text in &options.weights {
        let Some((name, weight)) = text.split_once('=') else {
            cx.err(format!("*** invalid input {text}\n"));
            return Ok(Next::End);
        };
        let name = name.to_ascii_lowercase();
        let Some(node) = state.nodes.iter().position(|n| n.id.starts_with(&name)) else {
            cx.err(format!("*** No such master node {name}\n"));
            return Ok(Next::End);
        };
        state.node_mut(node).weight = of_decimal(weight).unwrap_or(0.0) as f32;
    }
    let involved = |i: &usize| {
        let node = &state.nodes[*i];
        node.is_master() && (options.use_empty_masters || node.slots_count > 0)
    };
    state.order = Rc::new((0..state.nodes.len()).filter(involved).collect());
    state.quiet = true;
    Ok(Next::Call(check, balance))
}

fn balance(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    if state.errors > 0 {
        cx.err("*** Please fix your cluster problems before rebalancing\n");
        return Ok(Next::End);
    }
    let mut order = state.order.to_vec();
    let total_weight: f32 = order.iter().map(|&i| state.nodes[i].weight).sum();
    let (mut reached, mut total) = (false, 0);
    for &i in &order {
        let node = state.node_mut(i);
        let expected = (f32::from(SLOTS) / total_weight * node.weight) as i64;
        node.balance = node.slots_count - expected;
        total += node.balance;
        if options.threshold > 0.0 {
            reached |= match node.slots_count {
                0 => expected > 1,
                slots => (100.0 - 100.0 * expected as f64 / slots as f64).abs() as f32 > options.threshold,
            };
        }
    }
    if !reached {
        cx.say(format!(
            "*** No rebalancing needed! All nodes are within the {:.2}% threshold.\n",
            f64::from(options.threshold)
        ));
        return Ok(Next::End);
    }
    // Rounding may leave some over: who gives is always matched by who gets.
    while total > 0 {
        let before = total;
        for &i in &order {
            if state.nodes[i].balance <= 0 && total > 0 {
                state.node_mut(i).balance -= 1;
                total -= 1;
            }
        }
        if total == before {
            break;
        }
    }
    order.sort_by_key(|&i| state.nodes[i].balance);
    cx.say(format!(
        ">>> Rebalancing across {} nodes. Total weight = {:.2}\n",
        order.len(),
        f64::from(total_weight)
    ));
    if options.verbose {
        for &i in &order {
            cx.say(format!("{} balance is {} slots\n", state.nodes[i].at, state.nodes[i].balance));
        }
    }
    (state.ends, state.order) = ((0, order.len().saturating_sub(1)), Rc::new(order));
    Ok(Next::Go(balance_pair))
}

/// The two ends of the order: the one gives to the other what both can.
fn balance_pair(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let (low, high) = state.ends;
    if low >= high {
        return Ok(Next::End);
    }
    let (target, source) = (state.order[low], state.order[high]);
    let count = state.nodes[target].balance.abs().min(state.nodes[source].balance.abs());
    state.moves = Rc::default();
    if count > 0 {
        let (from, to) = (&state.nodes[source].at, &state.nodes[target].at);
        cx.say(format!("Moving {count} slots from {from} to {to}\n"));
        let moves = table(state, &[source], target, count);
        if moves.len() as i64 != count {
            cx.err("*** Assertion failed: Reshard table != number of slots");
            return Ok(Next::End);
        }
        (state.moves, state.at) = (Rc::new(moves), 0);
    }
    state.node_mut(target).balance += count;
    state.node_mut(source).balance -= count;
    state.ends = (
        low + usize::from(state.nodes[target].balance == 0),
        high - usize::from(state.nodes[source].balance == 0),
    );
    Ok(Next::Go(if count > 0 { balance_next } else { balance_pair }))
}

fn balance_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(&way) = state.moves.get(state.at) else {
        cx.say("\n");
        return Ok(Next::Go(balance_pair));
    };
    if !state.options.simulate
        && let Err(why) = move_slot(cx, state, way, How::Quiet)?
    {
        cx.err(format!("*** clusterManagerMoveSlot: {why}\n"));
        return Ok(Next::End);
    }
    cx.say("#");
    state.at += 1;
    Ok(Next::Go(balance_next))
}
