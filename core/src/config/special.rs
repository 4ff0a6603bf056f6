//! The directives whose value is no single scalar: how each is read from arguments, shown by CONFIG GET and written by
//! CONFIG REWRITE. A failed reading leaves the configuration as it was.

use super::text::{format_memory, lenient_integer, memory_size, quote, trimmed_float};
use super::{Config, EXPECTED_ONE};

/// Which of the special directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `dir`
    Dir,
    /// `save`
    Save,
    /// `client-output-buffer-limit`
    ClientOutputBufferLimit,
    /// `oom-score-adj-values`
    OomScoreAdjValues,
    /// `notify-keyspace-events`
    NotifyKeyspaceEvents,
    /// `bind`
    Bind,
    /// `replicaof`
    ReplicaOf,
    /// `latency-tracking-info-percentiles`
    LatencyPercentiles,
}

/// One save point: an RDB file is written when `changes` changes have been made and `seconds` have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last save.
    pub seconds: i64,
    /// Changes since the last save.
    pub changes: i32,
}

/// How much output may wait for a client of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLimits {
    /// Bytes that close the connection at once; 0 for no limit.
    pub hard_bytes: u64,
    /// Bytes that close it when they wait too long; 0 for no limit.
    pub soft_bytes: u64,
    /// How many seconds are too long.
    pub soft_seconds: i64,
}

/// The classes of `client-output-buffer-limit`, as CONFIG GET names them.
pub const CLIENT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// Limits when nothing is configured (`clientBufferLimitsDefaults`, config.c 7.0.15).
pub const DEFAULT_BUFFER_LIMITS: [BufferLimits; 3] = [
    BufferLimits { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 },
    BufferLimits { hard_bytes: 256 << 20, soft_bytes: 64 << 20, soft_seconds: 60 },
    BufferLimits { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_seconds: 60 },
];

/// `oom-score-adj-values` when nothing is configured.
pub const DEFAULT_OOM_SCORE_ADJ_VALUES: [i32; 3] = [0, 200, 800];

/// The most addresses of `bind` (`CONFIG_BINDADDR_MAX`, server.h 7.0.15).
pub const BIND_MAX: usize = 16;

/// The master of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaOf {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// One `loadmodule` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadModule {
    /// The library.
    pub path: Vec<u8>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
}

/// The classes of keyspace events (`NOTIFY_KEYSPACE` …, server.h 7.0.15).
pub mod notify {
    /// `K`: publish on `__keyspace@N__:key`.
    pub const KEYSPACE: u32 = 1 << 0;
    /// `E`: publish on `__keyevent@N__:event`.
    pub const KEYEVENT: u32 = 1 << 1;
    /// `g`: commands of no type, such as DEL.
    pub const GENERIC: u32 = 1 << 2;
    /// `$`: strings.
    pub const STRING: u32 = 1 << 3;
    /// `l`: lists.
    pub const LIST: u32 = 1 << 4;
    /// `s`: sets.
    pub const SET: u32 = 1 << 5;
    /// `h`: hashes.
    pub const HASH: u32 = 1 << 6;
    /// `z`: sorted sets.
    pub const ZSET: u32 = 1 << 7;
    /// `x`: expired keys.
    pub const EXPIRED: u32 = 1 << 8;
    /// `e`: evicted keys.
    pub const EVICTED: u32 = 1 << 9;
    /// `t`: streams.
    pub const STREAM: u32 = 1 << 10;
    /// `m`: keys that were looked for and not there.
    pub const KEY_MISS: u32 = 1 << 11;
    /// `d`: modules.
    pub const MODULE: u32 = 1 << 13;
    /// `n`: new keys.
    pub const NEW: u32 = 1 << 14;
    /// `A`: `g$lshzxetd`.
    pub const ALL: u32 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// The letters with their classes, in the order in which Redis shows them.
    const LETTERS: [(char, u32); 14] = [
        ('g', GENERIC),
        ('$', STRING),
        ('l', LIST),
        ('s', SET),
        ('h', HASH),
        ('z', ZSET),
        ('x', EXPIRED),
        ('e', EVICTED),
        ('t', STREAM),
        ('d', MODULE),
        ('n', NEW),
        ('K', KEYSPACE),
        ('E', KEYEVENT),
        ('m', KEY_MISS),
    ];

    /// Reads classes such as `KEA`.
    pub fn parse(text: &[u8]) -> Option<u32> {
        text.iter().try_fold(0, |flags, &b| match b {
            b'A' => Some(flags | ALL),
            _ => LETTERS.iter().find(|(c, _)| *c as u8 == b).map(|(_, f)| flags | f),
        })
    }

    /// Shows classes; `n` is lost beside a full `A`, as in Redis.
    pub fn format(flags: u32) -> String {
        let all = flags & ALL == ALL;
        let hidden = if all { ALL | NEW } else { 0 };
        let letters = LETTERS.iter().filter(|(_, f)| flags & f & !hidden != 0).map(|(c, _)| *c);
        all.then_some('A').into_iter().chain(letters).collect()
    }
}

/// `save` when nothing is configured (`initServerConfig`, server.c 7.0.15).
pub fn default_save() -> Vec<SavePoint> {
    [(3600, 1), (300, 100), (60, 10000)].map(|(seconds, changes)| SavePoint { seconds, changes }).to_vec()
}

/// `bind` when nothing is configured.
pub fn default_bind() -> Vec<String> {
    vec!["*".to_string(), "-::*".to_string()]
}

/// Sets a special directive from its arguments. `first_save` tells whether earlier save points are forgotten: always with
/// CONFIG SET, at the first `save` line of a file.
pub(super) fn set(
    config: &mut Config,
    special: Special,
    args: &[Vec<u8>],
    forget_save: bool,
) -> Result<(), &'static str> {
    match special {
        Special::Dir => {
            let [path] = args else { return Err(EXPECTED_ONE) };
            config.dir = join_path(&config.dir, &String::from_utf8_lossy(path));
        }
        Special::Save => set_save(config, args, forget_save)?,
        Special::ClientOutputBufferLimit => set_buffer_limits(config, args)?,
        Special::OomScoreAdjValues => {
            let [a, b, c] = args else { return Err(EXPECTED_ONE) };
            let mut values = [0; 3];
            for (value, arg) in values.iter_mut().zip([a, b, c]) {
                *value = lenient_integer(arg, 10)
                    .filter(|v| (-2000..=2000).contains(v))
                    .map(|v| v as i32)
                    .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
            }
            config.oom_score_adj_values = values;
        }
        Special::NotifyKeyspaceEvents => {
            let [classes] = args else { return Err(EXPECTED_ONE) };
            config.notify_keyspace_events =
                notify::parse(classes).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        }
        Special::Bind => {
            if args.len() > BIND_MAX {
                return Err("Too many bind addresses specified.");
            }
            let none = matches!(args, [one] if one.is_empty());
            let given = if none { &[] } else { args };
            config.bind = given.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        }
        Special::ReplicaOf => {
            let [host, port] = args else { return Err(EXPECTED_ONE) };
            if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
                config.replicaof = None;
                return Ok(());
            }
            let port =
                lenient_integer(port, 10).and_then(|p| u16::try_from(p).ok()).ok_or("Invalid master port")?;
            config.replicaof = Some(ReplicaOf { host: String::from_utf8_lossy(host).into_owned(), port });
        }
        Special::LatencyPercentiles => set_percentiles(config, args)?,
    }
    Ok(())
}

fn set_save(config: &mut Config, args: &[Vec<u8>], forget: bool) -> Result<(), &'static str> {
    const BAD: &str = "Invalid save parameters";
    let mut points = Vec::new();
    if let [one] = args
        && one.is_empty()
    {
        config.save.clear();
        return Ok(());
    }
    if !args.len().is_multiple_of(2) {
        return Err(BAD);
    }
    for pair in args.chunks_exact(2) {
        let seconds = lenient_integer(&pair[0], 10).filter(|&s| s >= 1).ok_or(BAD)?;
        let changes = lenient_integer(&pair[1], 10).filter(|&c| c >= 0).ok_or(BAD)?;
        points.push(SavePoint { seconds, changes: changes as i32 });
    }
    if forget {
        config.save.clear();
    }
    config.save.extend(points);
    Ok(())
}

fn set_buffer_limits(config: &mut Config, args: &[Vec<u8>]) -> Result<(), &'static str> {
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.");
    }
    let mut limits = config.client_output_buffer_limit;
    for group in args.chunks_exact(4) {
        let class = match group[0].to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration."),
        };
        let seconds = lenient_integer(&group[3], 10).map(|s| s as i32).filter(|&s| s >= 0);
        let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) =
            (memory_size(&group[1]), memory_size(&group[2]), seconds)
        else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        };
        limits[class] = BufferLimits { hard_bytes, soft_bytes, soft_seconds: soft_seconds as i64 };
    }
    config.client_output_buffer_limit = limits;
    Ok(())
}

fn set_percentiles(config: &mut Config, args: &[Vec<u8>]) -> Result<(), &'static str> {
    let mut values = Vec::new();
    if !matches!(args, [one] if one.is_empty()) {
        for arg in args {
            let value: f64 = core::str::from_utf8(arg)
                .ok()
                .and_then(crate::store::float::of_decimal)
                .filter(|v: &f64| !v.is_nan())
                .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&value) {
                return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
            }
            values.push(value);
        }
    }
    config.latency_tracking_info_percentiles = values;
    Ok(())
}

/// The absolute path that `path` means seen from the absolute path `base`.
fn join_path(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> =
        if path.starts_with('/') { Vec::new() } else { base.split('/').filter(|p| !p.is_empty()).collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What CONFIG GET shows.
pub(super) fn get(config: &Config, special: Special) -> String {
    match special {
        Special::Dir => config.dir.clone(),
        Special::Save => {
            let points: Vec<String> =
                config.save.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect();
            points.join(" ")
        }
        Special::ClientOutputBufferLimit => {
            let limits: Vec<String> = CLIENT_CLASSES
                .iter()
                .zip(&config.client_output_buffer_limit)
                .map(|(class, l)| format!("{class} {} {} {}", l.hard_bytes, l.soft_bytes, l.soft_seconds))
                .collect();
            limits.join(" ")
        }
        Special::OomScoreAdjValues => config.oom_score_adj_values.map(|v| v.to_string()).join(" "),
        Special::NotifyKeyspaceEvents => notify::format(config.notify_keyspace_events),
        Special::Bind => config.bind.join(" "),
        Special::ReplicaOf => match &config.replicaof {
            Some(r) => format!("{} {}", r.host, r.port),
            None => String::new(),
        },
        Special::LatencyPercentiles => percentiles(config).join(" "),
    }
}

fn percentiles(config: &Config) -> Vec<String> {
    config.latency_tracking_info_percentiles.iter().map(|&p| trimmed_float(p)).collect()
}

/// The lines that CONFIG REWRITE has for a special directive, each with whether it must be there even if the file had none.
pub(super) fn rewrite(config: &Config, special: Special, name: &str) -> Vec<(String, bool)> {
    match special {
        Special::Dir => vec![(format!("{name} {}", quote(config.dir.as_bytes())), true)],
        Special::Save if config.save.is_empty() => vec![("save \"\"".to_string(), true)],
        Special::Save => {
            config.save.iter().map(|p| (format!("save {} {}", p.seconds, p.changes), true)).collect()
        }
        Special::ClientOutputBufferLimit => ["normal", "replica", "pubsub"]
            .iter()
            .zip(config.client_output_buffer_limit.iter().zip(&DEFAULT_BUFFER_LIMITS))
            .map(|(class, (l, default))| {
                let (hard, soft) = (format_memory(l.hard_bytes as i64), format_memory(l.soft_bytes as i64));
                (format!("{name} {class} {hard} {soft} {}", l.soft_seconds), l != default)
            })
            .collect(),
        Special::OomScoreAdjValues => vec![(
            format!("{name} {}", get(config, special)),
            config.oom_score_adj_values != DEFAULT_OOM_SCORE_ADJ_VALUES,
        )],
        Special::NotifyKeyspaceEvents => {
            let line = format!("{name} {}", quote(get(config, special).as_bytes()));
            vec![(line, config.notify_keyspace_events != 0)]
        }
        Special::Bind if config.bind == default_bind() => Vec::new(),
        Special::Bind if config.bind.is_empty() => vec![(format!("{name} \"\""), true)],
        Special::Bind => vec![(format!("{name} {}", config.bind.join(" ")), true)],
        Special::ReplicaOf => match &config.replicaof {
            Some(r) if !config.cluster_enabled => vec![(format!("{name} {} {}", r.host, r.port), true)],
            _ => Vec::new(),
        },
        Special::LatencyPercentiles if config.latency_tracking_info_percentiles.is_empty() => {
            vec![(format!("{name} \"\""), true)]
        }
        Special::LatencyPercentiles => vec![(format!("{name} {}", percentiles(config).join(" ")), true)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_classes_read_and_show_as_in_redis() {
        assert_eq!(notify::format(notify::parse(b"KEA").unwrap()), "AKE");
        assert_eq!(notify::format(notify::parse(b"xKEm").unwrap()), "xKEm");
        assert_eq!(notify::format(notify::parse(b"An").unwrap()), "A");
        assert_eq!(notify::parse(b"q"), None);
    }

    #[test]
    fn paths_are_absolute() {
        assert_eq!(join_path("/", "./"), "/");
        assert_eq!(join_path("/a/b", "../c"), "/a/c");
        assert_eq!(join_path("/a", "/x//y/."), "/x/y");
    }
}
