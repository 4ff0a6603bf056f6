//! What the commands for lists and sorted sets have in common that take elements out: the arguments of LMPOP, ZMPOP and
//! their blocking forms, and the timeouts of all that wait.

use crate::exec::{Error, Exec};
use crate::store::float;

/// What LMPOP, BLMPOP, ZMPOP or BZMPOP asks for.
pub(super) struct MultiPop<'a, E> {
    /// The keys, in the order in which they are tried.
    pub keys: &'a [&'a [u8]],
    /// The end to take from.
    pub end: E,
    /// How many elements at the most.
    pub count: usize,
}

impl<'a, E> MultiPop<'a, E> {
    /// Reads `numkeys key [key …] end [COUNT count]` from argument `at` on; `end_at` reads the word for the end.
    ///
    /// # Errors
    /// Redis's texts (`lmpopGenericCommand`, t_list.c 7.0.15).
    pub fn parse(
        exec: &Exec<'a>,
        at: usize,
        end_at: impl FnOnce(&Exec<'a>, usize) -> Result<E, Error>,
    ) -> Result<MultiPop<'a, E>, Error> {
        let args: &'a [&'a [u8]] = exec.args;
        let numkeys = exec.integer(at).ok().filter(|&count| count > 0);
        let numkeys = numkeys.ok_or(Error::fixed("numkeys should be greater than 0"))?;
        let where_at = usize::try_from(numkeys).ok().and_then(|count| count.checked_add(at + 1));
        let where_at = where_at.filter(|&index| index < args.len()).ok_or(Error::SYNTAX)?;
        let end = end_at(exec, where_at)?;
        let mut count = None;
        let mut index = where_at + 1;
        while index < args.len() {
            if count.is_some() || !exec.arg_is(index, "count") || index + 1 >= args.len() {
                return Err(Error::SYNTAX);
            }
            let value = exec.integer(index + 1).ok().filter(|&value| value > 0);
            count = Some(value.ok_or(Error::fixed("count should be greater than 0"))? as usize);
            index += 2;
        }
        Ok(MultiPop { keys: &args[at + 1..where_at], end, count: count.unwrap_or(1) })
    }
}

/// When a blocking command gives up; `None` is never (`getTimeoutFromObjectOrReply`, timeout.c 7.0.15).
///
/// # Errors
/// The argument at `index` is no number of seconds, or a negative one.
pub(crate) fn deadline(exec: &Exec<'_>, index: usize) -> Result<Option<i64>, Error> {
    let seconds =
        float::parse_f64(exec.args[index]).ok_or(Error::fixed("timeout is not a float or out of range"))?;
    // What a 64-bit integer cannot hold becomes the least of them in C.
    let ms = libm::ceil(seconds * 1000.0);
    if ms < 0.0 || ms >= i64::MAX as f64 {
        return Err(Error::fixed("timeout is negative"));
    }
    if ms == 0.0 {
        return Ok(None);
    }
    Ok(Some(exec.now_ms().saturating_add(ms as i64)))
}
