//! What time travel costs: `cargo xtask bench travel`, or `cargo bench --package vitrine-core --bench travel -- 600`.
//!
//! Six nodes with 10,000 keys of 64 bytes under 1,000 operations a second, half of them writes, for ten virtual minutes (or the
//! seconds that are given). Then the run is gone through in every way that a visitor may: to random instants, step by
//! step backwards, to the end. Each line says what it should reach. Nothing but the measuring here looks at a real clock.

use std::time::Instant;
use vitrine_core::rng::Rng;
use vitrine_core::sim::workload::{Pace, Sizes, Workload};
use vitrine_core::sim::{Action, Setup, Timeline, World};

const SECOND: u64 = 1_000_000;

fn main() {
    let seconds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(600);
    let mut timeline = Timeline::new(World::new(Setup::six_nodes(1)).expect("the setup is sound"));
    timeline.run_until(15 * SECOND);
    println!("clone     of an idle world: {:.0} us", micros(100, || timeline.world().clone()));
    let listening = rate(&mut timeline, 2_000, 1 << 14);
    let quiet = rate(&mut timeline, 2_000, 0);
    println!(
        "trace     idle: {quiet:.0} virtual s/s with nobody listening, {listening:.0} with everything kept"
    );

    let begin = timeline.here();
    let start = Instant::now();
    load(&mut timeline, seconds);
    let took = start.elapsed().as_secs_f64();
    let end = timeline.here();
    let view = timeline.view();
    let run_s = (end.at_us - begin.at_us) as f64 / 1e6;
    println!(
        "run       {run_s:.0} virtual s, {} steps: {:.1} virtual s/s with checkpoints",
        end.step - begin.step,
        run_s / took
    );
    println!("clone     of that world: {:.0} us", micros(20, || timeline.world().clone()));
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    println!(
        "memory    {} checkpoints: {:.0} MiB of {:.0} MiB; the world: {:.0} MiB; longest replay {} steps",
        view.branches[0].checkpoints_us.len(),
        mib(view.checkpoints_len),
        mib(view.checkpoints_len_max),
        mib(view.world_len),
        view.replay_steps_max
    );
    resident("after the run");

    let mut rng = Rng::new(2);
    let mut times = Vec::new();
    for _ in 0..200 {
        let at_us = begin.at_us + rng.below(end.at_us - begin.at_us);
        times.push(millis(|| timeline.go_to(at_us)));
        assert_eq!(timeline.world().now_us(), at_us);
    }
    report("rewind    to any instant", times, "at most 200");
    let times = (0..200).map(|_| millis(|| assert!(timeline.step_back()))).collect();
    report("back      one step, 200 times", times, "at most 200");
    let times = (0..20)
        .map(|_| {
            let at_us = begin.at_us + rng.below(end.at_us - begin.at_us);
            timeline.go_to(at_us);
            millis(|| timeline.go_to(end.at_us))
        })
        .collect();
    report("forward   to the end", times, "at most 200");
    assert_eq!(timeline.here(), end);
    resident("at most (no more than 256 MiB)");
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
fn rate(timeline: &mut Timeline, virtual_s: u64, records: usize) -> f64 {
    let mut world = timeline.world().clone();
    world.listen(records);
    let start = Instant::now();
    world.run_for(virtual_s * SECOND);
    virtual_s as f64 / start.elapsed().as_secs_f64()
}

fn micros<T>(times: u32, mut make: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let made: Vec<T> = (0..times).map(|_| make()).collect();
    let took = start.elapsed().as_secs_f64() * 1e6 / f64::from(times);
    drop(made);
    took
}

fn millis(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e3
}

fn report(what: &str, mut times: Vec<f64>, wanted: &str) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{what}: median {:.1} ms, p90 {:.1} ms, most {:.1} ms ({wanted})", at(0.5), at(0.9), at(1.0));
}

/// What the whole process took in memory at the most, where the system says so.
fn resident(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS")) {
        println!("memory    {when}: {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}
