//! Packing the published page: its WebAssembly file becomes an .xz file, a fifth smaller than a web server's gzip makes it.
//!
//! gzip looks back 32 KB, and what repeats in two megabytes of compiled Rust is mostly further apart; xz sees all of it. Browsers
//! do not unpack xz by themselves: xz-decompress does (xz-embedded as WebAssembly, 8 KB gzipped), in a stream, so that the
//! program is compiled while it comes in. The page's loader always asks `program(url)`; in static/ that gives the URL back,
//! for a page under development, and packing puts the other one in its place ([`PROGRAM`]).

use crate::process::{self, Step};
use crate::{progress, setup};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::time::Duration;

/// `program.js` of a packed page, behind the library's text.
const PROGRAM: &str = r#"
self.program = async (url) => {
  const packed = new URL(url, self.location.href);
  packed.pathname += ".xz";
  const response = await fetch(packed);
  if (!response.ok) throw new Error(`${packed.pathname}: ${response.status} ${response.statusText}`);
  const stream = new self["xz-decompress"].XzReadableStream(response.body);
  return new Response(stream, { headers: { "Content-Type": "application/wasm" } });
};
"#;

/// Packs a page that Trunk has built. Gives how many bytes a visitor downloads of the program: the packed files, and what unpacks them.
pub fn pack(dist: &Path) -> Result<u64> {
    let mut total = 0;
    for path in super::wasm_files(dist) {
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        let packed = path.with_extension("wasm.xz");
        let mut xz = process::command("xz");
        // CRC32, for the unpacker knows no other sum; no alignment, for WebAssembly has none.
        xz.args([
            "--keep",
            "--force",
            "--threads=1",
            "--check=crc32",
            "--lzma2=preset=9e,pb=0,lc=4,nice=273",
        ])
        .arg(&path);
        let by_hand = "`xz` (of xz-utils) packs the page; it is to be on PATH.";
        Step { name: "xz", limit: Duration::from_secs(120), by_hand }.quietly(xz)?;
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        let packed_bytes =
            packed.metadata().with_context(|| format!("there is no {}", packed.display()))?.len();
        total += packed_bytes;
        progress::say(&format!(
            "           {}: {} KB, packed {} KB",
            path.file_name().unwrap_or_default().to_string_lossy(),
            bytes.div_ceil(1000),
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
    std::fs::write(&program, text + PROGRAM)
        .with_context(|| format!("cannot write {}", program.display()))?;
    total += super::gzipped_size(&program).unwrap_or(0);
    preload_packed(&dist.join("index.html"))?;
    Ok(total)
}

/// The page begins to load its program before any script has run; that is another file now.
fn preload_packed(index: &Path) -> Result<()> {
    const PLAIN: &str = "_bg.wasm\" crossorigin=\"anonymous\" as=\"fetch\" type=\"application/wasm\">";
    let html = std::fs::read_to_string(index).with_context(|| format!("cannot read {}", index.display()))?;
    if html.matches(PLAIN).count() != 1 {
        bail!("{} does not preload its WebAssembly as expected; see xtask/src/page/pack.rs", index.display());
    }
    let packed = html.replace(PLAIN, "_bg.wasm.xz\" crossorigin=\"anonymous\" as=\"fetch\">");
    std::fs::write(index, packed).with_context(|| format!("cannot write {}", index.display()))
}
