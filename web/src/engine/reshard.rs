//! Moving slots from node to node while clients go on, as `redis-cli --cluster reshard` does it (`clusterManagerMoveSlot`,
//! redis-cli.c 7.0.15).
//!
//! Every step is a command that is typed into the terminal of the node that carries it out, so it can be read there, learned and
//! repeated; the next follows when the answer has come. For each slot:
//!
//! 1. the target imports it, then the source migrates it (SETSLOT IMPORTING, MIGRATING): from now on the source sends clients that
//!    ask for a key it has not to the target, with ASK;
//! 2. ten keys at a time go over (GETKEYSINSLOT, MIGRATE), until the source has none;
//! 3. the target, the source, then all other masters are told who owns it (SETSLOT NODE).
//!
//! Whatever goes wrong ends the move where it is, and what is said then is read from both nodes. Nothing is lost by it: a slot that is
//! half moved is served by both, and moving it again goes on where it was left.

use super::edit::Awaited;
use super::{CLUSTER_TAB, Engine, TAKEN_AWAY};
use crate::look::Sheet;
use crate::protocol::Answer;
use crate::words;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use vitrine_core::config::text::quote;
use vitrine_core::resp::Value;
use vitrine_core::sim::scenario::Whom;
use vitrine_core::sim::terminal::{COMMAND_TIMEOUT_US, TermLine};

/// How many keys go over at once: redis-cli's `--cluster-pipeline`.
const BATCH: &str = "10";
/// How long MIGRATE may take, in milliseconds: redis-cli's `--cluster-timeout`.
const MIGRATE_TIMEOUT_MS: &str = "60000";

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Import,
    Migrate,
    Keys,
    Send {
        keys: u64,
    },
    /// Who is told now is the first.
    Owner(VecDeque<String>),
}

/// A node as commands name it.
struct Party {
    name: String,
    id: String,
    ip: String,
    port: u16,
}

/// A move that is under way.
pub struct Reshard {
    /// Who asked.
    id: u32,
    target: Party,
    /// The slots that are left, with their owners.
    left: VecDeque<(u16, Rc<Party>)>,
    slots: usize,
    keys: u64,
    step: Step,
    waits: Option<Awaited>,
    /// What the node replied, or why there is no reply, in the terminal's words.
    answer: Option<Result<Value, String>>,
    stopped: bool,
}

impl Reshard {
    /// How far it is.
    pub fn sheet(&self) -> Sheet {
        let slot = self
            .left
            .front()
            .map_or_else(String::new, |(slot, from)| format!("slot {slot} of {}", from.name));
        let text = format!(
            "{} of {} moved to {}, {}; {slot}",
            self.slots - self.left.len(),
            words::count(self.slots, "slot", "slots"),
            self.target.name,
            words::count(self.keys as usize, "key", "keys")
        );
        Sheet { title: text, ..Sheet::default() }
    }

    /// A terminal printed something.
    pub fn hear(&mut self, terminal: u32, line: &TermLine) {
        if let Some(answer) = self.waits.as_mut().and_then(|waits| waits.hear(terminal, line)) {
            self.answer = Some(answer);
            self.waits = None;
        }
    }

    /// The node to type into, and the line.
    fn next(&self, password: Option<&[u8]>, keys: &[Value]) -> Option<(String, String)> {
        let (slot, source) = self.left.front()?;
        let target = &self.target;
        Some(match &self.step {
            Step::Import => (target.name.clone(), format!("CLUSTER SETSLOT {slot} IMPORTING {}", source.id)),
            Step::Migrate => (source.name.clone(), format!("CLUSTER SETSLOT {slot} MIGRATING {}", target.id)),
            Step::Keys => (source.name.clone(), format!("CLUSTER GETKEYSINSLOT {slot} {BATCH}")),
            Step::Send { .. } => {
                let auth = password.map_or_else(String::new, |p| format!(" AUTH {}", quote(p)));
                let mut line =
                    format!("MIGRATE {} {} \"\" 0 {MIGRATE_TIMEOUT_MS}{auth} KEYS", target.ip, target.port);
                for key in keys {
                    line.push(' ');
                    line.push_str(&quote(crate::look::bytes(key)));
                }
                (source.name.clone(), line)
            }
            Step::Owner(told) => {
                (told.front()?.clone(), format!("CLUSTER SETSLOT {slot} NODE {}", target.id))
            }
        })
    }
}

impl Engine {
    fn party(&self, name: &str) -> Result<Party, String> {
        let world = self.time.world();
        let index = world.node_index(name).ok_or_else(|| format!("There is no node {name}."))?;
        let view =
            world.node(name).and_then(|n| n.cluster_view()).ok_or_else(|| format!("{name} is not there."))?;
        let entry = &world.node_entries()[index as usize];
        Ok(Party { name: name.to_owned(), id: view.name, ip: entry.ip.clone(), port: entry.port })
    }

    /// Begins to move slots to a node; the answer comes when it is done.
    pub(super) fn reshard(&mut self, id: u32, to: &str, ranges: &[(u16, u16)]) {
        match self.plan(id, to, ranges) {
            Ok(plan) => {
                self.reshard = Some(plan);
                self.type_next(&[]);
            }
            Err(why) => self.answer(id, Err(why)),
        }
    }

    fn plan(&self, id: u32, to: &str, ranges: &[(u16, u16)]) -> Result<Reshard, String> {
        if self.reshard.is_some() {
            return Err("Slots are on their way already. Wait, or stop that move first.".into());
        }
        let target = self.party(to)?;
        let world = self.time.world();
        let view = world.node(to).and_then(|n| n.cluster_view()).ok_or("The target is not there.")?;
        let owners: Vec<_> = view.nodes.iter().filter(|n| !n.slots.is_empty()).collect();
        if view.nodes.iter().any(|n| n.myself && n.replica) {
            return Err(format!("{to} is a replica: slots belong to masters. Choose a master."));
        }
        let (mut left, mut known) = (VecDeque::new(), BTreeMap::new());
        for slot in ranges.iter().flat_map(|&(a, b)| a..=b) {
            let owns = |n: &&&vitrine_core::cluster::view::NodeView| {
                n.slots.iter().any(|&(a, b)| (a..=b).contains(&slot))
            };
            let owner = owners.iter().find(owns).ok_or_else(|| {
                format!("Slot {slot} has no owner, so there is nothing to move. CLUSTER ADDSLOTS {slot} gives it one.")
            })?;
            if owner.myself {
                continue;
            }
            let party = match known.get(&owner.name) {
                Some(party) => Rc::clone(party),
                None => {
                    let name =
                        world.node_of_id(&owner.name).and_then(|i| world.setup().nodes.get(i as usize));
                    let name = name.ok_or_else(|| format!("{to} does not know the owner of slot {slot}."))?;
                    let party = Rc::new(self.party(&name.name)?);
                    known.insert(owner.name.clone(), Rc::clone(&party));
                    party
                }
            };
            left.push_back((slot, party));
        }
        if left.is_empty() {
            return Err(format!("{to} owns all of these slots already."));
        }
        let slots = left.len();
        Ok(Reshard {
            id,
            target,
            left,
            slots,
            keys: 0,
            step: Step::Import,
            waits: None,
            answer: None,
            stopped: false,
        })
    }

    /// Stops behind the command that runs now.
    pub(super) fn stop_reshard(&mut self) {
        if let Some(moving) = &mut self.reshard {
            moving.stopped = true;
        }
    }

    /// The world is somewhere else: the move is over where it was.
    pub(super) fn forget_reshard(&mut self) {
        if let Some(moving) = self.reshard.take() {
            self.answer(moving.id, Err(TAKEN_AWAY.into()));
        }
    }

    fn type_next(&mut self, keys: &[Value]) {
        let Some(moving) = &self.reshard else { return };
        let password = self
            .time
            .world()
            .node(&moving.target.name)
            .and_then(|n| n.config().requirepass.as_deref().map(<[u8]>::to_vec));
        let Some((node, line)) = moving.next(password.as_deref(), keys) else { return };
        let typed = self.console.terminal(&mut self.time, Whom::Node(node)).and_then(|terminal| {
            if let Some(moving) = &mut self.reshard {
                moving.waits = Some(Awaited::new(terminal, &line));
            }
            self.time.type_line(terminal, &line)
        });
        match typed {
            Ok(_) => self.take_terminals(),
            Err(why) => self.end_reshard(Err(why)),
        }
    }

    fn end_reshard(&mut self, result: Result<String, String>) {
        let Some(moving) = self.reshard.take() else { return };
        let result = result.map_err(|why| match moving.left.front() {
            Some((slot, source)) => {
                format!("{why} {}", self.left_at(*slot, &source.name, &moving.target.name))
            }
            None => why,
        });
        let (Ok(text) | Err(text)) = &result;
        self.note(CLUSTER_TAB, text.clone());
        self.answer(moving.id, result.map(Answer::Said));
    }

    /// Where a slot was left on its way, and what can be done with it.
    fn left_at(&self, slot: u16, source: &str, target: &str) -> String {
        let view = |name: &str| self.time.world().node(name).and_then(|n| n.cluster_view());
        let (Some(from), Some(to)) = (view(source), view(target)) else {
            return format!(
                "Slot {slot} is where it was left, between {source} and {target}: start both, and move it to {target} again."
            );
        };
        let owns = |n: &vitrine_core::cluster::view::NodeView| {
            n.myself && n.slots.iter().any(|&(a, b)| (a..=b).contains(&slot))
        };
        if to.nodes.iter().any(owns) {
            return format!(
                "Slot {slot} is {target}'s already, and gossip tells the others. To go on, move the rest to {target}."
            );
        }
        let lets_go = from.migrating.iter().any(|m| m.0 == slot);
        let takes = to.importing.iter().any(|m| m.0 == slot);
        let (is, undo) = match (lets_go, takes) {
            (true, true) => {
                (format!("is where it was left, between {source} and {target}: both serve it"), "both")
            }
            (true, false) => {
                (format!("is on its way from {source} to {target}, but {target} does not import it"), source)
            }
            (false, true) => {
                (format!("is {source}'s as before, which alone serves it; {target} imports it"), target)
            }
            (false, false) => (format!("is {source}'s as before, which alone serves it"), ""),
        };
        let mut text = format!("Slot {slot} {is}. Nothing is lost. To go on, move it to {target} again.");
        if !undo.is_empty() {
            text += &format!(
                " To give it up before any of its keys went over, type CLUSTER SETSLOT {slot} STABLE on {undo}; `redis-cli --cluster fix` mends it too."
            );
        }
        text
    }

    /// Goes on with a move if the answer to its last command has come.
    pub(super) fn go_on_resharding(&mut self) {
        let world = self.time.world();
        let Some(moving) = &mut self.reshard else { return };
        let Some(answer) = moving.answer.take() else { return };
        let Some((slot, source)) = moving.left.front() else { return };
        let value = answer.as_ref().ok();
        if value.is_none_or(|value| value.as_error().is_some()) {
            let node = match &moving.step {
                Step::Import => &moving.target.name,
                Step::Owner(told) => told.front().unwrap_or(&source.name),
                _ => &source.name,
            };
            let why = match (value.and_then(Value::as_error), &answer) {
                (None, Err(said)) if said.contains("No answer") => format!(
                    "{node} did not answer within {} ms for slot {slot}, and may still do what it was told.",
                    COMMAND_TIMEOUT_US / 1000
                ),
                (None, Err(said)) => format!("{node} gave no answer for slot {slot} (`{said}`)."),
                (error, _) => format!(
                    "{node} answered `{}` for slot {slot}.",
                    String::from_utf8_lossy(error.unwrap_or_default())
                ),
            };
            return self.end_reshard(Err(why));
        }
        if moving.stopped {
            return self.end_reshard(Err("The move was stopped.".into()));
        }
        let mut keys = Vec::new();
        moving.step = match &mut moving.step {
            Step::Import => Step::Migrate,
            Step::Migrate => Step::Keys,
            Step::Keys => {
                keys = answer.map(crate::look::items).unwrap_or_default();
                if keys.is_empty() {
                    let others = world.setup().nodes.iter().map(|n| &n.name).filter(|n| {
                        let master = |v: vitrine_core::cluster::view::ClusterView| {
                            v.nodes.iter().any(|n| n.myself && !n.replica)
                        };
                        **n != source.name
                            && **n != moving.target.name
                            && world.node(n).and_then(|n| n.cluster_view()).is_some_and(master)
                    });
                    let first = [&moving.target.name, &source.name];
                    Step::Owner(first.into_iter().chain(others).cloned().collect())
                } else {
                    Step::Send { keys: keys.len() as u64 }
                }
            }
            Step::Send { keys } => {
                moving.keys += *keys;
                Step::Keys
            }
            Step::Owner(told) => {
                told.pop_front();
                if told.is_empty() {
                    moving.left.pop_front();
                    Step::Import
                } else {
                    Step::Owner(std::mem::take(told))
                }
            }
        };
        if moving.left.is_empty() {
            let said = format!(
                "{} with {} moved to {}.",
                words::count(moving.slots, "slot", "slots"),
                words::count(moving.keys as usize, "key", "keys"),
                moving.target.name
            );
            return self.end_reshard(Ok(said));
        }
        self.type_next(&keys);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::protocol::{Answer, FromWorker, ToWorker};
    use vitrine_core::cluster::view::ClusterView;

    fn pass(engine: &mut Engine, us: u64) -> Vec<FromWorker> {
        engine.handle(ToWorker::RunUntil { id: 0, until_us: us, relative: true });
        while engine.advance(&|| 0.0, 1.0) {}
        engine.release(u64::MAX);
        engine.take_out()
    }

    fn formed() -> Engine {
        let mut engine = Engine::new(3).unwrap();
        while engine.starting() {
            engine.advance(&|| 0.0, 1.0);
        }
        engine
    }

    fn views(engine: &Engine) -> Vec<(String, ClusterView)> {
        let nodes = engine.world().setup().nodes.iter();
        nodes.filter_map(|n| Some((n.name.clone(), engine.world().node(&n.name)?.cluster_view()?))).collect()
    }

    fn answered(messages: Vec<FromWorker>, wanted: u32) -> Option<Result<Answer, String>> {
        messages.into_iter().find_map(|m| match m {
            FromWorker::Answer { id, result } if id == wanted => Some(result),
            _ => None,
        })
    }

    #[test]
    fn slots_move_with_their_keys_while_a_client_writes() {
        let mut engine = formed();
        // {a} is slot 15495, of C1; more keys than two batches, one of them hostile to quotes.
        for i in 0..25 {
            engine.handle(ToWorker::Type { tab: 0, line: format!("SET \"{{a}}{i} \\\"\\x00\" {i}") });
        }
        pass(&mut engine, 1_000_000);
        engine.handle(ToWorker::Reshard { id: 5, to: "A1".into(), slots: vec![(15490, 15499)] });
        let mut done = None;
        for i in 0..400 {
            engine.handle(ToWorker::Type { tab: 0, line: format!("SET {{a}}during{i} x") });
            let messages = pass(&mut engine, 5_000);
            if let Some(result) = answered(messages, 5) {
                done = Some(result);
                break;
            }
        }
        let said = match done {
            Some(Ok(Answer::Said(said))) => said,
            other => panic!("{other:?}"),
        };
        assert!(said.starts_with("10\u{a0}slots with "), "{said}");
        pass(&mut engine, 2_000_000);
        let views = views(&engine);
        let id = &views.iter().find(|v| v.0 == "A1").unwrap().1.name;
        for (name, view) in &views {
            let owner = view.nodes.iter().find(|n| n.slots.iter().any(|&(a, b)| a <= 15490 && 15499 <= b));
            assert_eq!(owner.map(|n| &n.name), Some(id), "{name}");
            assert!(view.migrating.is_empty() && view.importing.is_empty(), "{name}");
        }
        let held = |name: &str| engine.world().node(name).unwrap().keys_in_slot(15495);
        assert_eq!(held("C1"), 0);
        assert!(held("A1") >= 26, "{}", held("A1"));
    }

    #[test]
    fn a_move_that_cannot_go_on_says_where_it_is() {
        let mut engine = formed();
        engine.handle(ToWorker::Reshard { id: 6, to: "A2".into(), slots: vec![(1, 1)] });
        assert!(answered(engine.take_out(), 6).unwrap().unwrap_err().contains("is a replica"));
        engine.handle(ToWorker::Reshard { id: 6, to: "A1".into(), slots: vec![(1, 1)] });
        assert!(answered(engine.take_out(), 6).unwrap().unwrap_err().contains("owns all"));
        // Stopped, it leaves the first slot between the two, and moving it again finishes.
        engine.handle(ToWorker::Reshard { id: 7, to: "B1".into(), slots: vec![(0, 9)] });
        engine.handle(ToWorker::StopReshard);
        let why = answered(pass(&mut engine, 1_000_000), 7).unwrap().unwrap_err();
        assert!(
            why.starts_with(
                "The move was stopped. Slot 0 is A1's as before, which alone serves it; B1 imports it."
            ),
            "{why}"
        );
        engine.handle(ToWorker::Reshard { id: 8, to: "B1".into(), slots: vec![(0, 9)] });
        let said = answered(pass(&mut engine, 3_000_000), 8).unwrap();
        assert_eq!(said, Ok(Answer::Said("10\u{a0}slots with 0\u{a0}keys moved to B1.".into())));
        // A source that lost power gives no answer.
        engine.handle(ToWorker::Line { id: 9, line: "crash C1".into() });
        engine.handle(ToWorker::Reshard { id: 10, to: "B1".into(), slots: vec![(16000, 16000)] });
        let why = answered(pass(&mut engine, 3_000_000), 10).unwrap().unwrap_err();
        assert!(why.contains("C1"), "{why}");
        // One that loses it on the way is waited for.
        engine.handle(ToWorker::Reshard { id: 11, to: "B1".into(), slots: vec![(100, 100)] });
        engine.handle(ToWorker::Line { id: 12, line: "crash A1".into() });
        let why = answered(pass(&mut engine, 3_000_000), 11).unwrap().unwrap_err();
        assert!(
            why.starts_with("A1 ")
                && why.contains("Slot 100 is where it was left, between A1 and B1: start both"),
            "{why}"
        );
    }

    #[test]
    fn what_is_said_of_a_slot_that_was_left_is_what_its_nodes_say() {
        let mut engine = formed();
        engine.handle(ToWorker::Line { id: 1, line: "pause B1 for 2s".into() });
        engine.handle(ToWorker::Reshard { id: 2, to: "B1".into(), slots: vec![(370, 370)] });
        let why = answered(pass(&mut engine, 1_500_000), 2).unwrap().unwrap_err();
        assert!(
            why.starts_with("B1 did not answer within 1000 ms for slot 370, and may still do what it was told. Slot 370 is A1's as before, which alone serves it. Nothing"),
            "{why}"
        );
        // It does, when it goes on; A1 knows of nothing.
        pass(&mut engine, 1_500_000);
        let moves = |engine: &Engine, name: &str| {
            let view = engine.world().node(name).unwrap().cluster_view().unwrap();
            (view.migrating.len(), view.importing.len())
        };
        assert_eq!((moves(&engine, "A1"), moves(&engine, "B1")), ((0, 0), (0, 1)));
        // The source is silent: the target has been told, the source does not know of it yet.
        engine.handle(ToWorker::Line { id: 3, line: "pause A1 for 2s".into() });
        engine.handle(ToWorker::Reshard { id: 4, to: "B1".into(), slots: vec![(370, 370)] });
        let why = answered(pass(&mut engine, 1_500_000), 4).unwrap().unwrap_err();
        assert!(
            why.starts_with("A1 did not answer within") && why.contains("B1 imports it. Nothing is lost."),
            "{why}"
        );
        // It did what it was told when it went on: now both know.
        pass(&mut engine, 1_500_000);
        assert_eq!((moves(&engine, "A1"), moves(&engine, "B1")), ((1, 0), (0, 1)));
        engine.handle(ToWorker::Reshard { id: 5, to: "B1".into(), slots: vec![(370, 370)] });
        engine.handle(ToWorker::StopReshard);
        let why = answered(pass(&mut engine, 1_000_000), 5).unwrap().unwrap_err();
        assert!(why.contains("Slot 370 is where it was left, between A1 and B1: both serve it."), "{why}");
    }
}
