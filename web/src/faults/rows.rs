//! The faults of the page as one table. The palette, the menus, the keys and the tooltips are all made of these rows, and a row does
//! nothing but put a line of the language for scenarios together (docs/SCENARIO.md): what the simulator can do is said there.
//!
//! In a line, `{node}`, `{a}`, `{b}`, `{nodes}` and `{message}` are what the row is about, `{0}`, `{1}` … its arguments, and `{for}`
//! its duration. What stands in brackets is left out when the argument in it is empty. A line that begins with `@` and the name of
//! a set is run for each member, ` & ` parts the lines of one round, and a row of several lines runs them in order.

use super::{Arg, Asks, Family, Fit, On, Row};

use Family::{Clock, Compound, Disk, Heal, Message, Network, Process};

const fn row(
    family: Family,
    on: On,
    icon: &'static str,
    name: &'static str,
    line: &'static str,
    args: &'static [Arg],
    help: &'static str,
) -> Row {
    Row { family, on, fit: Fit::Any, icon, name, line, args, help, key: None, shown: false }
}

const fn free(name: &'static str, hint: &'static str, presets: &'static [&'static str]) -> Arg {
    Arg { name, asks: Asks::Text { hint, presets } }
}

const fn pick(name: &'static str, of: &'static [(&'static str, &'static str)]) -> Arg {
    Arg { name, asks: Asks::Choice(of) }
}

const WAY: Arg = pick("Direction", &[("", "both ways"), ("forward", "{a} → {b}"), ("backward", "{b} → {a}")]);
const ONE_WAY: Arg = pick("Direction", &[("forward", "{a} → {b}"), ("backward", "{b} → {a}")]);
const KEEPING: Arg = pick(
    "Of what was not fsynced",
    &[
        ("", "all is lost"),
        ("kept", "all is kept"),
        ("prefix", "the front is kept"),
        ("subset", "some pages are kept"),
        ("torn", "some sectors are kept"),
    ],
);
const CHANNEL: Arg =
    pick("Connections", &[("", "all"), ("resp", "clients and replication"), ("bus", "the bus")]);
const FACTOR: Arg = free("Times as long", "a factor such as 10x", &["10x", "100x", "1000x"]);
const CONF: Arg = Arg { name: "redis.conf", asks: Asks::Conf };
const FILE: Arg = free("Only in the file", "a path in the node's folder; empty for all", &[""]);

/// The rows, in the order in which they are shown.
#[rustfmt::skip] // one row a block reads as the table that it is
pub static ROWS: &[Row] = &[
    row(Process, On::Node, "i-bolt", "Crash (power loss)", "crash {node}[ keeping {0}]{for}", &[KEEPING],
        "The host loses power: memory is gone, and what was not fsynced.").fits(Fit::Powered).key("X").shown(),
    row(Process, On::Node, "i-kill", "Kill process", "kill {node}{for}", &[],
        "SIGKILL: memory is gone, what was written to files is safe with the kernel.").fits(Fit::There).key("K").shown(),
    row(Process, On::Node, "i-power", "Graceful shutdown", "shutdown {node}{for}", &[],
        "SIGTERM: Redis saves what it is configured to save and ends by itself.").fits(Fit::Up).shown(),
    row(Process, On::Node, "i-pause", "Pause", "pause {node}{for}", &[],
        "SIGSTOP: the process stands still while its host goes on.").fits(Fit::Up).key("P").shown(),
    row(Process, On::Node, "i-play", "Resume", "resume {node}", &[],
        "SIGCONT: the paused process goes on.").fits(Fit::Paused).key("P"),
    row(Process, On::Node, "i-play", "Start", "start {node}", &[],
        "Gives the host power, if it has none, and starts the process.").fits(Fit::Down),
    row(Process, On::Node, "i-restart", "Restart", "restart {node}", &[],
        "SIGTERM, and a start once the process has ended.").fits(Fit::There).shown(),
    row(Process, On::Node, "i-empty", "Restart on an empty disk", "restart {node} empty-disk", &[],
        "The process ends, everything but its redis.conf is deleted, and it starts."),
    row(Process, On::Node, "i-conf", "Restart with another redis.conf", "restart {node} conf {0}", &[CONF],
        "The process ends and starts with this redis.conf."),
    row(Process, On::Node, "i-cpu", "Slow processor", "slow-cpu {node} {0}{for}", &[FACTOR],
        "What the process computes takes so many times as long.").shown(),
    row(Process, On::Node, "i-conf", "Write another redis.conf", "write-conf {node} {0}", &[CONF],
        "It counts from the next start on."),
    row(Process, On::Node, "i-empty", "Wipe the disk", "wipe {node}", &[],
        "Takes everything but redis.conf off the disk.").fits(Fit::Down),

    row(Network, On::Node, "i-isolate", "Isolate", "partition {node}{for}", &[],
        "No other node reaches it; clients do.").fits(Fit::Reached).key("I").shown(),
    row(Network, On::Nodes, "i-wall", "Partition wall", "partition {nodes}{for}", &[],
        "These nodes and all others cannot reach each other. | parts several groups.").key("W").shown(),
    row(Network, On::Nodes, "i-wall1", "One-way wall", "partition one-way {nodes}{for}", &[],
        "What these nodes send arrives; nothing gets back to them.").shown(),
    row(Network, On::Link, "i-cut", "Cut a link", "cut {a} {b}[ {0}]{for}", &[WAY],
        "Nothing gets through. TCP tries again, ever less often, and gives up in the end.").shown(),
    row(Network, On::Link, "i-oneway", "Cut one direction", "cut {a} {b} {0}{for}", &[ONE_WAY],
        "Nothing gets through one way; the other stays open.").shown(),
    row(Network, On::Link, "i-clamp", "Hold and release", "hold {a} {b}[ {0}]{for}", &[WAY],
        "Everything is held back; at the end all of it arrives at once, in order.").shown(),
    row(Network, On::Link, "i-delay", "Delay", "latency {a} {b}[ {1}] {0}{for}",
        &[free("Longer by", "a time such as 40ms", &["40ms", "200ms", "2s"]), WAY],
        "Every segment takes so much longer.").shown(),
    row(Network, On::Link, "i-delay", "Delay with jitter", "latency {a} {b}[ {2}] from {0} to {1}{for}",
        &[free("From", "a time such as 1ms", &["1ms"]), free("To", "a time such as 50ms", &["50ms", "1s"]), WAY],
        "Every segment takes longer, by something between two times."),
    row(Network, On::Link, "i-delay", "Delay, bell curve", "latency {a} {b}[ {2}] normal {0} {1}{for}",
        &[free("Mean", "a time such as 20ms", &["20ms"]), free("Deviation", "a time such as 5ms", &["5ms"]), WAY],
        "Every segment takes longer, mostly by about the mean."),
    row(Network, On::Link, "i-delay", "Delay, long tail", "latency {a} {b}[ {2}] pareto {0} {1}{for}",
        &[free("Least", "a time such as 1ms", &["1ms"]), free("Exponent", "a number such as 1.5; the smaller, the longer the tail", &["1.5", "1.1", "3"]), WAY],
        "Every segment takes longer: mostly little more than the least, seldom very much more."),
    row(Network, On::Link, "i-loss", "Loss", "loss {a} {b}[ {1}] {0}{for}",
        &[free("Share", "a share such as 2%", &["2%", "20%", "50%"]), WAY],
        "A share of the segments is lost; TCP sends them again.").shown(),
    row(Network, On::Link, "i-width", "Bandwidth", "bandwidth {a} {b}[ {1}] {0}{for}",
        &[free("Bytes a second", "a size such as 64KiB", &["64KiB", "1KiB", "1MiB"]), WAY],
        "Each direction carries no more than so many bytes a second.").shown(),
    row(Network, On::Link, "i-dup", "Duplicate", "duplicate {a} {b}[ {1}] {0}{for}",
        &[free("Share", "a share such as 10%", &["10%", "50%"]), WAY],
        "A share of the segments arrives twice; TCP discards the copy.").shown(),
    row(Network, On::Link, "i-reorder", "Reorder", "reorder {a} {b}[ {2}] {0} by {1}{for}",
        &[free("Share", "a share such as 5%", &["5%", "30%"]), free("Late by", "a time such as 30ms", &["30ms"]), WAY],
        "A share of the segments comes later and is overtaken by others.").shown(),
    row(Network, On::Link, "i-reset", "Reset connections", "reset {a} {b}[ {1}][ {0}]", &[CHANNEL, WAY],
        "Both ends read ECONNRESET, as when a firewall forgets its connections.").shown(),

    row(Disk, On::Node, "i-dslow", "Slow disk", "disk-slow {node} {0}{for}", &[FACTOR],
        "Everything on the disk takes so many times as long.").shown(),
    row(Disk, On::Node, "i-dfull", "Full disk", "disk-full {node}[ leaving {0}]{for}",
        &[free("Leaving", "a size such as 64KiB; empty for nothing", &["", "4KiB", "64KiB"])],
        "No more bytes fit on the disk (ENOSPC).").shown(),
    row(Disk, On::Node, "i-lock", "Read-only disk", "disk-readonly {node}{for}", &[],
        "Every change of the disk fails (EROFS).").shown(),
    row(Disk, On::Node, "i-dsync", "Disk errors", "disk-errors {node} {0}[ file {2}][ times {1}]{for}",
        &[pick("What fails", &[("fsync", "fsyncs"), ("write", "writes"), ("read", "reads"), ("read write fsync", "everything")]),
          free("Next", "how many times; empty for always", &["1", ""]), FILE],
        "Operations fail with an input/output error (EIO).").shown(),
    row(Disk, On::Node, "i-stall", "Stalled disk", "disk-stall {node}{for}", &[],
        "Nothing on the disk completes; at the end all of it does.").shown(),
    row(Disk, On::Node, "i-lie", "Fsync lies", "fsync-lies {node}{for}", &[],
        "The device says that what was fsynced is durable, and it is not.").shown(),
    row(Disk, On::Node, "i-rename", "Renames are lost", "lose-renames {node}{for}", &[],
        "A loss of power brings old file names back.").shown(),
    row(Disk, On::Node, "i-torn", "Crash with a torn write", "crash {node} keeping torn{for}", &[],
        "The host loses power, and of what was not fsynced some sectors got to the disk.").fits(Fit::Powered).shown(),
    row(Disk, On::Node, "i-flip", "Flip bits", "flip-bits {node}[ file {1}][ at {2}][ bit {3}][ count {0}]",
        &[free("How many", "a number; empty with a place", &["1", "100"]), FILE, free("At byte", "an offset; empty for chance", &[""]),
          free("Bit", "0 to 7; empty for 0", &[""])],
        "Bits of files at rest flip on the device; the next read shows it.").shown(),
    row(Disk, On::Node, "i-safe", "Sync the disk", "disk-sync {node}", &[],
        "The kernel writes back at once what it would write back in a while."),

    row(Clock, On::Node, "i-jump", "Jump", "clock-jump {node} {0}{for}",
        &[free("By", "a time with its sign such as -30s", &["+30s", "-30s", "+1h"])],
        "The wall clock is set forward or back.").shown(),
    row(Clock, On::Node, "i-drift", "Rate", "clock-rate {node} {0}{for}",
        &[free("Times as fast", "a factor such as 0.3x", &["0.3x", "2x", "10x"])],
        "Both clocks run at another rate.").shown(),
    row(Clock, On::Node, "i-freeze", "Freeze", "clock-freeze {node}[ {0}]{for}",
        &[pick("Which", &[("", "both clocks, and every timer"), ("wall-only", "the wall clock only")])],
        "The clocks stand still.").shown(),

    row(Message, On::Message, "i-loss", "Drop", "drop {message}", &[],
        "It is lost; TCP sends it again after a while, and what comes behind it waits."),
    row(Message, On::Message, "i-reset", "Drop, with its connection", "drop {message} reset", &[],
        "It is lost for good: its connection dies with it."),
    row(Message, On::Message, "i-delay", "Delay", "delay {message} {0}",
        &[free("By", "a time such as 500ms", &["500ms", "2s", "10s"])],
        "It arrives later, and so does what comes behind it in its connection."),
    row(Message, On::Message, "i-dup", "Duplicate", "double {message}", &[],
        "It arrives twice; TCP discards the copy."),
    row(Message, On::Message, "i-next", "Let it arrive", "run until {b}", &[],
        "Time goes on to the instant at which it arrives."),

    row(Compound, On::World, "i-bolt", "Lose the majority of masters", "@most crash {node}{for}", &[],
        "More than half of the masters lose power at once: nobody is left to elect replicas."),
    row(Compound, On::World, "i-power", "Power cut in the whole data centre", "@powered crash {node}[ keeping {0}]{for}", &[KEEPING],
        "Every node loses power at the same instant."),
    row(Compound, On::World, "i-wall", "Minority partition", "partition minority{for}", &[],
        "Fewer than half of the masters are alone; the rest elect replicas in their place."),
    row(Compound, On::World, "i-wall", "Majority without replicas", "partition majority{for}", &[],
        "More than half of the masters are together, without a replica on their side."),
    row(Compound, On::World, "i-halves", "Split in halves", "partition halves{for}", &[],
        "Every second node is on one side."),
    row(Compound, On::Node, "i-fork", "Bridge node", "partition bridge {node}{for}", &[],
        "Two halves, and this node between them, which reaches both."),
    row(Compound, On::World, "i-cut", "Cut all replication", "@links cut {a} {b}{for}", &[],
        "No master reaches its replicas; all else goes on."),
    row(Compound, On::World, "i-loss", "Flaky network everywhere",
        "loss * * {0}{for}\nlatency * * from 1ms to {1}{for}\nreorder * * 5% by 30ms{for}\nduplicate * * 1%{for}",
        &[free("Loss", "a share such as 2%", &["2%", "10%"]), free("Delay up to", "a time such as 50ms", &["50ms", "500ms"])],
        "Loss, jitter, reordering and duplicates on every link."),
    row(Compound, On::World, "i-restart", "Rolling restart",
        "@there restart {node} & expect process {node} ended within 120s & expect whole within 120s", &[],
        "Restarts one node after the other, each time waiting until the cluster is whole again. Heal everything calls it off."),
    row(Compound, On::World, "i-dfull", "Full disk on all masters", "@masters disk-full {node}{for}", &[],
        "Masters cannot write their files; with an append-only file they refuse writes."),
    row(Compound, On::Node, "i-dslow", "Slow disk under appendfsync always",
        "say {node} CONFIG SET appendfsync always\ndisk-slow {node} {0}{for}", &[FACTOR],
        "Every write waits for its fsync, and fsyncs take long.").fits(Fit::Up),
    row(Compound, On::Node, "i-jump", "Clock jump on a master", "clock-jump {node} {0}{for}",
        &[free("By", "a time with its sign such as +1h", &["+1h", "-1h"])],
        "Keys with a TTL die before their time, or too late.").fits(Fit::Master),

    row(Heal, On::World, "i-check", "Heal everything", "heal", &[],
        "Ends every fault and starts every process that is gone."),
    row(Heal, On::World, "i-check", "Heal the network", "heal network", &[],
        "Ends all faults of links, and every partition."),
    row(Heal, On::Link, "i-check", "Heal this link", "heal link {a} {b}", &[],
        "Ends the faults of this link, in both directions."),
    row(Heal, On::Node, "i-check", "Heal this node", "heal node {node}", &[],
        "Ends the faults of its process, its clocks and its disk."),
    row(Heal, On::Node, "i-check", "Heal its process", "heal process {node}", &[],
        "Ends the faults of its process."),
    row(Heal, On::Node, "i-check", "Heal its disk", "heal disk {node}", &[],
        "Ends the faults of its disk; what was lost stays lost."),
    row(Heal, On::Node, "i-check", "Heal its clocks", "heal clock {node}", &[],
        "Ends the faults of its clocks."),
];
