//! The worker: the engine's home in the browser.

fn main() {}
