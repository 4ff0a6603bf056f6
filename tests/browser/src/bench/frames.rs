//! Whether the page draws smoothly: six nodes under 5,000 operations a second, and everything open that can be open at once.
//!
//! The browser says when it draws by calling back before each frame. (Its trace would say more, but a driver hands out parts of it.) On a
//! shared machine single frames come late whatever the page does, so what fails it is the median, and more late frames than one in
//! a hundred.

use serde_json::Value;
use std::time::Duration;
use vitrine_browser_tests::browser::{Bench, Options};

/// The usual distance of two frames, in milliseconds, with what a clock of 60 a second rounds to.
const MEDIAN_MS_MAX: f64 = 16.8;
/// A frame later than this is seen to be late, in milliseconds.
const LATE_MS: f64 = 50.0;
/// How long the load runs before it is measured.
const BEFORE: Duration = Duration::from_secs(5);
/// Gives the times between 600 frames, in milliseconds, and how fast virtual time went meanwhile.
const FRAMES: &str = "(async () => { \
    const at = async () => [(await vitrine.time()).nowUs / 1000, performance.now()]; \
    const [began, frames] = [await at(), []]; let last = performance.now(); \
    await new Promise(done => { const frame = now => { frames.push(now - last); last = now; \
        frames.length < 600 ? requestAnimationFrame(frame) : done(); }; requestAnimationFrame(frame); }); \
    const ended = await at(); \
    return [frames.slice(1), (ended[0] - began[0]) / (ended[1] - began[1])]; })()";

/// Measures; gives whether it is smooth enough.
pub async fn measure() -> bool {
    let bench = Bench::new().await;
    let browser = bench.open_with(Options { size: (1920, 1080), ..Options::default() }).await;
    let page = &browser.page;
    page.ready().await;
    page.line("workload app clients 20 rate 5000").await;
    for open in ["#ledger-safe", "#tray-3", "[data-node=\"0\"]", "#pane-tab-2"] {
        page.press(open).await;
    }
    page.js("vitrine.run()").await;
    tokio::time::sleep(BEFORE).await;
    let seen = page.js(FRAMES).await;
    let mut apart: Vec<f64> = seen[0].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    apart.sort_by(f64::total_cmp);
    let share = |of: f64| apart[((apart.len() - 1) as f64 * of) as usize];
    let late = apart.iter().filter(|&&ms| ms > LATE_MS).count();
    let speed = seen[1].as_f64().unwrap_or(0.0);
    println!("\nbetween two frames, in ms, under 5,000 operations a second at {speed:.2}x, all panels open");
    println!(
        "  {} frames: median {:.1}, 99 of 100 {:.1}, most {:.1}; {late} over {LATE_MS}",
        apart.len(),
        share(0.5),
        share(0.99),
        share(1.0)
    );
    browser.close().await;
    share(0.5) <= MEDIAN_MS_MAX && late * 100 <= apart.len()
}
