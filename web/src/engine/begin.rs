//! How a world begins: from the text of a scenario, from a link to one, or from a dump.rdb; and what happens in it by itself afterwards.
//!
//! A scenario's head makes the world, and its lines are carried out while time passes, whoever else acts meanwhile. A world that was
//! opened *waits*: nothing happens in it before the visitor lets time go on. The head is kept as text beside the files in the browser's
//! storage, so that a reload knows what the files are of.

use super::{CLUSTER_TAB, Engine, Images};
use crate::protocol::{TermEntry, TermKind};
use crate::seeds::seed_text;
use crate::words;
use vitrine_core::sim::fault::Action;
use vitrine_core::sim::scenario::{
    Command, Condition, Outcome, PREFIX, Player, Scenario, Script, Step, Whom,
};
use vitrine_core::sim::setup::{NodeSetup, Setup};
use vitrine_core::sim::trace::Life;
use vitrine_core::sim::world::{Progress, World};

/// What stands before a scenario in the address of a link.
const IN_ADDRESS: &str = "#s=";
/// A script that carries out more lines than this between two looks does not show them.
const SHOWN_MAX: usize = 32;
/// The longest dump.rdb that is opened, in bytes.
const DUMP_LEN_MAX: usize = 256 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Beginning {
    /// The head of the scenario as text; empty for the usual six nodes.
    pub text: String,
    /// Whether somebody forms a cluster, so that the world is ready when all slots are served.
    pub formed: bool,
    /// What was opened, in a sentence; empty for a world that was not.
    pub opened: String,
    /// Why something that should have been opened was not.
    pub refused: String,
    /// Whether the scenario has lines: then nothing is done to the world but what they say.
    pub scripted: bool,
    /// Nothing happens yet.
    pub waiting: bool,
    script: Option<Script>,
    /// How many steps and failures have been shown.
    shown: (usize, usize),
    /// Terminals that the script opened by their number.
    pub replayed: Vec<(Whom, u32)>,
}

/// A scenario that came from somewhere, and what to say of it.
struct Opened {
    scenario: Scenario,
    text: String,
}

/// Reads a link (the whole address or what stands behind `#s=` in it) or the text of a scenario.
fn read(text: &str) -> Result<Opened, String> {
    let text = text.trim();
    let link = match text.split_once(IN_ADDRESS) {
        Some((_, link)) => Some(link),
        None => (!text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"')).then_some(text),
    };
    let Some(link) = link else {
        let scenario = Scenario::parse(text).map_err(|error| error.to_string())?;
        let other = scenario.engine.is_some_and(|hash| hash != vitrine_core::sim::scenario::engine_hash());
        let warning =
            if other { " Another version of the engine made it: it may run differently." } else { "" };
        return Ok(Opened { text: format!("{}{warning}", told("From a scenario", &scenario)), scenario });
    };
    let opened = Scenario::from_link(link).map_err(|error| error.to_string())?;
    let warning = match opened.warning {
        Some(_) => " Another version of the engine made it: it may run differently.",
        None => "",
    };
    Ok(Opened {
        text: format!("{}{warning}", told("From a link", &opened.scenario)),
        scenario: opened.scenario,
    })
}

/// A scenario, or what a link leads to, in a world of its own.
pub(super) fn player(text: &str) -> Result<Player, String> {
    read(text)?.scenario.play()
}

/// The trace hash, if everything was carried out and held.
pub(super) fn hash_of(outcome: Outcome) -> Result<String, String> {
    match outcome.refused.or(outcome.failures.into_iter().next()) {
        Some(remark) => Err(format!("`{}`: {}", remark.line, remark.why)),
        None => Ok(outcome.hash),
    }
}

/// `From a link: "A master fails", seed 00000007, 14 actions.`
fn told(from: &str, scenario: &Scenario) -> String {
    let acts = |step: &&Step| matches!(step.what, Command::Act(_) | Command::Say { .. });
    let actions = words::count(scenario.steps.iter().filter(acts).count(), "action", "actions");
    let title = if scenario.title.is_empty() { String::new() } else { format!("{}, ", scenario.title) };
    format!("{from}: {title}seed {}, {actions}.", seed_text(scenario.setup.seed))
}

/// The setup of a stored world: from its text, or the usual six nodes of a seed.
///
/// # Errors
/// The text is no scenario.
pub fn setup_of(text: &str, seed: u64) -> Result<Setup, String> {
    if text.is_empty() {
        return Ok(Setup::six_nodes(seed));
    }
    Scenario::parse(text).map(|scenario| scenario.setup).map_err(|error| error.to_string())
}

/// Whether every process has begun and none reads its files: what a world without a cluster is ready by.
fn settled(world: &World) -> bool {
    world.node_entries().iter().zip(world.nodes()).all(|(entry, node)| match entry.process {
        Life::Running => node.is_some_and(|node| !node.status().loading),
        _ => entry.starts > 0,
    })
}

impl Engine {
    /// The world of a scenario, from its text or a link to it; its lines happen as time passes. It waits for that if it should.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn open(text: &str, wait: bool) -> Result<Engine, String> {
        let Opened { scenario, text } = read(text)?;
        let world = World::new(scenario.setup.clone())?;
        let mut engine = Engine::with(world, scenario.setup.seed, false);
        let begin = &mut engine.begin;
        begin.text = Scenario { steps: Vec::new(), engine: None, ..scenario.clone() }.to_text();
        begin.formed = scenario.setup.formation.is_some();
        (begin.scripted, begin.opened) = (!scenario.steps.is_empty(), text);
        if begin.scripted {
            begin.script = Some(Script::new(&scenario));
        }
        begin.waiting = wait;
        engine.playing = !wait;
        Ok(engine)
    }

    /// A node that finds a dump.rdb on its disk, as after copying the file of a production server there. `wall_us` is what its clock shows,
    /// in microseconds since the Unix epoch, for what expires is kept in the file by the date.
    ///
    /// # Errors
    /// The file is too large, or no dump.
    pub fn open_dump(seed: u64, file: Vec<u8>, wall_us: u64) -> Result<Engine, String> {
        if !file.starts_with(b"REDIS") {
            return Err("This file is no dump.rdb: it does not begin with REDIS.".into());
        }
        if file.len() > DUMP_LEN_MAX {
            return Err(format!("A dump.rdb may have {} here.", words::bytes(DUMP_LEN_MAX as u64)));
        }
        let node = NodeSetup {
            name: "A1".into(),
            ip: "10.0.0.1".into(),
            conf: "port 6379\nappendonly no\ndbfilename dump.rdb\n".into(),
        };
        let setup = Setup { nodes: vec![node], formation: None, ..Setup::six_nodes(seed) };
        let len = words::bytes(file.len() as u64);
        let images = Images::from([("A1".into(), [("dump.rdb".into(), file)].into())]);
        let mut engine = Engine::restore_as(setup, 0, &images, wall_us, 0)?;
        engine.begin.opened = format!("From a dump.rdb of {len}.");
        Ok(engine)
    }

    /// The cluster that the files are of, as [`Engine::restore`], with what it was made of.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn restore_as(
        setup: Setup,
        runs: u64,
        images: &Images,
        wall_us: u64,
        start_us: u64,
    ) -> Result<Engine, String> {
        let (seed, formed) = (setup.seed, setup.formation.is_some());
        let usual = setup == Setup::six_nodes(seed);
        let text = if usual { String::new() } else { Scenario::new(setup.clone()).to_text() };
        // Another run must not repeat the random choices of the one before.
        let seed_here = seed ^ runs.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let setup = Setup { seed: seed_here, formation: None, start_us, ..setup };
        let world = World::restore(setup, images, wall_us)?;
        let mut engine = Engine::with(world, seed, true);
        engine.begin.text = text;
        engine.begin.formed = formed;
        engine.record();
        let now = engine.now_us();
        engine.lanes.formed(now);
        Ok(engine)
    }

    /// What was to be opened and could not be: the page says so.
    pub fn refuse(&mut self, why: String) {
        self.begin.refused = why;
    }

    /// The head of this world's scenario, to be kept with its files; empty for the usual six nodes.
    pub fn head(&self) -> &str {
        &self.begin.text
    }

    /// Whether nothing happens in this world before time is let go on.
    pub fn waiting(&self) -> bool {
        self.begin.waiting
    }

    /// The run so far as a scenario's text, or as a link to it.
    ///
    /// # Errors
    /// This run cannot be given away, or is too long for a link.
    pub(super) fn share(&self, link: bool) -> Result<String, String> {
        let world = self.time.world();
        if world.is_restored() {
            return Err("This cluster came back from the files that the browser keeps, so its seed alone does not give it again. \
                        Begin a new one, under Free play, and all that you do in it can be shared."
                .into());
        }
        let scenario = Scenario::of(world)?;
        if !link {
            return Ok(scenario.to_text());
        }
        let link = scenario.to_link().map_err(|error| error.to_string())?;
        Ok(format!("{IN_ADDRESS}{link}"))
    }

    /// Whether the world can be shown: the cluster serves, or what there is of nodes has read its files.
    pub(super) fn is_up(&mut self) -> bool {
        if !self.begin.formed {
            return settled(self.time.world());
        }
        let c = self.gatherer.cluster(self.time.world());
        let up = |n: &crate::model::Node| n.process != crate::model::Process::Up || n.cluster_ok;
        c.ok && c.slots_ok == crate::model::SLOTS && c.nodes.iter().all(up)
    }

    /// Lets time pass, up to an instant or a number of events, and lets the lines of the scenario happen.
    pub(super) fn pass(&mut self, until_us: u64, events_max: u64) -> Progress {
        let Some(script) = &mut self.begin.script else {
            return self.time.run_until_or_events(until_us, events_max);
        };
        let progress = script.go_on(&mut self.time, &mut self.console, until_us, events_max);
        self.tell();
        Progress { reached: progress.reached && self.now_us() >= until_us, ..progress }
    }

    /// Whether lines are still to come.
    pub(super) fn plays(&self) -> bool {
        self.begin.script.is_some()
    }

    /// Shows in the cluster's terminal which lines were carried out, what did not hold, and how it ended.
    fn tell(&mut self) {
        let Some(script) = &self.begin.script else { return };
        let entry = |kind, text: String| TermEntry { kind, text, tag: None, from: None };
        let mut entries = Vec::new();
        let (steps, failures) = self.begin.shown;
        let done = &script.steps()[steps.min(script.step())..script.step()];
        if done.len() <= SHOWN_MAX {
            let typed = |step: &&Step| match &step.what {
                // What is typed into a terminal is shown there.
                Command::Say { .. } | Command::Time(_) => false,
                Command::Act(Action::TypeLine { .. } | Action::OpenTerminal { .. }) => false,
                _ => true,
            };
            let shown = done.iter().filter(typed);
            entries.extend(shown.map(|step| entry(TermKind::Typed, format!("{PREFIX}\t{}", step.what))));
        }
        for failed in script.failures().iter().skip(failures) {
            entries.push(entry(TermKind::Error, format!("`{}` does not hold: {}", failed.line, failed.why)));
        }
        self.begin.shown = (script.step(), script.failures().len());
        if self.begin.replayed.len() < script.opened().len() {
            self.begin.replayed = script.opened().to_vec();
        }
        if script.is_over() {
            entries.push(match script.refused() {
                Some(refused) => {
                    let text = format!("The scenario ends here: `{}`: {}", refused.line, refused.why);
                    entry(TermKind::Error, text)
                }
                None => {
                    let text = match (script.held(), script.failures().len()) {
                        (0, 0) => "The scenario is over.".to_owned(),
                        (held, 0) => format!("The scenario is over. {} held.", expectations(held)),
                        (held, failed) => {
                            format!("The scenario is over. {} held, {failed} did not.", expectations(held))
                        }
                    };
                    entry(TermKind::Note, text)
                }
            });
            // Who recorded a run wants its end to be looked at.
            let recorded = matches!(script.steps().last(), Some(Step { what: Command::Expect(expect), .. })
                if matches!(expect.what, Condition::Hash { .. }));
            self.begin.script = None;
            if recorded {
                self.end_trek(Ok(String::new()));
                // Nor does a cluster form on that was still being formed.
                (self.playing, self.starting) = (false, false);
            }
        }
        if !entries.is_empty() {
            self.print(CLUSTER_TAB, entries);
        }
    }

    /// The world was taken elsewhere: the lines do not fit there.
    pub(super) fn drop_script(&mut self) {
        self.begin.replayed.clear();
        if self.begin.script.take().is_some() {
            self.note(CLUSTER_TAB, "The scenario ends here: time was taken elsewhere.".into());
        }
    }
}

fn expectations(n: usize) -> String {
    words::count(n, "expectation", "expectations")
}
