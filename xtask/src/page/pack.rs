//! Packing the published page: its WebAssembly file becomes an .xz file, a fourth smaller than a web server's gzip makes it.
//!
//! gzip looks back 32 KB, and what repeats in two megabytes of compiled Rust is mostly further apart; xz sees all of it, and more once
//! what is alike lies together ([`split`](super::split)) and hashes are out of the way ([`names`](super::names)). Browsers do not unpack xz by themselves: xz-decompress does (xz-embedded as
//! WebAssembly, 8 KB gzipped). The page's loader always asks `program(url)`; in static/ that gives the URL back,
//! for a page under development, and packing puts the other one in its place (`program.js` beside this file).

use super::{names, split};
use crate::process::{self, Step};
use crate::{progress, setup};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `program.js` of a packed page, behind the library's text.
fn program_js() -> String {
    let operands =
        split::OPERANDS.map(|(first, last, letters)| format!("[{first},{last},\"{letters}\"]")).join(",");
    include_str!("program.js")
        .replace("@STREAMS@", split::STREAMS)
        .replace("@AFTER_PREFIX@", split::AFTER_PREFIX)
        .replace("@OPERANDS@", &format!("[{operands}]"))
}

/// The script that belongs to a WebAssembly file, by the names that wasm-bindgen gives to the two.
fn glue_of(program: &Path) -> PathBuf {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    program.with_file_name(name.replace("_bg.wasm", ".js"))
}

/// Packs a page that Trunk has built.
pub fn pack(dist: &Path) -> Result<()> {
    for path in super::files(dist, "wasm") {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let glue = glue_of(&path);
        let script =
            std::fs::read_to_string(&glue).with_context(|| format!("cannot read {}", glue.display()))?;
        let (bytes, script) = names::shorten(&bytes, &script)
            .with_context(|| format!("cannot shorten the names of {}", path.display()))?;
        std::fs::write(&glue, script).with_context(|| format!("cannot write {}", glue.display()))?;
        let apart = path.with_extension("wasm.split");
        let packed = path.with_extension("wasm.split.xz");
        let parts = split::split(&bytes).with_context(|| format!("cannot pack {}", path.display()))?;
        std::fs::write(&apart, parts).with_context(|| format!("cannot write {}", apart.display()))?;
        let mut xz = process::command("xz");
        // CRC32, for the unpacker knows no other sum; no alignment, for WebAssembly has none; one bit of the byte before, for the streams
        // have little use for more.
        xz.args(["--force", "--threads=1", "--check=crc32", "--lzma2=preset=9e,pb=0,lc=1,nice=273"])
            .arg(&apart);
        let by_hand = "`xz` (of xz-utils) packs the page; it is to be on PATH.";
        Step { name: "xz", limit: Duration::from_secs(120), by_hand }.quietly(xz)?;
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        let packed_bytes =
            packed.metadata().with_context(|| format!("there is no {}", packed.display()))?.len();
        progress::say(&format!(
            "           {}: {} KB, packed {} KB",
            path.file_name().unwrap_or_default().to_string_lossy(),
            bytes.len().div_ceil(1000),
            packed_bytes.div_ceil(1000)
        ));
    }
    let library = setup::unpacker()?;
    let text =
        std::fs::read_to_string(&library).with_context(|| format!("cannot read {}", library.display()))?;
    let program = dist.join("program.js");
    if !program.exists() {
        bail!("{} is missing: static/index.html names it", program.display());
    }
    std::fs::write(&program, text + &program_js())
        .with_context(|| format!("cannot write {}", program.display()))?;
    minify(dist)?;
    preload_packed(&dist.join("index.html"))
}

/// Makes the page's scripts and style sheets short: a sixth of what a web server sends of them is nothing that a browser needs.
fn minify(dist: &Path) -> Result<()> {
    let mut node = process::command("node");
    node.arg(setup::minifier()?);
    node.args(super::files(dist, "js")).args(super::files(dist, "css"));
    node.args(["--minify", "--target=esnext", "--log-level=warning", "--allow-overwrite"]);
    node.arg(format!("--outdir={}", dist.display()));
    let by_hand = "`cargo xtask setup` installs esbuild; it needs Node.js.";
    Step { name: "esbuild", limit: Duration::from_secs(120), by_hand }.quietly(node)
}

/// The page begins to load its program before any script has run; that is another file now.
fn preload_packed(index: &Path) -> Result<()> {
    const PLAIN: &str = "_bg.wasm\" crossorigin=\"anonymous\" as=\"fetch\" type=\"application/wasm\">";
    let html = std::fs::read_to_string(index).with_context(|| format!("cannot read {}", index.display()))?;
    if html.matches(PLAIN).count() != 1 {
        bail!("{} does not preload its WebAssembly as expected; see xtask/src/page/pack.rs", index.display());
    }
    let packed = html.replace(PLAIN, "_bg.wasm.split.xz\" crossorigin=\"anonymous\" as=\"fetch\">");
    std::fs::write(index, packed).with_context(|| format!("cannot write {}", index.display()))
}
