//! Where things are.
//!
//! Tools live in the user's cache folder under name and version (`~/.cache/vitrine/tools/trunk-0.21.14`), not in the
//! repository: a second clone costs nothing, a newer pin installs beside the old one, and deleting the folder undoes
//! everything that was put there. Builds for wasm32 have a build folder of their own, because the toolchain that makes
//! them may be another one than the machine's: in one folder the two would undo each other's work every time.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> PathBuf {
    // Set by cargo when it compiled this crate, and again when it runs it; the latter is right if the clone was moved.
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    crate_dir.parent().expect("xtask/ has a parent folder").to_path_buf()
}

/// The build folder of native builds, made absolute since other programs run in other folders.
pub fn target_dir() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => std::env::current_dir().unwrap_or_default().join(dir),
        _ => root().join("target"),
    })
    .clone()
}

/// The build folder of wasm32 builds.
pub fn wasm_target_dir() -> PathBuf {
    target_dir().join("wasm")
}

/// The page as a static site, as Trunk.toml says.
pub fn dist_dir() -> PathBuf {
    root().join("dist")
}

/// The user's cache folder for this project.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(dir).join("vitrine"));
    }
    let home =
        std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).filter(|home| !home.is_empty());
    let home = home.context(
        "neither HOME nor XDG_CACHE_HOME is set: there is no place to keep the tools; set one of them",
    )?;
    Ok(PathBuf::from(home).join(".cache/vitrine"))
}

/// The cache folder of one tool in one version.
pub fn tool_dir(name: &str, version: &str) -> Result<PathBuf> {
    Ok(cache_dir()?.join("tools").join(format!("{name}-{version}")))
}

/// The log of the step of this name.
pub fn log_file(step: &str) -> Result<PathBuf> {
    let dir = target_dir().join("xtask-logs");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let name: String =
        step.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    Ok(dir.join(format!("{name}.log")))
}
