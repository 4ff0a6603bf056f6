//! The root package has no code of its own. It is here so that the suites in `tests/*.rs` run both natively
//! (`cargo test`) and in a browser (`wasm-pack test` needs a package in the folder that it tests).
