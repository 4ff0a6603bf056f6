//! Short names between a WebAssembly file and its script: wasm-bindgen ends the name of each import in sixteen digits of a hash, which
//! no packer makes shorter, and which both files have.
//!
//! Names of wasm-bindgen's own alone are changed (they begin with `__wb`), on both sides alike. Format: the WebAssembly Core
//! Specification 2.0, 5.5.5 (imports) and 5.5.10 (exports).

use anyhow::{Context, Result, bail};

const HEADER_LEN: usize = 8;
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const FUNCTION: u8 = 0;
const OWN: &str = "__wb";

/// A file that is read from its beginning.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len).context("the file ends too early")?;
        self.rest = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<usize> {
        Ok(super::leb::read(|| Ok(self.bytes(1)?[0]))? as usize)
    }

    fn name(&mut self) -> Result<&'a str> {
        let len = self.number()?;
        std::str::from_utf8(self.bytes(len)?).context("a name is no text")
    }
}

fn put_number(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// The names that were given, each with the one that it replaces.
#[derive(Default)]
struct Names<'a>(Vec<(&'a str, String)>);

impl<'a> Names<'a> {
    fn short(&mut self, name: &'a str) -> String {
        if !name.starts_with(OWN) {
            return name.to_owned();
        }
        let short = format!("${:x}", self.0.len());
        self.0.push((name, short.clone()));
        short
    }
}

/// The file and its script with short names.
///
/// # Errors
/// Where the file is not what the specification says, imports something else than functions, or has a name that its script lacks.
pub fn shorten(file: &[u8], script: &str) -> Result<(Vec<u8>, String)> {
    let mut all = Reader { rest: file };
    let mut out = all.bytes(HEADER_LEN)?.to_vec();
    let mut names = Names::default();
    while !all.rest.is_empty() {
        let id = all.bytes(1)?[0];
        let len = all.number()?;
        let mut section = Reader { rest: all.bytes(len)? };
        let mut renamed = Vec::new();
        if id == IMPORTS || id == EXPORTS {
            let count = section.number()?;
            put_number(&mut renamed, count);
            for _ in 0..count {
                if id == IMPORTS {
                    put_bytes(&mut renamed, section.name()?.as_bytes());
                }
                put_bytes(&mut renamed, names.short(section.name()?).as_bytes());
                let kind = section.bytes(1)?[0];
                if id == IMPORTS && kind != FUNCTION {
                    bail!("an import of kind {kind} is not known to xtask/src/page/names.rs");
                }
                renamed.push(kind);
                put_number(&mut renamed, section.number()?);
            }
        }
        renamed.extend_from_slice(section.rest);
        out.push(id);
        put_bytes(&mut out, &renamed);
    }
    // A name can begin as another one does.
    let mut given = names.0;
    given.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut script = script.to_owned();
    for (name, short) in given {
        if !script.contains(name) {
            bail!("the script has nothing for {name}");
        }
        script = script.replace(name, &short);
    }
    Ok((out, script))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section of imports from a module `m` and one of exports, of functions by these names, and a section behind them.
    fn file(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let mut file = b"\0asm\x01\0\0\0".to_vec();
        for (id, names) in [(IMPORTS, imports), (EXPORTS, exports)] {
            let mut section = vec![names.len() as u8];
            for name in names {
                if id == IMPORTS {
                    put_bytes(&mut section, b"m");
                }
                put_bytes(&mut section, name.as_bytes());
                section.extend([FUNCTION, 7]);
            }
            file.push(id);
            put_bytes(&mut file, &section);
        }
        file.extend([11, 1, 0]);
        file
    }

    #[test]
    fn both_sides_have_the_same_short_names() {
        let long =
            file(&["__wbg_new_0123456789abcdef", "own"], &["memory", "__wbindgen_malloc", "__wbg_new"]);
        let script = "m={__wbg_new_0123456789abcdef:f,own:g};x.__wbindgen_malloc(x.memory,x.__wbg_new)";
        let (short, script) = shorten(&long, script).unwrap();
        assert_eq!(short, file(&["$0", "own"], &["memory", "$1", "$2"]));
        assert_eq!(script, "m={$0:f,own:g};x.$1(x.memory,x.$2)");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refusal = |file: &[u8], script: &str| format!("{:#}", shorten(file, script).unwrap_err());
        let long = file(&["__wbg_new"], &[]);
        assert_eq!(refusal(&long, ""), "the script has nothing for __wbg_new");
        assert_eq!(refusal(&long[..20], ""), "the file ends too early");
        let mut memory = long.clone();
        let kind = memory.iter().position(|&byte| byte == 7).unwrap() - 1;
        memory[kind] = 2;
        assert!(refusal(&memory, "").starts_with("an import of kind 2"));
    }
}
