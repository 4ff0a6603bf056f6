//! The component that owns everything the page knows, and the one place where it changes.

use crate::page::api;
use crate::page::link::{self, Incoming, Link};
use crate::page::shared::Shared;
use crate::page::tape::Tape;
use crate::page::ui::{self, Act, Armed, MenuTarget, Pane, Panel, frame, topbar};
use litemap::LiteMap;
use std::rc::Rc;
use vitrine_web::faults::{self, On, ROWS, Subject};
use vitrine_web::gather::crowd;
use vitrine_web::geometry::Layout;
use vitrine_web::marks::{Mark, Marks};
use vitrine_web::model::{
    Boot, Cluster, Detail, Frame, NodeIndex, Phase, SLOTS, TapeItem, TapeMark, Time, Traffic,
};
use vitrine_web::protocol::{Answer, FromWorker, Storage, TermEntry, ToWorker};
use vitrine_web::trip::{self, Trip};
use vitrine_web::words;
use wasm_bindgen::prelude::*;
use yew::prelude::*;

/// How often the worker is asked whether it is there.
const PING_EVERY_MS: i32 = 1000;
/// After how many unanswered pings the page says so.
const PINGS_MISSED_MAX: u32 = 5;
/// The most lines that a terminal tab keeps.
const TERM_LINES_MAX: usize = 2000;
/// The most lines of a tab's history, and how many bytes of it this browser keeps.
const HISTORY_LINES_MAX: usize = 500;
const HISTORY_BYTES_KEPT: usize = 32 << 10;
/// The entry in the browser's performance timeline for the first moment at which the cluster served all slots.
const READY_MARK: &str = "vitrine.ready";
/// How long the way of an answered command stays on the stage, in milliseconds.
const TRIP_SHOWN_MS: f64 = 12_000.0;
/// How often panels look again, in milliseconds.
const BEAT_MS: f64 = 200.0;
/// How often the tape's head moves while time goes on, in milliseconds.
const TAPE_MS: f64 = 48.0;
/// By how many beats the count goes on with a frame of held time: no panel passes over as many, and there may be no next frame that
/// would show what was done.
const HELD_BEATS: u64 = 8;
/// At most one spoken sentence in this time, in milliseconds.
const SPEAK_EVERY_MS: f64 = 2000.0;

pub enum Msg {
    Worker(Incoming),
    Act(Act),
    /// A question that wants an answer: what to send once it has an id, and who waits.
    Ask(ui::Make, ui::Done),
    /// The watchdog's tick.
    Tick,
    Key(web_sys::KeyboardEvent),
    /// The display is about to show what was drawn, at this instant on the page's clock.
    Drawn(f64),
}

/// One tab of the terminal.
#[derive(Clone, Default)]
pub struct TermTab {
    pub entries: Rc<Vec<TermEntry>>,
    pub prompt: String,
    pub busy: bool,
    /// What was typed here, kept over a reload.
    pub history: Rc<Vec<String>>,
    /// Whether anything was typed since the page was opened.
    pub typed: bool,
}

impl TermTab {
    /// A tab with the history that this browser remembers of it.
    fn remembered(tab: u16) -> TermTab {
        let lines = link::remembered(&format!("history-{tab}")).unwrap_or_default();
        let history = lines.lines().map(str::to_owned).collect::<Vec<_>>();
        TermTab { history: Rc::new(history), ..TermTab::default() }
    }

    /// Adds a line to the history, but no password (`isSensitiveCommand`, redis-cli.c 7.0.15).
    fn remember(&mut self, tab: u16, line: &str) {
        let lower = line.trim().to_ascii_lowercase();
        let secret = ["auth ", "requirepass", "masterauth"].iter().any(|word| lower.contains(word));
        if lower.is_empty() || secret || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        let history = Rc::make_mut(&mut self.history);
        history.push(line.to_owned());
        let surplus = history.len().saturating_sub(HISTORY_LINES_MAX);
        history.drain(..surplus);
        let mut kept = 0;
        let fits = |line: &&String| {
            kept += line.len() + 1;
            kept <= HISTORY_BYTES_KEPT
        };
        let mut lines: Vec<&str> = history.iter().rev().take_while(fits).map(String::as_str).collect();
        lines.reverse();
        link::remember(&format!("history-{tab}"), &lines.join("\n"));
    }
}

/// Everything that the page knows and the visitor chose.
pub struct App {
    link: Option<Link>,
    act: Callback<Act>,
    pub(crate) boot: Option<Shared<Boot>>,
    pub(crate) cluster: Shared<Cluster>,
    /// The cluster as it was when more than numbers changed last: for what shows none, so that it is not drawn anew with every frame.
    pub(crate) roster: Shared<Cluster>,
    pub(crate) layout: Shared<Layout>,
    pub(crate) now_us: u64,
    /// The instant that the tape shows: a few times a second while time goes on, for its head moves by less than a point in a frame.
    pub(crate) tape_us: u64,
    tape_at_ms: f64,
    pub(crate) playing: bool,
    /// Whether time is on its way to something.
    pub(crate) going: bool,
    pub(crate) speed: f64,
    pub(crate) phase: Phase,
    pub(crate) tape: Shared<Tape>,
    /// The runs, and where the world is in them.
    pub(crate) time: Shared<Time>,
    /// What is after the present instant on the tape, while the world is in the past of its run.
    pub(crate) future: Option<Shared<Tape>>,
    /// Counts while frames come, a few times a second: what panels ask again by.
    pub(crate) beat: u64,
    beat_at_ms: f64,
    pub(crate) traffic: Shared<Vec<Traffic>>,
    marks: Marks,
    pub(crate) mark_list: Shared<Vec<Mark>>,
    pub(crate) term: LiteMap<u16, TermTab>,
    /// Where the last command of the cluster's terminal went, for a while.
    pub(crate) trip: Option<Trip>,
    trip_at_ms: f64,
    pub(crate) term_tab: u16,
    pub(crate) detail: Option<Shared<Detail>>,
    pub(crate) selected: Option<NodeIndex>,
    pub(crate) pane: Pane,
    pub(crate) panel: Panel,
    pub(crate) menu: Option<(MenuTarget, i32, i32)>,
    /// What is asked why.
    pub(crate) why: Option<ui::why::About>,
    /// Whether runs are compared.
    pub(crate) compare: bool,
    pub(crate) slots: bool,
    pub(crate) dialog: Option<ui::Sheet>,
    pub(crate) tray: Option<ui::ledger::Tab>,
    /// Whether the address may still hold the link that this world came from.
    linked: bool,
    /// Nodes that are lit on the stage.
    pub(crate) lit: Shared<Vec<NodeIndex>>,
    pub(crate) armed: Option<Armed>,
    pub(crate) heat: bool,
    pub(crate) folded: bool,
    /// In a narrow window the card lies over the stage once it was asked for.
    pub(crate) over: bool,
    pub(crate) storage: Option<Storage>,
    pub(crate) stopped: Option<String>,
    pub(crate) silent: bool,
    pub(crate) notice: Option<String>,
    pub(crate) spoken: String,
    pub(crate) still: bool,
    pub(crate) shortcuts: bool,
    spoken_at_ms: f64,
    /// When the display was refreshed last, whether the next refresh is waited for, and at which one the last frame came: packets
    /// move by refreshes, for frames come a little sooner or later between two of them.
    drawn_ms: f64,
    drawing: bool,
    last_frame_ms: f64,
    pings: u32,
    pings_missed: u32,
    start_fresh: bool,
    /// Whether the cluster served all slots once since the page was opened.
    was_ready: bool,
    /// Whether the worker has said that it listens.
    greeted: bool,
    early: Vec<ToWorker>,
    next_id: u32,
    waiting: LiteMap<u32, ui::Done>,
    _tick: Closure<dyn FnMut()>,
    _keys: Closure<dyn FnMut(web_sys::KeyboardEvent)>,
    on_drawn: Closure<dyn FnMut(f64)>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> App {
        let scope = ctx.link().clone();
        let tick = {
            let scope = scope.clone();
            Closure::<dyn FnMut()>::new(move || scope.send_message(Msg::Tick))
        };
        let _ = link::window().set_interval_with_callback_and_timeout_and_arguments_0(
            tick.as_ref().unchecked_ref(),
            PING_EVERY_MS,
        );
        let keys = {
            let scope = scope.clone();
            Closure::<dyn FnMut(web_sys::KeyboardEvent)>::new(move |e| scope.send_message(Msg::Key(e)))
        };
        let _ = link::window().add_event_listener_with_callback("keydown", keys.as_ref().unchecked_ref());
        let on_drawn = {
            let scope = scope.clone();
            Closure::<dyn FnMut(f64)>::new(move |at_ms| scope.send_message(Msg::Drawn(at_ms)))
        };
        api::install({
            let scope = scope.clone();
            move |make, done| scope.send_message(Msg::Ask(make, done))
        });
        let mut app = App {
            link: None,
            act: ctx.link().callback(Msg::Act),
            boot: None,
            cluster: Shared::default(),
            roster: Shared::default(),
            layout: Shared::new(Layout::of(&Cluster::default())),
            now_us: 0,
            tape_us: 0,
            tape_at_ms: 0.0,
            playing: true,
            going: false,
            speed: 1.0,
            phase: Phase::Starting { what: "The engine loads".into() },
            tape: Shared::default(),
            time: Shared::default(),
            future: None,
            beat: 0,
            beat_at_ms: 0.0,
            traffic: Shared::default(),
            marks: Marks::default(),
            mark_list: Shared::default(),
            term: LiteMap::new(),
            trip: None,
            trip_at_ms: 0.0,
            term_tab: 0,
            detail: None,
            selected: None,
            pane: Pane::Log,
            panel: Panel::Lesson,
            menu: None,
            why: None,
            compare: false,
            slots: false,
            dialog: None,
            tray: None,
            linked: false,
            lit: Shared::default(),
            armed: None,
            heat: false,
            folded: link::remembered("lesson").as_deref() == Some("folded"),
            over: false,
            storage: None,
            stopped: None,
            silent: false,
            notice: None,
            spoken: String::new(),
            still: link::media("(prefers-reduced-motion: reduce)"),
            shortcuts: link::remembered("shortcuts").as_deref() != Some("off"),
            spoken_at_ms: 0.0,
            drawn_ms: 0.0,
            drawing: false,
            last_frame_ms: 0.0,
            pings: 0,
            pings_missed: 0,
            start_fresh: false,
            was_ready: false,
            greeted: false,
            early: Vec::new(),
            next_id: 1,
            waiting: LiteMap::new(),
            _tick: tick,
            _keys: keys,
            on_drawn,
        };
        ui::share::follow_address(app.act.clone());
        app.start_worker(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Worker(Incoming::Message(message)) => self.hear(*message),
            Msg::Worker(Incoming::Died(cause)) => self.stop(cause),
            Msg::Act(act) => self.act(ctx, act),
            Msg::Ask(make, done) => {
                self.ask(make, done);
                false
            }
            Msg::Tick => self.tick(),
            Msg::Key(event) => match self.shortcut(&event) {
                Some(act) => {
                    event.prevent_default();
                    self.act(ctx, act)
                }
                None => false,
            },
            Msg::Drawn(at_ms) => {
                self.drawing = false;
                self.drawn_ms = at_ms;
                self.send(&ToWorker::Drawn);
                false
            }
        }
    }

    fn view(&self, _ctx: &Context<Self>) -> Html {
        frame::view(self, &self.act)
    }
}

impl App {
    fn start_worker(&mut self, ctx: &Context<Self>) {
        let scope = ctx.link().clone();
        self.link = None;
        self.greeted = false;
        self.early.clear();
        self.stopped = None;
        self.silent = false;
        self.pings_missed = 0;
        match Link::start(move |incoming| scope.send_message(Msg::Worker(incoming))) {
            Ok(link) => self.link = Some(link),
            Err(cause) => {
                self.stop(cause);
            }
        }
    }

    /// Sends a message; one that comes before the worker listens waits for that.
    fn send(&mut self, message: &ToWorker) {
        match &self.link {
            Some(link) if self.greeted => link.send(message),
            _ => self.early.push(message.clone()),
        }
    }

    fn ask(
        &mut self,
        make: impl FnOnce(u32) -> ToWorker,
        done: impl FnOnce(Result<Answer, String>) + 'static,
    ) {
        let id = self.next_id;
        self.next_id += 1;
        if self.link.is_none() || self.stopped.is_some() {
            done(Err("The engine stopped.".into()));
            return;
        }
        self.waiting.insert(id, Box::new(done));
        self.send(&make(id));
    }

    /// The engine cannot go on: say why, and answer everybody who waits.
    fn stop(&mut self, cause: String) -> bool {
        // The first cause is the real one: the trap that follows a panic has less to say.
        if self.stopped.is_none() {
            self.stopped = Some(cause.clone());
        }
        (self.playing, self.going) = (false, false);
        for (_, done) in std::mem::take(&mut self.waiting) {
            done(Err(format!("The engine stopped: {cause}")));
        }
        true
    }

    fn hear(&mut self, message: FromWorker) -> bool {
        match message {
            FromWorker::Hello => {
                let fresh = std::mem::take(&mut self.start_fresh);
                self.greeted = true;
                self.send(&ToWorker::Start { seed: None, fresh, open: ui::share::in_address() });
                for message in std::mem::take(&mut self.early) {
                    self.send(&message);
                }
                false
            }
            FromWorker::Waiting(what) => {
                self.phase = Phase::Starting { what };
                true
            }
            FromWorker::Boot(boot) => {
                self.tape = Shared::new(Tape::new(boot.nodes.len(), boot.start_us));
                self.time = Shared::default();
                self.future = None;
                self.why = None;
                self.beat += 1;
                (self.now_us, self.tape_us) = (boot.start_us, boot.start_us);
                self.marks.clear();
                self.mark_list = Shared::default();
                self.detail = None;
                self.term =
                    (0..=boot.nodes.len() as u16).map(|tab| (tab, TermTab::remembered(tab))).collect();
                self.trip = None;
                self.selected = self.selected.filter(|&n| usize::from(n) < boot.nodes.len());
                self.lit = Shared::default();
                self.linked = true;
                if !boot.refused.is_empty() {
                    self.notice = Some(boot.refused.clone());
                }
                self.boot = Some(Shared::new(*boot));
                self.send(&ToWorker::Watch(self.selected));
                true
            }
            FromWorker::Frame(frame) => {
                self.take_frame(*frame);
                if !self.drawing {
                    let on_drawn = self.on_drawn.as_ref().unchecked_ref();
                    self.drawing = link::window().request_animation_frame(on_drawn).is_ok();
                }
                true
            }
            FromWorker::Terminal { tab, entries, prompt, busy } => {
                if tab == 0 {
                    trip::follow(&mut self.trip, &entries);
                    self.trip_at_ms = link::wall_ms();
                }
                let tab = self.term.entry(tab).or_default();
                let lines = Rc::make_mut(&mut tab.entries);
                lines.extend(entries);
                if lines.len() > TERM_LINES_MAX {
                    let surplus = lines.len() - TERM_LINES_MAX;
                    lines.drain(..surplus);
                }
                tab.prompt = prompt;
                tab.busy = busy;
                true
            }
            FromWorker::Detail(detail) => {
                self.detail = Some(Shared::new(*detail));
                true
            }
            FromWorker::Answer { id, result } => {
                if let Some(done) = self.waiting.remove(&id) {
                    done(result);
                }
                false
            }
            FromWorker::Storage(storage) => {
                self.notice = storage_notice(&storage).or(self.notice.take());
                self.storage = Some(storage);
                true
            }
            FromWorker::Fatal { cause } => self.stop(cause),
            FromWorker::Pong(_) => {
                let spoke_up = self.silent;
                self.pings_missed = 0;
                self.silent = false;
                spoke_up
            }
        }
    }

    /// How far before the end of its run the world is, in virtual microseconds; `None` at the end.
    pub(crate) fn back_us(&self) -> Option<u64> {
        self.time.end_us.map(|end| end.saturating_sub(self.now_us))
    }

    pub(crate) fn take_frame(&mut self, frame: Frame) {
        let wall = link::wall_ms();
        let dt = self.drawn_ms - self.last_frame_ms;
        self.last_frame_ms = self.drawn_ms;
        let moved = frame.now_us != self.now_us;
        self.now_us = frame.now_us;
        (self.playing, self.going) = (frame.playing, frame.going);
        self.speed = frame.speed;
        self.phase = frame.phase.clone();
        if frame.steps > 0 && std::mem::take(&mut self.linked) {
            ui::share::forget_address();
        }
        if !frame.playing || frame.tape_reset || wall - self.tape_at_ms >= TAPE_MS {
            (self.tape_us, self.tape_at_ms) = (frame.now_us, wall);
        }
        self.marks.advance(&frame, moved, dt);
        if let Some(cluster) = frame.cluster {
            if !crowd(cluster.nodes.len()) {
                let layout = Layout::of(&cluster);
                if *self.layout != layout {
                    self.layout = Shared::new(layout);
                }
            }
            self.cluster = Shared::new(cluster);
            if self.roster.is_otherwise(&self.cluster) {
                self.roster = self.cluster.clone();
            }
        }
        if !self.was_ready && self.phase == Phase::Live && self.cluster.ok && self.cluster.slots_ok == SLOTS {
            self.was_ready = true;
            link::note_time(READY_MARK);
        }
        let list = self.marks.list();
        if !list.is_empty() || !self.mark_list.is_empty() {
            self.mark_list = Shared::new(list);
        }
        if !frame.traffic.is_empty() || !self.traffic.is_empty() {
            self.traffic = Shared::new(frame.traffic);
        }
        if frame.tape_reset || !frame.playing {
            self.beat += HELD_BEATS;
            self.beat_at_ms = wall;
        } else if wall - self.beat_at_ms >= BEAT_MS {
            self.beat += 1;
            self.beat_at_ms = wall;
        }
        if let Some(time) = frame.time {
            if time.end_us.is_none() || time.run != self.time.run {
                self.future = None;
            } else if self.future.is_none() {
                self.future = Some(self.tape.clone());
            }
            self.time = Shared::new(time);
        }
        if frame.tape_reset {
            self.tape = Shared::new(Tape::new(self.tape.lanes.len(), self.tape.start_us));
            self.marks.clear();
        }
        if !frame.tape.is_empty() {
            let mut tape = (*self.tape).clone();
            for item in frame.tape {
                self.speak_of(&item, wall);
                tape.add(item);
            }
            self.tape = Shared::new(tape);
        }
    }

    /// The live region: one sentence at a time, and not more than one in two seconds.
    fn speak_of(&mut self, item: &TapeItem, wall: f64) {
        if let TapeItem::Mark { mark, text, .. } = item
            && *mark != TapeMark::Vote
            && wall - self.spoken_at_ms >= SPEAK_EVERY_MS
        {
            self.spoken = text.clone();
            self.spoken_at_ms = wall;
        }
    }

    fn tick(&mut self) -> bool {
        if self.link.is_none() || self.stopped.is_some() {
            return false;
        }
        let over = self.playing && link::wall_ms() - self.trip_at_ms > TRIP_SHOWN_MS;
        let faded = over && self.trip.take_if(|trip| trip.end.is_some()).is_some();
        self.pings_missed += 1;
        if self.greeted {
            self.pings += 1;
            self.send(&ToWorker::Ping(self.pings));
        }
        if self.pings_missed > PINGS_MISSED_MAX && !self.silent {
            self.silent = true;
            return true;
        }
        faded
    }

    /// Runs lines of the language for scenarios; why one cannot be done is said.
    fn do_line(&mut self, ctx: &Context<Self>, make: impl FnOnce(u32) -> ToWorker) {
        let scope = ctx.link().clone();
        self.ask(make, move |result| {
            if let Err(why) = result {
                scope.send_message(Msg::Act(Act::Notice(Some(why))));
            }
        });
    }

    fn act(&mut self, ctx: &Context<Self>, act: Act) -> bool {
        match act {
            Act::Send(message) => {
                self.send(&message);
                if let ToWorker::Speed(speed) = message {
                    self.speed = speed;
                }
                true
            }
            Act::Line(line) => {
                self.menu = None;
                self.do_line(ctx, |id| ToWorker::Line { id, line });
                true
            }
            Act::Quiet(line) => {
                self.do_line(ctx, |id| ToWorker::Quiet { id, line });
                false
            }
            Act::Why(about) => {
                self.why = about;
                true
            }
            Act::Compare(open) => {
                self.compare = open;
                true
            }
            Act::Ask(make, done) => {
                let (Some(make), Some(done)) = (make.take(), done.take()) else { return false };
                self.ask(make, done);
                false
            }
            Act::Select(node) => {
                if self.selected != node {
                    self.selected = node;
                    self.detail = None;
                    self.send(&ToWorker::Watch(node));
                }
                true
            }
            Act::Node(node, keep) => self.hit(ctx, node, keep),
            Act::Pane(pane) => {
                self.pane = pane;
                true
            }
            Act::Panel(panel) => {
                self.panel = panel;
                true
            }
            Act::Menu(target, x, y) => {
                self.menu = Some((target, x, y));
                true
            }
            Act::CloseMenu => {
                self.menu = None;
                true
            }
            Act::Arm(row) => {
                self.menu = None;
                self.armed = match (&self.armed, row) {
                    (Some(armed), Some(row)) if armed.row == row => None,
                    (_, Some(row)) => Some(Armed { row, picked: Vec::new() }),
                    (_, None) => None,
                };
                true
            }
            Act::RaiseWall => {
                if let Some(armed) = self.armed.take()
                    && !armed.picked.is_empty()
                {
                    let name = |&node: &NodeIndex| faults::of_node(&self.cluster, node).a;
                    let names: Vec<String> = armed.picked.iter().map(name).collect();
                    let behind = Subject { a: names.join(" "), b: String::new() };
                    let line = armed.row.usual_lines(&self.cluster, &behind);
                    self.do_line(ctx, |id| ToWorker::Line { id, line });
                }
                true
            }
            Act::Theme => {
                let root = link::document().document_element();
                let light =
                    root.as_ref().and_then(|r| r.get_attribute("data-theme")).as_deref() == Some("light");
                let theme = if light { "dark" } else { "light" };
                if let Some(root) = root {
                    let _ = root.set_attribute("data-theme", theme);
                }
                link::remember("theme", theme);
                false
            }
            Act::Slots(open) => {
                self.slots = open;
                true
            }
            Act::Heat(on) => {
                self.heat = on;
                true
            }
            Act::Fold(folded) => {
                self.folded = folded;
                self.over = !folded;
                link::remember("lesson", if folded { "folded" } else { "open" });
                true
            }
            Act::Shortcuts(on) => {
                self.shortcuts = on;
                link::remember("shortcuts", if on { "on" } else { "off" });
                true
            }
            Act::TermTab(tab) => {
                self.term_tab = tab;
                true
            }
            Act::Type(tab, line) => {
                self.term_tab = tab;
                // On a phone the reply is on another panel than what asked for it.
                self.panel = Panel::Term;
                let entry = self.term.entry(tab).or_default();
                entry.typed = true;
                entry.remember(tab, &line);
                self.send(&ToWorker::Type { tab, line });
                true
            }
            Act::ClearTerm(tab) => {
                self.term.entry(tab).or_default().entries = Rc::default();
                true
            }
            Act::CopySeed => {
                if let Some(boot) = &self.boot {
                    let _ = link::window().navigator().clipboard().write_text(&boot.seed);
                    self.notice = Some(format!("The seed {} is on the clipboard.", boot.seed));
                }
                true
            }
            Act::Notice(text) => {
                self.notice = text;
                true
            }
            Act::Dialog(sheet) => {
                self.dialog = sheet;
                self.menu = None;
                true
            }
            Act::Tray(tab) => {
                // The light goes out with the list that it belongs to.
                self.lit = Shared::default();
                self.tray = tab.filter(|_| tab != self.tray);
                self.menu = None;
                true
            }
            Act::Lit(names) => {
                let all = self.cluster.nodes.iter().enumerate().filter(|(_, n)| names.contains(&n.name));
                let lit: Vec<NodeIndex> = all.map(|(i, _)| i as NodeIndex).collect();
                let other = *self.lit != lit;
                if other {
                    self.lit = Shared::new(lit);
                }
                other
            }
            Act::Export => {
                ui::share::export(&self.act);
                false
            }
            Act::Restart { fresh } => {
                self.boot = None;
                self.phase = Phase::Starting { what: "The engine starts again".into() };
                self.start_fresh = fresh;
                self.start_worker(ctx);
                true
            }
        }
    }

    /// A node was clicked: select it, or do to it what is armed.
    fn hit(&mut self, ctx: &Context<Self>, node: NodeIndex, keep: bool) -> bool {
        let Some(mut armed) = self.armed.take() else {
            return self.act(ctx, Act::Select(Some(node)));
        };
        if !armed.row.fits_node(&self.cluster, usize::from(node)) {
            self.armed = Some(armed);
            return false;
        }
        let subject = match armed.row.on {
            On::Nodes => {
                match armed.picked.iter().position(|&p| p == node) {
                    Some(at) => {
                        armed.picked.remove(at);
                    }
                    None => armed.picked.push(node),
                }
                self.armed = Some(armed);
                return true;
            }
            On::Link => match armed.picked.pop() {
                Some(from) if from != node => faults::of_link(&self.cluster, from, node),
                _ => {
                    armed.picked.push(node);
                    self.armed = Some(armed);
                    return true;
                }
            },
            _ => faults::of_node(&self.cluster, node),
        };
        let line = armed.row.usual_lines(&self.cluster, &subject);
        self.do_line(ctx, |id| ToWorker::Line { id, line });
        self.armed = keep.then_some(armed);
        true
    }

    /// Single-key shortcuts; off while a field has the focus.
    fn shortcut(&self, event: &web_sys::KeyboardEvent) -> Option<Act> {
        let key = event.key();
        if key == "Escape" {
            // What lies on top goes first.
            return if self.menu.is_some() {
                Some(Act::CloseMenu)
            } else if self.dialog.is_some() {
                Some(Act::Dialog(None))
            } else if self.slots {
                Some(Act::Slots(false))
            } else if self.compare {
                Some(Act::Compare(false))
            } else if self.why.is_some() {
                Some(Act::Why(None))
            } else if self.armed.is_some() {
                Some(Act::Arm(None))
            } else {
                // The prompt has a use of its own for it: its list, then the way out of it.
                self.tray.filter(|_| !event.default_prevented()).map(|_| Act::Tray(None))
            };
        }
        let element = event.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
        let tag = element.as_ref().map(|e| e.tag_name()).unwrap_or_default();
        if matches!(tag.to_ascii_uppercase().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || !self.shortcuts {
            return None;
        }
        if event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || self.menu.is_some()
            || self.compare
            || self.slots
            || self.dialog.is_some()
        {
            return None;
        }
        let node = element.as_ref().and_then(|e| e.get_attribute("data-node")).and_then(|n| n.parse().ok());
        let step = |by: i32| {
            let at = words::SPEEDS.iter().position(|&s| s >= self.speed * 0.999).unwrap_or(3) as i32 + by;
            words::SPEEDS.get(at.max(0) as usize).map(|&s| topbar::speed_line(s))
        };
        match key.as_str() {
            " " if tag.eq_ignore_ascii_case("button") => None,
            " " => Some(topbar::play_line(self.playing || self.going)),
            "." => Some(Act::Line("step".into())),
            "," => Some(Act::Line("back".into())),
            "[" => step(-1),
            "]" => step(1),
            "?" => Some(Act::Dialog(Some(ui::Sheet::Help))),
            "h" | "H" => Some(Act::Heat(!self.heat)),
            "/" => {
                ui::focus("term-input");
                Some(Act::Panel(Panel::Term))
            }
            "Enter" if self.armed.as_ref().is_some_and(|a| a.row.on == On::Nodes) && node.is_none() => {
                Some(Act::RaiseWall)
            }
            "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" => {
                let at = key.parse::<usize>().ok()? - 1;
                Pane::ALL.get(at).map(|&p| Act::Pane(p))
            }
            // A row of the palette, done to the focused node or, if it wants several, armed.
            _ => {
                let keyed = |row: &&faults::Row| row.key.is_some_and(|of| of.eq_ignore_ascii_case(&key));
                let mut rows = ROWS.iter().filter(keyed).peekable();
                if let Some(row) = rows.next_if(|row| row.on == On::Nodes) {
                    return Some(Act::Arm(Some(row)));
                }
                let node: NodeIndex = node?;
                let row = rows.find(|row| row.fits_node(&self.cluster, node.into()))?;
                Some(Act::Line(row.usual_lines(&self.cluster, &faults::of_node(&self.cluster, node))))
            }
        }
    }
}

/// What a visitor is told once about the browser's storage, because it is not what the page promises.
fn storage_notice(storage: &Storage) -> Option<String> {
    match storage {
        Storage::Kept { .. } => None,
        Storage::OtherTab => Some(
            "Another tab of this browser keeps the cluster. This one runs in memory and ends with its tab."
                .into(),
        ),
        Storage::Replaced { why } => {
            Some(format!("What this browser kept could not be read, so a new cluster was formed: {why}."))
        }
        Storage::Failed { why } => Some(format!(
            "This browser does not keep the cluster: {why}. It goes on in memory and ends with this tab."
        )),
    }
}
