//! The components. Each draws one thing from what it is given; what the visitor does goes up as an [`Act`].

pub mod charts;
pub mod compare;
pub mod dialog;
pub mod dock;
pub mod faults;
pub mod frame;
pub mod help;
pub mod inspector;
pub mod ledger;
pub mod lesson;
pub mod looking;
pub mod menu;
pub mod palette;
pub mod share;
pub mod slotmap;
pub mod stage;
pub mod tape;
pub mod terminal;
pub mod tip;
pub mod topbar;
pub mod topology;
pub mod why;
pub mod workload;

use std::cell::RefCell;
use std::rc::Rc;
use vitrine_web::faults::{Family, Row};
use vitrine_web::model::NodeIndex;
use vitrine_web::protocol::{Answer, ToWorker};
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// Makes the question once it has an id.
pub type Make = Box<dyn FnOnce(u32) -> ToWorker>;
/// Takes the answer.
pub type Done = Box<dyn FnOnce(Result<Answer, String>)>;

/// Something that can be taken out once, in a value that has to be `Clone`.
pub struct Once<T>(Rc<RefCell<Option<T>>>);

impl<T> Once<T> {
    pub fn new(value: T) -> Once<T> {
        Once(Rc::new(RefCell::new(Some(value))))
    }
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

/// What the visitor did.
pub enum Act {
    Send(ToWorker),
    /// Lines of the language for scenarios are run in order; the cluster's terminal shows them.
    Line(String),
    /// A line about time alone is run, and not shown.
    Quiet(String),
    /// Why something is so is asked, or the answer is closed.
    Why(Option<why::About>),
    /// The comparison of runs opens or closes.
    Compare(bool),
    Ask(Once<Make>, Once<Done>),
    Select(Option<NodeIndex>),
    /// A node was clicked; `true` keeps an armed fault armed.
    Node(NodeIndex, bool),
    Pane(Pane),
    Panel(Panel),
    Menu(MenuTarget, i32, i32),
    CloseMenu,
    Arm(Option<&'static Row>),
    RaiseWall,
    Theme,
    /// Opens or closes the slot map.
    Slots(bool),
    /// The heat map or the ring.
    Heat(bool),
    Fold(bool),
    Shortcuts(bool),
    TermTab(u16),
    Type(u16, String),
    ClearTerm(u16),
    CopySeed,
    Notice(Option<String>),
    /// A sheet over the page.
    Dialog(Option<Sheet>),
    /// What the tray above the ledger shows; the same again closes it.
    Tray(Option<ledger::Tab>),
    /// Nodes are lit on the stage, by name.
    Lit(Vec<String>),
    /// The run is saved as a file.
    Export,
    Restart {
        fresh: bool,
    },
}

/// The sheets that can lie over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// Another world.
    Topology,
    /// The link to this run.
    Share,
    /// The keys, and what the stage means.
    Help,
}

/// What a context menu is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MenuTarget {
    Node(NodeIndex),
    Link(NodeIndex, NodeIndex),
    /// The clients of a workload, by their host.
    Client(NodeIndex),
    /// A message under way, by its number.
    Message(u64),
    /// All messages under way, as a list.
    UnderWay,
    /// A family of the palette, as a list.
    Family(Family),
    /// The whole palette.
    All,
    /// What a phone's bars have no room for.
    More,
}

/// A fault of the palette that waits for its node.
#[derive(Clone, Debug, PartialEq)]
pub struct Armed {
    pub row: &'static Row,
    /// For a wall, the nodes behind it so far; for a link, its first end.
    pub picked: Vec<NodeIndex>,
}

/// The inspector's tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Keys,
    Beliefs,
    Replication,
    Disk,
    Config,
    Log,
    Latency,
    Memory,
}

impl Pane {
    pub const ALL: [Pane; 8] = [
        Pane::Keys,
        Pane::Beliefs,
        Pane::Replication,
        Pane::Disk,
        Pane::Config,
        Pane::Log,
        Pane::Latency,
        Pane::Memory,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Pane::Keys => "Keys",
            Pane::Beliefs => "Beliefs",
            Pane::Replication => "Replication",
            Pane::Disk => "Disk",
            Pane::Config => "Config",
            Pane::Log => "Log",
            Pane::Latency => "Latency",
            Pane::Memory => "Memory",
        }
    }
}

/// The panels of a phone, of which one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    Lesson,
    Term,
    Insp,
    Tape,
}

impl Panel {
    pub const ALL: [Panel; 4] = [Panel::Lesson, Panel::Term, Panel::Insp, Panel::Tape];

    pub fn name(self) -> &'static str {
        match self {
            Panel::Lesson => "Guide",
            Panel::Term => "Terminal",
            Panel::Insp => "Inspect",
            Panel::Tape => "Tape",
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            Panel::Lesson => "m-lesson",
            Panel::Term => "m-term",
            Panel::Insp => "m-insp",
            Panel::Tape => "m-tape",
        }
    }
}

/// One of the symbols in index.html, 16 px, unseen by assistive technology.
pub fn icon(id: &str) -> Html {
    html! { <svg class="i" aria-hidden="true"><use href={format!("#{id}")} /></svg> }
}

/// The class that carries a shard's hue.
pub fn shard_class(shard: u16) -> String {
    format!("sh{}", shard % 7)
}

/// What a field or a list has as its value when it says that it changed.
pub fn value_of(event: &web_sys::Event) -> String {
    let value = event.target().and_then(|t| js_sys::Reflect::get(&t, &"value".into()).ok());
    value.and_then(|v| v.as_string()).unwrap_or_default()
}

/// Runs a line of the language for scenarios; `done` learns how it ended. A `quiet` one, about time alone, is not shown.
pub fn run_line(
    act: &Callback<Act>,
    line: String,
    quiet: bool,
    done: impl FnOnce(Result<(), String>) + 'static,
) {
    let make: Make = Box::new(move |id| match quiet {
        true => ToWorker::Quiet { id, line },
        false => ToWorker::Line { id, line },
    });
    let done: Done = Box::new(move |answer| done(answer.map(|_| ())));
    act.emit(Act::Ask(Once::new(make), Once::new(done)));
}

/// Puts the focus on an element.
pub fn focus(id: &str) {
    if let Some(element) = crate::page::link::document().get_element_by_id(id) {
        focus_on(&element);
    }
}

/// `focus()` of any element; web-sys knows it for those of HTML alone.
pub fn focus_on(element: &web_sys::Element) {
    if let Ok(focus) = js_sys::Reflect::get(element, &"focus".into())
        && let Ok(focus) = focus.dyn_into::<js_sys::Function>()
    {
        let _ = focus.call0(element);
    }
}

/// Enter or the space bar on something that is drawn and acts as a button, which is handed on.
pub fn pressed(then: Callback<Option<web_sys::EventTarget>>) -> Callback<KeyboardEvent> {
    Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Enter" || e.key() == " " {
            e.prevent_default();
            then.emit(e.target());
        }
    })
}

/// Moves the focus along a row of tabs as the ARIA pattern wants: arrows, Home and End. Gives the tab to choose.
pub fn tab_key(event: &web_sys::KeyboardEvent, at: usize, of: usize) -> Option<usize> {
    if of == 0 {
        return None;
    }
    let to = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => (at + 1) % of,
        "ArrowLeft" | "ArrowUp" => (at + of - 1) % of,
        "Home" => 0,
        "End" => of - 1,
        _ => return None,
    };
    event.prevent_default();
    Some(to)
}
