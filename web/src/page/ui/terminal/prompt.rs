//! The prompt: a line with the habits of linenoise (redis-cli's line editor) and of a shell, and what could come next in it.
//!
//! The field is the browser's own, so that typing, selecting and input methods work as everywhere; this file adds what the browser lacks:
//! history, Ctrl-A/E/K/U/W, Ctrl-R, Ctrl-C, and a list of completions after the ARIA pattern of a combobox. The worker says what
//! could come next; an answer to an older line is thrown away.

use super::super::{Act, Done, Make, Once};
use std::cell::RefCell;
use std::rc::Rc;
use vitrine_web::protocol::{Answer, Completion, INTERRUPT, ToWorker};
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// How many completions show at a time.
const ROWS: usize = 7;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub tab: u16,
    pub prompt: String,
    pub busy: bool,
    pub enabled: bool,
    pub history: Rc<Vec<String>>,
    pub field: NodeRef,
    pub act: Callback<Act>,
}

/// What the prompt knows of the line.
#[derive(Default)]
struct Line {
    text: String,
    /// The caret, in bytes.
    caret: usize,
    found: Completion,
    /// The list is shown.
    open: bool,
    chosen: usize,
    /// How far back in the history, from 1; 0 is the line being typed, which waits here meanwhile.
    back: usize,
    kept: String,
    /// Ctrl-R: how far back the line was found that has what is typed.
    search: Option<usize>,
    /// Counts questions, so that late answers are known.
    asked: u32,
}

impl Line {
    /// Completions that can be taken; the others only say what has to be typed.
    fn options(&self) -> impl Iterator<Item = (usize, &(String, String))> {
        self.found.candidates.iter().enumerate().filter(|(_, (text, _))| !text.is_empty())
    }

    /// What is typed of the word at the caret.
    fn word(&self) -> &str {
        self.text.get(self.found.start..self.caret).unwrap_or_default()
    }

    /// The grey text behind the line: the rest of what is chosen, or redis-cli's hint.
    fn ghost(&self) -> String {
        if self.caret != self.text.len() || self.text.is_empty() {
            return String::new();
        }
        let word = self.word();
        let chosen = self.found.candidates.get(self.chosen).filter(|_| self.open);
        if let Some((text, about)) = chosen
            && !word.is_empty()
            && text.len() > word.len()
            && text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word))
        {
            let syntax = about.split_once('\t').map_or("", |(syntax, _)| syntax);
            return format!("{} {syntax}", &text[word.len()..]);
        }
        self.found.hint.clone()
    }
}

/// The lines that were typed: what was pasted is one entry of several lines.
fn lines_of(history: &[String]) -> Vec<&str> {
    history.iter().flat_map(|entry| entry.lines()).filter(|line| !line.trim().is_empty()).collect()
}

/// The line that a search finds: the `nth` from the end that contains the text.
fn search<'a>(history: &[&'a str], text: &str, nth: usize) -> Option<&'a str> {
    history.iter().rev().filter(|line| line.contains(text)).nth(nth).copied()
}

/// A place in UTF-16 units, as the browser counts, in bytes.
fn bytes(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return at;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}

#[derive(Clone)]
struct Hand {
    line: Rc<RefCell<Line>>,
    field: NodeRef,
    redraw: UseForceUpdateHandle,
    act: Callback<Act>,
    tab: u16,
}

impl Hand {
    fn input(&self) -> Option<web_sys::HtmlInputElement> {
        self.field.cast()
    }

    /// Puts a text into the field, with the caret at a byte.
    fn put(&self, text: &str, caret: usize) {
        let Some(input) = self.input() else { return };
        input.set_value(text);
        let at = text.get(..caret).unwrap_or(text).encode_utf16().count() as u32;
        let _ = input.set_selection_range(at, at);
    }

    /// The field changed: remembers it, and asks what could come next. `show` opens the list.
    fn changed(&self, show: bool) {
        let Some(input) = self.input() else { return };
        let text = input.value();
        let caret = bytes(&text, input.selection_end().ok().flatten().unwrap_or(u32::MAX));
        let question = {
            let mut line = self.line.borrow_mut();
            line.asked += 1;
            (line.text, line.caret) = (text.clone(), caret);
            line.found = Completion { start: caret, ..Completion::default() };
            line.open = false;
            line.asked
        };
        self.redraw.force_update();
        if text.trim().is_empty() && !show || self.line.borrow().search.is_some() {
            return;
        }
        let (tab, hand) = (self.tab, self.clone());
        let make: Make = Box::new(move |id| ToWorker::Complete { id, tab, line: text, cursor: caret });
        let done: Done = Box::new(move |answer| {
            let Ok(Answer::Completion(found)) = answer else { return };
            let mut line = hand.line.borrow_mut();
            if line.asked != question {
                return;
            }
            line.found = found;
            let first = line.options().next().map_or(0, |(i, _)| i);
            line.chosen = first;
            // Who does not know the language sees at once what there is.
            let language = line.text.trim_start().starts_with(':');
            line.open = show || language || !line.word().is_empty() || !line.found.syntax.is_empty();
            drop(line);
            hand.redraw.force_update();
        });
        self.act.emit(Act::Ask(Once::new(make), Once::new(done)));
    }

    /// Takes a completion in place of the word.
    fn accept(&self, which: usize) {
        let (text, caret) = {
            let line = self.line.borrow();
            let Some((word, _)) = line.found.candidates.get(which) else { return };
            let Some(before) = line.text.get(..line.found.start) else { return };
            let after = line.text.get(line.caret..).unwrap_or_default();
            let blank = if after.starts_with(' ') || word == ":" { "" } else { " " };
            let head = format!("{before}{word}{blank}");
            (format!("{head}{after}"), head.len())
        };
        self.put(&text, caret);
        self.changed(false);
    }

    fn close(&self) {
        self.line.borrow_mut().open = false;
        self.redraw.force_update();
    }

    fn submit(&self, text: String) {
        let asked = self.line.borrow().asked + 1;
        self.line.replace(Line { asked, ..Line::default() });
        self.put("", 0);
        self.redraw.force_update();
        if text.trim().eq_ignore_ascii_case("clear") {
            self.act.emit(Act::ClearTerm(self.tab));
        } else {
            self.act.emit(Act::Type(self.tab, text));
        }
    }

    /// Goes through the history.
    fn recall(&self, history: &[&str], up: bool) {
        let text = {
            let mut line = self.line.borrow_mut();
            if line.back == 0 {
                line.kept = self.input().map(|i| i.value()).unwrap_or_default();
            }
            line.back = if up { (line.back + 1).min(history.len()) } else { line.back.saturating_sub(1) };
            match line.back {
                0 => line.kept.clone(),
                back => history[history.len() - back].to_owned(),
            }
        };
        self.put(&text, text.len());
        let mut line = self.line.borrow_mut();
        line.asked += 1;
        line.found = Completion { start: text.len(), ..Completion::default() };
        (line.caret, line.text, line.open) = (text.len(), text, false);
        drop(line);
        self.redraw.force_update();
    }

    /// The keys of a shell's line editor. Gives whether it was one.
    fn edit(&self, key: &str, history: &[&str]) -> bool {
        let Some(input) = self.input() else { return false };
        let text = input.value();
        let caret = bytes(&text, input.selection_end().ok().flatten().unwrap_or(u32::MAX));
        let (before, after) = text.split_at(caret);
        match key {
            "a" => self.put(&text, 0),
            "e" => self.put(&text, text.len()),
            "k" => self.put(before, before.len()),
            "u" => self.put(after, 0),
            "w" => {
                let kept = before.trim_end().rfind(' ').map_or("", |at| &before[..=at]);
                self.put(&format!("{kept}{after}"), kept.len());
            }
            "l" => self.act.emit(Act::ClearTerm(self.tab)),
            "r" => {
                let mut line = self.line.borrow_mut();
                line.search = match line.search {
                    // The next older one, if there is one.
                    Some(nth) if search(history, &text, nth + 1).is_some() => Some(nth + 1),
                    Some(nth) => Some(nth),
                    None => Some(0),
                };
            }
            "g" => self.line.borrow_mut().search = None,
            "c" => {
                // A selection is copied, as everywhere else.
                let range = (input.selection_start().ok().flatten(), input.selection_end().ok().flatten());
                if range.0 != range.1 {
                    return false;
                }
                self.put("", 0);
                self.line.borrow_mut().search = None;
                self.act.emit(Act::Send(ToWorker::Type { tab: self.tab, line: INTERRUPT.into() }));
            }
            _ => return false,
        }
        self.changed(false);
        true
    }

    fn key(&self, e: &KeyboardEvent, history: &[&str]) {
        let key = e.key();
        let (open, chosen, options, found) = {
            let line = self.line.borrow();
            let options: Vec<usize> = line.options().map(|(i, _)| i).collect();
            let found = line.search.and_then(|nth| search(history, &line.text, nth)).map(str::to_owned);
            (line.open && !options.is_empty(), line.chosen, options, found)
        };
        if e.is_composing() {
            return;
        }
        if e.ctrl_key() && !e.alt_key() && !e.meta_key() {
            if self.edit(&key.to_ascii_lowercase(), history) {
                e.prevent_default();
            }
            return;
        }
        let searching = self.line.borrow().search.is_some();
        match key.as_str() {
            "Enter" => {
                let typed = self.input().map(|i| i.value()).unwrap_or_default();
                self.submit(if searching { found.unwrap_or_default() } else { typed });
            }
            "Tab" | "ArrowRight" | "Escape" if searching => {
                self.line.borrow_mut().search = None;
                let text = found.filter(|_| key != "Escape").unwrap_or_default();
                self.put(&text, text.len());
                self.changed(false);
            }
            "Tab" if e.shift_key() => return,
            "Tab" if open => self.accept(chosen),
            "Tab" => {
                // Only an empty line lets the focus go on: whoever writes one would write the rest of it somewhere else.
                if self.line.borrow().text.is_empty() {
                    return;
                }
                self.changed(true);
            }
            "ArrowUp" | "ArrowDown" if open => {
                let at = options.iter().position(|&i| i == chosen).unwrap_or(0);
                let by = if key == "ArrowUp" { options.len() - 1 } else { 1 };
                self.line.borrow_mut().chosen = options[(at + by) % options.len()];
                self.redraw.force_update();
            }
            "ArrowUp" | "ArrowDown" => self.recall(history, key == "ArrowUp"),
            "Escape" if self.line.borrow().open => self.close(),
            "Escape" => {
                if let Some(input) = self.input() {
                    let _ = input.blur();
                }
            }
            "ArrowLeft" | "ArrowRight" | "Home" | "End" => {
                // What could come next is known for where the caret was.
                self.close();
                return;
            }
            _ => return,
        }
        e.prevent_default();
    }
}

fn list(hand: &Hand) -> Html {
    let line = hand.line.borrow();
    let options: Vec<usize> = line.options().map(|(i, _)| i).collect();
    let at = options.iter().position(|&i| i == line.chosen).unwrap_or(0);
    let first = at.saturating_sub(ROWS / 2).min(options.len().saturating_sub(ROWS));
    let row = |&i: &usize| {
        let (text, about) = &line.found.candidates[i];
        let syntax = about.split_once('\t').map_or("", |(syntax, _)| syntax);
        let hand = hand.clone();
        let onmousedown = Callback::from(move |e: MouseEvent| {
            // The focus stays in the field.
            e.prevent_default();
            hand.accept(i);
        });
        html! { <div role="option" id={format!("term-ac-{i}")} aria-selected={(i == line.chosen).to_string()} {onmousedown}>
        <span><b>{ text }</b>{ format!(" {syntax}") }</span></div> }
    };
    let about = line
        .found
        .candidates
        .get(line.chosen)
        .map(|(_, about)| about.split_once('\t').map_or(about.as_str(), |(_, sentence)| sentence));
    // What has to be typed and cannot be chosen.
    let hints = line.found.candidates.iter().filter(|(text, _)| text.is_empty());
    html! {
        <div class="ac">
            <div role="listbox" id="term-ac" aria-label="Completions">
                { for options.iter().skip(first).take(ROWS).map(row) }
            </div>
            { for hints.map(|(_, about)| html! { <p>{ about }</p> }) }
            if let Some(about) = about.filter(|_| !options.is_empty()) {
                <p>{ about.to_owned() }</p>
            } else if let [before, here, after, summary] = &line.found.syntax[..] {
                <p class="ac__s">{ before }{ " " }<b>{ here }</b>{ " " }{ after }</p>
                <p>{ summary }</p>
            }
        </div>
    }
}

#[component]
pub fn Prompt(props: &Props) -> Html {
    let line = use_mut_ref(Line::default);
    let redraw = use_force_update();
    let hand = Hand {
        line: line.clone(),
        field: props.field.clone(),
        redraw,
        act: props.act.clone(),
        tab: props.tab,
    };
    // Another tab has another line.
    use_effect_with(props.tab, {
        let hand = hand.clone();
        move |_| {
            let asked = hand.line.borrow().asked + 1;
            hand.line.replace(Line { asked, ..Line::default() });
            hand.put("", 0);
            hand.redraw.force_update();
        }
    });
    let oninput = {
        let hand = hand.clone();
        Callback::from(move |_: InputEvent| {
            hand.line.borrow_mut().back = 0;
            hand.changed(false);
        })
    };
    let onkeydown = {
        let (hand, history) = (hand.clone(), props.history.clone());
        Callback::from(move |e: KeyboardEvent| hand.key(&e, &lines_of(&history)))
    };
    let onblur = {
        let hand = hand.clone();
        Callback::from(move |_: FocusEvent| hand.close())
    };
    // Several lines at once are several commands; what follows the last line break stays in the field.
    let onpaste = {
        let hand = hand.clone();
        Callback::from(move |e: Event| {
            let Some(field) = hand.input() else { return };
            let Ok(e) = e.dyn_into::<web_sys::ClipboardEvent>() else { return };
            let Some(text) = e.clipboard_data().and_then(|d| d.get_data("text").ok()) else { return };
            if !text.contains('\n') {
                return;
            }
            e.prevent_default();
            let text = format!("{}{}", field.value(), text.replace('\r', ""));
            let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
            // With their last line end, by which the worker knows a paste.
            hand.submit(format!("{lines}\n"));
            hand.put(rest, rest.len());
            hand.changed(false);
        })
    };
    let shown = line.borrow();
    let has_options = shown.options().next().is_some();
    let open =
        shown.open && (has_options || !shown.found.candidates.is_empty() || !shown.found.syntax.is_empty());
    let found = shown
        .search
        .map(|nth| search(&lines_of(&props.history), &shown.text, nth).unwrap_or("nothing like it"));
    let ghost = found.map_or_else(|| shown.ghost(), |found| format!("   {found}"));
    let expanded = open && has_options;
    let prompt = if found.is_some() { "(reverse-i-search)" } else { &props.prompt };
    html! {
        <div class="term__i"><label class="pr" for="term-input">{ prompt }</label>
            <span class="term__f">
                <input ref={props.field.clone()} id="term-input" spellcheck="false" autocomplete="off" autocapitalize="off" aria-label="Command"
                    role="combobox" aria-autocomplete="list" aria-expanded={expanded.to_string()} aria-controls="term-ac"
                    aria-activedescendant={expanded.then(|| format!("term-ac-{}", shown.chosen))}
                    aria-describedby="term-hint" enterkeyhint="send" disabled={!props.enabled}
                    {oninput} {onkeydown} {onblur} {onpaste} placeholder={props.busy.then_some("waiting for the reply")} />
                if !ghost.is_empty() {
                    <span class="ghost" id="term-hint"><i aria-hidden="true">{ &shown.text }</i>{ ghost }</span>
                }
            </span>
            if open { { list(&hand) } }
        </div>
    }
}
