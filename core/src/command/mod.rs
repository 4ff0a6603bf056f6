//! Commands: what there is to know about each, and the code that runs it.

pub mod table;

pub mod introspect;
