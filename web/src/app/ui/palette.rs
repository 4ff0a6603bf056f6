//! The palette of faults: a click arms one, the next click on a node does it. Which faults fit which node is decided here,
//! for the palette, the menu and the keys alike.

use super::{Act, Armed, Tool, icon};
use crate::shared::Shared;
use vitrine_web::model::{Cluster, Fault, Process};
use yew::prelude::*;

const PROCESS: [Tool; 5] = [Tool::Crash, Tool::Kill, Tool::Shutdown, Tool::Pause, Tool::Restart];
const NETWORK: [Tool; 4] = [Tool::Isolate, Tool::Wall, Tool::OneWay, Tool::Cut];

pub fn name_of(tool: Tool) -> &'static str {
    match tool {
        Tool::Crash => "Crash (power loss)",
        Tool::Kill => "Kill process",
        Tool::Shutdown => "Graceful shutdown",
        Tool::Pause => "Pause or resume",
        Tool::Restart => "Restart",
        Tool::Isolate => "Isolate",
        Tool::Wall => "Partition wall",
        Tool::OneWay => "Cut one direction",
        Tool::Cut => "Cut a link",
    }
}

pub fn icon_of(tool: Tool) -> &'static str {
    match tool {
        Tool::Crash => "i-bolt",
        Tool::Kill => "i-kill",
        Tool::Shutdown => "i-power",
        Tool::Pause => "i-pause",
        Tool::Restart => "i-restart",
        Tool::Isolate => "i-isolate",
        Tool::Wall => "i-wall",
        Tool::OneWay => "i-oneway",
        Tool::Cut => "i-clamp",
    }
}

/// Whether a tool can do anything to a node.
pub fn fits(tool: Tool, c: &Cluster, node: usize) -> bool {
    let Some(n) = c.nodes.get(node) else { return false };
    match tool {
        Tool::Crash | Tool::Kill => n.process.is_up() || n.process == Process::Paused,
        Tool::Shutdown => n.process.is_up(),
        Tool::Pause => n.process.is_up() || n.process == Process::Paused,
        Tool::Restart => !n.process.is_up() && n.process != Process::Paused,
        Tool::Isolate => !n.isolated,
        Tool::Wall | Tool::OneWay | Tool::Cut => true,
    }
}

/// The fault that a tool is on a node, if it fits.
pub fn fault_of(tool: Tool, c: &Cluster, node: usize) -> Option<Fault> {
    if !fits(tool, c, node) {
        return None;
    }
    let name = c.nodes[node].name.clone();
    Some(match tool {
        Tool::Crash => Fault::Crash { node: name },
        Tool::Kill => Fault::Kill { node: name },
        Tool::Shutdown => Fault::Shutdown { node: name },
        Tool::Pause if c.nodes[node].process == Process::Paused => Fault::Resume { node: name },
        Tool::Pause => Fault::Pause { node: name },
        Tool::Restart => Fault::Restart { node: name },
        Tool::Isolate => {
            let rest = c.nodes.iter().map(|n| n.name.clone()).filter(|n| *n != name).collect();
            Fault::Partition { groups: vec![vec![name], rest] }
        }
        Tool::Wall | Tool::OneWay | Tool::Cut => return None,
    })
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub armed: Option<Armed>,
    pub act: Callback<Act>,
}

#[component]
pub fn Palette(props: &Props) -> Html {
    let family = |legend: &'static str, tools: &[Tool]| {
        html! {
            <fieldset><legend>{ legend }</legend>
                { for tools.iter().enumerate().map(|(i, &tool)| {
                    let armed = props.armed.as_ref().is_some_and(|a| a.tool == tool);
                    let any = (0..props.cluster.nodes.len()).any(|n| fits(tool, &props.cluster, n));
                    html! {
                        <button class={classes!("ib", (i == 0).then_some("grp"), armed.then_some("armed"))} aria-label={name_of(tool)}
                            title={name_of(tool)} aria-pressed={armed.to_string()} disabled={!any}
                            onclick={props.act.reform(move |_| Act::Arm(Some(tool)))}>{ icon(icon_of(tool)) }</button>
                    }
                }) }
            </fieldset>
        }
    };
    html! {
        <div class="palette" role="toolbar" aria-label="Faults" aria-orientation="vertical">
            { family("Process", &PROCESS) }
            { family("Network", &NETWORK) }
        </div>
    }
}
