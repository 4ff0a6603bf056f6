//! What time travel costs.
//!
//! Six nodes with 10,000 keys of 64 bytes under 1,000 operations a second, half of them writes, for some virtual minutes. Then the run is
//! gone through in every way that a visitor may: to random instants, step by step backwards, to the end. Each line says what
//! it should reach.

use super::{Place, SECOND};
use vitrine_core::rng::Rng;
use vitrine_core::sim::workload::{Pace, Sizes, Workload};
use vitrine_core::sim::{Action, Setup, Timeline, World};

/// Measures a run of so many virtual seconds.
pub fn run(place: &Place, seconds: u64) {
    let bar = place.bar("at most 200", "at most 500");
    let mut timeline = Timeline::new(World::new(Setup::six_nodes(1)).expect("the setup is sound"));
    timeline.run_until(15 * SECOND);
    let micros = clone_us(place, 100, &timeline);
    (place.say)(&format!("clone     of an idle world: {micros:.0} us"));
    let listening = rate(place, &mut timeline, 2_000, 1 << 14);
    let quiet = rate(place, &mut timeline, 2_000, 0);
    (place.say)(&format!(
        "trace     idle: {quiet:.0} virtual s/s with nobody listening, {listening:.0} with everything kept"
    ));

    let begin = timeline.here();
    let clock = place.clock();
    load(&mut timeline, seconds);
    let took = clock.seconds();
    let end = timeline.here();
    let view = timeline.view();
    let run_s = (end.at_us - begin.at_us) as f64 / 1e6;
    (place.say)(&format!(
        "run       {run_s:.0} virtual s, {} steps: {:.1} virtual s/s with checkpoints",
        end.step - begin.step,
        run_s / took
    ));
    let micros = clone_us(place, 20, &timeline);
    (place.say)(&format!("clone     of that world: {micros:.0} us"));
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    (place.say)(&format!(
        "memory    {} checkpoints: {:.0} MiB of {:.0} MiB; the world: {:.0} MiB; longest replay {} steps",
        view.branches[0].checkpoints_us.len(),
        mib(view.checkpoints_len),
        mib(view.checkpoints_len_max),
        mib(view.world_len),
        view.replay_steps_max
    ));
    memory(place, "after the run");

    let mut rng = Rng::new(2);
    let mut times = Vec::new();
    for _ in 0..200 {
        let at_us = begin.at_us + rng.below(end.at_us - begin.at_us);
        times.push(millis(place, || timeline.go_to(at_us)));
        assert_eq!(timeline.world().now_us(), at_us);
    }
    report(place, "rewind    to any instant", times, bar);
    let times = (0..200).map(|_| millis(place, || assert!(timeline.step_back()))).collect();
    report(place, "back      one step, 200 times", times, bar);
    let times = (0..20)
        .map(|_| {
            let at_us = begin.at_us + rng.below(end.at_us - begin.at_us);
            timeline.go_to(at_us);
            millis(place, || timeline.go_to(end.at_us))
        })
        .collect();
    report(place, "forward   to the end", times, bar);
    assert_eq!(timeline.here(), end);
    memory(place, "at most (no more than 256 MiB)");
}

/// Lets clients work for so many virtual seconds.
fn load(timeline: &mut Timeline, seconds: u64) {
    let workload = Workload { values: Sizes::Fixed { bytes: 64 }, ..Workload::default() };
    assert_eq!((workload.pace, workload.keys.count), (Pace::Open { per_second: 1000 }, 10_000));
    let start = Action::StartWorkload { name: "app".to_string(), workload: Box::new(workload) };
    timeline.act(start).expect("the name is free");
    timeline.run_for(seconds * SECOND);
}

/// Virtual seconds per second of an idle world with so many records kept.
fn rate(place: &Place, timeline: &mut Timeline, virtual_s: u64, records: usize) -> f64 {
    let mut world = timeline.world().clone();
    world.listen(records);
    let clock = place.clock();
    world.run_for(virtual_s * SECOND);
    virtual_s as f64 / clock.seconds()
}

/// What a copy of the world costs, in microseconds, over so many of them.
fn clone_us(place: &Place, times: u32, timeline: &Timeline) -> f64 {
    let clock = place.clock();
    let made: Vec<World> = (0..times).map(|_| timeline.world().clone()).collect();
    let took = clock.seconds() * 1e6 / f64::from(times);
    drop(made);
    took
}

fn millis(place: &Place, run: impl FnOnce()) -> f64 {
    let clock = place.clock();
    run();
    clock.seconds() * 1e3
}

fn report(place: &Place, what: &str, mut times: Vec<f64>, wanted: &str) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    (place.say)(&format!(
        "{what}: median {:.1} ms, p90 {:.1} ms, most {:.1} ms ({wanted})",
        at(0.5),
        at(0.9),
        at(1.0)
    ));
}

fn memory(place: &Place, when: &str) {
    for line in (place.memory)() {
        (place.say)(&format!("memory    {when}: {line}"));
    }
}
