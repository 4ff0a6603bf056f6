//! Whether lines can be done, before they are.

use vitrine_core::sim::scenario::{self, Command};
use vitrine_core::sim::timeline::Timeline;

/// Reads lines, and asks the world whether the first can be done now; what the others meet is made by those before them.
pub fn check(time: &Timeline, text: &str) -> Result<(), String> {
    for (n, line) in text.lines().enumerate() {
        let command = scenario::parse_line(line).map_err(|error| error.to_string())?;
        if let (0, Command::Act(action)) = (n, &command) {
            time.world().can(action)?;
        }
    }
    Ok(())
}
