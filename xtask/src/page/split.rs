//! A WebAssembly file with what is alike laid together, so that xz makes it a thirteenth smaller.
//!
//! In the code of a WebAssembly file an instruction's number is followed at once by what belongs to it: the number of a local, of a function,
//! an offset, a constant. Each of these says much about the next one of its kind and little about its neighbour. So each kind
//! goes into a stream of its own, and the streams one behind the other. What puts them together again is `program.js`, which walks along the
//! instructions as [`split`] does; which kinds follow which instruction is said once, by [`OPERANDS`], and handed to it.
//!
//! All numbers are taken over as the bytes that stand for them (LEB128), so the file that comes out is the one that went in.
//! The layout: as 32-bit numbers, little-endian, the length of the file, how many functions it has and the length of each stream in the
//! order of [`STREAMS`]; then the streams. Format of the code: the WebAssembly Core Specification 2.0, 5.4 and 5.5.

use anyhow::{Context, Result, bail};

/// The streams, by letter: instructions, and alignments, which follow from them; types of blocks; locals that functions declare; sizes of
/// functions; locals read; locals written; functions called; types and tables of indirect calls; labels; tables of labels; globals; tables,
/// references and types; offsets of what is read and of what is written; constants of 32 and of 64 bits; what follows the prefix 0xfc; constants of floating point; all that stands before the functions; all that stands after them.
pub const STREAMS: &str = "pbnzlucirtgeoskqxf<>";

/// By instruction, from the first number to the last, what follows it: a small letter is one number in that stream; a large one something
/// longer: `T` a table of labels, `F` four bytes, `D` eight, `S` a list of types, `X` an instruction of its own, see [`AFTER_PREFIX`].
pub const OPERANDS: [(u8, u8, &str); 26] = [
    (0x00, 0x01, ""),
    (0x02, 0x04, "b"),
    (0x05, 0x05, ""),
    (0x0b, 0x0b, ""),
    (0x0c, 0x0d, "r"),
    (0x0e, 0x0e, "T"),
    (0x0f, 0x0f, ""),
    (0x10, 0x10, "c"),
    (0x11, 0x11, "ii"),
    (0x1a, 0x1b, ""),
    (0x1c, 0x1c, "S"),
    (0x20, 0x20, "l"),
    (0x21, 0x22, "u"),
    (0x23, 0x24, "g"),
    (0x25, 0x26, "e"),
    (0x28, 0x35, "po"),
    (0x36, 0x3e, "ps"),
    (0x3f, 0x40, "e"),
    (0x41, 0x41, "k"),
    (0x42, 0x42, "q"),
    (0x43, 0x43, "F"),
    (0x44, 0x44, "D"),
    (0x45, 0xc4, ""),
    (0xd0, 0xd0, "e"),
    (0xd2, 0xd2, "e"),
    (0xfc, 0xfc, "X"),
];

/// How many numbers follow the number that follows the prefix 0xfc, from 0 on.
pub const AFTER_PREFIX: &str = "000000002121121111";

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
const CODE_SECTION: u8 = 10;

/// Where the bytes of a file go.
struct Splitter<'a> {
    file: &'a [u8],
    at: usize,
    streams: Vec<Vec<u8>>,
}

impl Splitter<'_> {
    fn place(letter: char) -> usize {
        STREAMS.find(letter).expect("a letter of OPERANDS is one of STREAMS")
    }

    /// Moves so many bytes into a stream.
    fn bytes(&mut self, stream: char, len: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.file.len());
        let end =
            end.with_context(|| format!("the file ends in the middle of what begins at byte {}", self.at))?;
        let bytes = &self.file[self.at..end];
        self.streams[Self::place(stream)].extend_from_slice(bytes);
        self.at = end;
        Ok(bytes)
    }

    /// Moves a number and gives the lowest 32 bits of it.
    fn number(&mut self, stream: char) -> Result<u32> {
        super::leb::read(|| Ok(self.bytes(stream, 1)?[0]))
    }

    fn function(&mut self) -> Result<()> {
        let len = self.number('z')? as usize;
        let end = self.at + len;
        for _ in 0..self.number('n')? {
            self.number('n')?;
            self.number('n')?;
        }
        while self.at < end {
            let at = self.at;
            let op = self.bytes('p', 1)?[0];
            let known = OPERANDS.iter().find(|(first, last, _)| (*first..=*last).contains(&op));
            let Some((_, _, operands)) = known else {
                bail!("instruction {op:#04x} at byte {at} is not known to xtask/src/page/split.rs")
            };
            for operand in operands.chars() {
                self.operand(operand).with_context(|| format!("instruction {op:#04x} at byte {at}"))?;
            }
        }
        if self.at != end {
            bail!("the function that ends at byte {end} has code up to {}", self.at);
        }
        Ok(())
    }

    fn operand(&mut self, operand: char) -> Result<()> {
        match operand {
            'T' => {
                for _ in 0..=self.number('t')? {
                    self.number('t')?;
                }
            }
            'S' => {
                for _ in 0..self.number('e')? {
                    self.number('e')?;
                }
            }
            'F' => drop(self.bytes('f', 4)?),
            'D' => drop(self.bytes('f', 8)?),
            'X' => {
                let op = self.number('x')?;
                let count = AFTER_PREFIX.as_bytes().get(op as usize);
                let count = count
                    .with_context(|| format!("the prefix 0xfc is followed by {op}, which is not known"))?;
                for _ in b'0'..*count {
                    self.number('x')?;
                }
            }
            stream => drop(self.number(stream)?),
        }
        Ok(())
    }
}

/// The streams of a WebAssembly file, as [the head of this file](self) says.
///
/// # Errors
/// Where the file is not what the specification says, or has an instruction that is not in [`OPERANDS`].
pub fn split(file: &[u8]) -> Result<Vec<u8>> {
    if !file.starts_with(MAGIC) {
        bail!("this is no WebAssembly file of version 1");
    }
    let streams = vec![Vec::new(); STREAMS.len()];
    let mut splitter = Splitter { file, at: 0, streams };
    let mut functions = 0;
    let mut stream = '<';
    splitter.bytes(stream, MAGIC.len())?;
    while splitter.at < file.len() {
        let id = splitter.bytes(stream, 1)?[0];
        let len = splitter.number(stream)? as usize;
        if id != CODE_SECTION {
            splitter.bytes(stream, len)?;
            continue;
        }
        functions = splitter.number(stream)?;
        for _ in 0..functions {
            splitter.function()?;
        }
        stream = '>';
    }
    let mut out = Vec::with_capacity(file.len() + 4 * (2 + STREAMS.len()));
    let lens = splitter.streams.iter().map(|stream| stream.len() as u32);
    for word in [file.len() as u32, functions].into_iter().chain(lens) {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend(splitter.streams.concat());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stream of a letter in what [`split`] gave.
    fn stream(split: &[u8], letter: char) -> &[u8] {
        let word = |at: usize| u32::from_le_bytes(split[4 * at..4 * at + 4].try_into().unwrap()) as usize;
        let place = STREAMS.find(letter).unwrap();
        let at = 4 * (2 + STREAMS.len()) + (0..place).map(|place| word(2 + place)).sum::<usize>();
        &split[at..at + word(2 + place)]
    }

    /// A file with these functions, and a section behind them.
    fn file(functions: &[&[u8]]) -> Vec<u8> {
        let mut code = vec![functions.len() as u8];
        for function in functions {
            code.push(function.len() as u8);
            code.extend_from_slice(function);
        }
        let mut file = [MAGIC, &[1, 1, 0, CODE_SECTION, code.len() as u8]].concat();
        file.extend(code);
        file.extend([11, 1, 0]);
        file
    }

    #[test]
    fn each_kind_goes_into_its_stream() {
        // One declaration of two i32; block, local.get 1, i32.const 300, i32.store 2 8, br_table [0] 0, end, memory.copy, f32.const, end.
        let code = [
            1, 2, 0x7f, 0x02, 0x40, 0x20, 1, 0x41, 0xac, 0x02, 0x36, 2, 8, 0x0e, 1, 0, 0, 0x0b, 0xfc, 10, 0,
            0, 0x43, 1, 2, 3, 4, 0x0b,
        ];
        let file = file(&[&code, &[0, 0x0b]]);
        let split = split(&file).unwrap();
        assert_eq!(split[..8], [file.len() as u8, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(split.len(), 4 * (2 + STREAMS.len()) + file.len(), "each byte is somewhere");
        for (letter, bytes) in [
            ('p', &[0x02, 0x20, 0x41, 0x36, 2, 0x0e, 0x0b, 0xfc, 0x43, 0x0b, 0x0b][..]),
            ('n', &[1, 2, 0x7f, 0]),
            ('z', &[28, 2]),
            ('b', &[0x40]),
            ('l', &[1]),
            ('k', &[0xac, 0x02]),
            ('s', &[8]),
            ('t', &[1, 0, 0]),
            ('x', &[10, 0, 0]),
            ('f', &[1, 2, 3, 4]),
            ('>', &[11, 1, 0]),
        ] {
            assert_eq!(stream(&split, letter), bytes, "{letter}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_place() {
        let refusal = |file: &[u8]| format!("{:#}", split(file).unwrap_err());
        assert_eq!(refusal(b"\x7fELF"), "this is no WebAssembly file of version 1");
        assert_eq!(
            refusal(&file(&[&[0, 0xfd, 0x0b]])),
            "instruction 0xfd at byte 16 is not known to xtask/src/page/split.rs"
        );
        assert!(refusal(&file(&[&[0, 0xfc, 99, 0x0b]])).contains("0xfc is followed by 99"));
        let whole = file(&[&[0, 0x41, 1, 0x0b]]);
        assert!(refusal(&whole[..whole.len() - 4]).contains("ends in the middle"));
    }
}
