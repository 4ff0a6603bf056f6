//! The manifest: which files make up the append-only file, in which order.
//!
//! One line a file, `file <name> seq <number> type <b|h|i>`: the base, then history files waiting to be deleted, then
//! the incremental files in ascending order. Other keys are allowed and ignored, for later versions; names with blanks or
//! unprintable bytes stand in quotes (aof.c 7.0.15, `aofLoadManifestFromFile` and `getAofManifestAsString`).

use super::reader::leading_integer;
use crate::config::text::{quote, split_args};
use crate::host::DiskRequest;
use crate::persist::disk::{Outbox, join};
use std::rc::Rc;

/// The longest line in bytes (`MANIFEST_MAX_LINE`).
const LINE_LEN_MAX: usize = 1024;

/// One file of the append-only file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AofFile {
    /// Its name inside the folder.
    pub name: Rc<str>,
    /// Its number, which also stands in the name.
    pub seq: i64,
}

/// The content of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The snapshot that everything else builds on.
    pub base: Option<AofFile>,
    /// Files that the last rewrite replaced and that are to be deleted.
    pub history: Vec<AofFile>,
    /// What was written since the snapshot, oldest first.
    pub incr: Vec<AofFile>,
    /// The number of the latest base file there ever was.
    base_seq: i64,
    /// The number of the latest incremental file there ever was.
    incr_seq: i64,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The offending line, with its number from 1, if it is one line's content that is wrong.
    pub line: Option<(usize, String)>,
    /// The reason, in Redis's words.
    pub reason: &'static str,
}

impl ManifestError {
    /// Logs the error as Redis does before it exits.
    pub fn log(&self, out: &mut Outbox) {
        out.warning("*** FATAL AOF MANIFEST FILE ERROR ***");
        if let Some((number, text)) = &self.line {
            out.warning(format!("Reading the manifest file, at line {number}"));
            out.warning(format!(">>> '{text}'"));
        }
        out.warning(self.reason);
    }
}

impl Manifest {
    /// The name of the manifest of an append-only file called `appendfilename`.
    pub fn file_name(appendfilename: &str) -> String {
        format!("{appendfilename}.manifest")
    }

    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// What Redis says about it.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let bare = |reason| ManifestError { line: None, reason };
        if text.is_empty() {
            return Err(bare("Found an empty AOF manifest"));
        }
        let mut manifest = Manifest::default();
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            // As fgets gives them: a line that is too long comes in pieces.
            let window = &rest[..rest.len().min(LINE_LEN_MAX)];
            let newline = window.iter().position(|&b| b == b'\n');
            let (line, after) = rest.split_at(newline.map_or(window.len(), |at| at + 1));
            rest = after;
            number += 1;
            if line[0] == b'#' {
                continue;
            }
            if newline.is_none() || line.contains(&0) {
                return Err(bare("The AOF manifest file contains too long line"));
            }
            let line = line.trim_ascii();
            manifest.add_line(line).map_err(|reason| ManifestError {
                line: Some((number, String::from_utf8_lossy(line).into_owned())),
                reason,
            })?;
        }
        Ok(manifest)
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        let args = split_args(line).ok_or(FORMAT)?;
        if args.len() < 6 || !args.len().is_multiple_of(2) {
            return Err(FORMAT);
        }
        let (mut name, mut seq, mut kind) = (None, 0, 0);
        for pair in args.chunks_exact(2) {
            if pair[0].eq_ignore_ascii_case(b"file") {
                if pair[1].iter().any(|b| matches!(b, b'/' | b'\\')) {
                    return Err("File can't be a path, just a filename");
                }
                name = Some(std::str::from_utf8(&pair[1]).map_err(|_| FORMAT)?);
            } else if pair[0].eq_ignore_ascii_case(b"seq") {
                seq = leading_integer(&pair[1]);
            } else if pair[0].eq_ignore_ascii_case(b"type") {
                kind = pair[1].first().copied().unwrap_or(0);
            }
        }
        let Some(name) = name else { return Err(FORMAT) };
        if seq == 0 || kind == 0 {
            return Err(FORMAT);
        }
        let file = AofFile { name: name.into(), seq };
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = seq;
                self.base = Some(file);
            }
            b'h' => self.history.push(file),
            b'i' if self.incr.last().map_or(0, |last| last.seq) >= seq => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => {
                self.incr_seq = seq;
                self.incr.push(file);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text of the manifest.
    pub fn format(&self) -> String {
        let base = self.base.iter().map(|file| (file, 'b'));
        let history = self.history.iter().map(|file| (file, 'h'));
        let incr = self.incr.iter().map(|file| (file, 'i'));
        let mut text = String::new();
        for (file, kind) in base.chain(history).chain(incr) {
            let plain = file.name.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\' && b != b'"');
            let name = if plain { file.name.to_string() } else { quote(file.name.as_bytes()) };
            text.push_str(&format!("file {name} seq {} type {kind}\n", file.seq));
        }
        text
    }

    /// Whether it names no file to load.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }

    /// The files to load, in order.
    pub fn files(&self) -> impl Iterator<Item = &AofFile> {
        self.base.iter().chain(&self.incr)
    }

    /// Makes a new base file; the one before becomes history (`getNewBaseFileNameAndMarkPreAsHistory`).
    pub fn new_base(&mut self, appendfilename: &str, rdb: bool) -> Rc<str> {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        self.base_seq += 1;
        let suffix = if rdb { "rdb" } else { "aof" };
        let name: Rc<str> = format!("{appendfilename}.{}.base.{suffix}", self.base_seq).into();
        self.base = Some(AofFile { name: name.clone(), seq: self.base_seq });
        name
    }

    /// Makes an old single-file append-only file the base (`aofUpgradePrepare`).
    pub fn adopt_base(&mut self, appendfilename: &str) {
        self.base_seq = 1;
        self.base = Some(AofFile { name: appendfilename.into(), seq: 1 });
    }

    /// Makes a new incremental file (`getNewIncrAofName`).
    pub fn new_incr(&mut self, appendfilename: &str) -> Rc<str> {
        self.incr_seq += 1;
        let name: Rc<str> = format!("{appendfilename}.{}.incr.aof", self.incr_seq).into();
        self.incr.push(AofFile { name: name.clone(), seq: self.incr_seq });
        name
    }

    /// Turns the incremental files that a rewrite has absorbed into history, all but the last one if it is being written
    /// to (`markRewrittenIncrAofAsHistory`).
    pub fn retire_incr(&mut self, keep_last: bool) {
        let kept = if keep_last { self.incr.pop() } else { None };
        for file in self.incr.drain(..).rev() {
            self.history.insert(0, file);
        }
        self.incr.extend(kept);
    }

    /// The disk operations that replace the manifest on disk by this one: written under another name, made durable,
    /// renamed, and the folder made durable.
    pub fn store(&self, folder: &str, appendfilename: &str) -> [(ManifestStep, DiskRequest); 5] {
        let path = join(folder, &Self::file_name(appendfilename));
        let temp = join(folder, &format!("temp-{}", Self::file_name(appendfilename)));
        let bytes = self.format().into_bytes().into();
        [
            (ManifestStep::Open, DiskRequest::Create { path: temp.clone() }),
            (ManifestStep::Write, DiskRequest::Append { path: temp.clone(), bytes }),
            (ManifestStep::Fsync, DiskRequest::Fsync { path: temp.clone() }),
            (ManifestStep::Rename, DiskRequest::Rename { from: temp, to: path }),
            (ManifestStep::FsyncDir, DiskRequest::FsyncDir { path: folder.into() }),
        ]
    }
}

/// The steps of storing a manifest, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestStep {
    /// Creating the temporary file.
    Open,
    /// Writing it.
    Write,
    /// Making it durable.
    Fsync,
    /// Giving it its name.
    Rename,
    /// Making the name durable.
    FsyncDir,
}

impl ManifestStep {
    /// The log line for a failure of this step (`writeAofManifestFile`).
    pub fn failure(self, folder: &str, appendfilename: &str, strerror: &str) -> String {
        let name = Manifest::file_name(appendfilename);
        let temp = format!("temp-{name}");
        match self {
            ManifestStep::Open => format!("Can't open the AOF manifest file {temp}: {strerror}"),
            ManifestStep::Write => {
                format!("Error trying to write the temporary AOF manifest file {temp}: {strerror}")
            }
            ManifestStep::Fsync => format!("Fail to fsync the temp AOF file {temp}: {strerror}."),
            ManifestStep::Rename => {
                format!(
                    "Error trying to rename the temporary AOF manifest file {temp} into {name}: {strerror}"
                )
            }
            ManifestStep::FsyncDir => format!("Fail to fsync AOF directory {folder}/{name}: {strerror}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> (&'static str, Option<usize>) {
        let error = Manifest::parse(text.as_bytes()).unwrap_err();
        (error.reason, error.line.map(|line| line.0))
    }

    #[test]
    fn reads_what_it_writes() {
        let text = "file a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
                    file \"a b.incr.aof\" seq 4 type i\nfile a.aof.5.incr.aof seq 5 type i\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.format(), text);
        assert_eq!(manifest.files().map(|f| f.seq).collect::<Vec<_>>(), [2, 4, 5]);
        let commented = format!("#comment\n{}", text.replace("type i", "type i later key"));
        assert_eq!(Manifest::parse(commented.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn refuses_in_the_words_of_redis() {
        assert_eq!(reason(""), ("Found an empty AOF manifest", None));
        assert_eq!(reason("\n"), ("Invalid AOF manifest file format", Some(1)));
        assert_eq!(reason("file x seq 1 type b"), ("The AOF manifest file contains too long line", None));
        let long = format!("file {} seq 1 type b\n", "x".repeat(1100));
        assert_eq!(reason(&long), ("The AOF manifest file contains too long line", None));
        assert_eq!(reason("file x seq 1\n"), ("Invalid AOF manifest file format", Some(1)));
        assert_eq!(reason("file x seq 1 type b more\n"), ("Invalid AOF manifest file format", Some(1)));
        assert_eq!(reason("file x seq 0 type b\n"), ("Invalid AOF manifest file format", Some(1)));
        assert_eq!(reason("file a/b seq 1 type b\n"), ("File can't be a path, just a filename", Some(1)));
        assert_eq!(reason("#\nfile a seq 1 type z\n"), ("Unknown AOF file type", Some(2)));
        let two = "file a seq 1 type b\nfile b seq 2 type b\n";
        assert_eq!(reason(two), ("Found duplicate base file information", Some(2)));
        let back = "file a seq 2 type i\nfile b seq 1 type i\n";
        assert_eq!(reason(back), ("Found a non-monotonic sequence number", Some(2)));
    }

    #[test]
    fn a_rewrite_replaces_base_and_increments() {
        let mut manifest = Manifest::default();
        assert_eq!(&*manifest.new_base("a.aof", true), "a.aof.1.base.rdb");
        assert_eq!(&*manifest.new_incr("a.aof"), "a.aof.1.incr.aof");
        manifest.new_incr("a.aof");
        assert_eq!(&*manifest.new_base("a.aof", false), "a.aof.2.base.aof");
        manifest.retire_incr(true);
        assert_eq!(
            manifest.format(),
            "file a.aof.2.base.aof seq 2 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
             file a.aof.1.base.rdb seq 1 type h\nfile a.aof.2.incr.aof seq 2 type i\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200), tail in "(file [a-z\"]{1,4} seq [0-9-]{1,3} type [bhiz]\n){0,4}") {
            let _ = Manifest::parse(&text);
            let _ = Manifest::parse(tail.as_bytes());
        }
    }
}
