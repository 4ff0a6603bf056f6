//! `cargo xtask bench`: is the engine fast enough, said in numbers that a shared machine cannot easily spoil.
//!
//! `bench engine` sets our native host beside Debian's redis-server. What is compared is a ratio, never two absolute
//! numbers from different minutes: both servers run all the time, one idle while the other works, and each measurement
//! of one is followed at once by the same measurement of the other, in changing order. A noisy neighbour then slows
//! both, and what it does not slow evenly shows as spread: minimum, median and maximum of the ratio over the rounds.
//! The servers share core 0 and redis-benchmark has core 1, so neither server ever waits for a core that the load has.
//!
//! `bench sim` runs the simulator's benchmark of the core crate, `bench travel` that of time travel; with `--browser` both run in headless
//! Chromium's worker, from a release build for wasm32 (tests/sim_bench.rs). `bench page` measures in a real Chromium how long a
//! visitor waits for a cluster that serves, and how smoothly the page draws under load (tests/browser/src/bench).

use crate::process::{self, Step};
use crate::setup::{self, Needs};
use crate::test::InBrowser;
use crate::{paths, progress};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What redis-benchmark is asked for with `-t`, in an order in which RPOP finds what LPUSH left.
const TESTS: [&str; 8] = ["set", "get", "incr", "lpush", "rpop", "sadd", "hset", "mset"];
const PIPELINES: [u32; 2] = [1, 16];
const CLIENTS: u32 = 50;
const KEYSPACE: u32 = 100_000;
const ROUNDS: usize = 5;
/// How long a benchmark of the simulator may take in Chromium, in seconds.
const BROWSER_LIMIT_S: u32 = 30 * 60;

pub fn run(args: &[&str]) -> Result<()> {
    match args.split_first() {
        Some((&"engine", options)) => engine(&Options::parse(options)?),
        Some((&"sim", [])) => of_core("sim"),
        Some((&"travel", [])) => of_core("travel"),
        Some((&"sim", ["--browser"])) => in_browser("bench_sim"),
        Some((&"travel", ["--browser"])) => in_browser("bench_travel"),
        Some((&"page", options)) => page(&Options::parse(options)?),
        _ => bail!(
            "what is to be measured? `cargo xtask bench engine [--rounds N] [--quick]`, `cargo xtask bench page [--rounds N]`, `cargo xtask bench sim [--browser]` or `cargo xtask bench travel [--browser]`"
        ),
    }
}

struct Options {
    rounds: usize,
    /// How many requests a measurement has, by pipeline depth: about a second each, a tenth of that if quick.
    requests: [u32; 2],
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self { rounds: ROUNDS, requests: [100_000, 600_000] };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--rounds" => {
                    let rounds = args.next().context("--rounds needs a number")?;
                    options.rounds = rounds
                        .parse()
                        .ok()
                        .filter(|n| *n > 0)
                        .with_context(|| format!("--rounds: '{rounds}' is no number of rounds"))?;
                }
                "--quick" => options.requests = options.requests.map(|n| n / 10),
                other => bail!("there is no option '{other}' here: --rounds N, --quick"),
            }
        }
        Ok(options)
    }
}

fn engine(options: &Options) -> Result<()> {
    let tools = setup::ensure(Needs { redis: true, ..Needs::default() })?;
    let redis_path = tools
        .redis_server
        .context("there is no redis-server to compare with. By hand: install Debian's redis-server")?;
    let benchmark = process::find_on_path("redis-benchmark")
        .context("there is no redis-benchmark. By hand: install Debian's redis-tools")?;
    let ours_path = build_host()?;

    let redis = Server::start("redis-server", &redis_path)?;
    let ours = Server::start("vitrine-server", &ours_path)?;
    progress::note(&format!(
        "redis-server {} on port {}, vitrine-server on port {}",
        version(&redis_path),
        redis.port,
        ours.port
    ));
    progress::note(&format!(
        "{} rounds of {} tests at -P {} and -P {}: -c {CLIENTS} -d 3 -r {KEYSPACE}, servers on core 0, load on core 1",
        options.rounds,
        TESTS.len(),
        PIPELINES[0],
        PIPELINES[1]
    ));

    let mut results: BTreeMap<(usize, usize), Vec<Pair>> = BTreeMap::new();
    for round in 0..options.rounds {
        for (p, (pipeline, requests)) in PIPELINES.into_iter().zip(options.requests).enumerate() {
            for server in [&redis, &ours] {
                server.flush()?;
            }
            for (t, test) in TESTS.into_iter().enumerate() {
                let measure = |server: &Server| {
                    requests_per_second(&benchmark, server.port, test, pipeline, requests)
                        .with_context(|| format!("{test} at -P {pipeline} against {}", server.name))
                };
                let pair = if round % 2 == 0 {
                    let redis = measure(&redis)?;
                    Pair { redis, ours: measure(&ours)? }
                } else {
                    let ours = measure(&ours)?;
                    Pair { redis: measure(&redis)?, ours }
                };
                results.entry((p, t)).or_default().push(pair);
            }
        }
        progress::note(&format!("round {} of {} done", round + 1, options.rounds));
    }
    print_table(&results);
    Ok(())
}

/// One measurement of each server, in requests per second.
struct Pair {
    redis: f64,
    ours: f64,
}

fn print_table(results: &BTreeMap<(usize, usize), Vec<Pair>>) {
    println!();
    println!(
        "requests per second, medians; ratio = vitrine / redis, over {} rounds",
        results.values().next().map_or(0, Vec::len)
    );
    println!(
        "  {:5} {:>5} {:>11} {:>11}   {:>6} {:>6} {:>6}",
        "test", "-P", "redis", "vitrine", "min", "median", "max"
    );
    let mut medians = Vec::new();
    for (&(p, t), pairs) in results {
        let ratios = sorted(pairs.iter().map(|pair| pair.ours / pair.redis));
        let redis = median(&sorted(pairs.iter().map(|pair| pair.redis)));
        let ours = median(&sorted(pairs.iter().map(|pair| pair.ours)));
        let (min, max) = (ratios[0], ratios[ratios.len() - 1]);
        println!(
            "  {:5} {:>5} {redis:>11.0} {ours:>11.0}   {min:>6.2} {:>6.2} {max:>6.2}",
            TESTS[t].to_uppercase(),
            PIPELINES[p],
            median(&ratios)
        );
        medians.push((p, median(&ratios)));
    }
    let of = |wanted: Option<usize>| -> Vec<f64> {
        medians
            .iter()
            .filter(|(p, _)| wanted.is_none_or(|wanted| wanted == *p))
            .map(|(_, ratio)| *ratio)
            .collect()
    };
    println!();
    println!("geometric mean of the ratios: {:.3}", geometric_mean(&of(None)));
    for (p, pipeline) in PIPELINES.into_iter().enumerate() {
        println!("                    at -P {pipeline:<2}: {:.3}", geometric_mean(&of(Some(p))));
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Runs one test of redis-benchmark and reads the number that it prints.
fn requests_per_second(benchmark: &Path, port: u16, test: &str, pipeline: u32, requests: u32) -> Result<f64> {
    let mut command = on_core(1, benchmark);
    command.args([
        "-p",
        &port.to_string(),
        "-t",
        test,
        "-P",
        &pipeline.to_string(),
        "-n",
        &requests.to_string(),
    ]);
    command.args(["-c", &CLIENTS.to_string(), "-d", "3", "-r", &KEYSPACE.to_string(), "--csv"]);
    let output = output_within(command, Duration::from_secs(120))?;
    parse_csv(&output).with_context(|| format!("redis-benchmark printed no result but: {output}"))
}

/// `"SET","123456.78","0.1",…` after a heading → 123456.78.
fn parse_csv(output: &str) -> Option<f64> {
    let line = output.lines().rfind(|line| line.starts_with('"') && !line.starts_with("\"test\""))?;
    // MSET's name has a comma-free "(10 keys)" in it, so the second field is the second quoted one.
    line.split("\",\"").nth(1)?.trim_matches('"').parse().ok().filter(|rps: &f64| *rps > 0.0)
}

fn output_within(mut command: Command, limit: Duration) -> Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = process::spawn(&mut command, "redis-benchmark")?;
    let mut pipe = child.stdout.take().context("redis-benchmark has no output")?;
    // It prints a few hundred bytes: they fit into the pipe, so nothing waits for the reader.
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > limit {
            process::end(&mut child);
            bail!("redis-benchmark was not done after {} s and was ended", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut output = String::new();
    pipe.read_to_string(&mut output)?;
    Ok(output)
}

/// A command bound to one core, where the system can do that.
fn on_core(core: u32, program: &Path) -> Command {
    match process::find_on_path("taskset") {
        Some(taskset) => {
            let mut command = process::command(taskset);
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
        None => process::command(program),
    }
}

/// Builds the native host as it is used.
fn build_host() -> Result<PathBuf> {
    if !paths::root().join("tests/server/Cargo.toml").is_file() {
        bail!("there is nothing to measure yet: the native host (tests/server) is not in the workspace");
    }
    progress::note("building the native host …");
    let mut cargo = process::command("cargo");
    cargo.args(["build", "--release", "--package", "vitrine-server"]).current_dir(paths::root());
    let by_hand = "What cargo printed says why.";
    Step { name: "build vitrine-server", limit: Duration::from_secs(30 * 60), by_hand }.quietly(cargo)?;
    let program = paths::target_dir().join("release/vitrine-server");
    if !process::is_executable(&program) {
        bail!("cargo built no {}", program.display());
    }
    Ok(program)
}

fn version(redis: &Path) -> String {
    let mut command = process::command(redis);
    command.arg("--version");
    let said = process::output_of(command).unwrap_or_default();
    said.split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
        .unwrap_or("of unknown version")
        .to_owned()
}

/// A running server on a loopback port of its own, in an empty folder of its own; both go when it is dropped.
struct Server {
    name: &'static str,
    port: u16,
    child: Child,
    dir: PathBuf,
}

impl Server {
    fn start(name: &'static str, program: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let dir = paths::target_dir().join("xtask-bench").join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir)?;
        let log = std::fs::File::create(paths::log_file(name)?)?;
        let mut command = on_core(0, program);
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.current_dir(&dir).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn(&mut command, name)?;
        let mut server = Self { name, port, child, dir };
        let start = Instant::now();
        while server.ask("PING").is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status}; its log is {}", paths::log_file(name)?.display());
            }
            if start.elapsed() > Duration::from_secs(10) {
                bail!(
                    "{name} does not answer PING after 10 s; its log is {}",
                    paths::log_file(name)?.display()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn flush(&self) -> Result<()> {
        let reply = self.ask("FLUSHALL")?;
        if reply != "+OK" {
            bail!("{} answers FLUSHALL with {reply}", self.name);
        }
        Ok(())
    }

    /// An inline command and the first line of the reply.
    fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(
            &SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
            Duration::from_secs(1),
        )?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(b"\r\n") && stream.read(&mut byte)? == 1 {
            reply.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&reply).trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::end(&mut self.child);
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A benchmark of the simulator, which the core crate brings.
fn of_core(name: &'static str) -> Result<()> {
    if !paths::root().join(format!("core/benches/{name}.rs")).is_file() {
        bail!("there is nothing to measure yet: core/benches/{name}.rs is not there");
    }
    let mut cargo = process::command("cargo");
    cargo
        .args(["bench", "--package", "vitrine-core", "--features", "lab", "--bench", name])
        .current_dir(paths::root());
    Step { name, limit: Duration::from_secs(30 * 60), by_hand: "What cargo printed says why." }.openly(cargo)
}

/// The same in a tab, as a test of tests/sim_bench.rs.
fn in_browser(test: &'static str) -> Result<()> {
    let by_hand = "What cargo and the browser printed says why; without --browser it runs natively.";
    InBrowser { suite: "sim_bench", test, release: true, limit_s: BROWSER_LIMIT_S, by_hand }.run()
}

/// From the page's first byte to a cluster that serves, over several loads.
fn page(options: &Options) -> Result<()> {
    let tools = setup::ensure(Needs { browser: true, ..Needs::PAGE })?;
    crate::page::build(&tools, true)?;
    let mut cargo = process::command("cargo");
    cargo.args(["run", "--quiet", "--package", "vitrine-browser-tests", "--bin", "page-bench", "--"]);
    cargo.arg(options.rounds.to_string()).current_dir(paths::root());
    crate::test::with_browser(&mut cargo, &tools);
    Step { name: "bench page", limit: Duration::from_secs(30 * 60), by_hand: "What it printed says why." }
        .openly(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_from_what_redis_benchmark_prints() {
        let output = "\"test\",\"rps\",\"avg_latency_ms\"\n\"MSET (10 keys)\",\"83333.34\",\"0.300\"\n";
        assert_eq!(parse_csv(output), Some(83333.34));
        assert_eq!(parse_csv("\"test\",\"rps\"\n"), None);
        assert_eq!(parse_csv("Could not connect to Redis"), None);
    }

    #[test]
    fn means_are_means() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert!((geometric_mean(&[0.5, 2.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn options_are_read_and_wrong_ones_are_refused() {
        assert_eq!(Options::parse(&["--rounds", "3"]).unwrap().rounds, 3);
        assert_eq!(Options::parse(&["--quick"]).unwrap().requests, [10_000, 60_000]);
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--fast"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
