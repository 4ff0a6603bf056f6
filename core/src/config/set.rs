//! CONFIG GET and CONFIG SET as functions over [`Config`]: reading one value from arguments with Redis's checks and texts,
//! setting many at once or none, and finding directives by pattern.

use super::table::{Unit, flags};
use super::text::{glob_matches, lenient_integer, memory_size, strict_integer};
use super::{Config, Directive, Effect, Kind, ProtectedAction, Value, directives, lookup, special};
use core::fmt;

/// The bounds within which hz is kept (`CONFIG_MIN_HZ`, `CONFIG_MAX_HZ`, server.h 7.0.15).
const HZ_MIN: i32 = 1;
const HZ_MAX: i32 = 500;

/// The room that Redis has for the list of an enumeration's names (`LOADBUF_SIZE - 1`, config.c 7.0.15).
const ENUM_ERROR_LEN_MAX: usize = 255;

pub(super) fn clamp_hz(hz: i32) -> i32 {
    hz.clamp(HZ_MIN, HZ_MAX)
}

/// What CONFIG SET must know beyond the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetContext {
    /// Whether the dataset is being loaded.
    pub loading: bool,
    /// Whether the client is on this machine (`enable-protected-configs local`).
    pub local_client: bool,
}

/// Why CONFIG SET refuses. [`fmt::Display`] gives the reply without the `-` and the end of line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// `-LOADING`: not while the dataset is loaded.
    Loading,
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// A directive was not set, and then none was.
    Failed {
        /// Which, as the reply names it.
        argument: Vec<u8>,
        /// Why.
        reason: Option<String>,
    },
}

impl SetError {
    /// The bytes of the error reply without the `-` and the end of line.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            SetError::Loading => b"LOADING Redis is loading the dataset in memory".to_vec(),
            SetError::Unknown(name) => {
                [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"]
                    .concat()
            }
            SetError::Failed { argument, reason } => {
                let mut text = b"ERR CONFIG SET failed (possibly related to argument '".to_vec();
                text.extend_from_slice(argument);
                text.extend_from_slice(b"')");
                if let Some(reason) = reason {
                    text.extend_from_slice(b" - ");
                    text.extend_from_slice(reason.as_bytes());
                }
                text
            }
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.reply()))
    }
}

/// A CONFIG SET that went through. When one of the effects fails, put `before` back, carry out the effects that were
/// carried out already once more, and reply [`SetError::Failed`] with the effect's directive.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What has to be done, in this order, each with the directive that asks for it.
    pub effects: Vec<(Effect, &'static str)>,
    /// The configuration as it was.
    pub before: Box<Config>,
}

/// CONFIG SET: sets all pairs of name and value, or none.
///
/// # Errors
/// What to reply; the configuration is as it was.
pub fn set(config: &mut Config, pairs: &[(&[u8], &[u8])], context: SetContext) -> Result<Applied, SetError> {
    let mut chosen: Vec<(&'static Directive, bool)> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        let failed =
            |reason: &str| SetError::Failed { argument: name.to_vec(), reason: Some(reason.to_string()) };
        let (directive, aliased) = lookup(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
        if directive.has(flags::IMMUTABLE) {
            return Err(failed("can't set immutable config"));
        }
        let allowed: ProtectedAction = config.enable_protected_configs;
        if directive.has(flags::PROTECTED) && !allowed.allows(context.local_client) {
            return Err(failed("can't set protected config"));
        }
        if context.loading && directive.has(flags::DENY_LOADING) {
            return Err(SetError::Loading);
        }
        // Redis has an entry of its own for an alias, so a directive and its alias may stand side by side.
        if chosen.iter().any(|(d, a)| core::ptr::eq(*d, directive) && *a == aliased) {
            return Err(failed("duplicate parameter"));
        }
        chosen.push((directive, aliased));
    }
    let before = Box::new(config.clone());
    let mut effects: Vec<(Effect, &'static str)> = Vec::new();
    for ((directive, aliased), (_, value)) in chosen.into_iter().zip(pairs) {
        let name = if aliased { directive.alias.unwrap_or(directive.name) } else { directive.name };
        let args: Vec<Vec<u8>> = match directive.has(flags::MULTI_ARG) {
            true if value.is_empty() => Vec::new(),
            true => value.split(|&b| b == b' ').map(<[u8]>::to_vec).collect(),
            false => vec![value.to_vec()],
        };
        match store(config, directive, &args, true) {
            Ok(changed) => {
                if let Some(effect) = directive.effect
                    && changed
                    && !effects.iter().any(|(e, _)| *e == effect)
                {
                    effects.push((effect, name));
                }
            }
            Err(reason) => {
                *config = *before;
                return Err(SetError::Failed { argument: name.as_bytes().to_vec(), reason: Some(reason) });
            }
        }
    }
    config.hz = clamp_hz(config.hz);
    Ok(Applied { effects, before })
}

/// CONFIG GET: the directives that the patterns name, with their values. Aliases are shown as directives of their own; a
/// name without wildcards comes back as it was typed. Redis's order is that of a dictionary with a random seed; here it
/// is that of the table.
pub fn get(config: &Config, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let has =
        |found: &[(Vec<u8>, Vec<u8>)], name: &[u8]| found.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    for pattern in patterns {
        if !pattern.iter().any(|b| matches!(b, b'[' | b'*' | b'?')) {
            if let Some((directive, _)) = lookup(pattern)
                && !has(&found, pattern)
            {
                found.push((pattern.to_vec(), show(config, directive)));
            }
            continue;
        }
        for directive in directives().filter(|d| !d.has(flags::HIDDEN)) {
            for name in [Some(directive.name), directive.alias].into_iter().flatten() {
                if glob_matches(pattern, name.as_bytes()) && !has(&found, name.as_bytes()) {
                    found.push((name.as_bytes().to_vec(), show(config, directive)));
                }
            }
        }
    }
    found
}

/// A directive's value as CONFIG GET shows it.
pub fn show(config: &Config, directive: &Directive) -> Vec<u8> {
    match (directive.kind, (directive.load)(config)) {
        (Kind::Special(special), _) => special::get(config, special).into_bytes(),
        (Kind::Int { unit, unsigned, .. }, Value::Int(v)) => match unit {
            Unit::MemoryOrPercent if v < 0 => format!("{}%", -v),
            Unit::Memory | Unit::MemoryOrPercent => (v as u64).to_string(),
            Unit::Octal => format!("{v:o}"),
            Unit::Plain if unsigned => (v as u64).to_string(),
            Unit::Plain => v.to_string(),
        }
        .into_bytes(),
        (Kind::Enum { names, multi }, Value::Enum(v)) => enum_name(names, v, multi).into_bytes(),
        (_, Value::Bool(v)) => if v { "yes" } else { "no" }.into(),
        (_, Value::Str(v)) => v.unwrap_or_default(),
        (_, Value::Int(v)) => v.to_string().into_bytes(),
        (_, Value::Enum(v)) => v.to_string().into_bytes(),
    }
}

/// The name or names of an enumeration's number (`configEnumGetName`, config.c 7.0.15).
pub(super) fn enum_name(names: &[(&str, i32)], value: i32, multi: bool) -> String {
    if let Some((name, _)) = names.iter().find(|(_, n)| *n == value) {
        return name.to_string();
    }
    let mut left = value;
    let mut parts = Vec::new();
    for &(name, bits) in names.iter().filter(|_| multi) {
        if bits != 0 && left & bits == bits {
            parts.push(name);
            left &= !bits;
        }
    }
    if parts.is_empty() || left != 0 { "unknown".to_string() } else { parts.join(" ") }
}

/// Sets one directive from its arguments; tells whether its effect is needed.
pub(super) fn store(
    config: &mut Config,
    directive: &Directive,
    args: &[Vec<u8>],
    forget_save: bool,
) -> Result<bool, String> {
    let none = Vec::new();
    let first = args.first().unwrap_or(&none);
    let value = match directive.kind {
        Kind::Special(special) => {
            special::set(config, special, args, forget_save)?;
            return Ok(true);
        }
        Kind::Bool if first.eq_ignore_ascii_case(b"yes") => Value::Bool(true),
        Kind::Bool if first.eq_ignore_ascii_case(b"no") => Value::Bool(false),
        Kind::Bool => return Err("argument must be 'yes' or 'no'".to_string()),
        Kind::Int { min, max, unit, unsigned } => Value::Int(integer(first, min, max, unit, unsigned)?),
        Kind::Str { check } => {
            if let Some(check) = check {
                check(first)?;
            }
            Value::Str(Some(first.clone()))
        }
        Kind::Enum { names, multi } => Value::Enum(enumeration(args, names, multi)?),
    };
    if directive.name == "activedefrag" && value == Value::Bool(true) {
        return Err(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified \
                    Jemalloc like the one shipped by default with the Redis source distribution"
                .to_string(),
        );
    }
    if (directive.name == "shutdown-on-sigint" || directive.name == "shutdown-on-sigterm")
        && matches!(value, Value::Enum(v) if v & 3 == 3)
    {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_string());
    }
    let before = (directive.load)(config);
    (directive.store)(config, value);
    Ok((directive.load)(config) != before)
}

fn integer(text: &[u8], min: i64, max: i64, unit: Unit, unsigned: bool) -> Result<i64, String> {
    let parsed = match unit {
        Unit::Plain => strict_integer(text),
        Unit::Octal => lenient_integer(text, 8),
        Unit::Memory => memory_size(text).map(|v| v as i64),
        Unit::MemoryOrPercent => memory_size(text).map(|v| v as i64).or_else(|| {
            let number = text.strip_suffix(b"%")?;
            strict_integer(number).filter(|&v| v >= 0).map(|v| -v)
        }),
    };
    let value = parsed.ok_or(match unit {
        Unit::Plain => "argument couldn't be parsed into an integer",
        Unit::Octal => "argument couldn't be parsed as an octal number",
        Unit::Memory => "argument must be a memory value",
        Unit::MemoryOrPercent => "argument must be a memory or percent value",
    })?;
    if unsigned {
        let (low, high) = (min as u64, max as u64);
        return match (low..=high).contains(&(value as u64)) {
            true => Ok(value),
            false if unit == Unit::Octal => {
                Err(format!("argument must be between {low:o} and {high:o} inclusive"))
            }
            false => Err(format!("argument must be between {low} and {high} inclusive")),
        };
    }
    if unit == Unit::MemoryOrPercent && value < 0 {
        return match value < min {
            true => Err(format!("percentage argument must be less or equal to {}", -min)),
            false => Ok(value),
        };
    }
    match (min..=max).contains(&value) {
        true => Ok(value),
        false => Err(format!("argument must be between {min} and {max} inclusive")),
    }
}

fn enumeration(args: &[Vec<u8>], names: &[(&str, i32)], multi: bool) -> Result<i32, String> {
    let number = |arg: &Vec<u8>| {
        names.iter().find(|(n, _)| n.as_bytes().eq_ignore_ascii_case(arg)).map(|(_, value)| *value)
    };
    let value = match args {
        [] => None,
        [_, _, ..] if !multi => None,
        args => args.iter().map(number).try_fold(0, |all, one| one.map(|one| all | one)),
    };
    value.ok_or_else(|| {
        let list: Vec<&str> = names.iter().map(|(n, _)| *n).collect();
        let mut text = format!("argument(s) must be one of the following: {}", list.join(", "));
        text.truncate(ENUM_ERROR_LEN_MAX);
        text
    })
}
