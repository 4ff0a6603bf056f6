//! What comes from the system's own package manager: a browser and its driver, Node.js, Redis, a C compiler.
//!
//! Debian and Ubuntu have apt-get, a Mac has brew; elsewhere, and where we may not install, the developer gets the list.
//! All that is missing is installed in one call, and a machine that misses nothing is never asked for root.
//!
//! Debian's redis-server would start a service at once, on a port that the developer may want: `policy-rc.d` is Debian's
//! own way to say that nothing is to be started during an installation, and it is taken away again afterwards.

use super::{Needs, Tools, pinned};
use crate::{process, process::Step, progress};
use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Something that may be missing, and its packages.
struct Wanted {
    what: &'static str,
    apt: &'static [&'static str],
    /// brew's arguments after `install`.
    brew: &'static [&'static str],
    by_hand: &'static str,
}

const C_COMPILER: Wanted = Wanted {
    what: "a C compiler",
    apt: &["gcc", "libc6-dev", "pkg-config"],
    brew: &[],
    by_hand: "a C compiler and linker (on a Mac: xcode-select --install)",
};
const NODE: Wanted = Wanted {
    what: "Node.js with npm",
    apt: &["nodejs", "npm"],
    brew: &["node"],
    by_hand: "Node.js 18 or later with npm (or binaryen 132's wasm-opt on PATH)",
};
const XZ: Wanted = Wanted { what: "xz", apt: &["xz-utils"], brew: &["xz"], by_hand: "xz (of xz-utils)" };
const BROWSER: Wanted = Wanted {
    what: "Chromium and chromedriver",
    apt: &["chromium", "chromium-driver"],
    brew: &[],
    by_hand: "Chromium or Google Chrome, and the chromedriver of the same major version (or set CHROME and CHROMEDRIVER)",
};
const BROWSER_ON_MAC: Wanted =
    Wanted { what: "Google Chrome", brew: &["--cask", "google-chrome"], ..BROWSER };
const DRIVER_ON_MAC: Wanted = Wanted { what: "chromedriver", brew: &["--cask", "chromedriver"], ..BROWSER };
/// Where it is easily had. Ubuntu's is a snap, whose profile its driver cannot read.
const FIREFOX: Wanted = Wanted {
    what: "Firefox",
    apt: &["firefox-esr"],
    brew: &[],
    by_hand: "Firefox (or set FIREFOX and GECKODRIVER)",
};
/// Ubuntu has these as a snap, behind packages of other names.
const BROWSER_ON_UBUNTU: Wanted = Wanted { apt: &["chromium-browser", "chromium-chromedriver"], ..BROWSER };
const REDIS: Wanted = Wanted {
    what: "redis-server and redis-cli",
    apt: &["redis-server", "redis-tools"],
    brew: &["redis"],
    by_hand: "redis-server, redis-cli and redis-benchmark, best version 7.0.15 (Debian 12's)",
};

/// Finds the system's tools, and installs what is missing.
pub fn ensure(needs: Needs, tools: &mut Tools) -> Result<()> {
    let mut missing: Vec<Wanted> = Vec::new();
    if process::find_on_path("cc").is_none() {
        missing.push(C_COMPILER);
    }
    if needs.page
        && pinned::needs_npm(&needs.scripts())
        && (process::find_on_path("npm").is_none() || process::find_on_path("node").is_none())
    {
        missing.push(NODE);
    }
    if needs.page && process::find_on_path("xz").is_none() {
        missing.push(XZ);
    }
    if needs.browser && (find_chrome().is_none() || find_chromedriver().is_none()) {
        if cfg!(target_os = "macos") {
            // One by one: brew refuses to install over a Chrome that it did not bring.
            missing.extend(find_chrome().is_none().then_some(BROWSER_ON_MAC));
            missing.extend(find_chromedriver().is_none().then_some(DRIVER_ON_MAC));
        } else {
            missing.push(if is("ubuntu") { BROWSER_ON_UBUNTU } else { BROWSER });
        }
    }
    if needs.firefox && find_firefox().is_none() && is("debian") {
        missing.push(FIREFOX);
    }
    if needs.redis
        && (process::find_on_path("redis-server").is_none()
            || process::find_on_path("redis-benchmark").is_none())
    {
        missing.push(REDIS);
    }
    if !missing.is_empty() {
        install(&missing)?;
    }
    if needs.browser {
        let (Some(chrome), Some(driver)) = (find_chrome(), find_chromedriver()) else {
            bail!("Chromium or chromedriver is still not found. By hand: install {}.", BROWSER.by_hand);
        };
        check_same_major(&chrome, &driver)?;
        progress::note(&format!("Chromium: {} with {}", chrome.display(), driver.display()));
        (tools.chrome, tools.chromedriver) = (Some(chrome), Some(driver));
    }
    if needs.firefox {
        tools.firefox = find_firefox();
        match &tools.firefox {
            Some(firefox) => progress::note(&format!("Firefox: {}", firefox.display())),
            None => progress::note("Firefox: not found, so nothing is tried in it"),
        }
    }
    if needs.redis {
        tools.redis_server = process::find_on_path("redis-server");
        if let Some(redis) = &tools.redis_server {
            progress::note(&format!("redis-server: {}", redis.display()));
        }
    }
    Ok(())
}

/// rustfmt and clippy of the machine's own toolchain.
pub fn ensure_rustfmt_and_clippy() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let there = || {
            let mut cargo = process::command("cargo");
            cargo.args([subcommand, "--version"]);
            process::output_of(cargo).is_some()
        };
        if there() {
            continue;
        }
        progress::note(&format!("{component}: adding with rustup …"));
        let mut rustup = process::command("rustup");
        rustup.args(["component", "add", component]);
        let by_hand = format!("By hand: `rustup component add {component}`, or your system's package of it.");
        Step { name: &format!("add {component}"), limit: Duration::from_secs(120), by_hand: &by_hand }
            .quietly(rustup)?;
        if !there() {
            bail!("`cargo {subcommand}` does not run though {component} was added. {by_hand}");
        }
    }
    Ok(())
}

fn install(missing: &[Wanted]) -> Result<()> {
    let what: Vec<&str> = missing.iter().map(|wanted| wanted.what).collect();
    let what = what.join(", ");
    if process::find_on_path("apt-get").is_some() {
        let packages: Vec<&str> = missing.iter().flat_map(|wanted| wanted.apt).copied().collect();
        return apt_install(&packages, &what);
    }
    if cfg!(target_os = "macos") && process::find_on_path("brew").is_some() {
        for wanted in missing.iter().filter(|wanted| !wanted.brew.is_empty()) {
            progress::note(&format!("{}: installing with brew …", wanted.what));
            let mut brew = process::command("brew");
            brew.arg("install").args(wanted.brew);
            let by_hand = format!("By hand: install {}.", wanted.by_hand);
            Step { name: "brew install", limit: Duration::from_secs(30 * 60), by_hand: &by_hand }
                .quietly(brew)?;
        }
        if missing.iter().all(|wanted| !wanted.brew.is_empty()) {
            return Ok(());
        }
    }
    let list: String = missing.iter().map(|wanted| format!("\n  - {}", wanted.by_hand)).collect();
    bail!(
        "there is no package manager here that this program knows (apt-get, or brew on a Mac). Please install:{list}\nand run the command again"
    )
}

/// Installs Debian packages that are not installed yet.
pub fn apt_install(packages: &[&str], what: &str) -> Result<()> {
    let packages: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let command = format!("apt-get install --no-install-recommends {list}");
    if process::find_on_path("apt-get").is_none() {
        bail!("{what}: this road needs Debian's apt-get, which is not here");
    }
    // Once a run: the package lists of a fresh machine are empty or old.
    static UPDATED: AtomicBool = AtomicBool::new(false);
    if !UPDATED.swap(true, Ordering::Relaxed) {
        progress::note("apt-get update …");
        if let Err(error) =
            as_root("apt-get -o DPkg::Lock::Timeout=600 update", "apt-get update", Duration::from_secs(300))
        {
            progress::note(&format!(
                "apt-get update failed, going on with the lists that are here: {error:#}"
            ));
        }
    }
    progress::note(&format!("{what}: apt-get install {list} …"));
    let script = format!(
        "export DEBIAN_FRONTEND=noninteractive\n\
         if [ ! -e /usr/sbin/policy-rc.d ]; then\n\
           printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d\n\
           trap 'rm -f /usr/sbin/policy-rc.d' EXIT\n\
         fi\n\
         apt-get -o DPkg::Lock::Timeout=600 -y install --no-install-recommends {list}\n"
    );
    as_root(&script, "apt-get install", Duration::from_secs(20 * 60))
        .with_context(|| format!("{what} is missing. By hand: `sudo {command}`"))?;
    progress::note(&format!("{what}: installed"));
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let mut query = process::command("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    process::output_of(query).is_some_and(|status| status == "installed")
}

/// Runs a shell script as root: at once if we are, else through sudo, which may ask for a password at a terminal.
pub fn as_root(script: &str, name: &str, limit: Duration) -> Result<()> {
    let step = Step { name, limit, by_hand: "Its output above says why." };
    if is_root() {
        let mut sh = process::command("sh");
        sh.args(["-c", script]);
        return step.quietly(sh);
    }
    if process::find_on_path("sudo").is_none() {
        bail!("this needs root, and there is no sudo here");
    }
    let mut passwordless = process::command("sudo");
    passwordless.args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut sudo = process::command("sudo");
    if passwordless.status().is_ok_and(|status| status.success()) {
        sudo.args(["-n", "sh", "-c", script]);
        return step.quietly(sudo);
    }
    if !std::io::stdin().is_terminal() {
        bail!("this needs root, sudo wants a password, and there is no terminal to ask for it");
    }
    progress::say("sudo may ask for your password now:");
    sudo.args(["sh", "-c", script]).stdin(Stdio::inherit());
    step.openly(sudo)
}

/// Whether the system has this id in /etc/os-release.
fn is(id: &str) -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line.strip_prefix("ID=") == Some(id))
}

fn is_root() -> bool {
    let mut id = process::command("id");
    id.arg("-u");
    process::output_of(id).is_some_and(|id| id == "0")
}

/// The browser: `CHROME` if it is set, else the first of the usual names.
fn find_chrome() -> Option<PathBuf> {
    let mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    from_env("CHROME")
        .or_else(|| {
            ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]
                .iter()
                .find_map(|name| process::find_on_path(name))
        })
        .or_else(|| Some(PathBuf::from(mac)).filter(|path| process::is_executable(path)))
}

fn find_firefox() -> Option<PathBuf> {
    from_env("FIREFOX").or_else(|| process::find_on_path("firefox-esr"))
}

/// The driver: `CHROMEDRIVER` if it is set, else the usual names (the second is Ubuntu's snap).
fn find_chromedriver() -> Option<PathBuf> {
    from_env("CHROMEDRIVER").or_else(|| {
        ["chromedriver", "chromium.chromedriver"].iter().find_map(|name| process::find_on_path(name))
    })
}

fn from_env(key: &str) -> Option<PathBuf> {
    std::env::var_os(key).map(PathBuf::from).filter(|path| process::is_executable(path))
}

/// A driver refuses a browser of another major version, with a message that few understand.
fn check_same_major(chrome: &Path, driver: &Path) -> Result<()> {
    let major = |program: &Path| {
        let mut command = process::command(program);
        command.arg("--version");
        process::output_of(command).and_then(|said| major_of(&said))
    };
    match (major(chrome), major(driver)) {
        (Some(a), Some(b)) if a != b => bail!(
            "{} is version {a}, but {} is version {b}: they must be of the same major version. By hand: upgrade the older one, or set CHROME and CHROMEDRIVER.",
            chrome.display(),
            driver.display()
        ),
        // A browser that does not say its version (a wrapper, say) may still do.
        _ => Ok(()),
    }
}

/// `Chromium 156.0.8078.79 built on …` → 156.
fn major_of(said: &str) -> Option<u32> {
    said.split_whitespace().find_map(|word| word.split_once('.')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_are_read_from_what_browsers_say() {
        assert_eq!(major_of("Chromium 156.0.8078.79 built on Debian 12, running on Debian 12"), Some(156));
        assert_eq!(major_of("ChromeDriver 156.0.8078.79 (abc-refs/branch-heads/8078@{#1})"), Some(156));
        assert_eq!(major_of("Google Chrome"), None);
    }
}
