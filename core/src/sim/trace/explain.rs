//! What happened, in words.

use crate::sim::fault::{Action, Scope, Target};

/// An action in a few words.
pub fn action_words(action: &Action) -> String {
    use Action as A;
    match action {
        A::Fault { fault, for_us: None } => fault.words(),
        A::Fault { fault, for_us: Some(us) } => format!("{}, for {} s", fault.words(), *us as f64 / 1e6),
        A::EndFault { fault } => format!("fault {fault} is ended"),
        A::Heal { scope } => match scope {
            Scope::Everything => "everything is healed".to_string(),
            Scope::Network => "the network is healed".to_string(),
            Scope::Link { a, b } => format!("the link between {a} and {b} is healed"),
            Scope::Node { node } => format!("{node} is healed"),
            Scope::Process { node } => format!("the process of {node} is healed"),
            Scope::Clock { node } => format!("the clocks of {node} are healed"),
            Scope::Disk { node } => format!("the disk of {node} is healed"),
        },
        A::Start { node } => format!("{node} is started"),
        A::Resume { node } => format!("{node} goes on"),
        A::Restart { node, .. } => format!("{node} is restarted"),
        A::WipeDisk { node } => format!("the disk of {node} is wiped"),
        A::WriteConf { node, .. } => format!("{node} gets another redis.conf"),
        A::SyncDisk { node } => format!("the disk of {node} is synced"),
        A::FlipBits { node, .. } => format!("bits flip on the disk of {node}"),
        A::ResetConnections { link, .. } => {
            format!("connections between {} and {} are reset", link.a, link.b)
        }
        A::DropMessage { message, .. } => format!("message {message} is dropped"),
        A::DelayMessage { message, by_us } => {
            format!("message {message} is delayed by {} ms", *by_us as f64 / 1e3)
        }
        A::DuplicateMessage { message } => format!("message {message} is duplicated"),
        A::OpenTerminal { target: Target::Node(node) } => format!("a terminal to {node} is opened"),
        A::OpenTerminal { target: Target::Cluster } => "a terminal to the cluster is opened".to_string(),
        A::TypeLine { terminal, line } => format!("“{line}” is typed into terminal {terminal}"),
        A::Interrupt { terminal } => format!("Ctrl-C is pressed in terminal {terminal}"),
        A::AddClient { name } => format!("client {name} appears"),
        A::Connect { client, node } => format!("client {client} connects to {node}"),
        A::Send { client, bytes } => format!("client {client} sends {} bytes", bytes.len()),
        A::Disconnect { client } => format!("client {client} closes its connection"),
        A::StartWorkload { name, workload } => format!("the workload {name} begins: {workload}"),
        A::StopWorkload { name } => format!("the workload {name} is stopped"),
    }
}
