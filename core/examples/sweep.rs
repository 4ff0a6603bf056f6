//! The sweep's driver: seeds on all cores, and what fails made small. `cargo xtask sweep` builds and runs it.
//!
//! It stands outside of the engine because it has threads and a clock, which nothing in `core/src` has.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use vitrine_core::sim::check::linear::Staleness;
use vitrine_core::sim::ledger::CauseKind;
use vitrine_core::sim::sweep::{Complaint, Help, Verdict, draw::draw, shrink::shrink};

/// How many runs making one case small may take.
const SHRINK_RUNS: u32 = 400;
/// How many failing cases are made small; the others are only listed.
const SHRUNK_MAX: usize = 5;
/// The hashes of the first seeds, from the root of the repository: one line `seed hash` each.
const HASHES: &str = "tests/corpus/sweep_hashes.txt";
/// How many seeds it has.
const HASHES_LEN: u64 = 100;
/// How often the state of things is said, in seconds.
const SAY_EVERY_S: f64 = 10.0;

struct Options {
    seeds: Range<u64>,
    minutes: u64,
    threads: usize,
    hashes: bool,
}

fn options() -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { seeds: 0..100, minutes: 1, threads, hashes: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--seeds" => {
                let text = value()?;
                let (from, to) = text.split_once("..").unwrap_or((&text, ""));
                let number = |text: &str| text.parse::<u64>().ok();
                let from =
                    number(from).ok_or_else(|| format!("--seeds: `{text}` is no range like 0..1000"))?;
                let to = if to.is_empty() { Some(from + 1) } else { number(to) };
                let to = to.filter(|to| *to > from);
                options.seeds = from..to.ok_or_else(|| format!("--seeds: `{text}` has no seed in it"))?;
            }
            "--minutes" => {
                options.minutes = value()?.parse().map_err(|_| "--minutes needs a number".to_string())?;
            }
            "--threads" => {
                options.threads = value()?.parse().map_err(|_| "--threads needs a number".to_string())?;
            }
            "--hashes" => {
                options.hashes = true;
                options.seeds = 0..HASHES_LEN;
            }
            other => {
                return Err(format!(
                    "there is no option `{other}`: --seeds A..B, --minutes M, --threads N, --hashes"
                ));
            }
        }
    }
    Ok(options)
}

#[derive(Default)]
struct Tally {
    runs: u64,
    virtual_us: u64,
    events: u64,
    operations: u64,
    replica_reads: Staleness,
    lost: BTreeMap<CauseKind, u64>,
    helped: BTreeMap<Help, u64>,
    failed: BTreeMap<u64, Verdict>,
    hashes: BTreeMap<u64, u64>,
}

impl Tally {
    fn add(&mut self, seed: u64, verdict: Verdict) {
        self.runs += 1;
        self.virtual_us += verdict.at_us;
        self.events += verdict.events;
        self.operations += verdict.operations;
        self.replica_reads.add(verdict.replica_reads);
        for (cause, count) in &verdict.lost {
            *self.lost.entry(*cause).or_default() += count;
        }
        for (help, count) in &verdict.helped {
            *self.helped.entry(*help).or_default() += count;
        }
        self.hashes.insert(seed, verdict.hash);
        if !verdict.findings.is_empty() {
            self.failed.insert(seed, verdict);
        }
    }

    fn say(&self, began: Instant, all: u64) {
        let took = began.elapsed().as_secs_f64();
        println!(
            "[{took:7.1} s] {} of {all} seeds, {:.0} virtual seconds ({:.0} a second), {} events, {} operations, {} lost, {} of {} reads from replicas stale, {} seeds failed",
            self.runs,
            self.virtual_us as f64 / 1e6,
            self.virtual_us as f64 / 1e6 / took,
            self.events,
            self.operations,
            self.lost.values().sum::<u64>(),
            self.replica_reads.stale,
            self.replica_reads.reads,
            self.failed.len(),
        );
    }
}

fn main() {
    let options = options().unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    });
    let began = Instant::now();
    let all = options.seeds.end - options.seeds.start;
    let next = AtomicU64::new(options.seeds.start);
    let tally = Mutex::new((Tally::default(), 0.0));
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.seeds.end {
                        return;
                    }
                    let verdict = judged(seed, options.minutes);
                    let Ok(mut guard) = tally.lock() else { return };
                    for finding in &verdict.findings {
                        println!("seed {seed}: {finding}");
                    }
                    guard.0.add(seed, verdict);
                    let now = began.elapsed().as_secs_f64();
                    if now - guard.1 >= SAY_EVERY_S {
                        guard.1 = now;
                        guard.0.say(began, all);
                    }
                }
            });
        }
    });
    let Ok((tally, _)) = tally.into_inner() else { std::process::exit(1) };
    tally.say(began, all);
    for (cause, count) in &tally.lost {
        println!("  {count:>8} acknowledged writes lost: {cause:?}");
    }
    if tally.replica_reads.stale > 0 {
        let worst_s = tally.replica_reads.worst_us as f64 / 1e6;
        println!("  the stalest read from a replica was {worst_s:.3} s behind");
    }
    for (help, count) in &tally.helped {
        println!("  {count:>8} times an operator had to help: {help:?}");
    }
    if options.hashes {
        compare_hashes(&tally.hashes);
    }
    for seed in tally.failed.keys().take(SHRUNK_MAX) {
        show_small(*seed, options.minutes);
    }
    if !tally.failed.is_empty() {
        let seeds: Vec<String> = tally.failed.keys().map(u64::to_string).collect();
        println!("\n{} seeds failed: {}", seeds.len(), seeds.join(" "));
        std::process::exit(1);
    }
}

/// Holds the hashes against those that are written down; `VITRINE_BLESS=1` writes them down instead.
fn compare_hashes(hashes: &BTreeMap<u64, u64>) {
    let text: String = hashes.iter().map(|(seed, hash)| format!("{seed} {hash:016x}\n")).collect();
    if std::env::var_os("VITRINE_BLESS").is_some() {
        if let Err(error) = std::fs::write(HASHES, text) {
            eprintln!("{HASHES}: {error}");
            std::process::exit(1);
        }
        return println!("{} hashes are written to {HASHES}", hashes.len());
    }
    let known = std::fs::read_to_string(HASHES).unwrap_or_default();
    let other: Vec<&str> = text.lines().filter(|line| !known.lines().any(|other| other == *line)).collect();
    println!("{} of {} hashes are those of {HASHES}", hashes.len() - other.len(), hashes.len());
    if !other.is_empty() {
        println!("others (VITRINE_BLESS=1 writes them down):\n{}", other.join("\n"));
        std::process::exit(1);
    }
}

/// The verdict on a seed. A panic of the engine is one too.
fn judged(seed: u64, minutes: u64) -> Verdict {
    let run = std::panic::catch_unwind(|| draw(seed, minutes).run());
    let text = match run {
        Ok(Ok((_, verdict))) => return verdict,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()));
            format!("the engine panicked: {}", text.unwrap_or_default())
        }
    };
    let finding = vitrine_core::sim::sweep::Finding { what: Complaint::Panic, at_us: 0, text };
    Verdict { findings: vec![finding], ..Verdict::default() }
}

/// Makes a failing case small and prints it as a scenario, a link and a test.
fn show_small(seed: u64, minutes: u64) {
    println!("\n=== seed {seed}, made small …");
    let shrunk = std::panic::catch_unwind(|| shrink(&draw(seed, minutes), SHRINK_RUNS));
    let Ok(Some(shrunk)) = shrunk else {
        println!("it cannot be made small (it panics, or does not fail again)");
        return;
    };
    let before = draw(seed, minutes);
    println!(
        "{} runs: {} deeds of {}, {} nodes of {}, {:.1} of {:.1} s",
        shrunk.runs,
        shrunk.case.deeds.len(),
        before.deeds.len(),
        shrunk.case.setup.nodes.len(),
        before.setup.nodes.len(),
        shrunk.case.until_us as f64 / 1e6,
        before.until_us as f64 / 1e6,
    );
    for finding in &shrunk.verdict.findings {
        println!("  {finding}");
    }
    match shrunk.case.scenario(&format!("sweep seed {seed}")) {
        Ok(scenario) => {
            println!("--- tests/corpus/scenarios/sweep-{seed}.vitrine\n{}", scenario.to_text());
            match scenario.to_link() {
                Ok(link) => println!("--- link\n{link}"),
                Err(error) => println!("--- no link: {error}"),
            }
            println!(
                "--- test (tests/sim_sweep.rs)\n#[test]\nfn seed_{seed}() {{\n    judge(include_str!(\"corpus/scenarios/sweep-{seed}.vitrine\"));\n}}"
            );
        }
        Err(error) => println!("it makes no scenario: {error}"),
    }
}
