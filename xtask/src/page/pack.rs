//! Packing the published page: its WebAssembly file becomes an .xz file, a fourth smaller than a web server's gzip makes it.
//!
//! gzip looks back 32 KB, and what repeats in two megabytes of compiled Rust is mostly further apart; xz sees all of it, and more once
//! what is alike lies together ([`split`](super::split)). Browsers do not unpack xz by themselves: xz-decompress does (xz-embedded as
//! WebAssembly, 8 KB gzipped). The page's loader always asks `program(url)`; in static/ that gives the URL back,
//! for a page under development, and packing puts the other one in its place (`program.js` beside this file).

use super::split;
use crate::process::{self, Step};
use crate::{progress, setup};
use anyhow::{Context, Result, bail};
use std::path::Path;
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

/// Packs a page that Trunk has built.
pub fn pack(dist: &Path) -> Result<()> {
    for path in super::files(dist, "wasm") {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
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
        strip_glue(&path)?;
        let packed_bytes =
            packed.metadata().with_context(|| format!("there is no {}", packed.display()))?.len();
        progress::say(&format!(
            "           {}: {} KB, packed {} KB",
            path.file_name().unwrap_or_default().to_string_lossy(),
            bytes.len().div_ceil(1000),
            packed_bytes.div_ceil(1000)
        ));
    }
    strip_style(dist)?;
    let library = setup::unpacker()?;
    let text =
        std::fs::read_to_string(&library).with_context(|| format!("cannot read {}", library.display()))?;
    let program = dist.join("program.js");
    if !program.exists() {
        bail!("{} is missing: static/index.html names it", program.display());
    }
    std::fs::write(&program, text + &program_js())
        .with_context(|| format!("cannot write {}", program.display()))?;
    preload_packed(&dist.join("index.html"))
}

/// Takes comments and indentation out of the script that wasm-bindgen made for a program: two packed kilobytes that nobody reads.
fn strip_glue(wasm: &Path) -> Result<()> {
    let name = wasm.file_name().unwrap_or_default().to_string_lossy().replace("_bg.wasm", ".js");
    rewrite(&wasm.with_file_name(name), stripped)
}

/// Puts what becomes of a file's text in its place.
fn rewrite(path: &Path, becomes: fn(&str) -> String) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    std::fs::write(path, becomes(&text)).with_context(|| format!("cannot write {}", path.display()))
}

/// Takes comments and indentation out of the style sheets: one and a half kilobytes of what a web server sends.
fn strip_style(dist: &Path) -> Result<()> {
    super::files(dist, "css").iter().try_for_each(|path| rewrite(path, stripped_style))
}

/// A style sheet without its comments, and without what is before and behind its lines.
fn stripped_style(style: &str) -> String {
    let mut parts = style.split("/*");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once("*/").map_or("", |(_, rest)| rest));
    }
    let lines = kept.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// A script without its comments that have lines of their own, and without what is before and behind its lines.
fn stripped(script: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in script.lines().map(str::trim) {
        inside |= line.starts_with("/*");
        if !inside && !line.is_empty() && !line.starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.ends_with("*/");
    }
    kept
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_script_is_stripped_of_what_nobody_reads() {
        let script = "/**\n * What it does.\n */\nfunction a() {\n    // why\n    return 1 * 2; // kept\n\n}\n/* one line */\na();\n";
        let style = "/* why */\na{b:c} /* one */\n\n  /* two\n lines */ d{e:f}\n";
        assert_eq!(super::stripped_style(style), "a{b:c}\nd{e:f}\n");
        assert_eq!(super::stripped(script), "function a() {\nreturn 1 * 2; // kept\n}\na();\n");
    }
}
