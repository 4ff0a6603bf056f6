//! The rows of everything that can be done to a world, and the line of every action.
//!
//! [`line_of_action`] matches without a catch-all: a new kind of action or fault does not compile without a line.

use super::grammar::{Args, Group, Kind, Part, Verb};
use super::{Command, TimeCommand, Whom};
use crate::sim::disk::Unsynced;
use crate::sim::fault::{Action, Delay, Direction, EioOn, Fault, Link, Scope, Shape, Target};
use crate::sim::trace::{Channel, TraceClass};

use Part::{Arg, Opt, Word};

const NODE: Part = Arg("NODE", Kind::Node);
const A: Part = Arg("A", Kind::Host);
const B: Part = Arg("B", Kind::Host);
const DIRECTION: &[(&str, &str)] = &[
    ("forward", "only from the first host to the second"),
    ("backward", "only from the second host to the first"),
];
const DIR: Part = Opt(&[Arg("direction", Kind::Choice(DIRECTION))]);
const FOR: Part = Opt(&[Word("for"), Arg("TIME", Kind::Time)]);
const SHARE: Part = Arg("SHARE", Kind::Share);
const N: Part = Arg("N", Kind::Number(u32::MAX as u64));
const KEEPING: &[(&str, &str)] = &[
    ("lost", "nothing that was not synced is kept"),
    ("kept", "everything is kept"),
    ("prefix", "the front of each file is kept, as far as chance has it"),
    ("subset", "any page may be kept or lost"),
    ("torn", "any sector may be kept or lost"),
];
const SHAPES: &[(&str, &str)] = &[
    ("halves", "every second node on one side"),
    ("minority", "fewer than half of the masters are alone, without their replicas"),
    ("majority", "more than half of the masters are together without a replica"),
];
const CHANNELS: &[(&str, &str)] = &[("resp", "clients and replication"), ("bus", "the cluster bus")];
const KINDS: &[(&str, &str)] = &[
    ("action", "something was done from outside, or a fault ended"),
    ("process", "a process began, stopped or ended"),
    ("role", "a node became a master or a replica"),
    ("opinion", "PFAIL, FAIL, or their end"),
    ("fail", "FAIL alone"),
    ("vote", "votes were asked for, given or received"),
    ("epoch", "an epoch changed"),
    ("slots", "slots changed their owner"),
    ("state", "the cluster ceased or began to serve"),
    ("replication", "a replication link changed, or a resynchronisation"),
    ("persistence", "files were loaded, or a save ended"),
    ("message", "bytes were sent or arrived"),
    ("dropped", "bytes were lost on their way"),
    ("connection", "a connection began or ended"),
    ("disk", "a disk operation"),
    ("command", "a client sent a command"),
    ("reply", "a client received a reply"),
    ("error", "an error reply, or a disk operation that failed"),
    ("log", "a line of a log"),
];
/// The same, as the trace has them.
const CLASSES: [TraceClass; KINDS.len()] = [
    TraceClass::Action,
    TraceClass::Process,
    TraceClass::Role,
    TraceClass::Opinion,
    TraceClass::Fail,
    TraceClass::Vote,
    TraceClass::Epoch,
    TraceClass::Slots,
    TraceClass::State,
    TraceClass::Replication,
    TraceClass::Persistence,
    TraceClass::Message,
    TraceClass::Dropped,
    TraceClass::Connection,
    TraceClass::Disk,
    TraceClass::Command,
    TraceClass::Reply,
    TraceClass::Error,
    TraceClass::Log,
];
const KIND: Part = Opt(&[Arg("kind", Kind::Choice(KINDS))]);

type Make = fn(&Args) -> Command;

const fn row(
    group: Group,
    key: &'static str,
    name: &'static str,
    parts: &'static [Part],
    help: &'static str,
    example: &'static str,
    make: Make,
) -> Verb {
    Verb { name, key, parts, group, help, example, make }
}

fn act(action: Action) -> Command {
    Command::Act(action)
}

fn fault(a: &Args, fault: Fault) -> Command {
    act(Action::Fault { fault, for_us: a.maybe_num("TIME") })
}

fn node(a: &Args) -> String {
    a.get_text("NODE")
}

fn link(a: &Args) -> Link {
    let dir = match a.maybe_text("direction").as_deref() {
        Some("forward") => Direction::Forward,
        Some("backward") => Direction::Backward,
        _ => Direction::Both,
    };
    Link { a: a.get_text("A"), b: a.get_text("B"), dir }
}

fn latency(a: &Args, delay: Delay) -> Command {
    fault(a, Fault::Latency { link: link(a), delay })
}

fn partition(a: &Args, shape: Shape) -> Command {
    fault(a, Fault::Partition { shape })
}

fn heal(scope: Scope) -> Command {
    act(Action::Heal { scope })
}

use Group as G;

/// The rows.
#[rustfmt::skip] // one row a block of three lines reads as the table that it is
pub(crate) static ROWS: &[Verb] = &[
    row(G::Clients, "say", "say", &[NODE, Arg("LINE", Kind::Rest)],
        "Types a line into the redis-cli of a node. `A1> LINE` is the same. $id(A1), $ip(A1), $port(A1) and $addr(A1) stand for what they name.",
        "A1> CLUSTER FAILOVER", |a| Command::Say { whom: Whom::Node(node(a)), line: a.get_text("LINE") }),
    row(G::Clients, "say-cluster", "say", &[Word("cluster"), Arg("LINE", Kind::Rest)],
        "Types a line into the redis-cli -c, which follows redirections. `cluster> LINE` is the same.",
        "cluster> SET color blue", |a| Command::Say { whom: Whom::Cluster, line: a.get_text("LINE") }),
    row(G::Clients, "say-each", "say", &[Word("each"), Arg("LINE", Kind::Rest)],
        "Types a line into the redis-cli of every node that runs. `each> LINE` is the same.",
        "each> CLUSTER FORGET $id(A1)", |a| Command::Say { whom: Whom::Each, line: a.get_text("LINE") }),
    row(G::Clients, "terminal", "terminal", &[NODE],
        "Opens another redis-cli to a node. Clients and terminals are numbered from 0 in the order in which they came; the operator who forms a cluster is the first.",
        "terminal A1", |a| act(Action::OpenTerminal { target: Target::Node(node(a)) })),
    row(G::Clients, "terminal-cluster", "terminal", &[Word("cluster")],
        "Opens another redis-cli -c.",
        "terminal cluster", |_| act(Action::OpenTerminal { target: Target::Cluster })),
    row(G::Clients, "type", "type", &[N, Arg("LINE", Kind::Rest)],
        "Types a line into a terminal, by its number.",
        "type 1 SET color blue", |a| act(Action::TypeLine { terminal: a.get_num("N"), line: a.get_text("LINE") })),
    row(G::Clients, "interrupt", "interrupt", &[N],
        "Presses Ctrl-C in a terminal.",
        "interrupt 1", |a| act(Action::Interrupt { terminal: a.get_num("N") })),
    row(G::Clients, "client", "client", &[Arg("NAME", Kind::Text)],
        "A plain client appears, with a host of its own. It sends bytes as they are, and is for tests.",
        "client probe", |a| act(Action::AddClient { name: a.get_text("NAME") })),
    row(G::Clients, "connect", "connect", &[N, NODE],
        "A plain client connects to a node.",
        "connect 1 A1", |a| act(Action::Connect { client: a.get_num("N"), node: node(a) })),
    row(G::Clients, "send", "send", &[N, Arg("BYTES", Kind::Bytes)],
        "A plain client sends bytes.",
        r#"send 1 "PING\r\n""#, |a| act(Action::Send { client: a.get_num("N"), bytes: a.get_bytes("BYTES") })),
    row(G::Clients, "disconnect", "disconnect", &[N],
        "A plain client closes its connection.",
        "disconnect 1", |a| act(Action::Disconnect { client: a.get_num("N") })),

    row(G::Process, "kill", "kill", &[NODE, FOR],
        "SIGKILL: the process is gone, and what it had written to files is safe with the kernel.",
        "kill A1", |a| fault(a, Fault::Kill { node: node(a) })),
    row(G::Process, "crash", "crash", &[NODE, Opt(&[Word("keeping"), Arg("keeping", Kind::Choice(KEEPING))]), FOR],
        "The host loses power: memory is gone, and so is what was not synced to the disk, but for what is kept by chance.",
        "crash A1 for 20s", |a| {
            let unsynced = match a.maybe_text("keeping").as_deref() {
                Some("kept") => Unsynced::Kept,
                Some("prefix") => Unsynced::Prefix,
                Some("subset") => Unsynced::Subset,
                Some("torn") => Unsynced::Torn,
                _ => Unsynced::Lost,
            };
            fault(a, Fault::PowerLoss { node: node(a), unsynced })
        }),
    row(G::Process, "crash-at", "crash", &[NODE, Word("keeping"), Arg("PATH", Kind::Text), Word("up"), Word("to"), Arg("SIZE", Kind::Size), FOR],
        "The host loses power, and of what was not synced the disk got this file up to this byte, and nothing else.",
        "crash A1 keeping appendonlydir/appendonly.aof.1.incr.aof up to 3410B for 20s",
        |a| fault(a, Fault::PowerLossAt { node: node(a), path: a.get_text("PATH"), end: a.get_num("SIZE") })),
    row(G::Process, "shutdown", "shutdown", &[NODE, FOR],
        "SIGTERM: Redis saves what it is configured to save and ends by itself.",
        "shutdown A1", |a| fault(a, Fault::Shutdown { node: node(a) })),
    row(G::Process, "pause", "pause", &[NODE, FOR],
        "SIGSTOP: the process stands still while its host goes on.",
        "pause A1 for 8s", |a| fault(a, Fault::Pause { node: node(a) })),
    row(G::Process, "resume", "resume", &[NODE],
        "SIGCONT: a paused process goes on.",
        "resume A1", |a| act(Action::Resume { node: node(a) })),
    row(G::Process, "slow-cpu", "slow-cpu", &[NODE, Arg("FACTOR", Kind::Times), FOR],
        "What the process computes takes so many times as long.",
        "slow-cpu A1 10x for 30s", |a| fault(a, Fault::SlowCpu { node: node(a), factor: a.get_num("FACTOR") })),
    row(G::Process, "start", "start", &[NODE],
        "Gives the host power, if it has none, and starts the process.",
        "start A1", |a| act(Action::Start { node: node(a) })),
    row(G::Process, "restart", "restart", &[NODE, Opt(&[Word("conf"), Arg("CONF", Kind::Block)]), Opt(&[Word("empty-disk")])],
        "SIGTERM, and a start once the process has ended: with another redis.conf, or on an empty disk.",
        "restart A1 empty-disk", |a| act(Action::Restart {
            node: node(a), conf: a.maybe_text("CONF"), empty_disk: a.has("empty-disk"),
        })),
    row(G::Process, "write-conf", "write-conf", &[NODE, Arg("CONF", Kind::Block)],
        "Writes another redis.conf to the disk of a node; it counts from the next start on.",
        r#"write-conf A1 "port 7001\nappendonly yes\n""#, |a| act(Action::WriteConf { node: node(a), conf: a.get_text("CONF") })),
    row(G::Process, "wipe", "wipe", &[NODE],
        "Takes everything but redis.conf off the disk of a node that does not run.",
        "wipe A1", |a| act(Action::WipeDisk { node: node(a) })),

    row(G::Network, "cut", "cut", &[A, B, DIR, FOR],
        "Nothing gets from one host to the other. TCP tries again, ever less often, and gives up in the end. `*` is every other host.",
        "cut A1 B1 forward for 10s", |a| fault(a, Fault::Cut { link: link(a) })),
    row(G::Network, "hold", "hold", &[A, B, DIR, FOR],
        "Holds everything back between two hosts; at the end all of it arrives at once, in order.",
        "hold A1 A2 for 3s", |a| fault(a, Fault::Hold { link: link(a) })),
    row(G::Network, "loss", "loss", &[A, B, DIR, SHARE, FOR],
        "A share of the segments is lost; TCP sends them again.",
        "loss A1 * 2%", |a| fault(a, Fault::Loss { link: link(a), ppm: a.get_num("SHARE") })),
    row(G::Network, "latency", "latency", &[A, B, DIR, Arg("DELAY", Kind::Time), FOR],
        "Every segment takes so much longer.",
        "latency A1 B1 200ms", |a| latency(a, Delay::Fixed { us: a.get_num("DELAY") })),
    row(G::Network, "latency-uniform", "latency", &[A, B, DIR, Word("from"), Arg("LEAST", Kind::Time), Word("to"), Arg("MOST", Kind::Time), FOR],
        "Every segment takes longer by something between two times.",
        "latency A1 * from 1ms to 50ms", |a| latency(a, Delay::Uniform { min_us: a.get_num("LEAST"), max_us: a.get_num("MOST") })),
    row(G::Network, "latency-normal", "latency", &[A, B, DIR, Word("normal"), Arg("MEAN", Kind::Time), Arg("DEVIATION", Kind::Time), FOR],
        "Every segment takes longer, by a bell curve.",
        "latency A1 B1 normal 20ms 5ms", |a| latency(a, Delay::Normal { mean_us: a.get_num("MEAN"), sd_us: a.get_num("DEVIATION") })),
    row(G::Network, "latency-pareto", "latency", &[A, B, DIR, Word("pareto"), Arg("LEAST", Kind::Time), Arg("ALPHA", Kind::Thousandths), FOR],
        "Every segment takes longer: mostly by little more than the least time, seldom by very much more. The smaller ALPHA, the longer the tail.",
        "latency A1 B1 pareto 1ms 1.5", |a| latency(a, Delay::Pareto { least_us: a.get_num("LEAST"), alpha_milli: a.get_num("ALPHA") })),
    row(G::Network, "bandwidth", "bandwidth", &[A, B, DIR, Arg("RATE", Kind::Rate), FOR],
        "Each direction carries no more than so many bytes a second.",
        "bandwidth A1 A2 64KiB for 30s", |a| fault(a, Fault::Bandwidth { link: link(a), bytes_per_s: a.get_num("RATE") })),
    row(G::Network, "duplicate", "duplicate", &[A, B, DIR, SHARE, FOR],
        "A share of the segments arrives twice; TCP discards the copy.",
        "duplicate A1 B1 10%", |a| fault(a, Fault::Duplicate { link: link(a), ppm: a.get_num("SHARE") })),
    row(G::Network, "reorder", "reorder", &[A, B, DIR, SHARE, Word("by"), Arg("LATE", Kind::Time), FOR],
        "A share of the segments comes later, and is overtaken by others.",
        "reorder A1 B1 5% by 30ms", |a| fault(a, Fault::Reorder { link: link(a), ppm: a.get_num("SHARE"), by_us: a.get_num("LATE") })),
    row(G::Network, "partition-shape", "partition", &[Arg("shape", Kind::Choice(SHAPES)), FOR],
        "Parts the nodes in a usual way, by what they are when it begins.",
        "partition minority for 20s", |a| partition(a, match a.get_text("shape").as_str() {
            "halves" => Shape::Halves,
            "minority" => Shape::Minority,
            _ => Shape::Majority,
        })),
    row(G::Network, "partition-bridge", "partition", &[Word("bridge"), Opt(&[NODE]), FOR],
        "Two halves, and one node between them that reaches both.",
        "partition bridge C2", |a| partition(a, Shape::Bridge { node: a.maybe_text("NODE") })),
    row(G::Network, "partition-one-way", "partition", &[Word("one-way"), Arg("HOST", Kind::Groups), FOR],
        "What earlier groups send reaches later ones, and nothing gets back.",
        "partition one-way A1 | B1 C1", |a| partition(a, Shape::OneWay { groups: a.get_groups("HOST") })),
    row(G::Network, "partition", "partition", &[Arg("HOST", Kind::Groups), FOR],
        "Hosts of different groups cannot reach each other; hosts in no group reach all.",
        "partition A1 | B1 C1 A2 B2 C2 for 15s", |a| partition(a, Shape::Groups { groups: a.get_groups("HOST") })),
    row(G::Network, "reset", "reset", &[A, B, DIR, Opt(&[Arg("channel", Kind::Choice(CHANNELS))])],
        "Something between two hosts resets their connections.",
        "reset A1 A2 resp", |a| act(Action::ResetConnections {
            link: link(a),
            channel: match a.maybe_text("channel").as_deref() {
                Some("resp") => Some(Channel::Resp),
                Some("bus") => Some(Channel::Bus),
                _ => None,
            },
        })),
    row(G::Network, "drop", "drop", &[Arg("MESSAGE", Kind::Number(u64::MAX)), Opt(&[Word("reset")])],
        "A message in flight, by its number, is lost; TCP sends it again, unless its connection dies with it (reset).",
        "drop 812 reset", |a| act(Action::DropMessage { message: a.get_num("MESSAGE"), reset: a.has("reset") })),
    row(G::Network, "delay", "delay", &[Arg("MESSAGE", Kind::Number(u64::MAX)), Arg("LATE", Kind::Time)],
        "A message in flight, and what comes behind it in its connection, arrives later.",
        "delay 812 500ms", |a| act(Action::DelayMessage { message: a.get_num("MESSAGE"), by_us: a.get_num("LATE") })),
    row(G::Network, "double", "double", &[Arg("MESSAGE", Kind::Number(u64::MAX))],
        "A message in flight arrives twice.",
        "double 812", |a| act(Action::DuplicateMessage { message: a.get_num("MESSAGE") })),

    row(G::Disk, "disk-full", "disk-full", &[NODE, Opt(&[Word("leaving"), Arg("SIZE", Kind::Size)]), FOR],
        "No more bytes fit on the disk, but for what is left over, in pages of 4 KiB.",
        "disk-full A1 leaving 64KiB", |a| fault(a, Fault::DiskFull { node: node(a), free_bytes: a.get_num("SIZE") })),
    row(G::Disk, "disk-readonly", "disk-readonly", &[NODE, FOR],
        "Every change of the disk fails (EROFS).",
        "disk-readonly A1 for 10s", |a| fault(a, Fault::DiskReadOnly { node: node(a) })),
    row(G::Disk, "disk-errors", "disk-errors", &[
            NODE, Opt(&[Word("read")]), Opt(&[Word("write")]), Opt(&[Word("fsync")]), Opt(&[Word("file"), Arg("PATH", Kind::Text)]),
            Opt(&[Word("times"), Arg("COUNT", Kind::Number(u32::MAX as u64))]), FOR],
        "Reads, writes or fsyncs fail (EIO): of all files or of one, always or so many times.",
        "disk-errors A1 fsync times 1", |a| fault(a, Fault::DiskEio { node: node(a), on: EioOn {
            read: a.has("read"), write: a.has("write"), fsync: a.has("fsync"), path: a.maybe_text("PATH"), count: a.maybe_num("COUNT"),
        } })),
    row(G::Disk, "disk-slow", "disk-slow", &[NODE, Arg("FACTOR", Kind::Times), FOR],
        "Everything on the disk takes so many times as long.",
        "disk-slow A1 100x for 20s", |a| fault(a, Fault::DiskSlow { node: node(a), factor: a.get_num("FACTOR") })),
    row(G::Disk, "disk-stall", "disk-stall", &[NODE, FOR],
        "Nothing on the disk completes; at the end all of it does.",
        "disk-stall A1 for 5s", |a| fault(a, Fault::DiskStall { node: node(a) })),
    row(G::Disk, "fsync-lies", "fsync-lies", &[NODE, FOR],
        "The device says that what was synced is durable, and it is not.",
        "fsync-lies A1", |a| fault(a, Fault::FsyncLies { node: node(a) })),
    row(G::Disk, "lose-renames", "lose-renames", &[NODE, FOR],
        "Renames do not become durable: a loss of power brings the old names back.",
        "lose-renames A1", |a| fault(a, Fault::LostRename { node: node(a) })),
    row(G::Disk, "disk-sync", "disk-sync", &[NODE],
        "The kernel writes back at once what it would write back in a while.",
        "disk-sync A1", |a| act(Action::SyncDisk { node: node(a) })),
    row(G::Disk, "flip-bits", "flip-bits", &[
            NODE, Opt(&[Word("file"), Arg("PATH", Kind::Text)]), Opt(&[Word("at"), Arg("OFFSET", Kind::Number(u64::MAX))]),
            Opt(&[Word("bit"), Arg("BIT", Kind::Number(u8::MAX as u64))]), Opt(&[Word("count"), Arg("COUNT", Kind::Number(u32::MAX as u64))])],
        "Bits of a file at rest flip: bit 0 to 7 of the byte at an offset, or so many at random places.",
        "flip-bits A1 file dump-1.rdb at 100 bit 3", |a| act(Action::FlipBits {
            node: node(a), path: a.maybe_text("PATH"), offset: a.maybe_num("OFFSET"), bit: a.get_num("BIT"), count: a.get_num("COUNT"),
        })),

    row(G::Clock, "clock-jump", "clock-jump", &[NODE, Arg("BY", Kind::SignedTime), FOR],
        "The wall clock is set forward or back.",
        "clock-jump A1 -30s", |a| fault(a, Fault::ClockJump { node: node(a), delta_us: a.get_num("BY") })),
    row(G::Clock, "clock-rate", "clock-rate", &[NODE, Arg("FACTOR", Kind::Factor), FOR],
        "Both clocks of a host run at another rate.",
        "clock-rate A1 1.5x", |a| fault(a, Fault::ClockDrift { node: node(a), rate_ppm: a.get_num("FACTOR") })),
    row(G::Clock, "clock-freeze", "clock-freeze", &[NODE, Opt(&[Word("wall-only")]), FOR],
        "Both clocks of a host stand still, and with them every timer of the process; or its wall clock only.",
        "clock-freeze A1 for 10s", |a| fault(a, Fault::ClockFreeze { node: node(a), wall_only: a.has("wall-only") })),

    row(G::Healing, "heal", "heal", &[],
        "Ends every fault. Processes that are gone are started.",
        "heal", |_| heal(Scope::Everything)),
    row(G::Healing, "heal-network", "heal", &[Word("network")],
        "Ends all faults of links, and every partition.",
        "heal network", |_| heal(Scope::Network)),
    row(G::Healing, "heal-link", "heal", &[Word("link"), A, B],
        "Ends the faults of one link, in both directions.",
        "heal link A1 B1", |a| heal(Scope::Link { a: a.get_text("A"), b: a.get_text("B") })),
    row(G::Healing, "heal-node", "heal", &[Word("node"), NODE],
        "Ends the faults of a node: of its process, its clocks and its disk.",
        "heal node A1", |a| heal(Scope::Node { node: node(a) })),
    row(G::Healing, "heal-process", "heal", &[Word("process"), NODE],
        "Ends the faults of a node's process.",
        "heal process A1", |a| heal(Scope::Process { node: node(a) })),
    row(G::Healing, "heal-clock", "heal", &[Word("clock"), NODE],
        "Ends the faults of a node's clocks.",
        "heal clock A1", |a| heal(Scope::Clock { node: node(a) })),
    row(G::Healing, "heal-disk", "heal", &[Word("disk"), NODE],
        "Ends the faults of a node's disk; what was lost stays lost.",
        "heal disk A1", |a| heal(Scope::Disk { node: node(a) })),
    row(G::Healing, "end", "end", &[Arg("FAULT", Kind::Number(u32::MAX as u64))],
        "Ends one fault, by its number in the list of active faults.",
        "end 3", |a| act(Action::EndFault { fault: a.get_num("FAULT") })),

    row(G::Time, "run-for", "run", &[Word("for"), Arg("TIME", Kind::Time)],
        "Lets virtual time pass.",
        "run for 10s", |a| Command::Time(TimeCommand::RunFor { us: a.get_num("TIME") })),
    row(G::Time, "run-until", "run", &[Word("until"), Arg("TIME", Kind::Time), Opt(&[Word("event"), Arg("EVENT", Kind::Number(u64::MAX))])],
        "Lets virtual time pass up to an instant of the run; with `event`, until so many events have happened, which is exact.",
        "run until 60s", |a| Command::Time(TimeCommand::RunUntil { us: a.get_num("TIME"), event: a.maybe_num("EVENT") })),
    row(G::Time, "play", "play", &[],
        "Lets virtual time follow the wall clock. Typed live, not in files.",
        "play", |_| Command::Time(TimeCommand::Play)),
    row(G::Time, "stop", "stop", &[],
        "Holds virtual time. Typed live, not in files.",
        "stop", |_| Command::Time(TimeCommand::Stop)),
    row(G::Time, "speed", "speed", &[Arg("FACTOR", Kind::Factor)],
        "Virtual seconds for each second of the wall clock. Typed live, not in files.",
        "speed 0.1x", |a| Command::Time(TimeCommand::Speed { factor_ppm: a.get_num("FACTOR") })),
    row(G::Time, "step", "step", &[Opt(&[N])],
        "Lets one event happen, or so many. Typed live, not in files.",
        "step 10", |a| Command::Time(TimeCommand::Step { events: a.maybe_num("N").unwrap_or(1) })),
    row(G::Time, "back", "back", &[Opt(&[N])],
        "Goes back by one event, or so many. Typed live, not in files.",
        "back", |a| Command::Time(TimeCommand::Back { events: a.maybe_num("N").unwrap_or(1) })),
    row(G::Time, "goto", "goto", &[Arg("TIME", Kind::Time)],
        "Goes to an instant of the run, back or forward. Typed live, not in files.",
        "goto 12.5s", |a| Command::Time(TimeCommand::Goto { us: a.get_num("TIME") })),
    row(G::Time, "live", "live", &[],
        "Goes to the end of the run. Typed live, not in files.",
        "live", |_| Command::Time(TimeCommand::Live)),
    row(G::Time, "next", "next", &[KIND],
        "Lets time pass up to the next event of a kind, or to the next that the tape marks. Typed live, not in files.",
        "next vote", |a| Command::Time(TimeCommand::Next { what: event_kind(a) })),
    row(G::Time, "last", "last", &[KIND],
        "Goes back to the last event of a kind, or to the last that the tape marks. Typed live, not in files.",
        "last fail", |a| Command::Time(TimeCommand::Last { what: event_kind(a) })),
    row(G::Time, "branch", "branch", &[Arg("RUN", Kind::Number(u32::MAX as u64))],
        "Goes to the end of another run: whoever acts in the past begins one. The first is 0. Typed live, not in files.",
        "branch 1", |a| Command::Time(TimeCommand::Branch { number: a.get_num("RUN") })),
    row(G::Time, "again", "again", &[Arg("LINE", Kind::Rest)],
        "Goes back to a moment before the last fault, types a line into the terminal of each running node, and does again what was done \
         since: another future to compare with. Typed live, not in files.",
        "again CONFIG SET min-replicas-to-write 1", |a| Command::Again { line: a.get_text("LINE") }),

    row(G::Help, "help", "help", &[Opt(&[Arg("WORD", Kind::Text)])],
        "Says what there is, or how a command is written.",
        "help crash", |a| Command::Help { word: a.maybe_text("WORD") }),
];

fn with_link(link: &Link) -> Args {
    let dir = match link.dir {
        Direction::Both => None,
        Direction::Forward => Some("forward".to_string()),
        Direction::Backward => Some("backward".to_string()),
    };
    Args::new().text("A", &link.a).text("B", &link.b).opt_text("direction", dir.as_ref())
}

fn with_node(node: &str) -> Args {
    Args::new().text("NODE", node)
}

/// The row and the arguments of a fault.
fn line_of_fault(fault: &Fault) -> (&'static str, Args) {
    use Fault as F;
    match fault {
        F::Kill { node } => ("kill", with_node(node)),
        F::PowerLoss { node, unsynced } => {
            let kept = match unsynced {
                Unsynced::Lost => None,
                Unsynced::Kept => Some("kept"),
                Unsynced::Prefix => Some("prefix"),
                Unsynced::Subset => Some("subset"),
                Unsynced::Torn => Some("torn"),
            };
            ("crash", with_node(node).opt_text("keeping", kept.map(str::to_string).as_ref()))
        }
        F::PowerLossAt { node, path, end } => {
            ("crash-at", with_node(node).text("PATH", path).num("SIZE", *end))
        }
        F::Shutdown { node } => ("shutdown", with_node(node)),
        F::Pause { node } => ("pause", with_node(node)),
        F::SlowCpu { node, factor } => ("slow-cpu", with_node(node).num("FACTOR", *factor)),
        F::Cut { link } => ("cut", with_link(link)),
        F::Hold { link } => ("hold", with_link(link)),
        F::Loss { link, ppm } => ("loss", with_link(link).num("SHARE", *ppm)),
        F::Latency { link, delay } => {
            let args = with_link(link);
            match *delay {
                Delay::Fixed { us } => ("latency", args.num("DELAY", us)),
                Delay::Uniform { min_us, max_us } => {
                    ("latency-uniform", args.num("LEAST", min_us).num("MOST", max_us))
                }
                Delay::Normal { mean_us, sd_us } => {
                    ("latency-normal", args.num("MEAN", mean_us).num("DEVIATION", sd_us))
                }
                Delay::Pareto { least_us, alpha_milli } => {
                    ("latency-pareto", args.num("LEAST", least_us).num("ALPHA", alpha_milli))
                }
            }
        }
        F::Bandwidth { link, bytes_per_s } => ("bandwidth", with_link(link).num("RATE", *bytes_per_s)),
        F::Duplicate { link, ppm } => ("duplicate", with_link(link).num("SHARE", *ppm)),
        F::Reorder { link, ppm, by_us } => {
            ("reorder", with_link(link).num("SHARE", *ppm).num("LATE", *by_us))
        }
        F::Partition { shape } => match shape {
            Shape::Groups { groups } => ("partition", Args::new().groups("HOST", groups)),
            Shape::OneWay { groups } => ("partition-one-way", Args::new().groups("HOST", groups)),
            Shape::Halves => ("partition-shape", Args::new().text("shape", "halves")),
            Shape::Minority => ("partition-shape", Args::new().text("shape", "minority")),
            Shape::Majority => ("partition-shape", Args::new().text("shape", "majority")),
            Shape::Bridge { node } => ("partition-bridge", Args::new().opt_text("NODE", node.as_ref())),
        },
        F::ClockJump { node, delta_us } => ("clock-jump", with_node(node).num("BY", *delta_us)),
        F::ClockDrift { node, rate_ppm } => ("clock-rate", with_node(node).num("FACTOR", *rate_ppm)),
        F::ClockFreeze { node, wall_only } => ("clock-freeze", with_node(node).flag("wall-only", *wall_only)),
        F::DiskFull { node, free_bytes } => {
            ("disk-full", with_node(node).opt_num("SIZE", Some(*free_bytes).filter(|&n| n > 0)))
        }
        F::DiskReadOnly { node } => ("disk-readonly", with_node(node)),
        F::DiskEio { node, on: EioOn { read, write, fsync, path, count } } => (
            "disk-errors",
            with_node(node)
                .flag("read", *read)
                .flag("write", *write)
                .flag("fsync", *fsync)
                .opt_text("PATH", path.as_ref())
                .opt_num("COUNT", *count),
        ),
        F::DiskSlow { node, factor } => ("disk-slow", with_node(node).num("FACTOR", *factor)),
        F::DiskStall { node } => ("disk-stall", with_node(node)),
        F::FsyncLies { node } => ("fsync-lies", with_node(node)),
        F::LostRename { node } => ("lose-renames", with_node(node)),
    }
}

/// The row and the arguments of an action.
pub(crate) fn line_of_action(action: &Action) -> (&'static str, Args) {
    use Action as X;
    match action {
        X::Fault { fault, for_us } => {
            let (key, args) = line_of_fault(fault);
            (key, args.opt_num("TIME", *for_us))
        }
        X::EndFault { fault } => ("end", Args::new().num("FAULT", *fault)),
        X::Heal { scope } => match scope {
            Scope::Everything => ("heal", Args::new()),
            Scope::Network => ("heal-network", Args::new()),
            Scope::Link { a, b } => ("heal-link", Args::new().text("A", a).text("B", b)),
            Scope::Node { node } => ("heal-node", with_node(node)),
            Scope::Process { node } => ("heal-process", with_node(node)),
            Scope::Clock { node } => ("heal-clock", with_node(node)),
            Scope::Disk { node } => ("heal-disk", with_node(node)),
        },
        X::Start { node } => ("start", with_node(node)),
        X::Resume { node } => ("resume", with_node(node)),
        X::Restart { node, conf, empty_disk } => {
            ("restart", with_node(node).opt_text("CONF", conf.as_ref()).flag("empty-disk", *empty_disk))
        }
        X::WipeDisk { node } => ("wipe", with_node(node)),
        X::WriteConf { node, conf } => ("write-conf", with_node(node).text("CONF", conf)),
        X::SyncDisk { node } => ("disk-sync", with_node(node)),
        X::FlipBits { node, path, offset, bit, count } => (
            "flip-bits",
            with_node(node)
                .opt_text("PATH", path.as_ref())
                .opt_num("OFFSET", *offset)
                .opt_num("BIT", Some(*bit).filter(|&b| b > 0))
                .opt_num("COUNT", Some(*count).filter(|&c| c > 0)),
        ),
        X::ResetConnections { link, channel } => {
            let channel = channel.map(|c| match c {
                Channel::Resp => "resp".to_string(),
                Channel::Bus => "bus".to_string(),
            });
            ("reset", with_link(link).opt_text("channel", channel.as_ref()))
        }
        X::DropMessage { message, reset } => {
            ("drop", Args::new().num("MESSAGE", *message).flag("reset", *reset))
        }
        X::DelayMessage { message, by_us } => {
            ("delay", Args::new().num("MESSAGE", *message).num("LATE", *by_us))
        }
        X::DuplicateMessage { message } => ("double", Args::new().num("MESSAGE", *message)),
        X::OpenTerminal { target: Target::Node(node) } => ("terminal", with_node(node)),
        X::OpenTerminal { target: Target::Cluster } => ("terminal-cluster", Args::new()),
        X::TypeLine { terminal, line } => ("type", Args::new().num("N", *terminal).text("LINE", line)),
        X::Interrupt { terminal } => ("interrupt", Args::new().num("N", *terminal)),
        X::AddClient { name } => ("client", Args::new().text("NAME", name)),
        X::Connect { client, node } => ("connect", with_node(node).num("N", *client)),
        X::Send { client, bytes } => ("send", Args::new().num("N", *client).bytes("BYTES", bytes)),
        X::Disconnect { client } => ("disconnect", Args::new().num("N", *client)),
        X::StartWorkload { name, workload } => super::workload::line_of_workload(name, workload),
        X::StopWorkload { name } => ("workload-stop", Args::new().text("NAME", name)),
    }
}

/// The row and the arguments of a line for a terminal.
pub(crate) fn line_of_say(whom: &Whom, line: &str) -> (&'static str, Args) {
    let args = Args::new().text("LINE", line);
    match whom {
        Whom::Node(node) => ("say", args.text("NODE", node)),
        Whom::Cluster => ("say-cluster", args),
        Whom::Each => ("say-each", args),
    }
}

fn event_kind(args: &Args) -> Option<TraceClass> {
    let word = args.maybe_text("kind")?;
    KINDS.iter().position(|(w, _)| *w == word).map(|at| CLASSES[at])
}

fn kind_word(class: TraceClass) -> Option<String> {
    CLASSES.iter().position(|&c| c == class).map(|at| KINDS[at].0.to_string())
}

/// The row and the arguments of a command about time.
pub(crate) fn line_of_time(time: &TimeCommand) -> (&'static str, Args) {
    let args = Args::new();
    match *time {
        TimeCommand::RunFor { us } => ("run-for", args.num("TIME", us)),
        TimeCommand::RunUntil { us, event } => ("run-until", args.num("TIME", us).opt_num("EVENT", event)),
        TimeCommand::Play => ("play", args),
        TimeCommand::Stop => ("stop", args),
        TimeCommand::Speed { factor_ppm } => ("speed", args.num("FACTOR", factor_ppm)),
        TimeCommand::Step { events } => ("step", args.opt_num("N", Some(events).filter(|&n| n != 1))),
        TimeCommand::Back { events } => ("back", args.opt_num("N", Some(events).filter(|&n| n != 1))),
        TimeCommand::Goto { us } => ("goto", args.num("TIME", us)),
        TimeCommand::Live => ("live", args),
        TimeCommand::Next { what } => ("next", args.opt_text("kind", what.and_then(kind_word).as_ref())),
        TimeCommand::Last { what } => ("last", args.opt_text("kind", what.and_then(kind_word).as_ref())),
        TimeCommand::Branch { number } => ("branch", args.num("RUN", number)),
    }
}
