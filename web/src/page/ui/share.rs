//! Giving a run away and taking one in: the link, the file, and what is opened.

use super::dialog::Dialog;
use super::{Act, Done, Make, Once, icon, topbar};
use crate::page::link;
use std::cell::Cell;
use std::rc::Rc;
use vitrine_web::protocol::{Answer, ToWorker};
use wasm_bindgen::prelude::*;
use yew::prelude::*;

/// The longest file that is opened, in bytes: the engine takes no longer text, and a dump has to fit into the memory of a tab.
const FILE_LEN_MAX: f64 = 256.0 * 1024.0 * 1024.0;

/// After how long a saved file is given up by the page, in milliseconds.
const FORGET_MS: i32 = 10_000;

/// Asks the worker; the answer goes to `done`.
fn ask(
    act: &Callback<Act>,
    make: impl FnOnce(u32) -> ToWorker + 'static,
    done: impl FnOnce(Result<Answer, String>) + 'static,
) {
    let (make, done): (Make, Done) = (Box::new(make), Box::new(done));
    act.emit(Act::Ask(Once::new(make), Once::new(done)));
}

/// Begins another world; what is wrong is shown by the caller, and a world that begins closes the dialog.
pub fn begin(
    act: &Callback<Act>,
    text: String,
    dump: Option<Vec<u8>>,
    wait: bool,
    wrong: &UseStateHandle<String>,
) {
    let (wrong, done) = (wrong.clone(), act.clone());
    let wall_us = js_sys::Date::now() * 1000.0;
    let dump = dump.map(serde_bytes::ByteBuf::from);
    ask(
        act,
        move |id| ToWorker::Open { id, text, dump, wall_us, wait },
        move |answer| match answer {
            Ok(_) => done.emit(Act::Dialog(None)),
            Err(why) => wrong.set(why),
        },
    );
}

/// The files that were chosen in a field.
pub fn files_of(event: &Event) -> Option<web_sys::FileList> {
    event
        .target()
        .and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok())
        .and_then(|input| input.files())
}

/// Opens the first of these files: a dump.rdb by its first bytes, else the text of a scenario.
pub fn dropped(files: Option<web_sys::FileList>, act: &Callback<Act>, wrong: &UseStateHandle<String>) {
    let Some(file) = files.and_then(|files| files.get(0)) else { return };
    if file.size() > FILE_LEN_MAX {
        wrong.set("This file is longer than 256 MB.".to_owned());
        return;
    }
    let (act, wrong) = (act.clone(), wrong.clone());
    wasm_bindgen_futures::spawn_local(async move {
        let bytes = match wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await {
            Ok(buffer) => js_sys::Uint8Array::new(&buffer).to_vec(),
            Err(why) => return wrong.set(format!("The file cannot be read: {}", link::describe(&why))),
        };
        if bytes.starts_with(b"REDIS") {
            return begin(&act, String::new(), Some(bytes), false, &wrong);
        }
        match String::from_utf8(bytes) {
            Ok(text) => begin(&act, text, None, true, &wrong),
            Err(_) => wrong.set(
                "This file is neither a scenario, which is text, nor a dump.rdb, which begins with REDIS."
                    .to_owned(),
            ),
        }
    });
}

/// Saves the run as a file.
pub fn export(act: &Callback<Act>) {
    let said = act.clone();
    ask(
        act,
        |id| ToWorker::Share { id, link: false },
        move |answer| {
            let text = match answer {
                Ok(Answer::Said(text)) => download(&text).map_err(|why| link::describe(&why)),
                Ok(_) => Ok(()),
                Err(why) => Err(why),
            };
            if let Err(why) = text {
                said.emit(Act::Notice(Some(why)));
            }
        },
    );
}

fn download(text: &str) -> Result<(), JsValue> {
    let blob = web_sys::Blob::new_with_str_sequence(&js_sys::Array::of1(&text.into()))?;
    let url = web_sys::Url::create_object_url_with_blob(&blob)?;
    let anchor: web_sys::HtmlElement =
        link::document().create_element("a")?.dyn_into().map_err(JsValue::from)?;
    anchor.set_attribute("href", &url)?;
    anchor.set_attribute("download", "run.vitrine")?;
    anchor.click();
    // The browser reads it after this; then it may go.
    let forget = Closure::once_into_js(move || {
        let _ = web_sys::Url::revoke_object_url(&url);
    });
    let forget = forget.unchecked_ref();
    link::window().set_timeout_with_callback_and_timeout_and_arguments_0(forget, FORGET_MS).map(|_| ())
}

/// The address of this page with what stands behind it.
fn address(link: &str) -> String {
    let location = crate::page::link::window().location();
    let here = location.href().unwrap_or_default();
    format!("{}{link}", here.split('#').next().unwrap_or_default())
}

#[derive(PartialEq, Properties)]
pub struct Props {
    pub act: Callback<Act>,
}

/// The link to the run so far, which is on the clipboard already if the browser allows that.
#[component]
pub fn Share(props: &Props) -> Html {
    let shown = use_state(|| None::<Result<String, String>>);
    {
        let (act, shown) = (props.act.clone(), shown.clone());
        use_effect_with((), move |()| {
            ask(
                &act,
                |id| ToWorker::Share { id, link: true },
                move |answer| {
                    shown.set(Some(match answer {
                        Ok(Answer::Said(link)) => Ok(address(&link)),
                        Ok(_) => Err("The engine answered something else.".to_owned()),
                        Err(why) => Err(why),
                    }));
                },
            );
        });
    }
    let copy = {
        let (shown, act) = (shown.clone(), props.act.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(Ok(link)) = &*shown {
                let _ = crate::page::link::window().navigator().clipboard().write_text(link);
                act.emit(Act::Notice(Some("The link is on the clipboard.".to_owned())));
                act.emit(Act::Dialog(None));
            }
        })
    };
    let save = {
        let act = props.act.clone();
        Callback::from(move |_: MouseEvent| export(&act))
    };
    html! {
        <Dialog title="Share this run" close={props.act.reform(|()| Act::Dialog(None))}>
            { match &*shown {
                None => Html::default(),
                Some(Ok(link)) => html! { <>
                    <p class="sheet__p">{ "The link holds the seed and everything that was done, and nothing else. Whoever opens it sees the same run, \
                        to the last byte, up to this instant." }</p>
                    <div class="field"><input id="share-link" readonly=true aria-label="Link to this run" value={link.clone()} /></div>
                    <p class="dim">{ format!("{} characters", vitrine_web::words::thousands(link.len() as u64)) }</p>
                    <div class="row"><button class="btn btn--go" id="share-copy" onclick={copy}>{ "Copy" }</button>
                        <button class="btn btn--quiet" onclick={save}>{ "Save as a file" }</button></div></> },
                Some(Err(why)) => html! { <><p class="al" role="alert" id="share-refused">{ why }</p>
                    <div class="row"><button class="btn" onclick={save}>{ "Save as a file" }</button></div></> },
            } }
        </Dialog>
    }
}

/// In the head of the tape: what was opened and waits, with the button that lets it begin; nothing if there is none.
pub fn opened(text: &AttrValue, act: &Callback<Act>) -> Html {
    if text.is_empty() {
        return Html::default();
    }
    let play = topbar::play_pause(false, act);
    html! { <div class="opened" id="opened" role="status"><span>{ text }</span>
    <button class="btn btn--sm btn--go" id="opened-play" onclick={play}>{ icon("i-play") }{ "Play" }</button></div> }
}

/// The link in the address of this page, if there is one.
pub fn in_address() -> Option<String> {
    let hash = link::window().location().hash().ok()?;
    hash.starts_with("#s=").then_some(hash)
}

/// Takes the link out of the address: what it was of has begun, and a reload is to come back to it.
pub fn forget_address() {
    if in_address().is_some()
        && let Ok(history) = link::window().history()
    {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address("")));
    }
}

/// Opens what comes into the address while the page is there.
pub fn follow_address(act: Callback<Act>) {
    let busy = Rc::new(Cell::new(false));
    let changed = Closure::<dyn FnMut()>::new(move || {
        let Some(text) = in_address().filter(|_| !busy.replace(true)) else { return };
        let (busy, said) = (busy.clone(), act.clone());
        ask(
            &act,
            move |id| ToWorker::Open { id, text, dump: None, wall_us: 0.0, wait: true },
            move |answer| {
                busy.set(false);
                if let Err(why) = answer {
                    said.emit(Act::Notice(Some(why)));
                }
            },
        );
    });
    let _ = link::window().add_event_listener_with_callback("hashchange", changed.as_ref().unchecked_ref());
    changed.forget();
}
