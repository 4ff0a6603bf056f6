//! Reads the commands of an append-only file, fed in pieces of any size (`loadSingleAppendOnlyFile`, aof.c 7.0.15).
//!
//! The format is the one of encode.rs, but what Redis accepts is a little wider, since it reads lines with `fgets` and
//! numbers with `atoi`: the same files load here, and the same ones count as cut short or as malformed.

/// The longest line, as the size of Redis's buffer less its closing NUL (`AOF_ANNOTATION_LINE_MAX_LEN`).
const LINE_LEN_MAX: usize = 1023;

/// The longest argument in bytes, and the most arguments: what a 32-bit address space can hold, on every target.
const LEN_MAX: i64 = i32::MAX as i64;

/// Why a file cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The file ends inside a command.
    Truncated,
    /// What is there is no command.
    Format,
}

/// A command: its name and arguments.
pub type Command = Vec<Vec<u8>>;

/// The reader. Feed it, then take commands until there are none, and so on.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    buf: Vec<u8>,
    /// How much of `buf` is consumed.
    at: usize,
    /// The position in the file of `buf[0]`.
    base: u64,
    ended: bool,
    /// The command in the making and how many arguments it lacks.
    args: Command,
    missing: usize,
    /// The position just after the last whole command.
    valid_up_to: u64,
}

impl Reader {
    /// A reader whose first byte stands at `offset` in the file.
    pub fn new(offset: u64) -> Reader {
        Reader { base: offset, valid_up_to: offset, ..Reader::default() }
    }

    /// More bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// Whether [`Reader::finish`] was called.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// There are no more bytes.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The position just after the last whole command: where a file that is cut short is to be truncated.
    pub fn valid_up_to(&self) -> u64 {
        self.valid_up_to
    }

    /// The position of the first byte not consumed yet.
    pub fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The next line with its newline; at the end of the file, what is left. None: more bytes are wanted, or none are left.
    fn line(&mut self) -> Option<&[u8]> {
        let rest = &self.buf[self.at..];
        let window = &rest[..rest.len().min(LINE_LEN_MAX)];
        let len = match window.iter().position(|&b| b == b'\n') {
            Some(newline) => newline + 1,
            None if window.len() == LINE_LEN_MAX || (self.ended && !window.is_empty()) => window.len(),
            None => return None,
        };
        self.at += len;
        Some(&self.buf[self.at - len..self.at])
    }

    /// The next command. None: more bytes are wanted, or the file ended in order if [`Reader::finish`] was called.
    ///
    /// # Errors
    /// See [`ReadError`]; after one the reader is of no more use.
    pub fn next_command(&mut self) -> Result<Option<Command>, ReadError> {
        while self.missing == 0 {
            let Some(line) = self.line() else { return Ok(None) };
            match line {
                [b'#', ..] => continue,
                [b'*'] => return Err(ReadError::Truncated),
                [b'*', count @ ..] => {
                    let count = leading_integer(count);
                    if !(1..=LEN_MAX).contains(&count) {
                        return Err(ReadError::Format);
                    }
                    self.missing = count as usize;
                }
                _ => return Err(ReadError::Format),
            }
        }
        while self.missing > 0 {
            let before = self.at;
            let short = if self.ended { Err(ReadError::Truncated) } else { Ok(None) };
            let Some(line) = self.line() else { return short };
            let [b'$', len @ ..] = line else { return Err(ReadError::Format) };
            let len = leading_integer(len);
            if !(0..=LEN_MAX).contains(&len) {
                return Err(ReadError::Format);
            }
            let len = len as usize + 2;
            if self.buf.len() - self.at < len {
                // The line is read again once there is more.
                self.at = before;
                return short;
            }
            let end = self.at + len;
            self.args.push(self.buf[self.at..end - 2].to_vec());
            self.at = end;
            self.missing -= 1;
        }
        self.valid_up_to = self.position();
        Ok(Some(std::mem::take(&mut self.args)))
    }
}

/// The number at the beginning of `text` as `atoi` sees it: 0 if there is none, held within range.
pub(crate) fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut n = 0i64;
    for &digit in digits.iter().take_while(|d| d.is_ascii_digit()) {
        n = n.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    if negative { -n } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], chunk: usize) -> (Vec<Command>, Result<(), ReadError>, u64) {
        let mut reader = Reader::new(0);
        let mut commands = Vec::new();
        let mut pieces = bytes.chunks(chunk);
        loop {
            match reader.next_command() {
                Ok(Some(command)) => commands.push(command),
                Ok(None) => match pieces.next() {
                    Some(piece) => reader.feed(piece),
                    None if reader.ended() => return (commands, Ok(()), reader.valid_up_to()),
                    None => reader.finish(),
                },
                Err(error) => return (commands, Err(error), reader.valid_up_to()),
            }
        }
    }

    const TWO: &[u8] =
        b"#TS:1\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\nb\r\n";

    #[test]
    fn commands_come_whatever_the_pieces() {
        let expected =
            [vec![b"SELECT".to_vec(), b"0".to_vec()], vec![b"SET".to_vec(), b"k".to_vec(), b"a\nb".to_vec()]];
        for chunk in 1..TWO.len() {
            assert_eq!(read(TWO, chunk), (expected.to_vec(), Ok(()), TWO.len() as u64), "pieces of {chunk}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_valid_up_to_the_last_whole_command() {
        // The first command ends at byte 30, and what comes before it is a comment.
        for cut in 1..TWO.len() {
            let (commands, result, valid) = read(&TWO[..cut], 7);
            // `*` and then nothing that is a number is what Redis calls malformed, not cut short.
            match (cut, result) {
                (1..=7 | 30, Ok(())) | (_, Err(ReadError::Truncated)) => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(commands.len(), usize::from(cut >= 30), "cut at {cut}");
            assert_eq!(valid, if cut >= 30 { 30 } else { 0 });
        }
    }

    #[test]
    fn what_is_no_command_is_malformed() {
        for bytes in [
            "hello\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*x\r\n",
            "*1\r\n:1\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n$9999999999999999999\r\n",
        ] {
            assert_eq!(read(bytes.as_bytes(), 3).1, Err(ReadError::Format), "{bytes:?}");
        }
        let long = format!("#{}\r\n*1\r\n$4\r\nPING\r\n", "x".repeat(1100));
        assert_eq!(
            read(long.as_bytes(), 3).1,
            Err(ReadError::Format),
            "a comment longer than Redis's buffer"
        );
        assert_eq!(read(b"*", 1).1, Err(ReadError::Truncated));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), b'0'..b'4', any::<u8>()], 0..300), chunk in 1usize..50) {
            let _ = read(&bytes, chunk);
        }
    }
}
