//! What a node's files would bring back, tried out: a second node on a copy of the disk, in no time at all.

use crate::event::Event;
use crate::host::{Input, Now, Output};
use crate::node::{Node, NodeOptions};
use crate::rng::Rng;
use crate::sim::disk::{Disk, DiskTrouble};

/// How many outputs a node makes at the most until it has loaded.
const OUTPUTS_MAX: usize = 10_000_000;

/// Loads a node's files as a process that starts now would, and gives the node with its data.
///
/// # Errors
/// What the log said last, if it does not come up.
pub(crate) fn load(conf: &str, disk: &Disk, now: Now) -> Result<Node, String> {
    let mut disk = disk.clone();
    disk.record_changes(false);
    disk.process_ended(0);
    disk.trouble = DiskTrouble::default();
    // The data alone is of interest: no cluster that could throw keys away, no master that could send others.
    let own = |line: &&str| {
        let word = line.trim_start().to_ascii_lowercase();
        !word.starts_with("replicaof") && !word.starts_with("slaveof") && !word.starts_with("cluster-enabled")
    };
    let conf_text = conf.lines().filter(own).collect::<Vec<_>>().join("\n");
    let options = NodeOptions {
        conf_text,
        conf_path: None,
        seed: 0,
        pid: 1,
        executable: String::new(),
        os: String::new(),
    };
    let mut node = Node::new(now, options)?;
    let mut rng = Rng::new(0);
    let mut last = String::new();
    for _ in 0..OUTPUTS_MAX {
        match node.poll_output(now) {
            Some(Output::Disk { op, request }) => {
                let (number, _) = disk.submit(&mut rng, 0, 0, op, 0, request);
                if let Some(done) = disk.complete(number) {
                    node.handle(now, Input::Disk { op, result: done.result });
                }
            }
            Some(Output::Event(Event::Ready { .. })) => return Ok(node),
            Some(Output::Log { text, .. }) => last = text,
            Some(Output::Exit { code }) => return Err(format!("exit code {code}: {last}")),
            Some(_) => {}
            None => return Err(format!("it waits for nothing: {last}")),
        }
    }
    Err("it never ends".to_string())
}
