//! `cargo xtask test`: every check, in the order in which it is cheapest to learn that something is wrong.
//!
//! - `lint`: rustfmt, clippy natively, clippy for wasm32.
//! - `native`: all tests of all crates that build natively: the engine, the simulator, the native host, this program.
//! - `wasm`: the same suites of `tests/*.rs` once more, compiled to wasm32 and run in headless Chromium by wasm-pack.
//! - `page`: the page, built by Trunk as it is published.
//! - `browser`: the end-to-end tests, which drive that page in a real Chromium through WebDriver.
//!
//! A step that fails does not stop the next ones, unless they need its product: one run tells all there is to tell.
//! `.ci/run` calls this and nothing else, so what is green here is green there.

use crate::process::{self, Step};
use crate::progress::{self, Outcome, Summary};
use crate::setup::{self, Needs, Tools};
use crate::{page, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const LAYERS: [&str; 5] = ["lint", "native", "wasm", "page", "browser"];

/// The end-to-end tests, apart from the native ones because they need the page.
const BROWSER_TESTS: &str = "tests/browser";
/// The page, which builds for wasm32 alone.
const WEB: &str = "web";

/// How long a build for [`InBrowser`] may take, in seconds.
const BUILD_LIMIT_S: u64 = 40 * 60;

const QUIET_CHROME: [&str; 6] = [
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
];

/// `cargo xtask test [layer …]`.
pub fn run(args: &[&str]) -> Result<()> {
    for arg in args {
        if !LAYERS.contains(arg) {
            bail!("there is no layer '{arg}': choose from {}", LAYERS.join(", "));
        }
    }
    let wanted = |layer: &str| args.is_empty() || args.contains(&layer);
    let needs = Needs {
        page: wanted("page") || wanted("browser"),
        wasm_tests: wanted("wasm") || wanted("lint"),
        browser: wanted("wasm") || wanted("browser"),
        firefox: wanted("browser"),
        redis: wanted("native"),
        lint: wanted("lint"),
    };
    let tools = setup::ensure(needs)?;

    let mut steps = Steps { summary: Summary::default(), tools: &tools };
    if wanted("lint") {
        steps.lint();
    }
    if wanted("native") {
        steps.native();
    }
    if wanted("wasm") {
        steps.wasm();
    }
    if wanted("page") || wanted("browser") {
        steps.page();
    }
    if wanted("browser") {
        steps.browser();
    }
    steps.summary.print();
    match steps.summary.failures() {
        0 => Ok(()),
        1 => bail!("one step failed: see above"),
        failures => bail!("{failures} steps failed: see above"),
    }
}

struct Steps<'a> {
    summary: Summary,
    tools: &'a Tools,
}

impl Steps<'_> {
    fn step(&mut self, name: &str, step: impl FnOnce(&Tools) -> Result<()>) {
        progress::say("");
        progress::note(&format!("==> {name}"));
        let start = Instant::now();
        let outcome = match step(self.tools) {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                progress::note(&format!("{name} FAILED: {error:#}"));
                Outcome::Failed(in_short(&format!("{error:#}")))
            }
        };
        let took = start.elapsed();
        if outcome == Outcome::Passed {
            progress::note(&format!("{name}: passed in {:.1} s", took.as_secs_f64()));
        }
        self.summary.push(name, outcome, took);
    }

    fn skip(&mut self, name: &str, why: &str) {
        progress::say("");
        progress::note(&format!("==> {name}: skipped, {why}"));
        self.summary.push(name, Outcome::Skipped(why.into()), Duration::ZERO);
    }

    fn lint(&mut self) {
        self.step("format", |_| {
            let mut cargo = native_cargo("fmt");
            cargo.args(["--all", "--", "--check"]);
            run_step("rustfmt", 5, "`cargo fmt --all` sets it right.", cargo)
        });
        self.step("clippy, native", |_| {
            let mut cargo = native_cargo("clippy");
            cargo.arg("--workspace").args(excluding(&[WEB])).args(["--all-targets", "--", "-D", "warnings"]);
            run_step(
                "clippy",
                30,
                "Every warning is an error here; what clippy printed says what it wants.",
                cargo,
            )
        });
        if !self.tools.wasm_clippy {
            self.skip("clippy, wasm32", "this toolchain has no clippy for that target");
            return;
        }
        self.step("clippy, wasm32", |tools| {
            let mut cargo = tools.wasm_command("cargo");
            cargo.args(["clippy", "--target", "wasm32-unknown-unknown", "--package", "vitrine"]);
            if let Some(web) = package_in(WEB) {
                cargo.args(["--package", &web]);
            }
            cargo.args(["--all-targets", "--", "-D", "warnings"]);
            run_step(
                "clippy for wasm32",
                30,
                "Every warning is an error here; what clippy printed says what it wants.",
                cargo,
            )
        });
    }

    fn native(&mut self) {
        self.step("native tests", |_| {
            let mut cargo = native_cargo("test");
            cargo.arg("--workspace").args(excluding(&[WEB, BROWSER_TESTS]));
            run_step("cargo test", 40, "`cargo xtask test native` runs this step alone.", cargo)
        });
        // A build of its own: no other may have a rule of the engine switched off.
        self.step("tests with bugs on purpose, native", |_| {
            let mut cargo = native_cargo("test");
            cargo.args(["--package", "vitrine", "--features", "planted", "--test", "sim_planted"]);
            run_step("cargo test", 40, "`cargo xtask test native` runs this step too.", cargo)
        });
        // What the page and its worker share has no browser in it and is tested like everything else.
        self.step("the page's own tests, native", |_| {
            let Some(web) = package_in(WEB) else { return Ok(()) };
            let mut cargo = native_cargo("test");
            cargo.args(["--package", &web, "--lib"]);
            run_step("cargo test", 40, "`cargo xtask test native` runs this step too.", cargo)
        });
    }

    fn wasm(&mut self) {
        for (name, dir) in [("dual-target tests in Chromium", "."), ("web's own tests in Chromium", WEB)] {
            // Without a test in the folder, wasm-pack would build everything to run nothing.
            if !has_tests(dir) {
                if dir == "." {
                    self.skip(name, "there is no test in tests/*.rs");
                }
                continue;
            }
            self.step(name, |tools| {
                let mut wasm_pack = tools.wasm_command("wasm-pack");
                wasm_pack.args(["test", "--headless", "--chrome", "--mode", "no-install"]);
                if let Some(driver) = &tools.chromedriver {
                    wasm_pack.arg("--chromedriver").arg(driver);
                }
                wasm_pack.arg(dir);
                wasm_pack.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", webdriver_json(tools)?);
                if std::env::var_os("WASM_BINDGEN_TEST_TIMEOUT").is_none() {
                    // Seconds for a whole suite; the default of 20 is for unit tests.
                    wasm_pack.env("WASM_BINDGEN_TEST_TIMEOUT", "600");
                }
                run_step("wasm-pack test", 40, "`cargo xtask test wasm` runs this step alone.", wasm_pack)
            });
        }
    }

    fn page(&mut self) {
        if !paths::root().join("Trunk.toml").is_file() {
            self.skip("page", "there is no Trunk.toml");
            return;
        }
        self.step("page", |tools| page::build(tools, true));
    }

    fn browser(&mut self) {
        let name = "end-to-end tests in Chromium";
        let Some(package) = package_in(BROWSER_TESTS) else {
            self.skip(name, "there is no package in tests/browser");
            return;
        };
        if !self.summary.passed("page") {
            self.skip(name, "the page was not built");
            return;
        }
        self.step(name, |tools| {
            let mut cargo = native_cargo("test");
            cargo.args(["--package", &package]);
            with_browser(&mut cargo, tools);
            run_step("end-to-end tests", 40, "`cargo xtask test browser` runs this step alone.", cargo)
        });
    }
}

/// Where the page, the browser, its driver and the judge of accessibility are. What drives them serves the folder itself and starts a driver of its own.
pub fn with_browser(command: &mut Command, tools: &Tools) {
    command.env("VITRINE_DIST", paths::dist_dir());
    if let (Some(chrome), Some(driver)) = (&tools.chrome, &tools.chromedriver) {
        command.env("CHROME", chrome).env("CHROMEDRIVER", driver);
    }
    if let (Some(firefox), Some(driver)) = (&tools.firefox, &tools.geckodriver) {
        command.env("FIREFOX", firefox).env("GECKODRIVER", driver);
    }
    if let Some(axe) = &tools.axe {
        command.env("VITRINE_AXE", axe);
    }
}

/// How wasm-bindgen's test runner is to start the browser: the one that was found, and without its talk to its makers,
/// which is slow to fail on a machine that cannot reach them. (The runner adds what makes it headless.)
pub fn webdriver_json(tools: &Tools) -> Result<PathBuf> {
    let path = paths::target_dir().join("webdriver.json");
    let binary = tools.chrome.as_ref().map(|chrome| format!("\"binary\": {:?}, ", chrome.to_string_lossy()));
    let args: Vec<String> = QUIET_CHROME.iter().map(|arg| format!("{arg:?}")).collect();
    let json = format!(
        "{{\"goog:chromeOptions\": {{{}\"args\": [{}]}}}}\n",
        binary.unwrap_or_default(),
        args.join(", ")
    );
    std::fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// One test of a dual-target suite, compiled to WebAssembly, in headless Chromium. Cargo itself is asked for it, with wasm-pack's runner:
/// wasm-pack would build all the other suites first.
pub struct InBrowser {
    /// The suite, a file of tests/.
    pub suite: &'static str,
    /// The test; it is run though it may be ignored where nobody asks for it by name.
    pub test: &'static str,
    /// Optimised as a release is, for what measures.
    pub release: bool,
    /// How long the test may take, in seconds.
    pub limit_s: u32,
    /// What to do where it fails, in a sentence.
    pub by_hand: &'static str,
}

impl InBrowser {
    pub fn run(&self) -> Result<()> {
        let tools = setup::ensure(Needs { wasm_tests: true, browser: true, ..Needs::default() })?;
        let mut cargo = tools.wasm_command("cargo");
        cargo.args(["test", "--target", "wasm32-unknown-unknown", "--test", self.suite]);
        if self.release {
            cargo.arg("--release");
        }
        cargo.args(["--", "--include-ignored", "--nocapture", self.test]);
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner");
        if let Some(driver) = &tools.chromedriver {
            cargo.env("CHROMEDRIVER", driver);
        }
        cargo.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", webdriver_json(&tools)?);
        cargo.env("WASM_BINDGEN_TEST_TIMEOUT", self.limit_s.to_string());
        let limit = Duration::from_secs(u64::from(self.limit_s) + BUILD_LIMIT_S);
        Step { name: &format!("{} in Chromium", self.suite), limit, by_hand: self.by_hand }.openly(cargo)
    }
}

/// What of an error has room in the summary: how the program ended, or else how the sentence begins.
fn in_short(error: &str) -> String {
    let from = error.find("` ").map_or(0, |end_of_command| end_of_command + 2);
    let sentence = error[from..].split(". ").next().unwrap_or_default();
    sentence.lines().next().unwrap_or_default().chars().take(80).collect()
}

fn run_step(name: &str, limit_minutes: u64, by_hand: &str, command: Command) -> Result<()> {
    Step { name, limit: Duration::from_secs(limit_minutes * 60), by_hand }.openly(command)
}

/// The machine's own cargo, in the root of the repository.
fn native_cargo(subcommand: &str) -> Command {
    let mut cargo = process::command("cargo");
    cargo.arg(subcommand).current_dir(paths::root());
    cargo
}

/// `--exclude` for the packages in these folders, where there are some.
fn excluding(dirs: &[&str]) -> Vec<String> {
    dirs.iter().filter_map(|dir| package_in(dir)).flat_map(|name| ["--exclude".into(), name]).collect()
}

/// The name of the package in a folder of the repository.
fn package_in(dir: &str) -> Option<String> {
    let manifest = std::fs::read_to_string(paths::root().join(dir).join("Cargo.toml")).ok()?;
    package_name(&manifest)
}

fn package_name(manifest: &str) -> Option<String> {
    let package = manifest.split_once("[package]")?.1;
    let line = package.lines().find(|line| line.trim_start().starts_with("name"))?;
    Some(line.split_once('=')?.1.trim().trim_matches('"').to_owned())
}

/// Whether the package in this folder has test suites (`lib.rs` in there is the root package's empty library).
fn has_tests(dir: &str) -> bool {
    let entries = std::fs::read_dir(paths::root().join(dir).join("tests")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        path.extension().is_some_and(|ext| ext == "rs")
            && path.file_name() != Some(Path::new("lib.rs").as_os_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_manifest() {
        assert_eq!(
            package_name("[package]\nname = \"vitrine-web\"\nversion = \"1\"\n").as_deref(),
            Some("vitrine-web")
        );
        assert_eq!(package_name("[workspace]\nmembers = []\n"), None);
        assert_eq!(package_in("xtask").as_deref(), Some("xtask"));
        assert_eq!(package_in("no/such/folder"), None);
    }

    #[test]
    fn the_summary_says_how_a_program_ended() {
        let error =
            "clippy: `cargo clippy -- -D warnings` ended with exit status: 101. Every warning is an error.";
        assert_eq!(in_short(error), "ended with exit status: 101");
        assert_eq!(in_short("cannot write dist: no space. Make some."), "cannot write dist: no space");
    }

    #[test]
    fn an_unknown_layer_is_refused_before_anything_is_installed() {
        let error = run(&["nativ"]).unwrap_err().to_string();
        assert!(error.contains("nativ") && error.contains("browser"), "{error}");
    }
}
