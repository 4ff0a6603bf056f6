//! INFO (`genRedisInfoString`, server.c 7.0.15): sections in Redis's order, fields in theirs. What a node without a
//! process of its own cannot know (resident memory, CPU time) is there with zeros, as tools expect the fields.

use super::Handlers;
use super::client::{ClientType, client_memory};
use crate::command::table::CommandId;
use crate::config::REDIS_VERSION;
use crate::exec::{Done, Exec};
use crate::node::Node;
use crate::node::client::Blocked;
use crate::node::memory::Memory;
use crate::replication::primary::LinkState as ReplicaState;
use crate::replication::replica::LinkState;
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(crate) const HANDLERS: Handlers = &[("info", info)];

/// What INFO shows when nothing is asked for.
const DEFAULT: [&str; 11] = [
    "server",
    "clients",
    "memory",
    "persistence",
    "stats",
    "replication",
    "cpu",
    "module_list",
    "errorstats",
    "cluster",
    "keyspace",
];

/// Appends lines `name:value` to the text.
macro_rules! lines {
    ($out:expr, $($name:literal: $value:expr),* $(,)?) => {
        // Writing to a string cannot fail.
        $(let _ = write!($out, concat!($name, ":{}\r\n"), $value);)*
    };
}

/// `INFO [section …]`
fn info(exec: &mut Exec<'_>) -> Done {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut all = false;
    let asked = &exec.args[1..];
    for section in asked {
        match section.to_ascii_lowercase().as_slice() {
            b"default" => wanted.extend(DEFAULT.map(String::from)),
            b"all" | b"everything" => all = true,
            name => {
                wanted.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    if asked.is_empty() {
        wanted.extend(DEFAULT.map(String::from));
    }
    let text = exec.node.info_text(all, &wanted);
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

type Section = (&'static [&'static str], fn(&Node, &mut String));

const SECTIONS: &[Section] = &[
    (&["server"], server),
    (&["clients"], clients),
    (&["memory"], memory),
    (&["persistence"], persistence),
    (&["stats"], stats),
    (&["replication"], replication),
    (&["cpu"], cpu),
    (&["module_list", "modules"], modules),
    (&["commandstats"], commandstats),
    (&["errorstats"], errorstats),
    (&["latencystats"], latencystats),
    (&["cluster"], cluster),
    (&["keyspace"], keyspace),
];

impl Node {
    /// The text of INFO: all sections, or those that are wanted.
    fn info_text(&mut self, all: bool, wanted: &BTreeSet<String>) -> String {
        self.stats.memory_peak = self.stats.memory_peak.max(self.used_memory());
        let mut text = String::with_capacity(4096);
        for (names, write) in SECTIONS {
            if all || names.iter().any(|name| wanted.contains(*name)) {
                if !text.is_empty() {
                    text.push_str("\r\n");
                }
                write(self, &mut text);
            }
        }
        text
    }
}

/// Bytes with a unit (`bytesToHuman`, server.c 7.0.15).
pub(crate) fn human(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        _ if bytes < 1 << 20 => format!("{:.2}K", value / 1024.0),
        _ if bytes < 1 << 30 => format!("{:.2}M", value / (1u64 << 20) as f64),
        _ if bytes < 1 << 40 => format!("{:.2}G", value / (1u64 << 30) as f64),
        _ if bytes < 1 << 50 => format!("{:.2}T", value / (1u64 << 40) as f64),
        _ if bytes < 1 << 60 => format!("{:.2}P", value / (1u64 << 50) as f64),
        _ => format!("{bytes}B"),
    }
}

fn server(node: &Node, out: &mut String) {
    let config = &node.config;
    let uptime_s = node.now.mono_us.saturating_sub(node.started.mono_us) / 1_000_000;
    out.push_str("# Server\r\n");
    lines!(out,
        "redis_version": REDIS_VERSION,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": "0",
        "redis_mode": if config.cluster_enabled { "cluster" } else { "standalone" },
        "os": node.options.os,
        "arch_bits": 64,
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": "epoll",
        "atomicvar_api": "c11-builtin",
        "gcc_version": "0.0.0",
        "process_id": node.options.pid,
        "process_supervised": "no",
        "run_id": node.run_id,
        "tcp_port": config.port,
        "server_time_usec": node.now.wall_us,
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s / 86_400,
        "hz": config.hz,
        "configured_hz": config.hz,
        "lru_clock": node.lru_clock(),
        "executable": node.options.executable,
        "config_file": node.options.conf_path.as_deref().unwrap_or_default(),
        "io_threads_active": 0,
    );
    if let Some(left_ms) = node.shutdown_in_ms() {
        lines!(out, "shutdown_in_milliseconds": left_ms);
    }
}

fn clients(node: &Node, out: &mut String) {
    let clients = || node.clients.values();
    let timed = |blocked: &Blocked| {
        matches!(
            blocked,
            Blocked::Keys { deadline_ms: Some(_), .. } | Blocked::Replicas { deadline_ms: Some(_), .. }
        )
    };
    out.push_str("# Clients\r\n");
    lines!(out,
        "connected_clients": node.clients.len() - node.repl.replicas.len(),
        "cluster_connections": node.cluster_connections(),
        "maxclients": node.config.maxclients,
        "client_recent_max_input_buffer": clients().map(|c| c.query.len()).max().unwrap_or(0),
        "client_recent_max_output_buffer": clients().map(|c| c.reply.len()).max().unwrap_or(0),
        "blocked_clients": clients().filter(|c| c.blocked.is_some()).count(),
        "tracking_clients": 0,
        "clients_in_timeout_table": clients().filter(|c| c.blocked.as_ref().is_some_and(timed)).count(),
    );
}

fn memory(node: &Node, out: &mut String) {
    let Memory { used, startup, overhead, backlog, aof_buffer, .. } = node.memory();
    let peak = node.stats.memory_peak;
    let dataset = used.saturating_sub(overhead);
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    let of_type = |replicas: bool| -> usize {
        let is_replica = |client: &&Box<_>| (ClientType::of(client) == ClientType::Replica) == replicas;
        node.clients.values().filter(is_replica).map(|client| client_memory(client)).sum()
    };
    let to_replicas = |client: &Box<_>| match ClientType::of(client) {
        ClientType::Replica => client.reply.len() + client.in_flight,
        _ => 0,
    };
    let not_counted = aof_buffer + node.clients.values().map(to_replicas).sum::<usize>() as u64;
    let limit = node.config.maxmemory;
    out.push_str("# Memory\r\n");
    lines!(out,
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_rss": used,
        "used_memory_rss_human": human(used),
        "used_memory_peak": peak,
        "used_memory_peak_human": human(peak),
        "used_memory_peak_perc": format_args!("{:.2}%", share(used, peak)),
        "used_memory_overhead": overhead,
        "used_memory_startup": startup,
        "used_memory_dataset": dataset,
        "used_memory_dataset_perc": format_args!("{:.2}%", share(dataset, used.saturating_sub(startup)).min(100.0)),
        "allocator_allocated": used,
        "allocator_active": used,
        "allocator_resident": used,
        "total_system_memory": 0,
        "total_system_memory_human": "0B",
        "used_memory_lua": 0,
        "used_memory_vm_eval": 0,
        "used_memory_lua_human": "0B",
        "used_memory_scripts_eval": 0,
        "number_of_cached_scripts": 0,
        "number_of_functions": 0,
        "number_of_libraries": 0,
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": 0,
        "used_memory_vm_total_human": "0B",
        "used_memory_functions": 0,
        "used_memory_scripts": 0,
        "used_memory_scripts_human": "0B",
        "maxmemory": limit,
        "maxmemory_human": human(limit),
        "maxmemory_policy": node.config.maxmemory_policy.name(),
        "allocator_frag_ratio": "1.00",
        "allocator_frag_bytes": 0,
        "allocator_rss_ratio": "1.00",
        "allocator_rss_bytes": 0,
        "rss_overhead_ratio": "1.00",
        "rss_overhead_bytes": 0,
        "mem_fragmentation_ratio": "1.00",
        "mem_fragmentation_bytes": 0,
        "mem_not_counted_for_evict": not_counted,
        "mem_replication_backlog": backlog,
        "mem_total_replication_buffers": backlog + not_counted - aof_buffer,
        "mem_clients_slaves": of_type(true),
        "mem_clients_normal": of_type(false),
        "mem_cluster_links": node.cluster().map_or(0, crate::cluster::Cluster::links_memory),
        "mem_aof_buffer": aof_buffer,
        "mem_allocator": "libc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": 0,
        "lazyfreed_objects": 0,
    );
}

fn ok_or_err(ok: bool) -> &'static str {
    if ok { "ok" } else { "err" }
}

fn persistence(node: &Node, out: &mut String) {
    let (saves, aof) = (&node.saves, node.aof.info(node.now));
    out.push_str("# Persistence\r\n");
    lines!(out,
        "loading": u8::from(node.loading()),
        "async_loading": 0,
        "current_cow_peak": 0,
        "current_cow_size": 0,
        "current_cow_size_age": 0,
        "current_fork_perc": "0.00",
        "current_save_keys_processed": 0,
        "current_save_keys_total": 0,
        "rdb_changes_since_last_save": node.dirty,
        "rdb_bgsave_in_progress": u8::from(saves.in_background()),
        "rdb_last_save_time": saves.last_save_s,
        "rdb_last_bgsave_status": ok_or_err(saves.last_ok),
        "rdb_last_bgsave_time_sec": saves.last_duration_s,
        "rdb_current_bgsave_time_sec": saves.current_duration_s(node.now),
        "rdb_saves": saves.count,
        "rdb_last_cow_size": 0,
        "rdb_last_load_keys_expired": node.last_load.1,
        "rdb_last_load_keys_loaded": node.last_load.0,
        "aof_enabled": u8::from(aof.enabled),
        "aof_rewrite_in_progress": u8::from(aof.rewrite_in_progress),
        "aof_rewrite_scheduled": u8::from(aof.rewrite_scheduled),
        "aof_last_rewrite_time_sec": aof.last_rewrite_s,
        "aof_current_rewrite_time_sec": aof.current_rewrite_s,
        "aof_last_bgrewrite_status": ok_or_err(aof.last_rewrite_ok),
        "aof_rewrites": aof.rewrites,
        "aof_rewrites_consecutive_failures": aof.consecutive_failures,
        "aof_last_write_status": ok_or_err(aof.last_write_ok),
        "aof_last_cow_size": 0,
        "module_fork_in_progress": 0,
        "module_fork_last_cow_size": 0,
    );
    if aof.enabled {
        lines!(out,
            "aof_current_size": aof.current_size,
            "aof_base_size": aof.base_size,
            "aof_pending_rewrite": u8::from(aof.rewrite_scheduled),
            "aof_buffer_length": aof.buffer_len,
            "aof_pending_bio_fsync": aof.pending_fsyncs,
            "aof_delayed_fsync": aof.delayed_fsyncs,
        );
    }
    if let Some(progress) = node.loading_progress() {
        let left = progress.total_bytes.saturating_sub(progress.loaded_bytes) as i64;
        let elapsed_s = node.now.wall_s() - progress.start_s;
        let eta_s = if elapsed_s == 0 { 1 } else { elapsed_s * left / (progress.loaded_bytes as i64 + 1) };
        let share = progress.loaded_bytes as f64 / progress.total_bytes.max(1) as f64 * 100.0;
        lines!(out,
            "loading_start_time": progress.start_s,
            "loading_total_bytes": progress.total_bytes,
            "loading_rdb_used_mem": progress.rdb_used_memory,
            "loading_loaded_bytes": progress.loaded_bytes,
            "loading_loaded_perc": format!("{share:.2}"),
            "loading_eta_seconds": eta_s,
        );
    }
}

fn stats(node: &Node, out: &mut String) {
    let stats = &node.stats;
    let kbps = |per_second: u64| format!("{:.2}", per_second as f64 / 1024.0);
    out.push_str("# Stats\r\n");
    lines!(out,
        "total_connections_received": stats.connections,
        "total_commands_processed": stats.commands_processed,
        "instantaneous_ops_per_sec": stats.rates.commands.per_second(),
        "total_net_input_bytes": stats.net_input_bytes + stats.net_repl_input_bytes,
        "total_net_output_bytes": stats.net_output_bytes + stats.net_repl_output_bytes,
        "total_net_repl_input_bytes": stats.net_repl_input_bytes,
        "total_net_repl_output_bytes": stats.net_repl_output_bytes,
        "instantaneous_input_kbps": kbps(stats.rates.net_input.per_second()),
        "instantaneous_output_kbps": kbps(stats.rates.net_output.per_second()),
        "instantaneous_input_repl_kbps": kbps(0),
        "instantaneous_output_repl_kbps": kbps(0),
        "rejected_connections": stats.rejected_connections,
        "sync_full": stats.sync_full,
        "sync_partial_ok": stats.sync_partial_ok,
        "sync_partial_err": stats.sync_partial_err,
        "expired_keys": stats.expired_keys,
        "expired_stale_perc": "0.00",
        "expired_time_cap_reached_count": 0,
        "expire_cycle_cpu_milliseconds": 0,
        "evicted_keys": stats.evicted_keys,
        "evicted_clients": stats.evicted_clients,
        "total_eviction_exceeded_time": 0,
        "current_eviction_exceeded_time": 0,
        "keyspace_hits": stats.keyspace_hits,
        "keyspace_misses": stats.keyspace_misses,
        "pubsub_channels": node.pubsub.channels.len(),
        "pubsub_patterns": node.pubsub.patterns.len(),
        "pubsubshard_channels": node.pubsub.shard_channels.len(),
        "latest_fork_usec": node.cpu.last_fork_us,
        "total_forks": stats.forks,
        "migrate_cached_sockets": node.migrations.cached(),
        "slave_expires_tracked_keys": 0,
        "active_defrag_hits": 0,
        "active_defrag_misses": 0,
        "active_defrag_key_hits": 0,
        "active_defrag_key_misses": 0,
        "total_active_defrag_time": 0,
        "current_active_defrag_time": 0,
        "tracking_total_keys": 0,
        "tracking_total_items": 0,
        "tracking_total_prefixes": 0,
        "unexpected_error_replies": stats.unexpected_error_replies,
        "total_error_replies": stats.error_replies,
        "dump_payload_sanitizations": 0,
        "total_reads_processed": stats.reads_processed,
        "total_writes_processed": stats.writes_processed,
        "io_threaded_reads_processed": 0,
        "io_threaded_writes_processed": 0,
        "reply_buffer_shrinks": 0,
        "reply_buffer_expands": 0,
    );
}

fn replication(node: &Node, out: &mut String) {
    let (repl, config, now_s) = (&node.repl, &node.config, node.now.wall_s());
    out.push_str("# Replication\r\n");
    lines!(out, "role": if repl.master.is_some() { "slave" } else { "master" });
    if let Some(link) = &repl.master {
        let up = repl.link_up();
        let last_io =
            link.client().and_then(|id| node.clients.get(&id)).map(|c| now_s - c.last_interaction_s);
        lines!(out,
            "master_host": link.host,
            "master_port": link.port,
            "master_link_status": if up { "up" } else { "down" },
            "master_last_io_seconds_ago": last_io.unwrap_or(-1),
            "master_sync_in_progress": u8::from(link.sync_in_progress()),
            "slave_read_repl_offset": repl.offset,
            "slave_repl_offset": repl.offset,
        );
        if let LinkState::Transfer(_, transfer) = &link.state {
            let size = transfer.size.map_or(0, |size| size as i64);
            let read = transfer.read as i64;
            let share = if size > 0 { read as f64 * 100.0 / size as f64 } else { 0.0 };
            lines!(out,
                "master_sync_total_bytes": size,
                "master_sync_read_bytes": read,
                "master_sync_left_bytes": size - read,
                "master_sync_perc": format_args!("{share:.2}"),
                "master_sync_last_io_seconds_ago": now_s - link.last_io_s,
            );
        }
        if !up {
            let since = if link.down_since_s == 0 { -1 } else { now_s - link.down_since_s };
            lines!(out, "master_link_down_since_seconds": since);
        }
        lines!(out,
            "slave_priority": config.replica_priority,
            "slave_read_only": u8::from(config.replica_read_only),
            "replica_announced": u8::from(config.replica_announced),
        );
    }
    lines!(out, "connected_slaves": repl.replicas.len());
    if config.min_replicas_to_write != 0 && config.min_replicas_max_lag != 0 {
        lines!(out, "min_slaves_good_slaves": repl.good_replicas);
    }
    let replicas = repl.replicas.iter().filter_map(|id| node.clients.get(id));
    for (index, client) in replicas.enumerate() {
        let Some(link) = client.replica() else { continue };
        let online = matches!(link.state, ReplicaState::Online { .. });
        let lag = if online { now_s - link.ack_time_s } else { 0 };
        let _ = write!(
            out,
            "slave{index}:ip={},port={},state={},offset={},lag={lag}\r\n",
            client.replica_ip(),
            client.replconf.port,
            link.state_name(),
            link.ack_offset
        );
    }
    let backlog = repl.backlog.as_ref();
    lines!(out,
        "master_failover_state": repl.failover.as_ref().map_or("no-failover", |failover| failover.state_name()),
        "master_replid": repl.replid,
        "master_replid2": repl.replid2,
        "master_repl_offset": repl.offset,
        "second_repl_offset": repl.second_offset,
        "repl_backlog_active": u8::from(backlog.is_some()),
        "repl_backlog_size": config.repl_backlog_size,
        "repl_backlog_first_byte_offset": backlog.map_or(0, |backlog| backlog.first_offset()),
        "repl_backlog_histlen": backlog.map_or(0, |backlog| backlog.len()),
    );
}

fn cpu(_node: &Node, out: &mut String) {
    out.push_str("# CPU\r\n");
    lines!(out,
        "used_cpu_sys": "0.000000",
        "used_cpu_user": "0.000000",
        "used_cpu_sys_children": "0.000000",
        "used_cpu_user_children": "0.000000",
        "used_cpu_sys_main_thread": "0.000000",
        "used_cpu_user_main_thread": "0.000000",
    );
}

fn modules(_node: &Node, out: &mut String) {
    out.push_str("# Modules\r\n");
}

fn commandstats(node: &Node, out: &mut String) {
    out.push_str("# Commandstats\r\n");
    for command in CommandId::all() {
        let stats = &node.stats.commands[command.index()];
        if stats.calls == 0 && stats.rejected == 0 && stats.failed == 0 {
            continue;
        }
        let usec = stats.nsec / 1000;
        let per_call = if stats.calls == 0 { 0.0 } else { usec as f32 / stats.calls as f32 };
        let _ = write!(
            out,
            "cmdstat_{}:calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}\r\n",
            command.name(),
            stats.calls,
            usec,
            stats.rejected,
            stats.failed
        );
    }
}

fn errorstats(node: &Node, out: &mut String) {
    out.push_str("# Errorstats\r\n");
    for (code, count) in &node.stats.errors {
        // What would break the lines of INFO apart is replaced (`getSafeInfoString`).
        let code: String =
            code.chars().map(|c| if matches!(c, '#' | ':' | '\n' | '\r') { '_' } else { c }).collect();
        let _ = write!(out, "errorstat_{code}:count={count}\r\n");
    }
}

fn latencystats(node: &Node, out: &mut String) {
    out.push_str("# Latencystats\r\n");
    if !node.config.latency_tracking {
        return;
    }
    for command in CommandId::all() {
        let calls = node.stats.commands[command.index()].calls;
        if calls == 0 {
            continue;
        }
        let _ = write!(out, "latency_percentiles_usec_{}:", command.name());
        for (index, &percentile) in node.config.latency_tracking_info_percentiles.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let name = crate::config::text::trimmed_float(percentile);
            let _ =
                write!(out, "{comma}p{name}={:.3}", node.latency.percentile_us(command, calls, percentile));
        }
        out.push_str("\r\n");
    }
}

fn cluster(node: &Node, out: &mut String) {
    out.push_str("# Cluster\r\n");
    lines!(out, "cluster_enabled": u8::from(node.config.cluster_enabled));
}

fn keyspace(node: &Node, out: &mut String) {
    out.push_str("# Keyspace\r\n");
    for (index, db) in node.dbs.iter().enumerate() {
        if !db.is_empty() {
            let _ = write!(out, "db{index}:keys={},expires={},avg_ttl=0\r\n", db.len(), db.expires_len());
        }
    }
}
