//! One Chromium under one chromedriver, or one Firefox under one geckodriver, with a profile folder that outlives it.
//!
//! A driver starts the browser in a process group of its own, so ending the driver does not end the browser. Whatever way
//! a test ends, by a panic too, [`Driver`]'s drop finds every process of the driver and of the profile and kills it.

use crate::page::{PATIENCE, Page};
use crate::serve;
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a driver may take to listen.
const DRIVER_START_MAX: Duration = Duration::from_secs(20);

/// The page's server and a browser profile; browsers come and go on it.
pub struct Bench {
    url: String,
    profile: TempDir,
}

/// A driver and the browser that it started.
struct Driver {
    child: Child,
    profile: PathBuf,
}

/// A running browser. Dropping it kills the driver and the browser.
pub struct Browser {
    driver: Driver,
    /// The page that is open.
    pub page: Page,
}

/// What is particular to a browser.
#[derive(Clone, Debug)]
pub struct Options {
    /// The window, in CSS pixels.
    pub size: (u32, u32),
    /// Whether the browser forbids sites to store anything, as one does that is set to block all cookies.
    pub no_storage: bool,
    /// Whether it is Firefox; that can do less: it has no log of its console, and no developer tools for a driver.
    pub firefox: bool,
    /// How long the browser has to itself before it opens the page: one that has just started is busy with its own pages for seconds,
    /// and a visitor's has long been there.
    pub settle: Duration,
    /// The trace that Chromium keeps of its first seconds.
    pub trace: Option<Trace>,
}

/// A trace of Chromium's: what it keeps, for how long from its start, and the file that it writes then, as JSON. (A driver would hand
/// out parts of it only.)
#[derive(Clone, Debug)]
pub struct Trace {
    /// The categories of events, with commas between them.
    pub categories: &'static str,
    /// For how long.
    pub lasting: Duration,
    /// Into which file.
    pub file: PathBuf,
}

impl Default for Options {
    fn default() -> Options {
        Options { size: (1440, 900), no_storage: false, firefox: false, settle: Duration::ZERO, trace: None }
    }
}

fn program(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.to_owned())
}

impl Bench {
    /// Serves the page and makes an empty profile.
    pub async fn new() -> Bench {
        let dist = std::env::var("VITRINE_DIST")
            .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist"), PathBuf::from);
        assert!(
            dist.join("index.html").is_file(),
            "there is no page in {}: run `cargo xtask test browser`, which builds it first",
            dist.display()
        );
        let url = serve::serve(dist).await.expect("no loopback port for the page");
        Bench { url, profile: TempDir::new().expect("no temporary folder") }
    }

    /// The address of the page.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens the page in a browser of this profile.
    pub async fn open(&self) -> Browser {
        self.open_with(Options::default()).await
    }

    /// The same, with something particular.
    pub async fn open_with(&self, options: Options) -> Browser {
        let port = free_port();
        let (driver, capabilities) =
            if options.firefox { self.firefox(&options) } else { self.chromium(&options) };
        let child = Command::new(&driver)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| panic!("{driver} does not start: {why}; `cargo xtask setup` installs it"));
        let driver = Driver { child, profile: self.profile.path().to_owned() };
        let begin = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(error) if begin.elapsed() > DRIVER_START_MAX => panic!("no browser session: {error}"),
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        };
        sleep(options.settle).await;
        let page = Page::new(client);
        page.goto(&self.url).await;
        Browser { driver, page }
    }

    /// Chromium's driver, and how it is to start the browser.
    fn chromium(&self, options: &Options) -> (String, serde_json::Map<String, Value>) {
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--force-device-scale-factor=1".to_owned(),
            format!("--window-size={},{}", options.size.0, options.size.1),
            format!("--user-data-dir={}", self.profile.path().display()),
        ];
        if let Some(Trace { categories, lasting, file }) = &options.trace {
            args.extend([
                format!("--trace-startup={categories}"),
                "--trace-startup-format=json".to_owned(),
                format!("--trace-startup-duration={}", lasting.as_secs()),
                format!("--trace-startup-file={}", file.display()),
            ]);
        }
        // 2 is Chromium's word for "block".
        let prefs = if options.no_storage {
            json!({ "profile": { "default_content_setting_values": { "cookies": 2 } } })
        } else {
            json!({})
        };
        let options =
            json!({ "args": args, "binary": program("CHROME", "/usr/bin/chromium"), "prefs": prefs });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        capabilities.insert("timeouts".to_owned(), timeouts());
        (program("CHROMEDRIVER", "chromedriver"), capabilities)
    }

    /// The same of Firefox.
    fn firefox(&self, options: &Options) -> (String, serde_json::Map<String, Value>) {
        let profile = self.profile.path().display().to_string();
        let (width, height) = (options.size.0.to_string(), options.size.1.to_string());
        let args = ["-headless", "-width", &width, "-height", &height, "-profile", &profile];
        let mut capabilities = serde_json::Map::new();
        let options = json!({ "args": args, "binary": program("FIREFOX", "/usr/bin/firefox-esr") });
        capabilities.insert("moz:firefoxOptions".to_owned(), options);
        capabilities.insert("timeouts".to_owned(), timeouts());
        (program("GECKODRIVER", "geckodriver"), capabilities)
    }
}

/// How long a script may take to answer.
fn timeouts() -> Value {
    json!({ "script": PATIENCE.as_millis() as u64 })
}

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("no loopback port");
    probe.local_addr().expect("a bound socket has an address").port()
}

impl Driver {
    /// The processes of this driver and of this profile: the driver, what it started, and what names the profile.
    fn processes(&self) -> Vec<u32> {
        // Chromium is told its profile with the name of the option before it, Firefox in an argument of its own.
        let profile = self.profile.display().to_string();
        let needles = [format!("--user-data-dir={profile}"), profile];
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let all: Vec<(u32, u32, bool)> = entries
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
                let parent =
                    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
                let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let named =
                    command.split(|&byte| byte == 0).any(|word| needles.iter().any(|n| n.as_bytes() == word));
                Some((id, parent, named))
            })
            .collect();
        let mut found = vec![self.child.id()];
        found.extend(all.iter().filter(|(_, _, named)| *named).map(|(id, _, _)| *id));
        // Children of what was found, and theirs.
        let mut next = 0;
        while next < found.len() {
            let parent = found[next];
            let children = all.iter().filter(|(id, of, _)| *of == parent && !found.contains(id));
            let children: Vec<u32> = children.map(|(id, _, _)| *id).collect();
            found.extend(children);
            next += 1;
        }
        found
    }

    /// Kills everything at once (SIGKILL); gives how many processes that were.
    fn kill(&mut self) -> usize {
        let processes = self.processes();
        let ids = processes.iter().map(u32::to_string);
        let _ = Command::new("kill").arg("-9").args(ids).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
        processes.len()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Browser {
    /// Ends the session in order. Nothing may have been put on the console since somebody last asked what there is.
    pub async fn close(self) {
        let console = self.page.console().await;
        assert!(console.is_empty(), "the console has {console:#?}");
        self.page.close().await;
    }

    /// Kills every process of the browser at once (SIGKILL), as a crash or a loss of power would.
    pub async fn kill(mut self) {
        assert!(self.driver.kill() > 1, "no browser process was found to kill");
        // What is left of the profile's lock belongs to a dead process.
        for lock in ["SingletonLock", "SingletonCookie", "SingletonSocket"] {
            let _ = std::fs::remove_file(self.driver.profile.join(lock));
        }
    }

    /// The processes that run for this browser.
    pub fn processes(&self) -> Vec<u32> {
        self.driver.processes()
    }
}
