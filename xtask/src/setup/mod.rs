//! `cargo xtask setup`, and the same before every command that needs tools.
//!
//! The order of each search is the same: what is right already is used as it is (in our cache folder, then on `PATH`);
//! else it is installed; else a sentence says what to do by hand. Versions are pinned here and nowhere else, because
//! wasm-bindgen's command must equal the crate in Cargo.lock, and because a page must come out the same next year.
//!
//! A command asks for no more than it needs ([`Needs`]): `cargo xtask serve` does not install a browser, and
//! `cargo xtask test native` does not install Trunk.
//!
//! Two roads lead to the wasm32 standard library, see [`wasm_target`]; all that the rest of the program knows of it is
//! [`Tools::wasm_command`], which starts a program in an environment where `cargo`, `trunk` and `wasm-pack` just work.

mod pinned;
mod system;
mod wasm_target;

use crate::{paths, process, progress};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// What a command needs to find on the machine.
#[derive(Clone, Copy, Default)]
pub struct Needs {
    /// The wasm32 target, wasm-bindgen, Trunk, wasm-opt, and what packs and unpacks the page.
    pub page: bool,
    /// The wasm32 target, wasm-bindgen and wasm-pack.
    pub wasm_tests: bool,
    /// Chromium and chromedriver.
    pub browser: bool,
    /// Firefox and geckodriver, where they are easily had.
    pub firefox: bool,
    /// Debian's redis-server and redis-tools: the judge of the differential tests and the benchmarks.
    pub redis: bool,
    /// rustfmt and clippy (clippy for wasm32 too, if `page` or `wasm_tests`).
    pub lint: bool,
}

impl Needs {
    pub const ALL: Self =
        Self { page: true, wasm_tests: true, browser: true, firefox: true, redis: true, lint: true };
    pub const PAGE: Self =
        Self { page: true, wasm_tests: false, browser: false, firefox: false, redis: false, lint: false };

    /// The scripts of npm: what makes the page small, what unpacks it, and what looks over it in a browser.
    fn scripts(self) -> Vec<&'static pinned::NpmScript> {
        match (self.page, self.browser) {
            (false, _) => Vec::new(),
            (true, false) => vec![&pinned::UNPACKER, &pinned::MINIFIER],
            (true, true) => vec![&pinned::UNPACKER, &pinned::MINIFIER, &pinned::AXE],
        }
    }
}

/// Where the tools are.
#[derive(Default)]
pub struct Tools {
    /// Folders to put before `PATH`: the tools of our cache folder.
    path: Vec<PathBuf>,
    /// rustup's name of the toolchain that has the wasm32 target, where it is not the machine's own.
    wasm_toolchain: Option<String>,
    /// Whether clippy can check wasm32 code.
    pub wasm_clippy: bool,
    pub chrome: Option<PathBuf>,
    pub chromedriver: Option<PathBuf>,
    /// Firefox, and its driver; neither where it is not easily had.
    pub firefox: Option<PathBuf>,
    pub geckodriver: Option<PathBuf>,
    /// The script that looks over a page's accessibility, for who needs a page and a browser.
    pub axe: Option<PathBuf>,
    /// Debian's redis-server; `None` on a system where it cannot be installed.
    pub redis_server: Option<PathBuf>,
}

impl Tools {
    /// The variables that a program needs to build for wasm32: a value to set, or `None` to unset.
    fn wasm_env(&self) -> Vec<(&'static str, Option<String>)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(self.path.iter().cloned().chain(std::env::split_paths(&path)));
        let mut env = vec![
            ("PATH", path.ok().map(|path| path.to_string_lossy().into_owned())),
            ("CARGO_TARGET_DIR", Some(paths::wasm_target_dir().to_string_lossy().into_owned())),
            // Trunk looks for the tools on PATH and downloads none.
            ("TRUNK_OFFLINE", Some("true".into())),
            ("TRUNK_SKIP_VERSION_CHECK", Some("true".into())),
            // Trunk 0.21.14 wants it to be `true` or `false`, and stops at the customary `1`.
            ("NO_COLOR", None),
        ];
        if let Some(toolchain) = &self.wasm_toolchain {
            env.push(("RUSTUP_TOOLCHAIN", Some(toolchain.clone())));
        }
        env
    }

    /// A command in whose environment `cargo`, `trunk` and `wasm-pack` build for wasm32.
    pub fn wasm_command(&self, program: &str) -> Command {
        // Looked up here: the child's PATH is not searched for the child itself on every system.
        let found = self.path.iter().map(|dir| dir.join(program)).find(|path| process::is_executable(path));
        let mut command = process::command(found.unwrap_or_else(|| program.into()));
        for (key, value) in self.wasm_env() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command.current_dir(paths::root());
        command
    }
}

/// The variables with which a program for the browser is built small, with its own standard library.
pub use wasm_target::small_std;

/// The script that unpacks a packed page.
pub fn unpacker() -> Result<PathBuf> {
    pinned::ensure_script(&pinned::UNPACKER)
}

/// The script, for Node.js, that makes scripts and style sheets short.
pub fn minifier() -> Result<PathBuf> {
    pinned::ensure_script(&pinned::MINIFIER)
}

/// `cargo xtask setup`.
pub fn run() -> Result<()> {
    let tools = ensure(Needs::ALL)?;
    progress::note("everything is there");
    if let Some(toolchain) = &tools.wasm_toolchain {
        progress::say(&format!(
            "wasm32 comes from the toolchain '{toolchain}'. For plain `trunk serve` or `wasm-pack`, first:  eval \"$(cargo xtask env)\""
        ));
    }
    Ok(())
}

/// `cargo xtask env`.
pub fn print_env() -> Result<()> {
    for (key, value) in ensure(Needs { wasm_tests: true, ..Needs::PAGE })?.wasm_env() {
        match value {
            Some(value) => println!("export {key}='{}'", value.replace('\'', r"'\''")),
            None => println!("unset {key}"),
        }
    }
    Ok(())
}

/// Finds what is needed, and installs what is missing.
pub fn ensure(needs: Needs) -> Result<Tools> {
    let mut tools = Tools::default();
    system::ensure(needs, &mut tools)?;
    if needs.page || needs.wasm_tests {
        tools.wasm_toolchain = wasm_target::ensure()?;
        tools.path.push(pinned::ensure_cargo_tool(&pinned::WASM_BINDGEN)?);
        if needs.page {
            wasm_target::ensure_source(tools.wasm_toolchain.as_deref())?;
            tools.path.push(pinned::ensure_cargo_tool(&pinned::TRUNK)?);
            tools.path.push(pinned::ensure_binaryen()?);
            for script in needs.scripts() {
                pinned::ensure_script(script)?;
            }
            if needs.browser {
                tools.axe = Some(pinned::ensure_script(&pinned::AXE)?);
            }
        }
        if needs.wasm_tests {
            tools.path.push(pinned::ensure_cargo_tool(&pinned::WASM_PACK)?);
        }
        tools.path.dedup();
    }
    if tools.firefox.is_some() {
        tools.geckodriver = match std::env::var_os("GECKODRIVER") {
            Some(given) => Some(PathBuf::from(given)),
            None => Some(pinned::ensure_cargo_tool(&pinned::GECKODRIVER)?.join("geckodriver")),
        };
    }
    pinned::forget_build_folder();
    if needs.lint {
        system::ensure_rustfmt_and_clippy()?;
        tools.wasm_clippy =
            (needs.page || needs.wasm_tests) && wasm_target::ensure_clippy(tools.wasm_toolchain.as_deref())?;
    }
    Ok(tools)
}
