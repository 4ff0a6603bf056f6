//! Why something is so: what led to it as a nested list, beside the stage. Every instant in it can be gone to, and the list stays.

use super::dialog::use_focus_back;
use super::looking::use_look;
use super::{Act, icon, value_of};
use crate::page::shared::Shared;
use vitrine_web::look::why::Because;
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::{Cluster, NodeIndex, Process, TapeMark};
use vitrine_web::words;
use yew::prelude::*;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The word of [`Look::Why`].
    pub what: &'static str,
    pub node: NodeIndex,
    /// For a mark of the tape, its instant and its text.
    pub mark: Option<(u64, String)>,
}

/// What can be asked of a node.
const QUESTIONS: [(&str, &str); 5] = [
    ("role", "its role"),
    ("failing", "that it is suspected"),
    ("state", "its cluster state"),
    ("link", "its replication link"),
    ("process", "its process"),
];

impl About {
    /// What is most worth asking of a node now.
    pub fn node(cluster: &Cluster, index: NodeIndex) -> About {
        use vitrine_web::model::Belief;
        let at = usize::from(index);
        let suspected =
            cluster.beliefs.of(at).any(|(_, belief)| matches!(belief, Belief::Pfail | Belief::Fail));
        let what = match cluster.nodes.get(at) {
            Some(n) if !matches!(n.process, Process::Up | Process::Loading) => "process",
            _ if suspected => "failing",
            Some(n) if !n.cluster_ok => "state",
            _ => "role",
        };
        About { what, node: index, mark: None }
    }

    /// The question that a mark of the tape raises; none for what was done from outside.
    pub fn mark(node: Option<NodeIndex>, mark: &crate::page::tape::Mark) -> Option<About> {
        let what = match mark.mark {
            TapeMark::Fail => "failing",
            TapeMark::Up | TapeMark::DownRole => "role",
            TapeMark::Ballot | TapeMark::Vote => "vote",
            TapeMark::Restart => "process",
            _ => return None,
        };
        Some(About { what, node: node?, mark: Some((mark.at_us, mark.text.clone())) })
    }
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub about: About,
    pub cluster: Shared<Cluster>,
    pub act: Callback<Act>,
}

#[component]
pub fn WhyView(props: &Props) -> Html {
    use_focus_back(".why");
    use_effect_with((), |()| super::focus("why"));
    let act = &props.act;
    let about = props.about.clone();
    let name = props.cluster.nodes.get(usize::from(about.node)).map_or("", |n| &n.name).to_owned();
    let at_us = about.mark.as_ref().map(|m| m.0);
    let key = format!("{} {name} {at_us:?}", about.what);
    let look = Look::Why { what: about.what.to_owned(), node: name.clone(), at_us };
    let choose = act.reform(move |e: Event| {
        let value = value_of(&e);
        let what = QUESTIONS.iter().find(|q| q.0 == value).map_or("role", |q| q.0);
        Act::Why(Some(About { what, ..about.clone() }))
    });
    html! {
        <section class="why" id="why" tabindex="-1" role="dialog" aria-label="Why?">
            <header><b>{ "Why?" }</b>
                if let Some((_, text)) = &props.about.mark {
                    <span>{ text }</span>
                } else {
                    <span>{ name }</span>
                    <select aria-label="About what" onchange={choose}>
                        { for QUESTIONS.iter().map(|(what, text)| html! {
                            <option value={*what} selected={*what == props.about.what}>{ *text }</option> }) }
                    </select>
                }
                <button class="ib ib--sm" aria-label="Close" title="Close  (Esc)" onclick={act.reform(|_| Act::Why(None))}>{ icon("i-x") }</button>
            </header>
            <Causes {key} {look} act={act.clone()} />
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct CausesProps {
    look: Look,
    act: Callback<Act>,
}

/// The answer. Asked once: it stays while one goes to the instants in it.
#[component]
fn Causes(props: &CausesProps) -> Html {
    let told = use_look(Some(props.look.clone()), 0, &props.act);
    match told.as_deref() {
        None => {
            html! { <p class="empty" role="status">{ "That part of the run is played again, to see what led to it." }</p> }
        }
        Some(Ok(Seen::Why(causes))) => html! { <>
            <p class="why__at">{ "Latest first. What led to something stands below it and further in." }</p>
            { nested(causes, &|at| props.act.reform(move |_: MouseEvent| Act::Line(format!("goto {at}us")))) }
        </> },
        Some(Ok(_)) => Html::default(),
        Some(Err(why)) => html! { <p class="empty" role="status">{ why }</p> },
    }
}

/// A list in which what led to something is a list below it.
fn nested(causes: &[Because], jump: &dyn Fn(u64) -> Callback<MouseEvent>) -> Html {
    let Some(&(depth, ..)) = causes.first() else { return Html::default() };
    let mut items = Vec::new();
    let mut rest = causes;
    while let Some(((_, at, text), below)) = rest.split_first() {
        let inner = below.iter().position(|c| c.0 <= depth).unwrap_or(below.len());
        let clock = words::clock_short(*at);
        items.push(html! {
            <li><button class="why__t" title={format!("Go to {clock}")} onclick={jump(*at)}>{ clock.clone() }</button>
                <span>{ text }</span>{ nested(&below[..inner], jump) }</li>
        });
        rest = &below[inner..];
    }
    html! { <ol>{ for items }</ol> }
}
