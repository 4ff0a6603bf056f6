//! Playing a scenario in a world of its own.
//!
//! Lines happen one after the other. A line with a time waits for it, an expectation that may take a while lets time pass until it holds,
//! and what is repeated goes on beside the others. A [`Script`] is what happens, in a world that is somebody else's; a [`Player`] owns the
//! world too. Both can be driven in slices, of events and of time: how they are cut changes nothing.

use super::expect::{ANSWER_WITHIN_US, Expect};
use super::{Command, Console, Host, Scenario, Step, TIME_US_MAX, TimeCommand, When, Whom, YEAR_US};
use crate::sim::fault::{Action, Target};
use crate::sim::trace::TraceHash;
use crate::sim::world::{Progress, World};
use serde::Serialize;

/// How long is between two looks at the world while an answer is waited for, in microseconds.
const ANSWER_LOOK_US: u64 = 1_000;
/// The same for other expectations.
const LOOK_US: u64 = 10_000;
/// How many expectations that do not hold are kept.
const FAILURES_MAX: usize = 1_000;
/// How many terminals that it opened by their number a script names.
const OPENED_MAX: usize = 1_000;

/// A line with something to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The number of the step, from 0.
    pub step: usize,
    /// The line.
    pub line: String,
    /// When, in virtual microseconds.
    pub at_us: u64,
    /// What.
    pub why: String,
}

/// What a scenario came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Where the world was at the end, in virtual microseconds.
    pub at_us: u64,
    /// How many events happened.
    pub events: u64,
    /// The trace hash, in 16 hexadecimal digits.
    pub hash: String,
    /// How many expectations held.
    pub held: usize,
    /// Those that did not.
    pub failures: Vec<Remark>,
    /// The line that could not be carried out, where the run ended.
    pub refused: Option<Remark>,
}

impl Outcome {
    /// Whether everything was carried out and every expectation held.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty() && self.refused.is_none()
    }
}

#[derive(Clone, Debug)]
struct Repeat {
    step: usize,
    what: Command,
    next_us: u64,
    every_us: u64,
    until_us: u64,
    left: u32,
}

/// What a player is at.
#[derive(Clone, Debug)]
enum Stage {
    /// A step begins.
    Begin,
    /// Time passes up to an instant (after so many events); then the step's command is carried out, if `then`.
    Move { to_us: u64, event: Option<u64>, then: bool },
    /// An expectation is waited for (or, if it `holds`, has to hold) up to an instant; the next look at it is at another.
    Look { expect: Expect, holds: bool, until_us: u64, look_us: u64 },
    /// It is over.
    Over,
}

/// What happens in a scenario, on its way in a world that somebody else owns.
#[derive(Clone)]
pub struct Script {
    steps: std::rc::Rc<[Step]>,
    at: usize,
    stage: Stage,
    repeats: Vec<Repeat>,
    held: usize,
    failures: Vec<Remark>,
    refused: Option<Remark>,
    opened: Vec<(Whom, u32)>,
}

/// What a script is carried out in, and how far.
struct Drive<'a, H: Host> {
    host: &'a mut H,
    console: &'a mut Console,
    /// Time does not go further than this.
    until_us: u64,
    left: u64,
}

/// A scenario on its way, with the world that it happens in.
#[derive(Clone)]
pub struct Player<H: Host = World> {
    host: H,
    console: Console,
    script: Script,
}

impl Scenario {
    /// Makes the world and a player that has done nothing yet.
    ///
    /// # Errors
    /// Why there is no such world.
    pub fn play(&self) -> Result<Player, String> {
        self.play_in(|world| world)
    }

    /// The same in what is made of the world: a [`Timeline`](crate::sim::timeline::Timeline), to go back in it afterwards.
    ///
    /// # Errors
    /// Why there is no such world.
    pub fn play_in<H: Host>(&self, make: impl FnOnce(World) -> H) -> Result<Player<H>, String> {
        self.check()?;
        let mut world = World::new(self.setup.clone())?;
        let needs = |step: &Step| matches!(&step.what, Command::Expect(e) if e.what.needs_ledger());
        if self.steps.iter().any(needs) {
            world.keep_ledger(true);
        }
        Ok(Player { host: make(world), console: Console::new(), script: Script::new(self) })
    }

    /// Plays it to its end, or through `events_max` events.
    ///
    /// # Errors
    /// Why there is no such world, or that it is not over after so many events.
    pub fn run(&self, events_max: u64) -> Result<(World, Outcome), String> {
        let mut player = self.play()?;
        if !player.go_on(events_max) {
            let us = player.host.now_us();
            return Err(format!(
                "it is not over after {events_max} events, at {}",
                super::units::show_time(us)
            ));
        }
        let outcome = player.outcome();
        Ok((player.host, outcome))
    }
}

impl<H: Host> Drive<'_, H> {
    /// Lets the world go on; what happens is counted.
    fn run(&mut self, until_us: u64, events_max: u64) -> Progress {
        let progress = self.host.run_until_or_events(until_us, events_max.min(self.left));
        self.left = self.left.saturating_sub(progress.events);
        progress
    }
}

impl<H: Host> Player<H> {
    /// The world as it is now.
    pub fn world(&self) -> &World {
        self.host.world()
    }

    /// What it is played in, to be looked at.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// What it is played in, to take what terminals have printed; who acts in it makes another run of it.
    pub fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// What it was played in, to be gone on with by hand.
    pub fn into_host(self) -> H {
        self.host
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.script.is_over()
    }

    /// The number of the step that is being carried out, from 0; the number of steps at the end.
    pub fn step(&self) -> usize {
        self.script.step()
    }

    /// What it has come to so far.
    pub fn outcome(&self) -> Outcome {
        self.script.outcome(self.world())
    }

    /// A number that two players share only if they have done the same, for tests of slicing.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = TraceHash::new(self.world().hash());
        hash.word(self.script.at as u64);
        hash.word(self.script.held as u64);
        hash.word(self.script.failures.len() as u64);
        hash.value()
    }

    /// Goes on through up to `events_max` events, where a line, a look at an expectation and a repetition count as one too; gives
    /// whether it is over.
    pub fn go_on(&mut self, events_max: u64) -> bool {
        self.go_on_until(u64::MAX, events_max);
        self.is_over()
    }

    /// The same up to an instant; see [`Script::go_on`].
    pub fn go_on_until(&mut self, until_us: u64, events_max: u64) -> Progress {
        self.script.go_on(&mut self.host, &mut self.console, until_us, events_max)
    }
}

impl Script {
    /// What happens in a scenario; nothing has happened yet.
    pub fn new(scenario: &Scenario) -> Script {
        Script {
            steps: scenario.steps.clone().into(),
            at: 0,
            stage: Stage::Begin,
            repeats: Vec::new(),
            held: 0,
            failures: Vec::new(),
            refused: None,
            opened: Vec::new(),
        }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The number of the step that is being carried out, from 0; the number of steps at the end.
    pub fn step(&self) -> usize {
        self.at
    }

    /// All its steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many expectations held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Those that did not.
    pub fn failures(&self) -> &[Remark] {
        &self.failures
    }

    /// The line that could not be carried out, where the script ended.
    pub fn refused(&self) -> Option<&Remark> {
        self.refused.as_ref()
    }

    /// The terminals that it opened by their number, not by typing into somebody's: whose they are, with their numbers.
    pub fn opened(&self) -> &[(Whom, u32)] {
        &self.opened
    }

    /// What it has come to so far in this world.
    pub fn outcome(&self, world: &World) -> Outcome {
        Outcome {
            at_us: world.now_us(),
            events: world.events(),
            hash: format!("{:016x}", world.hash()),
            held: self.held,
            failures: self.failures.clone(),
            refused: self.refused.clone(),
        }
    }

    /// Goes on up to an instant or through `events_max` events, where a line, a look at an expectation and a repetition count as one too.
    /// Time does not pass beyond the last line. `reached` says that it was not the number of events that ended it.
    pub fn go_on<H: Host>(
        &mut self,
        host: &mut H,
        console: &mut Console,
        until_us: u64,
        events_max: u64,
    ) -> Progress {
        let until_us = until_us.max(host.world().now_us());
        let mut drive = Drive { host, console, until_us, left: events_max };
        loop {
            let stays = match self.stage.clone() {
                Stage::Over => break,
                Stage::Begin if drive.left == 0 => true,
                Stage::Begin => {
                    drive.left -= 1;
                    self.begin(drive.host.world());
                    false
                }
                Stage::Move { to_us, event, then } => !self.go_to(&mut drive, to_us, event, then),
                Stage::Look { expect, holds, until_us, look_us } => {
                    !self.look(&mut drive, expect, holds, until_us, look_us)
                }
            };
            if stays {
                break;
            }
        }
        Progress { events: events_max - drive.left, reached: drive.left > 0 || self.is_over() }
    }

    fn remark(&self, at_us: u64, why: String) -> Remark {
        let line = self.steps.get(self.at).map(|s| s.what.to_string()).unwrap_or_default();
        Remark { step: self.at, line, at_us, why }
    }

    fn refuse(&mut self, at_us: u64, why: String) {
        self.refused = Some(self.remark(at_us, why));
        self.stage = Stage::Over;
    }

    fn next(&mut self) {
        self.at += 1;
        self.stage = Stage::Begin;
    }

    fn begin(&mut self, world: &World) {
        let Some(step) = self.steps.get(self.at) else {
            self.stage = Stage::Over;
            return;
        };
        let now = world.now_us();
        let (to_us, event) = match step.when {
            When::Next => (now, None),
            When::After { us } => (now.saturating_add(us), None),
            When::At { us } | When::Exact { us, .. } if us < now => {
                let shown = super::units::show_time(now);
                return self.refuse(now, format!("it is {shown} already"));
            }
            When::At { us } => (us, None),
            When::Exact { us, after_events } => (us, Some(after_events)),
            When::Every { us, for_us, times } => {
                self.repeats.push(Repeat {
                    step: self.at,
                    what: step.what.clone(),
                    next_us: now,
                    every_us: us.max(super::EVERY_US_MIN),
                    until_us: for_us.map_or(u64::MAX, |for_us| now.saturating_add(for_us)),
                    left: times.unwrap_or(u32::MAX),
                });
                return self.next();
            }
        };
        self.go(now, to_us, event, true);
    }

    /// Sets out for an instant, if there is such an instant.
    fn go(&mut self, now_us: u64, to_us: u64, event: Option<u64>, then: bool) {
        if to_us > TIME_US_MAX {
            return self.refuse(now_us, format!("a run ends after {} years", TIME_US_MAX / YEAR_US));
        }
        self.stage = Stage::Move { to_us, event, then };
    }

    /// Lets time pass up to an instant; false if the events are used up before, or it is further than time may go.
    fn advance<H: Host>(&mut self, drive: &mut Drive<'_, H>, to_us: u64) -> bool {
        loop {
            let due = self.repeats.iter().map(|r| r.next_us).min().unwrap_or(u64::MAX);
            let target = to_us.min(due.max(drive.host.world().now_us())).min(drive.until_us);
            if !drive.run(target, u64::MAX).reached {
                return false;
            }
            if due <= target {
                if drive.left == 0 {
                    return false;
                }
                let done = self.repeat(drive, target);
                drive.left = drive.left.saturating_sub(done);
                if self.refused.is_some() {
                    return true;
                }
            } else if target == to_us {
                return true;
            } else if target == drive.until_us {
                return false;
            }
        }
    }

    /// Carries out what is to be repeated now; gives how much that was.
    fn repeat<H: Host>(&mut self, drive: &mut Drive<'_, H>, now_us: u64) -> u64 {
        let mut done = 0;
        let mut repeats = std::mem::take(&mut self.repeats);
        for repeat in &mut repeats {
            if repeat.next_us > now_us {
                continue;
            }
            done += 1;
            if repeat.next_us <= repeat.until_us && repeat.left > 0 {
                repeat.left = if repeat.left == u32::MAX { u32::MAX } else { repeat.left - 1 };
                if let Err(why) = drive.console.carry_out(drive.host, &repeat.what) {
                    self.refused =
                        Some(Remark { step: repeat.step, line: repeat.what.to_string(), at_us: now_us, why });
                    self.stage = Stage::Over;
                }
            }
            repeat.next_us = repeat.next_us.saturating_add(repeat.every_us);
        }
        repeats.retain(|r| r.left > 0 && r.next_us <= r.until_us && r.next_us < u64::MAX);
        self.repeats = repeats;
        done
    }

    /// Gives whether the stage is over.
    fn go_to<H: Host>(
        &mut self,
        drive: &mut Drive<'_, H>,
        to_us: u64,
        event: Option<u64>,
        then: bool,
    ) -> bool {
        if let Some(event) = event {
            // Exactly so many events; on the way to the instant nothing else happens in the same run.
            let missing = event.saturating_sub(drive.host.world().events());
            let progress = drive.run(to_us.min(drive.until_us), missing);
            let there = progress.reached && to_us <= drive.until_us;
            if drive.host.world().events() < event && !there {
                return false;
            }
        }
        // Past the instant only by what is exact: at it, and events of the instant still to come.
        let is_there = event.is_some() && drive.host.world().now_us() >= to_us;
        if !is_there && !self.advance(drive, to_us) {
            return false;
        }
        if self.refused.is_some() {
            return true;
        }
        if then {
            self.carry_out(drive)
        } else {
            self.next()
        }
        true
    }

    fn carry_out<H: Host>(&mut self, drive: &mut Drive<'_, H>) {
        let Some(Step { what, .. }) = self.steps.get(self.at).cloned() else { return };
        let now = drive.host.world().now_us();
        match what {
            Command::Time(TimeCommand::RunFor { us }) => {
                self.go(now, now.saturating_add(us), None, false);
            }
            Command::Time(TimeCommand::RunUntil { us, event }) => {
                if us < now {
                    return self.refuse(now, format!("it is {} already", super::units::show_time(now)));
                }
                // An instant that was reached by so many events is reached again by them, and by nothing else.
                let event = event.filter(|&event| event > drive.host.world().events());
                self.go(now, us, event, false);
            }
            Command::Expect(expect) => {
                let answer = if expect.what.is_about_answer() { ANSWER_WITHIN_US } else { 0 };
                let within = expect.within_us.unwrap_or(answer);
                let until_us = now.saturating_add(within);
                self.stage = Stage::Look { expect, holds: false, until_us, look_us: now };
            }
            what => match drive.console.carry_out(drive.host, &what) {
                Ok(done) => {
                    if let (Command::Act(Action::OpenTerminal { target }), Some(number)) = (what, done.number)
                        && self.opened.len() < OPENED_MAX
                    {
                        let whom = match target {
                            Target::Node(name) => Whom::Node(name),
                            Target::Cluster => Whom::Cluster,
                        };
                        self.opened.push((whom, number));
                    }
                    self.next();
                }
                Err(why) => self.refuse(now, why),
            },
        }
    }

    /// Looks whether an expectation holds, when it is time to. Slices end at any event; looks do not move with them.
    fn look<H: Host>(
        &mut self,
        drive: &mut Drive<'_, H>,
        expect: Expect,
        holds: bool,
        until_us: u64,
        look_us: u64,
    ) -> bool {
        if !self.advance(drive, look_us) {
            return false;
        }
        if self.refused.is_some() {
            return true;
        }
        if drive.left == 0 {
            return false;
        }
        drive.left -= 1;
        let now_us = drive.host.world().now_us();
        let every = if expect.what.is_about_answer() { ANSWER_LOOK_US } else { LOOK_US };
        let next = (look_us / every + 1).saturating_mul(every).min(until_us);
        let last = look_us >= until_us;
        match (expect.what.look(drive.host.world(), drive.console), expect.for_us) {
            (Ok(()), Some(us)) if !holds => {
                self.stage =
                    Stage::Look { expect, holds: true, until_us: look_us.saturating_add(us), look_us };
            }
            (Ok(()), _) if !holds || last => {
                self.held += 1;
                self.next();
            }
            (Err(why), _) if holds || last => self.failed(now_us, why),
            _ => self.stage = Stage::Look { expect, holds, until_us, look_us: next },
        }
        true
    }

    fn failed(&mut self, now_us: u64, why: String) {
        if self.failures.len() < FAILURES_MAX {
            let remark = self.remark(now_us, why);
            self.failures.push(remark);
        }
        self.next();
    }
}
