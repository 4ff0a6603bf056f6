//! What the end-to-end tests have in common: a static server for the built page, a chromedriver, a Chromium with a profile
//! of its own that can be killed and opened again, and the page's scripting surface as Rust functions.
//!
//! `cargo xtask test browser` builds the page and says where it and the browser are; by hand, `VITRINE_DIST` names the
//! folder with the page, `CHROME` and `CHROMEDRIVER` the programs.

pub mod browser;
pub mod page;
pub mod serve;
