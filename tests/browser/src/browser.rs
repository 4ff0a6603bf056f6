//! One Chromium under one chromedriver, with a profile folder that outlives it.

use crate::page::{PATIENCE, Page};
use crate::serve;
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long a driver may take to listen.
const DRIVER_START_MAX: Duration = Duration::from_secs(20);

/// The page's server and a browser profile; browsers come and go on it.
pub struct Bench {
    url: String,
    profile: TempDir,
}

/// A running browser. Dropping it kills the driver and the browser.
pub struct Browser {
    driver: Child,
    /// The page that is open.
    pub page: Page,
    profile: PathBuf,
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

    /// Opens the page in a browser of this profile.
    pub async fn open(&self, width: u32, height: u32) -> Browser {
        let port = free_port();
        let driver = Command::new(program("CHROMEDRIVER", "chromedriver"))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver does not start: `cargo xtask setup` installs it");
        let args = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--force-device-scale-factor=1".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", self.profile.path().display()),
        ];
        let options = json!({ "args": args, "binary": program("CHROME", "/usr/bin/chromium") });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        capabilities.insert("timeouts".to_owned(), json!({ "script": PATIENCE.as_millis() as u64 }));
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
        let page = Page::new(client);
        page.goto(&self.url).await;
        Browser { driver, page, profile: self.profile.path().to_owned() }
    }
}

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("no loopback port");
    probe.local_addr().expect("a bound socket has an address").port()
}

impl Browser {
    /// Ends the session in order.
    pub async fn close(mut self) {
        self.page.close().await;
        let _ = self.driver.kill().await;
    }

    /// Kills every process of the browser at once (SIGKILL), as a crash or a loss of power would.
    pub async fn kill(mut self) {
        let needle = format!("--user-data-dir={}", self.profile.display());
        let mut killed = 0;
        for entry in std::fs::read_dir("/proc").expect("this test needs /proc").flatten() {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = command.split(|&byte| byte == 0);
            if words.into_iter().any(|word| word == needle.as_bytes()) {
                let name = entry.file_name();
                let killed_it = Command::new("kill").arg("-9").arg(&name).status().await;
                killed += usize::from(killed_it.is_ok_and(|status| status.success()));
            }
        }
        assert!(killed > 0, "no browser process was found to kill");
        let _ = self.driver.kill().await;
        // What is left of the profile's lock belongs to a dead process.
        for lock in ["SingletonLock", "SingletonCookie", "SingletonSocket"] {
            let _ = std::fs::remove_file(self.profile.join(lock));
        }
    }
}
