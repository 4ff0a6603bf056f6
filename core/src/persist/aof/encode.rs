//! Commands as they stand in an append-only file: arrays of bulk strings, with a SELECT before each change of database
//! and, with `aof-timestamp-enabled yes`, a `#TS:` line for each second in which something was written
//! (`feedAppendOnlyFile`, aof.c 7.0.15).

use crate::resp::encode_command;

/// Remembers what the last bytes of the file imply for the next command.
#[derive(Clone, Debug, Default)]
pub struct Feeder {
    /// The database of the last command; None forces a SELECT.
    selected: Option<usize>,
    /// The second of the last annotation.
    annotated_s: i64,
}

impl Feeder {
    /// Makes the next command begin with a SELECT: after a rewrite has begun and when the file was opened.
    pub fn forget_db(&mut self) {
        self.selected = None;
    }

    /// Appends a command that ran in database `db`. `timestamp_s` is the wall clock in seconds if annotations are wanted.
    pub fn feed(&mut self, out: &mut Vec<u8>, db: usize, args: &[&[u8]], timestamp_s: Option<i64>) {
        if let Some(now) = timestamp_s
            && self.annotated_s < now
        {
            self.annotated_s = now;
            out.extend_from_slice(&annotation(now));
        }
        if self.selected != Some(db) {
            self.selected = Some(db);
            encode_command(out, &[&b"SELECT"[..], db.to_string().as_bytes()]);
        }
        encode_command(out, args);
    }
}

/// The line that says when what follows was written.
pub fn annotation(timestamp_s: i64) -> Vec<u8> {
    format!("#TS:{timestamp_s}\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_comes_when_the_database_changes() {
        let mut out = Vec::new();
        let mut feeder = Feeder::default();
        feeder.feed(&mut out, 0, &[b"SET", b"k", b""], None);
        feeder.feed(&mut out, 0, &[b"DEL", b"k"], Some(7));
        feeder.feed(&mut out, 12, &[b"DEL", b"k"], Some(7));
        feeder.forget_db();
        feeder.feed(&mut out, 12, &[b"DEL", b"k"], Some(8));
        let expected = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n\
            #TS:7\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n\
            *2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n\
            #TS:8\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
