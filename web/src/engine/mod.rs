//! The worker's side of the page, without the browser: one world with its past, how fast its time goes, and what the page is told.
//!
//! The worker calls [`Engine::handle`] for every message, [`Engine::advance`] in slices of a few milliseconds, and
//! [`Engine::frame`] at most once per display frame. Replies that a visitor or a script waits for are *held*: they leave
//! through [`Engine::release`] once the bytes that they promise are committed in the browser's storage.

pub mod begin;
mod edit;
mod lines;
mod queue;
mod reshard;
mod travel;

use crate::acks::Acks;
use crate::gather::{Gatherer, crowd};
use crate::lanes::Lanes;
use crate::look::charts::Charts;
use crate::look::{Look, Seen, What};
use crate::model::{Boot, BootNode, Cluster, Detail, Frame, Kind, Message, NodeIndex, Phase, Time, Traffic};
use crate::protocol::{Answer, FromWorker, INTERRUPT, State, TermEntry, TermKind, ToWorker};
use crate::scripts::Scripts;
use crate::seeds::seed_text;
use begin::Beginning;
use litemap::LiteMap;
use std::collections::{BTreeMap, VecDeque};
use travel::{TAKEN_AWAY, Trek};
use vitrine_core::resp::Value;
use vitrine_core::sim::disk::DurableChange;
use vitrine_core::sim::fault::Action;
use vitrine_core::sim::scenario::{Console, PREFIX, Player, Whom};
use vitrine_core::sim::setup::Setup;
use vitrine_core::sim::terminal;
use vitrine_core::sim::timeline::Timeline;
use vitrine_core::sim::trace::{BusKind, Channel, TraceKind};
use vitrine_core::sim::world::World;

/// Files by node and path.
pub type Images = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// The tab of the terminal that follows redirects.
const CLUSTER_TAB: u16 = 0;
/// How many records of the trace are kept between two frames.
const RECORDS: usize = 1 << 14;
/// Up to this speed, what clients send and hear is drawn packet by packet.
const REQUESTS_UP_TO_SPEED: f64 = 0.1;
/// From this speed on, heartbeats become the weight of lines.
const TRAFFIC_FROM_SPEED: f64 = 10.0;
/// How many events happen between two looks at the clock, if nothing waits for each of them.
const EVENTS_PER_LOOK: u64 = 64;
/// Wall time that is made up for at the most, in milliseconds: after a longer gap (a sleeping laptop) time just goes on.
const CATCH_UP_MS: f64 = 100.0;
/// A cluster that is not ready after this is shown as it is, in virtual microseconds.
const READY_PATIENCE_US: u64 = 60_000_000;
/// While time goes on, the nodes are looked at again after this, in milliseconds: under load numbers change with every event, and
/// nobody reads them sixty times a second.
const LOOK_MS: f64 = 100.0;
/// The same of a crowd of nodes: it takes some milliseconds to look at.
const CROWD_LOOK_MS: f64 = 300.0;
/// Looking for readiness costs a view of all nodes: so often, in virtual microseconds.
const READY_EVERY_US: u64 = 50_000;
/// The same of a crowd.
const CROWD_READY_EVERY_US: u64 = 500_000;

/// What [`Engine::handle`] leaves to its caller.
pub enum Flow {
    /// Nothing.
    Done,
    /// The world is to be thrown away for a new one.
    Reset {
        /// The answer's id.
        id: u32,
        /// The new seed, if one was given.
        seed: Option<String>,
    },
    /// The world gives way to another.
    Begin {
        /// The answer's id.
        id: u32,
        /// The other.
        engine: Box<Engine>,
    },
}

/// See the module.
pub struct Engine {
    time: Timeline,
    seed: u64,
    restored: bool,
    gatherer: Gatherer,
    lanes: Lanes,
    playing: bool,
    speed: f64,
    /// Where virtual time should be, with fractions.
    target_us: f64,
    last_wall_ms: Option<f64>,
    starting: bool,
    looked_at_us: u64,
    /// Who types: the terminals of the tabs.
    console: Console,
    /// What each terminal's writes came to.
    acks: LiteMap<u16, Acks>,
    /// Whether the last reply in each tab acknowledged a write.
    wrote: LiteMap<u16, bool>,
    /// The tab that shows what all nodes' terminals print, since `each>` was typed there.
    each: Option<u16>,
    scripts: Scripts,
    /// Slots on their way, if the visitor moves some.
    reshard: Option<reshard::Reshard>,
    /// Commands of panes that wait for their replies, with who asked.
    edits: Vec<(u32, edit::Awaited)>,
    /// How the world began, and what is still to happen in it by itself.
    begin: Beginning,
    charts: Charts,
    /// Time that goes on as fast as it can, up to something.
    trek: Option<Trek>,
    /// See [`Engine::take_ended_way`].
    ended_way: bool,
    /// Who asked for the line that is being carried out.
    asking: Option<u32>,
    /// Lines that run one after the other.
    queues: queue::Queues,
    ready: Vec<u32>,
    jobs: VecDeque<(u32, Player)>,
    watch: Option<NodeIndex>,
    sent_cluster: Option<Cluster>,
    /// When the nodes were looked at last, in milliseconds, and at which instant: after how many events, and what was done until then
    /// ([`Engine::looks_again`]).
    seen: Option<(f64, u64, (usize, u64, bool))>,
    sent_detail: Option<Detail>,
    sent_clock: Option<(u64, (bool, bool), u64, Phase)>,
    sent_time: Option<Time>,
    /// Whether the page's tape begins anew with the next frame.
    tape_reset: bool,
    last_record: u64,
    changes: Vec<DurableChange>,
    recording: bool,
    held: VecDeque<(u64, FromWorker)>,
    out: Vec<FromWorker>,
}

impl Engine {
    /// A new cluster.
    ///
    /// # Errors
    /// The world cannot be made.
    pub fn new(seed: u64) -> Result<Engine, String> {
        let world = World::new(Setup::six_nodes(seed))?;
        let mut engine = Engine::with(world, seed, false);
        engine.begin.formed = true;
        Ok(engine)
    }

    /// The usual six nodes that the files are of, as after a loss of power; `wall_us` is what its clocks show now, and virtual time goes
    /// on at `start_us`, the instant of the cut.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn restore(
        seed: u64,
        runs: u64,
        images: &Images,
        wall_us: u64,
        start_us: u64,
    ) -> Result<Engine, String> {
        Engine::restore_as(Setup::six_nodes(seed), runs, images, wall_us, start_us)
    }

    fn with(world: World, seed: u64, restored: bool) -> Engine {
        let world_now = world.now_us();
        let mut time = Timeline::new(world);
        time.listen(RECORDS);
        time.keep_ledger(true);
        let world = time.world();
        let names = world.setup().nodes.iter().map(|n| n.name.clone()).collect();
        Engine {
            gatherer: Gatherer::new(world.setup()),
            lanes: Lanes::new(names),
            time,
            seed,
            restored,
            playing: true,
            speed: 1.0,
            target_us: world_now as f64,
            last_wall_ms: None,
            starting: true,
            looked_at_us: 0,
            console: Console::new(),
            acks: LiteMap::new(),
            wrote: LiteMap::new(),
            each: None,
            scripts: Scripts::default(),
            reshard: None,
            edits: Vec::new(),
            begin: Beginning::default(),
            charts: Charts::default(),
            trek: None,
            ended_way: false,
            asking: None,
            queues: queue::Queues::default(),
            ready: Vec::new(),
            jobs: VecDeque::new(),
            watch: None,
            sent_cluster: None,
            seen: None,
            sent_detail: None,
            sent_clock: None,
            sent_time: None,
            tape_reset: false,
            last_record: 0,
            changes: Vec::new(),
            recording: false,
            held: VecDeque::new(),
            out: Vec::new(),
        }
    }

    /// What the page is told first.
    pub fn boot(&self) -> Boot {
        let entries = self.time.world().node_entries();
        let setup = self.time.world().setup();
        let conf = |name: &str, text: &str| {
            let on_disk = self.time.world().read_file(name, vitrine_core::sim::setup::CONF_PATH);
            on_disk.map_or_else(|| text.to_owned(), |b| String::from_utf8_lossy(&b).into_owned())
        };
        let node = |(n, v): (&vitrine_core::sim::NodeSetup, &vitrine_core::sim::view::NodeEntry)| BootNode {
            name: n.name.clone(),
            addr: format!("{}:{}", v.ip, v.port),
            conf: conf(&n.name, &n.conf),
        };
        Boot {
            seed: seed_text(self.seed),
            restored: self.restored,
            opened: self.begin.opened.clone(),
            refused: self.begin.refused.clone(),
            start_us: setup.start_us,
            nodes: setup.nodes.iter().zip(&entries).map(node).collect(),
        }
    }

    /// The seed of the cluster (of its first run, if it was restored).
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Virtual time.
    pub fn now_us(&self) -> u64 {
        self.time.world().now_us()
    }

    /// What the clocks of the cluster show, in microseconds since the Unix epoch.
    pub fn wall_us(&self) -> u64 {
        self.time.world().setup().wall_us.saturating_add(self.time.world().now_us())
    }

    /// The world, to be read.
    pub fn world(&self) -> &World {
        self.time.world()
    }

    /// Whether the cluster is still being formed, or nodes read their files.
    pub fn starting(&self) -> bool {
        self.starting
    }

    /// Notes changes of what is durable from now on.
    pub fn record(&mut self) {
        self.time.record_durable_changes(true);
        self.recording = true;
        self.changes.clear();
    }

    /// Whether anything durable changed since the last [`Engine::take_changes`].
    pub fn has_changes(&mut self) -> bool {
        if self.recording {
            self.changes.extend(self.time.take_durable_changes());
        }
        !self.changes.is_empty()
    }

    /// What durably changed, up to now.
    pub fn take_changes(&mut self) -> Vec<DurableChange> {
        self.has_changes();
        std::mem::take(&mut self.changes)
    }

    /// Whether replies wait for a commit.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Lets the replies go that depend on nothing after this virtual instant.
    pub fn release(&mut self, committed_us: u64) {
        while self.held.front().is_some_and(|(at, _)| *at <= committed_us) {
            if let Some((_, message)) = self.held.pop_front() {
                self.out.push(message);
            }
        }
    }

    /// Messages for the page.
    pub fn take_out(&mut self) -> Vec<FromWorker> {
        std::mem::take(&mut self.out)
    }

    fn answer(&mut self, id: u32, result: Result<Answer, String>) {
        self.out.push(FromWorker::Answer { id, result });
    }

    fn hold(&mut self, message: FromWorker) {
        self.held.push_back((self.time.world().now_us(), message));
    }

    /// Takes in a message of the page.
    pub fn handle(&mut self, message: ToWorker) -> Flow {
        match message {
            // Starting over and the display's beat are the caller's affair.
            ToWorker::Start { .. } | ToWorker::Drawn => {}
            ToWorker::Playing { id, playing } => {
                self.play(playing);
                self.answer(id, Ok(Answer::Done));
            }
            ToWorker::StepOne { id } => {
                self.step();
                self.answer(id, Ok(Answer::Done));
            }
            ToWorker::Speed(times) => self.set_speed(times),
            ToWorker::SetSpeed { id, times } => {
                self.set_speed(times);
                self.answer(id, Ok(Answer::Done));
            }
            ToWorker::Type { tab, line } => {
                if let Err(why) = self.type_line(tab, &line) {
                    self.note(tab, why);
                }
            }
            ToWorker::Command { id, node, args } => {
                let name = node
                    .and_then(|n| self.time.world().setup().nodes.get(usize::from(n)))
                    .map(|n| n.name.clone());
                self.command(id, name, args);
            }
            ToWorker::Run { id, node, args } => self.command(id, node, args),
            ToWorker::Watch(node) => {
                self.watch = node;
                self.sent_detail = None;
            }
            ToWorker::RunUntil { id, until_us, relative } => {
                let from = if relative { self.now_us() } else { 0 };
                self.set_out(Trek::to(from.saturating_add(until_us)).answering(id));
            }
            ToWorker::Line { id, line } => {
                self.asking = Some(id);
                let result = self.lines(CLUSTER_TAB, &line, false);
                // Unless the line took it, to answer once it is carried out.
                if self.asking.take().is_some() {
                    self.answer(id, result.map(Answer::Said));
                }
            }
            ToWorker::Edit { id, line } => self.edit(id, &line),
            ToWorker::Quiet { id, line } => {
                let result = self.quiet_line(&line);
                self.answer(id, result.map(Answer::Said));
            }
            ToWorker::Complete { id, tab, line, cursor } => {
                let completion = self.complete(tab, &line, cursor);
                self.answer(id, Ok(Answer::Completion(completion)));
            }
            ToWorker::Risk { id, tab } => {
                let risk = self.risk(tab);
                self.answer(id, Ok(Answer::Said(risk)));
            }
            ToWorker::Look { id, look } => {
                let slots = matches!(look, Look::Pane { what: What::Slots, .. });
                let mut seen = crate::look::look(&self.time, &self.charts, look);
                if let (Ok(Seen::Sheets(sheets)), true, Some(moving)) = (&mut seen, slots, &self.reshard) {
                    sheets.push(moving.sheet());
                }
                self.answer(id, seen.map(|seen| Answer::Seen(Box::new(seen))));
            }
            ToWorker::Reshard { id, to, slots } => self.reshard(id, &to, &slots),
            ToWorker::StopReshard => self.stop_reshard(),
            ToWorker::TraceHash { id } => {
                let hash = format!("{:016x}", self.time.world().hash());
                self.answer(id, Ok(Answer::Hash(hash)));
            }
            ToWorker::Ready { id } => {
                self.ready.push(id);
                // At once: time may be held.
                self.look_for_ready();
            }
            ToWorker::Scenario { id, text } => match begin::player(&text) {
                Ok(player) => self.jobs.push_back((id, player)),
                Err(why) => self.answer(id, Err(why)),
            },
            ToWorker::State { id } => {
                let state = self.state();
                self.answer(id, Ok(Answer::State(Box::new(state))));
            }
            ToWorker::Ping(n) => self.out.push(FromWorker::Pong(n)),
            ToWorker::Panic => panic!("the page asked for it"),
            ToWorker::Reset { id, seed } => return Flow::Reset { id, seed },
            ToWorker::Open { id, text, dump, wall_us, wait } => {
                let engine = match dump {
                    Some(file) => Engine::open_dump(self.seed, file.into_vec(), wall_us.max(0.0) as u64),
                    None => Engine::open(&text, wait),
                };
                match engine {
                    Ok(engine) => return Flow::Begin { id, engine: Box::new(engine) },
                    Err(why) => self.answer(id, Err(why)),
                }
            }
            ToWorker::Share { id, link } => {
                let shared = self.share(link);
                self.answer(id, shared.map(Answer::Said));
            }
        }
        Flow::Done
    }

    fn play(&mut self, playing: bool) {
        let instead = if playing { "Time was set going instead." } else { "Time was held on the way." };
        self.end_trek(Err(instead.into()));
        if playing {
            self.begin.waiting = false;
        }
        self.playing = playing;
        self.target_us = self.time.world().now_us() as f64;
    }

    fn step(&mut self) {
        self.play(false);
        self.begin.waiting = false;
        if self.plays() {
            self.pass(u64::MAX, 1);
        } else {
            self.time.step();
        }
        self.after_events();
    }

    fn set_speed(&mut self, times: f64) {
        if times.is_finite() {
            self.speed = times.clamp(0.001, 1000.0);
            self.target_us = self.time.world().now_us() as f64;
        }
    }

    fn command(&mut self, id: u32, node: Option<String>, args: Vec<serde_bytes::ByteBuf>) {
        let args = args.into_iter().map(serde_bytes::ByteBuf::into_vec).collect();
        if let Err(why) = self.scripts.run(&mut self.time, id, node, args) {
            self.answer(id, Err(why));
        }
    }

    fn type_line(&mut self, tab: u16, line: &str) -> Result<(), String> {
        if line == INTERRUPT {
            self.interrupt(tab);
            return Ok(());
        }
        if line.trim_start().starts_with(PREFIX) || line.contains('\n') {
            return self.lines(tab, line, true).map(drop);
        }
        self.each.take_if(|each| *each == tab);
        let whom = match tab.checked_sub(1) {
            None => Whom::Cluster,
            Some(n) => {
                let node = self.time.world().setup().nodes.get(usize::from(n));
                Whom::Node(node.ok_or("There is no such node.")?.name.clone())
            }
        };
        let terminal = self.console.terminal(&mut self.time, whom)?;
        self.time.type_line(terminal, line)?;
        self.take_terminals();
        Ok(())
    }

    /// The tabs that have a terminal, with its number.
    fn terminals(&self) -> Vec<(u16, u32)> {
        let tab = |whom: &Whom| match whom {
            Whom::Node(name) => self.time.world().node_index(name).map(|n| n as u16 + 1),
            Whom::Cluster | Whom::Each => Some(CLUSTER_TAB),
        };
        let replayed = self.begin.replayed.iter().map(|(whom, terminal)| (whom, *terminal));
        let all = self.console.terminals().chain(replayed);
        all.filter_map(|(whom, terminal)| Some((tab(whom)?, terminal))).collect()
    }

    /// The terminal of a tab, by number, if it has one yet.
    fn terminal(&self, tab: u16) -> Option<u32> {
        self.terminals().into_iter().find(|(t, _)| *t == tab).map(|(_, terminal)| terminal)
    }

    /// Whether a reply is waited for in a tab.
    fn busy(&self, tab: u16) -> bool {
        self.terminal(tab).is_some_and(|terminal| self.time.world().terminal_busy(terminal))
    }

    /// A remark in a terminal.
    fn note(&mut self, tab: u16, text: String) {
        self.print(tab, vec![TermEntry { kind: TermKind::Note, text, tag: None, from: None }]);
    }

    /// Lines of the page itself in a terminal.
    fn print(&mut self, tab: u16, entries: Vec<TermEntry>) {
        let terminal = self.terminal(tab);
        let world = self.time.world();
        let prompt = terminal.map(|t| world.terminal_prompt(t)).unwrap_or_default().trim_end().to_owned();
        let busy = self.busy(tab);
        self.hold(FromWorker::Terminal { tab, entries, prompt, busy });
    }

    fn state(&mut self) -> State {
        State {
            now_us: self.time.world().now_us(),
            playing: self.playing,
            speed: self.speed,
            seed: seed_text(self.seed),
            steps: self.time.world().events(),
            cluster: self.gatherer.cluster(self.time.world()),
        }
    }

    /// How many events happen between two looks at the clock and at what came in. A script, and slots that move, wait for every single
    /// reply: one that came in the middle of a slice must not be seen at its end, where time may be held.
    fn events_per_look(&self) -> u64 {
        if self.reshard.is_some() || self.scripts.busy() { 1 } else { EVENTS_PER_LOOK }
    }

    /// Lets time go on for up to `budget_ms` of wall time. Gives whether there is more to do at once.
    pub fn advance(&mut self, clock_ms: &dyn Fn() -> f64, budget_ms: f64) -> bool {
        let start = clock_ms();
        let dt = self.last_wall_ms.map_or(0.0, |last| (start - last).clamp(0.0, CATCH_UP_MS));
        self.last_wall_ms = Some(start);
        let hurried = self.starting || self.trek.is_some();
        if self.playing && !hurried {
            self.target_us += dt * 1000.0 * self.speed;
            // A machine that cannot keep up falls behind for good, instead of more and more.
            let lead_max = CATCH_UP_MS * 1000.0 * self.speed;
            self.target_us = self.target_us.min(self.time.world().now_us() as f64 + lead_max);
        }
        let mut more = false;
        loop {
            let reached = if self.trek.is_some() {
                self.go_on()
            } else {
                let until = match () {
                    () if self.begin.waiting => break,
                    () if self.starting => u64::MAX,
                    () if self.playing => self.target_us as u64,
                    () => break,
                };
                self.pass(until, self.events_per_look()).reached
            };
            self.after_events();
            if reached {
                break;
            }
            if clock_ms() - start >= budget_ms {
                more = true;
                break;
            }
        }
        if let Some((id, player)) = self.jobs.front_mut() {
            let id = *id;
            while !player.go_on(EVENTS_PER_LOOK) && clock_ms() - start < 2.0 * budget_ms {}
            more = true;
            if player.is_over() {
                let hash = begin::hash_of(player.outcome());
                self.jobs.pop_front();
                self.answer(id, hash.map(Answer::Hash));
            }
        }
        more
    }

    /// What follows from events that happened: replies, and whether the cluster is ready.
    fn after_events(&mut self) {
        self.go_on_with_queues();
        self.charts.sample(&self.time);
        self.take_terminals();
        self.go_on_resharding();
        if self.scripts.busy() {
            let mut answers = Vec::new();
            self.scripts.poll(&mut self.time, &mut answers);
            for (id, result) in answers {
                self.hold(FromWorker::Answer { id, result: result.map(Answer::Reply) });
            }
        }
        let wanted = self.starting || !self.ready.is_empty();
        let many = crowd(self.time.world().setup().nodes.len());
        let every_us = if many { CROWD_READY_EVERY_US } else { READY_EVERY_US };
        if wanted && self.time.world().now_us() >= self.looked_at_us + every_us {
            self.looked_at_us = self.time.world().now_us();
            self.look_for_ready();
        }
    }

    fn look_for_ready(&mut self) {
        let now = self.time.world().now_us();
        let formation = self.time.world().formation();
        let forming = formation.as_ref().is_some_and(|f| f.done_at_us.is_none() && f.error.is_none());
        let is_ready = !forming && self.is_up();
        if is_ready {
            for id in std::mem::take(&mut self.ready) {
                self.answer(id, Ok(Answer::Time(now)));
            }
        }
        let patience_us = self.time.world().setup().start_us + READY_PATIENCE_US;
        if self.starting && (is_ready || now > patience_us) {
            self.starting = false;
            // Redis writes a new replica's role to nodes.conf without an fsync; the kernel would take half a minute. An operator
            // who has just formed a cluster runs `sync` on every host, so that a tab closed at once brings the replicas back.
            // In a scenario only what it says is done.
            let nodes = self.time.world().setup().nodes.iter().filter(|_| !self.begin.scripted);
            let names: Vec<String> = nodes.map(|n| n.name.clone()).collect();
            for node in names {
                let _ = self.time.act(Action::SyncDisk { node });
            }
            self.target_us = now as f64;
            self.lanes.formed(now);
            if let Some(why) = formation.and_then(|f| f.error) {
                self.note(0, format!("The cluster could not be formed: {why}"));
            }
        }
    }

    fn take_terminals(&mut self) {
        // What goes to the tab of `each>` as well, in virtual order.
        let mut merged: Vec<(u64, TermEntry)> = Vec::new();
        for (tab, terminal) in self.terminals() {
            let lines = self.time.take_terminal_output(terminal);
            if lines.is_empty() {
                continue;
            }
            let prompt = self.time.world().terminal_prompt(terminal).trim_end().to_owned();
            let busy = self.time.world().terminal_busy(terminal);
            lines.iter().for_each(|line| self.hear_edits(terminal, line));
            let acks = self.acks.entry(tab).or_default();
            for line in &lines {
                if let Some(moving) = &mut self.reshard {
                    moving.hear(terminal, line);
                }
                match (line.kind, &line.value) {
                    (terminal::TermKind::Input, _) => acks.typed(&line.text),
                    (terminal::TermKind::Reply | terminal::TermKind::Error, Some(reply)) => {
                        self.wrote.insert(tab, acks.replied(reply) > 0);
                    }
                    _ => {}
                }
            }
            if let Some(node) = tab.checked_sub(1).filter(|_| self.each.is_some_and(|each| each != tab)) {
                let name = &self.time.world().setup().nodes[usize::from(node)].name;
                for line in lines.iter().filter(|l| l.kind != terminal::TermKind::Input) {
                    let mut copy = entry(line.clone());
                    copy.text = format!("{name}> {}", copy.text);
                    merged.push((line.at_us, copy));
                }
            }
            let entries: Vec<TermEntry> = lines.into_iter().map(entry).collect();
            let echo = entries.iter().all(|e| e.kind == TermKind::Typed);
            let message = FromWorker::Terminal { tab, entries, prompt, busy };
            // What the visitor typed needs no storage; but it must not overtake a reply that is held.
            if echo && self.held.is_empty() {
                self.out.push(message);
            } else {
                self.held.push_back((self.time.world().now_us(), message));
            }
        }
        if let Some(tab) = self.each.filter(|_| !merged.is_empty()) {
            merged.sort_by_key(|(at_us, _)| *at_us);
            self.print(tab, merged.into_iter().map(|(_, entry)| entry).collect());
        }
    }

    fn phase(&self) -> Phase {
        if !self.starting {
            return Phase::Live;
        }
        if self.begin.waiting {
            return Phase::Starting { what: "Nothing has happened yet: Play begins it".to_owned() };
        }
        let what = match self.time.world().formation() {
            Some(f) => format!("Forming the cluster: {}", f.phase),
            None => "The nodes load their files and find each other".to_owned(),
        };
        Phase::Starting { what }
    }

    /// What changed since the last frame, if anything did.
    pub fn frame(&mut self) -> Option<Frame> {
        let now_us = self.time.world().now_us();
        let time = self.time_view();
        let cluster = self.looks_again(time.travels).then(|| self.gatherer.cluster(self.time.world()));
        let mut tape = Vec::new();
        let gatherer = &self.gatherer;
        let changes: Vec<_> = self.time.world().tape_after(self.lanes.after()).cloned().collect();
        for change in &changes {
            self.lanes.follow(change, |id| gatherer.by_id(id), &mut tape);
        }
        // Who is cut off is known of this instant alone; what happened before is not seen in its light.
        if let Some(cluster) = &cluster {
            self.lanes.cut_off(now_us, &cut_off(cluster), &mut tape);
            if cluster.is_outside() {
                self.lanes.roles(now_us, cluster.nodes.iter().map(|n| !n.master), &mut tape);
            }
        }
        let (messages, dropped, traffic) = self.messages();
        let going = self.trek.is_some();
        let clock = (now_us, (self.playing, going), self.speed.to_bits(), self.phase());
        let changed = cluster.filter(|cluster| self.sent_cluster.as_ref() != Some(cluster));
        let same_time = self.sent_time.as_ref() == Some(&time);
        if same_time
            && changed.is_none()
            && self.sent_clock.as_ref() == Some(&clock)
            && tape.is_empty()
            && messages.is_empty()
        {
            return None;
        }
        let frame = Frame {
            now_us,
            playing: self.playing,
            going,
            speed: self.speed,
            phase: clock.3.clone(),
            cluster: changed.clone(),
            messages,
            dropped,
            traffic,
            tape_reset: std::mem::take(&mut self.tape_reset),
            tape,
            time: (!same_time).then(|| time.clone()),
            steps: self.time.world().events(),
        };
        self.sent_clock = Some(clock);
        self.sent_time = Some(time);
        if changed.is_some() {
            self.sent_cluster = changed;
        }
        Some(frame)
    }

    /// Whether the nodes are to be looked at for this frame: now and then while time goes on, always while it is held, and at once when
    /// something was done (actions, travels, the end of the start). A crowd, which takes longest, waits for its turn while time goes on.
    fn looks_again(&mut self, travels: u64) -> bool {
        let world = self.time.world();
        let many = crowd(world.setup().nodes.len());
        let now_ms = self.last_wall_ms.unwrap_or(0.0);
        let (events, done) = (world.events(), (world.actions().len(), travels, self.starting));
        let due = self.sent_cluster.is_none()
            || self.seen.is_none_or(|(at_ms, then, was)| {
                let waited = now_ms - at_ms >= if many { CROWD_LOOK_MS } else { LOOK_MS };
                (then, was) != (events, done) && (waited || !self.playing || (!many && was != done))
            });
        if due {
            self.seen = Some((now_ms, events, done));
        }
        due
    }

    /// Packets since the last frame: of the bus, and while time is slow enough for it also those of clients.
    fn messages(&mut self) -> (Vec<Message>, Vec<u64>, Vec<Traffic>) {
        let nodes = self.time.world().setup().nodes.len() as u32;
        if crowd(nodes as usize) {
            // Nobody draws them: they are some thousands in each frame.
            self.last_record = self.time.world().trace().last_id();
            return Default::default();
        }
        let many = self.starting || self.trek.is_some() || self.speed >= TRAFFIC_FROM_SPEED;
        let single = !many && self.speed <= REQUESTS_UP_TO_SPEED;
        let (mut messages, mut dropped) = (Vec::new(), Vec::new());
        let mut pairs: LiteMap<(u32, u32), u32> = LiteMap::new();
        for record in self.time.world().trace().records_after(self.last_record) {
            self.last_record = record.id;
            match record.what {
                TraceKind::Sent { channel, bus, from, to, arrives_us, .. } => {
                    let kind = match (channel, bus) {
                        (Channel::Bus, Some(kind)) if from.max(to) < nodes => kind_of(kind),
                        (Channel::Resp, _) if single && to < nodes && from >= nodes => Kind::Request,
                        (Channel::Resp, _) if single && from < nodes && to >= nodes => Kind::Reply,
                        _ => continue,
                    };
                    if many && matches!(kind, Kind::Ping | Kind::Pong) {
                        *pairs.entry((from.min(to), from.max(to))).or_default() += 1;
                        continue;
                    }
                    messages.push(Message {
                        id: record.id,
                        kind,
                        from: from as NodeIndex,
                        to: to as NodeIndex,
                        sent_us: record.at_us,
                        arrive_us: arrives_us,
                        dropped: false,
                    });
                }
                TraceKind::Dropped { channel, .. } if channel == Channel::Bus || single => {
                    match messages.iter_mut().find(|m| m.id == record.cause) {
                        Some(message) => message.dropped = true,
                        None => dropped.push(record.cause),
                    }
                }
                _ => {}
            }
        }
        if self.starting {
            messages.retain(|m| m.kind != Kind::Meet);
        }
        let traffic = pairs.into_iter();
        let traffic =
            traffic.map(|((a, b), packets)| Traffic { a: a as NodeIndex, b: b as NodeIndex, packets });
        (messages, dropped, traffic.collect())
    }

    /// What the inspector looks at, if it changed.
    pub fn detail(&mut self) -> Option<Detail> {
        let detail = self.gatherer.detail(self.time.world(), self.watch?)?;
        if self.sent_detail.as_ref() == Some(&detail) {
            return None;
        }
        self.sent_detail = Some(detail.clone());
        Some(detail)
    }
}

/// Masters behind a wall that reach fewer than half of the masters.
fn cut_off(c: &Cluster) -> Vec<bool> {
    let masters = |g: &[NodeIndex]| g.iter().filter(|&&n| c.nodes[usize::from(n)].master).count();
    let all = c.nodes.iter().filter(|n| n.master).count();
    (0..c.nodes.len())
        .map(|i| {
            let group = c.groups.iter().find(|g| g.contains(&(i as NodeIndex)));
            c.nodes[i].master && (group.is_some_and(|g| masters(g) * 2 <= all) || c.nodes[i].isolated)
        })
        .collect()
}

fn kind_of(kind: BusKind) -> Kind {
    match kind {
        BusKind::Ping => Kind::Ping,
        BusKind::Pong => Kind::Pong,
        BusKind::Meet => Kind::Meet,
        BusKind::Fail => Kind::Fail,
        BusKind::AuthRequest => Kind::AuthRequest,
        BusKind::AuthAck => Kind::AuthAck,
        BusKind::Update => Kind::Update,
        _ => Kind::Other,
    }
}

fn entry(line: terminal::TermLine) -> TermEntry {
    let from = line.from;
    let kind = match line.kind {
        terminal::TermKind::Input => TermKind::Typed,
        terminal::TermKind::Reply | terminal::TermKind::Push => TermKind::Reply,
        terminal::TermKind::Error => TermKind::Error,
        terminal::TermKind::Redirect => TermKind::Redirect,
        terminal::TermKind::Info => TermKind::Note,
    };
    let text = match kind {
        // The prompt is parted from the command by a tab character.
        TermKind::Typed => format!("{}\t{}", line.prompt.as_deref().unwrap_or("").trim_end(), line.text),
        _ => line.text,
    };
    let tag = matches!(line.value, Some(Value::Status(_))).then(|| "status".to_owned());
    TermEntry { kind, text, tag, from }
}

/// A seed for a new cluster out of random bytes: short, so that it can be read out.
pub fn fresh_seed(bytes: [u8; 4]) -> u64 {
    u64::from(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests;
