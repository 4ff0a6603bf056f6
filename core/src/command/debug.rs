//! DEBUG (debug.c 7.0.15): what tests and curious people use to look inside, and to make a server sleep or misbehave.
//!
//! The subcommands that exist to crash a C program (SEGFAULT, OOM, LEAK …) or that talk to its allocator are not here.

mod digest;

use super::Handlers;
use crate::config::text::memory_size;
use crate::exec::{Done, Error, Exec};
use crate::host::LogLevel;
use crate::node::loading::Reload;
use crate::persist::rdb::encode::{Body, Encoder};
use crate::store::{Object, Zset, num, quicklist};

pub(crate) const HANDLERS: Handlers = &[("debug", debug)];

/// The most bytes of a quicklist element before it gets a node of its own (`SIZE_SAFETY_LIMIT` is 4 GiB).
const PACKED_THRESHOLD_DEFAULT: usize = 1 << 30;
/// How many keys POPULATE makes at the most: what 32-bit machines and browsers can hold at all.
const POPULATE_MAX: i64 = 1 << 26;
/// How long a value POPULATE makes at the most.
const POPULATE_VALUE_MAX: i64 = 512 << 20;

/// DEBUG DIGEST of a dataset; with an instant (wall clock, milliseconds), of what has not expired by then.
pub(crate) fn dataset_digest(dbs: &[crate::store::Db], live_at_ms: Option<i64>) -> [u8; 20] {
    digest::dataset_at(dbs, live_at_ms)
}

fn debug(exec: &mut Exec<'_>) -> Done {
    let args = exec.args;
    let sub = args[1].to_ascii_lowercase();
    match (sub.as_slice(), args.len()) {
        (b"help", 2) => help(exec),
        (b"sleep", 3) => sleep(exec),
        (b"object", 3) => object(exec),
        (b"digest", 2) => {
            let text = digest::hex(&digest::dataset(&exec.node.dbs));
            exec.reply.status(&text);
            Ok(())
        }
        (b"digest-value", _) => {
            let digests: Vec<String> =
                args[2..].iter().map(|key| digest::hex(&digest::value(exec.raw_db(), key))).collect();
            exec.reply.array(digests.len());
            for text in digests {
                exec.reply.status(&text);
            }
            Ok(())
        }
        (b"reload", _) => reload(exec),
        (b"loadaof", 2) => {
            let client = exec.client;
            exec.node.reload(Reload { client, aof: true, flush: true, merge: false }, false);
            Ok(())
        }
        (b"populate", 3..=5) => populate(exec),
        (b"protocol", 3) => protocol(exec),
        (b"error", 3) => {
            // The text is the whole error, code and all.
            let text = [b"-", args[2]].concat();
            exec.reply.error_bytes(&text);
            Ok(())
        }
        (b"log", 3) => {
            let text = format!("DEBUG LOG: {}", String::from_utf8_lossy(args[2]));
            exec.node.log(LogLevel::Warning, text);
            done(exec)
        }
        (b"set-active-expire", 3) => {
            exec.node.active_expire = on(args[2]);
            done(exec)
        }
        (b"set-skip-checksum-validation", 3) => {
            exec.node.debug.skip_checksum = on(args[2]);
            done(exec)
        }
        (b"set-disable-deny-scripts", 3) => {
            exec.node.debug.allow_all_in_scripts = on(args[2]);
            done(exec)
        }
        (b"pause-cron", 3) => {
            exec.node.debug.pause_cron = on(args[2]);
            done(exec)
        }
        (b"quicklist-packed-threshold", 3) => {
            let size = memory_size(args[2]).filter(|size| *size <= (4 << 30) - (1 << 20));
            let Some(size) = size else {
                return Err(Error::fixed(
                    "argument must be a memory value bigger than 1 and smaller than 4gb",
                ));
            };
            exec.node.limits.list_packed_threshold =
                if size == 0 { PACKED_THRESHOLD_DEFAULT } else { size as usize };
            done(exec)
        }
        (b"change-repl-id", 2) => {
            exec.node.log(LogLevel::Warning, "Changing replication IDs after receiving DEBUG change-repl-id");
            let node = &mut *exec.node;
            node.repl.begin_new_history(&mut node.rng);
            done(exec)
        }
        (b"drop-cluster-packet-filter", 3) => {
            let kind = exec.integer(2)?;
            exec.node.with_cluster(|cluster, _| cluster.set_drop_filter(kind));
            done(exec)
        }
        (b"clusterlink", 5) => clusterlink(exec),
        (b"listpack", 3) => printed(exec, "listpack"),
        (b"quicklist", 3 | 4) => printed(exec, "quicklist"),
        (b"htstats", 3) => htstats(exec),
        (b"htstats-key", 3) => htstats_key(exec),
        (b"replybuffer", 4) => replybuffer(exec),
        (b"replicate", 3..) => {
            let db = exec.node.repl.selected_db.unwrap_or(0);
            exec.node.feed_replicas(db, &args[2..]);
            done(exec)
        }
        _ => Err(super::bad_subcommand(exec)),
    }
}

fn reload(exec: &mut Exec<'_>) -> Done {
    let mut reload = Reload { client: exec.client, aof: false, flush: true, merge: false };
    let mut save = true;
    for index in 2..exec.args.len() {
        if exec.arg_is(index, "merge") {
            reload.merge = true;
        } else if exec.arg_is(index, "noflush") {
            reload.flush = false;
        } else if exec.arg_is(index, "nosave") {
            save = false;
        } else {
            return Err(Error::fixed("DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."));
        }
    }
    exec.node.reload(reload, save);
    Ok(())
}

fn done(exec: &mut Exec<'_>) -> Done {
    exec.reply.ok();
    Ok(())
}

/// C's `atoi` as a switch: anything that is no number is off.
fn on(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.iter().take_while(|byte| byte.is_ascii_digit()).any(|byte| *byte != b'0')
}

/// `DEBUG SLEEP seconds`
fn sleep(exec: &mut Exec<'_>) -> Done {
    let seconds = crate::store::float::strtod(exec.args[2]).0;
    let duration_us = if seconds.is_finite() { (seconds * 1e6).clamp(0.0, 1e15) as u64 } else { 0 };
    exec.node.sleep(duration_us);
    done(exec)
}

/// `DEBUG OBJECT key`
fn object(exec: &mut Exec<'_>) -> Done {
    let key = exec.args[2];
    let Some(entry) = exec.raw_db().get_entry(key) else { return Err(Error::NO_SUCH_KEY) };
    let mut extra = String::new();
    if let Object::List(list) = &entry.object {
        let nodes = list.nodes();
        let count = nodes.len();
        let bytes: usize = nodes.map(quicklist::Node::byte_len).sum();
        let average = list.len() as f64 / count.max(1) as f64;
        extra = format!(
            " ql_nodes:{count} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:0 ql_uncompressed_size:{bytes}",
            exec.config().list_max_listpack_size
        );
    }
    let idle_s = exec.node.lru_clock().wrapping_sub(entry.lru) & 0x00ff_ffff;
    let shared = matches!(&entry.object, Object::Str(value) if value.as_i64().is_some_and(|n| (0..10_000).contains(&n))
        && entry.object.encoding() == "int");
    let text = format!(
        "Value at:0x0 refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_s}{extra}",
        if shared { i32::MAX } else { 1 },
        entry.object.encoding(),
        serialized_len(&entry.object, exec.config().rdbcompression),
        entry.lru,
    );
    exec.reply.status(&text);
    Ok(())
}

/// How many bytes the value takes in an RDB file (`rdbSavedObjectLen`).
fn serialized_len(object: &Object, compress: bool) -> usize {
    const PIECE: usize = 1 << 20;
    let mut encoder = Encoder::new(compress);
    let mut body = Body::new(object.clone());
    let (mut out, mut len) = (Vec::new(), 0);
    loop {
        let over = body.write(&mut encoder, &mut out, PIECE);
        len += out.len();
        out.clear();
        if over {
            return len;
        }
    }
}

/// `DEBUG POPULATE count [prefix] [size]`
fn populate(exec: &mut Exec<'_>) -> Done {
    let args = exec.args;
    let positive =
        |text: &[u8]| num::parse_i64(text).filter(|number| *number >= 0).ok_or(Error::NOT_POSITIVE);
    let count = positive(args[2])?.min(POPULATE_MAX);
    let size =
        args.get(4).map(|text| positive(text)).transpose()?.unwrap_or(0).min(POPULATE_VALUE_MAX) as usize;
    let prefix = args.get(3).copied().unwrap_or(b"key");
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if exec.write(&key).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        exec.set(&key, Object::string(&value));
    }
    exec.propagate_nothing();
    done(exec)
}

/// `DEBUG PROTOCOL type`
fn protocol(exec: &mut Exec<'_>) -> Done {
    let reply = &mut *exec.reply;
    match exec.args[2].to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk_str("Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double_text(b"3.141"),
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.integer(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk_str("key-popularity");
                reply.array(2);
                reply.bulk_str("key:123");
                reply.integer(90);
            }
            reply.bulk_str("Some real reply following the attribute");
        }
        b"push" => {
            if !reply.is_resp3() {
                return Err(Error::fixed("RESP2 is not supported by this command"));
            }
            reply.push(2);
            reply.bulk_str("server-cpu-usage");
            reply.integer(42);
            reply.bulk_str("Some real reply following the push reply");
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim(b"txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(Error::fixed(
                "Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// `DEBUG LISTPACK key` and `DEBUG QUICKLIST key`: Redis prints the structure where its standard output goes.
fn printed(exec: &mut Exec<'_>, what: &str) -> Done {
    let Some(object) = exec.raw_db().get(exec.args[2]) else { return Err(Error::NO_SUCH_KEY) };
    if object.encoding() != what {
        return Err(Error::new(format!("Not a {what} encoded object.")));
    }
    let text = format!("{what} of {} bytes", serialized_len(object, false));
    exec.node.log(LogLevel::Warning, text);
    let name = if what == "listpack" { "Listpack" } else { "Quicklist" };
    exec.reply.status(&format!("{name} structure printed on stdout"));
    Ok(())
}

/// The lines that Redis has for a table (`dictGetStats`): how many entries there are, in the size that Redis's table would have.
fn table_stats(entries: usize) -> String {
    if entries == 0 {
        return "No stats available for empty dictionaries\n".to_string();
    }
    format!(
        "Hash table 0 stats (main hash table):\n table size: {}\n number of elements: {entries}\n",
        entries.next_power_of_two().max(4)
    )
}

/// `DEBUG HTSTATS db`
fn htstats(exec: &mut Exec<'_>) -> Done {
    let index = exec.integer(2)?;
    let db = usize::try_from(index).ok().and_then(|index| exec.node.dbs.get(index));
    let Some(db) = db else { return Err(Error::fixed("Out of range database")) };
    let text =
        format!("[Dictionary HT]\n{}[Expires HT]\n{}", table_stats(db.len()), table_stats(db.expires_len()));
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `DEBUG HTSTATS-KEY key`
fn htstats_key(exec: &mut Exec<'_>) -> Done {
    let Some(object) = exec.raw_db().get(exec.args[2]) else { return Err(Error::NO_SUCH_KEY) };
    let entries = match object {
        Object::Zset(zset) if matches!(**zset, Zset::Tree { .. }) => zset.len(),
        Object::Hash(hash) if object.encoding() == "hashtable" => hash.len(),
        Object::Set(set) if object.encoding() == "hashtable" => set.len(),
        _ => {
            return Err(Error::fixed(
                "The value stored at the specified key is not represented using an hash table",
            ));
        }
    };
    let text = table_stats(entries);
    exec.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// `DEBUG CLUSTERLINK KILL to|from|all id`
fn clusterlink(exec: &mut Exec<'_>) -> Done {
    if !exec.config().cluster_enabled {
        return Err(Error::fixed("Debug option only available for cluster mode enabled setup!"));
    }
    let (to, from) = match exec.args[3].to_ascii_lowercase().as_slice() {
        b"to" => (true, false),
        b"from" => (false, true),
        b"all" => (true, true),
        _ => return Err(super::bad_subcommand(exec)),
    };
    if !exec.arg_is(2, "kill") {
        return Err(super::bad_subcommand(exec));
    }
    let name = exec.args[4];
    let killed = exec.node.with_cluster(|cluster, cx| cluster.kill_link(cx, name, to, from));
    if let Some(Err(text)) = killed {
        return Err(Error::new([&b"-"[..], &text].concat()));
    }
    done(exec)
}

/// `DEBUG REPLYBUFFER PEAK-RESET-TIME time | RESIZING 0|1`: reply buffers have no fixed size here, so there is nothing to set.
fn replybuffer(exec: &mut Exec<'_>) -> Done {
    match exec.args[2].to_ascii_lowercase().as_slice() {
        b"peak-reset-time" => {
            let value = exec.args[3].to_ascii_lowercase();
            if value != b"never" && value != b"reset" {
                exec.integer(3)?;
            }
        }
        b"resizing" => {}
        _ => return Err(super::bad_subcommand(exec)),
    }
    done(exec)
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "CHANGE-REPL-ID",
            "    Change the replication IDs of the instance.",
            "    Dangerous: should be used only for testing the replication subsystem.",
            "DIGEST",
            "    Output a hex signature representing the current DB content.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Output a hex signature of the values of all the specified keys.",
            "ERROR <string>",
            "    Return a Redis protocol error with <string> as message. Useful for clients",
            "    unit tests to simulate Redis errors.",
            "LOG <message>",
            "    Write <message> to the server log.",
            "HTSTATS <dbid>",
            "    Return hash table statistics of the specified Redis database.",
            "HTSTATS-KEY <key>",
            "    Like HTSTATS but for the hash table stored at <key>'s value.",
            "REPLICATE <string>",
            "    Replicates the provided string to replicas, allowing data divergence.",
            "DROP-CLUSTER-PACKET-FILTER <packet-type>",
            "    Drop all packets that match the filtered type. Set to -1 allow all packets.",
            "CLUSTERLINK KILL <to|from|all> <node-id>",
            "    Kills the link based on the direction to/from (both) with the provided node.",
            "OBJECT <key>",
            "    Show low level info about `key` and associated value.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create <count> string keys named key:<num>. If <prefix> is specified then",
            "    it is used instead of the 'key' prefix. These are not propagated to",
            "    replicas. Cluster slots are not respected so keys not belonging to the",
            "    current node can be created in cluster mode.",
            "PROTOCOL <type>",
            "    Reply with a test value of the specified type. <type> can be: string,",
            "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
            "    true, false.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Setting it to 0 disables expiring keys in background when they are not",
            "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
            "    default.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Sets the threshold for elements to be inserted as plain vs packed nodes",
            "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
            "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
            "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
            "SLEEP <seconds>",
            "    Stop the server for <seconds>. Decimals allowed.",
            "LISTPACK <key>",
            "    Show low level info about the listpack encoding of <key>.",
            "QUICKLIST <key> [<0|1>]",
            "    Show low level info about the quicklist encoding of <key>.",
            "    The optional argument (0 by default) sets the level of detail",
            "PAUSE-CRON <0|1>",
            "    Stop periodic cron job processing.",
            "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
            "    Sets the time (in milliseconds) to wait between client reply buffer peak resets.",
            "    In case NEVER is provided the last observed peak will never be reset",
            "    In case RESET is provided the peak reset time will be restored to the default value",
            "REPLYBUFFER RESIZING <0|1>",
            "    Enable or disable the reply buffer resize cron job",
        ],
    )
}
