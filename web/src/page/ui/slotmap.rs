//! The slot map: all 16,384 slots as a square of 128 rows, who owns each, how many keys it holds, and what is on its way; and the
//! controls that move slots to another node while clients go on.
//!
//! Owners are shapes under a canvas, so that they take the shards' colours from the style sheet. The canvas veils each slot, the
//! less the more keys it has: lightness, as everywhere on the page where a number is shown by a fill. What is selected is text
//! (`0-99, 200`), which pointer and keys only write, so that it can be typed as well.

use super::looking::use_look;
use super::{Act, Done, Make, Once, shard_class};
use crate::page::shared::Shared;
use vitrine_web::look::{Look, Seen, What, range};
use vitrine_web::model::{Cluster, SLOTS};
use vitrine_web::protocol::{Answer, ToWorker};
use vitrine_web::slotmap::{SIDE, area, between, chosen, count, outline, put, ranges};
use vitrine_web::words;
use wasm_bindgen::{Clamped, JsCast};
use yew::prelude::*;

/// The opacity of the veil over a slot without keys, of 255.
const VEIL_MOST: u32 = 150;
/// The opacity of the veil over a slot with one key.
const VEIL_SOME: u32 = 95;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub playing: bool,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// Veils the slots by how many keys they hold.
fn paint(canvas: &NodeRef, levels: &str, light: bool) -> Option<()> {
    let canvas = canvas.cast::<web_sys::HtmlCanvasElement>()?;
    let context = canvas.get_context("2d").ok()??.dyn_into::<web_sys::CanvasRenderingContext2d>().ok()?;
    // The colour of the room, in either theme.
    let room = if light { [0xf1, 0xef, 0xe9] } else { [0x0e, 0x10, 0x11] };
    let most = u32::from(levels.bytes().max().unwrap_or(b'a') - b'a').max(1);
    let mut pixels = Vec::with_capacity(usize::from(SLOTS) * 4);
    for level in levels.bytes() {
        let level = u32::from(level.saturating_sub(b'a'));
        let veil = if level == 0 { VEIL_MOST } else { VEIL_SOME * (most - level) / most };
        pixels.extend(room);
        pixels.push(veil as u8);
    }
    let side = u32::from(SIDE);
    let image =
        web_sys::ImageData::new_with_u8_clamped_array_and_sh(Clamped(pixels.as_slice()), side, side).ok()?;
    context.put_image_data(&image, 0.0, 0.0).ok()
}

#[component]
pub fn SlotMap(props: &Props) -> Html {
    let c = &props.cluster;
    let text = use_state(String::new);
    let target = use_state(String::new);
    // Whether a move runs, and how the last one ended.
    let moving = use_state(|| false);
    let said = use_state(|| None::<Result<String, String>>);
    // Where a rectangle began, and where the keyboard is.
    let anchor = use_mut_ref(|| None::<u16>);
    let cursor = use_state(|| 0u16);
    let canvas = use_node_ref();
    let map = use_node_ref();
    let masters: Vec<&str> =
        c.nodes.iter().filter(|n| n.master && n.process.is_up()).map(|n| n.name.as_str()).collect();
    let to = if target.is_empty() { masters.first().copied().unwrap_or_default() } else { target.as_str() }
        .to_owned();
    let read = chosen(&text);
    let mut wanted = read.clone().unwrap_or_default();
    let (around, inside, all) = (outline(&wanted), area(&ranges(&wanted)), count(&wanted));
    for k in c.claims.iter().filter(|k| k.accepted) {
        if c.nodes.get(usize::from(k.node)).is_some_and(|n| n.name == to) {
            put(&mut wanted, (k.start, k.end), false);
        }
    }
    let left = count(&wanted);
    let wanted = ranges(&wanted);
    let asked = wanted.iter().map(|(a, b)| format!("{a}-{b}")).collect();
    let look = Look::Pane { node: String::new(), what: What::Slots, args: asked };
    let view = use_look(Some(look), props.beat / 2, &props.act);
    let (mut levels, mut keys, mut on_way, mut progress) = (String::new(), 0, Vec::new(), None);
    if let Some(Ok(Seen::Sheets(sheets))) = view.as_deref()
        && let [map, way, rest @ ..] = sheets.as_slice()
    {
        levels.clone_from(&map.note);
        keys = map.title.parse().unwrap_or(0);
        on_way.clone_from(&way.rows);
        progress = rest.first().map(|s| s.title.clone());
    }
    {
        let canvas = canvas.clone();
        let root = crate::page::link::document().document_element();
        let light = root.and_then(|r| r.get_attribute("data-theme")).as_deref() == Some("light");
        use_effect_with((levels, light), move |(levels, light)| {
            let _ = paint(&canvas, levels, *light);
        });
    }
    let slot_at = {
        let map = map.clone();
        move |e: &PointerEvent| {
            let rect = map.cast::<web_sys::Element>()?.get_bounding_client_rect();
            let place = |at: i32, from: f64, len: f64| {
                ((f64::from(at) - from) / len.max(1.0) * f64::from(SIDE)).clamp(0.0, f64::from(SIDE - 1))
                    as u16
            };
            Some(
                place(e.client_y(), rect.top(), rect.height()) * SIDE
                    + place(e.client_x(), rect.left(), rect.width()),
            )
        }
    };
    let point = |begin: bool| {
        let (slot_at, anchor, text, cursor, map) =
            (slot_at.clone(), anchor.clone(), text.clone(), cursor.clone(), map.clone());
        Callback::from(move |e: PointerEvent| {
            let Some(slot) = slot_at(&e) else { return };
            if begin {
                *anchor.borrow_mut() = Some(slot);
                if let Some(map) = map.cast::<web_sys::Element>() {
                    let _ = map.set_pointer_capture(e.pointer_id());
                }
            }
            if let (Some(from), true) = (*anchor.borrow(), e.buttons() != 0) {
                text.set(between(from, slot));
            }
            cursor.set(slot);
        })
    };
    let walk = {
        let (anchor, text, cursor) = (anchor.clone(), text.clone(), cursor.clone());
        Callback::from(move |e: KeyboardEvent| {
            let at = *cursor;
            let to = match e.key().as_str() {
                "ArrowLeft" => at.saturating_sub(1),
                "ArrowRight" => at + 1,
                "ArrowUp" => at.checked_sub(SIDE).unwrap_or(at),
                "ArrowDown" => at + SIDE,
                "Home" => 0,
                "End" => SLOTS - 1,
                "Enter" | " " => at,
                _ => return,
            };
            e.prevent_default();
            e.stop_propagation();
            let to = if to < SLOTS { to } else { at };
            let from = *anchor.borrow_mut().get_or_insert(at);
            if e.shift_key() {
                text.set(between(from, to));
            } else {
                *anchor.borrow_mut() = Some(to);
                if to == at {
                    text.set(to.to_string());
                }
            }
            cursor.set(to);
        })
    };
    let owner = |slot: u16| {
        let claim = c.claims.iter().find(|k| k.accepted && (k.start..=k.end).contains(&slot));
        claim.and_then(|k| c.nodes.get(usize::from(k.node)))
    };
    let begin = {
        let (act, moving, said, to, wanted) =
            (props.act.clone(), moving.clone(), said.clone(), to.clone(), wanted);
        Callback::from(move |_: MouseEvent| {
            let (to, slots, over, said) = (to.clone(), wanted.clone(), moving.clone(), said.clone());
            moving.set(true);
            said.set(None);
            let make: Make = Box::new(move |id| ToWorker::Reshard { id, to, slots });
            let done: Done = Box::new(move |answer| {
                over.set(false);
                said.set(Some(answer.map(|a| if let Answer::Said(text) = a { text } else { String::new() })));
            });
            act.emit(Act::Ask(Once::new(make), Once::new(done)));
        })
    };
    let typed = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |e: Event| state.set(super::inspector::value(&e)))
    };
    let busy = progress.is_some() || *moving;
    let at = *cursor;
    let here =
        owner(at).map_or_else(|| format!("slot {at}, nobody's"), |n| format!("slot {at} of {}", n.name));
    let moves: Vec<String> = on_way
        .iter()
        .filter_map(|r| {
            let [slot, state, node, other] = r.as_slice() else { return None };
            let both = on_way.iter().any(|o| o[0] == *slot && o[1] != *state && o[2] == *other);
            match (state == "migrating", both) {
                (true, _) => Some(format!("{slot} from {node} to {other}")),
                (false, true) => None,
                (false, false) => Some(format!("{slot} from {other} to {node}, which {other} does not know")),
            }
        })
        .collect();
    let hatched: Vec<(u16, u16)> = on_way.iter().filter_map(|r| range(&r[0])).collect();
    html! {
        <div class="slots">
            <div class="slots__map"><svg viewBox="0 0 128 128" preserveAspectRatio="none" aria-hidden="true">
                { for c.claims.iter().filter(|k| k.accepted).map(|k| {
                    let shard = c.nodes.get(usize::from(k.node)).map_or(0, |n| n.shard);
                    html! { <path class={classes!("slots__own", shard_class(shard))} d={area(&[(k.start, k.end)])} /> }
                }) }</svg>
                <canvas ref={canvas} width="128" height="128" aria-hidden="true"></canvas>
                <svg ref={map.clone()} id="slot-map" viewBox="0 0 128 128" preserveAspectRatio="none" tabindex="0" role="application"
                    aria-label="Slot map: arrows walk, Shift and arrows select a rectangle, Enter selects one slot" aria-describedby="slot-here"
                    onpointerdown={point(true)} onpointermove={point(false)} onkeydown={walk}>
                    <rect width="128" height="128" class="slots__hit" />
                    <path class="slots__way" d={area(&hatched)} />
                    <path class="slots__sel" d={inside} /><path class="slots__edge" d={around} />
                    <path class="slots__at" d={area(&[(at, at)])} />
                </svg></div>
            <p class="slots__here" id="slot-here" aria-live="polite">{ here }</p>
            <ul class="sr">{ for c.claims.iter().filter(|k| k.accepted).map(|k| html! {
                <li>{ format!("{} owns slots {}", c.nodes.get(usize::from(k.node)).map_or("?", |n| n.name.as_str()), words::ranges(&[(k.start, k.end)])) }</li> }) }</ul>
            <div class="keys__f"><label class="field"><span>{ "slots" }</span>
                <input id="slot-ranges" value={(*text).clone()} placeholder="0-99, 200" spellcheck="false" autocomplete="off" onchange={typed(&text)} /></label>
                <label class="field"><span>{ "to" }</span><select id="slot-target" aria-label="Target" onchange={typed(&target)}>{ for masters.iter().map(|m| html! {
                    <option value={m.to_string()} selected={**m == to}>{ m.to_string() }</option> }) }</select></label></div>
            <div class="row">
                if busy { <button class="btn" id="slot-stop" onclick={props.act.reform(|_: MouseEvent| Act::Send(ToWorker::StopReshard))}>{ "Stop the move" }</button> }
                else { <button class="btn" id="slot-go" disabled={left == 0} onclick={begin}>
                    { format!("Move {} with {} to {to}", words::count(left, "slot", "slots"), words::count(keys, "key", "keys")) }</button> }
            </div>
            <div class="slots__say">
            if let Some(progress) = progress { <p class="note" role="status">{ progress }if !props.playing { { ". Time is held: press play, and the move goes on." } }</p> }
            if let Err(why) = read { <p class="note note--alert" id="slot-wrong" role="alert">{ why }</p> }
            else if all > left && !busy { <p class="note" id="slot-has">{ format!("{} of these slots {to} has already.", if left == 0 { "All".to_owned() } else { words::thousands((all - left) as u64) }) }</p> }
            { match &*said {
                Some(Ok(text)) => html! { <p class="note" id="slot-said" role="status">{ text.clone() }</p> },
                Some(Err(why)) => html! { <p class="note note--alert" id="slot-said" role="alert">{ why.clone() }</p> },
                None if text.is_empty() && !busy => html! { <p class="empty">{ "Click a slot, drag a rectangle, or type ranges; then choose where they go. The commands appear in the terminals of the two nodes." }</p> },
                None => Html::default(),
            } }
            if !moves.is_empty() { <p class="note">{ format!("On its way: {}", moves.join(", ")) }</p> }
            </div>
        </div>
    }
}

/// What tells the world of a cluster from another: what was chosen and said in one means nothing in the next.
pub fn world(c: &Cluster) -> String {
    c.nodes.first().map_or(String::new(), |n| n.id.clone())
}

/// The map in a window of its own.
pub fn window(cluster: Shared<Cluster>, playing: bool, beat: u64, act: &Callback<Act>) -> Html {
    let key = world(&cluster);
    html! {
        <super::dialog::Dialog title="Slot map" class="slots__win" close={act.reform(|()| Act::Slots(false))}>
            <SlotMap {key} {cluster} {playing} {beat} act={act.clone()} />
            <p class="empty">{ "The colour is the owner's; the lighter a slot, the more keys it holds; hatched ones are on their way." }</p>
        </super::dialog::Dialog>
    }
}
