//! The sheet with the keys, and what the stage means in a few sentences.

use super::Act;
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
    ("Drag", "from node to node: the menu of their link"),
    ("Esc", "close, disarm"),
    ("Up, Down", "history, in the terminal"),
    ("?", "this sheet"),
];

#[component]
pub fn Help(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            if let Some(button) = node.cast::<web_sys::HtmlElement>() {
                let _ = button.focus();
            }
        });
    }
    let close = props.act.reform(|_: MouseEvent| Act::Help(false));
    let on = props.shortcuts;
    html! {
        <div class="sheet" role="dialog" aria-modal="true" aria-label="Help" onclick={close.clone()}>
            <div onclick={Callback::from(|e: MouseEvent| e.stop_propagation())}>
                <h2>{ "Keyboard" }</h2>
                <dl>{ for KEYS.iter().map(|(key, what)| html! { <>
                    <dt><kbd class="kbd">{ *key }</kbd></dt><dd>{ *what }</dd></> }) }</dl>
                <p class="sheet__p">{ "Time is virtual: it stands still when you pause, and every run with the same seed and the same actions is the \
                    same run. Packets that cross in less than half a second are drawn for half a second, so that they can be seen; \
                    at 0.001× they stand exactly where they are. From 10× on, PING and PONG become the weight of the lines." }</p>
                <p class="sheet__p">{ "What nodes fsync is kept in this browser. Closing the tab is a loss of power for all of them." }</p>
                <div class="row">
                    <button class="btn" ref={node} onclick={close}>{ "Close" }</button>
                    <button class="btn btn--quiet" aria-pressed={on.to_string()} onclick={props.act.reform(move |_| Act::Shortcuts(!on))}>
                        { if on { "Switch single-key shortcuts off" } else { "Switch single-key shortcuts on" } }</button>
                    <button class="btn btn--quiet" onclick={props.act.reform(|_| Act::Restart { fresh: true })}>
                        { "Forget this cluster and form a new one" }</button>
                </div>
            </div>
        </div>
    }
}
