//! What a row takes, to be changed before it is done. The line that will run is shown, and what the engine thinks of it.

use super::super::looking::use_look;
use super::super::{Act, icon, value_of};
use crate::page::shared::Shared;
use vitrine_web::faults::{Arg, Asks, On, Row, Subject, name_in_line, quote};
use vitrine_web::look::Look;
use vitrine_web::model::{Boot, Cluster, NodeIndex};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub row: &'static Row,
    /// What it is done to; none if that is chosen here.
    pub subject: Option<Subject>,
    pub name: String,
    pub cluster: Shared<Cluster>,
    pub boot: Option<Shared<Boot>>,
    pub selected: Option<NodeIndex>,
    pub back: Callback<()>,
    pub act: Callback<Act>,
}

/// The first values of a form are what it is about and how long it lasts; its arguments follow.
const A: usize = 0;
const B: usize = 1;
const LASTING: usize = 2;
const ARGS: usize = 3;

const DURATION: Arg = Arg {
    name: "For",
    asks: Asks::Text { hint: "until it is ended, or a time such as 5s", presets: &["", "1s", "10s", "1m"] },
};

fn conf_of(boot: Option<&Boot>, node: &str) -> String {
    let found = boot.and_then(|b| b.nodes.iter().find(|n| name_in_line(&n.name) == node));
    found.map_or(String::new(), |n| n.conf.clone())
}

#[component]
pub fn Form(props: &Props) -> Html {
    let (row, c) = (props.row, &props.cluster);
    // Names as a line has them, of the nodes that the row fits.
    let names: Vec<String> =
        (0..c.nodes.len()).filter(|&i| row.fits_node(c, i)).map(|i| name_in_line(&c.nodes[i].name)).collect();
    let boot = props.boot.as_deref();
    let values = use_state(|| {
        let chosen = props.selected.filter(|&i| row.fits_node(c, i.into()));
        let chosen = chosen.map(|i| name_in_line(&c.nodes[usize::from(i)].name));
        let first = chosen.or_else(|| names.first().cloned()).unwrap_or_default();
        let subject = props.subject.clone().unwrap_or(Subject { a: first, b: "*".into() });
        let mut values = vec![subject.a, subject.b, String::new()];
        for arg in row.args {
            values.push(if arg.asks == Asks::Conf {
                conf_of(boot, &values[A])
            } else {
                arg.usual().to_owned()
            });
        }
        values
    });
    let set = {
        let values = values.clone();
        let boot = props.boot.clone();
        Callback::from(move |(n, value): (usize, String)| {
            let mut all = (*values).clone();
            if n == A {
                for (at, _) in row.args.iter().enumerate().filter(|(_, arg)| arg.asks == Asks::Conf) {
                    all[ARGS + at] = conf_of(boot.as_deref(), &value);
                }
            }
            all[n] = value;
            values.set(all);
        })
    };
    let args: Vec<String> = (row.args.iter().zip(&values[ARGS..]))
        .map(|(arg, value)| if arg.asks == Asks::Conf { quote(value) } else { value.clone() })
        .collect();
    let subject = Subject { a: values[A].clone(), b: values[B].clone() };
    let line = row.lines(c, &subject, &args, &values[LASTING]);
    let judged = use_look(Some(Look::Line(line.clone())), 0, &props.act);
    let why = judged.as_deref().and_then(|judged| judged.as_ref().err()).cloned();
    let submit = {
        let (act, line, refused) = (props.act.clone(), line.clone(), why.is_some());
        Callback::from(move |e: SubmitEvent| {
            e.prevent_default();
            if !refused {
                act.emit(Act::CloseMenu);
                act.emit(Act::Line(line.clone()));
            }
        })
    };
    let field = |n: usize, arg: &Arg| field(n, arg, &values[n], &subject, &set);
    let choose = |n: usize, name: &'static str, any: bool| {
        let set = set.clone();
        let others = names.iter().filter(|name| n == A || **name != values[A]);
        html! { <div class="fld"><label for={format!("menu-f{n}")}>{ name }</label>
        <select id={format!("menu-f{n}")} onchange={Callback::from(move |e: Event| set.emit((n, value_of(&e))))}>
            if any { <option value="*" selected={values[n] == "*"}>{ "every other host" }</option> }
            { for others.map(|name| html! {
                <option value={name.clone()} selected={values[n] == *name}>{ name.clone() }</option> }) }
        </select></div> }
    };
    let fixed_link = props.subject.as_ref().is_some_and(|s| s.b != "*");
    let arm = props.subject.is_none() && matches!(row.on, On::Node | On::Link | On::Nodes);
    let back = props.back.reform(|_: MouseEvent| ());
    html! {
        <form onsubmit={submit} autocomplete="off">
            <div class="menu__h"><button type="button" class="ib ib--sm menu__b" aria-label="Back" onclick={back}>{ icon("i-chev") }</button>
                <b>{ &props.name }</b><span>{ row.name }</span></div>
            <p class="menu__p">{ row.help }</p>
            if row.on == On::Node && props.subject.is_none() { { choose(A, "Node", false) } }
            if row.on == On::Link && props.subject.is_none() { { choose(A, "From", false) } }
            if row.on == On::Link && !fixed_link { { choose(B, "To", true) } }
            if row.on == On::Nodes {
                { field(A, &Arg { name: "Nodes", asks: Asks::Text { hint: "names, with | between groups", presets: &[] } }) }
            }
            { for row.args.iter().enumerate().map(|(n, arg)| field(ARGS + n, arg)) }
            if row.lasts() { { field(LASTING, &DURATION) } }
            <code class="menu__line" id="menu-line">{ &line }</code>
            if let Some(why) = &why { <p class="menu__p al" role="alert" id="menu-why">{ why }</p> }
            <div class="menu__do">
                <button type="submit" class="btn" id="menu-run" aria-disabled={why.is_some().to_string()}>{ icon("i-play") }{ "Run" }</button>
                if arm {
                    <button type="button" class="btn btn--quiet" onclick={props.act.reform(move |_| Act::Arm(Some(row)))}>
                        { "Choose on the stage" }</button>
                }
            </div>
        </form>
    }
}

fn field(n: usize, arg: &Arg, value: &str, subject: &Subject, set: &Callback<(usize, String)>) -> Html {
    let id = format!("menu-f{n}");
    let put = {
        let set = set.clone();
        Callback::from(move |e: InputEvent| set.emit((n, value_of(&e))))
    };
    let control = match arg.asks {
        Asks::Conf => {
            html! { <textarea {id} rows="8" spellcheck="false" value={value.to_owned()} oninput={put} /> }
        }
        Asks::Choice(of) => {
            let set = set.clone();
            html! {
                <select {id} onchange={Callback::from(move |e: Event| set.emit((n, value_of(&e))))}>
                    { for of.iter().map(|(word, meaning)| html! {
                        <option value={*word} selected={value == *word}>
                            { meaning.replace("{a}", &subject.a).replace("{b}", &subject.b) }</option>
                    }) }
                </select>
            }
        }
        Asks::Text { hint, presets } => html! { <>
            if presets.len() > 1 {
                <span class="seg" role="group" aria-label={format!("{}: usual values", arg.name)}>
                    { for presets.iter().map(|&preset| {
                        let set = set.clone();
                        html! { <button type="button" aria-pressed={(value == preset).to_string()}
                            onclick={Callback::from(move |_: MouseEvent| set.emit((n, preset.to_owned())))}>
                            { if preset.is_empty() { "–" } else { preset } }</button> }
                    }) }
                </span>
            }
            <input {id} type="text" spellcheck="false" autocapitalize="off" value={value.to_owned()} placeholder={hint} title={hint} oninput={put} />
        </> },
    };
    html! { <div class="fld"><label for={format!("menu-f{n}")}>{ arg.name }</label>{ control }</div> }
}
