//! The lines of workloads: many clients at once, with what they do as words in any order.
//!
//! What is at its default is not written. [`line_of_workload`] takes the value apart without `..`: a new option does not compile without
//! its words.

use super::Command;
use super::grammar::{Args, Group, Kind, Part, Verb};
use crate::sim::fault::Action;
use crate::sim::workload::{Distribution, Keys, Mix, Pace, Sizes, Wait, Workload};

use Part::{Arg, Either, Opt, Word};

const U32_MAX: u64 = u32::MAX as u64;

/// The words that end the list of seeds: those of the other options.
const OPTIONS: &[&str] = &[
    "clients",
    "seeds",
    "rate",
    "think",
    "pipeline",
    "operations",
    "keys",
    "prefix",
    "zipf",
    "hot-slot",
    "sequential",
    "values",
    "long-tail",
    "reads",
    "strings",
    "counters",
    "lists",
    "hashes",
    "sets",
    "multi-keys",
    "transactions",
    "publish",
    "shard-publish",
    "wait",
    "replica-reads",
    "subscribers",
    "channels",
    "shard-channels",
    "timeout",
    "retries",
    "backoff",
    "password",
];

/// The kinds of operations, with the argument of each.
const MIX: [(&str, &str); 9] = [
    ("strings", "STRINGS"),
    ("counters", "COUNTERS"),
    ("lists", "LISTS"),
    ("hashes", "HASHES"),
    ("sets", "SETS"),
    ("multi-keys", "MULTI"),
    ("transactions", "TRANSACTIONS"),
    ("publish", "PUBLISH"),
    ("shard-publish", "SHARD"),
];

fn weights(mix: &mut Mix) -> [&mut u32; MIX.len()] {
    let Mix { strings, counters, lists, hashes, sets, multi_keys, transactions, publish, shard_publish } =
        mix;
    [strings, counters, lists, hashes, sets, multi_keys, transactions, publish, shard_publish]
}

const NAME: Part = Arg("NAME", Kind::Text);

const fn weight(name: &'static str) -> Part {
    Arg(name, Kind::Number(U32_MAX))
}

/// The rows.
#[rustfmt::skip] // one option a line reads as the table that it is
pub(crate) static ROWS: &[Verb] = &[
    Verb {
        name: "workload",
        key: "workload",
        parts: &[
            NAME,
            Opt(&[Word("clients"), Arg("CLIENTS", Kind::Number(U32_MAX))]),
            Opt(&[Word("seeds"), Arg("NODE", Kind::NamesTill(OPTIONS))]),
            Either(&[
                &[Word("rate"), Arg("RATE", Kind::Number(U32_MAX))],
                &[Word("think"), Arg("THINK", Kind::Micros)],
            ]),
            Opt(&[Word("pipeline"), Arg("PIPELINE", Kind::Number(U32_MAX))]),
            Opt(&[Word("operations"), Arg("OPERATIONS", Kind::Number(u64::MAX))]),
            Opt(&[Word("keys"), Arg("KEYS", Kind::Number(u64::MAX))]),
            Opt(&[Word("prefix"), Arg("PREFIX", Kind::Text)]),
            Either(&[
                &[Word("zipf"), Arg("EXPONENT", Kind::Thousandths)],
                &[Word("hot-slot"), Arg("SLOT", Kind::Number(u16::MAX as u64)), Arg("PERCENT", Kind::Percent)],
                &[Word("sequential")],
            ]),
            Either(&[
                &[Word("values"), Arg("SIZE", Kind::Length), Opt(&[Word("to"), Arg("MOST", Kind::Length)])],
                &[Word("long-tail"), Arg("SHORTEST", Kind::Length), Word("to"), Arg("LONGEST", Kind::Length)],
            ]),
            Opt(&[Word("reads"), Arg("READS", Kind::Percent)]),
            Opt(&[Word("strings"), weight("STRINGS")]),
            Opt(&[Word("counters"), weight("COUNTERS")]),
            Opt(&[Word("lists"), weight("LISTS")]),
            Opt(&[Word("hashes"), weight("HASHES")]),
            Opt(&[Word("sets"), weight("SETS")]),
            Opt(&[Word("multi-keys"), weight("MULTI")]),
            Opt(&[Word("transactions"), weight("TRANSACTIONS")]),
            Opt(&[Word("publish"), weight("PUBLISH")]),
            Opt(&[Word("shard-publish"), weight("SHARD")]),
            Opt(&[Word("wait"), Arg("COPIES", Kind::Number(U32_MAX)), Word("within"), Arg("WAIT", Kind::Millis)]),
            Opt(&[Word("replica-reads")]),
            Opt(&[Word("subscribers"), Arg("SUBSCRIBERS", Kind::Number(U32_MAX))]),
            Opt(&[Word("channels"), Arg("CHANNELS", Kind::Number(U32_MAX))]),
            Opt(&[Word("shard-channels")]),
            Opt(&[Word("timeout"), Arg("TIMEOUT", Kind::Millis)]),
            Opt(&[Word("retries"), Arg("RETRIES", Kind::Number(U32_MAX))]),
            Opt(&[Word("backoff"), Arg("BACKOFF", Kind::Millis)]),
            Opt(&[Word("password"), Arg("PASSWORD", Kind::Text)]),
        ],
        group: Group::Workload,
        help: "Clients begin to work, on a host with this name: 10 clients and 1000 operations a second, half of them reads of \
               10000 keys, if nothing else is said. `seeds` are the nodes that they know at first; `rate` is operations a second of all, `think` lets each \
               client pause between its operations instead. Keys are asked for evenly, by `zipf`, in `sequential` order, or mostly in a \
               `hot-slot`. `strings`, `counters` and so on are how often each kind of operation comes. \
               With `password`, every connection begins with AUTH.",
        example: "workload app clients 50 seeds A1 B1 rate 500 keys 1000 zipf 0.99 values 64B reads 90%",
        make: |a| Command::Act(Action::StartWorkload { name: a.get_text("NAME"), workload: Box::new(workload(a)) }),
    },
    Verb {
        name: "workload",
        key: "workload-stop",
        parts: &[NAME, Word("stop")],
        group: Group::Workload,
        help: "A workload begins no more operations. It can be started again, at once and with other seeds for example: what is still under way then is given up.",
        example: "workload app stop",
        make: |a| Command::Act(Action::StopWorkload { name: a.get_text("NAME") }),
    },
];

fn workload(a: &Args) -> Workload {
    let usual = Workload::default();
    let mut mix = usual.mix;
    if MIX.iter().any(|(_, name)| a.get(name).is_some()) {
        for (weight, (_, name)) in weights(&mut mix).into_iter().zip(MIX) {
            *weight = a.get_num(name);
        }
    }
    let distribution = match (a.maybe_num("EXPONENT"), a.maybe_num("SLOT")) {
        (Some(exponent_milli), _) => Distribution::Zipf { exponent_milli },
        (None, Some(slot)) => Distribution::HotSlot { slot, percent: a.get_num("PERCENT") },
        (None, None) if a.has("sequential") => Distribution::Sequential,
        (None, None) => Distribution::Uniform,
    };
    let values = match (a.maybe_num("SHORTEST"), a.maybe_num("SIZE"), a.maybe_num("MOST")) {
        (Some(min), _, _) => Sizes::LongTail { min, max: a.get_num("LONGEST") },
        (None, Some(min), Some(max)) => Sizes::Uniform { min, max },
        (None, Some(bytes), None) => Sizes::Fixed { bytes },
        (None, None, _) => usual.values,
    };
    let pace = match (a.maybe_num("THINK"), a.maybe_num("RATE")) {
        (Some(think_us), _) => Pace::Closed { think_us },
        (None, Some(per_second)) => Pace::Open { per_second },
        (None, None) => usual.pace,
    };
    Workload {
        clients: a.maybe_num("CLIENTS").unwrap_or(usual.clients),
        seeds: a.get_names("NODE"),
        pace,
        pipeline: a.maybe_num("PIPELINE").unwrap_or(usual.pipeline),
        operations_max: a.maybe_num("OPERATIONS").unwrap_or(usual.operations_max),
        keys: Keys {
            count: a.maybe_num("KEYS").unwrap_or(usual.keys.count),
            prefix: a.maybe_text("PREFIX").unwrap_or(usual.keys.prefix),
            distribution,
        },
        values,
        read_percent: a.maybe_num("READS").unwrap_or(usual.read_percent),
        mix,
        wait: a.maybe_num("COPIES").map(|replicas| Wait { replicas, timeout_ms: a.get_num("WAIT") }),
        read_from_replicas: a.has("replica-reads"),
        subscribers: a.maybe_num("SUBSCRIBERS").unwrap_or(usual.subscribers),
        channels: a.maybe_num("CHANNELS").unwrap_or(usual.channels),
        shard_channels: a.has("shard-channels"),
        timeout_ms: a.maybe_num("TIMEOUT").unwrap_or(usual.timeout_ms),
        retries_max: a.maybe_num("RETRIES").unwrap_or(usual.retries_max),
        backoff_ms: a.maybe_num("BACKOFF").unwrap_or(usual.backoff_ms),
        password: a.maybe_text("PASSWORD").unwrap_or(usual.password),
    }
}

/// The row and the arguments of a workload that begins.
pub(crate) fn line_of_workload(name: &str, workload: &Workload) -> (&'static str, Args) {
    let usual = Workload::default();
    let Workload {
        clients,
        seeds,
        pace,
        pipeline,
        operations_max,
        keys: Keys { count, prefix, distribution },
        values,
        read_percent,
        mix,
        wait,
        read_from_replicas,
        subscribers,
        channels,
        shard_channels,
        timeout_ms,
        retries_max,
        backoff_ms,
        password,
    } = workload;
    let other = |value: u64, usual: u64| Some(value).filter(|&v| v != usual);
    let other32 = |value: u32, usual: u32| other(value.into(), usual.into());
    let mut args = Args::new()
        .text("NAME", name)
        .opt_num("CLIENTS", other32(*clients, usual.clients))
        .opt_num("PIPELINE", other32(*pipeline, usual.pipeline))
        .opt_num("OPERATIONS", other(*operations_max, usual.operations_max))
        .opt_num("KEYS", other(*count, usual.keys.count))
        .opt_text("PREFIX", Some(prefix).filter(|p| **p != usual.keys.prefix))
        .opt_num("READS", other32((*read_percent).into(), usual.read_percent.into()))
        .flag("replica-reads", *read_from_replicas)
        .opt_num("SUBSCRIBERS", other32(*subscribers, usual.subscribers))
        .opt_num("CHANNELS", other32(*channels, usual.channels))
        .flag("shard-channels", *shard_channels)
        .opt_num("TIMEOUT", other32(*timeout_ms, usual.timeout_ms))
        .opt_num("RETRIES", other32(*retries_max, usual.retries_max))
        .opt_num("BACKOFF", other32(*backoff_ms, usual.backoff_ms))
        .opt_text("PASSWORD", Some(password).filter(|p| **p != usual.password));
    if !seeds.is_empty() {
        args = args.names("NODE", seeds);
    }
    if *pace != usual.pace {
        args = match *pace {
            Pace::Open { per_second } => args.num("RATE", per_second),
            Pace::Closed { think_us } => args.num("THINK", think_us),
        };
    }
    args = match *distribution {
        Distribution::Uniform => args,
        Distribution::Zipf { exponent_milli } => args.num("EXPONENT", exponent_milli),
        Distribution::HotSlot { slot, percent } => args.num("SLOT", slot).num("PERCENT", percent),
        Distribution::Sequential => args.flag("sequential", true),
    };
    if *values != usual.values {
        args = match *values {
            Sizes::Fixed { bytes } => args.num("SIZE", bytes),
            Sizes::Uniform { min, max } => args.num("SIZE", min).num("MOST", max),
            Sizes::LongTail { min, max } => args.num("SHORTEST", min).num("LONGEST", max),
        };
    }
    if *mix != usual.mix {
        let mut mix = *mix;
        for (weight, (_, name)) in weights(&mut mix).into_iter().zip(MIX) {
            args = args.opt_num(name, Some(*weight).filter(|&w| w > 0));
        }
        if MIX.iter().all(|(_, name)| args.get(name).is_none()) {
            args = args.num("STRINGS", 0);
        }
    }
    if let Some(Wait { replicas, timeout_ms }) = wait {
        args = args.num("COPIES", *replicas).num("WAIT", *timeout_ms);
    }
    ("workload", args)
}
