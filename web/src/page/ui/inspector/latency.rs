//! How long clients waited for a node's answers, drawn: a bar for each stretch of a logarithmic scale, those beyond the 99th percentile
//! hatched.

use super::sheet::at;
use std::fmt::Write as _;
use vitrine_web::look::Sheet;
use vitrine_web::words;
use yew::prelude::*;

const WIDTH: u64 = 352;
/// The line that the bars stand on.
const GROUND: u64 = 77;
/// Above the tallest bar is room for two lines of text.
const TALLEST: u64 = 50;

/// The chart of [`vitrine_web::look::ANSWERS`].
pub fn chart(sheet: &Sheet) -> Html {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let bars: Vec<(u64, u64)> = sheet.rows.iter().map(|r| (number(at(r, 0)), number(at(r, 1)))).collect();
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return html! {
            <><div class="h3">{ sheet.title.clone() }</div><p class="empty">{ "No client had an answer. A workload asks for them." }</p></>
        };
    };
    let (half, most) = sheet.note.split_once(' ').map_or((0, 0), |(a, b)| (number(a), number(b)));
    let each = WIDTH / bars.len() as u64;
    let tallest = bars.iter().map(|b| b.1).max().unwrap_or(0).max(1);
    let total = bars.iter().map(|b| b.1).sum::<u64>();
    // The end of the bar in which a wait is.
    let place = |us: u64| (bars.iter().take_while(|b| b.0 < us).count() + 1).min(bars.len()) as u64 * each;
    let (p50, p99) = (place(half), place(most));
    let (mut usual, mut late) = (String::new(), String::new());
    for ((_, count), x) in bars.iter().zip((0..).step_by(each as usize)).filter(|((_, count), _)| *count > 0)
    {
        let (h, w) = ((count * TALLEST / tallest).max(1), each - 2);
        let _ = write!(if x >= p99 { &mut late } else { &mut usual }, "M{} {GROUND}v-{h}h{w}v{h}z", x + 1);
    }
    let told = |x: u64, y: &'static str, anchor: &'static str, text: String| {
        html! { <text class="t" x={x.to_string()} {y} text-anchor={anchor}>{ text }</text> }
    };
    let beside = |x: u64, y: &'static str, text: String| {
        if x < WIDTH / 3 { told(x + 4, y, "start", text) } else { told(x - 4, y, "end", text) }
    };
    let (half, most) = (words::latency(half), words::latency(most));
    let says = format!("{total} answers, half of them within {half}, 99 % within {most}");
    let lines = format!("M0 {GROUND}H{WIDTH}M{p50} 2V82M{p99} 2V82");
    html! {
        <>
        <div class="h3">{ sheet.title.clone() }<span>{ "log scale" }</span></div>
        <svg class="bl" viewBox="0 0 352 96" role="img" aria-label={says}>
            <path class="hi-b" d={usual} /><path class="hi-r" d={late} /><path class="bl-t" d={lines} />
            { beside(p50, "9", format!("p50 {half}")) }
            { beside(p99, "22", format!("p99 {most}")) }
            { told(0, "92", "start", words::latency(first.0)) }
            { told(WIDTH, "92", "end", words::latency(last.0)) }
        </svg>
        </>
    }
}
