//! The whole screen: which parts stand where, and what lies over them.

use super::share::Share;
use super::stage::Stage;
use super::topology::Topology;
use super::{
    Act, Panel, Sheet, compare, help, inspector, ledger, lesson, menu, slotmap, tape, terminal, tip, topbar,
    why,
};
use crate::page::app::App;
use vitrine_web::loads;
use vitrine_web::model::Phase;
use vitrine_web::words;
use yew::prelude::*;

pub fn view(app: &App, act: &Callback<Act>) -> Html {
    let folded = app.folded.then_some("app--lesson-folded");
    let over = app.over.then_some("app--lesson-over");
    let close = act.reform(|_: MouseEvent| Act::CloseMenu);
    html! {
        <>
        <div class={classes!("app", app.panel.class(), folded, over)}>
            <topbar::TopBar now_us={app.now_us} playing={app.playing} going={app.going} speed={app.speed}
                phase={app.phase.clone()} back_us={app.back_us()} seed={app.boot.as_ref().map(|b| b.seed.clone())}
                nodes={app.cluster.nodes.len()} stopped={app.stopped.is_some()} act={act.clone()} />
            <lesson::Lesson cluster={app.cluster.clone()} phase={app.phase.clone()}
                typed={app.term.values().any(|t| t.typed)} act={act.clone()} />
            <Stage cluster={app.cluster.clone()} roster={app.roster.clone()} layout={app.layout.clone()} marks={app.mark_list.clone()}
                traffic={app.traffic.clone()} tenths={app.now_us / 100_000} selected={app.selected} lit={app.lit.clone()}
                armed={app.armed.clone()} beat={app.beat} heat={app.heat} still={app.still} playing={app.playing}
                speed={app.speed} phase={app.phase.clone()} stopped={app.stopped.clone()} silent={app.silent}
                notice={app.notice.clone()} trip={app.trip.clone()} act={act.clone()} />
            <inspector::Inspector cluster={app.cluster.clone()} detail={app.detail.clone()}
                selected={app.selected} pane={app.pane} tenths={app.now_us / 100_000} beat={app.beat} playing={app.playing} slots={app.slots} act={act.clone()} />
            <ledger::Ledger cluster={app.roster.clone()} password={password(app)} tray={app.tray} storage={app.storage.clone()} beat={app.beat} act={act.clone()} />
            <terminal::Terminal cluster={app.roster.clone()} tabs={terminal::Tabs::of(&app.term)} tab={app.term_tab} selected={app.selected}
                enabled={app.boot.is_some() && app.stopped.is_none()} beat={app.beat} act={act.clone()} />
            <tape::TapeView cluster={app.roster.clone()} tape={app.tape.clone()} future={app.future.clone()}
                time={app.time.clone()} now_us={app.tape_us} opened={opened(app)} act={act.clone()} />
            { phone_tabs(app, act) }
            { phone_bar(app, act) }
        </div>
        if let Some((target, x, y)) = app.menu {
            <div class="scrim" onclick={close.clone()} oncontextmenu={close}></div>
            <menu::Menu key={format!("{target:?}")} {target} {x} {y} cluster={app.cluster.clone()} boot={app.boot.clone()}
                selected={app.selected} tenths={app.now_us / 100_000} beat={app.beat} act={act.clone()} />
        }
        if let Some(about) = &app.why {
            <why::WhyView about={about.clone()} cluster={app.cluster.clone()} act={act.clone()} />
        }
        if app.compare {
            <compare::Compare time={app.time.clone()} now_us={app.now_us} cluster={app.cluster.clone()} act={act.clone()} />
        }
        if app.slots { { slotmap::window(app.cluster.clone(), app.playing, app.beat, act) } }
        { match app.dialog {
            Some(Sheet::Topology) => html! { <Topology act={act.clone()} /> },
            Some(Sheet::Help) => html! { <help::Help shortcuts={app.shortcuts} act={act.clone()} /> },
            Some(Sheet::Share) => html! { <Share act={act.clone()} /> },
            None => Html::default(),
        } }
        <tip::Tip />
        <div class="sr" role="status" aria-live="polite">{ &app.spoken }</div>
        </>
    }
}

/// What clients have to say first in this world, once somebody looks at what they do.
fn password(app: &App) -> AttrValue {
    let boot = app.boot.as_ref().filter(|_| app.tray.is_some());
    boot.map_or_else(String::new, |boot| loads::password(boot.nodes.iter().map(|n| n.conf.as_str()))).into()
}

/// What was opened, as long as nothing has happened in it.
fn opened(app: &App) -> AttrValue {
    let waits = matches!(app.phase, Phase::Starting { .. }) && !app.playing;
    let boot = app.boot.as_ref().filter(|_| waits);
    boot.map_or(AttrValue::from(""), |boot| boot.opened.clone().into())
}

fn phone_tabs(app: &App, act: &Callback<Act>) -> Html {
    html! {
        <nav class="mtabs" aria-label="Panels"><div role="tablist" aria-label="Panel">
            { for Panel::ALL.into_iter().map(|panel| html! {
                <button role="tab" aria-selected={(app.panel == panel).to_string()}
                    onclick={act.reform(move |_| Act::Panel(panel))}>{ panel.name() }</button>
            }) }
        </div><button class="ib" id="more" aria-label="More" aria-haspopup="menu" disabled={app.boot.is_none() || app.stopped.is_some()}
            onclick={act.reform(|_| Act::Menu(super::MenuTarget::More, 0, 0))}>{ super::icon("i-more") }</button></nav>
    }
}

fn phone_bar(app: &App, act: &Callback<Act>) -> Html {
    let text = words::clock_short(app.now_us);
    let (whole, part) = text.split_at(text.len() - 4);
    let held = (!app.playing).then_some("held");
    let runs = app.playing || app.going;
    let back = app.back_us().map(topbar::back_text);
    let at = words::SPEEDS.iter().position(|&s| s >= app.speed * 0.999).unwrap_or(3);
    // One button walks through the useful speeds of a phone: 1, 10, 100, then back to a hundredth.
    let next = [3, 4, 5, 1, 2].iter().position(|&n| n == at).map_or(3, |n| [4, 5, 1, 2, 3][n]);
    html! {
        <section class="mbar" aria-label="Time">
            if let Some(back) = back {
                <button class="clock clock--back" aria-label={format!("{back}: return to the end of the run")}
                    onclick={act.reform(|_| Act::Line("live".into()))}><span>{ whole }<b>{ part }</b><small>{ back }</small></span></button>
            } else {
                <div class={classes!("clock", held)}><span>{ whole }<b>{ part }</b></span></div>
            }
            <button class="ib" aria-label="Step back one event" onclick={topbar::step_back(act)}>{ super::icon("i-prev") }</button>
            <button class="ib ib--play" aria-label={if runs { "Pause" } else { "Play" }}
                onclick={topbar::play_pause(runs, act)}>
                { super::icon(if runs { "i-hold2" } else { "i-play" }) }</button>
            <button class="ib" aria-label="Step one event" onclick={topbar::step(act)}>{ super::icon("i-next") }</button>
            <button class="btn num" aria-label={format!("Speed {}", words::speed(app.speed))}
                onclick={topbar::speed_to(words::SPEEDS[next], act)}>{ words::speed(app.speed) }</button>
            <button class="btn" id="break" aria-haspopup="menu" disabled={app.cluster.nodes.is_empty()}
                onclick={break_menu(app, act)}>{ super::icon("i-bolt") }<span>{ "Break" }</span></button>
        </section>
    }
}

/// On a phone: the menu of the selected node, else everything that can be broken.
fn break_menu(app: &App, act: &Callback<Act>) -> Callback<MouseEvent> {
    let target = app.selected.map_or(super::MenuTarget::All, super::MenuTarget::Node);
    act.reform(move |_| Act::Menu(target, 0, 0))
}
