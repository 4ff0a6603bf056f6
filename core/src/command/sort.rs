//! SORT and SORT_RO (sort.c 7.0.15).
//!
//! SORT has three steps that options change: load the elements, order them (by themselves, by other keys' values, or not
//! at all), and put out a range of them or what other keys hold for them. LIMIT is applied to the ordered elements in any
//! case; with BY only a part of them is sorted, which shows where weights are equal ([`super::sort_range`]).

use super::sort_range::sort_range;
use super::string::read_string;
use super::{Handlers, store_or_delete};
use crate::cost::Work;
use crate::exec::{Done, Error, Exec, notify};
use crate::resp::reply::printed;
use crate::store::float::strtod;
use crate::store::quicklist::End;
use crate::store::{Object, Str, Zset};
use std::cmp::Ordering;
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers =
    &[("sort", |exec| sort_generic(exec, false)), ("sort_ro", |exec| sort_generic(exec, true))];

struct Options<'a> {
    descending: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
}

fn parse_options<'a>(exec: &Exec<'a>, read_only: bool) -> Result<Options<'a>, Error> {
    let mut options =
        Options { descending: false, alpha: false, limit: None, by: None, get: Vec::new(), store: None };
    let argc = exec.args.len();
    let cluster = exec.config().cluster_enabled;
    let mut index = 2;
    while index < argc {
        let rest = argc - index - 1;
        let is = |word| exec.arg_is(index, word);
        if is("ASC") {
            options.descending = false;
        } else if is("DESC") {
            options.descending = true;
        } else if is("ALPHA") {
            options.alpha = true;
        } else if is("LIMIT") && rest >= 2 {
            options.limit = Some((exec.integer(index + 1)?, exec.integer(index + 2)?));
            index += 2;
        } else if !read_only && is("STORE") && rest >= 1 {
            options.store = Some(exec.args[index + 1]);
            index += 1;
        } else if is("BY") && rest >= 1 {
            let pattern = exec.args[index + 1];
            if cluster && pattern.contains(&b'*') {
                return Err(Error::fixed("BY option of SORT denied in Cluster mode."));
            }
            options.by = Some(pattern);
            index += 1;
        } else if is("GET") && rest >= 1 {
            if cluster {
                return Err(Error::fixed("GET option of SORT denied in Cluster mode."));
            }
            options.get.push(exec.args[index + 1]);
            index += 1;
        } else {
            return Err(Error::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

/// The value that a BY or GET pattern names for an element: the element takes the place of the first `*`, and what
/// follows a `->` behind it is a field of a hash (`lookupKeyByPattern`).
fn look_up(exec: &mut Exec<'_>, pattern: &[u8], element: &Str) -> Option<Str> {
    if pattern == b"#" {
        return Some(element.clone());
    }
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = rest.windows(2).position(|pair| pair == b"->").filter(|&at| at + 2 < rest.len());
    let (postfix, field) = match arrow {
        Some(at) => (&rest[..at], Some(&rest[at + 2..])),
        None => (rest, None),
    };
    let key = [prefix, element, postfix].concat();
    match field {
        Some(field) => match exec.read(&key) {
            Some(Object::Hash(hash)) => hash.get(field).map(|value| value.to_str()),
            _ => None,
        },
        None => read_string(exec, &key).ok().flatten().map(|value| value.to_str()),
    }
}

/// What an element is ordered by.
enum Weight {
    Number(f64),
    /// The value of another key, if it is there.
    Text(Option<Str>),
    /// The element itself.
    Own,
}

/// A weight as a number: all of the text must be one, up to a NUL byte, where a text ends for `strtod`.
fn number(text: &[u8]) -> Result<f64, Error> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let (value, read) = strtod(text);
    // A number in the text that is too large reads as infinite, which `strtod` reports as an error of range.
    let overflow = value.is_infinite() && text.iter().any(u8::is_ascii_digit);
    if read < text.len() || value.is_nan() || overflow {
        return Err(Error::fixed("One or more scores can't be converted into double"));
    }
    Ok(value)
}

/// Texts are compared by `strcoll`, which sees them end at a NUL byte, but byte for byte if the result is stored.
fn compare(a: &(Str, Weight), b: &(Str, Weight), exact: bool) -> Ordering {
    let texts = |a: &Str, b: &Str| match exact {
        true => a.cmp(b),
        false => printed(a, usize::MAX).cmp(printed(b, usize::MAX)),
    };
    match (&a.1, &b.1) {
        // Elements of equal weight are ordered among themselves, so that the result is always the same.
        (Weight::Number(x), Weight::Number(y)) => {
            x.partial_cmp(y).filter(|order| order.is_ne()).unwrap_or_else(|| a.0.cmp(&b.0))
        }
        (Weight::Text(Some(x)), Weight::Text(Some(y))) => texts(x, y),
        (Weight::Text(x), Weight::Text(y)) => x.is_some().cmp(&y.is_some()),
        _ => texts(&a.0, &b.0),
    }
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]`
fn sort_generic(exec: &mut Exec<'_>, read_only: bool) -> Done {
    let mut options = parse_options(exec, read_only)?;
    let mut object = exec.read(exec.args[1]).cloned();
    // SORT leaves a sorted set in the big encoding, for good: it reads through the dictionary.
    if let Some(Object::Zset(zset)) = &mut object
        && matches!(**zset, Zset::Pack(_))
    {
        Rc::make_mut(zset).convert(&exec.node.limits);
        let key = exec.args[1];
        exec.node.key_changes(exec.db, key);
        if let Some(entry) = exec.raw_db_mut().get_entry_mut(key) {
            entry.object = Object::Zset(Rc::clone(zset));
        }
    }
    let mut unsorted = options.by.is_some_and(|pattern| !pattern.contains(&b'*'));
    let mut elements: Vec<(Str, Weight)> = Vec::new();
    match &object {
        None => {}
        Some(Object::List(list)) => elements.extend(list.iter().map(|value| (value.to_str(), Weight::Own))),
        Some(Object::Set(set)) => {
            elements.extend(set.iter().map(|value| (value.to_str(), Weight::Own)));
            // A set has no order of its own: what is stored must not depend on the order it happens to have.
            if unsorted && options.store.is_some() {
                unsorted = false;
                options.alpha = true;
                options.by = None;
            }
        }
        Some(Object::Zset(zset)) => {
            elements.extend(zset.iter().map(|(value, _)| (value.to_str(), Weight::Own)));
        }
        Some(_) => return Err(Error::WRONG_TYPE),
    }
    exec.node.work(Work::Elements, elements.len());

    if unsorted {
        let ordered = matches!(object, Some(Object::List(_) | Object::Zset(_)));
        if options.descending && ordered {
            elements.reverse();
        }
    } else {
        let mut failed = None;
        for (element, weight) in &mut elements {
            let value = match options.by {
                Some(pattern) => look_up(exec, pattern, element),
                None if options.alpha => continue,
                None => Some(element.clone()),
            };
            *weight = match value {
                value if options.alpha => Weight::Text(value),
                None => Weight::Number(0.0),
                Some(text) => Weight::Number(number(&text).unwrap_or_else(|error| {
                    failed = Some(error);
                    0.0
                })),
            };
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    let len = elements.len();
    let (offset, count) = options.limit.unwrap_or((0, -1));
    let start = offset.clamp(0, len as i64) as usize;
    let end = if count < 0 { len } else { start.saturating_add(count as usize).min(len) };
    let wanted = start..end.max(start);
    if !unsorted {
        let exact = options.store.is_some();
        let order = |a: &(Str, Weight), b: &(Str, Weight)| match options.descending {
            true => compare(a, b, exact).reverse(),
            false => compare(a, b, exact),
        };
        if options.by.is_none() || wanted == (0..len) {
            elements.sort_by(order);
        } else if !wanted.is_empty() {
            sort_range(&mut elements, wanted.clone(), order);
        }
    }
    let chosen = &elements[wanted];
    let outputs = chosen.len() * options.get.len().max(1);

    match options.store {
        None => {
            exec.reply.array(outputs);
            for (element, _) in chosen {
                if options.get.is_empty() {
                    exec.reply.bulk(element);
                }
                for pattern in &options.get {
                    let value = look_up(exec, pattern, element);
                    exec.reply.bulk_or_null(value.as_deref());
                }
            }
        }
        Some(destination) => {
            let mut stored = Object::list(&exec.node.limits);
            for (element, _) in chosen {
                let mut values = Vec::with_capacity(options.get.len());
                for pattern in &options.get {
                    values.push(look_up(exec, pattern, element).unwrap_or_default());
                }
                if let Object::List(list) = &mut stored {
                    let list = Rc::make_mut(list);
                    if options.get.is_empty() {
                        list.push(End::Tail, element);
                    }
                    values.iter().for_each(|value| list.push(End::Tail, value));
                }
            }
            let stored = (outputs > 0).then_some(stored);
            store_or_delete(exec, destination, stored, (notify::LIST, "sortstore"), outputs as u64);
            exec.reply.integer(outputs as i64);
        }
    }
    Ok(())
}
