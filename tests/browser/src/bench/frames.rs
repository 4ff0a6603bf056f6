//! Whether the page draws smoothly: six nodes under 5,000 operations a second, and everything open that can be open at once.
//!
//! When frames were drawn is read from Chromium's own trace. On a shared machine single frames come late whatever the page does, so
//! what fails it is the median, and more late frames than one in a hundred.

use std::time::Duration;
use vitrine_browser_tests::browser::{Bench, Options};

/// The usual distance of two frames, in milliseconds, with what a clock of 60 a second rounds to.
const MEDIAN_MS_MAX: f64 = 16.7;
/// A frame later than this is seen to be late, in milliseconds.
const LATE_MS: f64 = 50.0;
/// How long is measured, after as long to get going.
const MEASURED: Duration = Duration::from_secs(10);

/// Measures; gives whether it is smooth enough.
pub async fn measure() -> bool {
    let bench = Bench::new().await;
    let browser = bench.open_with(Options { traced: true, size: (1920, 1080), ..Options::default() }).await;
    let page = &browser.page;
    page.ready().await;
    page.line("workload app clients 20 rate 5000").await;
    for open in ["#ledger-safe", "#tray-3", "[data-node=\"0\"]", "#pane-tab-2"] {
        page.press(open).await;
    }
    page.js("vitrine.run()").await;
    tokio::time::sleep(MEASURED).await;
    page.trace().await;
    let done = "vitrine.time().then(t => [t.nowUs, performance.now()])";
    let begin = page.js(done).await;
    tokio::time::sleep(MEASURED).await;
    let end = page.js(done).await;
    let drawn = page.trace().await;
    let mut at: Vec<f64> = (drawn.iter())
        .filter(|event| event["name"] == "DrawFrame")
        .filter_map(|event| Some(event["ts"].as_f64()? / 1000.0))
        .collect();
    at.sort_by(f64::total_cmp);
    let mut apart: Vec<f64> = at.windows(2).map(|two| two[1] - two[0]).collect();
    apart.sort_by(f64::total_cmp);
    let number = |of: &serde_json::Value, i: usize| of[i].as_f64().unwrap_or(0.0);
    let speed = (number(&end, 0) - number(&begin, 0)) / 1000.0 / (number(&end, 1) - number(&begin, 1));
    let Some(&most) = apart.last() else {
        println!("the trace has no frames");
        return false;
    };
    let share = |of: f64| apart[((apart.len() - 1) as f64 * of) as usize];
    let late = apart.iter().filter(|&&ms| ms > LATE_MS).count();
    println!(
        "\nbetween two frames, in ms, six nodes under 5,000 operations a second at {speed:.2}x, all panels open"
    );
    println!(
        "  {} frames: median {:.1}, 99 of 100 {:.1}, most {most:.1}; {late} over {LATE_MS}",
        apart.len(),
        share(0.5),
        share(0.99)
    );
    browser.close().await;
    share(0.5) <= MEDIAN_MS_MAX && late * 100 <= apart.len()
}
