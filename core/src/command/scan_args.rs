//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: their cursor and options (`scanGenericCommand`, db.c 7.0.15).

use crate::exec::{Error, Exec};
use crate::store::glob;
use crate::store::object::Typed;
use std::rc::Rc;

/// The options of a scan.
pub(crate) struct ScanArgs<'a> {
    /// Where to go on.
    pub cursor: u64,
    /// About how many elements to look at.
    pub count: usize,
    pattern: Option<&'a [u8]>,
    /// SCAN's TYPE, in the case it was given in.
    pub type_name: Option<&'a [u8]>,
}

impl<'a> ScanArgs<'a> {
    /// Reads the cursor at argument `at` and the options behind it. TYPE is for SCAN alone.
    ///
    /// # Errors
    /// Redis's texts for a bad cursor, count or option.
    pub fn parse(exec: &Exec<'a>, at: usize, with_type: bool) -> Result<ScanArgs<'a>, Error> {
        let args: &'a [&'a [u8]] = exec.args;
        let cursor = parse_cursor(args[at])?;
        let mut scan = ScanArgs { cursor, count: 10, pattern: None, type_name: None };
        let mut index = at + 1;
        while index < args.len() {
            let value = *args.get(index + 1).ok_or(Error::SYNTAX)?;
            if exec.arg_is(index, "count") {
                let count = exec.integer(index + 1)?;
                if count < 1 {
                    return Err(Error::SYNTAX);
                }
                scan.count = count as usize;
            } else if exec.arg_is(index, "match") {
                scan.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if with_type && exec.arg_is(index, "type") {
                scan.type_name = Some(value);
            } else {
                return Err(Error::SYNTAX);
            }
            index += 2;
        }
        Ok(scan)
    }

    /// What HSCAN, SSCAN or ZSCAN is told, and the value it goes through. `None`: the key is not there and the reply is
    /// written. A bad cursor is told first, then the key is looked at, then the options.
    ///
    /// # Errors
    /// As [`ScanArgs::parse`], and [`Error::WRONG_TYPE`].
    pub fn of_key<T: Typed>(exec: &mut Exec<'a>) -> Result<Option<(ScanArgs<'a>, Rc<T>)>, Error> {
        parse_cursor(exec.args[2])?;
        let Some(value) = exec.shared(exec.args[1])? else {
            reply_cursor(exec, 0);
            exec.reply.empty_array();
            return Ok(None);
        };
        Ok(Some((ScanArgs::parse(exec, 2, false)?, value)))
    }

    /// Whether an element is asked for.
    pub fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, element, false))
    }
}

/// A cursor, as `strtoul` reads it (`parseScanCursorOrReply`).
///
/// # Errors
/// `invalid cursor`.
fn parse_cursor(text: &[u8]) -> Result<u64, Error> {
    let (negative, digits) = match text {
        // strtoul finds no number in an empty text and calls that 0.
        [] => return Ok(0),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match value.and_then(|text| text.parse::<u64>().ok()) {
        Some(value) => Ok(if negative { value.wrapping_neg() } else { value }),
        None => Err(Error::fixed("invalid cursor")),
    }
}

/// Begins the reply of a scan; the elements follow as one array.
pub(crate) fn reply_cursor(exec: &mut Exec<'_>, cursor: u64) {
    exec.reply.array(2);
    exec.reply.bulk(cursor.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_strtoul_does() {
        for (text, cursor) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("+7", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551616", None),
            (" 1", None),
            ("1 ", None),
            ("-", None),
            ("x", None),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()).ok(), cursor, "{text:?}");
        }
    }
}
