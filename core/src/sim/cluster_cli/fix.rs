//! `fix`: open slots are closed, and slots without an owner get one (`clusterManagerFixOpenSlot`, `clusterManagerFixSlotsCoverage`).

use super::check::{self, covered};
use super::nodes::{Addr, SLOTS, SlotSet};
use super::run::{Cx, Failure, Go, Move, Next, Reply, State, Stop};
use super::shift::{How, move_slot, set_slot};
use crate::resp::Value;
use std::rc::Rc;

/// With masters out of reach a fix takes their slots away, so it has to be asked for.
fn is_dangerous(cx: &mut Cx<'_>, state: &State, what: &str) -> bool {
    let n = state.unreachable_masters;
    let dangerous = n > 0 && !state.options.fix_with_unreachable_masters;
    if dangerous {
        cx.err(format!(
            "*** Fixing {what} with {n} unreachable masters is dangerous: redis-cli will assume that slots about masters that are not \
             reachable are not covered, and will try to reassign them to the reachable nodes. This can cause data loss and is rarely \
             what you want to do. If you really want to proceed use the --cluster-fix-with-unreachable-masters option.\n"
        ));
    }
    dangerous
}

/// How many keys of a slot a node has; nothing if it does not say.
pub(super) fn count_keys(cx: &mut Cx<'_>, at: &Addr, slot: u16) -> Result<Option<i64>, Stop> {
    let reply = cx.ask_node(at, &format!("CLUSTER COUNTKEYSINSLOT {slot}"))?;
    Ok(cx.good(at, reply).and_then(|value| value.as_integer()))
}

/// Whether a command was done; an error is said.
fn done(cx: &mut Cx<'_>, state: &State, node: usize, line: &str) -> Result<bool, Stop> {
    let at = &state.nodes[node].at;
    let reply = cx.ask_node(at, line)?;
    Ok(cx.good(at, reply).is_some())
}

fn stable(cx: &mut Cx<'_>, state: &State, node: usize, slot: u16) -> Result<bool, Stop> {
    done(cx, state, node, &format!("CLUSTER SETSLOT {slot} STABLE"))
}

/// Puts a slot's state on a node; an error is said.
fn set(
    cx: &mut Cx<'_>,
    state: &State,
    on: usize,
    other: usize,
    slot: u16,
    status: &str,
) -> Result<bool, Stop> {
    Ok(match set_slot(cx, state, on, other, slot, status)? {
        Ok(()) => true,
        Err(why) => {
            cx.node_err(&state.nodes[on].at, &why);
            false
        }
    })
}

fn moved(cx: &mut Cx<'_>, state: &mut State, way: Move, how: How) -> Result<bool, Stop> {
    Ok(match move_slot(cx, state, way, how)? {
        Ok(()) => true,
        // What went wrong while keys moved was said already.
        Err(_) => false,
    })
}

/// `clusterManagerDelSlot` outside a transaction: a slot that nobody has counts as deleted.
fn del_slot(cx: &mut Cx<'_>, state: &State, node: usize, slot: u16) -> Result<bool, Stop> {
    let at = &state.nodes[node].at;
    let why = match cx.ask_node(at, &format!("CLUSTER DELSLOTS {slot}"))? {
        Ok(_) => return Ok(true),
        Err(Failure::Gone) => return Ok(false),
        Err(Failure::Error(why)) => why,
    };
    let ranges: Reply = cx.ask_node(at, "CLUSTER SLOTS")?;
    if let Ok(ranges) = ranges {
        let owned = ranges.as_array().unwrap_or_default().iter().any(|range| {
            let range = range.as_array().unwrap_or_default();
            let bound = |i: usize| range.get(i).and_then(Value::as_integer).unwrap_or(-1);
            (bound(0)..=bound(1)).contains(&i64::from(slot))
        });
        if !owned {
            return Ok(true);
        }
    }
    cx.node_err(at, &why);
    Ok(false)
}

/// `clusterManagerSetSlotOwner`: in one transaction, so that no heartbeat leaves with half of it.
fn set_owner(cx: &mut Cx<'_>, state: &State, owner: usize, slot: u16, clear: bool) -> Result<bool, Stop> {
    let at = &state.nodes[owner].at;
    if !done(cx, state, owner, "MULTI")? {
        return Ok(false);
    }
    let steps = [
        (true, format!("CLUSTER DELSLOTS {slot}")),
        (true, format!("CLUSTER ADDSLOTS {slot}")),
        (clear, format!("CLUSTER SETSLOT {slot} STABLE")),
        (true, "CLUSTER BUMPEPOCH".to_string()),
    ];
    for (_, line) in steps.iter().filter(|(wanted, _)| *wanted) {
        done(cx, state, owner, line)?;
    }
    let reply = cx.ask_node(at, "EXEC")?;
    let Some(replies) = cx.good(at, reply) else { return Ok(false) };
    // Only ADDSLOTS has to work: the slot may have had no owner, and the epoch may be the highest already.
    let added = replies.as_array().and_then(|r| r.get(1));
    if let Some(error) = added.and_then(Value::as_error) {
        cx.node_err(at, &String::from_utf8_lossy(error));
        return Ok(false);
    }
    Ok(added.is_some())
}

/// `clusterManagerGetNodeWithMostKeysInSlot`.
fn with_most_keys(cx: &mut Cx<'_>, state: &State, nodes: &[usize], slot: u16) -> Result<Option<usize>, Stop> {
    let (mut best, mut most) = (None, 0);
    for &i in nodes.iter().filter(|&&i| state.nodes[i].is_master()) {
        let Some(count) = count_keys(cx, &state.nodes[i].at, slot)? else { return Ok(None) };
        if best.is_none() || count > most {
            (best, most) = (Some(i), count);
        }
    }
    Ok(best)
}

/// The next of the open slots in `state.slots`.
pub(super) fn next_open_slot(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(&(slot, _)) = state.slots.get(state.at) else { return Ok(Next::Go(check::coverage)) };
    if is_dangerous(cx, state, "open slots") {
        return Err(Stop::Exit);
    }
    state.at += 1;
    state.ok = open_slot(cx, state, slot)?;
    Ok(Next::Go(if state.ok { next_open_slot } else { check::coverage }))
}

fn addresses(state: &State, nodes: &[usize]) -> String {
    nodes.iter().map(|&i| state.nodes[i].at.to_string()).collect::<Vec<_>>().join(",")
}

fn open_slot(cx: &mut Cx<'_>, state: &mut State, slot: u16) -> Result<bool, Stop> {
    cx.say(format!(">>> Fixing open slot {slot}\n"));
    let nodes = state.nodes.clone();
    let masters: Vec<usize> = (0..nodes.len()).filter(|&i| !nodes[i].slave).collect();
    // Whoever says it owns the slot, and whoever has keys of it.
    let mut owners = Vec::new();
    for &i in &masters {
        if nodes[i].slots.has(slot) {
            owners.push(i);
            continue;
        }
        let Some(count) = count_keys(cx, &nodes[i].at, slot)? else { return Ok(false) };
        if count > 0 {
            cx.say(format!("*** Found keys about slot {slot} in non-owner node {}!\n", nodes[i].at));
            owners.push(i);
        }
    }
    let mut owner = if let [one] = owners[..] { Some(one) } else { None };
    let (mut migrating, mut importing) = (Vec::new(), Vec::new());
    for &i in &masters {
        let is_in = |list: &[(u16, String)]| list.iter().any(|(s, _)| *s == slot);
        if is_in(&nodes[i].migrating) {
            migrating.push(i);
        } else if is_in(&nodes[i].importing) {
            importing.push(i);
        } else if owner != Some(i) {
            let Some(count) = count_keys(cx, &nodes[i].at, slot)? else { return Ok(false) };
            if count > 0 {
                cx.say(format!("*** Found keys about slot {slot} in node {}!\n", nodes[i].at));
                importing.push(i);
            }
        }
    }
    let (migrating_text, importing_text) = (addresses(state, &migrating), addresses(state, &importing));
    for (text, what) in [(&migrating_text, "migrating"), (&importing_text, "importing")] {
        if !text.is_empty() {
            cx.say(format!("Set as {what} in: {text}\n"));
        }
    }
    if owner.is_none() {
        cx.say(">>> No single clear owner for the slot, selecting an owner by # of keys...\n");
        let all: Vec<usize> = (0..nodes.len()).collect();
        let Some(chosen) = with_most_keys(cx, state, &all, slot)? else {
            cx.err("[ERR] Can't select a slot owner. Impossible to fix.\n");
            return Ok(false);
        };
        cx.say(format!("*** Configuring {} as the slot owner\n", nodes[chosen].at));
        if !stable(cx, state, chosen, slot)? || !set_owner(cx, state, chosen, slot, false)? {
            return Ok(false);
        }
        state.node_mut(chosen).slots.set(slot, true);
        migrating.retain(|&i| i != chosen);
        importing.retain(|&i| i != chosen);
        owner = Some(chosen);
    }
    let Some(owner) = owner else { return Ok(false) };
    // With several owners, all but one become importers, and one of the cases below has the rest.
    if owners.len() > 1 {
        for &i in owners.iter().filter(|&&i| i != owner) {
            if !del_slot(cx, state, i, slot)? {
                return Ok(false);
            }
            state.node_mut(i).slots.set(slot, false);
            if !set(cx, state, i, owner, slot, "node")? || !set(cx, state, i, owner, slot, "importing")? {
                return Ok(false);
            }
            importing.retain(|&n| n != i);
            importing.push(i);
            migrating.retain(|&n| n != i);
        }
    }
    match (&migrating[..], &importing[..]) {
        (&[source], &[target]) => {
            let (from, to) = (&nodes[source].at, &nodes[target].at);
            cx.say(format!(">>> Case 1: Moving slot {slot} from {from} to {to}\n"));
            moved(cx, state, Move { slot, source, target }, How::SaidAndNoted)
        }
        (&[], [_, ..]) => {
            cx.say(format!(">>> Case 2: Moving all the {slot} slot keys to its owner {}\n", nodes[owner].at));
            for &i in importing.iter().filter(|&&i| i != owner) {
                if !moved(cx, state, Move { slot, source: i, target: owner }, How::Cold)? {
                    return Ok(false);
                }
                cx.say(format!(">>> Setting {slot} as STABLE in {}\n", nodes[i].at));
                if !stable(cx, state, i, slot)? {
                    return Ok(false);
                }
            }
            for &i in masters.iter().filter(|&&i| i != owner) {
                if !set(cx, state, i, owner, slot, "NODE")? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (&[source], [_, _, ..]) => {
            case_of_many_importers(cx, state, slot, source, &importing).and_then(|fixed| {
                fixed.map_or_else(|| cannot(cx, state, &migrating_text, &importing_text, owner), Ok)
            })
        }
        (&[only], &[]) => {
            if owner != only {
                let at = &nodes[only].at;
                let reply = cx.ask_node(at, &format!("CLUSTER GETKEYSINSLOT {slot} 10"))?;
                let Some(keys) = cx.good(at, reply) else { return Ok(false) };
                if !keys.as_array().unwrap_or_default().is_empty() {
                    return cannot(cx, state, &migrating_text, &importing_text, owner);
                }
            }
            cx.say(format!(">>> Case 4: Closing slot {slot} on {}\n", nodes[only].at));
            stable(cx, state, only, slot)
        }
        _ => cannot(cx, state, &migrating_text, &importing_text, owner),
    }
}

fn cannot(
    cx: &mut Cx<'_>,
    state: &State,
    migrating: &str,
    importing: &str,
    owner: usize,
) -> Result<bool, Stop> {
    cx.err(format!(
        "[ERR] Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating in {migrating}, as importing in \
         {importing}, owner is {}\n",
        state.nodes[owner].at
    ));
    Ok(false)
}

/// One node gives the slot away, several say they take it, and none of them has keys. `None` if one has.
fn case_of_many_importers(
    cx: &mut Cx<'_>,
    state: &mut State,
    slot: u16,
    source: usize,
    importing: &[usize],
) -> Result<Option<bool>, Stop> {
    let nodes = state.nodes.clone();
    let target_id = nodes[source].migrating.iter().find(|(s, _)| *s == slot).map(|(_, id)| id.clone());
    let mut target = None;
    for &i in importing {
        if count_keys(cx, &nodes[i].at, slot)?.unwrap_or(-1) > 0 {
            return Ok(None);
        }
        if Some(&nodes[i].id) == target_id.as_ref() {
            target = Some(i);
        }
    }
    if let Some(target) = target {
        let (from, to) = (&nodes[source].at, &nodes[target].at);
        cx.say(format!(
            ">>> Case 3: Moving slot {slot} from {from} to {to} and closing it on all the other importing nodes.\n"
        ));
        if !moved(cx, state, Move { slot, source, target }, How::Said)? {
            return Ok(Some(false));
        }
    } else {
        cx.say(format!(">>> Case 3: Closing slot {slot} on both migrating and importing nodes.\n"));
        if !stable(cx, state, source, slot)? {
            return Ok(Some(false));
        }
    }
    for &i in importing.iter().filter(|&&i| Some(i) != target) {
        if !stable(cx, state, i, slot)? {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// `clusterManagerFixMultipleSlotOwners`.
pub(super) fn many_owners(
    cx: &mut Cx<'_>,
    state: &mut State,
    slot: u16,
    owners: &[usize],
) -> Result<bool, Stop> {
    cx.say(format!(">>> Fixing multiple owners for slot {slot}...\n"));
    let Some(owner) = with_most_keys(cx, state, owners, slot)?.or(owners.first().copied()) else {
        return Ok(false);
    };
    cx.say(format!(">>> Setting slot {slot} owner: {}\n", state.nodes[owner].at));
    if !set_owner(cx, state, owner, slot, false)? {
        return Ok(false);
    }
    for i in 0..state.nodes.len() {
        if i == owner || state.nodes[i].slave {
            continue;
        }
        let at = state.nodes[i].at.clone();
        let Some(count) = count_keys(cx, &at, slot)? else { return Ok(false) };
        del_slot(cx, state, i, slot)?;
        if !set(cx, state, i, owner, slot, "node")? {
            return Ok(false);
        }
        if count > 0 && !moved(cx, state, Move { slot, source: i, target: owner }, How::Cold)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Slots that nobody has: first, which nodes have keys of them.
pub(super) fn coverage(cx: &mut Cx<'_>, state: &mut State) -> Go {
    if is_dangerous(cx, state, "slots coverage") {
        return Err(Stop::Exit);
    }
    cx.say(">>> Fixing slots coverage...\n");
    let covered = covered(state);
    let open = (0..SLOTS).filter(|&slot| !covered.has(slot));
    (state.slots, state.at) = (Rc::new(open.map(|slot| (slot, Vec::new())).collect()), 0);
    Ok(Next::Go(find_keys))
}

fn find_keys(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some(&(slot, _)) = state.slots.get(state.at) else {
        (state.at, state.counter) = (0, 0);
        return Ok(Next::Go(cover_kind));
    };
    let nodes = state.nodes.clone();
    for (i, node) in nodes.iter().enumerate().filter(|(_, n)| n.is_master()) {
        let reply = cx.ask_node(&node.at, &format!("CLUSTER GETKEYSINSLOT {slot} 1"))?;
        let Some(keys) = cx.good(&node.at, reply) else { return Ok(Next::Go(check::many_owners)) };
        if !keys.as_array().unwrap_or_default().is_empty() {
            Rc::make_mut(&mut state.slots)[state.at].1.push(i);
        }
    }
    state.at += 1;
    Ok(Next::Go(find_keys))
}

/// The three kinds of slots, one after the other: with keys nowhere, on one node, on several. `state.counter` says which is next.
fn cover_kind(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let (title, question) = match state.counter {
        0 => (
            "The following uncovered slots have no keys across the cluster:",
            "Fix these slots by covering with a random node?",
        ),
        1 => (
            "The following uncovered slots have keys in just one node:",
            "Fix these slots by covering with those nodes?",
        ),
        2 => (
            "The following uncovered slots have keys in multiple nodes:",
            "Fix these slots by moving keys into a single node?",
        ),
        _ => return Ok(Next::Go(check::many_owners)),
    };
    let kind = state.counter as usize;
    let is_of_kind = |nodes: &[usize]| nodes.len().min(2) == kind;
    let slots: SlotSet = state.slots.iter().filter(|(_, n)| is_of_kind(n)).map(|(slot, _)| *slot).collect();
    state.counter += 1;
    state.at = 0;
    if slots.iter().next().is_none() {
        return Ok(Next::Go(cover_kind));
    }
    cx.say(format!("{title}\n{slots}\n"));
    // Every fix wants an explicit yes.
    let yes = cx.confirm(state, question, true)?;
    Ok(Next::Go(if yes { cover_next } else { cover_kind }))
}

fn cover_next(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let Some((slot, holders)) = state.slots.get(state.at).cloned() else { return Ok(Next::Go(cover_kind)) };
    state.at += 1;
    let kind = state.counter as usize - 1;
    if holders.len().min(2) != kind {
        return Ok(Next::Go(cover_next));
    }
    let masters: Vec<usize> = (0..state.nodes.len()).filter(|&i| !state.nodes[i].slave).collect();
    let owner = match holders[..] {
        [] if masters.is_empty() => None,
        [] => Some(masters[state.below(masters.len())]),
        [one] => Some(one),
        _ => with_most_keys(cx, state, &holders, slot)?,
    };
    let Some(owner) = owner else { return Ok(Next::Go(check::many_owners)) };
    let moving = if kind == 2 { "moving keys to" } else { "with" };
    cx.say(format!(">>> Covering slot {slot} {moving} {}\n", state.nodes[owner].at));
    if !set_owner(cx, state, owner, slot, kind == 2)? {
        return Ok(Next::Go(check::many_owners));
    }
    state.node_mut(owner).slots.set(slot, true);
    for &source in holders.iter().filter(|&&i| i != owner) {
        // The source is made to import, so that MIGRATE of its keys is not sent elsewhere.
        let way = Move { slot, source, target: owner };
        let fixed = set(cx, state, source, owner, slot, "NODE")?
            && set(cx, state, source, owner, slot, "IMPORTING")?
            && moved(cx, state, way, How::Cold)?
            && stable(cx, state, source, slot)?;
        if !fixed {
            return Ok(Next::Go(check::many_owners));
        }
    }
    state.ok = true;
    Ok(Next::Go(cover_next))
}
