//! MEMORY (object.c 7.0.15). The numbers are reckoned, not measured: see [`crate::node::memory`].

use super::Handlers;
use super::client::{ClientType, client_memory};
use crate::exec::{Done, Error, Exec};
use crate::node::memory::tables_len;
use crate::store::num;

pub(crate) const HANDLERS: Handlers = &[
    ("memory|usage", usage),
    ("memory|stats", stats),
    ("memory|doctor", doctor),
    ("memory|malloc-stats", malloc_stats),
    ("memory|purge", purge),
    ("memory|help", help),
];

/// How many elements of a collection are weighed unless SAMPLES says otherwise (`OBJ_COMPUTE_SIZE_DEF_SAMPLES`).
const SAMPLES: usize = 5;

/// `MEMORY USAGE key [SAMPLES count]`
fn usage(exec: &mut Exec<'_>) -> Done {
    let mut samples = SAMPLES;
    let mut options = &exec.args[3..];
    while let Some(option) = options.first() {
        let [_, count, rest @ ..] = options else { return Err(Error::SYNTAX) };
        if !option.eq_ignore_ascii_case(b"samples") {
            return Err(Error::SYNTAX);
        }
        let count = num::parse_i64(count).ok_or(Error::NOT_INTEGER)?;
        samples = usize::try_from(count).map_err(|_| Error::SYNTAX)?;
        options = rest;
    }
    let key = exec.args[2];
    if !exec.exists(key) {
        exec.reply.null();
        return Ok(());
    }
    let size = exec
        .raw_db()
        .get(key)
        .map_or(0, |object| object.memory_usage_of_key(key.len(), samples, exec.config().cluster_enabled));
    exec.reply.integer(size as i64);
    Ok(())
}

/// `MEMORY STATS`
fn stats(exec: &mut Exec<'_>) -> Done {
    let memory = exec.node.memory();
    exec.node.stats.memory_peak = exec.node.stats.memory_peak.max(memory.used);
    let peak = exec.node.stats.memory_peak;
    let dataset = memory.used.saturating_sub(memory.overhead);
    let keys: usize = exec.node.dbs.iter().map(|db| db.len()).sum();
    let net = memory.used.saturating_sub(memory.startup);
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    let of_replicas = |replicas: bool| -> usize {
        let clients = exec.node.clients.values();
        clients
            .filter(|client| (ClientType::of(client) == ClientType::Replica) == replicas)
            .map(|client| client_memory(client))
            .sum()
    };
    let (replicas, normal) = (of_replicas(true), of_replicas(false));
    let dbs: Vec<(usize, usize, usize)> = exec
        .node
        .dbs
        .iter()
        .enumerate()
        .filter(|(_, db)| !db.is_empty())
        .map(|(index, db)| {
            let (main, expires) = tables_len(db);
            (index, main, expires)
        })
        .collect();
    let per_key = if keys == 0 { 0 } else { net / keys as u64 };
    let reply = &mut *exec.reply;
    reply.map(27 + dbs.len());
    let mut number = |name: &str, value: u64| {
        reply.bulk_str(name);
        reply.integer(value as i64);
    };
    number("peak.allocated", peak);
    number("total.allocated", memory.used);
    number("startup.allocated", memory.startup);
    number("replication.backlog", memory.backlog);
    number("clients.slaves", replicas as u64);
    number("clients.normal", normal as u64);
    number("cluster.links", 0);
    number("aof.buffer", memory.aof_buffer);
    number("lua.caches", 0);
    number("functions.caches", 0);
    for (index, main, expires) in dbs {
        reply.bulk_str(&format!("db.{index}"));
        reply.map(3);
        reply.bulk_str("overhead.hashtable.main");
        reply.integer(main as i64);
        reply.bulk_str("overhead.hashtable.expires");
        reply.integer(expires as i64);
        reply.bulk_str("overhead.hashtable.slot-to-keys");
        reply.integer(0);
    }
    let mut number = |name: &str, value: u64| {
        reply.bulk_str(name);
        reply.integer(value as i64);
    };
    number("overhead.total", memory.overhead);
    number("keys.count", keys as u64);
    number("keys.bytes-per-key", per_key);
    number("dataset.bytes", dataset);
    reply.bulk_str("dataset.percentage");
    reply.double(share(dataset, net).min(100.0));
    reply.bulk_str("peak.percentage");
    reply.double(share(memory.used, peak));
    for name in ["allocator.allocated", "allocator.active", "allocator.resident"] {
        reply.bulk_str(name);
        reply.integer(memory.used as i64);
    }
    for (ratio, bytes) in [
        ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes"),
        ("allocator-rss.ratio", "allocator-rss.bytes"),
        ("rss-overhead.ratio", "rss-overhead.bytes"),
        ("fragmentation", "fragmentation.bytes"),
    ] {
        reply.bulk_str(ratio);
        reply.double(1.0);
        reply.bulk_str(bytes);
        reply.integer(0);
    }
    Ok(())
}

/// `MEMORY DOCTOR`: nothing that the doctor looks for (fragmentation, memory kept by an allocator) exists here.
fn doctor(exec: &mut Exec<'_>) -> Done {
    let text = if exec.node.used_memory() < 5 << 20 {
        "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. \
         Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our \
         programming as soon as I finished rebooting.\n"
    } else {
        "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
    };
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `MEMORY MALLOC-STATS`
fn malloc_stats(exec: &mut Exec<'_>) -> Done {
    exec.reply.bulk_str("Stats not supported for the current allocator");
    Ok(())
}

/// `MEMORY PURGE`
fn purge(exec: &mut Exec<'_>) -> Done {
    exec.reply.ok();
    Ok(())
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
        ],
    )
}
