//! The sheet with the keys, and what the stage means in a few sentences.

use super::Act;
use super::dialog::Dialog;
use vitrine_web::terms::TERMS;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub shortcuts: bool,
    pub act: Callback<Act>,
}

const KEYS: [(&str, &str); 17] = [
    ("Space", "play or pause"),
    (". and ,", "step one event, step back"),
    ("Arrows, Page Up", "on the tape's ruler: a tick, the next mark"),
    ("[ and ]", "slower, faster"),
    ("/", "terminal"),
    ("1–8", "inspector tabs"),
    ("Arrows", "walk the nodes around the ring"),
    ("Shift arrows", "from master to replica and back"),
    ("Enter", "open the menu of the focused node or link"),
    ("X K P I", "crash, kill, pause, isolate the focused node"),
    ("Right arrow", "in a menu: what there is more, or what an entry takes"),
    ("W", "draw a partition wall"),
    ("H", "heat map or ring"),
    ("Drag", "from node to node: the menu of their link; through a wall: the other side"),
    ("Esc", "close, disarm"),
    ("Up, Down", "history, in the terminal"),
    ("?", "this sheet"),
];

#[component]
pub fn Help(props: &Props) -> Html {
    let on = props.shortcuts;
    html! {
        <Dialog title="Keyboard" close={props.act.reform(|()| Act::Dialog(None))}>
            <dl>{ for KEYS.iter().map(|(key, what)| html! { <>
                <dt><kbd class="kbd">{ *key }</kbd></dt><dd>{ *what }</dd></> }) }</dl>
            <details class="terms"><summary>{ "Words of the page" }</summary>
                <dl>{ for TERMS.iter().map(|(term, means)| html! { <><dt>{ *term }</dt><dd>{ *means }</dd></> }) }</dl></details>
            <p class="sheet__p">{ "Time is virtual: it stands still when you pause, and every run with the same seed and the same actions is the \
                same run. Packets that cross in less than half a second are drawn for half a second, so that they can be seen; \
                at 0.001× they stand exactly where they are. From 10× on, PING and PONG become the weight of the lines; up to 0.1×, what \
                clients send and hear is drawn as well." }</p>
            <p class="sheet__p">{ "What nodes fsync is kept in this browser. Closing the tab is a loss of power for all of them." }</p>
            <div class="row">
                <button class="btn" aria-pressed={on.to_string()} onclick={props.act.reform(move |_| Act::Shortcuts(!on))}>
                    { if on { "Switch single-key shortcuts off" } else { "Switch single-key shortcuts on" } }</button>
                <button class="btn btn--quiet" onclick={props.act.reform(|_| Act::Restart { fresh: true })}>
                    { "Forget this cluster and form a new one" }</button>
            </div>
        </Dialog>
    }
}
