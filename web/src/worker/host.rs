//! An engine with the browser around it: its slices, its frames, and its storage.
//!
//! Storage holds exactly one consistent cut at any time: what a loss of power of all nodes at one virtual instant would leave.
//! A cut is taken between two events of the world, committed in one transaction, and only then do the replies leave that came
//! about before it. While a commit is under way the world goes on; the next cut takes what has come together meanwhile.
//! The past of a run is never stored: a reload comes back to the end of the run that was last acted in.

use crate::worker::{chance, lock, new_engine, post, scope, wall_ms};
use js_sys::Promise;
use std::cell::RefCell;
use std::rc::Rc;
use vitrine_web::cut::{Name, Names};
use vitrine_web::engine::begin::setup_of;
use vitrine_web::engine::{Engine, Flow};
use vitrine_web::idb::{Db, Meta, Stored};
use vitrine_web::protocol::{Answer, FromWorker, Storage, ToWorker};
use vitrine_web::seeds::{seed_of, seed_text};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// The name of the database.
const DATABASE: &str = "vitrine";
/// The least time between two frames, in milliseconds: every frame of a usual display, every second one of a fast one.
const FRAME_MS: f64 = 10.0;
/// The same while the page has not said that it drew the last one: nobody sees it, or it has more to do than it can.
const FRAME_UNDRAWN_MS: f64 = 500.0;
/// How long the slice takes at the most that a frame is waiting for, in milliseconds.
const FRAME_SLICE_MS: f64 = 4.0;
/// While the cluster is being formed, frames are fewer: the machine has better things to do.
const FRAME_STARTING_MS: f64 = 60.0;
/// The least time between two details, in milliseconds.
const DETAIL_MS: f64 = 150.0;
/// Commits that nobody waits for come no faster than this, in milliseconds.
const COMMIT_MS: f64 = 100.0;
/// How often the page is told how the storage fares, in milliseconds.
const STORAGE_MS: f64 = 500.0;

/// How long the browser may take to open, read or empty its storage, in milliseconds.
const OPEN_PATIENCE_MS: i32 = 10_000;
/// How long it may take for a commit, in milliseconds of a worker that runs: a laptop that sleeps does not count.
const COMMIT_PATIENCE_MS: f64 = 15_000.0;
/// No more than this counts of the time between two looks at a commit, in milliseconds.
const LOOK_MS_MAX: f64 = 100.0;

/// Where the outcome of something the browser does will be.
type Outcome = Rc<RefCell<Option<Result<(), String>>>>;

/// A commit on its way: the cut's virtual instant, and how it ended.
struct Commit {
    at_us: u64,
    ended: Outcome,
    /// For how long it has been waited for, and when that was last counted, in milliseconds.
    waited_ms: f64,
    looked_ms: f64,
}

/// The storage of this tab.
struct Disk {
    db: Db,
    names: Names,
    runs: u32,
    commit: Option<Commit>,
    last_ms: f64,
    commits: u64,
    /// The virtual instant up to which everything durable is committed.
    committed_us: u64,
    /// Whether what is stored is of this world; before its first cut a new cluster stores nothing.
    begun: bool,
    /// The number of travels at the last whole cut: after another one the changes since are of no use.
    travels: u64,
}

enum Keep {
    Disk(Box<Disk>),
    Memory,
}

/// See the module.
pub struct Host {
    engine: Engine,
    keep: Keep,
    /// Whether the page has drawn the last frame. It sets the beat: a frame at the worker's own would come twice between two
    /// refreshes of the display and then not at all, and who cannot draw as fast would be sent more and more.
    drawn: bool,
    frame_ms: f64,
    detail_ms: f64,
    storage_ms: f64,
    told: Option<Storage>,
    /// A reset that empties the storage first.
    resetting: Option<(u32, Outcome)>,
}

impl Host {
    /// Brings the world back from storage, or makes a new one.
    ///
    /// # Errors
    /// No world could be made at all.
    pub async fn start(seed: Option<String>, fresh: bool, link: Option<String>) -> Result<Host, String> {
        let (opened, stored) = open(fresh).await;
        let mut lost = None;
        let mut refused = None;
        let mut engine = None;
        let mut runs = 0;
        let mut names = Names::default();
        let mut begun = false;
        match link.map(|link| Engine::open(&link, true)) {
            Some(Ok(waiting)) => engine = Some(waiting),
            Some(Err(why)) => refused = Some(why),
            None => {}
        }
        // What is stored stays there while an opened world waits.
        if let Some(stored) = stored.filter(|_| engine.is_none()) {
            runs = stored.meta.runs + 1;
            let wall_us = stored.meta.wall_us.parse().unwrap_or(0);
            let cut_us = stored.meta.cut_us.max(0.0) as u64;
            let setup = setup_of(&stored.meta.setup, seed_of(&stored.meta.seed));
            match setup
                .and_then(|setup| Engine::restore_as(setup, runs.into(), &stored.images, wall_us, cut_us))
            {
                Ok(restored) => {
                    engine = Some(restored);
                    names = Names::loaded(stored.names);
                    begun = true;
                }
                Err(why) => lost = Some(why),
            }
        }
        let mut engine = match engine {
            Some(engine) => engine,
            None => new_engine(seed.as_deref())?,
        };
        if let Some(why) = refused {
            engine.refuse(why);
        }
        let keep = match opened {
            Ok(db) => Keep::Disk(Box::new(Disk {
                db,
                names,
                runs,
                commit: None,
                last_ms: 0.0,
                commits: 0,
                committed_us: 0,
                begun,
                travels: 0,
            })),
            Err(storage) => {
                post(&FromWorker::Storage(storage));
                Keep::Memory
            }
        };
        if let Some(why) = lost {
            post(&FromWorker::Storage(Storage::Replaced { why }));
        }
        post(&FromWorker::Boot(Box::new(engine.boot())));
        Ok(Host {
            engine,
            keep,
            drawn: true,
            frame_ms: 0.0,
            detail_ms: 0.0,
            storage_ms: 0.0,
            told: None,
            resetting: None,
        })
    }

    /// Takes in a message of the page.
    pub fn handle(&mut self, message: ToWorker) {
        if matches!(message, ToWorker::Drawn) {
            self.drawn = true;
            self.slice(FRAME_SLICE_MS);
            return;
        }
        match self.engine.handle(message) {
            Flow::Done => {}
            Flow::Reset { id, seed } => {
                let seed = seed.unwrap_or_else(|| seed_text(chance()));
                match new_engine(Some(&seed)) {
                    Ok(engine) => self.replace(id, engine),
                    Err(why) => post(&FromWorker::Answer { id, result: Err(why) }),
                }
            }
            Flow::Begin { id, engine } => self.replace(id, *engine),
        }
        self.flush();
    }

    fn flush(&mut self) {
        if self.engine.take_ended_way() {
            self.show();
        }
        for message in self.engine.take_out() {
            post(&message);
        }
    }

    /// Another world in place of this one. The storage is emptied first, so that no reload brings the old one back; but for a world that
    /// waits: its first cut takes the old one's place.
    fn replace(&mut self, id: u32, engine: Engine) {
        let keeps = engine.waiting();
        self.engine = engine;
        let ended = Rc::new(RefCell::new(None));
        if let Keep::Disk(disk) = &mut self.keep {
            disk.names = Names::default();
            (disk.begun, disk.runs, disk.commit, disk.travels) = (false, 0, None, 0);
            (disk.commits, disk.committed_us) = (0, 0);
            if keeps {
                *ended.borrow_mut() = Some(Ok(()));
            } else {
                let (db, ended) = (disk.db.clone(), ended.clone());
                wasm_bindgen_futures::spawn_local(async move {
                    let result = within(async move { db.clear().await }).await;
                    *ended.borrow_mut() = Some(result);
                });
            }
        } else {
            *ended.borrow_mut() = Some(Ok(()));
        }
        self.resetting = Some((id, ended));
        self.told = None;
        post(&FromWorker::Boot(Box::new(self.engine.boot())));
    }

    /// A slice of work. Gives whether there is more to do at once.
    pub fn slice(&mut self, budget_ms: f64) -> bool {
        if let Some((id, ended)) = &self.resetting {
            let Some(result) = ended.borrow_mut().take() else { return false };
            let id = *id;
            self.resetting = None;
            if let Err(why) = result {
                self.give_up(why);
            }
            post(&FromWorker::Answer { id, result: Ok(Answer::Done) });
        }
        let more = self.engine.advance(&wall_ms, budget_ms);
        self.store();
        self.flush();
        let now = wall_ms();
        let every = match () {
            () if !self.drawn => FRAME_UNDRAWN_MS,
            () if self.engine.starting() => FRAME_STARTING_MS,
            () => FRAME_MS,
        };
        if now - self.frame_ms >= every {
            self.show();
        }
        if now - self.detail_ms >= DETAIL_MS {
            self.detail_ms = now;
            if let Some(detail) = self.engine.detail() {
                post(&FromWorker::Detail(Box::new(detail)));
            }
        }
        if now - self.storage_ms >= STORAGE_MS {
            self.storage_ms = now;
            self.tell_storage();
        }
        more
    }

    /// Sends what has changed since the last frame, if anything did.
    fn show(&mut self) {
        self.frame_ms = wall_ms();
        if let Some(frame) = self.engine.frame() {
            self.drawn = false;
            post(&FromWorker::Frame(Box::new(frame)));
        }
    }

    fn give_up(&mut self, why: String) {
        self.keep = Keep::Memory;
        self.told = None;
        post(&FromWorker::Storage(Storage::Failed { why }));
    }

    fn tell_storage(&mut self) {
        let Keep::Disk(disk) = &self.keep else { return };
        if disk.commits == 0 {
            return;
        }
        let cut_us = disk.committed_us;
        let storage = Storage::Kept { cut_us, bytes: disk.names.bytes(), commits: disk.commits };
        if self.told.as_ref() != Some(&storage) {
            post(&FromWorker::Storage(storage.clone()));
            self.told = Some(storage);
        }
    }

    /// Lets replies go whose bytes are committed, and begins the next commit if it is time.
    fn store(&mut self) {
        let Keep::Disk(disk) = &mut self.keep else {
            self.engine.release(u64::MAX);
            return;
        };
        if let Some(commit) = &mut disk.commit {
            let now = wall_ms();
            commit.waited_ms += (now - commit.looked_ms).clamp(0.0, LOOK_MS_MAX);
            commit.looked_ms = now;
            let silent = commit.waited_ms > COMMIT_PATIENCE_MS;
            let Some(result) = commit.ended.borrow_mut().take().or_else(|| silent.then(|| Err(silence())))
            else {
                return;
            };
            let at_us = commit.at_us;
            disk.commit = None;
            if let Err(why) = result {
                self.give_up(why);
                self.engine.release(u64::MAX);
                return;
            }
            disk.commits += 1;
            disk.committed_us = at_us;
            self.engine.release(at_us);
        }
        if self.engine.in_the_past() {
            // The past is looked at. What is stored stays the end of a run, until somebody acts here and begins another.
            self.engine.release(u64::MAX);
            return;
        }
        if !disk.begun || disk.travels != self.engine.travels() {
            // Until the cluster is formed there is nothing worth coming back to.
            if self.engine.starting() {
                return;
            }
            self.engine.record();
            let images = self.engine.world().durable_images();
            let all = images.into_iter().flat_map(|(node, files)| {
                files.into_keys().map(move |path| Name { node: node.clone(), path })
            });
            let writes = disk.names.first_cut(all, self.engine.world());
            (disk.begun, disk.travels) = (true, self.engine.travels());
            disk.begin(&self.engine, writes, true);
            return;
        }
        let waited_for = self.engine.holds();
        if !self.engine.has_changes() {
            // Nothing is on its way: all that was promised is there already.
            let now = self.engine.now_us();
            if disk.commits > 0 {
                disk.committed_us = now;
            }
            self.engine.release(now);
            return;
        }
        if waited_for || wall_ms() - disk.last_ms >= COMMIT_MS {
            let changes = self.engine.take_changes();
            let writes = disk.names.cut(&changes, self.engine.world());
            disk.begin(&self.engine, writes, false);
        }
    }
}

impl Disk {
    fn begin(&mut self, engine: &Engine, writes: Vec<vitrine_web::cut::Write>, clear: bool) {
        let meta = Meta {
            seed: seed_text(engine.seed()),
            runs: self.runs,
            wall_us: engine.wall_us().to_string(),
            cut_us: engine.now_us() as f64,
            setup: engine.head().to_owned(),
        };
        let ended = Rc::new(RefCell::new(None));
        let commit = self.db.commit(writes, &meta, clear);
        let done = ended.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let result = commit.await;
            *done.borrow_mut() = Some(result);
        });
        self.last_ms = wall_ms();
        self.commit = Some(Commit { at_us: engine.now_us(), ended, waited_ms: 0.0, looked_ms: self.last_ms });
    }
}

fn silence() -> String {
    "the browser's storage does not answer".into()
}

/// What the storage gives; a browser whose storage hangs is not waited for without end.
async fn within<T: 'static>(asked: impl Future<Output = Result<T, String>> + 'static) -> Result<T, String> {
    let got = Rc::new(RefCell::new(None));
    let slot = got.clone();
    let mut asked = Some(asked);
    let first = Promise::new(&mut |resolve, _| {
        let _ = scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, OPEN_PATIENCE_MS);
        if let Some(asked) = asked.take() {
            let slot = slot.clone();
            wasm_bindgen_futures::spawn_local(async move {
                let result = asked.await;
                *slot.borrow_mut() = Some(result);
                let _ = resolve.call0(&JsValue::NULL);
            });
        }
    });
    let _ = JsFuture::from(first).await;
    got.borrow_mut().take().unwrap_or_else(|| Err(silence()))
}

/// The database and what is in it, or why there is none.
async fn open(fresh: bool) -> (Result<Db, Storage>, Option<Stored>) {
    let failed = |why: String| (Err(Storage::Failed { why }), None);
    post(&FromWorker::Waiting("Reading what this browser keeps".into()));
    if lock::is_taken().await {
        return (Err(Storage::OtherTab), None);
    }
    let factory = match scope().indexed_db() {
        Ok(Some(factory)) => factory,
        Ok(None) => return failed("this browser has no IndexedDB here".into()),
        Err(_) => return failed("this browser forbids IndexedDB here".into()),
    };
    let db = match within(async move { Db::open(&factory, DATABASE).await }).await {
        Ok(db) => db,
        Err(why) => return failed(why),
    };
    let same = db.clone();
    if fresh {
        return match within(async move { same.clear().await }).await {
            Ok(()) => (Ok(db), None),
            Err(why) => failed(why),
        };
    }
    match within(async move { Ok(same.load().await) }).await {
        Ok(Ok(stored)) => (Ok(db), stored),
        Ok(Err(why)) => {
            // What cannot be read is replaced by the first cut of the new cluster.
            post(&FromWorker::Storage(Storage::Replaced { why }));
            (Ok(db), None)
        }
        Err(why) => failed(why),
    }
}
