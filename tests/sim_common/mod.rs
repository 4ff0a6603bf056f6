//! What the suites of the simulator share.

#![allow(dead_code)] // each suite uses its part

use vitrine_core::sim::{Action, Setup, Target, TermKind, World};

pub const SECOND: u64 = 1_000_000;

pub fn setup(seed: u64, conf: &str) -> Setup {
    let mut setup = Setup::six_nodes(seed);
    setup.nodes.truncate(1);
    setup.nodes[0].conf = format!("port 7001\n{conf}\n");
    setup.formation = None;
    setup
}

pub fn alone(conf: &str) -> World {
    let mut world = World::new(setup(1, conf)).unwrap();
    world.run_for(SECOND);
    world
}

pub fn act(world: &mut World, action: Action) {
    world.act(action).unwrap();
}

/// Types a line and gives all that the terminal prints until it is done, but for the line itself.
pub fn say(world: &mut World, terminal: u32, line: &str) -> Vec<String> {
    world.type_line(terminal, line).unwrap();
    for _ in 0..100_000 {
        if !world.terminal_busy(terminal) || world.step().is_none() {
            break;
        }
    }
    let output = world.take_terminal_output(terminal).into_iter();
    output.filter(|l| l.kind != TermKind::Input).map(|l| l.text).collect()
}

pub fn say_one(world: &mut World, terminal: u32, line: &str) -> String {
    say(world, terminal, line).join("\n")
}

pub fn node_terminal(world: &mut World) -> u32 {
    world.terminal(Target::Node("A1".into())).unwrap()
}
