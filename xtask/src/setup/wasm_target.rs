//! The standard library for wasm32-unknown-unknown: what every build of the page stands on.
//!
//! **With rustup and an open network** it is `rustup target add`, a matter of seconds. That is the first road, and we
//! give up on it when nothing has arrived for 30 seconds: behind some firewalls the download hangs and never fails.
//!
//! **Where package registries are reachable and nothing else is**, Debian helps. Debian 12 carries a recent compiler
//! for building its browsers (`rustc-web`), and the standard library's source in the same version (`rust-web-src`).
//! From these the target's libraries are built in about a minute, the way rustc's own build does it:
//! - `RUSTC_BOOTSTRAP=1` and `-Z build-std` let a stable compiler build its own library;
//! - `-Z force-unstable-if-unmarked` marks the crates as parts of the compiler's library, so that later builds may link
//!   them without being nightly themselves; without it they are refused as unstable;
//! - `-C embed-bitcode=yes` keeps what link-time optimisation needs;
//! - `test` is among the crates because wasm-bindgen-test's harness links it.
//!
//! The libraries are copied to where that compiler looks for an installed target, under /usr, and rustup gets a name for
//! the toolchain (`wasm-debian`), so that `RUSTUP_TOOLCHAIN` alone switches cargo, Trunk and wasm-pack to it. Native
//! builds stay on the machine's own toolchain. A stamp beside the libraries names the compiler that they were built
//! with: after an upgrade of Debian's package they are built again.
//!
//! **The published page** builds the library once more, for size ([`small_std`]): rustup's is made for speed, and its sorts and
//! formatting alone are some hundred kilobytes. Both roads bring the source that this takes.

use super::system;
use crate::{paths, process, process::Step, progress};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_TOOLCHAIN: &str = "wasm-debian";
const STAMP: &str = "vitrine-built-with.txt";
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// Makes sure of the target; the result is the toolchain to select for it, if it is not the machine's own.
pub fn ensure() -> Result<Option<String>> {
    if has_target(None) {
        progress::note(&format!("{TARGET}: there"));
        return Ok(None);
    }
    if has_target(Some(DEBIAN_TOOLCHAIN)) {
        progress::note(&format!("{TARGET}: there, in the toolchain '{DEBIAN_TOOLCHAIN}'"));
        return Ok(Some(DEBIAN_TOOLCHAIN.into()));
    }
    let rustup_failure = match add_with_rustup(&["target", "add", TARGET], || has_target(None)) {
        Ok(()) => {
            progress::note(&format!("{TARGET}: installed by rustup"));
            return Ok(None);
        }
        Err(failure) => failure,
    };
    progress::note(&format!("{TARGET}: {rustup_failure}; trying Debian's packages …"));
    build_from_debian().with_context(|| {
        format!(
            "the target {TARGET} could be had neither from rustup ({rustup_failure}) nor from Debian's packages. \
             By hand: `rustup target add {TARGET}` with the network open"
        )
    })?;
    progress::note(&format!("{TARGET}: installed, in the toolchain '{DEBIAN_TOOLCHAIN}'"));
    Ok(Some(DEBIAN_TOOLCHAIN.into()))
}

/// Makes sure that clippy can check code for the target. `false` where there is none for that toolchain: then the
/// wasm32 part of the lint step is left out, and the step says so.
pub fn ensure_clippy(toolchain: Option<&str>) -> Result<bool> {
    let Some(toolchain) = toolchain else { return Ok(true) };
    let there = || process::is_executable(Path::new("/usr/bin/cargo-clippy"));
    if !there() && toolchain == DEBIAN_TOOLCHAIN {
        system::apt_install(&["rust-web-clippy"], "clippy for the wasm32 toolchain")?;
    }
    Ok(there())
}

/// What a toolchain's compiler answers, or the machine's own.
fn rustc_says(toolchain: Option<&str>, args: &[&str]) -> Option<String> {
    let mut rustc = process::command("rustc");
    rustc.args(args);
    if let Some(toolchain) = toolchain {
        rustc.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    process::output_of(rustc)
}

/// Whether a toolchain's library folder for the target holds a standard library that its own compiler can read.
fn has_target(toolchain: Option<&str>) -> bool {
    if toolchain.is_some() && process::find_on_path("rustup").is_none() {
        return false;
    }
    let libdir = rustc_says(toolchain, &["--print", "target-libdir", "--target", TARGET]);
    let Some(libdir) = libdir.map(PathBuf::from) else { return false };
    rustc_says(toolchain, &["-vV"]).is_some_and(|version| holds_library_for(&libdir, &version))
}

/// Whether this folder holds a standard library that the compiler of this version (`rustc -vV`) can read.
fn holds_library_for(libdir: &Path, version: &str) -> bool {
    if !libraries(libdir).iter().any(|path| file_name(path).starts_with("libstd-")) {
        return false;
    }
    match std::fs::read_to_string(libdir.join(STAMP)) {
        Ok(stamp) => stamp.trim() == version.trim(),
        Err(_) => true, // not of our making: it came with the compiler
    }
}

fn libraries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rlib"))
        .collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The settings with which cargo builds a program small, and the standard library along with it: `-Z build-std` and the other
/// options of a compiler under development, which a stable one takes with `RUSTC_BOOTSTRAP`.
pub fn small_std() -> [(&'static str, String); 4] {
    // cargo adds the second variable to what its configuration says, and forgets both where the first is set.
    const FLAGS: [&str; 2] = ["RUSTFLAGS", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS"];
    let key = if std::env::var_os(FLAGS[0]).is_some() { FLAGS[0] } else { FLAGS[1] };
    let flags = std::env::var(key).unwrap_or_default();
    [
        ("RUSTC_BOOTSTRAP", "1".into()),
        ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()),
        ("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size".into()),
        // A panic of the published page says what happened, and not in which file and line: twenty packed kilobytes less.
        // A digest that hides passwords in a file need not be fast.
        (key, format!("{flags} -Zlocation-detail=none --cfg sha2_backend_soft=\"compact\"")),
    ]
}

/// Makes sure of the standard library's source, in the toolchain that builds the page, and of the crates that it and the page are
/// made of: Trunk builds offline, and finds those alone that cargo has fetched before.
pub fn ensure_source(toolchain: Option<&str>) -> Result<()> {
    ensure_library(toolchain)?;
    let mut cargo = process::command("cargo");
    cargo.args(["fetch", "--locked", "--target", TARGET]).envs(small_std()).current_dir(paths::root());
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    let step = Step {
        name: "cargo fetch",
        limit: Duration::from_secs(600),
        by_hand: "What it printed says why; crates come from crates.io.",
    };
    step.quietly(cargo)
}

fn ensure_library(toolchain: Option<&str>) -> Result<()> {
    let there = || {
        let sysroot = rustc_says(toolchain, &["--print", "sysroot"]).map(PathBuf::from);
        sysroot.is_some_and(|root| root.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
    };
    if there() {
        progress::note("the standard library's source: there");
        return Ok(());
    }
    if toolchain == Some(DEBIAN_TOOLCHAIN) {
        system::apt_install(&["rust-web-src"], "the standard library's source")?;
        if !there() {
            bail!("rust-web-src is installed, but its source is not under /usr/lib/rustlib/src");
        }
        return Ok(());
    }
    let by_hand = "By hand: `rustup component add rust-src` with the network open.";
    add_with_rustup(&["component", "add", "rust-src"], there).map_err(|why| {
        anyhow::anyhow!(
            "the published page is built with the standard library's source, which cannot be had: {why}. {by_hand}"
        )
    })?;
    progress::note("the standard library's source: installed by rustup");
    Ok(())
}

/// Lets rustup add something, and ends it when nothing has been downloaded for a while. The error says why, for a longer sentence.
fn add_with_rustup(args: &[&str], there: impl Fn() -> bool) -> Result<(), String> {
    if process::find_on_path("rustup").is_none() {
        return Err("there is no rustup".into());
    }
    let what = args.join(" ");
    progress::note(&format!(
        "rustup {what} (given up when nothing arrives for {} s) …",
        STALL_LIMIT.as_secs()
    ));
    let log_path = paths::log_file(&format!("rustup {what}")).map_err(|error| error.to_string())?;
    let log = std::fs::File::create(&log_path)
        .map_err(|error| format!("cannot write {}: {error}", log_path.display()))?;
    let mut rustup = process::command("rustup");
    rustup.args(args).stdout(std::process::Stdio::null()).stderr(log);
    let mut child =
        process::spawn(&mut rustup, &format!("rustup {what}")).map_err(|error| format!("{error:#}"))?;
    let mut arrived = 0;
    let mut last_arrival = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() && there() => return Ok(()),
            Ok(Some(status)) => return Err(format!("rustup failed ({status}, see {})", log_path.display())),
            Ok(None) => {}
            Err(error) => return Err(format!("rustup failed ({error})")),
        }
        let so_far = bytes_downloaded();
        if so_far != arrived {
            (arrived, last_arrival) = (so_far, Instant::now());
        }
        if last_arrival.elapsed() > STALL_LIMIT {
            process::end(&mut child);
            return Err(format!("nothing arrived from rustup's server for {} s", STALL_LIMIT.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What rustup's downloads hold: while this changes, the download lives.
fn bytes_downloaded() -> u64 {
    let home = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup")));
    let Some(home) = home else { return 0 };
    let entries = std::fs::read_dir(home.join("downloads")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

/// The second road: Debian's compiler, its library's source, and a minute of compiling.
fn build_from_debian() -> Result<()> {
    if process::find_on_path("rustup").is_none() {
        bail!("that road needs rustup too, to switch between two toolchains");
    }
    let rustc = Path::new("/usr/bin/rustc");
    system::apt_install(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"], "Debian's compiler")?;
    let version = version_of(rustc).context("/usr/bin/rustc does not run, though rustc-web was installed")?;
    // The linker must be of the compiler's own LLVM; lld brings it under the name rust-lld.
    let llvm = llvm_major(&version).context("/usr/bin/rustc -vV names no LLVM version")?;
    system::apt_install(&[&format!("lld-{llvm}")], "its linker")?;

    let mut print = process::command(rustc);
    print.args(["--print", "target-libdir", "--target", TARGET]).env_remove("RUSTUP_TOOLCHAIN");
    let libdir = process::output_of(print).context("/usr/bin/rustc does not say where its libraries are")?;
    if !holds_library_for(Path::new(&libdir), &version) {
        build_library(rustc, &version, &libdir)?;
    }

    let mut link = process::command("rustup");
    link.args(["toolchain", "link", DEBIAN_TOOLCHAIN, "/usr"]);
    let step = Step {
        name: "name the toolchain",
        limit: Duration::from_secs(30),
        by_hand: "By hand: `rustup toolchain link wasm-debian /usr`.",
    };
    step.quietly(link)?;
    if !has_target(Some(DEBIAN_TOOLCHAIN)) {
        bail!("the libraries are in {libdir}, but the toolchain '{DEBIAN_TOOLCHAIN}' does not see them");
    }
    Ok(())
}

/// Builds the standard library with Debian's compiler and puts it where that compiler looks for it.
fn build_library(rustc: &Path, version: &str, libdir: &str) -> Result<()> {
    let scratch = paths::cache_dir()?.join("wasm32-std");
    let _ = std::fs::remove_dir_all(&scratch);
    let write = |name: &str, text: &str| -> Result<()> {
        let path = scratch.join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    // An empty crate, with which cargo builds the standard library.
    write(
        "Cargo.toml",
        "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
         [profile.release]\npanic = \"abort\"\ndebug = 0\ncodegen-units = 1\n",
    )?;
    write("src/lib.rs", "#![no_std]\n")?;
    let mut cargo = process::command("/usr/bin/cargo");
    cargo.current_dir(&scratch);
    cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
    cargo.env("RUSTFLAGS", "-C embed-bitcode=yes -Z force-unstable-if-unmarked");
    cargo.env("CARGO_TARGET_DIR", scratch.join("target"));
    cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO_BUILD_TARGET").env_remove("RUSTC_WRAPPER");
    cargo.args(["build", "--release", "--target", TARGET, "-Z", "build-std=std,panic_abort,test"]);
    progress::note(&format!(
        "{TARGET}: building the standard library from Debian's source (about a minute) …"
    ));
    let step = Step {
        name: "build the wasm32 standard library",
        limit: Duration::from_secs(15 * 60),
        by_hand: "By hand: `rustup target add wasm32-unknown-unknown` with the network open.",
    };
    step.quietly(cargo)?;

    let built: Vec<PathBuf> = libraries(&scratch.join("target").join(TARGET).join("release/deps"));
    let built: Vec<&PathBuf> =
        built.iter().filter(|path| !file_name(path).starts_with("libnothing-")).collect();
    if built.is_empty() {
        bail!("cargo built no library in {}", scratch.display());
    }
    // Another compiler's libraries must go; the stamp comes last, when all is whole. As root, through sudo if need be.
    let mut script = format!("set -e; mkdir -p '{libdir}'; rm -f '{libdir}'/*.rlib '{libdir}/{STAMP}'\n");
    for path in &built {
        script.push_str(&format!("install -m 644 '{}' '{libdir}/'\n", path.display()));
    }
    write(STAMP, version)?;
    script.push_str(&format!("install -m 644 '{}' '{libdir}/{STAMP}'\n", scratch.join(STAMP).display()));
    system::as_root(&script, "copy the wasm32 standard library", Duration::from_secs(60))?;
    let _ = std::fs::remove_dir_all(&scratch);
    Ok(())
}

fn version_of(rustc: &Path) -> Option<String> {
    let mut command: Command = process::command(rustc);
    command.arg("-vV").env_remove("RUSTUP_TOOLCHAIN");
    process::output_of(command)
}

fn llvm_major(version: &str) -> Option<&str> {
    let line = version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    line.split('.').next().filter(|major| !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_that_of_the_compilers_llvm() {
        let version = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8";
        assert_eq!(llvm_major(version), Some("22"));
        assert_eq!(llvm_major("rustc 1.96.0"), None);
    }
}
