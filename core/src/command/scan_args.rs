//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: their cursor and options (`scanGenericCommand`, db.c 7.0.15).

use crate::exec::{Error, Exec};
use crate::store::glob;

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
        let cursor = std::str::from_utf8(args[at]).ok().and_then(|text| text.parse().ok());
        let cursor = cursor.ok_or(Error::fixed("invalid cursor"))?;
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

    /// Whether an element is asked for.
    pub fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, element, false))
    }
}

/// Begins the reply of a scan; the elements follow as one array.
pub(crate) fn reply_cursor(exec: &mut Exec<'_>, cursor: u64) {
    exec.reply.array(2);
    exec.reply.bulk(cursor.to_string().as_bytes());
}
