//! The durability lens: a node's files, and what of one of them a loss of power would leave.
//!
//! The whole file lies above, its end magnified below, one box for each record. Left of the first tick all is certain (fsynced), right of
//! the last all would be gone (it is in the process); between them lies what the page cache has and the disk may have got to. The pin
//! says how far it got, and the button cuts the power there.

use super::super::Act;
use super::super::looking::use_look;
use super::sheet::{at, question, seen};
use vitrine_web::look::{Sheet, What};
use vitrine_web::words;
use yew::prelude::*;

/// The width of the drawing.
const WIDTH: f64 = 352.0;
/// How many records stand in the list around the cut, on either side of it.
const AROUND: usize = 4;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: String,
    pub up: bool,
    pub beat: u64,
    pub act: Callback<Act>,
}

/// One file, in bytes from its beginning: what is durable, what is written, and what the process still holds.
#[derive(Clone, Copy, PartialEq)]
struct Shares {
    durable: u64,
    written: u64,
    end: u64,
}

/// What the magnified end shows: from which byte to which.
#[derive(Clone, Copy, PartialEq)]
struct Scale(u64, u64);

impl Scale {
    fn x(self, byte: u64) -> f64 {
        byte.clamp(self.0, self.1).saturating_sub(self.0) as f64 / (self.1 - self.0).max(1) as f64 * WIDTH
    }
    fn byte(self, x: f64) -> u64 {
        self.0 + (x.clamp(0.0, 1.0) * (self.1 - self.0) as f64) as u64
    }
}

fn number(row: &[String], i: usize) -> u64 {
    at(row, i).parse().unwrap_or(0)
}

#[component]
pub fn Disk(props: &Props) -> Html {
    let file = use_state(String::new);
    let pin = use_state(|| None::<u64>);
    let chosen = use_state(|| None::<u64>);
    let asked = chosen.map_or_else(String::new, |at| at.to_string());
    let view =
        use_look(question(&props.node, What::Disk, vec![(*file).clone(), asked]), props.beat / 2, &props.act);
    let sheets = match seen(&view) {
        Ok(sheets) => sheets,
        Err(instead) => return instead,
    };
    let [files, records, bytes] = sheets else {
        return html! { <p class="empty">{ "This node has no files yet." }</p> };
    };
    let Some(row) = files.rows.iter().find(|r| at(r, 0) == records.title) else { return Html::default() };
    let (durable, written) = (number(row, 1), number(row, 2));
    let buffered: u64 = files.note.parse().unwrap_or(0);
    let in_process = number(row, 3) + if records.title.ends_with(".incr.aof") { buffered } else { 0 };
    let shares = Shares { durable, written, end: written + in_process };
    let cut = pin.unwrap_or(written).clamp(durable, written.max(durable));
    let first = records.rows.first().map_or(0, |r| number(r, 0));
    // As much that is certain stands beside the rest, so that the boundary is in view.
    let rest = (shares.end - durable.min(shares.end)).max(512);
    let scale = Scale(durable.saturating_sub(rest).max(first), shares.end.max(1));
    let pick_file = {
        let (file, pin, chosen) = (file.clone(), pin.clone(), chosen.clone());
        move |path: String| {
            let (file, pin, chosen) = (file.clone(), pin.clone(), chosen.clone());
            Callback::from(move |_: MouseEvent| {
                file.set(path.clone());
                pin.set(None);
                chosen.set(None);
            })
        }
    };
    let pick = {
        let chosen = chosen.clone();
        move |byte: u64| {
            let chosen = chosen.clone();
            Callback::from(move |_: MouseEvent| chosen.set(Some(byte)))
        }
    };
    let line = format!("crash {} keeping {} up to {cut}B", props.node, quoted(&records.title));
    let cell = |class: &'static str, bytes: u64, what: &'static str| {
        html! { <div><b>{ words::thousands(bytes) }</b><svg class="swt dk" aria-hidden="true"><rect {class} width="14" height="9" /></svg>{ what }</div> }
    };
    html! {
        <>
        if !files.title.is_empty() { <div class="h3"><span class="mono">{ format!("appendfsync {}", files.title) }</span></div> }
        <div class="trio">
            { cell("dk-sync", shares.durable, "fsynced, B") }
            { cell("dk-writ", written - durable.min(written), "written, B") }
            { cell("dk-buff", in_process, "buffered, B") }
        </div>
        <div class="h3"><b class="mono path">{ records.title.clone() }</b><span class="num">{ words::bytes(written) }</span></div>
        <Lens {shares} {scale} {cut} records={records.clone()} {pin} />
        if props.up {
            <p class="note note--alert" id="cut-says">{ verdict(records, cut, shares) }</p>
            <div class="runline"><code>{ line.clone() }</code>
                <button class="btn" onclick={props.act.reform(move |_: MouseEvent| Act::Line(line.clone()))}>{ "Cut the power here" }</button></div>
        } else { <p class="empty">{ format!("{} does not run: start it to cut its power.", props.node) }</p> }
        <div class="h3">{ "Around the cut" }<span>{ if records.note.is_empty() { "byte, record" } else { "byte, record; the last of it" } }</span></div>
        { around(records, cut, durable, &pick) }
        if !bytes.rows.is_empty() {
            <div class="h3">{ "Its bytes" }<span class="mono path">{ bytes.title.clone() }</span></div>
            <table class="keys hex" aria-label="Bytes around the cut"><tbody>{ for bytes.rows.iter().map(|r| html! { <tr><td>{ at(r, 0).to_owned() }</td><td>{ at(r, 1).to_owned() }</td>
                <td>{ at(r, 2).to_owned() }</td><td>{ at(r, 3).to_owned() }</td></tr> }) }</tbody></table>
        }
        <div class="h3">{ "Files" }<span>{ "fsynced of written" }</span></div>
        <table class="keys" aria-label="Files"><tbody>{ for files.rows.iter().map(|r| html! {
            <tr aria-selected={(at(r, 0) == records.title).to_string()}><td><button onclick={pick_file(at(r, 0).to_owned())}>{ at(r, 0).to_owned() }</button></td>
                <td>{ format!("{} of {}", words::thousands(number(r, 1)), words::bytes(number(r, 2))) }</td></tr> }) }</tbody></table>
        </>
    }
}

/// A path in the language for scenarios.
fn quoted(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if plain { path.to_owned() } else { words::cli_word(path, false) }
}

/// What a cut at this byte means, in a sentence.
fn verdict(records: &Sheet, cut: u64, shares: Shares) -> String {
    let behind = records.rows.iter().filter(|r| number(r, 1) > cut);
    let (count, torn) = (behind.clone().count(), behind.clone().find(|r| number(r, 0) < cut));
    let rest =
        if shares.end > shares.written { " What is buffered is gone whatever the disk does." } else { "" };
    let lost = words::count(count, "record", "records");
    match (torn, count) {
        (Some(r), _) => {
            format!("The cut falls inside {}. Loading drops it and all after it: {lost}.{rest}", at(r, 2))
        }
        (None, 0) => format!("The disk got everything that was written.{rest}"),
        (None, _) => format!("The cut falls between two records. {lost} after it would be lost.{rest}"),
    }
}

/// The records next to the cut, and what becomes of each.
fn around<F: Fn(u64) -> Callback<MouseEvent>>(records: &Sheet, cut: u64, durable: u64, pick: &F) -> Html {
    let place = records.rows.iter().position(|r| number(r, 1) > cut).unwrap_or(records.rows.len());
    let shown = records.rows.iter().enumerate().skip(place.saturating_sub(AROUND)).take(2 * AROUND);
    html! {
        <ol class="cmds">{ for shown.map(|(i, r)| {
            let (from, to) = (number(r, 0), number(r, 1));
            let (class, state) = match () {
                () if to <= durable => ("", "certain"),
                () if to <= cut => ("", "kept"),
                () if from < cut => ("gone", "torn"),
                () => ("gone", "gone"),
            };
            html! { <>if i == place && i > 0 { <li class="cutrow" aria-label="the cut"></li> }
                <li {class}><span>{ words::thousands(from) }</span><button onclick={pick(from)}>{ at(r, 2).to_owned() }</button><span class="st">{ state }</span></li></> }
        }) }</ol>
    }
}

#[derive(PartialEq, Properties)]
struct LensProps {
    shares: Shares,
    scale: Scale,
    cut: u64,
    records: Sheet,
    pin: UseStateHandle<Option<u64>>,
}

#[component]
fn Lens(props: &LensProps) -> Html {
    let (s, scale) = (props.shares, props.scale);
    let dragged = use_mut_ref(|| false);
    let node = use_node_ref();
    let (least, most) = (s.durable, s.written.max(s.durable));
    let drag = {
        let (node, pin, dragged) = (node.clone(), props.pin.clone(), dragged.clone());
        move |begin: bool| {
            let (node, pin, dragged) = (node.clone(), pin.clone(), dragged.clone());
            Callback::from(move |e: PointerEvent| {
                let Some(element) = node.cast::<web_sys::Element>() else { return };
                if begin {
                    e.prevent_default();
                    *dragged.borrow_mut() = true;
                    let _ = element.set_pointer_capture(e.pointer_id());
                }
                if *dragged.borrow() {
                    let rect = element.get_bounding_client_rect();
                    let x = (f64::from(e.client_x()) - rect.left()) / rect.width().max(1.0);
                    pin.set(Some(scale.byte(x).clamp(least, most)));
                }
            })
        }
    };
    let drop = Callback::from(move |_: PointerEvent| *dragged.borrow_mut() = false);
    let keys = {
        let (pin, cut) = (props.pin.clone(), props.cut);
        let edges: Vec<u64> =
            props.records.rows.iter().map(|r| number(r, 1)).filter(|e| (least..=most).contains(e)).collect();
        Callback::from(move |e: KeyboardEvent| {
            let to = match (e.key().as_str(), e.shift_key()) {
                ("ArrowLeft" | "ArrowDown", true) => cut.saturating_sub(1),
                ("ArrowRight" | "ArrowUp", true) => cut + 1,
                ("ArrowLeft" | "ArrowDown", false) => {
                    edges.iter().rev().find(|&&b| b < cut).copied().unwrap_or(least)
                }
                ("ArrowRight" | "ArrowUp", false) => {
                    edges.iter().find(|&&b| b > cut).copied().unwrap_or(most)
                }
                ("Home", _) => least,
                ("End", _) => most,
                _ => return,
            };
            e.prevent_default();
            e.stop_propagation();
            pin.set(Some(to.clamp(least, most)));
        })
    };
    let whole = s.end.max(1) as f64;
    let share = |bytes: u64| bytes as f64 / whole * WIDTH;
    let (sync, writ) = (share(s.durable), share(s.written));
    let x = scale.x(props.cut);
    let (certain, gone) = (scale.x(s.durable), scale.x(s.written));
    let bar = |class: &'static str, from: f64, to: f64, y: &'static str, h: &'static str| {
        html! { if to > from { <rect {class} x={format!("{from:.1}")} {y} width={format!("{:.1}", to - from)} height={h} /> } }
    };
    html! {
        <div class="lens"><svg ref={node} viewBox="0 -4 352 104" id="lens" role="slider" tabindex="0" aria-label="How far the disk got when the power goes, in bytes"
            aria-valuemin={least.to_string()} aria-valuemax={most.to_string()} aria-valuenow={props.cut.to_string()}
            onpointerdown={drag(true)} onpointermove={drag(false)} onpointerup={drop.clone()} onpointercancel={drop} onkeydown={keys}>
            { bar("lz-sync", 0.0, sync, "0", "8") }{ bar("lz-writ", sync, writ, "0", "8") }{ bar("lz-buff", writ, WIDTH, "0", "8") }
            <path class="lz-beam" d={format!("M{:.1} 10L0 46H352V10Z", share(scale.0))} />
            <rect class="lz-frame" x={format!("{:.1}", share(scale.0))} y="-2.5" width={format!("{:.1}", WIDTH - share(scale.0))} height="13" />
            { for props.records.rows.iter().filter(|r| number(r, 1) > scale.0).map(|r| {
                let (from, to) = (number(r, 0), number(r, 1));
                let class = if to <= s.durable { "lz-sync" } else { "lz-writ" };
                let (a, b) = (scale.x(from), scale.x(to));
                html! { <rect {class} x={format!("{:.1}", a + 0.4)} y="48" width={format!("{:.1}", (b - a - 0.8).max(0.4))} height="26"><title>{ at(r, 2).to_owned() }</title></rect> }
            }) }
            { bar("lz-buff", gone, WIDTH, "48", "26") }
            { bar("lz-gone", x, WIDTH, "46", "30") }
            <path class="lz-cut" d={format!("M{x:.1} 35V86")} /><path class="lz-grip" d={format!("M{:.1} 82h10v8l-5 5-5-5Z", x - 5.0)} />
            <text class="t lz-flag" x={format!("{:.1}", x.clamp(60.0, 292.0))} y="30" text-anchor="middle">{ format!("power cut at {}", words::thousands(props.cut)) }</text>
            <path class="lz-tick" d={format!("M.5 77V81M{certain:.1} 77V81M{gone:.1} 77V81M351.5 77V81")} />
            <text class="t t--dim" x="0" y="92">{ "certain" }</text>
            if gone - certain > 60.0 { <text class="t t--dim" x={format!("{:.1}", certain + 2.0)} y="92">{ "perhaps" }</text> }
            if WIDTH - gone > 30.0 { <text class="t t--dim" x="352" y="92" text-anchor="end">{ "gone" }</text> }
        </svg></div>
    }
}
