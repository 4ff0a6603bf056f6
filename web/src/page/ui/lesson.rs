//! The card beside the stage. There are no lessons yet: it says what this is and offers first moves, each of which runs
//! for real; its checks are bound to the state of the cluster.

use super::{Act, icon};
use crate::page::shared::Shared;
use vitrine_web::faults::name_in_line;
use vitrine_web::model::{Belief, Cluster, LinkState, Phase, Process};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub phase: Phase,
    /// Whether the visitor has typed anything yet.
    pub typed: bool,
    pub act: Callback<Act>,
}

fn run(small: String, code: String, onclick: Callback<MouseEvent>) -> Html {
    html! {
        <button class="run" {onclick}><code><small>{ small }</small>{ code }</code>
            <span class="go">{ icon("i-play") }</span></button>
    }
}

fn check(ok: bool, text: &str) -> Html {
    html! {
        <li class={ok.then_some("ok")}><span class="box">if ok { <svg aria-hidden="true"><use href="#i-check" /></svg> }</span>
            <span>{ text }<span class="sr">{ if ok { ": yes" } else { ": not yet" } }</span></span></li>
    }
}

#[component]
pub fn Lesson(props: &Props) -> Html {
    let act = &props.act;
    let c = &props.cluster;
    let down = c.nodes.iter().find(|n| !n.process.is_up());
    let is_down =
        |i: usize| matches!(c.nodes[i].process, Process::Crashed | Process::Killed | Process::Stopped);
    let failed_known = !c.nodes.is_empty()
        && c.beliefs.doubts().all(|(_, subject, belief)| belief == Belief::Fail && is_down(subject))
        && (0..c.nodes.len())
            .filter(|&i| is_down(i))
            .all(|subject| c.beliefs.of(subject).all(|(_, belief)| belief == Belief::Fail));
    let fold = act.reform(|_| Act::Fold(true));
    let open = act.reform(|_| Act::Fold(false));
    let outside = c.is_outside();
    let ready = props.phase == Phase::Live && !c.nodes.is_empty();
    let type_line = |line: &'static str| act.reform(move |_: MouseEvent| Act::Type(0, line.to_owned()));
    html! {
        <aside class="lesson" aria-label="Guide">
            <div class="lesson__in">
                <div class="lesson__h"><span>{ "Free play" }</span>
                    <button class="ib ib--sm" aria-label="Fold the card" title="Fold the card" onclick={fold}>{ icon("i-side") }</button></div>
                <h2>{ "A cluster in a glass case" }</h2>
                <p>{ "Each disc is a Redis server, run for real in this tab. Write a key, take a master's power away, and watch \
                      its replica take over." }</p>
                if ready {
                    { run("write a key".into(), "SET name vitrine".into(), type_line("SET name vitrine")) }
                    { match (down, c.nodes.iter().find(|n| n.master && n.process == Process::Up)) {
                        (Some(node), _) => {
                            let name = node.name.clone();
                            let verb = if node.process == Process::Paused { "resume" } else { "start" };
                            let line = format!("{verb} {}", name_in_line(&name));
                            run(format!("{verb} {name} again"), line.clone(), act.reform(move |_| Act::Line(line.clone())))
                        }
                        (None, Some(node)) => {
                            let name = node.name.clone();
                            let line = format!("crash {}", name_in_line(&name));
                            run("cut a master's power".into(), line.clone(), act.reform(move |_| Act::Line(line.clone())))
                        }
                        _ => Html::default(),
                    } }
                    { if outside {
                        run("ask how it is".into(), "INFO replication".into(), type_line("INFO replication"))
                    } else {
                        run("ask how it is".into(), "CLUSTER INFO".into(), type_line("CLUSTER INFO"))
                    } }
                }
                <ul class="checks">
                    if outside {
                        { check(c.nodes.iter().all(|n| n.master || n.link == LinkState::Online), "Every replica hears its master") }
                    } else {
                        { check(c.slots_assigned == vitrine_web::model::SLOTS, "All 16 384 slots have an owner") }
                        { check(failed_known, "Every node knows who is up and who is down") }
                    }
                    { check(props.typed, "You have spoken to the cluster") }
                </ul>
                <p class="lesson__key">{ "Click a node to inspect it. Right-click it, hold it, or press Enter to break it." }</p>
            </div>
            <button class="lesson__rail" aria-label="Open the card" onclick={open}>
                { icon("i-side") }<span class="vt">{ "Free play" }</span></button>
        </aside>
    }
}
