//! What the node logged, newest first.

use crate::page::shared::Shared;
use vitrine_web::model::Detail;
use vitrine_web::words;
use yew::prelude::*;

pub fn view(detail: Option<&Shared<Detail>>) -> Html {
    let Some(detail) = detail else { return Html::default() };
    if detail.log.is_empty() {
        return html! { <p class="empty">{ "The log is empty." }</p> };
    }
    html! {
        <ol class="log" reversed=true>
            { for detail.log.iter().rev().map(|line| {
                let class = (line.mark == '#').then_some("w");
                html! { <li {class}><span>{ words::clock_short(line.at_us) }</span><span>{ line.mark.to_string() }</span><span>{ &line.text }</span></li> }
            }) }
        </ol>
    }
}
