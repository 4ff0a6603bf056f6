//! The clients of workloads: a card for each, and a line to every node that it had to do with in the last second.

use super::super::{Act, MenuTarget, menu};
use super::way::Way;
use crate::page::shared::Shared;
use std::rc::Rc;
use vitrine_web::clients::{Card, Client};
use vitrine_web::geometry::CARD_HEIGHT;
use vitrine_web::geometry::Layout;
use vitrine_web::model::NodeIndex;
use vitrine_web::words;
use yew::prelude::*;

/// How many seeds a card has room for.
const SEEDS_MAX: usize = 4;

/// The clients that there is room for, each with its card.
pub type Drawn = Rc<Vec<(Client, Card)>>;

#[derive(PartialEq, Properties)]
pub struct LinesProps {
    pub layout: Shared<Layout>,
    pub clients: Drawn,
}

/// The lines, drawn under the nodes.
#[component]
pub fn Lines(props: &LinesProps) -> Html {
    let l = &props.layout;
    let line = |card: &Card, node: NodeIndex, way: &str| {
        let Some(seat) = l.seats.get(usize::from(node)) else { return Html::default() };
        html! { <path class={format!("talk talk--{way}")} d={Way::new(l, (card.port, 0.0), (seat.at, seat.r + 10.0), 0.0).path()} /> }
    };
    html! {
        <g class="talks" aria-hidden="true">
            { for props.clients.iter().flat_map(|(client, card)| client.talks.iter().map(|(node, way)| line(card, *node, way))) }
        </g>
    }
}

#[derive(PartialEq, Properties)]
pub struct CardsProps {
    pub clients: Drawn,
    pub act: Callback<Act>,
}

/// The cards.
#[component]
pub fn Cards(props: &CardsProps) -> Html {
    html! { <>{ for props.clients.iter().map(|(client, card)| self::card(&props.act, client, card)) }</> }
}

fn card(act: &Callback<Act>, client: &Client, card: &Card) -> Html {
    let target = MenuTarget::Client(client.host);
    let (open, key) = (menu::by_pointer(act, target), menu::by_key(act, target));
    let right = (card.width - 10.0).to_string();
    let (name, rate) = (title(client), rate(client));
    let (command_class, fate_class) =
        if client.failed { ("t t--alert", "t t--alert") } else { ("t", "t t--dim") };
    // What is left of the last line beside the fate.
    let room = ((card.width - 34.0) / 6.8) as usize - client.fate.chars().count().min(12);
    let more = client.seeds.len().saturating_sub(SEEDS_MAX);
    // What is read on the card stands beside the button, not in it: its name says the same in a sentence.
    html! {
        <g class={classes!("client", "lbl", (!client.running).then_some("client--off"))} id={format!("client-{}", client.name)}
            transform={format!("translate({:.1} {:.1})", card.at.x, card.at.y)}>
            <g class="client__b" role="button" tabindex="0" aria-haspopup="menu" aria-label={spoken(client)}
                onclick={open.clone()} oncontextmenu={open} onkeydown={key}>
                <rect class="client__box" width={card.width.to_string()} height={CARD_HEIGHT.to_string()} rx="3" />
                <path class="client__ear" d={format!("M0 .5V{}", CARD_HEIGHT - 0.5)} />
            </g>
            <text class="t t--strong" x="12" y="17">{ name }</text>
            <text class="t" x={right.clone()} y="17" text-anchor="end">{ rate }</text>
            <text class="t t--dim" x="12" y="35">{ if client.seeds.is_empty() { "seeds: every node" } else { "seeds" } }</text>
            { for client.seeds.iter().take(SEEDS_MAX).enumerate().map(|(i, (seed, answers))| html! {
                <g class={if *answers { "seed" } else { "seed seed--down" }} transform={format!("translate({} 24.5)", 52 + i * 26)}>
                    <rect width="23" height="14" rx="2" /><text x="11.5" y="11" text-anchor="middle">{ words::shortened(seed, 3) }</text></g>
            }) }
            if more > 0 { <text class="t t--dim" x={(52 + SEEDS_MAX * 26).to_string()} y="35">{ format!("+{more}") }</text> }
            <text class={command_class} x="12" y="53">{ words::shortened(&client.command, room) }</text>
            <text class={fate_class} x={right} y="53" text-anchor="end">{ words::shortened(&client.fate, 12) }</text>
        </g>
    }
}

fn title(client: &Client) -> String {
    let name = words::shortened(&client.name, 10);
    if client.count == "1" { name } else { format!("{name} × {}", client.count) }
}

fn rate(client: &Client) -> String {
    if client.running { format!("{} op/s", client.rate) } else { "stopped".to_owned() }
}

fn spoken(client: &Client) -> String {
    let names: Vec<&str> = client.seeds.iter().map(|(name, _)| name.as_str()).collect();
    let seeds = if names.is_empty() { "every node".to_owned() } else { names.join(", ") };
    format!(
        "Clients {}: {}, seeds {seeds}, last {}, {}",
        title(client),
        rate(client),
        client.command,
        client.fate
    )
}
