//! `redis-cli --cluster`: what an operator does to a cluster with one command, as a client of the world (redis-cli.c 7.0.15, the
//! functions `clusterManager…`), with redis-cli's output to the letter.
//!
//! The original is a straight program that waits for replies and for answers of its user. Here nothing may wait: a world is a value
//! that is cloned for checkpoints, in the middle of a reshard too. So the program is cut into *phases*, plain functions that run
//! from their beginning whenever something has come in. What came in so far stands in a log; a phase finds its replies there in the order
//! in which it asks, stops at the first that is missing ([`Stop::Wait`]) and works on a copy of the [`State`], which takes the
//! place of the old one when the phase is over and its log is thrown away. A phase is short (one slot, one node), so running it again is cheap,
//! and it reads as the original does.
//!
//! | file | what it has |
//! |---|---|
//! | `run.rs` | phases, their log, what is printed |
//! | `options.rs` | the command line |
//! | `nodes.rs` | what CLUSTER NODES says of a node |
//! | `check.rs` | `info`, `check`, `call`, `set-timeout`, and how a cluster is read |
//! | `fix.rs` | `fix` |
//! | `shift.rs` | `reshard`, `rebalance`, and how a slot is moved |
//! | `grow.rs` | `create`, `add-node`, `del-node` |
//!
//! Three things differ. A node that does not answer is given up after a while instead of never. The tool has one connection at a time. And
//! `create` need not spread replicas over hosts: every node of a world has one of its own.

mod check;
mod fix;
mod grow;
mod nodes;
mod options;
mod run;
mod shift;

pub(crate) use options::{Options, help};
pub(crate) use run::{ClusterCli, Event, Wish};

use nodes::Addr;
use run::{Cx, Go, Next, State};

/// The first phase: which command it is.
fn begin(cx: &mut Cx<'_>, state: &mut State) -> Go {
    let options = state.options.clone();
    let args = &options.args;
    let (arity, first): (i64, run::Phase) = match options.command.as_str() {
        "create" => (-2, grow::create),
        "check" | "fix" => (-1, check::check_command),
        "info" => (-1, check::info_command),
        "reshard" => (-1, shift::reshard),
        "rebalance" => (-1, shift::rebalance),
        "add-node" => (2, grow::add_node),
        "del-node" => (2, grow::del_node),
        "call" => (-2, check::call),
        "set-timeout" => (2, check::set_timeout),
        "import" | "backup" => {
            cx.err(if options.command == "import" {
                "import copies from a server outside the cluster, and every node of this world is in it. `RESTORE` and `MIGRATE` work.\n"
            } else {
                "backup writes files on the operator's own computer, which this world does not have. `BGSAVE` works on every node.\n"
            });
            return Ok(Next::End);
        }
        "help" => {
            cx.say(help());
            return Ok(Next::End);
        }
        _ => {
            cx.err("Unknown --cluster subcommand\n");
            return Ok(Next::End);
        }
    };
    // As in the original, -2 asks for two and create for one is refused below.
    let argc = args.len() as i64;
    if (arity > 0 && argc != arity) || (arity < 0 && argc < -arity) {
        cx.err("[ERR] Wrong number of arguments for specified --cluster sub command\n");
        return Ok(Next::End);
    }
    Ok(Next::Go(first))
}

/// The host that a command begins with, `ip:port` or `ip port`; says so if there is none.
fn host_of(cx: &mut Cx<'_>, args: &[String]) -> Option<Addr> {
    let addr = match args {
        [one] => Addr::parse(one).map(|(addr, _)| addr),
        [ip, port, ..] => {
            Some(Addr { ip: ip.clone(), port: u16::try_from(options::atoi(port)).unwrap_or(0) })
        }
        [] => None,
    };
    let addr = addr.filter(|addr| addr.port != 0);
    if addr.is_none() {
        cx.err(
            "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP and \
             port (ie. 120.0.0.1 7000)\n",
        );
    }
    addr
}
