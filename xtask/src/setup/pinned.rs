//! The tools of the wasm world, each in one version, each in a cache folder of its own.
//!
//! They are compiled from crates.io (`cargo install --locked`) and taken from npm, not downloaded as binaries: that works
//! on every processor, and on machines that reach package registries only. What makes the wait long in an ordinary
//! `cargo install` is optimisation that these tools do not need: none of them takes more than a second or two over our
//! page even unoptimised, but for wasm-bindgen, which reads every byte of the wasm file. Hence the profiles below.

use crate::{paths, process, process::Step, progress};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A tool from crates.io.
pub struct CargoTool {
    krate: &'static str,
    version: &'static str,
    program: &'static str,
    /// Whether it is worth compiling with optimisation.
    optimised: bool,
    options: &'static [&'static str],
}

/// Equal to the `wasm-bindgen` crate in Cargo.lock: the two speak a private format. Later ones do not install with
/// `--locked` everywhere: 0.2.130's lock file names a crate version that was taken back.
pub const WASM_BINDGEN: CargoTool = CargoTool {
    krate: "wasm-bindgen-cli",
    version: "0.2.128",
    program: "wasm-bindgen",
    optimised: true,
    options: &[],
};

/// 0.22.1 wants a newer compiler than the workspace does. Its features are for downloads, which we forbid.
pub const TRUNK: CargoTool = CargoTool {
    krate: "trunk",
    version: "0.21.14",
    program: "trunk",
    optimised: false,
    options: &["--no-default-features"],
};

pub const WASM_PACK: CargoTool =
    CargoTool { krate: "wasm-pack", version: "0.15.1", program: "wasm-pack", optimised: false, options: &[] };

/// Firefox's driver, which Debian has no package of.
pub const GECKODRIVER: CargoTool = CargoTool {
    krate: "geckodriver",
    version: "0.36.0",
    program: "geckodriver",
    optimised: false,
    options: &[],
};

/// wasm-opt. Debian's own is too old for what today's compilers emit.
const BINARYEN_VERSION: &str = "132.0.0";

/// A script from npm, for a browser or for Node.js.
pub struct NpmScript {
    package: &'static str,
    version: &'static str,
    /// Where it is in the package.
    path: &'static str,
}

/// Unpacks the published page's program in the browser: xz-embedded as WebAssembly in a readable stream.
pub static UNPACKER: NpmScript =
    NpmScript { package: "xz-decompress", version: "0.2.3", path: "dist/package/xz-decompress.min.js" };

/// Makes scripts and style sheets short. Its program for this processor is a package that it depends on; the script finds that.
pub static MINIFIER: NpmScript = NpmScript { package: "esbuild", version: "0.25.11", path: "bin/esbuild" };

/// Looks over the page as those who judge its accessibility do; the end-to-end tests put it there, no visitor gets it.
pub static AXE: NpmScript = NpmScript { package: "axe-core", version: "4.14.1", path: "axe.min.js" };

/// The oldest Node.js on which this wasm-opt was seen to work: Debian 12's.
const NODE_MAJOR_MIN: u32 = 18;

/// The folder that holds the tool's program, installing it if it is missing.
pub fn ensure_cargo_tool(tool: &CargoTool) -> Result<PathBuf> {
    let CargoTool { krate, version, program, optimised, options } = *tool;
    let dir = paths::tool_dir(krate, version)?;
    let bin = dir.join("bin");
    if process::is_executable(&bin.join(program)) {
        progress::note(&format!("{krate} {version}: in the cache folder"));
        return Ok(bin);
    }
    if let Some(found) = on_path_in_version(program, version) {
        progress::note(&format!("{krate} {version}: on PATH"));
        return Ok(found);
    }
    progress::note(&format!(
        "{krate} {version}: installing from crates.io (one to four minutes on two cores) …"
    ));
    let cache = paths::cache_dir()?;
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make the folder {}", cache.display()))?;
    let mut cargo = process::command("cargo");
    // Not in the repository: its settings are not for these crates.
    cargo.current_dir(&cache);
    cargo.args(["install", "--locked", krate, "--version", version, "--force", "--root"]).arg(&dir);
    cargo.arg("--target-dir").arg(build_folder(&cache));
    cargo.args(options);
    if optimised {
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
        cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    } else {
        cargo.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0");
    }
    for key in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        cargo.env_remove(key);
    }
    let step = Step {
        name: &format!("install {krate} {version}"),
        limit: Duration::from_secs(30 * 60),
        by_hand: &format!(
            "By hand: `cargo install --locked {krate} --version {version}`; it is taken from PATH then. It compiles C code, so it needs a C compiler."
        ),
    };
    step.quietly(cargo)?;
    progress::note(&format!("{krate} {version}: installed in {}", dir.display()));
    Ok(bin)
}

/// The folder that holds wasm-opt, installing it if it is missing.
pub fn ensure_binaryen() -> Result<PathBuf> {
    let dir = paths::tool_dir("binaryen", BINARYEN_VERSION)?;
    let bin = dir.join("node_modules/.bin");
    if process::is_executable(&bin.join("wasm-opt")) {
        progress::note(&format!("binaryen {BINARYEN_VERSION} (wasm-opt): in the cache folder"));
        return Ok(bin);
    }
    let major = BINARYEN_VERSION.split('.').next().unwrap_or(BINARYEN_VERSION);
    if let Some(found) = on_path_in_version("wasm-opt", major) {
        progress::note(&format!("binaryen {major} (wasm-opt): on PATH"));
        return Ok(found);
    }
    progress::note(&format!("binaryen {BINARYEN_VERSION} (wasm-opt): installing from npm …"));
    let mut node = process::command("node");
    node.arg("--version");
    let node = process::output_of(node).unwrap_or_default();
    if node_major(&node).is_none_or(|major| major < NODE_MAJOR_MIN) {
        let found = if node.is_empty() { "none" } else { node.as_str() };
        bail!(
            "wasm-opt needs Node.js {NODE_MAJOR_MIN} or later, and here is {found}. By hand: install a newer Node.js, or put binaryen {major}'s own wasm-opt on PATH"
        );
    }
    let by_hand = format!(
        "By hand: `npm install --global binaryen@{BINARYEN_VERSION}`; it is taken from PATH then. It needs Node.js with npm."
    );
    install_from_npm("binaryen", BINARYEN_VERSION, &dir, &by_hand)?;
    Ok(bin)
}

/// A script from npm, installing it if it is missing.
pub fn ensure_script(script: &NpmScript) -> Result<PathBuf> {
    let NpmScript { package, version, path } = *script;
    let dir = paths::tool_dir(package, version)?;
    let script = dir.join("node_modules").join(package).join(path);
    if !script.is_file() {
        progress::note(&format!("{package} {version}: installing from npm …"));
        let by_hand = format!("It is the npm package {package}@{version}, to be in {}.", dir.display());
        install_from_npm(package, version, &dir, &by_hand)?;
    }
    Ok(script)
}

/// Installs a package of npm in a folder of its own.
fn install_from_npm(package: &str, version: &str, dir: &Path, by_hand: &str) -> Result<()> {
    // Made under another name and moved when whole: npm makes its links before all the files are there.
    let partial = dir.with_extension("partial");
    let _ = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial)
        .with_context(|| format!("cannot make the folder {}", partial.display()))?;
    let mut npm = process::command("npm");
    npm.current_dir(&partial)
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&partial);
    npm.arg(format!("{package}@{version}"));
    let step = Step { name: &format!("install {package}"), limit: Duration::from_secs(10 * 60), by_hand };
    step.quietly(npm)?;
    let _ = std::fs::remove_dir_all(dir);
    std::fs::rename(&partial, dir)
        .with_context(|| format!("cannot move {} to {}", partial.display(), dir.display()))?;
    progress::note(&format!("{package} {version}: installed in {}", dir.display()));
    Ok(())
}

/// Whether Node.js is needed to install wasm-opt or a script that is not there yet. (wasm-opt is a Node script itself when it
/// comes from npm, but then Node.js is there.)
pub fn needs_npm(scripts: &[&NpmScript]) -> bool {
    let there =
        |script: &&NpmScript| paths::tool_dir(script.package, script.version).is_ok_and(|dir| dir.is_dir());
    if !scripts.iter().all(there) {
        return true;
    }
    let cached =
        paths::tool_dir("binaryen", BINARYEN_VERSION).map(|dir| dir.join("node_modules/.bin/wasm-opt"));
    if cached.is_ok_and(|path| process::is_executable(&path)) {
        return process::find_on_path("node").is_none();
    }
    let major = BINARYEN_VERSION.split('.').next().unwrap_or(BINARYEN_VERSION);
    on_path_in_version("wasm-opt", major).is_none()
}

/// Once all is installed, the folder it was compiled in (1 to 2 GB) is of no more use.
pub fn forget_build_folder() {
    if let Ok(cache) = paths::cache_dir() {
        let _ = std::fs::remove_dir_all(build_folder(&cache));
    }
}

/// One folder for all tools: they have many crates in common.
fn build_folder(cache: &Path) -> PathBuf {
    cache.join("tools/build")
}

/// The folder on `PATH` that holds a program which says it has this version.
fn on_path_in_version(program: &str, version: &str) -> Option<PathBuf> {
    let path = process::find_on_path(program)?;
    let mut command = process::command(&path);
    command.arg("--version");
    let said = process::output_of(command)?;
    says_version(&said, version).then(|| path.parent().map(Path::to_path_buf)).flatten()
}

fn says_version(said: &str, version: &str) -> bool {
    said.split_whitespace().any(|word| word == version)
}

/// `v20.20.2` → 20.
fn node_major(said: &str) -> Option<u32> {
    said.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_whole_word() {
        assert!(says_version("trunk 0.21.14", "0.21.14"));
        assert!(says_version("wasm-opt version 132 (version_132)", "132"));
        assert!(!says_version("trunk 0.21.141", "0.21.14"));
        assert!(!says_version("wasm-opt version 1320", "132"));
        assert_eq!(node_major("v20.20.2\n"), Some(20));
        assert_eq!(node_major(""), None);
    }

    #[test]
    fn the_pinned_wasm_bindgen_is_the_one_of_the_workspace() {
        let manifest = std::fs::read_to_string(paths::root().join("Cargo.toml")).unwrap();
        let pin = format!("wasm-bindgen = \"={}\"", WASM_BINDGEN.version);
        assert!(manifest.contains(&pin), "Cargo.toml must say {pin}, as xtask/src/setup/pinned.rs does");
    }
}
