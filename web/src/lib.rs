//! The browser host of Vitrine, as far as the page and the worker share it.
//!
//! One program is built from this package and runs twice. The *page* (`src/page`) draws and takes input; the *worker* (`src/worker`)
//! owns the simulated world and the disk in IndexedDB. They meet in [`protocol`] alone. What is drawn is described by
//! [`model`], in plain data that the worker fills from the engine's own view: the page derives nothing that the engine
//! could contradict. Everything here that has no browser in it builds natively too, so that its tests run under `cargo test`.

pub mod acks;
pub mod beliefs;
pub mod clients;
pub mod complete;
pub mod cut;
pub mod engine;
pub mod faults;
pub mod gather;
pub mod geometry;
pub mod head;
pub mod heat;
pub mod idb;
pub mod lanes;
pub mod loads;
pub mod look;
pub mod marks;
pub mod model;
pub mod protocol;
pub mod scripts;
pub mod seeds;
pub mod slotmap;
pub mod terms;
pub mod trip;
pub mod wall;
pub mod wire;
pub mod words;
pub mod zoom;
