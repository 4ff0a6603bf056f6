//! SUBSCRIBE and its family, PUBLISH, SPUBLISH, PUBSUB (pubsub.c 7.0.15). The machinery is in [`crate::pubsub`].

use super::Handlers;
use crate::exec::{Done, Exec};
use crate::pubsub::Kind;
use crate::store::glob;

pub(crate) const HANDLERS: Handlers = &[
    ("subscribe", |exec| subscribe(exec, Kind::Channel)),
    ("psubscribe", |exec| subscribe(exec, Kind::Pattern)),
    ("ssubscribe", |exec| subscribe(exec, Kind::Shard)),
    ("unsubscribe", |exec| unsubscribe(exec, Kind::Channel)),
    ("punsubscribe", |exec| unsubscribe(exec, Kind::Pattern)),
    ("sunsubscribe", |exec| unsubscribe(exec, Kind::Shard)),
    ("publish", publish),
    ("spublish", spublish),
    ("pubsub|channels", |exec| channels(exec, false)),
    ("pubsub|shardchannels", |exec| channels(exec, true)),
    ("pubsub|numsub", |exec| numsub(exec, false)),
    ("pubsub|shardnumsub", |exec| numsub(exec, true)),
    ("pubsub|numpat", numpat),
    ("pubsub|help", help),
];

fn subscribe(exec: &mut Exec<'_>, kind: Kind) -> Done {
    for name in &exec.args[1..] {
        exec.node.subscribe(exec.client, kind, name, exec.reply);
    }
    Ok(())
}

fn unsubscribe(exec: &mut Exec<'_>, kind: Kind) -> Done {
    if exec.args.len() == 1 {
        exec.node.unsubscribe_all(exec.client, kind, exec.reply);
    }
    for name in &exec.args[1..] {
        exec.node.unsubscribe(exec.client, kind, name, Some(exec.reply));
    }
    Ok(())
}

fn publish(exec: &mut Exec<'_>) -> Done {
    let receivers = exec.node.publish(exec.args[1], exec.args[2], false, Some(exec.reply));
    if exec.node.config.cluster_enabled {
        exec.node.bus_publish(exec.args[1], exec.args[2], false);
        exec.propagate_nothing();
    } else {
        exec.propagate_always(true);
    }
    exec.reply.integer(receivers);
    Ok(())
}

fn spublish(exec: &mut Exec<'_>) -> Done {
    let receivers = exec.node.publish(exec.args[1], exec.args[2], true, Some(exec.reply));
    if exec.node.config.cluster_enabled {
        exec.node.bus_publish(exec.args[1], exec.args[2], true);
        exec.propagate_nothing();
    } else {
        exec.propagate_always(true);
    }
    exec.reply.integer(receivers);
    Ok(())
}

fn channels(exec: &mut Exec<'_>, shard: bool) -> Done {
    if exec.args.len() > 3 {
        return Err(super::bad_subcommand(exec));
    }
    let pattern = exec.args.get(2).copied();
    let table = if shard { &exec.node.pubsub.shard_channels } else { &exec.node.pubsub.channels };
    let begin = exec.reply.begin();
    let mut count = 0;
    for name in table.keys() {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name, false)) {
            exec.reply.bulk(name);
            count += 1;
        }
    }
    exec.reply.end_array(begin, count);
    Ok(())
}

fn numsub(exec: &mut Exec<'_>, shard: bool) -> Done {
    let table = if shard { &exec.node.pubsub.shard_channels } else { &exec.node.pubsub.channels };
    exec.reply.array((exec.args.len() - 2) * 2);
    for name in &exec.args[2..] {
        exec.reply.bulk(name);
        exec.reply.integer(table.get(*name).map_or(0, Vec::len) as i64);
    }
    Ok(())
}

fn numpat(exec: &mut Exec<'_>) -> Done {
    exec.reply.integer(exec.node.pubsub.patterns.len() as i64);
    Ok(())
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "CHANNELS [<pattern>]",
            "    Return the currently active channels matching a <pattern> (default: '*').",
            "NUMPAT",
            "    Return number of subscriptions to patterns.",
            "NUMSUB [<channel> ...]",
            "    Return the number of subscribers for the specified channels, excluding",
            "    pattern subscriptions(default: no channels).",
            "SHARDCHANNELS [<pattern>]",
            "    Return the currently active shard level channels matching a <pattern> (default: '*').",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Return the number of subscribers for the specified shard level channel(s)",
        ],
    )
}
