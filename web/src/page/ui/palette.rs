//! The palette of faults: a click arms one, the next click on a node does it. Each family opens to a labelled list; in a narrow
//! window nothing else of it is seen.

use super::{Act, Armed, MenuTarget, icon, menu};
use crate::page::shared::Shared;
use vitrine_web::faults::{Family, Row, Subject};
use vitrine_web::model::Cluster;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub cluster: Shared<Cluster>,
    pub armed: Option<Armed>,
    pub act: Callback<Act>,
}

#[component]
pub fn Palette(props: &Props) -> Html {
    let nodes = props.cluster.nodes.len();
    let tool = |row: &'static Row| {
        let armed = props.armed.as_ref().is_some_and(|a| a.row == row);
        let any = (0..nodes).any(|n| row.fits_node(&props.cluster, n));
        let open = Subject { a: "…".into(), b: "…".into() };
        let key = row.key.map_or(String::new(), |key| format!("  {key}"));
        let tip = format!("{}{key}\n{}", row.name, row.usual_lines(&props.cluster, &open));
        html! {
            <button class={classes!("ib", armed.then_some("armed"))} aria-label={row.name} data-tip={tip}
                aria-pressed={armed.to_string()} disabled={!any} onclick={props.act.reform(move |_| Act::Arm(Some(row)))}>
                { icon(row.icon) }</button>
        }
    };
    let list = |target: MenuTarget, symbol: &'static str, name: &'static str| {
        let open = props.act.reform(move |e: MouseEvent| {
            let (x, y) = menu::beside(e.target());
            Act::Menu(target, x, y)
        });
        html! {
            <button class="fam" aria-haspopup="menu" aria-label={format!("{name}: the whole list")} data-tip={format!("{name}: the whole list")}
                disabled={nodes == 0} onclick={open}>{ icon(symbol) }<span>{ name }</span></button>
        }
    };
    html! {
        <div class="palette" role="toolbar" aria-label="Faults" aria-orientation="vertical">
            { for Family::PALETTE.into_iter().map(|family| {
                let (name, symbol) = family.name();
                html! {
                    <fieldset><legend>{ list(MenuTarget::Family(family), symbol, name) }</legend>
                        { for family.rows().filter(|row| row.shown).map(tool) }</fieldset>
                }
            }) }
            { list(MenuTarget::UnderWay, "i-msg", "Messages") }
        </div>
    }
}
