//! A partition: a straight hatched wall with a handle that heals it.

use super::super::Act;
use vitrine_web::geometry::{Layout, WALL_WIDTH};
use vitrine_web::model::Cluster;
use yew::prelude::*;

/// The wall, if there is one, and what lies behind it.
pub fn view(c: &Cluster, l: &Layout, act: &Callback<Act>) -> Html {
    let Some(x) = l.wall_x else { return Html::default() };
    let side = |bay: bool| c.masters_seen_from(|node| l.seats[node as usize].in_bay == bay);
    let words = |(some, all): (usize, usize)| {
        (format!("sees {some} of {all} masters"), if some * 2 > all { "majority" } else { "no majority" })
    };
    let (here, there) = (words(side(false)), words(side(true)));
    let behind: Vec<&str> = c
        .nodes
        .iter()
        .enumerate()
        .filter(|(i, _)| l.seats[*i].in_bay)
        .map(|(_, n)| n.name.as_str())
        .collect();
    // The walls alone: what else is wrong with the network stays so.
    let walls = c.faults.iter().filter(|fault| fault.icon == "i-wall").map(|fault| fault.undo.as_str());
    let ends = walls.collect::<Vec<_>>().join("\n");
    let heal = Callback::from({
        let act = act.clone();
        move |()| act.emit(Act::Line(ends.clone()))
    });
    let key = super::super::pressed(heal.reform(|_| ()));
    let heal = heal.reform(|_: MouseEvent| ());
    let mid = x + WALL_WIDTH / 2.0;
    html! {
        <>
        <rect class="bay" x={(x + WALL_WIDTH).to_string()} y="46" width={(800.0 - x - WALL_WIDTH).to_string()} height="496" />
        <g class="wall" tabindex="0" role="button" onclick={heal} onkeydown={key} id="wall"
            aria-label={format!("Heal wall: {} cut off from the rest", behind.join(", "))}>
            <rect class="wall__fill" x={x.to_string()} y="46" width={WALL_WIDTH.to_string()} height="496" />
            <path class="wall__edge" d={format!("M{x} 46V542M{} 46V542", x + WALL_WIDTH)} />
            <g class="wall__tag" transform={format!("translate({mid} 500)")}>
                <rect x="-39" y="-13" width="78" height="26" rx="3" />
                <text class="t t--strong" x="0" y="4" text-anchor="middle">{ "Heal wall" }</text></g>
        </g>
        <text class="t t--side lbl" x={(x - 12.0).to_string()} y="66" text-anchor="end">
            { format!("{} · {}", here.0, here.1) }</text>
        <text class="t t--side lbl" x={(x + 22.0).to_string()} y="66">{ there.0 }</text>
        <text class="t t--dim lbl" x={(x + 22.0).to_string()} y="82">{ there.1 }</text>
        </>
    }
}
