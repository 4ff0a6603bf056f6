//! DBSIZE, FLUSHALL, FLUSHDB, LATENCY, LOLWUT, MONITOR, SHUTDOWN, SLOWLOG, SWAPDB, TIME (db.c, server.c, slowlog.c, latency.c,
//! lolwut.c 7.0.15).

use super::Handlers;
use crate::command::table::{self, CommandId};
use crate::config::{REDIS_VERSION, ShutdownFlags};
use crate::cost::Work;
use crate::exec::{Done, Error, Exec};
use crate::node::Node;
use crate::node::client::Blocked;
use crate::node::observe::{SlowEntry, Spikes};
use crate::store::{Object, num};
use std::fmt::Write as _;

pub(crate) const HANDLERS: Handlers = &[
    ("dbsize", dbsize),
    ("flushall", flushall),
    ("flushdb", flushdb),
    ("swapdb", swapdb),
    ("time", time),
    ("lolwut", lolwut),
    ("monitor", monitor),
    ("shutdown", shutdown),
    ("slowlog|get", slowlog_get),
    ("slowlog|len", slowlog_len),
    ("slowlog|reset", slowlog_reset),
    ("slowlog|help", slowlog_help),
    ("latency|latest", latency_latest),
    ("latency|history", latency_history),
    ("latency|reset", latency_reset),
    ("latency|graph", latency_graph),
    ("latency|doctor", latency_doctor),
    ("latency|histogram", latency_histogram),
    ("latency|help", latency_help),
];

impl Node {
    /// Removes all keys of one database or of all, and tells who watches them; gives how many there were (`emptyData`).
    pub(crate) fn flush_data(&mut self, only: Option<usize>) -> u64 {
        let mut removed = 0;
        for index in 0..self.dbs.len() {
            if only.is_none_or(|only| only == index) {
                self.touch_all_watched(index, None);
                let keys = self.dbs[index].len() as u64;
                removed += keys;
                self.cpu.work(Work::Freed, keys);
                self.signal_keys_ready(index, None);
                self.dbs[index].flush();
            }
        }
        if only.is_none() {
            self.forget_own_expires();
        }
        self.memory_is_stale();
        removed
    }

    fn swap_data(&mut self, first: usize, second: usize) {
        self.touch_all_watched(first, Some(second));
        self.touch_all_watched(second, Some(first));
        self.signal_keys_ready(first, Some(second));
        self.signal_keys_ready(second, Some(first));
        self.dbs.swap(first, second);
    }

    /// Signals those keys of a database that somebody waits for and that are there in the database which takes its place, or
    /// are streams that go (`scanDatabaseForReadyKeys`, `scanDatabaseForDeletedStreams`, db.c 7.0.15).
    fn signal_keys_ready(&mut self, db: usize, successor: Option<usize>) {
        let mut keys = Vec::new();
        for (_, key) in self.blocked_keys.keys().filter(|place| place.0 == db) {
            let comes = successor.is_some_and(|successor| self.dbs[successor].contains(key));
            if comes || matches!(self.dbs[db].get(key), Some(Object::Stream(_))) {
                keys.push(key.clone());
            }
        }
        for key in keys {
            self.signal_key_ready(db, &key);
        }
    }
}

/// `DBSIZE`
fn dbsize(exec: &mut Exec<'_>) -> Done {
    let size = exec.raw_db().len();
    exec.reply.integer(size as i64);
    Ok(())
}

/// SYNC and ASYNC are the same here: what is let go is shared chunks, freed as they are dropped.
fn check_flush_mode(exec: &Exec<'_>) -> Done {
    match exec.args {
        [_] => Ok(()),
        [_, mode] if mode.eq_ignore_ascii_case(b"sync") || mode.eq_ignore_ascii_case(b"async") => Ok(()),
        _ => Err(Error::SYNTAX),
    }
}

/// `FLUSHDB [ASYNC|SYNC]`
fn flushdb(exec: &mut Exec<'_>) -> Done {
    check_flush_mode(exec)?;
    let removed = exec.node.flush_data(Some(exec.db));
    exec.dirty(removed);
    exec.propagate_always(false);
    exec.reply.ok();
    Ok(())
}

/// `FLUSHALL [ASYNC|SYNC]`: with save points, the empty dataset is saved at once (`flushAllDataAndResetRDB`).
fn flushall(exec: &mut Exec<'_>) -> Done {
    check_flush_mode(exec)?;
    let removed = exec.node.flush_data(None);
    exec.dirty(removed);
    let node = &mut *exec.node;
    if node.saves.in_background() {
        node.saves.abort(node.now, &mut node.out);
    }
    if !node.config.save.is_empty() && !node.loading() && !node.saves.blocks() {
        node.start_save(false);
    }
    exec.propagate_always(false);
    exec.reply.ok();
    Ok(())
}

/// `SWAPDB first second`
fn swapdb(exec: &mut Exec<'_>) -> Done {
    if exec.config().cluster_enabled {
        return Err(Error::fixed("SWAPDB is not allowed in cluster mode"));
    }
    let index = |text: &[u8], error: &'static str| {
        num::parse_i64(text).and_then(|index| i32::try_from(index).ok()).ok_or(Error::fixed(error))
    };
    let first = index(exec.args[1], "invalid first DB index")?;
    let second = index(exec.args[2], "invalid second DB index")?;
    let in_range = |index: i32| usize::try_from(index).ok().filter(|index| *index < exec.node.dbs.len());
    let (Some(first), Some(second)) = (in_range(first), in_range(second)) else {
        return Err(Error::fixed("DB index is out of range"));
    };
    if first != second {
        exec.node.swap_data(first, second);
    }
    exec.dirty(1);
    exec.reply.ok();
    Ok(())
}

/// `TIME`
fn time(exec: &mut Exec<'_>) -> Done {
    let wall_us = exec.node.now.wall_us;
    exec.reply.array(2);
    exec.reply.bulk_integer((wall_us / 1_000_000) as i64);
    exec.reply.bulk_integer((wall_us % 1_000_000) as i64);
    Ok(())
}

/// `LOLWUT [VERSION version] …`: the version, which is what tests look for; the art is Redis's own.
fn lolwut(exec: &mut Exec<'_>) -> Done {
    exec.reply.verbatim(b"txt", format!("Redis ver. {REDIS_VERSION}\n").as_bytes());
    Ok(())
}

/// `MONITOR`
fn monitor(exec: &mut Exec<'_>) -> Done {
    if !exec.may_block() {
        return Err(Error::fixed("MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let id = exec.client;
    if exec.client().is_some_and(|client| client.monitor || client.replica().is_some()) {
        return Ok(());
    }
    if let Some(client) = exec.client_mut() {
        client.monitor = true;
    }
    exec.node.monitors.push(id);
    exec.reply.ok();
    Ok(())
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`
fn shutdown(exec: &mut Exec<'_>) -> Done {
    let (mut flags, mut abort) = (0, false);
    for option in &exec.args[1..] {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" => flags |= ShutdownFlags::NOSAVE,
            b"save" => flags |= ShutdownFlags::SAVE,
            b"now" => flags |= ShutdownFlags::NOW,
            b"force" => flags |= ShutdownFlags::FORCE,
            b"abort" => abort = true,
            _ => return Err(Error::SYNTAX),
        }
    }
    let flags = ShutdownFlags(flags);
    if abort && flags.0 != 0 || flags.has(ShutdownFlags::SAVE) && flags.has(ShutdownFlags::NOSAVE) {
        return Err(Error::SYNTAX);
    }
    if abort {
        if !exec.node.abort_shutdown() {
            return Err(Error::fixed("No shutdown in progress."));
        }
        exec.reply.ok();
        return Ok(());
    }
    if !flags.has(ShutdownFlags::NOW) && !exec.may_block() {
        return Err(Error::fixed("SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client"));
    }
    exec.node.block(exec.client, Blocked::Shutdown);
    exec.node.begin_shutdown(flags);
    Ok(())
}

/// `SLOWLOG GET [count]`
fn slowlog_get(exec: &mut Exec<'_>) -> Done {
    let mut count = 10;
    if exec.args.len() > 3 {
        return Err(super::bad_subcommand(exec));
    }
    if let Some(text) = exec.args.get(2) {
        count = num::parse_i64(text)
            .filter(|count| *count >= -1)
            .ok_or(Error::fixed("count should be greater than or equal to -1"))?;
    }
    let entries = &exec.node.slowlog.entries;
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(entries.len());
    exec.reply.array(count);
    for SlowEntry { id, time_s, duration_us, args, peer, name } in entries.iter().take(count) {
        exec.reply.array(6);
        exec.reply.integer(*id as i64);
        exec.reply.integer(*time_s);
        exec.reply.integer(*duration_us);
        exec.reply.array(args.len());
        for arg in args {
            exec.reply.bulk(arg);
        }
        exec.reply.bulk_str(peer);
        exec.reply.bulk(name);
    }
    Ok(())
}

/// `SLOWLOG LEN`
fn slowlog_len(exec: &mut Exec<'_>) -> Done {
    let len = exec.node.slowlog.entries.len();
    exec.reply.integer(len as i64);
    Ok(())
}

/// `SLOWLOG RESET`
fn slowlog_reset(exec: &mut Exec<'_>) -> Done {
    exec.node.slowlog.entries.clear();
    exec.reply.ok();
    Ok(())
}

fn slowlog_help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "GET [<count>]",
            "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
            "    Entries are made of:",
            "    id, timestamp, time in microseconds, arguments array, client IP and port,",
            "    client name",
            "LEN",
            "    Return the length of the slowlog.",
            "RESET",
            "    Reset the slowlog.",
        ],
    )
}

/// `LATENCY LATEST`
fn latency_latest(exec: &mut Exec<'_>) -> Done {
    let events = &exec.node.latency.events;
    exec.reply.array(events.len());
    for (name, spikes) in events {
        let (time_s, ms) = spikes.samples.back().copied().unwrap_or_default();
        exec.reply.array(4);
        exec.reply.bulk_str(name);
        exec.reply.integer(time_s);
        exec.reply.integer(ms);
        exec.reply.integer(spikes.max_ms);
    }
    Ok(())
}

/// `LATENCY HISTORY event`
fn latency_history(exec: &mut Exec<'_>) -> Done {
    let name = String::from_utf8_lossy(exec.args[2]).into_owned();
    let samples = exec.node.latency.events.get(name.as_str()).map(|spikes| &spikes.samples);
    exec.reply.array(samples.map_or(0, |samples| samples.len()));
    for (time_s, ms) in samples.into_iter().flatten() {
        exec.reply.array(2);
        exec.reply.integer(*time_s);
        exec.reply.integer(*ms);
    }
    Ok(())
}

/// `LATENCY RESET [event …]`
fn latency_reset(exec: &mut Exec<'_>) -> Done {
    let events = &mut exec.node.latency.events;
    let before = events.len();
    if exec.args.len() == 2 {
        events.clear();
    }
    for name in &exec.args[2..] {
        events.retain(|event, _| event.as_bytes() != *name);
    }
    let removed = before - events.len();
    exec.reply.integer(removed as i64);
    Ok(())
}

/// `LATENCY GRAPH event`: one column a sample, four rows high, the age of each below.
fn latency_graph(exec: &mut Exec<'_>) -> Done {
    let name = String::from_utf8_lossy(exec.args[2]).into_owned();
    let Some(spikes) = exec.node.latency.events.get(name.as_str()) else {
        return Err(Error::quoting("No samples available for event '", exec.args[2], "'"));
    };
    let text = graph(&name, spikes, exec.node.now.wall_s());
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn graph(name: &str, spikes: &Spikes, now_s: i64) -> String {
    const ROWS: i64 = 4;
    let low = spikes.samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let high = spikes.samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", spikes.max_ms);
    text.push_str(&"-".repeat(80));
    text.push('\n');
    let level = |ms: i64| if high == low { 0 } else { (ms - low) * (ROWS * 3 - 1) / (high - low) };
    for row in (0..ROWS).rev() {
        for (_, ms) in &spikes.samples {
            let level = level(*ms);
            text.push(match level / 3 {
                top if top == row => ['_', 'o', '#'][(level % 3) as usize],
                top if top > row => '|',
                _ => ' ',
            });
        }
        text.push('\n');
    }
    text.push('\n');
    let ages: Vec<String> = spikes
        .samples
        .iter()
        .map(|(time_s, _)| match now_s - time_s {
            age @ 0..60 => format!("{age}s"),
            age @ 60..3600 => format!("{}m", age / 60),
            age @ 3600..86_400 => format!("{}h", age / 3600),
            age => format!("{}d", age / 86_400),
        })
        .collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        for age in &ages {
            text.push(age.as_bytes().get(row).map_or(' ', |&byte| char::from(byte)));
        }
        text.push('\n');
    }
    text
}

/// `LATENCY DOCTOR`
fn latency_doctor(exec: &mut Exec<'_>) -> Done {
    let text = if exec.config().latency_monitor_threshold == 0 {
        "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET \
         latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd \
         suggest to take a look at https://redis.io/topics/latency-monitor.\n"
            .to_string()
    } else if exec.node.latency.events.is_empty() {
        "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly \
         think you ought to sit down calmly, take a stress pill, and think things over.\n"
            .to_string()
    } else {
        let mut text =
            "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n"
                .to_string();
        for (index, (name, spikes)) in exec.node.latency.events.iter().enumerate() {
            let count = spikes.samples.len();
            let sum: i64 = spikes.samples.iter().map(|(_, ms)| ms).sum();
            let average = sum / (count as i64).max(1);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{}. {name}: {count} latency spikes (average {average}ms, worst all time event {}ms).",
                index + 1,
                spikes.max_ms
            );
        }
        text
    };
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `LATENCY HISTOGRAM [command …]`
fn latency_histogram(exec: &mut Exec<'_>) -> Done {
    let chosen: Vec<CommandId> = if exec.args.len() == 2 {
        CommandId::all().collect()
    } else {
        let mut chosen = Vec::new();
        for name in &exec.args[2..] {
            let Some(command) = table::lookup_full(name) else { continue };
            chosen.push(command);
            if command.is_container() {
                chosen.extend(command.subs());
            }
        }
        chosen
    };
    let chosen: Vec<CommandId> =
        chosen.into_iter().filter(|command| exec.node.stats.commands[command.index()].calls > 0).collect();
    exec.reply.map(chosen.len());
    for command in chosen {
        let calls = exec.node.stats.commands[command.index()].calls;
        let buckets = exec.node.latency.cumulative(command, calls);
        exec.reply.bulk_str(command.name());
        exec.reply.map(2);
        exec.reply.bulk_str("calls");
        exec.reply.integer(calls as i64);
        exec.reply.bulk_str("histogram_usec");
        exec.reply.map(buckets.len());
        for (up_to_us, count) in buckets {
            exec.reply.integer(up_to_us as i64);
            exec.reply.integer(count as i64);
        }
    }
    Ok(())
}

fn latency_help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
            "    If no commands are specified then all histograms are replied.",
        ],
    )
}
